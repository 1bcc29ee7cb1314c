//! Closes what live sessions hold when nobody answers for them any more: a process of its own, with its own
//! client.
//!
//! Invariants: it acts only on symbols of an abandoned lease, and leaves live trading locked; a stop is
//! cancelled only when its position is gone.

use super::market::{KeyRing, LeaseHistory, LiveLease, LiveLock, Unreadable};
use super::secret_file::credentials;
use crate::clock::{self, Stopwatch};
use crate::domain::intent::SETTLED_AFTER;
use crate::domain::time::{Span, Timestamp};
use crate::domain::visible::Visible;
use crate::exchange::ExchangeError;
use crate::exchange::mexc::request::account::Margin;
use crate::exchange::mexc::request::order::{NewOrder, OrderType};
use crate::exchange::mexc::{AccountClient, Effect, HeldPosition, Mexc, WriteOutcome};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long after the last heartbeat a session is abandoned.
const PATIENCE: Span = Span::from_seconds(10);

/// Between two looks at the account while something is open.
const LOOK: Duration = Duration::from_millis(250);

/// Rounds after which what is still open is told and tried again with the next look at the leases.
const ROUNDS: usize = 120;

/// For how long the exchange must show nothing: a list may lag.
const FLAT_FOR: Span = Span::from_seconds(3);

/// And in how many looks in a row.
const FLAT_LOOKS: u32 = 4;

/// How the client ids of its orders begin.
const CLIENT_PREFIX: &str = "tdw";

/// What it did for one position.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClosedPosition {
    /// The session that had it.
    pub session_id: String,
    /// The contract.
    pub symbol: String,
    /// Whether it was a long.
    pub is_long: bool,
    /// Contracts before.
    pub before: String,
    /// Contracts that are left.
    pub remaining: String,
    /// What went wrong last.
    pub error: Option<String>,
}

/// A watchdog.
pub struct Watchdog {
    state: PathBuf,
    account: AccountClient,
    keys: KeyRing,
    watch: Stopwatch,
    seen: LeaseHistory,
}

/// What one look came to.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LookReport {
    /// What was done, by position.
    pub closed: Vec<ClosedPosition>,
    /// What could not be read, for people: nobody knows whether it should have acted there.
    pub unreadable: Vec<String>,
}

impl Watchdog {
    /// Over a state directory, with a client of its own.
    ///
    /// # Errors
    /// [`ExchangeError::Settings`]: the exchange is none to which orders are sent.
    pub fn new(state: &Path, client: &Mexc) -> Result<Self, ExchangeError> {
        let keys = KeyRing::new(state, credentials().as_deref());
        let account = client.account(keys.shared())?;
        let (watch, seen) = (Stopwatch::start(), LeaseHistory::default());
        Ok(Watchdog { state: state.to_owned(), account, keys, watch, seen })
    }

    /// Looks again: locks, and closes what sessions hold that have been silent for too long since they were
    /// first seen so.
    pub fn look(&mut self) -> LookReport {
        let now = self.watch.elapsed();
        let ((leases, unreadable), mut looked) = self.leases();
        for session in self.seen.unreadable_for_long(&unreadable, now, PATIENCE) {
            self.lock(&session);
        }
        let abandoned = self.seen.abandoned(&leases, &unreadable, now, PATIENCE);
        self.act(&abandoned, &mut looked);
        looked
    }

    /// As [`Watchdog::look`] for whoever looks only once: how long a session has been silent is what the wall
    /// clock says.
    pub fn look_once(&self, now: Timestamp) -> LookReport {
        let ((leases, _), mut looked) = self.leases();
        let abandoned: Vec<LiveLease> =
            leases.into_iter().filter(|lease| lease.is_abandoned(now, PATIENCE)).collect();
        self.act(&abandoned, &mut looked);
        looked
    }

    fn leases(&self) -> ((Vec<LiveLease>, Vec<Unreadable>), LookReport) {
        let mut looked = LookReport::default();
        let found = LiveLease::all(&self.state).unwrap_or_else(|error| {
            looked.unreadable.push(format!("the leases in {} cannot be read: {error}", self.state.visible()));
            (Vec::new(), Vec::new())
        });
        looked.unreadable.extend(found.1.iter().map(|lease| lease.why.clone()));
        (found, looked)
    }

    fn lock(&self, session: &str) {
        if let Err(error) = LiveLock::of(&self.state).set(&format!("watchdog, session {session}")) {
            // Closing what is open matters more than the lock.
            tracing::error!(%error, "the lock cannot be written");
        }
    }

    /// Locks before anything that can fail, then closes what all of them hold, side by side.
    fn act(&self, abandoned: &[LiveLease], looked: &mut LookReport) {
        for lease in abandoned {
            let session = &lease.session_id;
            tracing::error!(session, "the heartbeat of a live session stopped: its positions are closed");
            self.lock(session);
        }
        if abandoned.is_empty() {
            return;
        }
        if let Err(why) = self.keys.refresh() {
            looked.unreadable.push(why);
            if !self.keys.has_key() {
                return;
            }
        }
        let flat = join_all(abandoned.iter().map(|lease| flatten(&self.account, lease)));
        for (lease, (closed, is_flat)) in abandoned.iter().zip(self.account.runtime().block_on(flat)) {
            if is_flat && let Err(error) = LiveLease::remove(&self.state, &lease.session_id) {
                tracing::error!(%error, "the lease cannot be removed");
            }
            looked.closed.extend(closed);
        }
    }
}

/// Looks in a row that showed nothing.
#[derive(Default)]
struct EmptyLooks {
    since: Option<Span>,
    count: u32,
}

impl EmptyLooks {
    /// One look more, at a time of the steady clock; whether they are enough.
    fn add(&mut self, is_empty: bool, now: Span) -> bool {
        if !is_empty {
            *self = EmptyLooks::default();
            return false;
        }
        self.count += 1;
        now - *self.since.get_or_insert(now) >= FLAT_FOR && self.count >= FLAT_LOOKS
    }
}

/// How long nothing is called flat yet, because an order of the last heartbeat may still show, for a session
/// that was abandoned when it is first looked at. A clock that was set says nothing, so it is never longer
/// than what follows the patience.
fn until_nothing_comes(lease: &LiveLease, now: Timestamp) -> Span {
    let silent = Span::from_millis(now.millis() - lease.heartbeat_ms).max(PATIENCE);
    (SETTLED_AFTER - silent).max(Span::ZERO)
}

/// Cancels the orders of a lease and closes every position on its symbols, looks until none is left of either
/// for a while, then cancels the stops and looks until none of these is left. Whether the exchange showed all
/// three: what cannot be read is not flat.
async fn flatten(account: &AccountClient, lease: &LiveLease) -> (Vec<ClosedPosition>, bool) {
    let mut closed: Vec<ClosedPosition> = Vec::new();
    let (watch, mut empty) = (Stopwatch::start(), EmptyLooks::default());
    let not_before = until_nothing_comes(lease, clock::now());
    for round in 0..ROUNDS {
        // Before the positions: an order that fills in between shows there.
        let are_orders_gone = orders_are_gone(account, lease).await;
        let held = match account.positions().await {
            Ok(held) => held,
            Err(error) => {
                tracing::error!(%error, "the positions cannot be read");
                empty = EmptyLooks::default();
                tokio::time::sleep(LOOK).await;
                continue;
            }
        };
        let ours: Vec<&HeldPosition> = held
            .iter()
            .filter(|held| lease.symbols.contains(&held.symbol) && held.quantity.mantissa() > 0)
            .collect();
        note(&mut closed, lease, &ours);
        let is_empty = empty.add(ours.is_empty() && are_orders_gone, watch.elapsed());
        if is_empty && watch.elapsed() >= not_before && stops_are_gone(account, lease).await {
            return (closed, true);
        }
        for position in ours {
            let error = close(account, position, round).await;
            let is_it = |known: &&mut ClosedPosition| {
                known.symbol == position.symbol && known.is_long == position.is_long
            };
            if let Some(known) = closed.iter_mut().find(is_it)
                && error.is_some()
            {
                known.error = error;
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    (closed, false)
}

/// What is left of every position that was seen.
fn note(closed: &mut Vec<ClosedPosition>, lease: &LiveLease, ours: &[&HeldPosition]) {
    for known in closed.iter_mut() {
        known.remaining = "0".to_owned();
    }
    for held in ours {
        let text = held.quantity.to_string();
        match closed.iter_mut().find(|known| known.symbol == held.symbol && known.is_long == held.is_long) {
            Some(known) => known.remaining = text,
            None => closed.push(ClosedPosition {
                session_id: lease.session_id.clone(),
                symbol: held.symbol.clone(),
                is_long: held.is_long,
                before: text.clone(),
                remaining: text,
                error: None,
            }),
        }
    }
}

/// One order for all of a position, under a client id of its own. When its answer is lost, the next round
/// closes only what the positions still show.
async fn close(account: &AccountClient, held: &HeldPosition, round: usize) -> Option<String> {
    let order = NewOrder {
        symbol: held.symbol.clone(),
        effect: if held.is_long { Effect::CloseLong } else { Effect::CloseShort },
        kind: OrderType::Market,
        margin: Margin::Isolated,
        quantity: held.quantity,
        price: None,
        leverage: None,
        external: Some(format!("{CLIENT_PREFIX}{}-{round}-{}", held.id, clock::now().millis() % 100_000)),
        position: Some(held.id),
        mode: None,
    };
    match account.place(&order).await {
        WriteOutcome::Accepted(_) => None,
        WriteOutcome::Refused { code, message } => Some(format!("code {code}: {message}")),
        WriteOutcome::NotSent(why) | WriteOutcome::Unknown(why) => Some(why),
    }
}

/// Cancels the orders of a lease; whether the exchange showed that none was left to cancel.
async fn orders_are_gone(account: &AccountClient, lease: &LiveLease) -> bool {
    let orders = match account.open_orders().await {
        Ok(orders) => orders,
        Err(error) => {
            tracing::error!(%error, "the open orders cannot be read");
            return false;
        }
    };
    let mut are_gone = true;
    for order in orders.iter().filter(|order| lease.symbols.contains(&order.symbol)) {
        if let Some(client) = order.external.as_deref().filter(|id| id.starts_with(&lease.client_prefix)) {
            are_gone = false;
            // Whether it ended shows in the next round.
            let _ = account.cancel(&order.symbol, client).await;
        }
    }
    are_gone
}

/// Cancels the stops on the symbols of a lease; whether the exchange showed that none was left to cancel.
async fn stops_are_gone(account: &AccountClient, lease: &LiveLease) -> bool {
    let stops = match account.stops().await {
        Ok(stops) => stops,
        Err(error) => {
            tracing::error!(%error, "the stops cannot be read");
            return false;
        }
    };
    let left: Vec<_> =
        stops.iter().filter(|stop| lease.symbols.contains(&stop.symbol) && !stop.is_over).collect();
    for stop in &left {
        // Whether it ended shows in the next round.
        let _ = account.cancel_stop(stop.id).await;
    }
    left.is_empty()
}

/// A client for a watchdog, as the configuration says.
///
/// # Errors
/// What is wrong with the settings, for people.
pub fn mexc_client(
    config: &crate::config::Config,
    runtime: tokio::runtime::Handle,
) -> Result<Arc<Mexc>, String> {
    Mexc::new(super::market::settings(&config.exchange), runtime).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_empty_look_is_not_flat() {
        let at = Span::from_millis;
        let mut empty = EmptyLooks::default();
        for ms in [0, 1_000, 2_000, 2_999] {
            assert!(!empty.add(true, at(ms)), "{ms}");
        }
        assert!(empty.add(true, at(3_000)));
        assert!(!empty.add(false, at(3_250)), "something was there, or was withdrawn");
        assert!(!empty.add(true, at(3_500)) && !empty.add(true, at(9_000)), "two looks");
    }

    #[test]
    fn nothing_is_flat_while_an_order_of_the_last_heartbeat_may_come() {
        let lease = LiveLease {
            session_id: "exec_1".to_owned(),
            symbols: Vec::new(),
            client_prefix: "td0".to_owned(),
            heartbeat_ms: 1_000_000,
            expected_back_until_ms: None,
        };
        let wait = |ms| until_nothing_comes(&lease, Timestamp::from_millis(ms).unwrap());
        assert_eq!(wait(1_012_000), Span::from_seconds(8));
        assert_eq!(wait(1_025_000), Span::ZERO);
        assert_eq!(wait(0), Span::from_seconds(10), "a clock that was set back");
    }
}
