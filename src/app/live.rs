//! `tradingd live`: whether the exchange account can be traded now, and the lock of live trading.

use super::daemon::Daemon;
use super::{Failure, Global, terminal};
use crate::service::market::LiveLock;
use clap::{Args, Subcommand};
use serde_json::Value;

/// Options of `tradingd live`.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Probe the exchange account of the running daemon, line by line. Sends one order of quantity zero per
    /// symbol, which the exchange refuses, and changes nothing.
    Check {
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Lock live trading: sessions close their positions and open no new ones. Works on the state directory,
    /// also while the daemon hangs or is down.
    Lock,
    /// Unlock live trading. Sessions stay paused until they are resumed.
    Unlock,
}

/// Runs one of the actions.
///
/// # Errors
/// No daemon, what it refuses, or an account that is not ready.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    let lock = LiveLock::of(&global.state());
    let failed = |error: std::io::Error| Failure::other(format!("the lock cannot be changed: {error}"));
    match &options.action {
        Action::Check { json } => check(global, *json),
        Action::Lock => {
            lock.set("command line").map_err(failed)?;
            terminal::print("live trading is locked; running sessions see it within a second\n");
            Ok(())
        }
        Action::Unlock => {
            let was_locked = lock.remove().map_err(failed)?;
            terminal::print(if was_locked {
                "live trading is unlocked\n"
            } else {
                "live trading was not locked\n"
            });
            Ok(())
        }
    }
}

fn check(global: &Global, as_json: bool) -> Result<(), Failure> {
    let daemon = Daemon::required(&global.state(), "a daemon holds the account")?;
    let answer = daemon.get("/api/exchange/account")?;
    terminal::print(&if as_json { format!("{answer:#}\n") } else { text(&answer) });
    if answer["is_ready"] == true {
        return Ok(());
    }
    Err(Failure::unavailable(
        "the account is not ready for live trading; see the lines that failed".to_owned(),
    ))
}

fn text(answer: &Value) -> String {
    let word = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let mut text = String::new();
    for line in answer["lines"].as_array().into_iter().flatten() {
        let (name, symbol) = (word(line, "name"), word(line, "symbol"));
        text += &format!("{:4}  {name} {symbol}: {}\n", word(line, "verdict"), word(line, "found"));
        if let Some(advice) = line["advice"].as_str() {
            text += &format!("      {advice}\n");
        }
    }
    text
}
