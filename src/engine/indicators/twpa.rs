//! Time-weighted price average: each price weighted by how long it was in force.

use super::{
    DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, SlotId, Upstream, Value, Wiring, number, ratio,
};
use crate::checkpoint::saved;
use crate::domain::strategy::IndicatorSpec;
use crate::domain::time::Span;
use crate::engine::market::tape::Needs;
use crate::engine::market::window::Window;

/// `TWPA(t1, t2)`; the price at that time when t1 = t2.
pub static TWPA: IndicatorKind = IndicatorKind {
    name: "TWPA",
    about: "Time-weighted average of the trade price",
    formula: "TWA of the trade price over [T−t1, T−t2], carried in at the start",
    unit: "price",
    needs: &[DataKind::Price],
    range: None,
    params: &[
        number("t1", 300.0, 1.0, 86_400.0, "start of the window, seconds ago"),
        number("t2", 0.0, 0.0, 86_400.0, "end of the window, seconds ago"),
        MIN_COVERAGE,
    ],
    check: |spec| not_reversed(spec, "t1", "t2"),
    build: |spec, wiring| {
        let (t1, t2) = (spec.span("t1"), spec.span("t2"));
        Box::new(Twpa(TimeAverage::new(spec, wiring, t1, t2)))
    },
};

struct Twpa(TimeAverage);

saved!(Twpa { 0 });

impl Indicator for Twpa {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        self.0.price(look)
    }
}

/// `TWPA_RATIO(t1, t2, t3, t4)`.
pub static TWPA_RATIO: IndicatorKind = IndicatorKind {
    name: "TWPA_RATIO",
    about: "Recent average price against an earlier one",
    formula: "TWPA(t1, t2)/TWPA(t3, t4)",
    unit: "ratio",
    needs: &[DataKind::Price],
    range: None,
    params: &[
        number("t1", 300.0, 1.0, 86_400.0, "start of the current window, seconds ago"),
        number("t2", 60.0, 0.0, 86_400.0, "end of the current window, seconds ago"),
        number("t3", 1_800.0, 1.0, 86_400.0, "start of the baseline, seconds ago"),
        number("t4", 300.0, 0.0, 86_400.0, "end of the baseline, seconds ago"),
        number(
            "min_denominator",
            0.001,
            0.000_1,
            1.0,
            "accepted for old documents, not used: it would silence cheap coins",
        ),
        MIN_COVERAGE,
    ],
    check: |spec| not_reversed(spec, "t1", "t2").or_else(|| not_reversed(spec, "t3", "t4")),
    build: |spec, wiring| {
        Box::new(TwpaRatio {
            current: TimeAverage::new(spec, wiring, spec.span("t1"), spec.span("t2")),
            baseline: TimeAverage::new(spec, wiring, spec.span("t3"), spec.span("t4")),
        })
    },
};

/// `SUPPORT_LEVEL_PROXIMITY(t1, t_support_start, t_support_end)`.
pub static SUPPORT_LEVEL_PROXIMITY: IndicatorKind = IndicatorKind {
    name: "SUPPORT_LEVEL_PROXIMITY",
    about: "How far the recent average price is above an earlier average that stands for support",
    formula: "100·(TWPA(t1, 0) − s)/s, s = TWPA(t_support_start, t_support_end)",
    unit: "%",
    needs: &[DataKind::Price],
    range: None,
    params: &[
        number("t1", 10.0, 1.0, 3_600.0, "length of the current window, seconds"),
        number("t_support_start", 3_600.0, 60.0, 86_400.0, "start of the support window, seconds ago"),
        number("t_support_end", 600.0, 30.0, 86_400.0, "end of the support window, seconds ago"),
        number(
            "proximity_threshold",
            2.0,
            0.1,
            10.0,
            "accepted for old documents, not used: conditions compare",
        ),
        MIN_COVERAGE,
    ],
    check: |spec| not_reversed(spec, "t_support_start", "t_support_end"),
    build: |spec, wiring| {
        let twpa = TWPA.numbers(&[("t1", spec.number("t1")), ("min_coverage", spec.number("min_coverage"))]);
        let support =
            TimeAverage::new(spec, wiring, spec.span("t_support_start"), spec.span("t_support_end"));
        Box::new(Proximity { current: wiring.slot(&twpa), support })
    },
};

/// The check of windows that may have length zero.
fn not_reversed(spec: &IndicatorSpec, older: &str, newer: &str) -> Option<String> {
    (spec.number(older) < spec.number(newer)).then(|| format!("{older} must not be less than {newer}"))
}

struct TwpaRatio {
    current: TimeAverage,
    baseline: TimeAverage,
}

saved!(TwpaRatio { current, baseline });

impl Indicator for TwpaRatio {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        ratio(self.current.ticks(look)?, self.baseline.ticks(look)?)
    }
}

struct Proximity {
    current: SlotId,
    support: TimeAverage,
}

saved!(Proximity { support } fixed { current });

impl Indicator for Proximity {
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value {
        let support = self.support.price(look)?;
        ratio(100.0 * (upstream.value(self.current, look)? - support), support)
    }
}

/// A time-weighted average price, for use in other formulas.
pub(super) struct TimeAverage(Window);

saved!(TimeAverage { 0 });

impl TimeAverage {
    /// Over [T−t1, T−t2].
    pub(super) fn new(spec: &IndicatorSpec, wiring: &mut Wiring<'_>, t1: Span, t2: Span) -> Self {
        TimeAverage(wiring.window(spec, t1, t2, Needs::PRICES))
    }

    /// The average in the quote currency.
    pub(super) fn price(&mut self, look: &Look<'_>) -> Value {
        self.ticks(look).map(|ticks| look.price(ticks))
    }

    /// The average in ticks, for ratios.
    #[inline]
    pub(super) fn ticks(&mut self, look: &Look<'_>) -> Value {
        self.0.read(&look.market.tape, look.now)?.average_price()
    }
}
