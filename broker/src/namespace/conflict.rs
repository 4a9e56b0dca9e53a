//! Records and grants that do not fit together.

use super::Overlap;
use crate::grants::Asserter;
use crate::issuer::catalogue::SharedIssuerError;
use crate::names::Rule;

/// Why the records do not fit together.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RegistryConflict {
    /// I2: two records of one `iss` that tokens could not tell apart.
    #[error(
        "issuers {first:?} and {second:?} have the same iss {iss}; that needs a different audience and pinned keys in each (rule I2)"
    )]
    DuplicateIssuer {
        /// The `iss`.
        iss: String,
        /// One record.
        first: String,
        /// The second of the two.
        second: String,
    },
    /// O1: two records that certificates could not tell apart, or one that calls itself by another's `iss`.
    #[error(
        "certificates would call both {first:?} and {second:?} {label}; give one of them an issuer_label of its own (rule O1)"
    )]
    DuplicateLabel {
        /// The label that both have.
        label: String,
        /// One record.
        first: String,
        /// The second of the two.
        second: String,
    },
    /// M1: a shared issuer that is not pinned to one party.
    #[error("the issuer {issuer:?}: {error}")]
    Shared {
        /// The id of the issuer's record.
        issuer: String,
        /// What is wrong.
        error: SharedIssuerError,
    },
    /// D1: a domain in which unrelated parties register names.
    #[error("{scope} of {asserter}: {domain} is a public suffix, below which anyone may register a name (rule D1)")]
    PublicSuffix {
        /// Who holds the grant.
        asserter: Asserter,
        /// The grant, as the configuration names it.
        scope: String,
        /// The domain in the grant.
        domain: String,
    },
    /// D1: an owner cannot have a domain that may be a public suffix unknown to the list.
    #[error(
        "{scope} of {asserter}: the Public Suffix List does not know the top-level domain of {domain}, so only the configuration \
         may grant it (rule D1)"
    )]
    UnknownTopLevel {
        /// Who holds the grant.
        asserter: Asserter,
        /// The grant, as the configuration names it.
        scope: String,
        /// The domain in the grant.
        domain: String,
    },
    /// Two records, or two connectors, have the same identifier.
    #[error("two records are called {0:?}")]
    DuplicateId(String),
    /// An identifier is empty, too long or has characters that are not allowed.
    #[error("{0:?} is not an identifier of 1 to 255 printable ASCII characters")]
    Id(String),
    /// Only a connector keeps local users.
    #[error("the issuer {0:?} cannot hold the grant local-accounts; only a connector of our own provider can")]
    LocalAccounts(String),
    /// Our own provider's connectors assert names; the provider itself does not.
    #[error("the issuer {0:?} is this instance's own provider, whose connectors assert names; give the grants to them")]
    OwnProviderGrants(String),
    /// Our own provider is one.
    #[error("both {first:?} and {second:?} claim to be this instance's own provider")]
    TwoOwnProviders {
        /// One record.
        first: String,
        /// The second of the two.
        second: String,
    },
    /// X2: a trust domain has one source of keys, so one record asserts its names, regardless of the paths.
    #[error(
        "both {first} and {second} hold the trust domain {trust_domain} or a part of it; it belongs to one record (rule X2)"
    )]
    TrustDomainTwice {
        /// The trust domain.
        trust_domain: String,
        /// One holder.
        first: Asserter,
        /// The second of the two.
        second: Asserter,
    },
    /// X2: two records of one trust domain.
    #[error("the trust domain {0} is registered twice (rule X2)")]
    DuplicateTrustDomain(String),
    /// I2: a trust domain's tokens would have the `iss` of an issuer that has a record of its own.
    #[error("the iss {iss} of the trust domain {trust_domain} is also that of the issuer {issuer:?} (rule I2)")]
    IssuerOfTrustDomain {
        /// The trust domain.
        trust_domain: String,
        /// The `iss`.
        iss: String,
        /// The id of the issuer's record.
        issuer: String,
    },
    /// S4: a trust domain may assert its own names only.
    #[error(
        "the trust domain {trust_domain} cannot hold the grant {scope}; it may assert only its own SPIFFE IDs (rule S4)"
    )]
    ForeignGrant {
        /// The trust domain.
        trust_domain: String,
        /// The grant, as the configuration names it.
        scope: String,
    },
    /// X1: two asserters own the same name.
    #[error(transparent)]
    Overlap(#[from] Overlap),
    /// More of the same; the list ends here.
    #[error("more than {0} problems; the rest is not listed")]
    TooMany(usize),
}

impl RegistryConflict {
    /// The rule that is broken; none for what is only about identifiers and kinds of grants.
    pub fn rule(&self) -> Option<Rule> {
        match self {
            Self::DuplicateIssuer { .. } => Some(Rule::I2),
            Self::DuplicateLabel { .. } => Some(Rule::O1),
            Self::Shared { .. } => Some(Rule::M1),
            Self::PublicSuffix { .. } | Self::UnknownTopLevel { .. } => Some(Rule::D1),
            Self::TrustDomainTwice { .. } | Self::DuplicateTrustDomain(_) => Some(Rule::X2),
            Self::IssuerOfTrustDomain { .. } => Some(Rule::I2),
            Self::ForeignGrant { .. } => Some(Rule::S4),
            Self::Overlap(_) => Some(Rule::X1),
            Self::DuplicateId(_)
            | Self::Id(_)
            | Self::LocalAccounts(_)
            | Self::OwnProviderGrants(_)
            | Self::TwoOwnProviders { .. }
            | Self::TooMany(_) => None,
        }
    }
}
