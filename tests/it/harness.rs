//! Runs a market script against the engine and records its decisions as text lines.
//!
//! A line is `seconds what`: `trade 10.5 100 [buy|sell]`, `book 9.9x100,9.8x50 / 10x20`, `level ask 10 0`,
//! `mark 10 [index]`, `funding 0.0001`, `gap 2` (since second 2), `bar o h l c volume seconds`, `end` (time
//! only). Without a venue also `fill order qty price [fee]`, `done order`, `reject order`, `liquidate
//! instance qty price`, `resident-stop instance qty
//! price`, `pause`, `resume`, `flatten`, `enable`, `disable`. The prefix `b:` selects the second symbol.

use std::sync::Arc;
use tradingd::domain::decimal::Decimal;
use tradingd::domain::decision::{Decision, DecisionKind};
use tradingd::domain::event::*;
use tradingd::domain::ledger::{ClosedTrade, EquityPoint};
use tradingd::domain::num::{Money, Price, Qty, Rate};
use tradingd::domain::order::*;
use tradingd::domain::strategy::StrategyDef;
use tradingd::domain::symbol::{SymbolId, SymbolSpec, SymbolTable};
use tradingd::domain::time::{Span, Timestamp};
use tradingd::engine::Engine;
use tradingd::engine::account::SessionConfig;
use tradingd::engine::output::{Action, Outputs};
use tradingd::engine::risk::RiskLimits;
use tradingd::session::digest::DecisionDigest;
use tradingd::session::driver::{Driver, Flow, Funding, Recorder};
use tradingd::session::ports::{Chunk, Feed, FeedError, TickKind};
use tradingd::sim::{SyntheticBook, VenueConfig, VenueCounts};

/// Unix time of second zero of every scenario: midnight UTC.
pub const START: i64 = 20_000 * 86_400;

pub fn at(seconds: f64) -> Timestamp {
    Timestamp::from_seconds(START) + Span::from_seconds_f64(seconds)
}

/// Strategies, session, venue and symbols of a scenario.
#[derive(Clone)]
pub struct World {
    pub strategies: Vec<Arc<StrategyDef>>,
    pub session: SessionConfig,
    pub venue: VenueConfig,
    pub spec: SymbolSpec,
    /// Number of symbols, without the extra one whose events only advance time.
    pub symbols: usize,
}

/// A world with 10 000 in cash, one position per symbol and no other limits, order latency 0.2 s, no fees.
pub fn world(strategies: Vec<StrategyDef>) -> World {
    World {
        strategies: strategies.into_iter().map(Arc::new).collect(),
        session: SessionConfig {
            risk: RiskLimits { exclusive_symbols: true, ..RiskLimits::none() },
            ..SessionConfig::default()
        },
        venue: VenueConfig {
            order_latency: Span::from_millis(200),
            latency_jitter: 0.0,
            fees: Some((Rate::ZERO, Rate::ZERO)),
            ..VenueConfig::default()
        },
        spec: spec("0.0001", "0.1"),
        symbols: 1,
    }
}

pub fn spec(price_step: &str, quantity_step: &str) -> SymbolSpec {
    let decimal = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
    SymbolSpec::new("A_USDT", decimal(price_step), decimal(quantity_step), Decimal::ONE).unwrap()
}

/// Result of a run.
#[derive(Default)]
pub struct Story {
    pub lines: Vec<String>,
    pub decisions: Vec<Decision>,
    /// Evidence of all decisions, one after the other.
    pub evidence: Vec<tradingd::domain::decision::Evidence>,
    pub closed: Vec<ClosedTrade>,
    /// Orders that ended before they were full: time, number, reason, lots filled and not.
    pub ended: Vec<String>,
    /// Funding as it was settled, by instance.
    pub funding: Vec<(u32, Money)>,
    pub equity: Vec<EquityPoint>,
    pub digest: String,
    pub cash: Money,
    pub occupants: u32,
    pub flat: bool,
    pub counts: VenueCounts,
    pub stopped: bool,
}

impl Story {
    /// Asserts the decisions, without START lines and ignoring indentation.
    #[track_caller]
    pub fn says(&self, expected: &str) -> &Self {
        let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let actual: Vec<&str> =
            self.lines.iter().map(String::as_str).filter(|line| !line.ends_with("START")).collect();
        assert!(
            actual == expected,
            "decided\n  {}\nexpected\n  {}",
            actual.join("\n  "),
            expected.join("\n  ")
        );
        self
    }

    /// Lines that contain a word.
    pub fn with(&self, word: &str) -> Vec<&str> {
        self.lines.iter().map(String::as_str).filter(|line| line.contains(word)).collect()
    }

    #[track_caller]
    pub fn once(&self, word: &str) -> &Self {
        assert_eq!(self.with(word).len(), 1, "{word} once in\n  {}", self.lines.join("\n  "));
        self
    }

    #[track_caller]
    pub fn never(&self, word: &str) -> &Self {
        assert!(self.with(word).is_empty(), "{word} never in\n  {}", self.lines.join("\n  "));
        self
    }
}

impl World {
    pub fn table(&self) -> SymbolTable {
        let mut specs = vec![self.spec.clone(); self.symbols + 1];
        for (index, spec) in specs.iter_mut().enumerate() {
            spec.name = format!("{}_USDT", (b'A' + index as u8) as char);
        }
        SymbolTable::new(1, specs)
    }

    /// Runs a script against the simulated venue, to the end of the data.
    pub fn simulate(&self, script: &str) -> Story {
        self.run(&self.ticks(script), usize::MAX)
    }

    /// The ticks of a script.
    pub fn ticks(&self, script: &str) -> Chunk {
        let mut chunk = Chunk::default();
        for line in lines(script) {
            self.push(&mut chunk, &line);
        }
        chunk
    }

    /// Runs ticks in chunks of `size`.
    pub fn run(&self, ticks: &Chunk, size: usize) -> Story {
        let mut backtest =
            Driver::new(Arc::new(self.table()), &self.strategies, self.session.clone(), self.venue.clone());
        let mut writer =
            Writer { table: self.table(), timer: SymbolId(self.symbols as u32), ..Writer::new() };
        let mut feed = Slices { ticks, size, next: 0 };
        backtest.run(&mut feed, &mut writer, &mut |_| Flow::Continue).unwrap();
        let counts = backtest.venue_counts();
        writer.story(backtest.engine(), counts)
    }

    /// Runs a script that also contains the venue's answers, without a simulated venue.
    pub fn by_hand(&self, script: &str) -> Story {
        let mut hand = Hand {
            table: self.table(),
            engine: Engine::new(&self.table(), &self.strategies, self.session.clone()),
            out: Outputs::default(),
            writer: Writer { table: self.table(), timer: SymbolId(self.symbols as u32), ..Writer::new() },
            seq: 0,
            orders: Vec::new(),
        };
        for line in lines(script) {
            hand.line(self, &line);
        }
        hand.writer.story(&mut hand.engine, VenueCounts::default())
    }

    fn push(&self, chunk: &mut Chunk, line: &Line) {
        let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
        let price = |text: &str| self.price(text);
        match words.as_slice() {
            ["book", rest @ ..] => {
                let sides: Vec<Vec<Level>> =
                    rest.join(" ").split('/').map(|side| self.levels(side)).collect();
                chunk.push_snapshot(line.at, line.symbol, &sides[0], &sides[1]);
            }
            ["level", side, at_price, qty] => {
                let side = if *side == "bid" { Side::Buy } else { Side::Sell };
                let level = Level { price: price(at_price), qty: self.qty(qty) };
                chunk.push_changes(line.at, line.symbol, &[LevelChange { side, level }]);
            }
            ["trade", at_price, qty, side @ ..] => {
                let taker = if side == ["sell"] { Side::Sell } else { Side::Buy };
                chunk.push(
                    line.at,
                    line.symbol,
                    TickKind::Trade(Trade { price: price(at_price), qty: self.qty(qty), taker }),
                );
            }
            ["mark", mark, index @ ..] => chunk.push(
                line.at,
                line.symbol,
                TickKind::Mark(price(mark), index.first().map(|text| price(text))),
            ),
            ["funding", rate] => {
                let rate = Rate((rate.parse::<f64>().unwrap() * 1e9).round() as i64);
                chunk.push(line.at, line.symbol, TickKind::Funding(rate));
            }
            ["gap", since] => {
                let gap = Gap { from: at(since.parse().unwrap()), to: line.at, cause: GapCause::Disconnect };
                chunk.push(line.at, line.symbol, TickKind::Gap(gap));
            }
            ["bar", open, high, low, close, volume, length] => {
                let bar = Bar {
                    open: price(open),
                    high: price(high),
                    low: price(low),
                    close: price(close),
                    volume: self.qty(volume),
                    seconds: length.parse().unwrap(),
                };
                chunk.push(line.at, line.symbol, TickKind::Bar(bar));
            }
            ["end"] => chunk.push(line.at, SymbolId(self.symbols as u32), TickKind::OpenInterest(Qty(1))),
            other => panic!("cannot read {other:?}"),
        }
    }

    pub fn price(&self, text: &str) -> Price {
        let price = self.spec.price_floor(text.trim().parse().unwrap());
        assert_eq!(
            self.spec.price_f64(price),
            text.trim().parse::<f64>().unwrap(),
            "{text} is not a whole number of ticks"
        );
        price
    }

    pub fn qty(&self, text: &str) -> Qty {
        Qty((text.trim().parse::<f64>().unwrap() / self.spec.lot_f64()).round() as i64)
    }

    fn levels(&self, side: &str) -> Vec<Level> {
        let levels = side.trim().split(',').filter(|level| !level.is_empty());
        levels
            .map(|level| {
                let (price, qty) = level.split_once('x').unwrap();
                Level { price: self.price(price), qty: self.qty(qty) }
            })
            .collect()
    }
}

struct Line {
    at: Timestamp,
    symbol: SymbolId,
    words: Vec<String>,
}

fn lines(script: &str) -> Vec<Line> {
    let read = |line: &str| {
        let line = line.split('#').next().unwrap().trim();
        let (symbol, line) = line.strip_prefix("b:").map_or((0, line), |rest| (1, rest));
        let (time, what) = line.trim().split_once(' ')?;
        let time = time.parse().unwrap_or_else(|_| panic!("no time in {line}"));
        Some(Line {
            at: at(time),
            symbol: SymbolId(symbol),
            words: what.split_whitespace().map(str::to_owned).collect(),
        })
    };
    script.lines().filter_map(read).collect()
}

/// Ticks in chunks of `size`.
pub struct Slices<'a> {
    pub ticks: &'a Chunk,
    pub size: usize,
    pub next: usize,
}

impl Feed for Slices<'_> {
    fn next(&mut self, chunk: &mut Chunk) -> Result<bool, FeedError> {
        chunk.clear();
        let all = self.ticks.ticks();
        let end = self.next.saturating_add(self.size).min(all.len());
        for tick in &all[self.next..end] {
            chunk.push_from(self.ticks, tick);
        }
        self.next = end;
        Ok(!chunk.ticks().is_empty())
    }
}

/// An engine whose venue is the script.
struct Hand {
    table: SymbolTable,
    engine: Engine,
    out: Outputs,
    writer: Writer,
    seq: u64,
    /// Submitted orders, which fills of the script refer to.
    orders: Vec<OrderRequest>,
}

impl Hand {
    fn line(&mut self, world: &World, line: &Line) {
        let mut before = Timestamp::MIN;
        while self.engine.next_clock() < line.at {
            let clock = self.engine.next_clock();
            assert!(clock > before, "time stands still at {clock}");
            before = clock;
            self.apply(clock, Body::Clock);
        }
        let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["fill", order, qty, price, fee @ ..] => {
                let request = self.order(order);
                let fill = Fill {
                    order: request.id,
                    symbol: request.symbol,
                    side: request.side,
                    price: world.price(price),
                    qty: world.qty(qty),
                    cumulative: world.qty(qty),
                    trade_id: 0,
                    fee: fee.first().map_or(Money::ZERO, |fee| Money::from_f64(fee.parse().unwrap())),
                    liquidity: Liquidity::Taker,
                    at: line.at,
                };
                self.apply(line.at, Body::Order(OrderEvent::Filled(fill)));
            }
            ["done", order] => self.apply(
                line.at,
                Body::Order(OrderEvent::Done { order: self.order(order).id, filled: Qty::ZERO }),
            ),
            ["reject", order] => {
                let order = self.order(order).id;
                self.apply(line.at, Body::Order(OrderEvent::Rejected { order, reason: RejectReason::Venue }));
            }
            [what @ ("liquidate" | "resident-stop"), instance, qty, price] => {
                let fill = Fill {
                    order: OrderId(0),
                    symbol: line.symbol,
                    side: Side::Sell,
                    price: world.price(price),
                    qty: world.qty(qty),
                    cumulative: world.qty(qty),
                    trade_id: 0,
                    fee: Money::ZERO,
                    liquidity: Liquidity::Taker,
                    at: line.at,
                };
                let instance = instance.parse().unwrap();
                let event = match *what {
                    "liquidate" => OrderEvent::Liquidated { fill, instance, level: None },
                    _ => OrderEvent::Closed { fill, instance, by: ClosedBy::ResidentStop },
                };
                self.apply(line.at, Body::Order(event));
            }
            ["pause"] => self.apply(line.at, Body::Command(Command::Pause)),
            ["resume"] => self.apply(line.at, Body::Command(Command::Resume)),
            ["flatten"] => self.apply(line.at, Body::Command(Command::CloseAndEnd)),
            ["disable"] => self.table = self.table.with_enabled(line.symbol, false),
            ["enable"] => self.table = self.table.with_enabled(line.symbol, true),
            _ => {
                let mut chunk = Chunk::default();
                world.push(&mut chunk, line);
                let tick = chunk.ticks()[0];
                match (chunk.market(&tick), tick.kind) {
                    (Some(market), TickKind::Bar(bar)) => {
                        self.engine.inside_bar(&self.table, tick.symbol, tick.at, &bar, &mut self.out);
                        self.take_outputs();
                        self.engine.bar_passed(&self.table, tick.symbol, tick.at, &bar, &mut self.out);
                        self.apply(tick.at, Body::Market(tick.symbol, market));
                    }
                    (Some(market), _) => self.apply(tick.at, Body::Market(tick.symbol, market)),
                    (None, TickKind::Gap(gap)) => self.apply(tick.at, Body::Gap(tick.symbol, gap)),
                    _ => unreachable!("only a gap is no market event"),
                }
            }
        }
    }

    fn order(&self, number: &str) -> OrderRequest {
        let id = OrderId(number.parse().unwrap());
        *self
            .orders
            .iter()
            .find(|order| order.id == id)
            .unwrap_or_else(|| panic!("order {number} was never submitted"))
    }

    fn apply(&mut self, at: Timestamp, body: Body<'_>) {
        self.seq += 1;
        self.engine.apply(&self.table, &Event { seq: self.seq, at, body }, &mut self.out);
        self.take_outputs();
    }

    fn take_outputs(&mut self) {
        self.writer.outputs(&self.out);
        for action in &self.out.actions {
            if let Action::Submit(order) = action {
                self.orders.push(*order.get());
            }
        }
        self.out.clear();
    }
}

/// Records decisions as text lines.
struct Writer {
    table: SymbolTable,
    timer: SymbolId,
    story: Story,
    digest: DecisionDigest,
}

impl Writer {
    fn new() -> Self {
        Writer {
            table: SymbolTable::default(),
            timer: SymbolId(0),
            story: Story::default(),
            digest: DecisionDigest::default(),
        }
    }

    fn story(self, engine: &mut Engine, counts: VenueCounts) -> Story {
        let desk = engine.account();
        Story {
            digest: self.digest.finish(),
            cash: desk.cash(),
            occupants: desk.occupants(),
            flat: engine.is_flat(),
            counts,
            ..self.story
        }
    }
}

impl Recorder for Writer {
    fn funding(&mut self, _at: Timestamp, funding: Funding) {
        self.story.funding.push((funding.instance, funding.amount));
    }

    fn outputs(&mut self, out: &Outputs) {
        let mut evidence = out.evidence.as_slice();
        for decision in &out.decisions {
            let (own, rest) = evidence.split_at(usize::from(decision.evidence));
            evidence = rest;
            self.digest.add(decision, own);
            self.story.evidence.extend_from_slice(own);
            self.story.decisions.push(*decision);
            if decision.symbol != self.timer {
                self.story.lines.push(line(decision, self.table.spec(decision.symbol)));
            }
        }
        self.story.closed.extend_from_slice(&out.closed);
        let spec = self.table.spec(SymbolId(0));
        let ended = out.order_answers.iter().map(|end| {
            let time = (end.at - at(0.0)).nanos() as f64 / 1e9;
            let [filled, unfilled] = [end.filled, end.unfilled].map(|qty| spec.qty_decimal(qty));
            format!("{time} {} {} {filled} {unfilled}", end.order.0, end.status.reason().unwrap_or_default())
        });
        self.story.ended.extend(ended);
        self.story.equity.extend(out.equity);
        self.story.stopped |= out.stop_session;
    }
}

/// Formats a decision, e.g. `9.2 #1 fill 1 95.2 @ 10.51`; the number of the first instance is omitted.
fn line(decision: &Decision, spec: &SymbolSpec) -> String {
    let time = (decision.at - at(0.0)).nanos() as f64 / 1e9;
    let who = if decision.instance == 0 { String::new() } else { format!("#{} ", decision.instance) };
    let price = |price: Price| spec.price_decimal(price);
    let what = match decision.kind {
        DecisionKind::Transition { from, to, trigger, .. } => {
            format!("{} > {} {}", from.as_str(), to.as_str(), trigger.as_str())
        }
        DecisionKind::Refused { guard, value, threshold } => {
            format!("refused {} {value:.6} {threshold:.6}", guard.as_str())
        }
        DecisionKind::Submitted { order, side, qty, limit, purpose } => {
            let limit = limit.map_or("market".to_owned(), |limit| format!("limit {}", price(limit)));
            format!("submit {} {} {} {limit} {purpose:?}", order.0, side.as_str(), spec.qty_decimal(qty))
        }
        DecisionKind::CancelSent { order } => format!("cancel {}", order.0),
        DecisionKind::Filled { order, price: at, qty, .. } => {
            format!("fill {} {} @ {}", order.0, spec.qty_decimal(qty), price(at))
        }
        DecisionKind::Rejected { order, reason } => format!("rejected {} {}", order.0, reason.as_str()),
        DecisionKind::StopMoved { price: at, trigger } => format!("stop {} {}", price(at), trigger.as_str()),
        DecisionKind::Warning(warning) => format!("warning {}", warning.as_str()),
    };
    format!("{time} {who}{what}")
}

/// A synthetic book with this spread and unlimited depth.
pub fn synthetic(spread_pct: f64) -> SyntheticBook {
    SyntheticBook { spread_pct, depth_per_level: None }
}
