//! One order book from snapshots and messages of changes that may be lost, repeated, late or too old.
//!
//! A state machine: messages, snapshots and times come in, rows and "lost" and "regained" go out. While it is live, what it
//! let out is the exchange's book at [`Book::version`], never a guess. As deep as its snapshot
//! reached: what lies beyond is let out by nobody. No I/O, no clock; never a version of another connection.

mod pending;
mod sides;
#[cfg(test)]
mod tests;

use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::time::{Span, Timestamp};
use crate::exchange::mexc::versions::Behind;
use pending::Held;
use sides::Sides;

/// How patient it is, and how much it asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// How long a first message is waited for before a snapshot is fetched anyway: the contract is quiet.
    pub quiet: Span,
    /// First wait after a snapshot that was too old or did not come; doubles.
    pub wait_min: Span,
    /// Longest such wait.
    pub wait_max: Span,
    /// Between two repairs.
    pub resync: Span,
    /// How long bid and ask may be crossed.
    pub crossed: Span,
    /// Levels a side that a snapshot has at most. A side that has as many may go on beyond them.
    pub levels: usize,
}

/// A level's new state; quantity 0: it is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// Side of the book.
    pub side: Side,
    /// Price.
    pub price: Decimal,
    /// New quantity, absolute.
    pub quantity: Decimal,
}

/// All changes of the versions `begin` to `end`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message<'a> {
    /// First version it covers.
    pub begin: u64,
    /// Last version it covers.
    pub end: u64,
    /// The exchange's time.
    pub at: Timestamp,
    /// In any order.
    pub changes: &'a [Change],
}

/// The whole book at a version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Snapshot<'a> {
    /// Its version.
    pub version: u64,
    /// The exchange's time.
    pub at: Timestamp,
    /// Every level, best first.
    pub levels: &'a [Change],
}

/// Where a book's rows go.
pub trait Out {
    /// The whole book, after `regained`.
    fn snapshot(&mut self, snapshot: Snapshot<'_>);
    /// The next message.
    fn changed(&mut self, message: Message<'_>);
    /// The book is wrong from here on.
    fn lost(&mut self);
    /// The book is right from here on; a snapshot follows.
    fn regained(&mut self);
}

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// Let out, or held until the snapshot is there.
    New,
    /// It had been there before; left out.
    Repeated,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Not subscribed.
    Idle,
    /// Messages are held until a snapshot joins them; `is_first`: none has come yet.
    Joining { is_first: bool },
    /// Messages go out.
    MarketFeed,
}

/// One book.
#[derive(Debug)]
pub struct Book {
    pace: Pace,
    state: State,
    held: Held,
    sides: Sides,
    /// Version of what was let out.
    last: u64,
    /// No snapshot below this version can be joined.
    floor: u64,
    /// None from this version on either: it is one from before counting began anew.
    ceiling: Option<u64>,
    /// Messages behind the newest.
    behind: Behind,
    /// Changes of a message within the reach of the snapshot; memory that is used again.
    known: Vec<Change>,
    /// When a snapshot is wanted.
    due: Option<Span>,
    wait: Span,
    next_resync: Span,
    crossed_since: Option<Span>,
}

impl Book {
    /// Not subscribed yet.
    pub fn new(pace: Pace) -> Self {
        Book {
            pace,
            state: State::Idle,
            held: Held::default(),
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

    /// The subscription stands; messages may follow. Nothing happens when it stood already.
    pub fn start(&mut self, now: Span) {
        if self.state == State::Idle {
            self.state = State::Joining { is_first: true };
            self.due = Some(now + self.pace.quiet);
        }
    }

    /// The connection is gone and everything known with it.
    pub fn reset(&mut self) {
        let (held, known) = (std::mem::take(&mut self.held), std::mem::take(&mut self.known));
        *self = Book { held, known, next_resync: self.next_resync, ..Book::new(self.pace) };
        self.held.clear();
    }

    /// Whether what was let out is the exchange's book.
    pub fn is_live(&self) -> bool {
        self.state == State::MarketFeed
    }

    /// Version of the book, while it is live.
    #[cfg(test)]
    pub fn version(&self) -> Option<u64> {
        self.is_live().then_some(self.last)
    }

    /// Asks for a snapshot once its time has come; answer with [`Book::snapshot`] or [`Book::no_snapshot`].
    pub fn take_due(&mut self, now: Span) -> bool {
        let is_due = self.due.is_some_and(|due| due <= now);
        if is_due {
            self.due = None;
        }
        is_due
    }

    /// A message came.
    pub fn message(&mut self, message: Message<'_>, now: Span, out: &mut impl Out) -> Taken {
        if self.newest().is_some_and(|newest| message.end <= newest) {
            if !self.behind.add(message.end) {
                return Taken::Repeated;
            }
            self.begin_anew(now, out);
        }
        self.behind.reset();
        match self.state {
            State::Idle => {
                self.start(now);
                self.hold(message, now)
            }
            State::Joining { .. } => self.hold(message, now),
            State::MarketFeed if message.begin > self.last + 1 => {
                self.lose(self.last, now, out);
                self.hold(message, now)
            }
            State::MarketFeed => {
                self.apply(message, out);
                self.check(now, out);
                Taken::New
            }
        }
    }

    /// The last version let out or held.
    fn newest(&self) -> Option<u64> {
        if self.is_live() {
            return Some(self.last);
        }
        // No snapshot below the floor will do, so no message below it is of use.
        self.held.end().max(Some(self.floor).filter(|floor| *floor > 0))
    }

    /// Versions count from a lower number on: nothing known of them holds, and snapshots of the old count are none.
    fn begin_anew(&mut self, now: Span, out: &mut impl Out) {
        let ceiling = self.newest();
        self.lose(0, now, out);
        (self.floor, self.ceiling) = (0, ceiling);
    }

    /// A message came that cannot be read.
    pub fn refused(&mut self, now: Span, out: &mut impl Out) {
        let known = if self.is_live() { self.last } else { self.held.end().unwrap_or(self.floor) };
        self.lose(known.saturating_add(1), now, out);
    }

    /// The rows let out count no longer, e.g. after a step of the clock; the book is fetched anew.
    pub fn reopen(&mut self, now: Span, out: &mut impl Out) {
        if self.is_live() {
            self.lose(self.last, now, out);
        }
    }

    /// The snapshot that was asked for.
    pub fn snapshot(&mut self, snapshot: Snapshot<'_>, now: Span, out: &mut impl Out) {
        if !matches!(self.state, State::Joining { .. }) {
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
        self.state = State::MarketFeed;
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

    /// The snapshot did not come, or was too old: another after a while.
    pub fn no_snapshot(&mut self, now: Span) {
        if matches!(self.state, State::Joining { .. }) {
            self.due = Some(now + self.wait);
            self.wait = (self.wait + self.wait).min(self.pace.wait_max);
        }
    }

    /// Looks whether bid and ask have been crossed for too long, and whether the price has run to the end of what is known.
    /// Also to be called when no message comes.
    pub fn check(&mut self, now: Span, out: &mut impl Out) {
        if self.is_live() && self.sides.are_exhausted() {
            return self.lose(self.last, now, out);
        }
        if !self.is_live() || !self.sides.are_crossed() {
            self.crossed_since = None;
            return;
        }
        let since = *self.crossed_since.get_or_insert(now);
        if now.nanos() - since.nanos() > self.pace.crossed.nanos() {
            self.lose(self.last, now, out);
        }
    }

    fn apply(&mut self, message: Message<'_>, out: &mut impl Out) {
        let mut known = std::mem::take(&mut self.known);
        known.clear();
        known.extend(message.changes.iter().filter(|change| self.sides.reach(change)));
        self.sides.apply(&known);
        self.last = message.end;
        out.changed(Message { changes: &known, ..message });
        self.known = known;
    }

    fn hold(&mut self, message: Message<'_>, now: Span) -> Taken {
        if self.state == (State::Joining { is_first: true }) {
            self.state = State::Joining { is_first: false };
            self.due = self.due.map(|due| due.min(now));
        }
        // A hole among the held ones: the snapshot must be newer than it.
        if let Some(end) = self.held.end().filter(|end| message.begin > end.saturating_add(1)) {
            self.floor = self.floor.max(end);
            self.held.clear();
        }
        if let Some(forgotten) = self.held.push(message) {
            self.floor = self.floor.max(forgotten);
        }
        Taken::New
    }

    /// From here on a snapshot of at least `floor` is needed.
    fn lose(&mut self, floor: u64, now: Span, out: &mut impl Out) {
        if self.is_live() {
            out.lost();
        }
        self.held.clear();
        self.sides.clear();
        self.crossed_since = None;
        self.floor = self.floor.max(floor);
        let at = now.max(self.next_resync);
        self.next_resync = at + self.pace.resync;
        // A snapshot that is on its way may be too old, which is found out when it is there.
        self.due = Some(at);
        self.wait = self.pace.wait_min;
        self.state = State::Joining { is_first: false };
    }

    /// Levels of a side, best first, while it is live.
    #[cfg(test)]
    pub fn levels(&self, side: Side) -> Vec<(Decimal, Decimal)> {
        self.sides.levels(side)
    }
}
