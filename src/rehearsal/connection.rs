//! One open socket: writes outgoing frames, reads client frames. Knows nothing about channels.

use super::shared::Shared;
use super::sockets::{Out, SOCKET_FRAMES};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_tungstenite::WebSocketStream;
use hyper_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use hyper_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use hyper_tungstenite::tungstenite::{Error, Message};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::sleep;

type Wire = WebSocketStream<TokioIo<Upgraded>>;

/// Frames written before a flush.
const BATCH: usize = 256;

/// Maximum bytes of a client frame; a larger one ends the socket.
const CLIENT_BYTES: usize = 64 << 10;

/// Frames are buffered up to this size before they go to the kernel.
const WRITE_BYTES: usize = 64 << 10;

/// WebSocket limits and buffers.
pub fn protocol() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(8 << 10)
        .write_buffer_size(WRITE_BYTES)
        .max_message_size(Some(CLIENT_BYTES))
        .max_frame_size(Some(CLIENT_BYTES))
}

/// Serves a socket until either side ends it or the exchange stops.
pub async fn serve(shared: Arc<Shared>, socket: Wire) {
    let (sender, receiver) = mpsc::channel(SOCKET_FRAMES);
    let id = {
        let mut exchange = shared.lock();
        let now_ms = exchange.true_ms();
        exchange.sockets.add(sender, now_ms)
    };
    let Some(id) = id else { return };
    let (sink, stream) = socket.split();
    let mut stopping = shared.stopping();
    tokio::select! {
        () = write(sink, receiver) => {}
        () = read(&shared, id, stream) => {}
        _ = stopping.wait_for(|stop| *stop) => {}
    }
    shared.lock().sockets.remove(id);
}

async fn read(shared: &Shared, id: u64, mut stream: SplitStream<Wire>) {
    while let Some(Ok(message)) = stream.next().await {
        match message {
            Message::Text(text) => {
                let now_ms = crate::clock::now().millis();
                let mut exchange = shared.lock();
                exchange.set_time(now_ms);
                exchange.hear(id, text.as_str());
            }
            Message::Close(_) => return,
            // Binary frames get no answer; the library answers protocol pings.
            _ => {}
        }
    }
}

async fn write(mut sink: SplitSink<Wire, Message>, mut receiver: Receiver<Out>) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        if receiver.recv_many(&mut batch, BATCH).await == 0 {
            return;
        }
        for out in batch.drain(..) {
            if write_one(&mut sink, out).await.is_err() {
                return;
            }
        }
        if sink.flush().await.is_err() {
            return;
        }
    }
}

/// Writes one item; an error means that the socket is finished.
async fn write_one(sink: &mut SplitSink<Wire, Message>, out: Out) -> Result<(), Error> {
    match out {
        Out::Frame(message) => sink.feed(message).await,
        Out::Close(code) => {
            let frame = code.map(|code| CloseFrame { code: CloseCode::from(code), reason: "".into() });
            // Flushed before the connection is dropped; the client need not read it.
            let _ = sink.send(Message::Close(frame)).await;
            Err(Error::ConnectionClosed)
        }
        Out::Drop => {
            let _ = sink.flush().await;
            Err(Error::ConnectionClosed)
        }
        Out::Freeze => {
            let _ = sink.flush().await;
            loop {
                sleep(Duration::from_secs(3_600)).await;
            }
        }
    }
}
