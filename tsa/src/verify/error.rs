//! Why a timestamp proves nothing.

use crate::der_reader::DerFault;
use crate::policy::PolicyOid;
use crate::tst_info::TstInfoError;
use crate::unit_certificate::PurposeError;

/// The longest response read.
pub const MAX_RESPONSE: usize = 64 * 1024;

/// Why a timestamp proves nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum VerifyError {
    /// Longer than we read.
    #[error("the response has {0} bytes; at most {MAX_RESPONSE} are read")]
    TooLong(usize),
    /// The response around the token is not DER of the right shape.
    #[error("not a TimeStampResp: {0}")]
    Response(DerFault),
    /// The authority refused.
    #[error("the authority answered with status {status}: {text}")]
    Refused {
        /// `PKIStatus`.
        status: u8,
        /// Its status strings.
        text: String,
    },
    /// The token is not DER of the right shape, or not the canonical encoding of what was read.
    #[error("the token is not canonical DER of a SignedData: {0}")]
    Token(&'static str),
    /// The `TSTInfo` is not well formed.
    #[error("TSTInfo: {0}")]
    TstInfo(#[from] TstInfoError),
    /// A structural rule of RFC 3161 §2.4.2 or RFC 5652 §5 is broken.
    #[error("{0}")]
    Structure(&'static str),
    /// The signer's certificate is neither in the token nor known.
    #[error("the certificate that the token names is neither in the token nor among the trusted ones")]
    NoCertificate,
    /// The signer's certificate is not the trusted unit's.
    #[error("the token is signed by a unit other than the trusted one")]
    OtherUnit,
    /// Attribute signingCertificateV2 names another certificate.
    #[error("the signed certificate identifier (ESSCertIDv2) is not that of the signer's certificate")]
    CertificateHash,
    /// Attribute messageDigest is not that of the TSTInfo.
    #[error("the signed digest is not that of the TSTInfo")]
    MessageDigest,
    /// Digest or signature algorithm is not accepted, or the two do not go together.
    #[error("the digest and signature algorithms are not accepted together with the signer's key")]
    Algorithm,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// The signer's certificate is not fit for timestamps.
    #[error(transparent)]
    Purpose(#[from] PurposeError),
    /// No path to a trusted root that is valid at genTime.
    #[error("no chain from the signer's certificate to a trusted root is valid at the time in the token")]
    NoPath,
    /// Certificates are there without certReq in the request, or are missing with it.
    #[error("the token has certificates without certReq in the request, or lacks them with it")]
    CertificatesRequested,
    /// The token is for other data.
    #[error("the token is for other data")]
    Imprint,
    /// The nonce is missing or another one.
    #[error("the nonce is not the one that was sent")]
    Nonce,
    /// The policy is not one of those expected.
    #[error("the policy {0} is not one of those expected")]
    Policy(PolicyOid),
    /// The `tsa` field is not a name of the signer's certificate.
    #[error("the tsa field does not name the subject of the signer's certificate")]
    TsaName,
}
