//! How a record lies in the one tree: key = a byte for the table and the record's own key, value = when it expires
//! (milliseconds, 8 bytes, big endian; all ones: never) and the record's own value.
//!
//! One tree and not one a table, because sled applies a batch atomically only within a tree.

use super::super::engine::is_live;
use super::super::table::Table;
use crate::time::UnixTime;

/// A record as found.
#[derive(Debug)]
pub(super) struct StoredRecord<'a> {
    expires: Option<UnixTime>,
    value: &'a [u8],
}

impl<'a> StoredRecord<'a> {
    /// Its value, unless it has expired.
    pub(super) fn live(&self, now: UnixTime) -> Option<&'a [u8]> {
        is_live(self.expires, now).then_some(self.value)
    }
}

/// A record that no version of this file has written.
#[derive(Debug, thiserror::Error)]
#[error("a record of {length} bytes is too short to say when it expires")]
pub(super) struct StoredRecordError {
    length: usize,
}

const NEVER: u64 = u64::MAX;

/// The first record of every store, from its making to its end: a database without it has lost its beginning, which
/// sled takes for a new one.
pub(super) const FORMAT_KEY: &[u8] = b"\0format";
/// The value of that record, which changes when this file does.
pub(super) const FORMAT: &[u8] = b"privyseal store 1";

/// Bytes that stay what they are as tables come and go. 0 and 255 are kept for the store itself.
const fn code(table: Table) -> u8 {
    match table {
        Table::Codes => 1,
        Table::Sessions => 2,
        Table::Users => 3,
        Table::Registrations => 4,
        Table::UsedSvids => 5,
    }
}

/// The tree's key for a record.
pub(super) fn key(table: Table, own: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + own.len());
    key.push(code(table));
    key.extend_from_slice(own);
    key
}

/// The record's own key in a key of the tree.
pub(super) fn own_key(key: &[u8]) -> &[u8] {
    key.get(1..).unwrap_or_default()
}

/// A key behind all keys of a table.
pub(super) fn end(table: Table) -> Vec<u8> {
    vec![code(table) + 1]
}

/// What the tree keeps for a record.
pub(super) fn encode(value: &[u8], expires: Option<UnixTime>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + value.len());
    bytes.extend_from_slice(&expires.map_or(NEVER, UnixTime::millis).to_be_bytes());
    bytes.extend_from_slice(value);
    bytes
}

/// The reverse of [`encode`].
pub(super) fn decode(bytes: &[u8]) -> Result<StoredRecord<'_>, StoredRecordError> {
    let (expires, value) = bytes.split_first_chunk().ok_or(StoredRecordError { length: bytes.len() })?;
    let expires = match u64::from_be_bytes(*expires) {
        NEVER => None,
        millis => Some(UnixTime::from_millis(millis)),
    };
    Ok(StoredRecord { expires, value })
}
