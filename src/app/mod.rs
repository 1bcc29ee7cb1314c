//! Composition root: parses the command line, opens what a command needs, runs it, and turns the end into an exit
//! code. Results go to standard output, progress and problems to standard error.
//!
//! Never: a rule of the trade. Those live below.

mod failure;
mod terminal;

mod backtest;
mod config;
mod declared;
mod demo;
mod export;
mod import;
mod indicators;
mod recordings;
mod rehearse;
mod replay;
mod results;
mod run;
mod sessions;
mod state;
mod strategies;
mod systemd;
mod table;
mod users;
mod verify;

pub use failure::Failure;

use clap::{Args, Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Records MEXC futures, replays them in backtests, trades them on paper and live.
#[derive(Parser)]
#[command(name = "tradingd", version, max_term_width = 110, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Args, Clone)]
pub struct Global {
    /// Directory of the store, keys and crash logs [default: $STATE_DIRECTORY, else ./state].
    #[arg(long, global = true, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Configuration file.
    #[arg(long, global = true, value_name = "FILE", default_value = "config/config.json")]
    config: PathBuf,
}

impl Global {
    /// The configuration file.
    pub fn config_path(&self) -> &Path {
        &self.config
    }

    /// The state directory: the option, systemd's, or `./state`.
    pub fn state(&self) -> PathBuf {
        let from_systemd = || std::env::var_os("STATE_DIRECTORY").map(PathBuf::from);
        self.state.clone().or_else(from_systemd).unwrap_or_else(|| PathBuf::from("state"))
    }
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon on a throw-away store with a real recording; prints where it is and how to log in.
    Demo(demo::Options),
    /// Run the daemon: REST, WebSocket and console.
    Run(run::Options),
    /// Run strategies over recorded market data and show what they would have earned.
    Backtest(Box<backtest::Options>),
    /// List every indicator type with its formula, unit and parameters.
    Indicators(indicators::Options),
    /// Import files of market data as one recording, whole or not at all.
    Import(import::Options),
    /// List recordings, show or delete one.
    Recordings(recordings::Options),
    /// Write the rows of a recording back to files.
    Export(export::Options),
    /// Check every record and block of the store.
    Verify(verify::Options),
    /// Serve an exchange on loopback that replays market data, takes orders and makes faults.
    Rehearse(rehearse::Options),
    /// Replay a paper session from what it recorded, and compare every decision.
    Replay(replay::Options),
    /// List, show, validate and add strategies.
    Strategies(strategies::Options),
    /// List and show sessions.
    Sessions(sessions::Options),
    /// List and show results of backtests and sessions.
    Results(results::Options),
    /// Make, change and list the users who may log in.
    User(users::Options),
    /// Check a configuration file.
    Config(config::Options),
}

/// Parses arguments, runs the command, reports failure.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let asked = matches!(error.kind(), clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion);
            // A closed pipe while printing help is not worth an error.
            let _ = error.print();
            return if asked { ExitCode::SUCCESS } else { ExitCode::from(failure::USAGE) };
        }
    };
    let ended = match cli.command {
        Command::Demo(options) => demo::run(&cli.global, &options),
        Command::Run(options) => run::run(&cli.global, &options),
        Command::Backtest(options) => backtest::run(&cli.global, *options),
        Command::Indicators(options) => indicators::run(&options),
        Command::Import(options) => import::run(&cli.global, &options),
        Command::Recordings(options) => recordings::run(&cli.global, &options),
        Command::Export(options) => export::run(&cli.global, &options),
        Command::Verify(options) => verify::run(&cli.global, &options),
        Command::Rehearse(options) => rehearse::run(&cli.global, &options),
        Command::Replay(options) => replay::run(&cli.global, &options),
        Command::Strategies(options) => strategies::run(&cli.global, &options),
        Command::Sessions(options) => sessions::run(&cli.global, &options),
        Command::Results(options) => results::run(&cli.global, &options),
        Command::User(options) => users::run(&cli.global, &options),
        Command::Config(options) => config::run(&cli.global, &options),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            ExitCode::from(failure.code())
        }
    }
}
