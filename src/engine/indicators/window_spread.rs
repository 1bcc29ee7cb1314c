//! Level and volatility of the spread in a window.

use super::book_average::BookWindow;
use super::window_params::{WINDOW, one_window};
use super::{DataKind, Indicator, IndicatorKind, Look, Upstream, Value, ratio};
use crate::checkpoint::saved;
use crate::engine::market::series::BookMeasure;

/// A variance below this times (1 + 2·mean) counts as rounding noise.
const RESOLUTION: f64 = 1.0 / (1_u64 << 40) as f64;

/// Spread between the average best ask and the average best bid.
pub static SPREAD_PERCENTAGE: IndicatorKind = IndicatorKind {
    name: "SPREAD_PERCENTAGE",
    about: "Distance of the average best ask and the average best bid",
    formula: "100·(AVG_BEST_ASK − AVG_BEST_BID)/((AVG_BEST_ASK + AVG_BEST_BID)/2)",
    unit: "%",
    needs: &[DataKind::Book],
    range: Some((-200.0, 200.0)),
    params: WINDOW,
    check: one_window,
    build: |spec, wiring| {
        let (t1, t2) = (spec.span("t1"), spec.span("t2"));
        Box::new(AverageSpread {
            bid: BookWindow::new(spec, wiring, BookMeasure::BestBid, t1, t2),
            ask: BookWindow::new(spec, wiring, BookMeasure::BestAsk, t1, t2),
        })
    },
};

/// Time-weighted standard deviation of the spread.
pub static SPREAD_VOLATILITY: IndicatorKind = IndicatorKind {
    name: "SPREAD_VOLATILITY",
    about: "How much the spread in percent of mid moved",
    formula: "sqrt of the TWA of (s − TWA(s))², s = SPREAD_PCT, over [T−t1, T−t2]; resolution 10^-6",
    range: Some((0.0, 100.0)),
    build: |spec, wiring| {
        Box::new(SpreadDeviation(BookWindow::new(
            spec,
            wiring,
            BookMeasure::SpreadPct,
            spec.span("t1"),
            spec.span("t2"),
        )))
    },
    ..SPREAD_PERCENTAGE
};

struct AverageSpread {
    bid: BookWindow,
    ask: BookWindow,
}

saved!(AverageSpread { bid, ask });

impl Indicator for AverageSpread {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let (bid, ask) = (self.bid.mean(look)?, self.ask.mean(look)?);
        ratio(200.0 * (ask - bid), ask + bid)
    }
}

struct SpreadDeviation(BookWindow);

saved!(SpreadDeviation { 0 });

impl Indicator for SpreadDeviation {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let average = self.0.average(look)?;
        let variance = average.mean_square - average.mean * average.mean;
        Ok(if variance > RESOLUTION * (1.0 + 2.0 * average.mean) { variance.sqrt() } else { 0.0 })
    }
}
