//! What a session on a market has on disk: rows, gaps, controls and events, committed together in the order
//! in which they came, by a thread of their own.
//!
//! Invariants: events are published only after what they follow from is durable; whoever appends waits for no
//! disk, unless one of the bounds stated here is reached.

use super::inbox::Inbox;
use super::writer::{AwaitingCommit, Came, Commit, WhenDurable, Writer};
use crate::clock::Stopwatch;
use crate::domain::event::Gap;
use crate::domain::record::{RecordedGap, StreamKind};
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use crate::limits::JOURNAL_COMMIT_MS;
use crate::service::market::Lags;
use crate::service::sessions::run::event_sink::Class;
use crate::service::sessions::run::running::Running;
use crate::service::sessions::start::allowance;
use crate::session::inputs::{Arrived, Batch, Control};
use crate::session::ports::Notice;
use crate::store::records::{ControlKindV1, SessionControlV1, SessionRow};
use crate::store::{EventSegment, NewResult, OpenRecording, RecordingEnd, StoreError};
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// Streams that were interrupted when the last of these was written, and since when.
pub(super) fn interrupted(controls: &[SessionControlV1]) -> BTreeMap<(SymbolId, StreamKind), Timestamp> {
    let mut open = BTreeMap::new();
    for control in controls {
        let Some(stream) = control.kind.stream() else { continue };
        match control.kind {
            ControlKindV1::Interrupted { since_ns, .. } => {
                open.entry(stream).or_insert(Timestamp::from_nanos(since_ns));
            }
            _ => {
                open.remove(&stream);
            }
        }
    }
    open
}

/// A control as it is stored.
pub(super) fn stored(control: Control) -> ControlKindV1 {
    match control {
        Control::SymbolTable { version, disabled } => ControlKindV1::SymbolTable { version, disabled },
        Control::Allowance(allowed) => ControlKindV1::Allowance(Box::new(allowance::record(&allowed))),
        Control::Pause => ControlKindV1::Pause,
        Control::Resume => ControlKindV1::Resume,
        Control::Answer(answer) => ControlKindV1::Answer((&answer).into()),
        Control::CloseAndEnd => ControlKindV1::CloseAndEnd,
        Control::Withdraw(symbol) => ControlKindV1::Withdraw { symbol: symbol.0 },
        Control::Close(symbol) => ControlKindV1::Close { symbol: symbol.0 },
        Control::Restart { from } => ControlKindV1::Restart { from_ns: from.nanos() },
        Control::End => ControlKindV1::End,
    }
}

/// A stored control as a replay applies it; `None` for those that only say something to whoever resumes.
pub(super) fn input(kind: &ControlKindV1) -> Option<Control> {
    Some(match kind {
        ControlKindV1::SymbolTable { version, disabled } => {
            Control::SymbolTable { version: *version, disabled: disabled.clone() }
        }
        ControlKindV1::Allowance(allowed) => Control::Allowance(Box::new(allowance::allowance(allowed))),
        ControlKindV1::Pause => Control::Pause,
        ControlKindV1::Resume => Control::Resume,
        ControlKindV1::Answer(answer) => Control::Answer(answer.into()),
        ControlKindV1::CloseAndEnd => Control::CloseAndEnd,
        ControlKindV1::Withdraw { symbol } => Control::Withdraw(SymbolId(*symbol)),
        ControlKindV1::Close { symbol } => Control::Close(SymbolId(*symbol)),
        ControlKindV1::Restart { from_ns } => Control::Restart { from: Timestamp::from_nanos(*from_ns) },
        ControlKindV1::End => Control::End,
        ControlKindV1::Interrupted { .. }
        | ControlKindV1::Complete { .. }
        | ControlKindV1::Stop
        | ControlKindV1::Intent(_)
        | ControlKindV1::EventsRemoved { .. } => return None,
    })
}

/// The durable side of a session on a market.
pub(in crate::service::sessions) struct Journal {
    // In front of the recording: its thread ends first.
    writer: Writer,
    recording: Arc<OpenRecording>,
    symbols: Vec<String>,
    /// The session that makes the recording.
    session: Arc<Running>,
    /// Something was done to it since the last commit.
    has_controls: bool,
    /// Since a commit was handed over, and since one with the session's row was.
    since: Stopwatch,
    told: Stopwatch,
    /// Something waits for the next commit.
    dirty: bool,
    /// Since the journal was opened, and the messages that wait for the next commit.
    opened: Stopwatch,
    came: Vec<Came>,
    /// How many of these were decided on.
    decided: usize,
    /// What waits for what was appended so far.
    waiting: AwaitingCommit,
    lags: Arc<Lags>,
}

impl Journal {
    /// Of a session that makes a recording of these symbols.
    ///
    /// # Errors
    /// The system gives no thread for its commits.
    pub(super) fn new(
        recording: OpenRecording,
        session: &Arc<Running>,
        symbols: Vec<String>,
        lags: Arc<Lags>,
    ) -> io::Result<Self> {
        let (now, recording) = (Stopwatch::start(), Arc::new(recording));
        Ok(Journal {
            writer: Writer::start(session, &recording, Arc::clone(&lags), now)?,
            recording,
            symbols,
            session: Arc::clone(session),
            has_controls: false,
            since: now,
            told: now,
            dirty: false,
            opened: now,
            came: Vec::new(),
            decided: 0,
            waiting: AwaitingCommit::default(),
            lags,
        })
    }

    /// Every row is readable by others; the last time something was received.
    ///
    /// # Errors
    /// What the disk reports.
    pub(super) fn seal(&mut self) -> Result<Option<Timestamp>, StoreError> {
        self.recording.seal()?;
        Ok(self.recording.last_received())
    }

    /// Id of the recording.
    pub(super) fn recording_id(&self) -> &str {
        self.recording.id()
    }

    /// Appends what came, in memory. Waits for the disk only when as much waits as a recording may hold
    /// uncommitted.
    ///
    /// # Errors
    /// A row the store does not take.
    pub(super) fn append(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let open = self.opened.elapsed();
        for (at, arrived) in &batch.arrived {
            self.dirty = true;
            match arrived {
                Arrived::Rows { symbol, first, count } => {
                    let arrived = open - (batch.taken - *at);
                    self.came.push(Came { arrived, decided: None });
                    self.recording.push(*symbol, &batch.rows[*first..*first + *count])?;
                }
                Arrived::Gap { symbol, streams, from, cause } => {
                    let gap = Gap { from: *from, to: *at, cause: *cause };
                    for stream in streams {
                        // A control may commit at once: a stream is whole again only with its gap on disk.
                        self.recording.gap(*symbol, RecordedGap { stream: *stream, gap })?;
                        self.control(*at, ControlKindV1::complete(*symbol, *stream));
                    }
                }
                Arrived::Lost { symbol, stream, since } => {
                    self.control(*at, ControlKindV1::interrupted(*symbol, *stream, *since));
                }
                Arrived::Answer(answer) => self.control(*at, ControlKindV1::Answer(answer.into())),
                Arrived::Notice(notice) => self.notice(*at, notice),
            }
        }
        Ok(())
    }

    /// What was done to the session, at the time the engine has reached.
    pub(super) fn control(&mut self, at: Timestamp, kind: ControlKindV1) {
        (self.dirty, self.has_controls) = (true, true);
        // A recording that does not take it takes nothing any more, and says so with the next commit: nothing
        // that follows from it is on disk, published or sent.
        let _ = self.recording.control(&self.session.id, &SessionControlV1 { at_ns: at.nanos(), kind });
    }

    /// The engine has seen what was appended.
    pub(super) fn decided(&mut self) {
        let now = self.opened.elapsed();
        for came in &mut self.came[self.decided..] {
            came.decided = Some(now);
            self.lags.decided.add(now - came.arrived);
        }
        self.decided = self.came.len();
    }

    /// Hands what has gathered to the writer when it has waited long enough, or somebody waits for it, and no
    /// commit is under way. With more events than a segment should hold it waits for the one under way.
    ///
    /// # Errors
    /// Why an earlier commit failed.
    pub(super) fn commit_if_due(&mut self, reached: Timestamp) -> Result<(), StoreError> {
        let is_busy = self.writer.is_busy()?;
        let stream = &self.session.stream;
        let is_full = stream.is_full();
        let is_awaited = !self.waiting.is_empty();
        let is_time = is_awaited || self.since.elapsed() >= Span::from_millis(JOURNAL_COMMIT_MS);
        let due = is_full || is_time && !is_busy;
        if due && (self.dirty || is_awaited || stream.has_news()) {
            return self.hand_over(reached);
        }
        if is_awaited {
            self.writer.wake_when_done();
        }
        Ok(())
    }

    /// Lets orders go when everything appended so far is durable. If it cannot be made durable none of them
    /// leaves.
    pub(super) fn send_when_durable(&mut self, orders: WhenDurable) {
        self.waiting.orders.push(orders);
    }

    /// Gives an answer when everything appended so far is durable.
    pub(super) fn answer_when_durable(&mut self, answer: WhenDurable) {
        self.waiting.answers.push(answer);
    }

    /// Where the session's thread waits; it is woken when it can commit what somebody waits for.
    pub(super) fn wakes(&self, inbox: &Arc<Inbox>) {
        let inbox = Arc::clone(inbox);
        self.writer.wakes_with(move || inbox.wake());
    }

    /// Makes durable what has gathered and publishes it.
    ///
    /// # Errors
    /// What the disk reports.
    pub(super) fn commit(&mut self, reached: Timestamp) -> Result<(), StoreError> {
        self.hand_over(reached)?;
        self.writer.settle()
    }

    fn hand_over(&mut self, reached: Timestamp) -> Result<(), StoreError> {
        self.writer.settle()?;
        let part = self.session.stream.part();
        // The row says how far the session is: of use with every event, else now and then.
        let tells = !part.lines.is_empty() || self.has_controls || self.told.elapsed() >= Span::SECOND;
        let counted = self.session.reached();
        let row = tells.then(|| self.session.row_reached(counted, reached));
        if tells {
            self.told = Stopwatch::start();
        }
        let came = std::mem::take(&mut self.came);
        let waiting = std::mem::take(&mut self.waiting);
        self.came = self.writer.hand_over(Commit { part, row, counted, came, waiting })?;
        self.decided = 0;
        (self.dirty, self.has_controls) = (false, false);
        self.since = Stopwatch::start();
        Ok(())
    }

    /// Waits for the commit under way.
    ///
    /// # Errors
    /// Why a commit failed.
    pub(in crate::service::sessions) fn settle(&self) -> Result<(), StoreError> {
        self.writer.settle()
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.recording.rows()
    }

    /// The end: last rows, gaps, controls and events, the session's state and its result, in one transaction.
    ///
    /// # Errors
    /// What the disk reports.
    pub(in crate::service::sessions) fn finish(
        self,
        row: &SessionRow,
        rest: &EventSegment,
        result: Option<NewResult>,
    ) -> Result<(), StoreError> {
        self.writer.settle()?;
        drop(self.writer);
        let recording = Arc::into_inner(self.recording).expect("the writer, who shared it, has ended");
        recording.finish(RecordingEnd { session: Some((row, rest)), result })?;
        // Orders do not leave any more: the session has ended.
        self.waiting.answers.into_iter().for_each(|answer| answer());
        Ok(())
    }

    fn notice(&self, at: Timestamp, notice: &Notice) {
        let name = |symbol: &SymbolId| self.symbols.get(symbol.index()).map(String::as_str);
        let at = at.to_string();
        let (symbol, fields) = match notice {
            Notice::Connected { socket } => {
                (None, json!({"timestamp": at, "kind": "connected", "socket": socket}))
            }
            Notice::Disconnected { socket, reason } => {
                (None, json!({"timestamp": at, "kind": "disconnected", "socket": socket, "reason": reason}))
            }
            Notice::Refused { symbol, reason } => {
                (name(symbol), json!({"timestamp": at, "kind": "refused", "reason": reason}))
            }
            Notice::ClockOffset { offset_ns } => {
                (None, json!({"timestamp": at, "kind": "clock_offset", "offset_ms": *offset_ns as f64 / 1e6}))
            }
            Notice::Contract { symbol, is_tradable } => {
                (name(symbol), json!({"timestamp": at, "kind": "contract", "tradable": is_tradable}))
            }
        };
        self.session.stream.add(Class::Feed, "feed", symbol, fields);
    }
}
