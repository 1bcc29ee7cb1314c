//! The engine's positions beside those that the executions made: what is held and the engine does not know
//! of.
//!
//! Invariant: what the engine has is not known before it has seen every answer that it was told.

use super::{EnginePosition, PositionKey};
use crate::domain::num::Qty;
use crate::domain::time::Timestamp;
use std::collections::BTreeMap;

/// The positions of the engine beside those that the executions made.
#[derive(Clone, Default, Debug)]
pub(super) struct Surplus {
    /// Answers that the engine was told.
    pub told: u64,
    /// Positions of the engine, and how many answers it had been given then; `None`: it has not said yet.
    engine: Option<(BTreeMap<PositionKey, Qty>, u64)>,
    /// When what the engine lacks is closed, and how often that was tried.
    pub due: BTreeMap<PositionKey, (Timestamp, u32)>,
}

impl Surplus {
    /// The engine has these positions, with so many answers.
    pub fn engine_has(&mut self, wanted: &[EnginePosition], answers: u64) {
        let mut lots: BTreeMap<PositionKey, Qty> = BTreeMap::new();
        for wanted in wanted {
            *lots.entry(wanted.key).or_insert(Qty::ZERO) += wanted.qty;
        }
        self.engine = Some((lots, answers));
    }

    /// Lots that the engine has; `None` while it has not seen every answer.
    pub fn engine(&self, key: PositionKey) -> Option<Qty> {
        let (lots, answers) = self.engine.as_ref()?;
        (*answers == self.told).then(|| lots.get(&key).copied().unwrap_or(Qty::ZERO))
    }
}
