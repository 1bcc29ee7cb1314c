//! Which symbols are switched off for entries: by the configuration now, and because they are halted.

use crate::domain::symbol::{SymbolId, SymbolTable};
use arc_swap::ArcSwap;
use std::sync::Arc;

/// The symbol table of a session, which others may replace, and the symbols that the configuration switches off.
#[derive(Clone, Copy)]
pub struct Switches<'a> {
    /// The table that the session's driver takes over between two batches.
    pub table: &'a ArcSwap<SymbolTable>,
    /// Names of the symbols that are switched off.
    pub disabled: &'a ArcSwap<Vec<String>>,
}

impl Switches<'_> {
    /// Switches off what the configuration switches off and these symbols, and everything else on.
    pub fn apply(&self, halted: impl Iterator<Item = SymbolId>) {
        let halted: Vec<SymbolId> = halted.collect();
        self.table.rcu(|table| {
            let halted = halted.iter().map(|symbol| table.spec(*symbol).name.clone());
            let off: Vec<String> = self.disabled.load().iter().cloned().chain(halted).collect();
            Arc::new(switched(table, &off))
        });
    }

    /// Whether entries are allowed on a symbol.
    pub fn is_enabled(&self, symbol: SymbolId) -> bool {
        self.table.load().is_enabled(symbol)
    }
}

/// The table with exactly these symbols switched off; of a higher version when that changes it.
pub fn switched(table: &SymbolTable, disabled: &[String]) -> SymbolTable {
    let wanted = |name: &str| !disabled.iter().any(|off| off == name);
    table.iter().fold(table.clone(), |next, (id, spec)| match wanted(&spec.name) {
        enabled if enabled == next.is_enabled(id) => next,
        enabled => next.with_enabled(id, enabled),
    })
}
