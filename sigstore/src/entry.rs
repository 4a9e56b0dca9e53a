//! An entry of the signature log, from the request to the leaf: who signed is settled first, then that they did, and
//! only then is there an entry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shared::keys::{PublicKey, PublicKeyError};
use shared::log::MAX_LEAF;
use shared::x509::{Certificate, CertificateError};

use crate::entry_request::{EntryRequest, Verifier};
use crate::key_details::KeyDetails;

/// The kind of every entry.
pub const KIND: &str = "hashedrekord";
/// The version of every entry.
pub const VERSION: &str = "0.0.2";

/// Who may write. The log is the instance's own: an entry says that a holder of a certificate of this instance signed.
pub struct Writers {
    /// The issuing authorities, past ones included.
    pub issuers: Vec<Certificate>,
    /// Whether a bare public key may write too. No identity stands behind such an entry, so it is off by default.
    pub allows_public_keys: bool,
}

/// An entry whose signature verified, by one who may write.
#[derive(Debug)]
pub struct Entry {
    body: Vec<u8>,
}

/// Why a request does not become an entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// The certificate does not parse.
    #[error("the certificate is not accepted: {0}")]
    Certificate(CertificateError),
    /// The public key does not parse, or is of a kind or size that is not accepted.
    #[error("the public key is not accepted: {0}")]
    PublicKey(#[from] PublicKeyError),
    /// No authority of this instance issued it.
    #[error(
        "this log takes entries signed with a certificate of this instance; the certificate is from another issuer"
    )]
    ForeignCertificate,
    /// A bare public key, where they may not write.
    #[error("this log takes entries signed with a certificate of this instance, not with a bare public key")]
    BarePublicKey,
    /// The key is of another kind.
    #[error("keyDetails {} does not describe the key", .0.name())]
    KeyDetails(KeyDetails),
    /// The digest has the length of another algorithm.
    #[error("the digest has {length} bytes; {} needs {expected}", .key_details.name())]
    DigestLength {
        /// The kind of key.
        key_details: KeyDetails,
        /// Bytes of the digest.
        length: usize,
        /// Bytes that it should have.
        expected: usize,
    },
    /// The signature is by another key or over another digest.
    #[error("the signature does not verify over the digest")]
    Signature,
    /// Bytes of a leaf that is over the cap.
    #[error("the entry has {0} bytes; the log takes at most {MAX_LEAF}")]
    TooLarge(usize),
}

impl EntryError {
    /// Whether the request was well formed but its author may not write.
    pub fn is_of_authority(&self) -> bool {
        matches!(self, Self::BarePublicKey | Self::ForeignCertificate)
    }
}

impl Entry {
    /// Checks a request and makes its leaf. `is_known` answers whether a certificate, DER, is known to be of one of the
    /// issuers: a signer brings it back within seconds of its issuance, and to verify the issuer's signature on it
    /// would cost more than all the rest. For other certificates that signature is verified.
    pub fn verify(
        request: &EntryRequest,
        writers: &Writers,
        is_known: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Self, EntryError> {
        let key = writers.key_of(&request.verifier, is_known)?;
        let key_details = request.key_details;
        if !key_details.fits(&key) {
            return Err(EntryError::KeyDetails(key_details));
        }
        let (length, expected) = (request.digest.len(), key_details.digest().output_len());
        if length != expected {
            return Err(EntryError::DigestLength { key_details, length, expected });
        }
        key.verify_prehash(&request.digest, &request.signature).map_err(|_| EntryError::Signature)?;
        let body = canonical_body(request);
        if body.len() > MAX_LEAF {
            return Err(EntryError::TooLarge(body.len()));
        }
        Ok(Self { body })
    }

    /// The leaf.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

impl Writers {
    /// The key that the signature is to be verified with, if its holder may write. Validity in time is not looked at:
    /// when the signature was made is what its timestamp says.
    fn key_of(&self, verifier: &Verifier, is_known: &dyn Fn(&[u8]) -> bool) -> Result<PublicKey, EntryError> {
        match verifier {
            Verifier::Certificate(der) => {
                let certificate = Certificate::from_der(der).map_err(EntryError::Certificate)?;
                let is_ours = || self.issuers.iter().any(|issuer| certificate.is_issued_by(issuer));
                if !is_known(der) && !is_ours() {
                    return Err(EntryError::ForeignCertificate);
                }
                Ok(certificate.public_key().clone())
            }
            Verifier::PublicKey(spki) if self.allows_public_keys => Ok(PublicKey::from_spki(spki)?),
            Verifier::PublicKey(_) => Err(EntryError::BarePublicKey),
        }
    }
}

/// The entry in JCS (RFC 8785): members sorted, no spaces. Every string in it is a known name or base64, so nothing
/// needs an escape. Verifiers make these bytes again from a bundle and compare hashes, so nothing here may ever change.
fn canonical_body(request: &EntryRequest) -> Vec<u8> {
    let (holder, raw) = match &request.verifier {
        Verifier::Certificate(der) => ("x509Certificate", der),
        Verifier::PublicKey(spki) => ("publicKey", spki),
    };
    format!(
        concat!(
            r#"{{"apiVersion":"{version}","kind":"{kind}","spec":{{"hashedRekordV002":{{"data":{{"algorithm":"{algorithm}","#,
            r#""digest":"{digest}"}},"signature":{{"content":"{content}","verifier":{{"keyDetails":"{details}","#,
            r#""{holder}":{{"rawBytes":"{raw}"}}}}}}}}}}}}"#
        ),
        version = VERSION,
        kind = KIND,
        algorithm = request.key_details.hash_name(),
        digest = STANDARD.encode(&request.digest),
        content = STANDARD.encode(&request.signature),
        details = request.key_details.name(),
        holder = holder,
        raw = STANDARD.encode(raw),
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use shared::keys::{SignatureAlgorithm, Signer as _, SigningKey};
    use shared::random::SystemRandom;
    use shared::time::UnixTime;
    use shared::x509::CaSetup;

    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_795_258_320);

    #[test]
    fn a_certificate_that_is_known_needs_no_issuer_and_others_do() {
        let key = |algorithm| SigningKey::generate(algorithm).expect("a key");
        let (root_key, key) = (key(SignatureAlgorithm::EcdsaP384Sha384), key(SignatureAlgorithm::EcdsaP384Sha384));
        let setup = CaSetup { instance: "instance", root_key: &root_key, now: NOW, random: &SystemRandom };
        let root = setup.root().expect("a root");
        let certificate = setup.issuing_ca(&root, key.public_key()).expect("a certificate");
        let key_details = KeyDetails::EcdsaP384Sha384;
        let request = EntryRequest {
            digest: aws_lc_rs::digest::digest(key_details.digest(), b"an artifact").as_ref().to_vec(),
            signature: key.sign(b"an artifact").expect("signs"),
            key_details,
            verifier: Verifier::Certificate(certificate.der().to_vec()),
        };
        let (none, ours) = (Vec::new(), vec![root]);
        for (issuers, known, is_accepted) in [
            (&none, certificate.der(), true),
            (&none, &b"another certificate"[..], false),
            (&ours, b"another certificate", true),
        ] {
            let writers = Writers { issuers: issuers.clone(), allows_public_keys: false };
            let entry = Entry::verify(&request, &writers, &|der| der == known);
            assert_eq!(entry.is_ok(), is_accepted, "{entry:?}");
            assert!(is_accepted || matches!(entry, Err(EntryError::ForeignCertificate)));
        }
    }
}
