//! Tests of legacy documents in all their forms.

use super::{base, patch, patched};
use crate::document::strategy::{Problem, Severity, import, parse};
use serde_json::{Value, json};

/// Example documents of the legacy system, unchanged.
pub(super) const EXAMPLES: [(&str, &str); 4] = [
    ("pump_v2", include_str!("original/pump_v2.json")),
    ("dump_v2", include_str!("original/dump_v2.json")),
    ("flash_pump_scalper", include_str!("original/flash_pump_scalper.json")),
    ("ema_cross_trend", include_str!("original/ema_cross_trend.json")),
];

fn warnings(document: &Value) -> Vec<Problem> {
    parse(document.to_string().as_bytes()).unwrap_or_else(|problems| panic!("{problems:#?}")).1
}

#[test]
fn the_wrapper_is_taken_off_and_paths_stay_those_of_the_file() {
    let wrapped = |document: Value| json!({"_meta": {"exportedAt": "2026-01-01T00:00:00Z", "version": "1.0", "type": "FXcrypto_Strategy_5Section"}, "strategy": document});
    assert_eq!(warnings(&wrapped(base())), []);
    let problems =
        parse(wrapped(patched(&[("/direction", json!("UP"))])).to_string().as_bytes()).unwrap_err();
    assert_eq!(problems[0].path, "/strategy/direction");
}

#[test]
fn aliases_tags_and_signs() {
    let mut document = base();
    patch(&mut document, "/strategy_name", Value::Null);
    patch(&mut document, "/name", json!("By another name"));
    patch(&mut document, "/tags", json!("a, b,,c "));
    patch(&mut document, "/direction", json!("short"));
    patch(&mut document, "/z1_entry/stopLoss/offsetPercent", json!(-3));
    patch(&mut document, "/ze1_close/closeOrderPriceIndicatorId", json!("TWPA"));
    let (document, warnings) = parse(document.to_string().as_bytes()).unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    let value = document.to_value();
    assert_eq!(document.name(), "By another name");
    assert_eq!(value["tags"], json!(["a", "b", "c"]));
    assert_eq!(value["direction"], "SHORT");
    assert_eq!(value["z1_entry"]["stopLoss"]["offsetPercent"], 3);
    assert_eq!(value["ze1_close"]["priceIndicatorId"], "TWPA");

    let mut nameless = base();
    patch(&mut nameless, "/strategy_name", Value::Null);
    patch(&mut nameless, "/name", json!("x"));
    assert_eq!(parse(nameless.to_string().as_bytes()).unwrap_err()[0].path, "/name");
}

#[test]
fn four_sections_get_an_inert_fifth_and_the_builders_defaults() {
    let mut document = base();
    for gone in ["/ze1_close", "/o1_cancel/timeoutSeconds", "/z1_entry/positionSize"] {
        patch(&mut document, gone, Value::Null);
    }
    let (document, warnings) = parse(document.to_string().as_bytes()).unwrap();
    assert!(warnings.iter().any(|warning| warning.path == "/ze1_close"), "{warnings:#?}");
    let value = document.to_value();
    assert_eq!((&value["ze1_enabled"], &value["ze1_close"]), (&json!(false), &json!({"conditions": []})));
    assert_eq!(value["o1_cancel"]["timeoutSeconds"], 30);
    assert_eq!(value["emergency_exit"]["cooldownMinutes"], 5);
    assert_eq!(value["z1_entry"]["positionSize"], json!({"type": "percentage", "value": 10}));
}

#[test]
fn maps_of_bounds_become_conditions() {
    let document = json!({
        "name": "oldest form",
        "signal_detection_conditions": {"pump_magnitude_pct": {"min": 5, "max": 40}, "SPREAD_PCT": {"max": 1}},
        "signal_cancellation_conditions": {"or": [{"PUMP_MAGNITUDE_PCT": {"max": 1}}, {"SPREAD_PCT": {"min": 3}}]},
        "entry_conditions": {"SPREAD_PCT": {"max": 0.5}},
        "emergency_exit_conditions": {"unrealized_pnl_pct": {"max": -4}},
    });
    let (document, _) =
        parse(document.to_string().as_bytes()).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let value = document.to_value();
    assert_eq!(
        value["s1_signal"]["conditions"],
        json!([
            {"id": "s1_1", "indicatorId": "PUMP_MAGNITUDE_PCT", "operator": ">=", "value": 5},
            {"id": "s1_2", "indicatorId": "PUMP_MAGNITUDE_PCT", "operator": "<=", "value": 40},
            {"id": "s1_3", "indicatorId": "SPREAD_PCT", "operator": "<=", "value": 1}
        ])
    );
    assert_eq!(value["o1_cancel"]["logic"], "OR");

    let refused = json!({
        "name": "oldest form",
        "signal_detection_conditions": {"SIDE": {"allowed": ["buy"]}, "SPREAD": {"max": 1}, "SPREAD_PCT": {"min": "x"}},
        "signal_cancellation_conditions": {}, "entry_conditions": {}, "emergency_exit_conditions": {},
    });
    let problems = parse(refused.to_string().as_bytes()).unwrap_err();
    let paths: Vec<&str> =
        problems.iter().filter(|p| p.severity == Severity::Error).map(|p| p.path.as_str()).collect();
    let section = "/signal_detection_conditions";
    for expected in ["/SIDE/allowed", "/SPREAD/max/indicatorId", "/SPREAD_PCT/min/value"] {
        assert!(paths.contains(&format!("{section}{expected}").as_str()), "{expected}: {problems:#?}");
    }
}

#[test]
fn backend_conditions_are_read() {
    let mut document = base();
    patch(
        &mut document,
        "/s1_signal/conditions",
        json!([
            {"name": "pump", "condition_type": "pump_magnitude_pct", "operator": "gte", "value": 5, "description": "d", "enabled": true},
            {"name": "spread", "condition_type": "spread", "operator": "between", "value": [0.1, 1]}
        ]),
    );
    let problems = parse(document.to_string().as_bytes()).unwrap_err();
    assert_eq!(
        problems.iter().find(|p| p.severity == Severity::Error).unwrap().path,
        "/s1_signal/conditions/1/condition_type",
        "{problems:#?}"
    );
    patch(&mut document, "/s1_signal/conditions/1/condition_type", json!("spread_pct"));
    let value = parse(document.to_string().as_bytes())
        .unwrap_or_else(|problems| panic!("{problems:#?}"))
        .0
        .to_value();
    assert_eq!(
        value["s1_signal"]["conditions"],
        json!([
            {"id": "s1_1", "indicatorId": "PUMP_MAGNITUDE_PCT", "operator": ">=", "value": 5, "enabled": true, "label": "pump", "description": "d"},
            {"id": "s1_2", "indicatorId": "SPREAD_PCT", "operator": "between", "value": 0.1, "valueHigh": 1, "label": "spread"}
        ])
    );
    patch(&mut document, "/s1_signal/conditions/1/operator", json!("allowed"));
    let problems = parse(document.to_string().as_bytes()).unwrap_err();
    assert!(
        problems
            .iter()
            .any(|p| p.path == "/s1_signal/conditions/1/operator" && p.severity == Severity::Error),
        "{problems:#?}"
    );
}

#[test]
fn known_variants_get_readable_names_and_keep_clear_of_the_authors() {
    let mut document = base();
    patch(&mut document, "/indicators/pump_10s", json!({"type": "SPREAD_PCT"}));
    patch(
        &mut document,
        "/s1_signal/conditions/0/indicatorId",
        json!("5F000000-0000-4000-8000-000000000001"),
    );
    patch(&mut document, "/s1_signal/conditions/1/indicatorId", json!("pump_10s"));
    patch(
        &mut document,
        "/emergency_exit/conditions/0/indicatorId",
        json!("5f000000-0000-4000-8000-000000000015"),
    );
    let value = parse(document.to_string().as_bytes())
        .unwrap_or_else(|problems| panic!("{problems:#?}"))
        .0
        .to_value();
    assert_eq!(value["s1_signal"]["conditions"][0]["indicatorId"], "pump_10s_2");
    assert_eq!(
        value["indicators"]["pump_10s_2"],
        json!({"type": "PUMP_MAGNITUDE_PCT", "t1": 10, "t3": 60, "d": 30})
    );
    assert_eq!(value["emergency_exit"]["conditions"][0]["indicatorId"], "UNREALIZED_PNL_PCT");
}

#[test]
fn a_mixed_list_is_an_error_when_new_and_a_warning_when_imported() {
    let mut document = base();
    patch(&mut document, "/s1_signal/conditions/0/logic", json!("OR"));
    patch(&mut document, "/s1_signal/conditions/1/logic", json!("NOT"));
    patch(
        &mut document,
        "/s1_signal/conditions/-",
        json!({"id": "third", "indicatorId": "pump", "operator": "<", "value": 9}),
    );
    assert!(parse(document.to_string().as_bytes()).is_err());
    let (_, warnings) = import(document.to_string().as_bytes()).unwrap();
    assert!(warnings[0].problem.contains("left to right"), "{warnings:#?}");
    // A variant id identifies a legacy document.
    patch(
        &mut document,
        "/s1_signal/conditions/0/indicatorId",
        json!("5f000000-0000-4000-8000-000000000001"),
    );
    assert!(parse(document.to_string().as_bytes()).is_ok());
}

#[test]
fn the_examples_only_lack_types_that_are_not_registered() {
    for (name, text) in EXAMPLES {
        if let Err(problems) = parse(text.as_bytes()) {
            for problem in problems.iter().filter(|problem| problem.severity == Severity::Error) {
                let unregistered = problem.problem.contains("no indicator type")
                    || problem.problem.contains("nor the catalogue");
                assert!(unregistered, "{name}: {problem}");
            }
        }
    }
}

#[test]
fn the_examples_are_imported_unchanged() {
    for (name, text) in EXAMPLES {
        let (document, warnings) =
            parse(text.as_bytes()).unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
        assert_eq!(document.name(), name);
        assert_eq!(warnings, [], "{name}");
    }
}

/// Each change of logic nests one level, and trees are walked recursively on the stack.
#[test]
fn a_list_that_changes_its_logic_thousands_of_times_is_refused() {
    let mut document = base();
    let condition = |n: usize| json!({"id": format!("c{n}"), "indicatorId": "SPREAD_PCT", "operator": ">", "value": 1, "logic": (["AND", "OR"][n % 2])});
    patch(&mut document, "/s1_signal/conditions", (0..12_000).map(condition).collect());
    let problems = import(document.to_string().as_bytes()).unwrap_err();
    assert!(
        problems.iter().any(|p| p.path == "/s1_signal" && p.problem.contains("nested deeper")),
        "{problems:#?}"
    );
    patch(&mut document, "/s1_signal/conditions", (0..5).map(condition).collect());
    let (document, _) =
        import(document.to_string().as_bytes()).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let value = document.to_value();
    assert!(value["s1_signal"].pointer("/groups/0/groups/0/groups/0").is_some(), "{value}");
}

/// Removing them one by one would move all later entries each time and take half a minute here.
#[test]
fn a_flood_of_wrong_fields_is_taken_out_at_once() {
    let mut document = base();
    let indicators: serde_json::Map<String, Value> =
        (0..40_000).map(|n| (format!("i{n}"), json!(0))).collect();
    patch(&mut document, "/indicators", Value::Object(indicators));
    assert_eq!(
        parse(document.to_string().as_bytes()).unwrap_err().len(),
        crate::limits::DOCUMENT_PROBLEMS + 1
    );
}
