//! What audit records call the kinds of SVID.

use shared::audit::CredentialKind;

use super::Document;

/// The kind that a record names.
pub(crate) fn credential_kind(document: Document) -> CredentialKind {
    match document {
        Document::Jwt => CredentialKind::JwtSvid,
        Document::Wit => CredentialKind::WitSvid,
        Document::X509 => CredentialKind::X509Svid,
    }
}
