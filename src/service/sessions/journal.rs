//! What a live session has on disk: rows, gaps, wishes and events, committed together in the order in which they came.
//!
//! Never: an event told before what it follows from is durable, or rows of which a session would know nothing after a kill.

use super::running::Running;
use super::stream::Class;
use crate::clock::Stopwatch;
use crate::domain::event::Gap;
use crate::domain::record::{RecordedGap, StreamKind};
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use crate::limits::JOURNAL_COMMIT_MS;
use crate::service::market::Lag;
use crate::session::inputs::{Arrived, Batch, Control};
use crate::session::ports::Notice;
use crate::store::records::{ControlKindV1, SessionControlV1, SessionRow};
use crate::store::{EventSegment, NewResult, OpenRecording, RecordingCommit, RecordingEnd, StoreError};
use serde_json::json;
use std::collections::BTreeMap;
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
        Control::Pause => ControlKindV1::Pause,
        Control::Resume => ControlKindV1::Resume,
        Control::Flatten => ControlKindV1::Flatten,
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
        ControlKindV1::Pause => Control::Pause,
        ControlKindV1::Resume => Control::Resume,
        ControlKindV1::Flatten => Control::Flatten,
        ControlKindV1::Withdraw { symbol } => Control::Withdraw(SymbolId(*symbol)),
        ControlKindV1::Close { symbol } => Control::Close(SymbolId(*symbol)),
        ControlKindV1::Restart { from_ns } => Control::Restart { from: Timestamp::from_nanos(*from_ns) },
        ControlKindV1::End => Control::End,
        ControlKindV1::Interrupted { .. } | ControlKindV1::Complete { .. } | ControlKindV1::Stop => {
            return None;
        }
    })
}

/// The durable side of a live session.
pub(super) struct Journal {
    recording: OpenRecording,
    symbols: Vec<String>,
    /// The session that makes the recording.
    session: String,
    /// Something was done to it since the last commit.
    has_controls: bool,
    /// Since the last commit, and since the last one with the session's row.
    since: Stopwatch,
    told: Stopwatch,
    /// Something waits for the next commit.
    dirty: bool,
    /// How long messages take.
    lag: Arc<Lag>,
    /// Since the journal was opened, and at which time of it each message came that waits for the next commit.
    open: Stopwatch,
    came: Vec<Span>,
}

impl Journal {
    pub(super) fn new(recording: OpenRecording, session: &str, symbols: Vec<String>, lag: Arc<Lag>) -> Self {
        let (now, session) = (Stopwatch::start(), session.to_owned());
        let came = Vec::new();
        Journal {
            recording,
            symbols,
            session,
            has_controls: false,
            since: now,
            told: now,
            dirty: false,
            lag,
            open: now,
            came,
        }
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

    /// Appends what came.
    ///
    /// # Errors
    /// A row the store does not take.
    pub(super) fn append(&mut self, batch: &Batch, session: &Running) -> Result<(), StoreError> {
        let open = self.open.elapsed();
        for (at, arrived) in &batch.arrived {
            self.dirty = true;
            match arrived {
                Arrived::Rows { symbol, first, count } => {
                    self.came.push(open - (batch.taken - *at));
                    self.recording.push(*symbol, &batch.rows[*first..*first + *count])?;
                }
                Arrived::Gap { symbol, streams, from, cause } => {
                    let gap = Gap { from: *from, to: *at, cause: *cause };
                    for stream in streams {
                        self.control(*at, ControlKindV1::complete(*symbol, *stream));
                        self.recording.gap(*symbol, RecordedGap { stream: *stream, gap })?;
                    }
                }
                Arrived::Lost { symbol, stream, since } => {
                    self.control(*at, ControlKindV1::interrupted(*symbol, *stream, *since));
                }
                Arrived::Notice(notice) => self.notice(*at, notice, session),
            }
        }
        Ok(())
    }

    /// What was done to the session, at the time the engine has reached.
    pub(super) fn control(&mut self, at: Timestamp, kind: ControlKindV1) {
        (self.dirty, self.has_controls) = (true, true);
        // A recording that has failed says so with the next commit, and takes nothing until then.
        let _ = self.recording.control(&self.session, &SessionControlV1 { at_ns: at.nanos(), kind });
    }

    /// Makes durable what has gathered when it has waited long enough, and tells it.
    ///
    /// # Errors
    /// What the disk reports.
    pub(super) fn commit_if_due(&mut self, session: &Running, reached: Timestamp) -> Result<(), StoreError> {
        let due = self.since.elapsed() >= Span::from_millis(JOURNAL_COMMIT_MS) || session.stream.is_full();
        if due && (self.dirty || session.stream.has_news()) { self.commit(session, reached) } else { Ok(()) }
    }

    /// Makes durable what has gathered and tells it.
    ///
    /// # Errors
    /// What the disk reports.
    pub(super) fn commit(&mut self, session: &Running, reached: Timestamp) -> Result<(), StoreError> {
        let part = session.stream.part();
        // The row says how far the session is: of use with every event, else now and then.
        let tells = !part.lines.is_empty() || self.has_controls || self.told.elapsed() >= Span::SECOND;
        let counted = session.reached();
        let row = tells.then(|| session.row_reached(counted, reached));
        self.recording.commit(RecordingCommit { session: row.as_ref().map(|row| (row, &*part)) })?;
        if tells {
            self.told = Stopwatch::start();
        }
        let open = self.open.elapsed();
        self.came.drain(..).for_each(|came| self.lag.add(open - came));
        session.stream.written();
        session.is_on_disk(counted);
        session.stream.release_part();
        (self.dirty, self.has_controls) = (false, false);
        self.since = Stopwatch::start();
        Ok(())
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.recording.rows()
    }

    /// The end: last rows, gaps, wishes and events, the session's state and its result, in one transaction.
    ///
    /// # Errors
    /// What the disk reports.
    pub(super) fn finish(
        self,
        row: &SessionRow,
        rest: &EventSegment,
        result: Option<NewResult>,
    ) -> Result<(), StoreError> {
        self.recording.finish(RecordingEnd { session: Some((row, rest)), result }).map(drop)
    }

    fn notice(&self, at: Timestamp, notice: &Notice, session: &Running) {
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
        session.stream.add(Class::Feed, "feed", symbol, fields);
    }
}
