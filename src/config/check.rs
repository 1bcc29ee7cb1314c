//! Validates a value against the schema to report all problems at once (serde stops at the first). Supports
//! only the subset of JSON Schema that [`schema`](super::schema) uses.

use super::schema;
use crate::json::{Report, at, nearest};
use serde_json::{Map, Value};

/// Reports every violation of the schema.
pub(super) fn check(document: &Value, report: &mut Report<'_>) {
    node(document, schema(), "", report);
}

fn node(value: &Value, schema: &Value, path: &str, report: &mut Report<'_>) {
    let schema = resolve(schema);
    if let Some(words) = words(schema) {
        return word(value, &words, path, report);
    }
    if !has_type(value, schema) {
        return report(path, format!("must be {}, but is {}", expected(schema, path), shown(value)));
    }
    match value {
        Value::Object(fields) => object(fields, schema, path, report),
        Value::Array(values) => {
            length(values.len(), schema, ("minItems", "maxItems", "entries"), path, report);
            let items = schema.get("items").unwrap_or(&Value::Null);
            values.iter().enumerate().for_each(|(index, item)| node(item, items, &at(path, index), report));
        }
        Value::String(text) => {
            length(text.chars().count(), schema, ("minLength", "maxLength", "characters"), path, report)
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
            let is_low = bound("minimum").is_some_and(|low| number < low);
            if is_low || bound("maximum").is_some_and(|high| number > high) {
                report(path, format!("must be {}, but is {number}", expected(schema, path)));
            }
        }
        Value::Bool(_) | Value::Null => {}
    }
}

fn object(fields: &Map<String, Value>, schema: &Value, path: &str, report: &mut Report<'_>) {
    let none = Map::new();
    let known = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    for (name, value) in fields {
        let here = at(path, name);
        match known.get(name) {
            Some(schema) => node(value, schema, &here, report),
            None => {
                let names = known.keys().map(String::as_str);
                let hint = match nearest(name, names.clone()) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!(
                        "there are {}",
                        names.filter(|name| !name.starts_with('$')).collect::<Vec<_>>().join(", ")
                    ),
                };
                report(&here, format!("there is no such field; {hint}"));
            }
        }
    }
}

fn resolve(schema: &Value) -> &Value {
    let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { return schema };
    super::schema().pointer(reference.trim_start_matches('#')).unwrap_or(schema)
}

fn words(schema: &Value) -> Option<Vec<&str>> {
    let choices = schema.get("oneOf")?.as_array()?;
    choices.iter().map(|choice| choice.get("const").and_then(Value::as_str)).collect()
}

fn word(value: &Value, words: &[&str], path: &str, report: &mut Report<'_>) {
    if value.as_str().is_some_and(|text| words.contains(&text)) {
        return;
    }
    let near = value.as_str().and_then(|text| nearest(text, words.iter().copied()));
    let near = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
    report(path, format!("must be one of {}, but is {}{near}", words.join(", "), shown(value)));
}

/// The types a value may have.
fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
        Some(word) => word.as_str().into_iter().collect(),
        None => Vec::new(),
    }
}

fn has_type(value: &Value, schema: &Value) -> bool {
    let types = types(schema);
    types.is_empty()
        || types.iter().any(|word| match *word {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "number" => value.is_number(),
            "integer" => value.is_u64() || value.is_i64(),
            _ => value.is_null(),
        })
}

/// What a field must be: its type with range and unit.
fn expected(schema: &Value, path: &str) -> String {
    let phrase = |word: &str| match word {
        "object" => "an object".to_owned(),
        "array" => format!("a list{}", sized(schema, ("minItems", "maxItems", "entries"))),
        "string" => format!("a string{}", sized(schema, ("minLength", "maxLength", "characters"))),
        "boolean" => "true or false".to_owned(),
        "integer" => format!("a whole number{}", range(schema, path)),
        "number" => format!("a number{}", range(schema, path)),
        _ => "null".to_owned(),
    };
    types(schema).into_iter().map(phrase).collect::<Vec<_>>().join(" or ")
}

/// ` from 100 to 60000 (milliseconds)`
fn range(schema: &Value, path: &str) -> String {
    let bound = |word: &str, key: &str| {
        schema.get(key).and_then(Value::as_f64).map(|bound| format!(" {word} {bound}")).unwrap_or_default()
    };
    let unit = unit(path).map(|unit| format!(" ({unit})")).unwrap_or_default();
    format!("{}{}{unit}", bound("from", "minimum"), bound("to", "maximum"))
}

/// The unit that the name of a field ends with.
fn unit(path: &str) -> Option<&'static str> {
    let (_, last) = path.rsplit_once('_')?;
    match last {
        "ms" => Some("milliseconds"),
        "s" => Some("seconds"),
        "days" => Some("days"),
        "mib" => Some("MiB"),
        "pct" => Some("percent"),
        "cap" => Some("USDT"),
        _ => None,
    }
}

/// ` of 1 to 64 characters`
fn sized(schema: &Value, names: (&str, &str, &str)) -> String {
    let size = size(schema, names);
    if size.is_empty() { size } else { format!(" of {size}") }
}

/// `1 to 64 characters`; empty when any number will do.
fn size(schema: &Value, (low, high, what): (&str, &str, &str)) -> String {
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
    match (bound(low), bound(high)) {
        (None, None) => String::new(),
        (None, Some(high)) => format!("at most {high} {what}"),
        (Some(low), None) => format!("at least {low} {what}"),
        (Some(low), Some(high)) => format!("{low} to {high} {what}"),
    }
}

/// The value for an error message, shortened.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::String(text) if text.chars().count() > 60 => {
            format!("\"{}…\"", text.chars().take(60).collect::<String>())
        }
        other => other.to_string(),
    }
}

fn length(length: usize, schema: &Value, names: (&str, &str, &str), path: &str, report: &mut Report<'_>) {
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64).map(|bound| bound as usize);
    if bound(names.0).is_some_and(|low| length < low) || bound(names.1).is_some_and(|high| length > high) {
        report(path, format!("must have {}, but has {length}", size(schema, names)));
    }
}
