//! Seconds of silence that are passed over together give the same as one by one, and from checkpoints the
//! same as without a break: random sessions both ways.

use crate::harness::{START, World, at, spec, world};
use crate::strategy::{Build, seconds, strategy};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tradingd::checkpoint::{Damaged, Reader, Saved};
use tradingd::domain::event::{Bar, Gap, GapCause, Level, Trade};
use tradingd::domain::ledger::EquityPoint;
use tradingd::domain::num::{Money, Price, Qty, Rate};
use tradingd::domain::order::Side;
use tradingd::domain::strategy::*;
use tradingd::domain::symbol::SymbolId;
use tradingd::domain::time::{Span, Timestamp};
use tradingd::engine::output::Outputs;
use tradingd::session::checkpoint;
use tradingd::session::driver::{Driver, Recorder};
use tradingd::session::ports::{Chunk, TickKind};

const SYMBOLS: usize = 2;

/// Trades, then a silence and how it ends.
#[derive(Clone, Debug)]
struct Burst {
    trades: u8,
    silence: u32,
    then: u8,
    seed: u64,
}

fn bursts() -> impl Strategy<Value = Vec<Burst>> {
    let silence = prop_oneof![
        3 => 0_u32..3_000,
        3 => 90_000_u32..2_000_000,
        3 => (90_u32..2_000).prop_map(|seconds| seconds * 1_000),
        1 => 40_000_000_u32..50_000_000,
    ];
    let burst = (1_u8..30, silence, 0_u8..16, any::<u64>()).prop_map(|(trades, silence, then, seed)| Burst {
        trades,
        silence,
        then,
        seed,
    });
    prop::collection::vec(burst, 1..7)
}

fn next(seed: &mut u64, below: u64) -> i64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    ((*seed >> 33) % below) as i64
}

/// The market of the bursts, with prices around 1,000.00.
fn market(bursts: &[Burst], books: bool) -> Chunk {
    let (mut chunk, mut price) = (Chunk::default(), 100_000_i64);
    let mut now = at(0.0);
    for burst in bursts {
        let mut seed = burst.seed;
        for _ in 0..burst.trades {
            now = now + Span::from_millis(next(&mut seed, 1_500));
            price += next(&mut seed, 61) - 30;
            let taker = if next(&mut seed, 2) == 0 { Side::Buy } else { Side::Sell };
            let trade = Trade { price: Price(price), qty: Qty(1 + next(&mut seed, 400)), taker };
            let symbol = SymbolId(next(&mut seed, SYMBOLS as u64) as u32);
            chunk.push(now, symbol, TickKind::Trade(trade));
            let level = |away: i64, lots: i64| Level { price: Price(price + away), qty: Qty(lots) };
            if books && next(&mut seed, 3) == 0 {
                chunk.push_snapshot(
                    now,
                    symbol,
                    &[level(-2, 60), level(-6, 900)],
                    &[level(3, 80), level(5, 700)],
                );
            }
        }
        let from = now;
        now = now + Span::from_millis(i64::from(burst.silence));
        let id = SymbolId(next(&mut seed, SYMBOLS as u64) as u32);
        match burst.then {
            0..=5 => chunk.push(now, id, TickKind::Gap(Gap { from, to: now, cause: GapCause::Silence })),
            6 => chunk.push(now, id, TickKind::Mark(Price(price + 4), None)),
            7 => chunk.push(now, id, TickKind::Funding(Rate(next(&mut seed, 400_000) - 200_000))),
            8 => chunk.push(now, id, TickKind::OpenInterest(Qty(500))),
            9 => {
                let (open, close) = (Price(price), Price(price + 3));
                let (high, low) = (Price(price + 25), Price(price - 25));
                let bar = Bar { open, high, low, close, volume: Qty(90), seconds: 60 };
                chunk.push(now, id, TickKind::Bar(bar));
            }
            _ => {}
        }
    }
    chunk
}

/// A strategy of which everything that silence must notice occurs in some.
fn any_strategy(name: usize, dice: &[u8; 12]) -> StrategyDef {
    let pick = |die: usize, from: &[&str]| from[usize::from(dice[die]) % from.len()].to_owned();
    let s1 = pick(
        0,
        &[
            "all(PRICE_RANGE_PCT[t1=20,min_coverage=0] >= 0.05; COUNT_DEALS[t1=20,min_coverage=0] >= 8)",
            "any(PRICE_RANGE_PCT[t1=20,min_coverage=0] >= 0.2; COUNT_DEALS[t1=9,min_coverage=0] >= 6)",
            "COUNT_DEALS[t1=30,min_coverage=0] <= 0",
            "all(COUNT_DEALS[t1=30,min_coverage=0] <= 0; PRICE >= 1000)",
            "PRICE >= 1000 for 90",
            "any(PRICE >= 1000 for 200; COUNT_DEALS[t1=9,min_coverage=0] >= 6)",
            "PRICE_VELOCITY[t1=5,t3=60,d=30] between -0.0001 0.0001",
            "TWPA[t1=50] >= 1000 rising 300",
            "COUNT_DEALS[t1=40] < 1 falling 20",
            "then(COUNT_DEALS[t1=9] > 2; COUNT_DEALS[t1=9] < 1; PRICE > 1000) gap 200 total 400",
            "PRICE >= 1000 fresh 70",
            "not(PRICE >= 1000 fresh 100)",
            "MAX_TWPA[t1=70,t2=5] > 1000",
            "MAX_TWPA[t1=70] > TWPA[t1=10]*1+0.01",
            "EMA[bar_seconds=20,period=3] > 1000",
            "RSI[bar_seconds=60,period=2] < 30",
            "EMA[source=trades,period=3] >= 1000.4",
            "SPREAD_PCT < 0.02",
            "BID_QTY >= 50",
            "all(SESSION_PNL <= 0; TWPA[t1=30] > 1000)",
            "MEDIAN_PRICE[t1=45] >= 1000",
            "",
        ],
    );
    let ze1 = pick(
        1,
        &["", "", "PNL >= 0.02", "PRICE <= 999.8", "COUNT_DEALS[t1=20] < 1 for 30", "POSITION_AGE > 77"],
    );
    let e1 =
        pick(2, &["", "", "LOSS >= 0.05", "PRICE < 999 for 3", "any(PRICE < 999; COUNT_DEALS[t1=60] < 1)"]);
    let z1 = pick(3, &["", "", "", "PRICE >= 999.9", "SIGNAL_AGE > 12"]);
    let o1 = pick(3, &["", "COUNT_DEALS[t1=50] < 1", ""]);
    let rare = |die: usize| dice[die] % 4 == 0;
    let timeout = [None, Some(5.0), Some(130.0)][usize::from(dice[4]) % 3];
    let cooldown = [0.0, 1.5, 40.0, 700.0][usize::from(dice[5]) % 4];
    let plain = strategy(&format!("s{name}")).s1(&s1).z1(&z1).o1(&o1, timeout, cooldown).ze1(&ze1);
    plain.e1(&e1, cooldown).cooldown(cooldown).with(|def| {
        def.direction = [Direction::Long, Direction::Short, Direction::Both][usize::from(dice[6]) % 3];
        def.z1.size.amount = SizeAmount::Fixed(Money::from_units(500));
        def.z1.order = if rare(8) { EntryOrder::Limit } else { EntryOrder::Market };
        let interval = [0, 0, 100, 100, 700, 1_000, 1_700][usize::from(dice[9]) % 7];
        def.evaluation.entry_min_interval = Span::from_millis(interval);
        def.evaluation.on_clock = dice[9] < 230;
        if rare(10) {
            *def = def.clone().stop(0.03).target(0.05);
        }
        if rare(11) {
            def.trailing = Some(Trailing { activation_pct: 0.01, distance_pct: 0.02 });
        }
        def.max_hold = [None, Some(seconds(1.5)), Some(seconds(300.0))][usize::from(dice[7]) % 3];
        if dice[10] % 5 == 1 {
            def.on_data_loss = Some(DataLoss { after: seconds(65.0), close: dice[11] % 2 == 0 });
        }
        def.limits.max_daily_trades = rare(7).then_some(2);
    })
}

fn any_world(dice: &[[u8; 12]], seed: u64) -> World {
    let mut world = world(dice.iter().enumerate().map(|(name, dice)| any_strategy(name, dice)).collect());
    world.symbols = SYMBOLS;
    world.spec = spec("0.01", "0.001");
    world.venue.order_latency = Span::from_millis([0, 80, 1_350][(seed % 3) as usize]);
    world.venue.fees = Some((Rate(20_000), Rate(60_000)));
    world.session.risk.exclusive_symbols = seed / 3 % 2 == 0;
    world.session.risk.daily_loss_pct = [None, Some(0.03)][(seed / 6 % 2) as usize];
    world.session.risk.trades_per_day = [None, Some(3)][(seed / 12 % 2) as usize];
    world.session.risk.consecutive_losses = [None, Some(2)][(seed / 24 % 2) as usize];
    world.session.risk.loss_pause = seconds(500.0);
    world
}

/// Everything that a run hands out, in order, and how often the engine was asked.
#[derive(Default)]
struct Whole {
    told: Vec<String>,
    equity: Vec<EquityPoint>,
    turns: usize,
}

impl Recorder for Whole {
    fn outputs(&mut self, out: &Outputs) {
        self.turns += 1;
        let decided = out.decided().map(|decided| format!("{decided:?}"));
        self.told.extend(decided.chain(out.closed.iter().map(|closed| format!("{closed:?}"))));
        self.told.extend(out.stop_session.then(|| "stop".to_owned()));
        self.equity.extend(out.equity);
    }
}

/// What was told is with whoever listens.
impl Saved for Whole {
    fn save(&self, _: &mut Vec<u8>) {}

    fn load(&mut self, _: &mut Reader<'_>) -> Result<(), Damaged> {
        Ok(())
    }
}

fn begun(world: &World) -> Driver {
    let table = Arc::new(world.table());
    Driver::new(table, &world.strategies, world.session.clone(), world.venue.clone())
}

/// Plays the ticks; where a step is given, the driver never waits longer, so that every second is shown. Each
/// time that so many ticks are over a driver that is made anew goes on from a checkpoint.
fn played(world: &World, ticks: &Chunk, step: Option<Span>, checkpoint_every: Option<usize>) -> Whole {
    let mut driver = begun(world);
    let mut whole = Whole::default();
    for (number, tick) in ticks.ticks().iter().enumerate() {
        if checkpoint_every.is_some_and(|every| number % every == every - 1) {
            let bytes = checkpoint::save(&driver, &whole);
            driver = begun(world);
            checkpoint::load(&bytes, &mut driver, &mut whole).unwrap();
            assert!(checkpoint::save(&driver, &whole) == bytes, "what was loaded is saved as other bytes");
        }
        let mut reached = driver.progress().at;
        while let Some(step) = step.filter(|step| reached != Timestamp::MIN && reached + *step < tick.at) {
            reached = reached + step;
            driver.wait_until(reached, &mut whole);
        }
        driver.tick(ticks, tick, &mut whole);
    }
    driver.finish(&mut whole);
    let (counts, engine) = (driver.venue_counts(), driver.engine());
    let (orders, equity, warm_at) = (engine.account().orders(), engine.account().equity(), engine.warm_at());
    let states: Vec<_> = engine.instances().iter().map(|instance| instance.state).collect();
    whole.told.push(format!("{counts:?} {orders} {equity:?} {warm_at:?} {states:?}"));
    whole
}

#[test]
fn seconds_of_silence_together_and_from_checkpoints_are_as_one_by_one() {
    let seen = [const { AtomicUsize::new(0) }; 2];
    let count = |what: usize, more: usize| seen[what].fetch_add(more, Ordering::Relaxed);
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() });
    let session = (bursts(), prop::collection::vec(any::<[u8; 12]>(), 1..3), any::<u64>(), any::<bool>());
    let outcome = runner.run(&session, |(bursts, dice, seed, books)| {
        let (ticks, world) = (market(&bursts, books), any_world(&dice, seed));
        let (slow, fast) =
            (played(&world, &ticks, Some(Span::from_millis(500)), None), played(&world, &ticks, None, None));
        let parts = played(&world, &ticks, None, Some(1 + (seed % 9) as usize));
        prop_assert_eq!(&fast.told, &parts.told);
        prop_assert_eq!(&fast.equity, &parts.equity);
        for (slow, fast) in slow.told.iter().zip(&fast.told) {
            prop_assert_eq!(slow, fast);
        }
        prop_assert_eq!(slow.told.len(), fast.told.len());
        prop_assert_eq!(slow.equity, fast.equity);
        count(0, usize::from(fast.turns * 5 < slow.turns * 4));
        count(1, fast.told.len());
        Ok(())
    });
    outcome.unwrap();
    let [passed, told] = seen.map(AtomicUsize::into_inner);
    assert!(
        passed > 2 && told > 300,
        "too little happens: {told} decisions, seconds passed over in {passed} sessions"
    );
}

#[test]
fn a_year_of_silence_costs_a_few_turns() {
    let year = 365.0 * 86_400.0;
    let quiet = strategy("quiet").s1("all(COUNT_DEALS[t1=30,min_coverage=0] >= 8; LOSS < 1)");
    let rests = strategy("rests")
        .s1("COUNT_DEALS[t1=30,min_coverage=0] >= 2")
        .o1("", Some(5.0), 40_000.0)
        .z1("PRICE < 1");
    let world = World { spec: spec("0.01", "0.001"), ..world(vec![quiet, rests]) };
    let ticks = world
        .ticks(&format!("0 trade 1000 1\n1 trade 1000 1\n{year} trade 1001 1\n{} trade 1001 1", year + 1.0));
    let whole = played(&world, &ticks, None, None);
    let signals = whole.told.iter().filter(|told| told.contains("SignalDetected")).count();
    assert!(signals >= 4, "{:#?}", whole.told);
    assert!(whole.turns < 300, "{} turns in {} seconds from {START}", whole.turns, year);
}
