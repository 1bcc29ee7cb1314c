//! First, last and extreme trade price of a window.

use super::window_params::{WINDOW, one_window};
use super::{Channel, Indicator, Kind, Look, Missing, Upstream, Value, Wiring};
use crate::domain::num::Price;
use crate::domain::strategy::IndicatorSpec;
use crate::domain::time::Timestamp;
use crate::engine::market::tape::{PointKind, Tape, Window};
use std::collections::VecDeque;

/// Highest trade price.
pub static MAX_PRICE: Kind = Kind {
    name: "MAX_PRICE",
    about: "Highest trade price of the window",
    formula: "max p over trades in (T−t1, T−t2]",
    unit: "price",
    needs: &[Channel::Price],
    range: None,
    params: WINDOW,
    check: one_window,
    build: |spec, wiring| Box::new(ExtremePrice(Extreme::new(spec, wiring, true))),
};

/// Lowest trade price.
pub static MIN_PRICE: Kind = Kind {
    name: "MIN_PRICE",
    about: "Lowest trade price of the window",
    formula: "min p over trades in (T−t1, T−t2]",
    build: |spec, wiring| Box::new(ExtremePrice(Extreme::new(spec, wiring, false))),
    ..MAX_PRICE
};

/// Price of the oldest trade.
pub static FIRST_PRICE: Kind = Kind {
    name: "FIRST_PRICE",
    about: "Price of the oldest trade of the window",
    formula: "p of the first trade in (T−t1, T−t2]",
    build: |spec, wiring| {
        let window = wiring.window(spec, spec.span("t1"), spec.span("t2"));
        Box::new(EdgePrice { window, oldest: true })
    },
    ..MAX_PRICE
};

/// Price of the newest trade.
pub static LAST_PRICE: Kind = Kind {
    name: "LAST_PRICE",
    about: "Price of the newest trade of the window",
    formula: "p of the last trade in (T−t1, T−t2]",
    build: |spec, wiring| {
        let window = wiring.window(spec, spec.span("t1"), spec.span("t2"));
        Box::new(EdgePrice { window, oldest: false })
    },
    ..MAX_PRICE
};

struct EdgePrice {
    window: Window,
    oldest: bool,
}

impl Indicator for EdgePrice {
    fn value(&mut self, look: Look<'_>, _: &mut Upstream<'_>) -> Value {
        let tape = &look.market.tape;
        let mut numbers = self.window.read(tape, look.now)?.numbers(tape);
        // Two interruptions never follow each other, so this looks at two points at most.
        let is_price = |number: &u64| tape.point(*number).kind != PointKind::Interruption;
        let found = if self.oldest { numbers.find(is_price) } else { numbers.rfind(is_price) };
        found.map(|number| look.spec.price_f64(tape.point(number).price)).ok_or(Missing::EmptyWindow)
    }
}

struct ExtremePrice(Extreme);

impl Indicator for ExtremePrice {
    fn value(&mut self, look: Look<'_>, _: &mut Upstream<'_>) -> Value {
        self.0.price(look).map(|price| look.spec.price_f64(price))
    }
}

/// Highest or lowest price of a sliding window by a monotonic queue: each trade enters and leaves once.
pub(super) struct Extreme {
    window: Window,
    highest: bool,
    /// Times and prices of points that can still become the extreme, best first.
    candidates: VecDeque<(Timestamp, Price)>,
    /// Points that have entered.
    seen: u64,
}

impl Extreme {
    pub(super) fn new(spec: &IndicatorSpec, wiring: &mut Wiring<'_>, highest: bool) -> Self {
        Extreme { window: wiring.window(spec, spec.span("t1"), spec.span("t2")), highest, candidates: VecDeque::new(), seen: 0 }
    }

    /// In ticks.
    #[inline]
    pub(super) fn price(&mut self, look: Look<'_>) -> Result<Price, Missing> {
        let tape = &look.market.tape;
        let (start, last) = self.window.span(tape, look.now)?;
        if self.seen < last {
            self.enter(tape, last);
        }
        while let Some((at, price)) = self.candidates.front() {
            if *at > start {
                return Ok(*price);
            }
            self.candidates.pop_front();
        }
        Err(Missing::EmptyWindow)
    }

    #[inline]
    fn enter(&mut self, tape: &Tape, last: u64) {
        for number in self.seen.max(tape.oldest() - 1) + 1..=last {
            let point = tape.point(number);
            if point.kind == PointKind::Interruption {
                continue;
            }
            let beats = |other: Price| if self.highest { point.price >= other } else { point.price <= other };
            while self.candidates.back().is_some_and(|(_, price)| beats(*price)) {
                self.candidates.pop_back();
            }
            self.candidates.push_back((point.at, point.price));
        }
        self.seen = last;
    }
}
