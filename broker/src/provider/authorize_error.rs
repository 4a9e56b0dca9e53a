//! Why an authorization request is refused: on an error page, or to the client (RFC 6749 §4.1.2.1).

use super::error_code::ErrorCode;
use super::fault::ProviderFault;
use super::parameters::ParameterError;
use super::pkce::PkceError;
use super::redirect::RedirectAnswer;

/// Errors before the redirect URI is known to be the client's: shown on a page, never sent anywhere
/// (RFC 6749 §4.1.2.1).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PageRefusal {
    /// No `client_id`.
    #[error("the request names no client (client_id)")]
    ClientMissing,
    /// No such client.
    #[error("unknown client '{0}'")]
    ClientUnknown(String),
    /// The parameters cannot be parsed, or one that decides where to answer is repeated.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// No `redirect_uri`.
    #[error("the request names no redirect_uri")]
    RedirectMissing,
    /// Not one of the client's.
    #[error("unregistered redirect URI '{redirect_uri}' for the client '{client}'")]
    RedirectUnregistered {
        /// The `client_id` of the request.
        client: String,
        /// The `redirect_uri` of the request.
        redirect_uri: String,
    },
    /// `state` is not of printable ASCII (RFC 6749 Appendix A.5) or too long, so it cannot be sent back.
    #[error("state must be at most {cap} printable ASCII characters")]
    State {
        /// The longest accepted, in bytes.
        cap: usize,
    },
}

/// Errors after that: sent to the client.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RedirectRefusal {
    /// `connector_id` names no configured connector.
    #[error("no connector has the id '{0}' (connector_id)")]
    ConnectorUnknown(String),
    /// The person may not be named in a token.
    #[error("the rules of this instance do not permit this identity: {0}")]
    Denied(String),
    /// A public client on a user's machine cannot authenticate, so a person has to confirm (RFC 8252 §8.6).
    #[error("a public client needs the user's confirmation, which prompt=none forbids (RFC 8252 8.6)")]
    InteractionRequired,
    /// `max_age` is not a whole number of seconds.
    #[error("max_age must be a whole number of seconds")]
    MaxAge,
    /// No one is logged in, or not recently enough, or another person is.
    #[error("no suitable session exists, and prompt=none forbids a login page (OpenID Connect Core 3.1.2.6)")]
    LoginRequired,
    /// A value too long to carry.
    #[error("the parameter {name} is longer than {cap} bytes")]
    Long {
        /// The parameter's name.
        name: &'static str,
        /// The longest accepted, in bytes.
        cap: usize,
    },
    /// The parameters cannot be parsed.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// PKCE.
    #[error(transparent)]
    Pkce(#[from] PkceError),
    /// `prompt=none` with something else, or an unknown prompt.
    #[error("prompt must be none, or some of login, consent and select_account (OpenID Connect Core 3.1.2.1)")]
    Prompt,
    /// `registration`.
    #[error("the parameter registration is not supported")]
    Registration,
    /// `request`.
    #[error("the parameter request is not supported")]
    Request,
    /// `request_uri`.
    #[error("the parameter request_uri is not supported")]
    RequestUri,
    /// `response_mode` other than `query`.
    #[error("response_mode must be query")]
    ResponseMode,
    /// No `response_type`.
    #[error("response_type is missing")]
    ResponseTypeMissing,
    /// A `response_type` other than `code`.
    #[error("response_type must be code")]
    ResponseTypeUnsupported,
    /// The scope lacks `openid`.
    #[error("scope must contain openid (OpenID Connect Core 3.1.2.1)")]
    Scope,
    /// Together more than a cookie can hold.
    #[error("state, nonce and redirect_uri together are too long")]
    TooLarge,
    /// The upstream provider refused the login, or the person gave up.
    #[error("the login was refused or given up at the upstream provider")]
    Upstream,
}

impl RedirectRefusal {
    /// The error code of RFC 6749 or OpenID Connect Core.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Denied(_) | Self::Upstream => ErrorCode::AccessDenied,
            Self::InteractionRequired => ErrorCode::InteractionRequired,
            Self::LoginRequired => ErrorCode::LoginRequired,
            Self::Registration => ErrorCode::RegistrationNotSupported,
            Self::Request => ErrorCode::RequestNotSupported,
            Self::RequestUri => ErrorCode::RequestUriNotSupported,
            Self::ResponseTypeUnsupported => ErrorCode::UnsupportedResponseType,
            Self::Scope => ErrorCode::InvalidScope,
            Self::ConnectorUnknown(_)
            | Self::MaxAge
            | Self::Long { .. }
            | Self::Parameters(_)
            | Self::Pkce(_)
            | Self::Prompt
            | Self::ResponseMode
            | Self::ResponseTypeMissing
            | Self::TooLarge => ErrorCode::InvalidRequest,
        }
    }
}

/// Why an authorization request gets no login.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// Our own trouble.
    #[error(transparent)]
    Fault(#[from] ProviderFault),
    /// The error is shown on a page.
    #[error(transparent)]
    Page(#[from] PageRefusal),
    /// To be sent to the client.
    #[error("{refusal}")]
    Returned {
        /// The error that is sent to the redirect URI.
        refusal: RedirectRefusal,
        /// The answer that tells the client.
        answer: RedirectAnswer,
    },
}
