//! Sends a live session's orders to the exchange and brings its answers back: one task that feeds a [`Desk`]
//! and does what it wants done.
//!
//! Invariants: only what the journal has on disk is sent; every answer goes through the session's inbox; a
//! call that fails is told to the desk, never dropped.

use super::convert;
use super::shared::{OrderCommand, Shared};
use crate::clock::{self, SteadyClock};
use crate::domain::order::OrderId;
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::Span;
use crate::domain::time::Timestamp;
use crate::exchange::mexc::codes::ORDER_EXISTS;
use crate::exchange::mexc::request::order::{NewStop, Watched};
use crate::exchange::mexc::{
    AccountClient, AccountNews, AccountSink, Execution, PlacedOrder, PositionMode, ResidentStop, WriteOutcome,
};
use crate::limits::{ACCOUNT_NEWS, UNREADABLE_TOLD};
use crate::service::market::{KeyRing, LiveLeaseholder, LiveLock};
use crate::service::sessions::market::inbox::Inbox;
use crate::service::sessions::run::running::Running;
use crate::session::allowance::Allowance;
use crate::session::live::{Act, Alert, Desk, Placed, PositionFact, PositionKey, Report};
use arc_swap::ArcSwap;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;

/// How often the desk is asked what is due.
const TICK: Duration = Duration::from_millis(50);

/// Ticks between two looks whether the API key was replaced: five seconds.
const LOOK_AT_KEYS: u64 = 100;

/// Ticks between two heartbeats: two seconds.
const HEARTBEAT: u64 = 40;

/// Ticks between two looks whether live trading is locked: half a second.
const LOOK_AT_LOCK: u64 = 10;

/// A look at the lock that is older than this says nothing any more.
const LOCK_SEEN: Span = Span::from_seconds(3);

/// What a call brought.
enum Done {
    Placed(OrderId, Placed),
    LookedUp(OrderId, Result<Option<PlacedOrder>, String>),
    Executions(OrderId, Result<Vec<Execution>, String>),
    ExecutionsSince(SymbolId, Result<Vec<Execution>, String>),
    Identified(u64, Result<Option<PlacedOrder>, String>),
    Report(Timestamp, Result<Report, String>),
    Positions(Timestamp, Result<Vec<PositionFact>, String>),
    Stops(Timestamp, Result<Vec<ResidentStop>, String>),
    Stop(PositionKey, Result<(), String>),
    Moved(PositionKey, Result<(), String>),
    Locked(Timestamp, bool),
    Nothing,
}

/// What the private socket brings, into a queue of bounded length; what finds no room is asked for.
struct NewsQueue {
    sender: Sender<AccountNews>,
    overflowed: Arc<AtomicBool>,
}

impl AccountSink for NewsQueue {
    fn news(&self, news: AccountNews) {
        if self.sender.try_send(news).is_err() {
            self.overflowed.store(true, Ordering::Release);
        }
    }
}

/// The task of one session.
pub(super) struct OrderTask {
    pub desk: Desk,
    pub account: AccountClient,
    pub table: Arc<SymbolTable>,
    pub inbox: Arc<Inbox>,
    pub shared: Arc<Shared>,
    pub session: Arc<Running>,
    pub keys: Arc<KeyRing>,
    pub lock: LiveLock,
    pub lease: Arc<LiveLeaseholder>,
    /// What the configuration allows now.
    pub allowed: Arc<ArcSwap<Allowance>>,
    /// Messages of the session that were taken in.
    pub taken: u64,
    /// Time for the desk: it never goes back.
    pub clock: SteadyClock,
    /// When the last look at the lock that was answered began.
    pub lock_seen: Timestamp,
    /// What could not be read, as it was told.
    pub misfits: BTreeSet<String>,
}

impl OrderTask {
    /// Serves until the session's end of the queue is dropped.
    pub(super) async fn serve(mut self, mut commands: Receiver<OrderCommand>) {
        let (sender, mut news) = channel(ACCOUNT_NEWS);
        let overflowed = Arc::new(AtomicBool::new(false));
        let listening =
            self.account.listen(Arc::new(NewsQueue { sender, overflowed: Arc::clone(&overflowed) }));
        let mut calls: JoinSet<Done> = JoinSet::new();
        let mut timer = tokio::time::interval(TICK);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut ticks = 0_u64;
        loop {
            tokio::select! {
                // Orders leave before anything else is looked at.
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.on_command(command),
                    None => break,
                },
                Some(news) = news.recv() => self.news(news),
                Some(done) = calls.join_next(), if !calls.is_empty() => match done {
                    Ok(done) => self.done(done),
                    // What it was to answer is awaited for ever: the session notices that this task has
                    // ended, and fails.
                    Err(error) => {
                        tracing::error!(session = self.session.id, %error, "a defect ended a call to the exchange");
                        break;
                    }
                },
                _ = timer.tick() => {
                    if overflowed.swap(false, Ordering::AcqRel) {
                        self.desk.on_unreadable(self.clock.now());
                    }
                    self.tick();
                    self.look_around(ticks, &mut calls);
                    ticks += 1;
                }
            }
            for act in self.desk.take_acts() {
                self.act(act, &mut calls);
            }
        }
        drop(listening);
    }

    fn tick(&mut self) {
        let now = self.rules_of_now();
        self.desk.tick(now);
        self.shared.show(&mut self.desk, self.taken, now);
        self.session.stream.raise_late();
    }

    /// What is allowed now. After a while in which nothing ran nobody knows whether that was locked.
    fn rules_of_now(&mut self) -> Timestamp {
        let now = self.clock.now();
        let (caps, not_allowed) = self.allowed.load().of_real_money(&self.table);
        self.desk.allow(caps, not_allowed);
        if self.lock_seen + LOCK_SEEN < now {
            self.desk.on_lock_unknown();
        }
        now
    }

    /// Beats, and looks at the lock and at the key.
    fn look_around(&self, ticks: u64, calls: &mut JoinSet<Done>) {
        if ticks.is_multiple_of(HEARTBEAT) {
            let lease = Arc::clone(&self.lease);
            calls.spawn_blocking(move || {
                lease.beat(clock::now());
                Done::Nothing
            });
        }
        if ticks.is_multiple_of(LOOK_AT_LOCK) {
            let (lock, asked) = (self.lock.clone(), self.clock.now());
            calls.spawn_blocking(move || Done::Locked(asked, lock.is_set()));
        }
        if ticks.is_multiple_of(LOOK_AT_KEYS) {
            let keys = Arc::clone(&self.keys);
            calls.spawn_blocking(move || {
                keys.watch();
                Done::Nothing
            });
        }
    }

    fn on_command(&mut self, command: OrderCommand) {
        let now = self.clock.now();
        self.taken += 1;
        match command {
            OrderCommand::Submit(intents) => {
                let now = self.rules_of_now();
                for intent in intents {
                    self.shared.submit(&mut self.desk, intent, now);
                }
            }
            OrderCommand::Cancel(order) => self.desk.cancel(order, now),
            OrderCommand::Withdraw => self.desk.withdraw(now),
            OrderCommand::Protect { positions, answers } => {
                self.desk.on_engine_positions(&positions, answers)
            }
            OrderCommand::NeverSent(orders) => {
                orders.into_iter().for_each(|order| self.desk.on_never_sent(order))
            }
        }
    }

    /// What the private socket brought. What does not fit the terms is told, and asked for.
    fn news(&mut self, news: AccountNews) {
        let now = self.clock.now();
        let misfit = match news {
            AccountNews::Connected => {
                self.desk.on_connection(true, now);
                None
            }
            AccountNews::Disconnected { .. } => {
                self.desk.on_connection(false, now);
                None
            }
            AccountNews::Unreadable => Some("a message of the private socket could not be read".to_owned()),
            AccountNews::Order(order) => match convert::order_fact(&self.table, &order) {
                Ok(fact) => {
                    fact.into_iter().for_each(|fact| self.desk.on_order(&fact, now));
                    None
                }
                Err(why) => Some(why),
            },
            AccountNews::Execution(execution) => self.execution(&execution, now),
            AccountNews::Position(held) => match convert::position(&self.table, &held) {
                Ok(fact) => {
                    let held = fact.filter(|fact| !fact.qty.is_zero());
                    held.into_iter().for_each(|fact| self.desk.on_position(&fact, now));
                    None
                }
                Err(why) => Some(why),
            },
            AccountNews::Stop(stop) => {
                convert::stop(&self.table, &stop).into_iter().for_each(|fact| self.desk.on_stop(&fact, now));
                None
            }
            AccountNews::Mode(mode) => {
                self.desk.on_position_mode(mode == PositionMode::Hedge);
                None
            }
        };
        if let Some(why) = misfit {
            self.misfit(why, now);
        }
    }

    fn execution(&mut self, execution: &Execution, now: Timestamp) -> Option<String> {
        match convert::execution_fact(&self.table, execution) {
            Ok(fact) => {
                fact.into_iter().for_each(|fact| self.desk.on_execution(fact, now));
                None
            }
            Err(why) => Some(format!("execution {} on {}: {why}", execution.id, execution.symbol)),
        }
    }

    /// Executions that were asked for; whether all of them were read.
    fn executions(&mut self, found: Result<Vec<Execution>, String>, now: Timestamp) -> bool {
        let mut is_read = found.is_ok();
        for execution in found.unwrap_or_default() {
            if let Some(why) = self.execution(&execution, now) {
                is_read = false;
                self.misfit(why, now);
            }
        }
        is_read
    }

    fn misfit(&mut self, why: String, now: Timestamp) {
        self.desk.on_unreadable(now);
        if self.misfits.len() == UNREADABLE_TOLD {
            self.misfits.clear();
        }
        if self.misfits.insert(why.clone()) {
            self.alert(&Alert { symbol: None, kind: "unreadable", why });
        }
    }

    /// Tells people: at once in the log, with its event everywhere else.
    fn alert(&self, Alert { symbol, kind, why }: &Alert) {
        let symbol = symbol.map(|symbol| self.table.spec(symbol).name.as_str());
        tracing::warn!(session = self.session.id, symbol, kind, why, "a live session needs attention");
        let fields = json!({"timestamp": self.clock.now().to_string(), "kind": kind, "reason": why});
        self.session.stream.venue_alert(symbol, fields);
    }

    fn done(&mut self, done: Done) {
        let now = self.clock.now();
        match done {
            Done::Placed(order, placed) => self.desk.on_sent(order, placed, now),
            Done::LookedUp(order, found) => {
                let fact = match found {
                    Ok(Some(placed)) => convert::order_fact(&self.table, &placed),
                    Ok(None) => Ok(None),
                    Err(why) => Err(why),
                };
                self.desk.on_look_up(order, fact, now);
            }
            Done::Executions(order, found) => {
                self.executions(found, now);
                self.desk.on_executions_of_order(order);
            }
            Done::ExecutionsSince(symbol, found) => {
                let is_read = self.executions(found, now);
                self.desk.on_executions_of_symbol(symbol, is_read, now);
            }
            Done::Identified(venue, Ok(Some(found))) => {
                self.desk.on_identified(venue, found.external.as_deref(), now);
            }
            Done::Identified(venue, Ok(None)) => self.desk.on_no_such_order(venue, now),
            Done::Identified(venue, Err(_)) => self.desk.on_not_identified(venue, now),
            Done::Report(asked, report) => {
                self.desk.on_report(report.as_ref().map_err(Clone::clone), asked, now)
            }
            Done::Positions(asked, Ok(positions)) => self.desk.on_positions(&positions, asked),
            Done::Stops(asked, Ok(stops)) => {
                let facts: Vec<_> =
                    stops.iter().filter_map(|stop| convert::stop(&self.table, stop)).collect();
                self.desk.on_stops(&facts, asked, now);
            }
            Done::Locked(asked, is_locked) => {
                self.lock_seen = self.lock_seen.max(asked);
                self.desk.on_lock(is_locked, now);
            }
            Done::Stop(key, Err(why)) => self.desk.on_stop_refused(key, &why, now),
            Done::Moved(key, moved) => self.desk.on_stop_moved(key, moved.err().as_deref()),
            Done::Positions(_, Err(_)) | Done::Stops(_, Err(_)) | Done::Stop(_, Ok(())) | Done::Nothing => {}
        }
    }

    /// Does what the desk wants done; what waits for the exchange is a call of its own.
    fn act(&mut self, act: Act, calls: &mut JoinSet<Done>) {
        let (account, table, clock) = (self.account.clone(), Arc::clone(&self.table), self.clock);
        let name = |symbol| table.spec(symbol).name.clone();
        match act {
            Act::Answer(answer) => self.inbox.answer(answer),
            Act::Close(symbol) => self.shared.close(symbol),
            Act::Pause => self.shared.pause(),
            Act::Alert(alert) => self.alert(&alert),
            Act::Send { intent, client } => {
                let (order, id) = (convert::new_order(&table, &intent.order, &client), intent.order.id);
                calls.spawn(async move { Done::Placed(id, placed(account.place(&order).await)) });
            }
            Act::Cancel { symbol, client } => {
                let name = name(symbol);
                calls.spawn(async move {
                    // Whether it ended is what the exchange says of the order, not of the request.
                    let _ = account.cancel(&name, &client).await;
                    Done::Nothing
                });
            }
            Act::LookUp { order, symbol, client } => {
                let name = name(symbol);
                calls.spawn(async move { Done::LookedUp(order, text(account.order(&name, &client).await)) });
            }
            Act::Executions { order, venue } => {
                calls.spawn(async move { Done::Executions(order, text(account.executions(venue).await)) });
            }
            Act::Identify { venue } => {
                calls.spawn(async move { Done::Identified(venue, text(account.order_by_id(venue).await)) });
            }
            Act::ExecutionsSince { symbol, since } => {
                let name = name(symbol);
                calls.spawn(async move {
                    Done::ExecutionsSince(symbol, text(account.executions_since(&name, since).await))
                });
            }
            Act::AskReport => {
                calls.spawn(async move { Done::Report(clock.now(), report(&account, &table).await) });
            }
            Act::AskPositions => {
                calls.spawn(async move { Done::Positions(clock.now(), positions(&account, &table).await) });
            }
            Act::AskStops => {
                calls.spawn(async move { Done::Stops(clock.now(), text(account.stops().await)) });
            }
            Act::PlaceStop { key, position, qty, price } => {
                let spec = table.spec(key.symbol);
                let stop = NewStop {
                    position,
                    quantity: spec.qty_decimal(qty),
                    price: spec.price_decimal(price),
                    watched: Watched::Fair,
                };
                calls.spawn(async move { Done::Stop(key, taken(account.place_stop(&stop).await)) });
            }
            Act::MoveStop { key, id, price } => {
                let price = table.spec(key.symbol).price_decimal(price);
                calls.spawn(async move { Done::Moved(key, taken(account.move_stop(id, price).await)) });
            }
            Act::CancelStop { id } => {
                calls.spawn(async move {
                    // The exchange ends it with its position; whether one is left shows in the next list.
                    let _ = account.cancel_stop(id).await;
                    Done::Nothing
                });
            }
        }
    }
}

fn text<T>(answer: Result<T, crate::exchange::ExchangeError>) -> Result<T, String> {
    answer.map_err(|error| error.to_string())
}

fn placed(outcome: WriteOutcome<u64>) -> Placed {
    match outcome {
        WriteOutcome::Accepted(venue) => Placed::Accepted(venue),
        WriteOutcome::Refused { code: ORDER_EXISTS, .. } => Placed::Duplicate,
        WriteOutcome::Refused { code, message } => Placed::Refused(code, message),
        WriteOutcome::NotSent(why) => Placed::NotSent(why),
        WriteOutcome::Unknown(why) => Placed::Unknown(why),
    }
}

/// A stop of unknown fate is looked for like one that was taken.
fn taken(outcome: WriteOutcome<()>) -> Result<(), String> {
    match outcome {
        WriteOutcome::Accepted(()) | WriteOutcome::Unknown(_) => Ok(()),
        WriteOutcome::Refused { code, message } => Err(format!("code {code}: {message}")),
        WriteOutcome::NotSent(why) => Err(why),
    }
}

async fn positions(account: &AccountClient, table: &SymbolTable) -> Result<Vec<PositionFact>, String> {
    let mut facts = Vec::new();
    for held in text(account.positions().await)? {
        facts.extend(convert::position(table, &held)?);
    }
    Ok(facts)
}

/// All of it, or why not. The orders are read before the positions: one that fills in between shows there.
async fn report(account: &AccountClient, table: &SymbolTable) -> Result<Report, String> {
    let orders = text(account.open_orders().await)?;
    let positions = positions(account, table).await?;
    let orders = orders.into_iter().filter_map(|order| {
        convert::symbol(table, &order.symbol).map(|symbol| (order.external, order.id, symbol))
    });
    Ok(Report { positions, orders: orders.collect() })
}
