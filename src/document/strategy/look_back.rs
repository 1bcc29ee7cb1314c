//! How much data a strategy needs before its first signal: as much as its indicator that looks back furthest.

use crate::domain::strategy::StrategyDef;
use crate::engine::indicators::look_back as of_indicator;
use crate::report::run::LookBack;

/// The indicator that looks back furthest; `None` for a strategy that needs no history.
pub fn look_back(def: &StrategyDef) -> Option<LookBack> {
    let all = def
        .indicators
        .iter()
        .map(|named| LookBack { indicator: named.name.clone(), span: of_indicator(&named.spec) });
    // Of equals the first of the document.
    all.filter(|found| found.span.nanos() > 0)
        .reduce(|longest, found| if found.span > longest.span { found } else { longest })
}
