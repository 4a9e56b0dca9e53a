//! Keys in PKCS#11 tokens, as operators name them.

use std::path::Path;
use std::sync::Arc;

use shared::keys::{KeyAlgorithm, KeyKind, Pkcs11Error, Pkcs11Signer, Pkcs11Uri, Pkcs11UriError, Signer};
use shared::secret::Secret;

use crate::file::{self, FileError};

/// Longest PIN file, in bytes.
const MAX_PIN_FILE: u64 = 4096;

/// A key is of another kind than expected.
#[derive(Debug, thiserror::Error)]
#[error("the key is of the kind {}, and {expected} is expected; name a key of that kind", kind_name(*.found))]
pub(crate) struct KindError {
    found: KeyKind,
    expected: &'static str,
}

/// Why a key in a token cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenKeyError {
    #[error(transparent)]
    Uri(#[from] Pkcs11UriError),
    #[error("the PIN cannot be read (pin-source): {0}")]
    PinFile(#[from] FileError),
    #[error("{0} has an empty first line; put the PIN there")]
    NoPin(String),
    #[error("{0} can be read by other users, and it opens the token; run `chmod 600 {0}`")]
    PinMode(String),
    #[error(transparent)]
    Token(#[from] Pkcs11Error),
    #[error(transparent)]
    Kind(#[from] KindError),
}

/// The key that the PKCS#11 URI `uri` names, which must be of the kind `algorithm`.
pub(crate) fn signer(uri: &str, algorithm: KeyAlgorithm) -> Result<Arc<dyn Signer>, TokenKeyError> {
    let uri = Pkcs11Uri::parse(uri)?;
    let pin = uri.pin_source.as_deref().map(pin).transpose()?;
    let name = uri.object.clone().unwrap_or_default();
    let report = Arc::new(
        move |error: &Pkcs11Error| tracing::error!(key = name, %error, "a key in a PKCS#11 token could not sign"),
    );
    let signer = Pkcs11Signer::open(uri, pin, algorithm.signature(), report)?;
    check_kind(&signer, algorithm)?;
    Ok(Arc::new(signer))
}

/// Fails when the key is not of the expected kind, which is a mistake in the configuration.
pub(crate) fn check_kind(key: &dyn Signer, algorithm: KeyAlgorithm) -> Result<(), KindError> {
    let found = key.public_key().kind();
    if algorithm.is_kind(found) { Ok(()) } else { Err(KindError { found, expected: algorithm.name() }) }
}

/// As `KeyAlgorithm` names it, where it does.
fn kind_name(kind: KeyKind) -> String {
    match kind {
        KeyKind::Ed25519 => "ed25519".to_owned(),
        KeyKind::P256 => "p256".to_owned(),
        KeyKind::P384 => "p384".to_owned(),
        KeyKind::P521 => "p521".to_owned(),
        KeyKind::Rsa { bits } => format!("rsa{bits}"),
    }
}

fn pin(path: &str) -> Result<Secret<String>, TokenKeyError> {
    if file::others_may_read(Path::new(path))? {
        return Err(TokenKeyError::PinMode(path.to_owned()));
    }
    let text = zeroize::Zeroizing::new(file::read(Path::new(path), MAX_PIN_FILE)?);
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Secret::new(line.to_owned())),
        _ => Err(TokenKeyError::NoPin(path.to_owned())),
    }
}
