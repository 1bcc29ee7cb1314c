//! Connection settings of MEXC; the defaults are the documented values.

use crate::exchange::ExchangeError;
use crate::limits;
use std::net::IpAddr;

/// Addresses, rate limits and timeouts of a connection to MEXC. `Default` is the public exchange.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// REST base URL without a path, `http://` or `https://`.
    pub rest_url: String,
    /// WebSocket URL with path, `ws://` or `wss://`.
    pub ws_url: String,
    /// Path of the call that places an order, which exists under two names.
    pub order_path: String,
    /// Symbols per socket.
    pub symbols_per_socket: usize,
    /// Market data calls per second.
    pub requests_per_second: u32,
    /// Market data calls in a burst; the window is long enough to keep the rate.
    pub request_burst: u32,
    /// Calls for books and tickers in any span of `depth_window_ms`; they also count as market data calls.
    pub depth_calls: u32,
    /// The window in which the exchange counts these calls.
    pub depth_window_ms: u64,
    /// Orders that open a position per second, and likewise those that close one: half of what the exchange
    /// allows in all, so that entries never delay an exit.
    pub orders_per_second: u32,
    /// Longest wait of a write for its budget; after it nothing is sent.
    pub write_queue_ms: u64,
    /// Account reads per second, and likewise cancels and other signed writes; each kind has its own budget.
    pub account_requests_per_second: u32,
    /// Timeout of one HTTP call.
    pub request_timeout_ms: u64,
    /// Longest wait for the rate limit, all attempts of a call together.
    pub queue_timeout_ms: u64,
    /// Maximum attempts of a read.
    pub read_attempts: u32,
    /// First wait before a retry; doubles.
    pub retry_ms: u64,
    /// Pause of a budget after the first "too frequent"; doubles up to six seconds.
    pub throttle_ms: u64,
    /// Interval between two pings of a socket.
    pub ping_ms: u64,
    /// A socket is lost when no pong arrives this long after a ping.
    pub pong_timeout_ms: u64,
    /// A socket is lost when no market data arrives for this long.
    pub silence_ms: u64,
    /// Timeout for opening a socket.
    pub connect_timeout_ms: u64,
    /// First wait before a reconnect; doubles.
    pub reconnect_min_ms: u64,
    /// Longest wait before a reconnect.
    pub reconnect_max_ms: u64,
    /// A socket that was open this long resets the reconnect wait.
    pub good_service_ms: u64,
    /// Subscriptions per second on one socket.
    pub subscribes_per_second: u32,
    /// A subscription that is neither acknowledged nor served after this long is sent again.
    pub confirm_ms: u64,
    /// Levels per side of a book snapshot.
    pub book_levels: u32,
    /// First wait after a snapshot that was too old; doubles.
    pub snapshot_wait_min_ms: u64,
    /// Longest wait before the next snapshot.
    pub snapshot_wait_max_ms: u64,
    /// Minimum time between two resyncs of one book.
    pub resync_ms: u64,
    /// A book crossed for longer than this is resynchronized.
    pub crossed_ms: u64,
    /// A change of the difference between wall clock and steady clock by more than this is a clock step.
    pub clock_step_ms: u64,
    /// Interval between two measurements of the exchange's clock.
    pub clock_every_ms: u64,
    /// Seed of the jitter of waits; should differ between processes.
    pub seed: u64,
}

/// Why an account of another exchange is not opened.
pub const ONLY_REHEARSAL: &str = "is not a rehearsal exchange of this machine (tradingd rehearse): this version sends orders to \
                                  no other, and docs/live.md says why; a paper session trades the real market without orders";

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
            write_queue_ms: 5_000,
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
    /// Everything that is wrong, one sentence each; empty when the settings are valid.
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

    /// Whether nobody else can read REST traffic: it is encrypted, or stays on this machine.
    pub(super) fn keeps_secrets(&self) -> bool {
        !self.rest_url.starts_with("http://") || is_on_this_host(&self.rest_url)
    }

    /// Whether both addresses are of this machine, as those of a rehearsal exchange are.
    pub fn is_on_this_host(&self) -> bool {
        is_on_this_host(&self.rest_url) && is_on_this_host(&self.ws_url)
    }

    pub(super) fn checked(self) -> Result<Self, ExchangeError> {
        let problems = self.problems();
        if problems.is_empty() { Ok(self) } else { Err(ExchangeError::Settings(problems.join("; "))) }
    }
}

/// Whether the host of a URL is this machine.
fn is_on_this_host(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_this_machine() {
        for url in ["http://127.0.0.1:8081", "ws://localhost:1/edge", "http://[::1]:80/x", "ws://127.0.0.9"] {
            assert!(is_on_this_host(url), "{url}");
        }
        for url in [
            "https://api.mexc.com",
            "http://127.0.0.1.example.org:80",
            "http://localhost@example.org:1",
            "http://localhost:x@example.org",
            "127.0.0.1",
            "",
        ] {
            assert!(!is_on_this_host(url), "{url}");
        }
        assert!(!Settings::default().is_on_this_host() && Settings::default().keeps_secrets());
        let with = |rest_url: &str| Settings { rest_url: rest_url.to_owned(), ..Settings::default() };
        assert!(!with("http://localhost:x@example.org").keeps_secrets());
        assert!(
            with("http://localhost:8081").keeps_secrets() && !with("http://localhost:8081").is_on_this_host()
        );
    }
}
