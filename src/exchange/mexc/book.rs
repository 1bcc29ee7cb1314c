//! One order book built from snapshots and from change messages that may be lost, repeated, late or stale.
//!
//! A state machine without I/O or clock: messages, snapshots and times go in; rows and the notices "lost" and
//! "regained" come out. Invariant: while [`BookSync::is_synced`] is true, the rows that came out are the
//! exchange's book at version `last`, down to the worst level of the snapshot; changes beyond that depth are
//! dropped. Nothing survives [`BookSync::reset`], so versions of two connections never mix.

mod pending;
mod sides;
#[cfg(test)]
mod tests;

use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::time::{Span, Timestamp};
use crate::exchange::mexc::versions::Behind;
use pending::PendingMessages;
use sides::Sides;

/// Timeouts of a book, and the depth of its snapshots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// How long to wait for a first message before fetching a snapshot anyway, because the contract may be
    /// quiet.
    pub quiet: Span,
    /// First wait after a snapshot that was too old or failed; doubles.
    pub wait_min: Span,
    /// Longest wait of that kind.
    pub wait_max: Span,
    /// Minimum time between two resyncs.
    pub resync: Span,
    /// How long bid and ask may stay crossed before a resync.
    pub crossed: Span,
    /// Maximum levels per side of a snapshot. A side with exactly that many may continue beyond them.
    pub levels: usize,
}

/// New state of a level; quantity 0 deletes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BookChange {
    /// Side of the book.
    pub side: Side,
    /// Price.
    pub price: Decimal,
    /// New quantity, absolute, not a difference.
    pub quantity: Decimal,
}

/// All changes from version `begin` to version `end`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BookMessage<'a> {
    /// First version it covers.
    pub begin: u64,
    /// Last version it covers.
    pub end: u64,
    /// The exchange's time.
    pub at: Timestamp,
    /// Changed levels, in any order.
    pub changes: &'a [BookChange],
}

/// The whole book at one version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BookSnapshot<'a> {
    /// Version of the book.
    pub version: u64,
    /// The exchange's time.
    pub at: Timestamp,
    /// Every level, best first.
    pub levels: &'a [BookChange],
}

/// Receives a book's rows.
pub trait Out {
    /// The whole book, after `regained`.
    fn snapshot(&mut self, snapshot: BookSnapshot<'_>);
    /// The changes of the next message.
    fn changed(&mut self, message: BookMessage<'_>);
    /// The published book is wrong from here on.
    fn lost(&mut self);
    /// The published book is right from here on; a snapshot follows.
    fn regained(&mut self);
}

/// What happened to a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// Published, or buffered until the snapshot arrives.
    New,
    /// Received before; dropped.
    Repeated,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SyncState {
    /// Not subscribed.
    Idle,
    /// Messages are buffered until a snapshot joins them; `is_first`: none has arrived yet.
    Joining { is_first: bool },
    /// Synchronized: messages are published as they arrive.
    Synced,
}

/// One order book.
#[derive(Debug)]
pub struct BookSync {
    pace: Pace,
    state: SyncState,
    held: PendingMessages,
    sides: Sides,
    /// Version of the last published row.
    last: u64,
    /// A snapshot below this version cannot be joined.
    floor: u64,
    /// Nor can one at or above this version: it is from before the exchange restarted its version count.
    ceiling: Option<u64>,
    /// Messages with versions at or below the newest.
    behind: Behind,
    /// Reused buffer: a message's changes within the known depth.
    known: Vec<BookChange>,
    /// When to request a snapshot.
    due: Option<Span>,
    wait: Span,
    next_resync: Span,
    crossed_since: Option<Span>,
}

impl BookSync {
    /// A book that is not subscribed yet.
    pub fn new(pace: Pace) -> Self {
        BookSync {
            pace,
            state: SyncState::Idle,
            held: PendingMessages::default(),
            sides: Sides::default(),
            last: 0,
            floor: 0,
            ceiling: None,
            behind: Behind::default(),
            known: Vec::new(),
            due: None,
            wait: pace.wait_min,
            next_resync: Span::ZERO,
            crossed_since: None,
        }
    }

    /// The subscription is confirmed, so messages may follow. No effect if it was confirmed before.
    pub fn start(&mut self, now: Span) {
        if self.state == SyncState::Idle {
            self.state = SyncState::Joining { is_first: true };
            self.due = Some(now + self.pace.quiet);
        }
    }

    /// The connection is gone; drops all state except the time of the next permitted resync.
    pub fn reset(&mut self) {
        let (held, known) = (std::mem::take(&mut self.held), std::mem::take(&mut self.known));
        *self = BookSync { held, known, next_resync: self.next_resync, ..BookSync::new(self.pace) };
        self.held.clear();
    }

    /// Whether the published rows are the exchange's book.
    pub fn is_synced(&self) -> bool {
        self.state == SyncState::Synced
    }

    /// Version of the book while it is synchronized.
    #[cfg(test)]
    pub fn version(&self) -> Option<u64> {
        self.is_synced().then_some(self.last)
    }

    /// Whether a snapshot must be requested now; answer with [`BookSync::snapshot`] or
    /// [`BookSync::no_snapshot`].
    pub fn take_due(&mut self, now: Span) -> bool {
        let is_due = self.due.is_some_and(|due| due <= now);
        if is_due {
            self.due = None;
        }
        is_due
    }

    /// Processes a message of changes.
    pub fn message(&mut self, message: BookMessage<'_>, now: Span, out: &mut impl Out) -> Taken {
        if self.newest().is_some_and(|newest| message.end <= newest) {
            if !self.behind.add(message.end) {
                return Taken::Repeated;
            }
            self.begin_anew(now, out);
        }
        self.behind.reset();
        match self.state {
            SyncState::Idle => {
                self.start(now);
                self.hold(message, now)
            }
            SyncState::Joining { .. } => self.hold(message, now),
            SyncState::Synced if message.begin > self.last + 1 => {
                self.lose(self.last, now, out);
                self.hold(message, now)
            }
            SyncState::Synced => {
                self.apply(message, out);
                self.check(now, out);
                Taken::New
            }
        }
    }

    /// The last version published or buffered.
    fn newest(&self) -> Option<u64> {
        if self.is_synced() {
            return Some(self.last);
        }
        // No snapshot below the floor is accepted, so a message below it is useless.
        self.held.end().max(Some(self.floor).filter(|floor| *floor > 0))
    }

    /// The exchange restarted its version count: drops all state and rejects snapshots of the old count.
    fn begin_anew(&mut self, now: Span, out: &mut impl Out) {
        let ceiling = self.newest();
        self.lose(0, now, out);
        (self.floor, self.ceiling) = (0, ceiling);
    }

    /// A message arrived that could not be parsed, so its changes are missing.
    pub fn refused(&mut self, now: Span, out: &mut impl Out) {
        let known = if self.is_synced() { self.last } else { self.held.end().unwrap_or(self.floor) };
        self.lose(known.saturating_add(1), now, out);
    }

    /// Published rows are no longer valid, e.g. after a clock step; resynchronizes the book.
    pub fn reopen(&mut self, now: Span, out: &mut impl Out) {
        if self.is_synced() {
            self.lose(self.last, now, out);
        }
    }

    /// Joins the requested snapshot with the buffered messages.
    pub fn snapshot(&mut self, snapshot: BookSnapshot<'_>, now: Span, out: &mut impl Out) {
        if !matches!(self.state, SyncState::Joining { .. }) {
            return;
        }
        let joins = self
            .held
            .first_behind(snapshot.version)
            .is_none_or(|begin| begin <= snapshot.version.saturating_add(1));
        let is_old_count = self.ceiling.is_some_and(|ceiling| snapshot.version >= ceiling);
        if snapshot.version < self.floor || is_old_count || !joins {
            return self.no_snapshot(now);
        }
        out.regained();
        self.sides.open(snapshot.levels, self.pace.levels);
        (self.last, self.ceiling) = (snapshot.version, None);
        out.snapshot(snapshot);
        self.state = SyncState::Synced;
        self.due = None;
        self.wait = self.pace.wait_min;
        self.crossed_since = None;
        let mut held = std::mem::take(&mut self.held);
        held.drain(|message| {
            if message.end > self.last {
                self.apply(message, out);
            }
        });
        self.held = held;
        self.check(now, out);
    }

    /// The snapshot failed or was too old: requests another after a wait.
    pub fn no_snapshot(&mut self, now: Span) {
        if matches!(self.state, SyncState::Joining { .. }) {
            self.due = Some(now + self.wait);
            self.wait = (self.wait + self.wait).min(self.pace.wait_max);
        }
    }

    /// Resynchronizes the book when it has been crossed for too long or a side has run out of known levels.
    /// Must also be called when no message arrives.
    pub fn check(&mut self, now: Span, out: &mut impl Out) {
        if self.is_synced() && self.sides.are_exhausted() {
            return self.lose(self.last, now, out);
        }
        if !self.is_synced() || !self.sides.are_crossed() {
            self.crossed_since = None;
            return;
        }
        let since = *self.crossed_since.get_or_insert(now);
        if now.nanos() - since.nanos() > self.pace.crossed.nanos() {
            self.lose(self.last, now, out);
        }
    }

    fn apply(&mut self, message: BookMessage<'_>, out: &mut impl Out) {
        let mut known = std::mem::take(&mut self.known);
        known.clear();
        known.extend(message.changes.iter().filter(|change| self.sides.reach(change)));
        self.sides.apply(&known);
        self.last = message.end;
        out.changed(BookMessage { changes: &known, ..message });
        self.known = known;
    }

    fn hold(&mut self, message: BookMessage<'_>, now: Span) -> Taken {
        if self.state == (SyncState::Joining { is_first: true }) {
            self.state = SyncState::Joining { is_first: false };
            self.due = self.due.map(|due| due.min(now));
        }
        // A hole among the buffered messages: the snapshot must be newer than the hole.
        if let Some(end) = self.held.end().filter(|end| message.begin > end.saturating_add(1)) {
            self.floor = self.floor.max(end);
            self.held.clear();
        }
        if let Some(forgotten) = self.held.push(message) {
            self.floor = self.floor.max(forgotten);
        }
        Taken::New
    }

    /// Starts a resync; the snapshot must have at least version `floor`.
    fn lose(&mut self, floor: u64, now: Span, out: &mut impl Out) {
        if self.is_synced() {
            out.lost();
        }
        self.held.clear();
        self.sides.clear();
        self.crossed_since = None;
        self.floor = self.floor.max(floor);
        let at = now.max(self.next_resync);
        self.next_resync = at + self.pace.resync;
        // A snapshot already on its way may be too old; that is detected when it arrives.
        self.due = Some(at);
        self.wait = self.pace.wait_min;
        self.state = SyncState::Joining { is_first: false };
    }

    /// Levels of a side while the book is synchronized, best first.
    #[cfg(test)]
    pub fn levels(&self, side: Side) -> Vec<(Decimal, Decimal)> {
        self.sides.levels(side)
    }
}
