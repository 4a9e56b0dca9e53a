//! The provider's own trouble.

use shared::store::StoreError;

/// The provider's own faults: never the caller's, who learns only a request id.
#[derive(Debug, thiserror::Error)]
pub enum ProviderFault {
    /// A record that we wrote cannot be parsed.
    #[error("a stored {0} cannot be read")]
    Record(&'static str),
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}
