//! The assumptions of a result as text, shared by the terminal and HTML forms.

use crate::domain::num::Price;
use crate::domain::time::Span;
use crate::report::assumptions::{Assumptions, BookSource, Coverage, FeeTerms, FundingSource, GapJump};
use crate::report::format as f;
use crate::report::run::RunResult;

/// Price changes across gaps that are shown; the JSON form has the others.
const JUMPS_SHOWN: usize = 3;

/// The assumptions as names and sentences, most important first.
pub(super) fn assumption_lines(run: &RunResult) -> Vec<(String, String)> {
    let a: &Assumptions = &run.assumptions;
    let c = &a.coverage;
    let currency = f::Currency::of(run.currency());
    let mut lines = Vec::new();
    let mut put = |name: &str, value: String| lines.push((name.to_owned(), value));
    let kinds: Vec<String> = c
        .events
        .iter()
        .map(|(kind, count)| format!("{} {}", f::grouped(u128::from(*count)), kind.as_str()))
        .collect();
    put(
        "coverage",
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
        },
    );
    gap_lines(run).into_iter().for_each(|(name, value)| put(name, value));
    if let Some(line) = marks_line(c, run.symbols.len()) {
        put("marks", line);
    }
    put(
        "book",
        match a.book {
            BookSource::Real => "real, as recorded".to_owned(),
            book => {
                let (spread_bps, depth) = book.assumed().unwrap_or_default();
                format!(
                    "{}: a spread of {} bp and {} assumed",
                    book.as_str(),
                    f::measured(spread_bps),
                    if depth.0 > 0 {
                        format!("{} on each level", currency.amount(depth))
                    } else {
                        "unlimited depth".to_owned()
                    }
                )
            }
        },
    );
    put("fees", fee_line(run));
    put("slippage", a.slippage.clone());
    put(
        "latency",
        format!(
            "orders {}, feed {}",
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
    let jumps = jump_lines(run).into_iter().map(|line| ("price jump", line));
    std::iter::once(("gaps", gaps)).chain(jumps).collect()
}

/// The price changes across gaps in which trades are missing or nobody knows; the largest first.
fn jump_lines(run: &RunResult) -> Vec<String> {
    let mut jumps: Vec<(&GapJump, f64)> =
        run.assumptions.coverage.jumps.iter().filter_map(|jump| Some((jump, jump.percent()?))).collect();
    jumps.sort_by(|(_, one), (_, other)| other.abs().total_cmp(&one.abs()));
    let price = |jump: &GapJump, price: Option<Price>| {
        let spec = run.spec(jump.symbol);
        price
            .zip(spec)
            .map_or_else(|| f::NONE.to_owned(), |(at, spec)| f::price(Some(spec), spec.price_f64(at)))
    };
    let shown = jumps.iter().take(JUMPS_SHOWN).map(|(jump, percent)| {
        format!(
            "{} % of {}, from {} to {}, over {} of {} from {}",
            f::plain(*percent, 2),
            run.symbol_name(jump.symbol),
            price(jump, jump.before),
            price(jump, jump.after),
            f::seconds((jump.to - jump.from).seconds_f64()),
            jump.cause.as_str(),
            f::second(jump.from)
        )
    });
    let mut lines: Vec<String> = shown.collect();
    if jumps.len() > JUMPS_SHOWN {
        lines.push(format!("{} smaller in the JSON form", jumps.len() - JUMPS_SHOWN));
    }
    lines
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
        assert_eq!(lines[3], "1 smaller in the JSON form");
    }
}
