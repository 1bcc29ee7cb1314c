//! The section of one result: title, assumptions, headline, charts, tables, snapshot of settings and
//! strategy.

use super::markup::{escaped, none, sign_class};
use super::{plots, tables};
use crate::report::format as f;
use crate::report::no_trade;
use crate::report::run::RunResult;
use crate::report::terms::assumption_lines;
use std::fmt::Write;

/// Appends the section; `number` makes its anchors unique.
pub(super) fn render(out: &mut String, run: &RunResult, number: usize) {
    let _ = write!(
        out,
        "<section class=\"result\" id=\"r{number}\">\n<h2>{} on {}</h2>\n<p class=\"where\">{}</p>\n<p class=\"where\">digest <code>{}</code></p>\n",
        escaped(&run.strategies_line()),
        escaped(&run.symbols_line()),
        escaped(&run.source),
        escaped(&run.digest)
    );
    assumptions(out, run);
    if let Some(reason) = no_trade::why(run) {
        let _ = writeln!(out, "<p class=\"reason\">{}</p>", escaped(&reason));
    }
    tiles(out, run);
    plots::render(out, run);
    tables::trades(out, run, number);
    tables::breakdowns(out, run);
    tables::refusals(out, run);
    tables::days(out, run);
    tables::drawdowns(out, run);
    tables::metrics(out, run);
    snapshot(out, run);
    out.push_str("</section>\n");
}

fn assumptions(out: &mut String, run: &RunResult) {
    out.push_str("<h3>Assumptions</h3>\n<dl class=\"terms\">\n");
    for (name, value) in assumption_lines(run) {
        let class = if name == "warning" { " class=\"warning\"" } else { "" };
        let _ = writeln!(out, "<dt>{}</dt><dd{class}>{}</dd>", escaped(&name), escaped(&value));
    }
    out.push_str("</dl>\n");
}

fn tiles(out: &mut String, run: &RunResult) {
    let currency = f::Currency::of(run.currency());
    let shown = |id: &str| {
        run.metric(id).and_then(|m| f::metric(m, currency).ok()).unwrap_or_else(|| f::NONE.to_owned())
    };
    let interval = |id: &str| run.metric(id).and_then(|m| f::interval(m, currency)).unwrap_or_default();
    let s = &run.summary;
    let counts = format!("{} won, {} lost, {} drawn", shown("wins"), shown("losses"), shown("draws"));
    let depth = format!("{} over {}", shown("max_drawdown"), shown("max_drawdown_seconds"));
    let fees = format!("funding {}, slippage {}", shown("funding"), shown("slippage"));
    let counted = |count: u64, one: &str| {
        format!("{} {one}{}", f::grouped(u128::from(count)), if count == 1 { "" } else { "s" })
    };
    let orders =
        format!("{}, {} (S1)", counted(run.orders_count, "order"), counted(run.signals_count(), "signal"));
    out.push_str("<h3>Headline</h3>\n<div class=\"tiles\">\n");
    tile(out, run, "net_profit", &format!("{} of {}", shown("net_profit_pct"), currency.amount(s.initial)));
    tile(out, run, "max_drawdown_pct", if s.equity_drawdowns.deepest.is_empty() { "none" } else { &depth });
    tile(out, run, "profit_factor", "");
    tile(out, run, "win_rate", &counts);
    tile(out, run, "expectancy", &interval("expectancy"));
    tile(out, run, "expectancy_r", &interval("expectancy_r"));
    tile(out, run, "sharpe", "");
    tile(out, run, "trades", &orders);
    tile(out, run, "exposure_time_pct", &format!("notional {} of equity", shown("exposure_notional_pct")));
    tile(out, run, "fees", &fees);
    out.push_str("</div>\n");
}

fn tile(out: &mut String, run: &RunResult, id: &str, beside: &str) {
    let Some(metric) = run.metric(id) else { return };
    let (value, beside) = match f::metric(metric, f::Currency::of(run.currency())) {
        Ok(shown) => (escaped(&shown), beside),
        // The reason is also shown as text, because touch screens have no tooltips.
        Err(reason) => (none(reason), reason),
    };
    let class = if id == "net_profit" { sign_class(metric.number().unwrap_or(0.0)) } else { "" };
    let thin = if metric.is_thin() { " thin" } else { "" };
    let note = metric.note.map_or_else(String::new, |note| format!("<span>{}</span>", escaped(note)));
    let beside = if beside.is_empty() { String::new() } else { format!("<span>{}</span>", escaped(beside)) };
    let _ = writeln!(
        out,
        "<div class=\"tile{thin}\" title=\"{}\"><span>{}</span><b class=\"{class}\">{value}</b>{beside}{note}</div>",
        escaped(metric.definition.formula),
        escaped(metric.definition.name)
    );
}

fn snapshot(out: &mut String, run: &RunResult) {
    if run.settings.is_empty() && run.strategies.iter().all(|strategy| strategy.document.is_none()) {
        return;
    }
    out.push_str("<details><summary>Settings and strategy</summary>\n<dl class=\"terms\">\n");
    for (name, value) in &run.settings {
        let _ = writeln!(out, "<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(value));
    }
    out.push_str("</dl>\n");
    for strategy in &run.strategies {
        if let Some(document) = &strategy.document {
            let _ = writeln!(
                out,
                "<p class=\"where\">{}</p>\n<pre>{}</pre>",
                escaped(&strategy.name),
                escaped(document)
            );
        }
    }
    out.push_str("</details>\n");
}
