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
        Control::SymbolTable { version, disabled } => {
            let mut next = switched(&table.load(), disabled);
            next.version = *version;
            table.store(Arc::new(next));
            driver.refresh_table(recorder);
        }
        Control::Pause => driver.command(Command::Pause, recorder),
        Control::Resume => driver.command(Command::Resume, recorder),
        Control::Flatten => driver.command(Command::Flatten, recorder),
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
