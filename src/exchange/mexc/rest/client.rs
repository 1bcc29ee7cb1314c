//! Sends calls, classifies answers and retries reads.

use super::budget::{Budget, CallGroup, CallWindow, RateVerdict, Shift};
use super::line::{Line, Sent, jitter};
use super::request::Request;
use super::sign::Keys;
use crate::clock::TaskClock;
use crate::domain::time::{Span, Timestamp};
use crate::exchange::ExchangeError;
use crate::exchange::mexc::account::WriteOutcome;
use crate::exchange::mexc::health::Counters;
use crate::exchange::mexc::network::{Call, CallError, Network};
use crate::exchange::mexc::settings::Settings;
use crate::exchange::mexc::wire::envelope::{self, NoData};
use crate::limits;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

/// REST client of the exchange.
pub struct Rest {
    network: Arc<dyn Network>,
    settings: Arc<Settings>,
    counters: Arc<Counters>,
    clock: TaskClock,
    market: Line,
    account: Line,
    order: Line,
    exit: Line,
    moves: Line,
    leverage: Line,
    cancel: Line,
    /// The exchange's clock minus ours, nanoseconds.
    offset_ns: AtomicI64,
}

impl Rest {
    /// Opens no connection yet.
    pub fn new(
        settings: Arc<Settings>,
        counters: Arc<Counters>,
        network: Arc<dyn Network>,
        clock: TaskClock,
    ) -> Rest {
        let stop = Span::from_millis(settings.throttle_ms as i64);
        let line = |per_second: u32, burst: u32| {
            // 5 % longer than required: calls sent at even intervals do not arrive at even intervals.
            let length = Span::from_seconds_f64(f64::from(burst) / f64::from(per_second) * 1.05);
            let depth =
                CallWindow::new(settings.depth_calls, Span::from_millis(settings.depth_window_ms as i64));
            Line::new(Budget::new(CallWindow::new(burst, length), depth, stop))
        };
        // The exchange counts entries and exits together, over two seconds, so each has half of what it
        // allows.
        let orders = || {
            let depth =
                CallWindow::new(settings.depth_calls, Span::from_millis(settings.depth_window_ms as i64));
            Line::new(Budget::new(
                CallWindow::new(settings.orders_per_second, Span::from_millis(2_100)),
                depth,
                stop,
            ))
        };
        Rest {
            market: line(settings.requests_per_second, settings.request_burst),
            account: line(settings.account_requests_per_second, settings.account_requests_per_second),
            order: orders(),
            exit: orders(),
            moves: orders(),
            // Ten in 10 s.
            leverage: line(1, 10),
            cancel: line(settings.account_requests_per_second, settings.account_requests_per_second),
            network,
            settings,
            counters,
            clock,
            offset_ns: AtomicI64::new(0),
        }
    }

    /// Sets the clock offset used in signatures.
    pub fn set_offset(&self, offset_ns: i64) {
        self.offset_ns.store(offset_ns, Relaxed);
    }

    /// A read that must return data: sent, parsed with `parse`, and retried on temporary errors.
    pub async fn read<T>(
        &self,
        request: &Request,
        keys: Option<&Keys>,
        parse: impl Fn(&RawValue) -> Result<T, String>,
    ) -> Result<T, ExchangeError> {
        self.look_up(request, keys, |data| parse(data.ok_or("it has no data")?)).await
    }

    /// As [`Rest::read`], but a successful answer may be empty: the requested thing does not exist.
    pub async fn look_up<T>(
        &self,
        request: &Request,
        keys: Option<&Keys>,
        parse: impl Fn(Option<&RawValue>) -> Result<T, String>,
    ) -> Result<T, ExchangeError> {
        let mut wait = Duration::from_millis(self.settings.retry_ms);
        // One deadline for all attempts, so that the caller learns in time that there is no answer.
        let deadline = self.clock.steady() + Span::from_millis(self.settings.queue_timeout_ms as i64);
        let mut attempt = 1;
        loop {
            let patience = Span::from_nanos(deadline.nanos() - self.clock.steady().nanos());
            let Some(sent) =
                self.line(request.group).turn(&self.clock, request.group == CallGroup::Depth, patience).await
            else {
                self.counters.failed_requests.add(1);
                return Err(ExchangeError::Throttled { call: request.name() });
            };
            let error = match self.once(request, keys, &parse, sent).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            self.counters.failed_requests.add(1);
            let is_last = attempt >= self.settings.read_attempts || !error.is_temporary();
            // On a clock error the caller measures the clock; the same signature would fail again.
            if is_last || error.code() == Some(513) {
                return Err(error);
            }
            // After "too frequent" the queue itself does the waiting.
            if !matches!(error, ExchangeError::Throttled { .. }) {
                tokio::time::sleep(wait.mul_f64(1.0 + jitter() / 2.0)).await;
                wait *= 2;
            }
            attempt += 1;
        }
    }

    /// A write: sent at most once, whatever comes of it.
    pub async fn write<T>(
        &self,
        request: &Request,
        keys: &Keys,
        parse: impl Fn(Option<&RawValue>) -> Result<T, String>,
    ) -> WriteOutcome<T> {
        let patience = Span::from_millis(self.settings.write_queue_ms as i64);
        let Some(sent) = self.line(request.group).turn(&self.clock, false, patience).await else {
            return WriteOutcome::NotSent(format!("{}: the budget of calls is used up", request.name()));
        };
        let answer = self.once(request, Some(keys), parse, sent).await;
        self.counters.failed_requests.add(u64::from(answer.is_err()));
        WriteOutcome::of(answer)
    }

    async fn once<T>(
        &self,
        request: &Request,
        keys: Option<&Keys>,
        parse: impl Fn(Option<&RawValue>) -> Result<T, String>,
        sent: Sent<'_>,
    ) -> Result<T, ExchangeError> {
        let (status, body) = self.send(request, keys).await?;
        let unreadable = |reason| ExchangeError::Unreadable { call: request.name(), status, reason };
        let throttled = || ExchangeError::Throttled { call: request.name() };
        let (verdict, answer) = match envelope::open(&body) {
            Ok(content) => {
                self.counters.unknown_fields.add(content.unknown);
                (RateVerdict::Served, parse(content.data).map_err(unreadable))
            }
            Err(NoData::Refused { code: Some(429 | 510), .. }) => {
                (RateVerdict::TooFrequent, Err(throttled()))
            }
            Err(NoData::Refused { code, message }) => {
                (RateVerdict::Served, Err(ExchangeError::Refused { call: request.name(), code, message }))
            }
            Err(NoData::Unreadable(_)) if status == 429 => (RateVerdict::TooFrequent, Err(throttled())),
            // The network in front of the exchange bans for a while, and for longer if calls continue.
            Err(NoData::Unreadable(reason)) if status == 403 => {
                (RateVerdict::TooFrequent, Err(unreadable(reason)))
            }
            Err(NoData::Unreadable(reason)) => (RateVerdict::Unknown, Err(unreadable(reason))),
        };
        self.counters.throttled.add(u64::from(verdict == RateVerdict::TooFrequent));
        self.report(request, sent.validate(verdict));
        answer
    }

    /// Logs once when the exchange begins to reject calls and once when it accepts them again.
    fn report(&self, request: &Request, shift: Shift) {
        let is_market = matches!(request.group, CallGroup::Market | CallGroup::Depth);
        match shift {
            Shift::None => {}
            Shift::Refused => {
                if is_market {
                    self.counters.refused(Some(self.clock.wall()));
                }
                let call = request.name();
                tracing::warn!(
                    call,
                    "the exchange refuses calls as too frequent; one is tried every few seconds, the others wait"
                );
            }
            Shift::Served(after) => {
                if is_market {
                    self.counters.refused(None);
                }
                tracing::info!(
                    seconds = after.seconds_f64().round(),
                    "the exchange serves calls again that it refused as too frequent"
                );
            }
        }
    }

    fn line(&self, group: CallGroup) -> &Line {
        match group {
            CallGroup::Market | CallGroup::Depth => &self.market,
            CallGroup::Account => &self.account,
            CallGroup::Order => &self.order,
            CallGroup::Exit => &self.exit,
            CallGroup::Move => &self.moves,
            CallGroup::Leverage => &self.leverage,
            CallGroup::Cancel => &self.cancel,
        }
    }

    /// Status and body of the answer, whatever the status.
    async fn send(&self, request: &Request, keys: Option<&Keys>) -> Result<(u16, Vec<u8>), ExchangeError> {
        let url = format!("{}{}", self.settings.rest_url, request.target());
        let headers = if request.is_signed() { self.signed_headers(request, keys)? } else { Vec::new() };
        self.counters.requests.add(1);
        let sent = self.network.call(Call { url, headers, body: request.body.clone() }).await;
        sent.map_err(|error| match error {
            CallError::NoClient(reason) => ExchangeError::Settings(reason),
            CallError::Unreachable(reason) => ExchangeError::Unreachable { call: request.name(), reason },
            CallError::TooLarge(status) => {
                let reason = format!("it is larger than {} bytes", limits::EXCHANGE_BODY_BYTES);
                ExchangeError::Unreadable { call: request.name(), status, reason }
            }
        })
    }

    fn signed_headers(
        &self,
        request: &Request,
        keys: Option<&Keys>,
    ) -> Result<Vec<(&'static str, String)>, ExchangeError> {
        let keys = keys.ok_or_else(|| {
            ExchangeError::Settings(format!("{}: this call needs the exchange's keys", request.name()))
        })?;
        if !self.settings.keeps_secrets() {
            let reason = format!(
                "{}: keys are sent over https only, or to this machine; change rest_url",
                request.name()
            );
            return Err(ExchangeError::Settings(reason));
        }
        let at =
            Timestamp::from_nanos(self.clock.wall().nanos().saturating_add(self.offset_ns.load(Relaxed)));
        Ok(vec![
            ("ApiKey", keys.access().to_owned()),
            ("Request-Time", at.millis().to_string()),
            ("Signature", keys.signature(at, request.parameters())),
            ("Content-Type", "application/json".to_owned()),
        ])
    }
}
