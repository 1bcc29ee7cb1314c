//! Comparisons of velocities: over longer and longer windows, slow against fast, and over time.

use super::pump::{Move, Stretch};
use super::{
    Accepts, DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, Param, SlotId, Upstream, Value, number,
    ratio,
};
use crate::checkpoint::saved;
use crate::domain::strategy::{IndicatorSpec, ParamValue};
use crate::domain::time::Span;

/// Velocities below this many percent per second are not used as a denominator.
const STANDSTILL: f64 = 0.001;

/// Maximum number of windows in a cascade.
const MAX_STRETCHES: usize = 16;

/// Whether shorter windows have higher velocities than longer ones.
pub static VELOCITY_CASCADE: IndicatorKind = IndicatorKind {
    name: "VELOCITY_CASCADE",
    about: "Whether the price accelerates from long stretches to short ones; positive = accelerating",
    formula: "vᵢ = PRICE_VELOCITY, dᵢ = (vᵢ − vᵢ₊₁)/max(|vᵢ₊₁|, 0.01), wᵢ = 2^(n−1−i), x = Σwᵢdᵢ/Σwᵢ, ×1.2 if all dᵢ have one strict sign; tanh(x/2)",
    unit: "score",
    needs: &[DataKind::Price],
    range: Some((-1.0, 1.0)),
    params: &[
        Param {
            name: "windows",
            accepts: Accepts::Windows(&[[5.0, 15.0, 5.0], [10.0, 40.0, 10.0], [20.0, 80.0, 20.0]]),
            about: "stretches {t1, t3, d} in seconds, shortest first",
        },
        MIN_COVERAGE,
    ],
    check: |spec| {
        let stretches = stretches(spec);
        if !(2..=MAX_STRETCHES).contains(&stretches.len()) {
            return Some(format!("windows must list 2 to {MAX_STRETCHES} stretches"));
        }
        let limit = |value: f64, max: f64| (1.0..=max).contains(&value);
        if !stretches.iter().all(|s| limit(s.t1, 3_600.0) && limit(s.t3, 86_400.0) && limit(s.d, 3_600.0)) {
            return Some(
                "windows must have t1 and d from 1 to 3600 and t3 from 1 to 86400 seconds".to_owned(),
            );
        }
        if stretches.windows(2).any(|pair| pair[0].t3 >= pair[1].t3) {
            return Some("windows must list the shortest stretch first (growing t3)".to_owned());
        }
        stretches.iter().find_map(Stretch::problem)
    },
    build: |spec, wiring| {
        Box::new(Cascade {
            slots: stretches(spec).iter().map(|stretch| wiring.slot(&stretch.velocity_spec(spec))).collect(),
        })
    },
};

fn stretches(spec: &IndicatorSpec) -> Vec<Stretch> {
    match spec.params.get("windows") {
        Some(ParamValue::Windows(windows)) => {
            windows.iter().map(|&[t1, t3, d]| Stretch { t1, t3, d }).collect()
        }
        _ => Vec::new(),
    }
}

struct Cascade {
    /// Velocities, shortest window first.
    slots: Vec<SlotId>,
}

saved!(Cascade {} fixed { slots });

impl Indicator for Cascade {
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value {
        let mut shorter = upstream.value(self.slots[0], look)?;
        let (mut sum, mut weights, mut rising, mut falling) = (0.0, 0.0, true, true);
        let mut weight = (1_u32 << (self.slots.len() - 2)) as f64;
        for &slot in &self.slots[1..] {
            let longer = upstream.value(slot, look)?;
            let gain = (shorter - longer) / longer.abs().max(0.01);
            sum += weight * gain;
            weights += weight;
            rising &= gain > 0.0;
            falling &= gain < 0.0;
            (shorter, weight) = (longer, weight / 2.0);
        }
        let agreement = if rising || falling { 1.2 } else { 1.0 };
        Ok(libm::tanh(agreement * sum / weights / 2.0))
    }
}

/// How much weaker the fast velocity is than the slow one.
pub static MOMENTUM_REVERSAL_INDEX: IndicatorKind = IndicatorKind {
    name: "MOMENTUM_REVERSAL_INDEX",
    about: "How much the fast side is weaker than the slow side, whatever the sign of the move; two PRICE_VELOCITY conditions say more",
    formula: "100·(v_slow − v_fast)/|v_fast|, slow = PRICE_VELOCITY(current), fast = PRICE_VELOCITY(peak)",
    unit: "%",
    needs: &[DataKind::Price],
    range: None,
    params: &[
        number("t1_current", 10.0, 1.0, 3_600.0, "slow: length of the current window, seconds"),
        number("t3_current", 40.0, 1.0, 86_400.0, "slow: start of the baseline, seconds ago"),
        number("d_current", 10.0, 1.0, 3_600.0, "slow: length of the baseline, seconds"),
        number("t1_peak", 5.0, 1.0, 3_600.0, "fast: length of the current window, seconds"),
        number("t3_peak", 20.0, 1.0, 86_400.0, "fast: start of the baseline, seconds ago"),
        number("d_peak", 5.0, 1.0, 3_600.0, "fast: length of the baseline, seconds"),
        MIN_COVERAGE,
    ],
    check: |spec| Stretch::of(spec, SLOW).problem().or_else(|| Stretch::of(spec, FAST).problem()),
    build: |spec, wiring| {
        let mut slot = |names| wiring.slot(&Stretch::of(spec, names).velocity_spec(spec));
        Box::new(Reversal { slow: slot(SLOW), fast: slot(FAST) })
    },
};

const SLOW: [&str; 3] = ["t1_current", "t3_current", "d_current"];
const FAST: [&str; 3] = ["t1_peak", "t3_peak", "d_peak"];

struct Reversal {
    slow: SlotId,
    fast: SlotId,
}

saved!(Reversal {} fixed { slow, fast });

impl Indicator for Reversal {
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value {
        let slow = upstream.value(self.slow, look)?;
        let fast = upstream.value(self.fast, look)?;
        reversal(slow, fast)
    }
}

fn reversal(slow: f64, fast: f64) -> Value {
    let divisor = if fast.abs() < STANDSTILL { 0.0 } else { fast.abs() };
    ratio(100.0 * (slow - fast), divisor)
}

/// Whether the velocity has become constant.
pub static VELOCITY_STABILIZATION_INDEX: IndicatorKind = IndicatorKind {
    name: "VELOCITY_STABILIZATION_INDEX",
    about: "How much the last velocities differ; low also in a steady dump, so combine it with a velocity bound",
    formula: "population sd / mean|v| of PRICE_VELOCITY at T, T−δ, …; 0 if mean|v| < 0.001",
    unit: "ratio",
    needs: &[DataKind::Price],
    range: None,
    params: &[
        Param {
            name: "num_samples",
            accepts: Accepts::Count { default: 3, min: 2, max: MAX_SAMPLES as u32 },
            about: "how many velocities are compared",
        },
        number("sample_interval", 5.0, 1.0, 60.0, "seconds between them (δ)"),
        number("t1", 10.0, 1.0, 3_600.0, "length of the current window, seconds"),
        number("t3", 40.0, 1.0, 86_400.0, "start of the baseline, seconds ago"),
        number("d", 10.0, 1.0, 3_600.0, "length of the baseline, seconds"),
        MIN_COVERAGE,
    ],
    check: |spec| Stretch::of(spec, ["t1", "t3", "d"]).problem(),
    build: |spec, wiring| {
        let stretch = Stretch::of(spec, ["t1", "t3", "d"]);
        let interval = spec.span("sample_interval").nanos();
        let now = wiring.slot(&stretch.velocity_spec(spec));
        let ago = (1..spec.count("num_samples") as i64).map(|i| Span::from_nanos(i * interval));
        Box::new(Stabilization {
            now,
            before: ago.map(|ago| Move::velocity(spec, wiring, stretch, ago)).collect(),
        })
    },
};

const MAX_SAMPLES: usize = 10;

struct Stabilization {
    now: SlotId,
    before: Vec<Move>,
}

saved!(Stabilization {} each { before } fixed { now });

impl Indicator for Stabilization {
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value {
        let mut samples = [0.0; MAX_SAMPLES];
        samples[0] = upstream.value(self.now, look)?;
        for (sample, earlier) in samples[1..].iter_mut().zip(&mut self.before) {
            *sample = earlier.percent(look)?;
        }
        let samples = &samples[..=self.before.len()];
        let n = samples.len() as f64;
        let size = samples.iter().map(|v| v.abs()).sum::<f64>() / n;
        if size < STANDSTILL {
            return Ok(0.0);
        }
        let mean = samples.iter().sum::<f64>() / n;
        let variance = samples.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
        ratio(variance.sqrt(), size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::indicators::Missing;

    #[test]
    fn the_reversal_index_reads_as_documented() {
        let table = [
            (0.30, 0.05, 500.0),
            (0.10, -0.20, 150.0),
            (-0.30, -0.60, 50.0),
            (-0.30, 0.20, -250.0),
            (-0.05, -0.30, 83.3),
            (0.27, 0.47, -43.0),
        ];
        for (slow, fast, expected) in table {
            assert!((reversal(slow, fast).unwrap() - expected).abs() < 0.6, "{slow} {fast}");
        }
        assert_eq!(reversal(0.3, 0.000_9), Err(Missing::ZeroDenominator));
    }
}
