//! Options of `tradingd backtest`, checked before anything is opened.

use super::explain_trade::WhichTrade;
use crate::app::Failure;
use crate::app::declared::DeclaredOptions;
use crate::app::output::Replace;
use crate::config::Config;
use crate::domain::num::Rate;
use crate::domain::time::Timestamp;
use crate::service::Records;
use crate::service::backtest::{ReplayClock, RiskChoice, RunSettings, bounds};
use crate::service::settings::risk_limits;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Options of `tradingd backtest`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Strategy: a built-in or stored id, or a document file. Each of several has runs of its own.
    #[arg(long, required = true, num_args = 1.., value_name = "ID|FILE", help_heading = "Data")]
    pub strategy: Vec<String>,
    #[command(flatten)]
    pub runs: RunOptions,
    /// Seconds of data per second; 0 is as fast as possible. Does not change a result.
    #[arg(long, default_value_t = 0.0, value_name = "N", help_heading = "Run")]
    pub speed: f64,
    /// Print one JSON document instead of tables.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Write one self-contained HTML report.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub report: Option<PathBuf>,
    /// Write every decision with its conditions, one JSON object per line.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub journal: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Output")]
    pub replace: Replace,
    /// Store the results; --recording always does, except with --explain and --explain-trade.
    #[arg(long, help_heading = "Output")]
    pub keep: bool,
    /// Explain why there was or was not a trade at a moment, instead of printing the result.
    #[arg(long, value_name = "SYMBOL@TIME", conflicts_with_all = ["explain_trade", "report", "journal", "keep"], help_heading = "Output")]
    pub explain: Option<String>,
    /// Explain why a trade was opened and closed, with all its conditions, instead of printing the result:
    /// its number in the list of trades (RESULT.NUMBER with several results), or `worst` or `best` by net
    /// result in percent.
    #[arg(long, value_name = "NUMBER|worst|best", value_parser = WhichTrade::parse, conflicts_with_all = ["report", "keep"], help_heading = "Output")]
    pub explain_trade: Option<WhichTrade>,
}

/// Data and settings of runs, for every command that makes backtests.
#[derive(Args, Clone, Debug)]
pub struct RunOptions {
    /// Recordings of the store (see `tradingd recordings`); each is a separate source.
    #[arg(long, num_args = 1.., value_name = "ID", conflicts_with = "data", help_heading = "Data")]
    pub recording: Vec<String>,
    /// Market data files or directories. Files that share a stem are one source; files that differ only in
    /// their dates and follow each other (daily files) are one history. Needs no store.
    #[arg(long, num_args = 1.., value_name = "FILE|DIR", help_heading = "Data")]
    pub data: Vec<PathBuf>,
    /// Treat every stem of --data as a separate source, even where files follow each other.
    #[arg(long, help_heading = "Data")]
    pub separate_files: bool,
    /// Skip and list what does not fit instead of refusing everything: sources that lack data a strategy
    /// needs, unusable files, inverse contracts, sources without data between --from and --to.
    #[arg(long, help_heading = "Data")]
    pub skip_unfit: bool,
    #[command(flatten, next_help_heading = "Data")]
    pub declared: DeclaredOptions,
    /// Only these symbols, in either spelling (BTCUSDT, BTC_USDT).
    #[arg(long, num_args = 1.., value_name = "SYMBOL", help_heading = "Data")]
    pub symbol: Vec<String>,
    /// Start of the replay, inclusive, e.g. 2024-08-08T23:55, "2024-08-08 23:55:00",
    /// 2024-08-08T23:55:00+02:00, 2024-08-08, 20240808, or microseconds since 1970; without a zone UTC.
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Data")]
    pub from: Option<Timestamp>,
    /// End of the replay, exclusive; a bar that ends then is in it.
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Data")]
    pub to: Option<Timestamp>,
    /// Initial balance in the quote currency.
    #[arg(long, default_value_t = 10_000.0, value_name = "MONEY", help_heading = "Account and costs")]
    pub initial_balance: f64,
    /// Taker fee, or maker,taker, in percent; a rebate is negative, e.g. -0.02,0.06 [default: 0.02,0.06 or
    /// the recorded contract's].
    #[arg(long, value_name = "PCT[,PCT]", value_parser = fees, allow_hyphen_values = true, help_heading = "Account and costs")]
    pub fees: Option<(Rate, Rate)>,
    /// Extra slippage of every taker fill, percent.
    #[arg(long, default_value_t = 0.0, value_name = "PCT", help_heading = "Account and costs")]
    pub slippage: f64,
    /// Latency from decision to venue, milliseconds (median; jitter is seeded).
    #[arg(long, default_value_t = 80.0, value_name = "MS", help_heading = "Market")]
    pub latency_ms: f64,
    /// Latency from the venue to the engine, of market data and fill reports, milliseconds; applies where
    /// receive times do not include it already.
    #[arg(long, default_value_t = 0.0, value_name = "MS", help_heading = "Market")]
    pub feed_latency_ms: f64,
    /// Spread assumed where no book is recorded, percent.
    #[arg(long, default_value_t = 0.1, value_name = "PCT", help_heading = "Market")]
    pub assumed_spread: f64,
    /// Value assumed at each book level where no book is recorded, in the quote currency; 0 is unlimited.
    #[arg(long, default_value_t = 500.0, value_name = "MONEY", help_heading = "Market")]
    pub assumed_depth: f64,
    /// Seed of all random numbers.
    #[arg(long, default_value_t = 0, value_name = "N", help_heading = "Market")]
    pub seed: u64,
    /// Share of orders that the venue rejects at random, percent.
    #[arg(long, default_value_t = 0.0, value_name = "PCT", help_heading = "Market")]
    pub reject_rate: f64,
    /// Risk limits of the session.
    #[arg(long, value_enum, default_value_t = Risk::Default, help_heading = "Risk")]
    pub risk: Risk,
    /// Configuration file whose risk limits and fees apply, as in sessions of the daemon [default: the
    /// built-in defaults].
    #[arg(long, value_name = "FILE", help_heading = "Risk")]
    pub config: Option<PathBuf>,
    /// Stop for strategies that have none, percent.
    #[arg(long, value_name = "PCT", help_heading = "Risk")]
    pub stop_loss: Option<f64>,
    /// Target for strategies that have none, percent.
    #[arg(long, value_name = "PCT", help_heading = "Risk")]
    pub take_profit: Option<f64>,
    /// Timestamps that order the replay.
    #[arg(long, value_enum, default_value_t = Clock::Exchange, help_heading = "Data")]
    pub clock: Clock,
    /// Run all symbols and strategies of a source in one session with one account, merged by time.
    #[arg(long, help_heading = "Run")]
    pub together: bool,
    /// Threads; 0 is one per core.
    #[arg(long, default_value_t = 0, value_name = "N", help_heading = "Run")]
    pub threads: usize,
}

/// Values of `--risk`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Risk {
    /// Limits of --config, else the defaults: position, exposure, margin, day loss, drawdown, order rate and
    /// more.
    Default,
    /// No session limits; those of the strategy documents still apply.
    None,
}

/// Values of `--clock`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Clock {
    /// The exchange's timestamps.
    Exchange,
    /// The recorder's timestamps.
    Receive,
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::read(text).map_err(|error| error.to_string())
}

fn fees(text: &str) -> Result<(Rate, Rate), String> {
    let number = |part: &str| match part.trim().parse::<f64>() {
        Ok(percent) if percent.abs() <= bounds::FEE.1 => Ok(Rate::from_percent(percent)),
        _ => Err(format!("{part:?} is not a fee between -10 and 10 percent; write 0.06 or 0.02,0.06")),
    };
    match text.split_once(',') {
        Some((maker, taker)) => Ok((number(maker)?, number(taker)?)),
        None => number(text).map(|taker| (taker, taker)),
    }
}

impl Options {
    /// As [`RunOptions::check`], with the options of a backtest alone.
    ///
    /// # Errors
    /// The first option that cannot be used.
    pub fn check(&self) -> Result<(), Failure> {
        self.runs.check()?;
        within(&[("--speed", self.speed, bounds::SPEED)])
    }

    /// The settings of the runs.
    pub fn settings(&self, config: &Config) -> RunSettings {
        RunSettings { speed: self.speed, ..self.runs.settings(config) }
    }
}

/// Refuses the first option that is out of its bounds.
fn within(options: &[(&str, f64, (f64, f64))]) -> Result<(), Failure> {
    match options.iter().find(|(_, value, (min, max))| !(min..=max).contains(&value)) {
        Some((name, value, (min, max))) => {
            Err(Failure::input(format!("{name} {value} is not between {min} and {max}")))
        }
        None => Ok(()),
    }
}

impl RunOptions {
    /// Checks combinations and ranges that the parsers of single values cannot.
    ///
    /// # Errors
    /// The first option that cannot be used.
    pub fn check(&self) -> Result<(), Failure> {
        if self.recording.is_empty() && self.data.is_empty() {
            return Err(Failure::input(
                "name the data: --recording ID for one of `tradingd recordings`, or --data FILE…",
            ));
        }
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            return Err(Failure::input(format!("--from {from} is not before --to {to}")));
        }
        within(&[
            ("--initial-balance", self.initial_balance, bounds::INITIAL_BALANCE),
            ("--slippage", self.slippage, bounds::PRICE_PART),
            ("--latency-ms", self.latency_ms, bounds::LATENCY_MS),
            ("--feed-latency-ms", self.feed_latency_ms, bounds::LATENCY_MS),
            ("--assumed-spread", self.assumed_spread, bounds::PRICE_PART),
            ("--assumed-depth", self.assumed_depth, bounds::ASSUMED_DEPTH),
            ("--reject-rate", self.reject_rate, bounds::SHARE),
            ("--stop-loss", self.stop_loss.unwrap_or(1.0), bounds::STOP_LOSS),
            ("--take-profit", self.take_profit.unwrap_or(1.0), bounds::TAKE_PROFIT),
        ])
    }

    /// The stored records that the runs need.
    pub fn records(&self) -> Vec<Records> {
        let recordings = self.recording.iter().cloned().map(Records::Recording);
        std::iter::once(Records::Strategies).chain(recordings).collect()
    }

    /// Number of threads to use.
    pub fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        if self.threads == 0 { cores() } else { self.threads }
    }

    /// The settings of the runs: the options, with fees and limits of the configuration as defaults.
    pub fn settings(&self, config: &Config) -> RunSettings {
        let fees = config.trading.fees;
        RunSettings {
            default_fees: (Rate::from_percent(fees.maker_pct), Rate::from_percent(fees.taker_pct)),
            limits: risk_limits(&config.trading.risk),
            symbols: self.symbol.clone(),
            from: self.from,
            to: self.to,
            clock: match self.clock {
                Clock::Exchange => ReplayClock::Exchange,
                Clock::Receive => ReplayClock::Receive,
            },
            initial_balance: self.initial_balance,
            fees: self.fees,
            slippage_pct: self.slippage,
            latency_ms: self.latency_ms,
            feed_latency_ms: self.feed_latency_ms,
            assumed_spread_pct: self.assumed_spread,
            assumed_depth: self.assumed_depth,
            seed: self.seed,
            reject_rate_pct: self.reject_rate,
            risk: match self.risk {
                Risk::Default => RiskChoice::Default,
                Risk::None => RiskChoice::None,
            },
            stop_loss_pct: self.stop_loss,
            take_profit_pct: self.take_profit,
            together: self.together,
            declared: self.declared.facts(),
            bar: self.declared.bar(),
            separate_files: self.separate_files,
            skip_unfit: self.skip_unfit,
            ..RunSettings::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn a_rebate_is_a_negative_fee() {
        let of = |maker, taker| Ok((Rate::from_percent(maker), Rate::from_percent(taker)));
        assert_eq!(fees("-0.02,0.06"), of(-0.02, 0.06));
        assert_eq!(fees("-5"), of(-5.0, -5.0));
        for wrong in ["-11", "-0.02,", "--json", "-", "NaN,0"] {
            assert!(fees(wrong).is_err(), "{wrong}");
        }
    }

    /// Regression: the file's limits were ignored, so a run still ended after four losses.
    #[test]
    fn limits_and_fees_of_the_configuration_hold() {
        let line = Line::try_parse_from(["backtest", "--strategy", "x", "--data", "y"])
            .unwrap_or_else(|error| panic!("{error}"));
        let mut config = Config::default();
        assert_eq!(line.options.settings(&config), RunSettings::default());
        config.trading.risk.consecutive_losses = None;
        config.trading.risk.max_leverage = 3;
        config.trading.fees.taker_pct = 0.09;
        let settings = line.options.settings(&config);
        assert_eq!((settings.limits.consecutive_losses, settings.limits.max_leverage), (None, 3));
        assert_eq!(settings.default_fees.1, Rate::from_percent(0.09));
    }
}
