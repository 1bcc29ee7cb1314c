//! The schemas of everything that is sent and answered, by name: written by hand in files by subject, and the
//! configuration's, which follow from its types. Both documents (OpenAPI and AsyncAPI) take theirs from here.
//!
//! Invariant: a schema that `extends` another is written out in full, so that readers of a document see plain
//! objects.

use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// Where references point to.
const PLACE: &str = "#/components/schemas/";

/// The files. A schema may hold `extends`, the name of one whose properties it has too.
const FILES: [&str; 11] = [
    include_str!("openapi/login.json"),
    include_str!("openapi/strategies.json"),
    include_str!("openapi/recordings.json"),
    include_str!("openapi/sessions.json"),
    include_str!("openapi/session_now.json"),
    include_str!("openapi/results.json"),
    include_str!("openapi/events.json"),
    include_str!("openapi/operations.json"),
    include_str!("openapi/analytics.json"),
    include_str!("openapi/socket.json"),
    include_str!("openapi/written.json"),
];

static ALL: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let mut written = Map::new();
    for file in FILES {
        let schemas: Map<String, Value> =
            serde_json::from_str(file).expect("every document is made from them, so tests have read them");
        written.extend(schemas);
    }
    let mut all: Map<String, Value> =
        written.iter().map(|(name, schema)| (name.clone(), whole(&written, schema))).collect();
    all.extend(of_config());
    all.extend(of_config_at_start());
    all
});

/// A reference to a schema.
pub fn reference(name: &str) -> Value {
    json!({"$ref": format!("{PLACE}{name}")})
}

/// The schemas that a document refers to, and those that they refer to; what is not there is left out.
pub fn used_by(document: &Value) -> Map<String, Value> {
    let mut used = Map::new();
    let mut wanted = names(document);
    while let Some(name) = wanted.pop() {
        let Some(schema) = ALL.get(name).filter(|_| !used.contains_key(name)) else { continue };
        wanted.extend(names(schema));
        used.insert(name.to_owned(), schema.clone());
    }
    used.sort_keys();
    used
}

/// Names of the schemas a value refers to.
pub fn names(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => {
            let to = fields
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|reference| reference.strip_prefix(PLACE));
            fields.values().flat_map(names).chain(to).collect()
        }
        Value::Array(values) => values.iter().flat_map(names).collect(),
        _ => Vec::new(),
    }
}

/// A schema with what it takes from the one it extends.
fn whole(written: &Map<String, Value>, schema: &Value) -> Value {
    let Some(base) = schema["extends"].as_str() else { return schema.clone() };
    let mut base = whole(written, &written[base]);
    let mut joined = schema.clone();
    for name in ["required", "properties"] {
        joined[name] = match (base[name].take(), schema[name].clone()) {
            (Value::Array(before), Value::Array(own)) => before.into_iter().chain(own).collect(),
            (Value::Object(before), Value::Object(own)) => before.into_iter().chain(own).collect(),
            (before, Value::Null) => before,
            (_, own) => own,
        };
    }
    if let Some(fields) = joined.as_object_mut() {
        fields.shift_remove("extends");
    }
    joined
}

/// The configuration as it is shown: every field is there, so none has a default.
fn of_config() -> Map<String, Value> {
    const NAME: &str = "Config";
    let mut schema = crate::config::schema().clone();
    let parts = schema["$defs"].take();
    let mut all = Map::new();
    let parts = parts.as_object().into_iter().flatten();
    let parts = parts.map(|(name, part)| (format!("{NAME}{name}"), part.clone()));
    for (name, mut part) in parts.chain([("DaemonConfig".to_owned(), schema)]) {
        shown(&mut part, NAME);
        all.insert(name, part);
    }
    all
}

/// The parts of the configuration that a session was read with. An older version had fewer fields, so none is
/// required.
fn of_config_at_start() -> Map<String, Value> {
    const NAME: &str = "ConfigAtStart";
    let parts = &crate::config::schema()["$defs"];
    let mut all = Map::new();
    let mut open: Vec<String> = ["Trading", "Fees", "Recording", "Limits"].map(str::to_owned).into();
    while let Some(part) = open.pop() {
        let mut schema = parts[&part].clone();
        let text = schema.to_string();
        let references = text.split("#/$defs/").skip(1).filter_map(|rest| rest.split('"').next());
        shown(&mut schema, NAME);
        not_required(&mut schema);
        if all.insert(format!("{NAME}{part}"), schema).is_none() {
            open.extend(references.map(str::to_owned));
        }
    }
    all
}

fn not_required(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.shift_remove("required");
        fields.values_mut().for_each(not_required);
    }
}

fn shown(value: &mut Value, prefix: &str) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !["$schema", "$defs", "title", "default"].contains(&name.as_str()));
            if let Some(Value::String(reference)) = fields.get_mut("$ref") {
                *reference = reference.replace("#/$defs/", &format!("{PLACE}{prefix}"));
            }
            if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
                // The file may name its schema; what is shown does not.
                properties.shift_remove("$schema");
                properties.values_mut().for_each(|value| shown(value, prefix));
                let required = properties.keys().cloned().collect::<Vec<_>>();
                fields.insert("required".to_owned(), required.into());
            }
            let others = fields.iter_mut().filter(|(name, _)| *name != "properties");
            others.for_each(|(_, value)| shown(value, prefix));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| shown(value, prefix)),
        _ => {}
    }
}
