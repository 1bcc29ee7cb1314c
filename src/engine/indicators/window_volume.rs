//! Sums of traded quantity in a window.

use super::{Channel, Indicator, Kind, Look, MIN_COVERAGE, Upstream, Value, number, ordered};
use crate::engine::market::tape::Window;

/// Base units traded.
pub static SUM_VOLUME: Kind = Kind {
    name: "SUM_VOLUME",
    about: "Quantity traded in the window",
    formula: "Σ q over trades in (T−t1, T−t2]",
    unit: "base",
    needs: &[Channel::Price],
    range: None,
    params: &[
        number("t1", 60.0, 1.0, 86_400.0, "start of the window, seconds ago"),
        number("t2", 0.0, 0.0, 86_400.0, "end of the window, seconds ago"),
        MIN_COVERAGE,
    ],
    check: |spec| ordered(spec, "t1", "t2"),
    build: |spec, wiring| Box::new(SumVolume(wiring.window(spec, spec.span("t1"), spec.span("t2")))),
};

struct SumVolume(Window);

impl Indicator for SumVolume {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let slice = self.0.read(&look.market.tape, look.now)?;
        Ok(slice.qty() as f64 * look.spec.lot_f64())
    }
}
