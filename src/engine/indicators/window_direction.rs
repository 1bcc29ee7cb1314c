//! Whether the price keeps moving in one direction, period by period.

use super::Missing;
use super::{
    Accepts, DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Param, Upstream, Value, Wiring, number,
};
use crate::checkpoint::saved;
use crate::domain::num::Price;
use crate::domain::strategy::IndicatorSpec;
use crate::domain::time::Span;
use crate::engine::market::tape::Needs;
use crate::engine::market::window::{Boundary, Window};

const PARAMS: &[Param] = &[
    number("period", 60.0, 1.0, 3_600.0, "length of a period, seconds"),
    Param { name: "lookback", accepts: Accepts::Count { default: 10, min: 2, max: 100 }, about: "periods" },
    MIN_COVERAGE,
];

/// Length of the most recent run of moves in one direction.
pub static MOMENTUM_STREAK: IndicatorKind = IndicatorKind {
    name: "MOMENTUM_STREAK",
    about: "Periods in a row, newest backwards, in which the price moved the same way; negative for falls",
    formula: "k·sign(r₁), k = leading returns of equal sign other than 0; rᵢ = P(T−(i−1)·period) − P(T−i·period), i ≤ lookback",
    unit: "periods",
    needs: &[DataKind::Price],
    range: Some((-100.0, 100.0)),
    params: PARAMS,
    check: within_a_day,
    build: |spec, wiring| Box::new(Direction { steps: Steps::new(spec, wiring), of: streak }),
};

/// Fraction of moves that continue the one before.
pub static DIRECTION_CONSISTENCY: IndicatorKind = IndicatorKind {
    name: "DIRECTION_CONSISTENCY",
    about: "Share of neighbouring periods that moved the same way, of those in which both moved",
    formula: "pairs (rᵢ, rᵢ₊₁) of equal sign/pairs of returns other than 0; returns as for MOMENTUM_STREAK",
    unit: "0–1",
    range: Some((0.0, 1.0)),
    build: |spec, wiring| Box::new(Direction { steps: Steps::new(spec, wiring), of: consistency }),
    ..MOMENTUM_STREAK
};

fn within_a_day(spec: &IndicatorSpec) -> Option<String> {
    (spec.number("period") * spec.number("lookback") > 86_400.0)
        .then(|| "period times lookback must not exceed 86400 seconds".to_owned())
}

/// The newest run of equal signs; `signs` are those of the returns, newest first.
fn streak(signs: &[i64]) -> Value {
    let newest = signs[0];
    let run = signs.iter().take_while(|sign| **sign == newest && newest != 0).count();
    Ok((run as i64 * newest) as f64)
}

fn consistency(signs: &[i64]) -> Value {
    let both_moved = || signs.windows(2).filter(|pair| pair[0] * pair[1] != 0);
    let continued = both_moved().filter(|pair| pair[0] == pair[1]).count();
    match both_moved().count() {
        0 => Err(Missing::TooFew),
        all => Ok(continued as f64 / all as f64),
    }
}

struct Direction {
    steps: Steps,
    of: fn(&[i64]) -> Value,
}

saved!(Direction { steps } fixed { of });

impl Indicator for Direction {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        (self.of)(self.steps.signs(look)?)
    }
}

/// Price in force at the end of every period of the lookback.
struct Steps {
    whole: Window,
    boundaries: Vec<Boundary>,
    signs: Vec<i64>,
}

saved!(Steps { whole } each { boundaries } fixed { signs });

impl Steps {
    fn new(spec: &IndicatorSpec, wiring: &mut Wiring<'_>) -> Self {
        let (period, lookback) = (spec.span("period").nanos(), spec.count("lookback") as i64);
        let ago = |periods: i64| Span::from_nanos(period * periods);
        Steps {
            whole: wiring.window(spec, ago(lookback), Span::ZERO, Needs::NOTHING),
            boundaries: (0..=lookback).map(|periods| wiring.boundary(ago(periods), Needs::NOTHING)).collect(),
            signs: Vec::with_capacity(lookback as usize),
        }
    }

    /// Signs of the returns, one per period, newest first; 0 where a price is unknown or unchanged.
    fn signs(&mut self, look: &Look<'_>) -> Result<&[i64], Missing> {
        let tape = &look.market.tape;
        self.whole.read(tape, look.now)?;
        let mut later: Option<Option<Price>> = None;
        self.signs.clear();
        for boundary in &mut self.boundaries {
            let price = boundary.moment(tape, look.now).price();
            if let Some(later) = later {
                self.signs
                    .push(later.zip(price).map_or(0, |(later, earlier)| (later.0 - earlier.0).signum()));
            }
            later = Some(price);
        }
        Ok(&self.signs)
    }
}
