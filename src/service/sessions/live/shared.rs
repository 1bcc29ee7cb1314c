//! What a session's thread and the task of its orders tell each other.

use crate::domain::intent::Intent;
use crate::domain::num::Money;
use crate::domain::order::OrderId;
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;
use crate::limits::ALERTS_WAITING;
use crate::service::Alerts;
use crate::session::live::{Alert, Desk, Guarded, Wanted};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// From the session's thread.
pub(super) enum ToPath {
    /// Orders whose intents are on disk.
    Submit(Vec<Intent>),
    /// An order is withdrawn.
    Cancel(OrderId),
    /// Where the engine wants its positions to end.
    Protect(Vec<Wanted>),
    /// Orders of a process before this one that never left it.
    NeverSent(Vec<OrderId>),
}

/// What every session of an account has at risk.
#[derive(Default)]
pub(in crate::service::sessions) struct Exposures(Mutex<BTreeMap<String, Money>>);

impl Exposures {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Money>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From the task.
pub(super) struct Shared {
    session: String,
    exposures: Arc<Exposures>,
    programs: Arc<Alerts>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    blocked: BTreeMap<SymbolId, &'static str>,
    closings: Vec<SymbolId>,
    alerts: Vec<Alert>,
    is_flat: bool,
    guarded: Vec<Guarded>,
}

impl Shared {
    /// Nothing may be begun until the account was compared.
    pub(super) fn new(
        session: &str,
        exposures: Arc<Exposures>,
        programs: Arc<Alerts>,
        symbols: impl Iterator<Item = SymbolId>,
    ) -> Self {
        let blocked = symbols.map(|symbol| (symbol, "the account has not been compared yet")).collect();
        let state = Mutex::new(State { blocked, ..State::default() });
        Shared { session: session.to_owned(), exposures, programs, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What other sessions of the account have at risk.
    pub(super) fn others(&self) -> Money {
        let all = self.exposures.lock();
        all.iter().filter(|(session, _)| **session != self.session).map(|(_, money)| *money).sum()
    }

    /// Shows how a desk stands.
    pub(super) fn show(&self, desk: &mut Desk, now: Timestamp) {
        self.exposures.lock().insert(self.session.clone(), desk.exposure());
        let (blocked, is_flat, guarded) = (desk.blocked(now), desk.is_flat(now), desk.guarded());
        let mut state = self.state();
        (state.blocked, state.is_flat, state.guarded) = (blocked, is_flat, guarded);
    }

    /// Tells people. When too much waits, the oldest is dropped; all of it is in the log.
    pub(super) fn alert(&self, alert: Alert) {
        tracing::warn!(
            session = self.session,
            kind = alert.kind,
            why = alert.why,
            "a live session needs a look"
        );
        let told = json!({"session_id": self.session, "kind": alert.kind, "reason": alert.why});
        self.programs.tell(&told);
        let mut state = self.state();
        if state.alerts.len() == ALERTS_WAITING {
            state.alerts.remove(0);
        }
        state.alerts.push(alert);
    }

    /// The positions of a symbol must be closed.
    pub(super) fn close(&self, symbol: SymbolId) {
        self.state().closings.push(symbol);
    }

    pub(super) fn blocked(&self) -> BTreeMap<SymbolId, &'static str> {
        self.state().blocked.clone()
    }

    pub(super) fn take_closings(&self) -> Vec<SymbolId> {
        std::mem::take(&mut self.state().closings)
    }

    pub(super) fn take_alerts(&self) -> Vec<Alert> {
        std::mem::take(&mut self.state().alerts)
    }

    /// Whether every position has a proven stop.
    pub(super) fn is_protected(&self) -> bool {
        self.state().guarded.iter().all(|guarded| guarded.unprotected_since.is_none())
    }

    pub(super) fn is_flat(&self) -> bool {
        self.state().is_flat
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.exposures.lock().remove(&self.session);
    }
}
