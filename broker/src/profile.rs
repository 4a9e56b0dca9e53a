//! Profiles: how the claims of a token become a name and the extensions of a certificate.
//!
//! A profile says what a token claims. It does not decide whether the claim is permitted: that is `namespace`, which
//! asks the grants of the record about exactly the [`Claimed`] that is put into the certificate.
//!
//! Does not: decide; nor encode anything.

mod aws;
mod base_url;
mod ci;
mod claim_error;
mod claim_path;
mod claimed;
mod extension;
mod gcp;
mod human;
mod kubernetes;
mod platform;
mod template;

use std::sync::Arc;

pub use base_url::{BaseUrl, BaseUrlError};
pub use ci::{CiProfile, CiProfileError};
pub use claim_error::ClaimError;
pub use claim_path::ClaimPath;
pub use claimed::Claimed;
pub use extension::Extension;
pub(crate) use human::verified_address;
pub use kubernetes::{KubernetesProfile, KubernetesProfileError};
pub use platform::AzureError;
pub use template::{ExtensionTemplate, NameTemplate, TemplateError};

use crate::jose::Claims;
use crate::names::{DomainName, Name, SpiffeId, UriName, Username};

/// How an issuer's claims become a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Profile {
    /// Roles of an AWS account.
    Aws,
    /// Builds, by the table of their platform.
    Ci(Arc<CiProfile>),
    /// Service accounts of Google Cloud.
    Gcp,
    /// People: the `email` claim, verified by the issuer.
    Human,
    /// Service accounts of a Kubernetes cluster.
    Kubernetes(Arc<KubernetesProfile>),
    /// Our own provider: people as well, but its record asserts nothing itself. Each of its tokens names, in
    /// `federated_claims.connector_id`, the connector that knew the person, and that connector's grants decide.
    OwnProvider,
    /// Workloads whose `sub` is a SPIFFE ID.
    Spiffe,
    /// Workloads whose `sub` is a URI.
    Uri,
    /// People or machines whose `sub` is a name inside a domain. The domain is the record's, never the token's.
    Username(DomainName),
}

impl Profile {
    /// The name and extensions that a token with this `sub` and these claims claims.
    pub fn claim(&self, subject: &str, claims: &Claims) -> Result<Claimed, ClaimError> {
        match self {
            Self::Aws => aws::claim(subject, claims),
            Self::Ci(table) => table.claim(subject, claims),
            Self::Gcp => gcp::claim(claims),
            Self::Human | Self::OwnProvider => human::claim(claims),
            Self::Kubernetes(cluster) => cluster.claim(subject, claims),
            Self::Spiffe => Ok(Claimed::subject(subject, Name::SpiffeId(SpiffeId::parse(subject)?))),
            Self::Uri => Ok(Claimed::subject(subject, Name::Uri(UriName::parse(subject)?))),
            Self::Username(domain) => Ok(Claimed::subject(subject, Name::Username(Username::of(subject, domain)?))),
        }
    }
}

#[cfg(test)]
mod tests;
