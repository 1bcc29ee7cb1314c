//! Log of all requests in order, with times: tests check rates, duplicates and headers in it.

use super::wire::{Object, list, quoted};
use std::collections::VecDeque;

/// Requests kept; when full the oldest are dropped, but still counted.
pub const REQUESTS_KEPT: usize = 1 << 14;

/// Bytes of a request body that are kept; the rest is cut off.
pub const REQUEST_BODY_BYTES: usize = 4_096;

/// A logged request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Number, from 1.
    pub number: u64,
    /// True time, milliseconds.
    pub at_ms: i64,
    /// `GET`, `POST`, or `WS` for a frame of a socket.
    pub method: String,
    /// Path with query; for a frame the number of its socket.
    pub target: String,
    /// Relevant headers: `ApiKey`, `Request-Time`, `Signature`, `Recv-Window`, `Content-Type`.
    pub headers: Vec<(String, String)>,
    /// Body, cut to [`REQUEST_BODY_BYTES`].
    pub body: String,
    /// Status and `code` of the answer; `None` for frames and while unanswered.
    pub answer: Option<(u16, i64)>,
}

/// The request log.
#[derive(Default, Debug)]
pub struct Requests {
    last: VecDeque<Asked>,
    count: u64,
}

impl Requests {
    /// Logs a request; returns its number.
    pub fn note(&mut self, mut asked: Asked) -> u64 {
        self.count += 1;
        asked.number = self.count;
        asked.body = cut(&asked.body);
        if self.last.len() == REQUESTS_KEPT {
            self.last.pop_front();
        }
        self.last.push_back(asked);
        self.count
    }

    /// Logs a frame.
    pub fn socket(&mut self, id: u64, text: &str, at_ms: i64) {
        let (method, target) = ("WS".to_owned(), id.to_string());
        self.note(Asked {
            number: 0,
            at_ms,
            method,
            target,
            headers: Vec::new(),
            body: cut(text),
            answer: None,
        });
    }

    /// Logs the answer to a request.
    pub fn answered(&mut self, number: u64, status: u16, code: i64) {
        if let Some(asked) = self.last.iter_mut().rev().find(|asked| asked.number == number) {
            asked.answer = Some((status, code));
        }
    }

    /// The logged requests, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Asked> {
        self.last.iter()
    }

    /// The requests after a number, as JSON.
    pub fn text(&self, after: u64) -> String {
        let row = |asked: &Asked| {
            let headers =
                asked.headers.iter().fold(Object::new(), |object, (name, value)| object.text(name, value));
            let object = Object::new()
                .put("number", asked.number)
                .put("at_ms", asked.at_ms)
                .text("method", &asked.method);
            let object = object
                .text("target", &asked.target)
                .raw("headers", &headers.end())
                .raw("body", &quoted(&asked.body));
            match asked.answer {
                Some((status, code)) => object.put("status", status).put("code", code).end(),
                None => object.null("status").null("code").end(),
            }
        };
        let rows = list(self.last.iter().filter(|asked| asked.number > after).map(row));
        Object::new().put("count", self.count).raw("requests", &rows).end()
    }
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(REQUEST_BODY_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
