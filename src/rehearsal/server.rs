//! The two HTTP ports: the simulated exchange, and the control port, which is not part of it.

use super::connection;
use super::control;
use super::rest::{Reply, Request};
use super::shared::Shared;
use crate::clock;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Maximum bytes of a request body; a larger one ends the connection.
const BODY_BYTES: usize = 1 << 20;

/// Wait after a failed accept, e.g. without free file descriptors.
const PAUSE: Duration = Duration::from_millis(20);

/// Ends the connection without an answer.
#[derive(Debug)]
pub struct Reset;

impl std::fmt::Display for Reset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("reset on purpose")
    }
}

impl std::error::Error for Reset {}

/// The port of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// The simulated exchange.
    Exchange,
    /// The control port.
    Control,
}

/// Accepts connections until the exchange stops.
pub async fn accept(shared: Arc<Shared>, listener: TcpListener, port: Port) {
    let mut stopping = shared.stopping();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(serve(Arc::clone(&shared), stream, port));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn serve(shared: Arc<Shared>, stream: TcpStream, port: Port) {
    // Small frames must not be delayed; a socket without the option works as well.
    let _ = stream.set_nodelay(true);
    let mut stopping = shared.stopping();
    let service = service_fn(|request| {
        let shared = Arc::clone(&shared);
        async move { answer(shared, request, port).await }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::select! {
        // Either the client disconnected, or the connection was reset on purpose.
        _ = served => {}
        _ = stopping.wait_for(|stop| *stop) => {}
    }
}

async fn answer(
    shared: Arc<Shared>,
    mut request: hyper::Request<Incoming>,
    port: Port,
) -> Result<Response<Full<Bytes>>, Reset> {
    if port == Port::Exchange
        && request.uri().path() == "/edge"
        && hyper_tungstenite::is_upgrade_request(&request)
    {
        return upgrade(shared, &mut request);
    }
    let received = receive(request).await.ok_or(Reset)?;
    let now_ms = clock::now().millis();
    let reply = match port {
        Port::Exchange => shared.lock().ask(&received, now_ms),
        Port::Control => control::answer(&shared, &received),
    };
    if reply.after_ms > 0 {
        tokio::time::sleep(Duration::from_millis(reply.after_ms)).await;
    }
    if reply.is_reset { Err(Reset) } else { Ok(response(reply)) }
}

fn upgrade(
    shared: Arc<Shared>,
    request: &mut hyper::Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Reset> {
    if shared.lock().restarting.is_some() {
        return Err(Reset);
    }
    let Ok((response, socket)) = hyper_tungstenite::upgrade(request, Some(connection::protocol())) else {
        return Err(Reset);
    };
    tokio::spawn(async move {
        if let Ok(socket) = socket.await {
            connection::serve(shared, socket).await;
        }
    });
    Ok(response)
}

/// Reads the whole request; `None` when it is too large or incomplete.
async fn receive(request: hyper::Request<Incoming>) -> Option<Request> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES).collect().await.ok()?.to_bytes();
    let headers = head
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    Some(Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: body.to_vec(),
    })
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(reply.media_type));
    response
}
