//! The error codes of OAuth and OpenID Connect.

/// The codes that we use, of RFC 6749 §4.1.2.1 and §5.2, RFC 8693 §2.2.2 and OpenID Connect Core §3.1.2.6.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ErrorCode {
    /// The person, an upstream or a namespace rule said no.
    AccessDenied,
    /// Client authentication failed.
    InvalidClient,
    /// The code is not good for this client, or not any more.
    InvalidGrant,
    /// A parameter is missing, repeated or ill-formed.
    InvalidRequest,
    /// The scope does not contain `openid`.
    InvalidScope,
    /// No token is issued for that audience (RFC 8693 §2.2.2).
    InvalidTarget,
    /// The person would have to confirm, and `prompt=none` forbids it.
    InteractionRequired,
    /// The person would have to log in, and `prompt=none` forbids it.
    LoginRequired,
    /// `registration` (OpenID Connect Core §7.2.1).
    RegistrationNotSupported,
    /// `request` (OpenID Connect Core §6.1).
    RequestNotSupported,
    /// `request_uri` (OpenID Connect Core §6.2).
    RequestUriNotSupported,
    /// What is needed to decide about the request is not available now.
    TemporarilyUnavailable,
    /// A grant that we do not know.
    UnsupportedGrantType,
    /// A response type other than `code`.
    UnsupportedResponseType,
}

impl ErrorCode {
    /// The code on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InteractionRequired => "interaction_required",
            Self::LoginRequired => "login_required",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
        }
    }
}
