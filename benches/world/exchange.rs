//! A venue whose answers come through the inbox: late, twice, in another order, in parts, not before somebody
//! asks, or not before the process has been killed. Orders rest, executions come before a cancellation, fees
//! and funding are charged, and somebody else trades on the account. Times are those of its own clock. It
//! outlives the processes of a life.

use crate::journal::Shared;
use crate::market::{Market, contracts};
use std::collections::{BTreeMap, BTreeSet};
use tradingd::checkpoint::{Damaged, Reader, Saved};
use tradingd::domain::num::{Money, Price, Qty, Rate};
use tradingd::domain::order::{
    Fill, Liquidity, OrderEvent, OrderId, OrderKind, OrderRequest, Purpose, RejectReason, Side,
};
use tradingd::domain::rng::Rng;
use tradingd::domain::symbol::SymbolId;
use tradingd::domain::time::{Span, Timestamp};
use tradingd::session::gateway::Gateway;
use tradingd::session::inputs::{Arrived, Batch};

/// Numbers of orders that nobody in this session made begin here.
pub const FOREIGN: u64 = 1 << 40;

const TAKER_FEE: Rate = Rate(600_000);

/// Who provides liquidity is paid.
const MAKER_FEE: Rate = Rate(-50_000);

/// What the exchange knows and has still to say.
#[derive(Default)]
pub struct Exchange {
    orders: BTreeMap<u64, Known>,
    /// Orders whose cancellation was asked for, also of those that have not arrived.
    cancelled: BTreeSet<u64>,
    /// Executions on the account that no order of this session made.
    foreign: Vec<OrderEvent>,
    coming: Vec<(Timestamp, OrderEvent)>,
    /// Answers that got lost on their way; they come when somebody asks.
    lost: Vec<OrderEvent>,
    executions: u64,
    /// Lots that every instance holds, by what was executed.
    positions: BTreeMap<u32, (SymbolId, i64)>,
    /// Executions that the session's process has heard of.
    heard: BTreeSet<u64>,
}

/// An order that arrived, or that somebody asked for and that never will.
struct Known {
    /// All that was or will be said of it.
    answers: Vec<OrderEvent>,
    /// While it rests: what it is, and how much of it has filled.
    resting: Option<(OrderRequest, i64)>,
}

impl Exchange {
    /// An order arrives.
    ///
    /// # Errors
    /// It had arrived before.
    pub fn receive(&mut self, order: &OrderRequest, market: &Market, rng: &mut Rng) -> Result<(), String> {
        if self.orders.contains_key(&order.id.0) {
            return Err(format!("order {} arrived twice", order.id.0));
        }
        let (mut answers, mut resting) = (Vec::new(), None);
        if rng.once_in(20) {
            answers.push(OrderEvent::Rejected { order: order.id, reason: RejectReason::Venue });
        } else {
            answers.push(OrderEvent::Acked(order.id));
            let mut filled = 0;
            while filled < order.qty.0 && !rng.once_in(if is_limit(order) { 2 } else { 12 }) {
                let part = rng.between(1, order.qty.0 - filled);
                filled += part;
                answers.push(self.execution(order, market, Liquidity::Taker, part, filled));
            }
            let rests = is_limit(order) && filled < order.qty.0 && !self.cancelled.contains(&order.id.0);
            match rests {
                true => resting = Some((*order, filled)),
                false => answers.push(OrderEvent::Done { order: order.id, filled: Qty(filled) }),
            }
        }
        self.say(&answers, market.now, rng);
        self.orders.insert(order.id.0, Known { answers, resting });
        Ok(())
    }

    /// Somebody asks for an order's cancellation; an execution may come before it.
    pub fn cancel(&mut self, order: u64, market: &Market, rng: &mut Rng) {
        self.cancelled.insert(order);
        let now = market.now;
        let Some((request, mut filled)) = self.orders.get_mut(&order).and_then(|known| known.resting.take())
        else {
            return;
        };
        let mut answers = Vec::new();
        if rng.once_in(3) {
            let part = rng.between(1, request.qty.0 - filled);
            filled += part;
            answers.push(self.execution(&request, market, Liquidity::Maker, part, filled));
        }
        answers.push(OrderEvent::Done { order: request.id, filled: Qty(filled) });
        self.say(&answers, now, rng);
        self.orders.get_mut(&order).expect("it rested").answers.append(&mut answers);
    }

    fn execution(
        &mut self,
        order: &OrderRequest,
        market: &Market,
        liquidity: Liquidity,
        part: i64,
        cumulative: i64,
    ) -> OrderEvent {
        self.executions += 1;
        if order.id.0 < FOREIGN {
            self.positions.entry(order.instance).or_insert((order.symbol, 0)).1 += order.side.sign() * part;
        }
        let price = Price(market.price(order.symbol) + order.side.sign());
        let (price, qty) = (order.kind.limit().unwrap_or(price), Qty(part));
        let rate = if liquidity == Liquidity::Maker { MAKER_FEE } else { TAKER_FEE };
        OrderEvent::Filled(Fill {
            order: order.id,
            symbol: order.symbol,
            side: order.side,
            price,
            qty,
            cumulative: Qty(cumulative),
            trade_id: self.executions,
            fee: contracts().spec(order.symbol).notional(price, qty).at_rate(rate),
            liquidity,
            at: market.exchange_time(),
        })
    }

    /// Funding of one position. It comes once: unlike answers about orders it is not asked for again.
    fn settle_funding(&mut self, now: Timestamp, rng: &mut Rng) {
        let open: Vec<_> = self.positions.iter().filter(|(_, (_, lots))| *lots != 0).collect();
        let Some((instance, (symbol, _))) = open.get(rng.place(open.len())).copied() else { return };
        let amount = Money(i128::from(rng.between(-9, 9)) * 100_000_000_000_000);
        let funding = OrderEvent::Funding { symbol: *symbol, instance: *instance, amount };
        self.coming.push((now + Span::from_nanos(1_000 * rng.between(1, 50_000)), funding));
    }

    /// The end of an order comes behind its executions, but for a few that are very late.
    fn say(&mut self, answers: &[OrderEvent], now: Timestamp, rng: &mut Rng) {
        let soon = |rng: &mut Rng| now + Span::from_nanos(1_000 * rng.between(20_000, 900_000));
        let mut last = now;
        for answer in answers {
            let is_end = matches!(answer, OrderEvent::Done { .. });
            let due = if is_end { last } else { soon(rng) };
            last = last.max(due);
            if rng.once_in(40) {
                self.lost.push(*answer);
                continue;
            }
            let is_late = !is_end && rng.once_in(150);
            let due = if is_late { due + Span::from_seconds(5) } else { due };
            self.coming.push((due, *answer));
            if rng.once_in(6) {
                self.coming.push((soon(rng), *answer));
            }
        }
    }

    /// Whether an order's cancellation was asked for.
    pub fn was_asked_to_cancel(&self, order: u64) -> bool {
        self.cancelled.contains(&order)
    }

    /// Lots of an order that were executed.
    pub fn executed(&self, order: u64) -> i64 {
        let lots = |answer: &OrderEvent| match answer {
            OrderEvent::Filled(fill) => fill.qty.0,
            _ => 0,
        };
        self.orders.get(&order).map_or(0, |known| known.answers.iter().map(lots).sum())
    }

    /// Whether nothing of the session's orders rests, and its process has heard of all that was executed.
    pub fn is_flat(&self) -> bool {
        self.orders.values().all(|known| known.resting.is_none()) && self.unheard(&self.heard).is_none()
    }

    /// An execution of the session's orders that is none of these.
    pub fn unheard(&self, heard: &BTreeSet<u64>) -> Option<Fill> {
        let fill = |answer: &OrderEvent| match answer {
            OrderEvent::Filled(fill) => Some(*fill),
            _ => None,
        };
        let mut fills = self.orders.values().flat_map(|known| known.answers.iter().filter_map(fill));
        fills.find(|fill| !heard.contains(&fill.trade_id))
    }

    /// A process begins that knows of these executions.
    pub fn forget_all_but(&mut self, heard: BTreeSet<u64>) {
        self.heard = heard;
    }

    /// A process that came back asks for the orders it may have sent, and for executions. An order that never
    /// arrived never will.
    pub fn look_up(&mut self, orders: impl Iterator<Item = u64>, now: Timestamp, rng: &mut Rng) {
        for order in orders {
            let unsent = OrderEvent::Rejected { order: OrderId(order), reason: RejectReason::Venue };
            let known =
                self.orders.entry(order).or_insert_with(|| Known { answers: vec![unsent], resting: None });
            let answers = known.answers.clone();
            self.say(&answers, now, rng);
        }
        let foreign = self.foreign.clone();
        self.say(&foreign, now, rng);
    }

    /// What happens by itself on an exchange: an order that rests fills further, funding is settled, somebody
    /// else trades on the account, and what got lost is asked for.
    pub fn live(&mut self, market: &Market, rng: &mut Rng) {
        let now = market.now;
        let resting = self.orders.values_mut().find(|known| known.resting.is_some());
        if let Some((request, filled)) = resting.filter(|_| rng.once_in(8)).and_then(|known| known.resting) {
            let part = rng.between(1, request.qty.0 - filled);
            let mut answers = vec![self.execution(&request, market, Liquidity::Maker, part, filled + part)];
            let is_full = filled + part == request.qty.0;
            if is_full {
                answers.push(OrderEvent::Done { order: request.id, filled: request.qty });
            }
            self.say(&answers, now, rng);
            let known = self.orders.get_mut(&request.id.0).expect("it rests");
            known.resting = (!is_full).then_some((request, filled + part));
            known.answers.append(&mut answers);
        }
        if rng.once_in(40) {
            self.settle_funding(now, rng);
        }
        if rng.once_in(400) {
            let symbol = SymbolId(rng.below(2) as u32);
            let order = OrderRequest {
                id: OrderId(FOREIGN + self.executions),
                instance: 0,
                symbol,
                side: Side::Buy,
                kind: OrderKind::Market,
                qty: Qty(rng.between(1, 9)),
                purpose: Purpose::Entry,
                leverage: 1,
                inside_bar: None,
            };
            let execution = self.execution(&order, market, Liquidity::Taker, order.qty.0, order.qty.0);
            self.foreign.push(execution);
            self.say(&[execution], now, rng);
        }
        if rng.once_in(30) {
            let lost = std::mem::take(&mut self.lost);
            self.coming.extend(lost.into_iter().map(|answer| (now, answer)));
        }
    }

    /// What is due by now goes into the inbox.
    pub fn deliver(&mut self, now: &mut Timestamp, batch: &mut Batch) {
        let moment = *now;
        self.coming.sort_by_key(|(due, _)| *due);
        let due = self.coming.partition_point(|(due, _)| *due <= moment);
        for (_, answer) in self.coming.drain(..due) {
            *now = *now + Span::from_nanos(1_000);
            if let OrderEvent::Filled(fill) = answer {
                self.heard.insert(fill.trade_id);
            }
            batch.arrived.push((*now, Arrived::Answer(answer)));
        }
    }
}

/// Whether it rests when it does not fill.
fn is_limit(order: &OrderRequest) -> bool {
    matches!(order.kind, OrderKind::Limit(_))
}

/// Orders on their way to the exchange: they leave when the commit with their decision is durable.
pub struct OrderPath(pub Shared);

/// What it knows outlives the process.
impl Saved for OrderPath {
    fn save(&self, _: &mut Vec<u8>) {}

    fn load(&mut self, _: &mut Reader<'_>) -> Result<(), Damaged> {
        Ok(())
    }
}

impl Gateway for OrderPath {
    const ANSWERS_ARE_INPUTS: bool = true;
    const IS_EXCHANGE: bool = true;

    fn submit(&mut self, _: Timestamp, order: &OrderRequest) {
        let mut world = self.0.world();
        // What is durable was sent, or is looked up.
        if world.intents.contains(&order.id.0) {
            return;
        }
        if world.plant == Some("sent_before_it_is_durable") {
            let order = *order;
            world.send(&order);
            return;
        }
        world.outbox.push(*order);
    }

    /// Leaves at once, or behind its order.
    fn cancel(&mut self, _: Timestamp, order: OrderId) {
        let mut world = self.0.world();
        if world.plant == Some("cancel_never_sent") {
            return;
        }
        if world.intents.contains(&order.0) {
            world.cancel(order.0);
        } else {
            world.cancels.insert(order.0);
        }
    }
}
