//! The build platforms and clouds that we know, one table each.
//!
//! Names and extensions are those of the public Sigstore's certificates for the same token, so that a policy written
//! for one works with the other; docs/divergences.md lists where that would have been unsafe. A platform's own host is
//! a constant of its table. No claim can replace it, and where a token repeats it, it must agree.

mod azure;
mod buddy;
mod buildkite;
mod circleci;
mod codefresh;
mod github;
mod gitlab;

pub use azure::AzureError;

use super::{BaseUrl, Profile};

impl Profile {
    /// GitHub Actions: github.com, an enterprise's own issuer there, a data-residency host, or GitHub Enterprise
    /// Server.
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
