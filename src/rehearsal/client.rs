//! What a client says on the socket, and what it is answered.
//!
//! As unhelpful as the real one: acknowledgements name no symbol, an unknown method or broken text gets no answer.

use super::exchange::Exchange;
use super::sockets::Out;
use super::topics::{self, Channel, Refused, Topic};
use super::wire::{self, quoted};
use hyper_tungstenite::tungstenite::{Message, Utf8Bytes};
use serde_json::Value;

impl Exchange {
    /// Takes a text frame of a client.
    pub fn hear(&mut self, id: u64, text: &str) {
        self.requests.socket(id, text, self.true_ms());
        let Ok(said) = serde_json::from_str::<Value>(text) else { return };
        let Some(method) = said.get("method").and_then(Value::as_str) else { return };
        let none = Value::Null;
        let param = said.get("param").unwrap_or(&none);
        if method == "ping" {
            self.pong(id);
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
        self.sockets.tell(id, Out::Frame(Message::Text(Utf8Bytes::from(pong))));
    }

    /// A frame that is about nothing but this socket.
    pub fn answer(&mut self, id: u64, channel: &str, payload: &str) {
        let text = wire::frame(channel, None, payload, &self.stamp());
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
        let symbol = if matches!(channel, Channel::Tickers | Channel::Contract) {
            0
        } else {
            let name = param.get("symbol").and_then(Value::as_str).unwrap_or_default();
            let Some(symbol) = self.find(name) else {
                return self.answer(id, "rs.error", &quoted(&format!("Contract [{name}] not exists")));
            };
            symbol
        };
        self.answer(id, &format!("rs.sub.{word}"), "\"success\"");
        let is_new = self.sockets.join(id, Topic::new(channel, symbol));
        if is_new {
            self.send_first(id, channel, symbol);
        }
    }

    /// What a new reader is sent at once. A book is never among it.
    fn send_first(&mut self, id: u64, channel: Channel, symbol: usize) {
        if channel == Channel::Tickers {
            let rows = self.ticker_rows(false);
            let text = wire::frame("push.tickers", None, &wire::list(rows), &self.stamp());
            self.sockets.send(id, text);
        } else if channel == Channel::Funding {
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
            Channel::DepthEach => word == "depth",
            Channel::DealEach => word == "deal",
            Channel::DepthFull(_) => word == "depth.full",
            other => Some(other) == one,
        });
        // Now and then there is no acknowledgement.
        if !self.settings.quirks || !self.chance.once_in(4) {
            self.answer(id, &format!("rs.unsub.{word}"), "\"success\"");
        }
    }
}
