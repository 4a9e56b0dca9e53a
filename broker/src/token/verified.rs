//! A token that its issuer signed for us.

use std::sync::Arc;

use shared::time::UnixTime;

use crate::issuer::Issuer;
use crate::jose::Claims;

/// A token of a registered issuer, for our audience, in force when it was verified. Made by `UnverifiedToken::verify`
/// only.
#[derive(Debug)]
pub struct VerifiedToken {
    issuer: Arc<Issuer>,
    claims: Claims,
    subject: String,
    expires_at: UnixTime,
    sha256: [u8; 32],
}

impl VerifiedToken {
    pub(super) fn new(
        issuer: Arc<Issuer>,
        claims: Claims,
        subject: String,
        expires_at: UnixTime,
        sha256: [u8; 32],
    ) -> Self {
        Self { issuer, claims, subject, expires_at, sha256 }
    }

    /// The record of the issuer whose key verified it.
    pub fn issuer(&self) -> &Arc<Issuer> {
        &self.issuer
    }

    /// The verified claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// `sub`, not empty.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// `exp`.
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// SHA-256 of the compact token, which identifies it in the audit log.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }
}
