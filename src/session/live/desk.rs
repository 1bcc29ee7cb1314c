//! All orders, positions and stops of one session at a venue, and what is to be done about them now.

use super::caps::DayTotal;
use super::numbers::{is_made_up_trade, is_surplus_order};
use super::order::{NotFound, Tracked};
use super::positions::{Opened, Positions};
use super::protection::Protection;
use super::reconcile::{Asked, Reconciliation};
use super::surplus::Surplus;
use super::{
    Act, Alert, Caps, EnginePosition, EntryRefusal, ExecutionFact, Intent, MadeBy, OrderFact, Placed,
    PositionFact, PositionKey, SessionTag, StopFact,
};
use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::{OrderEvent, OrderId, RejectReason, Side};
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::{Span, Timestamp};
use crate::limits::ENDED_ORDERS_KNOWN;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Between two reports of the account.
pub(super) const REPORT_EVERY: Span = Span::from_seconds(10);

/// Between two reports while something differs or the end is awaited.
pub(super) const REPORT_SOON: Span = Span::from_seconds(1);

/// An entry that was decided longer ago does not leave any more.
const FRESH: Span = Span::from_seconds(5);

/// Orders in a row that come to nothing until entries stop.
const BREAKER_FAILURES: u32 = 5;

/// For how long entries stop then.
const BREAKER_PAUSE: Span = Span::from_seconds(60);

/// Reports in a row that could not be read until entries stop.
pub(super) const UNREAD_REPORTS: u32 = 3;

/// Orders, positions and stops of one live session.
pub struct Desk {
    pub(super) table: Arc<SymbolTable>,
    pub(super) tag: SessionTag,
    pub(super) caps: Caps,
    /// What other sessions have at risk on the account; `None`: nobody knows.
    pub(super) other_sessions: Option<Money>,
    pub(super) day: DayTotal,
    pub(super) orders: BTreeMap<OrderId, Tracked>,
    pub(super) over: VecDeque<OrderId>,
    pub(super) by_venue: BTreeMap<u64, OrderId>,
    pub(super) positions: Positions,
    pub(super) protection: Protection,
    pub(super) reconciliation: Reconciliation,
    /// Executions of orders that nobody has identified.
    pub(super) unidentified: Vec<ExecutionFact>,
    /// Their orders.
    pub(super) identify: BTreeMap<u64, Asked>,
    /// Symbols whose executions are being read.
    pub(super) reading: BTreeSet<SymbolId>,
    /// Where they could not be read: when they are asked for next, and how often they could not.
    pub(super) read_after: BTreeMap<SymbolId, (Timestamp, u32)>,
    /// Exits that wait for a comparison of the account, and since when: none for longer than five seconds,
    /// and no more than orders that the engine has open.
    pub(super) waiting: Vec<(Intent, Timestamp)>,
    /// Positions of a process before this one of which no comparison has shown yet that they are there.
    pub(super) unproven: BTreeSet<PositionKey>,
    /// When the session began: what others did before is of no concern.
    pub(super) began: Timestamp,
    /// Executions of others that closed something of ours, until it is known who made them: at most
    /// `UNDECIDED_EXECUTIONS`.
    pub(super) undecided: Vec<(ExecutionFact, Timestamp)>,
    /// Executions that are not of our orders and are counted.
    pub(super) counted: BTreeSet<u64>,
    /// Symbols on which something happened that is not ours.
    pub(super) foreign: BTreeMap<SymbolId, &'static str>,
    /// Open orders of others that the last report had.
    pub(super) foreign_orders: BTreeSet<u64>,
    /// Symbols on which a position had to be closed because no stop could be had.
    pub(super) unprotected: BTreeSet<SymbolId>,
    /// Symbols on which the configuration lets nothing be begun.
    pub(super) not_allowed: BTreeSet<SymbolId>,
    pub(super) surplus: Surplus,
    pub(super) is_served: bool,
    pub(super) is_hedged: bool,
    /// Nothing may be begun and everything is closed, until somebody unlocks; `None`: nobody has looked.
    pub(super) is_locked: Option<bool>,
    pub(super) close_due: Timestamp,
    pub(super) is_report_asked: bool,
    pub(super) report_due: Timestamp,
    pub(super) unread_reports: u32,
    pub(super) failures: u32,
    pub(super) broken_until: Timestamp,
    pub(super) last_change: Timestamp,
    /// When the last list of stops was asked for that had none of ours.
    pub(super) no_stops_asked: Timestamp,
    pub(super) acts: Vec<Act>,
}

impl Desk {
    /// Of a session that has sent nothing.
    pub fn new(table: Arc<SymbolTable>, tag: SessionTag, caps: Caps) -> Self {
        Desk {
            table,
            tag,
            caps,
            other_sessions: Some(Money::ZERO),
            day: DayTotal::default(),
            orders: BTreeMap::new(),
            over: VecDeque::new(),
            by_venue: BTreeMap::new(),
            positions: Positions::default(),
            protection: Protection::default(),
            reconciliation: Reconciliation::default(),
            unidentified: Vec::new(),
            identify: BTreeMap::new(),
            reading: BTreeSet::new(),
            read_after: BTreeMap::new(),
            waiting: Vec::new(),
            unproven: BTreeSet::new(),
            began: Timestamp::MIN,
            undecided: Vec::new(),
            counted: BTreeSet::new(),
            foreign: BTreeMap::new(),
            foreign_orders: BTreeSet::new(),
            unprotected: BTreeSet::new(),
            not_allowed: BTreeSet::new(),
            surplus: Surplus::default(),
            is_served: false,
            is_hedged: true,
            is_locked: None,
            close_due: Timestamp::MIN,
            is_report_asked: false,
            report_due: Timestamp::MIN,
            unread_reports: 0,
            failures: 0,
            broken_until: Timestamp::MIN,
            last_change: Timestamp::MIN,
            no_stops_asked: Timestamp::MIN,
            acts: Vec::new(),
        }
    }

    /// Takes up what a process before this one left: its intents, and the answers that are in the journal.
    /// Orders of which no end is known are looked up first.
    pub fn resume(&mut self, intents: &[Intent], answers: &[OrderEvent], now: Timestamp) {
        let by_id: BTreeMap<OrderId, Intent> =
            intents.iter().map(|intent| (intent.order.id, *intent)).collect();
        let mut of_order: BTreeMap<OrderId, Vec<OrderEvent>> = BTreeMap::new();
        for answer in answers {
            match answer {
                OrderEvent::Acked(order)
                | OrderEvent::Done { order, .. }
                | OrderEvent::Rejected { order, .. } => of_order.entry(*order).or_default().push(*answer),
                OrderEvent::Filled(fill) => {
                    of_order.entry(fill.order).or_default().push(*answer);
                    if let Some(intent) = by_id.get(&fill.order) {
                        self.fill(intent, fill.qty, fill.price, fill.at);
                    }
                }
                OrderEvent::Liquidated { fill, .. } | OrderEvent::Closed { fill, .. } => {
                    self.count(fill.trade_id);
                    let key = PositionKey { symbol: fill.symbol, is_long: fill.side == Side::Sell };
                    if is_made_up_trade(fill.trade_id) {
                        self.write_off(key, fill.qty);
                    }
                    self.positions.close(key, fill.qty);
                }
                OrderEvent::Funding { .. } => {}
            }
        }
        for (id, intent) in by_id {
            if intent.is_entry() {
                self.day.count(self.notional(&intent), intent.at);
            }
            let known = of_order.get(&id).map(Vec::as_slice).unwrap_or_default();
            self.orders.insert(id, Tracked::resumed(intent, known, now));
            self.forget_old(id);
        }
        self.began = intents.iter().map(|intent| intent.at).min().unwrap_or(now);
        self.doubt_positions();
        self.protection.resume(&self.positions, now);
        self.last_change = now;
    }

    /// What is to be done, once.
    pub fn take_acts(&mut self) -> Vec<Act> {
        std::mem::take(&mut self.acts)
    }

    /// What other sessions have at risk on the account; `None`: nobody knows.
    pub fn set_other_sessions(&mut self, notional: Option<Money>) {
        self.other_sessions = notional;
    }

    /// What this session has at risk: filled, working, and of unknown fate.
    pub fn exposure(&self) -> Money {
        let open = self.orders.values().filter(|order| order.intent.is_entry()).map(|order| {
            let reference = order.intent.reference.unwrap_or(Price(0));
            self.table.spec(order.intent.order.symbol).notional(reference, order.open_qty())
        });
        self.positions.notional(&self.table) + open.sum()
    }

    /// Orders whose intents are durable.
    pub fn submit(&mut self, intent: Intent, now: Timestamp) {
        if self.orders.contains_key(&intent.order.id) {
            return;
        }
        if let Err(refusal) = self.admit(&intent, now) {
            let order = intent.order.id;
            self.answer(OrderEvent::Rejected { order, reason: RejectReason::Venue });
            let why = format!("entry {} was not sent: {}", order.0, refusal.as_str());
            return self.alert(Some(intent.order.symbol), "entry_not_sent", why);
        }
        if intent.is_entry() || self.may_leave(&intent) {
            self.send(intent, now);
        } else {
            self.waiting.push((intent, now));
        }
    }

    pub(super) fn send(&mut self, intent: Intent, now: Timestamp) {
        self.orders.insert(intent.order.id, Tracked::new(intent, now));
        let client = self.tag.client_id(intent.order.id);
        self.acts.push(Act::Send { intent, client });
        self.last_change = now;
    }

    fn admit(&mut self, intent: &Intent, now: Timestamp) -> Result<(), EntryRefusal> {
        if !intent.is_entry() {
            return Ok(());
        }
        if self.blocked(now).contains_key(&intent.order.symbol) {
            return Err(EntryRefusal::Blocked);
        }
        if now - intent.at > FRESH {
            return Err(EntryRefusal::Stale);
        }
        if intent.reference.is_none() {
            return Err(EntryRefusal::NoPrice);
        }
        let notional = self.notional(intent);
        let others = self.other_sessions.ok_or(EntryRefusal::OtherSessionsUnknown)?;
        if others + self.exposure() + notional > self.caps.account {
            return Err(EntryRefusal::AccountCap);
        }
        if self.day.reserve(&self.caps, notional, now) { Ok(()) } else { Err(EntryRefusal::DayCap) }
    }

    fn notional(&self, intent: &Intent) -> Money {
        let reference = intent.reference.unwrap_or(Price(0));
        // A buyer pays no more than the limit, a seller may get more than the reference.
        let price = intent.order.kind.limit().map_or(reference, |limit| limit.max(reference));
        self.table.spec(intent.order.symbol).notional(price, intent.order.qty)
    }

    /// The engine withdraws an order. That is asked for until the order has ended.
    pub fn cancel(&mut self, order: OrderId, now: Timestamp) {
        self.withdraw_waiting(order);
        if let Some(tracked) = self.orders.get_mut(&order).filter(|tracked| !tracked.is_over())
            && tracked.cancel(now)
        {
            let (symbol, client) = (tracked.intent.order.symbol, self.tag.client_id(order));
            self.acts.push(Act::Cancel { symbol, client });
        }
    }

    /// Withdraws every entry that works or whose fate is unknown.
    pub fn withdraw(&mut self, now: Timestamp) {
        let entries = self.orders.iter().filter(|(_, order)| order.intent.is_entry() && !order.is_over());
        let entries: Vec<OrderId> = entries.map(|(id, _)| *id).collect();
        entries.into_iter().for_each(|order| self.cancel(order, now));
    }

    /// An order that never left: of a process before this one, or there was no room for it.
    pub fn on_never_sent(&mut self, order: OrderId) {
        self.answer(OrderEvent::Rejected { order, reason: RejectReason::Venue });
    }

    /// What became of an order that was sent.
    pub fn on_sent(&mut self, order: OrderId, placed: Placed, now: Timestamp) {
        let failed = matches!(placed, Placed::Unknown(_) | Placed::NotSent(_));
        self.failures = if failed { self.failures + 1 } else { 0 };
        if self.failures == BREAKER_FAILURES {
            self.broken_until = now + BREAKER_PAUSE;
            self.failures = 0;
            let why = format!("{BREAKER_FAILURES} orders in a row came to nothing: no entries for a minute");
            self.alert(None, "circuit_breaker", why);
        }
        let Some(tracked) = self.orders.get(&order) else { return };
        // That the one before it came to nothing has been told.
        let is_first = tracked.resends == 0;
        let symbol = tracked.intent.order.symbol;
        let why = format!("order {} ({})", order.0, self.tag.client_id(order));
        match placed {
            Placed::Accepted(venue) => {
                self.by_venue.insert(venue, order);
                self.change_order(order, |tracked, answers| tracked.accepted(venue, now, answers));
                self.identify_known(now);
            }
            // What it came to is asked.
            Placed::Duplicate => self.change_order(order, |tracked, _| tracked.unknown(now)),
            Placed::Refused(code, message) => {
                if is_first {
                    let why = format!("{why} was refused with {code}: {message}");
                    self.alert(Some(symbol), "order_refused", why);
                }
                self.change_order(order, |tracked, answers| tracked.refused(now, answers));
                self.report_soon(now);
            }
            Placed::NotSent(reason) => {
                if is_first {
                    self.alert(Some(symbol), "order_not_sent", format!("{why} was not sent: {reason}"));
                }
                self.change_order(order, |tracked, answers| tracked.not_sent(now, answers));
            }
            Placed::Unknown(reason) => {
                if is_first {
                    let why = format!("the outcome of {why} is unknown: {reason}; asking the exchange");
                    self.alert(Some(symbol), "order_unknown", why);
                }
                self.change_order(order, |tracked, _| tracked.unknown(now));
            }
        }
    }

    /// The answer to a look-up: `Err` when there was none of use, `Ok(None)` when the venue does not know the
    /// order.
    pub fn on_look_up(&mut self, order: OrderId, answer: Result<Option<OrderFact>, String>, now: Timestamp) {
        let Some(tracked) = self.orders.get_mut(&order) else { return };
        tracked.answered();
        match answer {
            Err(_) => {}
            Ok(Some(fact)) => self.on_order(&fact, now),
            Ok(None) => {
                let (intent, key) = (tracked.intent, tracked.intent.position());
                // Where more than ours is held on that side, or less than the order closes, it could close
                // what is not ours; where nothing was compared, nobody knows.
                let theirs = self.reconciliation.theirs(key, &self.positions).unwrap_or(Qty::ZERO);
                let is_ours = !self.reconciliation.is_more(key)
                    && tracked.open_qty() <= theirs.min(self.positions.qty(key));
                match tracked.not_found(is_ours, now) {
                    NotFound::Wait => {}
                    NotFound::SendAgain => {
                        tracked.sent_again(now);
                        let client = self.tag.client_id(order);
                        self.acts.push(Act::Send { intent, client });
                    }
                    NotFound::Never => {
                        self.change_order(order, |tracked, answers| tracked.never_taken(answers))
                    }
                }
            }
        }
    }

    /// A question about the executions of an order was answered, or could not be.
    pub fn on_executions_of_order(&mut self, order: OrderId) {
        if let Some(tracked) = self.orders.get_mut(&order) {
            tracked.answered();
        }
    }

    /// The venue tells of an order, of this session or another.
    pub fn on_order(&mut self, fact: &OrderFact, now: Timestamp) {
        let by_client = fact.client.as_deref().and_then(|client| self.tag.order(client));
        let Some(order) = by_client.or_else(|| self.by_venue.get(&fact.venue).copied()) else { return };
        self.by_venue.insert(fact.venue, order);
        self.change_order(order, |tracked, answers| tracked.fact(fact, now, answers));
        self.identify_known(now);
    }

    /// An execution, whoever made it.
    pub fn on_execution(&mut self, execution: ExecutionFact, now: Timestamp) {
        let by_client = execution.client.as_deref().map(|client| self.tag.order(client));
        let order = by_client.flatten().or_else(|| self.by_venue.get(&execution.venue).copied());
        match (order, by_client) {
            (Some(order), _) => {
                self.by_venue.insert(execution.venue, order);
                self.count_execution(order, &execution, now);
            }
            (None, Some(None)) => self.on_foreign_execution(execution, now),
            _ if self.unidentified.iter().any(|known| known.trade_id == execution.trade_id) => {}
            _ if execution.made_by != MadeBy::Order => self.on_foreign_execution(execution, now),
            // More than can be asked for: the next report shows what they did.
            _ if self.unidentified.len() >= ENDED_ORDERS_KNOWN => self.report_soon(now),
            _ => self.ask_whose(execution, now),
        }
    }

    fn count_execution(&mut self, order: OrderId, execution: &ExecutionFact, now: Timestamp) {
        let Some(tracked) = self.orders.get_mut(&order) else {
            return self.of_an_order_before(order, execution, now);
        };
        let (mut answers, intent) = (Vec::new(), tracked.intent);
        if tracked.execution(execution, now, &mut answers) {
            self.fill(&intent, execution.qty, execution.price, execution.at);
            self.last_change = now;
        }
        self.after(order, answers);
        self.protection.follow(&self.positions, now);
    }

    fn fill(&mut self, intent: &Intent, qty: Qty, price: Price, at: Timestamp) {
        if intent.is_entry() {
            let opened = Opened { instance: intent.order.instance, qty, price, at };
            self.positions.open(intent.position(), opened);
        } else {
            self.positions.close(intent.position(), qty);
        }
    }

    /// The private socket serves, or does not.
    pub fn on_connection(&mut self, is_served: bool, now: Timestamp) {
        self.is_served = is_served;
        // What came while it did not is asked for.
        self.report_due = now;
        self.reconciliation.forget();
        self.doubt_positions();
    }

    /// The position mode of the account. Only hedge mode tells what an order closes.
    pub fn on_position_mode(&mut self, is_hedged: bool) {
        self.is_hedged = is_hedged;
        if !self.is_hedged {
            let why =
                "the account was switched to one-way positions: no entries until it is back in hedge mode";
            self.alert(None, "position_mode", why.to_owned());
        }
    }

    /// Nobody has looked for a while whether live trading is locked: nothing is begun until somebody has.
    pub fn on_lock_unknown(&mut self) {
        self.is_locked = self.is_locked.filter(|is_locked| *is_locked);
    }

    /// Whether live trading is locked. With the lock nothing works any more, and the session stays paused
    /// after it.
    pub fn on_lock(&mut self, is_locked: bool, now: Timestamp) {
        if is_locked && self.is_locked != Some(true) {
            let why = "live trading is locked: entries are withdrawn, positions are closed, and none is opened until somebody unlocks and resumes the session";
            self.alert(None, "locked", why.to_owned());
            self.acts.push(Act::Pause);
            self.withdraw(now);
        }
        self.is_locked = Some(is_locked);
    }

    /// What the configuration allows now: how much may be at risk, and where nothing may be begun.
    pub fn allow(&mut self, caps: Caps, not_allowed: BTreeSet<SymbolId>) {
        (self.caps, self.not_allowed) = (caps, not_allowed);
    }

    /// Something came that could not be read.
    pub fn on_unreadable(&mut self, now: Timestamp) {
        self.report_soon(now);
    }

    /// All positions of the account; `asked`: when the question left.
    pub fn on_positions(&mut self, facts: &[PositionFact], asked: Timestamp) {
        self.protection.on_positions(facts, asked);
    }

    /// A position, as it is pushed.
    pub fn on_position(&mut self, fact: &PositionFact, now: Timestamp) {
        self.protection.on_position(fact, now);
    }

    /// A stop, as it is pushed.
    pub fn on_stop(&mut self, fact: &StopFact, now: Timestamp) {
        self.protection.on_stop(fact, now);
        self.decide_who_closed(now);
    }

    /// All stops that stand; `asked`: when the question left.
    pub fn on_stops(&mut self, facts: &[StopFact], asked: Timestamp, now: Timestamp) {
        let are_known = self.protection.on_list(facts, asked, now);
        if are_known && !self.protection.has_leftovers() {
            self.no_stops_asked = asked;
        }
    }

    /// A stop was not taken.
    pub fn on_stop_refused(&mut self, key: PositionKey, why: &str, now: Timestamp) {
        self.protection.on_refused(key, now);
        self.alert(Some(key.symbol), "stop_refused", format!("a stop was not taken: {why}"));
    }

    /// A move of a stop was answered.
    pub fn on_stop_moved(&mut self, key: PositionKey, why: Option<&str>) {
        let is_first = self.protection.on_move(key, why.is_none());
        if let Some(why) = why.filter(|_| is_first) {
            self.alert(Some(key.symbol), "stop_refused", format!("a stop was not moved: {why}"));
        }
    }

    /// The positions of the engine, and how many answers it has been given when it had them.
    pub fn on_engine_positions(&mut self, positions: &[EnginePosition], answers: u64) {
        self.protection.set_engine_positions(positions);
        self.surplus.engine_has(positions, answers);
    }

    pub(super) fn report_soon(&mut self, now: Timestamp) {
        self.report_due = self.report_due.min(now + REPORT_SOON);
    }

    fn change_order(&mut self, order: OrderId, change: impl FnOnce(&mut Tracked, &mut Vec<OrderEvent>)) {
        let Some(tracked) = self.orders.get_mut(&order) else { return };
        let mut answers = Vec::new();
        change(tracked, &mut answers);
        self.after(order, answers);
    }

    /// Tells the engine; of orders that are not the engine's it knows nothing.
    pub(super) fn answer(&mut self, answer: OrderEvent) {
        self.surplus.told += 1;
        self.acts.push(Act::Answer(answer));
    }

    fn after(&mut self, order: OrderId, answers: Vec<OrderEvent>) {
        if !is_surplus_order(order) {
            answers.into_iter().for_each(|answer| self.answer(answer));
        }
        self.forget_old(order);
    }

    /// An order that is over is known for a while.
    fn forget_old(&mut self, order: OrderId) {
        if self.orders.get(&order).is_some_and(Tracked::is_over) && !self.over.contains(&order) {
            self.over.push_back(order);
            if self.over.len() > ENDED_ORDERS_KNOWN
                && let Some(oldest) = self.over.pop_front()
                && let Some(gone) = self.orders.remove(&oldest)
                && let Some(venue) = gone.venue
            {
                self.by_venue.remove(&venue);
            }
        }
    }

    pub(super) fn block_foreign(&mut self, symbol: SymbolId, kind: &'static str, why: String) {
        if self.foreign.insert(symbol, kind).is_none() {
            self.alert(Some(symbol), kind, why);
        }
    }

    pub(super) fn alert(&mut self, symbol: Option<SymbolId>, kind: &'static str, why: String) {
        self.acts.push(Act::Alert(Alert { symbol, kind, why }));
    }
}
