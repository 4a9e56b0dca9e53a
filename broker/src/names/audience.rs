//! The audience of a token.

use super::NameError;
use super::name_error::excerpt;

/// An audience (RFC 7519 §4.1.3), compared as bytes. `sigstore` is what every Sigstore client asks for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Audience(Box<str>);

impl Audience {
    /// The audience of Sigstore's clients.
    pub fn sigstore() -> Self {
        Self("sigstore".into())
    }

    /// Reads 1 to 255 bytes of printable ASCII without space.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if !(1..=255).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NameError::Audience(excerpt(text)));
        }
        Ok(Self(text.into()))
    }

    /// The audience as a token must have it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Audience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
