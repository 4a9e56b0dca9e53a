//! Names, as types that only their parser can make.
//!
//! What is compared for years inside certificates is compared as bytes, so each name has exactly one spelling and every
//! other is refused with the rule that refuses it. Nothing is normalised on the way in but the letter case of an e-mail
//! domain (rule E6). No URL library takes part: those fold full-width letters, ports, escapes and case into one
//! another.
//!
//! Does not: decide who may use a name; that is `namespace`.

mod audience;
mod domain_name;
mod email_address;
mod https_url;
mod issuer_label;
mod issuer_url;
mod name;
mod name_error;
mod pattern;
mod public_suffix;
mod rule;
mod service_account;
mod spiffe_id;
mod trust_domain;
mod uri_name;
mod username;

pub use audience::Audience;
pub use domain_name::DomainName;
pub use email_address::EmailAddress;
pub use https_url::HttpsUrl;
pub use issuer_label::IssuerLabel;
pub use issuer_url::IssuerUrl;
pub use name::Name;
pub use name_error::NameError;
pub use pattern::Pattern;
pub use public_suffix::{PublicSuffixes, Suffix, SuffixListError};
pub use rule::Rule;
pub use service_account::{ClusterName, ServiceAccount, ServiceAccounts};
pub use spiffe_id::{SpiffeId, SpiffePrefix};
pub use trust_domain::TrustDomain;
pub use uri_name::UriName;
pub use username::Username;
