//! The OpenID provider: a person logs in once, a client gets a code, the code becomes a short token. A workload gets one for its SVID
//! (`exchange`).
//!
//! Its issuer is `<origin>/oidc`. Everything here is synchronous and knows no socket: the edge hands in parameters, cookies'
//! contents, `now` and randomness, and carries the answers. What a browser must bring back is sealed into a cookie
//! (`flow`), so that a request which nobody has authenticated writes nothing (see `authorize`). Signing is in two steps:
//! `Provider::redeem` and `Provider::exchange` prepare a token with its audit leaf, and only a receipt for that leaf lets it be signed.
//!
//! It does not refresh, introspect, revoke, or register clients, and its discovery document names nothing that is absent.

mod authorize;
mod claims;
mod client;
mod code;
mod discovery;
mod error;
mod exchange;
mod flow;
mod jws;
mod login;
mod parameters;
mod pkce;
mod redirect;
mod session;
mod svid_fault;
mod token;
mod token_key;
mod userinfo;

use std::sync::Arc;
use std::time::Duration;

use shared::keys::{SealingKey, Signer};
use shared::store::{Store, StoreError};

pub use authorize::{AuthorizeRequest, Authorized, Confirmation, Prompt, Scopes};
pub use claims::FederatedClaims;
pub use client::{COMMAND_LINE_CLIENT, Client, ClientError, ClientSecretHash, Clients, SIGSTORE_CLIENT};
pub use code::GrantId;
pub use discovery::WorkloadMethods;
pub use error::{AuthorizeError, ErrorCode, PageRefusal, RedirectRefusal, TokenError};
pub use exchange::{Channel, Exchange, ExchangeRequest, UncountedToken};
pub use flow::{FlowError, OpenFlow, SealedFlow, UpstreamState, flow_of_state, is_flow_id};
pub use login::{ContinueError, Continued, IdentityDenied, LoggedIn, PermittedIdentity, permit};
pub use parameters::{MAX_FORM, MAX_QUERY, ParameterError, Parameters};
pub use pkce::PkceError;
pub use redirect::{Answer, RedirectError, ReturnTo};
pub use session::SessionSecret;
pub use svid_fault::{SvidFault, SvidRole};
pub use token::{ClientAuthentication, CodeRequest, PreparedToken, Replay, TokenFault, TokenRequest, TokenResponse};
pub use token_key::{TokenKey, TokenKeyError};
pub use userinfo::{UserInfo, UserInfoError};

/// Time that a code may wait for its client (RFC 6749 §4.1.2 allows ten minutes; the client is a program and needs a second).
pub const CODE_LIFETIME: Duration = Duration::from_secs(60);
/// Time that a person has to log in.
pub const FLOW_LIFETIME: Duration = Duration::from_secs(600);

/// How long things last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lifetimes {
    /// A token. Ten minutes by default, as long as the certificate that it buys: sigstore-python signs many files with one
    /// token, and a person may need a moment between `get-identity-token` and its use.
    pub token: Duration,
    /// A browser's session; zero asks for the password each time.
    pub session: Duration,
}

/// The provider.
pub struct Provider {
    issuer: String,
    clients: Clients,
    token_key: TokenKey,
    flow_key: SealingKey,
    access_key: SealingKey,
    store: Arc<dyn Store>,
    lifetimes: Lifetimes,
    connectors: Vec<crate::connector::ConnectorId>,
}

/// What a `Provider` is made of.
pub struct ProviderParts {
    /// `https://host[:port]`, without a slash at its end.
    pub origin: String,
    /// The relying parties.
    pub clients: Clients,
    /// The token key, RS256 by default.
    pub signer: Arc<dyn Signer>,
    /// The house's key file, from which the sealing keys are derived.
    pub sealing: ProviderSealing,
    /// Where codes, sessions and users live.
    pub store: Arc<dyn Store>,
    /// How long things last.
    pub lifetimes: Lifetimes,
    /// The connectors that people can log in with, in the order in which the page offers them.
    pub connectors: Vec<crate::connector::ConnectorId>,
}

/// The provider's sealing keys, one a purpose.
pub struct ProviderSealing {
    flow: SealingKey,
    access: SealingKey,
}

impl ProviderSealing {
    /// Derives them from the house's key file.
    pub fn derive(key_file: &shared::keys::KeyFile) -> Self {
        Self {
            flow: SealingKey::derive(key_file, "provider login flow v1"),
            access: SealingKey::derive(key_file, "provider access token v1"),
        }
    }
}

/// The provider's own trouble: never the caller's fault, and told only by request id.
#[derive(Debug, thiserror::Error)]
pub enum ProviderFault {
    /// A record that we wrote does not read.
    #[error("a stored {0} does not read back")]
    Record(&'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Provider {
    /// Puts the provider together.
    pub fn new(parts: ProviderParts) -> Result<Self, TokenKeyError> {
        Ok(Self {
            issuer: format!("{}/oidc", parts.origin),
            clients: parts.clients,
            token_key: TokenKey::new(parts.signer)?,
            flow_key: parts.sealing.flow,
            access_key: parts.sealing.access,
            store: parts.store,
            lifetimes: parts.lifetimes,
            connectors: parts.connectors,
        })
    }

    /// Our `iss`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The key that signs our tokens. Its JWKS is what `/oidc/keys` serves and what the authority verifies our tokens with.
    pub fn token_key(&self) -> &TokenKey {
        &self.token_key
    }

    /// How long things last.
    pub fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }
}

#[cfg(test)]
mod tests;
