//! Sends calls and judges answers.

use super::budget::{Bucket, Group};
use super::request::{Method, Request};
use super::sign::Keys;
use crate::clock::{self, Stopwatch};
use crate::domain::time::{Span, Timestamp};
use crate::exchange::ExchangeError;
use crate::exchange::mexc::health::Counters;
use crate::exchange::mexc::settings::Settings;
use crate::exchange::mexc::wire::envelope::{self, NoData};
use crate::limits;
use serde_json::value::RawValue;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// The exchange over HTTP.
pub struct Rest {
    /// Made with the first call: reading the system's certificates takes milliseconds and megabytes.
    client: OnceLock<reqwest::Client>,
    settings: Arc<Settings>,
    counters: Arc<Counters>,
    since: Stopwatch,
    budgets: [Mutex<Bucket>; 4],
    /// The exchange's clock minus ours.
    offset_ns: AtomicI64,
}

impl Rest {
    /// Opens nothing yet.
    pub fn new(settings: Arc<Settings>, counters: Arc<Counters>) -> Rest {
        // Another part of the program may have installed it already, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let stop = Span::from_millis(settings.throttle_ms as i64);
        let bucket = |per_second, burst| Mutex::new(Bucket::new(per_second, burst, stop));
        let budgets = [
            bucket(settings.requests_per_second, settings.request_burst),
            bucket(settings.account_requests_per_second, settings.account_requests_per_second),
            bucket(settings.orders_per_second, settings.orders_per_second),
            bucket(settings.account_requests_per_second, settings.account_requests_per_second),
        ];
        Rest { client: OnceLock::new(), settings, counters, since: Stopwatch::start(), budgets, offset_ns: AtomicI64::new(0) }
    }

    fn client(&self) -> Result<&reqwest::Client, ExchangeError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let made = reqwest::Client::builder()
            .user_agent(concat!("tradingd/", env!("CARGO_PKG_VERSION")))
            // A signed call must reach the address it was signed for, and sockets know no proxy either.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_millis(self.settings.connect_timeout_ms))
            .timeout(Duration::from_millis(self.settings.request_timeout_ms))
            .build()
            .map_err(|error| ExchangeError::Settings(format!("no HTTP client: {}", chain(&error))))?;
        Ok(self.client.get_or_init(|| made))
    }

    /// Corrects the times of signatures.
    pub fn set_offset(&self, offset_ns: i64) {
        self.offset_ns.store(offset_ns, Relaxed);
    }

    /// A read: sent, judged, taken apart by `parse`, and tried again where that may help.
    pub async fn read<T>(
        &self,
        request: &Request,
        keys: Option<&Keys>,
        parse: impl Fn(&RawValue) -> Result<T, String>,
    ) -> Result<T, ExchangeError> {
        let mut wait = Duration::from_millis(self.settings.retry_ms);
        let mut attempt = 1;
        loop {
            let error = match self.once(request, keys, &parse).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            self.counters.failed_requests.add(1);
            let is_last = attempt >= self.settings.read_attempts || !error.is_temporary();
            // A wrong clock is measured by the caller; the same signature would fail again.
            if is_last || error.code() == Some(513) {
                return Err(error);
            }
            if !matches!(error, ExchangeError::Throttled { .. }) {
                tokio::time::sleep(wait.mul_f64(1.0 + jitter() / 2.0)).await;
                wait *= 2;
            }
            attempt += 1;
        }
    }

    async fn once<T>(
        &self,
        request: &Request,
        keys: Option<&Keys>,
        parse: impl Fn(&RawValue) -> Result<T, String>,
    ) -> Result<T, ExchangeError> {
        self.take_turn(request).await?;
        let (status, body) = self.send(request, keys).await?;
        let unreadable = |reason| ExchangeError::Unreadable { call: request.name(), status, reason };
        match envelope::open(&body) {
            Ok(content) => {
                self.counters.unknown_fields.add(content.unknown);
                let data = content.data.ok_or_else(|| unreadable("it has no data".to_owned()))?;
                parse(data).map_err(unreadable)
            }
            Err(NoData::Refused { code: Some(429 | 510), .. }) => Err(self.throttled(request)),
            Err(NoData::Refused { code, message }) => Err(ExchangeError::Refused { call: request.name(), code, message }),
            Err(NoData::Unreadable(_)) if status == 429 => Err(self.throttled(request)),
            // The network in front of the exchange bans for a while, and longer for who keeps knocking.
            Err(NoData::Unreadable(reason)) if status == 403 => {
                self.throttled(request);
                Err(unreadable(reason))
            }
            Err(NoData::Unreadable(reason)) => Err(unreadable(reason)),
        }
    }

    /// Waits until the call's budget allows it.
    async fn take_turn(&self, request: &Request) -> Result<(), ExchangeError> {
        let refused = || ExchangeError::Throttled { call: request.name() };
        let deadline = self.since.elapsed() + Span::from_millis(self.settings.queue_timeout_ms as i64);
        loop {
            let turn = self.budget(request.group, |bucket| bucket.reserve(self.since.elapsed())).ok_or_else(refused)?;
            if turn.at > deadline {
                return Err(refused());
            }
            let wait = turn.at.nanos() - self.since.elapsed().nanos();
            if wait > 0 {
                tokio::time::sleep(Duration::from_nanos(wait.unsigned_abs())).await;
            }
            if self.budget(request.group, |bucket| bucket.holds(turn)) {
                return Ok(());
            }
        }
    }

    fn throttled(&self, request: &Request) -> ExchangeError {
        self.counters.throttled.add(1);
        self.budget(request.group, |bucket| bucket.stop(self.since.elapsed(), jitter()));
        ExchangeError::Throttled { call: request.name() }
    }

    fn budget<T>(&self, group: Group, use_it: impl FnOnce(&mut Bucket) -> T) -> T {
        let place = match group {
            Group::Market => 0,
            Group::Account => 1,
            Group::Order => 2,
            Group::Cancel => 3,
        };
        use_it(&mut self.budgets[place].lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Status and body of the answer, whatever it says.
    async fn send(&self, request: &Request, keys: Option<&Keys>) -> Result<(u16, Vec<u8>), ExchangeError> {
        let unreachable = |error: reqwest::Error| ExchangeError::Unreachable { call: request.name(), reason: chain(&error.without_url()) };
        let url = format!("{}{}", self.settings.rest_url, request.target());
        let mut builder = match request.method {
            Method::Get => self.client()?.get(url),
            Method::Post => self.client()?.post(url),
        };
        if request.group != Group::Market {
            let keys = keys.ok_or_else(|| ExchangeError::Settings(format!("{}: this call needs the exchange's keys", request.name())))?;
            if !self.settings.keeps_secrets() {
                let reason = format!("{}: keys are sent over https only, or to this machine; change rest_url", request.name());
                return Err(ExchangeError::Settings(reason));
            }
            let at = Timestamp::from_nanos(clock::now().nanos().saturating_add(self.offset_ns.load(Relaxed)));
            builder = builder
                .header("ApiKey", keys.access())
                .header("Request-Time", at.millis().to_string())
                .header("Signature", keys.signature(at, request.parameters()))
                .header("Content-Type", "application/json");
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        self.counters.requests.add(1);
        let mut response = builder.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > limits::EXCHANGE_BODY_BYTES {
                let reason = format!("it is larger than {} bytes", limits::EXCHANGE_BODY_BYTES);
                return Err(ExchangeError::Unreadable { call: request.name(), status, reason });
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// 0 to 1, different for every call.
fn jitter() -> f64 {
    f64::from(clock::chance()) / f64::from(1 << 24)
}
