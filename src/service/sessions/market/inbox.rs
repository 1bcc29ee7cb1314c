//! What a market pours in, in one order with one stamp each. What is done to the session from outside is
//! stamped by the loop with the engine's time.
//!
//! Stamps never repeat and never go back, so a recording of what came replays in the same order. Invariants:
//! the market's task never waits here; a row that finds no room leaves a gap; of a stream that is interrupted
//! again and again while nothing finds room one gap is told.

use crate::clock::SteadyClock;
use crate::domain::event::GapCause;
use crate::domain::order::OrderEvent;
use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use crate::limits::{INBOX_ARRIVALS, INBOX_ROWS};
use crate::session::inputs::{Arrived, Batch};
use crate::session::ports::{MarketSink, Notice};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the session's thread sleeps when nothing comes.
const PATIENCE: Duration = Duration::from_millis(5);

/// The smallest distance of two stamps.
const STAMP: Span = Span::from_nanos(1_000);

/// How much waits for the session's thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct InboxBounds {
    /// As [`INBOX_ROWS`].
    pub rows: usize,
    /// As [`INBOX_ARRIVALS`].
    pub arrivals: usize,
}

impl Default for InboxBounds {
    fn default() -> Self {
        InboxBounds { rows: INBOX_ROWS, arrivals: INBOX_ARRIVALS }
    }
}

/// Between a market's tasks and a session's thread.
pub(in crate::service::sessions) struct Inbox {
    state: Mutex<InboxState>,
    ready: Condvar,
}

struct InboxState {
    bounds: InboxBounds,
    symbols: u32,
    streams: Vec<StreamKind>,
    clock: SteadyClock,
    last: Timestamp,
    waiting: Batch,
    /// The session is to look, although nothing came.
    is_woken: bool,
    /// Interrupted streams.
    lost: BTreeMap<(SymbolId, StreamKind), Loss>,
    /// Streams of which rows were dropped because the session could not keep up.
    overflowed: BTreeSet<(SymbolId, StreamKind)>,
}

/// A stream that is interrupted.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Loss {
    since: Timestamp,
    cause: GapCause,
    /// Whether that it is interrupted has been told.
    is_told: bool,
    /// Complete again; told once all that was lost with it is, and there is room.
    is_over: bool,
}

impl Loss {
    fn of(since: Timestamp, cause: GapCause) -> Self {
        Loss { since, cause, is_told: false, is_over: false }
    }
}

impl Inbox {
    /// For these streams of so many symbols; stamps begin after `after`.
    pub(super) fn new(
        symbols: u32,
        streams: &[StreamKind],
        clock: SteadyClock,
        after: Timestamp,
        bounds: InboxBounds,
    ) -> Self {
        let state = InboxState {
            bounds,
            symbols,
            streams: streams.to_vec(),
            clock,
            last: after,
            waiting: Batch::default(),
            is_woken: false,
            lost: BTreeMap::new(),
            overflowed: BTreeSet::new(),
        };
        Inbox { state: Mutex::new(state), ready: Condvar::new() }
    }

    /// Ends the wait of the session's thread, or its next one.
    pub(super) fn wake(&self) {
        self.lock().is_woken = true;
        self.ready.notify_one();
    }

    /// Exchanges what came for an emptied batch; waits a little when nothing did.
    pub(super) fn take(&self, batch: &mut Batch) {
        batch.clear();
        let mut state = self.lock();
        if state.waiting.arrived.is_empty() {
            let idle = |state: &mut InboxState| state.waiting.arrived.is_empty() && !state.is_woken;
            let waited = self.ready.wait_timeout_while(state, PATIENCE, idle);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.is_woken = false;
        state.follow_clock_step();
        if state.waiting.arrived.is_empty() {
            // Nothing may be stamped before a time that the session has been told is reached, and no two
            // looks reach the same time, even while the clock stands still because it was set back: what the
            // session writes down between two looks would have the time of what comes next, and a replay
            // could not tell their order.
            state.stamp();
        }
        state.hand_over(batch);
    }

    /// Nothing was heard since `since`, of streams that were interrupted then since they were: a gap up to
    /// now, told at once so that no further kill can lose it, and every stream is interrupted until it is
    /// complete again.
    pub(super) fn restarted(&self, since: Timestamp, open: &BTreeMap<(SymbolId, StreamKind), Timestamp>) {
        let mut state = self.lock();
        for symbol in (0..state.symbols).map(SymbolId) {
            let mut groups: BTreeMap<Timestamp, Vec<StreamKind>> = BTreeMap::new();
            for stream in state.streams.clone() {
                groups.entry(open.get(&(symbol, stream)).copied().unwrap_or(since)).or_default().push(stream);
            }
            for (from, streams) in groups {
                let at = state.stamp();
                state.waiting.arrived.push((
                    at,
                    Arrived::Gap { symbol, streams: streams.clone(), from, cause: GapCause::Restart },
                ));
                for stream in streams {
                    state.lose(symbol, stream, Loss::of(at, GapCause::Restart));
                }
            }
        }
    }

    /// Ends every interruption that is still open, as gaps up to now: nothing more is asked for.
    pub(super) fn close(&self, batch: &mut Batch) {
        batch.clear();
        let mut state = self.lock();
        state.lost.values_mut().for_each(|loss| loss.is_over = true);
        let open: BTreeSet<SymbolId> = state.lost.keys().map(|(symbol, _)| *symbol).collect();
        for symbol in open {
            state.tell_regained(symbol);
        }
        state.hand_over(batch);
    }

    /// The venue says something about an order or position. Never dropped, also when the inbox is full: each
    /// counts, and there are no more than the orders under way have ([`INBOX_ARRIVALS`]).
    pub(super) fn answer(&self, answer: OrderEvent) {
        let mut state = self.lock();
        let at = state.stamp();
        state.waiting.arrived.push((at, Arrived::Answer(answer)));
        drop(state);
        self.ready.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, InboxState> {
        // Every change is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InboxState {
    /// Our clock in whole microseconds.
    fn now(&self) -> Timestamp {
        let nanos = self.clock.now().nanos();
        Timestamp::from_nanos(nanos - nanos.rem_euclid(STAMP.nanos()))
    }

    fn hand_over(&mut self, batch: &mut Batch) {
        (self.waiting.until, self.waiting.taken) = (self.last, self.now().max(self.last));
        std::mem::swap(&mut self.waiting, batch);
        self.tell_what_found_no_room();
    }

    /// There is room again: streams that are interrupted and those that are back, before any row of theirs.
    fn tell_what_found_no_room(&mut self) {
        let untold = |(_, loss): &(&(SymbolId, StreamKind), &Loss)| !loss.is_told || loss.is_over;
        let streams: Vec<(SymbolId, StreamKind)> =
            self.lost.iter().filter(untold).map(|(stream, _)| *stream).collect();
        for (symbol, stream) in &streams {
            self.tell_lost(*symbol, *stream);
        }
        let symbols: BTreeSet<SymbolId> = streams.into_iter().map(|(symbol, _)| symbol).collect();
        symbols.into_iter().for_each(|symbol| self.tell_regained(symbol));
    }

    fn stamp(&mut self) -> Timestamp {
        self.last = self.now().max(self.last + STAMP);
        self.last
    }

    /// When the wall clock was set forward: the time in between is a gap of every stream that is not in one
    /// already.
    fn follow_clock_step(&mut self) {
        let Some(from) = self.clock.follow_step() else { return };
        let at = self.stamp();
        for symbol in (0..self.symbols).map(SymbolId) {
            let is_whole = |stream: &StreamKind| !self.lost.contains_key(&(symbol, *stream));
            let streams: Vec<StreamKind> = self.streams.iter().copied().filter(is_whole).collect();
            if !streams.is_empty() {
                self.waiting.arrived.push((
                    at,
                    Arrived::Gap { symbol, streams, from: from.min(at), cause: GapCause::ClockStep },
                ));
            }
        }
    }

    fn lose(&mut self, symbol: SymbolId, stream: StreamKind, loss: Loss) {
        match self.lost.entry((symbol, stream)) {
            // Lost again before its gap was told: one gap from the first loss.
            Entry::Occupied(mut known) => known.get_mut().is_over = false,
            Entry::Vacant(free) => {
                free.insert(loss);
                if self.takes_arrivals() {
                    self.tell_lost(symbol, stream);
                }
            }
        }
    }

    fn tell_lost(&mut self, symbol: SymbolId, stream: StreamKind) {
        let Some(loss) = self.lost.get_mut(&(symbol, stream)) else { return };
        let since = loss.since;
        if !std::mem::replace(&mut loss.is_told, true) {
            let at = self.stamp();
            self.waiting.arrived.push((at, Arrived::Lost { symbol, stream, since }));
        }
    }

    /// Whether there is room for what the market says.
    fn takes_arrivals(&self) -> bool {
        self.waiting.arrived.len() < self.bounds.arrivals
    }

    /// These streams are complete again.
    fn regain(&mut self, symbol: SymbolId, streams: &[StreamKind]) {
        for stream in streams {
            self.overflowed.remove(&(symbol, *stream));
            if let Some(loss) = self.lost.get_mut(&(symbol, *stream)) {
                loss.is_over = true;
            }
        }
        if self.takes_arrivals() {
            self.tell_regained(symbol);
        }
    }

    /// What was lost together is one gap, told when the last of it is back, so that windows restart once; an
    /// incremental book takes its own time.
    fn tell_regained(&mut self, symbol: SymbolId) {
        let loss = |(stream, _): &(StreamKind, _)| Some((*stream, *self.lost.get(&(symbol, *stream))?));
        let of_symbol: Vec<(StreamKind, Loss)> = StreamKind::ALL.iter().filter_map(loss).collect();
        let key =
            |stream: StreamKind, loss: &Loss| (stream == StreamKind::BookChanges, loss.since, loss.cause);
        let mut groups: Vec<_> = of_symbol.iter().map(|(stream, loss)| key(*stream, loss)).collect();
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            let members = || of_symbol.iter().filter(|(stream, loss)| key(*stream, loss) == group);
            if members().all(|(_, loss)| loss.is_over) {
                let streams: Vec<StreamKind> = members().map(|(stream, _)| *stream).collect();
                for stream in &streams {
                    self.lost.remove(&(symbol, *stream));
                }
                let at = self.stamp();
                let gap = Arrived::Gap { symbol, streams, from: group.1.min(at), cause: group.2 };
                self.waiting.arrived.push((at, gap));
            }
        }
    }

    /// Whether rows of a stream find room. What has none leaves a gap that ends with the first rows that do.
    fn has_room(&mut self, symbol: SymbolId, rows: &[Record]) -> bool {
        let Some(stream) = rows.first().map(|row| row.body.stream()) else { return false };
        let fits = self.waiting.rows.len() + rows.len() <= self.bounds.rows && self.takes_arrivals();
        // Level changes after a hole are worth nothing until a snapshot reopens the book.
        let reopens = !matches!(rows[0].body, RecordBody::LevelChange { snapshot: false, .. });
        let overflowed = self.overflowed.contains(&(symbol, stream));
        if fits && (!overflowed || reopens) {
            let heals = |loss: &Loss| overflowed || loss.cause == GapCause::Restart;
            if reopens && self.lost.get(&(symbol, stream)).is_some_and(heals) {
                self.regain(symbol, &[stream]);
            }
            return true;
        }
        if !overflowed {
            self.overflowed.insert((symbol, stream));
            self.lose(symbol, stream, Loss::of(self.last, GapCause::Overflow));
        }
        false
    }
}

impl MarketSink for Inbox {
    fn rows(&self, symbol: SymbolId, rows: &[Record]) {
        let mut state = self.lock();
        if !state.has_room(symbol, rows) {
            return;
        }
        let at = state.stamp();
        let first = state.waiting.rows.len();
        state.waiting.rows.extend(rows.iter().map(|row| Record { received_at: Some(at), ..*row }));
        state.waiting.arrived.push((at, Arrived::Rows { symbol, first, count: rows.len() }));
        drop(state);
        self.ready.notify_one();
    }

    fn lost(&self, symbol: SymbolId, streams: &[StreamKind], since: Timestamp, cause: GapCause) {
        let mut state = self.lock();
        // Rows up to the last stamp did come.
        let since =
            Timestamp::from_nanos(since.nanos() - since.nanos().rem_euclid(STAMP.nanos())).min(state.last);
        for stream in streams {
            state.lose(symbol, *stream, Loss::of(since, cause));
        }
    }

    fn regained(&self, symbol: SymbolId, streams: &[StreamKind]) {
        self.lock().regain(symbol, streams);
        self.ready.notify_one();
    }

    fn notice(&self, notice: Notice) {
        let mut state = self.lock();
        // Notices are few; beyond the bound the market's own counters still tell.
        if state.takes_arrivals() {
            let at = state.stamp();
            state.waiting.arrived.push((at, Arrived::Notice(notice)));
        }
        drop(state);
        self.ready.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decimal::Decimal;
    use crate::domain::order::{OrderId, Side};

    const A: SymbolId = SymbolId(0);
    const STREAMS: [StreamKind; 2] = [StreamKind::Trades, StreamKind::Marks];

    fn inbox(after: Timestamp, bounds: InboxBounds, clock: SteadyClock) -> Inbox {
        Inbox::new(1, &STREAMS, clock, after, bounds)
    }

    fn trade(clock: &SteadyClock) -> Record {
        let (price, quantity) = (Decimal::ONE, Decimal::ONE);
        let body = RecordBody::Trade { price, quantity, taker: Side::Buy, id: None };
        Record { exchange_at: clock.now(), received_at: None, body }
    }

    /// What comes with the next look, in words.
    fn told(queue: &Inbox) -> Vec<String> {
        let mut batch = Batch::default();
        queue.take(&mut batch);
        let word = |(_, arrived): &(Timestamp, Arrived)| match arrived {
            Arrived::Rows { count, .. } => format!("{count} rows"),
            Arrived::Gap { streams, cause, .. } => format!("gap of {} by {cause:?}", streams.len()),
            Arrived::Lost { stream, .. } => format!("lost {}", stream.as_str()),
            Arrived::Answer(_) => "answer".to_owned(),
            Arrived::Notice(_) => "notice".to_owned(),
        };
        batch.arrived.iter().map(word).collect()
    }

    #[test]
    fn a_row_that_finds_no_room_leaves_a_gap_that_ends_with_the_first_that_does() {
        let clock = SteadyClock::start();
        let bounds = InboxBounds { rows: 3, arrivals: 9 };
        let queue = inbox(clock.now(), bounds, clock);
        let row = trade(&clock);
        for _ in 0..3 {
            queue.rows(A, &[row, row]);
        }
        let mut batch = Batch::default();
        queue.take(&mut batch);
        let [(last, Arrived::Rows { count: 2, .. }), (_, Arrived::Lost { .. })] = batch.arrived[..] else {
            panic!("{:?}", batch.arrived);
        };
        queue.rows(A, &[row]);
        queue.take(&mut batch);
        let [(to, Arrived::Gap { streams, from, cause, .. }), (at, Arrived::Rows { .. })] =
            &batch.arrived[..]
        else {
            panic!("{:?}", batch.arrived);
        };
        assert_eq!((&streams[..], *cause), (&STREAMS[..1], GapCause::Overflow));
        assert!(*from == last && from < to && to < at);
    }

    #[test]
    fn what_flaps_while_nothing_finds_room_is_one_gap() {
        let clock = SteadyClock::start();
        let began = clock.now();
        let queue = inbox(began, InboxBounds { rows: 9, arrivals: 4 }, clock);
        let row = trade(&clock);
        for _ in 0..50 {
            queue.lost(A, &STREAMS, clock.now(), GapCause::Disconnect);
            queue.regained(A, &STREAMS);
            queue.rows(A, &[row]);
            queue.notice(Notice::Connected { socket: 0 });
            queue.answer(OrderEvent::Acked(OrderId(1)));
        }
        let first = told(&queue);
        let others: Vec<&String> = first.iter().filter(|told| *told != "answer").collect();
        assert_eq!(others, ["lost trades", "lost marks", "gap of 2 by Disconnect", "1 rows"]);
        assert_eq!(first.len(), others.len() + 50, "answers are never dropped");
        // Trades that came meanwhile were dropped, so the gap ends with the next one.
        assert_eq!(told(&queue), ["lost trades", "lost marks"]);
        queue.rows(A, &[row]);
        assert_eq!(told(&queue), ["gap of 2 by Disconnect", "1 rows"]);
    }

    #[test]
    fn an_interruption_that_found_no_room_is_told_when_there_is() {
        let clock = SteadyClock::start();
        let began = clock.now();
        let queue = inbox(began, InboxBounds { rows: 9, arrivals: 1 }, clock);
        queue.notice(Notice::Connected { socket: 0 });
        queue.lost(A, &STREAMS[..1], began, GapCause::Disconnect);
        assert_eq!((told(&queue), told(&queue)), (vec!["notice".to_owned()], vec!["lost trades".to_owned()]));
        queue.lost(A, &STREAMS[..1], began, GapCause::Disconnect);
        queue.regained(A, &STREAMS[..1]);
        let told = gaps(&queue);
        assert!(told.len() == 1 && told[0].1 <= began, "{told:?}");
    }

    fn gaps(queue: &Inbox) -> Vec<(Vec<StreamKind>, Timestamp)> {
        let mut batch = Batch::default();
        queue.take(&mut batch);
        let gap = |(_, arrived): &(Timestamp, Arrived)| match arrived {
            Arrived::Gap { streams, from, .. } => Some((streams.clone(), *from)),
            _ => None,
        };
        batch.arrived.iter().filter_map(gap).collect()
    }

    #[test]
    fn a_stream_that_is_lost_twice_is_in_one_gap_that_ends_when_it_is_back() {
        let clock = SteadyClock::start();
        let began = clock.now();
        let queue = inbox(began, InboxBounds::default(), clock);
        queue.lost(A, &STREAMS, began - Span::SECOND, GapCause::Disconnect);
        queue.regained(A, &STREAMS[..1]);
        queue.lost(A, &STREAMS[..1], began, GapCause::Silence);
        queue.regained(A, &STREAMS[1..]);
        assert_eq!(gaps(&queue), [], "trades are still lost");
        queue.regained(A, &STREAMS[..1]);
        let told = gaps(&queue);
        assert_eq!((told.len(), told[0].0.len()), (1, 2));
        assert!(told[0].1 <= began - Span::SECOND);
    }

    #[test]
    fn every_look_reaches_a_later_time_also_while_the_clock_stands_still() {
        let clock = SteadyClock::start();
        let after = clock.now() + Span::from_seconds(3_600);
        let queue = inbox(after, InboxBounds::default(), clock);
        let mut batch = Batch::default();
        let mut reached = after;
        for _ in 0..3 {
            queue.wake();
            queue.take(&mut batch);
            assert!(batch.until > reached, "{} after {reached}", batch.until);
            reached = batch.until;
        }
    }

    #[test]
    fn what_was_interrupted_before_a_restart_is_missing_since_then() {
        use crate::service::sessions::market::journal::interrupted;
        use crate::store::records::{ControlKindV1, SessionControlV1};
        let clock = SteadyClock::start();
        let now = clock.now();
        let [early, late] = [now - Span::from_seconds(9), now - Span::from_seconds(3)];
        let control = |kind| SessionControlV1 { at_ns: late.nanos(), kind };
        let [trades, marks] = STREAMS;
        let open = interrupted(&[
            control(ControlKindV1::interrupted(A, trades, early)),
            control(ControlKindV1::interrupted(A, marks, early)),
            control(ControlKindV1::complete(A, marks)),
            control(ControlKindV1::Pause),
        ]);
        let queue = inbox(now, InboxBounds::default(), clock);
        queue.restarted(late, &open);
        assert_eq!(gaps(&queue), [(vec![trades], early), (vec![marks], late)]);
        // Told at once; from there to the first rows is another gap.
        queue.regained(A, &STREAMS);
        let rest = gaps(&queue);
        assert!(
            rest.len() == 2 && rest.iter().all(|(streams, from)| streams.len() == 1 && *from >= now),
            "{rest:?}"
        );
    }
}
