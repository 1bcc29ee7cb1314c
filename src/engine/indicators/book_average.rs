//! Time-weighted averages of the best bid and ask.

use super::window_params::{WINDOW, one_window};
use super::wiring::SeriesId;
use super::{DataKind, Indicator, IndicatorKind, Look, Missing, Upstream, Value, Wiring};
use crate::checkpoint::saved;
use crate::domain::strategy::IndicatorSpec;
use crate::domain::time::Span;
use crate::engine::market::series::{Average, BookMeasure};

/// Average best bid.
pub static AVG_BEST_BID: IndicatorKind = IndicatorKind {
    name: "AVG_BEST_BID",
    about: "Time-weighted average of the best bid",
    formula: "TWA of the best bid price over [T−t1, T−t2]",
    unit: "price",
    needs: &[DataKind::Book],
    range: None,
    params: WINDOW,
    check: one_window,
    build: |spec, wiring| BookMean::boxed(spec, wiring, BookMeasure::BestBid),
};

/// Average best ask.
pub static AVG_BEST_ASK: IndicatorKind = IndicatorKind {
    name: "AVG_BEST_ASK",
    about: "Time-weighted average of the best ask",
    formula: "TWA of the best ask price over [T−t1, T−t2]",
    build: |spec, wiring| BookMean::boxed(spec, wiring, BookMeasure::BestAsk),
    ..AVG_BEST_BID
};

/// Average quantity on the best bid.
pub static AVG_BID_QTY: IndicatorKind = IndicatorKind {
    name: "AVG_BID_QTY",
    about: "Time-weighted average of the quantity on the best bid",
    formula: "TWA of the best bid's quantity over [T−t1, T−t2]",
    unit: "base",
    build: |spec, wiring| BookMean::boxed(spec, wiring, BookMeasure::BidQty),
    ..AVG_BEST_BID
};

/// Average quantity on the best ask.
pub static AVG_ASK_QTY: IndicatorKind = IndicatorKind {
    name: "AVG_ASK_QTY",
    about: "Time-weighted average of the quantity on the best ask",
    formula: "TWA of the best ask's quantity over [T−t1, T−t2]",
    unit: "base",
    build: |spec, wiring| BookMean::boxed(spec, wiring, BookMeasure::AskQty),
    ..AVG_BEST_BID
};

/// Average mid price.
pub static TW_MIDPRICE: IndicatorKind = IndicatorKind {
    name: "TW_MIDPRICE",
    about: "Time-weighted average of the mid price",
    formula: "TWA of (best bid + best ask)/2 over [T−t1, T−t2]",
    build: |spec, wiring| BookMean::boxed(spec, wiring, BookMeasure::Mid),
    ..AVG_BEST_BID
};

struct BookMean(BookWindow);

saved!(BookMean { 0 });

impl BookMean {
    fn boxed(spec: &IndicatorSpec, wiring: &mut Wiring<'_>, measure: BookMeasure) -> Box<dyn Indicator> {
        Box::new(BookMean(BookWindow::new(spec, wiring, measure, spec.span("t1"), spec.span("t2"))))
    }
}

impl Indicator for BookMean {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        self.0.mean(look)
    }
}

/// A window of a book measure, for use in other formulas.
pub(super) struct BookWindow {
    series: SeriesId,
    t1: Span,
    t2: Span,
    min_coverage: f64,
}

saved!(BookWindow {} fixed { series, t1, t2, min_coverage });

impl BookWindow {
    /// Over [T−t1, T−t2] with the spec's `min_coverage`.
    pub(super) fn new(
        spec: &IndicatorSpec,
        wiring: &mut Wiring<'_>,
        measure: BookMeasure,
        t1: Span,
        t2: Span,
    ) -> Self {
        BookWindow { series: wiring.series(measure, t1), t1, t2, min_coverage: spec.number("min_coverage") }
    }

    /// Mean and mean square.
    ///
    /// # Errors
    /// `NoBook` when the book is stale; otherwise as [`crate::engine::market::series::StepSeries::average`].
    pub(super) fn average(&self, look: &Look<'_>) -> Result<Average, Missing> {
        if !look.market.book_is_live(look.now) {
            return Err(Missing::NoBook);
        }
        look.market.series[self.series.0].1.average(look.now, self.t1, self.t2, self.min_coverage)
    }

    /// The mean.
    pub(super) fn mean(&self, look: &Look<'_>) -> Value {
        Ok(self.average(look)?.mean)
    }

    /// The current value.
    pub(super) fn latest(&self, look: &Look<'_>) -> Value {
        if !look.market.book_is_live(look.now) {
            return Err(Missing::NoBook);
        }
        look.market.series[self.series.0].1.latest().ok_or(Missing::NoBook)
    }
}
