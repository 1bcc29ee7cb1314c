//! The table of the best trials of a sweep.

use crate::app::table::{Align, grouped, table};
use crate::domain::num::Money;
use crate::report::definitions::{self as d, Definition, Unit};
use crate::report::text;
use crate::service::sweep::{Opened, Ranked, Ranking};
use serde_json::Value;
use std::collections::BTreeSet;

/// Metrics that are always shown.
const SHOWN: [&Definition; 6] =
    [&d::TRADES, &d::WIN_RATE, &d::NET_PROFIT, &d::NET_PROFIT_PCT, &d::MAX_DRAWDOWN_PCT, &d::DEFLATED_SHARPE];

/// What is written where a metric has no value.
const NONE: &str = "—";

/// The best trials with the values of their fields, what must be known before the first is believed, and why
/// a dash stands where it does.
pub fn text(opened: &Opened, ranking: &Ranking, top: usize) -> String {
    let mut metrics: Vec<&Definition> = SHOWN.to_vec();
    if !metrics.iter().any(|shown| shown.id == ranking.by.id) {
        metrics.insert(0, ranking.by);
    }
    let rows: Vec<&Ranked> = ranking.trials.iter().take(top).collect();
    let currency = ranking.currency.as_deref();
    let heads: Vec<String> = metrics.iter().map(|metric| head(metric, currency)).collect();
    let mut columns: Vec<(&str, Align)> = vec![("trial", Align::Right)];
    columns.extend(ranking.axes.iter().map(|axis| (axis.as_str(), Align::Right)));
    columns.extend(heads.iter().map(|head| (head.as_str(), Align::Right)));
    columns.push(("digest", Align::Left));
    let shrinking: Vec<usize> = (1..=ranking.axes.len()).collect();
    let mut out = format!(
        "{} of {} trials, best {} first\n\n",
        grouped(rows.len() as u64),
        grouped(ranking.tried as u64),
        ranking.by.name
    );
    out += &table(
        &columns,
        rows.iter().map(|ranked| row(ranked, &metrics, currency)).collect(),
        &shrinking,
        &[columns.len() - 1],
    );
    out.push('\n');
    for line in
        ranking.warnings().iter().map(|warning| format!("warning: {warning}")).chain(reasons(&rows, &metrics))
    {
        out += &format!("{line}\n");
    }
    if opened.plan.runs.len() > 1 {
        out += &format!(
            "each trial ran on {} accounts, one per source and symbol: amounts are sums, returns in percent their mean\n",
            opened.plan.runs.len()
        );
    }
    out += &match ranking.overfitting {
        Ok(found) => format!(
            "probability of overfitting {:.0} %: in so many of {} splits of the accounts into halves, the trial that earned most on one half was no better than the median on the other\n",
            100.0 * found.probability,
            grouped(found.splits)
        ),
        Err(reason) => format!("probability of overfitting {NONE}: {reason}\n"),
    };
    out + &format!("sweep {}, digest {}\n", opened.plan.digest_short(), opened.digest())
}

fn head(metric: &Definition, currency: Option<&str>) -> String {
    match (metric.unit, currency) {
        (Unit::Percent | Unit::Fraction, _) => format!("{} %", metric.name),
        (Unit::Money, Some(currency)) => format!("{} {currency}", metric.name),
        _ => metric.name.to_owned(),
    }
}

fn row(ranked: &Ranked, metrics: &[&Definition], currency: Option<&str>) -> Vec<String> {
    let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut cells = vec![ranked.trial.to_string()];
    cells.extend(ranked.values.iter().map(value));
    cells.extend(metrics.iter().map(|metric| match ranked.figures.get(metric.id) {
        Ok(number) => cell(metric, number, currency),
        Err(_) => NONE.to_owned(),
    }));
    let first = |digest: &String| digest.get(..12).unwrap_or(digest).to_owned();
    cells.push(match ranked.digests.as_slice() {
        [only] => first(only),
        several => format!("{} digests", several.len()),
    });
    cells
}

fn cell(metric: &Definition, number: f64, currency: Option<&str>) -> String {
    match metric.unit {
        Unit::Money => text::number(Money::from_f64(number), currency),
        Unit::Count => format!("{number:.0}"),
        Unit::Fraction => format!("{:.1}", 100.0 * number),
        Unit::Seconds => format!("{number:.0}"),
        _ => format!("{number:.2}"),
    }
}

/// Why there is a dash, once per metric and reason.
fn reasons(rows: &[&Ranked], metrics: &[&Definition]) -> Vec<String> {
    let all: BTreeSet<String> = rows
        .iter()
        .flat_map(|ranked| {
            metrics.iter().filter_map(|metric| {
                let reason = ranked.figures.get(metric.id).err()?;
                Some(format!("{NONE} {}: {reason}", metric.name))
            })
        })
        .collect();
    all.into_iter().collect()
}
