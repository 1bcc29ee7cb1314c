//! Sizes, stops, targets and close prices in hand-computed cases.

use crate::harness::{World, spec, world};
use crate::strategy::{Build, operand, strategy};
use tradingd::domain::num::{Money, Qty};
use tradingd::domain::strategy::*;

/// A world that enters on the first book, at the ask.
fn enter(change: impl FnOnce(&mut StrategyDef)) -> World {
    world(vec![strategy("x").s1("BID_QTY >= 0").market().with(change)])
}

fn scaling(def: &mut StrategyDef, points: &[(f64, f64)]) -> Option<RiskScaling> {
    Some(RiskScaling { operand: operand(def, "BID_QTY"), points: points.to_vec() })
}

const TEN: &str = "0 book 9.99x500 / 10x100000\n 1 end";

#[test]
fn percentage_of_equity_by_notional_and_by_margin() {
    enter(|_| {}).simulate(TEN).once("submit 1 buy 100 market");
    let margin = |def: &mut StrategyDef| (def.z1.size.margin_basis, def.z1.leverage) = (true, 3);
    enter(margin).simulate(TEN).once("submit 1 buy 300 market");
    // The strategy's cap on leverage also caps the notional for a given margin.
    enter(|def| {
        margin(def);
        def.limits.max_leverage = Some(2);
    })
    .simulate(TEN)
    .once("submit 1 buy 200 market");
    enter(|def| def.z1.size.amount = SizeAmount::Fixed(Money::from_units(250)))
        .simulate(TEN)
        .once("submit 1 buy 25 market");
    enter(|def| def.z1.size.amount = SizeAmount::Quantity(12.34))
        .simulate(TEN)
        .once("submit 1 buy 12.3 market");
}

#[test]
fn sizes_follow_the_risk_table() {
    for (risk, qty) in [("10", "120"), ("50", "90"), ("65", "75"), ("95", "60")] {
        let world = enter(|def| def.z1.size.risk_scaling = scaling(def, &[(20.0, 120.0), (80.0, 60.0)]));
        world
            .simulate(&format!("0 book 9.99x{risk} / 10x100000\n 1 end"))
            .once(&format!("submit 1 buy {qty} market"));
    }
    let missing = enter(|def| {
        let risk = operand(def, "SLIPPAGE_PCT[side=sell,notional=1000000]");
        // The value is first present and then missing; otherwise warm-up would refuse the entry.
        def.z1.size.risk_scaling =
            Some(RiskScaling { operand: risk, points: vec![(20.0, 120.0), (80.0, 60.0)] });
        def.z1.section = crate::strategy::section(def, "ASK_QTY >= 100000");
    });
    let story = missing.simulate("0 book 9.99x500000 / 10x1\n 1.5 book 9.99x5 / 10x100000\n 2 end");
    story.once("warning risk_value_missing").once("submit 1 buy 100 market");
}

#[test]
fn caps_floors_and_steps() {
    let caps = |def: &mut StrategyDef| def.limits.max_position = Some(Money::from_units(500));
    enter(caps).simulate(TEN).once("buy 50 market");
    enter(|def| def.limits.max_position_fraction = Some(0.02)).simulate(TEN).once("buy 20 market");
    // The exchange's largest order.
    let mut largest = enter(|_| {});
    largest.spec.max_quantity = Qty(700);
    largest.simulate(TEN).once("buy 70 market");
    // Rounded down to the quantity step.
    enter(|def| def.z1.size.amount = SizeAmount::Fixed(Money::from_units(999)))
        .simulate("0 book 10x1 / 10.01x9999\n 1 end")
        .once("buy 99.8 market");
    // Last price 0.05 ± 0.5 %: the assumed ask of 0.05025 is between ticks; 1000 / 0.05025 = 19900.49.
    let mut coarse = world(vec![strategy("x").s1("PRICE > 0").market()]);
    coarse.spec = spec("0.01", "0.1");
    coarse.session.assumed_spread_pct = 1.0;
    coarse.simulate("0 trade 0.05 1\n 1 end").once("submit 1 buy 19900.4 market");
    // Too small: refused, not rounded up, and the signal is cancelled.
    let small = enter(|def| def.z1.size.amount = SizeAmount::Fixed(Money::from_f64(0.9))).simulate(TEN);
    small.once("refused below_min_volume 0.900000 1.000000").once("SIGNAL_CANCELLED GUARD").never("submit");
    let floor = enter(|def| def.limits.min_position_fraction = Some(0.11)).simulate(TEN);
    floor.once("refused below_min_volume 1000.000000 1100.000000");
}

#[test]
fn stop_and_target_from_the_entry() {
    enter(|def| *def = def.clone().stop(3.0).target(12.0)).simulate(TEN).once("stop 9.7 SL");
    let script = |price: &str| format!("{TEN}\n 2 trade {price} 1\n 3 end");
    let held = |script: &str| enter(|def| *def = def.clone().stop(3.0).target(12.0)).simulate(script);
    held(&script("9.7001")).never(" SL\n").never("EMERGENCY_EXIT SL");
    held(&script("9.7")).once("EMERGENCY_EXIT SL");
    held(&script("11.1999")).never("CLOSE_ORDER_EVALUATION TP");
    held(&script("11.2")).once("CLOSE_ORDER_EVALUATION TP");
}

#[test]
fn absolute_stop_of_a_short_is_read_once_at_the_first_fill() {
    let short = |def: &mut StrategyDef| {
        *def = def.clone().short();
        let base = OffsetBase::Indicator(operand(def, "MAX_PRICE[t1=60,min_coverage=0]"));
        def.z1.stop = Some(PriceOffset { offset_pct: 0.8, base, risk_scaling: None });
        def.s1 = crate::strategy::section(def, "PRICE <= 10.9");
    };
    let story =
        enter(short).simulate("0 trade 11 1\n 5 book 10.9x9999 / 10.91x9999\n 5 trade 10.9 1\n 6 end");
    story.once("fill 1 91.7 @ 10.9").once("stop 11.088 SL").never("warning");
    // If the stop would be on the wrong side, its offset counts from the entry price, with a warning.
    let wrong = |def: &mut StrategyDef| {
        short(def);
        def.z1.stop.as_mut().unwrap().offset_pct = 5.0;
        def.direction = Direction::Long;
        def.z1.stop.as_mut().unwrap().base =
            OffsetBase::Indicator(operand(def, "MAX_PRICE[t1=60,min_coverage=0]"));
    };
    let story = enter(wrong).simulate("0 trade 12 1\n 5 book 10.8x9999 / 10.9x9999\n 5 trade 10.9 1\n 6 end");
    story.once("warning stop_fell_back").once("stop 10.355 SL");
}

#[test]
fn close_price_follows_risk() {
    // Risk 65 between 20 → +5 % and 80 → −5 % gives −2.5 %.
    let pricing = |def: &mut StrategyDef| {
        let scaling = scaling(def, &[(20.0, 5.0), (80.0, -5.0)]).unwrap();
        def.ze1.pricing = Some(RiskPricing { scaling, factor: 1.0, min_pct: -10.0, max_pct: 10.0 });
        def.ze1.section = crate::strategy::section(def, "ASK_QTY >= 777");
    };
    let long = enter(pricing).simulate("0 book 10.9x500 / 10.97x500\n 5 book 10.9x65 / 10.97x777\n 6 end");
    long.once("sell 91.1 limit 10.6275 Exit");
    let mut short = enter(|def| {
        *def = def.clone().short();
        pricing(def);
    });
    short.spec = spec("0.00001", "0.1");
    let short = short.simulate("0 book 10.9x500 / 10.97x500\n 5 book 10.9x65 / 10.97x777\n 6 end");
    short.once("buy 91.7 limit 11.24425 Exit");
    // Clamped after the factor.
    let clamped = enter(|def| {
        pricing(def);
        let pricing = def.ze1.pricing.as_mut().unwrap();
        (pricing.factor, pricing.min_pct) = (2.0, -3.0);
    });
    clamped.simulate("0 book 10x500 / 10.01x500\n 5 book 10x65 / 10.01x777\n 6 end").once("limit 9.7 Exit");
}

#[test]
fn sizes_are_of_the_equity_at_the_decision() {
    // 100 bought at 10 and sold at 20: equity is 11 000, so the next entry has a value of 1 100.
    let def = strategy("x").s1("BID_QTY >= 500").market().ze1("BID_QTY <= 5");
    let script = "0 book 9.99x500 / 10x9999\n 1 book 9.99x6 / 10x9999\n 2 book 20x5 / 20.01x9999\n 2.1 book 20x300 / 20.01x9999\n 4 book 9.99x500 / 10x9999\n 5 end";
    let story = world(vec![def]).simulate(script);
    assert_eq!(story.closed[0].gross.to_string(), "1000", "{:?}", story.lines);
    story.once("submit 3 buy 110 market");
}
