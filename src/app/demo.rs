//! `tradingd demo`: the daemon on a temporary store with a real recording, the built-in strategies, a user, a
//! backtest, and a paper session on a rehearsal exchange that replays the recording and a generated pump.
//! Needs no network, configuration or other server, and removes its files when it ends.

mod pump;

use super::run::{open, runtime, serve};
use super::{Failure, Global, rehearse, terminal};
use crate::auth::{Role, random_id};
use crate::clock;
use crate::config::Config;
use crate::domain::time::Span;
use crate::domain::visible::Visible;
use crate::service::Service;
use crate::service::settings::Settings;
use clap::Args;
use serde_json::json;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Options of `tradingd demo`.
#[derive(Args)]
pub struct Options {
    /// Address and port; if the port is taken, a free one is used.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

/// Six minutes of two markets; for source and licence see `tests/data/PROVENANCE.md`.
const RECORDING: [(&str, &[u8]); 4] = [
    (
        "BTCUSDT_20240808.trades.csv.gz",
        include_bytes!("../../tests/data/binance-usdm_BTCUSDT_20240808.trades.csv.gz"),
    ),
    (
        "BTCUSDT_20240808.book20.csv.gz",
        include_bytes!("../../tests/data/binance-usdm_BTCUSDT_20240808.book20.csv.gz"),
    ),
    (
        "ETHUSDT_20240808.trades.csv.gz",
        include_bytes!("../../tests/data/binance-usdm_ETHUSDT_20240808.trades.csv.gz"),
    ),
    (
        "ETHUSDT_20240808.book20.csv.gz",
        include_bytes!("../../tests/data/binance-usdm_ETHUSDT_20240808.book20.csv.gz"),
    ),
];

/// A strategy that trades within the six minutes of the backtest, and two that also trade at [`SPEED`].
const STRATEGIES: [&[u8]; 3] = [
    include_bytes!("../../config/strategies/examples/minute_breakout.json"),
    include_bytes!("../../config/strategies/examples/quick_breakout.json"),
    include_bytes!("../../config/strategies/examples/quick_pump.json"),
];

const USER: &str = "demo";

/// The recorded symbols in the rehearsal exchange's spelling, and the generated one.
const SYMBOLS: [&str; 3] = ["BTC_USDT", "ETH_USDT", pump::SYMBOL];

/// Recorded seconds per second on the rehearsal exchange; fast enough to see trades within a minute.
const SPEED: f64 = 5.0;

/// A directory that is removed on drop.
struct Throwaway(PathBuf);

impl Drop for Throwaway {
    fn drop(&mut self) {
        // It is in the system's temporary directory, which the system clears itself.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// A temporary directory that cannot be written, an address that cannot be listened on.
pub fn run(options: &Options) -> Result<(), Failure> {
    let dir = Throwaway(std::env::temp_dir().join(format!("tradingd-demo-{}", random_id())));
    let unwritable = |error: std::io::Error| {
        Failure::other(format!(
            "{} cannot be written ({error}): set TMPDIR to a folder that can",
            dir.0.visible()
        ))
    };
    std::fs::create_dir_all(&dir.0).map_err(unwritable)?;
    let mut config = Config::default();
    let (listen, moved) = free(options.listen);
    config.http.listen = listen.to_string();
    config.log.level = crate::config::Level::Warn;
    let runtime = runtime()?;
    write_recording(&dir.0.join("recording")).map_err(unwritable)?;
    write_pump(&dir.0.join("generated")).map_err(unwritable)?;
    let market =
        rehearse::files(&[dir.0.join("recording"), dir.0.join("generated")], SPEED, runtime.handle())?;
    (config.exchange.rest_url, config.exchange.ws_url) = (market.rest_url(), market.ws_url());
    config.trading.default_symbols = SYMBOLS.map(str::to_owned).to_vec();
    // With these limits trading would pause for half an hour after four losses in a row.
    (config.trading.risk.consecutive_losses, config.trading.risk.trades_per_day) = (None, None);
    // The recording is small and temporary.
    config.recording.min_free_mib = 0;
    let settings = Settings::new(config, Path::new("the demo's own"), clock::now());
    let (_telemetry, log) = super::run::log(&settings)?;
    let service = open(&Global { state: Some(dir.0.join("state")) }, settings, log, runtime.handle())?;
    let password = random_id();
    prepare(&service, &dir.0, &password).map_err(Failure::from)?;
    let served = serve(runtime, service, None, |address| {
        terminal::notice("");
        terminal::notice(&format!("  open      http://{address}"));
        terminal::notice(&format!("  user      {USER}"));
        terminal::notice(&format!("  password  {password}"));
        terminal::notice("");
        if let Some(why) = &moved {
            terminal::notice(&format!("  {why};"));
            terminal::notice(&format!(
                "  the demo listens on port {} instead (--listen chooses another)",
                address.port()
            ));
            terminal::notice("");
        }
        terminal::notice(
            "  a real recording, the built-in strategies and one finished backtest are there, and a paper session trades",
        );
        terminal::notice(&format!(
            "  {} on a rehearsed exchange that replays the recording at {SPEED} times its speed, again and again;",
            SYMBOLS.join(", ")
        ));
        terminal::notice(&format!(
            "  {} is generated: a pump and dump that comes once a minute, half a minute after the start;",
            pump::SYMBOL
        ));
        terminal::notice(
            "  limits that pause after consecutive losses or many trades are off here, so that it keeps trading;",
        );
        terminal::notice("  everything is deleted when you stop this with Ctrl-C");
        terminal::notice("");
    });
    drop(market);
    served
}

/// The wanted address; or, if it cannot be listened on, port 0 (a free port) of the same IP address, with the
/// reason.
fn free(wanted: SocketAddr) -> (SocketAddr, Option<String>) {
    let why = match TcpListener::bind(wanted) {
        Ok(_) => return (wanted, None),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            format!("port {} is taken by another program", wanted.port())
        }
        Err(error) => format!("port {} cannot be used ({error})", wanted.port()),
    };
    (SocketAddr::new(wanted.ip(), 0), Some(why))
}

fn prepare(service: &Arc<Service>, dir: &Path, password: &str) -> Result<(), crate::service::Refusal> {
    let now = clock::now();
    service.users.create(USER, Role::Admin, password, now)?;
    let recording = service.recordings.import(Some(dir), "recording", now)?;
    let [calm, quick, pumps] = STRATEGIES.map(|document| service.strategies.create(document, now));
    let request = json!({
        "session_type": "backtest",
        "strategy_config": {"strategies": [calm?.summary.id]},
        "config": {"session_id": recording["session_id"], "acceleration_factor": 0},
    });
    let started = service.sessions.start(&request, USER, &service.settings.current(), now)?;
    // On a slow machine the backtest may still run after this; the console then shows its progress.
    service.sessions.wait(&started.session_id, Span::from_seconds(60));
    let strategies = [quick?.summary.id, pumps?.summary.id];
    let paper =
        json!({"session_type": "paper", "symbols": SYMBOLS, "strategy_config": {"strategies": strategies}});
    service.sessions.start(&paper, USER, &service.settings.current(), clock::now())?;
    Ok(())
}

/// The generated market goes only to the rehearsal exchange; imported and backtested data are real.
fn write_pump(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let market = pump::market();
    std::fs::write(folder.join("GENERATEDPUMP.trades.csv"), market.trades)?;
    std::fs::write(folder.join("GENERATEDPUMP.book20.csv"), market.books)
}

fn write_recording(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    RECORDING.iter().try_for_each(|(name, bytes)| std::fs::write(folder.join(name), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::strategy;

    #[test]
    fn a_taken_port_is_named_when_another_one_is_used() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = other.local_addr().unwrap();
        let (instead, why) = free(taken);
        assert_eq!(instead, SocketAddr::new(taken.ip(), 0));
        assert_eq!(why.unwrap(), format!("port {} is taken by another program", taken.port()));
        assert_eq!(free(instead), (instead, None));
    }

    #[test]
    fn its_strategies_are_valid() {
        for document in STRATEGIES {
            let read = strategy::parse(document);
            assert!(read.is_ok(), "{:?}", read.err());
        }
    }
}
