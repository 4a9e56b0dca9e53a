//! The linter: an independent reading of the exact octets that are about to be signed.
//!
//! It shares no code with the profile. The octets are parsed from scratch by the general X.509 reader, encoded again,
//! and every field is compared with the specification and with what was decided about this applicant, a file for each
//! lint. A certificate that fails here is our own fault and is never signed; nothing is repaired.

mod authority_key_identifier;
mod encoding;
mod error;
mod extended_key_usage;
mod extensions;
mod facts;
mod fulcio;
mod issuer;
mod key_usage;
mod public_key;
mod serial_number;
mod signature;
mod subject;
mod subject_alt_name;
mod subject_key_identifier;
mod unique_identifiers;
mod validity;
mod version;

use shared::time::UnixTime;
use shared::x509::SerialNumber;

use super::authority::Authority;
use super::profile::{CertificateTemplate, TbsParts};
use super::sct::TreeLeaf;

pub use error::LintError;
pub use facts::Facts;

/// A draft that the linter passed. Only `lint` makes one, and only this can be signed.
#[derive(Debug)]
pub struct LintedTemplate {
    pub(super) tbs: Vec<u8>,
    pub(super) parts: TbsParts,
    pub(super) serial: SerialNumber,
}

/// Passes `template` when its octets obey every rule.
pub fn lint(template: CertificateTemplate, facts: Facts<'_>) -> Result<LintedTemplate, LintError> {
    let tbs = template.tbs.assemble(&[]);
    check(&tbs, template.serial, facts)?;
    Ok(LintedTemplate { tbs, parts: template.tbs, serial: template.serial })
}

impl LintedTemplate {
    /// The to-be-signed certificate without the log's timestamp.
    pub fn tbs(&self) -> &[u8] {
        &self.tbs
    }

    /// The serial number that the certificate will have.
    pub fn serial(&self) -> SerialNumber {
        self.serial
    }

    /// Its entry in the certificate log.
    pub fn tree_leaf(&self, authority: &Authority, now: UnixTime) -> TreeLeaf {
        TreeLeaf::new(authority, &self.tbs, now)
    }
}

fn check(octets: &[u8], serial: SerialNumber, facts: Facts<'_>) -> Result<(), LintError> {
    let tbs = encoding::check(octets)?;
    version::check(&tbs)?;
    serial_number::check(&tbs, serial)?;
    signature::check(&tbs, facts)?;
    issuer::check(&tbs, facts)?;
    validity::check(&tbs, facts)?;
    subject::check(&tbs)?;
    public_key::check(&tbs, facts)?;
    unique_identifiers::check(&tbs)?;
    extensions::check(tbs.extensions().map_or(&[][..], Vec::as_slice), facts)
}

#[cfg(test)]
mod tests;
