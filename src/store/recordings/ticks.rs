//! Rows other than trades as ticks: rows of one book message grouped, bars at their end, marks and funding.

use super::super::StoreError;
use super::super::blocks::{BlockDecoder, Rows, ScaleClass, rows::Column, rows::Field, rows::fields};
use super::super::records::RecordedStreamV1;
use super::reader::BlockReader;
use super::source_context::{FeedClock, SourceContext, off_grid, to_steps};
use crate::domain::book::best_first;
use crate::domain::decimal::Decimal;
use crate::domain::event::{Bar, Level, LevelChange};
use crate::domain::num::{Price, Qty, Rate};
use crate::domain::order::Side;
use crate::domain::record::StreamKind;
use crate::domain::time::{NANOS_PER_SECOND, Timestamp};
use crate::limits::{BOOK_LEVELS, BOOK_MESSAGE_ROWS, BOOK_SNAPSHOT_LEVELS, MAX_TICKS};
use crate::session::ports::{Chunk, TickKind};
use std::collections::BTreeMap;

/// The ticks of one stream.
pub struct TickSource<'a> {
    blocks: BlockReader<'a>,
    context: SourceContext,
    kind: StreamKind,
    bar_seconds: u32,
    decoder: BlockDecoder,
    rows: Rows,
    ready: Chunk,
    next: usize,
    last_ns: i64,
    message: Message,
    /// The incremental book before the start of the replay.
    opening: Option<OpeningBook>,
    over: bool,
}

/// Rows of one book message. It may span blocks, so it is complete only when a row of the next message is
/// read.
#[derive(Default)]
struct Message {
    key: Option<MessageKey>,
    at_ns: i64,
    rows: Vec<LevelChange>,
    bids: Vec<Level>,
    asks: Vec<Level>,
    /// Whether the snapshot has a best bid and a best ask so far.
    has_best: [bool; 2],
}

/// What all rows of a message have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
struct MessageKey {
    exchange_ns: i64,
    update_id: Option<i64>,
    snapshot: bool,
}

#[derive(Default)]
struct OpeningBook {
    bids: BTreeMap<Price, Qty>,
    asks: BTreeMap<Price, Qty>,
}

impl<'a> TickSource<'a> {
    /// A source positioned at the first block that can matter for the time range.
    pub fn new(
        mut blocks: BlockReader<'a>,
        context: SourceContext,
        kind: StreamKind,
        stream: &RecordedStreamV1,
    ) -> Result<Self, StoreError> {
        let bar_seconds = stream.bar_seconds();
        let begins_inside = stream.first_ns >= context.from_ns;
        // An incremental book must be read from its beginning.
        let is_opened = kind == StreamKind::BookChanges && !begins_inside && !context.goes_on;
        let opening = is_opened.then(OpeningBook::default);
        match context.clock {
            _ if opening.is_some() => {}
            FeedClock::Exchange => {
                let shift =
                    if kind == StreamKind::Bars { i64::from(bar_seconds) * NANOS_PER_SECOND } else { 0 };
                blocks.seek(context.from_ns.saturating_sub(shift))?;
            }
            FeedClock::Receive if context.goes_on => blocks.seek_received(context.from_ns)?,
            FeedClock::Receive => {}
        }
        Ok(TickSource {
            blocks,
            context,
            kind,
            bar_seconds,
            decoder: BlockDecoder::new(),
            rows: Rows::new(kind),
            ready: Chunk::default(),
            next: 0,
            last_ns: i64::MIN,
            message: Message::default(),
            opening,
            over: false,
        })
    }

    /// Where its rows are read.
    pub fn blocks(&self) -> &BlockReader<'a> {
        &self.blocks
    }

    /// Time of the next tick; `None` at the end.
    pub fn head(&mut self) -> Result<Option<i64>, StoreError> {
        while self.next >= self.ready.ticks().len() {
            if self.over {
                return Ok(None);
            }
            self.ready.clear();
            self.next = 0;
            self.load()?;
        }
        Ok(self.ready.ticks().get(self.next).map(|tick| tick.at.nanos()))
    }

    /// Appends at most `room` ticks before `limit_ns`.
    pub fn emit(&mut self, limit_ns: i64, room: usize, chunk: &mut Chunk) {
        let due =
            self.ready.ticks()[self.next..].iter().take(room).take_while(|tick| tick.at.nanos() < limit_ns);
        let count = due.map(|tick| chunk.push_from(&self.ready, tick)).count();
        self.next += count;
    }

    /// Converts the next block to ticks; its last book message is kept until the next block is read.
    fn load(&mut self) -> Result<(), StoreError> {
        let location = self.blocks.location();
        let Some(block) = self.blocks.next()? else {
            self.finish_message();
            self.hand_over_opening();
            self.over = true;
            return Ok(());
        };
        let header = block.header;
        self.decoder
            .rows(&block, &mut self.rows)
            .map_err(|error| StoreError::damaged(location.as_str(), error))?;
        self.rows_to_steps(header.scales).ok_or_else(|| off_grid(&location))?;
        for row in 0..self.rows.len() {
            let at_ns = self.time(row);
            match self.kind {
                StreamKind::BookSnapshots | StreamKind::BookChanges => {
                    self.take_book_row(row, at_ns, &location)?
                }
                _ => self.take_single_row(row, at_ns, header.scales),
            }
            if self.over {
                break;
            }
        }
        Ok(())
    }

    /// Time at which the row becomes known, by the chosen clock; never before its predecessor.
    fn time(&mut self, row: usize) -> i64 {
        let at_ns = match (self.context.clock, self.kind) {
            (FeedClock::Receive, _) => self.rows.received.values[row],
            (FeedClock::Exchange, _) => self.rows.exchange[row].saturating_add(self.known_after_ns()),
        };
        self.last_ns = self.last_ns.max(at_ns);
        self.last_ns
    }

    /// Delay from a row's exchange time until it is known: a bar is known at its end.
    fn known_after_ns(&self) -> i64 {
        if self.kind == StreamKind::Bars { i64::from(self.bar_seconds) * NANOS_PER_SECOND } else { 0 }
    }

    fn rows_to_steps(&mut self, scales: [u8; 3]) -> Option<()> {
        match self.kind {
            StreamKind::Funding => return Some(()),
            StreamKind::Marks => return self.marks_to_steps(scales[0]),
            _ => {}
        }
        for (field, column) in fields(self.kind).iter().zip(&mut self.rows.columns) {
            let step = match field {
                Field::Decimal(ScaleClass::Price, _) | Field::OptionalDecimal(ScaleClass::Price, _) => {
                    self.context.price_step
                }
                Field::Decimal(ScaleClass::Quantity, _) => self.context.quantity_step,
                _ => continue,
            };
            let scale = if step_is_price(field) { scales[0] } else { scales[1] };
            to_steps(&mut column.values, scale, step)?;
        }
        Some(())
    }

    /// Fair and index prices may be finer than a tick, so they are rounded to the nearest one.
    fn marks_to_steps(&mut self, scale: u8) -> Option<()> {
        for value in self.rows.columns.iter_mut().flat_map(|column| &mut column.values) {
            let ticks = Decimal::new(*value, scale)?.nearest_steps_of(self.context.price_step)?;
            *value = (0..=MAX_TICKS).contains(&ticks).then_some(ticks)?;
        }
        Some(())
    }

    fn take_single_row(&mut self, row: usize, at_ns: i64, scales: [u8; 3]) {
        if at_ns >= self.context.to_ns {
            self.over = true;
            return;
        }
        if at_ns < self.context.from_ns {
            return;
        }
        let value = |column: &Column| column.values[row];
        let kind = match self.rows.columns.as_slice() {
            [open, high, low, close, volume, _] if self.kind == StreamKind::Bars => TickKind::Bar(Bar {
                open: Price(value(open)),
                high: Price(value(high)),
                low: Price(value(low)),
                close: Price(value(close)),
                volume: Qty(value(volume)),
                seconds: self.bar_seconds,
            }),
            [mark, index] if self.kind == StreamKind::Marks => {
                TickKind::Mark(Price(value(mark)), (index.present[row] != 0).then(|| Price(value(index))))
            }
            [rate] if self.kind == StreamKind::Funding => {
                TickKind::Funding(Decimal::new(value(rate), scales[0]).map_or(Rate::ZERO, Rate::of))
            }
            _ => return,
        };
        self.ready.push(Timestamp::from_nanos(at_ns), self.context.symbol, kind);
    }

    fn take_book_row(&mut self, row: usize, at_ns: i64, location: &str) -> Result<(), StoreError> {
        let columns = self.rows.columns.as_slice();
        let exchange_ns = self.rows.exchange[row];
        let (side, key, price, quantity, is_best) = match (self.kind, columns) {
            (StreamKind::BookSnapshots, [side, level, price, quantity]) => (
                side,
                MessageKey { exchange_ns, update_id: None, snapshot: true },
                price,
                quantity,
                level.values[row] == 1,
            ),
            (_, [side, snapshot, price, quantity, id]) => {
                let update_id = (id.present[row] != 0).then(|| id.values[row]);
                (
                    side,
                    MessageKey { exchange_ns, update_id, snapshot: snapshot.values[row] != 0 },
                    price,
                    quantity,
                    false,
                )
            }
            _ => return Ok(()),
        };
        let change = LevelChange {
            side: if side.values[row] == 0 { Side::Buy } else { Side::Sell },
            level: Level { price: Price(price.values[row]), qty: Qty(quantity.values[row]) },
        };
        let side = usize::from(change.side == Side::Sell);
        // A second best level on the same side starts the next snapshot.
        if self.message.key != Some(key) || is_best && self.message.has_best[side] {
            self.finish_message();
            self.message.key = Some(key);
        }
        self.message.has_best[side] |= is_best;
        if self.message.rows.len() >= BOOK_MESSAGE_ROWS {
            return Err(StoreError::damaged(
                location,
                format!("a book message has more than {BOOK_MESSAGE_ROWS} rows"),
            ));
        }
        self.message.at_ns = at_ns;
        self.message.rows.push(change);
        Ok(())
    }

    /// Emits the gathered message as a tick, or applies it to the opening book.
    fn finish_message(&mut self) {
        let Some(key) = self.message.key.take() else { return };
        let at_ns = self.message.at_ns;
        if at_ns >= self.context.to_ns {
            self.hand_over_opening();
            self.over = true;
        } else if at_ns < self.context.from_ns {
            if let Some(opening) = &mut self.opening {
                opening.apply(&self.message.rows, key.snapshot);
            }
        } else {
            self.hand_over_opening();
            let at = Timestamp::from_nanos(at_ns);
            if key.snapshot {
                let levels =
                    if self.kind == StreamKind::BookSnapshots { BOOK_SNAPSHOT_LEVELS } else { BOOK_LEVELS };
                self.message.sort_levels(levels);
                self.ready.push_snapshot(at, self.context.symbol, &self.message.bids, &self.message.asks);
            } else {
                self.ready.push_changes(at, self.context.symbol, &self.message.rows);
            }
        }
        self.message.rows.clear();
        self.message.has_best = [false; 2];
    }

    /// Emits the book at the start of the replay, once.
    fn hand_over_opening(&mut self) {
        let Some(opening) = self.opening.take() else { return };
        let is_empty = opening.bids.is_empty() && opening.asks.is_empty();
        if is_empty || self.context.from_ns >= self.context.to_ns {
            return;
        }
        let level = |(price, qty): (&Price, &Qty)| Level { price: *price, qty: *qty };
        let bids: Vec<Level> = opening.bids.iter().rev().take(BOOK_LEVELS).map(level).collect();
        let asks: Vec<Level> = opening.asks.iter().take(BOOK_LEVELS).map(level).collect();
        self.ready.push_snapshot(
            Timestamp::from_nanos(self.context.from_ns),
            self.context.symbol,
            &bids,
            &asks,
        );
    }
}

impl Message {
    /// Sorts rows into levels, best first, at most `levels` per side; levels without quantity are left out.
    fn sort_levels(&mut self, levels: usize) {
        best_first(&self.rows, levels, &mut self.bids, &mut self.asks);
    }
}

impl OpeningBook {
    fn apply(&mut self, rows: &[LevelChange], snapshot: bool) {
        if snapshot {
            self.bids.clear();
            self.asks.clear();
        }
        for change in rows {
            let side = match change.side {
                Side::Buy => &mut self.bids,
                Side::Sell => &mut self.asks,
            };
            if change.level.qty.is_zero() {
                side.remove(&change.level.price);
            } else {
                side.insert(change.level.price, change.level.qty);
            }
        }
    }
}

fn step_is_price(field: &Field) -> bool {
    matches!(field, Field::Decimal(ScaleClass::Price, _) | Field::OptionalDecimal(ScaleClass::Price, _))
}
