//! In a silence longer than all windows no value changes, and seconds may be passed over.

use super::*;
use crate::engine::indicators::aggregate_tests::Bench;

/// A bench with one slot of the type with its defaults, after trades, books and, with `gap`, a gap at their
/// end.
fn played(kind: &'static IndicatorKind, coverage: f64, gap: bool) -> (Bench, SlotId) {
    let mut bench = Bench::new();
    let known = kind.params.iter().any(|param| param.name == "min_coverage");
    let given: &[(&str, f64)] = if known { &[("min_coverage", coverage)] } else { &[] };
    let slot = bench.set.intern(&kind.numbers(given), &mut bench.market);
    for step in 0..700_i64 {
        let now = at(step as f64 * 1.37);
        let price = 1_000 + step * 7_919 % 97 - 40;
        bench.trade(now, price, 1 + step % 9, if step % 3 == 0 { Side::Sell } else { Side::Buy });
        if step % 5 == 0 {
            bench.book(now, (price - 2, 100 + step), (price + 3, 150 + step % 7));
            let spec = bench.spec.clone();
            bench.market.apply(&spec, now, &Market::OpenInterest(Qty(500 + step)));
            let (mark, index) = (Price(price + 1), Some(Price(price)));
            bench.market.apply(&spec, now, &Market::Mark { mark, index });
        }
    }
    if gap {
        bench.gap(bench.now, bench.now + Span::from_seconds(3));
    }
    (bench, slot)
}

fn settle(bench: &mut Bench) {
    let settled = bench.now + bench.set.settles_after(&bench.market);
    bench.to(settled.next_second());
}

/// All types, but not those on bars, which change when a bar ends.
fn cases() -> impl Iterator<Item = (&'static IndicatorKind, f64, bool)> {
    let kinds = ALL.iter().filter(|kind| kind.params.iter().all(|param| param.name != "bar_seconds"));
    kinds.flat_map(|kind| [(*kind, 1.0, false), (*kind, 0.0, false), (*kind, 0.0, true), (*kind, 1.0, true)])
}

#[test]
fn after_the_longest_window_without_an_event_no_value_changes() {
    for (kind, coverage, gap) in cases() {
        let (mut bench, slot) = played(kind, coverage, gap);
        settle(&mut bench);
        let settled = bench.value(slot);
        for seconds in [1, 1, 7, 60, 600, 3_600] {
            bench.to(bench.now + Span::from_seconds(seconds));
            let value = bench.value(slot);
            assert_eq!(value.map(f64::to_bits), settled.map(f64::to_bits), "{} {coverage} {gap}", kind.name);
        }
    }
}

#[test]
fn seconds_that_are_passed_over_leave_what_seeing_them_would() {
    for (kind, coverage, gap) in cases() {
        let [(mut slow, slot), (mut fast, _)] = [played(kind, coverage, gap), played(kind, coverage, gap)];
        settle(&mut slow);
        settle(&mut fast);
        let (first, last) = (fast.now.next_second(), fast.now + Span::from_seconds(5_000));
        fast.set.pass_seconds(first, last, Look { now: fast.now, spec: &fast.spec, market: &fast.market });
        fast.now = last - Span::SECOND;
        slow.to(last);
        fast.to(last);
        for later in 0..90 {
            assert_eq!(fast.value(slot), slow.value(slot), "{} {coverage} {gap}, {later} s later", kind.name);
            for bench in [&mut slow, &mut fast] {
                bench.trade(bench.now + Span::from_millis(900), 990 + later, 3, Side::Buy);
            }
        }
    }
}
