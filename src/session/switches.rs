//! Which symbols are switched off for entries: by the configuration, and because they are halted.

use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::session::allowance::Allowance;
use arc_swap::ArcSwap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The symbol table of a session, which others may replace, and what the configuration allows it.
#[derive(Clone, Copy)]
pub struct Switches<'a> {
    /// The table that the session's driver takes over between two batches.
    pub table: &'a ArcSwap<SymbolTable>,
    /// Whoever replaces it only allows less.
    pub allowed: &'a ArcSwap<Allowance>,
}

impl Switches<'_> {
    /// Switches off what the configuration switches off and these symbols, and everything else on.
    pub fn apply(&self, halted: impl Iterator<Item = SymbolId>) {
        let halted: Vec<SymbolId> = halted.collect();
        self.table.rcu(|table| {
            let halted = halted.iter().map(|symbol| table.spec(*symbol).name.clone());
            let allowed = self.allowed.load();
            let off: BTreeSet<String> = allowed.disabled.iter().cloned().chain(halted).collect();
            Arc::new(switched(table, &off))
        });
    }

    /// Whether entries are allowed on a symbol.
    pub fn is_enabled(&self, symbol: SymbolId) -> bool {
        self.table.load().is_enabled(symbol)
    }
}

/// The table with exactly these symbols switched off; of a higher version when that changes it.
pub fn switched(table: &SymbolTable, disabled: &BTreeSet<String>) -> SymbolTable {
    table.iter().fold(table.clone(), |next, (id, spec)| match !disabled.contains(&spec.name) {
        enabled if enabled == next.is_enabled(id) => next,
        enabled => next.with_enabled(id, enabled),
    })
}
