//! X.509 (RFC 5280): reading certificates and chains, the identifiers of keys, writing DER, and the CA setup, which
//! makes the instance's own authorities.

pub mod ca_setup;
pub mod certificate;
pub mod chain;
pub mod der_writer;
pub mod key_identifier;
pub mod path;
pub mod revocation;
pub mod revocation_addresses;
pub mod serial;

pub use ca_setup::{CaSetup, CaSetupError, UnitPlan};
pub use certificate::{Certificate, CertificateError};
pub use chain::{Chain, ChainError};
pub use der_writer::DerWriter;
pub use key_identifier::KeyIdentifier;
pub use path::{PathError, chain_for};
pub use revocation_addresses::RevocationAddresses;
pub use serial::{NodePrefix, SerialNumber};
