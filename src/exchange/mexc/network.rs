//! Transport to the exchange: HTTP calls and byte streams. A trait, so that tests can substitute a simulated
//! exchange and network with a clock of their own.

mod addresses;

use super::settings::Settings;
use crate::limits;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Future returned by a network method.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A bidirectional byte stream.
pub trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// An HTTP request.
#[derive(Clone, Debug)]
pub struct Call {
    /// Full URL.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// `Some`: a POST; `None`: a GET.
    pub body: Option<String>,
}

/// Why an HTTP call has no complete answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallError {
    /// The HTTP client could not be built; retrying does not help.
    NoClient(String),
    /// Connection failed or was reset, or the call timed out.
    Unreachable(String),
    /// The answer, which had this HTTP status, is larger than [`limits::EXCHANGE_BODY_BYTES`].
    TooLarge(u16),
}

/// Access to the exchange.
pub trait Network: Send + Sync {
    /// Status and body of the answer, whatever the status.
    fn call(&self, call: Call) -> Pending<'_, Result<(u16, Vec<u8>), CallError>>;

    /// Opens a byte stream to a host.
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> Pending<'a, io::Result<Box<dyn Pipe>>>;
}

/// The network of this machine.
pub struct Internet {
    settings: Arc<Settings>,
    /// Built on first use: loading the system's certificates takes milliseconds and megabytes.
    client: OnceLock<reqwest::Client>,
}

impl Internet {
    /// Opens no connection yet.
    pub fn new(settings: Arc<Settings>) -> Self {
        // Fails when another part of the program has installed it already, which is fine.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Internet { settings, client: OnceLock::new() }
    }

    fn client(&self) -> Result<&reqwest::Client, CallError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let made = reqwest::Client::builder()
            .user_agent(concat!("tradingd/", env!("CARGO_PKG_VERSION")))
            // A signed call must reach the address it was signed for; sockets use no proxy either.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_millis(self.settings.connect_timeout_ms))
            .timeout(Duration::from_millis(self.settings.request_timeout_ms))
            .build()
            .map_err(|error| CallError::NoClient(format!("no HTTP client: {}", chain(&error))))?;
        Ok(self.client.get_or_init(|| made))
    }

    async fn send(&self, call: Call) -> Result<(u16, Vec<u8>), CallError> {
        let unreachable = |error: reqwest::Error| CallError::Unreachable(chain(&error.without_url()));
        let client = self.client()?;
        let mut builder = match call.body {
            None => client.get(call.url),
            Some(body) => client.post(call.url).body(body),
        };
        for (name, value) in call.headers {
            builder = builder.header(name, value);
        }
        let mut response = builder.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > limits::EXCHANGE_BODY_BYTES {
                return Err(CallError::TooLarge(status));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }
}

impl Network for Internet {
    fn call(&self, call: Call) -> Pending<'_, Result<(u16, Vec<u8>), CallError>> {
        Box::pin(self.send(call))
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> Pending<'a, io::Result<Box<dyn Pipe>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, port)).await?.collect();
            let stream = addresses::race(found, TcpStream::connect).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Pipe>)
        })
    }
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
