//! Distance and speed of the price relative to its baseline.

use super::twpa::TimeAverage;
use super::{
    DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Param, SlotId, Upstream, Value, Wiring, number,
    ratio,
};
use crate::checkpoint::saved;
use crate::domain::strategy::IndicatorSpec;
use crate::domain::time::Span;

const PARAMS: &[Param] = &[
    number("t1", 10.0, 1.0, 3_600.0, "length of the current window, seconds"),
    number("t3", 60.0, 1.0, 86_400.0, "start of the baseline, seconds ago"),
    number("d", 30.0, 1.0, 3_600.0, "length of the baseline, seconds"),
    MIN_COVERAGE,
];

/// Percent between the recent average price and its baseline.
pub static PUMP_MAGNITUDE_PCT: IndicatorKind = IndicatorKind {
    name: "PUMP_MAGNITUDE_PCT",
    about: "How far the recent average price is above its baseline",
    formula: "100·(c − b)/b with c = TWPA(t1, 0), b = TWPA(t3, t3−d)",
    unit: "%",
    needs: &[DataKind::Price],
    range: None,
    params: PARAMS,
    check: |spec| {
        (spec.number("t3") < spec.number("d"))
            .then(|| "t3 must not be less than d: the baseline would end in the future".to_owned())
    },
    build: |spec, wiring| {
        Box::new(Move::new(spec, wiring, Stretch::of(spec, ["t1", "t3", "d"]), Span::ZERO, 1.0))
    },
};

/// The same per second, between the midpoints of the two windows.
pub static PRICE_VELOCITY: IndicatorKind = IndicatorKind {
    name: "PRICE_VELOCITY",
    about: "How fast the price moves away from its baseline",
    formula: "PUMP_MAGNITUDE_PCT(t1, t3, d) / ((t3 − d/2) − t1/2)",
    unit: "%/s",
    needs: &[DataKind::Price],
    range: None,
    params: PARAMS,
    check: |spec| Stretch::of(spec, ["t1", "t3", "d"]).problem(),
    build: |spec, wiring| {
        Box::new(Move::velocity(spec, wiring, Stretch::of(spec, ["t1", "t3", "d"]), Span::ZERO))
    },
};

/// Change of the velocity over time.
pub static PRICE_ACCELERATION: IndicatorKind = IndicatorKind {
    name: "PRICE_ACCELERATION",
    about: "How fast the price velocity changes",
    formula: "(PRICE_VELOCITY(T) − PRICE_VELOCITY(T−h))/h",
    unit: "%/s²",
    needs: &[DataKind::Price],
    range: None,
    params: &[
        PARAMS[0],
        PARAMS[1],
        PARAMS[2],
        number("h", 5.0, 1.0, 3_600.0, "seconds between the two velocities"),
        MIN_COVERAGE,
    ],
    check: PRICE_VELOCITY.check,
    build: |spec, wiring| {
        let stretch = Stretch::of(spec, ["t1", "t3", "d"]);
        let now = wiring.slot(&stretch.velocity_spec(spec));
        let before = Move::velocity(spec, wiring, stretch, spec.span("h"));
        Box::new(Acceleration { now, before, seconds: spec.number("h") })
    },
};

struct Acceleration {
    now: SlotId,
    before: Move,
    seconds: f64,
}

saved!(Acceleration { before } fixed { now, seconds });

impl Indicator for Acceleration {
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value {
        let before = self.before.percent(look)?;
        ratio(upstream.value(self.now, look)? - before, self.seconds)
    }
}

/// Current window, start and length of the baseline, in seconds: the windows of a velocity.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Stretch {
    pub(super) t1: f64,
    pub(super) t3: f64,
    pub(super) d: f64,
}

impl Stretch {
    /// From three parameters of a spec.
    pub(super) fn of(spec: &IndicatorSpec, [t1, t3, d]: [&str; 3]) -> Self {
        Stretch { t1: spec.number(t1), t3: spec.number(t3), d: spec.number(d) }
    }

    /// Why no velocity can be measured, if it cannot.
    pub(super) fn problem(&self) -> Option<String> {
        if self.t3 < self.d {
            return Some("t3 must not be less than d: the baseline would end in the future".to_owned());
        }
        (self.seconds_between() <= 0.0).then(|| {
            "the middle of the baseline must be older than the middle of the current window".to_owned()
        })
    }

    /// Seconds from the midpoint of the baseline to the midpoint of the current window.
    fn seconds_between(&self) -> f64 {
        (self.t3 - self.d / 2.0) - self.t1 / 2.0
    }

    /// The `PRICE_VELOCITY` spec of these windows, with the coverage that `whole` requires.
    pub(super) fn velocity_spec(&self, whole: &IndicatorSpec) -> IndicatorSpec {
        let coverage = whole.number("min_coverage");
        PRICE_VELOCITY.numbers(&[("t1", self.t1), ("t3", self.t3), ("d", self.d), ("min_coverage", coverage)])
    }
}

/// 100·(c − b)/b divided by a number of seconds, measured `ago` before now.
pub(super) struct Move {
    current: TimeAverage,
    baseline: TimeAverage,
    seconds: f64,
}

saved!(Move { current, baseline } fixed { seconds });

impl Move {
    /// The velocity over these windows, `ago` before now.
    pub(super) fn velocity(
        spec: &IndicatorSpec,
        wiring: &mut Wiring<'_>,
        stretch: Stretch,
        ago: Span,
    ) -> Self {
        Move::new(spec, wiring, stretch, ago, stretch.seconds_between())
    }

    fn new(spec: &IndicatorSpec, wiring: &mut Wiring<'_>, stretch: Stretch, ago: Span, seconds: f64) -> Self {
        let [t1, t3, d] = [stretch.t1, stretch.t3, stretch.d].map(Span::from_seconds_f64);
        let older_end = Span::from_nanos(t3.nanos() - d.nanos());
        Move {
            current: TimeAverage::new(spec, wiring, t1 + ago, ago),
            baseline: TimeAverage::new(spec, wiring, t3 + ago, older_end + ago),
            seconds,
        }
    }

    /// Percent, or percent per second for a velocity.
    pub(super) fn percent(&mut self, look: &Look<'_>) -> Value {
        let baseline = self.baseline.ticks(look)?;
        let current = self.current.ticks(look)?;
        ratio(100.0 * (current - baseline), baseline).map(|percent| percent / self.seconds)
    }
}

impl Indicator for Move {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        self.percent(look)
    }
}
