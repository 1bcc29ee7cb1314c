//! Files that appear whole or not at all: written under a hidden name of their own beside the target, synced,
//! renamed.
//!
//! Invariant: what has the final name is untouched until the rename, and the hidden name was nobody else's.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Makes hidden names unique within the process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Bytes of the target's name in a hidden name, so that it is a name for every file system.
const NAME_BYTES: usize = 200;

/// Hidden names that are tried; others were left by killed processes with the same number.
const TRIES: usize = 100;

/// A file that is being written; dropped without [`WholeFile::keep`], it leaves nothing behind.
pub struct WholeFile {
    path: PathBuf,
    hidden: PathBuf,
    file: File,
}

impl WholeFile {
    /// Creates a hidden file beside `path`.
    ///
    /// # Errors
    /// A directory of that name, or one that cannot be written.
    pub fn create(path: &Path) -> io::Result<Self> {
        let name = path.file_name().filter(|_| !path.is_dir()).ok_or(ErrorKind::IsADirectory)?;
        let begin = beginning(name);
        for _ in 0..TRIES {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let mut hidden = begin.clone();
            hidden.push(format!("{}-{number}", std::process::id()));
            let hidden = path.with_file_name(hidden);
            match OpenOptions::new().write(true).create_new(true).open(&hidden) {
                Ok(file) => return Ok(WholeFile { path: path.to_owned(), hidden, file }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Syncs the file and gives it its name.
    ///
    /// # Errors
    /// A full or failing disk. Only when the last sync fails may the file have its name all the same.
    pub fn keep(self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.hidden, &self.path)?;
        self.sync_name()
    }

    /// As [`WholeFile::keep`], under a name that nothing has.
    ///
    /// # Errors
    /// As [`WholeFile::keep`], and [`ErrorKind::AlreadyExists`].
    pub fn keep_new(self) -> io::Result<()> {
        self.file.sync_all()?;
        // A link, unlike a rename, fails where something has the name. Not every file system has links.
        match fs::hard_link(&self.hidden, &self.path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
            Err(_) if is_there(&self.path) => return Err(ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(&self.hidden, &self.path)?,
            Ok(()) => {}
        }
        self.sync_name()
    }

    /// The new name is a directory entry; without this a power failure may lose it.
    fn sync_name(&self) -> io::Result<()> {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        // After a rename there is nothing left. What cannot be removed is hidden, and its name shows what it
        // is.
        let _ = fs::remove_file(&self.hidden);
    }
}

/// How the hidden names of a target begin.
fn beginning(name: &OsStr) -> OsString {
    let bytes = name.as_bytes();
    let mut begin = OsString::from(".");
    begin.push(OsStr::from_bytes(&bytes[..bytes.len().min(NAME_BYTES)]));
    begin.push(".part-");
    begin
}

/// Whether a name is a hidden one of a target, left by a killed process.
pub fn is_left_of(target: &str, name: &OsStr) -> bool {
    name.as_bytes().starts_with(beginning(OsStr::new(target)).as_bytes())
}

/// Whether anything has this name, also a link that leads nowhere.
pub fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Whether a path is a device, a pipe or a socket. It is written to, because a file in its place would be
/// something else, and can be read only once, if at all.
pub fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

/// Opens a device or pipe for writing; a pipe waits for its reader.
///
/// # Errors
/// One that may not be written, or is gone.
pub fn stream(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

/// Writes a file whole or not at all. A device or pipe is written to.
///
/// # Errors
/// A path that cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if is_stream(path) {
        return stream(path)?.write_all(bytes);
    }
    let file = WholeFile::create(path)?;
    file.file().write_all(bytes)?;
    file.keep()
}

/// Writes a file whole, and never over another one.
///
/// # Errors
/// As [`WholeFile::create`] and [`WholeFile::keep_new`].
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = WholeFile::create(path)?;
    file.file().write_all(bytes)?;
    file.keep_new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Regression: `rep.1` and `rep.2` were both written as `rep.part`, which a file may have been.
    #[test]
    fn files_written_at_the_same_time_do_not_meet_and_neighbours_stay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("rep.part"), "a neighbour").unwrap();
        let open: Vec<WholeFile> =
            ["rep.1", "rep.2", "rep.1"].iter().map(|name| WholeFile::create(&at(name)).unwrap()).collect();
        for (file, text) in open.iter().zip(["one", "two", "three"]) {
            file.file().write_all(text.as_bytes()).unwrap();
        }
        assert_eq!(names(folder.path()).len(), 4);
        open.into_iter().for_each(|file| file.keep().unwrap());
        let read = |name: &str| fs::read_to_string(at(name)).unwrap();
        assert_eq!([read("rep.1"), read("rep.2"), read("rep.part")], ["three", "two", "a neighbour"]);
        drop(WholeFile::create(&at("rep.3")).unwrap());
        let late = WholeFile::create(&at("rep.1")).unwrap().keep_new().unwrap_err();
        assert_eq!((late.kind(), read("rep.1")), (ErrorKind::AlreadyExists, "three".to_owned()));
        WholeFile::create(&at("rep.4")).unwrap().keep_new().unwrap();
        fs::remove_file(at("rep.4")).unwrap();
        assert_eq!(names(folder.path()), ["rep.1", "rep.2", "rep.part"]);
    }

    #[test]
    fn a_hidden_name_that_is_taken_is_left_alone_and_known_as_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        // All names that this process may try first.
        let next = NEXT.load(Ordering::Relaxed);
        let taken: Vec<PathBuf> = (next..next + 8)
            .map(|number| path.with_file_name(format!(".plan.json.part-{}-{number}", std::process::id())))
            .collect();
        taken.iter().for_each(|path| fs::write(path, "left").unwrap());
        write_whole(&path, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert!(taken.iter().all(|path| fs::read(path).unwrap() == b"left"));
        assert!(taken.iter().all(|path| is_left_of("plan.json", path.file_name().unwrap())));
        assert!(!is_left_of("plan.json", OsStr::new("plan.json")));
    }

    #[test]
    fn a_long_name_is_written_and_a_folder_is_not() {
        let folder = tempfile::tempdir().unwrap();
        write_whole(&folder.path().join("x".repeat(255)), b"").unwrap();
        let refused = write_whole(folder.path(), b"").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::IsADirectory);
        assert_eq!(names(folder.path()), ["x".repeat(255)]);
    }
}
