//! Rows of one stream as columns: before encoding to a block and after decoding.
//!
//! The order of [`fields`] is part of the block format. Invariant: all rows are of one stream kind.

use super::{BLOCK_ROWS, ScaleClass, column::Shape};
use crate::domain::decimal::Decimal;
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::domain::time::Timestamp;
use std::fmt;

/// Type of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// Decimals, as mantissas of one scale class.
    Decimal(ScaleClass, Shape),
    /// Likewise, but optional per row.
    OptionalDecimal(ScaleClass, Shape),
    /// Integers.
    Whole(Shape),
    /// Booleans; for sides 1 is [`Side::Sell`].
    Flag,
    /// Ids (u64 bits as i64), optional per row; in the cold frame.
    OptionalId,
}

const PRICE: Field = Field::Decimal(ScaleClass::Price, Shape::Walk);
const QUANTITY: Field = Field::Decimal(ScaleClass::Quantity, Shape::Loose);

/// The columns of a stream after the exchange time, in block order.
pub const fn fields(kind: StreamKind) -> &'static [Field] {
    match kind {
        StreamKind::Trades => &[PRICE, QUANTITY, Field::Flag, Field::OptionalId],
        StreamKind::BookSnapshots => &[Field::Flag, Field::Whole(Shape::Loose), PRICE, QUANTITY],
        StreamKind::BookChanges => &[Field::Flag, Field::Flag, PRICE, QUANTITY, Field::OptionalId],
        StreamKind::Quotes => &[PRICE, QUANTITY, PRICE, QUANTITY, Field::OptionalId],
        StreamKind::Bars => {
            &[PRICE, PRICE, PRICE, PRICE, QUANTITY, Field::OptionalDecimal(ScaleClass::Value, Shape::Loose)]
        }
        StreamKind::Marks => &[PRICE, Field::OptionalDecimal(ScaleClass::Price, Shape::Walk)],
        StreamKind::Funding => &[PRICE],
    }
}

/// One column. `scales` is used for decimals only, `present` for optional values only.
#[derive(Clone, Default, Debug)]
pub struct Column {
    /// Mantissa, number, flag or id bits; repeats the previous value where a row has none.
    pub values: Vec<i64>,
    /// Decimal places of each row.
    pub scales: Vec<u8>,
    /// 1 where a row has a value.
    pub present: Vec<i64>,
}

impl Column {
    fn clear(&mut self) {
        self.values.clear();
        self.scales.clear();
        self.present.clear();
    }

    fn append(&mut self, other: &Column) {
        self.values.extend_from_slice(&other.values);
        self.scales.extend_from_slice(&other.scales);
        self.present.extend_from_slice(&other.present);
    }

    /// Columns of one kind of value leave the parts empty that they do not use.
    fn split_off(&mut self, at: usize) -> Column {
        Column {
            values: self.values.split_off(at),
            scales: self.scales.split_off(at.min(self.scales.len())),
            present: self.present.split_off(at.min(self.present.len())),
        }
    }

    fn decimal(&mut self, value: Decimal) {
        self.values.push(value.mantissa());
        self.scales.push(value.scale());
    }

    fn optional_decimal(&mut self, value: Option<Decimal>) {
        self.decimal(value.unwrap_or(Decimal::ZERO));
        self.present.push(i64::from(value.is_some()));
    }

    fn flag(&mut self, set: bool) {
        self.values.push(i64::from(set));
    }

    fn optional(&mut self, value: Option<i64>) {
        let kept = value.or(self.values.last().copied()).unwrap_or(0);
        self.values.push(kept);
        self.present.push(i64::from(value.is_some()));
    }

    fn get_decimal(&self, row: usize) -> Option<Decimal> {
        Decimal::new(*self.values.get(row)?, *self.scales.get(row)?)
    }

    fn get_optional_decimal(&self, row: usize) -> Option<Option<Decimal>> {
        if *self.present.get(row)? == 0 { Some(None) } else { self.get_decimal(row).map(Some) }
    }

    fn get_id(&self, row: usize) -> Option<Option<u64>> {
        if *self.present.get(row)? == 0 {
            Some(None)
        } else {
            self.values.get(row).map(|id| Some(*id as u64))
        }
    }

    fn get_side(&self, row: usize) -> Option<Side> {
        self.values.get(row).map(|sell| if *sell == 0 { Side::Buy } else { Side::Sell })
    }
}

/// The record is of another stream kind than the rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrongStream;

impl fmt::Display for WrongStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row of another stream kind")
    }
}

impl std::error::Error for WrongStream {}

/// Rows of one stream. The owner makes a block once [`Rows::is_full`].
#[derive(Clone, Debug)]
pub struct Rows {
    kind: StreamKind,
    /// Exchange times in nanoseconds.
    pub exchange: Vec<i64>,
    /// Receive times in nanoseconds, with presence.
    pub received: Column,
    /// The columns of [`fields`].
    pub columns: Vec<Column>,
}

impl Rows {
    /// Empty rows of a kind.
    pub fn new(kind: StreamKind) -> Self {
        Rows {
            kind,
            exchange: Vec::new(),
            received: Column::default(),
            columns: vec![Column::default(); fields(kind).len()],
        }
    }

    /// Stream kind.
    pub fn kind(&self) -> StreamKind {
        self.kind
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.exchange.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.exchange.is_empty()
    }

    /// Whether there are enough rows for a full block.
    pub fn is_full(&self) -> bool {
        self.len() >= BLOCK_ROWS
    }

    /// Removes the rows, keeps the allocated memory.
    pub fn clear(&mut self) {
        self.exchange.clear();
        self.received.clear();
        self.columns.iter_mut().for_each(Column::clear);
    }

    /// Removes the rows and changes the kind.
    pub fn reset(&mut self, kind: StreamKind) {
        self.kind = kind;
        self.columns.resize_with(fields(kind).len(), Column::default);
        self.clear();
    }

    /// Appends a row; a row of another kind is refused.
    #[inline]
    pub fn push(&mut self, record: &Record) -> Result<(), WrongStream> {
        match (self.kind, &record.body, self.columns.as_mut_slice()) {
            (
                StreamKind::Trades,
                RecordBody::Trade { price: p, quantity: q, taker, id: i },
                [price, quantity, side, id],
            ) => {
                price.decimal(*p);
                quantity.decimal(*q);
                side.flag(*taker == Side::Sell);
                id.optional(i.map(|id| id as i64));
            }
            (_, body, columns) => push_other(self.kind, body, columns)?,
        }
        self.exchange.push(record.exchange_at.nanos());
        self.received.optional(record.received_at.map(Timestamp::nanos));
        Ok(())
    }

    /// Appends all rows of `others`, which must be of the same kind.
    pub fn append(&mut self, others: &Rows) {
        debug_assert_eq!(self.kind, others.kind);
        self.exchange.extend_from_slice(&others.exchange);
        self.received.append(&others.received);
        self.columns.iter_mut().zip(&others.columns).for_each(|(column, other)| column.append(other));
    }

    /// Keeps the first `at` rows and returns the others.
    pub fn split_off(&mut self, at: usize) -> Rows {
        Rows {
            kind: self.kind,
            exchange: self.exchange.split_off(at),
            received: self.received.split_off(at),
            columns: self.columns.iter_mut().map(|column| column.split_off(at)).collect(),
        }
    }

    /// The row at an index. `None` beyond the end, or when a damaged block holds an impossible value.
    pub fn record(&self, row: usize) -> Option<Record> {
        let exchange_at = Timestamp::from_nanos(*self.exchange.get(row)?);
        let received_at = match self.received.present.get(row)? {
            0 => None,
            _ => Some(Timestamp::from_nanos(*self.received.values.get(row)?)),
        };
        Some(Record { exchange_at, received_at, body: self.body(row)? })
    }

    fn body(&self, row: usize) -> Option<RecordBody> {
        Some(match (self.kind, self.columns.as_slice()) {
            (StreamKind::Trades, [price, quantity, side, id]) => RecordBody::Trade {
                price: price.get_decimal(row)?,
                quantity: quantity.get_decimal(row)?,
                taker: side.get_side(row)?,
                id: id.get_id(row)?,
            },
            (StreamKind::BookSnapshots, [side, level, price, quantity]) => RecordBody::SnapshotLevel {
                side: side.get_side(row)?,
                level: u16::try_from(*level.values.get(row)?).ok()?,
                price: price.get_decimal(row)?,
                quantity: quantity.get_decimal(row)?,
            },
            (StreamKind::BookChanges, [side, snapshot, price, quantity, id]) => RecordBody::LevelChange {
                side: side.get_side(row)?,
                price: price.get_decimal(row)?,
                quantity: quantity.get_decimal(row)?,
                snapshot: *snapshot.values.get(row)? != 0,
                update_id: id.get_id(row)?,
            },
            (StreamKind::Quotes, [bid_price, bid_quantity, ask_price, ask_quantity, id]) => {
                RecordBody::Quote {
                    bid_price: bid_price.get_decimal(row)?,
                    bid_quantity: bid_quantity.get_decimal(row)?,
                    ask_price: ask_price.get_decimal(row)?,
                    ask_quantity: ask_quantity.get_decimal(row)?,
                    update_id: id.get_id(row)?,
                }
            }
            (StreamKind::Bars, [open, high, low, close, volume, quote_volume]) => RecordBody::Bar {
                open: open.get_decimal(row)?,
                high: high.get_decimal(row)?,
                low: low.get_decimal(row)?,
                close: close.get_decimal(row)?,
                volume: volume.get_decimal(row)?,
                quote_volume: quote_volume.get_optional_decimal(row)?,
            },
            (StreamKind::Marks, [mark, index]) => {
                RecordBody::Mark { mark: mark.get_decimal(row)?, index: index.get_optional_decimal(row)? }
            }
            (StreamKind::Funding, [rate]) => RecordBody::Funding { rate: rate.get_decimal(row)? },
            _ => return None,
        })
    }
}

fn push_other(kind: StreamKind, body: &RecordBody, columns: &mut [Column]) -> Result<(), WrongStream> {
    match (kind, *body, columns) {
        (
            StreamKind::BookSnapshots,
            RecordBody::SnapshotLevel { side: s, level: l, price: p, quantity: q },
            [side, level, price, quantity],
        ) => {
            side.flag(s == Side::Sell);
            level.values.push(i64::from(l));
            price.decimal(p);
            quantity.decimal(q);
        }
        (
            StreamKind::BookChanges,
            RecordBody::LevelChange { side: s, price: p, quantity: q, snapshot: first, update_id },
            [side, snapshot, price, quantity, id],
        ) => {
            side.flag(s == Side::Sell);
            snapshot.flag(first);
            price.decimal(p);
            quantity.decimal(q);
            id.optional(update_id.map(|id| id as i64));
        }
        (
            StreamKind::Quotes,
            RecordBody::Quote { bid_price, bid_quantity, ask_price, ask_quantity, update_id },
            [bp, bq, ap, aq, id],
        ) => {
            bp.decimal(bid_price);
            bq.decimal(bid_quantity);
            ap.decimal(ask_price);
            aq.decimal(ask_quantity);
            id.optional(update_id.map(|id| id as i64));
        }
        (
            StreamKind::Bars,
            RecordBody::Bar { open, high, low, close, volume, quote_volume },
            [o, h, l, c, v, value],
        ) => {
            for (column, price) in [(o, open), (h, high), (l, low), (c, close), (v, volume)] {
                column.decimal(price);
            }
            value.optional_decimal(quote_volume);
        }
        (StreamKind::Marks, RecordBody::Mark { mark, index }, [m, i]) => {
            m.decimal(mark);
            i.optional_decimal(index);
        }
        (StreamKind::Funding, RecordBody::Funding { rate }, [r]) => r.decimal(rate),
        _ => return Err(WrongStream),
    }
    Ok(())
}
