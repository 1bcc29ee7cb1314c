//! Load from 64 connections: `wrk` where it is installed, else threads of this process, which are slower.

use super::client::Connection;
use super::quantile;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Number of connections.
pub const CONNECTIONS: usize = 64;
/// Number of `wrk` threads.
const THREADS: usize = 2;

/// The request to repeat.
pub enum Ask<'a> {
    /// `GET` of one path.
    Get(&'a str),
    /// `PUT /api/strategies/<prefix><n>` with n below [`CONNECTIONS`]. The three parts of the body are joined
    /// by n and a running number.
    Put { prefix: &'a str, body: [&'a str; 3] },
}

/// Measurements of one load.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    pub requests: u64,
    pub per_second: f64,
    pub p50: Duration,
    pub p99: Duration,
    /// Number of answers other than 2xx.
    pub refused: u64,
}

/// A load generator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loader {
    Wrk,
    Own,
}

impl Loader {
    /// `wrk` if it is installed and the load is not `tiny`.
    pub fn best(tiny: bool) -> Self {
        let there = || Command::new("wrk").arg("-v").output().is_ok();
        if !tiny && there() { Loader::Wrk } else { Loader::Own }
    }

    /// Loads a server for `time`.
    pub fn run(self, address: SocketAddr, ask: &Ask, headers: &[(&str, &str)], time: Duration) -> Outcome {
        match self {
            Loader::Wrk => wrk(address, ask, headers, time),
            Loader::Own => own(address, ask, headers, time),
        }
    }
}

fn wrk(address: SocketAddr, ask: &Ask, headers: &[(&str, &str)], time: Duration) -> Outcome {
    let script = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut command = Command::new("wrk");
    command
        .arg(format!("-t{THREADS}"))
        .arg(format!("-c{CONNECTIONS}"))
        .arg(format!("-d{}s", time.as_secs().max(1)))
        .arg("--latency");
    for (name, value) in headers {
        command.args(["-H", &format!("{name}: {value}")]);
    }
    let path = match ask {
        Ask::Get(path) => *path,
        Ask::Put { prefix, body } => {
            write_script(script.path(), prefix, body);
            command.arg("-s").arg(script.path());
            "/"
        }
    };
    let output = command.arg(format!("http://{address}{path}")).output().expect("wrk runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    parse(&text).unwrap_or_else(|| panic!("wrk said {text} {}", String::from_utf8_lossy(&output.stderr)))
}

/// Writes a `wrk` script in which each thread edits its own strategies in turn.
fn write_script(path: &Path, prefix: &str, [before, between, behind]: &[&str; 3]) {
    let each = CONNECTIONS / THREADS;
    let script = format!(
        "local threads = 0\n\
         function setup(thread) thread:set('first', threads * {each}); threads = threads + 1 end\n\
         local count = 0\n\
         function request()\n\
           count = count + 1\n\
           local n = first + count % {each}\n\
           local body = [==[{before}]==] .. n .. [==[{between}]==] .. count .. [==[{behind}]==]\n\
           return wrk.format('PUT', '/api/strategies/{prefix}' .. n, nil, body)\n\
         end\n"
    );
    fs::write(path, script).expect("a disk with room");
}

fn parse(text: &str) -> Option<Outcome> {
    let behind = |word: &str| text.lines().find_map(|line| line.trim().strip_prefix(word)).map(str::trim);
    let requests = text.lines().find_map(|line| line.trim().split_once(" requests in "))?.0.parse().ok()?;
    Some(Outcome {
        requests,
        per_second: behind("Requests/sec:")?.parse().ok()?,
        p50: span(behind("50%")?)?,
        p99: span(behind("99%")?)?,
        refused: behind("Non-2xx or 3xx responses:").map_or(Some(0), |count| count.parse().ok())?,
    })
}

/// Parses `712.00us`, `1.23ms` or `2.00s`.
fn span(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let seconds = match &text[unit..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return None,
    };
    Some(Duration::from_secs_f64(text[..unit].parse::<f64>().ok()? * seconds))
}

fn own(address: SocketAddr, ask: &Ask, headers: &[(&str, &str)], time: Duration) -> Outcome {
    let (over, refused, count) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let start = Instant::now();
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let client = |n: usize| {
            let (over, refused, count) = (&over, &refused, &count);
            move || {
                let mut connection = Connection::open(address);
                let mut times = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    let answer = match ask {
                        Ask::Get(path) => connection.send("GET", path, headers, None),
                        Ask::Put { prefix, body } => {
                            let [before, between, behind] = body;
                            let body = format!(
                                "{before}{n}{between}{}{behind}",
                                count.fetch_add(1, Ordering::Relaxed)
                            );
                            connection.send(
                                "PUT",
                                &format!("/api/strategies/{prefix}{n}"),
                                headers,
                                Some(body.as_bytes()),
                            )
                        }
                    };
                    times.push(began.elapsed());
                    let good = answer.is_some_and(|answer| (200..300).contains(&answer.status));
                    refused.fetch_add(u64::from(!good), Ordering::Relaxed);
                }
                times
            }
        };
        let clients: Vec<_> = (0..CONNECTIONS).map(|n| scope.spawn(client(n))).collect();
        while start.elapsed() < time {
            std::thread::sleep(time.saturating_sub(start.elapsed()));
        }
        over.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().expect("a client ends")).collect()
    });
    let elapsed = start.elapsed();
    times.sort_unstable();
    Outcome {
        requests: times.len() as u64,
        per_second: times.len() as f64 / elapsed.as_secs_f64(),
        p50: quantile(&times, 0.50),
        p99: quantile(&times, 0.99),
        refused: refused.into_inner(),
    }
}
