//! The WebSocket: clients, their subscriptions and positions.
//!
//! A client is a task with cursors into the hub's topics and no queue of its own. `protocol` is the table of
//! what is said, `command` parses its messages, `message` builds those sent to it. A client that cannot keep
//! up is closed, so it never slows others.
//!
//! Close codes: 1001 no sign of life, 1002 protocol error, 1003 binary message, 1007 invalid UTF-8, 1008 too
//! many messages, 1009 message too large, 1011 internal error, 1012 daemon stops, 1013 client too slow or too
//! many clients, 4401 not logged in or login expired.
//!
//! Invariant: a lossless stream omits no update, and the numbers of every stream have no gaps.

mod client;
mod command;
mod frames;
mod message;
mod protocol;

pub use command::Subscribe;
pub use protocol::{REQUESTS, Request, STREAMS, StreamEntry};

use crate::limits::{STREAM_BLOCKING, STREAM_CLIENTS, STREAM_IN_BYTES, STREAM_OUT_BYTES};
use crate::service::hub::Hub;
use crate::service::{Caller, Refusal};
use frames::CheckedFrames;
use hyper_tungstenite::WebSocketStream;
use hyper_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use serde_json::Value;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};

/// A value that is waited for without a thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What connections need from the service. Called on blocking threads unless stated otherwise.
pub trait Backend: Send + Sync + 'static {
    /// The user an access token belongs to.
    ///
    /// # Errors
    /// When the token is not valid.
    fn authenticate(&self, token: &str) -> Result<Caller, Refusal>;

    /// Whether the login has not been revoked. Called for every client whenever any login changes; must not
    /// block.
    fn is_current(&self, login: &Caller) -> bool;

    /// Whether what it names exists.
    ///
    /// # Errors
    /// `session_not_found` for a session that does not.
    fn check(&self, subscribe: &Subscribe) -> Result<(), Refusal>;

    /// What a running session tells of itself now, to be put into its [`Backend::snapshot`]; `Null` for
    /// streams without. Waits for the session, which may take two seconds; it must not block.
    fn now<'a>(&'a self, subscribe: &'a Subscribe) -> BoxFuture<'a, Value>;

    /// The current state of a stream; the updates that follow may repeat the last of it.
    ///
    /// # Errors
    /// When the stream's subject does not exist any more or the user may not see it.
    fn snapshot(&self, login: &Caller, subscribe: &Subscribe) -> Result<Value, Refusal>;

    /// The next events of a stream behind a position of the event log, for a client that goes on from there.
    ///
    /// # Errors
    /// `cursor_expired` when some of them have been removed.
    fn missed(&self, subscribe: &Subscribe, after: u64) -> Result<Missed, Refusal>;
}

/// Events that a client missed, in order.
#[derive(Debug, Default)]
pub struct Missed {
    /// The events of its stream.
    pub events: Vec<MissedEvent>,
    /// The log was read up to this position.
    pub position: u64,
    /// Whether there are more.
    pub more: bool,
}

/// One of them.
#[derive(Debug)]
pub struct MissedEvent {
    /// Its session; `daemon` for the daemon itself.
    pub session_id: String,
    /// Its number there.
    pub seq: u64,
    /// Its position in the log; `None` while it is not on disk.
    pub position: Option<u64>,
    /// The event, as an update has it.
    pub json: String,
}

/// State shared by all WebSocket connections.
pub struct Streams {
    backend: Arc<dyn Backend>,
    hub: Arc<Hub>,
    /// Changes whenever a valid login may have been revoked.
    logins: watch::Receiver<()>,
    stopping: watch::Receiver<bool>,
    /// Permits for backend calls.
    blocking: Semaphore,
    /// Permits for clients.
    clients: Semaphore,
    clients_max: u32,
}

impl Streams {
    /// `logins` changes when a login may have ended, `stopping` turns true when the daemon stops. Requires a
    /// running [`Hub::run`].
    pub fn new(
        backend: Arc<dyn Backend>,
        hub: Arc<Hub>,
        logins: watch::Receiver<()>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Streams::holding(STREAM_CLIENTS, backend, hub, logins, stopping)
    }

    fn holding(
        clients_max: u32,
        backend: Arc<dyn Backend>,
        hub: Arc<Hub>,
        logins: watch::Receiver<()>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let (blocking, clients) = (Semaphore::new(STREAM_BLOCKING), Semaphore::new(clients_max as usize));
        Streams { backend, hub, logins, stopping, blocking, clients, clients_max }
    }

    /// Waits until no client is connected. After a stop every client has been sent a close frame or was
    /// already gone.
    pub async fn ended(&self) {
        let _all = self.clients.acquire_many(self.clients_max).await;
    }

    /// Serves a client until either side closes. `login` is the caller of the upgrade request, if logged in.
    pub async fn serve<T>(&self, socket: WebSocketStream<T>, login: Option<Caller>)
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        client::serve(self, socket, login).await;
    }
}

/// Starts the WebSocket protocol on an upgraded connection.
pub async fn open<T: AsyncRead + AsyncWrite + Unpin>(socket: T) -> WebSocketStream<CheckedFrames<T>> {
    WebSocketStream::from_raw_socket(CheckedFrames::new(socket), Role::Server, Some(protocol())).await
}

/// Protocol settings. Small buffers, because most clients are idle most of the time.
fn protocol() -> WebSocketConfig {
    const BUFFER_BYTES: usize = 4_096;
    WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_write_buffer_size(BUFFER_BYTES + STREAM_OUT_BYTES)
        .max_message_size(Some(STREAM_IN_BYTES))
        .max_frame_size(Some(STREAM_IN_BYTES))
}

/// Validates a message by itself, without looking anything up.
///
/// # Errors
/// The error message sent to the client, with every problem.
pub fn validate(text: &str) -> Result<(), String> {
    let command::Command { id, action } = command::read(text);
    action.map(drop).map_err(|problems| message::error(id.as_deref(), &command::unusable(problems)))
}

#[cfg(test)]
mod tests;
