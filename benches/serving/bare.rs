//! Upper bound for the daemon: hyper on the same kind of runtime, without checks, routes, timeouts or logs,
//! answering the same bytes.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, DATE, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::client::Answer;

/// A running server; stops on drop.
pub struct Bare {
    pub address: SocketAddr,
    _runtime: Runtime,
}

impl Bare {
    /// Answers every request with the headers of `like` and the body made by `body`.
    pub fn answering(like: &Answer, body: impl Fn() -> Bytes + Send + Sync + 'static) -> Self {
        let runtime = Builder::new_multi_thread().enable_all().build().expect("threads can be started");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        // Hyper adds these two itself, also in the daemon.
        let written = |name: &str| name == DATE.as_str() || name == CONTENT_LENGTH.as_str();
        let headers: HeaderMap = like
            .headers
            .iter()
            .filter(|(name, _)| !written(name))
            .map(|(name, value)| header(name, value))
            .collect();
        let shared = Arc::new((headers, body));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let service = service_fn(|_: Request<Incoming>| {
                        let mut response = Response::new(Full::new(shared.1()));
                        *response.headers_mut() = shared.0.clone();
                        async move { Ok::<_, Infallible>(response) }
                    });
                    // Fails only when the client disconnects.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Bare { address, _runtime: runtime }
    }
}

fn header(name: &str, value: &str) -> (HeaderName, HeaderValue) {
    let name = HeaderName::from_bytes(name.as_bytes()).expect("it was a header");
    (name, HeaderValue::from_str(value).expect("it was a header"))
}
