//! How much history a strategy needs before its first signal: that of its indicator with the longest
//! look-back.

use crate::domain::strategy::StrategyDef;
use crate::engine::indicators::look_back as of_indicator;
use crate::report::run::LookBack;

/// The indicator with the longest look-back; `None` if the strategy needs no history.
pub fn look_back(def: &StrategyDef) -> Option<LookBack> {
    let all = def
        .indicators
        .iter()
        .map(|named| LookBack { indicator: named.name.clone(), span: of_indicator(&named.spec) });
    // Among equals, the first in the document.
    all.filter(|found| found.span.nanos() > 0)
        .reduce(|longest, found| if found.span > longest.span { found } else { longest })
}
