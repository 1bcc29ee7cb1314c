//! Explains why there was or was not a trade: what every instance of a symbol sees at one time.
//!
//! Explanations evaluate the same rules on the same state; nothing is stored for them.

use super::Engine;
use super::instance::Turn;
use super::output::Outputs;
use super::risk::RiskRefusal;
use crate::domain::decision::{Evidence, SectionName, State};
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::Timestamp;

/// What one instance sees.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Instance (index in the session).
    pub instance: u32,
    /// Strategy (index in the session).
    pub strategy: u32,
    /// State of the instance.
    pub state: State,
    /// Every condition of the sections that matter in this state.
    pub evidence: Vec<Evidence>,
    /// The check that would refuse an entry now; `None` when none would, or when a position or order is open.
    pub refusal: Option<RiskRefusal>,
}

impl Engine {
    /// Explains the instances of a symbol at the time of the last event.
    pub fn explain(&mut self, table: &SymbolTable, symbol: SymbolId, at: Timestamp) -> Vec<Explanation> {
        let mut explanations = Vec::new();
        self.symbols[symbol.index()].indicators.turn();
        for index in self.symbols[symbol.index()].instances.clone() {
            let instance = &mut self.instances[index as usize];
            let state = &mut self.symbols[symbol.index()];
            let mut scratch = Outputs::default();
            let mut turn = Turn {
                at,
                spec: table.spec(symbol),
                enabled: table.is_enabled(symbol),
                prices: None,
                market: &state.market,
                set: &mut state.indicators,
                excursion: &mut state.excursion,
                account: &mut self.account,
                out: &mut scratch,
            };
            let sections: &[SectionName] = match instance.state {
                State::SignalDetected => &[SectionName::O1, SectionName::Z1],
                State::EntryEvaluation
                | State::PositionActive
                | State::CloseOrderEvaluation
                | State::EmergencyExit => &[SectionName::E1, SectionName::Ze1],
                _ => &[SectionName::S1, SectionName::Z1],
            };
            for section in sections {
                instance.evidence(*section, &mut turn);
            }
            let refusal = if instance.is_engaged() { None } else { instance.would_refuse(&mut turn) };
            explanations.push(Explanation {
                instance: index,
                strategy: instance.strategy,
                state: instance.state,
                evidence: scratch.evidence,
                refusal,
            });
        }
        explanations
    }
}
