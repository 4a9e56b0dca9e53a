//! The OpenID provider: a person logs in once, a client gets a code, the code becomes a short token. A workload gets
//! one for its SVID (`exchange`).
//!
//! Its issuer is `<origin>/oidc`. Everything here is synchronous and knows no socket: the edge hands in parameters,
//! cookies' contents, `now` and randomness, and carries the answers. What a browser must bring back is sealed into a
//! cookie (`flow`), so that a request which nobody has authenticated writes nothing (see `authorize`). Signing is in
//! two steps: `Provider::redeem` and `Provider::exchange` prepare a token with its audit leaf, and only a receipt for
//! that leaf lets it be signed.
//!
//! It does not refresh, introspect, revoke, or register clients, and its discovery document announces nothing that is
//! absent.

mod access_token;
mod authorize;
mod authorize_error;
mod authorize_request;
mod claims;
mod client;
mod client_authentication;
mod code;
mod discovery;
mod error_code;
mod exchange;
mod fault;
mod flow;
mod grant_type;
mod jws;
mod lifetimes;
mod login;
mod openid_provider;
mod parameters;
mod permitted_identity;
mod pkce;
mod prepared_token;
mod redirect;
mod scopes;
mod session;
mod svid_fault;
mod token;
mod token_error;
mod token_key;
mod userinfo;

pub use authorize::{Authorized, Confirmation};
pub use authorize_error::{AuthorizeError, PageRefusal, RedirectRefusal};
pub use authorize_request::{AuthorizeRequest, Prompt};
pub use claims::FederatedClaims;
pub use client::{COMMAND_LINE_CLIENT, Client, ClientError, ClientSecretHash, Clients, SIGSTORE_CLIENT};
pub use client_authentication::ClientAuthentication;
pub use code::{GrantId, Replay};
pub use discovery::WorkloadMethods;
pub use error_code::ErrorCode;
pub use exchange::{Channel, Exchange, ExchangeRequest, UncountedToken};
pub use fault::ProviderFault;
pub use flow::{FlowError, OpenFlow, SealedFlow, UpstreamState, flow_of_state, is_flow_id};
pub use lifetimes::{CODE_LIFETIME, FLOW_LIFETIME, Lifetimes};
pub use login::{ContinueError, Continued, LoggedIn};
pub use openid_provider::{Provider, ProviderParts, ProviderSealing};
pub use parameters::{MAX_FORM, MAX_QUERY, ParameterError, Parameters};
pub use permitted_identity::{IdentityDenied, PermittedIdentity, permit};
pub use pkce::PkceError;
pub use prepared_token::{PreparedToken, TokenFault, TokenResponse};
pub use redirect::{RedirectAnswer, RedirectError, ReturnTo};
pub use scopes::Scopes;
pub use session::SessionSecret;
pub use svid_fault::{SvidFault, SvidRole};
pub use token::{CodeRequest, TokenRequest};
pub use token_error::TokenError;
pub use token_key::{TokenKey, TokenKeyError};
pub use userinfo::{UserInfo, UserInfoError};

#[cfg(test)]
mod tests;
