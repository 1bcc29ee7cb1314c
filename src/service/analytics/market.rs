//! Recorded rows, their gaps and tickers as rows.
//!
//! A part is a stream of a symbol of a recording; its rows are numbered from 0 and never change. Rows of an
//! open recording are sent once they are in blocks. A recording that was removed before all of it was sent
//! becomes a row of `gaps`; nothing is removed in QuestDB.

use super::SyncError;
use super::flow::Flow;
use crate::analytics::Row;
use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::store::records::{RecordingState, RecordingV1, SyncCursorV1, UnsentV1};
use crate::store::{RowsIter, Store, SyncChange};
use serde_json::Value;
use std::collections::BTreeSet;

/// Rows between two looks whether to stop or commit.
const LOOK_EVERY: u64 = 4_096;
/// Levels of a side in the table.
const LEVELS: usize = 5;
/// Exchanges whose tickers are kept.
const EXCHANGES: [&str; 1] = ["mexc"];
const UNSENT: &str = "unsent";

/// The table of a stream; `None` for changes of books, which are not copied.
fn table_of(kind: StreamKind) -> Option<&'static str> {
    match kind {
        StreamKind::BookSnapshots => Some("book"),
        StreamKind::BookChanges => None,
        _ => Some("ticks"),
    }
}

/// A stream to copy.
struct Part {
    table: &'static str,
    name: String,
    recording: String,
    symbol: String,
    kind: StreamKind,
    rows: u64,
    last_us: i64,
    is_complete: bool,
}

fn parts(recording: &RecordingV1) -> Vec<Part> {
    let mut parts = Vec::new();
    for symbol in &recording.symbols {
        for stream in &symbol.streams {
            let Some((kind, table)) = stream.kind().and_then(|kind| Some((kind, table_of(kind)?))) else {
                continue;
            };
            parts.push(Part {
                table,
                name: format!("{}/{}/{}", recording.id, kind.as_str(), symbol.name),
                recording: recording.id.clone(),
                symbol: symbol.name.clone(),
                kind,
                rows: stream.rows,
                last_us: stream.last_ns / 1_000,
                is_complete: recording.state == RecordingState::Complete,
            });
        }
    }
    parts
}

/// Recordings with the rows that are in blocks.
fn recordings(store: &Store) -> Result<Vec<RecordingV1>, SyncError> {
    let mut all = Vec::new();
    for listed in store.recordings()? {
        match store.recording(&listed.id) {
            Ok(recording) => all.push(recording),
            // Removed meanwhile.
            Err(crate::store::StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    all.reverse();
    Ok(all)
}

/// Notes how much there is to send, and what was removed before it was sent. Needs no server.
pub(super) fn register(store: &Store, with_rows: bool) -> Result<(), SyncError> {
    let recordings = recordings(store)?;
    let there: BTreeSet<&str> = recordings.iter().map(|recording| recording.id.as_str()).collect();
    let mut change = SyncChange::default();
    for table in ["ticks", "book"] {
        for (part, cursor) in store.sync_cursors(table)? {
            let mut names = part.splitn(3, '/');
            let (id, stream, symbol) = (names.next(), names.next(), names.next());
            if id.is_some_and(|id| there.contains(id)) {
                continue;
            }
            if cursor.next < cursor.seen {
                change.unsent.push(UnsentV1 {
                    recording_id: id.unwrap_or_default().to_owned(),
                    symbol: symbol.unwrap_or_default().to_owned(),
                    stream: stream.unwrap_or_default().to_owned(),
                    from_us: if cursor.sent_us > 0 { cursor.sent_us } else { cursor.seen_us },
                    to_us: cursor.seen_us,
                    rows: cursor.seen - cursor.next,
                });
            }
            change.cursors.push((table.to_owned(), part, None));
        }
    }
    for part in recordings.iter().filter(|_| with_rows).flat_map(parts) {
        let cursor = store.sync_cursor(part.table, &part.name)?;
        if cursor.seen != part.rows {
            let cursor = SyncCursorV1 { seen: part.rows, seen_us: part.last_us, ..cursor };
            change.cursors.push((part.table.to_owned(), part.name, Some(cursor)));
        }
    }
    Ok(store.put_sync(change)?)
}

/// Rows that are not sent yet.
pub(super) fn backlog(store: &Store) -> Result<u64, SyncError> {
    let mut rows = 0;
    for table in ["ticks", "book"] {
        rows += store
            .sync_cursors(table)?
            .iter()
            .map(|(_, cursor)| cursor.seen.saturating_sub(cursor.next))
            .sum::<u64>();
    }
    Ok(rows)
}

/// Sends the rows of all recordings, oldest first.
pub(super) fn rows(store: &Store, flow: &mut Flow<'_>, oldest_us: i64) -> Result<(), SyncError> {
    for recording in recordings(store)? {
        for part in parts(&recording) {
            match part.table {
                "book" => snapshots(store, flow, &part, oldest_us)?,
                _ => ticks(store, flow, &part, oldest_us)?,
            }
            flow.settle()?;
        }
    }
    Ok(())
}

/// The cursor of a part, where its rows end for now, and its rows from the cursor on; `None` when all are
/// sent.
fn unsent<'a>(
    store: &'a Store,
    flow: &Flow<'_>,
    part: &Part,
) -> Result<Option<(SyncCursorV1, u64, RowsIter<'a>)>, SyncError> {
    let cursor = flow.cursor(part.table, &part.name)?;
    let end = flow.end(part.table, &part.name, part.rows)?;
    if cursor.next >= end {
        return Ok(None);
    }
    let mut rows = store.rows(&part.recording, &part.symbol, part.kind)?;
    rows.go_to(cursor.next)?;
    Ok(Some((cursor, end, rows)))
}

fn ticks(store: &Store, flow: &mut Flow<'_>, part: &Part, oldest_us: i64) -> Result<(), SyncError> {
    let Some((mut cursor, end, mut rows)) = unsent(store, flow, part)? else { return Ok(()) };
    while cursor.next < end {
        let Some(record) = rows.next().transpose()? else { break };
        let at_us = record.exchange_at.micros();
        if at_us >= oldest_us {
            tick(flow, part, cursor.next, at_us, &record)?;
        }
        cursor =
            SyncCursorV1 { next: cursor.next + 1, seen: part.rows, sent_us: at_us, seen_us: part.last_us };
        if cursor.next % LOOK_EVERY == 0 {
            flow.reached(part.table, &part.name, cursor);
            flow.settle()?;
        }
    }
    flow.reached(part.table, &part.name, cursor);
    Ok(())
}

fn tick(flow: &mut Flow<'_>, part: &Part, seq: u64, at_us: i64, record: &Record) -> Result<(), SyncError> {
    let (side, numbers) = numbers_of(&record.body);
    let [price, quantity, price2, quantity2, open, high, low] = numbers.map(|it| it.map(Decimal::to_f64));
    flow.row("ticks", at_us)?
        .symbol("recording_id", Some(&part.recording))
        .symbol("symbol", Some(&part.symbol))
        .symbol("kind", Some(part.kind.as_str()))
        .symbol("side", side)
        .count("seq", seq)
        .double("price", price)
        .double("quantity", quantity)
        .double("price2", price2)
        .double("quantity2", quantity2)
        .double("open", open)
        .double("high", high)
        .double("low", low)
        .time("received_at", record.received_at.map(|at| at.micros()))
        .end_of(&part.recording);
    Ok(())
}

/// Side, and price, quantity, second price and quantity, open, high and low of a row.
fn numbers_of(body: &RecordBody) -> (Option<&'static str>, [Option<Decimal>; 7]) {
    let none = [None; 7];
    match *body {
        RecordBody::Trade { price, quantity, taker, .. } => {
            let side = if taker == Side::Buy { "buy" } else { "sell" };
            (Some(side), [Some(price), Some(quantity), None, None, None, None, None])
        }
        RecordBody::Quote { bid_price, bid_quantity, ask_price, ask_quantity, .. } => (
            None,
            [Some(bid_price), Some(bid_quantity), Some(ask_price), Some(ask_quantity), None, None, None],
        ),
        RecordBody::Bar { open, high, low, close, volume, quote_volume } => {
            (None, [Some(close), Some(volume), None, quote_volume, Some(open), Some(high), Some(low)])
        }
        RecordBody::Mark { mark, index } => (None, [Some(mark), None, index, None, None, None, None]),
        RecordBody::Funding { rate } => (None, [Some(rate), None, None, None, None, None, None]),
        RecordBody::SnapshotLevel { .. } | RecordBody::LevelChange { .. } => (None, none),
    }
}

/// A snapshot that is being read.
struct SnapshotBuilder {
    first_row: u64,
    at_us: i64,
    received_us: Option<i64>,
    rows: u64,
    /// Price and quantity of the best levels: bids, then asks.
    levels: [[Option<(f64, f64)>; LEVELS]; 2],
    has_best: [bool; 2],
}

/// Sends one row for each snapshot. The last one of a recording that is being made may be a part of one, so
/// it waits.
fn snapshots(store: &Store, flow: &mut Flow<'_>, part: &Part, oldest_us: i64) -> Result<(), SyncError> {
    let Some((mut cursor, end, mut rows)) = unsent(store, flow, part)? else { return Ok(()) };
    let mut open: Option<SnapshotBuilder> = None;
    for row in cursor.next..end {
        let Some(record) = rows.next().transpose()? else { break };
        let RecordBody::SnapshotLevel { side, level, price, quantity } = record.body else { continue };
        let (at_us, half) = (record.exchange_at.micros(), usize::from(side == Side::Sell));
        let begins =
            open.as_ref().is_none_or(|open| open.at_us != at_us || level == 1 && open.has_best[half]);
        if begins {
            if let Some(whole) = open.take() {
                cursor =
                    SyncCursorV1 { next: row, seen: part.rows, sent_us: whole.at_us, seen_us: part.last_us };
                snapshot(flow, part, &whole, oldest_us)?;
                flow.reached(part.table, &part.name, cursor);
                flow.settle()?;
            }
            open = Some(SnapshotBuilder {
                first_row: row,
                at_us,
                received_us: record.received_at.map(|at| at.micros()),
                rows: 0,
                levels: [[None; LEVELS]; 2],
                has_best: [false; 2],
            });
        }
        if let Some(open) = &mut open {
            open.rows += 1;
            open.has_best[half] |= level == 1;
            if let Some(slot) = open.levels[half].get_mut(usize::from(level).wrapping_sub(1)) {
                *slot = Some((price.to_f64(), quantity.to_f64()));
            }
        }
    }
    if let Some(whole) = open.filter(|_| part.is_complete || flow.is_comparison()) {
        snapshot(flow, part, &whole, oldest_us)?;
        cursor = SyncCursorV1 { next: end, seen: part.rows, sent_us: whole.at_us, seen_us: part.last_us };
        flow.reached(part.table, &part.name, cursor);
    }
    Ok(())
}

fn snapshot(flow: &mut Flow<'_>, part: &Part, of: &SnapshotBuilder, oldest_us: i64) -> Result<(), SyncError> {
    const NAMES: [[(&str, &str); LEVELS]; 2] = [
        [("b1p", "b1q"), ("b2p", "b2q"), ("b3p", "b3q"), ("b4p", "b4q"), ("b5p", "b5q")],
        [("a1p", "a1q"), ("a2p", "a2q"), ("a3p", "a3q"), ("a4p", "a4q"), ("a5p", "a5q")],
    ];
    if of.at_us < oldest_us {
        return Ok(());
    }
    let mut row: Row<'_> = flow
        .row("book", of.at_us)?
        .symbol("recording_id", Some(&part.recording))
        .symbol("symbol", Some(&part.symbol))
        .count("seq", of.first_row)
        .count("levels", of.rows);
    for (names, levels) in NAMES.iter().zip(&of.levels) {
        for ((price, quantity), level) in names.iter().zip(levels) {
            row = row.double(price, level.map(|it| it.0)).double(quantity, level.map(|it| it.1));
        }
    }
    row.time("received_at", of.received_us).end_of(&part.recording);
    Ok(())
}

/// Sends the gaps of all recordings, and what was removed before it was sent.
pub(super) fn gaps(store: &Store, flow: &mut Flow<'_>) -> Result<(), SyncError> {
    for recording in recordings(store)? {
        let cursor = flow.cursor("gaps", &recording.id)?;
        let all = store.gaps(&recording.id)?;
        let end = flow.end("gaps", &recording.id, all.len() as u64)?;
        for (seq, (symbol, gap)) in (0..end).zip(&all).skip_while(|(seq, _)| *seq < cursor.next) {
            flow.row("gaps", gap.gap.from.micros())?
                .symbol("recording_id", Some(&recording.id))
                .symbol("symbol", Some(symbol))
                .symbol("stream", Some(gap.stream.as_str()))
                .symbol("cause", Some(gap.gap.cause.as_str()))
                .count("seq", seq)
                .time("to_ts", Some(gap.gap.to.micros()))
                .long("missing_rows", None)
                .end_of(&recording.id);
        }
        if cursor.next < end {
            flow.reached("gaps", &recording.id, SyncCursorV1 { next: end, ..cursor });
        }
    }
    let cursor = flow.cursor("gaps", UNSENT)?;
    let mut next = cursor.next;
    let end = flow.end("gaps", UNSENT, u64::MAX)?;
    for (number, lost) in store.unsent(cursor.next)?.into_iter().filter(|(number, _)| *number < end) {
        flow.row("gaps", lost.from_us)?
            .symbol("recording_id", Some(&lost.recording_id))
            .symbol("symbol", Some(&lost.symbol))
            .symbol("stream", Some(&lost.stream))
            .symbol("cause", Some("removed"))
            .count("seq", number)
            .time("to_ts", Some(lost.to_us))
            .count("missing_rows", lost.rows)
            .end_of(&lost.recording_id);
        next = number + 1;
    }
    if next != cursor.next {
        flow.reached("gaps", UNSENT, SyncCursorV1 { next, ..cursor });
    }
    Ok(())
}

/// Sends the tickers that were fetched last, once.
pub(super) fn tickers(store: &Store, flow: &mut Flow<'_>) -> Result<(), SyncError> {
    for exchange in EXCHANGES {
        let Some(kept) = store.tickers(exchange)? else { continue };
        let cursor = flow.cursor("tickers", exchange)?;
        let fetched = u64::try_from(kept.as_of_us).unwrap_or_default();
        if fetched <= cursor.next {
            continue;
        }
        let body: Value = serde_json::from_str(&kept.body).unwrap_or_default();
        for (symbol, ticker) in body["rows"].as_object().into_iter().flatten() {
            let number = |name: &str| ticker[name].as_f64();
            flow.row("tickers", kept.as_of_us)?
                .symbol("exchange", Some(exchange))
                .symbol("symbol", Some(symbol))
                .double("price", number("price"))
                .double("volume24h", number("volume24h"))
                .double("change24h", number("change24h"))
                .double("high24h", number("high24h"))
                .double("low24h", number("low24h"))
                .double("funding_rate", number("funding_rate"))
                .end_of(exchange);
        }
        flow.reached("tickers", exchange, SyncCursorV1 { next: fetched, ..cursor });
    }
    Ok(())
}
