//! Time-weighted price average: the price weighted by how long it held.

use super::{Channel, Indicator, Kind, Look, MIN_COVERAGE, Upstream, Value, Wiring, number};
use crate::domain::strategy::IndicatorSpec;
use crate::domain::time::Span;
use crate::engine::market::tape::Window;

/// `TWPA(t1, t2)`; the price at one moment when t1 = t2.
pub static TWPA: Kind = Kind {
    name: "TWPA",
    about: "Time-weighted average of the trade price",
    formula: "TWA of the trade price over [T−t1, T−t2], carried in at the start",
    unit: "price",
    needs: &[Channel::Price],
    range: None,
    params: &[
        number("t1", 300.0, 1.0, 86_400.0, "start of the window, seconds ago"),
        number("t2", 0.0, 0.0, 86_400.0, "end of the window, seconds ago"),
        MIN_COVERAGE,
    ],
    check: |spec| (spec.number("t1") < spec.number("t2")).then(|| "t1 must not be less than t2".to_owned()),
    build: |spec, wiring| {
        let (t1, t2) = (spec.span("t1"), spec.span("t2"));
        Box::new(Twpa(TimeAverage::new(spec, wiring, t1, t2)))
    },
};

struct Twpa(TimeAverage);

impl Indicator for Twpa {
    fn value(&mut self, look: Look<'_>, _: &mut Upstream<'_>) -> Value {
        self.0.price(look)
    }
}

/// A time-weighted average as a part of other formulas.
pub(super) struct TimeAverage(Window);

impl TimeAverage {
    /// Over [T−t1, T−t2].
    pub(super) fn new(spec: &IndicatorSpec, wiring: &mut Wiring<'_>, t1: Span, t2: Span) -> Self {
        TimeAverage(wiring.window(spec, t1, t2))
    }

    /// In the quote currency.
    pub(super) fn price(&mut self, look: Look<'_>) -> Value {
        self.ticks(look).map(|ticks| look.price(ticks))
    }

    /// In ticks, for ratios that need no unit.
    pub(super) fn ticks(&mut self, look: Look<'_>) -> Value {
        self.0.read(&look.market.tape, look.now)?.average_price()
    }
}
