//! Open sockets and what they listen to. A frame is written once; all its readers get the same buffer.

use super::topics::{Channel, Topic};
use hyper_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::mpsc::Sender;

/// Frames that wait for a socket's reader; when full the socket is dropped, as the exchange does with slow readers.
pub const SOCKET_FRAMES: usize = 1 << 16;

/// Sockets at once; a further one is closed as soon as it is open.
pub const SOCKETS: usize = 1_024;

/// What a socket's task is told.
#[derive(Debug)]
pub enum Out {
    /// Send this.
    Frame(Message),
    /// Close with this code, or without one.
    Close(Option<u16>),
    /// Drop the connection without a close frame.
    Drop,
    /// Send and read nothing any more, but leave the connection open.
    Freeze,
}

/// One filter of private pushes.
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
    /// When the client pinged last (or connected), by the exchange's unshifted clock.
    pub pinged_ms: i64,
    /// Whether it was told that it is silent.
    pub is_warned: bool,
    /// The account it is logged in to.
    pub account: Option<usize>,
    /// What it wants of private pushes; empty: everything.
    pub filters: Vec<Filter>,
    /// Frames sent.
    pub sent: u64,
}

impl Socket {
    /// Whether its filters let a private frame pass.
    pub fn wants(&self, key: &str, symbol: Option<&str>) -> bool {
        let is_for_it = |filter: &Filter| {
            filter.symbols.is_empty()
                || symbol.is_none_or(|symbol| filter.symbols.iter().any(|known| known == symbol))
        };
        self.filters.is_empty() || self.filters.iter().any(|filter| filter.key == key && is_for_it(filter))
    }

    /// Whether it listens to anything public.
    pub fn is_streaming(&self) -> bool {
        !self.topics.is_empty()
    }
}

/// All of them.
#[derive(Default, Debug)]
pub struct Sockets {
    open: BTreeMap<u64, Socket>,
    topics: BTreeMap<Topic, Vec<u64>>,
    last_id: u64,
    /// Sockets that were dropped because they did not read.
    pub slow: u64,
    /// Frames sent to anybody, each counted once per reader.
    pub frames: u64,
}

impl Sockets {
    /// A new one; `None` when there are too many.
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

    /// Forgets one.
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

    /// Ids of the open ones.
    pub fn ids(&self) -> Vec<u64> {
        self.open.keys().copied().collect()
    }

    /// One of them.
    pub fn get_mut(&mut self, id: u64) -> Option<&mut Socket> {
        self.open.get_mut(&id)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Socket)> {
        self.open.iter().map(|(id, socket)| (*id, socket))
    }

    /// Subscribes; false when it was already.
    pub fn join(&mut self, id: u64, topic: Topic) -> bool {
        let Some(socket) = self.open.get_mut(&id) else { return false };
        let is_new = socket.topics.insert(topic);
        if is_new {
            self.topics.entry(topic).or_default().push(id);
        }
        is_new
    }

    /// Ends every subscription of a symbol to channels that `which` names.
    pub fn unsubscribe(&mut self, id: u64, symbol: usize, which: impl Fn(Channel) -> bool) {
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

    /// Whether anybody listens.
    pub fn has_readers(&self, topic: Topic) -> bool {
        self.topics.contains_key(&topic)
    }

    /// Symbols and intervals of candles that somebody listens to.
    pub fn klines_of(&self, symbol: usize) -> Vec<u8> {
        let kline = |place: u8| Topic::new(Channel::Kline(place), symbol);
        self.topics
            .range(kline(0)..=kline(u8::MAX))
            .filter_map(|(topic, _)| as_kline(topic, symbol))
            .collect()
    }

    /// Limits of full books that somebody listens to.
    pub fn full_of(&self, symbol: usize) -> Vec<u16> {
        [5, 10, 20, 50]
            .into_iter()
            .filter(|limit| self.has_readers(Topic::new(Channel::DepthFull(*limit), symbol)))
            .collect()
    }

    /// Sends to everybody who listens.
    pub fn publish(&mut self, topic: Topic, text: Utf8Bytes) {
        self.publish_message(topic, &Message::Text(text));
    }

    /// The same with any message.
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
        // Its task ends when the last sender is gone.
        self.remove(id);
    }

    /// Sends to one.
    pub fn send(&mut self, id: u64, text: String) {
        self.tell(id, Out::Frame(Message::Text(Utf8Bytes::from(text))));
    }

    /// Sends bytes to one.
    pub fn send_bytes(&mut self, id: u64, bytes: Vec<u8>) {
        self.tell(id, Out::Frame(Message::Binary(Bytes::from(bytes))));
    }

    /// Tells a socket's task something.
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
        Channel::Kline(place) if topic.symbol == symbol => Some(place),
        _ => None,
    }
}
