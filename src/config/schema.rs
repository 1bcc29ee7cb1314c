//! The JSON Schema of `config.json`, generated from the types.

use super::Config;
use serde_json::{Value, json};
use std::sync::LazyLock;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = schemars::schema_for!(Config).to_value();
    one_line(&mut schema);
    if let Some(fields) = schema.pointer_mut("/properties").and_then(Value::as_object_mut) {
        let about = "Location of this schema, for editors; the program does not read it.";
        fields.insert("$schema".to_owned(), json!({"description": about, "type": "string"}));
    }
    schema
});

/// JSON Schema (draft 2020-12).
pub fn schema() -> &'static Value {
    &SCHEMA
}

/// Joins the lines of every description.
fn one_line(node: &mut Value) {
    match node {
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            fields.values_mut().for_each(one_line);
        }
        Value::Array(values) => values.iter_mut().for_each(one_line),
        _ => {}
    }
}
