//! A request as a handler sees it: validated, decoded and bounded in size.

use super::addresses::Counted;
use super::error::Failure;
use super::input::{Method, Param, ParamKind};
use super::key_locks::Turn;
use crate::domain::symbol_name;
use crate::domain::time::Timestamp;
use crate::json;
use crate::limits::REFUSAL_PROBLEMS;
use crate::service::{Caller, Refusal, problems_text};
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use hyper::header::{COOKIE, HeaderMap};
use serde_json::Value;
use std::net::IpAddr;
use std::sync::Arc;

/// A request that has passed every check of the pipeline.
pub struct Call {
    /// Its method.
    pub method: Method,
    /// The path of its route, with `{…}` for parameters.
    pub path: &'static str,
    /// Id of the request, as in its response and in the log.
    pub request_id: String,
    /// When it arrived.
    pub now: Timestamp,
    /// Address of the client.
    pub client: IpAddr,
    /// The counted connection of its client, when a proxy forwards it.
    pub counted: Option<Arc<Counted>>,
    /// The logged-in user.
    pub caller: Option<Arc<Caller>>,
    /// Values of the path's `{…}` parameters, decoded.
    pub ids: Vec<String>,
    /// Query parameters.
    pub query: Query,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Body,
}

/// A request body.
pub enum Body {
    /// None.
    Nothing,
    /// JSON: the text and the parsed value.
    Json(Bytes, Value),
    /// Like [`Body::Json`], for a large body; holds the turn that reserves its memory.
    LargeJson(Bytes, Value, Turn<Arc<str>>),
    /// A body that the handler reads itself.
    Upload(Incoming),
    /// The request head, needed to upgrade the connection to a WebSocket.
    Socket(Box<Request<()>>),
}

/// Query parameters, each known to the route and valid for its kind.
#[derive(Default, Debug)]
pub struct Query(Vec<(&'static str, String)>);

impl Query {
    /// The value of a parameter.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// All parameters as given, one a line; empty without any.
    pub fn canonical(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    /// An integer.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.text(name).and_then(|text| text.parse().ok())
    }

    /// A non-negative integer.
    pub fn count(&self, name: &str) -> Option<usize> {
        self.integer(name).and_then(|count| usize::try_from(count).ok())
    }

    /// A boolean.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.text(name).map(|text| text == "true")
    }

    /// A time.
    pub fn time(&self, name: &str) -> Option<Timestamp> {
        self.text(name).and_then(Timestamp::parse)
    }

    /// Parses and validates a query.
    ///
    /// # Errors
    /// 400 with every problem: unknown or repeated names, invalid values.
    pub fn read(text: Option<&str>, params: &'static [Param]) -> Result<Query, Failure> {
        let mut found: Vec<(&'static str, String)> = Vec::new();
        let mut problems: Vec<(String, String)> = Vec::new();
        for pair in text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).take(REFUSAL_PROBLEMS)
        {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decoded(name, true), decoded(value, true)) else {
                problems.push(("/query".to_owned(), format!("{pair:?} is not percent-encoded UTF-8")));
                continue;
            };
            let path = json::at("/query", &name);
            match params.iter().find(|param| param.name == name) {
                None => problems.push((path, unknown(&name, params.iter().map(|param| param.name)))),
                Some(param) if found.iter().any(|(known, _)| *known == param.name) => {
                    problems.push((path, "this parameter is given twice; send it once".to_owned()));
                }
                Some(param) => match validate(param.kind, &value) {
                    Ok(()) => found.push((param.name, value)),
                    Err(problem) => problems.push((path, problem)),
                },
            }
        }
        match problems.is_empty() {
            true => Ok(Query(found)),
            false => Err(invalid("the query cannot be used", problems)),
        }
    }
}

/// 400 with all problems in its details and as many as fit in its message.
pub fn invalid(what: &str, problems: Vec<(String, String)>) -> Failure {
    Failure::Refused(Refusal::invalid(
        "invalid_request",
        format!("{what}: {}", problems_text(&problems)),
        problems,
    ))
}

/// The message for an unknown parameter name.
fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match json::nearest(name, known.clone()) {
        Some(near) => format!("there is no such parameter; did you mean \"{near}\"?"),
        None => {
            let all: Vec<&str> = known.collect();
            if all.is_empty() {
                "this path takes no parameters".to_owned()
            } else {
                format!("there is no such parameter; there are {}", all.join(", "))
            }
        }
    }
}

fn validate(kind: ParamKind, value: &str) -> Result<(), String> {
    let (valid, wanted) = match kind {
        ParamKind::Integer(min, max) => {
            let inside = value.parse::<i64>().is_ok_and(|number| (min..=max).contains(&number));
            (inside && !value.starts_with('+'), format!("a whole number from {min} to {max}"))
        }
        ParamKind::Text(most) => (
            value.chars().count() <= most && !value.chars().any(char::is_control),
            format!("text of at most {most} characters"),
        ),
        ParamKind::Word(words) => (words.contains(&value), format!("one of {}", words.join(", "))),
        ParamKind::Flag => (value == "true" || value == "false", "true or false".to_owned()),
        ParamKind::Time => return Timestamp::read(value).map(drop).map_err(|error| error.to_string()),
        ParamKind::Symbol => {
            return symbol_name::problem(value)
                .map_or(Ok(()), |problem| Err(format!("{problem}, so it is not a symbol")));
        }
    };
    if valid { Ok(()) } else { Err(format!("must be {wanted}")) }
}

/// Percent-decodes once; `None` for invalid encoding or UTF-8. With `plus`, `+` decodes to a space.
pub fn decoded(text: &str, plus: bool) -> Option<String> {
    let hex = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(*rest.next()?)? << 4 | hex(*rest.next()?)?,
            b'+' if plus => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

impl Call {
    /// The logged-in user; routes that need a login always have one.
    ///
    /// # Errors
    /// 401 if nobody is logged in, possible only on public routes.
    pub fn caller(&self) -> Result<&Arc<Caller>, Failure> {
        self.caller.as_ref().ok_or_else(|| Failure::Refused(crate::service::users::unauthenticated()))
    }

    /// The n-th `{…}` parameter of the path.
    pub fn id(&self, n: usize) -> &str {
        self.ids.get(n).map_or("", |it| it.as_str())
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The JSON body; null if there is none.
    pub fn json(&self) -> &Value {
        match &self.body {
            Body::Json(_, value) | Body::LargeJson(_, value, _) => value,
            _ => &Value::Null,
        }
    }

    /// The text of the JSON body.
    pub fn text(&self) -> &[u8] {
        match &self.body {
            Body::Json(text, _) | Body::LargeJson(text, ..) => text,
            _ => b"",
        }
    }
}

/// The value of a cookie.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| {
            let (known, value) = pair.trim().split_once('=')?;
            (known == name).then_some(value)
        })
}

/// Characters of a path parameter; a longer one is refused.
pub const ID_CHARS: usize = 128;

/// Decodes the path's `{…}` parameters.
///
/// # Errors
/// 400 for invalid encoding, control characters, slashes or too many characters.
pub fn ids<'p>(params: impl Iterator<Item = (&'p str, &'p str)>) -> Result<Vec<String>, Failure> {
    params
        .map(|(name, raw)| {
            let id = decoded(raw, false).filter(|id| {
                id.chars().count() <= ID_CHARS && !id.chars().any(|c| c.is_control() || c == '/' || c == '\\')
            });
            id.ok_or_else(|| {
                let problem = format!(
                    "must be percent-encoded UTF-8 of at most {ID_CHARS} characters, without slashes and control characters"
                );
                invalid("the path cannot be used", vec![(json::at("/path", name), problem)])
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_once() {
        assert_eq!(decoded("a%2Fb%25+", false).as_deref(), Some("a/b%+"));
        assert_eq!(decoded("a+b", true).as_deref(), Some("a b"));
        for bad in ["%", "%4", "%zz", "%ff", "%C0%AF"] {
            assert_eq!(decoded(bad, false), None, "{bad}");
        }
    }

    #[test]
    fn ids_cannot_walk() {
        for bad in ["..%2Fetc", "a%00b", "%0a", "a%5Cb", "%ff", &"x".repeat(129)] {
            assert!(ids([("id", bad)].into_iter()).is_err(), "{bad}");
        }
        assert_eq!(ids([("id", "Pump%20Detection%20v2")].into_iter()).unwrap(), ["Pump Detection v2"]);
    }

    #[test]
    fn a_query_is_judged_by_its_table() {
        const PARAMS: &[Param] = &[
            Param { name: "limit", kind: ParamKind::Integer(1, 200), about: "" },
            Param { name: "symbol", kind: ParamKind::Symbol, about: "" },
            Param { name: "enabled", kind: ParamKind::Flag, about: "" },
        ];
        let query = Query::read(Some("limit=50&symbol=BTC_USDT&enabled=true"), PARAMS).unwrap();
        assert_eq!(
            (query.count("limit"), query.text("symbol"), query.flag("enabled")),
            (Some(50), Some("BTC_USDT"), Some(true))
        );
        assert_eq!(Query::read(None, PARAMS).unwrap().count("limit"), None);
        for bad in [
            "limit=0",
            "limit=201",
            "limit=+5",
            "limit=5.0",
            "limit=",
            "limit",
            "limit=1&limit=1",
            "limits=1",
            "symbol=b%20c",
            "symbol=b%E2%80%AEc",
            "enabled=1",
            "x=%zz",
        ] {
            assert!(Query::read(Some(bad), PARAMS).is_err(), "{bad}");
        }
    }
}
