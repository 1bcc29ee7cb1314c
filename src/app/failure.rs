//! How a command fails: a sentence that says what to do, and the exit code scripts and systemd act on.

use crate::files::FileError;
use crate::store::StoreError;
use std::fmt;

/// Something went wrong that is not listed below.
pub const FAILED: u8 = 1;
/// The command line or an input is not usable.
pub const USAGE: u8 = 64;

/// A failed command.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// Input that cannot be used; the message names the place and what to do.
    pub fn input(message: impl Into<String>) -> Self {
        Failure { code: USAGE, message: message.into() }
    }

    /// Anything else.
    pub fn other(message: impl Into<String>) -> Self {
        Failure { code: FAILED, message: message.into() }
    }

    /// The process's exit code.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// Writes the message to standard error.
    pub fn report(&self) {
        eprintln!("error: {self}");
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        if error.is_bad_input() { Failure::input(error.to_string()) } else { Failure::other(error.to_string()) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure { code: error.exit_code() as u8, message: error.to_string() }
    }
}
