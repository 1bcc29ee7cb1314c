//! Answers: the envelope around JSON, files, streams. Every answer of the program is made here.

use super::addresses::Counted;
use crate::domain::time::Timestamp;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// What a handler answers.
#[derive(Debug)]
pub struct Reply {
    /// Status.
    pub status: StatusCode,
    /// Body.
    pub content: Content,
    /// Headers beside those every answer has.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Tag of the content, as in its header; answers with one may be kept by the client and asked for again.
    pub etag: Option<HeaderValue>,
}

/// The body of an answer.
#[derive(Debug)]
pub enum Content {
    /// JSON in the envelope.
    Data(Enveloped),
    /// JSON as it is, without envelope.
    Flat(Bytes),
    /// Any other text or file with its media type.
    File(&'static str, Bytes),
    /// Chunks as they are made; ends with the sender.
    Stream(&'static str, mpsc::Receiver<Bytes>),
    /// Nothing.
    Empty,
}

impl Reply {
    /// 200 with data in the envelope.
    pub fn data(data: &impl Serialize) -> Self {
        Reply::new(StatusCode::OK, Content::Data(Enveloped::serialised(data)))
    }

    /// 200 with data that is JSON text already.
    pub fn bytes(json: &[u8]) -> Self {
        Reply::new(StatusCode::OK, Content::Data(Enveloped::copied(json)))
    }

    /// Any status and content.
    pub fn new(status: StatusCode, content: Content) -> Self {
        Reply { status, content, headers: Vec::new(), etag: None }
    }

    /// With another status.
    pub fn status(self, status: StatusCode) -> Self {
        Reply { status, ..self }
    }

    /// With a further header; a value that cannot stand in a header is left out.
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// With a tag, given without its quotes.
    pub fn tagged(self, tag: &str) -> Self {
        Reply { etag: etag(tag), ..self }
    }

    /// The answer on the wire.
    pub fn into_response(self, request_id: &str, at: Timestamp) -> Response<Payload> {
        let (media, payload) = match self.content {
            Content::Data(data) => (Some(JSON), Payload::whole(Some(data.closed(request_id, at)))),
            Content::Flat(json) => (Some(JSON), Payload::whole(Some(json))),
            Content::File(media, bytes) => (Some(media), Payload::whole(Some(bytes))),
            Content::Stream(media, chunks) => {
                (Some(media), Payload { content: Outgoing::Chunks(chunks), counted: None })
            }
            Content::Empty => (None, Payload::whole(None)),
        };
        let mut response = Response::new(payload);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(media) = media {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        }
        match self.etag {
            // The client may keep it but must ask whether it still holds.
            Some(etag) => {
                headers.insert(ETAG, etag);
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
            }
            None => {
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
        }
        for (name, value) in self.headers {
            // Cookies are several headers of one name; anything else replaces what stands there.
            if name == hyper::header::SET_COOKIE {
                headers.append(name, value);
            } else {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// A tag as it stands in its header; `None` for what cannot stand in one.
pub fn etag(tag: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{tag}\"")).ok()
}

/// An answer that is made once and given until what it says has changed.
pub struct Ready {
    /// Number of the state it shows.
    pub revision: u64,
    /// JSON text.
    pub json: Bytes,
    /// Its tag.
    pub etag: Option<HeaderValue>,
}

impl Ready {
    /// The answer.
    pub fn reply(&self) -> Reply {
        Reply { etag: self.etag.clone(), ..Reply::bytes(&self.json) }
    }
}

/// JSON text of an answer.
pub fn json_bytes(data: &impl Serialize) -> Bytes {
    // Only a map whose keys are no text, or a `Serialize` that fails, could fail here; no answer has either.
    Bytes::from(serde_json::to_vec(data).expect("answers are plain objects"))
}

/// `{"type":"response","data":…`: JSON text in its envelope, which `closed` completes without another copy.
#[derive(Debug)]
pub struct Enveloped(Vec<u8>);

impl Enveloped {
    const OPEN: &[u8] = b"{\"type\":\"response\",\"data\":";
    /// Room for what stands around the data.
    const FRAME_BYTES: usize = 128;

    /// Around data.
    pub fn serialised(data: &impl Serialize) -> Self {
        let mut text = Vec::with_capacity(8 * Self::FRAME_BYTES);
        text.extend_from_slice(Self::OPEN);
        serde_json::to_writer(&mut text, data).expect("answers are plain objects, as above");
        Enveloped(text)
    }

    /// Around data that is JSON text already.
    pub fn copied(json: &[u8]) -> Self {
        let mut text = Vec::with_capacity(json.len() + Self::FRAME_BYTES);
        text.extend_from_slice(Self::OPEN);
        text.extend_from_slice(json);
        Enveloped(text)
    }

    /// The data as JSON text.
    pub fn data(&self) -> &[u8] {
        &self.0[Self::OPEN.len()..]
    }

    fn closed(mut self, request_id: &str, at: Timestamp) -> Bytes {
        close(&mut self.0, request_id, at);
        Bytes::from(self.0)
    }
}

const JSON: &str = "application/json";

/// The end of every envelope.
pub fn close(body: &mut Vec<u8>, request_id: &str, at: Timestamp) {
    body.extend_from_slice(b",\"request_id\":\"");
    body.extend_from_slice(request_id.as_bytes());
    body.extend_from_slice(b"\",\"timestamp\":\"");
    body.extend_from_slice(at.rfc3339_millis().as_bytes());
    body.extend_from_slice(b"\"}");
}

/// The body of a response on its way out.
#[derive(Debug)]
pub struct Payload {
    /// The bytes.
    pub content: Outgoing,
    /// The place of the connection they go to, kept until they are gone.
    pub counted: Option<Arc<Counted>>,
}

/// The bytes of a response on their way out.
#[derive(Debug)]
pub enum Outgoing {
    /// All of them, at once; then nothing.
    Whole(Option<Bytes>),
    /// As they come.
    Chunks(mpsc::Receiver<Bytes>),
}

impl Payload {
    /// Of bytes that are there.
    pub fn whole(bytes: Option<Bytes>) -> Self {
        Payload { content: Outgoing::Whole(bytes), counted: None }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.get_mut().content {
            Outgoing::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Outgoing::Chunks(chunks) => {
                chunks.poll_recv(context).map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.content, Outgoing::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Outgoing::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Outgoing::Chunks(_) => SizeHint::default(),
        }
    }
}
