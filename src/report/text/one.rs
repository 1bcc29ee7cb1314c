//! The text of one result in full.

use super::table::{Align, Table};
use super::{Style, broken, heading, line, rate, sentence, side_word, wrapped};
use crate::domain::decision::SectionName;
use crate::domain::ledger::ClosedTrade;
use crate::domain::num::Money;
use crate::report::format as f;
use crate::report::legend;
use crate::report::metrics::Metric;
use crate::report::no_trade;
use crate::report::run::RunResult;
use crate::report::tally::Tally;
use crate::report::terms::assumption_lines;

/// Trades shown at the beginning and at the end of a long list.
const TRADES_SHOWN: usize = 10;

/// Ids of the headline metrics: defined ones are shown two per line, undefined ones grouped by reason.
const HEADLINE: [&str; 22] = [
    "net_profit",
    "trades",
    "net_profit_pct",
    "win_rate",
    "max_drawdown_pct",
    "profit_factor",
    "max_drawdown_seconds",
    "expectancy",
    "max_balance_drawdown_pct",
    "expectancy_r",
    "sharpe",
    "payoff_ratio",
    "sortino",
    "sqn",
    "calmar",
    "duration_median",
    "exposure_time_pct",
    "duration_p95",
    "fees",
    "slippage",
    "funding",
    "consecutive_losses",
];

/// The text of one result in full.
pub fn one(run: &RunResult, style: Style) -> String {
    let mut out = String::new();
    let title = format!("{}: {} on {}", run.mode.title(), run.strategies_line(), run.symbols_line());
    heading(&mut out, &title, style);
    line(&mut out, &format!("source  {}", run.source));
    line(&mut out, &format!("digest  {}", run.digest));
    line(&mut out, "");
    heading(&mut out, "Assumptions", style);
    for (name, value) in assumption_lines(run) {
        wrapped(&mut out, &name, &value, style.width);
    }
    line(&mut out, "");
    heading(&mut out, "Result", style);
    if let Some(reason) = no_trade::why(run) {
        sentence(&mut out, &reason, style.width);
    }
    headline(&mut out, run, style);
    reasons(&mut out, run, style);
    refusals(&mut out, run, style);
    trades(&mut out, run, style);
    out
}

fn headline(out: &mut String, run: &RunResult, style: Style) {
    let currency = f::Currency::of(run.currency());
    let metrics = || HEADLINE.iter().filter_map(|id| run.metric(id));
    let mut defined: Vec<String> = metrics()
        .filter_map(|metric| Some(named(metric.definition.name, &shown(metric, currency)?)))
        .collect();
    defined.push(named("Signals (S1)", &run.signals_count().to_string()));
    defined.push(named("Orders", &run.orders_count.to_string()));
    // Two per line if both fit.
    let half = style.width / 2;
    let per_line = if defined.iter().all(|cell| cell.chars().count() < half) { 2 } else { 1 };
    for pair in defined.chunks(per_line) {
        let right = pair.get(1).map_or("", |it| it.as_str());
        line(out, &format!("{:<half$}{right}", pair[0]));
    }
    if let Some(interval) = run.metric("expectancy").and_then(|metric| f::interval(metric, currency)) {
        line(out, &named("Expectancy interval", &interval));
    }
    for metric in metrics() {
        if let Some(note) = metric.note {
            line(out, &format!("  {}: {note}", metric.definition.name));
        }
    }
    let counts = [SectionName::S1, SectionName::O1, SectionName::Z1, SectionName::Ze1, SectionName::E1].map(
        |section| format!("{} {} ({})", run.fired_count(section), section.as_str(), legend::section(section)),
    );
    broken(out, &named("Sections that fired", ""), &counts.join(", "), style.width);
    undefined(out, metrics(), style);
}

/// Lists the undefined metrics, grouped by reason.
fn undefined<'m>(out: &mut String, metrics: impl Iterator<Item = &'m Metric>, style: Style) {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for metric in metrics {
        let Err(reason) = metric.value else { continue };
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, names)) => names.push(metric.definition.name),
            None => reasons.push((reason, vec![metric.definition.name])),
        }
    }
    for (reason, names) in reasons {
        broken(out, &format!("{} {reason}: ", f::NONE), &names.join("; "), style.width);
    }
}

/// A defined value, with the number of observations if they are few.
fn shown(metric: &Metric, currency: f::Currency<'_>) -> Option<String> {
    let value = f::metric(metric, currency).ok()?;
    Some(if metric.is_thin() { format!("{value} (n {})", metric.n) } else { value })
}

fn named(name: &str, value: &str) -> String {
    format!("{name:<30}{value}")
}

fn reasons(out: &mut String, run: &RunResult, style: Style) {
    if run.summary.by_reason.is_empty() {
        return;
    }
    let currency = f::Currency::of(run.currency());
    line(out, "");
    heading(out, "By exit reason", style);
    let right = Align::Right;
    let net = currency.named("net");
    let mut table = Table::new([
        ("reason", Align::Left),
        ("", Align::Left),
        ("trades", right),
        ("wins", right),
        ("losses", right),
        ("win rate", right),
        (net.as_str(), right),
    ]);
    for (reason, tally) in &run.summary.by_reason {
        table.row(tally_row(reason.as_str(), legend::trigger(*reason), tally, currency));
    }
    out.push_str(&table.render(style, &[1], &[]));
}

fn tally_row(name: &str, meaning: &str, tally: &Tally, currency: f::Currency<'_>) -> Vec<String> {
    let counts = [tally.trades, tally.wins, tally.losses].map(|count| count.to_string());
    let mut row = vec![name.to_owned(), meaning.to_owned()];
    row.extend(counts);
    row.extend([rate(tally.win_rate_pct()), currency.number(tally.net)]);
    row
}

fn refusals(out: &mut String, run: &RunResult, style: Style) {
    if run.refusals.is_empty() {
        return;
    }
    line(out, "");
    heading(out, "Entries blocked", style);
    let mut table = Table::new([
        ("by", Align::Left),
        ("count", Align::Right),
        ("first (UTC)", Align::Left),
        ("what was measured then", Align::Left),
    ]);
    for refusal in &run.refusals {
        table.row(vec![
            refusal.guard.as_str().to_owned(),
            refusal.count.to_string(),
            f::second(refusal.first_at),
            legend::blocked(refusal.guard, refusal.value, refusal.threshold),
        ]);
    }
    out.push_str(&table.render(style, &[3, 0], &[2]));
}

fn trades(out: &mut String, run: &RunResult, style: Style) {
    let trades = &run.summary.trades;
    if trades.is_empty() {
        return;
    }
    line(out, "");
    heading(out, "Trades", style);
    let right = Align::Right;
    let net = f::Currency::of(run.currency()).named("net");
    let columns = [
        ("#", right),
        ("symbol", Align::Left),
        ("strategy", Align::Left),
        ("side", Align::Left),
        ("opened (UTC)", Align::Left),
        ("held", right),
        ("entry", right),
        ("exit", right),
        (net.as_str(), right),
        ("net %", right),
        ("MAE %", right),
        ("MFE %", right),
        ("reason", Align::Left),
    ];
    let mut table = Table::new(columns);
    let hidden = trades.len().saturating_sub(2 * TRADES_SHOWN);
    for (i, trade) in trades.iter().enumerate() {
        if hidden > 0 && i == TRADES_SHOWN {
            let mut row = vec![String::new(); columns.len()];
            row[0] = "…".to_owned();
            row[4] = format!("{hidden} more");
            table.row(row);
        }
        if i < TRADES_SHOWN || i >= TRADES_SHOWN + hidden {
            table.row(trade_row(run, i, trade));
        }
    }
    // On a narrow terminal the columns of a single symbol or strategy are dropped first.
    let single = [(1, run.symbols.len() == 1), (2, run.strategies.len() == 1)];
    let first = single.iter().filter(|(_, is_single)| *is_single).map(|(column, _)| *column);
    let dispensable: Vec<usize> = first.chain([10, 11, 5, 7]).collect();
    out.push_str(&table.render(style, &[], &dispensable));
    sentence(out, &legend::triggers(trades.iter().map(|trade| trade.reason)), style.width);
    sentence(out, legend::EXCURSIONS, style.width);
    if !trades.is_sorted_by_key(|trade| trade.opened_at) {
        sentence(out, "The trades are in the order in which they were closed.", style.width);
    }
    if let Some(total) = differs_from_rows(trades, f::Currency::of(run.currency())) {
        sentence(out, &total, style.width);
    }
}

/// What the net results add up to, where the rounded ones of the rows add up to something else.
fn differs_from_rows(trades: &[ClosedTrade], currency: f::Currency<'_>) -> Option<String> {
    let exact: Money = trades.iter().map(ClosedTrade::net).sum();
    let of_rows: Money = trades.iter().map(|trade| currency.rounded(trade.net())).sum();
    (of_rows != currency.rounded(exact)).then(|| {
        format!("Rows are rounded: the exact net results of the trades add up to {}.", currency.amount(exact))
    })
}

fn trade_row(run: &RunResult, index: usize, trade: &ClosedTrade) -> Vec<String> {
    let spec = run.spec(trade.symbol);
    vec![
        (index + 1).to_string(),
        run.symbol_name(trade.symbol).to_owned(),
        run.strategy_id(trade.strategy).to_owned(),
        side_word(trade.side).to_owned(),
        f::second(trade.opened_at),
        f::seconds((trade.closed_at - trade.opened_at).seconds_f64()),
        f::price(spec, trade.entry_price),
        f::price(spec, trade.exit_price),
        f::Currency::of(run.currency()).signed(trade.net()),
        f::plain(trade.net_pct(), 2),
        f::plain(trade.mae_pct, 2),
        f::plain(trade.mfe_pct, 2),
        trade.reason.as_str().to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn assumptions_stand_before_any_number_of_the_result() {
        let text = one(&sample::result(), Style::default());
        let place = |needle: &str| text.find(needle).unwrap_or_else(|| panic!("no {needle} in\n{text}"));
        assert!(place("Assumptions") < place("Net profit"));
        assert!(place("spread of 5 bp and 20,000.00 USDT on each level") < place("By exit reason"));
        assert!(place("By exit reason") < place("Entries blocked"));
        assert!(text.contains("3 more"), "{text}");
        assert!(!text.contains('\x1b'));
    }

    #[test]
    fn amounts_name_their_currency_and_short_words_are_explained() {
        let text = one(&sample::result(), Style::default());
        assert!(text.contains("10,000.00 USDT with seed 7") && text.contains("net USDT"), "{text}");
        for explained in [
            "SL stop loss",
            "TP take profit",
            "ZE1 close by rule",
            "S1 (signal)",
            "MAE and MFE: worst and best traded price",
        ] {
            assert!(text.contains(explained), "{explained}\n{text}");
        }
        assert!(text.contains("the spread was 0.0123 %, 0.005 % is allowed"), "{text}");
    }

    /// Regression: trades of several symbols seemed to be in no order, and columns did not add up.
    #[test]
    fn the_order_of_trades_and_the_sum_of_rounded_rows_are_told_where_they_surprise() {
        let mut run = sample::result();
        let order = "in the order in which they were closed";
        assert!(!one(&run, Style::default()).contains(order));
        run.summary.trades[3].opened_at = run.summary.trades[0].opened_at;
        assert!(one(&run, Style::default()).contains(order));
        let of = |gross: f64| ClosedTrade {
            gross: Money::from_f64(gross),
            fees: Money::ZERO,
            funding: Money::ZERO,
            ..run.summary.trades[0]
        };
        let dollars = f::Currency(Some("USDT"));
        assert_eq!(differs_from_rows(&[of(1.01), of(2.02)], dollars), None);
        assert_eq!(
            differs_from_rows(&[of(-6.226), of(-5.328)], dollars).as_deref(),
            Some("Rows are rounded: the exact net results of the trades add up to -11.55 USDT.")
        );
    }

    #[test]
    fn an_empty_run_says_why_instead_of_numbers() {
        let text = one(&sample::empty_result(), Style::default());
        let (_, result) = text.split_once("Result\n").unwrap();
        assert!(result.starts_with("No trade: the data holds no event.\n"), "{text}");
        assert!(text.contains("— no trade: Win rate; Profit factor"), "{text}");
    }
}
