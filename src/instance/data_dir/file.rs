//! Files written whole or not at all, and read with a cap.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::DataDirError;

/// Who may read a file.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    /// Only we.
    Private,
    /// Everybody who may enter the directory.
    Public,
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> DataDirError {
    let path = path.to_owned();
    move |error| DataDirError::File { path: path.clone(), error }
}

/// Makes a directory that only we may enter, and those above it, if they are missing.
pub(crate) fn create_dir(path: &Path) -> Result<(), DataDirError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at(path))
}

/// The names in a directory.
pub(crate) fn names(path: &Path) -> Result<Vec<String>, DataDirError> {
    let entries = std::fs::read_dir(path).map_err(at(path))?;
    entries.map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned()).map_err(at(path))).collect()
}

/// True when anybody but the owner may read the file.
pub(crate) fn others_may_read(path: &Path) -> Result<bool, DataDirError> {
    Ok(std::fs::metadata(path).map_err(at(path))?.permissions().mode() & 0o077 != 0)
}

/// Reads a text file of at most `cap` bytes.
#[expect(clippy::disallowed_methods, reason = "the edge reads its own directory")]
pub(crate) fn read(path: &Path, cap: u64) -> Result<String, DataDirError> {
    let mut text = String::new();
    File::open(path).map_err(at(path))?.take(cap).read_to_string(&mut text).map_err(at(path))?;
    Ok(text)
}

/// Reads a file of at most `cap` bytes.
#[expect(clippy::disallowed_methods, reason = "the edge reads its own directory")]
pub(crate) fn read_bytes(path: &Path, cap: u64) -> Result<Vec<u8>, DataDirError> {
    let mut bytes = Vec::new();
    File::open(path).map_err(at(path))?.take(cap).read_to_end(&mut bytes).map_err(at(path))?;
    Ok(bytes)
}

/// Writes beside, syncs, renames, syncs the directory: a crash leaves the old file or the new one, never a part.
#[expect(clippy::disallowed_methods, reason = "a directory is opened only to sync it")]
pub(crate) fn write_durably(path: &Path, bytes: &[u8], mode: Mode) -> Result<(), DataDirError> {
    let beside = path.with_extension("new");
    let bits = match mode {
        Mode::Private => 0o600,
        Mode::Public => 0o644,
    };
    let mut file =
        OpenOptions::new().create(true).truncate(true).write(true).mode(bits).open(&beside).map_err(at(&beside))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(at(&beside))?;
    std::fs::rename(&beside, path).map_err(at(path))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))
}

/// Writes whole or not at all in place of a file that somebody else made: its mode and its owner stay.
#[expect(clippy::disallowed_methods, reason = "a directory is opened only to sync it")]
pub(crate) fn replace_durably(path: &Path, bytes: &[u8]) -> Result<(), DataDirError> {
    let old = std::fs::metadata(path).map_err(at(path))?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = std::path::PathBuf::from(beside);
    let mut options = OpenOptions::new();
    let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(&beside).map_err(at(&beside))?;
    let new = file.metadata().map_err(at(&beside))?;
    let written = (|| {
        file.write_all(bytes)?;
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            // Who runs a command as root must not leave a file that the house's own user cannot read.
            std::os::unix::fs::fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(old.permissions())?;
        file.sync_all()
    })();
    if let Err(error) = written {
        let _ = std::fs::remove_file(&beside);
        return Err(at(&beside)(error));
    }
    std::fs::rename(&beside, path).map_err(at(path))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))
}
