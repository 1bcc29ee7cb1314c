//! Opens files that must be regular ones. A pipe, device or directory in such a place is refused at once;
//! opening a pipe would wait for a writer that may never come.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a file for reading.
///
/// # Errors
/// What the disk reports, and [`ErrorKind::InvalidInput`] for anything but a regular file.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(OpenOptions::new().read(true), path)
}

/// As [`open`], with other options.
///
/// # Errors
/// As [`open`].
pub fn open_with(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    // Has no effect on regular files.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = options.custom_flags(nonblocking).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "it is a pipe, device or directory and not a file",
        ));
    }
    Ok(file)
}

/// Reads a file; of one with more bytes than `most`, one byte more, so that the caller sees it.
///
/// # Errors
/// As [`open`].
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_read_and_no_pipe_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, file) = (folder.path().join("pipe"), folder.path().join("file"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::fs::write(&file, "12345").unwrap();
        assert_eq!((read(&file, 5).unwrap(), read(&file, 3).unwrap()), (b"12345".to_vec(), b"1234".to_vec()));
        for path in [&pipe, folder.path()] {
            assert_eq!(read(path, 5).unwrap_err().kind(), ErrorKind::InvalidInput, "{}", path.display());
        }
        let missing = read(&folder.path().join("none"), 5).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert!(open_with(OpenOptions::new().append(true), &pipe).is_err(), "nobody reads from it");
    }
}
