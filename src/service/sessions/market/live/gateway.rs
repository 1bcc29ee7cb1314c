//! The gateway of a live session queues orders; after each batch the loop journals them and sends them once
//! the commit is durable.

use crate::domain::order::{OrderId, OrderRequest, Purpose};
use crate::domain::time::Timestamp;
use crate::limits::OUTBOX_ORDERS;
use crate::session::gateway::Gateway;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Something that the engine wants of the venue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::service::sessions) enum Outgoing {
    /// A new order, decided at a time.
    Submit(Timestamp, OrderRequest),
    /// An order's cancellation.
    Cancel(OrderId),
}

/// What the engine wants and the loop has not taken yet.
#[derive(Clone, Default)]
pub(in crate::service::sessions) struct Outbox(Arc<Mutex<OutboxState>>);

#[derive(Default)]
struct OutboxState {
    orders: VecDeque<Outgoing>,
    /// Entries that found no room.
    refused: Vec<OrderId>,
    /// A journal is not replayed any more: what comes now has not left.
    is_caught_up: bool,
}

impl Outbox {
    /// What a replay decided last. From now on nothing that closes a position is forgotten.
    pub(in crate::service::sessions) fn take_replayed(&self) -> Vec<Outgoing> {
        self.lock().is_caught_up = true;
        self.take()
    }

    /// Entries that found no room, once: the engine waits for an answer about each.
    pub(in crate::service::sessions) fn take_refused(&self) -> Vec<OrderId> {
        std::mem::take(&mut self.lock().refused)
    }

    /// What is there, once.
    pub(in crate::service::sessions) fn take(&self) -> Vec<Outgoing> {
        std::mem::take(&mut self.lock().orders).into()
    }

    fn push(&self, outgoing: Outgoing) {
        let mut waiting = self.lock();
        if waiting.orders.len() >= OUTBOX_ORDERS {
            match outgoing {
                _ if !waiting.is_caught_up => _ = waiting.orders.pop_front(),
                Outgoing::Submit(_, order) if order.purpose == Purpose::Entry => {
                    return waiting.refused.push(order.id);
                }
                _ => {}
            }
        }
        waiting.orders.push_back(outgoing);
    }

    fn lock(&self) -> MutexGuard<'_, OutboxState> {
        // Every change is complete before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The gateway of a live session.
pub(in crate::service::sessions) struct LiveGateway(pub Outbox);

impl Gateway for LiveGateway {
    const ANSWERS_ARE_INPUTS: bool = true;
    const IS_EXCHANGE: bool = true;

    fn submit(&mut self, now: Timestamp, order: &OrderRequest) {
        self.0.push(Outgoing::Submit(now, *order));
    }

    fn cancel(&mut self, _now: Timestamp, order: OrderId) {
        self.0.push(Outgoing::Cancel(order));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::num::Qty;
    use crate::domain::order::{OrderKind, Side};
    use crate::domain::symbol::SymbolId;

    fn order(id: usize, purpose: Purpose) -> OrderRequest {
        OrderRequest {
            id: OrderId(id as u64),
            instance: 0,
            symbol: SymbolId(0),
            side: Side::Buy,
            kind: OrderKind::Market,
            qty: Qty(1),
            purpose,
            leverage: 1,
            inside_bar: None,
        }
    }

    #[test]
    fn a_full_outbox_takes_exits_refuses_entries_and_forgets_only_what_a_journal_has() {
        let outbox = Outbox::default();
        let mut gateway = LiveGateway(outbox.clone());
        let mut submit = |id, purpose| gateway.submit(Timestamp::MIN, &order(id, purpose));
        (0..OUTBOX_ORDERS + 2).for_each(|id| submit(id, Purpose::Entry));
        let replayed = outbox.take_replayed();
        assert_eq!(replayed.len(), OUTBOX_ORDERS);
        assert_eq!(replayed[0], Outgoing::Submit(Timestamp::MIN, order(2, Purpose::Entry)));
        (0..OUTBOX_ORDERS + 2).for_each(|id| submit(id, Purpose::Entry));
        submit(OUTBOX_ORDERS + 2, Purpose::Exit);
        gateway.cancel(Timestamp::MIN, OrderId(0));
        let taken = outbox.take();
        assert_eq!(taken[0], Outgoing::Submit(Timestamp::MIN, order(0, Purpose::Entry)));
        let last = [
            Outgoing::Submit(Timestamp::MIN, order(OUTBOX_ORDERS + 2, Purpose::Exit)),
            Outgoing::Cancel(OrderId(0)),
        ];
        assert_eq!((taken.len(), &taken[OUTBOX_ORDERS..]), (OUTBOX_ORDERS + 2, &last[..]));
        let refused = [OUTBOX_ORDERS, OUTBOX_ORDERS + 1].map(|id| OrderId(id as u64));
        assert_eq!((outbox.take_refused(), outbox.take_refused()), (refused.to_vec(), vec![]), "once");
    }
}
