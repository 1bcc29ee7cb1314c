//! Converts a record to the cells of its layout, independent of the format.

use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::domain::time::Timestamp;
use crate::files::error::Problem;
use crate::files::layout::{Layout, MAX_COLUMNS};

/// One value of a row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    /// No value.
    Missing,
    /// Microseconds since 1970.
    Time(i64),
    Text(&'a str),
    Number(Decimal),
    /// An id or level.
    Whole(u64),
    Flag(bool),
}

/// The cells of a row, by slot of its layout.
///
/// # Errors
/// A record of another kind, or a value for which the layout has no column.
pub(super) fn of<'a>(
    layout: Layout,
    symbol: &'a str,
    record: &Record,
) -> Result<[Cell<'a>; MAX_COLUMNS], Problem> {
    use Cell::{Flag, Missing, Number, Text, Time, Whole};
    let id = |id: Option<u64>| id.map_or(Missing, Whole);
    let optional = |value: Option<Decimal>| value.map_or(Missing, Number);
    let book_side = |side| Text(if side == Side::Buy { "bid" } else { "ask" });
    let received = record.received_at.map_or(Missing, |at: Timestamp| Time(at.micros()));
    let mut cells = [Missing; MAX_COLUMNS];
    (cells[0], cells[1]) = (Time(record.exchange_at.micros()), Text(symbol));
    let rest: &[Cell] = match (layout.kind(), record.body) {
        (StreamKind::Trades, RecordBody::Trade { price, quantity, taker, id: trade }) => {
            &[Number(price), Number(quantity), Text(taker.as_str()), received, id(trade)]
        }
        (StreamKind::BookSnapshots, RecordBody::SnapshotLevel { side, level, price, quantity }) => {
            &[book_side(side), Whole(level.into()), Number(price), Number(quantity), received]
        }
        (StreamKind::BookChanges, RecordBody::LevelChange { side, price, quantity, snapshot, update_id }) => {
            &[book_side(side), Number(price), Number(quantity), Flag(snapshot), id(update_id), received]
        }
        (
            StreamKind::Quotes,
            RecordBody::Quote { bid_price, bid_quantity, ask_price, ask_quantity, update_id },
        ) => &[
            Number(bid_price),
            Number(bid_quantity),
            Number(ask_price),
            Number(ask_quantity),
            received,
            id(update_id),
        ],
        (StreamKind::Bars, RecordBody::Bar { open, high, low, close, volume, quote_volume }) => &[
            Number(open),
            Number(high),
            Number(low),
            Number(close),
            Number(volume),
            optional(quote_volume),
            received,
        ],
        (StreamKind::Marks, RecordBody::Mark { mark, index }) => &[Number(mark), optional(index), received],
        (StreamKind::Funding, RecordBody::Funding { rate }) => &[Number(rate), received],
        _ => return Err(Problem::OtherKind(layout.kind().as_str())),
    };
    cells[2..2 + rest.len()].copy_from_slice(rest);
    let lost = |slot: usize, cell: &Cell| !layout.has_slot(slot) && !matches!(cell, Missing | Flag(false));
    match cells.iter().enumerate().find(|(slot, cell)| lost(*slot, cell)) {
        Some((slot, _)) => Err(Problem::NoColumn(layout.rule().name(slot).unwrap_or_default())),
        None => Ok(cells),
    }
}
