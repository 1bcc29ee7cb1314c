//! `--explain-trade`: shows why one trade was opened and closed, with its conditions at those times.

use crate::app::{Failure, terminal};
use crate::document::result;
use crate::report::no_trade;
use crate::report::run::RunResult;
use crate::report::text;
use serde_json::json;

/// Maximum number of reasons for no trade that are told.
const REASONS_SHOWN: usize = 4;

/// Selects the trade to explain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhichTrade {
    /// The trade with the lowest net result in percent.
    Worst,
    /// The trade with the highest net result in percent.
    Best,
    /// Number of the trade (from 1) in the only result.
    Only(usize),
    /// Number of the result (from 1), then of the trade in it.
    Of(usize, usize),
}

impl WhichTrade {
    /// Parses `worst`, `best`, `7`, `#7` or `3.7`.
    ///
    /// # Errors
    /// The accepted forms, for anything else.
    pub fn parse(text: &str) -> Result<WhichTrade, String> {
        let number =
            |text: &str| text.trim_start_matches('#').parse::<usize>().ok().filter(|number| *number > 0);
        let read = match (text, text.split_once('.')) {
            ("worst", _) => Some(WhichTrade::Worst),
            ("best", _) => Some(WhichTrade::Best),
            (_, Some((result, trade))) => {
                number(result).zip(number(trade)).map(|(result, trade)| WhichTrade::Of(result, trade))
            }
            (_, None) => number(text).map(WhichTrade::Only),
        };
        read.ok_or_else(|| {
            "write the number of a trade like 7, of a result and its trade like 3.7, worst or best".to_owned()
        })
    }

    /// Indices of the result and of the trade in it.
    fn find(self, results: &[RunResult]) -> Result<(usize, usize), Failure> {
        let all = || {
            let indices = |(index, run): (usize, &RunResult)| {
                (0..run.summary.trades.len()).map(move |trade| (index, trade))
            };
            results.iter().enumerate().flat_map(indices)
        };
        let net_pct = |(index, trade): &(usize, usize)| results[*index].summary.trades[*trade].net_pct();
        let none = || {
            let mut reasons: Vec<String> = Vec::new();
            for reason in results.iter().filter_map(no_trade::why) {
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
            let more = reasons.len().saturating_sub(REASONS_SHOWN);
            reasons.truncate(REASONS_SHOWN);
            if more > 0 {
                reasons.push(format!("{more} more; without --explain-trade the results say all"));
            }
            Failure::input(format!("there is no trade to explain\n  {}", reasons.join("\n  ")))
        };
        match self {
            // In percent: amounts of two currencies cannot be compared.
            WhichTrade::Worst => all().min_by(|a, b| net_pct(a).total_cmp(&net_pct(b))).ok_or_else(none),
            WhichTrade::Best => all().max_by(|a, b| net_pct(a).total_cmp(&net_pct(b))).ok_or_else(none),
            WhichTrade::Only(trade) if results.len() == 1 => at(results, 1, trade),
            WhichTrade::Only(trade) => Err(Failure::input(format!(
                "there are {} results: name one of them too, e.g. --explain-trade 1.{trade}, worst or best",
                results.len()
            ))),
            WhichTrade::Of(result, trade) => at(results, result, trade),
        }
    }
}

/// Converts numbers that count from one to indices, checking both.
fn at(results: &[RunResult], result: usize, trade: usize) -> Result<(usize, usize), Failure> {
    let Some(run) = results.get(result - 1) else {
        return Err(Failure::input(format!("there is no result {result}: there are {}", results.len())));
    };
    match run.summary.trades.len() {
        known if trade <= known => Ok((result - 1, trade - 1)),
        known => Err(Failure::input(format!("there is no trade {trade}: result {result} has {known}"))),
    }
}

/// Prints the explanation of the selected trade.
///
/// # Errors
/// A trade that does not exist.
pub fn run(which: &WhichTrade, results: &[RunResult], as_json: bool) -> Result<(), Failure> {
    let (index, trade) = which.find(results)?;
    let run = &results[index];
    terminal::warn(run.assumptions.warnings.iter().cloned());
    if as_json {
        let shown = json!({
            "result": index + 1,
            "number": trade + 1,
            "source": run.source,
            "digest": run.digest,
            "currency": run.currency(),
            "warnings": run.assumptions.warnings,
            "trade": result::trade(run, trade),
        });
        terminal::print(&format!("{shown:#}\n"));
    } else {
        let result = (results.len() > 1).then_some(index + 1);
        terminal::print(&text::explained(run, trade, result, terminal::style()).unwrap_or_default());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_trade_is_named_by_its_numbers_or_by_its_rank() {
        let runs = [sample::empty_result(), sample::result()];
        let found = |text: &str, runs: &[RunResult]| {
            WhichTrade::parse(text).unwrap().find(runs).map_err(|failure| failure.code())
        };
        assert_eq!(found("2.7", &runs), Ok((1, 6)));
        assert_eq!(found("7", &runs[1..]), Ok((0, 6)));
        assert_eq!(found("#7", &runs[1..]), Ok((0, 6)));
        for wrong in ["7", "1.1", "3.1", "2.24"] {
            assert_eq!(found(wrong, &runs), Err(64), "{wrong}");
        }
        assert_eq!(found("worst", &runs[..1]), Err(64));
        let (worst, best) = (found("worst", &runs).unwrap(), found("best", &runs).unwrap());
        let net = |index: (usize, usize)| runs[index.0].summary.trades[index.1].net();
        assert!(
            runs[1].summary.trades.iter().all(|trade| trade.net() >= net(worst) && trade.net() <= net(best))
        );
        for wrong in ["0", "1.0", "-1", "", "first", "1.2.3"] {
            assert!(WhichTrade::parse(wrong).is_err(), "{wrong}");
        }
    }
}
