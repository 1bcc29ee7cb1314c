//! What do 10,000 mostly idle WebSocket clients cost, and how soon does a message reach all readers when some
//! clients do not read?
//!
//! Budget: 250 MiB resident in the daemon, p99 from publication to arrival 250 ms with a tenth of the clients
//! not reading. A client with more unread data than the kernel buffers is closed; the other clients are not
//! affected.
//!
//! The published messages are configuration reloads; each carries the time of its publication. The clients
//! are raw sockets in this process and use processor time too, on two cores about as much as the daemon.

mod input;
mod serving;

use input::{is_test, report};
use serde_json::{Value, json};
use serving::client::Login;
use serving::daemon::{Daemon, config};
use serving::{cpu_time, quantile, resident_mib};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, mpsc};
use tradingd::domain::time::Timestamp;

/// Clients that connect at the same time.
const CONNECTING: usize = 128;

fn main() {
    let (clients, rounds) = if is_test() { (20, 2) } else { (10_000, 10) };
    let folder = tempfile::tempdir().expect("a temporary directory");
    write_config(folder.path(), &config());
    let daemon = Daemon::at(folder.path());
    let admin = daemon.admin();
    let alone = resident_mib(&daemon);
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (heard, mut arrivals) = mpsc::unbounded_channel();
        let deaf = clients / 10;
        let start = Instant::now();
        connect(&daemon, &admin, clients - deaf, &heard).await;
        // Last: they do not answer pings, so the daemon closes them after a minute.
        let sleeping = sleepers(&daemon, &admin, deaf).await;
        report("connected", clients as f64 / 1e3 / start.elapsed().as_secs_f64(), "k/s", "");
        report(&format!("resident with {clients} clients"), resident_mib(&daemon), "MiB", "<= 250");
        report("a client", (resident_mib(&daemon) - alone) * 1_024.0 / clients as f64, "KiB", "");
        let before = cpu_time(daemon.pid());
        let mut times = Vec::new();
        for round in 0..rounds {
            times.extend(
                fan_out(&daemon, &admin, &short_config(10 + round), clients - deaf, &mut arrivals).await,
            );
        }
        let used = (cpu_time(daemon.pid()) - before).as_secs_f64() * 1e6;
        times.sort_unstable();
        report("publication to arrival, p50", quantile(&times, 0.50).as_secs_f64() * 1e3, "ms", "");
        report("publication to arrival, p99", quantile(&times, 0.99).as_secs_f64() * 1e3, "ms", "<= 250");
        report("processor time of an arrival, daemon", used / times.len() as f64, "µs", "");

        drop(sleeping);
    });
    report("resident at the end", resident_mib(&daemon), "MiB", "<= 250");
    runtime.block_on(slow_readers());
}

/// Publishes long messages to clients of which some do not read.
async fn slow_readers() {
    let (slow, readers, rounds) = if is_test() { (2, 5, 2) } else { (20, 50, 300) };
    let folder = tempfile::tempdir().expect("a temporary directory");
    fs::write(folder.path().join("config.json"), config().to_string()).expect("a disk with room");
    let daemon = Daemon::at(folder.path());
    let admin = daemon.admin();
    let (heard, mut arrivals) = mpsc::unbounded_channel();
    connect(&daemon, &admin, readers, &heard).await;
    let sleeping = sleepers(&daemon, &admin, slow).await;
    let mut times = Vec::new();
    for round in 0..rounds {
        times.extend(fan_out(&daemon, &admin, &long_config(round), readers, &mut arrivals).await);
    }
    times.sort_unstable();
    report("long messages beside slow readers, p99", quantile(&times, 0.99).as_secs_f64() * 1e3, "ms", "");
    let mut ends = Vec::with_capacity(slow);
    for socket in sleeping {
        ends.extend(end(socket).await);
    }
    report(&format!("slow readers closed, of {slow}"), ends.len() as f64, "", &format!("= {slow}"));
    // Only a client that starts to read within a second sees the close code; the others find the connection
    // gone.
    report("of them told 1013", ends.iter().filter(|code| **code == Some(1013)).count() as f64, "", "");
    let times = fan_out(&daemon, &admin, &long_config(rounds), readers, &mut arrivals).await;
    assert_eq!(times.len(), readers, "nobody else was closed");
}

/// The daemon's close code, `Some(None)` for a connection closed without one, `None` while it is open.
async fn end(mut socket: BufReader<TcpStream>) -> Option<Option<u16>> {
    let quiet = Duration::from_secs(if is_test() { 0 } else { 3 });
    loop {
        match tokio::time::timeout(quiet, frame(&mut socket)).await {
            Ok(Some((CLOSE, payload))) => {
                return Some(payload.first_chunk().map(|code| u16::from_be_bytes(*code)));
            }
            Ok(Some(_)) => {}
            Ok(None) => return Some(None),
            Err(_) => return None,
        }
    }
}

/// A configuration whose reload publishes a message of about 27 KB.
fn long_config(round: usize) -> Value {
    let symbols = |word: &str| -> Vec<String> {
        (0..200).map(|n| format!("{word}{round:0>8}{n:0>8}_USDTUSDTUS")).collect()
    };
    let mut config = config();
    config["trading"] = json!({"default_symbols": symbols("ABCD"), "disabled_symbols": symbols("EFGH")});
    config
}

/// A configuration whose reload changes one number.
fn short_config(max_sessions: usize) -> Value {
    let mut config = config();
    config["limits"] = json!({ "max_sessions": max_sessions });
    config
}

fn bearer(login: &Login) -> String {
    login.access.clone()
}

/// Written to a new file and renamed, so that the daemon never reads a partial file.
fn write_config(folder: &Path, config: &Value) {
    let new = folder.join("config.json.new");
    fs::write(&new, config.to_string())
        .and_then(|()| fs::rename(&new, folder.join("config.json")))
        .expect("a disk with room");
}

/// Triggers one reload; returns the time from its publication to its arrival at each client.
async fn fan_out(
    daemon: &Daemon,
    admin: &Login,
    config: &Value,
    readers: usize,
    arrivals: &mut mpsc::UnboundedReceiver<Duration>,
) -> Vec<Duration> {
    write_config(&daemon.folder, config);
    daemon.signal("HUP");
    let mut times = Vec::with_capacity(readers);
    while times.len() < readers {
        times.push(
            tokio::time::timeout(Duration::from_secs(30), arrivals.recv())
                .await
                .expect("it arrives")
                .expect("clients are there"),
        );
    }
    let status: Value = daemon.ask_as(admin, "GET", "/api/config/status", None).data();
    let at = status["loaded_at"].as_str().and_then(Timestamp::parse).expect("the shape of the API");
    times.iter().map(|time| time.saturating_sub(Duration::from_nanos(at.nanos().unsigned_abs()))).collect()
}

/// Connects clients that read everything and report the delay of each update to `heard`.
async fn connect(daemon: &Daemon, admin: &Login, count: usize, heard: &mpsc::UnboundedSender<Duration>) {
    let (ready, mut all_ready) = mpsc::channel::<()>(1);
    let connecting = Arc::new(Semaphore::new(CONNECTING));
    let (address, token) = (daemon.address, bearer(admin));
    for _ in 0..count {
        let (heard, ready, connecting, token) =
            (heard.clone(), ready.clone(), Arc::clone(&connecting), token.clone());
        tokio::spawn(async move {
            let turn = connecting.acquire_owned().await;
            let mut socket = subscribed(address, &token, "sessions").await;
            drop((turn, ready));
            while let Some((opcode, text)) = frame(&mut socket).await {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is right");
                // A client that does not answer pings for a minute is closed.
                if opcode == PING && socket.write_all(&PONG).await.is_err() {
                    break;
                }
                if text.starts_with(b"{\"type\":\"update\"") && heard.send(now).is_err() {
                    break;
                }
            }
        });
    }
    drop(ready);
    let _ = all_ready.recv().await;
}

/// Connects clients that subscribe and never read again.
async fn sleepers(daemon: &Daemon, admin: &Login, count: usize) -> Vec<BufReader<TcpStream>> {
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        all.push(subscribed(daemon.address, &bearer(admin), "sessions").await);
    }
    all
}

const CLOSE: u8 = 8;
const PING: u8 = 9;
/// An empty final pong frame, masked with zeros.
const PONG: [u8; 6] = [0x8a, 0x80, 0, 0, 0, 0];

/// Connects a client that authenticates in the upgrade request, subscribes and reads its snapshot.
async fn subscribed(address: SocketAddr, token: &str, stream: &str) -> BufReader<TcpStream> {
    const BUFFER_BYTES: usize = 1_024;
    let socket = TcpStream::connect(address).await.expect("the daemon accepts");
    socket.set_nodelay(true).expect("a socket that is open");
    let mut socket = BufReader::with_capacity(BUFFER_BYTES, socket);
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.expect("the daemon reads");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(socket.read_u8().await.expect("the daemon answers"));
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    let subscribe = masked(&json!({"type": "subscribe", "stream": stream}).to_string());
    socket.write_all(&subscribe).await.expect("the daemon reads");
    loop {
        let (_, text) = frame(&mut socket).await.expect("the daemon answers");
        assert!(!text.starts_with(b"{\"type\":\"error\""), "{}", String::from_utf8_lossy(&text));
        if text.starts_with(b"{\"type\":\"snapshot\"") {
            return socket;
        }
    }
}

/// A text frame masked with zeros, as the protocol requires of clients.
fn masked(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).ok().filter(|length| *length < 126).expect("short messages only");
    let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// Reads the next frame: opcode and payload; `None` at the end of the connection.
async fn frame(socket: &mut (impl AsyncReadExt + Unpin)) -> Option<(u8, Vec<u8>)> {
    let opcode = socket.read_u8().await.ok()? & 0x0f;
    let length = match socket.read_u8().await.ok()? {
        126 => usize::from(socket.read_u16().await.ok()?),
        127 => usize::try_from(socket.read_u64().await.ok()?).ok()?,
        short => usize::from(short),
    };
    let mut payload = vec![0; length];
    socket.read_exact(&mut payload).await.ok()?;
    Some((opcode, payload))
}
