//! The RFC 3161 timestamps over the signature.

use shared::time::UnixTime;
use shared::trust_root::trusted_root::CertificateAuthority;
use shared::x509::{Certificate, Chain};
use tsa::{Expected, TimestampTrust, verify_response};

use super::error::VerifyError;

/// Checks every timestamp; answers their times, of which there is at least one.
pub(super) fn check(
    timestamps: &[Vec<u8>],
    authorities: &[CertificateAuthority],
    signature: &[u8],
) -> Result<Vec<UnixTime>, VerifyError> {
    if timestamps.is_empty() {
        return Err(VerifyError::TimestampMissing);
    }
    let check = |(place, response): (usize, &Vec<u8>)| {
        check_one(response, authorities, signature).map_err(|reason| VerifyError::Timestamp { place, reason })
    };
    timestamps.iter().enumerate().map(check).collect()
}

/// The time of `response`, if one of the authorities made it while it was valid. The unit must be the authority's own.
fn check_one(response: &[u8], authorities: &[CertificateAuthority], signature: &[u8]) -> Result<UnixTime, String> {
    let mut reason = "the trusted root names no timestamp authority".to_owned();
    for authority in authorities {
        let checked = trust(authority).and_then(|trust| {
            verify_response(response, &Expected::data(signature), &trust).map_err(|error| error.to_string())
        });
        match checked {
            Ok(verified) if authority.valid_for.covers(verified.gen_time) => return Ok(verified.gen_time),
            Ok(_) => {
                "its time is outside the validity of the authority's entry in the trusted root".clone_into(&mut reason)
            }
            Err(error) => reason = error,
        }
    }
    Err(reason)
}

/// An authority of the trusted root, as `tsa` verifies with it; the error says what is wrong with its chain.
pub fn trust(authority: &CertificateAuthority) -> Result<TimestampTrust, String> {
    let certificates: Result<Vec<_>, _> = authority.cert_chain.der().map(Certificate::from_der).collect();
    let chain = certificates.map_err(|error| error.to_string()).map(Chain::new)?;
    Ok(TimestampTrust::unit(&chain.map_err(|error| error.to_string())?))
}
