//! Properties of every sequence of events: equal to the oracle, half-open windows, scale invariance, bounded
//! memory.

use super::oracle::Oracle;
use super::*;
use proptest::prelude::*;

/// One random step: the time that passes before it, and the event.
#[derive(Clone, Debug)]
struct Step {
    nanos: i64,
    what: u8,
    price: i64,
    qty: i64,
    buys: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Equal times, bursts within a millisecond, ordinary gaps between trades, and silences longer than the
    // windows.
    let nanos = prop_oneof![
        Just(0),
        1_i64..900_000,
        (1_i64..3_000).prop_map(|ms| ms * 1_000_000),
        (1_i64..40).prop_map(|s| s * 1_000_000_000)
    ];
    let step = (nanos, 0_u8..40, 900_i64..1_100, 0_i64..50, any::<bool>());
    let step = step.prop_map(|(nanos, what, price, qty, buys)| Step { nanos, what, price, qty, buys });
    prop::collection::vec(step, 2..90)
}

/// Mostly trades, some books, rarely a gap.
fn tape_of(steps: &[Step]) -> Tape {
    let mut tape = Tape::new();
    let mut now = at(1_000.0);
    for step in steps {
        let before = now;
        now = now + Span::from_nanos(step.nanos);
        let level = |price: i64, qty: i64| vec![Level { price: Price(price), qty: Qty(qty) }];
        let event = match step.what {
            0 => Event::Gap(Gap { from: before, to: now, cause: GapCause::Disconnect }),
            1 => Event::Book(level(step.price, step.qty), Vec::new()),
            2..=12 => Event::Book(
                level(step.price, step.qty),
                level(step.price + i64::from(step.what) - 3, step.qty * 2 + 1),
            ),
            13 => Event::Tick,
            _ => {
                let taker = if step.buys { Side::Buy } else { Side::Sell };
                Event::Trade(Trade { price: Price(step.price), qty: Qty(step.qty + 1), taker })
            }
        };
        tape = tape.event(now, event);
    }
    tape
}

/// Compares with the oracle; `None` means missing for any reason.
fn same(got: Value, expected: Option<f64>) -> Result<(), TestCaseError> {
    let expected = expected.filter(|value| value.is_finite());
    match (got, expected) {
        (Ok(got), Some(expected)) => {
            prop_assert!((got - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{got} is not {expected}")
        }
        (Err(_), None) => {}
        _ => prop_assert!(false, "{got:?} is not {expected:?}"),
    }
    Ok(())
}

/// Type, parameters, and the oracle's formula.
type Case = (&'static str, &'static str, fn(&Oracle<'_>) -> Option<f64>);

const CENT: f64 = 0.01;

fn change(current: f64, baseline: f64) -> f64 {
    100.0 * (current - baseline) / baseline
}

fn mean_ticks(oracle: &Oracle<'_>, t1: f64, t2: f64) -> Option<f64> {
    let count = oracle.within(t1, t2).len() as f64;
    oracle.whole(t1, t2).then(|| oracle.sum(t1, t2, |trade| trade.price.0 as f64) / count)
}

fn bought(trade: &Trade) -> f64 {
    if trade.taker == Side::Buy { trade.qty.0 as f64 } else { 0.0 }
}

fn lots(trade: &Trade) -> f64 {
    trade.qty.0 as f64
}

fn median_of(mut sums: Vec<f64>) -> f64 {
    sums.sort_by(f64::total_cmp);
    let n = sums.len();
    (sums[(n - 1) / 2] + sums[n / 2]) / 2.0
}

const CASES: &[Case] = &[
    ("TWPA", "t1=7", |o| Some(o.twa(7.0, 0.0)? * CENT)),
    ("TWPA", "t1=20 t2=3.5", |o| Some(o.twa(20.0, 3.5)? * CENT)),
    ("TWPA_RATIO", "t1=5 t2=0 t3=20 t4=5", |o| Some(o.twa(5.0, 0.0)? / o.twa(20.0, 5.0)?)),
    ("PRICE_VELOCITY", "t1=3 t3=15 d=5", |o| o.velocity(3.0, 15.0, 5.0, 0.0)),
    ("PRICE_ACCELERATION", "t1=3 t3=15 d=5 h=2", |o| {
        Some((o.velocity(3.0, 15.0, 5.0, 0.0)? - o.velocity(3.0, 15.0, 5.0, 2.0)?) / 2.0)
    }),
    ("PRICE_MOMENTUM", "t1=6 t2=1 t3=20 t4=6", |o| {
        Some(change(mean_ticks(o, 6.0, 1.0)?, mean_ticks(o, 20.0, 6.0)?))
    }),
    ("MAX_PRICE", "t1=9", |o| Some(o.extremes(9.0, 0.0)?.1 * CENT)),
    ("MIN_PRICE", "t1=25 t2=4", |o| Some(o.extremes(25.0, 4.0)?.0 * CENT)),
    ("PRICE_RANGE_PCT", "t1=12", |o| o.extremes(12.0, 0.0).map(|(low, high)| change(high, low))),
    ("RANGE_POSITION_PCT", "t1=12", |o| {
        let (low, high) = o.extremes(12.0, 0.0)?;
        Some(100.0 * (o.last()? - low) / (high - low))
    }),
    ("MEDIAN_PRICE", "t1=10", |o| Some(o.median_of_seconds(10.0, 0.0)? * CENT)),
    ("MEDIAN_PRICE", "t1=16.5 t2=2.25", |o| Some(o.median_of_seconds(16.5, 2.25)? * CENT)),
    ("PRICE_VS_MEDIAN_PCT", "t1=10 t2=2 high_t1=4", |o| {
        Some(change(o.extremes(4.0, 0.0)?.1, o.median_of_seconds(10.0, 2.0)?))
    }),
    ("VOLUME_SPIKE_RATIO", "t1=6 t3=20 t4=6 method=rate", |o| {
        (o.whole(6.0, 0.0) && o.whole(20.0, 6.0))
            .then(|| o.sum(6.0, 0.0, lots) / 6.0 / (o.sum(20.0, 6.0, lots) / 14.0))
    }),
    ("VOLUME_SPIKE_RATIO", "t1=6 t3=20 t4=8 method=rate side=buy", |o| {
        (o.whole(6.0, 0.0) && o.whole(20.0, 8.0))
            .then(|| o.sum(6.0, 0.0, bought) / 6.0 / (o.sum(20.0, 8.0, bought) / 12.0))
    }),
    ("VOLUME_SURGE_RATIO", "t1=4 t2=0 t3=21 t4=4", |o| {
        let buckets = o.buckets(4.0, 0.0, 21.0, 4.0, lots);
        let mean = buckets.iter().sum::<f64>() / buckets.len() as f64;
        let median = median_of(buckets);
        (o.whole(4.0, 0.0) && o.whole(21.0, 4.0))
            .then(|| o.sum(4.0, 0.0, lots) / if median > 0.0 { median } else { mean })
    }),
    ("TRADE_FREQUENCY_SPIKE", "t1=6 t2=1 t3=21 t4=6", |o| {
        (o.whole(6.0, 1.0) && o.whole(21.0, 6.0))
            .then(|| o.within(6.0, 1.0).len() as f64 / 5.0 / (o.within(21.0, 6.0).len() as f64 / 15.0))
    }),
    ("ORDER_FLOW_IMBALANCE", "t1=8", |o| {
        let (buy, all) = (o.sum(8.0, 0.0, bought), o.sum(8.0, 0.0, lots));
        (o.whole(8.0, 0.0) && o.within(8.0, 0.0).len() >= 3).then(|| 100.0 * (buy - (all - buy)) / all)
    }),
    ("CVD", "t1=13 t2=1", |o| {
        o.whole(13.0, 1.0).then(|| 2.0 * o.sum(13.0, 1.0, bought) - o.sum(13.0, 1.0, lots))
    }),
    ("RUSH_ORDER_COUNT", "t1=10", |o| o.whole(10.0, 0.0).then(|| o.rush(10.0, 0.0, Some(Side::Buy), 2))),
    ("RUSH_ORDER_COUNT", "t1=15 t2=0.5 side=any min_fills=3", |o| {
        o.whole(15.0, 0.5).then(|| o.rush(15.0, 0.5, None, 3))
    }),
    ("RETRACEMENT_OF_PUMP_PCT", "lookback=10 t3=20 d=8 min_pump_pct=2.0317", |o| {
        let (peak, baseline) = (o.extremes(10.0, 0.0)?.1, o.twa(20.0, 12.0)?);
        // A bound that no ratio of these prices equals exactly.
        (change(peak, baseline) >= 2.0317).then_some(100.0 * (peak - o.last()?) / (peak - baseline))
    }),
    ("DRAWDOWN_FROM_PEAK_PCT", "lookback=10", |o| Some(-change(o.last()?, o.extremes(10.0, 0.0)?.1))),
];

/// The same for books; only checked while the book is not stale.
const BOOK_CASES: &[Case] = &[
    ("BID_ASK_IMBALANCE", "t1=6", |o| {
        o.book_twa(6.0, 0.0, |bids, asks| {
            let (bid, ask) = (bids.first()?.qty.0 as f64, asks.first()?.qty.0 as f64);
            (bid + ask > 0.0).then(|| 100.0 * (bid - ask) / (bid + ask))
        })
    }),
    ("SPREAD_PCT", "t1=8 t2=1", |o| o.book_twa(8.0, 1.0, spread)),
    ("SPREAD_WIDENING_RATIO", "t1=4 t2=0 t3=14 t4=4", |o| {
        Some(o.book_twa(4.0, 0.0, spread)? / o.book_twa(14.0, 4.0, spread)?)
    }),
    ("LIQUIDITY_DRAIN_INDEX", "t1=4 t2=0 t3=14 t4=4 min_baseline=1", |o| {
        let baseline = o.book_twa(14.0, 4.0, liquidity)?;
        (baseline >= 1.0).then_some(100.0 * (baseline - o.book_twa(4.0, 0.0, liquidity)?) / baseline)
    }),
];

fn spread(bids: &[Level], asks: &[Level]) -> Option<f64> {
    let (bid, ask) = (bids.first()?.price.0 as f64, asks.first()?.price.0 as f64);
    (ask > bid).then(|| 100.0 * (ask - bid) / ((ask + bid) / 2.0))
}

fn liquidity(bids: &[Level], asks: &[Level]) -> Option<f64> {
    let value = |level: &Level| level.price.0 as f64 * CENT * level.qty.0 as f64;
    Some(value(bids.first()?) + value(asks.first()?))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_family_agrees_with_its_definition(steps in steps(), after in prop::collection::vec(0_i64..4_000_000_000, 1..4)) {
        let tape = tape_of(&steps);
        let specs: Vec<_> = CASES.iter().chain(BOOK_CASES).map(|(kind, params, _)| spec_of(kind, params)).collect();
        // One player is read at every event, the other only now and then; both must give the same values.
        let (mut often, mut seldom) = (Player::new(&tape, &specs), Player::new(&tape, &specs));
        often.ask_always = true;
        let mut times: Vec<Timestamp> = tape.events.iter().map(|(at, _)| *at).step_by(7).collect();
        let mut last = tape.events[tape.events.len() - 1].0;
        for nanos in after {
            last = last + Span::from_nanos(nanos);
            times.push(last);
        }
        for now in times {
            // A time is read after all its events, as the oracle sees them.
            let (values, again) = (often.play_until(now), seldom.play_until(now));
            prop_assert_eq!(&values, &again, "at {}", now);
            let oracle = Oracle::new(&tape, now);
            let believable = often.market.book_is_live(now);
            for (index, (kind, params, expected)) in CASES.iter().chain(BOOK_CASES).enumerate() {
                let expected = if index < CASES.len() || believable { expected(&oracle) } else { None };
                same(values[index], expected).map_err(|error| TestCaseError::fail(format!("{kind}({params}) at {now}: {error}")))?;
            }
        }
    }
}

#[test]
fn a_window_has_its_end_but_not_its_start() {
    let tape = Tape::new()
        .trade(0.0, 1.0, 1.0, 'B')
        .trade(50.0, 2.0, 10.0, 'B')
        .trade(60.0, 3.0, 100.0, 'B')
        .tick(70.0);
    let cvd = |params| tape.value_at("CVD", params, 70.0).unwrap();
    assert_eq!(
        (cvd("t1=20"), cvd("t1=20.000000001"), cvd("t1=20 t2=10"), cvd("t1=20 t2=10.000000001")),
        (100.0, 110.0, 100.0, 0.0)
    );
    let highest = |params| tape.value_at("MAX_PRICE", params, 70.0);
    assert_eq!((highest("t1=10"), highest("t1=20 t2=10")), (Err(Missing::EmptyWindow), Ok(3.0)));
    // The carried-in price of a trade exactly at the start holds from there.
    assert_eq!(tape.value_at("TWPA", "t1=20 t2=10", 70.0), Ok(2.0));
}

#[test]
fn ratios_do_not_know_the_scale_of_price_or_quantity() {
    let kinds = [
        ("TWPA_RATIO", "t1=30 t2=0 t3=90 t4=30"),
        ("PUMP_MAGNITUDE_PCT", ""),
        ("PRICE_VELOCITY", "t1=10 t3=40 d=10"),
        ("PRICE_ACCELERATION", "t1=10 t3=40 d=10"),
        ("VELOCITY_CASCADE", ""),
        ("VELOCITY_STABILIZATION_INDEX", ""),
        ("PRICE_MOMENTUM", "t1=30 t3=90 t4=30"),
        ("VOLUME_SURGE_RATIO", "t1=30 t3=90 t4=30"),
        ("VOLUME_SPIKE_RATIO", "t1=30 t3=90 t4=30 method=rate weight=quote"),
        ("ORDER_FLOW_IMBALANCE", "weight=quote"),
        ("RETRACEMENT_OF_PUMP_PCT", "lookback=60 t3=60 d=30"),
        ("PRICE_RANGE_PCT", ""),
        ("RANGE_POSITION_PCT", ""),
        ("PRICE_VS_MEDIAN_PCT", "t1=90"),
        ("SUPPORT_LEVEL_PROXIMITY", "t_support_start=90 t_support_end=40"),
        ("SPREAD_PCT", "t1=30"),
        ("SPREAD_WIDENING_RATIO", "t1=20 t2=0 t3=100 t4=20"),
        ("BID_ASK_IMBALANCE", ""),
    ];
    let plain = reference();
    // A coin of 10^-9 with lots of a hundredth: the same ticks and lots mean other prices and quantities.
    let cheap = Tape { spec: symbol("0.000000000001", "0.01"), ..plain.clone() };
    for (kind, params) in kinds {
        let (one, other) =
            (plain.value_at(kind, params, 100.0).unwrap(), cheap.value_at(kind, params, 100.0).unwrap());
        assert!((one - other).abs() <= 1e-9 * one.abs(), "{kind}: {one} and {other}");
    }
}

#[test]
fn book_averages_of_the_cheapest_coin_keep_their_digits() {
    let coin = symbol("0.0000000001", "1");
    let tape = Tape::of(coin)
        .book(0.0, 1.23e-8, 5e9, 1.25e-8, 5e9)
        .book(50.0, 1.29e-8, 5e9, 1.31e-8, 5e9)
        .tick(60.0);
    let mean = tape.value_at("TW_MIDPRICE", "t1=20 t2=0", 60.0).unwrap();
    assert!((mean / 1.27e-8 - 1.0).abs() < 1e-7, "{mean}");
}

#[test]
fn a_gap_is_not_carried_across() {
    let tape = reference().gap(101.0, 110.0).trade(111.0, 12.0, 1.0, 'B').tick(200.0);
    assert_eq!(tape.value_at("TWPA", "t1=20", 115.0), Err(Missing::Gap));
    assert_eq!(tape.value_at("CVD", "t1=20", 115.0), Err(Missing::Gap));
    assert_eq!(tape.value_at("MEDIAN_PRICE", "t1=20", 115.0), Err(Missing::Gap));
    assert_eq!(tape.value_at("SPREAD_PCT", "t1=20", 115.0), Err(Missing::NoBook));
    assert_eq!(tape.value_at("TWPA", "t1=20 min_coverage=0.3", 115.0), Ok(11.35));
    assert_eq!(tape.value_at("TWPA", "t1=20", 131.0), Ok(12.0));
}

#[test]
fn every_type_builds_and_checks_with_its_defaults() {
    for kind in ALL {
        let spec = kind.spec(&[]);
        assert_eq!((kind.check)(&spec), None, "{}", kind.name);
        Player::new(&reference(), &[spec]).play_until(at(100.0));
        let names: Vec<_> = kind.params.iter().map(|param| param.name).collect();
        assert_eq!(
            names.len(),
            names.iter().collect::<std::collections::BTreeSet<_>>().len(),
            "{}",
            kind.name
        );
    }
}

#[test]
fn taker_sides_need_single_trades() {
    let channels = |kind: &str, params: &str| find(kind).unwrap().channels(&spec_of(kind, params));
    assert_eq!(channels("VOLUME_SPIKE_RATIO", ""), [DataKind::Price]);
    assert_eq!(channels("VOLUME_SPIKE_RATIO", "side=buy"), [DataKind::Trades]);
    assert_eq!(channels("PRICE_MOMENTUM", ""), [DataKind::Trades]);
    assert_eq!(channels("PRICE_MOMENTUM", "mode=time"), [DataKind::Price]);
    assert_eq!(channels("SLIPPAGE_PCT", "side=buy"), [DataKind::Book]);
}
