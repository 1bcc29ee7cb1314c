//! Properties of arbitrary input: no panic, and an accepted document reads back equal.

use super::base;
use super::imports::EXAMPLES;
use crate::document::strategy::problem::at;
use crate::document::strategy::{import, parse};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Valid names, so that random documents get past the first checks.
const NAMES: &[&str] = &[
    "_meta",
    "strategy",
    "name",
    "strategy_name",
    "direction",
    "tags",
    "indicators",
    "pump",
    "spread",
    "type",
    "t1",
    "t3",
    "d",
    "windows",
    "s1_signal",
    "o1_cancel",
    "z1_entry",
    "ze1_close",
    "emergency_exit",
    "signal_detection_conditions",
    "entry_conditions",
    "and",
    "min",
    "allowed",
    "conditions",
    "groups",
    "logic",
    "negate",
    "sequence",
    "steps",
    "id",
    "indicatorId",
    "operator",
    "value",
    "valueHigh",
    "compareTo",
    "edge",
    "enabled",
    "condition_type",
    "positionSize",
    "stopLoss",
    "offsetPercent",
    "riskScaling",
    "riskAdjustedPricing",
    "takeProfitLadder",
    "global_limits",
    "extensions",
    "anchor",
    "source",
    "a/b~c",
    "",
];

const WORDS: &[&str] = &[
    "",
    "pump",
    "spread",
    "EMA",
    "TWPA",
    "DRAWDOWN_FROM_PEAK_PCT",
    "AND",
    "OR",
    "NOT",
    ">",
    "between",
    "crosses_above",
    "allowed",
    "gte",
    "rising",
    "fixed",
    "percentage",
    "ABSOLUTE",
    "position",
    "window",
    "5f000000-0000-4000-8000-000000000013",
    "\u{0}é🦀",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec![0.0, -0.0, 1.0, -3.0, 1e308, -1e308, 5e-324, 0.5, 100.0, 1e18])
            .prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::sample::select(WORDS).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(NAMES), inner), 0..6).prop_map(|fields| {
                Value::Object(
                    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>(),
                )
            }),
        ]
    })
}

/// All pointers of a tree.
fn pointers(value: &Value, here: &str, all: &mut Vec<String>) {
    all.push(here.to_owned());
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| pointers(value, &at(here, key), all)),
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(index, value)| pointers(value, &at(here, index), all))
        }
        _ => {}
    }
}

fn validate(bytes: &[u8]) -> Result<(), TestCaseError> {
    for read in [parse(bytes), import(bytes)] {
        match read {
            Ok((document, _)) => {
                let text = document.to_json();
                let (again, _) = parse(text.as_bytes())
                    .map_err(|problems| TestCaseError::fail(format!("{problems:#?}\n{text}")))?;
                prop_assert_eq!(&again, &document);
                prop_assert_eq!(again.to_json(), text);
            }
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_json_is_judged_without_a_panic(value in any_json()) {
        validate(value.to_string().as_bytes())?;
    }

    #[test]
    fn any_bytes_are_judged_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        validate(&bytes)?;
    }

    #[test]
    fn a_damaged_document_is_judged_without_a_panic(
        which in 0..5_usize,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any_json(), prop::sample::select(NAMES)), 1..4),
    ) {
        let mut document = if which == 4 { base() } else { serde_json::from_str(EXAMPLES[which].1).unwrap() };
        for (place, value, name) in damage {
            let mut all = Vec::new();
            pointers(&document, "", &mut all);
            let target = document.pointer_mut(&all[place.index(all.len())]).unwrap();
            match target {
                Value::Object(fields) => drop(fields.insert(name.to_owned(), value)),
                other => *other = value,
            }
        }
        validate(document.to_string().as_bytes())?;
    }

    #[test]
    fn a_cut_document_is_refused(cut in any::<prop::sample::Index>()) {
        let text = base().to_string();
        let end = cut.index(text.len());
        prop_assert!(parse(&text.as_bytes()[..end]).is_err());
    }

    #[test]
    fn numbers_survive_the_text(value in prop_oneof![any::<f64>().prop_filter("finite", |v| v.is_finite()), any::<i32>().prop_map(f64::from)]) {
        let mut document = base();
        document["s1_signal"]["conditions"][0]["value"] = json!(value);
        if let Ok((read, _)) = parse(document.to_string().as_bytes()) {
            prop_assert_eq!(read.to_value()["s1_signal"]["conditions"][0]["value"].as_f64(), Some(value));
        }
    }
}
