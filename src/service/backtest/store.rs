//! What the store keeps of a result: its summary and the outcome of each strategy.

use crate::document::result::Generator;
use crate::domain::ledger::ClosedTrade;
use crate::domain::num::Money;
use crate::domain::time::Timestamp;
use crate::engine::ENGINE_VERSION;
use crate::report::run::RunResult;
use crate::report::tally::Outcome;
use crate::session::digest::hex;
use crate::store::StrategyOutcome;
use crate::store::records::{ResultStrategyV2, ResultV3};
use sha2::{Digest, Sha256};

/// Name and version of this program, as written into documents.
pub const GENERATOR: Generator<'static> = Generator { name: "tradingd", version: env!("CARGO_PKG_VERSION") };

/// The summary shown in lists of results.
pub fn summary(
    id: String,
    session_id: Option<String>,
    stopped_early: bool,
    run: &RunResult,
    created: Timestamp,
) -> ResultV3 {
    let summary = &run.summary;
    let count =
        |outcome: Outcome| summary.trades.iter().filter(|trade| Outcome::of(trade) == outcome).count() as u64;
    let strategy = |strategy: &crate::report::run::StrategyRef| ResultStrategyV2 {
        id: strategy.id.clone(),
        version: strategy.version.unwrap_or(0),
        name: strategy.name.clone(),
    };
    ResultV3 {
        id,
        session_id,
        strategies: run.strategies.iter().map(strategy).collect(),
        symbols: run.symbols.iter().map(|spec| spec.name.clone()).collect(),
        source: run.source.clone(),
        from_us: summary.start.micros(),
        to_us: summary.end.micros(),
        created_us: created.micros(),
        digest: run.digest.clone(),
        trades: summary.trades.len() as u64,
        wins: count(Outcome::Win),
        draws: count(Outcome::Draw),
        initial_money: summary.initial.0,
        net_money: (summary.final_equity - summary.initial - summary.deposits).0,
        max_drawdown_money: summary
            .equity_drawdowns
            .deepest
            .first()
            .map_or(Money::ZERO, |drawdown| drawdown.depth())
            .0,
        stopped_early,
        engine_version: ENGINE_VERSION,
    }
}

/// Outcome of each stored strategy of a completed run. Strategies loaded from files are left out: one of the
/// same name need not be the stored one.
pub fn outcomes(run: &RunResult) -> Vec<StrategyOutcome> {
    let one = |(index, strategy): (usize, &crate::report::run::StrategyRef)| {
        let own = || run.summary.trades.iter().filter(move |trade| trade.strategy as usize == index);
        let count = |outcome: Outcome| own().filter(|trade| Outcome::of(trade) == outcome).count() as u64;
        StrategyOutcome {
            strategy_id: strategy.id.clone(),
            trades: own().count() as u64,
            wins: count(Outcome::Win),
            losses: count(Outcome::Loss),
            draws: count(Outcome::Draw),
            // Whole billionths of a percent add up exactly, in any order.
            net_pct_e9: own().map(|trade| (trade.net_pct() * 1e9).round() as i128).sum(),
            digest: digest(&strategy.id, own(), run),
        }
    };
    run.strategies.iter().enumerate().filter(|(_, strategy)| strategy.version.is_some()).map(one).collect()
}

/// A hash of what a strategy did: its trades with their times, quantities, prices and costs. What else ran
/// beside it does not count.
fn digest<'t>(strategy: &str, trades: impl Iterator<Item = &'t ClosedTrade>, run: &RunResult) -> String {
    let mut hasher = Sha256::new();
    hasher.update(strategy);
    let mut trades = trades.peekable();
    if trades.peek().is_none() {
        // Without trades only what it ran over tells runs apart.
        hasher.update(&run.source);
        hasher.update(format!("{} {}", run.summary.start, run.summary.end));
    }
    for trade in trades {
        let symbol = &run.symbols[trade.symbol.index()].name;
        let ClosedTrade { side, opened_at, closed_at, qty, entry_notional, gross, fees, funding, .. } = trade;
        hasher.update(symbol);
        hasher.update([0, *side as u8]);
        for number in [opened_at.nanos(), closed_at.nanos(), qty.0] {
            hasher.update(number.to_le_bytes());
        }
        for amount in [entry_notional, gross, fees, funding] {
            hasher.update(amount.0.to_le_bytes());
        }
    }
    hex(hasher.finalize())
}
