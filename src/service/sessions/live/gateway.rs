//! The gateway of a live session queues orders; after each batch the loop journals them and sends them once the commit is durable.

use crate::domain::order::{OrderId, OrderRequest};
use crate::domain::time::Timestamp;
use crate::session::gateway::Gateway;
use std::sync::{Arc, Mutex, PoisonError};

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
pub(in crate::service::sessions) struct Outbox(Arc<Mutex<Vec<Outgoing>>>);

impl Outbox {
    /// What is there, once.
    pub(in crate::service::sessions) fn take(&self) -> Vec<Outgoing> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn push(&self, outgoing: Outgoing) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(outgoing);
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
