//! Keys, and values that are sealed with one.

use std::sync::LazyLock;

use shared::keys::sealing::SealingKey;
use shared::keys::{KeyFile, KeyKind, PublicKey, SigningKey};
use shared::random::SystemRandom;

/// A key file that stands in the seeds too, so that some of them open.
const KEY_FILE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

static SEALING: LazyLock<SealingKey> = LazyLock::new(|| SealingKey::derive(&key_file(), "fuzz"));

fn key_file() -> KeyFile {
    KeyFile::parse(KEY_FILE).expect("the key file")
}

/// A SubjectPublicKeyInfo that is taken is kept byte for byte, is of an accepted kind, and survives PEM.
pub fn public_key_spki(bytes: &[u8]) {
    let Ok(key) = PublicKey::from_spki(bytes) else { return };
    assert_eq!(key.spki_der(), bytes);
    assert!(!key.key_bits().is_empty());
    if let KeyKind::Rsa { bits } = key.kind() {
        assert!((2048..=4096).contains(&bits));
        assert_eq!(PublicKey::from_pkcs1(key.key_bits()).map(|again| again.kind()), Ok(key.kind()));
    }
    assert!(key.verify(b"message", bytes).is_err());
    assert!(key.to_pem().starts_with("-----BEGIN PUBLIC KEY-----\n"));
}

/// The same for PKCS#1.
pub fn public_key_pkcs1(bytes: &[u8]) {
    let Ok(key) = PublicKey::from_pkcs1(bytes) else { return };
    assert_eq!(key.key_bits(), bytes);
    assert_eq!(PublicKey::from_spki(key.spki_der()), Ok(key));
}

/// The key file is accepted as we write it and in no other form.
pub fn key_file_text(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    if let Ok(file) = KeyFile::parse(text) {
        assert_eq!(text.strip_suffix('\n').unwrap_or(text), file.to_text().trim_end());
    }
}

/// A private key at rest: whatever is in the file, opening it ends, in a key or in an error.
pub fn encrypted_pem(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    let _ = SigningKey::from_encrypted_pem(text, &key_file());
}

/// No sealed value can be made without the key; the first byte chooses between a forgery and a damaged one of ours.
pub fn sealed_value(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else { return };
    if choice % 2 == 0 {
        assert!(SEALING.open(b"context", rest).is_err());
        return;
    }
    let sealed = SEALING.seal(b"context", rest, &SystemRandom);
    assert_eq!(SEALING.open(b"context", &sealed).as_deref(), Ok(rest));
    let mut damaged = sealed.clone();
    let at = usize::from(*choice) * 7 % damaged.len();
    damaged[at] ^= choice | 1;
    assert!(SEALING.open(b"context", &damaged).is_err());
    assert!(SEALING.open(rest, &sealed).is_err() || rest == b"context");
}

/// A PKCS#11 URI that is taken names a token, a key and a module, holds no NUL, and never a PIN.
pub fn pkcs11_uri(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    let Ok(uri) = shared::keys::Pkcs11Uri::parse(text) else { return };
    assert!(text.len() <= shared::keys::pkcs11_uri::MAX_URI && !text.contains("pin-value="));
    assert!(uri.token.is_some() || uri.serial.is_some());
    assert!(uri.object.is_some() || uri.id.is_some());
    assert!(!uri.module_path.is_empty() && !uri.module_path.contains('\0'));
}
