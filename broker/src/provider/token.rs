//! The token request, and how a code becomes a token (RFC 6749 §4.1.3), in two steps with the audit log
//! between them. Tokens for SVIDs are in `exchange`.

use std::time::Duration;

use shared::audit::AuditRecord;
use shared::digest::sha256_hex;
use shared::random::Random;
use shared::secret::Secret;
use shared::time::UnixTime;

use super::access_token::SealedAccess;
use super::claims::{IdTokenClaims, PersonClaims};
use super::client::Client;
use super::client_authentication::ClientAuthentication;
use super::code::{self, GrantId, Spending};
use super::exchange::{Channel, ExchangeRequest};
use super::grant_type::{AUTHORIZATION_CODE, CLIENT_CREDENTIALS, TOKEN_EXCHANGE};
use super::openid_provider::Provider;
use super::parameters::Parameters;
use super::pkce;
use super::prepared_token::PreparedToken;
use super::token_error::TokenError;

/// How long a used code is remembered after what it made has expired, so that clocks may differ.
const MEMORY: Duration = Duration::from_secs(60);

/// A well-formed token request, by what it is granted for.
pub enum TokenRequest {
    /// For a code.
    Code(CodeRequest),
    /// For an SVID.
    Exchange(Box<ExchangeRequest>),
}

impl TokenRequest {
    /// Reads the body, the `Authorization` header if there is one, and the certificate of the connection.
    pub fn parse(header: Option<&str>, body: &Parameters, channel: Channel) -> Result<Self, TokenError> {
        body.check_unique()?;
        let exchange = match body.value("grant_type") {
            Some(AUTHORIZATION_CODE) => return CodeRequest::parse(header, body).map(Self::Code),
            Some(CLIENT_CREDENTIALS) => ExchangeRequest::parse_client_credentials(header, body, channel),
            Some(TOKEN_EXCHANGE) => ExchangeRequest::parse_exchange(header, body, channel),
            None => Err(TokenError::GrantTypeMissing),
            Some(_) => Err(TokenError::GrantTypeUnsupported),
        };
        Ok(Self::Exchange(Box::new(exchange?)))
    }
}

/// A request to redeem a code.
pub struct CodeRequest {
    authentication: ClientAuthentication,
    code: Secret<String>,
    redirect_uri: Option<String>,
    verifier: Option<Secret<String>>,
}

impl CodeRequest {
    fn parse(header: Option<&str>, body: &Parameters) -> Result<Self, TokenError> {
        Ok(Self {
            authentication: ClientAuthentication::read(header, body)?,
            code: Secret::new(body.value("code").ok_or(TokenError::CodeMissing)?.to_owned()),
            redirect_uri: body.value("redirect_uri").map(str::to_owned),
            verifier: body.value("code_verifier").map(|verifier| Secret::new(verifier.to_owned())),
        })
    }
}

impl Provider {
    /// Uses a code up and prepares its tokens. Everything about the client is settled before the code is
    /// touched, so a failed authentication does not burn it; a wrong redirect URI or verifier does.
    pub fn redeem(
        &self,
        request: &CodeRequest,
        now: UnixTime,
        random: &dyn Random,
    ) -> Result<PreparedToken, TokenError> {
        let client = self.authenticate_client(&request.authentication)?;
        let remember_until = now.plus(self.lifetimes.token).plus(MEMORY);
        let spending = code::spend(&*self.store, request.code.expose(), client.id(), now, remember_until)?;
        let (id, grant) = match spending {
            Spending::Granted(id, grant) => (id, grant),
            Spending::OfAnother => return Err(TokenError::CodeOfAnother),
            Spending::Replayed(replay) => return Err(TokenError::CodeReplayed(Box::new(replay))),
            Spending::Unknown => return Err(TokenError::CodeUnknown),
        };
        if request.redirect_uri.as_deref() != Some(grant.redirect_uri.as_str()) {
            return Err(TokenError::Redirect);
        }
        pkce::check(grant.challenge.as_ref(), request.verifier.as_ref().map(|verifier| verifier.expose().as_str()))?;
        Ok(self.prepare(client, id, &grant, now, random))
    }

    fn prepare(
        &self,
        client: &Client,
        id: GrantId,
        grant: &code::CodeGrant,
        now: UnixTime,
        random: &dyn Random,
    ) -> PreparedToken {
        let mut claims = IdTokenClaims::new(&self.issuer, client, id, grant, self.lifetimes, now);
        let access_token = (!client.access_token_is_id_token).then(|| {
            let access = SealedAccess {
                grant: id.to_string(),
                client: grant.client.clone(),
                subject: claims.sub.clone(),
                exp: claims.exp,
                person: PersonClaims::of(grant),
            };
            access.seal(&self.access_key, random)
        });
        claims.at_hash = access_token.as_deref().map(|token| self.token_key.half_hash(token));
        let encoded = serde_json::to_vec(&claims).expect("strings and numbers always encode");
        let record = AuditRecord::TokenIssued {
            at_ms: now.millis(),
            client: claims.aud,
            subject: claims.sub,
            connector: claims.federated_claims.connector_id,
            claims_sha256: sha256_hex(&encoded),
            credential: None,
            credential_sha256: String::new(),
            rule: String::new(),
        };
        PreparedToken {
            signing_input: self.token_key.signing_input(&encoded),
            leaf: record.to_leaf(),
            access_token,
            expires_in: self.lifetimes.token.as_secs(),
            scope: grant.scopes.granted(),
            token_type: "Bearer",
            issued_token_type: None,
        }
    }
}
