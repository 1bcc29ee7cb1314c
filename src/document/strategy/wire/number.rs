//! Numbers with one canonical notation, and the named indicators.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;

/// A finite number; 4 and 4.0 are equal and written as `4`.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Number(pub f64);

/// A whole number.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Whole(pub f64);

impl Whole {
    /// As an integer; the schema has bounded it.
    pub fn u32(self) -> u32 {
        self.0 as u32
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        plain(self.0).serialize(serializer)
    }
}

impl Serialize for Whole {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        plain(self.0).serialize(serializer)
    }
}

/// The shortest JSON number for a value.
fn plain(value: f64) -> Value {
    const EXACT: f64 = (1_u64 << 53) as f64;
    if value.fract() == 0.0 && value.abs() <= EXACT { Value::from(value as i64) } else { Value::from(value) }
}

/// Writes every number of a tree in its shortest form.
fn with_plain_numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or_else(|| value.clone(), plain),
        Value::Array(values) => values.iter().map(with_plain_numbers).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), with_plain_numbers(value))).collect()
        }
        other => other.clone(),
    }
}

impl JsonSchema for Number {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number"})
    }
}

impl JsonSchema for Whole {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Whole".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer"})
    }
}

/// An indicator: type and parameters.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Indicator {
    /// Type name.
    pub kind: Option<String>,
    /// Parameters, with every number in its shortest form: `-0` and `0.0` are `0`.
    pub params: Map<String, Value>,
}

/// Indicators by name, in document order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Indicators(pub Vec<(String, Indicator)>);

impl<'de> Deserialize<'de> for Indicator {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut params = Map::deserialize(deserializer)?;
        let kind = params.shift_remove("type").and_then(|kind| kind.as_str().map(str::to_owned));
        Ok(Indicator {
            kind,
            params: params.iter().map(|(name, value)| (name.clone(), with_plain_numbers(value))).collect(),
        })
    }
}

impl Serialize for Indicator {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(kind) = &self.kind {
            map.serialize_entry("type", kind)?;
        }
        for (name, value) in &self.params {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl JsonSchema for Indicator {
    fn schema_name() -> Cow<'static, str> {
        "Indicator".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An indicator: its type and the parameters that differ from the type's defaults. The catalogue lists types, parameters and bounds.",
            "type": "object",
            "properties": {
                "type": {"description": "Type name, e.g. PUMP_MAGNITUDE_PCT; case does not count.", "type": "string", "minLength": 1, "maxLength": 64}
            },
            "required": ["type"],
            "additionalProperties": {
                "description": "A parameter of the type.",
                "type": ["number", "boolean", "string", "array", "object"]
            }
        })
    }
}

impl<'de> Deserialize<'de> for Indicators {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Indicators;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of named indicators")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Indicators, A::Error> {
                let mut named = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    named.push(entry);
                }
                Ok(Indicators(named))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl Serialize for Indicators {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, indicator)| (name, indicator)))
    }
}

impl JsonSchema for Indicators {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Indicators".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": crate::limits::DOCUMENT_INDICATORS,
            "additionalProperties": generator.subschema_for::<Indicator>()
        })
    }
}
