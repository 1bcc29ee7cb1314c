//! What a session's thread and the task of its orders tell each other.

use crate::domain::intent::Intent;
use crate::domain::num::Money;
use crate::domain::order::OrderId;
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;
use crate::session::live::{Desk, EnginePosition, VenuePosition};
use arc_swap::ArcSwapOption;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// From the session's thread.
pub(super) enum OrderCommand {
    /// Orders whose intents are on disk.
    Submit(Vec<Intent>),
    /// An order is withdrawn.
    Cancel(OrderId),
    /// Every entry is withdrawn.
    Withdraw,
    /// The engine's positions and where it wants them to end, and how many answers it had been given then.
    Protect { positions: Vec<EnginePosition>, answers: u64 },
    /// Orders that never left: of a process before this one, or there was no room for them.
    NeverSent(Vec<OrderId>),
}

/// What every session of an account has at risk; `None`: nobody knows, because it has not caught up yet.
#[derive(Default)]
pub(in crate::service::sessions) struct Exposures(Mutex<BTreeMap<String, Option<Money>>>);

impl Exposures {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Option<Money>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session goes on of which nobody knows what it has: nothing is begun on the account until that is
    /// known.
    pub(in crate::service::sessions) fn unknown(&self, session: &str) {
        self.lock().insert(session.to_owned(), None);
    }

    /// A session has ended. One that went on after a restart has said what it has, and keeps that.
    pub(in crate::service::sessions) fn ended(&self, session: &str) {
        let mut all = self.lock();
        if all.get(session) == Some(&None) {
            all.remove(session);
        }
    }

    /// Changes what a session has at risk while no other can; `change` is told what all others have, and
    /// gives what the session has then.
    fn change(&self, session: &str, change: impl FnOnce(Option<Money>) -> Money) {
        let mut all = self.lock();
        let others = all.iter().filter(|(id, _)| *id != session).map(|(_, money)| *money).sum();
        let money = change(others);
        all.insert(session.to_owned(), Some(money));
    }
}

/// From the task.
pub(super) struct Shared {
    session: String,
    exposures: Arc<Exposures>,
    state: Mutex<SharedState>,
    /// The positions of the session at the exchange, for whoever looks.
    venue_positions: Arc<ArcSwapOption<Vec<VenuePosition>>>,
    /// Messages handed to the task. What it says is believed when it has taken in all of them.
    handed: AtomicU64,
}

#[derive(Default)]
struct SharedState {
    blocked: BTreeMap<SymbolId, &'static str>,
    closings: BTreeSet<SymbolId>,
    /// Whether the session is to be paused.
    pauses: bool,
    is_flat: bool,
    is_protected: bool,
    /// Messages that the task had taken in when it said so.
    taken: u64,
}

impl Shared {
    /// Nothing may be begun until the account was compared.
    pub(super) fn new(
        session: &str,
        exposures: Arc<Exposures>,
        symbols: impl Iterator<Item = SymbolId>,
        venue_positions: Arc<ArcSwapOption<Vec<VenuePosition>>>,
    ) -> Self {
        let blocked = symbols.map(|symbol| (symbol, "the account has not been compared yet")).collect();
        let state = Mutex::new(SharedState { blocked, ..SharedState::default() });
        Shared { session: session.to_owned(), exposures, state, venue_positions, handed: AtomicU64::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, SharedState> {
        // Every change is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is handed to the task.
    pub(super) fn hand_over(&self) {
        self.handed.fetch_add(1, Ordering::AcqRel);
    }

    /// An order whose intent is on disk. No other session can take what is left of the cap meanwhile.
    pub(super) fn submit(&self, desk: &mut Desk, intent: Intent, now: Timestamp) {
        self.exposures.change(&self.session, |others| {
            desk.set_other_sessions(others);
            desk.submit(intent, now);
            desk.exposure()
        });
    }

    /// Shows how a desk stands that has taken in so many messages.
    pub(super) fn show(&self, desk: &mut Desk, taken: u64, now: Timestamp) {
        self.exposures.change(&self.session, |others| {
            desk.set_other_sessions(others);
            desk.exposure()
        });
        let (blocked, is_flat, is_protected) = (desk.blocked(now), desk.is_flat(now), desk.is_protected());
        self.venue_positions.store(desk.venue_positions().map(Arc::new));
        let mut state = self.state();
        (state.blocked, state.is_flat) = (blocked, is_flat);
        (state.is_protected, state.taken) = (is_protected, taken);
    }

    /// The positions of a symbol must be closed.
    pub(super) fn close(&self, symbol: SymbolId) {
        self.state().closings.insert(symbol);
    }

    /// The session is to begin nothing more until a person resumes it.
    pub(super) fn pause(&self) {
        self.state().pauses = true;
    }

    /// Whether the session is to be paused, once.
    pub(super) fn take_pause(&self) -> bool {
        std::mem::take(&mut self.state().pauses)
    }

    pub(super) fn blocked(&self) -> BTreeMap<SymbolId, &'static str> {
        self.state().blocked.clone()
    }

    pub(super) fn take_closings(&self) -> BTreeSet<SymbolId> {
        std::mem::take(&mut self.state().closings)
    }

    /// Whether every position has a proven stop and no entry can fill any more.
    pub(super) fn is_protected(&self) -> bool {
        let state = self.state();
        state.is_protected && state.taken == self.handed.load(Ordering::Acquire)
    }

    /// Whether the exchange has nothing of the session any more.
    pub(super) fn is_flat(&self) -> bool {
        let state = self.state();
        state.is_flat && state.taken == self.handed.load(Ordering::Acquire)
    }
}

/// What a session left at the exchange counts until somebody goes on with it or the daemon ends.
impl Drop for Shared {
    fn drop(&mut self) {
        if self.is_flat() {
            self.exposures.lock().remove(&self.session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decimal::Decimal;
    use crate::domain::num::{Price, Qty};
    use crate::domain::order::{OrderKind, OrderRequest, Purpose, Side};
    use crate::domain::symbol::{SymbolSpec, SymbolTable};
    use crate::session::live::{Act, Caps, Report, SessionTag};

    const A: SymbolId = SymbolId(0);

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_nanos(1_790_000_000_000_000_000 + ms * 1_000_000)
    }

    fn table() -> SymbolTable {
        let step = Decimal::new(1, 1).unwrap();
        let spec = SymbolSpec::new("A_USDT", step, Decimal::ONE, Decimal::new(1, 2).unwrap()).unwrap();
        SymbolTable::new(1, vec![spec])
    }

    /// A desk that takes entries of at most 10 with all others of the account.
    fn desk(id: &str) -> Desk {
        let caps = Caps { account: Money::from_units(10), day: Money::from_units(1_000) };
        let mut desk = Desk::new(Arc::new(table()), SessionTag::of(id), caps);
        desk.on_lock(false, at(0));
        desk.on_connection(true, at(0));
        desk.on_report(Ok(&Report::default()), at(1), at(2));
        desk
    }

    /// An entry of so many lots of 1.
    fn entry(qty: i64) -> Intent {
        let order = OrderRequest {
            id: OrderId(1),
            instance: 0,
            symbol: A,
            side: Side::Buy,
            kind: OrderKind::Market,
            qty: Qty(qty),
            purpose: Purpose::Entry,
            leverage: 1,
            inside_bar: None,
        };
        Intent { order, at: at(5), reference: Some(Price(1_000)) }
    }

    fn shared(id: &str, exposures: &Arc<Exposures>) -> Shared {
        Shared::new(id, Arc::clone(exposures), [A].into_iter(), Arc::default())
    }

    fn is_sent(desk: &mut Desk) -> bool {
        desk.take_acts().iter().any(|act| matches!(act, Act::Send { .. }))
    }

    #[test]
    fn two_sessions_that_decide_at_once_stay_within_the_cap_of_the_account() {
        let exposures = Arc::new(Exposures::default());
        let (one, other) = (shared("exec_1", &exposures), shared("exec_2", &exposures));
        let (mut first, mut second) = (desk("exec_1"), desk("exec_2"));
        one.show(&mut first, 0, at(10));
        other.show(&mut second, 0, at(10));
        one.submit(&mut first, entry(6), at(11));
        other.submit(&mut second, entry(6), at(11));
        assert!(is_sent(&mut first) && !is_sent(&mut second), "6 and 6 are more than 10");
        // What one that failed left at the exchange still counts.
        one.show(&mut first, 0, at(20));
        drop(one);
        other.submit(
            &mut second,
            Intent { order: OrderRequest { id: OrderId(2), ..entry(6).order }, ..entry(6) },
            at(21),
        );
        assert!(!is_sent(&mut second));
    }

    #[test]
    fn what_a_session_has_that_catches_up_may_be_everything() {
        let exposures = Arc::new(Exposures::default());
        exposures.unknown("exec_1");
        let (other, mut second) = (shared("exec_2", &exposures), desk("exec_2"));
        other.submit(&mut second, entry(1), at(11));
        assert!(!is_sent(&mut second));
        let (one, mut first) = (shared("exec_1", &exposures), desk("exec_1"));
        one.show(&mut first, 0, at(20));
        other.submit(
            &mut second,
            Intent { order: OrderRequest { id: OrderId(2), ..entry(1).order }, ..entry(1) },
            at(21),
        );
        assert!(is_sent(&mut second));
        exposures.unknown("exec_3");
        exposures.ended("exec_3");
        assert_eq!(exposures.lock().len(), 2);
    }

    #[test]
    fn nothing_is_called_flat_that_the_task_has_not_taken_in() {
        let shared = shared("exec_1", &Arc::default());
        let mut desk = desk("exec_1");
        desk.on_stops(&[], at(1), at(2));
        shared.show(&mut desk, 0, at(10));
        assert!(shared.is_flat() && shared.is_protected());
        shared.hand_over();
        assert!(!shared.is_flat() && !shared.is_protected(), "an order may be on its way");
        shared.show(&mut desk, 1, at(11));
        assert!(shared.is_flat());
    }
}
