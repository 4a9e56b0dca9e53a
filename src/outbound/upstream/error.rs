//! Why a login at an upstream failed.

use broker::provider::ParameterError;

/// Why a login at an upstream failed. The text is for the page and repeats nothing that the upstream sent; `detail` is
/// for the log.
#[derive(Debug, thiserror::Error)]
#[cfg_attr(not(feature = "upstream-login"), expect(dead_code, reason = "nobody logs in at an upstream there"))]
pub(crate) enum UpstreamError {
    /// The access token is not the ID token's (OpenID Connect Core §3.1.3.6).
    #[error("the upstream's access token does not belong to its ID token (at_hash)")]
    AccessHash,
    /// `azp` is missing beside several audiences, or another client's (OpenID Connect Core §3.1.3.7, 4 and 5).
    #[error("the upstream's ID token was made for another client (azp)")]
    AuthorizedParty,
    /// The login there is older than the client allows, or its time is missing though `max_age` requires it.
    #[error("the login at the upstream is older than the program allows (auth_time)")]
    AuthTime,
    /// The answer has no code.
    #[error("the upstream's answer carries no code")]
    CodeMissing,
    /// Its discovery document or keys cannot be fetched.
    #[error("the upstream provider cannot be reached, or its documents are not valid")]
    Discovery(String),
    /// An error answer other than a refusal.
    #[error("the upstream answered with an error instead of a code")]
    Error(String),
    /// The code was not exchanged.
    #[error("the upstream did not exchange its code for a token")]
    Exchange(String),
    /// The ID token does not verify: signature, algorithm, `iss`, `aud`, `exp`, `iat` or `nonce`.
    #[error("the upstream's ID token does not verify")]
    IdToken(String),
    /// The token answer has no ID token.
    #[error("the upstream sent no ID token")]
    IdTokenMissing,
    /// `iss` of the answer is another provider's: a mix-up (RFC 9207 §2.4).
    #[error("the answer comes from another provider than the one asked (iss)")]
    IssMismatch,
    /// It promises `iss` in its answers, and this one has none.
    #[error("the upstream's answer lacks the iss that it promises")]
    IssMissing,
    /// The ID token names a key that its JWKS did not hold when we fetched it.
    #[error("the upstream's ID token is signed with an unknown key")]
    KeyUnknown,
    /// The parameters are not valid.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// The person gave up or was refused there.
    #[error("the login was refused or cancelled at the upstream provider")]
    Refused,
    /// An authorization endpoint that is neither `https` nor on this machine.
    #[error("the upstream's authorization endpoint is not https")]
    Scheme,
    /// The claims of `userinfo` cannot be fetched or are about another person (OpenID Connect Core §5.3.2).
    #[error("the upstream's userinfo cannot be fetched, or is about another person")]
    UserInfo(String),
}

impl UpstreamError {
    /// What the upstream or the network said, for the log only.
    pub(crate) fn detail(&self) -> Option<&str> {
        match self {
            Self::Discovery(detail)
            | Self::Error(detail)
            | Self::Exchange(detail)
            | Self::IdToken(detail)
            | Self::UserInfo(detail) => Some(detail),
            Self::AccessHash
            | Self::AuthorizedParty
            | Self::AuthTime
            | Self::CodeMissing
            | Self::IdTokenMissing
            | Self::IssMismatch
            | Self::IssMissing
            | Self::KeyUnknown
            | Self::Parameters(_)
            | Self::Refused
            | Self::Scheme => None,
        }
    }
}
