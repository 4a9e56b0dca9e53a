//! The linter of revocation lists: an independent reading of the exact octets that are about to be signed (RFC 5280
//! §5), a file for each lint.
//!
//! It shares no code with the writer (`crl`). A list that fails here is our own fault and is never signed.

mod authority_key_identifier;
mod crl_number;
mod error;
mod extensions;
mod facts;
mod issuer;
mod reasons;
mod serial_numbers;
mod signature;
mod time_form;
mod updates;
mod version;

use der::{Decode as _, Encode as _};
use x509_cert::crl::TbsCertList;

pub use error::CrlLintError;
pub(super) use facts::CrlFacts;

/// Checks the octets of a `TBSCertList` against every rule.
pub(super) fn lint(octets: &[u8], facts: CrlFacts<'_>) -> Result<(), CrlLintError> {
    let list: TbsCertList = TbsCertList::from_der(octets).map_err(CrlLintError::Malformed)?;
    if list.to_der().map_err(CrlLintError::Malformed)? != octets {
        return Err(CrlLintError::NotCanonical);
    }
    version::check(&list)?;
    signature::check(&list, facts)?;
    issuer::check(&list, facts)?;
    updates::check(&list)?;
    time_form::check(&list)?;
    serial_numbers::check(&list)?;
    reasons::check(&list)?;
    let extensions = list.crl_extensions.as_deref().unwrap_or_default();
    extensions::check(extensions)?;
    crl_number::check(extensions)?;
    authority_key_identifier::check(extensions, facts)
}

#[cfg(test)]
mod tests;
