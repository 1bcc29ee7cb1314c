//! Recorded market data: one row per file line or stored row, with nothing lost.
//!
//! Rows keep the decimals of their source; ticks and lots exist only once the symbol's steps are known.

use crate::domain::decimal::Decimal;
use crate::domain::event::Gap;
use crate::domain::order::Side;
use crate::domain::time::Timestamp;

/// Kind of a recorded stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StreamKind {
    /// Top-of-book snapshots (`.book20`).
    BookSnapshots,
    /// Level changes, opened by a snapshot (`.l2`).
    BookChanges,
    /// Best bid and ask (`.bbo`).
    Quotes,
    /// Trades.
    Trades,
    /// Closed bars (candles).
    Bars,
    /// Fair and index price.
    Marks,
    /// Funding settlements.
    Funding,
}

impl StreamKind {
    /// All kinds with their names in documents and tables, in the order in which rows of equal time are
    /// replayed.
    pub const ALL: [(StreamKind, &'static str); 7] = [
        (StreamKind::BookSnapshots, "book20"),
        (StreamKind::BookChanges, "l2"),
        (StreamKind::Quotes, "bbo"),
        (StreamKind::Trades, "trades"),
        (StreamKind::Bars, "bars"),
        (StreamKind::Marks, "marks"),
        (StreamKind::Funding, "funding"),
    ];

    /// Name in documents and tables.
    pub fn as_str(&self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == *self).map_or("", |(_, word)| word)
    }

    /// Where a range of times that begins or ends at `at` does so for these rows. A bar comes when it is over
    /// and belongs to the time before: one that ends with a range is in it, one that ends where it begins is
    /// not.
    pub fn boundary(self, at: Timestamp) -> Timestamp {
        match self {
            StreamKind::Bars => Timestamp::from_nanos(at.nanos().saturating_add(1)),
            _ => at,
        }
    }

    /// Whether its rows make a book.
    pub fn is_of_book(self) -> bool {
        matches!(self, StreamKind::BookSnapshots | StreamKind::BookChanges)
    }

    /// The kind that holds the same in more detail. Where a symbol has both, only that one is replayed: book
    /// changes instead of snapshots, trades instead of bars.
    pub fn finer(self) -> Option<StreamKind> {
        match self {
            StreamKind::BookSnapshots => Some(StreamKind::BookChanges),
            StreamKind::Bars => Some(StreamKind::Trades),
            _ => None,
        }
    }

    /// The kind with this name.
    pub fn from_name(word: &str) -> Option<StreamKind> {
        Self::ALL.iter().find(|(_, w)| *w == word).map(|(kind, _)| *kind)
    }
}

/// One recorded row. Prices and quantities are positive unless stated otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// Exchange timestamp.
    pub exchange_at: Timestamp,
    /// Time of receipt by the recorder, when it was recorded.
    pub received_at: Option<Timestamp>,
    /// Payload.
    pub body: RecordBody,
}

/// Payload of a recorded row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RecordBody {
    /// A trade.
    Trade {
        /// Price in the quote currency.
        price: Decimal,
        /// Quantity in the venue's unit (contracts, or base units on spot).
        quantity: Decimal,
        /// Side of the taker.
        taker: Side,
        /// The venue's trade id.
        id: Option<u64>,
    },
    /// One level of a snapshot. The rows of a snapshot share their time and are adjacent; a second level-1
    /// row of the same side starts the next snapshot of that time.
    SnapshotLevel {
        /// Side of the book.
        side: Side,
        /// 1 = best.
        level: u16,
        /// Price.
        price: Decimal,
        /// Quantity.
        quantity: Decimal,
    },
    /// One changed level; quantity 0 deletes it. The rows of one message share time and update id and are
    /// adjacent.
    LevelChange {
        /// Side of the book.
        side: Side,
        /// Price.
        price: Decimal,
        /// New quantity.
        quantity: Decimal,
        /// Whether the row belongs to the snapshot that starts the stream (or restarts it after a gap).
        snapshot: bool,
        /// The venue's update id.
        update_id: Option<u64>,
    },
    /// Best bid and ask.
    Quote {
        /// Best bid.
        bid_price: Decimal,
        /// Quantity at the best bid.
        bid_quantity: Decimal,
        /// Best ask.
        ask_price: Decimal,
        /// Quantity at the best ask.
        ask_quantity: Decimal,
        /// The venue's update id.
        update_id: Option<u64>,
    },
    /// A bar; `exchange_at` is its open time. Volume may be zero.
    Bar {
        /// First price.
        open: Decimal,
        /// Highest price.
        high: Decimal,
        /// Lowest price.
        low: Decimal,
        /// Last price.
        close: Decimal,
        /// Quantity traded.
        volume: Decimal,
        /// Traded value in the quote currency, when the source has it.
        quote_volume: Option<Decimal>,
    },
    /// Fair and index price.
    Mark {
        /// Fair price.
        mark: Decimal,
        /// Index price.
        index: Option<Decimal>,
    },
    /// Funding settlement; the rate is a fraction and may be negative.
    Funding {
        /// Rate, e.g. 0.0001.
        rate: Decimal,
    },
}

impl RecordBody {
    /// The stream this payload belongs to.
    pub fn stream(&self) -> StreamKind {
        match self {
            RecordBody::Trade { .. } => StreamKind::Trades,
            RecordBody::SnapshotLevel { .. } => StreamKind::BookSnapshots,
            RecordBody::LevelChange { .. } => StreamKind::BookChanges,
            RecordBody::Quote { .. } => StreamKind::Quotes,
            RecordBody::Bar { .. } => StreamKind::Bars,
            RecordBody::Mark { .. } => StreamKind::Marks,
            RecordBody::Funding { .. } => StreamKind::Funding,
        }
    }
}

/// A gap in one recorded stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordedGap {
    /// Stream with the gap.
    pub stream: StreamKind,
    /// Start, end and cause.
    pub gap: Gap,
}
