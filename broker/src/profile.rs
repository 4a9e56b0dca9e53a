//! Profiles: how the claims of a token become a name and the extensions of a certificate.
//!
//! A profile says what a token claims. It never says that the claim may be made: that is `namespace`, which asks the grants of
//! the record about the very [`Claimed`] that ends in the certificate.
//!
//! Does not: decide; nor encode anything.

mod aws;
mod ci;
mod claim_path;
mod extension;
mod gcp;
mod human;
mod kubernetes;
mod platform;
mod template;

use std::sync::Arc;

pub use ci::{CiProfile, CiProfileError};
pub use claim_path::ClaimPath;
pub use extension::Extension;
pub(crate) use human::verified_address;
pub use kubernetes::{KubernetesProfile, KubernetesProfileError};
pub use platform::{AzureError, BaseUrl, BaseUrlError};
pub use template::{ExtensionTemplate, NameTemplate, TemplateError};

use crate::names::{DomainName, Name, NameError, Rule, ServiceAccount, SpiffeId, UriName, Username};
use crate::token::VerifiedToken;

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
    /// Our own provider: people as well, but its record speaks for nothing itself. Each of its tokens names, in
    /// `federated_claims.connector_id`, the connector that knew the person, and that connector's grants decide.
    OwnProvider,
    /// Workloads whose `sub` is a SPIFFE ID.
    Spiffe,
    /// Workloads whose `sub` is a URI.
    Uri,
    /// People or machines whose `sub` is a name inside a domain. The domain is the record's, never the token's.
    Username(DomainName),
}

/// What a token claims to be, before anybody said that it may.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claimed {
    /// The name that the certificate would hold.
    pub name: Name,
    /// What the client signs to prove that it has the key, as it stands in the token.
    pub proof_name: String,
    /// Fulcio's extensions beside those of issuer and subject, ascending: the last arc of 1.3.6.1.4.1.57264.1.N, and the text.
    pub extensions: Vec<(u8, String)>,
}

impl Claimed {
    /// A name that is proven by signing `sub`, without extensions.
    fn subject(token: &VerifiedToken, name: Name) -> Self {
        Self { name, proof_name: token.subject().to_owned(), extensions: Vec::new() }
    }
}

/// Why a token claims nothing that a certificate could hold.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClaimError {
    /// E1.
    #[error("the token has no e-mail address")]
    EmailMissing,
    /// E1.
    #[error("the e-mail address is not verified by the issuer: email_verified is not true")]
    EmailUnverified,
    /// N1.
    #[error("the token has no claim {0:?}, which its platform's tokens have")]
    Missing(String),
    /// N1.
    #[error("the claim {0:?} is empty")]
    Empty(String),
    /// N1.
    #[error("the claim {0:?} is neither a string, a whole number nor a truth value")]
    Type(String),
    /// N1.
    #[error("the claim {claim:?} holds what cannot stand in its place in a name: {value:?}")]
    Place {
        /// Which.
        claim: String,
        /// What, its first 80 characters.
        value: String,
    },
    /// N1.
    #[error("the claim {0:?} does not agree with the rest of the token, or with the record")]
    Differs(String),
    /// N1.
    #[error("a name or an extension made from the claims would be longer than 2048 bytes")]
    TooLong,
    /// K2.
    #[error("sub {0:?} is not the service account that the claim kubernetes.io names")]
    KubernetesSubject(String),
    /// K3.
    #[error("the service account {0} is not on the list of the record")]
    KubernetesAccount(ServiceAccount),
    /// The name is no name: rules U, H, P, E, S, N2 and K1.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl ClaimError {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        match self {
            Self::EmailMissing | Self::EmailUnverified => Rule::E1,
            Self::Missing(_)
            | Self::Empty(_)
            | Self::Type(_)
            | Self::Place { .. }
            | Self::Differs(_)
            | Self::TooLong => Rule::N1,
            Self::KubernetesSubject(_) => Rule::K2,
            Self::KubernetesAccount(_) => Rule::K3,
            Self::Name(error) => error.rule(),
        }
    }
}

impl Profile {
    /// What the token claims to be.
    pub fn claim(&self, token: &VerifiedToken) -> Result<Claimed, ClaimError> {
        match self {
            Self::Aws => aws::claim(token),
            Self::Ci(table) => table.claim(token),
            Self::Gcp => gcp::claim(token.claims()),
            Self::Human | Self::OwnProvider => human::claim(token.claims()),
            Self::Kubernetes(cluster) => cluster.claim(token),
            Self::Spiffe => Ok(Claimed::subject(token, Name::SpiffeId(SpiffeId::parse(token.subject())?))),
            Self::Uri => Ok(Claimed::subject(token, Name::Uri(UriName::parse(token.subject())?))),
            Self::Username(domain) => {
                Ok(Claimed::subject(token, Name::Username(Username::of(token.subject(), domain)?)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
