//! Tests of legacy flat lists, which are read strictly from left to right.

use super::{base, holds, patch};
use crate::document::strategy::{Document, import};
use proptest::prelude::*;
use serde_json::{Value, json};

fn list(connectors: &[&str]) -> Document {
    let conditions: Vec<Value> = connectors
        .iter()
        .enumerate()
        .map(|(index, logic)| json!({"id": index.to_string(), "indicatorId": "pump", "operator": ">", "value": index, "logic": logic}))
        .collect();
    let mut document = base();
    patch(&mut document, "/s1_signal/conditions", conditions.into());
    import(document.to_string().as_bytes()).unwrap_or_else(|problems| panic!("{problems:#?}")).0
}

fn result(document: &Document, values: &[bool]) -> bool {
    holds(&document.compile("x", 1).s1.root, &|id| values[id.parse::<usize>().unwrap()])
}

#[test]
fn the_reference_table() {
    for (connectors, values, expected) in [
        (&["OR", "AND", "AND"][..], &[true, false, false][..], false),
        (&["AND", "OR", "AND"], &[false, false, true], true),
        (&["NOT", "AND"], &[false, true], true),
        (&["AND", "NOT"], &[true, true], false),
    ] {
        assert_eq!(result(&list(connectors), values), expected, "{connectors:?} {values:?}");
    }
}

proptest! {
    #[test]
    fn left_to_right_for_all_values(connectors in prop::collection::vec(prop::sample::select(vec!["AND", "OR", "NOT"]), 1..5)) {
        // A longer list may change its logic more often than groups may be nested; it is then refused.
        let document = list(&connectors);
        let written = crate::document::strategy::parse(document.to_json().as_bytes()).unwrap().0;
        for bits in 0..1_u32 << connectors.len() {
            let values: Vec<bool> = (0..connectors.len()).map(|index| bits >> index & 1 == 1).collect();
            let mut expected = values[0] != (connectors[0] == "NOT");
            for index in 1..values.len() {
                let term = values[index] != (connectors[index] == "NOT");
                expected = if connectors[index - 1] == "OR" { expected || term } else { expected && term };
            }
            prop_assert_eq!(result(&document, &values), expected);
            prop_assert_eq!(result(&written, &values), expected);
        }
    }
}

#[test]
fn a_connector_that_is_absent_is_the_sections_logic() {
    let mut document = base();
    let condition = |id: &str, logic: Value| json!({"id": id, "indicatorId": "pump", "operator": "<", "value": 1, "logic": logic});
    patch(
        &mut document,
        "/emergency_exit/conditions",
        json!([condition("0", json!("NOT")), condition("1", Value::Null), condition("2", Value::Null)]),
    );
    let document = import(document.to_string().as_bytes()).unwrap().0;
    let e1 = document.compile("x", 1).e1.section.root;
    // NOT 0 AND 1, OR 2: the section's default is OR.
    for (values, expected) in
        [([false, true, false], true), ([true, true, false], false), ([true, false, true], true)]
    {
        assert_eq!(holds(&e1, &|id| values[id.parse::<usize>().unwrap()]), expected, "{values:?}");
    }
}

#[test]
fn what_is_switched_off_is_kept_in_the_text() {
    let mut document = base();
    patch(&mut document, "/s1_signal/conditions/0/logic", json!("NOT"));
    patch(&mut document, "/s1_signal/conditions/1/enabled", json!(false));
    let document = import(document.to_string().as_bytes()).unwrap().0;
    assert_eq!(document.compile("x", 1).s1.root.children.len(), 1);
    let s1 = &document.to_value()["s1_signal"];
    assert_eq!((&s1["conditions"][0]["id"], &s1["groups"][0]["negate"]), (&json!("s1_spread"), &json!(true)));
}
