//! How a session stands.

use serde::Serialize;

/// How a session stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// Its row is written, its thread begins.
    Starting,
    /// It runs.
    Running,
    /// Asked to end.
    Stopping,
    /// Ended because it was asked to.
    Stopped,
    /// Ended by itself.
    Completed,
    /// Ended by a failure.
    Failed,
}

impl SessionState {
    /// All states.
    const ALL: [SessionState; 6] = [
        SessionState::Starting,
        SessionState::Running,
        SessionState::Stopping,
        SessionState::Stopped,
        SessionState::Completed,
        SessionState::Failed,
    ];

    /// The word the API shows.
    pub const fn as_str(&self) -> &'static str {
        match self {
            SessionState::Starting => "starting",
            SessionState::Running => "running",
            SessionState::Stopping => "stopping",
            SessionState::Stopped => "stopped",
            SessionState::Completed => "completed",
            SessionState::Failed => "failed",
        }
    }

    /// The state of a word.
    pub fn from_name(word: &str) -> Option<SessionState> {
        SessionState::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing follows it.
    pub const fn is_final(self) -> bool {
        matches!(self, SessionState::Stopped | SessionState::Completed | SessionState::Failed)
    }
}
