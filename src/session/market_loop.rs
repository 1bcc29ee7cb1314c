//! The loop of a session that trades on a market as it happens: takes what came, journals it, applies it to
//! the driver, and carries out what was asked of it from outside.
//!
//! Everything outside is a port, and time comes with the inputs. Invariants: nothing is applied that the
//! journal does not have; a replay of the journal makes the same decisions; the ports publish nothing before
//! its commit.

use crate::domain::event::{Command, Gap, UserCommand};
use crate::domain::order::OrderEvent;
use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::{Span, Timestamp};
use crate::engine::Engine;
use crate::plant::{Plant, is_planted};
use crate::session::allowance::Allowance;
use crate::session::driver::{Driver, Progress, Recorder};
use crate::session::gateway::Gateway;
use crate::session::halts::{self, Halts, News};
use crate::session::inputs::{Arrived, Batch, Control};
use crate::session::orders::Verdict;
use crate::session::ports::{Chunk, ContractTerms, Notice, TickKind};
use crate::session::rows::TickMaker;
use crate::session::switches::Switches;
use std::sync::Arc;

/// The outside of the loop: its inbox, its journal, what is asked of it, and who watches.
pub trait MarketPorts: ContractTerms {
    /// Why the journal takes nothing.
    type Error;

    /// Exchanges what came for an emptied batch; waits a little when nothing did.
    fn take(&mut self, batch: &mut Batch);

    /// Nothing more is wanted: the last gaps.
    fn close(&mut self, batch: &mut Batch);

    /// Appends what came to the journal.
    ///
    /// # Errors
    /// The journal takes nothing.
    fn append(&mut self, batch: &Batch) -> Result<(), Self::Error>;

    /// Appends what was done to the session at an engine time. A journal that has failed says so with the
    /// next commit.
    fn control(&mut self, at: Timestamp, control: Control);

    /// Makes durable what has waited long enough; `reached` is the engine's time.
    ///
    /// # Errors
    /// The disk refuses.
    fn commit_if_due(&mut self, reached: Timestamp) -> Result<(), Self::Error>;

    /// Makes everything durable.
    ///
    /// # Errors
    /// The disk refuses.
    fn commit(&mut self, reached: Timestamp) -> Result<(), Self::Error>;

    /// Whether somebody asked the session to end.
    fn is_stopped(&self) -> bool;

    /// Whether the daemon ends; the session goes on with its next start.
    fn is_suspending(&self) -> bool;

    /// Something happened to a symbol, at an engine time.
    fn publish(&mut self, at: Timestamp, news: &News);

    /// A batch is done.
    fn progress(&mut self, progress: Progress);

    /// The engine as it is now, e.g. where it wants its positions to end.
    fn look(&mut self, _engine: &mut Engine, _table: &SymbolTable) {}

    /// Symbols on which the venue lets nothing be begun now.
    fn blocked(&mut self) -> Vec<SymbolId> {
        Vec::new()
    }

    /// Symbols whose positions the venue does not protect: they are closed.
    fn take_closings(&mut self) -> Vec<SymbolId> {
        Vec::new()
    }

    /// Whether the venue has nothing of the session any more.
    fn is_flat(&mut self) -> bool {
        true
    }

    /// What a person wants done, in order, once.
    fn take_commands(&mut self) -> Vec<UserCommand> {
        Vec::new()
    }

    /// So many of them were applied, which is answered once it is durable; whether nothing is open now.
    fn commands_done(&mut self, _count: usize, _is_flat: bool) {}

    /// The session ends: whether the venue has nothing of it any more, or was waited for long enough.
    fn is_settled(&mut self) -> bool {
        true
    }
}

/// Half of the smallest distance of two arrivals: a time that none of them has.
const HALF_STAMP: Span = Span::from_nanos(500);

/// How the loop ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// A limit of its own.
    ByItself,
    /// Somebody stopped it.
    Stopped,
    /// The daemon ends; the session goes on when it is back.
    Suspended,
}

/// A session under way.
pub struct MarketLoop<'a, G, R, P> {
    /// The engine and its gateway.
    pub driver: Driver<G>,
    /// Records what it does.
    pub recorder: R,
    /// Its outside.
    pub ports: P,
    /// What it sees of each symbol.
    pub streams: &'a [StreamKind],
    /// Which symbols are switched off.
    pub switches: Switches<'a>,
    /// What the configuration allows, as the journal has it.
    allowed: Arc<Allowance>,
    halts: Halts,
    /// Symbols on which the venue lets nothing be begun.
    blocked: Vec<SymbolId>,
    /// When a stop began to close positions.
    closing_since: Option<Timestamp>,
    /// Memory that is used again for what came.
    came: Vec<(Timestamp, Arrived)>,
}

impl<'a, G: Gateway, R: Recorder, P: MarketPorts> MarketLoop<'a, G, R, P> {
    /// A session before its first input, or where a replay of its journal has left the driver; `allowed`: by
    /// the configuration it was started with, and by all of its journal.
    pub fn new(
        driver: Driver<G>,
        recorder: R,
        ports: P,
        streams: &'a [StreamKind],
        switches: Switches<'a>,
        allowed: Allowance,
    ) -> Self {
        MarketLoop {
            driver,
            recorder,
            ports,
            streams,
            switches,
            allowed: Arc::new(allowed),
            halts: Halts::default(),
            blocked: Vec::new(),
            closing_since: None,
            came: Vec::new(),
        }
    }

    /// Goes on at `now` after `reached`, where a replay has left the driver; `is_closing`: a stop had begun
    /// to close positions. Nobody watched the market in between, so the stop waits for prices again.
    pub fn resume(&mut self, now: Timestamp, reached: Timestamp, is_closing: bool) {
        self.closing_since = is_closing.then_some(now);
        self.ports.control(now, Control::Restart { from: reached });
        self.driver.sleep_until(now);
        self.halts.look_over(self.driver.table().iter().map(|(symbol, _)| symbol), now);
        if !is_planted(Plant::HaltLostOverARestart) {
            self.halts.resume(self.driver.unassigned());
        }
        self.apply_switches();
    }

    /// Begins at `now`.
    pub fn begin(&mut self, now: Timestamp) {
        self.driver.wait_until(now, &mut self.recorder);
        self.apply_switches();
    }

    /// Symbols on which nothing is begun, whatever the configuration says.
    fn off(&self) -> impl Iterator<Item = SymbolId> + '_ {
        self.halts.halted().chain(self.blocked.iter().copied())
    }

    /// The first symbol table of a run is journaled, also when it has not changed.
    fn apply_switches(&mut self) {
        self.apply_allowance();
        self.switches.apply(self.off());
        self.driver.refresh_table(&mut self.recorder);
        self.journal_symbol_table();
    }

    /// Trades until it is stopped, a limit ends it, or the daemon ends. What is open then is closed, unless
    /// suspended.
    ///
    /// # Errors
    /// The journal takes nothing more.
    pub fn run(&mut self) -> Result<Ended, P::Error> {
        let (mut batch, mut chunk, mut maker) = (Batch::default(), Chunk::default(), TickMaker::default());
        loop {
            self.ports.take(&mut batch);
            self.sift(&mut batch, &mut maker, &mut chunk);
            // Also what the engine will not see any more: the recording has no hole that it does not tell.
            self.ports.append(&batch)?;
            self.apply_allowance();
            self.apply_symbol_table();
            // Before suspending: a session that was told to stop and has nothing open ends now, not after the
            // restart.
            if let Some(ended) = self.apply_stop() {
                // What came is in the journal, so a replay sees it before the end.
                let is_over = self.apply(&batch, &chunk);
                return self.end(ended, is_over);
            }
            if self.ports.is_suspending() {
                self.commit()?;
                return Ok(Ended::Suspended);
            }
            if self.apply(&batch, &chunk) {
                return self.end(Ended::ByItself, true);
            }
            self.driver.wait_until(batch.until, &mut self.recorder);
            self.apply_halts(batch.taken);
            self.apply_commands();
            self.driver.batch_done(&mut self.recorder);
            if G::IS_EXCHANGE {
                let table = self.driver.shared_table();
                self.ports.look(self.driver.engine(), &table);
            }
            let reached = self.driver.progress().at;
            self.ports.commit_if_due(reached)?;
            self.ports.progress(self.driver.progress());
        }
    }

    /// Takes over that the configuration allows less: journaled, then applied. That it allows more is for the
    /// next session.
    fn apply_allowance(&mut self) {
        let wanted = self.switches.allowed.load();
        if Arc::ptr_eq(&wanted, &self.allowed) {
            return;
        }
        let next = self.allowed.tightened(&wanted);
        let is_tighter = next != *self.allowed;
        self.allowed = if next == **wanted { Arc::clone(&wanted) } else { Arc::new(next) };
        if !is_tighter {
            return;
        }
        self.control(Control::Allowance(Box::new((*self.allowed).clone())));
        self.driver.tighten(&self.allowed, &mut self.recorder);
        self.switches.apply(self.off());
    }

    /// Takes over a changed symbol table, and writes down where. Whoever changed it knows nothing of halts.
    fn apply_symbol_table(&mut self) {
        if self.off().any(|symbol| self.switches.is_enabled(symbol)) {
            self.switches.apply(self.off());
        }
        if self.driver.refresh_table(&mut self.recorder) {
            self.journal_symbol_table();
        }
    }

    /// Writes down which symbols are switched off from here on.
    fn journal_symbol_table(&mut self) {
        let table = self.driver.table();
        let disabled = table
            .iter()
            .filter(|(id, _)| !table.is_enabled(*id))
            .map(|(_, spec)| spec.name.clone())
            .collect();
        let control = Control::SymbolTable { version: table.version, disabled };
        self.control(control);
    }

    fn control(&mut self, control: Control) {
        self.ports.control(self.driver.progress().at, control);
    }

    /// Writes a command down and gives it to the engine.
    fn command(&mut self, command: Command) {
        self.control(Control::of(command));
        self.driver.command(command, &mut self.recorder);
    }

    /// A stop first closes what is open on the market, then ends.
    fn apply_stop(&mut self) -> Option<Ended> {
        if !self.ports.is_stopped() {
            return None;
        }
        let now = self.driver.progress().at;
        match self.closing_since {
            None => {
                self.closing_since = Some(now);
                self.command(Command::Pause);
                self.command(Command::CloseAndEnd);
                None
            }
            Some(since) => {
                let is_flat = self.driver.engine().is_flat() && self.ports.is_flat();
                let is_late = G::CLOSED_WITHIN.is_some_and(|within| now - since >= within);
                (is_flat || is_late).then_some(Ended::Stopped)
            }
        }
    }

    /// The last gaps, then the end: what is still open is closed at the last prices. `is_over`: the input so
    /// far has ended the session already, so a replay looks at nothing after it.
    fn end(&mut self, ended: Ended, is_over: bool) -> Result<Ended, P::Error> {
        if ended == Ended::Stopped {
            let (mut batch, mut chunk) = (Batch::default(), Chunk::default());
            self.ports.close(&mut batch);
            batch.arrived.retain(|(_, arrived)| matches!(arrived, Arrived::Gap { .. } | Arrived::Answer(_)));
            self.sift(&mut batch, &mut TickMaker::default(), &mut chunk);
            let told = batch.arrived.len();
            self.halts.end_all(batch.until + HALF_STAMP, self.streams, &mut batch);
            push_gaps(&batch.arrived[told..], &mut chunk);
            self.ports.append(&batch)?;
            if !is_over {
                self.apply(&batch, &chunk);
            }
            self.control(Control::End);
        }
        self.settle()?;
        self.driver.finish(&mut self.recorder);
        let news = self.halts.take_news();
        self.publish(&news);
        Ok(ended)
    }

    /// Waits for the venue, with what was done so far on disk and told. What the venue says meanwhile comes
    /// too late for the engine, and is journaled: whoever asks later what became of an order finds it.
    /// Called again after a restart whose journal has the session's end: the process before may have ended
    /// while it waited.
    ///
    /// # Errors
    /// The journal takes nothing more.
    pub fn settle(&mut self) -> Result<(), P::Error> {
        if self.ports.is_settled() {
            return Ok(());
        }
        self.commit()?;
        let (mut batch, reached) = (Batch::default(), self.driver.progress().at);
        while !self.ports.is_settled() {
            self.ports.take(&mut batch);
            batch.arrived.retain(|(_, arrived)| matches!(arrived, Arrived::Answer(_)));
            self.ports.append(&batch)?;
            self.ports.commit_if_due(reached)?;
        }
        Ok(())
    }

    /// Applies what came in the order of its stamps. Whether something of it ended the session; a replay
    /// looks at the same points.
    fn apply(&mut self, batch: &Batch, chunk: &Chunk) -> bool {
        let mut answers = batch.answers().peekable();
        for tick in chunk.ticks() {
            while let Some((at, answer)) = answers.next_if(|(at, _)| *at < tick.at) {
                if self.answer(at, answer) {
                    return true;
                }
            }
            self.driver.tick(chunk, tick, &mut self.recorder);
            if self.driver.has_ended() {
                return true;
            }
        }
        answers.any(|(at, answer)| self.answer(at, answer))
    }

    /// Applies an answer of the venue; whether the session has ended.
    fn answer(&mut self, at: Timestamp, answer: OrderEvent) -> bool {
        if let Verdict::Unassigned(fill) = self.driver.answer(at, answer, &mut self.recorder) {
            self.halts.unassigned(&fill);
        }
        self.driver.has_ended()
    }

    fn commit(&mut self) -> Result<(), P::Error> {
        let reached = self.driver.progress().at;
        self.ports.commit(reached)
    }

    /// The ticks of what came, in the order of their stamps. What a halted symbol sent is taken out of the
    /// batch, and what does not fit its symbol's terms halts it.
    fn sift(&mut self, batch: &mut Batch, maker: &mut TickMaker, chunk: &mut Chunk) {
        chunk.clear();
        let mut came = std::mem::take(&mut self.came);
        std::mem::swap(&mut came, &mut batch.arrived);
        let table = self.driver.table();
        let mut halts_turn_at = Some(batch.until);
        for (at, arrived) in came.drain(..) {
            // No other arrival has this time, so a replay sees the gap at the same position.
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
                Arrived::Lost { .. } | Arrived::Answer(_) | Arrived::Notice(_) => {}
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
    fn apply_halts(&mut self, now: Timestamp) {
        self.halts.look(&mut self.ports, self.driver.table(), now);
        let news = self.halts.take_news();
        let blocked = self.ports.blocked();
        if !news.is_empty() || blocked != self.blocked {
            self.blocked = blocked;
            self.switches.apply(self.off());
        }
        self.apply_symbol_table();
        for symbol in self.halts.take_withdrawals() {
            self.command(Command::Withdraw(symbol));
        }
        let mut closings = self.halts.take_closings();
        closings.extend(self.ports.take_closings());
        for symbol in closings {
            if !self.driver.engine().is_flat_on(symbol) {
                self.command(Command::Close(symbol));
            }
        }
        self.publish(&news);
    }

    /// What a person wants: applied; the answer waits until it is durable.
    fn apply_commands(&mut self) {
        let commands = self.ports.take_commands();
        for command in &commands {
            // Nothing is begun any more by a session that was told to stop.
            if self.closing_since.is_some() && *command == UserCommand::Resume {
                continue;
            }
            if is_planted(Plant::CommandNotJournaled) {
                self.driver.command((*command).into(), &mut self.recorder);
                continue;
            }
            self.command((*command).into());
        }
        let is_flat = self.driver.engine().is_flat() && self.ports.is_flat();
        self.ports.commands_done(commands.len(), is_flat);
    }

    fn publish(&mut self, news: &[News]) {
        let at = self.driver.progress().at;
        news.iter().for_each(|news| self.ports.publish(at, news));
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
