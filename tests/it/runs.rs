//! Random sessions played in two ways, with equal whole results: trades applied together or one by one;
//! without a break or from checkpoints into drivers that have seen nothing.

use crate::harness::{Slices, World, at, spec, world};
use crate::strategy::{Build, operand, seconds, strategy};
use arc_swap::ArcSwap;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tradingd::checkpoint::{Damaged, Reader, Saved};
use tradingd::domain::event::{Bar, Command, Gap, GapCause, Level, LevelChange, Trade};
use tradingd::domain::ledger::EquityPoint;
use tradingd::domain::num::{Money, Price, Qty, Rate};
use tradingd::domain::order::Side;
use tradingd::domain::strategy::*;
use tradingd::domain::symbol::{SymbolId, SymbolTable};
use tradingd::domain::time::{Span, Timestamp};
use tradingd::engine::Engine;
use tradingd::engine::output::Outputs;
use tradingd::report::assumptions::{Assumptions, BookSource, ClockUsed, Coverage, FundingSource};
use tradingd::report::run::Mode;
use tradingd::session::checkpoint;
use tradingd::session::collector::{Collector, Labels};
use tradingd::session::driver::{Driver, Flow, Recorder};
use tradingd::session::ports::{Chunk, Tick, TickKind};

const SYMBOLS: usize = 4;

/// Trades of one symbol and what follows them.
#[derive(Clone, Debug)]
struct Burst {
    symbol: u32,
    trades: u8,
    /// Longest time between two of them, milliseconds.
    apart: u16,
    then: u8,
    seed: u64,
}

fn bursts() -> impl Strategy<Value = Vec<Burst>> {
    let apart = prop_oneof![3 => 0_u16..60, 2 => Just(0_u16), 1 => 60_u16..3_000];
    let burst = (0_u32..SYMBOLS as u32, 1_u8..90, apart, 0_u8..40, any::<u64>())
        .prop_map(|(symbol, trades, apart, then, seed)| Burst { symbol, trades, apart, then, seed });
    prop::collection::vec(burst, 1..40)
}

fn next(seed: &mut u64, below: u64) -> i64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    ((*seed >> 33) % below) as i64
}

/// The market of the bursts, with prices around 1,000.00; `books` and `marks` say whether it has them at all.
/// The bursts of a symbol follow one another, and those of different symbols too, unless all are `at_once`.
fn market(bursts: &[Burst], books: bool, marks: bool, at_once: bool) -> Chunk {
    let (mut chunk, mut prices) = (Chunk::default(), [100_000_i64; SYMBOLS]);
    let mut times = [at(0.0); SYMBOLS];
    for burst in bursts {
        let (id, mut seed) = (SymbolId(burst.symbol), burst.seed);
        let mut now = times[if at_once { id.index() } else { 0 }];
        let price = &mut prices[burst.symbol as usize];
        for _ in 0..burst.trades {
            now = now + Span::from_millis(next(&mut seed, u64::from(burst.apart) + 1));
            let jump = if next(&mut seed, 150) == 0 { 20 } else { 1 };
            *price += jump * (next(&mut seed, 61) - 30);
            let taker = if next(&mut seed, 2) == 0 { Side::Buy } else { Side::Sell };
            let trade = Trade { price: Price(*price), qty: Qty(1 + next(&mut seed, 400)), taker };
            chunk.push(now, id, TickKind::Trade(trade));
        }
        let level = |away: i64, lots: i64| Level { price: Price(*price + away), qty: Qty(lots) };
        match burst.then {
            0..=4 if books => {
                let wide = 1 + next(&mut seed, 9);
                let (bids, asks) =
                    ([level(-wide, 60), level(-wide - 4, 900)], [level(wide, 80), level(wide + 3, 700)]);
                chunk.push_snapshot(now, id, &bids, &asks);
            }
            5..=8 if books => {
                let side = if next(&mut seed, 2) == 0 { Side::Buy } else { Side::Sell };
                chunk.push_changes(now, id, &[LevelChange { side, level: level(-side.sign() * 2, 70) }]);
            }
            9..=12 if marks => chunk.push(now, id, TickKind::Mark(Price(*price + next(&mut seed, 9)), None)),
            13 | 14 => chunk.push(now, id, TickKind::Funding(Rate(next(&mut seed, 400_000) - 200_000))),
            15 | 16 => {
                let from = now;
                now = now + Span::from_millis(700);
                chunk.push(now, id, TickKind::Gap(Gap { from, to: now, cause: GapCause::Disconnect }));
            }
            17 => chunk.push(now, id, TickKind::OpenInterest(Qty(500))),
            18 => {
                let (low, high) = (Price(*price - 25), Price(*price + 25));
                let bar = Bar {
                    open: Price(*price),
                    high,
                    low,
                    close: Price(*price + 3),
                    volume: Qty(90),
                    seconds: 1,
                };
                chunk.push(now, id, TickKind::Bar(bar));
            }
            // The next day, so that daily limits begin anew.
            19 => now = now + seconds(43_000.0),
            _ => {}
        }
        times[if at_once { id.index() } else { 0 }] = now;
    }
    let mut order: Vec<&Tick> = chunk.ticks().iter().collect();
    order.sort_by_key(|tick| tick.at);
    let mut sorted = Chunk::default();
    order.into_iter().for_each(|tick| sorted.push_from(&chunk, tick));
    sorted
}

/// What S1 may be: with and without a gate that can be foreseen, that sleeps, or that there is not.
const SIGNALS: [&str; 22] = [
    "EMA[source=trades,period=4,min_trades=6] > EMA[source=trades,period=11,min_trades=12]*1+0",
    "EMA[source=trades,period=4,min_trades=6] > EMA[source=trades,period=11,min_trades=12]*1+0",
    "EMA[source=trades,period=4,min_trades=6] > EMA[source=trades,period=11,min_trades=12]*1+0.05",
    "EMA[source=trades,period=1] > 1e9",
    "EMA[source=trades,period=3] >= 1000.4",
    "EMA[source=trades,period=3] between 999.9 1000.1",
    "EMA[source=trades,period=9] < 999.7 rising 2",
    "all(EMA[source=trades,period=9] < 1000.1; PRICE > 999.9 for 0.2)",
    "all(PRICE_RANGE_PCT[t1=20,min_coverage=0] >= 0.05; VOLUME_SPIKE_RATIO[t1=5,t3=20,t4=5,method=rate,min_coverage=0] >= 1.2; \
     RANGE_POSITION_PCT[t1=20,min_coverage=0] > 50)",
    "all(EMA[source=trades,period=2] > 1000; RANGE_POSITION_PCT[t1=5,min_coverage=0] < 20)",
    "all(OPEN_POSITIONS < 2; EMA[source=trades,period=5] > 1000)",
    "SESSION_PNL >= -0.01",
    "EMA[bar_seconds=2,period=2] > 1000",
    "RSI[bar_seconds=1,period=2] > 60",
    "COUNT_DEALS[t1=3] >= 12",
    "PRICE_VS_MEDIAN_PCT[t1=10] >= 0.01",
    "PRICE < VWAP[t1=10]*1+0",
    "BID_QTY >= 65",
    "PRICE >= 1000.2",
    "not(PRICE > 999.8)",
    "any(PRICE > 1000.5; PRICE < 999.5)",
    "then(PRICE > 1000; PRICE < 1000) gap 5 total 20",
];

const LEAVES: &str =
    "EMA[source=trades,period=4,min_trades=6] < EMA[source=trades,period=11,min_trades=12]*1+0";

/// What ZE1 may be.
const CLOSES: [&str; 9] = [
    "",
    LEAVES,
    LEAVES,
    LEAVES,
    "PNL >= 0.02",
    "EMA[source=trades,period=3] <= 999 falling 1",
    "PRICE <= 999.8",
    "all(PRICE <= 1000; EMA[source=trades,period=5] < 1000)",
    "EMA[bar_seconds=1,period=2] < 1000",
];

/// What E1 may be.
const EMERGENCIES: [&str; 6] =
    ["", "", "", "EMA[source=trades,period=5] < 999.2", "any(PRICE < 999; LOSS >= 1)", "SPREAD_PCT > 0.05"];

type Dice = [u8; 20];

/// A strategy of which everything that a run of trades must notice occurs in some.
fn any_strategy(name: usize, dice: &Dice) -> StrategyDef {
    let pick = |die: usize, from: &[&'static str]| from[usize::from(dice[die]) % from.len()];
    let rare = |die: usize| dice[die] % 4 == 0;
    let plain = strategy(&format!("s{name}"))
        .s1(pick(0, &SIGNALS))
        .z1(pick(3, &["", "", "", "", "PRICE >= 999.9"]))
        .ze1(pick(1, &CLOSES))
        .e1(pick(2, &EMERGENCIES), f64::from(dice[4] % 2))
        .o1(pick(12, &["", "", "PRICE < 999.9"]), [None, Some(1.0)][usize::from(dice[12] / 3) % 2], 0.1)
        .cooldown([0.0, 0.0, 0.0, 0.3, 2.0][usize::from(dice[13]) % 5]);
    plain.with(|def| {
        def.priority = u32::from(dice[14] % 3).try_into().unwrap();
        def.direction = [Direction::Long, Direction::Short, Direction::Both][usize::from(dice[5]) % 3];
        def.z1.size.amount = match dice[6] % 3 {
            0 => SizeAmount::PercentOfEquity(20.0),
            _ => SizeAmount::Fixed(Money::from_units(500 + i64::from(dice[6]))),
        };
        def.z1.leverage = [1, 10, 100][usize::from(dice[7]) % 3];
        def.z1.order = match dice[8] % 5 {
            0 => EntryOrder::Limit,
            1 => EntryOrder::LimitIoc { max_slippage_pct: 0.05 },
            _ => EntryOrder::Market,
        };
        def.evaluation.entry_min_interval = Span::from_millis([0, 0, 0, 100, 700][usize::from(dice[9]) % 5]);
        def.evaluation.on_clock = dice[9] / 5 % 2 == 0;
        def.e1.close_position = dice[15] % 5 > 0;
        def.limits.max_daily_trades = [None, None, Some(3)][usize::from(dice[16]) % 3];
        def.limits.daily_loss_pct = [None, None, Some(0.2)][usize::from(dice[16] / 3) % 3];
        if rare(17) {
            for node in def.s1.root.children.iter_mut().chain(&mut def.ze1.section.root.children) {
                if let Node::Condition(condition) = node {
                    condition.max_age = Some(Span::from_millis(300));
                }
            }
        }
        exits(def, dice);
    })
}

/// Exits beside the rules.
fn exits(def: &mut StrategyDef, dice: &Dice) {
    if dice[10] % 4 == 0 {
        *def = def.clone().stop(0.03).target(0.05);
    }
    if dice[11] % 8 == 0 {
        def.trailing = Some(Trailing { activation_pct: 0.01, distance_pct: 0.02 });
    }
    if dice[18] % 8 == 0 {
        def.break_even = Some(BreakEven { activation_pct: 0.02, offset_pct: 0.01 });
    }
    if dice[18] % 4 == 1 {
        def.ladder = vec![
            LadderStep { offset_pct: 0.02, close_pct: 40.0 },
            LadderStep { offset_pct: 0.05, close_pct: 30.0 },
        ];
    }
    if dice[11] % 3 == 1 {
        def.max_hold = Some(seconds(1.5));
    }
    if dice[10] % 8 == 1 {
        def.on_data_loss = Some(DataLoss { after: seconds(1.0), close: true });
    }
    if dice[19] % 6 == 0 {
        let scaling =
            RiskScaling { operand: operand(def, "PRICE"), points: vec![(900.0, 0.01), (1_100.0, 0.02)] };
        def.ze1.pricing = Some(RiskPricing { scaling, factor: 1.0, min_pct: -1.0, max_pct: 1.0 });
        def.ze1.close_timeout = seconds(2.0);
    }
}

fn any_world(dice: &[Dice], seed: u64) -> World {
    let mut world = world(dice.iter().enumerate().map(|(name, dice)| any_strategy(name, dice)).collect());
    let mut rest = seed;
    let mut roll = |below: u64| {
        let rolled = rest % below;
        rest /= below;
        rolled as usize
    };
    world.symbols = SYMBOLS;
    world.spec = spec("0.01", "0.001");
    world.venue.order_latency = Span::from_millis([0, 0, 80, 350][roll(4)]);
    world.venue.latency_jitter = [0.0, 0.4, 1.5][roll(3)];
    world.venue.feed_latency = Span::from_millis([0, 0, 30][roll(3)]);
    world.venue.reject_rate = [0.0, 0.0, 0.2][roll(3)];
    world.venue.slippage_pct = [0.0, 0.01][roll(2)];
    world.venue.synthetic.depth_per_level = [None, Some(Money::from_units(300))][roll(2)];
    world.venue.seed = seed;
    world.venue.fees = Some((Rate(20_000), Rate(60_000)));
    let risk = &mut world.session.risk;
    risk.exclusive_symbols = roll(2) == 0;
    risk.drawdown_pct = [None, Some(0.05), Some(0.4)][roll(3)];
    risk.daily_loss_pct = [None, Some(0.03), Some(0.5)][roll(3)];
    risk.max_concurrent = [None, None, Some(2)][roll(3)];
    risk.trades_per_day = [None, None, Some(10)][roll(3)];
    risk.orders_per_second = [None, None, Some(1)][roll(3)];
    risk.consecutive_losses = [None, None, Some(2)][roll(3)];
    risk.loss_pause = seconds(5.0);
    world.session.initial_balance = Money::from_units(2_000);
    if roll(3) == 0 {
        world.session.assigned = vec![None, Some(vec![SymbolId(0), SymbolId(2)]), Some(vec![SymbolId(1)])];
    }
    world
}

/// Everything that a run hands out.
struct Whole<'a> {
    collector: Collector<'a>,
    equity: Vec<EquityPoint>,
    ticks: Vec<Tick>,
    /// Trades that came together with others.
    together: usize,
    stopped: bool,
}

impl Recorder for Whole<'_> {
    fn tick(&mut self, tick: &Tick) {
        // Levels stand at other places in chunks of another size.
        let kind = match tick.kind {
            TickKind::BookSnapshot { bids, asks, .. } => TickKind::BookSnapshot { first: 0, bids, asks },
            TickKind::BookChange { count, .. } => TickKind::BookChange { first: 0, count },
            kind => kind,
        };
        self.ticks.push(Tick { kind, ..*tick });
        self.collector.tick(tick);
    }

    fn trades(&mut self, symbol: SymbolId, trades: &[(Timestamp, Trade)]) {
        let told = trades.iter().map(|(at, trade)| Tick { at: *at, symbol, kind: TickKind::Trade(*trade) });
        self.ticks.extend(told);
        self.collector.trades(symbol, trades);
        self.together += if trades.len() > 1 { trades.len() } else { 0 };
    }

    fn valued(&mut self, points: &[EquityPoint]) {
        self.equity.extend_from_slice(points);
        self.collector.valued(points);
    }

    fn outputs(&mut self, out: &Outputs) {
        self.equity.extend(out.equity);
        self.stopped |= out.stop_session;
        self.collector.outputs(out);
    }
}

/// Something from outside that comes before a tick.
#[derive(Clone, Copy, Debug)]
enum Break {
    /// Nobody is there for a while; the ticks of that time are missed.
    Absence(Span),
    /// A symbol is switched on or off.
    Switch(SymbolId),
    Order(Command),
    /// The process ends, and another one goes on from a checkpoint.
    Checkpoint,
}

/// Where a session is interrupted, in thousandths of its ticks, and by what.
fn breaks() -> impl Strategy<Value = Vec<(usize, Break)>> {
    let symbol = || (0_u32..SYMBOLS as u32).prop_map(SymbolId);
    let what = prop_oneof![
        (1_i64..8_000).prop_map(|millis| Break::Absence(Span::from_millis(millis))),
        symbol().prop_map(Break::Switch),
        Just(Break::Order(Command::Pause)),
        Just(Break::Order(Command::Resume)),
        Just(Break::Order(Command::CloseAndEnd)),
        symbol().prop_map(|symbol| Break::Order(Command::Withdraw(symbol))),
        symbol().prop_map(|symbol| Break::Order(Command::Close(symbol))),
    ];
    prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec((0_usize..1_000, what), 1..5)]
}

impl Break {
    fn happens(self, driver: &mut Driver, shared: &ArcSwap<SymbolTable>, recorder: &mut Whole<'_>) {
        match self {
            Break::Absence(span) => driver.sleep_until(driver.progress().at + span),
            Break::Switch(symbol) => {
                let table = shared.load();
                shared.store(Arc::new(table.with_enabled(symbol, !table.is_enabled(symbol))));
            }
            Break::Order(command) => driver.command(command, recorder),
            Break::Checkpoint => {}
        }
    }
}

/// What a session did.
struct Played {
    /// All of it, in words.
    told: Vec<String>,
    /// Trades that were applied together with others.
    together: usize,
    orders: u64,
    liquidations: u64,
    stopped: bool,
}

/// Applies ticks by the definition.
fn one_by_one(driver: &mut Driver, part: &Chunk, whole: &mut Whole<'_>) {
    if !part.ticks().is_empty() {
        driver.refresh_table(whole);
    }
    for tick in part.ticks() {
        driver.tick(part, tick, whole);
        if driver.has_ended() {
            break;
        }
    }
}

/// A session before its first event, and the table that it shares.
fn begun<'a>(world: &World) -> (Arc<ArcSwap<SymbolTable>>, Driver, Whole<'a>) {
    let shared = Arc::new(ArcSwap::new(Arc::new(world.table())));
    let mut driver =
        Driver::sharing(Arc::clone(&shared), &world.strategies, world.session.clone(), world.venue.clone());
    let owners = driver.engine().instances().iter().map(|instance| instance.strategy).collect();
    let collector = Collector::new(world.session.initial_balance, SYMBOLS + 1, owners);
    let whole = Whole { collector, equity: Vec::new(), ticks: Vec::new(), together: 0, stopped: false };
    (shared, driver, whole)
}

/// What the collector has is kept; the rest is what this test heard.
impl Saved for Whole<'_> {
    fn save(&self, to: &mut Vec<u8>) {
        self.collector.save(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        self.collector.load(from)
    }
}

/// The session goes on in drivers that were made anew and given its checkpoint.
fn go_on<'a>(
    world: &World,
    driver: &Driver,
    whole: Whole<'a>,
) -> (Arc<ArcSwap<SymbolTable>>, Driver, Whole<'a>) {
    let bytes = checkpoint::save(driver, &whole);
    let (shared, mut next, mut fresh) = begun(world);
    checkpoint::load(&bytes, &mut next, &mut fresh).unwrap();
    assert!(checkpoint::save(&next, &fresh) == bytes, "what was loaded is saved as other bytes");
    assert_eq!(shared.load().version, next.table().version);
    let (equity, ticks, together, stopped) = (whole.equity, whole.ticks, whole.together, whole.stopped);
    (shared, next, Whole { equity, ticks, together, stopped, ..fresh })
}

/// Plays a session in chunks of this many ticks, or one by one.
fn played(world: &World, ticks: &Chunk, breaks: &[(usize, Break)], chunks_of: Option<usize>) -> Played {
    let (mut shared, mut driver, mut whole) = begun(world);
    let all = ticks.ticks();
    let mut places: Vec<(usize, Break)> =
        breaks.iter().map(|(at, what)| (at * all.len() / 1_000, *what)).collect();
    places.sort_by_key(|(at, _)| *at);
    let ends = places.iter().map(|(at, _)| *at).chain([all.len()]);
    let mut first = 0;
    for (index, end) in ends.enumerate() {
        let mut part = Chunk::default();
        let reached = driver.progress().at;
        all[first..end].iter().filter(|tick| tick.at >= reached).for_each(|tick| part.push_from(ticks, tick));
        if let Some(size) = chunks_of {
            let mut feed = Slices { ticks: &part, size, next: 0 };
            driver.advance(&mut feed, &mut whole, &mut |_| Flow::Continue).unwrap();
        } else {
            one_by_one(&mut driver, &part, &mut whole);
        }
        first = end;
        if driver.has_ended() {
            break;
        }
        match places.get(index) {
            Some((_, Break::Checkpoint)) => (shared, driver, whole) = go_on(world, &driver, whole),
            Some((_, what)) if driver.progress().ticks > 0 => what.happens(&mut driver, &shared, &mut whole),
            _ => {}
        }
    }
    finished(driver, whole, world)
}

fn finished(mut driver: Driver, mut whole: Whole<'_>, world: &World) -> Played {
    let (table, at) = (driver.table().clone(), driver.progress().at);
    let seen = seen(driver.engine(), &table, at);
    driver.finish(&mut whole);
    let (orders, warm_at) = (driver.engine().account().orders(), driver.engine().warm_at());
    let counts = driver.venue_counts();
    let progress = driver.progress();
    let account = driver.engine().account();
    let state = format!("{progress:?} {counts:?} {:?} {:?}", account.equity(), account.cash());
    let result = whole.collector.finish(&table, labels(world), orders, warm_at);
    let equity = whole.equity.iter().map(|point| format!("{point:?}"));
    let told = [state, format!("{result:?}"), format!("{:?}", whole.ticks)].into_iter().chain(seen);
    Played {
        told: told.chain(equity).collect(),
        together: whole.together,
        orders,
        liquidations: counts.liquidations,
        stopped: whole.stopped,
    }
}

/// What every strategy sees at the end of the data, and when the engine wants to be asked again.
fn seen(engine: &mut Engine, table: &SymbolTable, at: Timestamp) -> Vec<String> {
    let mut seen = vec![format!("{:?}", engine.next_clock())];
    for (symbol, _) in table.iter() {
        seen.push(format!("{:?}", engine.explain(table, symbol, at)));
    }
    seen
}

fn labels(world: &World) -> Labels {
    Labels {
        mode: Mode::Backtest,
        defs: world.strategies.clone(),
        source: String::new(),
        strategies: Vec::new(),
        assumptions: Assumptions {
            fees: Vec::new(),
            contracts: Vec::new(),
            slippage: String::new(),
            latency: Span::ZERO,
            feed_latency: Span::ZERO,
            book: BookSource::Real,
            funding: FundingSource::Recorded,
            clock: ClockUsed::Exchange,
            initial_balance: world.session.initial_balance,
            risk_limits: Vec::new(),
            seed: 0,
            coverage: Coverage::default(),
            warm_up: None,
            synthetic_fills: 0,
            penalised_fills: 0,
            bars_in_doubt: 0,
            warnings: Vec::new(),
        },
        settings: Vec::new(),
    }
}

/// Sessions that are played; more with `TRADINGD_RUN_SESSIONS`.
fn sessions() -> u32 {
    std::env::var("TRADINGD_RUN_SESSIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(16)
}

#[test]
fn trades_together_are_as_one_by_one() {
    let seen = [const { AtomicUsize::new(0) }; 5];
    let count = |what: usize, more: usize| seen[what].fetch_add(more, Ordering::Relaxed);
    let cases = sessions();
    let mut runner =
        TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    let session = (bursts(), prop::collection::vec(any::<Dice>(), 1..6), any::<u64>(), 0_u8..8, breaks());
    let outcome = runner.run(&session, |(bursts, dice, seed, has, breaks)| {
        let (ticks, world) = (market(&bursts, has & 1 > 0, has & 2 > 0, has & 4 > 0), any_world(&dice, seed));
        let slow = played(&world, &ticks, &breaks, None);
        for chunk in [1, 7, 700, 8_192] {
            let fast = played(&world, &ticks, &breaks, Some(chunk));
            for (slow, fast) in slow.told.iter().zip(&fast.told) {
                prop_assert_eq!(slow, fast, "chunks of {}", chunk);
            }
            prop_assert_eq!(slow.told.len(), fast.told.len(), "chunks of {}", chunk);
            count(0, fast.together);
            count(1, ticks.ticks().len());
        }
        count(2, slow.orders as usize);
        count(3, slow.liquidations as usize);
        count(4, usize::from(slow.stopped));
        Ok(())
    });
    outcome.unwrap();
    let [together, ticks, orders, liquidations, stopped] = seen.map(|count| count.into_inner());
    assert!(together * 10 > ticks, "only {together} of {ticks} ticks came together");
    assert!(orders > 20, "only {orders} orders");
    assert!(
        cases < 64 || stopped > 2 && liquidations > 2,
        "too little happens: {liquidations} liquidations, {stopped} sessions stopped"
    );
}

#[test]
fn a_session_that_goes_on_from_checkpoints_is_as_one_without_a_break() {
    let seen = [const { AtomicUsize::new(0) }; 2];
    let cases = sessions();
    let mut runner =
        TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    let cuts = prop::collection::vec(0_usize..1_000, 1..5);
    let session =
        (bursts(), prop::collection::vec(any::<Dice>(), 1..6), any::<u64>(), 0_u8..8, (breaks(), cuts));
    let outcome = runner.run(&session, |(bursts, dice, seed, has, (breaks, cuts))| {
        let (ticks, world) = (market(&bursts, has & 1 > 0, has & 2 > 0, has & 4 > 0), any_world(&dice, seed));
        let broken: Vec<_> =
            breaks.iter().copied().chain(cuts.iter().map(|at| (*at, Break::Checkpoint))).collect();
        for chunks_of in [None, Some(700)] {
            let whole = played(&world, &ticks, &breaks, chunks_of);
            let parts = played(&world, &ticks, &broken, chunks_of);
            for (whole, parts) in whole.told.iter().zip(&parts.told) {
                prop_assert_eq!(whole, parts);
            }
            prop_assert_eq!(whole.told.len(), parts.told.len());
            seen[0].fetch_add(parts.orders as usize, Ordering::Relaxed);
            seen[1].fetch_add(cuts.len(), Ordering::Relaxed);
        }
        Ok(())
    });
    outcome.unwrap();
    let [orders, checkpoints] = seen.map(AtomicUsize::into_inner);
    assert!(orders > 20 && checkpoints > 20, "only {orders} orders and {checkpoints} checkpoints");
}
