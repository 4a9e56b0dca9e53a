//! The signature log: what it takes, from whom, and the leaf that it becomes.
//!
//! The write API is that of Rekor v2: `hashedrekord` 0.0.2, and the older `dsse` request, which becomes a `hashedrekord` over
//! the digest of the envelope's pre-authentication encoding, so that clients of either age get an entry that all verify.

pub(crate) mod entry;
pub(crate) mod first_entry;
mod issued_lately;
pub(crate) mod key_details;
pub(crate) mod request;

use std::sync::Arc;

use shared::x509::Certificate;

pub(crate) use entry::{Entry, EntryError};
pub(crate) use issued_lately::IssuedLately;
pub(crate) use request::{EntryRequest, RequestError};

/// Who may write. The log is the house's own: an entry says that somebody with a certificate of this house signed.
pub(crate) struct Writers {
    /// The issuing authorities, past ones included.
    pub(crate) issuers: Vec<Certificate>,
    /// Certificates that are known to be theirs without a look at the signature.
    pub(crate) issued_lately: Arc<IssuedLately>,
    /// Whether a bare public key may write as well. Nobody answers for such an entry, so it is off by default.
    pub(crate) allows_public_keys: bool,
}
