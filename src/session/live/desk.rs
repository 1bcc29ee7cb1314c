//! All orders, positions and stops of one session at a venue, and what is to be done about them now.

use super::book::Book;
use super::limits::Day;
use super::order::{Due, NotFound, Tracked};
use super::protection::Protection;
use super::reconcile::Reconciliation;
use super::{
    Act, Alert, Caps, Deal, Guarded, Hold, Intent, MadeBy, OrderFact, Placed, Refusal, SessionTag, StopFact,
    Wanted,
};
use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::{OrderEvent, OrderId, RejectReason};
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::{Span, Timestamp};
use crate::limits::ENDED_ORDERS_KNOWN;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Between two reports of the account.
pub(super) const REPORT_EVERY: Span = Span::from_seconds(10);

/// Between two reports while something differs or the end is awaited.
pub(super) const REPORT_SOON: Span = Span::from_seconds(1);

/// How often the engine is told to close while a lock holds and something is open.
const CLOSE_AGAIN: Span = Span::from_seconds(5);

/// Failures in a row that stop entries, and for how long.
const BREAKER: (u32, Span) = (5, Span::from_seconds(60));

/// Reports in a row that could not be read until entries stop.
pub(super) const UNREAD_REPORTS: u32 = 3;

/// The state of everything.
pub struct Desk {
    pub(super) table: Arc<SymbolTable>,
    pub(super) tag: SessionTag,
    pub(super) caps: Caps,
    /// What other sessions have at risk on the account.
    pub(super) others: Money,
    pub(super) day: Day,
    pub(super) orders: BTreeMap<OrderId, Tracked>,
    pub(super) over: VecDeque<OrderId>,
    pub(super) by_venue: BTreeMap<u64, OrderId>,
    pub(super) book: Book,
    pub(super) protection: Protection,
    pub(super) reconciliation: Reconciliation,
    /// Executions of orders that nobody has identified.
    pub(super) unidentified: Vec<Deal>,
    /// Executions of others that closed something of ours, until it is known who made them.
    pub(super) undecided: Vec<(Deal, Timestamp)>,
    /// Executions that are not of our orders and are counted.
    pub(super) counted: BTreeSet<u64>,
    /// Symbols on which something happened that is not ours.
    pub(super) foreign: BTreeMap<SymbolId, &'static str>,
    pub(super) is_served: bool,
    pub(super) is_hedged: bool,
    /// Nothing may be begun and everything is closed, until somebody unlocks.
    pub(super) is_locked: bool,
    pub(super) close_due: Timestamp,
    pub(super) is_report_asked: bool,
    pub(super) report_due: Timestamp,
    pub(super) unread_reports: u32,
    pub(super) failures: u32,
    pub(super) broken_until: Timestamp,
    pub(super) last_change: Timestamp,
    pub(super) acts: Vec<Act>,
}

impl Desk {
    /// Of a session that has sent nothing.
    pub fn new(table: Arc<SymbolTable>, tag: SessionTag, caps: Caps) -> Self {
        Desk {
            table,
            tag,
            caps,
            others: Money::ZERO,
            day: Day::default(),
            orders: BTreeMap::new(),
            over: VecDeque::new(),
            by_venue: BTreeMap::new(),
            book: Book::default(),
            protection: Protection::default(),
            reconciliation: Reconciliation::default(),
            unidentified: Vec::new(),
            undecided: Vec::new(),
            counted: BTreeSet::new(),
            foreign: BTreeMap::new(),
            is_served: false,
            is_hedged: true,
            is_locked: false,
            close_due: Timestamp::MIN,
            is_report_asked: false,
            report_due: Timestamp::MIN,
            unread_reports: 0,
            failures: 0,
            broken_until: Timestamp::MIN,
            last_change: Timestamp::MIN,
            acts: Vec::new(),
        }
    }

    /// Takes up what a process before this one left: its intents, and the answers that are in the journal. Orders of which no
    /// end is known are looked up first.
    pub fn resume(&mut self, intents: &[Intent], answers: &[OrderEvent], now: Timestamp) {
        let of = |answer: &OrderEvent| match answer {
            OrderEvent::Acked(order)
            | OrderEvent::Done { order, .. }
            | OrderEvent::Rejected { order, .. } => Some(*order),
            OrderEvent::Filled(fill) => Some(fill.order),
            _ => None,
        };
        let by_id: BTreeMap<OrderId, Intent> =
            intents.iter().map(|intent| (intent.order.id, *intent)).collect();
        for answer in answers {
            match answer {
                OrderEvent::Filled(fill) => {
                    if let Some(intent) = by_id.get(&fill.order) {
                        self.fill(intent, fill.qty, fill.price);
                    }
                }
                OrderEvent::Liquidated { fill, .. } | OrderEvent::Closed { fill, .. } => {
                    self.counted.insert(fill.trade_id);
                    let is_long = fill.side == crate::domain::order::Side::Sell;
                    self.book.close(Hold { symbol: fill.symbol, is_long }, fill.qty);
                }
                _ => {}
            }
        }
        for (id, intent) in by_id {
            if intent.is_entry() {
                self.day.count(self.notional(&intent), intent.at);
            }
            let of_order: Vec<OrderEvent> =
                answers.iter().copied().filter(|answer| of(answer) == Some(id)).collect();
            let is_over =
                |answer: &OrderEvent| matches!(answer, OrderEvent::Done { .. } | OrderEvent::Rejected { .. });
            if !of_order.iter().any(is_over) {
                self.orders.insert(id, Tracked::resumed(intent, &of_order, now));
            }
        }
        self.last_change = now;
    }

    /// What is to be done, once.
    pub fn take_acts(&mut self) -> Vec<Act> {
        std::mem::take(&mut self.acts)
    }

    /// What other sessions have at risk on the account.
    pub fn others(&mut self, notional: Money) {
        self.others = notional;
    }

    /// What this session has at risk: filled, working, and of unknown fate.
    pub fn exposure(&self) -> Money {
        let open = self.orders.values().filter(|order| order.intent.is_entry()).map(|order| {
            let reference = order.intent.reference.unwrap_or(Price(0));
            self.table.spec(order.intent.order.symbol).notional(reference, order.open_qty())
        });
        self.book.notional(&self.table) + open.sum()
    }

    /// Orders whose intents are durable.
    pub fn submit(&mut self, intent: Intent, now: Timestamp) {
        if self.orders.contains_key(&intent.order.id) {
            return;
        }
        if let Err(refusal) = self.admit(&intent, now) {
            let order = intent.order.id;
            self.acts.push(Act::Answer(OrderEvent::Rejected { order, reason: RejectReason::Venue }));
            let why = format!("entry {} was not sent: {}", order.0, refusal.as_str());
            return self.alert(Some(intent.order.symbol), "entry_not_sent", why);
        }
        self.orders.insert(intent.order.id, Tracked::new(intent, now));
        let client = self.tag.client_id(intent.order.id);
        self.acts.push(Act::Send { intent, client });
        self.last_change = now;
    }

    fn admit(&mut self, intent: &Intent, now: Timestamp) -> Result<(), Refusal> {
        if !intent.is_entry() {
            return Ok(());
        }
        if self.blocked(now).contains_key(&intent.order.symbol) {
            return Err(Refusal::Blocked);
        }
        if intent.reference.is_none() {
            return Err(Refusal::NoPrice);
        }
        let notional = self.notional(intent);
        if self.others + self.exposure() + notional > self.caps.account {
            return Err(Refusal::AccountCap);
        }
        if self.day.admit(&self.caps, notional, now) { Ok(()) } else { Err(Refusal::DayCap) }
    }

    fn notional(&self, intent: &Intent) -> Money {
        let reference = intent.reference.unwrap_or(Price(0));
        // A buyer pays no more than the limit, a seller may get more than the reference.
        let price = intent.order.kind.limit().map_or(reference, |limit| limit.max(reference));
        self.table.spec(intent.order.symbol).notional(price, intent.order.qty)
    }

    /// The engine withdraws an order.
    pub fn cancel(&mut self, order: OrderId) {
        let Some(tracked) = self.orders.get_mut(&order).filter(|tracked| !tracked.is_over()) else { return };
        tracked.is_cancelled = true;
        let (symbol, client) = (tracked.intent.order.symbol, self.tag.client_id(order));
        self.acts.push(Act::Cancel { symbol, client });
    }

    /// What became of an order that was sent.
    pub fn placed(&mut self, order: OrderId, placed: Placed, now: Timestamp) {
        let failed = matches!(placed, Placed::Unknown(_) | Placed::NotSent(_));
        self.failures = if failed { self.failures + 1 } else { 0 };
        if self.failures == BREAKER.0 {
            self.broken_until = now + BREAKER.1;
            self.failures = 0;
            let why = format!("{} orders in a row came to nothing: no entries for a minute", BREAKER.0);
            self.alert(None, "circuit_breaker", why);
        }
        let (symbol, why) = {
            let Some(tracked) = self.orders.get(&order) else { return };
            (tracked.intent.order.symbol, format!("order {} ({})", order.0, self.tag.client_id(order)))
        };
        match placed {
            Placed::Accepted(venue) => {
                self.by_venue.insert(venue, order);
                self.on_order(order, |tracked, answers| tracked.accepted(venue, now, answers));
            }
            // It is there already: what it came to is asked.
            Placed::Refused(2_042, _) => self.on_order(order, |tracked, _| tracked.unknown(now)),
            Placed::Refused(code, message) => {
                self.alert(
                    Some(symbol),
                    "order_refused",
                    format!("{why} was refused with {code}: {message}"),
                );
                self.on_order(order, |tracked, answers| tracked.refused(answers));
                self.report_soon(now);
            }
            Placed::NotSent(reason) => {
                self.alert(Some(symbol), "order_not_sent", format!("{why} was not sent: {reason}"));
                self.on_order(order, |tracked, answers| tracked.refused(answers));
            }
            Placed::Unknown(reason) => {
                let why = format!("nobody knows what became of {why}: {reason}; it is looked up");
                self.alert(Some(symbol), "order_unknown", why);
                self.on_order(order, |tracked, _| tracked.unknown(now));
            }
        }
    }

    /// The answer to a look-up: `Err` when there was none of use, `Ok(None)` when the venue does not know the order.
    pub fn looked_up(&mut self, order: OrderId, answer: Result<Option<OrderFact>, String>, now: Timestamp) {
        let Some(tracked) = self.orders.get_mut(&order) else { return };
        tracked.answered();
        match answer {
            Err(_) => {}
            Ok(Some(fact)) => self.order(&fact, now),
            Ok(None) => {
                let (verdict, intent) = (tracked.not_found(now), tracked.intent);
                match verdict {
                    NotFound::Wait => {}
                    NotFound::SendAgain if self.foreign.contains_key(&intent.order.symbol) => {}
                    NotFound::SendAgain => {
                        tracked.sent_again(now);
                        let client = self.tag.client_id(order);
                        self.acts.push(Act::Send { intent, client });
                    }
                    NotFound::Never => self.on_order(order, |tracked, answers| tracked.refused(answers)),
                }
            }
        }
    }

    /// A question about the executions of an order was answered, or could not be.
    pub fn executions_asked(&mut self, order: OrderId) {
        if let Some(tracked) = self.orders.get_mut(&order) {
            tracked.answered();
        }
    }

    /// The venue tells of an order; whether it is one of this session.
    pub fn order(&mut self, fact: &OrderFact, now: Timestamp) {
        let by_client = fact.client.as_deref().and_then(|client| self.tag.order(client));
        let Some(order) = by_client.or_else(|| self.by_venue.get(&fact.venue).copied()) else { return };
        self.by_venue.insert(fact.venue, order);
        self.on_order(order, |tracked, answers| tracked.fact(fact, now, answers));
        self.identify_known(now);
    }

    /// Whose order it is: `client` is `None` for one without a client id.
    pub fn identified(&mut self, venue: u64, client: Option<&str>, now: Timestamp) {
        if let Some(order) = client.and_then(|client| self.tag.order(client)) {
            self.by_venue.insert(venue, order);
            return self.identify_known(now);
        }
        let (these, rest) =
            std::mem::take(&mut self.unidentified).into_iter().partition(|deal| deal.venue == venue);
        self.unidentified = rest;
        let these: Vec<Deal> = these;
        these.into_iter().for_each(|deal| self.of_others(deal, now));
    }

    fn identify_known(&mut self, now: Timestamp) {
        let by_venue = &self.by_venue;
        let (known, rest) = std::mem::take(&mut self.unidentified)
            .into_iter()
            .partition(|deal| by_venue.contains_key(&deal.venue));
        self.unidentified = rest;
        let known: Vec<Deal> = known;
        known.into_iter().for_each(|deal| self.deal(deal, now));
    }

    /// An execution, whoever made it.
    pub fn deal(&mut self, deal: Deal, now: Timestamp) {
        let by_client = deal.client.as_deref().map(|client| self.tag.order(client));
        let order = by_client.flatten().or_else(|| self.by_venue.get(&deal.venue).copied());
        match (order, by_client) {
            (Some(order), _) => {
                self.by_venue.insert(deal.venue, order);
                self.on_execution(order, &deal, now);
            }
            (None, Some(None)) => self.of_others(deal, now),
            _ if self.unidentified.iter().any(|known| known.trade_id == deal.trade_id) => {}
            _ if deal.made_by != MadeBy::Order => self.of_others(deal, now),
            _ => {
                self.acts.push(Act::Identify { venue: deal.venue });
                self.unidentified.push(deal);
            }
        }
    }

    fn on_execution(&mut self, order: OrderId, deal: &Deal, now: Timestamp) {
        let Some(tracked) = self.orders.get_mut(&order) else { return };
        let (mut answers, intent) = (Vec::new(), tracked.intent);
        if tracked.execution(deal, now, &mut answers) {
            self.fill(&intent, deal.qty, deal.price);
            self.last_change = now;
        }
        self.after(order, answers);
        self.protection.follow(&self.book, now);
    }

    fn fill(&mut self, intent: &Intent, qty: Qty, price: Price) {
        if intent.is_entry() {
            self.book.open(intent.hold(), intent.order.instance, qty, price);
        } else {
            self.book.close(intent.hold(), qty);
        }
    }

    /// The private socket serves, or does not.
    pub fn served(&mut self, is_served: bool, now: Timestamp) {
        self.is_served = is_served;
        // What came while it did not is asked for.
        self.report_due = now;
        (self.reconciliation.equal_at, self.reconciliation.nothing_of_ours_at) = (None, None);
    }

    /// The position mode of the account: 1 hedge, 2 one-way. Only hedge mode tells what an order closes.
    pub fn mode(&mut self, mode: u8) {
        self.is_hedged = mode == 1;
        if !self.is_hedged {
            let why =
                "the account was switched to one-way positions: no entries until it is back in hedge mode";
            self.alert(None, "position_mode", why.to_owned());
        }
    }

    /// Whether live trading is locked.
    pub fn lock(&mut self, is_locked: bool) {
        if is_locked && !self.is_locked {
            let why =
                "live trading is locked: positions are closed, and nothing is begun until somebody unlocks";
            self.alert(None, "locked", why.to_owned());
        }
        self.is_locked = is_locked;
    }

    /// Something came that could not be read.
    pub fn unreadable(&mut self, now: Timestamp) {
        self.report_soon(now);
    }

    /// Positions of the account, to find their numbers.
    pub fn positions(&mut self, facts: &[super::PositionFact]) {
        facts.iter().for_each(|fact| self.protection.position(fact.hold, fact.number));
    }

    /// A stop, as it is pushed.
    pub fn stop(&mut self, fact: &StopFact, now: Timestamp) {
        self.protection.told(fact, now);
        self.decide_who_closed(now);
    }

    /// All stops that stand; `asked`: when the question left.
    pub fn stops(&mut self, facts: &[StopFact], asked: Timestamp, now: Timestamp) {
        self.protection.listed(facts, asked, now);
    }

    /// A stop was not taken.
    pub fn stop_refused(&mut self, hold: Hold, why: &str) {
        self.protection.refused(hold);
        self.alert(Some(hold.symbol), "stop_refused", format!("a stop was not taken: {why}"));
    }

    /// Where the engine wants its positions to end.
    pub fn protect(&mut self, wanted: &[Wanted]) {
        self.protection.wanted(wanted);
    }

    /// Time passes.
    pub fn tick(&mut self, now: Timestamp) {
        for (order, tracked) in &mut self.orders {
            match tracked.due(now, self.is_served) {
                Some(Due::LookUp) => {
                    let symbol = tracked.intent.order.symbol;
                    self.acts.push(Act::LookUp { order: *order, symbol, client: self.tag.client_id(*order) });
                }
                Some(Due::Executions(venue)) => self.acts.push(Act::Executions { order: *order, venue }),
                None => {}
            }
        }
        self.decide_who_closed(now);
        self.protection.follow(&self.book, now);
        let given_up = self.protection.due(&self.book, now, &mut self.acts);
        for hold in given_up {
            self.acts.push(Act::Close(hold.symbol));
            let why = "no stop can be had at the venue: the position is closed".to_owned();
            self.foreign(hold.symbol, "unprotected", why);
        }
        if self.is_locked && now >= self.close_due {
            self.close_due = now + CLOSE_AGAIN;
            let symbols: BTreeSet<SymbolId> = self.book.iter().map(|(hold, _)| hold.symbol).collect();
            self.acts.extend(symbols.into_iter().map(Act::Close));
        }
        if now >= self.report_due && !self.is_report_asked {
            self.is_report_asked = true;
            self.acts.push(Act::AskReport);
            if !self.book.is_flat() {
                self.acts.push(Act::AskStops);
            }
        }
    }

    fn report_soon(&mut self, now: Timestamp) {
        self.report_due = self.report_due.min(now + REPORT_SOON);
    }

    /// Symbols that take no entries now, and why.
    pub fn blocked(&self, now: Timestamp) -> BTreeMap<SymbolId, &'static str> {
        let mut blocked = BTreeMap::new();
        let everywhere = if self.is_locked {
            Some("live trading is locked")
        } else if !self.is_hedged {
            Some("the account is not in hedge mode")
        } else if !self.is_served {
            Some("the private socket does not serve")
        } else if self.reconciliation.equal_at.is_none() {
            Some("the account has not been compared yet")
        } else if self.unread_reports >= UNREAD_REPORTS {
            Some("the account cannot be read")
        } else if now < self.broken_until {
            Some("orders in a row came to nothing")
        } else {
            None
        };
        if let Some(why) = everywhere {
            blocked.extend(self.table.iter().map(|(symbol, _)| (symbol, why)));
        }
        let unknown = self.orders.values().filter(|order| order.is_unknown());
        blocked.extend(unknown.map(|order| (order.intent.order.symbol, "the fate of an order is unknown")));
        blocked.extend(
            self.protection.stuck(now).map(|symbol| (symbol, "a stop of a closed position still stands")),
        );
        blocked.extend(self.foreign.iter().map(|(symbol, why)| (*symbol, *why)));
        blocked
    }

    /// How every position is protected.
    pub fn guarded(&self) -> Vec<Guarded> {
        self.protection.guarded().collect()
    }

    /// Whether the venue has nothing of the session any more: a report that left behind the last change found no
    /// position, and no order is open. Asks for one where none did.
    pub fn is_flat(&mut self, now: Timestamp) -> bool {
        let is_quiet = self.book.is_flat()
            && !self.protection.has_leftovers()
            && self.orders.values().all(Tracked::is_over)
            && self.unidentified.is_empty()
            && self.undecided.is_empty();
        let is_proven = self.reconciliation.nothing_of_ours_at.is_some_and(|at| at > self.last_change);
        if is_quiet && !is_proven {
            self.report_soon(now);
        }
        is_quiet && is_proven
    }

    fn on_order(&mut self, order: OrderId, change: impl FnOnce(&mut Tracked, &mut Vec<OrderEvent>)) {
        let Some(tracked) = self.orders.get_mut(&order) else { return };
        let mut answers = Vec::new();
        change(tracked, &mut answers);
        self.after(order, answers);
    }

    fn after(&mut self, order: OrderId, answers: Vec<OrderEvent>) {
        self.acts.extend(answers.into_iter().map(Act::Answer));
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

    pub(super) fn foreign(&mut self, symbol: SymbolId, kind: &'static str, why: String) {
        if self.foreign.insert(symbol, kind).is_none() {
            self.alert(Some(symbol), kind, why);
        }
    }

    pub(super) fn alert(&mut self, symbol: Option<SymbolId>, kind: &'static str, why: String) {
        self.acts.push(Act::Alert(Alert { symbol, kind, why }));
    }
}
