//! The build platforms and clouds that we know, one table each.
//!
//! Names and extensions are those of the public Sigstore's certificates for the same token, so that a policy written for one
//! works with the other; docs/divergences.md lists where that would have been unsafe. A platform's own host is a constant of
//! its table. No claim can replace it, and where a token repeats it, it must agree.

mod azure;
mod buddy;
mod buildkite;
mod circleci;
mod codefresh;
mod github;
mod gitlab;

pub use azure::AzureError;

use super::ci::{Condition, Source};
use super::{CiProfile, ClaimPath, Extension, ExtensionTemplate, NameTemplate, Profile};
use crate::names::UriName;

/// The address of a platform for people, without a slash at its end: `https://github.com`. Names begin with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BaseUrl(UriName);

/// Why an address is none of a platform.
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
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let name = UriName::parse(text)?;
        if name.scheme() != "https" || name.path().ends_with('/') {
            return Err(BaseUrlError::Form(text.chars().take(80).collect()));
        }
        Ok(Self(name))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The address, as a name.
    pub(super) fn name(&self) -> &UriName {
        &self.0
    }

    fn without_scheme(&self) -> &str {
        self.as_str().strip_prefix("https://").unwrap_or_default()
    }
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Profile {
    /// GitHub Actions: github.com, an enterprise's own issuer there, a data-residency host, or GitHub Enterprise Server.
    pub fn github(base: &BaseUrl) -> Self {
        Self::Ci(github::table(base).into())
    }

    /// GitLab CI/CD, gitlab.com or any other.
    pub fn gitlab(base: &BaseUrl) -> Self {
        Self::Ci(gitlab::table(base).into())
    }

    /// Buildkite jobs.
    pub fn buildkite() -> Self {
        Self::Ci(buildkite::table().into())
    }

    /// CircleCI jobs.
    pub fn circleci() -> Self {
        Self::Ci(circleci::table().into())
    }

    /// Codefresh workflows.
    pub fn codefresh(base: &BaseUrl) -> Self {
        Self::Ci(codefresh::table(base).into())
    }

    /// Buddy pipelines.
    pub fn buddy(base: &BaseUrl) -> Self {
        Self::Ci(buddy::table(base).into())
    }

    /// Azure managed identities of one tenant, which the issuer names.
    pub fn azure(iss: &str) -> Result<Self, AzureError> {
        azure::table(iss).map(|table| Self::Ci(table.into()))
    }
}

fn claim(name: &str) -> ClaimPath {
    ClaimPath::parse(name).expect("a platform's claim has a name")
}

fn named(platform: &'static str, name: &str) -> CiProfile {
    CiProfile::new(platform, NameTemplate::parse(name).expect("a platform's name is a template"))
}
