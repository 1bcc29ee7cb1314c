//! A paper session: a live market's rows through the same engine and simulated venue as a backtest, everything journaled
//! with what it was decided on.
//!
//! Never: a real order; an order or fill told before it is on disk; a decision that a replay of the journal would not make.

use super::halts::{self, Halts, News};
use super::inbox::{Arrived, Batch, Inbox};
use super::journal::Journal;
use super::recorder::SessionRecorder;
use super::running::{Failure, Running, Watcher};
use super::stream::Class;
use super::switched;
use crate::domain::event::{Command, Gap};
use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::domain::time::{Span, Timestamp};
use crate::service::market::Market;
use crate::session::backtest::Backtest;
use crate::session::ports::{Chunk, Notice, TickKind};
use crate::session::rows::TickMaker;
use crate::store::records::ControlKindV1;
use arc_swap::ArcSwap;
use serde_json::json;

/// How long a stop waits for its closing orders on the live market; what is open then is closed at the last prices.
const CLOSED_WITHIN: Span = Span::from_seconds(8);

/// Half of the smallest distance of two arrivals: a time that none of them has.
const HALF_STAMP: Span = Span::from_nanos(500);

/// How the loop of a live session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    /// A limit of its own.
    ByItself,
    /// Somebody stopped it.
    Stopped,
    /// The daemon ends; the session goes on when it is back.
    Suspended,
}

/// A paper session under way.
pub(super) struct Paper<'a> {
    pub session: &'a Running,
    pub backtest: Backtest,
    pub recorder: SessionRecorder<'a>,
    pub journal: &'a mut Journal,
    /// When a stop began to close positions.
    pub closing_since: Option<Timestamp>,
    pub market: &'a Market,
    /// What it sees of each symbol.
    pub streams: &'a [StreamKind],
    /// Symbols switched off by the configuration now.
    pub disabled: &'a ArcSwap<Vec<String>>,
    pub halts: Halts,
    /// Memory that is used again for what came.
    pub came: Vec<(Timestamp, Arrived)>,
}

impl Paper<'_> {
    /// Trades until it is stopped, a limit ends it, or the daemon ends. What is open then is closed, unless suspended.
    ///
    /// # Errors
    /// A sentence that says why the session failed.
    pub(super) fn trade(&mut self, queue: &Inbox) -> Result<Ended, Failure> {
        let (mut batch, mut chunk, mut maker) = (Batch::default(), Chunk::default(), TickMaker::default());
        let mut watcher = Watcher::new(self.session, true);
        loop {
            queue.take(&mut batch);
            self.sift(&mut batch, &mut maker, &mut chunk);
            // Also what the engine will not see any more: the recording has no hole that it does not tell.
            self.journal.append(&batch, self.session)?;
            self.apply_symbol_table();
            // Before suspending: a session that was told to stop and has nothing open ends now, not after the restart.
            if let Some(ended) = self.apply_stop() {
                // What came is in the journal, so a replay sees it in front of the end.
                self.apply(&chunk);
                return self.end(queue, ended);
            }
            if self.session.is_suspending() {
                self.commit()?;
                return Ok(Ended::Suspended);
            }
            for tick in chunk.ticks() {
                self.backtest.tick(&chunk, tick, &mut self.recorder);
                if self.backtest.has_ended() {
                    return self.end(queue, Ended::ByItself);
                }
            }
            self.backtest.wait_until(batch.until, &mut self.recorder);
            self.apply_halts();
            let reached = self.backtest.progress().at;
            self.journal.commit_if_due(self.session, reached)?;
            watcher.show(self.backtest.progress());
        }
    }

    /// Takes over a changed symbol table, and writes down where. Whoever changed it knows nothing of halts.
    fn apply_symbol_table(&mut self) {
        if self.halts.halted().any(|symbol| self.session.table.load().is_enabled(symbol)) {
            self.switch_off_halted();
        }
        if self.backtest.refresh_table(&mut self.recorder) {
            self.note_symbol_table();
        }
    }

    /// Writes down which symbols are switched off from here on.
    pub(super) fn note_symbol_table(&mut self) {
        let table = self.backtest.table();
        let disabled = table
            .iter()
            .filter(|(id, _)| !table.is_enabled(*id))
            .map(|(_, spec)| spec.name.clone())
            .collect();
        let kind = ControlKindV1::SymbolTable { version: table.version, disabled };
        self.control(kind);
    }

    fn control(&mut self, kind: ControlKindV1) {
        self.journal.control(self.backtest.progress().at, kind);
    }

    /// A stop first closes what is open on the market, then ends.
    fn apply_stop(&mut self) -> Option<Ended> {
        if !self.session.control.is_stopped() {
            return None;
        }
        let now = self.backtest.progress().at;
        match self.closing_since {
            None => {
                self.closing_since = Some(now);
                for (command, kind) in
                    [(Command::Pause, ControlKindV1::Pause), (Command::Flatten, ControlKindV1::Flatten)]
                {
                    self.control(kind);
                    self.backtest.command(command, &mut self.recorder);
                }
                None
            }
            Some(since) => {
                (self.backtest.engine().is_flat() || now - since >= CLOSED_WITHIN).then_some(Ended::Stopped)
            }
        }
    }

    /// The last gaps, then the end: what is still open is closed at the last prices.
    fn end(&mut self, queue: &Inbox, ended: Ended) -> Result<Ended, Failure> {
        if ended == Ended::Stopped {
            let (mut batch, mut chunk) = (Batch::default(), Chunk::default());
            queue.close(&mut batch);
            batch.arrived.retain(|(_, arrived)| matches!(arrived, Arrived::Gap { .. }));
            self.sift(&mut batch, &mut TickMaker::default(), &mut chunk);
            let told = batch.arrived.len();
            self.halts.end_all(batch.until + HALF_STAMP, self.streams, &mut batch);
            push_gaps(&batch.arrived[told..], &mut chunk);
            self.journal.append(&batch, self.session)?;
            self.apply(&chunk);
            self.control(ControlKindV1::End);
        }
        self.backtest.finish(&mut self.recorder);
        Ok(ended)
    }

    fn apply(&mut self, chunk: &Chunk) {
        for tick in chunk.ticks() {
            self.backtest.tick(chunk, tick, &mut self.recorder);
        }
    }

    pub(super) fn commit(&mut self) -> Result<(), Failure> {
        let reached = self.backtest.progress().at;
        self.journal.commit(self.session, reached).map_err(Failure::Store)
    }

    /// The ticks of what came, in the order of their stamps. What a halted symbol sent is taken out of the batch, and what
    /// does not fit its symbol's terms halts it.
    fn sift(&mut self, batch: &mut Batch, maker: &mut TickMaker, chunk: &mut Chunk) {
        chunk.clear();
        let mut came = std::mem::take(&mut self.came);
        std::mem::swap(&mut came, &mut batch.arrived);
        let table = self.backtest.table();
        let mut halts_turn_at = Some(batch.until);
        for (at, arrived) in came.drain(..) {
            // No other arrival has this time, so a replay sees the gap at the same place.
            if let Some(end) = halts_turn_at.take_if(|end| at >= *end) {
                turn_halts(&mut self.halts, end - HALF_STAMP, self.streams, batch, chunk);
            }
            let mut halted = None;
            match &arrived {
                Arrived::Rows { symbol, .. } if !self.halts.lets_through(*symbol) => continue,
                Arrived::Rows { symbol, first, count } => {
                    match maker.push(table, *symbol, at, &batch.rows[*first..*first + *count], chunk) {
                        Ok(()) if is_price(&batch.rows[*first]) => self.halts.fitted(*symbol),
                        Ok(()) => {}
                        Err(off) => {
                            if self.halts.misfit(&off, &table.spec(*symbol).name, at) {
                                let told = batch.arrived.len();
                                batch.arrived.extend(halts::begin(*symbol, self.streams, at));
                                push_gaps(&batch.arrived[told..], chunk);
                            }
                            continue;
                        }
                    }
                }
                Arrived::Gap { symbol, from, .. } if self.halts.is_halted(*symbol) => {
                    self.halts.covers(*symbol, *from);
                    continue;
                }
                Arrived::Lost { symbol, .. } if self.halts.is_halted(*symbol) => continue,
                Arrived::Notice(Notice::Contract { symbol, is_tradable })
                    if self.halts.contract(*symbol, *is_tradable, at) =>
                {
                    halted = Some(*symbol);
                }
                Arrived::Gap { .. } => push_gap(at, &arrived, chunk),
                Arrived::Lost { .. } | Arrived::Notice(_) => {}
            }
            batch.arrived.push((at, arrived));
            if let Some(symbol) = halted {
                let told = batch.arrived.len();
                batch.arrived.extend(halts::begin(symbol, self.streams, at));
                push_gaps(&batch.arrived[told..], chunk);
            }
        }
        if let Some(end) = halts_turn_at {
            turn_halts(&mut self.halts, end, self.streams, batch, chunk);
        }
        self.came = came;
    }

    /// What follows from halts: no entries, and no positions where a symbol cannot go on.
    fn apply_halts(&mut self) {
        self.halts.look(self.market, self.backtest.table());
        let news = self.halts.take_news();
        if !news.is_empty() {
            self.switch_off_halted();
        }
        self.apply_symbol_table();
        for symbol in self.halts.take_withdrawals() {
            self.control(ControlKindV1::Withdraw { symbol: symbol.0 });
            self.backtest.command(Command::Withdraw(symbol), &mut self.recorder);
        }
        for symbol in self.halts.take_closings() {
            if !self.backtest.engine().is_flat_on(symbol) {
                self.control(ControlKindV1::Close { symbol: symbol.0 });
                self.backtest.command(Command::Close(symbol), &mut self.recorder);
            }
        }
        news.into_iter().for_each(|news| self.tell(news));
    }

    /// Nothing is begun on symbols that are halted or that the configuration switched off.
    fn switch_off_halted(&mut self) {
        self.session.table.rcu(|table| {
            let halted = self.halts.halted().map(|symbol| table.spec(symbol).name.clone());
            let off: Vec<String> = self.disabled.load().iter().cloned().chain(halted).collect();
            switched(table, &off)
        });
    }

    fn tell(&mut self, news: News) {
        let at = self.backtest.progress().at.to_string();
        let (symbol, fields) = match news {
            News::Halted(symbol, why) => (symbol, json!({"timestamp": at, "kind": "halted", "reason": why})),
            News::Resumed(symbol) => (symbol, json!({"timestamp": at, "kind": "resumed"})),
            News::Changed(symbol, why) => {
                let then =
                    "no entries from here on, and its positions are closed at the next price that fits";
                self.recorder.noted.push(format!(
                    "from {at} on: {why}; {then}; start a new session to trade by the new terms"
                ));
                (symbol, json!({"timestamp": at, "kind": "terms_changed", "reason": why}))
            }
        };
        let name = &self.backtest.table().spec(symbol).name;
        tracing::warn!(session = self.session.id, symbol = name, news = %fields, "news of a symbol");
        self.session.stream.add(Class::Feed, "feed", Some(name), fields);
    }
}

/// Whether somebody can trade at what a row says.
fn is_price(row: &Record) -> bool {
    matches!(row.body, RecordBody::Trade { .. } | RecordBody::SnapshotLevel { .. })
}

/// Ends the halts that are over and begins others, with their gaps.
fn turn_halts(
    halts: &mut Halts,
    at: Timestamp,
    streams: &[StreamKind],
    batch: &mut Batch,
    chunk: &mut Chunk,
) {
    let told = batch.arrived.len();
    halts.turn(at, streams, batch);
    push_gaps(&batch.arrived[told..], chunk);
}

fn push_gaps(gaps: &[(Timestamp, Arrived)], chunk: &mut Chunk) {
    gaps.iter().for_each(|(at, gap)| push_gap(*at, gap, chunk));
}

fn push_gap(at: Timestamp, arrived: &Arrived, chunk: &mut Chunk) {
    if let Arrived::Gap { symbol, from, cause, .. } = arrived {
        chunk.push(at, *symbol, TickKind::Gap(Gap { from: *from, to: at, cause: *cause }));
    }
}
