//! Latest values of the market: last trade and best bid and ask.
//!
//! Invariant: no price from before a gap and no stale book is read.

use super::{DataKind, Indicator, IndicatorKind, Look, Missing, Upstream, Value, Wiring, ratio, unchecked};
use crate::checkpoint::saved;
use crate::domain::time::Span;
use crate::engine::market::tape::Point;

/// Price of the last trade.
pub static PRICE: IndicatorKind = IndicatorKind {
    name: "PRICE",
    about: "Price of the last trade",
    formula: "p of the newest trade",
    unit: "price",
    needs: &[DataKind::Price],
    range: None,
    params: &[],
    check: unchecked,
    build: |_, wiring| LastTrade::boxed(wiring, |point, look| look.spec.price_f64(point.price)),
};

/// Quantity of the last trade.
pub static VOLUME: IndicatorKind = IndicatorKind {
    name: "VOLUME",
    about: "Quantity of the last trade",
    formula: "q of the newest trade",
    unit: "base",
    needs: &[DataKind::Trades],
    build: |_, wiring| LastTrade::boxed(wiring, |point, look| look.spec.qty_f64(point.qty())),
    ..PRICE
};

/// Best bid price.
pub static BEST_BID: IndicatorKind = IndicatorKind {
    name: "BEST_BID",
    about: "Highest price a buyer shows",
    formula: "price of the first bid",
    unit: "price",
    needs: &[DataKind::Book],
    build: |_, _| {
        Box::new(Touch {
            of: |look| look.market.book.bids().first().map(|level| look.spec.price_f64(level.price)),
        })
    },
    ..PRICE
};

/// Best ask price.
pub static BEST_ASK: IndicatorKind = IndicatorKind {
    name: "BEST_ASK",
    about: "Lowest price a seller shows",
    formula: "price of the first ask",
    build: |_, _| {
        Box::new(Touch {
            of: |look| look.market.book.asks().first().map(|level| look.spec.price_f64(level.price)),
        })
    },
    ..BEST_BID
};

/// Quantity on the best bid.
pub static BID_QTY: IndicatorKind = IndicatorKind {
    name: "BID_QTY",
    about: "Quantity on the best bid",
    formula: "quantity of the first bid",
    unit: "base",
    build: |_, _| {
        Box::new(Touch {
            of: |look| look.market.book.bids().first().map(|level| look.spec.qty_f64(level.qty)),
        })
    },
    ..BEST_BID
};

/// Quantity on the best ask.
pub static ASK_QTY: IndicatorKind = IndicatorKind {
    name: "ASK_QTY",
    about: "Quantity on the best ask",
    formula: "quantity of the first ask",
    unit: "base",
    build: |_, _| {
        Box::new(Touch {
            of: |look| look.market.book.asks().first().map(|level| look.spec.qty_f64(level.qty)),
        })
    },
    ..BEST_BID
};

/// The newest point of the tape; needs trade history ([`Wiring::history`]).
///
/// # Errors
/// `WarmUp` before the first trade, `Gap` when a gap followed the last one.
pub(super) fn last_trade<'a>(look: &Look<'a>) -> Result<&'a Point, Missing> {
    let tape = &look.market.tape;
    if tape.newest() < tape.oldest() {
        return Err(Missing::WarmUp);
    }
    let point = tape.point(tape.newest());
    if point.has_price() { Ok(point) } else { Err(Missing::Gap) }
}

/// Percent by which the last price is above a reference in ticks.
pub(super) fn percent_above(look: &Look<'_>, reference_ticks: f64) -> Value {
    ratio(100.0 * (last_trade(look)?.price.0 as f64 - reference_ticks), reference_ticks)
}

struct LastTrade {
    of: fn(&Point, &Look<'_>) -> f64,
}

saved!(LastTrade {} fixed { of });

impl LastTrade {
    fn boxed(wiring: &mut Wiring<'_>, of: fn(&Point, &Look<'_>) -> f64) -> Box<dyn Indicator> {
        wiring.history(Span::ZERO);
        Box::new(LastTrade { of })
    }
}

impl Indicator for LastTrade {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        Ok((self.of)(last_trade(look)?, look))
    }
}

struct Touch {
    of: fn(&Look<'_>) -> Option<f64>,
}

saved!(Touch {} fixed { of });

impl Indicator for Touch {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        if !look.market.book_is_live(look.now) {
            return Err(Missing::NoBook);
        }
        (self.of)(look).ok_or(Missing::NoBook)
    }
}
