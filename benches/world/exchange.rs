//! A venue whose answers come through the inbox: late, twice, in another order, in parts, or not before the process has
//! been killed. It outlives the processes of a life.

use crate::journal::Shared;
use std::collections::BTreeMap;
use tradingd::checkpoint::{Damaged, Reader, Saved};
use tradingd::domain::num::{Money, Price, Qty};
use tradingd::domain::order::{Fill, Liquidity, OrderEvent, OrderId, OrderRequest, RejectReason, Side};
use tradingd::domain::rng::Rng;
use tradingd::domain::time::{Span, Timestamp};
use tradingd::session::gateway::Gateway;
use tradingd::session::inputs::{Arrived, Batch};

/// What the exchange knows and has still to say.
#[derive(Default)]
pub struct Exchange {
    /// Every order that arrived, with all that was or will be said of it.
    orders: BTreeMap<u64, Vec<OrderEvent>>,
    coming: Vec<(Timestamp, OrderEvent)>,
    executions: u64,
}

impl Exchange {
    /// An order arrives.
    ///
    /// # Errors
    /// It had arrived before.
    pub fn receive(
        &mut self,
        order: &OrderRequest,
        now: Timestamp,
        price: i64,
        rng: &mut Rng,
    ) -> Result<(), String> {
        if self.orders.contains_key(&order.id.0) {
            return Err(format!("order {} arrived twice", order.id.0));
        }
        let mut answers = Vec::new();
        if rng.once_in(20) {
            answers.push(OrderEvent::Rejected { order: order.id, reason: RejectReason::Venue });
        } else {
            answers.push(OrderEvent::Acked(order.id));
            let mut filled = 0;
            while filled < order.qty.0 && !rng.once_in(12) {
                let part = rng.between(1, order.qty.0 - filled);
                filled += part;
                answers.push(self.execution(order, now, price, part, filled));
            }
            answers.push(OrderEvent::Done { order: order.id, filled: Qty(filled) });
        }
        self.say(&answers, now, rng);
        self.orders.insert(order.id.0, answers);
        Ok(())
    }

    fn execution(
        &mut self,
        order: &OrderRequest,
        at: Timestamp,
        price: i64,
        part: i64,
        cumulative: i64,
    ) -> OrderEvent {
        self.executions += 1;
        let worse = if order.side == Side::Buy { 1 } else { -1 };
        OrderEvent::Filled(Fill {
            order: order.id,
            symbol: order.symbol,
            side: order.side,
            price: Price(price + worse),
            qty: Qty(part),
            cumulative: Qty(cumulative),
            trade_id: self.executions,
            fee: Money::ZERO,
            liquidity: Liquidity::Taker,
            at,
        })
    }

    /// The end of an order comes behind its executions, but for a few that are very late.
    fn say(&mut self, answers: &[OrderEvent], now: Timestamp, rng: &mut Rng) {
        let soon = |rng: &mut Rng| now + Span::from_nanos(1_000 * rng.between(20_000, 900_000));
        let mut last = now;
        for answer in answers {
            let is_end = matches!(answer, OrderEvent::Done { .. });
            let due = if is_end { last } else { soon(rng) };
            last = last.max(due);
            let is_lost_for_long = !is_end && rng.once_in(150);
            let due = if is_lost_for_long { due + Span::from_seconds(5) } else { due };
            self.coming.push((due, *answer));
            if rng.once_in(6) {
                self.coming.push((soon(rng), *answer));
            }
        }
    }

    /// Lots of an order that were executed.
    pub fn executed(&self, order: u64) -> i64 {
        let lots = |answer: &OrderEvent| match answer {
            OrderEvent::Filled(fill) => fill.qty.0,
            _ => 0,
        };
        self.orders.get(&order).map_or(0, |answers| answers.iter().map(lots).sum())
    }

    /// A process that came back asks for the orders it may have sent. One that never arrived never will.
    pub fn look_up(&mut self, orders: impl Iterator<Item = u64>, now: Timestamp, rng: &mut Rng) {
        for order in orders {
            let unsent = OrderEvent::Rejected { order: OrderId(order), reason: RejectReason::Venue };
            let answers = self.orders.entry(order).or_insert_with(|| vec![unsent]).clone();
            self.say(&answers, now, rng);
        }
    }

    /// What is due by now goes into the inbox.
    pub fn deliver(&mut self, now: &mut Timestamp, batch: &mut Batch) {
        let moment = *now;
        self.coming.sort_by_key(|(due, _)| *due);
        let due = self.coming.partition_point(|(due, _)| *due <= moment);
        for (_, answer) in self.coming.drain(..due) {
            *now = *now + Span::from_nanos(1_000);
            batch.arrived.push((*now, Arrived::Answer(answer)));
        }
        (batch.until, batch.taken) = (*now, *now);
    }
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

    fn cancel(&mut self, _: Timestamp, _: OrderId) {}
}
