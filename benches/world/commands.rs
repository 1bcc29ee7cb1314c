//! What must hold of commands: of people, and of a venue that blocks a symbol.

use crate::audit::decisions;
use crate::journal::World;
use tradingd::domain::decision::DecisionKind;
use tradingd::domain::order::Purpose;
use tradingd::domain::symbol::SymbolId;
use tradingd::domain::time::Timestamp;
use tradingd::session::inputs::Control;

/// # Errors
/// What does not hold.
pub fn check(world: &World) -> Result<(), String> {
    answered(world)?;
    paused(world)?;
    blocked(world)
}

/// What was answered as done is in the journal.
fn answered(world: &World) -> Result<(), String> {
    let controls = world.controls();
    match world.answered.iter().find(|answered| !controls.contains(answered)) {
        Some((at, command)) => Err(format!("a command was answered and is not durable: {command:?} at {at}")),
        None => Ok(()),
    }
}

/// No entry is submitted between a pause and the end of it.
fn paused(world: &World) -> Result<(), String> {
    let controls = world.controls();
    let mut rest = controls.iter().peekable();
    let mut paused_at = None;
    for (at, symbol) in entries(world) {
        // What was decided at the time of a command was decided before it.
        while let Some((since, control)) = rest.next_if(|(since, _)| *since < at) {
            match control {
                Control::Pause => paused_at = Some(*since),
                Control::Resume => paused_at = None,
                _ => {}
            }
        }
        if let Some(since) = paused_at {
            return Err(format!("an entry while entries are paused: on {} at {at}, since {since}", symbol.0));
        }
    }
    Ok(())
}

/// No entry is submitted on a symbol that the venue blocks.
fn blocked(world: &World) -> Result<(), String> {
    let mut rest = world.blocks.iter().peekable();
    let mut now: &[SymbolId] = &[];
    for (at, symbol) in entries(world) {
        while let Some((_, blocked)) = rest.next_if(|(since, _)| *since < at) {
            now = blocked;
        }
        if now.contains(&symbol) {
            return Err(format!("an entry although the venue blocks it: on {} at {at}", symbol.0));
        }
    }
    Ok(())
}

fn entries(world: &World) -> impl Iterator<Item = (Timestamp, SymbolId)> + '_ {
    decisions(world).filter_map(|decision| match decision.kind {
        DecisionKind::Submitted { purpose: Purpose::Entry, .. } => Some((decision.at, decision.symbol)),
        _ => None,
    })
}
