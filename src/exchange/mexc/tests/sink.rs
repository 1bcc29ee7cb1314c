//! An inbox that records everything and can wait for what is to come.

use crate::clock::Stopwatch;
use crate::domain::event::GapCause;
use crate::domain::record::{Record, StreamKind};
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use crate::session::ports::{MarketSink, Notice};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// What an inbox received.
#[derive(Clone, PartialEq, Debug)]
pub enum Told {
    Rows(u32, Vec<Record>),
    Lost(u32, Vec<StreamKind>, Timestamp, GapCause),
    Regained(u32, Vec<StreamKind>),
    Notice(Notice),
}

/// Everything received, in order.
#[derive(Default)]
pub struct Memory {
    told: Mutex<Vec<Told>>,
    more: Condvar,
}

impl Memory {
    fn add(&self, told: Told) {
        self.told.lock().unwrap().push(told);
        self.more.notify_all();
    }

    pub fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    /// Waits until `find` finds something; panics with everything received after 20 seconds.
    #[track_caller]
    pub fn wait<T>(&self, what: &str, find: impl Fn(&[Told]) -> Option<T>) -> T {
        let begun = Stopwatch::start();
        let mut told = self.told.lock().unwrap();
        loop {
            if let Some(found) = find(&told) {
                return found;
            }
            assert!(begun.elapsed() < Span::from_seconds(20), "waited for {what}; came: {told:#?}");
            told = self.more.wait_timeout(told, Duration::from_secs(1)).unwrap().0;
        }
    }

    /// Waits for something equal.
    #[track_caller]
    pub fn wait_for(&self, expected: &Told) {
        self.wait(&format!("{expected:?}"), |told| told.contains(expected).then_some(()));
    }

    /// All rows of a symbol and stream.
    pub fn rows(&self, symbol: u32, stream: StreamKind) -> Vec<Record> {
        rows(&self.told(), symbol, stream)
    }
}

/// All rows of a symbol and stream.
pub fn rows(told: &[Told], symbol: u32, stream: StreamKind) -> Vec<Record> {
    let batches = told.iter().filter_map(|told| match told {
        Told::Rows(id, rows) if *id == symbol => Some(rows),
        _ => None,
    });
    batches.flatten().filter(|row| row.body.stream() == stream).copied().collect()
}

impl MarketSink for Memory {
    fn rows(&self, symbol: SymbolId, rows: &[Record]) {
        assert!(!rows.is_empty(), "no empty batches");
        assert!(
            rows.iter().all(|row| row.received_at.is_none() && row.body.stream() == rows[0].body.stream()),
            "one stream, unstamped"
        );
        self.add(Told::Rows(symbol.0, rows.to_vec()));
    }

    fn lost(&self, symbol: SymbolId, streams: &[StreamKind], since: Timestamp, cause: GapCause) {
        self.add(Told::Lost(symbol.0, streams.to_vec(), since, cause));
    }

    fn regained(&self, symbol: SymbolId, streams: &[StreamKind]) {
        self.add(Told::Regained(symbol.0, streams.to_vec()));
    }

    fn notice(&self, notice: Notice) {
        self.add(Told::Notice(notice));
    }
}
