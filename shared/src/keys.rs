//! Keys: those that sign for the instance, those that clients present, and how ours are stored.
//!
//! Signatures and verifications go through AWS-LC. A private key never leaves the `Signer` that holds it.

pub mod algorithm;
pub mod key_file;
pub mod key_kind;
pub mod pkcs11;
pub mod pkcs11_uri;
pub mod public_key;
pub mod sealing;
pub mod signer;

pub use algorithm::{KeyAlgorithm, KeyAlgorithmError, SignatureAlgorithm};
pub use key_file::{KeyFile, KeyFileError};
pub use key_kind::KeyKind;
pub use pkcs11::{Pkcs11Error, Pkcs11Signer};
pub use pkcs11_uri::{Pkcs11Uri, Pkcs11UriError};
pub use public_key::{PublicKey, PublicKeyError};
pub use sealing::{SealError, SealingKey};
pub use signer::{KeyError, SignError, Signer, SigningKey};
