//! Everything the daemon holds, opened in order and closed in order.

use super::analytics::Analytics;
use super::event_log::EventLog;
use super::hub::Hub;
use super::log_tail::LogTail;
use super::market::Market;
use super::preview_turns::Previews;
use super::recordings::Recordings;
use super::references::References;
use super::results::Results;
use super::sessions::Sessions;
use super::settings::Settings;
use super::store_watch::{DiskFailed, Scan};
use super::strategies::{Seeded, Strategies, seed_builtin};
use super::{Refusal, Users, upload_folder};
use crate::auth::Keys;
use crate::domain::time::{Span, Timestamp};
use crate::exchange::mexc::Mexc;
use crate::store::Store;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The daemon without its sockets: what HTTP handlers call.
pub struct Service {
    /// When the service was opened.
    pub started: Timestamp,
    /// The active configuration.
    pub settings: Settings,
    /// Users, logins and their rights.
    pub users: Users,
    /// Strategy documents.
    pub strategies: Arc<Strategies>,
    /// Result of storing the built-in strategies at start-up.
    pub seeded: Seeded,
    /// Recorded market data.
    pub recordings: Recordings,
    /// Stored results.
    pub results: Results,
    /// Sessions, running and ended.
    pub sessions: Arc<Sessions>,
    /// Exchange access: contracts, tickers, market feeds.
    pub market: Arc<Market>,
    /// What was decided or happened, by position.
    pub events: Arc<EventLog>,
    /// The copy in QuestDB.
    pub analytics: Arc<Analytics>,
    /// Publishes events to WebSocket clients.
    pub hub: Arc<Hub>,
    /// The last lines of the log.
    pub log: Arc<LogTail>,
    /// Strategy previews under way.
    pub previews: Arc<Previews>,
    pub(super) store: Arc<Store>,
    pub(super) state: PathBuf,
    pub(super) scan: Scan,
    pub(super) disk_failed: DiskFailed,
}

/// What a service is opened with.
pub struct Parts {
    /// The store.
    pub store: Store,
    /// The state directory, for temporary upload files.
    pub state: PathBuf,
    /// Signing keys of tokens.
    pub keys: Keys,
    /// The active configuration.
    pub settings: Settings,
    /// The exchange client; `None` when the exchange is disabled.
    pub exchange: Option<Arc<Mexc>>,
    /// Where the log of this process goes as well.
    pub log: Arc<LogTail>,
}

impl Service {
    /// Opens everything: stores the built-in strategies and recovers sessions that a crash left running.
    ///
    /// # Errors
    /// What the store reports.
    pub fn open(parts: Parts, now: Timestamp) -> Result<Arc<Service>, Refusal> {
        upload_folder::remove_leftovers(&parts.state);
        let store = Arc::new(parts.store);
        let references = Arc::new(References::default());
        let users = Users::open(Arc::clone(&store), parts.keys)?;
        let seeded = seed_builtin(&store, now)?;
        let strategies = Arc::new(Strategies::new(Arc::clone(&store), Arc::clone(&references)));
        let hub = Arc::new(Hub::new(now));
        let market = Arc::new(Market::open(parts.exchange, Arc::clone(&store), parts.state.clone())?);
        let config = parts.settings.current();
        let sessions = Sessions::open(
            Arc::clone(&store),
            Arc::clone(&hub),
            Arc::clone(&strategies),
            Arc::clone(&references),
            Arc::clone(&market),
            &config,
            now,
        )?;
        let events = Arc::new(EventLog::new(Arc::clone(&store), Arc::clone(&hub)));
        let log = Arc::clone(&events);
        parts.settings.log_to(move |event, fields| log.add(event, fields));
        let listener = Arc::clone(&sessions);
        parts.settings.on_change(move |config| listener.apply_config(config));
        let analytics = Arc::new(Analytics::new(Arc::clone(&store), &parts.state));
        let copy = Arc::clone(&analytics);
        parts.settings.on_change(move |_| copy.wake());
        Ok(Arc::new(Service {
            started: now,
            settings: parts.settings,
            users,
            strategies,
            seeded,
            recordings: Recordings::new(Arc::clone(&store), references),
            results: Results::new(Arc::clone(&store)),
            sessions,
            market,
            events,
            analytics,
            hub,
            log: parts.log,
            previews: Arc::default(),
            store,
            state: parts.state,
            scan: Scan::default(),
            disk_failed: DiskFailed::default(),
        }))
    }

    /// The state directory.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Ends or suspends running sessions, waiting up to `drain`; everything acknowledged is on disk. Returns
    /// the ids of sessions still ending then.
    pub fn close(&self, drain: Span) -> Vec<String> {
        self.analytics.stop();
        self.sessions.shutdown(drain)
    }
}
