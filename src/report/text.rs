//! A result as text for a terminal: assumptions first, then the numbers, then why and why not.
//!
//! Plain text unless the caller says otherwise; never wider than asked where a column can give way.

mod table;

use crate::domain::decision::SectionName;
use crate::domain::ledger::ClosedTrade;
use crate::domain::order::Side;
use crate::report::assumptions::{Assumptions, BookSource, FundingSource};
use crate::report::format as f;
use crate::report::run::RunResult;
use crate::report::tally::Tally;
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

/// Metrics of the headline, by id, in pairs a line.
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

/// The assumptions as name and sentence, most important first. Also what the HTML report shows.
pub(super) fn assumption_lines(run: &RunResult) -> Vec<(String, String)> {
    let a: &Assumptions = &run.assumptions;
    let c = &a.coverage;
    let mut lines = Vec::new();
    let mut put = |name: &str, value: String| lines.push((name.to_owned(), value));
    let kinds: Vec<String> = c.events.iter().map(|(kind, count)| format!("{} {}", f::grouped(u128::from(*count)), kind.word())).collect();
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
    let causes: Vec<String> =
        c.gaps.iter().map(|gap| format!("{} × {} {}", gap.count, gap.cause.word(), f::seconds(gap.time.seconds_f64()))).collect();
    put("gaps", if causes.is_empty() { "none".to_owned() } else { causes.join(", ") });
    put(
        "book",
        match a.book {
            BookSource::Real => "real, as recorded".to_owned(),
            book => {
                let (spread_bps, depth) = book.assumed().unwrap_or_default();
                format!("{}: spread {} bp, {} a side assumed", book.word(), f::measured(spread_bps), f::money(depth))
            }
        },
    );
    put("fees", fee_line(run));
    put("slippage", a.slippage.clone());
    put("latency", format!("orders {}, feed {}", f::seconds(a.latency.seconds_f64()), f::seconds(a.feed_latency.seconds_f64())));
    put(
        "funding",
        match a.funding {
            FundingSource::Recorded => "as recorded".to_owned(),
            FundingSource::Schedule { hours, rate } => format!("assumed {} % every {hours} h", f::measured(rate.percent())),
            FundingSource::None => "none charged".to_owned(),
        },
    );
    put("clock", format!("{} time stamps", a.clock.word()));
    put("start", format!("{} with seed {}", f::money(a.initial_balance), a.seed));
    put("warm-up", a.warm_up.map_or_else(|| "never complete".to_owned(), |span| f::seconds(span.seconds_f64())));
    put("fills", format!("{} from an assumed book, {} penalised", a.synthetic_fills, a.penalised_fills));
    let limits: Vec<String> =
        a.risk_limits.iter().map(|(name, limit)| format!("{name} {}", limit.map_or_else(|| "off".to_owned(), f::measured))).collect();
    put("risk limits", if limits.is_empty() { "none".to_owned() } else { limits.join(", ") });
    for warning in &a.warnings {
        put("warning", warning.clone());
    }
    lines
}

fn fee_line(run: &RunResult) -> String {
    let shown = |terms: &crate::report::assumptions::FeeTerms| {
        format!("maker {} %, taker {} % ({})", f::measured(terms.maker.percent()), f::measured(terms.taker.percent()), terms.source.word())
    };
    let fees = &run.assumptions.fees;
    match fees.first() {
        None => "none known".to_owned(),
        Some(first) if fees.iter().all(|terms| shown(terms) == shown(first)) => shown(first),
        Some(_) => fees.iter().map(|terms| format!("{} {}", run.symbol_name(terms.symbol), shown(terms))).collect::<Vec<_>>().join("; "),
    }
}

fn headline(out: &mut String, run: &RunResult, style: Style) {
    let cell = |id: &str| match run.metric(id) {
        None => String::new(),
        Some(metric) => {
            let value = match f::metric(metric) {
                Ok(value) if metric.is_thin() => format!("{value} (n {})", metric.n),
                Ok(value) => value,
                Err(reason) => format!("{} {reason}", f::NONE),
            };
            format!("{:<26}{value}", metric.definition.name)
        }
    };
    let half = style.width / 2;
    for pair in HEADLINE.chunks(2) {
        let (left, right) = (cell(pair[0]), pair.get(1).map_or_else(String::new, |id| cell(id)));
        // Two to a line where both fit; reasons of undefined values can be long.
        if half >= 44 && left.chars().count() < half {
            line(out, &format!("{left:<half$}{right}"));
        } else {
            line(out, &left);
            line(out, &right);
        }
    }
    if let Some(interval) = run.metric("expectancy").and_then(f::interval) {
        line(out, &format!("{:<26}{interval}", "Expectancy interval"));
    }
    line(out, &format!("{:<26}{}", "Orders", run.orders_count));
    for metric in &run.summary.metrics {
        if let Some(note) = metric.note.filter(|_| HEADLINE.contains(&metric.definition.id)) {
            line(out, &format!("  {}: {note}", metric.definition.name));
        }
    }
    let counts = [SectionName::S1, SectionName::O1, SectionName::Z1, SectionName::Ze1, SectionName::E1].map(|section| {
        let count = run.signals.iter().filter(|signal| signal.section == section).count();
        format!("{} {count}", section.word())
    });
    line(out, &format!("{:<26}{}", "Sections that fired", counts.join(", ")));
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
        assert!(text.contains("Profit factor             — no trade"), "{text}");
        assert!(text.contains("No trade."));
        let table = many(&[sample::empty_result()], Style { width: 160, colour: Colour::Ansi });
        assert!(table.contains("quiet.trades") && table.contains("\x1b[1m"), "{table}");
    }
}
