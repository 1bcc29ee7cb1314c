//! Volume-weighted average price of a window.

use super::latest::percent_above;
use super::window_params::{WINDOW, one_window};
use super::{DataKind, Indicator, IndicatorKind, Look, Missing, Upstream, Value, Wiring};
use crate::checkpoint::saved;
use crate::domain::strategy::IndicatorSpec;
use crate::engine::market::tape::Needs;
use crate::engine::market::window::Window;

/// `VWAP(t1, t2)`.
pub static VWAP: IndicatorKind = IndicatorKind {
    name: "VWAP",
    about: "Volume-weighted average of the trade price",
    formula: "Σpq/Σq over trades in (T−t1, T−t2]",
    unit: "price",
    needs: &[DataKind::Price],
    range: None,
    params: WINDOW,
    check: one_window,
    build: |spec, wiring| Box::new(Vwap { average: VolumeAverage::new(spec, wiring), distance: false }),
};

/// The last price relative to the VWAP.
pub static PRICE_VS_VWAP_PCT: IndicatorKind = IndicatorKind {
    name: "PRICE_VS_VWAP_PCT",
    about: "How far the last price is above the volume-weighted average",
    formula: "100·(P − VWAP(t1, t2))/VWAP(t1, t2)",
    unit: "%",
    build: |spec, wiring| Box::new(Vwap { average: VolumeAverage::new(spec, wiring), distance: true }),
    ..VWAP
};

struct Vwap {
    average: VolumeAverage,
    distance: bool,
}

saved!(Vwap { average } fixed { distance });

impl Indicator for Vwap {
    fn value(&mut self, look: &Look<'_>, _: &mut Upstream<'_>) -> Value {
        let ticks = self.average.ticks(look)?;
        if self.distance { percent_above(look, ticks) } else { Ok(look.price(ticks)) }
    }
}

struct VolumeAverage(Window);

saved!(VolumeAverage { 0 });

impl VolumeAverage {
    fn new(spec: &IndicatorSpec, wiring: &mut Wiring<'_>) -> Self {
        let needs = Needs::VOLUME.and(Needs::VALUE);
        VolumeAverage(wiring.window(spec, spec.span("t1"), spec.span("t2"), needs))
    }

    fn ticks(&mut self, look: &Look<'_>) -> Value {
        let slice = self.0.read(&look.market.tape, look.now)?;
        if slice.qty() == 0 {
            Err(Missing::EmptyWindow)
        } else {
            Ok(slice.value() as f64 / slice.qty() as f64)
        }
    }
}
