//! The WebSocket: who listens, to which streams, from where on.
//!
//! A client is a task with places in the hub's topics and no queue of its own. What it asks is in `command`, what it is
//! sent in `message`. It is closed when it cannot keep up, so it never slows anybody else.
//!
//! Close codes: 1001 silent, 1002 and 1007 broken protocol or text, 1003 binary, 1008 too many messages, 1009 too large,
//! 1011 our defect, 1012 the daemon stops, 1013 too slow, 4401 no login or one that has ended.
//!
//! Never: an update left out of a lossless stream, a number left out of any, a blocked worker.

mod client;
mod command;
mod frames;
mod message;

pub use command::Subscribe;

use crate::limits::{STREAM_BLOCKING, STREAM_CLIENTS, STREAM_IN_BYTES, STREAM_OUT_BYTES};
use crate::service::hub::Hub;
use crate::service::{Caller, Refusal};
use frames::CheckedFrames;
use hyper_tungstenite::WebSocketStream;
use hyper_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use serde_json::Value;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};

/// What connections need from the program. Called on threads that may block, except where it says otherwise.
pub trait Backend: Send + Sync + 'static {
    /// Who an access token belongs to.
    ///
    /// # Errors
    /// When it does not count.
    fn authenticate(&self, token: &str) -> Result<Caller, Refusal>;

    /// Whether the login has not been revoked since. Asked for every client whenever any login has changed; must not block.
    fn is_current(&self, login: &Caller) -> bool;

    /// The state of a stream at this moment; the updates that follow may repeat the last of it.
    ///
    /// # Errors
    /// When there is no such thing, or not for this user.
    fn snapshot(&self, login: &Caller, subscribe: &Subscribe) -> Result<Value, Refusal>;
}

/// What all connections share.
pub struct Streams {
    backend: Arc<dyn Backend>,
    hub: Arc<Hub>,
    /// Changes whenever a login that was good may be good no more.
    logins: watch::Receiver<()>,
    stopping: watch::Receiver<bool>,
    /// Slots for calls of the backend.
    blocking: Semaphore,
    /// Slots for clients.
    clients: Semaphore,
    clients_max: u32,
}

impl Streams {
    /// `logins` changes when a login may have ended, `stopping` turns true when the daemon stops. [`Hub::run`] must be
    /// running somewhere.
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

    /// Waits until no client is served any more. After the stop each of them has been told, or was not there to listen.
    pub async fn ended(&self) {
        let _all = self.clients.acquire_many(self.clients_max).await;
    }

    /// Talks to a client until one of both ends it. `login`: who the upgrade request came from, when it said so.
    pub async fn serve<T>(&self, socket: WebSocketStream<T>, login: Option<Caller>)
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        client::serve(self, socket, login).await;
    }
}

/// The protocol on a connection after its upgrade.
pub async fn open<T: AsyncRead + AsyncWrite + Unpin>(socket: T) -> WebSocketStream<CheckedFrames<T>> {
    WebSocketStream::from_raw_socket(CheckedFrames::new(socket), Role::Server, Some(protocol())).await
}

/// How the protocol is spoken: small buffers, because most clients are idle most of the time.
fn protocol() -> WebSocketConfig {
    const BUFFER_BYTES: usize = 4_096;
    WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_write_buffer_size(BUFFER_BYTES + STREAM_OUT_BYTES)
        .max_message_size(Some(STREAM_IN_BYTES))
        .max_frame_size(Some(STREAM_IN_BYTES))
}

/// Judges a message by itself, before anything is looked up.
///
/// # Errors
/// The message that says every problem.
pub fn validate(text: &str) -> Result<(), String> {
    let command::Command { id, action } = command::read(text);
    action.map(drop).map_err(|problems| message::error(id.as_deref(), &command::unusable(problems)))
}

#[cfg(test)]
mod tests;
