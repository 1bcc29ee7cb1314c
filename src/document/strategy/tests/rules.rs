//! One document per rule: the base, a patch that breaks exactly that rule, and the expected problem.

use super::{base, patched, problems_of};
use crate::document::strategy::Severity::{self, Error, Warning};
use serde_json::{Value, json};

/// Patches, severity, path, and a part of the message.
type Case = (&'static [(&'static str, &'static str)], Severity, &'static str, &'static str);

const OFF: &str = r#"{"enabled": false}"#;

#[rustfmt::skip]
const CASES: &[Case] = &[
    // Envelope.
    (&[("/strategy_name", "null")], Error, "/strategy_name", "is required (Display name"),
    (&[("/strategy_name", "\"ab\"")], Error, "/strategy_name", "at least 3 characters"),
    (&[("/strategy_name", "\"   \"")], Error, "/strategy_name", "at least 3 characters besides white space"),
    (&[("/strategy_name", "\" \\u00a0ab \"")], Error, "/strategy_name", "at least 3 characters besides white space"),
    (&[("/strategy_name", "\"\\u001b[31mred\"")], Error, "/strategy_name", "text-direction character (U+001B); leave it out"),
    (&[("/strategy_name", "\"pump\\u0000\"")], Error, "/strategy_name", "(U+0000)"),
    (&[("/strategy_name", "\"two\\nlines\"")], Error, "/strategy_name", "(U+000A)"),
    (&[("/strategy_name", "\"pump\\u202eevil\"")], Error, "/strategy_name", "(U+202E)"),
    (&[("/strategy_name", "7")], Error, "/strategy_name", "must be a string, but is 7"),
    (&[("/direction", "\"LNOG\"")], Error, "/direction", "must be one of LONG, SHORT, BOTH, but is \"LNOG\"; did you mean \"LONG\"?"),
    (&[("/direction", "\"both\"")], Warning, "/direction", "not thresholds"),
    (&[("/priority", "101")], Error, "/priority", "must be at least 0 and at most 100, but is 101"),
    (&[("/priority", "1.5")], Error, "/priority", "must be a whole number, but is 1.5"),
    (&[("/tags", "[\"a\", 3]")], Error, "/tags/1", "must be a string, but is 3"),
    (&[("/enabeld", "true")], Warning, "/enabeld", "unknown field, it has no effect; did you mean \"enabled\"?"),
    (&[("/s1_signal", "null")], Error, "/s1_signal", "is required"),
    (&[("/z1_entry", "[]")], Error, "/z1_entry", "must be an object, but is a list"),
    (&[("/maxHoldSeconds", "0")], Error, "/maxHoldSeconds", "must be above 0"),
    // Indicators.
    (&[("/indicators/pump/type", "\"PUMP_MAGNITUD_PCT\"")], Error, "/indicators/pump/type", "did you mean \"PUMP_MAGNITUDE_PCT\"?"),
    (&[("/indicators/pump/type", "null")], Error, "/indicators/pump/type", "is required"),
    (&[("/indicators/pump/t_1", "10")], Error, "/indicators/pump/t_1", "no such parameter; did you mean \"t1\"? It has t1, t3, d"),
    (&[("/indicators/pump/t1", "0.5")], Error, "/indicators/pump/t1", "must be a number from 1 to 3600, but is 0.5"),
    (&[("/indicators/pump/t1", "\"ten\"")], Error, "/indicators/pump/t1", "must be a number from 1 to 3600, but is \"ten\""),
    (&[("/indicators/pump/d", "61")], Error, "/indicators/pump", "t3 must not be less than d"),
    (&[("/indicators/pump/t3", "35")], Warning, "/indicators/pump", "overlaps the current window"),
    (&[("/indicators/pump/r", "1")], Warning, "/indicators/pump/r", "has no effect"),
    (&[("/indicators/speed", r#"{"type": "EMA", "period": 2.5}"#)], Error, "/indicators/speed/period", "must be a whole number from 1 to 500"),
    (&[("/indicators/speed", r#"{"type": "EMA", "source": "trade"}"#)], Error, "/indicators/speed/source", "must be one of bars, trades"),
    (&[("/indicators/idle", r#"{"type": "EMA"}"#)], Warning, "/indicators/idle", "is never used"),
    (&[("/indicators/ema", r#"{"type": "TWPA"}"#), ("/s1_signal/conditions/1/indicatorId", "\"ema\""), ("/indicators/spread", "null")], Warning, "/indicators/ema", "hides the type"),
    (&[("/indicators/loss", r#"{"type": "LOSS_PCT", "net": true}"#), ("/emergency_exit/conditions/0/indicatorId", "\"loss\""), ("/emergency_exit/conditions/0/value", "4")], Error, "/indicators/loss/net", "it has no parameters"),
    (&[("/indicators/pnl", r#"{"type": "UNREALIZED_PNL_PCT", "last": 1}"#), ("/emergency_exit/conditions/0/indicatorId", "\"pnl\"")], Error, "/indicators/pnl/last", "must be true or false"),
    (&[("/indicators/back", r#"{"type": "DRAWDOWN_FROM_PEAK_PCT", "anchor": "peak"}"#), ("/ze1_close/conditions/0/indicatorId", "\"back\"")], Error, "/indicators/back/anchor", "must be one of position, window"),
    // Conditions.
    (&[("/s1_signal/conditions/0/indicatorId", "\"pmup\""), ("/o1_cancel/conditions/0/indicatorId", "\"pump\"")], Error, "/s1_signal/conditions/0/indicatorId", "neither `indicators` nor the catalogue has \"pmup\"; did you mean \"pump\"?"),
    (&[("/s1_signal/conditions/0/indicatorId", "\"5f000000-0000-4000-8000-0000000000ff\"")], Error, "/s1_signal/conditions/0/indicatorId", "no indicator has the id \"5f000000-0000-4000-8000-0000000000ff\""),
    (&[("/s1_signal/conditions/0/indicatorId", "null")], Error, "/s1_signal/conditions/0/indicatorId", "is required"),
    (&[("/s1_signal/conditions/0/operator", "\"=>\"")], Error, "/s1_signal/conditions/0/operator", "did you mean \">=\"?"),
    (&[("/s1_signal/conditions/0/operator", "\"cross_above\"")], Error, "/s1_signal/conditions/0/operator", "did you mean \"crosses_above\"?"),
    (&[("/s1_signal/conditions/0/value", "true")], Error, "/s1_signal/conditions/0/value", "must be a number, but is true"),
    (&[("/s1_signal/conditions/0/value", "null")], Error, "/s1_signal/conditions/0/value", "is required, or `compareTo`"),
    (&[("/s1_signal/conditions/0/id", "null")], Error, "/s1_signal/conditions/0/id", "is required (Unique"),
    (&[("/s1_signal/conditions/0/id", "\"ze1\"")], Error, "/ze1_close/conditions/0/id", "\"ze1\" is already the id of /s1_signal/conditions/0"),
    (&[("/s1_signal/conditions/0/forSeconds", "3601")], Error, "/s1_signal/conditions/0/forSeconds", "at most 3600"),
    (&[("/s1_signal/conditions/0/edgeWindowSeconds", "601"), ("/s1_signal/conditions/0/edge", "\"rising\"")], Error, "/s1_signal/conditions/0/edgeWindowSeconds", "at most 600"),
    (&[("/s1_signal/conditions/0/edgeWindowSeconds", "5")], Warning, "/s1_signal/conditions/0/edgeWindowSeconds", "without `edge`"),
    (&[("/s1_signal/conditions/0/edge", "\"up\"")], Error, "/s1_signal/conditions/0/edge", "must be one of none, rising, falling"),
    (&[("/s1_signal/conditions/0/operator", "\"crosses_above\""), ("/s1_signal/conditions/0/edge", "\"falling\"")], Error, "/s1_signal/conditions/0/edge", "contradicts the operator"),
    (&[("/s1_signal/conditions/0/operator", "\"between\"")], Error, "/s1_signal/conditions/0/valueHigh", "is required for `between`"),
    (&[("/s1_signal/conditions/0/operator", "\"between\""), ("/s1_signal/conditions/0/valueHigh", "3")], Error, "/s1_signal/conditions/0/valueHigh", "must be at least value, which is 4, but is 3"),
    (&[("/s1_signal/conditions/0/valueHigh", "5")], Warning, "/s1_signal/conditions/0/valueHigh", "only `between` uses it"),
    (&[("/s1_signal/conditions/0/compareTo", "\"speed\"")], Warning, "/s1_signal/conditions/0/value", "because `compareTo` is given"),
    (&[("/s1_signal/conditions/0/offset", "1")], Warning, "/s1_signal/conditions/0/offset", "without `compareTo`"),
    (&[("/s1_signal/conditions/0/logic", "\"XOR\"")], Error, "/s1_signal/conditions/0/logic", "must be one of AND, OR, NOT"),
    (&[("/s1_signal/conditions/0", "\"pump > 4\"")], Error, "/s1_signal/conditions/0", "must be an object, but is \"pump > 4\""),
    (&[("/s1_signal/conditions/0/indicatorId", "\"POSITION_AGE_SECONDS\"")], Warning, "/s1_signal/conditions/0/indicatorId", "only known in a position"),
    (&[("/s1_signal/conditions/0/indicatorId", "\"SIGNAL_AGE_SECONDS\"")], Warning, "/s1_signal/conditions/0/indicatorId", "only known after the signal"),
    // Logic, groups, sequence.
    (&[("/s1_signal/logic", "\"MAYBE\"")], Error, "/s1_signal/logic", "must be one of AND, OR"),
    (&[("/s1_signal/groups", "[{\"conditions\": []}]")], Error, "/s1_signal/groups/0", "has no enabled condition"),
    (&[("/s1_signal/conditions", "[]")], Error, "/s1_signal/conditions", "at least one enabled condition"),
    (&[("/s1_signal/conditions/0/enabled", "false"), ("/s1_signal/conditions/1/enabled", "false"), ("/indicators/spread", "null")], Error, "/s1_signal/conditions", "at least one enabled condition"),
    (&[("/s1_signal/sequence", r#"{"steps": [{"conditions": [{"id": "q", "indicatorId": "pump", "operator": ">", "value": 0}]}]}"#)], Error, "/s1_signal/sequence/steps", "at least 2 entries"),
    (&[("/s1_signal/conditions/0/logic", "\"OR\""), ("/s1_signal/conditions/1/logic", "\"AND\""), ("/s1_signal/conditions/-", r#"{"id": "third", "indicatorId": "pump", "operator": "<", "value": 9}"#)], Error, "/s1_signal/conditions", "mixes AND and OR"),
    (&[("/emergency_exit/conditions/-", r#"{"id": "e2", "indicatorId": "speed", "operator": "<", "value": -1}"#)], Warning, "/emergency_exit/logic", "(OR)"),
    // Conditions that are never true.
    (&[("/s1_signal/conditions/1/value", "-0.5")], Warning, "/s1_signal/conditions/1/value", "can never be true: spread is always from 0 to 200"),
    (&[("/s1_signal/conditions/1/operator", "\">\""), ("/s1_signal/conditions/1/value", "200")], Warning, "/s1_signal/conditions/1/value", "can never be true"),
    (&[("/emergency_exit/conditions/0/indicatorId", "\"LOSS_PCT\"")], Warning, "/emergency_exit/conditions/0/value", "LOSS_PCT is always 0 or more"),
    (&[("/s1_signal/conditions/-", r#"{"id": "low", "indicatorId": "pump", "operator": "<", "value": 4}"#)], Warning, "/s1_signal/conditions/2/value", "together with condition s1_pump"),
    (&[("/s1_signal/groups", r#"[{"logic": "AND", "conditions": [{"id": "low", "indicatorId": "pump", "operator": "between", "value": 1, "valueHigh": 2}]}]"#)], Warning, "/s1_signal/groups/0/conditions/0/value", "together with condition s1_pump"),
    // Sections.
    (&[("/o1_cancel/timeoutSeconds", "null")], Error, "/o1_cancel/timeoutSeconds", "is required"),
    (&[("/o1_cancel/timeoutSeconds", "86401")], Error, "/o1_cancel/timeoutSeconds", "at most 86400"),
    (&[("/o1_cancel/cooldownMinutes", "1441")], Error, "/o1_cancel/cooldownMinutes", "at most 1440"),
    (&[("/emergency_exit/cooldownMinutes", "-1")], Error, "/emergency_exit/cooldownMinutes", "at least 0"),
    (&[("/z1_entry/conditions", "[]"), ("/indicators/speed/t1", "11")], Warning, "/z1_entry/conditions", "as soon as there is a signal"),
    (&[("/z1_entry/positionSize", "null")], Error, "/z1_entry/positionSize", "is required"),
    (&[("/z1_entry/positionSize/type", "\"percent\"")], Error, "/z1_entry/positionSize/type", "must be one of fixed, percentage, quantity"),
    (&[("/z1_entry/positionSize/value", "-1")], Error, "/z1_entry/positionSize/value", "at least 0"),
    (&[("/z1_entry/positionSize/value", "0")], Warning, "/z1_entry/positionSize/value", "never enter"),
    (&[("/z1_entry/positionSize/value", "101")], Warning, "/z1_entry/positionSize/value", "more than all of it"),
    (&[("/z1_entry/positionSize", r#"{"type": "quantity", "value": 1, "basis": "margin"}"#)], Error, "/z1_entry/positionSize/basis", "cannot be margin"),
    (&[("/z1_entry/positionSize/riskScaling", r#"{"enabled": true, "riskIndicatorId": "spread", "lowRiskThreshold": 20, "lowRiskScale": 120, "highRiskThreshold": 80}"#)], Error, "/z1_entry/positionSize/riskScaling/highRiskScale", "is required when enabled"),
    (&[("/z1_entry/positionSize/riskScaling", r#"{"enabled": true, "riskIndicatorId": "spread", "lowRiskThreshold": 20, "lowRiskScale": 0.5, "highRiskThreshold": 80, "highRiskScale": 150}"#)], Error, "/z1_entry/positionSize/riskScaling/lowRiskScale", "must be at least 10 and at most 200, but is 0.5"),
    (&[("/z1_entry/positionSize/riskScaling", r#"{"enabled": true, "riskIndicatorId": "spread", "lowRiskThreshold": 80, "lowRiskScale": 50, "highRiskThreshold": 80, "highRiskScale": 150}"#)], Error, "/z1_entry/positionSize/riskScaling/lowRiskThreshold", "must be less than highRiskThreshold (80)"),
    (&[("/z1_entry/positionSize/riskScaling", r#"{"enabled": true, "lowRiskThreshold": 20, "lowRiskScale": 50, "highRiskThreshold": 80, "highRiskScale": 150}"#)], Error, "/z1_entry/positionSize/riskScaling/riskIndicatorId", "is required when enabled"),
    (&[("/z1_entry/riskAdjustment", r#"{"enabled": true, "indicatorId": "spread", "scalingPoints": [{"riskValue": 50, "positionSizePercent": 100}, {"riskValue": 20, "positionSizePercent": 150}]}"#)], Error, "/z1_entry/riskAdjustment/scalingPoints", "by increasing riskValue"),
    (&[("/z1_entry/leverage", "11")], Error, "/z1_entry/leverage", "must be at least 1 and at most 10, but is 11"),
    (&[("/z1_entry/leverage", "4")], Warning, "/z1_entry/leverage", "4 is moderate"),
    (&[("/z1_entry/leverage", "6")], Warning, "/z1_entry/leverage", "6 is high"),
    (&[("/global_limits", r#"{"max_leverage": 1}"#)], Warning, "/z1_entry/leverage", "above global_limits.max_leverage: 1 will be used"),
    (&[("/z1_entry/stopLoss/offsetPercent", "49")], Error, "/z1_entry/stopLoss/offsetPercent", "the stop is 49 % away, but at leverage 2 the position is liquidated after 49 %"),
    (&[("/z1_entry/stopLoss", r#"{"enabled": true, "offsetPercent": 30, "riskScaling": {"enabled": true, "riskIndicatorId": "spread", "lowRiskThreshold": 20, "lowRiskScale": 200, "highRiskThreshold": 80, "highRiskScale": 50}}"#)], Error, "/z1_entry/stopLoss/offsetPercent", "60 % away at its widest"),
    (&[("/z1_entry/stopLoss/offsetPercent", "101")], Error, "/z1_entry/stopLoss/offsetPercent", "at most 100"),
    (&[("/z1_entry/stopLoss/offsetPercent", "-3")], Warning, "/z1_entry/stopLoss/offsetPercent", "is negative; read as 3"),
    (&[("/z1_entry/stopLoss/offsetPercent", "null")], Error, "/z1_entry/stopLoss/offsetPercent", "is required when enabled"),
    (&[("/z1_entry/stopLoss/enabled", "null")], Error, "/z1_entry/stopLoss/enabled", "is required"),
    (&[("/z1_entry/stopLoss", OFF)], Warning, "/z1_entry/stopLoss", "there is no stop loss"),
    (&[("/z1_entry/stopLoss/indicatorId", "\"pump\"")], Warning, "/z1_entry/stopLoss/indicatorId", "unless calculationMode is ABSOLUTE"),
    (&[("/z1_entry/takeProfit", r#"{"enabled": true}"#)], Error, "/z1_entry/takeProfit/offsetPercent", "is required when enabled"),
    (&[("/z1_entry/takeProfit", r#"{"enabled": true, "offsetPercent": 1001}"#)], Error, "/z1_entry/takeProfit/offsetPercent", "at most 1000"),
    (&[("/z1_entry/orderType", "\"limit\""), ("/z1_entry/maxSlippagePercent", "1")], Warning, "/z1_entry/maxSlippagePercent", "only limit_ioc uses it"),
    (&[("/z1_entry/maxSlippagePercent", "11")], Error, "/z1_entry/maxSlippagePercent", "at most 10"),
    (&[("/z1_entry/priceIndicatorId", "\"BEST_AKS\"")], Error, "/z1_entry/priceIndicatorId", "has \"BEST_AKS\""),
    (&[("/ze1_enabled", "false")], Warning, "/ze1_enabled", "conditions of ze1_close have no effect"),
    (&[("/ze1_close/riskAdjustedPricing", r#"{"enabled": true}"#)], Error, "/ze1_close/riskAdjustedPricing/riskIndicatorId", "is required when enabled"),
    (&[("/ze1_close/riskAdjustedPricing", r#"{"enabled": false, "scalingFactor": 3}"#)], Error, "/ze1_close/riskAdjustedPricing/scalingFactor", "at most 2"),
    (&[("/ze1_close/riskAdjustedPricing", r#"{"enabled": false, "minAdjustment": 1}"#)], Error, "/ze1_close/riskAdjustedPricing/minAdjustment", "at most 0"),
    // Extensions and limits.
    (&[("/trailingStop", r#"{"enabled": true, "activationPercent": 3}"#)], Error, "/trailingStop/distancePercent", "is required when enabled"),
    (&[("/breakEven", r#"{"enabled": true, "activationPercent": 1, "offsetPercent": 1}"#)], Error, "/breakEven/offsetPercent", "must be less than activationPercent (1)"),
    (&[("/takeProfitLadder", r#"[{"offsetPercent": 1, "closePercent": 60}, {"offsetPercent": 2, "closePercent": 50}]"#)], Error, "/takeProfitLadder", "closes 110 %"),
    (&[("/takeProfitLadder", r#"[{"offsetPercent": 0, "closePercent": 60}]"#)], Error, "/takeProfitLadder/0/offsetPercent", "must be above 0"),
    (&[("/onDataLoss", r#"{"action": "panic"}"#)], Error, "/onDataLoss/action", "must be one of alert, close"),
    (&[("/evaluation", r#"{"entryMinIntervalMs": 60001}"#)], Error, "/evaluation/entryMinIntervalMs", "at most 60000"),
    (&[("/global_limits", r#"{"max_position_pct": 1.5}"#)], Error, "/global_limits/max_position_pct", "above 0 and at most 1, but is 1.5"),
    (&[("/global_limits", r#"{"max_position_size_usdt": 10001}"#)], Error, "/global_limits/max_position_size_usdt", "at most 10000"),
    (&[("/global_limits", r#"{"min_position_size_usdt": 50, "max_position_size_usdt": 50}"#)], Error, "/global_limits/min_position_size_usdt", "must be less than max_position_size_usdt (50)"),
    (&[("/global_limits", r#"{"max_allocation_pct": 21}"#)], Error, "/global_limits/max_allocation_pct", "at most 20"),
    (&[("/global_limits", r#"{"max_daily_trades": 0}"#)], Error, "/global_limits/max_daily_trades", "at least 1"),
    (&[("/global_limits", r#"{"daily_loss_limit_pct": 101}"#)], Error, "/global_limits/daily_loss_limit_pct", "at most 100"),
    (&[("/global_limits", r#"{"stop_loss_buffer_pct": 10}"#)], Warning, "/global_limits/stop_loss_buffer_pct", "has no effect; set z1_entry.stopLoss"),
    (&[("/global_limits", r#"{"max_daily_trade": 3}"#)], Warning, "/global_limits/max_daily_trade", "did you mean \"max_daily_trades\"?"),
];

#[test]
fn the_base_has_no_problem() {
    assert_eq!(problems_of(&base()), []);
}

#[test]
fn every_rule_is_broken_alone_and_says_where() {
    for (patches, severity, path, said) in CASES {
        let patches: Vec<(&str, Value)> =
            patches.iter().map(|(at, json)| (*at, serde_json::from_str(json).unwrap())).collect();
        let found = problems_of(&patched(&patches));
        let meant = |problem: &&crate::document::strategy::Problem| {
            problem.severity == *severity && problem.path == *path && problem.problem.contains(said)
        };
        assert!(
            found.iter().any(|problem| meant(&problem)),
            "{patches:?}\nwanted {path}: {said}\nfound {found:#?}"
        );
        let others: Vec<_> = found
            .iter()
            .filter(|problem| !meant(problem) && !problem.problem.ends_with("is never used"))
            .collect();
        assert!(others.is_empty(), "{patches:?}\nbeside {path}: {said}\nfound {others:#?}");
    }
}

#[test]
fn no_way_out_is_refused_and_any_one_way_is_enough() {
    let none = [
        ("/z1_entry/stopLoss", json!({"enabled": false})),
        ("/ze1_close/conditions", json!([])),
        ("/emergency_exit/conditions", json!([])),
    ];
    let found = problems_of(&patched(&none));
    assert!(
        found.iter().any(|problem| problem.path.is_empty() && problem.problem.contains("no way out")),
        "{found:#?}"
    );
    let ways = [
        ("/z1_entry/stopLoss", json!({"enabled": true, "offsetPercent": 2})),
        ("/z1_entry/takeProfit", json!({"enabled": true, "offsetPercent": 2})),
        ("/maxHoldSeconds", json!(60)),
        ("/ze1_close/conditions", base()["ze1_close"]["conditions"].clone()),
        ("/emergency_exit/conditions", base()["emergency_exit"]["conditions"].clone()),
    ];
    for way in ways {
        let mut patches = none.to_vec();
        patches.push(way);
        assert!(
            problems_of(&patched(&patches)).iter().all(|problem| problem.severity == Warning),
            "{patches:?}"
        );
    }
    let mut inert = none.to_vec();
    inert.push(("/emergency_exit/conditions", base()["emergency_exit"]["conditions"].clone()));
    inert.push(("/emergency_exit/actions", json!({"closePosition": false})));
    assert!(problems_of(&patched(&inert)).iter().any(|problem| problem.problem.contains("no way out")));
}

#[test]
fn all_problems_come_at_once() {
    let found = problems_of(&patched(&[
        ("/direction", json!("UP")),
        ("/indicators/spread/levels", json!(3)),
        ("/s1_signal/conditions/0/operator", json!("≥")),
        ("/z1_entry/leverage", json!(20)),
        ("/z1_entry/stopLoss/offsetPercent", json!("3%")),
        ("/ze1_close/conditions/0/indicatorId", json!("spee")),
        ("/takeProfitLadder", json!([{"offsetPercent": 1, "closePercent": 101}])),
        ("/note", json!("kept")),
    ]));
    let paths: Vec<&str> = found.iter().map(|problem| problem.path.as_str()).collect();
    for path in [
        "/direction",
        "/indicators/spread/levels",
        "/s1_signal/conditions/0/operator",
        "/z1_entry/leverage",
        "/z1_entry/stopLoss/offsetPercent",
        "/ze1_close/conditions/0/indicatorId",
        "/takeProfitLadder/0/closePercent",
        "/note",
    ] {
        assert!(paths.contains(&path), "{path} not in {paths:?}");
    }
    assert_eq!(paths.len(), 8, "{found:#?}");
}

#[test]
fn counts_and_depth_are_bounded() {
    let condition =
        |id: usize| json!({"id": format!("c{id}"), "indicatorId": "pump", "operator": ">", "value": 1});
    let many = |count: usize| {
        patched(&[
            ("/s1_signal/conditions", (0..count).map(condition).collect()),
            ("/indicators/spread", Value::Null),
        ])
    };
    assert_eq!(problems_of(&many(60)), []);
    assert!(problems_of(&many(61))[0].problem.contains("has 65 conditions, at most 64"));

    let mut group = json!({"conditions": [condition(0)]});
    for depth in 1..=4 {
        let found = problems_of(&patched(&[("/s1_signal/groups", json!([group]))]));
        assert_eq!(
            found.iter().any(|problem| problem.problem.contains("nested deeper than 3")),
            depth == 4,
            "{depth}: {found:#?}"
        );
        group = json!({"groups": [group]});
    }
}
