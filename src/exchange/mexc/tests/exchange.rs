//! A small exchange on loopback: answers REST with a closure and hands every socket to the test.

use super::sink::Memory;
use crate::domain::record::StreamKind;
use crate::exchange::mexc::{MarketFeed, Mexc, Settings, Subscription};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

/// A scripted REST answer: HTTP bytes, or none.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A complete answer.
    Body(u16, String),
    /// An answer with fewer bytes than announced.
    Truncated(String),
    /// The connection is closed.
    Reset,
    /// No answer ever.
    Silence,
}

/// A JSON answer under HTTP 200.
pub fn ok(data: &str) -> Answer {
    Answer::Body(200, format!(r#"{{"success":true,"code":0,"data":{data}}}"#))
}

/// A rejection under HTTP 200.
pub fn refusal(code: i64) -> Answer {
    Answer::Body(200, format!(r#"{{"success":false,"code":{code},"message":"refused"}}"#))
}

/// A request as received.
#[derive(Clone, Debug)]
pub struct Seen {
    pub target: String,
    pub headers: String,
}

type Answering = dyn FnMut(&Seen) -> Answer + Send;

/// The exchange and the client connected to it.
pub struct Stage {
    pub runtime: Runtime,
    pub settings: Settings,
    pub seen: Arc<Mutex<Vec<Seen>>>,
    answering: Arc<Mutex<Box<Answering>>>,
    peers: mpsc::UnboundedReceiver<Peer>,
}

/// Settings with waits of milliseconds.
fn quick(rest: &str, ws: &str) -> Settings {
    Settings {
        rest_url: rest.to_owned(),
        ws_url: ws.to_owned(),
        requests_per_second: 1_000,
        request_burst: 100,
        account_requests_per_second: 1_000,
        request_timeout_ms: 2_000,
        retry_ms: 1,
        throttle_ms: 30,
        ping_ms: 50,
        pong_timeout_ms: 2_000,
        silence_ms: 2_000,
        reconnect_min_ms: 10,
        reconnect_max_ms: 100,
        subscribes_per_second: 1_000,
        confirm_ms: 2_000,
        snapshot_wait_min_ms: 5,
        snapshot_wait_max_ms: 20,
        resync_ms: 5,
        ..Settings::default()
    }
}

impl Stage {
    /// Answers every call with code 1001 until changed with `answer`.
    pub fn new() -> Stage {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (rest, ws) = runtime.block_on(async { (listen().await, listen().await) });
        let address = |listener: &TcpListener| listener.local_addr().unwrap().to_string();
        let settings = quick(&format!("http://{}", address(&rest)), &format!("ws://{}/edge", address(&ws)));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answering: Arc<Mutex<Box<Answering>>> = Arc::new(Mutex::new(Box::new(|_| refusal(1001))));
        runtime.spawn(serve_rest(rest, answering.clone(), seen.clone()));
        let (sender, peers) = mpsc::unbounded_channel();
        runtime.spawn(serve_sockets(ws, sender));
        Stage { runtime, settings, seen, answering, peers }
    }

    /// Sets how REST answers from now on.
    pub fn answer(&self, answering: impl FnMut(&Seen) -> Answer + Send + 'static) {
        *self.answering.lock().unwrap() = Box::new(answering);
    }

    pub fn client(&self) -> Arc<Mexc> {
        Mexc::new(self.settings.clone(), self.runtime.handle().clone()).unwrap()
    }

    /// A subscribed client, and what its inbox received.
    pub fn subscribe(
        &self,
        symbols: &[&str],
        streams: &[StreamKind],
    ) -> (Arc<Mexc>, MarketFeed, Arc<Memory>) {
        let client = self.client();
        let memory = Arc::new(Memory::default());
        let subscription = Subscription {
            symbols: symbols.iter().map(|name| (*name).to_owned()).collect(),
            streams: streams.to_vec(),
            heard_until: None,
        };
        let live = client.subscribe(subscription, memory.clone()).unwrap();
        (client, live, memory)
    }

    /// The next socket that the client opens.
    #[track_caller]
    pub fn peer(&mut self) -> Peer {
        let next = async { tokio::time::timeout(Duration::from_secs(20), self.peers.recv()).await };
        self.runtime.block_on(next).expect("a connection in time").unwrap()
    }

    /// Number of calls to a path.
    pub fn calls(&self, path: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| seen.target.starts_with(path)).count()
    }
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

async fn serve_rest(
    listener: TcpListener,
    answering: Arc<Mutex<Box<Answering>>>,
    log: Arc<Mutex<Vec<Seen>>>,
) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let (answering, log) = (answering.clone(), log.clone());
        tokio::spawn(async move {
            // A client that disconnects mid-call is not an error here.
            let _ = serve_call(socket, &answering, &log).await;
        });
    }
}

async fn serve_call(
    mut socket: TcpStream,
    answering: &Mutex<Box<Answering>>,
    log: &Mutex<Vec<Seen>>,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        if socket.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let (line, headers) = head.split_once("\r\n").unwrap();
    let seen = Seen { target: line.split(' ').nth(1).unwrap().to_owned(), headers: headers.to_owned() };
    log.lock().unwrap().push(seen.clone());
    let answer = (answering.lock().unwrap())(&seen);
    let head = |status: u16, length: usize| {
        format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
    };
    match answer {
        Answer::Body(status, body) => {
            socket.write_all(format!("{}{body}", head(status, body.len())).as_bytes()).await
        }
        Answer::Truncated(body) => {
            socket.write_all(format!("{}{body}", head(200, body.len() + 100)).as_bytes()).await
        }
        Answer::Reset => Ok(()),
        Answer::Silence => std::future::pending().await,
    }
}

async fn serve_sockets(listener: TcpListener, peers: mpsc::UnboundedSender<Peer>) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let (from_client, received) = mpsc::unbounded_channel();
        let (sender, to_client) = mpsc::unbounded_channel();
        tokio::spawn(serve_socket(socket, from_client, to_client));
        if peers.send(Peer { received, sender }).is_err() {
            return;
        }
    }
}

/// What a test makes a socket do.
pub enum Order {
    Send(Message),
    /// Stops sending pongs.
    Mute,
    /// Cuts the connection without a close frame.
    Cut,
}

async fn serve_socket(
    socket: TcpStream,
    from_client: mpsc::UnboundedSender<Value>,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    let Ok(mut ws) = tokio_tungstenite::accept_async(socket).await else { return };
    let mut is_mute = false;
    loop {
        tokio::select! {
            message = ws.next() => {
                let Some(Ok(message)) = message else { return };
                let Ok(text) = message.into_text() else { continue };
                let Ok(frame) = serde_json::from_str::<Value>(&text) else { continue };
                if frame["method"] == "ping" {
                    if !is_mute {
                        let _ = ws.send(Message::text(r#"{"channel":"pong","data":1,"ts":1}"#)).await;
                    }
                    continue;
                }
                let _ = from_client.send(frame);
            }
            order = orders.recv() => match order {
                Some(Order::Send(message)) => {
                    let _ = ws.send(message).await;
                }
                Some(Order::Mute) => is_mute = true,
                Some(Order::Cut) | None => return,
            }
        }
    }
}

/// The exchange's end of a socket. Pings are answered; the test does everything else. Dropping it cuts the
/// connection.
pub struct Peer {
    received: mpsc::UnboundedReceiver<Value>,
    sender: mpsc::UnboundedSender<Order>,
}

impl Peer {
    pub fn order(&self, order: Order) {
        // Orders to a closed connection are ignored.
        let _ = self.sender.send(order);
    }

    pub fn send(&self, text: &str) {
        self.order(Order::Send(Message::text(text)));
    }

    pub fn acknowledge(&self, channel: &str) {
        self.send(&format!(r#"{{"channel":"rs.sub.{channel}","data":"success","ts":1700000000000}}"#));
    }

    /// A frame of a channel.
    pub fn push(&self, channel: &str, symbol: &str, data: &str) {
        self.send(&format!(
            r#"{{"symbol":"{symbol}","data":{data},"channel":"push.{channel}","ts":1700000000123}}"#
        ));
    }

    /// The next message of the client.
    #[track_caller]
    pub fn next(&mut self, runtime: &Runtime) -> Value {
        let next = async { tokio::time::timeout(Duration::from_secs(20), self.received.recv()).await };
        runtime.block_on(next).expect("a message in time").expect("an open connection")
    }

    /// The next subscriptions, as `deal BTC_USDT`, in order, ignoring contract news.
    #[track_caller]
    pub fn subscriptions(&mut self, runtime: &Runtime, count: usize) -> Vec<String> {
        let mut all = Vec::new();
        while all.len() < count {
            let frame = self.next(runtime);
            let channel = frame["method"].as_str().unwrap().strip_prefix("sub.").unwrap().to_owned();
            if channel != "contract" {
                all.push(format!("{channel} {}", frame["param"]["symbol"].as_str().unwrap()));
            }
        }
        all
    }

    /// Waits until the client has closed the socket.
    #[track_caller]
    pub fn closed(&mut self, runtime: &Runtime) {
        let ended = async {
            tokio::time::timeout(Duration::from_secs(20), async {
                while self.received.recv().await.is_some() {}
            })
            .await
        };
        runtime.block_on(ended).expect("a closed connection in time");
    }
}
