//! What all connections share: the service, the router, the rates, the numbers that are counted.

use super::addresses::{Connections, Proxies};
use super::handlers::stream::ServiceBackend;
use super::key_locks::KeyLocks;
use super::lanes::Lanes;
use super::origin::Origins;
use super::rate::Rates;
use super::reply::Ready;
use super::route::Route;
use super::routes::routes;
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

/// The shared part of the context.
pub struct AppContext {
    /// What the program does.
    pub service: Arc<Service>,
    /// Paths.
    pub router: matchit::Router<Vec<&'static Route>>,
    /// Request rates by address.
    pub rates: Rates,
    /// How many connections each address has.
    pub connections: Arc<Connections>,
    /// Threads for what blocks.
    pub lanes: Lanes,
    /// Whose password is checked next, by address.
    pub passwords: Arc<KeyLocks<IpAddr>>,
    /// Who may send a large body next, by user.
    pub large_bodies: Arc<KeyLocks<Arc<str>>>,
    /// The list of strategies as it is answered.
    pub strategies: ArcSwapOption<Ready>,
    /// WebSocket clients.
    pub streams: Streams,
    /// KeyLocks true when the daemon stops.
    pub stopping: watch::Receiver<bool>,
    /// Keys whose first request is under way.
    pub once: OnceKeys,
    /// Counters.
    pub counts: Counts,
    bound: SocketAddr,
    admission: ArcSwap<Admission>,
    /// Differs from run to run, so that ids in logs do.
    run: String,
    requests: AtomicU64,
}

/// Whose turn it is, by user and idempotency key. As many entries as requests that run at once.
pub type OnceKeys = Mutex<BTreeMap<(String, String), Arc<Mutex<()>>>>;

/// What follows from the configuration for every request.
pub struct Admission {
    /// The configuration.
    pub config: Arc<Config>,
    /// Whose pages may call, under which names.
    pub origins: Origins,
    /// Who forwards for others.
    pub proxies: Proxies,
}

impl Admission {
    fn new(config: Arc<Config>, bound: SocketAddr) -> Self {
        let (origins, proxies) =
            (Origins::new(bound, &config.http.origins), Proxies::new(&config.http.trusted_proxies));
        Admission { config, origins, proxies }
    }
}

/// What is counted, by status class.
#[derive(Default)]
pub struct Counts {
    /// Requests by the first digit of their status.
    pub by_class: [AtomicU64; 6],
    /// Connections that are open.
    pub connections: AtomicU64,
    /// WebSocket clients.
    pub clients: AtomicU64,
}

impl AppContext {
    /// The context of a service, bound to an address.
    pub fn new(service: Arc<Service>, bound: SocketAddr, stopping: watch::Receiver<bool>) -> Arc<AppContext> {
        let admission = Admission::new(service.settings.current(), bound);
        let logins = service.users.logins_changed();
        let streams = Streams::new(
            Arc::new(ServiceBackend(Arc::clone(&service))),
            Arc::clone(&service.hub),
            logins,
            stopping.clone(),
        );
        Arc::new(AppContext {
            streams,
            service,
            router: router(),
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

    /// A new request's id.
    pub fn request_id(&self) -> String {
        format!("{}-{:x}", self.run, self.requests.fetch_add(1, Ordering::Relaxed))
    }

    /// The configuration of this moment with what follows from it.
    pub fn admission(&self) -> arc_swap::Guard<Arc<Admission>> {
        let known = self.admission.load();
        let current = self.service.settings.current();
        if Arc::ptr_eq(&known.config, &current) {
            return known;
        }
        self.admission.store(Arc::new(Admission::new(current, self.bound)));
        self.admission.load()
    }

    /// What differs from run to run.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Where it listens.
    pub fn bound(&self) -> SocketAddr {
        self.bound
    }
}

/// The routes of each path.
pub fn router() -> matchit::Router<Vec<&'static Route>> {
    let mut paths: BTreeMap<&'static str, Vec<&'static Route>> = BTreeMap::new();
    for route in routes() {
        paths.entry(route.path).or_default().push(route);
    }
    let mut router = matchit::Router::new();
    for (path, routes) in paths {
        router
            .insert(path, routes)
            .expect("the paths of the table do not overlap: a test builds this router");
    }
    router
}
