//! Opening: what is there is made durable first, then read whole; what cannot be read is moved aside, never deleted.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread::sleep;
use std::time::Duration;

use super::super::engine::Store;
use super::super::error::StoreError;
use super::committer::StoreCommitter;
use super::engine::{Engine, panic_text};
use super::record;
use super::sled_store::SledStore;
use crate::time::UnixTime;

/// sled's cache of pages: its own default of 1 GiB is no size for a store of small records that expire.
const CACHE_BYTES: u64 = 16 << 20;
/// How often the lock is tried, and how long is waited between: a killed process may take a moment to be gone.
const LOCK_TRIES: usize = 20;
const LOCK_WAIT: Duration = Duration::from_millis(50);

/// What opening found. It is logged and, if a store was set aside, recorded in the audit log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoreOpenReport {
    /// Whether the store was made by this call.
    pub is_new: bool,
    /// How many records it holds, expired ones counted.
    pub records: usize,
    /// The store that was there and could not be read.
    pub set_aside: Option<SetAside>,
}

/// A store that could not be read, kept for examination.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SetAside {
    /// Where it is now.
    pub path: PathBuf,
    /// The engine's error.
    pub reason: String,
}

impl fmt::Display for StoreOpenReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.set_aside {
            None if self.is_new => f.write_str("a new store"),
            None => write!(f, "{} records", self.records),
            Some(SetAside { path, reason }) => write!(
                f,
                "the store could not be read ({reason}); it is kept as {} and a new one has taken its place with {} \
                 records that could be rebuilt: every other session, code and account in it is lost",
                path.display(),
                self.records
            ),
        }
    }
}

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
pub enum StoreOpenError {
    /// Not even an empty store can be created.
    #[error("no store can be created in {}: {reason}", dir.display())]
    Engine {
        /// The store's directory.
        dir: PathBuf,
        /// The engine's error.
        reason: String,
    },
    /// The file system refuses. The data may be sound, so nothing is set aside.
    #[error("the store in {} cannot be opened: {source}", dir.display())]
    Io {
        /// The store's directory.
        dir: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Another process has it open.
    #[error("the store in {} is in use by another process; stop that one first", dir.display())]
    Locked {
        /// The store's directory.
        dir: PathBuf,
    },
    /// The new store could not be refilled.
    #[error("the new store in {} could not be refilled: {source}", dir.display())]
    Rebuild {
        /// The store's directory.
        dir: PathBuf,
        /// The error of the store or of the refill.
        source: StoreError,
    },
}

impl SledStore {
    /// Opens the store in `dir`, or makes one there.
    ///
    /// `rebuild` refills a store that was made by this call, be it that none was there or that what was there could not
    /// be read. The new store is not complete until it has returned: a crash before that starts it afresh.
    pub fn open(
        dir: &Path,
        now: UnixTime,
        rebuild: impl FnOnce(&dyn Store) -> Result<(), StoreError>,
    ) -> Result<(Self, StoreOpenReport), StoreOpenError> {
        let store_dir = StoreDir { dir };
        store_dir.discard_unfinished().map_err(|failure| store_dir.error(failure))?;
        if !dir.join("db").exists() {
            let (store, records) = store_dir.make(rebuild)?;
            return Ok((store, StoreOpenReport { is_new: true, records, set_aside: None }));
        }
        store_dir.sync().map_err(|source| store_dir.io(source))?;
        match store_dir.guarded(|| store_dir.open_again()) {
            Ok((engine, records)) => {
                Ok((store_dir.serve(engine)?, StoreOpenReport { is_new: false, records, set_aside: None }))
            }
            Err(OpenFailure::Broken(reason)) => {
                let path = store_dir.set_aside(now).map_err(|source| store_dir.io(source))?;
                // A full disk can look like a broken store. If nothing can be made in its place, it goes back there.
                let (store, records) = store_dir.make(rebuild).inspect_err(|_| store_dir.put_back(&path))?;
                Ok((store, StoreOpenReport { is_new: true, records, set_aside: Some(SetAside { path, reason }) }))
            }
            Err(failure) => Err(store_dir.error(failure)),
        }
    }
}

/// Why sled did not open a directory.
enum OpenFailure {
    Broken(String),
    Io(std::io::Error),
    Locked,
}

impl From<::sled::Error> for OpenFailure {
    fn from(error: ::sled::Error) -> Self {
        match error {
            // sled says this in words only; a test holds it to them.
            ::sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => Self::Locked,
            ::sled::Error::Io(error) if !is_about_content(error.kind()) => Self::Io(error),
            error => Self::Broken(error.to_string()),
        }
    }
}

impl From<std::io::Error> for OpenFailure {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<TryLockError> for OpenFailure {
    fn from(error: TryLockError) -> Self {
        match error {
            TryLockError::Error(error) => Self::Io(error),
            TryLockError::WouldBlock => Self::Locked,
        }
    }
}

fn is_about_content(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::NotFound | ErrorKind::UnexpectedEof)
}

/// A directory for a store.
struct StoreDir<'a> {
    dir: &'a Path,
}

impl StoreDir<'_> {
    fn make(
        &self,
        rebuild: impl FnOnce(&dyn Store) -> Result<(), StoreError>,
    ) -> Result<(SledStore, usize), StoreOpenError> {
        let parent = parent(self.dir);
        let begin = || -> Result<File, OpenFailure> {
            std::fs::create_dir_all(parent)?;
            let unfinished = OpenOptions::new().write(true).create(true).truncate(false).open(self.unfinished())?;
            unfinished.try_lock()?;
            unfinished.sync_all()?;
            sync_dir(parent)?;
            Ok(unfinished)
        };
        // Locked until the store counts, or another process would take it for one that a crash has left.
        let _unfinished = begin().map_err(|failure| self.error(failure))?;
        let engine = self.guarded(|| self.first_open()).map_err(|failure| self.error(failure))?;
        let store = self.serve(engine)?;
        rebuild(&store).map_err(|source| StoreOpenError::Rebuild { dir: self.dir.into(), source })?;
        let finish = || {
            self.sync()?;
            std::fs::remove_file(self.unfinished())?;
            sync_dir(parent)
        };
        finish().map_err(|source| self.io(source))?;
        let records = store.engine.db.len() - 1;
        Ok((store, records))
    }

    fn first_open(&self) -> Result<Engine, OpenFailure> {
        let db = self.open_when_unlocked()?;
        db.insert(record::FORMAT_KEY, record::encode(record::FORMAT, None))?;
        db.flush()?;
        self.engine(db)
    }

    /// Opens and reads every record once, so that a page that is lost is found now and not by the login that needs it.
    fn open_again(&self) -> Result<(Engine, usize), OpenFailure> {
        let db = self.open_when_unlocked()?;
        let format = db.get(record::FORMAT_KEY)?;
        if format.as_deref() != Some(&record::encode(record::FORMAT, None)) {
            return Err(OpenFailure::Broken(
                "its first record, which every store has, is missing or of another format".into(),
            ));
        }
        let mut records = 0;
        for entry in db.range::<&[u8], _>((Bound::Excluded(record::FORMAT_KEY), Bound::Unbounded)) {
            let (_, bytes) = entry?;
            record::decode(&bytes).map_err(|error| OpenFailure::Broken(error.to_string()))?;
            records += 1;
        }
        Ok((self.engine(db)?, records))
    }

    fn engine(&self, db: ::sled::Db) -> Result<Engine, OpenFailure> {
        let file = OpenOptions::new().write(true).open(self.dir.join("db"))?;
        // Recovery has written too: a snapshot, and zeroes over the torn end of the log.
        self.sync()?;
        Ok(Engine { db, file, failed: OnceLock::new() })
    }

    /// sled meets some damage with a panic.
    fn guarded<T>(&self, attempt: impl FnOnce() -> Result<T, OpenFailure>) -> Result<T, OpenFailure> {
        catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(|panic| Err(OpenFailure::Broken(panic_text(&*panic))))
    }

    fn open_when_unlocked(&self) -> Result<::sled::Db, OpenFailure> {
        let config = ::sled::Config::new().path(self.dir).cache_capacity(CACHE_BYTES).flush_every_ms(None);
        let attempt = || {
            self.discard_torn_snapshots()?;
            Ok(config.open()?)
        };
        for _ in 1..LOCK_TRIES {
            match attempt() {
                Err(OpenFailure::Locked) => sleep(LOCK_WAIT),
                outcome => return outcome,
            }
        }
        attempt()
    }

    /// Removes snapshots whose writing was interrupted. They do not count before they are renamed, and the ones before
    /// are still there; but sled takes them for damaged ones, so a kill or a full disk while it opens would cost the
    /// whole store.
    fn discard_torn_snapshots(&self) -> Result<(), OpenFailure> {
        let db = match OpenOptions::new().read(true).open(self.dir.join("db")) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            db => db?,
        };
        // The process with the lock may be writing one.
        db.try_lock()?;
        for entry in std::fs::read_dir(self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name.starts_with("snap.") && name.ends_with(".generating")) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn serve(&self, engine: Engine) -> Result<SledStore, StoreOpenError> {
        let engine = Arc::new(engine);
        let committer = StoreCommitter::start(Arc::clone(&engine)).map_err(|source| self.io(source))?;
        Ok(SledStore { committer, engine })
    }

    /// Syncs every file and the directories. After a kill the page cache may hold what the disk does not; sled's
    /// recovery writes a synced snapshot of it, and a power cut then would leave a snapshot of data that never was.
    fn sync(&self) -> std::io::Result<()> {
        for dir in [self.dir.join("blobs"), self.dir.to_path_buf()] {
            let entries = match std::fs::read_dir(&dir) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                if entry.file_type()?.is_file() {
                    OpenOptions::new().read(true).open(entry.path())?.sync_all()?;
                }
            }
            sync_dir(&dir)?;
        }
        sync_dir(parent(self.dir))
    }

    fn set_aside(&self, now: UnixTime) -> std::io::Result<PathBuf> {
        let moment = now.rfc3339().unwrap_or_else(|_| now.millis().to_string()).replace(['-', ':'], "");
        let path = (1..)
            .map(|n| if n == 1 { format!(".corrupt-{moment}") } else { format!(".corrupt-{moment}-{n}") })
            .map(|suffix| self.beside(&suffix))
            .find(|path| !path.exists())
            .unwrap_or_else(|| self.beside(".corrupt"));
        std::fs::rename(self.dir, &path)?;
        sync_dir(parent(self.dir))?;
        Ok(path)
    }

    /// Undoes `set_aside`, as far as the file system lets us; the caller reports what was in the way.
    fn put_back(&self, path: &Path) {
        if self.discard_unfinished().is_ok() && std::fs::rename(path, self.dir).is_ok() {
            let _ = sync_dir(parent(self.dir));
        }
    }

    /// Removes a store whose making was interrupted: nothing in it was acknowledged.
    fn discard_unfinished(&self) -> Result<(), OpenFailure> {
        if !self.unfinished().exists() {
            return Ok(());
        }
        let unfinished = OpenOptions::new().write(true).open(self.unfinished())?;
        unfinished.try_lock()?;
        match std::fs::remove_dir_all(self.dir) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        std::fs::remove_file(self.unfinished())?;
        Ok(sync_dir(parent(self.dir))?)
    }

    fn unfinished(&self) -> PathBuf {
        self.beside(".unfinished")
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.dir.file_name().unwrap_or("store".as_ref()).to_os_string();
        name.push(suffix);
        self.dir.with_file_name(name)
    }

    fn io(&self, source: std::io::Error) -> StoreOpenError {
        StoreOpenError::Io { dir: self.dir.into(), source }
    }

    fn error(&self, failure: OpenFailure) -> StoreOpenError {
        let dir = self.dir.into();
        match failure {
            OpenFailure::Broken(reason) => StoreOpenError::Engine { dir, reason },
            OpenFailure::Io(source) => StoreOpenError::Io { dir, source },
            OpenFailure::Locked => StoreOpenError::Locked { dir },
        }
    }
}

fn parent(dir: &Path) -> &Path {
    dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_dir(dir: &Path) -> std::io::Result<()> {
    OpenOptions::new().read(true).open(dir)?.sync_all()
}
