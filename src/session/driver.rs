//! Drives an engine: applies one input after the other, hands orders to a gateway and its answers to the
//! engine. A backtest, a paper session and a replay are the same driver over different inputs.
//!
//! One timeline: the engine's clock. Invariants: it never reads the wall clock; nothing is shown to the
//! engine before its time; the recorder sees an order before the gateway does.

use crate::checkpoint::{Saved, saved};
use crate::domain::decision::Trigger;
use crate::domain::event::{Bar, Body, Command, Event, Market, Trade};
use crate::domain::ledger::EquityPoint;
use crate::domain::num::Money;
use crate::domain::order::OrderEvent;
use crate::domain::strategy::StrategyDef;
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::Timestamp;
use crate::engine::Engine;
use crate::engine::account::SessionConfig;
use crate::engine::output::{Action, Outputs};
use crate::plant::{Plant, is_planted};
use crate::session::allowance::Allowance;
use crate::session::gateway::Gateway;
use crate::session::orders::{OpenOrders, Verdict};
use crate::session::ports::{Chunk, Feed, FeedError, Tick, TickKind};
use crate::session::snapshot::Moment;
use crate::sim::{Venue, VenueConfig, VenueCounts};
use arc_swap::{ArcSwap, Cache};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Records what a run does, in order.
pub trait Recorder {
    /// A tick is about to be applied.
    fn tick(&mut self, _tick: &Tick) {}

    /// Trades of a symbol were applied, of which at most the last had consequences; those are told next.
    fn trades(&mut self, symbol: SymbolId, trades: &[(Timestamp, Trade)]) {
        for (at, trade) in trades {
            self.tick(&Tick { at: *at, symbol, kind: TickKind::Trade(*trade) });
        }
    }

    /// The account after each of these trades that changed it and nothing else.
    fn valued(&mut self, points: &[EquityPoint]) {
        for point in points {
            self.outputs(&Outputs { equity: Some(*point), ..Outputs::default() });
        }
    }

    /// The engine did something.
    fn outputs(&mut self, out: &Outputs);

    /// Funding was settled on a position: received, or paid when it is negative.
    fn funding(&mut self, _at: Timestamp, _funding: Funding) {}

    /// From here on the run sees this symbol table; `progress` is how far it has come.
    fn symbol_table(&mut self, _table: &SymbolTable, _progress: Progress) {}

    /// From here on the run is allowed this, and no more.
    fn allowance(&mut self, _allowed: &Allowance, _progress: Progress) {}

    /// A batch of input has been applied: the moment to look at the engine.
    fn batch_done(&mut self, _moment: Moment<'_>) {}
}

/// Funding of one position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Funding {
    /// The instance that holds it.
    pub instance: u32,
    /// Its symbol.
    pub symbol: SymbolId,
    /// Received; negative when it is paid.
    pub amount: Money,
}

impl Funding {
    fn of(event: &OrderEvent) -> Option<Funding> {
        match *event {
            OrderEvent::Funding { symbol, instance, amount } => Some(Funding { instance, symbol, amount }),
            _ => None,
        }
    }
}

/// The most trades that are applied together: copying them again after one with consequences must cost
/// little.
const RUN_TRADES: usize = 128;

/// How far a run has come; shown while it runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Ticks applied.
    pub ticks: u64,
    /// Event time.
    pub at: Timestamp,
}

/// Why a run goes on or ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// Go on.
    Continue,
    /// End now, positions closed as at the end of the data.
    Stop,
}

/// An engine with its gateway.
pub struct Driver<G = Venue> {
    /// The table of the last chunk.
    table: Arc<SymbolTable>,
    /// Where the table may be replaced from outside while the run goes on.
    shared: Cache<Arc<ArcSwap<SymbolTable>>, Arc<SymbolTable>>,
    engine: Engine,
    gateway: G,
    /// Orders whose answers are inputs; empty for a gateway that answers by time.
    orders: OpenOrders,
    out: Outputs,
    events: Vec<OrderEvent>,
    /// A run of trades, and the account after those that changed it; fields only to reuse their memory.
    trades: Vec<(Timestamp, Trade)>,
    valued: Vec<EquityPoint>,
    seq: u64,
    ticks: u64,
    at: Timestamp,
    /// Bars in which another order of prices would have meant another end of a position.
    bars_in_doubt: u64,
    stopping: bool,
    /// Symbols with an execution that fits no order.
    unassigned: BTreeSet<SymbolId>,
}

// Between two inputs. What is switched off in the table is kept by `session::checkpoint`.
saved!([impl<G: Saved>] Driver<G> {
    engine, gateway, orders, seq, ticks, at, bars_in_doubt, stopping, unassigned,
} fixed { table, shared, out, events, trades, valued });

impl Driver {
    /// Before the first event. The strategies run on every symbol of the table.
    pub fn new(
        table: Arc<SymbolTable>,
        strategies: &[Arc<StrategyDef>],
        session: SessionConfig,
        venue: VenueConfig,
    ) -> Self {
        Driver::sharing(Arc::new(ArcSwap::new(table)), strategies, session, venue)
    }

    /// As [`Driver::new`], on a table that others may replace while the run goes on. A replacement is seen
    /// between two chunks, as a numbered event; it must hold the same symbols in the same order.
    pub fn sharing(
        symbols: Arc<ArcSwap<SymbolTable>>,
        strategies: &[Arc<StrategyDef>],
        session: SessionConfig,
        venue: VenueConfig,
    ) -> Self {
        let venue = Venue::new(venue, symbols.load().len());
        Driver::over(symbols, strategies, session, venue)
    }
}

impl<G: Gateway> Driver<G> {
    /// What the venue did that the result must tell.
    pub fn venue_counts(&self) -> VenueCounts {
        let counts = self.gateway.counts();
        VenueCounts { bars_in_doubt: counts.bars_in_doubt + self.bars_in_doubt, ..counts }
    }

    /// As [`Driver::sharing`], with orders going to any gateway.
    pub fn over(
        symbols: Arc<ArcSwap<SymbolTable>>,
        strategies: &[Arc<StrategyDef>],
        session: SessionConfig,
        gateway: G,
    ) -> Self {
        let mut shared = Cache::new(symbols);
        let table = Arc::clone(shared.load());
        let engine = Engine::new(&table, strategies, session);
        Driver {
            table,
            shared,
            engine,
            gateway,
            orders: OpenOrders::default(),
            out: Outputs::default(),
            events: Vec::new(),
            trades: Vec::new(),
            valued: Vec::new(),
            seq: 0,
            ticks: 0,
            at: Timestamp::MIN,
            bars_in_doubt: 0,
            stopping: false,
            unassigned: BTreeSet::new(),
        }
    }

    /// Takes over a symbol table that was replaced from outside, as a numbered event at the time reached;
    /// whether it was.
    pub fn refresh_table<R: Recorder>(&mut self, recorder: &mut R) -> bool {
        let now = self.shared.load();
        if now.version == self.table.version {
            return false;
        }
        assert_eq!(
            now.len(),
            self.table.len(),
            "a replaced symbol table holds the symbols the session began with"
        );
        self.table = Arc::clone(now);
        let version = self.table.version;
        self.apply(self.at, Body::SymbolTable { version });
        recorder.symbol_table(&self.table, self.progress());
        // What the engine says of the account now belongs to this moment, not to the next event.
        self.flush(self.at, recorder);
        true
    }

    /// Takes over the table that the run had where it is loaded, without a word of it.
    pub(super) fn load_table(&mut self, table: SymbolTable) {
        self.table = Arc::new(table);
        self.shared.arc_swap().store(Arc::clone(&self.table));
    }

    /// Runs a feed to its end, then closes what is open. `watch` is called once per chunk.
    ///
    /// # Errors
    /// What the feed could not read; everything before it has been applied.
    pub fn run<R: Recorder>(
        &mut self,
        feed: &mut dyn Feed,
        recorder: &mut R,
        watch: &mut dyn FnMut(Progress) -> Flow,
    ) -> Result<(), FeedError> {
        self.advance(feed, recorder, watch)?;
        self.finish(recorder);
        Ok(())
    }

    /// Runs a feed to its end and leaves everything as it is there.
    ///
    /// # Errors
    /// As [`Driver::run`].
    pub fn advance<R: Recorder>(
        &mut self,
        feed: &mut dyn Feed,
        recorder: &mut R,
        watch: &mut dyn FnMut(Progress) -> Flow,
    ) -> Result<(), FeedError> {
        let mut chunk = Chunk::default();
        while feed.next(&mut chunk)? {
            self.refresh_table(recorder);
            let mut rest = chunk.ticks();
            while let Some(tick) = rest.first() {
                let follows = rest.get(1).is_some_and(|next| next.symbol == tick.symbol);
                let mut count = if follows { self.trades(tick.symbol, rest, recorder) } else { 0 };
                if count == 0 {
                    self.tick(&chunk, tick, recorder);
                    count = 1;
                }
                rest = &rest[count..];
                if self.has_ended() {
                    // Right here: where a chunk ends must not change what is decided.
                    return Ok(());
                }
            }
            self.batch_done(recorder);
            if watch(Progress { ticks: self.ticks, at: self.at }) == Flow::Stop {
                break;
            }
        }
        Ok(())
    }

    /// Shows the recorder the engine between two batches of input, once time has begun.
    pub fn batch_done<R: Recorder>(&mut self, recorder: &mut R) {
        if self.at != Timestamp::MIN {
            recorder.batch_done(Moment { engine: &mut self.engine, table: &self.table, at: self.at });
        }
    }

    /// Whether a limit ended the session and nothing is open any more.
    pub fn has_ended(&self) -> bool {
        self.stopping && self.engine.is_flat()
    }

    /// An answer of the gateway that came through the inbox at a moment. Only news reaches the engine.
    pub fn answer<R: Recorder>(&mut self, at: Timestamp, answer: OrderEvent, recorder: &mut R) -> Verdict {
        self.wait_until(at, recorder);
        let verdict = self.orders.answered(&answer);
        match verdict {
            Verdict::News => {
                if let Some(funding) = Funding::of(&answer) {
                    recorder.funding(self.at, funding);
                }
                self.apply(self.at, Body::Order(answer));
                if let OrderEvent::Acked(order) = answer {
                    self.engine.accepted(&self.table, self.at, order, &mut self.out);
                }
                self.flush(self.at, recorder);
            }
            Verdict::Unassigned(fill) => _ = self.unassigned.insert(fill.symbol),
            Verdict::Known => {}
        }
        verdict
    }

    /// Symbols with an execution that fits no order.
    pub fn unassigned(&self) -> &BTreeSet<SymbolId> {
        &self.unassigned
    }

    /// A command from outside, at the time reached.
    pub fn command<R: Recorder>(&mut self, command: Command, recorder: &mut R) {
        self.apply(self.at, Body::Command(command));
        self.flush(self.at, recorder);
    }

    /// The configuration allows less from the time reached on, which is one numbered input. Switched-off
    /// symbols come with their symbol table.
    pub fn tighten<R: Recorder>(&mut self, allowed: &Allowance, recorder: &mut R) {
        self.seq += 1;
        recorder.allowance(allowed, self.progress());
        if let Some(limits) = &allowed.risk {
            self.engine.tighten(&self.table, self.at, limits, &mut self.out);
        }
        self.flush(self.at, recorder);
    }

    /// Nobody was there until `at`: what was due acts and arrives only now, and no market from before is
    /// known.
    pub fn sleep_until(&mut self, at: Timestamp) {
        self.at = self.at.max(at);
        self.gateway.on_absence();
    }

    /// Lets time pass up to a moment without any market event.
    pub fn wait_until<R: Recorder>(&mut self, at: Timestamp, recorder: &mut R) {
        self.run_due(at, recorder);
        self.at = self.at.max(at);
    }

    /// Applies one tick and everything that is due before it.
    #[inline]
    pub fn tick<R: Recorder>(&mut self, chunk: &Chunk, tick: &Tick, recorder: &mut R) {
        let at = tick.at;
        if self.engine.next_clock() < at || self.gateway.next_due() <= at {
            self.run_due(at, recorder);
        }
        self.at = at;
        self.ticks += 1;
        recorder.tick(tick);
        if let TickKind::Trade(trade) = tick.kind {
            self.gateway.on_trade(&self.table, tick.symbol, at, trade, &mut self.events);
            if !self.events.is_empty() {
                self.deliver(at, recorder);
            }
            self.seq += 1;
            self.engine.on_trade(&self.table, tick.symbol, at, trade, &mut self.out);
        } else {
            self.other(chunk, tick, recorder);
        }
        self.flush_news(at, recorder);
    }

    /// Records what came out of a tick, if anything did.
    #[inline(always)]
    fn flush_news<R: Recorder>(&mut self, at: Timestamp, recorder: &mut R) {
        if !self.out.is_quiet() || self.out.equity.is_some() {
            self.flush(at, recorder);
        }
    }

    /// Applies the first of these ticks as far as they are trades of this symbol with nothing due in between,
    /// up to the first with consequences: as [`Driver::tick`] would one by one. Returns how many.
    fn trades<R: Recorder>(&mut self, symbol: SymbolId, ticks: &[Tick], recorder: &mut R) -> usize {
        let Some(calm) = ticks.first().and_then(|first| self.gateway.calm(symbol, first.at)) else {
            return 0;
        };
        let (clock, due) = (self.engine.next_clock(), self.gateway.next_due().min(calm.until));
        let mut trades = std::mem::take(&mut self.trades);
        trades.clear();
        trades.extend(ticks.iter().take(RUN_TRADES).map_while(|tick| match tick.kind {
            TickKind::Trade(trade) => {
                let is_quiet = tick.symbol == symbol && tick.at <= clock && tick.at < due;
                (is_quiet && trade.price > calm.below && trade.price < calm.above).then_some((tick.at, trade))
            }
            _ => None,
        }));
        let count = self.apply_trades(symbol, &trades, recorder);
        self.trades = trades;
        count
    }

    fn apply_trades<R: Recorder>(
        &mut self,
        symbol: SymbolId,
        trades: &[(Timestamp, Trade)],
        recorder: &mut R,
    ) -> usize {
        self.valued.clear();
        let count = self.engine.on_trades(&self.table, symbol, trades, &mut self.out, &mut self.valued);
        let Some((at, last)) = trades[..count].last() else { return 0 };
        self.at = *at;
        self.ticks += count as u64;
        self.seq += count as u64;
        self.gateway.passed(symbol, last.price);
        recorder.trades(symbol, &trades[..count]);
        recorder.valued(&self.valued);
        self.flush_news(*at, recorder);
        count
    }

    /// A tick that is not a trade.
    fn other<R: Recorder>(&mut self, chunk: &Chunk, tick: &Tick, recorder: &mut R) {
        if let TickKind::Bar(bar) = tick.kind {
            self.bar(tick.symbol, tick.at, &bar, recorder);
        } else if let Some(market) = chunk.market(tick) {
            self.gateway.on_market(&self.table, tick.symbol, tick.at, &market, &mut self.events);
            if !self.events.is_empty() {
                self.deliver(tick.at, recorder);
            }
            self.apply(tick.at, Body::Market(tick.symbol, market));
        } else if let TickKind::Gap(gap) = tick.kind {
            if gap.cause.loses_book() {
                self.gateway.on_gap(tick.symbol);
            }
            self.apply(tick.at, Body::Gap(tick.symbol, gap));
        }
    }

    /// A bar, known at its end: what waited acts on its first price, then its inside reaches stops and
    /// targets, then the engine sees its end.
    fn bar<R: Recorder>(&mut self, symbol: SymbolId, at: Timestamp, bar: &Bar, recorder: &mut R) {
        self.engine.bar_opened(&self.table, symbol, at, bar);
        self.gateway.open_bar(&self.table, symbol, at, bar, &mut self.events);
        self.deliver(at, recorder);
        let mut in_doubt = false;
        loop {
            in_doubt |= self.engine.inside_bar(&self.table, symbol, at, bar, &mut self.out);
            let acts = !self.out.actions.is_empty();
            self.flush(at, recorder);
            if !acts {
                break;
            }
        }
        self.bars_in_doubt += u64::from(in_doubt);
        self.engine.bar_passed(&self.table, symbol, at, bar, &mut self.out);
        self.gateway.close_bar(&self.table, symbol, at, bar, &mut self.events);
        self.deliver(at, recorder);
        self.engine.bar_ended(&self.table, symbol, at, bar, &mut self.out);
        self.flush_news(at, recorder);
        self.apply(at, Body::Market(symbol, Market::Bar(*bar)));
    }

    fn apply(&mut self, at: Timestamp, body: Body<'_>) {
        self.seq += 1;
        self.engine.apply(&self.table, &Event { seq: self.seq, at, body }, &mut self.out);
    }

    /// Messages that arrive up to `limit` and clock moments before it, in the order of their times.
    #[cold]
    fn run_due<R: Recorder>(&mut self, limit: Timestamp, recorder: &mut R) {
        let since = self.at;
        loop {
            let (clock, arrival) = (self.engine.next_clock().max(self.at), self.gateway.next_due());
            if arrival <= limit && arrival <= clock {
                self.at = self.at.max(arrival);
                self.arrivals(self.at, recorder);
            } else if clock < limit {
                self.at = clock;
                self.apply(clock, Body::Clock);
                self.flush(clock, recorder);
                let limit = limit.min(self.gateway.next_due());
                self.seq += self.engine.pass_silence(&self.table, since, clock, limit);
            } else {
                return;
            }
        }
    }

    fn arrivals<R: Recorder>(&mut self, at: Timestamp, recorder: &mut R) {
        while self.gateway.answer(&self.table, at, &mut self.events) {
            self.deliver(at, recorder);
        }
    }

    /// Hands the venue's answers to the engine.
    fn deliver<R: Recorder>(&mut self, at: Timestamp, recorder: &mut R) {
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            if let Some(funding) = Funding::of(&event) {
                recorder.funding(at, funding);
            }
            self.apply(at, Body::Order(event));
        }
        self.events = events;
        self.flush(at, recorder);
    }

    /// Records what came out and sends the orders; answers that take no time come back at once.
    fn flush<R: Recorder>(&mut self, at: Timestamp, recorder: &mut R) {
        recorder.outputs(&self.out);
        self.stopping |= self.out.stop_session;
        let mut actions = std::mem::take(&mut self.out.actions);
        self.out.clear();
        for action in actions.drain(..) {
            match action {
                Action::Submit(order) => {
                    if G::ANSWERS_ARE_INPUTS {
                        self.orders.sent(order.get());
                    }
                    self.gateway.submit(at, order.get());
                    if is_planted(Plant::OrderSentTwice) && order.get().id.0 % 7 == 3 {
                        self.gateway.submit(at, order.get());
                    }
                }
                Action::Cancel(order) => self.gateway.cancel(at, order),
            }
        }
        self.out.actions = actions;
        if self.gateway.next_due() <= at {
            self.arrivals(at, recorder);
        }
    }

    /// The data is over: what works is cancelled, what is open is closed at once, as far as the gateway does
    /// that ([`Gateway::END_TRIES`]).
    pub fn finish<R: Recorder>(&mut self, recorder: &mut R) {
        for _ in 0..G::END_TRIES {
            self.engine.flatten(&self.table, self.at, Trigger::End, &mut self.out);
            self.flush(self.at, recorder);
            self.answer_all(recorder);
            if self.engine.is_flat() {
                return;
            }
        }
    }

    fn answer_all<R: Recorder>(&mut self, recorder: &mut R) {
        while self.gateway.answer_at_end(&self.table, self.at, &mut self.events) {
            self.deliver(self.at, recorder);
        }
        self.deliver(self.at, recorder);
    }

    /// The engine, to explain or to look at.
    pub fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// The symbols as they are now, for whoever keeps them.
    pub fn shared_table(&self) -> Arc<SymbolTable> {
        Arc::clone(&self.table)
    }

    /// The symbols.
    pub fn table(&self) -> &SymbolTable {
        &self.table
    }

    /// Ticks applied and event time.
    pub fn progress(&self) -> Progress {
        Progress { ticks: self.ticks, at: self.at }
    }
}
