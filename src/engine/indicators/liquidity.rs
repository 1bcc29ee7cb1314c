//! Liquidity in the book, its change, and the cost of taking it.

use super::wiring::SeriesId;
use super::{
    Accepts, DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Missing, Param, Upstream, Value,
    book_average, number, ordered, ratio, unchecked,
};
use crate::checkpoint::saved;
use crate::domain::num::Money;
use crate::domain::order::Side;
use crate::domain::time::Span;
use crate::engine::market::series::BookMeasure;

/// Fraction of the baseline's liquidity that has gone.
pub static LIQUIDITY_DRAIN_INDEX: IndicatorKind = IndicatorKind {
    name: "LIQUIDITY_DRAIN_INDEX",
    about: "Share of the baseline's liquidity that has gone; positive = drained",
    formula: "100·(TWA_base(L) − TWA_cur(L))/TWA_base(L), L = Σ price·qty of both sides",
    unit: "%",
    needs: &[DataKind::Book],
    range: None,
    params: &[
        number("t1", 30.0, 1.0, 3_600.0, "start of the current window, seconds ago"),
        number("t2", 0.0, 0.0, 3_600.0, "end of the current window, seconds ago"),
        number("t3", 600.0, 1.0, 86_400.0, "start of the baseline, seconds ago"),
        number("t4", 30.0, 0.0, 86_400.0, "end of the baseline, seconds ago"),
        number("min_baseline", 100.0, 1.0, 10_000.0, "a smaller baseline gives no value, USDT"),
        Param {
            name: "levels",
            accepts: Accepts::Count { default: 1, min: 1, max: 20 },
            about: "levels a side, when depth_pct is 0",
        },
        number("depth_pct", 0.0, 0.0, 50.0, "instead of levels: everything within this percentage of mid"),
        MIN_COVERAGE,
    ],
    check: |spec| ordered(spec, "t1", "t2").or_else(|| ordered(spec, "t3", "t4")),
    build: |spec, wiring| {
        let [t1, t2, t3, t4] = ["t1", "t2", "t3", "t4"].map(|name| spec.span(name));
        let pct = spec.number("depth_pct");
        let levels = BookMeasure::LiquidityLevels { levels: spec.count("levels") };
        let measure = if pct > 0.0 { BookMeasure::Depth { side: None, pct } } else { levels };
        Box::new(Drain {
            series: wiring.series(measure, t1.max(t3)),
            current: (t1, t2),
            baseline: (t3, t4),
            min_baseline: spec.number("min_baseline"),
            min_coverage: spec.number("min_coverage"),
        })
    },
};

struct Drain {
    series: SeriesId,
    current: (Span, Span),
    baseline: (Span, Span),
    min_baseline: f64,
    min_coverage: f64,
}

saved!(Drain {} fixed { series, current, baseline, min_baseline, min_coverage });

impl Indicator for Drain {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let baseline = book_average(look, self.series, self.baseline, self.min_coverage)?;
        if baseline < self.min_baseline {
            return Err(Missing::BelowMinimum);
        }
        let current = book_average(look, self.series, self.current, self.min_coverage)?;
        ratio(100.0 * (baseline - current), baseline)
    }
}

/// Value resting near the mid price.
pub static DEPTH_USDT: IndicatorKind = IndicatorKind {
    name: "DEPTH_USDT",
    about: "Value that rests within a percentage of mid",
    formula: "TWA over [T−t1, T−t2] of Σ price·qty within depth_pct of mid; the value at T−t1 when t1 = t2",
    unit: "USDT",
    needs: &[DataKind::Book],
    range: None,
    params: &[
        Param { name: "side", accepts: Accepts::Word(&["both", "bid", "ask"]), about: "side of the book" },
        number("depth_pct", 1.0, 0.01, 50.0, "percent of mid"),
        number("t1", 30.0, 0.0, 3_600.0, "start of the window, seconds ago"),
        number("t2", 0.0, 0.0, 3_600.0, "end of the window, seconds ago"),
        MIN_COVERAGE,
    ],
    check: |spec| (spec.number("t1") < spec.number("t2")).then(|| "t1 must not be less than t2".to_owned()),
    build: |spec, wiring| {
        let side = match spec.word("side") {
            "bid" => Some(Side::Buy),
            "ask" => Some(Side::Sell),
            _ => None,
        };
        let window = (spec.span("t1"), spec.span("t2"));
        let series = wiring.series(BookMeasure::Depth { side, pct: spec.number("depth_pct") }, window.0);
        Box::new(Depth { series, window, min_coverage: spec.number("min_coverage") })
    },
};

struct Depth {
    series: SeriesId,
    window: (Span, Span),
    min_coverage: f64,
}

saved!(Depth {} fixed { series, window, min_coverage });

impl Indicator for Depth {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        book_average(look, self.series, self.window, self.min_coverage)
    }
}

/// Slippage of a market order of a given value.
pub static SLIPPAGE_PCT: IndicatorKind = IndicatorKind {
    name: "SLIPPAGE_PCT",
    about: "How much worse than mid a market order of this value would fill now",
    formula: "buy: 100·(VWAP − mid)/mid, sell: 100·(mid − VWAP)/mid, VWAP = notional / base of a walk through the book",
    unit: "%",
    needs: &[DataKind::Book],
    range: None,
    params: &[
        Param { name: "side", accepts: Accepts::Word(&["buy", "sell"]), about: "side of the order" },
        number("notional", 1_000.0, 1.0, 1_000_000_000.0, "value of the order, USDT"),
    ],
    check: unchecked,
    build: |spec, _| {
        let side = if spec.word("side") == "sell" { Side::Sell } else { Side::Buy };
        Box::new(Slippage { side, notional: Money::from_f64(spec.number("notional")) })
    },
};

struct Slippage {
    side: Side,
    notional: Money,
}

saved!(Slippage {} fixed { side, notional });

impl Indicator for Slippage {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let (bid, ask) = look.market.touch(look.now).ok_or(Missing::NoBook)?;
        // In ticks and lots: the value of one tick times one lot cancels out of the percentage.
        let wanted = self.notional.to_f64() / look.spec.money(1).to_f64();
        let (mut left, mut lots) = (wanted, 0.0);
        for level in look.market.book.opposite_of(self.side) {
            let rests = level.price.0 as f64 * level.qty.0 as f64;
            if rests >= left {
                lots += left / level.price.0 as f64;
                left = 0.0;
                break;
            }
            left -= rests;
            lots += level.qty.0 as f64;
        }
        if left > 0.0 {
            return Err(Missing::TooThin);
        }
        let mid = (bid.0 + ask.0) as f64 / 2.0;
        let worse = ratio(100.0 * (ratio(wanted, lots)? - mid), mid)?;
        Ok(if self.side == Side::Buy { worse } else { -worse })
    }
}
