//! Reference vectors, each checked to half a unit of its last printed digit.

use super::*;

/// Type, parameters, value as printed.
const AT_100: &[(&str, &str, &str)] = &[
    ("TWPA", "t1=10 t2=0", "10.80"),
    ("TWPA", "t1=60 t2=30", "10.05"),
    ("TWPA", "t1=30 t2=0", "10.45"),
    ("TWPA", "t1=60 t2=0", "10.25"),
    ("TWPA", "t1=100 t2=0", "10.15"),
    ("TWPA", "t1=120 t2=0 min_coverage=0.8", "10.15"),
    ("TWPA", "t1=50 t2=50", "10.10"),
    ("TWPA_RATIO", "t1=30 t2=0 t3=90 t4=30", "1.042394"),
    ("PUMP_MAGNITUDE_PCT", "t1=10 t3=60 d=30", "7.462687"),
    ("PRICE_VELOCITY", "t1=10 t3=60 d=30", "0.1865672"),
    ("PRICE_VELOCITY", "t1=5 t3=15 d=5", "0.4000000"),
    ("PRICE_VELOCITY", "t1=10 t3=40 d=10", "0.2666667"),
    ("PRICE_VELOCITY", "t1=20 t3=80 d=20", "0.0958333"),
    ("PRICE_MOMENTUM", "t1=30 t2=0 t3=90 t4=30", "7.196030"),
    ("PRICE_MOMENTUM", "t1=30 t2=0 t3=90 t4=30 mode=time", "4.2394"),
    ("VOLUME_SURGE_RATIO", "t1=30 t2=0 t3=90 t4=30", "8.75"),
    ("VELOCITY_CASCADE", "", "0.505392"),
    ("MOMENTUM_REVERSAL_INDEX", "", "-43.33333"),
    ("VELOCITY_STABILIZATION_INDEX", "num_samples=3 sample_interval=5 t1=10 t3=40 d=10", "0.3653508"),
    ("SUPPORT_LEVEL_PROXIMITY", "t1=10 t_support_start=90 t_support_end=40", "7.676969"),
    ("LIQUIDITY_DRAIN_INDEX", "t1=20 t2=0 t3=100 t4=20", "-13.796091"),
    ("BID_ASK_IMBALANCE", "t1=30 t2=0", "36.484848"),
    ("BID_ASK_IMBALANCE", "smoothing=false", "-10.000000"),
    ("SPREAD_PCT", "", "1.099908"),
    ("SPREAD_PCT", "t1=30", "0.437493"),
    ("VOLUME_SPIKE_RATIO", "t1=30 t2=0 t3=90 t4=30 method=rate", "8.75"),
    ("VOLUME_SPIKE_RATIO", "t1=30 t2=0 t3=90 t4=30", "8.75"),
    ("TRADE_FREQUENCY_SPIKE", "t1=30 t2=0 t3=90 t4=30", "2.0"),
    ("ORDER_FLOW_IMBALANCE", "t1=30 t2=0", "71.428571"),
    ("ORDER_FLOW_IMBALANCE", "t1=30 t2=0 weight=quote", "71.221122"),
    ("CVD", "t1=60 t2=0", "1050"),
    ("PUMP_PEAK_PRICE", "lookback=60", "11.00"),
    ("RETRACEMENT_OF_PUMP_PCT", "lookback=60 t3=60 d=30", "10.526316"),
    ("DRAWDOWN_FROM_PEAK_PCT", "lookback=60", "0.909091"),
    ("MOMENTUM_DECAY", "lookback=60", "0.909091"),
    ("PRICE_ACCELERATION", "t1=10 t3=40 d=10 h=5", "0.014"),
    ("SPREAD_WIDENING_RATIO", "t1=20 t2=0 t3=100 t4=20", "2.782389"),
    ("RISK_SCORE", "drain_t1=20 drain_t3=100 drain_t4=20", "35.57197"),
    // By hand: lowest 10, highest 11, last 10.9.
    ("PRICE_RANGE_PCT", "t1=60", "10.0000"),
    ("RANGE_POSITION_PCT", "t1=60", "90.0000"),
    ("MAX_PRICE", "t1=30 t2=0", "11.0"),
    ("MIN_PRICE", "t1=30 t2=0", "10.5"),
    // By hand: the seconds 51..=100 see 10.1 five times, 10 fifteen times, 10.2 fifteen, 10.5 seven, 10.8
    // four, 11 two and 10.9 two; the 25th and 26th by size are 10.2.
    ("MEDIAN_PRICE", "t1=50", "10.2000"),
    ("PRICE_VS_MEDIAN_PCT", "t1=50 high_t1=3", "6.8627"),
    // By hand: bought 1200 of (30,0], bought 80 and 120 in the baseline.
    ("VOLUME_SPIKE_RATIO", "t1=30 t3=90 t4=30 method=rate side=buy", "12.0000"),
    ("VOLUME_SPIKE_RATIO", "t1=30 t3=90 t4=30 method=rate side=sell", "3.3333"),
    ("VOLUME_SPIKE_RATIO", "t1=30 t3=90 t4=30 method=rate side=sell weight=quote", "3.6333"),
    ("DEPTH_USDT", "t1=0 depth_pct=1", "21832.0"),
    ("DEPTH_USDT", "t1=20 side=bid depth_pct=1", "17124.75"),
    ("RUSH_ORDER_COUNT", "t1=60 min_fills=1 side=any", "6"),
    ("RUSH_ORDER_COUNT", "t1=60 min_fills=1 side=sell", "2"),
    ("RUSH_ORDER_COUNT", "t1=60", "0"),
];

fn close_to(value: f64, printed: &str) -> bool {
    let digits = printed.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    (value - printed.parse::<f64>().unwrap()).abs() <= 0.5 * libm::exp10(-(digits as f64)) * (1.0 + 1e-9)
}

#[test]
fn the_reference_tape_gives_the_reference_values() {
    let tape = reference();
    for (kind, params, printed) in AT_100 {
        for value in [tape.value_at(kind, params, 100.0), tape.value_at_asked_often(kind, params, 100.0)] {
            let value = value.unwrap_or_else(|why| panic!("{kind}({params}): {why:?}"));
            assert!(close_to(value, printed), "{kind}({params}) = {value}, not {printed}");
        }
    }
}

#[test]
fn what_is_not_known_is_missing_for_its_reason() {
    let tape = reference();
    let missing = |kind, params| tape.value_at(kind, params, 100.0).unwrap_err();
    assert_eq!(missing("TWPA", "t1=120 t2=0"), Missing::WarmUp);
    assert_eq!(missing("PUMP_MAGNITUDE_PCT", "t1=10 t3=110 d=30"), Missing::WarmUp);
    assert_eq!(missing("BID_ASK_IMBALANCE", "t1=120"), Missing::WarmUp);
    assert_eq!(missing("PRICE_MOMENTUM", "t1=30 t2=0 t3=39 t4=31"), Missing::EmptyWindow);
    assert_eq!(missing("PUMP_PEAK_PRICE", "lookback=600"), Missing::WarmUp);
    assert_eq!(
        missing("RETRACEMENT_OF_PUMP_PCT", "lookback=60 t3=60 d=30 min_pump_pct=20"),
        Missing::BelowMinimum
    );
    assert_eq!(missing("VOLUME_SURGE_RATIO", "t1=2 t2=1 t3=19 t4=16"), Missing::ZeroDenominator);
    assert_eq!(missing("ORDER_FLOW_IMBALANCE", "t1=2 t2=1"), Missing::EmptyWindow);
    assert_eq!(missing("ORDER_FLOW_IMBALANCE", "t1=3"), Missing::TooFew);
    assert_eq!(missing("RANGE_POSITION_PCT", "t1=2.5"), Missing::ZeroDenominator);
    assert_eq!(missing("RANGE_POSITION_PCT", "t1=1.5"), Missing::EmptyWindow);
    assert_eq!(
        missing("LIQUIDITY_DRAIN_INDEX", "t1=20 t2=0 t3=100 t4=20 min_baseline=10000 depth_pct=0.01"),
        Missing::BelowMinimum
    );
    assert_eq!(missing("SLIPPAGE_PCT", "notional=20000"), Missing::TooThin);
    for kind in ["FUNDING_RATE_PCT", "BASIS_PCT", "OPEN_INTEREST_CHANGE_PCT"] {
        assert_eq!(missing(kind, ""), Missing::NotRecorded);
    }
    let trades_only = Tape::new().trade(0.0, 10.0, 1.0, 'B').trade(50.0, 11.0, 1.0, 'B');
    for kind in ["SPREAD_PCT", "BID_ASK_IMBALANCE", "DEPTH_USDT", "SLIPPAGE_PCT"] {
        assert_eq!(trades_only.value_at(kind, "", 60.0), Err(Missing::NoBook), "{kind}");
    }
}

#[test]
fn a_zero_median_falls_back_to_the_mean_of_the_buckets() {
    // Buckets of 10 s before T−10: 0, 0, 30 → median 0, mean 10.
    let tape = Tape::new().trade(0.0, 1.0, 5.0, 'B').trade(65.0, 1.0, 30.0, 'B').trade(95.0, 1.0, 20.0, 'B');
    assert_eq!(tape.value_at("VOLUME_SURGE_RATIO", "t1=10 t3=40 t4=10", 100.0), Ok(2.0));
}

#[test]
fn slippage_walks_the_book() {
    let tape = Tape::new().depth(
        0.0,
        &[(10.85, 900.0), (10.80, 5000.0)],
        &[(10.97, 1100.0), (10.99, 900.0), (11.05, 2000.0)],
    );
    let buy = tape.value_at("SLIPPAGE_PCT", "side=buy notional=27483", 1.0).unwrap();
    assert!(close_to(buy, "0.7626"), "{buy}");
    // By hand: 900·10.85 + 2343.75·10.80 = 35077.5, 3243.75 pieces at 10.813873.
    let sell = tape.value_at("SLIPPAGE_PCT", "side=sell notional=35077.5", 1.0).unwrap();
    assert!(close_to(sell, "0.881092"), "{sell}");
}

#[test]
fn liquidity_counts_levels_or_everything_near_mid() {
    let tape = Tape::new()
        .depth(0.0, &[(10.0, 100.0), (9.0, 100.0)], &[(11.0, 100.0), (12.0, 100.0)])
        .depth(50.0, &[(10.0, 50.0), (9.0, 100.0)], &[(11.0, 100.0), (12.0, 50.0)])
        .tick(100.0);
    let drain = |params: &str| {
        tape.value_at("LIQUIDITY_DRAIN_INDEX", &format!("t1=50 t3=100 t4=50 {params}"), 100.0).unwrap()
    };
    assert!(close_to(drain(""), "23.8095"), "2100 to 1600");
    assert!(close_to(drain("levels=2"), "26.1905"), "4200 to 3100");
    assert!(close_to(drain("depth_pct=10"), "23.8095"), "9.45 to 11.55");
}

#[test]
fn funding_basis_and_open_interest() {
    let tape = Tape::new()
        .trade(0.0, 10.10, 1.0, 'B')
        .event(at(1.0), Event::Mark(Price(1_001), Price(1_000)))
        .event(at(1.0), Event::Funding(Rate(-375_000)))
        .event(at(10.0), Event::OpenInterest(Qty(1_000)))
        .event(at(200.0), Event::OpenInterest(Qty(1_100)));
    assert!(close_to(tape.value_at("BASIS_PCT", "", 300.0).unwrap(), "1.000000"));
    assert!(close_to(tape.value_at("FUNDING_RATE_PCT", "", 300.0).unwrap(), "-0.037500"));
    let change = |ago: &str, now| tape.value_at("OPEN_INTEREST_CHANGE_PCT", ago, now);
    assert!(close_to(change("t1=150", 300.0).unwrap(), "10.000000"));
    assert_eq!(change("t1=100", 300.0), Ok(0.0));
    assert_eq!(change("t1=291", 300.0), Err(Missing::WarmUp));
    assert_eq!(change("t1=291", 9.0), Err(Missing::NotRecorded));
}

#[test]
fn rush_orders_are_milliseconds_with_several_fills_of_one_side() {
    let mut tape = Tape::new().trade(0.0, 1.0, 1.0, 'B');
    // Three buys and a sell in one millisecond, two buys in the next, two buys in different milliseconds.
    for (seconds, taker) in [
        (10.001, 'B'),
        (10.001, 'S'),
        (10.001_2, 'B'),
        (10.001_9, 'B'),
        (10.002, 'B'),
        (10.002, 'B'),
        (11.0, 'B'),
        (11.001, 'B'),
    ] {
        tape = tape.trade(seconds, 1.0, 1.0, taker);
    }
    let count = |params, now| tape.value_at("RUSH_ORDER_COUNT", params, now).unwrap();
    assert_eq!(count("t1=10", 12.0), 2.0);
    assert_eq!(count("t1=10 min_fills=3", 12.0), 1.0);
    assert_eq!(count("t1=10 min_fills=3 side=any", 12.0), 1.0);
    assert_eq!(count("t1=10 min_fills=4 side=any", 12.0), 1.0);
    assert_eq!(count("t1=10 side=sell", 12.0), 0.0);
    assert_eq!(count("t1=2 t2=1", 11.001), 0.0, "the second fill comes after the window");
    assert_eq!(count("t1=2 t2=1", 11.001_2), 1.0);
    assert_eq!(count("t1=2", 12.001_2), 1.0, "the first millisecond's second fill has left");
}
