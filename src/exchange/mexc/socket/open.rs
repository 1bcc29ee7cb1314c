//! Opening a socket, and reading what comes compressed.

use crate::exchange::mexc::Link;
use crate::exchange::mexc::network::Pipe;
use crate::limits;
use std::io::Read;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::{IntoClientRequest, uri_mode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::stream::Mode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// A socket that is open.
pub type WebSocket = WebSocketStream<MaybeTlsStream<Box<dyn Pipe>>>;

/// Opens a socket to the exchange.
///
/// # Errors
/// What failed, for people.
pub async fn connect(link: &Link) -> Result<WebSocket, String> {
    let config = WebSocketConfig::default()
        .read_buffer_size(64 << 10)
        .write_buffer_size(0)
        .max_write_buffer_size(64 << 10)
        .max_message_size(Some(limits::EXCHANGE_FRAME_BYTES))
        .max_frame_size(Some(limits::EXCHANGE_FRAME_BYTES));
    let opening = open(link, config);
    match tokio::time::timeout(Duration::from_millis(link.settings.connect_timeout_ms), opening).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(format!("not connected: {error}")),
        Err(_) => Err("not connected in time".to_owned()),
    }
}

async fn open(link: &Link, config: WebSocketConfig) -> Result<WebSocket, Error> {
    let request = link.settings.ws_url.as_str().into_client_request()?;
    let default_port = match uri_mode(request.uri())? {
        Mode::Plain => 80,
        Mode::Tls => 443,
    };
    let (host, port) =
        (request.uri().host().unwrap_or_default(), request.uri().port_u16().unwrap_or(default_port));
    let pipe = link.network.connect(host.trim_start_matches('[').trim_end_matches(']'), port).await?;
    let (stream, _) =
        tokio_tungstenite::client_async_tls_with_config(request, pipe, Some(config), None).await?;
    Ok(stream)
}

/// The text of a gzip message, bounded like any other. This exchange has not been seen to send one.
pub fn unzipped(bytes: &[u8]) -> Option<String> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return None;
    }
    let mut text = String::new();
    let bound = limits::EXCHANGE_FRAME_BYTES as u64;
    flate2::read::GzDecoder::new(bytes).take(bound).read_to_string(&mut text).ok()?;
    Some(text)
}
