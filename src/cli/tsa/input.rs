//! The files that these commands are given.

use std::path::Path;

use crate::cli::failure::Failure;

/// Timestamps and requests are small; a file that was timestamped may be anything that fits into memory.
#[expect(clippy::disallowed_methods, reason = "the command line names the files to read")]
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()).into())
}
