//! Explains why there was or was not a trade: what every instance of a symbol sees at one time.
//!
//! Explanations evaluate the same rules on the same state; nothing is stored for them.

use super::Engine;
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
    /// When its cooldown ends; `None` outside one.
    pub rests_until: Option<Timestamp>,
}

/// All sections, in the order in which they act.
const SECTIONS: [SectionName; 5] =
    [SectionName::S1, SectionName::O1, SectionName::Z1, SectionName::Ze1, SectionName::E1];

impl Engine {
    /// Every condition of every section of an instance at the time of the last event, whatever its state.
    pub fn conditions(&mut self, table: &SymbolTable, instance: u32, at: Timestamp) -> Vec<Evidence> {
        let symbol = self.instances[instance as usize].symbol;
        self.symbols[symbol.index()].indicators.turn();
        self.explain_one(table, instance, at, |_| &SECTIONS).evidence
    }

    /// Explains the instances of a symbol at the time of the last event.
    pub fn explain(&mut self, table: &SymbolTable, symbol: SymbolId, at: Timestamp) -> Vec<Explanation> {
        let mut explanations = Vec::new();
        self.symbols[symbol.index()].indicators.turn();
        for index in self.symbols[symbol.index()].instances.clone() {
            explanations.push(self.explain_one(table, index, at, sections_of));
        }
        explanations
    }

    /// What an instance sees of the sections chosen by its state.
    fn explain_one(
        &mut self,
        table: &SymbolTable,
        index: u32,
        at: Timestamp,
        sections: fn(State) -> &'static [SectionName],
    ) -> Explanation {
        let instance = &mut self.instances[index as usize];
        let symbol = instance.symbol;
        let state = &mut self.symbols[symbol.index()];
        let mut scratch = Outputs::default();
        let mut turn = state.turn(table, symbol, at, &mut self.account, &mut scratch);
        for section in sections(instance.state) {
            instance.evidence(*section, &mut turn);
        }
        let refusal = if instance.is_engaged() { None } else { instance.would_refuse(&mut turn) };
        Explanation {
            instance: index,
            strategy: instance.strategy,
            state: instance.state,
            evidence: scratch.evidence,
            refusal,
            rests_until: instance.rests_until(),
        }
    }
}

/// The sections that matter in a state.
fn sections_of(state: State) -> &'static [SectionName] {
    match state {
        State::SignalDetected => &[SectionName::O1, SectionName::Z1],
        State::EntryEvaluation
        | State::PositionActive
        | State::CloseOrderEvaluation
        | State::EmergencyExit => &[SectionName::E1, SectionName::Ze1],
        _ => &[SectionName::S1, SectionName::Z1],
    }
}
