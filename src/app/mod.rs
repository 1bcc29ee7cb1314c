//! Composition root: parses the command line, opens what a command needs, runs it and maps the outcome to an
//! exit code. Results go to standard output, progress and errors to standard error.
//!
//! Invariant: trading and validation rules are in the layers below, so HTTP and the command line share them.

mod failure;
mod file_limit;
mod terminal;

mod arguments;
mod backtest;
mod config;
mod daemon;
mod declared;
mod demo;
mod dry_run;
mod examples;
mod export;
mod import;
mod indicators;
mod keys;
mod live;
mod manual;
mod misspelt;
mod output;
mod recordings;
mod rehearse;
mod replay;
mod results;
mod run;
mod sessions;
mod state;
mod strategies;
mod strategy_file;
mod sweep;
mod sync;
mod systemd;
mod table;
mod users;
mod verify;
mod watchdog;

pub use failure::Failure;

use crate::telemetry;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Records MEXC futures, replays them in backtests and trades them on paper.
#[derive(Parser)]
#[command(name = "tradingd", version, max_term_width = 110, help_template = TEMPLATE)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Help template that lists the commands through `after-help`: clap itself cannot group subcommands.
const TEMPLATE: &str = "{about-with-newline}\n{usage-heading} {usage}{after-help}\n\nOptions:\n{options}\n";

/// Commands by group, in the order in which the help lists them.
const GROUPS: [(&str, &[&str]); 4] = [
    ("Backtest", &["backtest", "sweep", "results", "strategies", "indicators"]),
    ("Market data", &["import", "recordings", "export", "verify"]),
    (
        "Daemon",
        &[
            "demo", "run", "config", "user", "sessions", "keys", "live", "watchdog", "replay", "rehearse",
            "sync",
        ],
    ),
    ("Shell", &["completions", "man", "help"]),
];

/// The option of every command that works on a store.
#[derive(Args, Clone)]
pub struct Global {
    /// Directory of the store and the keys [default: $STATE_DIRECTORY, else ./state].
    #[arg(long, global = true, value_name = "DIR", help_heading = "Store")]
    state: Option<PathBuf>,
}

impl Global {
    /// The state directory: `--state`, else `$STATE_DIRECTORY` (set by systemd), else `./state`.
    pub fn state(&self) -> PathBuf {
        let from_systemd = || std::env::var_os("STATE_DIRECTORY").map(PathBuf::from);
        self.state.clone().or_else(from_systemd).unwrap_or_else(|| PathBuf::from("state"))
    }
}

/// Options of a command that works on a store.
#[derive(Args)]
struct OnStore<O: Args> {
    #[command(flatten)]
    options: O,
    #[command(flatten)]
    global: Global,
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon on a throw-away store with a real recording and a user.
    #[command(after_help = examples::DEMO)]
    Demo(demo::Options),
    /// Run the daemon: REST, WebSocket and console.
    #[command(after_help = examples::RUN)]
    Run(OnStore<run::Options>),
    /// Run strategies over recorded market data and show what they would have earned.
    #[command(after_help = examples::BACKTEST, allow_negative_numbers = true)]
    Backtest(Box<OnStore<backtest::Options>>),
    /// Run variants of a strategy over recorded market data and put them in order.
    #[command(after_help = examples::SWEEP, allow_negative_numbers = true)]
    Sweep(Box<OnStore<sweep::Options>>),
    /// List every indicator type with its formula, unit and parameters.
    #[command(after_help = examples::INDICATORS)]
    Indicators(indicators::Options),
    /// Import files of market data as one recording: all of them or none.
    #[command(after_help = examples::IMPORT, allow_negative_numbers = true)]
    Import(Box<OnStore<import::Options>>),
    /// List recordings, show or delete one.
    #[command(visible_alias = "recording", after_help = examples::RECORDINGS)]
    Recordings(OnStore<recordings::Options>),
    /// Export the rows of a recording to files.
    #[command(after_help = examples::EXPORT)]
    Export(OnStore<export::Options>),
    /// Check every record and block of the store.
    #[command(after_help = examples::VERIFY)]
    Verify(OnStore<verify::Options>),
    /// Serve an exchange on loopback that replays market data and takes orders.
    #[command(after_help = examples::REHEARSE, allow_negative_numbers = true)]
    Rehearse(OnStore<rehearse::Options>),
    /// Replay a paper or live session from its recorded input and compare every decision.
    #[command(after_help = examples::REPLAY)]
    Replay(OnStore<replay::Options>),
    /// List, show, validate and add strategies.
    #[command(visible_alias = "strategy", after_help = examples::STRATEGIES)]
    Strategies(OnStore<strategies::Options>),
    /// List and show sessions; start, stop, pause and flatten those of the running daemon.
    #[command(visible_alias = "session", after_help = examples::SESSIONS)]
    Sessions(OnStore<sessions::Options>),
    /// Store the API key of the exchange account.
    #[command(after_help = examples::KEYS)]
    Keys(OnStore<keys::Options>),
    /// Check the exchange account; lock and unlock live trading.
    #[command(after_help = examples::LIVE)]
    Live(OnStore<live::Options>),
    /// Close the positions of live sessions when the daemon's heartbeat stops; run it beside the daemon.
    #[command(after_help = examples::WATCHDOG)]
    Watchdog(OnStore<watchdog::Options>),
    /// List and show results of backtests and sessions, with their trades and reports.
    #[command(visible_alias = "result", after_help = examples::RESULTS)]
    Results(OnStore<results::Options>),
    /// Copy to QuestDB now, show how the copy stands, compare and repair it.
    #[command(after_help = examples::SYNC)]
    Sync(OnStore<sync::Options>),
    /// Create, change and list the users who may log in.
    #[command(visible_alias = "users", after_help = examples::USER)]
    User(OnStore<users::Options>),
    /// Check a configuration file, or write one with all defaults.
    #[command(after_help = examples::CONFIG)]
    Config(config::Options),
    /// Print a completion script for a shell.
    #[command(after_help = examples::COMPLETIONS)]
    Completions(manual::CompletionsOptions),
    /// Print the manual, or write it as manual pages.
    #[command(after_help = examples::MAN)]
    Man(manual::ManOptions),
}

/// Parses the arguments and runs the command; a failure is printed and becomes the exit code.
pub fn main() -> ExitCode {
    let parsed = command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            let asked = matches!(
                error.kind(),
                clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion
            );
            if asked {
                terminal::print(&error.to_string());
                return ExitCode::SUCCESS;
            }
            terminal::notice(&arguments::refusal(error));
            return ExitCode::from(failure::USAGE);
        }
    };
    let done = file_limit::is_an_error().and_then(|()| cli.command.run());
    telemetry::flush();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::report(&failure);
            ExitCode::from(failure.code())
        }
    }
}

impl Command {
    fn run(self) -> Result<(), Failure> {
        match self {
            Command::Demo(options) => demo::run(&options),
            Command::Run(on) => run::run(&on.global, &on.options),
            Command::Backtest(on) => {
                let OnStore { options, global } = *on;
                backtest::run(&global, options)
            }
            Command::Sweep(on) => sweep::run(&on.global, &on.options),
            Command::Indicators(options) => indicators::run(&options),
            Command::Import(on) => import::run(&on.global, &on.options),
            Command::Recordings(on) => recordings::run(&on.global, &on.options),
            Command::Export(on) => export::run(&on.global, &on.options),
            Command::Verify(on) => verify::run(&on.global, &on.options),
            Command::Rehearse(on) => rehearse::run(&on.global, &on.options),
            Command::Replay(on) => replay::run(&on.global, &on.options),
            Command::Strategies(on) => strategies::run(&on.global, &on.options),
            Command::Sessions(on) => sessions::run(&on.global, &on.options),
            Command::Keys(on) => keys::run(&on.global, &on.options),
            Command::Live(on) => live::run(&on.global, &on.options),
            Command::Watchdog(on) => watchdog::run(&on.global, &on.options),
            Command::Results(on) => results::run(&on.global, &on.options),
            Command::Sync(on) => sync::run(&on.global, &on.options),
            Command::User(on) => users::run(&on.global, &on.options),
            Command::Config(options) => config::run(&options),
            Command::Completions(options) => manual::completions(&options),
            Command::Man(options) => manual::man(&options),
        }
    }
}

/// The clap command with the grouped list of commands in its help.
fn command() -> clap::Command {
    let command = Cli::command();
    let listed = groups(&command);
    command.after_help(listed)
}

/// The grouped list of commands, each with the first sentence of its help.
fn groups(command: &clap::Command) -> String {
    let about = |name: &str| {
        let found = command.get_subcommands().find(|sub| sub.get_name() == name);
        found
            .and_then(clap::Command::get_about)
            .map_or_else(|| "Explain a command and its options".to_owned(), ToString::to_string)
    };
    let group = |(heading, names): &(&str, &[&str])| {
        let lines: Vec<String> = names.iter().map(|name| format!("  {name:<12} {}", about(name))).collect();
        format!("{heading}:\n{}", lines.join("\n"))
    };
    let groups: Vec<String> = GROUPS.iter().map(group).collect();
    format!("{}\n\nEvery command has examples: tradingd help COMMAND", groups.join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_command_is_in_one_group() {
        command().debug_assert();
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        for sub in Cli::command().get_subcommands() {
            assert_eq!(
                grouped.iter().filter(|name| **name == sub.get_name()).count(),
                1,
                "{}",
                sub.get_name()
            );
        }
        assert_eq!(grouped.len(), Cli::command().get_subcommands().count() + 1, "all and `help`");
    }

    /// A command offers only options that it reads.
    #[test]
    fn only_commands_that_use_them_offer_the_state_directory_and_the_configuration() {
        for (name, help) in all_help(command(), String::new()) {
            let first = name.split_whitespace().nth(1).unwrap_or_default();
            let uses_store = !["", "demo", "indicators", "config", "completions", "man"].contains(&first);
            assert_eq!(help.contains("--state"), uses_store, "{name}");
            let reads_configuration = ["run", "backtest", "sync", "watchdog"].contains(&first)
                || ["tradingd config check", "tradingd sweep", "tradingd sweep run"].contains(&name.as_str());
            assert_eq!(help.contains("--config <"), reads_configuration, "{name}");
        }
    }

    /// The help of a command and of all its subcommands, by the command line that prints it.
    fn all_help(mut command: clap::Command, above: String) -> Vec<(String, String)> {
        command.build();
        let name = format!("{above}{} ", command.get_name());
        let mut all = vec![(name.trim_end().to_owned(), command.render_long_help().to_string())];
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            all.extend(all_help(sub.clone(), name.clone()));
        }
        all
    }

    /// Every option that takes a number takes a negative one, if only to say why it cannot be used.
    #[test]
    fn negative_numbers_are_values_and_not_unknown_options() {
        let backtest = "backtest --strategy x --data y";
        let run = "sweep run --strategy x --set /a=1 --data y";
        for line in [
            format!("{backtest} --fees -0.02,0.06 --json"),
            format!("{backtest} --fees -5 --slippage -1 --stop-loss -1"),
            format!("{} --fees -0.02,-0.01", run.replace(" run", "")),
            format!("{run} --fees -0.02,0.06 --by net_profit"),
            "rehearse --data y --speed -1".to_owned(),
        ] {
            let parsed = command().try_get_matches_from(["tradingd"].into_iter().chain(line.split(' ')));
            assert!(parsed.is_ok(), "{line}\n{}", parsed.unwrap_err());
        }
        for line in [format!("{backtest} --price-step -1"), "import y --price-step -1".to_owned()] {
            let refused = command().try_get_matches_from(["tradingd"].into_iter().chain(line.split(' ')));
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains("is not a number above zero"), "{line}\n{refused}");
        }
    }

    #[test]
    fn the_help_of_a_backtest_explains_every_way_a_trade_ends() {
        use crate::domain::decision::Trigger;
        let help: String = examples::BACKTEST.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(&crate::report::legend::sections()));
        for trigger in [
            Trigger::StopLoss,
            Trigger::TrailingStop,
            Trigger::BreakEven,
            Trigger::TakeProfit,
            Trigger::Ladder,
            Trigger::MaxHold,
            Trigger::DataLoss,
            Trigger::Risk,
            Trigger::Command,
            Trigger::Liquidation,
            Trigger::End,
        ] {
            let explained = crate::report::legend::triggers([trigger]);
            assert!(help.contains(&explained), "{explained}");
        }
    }

    #[test]
    fn every_example_is_understood() {
        for (name, text) in examples::ALL {
            let lines: Vec<&str> =
                text.lines().map(str::trim).filter(|line| line.starts_with("tradingd ")).collect();
            assert!(!lines.is_empty(), "{name} has no example");
            for line in lines {
                let (words, _) = line.split_once('#').unwrap_or((line, ""));
                let (words, _) = words.split_once(" > ").unwrap_or((words, ""));
                let parsed = command().try_get_matches_from(words.split_whitespace());
                assert!(parsed.is_ok(), "{line}\n{}", parsed.unwrap_err());
            }
        }
        assert_eq!(examples::ALL.len(), Cli::command().get_subcommands().count());
    }
}
