//! Revocation: the list that an authority signs (RFC 5280 §5), and the answers of its responder (RFC 6960).

mod crl;
mod crl_lint;
mod ocsp_request;
mod ocsp_response;
mod revoked;

pub use crl::{CrlError, CrlPlan};
pub use crl_lint::CrlLintError;
pub use ocsp_request::{CertId, MAX_OCSP_REQUEST, OcspRequest, OcspRequestError};
pub use ocsp_response::{AnswerPlan, CertStatus, OcspAnswer, OcspFault, Responder};
pub use revoked::{RevocationReason, Revoked};
