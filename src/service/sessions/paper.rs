//! A paper session: a live market's rows through the same engine and simulated venue as a backtest, everything journaled
//! with what it was decided on.
//!
//! Never: a real order; an order or fill told before it is on disk; a decision that a replay of the journal would not make.

use super::intake::{Arrived, Batch, Queue};
use super::journal::Journal;
use super::recorder::SessionRecorder;
use super::running::{Running, Watcher};
use crate::domain::event::{Command, Gap};
use crate::domain::symbol::SymbolTable;
use crate::domain::time::{Span, Timestamp};
use crate::session::backtest::Backtest;
use crate::session::ports::{Chunk, TickKind};
use crate::session::rows::{OffGrid, TickMaker};
use crate::store::StoreError;
use crate::store::records::ControlKindV1;

/// How long a stop waits for its closing orders on the live market; what is open then is closed at the last prices.
const CLOSED_WITHIN: Span = Span::from_seconds(8);

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
    pub journal: Journal,
    /// When a stop began to close positions.
    pub closing_since: Option<Timestamp>,
}

impl Paper<'_> {
    /// Trades until it is stopped, a limit ends it, or the daemon ends. What is open then is closed, unless suspended.
    ///
    /// # Errors
    /// A sentence that says why the session failed.
    pub(super) fn trade(&mut self, queue: &Queue) -> Result<Ended, String> {
        let (mut batch, mut chunk, mut maker) = (Batch::default(), Chunk::default(), TickMaker::default());
        let mut watcher = Watcher::new(self.session, true);
        loop {
            queue.take(&mut batch);
            // Also what the engine will not see any more: the recording has no hole that it does not tell.
            self.journal.take_down(&batch, self.session).map_err(said)?;
            self.heed_symbol_table();
            if self.session.is_suspending() {
                self.commit()?;
                return Ok(Ended::Suspended);
            }
            if let Some(ended) = self.heed_stop() {
                return self.end(queue, ended);
            }
            ticks(self.backtest.table(), &batch, &mut maker, &mut chunk).map_err(|off| self.off_grid(off))?;
            for tick in chunk.ticks() {
                self.backtest.tick(&chunk, tick, &mut self.recorder);
                if self.backtest.has_ended() {
                    return self.end(queue, Ended::ByItself);
                }
            }
            self.backtest.wait_until(batch.until, &mut self.recorder);
            let reached = self.backtest.progress().at;
            self.journal.commit_if_due(self.session, reached).map_err(said)?;
            watcher.show(self.backtest.progress());
        }
    }

    /// Takes over a changed symbol table, and writes down where.
    fn heed_symbol_table(&mut self) {
        if self.backtest.refresh_table(&mut self.recorder) {
            self.note_symbol_table();
        }
    }

    /// Writes down which symbols are switched off from here on.
    pub(super) fn note_symbol_table(&mut self) {
        let table = self.backtest.table();
        let disabled = table.iter().filter(|(id, _)| !table.is_enabled(*id)).map(|(_, spec)| spec.name.clone()).collect();
        let kind = ControlKindV1::SymbolTable { version: table.version, disabled };
        self.control(kind);
    }

    fn control(&mut self, kind: ControlKindV1) {
        self.journal.control(self.backtest.progress().at, kind);
    }

    /// A stop first closes what is open on the market, then ends.
    fn heed_stop(&mut self) -> Option<Ended> {
        if !self.session.control.is_stopped() {
            return None;
        }
        let now = self.backtest.progress().at;
        match self.closing_since {
            None => {
                self.closing_since = Some(now);
                for (command, kind) in [(Command::Pause, ControlKindV1::Pause), (Command::Flatten, ControlKindV1::Flatten)] {
                    self.control(kind);
                    self.backtest.command(command, &mut self.recorder);
                }
                None
            }
            Some(since) => (self.backtest.engine().is_flat() || now - since >= CLOSED_WITHIN).then_some(Ended::Stopped),
        }
    }

    /// The last gaps, then the end: what is still open is closed at the last prices.
    fn end(&mut self, queue: &Queue, ended: Ended) -> Result<Ended, String> {
        if ended == Ended::Stopped {
            let (mut batch, mut chunk) = (Batch::default(), Chunk::default());
            queue.close(&mut batch);
            batch.arrived.retain(|(_, arrived)| matches!(arrived, Arrived::Gap { .. }));
            self.journal.take_down(&batch, self.session).map_err(said)?;
            ticks(self.backtest.table(), &batch, &mut TickMaker::default(), &mut chunk).map_err(|off| self.off_grid(off))?;
            for tick in chunk.ticks() {
                self.backtest.tick(&chunk, tick, &mut self.recorder);
            }
            self.control(ControlKindV1::End);
        }
        self.backtest.finish(&mut self.recorder);
        Ok(ended)
    }

    pub(super) fn commit(&mut self) -> Result<(), String> {
        let reached = self.backtest.progress().at;
        self.journal.commit(self.session, reached).map_err(said)
    }

    fn off_grid(&self, off: OffGrid) -> String {
        let name = &self.backtest.table().spec(off.symbol).name;
        format!(
            "{name} has a price or quantity of {} and steps of {}: its contract was changed; start the session again to trade by the \
             new one",
            off.value, off.step
        )
    }
}

/// The ticks of what came, in the order of their stamps.
fn ticks(table: &SymbolTable, batch: &Batch, maker: &mut TickMaker, chunk: &mut Chunk) -> Result<(), OffGrid> {
    chunk.clear();
    for (at, arrived) in &batch.arrived {
        match arrived {
            Arrived::Rows { symbol, first, count } => maker.push(table, *symbol, *at, &batch.rows[*first..*first + *count], chunk)?,
            Arrived::Gap { symbol, from, cause, .. } => {
                chunk.push(*at, *symbol, TickKind::Gap(Gap { from: *from, to: *at, cause: *cause }));
            }
            Arrived::Lost { .. } | Arrived::Notice(_) => {}
        }
    }
    Ok(())
}

fn said(error: StoreError) -> String {
    format!("its journal could not be written: {error}")
}
