//! Why possession of a key is not proven.

use const_oid::ObjectIdentifier;
use shared::keys::PublicKeyError;

use super::armor::ArmorError;

/// Why a key is not proven.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProofError {
    /// The key's PEM.
    #[error("the public key: {0}")]
    KeyArmor(ArmorError),
    /// The key itself.
    #[error(transparent)]
    Key(#[from] PublicKeyError),
    /// The key's encoding: other software would read the certificate differently, or not at all.
    #[error(
        "the public key is not encoded as RFC 5480 §2.2 and RFC 3279 §2.3.1 say: elliptic curve points uncompressed, parameters as given there"
    )]
    Encoding,
    /// The signature over the name.
    #[error("the proof of possession is not a signature by the key over the name in the token")]
    Signature,
    /// The request's PEM.
    #[error("the certificate signing request: {0}")]
    RequestArmor(ArmorError),
    /// The request is not a PKCS#10 request.
    #[error("the certificate signing request is not well-formed DER")]
    RequestMalformed,
    /// The request is signed with an algorithm that does not fit its key.
    #[error("a certificate signing request for this kind of key must not be signed with {0}")]
    RequestAlgorithm(ObjectIdentifier),
    /// The request's own signature.
    #[error("the certificate signing request is not signed by the key in it")]
    RequestSignature,
}
