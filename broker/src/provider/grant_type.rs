//! Identifiers of the token endpoint: grant types, and the types of presented and requested tokens.

/// RFC 6749 §4.1.3.
pub(super) const AUTHORIZATION_CODE: &str = "authorization_code";
/// RFC 6749 §4.4.2.
pub(super) const CLIENT_CREDENTIALS: &str = "client_credentials";
/// The grant of RFC 8693.
pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// A JWT-SVID as an assertion.
pub(super) const JWT_SPIFFE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";
/// RFC 8693 §3: what a JWT-SVID is, what we make of it, and the name of its own that some give it.
pub(super) const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
pub(super) const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
pub(super) const JWT_SPIFFE_TOKEN: &str = "urn:ietf:params:oauth:token-type:jwt-spiffe";
