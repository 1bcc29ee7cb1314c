//! Converts documents of the legacy system, in any of its forms, to the canonical form of the schema.
//!
//! Only names and positions change here; validation comes later. Moves are recorded, so that problems are
//! reported at the path in the author's document.
//! problems are reported where the author wrote the thing.

use super::problem::{Problems, at};
use super::tree::Origin;
use super::variants::{self, is_uuid};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

mod conditions;

/// Sections with their legacy names.
const SECTIONS: [(&str, &[&str]); 5] = [
    ("s1_signal", &["signal_detection_conditions", "signal_detection"]),
    (
        "o1_cancel",
        &[
            "signal_cancellation_conditions",
            "cancel_conditions",
            "cancellation_conditions",
            "signal_cancellation",
        ],
    ),
    ("z1_entry", &["entry_conditions"]),
    (
        "ze1_close",
        &[
            "close_order_detection_conditions",
            "close_order_detection",
            "close_conditions",
            "close_order_conditions",
        ],
    ),
    ("emergency_exit", &["emergency_exit_conditions", "emergency_conditions"]),
];

/// Converts a document to the canonical form; returns whether it is a legacy document.
pub(super) fn canonical(value: &mut Value, problems: &mut Problems) -> Origin {
    let mut origin = unwrap(value, problems);
    let Value::Object(fields) = value else { return origin };
    if fields.get("name").is_some_and(Value::is_string) && !fields.contains_key("strategy_name") {
        rename(fields, "name", "strategy_name", "", problems);
    }
    split_tags(fields);
    for (section, old_names) in SECTIONS {
        let old = old_names.iter().find(|old| fields.contains_key(**old) && !fields.contains_key(section));
        if let Some(old) = old {
            origin = Origin::Imported;
            rename(fields, old, section, "", problems);
        }
        if let Some(Value::Object(parts)) = fields.get_mut(section)
            && conditions::canonical(parts, section, old.is_some(), problems)
        {
            origin = Origin::Imported;
        }
    }
    if !fields.contains_key("ze1_close")
        && SECTIONS.iter().all(|(section, _)| *section == "ze1_close" || fields.contains_key(*section))
    {
        origin = Origin::Imported;
        problems.warning("/ze1_close", "is absent (four-section document): there is no normal exit by rule");
        fields.insert("ze1_close".to_owned(), json!({"conditions": []}));
        fields.insert("ze1_enabled".to_owned(), json!(false));
        four_section_defaults(fields, problems);
    }
    entry_and_exit(fields, problems);
    if name_variants(fields) {
        origin = Origin::Imported;
    }
    origin
}

/// Unwraps the legacy export format.
fn unwrap(value: &mut Value, problems: &mut Problems) -> Origin {
    let Some(wrapper) = value.as_object_mut() else { return Origin::New };
    if wrapper.contains_key("s1_signal") || !wrapper.get("strategy").is_some_and(Value::is_object) {
        return Origin::New;
    }
    for name in wrapper.keys().filter(|name| !matches!(name.as_str(), "_meta" | "strategy")) {
        problems.warning(&at("", name), "is outside the strategy and is dropped");
    }
    let origin = if wrapper.contains_key("_meta") { Origin::Imported } else { Origin::New };
    if let Some(strategy) = wrapper.remove("strategy") {
        *value = strategy;
        problems.moved("", "/strategy");
    }
    origin
}

/// Renames a field, keeping its position.
fn rename(fields: &mut Map<String, Value>, old: &str, new: &str, path: &str, problems: &mut Problems) {
    problems.moved(at(path, new), &at(path, old));
    *fields = std::mem::take(fields)
        .into_iter()
        .map(|(key, value)| if key == old { (new.to_owned(), value) } else { (key, value) })
        .collect();
}

/// Converts `"a, b"` to `["a", "b"]`.
fn split_tags(fields: &mut Map<String, Value>) {
    if let Some(tags @ Value::String(_)) = fields.get_mut("tags") {
        let list = tags
            .as_str()
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|tag| !tag.is_empty())
            .map(Value::from)
            .collect();
        *tags = Value::Array(list);
    }
}

/// Defaults that the legacy four-section builder filled in.
fn four_section_defaults(fields: &mut Map<String, Value>, problems: &mut Problems) {
    let sized = fields.get("global_limits").and_then(|limits| limits.get("base_position_pct")).is_some();
    let mut defaults = vec![
        ("o1_cancel", "timeoutSeconds", json!(30)),
        ("o1_cancel", "cooldownMinutes", json!(5)),
        ("emergency_exit", "cooldownMinutes", json!(5)),
    ];
    if !sized {
        defaults.push(("z1_entry", "positionSize", json!({"type": "percentage", "value": 10})));
    }
    for (section, field, value) in defaults {
        if let Some(Value::Object(parts)) = fields.get_mut(section)
            && !parts.contains_key(field)
        {
            problems.warning(
                &at(&at("", section), field),
                format!("is absent; {value} is used, the default of four-section documents"),
            );
            parts.insert(field.to_owned(), value);
        }
    }
}

/// Aliases and negative offsets of z1_entry and ze1_close.
fn entry_and_exit(fields: &mut Map<String, Value>, problems: &mut Problems) {
    if let Some(Value::Object(close)) = fields.get_mut("ze1_close")
        && close.contains_key("closeOrderPriceIndicatorId")
        && !close.contains_key("priceIndicatorId")
    {
        rename(close, "closeOrderPriceIndicatorId", "priceIndicatorId", "/ze1_close", problems);
    }
    for name in ["stopLoss", "takeProfit"] {
        let offset = fields
            .get_mut("z1_entry")
            .and_then(|entry| entry.get_mut(name))
            .and_then(|offset| offset.get_mut("offsetPercent"));
        if let Some(offset) = offset
            && let Some(number) = offset.as_f64().filter(|number| *number < 0.0)
        {
            *offset = Value::from(-number);
            let path = at(&at("/z1_entry", name), "offsetPercent");
            problems.warning(&path, format!("is negative; read as {} in the direction of a {name}", -number));
        }
    }
}

/// Fields that refer to an indicator.
const REFERENCES: [&str; 5] =
    ["indicatorId", "compareTo", "priceIndicatorId", "riskIndicatorId", "closeOrderPriceIndicatorId"];

/// Indicator names chosen while variant ids are replaced.
struct Names<'n> {
    named: &'n mut Map<String, Value>,
    /// The chosen name per variant, so that each is searched for once, however often its id occurs.
    chosen: BTreeMap<&'static str, String>,
}

/// Replaces known variant ids by readable names and declares these. Returns whether there was any id.
fn name_variants(fields: &mut Map<String, Value>) -> bool {
    let mut named = match fields.get("indicators") {
        Some(Value::Object(named)) => named.clone(),
        None => Map::new(),
        Some(_) => return false,
    };
    let before = named.len();
    let mut names = Names { named: &mut named, chosen: BTreeMap::new() };
    let mut any = false;
    for (section, _) in SECTIONS {
        if let Some(section) = fields.get_mut(section) {
            any |= name_below(section, &mut names);
        }
    }
    if named.len() > before {
        declare(fields, named);
    }
    any
}

/// Inserts `indicators` before the first section, where readers expect it.
fn declare(fields: &mut Map<String, Value>, named: Map<String, Value>) {
    if let Some(known) = fields.get_mut("indicators") {
        *known = Value::Object(named);
        return;
    }
    let mut named = Some(Value::Object(named));
    let mut ordered = Map::new();
    for (key, value) in std::mem::take(fields) {
        if SECTIONS.iter().any(|(section, _)| *section == key)
            && let Some(named) = named.take()
        {
            ordered.insert("indicators".to_owned(), named);
        }
        ordered.insert(key, value);
    }
    *fields = ordered;
}

fn name_below(value: &mut Value, names: &mut Names<'_>) -> bool {
    let mut any = false;
    match value {
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                match value {
                    Value::String(id) if REFERENCES.contains(&key.as_str()) && is_uuid(id) => {
                        any = true;
                        if let Some(known) = variants::known(id) {
                            *id = readable(known, names);
                        }
                    }
                    other => any |= name_below(other, names),
                }
            }
        }
        Value::Array(values) => {
            for value in values {
                any |= name_below(value, names);
            }
        }
        _ => {}
    }
    any
}

fn readable(known: variants::Known, names: &mut Names<'_>) -> String {
    let Some((name, params)) = known.named else { return known.kind.to_owned() };
    if let Some(chosen) = names.chosen.get(name) {
        return chosen.clone();
    }
    let mut indicator = Map::from_iter([("type".to_owned(), Value::from(known.kind))]);
    indicator.extend(params);
    let indicator = Value::Object(indicator);
    let mut free = name.to_owned();
    // An indicator that the author declared under that name keeps it.
    for number in 2.. {
        match names.named.get(&free) {
            Some(other) if *other != indicator => free = format!("{name}_{number}"),
            _ => break,
        }
    }
    names.named.insert(free.clone(), indicator);
    names.chosen.insert(name, free.clone());
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each name is searched for once; a search per id would take minutes here.
    #[test]
    fn an_id_that_stands_there_often_gets_one_free_name_among_many_taken_ones() {
        const TAKEN: usize = 25_000;
        let mut indicators = Map::from_iter([("pump_10s".to_owned(), json!(0))]);
        indicators.extend((2..TAKEN).map(|n| (format!("pump_10s_{n}"), json!(0))));
        let condition = json!({"compareTo": "5f000000-0000-4000-8000-000000000001"});
        let mut document =
            json!({"indicators": indicators, "s1_signal": {"conditions": vec![condition; 10_000]}});
        assert_eq!(canonical(&mut document, &mut Problems::default()), Origin::Imported);
        let conditions = document["s1_signal"]["conditions"].as_array().unwrap();
        assert!(
            conditions.iter().all(|condition| condition["compareTo"] == format!("pump_10s_{TAKEN}")),
            "{}",
            conditions[0]
        );
        assert_eq!(document["indicators"].as_object().unwrap().len(), TAKEN);
    }
}
