//! A golden trace of one strategy through all states, decision by decision.

use crate::harness::{World, world};
use crate::strategy::{Build, strategy};

/// The book encodes the trace's indicator values: PUMP is the best bid's quantity − 100; VEL is the best
/// ask's quantity / 100 − 10, and missing while the asks are not deep enough to buy for 50 000; SPREAD is the
/// real spread.
fn trace() -> World {
    let vel = |comparison: &str, threshold: f64| {
        format!("ASK_QTY {comparison} SLIPPAGE_PCT[side=buy,notional=50000]*0+{}", (threshold + 10.0) * 100.0)
    };
    let def = strategy("golden")
        .s1("BID_QTY >= 105")
        .o1("BID_QTY <= 101", Some(60.0), 60.0)
        .z1(&format!("all({}; SPREAD_PCT <= 1)", vel(">=", 0.1)))
        .stop(5.0)
        .target(10.0)
        .ze1(&vel("<=", 0.0))
        .e1("any(BID_QTY <= 97)", 120.0);
    world(vec![def])
}

const TO_THE_END_OF_COOLDOWN: &str = "
    0     book 9.985x102 / 10.015x1005,11x9000         # PUMP 2, VEL 0.05, SPREAD 0.3
    5     book 9.985x106 / 10.015x1008,11x9000         # PUMP 6, VEL 0.08
    8     book 9.985x106.5 / 10.015x1008               # PUMP 6.5, VEL missing: not deep enough
    9     book 10.458x107 / 10.5x1020,11x9000          # PUMP 7, VEL 0.2, SPREAD 0.4, ask 10.50
    9.1   book 10.458x107 / 10.51x1020,11x9000
    15    trade 10.8 1
    15    book 10.78x107 / 10.8x1010,11x9000           # VEL 0.1, price 10.80
    20    trade 10.1 1
    20    book 10.08x96.5 / 10.1x970,11x9000           # PUMP -3.5, VEL -0.3, price 10.10
    60    book 10.08x106 / 10.1x970,11x9000            # PUMP 6, in cooldown
    61    book 10.08x102 / 10.1x970,11x9000
    150   book 10.08x106 / 10.1x1000,11x9000           # PUMP 6, VEL 0
";

const FIRST_ROUND: &str = "
    5 MONITORING > SIGNAL_DETECTED S1
    9 SIGNAL_DETECTED > ENTRY_EVALUATION Z1
    9 submit 1 buy 95.2 limit 10.5525 Entry
    9.2 fill 1 95.2 @ 10.51
    9.2 stop 9.9845 SL
    9.2 ENTRY_EVALUATION > POSITION_ACTIVE FILL
    20 POSITION_ACTIVE > EMERGENCY_EXIT E1
    20 submit 2 sell 95.2 market Emergency
    20.2 fill 2 95.2 @ 10.08
    20.2 EMERGENCY_EXIT > EXITED E1
    140.2 EXITED > MONITORING COOLDOWN
";

/// Digest of the decisions of the trace.
pub fn digest() -> String {
    trace()
        .simulate(&format!("{TO_THE_END_OF_COOLDOWN}\n 170 book 10.08x100.8 / 10.1x1000,11x9000\n 231 end"))
        .digest
}

#[test]
fn rows_one_to_twelve_with_one_latency() {
    let script = format!("{TO_THE_END_OF_COOLDOWN}\n 170 book 10.08x100.8 / 10.1x1000,11x9000\n 231 end");
    let expected = format!(
        "{FIRST_ROUND}
         150 MONITORING > SIGNAL_DETECTED S1
         170 SIGNAL_DETECTED > SIGNAL_CANCELLED O1
         230 SIGNAL_CANCELLED > MONITORING COOLDOWN"
    );
    let story = trace().simulate(&script);
    story.says(&expected);
    assert_eq!(story.closed[0].gross.to_string(), "-40.936");
    assert_eq!(story.cash.to_string(), "9959.064");
}

#[test]
fn the_signal_times_out_at_exactly_210() {
    let script = format!("{TO_THE_END_OF_COOLDOWN}\n 250 book 10.08x106 / 10.1x1000,11x9000\n 271 end");
    let expected = format!(
        "{FIRST_ROUND}
         150 MONITORING > SIGNAL_DETECTED S1
         210 SIGNAL_DETECTED > SIGNAL_CANCELLED SIGNAL_TIMEOUT
         270 SIGNAL_CANCELLED > MONITORING COOLDOWN"
    );
    trace().simulate(&script).says(&expected);
}

/// The same trace with scripted fills at 9.2 and 20.3.
#[test]
fn with_the_latencies_of_the_trace() {
    let mut lines: Vec<&str> = TO_THE_END_OF_COOLDOWN.lines().collect();
    lines.insert(6, "9.2 fill 1 95.2 10.51\n 9.2 done 1");
    let at_60 = lines.iter().position(|line| line.trim().starts_with("60 ")).unwrap();
    lines.insert(at_60, "20.3 fill 2 95.2 10.08\n 20.3 done 2");
    let story = trace()
        .by_hand(&format!("{}\n 170 book 10.08x100.8 / 10.1x1000,11x9000\n 231 end", lines.join("\n")));
    story.says(
        "5 MONITORING > SIGNAL_DETECTED S1
         9 SIGNAL_DETECTED > ENTRY_EVALUATION Z1
         9 submit 1 buy 95.2 limit 10.5525 Entry
         9.2 fill 1 95.2 @ 10.51
         9.2 stop 9.9845 SL
         9.2 ENTRY_EVALUATION > POSITION_ACTIVE FILL
         20 POSITION_ACTIVE > EMERGENCY_EXIT E1
         20 submit 2 sell 95.2 market Emergency
         20.3 fill 2 95.2 @ 10.08
         20.3 EMERGENCY_EXIT > EXITED E1
         140.3 EXITED > MONITORING COOLDOWN
         150 MONITORING > SIGNAL_DETECTED S1
         170 SIGNAL_DETECTED > SIGNAL_CANCELLED O1
         230 SIGNAL_CANCELLED > MONITORING COOLDOWN",
    );
    assert_eq!(story.closed[0].net().to_string(), "-40.936");
}

/// The position closes when the target of the trace, 11.561, is reached, and not a tick earlier.
#[test]
fn target_at_11_561() {
    let until_held: String = TO_THE_END_OF_COOLDOWN.lines().take(6).map(|line| format!("{line}\n")).collect();
    let story = trace().simulate(&format!("{until_held}\n 11 trade 11.5609 1\n 12 trade 11.561 1\n 13 end"));
    assert_eq!(story.with("CLOSE_ORDER_EVALUATION TP"), ["12 POSITION_ACTIVE > CLOSE_ORDER_EVALUATION TP"]);
}
