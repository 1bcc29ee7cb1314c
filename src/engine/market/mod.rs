//! Market state of one symbol: last trade, book, mark price, and the series that windows read.
//!
//! Invariant: indicators read the market state; it does not depend on them.

pub mod bars;
pub mod series;
pub mod tape;
pub mod window;

use crate::checkpoint::{Damaged, Reader, Saved, saved};
use crate::domain::book::Book;
use crate::domain::event::{Bar, Gap, Market, Trade};
use crate::domain::mark::Mark;
use crate::domain::num::{Price, Qty, Rate};
use crate::domain::order::Side;
use crate::domain::symbol::SymbolSpec;
use crate::domain::time::{Span, Timestamp};
use bars::BarSeries;
use series::{BookMeasure, StepSeries};
use tape::Tape;

/// A book without an update for this long is stale if trades arrived after its last update.
const BOOK_STALE_AFTER: Span = Span::from_seconds(10);

/// Market state of one symbol.
pub struct MarketState {
    /// Last trade and its time.
    pub last: Option<(Timestamp, Trade)>,
    /// Order book; empty before the first snapshot.
    pub book: Book,
    /// Time of the last book update.
    pub book_at: Option<Timestamp>,
    /// The last mark price, which may no longer count.
    pub last_mark: Option<Mark>,
    /// Index price.
    pub index: Option<Price>,
    /// Rate of the last funding settlement.
    pub funding: Option<Rate>,
    /// Open interest over time, in lots.
    pub open_interest: StepSeries,
    /// Trades of the longest window that any indicator reads.
    pub tape: Tape,
    /// Step series derived from the book, one per measure.
    pub series: Vec<(BookMeasure, StepSeries)>,
    /// Bars of trades, one series per length.
    pub bars: Vec<BarSeries>,
}

saved!(MarketState { last, book, book_at, last_mark, index, funding, open_interest, tape } each { series, bars });

impl Saved for (BookMeasure, StepSeries) {
    fn save(&self, to: &mut Vec<u8>) {
        self.1.save(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        self.1.load(from)
    }
}

impl Default for MarketState {
    fn default() -> Self {
        MarketState {
            last: None,
            book: Book::default(),
            book_at: None,
            last_mark: None,
            index: None,
            funding: None,
            open_interest: StepSeries::new(Span::ZERO),
            tape: Tape::new(),
            series: Vec::new(),
            bars: Vec::new(),
        }
    }
}

impl MarketState {
    /// Applies a market event.
    #[inline]
    pub fn apply(&mut self, spec: &SymbolSpec, at: Timestamp, market: &Market<'_>) {
        match market {
            Market::Trade(trade) => self.trade(at, *trade),
            Market::BookSnapshot { bids, asks } => {
                self.book.replace(bids, asks);
                self.book_changed(spec, at);
            }
            Market::BookChange(changes) => {
                for change in *changes {
                    self.book.change(change.side, change.level);
                }
                self.book_changed(spec, at);
            }
            Market::Mark { mark, index } => {
                self.last_mark = Some(Mark { price: *mark, at });
                self.index = index.or(self.index);
            }
            Market::Funding { rate } => self.funding = Some(*rate),
            Market::OpenInterest(qty) => self.open_interest.push(at, Some(qty.0 as f64)),
            Market::Bar(bar) => self.bar(at, bar),
        }
    }

    /// The longest time ago that any window begins, or that decides whether the book is up to date.
    pub fn history(&self) -> Span {
        let series = self.series.iter().map(|(_, series)| series.longest);
        let windows = [self.tape.longest(), self.open_interest.longest, BOOK_STALE_AFTER];
        series.chain(windows).max().unwrap_or_default()
    }

    /// Applies a trade.
    #[inline(always)]
    pub fn trade(&mut self, at: Timestamp, trade: Trade) {
        self.last = Some((at, trade));
        if self.tape.is_read() {
            self.tape.push(at, trade, true);
        }
        for bars in &mut self.bars {
            bars.trade(at, trade.price, trade.qty);
        }
    }

    /// Applies trades.
    pub(super) fn trades(&mut self, trades: &[(Timestamp, Trade)]) {
        let Some(last) = trades.last() else { return };
        self.last = Some(*last);
        if self.tape.is_read() {
            trades.iter().for_each(|(at, trade)| self.tape.push(*at, *trade, true));
        }
        for bars in &mut self.bars {
            trades.iter().for_each(|(at, trade)| bars.trade(*at, trade.price, trade.qty));
        }
    }

    /// Replaces the trades of a recorded bar. The path inside is unknown, so all its prices are put on the
    /// tape at its end, with the volume at the close. Counts and taker sides are unknown; indicator types
    /// that need them are refused for such recordings.
    fn bar(&mut self, at: Timestamp, bar: &Bar) {
        let inside =
            [(bar.open, Qty::ZERO), (bar.high, Qty::ZERO), (bar.low, Qty::ZERO), (bar.close, bar.volume)];
        for (price, qty) in inside {
            if self.tape.is_read() {
                self.tape.push(
                    at,
                    Trade { price, qty, taker: Side::Buy },
                    price == bar.close && qty == bar.volume,
                );
            }
            for bars in &mut self.bars {
                // Its trades lie before its end, so on a grid of the same length they belong to the bar that
                // ends now.
                bars.trade(at - Span::from_nanos(1), price, qty);
            }
        }
        self.last = Some((at, Trade { price: bar.close, qty: bar.volume, taker: Side::Buy }));
    }

    fn book_changed(&mut self, spec: &SymbolSpec, at: Timestamp) {
        self.book_at = Some(at);
        for (measure, series) in &mut self.series {
            series.push(at, measure.of(&self.book, spec));
        }
    }

    /// Applies a gap: nothing is carried forward across it, except a book that went on.
    pub fn gap(&mut self, gap: Gap) {
        if gap.cause.loses_book() {
            self.book.clear();
            self.book_at = None;
            for (_, series) in &mut self.series {
                series.push(gap.from, None);
            }
        }
        self.tape.interrupt(gap.from);
        self.open_interest.push(gap.from, None);
        for bars in &mut self.bars {
            bars.interrupt();
        }
    }

    /// Whether the book is not stale.
    pub fn book_is_live(&self, now: Timestamp) -> bool {
        let Some(book_at) = self.book_at else { return false };
        let trades_went_on = self.last.is_some_and(|(at, _)| at - book_at > Span::ZERO);
        !(trades_went_on && now - book_at > BOOK_STALE_AFTER)
    }

    /// Best bid and ask of a fresh, two-sided, uncrossed book.
    pub fn touch(&self, now: Timestamp) -> Option<(Price, Price)> {
        if self.book_is_live(now) { self.quotes() } else { None }
    }

    /// The mark price, while it counts.
    #[inline]
    pub fn mark(&self, now: Timestamp) -> Option<Price> {
        self.last_mark.and_then(|mark| mark.price_at(now))
    }

    /// The price that values margin and unrealised profit: the mark, else the mid price of the book, else the
    /// last one.
    #[inline]
    pub fn value(&self, now: Timestamp) -> Option<Price> {
        let mid = || self.touch(now).map(|(bid, ask)| Price((bid.0 + ask.0) / 2));
        self.mark(now).or_else(mid).or(self.last.map(|(_, trade)| trade.price))
    }

    /// The last time at which a trade finds the book fresh; `None` without a book.
    pub(super) fn book_lives_until(&self) -> Option<Timestamp> {
        self.book_at.map(|at| at + BOOK_STALE_AFTER)
    }

    /// Best bid and ask of a two-sided, uncrossed book, fresh or not.
    pub(super) fn quotes(&self) -> Option<(Price, Price)> {
        let (bid, ask) = (self.book.bids().first()?, self.book.asks().first()?);
        (ask.price > bid.price).then_some((bid.price, ask.price))
    }
}
