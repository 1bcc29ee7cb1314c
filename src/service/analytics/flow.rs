//! Rows on their way into QuestDB: one batch a table, cursors that advance once the server has all rows
//! before them, and rows that it refuses for what they contain.
//!
//! Invariant: a cursor is written only after the server's tables are proven to be those that took the rows.

use super::SyncError;
use super::connection::Connection;
use super::sources::TABLES;
use crate::analytics::{Batch, Row, WriteError};
use crate::clock::{self, Stopwatch};
use crate::domain::time::Span;
use crate::limits::DEAD_LETTER_CHARS;
use crate::store::records::{DeadLetterV1, SyncCursorV1, SyncRevisionV1, UnsentV1};
use crate::store::{Store, SyncChange};
use std::collections::BTreeMap;
use std::ops::Range;

/// Time between two proofs that what was sent is there.
const COMMIT_EVERY: Span = Span::from_seconds(2);

/// Who watches: asked between requests whether to go on, and told of rows that were taken and refused.
pub(super) struct Watched<'s> {
    pub goes_on: &'s dyn Fn() -> Result<(), SyncError>,
    pub sent: &'s dyn Fn(u64, u64),
}

/// Rows being sent, or being summed up for a comparison.
pub(super) struct Flow<'f> {
    store: &'f Store,
    /// `None`: only checksums.
    connection: Option<&'f mut Connection>,
    names: BTreeMap<&'static str, Batch>,
    /// Requests acknowledged since the last commit, and their rows, by table.
    sent: BTreeMap<&'static str, (i64, u64)>,
    change: SyncChange,
    watched: Watched<'f>,
    since: Stopwatch,
    pace: Pace,
    rows: u64,
}

/// Spreads rows over time.
struct Pace {
    rows_per_second: u32,
    begun: Stopwatch,
    rows: u64,
}

impl Pace {
    /// Waits until so many rows may have been sent.
    fn sent(&mut self, rows: usize) {
        self.rows += rows as u64;
        let due = self.rows as f64 / f64::from(self.rows_per_second);
        self.begun.sleep_until(Span::from_seconds_f64(due));
        // What was not used is not saved up.
        if self.begun.elapsed() > Span::from_seconds_f64(due + 1.0) {
            (self.begun, self.rows) = (Stopwatch::start(), 0);
        }
    }
}

impl<'f> Flow<'f> {
    /// Rows to a server.
    pub(super) fn new(
        store: &'f Store,
        connection: &'f mut Connection,
        rows_per_second: u32,
        watched: Watched<'f>,
    ) -> Self {
        let (instance, decimals) = (connection.state.instance.clone(), connection.tables.has_decimals());
        let names = TABLES
            .map(|(table, _)| (table, Batch::new(&connection.tables.full_name(table), &instance, decimals)));
        Flow {
            store,
            connection: Some(connection),
            names: names.into_iter().collect(),
            sent: BTreeMap::new(),
            change: SyncChange::default(),
            watched,
            since: Stopwatch::start(),
            pace: Pace { rows_per_second, begun: Stopwatch::start(), rows: 0 },
            rows: 0,
        }
    }

    /// The same rows without a server, for their checksums.
    pub(super) fn to_compare(store: &'f Store, connection: &Connection, watched: Watched<'f>) -> Self {
        let (instance, decimals) = (connection.state.instance.clone(), connection.tables.has_decimals());
        let names = TABLES.map(|(table, _)| {
            let name = connection.tables.full_name(table);
            (table, Batch::new(&name, &instance, decimals).with_checksums())
        });
        Flow {
            store,
            connection: None,
            names: names.into_iter().collect(),
            sent: BTreeMap::new(),
            change: SyncChange::default(),
            watched,
            since: Stopwatch::start(),
            pace: Pace { rows_per_second: u32::MAX, begun: Stopwatch::start(), rows: 0 },
            rows: 0,
        }
    }

    /// Whether the rows are only compared: then all of them are wanted, whatever was sent.
    pub(super) fn is_comparison(&self) -> bool {
        self.connection.is_none()
    }

    /// Rows sent so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Begins a row of a table. Sends what is there first when that is enough for a request.
    pub(super) fn row(&mut self, table: &'static str, at_us: i64) -> Result<Row<'_>, SyncError> {
        if self.names.get(table).is_some_and(Batch::is_full) {
            self.send(table)?;
        }
        let batch = self.names.get_mut(table).expect("every table of `TABLES` has a batch");
        Ok(batch.row(at_us))
    }

    /// How far a part of a source was sent; the start in a comparison.
    pub(super) fn cursor(&self, source: &str, part: &str) -> Result<SyncCursorV1, SyncError> {
        if self.is_comparison() {
            return Ok(SyncCursorV1::default());
        }
        Ok(self.store.sync_cursor(source, part)?)
    }

    /// The row of a part that is the first not to be sent or compared.
    pub(super) fn end(&self, source: &str, part: &str, rows: u64) -> Result<u64, SyncError> {
        if self.is_comparison() { Ok(self.store.sync_cursor(source, part)?.next.min(rows)) } else { Ok(rows) }
    }

    /// The rows so far are those before this cursor; it is written with the next commit.
    pub(super) fn reached(&mut self, source: &str, part: &str, cursor: SyncCursorV1) {
        self.change.cursors.retain(|(known, other, _)| known != source || other != part);
        self.change.cursors.push((source.to_owned(), part.to_owned(), Some(cursor)));
    }

    /// A record that was sent as this revision; written with the next commit.
    pub(super) fn acknowledged(&mut self, source: &str, id: &str, revision: SyncRevisionV1) {
        let revision = SyncRevisionV1 { acknowledged: true, ..revision };
        self.change.revisions.push((source.to_owned(), id.to_owned(), revision));
    }

    /// Rows that were removed here before they were sent.
    pub(super) fn lost(&mut self, row: UnsentV1) {
        self.change.unsent.push(row);
    }

    /// Commits when that is due.
    pub(super) fn settle(&mut self) -> Result<(), SyncError> {
        if self.is_comparison() || self.since.elapsed() < COMMIT_EVERY {
            return (self.watched.goes_on)();
        }
        self.commit()
    }

    /// Sends everything, proves that it is there, and writes the cursors.
    pub(super) fn commit(&mut self) -> Result<(), SyncError> {
        for (table, _) in TABLES {
            self.send(table)?;
        }
        if let Some(connection) = &mut self.connection {
            if !self.sent.is_empty() {
                prove(connection, &self.sent)?;
                self.change.state = Some(connection.state.clone());
            }
            self.store.put_sync(std::mem::take(&mut self.change))?;
        }
        self.sent.clear();
        self.since = Stopwatch::start();
        Ok(())
    }

    /// Checksums by group and day.
    pub(super) fn into_batches(self) -> BTreeMap<&'static str, Batch> {
        self.names
    }

    /// Sends a table's batch.
    fn send(&mut self, table: &'static str) -> Result<(), SyncError> {
        let Some(batch) = self.names.get_mut(table) else { return Ok(()) };
        let now_us = clock::now().micros();
        let letter = |line: String, reason: String| DeadLetterV1 {
            table: table.to_owned(),
            line: line.chars().take(DEAD_LETTER_CHARS).collect(),
            reason,
            at_us: now_us,
        };
        let unsendable = batch.take_unsendable();
        let Some(connection) = &mut self.connection else {
            batch.clear();
            return Ok(());
        };
        let mut dead: Vec<DeadLetterV1> =
            unsendable.into_iter().map(|(line, reason)| letter(line, reason)).collect();
        let mut todo: Vec<Range<usize>> = Vec::new();
        todo.extend((!batch.is_empty()).then_some(0..batch.len()));
        while let Some(lines) = todo.pop() {
            (self.watched.goes_on)()?;
            match connection.client.write(batch.span(lines.clone())) {
                Ok(()) => {
                    let sent = self.sent.entry(table).or_default();
                    (sent.0, sent.1) = (sent.0 + 1, sent.1 + lines.len() as u64);
                    self.rows += lines.len() as u64;
                    (self.watched.sent)(lines.len() as u64, 0);
                    self.pace.sent(lines.len());
                }
                Err(WriteError::Line(line, why)) if line < lines.len() => {
                    let bad = lines.start + line;
                    dead.push(letter(String::from_utf8_lossy(batch.line(bad)).into_owned(), why));
                    todo.extend(
                        [bad + 1..lines.end, lines.start..bad].into_iter().filter(|part| !part.is_empty()),
                    );
                }
                Err(WriteError::TooLarge) if lines.len() == 1 => {
                    let line = String::from_utf8_lossy(batch.line(lines.start)).into_owned();
                    dead.push(letter(line, WriteError::TooLarge.to_string()));
                }
                Err(WriteError::TooLarge) => {
                    let middle = lines.start + lines.len() / 2;
                    todo.extend([middle..lines.end, lines.start..middle]);
                }
                Err(error) => return Err(error.into()),
            }
        }
        batch.clear();
        for dead in &dead {
            tracing::error!(
                table,
                reason = dead.reason,
                "QuestDB rejects a row because of its content: `tradingd sync dead-letters` shows it"
            );
        }
        (self.watched.sent)(0, dead.len() as u64);
        self.change.dead_letters.extend(dead);
        Ok(())
    }
}

/// Proves that the tables that took the rows are still there, that every acknowledged request is one
/// transaction more, and where there are others, that the columns are still ours.
fn prove(connection: &mut Connection, sent: &BTreeMap<&'static str, (i64, u64)>) -> Result<(), SyncError> {
    let seen = connection.seen()?;
    for (table, (requests, rows)) in sent {
        let name = connection.tables.full_name(table);
        let known = connection.state.tables.iter().position(|known| known.name == *table);
        let (Some(now), Some(index)) = (seen.get(*table), known) else {
            return Err(WriteError::NoTable(name).into());
        };
        let known = &connection.state.tables[index];
        let expected = known.sequencer_txn + requests;
        if now.id != known.table_id || now.sequencer_txn < expected {
            return Err(WriteError::NoTable(format!(
                "{name} was created again while it was written, or has lost rows that it had acknowledged"
            ))
            .into());
        }
        // Another daemon's rows may be on their way for long; the columns are then looked at later.
        let is_checked = now.sequencer_txn == expected || connection.has_columns(table)?;
        let known = &mut connection.state.tables[index];
        known.sequencer_txn = if is_checked { now.sequencer_txn } else { expected };
        known.rows += rows;
    }
    Ok(())
}
