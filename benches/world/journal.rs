//! The disk of a world: what is durable, what is not yet, what was published; and what the gateway was sent.

use crate::exchange::Exchange;
use crate::market::Market;
use std::cell::{RefCell, RefMut};
use std::collections::BTreeSet;
use std::rc::Rc;
use tradingd::checkpoint::{Damaged, Reader, Saved};
use tradingd::domain::decision::{Decision, DecisionKind, Evidence};
use tradingd::domain::event::{Gap, GapCause};
use tradingd::domain::ledger::ClosedTrade;
use tradingd::domain::order::OrderRequest;
use tradingd::domain::record::Record;
use tradingd::domain::rng::Rng;
use tradingd::domain::symbol::{SymbolId, SymbolTable};
use tradingd::domain::time::Timestamp;
use tradingd::engine::output::Outputs;
use tradingd::session::digest::encode;
use tradingd::session::driver::Recorder;
use tradingd::session::inputs::Control;
use tradingd::session::ports::{Chunk, Feed, FeedError, TickKind};
use tradingd::session::rows::TickMaker;

/// Something the session did.
#[derive(Clone)]
pub struct Event {
    /// Canonical bytes; equal exactly when the events are.
    pub bytes: Vec<u8>,
    pub decision: Option<Decision>,
    pub closed: Option<ClosedTrade>,
}

impl Event {
    fn decision(decision: &Decision, evidence: &[Evidence]) -> Self {
        let mut bytes = Vec::new();
        encode(decision, evidence, &mut bytes);
        Event { bytes, decision: Some(*decision), closed: None }
    }

    fn closed(trade: &ClosedTrade) -> Self {
        Event { bytes: format!("{trade:?}").into_bytes(), decision: None, closed: Some(*trade) }
    }

    pub fn all(out: &Outputs) -> Vec<Event> {
        let decisions = out.decided().map(|(decision, evidence)| Event::decision(decision, evidence));
        decisions.chain(out.closed.iter().map(Event::closed)).collect()
    }
}

/// An input of the session.
#[derive(Clone)]
pub enum Entry {
    Rows { at: Timestamp, symbol: SymbolId, rows: Vec<Record> },
    Gap { at: Timestamp, symbol: SymbolId, from: Timestamp, cause: GapCause },
    Control { at: Timestamp, control: Control },
}

/// A commit on its way to the disk: events, and the inputs that wait when it begins to write, which may be more than those
/// that the events follow from.
pub struct Commit {
    reached: Timestamp,
    events: Vec<Event>,
    inputs: Option<Vec<Entry>>,
    /// Orders that leave when it is durable.
    orders: Vec<OrderRequest>,
}

/// Everything of a world that outlives the session's process, and what the process has in memory.
pub struct World {
    pub rng: Rng,
    pub market: Market,
    pub plant: Option<&'static str>,
    pub steps: u64,
    /// Durable inputs and events, and the engine time that the last commit had reached.
    pub durable: Vec<Entry>,
    pub events: Vec<Event>,
    pub reached: Option<Timestamp>,
    /// Inputs and events that no commit has taken yet.
    pub pending: Vec<Entry>,
    pub pending_events: Vec<Event>,
    /// The commit that was handed over.
    pub under_way: Option<Commit>,
    /// What was published, over all processes.
    pub published: Vec<Vec<u8>>,
    /// Commits that the disk will refuse.
    pub refusals: u64,
    /// Whether a stop is written, and when that was acknowledged.
    pub stop_is_written: bool,
    pub stopped_at: Option<Timestamp>,
    pub is_stopped: bool,
    pub is_suspending: bool,
    pub is_killed: bool,
    /// Orders that this process recorded, and those it sent.
    pub recorded: BTreeSet<u64>,
    pub sent: BTreeSet<u64>,
    /// The venue whose answers are inputs; `None`: the session has a simulated one.
    pub exchange: Option<Exchange>,
    /// Orders that wait for a commit, and those with a durable decision.
    pub outbox: Vec<OrderRequest>,
    pub intents: BTreeSet<u64>,
    /// Orders that are to be cancelled as soon as they have left.
    pub cancels: BTreeSet<u64>,
    /// How many durable events a process that catches up has done again; `None`: it decides anew.
    pub caught_up: Option<usize>,
    /// What the auditor saw first.
    pub fault: Option<String>,
    pub is_traced: bool,
    pub trace: Vec<String>,
}

#[derive(Clone)]
pub struct Shared(Rc<RefCell<World>>);

impl Shared {
    pub fn new(world: World) -> Self {
        Shared(Rc::new(RefCell::new(world)))
    }

    pub fn world(&self) -> RefMut<'_, World> {
        self.0.borrow_mut()
    }

    pub fn is_planted(&self, plant: &str) -> bool {
        self.world().plant == Some(plant)
    }

    /// The gateway was handed an order.
    pub fn sent(&self, order: &OrderRequest) {
        let mut world = self.world();
        let id = order.id.0;
        if !world.recorded.contains(&id) {
            world.fail(format!("order {id} was sent before it was recorded"));
        }
        if !world.sent.insert(id) {
            world.fail(format!("order {id} was sent twice"));
        }
    }
}

impl World {
    pub fn fail(&mut self, what: String) {
        self.fault.get_or_insert(what);
    }

    pub fn note(&mut self, line: impl FnOnce() -> String) {
        if self.is_traced {
            let line = line();
            self.trace.push(line);
        }
    }

    /// Hands what the session did to the disk; nothing is under way.
    pub fn hand_over(&mut self, reached: Timestamp) {
        let mut events = std::mem::take(&mut self.pending_events);
        if self.plant == Some("event_left_out_of_a_commit") && self.rng.once_in(9) {
            events.pop();
        }
        if self.plant == Some("published_when_handed_over") {
            self.published.extend(events.iter().map(|event| event.bytes.clone()));
        }
        let orders = std::mem::take(&mut self.outbox);
        self.under_way = Some(Commit { reached, events, inputs: None, orders });
    }

    /// The commit under way takes the inputs that wait.
    pub fn begin_to_write(&mut self) {
        let Some(commit) = self.under_way.as_mut().filter(|commit| commit.inputs.is_none()) else { return };
        let is_left_out = self.plant == Some("inputs_of_a_commit_left_out");
        commit.inputs = Some(if is_left_out { Vec::new() } else { std::mem::take(&mut self.pending) });
    }

    /// The commit under way is durable and its events are published. `false`: the disk refuses.
    pub fn complete(&mut self) -> bool {
        self.land(true)
    }

    fn land(&mut self, is_alive: bool) -> bool {
        self.begin_to_write();
        let Some(Commit { reached, mut events, inputs, orders }) = self.under_way.take() else { return true };
        if self.refusals > 0 {
            self.refusals -= 1;
            self.note(|| "the disk refuses a commit".to_owned());
            return false;
        }
        if !matches!(self.plant, Some("published_before_it_is_durable" | "published_when_handed_over")) {
            self.published.extend(events.iter().map(|event| event.bytes.clone()));
        }
        if self.plant == Some("commit_acknowledged_too_early") && self.rng.once_in(5) {
            self.pending_events.splice(..0, events);
            self.pending.splice(..0, inputs.unwrap_or_default());
            self.outbox.splice(..0, orders);
            return true;
        }
        for event in &events {
            if let Some(Decision { kind: DecisionKind::Submitted { order, .. }, .. }) = &event.decision {
                self.intents.insert(order.0);
            }
        }
        self.events.append(&mut events);
        self.durable.append(&mut inputs.unwrap_or_default());
        self.reached = Some(reached);
        self.note(|| format!("committed up to {reached}"));
        if is_alive {
            orders.iter().for_each(|order| self.send(order));
        }
        true
    }

    /// An order leaves; its decision must be durable.
    pub fn send(&mut self, order: &OrderRequest) {
        if !self.intents.contains(&order.id.0) {
            self.fail(format!("order {} was sent before its decision was durable", order.id.0));
        }
        let World { exchange: Some(exchange), market, rng, .. } = self else { return };
        let price = market.price(order.symbol);
        if let Err(twice) = exchange.receive(order, market.now, price, rng) {
            self.fail(twice);
        }
        if self.plant == Some("order_sent_twice") && order.id.0 % 7 == 3 {
            self.plant = None;
            self.send(order);
        }
        if self.cancels.remove(&order.id.0) {
            self.cancel(order.id.0);
        }
    }

    /// A process that came back asks again for what it asked for: it does not know what left, and what went on from a
    /// checkpoint has not decided on it again.
    pub fn repeat_cancellations(&mut self) {
        let asked = self.events.iter().filter_map(|event| match event.decision?.kind {
            DecisionKind::CancelSent { order } => Some(order.0),
            _ => None,
        });
        for order in asked.collect::<Vec<_>>() {
            self.cancel(order);
        }
    }

    /// A cancellation leaves.
    pub fn cancel(&mut self, order: u64) {
        let World { exchange: Some(exchange), market, rng, .. } = self else { return };
        exchange.cancel(order, market, rng);
    }

    /// Makes durable what was done so far, and publishes it. `false`: the disk refuses.
    pub fn commit(&mut self, reached: Timestamp) -> bool {
        if !self.complete() {
            return false;
        }
        self.hand_over(reached);
        self.complete()
    }

    /// The machine's disk may still have written what was under way when the process was killed.
    pub fn settle_after_a_kill(&mut self) {
        if self.refusals == 0 && self.rng.once_in(2) {
            self.land(false);
        }
    }

    /// The process is gone, and what it had in memory.
    pub fn forget(&mut self) {
        self.pending.clear();
        self.pending_events.clear();
        self.under_way = None;
        self.outbox.clear();
        self.cancels.clear();
        self.recorded.clear();
        self.sent.clear();
        (self.is_suspending, self.is_killed) = (false, false);
    }

    /// What was done to the session, as a replay applies it.
    pub fn controls(&self) -> Vec<(Timestamp, Control)> {
        let control = |entry: &Entry| match entry {
            Entry::Control { at, control } => Some((*at, control.clone())),
            _ => None,
        };
        let mut controls: Vec<_> = self.durable.iter().filter_map(control).collect();
        controls.sort_by_key(|(at, _)| *at);
        controls
    }

    pub fn last_row(&self) -> Option<Timestamp> {
        let at = |entry: &Entry| match entry {
            Entry::Rows { at, .. } => Some(*at),
            _ => None,
        };
        self.durable.iter().filter_map(at).max()
    }

    /// Durable rows and gaps as ticks.
    pub fn feed(&self, table: &SymbolTable) -> JournalFeed {
        let (mut chunk, mut maker) = (Chunk::default(), TickMaker::default());
        for entry in &self.durable {
            match entry {
                Entry::Rows { at, symbol, rows } => maker
                    .push(table, *symbol, *at, rows, &mut chunk)
                    .expect("what was journaled fits the grid of its symbol"),
                Entry::Gap { at, symbol, from, cause } => {
                    let gap = Gap { from: *from, to: *at, cause: *cause };
                    chunk.push(*at, *symbol, TickKind::Gap(gap));
                }
                Entry::Control { .. } => {}
            }
        }
        JournalFeed { ticks: chunk, next: 0, size: usize::MAX }
    }
}

/// The ticks in chunks of some size.
pub struct JournalFeed {
    ticks: Chunk,
    next: usize,
    size: usize,
}

impl JournalFeed {
    /// In chunks of this many ticks.
    pub fn in_chunks_of(self, size: usize) -> Self {
        JournalFeed { size, ..self }
    }

    /// Without the ticks up to a time.
    pub fn behind(self, at: Timestamp) -> Self {
        JournalFeed { next: self.ticks.ticks().partition_point(|tick| tick.at <= at), ..self }
    }
}

impl Feed for JournalFeed {
    fn next(&mut self, chunk: &mut Chunk) -> Result<bool, FeedError> {
        chunk.clear();
        let part = self.ticks.ticks()[self.next..].iter().take(self.size);
        self.next += part.map(|tick| chunk.push_from(&self.ticks, tick)).count();
        Ok(!chunk.ticks().is_empty())
    }
}

/// Records a session into the world; while it catches up, compares with what is durable.
pub struct Tape(pub Shared);

/// It keeps nothing of its own.
impl Saved for Tape {
    fn save(&self, _: &mut Vec<u8>) {}

    fn load(&mut self, _: &mut Reader<'_>) -> Result<(), Damaged> {
        Ok(())
    }
}

impl Recorder for Tape {
    fn outputs(&mut self, out: &Outputs) {
        if out.decisions.is_empty() && out.closed.is_empty() {
            return;
        }
        let mut world = self.0.world();
        for event in Event::all(out) {
            if let Some(Decision { kind: DecisionKind::Submitted { order, .. }, .. }) = &event.decision {
                world.recorded.insert(order.0);
            }
            if let Some(done) = world.caught_up
                && done < world.events.len()
            {
                if world.events[done].bytes != event.bytes {
                    let (was, is) = (world.events[done].decision, event.decision);
                    world.fail(format!("event {done} was {was:?} and is {is:?} after a restart"));
                }
                world.caught_up = Some(done + 1);
                continue;
            }
            if world.plant == Some("published_before_it_is_durable") {
                let bytes = event.bytes.clone();
                world.published.push(bytes);
            }
            world.note(|| format!("did {:?} {:?}", event.decision, event.closed));
            world.pending_events.push(event);
        }
    }
}
