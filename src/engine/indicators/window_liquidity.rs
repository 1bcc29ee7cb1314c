//! Liquidity at the best bid and ask, averaged over time.

use super::book_average::BookWindow;
use super::window_params::{CURRENT_AND_BASELINE, T1, T2, one_window, two_windows};
use super::{Accepts, DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Param, Upstream, Value, ratio};
use crate::checkpoint::saved;
use crate::engine::market::series::BookMeasure;

/// Σ price·quantity of the best level on both sides.
const NOTIONAL: BookMeasure = BookMeasure::LiquidityLevels { levels: 1 };

/// Quantity at the best bid and ask together.
pub static TOTAL_LIQUIDITY: IndicatorKind = IndicatorKind {
    name: "TOTAL_LIQUIDITY",
    about: "Average quantity on the best bid and the best ask together",
    formula: "TWA(bid quantity) + TWA(ask quantity) over [T−t1, T−t2]; notional: TWA(bid·quantity + ask·quantity)",
    unit: "base, or quote with notional",
    needs: &[DataKind::Book],
    range: None,
    params: &[
        T1,
        T2,
        Param {
            name: "notional",
            accepts: Accepts::Flag(false),
            about: "in the quote currency instead of base units",
        },
        MIN_COVERAGE,
    ],
    check: one_window,
    build: |spec, wiring| {
        let (t1, t2) = (spec.span("t1"), spec.span("t2"));
        let mut part = |measure| BookWindow::new(spec, wiring, measure, t1, t2);
        let parts = if spec.flag("notional") {
            vec![part(NOTIONAL)]
        } else {
            vec![part(BookMeasure::BidQty), part(BookMeasure::AskQty)]
        };
        Box::new(Total(parts))
    },
};

/// Current liquidity relative to the baseline.
pub static LIQUIDITY_RATIO: IndicatorKind = IndicatorKind {
    name: "LIQUIDITY_RATIO",
    about: "Notional on the touch now against the baseline",
    formula: "TOTAL_LIQUIDITY(t1, t2, notional)/TOTAL_LIQUIDITY(t3, t4, notional)",
    unit: "ratio",
    params: CURRENT_AND_BASELINE,
    check: two_windows,
    build: |spec, wiring| {
        Box::new(Relative {
            current: BookWindow::new(spec, wiring, NOTIONAL, spec.span("t1"), spec.span("t2")),
            baseline: BookWindow::new(spec, wiring, NOTIONAL, spec.span("t3"), spec.span("t4")),
        })
    },
    ..TOTAL_LIQUIDITY
};

struct Total(Vec<BookWindow>);

saved!(Total {} fixed { 0 });

impl Indicator for Total {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        self.0.iter().map(|part| part.mean(look)).sum()
    }
}

struct Relative {
    current: BookWindow,
    baseline: BookWindow,
}

saved!(Relative { current, baseline });

impl Indicator for Relative {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        ratio(self.current.mean(look)?, self.baseline.mean(look)?)
    }
}
