//! Tables of a result.

use super::markup::{Cell, Row, Sorting, escaped, table};
use crate::domain::decision::Trigger;
use crate::domain::ledger::ClosedTrade;
use crate::domain::symbol::SymbolSpec;
use crate::report::format as f;
use crate::report::legend;
use crate::report::reason::TradeReason;
use crate::report::run::RunResult;
use crate::report::statistics::Day;
use crate::report::tally::Tally;
use crate::report::text::side_word;
use std::fmt::Write;

/// Maximum number of trades on the page; the JSON form has all.
const TRADE_ROWS: usize = 2_000;
/// Maximum number of days on the page.
const DAY_ROWS: usize = 1_000;
/// More days than this are preceded by a table of months.
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
    let currency = f::Currency::of(run.currency());
    let in_currency = |name: &str| currency.named(name);
    // The most wanted columns come first, so that they are visible without scrolling.
    let headings = [
        "#",
        "<Symbol",
        "<Strategy",
        "<Side",
        "<Opened",
        "Held",
        "Entry",
        "Exit",
        &in_currency("Net"),
        "Net %",
        "MAE %",
        "MFE %",
        "<Reason",
        "<Why",
        "Quantity",
        &in_currency("Gross"),
        &in_currency("Fees"),
        &in_currency("Funding"),
        &in_currency("Slippage"),
        "<Closed",
    ];
    let rows = trades
        .iter()
        .take(TRADE_ROWS)
        .enumerate()
        .map(|(i, trade)| (Some(format!("r{number}t{}", i + 1)), trade_cells(run, i, trade)));
    out.push_str(&table(&headings, rows, Sorting::ByColumn));
    let _ = writeln!(
        out,
        "<p class=\"where\">{}. {}. \
         Slippage: cost against the mid at the decision, inside the gross result; negative where fills were better.</p>",
        escaped(&legend::triggers(trades.iter().map(|trade| trade.reason))),
        escaped(legend::EXCURSIONS)
    );
}

/// The cells of one trade, in the order of the headings.
fn trade_cells(run: &RunResult, i: usize, trade: &ClosedTrade) -> Vec<Cell> {
    let currency = f::Currency::of(run.currency());
    let spec = run.spec(trade.symbol);
    let held = (trade.closed_at - trade.opened_at).seconds_f64();
    let quantity =
        spec.map_or_else(|| trade.qty.0.to_string(), |spec| spec.base_quantity(trade.qty).to_string());
    let money = |amount: crate::domain::num::Money| Cell::number(&currency.number(amount), amount.to_f64());
    vec![
        Cell::number(&(i + 1).to_string(), (i + 1) as f64),
        Cell::text(run.symbol_name(trade.symbol)),
        Cell::text(run.strategy_id(trade.strategy)),
        Cell::text(side_word(trade.side)),
        Cell::text(&f::instant(trade.opened_at)),
        Cell::number(&f::seconds(held), held),
        Cell::number(&f::price(spec, trade.entry_price), trade.entry_price),
        Cell::number(&f::price(spec, trade.exit_price), trade.exit_price),
        Cell::signed(&currency.signed(trade.net()), trade.net().to_f64()),
        Cell::signed(&f::plain(trade.net_pct(), 2), trade.net_pct()),
        Cell::number(&f::plain(trade.mae_pct, 2), trade.mae_pct),
        Cell::number(&f::plain(trade.mfe_pct, 2), trade.mfe_pct),
        Cell::text(trade.reason.as_str()),
        run.reason(i).map_or_else(
            || Cell::none("only the conditions of the first trades are kept"),
            |reason| why(reason, spec),
        ),
        Cell::number(&quantity, trade.qty.0 as f64),
        money(trade.gross),
        money(trade.fees),
        money(trade.funding),
        trade.slippage.map_or_else(|| Cell::none("no mid price was known"), money),
        Cell::text(&f::instant(trade.closed_at)),
    ]
}

/// What the exit was decided on; collapsed below it, all conditions of the signal, the entry and the exit.
fn why(reason: &TradeReason, spec: Option<&SymbolSpec>) -> Cell {
    let mut html = format!(
        "<details><summary>{}</summary>",
        escaped(&reason.exit_text(spec).unwrap_or_else(|| "conditions".to_owned()))
    );
    for (name, decision) in reason.steps() {
        let trigger = format!("{name} {}: {}", f::instant(decision.at), decision.trigger_text(spec));
        let _ = write!(html, "<div>{}</div>", escaped(&trigger));
        if !decision.conditions.is_empty() {
            let items = decision
                .conditions
                .iter()
                .map(|checked| format!("<li>{}</li>", escaped(&checked.sentence())));
            let _ = write!(html, "<ul>{}</ul>", items.collect::<String>());
        }
    }
    html.push_str("</details>");
    Cell::markup(html)
}

pub(super) fn breakdowns(out: &mut String, run: &RunResult) {
    let s = &run.summary;
    if s.trades.is_empty() {
        return;
    }
    out.push_str("<div class=\"columns\">\n");
    let mut put =
        |title: &str, rows: Vec<(String, &Tally)>| group(out, title, rows, f::Currency::of(run.currency()));
    let reason = |trigger: Trigger| format!("{} {}", trigger.as_str(), legend::trigger(trigger));
    put("By exit reason", s.by_reason.iter().map(|(key, tally)| (reason(*key), tally)).collect());
    put("By side", s.by_side.iter().map(|(key, tally)| (side_word(*key).to_owned(), tally)).collect());
    if s.by_symbol.len() > 1 {
        put(
            "By symbol",
            s.by_symbol.iter().map(|(key, tally)| (run.symbol_name(*key).to_owned(), tally)).collect(),
        );
    }
    if s.by_strategy.len() > 1 {
        put(
            "By strategy",
            s.by_strategy.iter().map(|(key, tally)| (run.strategy_id(*key).to_owned(), tally)).collect(),
        );
    }
    out.push_str("</div>\n");
}

fn group(out: &mut String, title: &str, rows: Vec<(String, &Tally)>, currency: f::Currency<'_>) {
    let rows = rows.into_iter();
    let rows = rows.map(|(name, tally)| {
        let rate = tally
            .win_rate_pct()
            .map_or_else(|| Cell::none("no trade"), |rate| Cell::number(&f::percent(rate), rate));
        let cells = vec![
            Cell::text(&name),
            Cell::number(&tally.trades.to_string(), tally.trades as f64),
            Cell::number(&tally.wins.to_string(), tally.wins as f64),
            Cell::number(&tally.losses.to_string(), tally.losses as f64),
            rate,
            Cell::signed(&currency.signed(tally.net), tally.net.to_f64()),
        ];
        (None, cells)
    });
    let body =
        table(&["<", "Trades", "Wins", "Losses", "Win rate", &currency.named("Net")], rows, Sorting::Fixed);
    let _ = writeln!(out, "<div><h3>{title}</h3>\n{body}</div>");
}

pub(super) fn refusals(out: &mut String, run: &RunResult) {
    if run.refusals.is_empty() {
        return;
    }
    out.push_str("<h3>Entries blocked</h3>\n");
    let rows = run.refusals.iter().map(|refusal| {
        let cells = vec![
            Cell::text(refusal.guard.as_str()),
            Cell::number(&refusal.count.to_string(), refusal.count as f64),
            Cell::text(&f::second(refusal.first_at)),
            Cell::prose(&legend::blocked(refusal.guard, refusal.value, refusal.threshold)),
        ];
        (None, cells)
    });
    out.push_str(&table(&["<By", "Count", "<First", "<What was measured then"], rows, Sorting::Fixed));
}

/// By month first if the run is long; always by day.
pub(super) fn days(out: &mut String, run: &RunResult) {
    let days = &run.summary.days;
    let currency = f::Currency::of(run.currency());
    let amounts = ["Change", "Closed net", "Equity at the end"].map(|name| currency.named(name));
    let headings = ["<Period", &amounts[0], "Change %", "Trades", &amounts[1], &amounts[2]];
    let period = |name: &str, days: &[Day]| period(name, days, currency);
    if days.len() > DAYS_SHOWN {
        let months = days.chunk_by(|a, b| month(a) == month(b)).map(|days| period(&month(&days[0]), days));
        let _ = write!(out, "<h3>By month</h3>\n{}", table(&headings, months, Sorting::ByColumn));
        out.push_str("<details><summary>By day</summary>\n");
    } else {
        out.push_str("<h3>By day</h3>\n");
    }
    let rows =
        days.iter().take(DAY_ROWS).map(|day| period(&f::day(day.midnight()), std::slice::from_ref(day)));
    out.push_str(&table(&headings, rows, Sorting::ByColumn));
    if days.len() > DAY_ROWS {
        let _ = writeln!(
            out,
            "<p class=\"where\">The first {DAY_ROWS} of {} days; the JSON form has all.</p>",
            days.len()
        );
    }
    if days.len() > DAYS_SHOWN {
        out.push_str("</details>\n");
    }
}

fn month(day: &Day) -> String {
    f::day(day.midnight()).get(..7).unwrap_or("").to_owned()
}

fn period(name: &str, days: &[Day], currency: f::Currency<'_>) -> Row {
    let change = days.iter().map(Day::change).sum::<crate::domain::num::Money>();
    let growth = days.iter().try_fold(1.0, |product, day| day.growth.map(|growth| product * (1.0 + growth)));
    let trades: u32 = days.iter().map(|day| day.trades).sum();
    let net = days.iter().map(|day| day.trades_net).sum::<crate::domain::num::Money>();
    let closing = days[days.len() - 1].closing;
    let percent = growth.map(|growth| 100.0 * (growth - 1.0));
    let cells = vec![
        Cell::text(name),
        Cell::signed(&currency.signed(change), change.to_f64()),
        percent.map_or_else(
            || Cell::none("equity was not positive"),
            |pct| Cell::signed(&f::plain(pct, 2), pct),
        ),
        Cell::number(&trades.to_string(), f64::from(trades)),
        Cell::signed(&currency.signed(net), net.to_f64()),
        Cell::number(&currency.number(closing), closing.to_f64()),
    ];
    (None, cells)
}

pub(super) fn drawdowns(out: &mut String, run: &RunResult) {
    let deepest = &run.summary.equity_drawdowns.deepest;
    if deepest.is_empty() {
        return;
    }
    let currency = f::Currency::of(run.currency());
    out.push_str("<h3>Deepest drawdowns</h3>\n");
    let rows = deepest.iter().map(|d| {
        let seconds = d.duration().seconds_f64();
        let cells = vec![
            Cell::number(&f::percent(d.depth_pct), d.depth_pct),
            Cell::number(&currency.number(d.depth()), d.depth().to_f64()),
            Cell::text(&f::second(d.started_at)),
            Cell::text(&f::second(d.trough_at)),
            d.recovered_at.map_or_else(|| Cell::text("ongoing"), |at| Cell::text(&f::second(at))),
            Cell::number(&f::seconds(seconds), seconds),
        ];
        (None, cells)
    });
    out.push_str(&table(
        &["Depth", &currency.named("Money"), "<Left the peak", "<Trough", "<Recovered", "Duration"],
        rows,
        Sorting::Fixed,
    ));
}

pub(super) fn metrics(out: &mut String, run: &RunResult) {
    let currency = f::Currency::of(run.currency());
    out.push_str("<details><summary>All metrics with their definitions</summary>\n");
    let rows = run.summary.metrics.iter().map(|metric| {
        let value = match f::metric(metric, currency) {
            Ok(shown) => Cell::number(&shown, metric.number().unwrap_or(0.0)),
            Err(reason) => Cell::none(reason),
        };
        let interval =
            f::interval(metric, currency).map_or_else(String::new, |interval| format!("{interval}. "));
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
