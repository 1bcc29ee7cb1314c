//! Accepts connections within limits, applies timeouts to each, and shuts them down in order.

use super::addresses::Counted;
use super::connection::Connection;
use super::context::AppContext;
use super::error::Failure;
use super::half_closed::watch_client;
use super::handlers::stream::ServiceBackend;
use super::lanes::Lane;
use super::local::{LocalListener, socket_path};
use super::openapi;
use super::pipeline;
use super::reply::Content;
use super::stream::Streams;
use super::write_deadline::WriteDeadline;
use crate::clock;
use crate::limits::{HTTP_HALF_CLOSED_MS, HTTP_HEAD_BYTES, HTTP_HEADERS, LOCAL_CONNECTIONS};
use crate::service::Service;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// A server that is bound but not yet accepting.
pub struct Server {
    listener: TcpListener,
    /// For the command line of this host; `None` when its socket cannot be made.
    local: Option<LocalListener>,
    context: Arc<AppContext>,
    stopping: watch::Receiver<bool>,
}

/// Stops a server.
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// Stops accepting; running requests finish, idle connections close, WebSocket clients are asked to
    /// reconnect.
    pub fn stop(&self) {
        // Fails only if the server has already ended.
        let _ = self.0.send(true);
    }
}

impl Server {
    /// Binds the configured address, and the local socket of the state directory; where that is impossible,
    /// the command line cannot reach the daemon, which is logged.
    ///
    /// # Errors
    /// An address that is in use or does not belong to this machine.
    pub async fn bind(service: Arc<Service>) -> io::Result<(Server, Stop)> {
        let listener = TcpListener::bind(&service.settings.current().http.listen).await?;
        let local = LocalListener::bind(service.state()).map_err(|error| {
            let socket = socket_path(service.state());
            tracing::warn!(socket = %socket.display(), %error, "commands cannot reach this daemon: the socket could not be made");
        });
        let (stop, stopping) = watch::channel(false);
        let streams = Streams::new(
            Arc::new(ServiceBackend(Arc::clone(&service))),
            Arc::clone(&service.hub),
            service.users.logins_changed(),
            stopping.clone(),
        );
        let bound = listener.local_addr()?;
        let context = AppContext::new(service, bound, stopping.clone(), streams, openapi::text());
        Ok((Server { listener, local: local.ok(), context, stopping }, Stop(stop)))
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.context.bound()
    }

    /// Accepts until stopped, then waits for running requests for at most `http.drain_timeout_ms`.
    pub async fn run(self) {
        let Server { listener, local, context, mut stopping } = self;
        let config = context.service.settings.current();
        let hub = Arc::clone(&context.service.hub);
        let hub_task = tokio::spawn(async move { hub.run().await });
        let health_task = tokio::spawn(publish_health(Arc::clone(&context)));
        let permits = Arc::new(Semaphore::new(config.http.max_connections as usize));
        // Every connection holds a sender; when all are dropped, the receiver ends.
        let (alive, mut ended) = mpsc::channel::<()>(1);
        let local_task =
            local.map(|local| tokio::spawn(run_local(local, Arc::clone(&context), alive.clone())));
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stopping.wait_for(|stop| *stop) => break,
                accepted = accept(&listener, &permits) => accepted,
            };
            if let Some((stream, peer, permit)) = accepted {
                let peer = peer.ip().to_canonical();
                let Ok(counted) = count(&context, &stream, peer) else { continue };
                // Send small responses immediately; failing to set the option is harmless.
                let _ = stream.set_nodelay(true);
                let connection = Connection::new(peer, context.rates.bucket(peer));
                spawn(&context, stream, connection, (permit, counted, alive.clone()));
            }
        }
        drop((listener, alive));
        if let Some(local) = local_task {
            local.abort();
        }
        let drain = Duration::from_millis(context.service.settings.current().http.drain_timeout_ms);
        // Whatever has not ended by then is cut off when the process exits.
        let all_ended = async {
            ended.recv().await;
            context.streams.ended().await;
        };
        let _ = tokio::time::timeout(drain, all_ended).await;
        hub_task.abort();
        health_task.abort();
    }
}

/// Delay after a failed accept: an error such as "too many open files" does not vanish at once.
const PAUSE: Duration = Duration::from_millis(20);

/// Publishes the health report every ten seconds while somebody is subscribed.
async fn publish_health(context: Arc<AppContext>) {
    const EVERY: Duration = Duration::from_secs(10);
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        if context.service.hub.has_readers("health") {
            let service = Arc::clone(&context.service);
            let publish =
                move || service.hub.publish("health", "health", None, None, service.ready(clock::now()));
            // A panic is logged where it happens; the next tick tries again.
            let _ = context.lanes.run(Lane::Urgent, publish).await;
        }
    }
}

/// Counts a connection of its address. Trusted proxies are not limited: their clients are counted per
/// request.
///
/// # Errors
/// When the address has the maximum number of connections; it gets a 429 and is closed.
fn count(context: &AppContext, stream: &TcpStream, peer: IpAddr) -> Result<Option<Counted>, ()> {
    let admission = context.admission();
    if admission.proxies.trust(peer) {
        return Ok(None);
    }
    let most = admission.config.http.max_connections_per_address;
    let counted = context.connections.count(peer, most);
    if counted.is_none() {
        // The first bytes of a new socket normally fit its buffer; if not, it is closed without a response.
        let _ = stream.try_write(&too_many(most, &context.request_id()));
    }
    counted.map(Some).ok_or(())
}

/// The response to a connection that is refused before any request.
fn too_many(most: u32, request_id: &str) -> Vec<u8> {
    let reply = Failure::from(pipeline::too_many_connections(most)).into_reply(request_id, clock::now());
    let Content::Flat(body) = reply.content else { return Vec::new() };
    let head = format!(
        "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

/// Accepts the next connection once a permit is free. `None` on an accept error, e.g. no free file
/// descriptors.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, permit)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

/// Accepts connections of the command line until it is aborted.
async fn run_local(local: LocalListener, context: Arc<AppContext>, alive: mpsc::Sender<()>) {
    let permits = Arc::new(Semaphore::new(LOCAL_CONNECTIONS));
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        match local.accept().await {
            Some((stream, caller)) => {
                spawn(&context, stream, Connection::local(caller), (permit, alive.clone()))
            }
            None => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Serves a connection on a task of its own, which drops `held` at its end.
fn spawn<S, H>(context: &Arc<AppContext>, stream: S, connection: Connection, held: H)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Send + 'static,
{
    let context = Arc::clone(context);
    tokio::spawn(async move {
        context.counts.connections.fetch_add(1, Ordering::Relaxed);
        serve(&context, stream, connection).await;
        context.counts.connections.fetch_sub(1, Ordering::Relaxed);
        drop(held);
    });
}

async fn serve<S>(context: &Arc<AppContext>, stream: S, connection: Connection)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let config = context.service.settings.current();
    let write_timeout = Duration::from_millis(config.http.write_timeout_ms);
    let patience = write_timeout.max(Duration::from_millis(HTTP_HALF_CLOSED_MS));
    let (stream, watch) = watch_client(WriteDeadline::new(stream, write_timeout));
    let header_timeout = Duration::from_millis(config.http.header_timeout_ms);
    let connection = Arc::new(connection);
    let service = service_fn(|request| {
        let (context, connection) = (Arc::clone(context), Arc::clone(&connection));
        async move { Ok::<_, std::convert::Infallible>(pipeline::answer(context, connection, request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(HTTP_HEADERS)
        .max_buf_size(HTTP_HEAD_BYTES)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut served = std::pin::pin!(served);
    let mut stopping = context.stopping.clone();
    tokio::select! {
        // First, so that it gets what there is to read.
        biased;
        // Errors of a single client are not logged.
        _ = served.as_mut() => return,
        () = watch.left(patience) => return,
        _ = stopping.wait_for(|stop| *stop) => served.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        biased;
        _ = served.as_mut() => {}
        () = watch.left(patience) => {}
    }
}
