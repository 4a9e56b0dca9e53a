//! Why a key in a token cannot be used.

use cryptoki::error::Error;

use crate::keys::public_key::PublicKeyError;

/// Why a key in a token cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Pkcs11Error {
    /// The module's file is no PKCS#11 module.
    #[error("{path} cannot be loaded as a PKCS#11 module: {reason}")]
    Module {
        /// The file.
        path: String,
        /// The loader's error.
        reason: String,
    },
    /// A call into the module failed.
    #[error("a call to the PKCS#11 module failed: {0}")]
    Call(String),
    /// The PIN is not the token's. It is not tried again, since tokens lock themselves after a few wrong ones.
    #[error(
        "the token refused the PIN ({0}); it is not tried again before the next start, since tokens lock themselves"
    )]
    Pin(String),
    /// No token of this name.
    #[error("there is no token {wanted}; the module knows {}", if .found.is_empty() { "none".to_owned() } else { .found.join(", ") })]
    NoToken {
        /// What was looked for.
        wanted: String,
        /// Labels of the tokens that are there.
        found: Vec<String>,
    },
    /// No such key, or several.
    #[error("the token has {count} {class} keys {wanted}; exactly one is needed")]
    Key {
        /// Private or public.
        class: &'static str,
        /// What was looked for.
        wanted: String,
        /// How many there are.
        count: usize,
    },
    /// The public half is missing, or of a kind that we do not use.
    #[error("the public half of the key {wanted} cannot be used: {reason}")]
    Public {
        /// What was looked for.
        wanted: String,
        /// What is wrong.
        reason: String,
    },
    /// The key cannot sign with the requested algorithm.
    #[error("the key {0} is of another kind than requested")]
    Algorithm(String),
    /// What the private key signs does not verify with the public one.
    #[error("the private and the public key {0} do not belong together")]
    Pair(String),
}

impl From<Error> for Pkcs11Error {
    fn from(error: Error) -> Self {
        // The crate explains each code in a paragraph; its name says as much.
        match error {
            Error::Pkcs11(code, function) => Self::Call(format!("{function:?} answered {code:?}")),
            other => Self::Call(other.to_string()),
        }
    }
}

impl From<PublicKeyError> for Pkcs11Error {
    fn from(error: PublicKeyError) -> Self {
        Self::Public { wanted: String::new(), reason: error.to_string() }
    }
}
