//! Where a log keeps its bytes, as a trait: files in service, memory in tests, memory that fails on purpose in others.

use std::io;

/// Segments, which are the log, and published files, which can be made again from them.
///
/// A segment is known by the size of the tree that it begins with.
pub trait Storage: Send + Sync {
    /// The segments there are, in order.
    fn segments(&self) -> io::Result<Vec<u64>>;

    /// All bytes of a segment; zeroes may follow what was written.
    fn read_segment(&self, segment: u64) -> io::Result<Vec<u8>>;

    /// Makes a segment that begins with `head`. Durable when it returns, name and all; before that the segment does not
    /// exist.
    fn create_segment(&self, segment: u64, head: &[u8]) -> io::Result<()>;

    /// Writes into a segment. Durable only after `sync`.
    fn write(&self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes all that was written to a segment durable.
    fn sync(&self, segment: u64) -> io::Result<()>;

    /// Publishes a file, replacing it whole. Not durable until `settle`.
    fn publish(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Reads a published file.
    fn published(&self, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// Makes published files durable, names and all.
    fn settle(&self, names: &[String]) -> io::Result<()>;

    /// Removes a published file, if it is there.
    fn retract(&self, name: &str) -> io::Result<()>;
}
