//! Why a token request is refused (RFC 6749 §5.2).

use super::code::Replay;
use super::error_code::ErrorCode;
use super::fault::ProviderFault;
use super::grant_type::{ID_TOKEN, JWT, JWT_SPIFFE, JWT_SPIFFE_TOKEN, TOKEN_EXCHANGE};
use super::parameters::ParameterError;
use super::pkce::PkceError;
use super::redirect::description_text;
use super::svid_fault::{SvidFault, SvidRole};
use crate::trust_domain::Unusable;

/// Why a token request gets no token (RFC 6749 §5.2).
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A workload did not authenticate.
    #[error("a workload authenticates with client_assertion, or with the X.509-SVID of its connection")]
    AssertionMissing,
    /// An assertion of another type.
    #[error("client_assertion_type must be {JWT_SPIFFE}")]
    AssertionType,
    /// The record of the trust domain does not list the audience.
    #[error("workloads of {trust_domain} get no tokens for the audience {audience} (exchange_audiences of its record)")]
    AudienceNotAllowed {
        /// The workload's trust domain.
        trust_domain: String,
        /// The audience that was requested, shortened.
        audience: String,
    },
    /// The bundle of a trust domain cannot be used, and no newer one can be fetched.
    #[error("the trust domain {0} cannot be used at the moment: {1}")]
    Bundle(String, Unusable),
    /// Credentials in the header and in the body, or two names (RFC 6749 §2.3).
    #[error("the client must authenticate in one way and under one name (RFC 6749 2.3)")]
    ClientAmbiguous,
    /// No client.
    #[error("the client did not authenticate")]
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
    #[error("the code was used before; the tokens issued for it are revoked (RFC 6749 4.1.2)")]
    CodeReplayed(Box<Replay>),
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
    /// The parameters cannot be parsed.
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
    /// A workload requests more than an identity token.
    #[error("scope must be openid, or absent")]
    Scope,
    /// `subject_token_type`.
    #[error("subject_token_type must be {JWT}, {ID_TOKEN} or {JWT_SPIFFE_TOKEN}")]
    SubjectTokenType,
    /// The SVID is not accepted. The rule comes first, since a description may be cut at its end.
    #[error("rule {}: {fault}", .fault.rule())]
    Svid {
        /// The role in which it was presented.
        role: SvidRole,
        /// What is wrong with the SVID.
        fault: Box<SvidFault>,
    },
}

impl TokenError {
    pub(super) fn svid(role: SvidRole, fault: SvidFault) -> Self {
        Self::Svid { role, fault: Box::new(fault) }
    }

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
        description_text(&self.to_string())
    }
}
