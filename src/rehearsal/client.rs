//! Handles client frames on the socket.
//!
//! As terse as the real exchange: acknowledgements name no symbol, and an unknown method or broken text gets
//! no answer.

use super::exchange::Exchange;
use super::faults::FaultKind;
use super::pushes::{Later, To};
use super::rest::signature;
use super::sockets::{Filter, Out};
use super::topics::{self, PushChannel, Refused, Topic};
use super::wire::{self, quoted};
use serde_json::Value;

/// Filters per socket; more are ignored.
const FILTERS: usize = 32;

/// Symbols per filter; more are ignored.
const FILTER_SYMBOLS: usize = 1_000;

impl Exchange {
    /// Handles a text frame of a client.
    pub fn hear(&mut self, id: u64, text: &str) {
        self.requests.socket(id, text, self.true_ms());
        let Ok(request) = serde_json::from_str::<Value>(text) else { return };
        let Some(method) = request.get("method").and_then(Value::as_str) else { return };
        let none = Value::Null;
        let param = request.get("param").unwrap_or(&none);
        if method == "ping" {
            self.pong(id);
        } else if method == "login" {
            self.log_in(id, param);
        } else if method == "personal.filter" {
            self.filter(id, param);
        } else if let Some(word) = method.strip_prefix("sub.") {
            self.subscribe(id, word, param);
        } else if let Some(word) = method.strip_prefix("unsub.") {
            self.unsubscribe(id, word, param);
        }
    }

    fn pong(&mut self, id: u64) {
        let now_ms = self.true_ms();
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.pinged_ms = now_ms;
            socket.is_warned = false;
        }
        let stamp = self.stamp();
        let pong = wire::frame("pong", None, &stamp, &stamp);
        if self.faults.strikes(FaultKind::PongMissing, None, now_ms).is_some() {
            return;
        }
        if let Some(fault) = self.faults.strikes(FaultKind::PongLate, None, now_ms) {
            let due_ms = Some(now_ms + fault.ms.unwrap_or(40_000));
            return self.hold_back(Later { due_ms, to: To::Socket(id), text: pong });
        }
        if self.faults.strikes(FaultKind::PongDouble, None, now_ms).is_some() {
            self.sockets.send(id, pong.clone());
        }
        self.sockets.send(id, pong);
    }

    /// Accepts or refuses a login; a refusal has one of two forms.
    fn log_in(&mut self, id: u64, param: &Value) {
        let text = |key: &str| {
            param.get(key).map_or(String::new(), |value| {
                value.as_str().map_or_else(|| value.to_string(), str::to_owned)
            })
        };
        let (key, time, sent) = (text("apiKey"), text("reqTime"), text("signature"));
        let true_ms = self.true_ms();
        let account = self.trading.find(&key).filter(|index| {
            let is_in_time = time
                .parse::<i64>()
                .is_ok_and(|at_ms| (at_ms - self.now_ms()).abs() <= self.settings.window_ms);
            is_in_time && signature(&self.trading.accounts[*index].secret, &format!("{key}{time}")) == sent
        });
        self.begin_at("login");
        if self.faults.strikes(FaultKind::LoginRefusedObject, None, true_ms).is_some() {
            self.answer(id, "rs.login", "{\"code\":602,\"msg\":\"Signature verification failed\"}");
        } else if account.is_none()
            || self.faults.strikes(FaultKind::KeyRefused, None, true_ms).is_some()
            || self.faults.strikes(FaultKind::LoginRefused, None, true_ms).is_some()
        {
            self.answer(id, "rs.error", "\"login failed!\"");
        } else {
            self.answer(id, "rs.login", "\"success\"");
            if let Some(socket) = self.sockets.get_mut(id) {
                socket.account = account;
                socket.filters.clear();
            }
            return;
        }
        if self.settings.login_closes {
            self.sockets.tell(id, Out::Close(Some(1000)));
            self.sockets.remove(id);
        }
    }

    /// A filter frame replaces the filters before it; an empty list passes everything.
    fn filter(&mut self, id: u64, param: &Value) {
        let Some(rows) = param.get("filters").and_then(Value::as_array) else { return };
        let one = |row: &Value| {
            let rules = row.get("rules").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let symbols = rules
                .iter()
                .filter_map(|rule| rule.as_str().map(str::to_owned))
                .take(FILTER_SYMBOLS)
                .collect();
            Some(Filter { key: row.get("filter")?.as_str()?.to_owned(), symbols })
        };
        let filters = rows.iter().take(FILTERS).filter_map(one).collect();
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.filters = filters;
        }
        self.answer(id, "rs.personal.filter", "\"success\"");
    }

    /// Sends a frame to this socket only.
    pub fn answer(&mut self, id: u64, channel: &str, payload: &str) {
        let text = self.framed(channel, None, payload);
        self.sockets.send(id, text);
    }

    fn subscribe(&mut self, id: u64, word: &str, param: &Value) {
        let compress = param.get("compress").and_then(Value::as_bool);
        let limit = param.get("limit").and_then(Value::as_u64);
        let interval = param.get("interval").and_then(Value::as_str);
        let channel = match topics::channel(word, compress, limit, interval) {
            Ok(channel) => channel,
            Err(Refused::Unknown) => return,
            Err(Refused::Interval) => return self.answer(id, "rs.error", "\"Not support interval\""),
        };
        let symbol = if matches!(channel, PushChannel::Tickers | PushChannel::Contract) {
            0
        } else {
            let name = param.get("symbol").and_then(Value::as_str).unwrap_or_default();
            let true_ms = self.true_ms();
            let found = self.find(name);
            let is_refused =
                found.is_some() && self.faults.strikes(FaultKind::RefuseSymbol, found, true_ms).is_some();
            let Some(symbol) = found.filter(|_| !is_refused) else {
                return self.answer(id, "rs.error", &quoted(&format!("Contract [{name}] not exists")));
            };
            symbol
        };
        let true_ms = self.true_ms();
        if self.faults.strikes(FaultKind::AckLost, Some(symbol), true_ms).is_none() {
            self.answer(id, &format!("rs.sub.{word}"), "\"success\"");
        }
        let is_new = self.sockets.join(id, Topic::new(channel, symbol));
        if is_new {
            self.send_first(id, channel, symbol);
        }
    }

    /// Sends a new subscriber the current state; never a book.
    fn send_first(&mut self, id: u64, channel: PushChannel, symbol: usize) {
        if channel == PushChannel::Tickers {
            let rows = self.ticker_rows(false);
            let text = self.framed("push.tickers", None, &wire::list(rows));
            self.sockets.send(id, text);
        } else if channel == PushChannel::Funding {
            self.send_funding(symbol);
        }
    }

    fn unsubscribe(&mut self, id: u64, word: &str, param: &Value) {
        let name = param.get("symbol").and_then(Value::as_str).unwrap_or_default();
        let interval = param.get("interval").and_then(Value::as_str);
        let symbol = if matches!(word, "tickers" | "contract") { Some(0) } else { self.find(name) };
        let Some(symbol) = symbol else { return };
        let one = topics::channel(word, None, None, interval).ok();
        self.sockets.unsubscribe(id, symbol, |channel| match channel {
            PushChannel::DepthEach => word == "depth",
            PushChannel::DealEach => word == "deal",
            PushChannel::DepthFull(_) => word == "depth.full",
            other => Some(other) == one,
        });
        // Occasionally the acknowledgement is missing.
        if !self.settings.quirks || !self.rng.once_in(4) {
            self.answer(id, &format!("rs.unsub.{word}"), "\"success\"");
        }
    }
}
