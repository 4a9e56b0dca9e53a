//! Refusals in the words of OAuth, told in one of three ways: on a page, to the client, or in the token answer.

use super::ProviderFault;
use super::exchange::{ID_TOKEN, JWT, JWT_SPIFFE, JWT_SPIFFE_TOKEN, TOKEN_EXCHANGE};
use super::parameters::ParameterError;
use super::pkce::PkceError;
use super::redirect::Answer;
use super::svid_fault::{SvidFault, SvidRole};
use crate::trust_domain::Unusable;

/// The codes that we use, of RFC 6749 §4.1.2.1 and §5.2, RFC 8693 §2.2.2 and OpenID Connect Core §3.1.2.6.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ErrorCode {
    /// The person, an upstream or a namespace rule said no.
    AccessDenied,
    /// Who the client is was not proved.
    InvalidClient,
    /// The code is not good for this client, or not any more.
    InvalidGrant,
    /// A parameter is missing, repeated or ill-formed.
    InvalidRequest,
    /// The scope does not ask for OpenID Connect.
    InvalidScope,
    /// A token for that audience is not to be had here (RFC 8693 §2.2.2).
    InvalidTarget,
    /// The person would have to confirm, and `prompt=none` forbids to ask.
    InteractionRequired,
    /// The person would have to log in, and `prompt=none` forbids to ask.
    LoginRequired,
    /// `registration` (OpenID Connect Core §7.2.1).
    RegistrationNotSupported,
    /// `request` (OpenID Connect Core §6.1).
    RequestNotSupported,
    /// `request_uri` (OpenID Connect Core §6.2).
    RequestUriNotSupported,
    /// What is needed to judge the request cannot be had now.
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

/// What is wrong before the redirect URI is known to be the client's: shown on a page, never sent anywhere
/// (RFC 6749 §4.1.2.1).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PageRefusal {
    /// No `client_id`.
    #[error("the request names no client (client_id)")]
    ClientMissing,
    /// No such client.
    #[error("unknown client '{0}'")]
    ClientUnknown(String),
    /// The parameters do not read, or one of those that say where to answer is repeated.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// No `redirect_uri`.
    #[error("the request names no redirect_uri")]
    RedirectMissing,
    /// Not one of the client's.
    #[error("unregistered redirect URI '{redirect_uri}' for the client '{client}'")]
    RedirectUnregistered {
        /// The client.
        client: String,
        /// What the request named.
        redirect_uri: String,
    },
    /// `state` is not of printable ASCII (RFC 6749 Appendix A.5) or too long, so it cannot be sent back.
    #[error("state must be at most {cap} printable ASCII characters")]
    State {
        /// The longest that we carry.
        cap: usize,
    },
}

/// What is wrong after that: sent to the client.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RedirectRefusal {
    /// `connector_id` names none of ours.
    #[error("no connector has the id '{0}' (connector_id)")]
    ConnectorUnknown(String),
    /// The person may not be named in a token.
    #[error("the rules of this house do not permit this identity: {0}")]
    Denied(String),
    /// A public client on somebody's machine cannot prove who it is, so a person has to confirm (RFC 8252 §8.6).
    #[error("a public client needs the person to confirm, which prompt=none forbids (RFC 8252 8.6)")]
    InteractionRequired,
    /// `max_age` is not a whole number of seconds.
    #[error("max_age must be a whole number of seconds")]
    MaxAge,
    /// Nobody is logged in, or not recently enough, or somebody else.
    #[error("nobody suitable is logged in, and prompt=none forbids to ask (OpenID Connect Core 3.1.2.6)")]
    LoginRequired,
    /// A value too long to carry.
    #[error("the parameter {name} is longer than {cap} bytes")]
    Long {
        /// The parameter.
        name: &'static str,
        /// The longest that we carry.
        cap: usize,
    },
    /// The parameters do not read.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// PKCE.
    #[error(transparent)]
    Pkce(#[from] PkceError),
    /// `prompt=none` with something else, or a word that is not a prompt.
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
    /// All in all more than a cookie holds.
    #[error("state, nonce and redirect_uri together are too long")]
    TooLarge,
    /// The upstream said no.
    #[error("the login was refused or given up at the upstream provider")]
    Upstream,
}

impl RedirectRefusal {
    /// The code for it.
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
    /// To be shown.
    #[error(transparent)]
    Page(#[from] PageRefusal),
    /// To be sent to the client.
    #[error("{refusal}")]
    Returned {
        /// What is wrong.
        refusal: RedirectRefusal,
        /// How the client hears of it.
        answer: Answer,
    },
}

/// Why a token request gets no token (RFC 6749 §5.2).
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A workload did not show who it is.
    #[error("a workload shows who it is by client_assertion, or by the X.509-SVID of its connection")]
    AssertionMissing,
    /// An assertion of another type.
    #[error("client_assertion_type must be {JWT_SPIFFE}")]
    AssertionType,
    /// The record of the trust domain does not list the audience.
    #[error("workloads of {trust_domain} get no tokens for the audience {audience} (exchange_audiences of its record)")]
    AudienceNotAllowed {
        /// The trust domain.
        trust_domain: String,
        /// The audience.
        audience: String,
    },
    /// The bundle of a trust domain does not count, and another cannot be had.
    #[error("the trust domain {0} cannot be relied on at the moment: {1}")]
    Bundle(String, Unusable),
    /// Credentials in the header and in the body, or two names (RFC 6749 §2.3).
    #[error("the client must authenticate in one way and under one name (RFC 6749 2.3)")]
    ClientAmbiguous,
    /// No client.
    #[error("the client did not say who it is")]
    ClientMissing,
    /// The secret is missing, wrong or unexpected, or there is no such client.
    #[error("client authentication failed")]
    ClientRefused,
    /// The `Authorization` header is not `Basic` with two form-encoded halves (RFC 6749 §2.3.1).
    #[error("the Authorization header is not well-formed Basic credentials (RFC 6749 2.3.1)")]
    ClientSyntax,
    /// The code belongs to another client.
    #[error("the code was issued to another client")]
    CodeOfAnother,
    /// No `code`.
    #[error("the parameter code is missing")]
    CodeMissing,
    /// The code was used before. What it made is revoked.
    #[error("the code was used before; what it gave out is revoked (RFC 6749 4.1.2)")]
    CodeReplayed(Box<super::token::Replay>),
    /// Never issued, or more than a minute ago.
    #[error("the code is unknown or expired")]
    CodeUnknown,
    /// Our own trouble.
    #[error(transparent)]
    Fault(#[from] ProviderFault),
    /// No `grant_type`.
    #[error("the parameter grant_type is missing")]
    GrantTypeMissing,
    /// A grant that we do not know.
    #[error("grant_type must be authorization_code, client_credentials or {TOKEN_EXCHANGE}")]
    GrantTypeUnsupported,
    /// A parameter that the grant needs.
    #[error("the parameter {0} is missing")]
    ParameterMissing(&'static str),
    /// A parameter that the grant does not take here.
    #[error("the parameter {0} is not supported with this grant_type")]
    ParameterUnsupported(&'static str),
    /// The parameters do not read.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// PKCE.
    #[error(transparent)]
    Pkce(#[from] PkceError),
    /// Not the URI of the authorization request.
    #[error("redirect_uri is not the one of the authorization request (RFC 6749 4.1.3)")]
    Redirect,
    /// `requested_token_type`.
    #[error("requested_token_type must be {ID_TOKEN}, or absent")]
    RequestedTokenType,
    /// `resource` (RFC 8707). Our audiences are clients.
    #[error("the parameter resource is not supported; name a client by audience")]
    Resource,
    /// A workload asks for more than a token that says who it is.
    #[error("scope must be openid, or absent")]
    Scope,
    /// `subject_token_type`.
    #[error("subject_token_type must be {JWT}, {ID_TOKEN} or {JWT_SPIFFE_TOKEN}")]
    SubjectTokenType,
    /// The SVID is not taken. The rule comes first, since a description may be cut at its end.
    #[error("rule {}: {fault}", .fault.rule())]
    Svid {
        /// As what it was shown.
        role: SvidRole,
        /// Why.
        fault: Box<SvidFault>,
    },
}

impl TokenError {
    /// The code for it; none for our own trouble.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Fault(_) => None,
            Self::AudienceNotAllowed { .. } | Self::Resource => Some(ErrorCode::InvalidTarget),
            Self::Bundle(..) => Some(ErrorCode::TemporarilyUnavailable),
            Self::Scope => Some(ErrorCode::InvalidScope),
            Self::Svid { role, .. } => Some(role.code()),
            Self::AssertionMissing
            | Self::AssertionType
            | Self::ClientMissing
            | Self::ClientRefused
            | Self::ClientSyntax => Some(ErrorCode::InvalidClient),
            Self::CodeOfAnother | Self::CodeReplayed(_) | Self::CodeUnknown | Self::Redirect => {
                Some(ErrorCode::InvalidGrant)
            }
            Self::Pkce(PkceError::Mismatch | PkceError::Unexpected | PkceError::Verifier) => {
                Some(ErrorCode::InvalidGrant)
            }
            Self::GrantTypeUnsupported => Some(ErrorCode::UnsupportedGrantType),
            Self::ClientAmbiguous
            | Self::CodeMissing
            | Self::GrantTypeMissing
            | Self::ParameterMissing(_)
            | Self::ParameterUnsupported(_)
            | Self::Parameters(_)
            | Self::Pkce(PkceError::Challenge | PkceError::Method | PkceError::Required)
            | Self::RequestedTokenType
            | Self::SubjectTokenType => Some(ErrorCode::InvalidRequest),
        }
    }

    /// The `error_description`, in the characters that RFC 6749 §5.2 allows.
    pub fn description(&self) -> String {
        super::redirect::description_text(&self.to_string())
    }
}
