//! `tradingd watchdog`: closes what live sessions hold when the daemon's heartbeat stops. A process of its
//! own, with its own client.

use super::run::runtime;
use super::{Failure, Global, terminal};
use crate::clock;
use crate::service::Refusal;
use crate::service::watchdog::{Watchdog, mexc_client};
use crate::telemetry;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Between two looks at the leases.
const LOOK: Duration = Duration::from_secs(1);

/// Options of `tradingd watchdog`.
#[derive(Args)]
pub struct Options {
    /// Configuration file [default: config/config.json, if it exists].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check once and exit.
    #[arg(long)]
    once: bool,
}

/// Watches until it is ended.
///
/// # Errors
/// A configuration that cannot be used; with `--once` also leases or keys that cannot be read.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    let found = super::config::find(options.config.as_deref())?;
    let log = &found.config.log;
    let _log = telemetry::init(log.level, log.format, None)
        .map_err(|_| Failure::other("logging is already set up in this process"))?;
    let runtime = runtime()?;
    let client = mexc_client(&found.config, runtime.handle().clone()).map_err(Failure::configuration)?;
    let mut watchdog = Watchdog::new(&global.state(), &client)
        .map_err(|error| Failure::configuration(format!("exchange.rest_url {error}")))?;
    loop {
        let looked = if options.once { watchdog.look_once(clock::now()) } else { watchdog.look() };
        for closed in looked.closed {
            let side = if closed.is_long { "long" } else { "short" };
            let error = closed.error.map(|error| format!("; last error: {error}")).unwrap_or_default();
            terminal::print(&format!(
                "{} {side} of {}: {} before, {} left{error}\n",
                closed.symbol, closed.session_id, closed.before, closed.remaining
            ));
        }
        if options.once && !looked.unreadable.is_empty() {
            return Err(Refusal::conflict("watchdog_blind", looked.unreadable.join("; ")).into());
        }
        looked.unreadable.iter().for_each(|why| tracing::error!("{why}"));
        if options.once {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
}
