//! Bars: stops, targets and liquidation inside a bar, and fills of orders that were decided at the end of a
//! bar.

use crate::harness::{START, Story, World, at, synthetic, world};
use crate::strategy::{Build, strategy};
use proptest::prelude::*;
use tradingd::domain::event::Bar;
use tradingd::domain::num::{Price, Qty};
use tradingd::domain::order::Side;
use tradingd::domain::strategy::*;
use tradingd::domain::symbol::SymbolId;
use tradingd::session::ports::{Chunk, TickKind};

/// Buys (or sells) 10 % of the account when a bar closes at 100 or above; no fees and no slippage.
pub fn trader(change: impl FnOnce(&mut StrategyDef)) -> World {
    let def = strategy("x").s1("PRICE >= 100").market().cooldown(36_000.0).with(change);
    let mut world = world(vec![def]);
    world.venue.synthetic = synthetic(0.0);
    world.session.assumed_spread_pct = 0.0;
    world.spec = crate::harness::spec("0.01", "0.01");
    world
}

fn long(stop: f64, target: f64) -> World {
    trader(|def| *def = def.clone().stop(stop).target(target))
}

fn short(stop: f64, target: f64) -> World {
    trader(|def| *def = def.clone().short().stop(stop).target(target))
}

/// `entry exit reason` of every trade over one-minute bars, written `open high low close`, separated by
/// commas.
fn trades(world: &World, bars: &str) -> Vec<String> {
    let story = run(world, bars);
    story
        .closed
        .iter()
        .map(|trade| format!("{} {} {}", trade.entry_price, trade.exit_price, trade.reason.as_str()))
        .collect()
}

fn run(world: &World, bars: &str) -> Story {
    let lines = bars
        .split(',')
        .enumerate()
        .map(|(index, bar)| format!("{} bar {} 1000 60\n", 60 * (index + 1), bar.trim()));
    world.simulate(&lines.collect::<String>())
}

/// First bar: signal at its end, so that the entry is at the open of the second bar.
pub const SIGNAL: &str = "100 100 100 100";

#[test]
fn what_a_bar_decides_acts_at_the_next_open() {
    let entry = run(&long(50.0, 50.0), "100 100 100 100, 101 103 99 102, 102 102 102 102");
    let trade = &entry.closed[0];
    assert_eq!(
        (trade.entry_price, trade.opened_at),
        (101.0, at(60.2)),
        "after one latency, at the next bar's open"
    );
    // A rule that closes at the end of a bar acts at the next open too.
    let closing = trader(|def| *def = def.clone().ze1("PRICE >= 105"));
    assert_eq!(trades(&closing, &format!("{SIGNAL}, 100 106 100 105, 103 104 103 104")), ["100 103 ZE1"]);
    // An order decided at the last bar has no price to fill at.
    assert!(trades(&long(50.0, 50.0), "99 99 99 99, 99 100 99 100").is_empty());
    // Bars are missing: it fills at the first later price.
    let later = long(50.0, 50.0).simulate(
        "60 bar 100 100 100 100 9 60\n 600 bar 104 104 104 104 9 60\n 660 bar 104 104 104 104 9 60",
    );
    assert_eq!((later.closed[0].entry_price, later.closed[0].opened_at), (104.0, at(540.0)));
}

#[test]
fn an_order_decided_while_a_bar_runs_acts_at_its_close() {
    // The holding time ends 30 s into the third bar: its open is earlier, and when its range was reached is
    // unknown.
    let held = trader(|def| def.max_hold = Some(crate::strategy::seconds(90.0)));
    assert_eq!(
        trades(&held, &format!("{SIGNAL}, 100 100 100 100, 101 120 90 103, 104 104 104 104")),
        ["100 103 TIME"]
    );
}

#[test]
fn a_stop_inside_a_bar_fills_at_the_stop_or_at_a_worse_open() {
    let cases = [
        // Reached inside the bar, not at its close.
        (long(3.0, 50.0), "100 106 96 105", "100 97 SL"),
        (short(3.0, 50.0), "100 104 94 95", "100 103 SL"),
        // Exactly reached.
        (long(3.0, 50.0), "100 100 97 100", "100 97 SL"),
    ];
    for (world, bar, expected) in cases {
        assert_eq!(trades(&world, &format!("{SIGNAL}, {bar}, 105 105 105 105")), [expected], "{bar}");
    }
    // After a gap it fills at the open, which is worse than the stop.
    assert_eq!(
        trades(&long(3.0, 50.0), &format!("{SIGNAL}, 100 100 99 99, 95 98 90 98, 98 98 98 98")),
        ["100 95 SL"]
    );
    assert_eq!(
        trades(&short(3.0, 50.0), &format!("{SIGNAL}, 100 100 100 100, 105 106 101 101, 101 101 101 101")),
        ["100 105 SL"]
    );
    // Half the spread of 1 % and slippage are added.
    let mut costly = long(3.0, 50.0);
    costly.venue.synthetic = synthetic(1.0);
    assert_eq!(trades(&costly, &format!("{SIGNAL}, 100 106 90 105, 105 105 105 105")), ["100.5 96.99 SL"]);
}

#[test]
fn a_target_inside_a_bar_fills_at_the_target_or_at_a_better_open() {
    assert_eq!(
        trades(&long(50.0, 5.0), &format!("{SIGNAL}, 100 110 99 101, 101 101 101 101")),
        ["100 105 TP"]
    );
    assert_eq!(trades(&short(50.0, 5.0), &format!("{SIGNAL}, 100 101 90 99, 99 99 99 99")), ["100 95 TP"]);
    let gap = format!("{SIGNAL}, 100 100 100 100, 108 109 107 107, 107 107 107 107");
    assert_eq!(trades(&long(50.0, 5.0), &gap), ["100 108 TP"]);
}

#[test]
fn the_worse_of_two_prices_inside_a_bar_comes_first_and_the_bar_is_counted() {
    let both = run(&long(3.0, 5.0), &format!("{SIGNAL}, 100 106 96 105, 105 105 105 105"));
    assert_eq!(
        (both.closed[0].exit_price, both.closed[0].reason.as_str(), both.counts.bars_in_doubt),
        (97.0, "SL", 1)
    );
    let one = run(&long(3.0, 5.0), &format!("{SIGNAL}, 100 104 96 105, 105 105 105 105"));
    assert_eq!(
        (one.closed[0].exit_price, one.counts.bars_in_doubt),
        (97.0, 0),
        "only one of the two was reached"
    );
    // An open beyond the target is the first price of its bar, so the order of events is not in doubt.
    let open = run(&long(3.0, 5.0), &format!("{SIGNAL}, 100 100 100 100, 106 106 96 97, 97 97 97 97"));
    assert_eq!(
        (open.closed[0].exit_price, open.closed[0].reason.as_str(), open.counts.bars_in_doubt),
        (106.0, "TP", 0)
    );
}

#[test]
fn a_trail_moved_by_a_bars_high_counts_against_its_low() {
    let trailing = trader(|def| {
        *def = def.clone().stop(50.0);
        def.trailing = Some(Trailing { activation_pct: 3.0, distance_pct: 2.0 });
    });
    // 110 − 2 % = 107.8.
    let story = run(&trailing, &format!("{SIGNAL}, 100 110 100 109, 109 109 109 109"));
    let trade = &story.closed[0];
    assert_eq!((trade.exit_price, trade.reason.as_str(), story.counts.bars_in_doubt), (107.8, "TRAIL", 1));
    assert_eq!((trade.mae_pct, trade.mfe_pct), (0.0, 10.0));
    // Not reached: the trailing stop stays for the next bar, whose open is below it.
    assert_eq!(
        trades(&trailing, &format!("{SIGNAL}, 100 110 108 109, 105 106 104 105, 105 105 105 105")),
        ["100 105 TRAIL"]
    );
}

#[test]
fn steps_of_a_ladder_may_follow_each_other_inside_one_bar() {
    let ladder = trader(|def| {
        *def = def.clone().stop(10.0);
        def.ladder = vec![
            LadderStep { offset_pct: 1.0, close_pct: 50.0 },
            LadderStep { offset_pct: 2.0, close_pct: 50.0 },
        ];
    });
    let story = run(&ladder, &format!("{SIGNAL}, 100 103 99 103, 103 103 103 103"));
    assert_eq!(story.closed[0].exit_price, 101.5, "half at 101, half at 102");
}

#[test]
fn stop_and_liquidation_whichever_is_nearer_to_the_open() {
    let leveraged = |stop: f64| {
        trader(|def| {
            *def = def.clone().stop(stop);
            def.z1.leverage = 10;
        })
    };
    let fall = format!("{SIGNAL}, 100 101 70 80, 80 80 80 80");
    assert_eq!(trades(&leveraged(5.0), &fall), ["100 95 SL"]);
    let story = run(&leveraged(15.0), &fall);
    assert_eq!(
        (story.closed[0].reason.as_str(), story.closed[0].net().to_string().as_str()),
        ("LIQ", "-100")
    );
    // A bar that opens beyond both: liquidation comes first, and the loss is the margin.
    let story = run(&leveraged(5.0), &format!("{SIGNAL}, 100 100 100 100, 70 80 70 80, 80 80 80 80"));
    assert_eq!(
        (story.closed[0].reason.as_str(), story.closed[0].net().to_string().as_str()),
        ("LIQ", "-100")
    );
    // Target and liquidation inside one bar: liquidation is assumed.
    let both = trader(|def| {
        *def = def.clone().target(5.0);
        def.z1.leverage = 10;
    });
    assert_eq!(run(&both, &format!("{SIGNAL}, 100 106 70 80, 80 80 80 80")).closed[0].reason.as_str(), "LIQ");
}

#[test]
fn a_resting_entry_knows_only_what_came_after_its_fill() {
    let limit = |stop: f64, target: f64| {
        trader(|def| {
            *def = def.clone().stop(stop).target(target);
            def.z1.order = EntryOrder::Limit;
            def.z1.price = None;
            def.z1.timeout = None;
        })
    };
    // At the open of 102 the limit of 100 rests; the bar then falls through it and through the stop of 97.
    let world = limit(3.0, 5.0);
    assert_eq!(trades(&world, &format!("{SIGNAL}, 102 107 96 104, 104 104 104 104")), ["100 97 SL"]);
    // The high of 107 may be earlier than the fill at 100, so the target counts only if the close reaches it.
    let story = run(&world, &format!("{SIGNAL}, 102 107 98 104, 104 104 104 104"));
    assert_eq!(
        (story.closed[0].exit_price, story.closed[0].reason.as_str(), story.counts.bars_in_doubt),
        (104.0, "END", 1)
    );
    assert_eq!((story.closed[0].mae_pct, story.closed[0].mfe_pct), (-2.0, 4.0));
    assert_eq!(trades(&world, &format!("{SIGNAL}, 102 107 98 106, 106 106 106 106")), ["100 105 TP"]);
    assert!(trades(&world, &format!("{SIGNAL}, 102 107 100 104")).is_empty(), "only touched");
}

#[test]
fn a_bar_that_ends_at_midnight_belongs_to_the_day_that_ends() {
    // A stop in the last bar of the day loses 5.4 % of the account, more than the daily limit; the next day
    // starts at zero.
    let mut world = trader(|def| {
        *def = def.clone().stop(6.0).cooldown(0.0);
        def.z1.size.amount = SizeAmount::PercentOfEquity(90.0);
    });
    world.session.risk.daily_loss_pct = Some(5.0);
    let day = 86_400;
    let story = world.simulate(&format!(
        "{} bar 100 100 100 100 9 60\n {day} bar 100 100 93 93 9 60\n {} bar 100 100 100 100 9 60\n {} bar 100 100 100 100 9 60",
        day - 60,
        day + 60,
        day + 120
    ));
    let reasons: Vec<&str> = story.closed.iter().map(|trade| trade.reason.as_str()).collect();
    assert_eq!(reasons, ["SL", "END"], "{:?}", story.lines);
}

#[test]
fn a_price_beyond_the_target_is_not_met_before_the_target() {
    let trailing = trader(|def| {
        *def = def.clone().stop(50.0).target(5.0);
        def.trailing = Some(Trailing { activation_pct: 3.0, distance_pct: 2.0 });
    });
    // The price passes the target of 105 on its way to 110, so the trailing stop is at most at 105 − 2 %.
    let story = run(&trailing, &format!("{SIGNAL}, 100 110 100 109, 109 109 109 109"));
    assert_eq!(
        (story.closed[0].exit_price, story.closed[0].reason.as_str(), story.counts.bars_in_doubt),
        (102.9, "TRAIL", 1)
    );
}

#[test]
fn the_fill_of_a_resting_entry_stays_its_price() {
    let limit = |change: fn(&mut StrategyDef)| {
        trader(|def| {
            def.z1.order = EntryOrder::Limit;
            def.z1.timeout = None;
            change(def);
        })
    };
    // Two ladder steps in the bar of the entry, both reached only by its close.
    let ladder = limit(|def| {
        *def = def.clone().stop(3.0);
        def.ladder = vec![
            LadderStep { offset_pct: 1.0, close_pct: 50.0 },
            LadderStep { offset_pct: 2.0, close_pct: 50.0 },
        ];
    });
    assert_eq!(trades(&ladder, &format!("{SIGNAL}, 102 107 98 106, 106 106 106 106")), ["100 101.5 LADDER"]);
    // Filled in two bars of five units: the high of the first bar does not count for the second fill.
    let target = limit(|def| *def = def.clone().target(3.0));
    let story = target.simulate(
        "60 bar 100 100 100 100 9 60\n 120 bar 102 107 99 102.5 5 60\n 180 bar 101 101.5 99 100 5 60\n 240 bar 100 100 100 100 5 60",
    );
    assert_eq!((story.closed[0].exit_price, story.closed[0].reason.as_str()), (100.0, "END"));
}

#[test]
fn a_gap_at_the_entry_is_neither_profit_nor_loss() {
    for short in [false, true] {
        let mut world = trader(|def| {
            def.z1.size.amount = SizeAmount::PercentOfEquity(90.0);
            def.direction = if short { Direction::Short } else { Direction::Long };
        });
        world.session.risk.drawdown_pct = Some(5.0);
        let story = run(&world, &format!("{SIGNAL}, 106 106 106 106, 106 106 106 106"));
        assert!(story.equity.iter().all(|point| point.equity.to_string() == "10000"), "{:?}", story.equity);
        assert_eq!(story.closed[0].reason.as_str(), "END");
    }
}

#[test]
fn a_rule_does_not_leave_where_the_margin_was_gone_before() {
    let world = trader(|def| {
        *def = def.clone().ze1("PRICE <= 99");
        def.z1.leverage = 10;
    });
    let story = run(&world, &format!("{SIGNAL}, 100 100 99 99, 70 80 70 80, 80 80 80 80"));
    assert_eq!(
        (story.closed[0].reason.as_str(), story.closed[0].net().to_string().as_str()),
        ("LIQ", "-100")
    );
}

#[test]
fn a_ladder_step_too_small_for_a_lot_hides_nothing() {
    let mut world = trader(|def| {
        *def = def.clone().stop(3.0);
        def.ladder = vec![LadderStep { offset_pct: 1.0, close_pct: 30.0 }];
    });
    world.spec = crate::harness::spec("0.01", "10");
    assert_eq!(
        trades(&world, &format!("{SIGNAL}, 100 100 100 100, 102 103 90 102, 102 102 102 102")),
        ["100 97 SL"]
    );
}

#[test]
fn a_cancel_does_not_save_an_order_that_the_next_open_goes_through() {
    // The limit at 100 rests through the second bar; its signal times out with the end of that bar.
    let world = trader(|def| {
        *def = def.clone().stop(50.0).o1("", None, 0.0);
        def.z1.order = EntryOrder::Limit;
        def.z1.timeout = Some(crate::strategy::seconds(60.0));
    });
    let story = run(&world, &format!("{SIGNAL}, 102 102 101 102, 97 97 97 97, 97 97 97 97"));
    assert_eq!((story.closed[0].entry_price, story.with("cancel").len()), (100.0, 1), "{:?}", story.lines);
}

/// Simple reference implementation of the rules for bars: entry at the next open whenever flat, then stop,
/// target or end of data.
fn expected(bars: &[[i64; 4]], side: Side, stop_pct: f64, target_pct: f64) -> Vec<(f64, f64, &'static str)> {
    let dir = side.sign();
    let mut trades = Vec::new();
    let mut entry: Option<i64> = None;
    for (index, [open, high, low, close]) in bars.iter().copied().enumerate() {
        if index == 0 {
            continue;
        }
        let opened = *entry.get_or_insert(open);
        let level = |pct: f64, towards: f64| {
            // Stop and target are rounded away from the entry; a millionth of a tick is tolerated.
            let exact = opened as f64 * (1.0 + dir as f64 * towards * pct / 100.0);
            let up = (dir > 0) == (towards > 0.0);
            if up { (exact - 1e-6).ceil() as i64 } else { (exact + 1e-6).floor() as i64 }
        };
        let (stop, target) = (level(stop_pct, -1.0), level(target_pct, 1.0));
        let (worst, best) = if dir > 0 { (low, high) } else { (high, low) };
        let against = |price: i64, level: i64| dir * (price - level) <= 0;
        let exit = if against(open, stop) {
            Some((open, "SL"))
        } else if against(target, open) {
            Some((open, "TP"))
        } else if against(worst, stop) {
            Some((stop, "SL"))
        } else if against(target, best) {
            Some((target, "TP"))
        } else if index + 1 == bars.len() {
            Some((close, "END"))
        } else {
            None
        };
        if let Some((price, reason)) = exit {
            trades.push((opened as f64 / 100.0, price as f64 / 100.0, reason));
            entry = None;
        }
    }
    trades
}

fn random_bars() -> impl Strategy<Value = Vec<[i64; 4]>> {
    let bar = (-400_i64..400, 0_i64..500, 0_i64..500, -300_i64..300);
    proptest::collection::vec(bar, 2..60).prop_map(|steps| {
        let mut last = 10_000_i64;
        let bars = steps.into_iter().map(|(gap, up, down, change)| {
            let open = (last + gap / 4).max(2_000);
            let close = (open + change).max(2_000);
            last = close;
            [open, open.max(close) + up, (open.min(close) - down).max(1_000), close]
        });
        bars.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn random_bars_trade_as_a_slow_reading_of_the_rules(
        bars in random_bars(),
        is_short in any::<bool>(),
        stop in prop::sample::select(vec![0.5, 1.0, 3.0]),
        target in prop::sample::select(vec![0.5, 2.0, 4.0]),
    ) {
        let world = trader(|def| {
            *def = def.clone().s1("PRICE > 0").stop(stop).target(target).cooldown(0.0);
            def.direction = if is_short { Direction::Short } else { Direction::Long };
        });
        let mut chunk = Chunk::default();
        for (index, [open, high, low, close]) in bars.iter().copied().enumerate() {
            let [open, high, low, close] = [open, high, low, close].map(Price);
            let bar = Bar { open, high, low, close, volume: Qty(1_000_000), seconds: 60 };
            chunk.push(at(60.0 * (index + 1) as f64), SymbolId(0), TickKind::Bar(bar));
        }
        let story = world.run(&chunk, 7);
        let got: Vec<(f64, f64, &str)> =
            story.closed.iter().map(|trade| (trade.entry_price, trade.exit_price, trade.reason.as_str())).collect();
        let side = if is_short { Side::Sell } else { Side::Buy };
        let near = |one: f64, other: f64| (one - other).abs() < 1e-9;
        let want = expected(&bars, side, stop, target);
        let equal = got.len() == want.len()
            && got.iter().zip(&want).all(|(one, other)| near(one.0, other.0) && near(one.1, other.1) && one.2 == other.2);
        prop_assert!(equal, "{got:?}\nexpected {want:?}\nfrom {START}");
    }
}
