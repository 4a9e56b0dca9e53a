//! Certificates and chains of them.

use shared::x509::{Certificate, Chain};

/// A certificate that is taken is kept byte for byte, its signed part is inside it, and all that it is asked has an answer.
pub fn certificate(bytes: &[u8]) {
    let Ok(certificate) = Certificate::from_der(bytes) else { return };
    assert!(bytes.len() <= Certificate::MAX_LEN);
    assert_eq!(certificate.der(), bytes);
    assert!(bytes.windows(certificate.tbs_der().len()).any(|part| part == certificate.tbs_der()));
    let _ = (certificate.subject(), certificate.serial(), certificate.extended_key_usage(), certificate.is_ca());
    let _ = (certificate.subject_key_identifier(), certificate.authority_key_identifier());
    let _ = certificate.is_valid_at(certificate.not_before());
    let _ = certificate.is_issued_by(&certificate);
}

/// A chain that is taken has its certificates in order and survives its own PEM.
pub fn chain_pem(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    let Ok(chain) = Chain::from_pem(text) else { return };
    assert!((1..=Chain::MAX_CERTIFICATES).contains(&chain.certificates().len()));
    assert_eq!(Chain::from_pem(&chain.to_pem()).as_ref(), Ok(&chain));
    assert!(chain.root().is_issued_by(chain.root()));
}
