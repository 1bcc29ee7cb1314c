//! Requests to MEXC as data: method, path, query and body. Pure functions; nothing is sent here.

pub mod account;
pub mod market;
pub mod order;

pub use super::budget::CallGroup;
use std::fmt::{Display, Write as _};

/// One request. The query is sorted by name and encoded, exactly as signed; a body is signed byte for byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// GET or POST.
    pub method: Method,
    /// Path, without host.
    pub path: String,
    /// `a=1&b=2`; empty without parameters.
    pub query: String,
    /// JSON of a POST; a GET has none.
    pub body: Option<String>,
    /// Budget it counts against. Everything except market data is signed.
    pub group: CallGroup,
}

/// HTTP methods that MEXC's contract calls use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// A read.
    Get,
    /// A write, or a read with a body.
    Post,
}

impl Request {
    /// Path with query.
    pub fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// Whether it concerns an account and needs keys.
    pub fn is_signed(&self) -> bool {
        !matches!(self.group, CallGroup::Market | CallGroup::Depth)
    }

    /// The signed part besides key and time.
    pub fn parameters(&self) -> &str {
        self.body.as_deref().unwrap_or(&self.query)
    }

    /// Name for errors and logs: method and path.
    pub fn name(&self) -> String {
        let method = match self.method {
            Method::Get => "GET",
            Method::Post => "POST",
        };
        format!("{method} {}", self.path)
    }

    pub(super) fn market(path: String, query: &[(&str, Option<String>)]) -> Request {
        Request { method: Method::Get, path, query: encoded(query), body: None, group: CallGroup::Market }
    }

    /// Books and tickers, which the exchange limits more tightly.
    pub(super) fn depth(path: String, query: &[(&str, Option<String>)]) -> Request {
        Request { group: CallGroup::Depth, ..Request::market(path, query) }
    }

    pub(super) fn account(path: &str, query: &[(&str, Option<String>)]) -> Request {
        Request {
            method: Method::Get,
            path: format!("/api/v1/private{path}"),
            query: encoded(query),
            body: None,
            group: CallGroup::Account,
        }
    }

    pub(super) fn write(path: &str, body: String, group: CallGroup) -> Request {
        Request {
            method: Method::Post,
            path: format!("/api/v1/private{path}"),
            query: String::new(),
            body: Some(body),
            group,
        }
    }
}

/// Builder of a JSON object; fields keep the order in which they are added.
struct Body(String);

impl Body {
    fn new() -> Self {
        Body("{".to_owned())
    }

    fn number(mut self, name: &str, value: impl Display) -> Self {
        let separator = if self.0.len() > 1 { "," } else { "" };
        let _ = write!(self.0, "{separator}\"{name}\":{value}");
        self
    }

    fn text(self, name: &str, value: &str) -> Self {
        self.number(name, serde_json::Value::from(value))
    }

    fn maybe(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.number(name, value),
            None => self,
        }
    }

    fn maybe_text(self, name: &str, value: Option<&str>) -> Self {
        self.maybe(name, value.map(serde_json::Value::from))
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// The parameters that are present, sorted by name and percent-encoded.
fn encoded(query: &[(&str, Option<String>)]) -> String {
    let mut parts: Vec<(&str, &str)> =
        query.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    parts.sort_unstable();
    let mut text = String::new();
    for (name, value) in parts {
        let separator = if text.is_empty() { "" } else { "&" };
        let _ = write!(text, "{separator}{name}={}", escaped(value));
    }
    text
}

/// Percent-encodes a path segment or query value.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte))
            }
            other => {
                let _ = write!(escaped, "%{other:02X}");
            }
        }
    }
    escaped
}
