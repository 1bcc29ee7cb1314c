//! State transitions of an instance, with scripted venue answers, and priorities between strategies.

use crate::harness::{World, world};
use crate::strategy::{Build, seconds, strategy};
use tradingd::domain::strategy::*;

/// A strategy with S1 `BID_QTY >= 105` and Z1 `ASK_QTY >= 1000`; size 100 at the ask of 10.
fn plain() -> StrategyDef {
    strategy("x").s1("BID_QTY >= 105").z1("ASK_QTY >= 1000").market()
}

fn one(def: StrategyDef) -> World {
    world(vec![def])
}

const NOTHING: &str = "book 9.99x100 / 10x900";
const SIGNAL: &str = "book 9.99x105 / 10x900";
const ENTER: &str = "book 9.99x105 / 10x1000";

#[test]
fn a_signal_takes_no_slot_and_sends_no_order() {
    let story = one(plain()).by_hand(&format!("0 {NOTHING}\n 1 {SIGNAL}\n 2 end"));
    story.says("1 MONITORING > SIGNAL_DETECTED S1");
    assert_eq!(story.occupants, 0);
}

#[test]
fn o1_and_the_timeout_cancel_and_cool_down() {
    let def = plain().o1("ASK_QTY <= 500", Some(60.0), 30.0);
    let story = one(def.clone())
        .by_hand(&format!("0 {SIGNAL}\n 10.5 book 9.99x105 / 10x500\n 11 {NOTHING}\n 50 end"));
    story.says(
        "0 MONITORING > SIGNAL_DETECTED S1\n 10.5 SIGNAL_DETECTED > SIGNAL_CANCELLED O1\n 40.5 SIGNAL_CANCELLED > MONITORING COOLDOWN",
    );
    let story = one(def).by_hand(&format!("0.25 {SIGNAL}\n 1 {NOTHING}\n 100 end"));
    story.says(
        "0.25 MONITORING > SIGNAL_DETECTED S1
         60.25 SIGNAL_DETECTED > SIGNAL_CANCELLED SIGNAL_TIMEOUT
         90.25 SIGNAL_CANCELLED > MONITORING COOLDOWN",
    );
}

#[test]
fn the_timeout_works_while_o1_is_unknown() {
    let def = plain().o1("PRICE <= 5", Some(10.0), 30.0);
    one(def)
        .by_hand(&format!("0 {SIGNAL}\n 20 end"))
        .once("10 SIGNAL_DETECTED > SIGNAL_CANCELLED SIGNAL_TIMEOUT");
}

#[test]
fn an_entry_takes_the_slot_and_gives_it_back() {
    let script = |answer: &str| format!("0 {ENTER}\n 0.1 {NOTHING}\n {answer}\n 3 end");
    let run = |answer: &str| one(plain().o1("", None, 60.0).cooldown(60.0)).by_hand(&script(answer));
    assert_eq!(run("").occupants, 1);
    let story = run("0.2 done 1");
    story.once("0.2 ENTRY_EVALUATION > SIGNAL_CANCELLED ENTRY_TIMEOUT");
    assert_eq!((story.occupants, story.flat), (0, true));
    let story = run("0.2 reject 1");
    story.once("0.2 ENTRY_EVALUATION > SIGNAL_CANCELLED REJECT");
    assert_eq!((story.occupants, story.flat), (0, true));
    let story = run("0.2 fill 1 40 10\n 0.3 done 1");
    story.once("0.3 ENTRY_EVALUATION > POSITION_ACTIVE FILL");
    assert_eq!((story.occupants, story.flat), (1, false));
}

#[test]
fn the_protective_stop_is_there_from_the_first_fill_and_follows_the_average() {
    let def = plain().stop(10.0).target(1.0);
    let story = one(def).by_hand(&format!(
        "0 {ENTER}
         0.2 fill 1 40 10
         0.3 trade 10.5 1            # the target counts only once the entry is over
         0.4 fill 1 60 10.1
         0.5 done 1
         0.6 trade 10.1 1
         1 trade 9.0541 1
         2 trade 9.054 1
         2.1 fill 2 100 9.05
         2.2 done 2"
    ));
    // (40·10 + 60·10.1)/100 = 10.06; 10 % below is 9.054, 1 % above 10.1606.
    story.says(
        "0 MONITORING > SIGNAL_DETECTED S1
         0 SIGNAL_DETECTED > ENTRY_EVALUATION Z1
         0 submit 1 buy 100 market Entry
         0.2 fill 1 40 @ 10
         0.2 stop 9 SL
         0.4 fill 1 60 @ 10.1
         0.4 stop 9.054 SL
         0.5 ENTRY_EVALUATION > POSITION_ACTIVE FILL
         2 POSITION_ACTIVE > EMERGENCY_EXIT SL
         2 submit 2 sell 100 market Emergency
         2.1 fill 2 100 @ 9.05
         2.2 EMERGENCY_EXIT > EXITED SL
         2.2 EXITED > MONITORING COOLDOWN",
    );
    assert_eq!(story.closed[0].net().to_string(), "-101");
}

#[test]
fn an_order_that_ends_before_it_is_filled_in_full_says_so_and_why() {
    let ended = |script: &str| one(plain().stop(10.0)).by_hand(&format!("0 {ENTER}\n{script}")).ended;
    assert_eq!(ended("0.2 fill 1 40 10\n 0.3 done 1"), ["0.3 1 unfilled 40 60"]);
    assert_eq!(ended("0.3 done 1"), ["0.3 1 unfilled 0 100"]);
    assert_eq!(ended("0.2 fill 1 40 10\n 0.3 trade 8.9 1\n 0.4 done 1"), ["0.4 1 requested 40 60"]);
    assert!(ended("0.2 fill 1 40 10\n 0.2 fill 1 60 10\n 0.3 done 1").is_empty(), "its last fill is its end");
    assert!(ended("0.2 reject 1").is_empty(), "the decision says it");
}

#[test]
fn a_stop_during_the_entry_sells_what_filled_and_what_still_fills() {
    let def = plain().stop(10.0).cooldown(60.0);
    let story = one(def).by_hand(&format!(
        "0 {ENTER}
         0.2 fill 1 40 10
         0.3 trade 8.9 1
         0.4 fill 1 10 10
         0.4 done 1
         0.5 fill 2 40 8.9
         0.5 done 2
         0.6 fill 3 10 8.8
         0.6 done 3"
    ));
    story.says(
        "0 MONITORING > SIGNAL_DETECTED S1
         0 SIGNAL_DETECTED > ENTRY_EVALUATION Z1
         0 submit 1 buy 100 market Entry
         0.2 fill 1 40 @ 10
         0.2 stop 9 SL
         0.3 ENTRY_EVALUATION > EMERGENCY_EXIT SL
         0.3 cancel 1
         0.3 submit 2 sell 40 market Emergency
         0.4 fill 1 10 @ 10
         0.5 fill 2 40 @ 8.9
         0.5 submit 3 sell 10 market Emergency
         0.6 fill 3 10 @ 8.8
         0.6 EMERGENCY_EXIT > EXITED SL",
    );
    assert_eq!((story.flat, story.closed[0].net().to_string()), (true, "-56".to_owned()));
}

#[test]
fn the_entry_times_out_to_the_nanosecond_and_waits_for_the_answer() {
    let def = plain().with(|def| def.z1.order = EntryOrder::Limit).o1("", None, 60.0);
    let story = one(def).by_hand(&format!("0 {ENTER}\n 3 fill 1 25 10\n 20 done 1\n 21 end"));
    story.says(
        "0 MONITORING > SIGNAL_DETECTED S1
         0 SIGNAL_DETECTED > ENTRY_EVALUATION Z1
         0 submit 1 buy 100 limit 10 Entry
         3 fill 1 25 @ 10
         5 cancel 1
         20 ENTRY_EVALUATION > POSITION_ACTIVE FILL",
    );
}

#[test]
fn three_rejects_in_a_row_disable_a_fill_starts_over() {
    let script = format!(
        "0 {ENTER}\n 0.2 reject 1\n 1 {ENTER}\n 1.2 reject 2\n 2 {ENTER}\n 2.2 fill 3 100 10\n 2.2 done 3\n 3 flatten\n 3.2 fill 4 100 10\n 3.2 done 4
         5 {ENTER}\n 5.2 reject 5\n 6 {ENTER}\n 6.2 reject 6\n 7 {ENTER}\n 7.2 reject 7\n 9 {ENTER}\n 20 end"
    );
    let story = one(plain()).by_hand(&script);
    story.once("7.2 SIGNAL_CANCELLED > INACTIVE REJECT").never("submit 8");
}

#[test]
fn guards_are_recorded_once_per_signal_and_retried_until_they_open() {
    let second = plain().with(|def| {
        def.id = "y".into();
        def.priority = 10;
    });
    let world =
        world(vec![plain().ze1("BID_QTY <= 50").cooldown(600.0), second.o1("BID_QTY <= 60", None, 5.0)]);
    let story = world.by_hand(&format!(
        "0 {ENTER}
         0.2 fill 1 100 10
         0.2 done 1
         1 {ENTER}
         2 {ENTER}
         3 book 9.99x55 / 10x1000        # O1 of the second
         9 {ENTER}                       # its next signal is blocked anew
         10 book 9.99x50 / 10x1000       # ZE1 of the first, O1 of the second
         10.2 fill 2 100 9.99
         10.2 done 2
         16 {ENTER}                      # free now
         17 end"
    ));
    assert_eq!(
        story.with("refused"),
        ["0 #1 refused symbol_locked 1.000000 1.000000", "9 #1 refused symbol_locked 1.000000 1.000000"],
    );
    story.once("16 #1 submit 3 buy 99.9 market");
}

#[test]
fn the_higher_priority_gets_the_symbol_whatever_its_rule_looks_like() {
    // Priorities 90 and 70 share a gate, 80 does not. 80 still comes before 70, and an older signal gives no
    // advantage.
    let prioritised = |id: &str, priority: u8, s1: &str, z1: &str| {
        strategy(id).s1(s1).z1(z1).market().with(|def| def.priority = priority)
    };
    let world = world(vec![
        prioritised("c", 70, "BID_QTY >= 105", ""),
        prioritised("b", 80, "BID_QTY >= 105 for 1", ""),
        prioritised("a", 90, "BID_QTY >= 900", ""),
        prioritised("d", 60, "BID_QTY >= 100", "ASK_QTY >= 1000"),
    ]);
    // Instances are numbered by priority: a 0, b 1, c 2, d 3. At 2 c and d are ready, b's duration has just
    // begun.
    let story = world
        .by_hand("0 book 9.99x100 / 10x900\n 1 book 9.99x104 / 10x900\n 2 book 9.99x105 / 10x1000\n 2.5 end");
    story.once("2 #2 submit 1");
    story.once("2 #3 refused symbol_locked");
    let later =
        world.by_hand("0 book 9.99x1 / 10x900\n 1 disable\n 1 book 9.99x105 / 10x900\n 2.5 enable\n 2.5 book 9.99x105 / 10x1000\n 3 end");
    // c and d have waited with their signals since 1, b's duration ends at 2; at 2.5 b still enters first.
    later.once("2.5 #1 submit 1");
}

#[test]
fn permanent_guards_cancel_the_signal() {
    let def = plain().with(|def| def.limits.max_daily_trades = Some(1)).o1("", None, 10.0);
    let story = one(def).by_hand(&format!("1 {ENTER}\n 1.2 done 1\n 12 {ENTER}\n 13 {ENTER}\n 26 end"));
    story
        .once("12 refused max_daily_trades 1.000000 1.000000")
        .once("12 SIGNAL_DETECTED > SIGNAL_CANCELLED GUARD");
    // The next UTC day, which begins after midnight, allows it again.
    let story = one(plain().with(|def| def.limits.max_daily_trades = Some(1))).by_hand(&format!(
        "86390 {ENTER}\n 86390.2 done 1\n 86391 {NOTHING}\n 86399.9 {ENTER}\n 86400.1 {ENTER}\n 86401 end"
    ));
    story.once("86399.9 refused max_daily_trades").once("86400.1 submit 2");
}

#[test]
fn an_entry_waits_until_every_indicator_was_defined_once() {
    let def = plain().ze1("MAX_PRICE[t1=10] <= 1");
    let story = one(def).by_hand(&format!("0 trade 10 1\n 1 {ENTER}\n 3 trade 10 1\n 20 {NOTHING}"));
    story.once("1 refused warm_up 1.000000 0.000000").once("submit 1");
    assert_eq!(story.with("submit"), ["10 submit 1 buy 100 market Entry"]);
}

#[test]
fn a_dead_exit_is_retried_after_a_quarter_to_five_seconds() {
    let def = plain().e1("BID_QTY <= 1", 60.0);
    let mut script = format!("0 {ENTER}\n 0.1 fill 1 100 10\n 0.1 done 1\n 10 book 9.99x1 / 10x1000\n");
    // Each attempt is rejected after 10 ms.
    let tries = [10.0, 10.26, 10.77, 11.78, 13.79, 17.8, 22.81, 27.82];
    for (index, time) in tries.iter().enumerate() {
        script += &format!("{} reject {}\n", time + 0.01, index + 2);
    }
    let story = one(def).by_hand(&format!("{script} 33 end"));
    let sent: Vec<String> =
        story.with("sell").iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(sent, ["10", "10.26", "10.77", "11.78", "13.79", "17.8", "22.81", "27.82", "32.83"]);
}

#[test]
fn what_an_exit_leaves_is_sold_by_the_next() {
    let def = plain().e1("BID_QTY <= 1", 60.0);
    let story = one(def).by_hand(&format!(
        "0 {ENTER}\n 0.1 fill 1 100 10\n 0.1 done 1\n 10 book 9.99x1 / 10x1000\n 10.1 fill 2 30 9.99\n 10.1 done 2\n 10.5 fill 3 70 9.9\n 10.5 done 3"
    ));
    assert_eq!(
        story.with("sell"),
        ["10 submit 2 sell 100 market Emergency", "10.35 submit 3 sell 70 market Emergency"]
    );
    story.once("10.5 EMERGENCY_EXIT > EXITED E1");
    assert_eq!(story.closed[0].fills, 3);
}

#[test]
fn a_resting_close_becomes_a_market_close_after_its_time() {
    let def = plain().ze1("BID_QTY <= 50").with(|def| {
        let operand = crate::strategy::operand(def, "BID_QTY");
        let scaling = RiskScaling { operand, points: vec![(0.0, 5.0), (100.0, 5.0)] };
        def.ze1.pricing = Some(RiskPricing { scaling, factor: 1.0, min_pct: -10.0, max_pct: 10.0 });
    });
    let held = format!(
        "0 {ENTER}\n 0.1 fill 1 100 10\n 0.1 done 1\n 5 book 9.99x50 / 10x1000\n 6 fill 2 20 10.4895\n"
    );
    let story = one(def.clone().e1("ASK_QTY >= 5000", 60.0))
        .by_hand(&format!("{held} 15.2 done 2\n 15.4 fill 3 80 9.99\n 15.4 done 3"));
    story.says(
        "0 MONITORING > SIGNAL_DETECTED S1
         0 SIGNAL_DETECTED > ENTRY_EVALUATION Z1
         0 submit 1 buy 100 market Entry
         0.1 fill 1 100 @ 10
         0.1 ENTRY_EVALUATION > POSITION_ACTIVE FILL
         5 POSITION_ACTIVE > CLOSE_ORDER_EVALUATION ZE1
         5 submit 2 sell 100 limit 10.4895 Exit
         6 fill 2 20 @ 10.4895
         15 cancel 2
         15.2 submit 3 sell 80 market Exit
         15.4 fill 3 80 @ 9.99
         15.4 CLOSE_ORDER_EVALUATION > EXITED ZE1
         15.4 EXITED > MONITORING COOLDOWN",
    );
    // E1 upgrades the pending close.
    let story = one(def.e1("ASK_QTY >= 5000", 60.0))
        .by_hand(&format!("{held} 7 book 9.99x50 / 10x5000\n 7.1 done 2\n 7.2 fill 3 80 9\n 7.2 done 3"));
    story
        .once("7 CLOSE_ORDER_EVALUATION > EMERGENCY_EXIT E1")
        .once("7 cancel 2")
        .once("7.1 submit 3 sell 80 market Emergency");
    story.once("7.2 EMERGENCY_EXIT > EXITED E1");
}

#[test]
fn a_liquidated_position_is_over_even_with_orders_at_work() {
    let def = plain().o1("", None, 60.0).e1("", 60.0);
    let story = one(def.clone())
        .by_hand(&format!("0 {ENTER}\n 0.1 fill 1 100 10\n 0.1 done 1\n 5 liquidate 0 100 5\n 6 end"));
    story.once("5 POSITION_ACTIVE > EXITED LIQ");
    assert_eq!(
        (story.flat, story.occupants, story.closed[0].net().to_string()),
        (true, 0, "-500".to_owned())
    );
    // While the entry order is open.
    let limit = def.clone().with(|def| def.z1.order = EntryOrder::Limit);
    let story = one(limit)
        .by_hand(&format!("0 {ENTER}\n 0.1 fill 1 40 10\n 5 liquidate 0 40 5\n 5.1 done 1\n 6 end"));
    assert_eq!((story.flat, story.occupants), (true, 0), "{:?}", story.lines);
    story.once("EXITED LIQ");
    // While an exit order is open, which the venue then rejects.
    let story = one(def).by_hand(&format!(
        "0 {ENTER}\n 0.1 fill 1 100 10\n 0.1 done 1\n 4 flatten\n 5 liquidate 0 100 5\n 5.1 reject 2\n 6 end"
    ));
    assert_eq!((story.flat, story.occupants), (true, 0), "{:?}", story.lines);
}

#[test]
fn flatten_leaves_every_state_and_pause_only_stops_beginning() {
    let def = plain().o1("", None, 60.0).cooldown(60.0);
    let run = |script: &str| one(def.clone()).by_hand(script);
    run(&format!("0 {SIGNAL}\n 1 flatten")).once("1 SIGNAL_DETECTED > SIGNAL_CANCELLED COMMAND");
    let entry = run(&format!("0 {ENTER}\n 1 flatten\n 1.1 done 1"));
    entry.once("1 cancel 1").once("1.1 EMERGENCY_EXIT > EXITED COMMAND");
    assert_eq!(entry.occupants, 0);
    run(&format!("0 {ENTER}\n 0.1 fill 1 100 10\n 0.1 done 1\n 1 flatten"))
        .once("1 submit 2 sell 100 market Emergency");
    // A paused session detects no signals; an earlier signal waits.
    run(&format!("0 pause\n 0 {ENTER}\n 2 {ENTER}\n 3 resume\n 4 {ENTER}"))
        .says("3 MONITORING > SIGNAL_DETECTED S1\n 3 SIGNAL_DETECTED > ENTRY_EVALUATION Z1\n 3 submit 1 buy 100 market Entry");
    let story = run(&format!("0 {SIGNAL}\n 1 pause\n 2 {ENTER}\n 3 resume\n 4 {ENTER}"));
    story.once("2 refused paused").once("3 submit 1");
    // Open positions are still managed.
    let managed = one(def.clone().stop(1.0))
        .by_hand(&format!("0 {ENTER}\n 0.1 fill 1 100 10\n 0.1 done 1\n 1 pause\n 2 trade 9.8 1"));
    managed.once("2 POSITION_ACTIVE > EMERGENCY_EXIT SL");
}

#[test]
fn a_disabled_symbol_takes_no_entries() {
    let story = one(plain()).by_hand(&format!("0 {NOTHING}\n 1 disable\n 1 {ENTER}\n 2 enable\n 2 {ENTER}"));
    story.once("1 refused symbol_disabled").once("2 submit 1");
}

#[test]
fn emergency_beats_stop_beats_target_beats_close() {
    let held = format!("0 trade 10 1\n 0.1 {ENTER}\n 0.2 fill 1 100 10\n 0.2 done 1\n");
    let rules = |e1: &str, ze1: &str| plain().stop(1.0).target(1.0).e1(e1, 60.0).ze1(ze1);
    let run = |def: StrategyDef, script: &str| one(def).by_hand(script).with("POSITION_ACTIVE >").join("");
    // One trade makes the rules true and also reaches the stop.
    let low = format!("{held} 60 trade 9 1");
    assert_eq!(run(rules("PRICE <= 9", "PRICE <= 9"), &low), "60 POSITION_ACTIVE > EMERGENCY_EXIT E1");
    assert_eq!(run(rules("", "PRICE <= 9"), &low), "60 POSITION_ACTIVE > EMERGENCY_EXIT SL");
    // One bar reaches stop and target, and its close makes the rules true: prices inside the bar come before
    // its end.
    let bar = format!("{held} 60 bar 10 11 9 10.5 5 60");
    assert_eq!(run(rules("PRICE >= 10.5", "PRICE >= 10.5"), &bar), "60 POSITION_ACTIVE > EMERGENCY_EXIT SL");
    let target_only = plain().target(1.0).ze1("PRICE >= 10.5");
    assert_eq!(run(target_only, &bar), "60 POSITION_ACTIVE > CLOSE_ORDER_EVALUATION TP");
    assert_eq!(run(plain().ze1("PRICE >= 10.5"), &bar), "60 POSITION_ACTIVE > CLOSE_ORDER_EVALUATION ZE1");
    // Data loss ranks between stop and target, the maximum holding time between target and close.
    let blind = plain().stop(1.0).target(1.0).ze1("SLIPPAGE_PCT[side=sell,notional=500] > 50").with(|def| {
        def.on_data_loss = Some(DataLoss { after: seconds(20.0), close: true });
    });
    let lost = |what: &str| {
        one(blind.clone())
            .by_hand(&format!("{held} 1 book 9.99x1 / 10x1000\n 21 {what}"))
            .with("POSITION_ACTIVE >")
            .join("")
    };
    assert_eq!(lost("trade 11 1\n 22 end"), "21 POSITION_ACTIVE > CLOSE_ORDER_EVALUATION TP");
    assert_eq!(lost("trade 10 1\n 21.5 trade 11 1"), "21.5 POSITION_ACTIVE > EMERGENCY_EXIT DATA");
    assert_eq!(lost("trade 10 1\n 21.5 trade 9 1"), "21.5 POSITION_ACTIVE > EMERGENCY_EXIT SL");
    let late = plain().ze1("PRICE >= 10.5").with(|def| def.max_hold = Some(seconds(60.0)));
    assert_eq!(
        run(late, &format!("{held} 60.2 trade 10.5 1")),
        "60.2 POSITION_ACTIVE > CLOSE_ORDER_EVALUATION TIME"
    );
}

#[test]
fn no_signal_and_no_entry_into_an_emergency() {
    let def = plain().e1("ASK_QTY >= 5000", 60.0);
    one(def.clone()).by_hand("0 book 9.99x105 / 10x5000\n 5 end").says("");
    let story = one(def.clone()).by_hand(&format!("0 {SIGNAL}\n 1 book 9.99x105 / 10x5000\n 2 {ENTER}"));
    story.says(
        "0 MONITORING > SIGNAL_DETECTED S1
         1 refused emergency_condition 1.000000 0.000000
         2 SIGNAL_DETECTED > ENTRY_EVALUATION Z1
         2 submit 1 buy 100 market Entry",
    );
    // Without a position its values are unknown and do not block the entry.
    one(plain().e1("any(PNL <= -5; LOSS >= 5)", 60.0)).by_hand(&format!("0 {ENTER}")).once("0 submit 1");
}

#[test]
fn at_most_two_section_transitions_in_one_evaluation() {
    // S1 then O1; without a cooldown S1 is true again, but only the next evaluation may detect it.
    let def = plain().o1("BID_QTY >= 0", None, 0.0);
    let story = one(def.clone()).by_hand(&format!("0 {ENTER}\n 0.05 end"));
    story.says("0 MONITORING > SIGNAL_DETECTED S1\n 0 SIGNAL_DETECTED > SIGNAL_CANCELLED O1\n 0 SIGNAL_CANCELLED > MONITORING COOLDOWN");
    // S1 then Z1.
    one(plain())
        .by_hand(&format!("0 {ENTER}"))
        .once("0 MONITORING > SIGNAL_DETECTED S1")
        .once("0 SIGNAL_DETECTED > ENTRY_EVALUATION Z1");
}

#[test]
fn entry_rules_are_looked_at_every_100_ms_and_the_last_value_is_not_lost() {
    let story = one(plain()).by_hand(&format!("0 {NOTHING}\n 0.03 {SIGNAL}\n 0.06 {ENTER}\n 0.5 end"));
    // 0.03 and 0.06 are within the interval: one trailing evaluation at 0.1 sees the last of them.
    story.once("0.1 MONITORING > SIGNAL_DETECTED S1").once("0.1 submit 1");
    // A state that begins and ends within the interval is not evaluated.
    one(plain()).by_hand(&format!("0 {NOTHING}\n 0.03 {ENTER}\n 0.06 {NOTHING}\n 0.5 end")).says("");
    // Z1 after a signal: evaluated at 0.1, postponed from 0.15 to 0.2.
    let story = one(plain()).by_hand(&format!("0.1 {SIGNAL}\n 0.15 {ENTER}\n 0.5 end"));
    story.once("0.2 submit 1");
    // Exits are evaluated without that interval.
    let story = one(plain().stop(1.0))
        .by_hand(&format!("0 {ENTER}\n 0.01 fill 1 100 10\n 0.01 done 1\n 0.02 trade 9.8 1"));
    story.once("0.02 POSITION_ACTIVE > EMERGENCY_EXIT SL");
}

#[test]
fn both_directions_are_two_instances() {
    let def = plain().with(|def| def.direction = Direction::Both);
    let story = one(def.clone()).by_hand(&format!("0 {ENTER}"));
    story.once("0 submit 1 buy 100 market").once("0 #1 refused symbol_locked");
    let mut free = one(def);
    free.session.risk.exclusive_symbols = false;
    free.by_hand(&format!("0 {ENTER}"))
        .once("0 submit 1 buy 100 market")
        .once("0 #1 submit 2 sell 100.1 market");
}

#[test]
fn memory_starts_afresh_with_its_section() {
    // The duration in Z1 counts from the signal.
    let def = strategy("x").s1("BID_QTY >= 105").z1("ASK_QTY >= 1000 for 2").market();
    let story = one(def).by_hand(&format!("0 book 9.99x100 / 10x1000\n 5 {ENTER}\n 10 end"));
    story.once("5 MONITORING > SIGNAL_DETECTED S1").once("7 submit 1");
    // The duration in ZE1 counts from the opening of the position.
    let def = plain().ze1("BID_QTY >= 105 for 3");
    let story = one(def).by_hand(&format!("0 {ENTER}\n 2 fill 1 100 10\n 2 done 1\n 10 end"));
    story.once("5 POSITION_ACTIVE > CLOSE_ORDER_EVALUATION ZE1");
}

/// The price just left what would have been the median without the gap: the gate slept, and the median is
/// another one.
#[test]
fn a_gap_wakes_a_gate_that_sleeps() {
    let def = strategy("x")
        .s1("PRICE_VS_MEDIAN_PCT[t1=10,high_t1=6,min_coverage=0] >= 50")
        .z1("PRICE > 1000")
        .market();
    let script = "0 trade 10 1\n 4.5 trade 14 1\n 9.6 gap 4.6\n 9.7 trade 16 1\n 10 end";
    one(def).simulate(script).once("9.7 MONITORING > SIGNAL_DETECTED");
}
