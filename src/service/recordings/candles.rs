//! Candles of a recorded symbol, made from its trades or, without trades, from its bars.
//!
//! Memory is bounded: with too many candles, neighbours are merged. Invariant: merging keeps highs and lows,
//! and an interval without data has no candle.

use super::view;
use crate::domain::num::Qty;
use crate::domain::record::StreamKind;
use crate::domain::symbol::{SymbolId, SymbolSpec, SymbolTable};
use crate::domain::time::{Span, Timestamp};
use crate::limits::CANDLES;
use crate::service::Refusal;
use crate::session::ports::{Chunk, Feed, TickKind};
use crate::store::records::{RecordedSymbolV1, RecordingV1};
use crate::store::{FeedChoice, FeedClock, Store};
use serde_json::{Value, json};

/// A request for candles.
#[derive(Clone, PartialEq, Debug)]
pub struct CandleRequest {
    /// Symbol, in either spelling.
    pub symbol: String,
    /// Length of a candle; doubled until there are at most `max_points`.
    pub interval: Span,
    /// Start (inclusive).
    pub from: Option<Timestamp>,
    /// End (exclusive).
    pub to: Option<Timestamp>,
    /// Maximum number of candles; [`CANDLES`] at most.
    pub max_points: usize,
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Candle {
    /// Number of the interval since 1970.
    index: i64,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    /// In lots, because sums of binary fractions would show digits that were never traded.
    volume: Qty,
}

/// At most `most` candles; the width doubles whenever there would be more.
struct Candles {
    width_ns: i64,
    most: usize,
    all: Vec<Candle>,
}

pub(super) fn of(
    store: &Store,
    recording: &RecordingV1,
    symbol: &RecordedSymbolV1,
    request: &CandleRequest,
) -> Result<Value, Refusal> {
    let problem = |path: &str, problem: &str| {
        Refusal::invalid(
            "invalid_request",
            format!("{} {problem}", &path[1..]),
            vec![(path.to_owned(), problem.to_owned())],
        )
    };
    if request.interval < Span::SECOND {
        return Err(problem("/interval", "must be a second or longer"));
    }
    let kind =
        if symbol.stream(StreamKind::Trades).is_some() { StreamKind::Trades } else { StreamKind::Bars };
    if symbol.stream(kind).is_none() {
        return Err(problem("/symbol", "has neither trades nor bars in this recording"));
    }
    let (from, to) = (request.from.unwrap_or(Timestamp::MIN), request.to.unwrap_or(Timestamp::MAX));
    let table = SymbolTable::new(1, vec![store.spec_of(&recording.id, &symbol.name)?]);
    let symbols = [SymbolId(0)];
    let choice = FeedChoice {
        recording: &recording.id,
        symbols: &symbols,
        streams: &[(SymbolId(0), kind)],
        clock: FeedClock::Exchange,
        from,
        to,
    };
    let mut feed = store.feed(choice, &table)?;
    let mut candles = Candles {
        width_ns: request.interval.nanos(),
        most: request.max_points.clamp(1, CANDLES),
        all: Vec::new(),
    };
    let spec = table.spec(SymbolId(0));
    let mut chunk = Chunk::default();
    let unreadable = |error: crate::session::ports::FeedError| {
        Refusal::new(crate::service::RefusalKind::Internal, "internal_error", error.0)
    };
    while feed.next(&mut chunk).map_err(unreadable)? {
        for tick in chunk.ticks() {
            match tick.kind {
                TickKind::Trade(trade) => candles.add(tick.at, [spec.price_f64(trade.price); 4], trade.qty),
                TickKind::Bar(bar) => {
                    // A bar's tick comes at its end; its candle belongs to its start.
                    let prices = [bar.open, bar.high, bar.low, bar.close].map(|price| spec.price_f64(price));
                    candles.add(tick.at - Span::from_seconds(i64::from(bar.seconds)), prices, bar.volume);
                }
                _ => {}
            }
        }
    }
    let gaps = store.gaps(&recording.id)?;
    let own = gaps.iter().filter(|(name, known)| {
        *name == symbol.name && known.stream == kind && known.gap.to > from && known.gap.from < to
    });
    Ok(json!({
        "session_id": recording.id,
        "symbol": symbol.name,
        "source": kind.as_str(),
        "interval_seconds": Span::from_nanos(candles.width_ns).seconds_f64(),
        "candles": candles.shown(spec),
        "gaps": own.map(view::gap).collect::<Vec<_>>(),
    }))
}

impl Candles {
    /// Adds one trade (its price four times) or one bar: open, high, low, close.
    fn add(&mut self, at: Timestamp, [open, high, low, close]: [f64; 4], volume: Qty) {
        let index = at.nanos().div_euclid(self.width_ns);
        let new = Candle { index, open, high, low, close, volume };
        match self.all.last_mut() {
            Some(last) if last.index >= index => last.join(&new),
            _ => self.all.push(new),
        }
        while self.all.len() > self.most {
            self.widen();
        }
    }

    fn widen(&mut self) {
        self.width_ns = self.width_ns.saturating_mul(2);
        let mut kept: Vec<Candle> = Vec::with_capacity(self.most + 1);
        for candle in &self.all {
            let candle = Candle { index: candle.index.div_euclid(2), ..*candle };
            match kept.last_mut() {
                Some(last) if last.index == candle.index => last.join(&candle),
                _ => kept.push(candle),
            }
        }
        self.all = kept;
    }

    fn shown(&self, spec: &SymbolSpec) -> Vec<Value> {
        let start = |candle: &Candle| {
            Timestamp::from_nanos(candle.index.saturating_mul(self.width_ns)).rfc3339_millis()
        };
        let one = |candle: &Candle| {
            json!({
                "time": start(candle), "open": candle.open, "high": candle.high, "low": candle.low, "close": candle.close,
                "volume": spec.shown_quantity(candle.volume),
            })
        };
        self.all.iter().map(one).collect()
    }
}

impl Candle {
    fn join(&mut self, later: &Candle) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume = Qty(self.volume.0.saturating_add(later.volume.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_candles_keep_extremes_volume_and_ends() {
        for most in [1, 2, 3, 60, 1_000] {
            let mut candles = Candles { width_ns: 1_000_000_000, most, all: Vec::new() };
            for tick in 0..600_i64 {
                let price = 100.0 + ((tick * 37) % 101) as f64;
                candles.add(Timestamp::from_millis(tick * 1_000 + 500).unwrap(), [price; 4], Qty(2));
            }
            assert!(candles.all.len() <= most);
            assert_eq!(candles.all.iter().map(|candle| candle.volume.0).sum::<i64>(), 1_200);
            assert_eq!(candles.all.iter().map(|candle| candle.high).fold(0.0, f64::max), 200.0);
            assert_eq!(candles.all.iter().map(|candle| candle.low).fold(f64::MAX, f64::min), 100.0);
            assert_eq!(candles.all[0].open, 100.0);
            assert_eq!(candles.all[candles.all.len() - 1].close, 100.0 + f64::from((599 * 37) % 101));
            assert!(candles.all.is_sorted_by(|a, b| a.index < b.index));
        }
    }
}
