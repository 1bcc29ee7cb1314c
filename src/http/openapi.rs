//! The API description (OpenAPI 3.1), generated from the route table. `schema/openapi.json` is its checked-in
//! copy.

use super::request;
use super::route::{Access, Answers, Example, Method, Param, ParamKind, Route, RunMode, Takes};
use super::routes::routes;
use super::schemas;
use crate::limits::SYMBOL_CHARS;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// The complete document.
pub fn document() -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in routes() {
        paths
            .entry(route.path)
            .or_default()
            .insert(route.method.as_str().to_ascii_lowercase(), operation(route));
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "tradingd",
            "version": env!("CARGO_PKG_VERSION"),
            "description": include_str!("openapi/about.md"),
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            "cookie": {"type": "apiKey", "in": "cookie", "name": "access_token"},
            "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
        }},
    });
    let enveloped =
        routes().filter_map(|route| route.answers.data()).map(|name| (answer_name(name), envelope(name)));
    let mut schemas: Map<String, Value> = enveloped.collect();
    schemas.extend(schemas::used_by(&document));
    schemas.extend(schemas::used_by(&Value::from(schemas.values().cloned().collect::<Vec<_>>())));
    schemas.sort_keys();
    document["components"]["schemas"] = schemas.into();
    document
}

/// Name of the schema of an answer that has this data in the envelope.
fn answer_name(data: &str) -> String {
    format!("{data}Answer")
}

/// An answer in the envelope.
fn envelope(data: &str) -> Value {
    json!({
        "type": "object",
        "description": "An answer; what was asked for is `data`.",
        "additionalProperties": false,
        "required": ["type", "data", "request_id", "timestamp"],
        "properties": {
            "type": {"const": "response", "description": "Always `response`."},
            "data": schemas::reference(data),
            "request_id": {"type": "string", "description": "Id of the request, as in the log."},
            "timestamp": {"type": "string", "format": "date-time", "description": "When it was answered."},
        },
    })
}

/// The document as served.
pub fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", document()));
    &TEXT
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "tags": [route.tag],
        "operationId": operation_id(route),
        "summary": route.about,
        "responses": responses(route),
        "security": security(route),
    });
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    if let Some(body) = request_body(route) {
        operation["requestBody"] = body;
    }
    if let Access::Role(role) = route.access {
        operation["x-role"] = json!(role.as_str());
    }
    if let RunMode::Once(_) = route.run {
        operation["x-idempotency-key"] = json!(true);
    }
    operation
}

/// For example `get_api_strategies_id`: the method and the words of the path.
fn operation_id(route: &Route) -> String {
    let words = route.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let method = route.method.as_str().to_ascii_lowercase();
    let id = std::iter::once(method.as_str()).chain(words).collect::<Vec<_>>().join("_");
    if route.path == "/" { format!("{id}_console") } else { id }
}

fn security(route: &Route) -> Value {
    match (route.access, route.needs_csrf()) {
        (Access::Public | Access::Entrance, _) => json!([]),
        (Access::Local, _) => json!([{}, {"bearer": []}]),
        (Access::Role(_), true) => json!([{"bearer": [], "csrf": []}, {"cookie": [], "csrf": []}]),
        (Access::Role(_), false) => json!([{"bearer": []}, {"cookie": []}]),
    }
}

fn parameters(route: &Route) -> Vec<Value> {
    let names = route.path.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name));
    let of_path = names.map(|name| {
        json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "minLength": 1, "maxLength": request::ID_CHARS}})
    });
    let of_query = route
        .query
        .iter()
        .map(|param| json!({"name": param.name, "in": "query", "required": false, "description": param.about, "schema": kind(param)}));
    let mut all: Vec<Value> = of_path.chain(of_query).collect();
    if let RunMode::Once(_) = route.run {
        let about = "The same key and body within 24 hours get the same answer.";
        all.push(json!({"name": "Idempotency-Key", "in": "header", "required": false, "description": about,
            "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"}}));
    }
    all
}

fn kind(param: &Param) -> Value {
    match param.kind {
        ParamKind::Integer(min, max) => json!({"type": "integer", "minimum": min, "maximum": max}),
        ParamKind::Text(most) => json!({"type": "string", "maxLength": most}),
        ParamKind::Word(words) => json!({"type": "string", "enum": words}),
        ParamKind::Flag => json!({"type": "boolean"}),
        ParamKind::Time => json!({"type": "string", "format": "date-time"}),
        ParamKind::Symbol => {
            json!({"type": "string", "pattern": "^\\S+$", "minLength": 1, "maxLength": SYMBOL_CHARS})
        }
    }
}

fn request_body(route: &Route) -> Option<Value> {
    let binary = json!({"schema": {"type": "string", "format": "binary"}});
    let (name, required) = match route.takes {
        Takes::Nothing | Takes::Socket => return None,
        Takes::Bytes => {
            return Some(json!({"required": true, "content": {"application/octet-stream": binary}}));
        }
        Takes::Json(name) | Takes::Upload(name) => (name, true),
        Takes::Optional(name) => (name, false),
    };
    let examples: Map<String, Value> = route.examples.iter().filter_map(body_example).collect();
    let mut content = json!({"application/json": {"schema": schemas::reference(name), "examples": examples}});
    if let Takes::Upload(_) = route.takes {
        content["application/octet-stream"] = binary;
    }
    Some(json!({"required": required, "content": content}))
}

fn body_example(example: &Example) -> Option<(String, Value)> {
    let body: Value = serde_json::from_str(example.body?).ok()?;
    Some((
        example.name.to_owned(),
        json!({"summary": format!("answered with {}", example.status), "value": body}),
    ))
}

/// All possible statuses with their error codes: those of the route and those of the pipeline.
pub fn statuses(route: &Route) -> BTreeMap<u16, BTreeSet<&'static str>> {
    let mut all: BTreeMap<u16, BTreeSet<&'static str>> = BTreeMap::new();
    for status in route.success {
        all.entry(*status).or_default();
    }
    let mut refused = |status: u16, code: &'static str| {
        all.entry(status).or_default().insert(code);
    };
    for (status, code) in route.refusals {
        refused(*status, code);
    }
    for (status, code) in [
        (400, "invalid_request"),
        (403, "host_not_allowed"),
        (403, "origin_not_allowed"),
        (413, "body_too_large"),
        (429, "rate_limited"),
        (429, "too_many_connections"),
        (500, "internal_error"),
        (500, "store_damaged"),
    ] {
        refused(status, code);
    }
    if route.needs_login() || route.access == Access::Local {
        refused(401, "authentication_required");
    }
    if route.needs_login() {
        refused(403, "permission_denied");
    }
    if route.mutates() {
        refused(408, "body_timeout");
        refused(415, "unsupported_media_type");
        refused(503, "store_unavailable");
    }
    if route.needs_csrf() {
        for code in ["csrf_missing", "csrf_invalid", "csrf_expired"] {
            refused(403, code);
        }
    }
    if let RunMode::Once(_) = route.run {
        refused(409, "idempotency_key_reused");
        refused(409, "idempotency_key_unfinished");
    }
    if route.method == Method::Get && !matches!(route.run, RunMode::Async(_)) {
        all.entry(304).or_default();
    }
    all
}

fn responses(route: &Route) -> Value {
    let all = statuses(route).into_iter().map(|(status, codes)| {
        let codes: Vec<&str> = codes.into_iter().collect();
        let answer = if route.success.contains(&status) && codes.is_empty() {
            success(route)
        } else if status == 304 {
            json!({"description": "The client's copy still holds."})
        } else {
            let error = json!({"application/json": {"schema": schemas::reference("Error")}});
            json!({"description": format!("Refused: {}.", codes.join(", ")), "content": error})
        };
        (status.to_string(), answer)
    });
    Value::Object(all.collect())
}

fn success(route: &Route) -> Value {
    let json = |name: &str| json!({"application/json": {"schema": schemas::reference(name)}});
    let text = json!({"schema": {"type": "string"}});
    let content = match route.answers {
        Answers::Unsaid => json!({}),
        Answers::Data(name) => json(&answer_name(name)),
        Answers::DataOrCsv(name) => {
            let mut either = json(&answer_name(name));
            either["text/csv"] = text;
            either
        }
        Answers::Flat(name) => json(name),
        Answers::Media(medias) => {
            let media = |media: &&str| {
                let is_text = media.starts_with("text/");
                let bytes = json!({"schema": {"type": "string", "format": "binary"}});
                ((*media).to_owned(), if is_text { text.clone() } else { bytes })
            };
            medias.iter().map(media).collect::<Map<_, _>>().into()
        }
        Answers::Socket => {
            return json!({"description": "The WebSocket is open: schema/asyncapi.json describes it."});
        }
    };
    json!({"description": "Done.", "content": content})
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the words of common languages mean otherwise: a generated client could not use them.
    const TAKEN: [&str; 16] = [
        "Response",
        "Request",
        "Object",
        "Map",
        "Set",
        "List",
        "Dict",
        "Array",
        "String",
        "Number",
        "Boolean",
        "Date",
        "Type",
        "Exception",
        "Record",
        "Promise",
    ];

    #[test]
    fn every_schema_that_is_named_exists() {
        let document = document();
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        for name in schemas::names(&document) {
            assert!(schemas.contains_key(name), "{name}");
        }
        for name in schemas.keys() {
            assert!(!TAKEN.contains(&name.as_str()), "{name} means something else in a client's language");
        }
        let mut ids = BTreeSet::new();
        for route in routes() {
            assert!(ids.insert(operation_id(route)), "{} is given twice", operation_id(route));
        }
    }

    #[test]
    fn every_route_says_what_it_answers() {
        for route in routes() {
            let (method, path) = (route.method.as_str(), route.path);
            assert_ne!(
                route.answers,
                Answers::Unsaid,
                "{method} {path} does not say what it answers: write `answers: Data(\"Name\")` in its entry and the \
                 schema `Name` of its data in a file of src/http/openapi"
            );
        }
    }

    /// Fields of which a generated client would know nothing but the name.
    fn untyped(place: &str, schema: &Value, found: &mut Vec<String>) {
        match schema {
            Value::Object(fields) => {
                for (name, field) in fields.get("properties").and_then(Value::as_object).into_iter().flatten()
                {
                    let says = |keyword: &str| field.get(keyword).is_some();
                    let is_object = field["type"].to_string().contains("\"object\"");
                    let is_typed = match is_object {
                        true => says("properties") || says("additionalProperties"),
                        false => ["type", "$ref", "oneOf", "anyOf", "const", "enum"].into_iter().any(says),
                    };
                    if !is_typed {
                        found.push(format!("{place}.{name}"));
                    }
                }
                fields.iter().for_each(|(name, value)| untyped(&format!("{place}.{name}"), value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| untyped(place, value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_field_says_of_what_it_is_made() {
        let mut found = Vec::new();
        untyped("", &document()["components"]["schemas"], &mut found);
        assert_eq!(found, [""; 0]);
        for route in routes() {
            let answer = success(route)["content"]["application/json"]["schema"].take();
            let is_named = answer.is_null() || answer.get("$ref").is_some();
            assert!(is_named, "{} answers a bare value", route.path);
        }
    }

    /// Ours are closed: a field that is not documented is a fault of the documentation.
    #[test]
    fn every_field_of_an_answer_is_described() {
        for (name, schema) in document()["components"]["schemas"].as_object().expect("schemas") {
            assert!(
                schema["description"].is_string()
                    || name.starts_with("Config")
                    || name.starts_with("Session"),
                "{name}"
            );
            for (field, about) in schema["properties"].as_object().into_iter().flatten() {
                let said = about["description"].is_string()
                    || about.get("$ref").is_some()
                    || name.starts_with("Config");
                assert!(said, "{name}.{field} has no description");
            }
        }
    }
}
