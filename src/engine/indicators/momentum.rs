//! Mean price of one window relative to another.

use super::twpa::TimeAverage;
use super::{
    Accepts, DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Missing, Param, Upstream, Value, number,
    ordered, ratio,
};
use crate::checkpoint::saved;
use crate::engine::market::tape::Needs;
use crate::engine::market::window::Window;

/// Current mean price relative to the baseline's.
pub static PRICE_MOMENTUM: IndicatorKind = IndicatorKind {
    name: "PRICE_MOMENTUM",
    about: "Mean price of the current window against the baseline's",
    formula: "100·(m₁/m₂ − 1), m = mean over the trades of (t1, t2) and (t3, t4); mode time: TWPA",
    unit: "%",
    needs: &[DataKind::Price],
    range: None,
    params: &[
        number("t1", 30.0, 1.0, 3_600.0, "start of the current window, seconds ago"),
        number("t2", 0.0, 0.0, 3_600.0, "end of the current window, seconds ago"),
        number("t3", 120.0, 1.0, 86_400.0, "start of the baseline, seconds ago"),
        number("t4", 30.0, 0.0, 86_400.0, "end of the baseline, seconds ago"),
        Param {
            name: "mode",
            accepts: Accepts::Word(&["trades", "time"]),
            about: "every trade counts the same, or by how long its price held",
        },
        MIN_COVERAGE,
    ],
    check: |spec| ordered(spec, "t1", "t2").or_else(|| ordered(spec, "t3", "t4")),
    build: |spec, wiring| {
        let [t1, t2, t3, t4] = ["t1", "t2", "t3", "t4"].map(|name| spec.span(name));
        if spec.word("mode") == "time" {
            return Box::new(ByTime {
                current: TimeAverage::new(spec, wiring, t1, t2),
                baseline: TimeAverage::new(spec, wiring, t3, t4),
            });
        }
        let needs = Needs::VOLUME.and(Needs::PRICES);
        Box::new(ByTrades {
            current: wiring.window(spec, t1, t2, needs),
            baseline: wiring.window(spec, t3, t4, needs),
        })
    },
};

struct ByTrades {
    current: Window,
    baseline: Window,
}

saved!(ByTrades { current, baseline });

impl Indicator for ByTrades {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let baseline = mean_price(&mut self.baseline, look)?;
        change(mean_price(&mut self.current, look)?, baseline)
    }
}

struct ByTime {
    current: TimeAverage,
    baseline: TimeAverage,
}

saved!(ByTime { current, baseline });

impl Indicator for ByTime {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let baseline = self.baseline.ticks(look)?;
        change(self.current.ticks(look)?, baseline)
    }
}

/// Mean trade price in ticks.
fn mean_price(window: &mut Window, look: &Look<'_>) -> Value {
    let slice = window.read(&look.market.tape, look.now)?;
    ratio(slice.price_sum() as f64, slice.count() as f64).map_err(|_| Missing::EmptyWindow)
}

fn change(current: f64, baseline: f64) -> Value {
    ratio(100.0 * (current - baseline), baseline)
}
