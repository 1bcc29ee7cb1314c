//! Fills and money in hand-computed cases: depth, impact, latency, queues, fees, funding, liquidation.

use crate::harness::{Story, World, spec, synthetic, world};
use crate::strategy::{Build, strategy};
use tradingd::domain::num::Rate;
use tradingd::domain::strategy::*;

/// Buys when the best bid's quantity is 777, sells when it is 555. Sizes in base units.
fn trader(units: f64, change: impl FnOnce(&mut StrategyDef)) -> World {
    let def =
        strategy("x").s1("BID_QTY == 777").market().ze1("BID_QTY == 555").cooldown(9_999.0).with(|def| {
            def.z1.size.amount = SizeAmount::Quantity(units);
        });
    let mut world = world(vec![def.with(change)]);
    world.spec = spec("0.01", "1");
    world.session.initial_balance = tradingd::domain::num::Money::from_units(100_000);
    world
}

fn net(story: &Story) -> String {
    assert_eq!(story.closed.len(), 1, "{:?}", story.lines);
    story.closed[0].net().to_string()
}

#[test]
fn a_market_order_walks_the_book_it_meets() {
    let story =
        trader(2_500.0, |_| {}).simulate("0 book 10.85x777 / 10.97x1100,10.99x900,11.05x2000\n 1 end");
    assert_eq!(
        story.with("fill 1"),
        ["0.2 fill 1 1100 @ 10.97", "0.2 fill 1 900 @ 10.99", "0.2 fill 1 500 @ 11.05"]
    );
    let vwap = story.closed[0].entry_price;
    assert!((vwap - 10.9932).abs() < 1e-12, "{vwap}");
    assert!(
        (100.0 * (vwap / 10.97 - 1.0) - 0.2115).abs() < 5e-5
            && (100.0 * (vwap / 10.91 - 1.0) - 0.7626).abs() < 5e-5
    );
    // Measured against the mid price at the decision, entry and exit together.
    let slippage = story.closed[0].slippage.unwrap().to_f64();
    let exit = story.closed[0].exit_price;
    assert!((slippage - 2_500.0 * ((vwap - 10.91) + (10.91 - exit))).abs() < 1e-6, "{slippage}");
}

#[test]
fn margins_rounded_at_each_entry_fill_are_given_back_once() {
    // A third of 20.00 and a third of 10.01 round down to one unit less than a third of 30.01.
    let story = trader(3.0, |def| def.z1.leverage = 3)
        .simulate("0 book 9.99x777 / 10x2,10.01x9\n 1 level bid 9.99 555\n 2 end");
    assert_eq!(story.with("fill 1"), ["0.2 fill 1 2 @ 10", "0.2 fill 1 1 @ 10.01"]);
    assert_eq!(net(&story), "-0.04");
}

#[test]
fn what_was_taken_is_gone_until_the_level_changes() {
    let run = |update: &str| {
        let second = strategy("y")
            .s1("BID_QTY == 778")
            .market()
            .with(|def| def.z1.size.amount = SizeAmount::Quantity(600.0));
        let mut world = trader(1_000.0, |_| {});
        world.strategies.push(std::sync::Arc::new(second));
        world.session.risk.exclusive_symbols = false;
        let script = format!("0 book 10x777 / 10.1x1100,10.2x5000\n 0.5 level bid 10 778\n {update}\n 1 end");
        world.simulate(&script).with("#1 fill 2").iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(run(""), ["0.7 #1 fill 2 100 @ 10.1", "0.7 #1 fill 2 500 @ 10.2"]);
    assert_eq!(
        run("0.6 level ask 10.2 5000"),
        ["0.7 #1 fill 2 100 @ 10.1", "0.7 #1 fill 2 500 @ 10.2"],
        "another level's update restores nothing"
    );
    assert_eq!(run("0.6 level ask 10.1 1100"), ["0.7 #1 fill 2 600 @ 10.1"]);
    assert_eq!(run("0.6 book 10x778 / 10.1x1100"), ["0.7 #1 fill 2 600 @ 10.1"]);
}

#[test]
fn an_order_meets_the_book_of_its_arrival_and_nothing_later() {
    let run = |when: &str| {
        trader(100.0, |_| {})
            .simulate(&format!("0 book 10x777 / 10.1x1000\n {when} book 10.9x777 / 11x1000\n 1 end"))
            .with("fill 1")
            .join("")
    };
    assert_eq!(run("0.199999"), "0.2 fill 1 100 @ 11");
    assert_eq!(run("0.2"), "0.2 fill 1 100 @ 10.1");
    assert_eq!(run("0.200001"), "0.2 fill 1 100 @ 10.1");
}

#[test]
fn beyond_the_depth_ioc_ends_and_market_pays() {
    let book = "0 book 10x777 / 10.1x300,10.14x200,10.2x400\n 1 end";
    let ioc = trader(1_000.0, |def| def.z1.order = EntryOrder::LimitIoc { max_slippage_pct: 0.4 });
    // 10.1 · 1.004 = 10.1404, rounded down: 10.2 is out of reach.
    let story = ioc.simulate(book);
    assert_eq!(story.with("fill 1"), ["0.2 fill 1 300 @ 10.1", "0.2 fill 1 200 @ 10.14"]);
    story.once("0.2 ENTRY_EVALUATION > POSITION_ACTIVE FILL");
    assert_eq!(story.counts.penalised_fills, 0, "an IOC order never pays beyond the depth");
    let story = trader(1_000.0, |_| {}).simulate(&book.replace("10x777", "10x777,9x9999"));
    // 10.2 · 1.005 = 10.251, rounded up against the buyer: 10.26.
    assert_eq!(story.with("fill 1").last(), Some(&"0.2 fill 1 100 @ 10.26"));
    assert_eq!(story.counts.penalised_fills, 1);
}

#[test]
fn an_old_book_is_not_believed() {
    let run = |change: &str| {
        let mut world = trader(100.0, |def| def.z1.section = crate::strategy::section(def, "PRICE >= 12"));
        world.venue.synthetic = synthetic(1.0);
        // The trade makes Z1 true; the order arrives 0.2 s later.
        world.simulate(&format!("0 trade 10 1\n 0.1 book 10x777 / 10.1x1000\n {change}\n 5 end"))
    };
    let fresh = run("1.9 trade 12 1");
    assert_eq!(
        (fresh.with("fill 1"), fresh.counts.synthetic_fills),
        (vec!["2.1 fill 1 100 @ 10.1"], 1),
        "the close is synthetic"
    );
    let stale = run("1.91 trade 12 1");
    assert_eq!((stale.with("fill 1"), stale.counts.synthetic_fills), (vec!["2.11 fill 1 100 @ 12.06"], 2));
}

#[test]
fn a_synthetic_book_has_depth_and_forgets_what_was_taken_with_the_next_trade() {
    let def =
        strategy("x").s1("PRICE >= 10").market().with(|def| def.z1.size.amount = SizeAmount::Quantity(120.0));
    let mut world = world(vec![def]);
    world.spec = spec("0.01", "1");
    // Half of the spread of 0.1 % is half a tick, so the touch is one tick away. Depth is 500 USDT per level.
    let story = world.simulate("0 trade 10 1\n 1 end");
    assert_eq!(
        story.with("fill 1"),
        ["0.2 fill 1 49 @ 10.01", "0.2 fill 1 49 @ 10.02", "0.2 fill 1 22 @ 10.03"]
    );
    assert!(story.counts.synthetic_fills >= 3);
}

#[test]
fn a_resting_order_waits_for_the_queue_and_for_trades_through() {
    let run = |script: &str| {
        let world = trader(100.0, |def| {
            def.z1.order = EntryOrder::Limit;
            let operand = crate::strategy::operand(def, "BEST_BID");
            def.z1.price = Some(operand);
            def.z1.timeout = None;
        });
        world
            .simulate(&format!("0 book 10x777 / 10.1x1000\n {script}\n 9 end"))
            .with("fill 1")
            .iter()
            .map(|line| (*line).to_owned())
            .collect::<Vec<_>>()
    };
    // 777 are queued ahead at 10; sell trades at that price consume them first.
    assert_eq!(
        run("1 trade 10 777 sell\n 2 trade 10 60 sell\n 3 trade 10 60 sell"),
        ["2 fill 1 60 @ 10", "3 fill 1 40 @ 10"]
    );
    assert_eq!(run("1 trade 10 800 sell"), ["1 fill 1 23 @ 10"]);
    // Buy trades at that price do not.
    assert!(run("1 trade 10 5000 buy").is_empty());
    // Cancels ahead in the queue do not advance our order.
    assert!(run("1 book 10x1 / 10.1x1000\n 2 trade 10 700 sell").is_empty());
    // A trade through the price fills at once, up to the trade's quantity, at our price.
    assert_eq!(run("1 trade 9.99 30 sell\n 2 trade 10 10 sell"), ["1 fill 1 30 @ 10", "2 fill 1 10 @ 10"]);
    assert_eq!(run("1 trade 9.99 30 buy"), ["1 fill 1 30 @ 10"]);
    // A trade before the order arrived does not count.
    assert!(run("0.1 trade 9 1000 sell").is_empty());
    // A bar fills an order only if it goes through the price.
    assert!(run("60 bar 10.1 10.2 10 10.1 5000 60").is_empty());
    assert_eq!(run("60 bar 10.1 10.2 9.99 10.1 40 60"), ["60 fill 1 40 @ 10"]);
}

#[test]
fn makers_and_takers_pay_their_own_fee() {
    let mut world = trader(100.0, |def| {
        def.z1.order = EntryOrder::Limit;
        def.z1.price = Some(crate::strategy::operand(def, "BEST_BID"));
        def.z1.timeout = None;
    });
    world.venue.fees = None;
    let story = world
        .simulate("0 book 10x777 / 10.1x1000\n 1 trade 9.99 100 sell\n 2 book 10x555 / 10.1x1000\n 3 end");
    // 1000 · 0.02 % + 1000 · 0.06 %.
    assert_eq!(story.closed[0].fees.to_string(), "0.8");
}

#[test]
fn the_account_vector_of_a_long_with_funding() {
    let mut world = trader(1_000.0, |def| def.z1.leverage = 3);
    world.venue.fees = Some((Rate::from_percent(0.06), Rate::from_percent(0.06)));
    let story = world.simulate(
        "0 book 9.99x777 / 10x1000\n 1 mark 10.2\n 2 funding 0.0001\n 3 book 10.5x555,10.5x445 / 10.51x1\n 3.1 book 10.5x1000 / 10.51x1\n 4 end",
    );
    let trade = &story.closed[0];
    assert_eq!(
        (trade.gross.to_string(), trade.fees.to_string(), trade.funding.to_string()),
        ("500".into(), "12.3".into(), "-1.02".into())
    );
    assert_eq!(net(&story), "486.68");
    assert!((trade.net_pct() - 4.8668).abs() < 1e-12 && (trade.net_pct() * 3.0 - 14.6004).abs() < 1e-12);
    assert_eq!(story.cash.to_string(), "100486.68");
}

#[test]
fn funding_is_paid_by_longs_and_received_by_shorts() {
    let run = |short: bool, rate: &str| {
        let world = trader(1_000.0, |def| {
            if short {
                *def = def.clone().short();
            }
        });
        let story =
            world.simulate(&format!("0 book 10x777 / 10.01x1000\n 0.1 book 10x9999 / 10.01x9999\n 1 mark 10.2\n 2 funding {rate}\n 3 end"));
        assert_eq!(story.funding, [(0, story.closed[0].funding)], "told when it is settled");
        story.closed[0].funding.to_string()
    };
    assert_eq!((run(false, "0.0001"), run(true, "0.0001")), ("-1.02".into(), "1.02".into()));
    assert_eq!((run(false, "-0.0001"), run(true, "-0.0001")), ("1.02".into(), "-1.02".into()));
    // Without a mark price the last price is used.
    let world = trader(1_000.0, |_| {});
    let story =
        world.simulate("0 trade 10 1\n 0 book 10x777 / 10.01x9999\n 1 trade 11 1\n 2 funding 0.0001\n 3 end");
    assert_eq!(story.closed[0].funding.to_string(), "-1.1");
}

/// Entry 10, leverage 3, maintenance 1 %: a long is liquidated at 6.766667, a short at 13.233333.
#[test]
fn isolated_positions_are_liquidated_at_the_vector() {
    let run = |short: bool, marks: &str| {
        let mut world = trader(90.0, |def| {
            def.z1.leverage = 3;
            if short {
                *def = def.clone().short();
            }
        });
        world.spec = spec("0.0001", "1");
        let book = if short { "0 book 10x777 / 10.01x1000" } else { "0 book 9.99x777 / 10x1000" };
        world.simulate(&format!("{book}\n 1 mark 10\n {marks}\n 9 end"))
    };
    run(false, "2 mark 6.7667").never("LIQ");
    let story = run(false, "2 mark 6.7666");
    story.once("2 POSITION_ACTIVE > EXITED LIQ");
    // The margin of 300, including the fee of 0.05 % of the notional at the last price (90 · 6.67).
    assert_eq!(story.counts.liquidations, 1);
    let trade = &story.closed[0];
    assert_eq!(trade.net().to_string(), "-300");
    assert!((trade.fees.to_f64() - 0.0005 * 90.0 * 6.67).abs() < 0.01, "{:?}", trade.fees);
    run(true, "2 mark 13.2333").never("LIQ");
    run(true, "2 mark 13.2334").once("2 POSITION_ACTIVE > EXITED LIQ");
    // Without a recorded mark price the last trade decides.
    run(false, "").never("LIQ");
    let mut unmarked = trader(90.0, |def| def.z1.leverage = 3);
    unmarked.spec = spec("0.0001", "1");
    unmarked
        .simulate("0 book 9.99x777 / 10x1000\n 2 trade 6.7666 1\n 9 end")
        .once("2 POSITION_ACTIVE > EXITED LIQ");
}

#[test]
fn high_leverage_dies_at_48200_and_51800() {
    let run = |short: bool, mark: &str| {
        let mut world = trader(0.1, |def| {
            def.z1.leverage = 25;
            if short {
                *def = def.clone().short();
            }
        });
        world.spec = spec("0.1", "0.001");
        world.spec.tiers[0].maintenance = Rate::from_percent(0.4);
        let book = if short { "0 book 50000x777 / 50001x10" } else { "0 book 49999x777 / 50000x10" };
        !world.simulate(&format!("{book}\n 1 mark 50000\n 2 mark {mark}\n 3 end")).with("LIQ").is_empty()
    };
    assert_eq!(["48200.1", "48200"].map(|mark| run(false, mark)), [false, true]);
    assert_eq!(["51799.9", "51800"].map(|mark| run(true, mark)), [false, true]);
}

#[test]
fn fees_and_funding_bring_liquidation_closer_and_the_loss_stays_the_margin() {
    let run = |mark: &str| {
        let mut world = trader(90.0, |def| def.z1.leverage = 3);
        world.spec = spec("0.0001", "1");
        world.venue.fees = Some((Rate::from_percent(1.0), Rate::from_percent(1.0)));
        world.venue.liquidation_fee_pct = 0.0;
        // Fee 9 and funding 9 of a notional of 900 bring liquidation 2 % closer: 6.9667.
        world.simulate(&format!(
            "0 book 9.99x777 / 10x1000\n 1 mark 10\n 2 funding 0.01\n 3 mark {mark}\n 9 end"
        ))
    };
    run("6.9667").never("LIQ");
    let story = run("6.9666");
    story.once("LIQ");
    assert!((story.closed[0].net().to_f64() + 300.0).abs() < 0.01, "{}", story.closed[0].net());
}

#[test]
fn liquidation_ends_what_rests() {
    // A close order rests at +5 % when the position is liquidated.
    let mut world = trader(90.0, |def| {
        def.z1.leverage = 3;
        let scaling = RiskScaling {
            operand: crate::strategy::operand(def, "BID_QTY"),
            points: vec![(0.0, 5.0), (9_999.0, 5.0)],
        };
        def.ze1.pricing = Some(RiskPricing { scaling, factor: 1.0, min_pct: -10.0, max_pct: 10.0 });
    });
    world.spec = spec("0.0001", "1");
    let story = world
        .simulate("0 book 9.99x777 / 10x1000\n 1 mark 10\n 2 book 9.99x555 / 10x1000\n 3 mark 6\n 9 end");
    story.once("sell 90 limit").once("EXITED LIQ").never("END");
    assert_eq!((story.flat, story.occupants), (true, 0));
}

#[test]
fn a_partial_close_keeps_the_liquidation_price_of_the_rest() {
    let ladder = |mark: &str| {
        let mut world = trader(90.0, |def| {
            def.z1.leverage = 3;
            def.ladder = vec![LadderStep { offset_pct: 10.0, close_pct: 50.0 }];
        });
        world.spec = spec("0.0001", "1");
        world.venue.fees = Some((Rate::from_percent(1.0), Rate::from_percent(1.0)));
        // With an entry fee of 1 % liquidation is at 6.8667, for half the lots as for all.
        world.simulate(&format!("0 book 9.99x777 / 10x1000\n 1 mark 11\n 2 mark {mark}\n 9 end"))
    };
    ladder("6.8667").once("LADDER").never("LIQ");
    ladder("6.8666").once("LADDER").once("LIQ");
}

#[test]
fn refused_exits_are_tried_until_the_end() {
    for seed in 0..50 {
        let mut world = trader(100.0, |_| {});
        world.venue.reject_rate = 0.5;
        world.venue.seed = seed;
        let story =
            world.simulate("0 book 9.99x777,9x9999 / 10x1000\n 1 book 9.99x1,9x9999 / 10x1000\n 2 end");
        assert!(story.flat, "seed {seed}: {:?}", story.lines);
        assert_eq!(story.occupants, 0);
    }
}

#[test]
fn slippage_is_always_against_us_and_never_beyond_a_limit() {
    let mut world = trader(100.0, |_| {});
    world.venue.slippage_pct = 1.0;
    let story = world.simulate("0 book 10x777 / 10.1x1000\n 1 book 10x555 / 10.1x1000\n 2 end");
    story.once("fill 1 100 @ 10.21").once("fill 2 100 @ 9.9");
    let mut world = trader(100.0, |def| def.z1.order = EntryOrder::LimitIoc { max_slippage_pct: 0.5 });
    world.venue.slippage_pct = 1.0;
    world.simulate("0 book 10x777 / 10.1x1000\n 1 end").once("fill 1 100 @ 10.15");
}
