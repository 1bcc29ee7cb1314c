//! Properties of whole runs over random markets and strategies, checked by an auditor that shares no code
//! with the engine.

use crate::harness::{START, Story, World, at, world};
use crate::strategy::{Build, seconds, section, strategy};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use tradingd::domain::decision::{DecisionKind, State};
use tradingd::domain::event::{Gap, GapCause, Level, Trade};
use tradingd::domain::num::{Money, Price, Qty, Rate};
use tradingd::domain::order::{OrderId, Purpose, Side};
use tradingd::domain::strategy::*;
use tradingd::domain::symbol::SymbolId;
use tradingd::domain::time::{Span, Timestamp};
use tradingd::engine::output::Outputs;
use tradingd::session::driver::{Driver, Recorder};
use tradingd::session::ports::{Chunk, Tick, TickKind};

/// One step of a random market: milliseconds since the last step, symbol, kind, price move in ticks,
/// quantity.
pub type Step = (u16, u8, u8, i8, u16);

pub fn steps(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let dt = prop_oneof![4 => 0_u16..300, 2 => Just(0_u16), 1 => 300_u16..4_000];
    prop::collection::vec((dt, 0_u8..2, 0_u8..32, -30_i8..=30, 1_u16..400), count)
}

/// Prices start at 10.00 with a tick of 0.01. With `marks` every symbol has a mark price that counts from the
/// start; `scale` multiplies the quantities in the books.
pub fn market(steps: &[Step], marks: bool, scale: i64) -> Chunk {
    let mut chunk = Chunk::default();
    let mut now = at(0.0);
    let mut prices = [1_000_i64; 2];
    if marks {
        for symbol in 0..2 {
            chunk.push(now, SymbolId(symbol), TickKind::Mark(Price(1_000), None));
        }
    }
    let mut marked = [now; 2];
    for (dt, symbol, what, change, qty) in steps {
        now = now + Span::from_millis(i64::from(*dt));
        let id = SymbolId(u32::from(*symbol));
        // A mark counts for a minute and steps are at most 4 s apart; the auditor knows no other value of a
        // position.
        for other in 0..2_u32 {
            let marked = &mut marked[other as usize];
            if marks && now - *marked >= seconds(56.0) {
                chunk.push(now, SymbolId(other), TickKind::Mark(Price(prices[other as usize]), None));
                *marked = now;
            }
        }
        let price = &mut prices[usize::from(*symbol)];
        let marked = &mut marked[usize::from(*symbol)];
        let qty = i64::from(*qty);
        match what {
            0..=15 => {
                *price = (*price + i64::from(*change)).clamp(300, 3_000);
                let taker = if what % 2 == 0 { Side::Buy } else { Side::Sell };
                chunk.push(
                    now,
                    id,
                    TickKind::Trade(Trade { price: Price(*price), qty: Qty(qty * scale), taker }),
                );
            }
            16..=27 => {
                let wide = 1 + i64::from(change.unsigned_abs()) / 4;
                let level =
                    |step: i64, qty: i64| Level { price: Price(*price + step), qty: Qty(qty * scale) };
                let bids = [level(-wide, qty), level(-wide - 1, 40), level(-wide - 5, 400)];
                let asks = [level(wide, 401 - qty), level(wide + 2, 50), level(wide + 6, 300)];
                chunk.push_snapshot(now, id, &bids, &asks);
            }
            28 | 29 if marks => {
                chunk.push(now, id, TickKind::Mark(Price(*price + i64::from(*change) / 3), None));
                *marked = now;
            }
            30 => chunk.push(now, id, TickKind::Funding(Rate(i64::from(*change) * 10_000))),
            31 => {
                let gap = Gap {
                    from: now - Span::from_millis(i64::from(*dt)),
                    to: now,
                    cause: GapCause::Disconnect,
                };
                chunk.push(now, id, TickKind::Gap(gap));
            }
            _ => chunk.push(now, id, TickKind::OpenInterest(Qty(qty))),
        }
    }
    chunk
}

/// A strategy from random numbers; every feature occurs in some.
fn random_strategy(name: usize, dice: &[u8; 16]) -> StrategyDef {
    let pick = |die: usize, from: &[&str]| from[usize::from(dice[die]) % from.len()].to_owned();
    let rare = |die: usize| dice[die] % 3 == 0;
    let s1 = pick(
        0,
        &[
            "BID_QTY >= 15",
            "BID_QTY >= 25",
            "ASK_QTY >= 12",
            "BID_QTY >= 10 for 1",
            "any(BID_QTY >= 30; PRICE >= 10.3)",
            "PRICE >= 10 rising 2",
            "SUM_VOLUME[t1=3,min_coverage=0] >= 20",
            "then(BID_QTY >= 20; ASK_QTY >= 20) gap 5 total 9",
            "PRICE >= MAX_PRICE[t1=4,min_coverage=0]*1+0",
        ],
    );
    let z1 = pick(1, &["", "", "ASK_QTY >= 5", "SPREAD_PCT <= 1", "PRICE <= 10.5 for 0.5"]);
    let ze1 = pick(2, &["", "PNL >= 0.5", "BID_QTY >= 35", "POSITION_AGE >= 4", "PRICE <= 9.9 falling 1"]);
    let e1 = pick(3, &["", "LOSS >= 2", "ASK_QTY >= 39", "PRICE <= 9"]);
    let o1 = pick(4, &["", "BID_QTY <= 1", "SIGNAL_AGE >= 1.5"]);
    strategy(&format!("s{name}"))
        .s1(&s1)
        .z1(&z1)
        .ze1(&ze1)
        .e1(&e1, f64::from(dice[5] % 3))
        .o1(&o1, Some(f64::from(dice[6] % 6)).filter(|t| *t > 0.0), f64::from(dice[7] % 2))
        .with(|def| {
            def.priority = dice[8] % 4;
            def.direction = [Direction::Long, Direction::Short, Direction::Both][usize::from(dice[9]) % 3];
            def.z1.size.amount = SizeAmount::Fixed(Money::from_units(100 + i64::from(dice[10])));
            def.z1.leverage = [1, 3, 10][usize::from(dice[11]) % 3];
            def.z1.order =
                [EntryOrder::Market, EntryOrder::LimitIoc { max_slippage_pct: 0.5 }, EntryOrder::Limit]
                    [usize::from(dice[12]) % 3];
            def.z1.timeout = Some(seconds(f64::from(dice[13] % 4) + 0.5));
            if rare(13) {
                *def = def.clone().stop(1.0 + f64::from(dice[0] % 4));
            }
            if rare(14) {
                *def = def.clone().target(1.0);
            }
            if rare(15) {
                def.trailing = Some(Trailing { activation_pct: 0.5, distance_pct: 0.5 });
                def.ladder = vec![
                    LadderStep { offset_pct: 0.3, close_pct: 33.0 },
                    LadderStep { offset_pct: 0.8, close_pct: 33.0 },
                ];
            }
            if rare(4) {
                def.max_hold = Some(seconds(3.0));
                def.break_even = Some(BreakEven { activation_pct: 0.4, offset_pct: 0.1 });
            }
            if rare(5) && !def.ze1.section.is_empty() {
                let scaling = RiskScaling {
                    operand: crate::strategy::operand(def, "BID_QTY"),
                    points: vec![(5.0, 0.5), (35.0, -0.5)],
                };
                def.ze1.pricing = Some(RiskPricing { scaling, factor: 1.0, min_pct: -1.0, max_pct: 1.0 });
                def.ze1.close_timeout = seconds(1.5);
            }
            def.evaluation.entry_min_interval = Span::from_millis([0, 100, 700][usize::from(dice[6]) % 3]);
            def.evaluation.on_clock = dice[7] % 5 != 0;
        })
}

pub fn strategies(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<StrategyDef>> {
    prop::collection::vec(any::<[u8; 16]>(), count)
        .prop_map(|dice| dice.iter().enumerate().map(|(name, dice)| random_strategy(name, dice)).collect())
}

/// A world with two symbols and one fee rate; latency, rejects and limits depend only on the seed.
pub fn random_world(defs: Vec<StrategyDef>, seed: u64) -> World {
    let mut world = world(defs);
    world.symbols = 2;
    world.spec = crate::harness::spec("0.01", "0.1");
    world.venue.order_latency = Span::from_millis([0, 80, 350][(seed % 3) as usize]);
    world.venue.latency_jitter = 0.4;
    world.venue.seed = seed;
    world.venue.reject_rate = [0.0, 0.0, 0.2][(seed / 3 % 3) as usize];
    world.venue.fees = Some((Rate(600_000), Rate(600_000)));
    world.session.risk.exclusive_symbols = seed % 2 == 0;
    world
}

/// Computes cash and positions from fills, fee rates and recorded funding alone, and compares them with the
/// engine's.
struct Auditor {
    marks: [Option<i64>; 2],
    lasts: [Option<i64>; 2],
    cash: i128,
    /// By instance: symbol, signed lots, signed cost in ticks × lots.
    positions: BTreeMap<u32, (usize, i64, i128)>,
    /// By instance: entry fees and funding deducted from the margin of the open lots.
    paid: BTreeMap<u32, i128>,
    leverages: Vec<u32>,
    orders: BTreeMap<OrderId, (u32, i64, i64)>,
    states: BTreeMap<u32, State>,
    closed_net: i128,
    outputs: u64,
    now: Timestamp,
}

/// Value of one tick × one lot (0.01 × 0.1) in 10^-18 of the currency unit.
const UNIT: i128 = 1_000_000_000_000_000;

impl Auditor {
    fn new(world: &World) -> Self {
        let owners = owners(world);
        Auditor {
            paid: BTreeMap::new(),
            leverages: owners.iter().map(|strategy| world.strategies[*strategy].z1.leverage).collect(),
            marks: [None; 2],
            lasts: [None; 2],
            cash: 10_000 * 1_000 * UNIT,
            positions: BTreeMap::new(),
            orders: BTreeMap::new(),
            states: BTreeMap::new(),
            closed_net: 0,
            outputs: 0,
            now: Timestamp::MIN,
        }
    }

    fn share(notional: i128, parts_per_billion: i128) -> i128 {
        let product = notional * parts_per_billion;
        (product + product.signum() * 500_000_000) / 1_000_000_000
    }

    fn fill(&mut self, instance: u32, symbol: usize, signed_lots: i64, price: i64, fee_ppb: i128) {
        let (_, lots, cost) = self.positions.entry(instance).or_insert((symbol, 0, 0));
        let opens = *lots == 0 || (*lots > 0) == (signed_lots > 0);
        if opens {
            *lots += signed_lots;
            *cost += i128::from(signed_lots) * i128::from(price);
        } else {
            assert!(signed_lots.abs() <= lots.abs(), "an exit flipped instance {instance}");
            if let Some(paid) = self.paid.get_mut(&instance) {
                *paid = *paid * i128::from((*lots + signed_lots).abs()) / i128::from(lots.abs());
            }
            let closed_cost = if signed_lots == -*lots {
                *cost
            } else {
                *cost * i128::from(-signed_lots) / i128::from(*lots)
            };
            *cost -= closed_cost;
            *lots += signed_lots;
            self.cash += (-i128::from(signed_lots) * i128::from(price) - closed_cost) * UNIT;
        }
        let fee = Self::share(i128::from(price) * i128::from(signed_lots.abs()) * UNIT, fee_ppb);
        self.cash -= fee;
        if opens {
            *self.paid.entry(instance).or_insert(0) += fee;
        }
    }

    /// An isolated liquidation takes the rest of the margin at any price.
    fn liquidate(&mut self, instance: u32, closed_lots: i64) {
        let (_, lots, cost) = self.positions.get_mut(&instance).expect("only a position is liquidated");
        assert_eq!(lots.abs(), closed_lots, "all of a position is liquidated");
        let margin = cost.abs() * UNIT / i128::from(self.leverages[instance as usize]);
        self.cash -= margin - self.paid.remove(&instance).unwrap_or(0);
        (*lots, *cost) = (0, 0);
    }

    fn decision(&mut self, decision: &tradingd::domain::decision::Decision) {
        assert!(decision.at >= self.now, "time goes back from {} to {}", self.now, decision.at);
        self.now = decision.at;
        let instance = decision.instance;
        let state = self.states.entry(instance).or_insert(State::Inactive);
        match decision.kind {
            DecisionKind::Transition { from, to, .. } => {
                assert_eq!(*state, from, "instance {instance} came from elsewhere");
                assert!(is_legal(from, to), "{} > {}", from.as_str(), to.as_str());
                *state = to;
            }
            DecisionKind::Submitted { order, side, qty, purpose, .. } => {
                let wanted = match purpose {
                    Purpose::Entry => vec![State::EntryEvaluation],
                    Purpose::Exit => vec![State::CloseOrderEvaluation],
                    Purpose::Emergency => vec![State::EmergencyExit],
                };
                assert!(wanted.contains(state), "{purpose:?} submitted in {}", state.as_str());
                assert!(qty.0 > 0);
                let before = self.orders.insert(order, (instance, side.sign(), qty.0));
                assert!(before.is_none(), "order {} twice", order.0);
            }
            DecisionKind::Filled { order: OrderId(0), qty, .. } => self.liquidate(instance, qty.0),
            DecisionKind::Filled { order, price, qty, .. } => {
                let (owner, sign, rest) =
                    self.orders.get_mut(&order).expect("a fill of an order that was submitted");
                assert_eq!(*owner, instance);
                *rest -= qty.0;
                assert!(*rest >= 0, "order {} filled beyond its quantity", order.0);
                let lots = *sign * qty.0;
                self.fill(instance, decision.symbol.index(), lots, price.0, 600_000);
            }
            _ => {}
        }
    }

    fn equity(&self) -> i128 {
        let open = self.positions.values().filter(|(_, lots, _)| *lots != 0).map(|(symbol, lots, cost)| {
            let mark = self.marks[*symbol].expect("marks are known from the start");
            (i128::from(mark) * i128::from(*lots) - cost) * UNIT
        });
        self.cash + open.sum::<i128>()
    }
}

/// The legal state transitions.
fn is_legal(from: State, to: State) -> bool {
    use State::*;
    matches!(
        (from, to),
        (Inactive, Monitoring)
            | (Monitoring, SignalDetected)
            | (SignalDetected, SignalCancelled | EntryEvaluation)
            | (EntryEvaluation, PositionActive | SignalCancelled | EmergencyExit | Exited)
            | (PositionActive, CloseOrderEvaluation | EmergencyExit | Exited)
            | (CloseOrderEvaluation, EmergencyExit | Exited | PositionActive)
            | (EmergencyExit, Exited)
            | (Exited | SignalCancelled, Monitoring | Inactive)
    )
}

impl Recorder for Auditor {
    fn tick(&mut self, tick: &Tick) {
        let symbol = tick.symbol.index();
        match tick.kind {
            TickKind::Trade(trade) => self.lasts[symbol] = Some(trade.price.0),
            TickKind::Mark(mark, _) => self.marks[symbol] = Some(mark.0),
            TickKind::Funding(rate) => {
                let Some(mark) = self.marks[symbol].or(self.lasts[symbol]) else { return };
                for (instance, (_, lots, _)) in
                    self.positions.iter().filter(|(_, (on, lots, _))| *on == symbol && *lots != 0)
                {
                    let share =
                        Self::share(i128::from(mark) * i128::from(lots.abs()) * UNIT, i128::from(rate.0));
                    let paid = i128::from(lots.signum()) * share;
                    self.cash -= paid;
                    *self.paid.entry(*instance).or_insert(0) += paid;
                }
            }
            _ => {}
        }
    }

    fn outputs(&mut self, out: &Outputs) {
        self.outputs += 1;
        assert!(self.outputs < 100_000, "time stands still");
        out.decisions.iter().for_each(|decision| self.decision(decision));
        self.closed_net += out.closed.iter().map(|trade| trade.net().0).sum::<i128>();
        if let Some(point) = out.equity {
            assert_eq!(point.balance.0, self.cash, "cash at {}", point.at);
        }
    }
}

/// Checks after every tick that the account's slots and commitments match the instances.
fn check_account(backtest: &mut Driver) {
    let engine = backtest.engine();
    let engaged = engine.instances().iter().filter(|instance| instance.is_engaged()).count();
    assert_eq!(engine.account().occupants() as usize, engaged, "slots");
    if engaged == 0 {
        assert_eq!(engine.account().used_margin(), Money::ZERO, "margin of nobody");
        assert_eq!(engine.account().taken_exposure(), Money::ZERO, "exposure of nobody");
        assert_eq!(engine.account().equity(), engine.account().cash());
    }
}

fn lines_before(story: &Story, end: Timestamp) -> Vec<String> {
    let kept = story
        .decisions
        .iter()
        .take_while(|decision| decision.at < end)
        .map(|decision| format!("{decision:?}"));
    kept.collect()
}

/// The decisions of one strategy, without order numbers, which count all orders of a session.
fn decisions_of(story: &Story, owners: &[usize], strategy: usize) -> Vec<String> {
    let own = story.decisions.iter().filter(|decision| owners[decision.instance as usize] == strategy);
    own.map(|decision| {
        let kind = match decision.kind {
            DecisionKind::Submitted { side, qty, limit, purpose, .. } => {
                format!("submit {side:?} {qty:?} {limit:?} {purpose:?}")
            }
            DecisionKind::CancelSent { .. } => "cancel".to_owned(),
            DecisionKind::Filled { price, qty, .. } => format!("fill {price:?} {qty:?}"),
            DecisionKind::Rejected { reason, .. } => format!("rejected {reason:?}"),
            kind => format!("{kind:?}"),
        };
        format!("{} {:?} {kind}", decision.at.nanos() - START * 1_000_000_000, decision.symbol)
    })
    .collect()
}

/// The strategy index of every instance.
fn owners(world: &World) -> Vec<usize> {
    let engine = tradingd::engine::Engine::new(&world.table(), &world.strategies, world.session.clone());
    engine.instances().iter().map(|instance| instance.strategy as usize).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Cash, positions, equity, slots and states agree with the auditor at every step; closed trades explain
    /// the cash.
    #[test]
    fn an_auditor_agrees(steps in steps(20..250), defs in strategies(1..5), seed in any::<u64>(), marks in any::<bool>()) {
        let world = random_world(defs, seed);
        let chunk = market(&steps, marks, 1);
        let mut backtest = Driver::new(Arc::new(world.table()), &world.strategies, world.session.clone(), world.venue.clone());
        let mut auditor = Auditor::new(&world);
        for tick in chunk.ticks() {
            backtest.tick(&chunk, tick, &mut auditor);
            check_account(&mut backtest);
            if marks {
                prop_assert_eq!(backtest.engine().account().equity().0, auditor.equity(), "equity at {}", tick.at);
            }
        }
        let mut nothing = Empty;
        backtest.run(&mut nothing, &mut auditor, &mut |_| tradingd::session::driver::Flow::Continue).unwrap();
        check_account(&mut backtest);
        let desk_cash = backtest.engine().account().cash().0;
        prop_assert_eq!(desk_cash, auditor.cash);
        if backtest.engine().is_flat() {
            prop_assert!(auditor.positions.values().all(|(_, lots, _)| *lots == 0));
            prop_assert_eq!(auditor.closed_net, desk_cash - 10_000 * 1_000 * UNIT);
        } else {
            // Only with a venue that rejects orders can a position stay open.
            prop_assert!(world.venue.reject_rate > 0.0);
        }
    }

    /// Different later events leave all earlier decisions byte for byte equal.
    #[test]
    fn the_future_never_changes_the_past(
        past in steps(20..150),
        futures in (steps(5..80), steps(5..80)),
        defs in strategies(1..5),
        seed in any::<u64>(),
    ) {
        let world = random_world(defs, seed);
        let split = past.iter().map(|step| i64::from(step.0)).sum::<i64>();
        let with = |future: &[Step]| world.run(&market(&[&past, future].concat(), true, 1), usize::MAX);
        let (one, other) = (with(&futures.0), with(&futures.1));
        let end = at(0.0) + Span::from_millis(split);
        prop_assert_eq!(lines_before(&one, end), lines_before(&other, end));
    }

    /// A run has the same digest for every chunk size, also when a loss limit ends it.
    #[test]
    fn digests_repeat_for_every_chunk_size(
        steps in steps(20..200),
        defs in strategies(1..5),
        seed in any::<u64>(),
        limit in prop::option::of(0.01_f64..0.5),
    ) {
        let mut world = random_world(defs, seed);
        world.session.risk.drawdown_pct = limit;
        let chunk = market(&steps, true, 1);
        let first = world.run(&chunk, usize::MAX);
        for size in [usize::MAX, 1, 7] {
            let again = world.run(&chunk, size);
            prop_assert_eq!(&again.digest, &first.digest);
            prop_assert_eq!(again.decisions.len(), first.decisions.len());
        }
    }

    /// A strategy decides the same alone as together with others, with or without shared gates and timers.
    #[test]
    fn each_strategy_alone_decides_as_beside_others(steps in steps(20..250), defs in strategies(2..6), seed in any::<u64>()) {
        let mut world = random_world(defs, seed);
        world.session.risk.exclusive_symbols = false;
        world.venue.latency_jitter = 0.0;
        world.venue.reject_rate = 0.0;
        // Books and trades are so deep that no strategy's fills affect another's, and the balance is enough
        // for all.
        world.session.initial_balance = Money::from_units(1_000_000_000);
        let mut chunk = market(&steps, true, 1_000_000);
        for def in &mut world.strategies {
            *def = Arc::new(deepened(def, 1_000_000.0));
        }
        world.venue.synthetic.depth_per_level = None;
        let last = chunk.ticks().last().map_or(at(0.0), |tick| tick.at);
        chunk.push(last + seconds(20.0), SymbolId(2), TickKind::OpenInterest(Qty(1)));
        let together = world.run(&chunk, usize::MAX);
        let all = owners(&world);
        for index in 0..world.strategies.len() {
            let single = World { strategies: vec![Arc::clone(&world.strategies[index])], ..world.clone() };
            let alone = single.run(&chunk, usize::MAX);
            prop_assert_eq!(decisions_of(&together, &all, index), decisions_of(&alone, &owners(&single), 0), "strategy {}", index);
        }
    }
}

/// The strategy with its thresholds on book quantities multiplied by `factor`.
fn deepened(def: &StrategyDef, factor: f64) -> StrategyDef {
    fn deepen(group: &mut Group, books: &[usize], factor: f64) {
        for node in &mut group.children {
            match node {
                Node::Group(group) => deepen(group, books, factor),
                Node::Condition(condition) => {
                    if let (Operand::Market(index), Threshold::Value(value)) =
                        (condition.operand, &mut condition.threshold)
                        && books.contains(&index)
                    {
                        *value *= factor;
                    }
                }
            }
        }
    }
    let mut def = def.clone();
    let is_book = |named: &NamedIndicator| named.spec.kind.ends_with("_QTY");
    let books: Vec<usize> = def
        .indicators
        .iter()
        .enumerate()
        .filter(|(_, named)| is_book(named))
        .map(|(index, _)| index)
        .collect();
    for section in
        [&mut def.s1, &mut def.o1.section, &mut def.z1.section, &mut def.ze1.section, &mut def.e1.section]
    {
        deepen(&mut section.root, &books, factor);
        if let Some(sequence) = &mut section.sequence {
            sequence.steps.iter_mut().for_each(|step| deepen(step, &books, factor));
        }
    }
    def
}

struct Empty;

impl tradingd::session::ports::Feed for Empty {
    fn next(&mut self, chunk: &mut Chunk) -> Result<bool, tradingd::session::ports::FeedError> {
        chunk.clear();
        Ok(false)
    }
}

/// Guards against vacuous properties: the random runs contain every kind of exit, rejects and cancels.
#[test]
fn random_runs_do_something() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeMap::<String, usize>::new();
    for seed in 0..300 {
        let chunk = market(&steps(100..250).new_tree(&mut runner).unwrap().current(), seed % 2 == 0, 1);
        let world = random_world(strategies(1..5).new_tree(&mut runner).unwrap().current(), seed);
        let story = world.run(&chunk, usize::MAX);
        for trade in &story.closed {
            *seen.entry(trade.reason.as_str().to_owned()).or_default() += 1;
        }
        *seen.entry("rejected".into()).or_default() += story.with("rejected").len();
        *seen.entry("cancel".into()).or_default() += story.with("cancel").len();
        *seen.entry("locked".into()).or_default() += story.with("symbol_locked").len();
    }
    for word in
        ["ZE1", "E1", "SL", "TP", "TRAIL", "BREAK_EVEN", "TIME", "END", "rejected", "cancel", "locked"]
    {
        assert!(seen.get(word).copied().unwrap_or(0) >= 5, "{word} too rare in {seen:?}");
    }
}

/// A window excludes its start and includes its end.
#[test]
fn windows_are_half_open_for_decisions() {
    let def = strategy("x").s1("SUM_VOLUME[t1=10,min_coverage=0] >= 101").market();
    let run = |first: &str| {
        world(vec![def.clone()])
            .simulate(&format!("0 trade 10 1\n {first} trade 10 100\n 20 trade 10 1\n 20.05 end"))
    };
    run("10").never("20 MONITORING > SIGNAL_DETECTED S1");
    run("10.000001").once("20 MONITORING > SIGNAL_DETECTED S1");
    let mut def = def;
    def.s1 = section(&mut def, "MIN_PRICE[t1=10,min_coverage=0] >= 9");
    let story =
        world(vec![def]).simulate("0 trade 8 1\n 9.5 trade 9 1\n 9.9 trade 9 1\n 10 trade 9 1\n 11 end");
    assert_eq!(story.with("SIGNAL_DETECTED S1"), ["10 MONITORING > SIGNAL_DETECTED S1"]);
}
