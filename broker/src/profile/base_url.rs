//! The base URL of a platform.

use shared::excerpt::excerpt;

use crate::names::UriName;

/// The URL of a platform for its users, without a slash at its end: `https://github.com`. Names begin with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BaseUrl(UriName);

/// Why a URL is not the base URL of a platform.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BaseUrlError {
    /// Not a name.
    #[error(transparent)]
    Name(#[from] crate::names::NameError),
    /// Not `https`, or with a slash at its end.
    #[error("{0:?} is not an https URL without a slash at its end")]
    Form(String),
}

impl BaseUrl {
    /// Reads a base URL.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let name = UriName::parse(text)?;
        if name.scheme() != "https" || name.path().ends_with('/') {
            return Err(BaseUrlError::Form(excerpt(text, 80)));
        }
        Ok(Self(name))
    }

    /// The URL, without a slash at its end.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The address, as a name.
    pub(super) fn name(&self) -> &UriName {
        &self.0
    }

    pub(super) fn without_scheme(&self) -> &str {
        self.as_str().strip_prefix("https://").unwrap_or_default()
    }
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
