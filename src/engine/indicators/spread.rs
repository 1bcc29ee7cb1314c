//! Width of the touch.

use super::wiring::SeriesId;
use super::{Channel, Indicator, Kind, Look, MIN_COVERAGE, Missing, Upstream, Value, number, unchecked};
use crate::domain::time::Span;
use crate::engine::market::series::BookMeasure;

/// Spread in percent of mid, latest or time-weighted.
pub static SPREAD_PCT: Kind = Kind {
    name: "SPREAD_PCT",
    about: "Distance of best ask and best bid",
    formula: "100·(ask − bid)/mid; t1 > 0: TWA over [T−t1, T−t2]",
    unit: "%",
    needs: &[Channel::Book],
    range: Some((0.0, 200.0)),
    params: &[
        number("t1", 0.0, 0.0, 3_600.0, "start of the window, seconds ago; 0 = latest"),
        number("t2", 0.0, 0.0, 3_600.0, "end of the window, seconds ago"),
        MIN_COVERAGE,
    ],
    check: |spec| (spec.number("t1") < spec.number("t2")).then(|| "t1 must not be less than t2".to_owned()).or_else(|| unchecked(spec)),
    build: |spec, wiring| {
        let (t1, t2) = (spec.span("t1"), spec.span("t2"));
        Box::new(Spread { series: wiring.series(BookMeasure::SpreadPct, t1), t1, t2, min_coverage: spec.number("min_coverage") })
    },
};

struct Spread {
    series: SeriesId,
    t1: Span,
    t2: Span,
    min_coverage: f64,
}

impl Indicator for Spread {
    fn value(&mut self, look: Look<'_>, _: &mut Upstream<'_>) -> Value {
        if !look.market.book_is_live(look.now) {
            return Err(Missing::NoBook);
        }
        Ok(look.market.series[self.series.0].1.average(look.now, self.t1, self.t2, self.min_coverage)?.mean)
    }
}
