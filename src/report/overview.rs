//! Sums over several results: a row per strategy, and totals. Amounts of different currencies are never
//! added, and there is no total over results that are alternatives to each other.

use crate::domain::num::Money;
use crate::domain::time::Timestamp;
use crate::report::metrics::Amount;
use crate::report::run::{BlockedByGuard, RunResult};
use crate::report::tally::Tally;
use std::collections::BTreeMap;

/// What a sum over several results stands for.
pub const ABOUT_SUMS: &str = "Each result has an account of its own. A sum over results adds up what these separate accounts made; it is exact, so \
     it may differ in the last digit from what the rounded rows add up to.";
/// Why several results have no total.
pub const NO_TOTAL: &str = "There is no total: some results trade the same symbol at the same time, so they are alternatives, \
     and no account made their sum. --together runs strategies in one account.";

/// Sums over several results.
#[derive(Clone, PartialEq, Debug)]
pub struct Overview {
    /// Strategies of the results, e.g. `pump_v2 v3`; empty for a total.
    pub strategy: String,
    /// Currency of the amounts; `None` when the symbols do not tell it.
    pub currency: Option<String>,
    /// Number of results.
    pub results: u64,
    /// Number of results without a trade.
    pub without_trade: u64,
    /// What the results add up to; `None` where they are alternatives to each other.
    pub sums: Option<ResultSums>,
    /// Number of entries that limits blocked.
    pub entries_blocked: u64,
    /// The deepest drawdown of all results, percent.
    pub worst_drawdown_pct: f64,
}

/// Sums over the accounts of several results.
#[derive(Clone, PartialEq, Debug)]
pub struct ResultSums {
    /// Over all trades.
    pub tally: Tally,
    /// Of net profits.
    pub net: Money,
}

impl Overview {
    fn of(strategy: String, currency: Option<&str>, runs: &[&RunResult]) -> Self {
        let depth = |run: &&RunResult| {
            run.metric("max_drawdown_pct").and_then(|metric| metric.number()).unwrap_or(0.0)
        };
        Overview {
            strategy,
            currency: currency.map(str::to_owned),
            results: runs.len() as u64,
            without_trade: runs.iter().filter(|run| run.summary.trades.is_empty()).count() as u64,
            entries_blocked: runs.iter().map(|run| BlockedByGuard::total(&run.refusals)).sum(),
            sums: (!are_alternatives(runs.iter().copied())).then(|| ResultSums::of(runs)),
            worst_drawdown_pct: runs.iter().map(depth).fold(0.0, f64::max),
        }
    }
}

impl ResultSums {
    fn of(runs: &[&RunResult]) -> Self {
        let mut sums = ResultSums { tally: Tally::default(), net: Money::ZERO };
        for run in runs {
            run.summary.trades.iter().for_each(|trade| sums.tally.add(trade));
            if let Some(Ok(Amount::Money(net))) = run.metric("net_profit").map(|metric| metric.value) {
                sums.net += net;
            }
        }
        sums
    }
}

/// A row per strategy and currency, in order of first appearance.
pub fn by_strategy(runs: &[RunResult]) -> Vec<Overview> {
    added_up(runs, RunResult::strategies_line)
}

/// A row per currency, over all results; empty if [`are_alternatives`].
pub fn totals(runs: &[RunResult]) -> Vec<Overview> {
    if are_alternatives(runs) { Vec::new() } else { added_up(runs, |_| String::new()) }
}

/// Whether two results trade a symbol at the same time, such as variants of a strategy over one source.
pub fn are_alternatives<'a>(runs: impl IntoIterator<Item = &'a RunResult>) -> bool {
    let mut spans: BTreeMap<&str, Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
    for run in runs {
        for spec in &run.symbols {
            spans.entry(&spec.name).or_default().push((run.summary.start, run.summary.end));
        }
    }
    spans.into_values().any(|mut of_symbol| {
        of_symbol.sort_unstable();
        of_symbol.windows(2).any(|pair| pair[1].0 < pair[0].1)
    })
}

fn added_up(runs: &[RunResult], key: impl Fn(&RunResult) -> String) -> Vec<Overview> {
    let mut lines: Vec<(String, Option<&str>, Vec<&RunResult>)> = Vec::new();
    for run in runs {
        let (strategy, currency) = (key(run), run.currency());
        match lines.iter_mut().find(|(known, of, _)| (known, *of) == (&strategy, currency)) {
            Some((_, _, runs)) => runs.push(run),
            None => lines.push((strategy, currency, vec![run])),
        }
    }
    lines.into_iter().map(|(strategy, currency, runs)| Overview::of(strategy, currency, &runs)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decimal::Decimal;
    use crate::domain::symbol::SymbolSpec;
    use crate::report::sample;

    fn in_btc(mut run: RunResult) -> RunResult {
        let step = Decimal::step(8).unwrap();
        run.symbols = vec![SymbolSpec::new("GVTBTC", step, Decimal::ONE, Decimal::ONE).unwrap()];
        run
    }

    /// The sample on another symbol.
    fn on(symbol: &str) -> RunResult {
        let mut run = sample::result();
        run.symbols[0].name = symbol.to_owned();
        run
    }

    #[test]
    fn strategies_are_added_up_over_their_files() {
        let mut other = on("OTHER_USDT");
        other.strategies[0].id = "dump_v2".to_owned();
        let mut without_trade = sample::empty_result();
        without_trade.symbols[0].name = "FOURTH_USDT".to_owned();
        let runs = [sample::result(), other, without_trade, on("THIRD_USDT")];
        let lines = by_strategy(&runs);
        let sums = |line: &Overview| line.sums.clone().unwrap();
        let shown: Vec<(&str, u64, u64, u64)> = lines
            .iter()
            .map(|line| (line.strategy.as_str(), line.results, line.without_trade, sums(line).tally.trades))
            .collect();
        assert_eq!(shown, [("pump_v2 v3", 3, 1, 46), ("dump_v2 v3", 1, 0, 23)]);
        let one = sums(&by_strategy(&runs[..1])[0]).net;
        assert_eq!(sums(&lines[0]).net, one + one);
        let total = totals(&runs);
        assert_eq!((total.len(), total[0].results, sums(&total[0]).tally.trades), (1, 4, 69));
        assert_eq!(sums(&total[0]).net, one + one + one);
    }

    /// Regression: five variants over the same files were added up as if they were one account.
    #[test]
    fn results_that_trade_a_symbol_at_the_same_time_have_no_total() {
        let mut variant = sample::result();
        variant.strategies[0].id = "pump_v3".to_owned();
        let runs = [sample::result(), variant];
        assert!(are_alternatives(&runs) && totals(&runs).is_empty());
        assert_eq!(by_strategy(&runs).len(), 2);
        let twice = by_strategy(&[sample::result(), sample::result()]);
        assert_eq!((twice.len(), twice[0].results, &twice[0].sums), (1, 2, &None), "one history given twice");
        let mut part = sample::result();
        part.source = "another recording".to_owned();
        assert!(are_alternatives(&[sample::result(), part.clone()]), "recordings that overlap in time");
        let length = part.summary.end - part.summary.start;
        part.summary.start = part.summary.end;
        part.summary.end = part.summary.end + length;
        assert!(!are_alternatives(&[part, sample::result()]), "one begins where the other ends");
        assert!(!are_alternatives(&[sample::result(), on("OTHER_USDT")]));
    }

    #[test]
    fn amounts_of_two_currencies_are_never_added() {
        let runs = [sample::result(), in_btc(sample::result())];
        let currencies: Vec<Option<String>> = totals(&runs).into_iter().map(|line| line.currency).collect();
        assert_eq!(currencies, [Some("USDT".to_owned()), Some("BTC".to_owned())]);
        assert_eq!(by_strategy(&runs).len(), 2);
    }
}
