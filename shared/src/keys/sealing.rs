//! Sealed values: data that a browser stores for us, encrypted and authenticated.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};

use super::key_file::KeyFile;
use crate::random::Random;

/// AES-256-GCM under a key derived from the key file for one purpose. A sealed value is `nonce ‖ ciphertext ‖ tag`.
pub struct SealingKey(LessSafeKey);

/// The sealed value is not ours, was changed, or was sealed for another purpose or context.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the sealed value cannot be opened")]
pub struct SealError;

impl SealingKey {
    /// The key for `purpose` (HKDF-SHA-256, RFC 5869); two purposes never share one.
    pub fn derive(key_file: &KeyFile, purpose: &str) -> Self {
        let info = [purpose.as_bytes()];
        let unbound = Salt::new(HKDF_SHA256, b"privyseal sealing v1")
            .extract(key_file.passphrase())
            .expand(&info, &AES_256_GCM)
            .map(UnboundKey::from)
            .expect("HKDF gives 32 bytes");
        Self(LessSafeKey::new(unbound))
    }

    /// Seals `plain`, bound to `context`, which must be given again to open it.
    pub fn seal(&self, context: &[u8], plain: &[u8], random: &dyn Random) -> Vec<u8> {
        // 96 random bits: with the few million values sealed in a key's life, a repeat is out of reach (SP 800-38D
        // §8.3).
        let nonce = random.bytes::<NONCE_LEN>();
        let mut sealed = nonce.to_vec();
        let mut body = plain.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut body)
            .expect("AES-GCM seals anything shorter than 64 GiB");
        sealed.append(&mut body);
        sealed
    }

    /// Opens what `seal` made under the same purpose and context.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealError)?;
        let mut body = body.to_vec();
        let plain = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(context), &mut body)
            .map_err(|_| SealError)?;
        Ok(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn opens_only_with_its_key_purpose_context_and_bytes() {
        let file = KeyFile::generate(&SystemRandom);
        let key = SealingKey::derive(&file, "flow");
        let sealed = key.seal(b"browser", b"plain", &SystemRandom);
        assert_eq!(key.open(b"browser", &sealed).as_deref(), Ok(&b"plain"[..]));
        assert_eq!(key.open(b"other", &sealed), Err(SealError));
        assert_eq!(SealingKey::derive(&file, "else").open(b"browser", &sealed), Err(SealError));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(b"browser", &changed), Err(SealError));
        }
        assert_eq!(key.open(b"browser", &sealed[..5]), Err(SealError));
    }
}
