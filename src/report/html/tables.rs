//! The tables of a result.

use super::markup::{Cell, Row, Sorting, table};
use crate::report::format as f;
use crate::report::run::RunResult;
use crate::report::statistics::Day;
use crate::report::tally::Tally;
use crate::report::text::side_word;
use std::fmt::Write;

/// Most trades listed on the page; all are in the JSON form.
const TRADE_ROWS: usize = 2_000;
/// Most days listed on the page.
const DAY_ROWS: usize = 1_000;
/// Days from which months are shown first.
const DAYS_SHOWN: usize = 62;

pub(super) fn trades(out: &mut String, run: &RunResult, number: usize) {
    out.push_str("<h3>Trades</h3>\n");
    let trades = &run.summary.trades;
    if trades.is_empty() {
        out.push_str("<p class=\"where\">No trade.</p>\n");
        return;
    }
    if trades.len() > TRADE_ROWS {
        let _ = writeln!(
            out,
            "<p class=\"where\">The first {} of {}; the JSON form has all.</p>",
            f::grouped(TRADE_ROWS as u128),
            f::grouped(trades.len() as u128)
        );
    }
    // What people look for stands where it is seen without scrolling; the bookkeeping follows.
    let headings = [
        "#", "<Symbol", "<Side", "<Opened", "Held", "Entry", "Exit", "Net", "Net %", "MAE %", "MFE %", "<Reason", "Quantity", "Gross",
        "Fees", "Funding", "Slippage", "<Closed",
    ];
    let rows = trades.iter().take(TRADE_ROWS).enumerate().map(|(i, trade)| {
        let spec = run.spec(trade.symbol);
        let held = (trade.closed_at - trade.opened_at).seconds_f64();
        let quantity = spec.map_or_else(|| trade.qty.0.to_string(), |spec| spec.qty_decimal(trade.qty).to_string());
        let money = |amount: crate::domain::num::Money| Cell::number(&f::money(amount), amount.to_f64());
        let cells = vec![
            Cell::number(&(i + 1).to_string(), (i + 1) as f64),
            Cell::text(run.symbol_name(trade.symbol)),
            Cell::text(side_word(trade.side)),
            Cell::text(&f::second(trade.opened_at)),
            Cell::number(&f::seconds(held), held),
            Cell::number(&f::price(spec, trade.entry_price), trade.entry_price),
            Cell::number(&f::price(spec, trade.exit_price), trade.exit_price),
            Cell::signed(&f::signed(trade.net()), trade.net().to_f64()),
            Cell::signed(&f::plain(trade.net_pct(), 2), trade.net_pct()),
            Cell::number(&f::plain(trade.mae_pct, 2), trade.mae_pct),
            Cell::number(&f::plain(trade.mfe_pct, 2), trade.mfe_pct),
            Cell::text(trade.reason.word()),
            Cell::number(&quantity, trade.qty.0 as f64),
            money(trade.gross),
            money(trade.fees),
            money(trade.funding),
            trade.slippage.map_or_else(|| Cell::none("no mid price was known"), money),
            Cell::text(&f::second(trade.closed_at)),
        ];
        (Some(format!("r{number}t{}", i + 1)), cells)
    });
    out.push_str(&table(&headings, rows, Sorting::ByColumn));
}

pub(super) fn breakdowns(out: &mut String, run: &RunResult) {
    let s = &run.summary;
    if s.trades.is_empty() {
        return;
    }
    out.push_str("<div class=\"columns\">\n");
    group(out, "By exit reason", s.by_reason.iter().map(|(key, tally)| (key.word(), tally)));
    group(out, "By side", s.by_side.iter().map(|(key, tally)| (side_word(*key), tally)));
    if s.by_symbol.len() > 1 {
        group(out, "By symbol", s.by_symbol.iter().map(|(key, tally)| (run.symbol_name(*key), tally)));
    }
    if s.by_strategy.len() > 1 {
        group(out, "By strategy", s.by_strategy.iter().map(|(key, tally)| (run.strategy_id(*key), tally)));
    }
    out.push_str("</div>\n");
}

fn group<'a>(out: &mut String, title: &str, rows: impl Iterator<Item = (&'a str, &'a Tally)>) {
    let rows = rows.map(|(name, tally)| {
        let rate = tally.win_rate().map_or_else(|| Cell::none("no trade"), |rate| Cell::number(&f::percent(100.0 * rate), rate));
        let cells = vec![
            Cell::text(name),
            Cell::number(&tally.trades.to_string(), tally.trades as f64),
            Cell::number(&tally.wins.to_string(), tally.wins as f64),
            Cell::number(&tally.losses.to_string(), tally.losses as f64),
            rate,
            Cell::signed(&f::signed(tally.net), tally.net.to_f64()),
        ];
        (None, cells)
    });
    let body = table(&["<", "Trades", "Wins", "Losses", "Win rate", "Net"], rows, Sorting::Fixed);
    let _ = writeln!(out, "<div><h3>{title}</h3>\n{body}</div>");
}

pub(super) fn refusals(out: &mut String, run: &RunResult) {
    if run.refusals.is_empty() {
        return;
    }
    out.push_str("<h3>Entries refused</h3>\n");
    let measured = |value: f64, reason| if value.is_finite() { Cell::number(&f::measured(value), value) } else { Cell::none(reason) };
    let rows = run.refusals.iter().map(|refusal| {
        let cells = vec![
            Cell::text(refusal.guard.word()),
            Cell::number(&refusal.count.to_string(), refusal.count as f64),
            Cell::text(&f::second(refusal.first_at)),
            measured(refusal.value, "nothing was measured"),
            measured(refusal.threshold, "no threshold"),
        ];
        (None, cells)
    });
    out.push_str(&table(&["<By", "Count", "<First", "Measured then", "Allowed"], rows, Sorting::Fixed));
}

/// Months first when the run is long; days in any case.
pub(super) fn days(out: &mut String, run: &RunResult) {
    let days = &run.summary.days;
    let headings = ["<Period", "Change", "Change %", "Trades", "Closed net", "Equity at the end"];
    if days.len() > DAYS_SHOWN {
        let months = days.chunk_by(|a, b| month(a) == month(b)).map(|days| period(&month(&days[0]), days));
        let _ = write!(out, "<h3>By month</h3>\n{}", table(&headings, months, Sorting::ByColumn));
        out.push_str("<details><summary>By day</summary>\n");
    } else {
        out.push_str("<h3>By day</h3>\n");
    }
    let rows = days.iter().take(DAY_ROWS).map(|day| period(&f::day(day.midnight()), std::slice::from_ref(day)));
    out.push_str(&table(&headings, rows, Sorting::ByColumn));
    if days.len() > DAY_ROWS {
        let _ = writeln!(out, "<p class=\"where\">The first {DAY_ROWS} of {} days; the JSON form has all.</p>", days.len());
    }
    if days.len() > DAYS_SHOWN {
        out.push_str("</details>\n");
    }
}

fn month(day: &Day) -> String {
    f::day(day.midnight()).get(..7).unwrap_or("").to_owned()
}

fn period(name: &str, days: &[Day]) -> Row {
    let change = days.iter().map(Day::change).sum::<crate::domain::num::Money>();
    let growth = days.iter().try_fold(1.0, |product, day| day.growth.map(|growth| product * (1.0 + growth)));
    let trades: u32 = days.iter().map(|day| day.trades).sum();
    let net = days.iter().map(|day| day.trades_net).sum::<crate::domain::num::Money>();
    let closing = days[days.len() - 1].closing;
    let percent = growth.map(|growth| 100.0 * (growth - 1.0));
    let cells = vec![
        Cell::text(name),
        Cell::signed(&f::signed(change), change.to_f64()),
        percent.map_or_else(|| Cell::none("equity was not positive"), |pct| Cell::signed(&f::plain(pct, 2), pct)),
        Cell::number(&trades.to_string(), f64::from(trades)),
        Cell::signed(&f::signed(net), net.to_f64()),
        Cell::number(&f::money(closing), closing.to_f64()),
    ];
    (None, cells)
}

pub(super) fn drawdowns(out: &mut String, run: &RunResult) {
    let deepest = &run.summary.equity_drawdowns.deepest;
    if deepest.is_empty() {
        return;
    }
    out.push_str("<h3>Deepest drawdowns</h3>\n");
    let rows = deepest.iter().map(|d| {
        let seconds = d.duration().seconds_f64();
        let cells = vec![
            Cell::number(&f::percent(d.depth_pct), d.depth_pct),
            Cell::number(&f::money(d.depth()), d.depth().to_f64()),
            Cell::text(&f::second(d.started_at)),
            Cell::text(&f::second(d.trough_at)),
            d.recovered_at.map_or_else(|| Cell::text("ongoing"), |at| Cell::text(&f::second(at))),
            Cell::number(&f::seconds(seconds), seconds),
        ];
        (None, cells)
    });
    out.push_str(&table(&["Depth", "Money", "<Left the peak", "<Trough", "<Recovered", "Duration"], rows, Sorting::Fixed));
}

pub(super) fn metrics(out: &mut String, run: &RunResult) {
    out.push_str("<details><summary>All metrics with their definitions</summary>\n");
    let rows = run.summary.metrics.iter().map(|metric| {
        let value = match f::metric(metric) {
            Ok(shown) => Cell::number(&shown, metric.number().unwrap_or(0.0)),
            Err(reason) => Cell::none(reason),
        };
        let interval = f::interval(metric).map_or_else(String::new, |interval| format!("{interval}. "));
        let note = match (metric.value, metric.note) {
            (Err(reason), _) => format!("{reason}. "),
            (_, Some(note)) => format!("{note}. "),
            _ => String::new(),
        };
        let cells = vec![
            Cell::text(metric.definition.name),
            value,
            Cell::number(&metric.n.to_string(), metric.n as f64),
            Cell::prose(&format!("{interval}{note}{}", metric.definition.formula)),
        ];
        (None, cells)
    });
    out.push_str(&table(&["<Metric", "Value", "n", "<Definition"], rows, Sorting::Fixed));
    out.push_str("</details>\n");
}
