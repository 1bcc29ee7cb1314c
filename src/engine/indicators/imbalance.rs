//! Imbalance of the two sides of the book.

use super::wiring::SeriesId;
use super::{
    Accepts, DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Param, Upstream, Value, book_average,
    number,
};
use crate::checkpoint::saved;
use crate::domain::time::Span;
use crate::engine::market::series::BookMeasure;

/// Bid quantity against ask quantity.
pub static BID_ASK_IMBALANCE: IndicatorKind = IndicatorKind {
    name: "BID_ASK_IMBALANCE",
    about: "Balance of the quantities on the two sides of the book; positive = more bids",
    formula: "TWA of 100·(B − A)/(B + A) over [T−t1, T−t2], B and A = Σ qty of the first levels; smoothing false: latest",
    unit: "%",
    needs: &[DataKind::Book],
    range: Some((-100.0, 100.0)),
    params: &[
        number("t1", 30.0, 1.0, 3_600.0, "start of the window, seconds ago"),
        number("t2", 0.0, 0.0, 3_600.0, "end of the window, seconds ago"),
        Param {
            name: "smoothing",
            accepts: Accepts::Flag(true),
            about: "time-weighted mean; else the latest",
        },
        Param {
            name: "levels",
            accepts: Accepts::Count { default: 1, min: 1, max: 20 },
            about: "levels a side",
        },
        MIN_COVERAGE,
    ],
    check: |spec| (spec.number("t1") < spec.number("t2")).then(|| "t1 must not be less than t2".to_owned()),
    build: |spec, wiring| {
        let (t1, t2) = if spec.flag("smoothing") {
            (spec.span("t1"), spec.span("t2"))
        } else {
            (Span::ZERO, Span::ZERO)
        };
        let series = wiring.series(BookMeasure::Imbalance { levels: spec.count("levels") }, t1);
        Box::new(Imbalance { series, t1, t2, min_coverage: spec.number("min_coverage") })
    },
};

struct Imbalance {
    series: SeriesId,
    t1: Span,
    t2: Span,
    min_coverage: f64,
}

saved!(Imbalance {} fixed { series, t1, t2, min_coverage });

impl Indicator for Imbalance {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        book_average(look, self.series, (self.t1, self.t2), self.min_coverage)
    }
}
