//! What a socket knows about one symbol: which streams are complete, and what tells repeated rows from new ones.

use super::funding::Funding;
use crate::domain::decimal::Decimal;
use crate::domain::event::GapCause;
use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use crate::exchange::mexc::book::{Book, Change, Message, Out, Pace, Snapshot};
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
    /// The book of changes.
    pub book: Book,
    /// A snapshot of the book is on its way.
    pub is_fetching: bool,
    /// When the book's changes were complete last: with a message of them, or with a snapshot.
    pub book_heard_at: Option<Timestamp>,
    /// When something of it came last, or when that was first to be expected; by both clocks.
    pub served_at: Option<Received>,
    /// Streams that were acknowledged and wait for a sign of life: an acknowledgement alone is no data.
    pub promised: Vec<StreamKind>,
    /// Trades seen.
    pub deals: RecentIds,
    /// Version of the last top of the book of this connection, and messages behind it.
    pub top_version: Option<u64>,
    /// Messages of the top behind that version.
    pub top_behind: Behind,
    /// The last top had no levels at all: the contract is paused or delisted.
    pub is_top_empty: bool,
    /// Fair and index price let out last.
    pub mark: Option<(Decimal, Option<Decimal>)>,
    /// The funding to come.
    pub funding: Funding,
    /// The terms that were told last.
    pub terms: Option<ContractNews>,
    /// Which streams are complete.
    pub coverage: Coverage,
}

/// Which streams of a symbol are complete, and who must know when that changes.
pub struct Coverage {
    /// Place in the subscription.
    pub id: SymbolId,
    complete: Vec<StreamKind>,
}

impl Coverage {
    /// Says that streams are complete from here on, those that were not.
    pub fn regained(&mut self, streams: &[StreamKind], intake: &dyn MarketSink) {
        let new: Vec<StreamKind> =
            streams.iter().copied().filter(|stream| !self.complete.contains(stream)).collect();
        if !new.is_empty() {
            self.complete.extend(&new);
            intake.regained(self.id, &new);
        }
    }

    /// All streams that are complete.
    pub fn complete(&self) -> Vec<StreamKind> {
        self.complete.clone()
    }

    fn lost(&mut self, streams: &[StreamKind], since: Timestamp, cause: GapCause, intake: &dyn MarketSink) {
        let gone: Vec<StreamKind> =
            streams.iter().copied().filter(|stream| self.complete.contains(stream)).collect();
        if !gone.is_empty() {
            self.complete.retain(|stream| !gone.contains(stream));
            intake.lost(self.id, &gone, since, cause);
        }
    }
}

impl Symbol {
    /// Nothing is complete yet.
    pub fn new(id: SymbolId, name: String, pace: Pace) -> Self {
        Symbol {
            name,
            book: Book::new(pace),
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

    /// Says that streams may miss rows from `since` on, those that were complete.
    pub fn lost(
        &mut self,
        streams: &[StreamKind],
        since: Timestamp,
        cause: GapCause,
        intake: &dyn MarketSink,
    ) {
        self.coverage.lost(streams, since, cause, intake);
        // A mark is let out when it changed; behind a gap nobody knows the one before.
        if streams.contains(&StreamKind::Marks) {
            self.mark = None;
        }
    }

    /// The last top of the book holds no longer and nothing takes its place: a gap that is over at once.
    pub fn forget_top(&mut self, at: Timestamp, cause: GapCause, intake: &dyn MarketSink) {
        let top = [StreamKind::BookSnapshots];
        if self.coverage.complete.contains(&top[0]) {
            self.lost(&top, at, cause, intake);
            self.coverage.regained(&top, intake);
        }
    }

    /// What was known of the connection that is gone.
    pub fn disconnected(&mut self) {
        self.forgotten();
        self.is_fetching = false;
        self.funding.disconnected();
    }

    /// What was known of its subscriptions is gone; the connection is not.
    pub fn forgotten(&mut self) {
        self.book.reset();
        self.book_heard_at = None;
        self.top_version = None;
        self.top_behind.reset();
        self.is_top_empty = false;
        self.served_at = None;
        self.promised.clear();
    }

    /// Something of it, or of its socket, came: what was acknowledged is really served.
    pub fn lives(&mut self, intake: &dyn MarketSink) {
        if !self.promised.is_empty() {
            let promised = std::mem::take(&mut self.promised);
            self.coverage.regained(&promised, intake);
        }
    }

    /// Since when nothing came, when that is longer than it may be.
    pub fn silent_since(&self, now: Span, patience: Span) -> Option<Timestamp> {
        self.served_at.filter(|last| now.nanos() - last.steady.nanos() > patience.nanos()).map(|last| last.at)
    }

    /// Runs the book with its rows going to the intake.
    pub fn with_book<T>(
        &mut self,
        rows: &mut Vec<Record>,
        intake: &dyn MarketSink,
        counters: &Counters,
        since: Timestamp,
        run: impl FnOnce(&mut Book, &mut ToIntake<'_>) -> T,
    ) -> T {
        let to_intake = &mut ToIntake { coverage: &mut self.coverage, rows, intake, counters, since };
        run(&mut self.book, to_intake)
    }
}

/// Rows of a book on their way to the intake.
pub struct ToIntake<'a> {
    coverage: &'a mut Coverage,
    rows: &'a mut Vec<Record>,
    intake: &'a dyn MarketSink,
    counters: &'a Counters,
    since: Timestamp,
}

impl ToIntake<'_> {
    fn send(&mut self, at: Timestamp, version: u64, snapshot: bool, changes: &[Change]) {
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
        self.intake.rows(self.coverage.id, self.rows);
    }
}

impl Out for ToIntake<'_> {
    fn snapshot(&mut self, snapshot: Snapshot<'_>) {
        self.send(snapshot.at, snapshot.version, true, snapshot.levels);
    }

    fn changed(&mut self, message: Message<'_>) {
        self.send(message.at, message.end, false, message.changes);
    }

    fn lost(&mut self) {
        self.counters.resyncs.add(1);
        self.coverage.lost(&[StreamKind::BookChanges], self.since, GapCause::VersionHole, self.intake);
    }

    fn regained(&mut self) {
        self.coverage.regained(&[StreamKind::BookChanges], self.intake);
    }
}

/// Trade ids of late, at most [`limits::EXCHANGE_DEAL_IDS`].
#[derive(Default, Debug)]
pub struct RecentIds {
    ids: VecDeque<u64>,
    highest: u64,
}

impl RecentIds {
    /// Remembers an id; false when it was there.
    pub fn is_new(&mut self, id: u64) -> bool {
        // Ids grow, so most are above all others and need no search.
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
