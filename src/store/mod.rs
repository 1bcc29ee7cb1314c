//! The embedded store: strategies, recordings, results, sessions, users and logins in one redb file of the
//! state directory.
//!
//! The only folder that names redb. Invariant: what a function acknowledged is on disk (an immediate commit
//! with quick repair); what it refused left no trace. Times and random numbers are passed in as values.

pub mod blocks;
mod checked;
mod checkpoints;
pub mod codec;
mod commit;
mod contracts;
mod current;
mod daemon_events;
mod disk;
mod error;
mod event_log;
mod event_segment;
mod event_trimming;
mod guard;
mod idempotency;
mod journal;
mod labels;
mod logins;
mod page;
mod presets;
mod recordings;
pub mod records;
mod result_notes;
mod results;
mod rights;
mod sessions;
mod strategies;
mod sync;
mod tables;
#[cfg(test)]
mod tests;
mod transfer;
mod users;
mod verify;

pub use current::DiskState;
pub use daemon_events::DAEMON;
pub use error::StoreError;
pub use event_log::{Expiry, LogPart, LogSpan, LoggedEvent};
pub use event_segment::EventSegment;
pub use event_trimming::Removal;
pub use page::{StoredPage, Wanted};
#[cfg(test)]
use recordings::Bounds;
pub use recordings::{
    FeedChoice, FeedClock, NewFacts, NewRecording, OpenRecording, Pruned, RecordingCommit, RecordingEnd,
    RecordingFeed, RecordingWriter, Retention, RowsIter,
};
pub use results::{NewResult, StrategyOutcome};
pub use sync::SyncChange;
pub use transfer::Records;
pub use verify::{Problem, VerifyReport, verify};

use crate::limits::STORE_CACHE_BYTES;
use codec::Stored;
use commit::Commits;
use current::{Check, Current};
use disk::Disk;
use error::during;
use guard::guarded;
use recordings::RecordingLeases;
use redb::{Builder, ReadTransaction, StorageBackend, WriteTransaction};
use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// File name of the store in the state directory.
pub const STORE_FILE: &str = "tradingd.redb";
/// File name of the marker that a directory holds a store.
pub const MARKER_FILE: &str = "tradingd.redb.marker";
/// Layout version of tables and records written by this version.
pub const STORE_FORMAT: u64 = 1;

const FORMAT_KEY: &str = "format";
/// A store under construction; it is renamed once it is complete.
const NEW_FILE: &str = "tradingd.redb.new";

/// What to do when the directory has no store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenMode {
    /// Create an empty store, and the directory if needed.
    CreateIfNew,
    /// Fail; for commands that only read.
    MustExist,
}

/// An open store, shared by threads. Only one process can open it at a time.
#[derive(Debug)]
pub struct Store {
    current: Arc<Current>,
    commits: Commits,
    leases: RecordingLeases,
    /// Failed imports that could not be removed.
    abandoned: Mutex<BTreeSet<String>>,
    narrowed: Vec<String>,
}

impl Store {
    /// Opens the store of a state directory and removes unfinished imports. Open recordings that were cut off
    /// stay as of their last commit ([`Store::open_recordings`]). All pages are checked if the file has up to
    /// `STORE_CHECKED_OPEN_BYTES`; for larger files use [`Store::scan`]. Permissions of directory and file
    /// are narrowed to their owner if they are wider ([`Store::narrowed`]).
    ///
    /// # Errors
    /// [`StoreError::Vanished`] when only the marker is left, [`StoreError::Newer`], [`StoreError::Damaged`],
    /// [`StoreError::AlreadyOpen`], [`StoreError::Exposed`] when others own or may write the directory or
    /// file, and I/O errors.
    pub fn open(dir: &Path, mode: OpenMode) -> Result<Store, StoreError> {
        Store::open_checked(dir, mode, Check::Small)
    }

    fn open_checked(dir: &Path, mode: OpenMode, check: Check) -> Result<Store, StoreError> {
        let (path, marker) = (dir.join(STORE_FILE), dir.join(MARKER_FILE));
        let mut narrowed = Vec::new();
        if exists(dir)? {
            narrowed.extend(rights::narrow(dir, rights::DIRECTORY)?);
        }
        let mut store = if exists(&path)? {
            narrowed.extend(rights::narrow(&path, rights::FILE)?);
            guarded(|| Store::open_file(dir, &path, check))?
        } else if mode == OpenMode::MustExist && !exists(&marker)? {
            return Err(StoreError::NoStore(path));
        } else {
            create(dir)?
        };
        if exists(&marker)? {
            narrowed.extend(rights::narrow(&marker, rights::FILE)?);
        } else {
            write_marker(dir)?;
        }
        store.narrowed = narrowed;
        Ok(store)
    }

    fn open_file(dir: &Path, path: &Path, check: Check) -> Result<Store, StoreError> {
        let disk = Disk::of_file(path)?;
        // redb would create a new database in an empty file.
        if disk.length().map_err(|error| StoreError::io("opening the store", error))? == 0 {
            return Err(StoreError::damaged("the store file", "it is empty"));
        }
        Store::prepare(Current::open(disk, Some(dir), check)?)
    }

    /// An in-memory store.
    pub fn in_memory() -> Result<Store, StoreError> {
        Store::with_backend(redb::backends::InMemoryBackend::new())
    }

    /// A store over any backend: for tests of torn writes and full disks.
    pub fn with_backend(backend: impl StorageBackend) -> Result<Store, StoreError> {
        Store::prepare(Current::open(Disk::over(backend), None, Check::Every)?)
    }

    /// Permissions that were narrowed on opening, one sentence each.
    pub fn narrowed(&self) -> &[String] {
        &self.narrowed
    }

    /// Why the store is read-only; `None` while it is not.
    pub fn failure(&self) -> Option<String> {
        self.current.failure()
    }

    /// Simulates a disk failure.
    #[cfg(test)]
    pub fn blame_the_disk(&self, why: &str) {
        self.current.blame_the_disk(why);
    }

    /// Reopens the database after a disk failure: read-only at once, writable once the disk accepts writes
    /// again. Call it every second or so.
    ///
    /// Acknowledged changes are then present; changes answered with an error may be, so callers must reload
    /// cached copies.
    pub fn look_after(&self) -> DiskState {
        let state = guarded(|| Ok(self.current.look_after()))
            .unwrap_or_else(|error| DiskState::ReadOnly(error.to_string()));
        if state == DiskState::SoundAgain {
            self.remove_abandoned();
        }
        state
    }

    /// Checks that the store can be read now.
    pub fn check_readable(&self) -> Result<(), StoreError> {
        self.format().map(drop)
    }

    /// Returns unused space to the file system; worthwhile after an import or a deletion.
    pub fn compact(&mut self) -> Result<(), StoreError> {
        Arc::get_mut(&mut self.current).expect("only a scan shares it, and that borrows the store").compact()
    }

    fn prepare(current: Current) -> Result<Store, StoreError> {
        let (commits, leases) = (Commits::default(), RecordingLeases::default());
        let store = Store {
            current: Arc::new(current),
            commits,
            leases,
            abandoned: Mutex::default(),
            narrowed: Vec::new(),
        };
        match store.format()? {
            None => store.write_alone(|txn| {
                tables::create_all(txn).map_err(during("creating the tables"))?;
                let mut meta = txn.open_table(tables::META).map_err(during("creating the tables"))?;
                meta.insert(FORMAT_KEY, STORE_FORMAT).map_err(during("creating the tables"))?;
                Ok(())
            })?,
            Some(STORE_FORMAT) => store.add_new_tables()?,
            Some(found) => return Err(StoreError::Newer { found, known: STORE_FORMAT }),
        }
        store.recover_recordings()?;
        Ok(store)
    }

    /// `None` when the database has no tables yet.
    fn format(&self) -> Result<Option<u64>, StoreError> {
        guarded(|| self.stored_format())
    }

    fn stored_format(&self) -> Result<Option<u64>, StoreError> {
        let read = self.read()?;
        if read.list_tables().map_err(during("reading the store"))?.next().is_none() {
            return Ok(None);
        }
        let found = read.open_table(tables::META).map_err(during("reading the format"));
        let format = found.and_then(|meta| meta.get(FORMAT_KEY).map_err(during("reading the format")))?;
        match format {
            Some(format) => Ok(Some(format.value())),
            None => Err(StoreError::damaged("table meta", "the format is missing")),
        }
    }

    fn read(&self) -> Result<ReadTransaction, StoreError> {
        self.current.begin_read()
    }

    /// Runs a change in one transaction with those of concurrent callers; afterwards it is on disk, or left
    /// no trace. The closure may run more than once and must change nothing but the transaction.
    fn write<T: Send + 'static>(
        &self,
        change: impl FnMut(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        guarded(|| self.commits.run(&self.current, change))
    }

    /// Runs a change once, in its own transaction: for large changes and closures that borrow.
    fn write_alone<T>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        guarded(|| {
            let txn = self.current.begin_write()?;
            // A panic must not unwind past the transaction, because it would not be rolled back.
            let value = guarded(|| change(&txn))?;
            txn.commit().map_err(during("writing a change"))?;
            Ok(value)
        })
    }

    /// Adds tables that are new in this version; existing tables are left as they are.
    fn add_new_tables(&self) -> Result<(), StoreError> {
        const ADDING: &str = "creating the tables";
        // Even an aborted transaction costs two syncs, and most stores have all tables.
        if tables::are_all_in(&self.read()?).map_err(during(ADDING))? {
            return Ok(());
        }
        let txn = self.current.begin_write()?;
        let count =
            || -> Result<usize, StoreError> { Ok(txn.list_tables().map_err(during(ADDING))?.count()) };
        let before = count()?;
        let had_digests = tables::is_in(&txn, tables::RESULT_DIGESTS.definition).map_err(during(ADDING))?;
        tables::create_all(&txn).map_err(during(ADDING))?;
        if count()? == before {
            return txn.abort().map_err(during(ADDING));
        }
        if !had_digests {
            guarded(|| results::index_digests(&txn))?;
        }
        txn.commit().map_err(during(ADDING))
    }
}

/// Encodes a record; an error says why it cannot be stored.
fn encode<T: Stored>(record: &T) -> Result<Vec<u8>, StoreError> {
    codec::encode(record)
        .map_err(|error| StoreError::Refused(format!("this {} cannot be kept: {error}", T::NAME)))
}

/// Compresses a text as one zstd frame.
fn pack(text: &str, doing: &'static str) -> Result<Vec<u8>, StoreError> {
    const LEVEL: i32 = 3;
    zstd::bulk::compress(text.as_bytes(), LEVEL).map_err(|error| StoreError::io(doing, error))
}

/// Decompresses a text of at most `bytes_max` bytes; `location` names it in an error.
fn unpack(frame: &[u8], bytes_max: usize, location: impl FnOnce() -> String) -> Result<String, StoreError> {
    let mut text = String::new();
    let read = zstd::stream::read::Decoder::new(frame)
        .and_then(|decoder| decoder.take(bytes_max as u64).read_to_string(&mut text));
    read.map_err(|error| StoreError::damaged(location(), error))?;
    Ok(text)
}

/// Decodes a record by itself, without checking its key: for callers that skip unreadable ones.
fn decode<T: Stored>(bytes: &[u8], id: &str) -> Result<T, StoreError> {
    codec::decode(bytes).map_err(|error| StoreError::damaged(format!("{} `{id}`", T::NAME), error))
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_check_integrity_on_open(true).set_cache_size(STORE_CACHE_BYTES);
    builder
}

fn exists(path: &Path) -> Result<bool, StoreError> {
    path.try_exists().map_err(|error| StoreError::io("looking for the store", error))
}

/// Creates an empty store under a temporary name, so that a file with the final name is always complete. It
/// stays open across the rename, because reopening would cost four more syncs. Of several processes that find
/// no store one creates it, under a lock of the directory; the others hear that it holds the store.
fn create(dir: &Path) -> Result<Store, StoreError> {
    let creating = |error| StoreError::io("creating the store", error);
    rights::create_dir(dir).map_err(creating)?;
    let (path, marker, new) = (dir.join(STORE_FILE), dir.join(MARKER_FILE), dir.join(NEW_FILE));
    let directory = File::open(dir).map_err(creating)?;
    match directory.try_lock() {
        // A file system without locks: other processes cannot be detected.
        Ok(()) => {}
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::AlreadyOpen(path)),
        Err(TryLockError::Error(error)) => return Err(creating(error)),
    }
    // Another process may have created it since somebody looked.
    if exists(&path)? {
        return guarded(|| Store::open_file(dir, &path, Check::Small));
    }
    if exists(&marker)? {
        return Err(StoreError::Vanished { store: path, marker });
    }
    let made = (|| {
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(creating(error)),
            _ => {}
        }
        let store = Store::prepare(Current::open(Disk::of_new_file(&new)?, Some(dir), Check::Small)?)?;
        fs::rename(&new, &path).map_err(creating)?;
        sync_dir(dir).map_err(creating)?;
        Ok(store)
    })();
    if made.is_err() {
        // Best effort: the next attempt removes what is left.
        let _ = fs::remove_file(&new);
    }
    made
}

fn write_marker(dir: &Path) -> Result<(), StoreError> {
    let marking = |error| StoreError::io("marking the state directory", error);
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(rights::FILE)
        .open(dir.join(MARKER_FILE))
        .map_err(marking)?;
    let text = format!(
        "{STORE_FILE} beside this file is a store of tradingd. Should it be lost, this file keeps an empty one from taking its place.\n"
    );
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(marking)?;
    sync_dir(dir).map_err(marking)
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Path of the store file of a state directory.
pub fn store_path(dir: &Path) -> PathBuf {
    dir.join(STORE_FILE)
}
