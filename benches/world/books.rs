//! Books that the auditor keeps of its own: cash, positions and open orders, from what went to the gateway
//! and what the venue answered. What the session says and shows is only compared with them.

use crate::events::{Did, Event, Look};
use crate::journal::World;
use crate::market::contracts;
use crate::venue::Watch;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use tradingd::domain::decision::DecisionKind;
use tradingd::domain::ledger::{ClosedTrade, EquityPoint};
use tradingd::domain::num::{Money, Qty};
use tradingd::domain::order::{Fill, OrderEvent, OrderId, OrderRequest, Purpose, RejectReason};
use tradingd::domain::symbol::SymbolId;
use tradingd::domain::time::Timestamp;
use tradingd::engine::output::Outputs;
use tradingd::session::driver::Recorder;
use tradingd::session::inputs::Control;

/// Something that went through the gateway, or that the session said.
enum Seen {
    Sent(OrderRequest),
    Cancelled(OrderId),
    Answered(OrderEvent),
    Did(Event),
}

#[derive(Default)]
struct Whole {
    /// All of it, in order.
    seen: Vec<(Timestamp, Seen)>,
    /// What the session showed at its end.
    last: Option<Look>,
}

/// What went through the gateway of a session, and what it said.
#[derive(Clone, Default)]
pub struct Log(Rc<RefCell<Whole>>);

impl Log {
    fn add(&self, at: Timestamp, seen: Seen) {
        self.0.borrow_mut().seen.push((at, seen));
    }

    /// It ends, and shows this.
    pub fn ends(&self, look: Look) {
        self.0.borrow_mut().last = Some(look);
    }

    /// What the session said is what it said before.
    ///
    /// # Errors
    /// Where it differs.
    pub fn says_again(&self, events: &[Event]) -> Result<(), String> {
        let log = self.0.borrow();
        let said = log.seen.iter().filter_map(|(_, seen)| match seen {
            Seen::Did(event) => Some(event),
            _ => None,
        });
        for (number, (is, was)) in said.clone().zip(events).enumerate() {
            if is.bytes != was.bytes {
                let (was, is) = (&was.did, &is.did);
                return Err(format!("in a replay an event is another: {number} was {was:?}, now {is:?}"));
            }
        }
        match said.count() {
            count if count == events.len() => Ok(()),
            count => Err(format!("{} events are durable, a replay makes {count}", events.len())),
        }
    }
}

impl Watch for Log {
    fn sent(&self, now: Timestamp, order: &OrderRequest) -> bool {
        self.add(now, Seen::Sent(*order));
        true
    }

    fn cancelled(&self, now: Timestamp, order: OrderId) {
        self.add(now, Seen::Cancelled(order));
    }

    fn answered(&self, now: Timestamp, events: &mut Vec<OrderEvent>, first: usize) {
        events[first..].iter().for_each(|answer| self.add(now, Seen::Answered(*answer)));
    }
}

impl Recorder for Log {
    fn outputs(&mut self, out: &Outputs) {
        let mut now = None;
        for event in Event::all(out) {
            now = event.at().or(now);
            let at = now.expect("a trade ends with a decision");
            self.add(at, Seen::Did(event));
        }
    }
}

/// A moment at which something must hold, behind everything of its time and before.
enum Moment<'a> {
    /// The session showed this.
    Look(&'a Look),
    Done(&'a Control),
    /// The venue wanted a symbol closed.
    Closing(SymbolId),
}

/// # Errors
/// What does not agree with the books.
pub fn check(world: &World, log: &Log, initial: Money) -> Result<(), String> {
    let log = log.0.borrow();
    let controls = world.controls();
    let answers = controls.iter().filter_map(|(at, control)| match control {
        Control::Answer(answer) => Some((*at, answer)),
        _ => None,
    });
    let mut moments: Vec<(Timestamp, Moment<'_>)> =
        controls.iter().map(|(at, control)| (*at, Moment::Done(control))).collect();
    moments.extend(world.looks.iter().map(|look| (look.at, Moment::Look(look))));
    moments.extend(world.closings.iter().map(|(at, symbol)| (*at, Moment::Closing(*symbol))));
    moments.sort_by_key(|(at, _)| *at);
    let (mut answers, mut moments) = (answers.peekable(), moments.into_iter().peekable());
    let mut books = Books { balance: initial, ..Books::default() };
    for (at, seen) in &log.seen {
        // An answer is the only input of its time, so whatever is done then follows from it.
        while let Some((answered_at, answer)) = answers.next_if(|(answered_at, _)| answered_at <= at) {
            books.pass(answered_at, &mut moments, &controls)?;
            books.answered(answer)?;
        }
        books.pass(*at, &mut moments, &controls)?;
        match seen {
            Seen::Sent(order) => books.sent(*at, order)?,
            Seen::Cancelled(order) => _ = books.cancelled.insert(order.0),
            Seen::Answered(answer) => books.answered(answer)?,
            Seen::Did(event) => books.compare(event)?,
        }
    }
    for (at, answer) in answers {
        books.pass(at, &mut moments, &controls)?;
        books.answered(answer)?;
    }
    books.pass(Timestamp::MAX, &mut moments, &controls)?;
    books.close(log.last.as_ref(), world.exchange.is_none())
}

/// An order that has not ended.
struct Open {
    order: OrderRequest,
    filled: i64,
    executions: BTreeSet<u64>,
}

/// From the first fill of an entry until nothing is held and no order is open.
struct Trip {
    symbol: SymbolId,
    lots: i64,
    /// Of the lots that are held, in ticks × lots.
    cost: i128,
    /// Paid for entries and received for exits, in ticks × lots.
    flow: i128,
    fees: Money,
    funding: Money,
    /// Whether an order to close it was sent.
    is_leaving: bool,
}

#[derive(Default)]
struct Books {
    balance: Money,
    open: BTreeMap<u64, Open>,
    cancelled: BTreeSet<u64>,
    /// By instance.
    trips: BTreeMap<u32, Trip>,
    /// Round trips and executions of which the session has said nothing yet.
    ended: VecDeque<(u32, Trip)>,
    counted: VecDeque<(u64, i64, i64)>,
    /// Instances for which the market had no price when they wanted one last.
    unpriced: BTreeSet<u32>,
    last_sent: Option<Timestamp>,
}

type Moments<'a> = std::iter::Peekable<std::vec::IntoIter<(Timestamp, Moment<'a>)>>;

impl Books {
    fn sent(&mut self, at: Timestamp, order: &OrderRequest) -> Result<(), String> {
        let open = Open { order: *order, filled: 0, executions: BTreeSet::new() };
        if self.open.insert(order.id.0, open).is_some() {
            return Err(format!("the gateway was handed an order twice: {}", order.id.0));
        }
        if let Some(trip) = self.trips.get_mut(&order.instance) {
            trip.is_leaving |= order.purpose != Purpose::Entry;
        }
        self.last_sent = Some(at);
        Ok(())
    }

    fn answered(&mut self, answer: &OrderEvent) -> Result<(), String> {
        match answer {
            OrderEvent::Acked(_) => Ok(()),
            OrderEvent::Filled(fill) => {
                // What fits no open order is not of the session, and what is known counts once.
                let Some(open) = self.open.get_mut(&fill.order.0) else { return Ok(()) };
                if open.filled + fill.qty.0 > open.order.qty.0 || !open.executions.insert(fill.trade_id) {
                    return Ok(());
                }
                open.filled += fill.qty.0;
                let (instance, purpose) = (open.order.instance, open.order.purpose);
                self.unpriced.remove(&instance);
                self.executed(instance, purpose == Purpose::Entry, fill)
            }
            OrderEvent::Done { order, .. } => {
                self.ended(*order);
                Ok(())
            }
            OrderEvent::Rejected { order, reason } => {
                let ended = self.ended(*order).filter(|_| *reason == RejectReason::NoMarket);
                self.unpriced.extend(ended);
                Ok(())
            }
            OrderEvent::Liquidated { fill, instance, .. } | OrderEvent::Closed { fill, instance, .. } => {
                let held = self.trips.get(instance).map_or(0, |trip| trip.lots);
                if held > 0 {
                    self.executed(*instance, false, &Fill { qty: fill.qty.min(Qty(held)), ..*fill })?;
                    self.settle(*instance);
                }
                Ok(())
            }
            // Of a position that is closed by the time it comes, funding is not booked.
            OrderEvent::Funding { instance, amount, .. } => {
                if let Some(trip) = self.trips.get_mut(instance) {
                    trip.funding += *amount;
                    self.balance += *amount;
                }
                Ok(())
            }
        }
    }

    fn executed(&mut self, instance: u32, is_entry: bool, fill: &Fill) -> Result<(), String> {
        let value = i128::from(fill.price.0) * i128::from(fill.qty.0);
        self.counted.push_back((fill.order.0, fill.price.0, fill.qty.0));
        let trip = self.trips.entry(instance).or_insert(Trip {
            symbol: fill.symbol,
            lots: 0,
            cost: 0,
            flow: 0,
            fees: Money::ZERO,
            funding: Money::ZERO,
            is_leaving: false,
        });
        trip.fees += fill.fee;
        self.balance += -fill.fee;
        if is_entry {
            trip.lots += fill.qty.0;
            trip.cost += value;
            trip.flow -= value;
            return Ok(());
        }
        if fill.qty.0 > trip.lots {
            return Err(format!("more is closed than is held: {fill:?} of {} lots", trip.lots));
        }
        // Part of the cost in proportion, rounded towards zero.
        let cost = trip.cost * i128::from(fill.qty.0) / i128::from(trip.lots);
        trip.lots -= fill.qty.0;
        trip.cost -= cost;
        trip.flow += value;
        self.balance += contracts().spec(fill.symbol).money(value - cost);
        Ok(())
    }

    /// An order has ended; whose.
    fn ended(&mut self, order: OrderId) -> Option<u32> {
        let instance = self.open.remove(&order.0)?.order.instance;
        self.settle(instance);
        Some(instance)
    }

    fn settle(&mut self, instance: u32) {
        let is_working = self.open.values().any(|open| open.order.instance == instance);
        if !is_working && self.trips.get(&instance).is_some_and(|trip| trip.lots == 0) {
            self.ended.extend(self.trips.remove(&instance).map(|trip| (instance, trip)));
        }
    }

    /// What the session says.
    fn compare(&mut self, event: &Event) -> Result<(), String> {
        match &event.did {
            Did::Decided(decision) => match decision.kind {
                DecisionKind::Filled { order, price, qty, .. } => {
                    let counted = self.counted.pop_front();
                    if counted != Some((order.0, price.0, qty.0)) {
                        return Err(format!("it says {:?}, the books {counted:?}", decision.kind));
                    }
                    Ok(())
                }
                _ => Ok(()),
            },
            Did::Closed(trade) => self.closed(trade),
            Did::Valued(point) => self.valued(point),
        }
    }

    fn closed(&mut self, trade: &ClosedTrade) -> Result<(), String> {
        let Some((instance, trip)) = self.ended.pop_front() else {
            return Err(format!("a trade is closed that the books have open: {trade:?}"));
        };
        let gross = contracts().spec(trip.symbol).money(trip.flow);
        let books = (instance, trip.symbol, gross, trip.fees, trip.funding);
        if books != (trade.instance, trade.symbol, trade.gross, trade.fees, trade.funding) {
            return Err(format!("a closed trade is another in the books: {trade:?}, {books:?}"));
        }
        Ok(())
    }

    /// Strategies of the world only buy to open, so what is held is worth its exposure.
    fn valued(&self, point: &EquityPoint) -> Result<(), String> {
        let held = self.trips.values().filter(|trip| trip.lots > 0);
        let cost: Money = held.clone().map(|trip| contracts().spec(trip.symbol).money(trip.cost)).sum();
        let is_flat = held.count() == 0;
        let equity = self.balance + point.exposure - cost;
        if point.balance != self.balance
            || point.equity != equity
            || is_flat != (point.exposure == Money::ZERO)
        {
            let (balance, is_flat) = (self.balance, is_flat);
            return Err(format!(
                "the account is another in the books: {point:?}, balance {balance}, equity {equity}, flat {is_flat}"
            ));
        }
        Ok(())
    }

    /// What must hold before anything at a time happens.
    fn pass(
        &mut self,
        until: Timestamp,
        moments: &mut Moments<'_>,
        controls: &[(Timestamp, Control)],
    ) -> Result<(), String> {
        while let Some((at, moment)) = moments.next_if(|(at, _)| *at < until) {
            match moment {
                // A command of the same time may have come behind the look.
                Moment::Look(_) if self.last_sent == Some(at) => {}
                Moment::Look(look) => self.shown(look)?,
                Moment::Done(Control::Withdraw(symbol)) => self.withdrawn(at, *symbol)?,
                Moment::Done(Control::Close(symbol)) => self.leaving(at, Some(*symbol))?,
                Moment::Done(Control::CloseAndEnd) => self.leaving(at, None)?,
                Moment::Done(_) => {}
                Moment::Closing(symbol) => {
                    let is_held = self.trips.values().any(|trip| trip.symbol == symbol && trip.lots > 0);
                    if is_held && !controls.contains(&(at, Control::Close(symbol))) {
                        return Err(format!("the venue wanted {} closed at {at}, and it was not", symbol.0));
                    }
                }
            }
        }
        Ok(())
    }

    /// Entries on a symbol that were on their way are cancelled.
    fn withdrawn(&self, at: Timestamp, symbol: SymbolId) -> Result<(), String> {
        let is_entry = |open: &&Open| open.order.purpose == Purpose::Entry && open.order.symbol == symbol;
        let mut working = self.open.values().filter(is_entry).map(|open| open.order.id.0);
        match working.find(|order| !self.cancelled.contains(order)) {
            Some(order) => Err(format!("entries were withdrawn at {at} and one works on: {order}")),
            None => Ok(()),
        }
    }

    /// Everything that is held, of a symbol or at all, is being closed, or will be when its cancelled entry
    /// has ended.
    fn leaving(&self, at: Timestamp, symbol: Option<SymbolId>) -> Result<(), String> {
        let is_held = |trip: &Trip| trip.lots > 0 && symbol.is_none_or(|symbol| trip.symbol == symbol);
        let is_cancelled = |instance: u32| {
            let mut own = self.open.iter().filter(|(_, open)| open.order.instance == instance);
            own.any(|(order, _)| self.cancelled.contains(order))
        };
        let mut held = self.trips.iter().filter(|(_, trip)| is_held(trip));
        match held.find(|(instance, trip)| !trip.is_leaving && !is_cancelled(**instance)) {
            Some((_, trip)) => Err(format!("everything was closed at {at}, not {} lots", trip.lots)),
            None => Ok(()),
        }
    }

    fn shown(&self, look: &Look) -> Result<(), String> {
        let held = self.trips.iter().filter(|(_, trip)| trip.lots > 0);
        let positions =
            held.map(|(instance, trip)| (*instance, trip.lots, trip.cost, trip.fees, trip.funding));
        let orders = self.open.iter().map(|(id, open)| (*id, open.order.qty.0, open.filled));
        let (positions, orders): (Vec<_>, Vec<_>) = (positions.collect(), orders.collect());
        if (look.balance, &look.positions, &look.orders) == (self.balance, &positions, &orders) {
            return Ok(());
        }
        let Look { at, balance, positions: shown, orders: working } = look;
        Err(format!(
            "what is shown is not in the books: at {at} {balance} {shown:?} {working:?}, books {} {positions:?} {orders:?}",
            self.balance
        ))
    }

    /// The end: nothing is left unsaid, and what is shown as open is; of a simulated venue that is nothing
    /// for which the market had a price. At an exchange the last answers may come too late for a session that
    /// a limit ended.
    fn close(&self, last: Option<&Look>, is_simulated: bool) -> Result<(), String> {
        if !self.ended.is_empty() || !self.counted.is_empty() {
            let (trips, fills) = (self.ended.len(), &self.counted);
            return Err(format!("it never said of {trips} closed trades and of executions {fills:?}"));
        }
        last.map_or(Ok(()), |look| self.shown(look))?;
        let mut held = self.trips.iter().filter(|(_, trip)| trip.lots > 0);
        match held.find(|(instance, _)| is_simulated && !self.unpriced.contains(instance)) {
            Some((instance, trip)) => {
                Err(format!("a position is open at the end: {} lots of instance {instance}", trip.lots))
            }
            None => Ok(()),
        }
    }
}
