//! Files that commands write where `--out`, `--report` and `--journal` say.
//!
//! Invariants: a file appears whole or not at all, and what is there already is replaced only with `--force`.

use super::Failure;
use clap::Args;
use std::io::Write;
use std::path::Path;

/// Whether files that exist are replaced.
#[derive(Args, Clone, Copy, Debug)]
pub struct Replace {
    /// Replace files that exist.
    #[arg(long)]
    pub force: bool,
}

impl Replace {
    /// Refuses a path where a file is. A device or pipe is written to.
    ///
    /// # Errors
    /// A file that exists, without `--force`.
    pub fn check(self, path: &Path) -> Result<(), Failure> {
        if !self.force && path.is_file() {
            return Err(Failure::input(format!(
                "{} is there already and stays as it is; choose another name, or replace it with --force",
                path.display()
            )));
        }
        Ok(())
    }
}

/// Writes a file atomically: to a `.part` file first, which is then renamed.
///
/// # Errors
/// A path that cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::other(format!(
            "{} could not be written ({error}); choose another place or free some space",
            path.display()
        ))
    };
    let part = path.with_extension("part");
    let written = std::fs::File::create(&part)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    if let Err(error) = written.and_then(|()| std::fs::rename(&part, path)) {
        // Best effort: the write has failed already.
        let _ = std::fs::remove_file(&part);
        return Err(failed(error));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_replaced_only_when_forced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        let (asked, forced) = (Replace { force: false }, Replace { force: true });
        asked.check(&path).unwrap();
        write_whole(&path, b"one").unwrap();
        assert!(format!("{:?}", asked.check(&path)).contains("--force"));
        forced.check(&path).unwrap();
        asked.check(folder.path()).unwrap();
    }
}
