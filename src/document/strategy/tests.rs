//! Tests of whole documents: every rule, legacy forms, built-in strategies, and properties of arbitrary
//! input.

mod builtins;
mod compiled;
mod flat;
mod imports;
mod properties;
mod rules;

use super::{Document, Problem, Severity, parse};
use crate::domain::strategy::{Group, Node};
use serde_json::{Value, json};

/// A document without problems, using only built-in indicator types.
fn base() -> Value {
    json!({
        "strategy_name": "base",
        "indicators": {
            "pump": {"type": "PUMP_MAGNITUDE_PCT", "t1": 10, "t3": 60, "d": 30},
            "speed": {"type": "PRICE_VELOCITY"},
            "spread": {"type": "SPREAD_PCT", "t1": 3}
        },
        "s1_signal": {"conditions": [
            {"id": "s1_pump", "indicatorId": "pump", "operator": ">=", "value": 4},
            {"id": "s1_spread", "indicatorId": "spread", "operator": "<=", "value": 1}
        ]},
        "o1_cancel": {"timeoutSeconds": 30, "conditions": [{"id": "o1", "indicatorId": "pump", "operator": "<=", "value": 1}]},
        "z1_entry": {
            "conditions": [{"id": "z1", "indicatorId": "speed", "operator": ">", "value": 0.1}],
            "positionSize": {"type": "percentage", "value": 10},
            "stopLoss": {"enabled": true, "offsetPercent": 3},
            "leverage": 2
        },
        "ze1_close": {"conditions": [{"id": "ze1", "indicatorId": "speed", "operator": "<=", "value": 0}]},
        "emergency_exit": {"conditions": [{"id": "e1", "indicatorId": "UNREALIZED_PNL_PCT", "operator": "<=", "value": -4}]}
    })
}

/// Sets, adds or (with null) removes the value at a pointer whose parent exists; `-` appends to a list.
fn patch(document: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}")) {
        Value::Array(values) if key == "-" => values.push(value),
        Value::Array(values) => values[key.parse::<usize>().unwrap()] = value,
        Value::Object(fields) if value.is_null() => {
            drop(fields.shift_remove(key).unwrap_or_else(|| panic!("no {pointer}")))
        }
        Value::Object(fields) => drop(fields.insert(key.to_owned(), value)),
        other => panic!("{other} has no {key}"),
    }
}

fn patched(patches: &[(&str, Value)]) -> Value {
    let mut document = base();
    for (pointer, value) in patches {
        patch(&mut document, pointer, value.clone());
    }
    document
}

fn problems_of(document: &Value) -> Vec<Problem> {
    match parse(document.to_string().as_bytes()) {
        Ok((_, warnings)) => {
            assert!(warnings.iter().all(|problem| problem.severity == Severity::Warning), "{warnings:?}");
            warnings
        }
        Err(problems) => {
            assert!(problems.iter().any(|problem| problem.severity == Severity::Error), "{problems:?}");
            problems
        }
    }
}

fn accepted(document: &Value) -> Document {
    parse(document.to_string().as_bytes()).unwrap_or_else(|problems| panic!("{problems:#?}")).0
}

/// Two-valued evaluation of a group, to test the meaning of a document.
fn holds(group: &Group, truth: &dyn Fn(&str) -> bool) -> bool {
    let child = |node: &Node| match node {
        Node::Condition(condition) => truth(&condition.id),
        Node::Group(group) => holds(group, truth),
    };
    let result = match group.logic {
        crate::domain::strategy::Logic::And => group.children.iter().all(child),
        crate::domain::strategy::Logic::Or => group.children.iter().any(child),
    };
    result != group.negate
}
