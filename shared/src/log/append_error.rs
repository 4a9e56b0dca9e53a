//! Why a log does not accept a leaf.

use std::sync::Arc;

use super::frame::MAX_LEAF;

/// The log did not accept the leaf; nothing that depends on it may leave the instance.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AppendError {
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
    /// Too much is queued; trying again later may help.
    #[error("the log is overloaded: {leaves} leaves are waiting for the disk; try again later")]
    Overloaded {
        /// The number of leaves that wait.
        leaves: usize,
    },
    /// Writing failed once. What is on the disk is known only after a restart, so the log accepts nothing more until
    /// then.
    #[error("the log has stopped until the next start: {0}")]
    Stopped(Arc<str>),
    /// The leaf is longer than an entry bundle can say.
    #[error("a leaf of {length} bytes is over the cap of {MAX_LEAF}")]
    TooLarge {
        /// Its length in bytes.
        length: usize,
    },
}
