//! The digest of one fixed session of every kind of market event: it changes only together with the engine's version.

use crate::harness::{spec, world};
use crate::strategy::{Build, strategy};
use tradingd::domain::num::Rate;
use tradingd::domain::strategy::*;

/// A change here is a change of what the same data decide: raise `ENGINE_VERSION` in `src/engine/mod.rs`, write the new
/// digest, and say in the commit what decides differently and why.
const DIGEST: &str = "f9bf61573243f602878943bd36b7ae2ef9199ef0cf1cc2f01babb8e2f5becc3f";

#[test]
fn the_digest_of_this_engine_version() {
    let mut lines = String::new();
    let mut price = 1_000_i64;
    for step in 0..4_000_i64 {
        // A wave with steps of all sizes, repeatable by hand.
        price = (price + (step * step * 31 + step * 17) % 41 - 20).clamp(700, 1_400);
        let (at, price) = (step as f64 * 0.25, price as f64 / 100.0);
        lines += &match step % 8 {
            0 => format!(
                "{at} book {:.2}x{},{:.2}x400 / {:.2}x{},{:.2}x300\n",
                price - 0.01,
                90 + step % 30,
                price - 0.05,
                price + 0.01,
                80 + step % 50,
                price + 0.06
            ),
            3 if step % 5 == 0 => format!("{at} mark {price:.2}\n"),
            5 if step % 400 == 5 => format!("{at} funding 0.0001\n"),
            6 if step % 1_000 == 6 => format!("{at} gap {}\n", at - 0.25),
            _ => format!("{at} trade {price:.2} {} {}\n", 1 + step % 70, if step % 3 == 0 { "sell" } else { "buy" }),
        };
        lines += &format!(
            "b:{at} {}\n",
            match step % 20 {
                0 => format!("bar {price:.2} {:.2} {:.2} {:.2} 5000 5", price + 0.2, price - 0.3, price + 0.1),
                _ => continue,
            }
        );
    }
    let trailing = |def: &mut StrategyDef| {
        def.trailing = Some(Trailing { activation_pct: 1.0, distance_pct: 0.7 });
        def.z1.order = EntryOrder::Limit;
    };
    let strategies = vec![
        strategy("market").s1("PRICE >= 9.9").market().stop(1.0).target(2.0).cooldown(3.0),
        strategy("limit").s1("PRICE > 9").stop(2.0).cooldown(1.0).with(trailing),
        strategy("short").s1("PRICE > 10").market().short().stop(1.5).ze1("PRICE < 9.8").cooldown(2.0),
    ];
    let mut world = world(strategies);
    world.symbols = 2;
    world.spec = spec("0.01", "0.1");
    world.venue.latency_jitter = 0.3;
    world.venue.fees = Some((Rate::from_percent(0.02), Rate::from_percent(0.06)));
    let story = world.simulate(&lines);
    assert!(story.closed.len() > 20, "too little happens to guard anything: {} trades", story.closed.len());
    assert_eq!(story.digest, DIGEST);
}
