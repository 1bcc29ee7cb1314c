//! Trades of one symbol as ticks, decoded as columns and handed over in runs.

use super::super::StoreError;
use super::super::blocks::{BlockDecoder, TradeColumns};
use super::reader::BlockReader;
use super::source_context::{FeedClock, SourceContext, off_grid, to_steps};
use crate::domain::event::Trade;
use crate::domain::num::{Price, Qty};
use crate::domain::order::Side;
use crate::domain::time::Timestamp;
use crate::session::ports::Chunk;

/// The trades of one symbol.
pub struct TradeSource<'a> {
    blocks: BlockReader<'a>,
    context: SourceContext,
    decoder: BlockDecoder,
    columns: TradeColumns,
    next: usize,
    end: usize,
    last_ns: i64,
}

impl<'a> TradeSource<'a> {
    /// A source positioned at the first block that can contain a trade of the time range.
    pub fn new(mut blocks: BlockReader<'a>, context: SourceContext) -> Result<Self, StoreError> {
        match context.clock {
            FeedClock::Exchange => blocks.seek(context.from_ns)?,
            FeedClock::Receive if context.goes_on => blocks.seek_received(context.from_ns)?,
            FeedClock::Receive => {}
        }
        let columns = TradeColumns::default();
        Ok(TradeSource {
            blocks,
            last_ns: i64::MIN,
            context,
            decoder: BlockDecoder::new(),
            columns,
            next: 0,
            end: 0,
        })
    }

    /// Where its rows are read.
    pub fn blocks(&self) -> &BlockReader<'a> {
        &self.blocks
    }

    /// Time of the next trade; `None` at the end.
    pub fn head(&mut self) -> Result<Option<i64>, StoreError> {
        while self.next >= self.end {
            if !self.load()? {
                return Ok(None);
            }
        }
        Ok(self.columns.at.get(self.next).copied())
    }

    /// Appends at most `room` trades before `limit_ns`.
    pub fn emit(&mut self, limit_ns: i64, room: usize, chunk: &mut Chunk) {
        let end = self.end.min(self.next.saturating_add(room));
        let run = self.next..end;
        let times = &self.columns.at[run.clone()];
        let count = match times.last() {
            Some(last) if *last < limit_ns => times.len(),
            _ => times.iter().take_while(|at| **at < limit_ns).count(),
        };
        let run = run.start..run.start + count;
        self.next = run.end;
        let columns = &self.columns;
        let values = columns.price[run.clone()]
            .iter()
            .zip(&columns.quantity[run.clone()])
            .zip(&columns.sells[run.clone()]);
        let trades = columns.at[run].iter().zip(values).map(|(at, ((price, quantity), sells))| {
            let taker = if *sells == 0 { Side::Buy } else { Side::Sell };
            (Timestamp::from_nanos(*at), Trade { price: Price(*price), qty: Qty(*quantity), taker })
        });
        chunk.extend_trades(self.context.symbol, trades);
    }

    /// Decodes the next block; `false` at the end of the stream or the time range.
    fn load(&mut self) -> Result<bool, StoreError> {
        (self.next, self.end) = (0, 0);
        let location = self.blocks.location();
        let Some(block) = self.blocks.next()? else { return Ok(false) };
        let header = block.header;
        let decoded = match self.context.clock {
            FeedClock::Exchange if header.first_at.nanos() >= self.context.to_ns => return Ok(false),
            FeedClock::Exchange if header.last_at.nanos() < self.context.from_ns => return Ok(true),
            // Skipped blocks end before the time range, so their times cannot raise those of later rows.
            FeedClock::Exchange => self.decoder.trades(&block, &mut self.columns),
            FeedClock::Receive => self.decoder.trades_received(&block, &mut self.columns),
        };
        let columns = &mut self.columns;
        decoded.map_err(|error| StoreError::damaged(location.as_str(), error))?;
        let steps = to_steps(&mut columns.price, header.scales[0], self.context.price_step)
            .and_then(|()| to_steps(&mut columns.quantity, header.scales[1], self.context.quantity_step));
        steps.ok_or_else(|| off_grid(&location))?;
        for at in &mut columns.at {
            self.last_ns = self.last_ns.max(*at);
            *at = self.last_ns;
        }
        self.next = columns.at.partition_point(|at| *at < self.context.from_ns);
        self.end = columns.at.partition_point(|at| *at < self.context.to_ns);
        // A block that reaches past the time range is the last; one that ends before it is skipped.
        Ok(self.next < self.end || self.end == columns.at.len())
    }
}
