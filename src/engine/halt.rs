//! Closing positions on request from outside: in the whole session or on one symbol.

use super::Engine;
use super::instance::Instance;
use super::output::Outputs;
use crate::domain::decision::{State, Trigger};
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::Timestamp;

impl Engine {
    /// Closes every position at market and drops every signal.
    pub fn flatten(&mut self, table: &SymbolTable, at: Timestamp, trigger: Trigger, out: &mut Outputs) {
        for index in 0..self.instances.len() as u32 {
            self.with_instance(table, index, at, None, out, |instance, turn| instance.flatten(trigger, turn));
        }
    }

    /// Drops signals and closes entries that are under way on a symbol; other positions stay.
    pub fn withdraw(&mut self, table: &SymbolTable, symbol: SymbolId, at: Timestamp, out: &mut Outputs) {
        self.flatten_where(table, symbol, at, out, |instance| {
            matches!(instance.state, State::SignalDetected | State::EntryEvaluation)
        });
    }

    /// Closes every position of a symbol at market and drops its signals.
    pub fn close_symbol(&mut self, table: &SymbolTable, symbol: SymbolId, at: Timestamp, out: &mut Outputs) {
        self.flatten_where(table, symbol, at, out, |_| true);
    }

    fn flatten_where(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        out: &mut Outputs,
        applies: impl Fn(&Instance) -> bool,
    ) {
        for index in 0..self.instances.len() as u32 {
            let instance = &self.instances[index as usize];
            if instance.symbol == symbol && applies(instance) {
                self.with_instance(table, index, at, None, out, |instance, turn| {
                    instance.flatten(Trigger::Command, turn)
                });
            }
        }
    }

    /// Whether every instance is flat without orders.
    pub fn is_flat(&self) -> bool {
        !self.instances.iter().any(Instance::is_engaged)
    }

    /// Whether every instance of a symbol is flat without orders.
    pub fn is_flat_on(&self, symbol: SymbolId) -> bool {
        !self.instances.iter().any(|instance| instance.symbol == symbol && instance.is_engaged())
    }
}
