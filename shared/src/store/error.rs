//! Why a store refused or failed.

use std::fmt;

/// The half of a record that is over its cap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RecordPart {
    /// The key.
    Key,
    /// The value.
    Value,
}

impl fmt::Display for RecordPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Value => "value",
        })
    }
}

/// Why a store refused or failed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// An expectation does not hold; nothing was changed.
    #[error("the record has changed in the meantime")]
    Conflict,
    /// A key of no bytes; nothing was changed.
    #[error("a record needs a key of at least one byte")]
    EmptyKey,
    /// The engine failed; whether the change is durable is not known, so the store answers nothing more until it is
    /// opened again.
    #[error("the store failed and is closed until the next start: {0}")]
    Engine(String),
    /// Key or value over its cap; nothing was changed.
    #[error("a {what} of {length} bytes is over the cap of {cap}")]
    TooLarge {
        /// Which half of the record.
        what: RecordPart,
        /// Its length in bytes.
        length: usize,
        /// The cap in bytes.
        cap: usize,
    },
    /// A batch of more parts than the cap; nothing was changed.
    #[error("a batch of {count} expectations and changes is over the cap of {cap}")]
    TooMany {
        /// The number of its expectations and changes.
        count: usize,
        /// The cap.
        cap: usize,
    },
}
