//! Responses: the JSON envelope, files and streams.

use super::addresses::Counted;
use super::lanes::HeavyTurn;
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

/// The response of a handler.
#[derive(Debug)]
pub struct Reply {
    /// Status code.
    pub status: StatusCode,
    /// Body.
    pub content: Content,
    /// Additional headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Entity tag, as in the header. A response with one may be cached by the client and revalidated.
    pub etag: Option<HeaderValue>,
    /// The turn in which a large body was made, kept until it has been sent.
    pub turn: Option<HeavyTurn>,
}

/// The body of a response.
#[derive(Debug)]
pub enum Content {
    /// JSON in the envelope.
    Data(Enveloped),
    /// JSON without envelope.
    Flat(Bytes),
    /// A file or text with its media type.
    File(&'static str, Bytes),
    /// Chunks as they are produced; ends when the sender is dropped.
    Stream(&'static str, mpsc::Receiver<Bytes>),
    /// Nothing.
    Empty,
}

impl Reply {
    /// 200 with data in the envelope.
    pub fn data(data: &impl Serialize) -> Self {
        Reply::new(StatusCode::OK, Content::Data(Enveloped::serialised(data)))
    }

    /// 200 with data that is already JSON text.
    pub fn bytes(json: &[u8]) -> Self {
        Reply::new(StatusCode::OK, Content::Data(Enveloped::copied(json)))
    }

    /// Any status and content.
    pub fn new(status: StatusCode, content: Content) -> Self {
        Reply { status, content, headers: Vec::new(), etag: None, turn: None }
    }

    /// Replaces the status.
    pub fn status(self, status: StatusCode) -> Self {
        Reply { status, ..self }
    }

    /// Adds a header; a value that is not valid in a header is dropped.
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Adds an entity tag, given without quotes.
    pub fn tagged(self, tag: &str) -> Self {
        Reply { etag: etag(tag), ..self }
    }

    /// The HTTP response.
    pub fn into_response(self, request_id: &str, at: Timestamp) -> Response<Payload> {
        let (media, mut payload) = match self.content {
            Content::Data(data) => (Some(JSON), Payload::whole(Some(data.closed(request_id, at)))),
            Content::Flat(json) => (Some(JSON), Payload::whole(Some(json))),
            Content::File(media, bytes) => (Some(media), Payload::whole(Some(bytes))),
            Content::Stream(media, chunks) => {
                (Some(media), Payload { content: Outgoing::Chunks(chunks), ..Payload::whole(None) })
            }
            Content::Empty => (None, Payload::whole(None)),
        };
        payload.turn = self.turn;
        let mut response = Response::new(payload);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(media) = media {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        }
        match self.etag {
            // The client may cache it but must revalidate.
            Some(etag) => {
                headers.insert(ETAG, etag);
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
            }
            None => {
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
        }
        for (name, value) in self.headers {
            // Set-Cookie may repeat; any other header replaces an existing one.
            if name == hyper::header::SET_COOKIE {
                headers.append(name, value);
            } else {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// An entity tag header; `None` if the text is not valid in a header.
pub fn etag(tag: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{tag}\"")).ok()
}

/// A cached response, valid until the data changes.
pub struct Ready {
    /// Revision of the data it shows.
    pub revision: u64,
    /// JSON text.
    pub json: Bytes,
    /// Entity tag.
    pub etag: Option<HeaderValue>,
}

impl Ready {
    /// The response.
    pub fn reply(&self) -> Reply {
        Reply { etag: self.etag.clone(), ..Reply::bytes(&self.json) }
    }
}

/// Serializes a response body.
pub fn json_bytes(data: &impl Serialize) -> Bytes {
    // Only a map with non-string keys or a failing `Serialize` could fail; no response type has either.
    Bytes::from(serde_json::to_vec(data).expect("answers are plain objects"))
}

/// JSON text that starts with `{"type":"response","data":…`; `closed` completes it without another copy.
#[derive(Debug)]
pub struct Enveloped(Vec<u8>);

impl Enveloped {
    const OPEN: &[u8] = b"{\"type\":\"response\",\"data\":";
    /// Spare capacity for the text around the data.
    const FRAME_BYTES: usize = 128;

    /// Serializes the data.
    pub fn serialised(data: &impl Serialize) -> Self {
        let mut text = Vec::with_capacity(8 * Self::FRAME_BYTES);
        text.extend_from_slice(Self::OPEN);
        serde_json::to_writer(&mut text, data).expect("answers are plain objects, as above");
        Enveloped(text)
    }

    /// Copies data that is already JSON text.
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

/// Appends the end of an envelope.
pub fn close(body: &mut Vec<u8>, request_id: &str, at: Timestamp) {
    body.extend_from_slice(b",\"request_id\":\"");
    body.extend_from_slice(request_id.as_bytes());
    body.extend_from_slice(b"\",\"timestamp\":\"");
    body.extend_from_slice(at.rfc3339_millis().as_bytes());
    body.extend_from_slice(b"\"}");
}

/// The body of an outgoing response.
#[derive(Debug)]
pub struct Payload {
    /// The bytes.
    pub content: Outgoing,
    /// The counted connection of a forwarded client, released when the body has been sent.
    pub counted: Option<Arc<Counted>>,
    /// The turn in which the bytes were made, released when they have been sent.
    pub turn: Option<HeavyTurn>,
}

/// Bytes on their way to the socket. The server asks for the next frame before it has written the last, so
/// the turn goes with the bytes and not with the body.
struct Sending {
    bytes: Bytes,
    _turn: HeavyTurn,
}

impl AsRef<[u8]> for Sending {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The bytes of an outgoing response.
#[derive(Debug)]
pub enum Outgoing {
    /// All bytes at once, then `None`.
    Whole(Option<Bytes>),
    /// Chunks as they arrive.
    Chunks(mpsc::Receiver<Bytes>),
}

impl Payload {
    /// From bytes that are complete.
    pub fn whole(bytes: Option<Bytes>) -> Self {
        Payload { content: Outgoing::Whole(bytes), counted: None, turn: None }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let payload = self.get_mut();
        match &mut payload.content {
            Outgoing::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| {
                Ok(Frame::data(match payload.turn.take() {
                    Some(turn) => Bytes::from_owner(Sending { bytes, _turn: turn }),
                    None => bytes,
                }))
            })),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::lanes::{Lane, Lanes};
    use crate::limits::HTTP_HEAVY_READS_PER_USER;
    use http_body_util::BodyExt;

    #[tokio::test(start_paused = true)]
    async fn a_turn_ends_when_the_bytes_have_been_sent() {
        let lanes = Lanes::default();
        let read = || lanes.run_for(Lane::Heavy, Some("reader".into()), || Reply::data(&"large"));
        let mut on_their_way = Vec::new();
        for _ in 0..HTTP_HEAVY_READS_PER_USER {
            let (reply, turn) = read().await.unwrap();
            let mut body =
                Reply { turn, ..reply }.into_response("id", Timestamp::from_seconds(1)).into_body();
            // As the server does: it has all frames and no body any more, but has written nothing.
            on_their_way.push(body.frame().await.unwrap().unwrap().into_data().unwrap());
            assert!(body.frame().await.is_none());
        }
        assert_eq!(read().await.err().unwrap().code, "too_many_reads");
        on_their_way.pop();
        assert!(read().await.is_ok());
    }
}
