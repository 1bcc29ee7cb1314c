//! The open database. After a disk failure it is replaced: at once by one that only reads, and by one that
//! writes as soon as the disk accepts writes again.

use super::disk::{Access, Disk, ReadOnly, ReadWrite, overwritten};
use super::error::during;
use super::guard::guarded;
use super::{StoreError, builder};
use crate::domain::visible::Visible;
use crate::limits::{STORE_CHECKED_OPEN_BYTES, STORE_PROBE_BYTES, STORE_SCAN_CACHE_BYTES};
use redb::{Builder, Database, Durability, ReadTransaction, ReadableDatabase, WriteTransaction};
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

const OPENING: &str = "opening the store";
const READING: &str = "reading the store";
const CHECKING: &str = "checking the pages of the store";
const BEGINNING: &str = "beginning a change";
/// File written to test whether the disk accepts writes.
const PROBE_FILE: &str = "tradingd.redb.probe";

/// Which pages are checked when the store is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Check {
    /// All pages, however many there are.
    Every,
    /// All pages of a small file; those of a large one are left to [`super::Store::scan`].
    Small,
}

/// State of the disk after a check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DiskState {
    /// It works.
    Sound,
    /// It does not accept writes, for this reason.
    ReadOnly(String),
    /// It had failed and accepts writes again.
    SoundAgain,
}

/// The open database and its disk.
#[derive(Debug)]
pub struct Current {
    disk: Arc<Disk>,
    /// The state directory; `None` when the store is not in a file.
    home: Option<PathBuf>,
    opened: RwLock<Arc<OpenDatabase>>,
}

#[derive(Debug)]
struct OpenDatabase {
    /// There until it is dropped.
    db: Option<Database>,
    access: Arc<Access>,
    writes: bool,
}

impl OpenDatabase {
    fn writing(disk: &Arc<Disk>, check: Check) -> Result<OpenDatabase, StoreError> {
        let length = disk.length().map_err(|error| StoreError::io(OPENING, error))?;
        let checked = check == Check::Every || length <= STORE_CHECKED_OPEN_BYTES;
        let access = Access::new(disk);
        let db = builder()
            .set_check_integrity_on_open(checked)
            .create_with_backend(ReadWrite(Arc::clone(&access)));
        Ok(OpenDatabase { db: Some(db.map_err(during(OPENING))?), access, writes: true })
    }

    fn reading(disk: &Arc<Disk>) -> Result<OpenDatabase, StoreError> {
        let access = Access::new(disk);
        let view = ReadOnly::new(Arc::clone(&access)).map_err(|error| StoreError::io(OPENING, error))?;
        let db = builder()
            .set_check_integrity_on_open(false)
            .create_with_backend(view)
            .map_err(during(OPENING))?;
        Ok(OpenDatabase { db: Some(db), access, writes: false })
    }

    fn db(&self) -> &Database {
        self.db.as_ref().expect("only the drop takes it")
    }
}

/// Closing a database that stopped on a damaged page may panic once more.
impl Drop for OpenDatabase {
    fn drop(&mut self) {
        let db = self.db.take();
        // Whoever met the damage has said so.
        let _ = guarded(|| {
            drop(db);
            Ok(())
        });
    }
}

impl Current {
    /// Opens the database, or creates one on an empty disk.
    pub fn open(disk: Arc<Disk>, home: Option<&Path>, check: Check) -> Result<Current, StoreError> {
        let opened = RwLock::new(Arc::new(OpenDatabase::writing(&disk, check)?));
        Ok(Current { disk, home: home.map(Path::to_owned), opened })
    }

    /// Why nothing can be written; `None` while the disk works.
    pub fn failure(&self) -> Option<String> {
        self.disk.failure()
    }

    /// Simulates a disk failure.
    #[cfg(test)]
    pub fn blame_the_disk(&self, why: &str) {
        self.disk.fails(why.to_owned());
    }

    /// Begins to read the current state.
    pub fn begin_read(&self) -> Result<ReadTransaction, StoreError> {
        self.opened().db().begin_read().map_err(during(READING))
    }

    /// Begins a transaction that is durable once committed and needs no repair after a crash.
    pub fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        let opened = self.opened();
        if !opened.writes {
            return Err(StoreError::ReadOnly(BEGINNING));
        }
        let mut txn = opened.db().begin_write().map_err(during(BEGINNING))?;
        txn.set_durability(Durability::Immediate).map_err(during(BEGINNING))?;
        txn.set_quick_repair(true);
        Ok(txn)
    }

    /// Returns unused space to the file system.
    pub fn compact(&mut self) -> Result<(), StoreError> {
        let opened = self.opened.get_mut().unwrap_or_else(PoisonError::into_inner);
        let opened = Arc::get_mut(opened)
            .expect("whoever looks at the database borrows the store, and nobody does now");
        opened
            .db
            .as_mut()
            .expect("only the drop takes it")
            .compact()
            .map(drop)
            .map_err(during("compacting the store"))
    }

    /// After a disk failure: makes the store readable at once, and writable once the disk accepts writes
    /// again.
    pub fn look_after(&self) -> DiskState {
        if self.disk.failure().is_none() && self.is_in_its_place().is_ok() {
            return DiskState::Sound;
        }
        let Err(error) = self.open_anew() else { return DiskState::SoundAgain };
        let cause =
            std::error::Error::source(&error).map(|source| format!(" ({source})")).unwrap_or_default();
        let why = format!("{error}{cause}");
        self.disk.fails(why.clone());
        let opened = self.opened();
        if opened.writes || opened.access.has_failed() {
            // If even this fails, the old database can still read what it has cached.
            if let Ok(view) = OpenDatabase::reading(&self.disk) {
                self.replace(view);
            }
        }
        DiskState::ReadOnly(why)
    }

    /// What is written to a file that nobody finds again or that others write to is lost: an error when the
    /// store's was removed, replaced or overwritten.
    fn is_in_its_place(&self) -> Result<(), StoreError> {
        let Some(path) = self.home.as_deref().map(super::store_path) else { return Ok(()) };
        let displaced = || {
            io::Error::other(format!(
                "{} was removed or replaced while tradingd has it open; stop tradingd, put the file in its place and start again",
                path.visible()
            ))
        };
        match self.disk.is_at(&path) {
            Ok(false) => Err(StoreError::io("looking for the store", displaced())),
            Ok(true) if !self.disk.is_as_left() => Err(StoreError::io("looking at the store", overwritten())),
            // A path that cannot be looked at says nothing about the file.
            Ok(true) | Err(_) => Ok(()),
        }
    }

    fn open_anew(&self) -> Result<(), StoreError> {
        self.is_in_its_place()?;
        self.home
            .as_deref()
            .map_or(Ok(()), |home| probe(home, self.disk.length()?))
            .map_err(|error| StoreError::io("writing to the state directory", error))?;
        let before = self.opened();
        if before.writes {
            // It has failed and cannot write any more; retiring it also stops operations its threads have
            // begun.
            before.access.retire();
        }
        let anew = OpenDatabase::writing(&self.disk, Check::Small)?;
        before.access.retire();
        // Before anybody hears that the disk is sound: who does uses the new one.
        self.replace(anew);
        self.disk.is_sound_again();
        Ok(())
    }

    /// Freezes the current state for [`Current::check_pages`]. The caller must hold the write transaction, so
    /// that nobody commits while the first page is copied.
    pub fn freeze(&self) -> Result<Frozen, StoreError> {
        let (opened, kept) = (self.opened(), self.begin_read()?);
        let view = ReadOnly::new(Access::new(&self.disk)).and_then(|view| view.keep_head().map(|()| view));
        Ok(Frozen { view: view.map_err(|error| StoreError::io(CHECKING, error))?, kept, opened })
    }

    /// Verifies the checksums of all pages of a frozen state.
    pub fn check_pages(&self, frozen: Frozen) -> Result<(), StoreError> {
        let Frozen { view, kept, opened } = frozen;
        let checked = Builder::new()
            .set_cache_size(STORE_SCAN_CACHE_BYTES)
            .set_check_integrity_on_open(true)
            .create_with_backend(view)
            .map_err(during(CHECKING));
        drop(kept);
        // A database reopened meanwhile may have reused those pages.
        if Arc::ptr_eq(&opened, &self.opened()) {
            checked.map(drop)
        } else {
            Err(StoreError::ReadOnly(CHECKING))
        }
    }

    fn opened(&self) -> Arc<OpenDatabase> {
        Arc::clone(&self.opened.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, opened: OpenDatabase) {
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(opened);
    }
}

/// The store's state at one moment, while others continue to write.
pub struct Frozen {
    view: ReadOnly,
    /// Protects the pages of that moment from being reused.
    kept: ReadTransaction,
    opened: Arc<OpenDatabase>,
}

/// Tests whether the disk accepts as much data as a commit may need, at the end of a file as long as the
/// store is when it grows: the size of files may be limited. What lies before takes no room.
fn probe(home: &Path, length: u64) -> io::Result<()> {
    let path = home.join(PROBE_FILE);
    let written = fs::File::create(&path).and_then(|file| {
        let start = grown(length).saturating_sub(STORE_PROBE_BYTES as u64);
        file.write_all_at(&vec![1; STORE_PROBE_BYTES], start)?;
        file.sync_all()
    });
    let removed = fs::remove_file(&path);
    written.and(removed)
}

/// Length that redb gives to a full file of this length: its pages double, and fill whole regions from the
/// first full one on.
fn grown(length: u64) -> u64 {
    const HEADER: u64 = 4096;
    const REGION: u64 = 4 << 30;
    let pages = length.saturating_sub(HEADER);
    if pages < REGION {
        return HEADER + 2 * pages;
    }
    let rest = REGION - pages % REGION;
    // A commit that finds too little room there takes one more.
    let is_tight = rest <= 2 * STORE_PROBE_BYTES as u64;
    length + rest + if is_tight { REGION } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redb::TableDefinition;

    #[test]
    fn the_next_length_is_what_redb_gives() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let db = builder().create(&path).unwrap();
        let table: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("rows");
        let length = || fs::metadata(&path).unwrap().len();
        let (mut before, mut growths) = (length(), 0);
        for key in 0.. {
            let txn = db.begin_write().unwrap();
            txn.open_table(table).unwrap().insert(key, &[7; 3_000][..]).unwrap();
            txn.commit().unwrap();
            let after = length();
            if after > before {
                assert_eq!(after, grown(before));
                growths += 1;
            }
            before = after;
            if growths == 4 {
                return;
            }
        }
    }

    #[test]
    fn beyond_its_first_region_a_file_grows_to_the_end_of_a_region() {
        const GIB: u64 = 1 << 30;
        for (pages, then) in [
            (3 * GIB, 6 * GIB),
            (4 * GIB, 8 * GIB),
            (5 * GIB, 8 * GIB),
            (8 * GIB - 4096, 12 * GIB),
            (8 * GIB, 12 * GIB),
            (9 * GIB, 12 * GIB),
        ] {
            assert_eq!(grown(4096 + pages), 4096 + then, "{pages}");
        }
    }
}
