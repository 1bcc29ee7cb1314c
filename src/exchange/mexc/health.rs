//! Counters of a connection, for operators only. Invariant: no behaviour depends on them.

use crate::domain::time::{Span, Timestamp};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// Counters since the start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Health {
    /// Messages from sockets.
    pub frames: u64,
    /// Rows passed to inboxes.
    pub rows: u64,
    /// Unknown fields in messages and answers.
    pub unknown_fields: u64,
    /// Messages of unknown channels.
    pub unknown_channels: u64,
    /// Messages, rows and values that could not be used.
    pub malformed: u64,
    /// Messages and trades received before.
    pub repeated: u64,
    /// Sockets open now.
    pub sockets: u64,
    /// Sockets for market data that sessions need now, open or not.
    pub sockets_needed: u64,
    /// Those of them that are being opened for the first time. A try ends within `connect_timeout_ms`.
    pub sockets_starting: u64,
    /// Connections lost.
    pub reconnects: u64,
    /// Resyncs of order books.
    pub resyncs: u64,
    /// Steps of the local clock.
    pub clock_steps: u64,
    /// Requests sent.
    pub requests: u64,
    /// Requests without a usable answer.
    pub failed_requests: u64,
    /// Requests rejected by the exchange's rate limit.
    pub throttled: u64,
    /// How long the exchange has been rejecting market data requests as too frequent; `None`: it is not.
    pub refused_for: Option<Span>,
    /// Time since the last message of any socket; `None` before the first.
    pub last_frame_age: Option<Span>,
}

#[derive(Default, Debug)]
pub(super) struct Counters {
    pub frames: Count,
    pub rows: Count,
    pub unknown_fields: Count,
    pub unknown_channels: Count,
    pub malformed: Count,
    pub repeated: Count,
    pub sockets: AtomicU64,
    pub sockets_needed: AtomicU64,
    pub sockets_starting: AtomicU64,
    pub reconnects: Count,
    pub resyncs: Count,
    pub clock_steps: Count,
    pub requests: Count,
    pub failed_requests: Count,
    pub throttled: Count,
    /// 0: not rejecting.
    refused_since_ns: AtomicI64,
    last_frame_ns: AtomicI64,
}

/// A monotonic counter.
#[derive(Default, Debug)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub fn add(&self, more: u64) {
        if more > 0 {
            self.0.fetch_add(more, Relaxed);
        }
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Counters {
    pub fn frame(&self, at: Timestamp) {
        self.frames.add(1);
        self.last_frame_ns.store(at.nanos(), Relaxed);
    }

    /// Since when the exchange rejects market data requests as too frequent; `None`: it does not.
    pub fn refused(&self, since: Option<Timestamp>) {
        self.refused_since_ns.store(since.map_or(0, Timestamp::nanos), Relaxed);
    }

    pub fn health(&self, now: Timestamp) -> Health {
        let since = |at: &AtomicI64| {
            Some(at.load(Relaxed))
                .filter(|at| *at > 0)
                .map(|at| (now - Timestamp::from_nanos(at)).max(Span::ZERO))
        };
        Health {
            frames: self.frames.get(),
            rows: self.rows.get(),
            unknown_fields: self.unknown_fields.get(),
            unknown_channels: self.unknown_channels.get(),
            malformed: self.malformed.get(),
            repeated: self.repeated.get(),
            sockets: self.sockets.load(Relaxed),
            sockets_needed: self.sockets_needed.load(Relaxed),
            sockets_starting: self.sockets_starting.load(Relaxed),
            reconnects: self.reconnects.get(),
            resyncs: self.resyncs.get(),
            clock_steps: self.clock_steps.get(),
            requests: self.requests.get(),
            failed_requests: self.failed_requests.get(),
            throttled: self.throttled.get(),
            refused_for: since(&self.refused_since_ns),
            last_frame_age: since(&self.last_frame_ns),
        }
    }
}
