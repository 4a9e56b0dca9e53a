//! What a new key and certificate of a unit are made from.

use std::sync::Arc;

use shared::keys::{Signer, SigningKey};
use shared::x509::{Certificate, RevocationAddresses};

use crate::instance::assemble::UnitSettings;

/// The root, which certifies the units' keys.
pub(crate) struct Root {
    pub(crate) key: SigningKey,
    pub(crate) certificate: Certificate,
}

/// What a new key and certificate of a unit are made from.
pub(crate) struct UnitKeyPlan<'a> {
    pub(crate) root: &'a Root,
    pub(crate) settings: &'a UnitSettings,
    pub(crate) addresses: Option<&'a RevocationAddresses>,
    /// A key in a token, with its URI; without it a key is made and kept in a file.
    pub(crate) token: Option<(String, Arc<dyn Signer>)>,
}
