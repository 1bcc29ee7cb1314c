//! Percent changes between averages of two windows.

use super::book_average::BookWindow;
use super::latest::percent_above;
use super::twpa::TimeAverage;
use super::vtwpa::HeldVolume;
use super::window_params::{
    BASELINE_END, BASELINE_START, CURRENT_END, CURRENT_START, SHORT_AND_LONG, short_in_long, two_windows,
};
use super::{
    Accepts, DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Missing, Param, Upstream, Value, Wiring,
    ratio,
};
use crate::checkpoint::{Damaged, Reader, Saved, saved};
use crate::domain::strategy::IndicatorSpec;
use crate::domain::time::Span;
use crate::engine::market::series::BookMeasure;
use crate::engine::market::tape::Needs;
use crate::engine::market::window::Window;

/// Percent change of a chosen price from the baseline to the current window.
pub static VELOCITY: IndicatorKind = IndicatorKind {
    name: "VELOCITY",
    about: "Percent between a price of the current window and the same price of the baseline; `of` = mid also needs the book",
    formula: "100·(X(t1, t2) − X(t3, t4))/X(t3, t4); X: last = price in force at the end of the window, TWPA, VTWPA or TW_MIDPRICE",
    unit: "%",
    needs: &[DataKind::Price],
    range: None,
    params: &[
        Param { name: "of", accepts: Accepts::Word(&["last", "twpa", "vtwpa", "mid"]), about: "which price" },
        CURRENT_START,
        CURRENT_END,
        BASELINE_START,
        BASELINE_END,
        MIN_COVERAGE,
    ],
    check: two_windows,
    build: |spec, wiring| {
        let current = Source::new(spec, wiring, spec.span("t1"), spec.span("t2"));
        let baseline = Source::new(spec, wiring, spec.span("t3"), spec.span("t4"));
        Box::new(Velocity { current, baseline })
    },
};

/// Percent above a short average minus percent above a long one.
pub static VELOCITY_ACCELERATION: IndicatorKind = IndicatorKind {
    name: "VELOCITY_ACCELERATION",
    about: "How far the last price is above a short average, less how far it is above a long one",
    formula: "100·(P/TWPA(short, 0) − P/TWPA(long, 0))",
    params: SHORT_AND_LONG,
    check: short_in_long,
    build: |spec, wiring| {
        Box::new(Acceleration {
            short: TimeAverage::new(spec, wiring, spec.span("short"), Span::ZERO),
            long: TimeAverage::new(spec, wiring, spec.span("long"), Span::ZERO),
        })
    },
    ..VELOCITY
};

enum Source {
    Last(Window),
    Time(TimeAverage),
    VolumeTime(Box<HeldVolume>),
    Mid(BookWindow),
}

impl Saved for Source {
    fn save(&self, to: &mut Vec<u8>) {
        match self {
            Source::Last(window) => window.save(to),
            Source::Time(average) => average.save(to),
            Source::VolumeTime(average) => average.as_ref().save(to),
            Source::Mid(window) => window.save(to),
        }
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        match self {
            Source::Last(window) => window.load(from),
            Source::Time(average) => average.load(from),
            Source::VolumeTime(average) => average.as_mut().load(from),
            Source::Mid(window) => window.load(from),
        }
    }
}

impl Source {
    fn new(spec: &IndicatorSpec, wiring: &mut Wiring<'_>, t1: Span, t2: Span) -> Self {
        match spec.word("of") {
            "twpa" => Source::Time(TimeAverage::new(spec, wiring, t1, t2)),
            "vtwpa" => Source::VolumeTime(Box::new(HeldVolume::new(spec, wiring, t1, t2))),
            "mid" => Source::Mid(BookWindow::new(spec, wiring, BookMeasure::Mid, t1, t2)),
            _ => Source::Last(wiring.window(spec, t1, t2, Needs::NOTHING)),
        }
    }

    /// In ticks, or in the quote currency for the mid price: only the ratio of two prices is used.
    fn price(&mut self, look: &Look<'_>) -> Value {
        match self {
            Source::Time(average) => average.ticks(look),
            Source::VolumeTime(average) => average.ticks(look),
            Source::Mid(average) => average.mean(look),
            Source::Last(window) => {
                let slice = window.read(&look.market.tape, look.now)?;
                let unknown = if slice.end.number == 0 { Missing::WarmUp } else { Missing::Gap };
                slice.end.price().map(|price| price.0 as f64).ok_or(unknown)
            }
        }
    }
}

struct Velocity {
    current: Source,
    baseline: Source,
}

saved!(Velocity { current, baseline });

impl Indicator for Velocity {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let baseline = self.baseline.price(look)?;
        ratio(100.0 * (self.current.price(look)? - baseline), baseline)
    }
}

struct Acceleration {
    short: TimeAverage,
    long: TimeAverage,
}

saved!(Acceleration { short, long });

impl Indicator for Acceleration {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let (short, long) = (self.short.ticks(look)?, self.long.ticks(look)?);
        Ok(percent_above(look, short)? - percent_above(look, long)?)
    }
}
