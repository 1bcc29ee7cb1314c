//! What people want done to a session, between a request and the session's thread.
//!
//! Invariant: a command is answered as done once it is in the journal.

use crate::domain::event::Command;
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

/// Between a request and the session's thread.
#[derive(Default)]
pub(super) struct Commands {
    state: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    commands: Vec<Command>,
    /// Commands that were taken and are not in the journal yet.
    taken: Vec<Command>,
    /// Commands handed over so far, and those that are in the journal.
    given: u64,
    done: u64,
    is_flat: bool,
}

impl Commands {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Every change is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is waiting, once.
    pub(super) fn take(&self) -> Vec<Command> {
        let mut state = self.lock();
        let commands = std::mem::take(&mut state.commands);
        state.taken.extend(&commands);
        commands
    }

    /// So many are in the journal.
    pub(super) fn done(&self, count: usize) {
        let mut state = self.lock();
        state.done += count as u64;
        let count = count.min(state.taken.len());
        state.taken.drain(..count);
        self.changed.notify_all();
    }

    /// What was taken and is not in the journal is to be taken again: the session goes on from what is stored. One that was
    /// stored unnoticed is given twice, which changes nothing.
    pub(super) fn again(&self) {
        let mut state = self.lock();
        let waiting = std::mem::take(&mut state.commands);
        let Waiting { commands, taken, .. } = &mut *state;
        commands.append(taken);
        commands.extend(waiting);
    }

    /// Whether nothing is open.
    pub(super) fn show_flat(&self, is_flat: bool) {
        let mut state = self.lock();
        if state.is_flat != is_flat {
            state.is_flat = is_flat;
            self.changed.notify_all();
        }
    }

    /// Hands commands over and waits for them, at most ten seconds.
    pub(super) fn give(&self, commands: Vec<Command>, until: Until) -> Given {
        let mut state = self.lock();
        state.given += commands.len() as u64;
        let mine = state.given;
        state.commands.extend(commands);
        let open = |state: &mut Waiting| state.done < mine || until == Until::Flat && !state.is_flat;
        let (state, _) =
            self.changed.wait_timeout_while(state, DONE_WITHIN, open).unwrap_or_else(PoisonError::into_inner);
        Given { is_done: state.done >= mine, is_flat: state.is_flat }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Stopwatch;
    use crate::domain::time::Span;

    #[test]
    fn commands_are_answered_when_they_are_in_the_journal() {
        let commands = Commands::default();
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| commands.give(vec![Command::Pause, Command::CloseAll], Until::Flat));
            let watch = Stopwatch::start();
            let mut taken = Vec::new();
            while taken.is_empty() && watch.elapsed() < Span::from_seconds(30) {
                taken = commands.take();
                std::thread::yield_now();
            }
            assert_eq!(taken, [Command::Pause, Command::CloseAll]);
            // The disk refuses them once.
            commands.again();
            assert_eq!(commands.take(), [Command::Pause, Command::CloseAll]);
            commands.show_flat(true);
            commands.done(2);
            assert_eq!(asked.join().unwrap(), Given { is_done: true, is_flat: true });
        });
    }
}
