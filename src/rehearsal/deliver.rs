//! Sending of frames: time stamps, and faults in delivery.

use super::exchange::Exchange;
use super::faults::FaultKind;
use super::pushes::{Later, To};
use super::topics::{PushChannel, Topic};
use super::wire;

/// Maximum number of delayed frames; when full the oldest is sent.
const LATER: usize = 50_000;

/// Delivery faults of book changes, and of deals.
const DEPTH: [FaultKind; 3] = [FaultKind::DepthRepeated, FaultKind::DepthReordered, FaultKind::DepthLate];
const DEALS: [FaultKind; 2] = [FaultKind::DealsRepeated, FaultKind::DealsReordered];

impl Exchange {
    /// The `ts` of a frame.
    pub fn stamp(&mut self) -> String {
        let true_ms = self.true_ms();
        let shift_ms = self
            .faults
            .strikes(FaultKind::TsShifted, None, true_ms)
            .map_or(0, |fault| fault.ms.unwrap_or(-60_000));
        (self.now_ms() + shift_ms).to_string()
    }

    /// A frame with its time stamp.
    pub fn framed(&mut self, word: &str, symbol: Option<&str>, payload: &str) -> String {
        let stamp = self.stamp();
        let true_ms = self.true_ms();
        if self.faults.strikes(FaultKind::TsText, None, true_ms).is_some() {
            return wire::frame(word, symbol, payload, &format!("\"{stamp}\""));
        }
        let text = wire::frame(word, symbol, payload, &stamp);
        if self.faults.strikes(FaultKind::TsMissing, None, true_ms).is_some() {
            return text.replace(&format!(",\"ts\":{stamp}}}"), "}");
        }
        text
    }

    /// Pushes a payload on a symbol's channel.
    pub fn push(&mut self, channel: PushChannel, symbol: usize, word: &str, payload: &str) {
        let topic = Topic::new(channel, symbol);
        if !self.sockets.has_readers(topic) {
            return;
        }
        let name = std::mem::take(&mut self.markets[symbol].contract.symbol);
        let text = self.framed(word, Some(&name), payload);
        self.markets[symbol].contract.symbol = name;
        self.deliver(topic, text);
    }

    /// Sends a frame to all its subscribers, unless a fault repeats, delays or drops it.
    pub fn deliver(&mut self, topic: Topic, text: String) {
        let now_ms = self.true_ms();
        let symbol = if topic.channel == PushChannel::Tickers { None } else { Some(topic.symbol) };
        if self.faults.strikes(FaultKind::Silent, symbol, now_ms).is_some() {
            return;
        }
        let kinds: &[FaultKind] = match topic.channel {
            PushChannel::Depth | PushChannel::DepthEach => &DEPTH,
            PushChannel::Deal | PushChannel::DealEach => &DEALS,
            _ => &[],
        };
        let struck = kinds.iter().find_map(|kind| self.faults.strikes(*kind, symbol, now_ms));
        let waiting =
            self.later.iter().rev().find(|later| later.to == To::Topic(topic)).map(|later| later.due_ms);
        match (struck.as_ref().map(|fault| fault.fault), waiting) {
            (Some(FaultKind::DepthLate), _) | (_, Some(Some(_))) => {
                let delay_ms =
                    struck.and_then(|fault| fault.ms).unwrap_or(if waiting.is_some() { 0 } else { 2_000 });
                // Not before an earlier frame that still waits.
                let due_ms = waiting.flatten().unwrap_or(0).max(now_ms + delay_ms);
                self.hold_back(Later { due_ms: Some(due_ms), to: To::Topic(topic), text });
            }
            (Some(FaultKind::DepthReordered | FaultKind::DealsReordered), None) => {
                self.hold_back(Later { due_ms: None, to: To::Topic(topic), text });
            }
            (Some(FaultKind::DepthRepeated | FaultKind::DealsRepeated), _) => self.repeat(topic, text),
            _ => {
                self.sockets.publish(topic, text.into());
                self.release(topic);
            }
        }
    }

    /// Sends the frame twice, then the previously repeated one again.
    fn repeat(&mut self, topic: Topic, text: String) {
        let text = hyper_tungstenite::tungstenite::Utf8Bytes::from(text);
        self.sockets.publish(topic, text.clone());
        self.sockets.publish(topic, text.clone());
        if let Some(before) = self.repeated.insert(topic, text) {
            self.sockets.publish(topic, before);
        }
    }

    /// Sends the frames that waited for the next one of their topic.
    fn release(&mut self, topic: Topic) {
        if self.later.is_empty() {
            return;
        }
        let is_due = |later: &Later| later.due_ms.is_none() && later.to == To::Topic(topic);
        let (due, wait): (Vec<Later>, Vec<Later>) =
            std::mem::take(&mut self.later).into_iter().partition(is_due);
        self.later = wait;
        for later in due {
            self.sockets.publish(topic, later.text.into());
        }
    }

    /// Delays a frame.
    pub fn hold_back(&mut self, later: Later) {
        if self.later.len() >= LATER {
            let oldest = self.later.remove(0);
            self.send_now(oldest);
        }
        self.later.push(later);
    }

    /// Sends delayed frames that are due.
    pub fn send_later(&mut self) {
        if self.later.is_empty() {
            return;
        }
        let now_ms = self.true_ms();
        let is_due = |later: &Later| later.due_ms.is_some_and(|due| due <= now_ms);
        let (due, wait): (Vec<Later>, Vec<Later>) =
            std::mem::take(&mut self.later).into_iter().partition(is_due);
        self.later = wait;
        for later in due {
            self.send_now(later);
        }
    }

    fn send_now(&mut self, later: Later) {
        match later.to {
            To::Topic(topic) => self.sockets.publish(topic, later.text.into()),
            To::Socket(id) => self.sockets.send(id, later.text),
        }
    }

    /// Sends private frames that are due to the logged-in sockets whose filters pass them.
    pub fn send_private(&mut self) {
        let now_ms = self.true_ms();
        if self.trading.outbox.is_empty() {
            return;
        }
        for private in self.trading.take_due(now_ms) {
            let symbol = private.symbol.map(|index| self.markets[index].contract.symbol.clone());
            let wants = |socket: &super::sockets::Socket| {
                socket.account == Some(private.account) && socket.wants(private.key, symbol.as_deref())
            };
            let ids: Vec<u64> =
                self.sockets.iter().filter(|(_, socket)| wants(socket)).map(|(id, _)| id).collect();
            if ids.is_empty() {
                continue;
            }
            let text = self.framed(&format!("push.personal.{}", private.key), None, &private.payload);
            for id in ids {
                self.sockets.send(id, text.clone());
            }
        }
    }
}
