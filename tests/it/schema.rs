//! Whether a value is as a schema of `schema/openapi.json` or `schema/asyncapi.json` says: a validator for
//! the keywords that these use.
//!
//! Invariant: a keyword that is not understood here is a failed test, never a passed one.

use serde_json::Value;
use std::sync::OnceLock;
use tradingd::domain::time::Timestamp;

/// A document with schemas.
pub struct Schemas {
    pub document: Value,
}

/// The API's.
pub fn openapi() -> &'static Schemas {
    static ONCE: OnceLock<Schemas> = OnceLock::new();
    ONCE.get_or_init(|| Schemas { document: tradingd::http::openapi() })
}

/// The WebSocket's.
pub fn asyncapi() -> &'static Schemas {
    static ONCE: OnceLock<Schemas> = OnceLock::new();
    ONCE.get_or_init(|| Schemas { document: tradingd::http::asyncapi() })
}

impl Schemas {
    /// A schema of the components.
    #[track_caller]
    pub fn named(&self, name: &str) -> &Value {
        let schema = &self.document["components"]["schemas"][name];
        assert!(schema.is_object(), "there is no schema {name}");
        schema
    }

    /// The value is as the schema of this name says.
    #[track_caller]
    pub fn fits_named(&self, name: &str, value: &Value) {
        self.fits(self.named(name), value, name);
    }

    /// The value is as the schema says; `what` names it when it is not.
    #[track_caller]
    pub fn fits(&self, schema: &Value, value: &Value, what: &str) {
        let problems = self.problems(schema, value);
        let text = value.to_string();
        let shown: String = text.chars().take(2_000).collect();
        assert!(problems.is_empty(), "{what} is not as documented:\n{}\n{shown}", problems.join("\n"));
    }

    /// Every difference, with its path.
    pub fn problems(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut check = Check { document: &self.document, problems: Vec::new() };
        check.value(schema, value, "");
        check.problems
    }
}

struct Check<'d> {
    document: &'d Value,
    problems: Vec<String>,
}

impl Check<'_> {
    fn say(&mut self, path: &str, problem: impl std::fmt::Display) {
        self.problems.push(format!("{path}: {problem}"));
    }

    fn value(&mut self, schema: &Value, value: &Value, path: &str) {
        let Some(keywords) = schema.as_object() else { panic!("{path}: {schema} is no schema") };
        for (keyword, wanted) in keywords {
            match keyword.as_str() {
                "$ref" => {
                    let to = wanted.as_str().and_then(|to| self.document.pointer(&to[1..]));
                    self.value(to.unwrap_or_else(|| panic!("{wanted} leads nowhere")), value, path);
                }
                "type" => {
                    let fits = |name: &Value| is_of_type(value, name.as_str().unwrap());
                    if !wanted.as_array().map_or_else(|| fits(wanted), |all| all.iter().any(fits)) {
                        self.say(path, format_args!("{value} is not {wanted}"));
                    }
                }
                "const" if wanted != value => self.say(path, format_args!("{value} is not {wanted}")),
                "enum" if !wanted.as_array().unwrap().contains(value) => {
                    self.say(path, format_args!("{value} is not one of {wanted}"));
                }
                "oneOf" | "anyOf" => self.either(schema, wanted.as_array().unwrap(), value, path),
                "required" => {
                    for name in wanted.as_array().unwrap().iter().filter_map(Value::as_str) {
                        if value.as_object().is_some_and(|fields| !fields.contains_key(name)) {
                            self.say(path, format_args!("{name} is missing"));
                        }
                    }
                }
                "properties" | "additionalProperties"
                    if keyword == "properties" || schema.get("properties").is_none() =>
                {
                    self.fields(schema, value, path);
                }
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.value(wanted, item, &format!("{path}/{index}"));
                    }
                }
                "format" if wanted == "date-time" => {
                    if value.as_str().is_some_and(|text| !is_time(text)) {
                        self.say(path, format_args!("{value} is no time in UTC"));
                    }
                }
                "const"
                | "enum"
                | "additionalProperties"
                | "format"
                | "pattern"
                | "description"
                | "discriminator" => {}
                bound => self.bound(bound, wanted, value, path),
            }
        }
    }

    fn fields(&mut self, schema: &Value, value: &Value, path: &str) {
        let (known, others) = (&schema["properties"], &schema["additionalProperties"]);
        for (name, value) in value.as_object().into_iter().flatten() {
            let path = format!("{path}/{name}");
            match (known.get(name), others) {
                (Some(schema), _) | (None, schema @ Value::Object(_)) => self.value(schema, value, &path),
                (None, Value::Bool(false)) => self.say(&path, "is not documented"),
                (None, _) => {}
            }
        }
    }

    /// One of them fits, and only one.
    fn either(&mut self, schema: &Value, all: &[Value], value: &Value, path: &str) {
        if let Some(to) = self.discriminated(schema, all, value) {
            return self.value(&to, value, path);
        }
        let tried: Vec<Vec<String>> = all
            .iter()
            .map(|schema| {
                let mut check = Check { document: self.document, problems: Vec::new() };
                check.value(schema, value, path);
                check.problems
            })
            .collect();
        match tried.iter().filter(|problems| problems.is_empty()).count() {
            1 => {}
            0 => self.problems.extend(tried.into_iter().flatten()),
            several => self.say(path, format_args!("{several} schemas fit {value}")),
        }
    }

    /// The schema that the discriminator chooses, so that only its problems are told.
    fn discriminated(&self, schema: &Value, all: &[Value], value: &Value) -> Option<Value> {
        let name = schema
            .pointer("/discriminator/propertyName")
            .or_else(|| schema.get("discriminator"))?
            .as_str()?;
        let is_it = |schema: &&Value| {
            let to = schema["$ref"].as_str().and_then(|to| self.document.pointer(&to[1..]));
            to.is_some_and(|to| to["properties"][name]["const"] == value[name])
        };
        all.iter().find(is_it).cloned()
    }

    fn bound(&mut self, keyword: &str, wanted: &Value, value: &Value, path: &str) {
        let count = match value {
            Value::String(text) if keyword.ends_with("Length") => Some(text.chars().count() as f64),
            Value::Array(items) if keyword.ends_with("Items") => Some(items.len() as f64),
            Value::Number(number) if !keyword.ends_with("Length") && !keyword.ends_with("Items") => {
                number.as_f64()
            }
            _ => None,
        };
        let bound = wanted.as_f64();
        let fits = match keyword {
            "minimum" | "minLength" | "minItems" => count.is_none_or(|count| Some(count) >= bound),
            "maximum" | "maxLength" | "maxItems" => count.is_none_or(|count| Some(count) <= bound),
            "exclusiveMinimum" => count.is_none_or(|count| Some(count) > bound),
            "exclusiveMaximum" => count.is_none_or(|count| Some(count) < bound),
            "uniqueItems" => {
                let items = value.as_array().map_or(&[][..], Vec::as_slice);
                items.iter().enumerate().all(|(index, item)| !items[..index].contains(item))
            }
            _ => panic!("{path}: the keyword {keyword} is not understood by tests/it/schema.rs"),
        };
        if !fits {
            self.say(path, format_args!("{value} is not within {keyword} {wanted}"));
        }
    }
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        _ => panic!("there is no type {name}"),
    }
}

fn is_time(text: &str) -> bool {
    text.ends_with('Z') && text.contains('T') && Timestamp::read(text).is_ok()
}

#[test]
fn a_value_that_is_not_as_documented_is_found() {
    let schemas = Schemas {
        document: serde_json::json!({"components": {"schemas": {
        "A": {"type": "object", "additionalProperties": false, "required": ["at", "n"], "properties": {
            "at": {"type": "string", "format": "date-time"}, "n": {"type": ["integer", "null"], "minimum": 1},
            "kind": {"oneOf": [{"enum": ["x", "y"]}, {"type": "null"}]}, "list": {"type": "array", "items": {"$ref": "#/components/schemas/A"}}}}}}}),
    };
    let problems =
        |text: &str| schemas.problems(schemas.named("A"), &serde_json::from_str(text).unwrap()).join("\n");
    assert_eq!(problems(r#"{"at": "2026-01-02T03:04:05.000Z", "n": null, "kind": "y", "list": []}"#), "");
    assert_eq!(problems(r#"{"at": "yesterday", "n": 1}"#), "/at: \"yesterday\" is no time in UTC");
    assert_eq!(problems(r#"{"at": "2026-01-02T03:04:05Z", "n": 0}"#), "/n: 0 is not within minimum 1");
    assert_eq!(problems(r#"{"at": "2026-01-02T03:04:05Z"}"#), ": n is missing");
    let deep = r#"{"at": "2026-01-02T03:04:05Z", "n": 1, "list": [{"at": "2026-01-02T03:04:05Z", "n": "1", "more": 2}]}"#;
    assert_eq!(
        problems(deep),
        "/list/0/more: is not documented\n/list/0/n: \"1\" is not [\"integer\",\"null\"]"
            .split('\n')
            .rev()
            .collect::<Vec<_>>()
            .join("\n")
    );
    assert!(
        problems(r#"{"at": "2026-01-02T03:04:05Z", "n": 1, "kind": "z"}"#).contains("\"z\" is not one of")
    );
}
