//! The disk of a world: what is durable, what is not yet, what was published; and what the gateway was sent.

use crate::events::{Event, Look};
use crate::exchange::Exchange;
use crate::market::Market;
use std::cell::{RefCell, RefMut};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use tradingd::checkpoint::{Damaged, Reader, Saved};
use tradingd::domain::decision::{Decision, DecisionKind};
use tradingd::domain::event::{Gap, GapCause, UserCommand};
use tradingd::domain::order::{OrderEvent, OrderRequest};
use tradingd::domain::record::Record;
use tradingd::domain::rng::{Rng, mixed};
use tradingd::domain::symbol::{SymbolId, SymbolTable};
use tradingd::domain::time::Timestamp;
use tradingd::engine::output::Outputs;
use tradingd::session::driver::Recorder;
use tradingd::session::halts::News;
use tradingd::session::inputs::{Batch, Control};
use tradingd::session::ports::{Chunk, Feed, FeedError, TickKind};
use tradingd::session::rows::TickMaker;
use tradingd::session::snapshot::Moment;

/// An input of the session.
#[derive(Clone)]
pub enum Entry {
    Rows { at: Timestamp, symbol: SymbolId, rows: Vec<Record> },
    Gap { at: Timestamp, symbol: SymbolId, from: Timestamp, cause: GapCause },
    Control { at: Timestamp, control: Control },
}

/// A commit on its way to the disk: events, and the inputs that wait when it begins to write, which may be
/// more than those that the events follow from.
pub struct Commit {
    reached: Timestamp,
    events: Vec<Event>,
    alerts: Vec<Alert>,
    inputs: Option<Vec<Entry>>,
    /// Orders that leave when it is durable.
    orders: Vec<OrderRequest>,
    /// Commands that are answered when it is.
    commands: Vec<(Timestamp, Control)>,
}

/// When it was said of a symbol that an execution fits no order.
pub type Alert = (Timestamp, SymbolId);

/// Events of a step; the first four are none of the market's.
const EVENTS: u64 = 16;

/// What people and the machine do.
pub const PEOPLE: u64 = 0;
/// Time passes, and the exchange does what it does by itself.
pub const EXCHANGE: u64 = 1;
/// How much the market sends.
const SENDS: u64 = 2;
/// Everything else: the disk, answers, the end of a process.
const REST: u64 = 3;
/// Messages of the market.
const MESSAGES: u64 = 4;

/// Everything of a world that outlives the session's process, and what the process has in memory.
pub struct World {
    seed: u64,
    /// Chance, which begins anew with every event: it does not depend on which others are left out.
    pub rng: Rng,
    /// Events that do not happen in this life, and those that did.
    left_out: Arc<BTreeSet<u64>>,
    pub happened: Vec<u64>,
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
    /// Alerts that are durable, and those that no commit has taken yet.
    pub alerts: Vec<Alert>,
    pending_alerts: Vec<Alert>,
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
    /// Whether the session has ended behind the last execution that the exchange made for it.
    pub is_settled: bool,
    pub is_suspending: bool,
    pub is_killed: bool,
    /// Commands that people gave and the session has not taken, and those that it took and are not durable.
    pub commands: Vec<UserCommand>,
    pub taken: Vec<UserCommand>,
    /// Those that no commit has, as they are in the journal, and those that were answered.
    pub unanswered: Vec<(Timestamp, Control)>,
    pub answered: Vec<(Timestamp, Control)>,
    /// Symbols on which the venue lets nothing be begun, each time that it was asked, and those that it
    /// wanted closed.
    pub blocks: Vec<(Timestamp, Vec<SymbolId>)>,
    pub closings: Vec<(Timestamp, SymbolId)>,
    /// What the session showed as open, now and then.
    pub looks: Vec<Look>,
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
    /// Every other seed has an exchange in the place of a simulated venue.
    pub fn new(
        seed: u64,
        plant: Option<&'static str>,
        left_out: Arc<BTreeSet<u64>>,
        is_traced: bool,
    ) -> Self {
        World {
            seed,
            rng: Rng::new(mixed(seed.cast_signed(), -1)),
            left_out,
            happened: Vec::new(),
            market: Market::new(),
            plant,
            steps: 0,
            durable: Vec::new(),
            events: Vec::new(),
            reached: None,
            pending: Vec::new(),
            pending_events: Vec::new(),
            alerts: Vec::new(),
            pending_alerts: Vec::new(),
            under_way: None,
            exchange: (seed % 2 == 1).then(Exchange::default),
            outbox: Vec::new(),
            intents: BTreeSet::new(),
            cancels: BTreeSet::new(),
            published: Vec::new(),
            refusals: 0,
            stop_is_written: false,
            stopped_at: None,
            is_stopped: false,
            is_settled: false,
            is_suspending: false,
            is_killed: false,
            commands: Vec::new(),
            taken: Vec::new(),
            unanswered: Vec::new(),
            answered: Vec::new(),
            blocks: Vec::new(),
            closings: Vec::new(),
            looks: Vec::new(),
            recorded: BTreeSet::new(),
            sent: BTreeSet::new(),
            caught_up: None,
            fault: None,
            is_traced,
            trace: Vec::new(),
        }
    }

    /// An event of this step begins. `false`: it is left out.
    pub fn begins(&mut self, number: u64) -> bool {
        let event = self.steps * EVENTS + number;
        self.rng = Rng::new(mixed(self.seed.cast_signed(), event.cast_signed()));
        !self.left_out.contains(&event)
    }

    /// An event of this step happened, and could have been left out.
    pub fn happens(&mut self, number: u64) {
        self.happened.push(self.steps * EVENTS + number);
    }

    /// What came since the last look.
    pub fn pour(&mut self, batch: &mut Batch) {
        self.begins(SENDS);
        for number in MESSAGES..MESSAGES + [0, 1, 1, 2, 3, 12][self.rng.place(6)] {
            if self.begins(number) {
                self.happens(number);
                self.market.message(&mut self.rng, batch);
            }
        }
        self.market.deliver_late(batch);
        if self.begins(EXCHANGE) {
            self.happens(EXCHANGE);
            self.market.wait(&mut self.rng);
            if let Some(exchange) = &mut self.exchange {
                exchange.live(&self.market, &mut self.rng);
            }
        }
        if let Some(exchange) = &mut self.exchange {
            exchange.deliver(&mut self.market.now, batch);
        }
    }

    /// Everything of a step that cannot be left out comes now.
    pub fn goes_on(&mut self) {
        self.begins(REST);
    }

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
        let alerts = std::mem::take(&mut self.pending_alerts);
        self.under_way = Some(Commit { reached, events, alerts, inputs: None, orders, commands: Vec::new() });
    }

    /// Something was told of a symbol.
    pub fn alert(&mut self, at: Timestamp, news: &News) {
        if let News::Unassigned(symbol, _) = news {
            self.pending_alerts.push((at, *symbol));
        }
    }

    /// The commit under way takes the inputs that wait.
    pub fn begin_to_write(&mut self) {
        let Some(commit) = self.under_way.as_mut().filter(|commit| commit.inputs.is_none()) else { return };
        let is_left_out = self.plant == Some("inputs_of_a_commit_left_out");
        commit.inputs = Some(if is_left_out { Vec::new() } else { std::mem::take(&mut self.pending) });
        commit.commands = std::mem::take(&mut self.unanswered);
    }

    /// The commit under way is durable and its events are published. `false`: the disk refuses.
    pub fn complete(&mut self) -> bool {
        self.land(true)
    }

    fn land(&mut self, is_alive: bool) -> bool {
        self.begin_to_write();
        let Some(commit) = self.under_way.take() else { return true };
        let Commit { reached, mut events, alerts, inputs, orders, commands } = commit;
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
            self.pending_alerts.splice(..0, alerts);
            self.pending.splice(..0, inputs.unwrap_or_default());
            self.outbox.splice(..0, orders);
            return true;
        }
        if is_alive {
            self.taken.drain(..commands.len().min(self.taken.len()));
            self.answered.extend(commands);
        }
        for event in &events {
            if let Some(Decision { kind: DecisionKind::Submitted { order, .. }, .. }) = event.decision() {
                self.intents.insert(order.0);
            }
        }
        self.events.append(&mut events);
        self.alerts.extend(alerts);
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
        if let Err(twice) = exchange.receive(order, market, rng) {
            self.fail(twice);
        }
        if self.cancels.remove(&order.id.0) {
            self.cancel(order.id.0);
        }
    }

    /// A process that came back asks again for what it asked for: it does not know what left, and what went
    /// on from a checkpoint has not decided on it again.
    pub fn repeat_cancellations(&mut self) {
        let asked = self.events.iter().filter_map(|event| match event.decision()?.kind {
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

    /// The process is gone, and what it had in memory. What was shown and asked behind its last commit did
    /// not happen.
    pub fn forget(&mut self) {
        let reached = self.reached.unwrap_or(Timestamp::MIN);
        self.looks.retain(|look| look.at <= reached);
        self.blocks.retain(|(at, _)| *at <= reached);
        // Nobody is asked before the next process has begun.
        self.blocks.push((reached, Vec::new()));
        self.closings.retain(|(at, _)| *at <= reached);
        self.taken.clear();
        self.unanswered.clear();
        let heard = self.executions();
        if let Some(exchange) = &mut self.exchange {
            exchange.forget_all_but(heard);
        }
        self.pending.clear();
        self.pending_events.clear();
        self.pending_alerts.clear();
        self.under_way = None;
        self.outbox.clear();
        self.cancels.clear();
        self.recorded.clear();
        self.sent.clear();
        (self.is_settled, self.is_suspending, self.is_killed) = (false, false, false);
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

    /// The numbers of all executions in the journal.
    pub fn executions(&self) -> BTreeSet<u64> {
        let execution = |entry: &Entry| match entry {
            Entry::Control { control: Control::Answer(OrderEvent::Filled(fill)), .. } => Some(fill.trade_id),
            _ => None,
        };
        self.durable.iter().filter_map(execution).collect()
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
        let mut world = self.0.world();
        for event in Event::all(out) {
            if let Some(Decision { kind: DecisionKind::Submitted { order, .. }, .. }) = event.decision() {
                world.recorded.insert(order.0);
            }
            if let Some(done) = world.caught_up
                && done < world.events.len()
            {
                if world.events[done].bytes != event.bytes {
                    let was = world.events[done].did.clone();
                    world.fail(format!(
                        "after a restart an event is another: {done} was {was:?}, now {:?}",
                        event.did
                    ));
                }
                world.caught_up = Some(done + 1);
                continue;
            }
            if world.plant == Some("published_before_it_is_durable") {
                let bytes = event.bytes.clone();
                world.published.push(bytes);
            }
            world.note(|| format!("did {:?}", event.did));
            world.pending_events.push(event);
        }
    }

    fn batch_done(&mut self, moment: Moment<'_>) {
        let mut world = self.0.world();
        if world.rng.once_in(4) {
            world.looks.push(Look::at(moment));
        }
    }
}
