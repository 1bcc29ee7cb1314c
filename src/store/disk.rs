//! The storage below the database: it remembers why it failed and serves several databases in turn.
//!
//! After one I/O error a redb database refuses all further work. So every database gets its own [`Access`] to
//! a [`Disk`] that outlives it. Invariant: at most one access writes; the others are retired or keep their
//! writes in memory.

use super::StoreError;
use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Bound;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

/// File mode of a new store. Owner only, because it contains password hashes.
const FILE_MODE: u32 = 0o600;

/// Bytes at the beginning of a store that name its last commit: each commit changes them.
const HEAD: usize = 320;

/// What this process left in its file. Locks keep out only those who ask for them, so `cp` to the file's name
/// changes it all the same.
#[derive(Debug)]
struct Left {
    length: u64,
    /// `None` when it is not known: in a new file, and after a failed write, which leaves the old or the new
    /// one.
    head: Option<[u8; HEAD]>,
}

/// The storage of a store. A file stays locked against other processes while this exists.
#[derive(Debug)]
pub struct Disk {
    below: Box<dyn StorageBackend>,
    /// Why nothing can be written; `None` while it works.
    failure: Mutex<Option<String>>,
    /// Device and inode of a file.
    identity: Option<(u64, u64)>,
    /// `None` for other storage.
    left: Mutex<Option<Left>>,
    /// Set when others changed the file; what is in it says nothing any more.
    overwritten: AtomicBool,
}

impl Disk {
    /// Opens and locks an existing store file.
    pub fn of_file(path: &Path) -> Result<Arc<Disk>, StoreError> {
        // A pipe opened in both directions waits for nobody, but whoever reads from it waits for ever.
        if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
            return Err(StoreError::NotAFile(path.to_owned()));
        }
        Disk::locked(OpenOptions::new().read(true).write(true).open(path), path)
    }

    /// Creates and locks a new, empty file readable by its owner only.
    pub fn of_new_file(path: &Path) -> Result<Arc<Disk>, StoreError> {
        Disk::locked(
            OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(path),
            path,
        )
    }

    /// Any other storage.
    pub fn over(below: impl StorageBackend) -> Arc<Disk> {
        Arc::new(Disk::new(Box::new(below), None))
    }

    fn new(below: Box<dyn StorageBackend>, identity: Option<(u64, u64)>) -> Disk {
        let (failure, left) = (Mutex::default(), Mutex::default());
        Disk { below, failure, identity, left, overwritten: AtomicBool::new(false) }
    }

    /// Whether the file at a path is this one. True of other storage.
    ///
    /// # Errors
    /// Nobody knows: the path cannot be looked at.
    pub fn is_at(&self, path: &Path) -> io::Result<bool> {
        let Some(own) = self.identity else { return Ok(true) };
        match path.metadata() {
            Ok(found) => Ok((found.dev(), found.ino()) == own),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn locked(file: io::Result<File>, path: &Path) -> Result<Arc<Disk>, StoreError> {
        const OPENING: &str = "opening the store";
        let opening = |error| StoreError::io(OPENING, error);
        let file = file.map_err(opening)?;
        let found = file.metadata().map_err(opening)?;
        let file = FileBackend::new(file).map_err(super::error::during(OPENING))?;
        match file.try_lock_range(Bound::Unbounded, Bound::Unbounded) {
            // Without locks in the file system other processes cannot be detected.
            Ok(true) | Err(BackendError::Unsupported) => {
                let length = found.len();
                let mut disk = Disk::new(Box::new(file), Some((found.dev(), found.ino())));
                let head = disk.head(length).map_err(opening)?;
                disk.left = Mutex::new(Some(Left { length, head }));
                Ok(Arc::new(disk))
            }
            Ok(false) => Err(StoreError::AlreadyOpen(path.to_owned())),
            Err(error) => Err(opening(error.into())),
        }
    }

    /// Whether the file is as this process left it: not shorter, and with the header of its own last commit.
    /// Once it was not, every operation fails until the file is opened again. True of other storage.
    pub fn is_as_left(&self) -> bool {
        let left = lock(&self.left);
        self.compare(left.as_ref())
    }

    fn compare(&self, left: Option<&Left>) -> bool {
        // A file that cannot be read says nothing about who changed it.
        let is_changed = left.is_some_and(|left| {
            let length = self.below.len().unwrap_or(left.length);
            let head = if length < left.length { None } else { self.head(length).ok().flatten() };
            length < left.length || left.head.is_some_and(|known| head.is_some_and(|found| found != known))
        });
        if is_changed {
            self.overwritten.store(true, Ordering::Release);
        }
        !self.overwritten.load(Ordering::Acquire)
    }

    /// The first bytes of the file; `None` when it has fewer.
    fn head(&self, length: u64) -> io::Result<Option<[u8; HEAD]>> {
        if length < HEAD as u64 {
            return Ok(None);
        }
        let mut head = [0; HEAD];
        self.below.read(0, &mut head).map(|()| Some(head))
    }

    /// Writes what the database gives it. Before a header is written, which makes a commit valid, the file
    /// must be as it was left.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if offset >= HEAD as u64 {
            return self.below.write(offset, bytes);
        }
        let mut left = lock(&self.left);
        if !self.compare(left.as_ref()) {
            return Err(overwritten());
        }
        let done = self.below.write(offset, bytes);
        if let Some(left) = left.as_mut() {
            left.head = bytes.first_chunk().copied().filter(|_| offset == 0 && done.is_ok());
        }
        done
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut left = lock(&self.left);
        if !self.compare(left.as_ref()) {
            return Err(overwritten());
        }
        let done = self.below.set_len(length);
        if let Some(left) = left.as_mut() {
            left.length = if done.is_ok() { length } else { left.length.min(length) };
        }
        done
    }

    /// Size in bytes.
    pub fn length(&self) -> io::Result<u64> {
        self.below.len()
    }

    /// Why nothing can be written; `None` while it works.
    pub fn failure(&self) -> Option<String> {
        lock(&self.failure).clone()
    }

    /// Replaces the reason after another failed attempt.
    pub fn fails(&self, why: String) {
        *lock(&self.failure) = Some(why);
    }

    /// Marks it as accepting writes again.
    pub fn is_sound_again(&self) {
        *lock(&self.failure) = None;
    }
}

/// Error of every operation on a file that others changed.
pub fn overwritten() -> io::Error {
    io::Error::other(
        "its file was overwritten or cut short while tradingd has it open; stop tradingd, put a sound copy in its place and start again",
    )
}

/// One database's access to the disk.
#[derive(Debug)]
pub struct Access {
    disk: Arc<Disk>,
    failed: AtomicBool,
    /// Set when another database has replaced this one: all further operations fail.
    retired: RwLock<bool>,
}

impl Access {
    /// A new access to this disk.
    pub fn new(disk: &Arc<Disk>) -> Arc<Access> {
        Arc::new(Access {
            disk: Arc::clone(disk),
            failed: AtomicBool::new(false),
            retired: RwLock::new(false),
        })
    }

    /// Whether one of its operations failed; its database then refuses all further work.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Makes all further operations fail, after waiting for those under way.
    pub fn retire(&self) {
        *self.retired.write().unwrap_or_else(PoisonError::into_inner) = true;
    }

    fn pass(&self) -> io::Result<RwLockReadGuard<'_, bool>> {
        let retired = self.retired.read().unwrap_or_else(PoisonError::into_inner);
        if *retired {
            Err(io::Error::other("the store has been reopened in the meantime; try again"))
        } else {
            Ok(retired)
        }
    }

    fn run<T>(&self, doing: &str, work: impl FnOnce(&Disk) -> io::Result<T>) -> io::Result<T> {
        let _pass = self.pass()?;
        let is_ours = !self.disk.overwritten.load(Ordering::Acquire);
        let done = if is_ours { work(&self.disk) } else { Err(overwritten()) };
        if let Err(error) = &done {
            self.failed.store(true, Ordering::Release);
            lock(&self.disk.failure).get_or_insert_with(|| format!("{doing} failed: {error}"));
        }
        done
    }
}

/// Backend of a database that reads and writes.
#[derive(Debug)]
pub struct ReadWrite(pub Arc<Access>);

impl StorageBackend for ReadWrite {
    fn len(&self) -> io::Result<u64> {
        self.0.run("asking for its length", |disk| disk.below.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.run("reading", |disk| disk.below.read(offset, out))
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.run("growing or shrinking the file", |disk| disk.set_len(length))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.run("syncing", |disk| disk.below.sync_data())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.run("writing", |disk| disk.write(offset, bytes))
    }
}

/// Backend of a database that must not change the disk: writes stay in memory. Needed because redb writes a
/// little even on opening.
#[derive(Debug)]
pub struct ReadOnly {
    access: Arc<Access>,
    memory: Mutex<Memory>,
}

const CHUNK: u64 = 4_096;

/// What was written, in whole chunks.
#[derive(Debug)]
struct Memory {
    length: u64,
    /// Length of the part of the disk that is visible.
    below: u64,
    chunks: BTreeMap<u64, Vec<u8>>,
}

impl ReadOnly {
    /// A view of the disk as it is now.
    pub fn new(access: Arc<Access>) -> io::Result<ReadOnly> {
        let length = access.run("asking for its length", |disk| disk.below.len())?;
        Ok(ReadOnly { access, memory: Mutex::new(Memory { length, below: length, chunks: BTreeMap::new() }) })
    }

    /// Copies the first chunk, which refers to everything else, so that the view keeps it as it is now.
    pub fn keep_head(&self) -> io::Result<()> {
        let mut memory = lock(&self.memory);
        let head = self.chunk(&memory, 0)?;
        memory.chunks.insert(0, head);
        Ok(())
    }

    fn chunk(&self, memory: &Memory, number: u64) -> io::Result<Vec<u8>> {
        if let Some(chunk) = memory.chunks.get(&number) {
            return Ok(chunk.clone());
        }
        let mut chunk = vec![0; CHUNK as usize];
        let there = memory.below.saturating_sub(number * CHUNK).min(CHUNK) as usize;
        if there > 0 {
            self.access.run("reading", |disk| disk.below.read(number * CHUNK, &mut chunk[..there]))?;
        }
        Ok(chunk)
    }
}

impl StorageBackend for ReadOnly {
    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.memory).length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let memory = lock(&self.memory);
        let end = offset + out.len() as u64;
        if end > memory.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let there = memory.below.saturating_sub(offset).min(out.len() as u64) as usize;
        if there > 0 {
            self.access.run("reading", |disk| disk.below.read(offset, &mut out[..there]))?;
        }
        out[there..].fill(0);
        for (number, chunk) in memory.chunks.range(offset / CHUNK..end.div_ceil(CHUNK)) {
            let (from, to) = (offset.max(number * CHUNK), end.min((number + 1) * CHUNK));
            let inside = (from - number * CHUNK) as usize..(to - number * CHUNK) as usize;
            out[(from - offset) as usize..(to - offset) as usize].copy_from_slice(&chunk[inside]);
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut memory = lock(&self.memory);
        memory.length = length;
        memory.below = memory.below.min(length);
        memory.chunks.retain(|number, _| *number < length.div_ceil(CHUNK));
        if let Some(cut) = memory.chunks.get_mut(&(length / CHUNK)) {
            cut[(length % CHUNK) as usize..].fill(0);
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut memory = lock(&self.memory);
        let end = offset + bytes.len() as u64;
        for number in offset / CHUNK..end.div_ceil(CHUNK) {
            let mut chunk = self.chunk(&memory, number)?;
            let (from, to) = (offset.max(number * CHUNK), end.min((number + 1) * CHUNK));
            let inside = (from - number * CHUNK) as usize..(to - number * CHUNK) as usize;
            chunk[inside].copy_from_slice(&bytes[(from - offset) as usize..(to - offset) as usize]);
            memory.chunks.insert(number, chunk);
        }
        Ok(())
    }
}

/// Ignores poisoning: every change under these locks is complete before anything can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use redb::backends::InMemoryBackend;

    #[test]
    fn a_view_reads_what_it_wrote_and_leaves_the_disk_alone() {
        let disk = Disk::over(InMemoryBackend::new());
        let below = ReadWrite(Access::new(&disk));
        below.set_len(10_000).unwrap();
        let old: Vec<u8> = (0..10_000).map(|at| (at % 251) as u8).collect();
        below.write(0, &old).unwrap();
        let view = ReadOnly::new(Access::new(&disk)).unwrap();
        let mut expected = old.clone();
        expected.resize(20_000, 0);
        view.set_len(20_000).unwrap();
        for (offset, bytes) in [(0, 3), (4_095, 2), (9_990, 20), (12_000, 8_000), (4_096, 4_096)] {
            let new = vec![255; bytes];
            view.write(offset, &new).unwrap();
            expected[offset as usize..offset as usize + bytes].copy_from_slice(&new);
        }
        for (offset, bytes) in [(0, 20_000), (4_090, 20), (9_999, 2), (8_191, 1), (19_999, 1)] {
            let mut out = vec![7; bytes];
            view.read(offset, &mut out).unwrap();
            assert!(out == expected[offset as usize..offset as usize + bytes], "{offset} {bytes}");
        }
        assert!(view.read(19_999, &mut [0; 2]).is_err());
        view.set_len(5_000).unwrap();
        view.set_len(20_000).unwrap();
        let mut out = [7];
        view.read(6_000, &mut out).unwrap();
        assert_eq!(out, [0], "what was cut off is gone");
        let mut there = vec![0; 10_000];
        below.read(0, &mut there).unwrap();
        assert!(there == old && disk.length().unwrap() == 10_000);
    }

    #[test]
    fn a_retired_access_lets_nothing_pass_and_blames_nobody() {
        let disk = Disk::over(InMemoryBackend::new());
        let old = Access::new(&disk);
        old.retire();
        assert!(ReadWrite(Arc::clone(&old)).write(0, &[1]).is_err());
        assert!(disk.failure().is_none() && !old.has_failed());
        assert!(ReadWrite(Access::new(&disk)).read(0, &mut [0]).is_err());
        assert!(disk.failure().is_some_and(|why| why.starts_with("reading failed")));
    }
}
