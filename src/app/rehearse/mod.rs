//! `tradingd rehearse`: an exchange on loopback that replays recorded market data, takes orders and injects
//! faults.
//!
//! Invariant: it listens only on loopback and accepts only the test key.

mod rows;

use super::{Failure, Global, terminal};
use crate::config::{Format, Level};
use crate::domain::contract::Contract;
use crate::domain::visible::Visible;
use crate::limits::SCENARIO_FILE_BYTES;
use crate::regular_file;
use crate::rehearsal::{Generator, Options as Rehearsed, Rehearsal, RowSource, Running, Scenario, TestKey};
use crate::service::Records;
use crate::store::Store;
use crate::{clock, telemetry};
use clap::Args;
use rows::{Found, Origin};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

/// API key and secret of the test account, which no real exchange knows.
pub const TEST_KEY: (&str, &str) = ("rehearsal-key", "rehearsal-secret");

/// Options of `tradingd rehearse`.
#[derive(Args)]
#[command(group(clap::ArgGroup::new("source").required(true)))]
pub struct Options {
    /// Id of a recording of the store.
    #[arg(long, value_name = "ID", group = "source")]
    recording: Option<String>,
    /// Files or directories of market data.
    #[arg(long, value_name = "FILE|DIR", num_args = 1.., group = "source")]
    data: Vec<PathBuf>,
    /// Number of generated symbols and of messages per second, e.g. 200x20000.
    #[arg(long, value_name = "SYMBOLSxMESSAGES", group = "source", value_parser = generated)]
    generate: Option<(usize, u32)>,
    /// Recorded seconds per second, 0.01 to 1000.
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    speed: f64,
    /// Settings and faults as JSON, described in docs/rehearsal.md.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Loopback address and port; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Start again at the end of the data.
    #[arg(long)]
    repeat: bool,
    /// Seed of latencies, spelling variants and faults.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

fn generated(text: &str) -> Result<(usize, u32), String> {
    let (symbols, messages) = text.split_once('x').ok_or("must be two numbers such as 200x20000")?;
    let symbols = symbols
        .parse()
        .ok()
        .filter(|count| (1..=1_000).contains(count))
        .ok_or("must have 1 to 1000 symbols")?;
    let messages = messages
        .parse()
        .ok()
        .filter(|count| (1..=1_000_000).contains(count))
        .ok_or("must have 1 to 1000000 messages")?;
    Ok((symbols, messages))
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// Market data or a scenario that cannot be used, an address that cannot be listened on.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    let _log = telemetry::init(Level::Warn, Format::Text, None)
        .map_err(|_| Failure::other("logging is already set up in this process"))?;
    let scenario = options.scenario.as_deref().map(read_scenario).transpose()?.unwrap_or_default();
    let (source, contracts): (Box<dyn RowSource + Send>, Vec<Contract>) =
        match (&options.recording, options.generate) {
            (Some(id), _) => {
                let found = recording(Arc::new(global.read(&[Records::Recording(id.clone())])?), id)?;
                (Box::new(found.source), found.contracts)
            }
            (None, Some((symbols, messages))) => {
                (Box::new(Generator::new(symbols, messages, options.seed)), Generator::contracts(symbols))
            }
            (None, None) => {
                let found = rows::find(Origin::Files(options.data.clone()))?;
                (Box::new(found.source), found.contracts)
            }
        };
    let runtime = super::run::runtime()?;
    let rehearsed = Rehearsed {
        listen: options.listen,
        source,
        contracts,
        speed: options.speed,
        repeat: options.repeat,
        scenario,
        seed: options.seed,
        keys: vec![test_key()],
    };
    let running = begin(rehearsed, runtime.handle())?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(signal_failure)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(signal_failure)?;
        print_addresses(&running);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok::<(), Failure>(())
    })?;
    running.stop();
    Ok(())
}

/// Opens a recording of the store for replay.
///
/// # Errors
/// An unknown recording, or one without rows to replay.
pub fn recording(store: Arc<Store>, id: &str) -> Result<Found, Failure> {
    rows::find(Origin::Recording(store, id.to_owned()))
}

/// Starts an exchange on a free port that replays files in a loop.
///
/// # Errors
/// Files without rows to replay, no free port.
pub fn files(data: &[PathBuf], speed: f64, runtime: &Handle) -> Result<Running, Failure> {
    let found = rows::find(Origin::Files(data.to_vec()))?;
    let options = Rehearsed {
        listen: SocketAddr::new(std::net::Ipv4Addr::LOCALHOST.into(), 0),
        source: Box::new(found.source),
        contracts: found.contracts,
        speed,
        repeat: true,
        scenario: Scenario::default(),
        seed: 1,
        keys: vec![test_key()],
    };
    begin(options, runtime)
}

/// The key of the test account.
pub fn test_key() -> TestKey {
    TestKey { key: TEST_KEY.0.to_owned(), secret: TEST_KEY.1.to_owned() }
}

/// Starts an exchange.
///
/// # Errors
/// An address that cannot be listened on or is not loopback, a speed out of range.
pub fn begin(options: Rehearsed, runtime: &Handle) -> Result<Running, Failure> {
    let listen = options.listen;
    Rehearsal::start(options, runtime).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidInput => Failure::input(error.to_string()),
        _ => Failure::unavailable(format!(
            "cannot listen on {listen} ({error}): free that address, or name another with --listen"
        )),
    })
}

fn print_addresses(running: &Running) {
    terminal::notice(&format!("rest       {}", running.rest_url()));
    terminal::notice(&format!("websocket  {}", running.ws_url()));
    terminal::notice(&format!("control    http://{}", running.control_address()));
    terminal::notice(&format!("key        {} (secret {})", TEST_KEY.0, TEST_KEY.1));
    terminal::notice(&format!("the rehearsal exchange is ready ({})", clock::now()));
}

fn signal_failure(error: std::io::Error) -> Failure {
    Failure::other(format!("the signals SIGINT and SIGTERM cannot be received: {error}"))
}

/// Reads a scenario file.
///
/// # Errors
/// A file that cannot be read, or the first problem in it with its position.
fn read_scenario(path: &Path) -> Result<Scenario, Failure> {
    let refused = |why: String| Failure::input(format!("{} {why}", path.visible()));
    let text = regular_file::read(path, SCENARIO_FILE_BYTES)
        .map_err(|error| refused(format!("cannot be read: {error}")))?;
    if text.len() as u64 > SCENARIO_FILE_BYTES {
        return Err(refused(format!(
            "is longer than {SCENARIO_FILE_BYTES} bytes; this is not a scenario, docs/rehearsal.md has an example"
        )));
    }
    let text = String::from_utf8(text).map_err(|_| refused("is not UTF-8 text".to_owned()))?;
    Scenario::parse(&text).map_err(|problem| Failure::input(format!("{}: {problem}", path.visible())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_a_regular_file_of_bounded_size() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        std::fs::File::create(at("large")).unwrap().set_len(SCENARIO_FILE_BYTES + 1).unwrap();
        std::fs::write(at("bytes"), [0xff]).unwrap();
        for (name, words) in
            [("pipe", "it is a pipe"), ("large", "is longer than"), ("bytes", "is not UTF-8")]
        {
            let refused = read_scenario(&at(name)).err().unwrap().to_string();
            assert!(refused.contains(words) && refused.contains(name), "{refused}");
        }
    }
}
