//! A log's bytes in a directory:
//!
//! ```text
//! lock                              locked while the log is open
//! segments/00000000000000000000.seg the log itself
//! checkpoint, tile/…                published; made again from the segments when missing
//! settled/00000000000000000000      a segment whose tiles are durable
//! ```

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::storage::Storage;

/// Zeroes are written this far ahead, so that most syncs change no metadata: they then cost a third less.
const AHEAD: u64 = 1024 * 1024;
const SEGMENTS: &str = "segments";

/// A directory, locked against a second process when it is open for writing.
pub(super) struct FileStorage {
    dir: PathBuf,
    active: Mutex<Option<Active>>,
    scratch: AtomicU64,
    _lock: Option<File>,
}

/// The segment that is written to.
struct Active {
    segment: u64,
    file: Arc<File>,
    /// The file's length: beyond what was written it is zeroes.
    allocated: u64,
}

impl FileStorage {
    /// Opens a directory for writing, and creates it if it is missing.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir.join(SEGMENTS))?;
        sync_directory(dir)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(dir.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another process has this log open"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let storage = Self { _lock: Some(lock), ..Self::read_only(dir) };
        storage.clear_scratch()?;
        // Names that an earlier process made and could not sync.
        sync_directory(&dir.join(SEGMENTS))?;
        Ok(storage)
    }

    /// Opens a directory for reading, whether or not a log has it open.
    pub(super) fn read_only(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), active: Mutex::new(None), scratch: AtomicU64::new(0), _lock: None }
    }

    fn clear_scratch(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.dir.join(SEGMENTS))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "new") {
                fs::remove_file(path)?;
            }
        }
        match fs::remove_dir_all(self.dir.join("scratch")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn segment_path(&self, segment: u64) -> PathBuf {
        self.dir.join(SEGMENTS).join(format!("{segment:020}.seg"))
    }

    fn active(&self) -> MutexGuard<'_, Option<Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `act` on the file of `segment`, opened on first use.
    fn with_active<T>(&self, segment: u64, act: impl FnOnce(&mut Active) -> io::Result<T>) -> io::Result<T> {
        let mut active = self.active();
        if active.as_ref().is_none_or(|active| active.segment != segment) {
            let file = OpenOptions::new().read(true).write(true).open(self.segment_path(segment))?;
            let allocated = file.metadata()?.len();
            *active = Some(Active { segment, file: Arc::new(file), allocated });
        }
        active.as_mut().map_or_else(|| Err(io::ErrorKind::NotFound.into()), act)
    }
}

impl Storage for FileStorage {
    fn segments(&self) -> io::Result<Vec<u64>> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(self.dir.join(SEGMENTS))? {
            let name = entry?.file_name();
            let digits = name.to_str().and_then(|name| name.strip_suffix(".seg")).filter(|digits| digits.len() == 20);
            segments.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
        }
        segments.sort_unstable();
        Ok(segments)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the log's engine, where its files are read")]
    fn read_segment(&self, segment: u64) -> io::Result<Vec<u8>> {
        fs::read(self.segment_path(segment))
    }

    fn create_segment(&self, segment: u64, head: &[u8]) -> io::Result<()> {
        let path = self.segment_path(segment);
        let unfinished = path.with_extension("new");
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&unfinished)?;
        file.write_all(head)?;
        let allocated = (head.len() as u64 + AHEAD).next_multiple_of(4096);
        zero(&file, head.len() as u64, allocated)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        sync_directory(&self.dir.join(SEGMENTS))?;
        *self.active() = Some(Active { segment, file: Arc::new(file), allocated });
        Ok(())
    }

    fn write(&self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.with_active(segment, |active| {
            let end = offset + bytes.len() as u64;
            if end > active.allocated {
                let ahead = (end + AHEAD).next_multiple_of(4096);
                zero(&active.file, end, ahead)?;
                active.allocated = ahead;
            }
            active.file.write_all_at(bytes, offset)
        })
    }

    fn sync(&self, segment: u64) -> io::Result<()> {
        let file = self.with_active(segment, |active| Ok(Arc::clone(&active.file)))?;
        file.sync_data()
    }

    fn publish(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        // Readers of the directory see a file whole or not at all.
        let number = self.scratch.fetch_add(1, Ordering::Relaxed);
        let scratch = self.dir.join("scratch").join(number.to_string());
        let target = self.dir.join(name);
        write_new(&scratch, bytes)?;
        match fs::rename(&scratch, &target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(target.parent().unwrap_or(&self.dir))?;
                fs::rename(&scratch, &target)
            }
            done => done,
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the log's engine, where its files are read")]
    fn published(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.dir.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the log's engine, where its files are synced")]
    fn settle(&self, names: &[String]) -> io::Result<()> {
        // The names on the way may be new as well.
        let mut folders = BTreeSet::new();
        for name in names {
            let path = self.dir.join(name);
            File::open(&path)?.sync_all()?;
            folders
                .extend(path.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.dir)).map(PathBuf::from));
        }
        folders.iter().try_for_each(|folder| sync_directory(folder))
    }

    fn retract(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let create = || OpenOptions::new().write(true).create(true).truncate(true).open(path);
    let file = match create() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(path))?;
            create()
        }
        done => done,
    };
    file?.write_all(bytes)
}

fn zero(file: &File, from: u64, to: u64) -> io::Result<()> {
    static ZEROES: [u8; 64 * 1024] = [0; 64 * 1024];
    let mut at = from;
    while at < to {
        let length = (to - at).min(ZEROES.len() as u64);
        file.write_all_at(&ZEROES[..length as usize], at)?;
        at += length;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a directory is synced through a handle on it")]
fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
