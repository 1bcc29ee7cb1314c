//! What people want done to a session, between a request and the session's thread.
//!
//! Invariants: a command is answered as done once it is in the journal; closing everything is never refused.

use crate::domain::event::UserCommand;
use crate::limits::SESSION_COMMANDS;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a request waits until its commands are in the journal, and until everything is closed.
const DONE_WITHIN: Duration = Duration::from_secs(10);

/// What a request waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Until {
    /// Its commands are in the journal.
    Journaled,
    /// And nothing is open.
    Flat,
}

/// What came of commands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Given {
    /// Whether all are in the journal.
    pub is_done: bool,
    /// Whether nothing is open.
    pub is_flat: bool,
}

/// Why a session does not take commands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NotGiven {
    /// As many as are kept wait for it already, and these close no position.
    Full,
    /// It has ended without them.
    Ended,
}

/// Between a request and the session's thread.
#[derive(Default)]
pub(in crate::service::sessions) struct Commands {
    state: Mutex<CommandQueue>,
    changed: Condvar,
}

#[derive(Default)]
struct CommandQueue {
    commands: Vec<UserCommand>,
    /// Commands that were taken and are not in the journal yet.
    taken: Vec<UserCommand>,
    /// Those of the last request.
    last: Vec<UserCommand>,
    /// Commands handed over so far, and those that are in the journal.
    given: u64,
    done: u64,
    is_flat: bool,
    /// The session takes no more.
    has_ended: bool,
}

impl Commands {
    fn lock(&self) -> MutexGuard<'_, CommandQueue> {
        // Every change is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is waiting, once.
    pub(in crate::service::sessions) fn take(&self) -> Vec<UserCommand> {
        let mut state = self.lock();
        let commands = std::mem::take(&mut state.commands);
        state.taken.extend(&commands);
        commands
    }

    /// So many are in the journal.
    pub(in crate::service::sessions) fn done(&self, count: usize) {
        let mut state = self.lock();
        state.done += count as u64;
        let count = count.min(state.taken.len());
        state.taken.drain(..count);
        self.changed.notify_all();
    }

    /// What was taken and is not in the journal is to be taken again: the session goes on from what is
    /// stored. One that was stored unnoticed is given twice, which changes nothing.
    pub(super) fn again(&self) {
        let mut state = self.lock();
        let waiting = std::mem::take(&mut state.commands);
        let CommandQueue { commands, taken, .. } = &mut *state;
        commands.append(taken);
        commands.extend(waiting);
    }

    /// Whether nothing is open.
    pub(in crate::service::sessions) fn show_flat(&self, is_flat: bool) {
        let mut state = self.lock();
        if state.is_flat != is_flat {
            state.is_flat = is_flat;
            self.changed.notify_all();
        }
    }

    /// The session has ended: nobody waits for it any more.
    pub(super) fn end(&self) {
        self.lock().has_ended = true;
        self.changed.notify_all();
    }

    /// Hands commands over and waits for them, at most ten seconds.
    ///
    /// # Errors
    /// Why the session does not take them.
    pub(super) fn give(&self, commands: Vec<UserCommand>, until: Until) -> Result<Given, NotGiven> {
        let mut state = self.lock();
        state.push(commands)?;
        let mine = state.given;
        let open = |state: &mut CommandQueue| {
            !state.has_ended && (state.done < mine || until == Until::Flat && !state.is_flat)
        };
        let (state, _) =
            self.changed.wait_timeout_while(state, DONE_WITHIN, open).unwrap_or_else(PoisonError::into_inner);
        if state.has_ended && state.done < mine {
            return Err(NotGiven::Ended);
        }
        Ok(Given { is_done: state.done >= mine, is_flat: state.is_flat })
    }
}

impl CommandQueue {
    /// Lets commands wait. What is asked for again, with nothing else in between, is one with the request
    /// before while that waits; of what was applied and is not on disk yet, only when there is no room.
    fn push(&mut self, commands: Vec<UserCommand>) -> Result<(), NotGiven> {
        if self.has_ended {
            return Err(NotGiven::Ended);
        }
        let is_full = self.commands.len() + self.taken.len() + commands.len() > SESSION_COMMANDS;
        let is_waiting = self.done < self.given && (is_full || !self.commands.is_empty());
        if is_waiting && self.last == commands {
            return Ok(());
        }
        if is_full && !commands.iter().any(|command| matches!(command, UserCommand::Close(_))) {
            return Err(NotGiven::Full);
        }
        self.given += commands.len() as u64;
        self.last.clone_from(&commands);
        self.commands.extend(commands);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Stopwatch;
    use crate::domain::symbol::SymbolId;
    use crate::domain::time::Span;
    use crate::limits::SESSION_SYMBOLS;

    #[test]
    fn commands_are_answered_when_they_are_in_the_journal() {
        let commands = Commands::default();
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| {
                commands.give(vec![UserCommand::Pause, UserCommand::Close(SymbolId(0))], Until::Flat)
            });
            let watch = Stopwatch::start();
            let mut taken = Vec::new();
            while taken.is_empty() && watch.elapsed() < Span::from_seconds(30) {
                taken = commands.take();
                std::thread::yield_now();
            }
            assert_eq!(taken, [UserCommand::Pause, UserCommand::Close(SymbolId(0))]);
            // The disk refuses them once.
            commands.again();
            assert_eq!(commands.take(), [UserCommand::Pause, UserCommand::Close(SymbolId(0))]);
            commands.show_flat(true);
            commands.done(2);
            assert_eq!(asked.join().unwrap(), Ok(Given { is_done: true, is_flat: true }));
        });
    }

    #[test]
    fn whoever_waits_for_a_session_that_ends_is_told_so() {
        let commands = Commands::default();
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| commands.give(vec![UserCommand::Pause], Until::Journaled));
            while commands.take().is_empty() {
                std::thread::yield_now();
            }
            let watch = Stopwatch::start();
            commands.end();
            assert_eq!(asked.join().unwrap(), Err(NotGiven::Ended));
            assert!(watch.elapsed() < Span::from_seconds(5), "it waits no longer");
        });
        assert_eq!(commands.give(vec![UserCommand::Pause], Until::Journaled), Err(NotGiven::Ended));
    }

    #[test]
    fn when_too_many_wait_others_are_refused_but_closing_everything_is_taken_once() {
        let commands = Commands::default();
        let push = |asked: &[UserCommand]| commands.lock().push(asked.to_vec());
        let flatten: Vec<UserCommand> =
            (0..SESSION_SYMBOLS as u32).map(|id| UserCommand::Close(SymbolId(id))).collect();
        for _ in 0..SESSION_COMMANDS / 2 {
            assert_eq!(
                (push(&[UserCommand::Pause]), push(&[UserCommand::Pause]), push(&[UserCommand::Resume])),
                (Ok(()), Ok(()), Ok(()))
            );
        }
        assert_eq!(
            (push(&[UserCommand::Pause]), push(&[UserCommand::Resume])),
            (Err(NotGiven::Full), Ok(())),
            "the last is asked for again"
        );
        assert_eq!(
            (push(&flatten), push(&flatten), push(&[UserCommand::Resume])),
            (Ok(()), Ok(()), Err(NotGiven::Full))
        );
        let taken = commands.take();
        assert_eq!(taken.len(), SESSION_COMMANDS + flatten.len());
        // The disk hangs: what was applied is not done.
        assert_eq!((push(&[UserCommand::Pause]), push(&flatten)), (Err(NotGiven::Full), Ok(())));
        assert_eq!(commands.take(), []);
        commands.done(taken.len());
        assert_eq!((push(&flatten), push(&[UserCommand::Resume])), (Ok(()), Ok(())), "it is given anew");
        assert_eq!(commands.take().len(), flatten.len() + 1);
    }
}
