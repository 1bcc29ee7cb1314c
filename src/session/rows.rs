//! Rows as they arrive from a market, turned into ticks exactly as their recording is replayed by the receive
//! clock.
//!
//! Never: a value rounded to a step, except fair and index prices, which are references and may be finer than
//! a tick.

use crate::domain::book::best_first;
use crate::domain::decimal::Decimal;
use crate::domain::event::{Level, LevelChange, Trade};
use crate::domain::num::{Price, Qty, Rate};
use crate::domain::record::{Record, RecordBody};
use crate::domain::symbol::{SymbolId, SymbolSpec, SymbolTable};
use crate::domain::time::Timestamp;
use crate::limits::{BOOK_LEVELS, BOOK_SNAPSHOT_LEVELS, MAX_TICKS};
use crate::session::ports::{Chunk, TickKind};

/// A price or quantity that is no whole number of its symbol's steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OffGrid {
    /// Whose it is.
    pub symbol: SymbolId,
    /// The value.
    pub value: Decimal,
    /// The step it does not fit.
    pub step: Decimal,
}

/// Turns messages into ticks; reuses its memory.
#[derive(Default)]
pub struct TickMaker {
    changes: Vec<LevelChange>,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl TickMaker {
    /// Appends the ticks of one message: rows of one stream of one symbol, all received at `at`.
    ///
    /// # Errors
    /// A value off the symbol's grid; nothing of the message is appended then.
    pub fn push(
        &mut self,
        table: &SymbolTable,
        symbol: SymbolId,
        at: Timestamp,
        rows: &[Record],
        chunk: &mut Chunk,
    ) -> Result<(), OffGrid> {
        let spec = table.spec(symbol);
        let grid = Grid { symbol, spec };
        match rows.first().map(|row| row.body) {
            Some(RecordBody::SnapshotLevel { .. }) => self.book(&grid, at, rows, BOOK_SNAPSHOT_LEVELS, chunk),
            Some(RecordBody::LevelChange { snapshot: true, .. }) => {
                self.book(&grid, at, rows, BOOK_LEVELS, chunk)
            }
            Some(RecordBody::LevelChange { .. }) => {
                self.gather(&grid, rows)?;
                chunk.push_changes(at, symbol, &self.changes);
                Ok(())
            }
            _ => single(&grid, at, rows, chunk),
        }
    }

    fn gather(&mut self, grid: &Grid<'_>, rows: &[Record]) -> Result<(), OffGrid> {
        self.changes.clear();
        for row in rows {
            let (RecordBody::SnapshotLevel { side, price, quantity, .. }
            | RecordBody::LevelChange { side, price, quantity, .. }) = row.body
            else {
                continue;
            };
            self.changes.push(LevelChange {
                side,
                level: Level { price: grid.price(price)?, qty: grid.qty(quantity)? },
            });
        }
        Ok(())
    }

    fn book(
        &mut self,
        grid: &Grid<'_>,
        at: Timestamp,
        rows: &[Record],
        levels: usize,
        chunk: &mut Chunk,
    ) -> Result<(), OffGrid> {
        self.gather(grid, rows)?;
        best_first(&self.changes, levels, &mut self.bids, &mut self.asks);
        chunk.push_snapshot(at, grid.symbol, &self.bids, &self.asks);
        Ok(())
    }
}

fn single(grid: &Grid<'_>, at: Timestamp, rows: &[Record], chunk: &mut Chunk) -> Result<(), OffGrid> {
    for row in rows {
        // The whole message fits or nothing of it is taken.
        grid.tick(&row.body)?;
    }
    for row in rows {
        if let Some(kind) = grid.tick(&row.body)? {
            chunk.push(at, grid.symbol, kind);
        }
    }
    Ok(())
}

struct Grid<'a> {
    symbol: SymbolId,
    spec: &'a SymbolSpec,
}

impl Grid<'_> {
    fn steps(&self, value: Decimal, step: Decimal) -> Result<i64, OffGrid> {
        let steps = value.in_steps_of(step).filter(|steps| (0..=MAX_TICKS).contains(steps));
        steps.ok_or(OffGrid { symbol: self.symbol, value, step })
    }

    fn price(&self, value: Decimal) -> Result<Price, OffGrid> {
        self.steps(value, self.spec.price_step).map(Price)
    }

    fn qty(&self, value: Decimal) -> Result<Qty, OffGrid> {
        self.steps(value, self.spec.quantity_step).map(Qty)
    }

    fn reference(&self, value: Decimal) -> Result<Price, OffGrid> {
        let step = self.spec.price_step;
        let ticks = value.nearest_steps_of(step).filter(|ticks| (0..=MAX_TICKS).contains(ticks));
        ticks.map(Price).ok_or(OffGrid { symbol: self.symbol, value, step })
    }

    fn tick(&self, body: &RecordBody) -> Result<Option<TickKind>, OffGrid> {
        Ok(match *body {
            RecordBody::Trade { price, quantity, taker, .. } => {
                Some(TickKind::Trade(Trade { price: self.price(price)?, qty: self.qty(quantity)?, taker }))
            }
            RecordBody::Mark { mark, index } => Some(TickKind::Mark(
                self.reference(mark)?,
                index.map(|index| self.reference(index)).transpose()?,
            )),
            RecordBody::Funding { rate } => Some(TickKind::Funding(Rate::of(rate))),
            // Quotes are not replayed, and no market sends bars.
            RecordBody::Quote { .. } | RecordBody::Bar { .. } => None,
            RecordBody::SnapshotLevel { .. } | RecordBody::LevelChange { .. } => None,
        })
    }
}
