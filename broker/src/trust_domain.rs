//! SPIFFE trust domains whose workloads may sign, and their bundles.
//!
//! A trust domain is known by its name alone, never by an address (SPIFFE Federation §3): the record says where its
//! bundle comes from. Bundles of different trust domains are never put together: an SVID is verified with the bundle of
//! the trust domain that it names. As with issuers, only the bundle inside a record changes under way, and the
//! edge's bundle refresher is its writer.
//!
//! Does not: fetch, read or keep anything.

mod admission;
mod authority;
mod bundle;
mod current_bundle;
mod document;
mod record;
mod trust_domains;

pub use admission::{Admission, RefusedBundle, evaluate};
pub(crate) use authority::has_key_cert_sign;
pub use bundle::{Bundle, BundleError, BundleMap, ListedKey, MAX_BUNDLE_BYTES, SkippedEntry, SkippedUse};
pub use current_bundle::{CurrentBundle, Unusable};
pub use document::SvidKind;
pub use record::{Accepts, BundleSource, EndpointProfile, IssuerPolicy, TrustDomainRecord, TrustDomainSpec, UsePolicy};
pub use trust_domains::TrustDomains;
