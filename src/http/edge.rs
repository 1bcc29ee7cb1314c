//! What all connections share: the service, the router, the rates, the numbers that are counted.

use super::guard::Origins;
use super::handlers::stream::Window;
use super::rate::Rates;
use super::reply::Ready;
use super::route::Route;
use super::routes::routes;
use super::stream::Streams;
use crate::clock;
use crate::config::Config;
use crate::limits::HTTP_PASSWORD_CHECKS;
use crate::service::Service;
use arc_swap::{ArcSwap, ArcSwapOption};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Semaphore, watch};

/// The shared part of the edge.
pub struct Edge {
    /// What the program does.
    pub service: Arc<Service>,
    /// Paths.
    pub router: matchit::Router<Vec<&'static Route>>,
    /// Request rates by address.
    pub rates: Rates,
    /// Places for requests that have a password checked: each keeps a thread waiting.
    pub passwords: Semaphore,
    /// The list of strategies as it is answered.
    pub strategies: ArcSwapOption<Ready>,
    /// WebSocket clients.
    pub streams: Streams,
    /// Turns true when the daemon stops.
    pub stopping: watch::Receiver<bool>,
    /// Keys whose first request is under way.
    pub once: Turns,
    /// Counters.
    pub counts: Counts,
    bound: SocketAddr,
    origins: ArcSwap<(Arc<Config>, Origins)>,
    /// Differs from run to run, so that ids in logs do.
    run: String,
    requests: AtomicU64,
}

/// Whose turn it is, by user and idempotency key. As many entries as requests that run at once.
pub type Turns = Mutex<BTreeMap<(String, String), Arc<Mutex<()>>>>;

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

impl Edge {
    /// The edge of a service, bound to an address.
    pub fn new(service: Arc<Service>, bound: SocketAddr, stopping: watch::Receiver<bool>) -> Arc<Edge> {
        let config = service.settings.current();
        let origins = Origins::new(bound, &config.http.origins);
        let streams = Streams::new(Arc::new(Window(Arc::clone(&service))), Arc::clone(&service.hub), stopping.clone());
        Arc::new(Edge {
            streams,
            service,
            router: router(),
            rates: Rates::default(),
            passwords: Semaphore::new(HTTP_PASSWORD_CHECKS),
            strategies: ArcSwapOption::empty(),
            stopping,
            once: Turns::default(),
            counts: Counts::default(),
            bound,
            origins: ArcSwap::from_pointee((config, origins)),
            run: format!("{:06x}", clock::chance()),
            requests: AtomicU64::new(0),
        })
    }

    /// A new request's id.
    pub fn request_id(&self) -> String {
        format!("{}-{:x}", self.run, self.requests.fetch_add(1, Ordering::Relaxed))
    }

    /// The configuration of this moment with the origins that follow from it.
    pub fn origins(&self) -> arc_swap::Guard<Arc<(Arc<Config>, Origins)>> {
        let known = self.origins.load();
        let current = self.service.settings.current();
        if Arc::ptr_eq(&known.0, &current) {
            return known;
        }
        let origins = Origins::new(self.bound, &current.http.origins);
        self.origins.store(Arc::new((current, origins)));
        self.origins.load()
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
        router.insert(path, routes).expect("the paths of the table do not overlap: a test builds this router");
    }
    router
}
