//! The running daemon that holds the store, as commands see it: its API over the Unix socket of the state
//! directory.
//!
//! Invariant: a daemon of another version is asked for nothing but its version.

use super::Failure;
use super::failure::Answered;
use crate::domain::visible::Visible;
use crate::http::{Address, next_step};
use crate::service::Records;
use crate::service::market::free_mib;
use crate::store::{NewResult, Store, StoreError};
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Buf, Bytes, Frame, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Version of this program; the daemon must have the same.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Chunks of a request body that wait for the daemon; the command waits when there are more.
const CHUNKS: usize = 8;
const CHUNK_BYTES: usize = 64 << 10;
/// How long a daemon may take to say its version.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running daemon of this version.
pub struct Daemon {
    runtime: Runtime,
    state: PathBuf,
}

type Body = BoxBody<Bytes, Infallible>;

fn empty() -> Body {
    Empty::new().boxed()
}

impl Daemon {
    /// The daemon that runs on a state directory, for a command that is nothing without it.
    ///
    /// # Errors
    /// None runs there, with why one is needed (`and …`), or one of another version.
    pub fn required(state: &Path, why: &str) -> Result<Daemon, Failure> {
        Daemon::find(state)?.ok_or_else(|| {
            let state = state.visible();
            Failure::unavailable(format!(
                "no daemon runs on {state}, and {why}: start one with `tradingd run --state {state}`"
            ))
        })
    }

    /// The daemon that runs on a state directory; `None` when none answers there.
    ///
    /// # Errors
    /// A daemon of another version.
    pub fn find(state: &Path) -> Result<Option<Daemon>, Failure> {
        // A socket without a listener was left by a daemon that was killed.
        let connect = |to: Address| std::os::unix::net::UnixStream::connect(to.path()).map(drop);
        if Address::of(state).and_then(connect).is_err() {
            return Ok(None);
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| Failure::other(format!("threads could not be started: {error}")))?;
        let daemon = Daemon { runtime, state: state.to_owned() };
        let asked = daemon.runtime.block_on(async {
            tokio::time::timeout(PATIENCE, daemon.data_of(Method::GET, "/health", None, empty())).await
        });
        let health = asked.map_err(|_| {
            Failure::unavailable(format!(
                "the daemon that holds {} does not answer: look at its log, or end it and run the command again",
                state.visible()
            ))
        })??;
        match health["version"].as_str() {
            Some(VERSION) => Ok(Some(daemon)),
            other => Err(Failure::unavailable(format!(
                "the daemon that holds {} is tradingd {} and this command is tradingd {VERSION}: use the command of that version, or \
                 start the daemon of this one",
                state.visible(),
                other.unwrap_or("of an unknown version")
            ))),
        }
    }

    /// The `data` of a GET route.
    ///
    /// # Errors
    /// What the daemon refuses, or a daemon that went away.
    pub fn get(&self, path: &str) -> Result<Value, Failure> {
        self.ask(Method::GET, path, None)
    }

    /// The `data` of any route, asked with a JSON body.
    ///
    /// # Errors
    /// As [`Daemon::get`].
    pub fn ask(&self, method: Method, path: &str, json: Option<&str>) -> Result<Value, Failure> {
        let (media, body) = match json {
            Some(json) => (Some("application/json"), Full::new(Bytes::from(json.to_owned())).boxed()),
            None => (None, empty()),
        };
        self.runtime.block_on(self.data_of(method, path, media, body))
    }

    /// A store with copies of these records. Rows go to an unnamed file in the state directory, everything
    /// else into memory.
    ///
    /// # Errors
    /// As [`Daemon::get`], and a damaged store.
    pub fn copy(&self, records: &[Records]) -> Result<Store, Failure> {
        let recordings: Vec<&str> = records.iter().filter_map(Records::recording).collect();
        let has_rows = !recordings.is_empty();
        if has_rows {
            self.leave_room(&recordings)?;
        }
        let store = if has_rows { Store::temporary(&self.state)? } else { Store::in_memory()? };
        for records in records {
            let path = path_of(records);
            let answer = self
                .runtime
                .block_on(async { accepted(self.answer(Method::GET, &path, None, empty()).await?).await })?;
            let mut rows = Rows { runtime: &self.runtime, body: answer.into_body(), rest: Bytes::new() };
            store.add_records(&mut rows).map_err(|error| match error {
                StoreError::Refused(what) => Failure::unavailable(what),
                other => other.into(),
            })?;
        }
        Ok(store)
    }

    /// A copy must not take the room on the disk that sessions are to have.
    fn leave_room(&self, recordings: &[&str]) -> Result<(), Failure> {
        let config = self.get("/api/config")?;
        let mut wanted_mib = config["recording"]["min_free_mib"].as_u64().unwrap_or(0);
        for id in recordings {
            // One that is not there is for the copy to say.
            let Ok(recording) = self.get(&format!("/api/data-collection/{id}")) else { continue };
            // Pages are not quite full.
            wanted_mib += recording["bytes"].as_u64().unwrap_or(0) / 4 * 5 / (1 << 20);
        }
        let Some(free_mib) = free_mib(&self.state).filter(|free_mib| *free_mib < wanted_mib) else {
            return Ok(());
        };
        Err(Failure::unavailable(format!(
            "{} has {free_mib} MiB free; a copy of what this command reads would leave less than the daemon's sessions need \
             (recording.min_free_mib), {wanted_mib} MiB in all: make room, or stop the daemon",
            self.state.visible()
        )))
    }

    /// Hands a recording of a command's own store over; the daemon keeps it.
    ///
    /// # Errors
    /// As [`Daemon::get`].
    pub fn keep_recording(&self, store: &Store, id: &str) -> Result<(), Failure> {
        let records = Records::Recording(id.to_owned());
        self.keep(|to| Ok(store.send_records(&records, to)?))
    }

    /// Hands a result over; the daemon keeps it.
    ///
    /// # Errors
    /// As [`Daemon::get`].
    pub fn keep_result(&self, result: NewResult) -> Result<(), Failure> {
        self.keep(|to| Ok(result.send(to)?))
    }

    fn keep(&self, send: impl FnOnce(&mut dyn Write) -> Result<(), Failure> + Send) -> Result<(), Failure> {
        let (chunks, body) = channel(CHUNKS);
        let frames = stream::unfold(body, |mut body: Receiver<Bytes>| async {
            body.recv().await.map(|chunk| (Ok(Frame::data(chunk)), body))
        });
        let body = BodyExt::boxed(StreamBody::new(frames));
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| {
                let mut to = Chunks { chunks, pending: Vec::new() };
                send(&mut to)
            });
            let media = Some("application/octet-stream");
            let kept = self.runtime.block_on(self.data_of(Method::POST, "/api/records", media, body));
            let sent = sending.join().unwrap_or_else(|_| Err(Failure::other("sending ended in a panic")));
            // A daemon that refuses also ends the sending; what it says is the reason.
            kept.and(sent)
        })
    }

    /// The `data` of an answer.
    async fn data_of(
        &self,
        method: Method,
        path: &str,
        media: Option<&'static str>,
        body: Body,
    ) -> Result<Value, Failure> {
        let answer = accepted(self.answer(method, path, media, body).await?).await?;
        let body = answer.into_body().collect().await.map_err(gone)?.to_bytes();
        let mut json: Value = serde_json::from_slice(&body)
            .map_err(|error| Failure::other(format!("the daemon's answer is not JSON: {error}")))?;
        Ok(json["data"].take())
    }

    async fn answer(
        &self,
        method: Method,
        path: &str,
        media: Option<&'static str>,
        body: Body,
    ) -> Result<Response<Incoming>, Failure> {
        let to = Address::of(&self.state).map_err(gone)?;
        let stream = UnixStream::connect(to.path()).await.map_err(gone)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(gone)?;
        // Ends with the answer.
        tokio::spawn(connection);
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() =
            path.parse().map_err(|error| Failure::other(format!("{path:?} is not a path: {error}")))?;
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_static("tradingd"));
        if let Some(media) = media {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        }
        sender.send_request(request).await.map_err(gone)
    }
}

/// Path of a copy of records.
fn path_of(records: &Records) -> String {
    let (kind, id) = records.named();
    let id = id.map(|id| format!("&id={}", encoded(id))).unwrap_or_default();
    format!("/api/records?kind={kind}{id}")
}

/// A text as one segment of a path or one value of a query.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => encoded.push(char::from(byte)),
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

fn gone(error: impl std::error::Error) -> Failure {
    Failure::unavailable(format!(
        "the connection to the daemon that holds the store was lost ({error}): try again"
    ))
}

/// The answer unless it is a refusal.
async fn accepted(answer: Response<Incoming>) -> Result<Response<Incoming>, Failure> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body = answer.into_body().collect().await.map_err(gone)?.to_bytes();
    Err(refused(status, &serde_json::from_slice(&body).unwrap_or_default()))
}

/// A refusal, with every problem it lists.
fn refused(status: StatusCode, json: &Value) -> Failure {
    let text = |key: &str| json[key].as_str().unwrap_or_default();
    let mut message = match text("error_message") {
        "" => format!("the daemon answered {status}"),
        message => next_step::removed(text("error_code"), message).to_owned(),
    };
    if status.is_server_error() && !text("request_id").is_empty() {
        message.push_str(&format!(" ({})", text("request_id")));
    }
    for problem in json["details"]["problems"].as_array().into_iter().flatten() {
        let word = |key: &str| problem[key].as_str().unwrap_or_default();
        if !message.contains(word("problem")) {
            message.push_str(&format!("\n  {} {}", word("path").trim_start_matches('/'), word("problem")));
        }
    }
    Failure::answered(&Answered { status: status.as_u16(), code: text("error_code"), message })
}

/// The body of an answer, read by this thread.
struct Rows<'r> {
    runtime: &'r Runtime,
    body: Incoming,
    rest: Bytes,
}

impl Read for Rows<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.runtime.block_on(self.body.frame()) {
                None => return Ok(0),
                Some(Ok(frame)) => self.rest = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
        let count = buffer.len().min(self.rest.len());
        self.rest.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

/// The body of a request, written by another thread than sends it.
struct Chunks {
    chunks: Sender<Bytes>,
    pending: Vec<u8>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let chunk = Bytes::from(std::mem::take(&mut self.pending));
        let sent = if chunk.is_empty() { Ok(()) } else { self.chunks.blocking_send(chunk) };
        sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the daemon stopped reading"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_name_is_one_part_of_a_path() {
        assert_eq!(encoded("exec_20200101-x"), "exec_20200101-x");
        assert_eq!(encoded("../a b?c=ä"), "%2E%2E%2Fa%20b%3Fc%3D%C3%A4");
        let path = path_of(&Records::Result("a/b".to_owned()));
        assert_eq!(path, "/api/records?kind=results&id=a%2Fb");
    }

    #[test]
    fn a_refusal_has_the_exit_code_of_the_same_failure_without_a_daemon() {
        for (status, code, exit) in [
            (404, "recording_not_found", 64),
            (409, "session_active", 64),
            (400, "invalid_request", 64),
            (429, "too_many_exports", 69),
            (503, "store_unavailable", 69),
            (500, "store_damaged", 65),
            (500, "internal_error", 1),
        ] {
            let json = json!({"error_code": code, "error_message": next_step::added(code, "why")});
            let failure = refused(StatusCode::from_u16(status).unwrap(), &json);
            let message = if status == 404 { "why; `tradingd recordings` lists all" } else { "why" };
            assert_eq!((failure.code(), failure.to_string().as_str()), (exit, message), "{code}");
        }
    }

    #[test]
    fn a_refusal_tells_every_problem_once_and_where_the_log_has_more() {
        let problems =
            json!([{"path": "/password", "problem": "is short"}, {"path": "/role", "problem": "is unknown"}]);
        let json = json!({"error_message": "role is unknown", "details": {"problems": problems}});
        let failure = refused(StatusCode::BAD_REQUEST, &json);
        assert_eq!(failure.to_string(), "role is unknown\n  password is short");
        let json = json!({"error_message": "search the log for this request_id", "request_id": "a-1"});
        let failure = refused(StatusCode::INTERNAL_SERVER_ERROR, &json);
        assert_eq!(failure.to_string(), "search the log for this request_id (a-1)");
    }
}
