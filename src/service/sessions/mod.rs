//! Sessions of the daemon: started, watched, stopped, found again after a restart.
//!
//! Invariants: a session's row is on disk before its id is given out; its end, its result and what its
//! strategies were worth are one transaction, and a session has one end; a run that panics ends its session
//! and not the daemon.

mod market;
mod run;
mod start;

pub use market::catch_up::CatchingUp;
pub use market::follower::make_checkpoint;
pub(in crate::service) use market::recorded::removal;
pub use market::replay::{Replayed, replay};
pub use market::rerun::Difference;
pub use run::controls::{ControlOutcome, SessionControl};
pub use run::snapshot::{
    AccountView, BlockedView, BudgetView, ConditionView, EntriesView, EquityPointView, EquityView, FeedView,
    Head, LimitView, Look, OrderView, OrdersView, PositionView, PositionsView, Question, Shown, StateView,
    StatesView, StatesWanted, StopView, TargetView, VenuePositionView,
};
pub use run::state::SessionState;
pub(in crate::service) use run::stream::event_object;
pub use run::view::{Counters, Events, SessionFilter, SessionView, Started, Stopped};
pub use start::request::{SessionKind, validate};

use super::hub::Hub;
use super::market::Market;
use super::page::{Page, PageRequest};
use super::references::References;
use super::strategies::Strategies;
use super::{Alerts, Refusal, RefusalKind};
use crate::clock;
use crate::config::{Config, Trading};
use crate::domain::time::{Span, Timestamp};
use crate::store::records::{ControlKindV1, SessionControlV1, SessionRow};
use crate::store::{EventSegment, OpenRecording, Store, StoreError};
use arc_swap::ArcSwap;
use market::follower::Follower;
use market::live::Exposures;
use market::market_run::MarketContext;
use market::recovery::fail_session;
use run::outcome::Exit;
use run::running::Running;
use serde_json::{Value, json};
use start::plan::Plan;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long a stop waits for the thread of a session whose end is on disk.
const LEAVES_WITHIN: Span = Span::from_seconds(1);

/// All sessions.
pub struct Sessions {
    store: Arc<Store>,
    hub: Arc<Hub>,
    strategies: Arc<Strategies>,
    references: Arc<References>,
    market: Arc<Market>,
    /// Held from the decision that a session may start until its row is on disk: one start at a time.
    gate: Mutex<Gate>,
    /// What the configuration applied last says of trading.
    trading: ArcSwap<Trading>,
    /// What live sessions have at risk.
    exposures: Arc<Exposures>,
    /// Who is told of alerts.
    alerts: Arc<Alerts>,
    /// Those in this process, by id; oldest first.
    running: Mutex<BTreeMap<String, Arc<Running>>>,
    /// Makes their checkpoints.
    follower: Follower,
}

struct Gate {
    closed: bool,
}

impl Sessions {
    /// Takes over a store: of the sessions that the daemon left running, those on a market go on, others are
    /// sealed as failed. Recordings that no session makes any more are completed.
    ///
    /// # Errors
    /// What the store reports.
    pub fn open(
        store: Arc<Store>,
        hub: Arc<Hub>,
        strategies: Arc<Strategies>,
        references: Arc<References>,
        market: Arc<Market>,
        config: &Config,
        now: Timestamp,
    ) -> Result<Arc<Self>, Refusal> {
        hub.log.reached(store.newest_position()?);
        let gate = Mutex::new(Gate { closed: false });
        let trading = ArcSwap::from_pointee(config.trading.clone());
        let all = Arc::new(Sessions {
            store,
            hub,
            strategies,
            references,
            market,
            gate,
            trading,
            exposures: Arc::default(),
            alerts: Arc::default(),
            running: Mutex::default(),
            follower: Follower::default(),
        });
        all.alerts.apply(&config.alerts.exec, config.alerts.timeout_s);
        all.market.keep_free(config.recording.min_free_mib);
        let left =
            |row: &SessionRow| SessionState::from_name(&row.state).is_none_or(|state| !state.is_final());
        let mut left = all.store.sessions_page(None, usize::MAX, Some(&left))?.items;
        left.reverse();
        // Those of sessions are completed with their sessions.
        let of_session = |id: &String| left.iter().any(|row| row.input_recording_id.as_ref() == Some(id));
        for recording in all.store.open_recordings()? {
            if !of_session(&recording.id) {
                all.store.complete_recording(&recording.id)?;
            }
        }
        for row in left {
            all.take_up(row, now)?;
        }
        all.follower.start(Arc::downgrade(&all));
        Ok(all)
    }

    /// Gives a session its thread.
    fn launch(
        self: &Arc<Self>,
        session: &Arc<Running>,
        plan: Plan,
        recording: Option<OpenRecording>,
        resumed: bool,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let (all, thread_session) = (Arc::clone(self), Arc::clone(session));
        // Linux shows 15 bytes of a thread's name.
        let name = format!("session-{}", session.id.rsplit('_').next().unwrap_or_default());
        let spawned = std::thread::Builder::new().name(name).spawn(move || {
            let (mut recording, mut resumed) = (recording, resumed);
            loop {
                let context = recording.take().map(|recording| MarketContext {
                    store: &all.store,
                    market: &all.market,
                    recording,
                    resumed,
                    exposures: &all.exposures,
                });
                if let Exit::Stalled(error) = thread_session.run(&plan, &all.store, context) {
                    (recording, resumed) = (all.wait_for_store(&thread_session, &error), true);
                }
                if recording.is_none() {
                    return all.ended(&thread_session);
                }
            }
        });
        if let Err(error) = spawned {
            let why = format!("no thread could be started for it: {error}");
            fail_session(&self.store, session.row().0, &why, now)?;
            self.running().remove(&session.id);
            session.close();
            return Err(Refusal::new(RefusalKind::Unavailable, "too_many_threads", why));
        }
        Ok(())
    }

    /// Called by the session's thread as its last deed.
    fn ended(&self, session: &Running) {
        self.strategies.refresh();
        if session.is_over() && session.row().1 != SessionState::Failed {
            self.exposures.ended(&session.id);
        }
        // One whose end could not be stored is shown as it ended until the daemon ends.
        if session.row().0.ended_us.is_some() && session.row().0.state != SessionState::Running.as_str() {
            self.running().remove(&session.id);
        }
        session.close();
    }

    /// Asks a session to end and waits up to `timeout` until it has.
    ///
    /// # Errors
    /// 404 `session_not_found`, 409 `session_already_stopped`.
    pub fn stop(&self, id: &str, timeout: Span) -> Result<Stopped, Refusal> {
        let found = self.running().get(id).filter(|session| !session.is_ended()).cloned();
        // One whose end is on disk already leaves its thread in a moment: it has ended, and no stop ended it.
        let has_ended = |session: &Running| session.row().1.is_final() && session.wait(LEAVES_WITHIN);
        if let Some(session) = found.filter(|session| !has_ended(session)) {
            self.stop_durably(&session)?;
            // One that the daemon suspends meanwhile ends with the next start.
            let still_stopping = !session.wait(timeout) || !session.is_over();
            return Ok(Stopped { session_id: id.to_owned(), was_orphaned: false, still_stopping });
        }
        let _one_at_a_time = self.gate();
        let row = self.store.session(id).map_err(not_found)?;
        if let Some(session) = self.running().get(id).filter(|session| !session.is_over()).cloned() {
            // The daemon ends and has suspended it.
            self.stop_durably(&session)?;
            return Ok(Stopped { session_id: id.to_owned(), was_orphaned: false, still_stopping: true });
        }
        if SessionState::from_name(&row.state).is_some_and(|state| !state.is_final()) {
            // Its failure could not be stored: it would go on with the next start.
            let control = SessionControlV1 { at_ns: clock::now().nanos(), kind: ControlKindV1::Stop };
            self.store.put_session_controls(id, &[control])?;
            return Ok(Stopped { session_id: id.to_owned(), was_orphaned: false, still_stopping: true });
        }
        if row.was_orphaned && !row.orphan_closed {
            self.store.put_session(&SessionRow { orphan_closed: true, ..row }, &EventSegment::default())?;
            return Ok(Stopped { session_id: id.to_owned(), was_orphaned: true, still_stopping: false });
        }
        let message = format!("session {id} has ended already ({})", row.state);
        Err(Refusal::conflict("session_already_stopped", message)
            .with(json!({"session_id": id, "status": row.state})))
    }

    fn stop_durably(&self, session: &Running) -> Result<(), Refusal> {
        session.stop_durably(&self.store).map_err(|error| {
            let message = format!(
                "session {} is being stopped, but that could not be written down ({error}): if the daemon ends before \
                 the store takes writes again, the session goes on with its next start; stop it again then",
                session.id
            );
            Refusal::new(RefusalKind::Unavailable, "store_unavailable", message)
        })
    }

    /// Waits up to `timeout` for a session to end by itself; whether it has. One that the daemon suspended
    /// has not.
    pub fn wait(&self, id: &str, timeout: Span) -> bool {
        let found = self.running().get(id).cloned();
        found.is_none_or(|session| session.wait(timeout) && session.is_over())
    }

    /// A part of the list.
    ///
    /// # Errors
    /// What the store reports.
    pub fn list(&self, filter: &SessionFilter, page: &PageRequest) -> Result<Page<SessionView>, Refusal> {
        let running = self.running().clone();
        let state = |row: &SessionRow| match running.get(&row.id) {
            Some(session) => session.row().1.as_str().to_owned(),
            None => row.state.clone(),
        };
        let wanted = |row: &SessionRow| {
            filter.status.as_ref().is_none_or(|status| *status == state(row))
                && filter.session_type.as_ref().is_none_or(|kind| *kind == row.kind)
        };
        let wanted: crate::store::Wanted<'_, SessionRow> =
            if *filter == SessionFilter::default() { None } else { Some(&wanted) };
        let part = self.store.sessions_page(page.cursor.as_deref(), page.limit, wanted)?;
        let shown = |row: SessionRow| match running.get(&row.id) {
            Some(session) => run::view::running(session),
            None => run::view::stored(&row),
        };
        Ok(Page {
            items: part.items.into_iter().map(shown).collect(),
            total_count: part.total_count,
            next: part.next,
        })
    }

    /// One session.
    ///
    /// # Errors
    /// `session_not_found`.
    pub fn get(&self, id: &str) -> Result<SessionView, Refusal> {
        let found = self.running().get(id).cloned();
        match found {
            Some(session) => Ok(run::view::running(&session)),
            None => self.store.session(id).map(|row| run::view::stored(&row)).map_err(not_found),
        }
    }

    /// Events behind `after` (0 for all), at most `limit`.
    ///
    /// # Errors
    /// `session_not_found`; `cursor_expired` when some of them have been removed, or none has reached
    /// `after`.
    pub fn events(&self, id: &str, after: u64, limit: usize) -> Result<Events, Refusal> {
        let found = self.running().get(id).cloned();
        // What is still in memory first: what is written meanwhile is then in both, and what is not is in the
        // first.
        let (from, unwritten) =
            found.as_ref().map_or((u64::MAX, Vec::new()), |session| session.stream.unwritten(after));
        let published = found.as_ref().map_or(0, |session| session.stream.published());
        let (ended, kept) = match &found {
            // Of one that runs the newest is never removed.
            Some(session) => (session.is_ended(), self.store.last_session_event(id)?),
            None => {
                let row = self.store.session(id).map_err(not_found)?;
                (SessionState::from_name(&row.state).is_some_and(SessionState::is_final), row.reached.events)
            }
        };
        let newest = kept.max(published);
        // More may have become durable since these were read.
        if after > newest && after > self.store.last_session_event(id)? {
            let first = self.store.session_events(id, 0, 1)?.first().map(|(seq, _)| *seq);
            return Err(ahead(after, first.unwrap_or(newest.saturating_add(1)).min(from), newest));
        }
        let mut events = Vec::new();
        if after.saturating_add(1) < from {
            events = self.store.session_events(id, after, limit.saturating_add(1))?;
            events.retain(|(seq, _)| *seq < from);
        }
        events.extend(unwritten);
        let more = events.len() > limit;
        events.truncate(limit);
        let next_after = events.last().map_or(after, |(seq, _)| *seq);
        // Without one behind `after`: those that there were have been removed.
        let oldest = events.first().map_or(from.min(kept.max(after).saturating_add(1)), |(seq, _)| *seq);
        if after.saturating_add(1) < oldest {
            return Err(expired(after, oldest, kept.max(next_after)));
        }
        let events = events.into_iter().filter_map(|(_, line)| serde_json::from_str(&line).ok()).collect();
        Ok(Events { events, next_after, more, ended })
    }

    /// Events of backtests that run, published and not on disk yet: session, number and event each.
    /// `session`: only of this one.
    pub fn unwritten(&self, session: Option<&str>) -> Vec<(String, u64, Value)> {
        let running = self.running().clone();
        let wanted = running.values().filter(|one| session.is_none_or(|id| one.id == id));
        let unwritten = wanted.flat_map(|one| {
            let (_, events) = one.stream.unwritten(0);
            events.into_iter().map(|(seq, line)| (one.id.clone(), seq, line))
        });
        unwritten.filter_map(|(id, seq, line)| Some((id, seq, serde_json::from_str(&line).ok()?))).collect()
    }

    /// Runs a paper session's recorded input again and compares.
    ///
    /// # Errors
    /// As [`replay`].
    pub fn replay(&self, id: &str, is_wanted: &dyn Fn() -> bool) -> Result<Replayed, Refusal> {
        replay(&self.store, id, is_wanted)
    }

    /// The sessions that run now, oldest first. Never touches the store.
    pub fn execution_status(&self) -> Vec<SessionView> {
        let running = self.running().clone();
        running
            .values()
            .filter(|session| !session.is_ended())
            .map(|session| run::view::running(session))
            .collect()
    }

    fn shared(&self) -> run::stream::Shared {
        (Arc::clone(&self.store), Arc::clone(&self.hub), Arc::clone(&self.alerts))
    }

    /// The alerts of sessions on a market.
    pub fn alerts(&self) -> &Arc<Alerts> {
        &self.alerts
    }

    /// Takes no more starts, asks every session to end, or to stay as it is on disk and go on later, and
    /// waits up to `drain`. Returns the ids still ending then.
    pub fn shutdown(&self, drain: Span) -> Vec<String> {
        self.gate().closed = true;
        self.follower.tell_to_end();
        let running = self.running().clone();
        running.values().for_each(|session| session.suspend());
        let watch = clock::Stopwatch::start();
        let left = || Span::from_nanos(drain.nanos().saturating_sub(watch.elapsed().nanos()));
        let left = running
            .values()
            .filter(|session| !session.leaves_within(left()))
            .map(|session| session.id.clone())
            .collect();
        self.follower.wait();
        left
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        // Every change is complete before anything can panic.
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The refusal of a number behind which events of a session have been removed.
fn expired(after: u64, oldest: u64, newest: u64) -> Refusal {
    let message = format!(
        "events {} to {} of the session have been removed: go on from after={}",
        after + 1,
        oldest - 1,
        oldest - 1
    );
    Refusal::cursor_expired(message, oldest, newest)
}

/// The refusal of a cursor that no event has reached: it is of another store, or of this one before it was
/// restored.
fn ahead(after: u64, oldest: u64, newest: u64) -> Refusal {
    let message = format!(
        "the session has no event {after}, its newest is {newest}: go on from after={newest} or from the start"
    );
    Refusal::cursor_expired(message, oldest, newest)
}

fn not_found(error: StoreError) -> Refusal {
    match error {
        StoreError::NotFound { id, .. } => {
            Refusal::not_found("session_not_found", format!("there is no session `{id}`"))
        }
        other => other.into(),
    }
}
