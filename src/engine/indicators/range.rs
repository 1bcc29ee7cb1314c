//! The price range of a window and the position of the last price in it.

use super::extreme::range_ticks;
use super::{
    DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Param, SlotId, Upstream, Value, Wiring,
    fires_from, is_rising, number, ordered, ratio,
};
use crate::checkpoint::saved;
use crate::domain::num::Price;
use crate::domain::strategy::{Comparison, IndicatorSpec};
use crate::domain::time::Timestamp;
use crate::engine::value::compare;
use crate::engine::wake::Wake;

const PARAMS: &[Param] = &[
    number("t1", 60.0, 1.0, 86_400.0, "start of the window, seconds ago"),
    number("t2", 0.0, 0.0, 86_400.0, "end of the window, seconds ago"),
    MIN_COVERAGE,
];

/// Width of the range.
pub static PRICE_RANGE_PCT: IndicatorKind = IndicatorKind {
    name: "PRICE_RANGE_PCT",
    about: "From the lowest to the highest trade price of the window",
    formula: "100·(hi − lo)/lo over trades in (T−t1, T−t2]",
    unit: "%",
    needs: &[DataKind::Price],
    range: None,
    params: PARAMS,
    check: |spec| ordered(spec, "t1", "t2"),
    build: |spec, wiring| Box::new(RangeWidth(range(spec, wiring))),
};

/// Position of the last price in the range.
pub static RANGE_POSITION_PCT: IndicatorKind = IndicatorKind {
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

saved!(RangeWidth {} fixed { 0 });

impl Indicator for RangeWidth {
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value {
        let (highest, lowest) = upstream.pair(self.0, look)?;
        ratio(100.0 * (highest - lowest), lowest)
    }

    /// Prices between the extremes do not widen the range, and whatever leaves the window narrows it.
    fn sleep(
        &mut self,
        test: (Comparison, f64),
        look: &Look<'_>,
        upstream: &mut Upstream<'_>,
    ) -> Option<Wake> {
        let wake = is_rising(test.0).then(|| upstream.sleep(self.0, test, look))??;
        Some(Wake { at: Timestamp::MAX, ..wake })
    }
}

struct RangePosition(SlotId);

saved!(RangePosition {} fixed { 0 });

fn position(price: f64, (highest, lowest): (f64, f64)) -> Value {
    ratio(100.0 * (price - lowest), highest - lowest)
}

impl Indicator for RangePosition {
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value {
        let range = upstream.pair(self.0, look)?;
        position(look.last_ticks()?, range)
    }

    /// Between the extremes, as long as they stay, the position rises with the price.
    fn sleep(
        &mut self,
        test: (Comparison, f64),
        look: &Look<'_>,
        upstream: &mut Upstream<'_>,
    ) -> Option<Wake> {
        let wake = is_rising(test.0).then(|| upstream.sleep(self.0, test, look))??;
        let (highest, lowest) = upstream.pair(self.0, look).ok()?;
        let guess = lowest + test.1 / 100.0 * (highest - lowest);
        let fires = |price: Price| {
            position(price.0 as f64, (highest, lowest)).is_ok_and(|value| compare(value, test.0, test.1))
        };
        Some(Wake { above: wake.above.min(fires_from(guess, fires)?), ..wake })
    }
}
