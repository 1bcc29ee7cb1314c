//! One session of this process as its thread and everybody else share it: state, progress, events, what is
//! asked of it.

use super::commands::Commands;
use super::event_sink::Class;
use super::progress::SessionProgress;
use super::state::SessionState;
use super::stream::EventStream;
use crate::clock;
use crate::config::Trading;
use crate::domain::symbol::SymbolTable;
use crate::domain::time::{Span, Timestamp};
use crate::engine::ENGINE_VERSION;
use crate::service::backtest::StopSignal;
use crate::service::references::Lease;
use crate::service::sessions::market::catch_up::{CatchUp, CatchingUp};
use crate::service::sessions::start::allowance;
use crate::service::sessions::start::claims::{Recorded, Traded};
use crate::service::sessions::start::plan::{Plan, Rows};
use crate::service::sessions::start::request::SessionKind;
use crate::session::allowance::Allowance;
use crate::session::live::VenuePosition;
use crate::session::switches::switched;
use crate::store::records::{ControlKindV1, SessionControlV1, SessionReachedV2, SessionRow};
use crate::store::{Store, StoreError};
use arc_swap::{ArcSwap, ArcSwapOption};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Between two attempts to store an end while the disk refuses.
const STORE_RETRY: Duration = Duration::from_millis(250);

/// A session that runs.
pub(in crate::service::sessions) struct Running {
    pub id: String,
    pub fingerprint: String,
    pub control: StopSignal,
    pub progress: SessionProgress,
    pub stream: EventStream,
    pub table: Arc<ArcSwap<SymbolTable>>,
    /// What the configuration allows it; it only becomes less.
    pub allowed: Arc<ArcSwap<Allowance>>,
    /// What it records for its own sake.
    pub records: Recorded,
    /// What it trades with real money.
    pub trades: Traded,
    /// Its positions at the exchange; nothing for a session without real money, and while its account is not
    /// known.
    pub venue_positions: Arc<ArcSwapOption<Vec<VenuePosition>>>,
    /// What people want done to it.
    pub commands: Commands,
    kind: SessionKind,
    /// The table that the request and the configuration of its time gave.
    pub first_table: SymbolTable,
    status: Mutex<Status>,
    changed: Condvar,
    hold: Mutex<Option<Lease>>,
    /// The daemon ends: a session on a market goes on when it is back.
    suspending: AtomicBool,
    /// Whether the request to stop is on disk. Locked while it is written.
    stop_is_written: Mutex<bool>,
    /// How far it is with its journal after a restart; until it has caught up it sees the symbol table of
    /// that time.
    pub catch_up: CatchUp,
}

struct Status {
    row: SessionRow,
    state: SessionState,
    /// Its thread has left it.
    ended: bool,
    /// Why it stands still until the disk takes writes again.
    stalled: Option<String>,
}

impl Running {
    pub(in crate::service::sessions) fn new(
        row: SessionRow,
        plan: &Plan,
        (table, allowed): (SymbolTable, Allowance),
        stream: EventStream,
        hold: Lease,
    ) -> Self {
        Running {
            allowed: Arc::new(ArcSwap::from_pointee(allowed)),
            id: row.id.clone(),
            fingerprint: plan.fingerprint.clone(),
            control: StopSignal::default(),
            progress: SessionProgress::new(span(&row, plan), table.len()),
            stream,
            first_table: table.clone(),
            records: Recorded::of(plan),
            trades: Traded::of(plan),
            venue_positions: Arc::default(),
            commands: Commands::default(),
            kind: plan.kind,
            table: Arc::new(ArcSwap::from_pointee(table)),
            status: Mutex::new(Status { row, state: SessionState::Starting, ended: false, stalled: None }),
            changed: Condvar::new(),
            hold: Mutex::new(Some(hold)),
            suspending: AtomicBool::new(false),
            stop_is_written: Mutex::new(false),
            catch_up: CatchUp::default(),
        }
    }

    /// A configuration is in force. What it no longer allows the session does not do any more; what it allows
    /// in addition is for the next one.
    pub(in crate::service::sessions) fn tighten(&self, trading: &Trading) {
        let table = self.table.load();
        let offered = allowance::of(trading, table.iter().map(|(_, spec)| spec.name.as_str()));
        self.allowed.rcu(|allowed| allowed.tightened(&offered));
        // The loop of one on a market does so itself, and journals where.
        if !self.trades_a_market() {
            self.table.rcu(|table| switched(table, &self.allowed.load().disabled));
        }
    }

    /// Marks the session as catching up after a restart.
    pub(in crate::service::sessions) fn mark_catching_up(self) -> Self {
        self.catch_up.begin();
        self
    }

    /// How far it has come with its journal; `None` when it decides, records or has ended.
    pub(in crate::service::sessions) fn catching_up(&self) -> Option<CatchingUp> {
        if self.status().state.is_final() { None } else { self.catch_up.progress() }
    }

    /// What it did so far is what this program's engine decides too: from now on it is the one that decides.
    pub(in crate::service::sessions) fn decided_by_this_engine(&self) {
        self.status().row.engine_version = ENGINE_VERSION;
    }

    /// The daemon ends: a session on a market stays as it is on disk, others are asked to end.
    pub(in crate::service::sessions) fn suspend(&self) {
        self.suspending.store(true, Ordering::Release);
        if !self.survives_a_restart() {
            self.stop();
        }
        self.changed.notify_all();
    }

    /// Whether it trades on a market, on paper or with real money.
    pub(in crate::service::sessions) fn trades_a_market(&self) -> bool {
        matches!(self.kind, SessionKind::Paper | SessionKind::Live)
    }

    /// Whether it trades with real money.
    pub(in crate::service::sessions) fn is_live(&self) -> bool {
        self.kind == SessionKind::Live
    }

    /// Whether it goes on after a restart of the daemon: its journal is on disk.
    pub(super) fn survives_a_restart(&self) -> bool {
        self.status().row.input_recording_id.is_some()
    }

    /// Whether the daemon ends.
    pub(in crate::service::sessions) fn is_suspending(&self) -> bool {
        self.suspending.load(Ordering::Acquire)
    }

    /// When it began to run.
    pub(in crate::service::sessions) fn started(&self) -> Timestamp {
        self.status().row.started_us.and_then(Timestamp::from_micros).unwrap_or_else(clock::now)
    }

    /// The row as it is to be on disk when the engine has come this far.
    pub(in crate::service::sessions) fn row_reached(
        &self,
        counted: SessionReachedV2,
        reached: Timestamp,
    ) -> SessionRow {
        let row = self.status().row.clone();
        SessionRow { reached: counted, reached_ns: Some(reached.nanos()), ..row }
    }

    /// What was counted is on disk: from now on it is shown.
    pub(in crate::service::sessions) fn is_on_disk(&self, counted: SessionReachedV2) {
        self.status().row.reached = counted;
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        // Every change is complete before anything can panic.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The row with the figures of now, and the state.
    pub(in crate::service::sessions) fn row(&self) -> (SessionRow, SessionState) {
        let status = self.status();
        let mut row = status.row.clone();
        // Of a session on a market only what is on disk is shown: after a kill nothing that was shown is
        // gone.
        if !status.ended && row.input_recording_id.is_none() {
            row.reached = self.reached();
        }
        (row, status.state)
    }

    /// Whether its thread has left it: it has ended, or goes on after a restart.
    pub(in crate::service::sessions) fn is_ended(&self) -> bool {
        self.status().ended
    }

    /// Waits up to `timeout` until its thread has left it because the daemon ends, and logs what becomes of a
    /// session that has not ended; whether the thread has left.
    pub(in crate::service::sessions) fn leaves_within(&self, timeout: Span) -> bool {
        let (left, session) = (self.wait(timeout), &self.id);
        match (left, self.survives_a_restart()) {
            (true, _) if self.is_over() => {}
            (true, true) => tracing::info!(session, "session suspended; the next start continues it"),
            (false, true) => {
                tracing::warn!(
                    session,
                    "session could not be suspended in time; the next start continues it from its last commit"
                );
            }
            (_, false) => {
                tracing::warn!(session, "session has no stored end; the next start closes it as failed")
            }
        }
        left
    }

    /// Whether its end is on disk, or never will be.
    pub(in crate::service::sessions) fn is_over(&self) -> bool {
        let status = self.status();
        status.ended && status.state.is_final()
    }

    /// Why it stands still until the disk takes writes again.
    pub(super) fn stalled(&self) -> Option<String> {
        self.status().stalled.clone()
    }

    /// The disk refuses its journal, so it stands still.
    pub(super) fn stall(&self, error: &StoreError) {
        let why = format!("it is stalled until the store can be written again: {error}");
        let mut status = self.status();
        let is_new = status.stalled.replace(why.clone()).is_none();
        let state = status.state;
        drop(status);
        if is_new {
            let fields = json!({"status": state, "timestamp": now(), "stalled": why});
            self.stream.publish(Class::Life, "session_status", None, fields);
        }
    }

    /// The disk takes writes again: the session goes on from what is stored, as after a restart. `last`:
    /// number of its last stored event.
    pub(in crate::service::sessions) fn restart(&self, row: SessionRow, last: u64) {
        self.catch_up.begin();
        self.commands.again();
        self.forget_all();
        self.stream.restart(last);
        let mut status = self.status();
        (status.row, status.stalled) = (row, None);
    }

    /// Back to before the first event.
    pub(in crate::service::sessions) fn forget_all(&self) {
        self.progress.reset();
        self.table.store(Arc::new(self.first_table.clone()));
    }

    /// What is stored says that the session has ended.
    pub(in crate::service::sessions) fn adopt_end(&self, row: SessionRow) {
        let state = SessionState::from_name(&row.state).unwrap_or(SessionState::Failed);
        let event = match state {
            SessionState::Completed => "session_completed",
            SessionState::Stopped => "session_stopped",
            _ => "session_failed",
        };
        let fields = json!({
            "status": state, "timestamp": now(), "result_id": row.result_id, "error_message": row.error,
        });
        self.adopt(row, state);
        self.stream.publish(Class::Life, event, None, fields);
    }

    /// What it is from now on.
    pub(super) fn adopt(&self, row: SessionRow, state: SessionState) {
        let mut status = self.status();
        (status.row, status.state, status.stalled) = (row, state, None);
    }

    /// Makes a request to stop durable, once, and then asks the session to end: a restart ends it too.
    ///
    /// # Errors
    /// What the disk reports. The session ends all the same, unless the daemon ends before the disk takes
    /// writes again.
    pub(in crate::service::sessions) fn stop_durably(&self, store: &Store) -> Result<(), StoreError> {
        let mut is_written = self.stop_is_written.lock().unwrap_or_else(PoisonError::into_inner);
        let written = if *is_written || !self.survives_a_restart() {
            Ok(())
        } else {
            let control = SessionControlV1 { at_ns: clock::now().nanos(), kind: ControlKindV1::Stop };
            store.put_session_controls(&self.id, &[control])
        };
        *is_written |= written.is_ok();
        self.stop();
        written
    }

    /// A request to stop that is on disk from before a restart.
    pub(in crate::service::sessions) fn stop_again(&self) {
        *self.stop_is_written.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop();
    }

    /// Asks it to end.
    pub(super) fn stop(&self) {
        self.control.stop();
        let mut status = self.status();
        if matches!(status.state, SessionState::Starting | SessionState::Running) {
            status.state = SessionState::Stopping;
            drop(status);
            self.stream.add(
                Class::Life,
                "session_status",
                None,
                json!({"status": SessionState::Stopping, "timestamp": now()}),
            );
        }
    }

    /// Waits until it has ended; whether it has.
    pub(in crate::service::sessions) fn wait(&self, span: Span) -> bool {
        let span = Duration::from_nanos(span.nanos().max(0).unsigned_abs());
        let waited = self.changed.wait_timeout_while(self.status(), span, |status| !status.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    /// Its thread begins to run it.
    pub(super) fn begin_run(&self) {
        let started = clock::now();
        {
            let mut status = self.status();
            status.row.started_us.get_or_insert(started.micros());
            if status.state == SessionState::Starting {
                status.state = SessionState::Running;
            }
        }
        if self.status().state == SessionState::Running {
            let fields = json!({"status": SessionState::Running, "timestamp": now()});
            self.stream.add(Class::Life, "session_status", None, fields);
        }
    }

    /// Waits a little while the disk refuses; whether the daemon ends.
    pub(super) fn pause_while_refused(&self, error: &StoreError) -> bool {
        self.stall(error);
        let waited = self.changed.wait_timeout(self.status(), STORE_RETRY);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        self.is_suspending()
    }

    /// The disk takes writes again.
    pub(super) fn goes_on(&self) {
        self.status().stalled = None;
    }

    /// Lets everybody who waits go on. What the session stood on is free.
    pub(in crate::service::sessions) fn close(&self) {
        drop(self.hold.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.status().ended = true;
        self.changed.notify_all();
        self.commands.end();
        self.stream.end();
    }

    pub(super) fn counts(&self) -> (u64, u64) {
        let counts = self.stream.counts();
        (counts.kept, counts.not_kept)
    }

    /// How far it has come.
    pub(in crate::service::sessions) fn reached(&self) -> SessionReachedV2 {
        let live = &self.progress;
        let (events, events_not_kept) = self.counts();
        SessionReachedV2 {
            progress_ppm: live.progress_ppm(),
            simulated_us: live.at().map(Timestamp::micros),
            ticks: live.ticks(),
            signals: live.signals.load(Ordering::Relaxed),
            orders: live.orders.load(Ordering::Relaxed),
            fills: live.fills.load(Ordering::Relaxed),
            trades: live.trades.load(Ordering::Relaxed),
            events,
            events_not_kept,
        }
    }
}

/// First and last moment of a session: of its data, or of the time for which it is to record.
fn span(row: &SessionRow, plan: &Plan) -> Option<(Timestamp, Timestamp)> {
    match &plan.rows {
        Rows::Market { duration: Some(duration), .. } if plan.kind == SessionKind::Collect => {
            let begun = Timestamp::from_micros(row.created_us)?;
            Some((begun, begun + *duration))
        }
        _ => plan.span,
    }
}

/// The time of now as the API shows it.
fn now() -> String {
    clock::now().rfc3339_millis()
}
