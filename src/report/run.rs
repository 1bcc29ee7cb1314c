//! A result: everything a run produced that is read, exported or compared.

use crate::checkpoint::plain;
use crate::domain::decision::{Guard, SectionName};
use crate::domain::quote::common_quote_currency;
use crate::domain::symbol::{SymbolId, SymbolSpec};
use crate::domain::time::{Span, Timestamp};
use crate::report::assumptions::Assumptions;
use crate::report::fired::{Fired, FiredSections};
use crate::report::metrics::Metric;
use crate::report::reason::TradeReason;
use crate::report::series::{Bucket, PriceExtent};
use crate::report::statistics::Summary;
use std::collections::BTreeMap;

/// Kind of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// A backtest on recorded data.
    Backtest,
    /// A real market feed with simulated orders.
    Paper,
    /// A real market feed with real orders.
    Live,
}

impl Mode {
    /// Name in the JSON form.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Mode::Backtest => "backtest",
            Mode::Paper => "paper",
            Mode::Live => "live",
        }
    }

    /// Title of a report.
    pub const fn title(self) -> &'static str {
        match self {
            Mode::Backtest => "Backtest",
            Mode::Paper => "Paper session",
            Mode::Live => "Live session",
        }
    }
}

/// The result of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct RunResult {
    /// Kind of the run.
    pub mode: Mode,
    /// File or recording that was replayed.
    pub source: String,
    /// The symbols, in the order of their ids; prices are in their ticks.
    pub symbols: Vec<SymbolSpec>,
    /// The strategies, in the order of their indices.
    pub strategies: Vec<StrategyRef>,
    /// SHA-256 of the canonical decisions, hexadecimal.
    pub digest: String,
    /// Assumptions.
    pub assumptions: Assumptions,
    /// Evaluation.
    pub summary: Summary,
    /// Number of orders sent.
    pub orders_count: u64,
    /// Sections that became true and moved an instance. Those of S1 are the signals: [`RunResult::signals`].
    pub fired: FiredSections,
    /// Why the trades of the summary were opened and closed, in the same order; only for the first
    /// [`crate::limits::EXPLAINED_TRADES`].
    pub reasons: Vec<TradeReason>,
    /// Blocked entries by guard.
    pub refusals: Vec<BlockedByGuard>,
    /// Prices for charts, one series per symbol.
    pub prices: Vec<(SymbolId, Vec<Bucket<PriceExtent>>)>,
    /// Settings as given by the user, by name, for the snapshot.
    pub settings: Vec<(String, String)>,
}

/// How much data a strategy needs before its first signal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookBack {
    /// The indicator with the longest look-back.
    pub indicator: String,
    /// Time span of the data needed.
    pub span: Span,
}

/// A strategy of a result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StrategyRef {
    /// Id.
    pub id: String,
    /// Version, if it came from the store.
    pub version: Option<u32>,
    /// Version of the program, if it is built in and came with it.
    pub release: Option<&'static str>,
    /// Name.
    pub name: String,
    /// The strategy document as text.
    pub document: Option<String>,
    /// The data needed before the first signal; `None`: none.
    pub look_back: Option<LookBack>,
}

/// Entries blocked by one guard.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BlockedByGuard {
    /// Guard.
    pub guard: Guard,
    /// Number of blocked entries.
    pub count: u64,
    /// Time of the first one.
    pub first_at: Timestamp,
    /// Value measured at the first one.
    pub value: f64,
    /// Value allowed at the first one.
    pub threshold: f64,
}

plain!(struct BlockedByGuard { guard, count, first_at, value, threshold });

impl BlockedByGuard {
    /// Number of entries that all guards blocked.
    pub fn total(refusals: &[BlockedByGuard]) -> u64 {
        refusals.iter().map(|refusal| refusal.count).sum()
    }
}

/// Counts blocked entries by guard.
#[derive(Clone, Debug, Default)]
pub struct BlockedEntries(BTreeMap<Guard, BlockedByGuard>);

plain!(struct BlockedEntries(by_guard));

impl BlockedEntries {
    /// Counts a blocked entry; the first one of a guard is kept as the example.
    pub fn add(&mut self, at: Timestamp, guard: Guard, value: f64, threshold: f64) {
        self.0
            .entry(guard)
            .or_insert(BlockedByGuard { guard, count: 0, first_at: at, value, threshold })
            .count += 1;
    }

    /// Most frequent first; ties in the order of the guards.
    pub fn finish(self) -> Vec<BlockedByGuard> {
        let mut refusals: Vec<BlockedByGuard> = self.0.into_values().collect();
        refusals.sort_by_key(|refusal| std::cmp::Reverse(refusal.count));
        refusals
    }
}

impl RunResult {
    /// A metric by its id.
    pub fn metric(&self, id: &str) -> Option<&Metric> {
        self.summary.metric(id)
    }

    /// A symbol's specification.
    pub fn spec(&self, symbol: SymbolId) -> Option<&SymbolSpec> {
        self.symbols.get(symbol.index())
    }

    /// A symbol's name; a dash if it is unknown.
    pub fn symbol_name(&self, symbol: SymbolId) -> &str {
        self.spec(symbol).map_or("—", |spec| &spec.name)
    }

    /// A strategy's id; a dash if it is unknown.
    pub fn strategy_id(&self, strategy: u32) -> &str {
        self.strategies.get(strategy as usize).map_or("—", |strategy| &strategy.id)
    }

    /// Names of all symbols.
    pub fn symbols_line(&self) -> String {
        self.symbols.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Ids of all strategies, with versions.
    pub fn strategies_line(&self) -> String {
        let shown = |strategy: &StrategyRef| match (strategy.version, strategy.release) {
            (Some(version), _) => format!("{} v{version}", strategy.id),
            (None, Some(release)) => format!("{} of tradingd {release}", strategy.id),
            (None, None) => strategy.id.clone(),
        };
        self.strategies.iter().map(shown).collect::<Vec<_>>().join(", ")
    }

    /// The first twelve digits of the digest.
    pub fn digest_short(&self) -> &str {
        self.digest.get(..12).unwrap_or(&self.digest)
    }

    /// The listed signals in time order: S1 became true for an instance that waited for it.
    pub fn signals(&self) -> impl Iterator<Item = &Fired> {
        self.fired.listed().iter().filter(|fired| fired.section == SectionName::S1)
    }

    /// Number of signals, listed or not.
    pub fn signals_count(&self) -> u64 {
        self.fired_count(SectionName::S1)
    }

    /// How often a section became true and moved an instance.
    pub fn fired_count(&self, section: SectionName) -> u64 {
        self.fired.count(section)
    }

    /// The currency of all amounts; `None` when the symbols do not name one, or name different ones.
    pub fn currency(&self) -> Option<&str> {
        common_quote_currency(self.symbols.iter().map(|spec| spec.name.as_str()))
    }

    /// Whether one symbol and one strategy have the account for themselves.
    pub fn has_own_account(&self) -> bool {
        self.symbols.len() <= 1 && self.strategies.len() <= 1
    }

    /// The decisions behind a trade, by its index in the summary.
    pub fn reason(&self, trade: usize) -> Option<&TradeReason> {
        self.reasons.get(trade)
    }
}
