//! Indicators that are built anew and loaded go on as those that were saved.

use super::*;
use crate::checkpoint::{Reader, Saved};
use crate::engine::indicators::aggregate_tests::Bench;

/// Every type with its defaults, and with each other word and flag that a parameter may be.
fn specs() -> Vec<IndicatorSpec> {
    let mut specs = Vec::new();
    for kind in ALL {
        specs.push(kind.spec(&[]));
        for param in kind.params {
            let others = match param.accepts {
                Accepts::Word(words) => {
                    words.iter().map(|word| ParamValue::Word((*word).to_owned())).collect()
                }
                Accepts::Flag(flag) => vec![ParamValue::Flag(!flag)],
                _ => Vec::new(),
            };
            let given = others.into_iter().map(|value| kind.spec(&[(param.name, value)]));
            specs.extend(given.filter(|spec| (kind.check)(spec).is_none()));
        }
    }
    specs
}

fn built(specs: &[IndicatorSpec]) -> (Bench, Vec<SlotId>) {
    let mut bench = Bench::new();
    let slots = specs.iter().map(|spec| bench.set.intern(spec, &mut bench.market)).collect();
    (bench, slots)
}

/// Trades with books, marks, funding, open interest, silences and gaps between them.
fn apply(bench: &mut Bench, step: i64) {
    let now = at(step as f64 * 1.37 + (step / 150 * 40) as f64);
    let price = 1_000 + step * 7_919 % 97 - 40;
    bench.trade(now, price, 1 + step % 9, if step % 3 == 0 { Side::Sell } else { Side::Buy });
    let spec = bench.spec.clone();
    if step % 5 == 0 {
        bench.book(now, (price - 2, 100 + step), (price + 3, 150 + step % 7));
        bench.market.apply(&spec, now, &Market::OpenInterest(Qty(500 + step)));
        let (mark, index) = (Price(price + 1), Some(Price(price)));
        bench.market.apply(&spec, now, &Market::Mark { mark, index });
    }
    if step % 211 == 77 {
        bench.market.apply(&spec, now, &Market::Funding { rate: Rate(step) });
        bench.gap(now, now + Span::from_seconds(1));
    }
}

fn saved(bench: &Bench) -> Vec<u8> {
    let mut bytes = Vec::new();
    bench.market.save(&mut bytes);
    bench.set.save(&mut bytes);
    bytes
}

#[test]
fn every_type_goes_on_from_a_checkpoint() {
    let specs = specs();
    assert!(specs.len() > ALL.len() + 20, "{} specs", specs.len());
    let ((mut whole, slots), (mut parts, _)) = (built(&specs), built(&specs));
    for step in 0..700 {
        apply(&mut whole, step);
        apply(&mut parts, step);
        if step % 3 == 0 {
            for (slot, spec) in slots.iter().zip(&specs) {
                let (one, other) = (whole.value(*slot), parts.value(*slot));
                assert_eq!(one.map(f64::to_bits), other.map(f64::to_bits), "step {step}: {spec:?}");
            }
        }
        if step % 97 == 50 {
            let bytes = saved(&parts);
            let now = parts.now;
            parts = built(&specs).0;
            parts.now = now;
            let mut from = Reader::new(&bytes);
            parts.market.load(&mut from).unwrap();
            parts.set.load(&mut from).unwrap();
            assert!(from.is_at_end());
            assert!(saved(&parts) == bytes, "step {step}: what was loaded is saved as other bytes");
        }
    }
    let defined = slots.iter().filter(|slot| whole.value(**slot).is_ok()).count();
    assert!(defined * 2 > slots.len(), "only {defined} of {} have a value at the end", slots.len());
}
