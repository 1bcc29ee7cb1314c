//! The exchange in one process, without sockets, threads or a clock: for simulations from a seed.
//!
//! Requests and frames go in with their time; answers, frames and closed sockets come out of
//! [`Simulated::advance`], each with the time at which it arrives.
//!
//! Invariants: the same calls with the same seed give the same events, and events never go back in time.

use super::exchange::Exchange;
use super::rest::{Reply, Request};
use super::sockets::{Out, SOCKET_FRAMES};
use crate::domain::record::Record;
use hyper_tungstenite::tungstenite::Message;
use std::collections::BTreeMap;
use tokio::sync::mpsc::{Receiver, channel};

/// What arrives at a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientInput {
    /// The answer to a request.
    Answer {
        /// The number that [`Simulated::ask`] gave.
        call: u64,
        /// Status, media type and body.
        reply: Reply,
    },
    /// The connection of a request ended without an answer.
    Reset {
        /// The number that [`Simulated::ask`] gave.
        call: u64,
    },
    /// A text frame.
    Text {
        /// The socket.
        socket: u64,
        /// The text.
        text: String,
    },
    /// A binary frame.
    Binary {
        /// The socket.
        socket: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A socket was closed; without a code it was dropped, or closed without one.
    Closed {
        /// The socket.
        socket: u64,
        /// The code of the close frame.
        code: Option<u16>,
    },
}

/// An exchange whose time is a number.
#[derive(Debug)]
pub struct Simulated {
    /// The exchange: for faults, and to compare with.
    pub exchange: Exchange,
    step_ms: i64,
    now_ms: i64,
    last_call: u64,
    /// Answers on their way, by the time and order of their arrival.
    answers: BTreeMap<(i64, u64), Reply>,
    sockets: BTreeMap<u64, Receiver<Out>>,
}

impl Simulated {
    /// Starts at this time; the exchange acts every `step_ms` milliseconds, at least 1.
    pub fn new(mut exchange: Exchange, step_ms: i64, now_ms: i64) -> Self {
        exchange.set_time(now_ms);
        Simulated {
            exchange,
            step_ms: step_ms.max(1),
            now_ms,
            last_call: 0,
            answers: BTreeMap::new(),
            sockets: BTreeMap::new(),
        }
    }

    /// The time, milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// A recorded row happens now.
    ///
    /// # Errors
    /// As [`Exchange::row`].
    pub fn row(&mut self, symbol: usize, record: &Record) -> Result<(), String> {
        self.exchange.row(symbol, record, self.now_ms)
    }

    /// A request arrives now; returns the number of its answer.
    pub fn ask(&mut self, request: &Request) -> u64 {
        self.last_call += 1;
        let reply = self.exchange.ask(request, self.now_ms);
        let after_ms = i64::try_from(reply.after_ms).unwrap_or(i64::MAX);
        self.answers.insert((self.now_ms.saturating_add(after_ms), self.last_call), reply);
        self.last_call
    }

    /// Opens a socket; `None` when there are too many or the exchange is down.
    pub fn connect(&mut self) -> Option<u64> {
        if self.exchange.restarting.is_some() {
            return None;
        }
        let (sender, receiver) = channel(SOCKET_FRAMES);
        let id = self.exchange.sockets.add(sender, self.now_ms)?;
        self.sockets.insert(id, receiver);
        Some(id)
    }

    /// A client closes its socket.
    pub fn disconnect(&mut self, socket: u64) {
        self.sockets.remove(&socket);
        self.exchange.sockets.remove(socket);
    }

    /// A frame of a client arrives now.
    pub fn say(&mut self, socket: u64, text: &str) {
        self.exchange.set_time(self.now_ms);
        self.exchange.hear(socket, text);
    }

    /// Lets time pass until `to_ms`; returns what arrived, each with its time.
    pub fn advance(&mut self, to_ms: i64) -> Vec<(i64, ClientInput)> {
        let mut events = Vec::new();
        self.gather(&mut events);
        while self.now_ms < to_ms {
            self.now_ms = to_ms.min(self.now_ms + self.step_ms);
            self.exchange.step(self.now_ms);
            self.gather(&mut events);
        }
        events
    }

    /// Takes what has arrived by now: frames first, as the real exchange's pushes may overtake its answers.
    fn gather(&mut self, events: &mut Vec<(i64, ClientInput)>) {
        let mut gone = Vec::new();
        for (socket, queue) in &mut self.sockets {
            loop {
                match queue.try_recv() {
                    Ok(out) => events.extend(event(*socket, out).map(|event| (self.now_ms, event))),
                    Err(tokio::sync::mpsc::error::TryRecvError::Empty) => break,
                    Err(tokio::sync::mpsc::error::TryRecvError::Disconnected) => {
                        gone.push(*socket);
                        break;
                    }
                }
            }
        }
        for socket in gone {
            self.sockets.remove(&socket);
        }
        while let Some(entry) = self.answers.first_entry().filter(|entry| entry.key().0 <= self.now_ms) {
            let ((_, call), reply) = entry.remove_entry();
            let event = if reply.is_reset {
                ClientInput::Reset { call }
            } else {
                ClientInput::Answer { call, reply }
            };
            events.push((self.now_ms, event));
        }
    }
}

/// A frozen socket is silent: the client learns nothing.
fn event(socket: u64, out: Out) -> Option<ClientInput> {
    match out {
        Out::Frame(Message::Text(text)) => Some(ClientInput::Text { socket, text: text.as_str().to_owned() }),
        Out::Frame(Message::Binary(bytes)) => Some(ClientInput::Binary { socket, bytes: bytes.to_vec() }),
        Out::Frame(_) | Out::Freeze => None,
        Out::Close(code) => Some(ClientInput::Closed { socket, code }),
        Out::Drop => Some(ClientInput::Closed { socket, code: None }),
    }
}
