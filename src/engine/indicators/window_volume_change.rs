//! Traded quantity of one window relative to another.

use super::window_params::{
    BASELINE_START, CURRENT_AND_BASELINE, SHORT_AND_LONG, short_in_long, two_windows,
};
use super::window_volume::average_size;
use super::{
    DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Upstream, Value, Wiring, number, ordered, ratio,
};
use crate::checkpoint::saved;
use crate::domain::strategy::IndicatorSpec;
use crate::domain::time::Span;
use crate::engine::market::tape::Needs;
use crate::engine::market::window::{Slice, Window};

/// Current quantity divided by the baseline's, regardless of their lengths.
pub static VOLUME_SURGE: IndicatorKind = IndicatorKind {
    name: "VOLUME_SURGE",
    about: "Quantity traded now against the baseline, not normalised by length; see VOLUME_SPIKE_RATIO for the rate",
    formula: "SUM(t1, t2)/SUM(t3, t4)",
    unit: "ratio",
    needs: &[DataKind::Price],
    range: None,
    params: CURRENT_AND_BASELINE,
    check: two_windows,
    build: |spec, wiring| {
        TwoWindows::boxed(spec, wiring, |current, baseline| {
            ratio(current.qty() as f64, baseline.qty() as f64)
        })
    },
};

/// Current average trade size divided by the baseline's.
pub static TRADE_SIZE_MOMENTUM: IndicatorKind = IndicatorKind {
    name: "TRADE_SIZE_MOMENTUM",
    about: "Average quantity of a trade now against the baseline",
    formula: "AVG_VOLUME(t1, t2)/AVG_VOLUME(t3, t4)",
    needs: &[DataKind::Trades],
    build: |spec, wiring| {
        TwoWindows::boxed(spec, wiring, |current, baseline| {
            ratio(average_size(current)?, average_size(baseline)?)
        })
    },
    ..VOLUME_SURGE
};

/// Fraction of the long window's quantity that was traded in the short window.
pub static VOLUME_CONCENTRATION: IndicatorKind = IndicatorKind {
    name: "VOLUME_CONCENTRATION",
    about: "Share of the quantity of a long window that was traded in its newest part",
    formula: "SUM(short, 0)/SUM(long, 0)",
    unit: "0–1",
    range: Some((0.0, 1.0)),
    params: SHORT_AND_LONG,
    check: short_in_long,
    build: |spec, wiring| {
        Box::new(TwoWindows {
            current: wiring.window(spec, spec.span("short"), Span::ZERO, Needs::VOLUME),
            baseline: wiring.window(spec, spec.span("long"), Span::ZERO, Needs::VOLUME),
            of: |short, long| ratio(short.qty() as f64, long.qty() as f64),
        })
    },
    ..VOLUME_SURGE
};

/// Growth of the quantity from one window to the next, relative to a baseline.
pub static VOLUME_ACCELERATION: IndicatorKind = IndicatorKind {
    name: "VOLUME_ACCELERATION",
    about: "Growth of the traded quantity over two windows of equal length, against the quantity of a baseline",
    formula: "(SUM(t1, 0) − SUM(2·t1, t1))/SUM(t3, t4)",
    params: &[
        number("t1", 30.0, 1.0, 43_200.0, "length of the current and of the previous window, seconds"),
        BASELINE_START,
        number("t4", 60.0, 0.0, 86_400.0, "end of the baseline, seconds ago"),
        MIN_COVERAGE,
    ],
    check: |spec| ordered(spec, "t3", "t4"),
    build: |spec, wiring| {
        let length = spec.span("t1");
        Box::new(Acceleration {
            current: wiring.window(spec, length, Span::ZERO, Needs::VOLUME),
            previous: wiring.window(spec, length + length, length, Needs::VOLUME),
            baseline: wiring.window(spec, spec.span("t3"), spec.span("t4"), Needs::VOLUME),
        })
    },
    ..VOLUME_SURGE
};

struct TwoWindows {
    current: Window,
    baseline: Window,
    of: fn(&Slice<'_>, &Slice<'_>) -> Value,
}

saved!(TwoWindows { current, baseline } fixed { of });

impl TwoWindows {
    fn boxed(
        spec: &IndicatorSpec,
        wiring: &mut Wiring<'_>,
        of: fn(&Slice<'_>, &Slice<'_>) -> Value,
    ) -> Box<dyn Indicator> {
        Box::new(TwoWindows {
            current: wiring.window(spec, spec.span("t1"), spec.span("t2"), Needs::VOLUME),
            baseline: wiring.window(spec, spec.span("t3"), spec.span("t4"), Needs::VOLUME),
            of,
        })
    }
}

impl Indicator for TwoWindows {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let tape = &look.market.tape;
        (self.of)(&self.current.read(tape, look.now)?, &self.baseline.read(tape, look.now)?)
    }
}

struct Acceleration {
    current: Window,
    previous: Window,
    baseline: Window,
}

saved!(Acceleration { current, previous, baseline });

impl Indicator for Acceleration {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let tape = &look.market.tape;
        let current = self.current.read(tape, look.now)?.qty();
        let previous = self.previous.read(tape, look.now)?.qty();
        let baseline = self.baseline.read(tape, look.now)?.qty();
        ratio((current - previous) as f64, baseline as f64)
    }
}
