//! A running exchange: its ports, and the thread that replays rows at their pace.

use super::exchange::Exchange;
use super::faults::Fault;
use super::market::Deal;
use super::market::ladder::LadderChange;
use super::scenario::Scenario;
use super::server::{self, Port};
use super::shared::Shared;
use super::source::RowSource;
use super::test_key::TestKey;
use crate::clock;
use crate::domain::contract::Contract;
use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::record::Record;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// Interval of the replay loop.
const STEP: Duration = Duration::from_millis(5);

/// Rows applied under one lock.
const BATCH: usize = 1_024;

/// Pause between the end of a recording and its repetition.
const REPEAT_PAUSE_NS: i64 = 1_000_000_000;

/// Options of an exchange.
pub struct Options {
    /// Listening address: loopback only; port 0 picks a free port.
    pub listen: SocketAddr,
    /// Rows to replay; quantities in contracts.
    pub source: Box<dyn RowSource + Send>,
    /// Contract terms, by the source's symbol index.
    pub contracts: Vec<Contract>,
    /// Speed: recorded seconds per second, 0.01 to 1,000.
    pub speed: f64,
    /// Whether to repeat the recording at its end.
    pub repeat: bool,
    /// Settings and scripted faults.
    pub scenario: Scenario,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Test keys; each has an account of its own.
    pub keys: Vec<TestKey>,
}

/// Starts exchanges.
pub struct Rehearsal;

/// A running exchange; stopped on drop.
pub struct Running {
    shared: Arc<Shared>,
    address: SocketAddr,
    control: SocketAddr,
    replay: Option<JoinHandle<()>>,
}

/// A book at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BookTruth {
    /// Contract.
    pub symbol: String,
    /// Version.
    pub version: u64,
    /// Bids, best first: price and contracts.
    pub bids: Vec<(Decimal, Decimal)>,
    /// Asks, best first: price and contracts.
    pub asks: Vec<(Decimal, Decimal)>,
}

impl Rehearsal {
    /// Binds both ports and starts the replay.
    ///
    /// # Errors
    /// An address that is not loopback or is in use, a speed out of range, or contracts that cannot be
    /// rehearsed.
    pub fn start(options: Options, runtime: &Handle) -> io::Result<Running> {
        let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        if !options.listen.ip().is_loopback() {
            return Err(invalid(format!(
                "{} is not loopback: the rehearsal exchange serves this machine only",
                options.listen
            )));
        }
        if !(0.01..=1_000.0).contains(&options.speed) {
            return Err(invalid(format!("the speed {} is not between 0.01 and 1000", options.speed)));
        }
        let now_ms = clock::now().millis();
        let exchange =
            Exchange::new(options.contracts, &options.keys, &options.scenario, options.seed, now_ms)
                .map_err(invalid)?;
        let _inside = runtime.enter();
        let (listener, address) = bind(options.listen)?;
        let (control_listener, control) = bind(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))?;
        let shared = Arc::new(Shared {
            exchange: Mutex::new(exchange),
            stop: watch::Sender::new(false),
            is_paused: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        });
        runtime.spawn(server::accept(Arc::clone(&shared), listener, Port::Exchange));
        runtime.spawn(server::accept(Arc::clone(&shared), control_listener, Port::Control));
        let replay = Replay::new(Arc::clone(&shared), options.source, options.speed, options.repeat);
        let replay = std::thread::Builder::new().name("rehearsal".to_owned()).spawn(move || replay.run())?;
        Ok(Running { shared, address, control, replay: Some(replay) })
    }
}

fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

impl Running {
    /// Address of the exchange.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Address of the control port.
    pub fn control_address(&self) -> SocketAddr {
        self.control
    }

    /// Base URL of REST.
    pub fn rest_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// URL of the WebSocket.
    pub fn ws_url(&self) -> String {
        format!("ws://{}/edge", self.address)
    }

    /// Pauses the replay; the current state is still served and pushed.
    pub fn pause(&self) {
        self.shared.pause();
    }

    /// Continues the replay.
    pub fn resume(&self) {
        self.shared.resume();
    }

    /// Starts a fault.
    ///
    /// # Errors
    /// An unknown contract, or too many waiting faults.
    pub fn inject(&self, fault: Fault) -> Result<(), String> {
        self.shared.lock().inject(fault)
    }

    /// Whether the recording has ended without repetition.
    pub fn is_over(&self) -> bool {
        self.shared.is_over.load(Ordering::Acquire)
    }

    /// Runs `look` on the locked exchange; nothing else happens meanwhile.
    pub fn look<T>(&self, look: impl FnOnce(&mut Exchange) -> T) -> T {
        look(&mut self.shared.lock())
    }

    /// The current book; `None` for an unknown symbol.
    pub fn book(&self, symbol: &str) -> Option<BookTruth> {
        let exchange = self.shared.lock();
        let market = &exchange.markets[exchange.find(symbol)?];
        let side = |side: Side| {
            market
                .ladder
                .side(side)
                .map(|(price, qty)| (market.price_decimal(price), market.contracts(qty)))
                .collect()
        };
        Some(BookTruth {
            symbol: symbol.to_owned(),
            version: market.version,
            bids: side(Side::Buy),
            asks: side(Side::Sell),
        })
    }

    /// Deals of a symbol, oldest first, among the last [`super::exchange::DEALS_KEPT`] of all symbols.
    pub fn deals(&self, symbol: &str) -> Vec<Deal> {
        let exchange = self.shared.lock();
        let Some(index) = exchange.find(symbol) else { return Vec::new() };
        exchange.deals.last.iter().filter(|(known, _)| *known == index).map(|(_, deal)| *deal).collect()
    }

    /// Changes a book independently of the recording.
    pub fn disturb(&self, symbol: &str, change: LadderChange) {
        let mut exchange = self.shared.lock();
        let at_ms = exchange.now_ms();
        if let Some(index) = exchange.find(symbol) {
            exchange.markets[index].disturb(change, at_ms);
        }
    }

    /// Stops the exchange and waits for its thread.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.stop.send_replace(true);
        if let Some(replay) = self.replay.take() {
            replay.thread().unpark();
            // The panic hook has already reported a panic of the thread.
            let _ = replay.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// The replay thread.
struct Replay {
    shared: Arc<Shared>,
    source: Box<dyn RowSource + Send>,
    speed: f64,
    repeat: bool,
    head: Option<(usize, Record)>,
    /// Recorded time that corresponds to `base_wall_ns`.
    base_row_ns: i64,
    base_wall_ns: i64,
    was_paused: bool,
}

impl Replay {
    fn new(shared: Arc<Shared>, source: Box<dyn RowSource + Send>, speed: f64, repeat: bool) -> Self {
        Replay {
            shared,
            source,
            speed,
            repeat,
            head: None,
            base_row_ns: 0,
            base_wall_ns: 0,
            was_paused: false,
        }
    }

    fn run(mut self) {
        self.head = self.read();
        self.begin(clock::now().nanos());
        while !*self.shared.stop.borrow() {
            let now_ns = clock::now().nanos();
            self.replay(now_ns);
            self.shared.lock().step(now_ns / 1_000_000);
            std::thread::park_timeout(STEP);
        }
    }

    /// Maps the first row to this wall time.
    fn begin(&mut self, wall_ns: i64) {
        self.base_wall_ns = wall_ns;
        self.base_row_ns = self.head.as_ref().map_or(0, |(_, record)| record.exchange_at.nanos());
    }

    fn read(&mut self) -> Option<(usize, Record)> {
        match self.source.next()? {
            Ok(row) => Some(row),
            Err(problem) => {
                tracing::error!(problem, "the recording ends here: it cannot be read");
                None
            }
        }
    }

    /// The recorded time that corresponds to a wall time.
    fn position_ns(&self, wall_ns: i64) -> i64 {
        self.base_row_ns.saturating_add(((wall_ns - self.base_wall_ns) as f64 * self.speed) as i64)
    }

    fn replay(&mut self, now_ns: i64) {
        if self.shared.is_paused.load(Ordering::Acquire) {
            if !self.was_paused {
                (self.base_row_ns, self.base_wall_ns) = (self.position_ns(now_ns), now_ns);
                self.was_paused = true;
            }
            return;
        }
        if std::mem::take(&mut self.was_paused) {
            self.base_wall_ns = now_ns;
        }
        let position_ns = self.position_ns(now_ns);
        let mut batch = Vec::with_capacity(BATCH);
        while !*self.shared.stop.borrow() {
            while let Some(row) = self
                .head
                .take_if(|(_, record)| batch.len() < BATCH && record.exchange_at.nanos() <= position_ns)
            {
                let wall_ns = self.base_wall_ns
                    + ((row.1.exchange_at.nanos() - self.base_row_ns) as f64 / self.speed) as i64;
                batch.push((row.0, row.1, wall_ns / 1_000_000));
                self.head = self.read();
            }
            if batch.is_empty() {
                break;
            }
            self.apply(&mut batch);
        }
        if self.head.is_none() && !self.shared.is_over.load(Ordering::Acquire) {
            self.end_or_repeat(now_ns);
        }
    }

    fn apply(&mut self, batch: &mut Vec<(usize, Record, i64)>) {
        let mut exchange = self.shared.lock();
        let mut last_ms = 0;
        for (symbol, record, at_ms) in batch.drain(..) {
            last_ms = at_ms;
            if let Err(problem) = exchange.row(symbol, &record, at_ms) {
                tracing::error!(problem, "a recorded row was left out");
            }
        }
        exchange.step(last_ms);
    }

    fn end_or_repeat(&mut self, now_ns: i64) {
        if self.repeat {
            match self.source.rewind() {
                Ok(()) => self.head = self.read(),
                Err(problem) => tracing::error!(problem, "the recording cannot be repeated"),
            }
        }
        if self.head.is_some() {
            let mut exchange = self.shared.lock();
            let at_ms = exchange.now_ms();
            exchange.markets.iter_mut().for_each(|market| market.begin_again(at_ms));
            drop(exchange);
            self.begin(now_ns + REPEAT_PAUSE_NS);
        } else {
            self.shared.is_over.store(true, Ordering::Release);
        }
    }
}
