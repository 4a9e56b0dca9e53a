//! The repository's files on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use shared::trust_root::tuf::Repository;
use shared::trust_root::tuf::metadata::MAX_BYTES;

use crate::file::FileError;

/// `<data>/tuf`.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The bytes of `name`, or nothing when there is no such file.
    #[expect(clippy::disallowed_methods, reason = "the publisher owns this folder")]
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        let path = self.0.join(name);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(FileError::at(&path))?,
        };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(FileError::at(&path))?;
        Ok(Some(bytes))
    }

    /// Makes `next` durable. What `before` has with the same bytes is there already.
    pub(super) fn write(&self, next: &Repository, before: Option<&Repository>) -> Result<(), FileError> {
        let old: Vec<_> = before.into_iter().flat_map(Repository::files).collect();
        for (name, bytes) in next.files().filter(|file| !old.contains(file)) {
            self.write_file(&name, bytes)?;
        }
        Ok(())
    }

    /// Beside it, sync, rename, sync the folder: a crash leaves the old file or the new one, never a part. The files
    /// stay in order, since each is durable before the next is begun.
    fn write_file(&self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        let path = self.0.join(name);
        let parent = path.parent().unwrap_or(&self.0);
        let beside = path.with_extension("new");
        let written = fs::create_dir_all(parent)
            .and_then(|()| OpenOptions::new().create(true).truncate(true).write(true).open(&beside))
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&beside, &path))
            .and_then(|()| sync_folder(parent));
        written.map_err(FileError::at(&path))
    }
}

#[expect(clippy::disallowed_methods, reason = "a folder is opened only to sync it")]
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
