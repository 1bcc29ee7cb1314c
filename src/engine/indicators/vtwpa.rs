//! Trade price weighted by quantity and by how long the trade was the last one.

use super::deals::{Pairs, Terms};
use super::window_params::{WINDOW, one_window};
use super::{DataKind, Indicator, IndicatorKind, Look, Missing, Upstream, Value, Wiring};
use crate::checkpoint::{plain, saved};
use crate::domain::strategy::IndicatorSpec;
use crate::domain::time::Span;
use crate::engine::market::tape::{Needs, Point};

/// `VTWPA(t1, t2)`.
pub static VTWPA: IndicatorKind = IndicatorKind {
    name: "VTWPA",
    about: "Trade price weighted by quantity and holding time",
    formula: "Σ p·q·w/Σ q·w over [T−t1, T−t2], w = time until the next trade, carried in at the start",
    unit: "price",
    needs: &[DataKind::Price],
    range: None,
    params: WINDOW,
    check: one_window,
    build: |spec, wiring| Box::new(Vtwpa(HeldVolume::new(spec, wiring, spec.span("t1"), spec.span("t2")))),
};

struct Vtwpa(HeldVolume);

saved!(Vtwpa { 0 });

impl Indicator for Vtwpa {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        self.0.ticks(look).map(|ticks| look.price(ticks))
    }
}

/// A volume- and time-weighted average price, for use in other formulas.
pub(super) struct HeldVolume(Pairs<Holdings>);

saved!(HeldVolume { 0 });

/// Σ lots·ns and Σ ticks·lots·ns. Wraps only beyond 2^81 ticks·lots per trade over a day, which no trade
/// reaches.
#[derive(Default)]
struct Holdings {
    volume: i128,
    value: i128,
}

plain!(struct Holdings { volume, value });

impl Holdings {
    fn held(point: &Point, span: Span) -> (i128, i128) {
        let volume = i128::from(point.qty().0).wrapping_mul(i128::from(span.nanos()));
        (volume, volume.wrapping_mul(i128::from(point.price.0)))
    }
}

impl Terms for Holdings {
    type Term = (i128, i128);

    fn term(earlier: &Point, _: u64, next: &Point) -> Option<Self::Term> {
        Some(Holdings::held(earlier, next.at - earlier.at))
    }

    fn enter(&mut self, (volume, value): Self::Term) {
        self.volume = self.volume.wrapping_add(volume);
        self.value = self.value.wrapping_add(value);
    }

    fn leave(&mut self, (volume, value): Self::Term) {
        self.volume = self.volume.wrapping_sub(volume);
        self.value = self.value.wrapping_sub(value);
    }
}

impl HeldVolume {
    /// The average over [T−t1, T−t2].
    pub(super) fn new(spec: &IndicatorSpec, wiring: &mut Wiring<'_>, t1: Span, t2: Span) -> Self {
        HeldVolume(Pairs::new(spec, wiring, t1, t2, Needs::NOTHING))
    }

    /// The average in ticks.
    pub(super) fn ticks(&mut self, look: &Look<'_>) -> Value {
        let pairs = self.0.read(look)?;
        let mut sums = Holdings { ..*pairs.sums };
        let (start, end) = (pairs.slice.start, pairs.slice.end);
        if start.has_price() {
            sums.enter(Holdings::held(start.point, pairs.first.map_or(end.at, |first| first.at) - start.at));
        }
        if let Some(last) = pairs.pending {
            sums.enter(Holdings::held(&last, end.at - last.at));
        }
        if sums.volume == 0 { Err(Missing::EmptyWindow) } else { Ok(sums.value as f64 / sums.volume as f64) }
    }
}
