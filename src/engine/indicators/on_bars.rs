//! Shared parts of bar indicators: parameters, the forming bar, and the restart after a gap.
//!
//! Prices stay in ticks until a value is read. Invariant: a value never combines bars from both sides of a
//! gap.

use super::wiring::BarsId;
use super::{Accepts, Indicator, Look, Missing, Param, Upstream, Value, Wiring};
use crate::checkpoint::{Saved, saved};
use crate::domain::strategy::IndicatorSpec;
use crate::domain::symbol::SymbolSpec;
use crate::engine::market::bars::ClosedBar;

/// The parameter for the length of a bar.
pub(super) const BAR_SECONDS: Param = Param {
    name: "bar_seconds",
    accepts: Accepts::Count { default: 5, min: 1, max: 3_600 },
    about: "length of a bar, seconds",
};

/// The parameter for including the forming bar.
pub(super) const LIVE: Param = Param {
    name: "live",
    accepts: Accepts::Flag(false),
    about: "the forming bar counts too, once enough bars have closed",
};

/// A parameter for a number of bars.
pub(super) const fn period(name: &'static str, default: u32, min: u32, max: u32) -> Param {
    Param { name, accepts: Accepts::Count { default, min, max }, about: "bars" }
}

/// A formula over closed bars.
pub(super) trait BarFormula: Send + Saved {
    /// Adds a closed bar.
    fn push(&mut self, bar: &ClosedBar);

    /// The value; with `forming`, as if that bar had closed too. `WarmUp` until enough bars have closed.
    fn read(&self, forming: Option<&ClosedBar>, look: &Look<'_>) -> Value;

    /// Forgets all bars.
    fn restart(&mut self);
}

/// A bar formula as an indicator.
pub(super) struct OnBars<F> {
    formula: F,
    bars: BarsId,
    live: bool,
    restarted: bool,
}

saved!([impl<F: BarFormula>] OnBars<F> { formula, restarted } fixed { bars, live });

impl<F: BarFormula + 'static> OnBars<F> {
    /// The indicator of a formula, on the bars and with the `live` flag of a spec.
    pub(super) fn boxed(formula: F, spec: &IndicatorSpec, wiring: &mut Wiring<'_>) -> Box<dyn Indicator> {
        let bars = wiring.bars(spec.count("bar_seconds") as u32);
        Box::new(OnBars { formula, bars, live: spec.flag("live"), restarted: false })
    }
}

impl<F: BarFormula> Indicator for OnBars<F> {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let forming = if self.live { look.market.bars[self.bars.0].forming() } else { None };
        match self.formula.read(forming, look) {
            Err(Missing::WarmUp) if self.restarted => Err(Missing::Gap),
            value => value,
        }
    }

    fn on_bar(&mut self, bar: &ClosedBar, _: &SymbolSpec) {
        self.formula.push(bar);
    }

    fn on_gap(&mut self) {
        self.formula.restart();
        self.restarted = true;
    }
}
