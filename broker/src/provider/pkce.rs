//! Proof Key for Code Exchange (RFC 7636), S256 only.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use shared::digest::sha256;

/// A `code_challenge` that can be the S256 of something: 43 characters of base64url (RFC 7636 §4.2).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Challenge(String);

/// The challenge or the verifier is not as RFC 7636 wants it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PkceError {
    /// Not 43 characters of base64url.
    #[error("code_challenge must be the base64url of a SHA-256 digest, 43 characters (RFC 7636 4.2)")]
    Challenge,
    /// `plain`, or no method, which means `plain`.
    #[error("code_challenge_method must be S256 (RFC 7636 4.3)")]
    Method,
    /// The verifier is not of the code's challenge.
    #[error("code_verifier does not match the code_challenge (RFC 7636 4.6)")]
    Mismatch,
    /// No challenge, though this client must send one.
    #[error("code_challenge is required of this client (RFC 7636, RFC 9700 2.1.1)")]
    Required,
    /// A verifier came though the code has no challenge: it was stripped on the way (RFC 9700 §4.8.2).
    #[error("code_verifier was sent, but the code was asked for without a code_challenge")]
    Unexpected,
    /// No or an ill-formed verifier: 43 to 128 unreserved characters.
    #[error("code_verifier must have 43 to 128 unreserved characters (RFC 7636 4.1)")]
    Verifier,
}

impl Challenge {
    pub(super) fn parse(challenge: Option<&str>, method: Option<&str>) -> Result<Option<Self>, PkceError> {
        let Some(challenge) = challenge else {
            // A method alone promises a proof that cannot come.
            return if method.is_some() { Err(PkceError::Challenge) } else { Ok(None) };
        };
        if method != Some("S256") {
            return Err(PkceError::Method);
        }
        match URL_SAFE_NO_PAD.decode(challenge) {
            Ok(bytes) if bytes.len() == 32 => Ok(Some(Self(challenge.to_owned()))),
            Ok(_) | Err(_) => Err(PkceError::Challenge),
        }
    }

    fn verify(&self, verifier: &str) -> Result<(), PkceError> {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
            return Err(PkceError::Verifier);
        }
        let computed = URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()));
        verify_slices_are_equal(computed.as_bytes(), self.0.as_bytes()).map_err(|_| PkceError::Mismatch)
    }
}

/// Compares what the token request brings with what the authorization request promised.
pub(super) fn check(challenge: Option<&Challenge>, verifier: Option<&str>) -> Result<(), PkceError> {
    match (challenge, verifier) {
        (Some(challenge), Some(verifier)) => challenge.verify(verifier),
        (Some(_), None) => Err(PkceError::Verifier),
        (None, Some(_)) => Err(PkceError::Unexpected),
        (None, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636 Appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn challenges() {
        assert!(matches!(Challenge::parse(Some(CHALLENGE), Some("S256")), Ok(Some(_))));
        for (challenge, method, expected) in [
            (Some(CHALLENGE), None, PkceError::Method),
            (Some(CHALLENGE), Some("plain"), PkceError::Method),
            (Some(CHALLENGE), Some("s256"), PkceError::Method),
            (Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c"), Some("S256"), PkceError::Challenge),
            (Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="), Some("S256"), PkceError::Challenge),
            (Some(VERIFIER.repeat(2).as_str()), Some("S256"), PkceError::Challenge),
            (None, Some("S256"), PkceError::Challenge),
        ] {
            assert_eq!(Challenge::parse(challenge, method), Err(expected), "{challenge:?} {method:?}");
        }
        assert_eq!(Challenge::parse(None, None), Ok(None));
    }

    #[test]
    fn verifiers() {
        let challenge = Challenge::parse(Some(CHALLENGE), Some("S256")).expect("parses").expect("is there");
        assert_eq!(check(Some(&challenge), Some(VERIFIER)), Ok(()));
        for (verifier, expected) in [
            (None, PkceError::Verifier),
            (Some("short"), PkceError::Verifier),
            (Some("x".repeat(129).as_str()), PkceError::Verifier),
            (Some("dBjftJeZ4CVP mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), PkceError::Verifier),
            (Some("eBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), PkceError::Mismatch),
            (Some(CHALLENGE), PkceError::Mismatch),
        ] {
            assert_eq!(check(Some(&challenge), verifier), Err(expected), "{verifier:?}");
        }
        assert_eq!(check(None, Some(VERIFIER)), Err(PkceError::Unexpected));
        assert_eq!(check(None, None), Ok(()));
    }
}
