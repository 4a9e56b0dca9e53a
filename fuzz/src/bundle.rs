//! Sigstore bundles, as the strict verifier reads them.

use privyseal_sigstore::{Bundle, ExpectedIdentity, verify};
use shared::trust_root::TrustedRoot;

const EMPTY: &[u8] = br#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#;

/// A bundle that is read is written and read again the same; an empty trusted root verifies none.
pub fn bundle(bytes: &[u8]) {
    let Ok(bundle) = Bundle::parse(bytes) else { return };
    let written = bundle.to_json().expect("writes");
    let again = Bundle::parse(&written).expect("reads what it wrote");
    assert_eq!(again.to_json().expect("writes"), written);
    let identity = ExpectedIdentity { subject: "alice@example.com".into(), issuer: "https://issuer.example".into() };
    let trust = TrustedRoot::parse(EMPTY).expect("an empty root");
    assert!(verify(&bundle, &trust, &identity, b"hello\n").is_err());
}
