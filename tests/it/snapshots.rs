//! Snapshots of a running session: what they say follows from the decisions before them, and looking changes
//! nothing.

use crate::digests::lively;
use crate::harness::{World, at, spec, world};
use crate::properties::{market, random_world, steps, strategies};
use crate::strategy::{Build, strategy};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use tradingd::domain::decision::{Decision, DecisionKind, Guard, State, Trigger};
use tradingd::domain::num::{Money, Price, Rate};
use tradingd::domain::order::{OrderId, Side};
use tradingd::domain::strategy::{EntryOrder, LadderStep};
use tradingd::domain::time::Timestamp;
use tradingd::engine::indicators::ALL;
use tradingd::engine::instance::status::Target;
use tradingd::engine::output::Outputs;
use tradingd::report::statistics::Statistics;
use tradingd::session::digest::DecisionDigest;
use tradingd::session::driver::{Driver, Recorder};
use tradingd::session::ports::{Chunk, Tick};
use tradingd::session::snapshot::{Moment, Parts, Snapshot};

const ALL_PARTS: Parts = Parts { states: true, equity: true };

/// Takes snapshots, and compares each with what the decisions before it add up to.
struct Looker {
    world: World,
    digest: DecisionDigest,
    statistics: Option<Statistics>,
    /// By instance: signed lots, state and since when.
    lots: BTreeMap<u32, i64>,
    states: BTreeMap<u32, (State, Timestamp)>,
    /// Side, lots and filled lots.
    orders: BTreeMap<OrderId, (Side, i64, i64)>,
    kept: Vec<Snapshot>,
}

impl Looker {
    fn new(world: &World) -> Self {
        Looker {
            world: world.clone(),
            digest: DecisionDigest::default(),
            statistics: None,
            lots: BTreeMap::new(),
            states: BTreeMap::new(),
            orders: BTreeMap::new(),
            kept: Vec::new(),
        }
    }

    fn decided(&mut self, decision: &Decision) {
        match decision.kind {
            DecisionKind::Submitted { order, side, qty, .. } => {
                self.orders.insert(order, (side, qty.0, 0));
            }
            // A liquidation: the whole position.
            DecisionKind::Filled { order: OrderId(0), .. } => {
                self.lots.insert(decision.instance, 0);
            }
            DecisionKind::Filled { order, qty, .. } => {
                let (side, _, filled) = self.orders.get_mut(&order).unwrap();
                *filled += qty.0;
                *self.lots.entry(decision.instance).or_default() += side.sign() * qty.0;
            }
            DecisionKind::Transition { to, .. } => {
                self.states.insert(decision.instance, (to, decision.at));
            }
            _ => {}
        }
    }

    fn agrees(&self, snapshot: &Snapshot) {
        let account = &snapshot.account;
        let unrealised: Money = snapshot.positions.iter().map(|open| open.unrealised).sum();
        assert_eq!((account.equity, unrealised), (account.balance + unrealised, account.unrealised));
        let held: BTreeMap<u32, i64> = snapshot
            .positions
            .iter()
            .map(|open| (open.instance, open.position.side.sign() * open.position.lots))
            .collect();
        let folded: BTreeMap<u32, i64> =
            self.lots.iter().filter(|(_, lots)| **lots != 0).map(|(of, lots)| (*of, *lots)).collect();
        assert_eq!(held, folded, "at {}", snapshot.at);
        for working in &snapshot.orders {
            let sent = (working.side, working.qty.0, working.filled.0);
            assert_eq!(self.orders.get(&working.order), Some(&sent));
        }
        for status in snapshot.states.iter().flatten() {
            let folded = self.states.get(&status.instance).copied();
            assert_eq!(status.since.map(|since| (status.state, since)), folded);
        }
        let closed = self.statistics.as_ref().unwrap().closed_costs();
        let open: Money = snapshot.positions.iter().map(|open| open.position.fees).sum();
        assert_eq!(snapshot.fees, closed.0 + open);
    }
}

impl Recorder for Looker {
    fn tick(&mut self, tick: &Tick) {
        let initial = self.world.session.initial_balance;
        self.statistics.get_or_insert_with(|| Statistics::new(tick.at, initial));
    }

    fn outputs(&mut self, out: &Outputs) {
        for (decision, evidence) in out.decided() {
            self.digest.add(decision, evidence);
            self.decided(decision);
        }
        let statistics = self.statistics.as_mut().unwrap();
        out.closed.iter().for_each(|trade| statistics.trade(trade));
        out.equity.iter().for_each(|point| statistics.equity(point));
    }

    fn batch_done(&mut self, moment: Moment<'_>) {
        let snapshot = Snapshot::take(moment, self.statistics.as_ref(), &self.world.strategies, ALL_PARTS);
        self.agrees(&snapshot);
        self.kept.push(snapshot);
    }
}

/// Runs the ticks and looks after every `every`-th of them; `None`: never.
fn run(world: &World, ticks: &Chunk, every: Option<usize>) -> (String, Vec<Snapshot>) {
    let mut driver =
        Driver::new(Arc::new(world.table()), &world.strategies, world.session.clone(), world.venue.clone());
    let mut looker = Looker::new(world);
    for (index, tick) in ticks.ticks().iter().enumerate() {
        driver.tick(ticks, tick, &mut looker);
        if driver.has_ended() {
            break;
        }
        if every.is_some_and(|every| index % every == 0) {
            driver.batch_done(&mut looker);
        }
    }
    driver.finish(&mut looker);
    (looker.digest.finish(), looker.kept)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn looking_at_any_moment_agrees_with_the_decisions_and_changes_none(
        steps in steps(20..200), defs in strategies(1..5), seed in any::<u64>(), marks in any::<bool>(), every in 1_usize..9,
    ) {
        let world = random_world(defs, seed);
        let ticks = market(&steps, marks, 1);
        let (looked, snapshots) = run(&world, &ticks, Some(every));
        prop_assert!(!snapshots.is_empty());
        prop_assert_eq!(looked, run(&world, &ticks, None).0);
    }
}

#[test]
fn no_indicator_has_another_value_because_somebody_looked() {
    // Signals whenever there is a value, which is then part of the digest, and again a second later.
    let defs = ALL
        .iter()
        .map(|kind| strategy(kind.name).s1(&format!("{} != 123.5", kind.name)).o1("", Some(1.0), 0.5))
        .map(|def| def.z1("PRICE < 0"));
    let mut world = world(defs.collect());
    world.symbols = 2;
    world.spec = spec("0.01", "0.1");
    let ticks = world.ticks(&lively(1_600));
    let (quiet, none) = run(&world, &ticks, None);
    assert!(none.is_empty());
    for every in [1, 7] {
        let (looked, snapshots) = run(&world, &ticks, Some(every));
        assert_eq!(looked, quiet, "looking every {every}");
        let seen = snapshots.last().unwrap().states.as_ref().unwrap();
        let values =
            seen.iter().flat_map(|status| &status.conditions).filter(|one| one.evidence.value.is_ok());
        assert!(values.count() > ALL.len() / 3, "too few indicators have a value");
    }
}

#[test]
fn an_indicator_that_had_a_value_only_while_somebody_looked_still_warms_up() {
    // Warming up is checked at whole seconds; the book is there from 1.2 to 1.6 only.
    let world = world(vec![strategy("x").s1("PRICE > 10").z1("any(BID_QTY >= 0; PRICE > 0)").market()]);
    let ticks = world.ticks(
        "1 trade 10 1\n 1.2 book 9.9x10 / 10x10\n 1.3 trade 10 1\n 1.6 gap 1.5\n 1.8 trade 10.1 1\n 3 end",
    );
    let (looked, snapshots) = run(&world, &ticks, Some(1));
    assert_eq!(
        snapshots.last().unwrap().states.as_ref().unwrap()[0].blocked.unwrap().refusal.guard,
        Guard::WarmUp
    );
    assert_eq!(looked, run(&world, &ticks, None).0);
}

fn price(text: &str) -> Price {
    Price((text.parse::<f64>().unwrap() * 10_000.0).round() as i64)
}

/// The snapshot behind the last tick of a script.
fn last(world: &World, script: &str) -> Snapshot {
    run(world, &world.ticks(script), Some(1)).1.pop().unwrap()
}

const BOOK: &str = "0 book 9.99x1000,9.9x100000 / 10x1000\n";

#[test]
fn a_position_is_shown_with_its_stop_targets_and_profit() {
    let def = strategy("x").s1("PRICE >= 10").market().stop(2.0).target(5.0).with(|def| {
        def.ladder = vec![
            LadderStep { offset_pct: 1.0, close_pct: 25.0 },
            LadderStep { offset_pct: 3.0, close_pct: 50.0 },
        ];
        def.z1.leverage = 5;
    });
    let mut world = world(vec![def]);
    world.venue.fees = Some((Rate::ZERO, Rate::from_percent(0.1)));
    // 10 % of 10 000 buys 100 at 10; the first step closes 25 of them at 10.1.
    let before = last(&world, &format!("{BOOK} 1 trade 10 1\n 1.1 end"));
    assert!(before.positions.is_empty());
    let [order] = &before.orders[..] else { panic!("{:?}", before.orders) };
    assert_eq!((order.side, order.limit, order.filled.0, order.submitted_at), (Side::Buy, None, 0, at(1.0)));
    let opened = last(&world, &format!("{BOOK} 1 trade 10 1\n 2 book 10.04x1000 / 10.06x1000"));
    let [open] = &opened.positions[..] else { panic!("{:?}", opened.positions) };
    assert_eq!((open.position.lots, open.position.opened_at), (1_000, at(1.2)));
    // The mark is the middle of the book: 100 · (10.05 − 10).
    assert_eq!((open.mark, open.unrealised), (price("10.05"), Money::from_units(5)));
    assert_eq!(open.stop, Some((price("9.8"), Trigger::StopLoss)));
    let target = |at: &str, close_pct| Target { price: price(at), close_pct };
    let all = [target("10.1", Some(25.0)), target("10.3", Some(50.0)), target("10.5", None)];
    assert_eq!(open.targets, all);
    assert_eq!((opened.fees, opened.account.balance), (Money::from_units(1), Money::from_units(9_999)));
    assert_eq!((open.margin, opened.account.used_margin), (Money::from_units(200), Money::from_units(200)));
    assert!(open.liquidation > 8.0 && open.liquidation < 8.2, "{}", open.liquidation);
    let climbed = "3 book 10.1x1000 / 10.12x1000\n 3 trade 10.1 1\n 4 trade 10.11 1\n 5 end";
    let less = last(&world, &format!("{BOOK} 1 trade 10 1\n 2 book 10.04x1000 / 10.06x1000\n {climbed}"));
    assert_eq!((less.positions[0].position.lots, &less.positions[0].targets[..]), (750, &all[1..]));
    let state = &less.states.as_ref().unwrap()[0];
    assert_eq!((state.state, state.blocked), (State::PositionActive, None));
    assert_eq!(less.equity.unwrap().last().unwrap().close, less.account.equity);
}

#[test]
fn a_condition_tells_how_far_it_is_from_its_threshold() {
    let def = strategy("x").s1("all(PRICE > 12; SPREAD_PCT <= 0.05; PRICE between 9 11; PRICE >= 10 for 3)");
    let mut world = world(vec![def.z1("PRICE < 0").o1("", Some(9.0), 4.0)]);
    let seen = last(&world, "1 trade 10 1\n 2 trade 10.5 1");
    let state = &seen.states.as_ref().unwrap()[0];
    let found: Vec<_> = state
        .conditions
        .iter()
        .map(|one| (one.evidence.value, one.evidence.threshold, one.evidence.met, one.distance))
        .collect();
    assert_eq!(
        found,
        [
            (Ok(10.5), Some(12.0), Some(false), Some(1.5)),
            (Err("no_book"), Some(0.05), None, None),
            (Ok(10.5), Some(9.0), Some(true), Some(-0.5)),
            (Ok(10.5), Some(10.0), Some(true), Some(-0.5)),
        ]
    );
    assert_eq!(state.warming, [1], "the spread has had no value yet");
    assert_eq!((state.state, state.since), (State::Monitoring, Some(at(1.0))));
    // After the signal the entry is what it waits for, until the signal is too old.
    world.strategies = vec![Arc::new(strategy("x").s1("PRICE > 10").z1("PRICE < 0").o1("", Some(9.0), 4.0))];
    let seen = last(&world, "1 trade 10 1\n 2 trade 10.5 1\n 3 trade 10 1");
    let state = &seen.states.as_ref().unwrap()[0];
    assert_eq!(
        (state.state, state.since, state.until),
        (State::SignalDetected, Some(at(2.0)), Some(at(11.0)))
    );
    assert_eq!(state.conditions[0].distance, Some(10.0));
    let seen = last(&world, "1 trade 10 1\n 2 trade 10.5 1\n 12 trade 10 1");
    let state = &seen.states.as_ref().unwrap()[0];
    assert_eq!((state.state, state.until), (State::SignalCancelled, Some(at(15.0))));
}

#[test]
fn a_blocked_entry_tells_its_limit_and_until_when() {
    let def = strategy("x").s1("PRICE > 10").ze1("PRICE <= 10").market();
    let blocked = |change: &dyn Fn(&mut World), script: &str| {
        let mut world = world(vec![def.clone()]);
        change(&mut world);
        let seen = last(&world, script);
        let state = seen.states.unwrap().remove(0);
        state.blocked.map(|blocked| (blocked.refusal.guard, blocked.refusal.value, blocked.until))
    };
    // One entry, which closes at a loss: bought at the ask of 10.01, sold at the bid.
    let one = "0 book 9.9x1000 / 10.01x1000\n 1 trade 10.01 1\n 2 trade 10 1\n 3 trade 10 1\n 4 end";
    assert_eq!(blocked(&|_| {}, one), None);
    let midnight = at(86_400.0) + tradingd::domain::time::Span::from_nanos(1);
    let trades = |world: &mut World| world.session.risk.trades_per_day = Some(1);
    assert_eq!(blocked(&trades, one), Some((Guard::DailyTrades, 1.0, Some(midnight))));
    let losses = |world: &mut World| {
        world.session.risk.consecutive_losses = Some(1);
        world.session.risk.loss_pause = tradingd::domain::time::Span::from_seconds(60);
    };
    // Closed at 2.2, one latency after the close at 2.
    assert_eq!(blocked(&losses, one), Some((Guard::ConsecutiveLosses, 58.2, Some(at(62.2)))));
    let rate = |world: &mut World| world.session.risk.orders_per_minute = Some(1);
    assert_eq!(blocked(&rate, one), Some((Guard::OrderRate, 1.0, Some(at(61.0)))));
    let budget = |world: &mut World| world.session.allocations = vec![Some(Money::ZERO)];
    assert_eq!(blocked(&budget, one).map(|(guard, _, until)| (guard, until)), Some((Guard::Budget, None)));
}

#[test]
fn an_order_that_rests_is_shown_with_its_limit_and_budgets_with_what_is_left() {
    let def = strategy("x").s1("PRICE >= 10").with(|def| def.z1.order = EntryOrder::Limit);
    let mut world = world(vec![def]);
    world.session.budget_cap = Some(Money::from_units(3_000));
    world.session.allocations = vec![Some(Money::from_units(2_000))];
    let seen = last(&world, "0 book 9.9x1000 / 10x10\n 1 trade 10 1\n 1.5 trade 10 1");
    let [order] = &seen.orders[..] else { panic!("{:?}", seen.orders) };
    assert!(order.rests && order.limit == Some(price("10")) && order.filled < order.qty, "{order:?}");
    let [budget] = &seen.budgets[..] else { panic!("{:?}", seen.budgets) };
    assert_eq!(budget.used, seen.account.budget_used);
    assert_eq!(budget.left, Some(Money::from_units(2_000) - budget.used));
    let feed = &seen.feeds[0];
    assert_eq!((feed.last_at(), feed.book_at, feed.is_enabled), (Some(at(1.5)), Some(at(0.0)), true));
    let limits: BTreeMap<Guard, (f64, f64)> =
        seen.account.limits.iter().map(|limit| (limit.guard, (limit.value, limit.threshold))).collect();
    assert!(limits[&Guard::Margin].0 > 0.0 && limits[&Guard::Margin].1 == 100.0, "{limits:?}");
}
