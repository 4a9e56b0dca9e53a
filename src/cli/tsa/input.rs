//! Reads the files that the command line names.

use std::path::Path;

use crate::cli::failure::Failure;

/// Reads a whole file. There is no limit: a timestamped file can be of any size that fits into memory.
#[expect(clippy::disallowed_methods, reason = "the command line names the files to read")]
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()).into())
}
