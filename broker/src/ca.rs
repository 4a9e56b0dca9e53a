//! The certificate authority: who holds the key, what goes into a certificate, and how it is made.
//!
//! ```text
//! proof::Submission → ProvenKey ┐
//! Principal ────────────────────┼→ Profile::template → CertificateTemplate
//! Authority ────────────────────┘
//! CertificateTemplate ─ lint ─→ LintedTemplate ─ issue ─→ Unreleased<IssuedCertificate>
//! ```
//!
//! `crate::signing` has the order of all steps. This module knows no tokens, rules or logs.

pub mod armor;
pub mod authority;
pub mod csr;
#[cfg(test)]
pub(crate) mod fixture;
pub mod issue;
pub mod lint;
pub mod oid;
pub mod profile;
pub mod proof;
pub mod proof_error;
pub mod sct;

pub use authority::{Authority, AuthorityError};
pub use issue::{IssuedCertificate, Unreleased};
pub use lint::{LintError, LintedTemplate};
pub use profile::{CertificateTemplate, Profile, ProfileError};
pub use proof::{ProvenKey, Submission};
pub use proof_error::ProofError;
pub use sct::{CertificateLogKey, CertificateLogKeyError};
