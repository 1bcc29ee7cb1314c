//! One result: everything a run produced that people read, export or compare.

use crate::domain::decision::{Guard, SectionName};
use crate::domain::num::Price;
use crate::domain::quote::quote_currency;
use crate::domain::symbol::{SymbolId, SymbolSpec};
use crate::domain::time::{Span, Timestamp};
use crate::report::assumptions::Assumptions;
use crate::report::metrics::Metric;
use crate::report::reason::TradeReason;
use crate::report::series::{Bucket, PriceExtent};
use crate::report::statistics::Summary;
use std::collections::BTreeMap;

/// What was run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Recorded data.
    Backtest,
    /// A live market, with simulated orders.
    Paper,
}

impl Mode {
    /// The word of the JSON form.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Mode::Backtest => "backtest",
            Mode::Paper => "paper",
        }
    }

    /// What a report of it is titled.
    pub const fn title(self) -> &'static str {
        match self {
            Mode::Backtest => "Backtest",
            Mode::Paper => "Paper session",
        }
    }
}

/// One result.
#[derive(Clone, PartialEq, Debug)]
pub struct RunResult {
    /// What was run.
    pub mode: Mode,
    /// File or recording it ran on.
    pub source: String,
    /// The symbols, in the order of their ids: prices need their ticks.
    pub symbols: Vec<SymbolSpec>,
    /// The strategies, in the order of their indices.
    pub strategies: Vec<StrategyRef>,
    /// Digest of the canonical decisions, hexadecimal.
    pub digest: String,
    /// What it stands on.
    pub assumptions: Assumptions,
    /// What it was worth.
    pub summary: Summary,
    /// Orders sent.
    pub orders_count: u64,
    /// Sections that became true and moved an instance, in time order. A signal is one of S1: [`RunResult::signals`].
    pub fired: Vec<Fired>,
    /// Why the trades of the summary were opened and closed, in the same order; the first
    /// [`crate::limits::EXPLAINED_TRADES`] only.
    pub reasons: Vec<TradeReason>,
    /// Refused entries by guard.
    pub refusals: Vec<Refusal>,
    /// Prices for the chart, one series a symbol.
    pub prices: Vec<(SymbolId, Vec<Bucket<PriceExtent>>)>,
    /// Settings by name as the user gave them, for the snapshot.
    pub settings: Vec<(String, String)>,
}

/// How far back a strategy looks before it can give its first signal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookBack {
    /// The indicator that looks back furthest.
    pub indicator: String,
    /// The data it needs.
    pub span: Span,
}

/// A strategy of a result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StrategyRef {
    /// Id.
    pub id: String,
    /// Version, when it came from a store.
    pub version: Option<u32>,
    /// Name.
    pub name: String,
    /// The document it ran, as text.
    pub document: Option<String>,
    /// The data it needs before its first signal; `None`: none.
    pub look_back: Option<LookBack>,
}

/// A section that became true and moved an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fired {
    /// When.
    pub at: Timestamp,
    /// Which section.
    pub section: SectionName,
    /// On which symbol.
    pub symbol: SymbolId,
    /// Of which strategy (index).
    pub strategy: u32,
    /// Last trade price then.
    pub price: Option<Price>,
}

/// Entries refused by one guard.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Refusal {
    /// By what.
    pub guard: Guard,
    /// How often.
    pub count: u64,
    /// When first.
    pub first_at: Timestamp,
    /// What was measured then.
    pub value: f64,
    /// What was allowed then.
    pub threshold: f64,
}

/// Counts refusals by guard.
#[derive(Clone, Debug, Default)]
pub struct Refusals(BTreeMap<Guard, Refusal>);

impl Refusals {
    /// One more refusal; the first of a guard is the example.
    pub fn add(&mut self, at: Timestamp, guard: Guard, value: f64, threshold: f64) {
        self.0.entry(guard).or_insert(Refusal { guard, count: 0, first_at: at, value, threshold }).count += 1;
    }

    /// Most frequent first; the guards' own order among equals.
    pub fn finish(self) -> Vec<Refusal> {
        let mut refusals: Vec<Refusal> = self.0.into_values().collect();
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

    /// A symbol's name; a dash for one that the result does not know.
    pub fn symbol_name(&self, symbol: SymbolId) -> &str {
        self.spec(symbol).map_or("—", |spec| &spec.name)
    }

    /// A strategy's id; a dash for one that the result does not know.
    pub fn strategy_id(&self, strategy: u32) -> &str {
        self.strategies.get(strategy as usize).map_or("—", |strategy| &strategy.id)
    }

    /// All symbols in a line.
    pub fn symbols_line(&self) -> String {
        self.symbols.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// All strategies in a line, with their versions.
    pub fn strategies_line(&self) -> String {
        let shown = |strategy: &StrategyRef| match strategy.version {
            Some(version) => format!("{} v{version}", strategy.id),
            None => strategy.id.clone(),
        };
        self.strategies.iter().map(shown).collect::<Vec<_>>().join(", ")
    }

    /// The first twelve digits of the digest.
    pub fn digest_short(&self) -> &str {
        self.digest.get(..12).unwrap_or(&self.digest)
    }

    /// The signals in time order: moments at which S1 became true for an instance that was waiting for it.
    pub fn signals(&self) -> impl Iterator<Item = &Fired> {
        self.fired.iter().filter(|fired| fired.section == SectionName::S1)
    }

    /// How often a section became true and moved an instance.
    pub fn fired_count(&self, section: SectionName) -> usize {
        self.fired.iter().filter(|fired| fired.section == section).count()
    }

    /// The currency of all amounts; `None` when the symbols do not name one, or not the same.
    pub fn currency(&self) -> Option<&str> {
        let mut quotes = self.symbols.iter().map(|spec| quote_currency(&spec.name));
        let first = quotes.next()??;
        quotes.all(|quote| quote == Some(first)).then_some(first)
    }

    /// Where a trade of the summary was decided on, by its place there.
    pub fn reason(&self, trade: usize) -> Option<&TradeReason> {
        self.reasons.get(trade)
    }
}
