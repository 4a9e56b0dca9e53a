//! Signatures as JOSE writes them: an ECDSA one is `r ‖ s`, each as long as the curve's order (RFC 7518 §3.4), not DER.

use der::asn1::UintRef;
use der::{Decode as _, Encode as _, Reader as _, SliceReader};
use shared::keys::SignatureAlgorithm;

fn coordinate_length(algorithm: SignatureAlgorithm) -> Option<usize> {
    match algorithm {
        SignatureAlgorithm::EcdsaP256Sha256 => Some(32),
        SignatureAlgorithm::EcdsaP384Sha384 => Some(48),
        SignatureAlgorithm::RsaPkcs1Sha256
        | SignatureAlgorithm::RsaPkcs1Sha384
        | SignatureAlgorithm::RsaPkcs1Sha512 => None,
    }
}

/// From the signer's form to JOSE's.
pub(super) fn to_jose(algorithm: SignatureAlgorithm, signature: Vec<u8>) -> Option<Vec<u8>> {
    let Some(length) = coordinate_length(algorithm) else { return Some(signature) };
    let mut reader = SliceReader::new(&signature).ok()?;
    let mut raw = vec![0; 2 * length];
    reader
        .sequence(|inner| {
            for half in raw.chunks_mut(length) {
                let number = UintRef::decode(inner)?;
                let start = length.checked_sub(number.as_bytes().len()).ok_or(der::ErrorKind::Overflow)?;
                half[start..].copy_from_slice(number.as_bytes());
            }
            Ok::<_, der::Error>(())
        })
        .ok()?;
    Some(raw)
}

/// And back.
pub(super) fn from_jose(algorithm: SignatureAlgorithm, raw: &[u8]) -> Option<Vec<u8>> {
    let Some(length) = coordinate_length(algorithm) else { return Some(raw.to_vec()) };
    if raw.len() != 2 * length {
        return None;
    }
    let (r, s) = raw.split_at(length);
    let halves = [UintRef::new(r).ok()?, UintRef::new(s).ok()?];
    let mut body = Vec::with_capacity(2 * length + 8);
    for half in halves {
        half.encode_to_vec(&mut body).ok()?;
    }
    // At most 2 × (48 + 3) bytes, so the length is one byte.
    let mut sequence = vec![0x30, u8::try_from(body.len()).ok()?];
    sequence.append(&mut body);
    Some(sequence)
}

#[cfg(test)]
mod tests {
    use shared::keys::{Signer as _, SigningKey};

    use super::*;

    #[test]
    fn ecdsa_signatures_go_to_jose_and_back() {
        for algorithm in [SignatureAlgorithm::EcdsaP256Sha256, SignatureAlgorithm::EcdsaP384Sha384] {
            let key = SigningKey::generate(algorithm).expect("generates");
            // Enough of them that some halves are short or have their top bit set.
            for round in 0..300_u32 {
                let der = key.sign(&round.to_be_bytes()).expect("signs");
                let raw = to_jose(algorithm, der.clone()).expect("converts");
                assert_eq!(Some(raw.len()), coordinate_length(algorithm).map(|length| 2 * length));
                assert_eq!(from_jose(algorithm, &raw), Some(der));
            }
            assert_eq!(from_jose(algorithm, &[1; 63]), None);
            assert_eq!(to_jose(algorithm, vec![0x30, 0x00]), None);
        }
        assert_eq!(to_jose(SignatureAlgorithm::RsaPkcs1Sha256, vec![1, 2]), Some(vec![1, 2]));
    }
}
