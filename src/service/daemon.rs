//! Everything the daemon holds, opened in order and closed in order.

use super::hub::Hub;
use super::market::Market;
use super::readiness::{DiskFailed, Scan};
use super::recordings::Recordings;
use super::references::References;
use super::results::Results;
use super::sessions::Sessions;
use super::settings::Settings;
use super::strategies::{Seeded, Strategies, seed_builtin};
use super::{Refusal, Users, upload};
use crate::auth::Keys;
use crate::domain::time::{Span, Timestamp};
use crate::exchange::mexc::Mexc;
use crate::store::Store;
use std::path::PathBuf;
use std::sync::Arc;

/// The daemon without its sockets.
pub struct Service {
    /// When it was opened.
    pub started: Timestamp,
    /// The configuration in force.
    pub settings: Settings,
    /// Who may do what.
    pub users: Users,
    /// Strategy documents.
    pub strategies: Arc<Strategies>,
    /// What became of the built-in strategies.
    pub seeded: Seeded,
    /// Recorded market data.
    pub recordings: Recordings,
    /// What sessions were worth.
    pub results: Results,
    /// Sessions, those that run and those that ended.
    pub sessions: Arc<Sessions>,
    /// The exchange.
    pub market: Arc<Market>,
    /// Where what happens is published.
    pub hub: Arc<Hub>,
    pub(super) store: Arc<Store>,
    pub(super) state: PathBuf,
    pub(super) scan: Scan,
    pub(super) disk_failed: DiskFailed,
}

/// What a service is opened with.
pub struct Parts {
    /// The store.
    pub store: Store,
    /// The state directory, for uploads under way.
    pub state: PathBuf,
    /// Keys of tokens.
    pub keys: Keys,
    /// The configuration in force.
    pub settings: Settings,
    /// The exchange; `None` when it is switched off.
    pub exchange: Option<Arc<Mexc>>,
}

impl Service {
    /// Opens everything: built-in strategies are put in, sessions that a crash left behind are sealed.
    ///
    /// # Errors
    /// What the store reports.
    pub fn open(parts: Parts, now: Timestamp) -> Result<Arc<Service>, Refusal> {
        upload::remove_leftovers(&parts.state);
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
        parts.settings.publish_to(Arc::clone(&hub));
        let told = Arc::clone(&sessions);
        parts.settings.on_change(move |config| told.apply_config(config));
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
            hub,
            store,
            state: parts.state,
            scan: Scan::default(),
            disk_failed: DiskFailed::default(),
        }))
    }

    /// Ends what runs; what was acknowledged is on disk.
    pub fn close(&self, drain: Span) -> Vec<String> {
        self.sessions.shutdown(drain)
    }
}
