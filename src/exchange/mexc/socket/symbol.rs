//! State of one symbol on a socket: which streams are complete, and what is needed to detect repeated rows.

use super::funding::Funding;
use crate::domain::decimal::Decimal;
use crate::domain::event::GapCause;
use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use crate::exchange::mexc::book::{BookChange, BookMessage, BookSnapshot, BookSync, Out, Pace};
use crate::exchange::mexc::health::Counters;
use crate::exchange::mexc::socket::Received;
use crate::exchange::mexc::versions::Behind;
use crate::exchange::mexc::wire::rows::ContractNews;
use crate::limits;
use crate::session::ports::MarketSink;
use std::collections::VecDeque;

/// One symbol of a socket.
pub struct Symbol {
    /// Name as the exchange writes it.
    pub name: String,
    /// The order book built from changes.
    pub book: BookSync,
    /// A snapshot request is in flight.
    pub is_fetching: bool,
    /// When the book was last known complete: at its last message of changes, or its snapshot.
    pub book_heard_at: Option<Timestamp>,
    /// When its last data arrived, or when data was first expected; by both clocks.
    pub served_at: Option<Received>,
    /// Acknowledged streams that wait for first data: an acknowledgement alone proves nothing.
    pub promised: Vec<StreamKind>,
    /// Ids of recent trades.
    pub deals: RecentIds,
    /// Version of the last top of the book on this connection.
    pub top_version: Option<u64>,
    /// Top-of-book messages with versions at or below it.
    pub top_behind: Behind,
    /// The last top had no levels: the contract is paused or delisted.
    pub is_top_empty: bool,
    /// Fair and index price published last.
    pub mark: Option<(Decimal, Option<Decimal>)>,
    /// Next and missed funding payments.
    pub funding: Funding,
    /// The contract terms received last.
    pub terms: Option<ContractNews>,
    /// Which streams are complete.
    pub coverage: Coverage,
}

/// Which streams of a symbol are complete; reports changes to the inbox.
pub struct Coverage {
    /// Index in the subscription.
    pub id: SymbolId,
    complete: Vec<StreamKind>,
}

impl Coverage {
    /// Marks streams as complete from here on and reports those that were not.
    pub fn regained(&mut self, streams: &[StreamKind], inbox: &dyn MarketSink) {
        let new: Vec<StreamKind> =
            streams.iter().copied().filter(|stream| !self.complete.contains(stream)).collect();
        if !new.is_empty() {
            self.complete.extend(&new);
            inbox.regained(self.id, &new);
        }
    }

    /// All complete streams.
    pub fn complete(&self) -> Vec<StreamKind> {
        self.complete.clone()
    }

    fn lost(&mut self, streams: &[StreamKind], since: Timestamp, cause: GapCause, inbox: &dyn MarketSink) {
        let gone: Vec<StreamKind> =
            streams.iter().copied().filter(|stream| self.complete.contains(stream)).collect();
        if !gone.is_empty() {
            self.complete.retain(|stream| !gone.contains(stream));
            inbox.lost(self.id, &gone, since, cause);
        }
    }
}

impl Symbol {
    /// No stream is complete yet.
    pub fn new(id: SymbolId, name: String, pace: Pace) -> Self {
        Symbol {
            name,
            book: BookSync::new(pace),
            is_fetching: false,
            book_heard_at: None,
            served_at: None,
            promised: Vec::new(),
            deals: RecentIds::default(),
            top_version: None,
            top_behind: Behind::default(),
            is_top_empty: false,
            mark: None,
            funding: Funding::default(),
            terms: None,
            coverage: Coverage { id, complete: Vec::new() },
        }
    }

    /// Marks streams as possibly missing rows from `since` on and reports those that were complete.
    pub fn lost(
        &mut self,
        streams: &[StreamKind],
        since: Timestamp,
        cause: GapCause,
        inbox: &dyn MarketSink,
    ) {
        self.coverage.lost(streams, since, cause, inbox);
        // A mark is published only when it changes; after a gap the last one is unknown to readers.
        if streams.contains(&StreamKind::Marks) {
            self.mark = None;
        }
    }

    /// The last top of the book is invalid and has no successor: reports a gap that ends at once.
    pub fn forget_top(&mut self, at: Timestamp, cause: GapCause, inbox: &dyn MarketSink) {
        let top = [StreamKind::BookSnapshots];
        if self.coverage.complete.contains(&top[0]) {
            self.lost(&top, at, cause, inbox);
            self.coverage.regained(&top, inbox);
        }
    }

    /// Drops the state of a closed connection.
    pub fn disconnected(&mut self) {
        self.forgotten();
        self.is_fetching = false;
        self.funding.disconnected();
    }

    /// Drops the state of the symbol's subscriptions; the connection stays open.
    pub fn forgotten(&mut self) {
        self.book.reset();
        self.book_heard_at = None;
        self.top_version = None;
        self.top_behind.reset();
        self.is_top_empty = false;
        self.served_at = None;
        self.promised.clear();
    }

    /// Data of the symbol or its socket arrived: acknowledged streams are complete from here on.
    pub fn lives(&mut self, inbox: &dyn MarketSink) {
        if !self.promised.is_empty() {
            let promised = std::mem::take(&mut self.promised);
            self.coverage.regained(&promised, inbox);
        }
    }

    /// Time of the last data, when that is longer ago than `patience`.
    pub fn silent_since(&self, now: Span, patience: Span) -> Option<Timestamp> {
        self.served_at.filter(|last| now.nanos() - last.steady.nanos() > patience.nanos()).map(|last| last.at)
    }

    /// Runs `run` on the book with its output going to the inbox.
    pub fn with_book<T>(
        &mut self,
        rows: &mut Vec<Record>,
        inbox: &dyn MarketSink,
        counters: &Counters,
        since: Timestamp,
        run: impl FnOnce(&mut BookSync, &mut ToSink<'_>) -> T,
    ) -> T {
        let to_sink = &mut ToSink { coverage: &mut self.coverage, rows, inbox, counters, since };
        run(&mut self.book, to_sink)
    }
}

/// Sends a book's rows and gaps to the inbox.
pub struct ToSink<'a> {
    coverage: &'a mut Coverage,
    rows: &'a mut Vec<Record>,
    inbox: &'a dyn MarketSink,
    counters: &'a Counters,
    since: Timestamp,
}

impl ToSink<'_> {
    fn send(&mut self, at: Timestamp, version: u64, snapshot: bool, changes: &[BookChange]) {
        if changes.is_empty() {
            return;
        }
        self.rows.clear();
        self.rows.extend(changes.iter().map(|change| Record {
            exchange_at: at,
            received_at: None,
            body: RecordBody::LevelChange {
                side: change.side,
                price: change.price,
                quantity: change.quantity,
                snapshot,
                update_id: Some(version),
            },
        }));
        self.counters.rows.add(self.rows.len() as u64);
        self.inbox.rows(self.coverage.id, self.rows);
    }
}

impl Out for ToSink<'_> {
    fn snapshot(&mut self, snapshot: BookSnapshot<'_>) {
        self.send(snapshot.at, snapshot.version, true, snapshot.levels);
    }

    fn changed(&mut self, message: BookMessage<'_>) {
        self.send(message.at, message.end, false, message.changes);
    }

    fn lost(&mut self) {
        self.counters.resyncs.add(1);
        self.coverage.lost(&[StreamKind::BookChanges], self.since, GapCause::VersionHole, self.inbox);
    }

    fn regained(&mut self) {
        self.coverage.regained(&[StreamKind::BookChanges], self.inbox);
    }
}

/// The most recent trade ids, at most [`limits::EXCHANGE_DEAL_IDS`].
#[derive(Default, Debug)]
pub struct RecentIds {
    ids: VecDeque<u64>,
    highest: u64,
}

impl RecentIds {
    /// Remembers an id; false when it is known already.
    pub fn is_new(&mut self, id: u64) -> bool {
        // Ids usually grow, so most are above all others and need no search.
        if id <= self.highest && self.ids.contains(&id) {
            return false;
        }
        if self.ids.len() == limits::EXCHANGE_DEAL_IDS {
            self.ids.pop_front();
        }
        self.ids.push_back(id);
        self.highest = self.highest.max(id);
        true
    }
}
