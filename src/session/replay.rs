//! The journal of a session through a driver that has seen nothing: to go on after a restart, and to prove
//! that the same inputs give the same decisions.

use crate::domain::event::Command;
use crate::domain::symbol::SymbolTable;
use crate::domain::time::Timestamp;
use crate::plant::{Plant, is_planted};
use crate::session::driver::{Driver, Recorder};
use crate::session::gateway::Gateway;
use crate::session::inputs::Control;
use crate::session::ports::{Chunk, Feed, FeedError};
use crate::session::switches::switched;
use arc_swap::ArcSwap;
use std::sync::Arc;

/// Where a session is that has replayed its journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CaughtUp {
    /// Whether it had ended.
    pub is_over: bool,
    /// Whether it had ended because it was stopped.
    pub was_stopped: bool,
    /// Whether a stop had begun to close positions.
    pub is_closing: bool,
    /// The engine time that it had reached.
    pub reached: Timestamp,
}

/// Where a replay is between two ticks of different times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalPosition {
    /// Every tick up to here was applied, and every control before here.
    pub at: Timestamp,
    /// How many controls those were.
    pub controls: usize,
}

/// Told where a replay is, now and then.
pub type Watch<'a, G, R> = dyn FnMut(JournalPosition, &Driver<G>, &R) + 'a;

/// The inputs of a session that are to be replayed.
pub struct JournalInputs<'a> {
    /// Rows and gaps, behind [`JournalInputs::begun`] where there is one.
    pub feed: &'a mut dyn Feed,
    /// Everything that was done to the session, in the order of time.
    pub controls: &'a [(Timestamp, Control)],
    /// Where the driver is already.
    pub begun: Option<JournalPosition>,
}

impl<'a> JournalInputs<'a> {
    /// From the first input on.
    pub fn whole(feed: &'a mut dyn Feed, controls: &'a [(Timestamp, Control)]) -> Self {
        JournalInputs { feed, controls, begun: None }
    }
}

/// Replays the journal of a session that is to go on; `stored`: the engine time of its last commit.
///
/// # Errors
/// What the feed could not read.
pub fn catch_up<G: Gateway, R: Recorder>(
    driver: &mut Driver<G>,
    table: &ArcSwap<SymbolTable>,
    journal: JournalInputs<'_>,
    stored: Option<Timestamp>,
    recorder: &mut R,
    watch: &mut Watch<'_, G, R>,
) -> Result<CaughtUp, FeedError> {
    let controls = journal.controls;
    let is_over = replay(driver, table, journal, recorder, watch)?;
    let stored = stored.filter(|_| !is_planted(Plant::TimerLostOverARestart));
    let reached = stored.unwrap_or(Timestamp::MIN).max(driver.progress().at);
    if !is_over {
        driver.wait_until(reached, recorder);
    }
    let has = |wanted: Control| controls.iter().any(|(_, control)| *control == wanted);
    Ok(CaughtUp { is_over, was_stopped: has(Control::End), is_closing: has(Control::CloseAndEnd), reached })
}

/// Applies every tick of a journal and every control at its position: one comes before the ticks that are
/// later than it. Returns whether the session had ended by then.
///
/// # Errors
/// What the feed could not read.
pub fn replay<G: Gateway, R: Recorder>(
    driver: &mut Driver<G>,
    table: &ArcSwap<SymbolTable>,
    journal: JournalInputs<'_>,
    recorder: &mut R,
    watch: &mut Watch<'_, G, R>,
) -> Result<bool, FeedError> {
    let controls = journal.controls;
    let Some(behind) = replay_ticks(driver, table, journal, recorder, watch)? else { return Ok(true) };
    let mut rest = controls[behind.controls..].iter();
    Ok(rest.any(|(at, control)| apply(driver, table, *at, control, recorder)))
}

/// Applies every tick of a journal and every control before the last of them. Returns where it is then;
/// `None`: the session had ended by then. `watch` is told between two chunks.
///
/// # Errors
/// What the feed could not read.
pub fn replay_ticks<G: Gateway, R: Recorder>(
    driver: &mut Driver<G>,
    table: &ArcSwap<SymbolTable>,
    journal: JournalInputs<'_>,
    recorder: &mut R,
    watch: &mut Watch<'_, G, R>,
) -> Result<Option<JournalPosition>, FeedError> {
    let JournalInputs { feed, controls, begun } = journal;
    let mut position = begun.unwrap_or(JournalPosition { at: Timestamp::MIN, controls: 0 });
    let mut chunk = Chunk::default();
    while feed.next(&mut chunk)? {
        // Behind a chunk that ends with some of the ticks of one time the rest of them could not be found
        // again.
        if position.at > Timestamp::MIN && chunk.ticks().first().is_some_and(|tick| tick.at > position.at) {
            watch(position, driver, recorder);
        }
        for tick in chunk.ticks() {
            while let Some((at, control)) = controls.get(position.controls).filter(|(at, _)| *at < tick.at) {
                position.controls += 1;
                if apply(driver, table, *at, control, recorder) {
                    return Ok(None);
                }
            }
            driver.tick(&chunk, tick, recorder);
            position.at = tick.at;
            if driver.has_ended() {
                driver.finish(recorder);
                return Ok(None);
            }
        }
    }
    Ok(Some(position))
}

/// What was done to the session at a moment, at that moment again. Whether it ended the session.
fn apply<G: Gateway, R: Recorder>(
    driver: &mut Driver<G>,
    table: &ArcSwap<SymbolTable>,
    at: Timestamp,
    control: &Control,
    recorder: &mut R,
) -> bool {
    if let Control::Restart { from } = control {
        driver.wait_until(*from, recorder);
        driver.sleep_until(at);
        return false;
    }
    driver.wait_until(at, recorder);
    match control {
        // What followed from one that fits no order is in the journal, too.
        Control::Answer(answer) => {
            driver.answer(at, *answer, recorder);
            if driver.has_ended() {
                driver.finish(recorder);
                return true;
            }
        }
        Control::SymbolTable { version, disabled } => {
            let mut next = switched(&table.load(), &disabled.iter().cloned().collect());
            next.version = *version;
            table.store(Arc::new(next));
            driver.refresh_table(recorder);
        }
        Control::Allowance(allowed) => driver.tighten(allowed, recorder),
        Control::Pause => driver.command(Command::Pause, recorder),
        Control::Resume => driver.command(Command::Resume, recorder),
        Control::CloseAndEnd => driver.command(Command::CloseAndEnd, recorder),
        Control::Withdraw(symbol) => driver.command(Command::Withdraw(*symbol), recorder),
        Control::Close(symbol) => driver.command(Command::Close(*symbol), recorder),
        Control::Restart { .. } => {}
        Control::End => {
            driver.finish(recorder);
            return true;
        }
    }
    false
}
