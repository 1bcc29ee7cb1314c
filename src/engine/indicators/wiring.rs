//! What an indicator requests when it is built: history, book series, bars, other indicators.
//!
//! Everything is requested before the first event; nothing can be added later.

use super::IndicatorKind;
use super::set::{Built, IndicatorSet, SlotId};
use crate::domain::strategy::IndicatorSpec;
use crate::domain::time::Span;
use crate::engine::market::MarketState;
use crate::engine::market::bars::BarSeries;
use crate::engine::market::series::{BookMeasure, StepSeries};
use crate::engine::market::tape::Needs;
use crate::engine::market::window::{Boundary, Window};

/// Index of a derived book series in the symbol's market.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeriesId(pub usize);

/// Index of the bars of one length in the symbol's market.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BarsId(pub usize);

/// Collects the requests of one indicator.
pub struct Wiring<'a> {
    pub(super) market: &'a mut MarketState,
    pub(super) set: &'a mut IndicatorSet,
    pub(super) every_trade: bool,
    pub(super) every_second: bool,
    pub(super) bars: Option<usize>,
}

impl Wiring<'_> {
    /// A window of trades from `t1` to `t2` seconds ago, with the spec's `min_coverage`, of which these sums
    /// are read.
    pub fn window(&mut self, spec: &IndicatorSpec, t1: Span, t2: Span, needs: Needs) -> Window {
        self.market.tape.keep(t1, needs);
        Window::new(t1, t2, spec.number("min_coverage"), needs)
    }

    /// One end of a window, so long ago.
    pub fn boundary(&mut self, ago: Span, needs: Needs) -> Boundary {
        self.market.tape.keep(ago, needs);
        Boundary::new(ago, needs)
    }

    /// Requests this much trade history.
    pub fn history(&mut self, span: Span) {
        self.market.tape.keep(span, Needs::NOTHING);
    }

    /// Requests a step series of the book with this much history.
    pub fn series(&mut self, measure: BookMeasure, span: Span) -> SeriesId {
        let found = self.market.series.iter().position(|(known, _)| *known == measure);
        let index = found.unwrap_or_else(|| {
            self.market.series.push((measure, StepSeries::of(measure)));
            self.market.series.len() - 1
        });
        self.market.series[index].1.keep(span);
        SeriesId(index)
    }

    /// Requests this much open-interest history.
    pub fn open_interest(&mut self, span: Span) {
        self.market.open_interest.keep(span);
    }

    /// Requests [`super::Indicator::on_bar`] for bars of this many seconds.
    pub fn bars(&mut self, seconds: u32) -> BarsId {
        let found = self.market.bars.iter().position(|bars| bars.seconds() == seconds);
        let index = found.unwrap_or_else(|| {
            self.market.bars.push(BarSeries::new(seconds));
            self.market.bars.len() - 1
        });
        self.bars = Some(index);
        BarsId(index)
    }

    /// Requests [`super::Indicator::on_trade`] for every trade.
    pub fn every_trade(&mut self) {
        self.every_trade = true;
    }

    /// Requests [`super::Indicator::on_second`] once a second, for a type that keeps what it saw for so long.
    pub fn every_second(&mut self, keeps: Span) {
        self.every_second = true;
        self.set.seconds_kept = self.set.seconds_kept + keeps;
    }

    /// Another indicator to read through [`super::Upstream`]; its slot is shared with all other readers.
    pub fn slot(&mut self, spec: &IndicatorSpec) -> SlotId {
        self.set.intern(spec, self.market)
    }

    /// A type that documents cannot name, shared like a slot.
    pub(super) fn part(&mut self, kind: &'static IndicatorKind, given: &[(&str, f64)]) -> SlotId {
        self.set.intern_part(kind, &kind.numbers(given), self.market)
    }
}

impl IndicatorSet {
    /// The slot that computes a spec; builds it if it is new. Only before the first event.
    ///
    /// # Panics
    /// On a type that is not in the registry; validation rejects such documents.
    pub fn intern(&mut self, spec: &IndicatorSpec, market: &mut MarketState) -> SlotId {
        if let Some(slot) = self.position(spec) {
            return slot;
        }
        let kind = self.kind(&spec.kind).expect("validated documents only name registered types");
        self.build(kind, spec, market)
    }

    /// The slot of a type that is not in the registry, so that documents cannot name it.
    fn intern_part(
        &mut self,
        kind: &'static IndicatorKind,
        spec: &IndicatorSpec,
        market: &mut MarketState,
    ) -> SlotId {
        self.position(spec).unwrap_or_else(|| self.build(kind, spec, market))
    }

    fn build(&mut self, kind: &IndicatorKind, spec: &IndicatorSpec, market: &mut MarketState) -> SlotId {
        let mut wiring = Wiring { market, set: self, every_trade: false, every_second: false, bars: None };
        let indicator = (kind.build)(spec, &mut wiring);
        let (every_trade, every_second, bars) = (wiring.every_trade, wiring.every_second, wiring.bars);
        self.push(Built { spec: spec.clone(), indicator, every_trade, every_second, bars })
    }
}
