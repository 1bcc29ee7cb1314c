//! A run between two inputs as bytes, to go on from there without its first inputs.
//!
//! Invariant: a run that goes on from a checkpoint does what the run that was saved does from there on.

use crate::checkpoint::{Damaged, Plain, Reader, Saved};
use crate::session::driver::Driver;
use crate::session::gateway::Gateway;
use crate::session::switches::switched;
use std::collections::BTreeSet;

/// The layout of the bytes. A change of any state that is saved is another one; where only the engine's
/// changes, its version says so.
pub const CHECKPOINT_LAYOUT: u32 = 6;

/// What a run has come to between two inputs, and what its recorder took down.
pub fn save<G: Gateway + Saved, R: Saved>(driver: &Driver<G>, recorder: &R) -> Vec<u8> {
    let mut bytes = Vec::new();
    let table = driver.table();
    let disabled = table.iter().filter(|(id, _)| !table.is_enabled(*id));
    let disabled: BTreeSet<String> = disabled.map(|(_, spec)| spec.name.clone()).collect();
    (table.version, disabled).encode(&mut bytes);
    driver.save(&mut bytes);
    recorder.save(&mut bytes);
    bytes
}

/// Takes what was saved over into a driver and a recorder that were made for the same run and have seen
/// nothing. After an error both must not be used.
///
/// # Errors
/// The bytes are none of such a run.
pub fn load<G: Gateway + Saved, R: Saved>(
    bytes: &[u8],
    driver: &mut Driver<G>,
    recorder: &mut R,
) -> Result<(), Damaged> {
    let mut from = Reader::new(bytes);
    let (version, disabled) = <(u64, BTreeSet<String>)>::decode(&mut from)?;
    let mut table = switched(driver.table(), &disabled);
    table.version = version;
    driver.load_table(table);
    driver.load(&mut from)?;
    recorder.load(&mut from)?;
    if from.is_at_end() { Ok(()) } else { Err(Damaged) }
}
