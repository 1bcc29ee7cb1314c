//! How far and how fast the price has left its baseline.

use super::twpa::TimeAverage;
use super::{Channel, Indicator, Kind, Look, MIN_COVERAGE, Param, Upstream, Value, Wiring, number, ratio};
use crate::domain::strategy::IndicatorSpec;
use crate::domain::time::Span;

const PARAMS: &[Param] = &[
    number("t1", 10.0, 1.0, 3_600.0, "length of the current window, seconds"),
    number("t3", 60.0, 1.0, 86_400.0, "start of the baseline, seconds ago"),
    number("d", 30.0, 1.0, 3_600.0, "length of the baseline, seconds"),
    MIN_COVERAGE,
];

/// Percent between the recent price and its baseline.
pub static PUMP_MAGNITUDE_PCT: Kind = Kind {
    name: "PUMP_MAGNITUDE_PCT",
    about: "How far the recent average price is above its baseline",
    formula: "100·(c − b)/b with c = TWPA(t1, 0), b = TWPA(t3, t3−d)",
    unit: "%",
    needs: &[Channel::Price],
    range: None,
    params: PARAMS,
    check: |spec| {
        (spec.number("t3") < spec.number("d")).then(|| "t3 must not be less than d: the baseline would end in the future".to_owned())
    },
    build: |spec, wiring| Box::new(Move::new(spec, wiring, Span::ZERO, 1.0)),
};

/// The same per second between the middles of the two windows.
pub static PRICE_VELOCITY: Kind = Kind {
    name: "PRICE_VELOCITY",
    about: "How fast the price moves away from its baseline",
    formula: "PUMP_MAGNITUDE_PCT(t1, t3, d) / ((t3 − d/2) − t1/2)",
    unit: "%/s",
    needs: &[Channel::Price],
    range: None,
    params: PARAMS,
    check: |spec| {
        (PUMP_MAGNITUDE_PCT.check)(spec).or_else(|| {
            (seconds_between(spec) <= 0.0)
                .then(|| "the middle of the baseline must be older than the middle of the current window".to_owned())
        })
    },
    build: |spec, wiring| Box::new(Move::new(spec, wiring, Span::ZERO, seconds_between(spec))),
};

fn seconds_between(spec: &IndicatorSpec) -> f64 {
    (spec.number("t3") - spec.number("d") / 2.0) - spec.number("t1") / 2.0
}

/// 100·(c − b)/b, divided by a number of seconds, seen from `ago` before now.
pub(super) struct Move {
    current: TimeAverage,
    baseline: TimeAverage,
    seconds: f64,
}

impl Move {
    fn new(spec: &IndicatorSpec, wiring: &mut Wiring<'_>, ago: Span, seconds: f64) -> Self {
        let (t1, t3, d) = (spec.span("t1"), spec.span("t3"), spec.span("d"));
        let older_end = Span::from_nanos(t3.nanos() - d.nanos());
        Move {
            current: TimeAverage::new(spec, wiring, t1 + ago, ago),
            baseline: TimeAverage::new(spec, wiring, t3 + ago, older_end + ago),
            seconds,
        }
    }
}

impl Indicator for Move {
    fn value(&mut self, look: Look<'_>, _: &mut Upstream<'_>) -> Value {
        let baseline = self.baseline.ticks(look)?;
        let current = self.current.ticks(look)?;
        ratio(100.0 * (current - baseline), baseline).map(|percent| percent / self.seconds)
    }
}
