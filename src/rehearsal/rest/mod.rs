//! REST interface: the envelope, errors under status 200, and HTML where a proxy would answer.

mod budget;
mod checks;
mod orders;
mod plans;
mod private;
mod public;
mod sign;
mod spoil;
mod stops;

pub use budget::Budgets;
pub use sign::signature;

use super::exchange::Exchange;
use super::requests::Asked;
use super::wire;

/// A received request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Query as received, without `?`.
    pub query: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body as received.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Media type.
    pub media_type: &'static str,
    /// Body.
    pub body: Vec<u8>,
    /// Delay before it is sent, milliseconds.
    pub after_ms: u64,
    /// Whether the connection ends without an answer.
    pub is_reset: bool,
}

/// A failed call: code and message of the envelope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failed(pub i64, pub String);

/// Payload of a successful call; `None`: no `data` field.
pub type Answer = Result<Option<String>, Failed>;

impl Failed {
    /// A failure with this message.
    pub fn new(code: i64, text: &str) -> Self {
        Failed(code, text.to_owned())
    }

    /// Unknown contract.
    pub fn no_contract() -> Self {
        Failed::new(1001, "Contract does not exist")
    }

    /// Invalid parameter.
    pub fn parameter() -> Self {
        Failed::new(600, "Param error!")
    }
}

impl Reply {
    /// A JSON answer with a status.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Reply { status, media_type: "application/json", body: body.into(), after_ms: 0, is_reset: false }
    }

    /// An HTML page as sent by a proxy.
    pub fn html(status: u16, title: &str) -> Self {
        let body = format!(
            "<HTML><HEAD>\n<TITLE>{title}</TITLE>\n</HEAD><BODY>\n<H1>{title}</H1>\n</BODY></HTML>\n"
        );
        Reply { status, media_type: "text/html", body: body.into_bytes(), after_ms: 0, is_reset: false }
    }

    fn of(answer: Answer) -> Self {
        match answer {
            Ok(Some(payload)) => Reply::json(200, wire::success(&payload)),
            Ok(None) => Reply::json(200, wire::DONE),
            Err(Failed(code, text)) => Reply::json(200, wire::failure(code, &text)),
        }
    }
}

impl Request {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A query parameter, decoded; the last one wins.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| decoded(value)).next_back()
    }

    /// An integer query parameter, or the default.
    ///
    /// # Errors
    /// The parameter is not an integer.
    pub fn number(&self, name: &str, default: i64) -> Result<i64, Failed> {
        match self.parameter(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| Failed::parameter()),
        }
    }
}

impl Exchange {
    /// Answers a request that arrives at this true time.
    pub fn ask(&mut self, request: &Request, true_ms: i64) -> Reply {
        self.set_time(true_ms);
        let number = self.note(request);
        self.begin_at(&request.path);
        let reply = match self.answered_instead(request) {
            None => {
                let reply = self.validate(request);
                self.spoiled(request, reply)
            }
            Some((reply, is_executed)) => {
                if is_executed {
                    self.validate(request);
                }
                reply
            }
        };
        let code = code_of(&reply);
        self.requests.answered(number, reply.status, code);
        reply
    }

    fn validate(&mut self, request: &Request) -> Reply {
        if !self.budgets.take(&self.settings, request, self.true_ms()) {
            return Reply::of(Err(Failed::new(510, "Requests are too frequent, please try again later")));
        }
        if let Some(rest) = request.path.strip_prefix("/api/v1/contract/") {
            return Reply::of(self.public(request, rest));
        }
        if let Some(rest) = request.path.strip_prefix("/api/v1/private/") {
            let answer = self.private(request, rest);
            let mut reply = Reply::of(answer);
            if rest.starts_with("order/") && request.method == "POST" {
                let [fewest, most] = self.settings.ack_ms;
                reply.after_ms = self.rng.between(fewest, most).unsigned_abs();
            }
            return reply;
        }
        if request.path.starts_with("/api/v3/") {
            return self.spot(request);
        }
        Reply::json(404, "{\"code\":404,\"message\":\"Not Found\"}")
    }

    fn note(&mut self, request: &Request) -> u64 {
        const KEPT: [(&str, &str); 5] = [
            ("apikey", "ApiKey"),
            ("request-time", "Request-Time"),
            ("signature", "Signature"),
            ("recv-window", "Recv-Window"),
            ("content-type", "Content-Type"),
        ];
        let headers = KEPT
            .iter()
            .filter_map(|(name, shown)| Some(((*shown).to_owned(), request.header(name)?.to_owned())));
        let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
        self.requests.note(Asked {
            number: 0,
            at_ms: self.true_ms(),
            method: request.method.clone(),
            target: format!("{}{query}", request.path),
            headers: headers.collect(),
            body: String::from_utf8_lossy(&request.body).into_owned(),
            answer: None,
        })
    }
}

/// The envelope's code; -1 if the body is not an envelope.
fn code_of(reply: &Reply) -> i64 {
    const SUCCESS: &[u8] = b"{\"success\":true";
    if reply.body.starts_with(SUCCESS) {
        return 0;
    }
    let value: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
    value.and_then(|value| value.get("code")?.as_i64()).unwrap_or(-1)
}

/// Decodes percent-encoding and `+`.
pub fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail
            .get(..2)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = &tail[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
