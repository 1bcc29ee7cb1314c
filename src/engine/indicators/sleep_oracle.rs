//! A comparison that sleeps is asked all the same, at every event until it wakes, and must not be fulfilled.

use super::aggregate_oracles::{Happening, happenings, millis, play};
use super::aggregate_tests::Bench;
use super::{Look, SlotId};
use crate::domain::num::Price;
use crate::domain::strategy::Comparison;
use crate::engine::value::compare;
use crate::engine::wake::Wake;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::Cell;

/// Types that can sleep, each with thresholds at which it now and then fires.
const SLEEPERS: [(&str, [f64; 4]); 3] = [
    ("PRICE_RANGE_PCT", [10.0, 90.0, 400.0, 1_900.0]),
    ("RANGE_POSITION_PCT", [0.0, 30.0, 50.0, 77.7]),
    ("PRICE_VS_MEDIAN_PCT", [0.0, 40.0, 100.0, 500.0]),
];

/// A comparison with a threshold, and how long it sleeps.
struct Sleeper {
    slot: SlotId,
    test: (Comparison, f64),
    wake: Wake,
}

impl Sleeper {
    /// After an event; returns whether it slept through it.
    fn ask(&mut self, bench: &mut Bench, price: Option<Price>, is_gap: bool) -> bool {
        let look = Look { now: bench.now, spec: &bench.spec, market: &bench.market };
        let sleeps = !is_gap && !self.wake.is_due(bench.now, price.map(|price| (price, price)));
        let value = bench.set.value(self.slot, look);
        let fulfilled = value.is_ok_and(|value| compare(value, self.test.0, self.test.1));
        assert!(!(sleeps && fulfilled), "{value:?} fulfils {:?} asleep until {:?}", self.test, self.wake);
        if !sleeps {
            let may_sleep = value.is_ok() && !fulfilled;
            let wake = may_sleep.then(|| bench.set.sleep(self.slot, self.test, look)).flatten();
            self.wake = wake.unwrap_or(Wake::ALWAYS);
        }
        sleeps
    }
}

#[test]
fn a_comparison_that_sleeps_is_not_fulfilled() {
    let slept = SLEEPERS.map(|_| Cell::new(0));
    let mut runner = TestRunner::new(ProptestConfig { cases: 500, ..ProptestConfig::default() });
    let windows = (1_i64..25, 0_i64..2, prop::sample::select(vec![0.0, 0.5, 1.0]), any::<bool>());
    let outcome = runner.run(&(happenings(), windows), |(happenings, (t1, t2, min_coverage, or_equal))| {
        let mut bench = Bench::new();
        let t2 = if t2 < t1 { t2 } else { 0 };
        let comparison = if or_equal { Comparison::GreaterOrEqual } else { Comparison::Greater };
        let mut sleepers = Vec::new();
        for (index, (kind, thresholds)) in SLEEPERS.iter().enumerate() {
            for threshold in thresholds {
                let slot = bench.slot(&format!("{kind} t1={t1} t2={t2} min_coverage={min_coverage}"));
                sleepers.push((index, Sleeper { slot, test: (comparison, *threshold), wake: Wake::ALWAYS }));
            }
        }
        let mut played = happenings.iter();
        play(&mut bench, &happenings, |bench, _, now| {
            assert_eq!(bench.now, millis(now));
            let happening = played.next().unwrap();
            let price = match happening {
                Happening::Trade { ticks, .. } => Some(Price(*ticks)),
                _ => None,
            };
            for (index, sleeper) in &mut sleepers {
                if sleeper.ask(bench, price, matches!(happening, Happening::Gap { .. })) {
                    slept[*index].set(slept[*index].get() + 1);
                }
            }
        });
        Ok(())
    });
    outcome.unwrap();
    let slept = slept.map(|count| count.get());
    assert!(slept.iter().all(|count| *count > 2_000), "too little sleep to tell: {slept:?}");
}
