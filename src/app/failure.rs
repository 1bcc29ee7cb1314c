//! The failure of a command: a message that says what to do, and an exit code for scripts and systemd.

use super::strategy_file::is_strategy;
use crate::domain::visible::Visible;
use crate::files::FileError;
use crate::service::SourceError;
use crate::service::{Refusal, RefusalKind, STORE_DAMAGED};
use crate::store::StoreError;
use std::fmt;

/// Any failure without an exit code of its own.
pub const FAILED: u8 = 1;
/// The command line or an input is not usable.
pub const USAGE: u8 = 64;
/// The store is damaged.
pub const DAMAGED: u8 = 65;
/// A resource is unavailable: a port in use, a store that another process has locked.
pub const UNAVAILABLE: u8 = 69;
/// A setting, such as the state directory, cannot be used.
pub const CONFIGURATION: u8 = 78;

/// A refusal by the daemon.
pub struct Answered<'a> {
    /// HTTP status.
    pub status: u16,
    /// Error code.
    pub code: &'a str,
    /// One sentence.
    pub message: String,
}

/// A failed command.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// Unusable input; the message names it and what to do.
    pub fn input(message: impl Into<String>) -> Self {
        Failure { code: USAGE, message: message.into() }
    }

    /// A damaged store; the message says where and what to do.
    pub fn damaged(message: impl Into<String>) -> Self {
        Failure { code: DAMAGED, message: message.into() }
    }

    /// An unusable setting; the message names it and what to do.
    pub fn configuration(message: impl Into<String>) -> Self {
        Failure { code: CONFIGURATION, message: message.into() }
    }

    /// An unavailable resource; the message names it and what to do.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Failure { code: UNAVAILABLE, message: message.into() }
    }

    /// What the daemon refused, with the exit code that the same failure has without a daemon.
    pub fn answered(answered: &Answered<'_>) -> Self {
        let code = match (answered.status, answered.code) {
            (500.., STORE_DAMAGED) => DAMAGED,
            (429 | 502..=504, _) => UNAVAILABLE,
            (400..=499, _) => USAGE,
            _ => FAILED,
        };
        Failure { code, message: answered.message.clone() }.or_list(kind_of(answered.code))
    }

    /// Whether the daemon answered that what was asked for is not there, or not possible.
    pub fn is_refusal(&self) -> bool {
        self.code == USAGE
    }

    /// Names the command that lists all of a kind, when it is known that one of it is missing.
    fn or_list(self, missing: Option<&str>) -> Self {
        match missing {
            Some("recording") => self.because("`tradingd recordings` lists all"),
            Some("result") => self.because("`tradingd results list` lists all"),
            Some("session") => self.because("`tradingd sessions list` lists all"),
            Some("strategy") => self.because("`tradingd strategies list` lists all"),
            Some("user") => self.because("`tradingd user list` lists all"),
            _ => self,
        }
    }

    /// Appends a clause to the message.
    pub fn because(self, clause: &str) -> Self {
        Failure { message: format!("{}; {clause}", self.message), ..self }
    }

    /// Any other failure.
    pub fn other(message: impl Into<String>) -> Self {
        Failure { code: FAILED, message: message.into() }
    }

    /// Exit code of the process.
    pub fn code(&self) -> u8 {
        self.code
    }
}

/// The kind that is missing by an error code: `session` of `session_not_found`.
fn kind_of(code: &str) -> Option<&str> {
    code.strip_suffix("_not_found")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        if error.is_bad_input() && is_strategy(&error.file) {
            Failure::input(format!(
                "{0} is a strategy and no market data: store it with `tradingd strategies add {0}`, or run it with \
                 `tradingd backtest --strategy {0} --data FILE`",
                error.file.visible()
            ))
        } else if error.is_bad_input() || error.is_bad_path() {
            Failure::input(error.to_string())
        } else {
            Failure::unavailable(error.to_string())
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let cause =
            std::error::Error::source(&error).map(|source| format!(" ({source})")).unwrap_or_default();
        let missing = match &error {
            StoreError::NotFound { what, .. } => Some(*what),
            _ => None,
        };
        Failure { code: error.exit_code(), message: format!("{error}{cause}") }.or_list(missing)
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Input(what) => Failure::input(what),
            SourceError::File(error) => error.into(),
            SourceError::Store(error) => error.into(),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.kind {
            RefusalKind::Unavailable => UNAVAILABLE,
            RefusalKind::Internal if refusal.code == STORE_DAMAGED => DAMAGED,
            RefusalKind::Internal => FAILED,
            _ => USAGE,
        };
        Failure { code, message: refusal.message }.or_list(kind_of(refusal.code))
    }
}
