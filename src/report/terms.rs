//! The assumptions of a result as text, shared by the terminal and HTML forms.

use crate::domain::num::Price;
use crate::domain::time::Span;
use crate::report::assumptions::{Assumptions, BookSource, Coverage, FeeTerms, FundingSource, GapJump};
use crate::report::format as f;
use crate::report::run::RunResult;
use crate::report::text::counted;

/// Name of the lines about price changes across gaps.
pub(super) const PRICE_JUMP: &str = "price jump";
/// Price changes across gaps that are shown; the JSON form has the others.
const JUMPS_SHOWN: usize = 3;

/// The assumptions as names and sentences, most important first.
pub(super) fn assumption_lines(run: &RunResult) -> Vec<(String, String)> {
    let a: &Assumptions = &run.assumptions;
    let c = &a.coverage;
    let currency = f::Currency::of(run.currency());
    let mut lines = Vec::new();
    let mut put = |name: &str, value: String| lines.push((name.to_owned(), value));
    put("coverage", coverage_line(c));
    gap_lines(run).into_iter().for_each(|(name, value)| put(name, value));
    if let Some(line) = marks_line(c, run.symbols.len()) {
        put("marks", line);
    }
    put("book", book_line(a.book, currency));
    put("fees", fee_line(run));
    put("slippage", a.slippage.clone());
    put(
        "latency",
        format!(
            "orders {} (median), feed {}",
            f::seconds(a.latency.seconds_f64()),
            f::seconds(a.feed_latency.seconds_f64())
        ),
    );
    put(
        "funding",
        match a.funding {
            FundingSource::Recorded => "as recorded".to_owned(),
            FundingSource::Schedule { hours, rate } => {
                format!("assumed {} % every {hours} h", f::measured(rate.percent()))
            }
            FundingSource::None => "none charged".to_owned(),
        },
    );
    put("clock", format!("{} time stamps", a.clock.as_str()));
    put("start", format!("{} with seed {}", currency.amount(a.initial_balance), a.seed));
    put("account", account_line(run));
    put(
        "warm-up",
        a.warm_up.map_or_else(
            || "never complete: at least one indicator never had a value".to_owned(),
            |span| f::seconds(span.seconds_f64()),
        ),
    );
    put("fills", format!("{} from an assumed book, {} penalised", a.synthetic_fills, a.penalised_fills));
    if a.bars_in_doubt > 0 {
        put(
            "bars",
            format!(
                "{} where the order of prices inside decided how a position ended; the worst was assumed",
                a.bars_in_doubt
            ),
        );
    }
    let limits: Vec<String> = a
        .risk_limits
        .iter()
        .map(|(name, limit)| format!("{name} {}", limit.map_or_else(|| "off".to_owned(), f::measured)))
        .collect();
    put("risk limits", if limits.is_empty() { "none".to_owned() } else { limits.join(", ") });
    for warning in &a.warnings {
        put("warning", warning.clone());
    }
    lines
}

fn coverage_line(c: &Coverage) -> String {
    let kinds: Vec<String> = c
        .events
        .iter()
        .map(|(kind, count)| format!("{} {}", f::grouped(u128::from(*count)), kind.as_str()))
        .collect();
    match (c.first, c.last) {
        (Some(first), Some(last)) => format!(
            "{} to {} UTC ({}), {}, {} outside gaps",
            f::second(first),
            f::second(last),
            f::seconds((last - first).seconds_f64()),
            kinds.join(", "),
            c.covered_pct().map_or_else(|| f::NONE.to_owned(), f::percent),
        ),
        _ => "no event".to_owned(),
    }
}

fn book_line(book: BookSource, currency: f::Currency<'_>) -> String {
    let Some((spread_bps, depth)) = book.assumed() else { return "real, as recorded".to_owned() };
    let depth = match depth.0 > 0 {
        true => format!("{} on each level", currency.amount(depth)),
        false => "unlimited depth".to_owned(),
    };
    format!("{}: a spread of {} bp and {depth} assumed", book.as_str(), f::measured(spread_bps))
}

fn gap_line(coverage: &Coverage, symbols: usize) -> String {
    let causes: Vec<String> = coverage
        .gaps
        .iter()
        .map(|gap| {
            let time = f::seconds(gap.time.seconds_f64());
            match symbols {
                0 | 1 => format!("{} × {} {time}", gap.count, gap.cause.as_str()),
                _ => format!("{} × {}, {time} per symbol", gap.count, gap.cause.as_str()),
            }
        })
        .collect();
    if causes.is_empty() { "none".to_owned() } else { causes.join(", ") }
}

/// The gaps and what the price did over them.
fn gap_lines(run: &RunResult) -> Vec<(&'static str, String)> {
    let gaps = gap_line(&run.assumptions.coverage, run.symbols.len());
    let jumps = jump_lines(run).into_iter().map(|line| (PRICE_JUMP, line));
    std::iter::once(("gaps", gaps)).chain(jumps).collect()
}

/// Who trades in the account. Sessions share one, the command line gives each symbol and strategy its own
/// unless told otherwise: the same strategies on the same data come to different results.
fn account_line(run: &RunResult) -> String {
    if run.has_own_account() {
        return "of one symbol and one strategy alone; in sessions of the daemon and with --together all of a source share one".to_owned();
    }
    let (symbols, strategies) = (run.symbols.len() as u64, run.strategies.len() as u64);
    let of = match (symbols, strategies) {
        (0 | 1, _) => counted(strategies, "strategy", "strategies"),
        (_, 0 | 1) => counted(symbols, "symbol", "symbols"),
        _ => format!(
            "{} and {}",
            counted(symbols, "symbol", "symbols"),
            counted(strategies, "strategy", "strategies")
        ),
    };
    format!("one, shared by {of}; a backtest of the command line without --together gives each its own")
}

/// The largest price changes across gaps, and how many more there are.
fn jump_lines(run: &RunResult) -> Vec<String> {
    let jumps = jumps(run);
    let mut lines: Vec<String> = jumps.iter().take(JUMPS_SHOWN).map(|(_, text)| text.clone()).collect();
    if jumps.len() > JUMPS_SHOWN {
        lines.push(smaller_jumps(jumps.len() - JUMPS_SHOWN));
    }
    lines
}

/// Tells of the price changes that are not shown.
pub(super) fn smaller_jumps(count: usize) -> String {
    format!("{count} smaller: see --json")
}

/// The price changes across gaps in which trades are missing or nobody knows, each with its size in percent;
/// the largest first.
pub(super) fn jumps(run: &RunResult) -> Vec<(f64, String)> {
    let mut jumps: Vec<(&GapJump, f64)> =
        run.assumptions.coverage.jumps.iter().filter_map(|jump| Some((jump, jump.percent()?))).collect();
    jumps.sort_by(|(_, one), (_, other)| other.abs().total_cmp(&one.abs()));
    let price = |jump: &GapJump, price: Option<Price>| {
        let spec = run.spec(jump.symbol);
        price
            .zip(spec)
            .map_or_else(|| f::NONE.to_owned(), |(at, spec)| f::price(Some(spec), spec.price_f64(at)))
    };
    let sized = jumps.iter().map(|(jump, percent)| {
        let text = format!(
            "{} % of {}, from {} to {}, over {} of {} from {}",
            f::plain(*percent, 2),
            run.symbol_name(jump.symbol),
            price(jump, jump.before),
            price(jump, jump.after),
            f::seconds((jump.to - jump.from).seconds_f64()),
            jump.cause.as_str(),
            f::second(jump.from)
        );
        (percent.abs(), text)
    });
    sized.collect()
}

/// Told only where marks were missing.
fn marks_line(coverage: &Coverage, symbols: usize) -> Option<String> {
    let missing = coverage.marks_missing.filter(|missing| *missing > Span::ZERO)?;
    let time = f::seconds(missing.seconds_f64());
    let sum = if symbols > 1 { ", the sum of all symbols" } else { "" };
    Some(format!("missing for {time}{sum}: positions followed the last price then"))
}

fn fee_line(run: &RunResult) -> String {
    let shown = |terms: &FeeTerms| {
        format!(
            "maker {} %, taker {} % ({})",
            f::measured(terms.maker.percent()),
            f::measured(terms.taker.percent()),
            terms.source.as_str()
        )
    };
    let fees = &run.assumptions.fees;
    match fees.first() {
        None => "none known".to_owned(),
        Some(first) if fees.iter().all(|terms| shown(terms) == shown(first)) => shown(first),
        Some(_) => fees
            .iter()
            .map(|terms| format!("{} {}", run.symbol_name(terms.symbol), shown(terms)))
            .collect::<Vec<_>>()
            .join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::GapCause;
    use crate::domain::symbol::SymbolId;
    use crate::domain::time::Timestamp;

    #[test]
    fn marks_missing_of_several_symbols_are_told_as_their_sum() {
        let coverage = Coverage { marks_missing: Some(Span::from_seconds(90)), ..Coverage::default() };
        let line = |symbols| marks_line(&coverage, symbols).unwrap();
        assert!(line(1).starts_with("missing for 1m 30s: "), "{}", line(1));
        assert!(line(2).starts_with("missing for 1m 30s, the sum of all symbols: "), "{}", line(2));
    }

    /// Regression: the same strategy on two symbols came to other results in a session, and nothing said why.
    #[test]
    fn who_shares_the_account_is_told() {
        let mut run = crate::report::sample::result();
        let line = |run: &RunResult| {
            assumption_lines(run).into_iter().find(|(name, _)| name == "account").map(|(_, value)| value)
        };
        assert!(line(&run).is_some_and(|told| told.starts_with("of one symbol and one strategy alone")));
        run.symbols.push(run.symbols[0].clone());
        assert!(line(&run).is_some_and(|told| told.starts_with("one, shared by 2 symbols; ")));
        run.strategies.push(run.strategies[0].clone());
        assert!(
            line(&run).is_some_and(|told| told.starts_with("one, shared by 2 symbols and 2 strategies; "))
        );
    }

    #[test]
    fn gaps_of_several_symbols_are_told_per_symbol() {
        let mut coverage = Coverage { first: Some(Timestamp::from_nanos(0)), ..Coverage::default() };
        coverage.last = coverage.first.map(|first| first + Span::from_seconds(180));
        coverage.gap(GapCause::Disconnect, Span::from_seconds(140));
        coverage.gap(GapCause::Disconnect, Span::from_seconds(130));
        coverage.share_gaps(2);
        assert_eq!(gap_line(&coverage, 2), "2 × disconnect, 2m 15s per symbol");
        assert_eq!(coverage.covered_pct(), Some(25.0));
    }

    #[test]
    fn the_largest_price_changes_over_gaps_are_named() {
        let mut run = crate::report::sample::result();
        let from = run.assumptions.coverage.first.expect("the sample has events");
        let symbol = SymbolId(0);
        run.assumptions.coverage.jumps = [(100, 139), (100, 101), (100, 90), (100, 102), (0, 5)]
            .map(|(before, after)| GapJump {
                symbol,
                cause: GapCause::Silence,
                from,
                to: from + Span::from_seconds(7_200),
                before: Some(Price(before)),
                after: Some(Price(after)),
            })
            .to_vec();
        let lines = jump_lines(&run);
        assert_eq!(lines.len(), 4, "{lines:?}");
        let first = "39.00 % of PUMP_USDT, from 1.00 to 1.39, over 2h 00m of silence from ";
        assert!(lines[0].starts_with(first) && lines[1].starts_with("-10.00 %"), "{lines:?}");
        assert_eq!(lines[3], "1 smaller: see --json");
    }
}
