//! Everything about MEXC that may differ from place to place, with the documented values as defaults.

use crate::exchange::ExchangeError;
use crate::limits;
use std::net::IpAddr;

/// Addresses, pace and patience of a connection to MEXC. Plain values; `Default` is the public exchange.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// REST address without path, `http://` or `https://`.
    pub rest_url: String,
    /// WebSocket address with path, `ws://` or `wss://`.
    pub ws_url: String,
    /// Path of the call that places an order: there are two names for it. No setting of `config.json`, as no order goes out yet.
    pub order_path: String,
    /// Symbols one socket carries.
    pub symbols_per_socket: usize,
    /// Market data calls per second.
    pub requests_per_second: u32,
    /// Market data calls at once; as many again only when they are that long ago that the rate is kept.
    pub request_burst: u32,
    /// Calls for books and tickers in any span of `depth_window_ms`, among those for market data.
    pub depth_calls: u32,
    /// The window in which the exchange counts these calls.
    pub depth_window_ms: u64,
    /// New orders per second; they have a budget of their own.
    pub orders_per_second: u32,
    /// Cancels, account reads and other signed calls per second, each kind with a budget of its own.
    pub account_requests_per_second: u32,
    /// Longest wait for one answer.
    pub request_timeout_ms: u64,
    /// Longest wait for a place in the budget, all attempts of a call together.
    pub queue_timeout_ms: u64,
    /// How often a read is tried.
    pub read_attempts: u32,
    /// Wait before a read is tried again; doubles.
    pub retry_ms: u64,
    /// Silence of a budget after the first "too frequent"; doubles up to six seconds.
    pub throttle_ms: u64,
    /// Between two pings of a socket.
    pub ping_ms: u64,
    /// A socket without a pong for this long after a ping is lost.
    pub pong_timeout_ms: u64,
    /// A socket without market data for this long is lost.
    pub silence_ms: u64,
    /// Longest wait for a socket to open.
    pub connect_timeout_ms: u64,
    /// First wait before a socket is opened again; doubles.
    pub reconnect_min_ms: u64,
    /// Longest wait before a socket is opened again.
    pub reconnect_max_ms: u64,
    /// A socket that served this long starts again with the first wait.
    pub good_service_ms: u64,
    /// Subscriptions per second on one socket.
    pub subscribes_per_second: u32,
    /// A subscription that is neither acknowledged nor served after this long is sent again.
    pub confirm_ms: u64,
    /// Levels per side of a book's snapshot.
    pub book_levels: u32,
    /// First wait when a snapshot is too old; doubles.
    pub snapshot_wait_min_ms: u64,
    /// Longest wait for a newer snapshot.
    pub snapshot_wait_max_ms: u64,
    /// Between two repairs of one book.
    pub resync_ms: u64,
    /// A book crossed for longer is repaired.
    pub crossed_ms: u64,
    /// A difference between wall clock and steady clock that grows by more at once is a step.
    pub clock_step_ms: u64,
    /// Between two measurements of the exchange's clock.
    pub clock_every_ms: u64,
    /// What the jitter of waits is drawn from; should differ between processes.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            rest_url: "https://api.mexc.com".to_owned(),
            ws_url: "wss://contract.mexc.com/edge".to_owned(),
            order_path: "/api/v1/private/order/create".to_owned(),
            symbols_per_socket: 25,
            requests_per_second: 4,
            request_burst: 8,
            depth_calls: 10,
            depth_window_ms: 2_100,
            orders_per_second: 2,
            account_requests_per_second: 4,
            request_timeout_ms: 10_000,
            queue_timeout_ms: 30_000,
            read_attempts: 3,
            retry_ms: 250,
            throttle_ms: 1_000,
            ping_ms: 15_000,
            pong_timeout_ms: 30_000,
            silence_ms: 30_000,
            connect_timeout_ms: 10_000,
            reconnect_min_ms: 1_000,
            reconnect_max_ms: 60_000,
            good_service_ms: 60_000,
            subscribes_per_second: 10,
            confirm_ms: 10_000,
            book_levels: 1_000,
            snapshot_wait_min_ms: 200,
            snapshot_wait_max_ms: 5_000,
            resync_ms: 2_000,
            crossed_ms: 2_000,
            clock_step_ms: 500,
            clock_every_ms: 600_000,
            seed: 0,
        }
    }
}

impl Settings {
    /// All that is wrong with them, in one sentence each; empty when they can be used.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |good: bool, problem: &str| {
            if !good {
                problems.push(problem.to_owned());
            }
        };
        let starts = |text: &str, words: [&str; 2]| {
            words.iter().any(|word| text.len() > word.len() && text.starts_with(word))
        };
        check(
            starts(&self.rest_url, ["http://", "https://"]),
            "rest_url must begin with http:// or https://",
        );
        check(starts(&self.ws_url, ["ws://", "wss://"]), "ws_url must begin with ws:// or wss://");
        check(!self.rest_url.ends_with('/'), "rest_url must not end with a slash");
        check(self.order_path.starts_with('/'), "order_path must begin with a slash");
        let symbols = 1..=limits::EXCHANGE_SOCKET_SYMBOLS;
        check(
            symbols.contains(&self.symbols_per_socket),
            &format!("symbols_per_socket must be 1 to {}", limits::EXCHANGE_SOCKET_SYMBOLS),
        );
        check(
            self.requests_per_second > 0 && self.request_burst > 0,
            "requests_per_second and request_burst must be at least 1",
        );
        check(
            self.depth_calls > 0 && self.depth_window_ms > 0,
            "depth_calls and depth_window_ms must be at least 1",
        );
        check(
            self.orders_per_second > 0 && self.account_requests_per_second > 0,
            "every budget must be at least 1 per second",
        );
        check(self.subscribes_per_second > 0, "subscribes_per_second must be at least 1");
        check(self.read_attempts > 0, "read_attempts must be at least 1");
        check(
            (1..=self.reconnect_max_ms).contains(&self.reconnect_min_ms),
            "reconnect_min_ms must be 1 to reconnect_max_ms",
        );
        check(
            (1..=self.snapshot_wait_max_ms).contains(&self.snapshot_wait_min_ms),
            "snapshot_wait_min_ms must be 1 to snapshot_wait_max_ms",
        );
        check(
            self.ping_ms > 0 && self.pong_timeout_ms > 0 && self.silence_ms > 0,
            "ping_ms, pong_timeout_ms and silence_ms must be at least 1",
        );
        check(
            self.request_timeout_ms > 0 && self.connect_timeout_ms > 0,
            "request_timeout_ms and connect_timeout_ms must be at least 1",
        );
        problems
    }

    /// Whether what is sent over REST can be read by nobody else: encrypted, or to this machine.
    pub(super) fn keeps_secrets(&self) -> bool {
        let Some(rest) = self.rest_url.strip_prefix("http://") else { return true };
        let host = match rest.strip_prefix('[') {
            Some(address) => address.split(']').next(),
            None => rest.split(['/', ':', '?', '#']).next(),
        };
        host.is_some_and(|host| {
            host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        })
    }

    pub(super) fn checked(self) -> Result<Self, ExchangeError> {
        let problems = self.problems();
        if problems.is_empty() { Ok(self) } else { Err(ExchangeError::Settings(problems.join("; "))) }
    }
}
