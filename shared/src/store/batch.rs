//! Changes that happen together, and what must hold for them.

use super::error::{RecordPart, StoreError};
use super::table::Table;
use crate::time::UnixTime;

/// Longest value that a store takes, in bytes. A leaf of sled's tree holds up to 20 records between splits and merges,
/// and stays in its log only below 128 KiB; anything larger goes to blob files, which sled never syncs.
pub const MAX_VALUE: usize = 4096;
/// Longest key, in bytes. The shortest is one byte: an empty key could not be told from the start of a range.
pub const MAX_KEY: usize = 256;
/// Most expectations and changes that one batch holds together.
pub const MAX_BATCH: usize = 256;

/// What must be true of a record for a batch to be applied. An expired record is absent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Expect {
    /// No live record has this key.
    Absent,
    /// The live record's value is exactly this.
    Value(Vec<u8>),
}

impl Expect {
    /// Whether it is true of the live record's value, if there is one.
    pub(super) fn holds(&self, live: Option<&[u8]>) -> bool {
        match self {
            Self::Absent => live.is_none(),
            Self::Value(value) => live == Some(value),
        }
    }
}

/// One change of a record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StoreChange {
    /// Writes a record over whatever is there.
    Put {
        /// The value, at most `MAX_VALUE` bytes.
        value: Vec<u8>,
        /// From this moment on it is as if it were absent (RFC 7519 §4.1.4 counts `exp` so too).
        expires: Option<UnixTime>,
    },
    /// Removes a record, if it is there.
    Delete,
}

/// Changes that happen together or not at all, if every expectation holds.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StoreBatch {
    /// What must hold first.
    pub expects: Vec<(Table, Vec<u8>, Expect)>,
    /// What is then done, in order.
    pub changes: Vec<(Table, Vec<u8>, StoreChange)>,
}

impl StoreBatch {
    /// A batch that expects and changes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same batch, to be applied only if no live record has `key`.
    pub fn expect_absent(mut self, table: Table, key: impl Into<Vec<u8>>) -> Self {
        self.expects.push((table, key.into(), Expect::Absent));
        self
    }

    /// The same batch, to be applied only if the live record under `key` is exactly `value`.
    pub fn expect_value(mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        self.expects.push((table, key.into(), Expect::Value(value.into())));
        self
    }

    /// The same batch, that also writes this record.
    pub fn put(
        mut self,
        table: Table,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
        expires: Option<UnixTime>,
    ) -> Self {
        self.changes.push((table, key.into(), StoreChange::Put { value: value.into(), expires }));
        self
    }

    /// The same batch, that also removes this record.
    pub fn delete(mut self, table: Table, key: impl Into<Vec<u8>>) -> Self {
        self.changes.push((table, key.into(), StoreChange::Delete));
        self
    }

    /// Refuses what is over a cap, before an engine sees it.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let count = self.expects.len() + self.changes.len();
        if count > MAX_BATCH {
            return Err(StoreError::TooMany { count, cap: MAX_BATCH });
        }
        let keys = self.expects.iter().map(|(_, key, _)| key).chain(self.changes.iter().map(|(_, key, _)| key));
        keys.into_iter().try_for_each(|key| check_key(key))?;
        self.changes.iter().try_for_each(|(_, _, change)| match change {
            StoreChange::Put { value, .. } => check_value(value),
            StoreChange::Delete => Ok(()),
        })
    }
}

pub(super) fn check_key(key: &[u8]) -> Result<(), StoreError> {
    match key.len() {
        0 => Err(StoreError::EmptyKey),
        1..=MAX_KEY => Ok(()),
        length => Err(StoreError::TooLarge { what: RecordPart::Key, length, cap: MAX_KEY }),
    }
}

fn check_value(value: &[u8]) -> Result<(), StoreError> {
    match value.len() {
        0..=MAX_VALUE => Ok(()),
        length => Err(StoreError::TooLarge { what: RecordPart::Value, length, cap: MAX_VALUE }),
    }
}
