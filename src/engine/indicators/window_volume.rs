//! Sums and counts of trades in a window.

use super::window_params::{WINDOW, one_window};
use super::{DataKind, Indicator, IndicatorKind, Look, Missing, Upstream, Value, Wiring};
use crate::checkpoint::saved;
use crate::domain::strategy::IndicatorSpec;
use crate::engine::market::tape::Needs;
use crate::engine::market::window::{Slice, Window};

/// Base units traded.
pub static SUM_VOLUME: IndicatorKind = IndicatorKind {
    name: "SUM_VOLUME",
    about: "Quantity traded in the window",
    formula: "Σ q over trades in (T−t1, T−t2]",
    unit: "base",
    needs: &[DataKind::Price],
    range: None,
    params: WINDOW,
    check: one_window,
    build: |spec, wiring| {
        WindowSum::boxed(spec, wiring, |slice, look, _| Ok(slice.qty() as f64 * look.spec.lot_f64()))
    },
};

/// Number of trades.
pub static COUNT_DEALS: IndicatorKind = IndicatorKind {
    name: "COUNT_DEALS",
    about: "Number of trades in the window",
    formula: "number of trades in (T−t1, T−t2]",
    unit: "trades",
    needs: &[DataKind::Trades],
    build: |spec, wiring| WindowSum::boxed(spec, wiring, |slice, _, _| Ok(slice.count() as f64)),
    ..SUM_VOLUME
};

/// Base units per trade.
pub static AVG_VOLUME: IndicatorKind = IndicatorKind {
    name: "AVG_VOLUME",
    about: "Average quantity of a trade in the window",
    formula: "Σ q / number of trades in (T−t1, T−t2]",
    unit: "base",
    build: |spec, wiring| {
        WindowSum::boxed(spec, wiring, |slice, look, _| {
            average_size(slice).map(|lots| lots * look.spec.lot_f64())
        })
    },
    ..COUNT_DEALS
};

/// Another name of [`AVG_VOLUME`].
pub static AVERAGE_TRADE_SIZE: IndicatorKind = IndicatorKind { name: "AVERAGE_TRADE_SIZE", ..AVG_VOLUME };

/// Trades per minute.
pub static TRADE_FREQUENCY: IndicatorKind = IndicatorKind {
    name: "TRADE_FREQUENCY",
    about: "Trades per minute in the window",
    formula: "60·(number of trades in (T−t1, T−t2])/(t1 − t2)",
    unit: "1/min",
    build: |spec, wiring| {
        WindowSum::boxed(spec, wiring, |slice, _, seconds| Ok(60.0 * slice.count() as f64 / seconds))
    },
    ..COUNT_DEALS
};

/// Lots per trade.
///
/// # Errors
/// `EmptyWindow` without trades.
pub(super) fn average_size(slice: &Slice<'_>) -> Value {
    if slice.count() == 0 { Err(Missing::EmptyWindow) } else { Ok(slice.qty() as f64 / slice.count() as f64) }
}

/// Computes a value from the sums of a window; the last argument is its length in seconds.
type OfSums = fn(&Slice<'_>, &Look<'_>, f64) -> Value;

struct WindowSum {
    window: Window,
    of: OfSums,
}

saved!(WindowSum { window } fixed { of });

impl WindowSum {
    fn boxed(spec: &IndicatorSpec, wiring: &mut Wiring<'_>, of: OfSums) -> Box<dyn Indicator> {
        Box::new(WindowSum {
            window: wiring.window(spec, spec.span("t1"), spec.span("t2"), Needs::VOLUME),
            of,
        })
    }
}

impl Indicator for WindowSum {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let seconds = self.window.seconds();
        (self.of)(&self.window.read(&look.market.tape, look.now)?, look, seconds)
    }
}
