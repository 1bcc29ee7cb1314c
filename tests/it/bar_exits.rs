//! Exits inside bars whose stop has moved, or beside which another exit rests or is on its way: scenarios,
//! and an auditor of random bars that shares no code with the engine.

use crate::bars::{SIGNAL, trader};
use crate::harness::{Story, World, at};
use crate::strategy::{Build, operand, seconds};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use tradingd::domain::decision::{DecisionKind, State};
use tradingd::domain::event::Bar;
use tradingd::domain::num::{Price, Qty};
use tradingd::domain::order::{OrderId, Purpose};
use tradingd::domain::strategy::*;
use tradingd::domain::symbol::SymbolId;
use tradingd::domain::time::Span;
use tradingd::engine::output::Outputs;
use tradingd::session::driver::{Driver, Flow, Recorder};
use tradingd::session::ports::{Chunk, Feed, FeedError, TickKind};

/// One-minute bars, `open high low close [volume]`, separated by commas.
fn run(world: &World, bars: &str) -> Story {
    let line = |(index, bar): (usize, &str)| {
        let volume = if bar.split_whitespace().count() == 4 { "1000" } else { "" };
        format!("{} bar {} {volume} 60\n", 60 * (index + 1), bar.trim())
    };
    world.simulate(&bars.split(',').enumerate().map(line).collect::<String>())
}

/// `entry exit reason` of the only trade, and how many bars were in doubt.
fn trade(world: &World, bars: &str) -> (String, u64) {
    let story = run(world, bars);
    assert_eq!(story.closed.len(), 1, "{:#?}", story.lines);
    let trade = &story.closed[0];
    (
        format!("{} {} {}", trade.entry_price, trade.exit_price, trade.reason.as_str()),
        story.counts.bars_in_doubt,
    )
}

fn trailing(def: &mut StrategyDef, activation_pct: f64, distance_pct: f64) {
    def.trailing = Some(Trailing { activation_pct, distance_pct });
}

/// Buys with a limit order that rests.
fn limit(def: &mut StrategyDef, timeout: Option<f64>) {
    def.z1.order = EntryOrder::Limit;
    def.z1.timeout = timeout.map(seconds);
}

/// Closes with a limit order 5 % above the touch.
fn asks_for_more(def: &mut StrategyDef, rule: &str, timeout: f64) {
    *def = def.clone().ze1(rule);
    let scaling = RiskScaling { operand: operand(def, "PRICE"), points: vec![(0.0, 5.0)] };
    def.ze1.pricing = Some(RiskPricing { scaling, factor: 1.0, min_pct: -10.0, max_pct: 10.0 });
    def.ze1.close_timeout = seconds(timeout);
}

#[test]
fn a_stop_that_moves_inside_a_bar_is_met_only_at_prices_that_came_after() {
    type Case = (&'static str, fn(&mut StrategyDef), &'static str, (&'static str, u64));
    let cases: [Case; 6] = [
        (
            "the entry ends with the open, and the trail that it kept still is above it",
            |def| {
                limit(def, Some(120.0));
                trailing(def, 3.0, 2.0);
            },
            "102 103 99 102 5, 108 110 107 109, 105 106 104 105, 105 105 105 105",
            ("100 105 TRAIL", 0),
        ),
        (
            "the entry ends with the close, and the trail that it kept still is above it",
            |def| {
                limit(def, Some(90.0));
                trailing(def, 3.0, 2.0);
            },
            "102 103 99 102 5, 105 110 104 105, 112 112 112 112",
            ("100 105 TRAIL", 0),
        ),
        (
            "of the bar in which a resting entry filled, the low came before the close that moves the trail",
            |def| {
                limit(def, None);
                trailing(def, 3.0, 1.0);
            },
            "102 107 96 104, 104 104 104 104",
            ("100 104 END", 0),
        ),
        (
            "a ladder step too small for a lot does not hold the trail",
            |def| {
                def.ladder = vec![LadderStep { offset_pct: 1.0, close_pct: 0.01 }];
                trailing(def, 3.0, 2.0);
            },
            "100 110 100 109, 109 109 109 109",
            ("100 107.8 TRAIL", 1),
        ),
        (
            "a stop that arises above every price of the bar",
            |def| def.break_even = Some(BreakEven { activation_pct: 1.0, offset_pct: 2.0 }),
            "100 101 100 100, 100 100 100 100",
            ("100 100 BREAK_EVEN", 1),
        ),
        (
            "a step of the ladder, then the trail that the high behind it moves",
            |def| {
                def.ladder = vec![LadderStep { offset_pct: 1.0, close_pct: 50.0 }];
                trailing(def, 3.0, 2.0);
            },
            "100 110 100 109, 109 109 109 109",
            ("100 104.4 TRAIL", 1),
        ),
    ];
    for (what, change, bars, (expected, in_doubt)) in cases {
        let got = trade(&trader(change), &format!("{SIGNAL}, {bars}"));
        assert_eq!(got, (expected.to_owned(), in_doubt), "{what}");
    }
    // What the entry paid on top of the open is no price that the market had.
    let mut costly = trader(|def| trailing(def, 0.0, 0.1));
    costly.venue.synthetic = crate::harness::synthetic(1.0);
    let (got, _) = trade(&costly, &format!("{SIGNAL}, 100 100.2 99.9 100, 100 100 100 100"));
    assert_eq!(got, "100.5 99.5 TRAIL");
}

#[test]
fn a_stop_is_met_before_an_exit_that_rests_or_is_on_its_way() {
    type Case = (&'static str, fn(&mut StrategyDef), &'static str, (&'static str, u64));
    let cases: [Case; 7] = [
        (
            "the holding time ends while the bar runs",
            |def| def.max_hold = Some(seconds(90.0)),
            "100 100 100 100, 101 120 90 103, 104 104 104 104",
            ("100 95 SL", 1),
        ),
        (
            "and the bar opens beyond the stop",
            |def| def.max_hold = Some(seconds(90.0)),
            "100 100 100 100, 93 120 90 103, 104 104 104 104",
            ("100 93 SL", 0),
        ),
        (
            "the stop is not met",
            |def| def.max_hold = Some(seconds(90.0)),
            "100 100 100 100, 101 120 96 103, 104 104 104 104",
            ("100 103 TIME", 0),
        ),
        (
            "the emergency rule is true while the bar runs",
            |def| *def = def.clone().e1("POSITION_AGE >= 90", 36_000.0),
            "100 100 100 100, 101 120 90 103, 104 104 104 104",
            ("100 95 E1", 1),
        ),
        (
            "a close rests above the market",
            |def| asks_for_more(def, "PRICE >= 105", 600.0),
            "100 105 100 105, 106 112 90 104, 104 104 104 104",
            ("100 95 SL", 1),
        ),
        (
            "the bar reaches only the stop",
            |def| asks_for_more(def, "PRICE >= 105", 600.0),
            "100 105 100 105, 106 110 90 104, 104 104 104 104",
            ("100 95 SL", 0),
        ),
        (
            "a close is being cancelled",
            |def| asks_for_more(def, "PRICE >= 105", 90.0),
            "100 105 100 105, 106 106 104 104, 104 106 90 100, 112 112 112 112",
            ("100 95 SL", 1),
        ),
    ];
    for (what, change, bars, (expected, in_doubt)) in cases {
        let world = trader(|def| {
            *def = def.clone().stop(5.0);
            change(def);
        });
        let got = trade(&world, &format!("{SIGNAL}, {bars}"));
        assert_eq!(got, (expected.to_owned(), in_doubt), "{what}");
    }
    // An order that takes longer than a bar.
    let mut slow = trader(|def| *def = def.clone().stop(5.0).ze1("PRICE >= 105"));
    slow.venue.order_latency = seconds(90.0);
    let bars = format!(
        "{SIGNAL}, 100 100 100 100, 100 100 100 100, 104 105 104 105, 104 106 90 104, 110 110 110 110"
    );
    assert_eq!(trade(&slow, &bars), ("100 95 SL".to_owned(), 1));
    // A close that is asked for while the bar runs has not reached the book at its end.
    let asked = trader(|def| {
        *def = def.clone().stop(5.0);
        asks_for_more(def, "POSITION_AGE >= 90", 600.0);
    });
    let (got, _) = trade(&asked, &format!("{SIGNAL}, 100 100 100 100, 101 120 90 120, 120 120 120 120"));
    assert_eq!(got, "100 95 SL");
}

#[test]
fn a_trade_ends_with_its_last_exit_fill() {
    let closing = trader(|def| *def = def.clone().ze1("PRICE >= 105"));
    let story = run(&closing, &format!("{SIGNAL}, 100 106 100 105, 103 104 103 104"));
    let trade = &story.closed[0];
    // Decided at the end of the second bar, filled at the open of the third.
    assert_eq!((trade.opened_at, trade.closed_at), (at(60.2), at(120.2)));
}

/// A bar as integers of 0.01: open, high, low, close, volume in lots of 0.01.
type Cents = [i64; 5];

/// What is known of one position from decisions alone. All prices are times the direction, so that up is
/// profit.
#[derive(Default)]
struct Held {
    state: Option<State>,
    dir: i64,
    lots: i64,
    /// Of all that was opened.
    opened: (i64, i64),
    /// Best price since the position was opened: of whole bars without an entry fill, and of the closes of
    /// the others.
    best: Option<i64>,
    /// Best price of all bars since the first entry fill, some of it perhaps from before that.
    furthest: Option<i64>,
    /// Highest price of an entry fill.
    paid: Option<i64>,
    /// Whether an entry filled in the present bar, perhaps at its close.
    is_new: bool,
    may_be_of_the_close: bool,
    /// A stop that certainly stands, in ticks; the true one may be nearer.
    stop: Option<f64>,
}

impl Held {
    fn entry(&self) -> f64 {
        self.opened.1 as f64 / self.opened.0 as f64
    }

    fn raise(&mut self, stop: f64) {
        self.stop = Some(self.stop.map_or(stop, |old| old.max(stop)));
    }

    fn fixed_stop(&mut self, def: &StrategyDef) {
        let pct = def.z1.stop.as_ref().map(|stop| stop.offset_pct);
        // Entries of a short are negative, and so a stop below them is further away from zero.
        let stop = pct.map(|pct| self.entry() - self.entry().abs() * pct / 100.0);
        self.stop = stop;
    }

    /// The nearest stop by a best price.
    fn moved_by(&self, best: i64, def: &StrategyDef) -> Option<f64> {
        let (best, entry) = (best as f64, self.entry());
        let gained_pct = 100.0 * (best - entry) / entry.abs() + 1e-9;
        let break_even = def.break_even.filter(|rule| gained_pct >= rule.activation_pct);
        let break_even = break_even.map(|rule| entry + entry.abs() * rule.offset_pct / 100.0);
        let trail = def.trailing.filter(|rule| gained_pct >= rule.activation_pct);
        let trail = trail.map(|rule| best - best.abs() * rule.distance_pct / 100.0);
        break_even.into_iter().chain(trail).reduce(f64::max)
    }
}

/// Checks every exit fill against the bar it is in and the stop that stood before.
struct Auditor {
    def: Arc<StrategyDef>,
    held: Held,
    orders: BTreeMap<OrderId, (Purpose, Option<i64>)>,
    bar: Cents,
    exits: usize,
    stopped: usize,
    is_over: bool,
}

impl Auditor {
    /// Open, best, worst and close of the bar in the direction of the position.
    fn bar(&self) -> [i64; 4] {
        let [open, high, low, close, _] = self.bar.map(|price| price * self.held.dir);
        if self.held.dir > 0 { [open, high, low, close] } else { [open, low, high, close] }
    }

    fn filled(&mut self, order: OrderId, price: i64, lots: i64) {
        let (purpose, limit) = self.orders[&order];
        let price = price * self.held.dir;
        if purpose == Purpose::Entry {
            self.held.lots += lots;
            self.held.opened.0 += lots;
            self.held.opened.1 += price * lots;
            self.held.paid = self.held.paid.max(Some(price));
            self.held.is_new = true;
            self.held.may_be_of_the_close = price == self.bar()[3];
            self.held.fixed_stop(&self.def);
            if self.held.state == Some(State::EmergencyExit) {
                // Filled while its cancel was on its way: it leaves at market, without a stop.
                self.held.stop = None;
            }
            return;
        }
        self.held.lots -= lots;
        self.exits += 1;
        if self.is_over {
            return;
        }
        let [open, best, worst, _] = self.bar();
        let rested = limit.map(|limit| limit * self.held.dir).filter(|limit| *limit == price);
        let passed_at_open = rested.is_some_and(|limit| open > limit);
        assert!(
            passed_at_open || (worst..=best).contains(&price),
            "an exit at {price} in a bar from {worst} to {best}"
        );
        let Some(stop) = self.held.stop.filter(|stop| worst as f64 <= stop.floor() - 1.0) else { return };
        self.stopped += 1;
        // What came before may have moved it: the entry, the bars before, the open.
        let best = self.held.paid.max(self.held.furthest).map_or(open, |best| best.max(open));
        let stop = self.held.moved_by(best, &self.def).map_or(stop, |moved| moved.max(stop));
        assert!(
            price as f64 <= stop + 1e-6 || price == open || passed_at_open,
            "an exit at {price} in a bar from {worst} to {best} that opened at {open}, better than the stop at {stop}"
        );
    }

    /// The bar is over.
    fn ended(&mut self) {
        if self.held.lots == 0 {
            return;
        }
        let [_, best, worst, close] = self.bar();
        let may_be_of_the_close = std::mem::take(&mut self.held.may_be_of_the_close);
        if let Some(stop) = self.held.stop.filter(|_| !may_be_of_the_close) {
            assert!(
                worst as f64 > stop.floor() - 1.0,
                "a stop at {stop} is not met by a bar that falls to {worst}"
            );
        }
        self.held.furthest = self.held.furthest.max(Some(best));
        // Of a bar in which an entry filled only the close is certain to have come after it.
        let best = if std::mem::take(&mut self.held.is_new) { close } else { best };
        self.held.best = self.held.best.max(Some(best));
        if self.held.state == Some(State::PositionActive) {
            let moved = self.held.best.and_then(|best| self.held.moved_by(best, &self.def));
            moved.into_iter().for_each(|stop| self.held.raise(stop));
        }
    }
}

impl Recorder for Auditor {
    fn outputs(&mut self, out: &Outputs) {
        for decision in &out.decisions {
            match decision.kind {
                DecisionKind::Transition { to, .. } => {
                    self.held.state = Some(to);
                    if to == State::EntryEvaluation {
                        let dir = if self.def.direction == Direction::Long { 1 } else { -1 };
                        self.held = Held { state: Some(to), dir, ..Held::default() };
                    }
                }
                DecisionKind::Submitted { order, purpose, limit, .. } => {
                    self.orders.insert(order, (purpose, limit.map(|limit| limit.0)));
                }
                DecisionKind::Filled { order, price, qty, .. } => self.filled(order, price.0, qty.0),
                _ => {}
            }
        }
    }
}

/// No more data.
struct Nothing;

impl Feed for Nothing {
    fn next(&mut self, _chunk: &mut Chunk) -> Result<bool, FeedError> {
        Ok(false)
    }
}

fn random_bars() -> impl Strategy<Value = Vec<Cents>> {
    let bar = (
        -500_i64..500,
        0_i64..400,
        0_i64..400,
        -300_i64..300,
        prop_oneof![Just(1_000_000_i64), 100_i64..1_500],
    );
    prop::collection::vec(bar, 3..60).prop_map(|steps| {
        let mut last = 10_000_i64;
        let bars = steps.into_iter().map(|(gap, up, down, change, volume)| {
            let open = (last + gap / 4).max(2_000);
            let close = (open + change).max(2_000);
            last = close;
            [open, open.max(close) + up, (open.min(close) - down).max(1_000), close, volume]
        });
        bars.collect()
    })
}

/// A document from dice: every kind of exit that does not depend on marks.
fn random_document(def: &mut StrategyDef, dice: [u8; 12]) {
    let pick = |die: usize, of: &[Option<f64>]| of[usize::from(dice[die]) % of.len()];
    let is_short = dice[0] % 2 == 0;
    *def = def.clone().s1("PRICE > 0").cooldown(0.0);
    if let Some(stop) = pick(1, &[None, Some(0.5), Some(1.0), Some(3.0)]) {
        *def = def.clone().stop(stop);
    }
    if let Some(target) = pick(2, &[None, None, Some(1.0), Some(4.0)]) {
        *def = def.clone().target(target);
    }
    if let Some(distance) = pick(3, &[None, Some(0.1), Some(0.7), Some(2.0)]) {
        trailing(def, [0.0, 0.5, 2.0][usize::from(dice[4]) % 3], distance);
    }
    if let Some(activation_pct) = pick(5, &[None, Some(0.5), Some(2.0)]) {
        def.break_even = Some(BreakEven { activation_pct, offset_pct: activation_pct * 0.9 });
    }
    let step = |offset_pct: f64, close_pct: f64| LadderStep { offset_pct, close_pct };
    def.ladder = match dice[6] % 4 {
        0 => vec![step(0.5, 30.0), step(1.5, 30.0)],
        1 => vec![step(0.3, 0.001), step(1.0, 50.0)],
        _ => Vec::new(),
    };
    def.max_hold = pick(7, &[None, Some(60.0), Some(90.0), Some(200.0)]).map(seconds);
    match dice[8] % 5 {
        0 => *def = def.clone().ze1("PNL >= 0.5"),
        1 => asks_for_more(def, "POSITION_AGE >= 90", 45.0),
        2 => asks_for_more(def, "PNL >= 0.2", 120.0),
        _ => {}
    }
    if dice[9] % 4 == 0 {
        *def = def.clone().e1("POSITION_AGE >= 130", 0.0);
    }
    if dice[10] % 2 == 0 {
        limit(def, pick(11, &[None, Some(60.0), Some(90.0), Some(120.0)]));
    }
    def.direction = if is_short { Direction::Short } else { Direction::Long };
}

#[test]
fn every_exit_lies_in_its_bar_and_is_not_better_than_the_stop_before_it() {
    use proptest::test_runner::TestRunner;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let seen = [const { AtomicUsize::new(0) }; 2];
    let cases = std::env::var("TRADINGD_RUN_SESSIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(600);
    let mut runner =
        TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    let inputs = (random_bars(), any::<[u8; 12]>(), prop::sample::select(vec![0_i64, 200, 20_000, 90_000]));
    let outcome = runner.run(&inputs, |(bars, dice, latency)| {
        let mut world = trader(|def| random_document(def, dice));
        world.venue.order_latency = Span::from_millis(latency);
        let def = Arc::clone(&world.strategies[0]);
        let mut driver = Driver::new(
            Arc::new(world.table()),
            &world.strategies,
            world.session.clone(),
            world.venue.clone(),
        );
        let mut auditor = Auditor {
            def,
            held: Held::default(),
            orders: BTreeMap::new(),
            bar: [0; 5],
            exits: 0,
            stopped: 0,
            is_over: false,
        };
        let mut chunk = Chunk::default();
        for (index, [open, high, low, close, volume]) in bars.iter().copied().enumerate() {
            let [open, high, low, close] = [open, high, low, close].map(Price);
            let bar = Bar { open, high, low, close, volume: Qty(volume), seconds: 60 };
            chunk.push(at(60.0 * (index + 1) as f64), SymbolId(0), TickKind::Bar(bar));
        }
        for (tick, bar) in chunk.ticks().iter().zip(&bars) {
            auditor.bar = *bar;
            driver.tick(&chunk, tick, &mut auditor);
            auditor.ended();
        }
        auditor.is_over = true;
        driver.run(&mut Nothing, &mut auditor, &mut |_| Flow::Continue).unwrap();
        prop_assert!(driver.engine().is_flat());
        seen[0].fetch_add(auditor.exits, Ordering::Relaxed);
        seen[1].fetch_add(auditor.stopped, Ordering::Relaxed);
        Ok(())
    });
    outcome.unwrap();
    let [exits, stopped] = seen.map(|count| count.into_inner());
    assert!(
        exits > 1_000 && stopped > 200,
        "too little happens: {exits} exits, {stopped} in bars beyond the stop"
    );
}
