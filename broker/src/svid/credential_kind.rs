//! The names of the kinds of SVID in audit records.

use shared::audit::CredentialKind;

use crate::trust_domain::SvidKind;

/// The kind that a record names.
pub(crate) fn credential_kind(document: SvidKind) -> CredentialKind {
    match document {
        SvidKind::Jwt => CredentialKind::JwtSvid,
        SvidKind::Wit => CredentialKind::WitSvid,
        SvidKind::X509 => CredentialKind::X509Svid,
    }
}
