//! The key file: the secret that all others at rest are encrypted with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::random::Random;
use crate::secret::Secret;

const SECRET_LENGTH: usize = 32;

/// 256 random bits, kept in a file of mode 0600 as one line of base64. That line is the passphrase of every encrypted
/// private key of the instance, so `openssl pkcs8 -passin file:…` opens them in an emergency.
pub struct KeyFile {
    line: Secret<String>,
}

/// The key file does not have the expected form.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the key file must hold one line: the base64 of 32 bytes")]
pub struct KeyFileError;

impl KeyFile {
    /// A fresh secret.
    pub fn generate(random: &dyn Random) -> Self {
        let secret = Zeroizing::new(random.bytes::<SECRET_LENGTH>());
        Self { line: Secret::new(STANDARD.encode(*secret)) }
    }

    /// Reads the file's text; one line end after it is allowed.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let line = text.strip_suffix('\n').unwrap_or(text);
        let secret = Zeroizing::new(STANDARD.decode(line).map_err(|_| KeyFileError)?);
        if secret.len() != SECRET_LENGTH {
            return Err(KeyFileError);
        }
        Ok(Self { line: Secret::new(line.to_owned()) })
    }

    /// The text of the file.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}\n", self.line.expose()))
    }

    pub(crate) fn passphrase(&self) -> &[u8] {
        self.line.expose().as_bytes()
    }
}
