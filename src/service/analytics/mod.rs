//! The copy in QuestDB: what the store keeps, sent from time to time, so that both are equal.
//!
//! Invariant: copying only reads what sessions write, on a thread of its own; nothing ever waits for QuestDB,
//! and what is acknowledged there was durable here before.

mod connection;
mod events;
mod fetch;
mod flow;
mod market;
mod records;
mod secrets;
mod sources;
mod status;
mod verify;

pub use fetch::{FetchError, FetchSource, Fetched, fetch};
pub use secrets::find as secret;
pub use status::{Counts, TableStatus, View};
pub use verify::{Comparison, Verified};

use super::Refusal;
use super::event_log::EventLog;
use super::refusal::RefusalKind;
use crate::analytics::WriteError;
use crate::clock::{self, Stopwatch};
use crate::config::QuestDb;
use crate::domain::time::{Span, Timestamp};
use crate::store::{Store, StoreError};
use connection::Connection;
use flow::{Flow, Watched};
use serde_json::{Value, json};
use status::Status;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// First wait after a failure; doubled with each further one.
const RETRY_MIN: Duration = Duration::from_millis(100);
/// Longest wait after a failure, unless it needs the user.
const RETRY_MAX: Duration = Duration::from_secs(30);

/// Wait while it is switched off; a change of the configuration ends it.
const OFF: Duration = Duration::from_secs(3_600);

/// The copy in QuestDB.
pub struct Analytics {
    store: Arc<Store>,
    state: PathBuf,
    /// Held while rows are sent or compared.
    connection: Mutex<Option<Connection>>,
    status: Mutex<Status>,
    is_round_wanted: Mutex<bool>,
    wake: Condvar,
    stopping: AtomicBool,
    /// Commands of a user that wait for the connection: a round under way makes way for them.
    commands: AtomicUsize,
    /// Held by the one comparison that may run.
    comparing: Mutex<()>,
}

/// Why a round ended early.
#[derive(Debug)]
pub enum SyncError {
    /// The store.
    Store(StoreError),
    /// QuestDB.
    Write(WriteError),
    /// The configuration or the server needs the user.
    Refused(String),
    /// The daemon stops.
    Stopped,
    /// A command of a user wants the connection; the next round goes on.
    Interrupted,
}

impl std::fmt::Display for SyncError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SyncError::Store(error) => write!(f, "{error}"),
            SyncError::Write(error) => write!(f, "{error}"),
            SyncError::Refused(why) => f.write_str(why),
            SyncError::Stopped => f.write_str("the daemon stops"),
            SyncError::Interrupted => f.write_str("a command of a user goes first"),
        }
    }
}

impl From<StoreError> for SyncError {
    fn from(error: StoreError) -> Self {
        SyncError::Store(error)
    }
}

impl From<WriteError> for SyncError {
    fn from(error: WriteError) -> Self {
        SyncError::Write(error)
    }
}

impl From<crate::analytics::QueryError> for SyncError {
    fn from(error: crate::analytics::QueryError) -> Self {
        SyncError::Write(error.into())
    }
}

impl From<SyncError> for Refusal {
    fn from(failed: SyncError) -> Self {
        match failed {
            SyncError::Store(error) => error.into(),
            other => Refusal::new(RefusalKind::Unavailable, "analytics_unavailable", other.to_string()),
        }
    }
}

impl Analytics {
    /// The copy of a store; `state` is searched for secrets. Nothing is sent before a round.
    pub fn new(store: Arc<Store>, state: &Path) -> Self {
        Analytics {
            store,
            state: state.to_owned(),
            connection: Mutex::default(),
            status: Mutex::default(),
            is_round_wanted: Mutex::default(),
            wake: Condvar::new(),
            stopping: AtomicBool::new(false),
            commands: AtomicUsize::new(0),
            comparing: Mutex::new(()),
        }
    }

    /// That the copy is switched on.
    ///
    /// # Errors
    /// 409 `analytics_off`.
    pub fn switched_on(config: &QuestDb) -> Result<(), Refusal> {
        if config.enabled {
            return Ok(());
        }
        let message = "nothing is copied to QuestDB: set analytics.questdb.enabled in the configuration";
        Err(Refusal::conflict("analytics_off", message))
    }

    /// Copies what is not there yet; gives the rows sent. Between requests it looks whether the daemon stops
    /// or a command of a user waits.
    ///
    /// # Errors
    /// Why not everything is there; what was acknowledged is remembered.
    pub fn round(&self, config: &QuestDb) -> Result<u64, SyncError> {
        if self.commands.load(Ordering::Relaxed) > 0 {
            return Err(SyncError::Interrupted);
        }
        let mut connection = lock(&self.connection);
        let begun = clock::now();
        lock(&self.status).begin();
        let copied = self.copy(&mut connection, config);
        if copied.is_err() {
            // The next round begins with a look at the server.
            connection.take();
        }
        // A store that cannot say what is missing has failed the round already.
        let missing = self.backlog(config).unwrap_or(0);
        let failed = copied.as_ref().err().filter(|failed| !matches!(failed, SyncError::Interrupted));
        lock(&self.status).end(begun, failed, missing);
        copied
    }

    /// A round of the daemon, with what it has to say in the log; returns how long to wait for the next one.
    pub fn scheduled_round(&self, config: &QuestDb, events: &EventLog, failures: &mut u32) -> Duration {
        let interval = Duration::from_secs(u64::from(config.interval_s));
        if !config.enabled {
            *failures = 0;
            lock(&self.connection).take();
            return OFF;
        }
        let wait = match self.round(config) {
            Ok(rows) => {
                if *failures > 0 {
                    tracing::info!(rows, "copying to QuestDB goes on");
                } else if rows > 0 {
                    tracing::debug!(rows, "copied to QuestDB");
                }
                *failures = 0;
                interval
            }
            Err(SyncError::Stopped) => return Duration::ZERO,
            Err(SyncError::Interrupted) => return RETRY_MIN,
            Err(failed) => {
                // A server that is away is normal; once is enough.
                if *failures == 0 {
                    tracing::warn!(%failed, url = config.url, "copying to QuestDB is waiting");
                }
                *failures = failures.saturating_add(1);
                retry_after(*failures, &failed, clock::entropy())
            }
        };
        if let Some(lag) = self.lag_to_tell(config, clock::now()) {
            tracing::error!(
                lag_s = lag.seconds_f64(),
                "the copy in QuestDB is behind by more than alert_lag_s"
            );
            events.add("alert", json!({"kind": "analytics_lag", "lag_seconds": lag.seconds_f64()}));
        }
        wait
    }

    fn copy(&self, kept: &mut Option<Connection>, config: &QuestDb) -> Result<u64, SyncError> {
        market::register(&self.store, config.market_data)?;
        let secret = secrets::find(&self.state)?;
        let connection = match kept.take().filter(|known| known.is_for(config, secret.as_ref())) {
            Some(mut known) => {
                known.check(&self.store)?;
                known
            }
            None => Connection::open(&self.store, config, secret.as_ref())?,
        };
        let connection = kept.insert(connection);
        lock(&self.status).connected(connection);
        let goes_on = || self.goes_on(self.commands.load(Ordering::Relaxed) > 0);
        let told = |rows, refused| lock(&self.status).sent(rows, refused);
        let watched = Watched { goes_on: &goes_on, sent: &told };
        let mut flow = Flow::new(&self.store, connection, config.rows_per_second, watched);
        records::strategies(&self.store, &mut flow)?;
        records::sessions(&self.store, &mut flow)?;
        records::results(&self.store, &mut flow)?;
        events::all(&self.store, &mut flow)?;
        market::gaps(&self.store, &mut flow)?;
        market::tickers(&self.store, &mut flow)?;
        if config.market_data {
            market::rows(&self.store, &mut flow, oldest_us(config))?;
        }
        flow.commit()?;
        Ok(flow.rows())
    }

    /// Compares the server with the store by table, source and day. What differs is sent again with the next
    /// round when `repair` is set.
    ///
    /// # Errors
    /// As [`Analytics::round`]; also while another comparison runs.
    pub fn verify(&self, config: &QuestDb, repair: bool) -> Result<Verified, SyncError> {
        let Ok(_comparing) = self.comparing.try_lock() else {
            return Err(SyncError::Refused(
                "the copy is being compared already: wait until that is done".to_owned(),
            ));
        };
        let mut kept = self.connection_first();
        let secret = secrets::find(&self.state)?;
        let connection = match kept.take() {
            Some(known) => known,
            None => Connection::open(&self.store, config, secret.as_ref())?,
        };
        let connection = kept.insert(connection);
        let compared = verify::all(&self.store, connection, config, &|| self.goes_on(false));
        let compared = match compared {
            Ok(compared) => compared,
            Err(failed) => {
                kept.take();
                return Err(failed);
            }
        };
        if repair {
            verify::repair(&self.store, &compared)?;
        }
        Ok(Verified::of(compared))
    }

    /// Sends a table (all of them without one) again from the start, with the next round.
    ///
    /// # Errors
    /// A table that there is not, and what the store reports.
    pub fn rebuild(&self, table: Option<&str>) -> Result<(), Refusal> {
        let _connection = self.connection_first();
        match table {
            None => self.store.reset_sync(None)?,
            Some(table) => {
                let sources = sources::sources_of(table);
                if sources.is_empty() {
                    let known = sources::TABLES.map(|(table, _)| table).join(", ");
                    return Err(Refusal::invalid(
                        "invalid_request",
                        format!("there is no table {table:?}; there are {known}"),
                        vec![("/table".to_owned(), "is not the name of a table".to_owned())],
                    ));
                }
                for source in sources {
                    self.store.reset_sync(Some(source))?;
                }
            }
        }
        self.wake();
        Ok(())
    }

    /// The connection for a command of a user, for which a round under way ends at its next request.
    fn connection_first(&self) -> MutexGuard<'_, Option<Connection>> {
        self.commands.fetch_add(1, Ordering::Relaxed);
        let connection = lock(&self.connection);
        self.commands.fetch_sub(1, Ordering::Relaxed);
        connection
    }

    /// Asked between requests.
    fn goes_on(&self, is_interrupted: bool) -> Result<(), SyncError> {
        match (self.is_stopping(), is_interrupted) {
            (true, _) => Err(SyncError::Stopped),
            (false, true) => Err(SyncError::Interrupted),
            (false, false) => Ok(()),
        }
    }

    /// What is shown of the copy.
    ///
    /// # Errors
    /// What the store reports.
    pub fn view(&self, config: &QuestDb) -> Result<View, Refusal> {
        let dead_letters = self.store.dead_letter_count()?;
        let state = self.store.sync_state()?;
        Ok(lock(&self.status).view(config, state, dead_letters, clock::now()))
    }

    /// What readiness tells of the copy. Nothing depends on it.
    pub fn readiness(&self, config: &QuestDb) -> Value {
        let view = lock(&self.status).view(config, None, 0, clock::now());
        let state = if config.enabled { view.state } else { "disabled" };
        json!({"status": state, "age_seconds": view.lag_seconds, "reason": view.reason})
    }

    /// Numbers of the copy; `None` while it is off.
    pub fn counts(&self, config: &QuestDb) -> Option<Counts> {
        config.enabled.then(|| lock(&self.status).counts(clock::now())).flatten()
    }

    /// Rows that QuestDB refused, oldest first.
    ///
    /// # Errors
    /// What the store reports.
    pub fn dead_letters(&self) -> Result<Vec<(u64, crate::store::records::DeadLetterV1)>, Refusal> {
        Ok(self.store.dead_letters()?)
    }

    /// Forgets the rows that QuestDB refused; returns how many there were.
    ///
    /// # Errors
    /// What the store reports.
    pub fn forget_dead_letters(&self) -> Result<u64, Refusal> {
        Ok(self.store.remove_dead_letters()?)
    }

    /// Begins a round now.
    pub fn wake(&self) {
        *lock(&self.is_round_wanted) = true;
        self.wake.notify_all();
    }

    /// Ends the wait and the round under way.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.wake();
    }

    /// Whether [`Analytics::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Waits until the next round is due: after `interval`, or earlier when somebody wants one.
    pub fn wait(&self, interval: Duration) {
        let mut wanted = lock(&self.is_round_wanted);
        let watch = Stopwatch::start();
        while !*wanted {
            let passed = Duration::from_nanos(watch.elapsed().nanos().unsigned_abs());
            let Some(rest) = interval.checked_sub(passed).filter(|rest| !rest.is_zero()) else { break };
            wanted = self.wake.wait_timeout(wanted, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        *wanted = false;
    }

    /// Whether the lag has newly passed the limit of the configuration; then there is one alert.
    pub fn lag_to_tell(&self, config: &QuestDb, now: Timestamp) -> Option<Span> {
        lock(&self.status).lag_to_tell(config, now)
    }

    fn backlog(&self, config: &QuestDb) -> Result<u64, SyncError> {
        let market = if config.market_data { market::backlog(&self.store)? } else { 0 };
        Ok(market + events::backlog(&self.store)?)
    }
}

/// The wait before a try after so many failures in a row, with jitter (`chance` of 2^24), so that many
/// daemons do not come back at once.
pub fn retry_after(failures: u32, failed: &SyncError, chance: u32) -> Duration {
    let doubled = RETRY_MIN.saturating_mul(1 << failures.min(16)).min(RETRY_MAX);
    let jittered = doubled.mul_f64(f64::from(chance & 0xff_ffff) / f64::from(1 << 24));
    let least = match failed {
        SyncError::Write(error) => error.wait(),
        SyncError::Refused(_) => Duration::from_secs(60),
        SyncError::Store(_) | SyncError::Stopped | SyncError::Interrupted => Duration::from_secs(1),
    };
    jittered.max(RETRY_MIN / 2).max(least)
}

/// Market data before this time is not sent: the server would drop it.
fn oldest_us(config: &QuestDb) -> i64 {
    let keep = config.keep_days.map(|days| Span::from_seconds(i64::from(days) * 86_400));
    keep.map_or(i64::MIN, |keep| (clock::now() - keep).micros())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is complete before anything can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
