//! Files that hold a secret.

use std::path::Path;

use shared::secret::Secret;

use crate::file;

/// Longest file, in bytes.
const MAX_FILE: u64 = 4096;

/// The first line of the file.
pub(super) fn read(path: &Path) -> Result<Secret<String>, String> {
    let text = zeroize::Zeroizing::new(file::read(path, MAX_FILE).map_err(|error| error.to_string())?);
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Secret::new(line.to_owned())),
        _ => Err(format!("{} has an empty first line; put the secret there", path.display())),
    }
}
