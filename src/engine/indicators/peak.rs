//! The peak of a pump and how much of it was given back.

use super::extreme::highest_ticks;
use super::twpa::TWPA;
use super::window_price::MAX_PRICE;
use super::{
    Accepts, DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Missing, Param, SlotId, Upstream, Value,
    Wiring, number, ratio, unchecked,
};
use crate::checkpoint::saved;
use crate::domain::strategy::IndicatorSpec;

const LOOKBACK: Param =
    number("lookback", 600.0, 10.0, 86_400.0, "seconds back in which the peak is looked for");

/// Highest trade price.
pub static PUMP_PEAK_PRICE: IndicatorKind = IndicatorKind {
    name: "PUMP_PEAK_PRICE",
    about: "Highest trade price of the lookback",
    formula: "max p over trades in (T−lookback, T]",
    unit: "price",
    needs: &[DataKind::Price],
    range: None,
    params: &[LOOKBACK, MIN_COVERAGE],
    check: unchecked,
    build: |spec, wiring| Box::new(Peak(peak(spec, wiring))),
};

struct Peak(SlotId);

saved!(Peak {} fixed { 0 });

impl Indicator for Peak {
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value {
        upstream.value(self.0, look)
    }
}

/// The shared slot of `MAX_PRICE` over the lookback.
fn peak(spec: &IndicatorSpec, wiring: &mut Wiring<'_>) -> SlotId {
    wiring.slot(&MAX_PRICE.numbers(&[
        ("t1", spec.number("lookback")),
        ("t2", 0.0),
        ("min_coverage", spec.number("min_coverage")),
    ]))
}

/// Fraction of the pump that was given back.
pub static RETRACEMENT_OF_PUMP_PCT: IndicatorKind = IndicatorKind {
    name: "RETRACEMENT_OF_PUMP_PCT",
    about: "How much of the move from baseline to peak was given back",
    formula: "100·(k − P)/(k − b), k = PUMP_PEAK_PRICE(lookback), b = TWPA(t3, t3−d)",
    unit: "% of the move",
    needs: &[DataKind::Price],
    range: None,
    params: &[
        LOOKBACK,
        number("t3", 1_200.0, 1.0, 86_400.0, "start of the baseline, seconds ago"),
        number("d", 600.0, 1.0, 3_600.0, "length of the baseline, seconds"),
        number("min_pump_pct", 3.0, 0.0, 1_000.0, "smaller moves give no value, percent"),
        MIN_COVERAGE,
    ],
    check: |spec| {
        (spec.number("t3") < spec.number("d"))
            .then(|| "t3 must not be less than d: the baseline would end in the future".to_owned())
    },
    build: |spec, wiring| {
        let (t3, d) = (spec.number("t3"), spec.number("d"));
        let baseline =
            TWPA.numbers(&[("t1", t3), ("t2", t3 - d), ("min_coverage", spec.number("min_coverage"))]);
        Box::new(Retracement {
            peak: peak(spec, wiring),
            baseline: wiring.slot(&baseline),
            min_pump_pct: spec.number("min_pump_pct"),
        })
    },
};

struct Retracement {
    peak: SlotId,
    baseline: SlotId,
    min_pump_pct: f64,
}

saved!(Retracement {} fixed { peak, baseline, min_pump_pct });

impl Indicator for Retracement {
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value {
        let baseline = upstream.value(self.baseline, look)?;
        let peak = upstream.value(self.peak, look)?;
        let pump_pct = ratio(100.0 * (peak - baseline), baseline)?;
        if pump_pct <= 0.0 || pump_pct < self.min_pump_pct {
            return Err(Missing::BelowMinimum);
        }
        ratio(100.0 * (peak - look.last_price()?), peak - baseline)
    }
}

/// Distance from the peak of the lookback.
pub static DRAWDOWN_FROM_PEAK_PCT: IndicatorKind = IndicatorKind {
    name: "DRAWDOWN_FROM_PEAK_PCT",
    about: "How far the price is below the peak of the lookback (with anchor position, a value of the position itself)",
    formula: "100·(k − P)/k, k = PUMP_PEAK_PRICE(lookback)",
    unit: "%",
    needs: &[DataKind::Price],
    range: Some((0.0, 100.0)),
    params: &[
        LOOKBACK,
        Param { name: "anchor", accepts: Accepts::Word(&["window"]), about: "since when the peak counts" },
        MIN_COVERAGE,
    ],
    check: unchecked,
    build: |spec, wiring| Box::new(Drawdown(highest_ticks(spec, wiring, spec.number("lookback"), 0.0))),
};

/// Another name of [`DRAWDOWN_FROM_PEAK_PCT`].
pub static MOMENTUM_DECAY: IndicatorKind = IndicatorKind {
    name: "MOMENTUM_DECAY",
    about: "How far the price is below the peak of the lookback",
    params: &[LOOKBACK, MIN_COVERAGE],
    ..DRAWDOWN_FROM_PEAK_PCT
};

/// Reads the highest price in ticks.
struct Drawdown(SlotId);

saved!(Drawdown {} fixed { 0 });

impl Indicator for Drawdown {
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value {
        let peak = upstream.value(self.0, look)?;
        ratio(100.0 * (peak - look.last_ticks()?), peak)
    }
}
