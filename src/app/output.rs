//! Files that commands write where `--out` and `--report` say.
//!
//! Invariants: a file appears whole or not at all, what is there already is replaced only with `--force`, and
//! a device or pipe is written to.

use super::Failure;
use crate::domain::visible::Visible;
use crate::files::{FileError, whole_file};
use clap::Args;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Whether files that exist are replaced.
#[derive(Args, Clone, Copy, Debug)]
pub struct Replace {
    /// Replace files that exist.
    #[arg(long)]
    pub force: bool,
}

impl Replace {
    /// Refuses a path in a folder that does not exist, and one that has something to lose: a file, a folder,
    /// or a link, also one that leads nowhere.
    ///
    /// # Errors
    /// No folder; and what is there, unless it is a device or pipe, or a file or link and `--force` was
    /// given.
    pub fn check(self, path: &Path) -> Result<(), Failure> {
        if path.is_dir() {
            return Err(Failure::input(format!(
                "{} is a directory; name a file, which may be in it",
                path.visible()
            )));
        }
        if let Some(folder) = folder_of(path).filter(|folder| !folder.exists()) {
            return Err(no_folder(folder));
        }
        if self.force || whole_file::is_stream(path) || !whole_file::is_there(path) {
            return Ok(());
        }
        Err(Failure::input(format!(
            "{} exists already and was not changed; choose another name, or replace it with --force",
            path.visible()
        )))
    }

    /// Writes a file whole or not at all; of a link, the link is replaced. A device or pipe is written to.
    ///
    /// # Errors
    /// As [`Replace::check`], also for what has come since, and a path that cannot be written.
    pub fn write(self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        self.check(path)?;
        let written = match self.force || whole_file::is_stream(path) {
            true => whole_file::write_whole(path, bytes),
            false => whole_file::write_new(path, bytes),
        };
        written.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Failure::input(format!(
                "{} has come meanwhile and stays as it is; choose another name, or replace it with --force",
                path.visible()
            )),
            _ => unwritable(path, error),
        })
    }
}

/// The folder of a path; `None`: the current one.
pub fn folder_of(path: &Path) -> Option<&Path> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty())
}

fn no_folder(folder: &Path) -> Failure {
    Failure::input(format!("there is no folder {}; create it, or choose another place", folder.visible()))
}

/// The failure of a command whose file could not be written: a path to correct (64), or a disk (69).
pub fn unwritable(path: &Path, error: io::Error) -> Failure {
    match (error.kind(), folder_of(path)) {
        (ErrorKind::NotFound, Some(folder)) => no_folder(folder),
        _ => FileError::writing(path, error).into(),
    }
}

/// The failure of a command that wrote a part of a file: where, what became of it, and what to do. Its code
/// is that of [`unwritable`].
pub fn unfinished(path: &Path, what: &str, error: io::Error, then: &str) -> Failure {
    let message = format!("{what} ({error}): {} {then}", remedy(&error));
    match FileError::writing(path, error).is_bad_path() {
        true => Failure::input(message),
        false => Failure::unavailable(message),
    }
}

/// What to do about a file that does not take all that is written.
pub fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "no space is left on its disk: free some space",
        ErrorKind::FileTooLarge => "its file may not grow: raise the limit on file sizes (ulimit -f)",
        ErrorKind::PermissionDenied => "give this user the right to write there, or choose another place,",
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => "choose another place",
        ErrorKind::ReadOnlyFilesystem => "nothing can be written there: choose another place",
        _ => "check the disk it is on",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    const ASKED: Replace = Replace { force: false };
    const FORCED: Replace = Replace { force: true };

    #[track_caller]
    fn written(replace: Replace, path: &Path, text: &str) {
        replace.write(path, text.as_bytes()).unwrap_or_else(|failure| panic!("{failure}"));
    }

    #[track_caller]
    fn refused(replace: Replace, path: &Path, word: &str) {
        for refused in [replace.check(path), replace.write(path, b"new")] {
            let failure = refused.unwrap_err();
            assert!(failure.code() == 64 && failure.to_string().contains(word), "{failure}");
        }
    }

    #[test]
    fn what_is_there_is_replaced_only_when_forced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        written(ASKED, &path, "one");
        refused(ASKED, &path, "--force");
        written(FORCED, &path, "two");
        assert_eq!(fs::read(&path).unwrap(), b"two");
        refused(FORCED, folder.path(), "is a directory");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let word = format!("there is no folder {}; create it", folder.path().join("none").display());
        refused(ASKED, &folder.path().join("none/report.html"), &word);
        refused(FORCED, &folder.path().join("none/report.html"), &word);
    }

    #[test]
    fn a_path_to_correct_and_a_disk_that_takes_no_more_have_codes_of_their_own() {
        for (kind, code, word) in [
            (ErrorKind::NotFound, 64, "there is no folder a; create it"),
            (ErrorKind::PermissionDenied, 64, "give this user the right"),
            (ErrorKind::StorageFull, 69, "free some space"),
            (ErrorKind::FileTooLarge, 69, "ulimit -f"),
            (ErrorKind::Other, 69, "check the disk"),
        ] {
            let failure = unwritable(Path::new("a/report.html"), kind.into());
            assert!(failure.code() == code && failure.to_string().contains(word), "{failure}");
        }
    }

    #[test]
    fn a_link_is_something_that_is_there_and_what_it_leads_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("kept"), "kept").unwrap();
        for (link, to) in [("nowhere", "gone"), ("somewhere", "kept")] {
            symlink(at(to), at(link)).unwrap();
            refused(ASKED, &at(link), "--force");
            written(FORCED, &at(link), "new");
            assert!(fs::symlink_metadata(at(link)).unwrap().is_file());
        }
        assert!(fs::read(at("kept")).unwrap() == b"kept" && !at("gone").exists());
    }

    #[test]
    fn a_pipe_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        symlink(&pipe, &link).unwrap();
        for (replace, path) in [(ASKED, &pipe), (FORCED, &pipe), (FORCED, &link)] {
            let reader = pipe.clone();
            let reader = std::thread::spawn(move || fs::read(reader).unwrap());
            written(replace, path, "page");
            assert_eq!(reader.join().unwrap(), b"page");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
