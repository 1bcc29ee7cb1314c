//! Tests of the compiled strategy.

use super::{accepted, base, patch, patched};
use crate::document::strategy::{needs, parse};
use crate::domain::num::Money;
use crate::domain::strategy::*;
use crate::domain::time::Span;
use crate::engine::indicators::DataKind;
use serde_json::{Value, json};

fn first(group: &Group) -> &Condition {
    match &group.children[0] {
        Node::Condition(condition) => condition,
        Node::Group(group) => first(group),
    }
}

#[test]
fn defaults_are_those_of_the_reference() {
    let def = accepted(&base()).compile("base", 3);
    assert_eq!((def.id.as_str(), def.version, def.name.as_str(), def.priority), ("base", 3, "base", 50));
    assert_eq!(def.direction, Direction::Long);
    assert_eq!(def.o1.timeout, Some(Span::from_seconds(30)));
    assert_eq!((def.o1.cooldown, def.e1.cooldown), (Span::from_seconds(300), Span::from_seconds(1_800)));
    assert_eq!(
        (def.z1.order, def.z1.timeout),
        (EntryOrder::LimitIoc { max_slippage_pct: 0.5 }, Some(Span::from_seconds(5)))
    );
    assert_eq!((def.z1.price, def.ze1.price, def.ze1.close_timeout), (None, None, Span::from_seconds(10)));
    assert_eq!(
        def.z1.stop,
        Some(PriceOffset { offset_pct: 3.0, base: OffsetBase::Entry, risk_scaling: None })
    );
    assert_eq!((def.s1.root.logic, def.e1.section.root.logic), (Logic::And, Logic::Or));
    assert_eq!((def.e1.cancel_pending, def.e1.close_position), (true, true));
    assert_eq!(def.evaluation, Evaluation { entry_min_interval: Span::from_millis(100), on_clock: true });
    assert_eq!((def.trailing, def.break_even, def.max_hold, def.on_data_loss), (None, None, None, None));
    assert_eq!(def.limits, StrategyLimits::default());
    let names: Vec<&str> = def.indicators.iter().map(|named| named.name.as_str()).collect();
    assert_eq!(names, ["pump", "spread", "speed"], "in the order of their first use");
    assert_eq!(def.indicators[0].spec.number("min_coverage"), 1.0, "defaults are filled in");
}

#[test]
fn every_field_arrives() {
    let document = patched(&[
        ("/direction", json!("SHORT")),
        ("/priority", json!(70)),
        (
            "/s1_signal/sequence",
            json!({"steps": [
            {"conditions": [{"id": "q1", "indicatorId": "EMA", "operator": "crosses_above", "value": 0, "compareTo": "twpa", "multiplier": 1.01, "offset": -2}]},
            {"negate": true, "logic": "OR", "conditions": [{"id": "q2", "indicatorId": "pump", "operator": "!=", "value": 0, "forSeconds": 2.5}]}
        ], "maxTotalSeconds": 60}),
        ),
        ("/s1_signal/conditions/0/edge", json!("falling")),
        ("/s1_signal/conditions/0/edgeWindowSeconds", json!(10)),
        ("/s1_signal/conditions/0/maxAgeSeconds", json!(4)),
        ("/o1_cancel/timeoutSeconds", json!(0)),
        ("/o1_cancel/cooldownMinutes", json!(0.5)),
        ("/z1_entry/positionSize", json!({"type": "fixed", "value": 100.25, "basis": "margin"})),
        ("/z1_entry/orderType", json!("limit")),
        ("/z1_entry/timeoutSeconds", json!(0)),
        (
            "/z1_entry/takeProfit",
            json!({"enabled": true, "offsetPercent": 12, "calculationMode": "ABSOLUTE", "indicatorId": "TWPA"}),
        ),
        ("/ze1_close/closeTimeoutSeconds", json!(3)),
        ("/ze1_close/riskAdjustedPricing", json!({"enabled": true, "riskIndicatorId": "spread"})),
        ("/emergency_exit/actions", json!({"cancelPending": false})),
        ("/trailingStop", json!({"enabled": true, "activationPercent": 3, "distancePercent": 1.8})),
        ("/breakEven", json!({"enabled": true, "activationPercent": 2})),
        (
            "/takeProfitLadder",
            json!([{"offsetPercent": 9, "closePercent": 40}, {"offsetPercent": 3, "closePercent": 60}]),
        ),
        ("/maxHoldSeconds", json!(900)),
        ("/onDataLoss", json!({"action": "close"})),
        ("/evaluation", json!({"entryMinIntervalMs": 0, "onClock": false})),
        (
            "/global_limits",
            json!({"max_position_pct": 0.1, "max_position_size_usdt": 500, "max_leverage": 2, "cooldown_minutes": 20,
            "emergency_exit_cooldown_minutes": 60, "signal_cancellation_cooldown_minutes": 9, "max_daily_trades": 10,
            "daily_loss_limit_pct": 3, "max_concurrent_positions": 2, "max_portfolio_exposure_pct": 80, "max_allocation_pct": 5}),
        ),
    ]);
    let def = accepted(&document).compile("x", 1);
    assert_eq!((def.direction, def.priority), (Direction::Short, 70));
    let condition = first(&def.s1.root);
    assert_eq!((condition.edge, condition.edge_window), (Edge::Falling, Span::from_seconds(10)));
    assert_eq!(condition.max_age, Some(Span::from_seconds(4)));
    let sequence = def.s1.sequence.as_ref().unwrap();
    assert_eq!((sequence.max_gap, sequence.max_total), (Span::from_seconds(10), Span::from_seconds(60)));
    let place =
        |name: &str| Operand::Market(def.indicators.iter().position(|named| named.name == name).unwrap());
    let crossing = first(&sequence.steps[0]);
    assert_eq!(
        (crossing.operand, crossing.comparison, crossing.edge),
        (place("EMA"), Comparison::Greater, Edge::Rising)
    );
    assert_eq!(
        crossing.threshold,
        Threshold::Other { operand: place("TWPA"), multiplier: 1.01, offset: -2.0 }
    );
    assert_eq!((sequence.steps[1].negate, sequence.steps[1].logic), (true, Logic::Or));
    assert_eq!(first(&sequence.steps[1]).hold, Span::from_millis(2_500));
    assert_eq!((def.o1.timeout, def.o1.cooldown), (None, Span::from_seconds(30)));
    assert_eq!(
        def.z1.size,
        PositionSize {
            amount: SizeAmount::Fixed(Money::from_f64(100.25)),
            margin_basis: true,
            risk_scaling: None
        }
    );
    assert_eq!((def.z1.order, def.z1.timeout, def.z1.leverage), (EntryOrder::Limit, None, 2));
    assert_eq!(def.z1.target.as_ref().map(|target| target.base), Some(OffsetBase::Indicator(place("TWPA"))));
    assert_eq!(def.ze1.close_timeout, Span::from_seconds(3));
    let pricing = def.ze1.pricing.as_ref().unwrap();
    assert_eq!(
        pricing.scaling,
        RiskScaling { operand: place("spread"), points: vec![(20.0, 5.0), (80.0, -5.0)] }
    );
    assert_eq!((pricing.factor, pricing.min_pct, pricing.max_pct), (1.0, -10.0, 10.0));
    assert_eq!(
        (def.e1.cancel_pending, def.e1.close_position, def.e1.cooldown),
        (false, true, Span::from_seconds(3_600))
    );
    assert_eq!(def.trailing, Some(Trailing { activation_pct: 3.0, distance_pct: 1.8 }));
    assert_eq!(def.break_even, Some(BreakEven { activation_pct: 2.0, offset_pct: 0.0 }));
    assert_eq!(
        def.ladder.iter().map(|step| step.offset_pct).collect::<Vec<_>>(),
        [3.0, 9.0],
        "nearest first"
    );
    assert_eq!(def.max_hold, Some(Span::from_seconds(900)));
    assert_eq!(def.on_data_loss, Some(DataLoss { after: Span::from_seconds(20), close: true }));
    assert_eq!(def.evaluation, Evaluation { entry_min_interval: Span::ZERO, on_clock: false });
    assert_eq!(
        def.limits,
        StrategyLimits {
            max_position_fraction: Some(0.1),
            max_position: Some(Money::from_units(500)),
            max_leverage: Some(2),
            normal_cooldown: Some(Span::from_seconds(1_200)),
            max_daily_trades: Some(10),
            daily_loss_pct: Some(3.0),
            max_concurrent: Some(2),
            max_exposure_pct: Some(80.0),
            max_allocation_pct: Some(5.0),
            ..StrategyLimits::default()
        }
    );
}

#[test]
fn sizes_and_scalings() {
    let scaling = json!({"enabled": true, "riskIndicatorId": "spread", "lowRiskThreshold": 20, "lowRiskScale": 120, "highRiskThreshold": 80, "highRiskScale": 60});
    let def = accepted(&patched(&[(
        "/z1_entry/positionSize",
        json!({"type": "quantity", "value": 0.001, "riskScaling": scaling}),
    )]))
    .compile("x", 1);
    assert_eq!(def.z1.size.amount, SizeAmount::Quantity(0.001));
    assert_eq!(def.z1.size.risk_scaling.unwrap().points, [(20.0, 120.0), (80.0, 60.0)]);

    let table = json!({"enabled": true, "indicatorId": "spread", "scalingPoints": [
        {"riskValue": 10, "positionSizePercent": 150}, {"riskValue": 50, "positionSizePercent": 100}, {"riskValue": 90, "positionSizePercent": 0}]});
    let def = accepted(&patched(&[("/z1_entry/riskAdjustment", table)])).compile("x", 1);
    assert_eq!(def.z1.size.risk_scaling.unwrap().points, [(10.0, 150.0), (50.0, 100.0), (90.0, 0.0)]);

    let base_pct =
        [("/z1_entry/positionSize", Value::Null), ("/global_limits", json!({"base_position_pct": 0.02}))];
    assert_eq!(
        accepted(&patched(&base_pct)).compile("x", 1).z1.size.amount,
        SizeAmount::PercentOfEquity(2.0)
    );
}

#[test]
fn own_values_by_name_alias_and_parameter() {
    let own = |indicator: Value| {
        let mut document = base();
        patch(&mut document, "/indicators/mine", indicator);
        patch(&mut document, "/ze1_close/conditions/0/indicatorId", json!("mine"));
        patch(&mut document, "/ze1_close/conditions/0/value", json!(1));
        first(&accepted(&document).compile("x", 1).ze1.section.root).operand
    };
    assert_eq!(
        own(json!({"type": "profit_pct", "net": true})),
        Operand::Own(OwnValue::UnrealizedPnlPct { last: false, net: true })
    );
    assert_eq!(
        own(json!({"type": "DRAWDOWN_FROM_PEAK_PCT", "anchor": "position"})),
        Operand::Own(OwnValue::DrawdownFromPeakPct)
    );
    for (name, value) in [
        ("loss_pct", OwnValue::LossPct),
        ("ROE_PCT", OwnValue::RoePct),
        ("drawdown_from_peak_pct", OwnValue::DrawdownFromPeakPct),
        ("signal_age_seconds", OwnValue::SignalAgeSeconds),
        ("POSITION_AGE_SECONDS", OwnValue::PositionAgeSeconds),
        ("LIQUIDATION_DISTANCE_PCT", OwnValue::LiquidationDistancePct),
        ("SESSION_PNL_PCT", OwnValue::SessionPnlPct),
        ("OPEN_POSITIONS", OwnValue::OpenPositions),
        ("PORTFOLIO_EXPOSURE_PCT", OwnValue::PortfolioExposurePct),
        (" UNREALIZED_PNL_PCT ", OwnValue::UnrealizedPnlPct { last: false, net: false }),
    ] {
        let document = patched(&[
            ("/ze1_close/conditions/0/indicatorId", json!(name)),
            ("/ze1_close/conditions/0/value", json!(1)),
        ]);
        assert_eq!(
            first(&accepted(&document).compile("x", 1).ze1.section.root).operand,
            Operand::Own(value),
            "{name}"
        );
    }
}

#[test]
fn needs_name_who_needs_what() {
    let def = accepted(&base()).compile("x", 1);
    let needs = needs(&def);
    assert_eq!(needs.keys().copied().collect::<Vec<_>>(), [DataKind::Price, DataKind::Book]);
    let book: Vec<String> = needs[&DataKind::Book].iter().map(ToString::to_string).collect();
    assert_eq!(book, ["condition s1_spread uses spread, which needs book data"]);
}

#[test]
fn unknown_fields_and_extensions_survive_where_they_stood() {
    let document = patched(&[
        ("/colour", json!({"a": [1, 2.50]})),
        ("/extensions", json!({"ui": {"zoom": 3}})),
        ("/s1_signal/conditions/0/note", json!("n")),
        ("/z1_entry/stopLoss/why", json!("because")),
    ]);
    let (read, warnings) = parse(document.to_string().as_bytes()).unwrap();
    assert_eq!(
        warnings.iter().map(|warning| warning.path.as_str()).collect::<Vec<_>>(),
        ["/s1_signal/conditions/0/note", "/z1_entry/stopLoss/why", "/colour"]
    );
    let value = read.to_value();
    for pointer in ["/colour", "/extensions", "/s1_signal/conditions/0/note", "/z1_entry/stopLoss/why"] {
        assert_eq!(value.pointer(pointer), document.pointer(pointer), "{pointer}");
    }
}

#[test]
fn the_text_is_the_same_whatever_the_input_looked_like() {
    let tidy = accepted(&base()).to_json();
    let shuffled = json!({"z1_entry": base()["z1_entry"], "emergency_exit": base()["emergency_exit"]});
    let mut other = shuffled;
    for (key, value) in base().as_object().unwrap() {
        other[key] = value.clone();
    }
    let text = other.to_string().replace(":4,", ":4.0,").replace("\"value\":10", "\"value\":1.0e1");
    assert_eq!(parse(text.as_bytes()).unwrap().0.to_json(), tidy);
    assert!(!tidy.contains("4.0"));
}

/// The document language must be able to express a crossover of two per-trade averages with one market order
/// per side.
#[test]
fn the_crossing_averages_of_the_performance_workload_can_be_written() {
    let average =
        |period: u32| json!({"type": "EMA", "period": period, "source": "trades", "min_trades": 30});
    let cross = |id: &str, operator: &str| json!([{"id": id, "indicatorId": "fast", "operator": operator, "compareTo": "slow"}]);
    let document = json!({
        "strategy_name": "ema",
        "indicators": {"fast": average(10), "slow": average(30)},
        "s1_signal": {"conditions": cross("up", ">")},
        "o1_cancel": {"timeoutSeconds": 0, "cooldownMinutes": 0},
        "z1_entry": {"positionSize": {"type": "quantity", "value": 0.001}, "orderType": "market"},
        "ze1_close": {"conditions": cross("down", "<")},
        "emergency_exit": {},
        "evaluation": {"entryMinIntervalMs": 0, "onClock": false},
        "global_limits": {"normal_exit_cooldown_minutes": 0}
    });
    let (read, warnings) =
        parse(document.to_string().as_bytes()).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(
        warnings.iter().map(|warning| warning.path.as_str()).collect::<Vec<_>>(),
        ["/z1_entry/conditions", "/z1_entry/stopLoss"]
    );
    let def = read.compile("ema", 1);
    assert_eq!(
        (def.limits.normal_cooldown, def.o1.cooldown, def.o1.timeout),
        (Some(Span::ZERO), Span::ZERO, None)
    );
    assert_eq!(def.z1.size.amount, SizeAmount::Quantity(0.001));
    let down = first(&def.ze1.section.root);
    assert_eq!(
        (down.comparison, down.threshold),
        (Comparison::Less, Threshold::Other { operand: Operand::Market(1), multiplier: 1.0, offset: 0.0 })
    );
    assert_eq!(
        (def.indicators[1].spec.count("period"), def.indicators[1].spec.word("source")),
        (30, "trades")
    );
}
