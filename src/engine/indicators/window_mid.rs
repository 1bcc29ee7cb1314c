//! The mid price relative to its average, and trade prices relative to the mid price.

use super::book_average::BookWindow;
use super::twpa::TimeAverage;
use super::window_params::{T1, WINDOW, one_window};
use super::{DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Upstream, Value, ratio, unchecked};
use crate::checkpoint::saved;
use crate::domain::time::Span;
use crate::engine::market::series::BookMeasure;

/// Current mid price relative to its average.
pub static MID_PRICE_VELOCITY: IndicatorKind = IndicatorKind {
    name: "MID_PRICE_VELOCITY",
    about: "How far the mid price is above its time-weighted average",
    formula: "100·(mid now/TW_MIDPRICE(t1, 0) − 1)",
    unit: "%",
    needs: &[DataKind::Book],
    range: None,
    params: &[T1, MIN_COVERAGE],
    check: unchecked,
    build: |spec, wiring| {
        Box::new(MidVelocity(BookWindow::new(spec, wiring, BookMeasure::Mid, spec.span("t1"), Span::ZERO)))
    },
};

/// Distance of trade prices from the mid price.
pub static DEAL_VS_MID_DEVIATION: IndicatorKind = IndicatorKind {
    name: "DEAL_VS_MID_DEVIATION",
    about: "Distance of the average trade price from the average mid price, without sign",
    formula: "100·|TWPA(t1, t2) − TW_MIDPRICE(t1, t2)|/TW_MIDPRICE(t1, t2)",
    needs: &[DataKind::Price, DataKind::Book],
    params: WINDOW,
    check: one_window,
    build: |spec, wiring| {
        let (t1, t2) = (spec.span("t1"), spec.span("t2"));
        Box::new(Deviation {
            trades: TimeAverage::new(spec, wiring, t1, t2),
            mid: BookWindow::new(spec, wiring, BookMeasure::Mid, t1, t2),
        })
    },
    ..MID_PRICE_VELOCITY
};

struct MidVelocity(BookWindow);

saved!(MidVelocity { 0 });

impl Indicator for MidVelocity {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let average = self.0.mean(look)?;
        ratio(100.0 * (self.0.latest(look)? - average), average)
    }
}

struct Deviation {
    trades: TimeAverage,
    mid: BookWindow,
}

saved!(Deviation { trades, mid });

impl Indicator for Deviation {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let mid = self.mid.mean(look)?;
        ratio(100.0 * (self.trades.price(look)? - mid).abs(), mid)
    }
}
