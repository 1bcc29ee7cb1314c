//! Exits: trailing stops, ladder, holding time, data loss, price gaps.

use crate::harness::{World, world};
use crate::strategy::{Build, seconds, strategy};
use tradingd::domain::strategy::*;

/// A world that holds 100 bought at 10 from 0.2 s on; fills take 0.2 s.
fn hold(change: impl FnOnce(&mut StrategyDef)) -> World {
    let def = strategy("x").s1("BID_QTY >= 105").market().cooldown(600.0);
    world(vec![def.with(change)])
}

const HELD: &str = "0 book 9.99x105,9.9x100000 / 10x1000\n 0.5 book 9.99x100,9.9x100000 / 10x1000\n";

fn run(world: &World, script: &str) -> crate::harness::Story {
    world.simulate(&format!("{HELD}{script}"))
}

#[test]
fn a_trailing_stop_arms_and_only_tightens() {
    let trailing = hold(|def| def.trailing = Some(Trailing { activation_pct: 5.0, distance_pct: 2.0 }));
    // Not armed at 4.99 %: the price may fall back.
    run(&trailing, "1 trade 10.499 1\n 2 trade 10 1\n 3 end").never("stop ").never("TRAIL");
    // Armed at 5 %: 10.5 − 2 % = 10.29; at 11 it moves to 10.78 and stays there.
    let story = run(
        &trailing,
        "1 trade 10.5 1\n 2 trade 11 1\n 3 trade 10.9 1\n 4 trade 10.7801 1\n 5 trade 10.78 1\n 6 end",
    );
    story.once("1 stop 10.29 TRAIL").once("5 POSITION_ACTIVE > EMERGENCY_EXIT TRAIL");
    assert_eq!(story.with("stop ").len(), 1);
    // The same for a short: entry 9.99, armed at 9.4905 and below; 9 · 1.02 = 9.18.
    let short = hold(|def| {
        *def = def.clone().short();
        def.trailing = Some(Trailing { activation_pct: 5.0, distance_pct: 2.0 });
    });
    let story = run(&short, "1 trade 9 1\n 2 trade 9.1799 1\n 3 trade 9.18 1\n 4 end");
    story.once("1 stop 9.18 TRAIL").once("3 POSITION_ACTIVE > EMERGENCY_EXIT TRAIL");
}

#[test]
fn a_trailing_stop_never_loosens_the_fixed_one() {
    let both = hold(|def| {
        *def = def.clone().stop(1.0);
        def.trailing = Some(Trailing { activation_pct: 1.0, distance_pct: 5.0 });
    });
    run(&both, "1 trade 10.1 1\n 2 trade 9.9001 1\n 3 trade 9.9 1\n 4 end")
        .once("3 POSITION_ACTIVE > EMERGENCY_EXIT SL")
        .never("TRAIL");
}

#[test]
fn break_even_moves_once() {
    let even = hold(|def| {
        *def = def.clone().stop(5.0);
        def.break_even = Some(BreakEven { activation_pct: 2.0, offset_pct: 0.1 });
    });
    let story = run(&even, "1 trade 10.1999 1\n 2 trade 10.2 1\n 3 trade 10.5 1\n 4 trade 10.01 1\n 5 end");
    story.once("2 stop 10.01 BREAK_EVEN").once("4 POSITION_ACTIVE > EMERGENCY_EXIT BREAK_EVEN");
    assert_eq!(story.with("stop ").len(), 2, "the fixed one and the move");
}

#[test]
fn a_ladder_closes_its_shares_and_the_rest_keeps_its_exits() {
    let ladder = |change: fn(&mut StrategyDef)| {
        hold(|def| {
            *def = def.clone().stop(5.0);
            def.ladder = vec![
                LadderStep { offset_pct: 1.0, close_pct: 25.0 },
                LadderStep { offset_pct: 2.0, close_pct: 50.0 },
            ];
            change(def);
        })
    };
    let story = run(
        &ladder(|_| {}),
        "1 trade 10.1 1\n 2 trade 10.2 1\n 3 trade 9.5 1\n 3.1 book 9.4x100 / 9.5x1\n 4 end",
    );
    story.says(
        "0 MONITORING > SIGNAL_DETECTED S1
         0 SIGNAL_DETECTED > ENTRY_EVALUATION Z1
         0 submit 1 buy 100 market Entry
         0.2 fill 1 100 @ 10
         0.2 stop 9.5 SL
         0.2 ENTRY_EVALUATION > POSITION_ACTIVE FILL
         1 POSITION_ACTIVE > CLOSE_ORDER_EVALUATION LADDER
         1 submit 2 sell 25 market Exit
         1.2 fill 2 25 @ 9.99
         1.2 CLOSE_ORDER_EVALUATION > POSITION_ACTIVE FILL
         2 POSITION_ACTIVE > CLOSE_ORDER_EVALUATION LADDER
         2 submit 3 sell 50 market Exit
         2.2 fill 3 50 @ 9.99
         2.2 CLOSE_ORDER_EVALUATION > POSITION_ACTIVE FILL
         3 POSITION_ACTIVE > EMERGENCY_EXIT SL
         3 submit 4 sell 25 market Emergency
         3.2 fill 4 25 @ 9.4
         3.2 EMERGENCY_EXIT > EXITED SL",
    );
    // One trade from flat to flat: 75 · (9.99 − 10) + 25 · (9.4 − 10).
    assert_eq!((story.closed.len(), story.closed[0].gross.to_string()), (1, "-15.75".to_owned()));
    assert_eq!((story.closed[0].fills, story.closed[0].qty), (4, ladder(|_| {}).qty("100")));
    // The last step closes the rest.
    let all = ladder(|def| def.ladder[1].close_pct = 75.0);
    let story = run(&all, "1 trade 10.1 1\n 2 trade 10.2 1\n 4 end");
    story.once("2.2 CLOSE_ORDER_EVALUATION > EXITED LADDER");
}

#[test]
fn a_refused_ladder_step_is_tried_again_with_its_own_lots() {
    let ladder = hold(|def| def.ladder = vec![LadderStep { offset_pct: 1.0, close_pct: 25.0 }]);
    let story = ladder.by_hand(
        "0 book 9.99x105 / 10x1000\n 0.2 fill 1 100 10\n 0.2 done 1\n 1 trade 10.1 1\n 1.1 reject 2\n 1.4 fill 3 10 10.1\n 1.4 done 3\n 2 fill 4 15 10.1\n 2 done 4",
    );
    assert_eq!(
        story.with("sell"),
        [
            "1 submit 2 sell 25 market Exit",
            "1.35 submit 3 sell 25 market Exit",
            "1.9 submit 4 sell 15 market Exit"
        ],
    );
    story.once("2 CLOSE_ORDER_EVALUATION > POSITION_ACTIVE FILL");
    assert!(!story.flat);
    // An emergency exit between the steps sells everything.
    let story = hold(|def| {
        *def = def.clone().stop(5.0);
        def.ladder = vec![LadderStep { offset_pct: 1.0, close_pct: 25.0 }];
    })
    .by_hand("0 book 9.99x105 / 10x1000\n 0.2 fill 1 100 10\n 0.2 done 1\n 1 trade 10.1 1\n 1.1 reject 2\n 1.2 trade 9.5 1");
    story.once("1.2 submit 3 sell 100 market Emergency");
}

#[test]
fn the_longest_holding_time_counts_from_the_first_fill() {
    let story = run(&hold(|def| def.max_hold = Some(seconds(30.0))), "60 end");
    story
        .once("30.2 POSITION_ACTIVE > CLOSE_ORDER_EVALUATION TIME")
        .once("30.4 CLOSE_ORDER_EVALUATION > EXITED TIME");
    assert_eq!(story.closed[0].reason.as_str(), "TIME");
}

#[test]
fn losing_the_data_warns_once_or_closes() {
    let blind = |close: bool| {
        hold(|def| {
            *def = def.clone().e1("SLIPPAGE_PCT[side=sell,notional=500] > 50", 60.0);
            def.on_data_loss = Some(DataLoss { after: seconds(20.0), close });
        })
    };
    let story = run(
        &blind(false),
        "5 book 9.99x1 / 10x1\n 60 book 9.99x9999 / 10x1\n 61 book 9.99x1 / 10x1\n 90 end",
    );
    // After more than 20 s, checked every second; once more after data came back and was lost again.
    assert_eq!(story.with("warning"), ["26 warning data_loss", "82 warning data_loss"]);
    let story = run(&blind(true), "5 book 9.99x1 / 10x1\n 60 end");
    story.once("26 POSITION_ACTIVE > EMERGENCY_EXIT DATA");
}

#[test]
fn stops_follow_the_mark_where_one_is_recorded() {
    // No rule uses the position, so the mark alone must trigger the evaluation.
    let stop = hold(|def| *def = def.clone().stop(5.0).target(5.0));
    let story = run(&stop, "1 mark 10\n 2 trade 9 1\n 3 trade 11 1\n 4 mark 9.5\n 5 end");
    assert_eq!(story.with("POSITION_ACTIVE >"), ["4 POSITION_ACTIVE > EMERGENCY_EXIT SL"]);
    let story = run(&stop, "1 mark 10\n 2 mark 10.5\n 5 end");
    assert_eq!(story.with("POSITION_ACTIVE >"), ["2 POSITION_ACTIVE > CLOSE_ORDER_EVALUATION TP"]);
}

#[test]
fn a_mark_that_is_a_minute_old_no_longer_counts() {
    let stop = hold(|def| *def = def.clone().stop(5.0).target(5.0));
    // The last mark at 1 s counts up to 61 s, then the trade does, at its own event.
    for (quiet, price, says) in [
        ("30 trade 9 1\n 61 trade 9 1", "9.5", "62 POSITION_ACTIVE > EMERGENCY_EXIT SL"),
        ("30 trade 11 1\n 61 trade 11 1", "10.5", "62 POSITION_ACTIVE > CLOSE_ORDER_EVALUATION TP"),
    ] {
        let script = format!("1 mark 10\n {quiet}\n 62 trade {price} 1\n 70 end");
        assert_eq!(run(&stop, &script).with("POSITION_ACTIVE >"), [says]);
    }
    let trailing = hold(|def| def.trailing = Some(Trailing { activation_pct: 5.0, distance_pct: 2.0 }));
    let story = run(&trailing, "1 mark 11\n 2 trade 11 1\n 30 trade 10 1\n 62 trade 10.77 1\n 70 end");
    story.once("62 POSITION_ACTIVE > EMERGENCY_EXIT TRAIL");
    // A mark that comes again counts again.
    let story = run(&stop, "1 mark 10\n 70 mark 10\n 71 trade 9 1\n 72 trade 9 1\n 80 end");
    story.never("EMERGENCY_EXIT SL");
    // The margin is used up at a trade, and the account is worth what was traded.
    let levered = hold(|def| def.z1.leverage = 10);
    let story =
        run(&levered, "1 mark 10\n 30 trade 8 1\n 61 trade 8 1\n 62 trade 9.5 1\n 63 trade 8 1\n 70 end");
    story.once("63 POSITION_ACTIVE > EXITED LIQ");
    let worth = |seconds: f64| {
        let point = story.equity.iter().rev().find(|point| point.at <= crate::harness::at(seconds));
        point.unwrap().equity.to_string()
    };
    assert_eq!((worth(61.5), worth(62.5)), ("10000".to_owned(), "9950".to_owned()));
    // Funding too: 1 % of 100 at 9.
    let story = run(&hold(|_| {}), "1 mark 10\n 65 trade 9 1\n 66 funding 0.01\n 70 end");
    assert_eq!(story.funding[0].1.to_string(), "-9");
}

#[test]
fn a_stop_does_not_wait_for_a_close_that_rests_or_is_on_its_way() {
    let stop = |change: fn(&mut StrategyDef)| {
        hold(|def| {
            *def = def.clone().stop(5.0);
            change(def);
        })
    };
    // The holding time has sent a market order: it is the exit, at what the market is when it arrives.
    let held = stop(|def| def.max_hold = Some(seconds(30.0)));
    let story = run(&held, "30.3 trade 9.5 1\n 30.35 book 9.4x1000 / 9.5x1\n 40 end");
    story
        .once("30.3 CLOSE_ORDER_EVALUATION > EMERGENCY_EXIT SL")
        .once("30.4 fill 2 100 @ 9.4")
        .once("30.4 EMERGENCY_EXIT > EXITED SL");
    // A close that rests is cancelled, and a market order follows.
    let rests = stop(|def| {
        *def = def.clone().ze1("BID_QTY == 1");
        let scaling =
            RiskScaling { operand: crate::strategy::operand(def, "BID_QTY"), points: vec![(0.0, 5.0)] };
        def.ze1.pricing = Some(RiskPricing { scaling, factor: 1.0, min_pct: -10.0, max_pct: 10.0 });
    });
    let story =
        run(&rests, "2 book 10.4x1 / 10.41x1000\n 3 trade 9.5 1\n 3.1 book 9.4x1000 / 9.5x1\n 20 end");
    story
        .once("3 CLOSE_ORDER_EVALUATION > EMERGENCY_EXIT SL")
        .once("3 cancel 2")
        .once("3.2 submit 3 sell 100 market Emergency")
        .once("3.4 fill 3 100 @ 9.4");
}

#[test]
fn a_stop_fills_at_the_gap_price() {
    // From 9.6 to 8 in one trade: the stop at 9.5 fills at the bid 0.2 s later.
    let stop = hold(|def| *def = def.clone().stop(5.0));
    let story = run(&stop, "1 trade 9.6 1\n 2 trade 8 1\n 2.1 book 7.9x1000 / 8x1000\n 3 end");
    story.once("2 POSITION_ACTIVE > EMERGENCY_EXIT SL").once("2.2 fill 2 100 @ 7.9");
}

#[test]
fn stop_first_when_a_bar_crosses_both() {
    let both = hold(|def| *def = def.clone().stop(5.0).target(5.0));
    let story = run(&both, "60 bar 10 10.6 9.4 10 100 60\n 61 end");
    assert_eq!(story.with("POSITION_ACTIVE >"), ["60 POSITION_ACTIVE > EMERGENCY_EXIT SL"]);
}

#[test]
fn emergency_without_closing_only_cancels() {
    let limit = hold(|def| {
        *def = def.clone().e1("ASK_QTY >= 5000", 60.0);
        def.z1.order = EntryOrder::Limit;
        def.z1.timeout = None;
        def.e1.close_position = false;
    });
    let story = limit.by_hand(
        "0 book 9.99x105 / 10x1000\n 0.2 fill 1 30 10\n 1 book 9.99x100 / 10x5000\n 1.2 done 1\n 5 end",
    );
    story.once("1 cancel 1").once("1.2 ENTRY_EVALUATION > POSITION_ACTIVE FILL").never("sell");
}

#[test]
fn a_cancel_that_is_faster_than_its_order_still_finds_it() {
    // With jitter messages can overtake each other; with no seed may an order or position be left over.
    for seed in 0..200 {
        let mut world = hold(|def| {
            *def = def.clone().e1("ASK_QTY >= 5000", 60.0);
            def.z1.order = EntryOrder::Limit;
            def.z1.timeout = None;
        });
        world.venue.latency_jitter = 1.0;
        world.venue.seed = seed;
        let story = world.simulate("0 book 9.8x105 / 10x1000\n 0.01 book 9.8x100 / 10.2x5000\n 30 end");
        story.once("EXITED E1");
        assert_eq!((story.flat, story.occupants), (true, 0), "seed {seed}");
    }
}

#[test]
fn values_of_the_position() {
    // Bought at 10; the closing price is the bid.
    let closes = |rule: &str| {
        hold(|def| {
            *def = def.clone().ze1(rule);
            def.z1.leverage = 3;
        })
    };
    let at = |rule: &str, script: &str| {
        run(&closes(rule), &format!("{script}\n 100 end"))
            .with("CLOSE_ORDER_EVALUATION ZE1")
            .first()
            .map(|line| (*line).to_owned())
    };
    let up = "1 book 10.4999x9999 / 10.6x1\n 2 book 10.5x9999 / 10.6x1";
    assert_eq!(at("PNL >= 5", up).as_deref(), Some("2 POSITION_ACTIVE > CLOSE_ORDER_EVALUATION ZE1"));
    assert_eq!(at("ROE >= 15", up).as_deref(), Some("2 POSITION_ACTIVE > CLOSE_ORDER_EVALUATION ZE1"));
    assert_eq!(
        at("LOSS >= 5", "1 book 9.5001x9999 / 10.6x1\n 2 book 9.5x9999 / 10.6x1").unwrap().split(' ').next(),
        Some("2")
    );
    assert_eq!(
        at("DRAWDOWN >= 0.909", "1 trade 11 1\n 2 trade 10.9001 1\n 3 trade 10.9 1")
            .unwrap()
            .split(' ')
            .next(),
        Some("3")
    );
    assert_eq!(at("POSITION_AGE >= 9.8", "").unwrap().split(' ').next(), Some("10"));
    // Liquidation at 10 · (1 + 0.01 − 1/3) = 6.766667, which is 30 % below 9.6667.
    assert_eq!(
        at("LIQUIDATION_DISTANCE <= 30", "1 trade 9.6668 1\n 2 trade 9.6666 1").unwrap().split(' ').next(),
        Some("2")
    );
}
