//! State shared by all connections: the service, WebSocket clients, rate limits and counters.

use super::addresses::{Connections, Proxies};
use super::key_locks::KeyLocks;
use super::lanes::Lanes;
use super::origin::Origins;
use super::rate::Rates;
use super::reply::Ready;
use super::stream::Streams;
use crate::clock;
use crate::config::Config;
use crate::limits::{
    HTTP_LARGE_BODIES, HTTP_LARGE_BODIES_PER_USER, HTTP_LARGE_BODIES_WAITING_PER_USER, HTTP_PASSWORD_CHECKS,
    HTTP_PASSWORD_CHECKS_PER_ADDRESS, HTTP_PASSWORD_WAITING_PER_ADDRESS,
};
use crate::service::Service;
use arc_swap::{ArcSwap, ArcSwapOption};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// State shared by all connections.
pub struct AppContext {
    /// The service layer.
    pub service: Arc<Service>,
    /// Request rates by address.
    pub rates: Rates,
    /// Open connections per address.
    pub connections: Arc<Connections>,
    /// Threads for blocking work.
    pub lanes: Lanes,
    /// Fair queue for password checks, by address.
    pub passwords: Arc<KeyLocks<IpAddr>>,
    /// Fair queue for large bodies, by user.
    pub large_bodies: Arc<KeyLocks<Arc<str>>>,
    /// Cached response of the strategy list.
    pub strategies: ArcSwapOption<Ready>,
    /// WebSocket clients.
    pub streams: Streams,
    /// The API description.
    pub openapi: &'static str,
    /// Turns true when the daemon stops.
    pub stopping: watch::Receiver<bool>,
    /// Locks of idempotency keys whose first request is running.
    pub once: OnceKeys,
    /// Counters.
    pub counts: Counts,
    bound: SocketAddr,
    admission: ArcSwap<Admission>,
    /// Random per start, so that request ids of two runs differ.
    run: String,
    requests: AtomicU64,
}

/// One lock per user and idempotency key. Has at most one entry per running request.
pub type OnceKeys = Mutex<BTreeMap<(String, String), Arc<Mutex<()>>>>;

/// Values that follow from the configuration and are needed by every request.
pub struct Admission {
    /// The configuration.
    pub config: Arc<Config>,
    /// Allowed origins and host names.
    pub origins: Origins,
    /// Trusted proxies.
    pub proxies: Proxies,
}

impl Admission {
    fn new(config: Arc<Config>, bound: SocketAddr) -> Self {
        let (origins, proxies) =
            (Origins::new(bound, &config.http.origins), Proxies::new(&config.http.trusted_proxies));
        Admission { config, origins, proxies }
    }
}

/// Counters for `/metrics`.
#[derive(Default)]
pub struct Counts {
    /// Requests by the first digit of their status code.
    pub by_class: [AtomicU64; 6],
    /// Open connections.
    pub connections: AtomicU64,
    /// Connected WebSocket clients.
    pub clients: AtomicU64,
}

impl AppContext {
    /// The context of a service, bound to an address.
    pub fn new(
        service: Arc<Service>,
        bound: SocketAddr,
        stopping: watch::Receiver<bool>,
        streams: Streams,
        openapi: &'static str,
    ) -> Arc<AppContext> {
        let admission = Admission::new(service.settings.current(), bound);
        Arc::new(AppContext {
            streams,
            openapi,
            service,
            rates: Rates::default(),
            connections: Arc::default(),
            lanes: Lanes::default(),
            passwords: KeyLocks::new(
                HTTP_PASSWORD_CHECKS,
                HTTP_PASSWORD_CHECKS_PER_ADDRESS,
                HTTP_PASSWORD_WAITING_PER_ADDRESS,
            ),
            large_bodies: KeyLocks::new(
                HTTP_LARGE_BODIES,
                HTTP_LARGE_BODIES_PER_USER,
                HTTP_LARGE_BODIES_WAITING_PER_USER,
            ),
            strategies: ArcSwapOption::empty(),
            stopping,
            once: OnceKeys::default(),
            counts: Counts::default(),
            bound,
            admission: ArcSwap::from_pointee(admission),
            run: format!("{:06x}", clock::entropy()),
            requests: AtomicU64::new(0),
        })
    }

    /// A new request id.
    pub fn request_id(&self) -> String {
        format!("{}-{:x}", self.run, self.requests.fetch_add(1, Ordering::Relaxed))
    }

    /// The current configuration and what follows from it; rebuilt when the configuration has changed.
    pub fn admission(&self) -> arc_swap::Guard<Arc<Admission>> {
        let known = self.admission.load();
        let current = self.service.settings.current();
        if Arc::ptr_eq(&known.config, &current) {
            return known;
        }
        self.admission.store(Arc::new(Admission::new(current, self.bound)));
        self.admission.load()
    }

    /// Random text that differs from run to run.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The address it listens on.
    pub fn bound(&self) -> SocketAddr {
        self.bound
    }
}
