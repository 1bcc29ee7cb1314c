//! The price range of a window and the position of the last price in it.

use super::extreme::range_ticks;
use super::{
    Channel, Indicator, Kind, Look, MIN_COVERAGE, Param, SlotId, Upstream, Value, Wiring, number, ordered,
    ratio,
};
use crate::domain::strategy::IndicatorSpec;

const PARAMS: &[Param] = &[
    number("t1", 60.0, 1.0, 86_400.0, "start of the window, seconds ago"),
    number("t2", 0.0, 0.0, 86_400.0, "end of the window, seconds ago"),
    MIN_COVERAGE,
];

/// Width of the range.
pub static PRICE_RANGE_PCT: Kind = Kind {
    name: "PRICE_RANGE_PCT",
    about: "From the lowest to the highest trade price of the window",
    formula: "100·(hi − lo)/lo over trades in (T−t1, T−t2]",
    unit: "%",
    needs: &[Channel::Price],
    range: None,
    params: PARAMS,
    check: |spec| ordered(spec, "t1", "t2"),
    build: |spec, wiring| Box::new(RangeWidth(range(spec, wiring))),
};

/// Position of the last price in the range.
pub static RANGE_POSITION_PCT: Kind = Kind {
    name: "RANGE_POSITION_PCT",
    about: "Where the price stands between the lowest (0) and highest (100) trade price of the window",
    formula: "100·(P − lo)/(hi − lo) over trades in (T−t1, T−t2]",
    build: |spec, wiring| Box::new(RangePosition(range(spec, wiring))),
    ..PRICE_RANGE_PCT
};

/// The slot of both extremes in ticks, shared with all readers of the same window.
fn range(spec: &IndicatorSpec, wiring: &mut Wiring<'_>) -> SlotId {
    range_ticks(spec, wiring, spec.number("t1"), spec.number("t2"))
}

struct RangeWidth(SlotId);

impl Indicator for RangeWidth {
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value {
        let (highest, lowest) = upstream.pair(self.0, look)?;
        ratio(100.0 * (highest - lowest), lowest)
    }
}

struct RangePosition(SlotId);

impl Indicator for RangePosition {
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value {
        let (highest, lowest) = upstream.pair(self.0, look)?;
        ratio(100.0 * (look.last_ticks()? - lowest), highest - lowest)
    }
}
