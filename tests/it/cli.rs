//! Runs the real binary in a temporary directory and captures its output. Every run asserts that it did not
//! panic.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A temporary directory; commands use its `state` as state directory.
pub struct Cli {
    dir: TempDir,
}

/// Exit code and output of a command.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Cli {
    pub fn new() -> Self {
        Cli { dir: tempfile::tempdir().unwrap() }
    }

    /// A path in the directory.
    pub fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn state(&self) -> PathBuf {
        self.at("state")
    }

    /// A file in the directory.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.at(name);
        std::fs::write(&path, content).unwrap();
        text(&path)
    }

    /// The binary with the state directory, its output captured.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradingd"));
        command.current_dir(self.dir.path()).env_remove("STATE_DIRECTORY").env("NO_COLOR", "1");
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(&self.command(args).output().unwrap(), args)
    }

    /// Runs a command that must succeed; returns its standard output.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        ran.out
    }

    /// Runs a command that must succeed and print JSON.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        let out = self.ok(args);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out}"))
    }

    /// Imports files; returns the printed recording.
    #[track_caller]
    pub fn import(&self, files: &[String]) -> Value {
        let args: Vec<&str> =
            ["import", "--json"].into_iter().chain(files.iter().map(String::as_str)).collect();
        self.json(&args)
    }

    /// All recordings, newest first.
    #[track_caller]
    pub fn recordings(&self) -> Vec<Value> {
        self.json(&["recordings", "--json"])["recordings"].as_array().unwrap().clone()
    }

    /// Asserts that the store is sound and holds exactly this many rows.
    #[track_caller]
    pub fn holds_exactly(&self, rows: u64) {
        let report = self.json(&["verify", "--json"]);
        assert_eq!(
            (report["sound"].as_bool(), report["rows"].as_u64()),
            (Some(true), Some(rows)),
            "{report}"
        );
    }
}

impl Ran {
    #[track_caller]
    pub fn of(output: &Output, args: &[&str]) -> Ran {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (lossy(&output.stdout), lossy(&output.stderr));
        assert!(!err.contains("panicked"), "{args:?}: {err}");
        let code = output.status.code().unwrap_or_else(|| panic!("{args:?} ended by a signal: {err}"));
        Ran { code, out, err }
    }

    /// Asserts failure with this code and one error message that contains all these words.
    #[track_caller]
    pub fn fails(&self, what: &str, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{what}: {}", self.err);
        assert!(
            self.err.lines().filter(|line| line.starts_with("error: ")).count() == 1,
            "{what}: {}",
            self.err
        );
        for word in words {
            assert!(self.err.contains(word), "{what}: {word:?} is not in: {}", self.err);
        }
    }
}

/// The shipped real recordings.
pub fn shipped() -> Vec<PathBuf> {
    files_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data"))
}

/// The shipped recording of a stream.
pub fn shipped_one(stream: &str) -> String {
    let all = shipped();
    text(all.iter().find(|path| path.to_string_lossy().contains(&format!(".{stream}."))).unwrap())
}

/// The large real recordings beside the repository or in `TRADINGD_REAL_DATA`. `None` if missing, which is
/// printed as skipped.
pub fn shared(folders: &[&str], what: &str) -> Option<Vec<PathBuf>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let root = std::env::var_os("TRADINGD_REAL_DATA").map_or(beside, PathBuf::from);
    let folders: Vec<PathBuf> = folders.iter().map(|name| root.join(name)).collect();
    if folders.iter().all(|folder| folder.is_dir()) {
        return Some(folders.iter().flat_map(|folder| files_in(folder)).collect());
    }
    skipped(&format!("{what}; {} is not there", root.display()));
    None
}

/// Prints `SKIPPED`, which `tests/run` counts, so that a skipped test does not look passed.
pub fn skipped(what: &str) {
    eprintln!("SKIPPED: {what}");
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().contains(".csv")).collect();
    files.sort();
    files
}

pub fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
