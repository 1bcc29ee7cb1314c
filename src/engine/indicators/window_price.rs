//! First, last and extreme trade price of a window.

use super::extreme::{highest_ticks, lowest_ticks};
use super::window_params::{WINDOW, one_window};
use super::{DataKind, Indicator, IndicatorKind, Look, Missing, SlotId, Upstream, Value};
use crate::checkpoint::saved;
use crate::domain::num::Price;
use crate::engine::market::tape::Needs;
use crate::engine::market::window::Window;

/// Highest trade price.
pub static MAX_PRICE: IndicatorKind = IndicatorKind {
    name: "MAX_PRICE",
    about: "Highest trade price of the window",
    formula: "max p over trades in (T−t1, T−t2]",
    unit: "price",
    needs: &[DataKind::Price],
    range: None,
    params: WINDOW,
    check: one_window,
    build: |spec, wiring| {
        Box::new(ExtremePrice(highest_ticks(spec, wiring, spec.number("t1"), spec.number("t2"))))
    },
};

/// Lowest trade price.
pub static MIN_PRICE: IndicatorKind = IndicatorKind {
    name: "MIN_PRICE",
    about: "Lowest trade price of the window",
    formula: "min p over trades in (T−t1, T−t2]",
    build: |spec, wiring| {
        Box::new(ExtremePrice(lowest_ticks(spec, wiring, spec.number("t1"), spec.number("t2"))))
    },
    ..MAX_PRICE
};

/// Price of the oldest trade.
pub static FIRST_PRICE: IndicatorKind = IndicatorKind {
    name: "FIRST_PRICE",
    about: "Price of the oldest trade of the window",
    formula: "p of the first trade in (T−t1, T−t2]",
    build: |spec, wiring| {
        let window = wiring.window(spec, spec.span("t1"), spec.span("t2"), Needs::NOTHING);
        Box::new(EdgePrice { window, oldest: true })
    },
    ..MAX_PRICE
};

/// Price of the newest trade.
pub static LAST_PRICE: IndicatorKind = IndicatorKind {
    name: "LAST_PRICE",
    about: "Price of the newest trade of the window",
    formula: "p of the last trade in (T−t1, T−t2]",
    build: |spec, wiring| {
        let window = wiring.window(spec, spec.span("t1"), spec.span("t2"), Needs::NOTHING);
        Box::new(EdgePrice { window, oldest: false })
    },
    ..MAX_PRICE
};

struct EdgePrice {
    window: Window,
    oldest: bool,
}

saved!(EdgePrice { window } fixed { oldest });

impl Indicator for EdgePrice {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let tape = &look.market.tape;
        let mut numbers = self.window.read(tape, look.now)?.numbers(tape);
        // Two interruptions are never adjacent, so this reads at most two points.
        let is_price = |number: &u64| tape.point(*number).has_price();
        let found = if self.oldest { numbers.find(is_price) } else { numbers.rfind(is_price) };
        found.map(|number| look.spec.price_f64(tape.point(number).price)).ok_or(Missing::EmptyWindow)
    }
}

/// A highest or lowest price in the quote currency.
struct ExtremePrice(SlotId);

saved!(ExtremePrice {} fixed { 0 });

impl Indicator for ExtremePrice {
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value {
        upstream.value(self.0, look).map(|ticks| look.spec.price_f64(Price(ticks as i64)))
    }
}
