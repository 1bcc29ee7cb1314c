//! Scores that combine other indicators by thresholds and weights.

use super::deal_variation::PRICE_VOLATILITY;
use super::imbalance::BID_ASK_IMBALANCE;
use super::liquidity::LIQUIDITY_DRAIN_INDEX;
use super::peak::RETRACEMENT_OF_PUMP_PCT;
use super::pump::Stretch;
use super::spread::SPREAD_PCT;
use super::volume_spike::VOLUME_SURGE_RATIO;
use super::{DataKind, Indicator, IndicatorKind, Look, MIN_COVERAGE, SlotId, Upstream, Value, number};
use crate::checkpoint::saved;
use crate::domain::strategy::{IndicatorSpec, ParamValue};

/// Whether a dump is running out of force.
pub static DUMP_EXHAUSTION_SCORE: IndicatorKind = IndicatorKind {
    name: "DUMP_EXHAUSTION_SCORE",
    about: "Points for a dump that slows down, loses volume, has given the pump back and finds bids",
    formula: "velocity 30 if |v| < th, 15 if < 2th; volume 25 if ratio < th, 12.5 if < 1.5th; retracement 25 if ≥ th, 12.5 if ≥ 0.7th; imbalance 20 if > th, 10 if > th − 20",
    unit: "score",
    needs: &[DataKind::Price, DataKind::Book],
    range: Some((0.0, 100.0)),
    params: &[
        number("velocity_t1", 10.0, 1.0, 3_600.0, "velocity: length of the current window, seconds"),
        number("velocity_t3", 40.0, 1.0, 86_400.0, "velocity: start of the baseline, seconds ago"),
        number("velocity_d", 10.0, 1.0, 3_600.0, "velocity: length of the baseline, seconds"),
        number("volume_t1", 30.0, 1.0, 3_600.0, "volume: start of the current window, seconds ago"),
        number("volume_t2", 0.0, 0.0, 3_600.0, "volume: end of the current window, seconds ago"),
        number("volume_t3", 600.0, 1.0, 86_400.0, "volume: start of the baseline, seconds ago"),
        number("volume_t4", 30.0, 0.0, 86_400.0, "volume: end of the baseline, seconds ago"),
        number("imbalance_t1", 30.0, 1.0, 3_600.0, "imbalance: start of the window, seconds ago"),
        number("imbalance_t2", 0.0, 0.0, 3_600.0, "imbalance: end of the window, seconds ago"),
        number("velocity_threshold", 0.1, 0.01, 1.0, "%/s"),
        number("volume_threshold", 0.8, 0.1, 2.0, "ratio"),
        number("retracement_threshold", 40.0, 10.0, 90.0, "% of the move"),
        number("imbalance_threshold", -10.0, -50.0, 50.0, "%"),
        MIN_COVERAGE,
    ],
    check: |spec| {
        let stretch = Stretch::of(spec, VELOCITY).problem();
        stretch
            .or_else(|| (VOLUME_SURGE_RATIO.check)(&volume(spec)))
            .or_else(|| (BID_ASK_IMBALANCE.check)(&imbalance(spec)))
    },
    build: |spec, wiring| {
        let retracement = RETRACEMENT_OF_PUMP_PCT.numbers(&[("min_coverage", spec.number("min_coverage"))]);
        Box::new(DumpExhaustion {
            velocity: wiring.slot(&Stretch::of(spec, VELOCITY).velocity_spec(spec)),
            volume: wiring.slot(&volume(spec)),
            retracement: wiring.slot(&retracement),
            imbalance: wiring.slot(&imbalance(spec)),
            thresholds: DumpParts {
                velocity: spec.number("velocity_threshold"),
                volume: spec.number("volume_threshold"),
                retracement: spec.number("retracement_threshold"),
                imbalance: spec.number("imbalance_threshold"),
            },
        })
    },
};

const VELOCITY: [&str; 3] = ["velocity_t1", "velocity_t3", "velocity_d"];

/// The spec of a component, with parameters taken from those of the whole.
fn part(kind: &IndicatorKind, whole: &IndicatorSpec, names: &[(&str, &str)]) -> IndicatorSpec {
    let given = names.iter().map(|(inner, outer)| (*inner, whole.number(outer)));
    kind.numbers(&given.chain([("min_coverage", whole.number("min_coverage"))]).collect::<Vec<_>>())
}

fn volume(spec: &IndicatorSpec) -> IndicatorSpec {
    part(
        &VOLUME_SURGE_RATIO,
        spec,
        &[("t1", "volume_t1"), ("t2", "volume_t2"), ("t3", "volume_t3"), ("t4", "volume_t4")],
    )
}

fn imbalance(spec: &IndicatorSpec) -> IndicatorSpec {
    part(&BID_ASK_IMBALANCE, spec, &[("t1", "imbalance_t1"), ("t2", "imbalance_t2")])
}

struct DumpExhaustion {
    velocity: SlotId,
    volume: SlotId,
    retracement: SlotId,
    imbalance: SlotId,
    thresholds: DumpParts,
}

saved!(DumpExhaustion {} fixed { velocity, volume, retracement, imbalance, thresholds });

/// The four components, or their thresholds.
struct DumpParts {
    velocity: f64,
    volume: f64,
    retracement: f64,
    imbalance: f64,
}

impl DumpParts {
    fn score(&self, threshold: &DumpParts) -> f64 {
        let points = |all: f64, full: bool, half: bool| match (full, half) {
            (true, _) => all,
            (false, true) => all / 2.0,
            (false, false) => 0.0,
        };
        let speed = self.velocity.abs();
        points(30.0, speed < threshold.velocity, speed < 2.0 * threshold.velocity)
            + points(25.0, self.volume < threshold.volume, self.volume < 1.5 * threshold.volume)
            + points(
                25.0,
                self.retracement >= threshold.retracement,
                self.retracement >= 0.7 * threshold.retracement,
            )
            + points(20.0, self.imbalance > threshold.imbalance, self.imbalance > threshold.imbalance - 20.0)
    }
}

impl Indicator for DumpExhaustion {
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value {
        let parts = DumpParts {
            velocity: upstream.value(self.velocity, look)?,
            volume: upstream.value(self.volume, look)?,
            retracement: upstream.value(self.retracement, look)?,
            imbalance: upstream.value(self.imbalance, look)?,
        };
        Ok(parts.score(&self.thresholds))
    }
}

/// Risk of trading at this time.
pub static RISK_SCORE: IndicatorKind = IndicatorKind {
    name: "RISK_SCORE",
    about: "How risky it is to trade now: wide spread, wild price, drained book",
    formula: "100·(ws·clip(SPREAD_PCT/spread_ref) + wv·clip(PRICE_VOLATILITY(vol_t1, 0)/vol_ref) + wd·clip(max(0, LIQUIDITY_DRAIN_INDEX)/drain_ref)), clip to 0–1",
    unit: "score",
    needs: &[DataKind::Trades, DataKind::Book],
    range: Some((0.0, 100.0)),
    params: &[
        number("spread_ref", 2.0, 0.01, 100.0, "spread that is full risk, %"),
        number("vol_ref", 3.0, 0.01, 100.0, "volatility that is full risk, %"),
        number("drain_ref", 60.0, 1.0, 100.0, "drain that is full risk, %"),
        number("spread_weight", 0.35, 0.0, 1.0, "weight of the spread (ws)"),
        number("vol_weight", 0.35, 0.0, 1.0, "weight of the volatility (wv)"),
        number("drain_weight", 0.30, 0.0, 1.0, "weight of the drain (wd)"),
        number("vol_t1", 60.0, 1.0, 3_600.0, "volatility: length of the window, seconds"),
        number("drain_t1", 30.0, 1.0, 3_600.0, "drain: start of the current window, seconds ago"),
        number("drain_t2", 0.0, 0.0, 3_600.0, "drain: end of the current window, seconds ago"),
        number("drain_t3", 600.0, 1.0, 86_400.0, "drain: start of the baseline, seconds ago"),
        number("drain_t4", 30.0, 0.0, 86_400.0, "drain: end of the baseline, seconds ago"),
        MIN_COVERAGE,
    ],
    check: |spec| {
        let weights: f64 = WEIGHTS.iter().map(|name| spec.number(name)).sum();
        ((weights - 1.0).abs() > 1e-9)
            .then(|| format!("{} must add up to 1; they add up to {weights}", WEIGHTS.join(", ")))
            .or_else(|| (LIQUIDITY_DRAIN_INDEX.check)(&drain(spec)))
    },
    build: |spec, wiring| {
        let window =
            [("t1", spec.number("vol_t1")), ("t2", 0.0), ("min_coverage", spec.number("min_coverage"))];
        Box::new(Risk {
            spread: wiring.slot(&SPREAD_PCT.spec(&[("t1", ParamValue::Number(0.0))])),
            volatility: wiring.slot(&PRICE_VOLATILITY.numbers(&window)),
            drain: wiring.slot(&drain(spec)),
            references: ["spread_ref", "vol_ref", "drain_ref"].map(|name| spec.number(name)),
            weights: WEIGHTS.map(|name| spec.number(name)),
        })
    },
};

const WEIGHTS: [&str; 3] = ["spread_weight", "vol_weight", "drain_weight"];

fn drain(spec: &IndicatorSpec) -> IndicatorSpec {
    part(
        &LIQUIDITY_DRAIN_INDEX,
        spec,
        &[("t1", "drain_t1"), ("t2", "drain_t2"), ("t3", "drain_t3"), ("t4", "drain_t4")],
    )
}

struct Risk {
    spread: SlotId,
    volatility: SlotId,
    drain: SlotId,
    references: [f64; 3],
    weights: [f64; 3],
}

saved!(Risk {} fixed { spread, volatility, drain, references, weights });

impl Indicator for Risk {
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value {
        let parts = [self.spread, self.volatility, self.drain];
        let mut score = 0.0;
        for (index, slot) in parts.into_iter().enumerate() {
            score +=
                self.weights[index] * (upstream.value(slot, look)? / self.references[index]).clamp(0.0, 1.0);
        }
        Ok((100.0 * score).min(100.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dump_exhaustion_adds_up_full_and_half_points() {
        let thresholds = DumpParts { velocity: 0.1, volume: 0.8, retracement: 40.0, imbalance: -10.0 };
        let score = |velocity, volume, retracement, imbalance| {
            DumpParts { velocity, volume, retracement, imbalance }.score(&thresholds)
        };
        assert_eq!(score(0.05, 0.9, 30.0, -20.0), 65.0);
        assert_eq!(score(-0.05, 0.7, 40.0, -9.0), 100.0);
        assert_eq!(score(-0.15, 1.21, 27.9, -30.0), 15.0);
        assert_eq!(score(0.2, 1.3, 0.0, -31.0), 0.0);
    }
}
