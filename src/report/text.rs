//! A result as text for a terminal: assumptions first, then the numbers, then why and why not.
//!
//! Plain text unless the caller says otherwise; never wider than asked where a column can give way.

mod table;

use crate::domain::decision::SectionName;
use crate::domain::ledger::ClosedTrade;
use crate::domain::order::Side;
use crate::report::format as f;
use crate::report::metrics::Metric;
use crate::report::run::RunResult;
use crate::report::tally::Tally;
use crate::report::terms::assumption_lines;
use std::fmt::Write;
use table::{Align, Table};

/// How text may look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// Columns of the terminal.
    pub width: usize,
    /// Colour or none.
    pub colour: Colour,
}

/// Whether text may carry colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Colour {
    /// None.
    Plain,
    /// Terminal sequences.
    Ansi,
}

impl Default for Style {
    fn default() -> Self {
        Style { width: 100, colour: Colour::Plain }
    }
}

/// Trades shown from the head and from the tail of a long list.
const TRADES_SHOWN: usize = 10;

/// Metrics of the headline, by id; the defined ones in pairs a line, then the others with their reasons.
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

/// One result in full.
pub fn one(run: &RunResult, style: Style) -> String {
    let mut out = String::new();
    let title = format!("{} on {}", run.strategies_line(), run.symbols_line());
    line(&mut out, &heading(&title, style));
    line(&mut out, &format!("source  {}", run.source));
    line(&mut out, &format!("digest  {}", run.digest));
    line(&mut out, "");
    line(&mut out, &heading("Assumptions", style));
    for (name, value) in assumption_lines(run) {
        wrapped(&mut out, &name, &value, style.width);
    }
    line(&mut out, "");
    line(&mut out, &heading("Result", style));
    headline(&mut out, run, style);
    reasons(&mut out, run, style);
    refusals(&mut out, run, style);
    trades(&mut out, run, style);
    out
}

/// Many results, a line each.
pub fn many(runs: &[RunResult], style: Style) -> String {
    let mut table = Table::new(&[
        ("source", Align::Left),
        ("symbol", Align::Left),
        ("signals", Align::Right),
        ("first signal", Align::Left),
        ("trades", Align::Right),
        ("win rate", Align::Right),
        ("net", Align::Right),
        ("max dd", Align::Right),
        ("coverage", Align::Right),
        ("digest", Align::Left),
    ]);
    for run in runs {
        let metric = |id: &str| run.metric(id).and_then(|m| f::metric(m).ok()).unwrap_or_else(|| f::NONE.to_owned());
        let first = run.entry_signals().next();
        table.row(vec![
            run.source.rsplit('/').next().unwrap_or(&run.source).to_owned(),
            run.symbols_line(),
            run.entry_signals().count().to_string(),
            first.map_or_else(|| f::NONE.to_owned(), |signal| f::second(signal.at)),
            metric("trades"),
            metric("win_rate"),
            metric("net_profit"),
            metric("max_drawdown_pct"),
            run.assumptions.coverage.covered_pct().map_or_else(|| f::NONE.to_owned(), f::percent),
            run.digest_short().to_owned(),
        ]);
    }
    // What gives way on a narrow terminal: first the text columns shrink, then the least needed leave.
    let mut out = shared_assumptions(runs, style);
    out.push_str(&table.render(style, &[0, 1], &[9, 8, 5]));
    out
}

/// What every line of the table stands on, said once; coverage differs and has its column.
fn shared_assumptions(runs: &[RunResult], style: Style) -> String {
    let mut out = String::new();
    let Some(first) = runs.first() else { return out };
    line(&mut out, &heading("Assumptions", style));
    let rows = assumption_lines(first);
    for (name, value) in rows.iter().filter(|(name, _)| !matches!(name.as_str(), "coverage" | "gaps" | "warm-up" | "fills")) {
        let same = runs.iter().all(|run| assumption_lines(run).iter().any(|(n, v)| n == name && v == value));
        wrapped(&mut out, name, if same { value } else { "differs between the results; see each" }, style.width);
    }
    line(&mut out, "");
    out
}

fn headline(out: &mut String, run: &RunResult, style: Style) {
    let metrics = || HEADLINE.iter().filter_map(|id| run.metric(id));
    let defined: Vec<String> = metrics().filter_map(|metric| Some(named(metric.definition.name, &shown(metric)?))).collect();
    // Two to a line where both fit.
    let half = style.width / 2;
    let per_line = if defined.iter().all(|cell| cell.chars().count() < half) { 2 } else { 1 };
    for pair in defined.chunks(per_line) {
        let right = pair.get(1).map_or("", String::as_str);
        line(out, &format!("{:<half$}{right}", pair[0]));
    }
    for metric in metrics() {
        if let Err(reason) = metric.value {
            line(out, &named(metric.definition.name, &format!("{} {reason}", f::NONE)));
        }
    }
    if let Some(interval) = run.metric("expectancy").and_then(f::interval) {
        line(out, &named("Expectancy interval", &interval));
    }
    line(out, &named("Orders", &run.orders_count.to_string()));
    for metric in &run.summary.metrics {
        if let Some(note) = metric.note.filter(|_| HEADLINE.contains(&metric.definition.id)) {
            line(out, &format!("  {}: {note}", metric.definition.name));
        }
    }
    let counts = [SectionName::S1, SectionName::O1, SectionName::Z1, SectionName::Ze1, SectionName::E1].map(|section| {
        let count = run.signals.iter().filter(|signal| signal.section == section).count();
        format!("{} {count}", section.word())
    });
    line(out, &named("Sections that fired", &counts.join(", ")));
}

/// A defined value, with the number of observations where they are few.
fn shown(metric: &Metric) -> Option<String> {
    let value = f::metric(metric).ok()?;
    Some(if metric.is_thin() { format!("{value} (n {})", metric.n) } else { value })
}

fn named(name: &str, value: &str) -> String {
    format!("{name:<30}{value}")
}

fn reasons(out: &mut String, run: &RunResult, style: Style) {
    if run.summary.by_reason.is_empty() {
        return;
    }
    line(out, "");
    line(out, &heading("By exit reason", style));
    let right = Align::Right;
    let mut table =
        Table::new(&[("reason", Align::Left), ("trades", right), ("wins", right), ("losses", right), ("win rate", right), ("net", right)]);
    for (reason, tally) in &run.summary.by_reason {
        table.row(tally_row(reason.word(), tally));
    }
    out.push_str(&table.render(style, &[], &[]));
}

fn tally_row(name: &str, tally: &Tally) -> Vec<String> {
    let rate = tally.win_rate().map_or_else(|| f::NONE.to_owned(), |rate| f::percent(100.0 * rate));
    vec![name.to_owned(), tally.trades.to_string(), tally.wins.to_string(), tally.losses.to_string(), rate, f::money(tally.net)]
}

fn refusals(out: &mut String, run: &RunResult, style: Style) {
    if run.refusals.is_empty() {
        return;
    }
    line(out, "");
    line(out, &heading("Entries refused", style));
    let right = Align::Right;
    let mut table =
        Table::new(&[("by", Align::Left), ("count", right), ("first (UTC)", Align::Left), ("measured", right), ("allowed", right)]);
    for refusal in &run.refusals {
        table.row(vec![
            refusal.guard.word().to_owned(),
            refusal.count.to_string(),
            f::second(refusal.first_at),
            f::measured(refusal.value),
            f::measured(refusal.threshold),
        ]);
    }
    out.push_str(&table.render(style, &[0], &[]));
}

fn trades(out: &mut String, run: &RunResult, style: Style) {
    let trades = &run.summary.trades;
    line(out, "");
    if trades.is_empty() {
        line(out, "No trade.");
        return;
    }
    line(out, &heading("Trades", style));
    let right = Align::Right;
    let mut table = Table::new(&[
        ("#", right),
        ("symbol", Align::Left),
        ("side", Align::Left),
        ("opened (UTC)", Align::Left),
        ("held", right),
        ("entry", right),
        ("exit", right),
        ("net", right),
        ("net %", right),
        ("MAE %", right),
        ("MFE %", right),
        ("reason", Align::Left),
    ]);
    let hidden = trades.len().saturating_sub(2 * TRADES_SHOWN);
    for (i, trade) in trades.iter().enumerate() {
        if hidden > 0 && i == TRADES_SHOWN {
            let mut row = vec![String::new(); 12];
            row[0] = "…".to_owned();
            row[3] = format!("{hidden} more");
            table.row(row);
        }
        if i < TRADES_SHOWN || i >= TRADES_SHOWN + hidden {
            table.row(trade_row(run, i, trade));
        }
    }
    // A run of one symbol needs no column for it.
    let dispensable: &[usize] = if run.symbols.len() == 1 { &[1, 9, 10, 4, 6] } else { &[9, 10, 4, 6] };
    out.push_str(&table.render(style, &[], dispensable));
}

fn trade_row(run: &RunResult, index: usize, trade: &ClosedTrade) -> Vec<String> {
    let spec = run.spec(trade.symbol);
    vec![
        (index + 1).to_string(),
        run.symbol_name(trade.symbol).to_owned(),
        side_word(trade.side).to_owned(),
        f::second(trade.opened_at),
        f::seconds((trade.closed_at - trade.opened_at).seconds_f64()),
        f::price(spec, trade.entry_price),
        f::price(spec, trade.exit_price),
        f::signed(trade.net()),
        f::plain(trade.net_pct(), 2),
        f::plain(trade.mae_pct, 2),
        f::plain(trade.mfe_pct, 2),
        trade.reason.word().to_owned(),
    ]
}

/// `long` or `short`.
pub(super) fn side_word(side: Side) -> &'static str {
    match side {
        Side::Buy => "long",
        Side::Sell => "short",
    }
}

fn heading(text: &str, style: Style) -> String {
    match style.colour {
        Colour::Plain => text.to_owned(),
        Colour::Ansi => format!("\x1b[1m{text}\x1b[0m"),
    }
}

fn line(out: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}", text.trim_end());
}

/// `name  value`, the value broken at spaces under itself.
fn wrapped(out: &mut String, name: &str, value: &str, width: usize) {
    const NAME: usize = 14;
    let room = width.saturating_sub(NAME).max(20);
    let mut current = String::new();
    let mut label = name;
    for word in value.split(' ') {
        if !current.is_empty() && current.chars().count() + 1 + word.chars().count() > room {
            line(out, &format!("  {label:<12}{current}"));
            (label, current) = ("", String::new());
        }
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
    }
    line(out, &format!("  {label:<12}{current}"));
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
        assert!(place("spread 5 bp") < place("By exit reason"));
        assert!(place("By exit reason") < place("Entries refused"));
        assert!(text.contains("3 more"), "{text}");
        assert!(!text.contains('\x1b'));
    }

    #[test]
    fn fits_the_width_it_was_given() {
        let runs = [sample::result(), sample::empty_result()];
        for width in [80, 100, 160] {
            let style = Style { width, colour: Colour::Plain };
            for text in [one(&runs[0], style), one(&runs[1], style), many(&runs, style)] {
                let widest = text.lines().filter(|line| !line.starts_with("digest")).map(|line| line.chars().count()).max().unwrap();
                assert!(widest <= width, "{widest} > {width}\n{text}");
            }
        }
    }

    #[test]
    fn an_empty_run_says_why_instead_of_numbers() {
        let text = one(&sample::empty_result(), Style::default());
        assert!(text.contains("Profit factor                 — no trade"), "{text}");
        assert!(text.contains("No trade."));
        let table = many(&[sample::empty_result()], Style { width: 160, colour: Colour::Ansi });
        assert!(table.contains("quiet.trades") && table.contains("\x1b[1m"), "{table}");
    }
}
