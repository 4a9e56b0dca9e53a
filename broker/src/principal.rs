//! The principal: what a certificate says about its holder.
//!
//! Does not: encode anything; how a name and an extension look in DER is `ca`'s matter.

use shared::audit::CredentialKind;

use crate::names::Name;
use crate::namespace::{Permit, VerifiedCredential};
use crate::profile::Claimed;
use crate::svid::SvidUse;
use crate::svid::credential_kind::credential_kind;

/// Everything about the subject that goes into a certificate and into its audit records. Made from a [`Permit`] only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Principal {
    name: Name,
    proof_name: String,
    extensions: Vec<(u8, String)>,
    issuer: String,
    subject: String,
    rule: String,
    credential_sha256: [u8; 32],
    credential: CredentialKind,
    svid_use: Option<SvidUse>,
}

/// Last arcs of Fulcio's extensions below 1.3.6.1.4.1.57264.1.
mod arc {
    /// The issuer, as bare bytes; old verifiers still read it.
    pub(super) const ISSUER: u8 = 1;
    /// The issuer, as a DER UTF8String.
    pub(super) const ISSUER_V2: u8 = 8;
    /// The token's `sub`.
    pub(super) const TOKEN_SUBJECT: u8 = 24;
}

impl From<Permit> for Principal {
    fn from(permit: Permit) -> Self {
        let (credential, Claimed { name, proof_name, mut extensions }, label, rule) = permit.into_parts();
        let (issuer, subject, credential_sha256, svid) = match &credential {
            VerifiedCredential::Svid(svid) => {
                (svid.issuer(), svid.id().as_str().to_owned(), *svid.sha256(), Some(svid))
            }
            VerifiedCredential::Token(token) => {
                (token.issuer().iss().as_str().to_owned(), token.subject().to_owned(), *token.sha256(), None)
            }
        };
        extensions.extend([
            (arc::ISSUER, label.clone()),
            (arc::ISSUER_V2, label),
            (arc::TOKEN_SUBJECT, subject.clone()),
        ]);
        extensions.sort_unstable_by_key(|(arc, _)| *arc);
        let kind = svid.map_or(CredentialKind::Token, |svid| credential_kind(svid.document()));
        let svid_use = svid.map(|svid| svid.use_of());
        Self { name, proof_name, extensions, issuer, subject, rule, credential_sha256, credential: kind, svid_use }
    }
}

impl Principal {
    /// The same with more extensions, so that tests can fill every one that Fulcio defines.
    #[cfg(test)]
    pub(crate) fn with_extensions(mut self, more: Vec<(u8, String)>) -> Self {
        self.extensions.extend(more);
        self.extensions.sort();
        self
    }

    /// The subject alternative name: an `rfc822Name` or a `uniformResourceIdentifier`, in ASCII.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// What the client signs to prove that it has the key: the `email` claim for people, else `sub`, as in
    /// the token.
    pub fn proof_name(&self) -> &str {
        &self.proof_name
    }

    /// Fulcio's extensions, in ascending order: the last arc of the OID and the text. Texts are not empty.
    pub fn extensions(&self) -> impl Iterator<Item = (u8, &str)> {
        self.extensions.iter().map(|(arc, text)| (*arc, text.as_str()))
    }

    /// The `iss` of the token; `spiffe://` and the trust domain where an SVID has none.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What the certificate calls the issuer, and verifiers ask for: the label of its record.
    pub fn issuer_label(&self) -> &str {
        self.extensions().find(|(arc, _)| *arc == arc::ISSUER_V2).map_or(self.issuer(), |(_, label)| label)
    }

    /// The `sub` of the token.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Rule, asserter and grant that permitted it, for the audit log.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// SHA-256 of the token, or of the X.509-SVID, for the audit log.
    pub fn credential_sha256(&self) -> &[u8; 32] {
        &self.credential_sha256
    }

    /// The kind of credential that was presented.
    pub fn credential(&self) -> CredentialKind {
        self.credential
    }

    /// The use of an SVID, to be counted before anything is made of it.
    pub fn svid_use(&self) -> Option<&SvidUse> {
        self.svid_use.as_ref()
    }
}

#[cfg(test)]
mod tests;
