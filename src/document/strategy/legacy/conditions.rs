//! Legacy conditions: maps of bounds, and the legacy backend's condition objects.

use crate::document::strategy::problem::{Problems, at};
use serde_json::{Map, Value, json};

/// Operators as the legacy backend writes them.
const OPERATORS: [(&str, &str); 7] =
    [("gte", ">="), ("lte", "<="), ("gt", ">"), ("lt", "<"), ("eq", "=="), ("ne", "!="), ("neq", "!=")];

/// Fields of a section that are not conditions.
const SECTION_FIELDS: [&str; 5] = ["conditions", "logic", "groups", "sequence", "condition_logic"];

/// Converts the conditions of a section to the canonical form. `old` means that the section had a legacy
/// name; only such sections contain maps of bounds. Returns whether anything was converted.
pub(super) fn canonical(
    section: &mut Map<String, Value>,
    name: &str,
    old: bool,
    problems: &mut Problems,
) -> bool {
    let path = at("", name);
    let mut any = false;
    if old && !section.contains_key("conditions") {
        any = true;
        from_map(section, name, &path, problems);
    }
    for (index, condition) in
        section.get_mut("conditions").and_then(Value::as_array_mut).into_iter().flatten().enumerate()
    {
        if let Value::Object(condition) = condition {
            any |= from_backend(
                condition,
                &at(&at(&path, "conditions"), index),
                &format!("{}_{}", short(name), index + 1),
                problems,
            );
        }
    }
    any
}

fn short(section: &str) -> &str {
    if section == "emergency_exit" { "e1" } else { section.split('_').next().unwrap_or(section) }
}

/// Converts `{KEY: {min, max}}`, also below `and` / `or`, to a list of conditions.
fn from_map(section: &mut Map<String, Value>, name: &str, path: &str, problems: &mut Problems) {
    let mut conditions = Vec::new();
    let mut kept = Map::new();
    for (key, value) in std::mem::take(section) {
        let here = at(path, &key);
        match (key.to_ascii_lowercase().as_str(), value) {
            (word @ ("and" | "or"), Value::Array(list)) => {
                kept.insert("logic".to_owned(), word.to_uppercase().into());
                for (index, entry) in list.into_iter().enumerate() {
                    let here = at(&here, index);
                    let Value::Object(entry) = entry else {
                        problems.error(&here, "must be an object like {\"RSI\": {\"min\": 30}}");
                        continue;
                    };
                    for (key, bounds) in entry {
                        from_bounds(&key, &bounds, &at(&here, &key), &mut conditions, problems);
                    }
                }
            }
            (_, bounds @ Value::Object(_))
                if !SECTION_FIELDS.contains(&key.as_str()) && is_bounds(&bounds) =>
            {
                from_bounds(&key, &bounds, &here, &mut conditions, problems);
            }
            (_, value) => {
                kept.insert(key, value);
            }
        }
    }
    for (index, (condition, given)) in conditions.iter_mut().enumerate() {
        condition["id"] = format!("{}_{}", short(name), index + 1).into();
        problems.moved(at(&at(path, "conditions"), index), given);
    }
    *section = kept;
    section.insert("conditions".to_owned(), conditions.into_iter().map(|(condition, _)| condition).collect());
}

fn is_bounds(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|bounds| bounds.keys().any(|key| matches!(key.as_str(), "min" | "max" | "allowed")))
}

fn from_bounds(
    key: &str,
    bounds: &Value,
    path: &str,
    conditions: &mut Vec<(Value, String)>,
    problems: &mut Problems,
) {
    let Some(bounds) = bounds.as_object() else {
        problems.error(path, "must be an object with min, max or both");
        return;
    };
    for (name, value) in bounds {
        let operator = match name.as_str() {
            "min" => ">=",
            "max" => "<=",
            "allowed" => {
                problems
                    .error(&at(path, name), "lists of allowed values have no meaning here; use min and max");
                continue;
            }
            _ => {
                problems.warning(&at(path, name), "unknown field, it is dropped");
                continue;
            }
        };
        let condition =
            json!({"id": "", "indicatorId": key.to_uppercase(), "operator": operator, "value": value});
        conditions.push((condition, at(path, name)));
    }
}

/// Converts `{name, condition_type, operator: "gte", value}` to the canonical fields.
fn from_backend(condition: &mut Map<String, Value>, path: &str, id: &str, problems: &mut Problems) -> bool {
    let mut any = false;
    if condition.contains_key("condition_type") && !condition.contains_key("indicatorId") {
        any = true;
        super::rename(condition, "condition_type", "indicatorId", path, problems);
        if let Some(Value::String(name)) = condition.get_mut("indicatorId") {
            *name = name.to_uppercase();
        }
        if condition.get("name").is_some_and(Value::is_string) && !condition.contains_key("label") {
            super::rename(condition, "name", "label", path, problems);
        }
        if !condition.contains_key("id") {
            condition.insert("id".to_owned(), id.into());
        }
    }
    let operator =
        condition.get("operator").and_then(Value::as_str).unwrap_or_default().trim().to_ascii_lowercase();
    if let Some((_, sign)) = OPERATORS.iter().find(|(word, _)| *word == operator) {
        any = true;
        condition.insert("operator".to_owned(), (*sign).into());
    } else if operator == "allowed" {
        any = true;
        problems.error(&at(path, "operator"), "lists of allowed values have no meaning here; use between");
        condition.insert("operator".to_owned(), "between".into());
        condition.insert("value".to_owned(), json!(0));
        condition.insert("valueHigh".to_owned(), json!(0));
    } else if operator == "between"
        && let Some(Value::Array(bounds)) = condition.get("value")
        && let [low, high] = bounds.as_slice()
    {
        any = true;
        let (low, high) = (low.clone(), high.clone());
        condition.insert("value".to_owned(), low);
        condition.insert("valueHigh".to_owned(), high);
    }
    any
}
