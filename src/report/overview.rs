//! Sums over several results: a row per strategy, and totals. Amounts of different currencies are never
//! added.

use crate::domain::num::Money;
use crate::report::metrics::Amount;
use crate::report::run::RunResult;
use crate::report::tally::Tally;

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
    /// Sums over all trades.
    pub tally: Tally,
    /// Sum of net profits. Each result has an account of its own.
    pub net: Money,
    /// The deepest drawdown of all results, percent.
    pub worst_drawdown_pct: f64,
}

impl Overview {
    fn of(strategy: String, currency: Option<&str>) -> Self {
        Overview {
            strategy,
            currency: currency.map(str::to_owned),
            results: 0,
            without_trade: 0,
            tally: Tally::default(),
            net: Money::ZERO,
            worst_drawdown_pct: 0.0,
        }
    }

    fn add(&mut self, run: &RunResult) {
        self.results += 1;
        self.without_trade += u64::from(run.summary.trades.is_empty());
        run.summary.trades.iter().for_each(|trade| self.tally.add(trade));
        if let Some(Ok(Amount::Money(net))) = run.metric("net_profit").map(|metric| metric.value) {
            self.net += net;
        }
        let depth = run.metric("max_drawdown_pct").and_then(|metric| metric.number()).unwrap_or(0.0);
        self.worst_drawdown_pct = self.worst_drawdown_pct.max(depth);
    }
}

/// A row per strategy and currency, in order of first appearance.
pub fn by_strategy(runs: &[RunResult]) -> Vec<Overview> {
    added_up(runs, RunResult::strategies_line)
}

/// A row per currency, over all strategies.
pub fn totals(runs: &[RunResult]) -> Vec<Overview> {
    added_up(runs, |_| String::new())
}

fn added_up(runs: &[RunResult], key: impl Fn(&RunResult) -> String) -> Vec<Overview> {
    let mut lines: Vec<Overview> = Vec::new();
    for run in runs {
        let (strategy, currency) = (key(run), run.currency());
        let known =
            lines.iter().position(|line| line.strategy == strategy && line.currency.as_deref() == currency);
        let index = known.unwrap_or_else(|| {
            lines.push(Overview::of(strategy, currency));
            lines.len() - 1
        });
        lines[index].add(run);
    }
    lines
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

    #[test]
    fn strategies_are_added_up_over_their_files() {
        let mut other = sample::result();
        other.strategies[0].id = "dump_v2".to_owned();
        let runs = [sample::result(), other, sample::empty_result(), sample::result()];
        let lines = by_strategy(&runs);
        let shown: Vec<(&str, u64, u64, u64)> = lines
            .iter()
            .map(|line| (line.strategy.as_str(), line.results, line.without_trade, line.tally.trades))
            .collect();
        assert_eq!(shown, [("pump_v2 v3", 3, 1, 46), ("dump_v2 v3", 1, 0, 23)]);
        let one = by_strategy(&runs[..1])[0].net;
        assert_eq!(lines[0].net, one + one);
        let total = totals(&runs);
        assert_eq!((total.len(), total[0].results, total[0].tally.trades), (1, 4, 69));
        assert_eq!(total[0].net, one + one + one);
    }

    #[test]
    fn amounts_of_two_currencies_are_never_added() {
        let runs = [sample::result(), in_btc(sample::result())];
        let currencies: Vec<Option<String>> = totals(&runs).into_iter().map(|line| line.currency).collect();
        assert_eq!(currencies, [Some("USDT".to_owned()), Some("BTC".to_owned())]);
        assert_eq!(by_strategy(&runs).len(), 2);
    }
}
