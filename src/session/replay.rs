//! The journal of a session through a driver that has seen nothing: to go on after a restart, and to prove that the same
//! inputs give the same decisions.

use crate::domain::event::Command;
use crate::domain::symbol::SymbolTable;
use crate::domain::time::Timestamp;
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

/// Replays the journal of a session that is to go on; `stored`: the engine time of its last commit.
///
/// # Errors
/// What the feed could not read.
pub fn catch_up<G: Gateway, R: Recorder>(
    driver: &mut Driver<G>,
    table: &ArcSwap<SymbolTable>,
    feed: &mut dyn Feed,
    controls: &[(Timestamp, Control)],
    stored: Option<Timestamp>,
    recorder: &mut R,
) -> Result<CaughtUp, FeedError> {
    let is_over = replay(driver, table, feed, controls, recorder)?;
    let reached = stored.unwrap_or(Timestamp::MIN).max(driver.progress().at);
    if !is_over {
        driver.wait_until(reached, recorder);
    }
    let has = |wanted: Control| controls.iter().any(|(_, control)| *control == wanted);
    Ok(CaughtUp { is_over, was_stopped: has(Control::End), is_closing: has(Control::CloseAndEnd), reached })
}

/// Applies every tick of a feed and every control at its place; `controls` are in the order of their times, and one
/// comes before the ticks that are later than it. Returns whether the session had ended by then.
///
/// # Errors
/// What the feed could not read.
pub fn replay<G: Gateway, R: Recorder>(
    driver: &mut Driver<G>,
    table: &ArcSwap<SymbolTable>,
    feed: &mut dyn Feed,
    controls: &[(Timestamp, Control)],
    recorder: &mut R,
) -> Result<bool, FeedError> {
    let mut controls = controls.iter().peekable();
    let mut chunk = Chunk::default();
    while feed.next(&mut chunk)? {
        for tick in chunk.ticks() {
            while let Some((at, control)) = controls.next_if(|(at, _)| *at < tick.at) {
                if apply(driver, table, *at, control, recorder) {
                    return Ok(true);
                }
            }
            driver.tick(&chunk, tick, recorder);
            if driver.has_ended() {
                driver.finish(recorder);
                return Ok(true);
            }
        }
    }
    Ok(controls.any(|(at, control)| apply(driver, table, *at, control, recorder)))
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
        Control::CloseAndEnd => driver.command(Command::CloseAll, recorder),
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
