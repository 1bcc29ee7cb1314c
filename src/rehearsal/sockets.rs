//! Open sockets and their subscriptions. A frame is built once and shared by all its readers.

use super::topics::{PushChannel, Topic};
use hyper_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::mpsc::Sender;

/// Frames queued for a socket; when full the socket is dropped, as the exchange does with slow readers.
pub const SOCKET_FRAMES: usize = 1 << 16;

/// Maximum number of open sockets; more are closed at once.
pub const SOCKETS: usize = 1_024;

/// An instruction for a socket's task.
#[derive(Debug)]
pub enum Out {
    /// Send this message.
    Frame(Message),
    /// Close with this code, or without a code.
    Close(Option<u16>),
    /// Drop the connection without a close frame.
    Drop,
    /// Neither send nor read any more, but keep the connection open.
    Freeze,
}

/// A filter of private pushes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    /// `order`, `order.deal`, `position`, `asset`, …
    pub key: String,
    /// Symbols; empty: all.
    pub symbols: Vec<String>,
}

/// One socket.
#[derive(Debug)]
pub struct Socket {
    sender: Sender<Out>,
    topics: BTreeSet<Topic>,
    /// When the client last pinged or connected, true time in milliseconds.
    pub pinged_ms: i64,
    /// Whether the warning about missing pings was sent.
    pub is_warned: bool,
    /// The account it is logged in to.
    pub account: Option<usize>,
    /// Filters of private pushes; empty: everything passes.
    pub filters: Vec<Filter>,
    /// Frames sent.
    pub sent: u64,
}

impl Socket {
    /// Whether its filters pass a private frame.
    pub fn wants(&self, key: &str, symbol: Option<&str>) -> bool {
        let is_for_it = |filter: &Filter| {
            filter.symbols.is_empty()
                || symbol.is_none_or(|symbol| filter.symbols.iter().any(|known| known == symbol))
        };
        self.filters.is_empty() || self.filters.iter().any(|filter| filter.key == key && is_for_it(filter))
    }

    /// Whether it has any public subscription.
    pub fn is_streaming(&self) -> bool {
        !self.topics.is_empty()
    }
}

/// All open sockets.
#[derive(Default, Debug)]
pub struct Sockets {
    open: BTreeMap<u64, Socket>,
    topics: BTreeMap<Topic, Vec<u64>>,
    last_id: u64,
    /// Sockets dropped because they did not read.
    pub slow: u64,
    /// Frames sent, counted once per reader.
    pub frames: u64,
}

impl Sockets {
    /// Adds a socket and returns its id; `None` when there are too many.
    pub fn add(&mut self, sender: Sender<Out>, now_ms: i64) -> Option<u64> {
        if self.open.len() >= SOCKETS {
            return None;
        }
        self.last_id += 1;
        let socket = Socket {
            sender,
            topics: BTreeSet::new(),
            pinged_ms: now_ms,
            is_warned: false,
            account: None,
            filters: Vec::new(),
            sent: 0,
        };
        self.open.insert(self.last_id, socket);
        Some(self.last_id)
    }

    /// Removes a socket.
    pub fn remove(&mut self, id: u64) {
        if let Some(socket) = self.open.remove(&id) {
            for topic in socket.topics {
                self.leave(topic, id);
            }
        }
    }

    fn leave(&mut self, topic: Topic, id: u64) {
        if let Some(readers) = self.topics.get_mut(&topic) {
            readers.retain(|reader| *reader != id);
            if readers.is_empty() {
                self.topics.remove(&topic);
            }
        }
    }

    /// Ids of the open sockets.
    pub fn ids(&self) -> Vec<u64> {
        self.open.keys().copied().collect()
    }

    /// A socket by id.
    pub fn get_mut(&mut self, id: u64) -> Option<&mut Socket> {
        self.open.get_mut(&id)
    }

    /// All sockets.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Socket)> {
        self.open.iter().map(|(id, socket)| (*id, socket))
    }

    /// Subscribes; false when already subscribed.
    pub fn join(&mut self, id: u64, topic: Topic) -> bool {
        let Some(socket) = self.open.get_mut(&id) else { return false };
        let is_new = socket.topics.insert(topic);
        if is_new {
            self.topics.entry(topic).or_default().push(id);
        }
        is_new
    }

    /// Ends the subscriptions of a symbol to the channels for which `which` is true.
    pub fn unsubscribe(&mut self, id: u64, symbol: usize, which: impl Fn(PushChannel) -> bool) {
        let Some(socket) = self.open.get_mut(&id) else { return };
        let gone: Vec<Topic> = socket
            .topics
            .iter()
            .filter(|topic| topic.symbol == symbol && which(topic.channel))
            .copied()
            .collect();
        for topic in gone {
            if let Some(socket) = self.open.get_mut(&id) {
                socket.topics.remove(&topic);
            }
            self.leave(topic, id);
        }
    }

    /// Whether a topic has subscribers.
    pub fn has_readers(&self, topic: Topic) -> bool {
        self.topics.contains_key(&topic)
    }

    /// Candle intervals of a symbol with subscribers, as indexes in `INTERVALS`.
    pub fn klines_of(&self, symbol: usize) -> Vec<u8> {
        let kline = |index: u8| Topic::new(PushChannel::Kline(index), symbol);
        self.topics
            .range(kline(0)..=kline(u8::MAX))
            .filter_map(|(topic, _)| as_kline(topic, symbol))
            .collect()
    }

    /// Level counts of top-of-book pushes of a symbol with subscribers.
    pub fn full_of(&self, symbol: usize) -> Vec<u16> {
        [5, 10, 20, 50]
            .into_iter()
            .filter(|limit| self.has_readers(Topic::new(PushChannel::DepthFull(*limit), symbol)))
            .collect()
    }

    /// Sends a text to all subscribers.
    pub fn publish(&mut self, topic: Topic, text: Utf8Bytes) {
        self.publish_message(topic, &Message::Text(text));
    }

    /// Sends a message to all subscribers.
    pub fn publish_message(&mut self, topic: Topic, message: &Message) {
        let Some(readers) = self.topics.get(&topic) else { return };
        let mut slow = Vec::new();
        for id in readers {
            let Some(socket) = self.open.get_mut(id) else { continue };
            socket.sent += 1;
            self.frames += 1;
            if socket.sender.try_send(Out::Frame(message.clone())).is_err() {
                slow.push(*id);
            }
        }
        for id in slow {
            self.drop_slow(id);
        }
    }

    fn drop_slow(&mut self, id: u64) {
        self.slow += 1;
        // Its task ends once the last sender is dropped.
        self.remove(id);
    }

    /// Sends a text to one socket.
    pub fn send(&mut self, id: u64, text: String) {
        self.tell(id, Out::Frame(Message::Text(Utf8Bytes::from(text))));
    }

    /// Sends bytes to one socket.
    pub fn send_bytes(&mut self, id: u64, bytes: Vec<u8>) {
        self.tell(id, Out::Frame(Message::Binary(Bytes::from(bytes))));
    }

    /// Passes an instruction to a socket's task.
    pub fn tell(&mut self, id: u64, out: Out) {
        let Some(socket) = self.open.get_mut(&id) else { return };
        socket.sent += 1;
        self.frames += 1;
        if socket.sender.try_send(out).is_err() {
            self.drop_slow(id);
        }
    }
}

fn as_kline(topic: &Topic, symbol: usize) -> Option<u8> {
    match topic.channel {
        PushChannel::Kline(index) if topic.symbol == symbol => Some(index),
        _ => None,
    }
}
