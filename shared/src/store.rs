//! What the provider remembers: small records that may expire, behind one trait with several engines.
//!
//! Nothing that we promised to keep for ever lives here (that is in the logs). What does live here must survive a crash
//! and a power cut once `commit` or `take` has returned.
//!
//! It does not give transactions that read: a caller that decides by what it read says so as an [`Expect`], and on
//! [`StoreError::Conflict`] reads and decides again.

pub mod memory;
pub mod sled;

use std::fmt;

use crate::time::UnixTime;

pub use self::memory::MemoryStore;
pub use self::sled::SledStore;

/// The kinds of record. Each is a key space of its own.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Table {
    /// Authorization codes, by SHA-256 of the code.
    Codes,
    /// Registrations of issuers, by identifier. The audit log holds them too.
    Registrations,
    /// Browser sessions, by SHA-256 of the session secret.
    Sessions,
    /// SVIDs and proofs that count once and were used, by their SHA-256.
    UsedSvids,
    /// Local users, by normalised e-mail address.
    Users,
}

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
    fn holds(&self, live: Option<&[u8]>) -> bool {
        match self {
            Self::Absent => live.is_none(),
            Self::Value(value) => live == Some(value),
        }
    }
}

/// One change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
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
pub struct Batch {
    /// What must hold first.
    pub expects: Vec<(Table, Vec<u8>, Expect)>,
    /// What is then done, in order.
    pub changes: Vec<(Table, Vec<u8>, Change)>,
}

impl Batch {
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
        self.changes.push((table, key.into(), Change::Put { value: value.into(), expires }));
        self
    }

    /// The same batch, that also removes this record.
    pub fn delete(mut self, table: Table, key: impl Into<Vec<u8>>) -> Self {
        self.changes.push((table, key.into(), Change::Delete));
        self
    }

    /// Refuses what is over a cap, before an engine sees it.
    fn check(&self) -> Result<(), StoreError> {
        let count = self.expects.len() + self.changes.len();
        if count > MAX_BATCH {
            return Err(StoreError::TooMany { count, cap: MAX_BATCH });
        }
        let keys = self.expects.iter().map(|(_, key, _)| key).chain(self.changes.iter().map(|(_, key, _)| key));
        keys.into_iter().try_for_each(|key| check_key(key))?;
        self.changes.iter().try_for_each(|(_, _, change)| match change {
            Change::Put { value, .. } => check_value(value),
            Change::Delete => Ok(()),
        })
    }
}

fn check_key(key: &[u8]) -> Result<(), StoreError> {
    match key.len() {
        0 => Err(StoreError::EmptyKey),
        1..=MAX_KEY => Ok(()),
        length => Err(StoreError::TooLarge { what: Part::Key, length, cap: MAX_KEY }),
    }
}

fn check_value(value: &[u8]) -> Result<(), StoreError> {
    match value.len() {
        0..=MAX_VALUE => Ok(()),
        length => Err(StoreError::TooLarge { what: Part::Value, length, cap: MAX_VALUE }),
    }
}

/// The half of a record that is over its cap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// What it is found by.
    Key,
    /// What it says.
    Value,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Value => "value",
        })
    }
}

/// Why a store did not do as asked.
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
        what: Part,
        /// Its length.
        length: usize,
        /// The cap.
        cap: usize,
    },
    /// A batch of more parts than the cap; nothing was changed.
    #[error("a batch of {count} expectations and changes is over the cap of {cap}")]
    TooMany {
        /// How many it has.
        count: usize,
        /// The cap.
        cap: usize,
    },
}

/// Records of one table with their keys, in the order of the keys' bytes.
pub type Page = Vec<(Vec<u8>, Vec<u8>)>;

/// An engine. Calls block for at most a few fsyncs; the edge makes them on its blocking pool.
///
/// A read sees every commit that has returned, and may see one that is about to: what must not be acted on before it is
/// durable is decided by an [`Expect`] or by [`Store::take`], not by a read.
pub trait Store: Send + Sync {
    /// The live record under `key`.
    fn get(&self, table: Table, key: &[u8], now: UnixTime) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` live records whose keys are greater than `after`, in the order of their keys' bytes.
    fn range(&self, table: Table, after: &[u8], limit: usize, now: UnixTime) -> Result<Page, StoreError>;

    /// Applies a batch, whole or not at all; durable when it returns.
    fn commit(&self, batch: Batch, now: UnixTime) -> Result<(), StoreError>;

    /// Removes and returns the live record: of any number of callers exactly one gets it. Durable when it returns.
    fn take(&self, table: Table, key: &[u8], now: UnixTime) -> Result<Option<Vec<u8>>, StoreError>;

    /// Removes up to `limit` expired records and says how many.
    fn sweep(&self, now: UnixTime, limit: usize) -> Result<usize, StoreError>;
}

/// Whether a record that ends at `expires` still lives at `now`.
fn is_live(expires: Option<UnixTime>, now: UnixTime) -> bool {
    expires.is_none_or(|end| now < end)
}
