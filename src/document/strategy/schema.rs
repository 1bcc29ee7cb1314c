//! The JSON Schema of strategy documents, generated from the types, and the check of a document against it.
//!
//! The check reports all structural problems at once, whereas serde stops at the first. It supports only the
//! subset of JSON Schema that [`schema`] uses.

use super::problem::{Problems, at};
use super::wire::Strategy;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = schemars::schema_for!(Strategy).to_value();
    tidy(&mut schema);
    schema
});

/// JSON Schema (draft 2020-12) of a strategy document.
pub fn schema() -> &'static Value {
    &SCHEMA
}

/// Makes optional fields absent instead of null and joins the lines of descriptions.
fn tidy(node: &mut Value) {
    if let Value::Object(fields) = node {
        if let Some(Value::Array(types)) = fields.get_mut("type") {
            types.retain(|word| word != "null");
            if let [single] = types.as_slice() {
                let single = single.clone();
                fields.insert("type".to_owned(), single);
            }
        }
        if let Some(Value::Array(choices)) = fields.get_mut("anyOf") {
            choices.retain(|choice| choice != &json!({"type": "null"}));
            if let [Value::Object(only)] = choices.as_slice() {
                let only = only.clone();
                fields.shift_remove("anyOf");
                fields.extend(only);
            }
        }
        if let Some(Value::String(text)) = fields.get_mut("description") {
            *text = text.replace('\n', " ");
        }
        fields.values_mut().for_each(tidy);
    } else if let Value::Array(values) = node {
        values.iter_mut().for_each(tidy);
    }
}

/// Reports and removes everything that the schema does not allow, so that the rest can be deserialized. Words
/// are accepted in any case. Unknown fields are kept with a warning.
pub(super) fn check(document: &mut Value, problems: &mut Problems) {
    if !node(document, &SCHEMA, "", problems) {
        *document = json!({});
    }
}

/// Whether the value may stay.
fn node(value: &mut Value, schema: &Value, path: &str, problems: &mut Problems) -> bool {
    let schema = resolve(schema);
    if let Some(words) = words(schema) {
        return word(value, &words, path, problems);
    }
    if !has_type(value, schema) {
        problems.error(path, format!("must be {}, but is {}", allowed_types(schema), shown(value)));
        return false;
    }
    match value {
        Value::Number(number) => {
            number.as_f64().is_some_and(|number| in_bounds(number, schema, path, problems))
        }
        Value::String(text) => length_fits(
            text.chars().count(),
            schema,
            ("minLength", "maxLength", "characters"),
            path,
            problems,
        ),
        Value::Array(values) => {
            let fits = length_fits(values.len(), schema, ("minItems", "maxItems", "entries"), path, problems);
            if let Some(items) = schema.get("items") {
                for (index, item) in values.iter_mut().enumerate() {
                    if !node(item, items, &at(path, index), problems) {
                        // Not removed, so that the indices of later entries do not change.
                        *item = placeholder(items);
                    }
                }
            }
            fits
        }
        Value::Object(fields) => object(fields, schema, path, problems),
        Value::Bool(_) | Value::Null => true,
    }
}

fn object(fields: &mut Map<String, Value>, schema: &Value, path: &str, problems: &mut Problems) -> bool {
    let none = Map::new();
    let known = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let others = schema.get("additionalProperties").filter(|others| others.is_object());
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let fits =
        length_fits(fields.len(), schema, ("minProperties", "maxProperties", "entries"), path, problems);
    let mut wrong = BTreeSet::new();
    for (name, value) in fields.iter_mut() {
        let here = at(path, name);
        match known.get(name).or(others) {
            Some(_) if value.is_null() => drop(wrong.insert(name.clone())),
            Some(schema) => {
                if !node(value, schema, &here, problems) {
                    wrong.insert(name.clone());
                }
            }
            None if known.is_empty() => {}
            None => {
                let near = problems.suggestion(name, known.keys().map(String::as_str));
                problems.warning(&here, format!("unknown field, it has no effect{near}"));
            }
        }
    }
    for name in required {
        if fields.get(name).is_none_or(Value::is_null) {
            let about = known
                .get(name)
                .and_then(|schema| schema.get("description"))
                .and_then(Value::as_str)
                .unwrap_or_default();
            problems.error(
                &at(path, name),
                format!(
                    "is required ({})",
                    about.split_inclusive(". ").next().unwrap_or_default().trim().trim_end_matches('.')
                ),
            );
        }
    }
    fields.retain(|name, _| !wrong.contains(name));
    fits
}

fn resolve(schema: &Value) -> &Value {
    let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { return schema };
    SCHEMA.pointer(reference.trim_start_matches('#')).unwrap_or(schema)
}

fn words(schema: &Value) -> Option<Vec<&str>> {
    let choices = schema.get("oneOf")?.as_array()?;
    choices.iter().map(|choice| choice.get("const").and_then(Value::as_str)).collect()
}

fn word(value: &mut Value, words: &[&str], path: &str, problems: &mut Problems) -> bool {
    let list = words.join(", ");
    let Value::String(text) = value else {
        problems.error(path, format!("must be one of {list}, but is {}", shown(value)));
        return false;
    };
    if let Some(known) = words.iter().find(|known| known.eq_ignore_ascii_case(text.trim())) {
        *text = (*known).to_owned();
        return true;
    }
    let near = problems.suggestion(text, words.iter().copied());
    problems.error(path, format!("must be one of {list}, but is {}{near}", shown(value)));
    false
}

fn has_type(value: &Value, schema: &Value) -> bool {
    let fits = |word: &Value| match word.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("number") => value.is_number(),
        Some("integer") => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => false,
    };
    match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(fits),
        Some(single) => fits(single),
        None => true,
    }
}

fn allowed_types(schema: &Value) -> String {
    let phrase = |word: &Value| match word.as_str() {
        Some("object") => "an object",
        Some("array") => "a list",
        Some("string") => "a string",
        Some("boolean") => "true or false",
        Some("integer") => "a whole number",
        _ => "a number",
    };
    match schema.get("type") {
        Some(Value::Array(types)) => types.iter().map(phrase).collect::<Vec<_>>().join(" or "),
        Some(single) => phrase(single).to_owned(),
        None => "something else".to_owned(),
    }
}

/// The value for an error message, shortened.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::String(text) if text.chars().count() > 60 => {
            format!("\"{}…\"", text.chars().take(60).collect::<String>())
        }
        other => other.to_string(),
    }
}

fn in_bounds(number: f64, schema: &Value, path: &str, problems: &mut Problems) -> bool {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let (low, above, high) = (bound("minimum"), bound("exclusiveMinimum"), bound("maximum"));
    let too_low = low.is_some_and(|low| number < low) || above.is_some_and(|above| number <= above);
    if !too_low && high.is_none_or(|high| number <= high) {
        return true;
    }
    let from = above.map(|above| format!("above {above}")).or(low.map(|low| format!("at least {low}")));
    let to = high.map(|high| format!("at most {high}"));
    let bounds = [from, to].into_iter().flatten().collect::<Vec<_>>().join(" and ");
    problems.error(path, format!("must be {bounds}, but is {number}"));
    false
}

fn length_fits(
    length: usize,
    schema: &Value,
    (low, high, what): (&str, &str, &str),
    path: &str,
    problems: &mut Problems,
) -> bool {
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64).map(|bound| bound as usize);
    if let Some(low) = bound(low).filter(|low| length < *low) {
        problems.error(path, format!("must have at least {low} {what}, but has {length}"));
        return false;
    }
    if let Some(high) = bound(high).filter(|high| length > *high) {
        problems.error(path, format!("must have at most {high} {what}, but has {length}"));
        return false;
    }
    true
}

/// A valid value of the schema's type, used in place of an invalid entry.
fn placeholder(schema: &Value) -> Value {
    match resolve(schema).get("type").and_then(Value::as_str) {
        Some("object") => json!({}),
        Some("array") => json!([]),
        Some("string") => json!(""),
        Some("boolean") => json!(false),
        Some("number" | "integer") => json!(0),
        _ => Value::Null,
    }
}
