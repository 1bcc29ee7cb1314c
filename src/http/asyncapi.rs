//! The description of the WebSocket (AsyncAPI 3.0), generated from the table of its protocol.
//! `schema/asyncapi.json` is its checked-in copy.

use super::schemas;
use super::stream::{REQUESTS, Request, STREAMS, StreamEntry};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// Reference to the one channel.
const CHANNEL: &str = "#/channels/socket";
/// The message that refuses a request.
const REFUSED: &str = "refused";

/// The complete document.
pub fn document() -> Value {
    let messages: Map<String, Value> = messages().collect();
    let of_channel: Map<String, Value> = messages
        .keys()
        .map(|name| (name.clone(), json!({"$ref": format!("#/components/messages/{name}")})))
        .collect();
    let mut schemas = schemas::used_by(&Value::Object(messages.clone()));
    schemas.insert("SocketStream".to_owned(), stream_names());
    schemas.sort_keys();
    schemas.values_mut().for_each(name_the_discriminator);
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "tradingd",
            "version": env!("CARGO_PKG_VERSION"),
            "description": include_str!("openapi/about_socket.md"),
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {"socket": {
            "address": "/ws",
            "title": "WebSocket",
            "messages": of_channel,
            "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
        }},
        "operations": operations(),
        "components": {"messages": messages, "schemas": schemas},
    })
}

/// AsyncAPI names the property only; OpenAPI has an object for it.
fn name_the_discriminator(schema: &mut Value) {
    if let Some(name) = schema.pointer("/discriminator/propertyName").cloned() {
        schema["discriminator"] = name;
    }
}

/// The document as served.
pub fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", document()));
    &TEXT
}

fn messages() -> impl Iterator<Item = (String, Value)> {
    let requests = REQUESTS.iter().flat_map(|request| {
        let answer = json!({
            "type": "object",
            "description": "The answer.",
            "additionalProperties": false,
            "required": ["type", "id", "data"],
            "properties": {
                "type": {"const": "response", "description": "Always `response`."},
                "id": {"type": ["string", "null"], "description": "`id` of the request; null when it had none."},
                "data": schemas::reference(request.answer),
            },
        });
        [
            message(asked(request), request.about, schemas::reference(request.schema)),
            message(answered(request), "The answer.", answer),
        ]
    });
    let streams = STREAMS.iter().flat_map(|stream| {
        let snapshot = message(
            format!("{}_snapshot", stream.name),
            stream.about,
            of_stream(stream, "snapshot", schemas::reference(stream.snapshot)),
        );
        let either = |names: &[&str]| match names {
            [name] => schemas::reference(name),
            names => json!({"oneOf": names.iter().map(|name| schemas::reference(name)).collect::<Vec<_>>(),
                "discriminator": "event"}),
        };
        let updates = (!stream.updates.is_empty()).then(|| {
            let payload = of_stream(stream, "update", either(stream.updates));
            message(format!("{}_update", stream.name), stream.about, payload)
        });
        [Some(snapshot), updates].into_iter().flatten()
    });
    let refused =
        message(REFUSED.to_owned(), "A request that was refused.", schemas::reference("SocketError"));
    requests.chain([refused]).chain(streams)
}

fn message(name: String, about: &str, payload: Value) -> (String, Value) {
    let message = json!({"name": name, "summary": about, "payload": payload});
    (name, message)
}

fn asked(request: &Request) -> String {
    request.kinds[0].to_owned()
}

fn answered(request: &Request) -> String {
    format!("{}_answer", request.kinds[0])
}

/// A snapshot or an update of a stream.
fn of_stream(stream: &StreamEntry, kind: &str, data: Value) -> Value {
    let mut required = vec!["type", "stream", "seq", "data"];
    if stream.must_name_session() {
        required.push("session_id");
    }
    let mut properties = json!({
        "type": {"const": kind, "description": format!("Always `{kind}`.")},
        "stream": {"const": stream.name, "description": "The stream."},
        "seq": {
            "type": "integer", "minimum": 0,
            "description": "Number in this subscription: that of the snapshot, then one more with each update.",
        },
        "data": data,
    });
    if stream.may_name_session() {
        properties["session_id"] = json!({"type": "string", "description": "The session of the subscription; absent when it named none."});
    }
    if stream.is_logged() {
        properties["position"] = json!({"type": "integer", "minimum": 0,
            "description": "Every event of the stream up to this position of the event log was sent, or is part of the snapshot: `resume_after` of a later subscription. Not in every update."});
    }
    if kind == "update" {
        properties["cursor"] = json!({"type": "integer", "minimum": 0,
            "description": "Number to resume from; absent when it is `seq`, 0 while what was missed is sent from the event log."});
    }
    json!({
        "type": "object",
        "description": stream.about,
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

fn operations() -> Value {
    let on_channel = |name: &str| json!({"$ref": format!("{CHANNEL}/messages/{name}")});
    let mut all = Map::new();
    for request in &REQUESTS {
        let operation = json!({
            "action": "receive",
            "channel": {"$ref": CHANNEL},
            "summary": request.about,
            "messages": [on_channel(&asked(request))],
            "reply": {
                "channel": {"$ref": CHANNEL},
                "messages": [on_channel(&answered(request)), on_channel(REFUSED)],
            },
        });
        all.insert(asked(request), operation);
    }
    for stream in &STREAMS {
        let kinds: &[&str] = if stream.updates.is_empty() { &["snapshot"] } else { &["snapshot", "update"] };
        let names = kinds.iter().map(|kind| on_channel(&format!("{}_{kind}", stream.name)));
        let operation = json!({
            "action": "send",
            "channel": {"$ref": CHANNEL},
            "summary": stream.about,
            "messages": names.collect::<Vec<_>>(),
        });
        all.insert(format!("send_{}", stream.name), operation);
    }
    all.into()
}

fn stream_names() -> Value {
    let names: Vec<&str> = STREAMS.iter().map(|stream| stream.name).collect();
    json!({"type": "string", "enum": names, "description": "A stream."})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        for name in schemas::names(&document) {
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
        for operation in document["operations"].as_object().expect("operations").values() {
            let reply = operation["reply"]["messages"].as_array().into_iter().flatten();
            for message in operation["messages"].as_array().expect("messages").iter().chain(reply) {
                let reference = message["$ref"].as_str().expect("a reference");
                assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
            }
        }
    }

    /// A field that clients may send is in the schema, and nothing else is.
    #[test]
    fn requests_are_read_as_they_are_described() {
        for request in &REQUESTS {
            let schema = &document()["components"]["schemas"][request.schema];
            let described = schema["properties"].as_object().expect("properties").keys();
            assert_eq!(described.collect::<Vec<_>>(), request.fields, "{}", request.schema);
        }
    }
}
