//! Options of `tradingd sweep`.

use crate::app::backtest::RunOptions;
use crate::document::axis::Axis;
use crate::service::sweep::Shard;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Options of `tradingd sweep`, which runs a sweep unless a subcommand says otherwise.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(flatten)]
    pub run: RunSweep,
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What else there is to do with sweeps.
#[derive(Subcommand)]
pub enum Action {
    /// Run a sweep or continue one; the same as `tradingd sweep` without `run`.
    #[command(allow_negative_numbers = true)]
    Run(Box<RunSweep>),
    /// Merge the folders of all shards into what one run would have written.
    Merge(MergeOptions),
    /// Show the trials of a sweep in order, or the document of one.
    Show(ShowOptions),
}

/// Options of a run.
#[derive(Args)]
pub struct RunSweep {
    /// Strategy that is varied: a built-in or stored id, or a document file.
    #[arg(long, value_name = "ID|FILE", help_heading = "Data")]
    pub strategy: Option<String>,
    /// Field that is varied, by its JSON pointer, with its values: /maxHoldSeconds=300..900/150 (first, last,
    /// step) or /z1_entry/leverage=1,2,3. All combinations of all fields are tried, the last field changing
    /// fastest.
    #[arg(long, num_args = 1.., value_name = "POINTER=VALUES", help_heading = "Trials")]
    pub set: Vec<Axis>,
    /// Try this many different combinations, drawn at random, instead of all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Trials")]
    pub random: Option<u64>,
    /// Seed of that draw.
    #[arg(long, default_value_t = 0, value_name = "N", requires = "random", help_heading = "Trials")]
    pub random_seed: u64,
    /// Run only part K of N, into a folder of its own; `sweep merge` puts the parts together.
    #[arg(long, default_value_t = Shard::WHOLE, value_name = "K/N", help_heading = "Run")]
    pub shard: Shard,
    /// Folder of the sweep; an existing one continues where it stopped [default: STATE/sweeps/DIGEST].
    #[arg(long, value_name = "FOLDER", help_heading = "Output")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub runs: RunOptions,
    #[command(flatten)]
    pub shown: Shown,
}

/// How trials are shown.
#[derive(Args)]
pub struct Shown {
    /// Metric that puts the trials in order, best first.
    #[arg(long, default_value = "net_profit", value_name = "METRIC", help_heading = "Output")]
    pub by: String,
    /// Rows of the table.
    #[arg(long, default_value_t = 10, value_name = "N", help_heading = "Output")]
    pub top: usize,
    /// Print all trials as JSON instead of a table.
    #[arg(long, conflicts_with = "csv", help_heading = "Output")]
    pub json: bool,
    /// Print all trials as CSV instead of a table.
    #[arg(long, help_heading = "Output")]
    pub csv: bool,
}

/// Options of `tradingd sweep merge`.
#[derive(Args)]
pub struct MergeOptions {
    /// Folders of the shards, in any order.
    #[arg(required = true, num_args = 1.., value_name = "FOLDER")]
    pub folders: Vec<PathBuf>,
    /// Folder to write.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    #[command(flatten)]
    pub shown: Shown,
}

/// Options of `tradingd sweep show`.
#[derive(Args)]
pub struct ShowOptions {
    /// Folder of the sweep.
    pub folder: PathBuf,
    /// Print the strategy document of this trial, to save it or to confirm the trial with
    /// `tradingd backtest`.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["json", "csv"])]
    pub trial: Option<usize>,
    #[command(flatten)]
    pub shown: Shown,
}
