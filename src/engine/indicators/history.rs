//! How much history an indicator needs before it can have a value.

use super::set::IndicatorSet;
use crate::domain::strategy::{IndicatorSpec, ParamValue};
use crate::domain::time::Span;
use crate::engine::market::MarketState;

/// The shortest recorded time without a gap after which the indicator can have a value. Determined by wiring
/// it as a run does, so it cannot differ from what a run keeps.
pub fn look_back(spec: &IndicatorSpec) -> Span {
    let (mut market, mut set) = (MarketState::default(), IndicatorSet::default());
    set.intern(spec, &mut market);
    let series = market.series.iter().map(|(_, series)| series.longest);
    let windows =
        series.chain([market.tape.longest(), market.open_interest.longest]).max().unwrap_or_default();
    let bars = set.on_bars().map(bars_needed).max().unwrap_or_default();
    scaled(windows, spec.number("min_coverage")).max(bars)
}

/// A window that may be covered in part can be read once that part is there.
fn scaled(window: Span, min_coverage: f64) -> Span {
    if (0.0..1.0).contains(&min_coverage) {
        Span::from_seconds_f64(window.seconds_f64() * min_coverage)
    } else {
        window
    }
}

/// The largest bar count in a spec, as time.
fn bars_needed(spec: &IndicatorSpec) -> Span {
    const BAR_COUNTS: [&str; 4] = ["period", "fast", "slow", "signal"];
    let most =
        BAR_COUNTS.into_iter().filter_map(|name| spec.params.get(name)).fold(0.0, |most: f64, value| {
            match value {
                ParamValue::Number(count) => most.max(*count),
                _ => most,
            }
        });
    Span::from_seconds_f64(most * spec.number("bar_seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::indicators::{ALL, find};

    fn seconds(kind: &str, given: &[(&str, f64)]) -> f64 {
        look_back(&find(kind).unwrap().numbers(given)).seconds_f64()
    }

    #[test]
    fn it_is_the_longest_window_or_the_most_bars() {
        assert_eq!(seconds("VOLUME_SPIKE_RATIO", &[("t1", 20.0), ("t3", 21_620.0), ("t4", 20.0)]), 21_620.0);
        assert_eq!(seconds("MAX_PRICE", &[("t1", 600.0), ("min_coverage", 0.5)]), 300.0);
        assert_eq!(seconds("RSI", &[("period", 14.0), ("bar_seconds", 60.0)]), 840.0);
        assert_eq!(seconds("PUMP_PEAK_PRICE", &[("lookback", 900.0)]), 900.0);
    }

    /// Every type on bars must have one of the bar counts, or its history would be zero.
    #[test]
    fn every_type_on_bars_names_its_number_of_bars() {
        for kind in ALL.iter().filter(|kind| kind.params.iter().any(|param| param.name == "bar_seconds")) {
            assert!(look_back(&kind.numbers(&[])).seconds_f64() > 0.0, "{}", kind.name);
        }
    }
}
