//! Bid-ask spread.

use super::wiring::SeriesId;
use super::{
    DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Upstream, Value, book_average, number, ordered,
    ratio,
};
use crate::checkpoint::saved;
use crate::domain::time::Span;
use crate::engine::market::series::BookMeasure;

/// Spread in percent of the mid price, latest or time-weighted.
pub static SPREAD_PCT: IndicatorKind = IndicatorKind {
    name: "SPREAD_PCT",
    about: "Distance of best ask and best bid",
    formula: "100·(ask − bid)/mid; t1 > 0: TWA over [T−t1, T−t2]",
    unit: "%",
    needs: &[DataKind::Book],
    range: Some((0.0, 200.0)),
    params: &[
        number("t1", 0.0, 0.0, 3_600.0, "start of the window, seconds ago; 0 = latest"),
        number("t2", 0.0, 0.0, 3_600.0, "end of the window, seconds ago"),
        number("max_spread", 1.0, 0.01, 100.0, "accepted for old documents, not used: conditions compare"),
        MIN_COVERAGE,
    ],
    check: |spec| (spec.number("t1") < spec.number("t2")).then(|| "t1 must not be less than t2".to_owned()),
    build: |spec, wiring| {
        let (t1, t2) = (spec.span("t1"), spec.span("t2"));
        Box::new(Spread {
            series: wiring.series(BookMeasure::SpreadPct, t1),
            t1,
            t2,
            min_coverage: spec.number("min_coverage"),
        })
    },
};

struct Spread {
    series: SeriesId,
    t1: Span,
    t2: Span,
    min_coverage: f64,
}

saved!(Spread {} fixed { series, t1, t2, min_coverage });

impl Indicator for Spread {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        book_average(look, self.series, (self.t1, self.t2), self.min_coverage)
    }
}

/// Current spread relative to the baseline.
pub static SPREAD_WIDENING_RATIO: IndicatorKind = IndicatorKind {
    name: "SPREAD_WIDENING_RATIO",
    about: "Spread of the current window against the baseline's",
    formula: "TWA(spread %) over [T−t1, T−t2] / the same over [T−t3, T−t4]",
    unit: "ratio",
    needs: &[DataKind::Book],
    range: None,
    params: &[
        number("t1", 30.0, 1.0, 3_600.0, "start of the current window, seconds ago"),
        number("t2", 0.0, 0.0, 3_600.0, "end of the current window, seconds ago"),
        number("t3", 600.0, 1.0, 86_400.0, "start of the baseline, seconds ago"),
        number("t4", 30.0, 0.0, 86_400.0, "end of the baseline, seconds ago"),
        MIN_COVERAGE,
    ],
    check: |spec| ordered(spec, "t1", "t2").or_else(|| ordered(spec, "t3", "t4")),
    build: |spec, wiring| {
        let [t1, t2, t3, t4] = ["t1", "t2", "t3", "t4"].map(|name| spec.span(name));
        let series = wiring.series(BookMeasure::SpreadPct, t1.max(t3));
        Box::new(Widening {
            series,
            current: (t1, t2),
            baseline: (t3, t4),
            min_coverage: spec.number("min_coverage"),
        })
    },
};

struct Widening {
    series: SeriesId,
    current: (Span, Span),
    baseline: (Span, Span),
    min_coverage: f64,
}

saved!(Widening {} fixed { series, current, baseline, min_coverage });

impl Indicator for Widening {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let baseline = book_average(look, self.series, self.baseline, self.min_coverage)?;
        ratio(book_average(look, self.series, self.current, self.min_coverage)?, baseline)
    }
}
