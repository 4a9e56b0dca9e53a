//! Client authentication (RFC 6749 §2.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shared::secret::Secret;

use super::client::Client;
use super::openid_provider::Provider;
use super::parameters::{Parameters, decode};
use super::token_error::TokenError;

/// The client that the header or the body names, with its secret.
pub struct ClientAuthentication {
    id: String,
    secret: Option<Secret<String>>,
}

impl ClientAuthentication {
    /// Reads the `Authorization` header and the body (RFC 6749 §2.3.1). One way only; the same `client_id` in the body
    /// beside a header is no second way, and some clients send it.
    pub fn read(header: Option<&str>, body: &Parameters) -> Result<Self, TokenError> {
        let id = body.value("client_id");
        let secret = body.value("client_secret");
        let Some(header) = header else {
            let id = id.ok_or(TokenError::ClientMissing)?.to_owned();
            return Ok(Self { id, secret: secret.map(|secret| Secret::new(secret.to_owned())) });
        };
        let basic = Self::read_basic(header)?;
        if secret.is_some() || id.is_some_and(|id| id != basic.id) {
            return Err(TokenError::ClientAmbiguous);
        }
        Ok(basic)
    }

    fn read_basic(header: &str) -> Result<Self, TokenError> {
        let (scheme, credentials) = header.split_once(' ').ok_or(TokenError::ClientSyntax)?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(TokenError::ClientSyntax);
        }
        let bytes = STANDARD.decode(credentials.trim()).map_err(|_| TokenError::ClientSyntax)?;
        let text = Secret::new(String::from_utf8(bytes).map_err(|_| TokenError::ClientSyntax)?);
        let (id, secret) = text.expose().split_once(':').ok_or(TokenError::ClientSyntax)?;
        let decoded = |half: &str| decode(half.as_bytes()).map_err(|_| TokenError::ClientSyntax);
        Ok(Self { id: decoded(id)?, secret: Some(Secret::new(decoded(secret)?)) })
    }
}

impl Provider {
    pub(super) fn authenticate_client(&self, authentication: &ClientAuthentication) -> Result<&Client, TokenError> {
        let client = self.clients.find(&authentication.id).ok_or(TokenError::ClientRefused)?;
        let secret = authentication.secret.as_ref().map(|secret| secret.expose().as_str());
        if client.accepts_secret(secret) { Ok(client) } else { Err(TokenError::ClientRefused) }
    }
}
