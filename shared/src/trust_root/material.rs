//! The source of truth: every key and certificate that was ever active, and when.

use super::encoding::{Moment, ValidFor};
use crate::keys::{PublicKey, SignatureAlgorithm};
use crate::time::UnixTime;

/// When something was in use. Nothing is ever taken out of the material: what is retired gets an end, so that what it
/// signed before still verifies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Validity {
    /// The first moment.
    pub start: UnixTime,
    /// The last moment, once it is retired.
    pub end: Option<UnixTime>,
}

impl Validity {
    /// In use since `start`.
    pub const fn since(start: UnixTime) -> Self {
        Self { start, end: None }
    }
}

impl From<Validity> for ValidFor {
    fn from(validity: Validity) -> Self {
        Self { start: Moment(validity.start.floor_to_second()), end: validity.end.map(Moment) }
    }
}

/// Certificates in order, root last, DER.
#[derive(Clone, Debug)]
pub struct CertificateChain {
    /// For issuing: the issuing CA first (never a leaf). For timestamps: the unit's own certificate first.
    pub certificates: Vec<Vec<u8>>,
    /// When it is in use.
    pub validity: Validity,
}

/// A log and the key of its checkpoints or SCTs.
#[derive(Clone, Debug)]
pub struct LogKey {
    /// The log's origin: the name in its checkpoints, a DNS-like name without scheme.
    pub origin: String,
    /// Its public key.
    pub key: PublicKey,
    /// What the key signs with.
    pub algorithm: SignatureAlgorithm,
    /// When it is in use.
    pub validity: Validity,
}

/// Everything that a client must know to trust the instance and to find its services.
#[derive(Clone, Debug)]
pub struct TrustMaterial {
    /// The instance's name, a DNS-like name: the operator of the services.
    pub instance: String,
    /// The address of the services: scheme, host and port, no path, no slash at the end.
    pub origin: String,
    /// The OpenID provider's issuer.
    pub oidc_issuer: String,
    /// From when the services are offered there.
    pub offered_since: UnixTime,
    /// Issuing chains.
    pub issuing: Vec<CertificateChain>,
    /// Timestamping chains.
    pub timestamping: Vec<CertificateChain>,
    /// Certificate logs; none in the profile without logs.
    pub certificate_logs: Vec<LogKey>,
    /// Signature logs; none in the profile without logs.
    pub signature_logs: Vec<LogKey>,
}
