//! What every engine does.

use super::batch::StoreBatch;
use super::error::StoreError;
use super::table::Table;
use crate::time::UnixTime;

/// Records of one table with their keys, in the order of the keys' bytes.
pub type Page = Vec<(Vec<u8>, Vec<u8>)>;

/// An engine. Calls block for at most a few fsyncs; the edge makes them on its blocking pool.
///
/// A read sees every commit that has returned, and may see one that is about to: if something may happen only after a
/// record is durable, decide it by an [`super::Expect`] or by [`Store::take`], not by a read.
pub trait Store: Send + Sync {
    /// The live record under `key`.
    fn get(&self, table: Table, key: &[u8], now: UnixTime) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` live records whose keys are greater than `after`, in the order of their keys' bytes.
    fn range(&self, table: Table, after: &[u8], limit: usize, now: UnixTime) -> Result<Page, StoreError>;

    /// Applies a batch, whole or not at all; durable when it returns.
    fn commit(&self, batch: StoreBatch, now: UnixTime) -> Result<(), StoreError>;

    /// Removes and returns the live record: of any number of callers exactly one gets it. Durable when it returns.
    fn take(&self, table: Table, key: &[u8], now: UnixTime) -> Result<Option<Vec<u8>>, StoreError>;

    /// Removes up to `limit` expired records and says how many.
    fn sweep(&self, now: UnixTime, limit: usize) -> Result<usize, StoreError>;
}

/// Whether a record that ends at `expires` still lives at `now`.
pub(super) fn is_live(expires: Option<UnixTime>, now: UnixTime) -> bool {
    expires.is_none_or(|end| now < end)
}
