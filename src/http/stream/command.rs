//! Client messages: `auth`, `subscribe`, `unsubscribe` and `ping` (or its synonym `heartbeat`). Reports all
//! problems of a message at once and ignores its `timestamp`.

use super::protocol::{self, Narrows, REQUESTS, STREAMS};
use crate::domain::symbol_name;
use crate::json::{self, Bounds, at};
use crate::limits::{STREAM_IN_BYTES, STREAM_JSON_DEPTH, STREAM_PROBLEMS, STREAM_SYMBOLS};
use crate::service::hub::Filter;
use crate::service::{Refusal, problems_text};
use serde_json::{Map, Value};

/// Maximum length of a message id and of a session id.
const ID_BYTES: usize = 64;

/// Maximum length of a token.
const TOKEN_BYTES: usize = 4_096;

/// A parsed message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Command {
    /// Returned with the answer.
    pub id: Option<String>,
    /// The action, or all problems: path and text.
    pub action: Result<Action, Vec<(String, String)>>,
}

/// What the client asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Action {
    /// Log in, or renew the login.
    Auth {
        /// Access token.
        token: String,
    },
    /// Subscribe to a stream.
    Subscribe(Subscribe),
    /// End a subscription.
    Unsubscribe(StreamKey),
    /// Ask for a pong.
    Ping,
}

/// A stream, optionally restricted to one session. A client has at most one subscription per `StreamKey`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamKey {
    /// `sessions`, `session`, `market_data`, `indicators`, `signals`, `orders`, `positions` or `health`.
    pub stream: &'static str,
    /// Only this session.
    pub session_id: Option<String>,
}

/// A subscription request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscribe {
    /// The stream.
    pub key: StreamKey,
    /// Only these symbols; empty for all.
    pub symbols: Vec<String>,
    /// Sequence number of the last update the client has received.
    pub resume_from: Option<u64>,
    /// Position of the event log up to which it has them all.
    pub resume_after: Option<u64>,
}

impl Subscribe {
    /// The hub topic.
    pub(super) fn topic(&self) -> String {
        match (&self.key.session_id, self.key.stream) {
            (Some(session), "session") => format!("session/{session}"),
            (_, stream) => stream.to_owned(),
        }
    }

    /// Whether an event of the log is one of its updates.
    pub fn wants(&self, session_id: &str, event: &Value) -> bool {
        let stream = protocol::stream(self.key.stream);
        let is_its = |name: &str| stream.is_some_and(|stream| stream.tells(session_id, name));
        let symbol = event["symbol"].as_str();
        self.key.session_id.as_deref().is_none_or(|wanted| wanted == session_id)
            && event["event"].as_str().is_some_and(is_its)
            && (self.symbols.is_empty()
                || symbol.is_none_or(|symbol| self.symbols.iter().any(|wanted| wanted == symbol)))
    }

    /// The filter within the topic.
    pub(super) fn filter(&self) -> Filter {
        let session_id = self.key.session_id.as_deref().filter(|_| self.key.stream != "session");
        Filter {
            session_id: session_id.map(Box::from),
            symbols: self.symbols.iter().map(|symbol| symbol.as_str().into()).collect(),
        }
    }
}

/// Parses a message.
pub(super) fn read(text: &str) -> Command {
    let mut problems = Problems::default();
    let value = json::read(
        text.as_bytes(),
        Bounds { bytes: STREAM_IN_BYTES, depth: STREAM_JSON_DEPTH },
        &mut |path, problem| {
            problems.add(path, problem);
        },
    );
    let Some(value) = value else { return Command { id: None, action: Err(problems.0) } };
    let Value::Object(fields) = value else {
        problems.add("", "must be an object like {\"type\":\"ping\",\"id\":\"1\"}".to_owned());
        return Command { id: None, action: Err(problems.0) };
    };
    let id = problems.text(&fields, "", "id", ID_BYTES);
    let action = action(&fields, &mut problems);
    let action = match action {
        Some(action) if problems.0.is_empty() => Ok(action),
        _ => Err(problems.0),
    };
    Command { id, action }
}

/// The refusal of a message with problems.
pub(super) fn unusable(problems: Vec<(String, String)>) -> Refusal {
    Refusal::invalid(
        "invalid_request",
        format!("the message cannot be used: {}", problems_text(&problems)),
        problems,
    )
}

fn action(fields: &Map<String, Value>, problems: &mut Problems) -> Option<Action> {
    let kinds: Vec<&str> = REQUESTS.iter().flat_map(|request| request.kinds).copied().collect();
    let Some(kind) = problems.word(fields, "type", &kinds) else {
        // Without a type the allowed fields are unknown.
        return None;
    };
    let request = REQUESTS.iter().find(|request| request.kinds.contains(&kind))?;
    problems.unknown(fields, "", request.fields);
    match kind {
        "auth" => Some(Action::Auth { token: problems.required_text(fields, "", "token", TOKEN_BYTES)? }),
        "subscribe" => subscribe(fields, problems).map(Action::Subscribe),
        "unsubscribe" => subscribe(fields, problems).map(|subscribe| Action::Unsubscribe(subscribe.key)),
        _ => Some(Action::Ping),
    }
}

fn subscribe(fields: &Map<String, Value>, problems: &mut Problems) -> Option<Subscribe> {
    let none = Map::new();
    let stream = problems.word(fields, "stream", &STREAMS.each_ref().map(|stream| stream.name));
    let params = match fields.get("params") {
        None => &none,
        Some(Value::Object(params)) => params,
        Some(_) => {
            problems.add("/params", "must be an object".to_owned());
            return None;
        }
    };
    let stream = stream?;
    let narrows = protocol::stream(stream)?.narrows;
    let known: &[&str] = match narrows {
        Narrows::Nothing => &["resume_from", "resume_after"],
        _ => &["session_id", "symbols", "resume_from", "resume_after"],
    };
    problems.unknown(params, "/params", known);
    let session_id = match narrows {
        Narrows::Nothing => None,
        Narrows::MustNameSession => problems.required_text(params, "/params", "session_id", ID_BYTES),
        Narrows::SessionAndSymbols => problems.text(params, "/params", "session_id", ID_BYTES),
    };
    let symbols = problems.symbols(params);
    let resume_from =
        problems.number(params, "resume_from", "must be the `cursor` or `seq` of the last update received");
    let resume_after = problems.number(params, "resume_after", "must be the last `position` received");
    Some(Subscribe { key: StreamKey { stream, session_id }, symbols, resume_from, resume_after })
}

/// Problems of a message, at most [`STREAM_PROBLEMS`].
#[derive(Default)]
struct Problems(Vec<(String, String)>);

impl Problems {
    fn add(&mut self, path: &str, problem: String) {
        if self.0.len() < STREAM_PROBLEMS {
            self.0.push((path.to_owned(), problem));
        }
    }

    fn unknown(&mut self, fields: &Map<String, Value>, path: &str, known: &[&str]) {
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())).take(STREAM_PROBLEMS) {
            let hint = match json::nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("there are {}", known.join(", ")),
            };
            let name: String = name.chars().take(ID_BYTES).collect();
            self.add(&at(path, name), format!("there is no such field; {hint}"));
        }
    }

    fn word<'w>(&mut self, fields: &Map<String, Value>, name: &str, words: &[&'w str]) -> Option<&'w str> {
        let given = fields.get(name).and_then(Value::as_str);
        let word = words.iter().find(|word| given == Some(**word)).copied();
        if word.is_none() {
            let near = given.and_then(|given| json::nearest(given, words.iter().copied()));
            let near = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
            self.add(&at("", name), format!("must be one of {}{near}", words.join(", ")));
        }
        word
    }

    fn required_text(
        &mut self,
        fields: &Map<String, Value>,
        path: &str,
        name: &str,
        bytes_max: usize,
    ) -> Option<String> {
        if fields.get(name).is_none() {
            self.add(&at(path, name), "is required".to_owned());
        }
        self.text(fields, path, name, bytes_max)
    }

    fn text(
        &mut self,
        fields: &Map<String, Value>,
        path: &str,
        name: &str,
        bytes_max: usize,
    ) -> Option<String> {
        let value = fields.get(name)?;
        let text = value.as_str().filter(|text| {
            (1..=bytes_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        });
        if text.is_none() {
            self.add(
                &at(path, name),
                format!("must be a string of 1 to {bytes_max} visible ASCII characters"),
            );
        }
        text.map(str::to_owned)
    }

    fn number(&mut self, params: &Map<String, Value>, name: &str, problem: &str) -> Option<u64> {
        let value = params.get(name)?;
        let number = value.as_u64();
        if number.is_none() {
            self.add(&at("/params", name), problem.to_owned());
        }
        number
    }

    fn symbols(&mut self, params: &Map<String, Value>) -> Vec<String> {
        let mut symbols: Vec<String> = Vec::new();
        let list = match params.get("symbols") {
            None => return symbols,
            Some(Value::Array(list)) if (1..=STREAM_SYMBOLS).contains(&list.len()) => list,
            Some(_) => {
                self.add("/params/symbols", format!("must be a list of 1 to {STREAM_SYMBOLS} symbols"));
                return symbols;
            }
        };
        for (index, value) in list.iter().enumerate() {
            match value.as_str().filter(|name| symbol_name::problem(name).is_none()) {
                Some(name) if symbols.iter().any(|known| known == name) => {}
                Some(name) => symbols.push(name.to_owned()),
                None => self.add(&at("/params/symbols", index), "must be a symbol like BTC_USDT".to_owned()),
            }
        }
        symbols
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> String {
        let problems = read(text).action.unwrap_err();
        problems.iter().map(|(path, problem)| format!("{path}: {problem}")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn says_what_to_do() {
        let text = r#"{"type":"subscribe","stream":"orders","params":{"session_id":"exec_1","symbols":["A_USDT","B_USDT","A_USDT"],"resume_from":7,"resume_after":9},"id":"1"}"#;
        let command = read(text);
        let Ok(Action::Subscribe(subscribe)) = command.action else { panic!("{command:?}") };
        assert_eq!((command.id.as_deref(), subscribe.resume_from), (Some("1"), Some(7)));
        assert_eq!(subscribe.resume_after, Some(9));
        assert_eq!(subscribe.symbols, ["A_USDT", "B_USDT"]);
        assert_eq!(
            (subscribe.topic().as_str(), subscribe.filter().session_id.as_deref()),
            ("orders", Some("exec_1"))
        );
        let session = read(r#"{"type":"subscribe","stream":"session","params":{"session_id":"exec_1"}}"#);
        let Ok(Action::Subscribe(session)) = session.action else { panic!("{session:?}") };
        assert_eq!((session.topic().as_str(), session.filter().is_open()), ("session/exec_1", true));
        let sessions = StreamKey { stream: "sessions", session_id: None };
        assert_eq!(
            read(r#"{"type":"unsubscribe","stream":"sessions"}"#).action,
            Ok(Action::Unsubscribe(sessions))
        );
        for text in [
            r#"{"type":"ping"}"#,
            r#"{"type":"heartbeat","timestamp":1732276800}"#,
            r#"{"type":"ping","timestamp":"now"}"#,
        ] {
            assert_eq!(read(text).action, Ok(Action::Ping), "{text}");
        }
        assert_eq!(
            read(r#"{"type":"auth","token":"a.b.c"}"#).action,
            Ok(Action::Auth { token: "a.b.c".to_owned() })
        );
    }

    #[test]
    fn says_everything_that_is_wrong() {
        let text = r#"{"type":"subscribe","stream":"order","parms":{},"id":5,"params":{"sesion_id":"x"}}"#;
        let said = problems(text);
        for part in [
            "/id: must be a string",
            "/parms: there is no such field; did you mean \"params\"?",
            "/stream: must be one of",
        ] {
            assert!(said.contains(part), "{part:?} not in {said}");
        }
        let text = r#"{"type":"subscribe","stream":"orders","params":{"sesion_id":"x","session_id":"a b","symbols":["b c",1],"resume_from":-1,"resume_after":""}}"#;
        let said = problems(text);
        assert_eq!(said.lines().count(), 6, "{said}");
        for (text, said) in [
            ("", "the document is empty"),
            ("[1]", "must be an object"),
            ("{\"type\":\"ping\"", "not JSON: EOF"),
            ("{\"type\":\"ping\",\"type\":\"ping\"}", "/type: this field is given twice"),
            ("{}", "/type: must be one of auth, subscribe, unsubscribe, ping, heartbeat"),
            ("{\"type\":\"pong\"}", "did you mean \"ping\"?"),
            ("{\"type\":\"auth\"}", "/token: is required"),
            ("{\"type\":\"auth\",\"token\":\"\"}", "/token: must be a string"),
            ("{\"type\":\"subscribe\"}", "/stream: must be one of sessions"),
            ("{\"type\":\"subscribe\",\"stream\":\"session\"}", "/params/session_id: is required"),
            (
                "{\"type\":\"subscribe\",\"stream\":\"health\",\"params\":{\"symbols\":[\"A\"]}}",
                "/params/symbols: there is no such field",
            ),
            ("{\"type\":\"subscribe\",\"stream\":\"orders\",\"params\":[]}", "/params: must be an object"),
            (
                "{\"type\":\"subscribe\",\"stream\":\"orders\",\"params\":{\"symbols\":[]}}",
                "/params/symbols: must be a list of 1 to",
            ),
        ] {
            assert!(problems(text).contains(said), "{said:?} not in {:?}", problems(text));
        }
        let deep = format!("{{\"type\":\"ping\",\"id\":{}", "[".repeat(60_000));
        assert!(problems(&deep).contains("nested deeper"));
        let many: Vec<String> = (0..5_000).map(|n| format!("\"k{n}\":1")).collect();
        assert_eq!(
            read(&format!("{{\"type\":\"ping\",{}}}", many.join(","))).action.unwrap_err().len(),
            STREAM_PROBLEMS
        );
    }
}
