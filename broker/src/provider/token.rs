//! The token request: what is asked, and how a code becomes a token (RFC 6749 §4.1.3), in two steps with the audit log between them.
//! What comes of an SVID is in `exchange`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use shared::audit::AuditRecord;
use shared::keys::SignError;
use shared::log::{LeafHash, Receipt};
use shared::random::Random;
use shared::secret::Secret;
use shared::time::UnixTime;

use super::claims::{IdTokenClaims, PersonClaims};
use super::client::Client;
use super::code::{self, GrantId, Spending};
use super::error::TokenError;
use super::exchange::{Channel, ExchangeRequest, TOKEN_EXCHANGE};
use super::parameters::Parameters;
use super::{Provider, pkce};

/// How long a used code is remembered after what it made has expired, so that clocks may differ.
const MEMORY: std::time::Duration = std::time::Duration::from_secs(60);

/// Who says that they are which client, by header or by body.
pub struct ClientAuthentication {
    id: String,
    secret: Option<Secret<String>>,
}

impl ClientAuthentication {
    /// Reads the `Authorization` header and the body (RFC 6749 §2.3.1). One way only; the same `client_id` in the body beside
    /// a header is no second way, and some clients send it.
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
        let decoded = |half: &str| super::parameters::decode(half.as_bytes()).map_err(|_| TokenError::ClientSyntax);
        Ok(Self { id: decoded(id)?, secret: Some(Secret::new(decoded(secret)?)) })
    }
}

/// A well-formed token request, by what it is granted for.
pub enum TokenRequest {
    /// For a code.
    Code(CodeRequest),
    /// For an SVID.
    Exchange(Box<ExchangeRequest>),
}

impl TokenRequest {
    /// Reads the body, the `Authorization` header if there is one, and what the connection shows.
    pub fn parse(header: Option<&str>, body: &Parameters, channel: Channel) -> Result<Self, TokenError> {
        body.check_unique()?;
        let exchange = match body.value("grant_type") {
            Some("authorization_code") => return CodeRequest::parse(header, body).map(Self::Code),
            Some("client_credentials") => ExchangeRequest::parse_client_credentials(header, body, channel),
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

/// A second use of a code. Somebody holds a code that is not theirs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Replay {
    /// What the code made, revoked now.
    pub grant: String,
    /// The client that used it.
    pub client: String,
    /// Whom it stood for.
    pub subject: String,
    /// Whether this is the first replay of it.
    pub is_first: bool,
}

/// The sealed access token of clients whose access token is not the ID token. Only we can read it, and it opens nothing but
/// `userinfo`: it can never be taken for an ID token (RFC 9068 §5 has the same aim with `typ`).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct SealedAccess {
    pub(super) grant: String,
    pub(super) client: String,
    pub(super) subject: String,
    pub(super) exp: u64,
    pub(super) person: PersonClaims,
}

pub(super) const ACCESS_CONTEXT: &[u8] = b"access token";

/// A code or an SVID was good: the token that is about to be signed, with the leaf that must be durable first.
pub struct PreparedToken {
    pub(super) signing_input: String,
    pub(super) leaf: Vec<u8>,
    pub(super) access_token: Option<String>,
    pub(super) expires_in: u64,
    pub(super) scope: String,
    pub(super) token_type: &'static str,
    pub(super) issued_token_type: Option<&'static str>,
}

/// The answer to a token request (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3, RFC 8693 §2.2.1).
#[derive(Clone, Deserialize, Serialize)]
pub struct TokenResponse {
    /// For `userinfo`; for `sigstore` the ID token itself.
    pub access_token: String,
    /// What the access token is, where it was given for an SVID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<String>,
    /// `Bearer`; `N_A` for a token that was exchanged.
    pub token_type: String,
    /// Seconds.
    pub expires_in: u64,
    /// The ID token.
    pub id_token: String,
    /// What was granted.
    pub scope: String,
}

/// Why a prepared token was not signed. Our fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenFault {
    /// The receipt is for another leaf.
    #[error("the receipt stands for another leaf")]
    Receipt,
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl PreparedToken {
    /// The audit leaf.
    pub fn leaf(&self) -> &[u8] {
        &self.leaf
    }
}

impl Provider {
    /// Uses a code up and prepares what it stands for. Everything about the client is settled before the code is touched, so
    /// a failed authentication does not burn it; a wrong redirect URI or verifier does.
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
            Spending::Replayed { grant, client, subject, is_first } => {
                let replay = Replay { grant: grant.to_string(), client, subject, is_first };
                return Err(TokenError::CodeReplayed(Box::new(replay)));
            }
            Spending::Unknown => return Err(TokenError::CodeUnknown),
        };
        if request.redirect_uri.as_deref() != Some(grant.redirect_uri.as_str()) {
            return Err(TokenError::Redirect);
        }
        pkce::check(grant.challenge.as_ref(), request.verifier.as_ref().map(|verifier| verifier.expose().as_str()))?;
        Ok(self.prepare(client, id, &grant, now, random))
    }

    pub(super) fn authenticate_client(&self, authentication: &ClientAuthentication) -> Result<&Client, TokenError> {
        let client = self.clients.find(&authentication.id).ok_or(TokenError::ClientRefused)?;
        let secret = authentication.secret.as_ref().map(|secret| secret.expose().as_str());
        if client.accepts_secret(secret) { Ok(client) } else { Err(TokenError::ClientRefused) }
    }

    fn prepare(
        &self,
        client: &Client,
        id: GrantId,
        grant: &code::Grant,
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
            let plain = serde_json::to_vec(&access).expect("strings and numbers always encode");
            URL_SAFE_NO_PAD.encode(self.access_key.seal(ACCESS_CONTEXT, &plain, random))
        });
        claims.at_hash = access_token.as_deref().map(|token| self.token_key.half_hash(token));
        let encoded = serde_json::to_vec(&claims).expect("strings and numbers always encode");
        let record = AuditRecord::TokenIssued {
            at_ms: now.millis(),
            client: claims.aud,
            subject: claims.sub,
            connector: claims.federated_claims.connector_id,
            claims_sha256: sha256_hex(&encoded),
            credential: String::new(),
            svid_sha256: String::new(),
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

    /// Signs what the log has taken.
    pub fn sign(&self, prepared: PreparedToken, receipt: &Receipt) -> Result<TokenResponse, TokenFault> {
        if receipt.leaf_hash() != LeafHash::of(&prepared.leaf) {
            return Err(TokenFault::Receipt);
        }
        let id_token = self.token_key.sign(&prepared.signing_input)?;
        Ok(TokenResponse {
            access_token: prepared.access_token.unwrap_or_else(|| id_token.clone()),
            issued_token_type: prepared.issued_token_type.map(str::to_owned),
            token_type: prepared.token_type.to_owned(),
            expires_in: prepared.expires_in,
            id_token,
            scope: prepared.scope,
        })
    }
}

pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}
