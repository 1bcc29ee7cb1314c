//! Records for commands that run beside the daemon.

use crate::http::body::discard;
use crate::http::chunks::{Chunks, Pace};
use crate::http::context::AppContext;
use crate::http::error::Failure;
use crate::http::lanes::Lane;
use crate::http::reply::{Content, Reply};
use crate::http::request::{Body, Call, invalid};
use crate::http::route::Answer;
use crate::limits::{HTTP_COPY_BYTES_PER_S, HTTP_COPY_WAIT_MS, HTTP_STREAM_CHUNKS, HTTP_UPLOAD_BYTES};
use crate::service::Records;
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::{Buf, Bytes, Incoming};
use serde_json::json;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::timeout;

const MEDIA: &str = "application/octet-stream";
const PACE: Pace = Pace { wait_ms: HTTP_COPY_WAIT_MS, bytes_per_s: HTTP_COPY_BYTES_PER_S };

/// `GET /api/records`: a copy of records, streamed.
pub fn send(context: Arc<AppContext>, call: Call) -> Answer {
    Box::pin(async move {
        let records = asked(&call)?;
        let permit = context.lanes.enter(lane(&records)).await?;
        let (chunks, body) = mpsc::channel(HTTP_STREAM_CHUNKS);
        let mut sink = Chunks::new(chunks, PACE);
        permit.start(move || {
            // The status has already been sent. A copy without its end mark is refused by its reader.
            let sent = context.service.send_records(&records, &mut sink);
            if let Err(error) = sent.map_err(|refusal| refusal.message).and(flushed(&mut sink)) {
                tracing::warn!(error, "a copy of records was cut short");
            }
        });
        Ok(Reply::new(StatusCode::OK, Content::Stream(MEDIA, body)))
    })
}

fn flushed(sink: &mut Chunks) -> Result<(), String> {
    sink.flush().map_err(|error| error.to_string())
}

fn lane(records: &Records) -> Lane {
    if records.named().1.is_some() { Lane::Copy } else { Lane::List }
}

fn asked(call: &Call) -> Result<Records, Failure> {
    let kind = call.query.text("kind").ok_or_else(|| wrong("kind", "is required"))?;
    // The route lets no unknown kind pass.
    Records::of(kind, call.query.text("id").map(str::to_owned))
        .ok_or_else(|| wrong("id", "must be left out: strategies are copied together"))
}

fn wrong(name: &str, problem: &str) -> Failure {
    invalid("choose the records: ?kind=recordings", vec![(format!("/query/{name}"), problem.to_owned())])
}

/// `POST /api/records`: keeps the recording or result in the body.
pub fn receive(context: Arc<AppContext>, mut call: Call) -> Answer {
    Box::pin(async move {
        let Body::Upload(incoming) = std::mem::replace(&mut call.body, Body::Nothing) else {
            return Err(invalid(
                "send one recording or result",
                vec![(String::new(), format!("must be {MEDIA}"))],
            ));
        };
        let permit = context.lanes.enter(Lane::Import).await?;
        let patience = Duration::from_millis(context.service.settings.current().http.body_timeout_ms);
        let (chunks, body) = mpsc::channel(HTTP_STREAM_CHUNKS);
        let service = Arc::clone(&context);
        let kept =
            permit.run(move || service.service.receive_records(&mut Received { body, rest: Bytes::new() }));
        let (passed, kept) = tokio::join!(pass(incoming, chunks, patience), kept);
        // What arrived is refused as cut short when the rest could not be passed on; this says why.
        passed?;
        Ok(Reply::data(&json!({"id": kept??})).status(StatusCode::CREATED))
    })
}

/// Passes a body on, chunk by chunk; a reader that has ended already takes no more.
async fn pass(mut body: Incoming, chunks: Sender<Bytes>, patience: Duration) -> Result<(), Failure> {
    let mut left = HTTP_UPLOAD_BYTES;
    loop {
        let frame = timeout(patience, body.frame()).await.map_err(|_| {
            Failure::http(StatusCode::REQUEST_TIMEOUT, "body_timeout", "the records stopped: send them again")
                .closing()
        })?;
        let Some(frame) = frame else { return Ok(()) };
        let frame = frame.map_err(|_| {
            Failure::http(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "the records ended before they were whole",
            )
        })?;
        let Ok(bytes) = frame.into_data() else { continue };
        left = left.checked_sub(bytes.len() as u64).ok_or_else(|| {
            let message = format!("at most {HTTP_UPLOAD_BYTES} bytes of records are taken at once");
            Failure::http(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message).closing()
        })?;
        if chunks.send(bytes).await.is_err() {
            // Read on for a while, so that the refusal reaches whoever is still sending.
            discard(body).await;
            return Ok(());
        }
    }
}

/// The body, read by a thread that may block.
struct Received {
    body: Receiver<Bytes>,
    rest: Bytes,
}

impl Read for Received {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest = self.body.blocking_recv().unwrap_or_default();
        }
        let count = buffer.len().min(self.rest.len());
        self.rest.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
