//! Why an SVID that was presented at the token endpoint gets no token.

use super::error_code::ErrorCode;
use crate::credential::CredentialError;
use crate::names::Rule;
use crate::namespace::Denied;
use crate::svid::{JwtSvidError, UseError, WitSvidError, X509SvidError};
use crate::token::TokenError;

/// The role in which an SVID is presented.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SvidRole {
    /// By a client that authenticates with it (draft-ietf-oauth-spiffe-client-auth).
    Client,
    /// As the token that is exchanged (RFC 8693 §2.1).
    Subject,
}

impl SvidRole {
    /// The error code for an SVID that is not accepted: RFC 8693 §2.2.2 has `invalid_request` for a subject token that
    /// is invalid for any reason.
    pub(super) fn code(self) -> ErrorCode {
        match self {
            Self::Client => ErrorCode::InvalidClient,
            Self::Subject => ErrorCode::InvalidRequest,
        }
    }
}

/// Why an SVID is not accepted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SvidFault {
    /// A8: `client_id` is not the SPIFFE ID of the SVID, or is missing where it is required.
    #[error("client_id must be the SPIFFE ID that the client presents, {0}")]
    ClientId(String),
    /// No grant covers the name, or another asserter's does.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// T4: expired, though within the leeway for clocks: a token without a lifetime is useless.
    #[error("the SVID has expired, so no token can be issued for it")]
    Ended,
    /// The JWT-SVID.
    #[error(transparent)]
    JwtSvid(#[from] JwtSvidError),
    /// J4: the JWT-SVID names a key that its trust domain does not publish.
    #[error("the token is signed by a key that is not in the bundle of the trust domain {0}")]
    KeyUnknown(String),
    /// J2: a token of an issuer. Those are for the certificate authority.
    #[error("the token is from the issuer {0}; only SVIDs of registered trust domains are accepted here")]
    NotSvid(String),
    /// It cannot be read, or leads nowhere.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A8: one identity a request.
    #[error("the token is of {token}, and the certificate of the connection is of {connection}; present one identity")]
    TwoIdentities {
        /// In the token.
        token: String,
        /// In the certificate.
        connection: String,
    },
    /// It was used before, or too often.
    #[error(transparent)]
    Use(#[from] UseError),
    /// The WIT-SVID, or the proof that came with it.
    #[error(transparent)]
    WitSvid(#[from] WitSvidError),
    /// The X.509-SVID of the connection.
    #[error(transparent)]
    X509Svid(#[from] X509SvidError),
}

impl From<CredentialError> for SvidFault {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::JwtSvid(error) => error.into(),
            CredentialError::Token(error) => error.into(),
            CredentialError::WitSvid(error) => error.into(),
            CredentialError::X509Svid(error) => error.into(),
        }
    }
}

impl SvidFault {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        match self {
            Self::ClientId(_) | Self::TwoIdentities { .. } => Rule::A8,
            Self::Denied(denied) => denied.rule(),
            Self::Ended => Rule::T4,
            Self::JwtSvid(error) => error.rule(),
            Self::KeyUnknown(_) => Rule::J4,
            Self::NotSvid(_) => Rule::J2,
            Self::Token(error) => error.rule(),
            Self::Use(error) => error.rule(),
            Self::WitSvid(error) => error.rule(),
            Self::X509Svid(error) => error.rule(),
        }
    }
}
