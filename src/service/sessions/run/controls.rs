//! What a person does to a running session: no new entries, entries again, working entries withdrawn,
//! everything closed.
//!
//! Invariant: what was answered as done is in the journal, so a restart does not forget it.

use super::commands::{Given, NotGiven, Until};
use super::running::Running;
use crate::domain::event::UserCommand;
use crate::domain::symbol::SymbolId;
use crate::service::sessions::Sessions;
use crate::service::{Refusal, RefusalKind};
use serde::{Deserialize, Serialize};

/// What is done to a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionControl {
    /// No new entries; positions are managed.
    Pause,
    /// Entries are allowed again.
    Resume,
    /// As pause, and working entries are withdrawn.
    Cancel,
    /// As cancel, and every position is closed at the market.
    Flatten,
}

impl SessionControl {
    /// All of them with their words.
    pub const ALL: [(SessionControl, &'static str); 4] = [
        (SessionControl::Pause, "pause"),
        (SessionControl::Resume, "resume"),
        (SessionControl::Cancel, "cancel"),
        (SessionControl::Flatten, "flatten"),
    ];

    /// The control of a word.
    pub fn of(word: &str) -> Option<SessionControl> {
        Self::ALL.iter().find(|(_, name)| *name == word).map(|(control, _)| *control)
    }

    /// Its word.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(control, _)| *control == self).map_or("", |(_, word)| word)
    }

    /// What the engine is told, for a session of so many symbols.
    fn commands(self, symbols: u32) -> Vec<UserCommand> {
        let all = (0..symbols).map(SymbolId);
        match self {
            SessionControl::Pause => vec![UserCommand::Pause],
            SessionControl::Resume => vec![UserCommand::Resume],
            SessionControl::Cancel => {
                std::iter::once(UserCommand::Pause).chain(all.map(UserCommand::Withdraw)).collect()
            }
            SessionControl::Flatten => {
                std::iter::once(UserCommand::Pause).chain(all.map(UserCommand::Close)).collect()
            }
        }
    }
}

/// What came of a control of one session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ControlOutcome {
    /// The session.
    pub session_id: String,
    /// The control.
    pub control: String,
    /// Whether it is in the journal; `false`: the session did not process it within ten seconds and will.
    pub is_done: bool,
    /// Whether nothing is open any more; of a live session, as the exchange shows it.
    pub is_flat: bool,
}

impl Sessions {
    /// Does something to one session.
    ///
    /// # Errors
    /// 404 `session_not_found`; 409 `session_ended`; 409 `no_account` for one that does not trade; 503
    /// `session_busy` where too many wait for it.
    pub fn control(&self, id: &str, control: SessionControl) -> Result<ControlOutcome, Refusal> {
        let found = self.running().get(id).filter(|session| !session.is_ended()).cloned();
        let Some(session) = found else {
            let row = self.get(id)?;
            let message = format!("session {id} has ended ({})", row.status.as_str());
            return Err(Refusal::conflict("session_ended", message));
        };
        if !session.trades_a_market() {
            let message = "only paper and live sessions can be paused, cancelled and flattened; stop the session instead";
            return Err(Refusal::conflict("no_account", message));
        }
        give(&session, control)
    }

    /// Locks live trading, durably, and closes what all sessions with real money have.
    ///
    /// # Errors
    /// 503 `lock_not_written` when the lock cannot be written; then nothing is closed.
    pub fn lock(&self, by: &str) -> Result<Vec<ControlOutcome>, Refusal> {
        self.market.lock().set(by).map_err(|error| not_written(&error))?;
        tracing::warn!(by, "live trading is locked");
        self.control_all_live(SessionControl::Flatten)
    }

    /// Unlocks live trading; whether it was locked. Sessions stay paused until somebody resumes them.
    ///
    /// # Errors
    /// 503 `lock_not_written` when the lock cannot be removed.
    pub fn unlock(&self, by: &str) -> Result<bool, Refusal> {
        let was_locked = self.market.lock().remove().map_err(|error| not_written(&error))?;
        tracing::warn!(by, was_locked, "live trading is unlocked");
        Ok(was_locked)
    }

    /// Does something to all sessions that trade with real money, side by side.
    ///
    /// # Errors
    /// 503 `session_busy` where too many controls wait for one of them; the others have it. Flattening is
    /// never refused.
    pub fn control_all_live(&self, control: SessionControl) -> Result<Vec<ControlOutcome>, Refusal> {
        let live: Vec<_> = {
            let running = self.running();
            running.values().filter(|session| session.is_live() && !session.is_ended()).cloned().collect()
        };
        std::thread::scope(|scope| {
            let controls: Vec<_> =
                live.iter().map(|session| scope.spawn(|| give(session, control))).collect();
            let given = controls.into_iter().filter_map(|thread| thread.join().ok());
            // One that ended meanwhile has nothing left that a control could act on.
            given.filter(|given| !given.as_ref().is_err_and(|refusal| refusal.code == ENDED)).collect()
        })
    }
}

fn not_written(error: &std::io::Error) -> Refusal {
    let message = format!(
        "the lock cannot be changed: {error}; create or remove the file live.locked in the state directory"
    );
    Refusal::new(RefusalKind::Unavailable, "lock_not_written", message)
}

fn busy(session: &str) -> Refusal {
    let message = format!(
        "session {session} has not taken the controls that it was given before: GET /sessions/{session} says whether its disk stalls it; flatten and stop are taken all the same"
    );
    Refusal { retry_after_s: Some(5), ..Refusal::new(RefusalKind::Unavailable, "session_busy", message) }
}

const ENDED: &str = "session_ended";

fn ended(session: &str) -> Refusal {
    let message = format!("session {session} has ended without the control; see its result and its events");
    Refusal::conflict(ENDED, message)
}

fn give(session: &Running, control: SessionControl) -> Result<ControlOutcome, Refusal> {
    let symbols = session.table.load().len() as u32;
    let until = if control == SessionControl::Flatten { Until::Flat } else { Until::Journaled };
    let given = session.commands.give(control.commands(symbols), until);
    let Given { is_done, is_flat } = given.map_err(|why| match why {
        NotGiven::Full => busy(&session.id),
        NotGiven::Ended => ended(&session.id),
    })?;
    tracing::warn!(
        session = session.id,
        control = control.as_str(),
        is_done,
        is_flat,
        "a person acts on a session"
    );
    let (session_id, control) = (session.id.clone(), control.as_str().to_owned());
    Ok(ControlOutcome { session_id, control, is_done, is_flat })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_is_what_the_engine_is_told() {
        let closes = [UserCommand::Pause, UserCommand::Close(SymbolId(0)), UserCommand::Close(SymbolId(1))];
        assert_eq!(SessionControl::Flatten.commands(2), closes);
        assert_eq!(SessionControl::Pause.commands(2), [UserCommand::Pause]);
        assert_eq!(SessionControl::Resume.commands(2), [UserCommand::Resume]);
        let withdrawals =
            [UserCommand::Pause, UserCommand::Withdraw(SymbolId(0)), UserCommand::Withdraw(SymbolId(1))];
        assert_eq!(SessionControl::Cancel.commands(2), withdrawals);
    }

    #[test]
    fn a_word_is_one_control_or_none() {
        assert_eq!(SessionControl::of("pause"), Some(SessionControl::Pause));
        assert_eq!(SessionControl::of("resume"), Some(SessionControl::Resume));
        assert_eq!(SessionControl::of("cancel"), Some(SessionControl::Cancel));
        assert_eq!(SessionControl::of("flatten"), Some(SessionControl::Flatten));
        assert_eq!(SessionControl::of("lock"), None);
    }
}
