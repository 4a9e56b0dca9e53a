//! Files of this machine: written whole or not at all, and read with a cap.
//!
//! # What a durable write promises
//!
//! [`write_durably`] and [`replace_durably`] make these calls, in this order, and each must succeed before the next:
//!
//! 1. `open` of a file that ends in `.new`, in the folder of the file itself, since `rename` does not cross file
//!    systems;
//! 2. `write` of everything (a replaced file's owner and mode are set here as well);
//! 3. `fsync` of the new file. POSIX ("data … transferred to the storage device") and Linux's fsync(2) say that its
//!    bytes and its length are on the disk when it returns;
//! 4. `rename` of the new file to the name. POSIX says that the name leads to the old file or to the new one at every
//!    moment;
//! 5. `fsync` of the folder: fsync(2) says that syncing a file does not sync the entry that names it.
//!
//! So after a return without an error the new bytes survive a crash of the process, of the kernel and of the power.
//! After an error, or a crash at any moment before, a reader finds the old file whole or the new one whole, and perhaps
//! a `.new` beside it, which nobody reads and the next write overwrites.
//!
//! Not promised: anything on a disk that says it has written what it has not, or on a network file system with rules of
//! its own; the order of two writers of one file (the data directory's lock keeps a second process out); that no copy
//! of the old bytes is left on the disk; and after an error, which of the two files is there.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// A file or a folder could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {error}")]
pub(crate) struct FileError {
    pub(crate) path: PathBuf,
    pub(crate) error: std::io::Error,
}

impl FileError {
    /// What went wrong at `path`.
    pub(crate) fn at(path: &Path) -> impl Fn(std::io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self { path: path.clone(), error }
    }
}

/// Who may read a file.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    /// Only the user of this process.
    Private,
    /// Everyone who may enter the directory.
    Public,
}

/// Creates a directory that only the user of this process may enter, and its missing parents.
pub(crate) fn create_dir(path: &Path) -> Result<(), FileError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(FileError::at(path))
}

/// The names in a directory.
pub(crate) fn names(path: &Path) -> Result<Vec<String>, FileError> {
    let entries = std::fs::read_dir(path).map_err(FileError::at(path))?;
    entries
        .map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned()).map_err(FileError::at(path)))
        .collect()
}

/// Whether anyone but the owner may read the file.
pub(crate) fn others_may_read(path: &Path) -> Result<bool, FileError> {
    Ok(std::fs::metadata(path).map_err(FileError::at(path))?.permissions().mode() & 0o077 != 0)
}

/// Reads a text file of at most `cap` bytes.
#[expect(clippy::disallowed_methods, reason = "the edge reads its own directory")]
pub(crate) fn read(path: &Path, cap: u64) -> Result<String, FileError> {
    let mut text = String::new();
    File::open(path).map_err(FileError::at(path))?.take(cap).read_to_string(&mut text).map_err(FileError::at(path))?;
    Ok(text)
}

/// Reads a file of at most `cap` bytes.
#[expect(clippy::disallowed_methods, reason = "the edge reads its own directory")]
pub(crate) fn read_bytes(path: &Path, cap: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    File::open(path).map_err(FileError::at(path))?.take(cap).read_to_end(&mut bytes).map_err(FileError::at(path))?;
    Ok(bytes)
}

/// Writes a file whole: it is durable when this returns, and a crash before leaves the old one or the new
/// one, never a part. The module documentation says what that depends on.
pub(crate) fn write_durably(path: &Path, bytes: &[u8], mode: Mode) -> Result<(), FileError> {
    let beside = path.with_extension("new");
    let bits = match mode {
        Mode::Private => 0o600,
        Mode::Public => 0o644,
    };
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(bits)
        .open(&beside)
        .map_err(FileError::at(&beside))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(FileError::at(&beside))?;
    take_place(&beside, path)
}

/// Replaces an existing file in the same way; its mode and owner stay.
pub(crate) fn replace_durably(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let old = std::fs::metadata(path).map_err(FileError::at(path))?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut options = OpenOptions::new();
    let mut file =
        options.create(true).truncate(true).write(true).mode(0o600).open(&beside).map_err(FileError::at(&beside))?;
    let new = file.metadata().map_err(FileError::at(&beside))?;
    let written = (|| {
        file.write_all(bytes)?;
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            // A command that root runs must not leave a file that the instance's own user cannot read.
            std::os::unix::fs::fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(old.permissions())?;
        file.sync_all()
    })();
    if let Err(error) = written {
        let _ = std::fs::remove_file(&beside);
        return Err(FileError::at(&beside)(error));
    }
    take_place(&beside, path)
}

/// The last two steps: the file gets its name, and the name is durable.
#[expect(clippy::disallowed_methods, reason = "a directory is opened only to sync it")]
fn take_place(beside: &Path, path: &Path) -> Result<(), FileError> {
    std::fs::rename(beside, path).map_err(FileError::at(path))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(FileError::at(folder))
}
