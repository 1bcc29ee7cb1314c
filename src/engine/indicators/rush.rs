//! Rush orders: market orders so large that several of their fills share one millisecond.
//!
//! La Morgia, Mei, Sassi and Stefa, "Pump and Dumps in the Bitcoin Era" (ICCCN 2020): the strongest single
//! feature of a pump's first seconds.

use super::{
    Accepts, DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Param, Upstream, Value, Wiring, number,
    ordered,
};
use crate::checkpoint::saved;
use crate::domain::order::Side;
use crate::domain::strategy::IndicatorSpec;
use crate::domain::time::{Span, Timestamp};
use crate::engine::market::tape::{Needs, PointKind, Tape};
use crate::engine::market::window::Window;
use std::collections::VecDeque;

/// Number of rush orders in a window.
pub static RUSH_ORDER_COUNT: IndicatorKind = IndicatorKind {
    name: "RUSH_ORDER_COUNT",
    about: "Milliseconds of the window with several trades of one taker side: market orders that ate through the book",
    formula: "number of milliseconds whose min_fills-th trade of the side lies in (T−t1, T−t2]",
    unit: "count",
    needs: &[DataKind::Trades],
    range: None,
    params: &[
        number("t1", 30.0, 1.0, 86_400.0, "start of the window, seconds ago"),
        number("t2", 0.0, 0.0, 86_400.0, "end of the window, seconds ago"),
        Param {
            name: "side",
            accepts: Accepts::Word(&["buy", "sell", "any"]),
            about: "only trades of this taker side",
        },
        Param {
            name: "min_fills",
            accepts: Accepts::Count { default: 2, min: 1, max: 1_000 },
            about: "trades in one millisecond that make it count",
        },
        MIN_COVERAGE,
    ],
    check: |spec| ordered(spec, "t1", "t2"),
    build: |spec, wiring| Box::new(RushOrders::new(spec, wiring)),
};

struct RushOrders {
    window: Window,
    side: Option<Side>,
    min_fills: u32,
    /// When each counted millisecond reached `min_fills`, oldest first; at most one per trade on the tape.
    reached: VecDeque<Timestamp>,
    /// The newest millisecond and its number of trades so far.
    millisecond: i64,
    fills: u32,
    /// Number of points that have entered.
    seen: u64,
}

saved!(RushOrders { window, reached, millisecond, fills, seen } fixed { side, min_fills });

impl RushOrders {
    fn new(spec: &IndicatorSpec, wiring: &mut Wiring<'_>) -> Self {
        let (t1, t2) = (spec.span("t1"), spec.span("t2"));
        // The whole first millisecond of the window must be kept, also when the indicator is read rarely.
        wiring.history(t1 + Span::from_millis(1));
        let side = match spec.word("side") {
            "buy" => Some(Side::Buy),
            "sell" => Some(Side::Sell),
            _ => None,
        };
        let min_fills = spec.count("min_fills") as u32;
        RushOrders {
            window: wiring.window(spec, t1, t2, Needs::NOTHING),
            side,
            min_fills,
            reached: VecDeque::new(),
            millisecond: i64::MIN,
            fills: 0,
            seen: 0,
        }
    }

    fn enter(&mut self, tape: &Tape, last: u64) {
        for number in self.seen.max(tape.oldest() - 1) + 1..=last {
            let point = tape.point(number);
            if point.kind() != PointKind::Trade || self.side.is_some_and(|side| side != point.taker()) {
                continue;
            }
            let millisecond = point.at.millis();
            self.fills = if millisecond == self.millisecond { self.fills + 1 } else { 1 };
            self.millisecond = millisecond;
            if self.fills == self.min_fills {
                self.reached.push_back(point.at);
            }
        }
        self.seen = last;
    }
}

impl Indicator for RushOrders {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let tape = &look.market.tape;
        let (start, last) = self.window.span(tape, look.now)?;
        if self.seen < last {
            self.enter(tape, last);
        }
        while self.reached.front().is_some_and(|at| *at <= start) {
            self.reached.pop_front();
        }
        Ok(self.reached.len() as f64)
    }
}
