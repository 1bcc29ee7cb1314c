//! Order flow: volume of buying and selling takers.

use super::{
    Accepts, DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Missing, Param, Upstream, Value, number,
    ordered, ratio,
};
use crate::checkpoint::saved;
use crate::engine::market::tape::Needs;
use crate::engine::market::window::{Window, nearest_f64};

/// Imbalance of buying and selling takers.
pub static ORDER_FLOW_IMBALANCE: IndicatorKind = IndicatorKind {
    name: "ORDER_FLOW_IMBALANCE",
    about: "Balance of buying and selling takers",
    formula: "100·(buy − sell)/(buy + sell) over trades in (T−t1, T−t2]",
    unit: "%",
    needs: &[DataKind::Trades],
    range: Some((-100.0, 100.0)),
    params: &[
        number("t1", 30.0, 1.0, 3_600.0, "start of the window, seconds ago"),
        number("t2", 0.0, 0.0, 3_600.0, "end of the window, seconds ago"),
        Param { name: "weight", accepts: Accepts::Word(&["base", "quote"]), about: "quantity, or its value" },
        Param {
            name: "min_trades",
            accepts: Accepts::Count { default: 3, min: 1, max: 100_000 },
            about: "fewer trades give no value",
        },
        MIN_COVERAGE,
    ],
    check: |spec| ordered(spec, "t1", "t2"),
    build: |spec, wiring| {
        let by_value = spec.word("weight") == "quote";
        let needs = if by_value { Needs::VOLUME.and(Needs::VALUE) } else { Needs::VOLUME };
        Box::new(Imbalance {
            window: wiring.window(spec, spec.span("t1"), spec.span("t2"), needs),
            by_value,
            min_trades: spec.count("min_trades") as i64,
        })
    },
};

struct Imbalance {
    window: Window,
    by_value: bool,
    min_trades: i64,
}

saved!(Imbalance { window } fixed { by_value, min_trades });

impl Indicator for Imbalance {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let slice = self.window.read(&look.market.tape, look.now)?;
        match slice.count() {
            0 => return Err(Missing::EmptyWindow),
            count if count < self.min_trades => return Err(Missing::TooFew),
            _ => {}
        }
        let (all, buy) = if self.by_value {
            (nearest_f64(slice.value()), nearest_f64(slice.buy_value()))
        } else {
            (slice.qty() as f64, slice.buy_qty() as f64)
        };
        ratio(100.0 * (buy - (all - buy)), all)
    }
}

/// Cumulative volume delta of a window.
pub static CVD: IndicatorKind = IndicatorKind {
    name: "CVD",
    about: "Cumulative volume delta: quantity bought less quantity sold by takers",
    formula: "Σ q of buying − Σ q of selling takers over trades in (T−t1, T−t2]",
    unit: "base",
    needs: &[DataKind::Trades],
    range: None,
    params: &[
        number("t1", 60.0, 1.0, 86_400.0, "start of the window, seconds ago"),
        number("t2", 0.0, 0.0, 86_400.0, "end of the window, seconds ago"),
        MIN_COVERAGE,
    ],
    check: |spec| ordered(spec, "t1", "t2"),
    build: |spec, wiring| {
        Box::new(VolumeDelta(wiring.window(spec, spec.span("t1"), spec.span("t2"), Needs::VOLUME)))
    },
};

struct VolumeDelta(Window);

saved!(VolumeDelta { 0 });

impl Indicator for VolumeDelta {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let slice = self.0.read(&look.market.tape, look.now)?;
        let sold = slice.qty().wrapping_sub(slice.buy_qty());
        Ok(slice.buy_qty().wrapping_sub(sold) as f64 * look.spec.lot_f64())
    }
}
