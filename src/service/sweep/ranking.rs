//! The trials of a sweep put in order by a metric, with the figures that say how much of the best one is
//! luck.

use super::{Opened, SweepError, TrialRun};
use crate::json::nearest;
use crate::report::definitions::{self as d, Definition};
use crate::report::metrics::ENOUGH;
use crate::report::overfitting::{Overfitting, overfitting};
use crate::report::trials::{self, Figures};
use serde_json::{Map, Value, json};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Metrics of which a smaller value is the better one.
const LOWER_IS_BETTER: [&Definition; 10] = [
    &d::MAX_DRAWDOWN_PCT,
    &d::MAX_DRAWDOWN,
    &d::MAX_DRAWDOWN_SECONDS,
    &d::LONGEST_DRAWDOWN_SECONDS,
    &d::CURRENT_DRAWDOWN_PCT,
    &d::MAX_BALANCE_DRAWDOWN_PCT,
    &d::LOSSES,
    &d::CONSECUTIVE_LOSSES,
    &d::FEES,
    &d::ENTRIES_BLOCKED,
];

/// A trial with its figures over all its runs.
#[derive(Clone, PartialEq, Debug)]
pub struct Ranked {
    /// Number of the trial, from 1.
    pub trial: usize,
    /// The values of its axes.
    pub values: Vec<Value>,
    /// Digest of each run that is finished, in the order of the plan's runs.
    pub digests: Vec<String>,
    /// Its figures; of the finished runs only.
    pub figures: Figures,
}

/// Trials in order, the best first; those without a value last.
#[derive(Clone, PartialEq, Debug)]
pub struct Ranking {
    /// What they are ordered by.
    pub by: &'static Definition,
    /// Pointers of the axes.
    pub axes: Vec<String>,
    /// All trials that are complete.
    pub trials: Vec<Ranked>,
    /// Currency of all amounts; `None` when it is not known or the accounts have several.
    pub currency: Option<String>,
    /// Trials of the plan: how many variants were or will be tried.
    pub tried: usize,
    /// Trials of this shard that are not complete.
    pub incomplete: usize,
    /// Probability that the best trial of a half of the accounts is no good on the other, or why it is not
    /// known.
    pub overfitting: Result<Overfitting, &'static str>,
}

impl Ranking {
    /// Orders the complete trials of a folder by a metric.
    ///
    /// # Errors
    /// A metric that does not exist.
    pub fn new(opened: &Opened, by: &str) -> Result<Self, SweepError> {
        let by = d::ALL.iter().find(|definition| definition.id == by).ok_or_else(|| {
            let ids = || d::ALL.iter().map(|definition| definition.id);
            let hint = nearest(by, ids()).map_or_else(
                || format!("they are {}", ids().collect::<Vec<_>>().join(", ")),
                |id| format!("did you mean {id}?"),
            );
            SweepError::Input(format!("there is no metric {by:?}; {hint}"))
        })?;
        let plan = &opened.plan;
        let mut by_trial: BTreeMap<usize, Vec<TrialRun>> = BTreeMap::new();
        for run in opened.lines.values().filter_map(|line| TrialRun::parse(line)) {
            by_trial.entry(run.trial).or_default().push(run);
        }
        let of_shard = (1..=plan.trials.len()).filter(|trial| opened.shard.has(*trial)).count();
        by_trial.retain(|_, runs| runs.len() == plan.runs.len());
        let numbers: Vec<usize> = by_trial.keys().copied().collect();
        let digests: Vec<Vec<String>> =
            by_trial.values().map(|runs| runs.iter().map(|run| run.digest.clone()).collect()).collect();
        let one_currency = plan.has_one_currency();
        let net = |run: &TrialRun| run.figures.get(d::NET_PROFIT_PCT.id).unwrap_or(0.0);
        let nets: Vec<Vec<f64>> = by_trial.values().map(|runs| runs.iter().map(net).collect()).collect();
        let mut figures: Vec<Figures> = by_trial
            .into_values()
            .map(|runs| {
                let figures: Vec<Figures> = runs.into_iter().map(|run| run.figures).collect();
                trials::combined(&figures, one_currency)
            })
            .collect();
        trials::deflate(&mut figures, plan.trials.len() as u64);
        let values = |trial: usize| plan.values(trial).unwrap_or_default().to_vec();
        let rows = numbers.into_iter().zip(digests).zip(figures);
        let mut ranked: Vec<Ranked> = rows
            .map(|((trial, digests), figures)| Ranked { trial, values: values(trial), digests, figures })
            .collect();
        ranked.sort_by(|a, b| better(by, &a.figures, &b.figures));
        Ok(Ranking {
            by,
            currency: plan.runs.first().filter(|_| one_currency).and_then(|run| run.currency.clone()),
            axes: plan.axes.iter().map(|axis| axis.pointer.clone()).collect(),
            incomplete: of_shard.saturating_sub(ranked.len()),
            trials: ranked,
            tried: plan.trials.len(),
            overfitting: overfitting(&nets),
        })
    }

    /// What has to be known before the best trial is believed, in plain words.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.tried > 1 {
            warnings.push(format!(
                "the first row is the best of {} tries: a part of it is luck, so expect less of it on other data",
                self.tried
            ));
        }
        if let Some(best) = self.trials.first()
            && let Ok(trades) = best.figures.get(d::TRADES.id)
            && trades < ENOUGH as f64
        {
            warnings.push(match trades as u64 {
                0 => "the first row made no trade at all".to_owned(),
                1 => format!(
                    "the first row is based on a single trade; fewer than {ENOUGH} allow no conclusion"
                ),
                n => format!("the first row is based on {n} trades; fewer than {ENOUGH} allow no conclusion"),
            });
        }
        warnings.extend(self.blocked());
        if self.incomplete > 0 {
            warnings.push(format!("{} trials are not finished and are not in the table", self.incomplete));
        }
        warnings
    }

    /// How often limits kept trials from trading, if they did.
    fn blocked(&self) -> Option<String> {
        let count = |ranked: &Ranked| ranked.figures.get(d::ENTRIES_BLOCKED.id).unwrap_or(0.0);
        // Of equal ones the first in the order.
        let most = self.trials.iter().rev().max_by(|a, b| count(a).total_cmp(&count(b)))?;
        let of_some = self.trials.iter().filter(|ranked| count(ranked) > 0.0).count();
        (of_some > 0).then(|| {
            format!(
                "limits blocked entries of {of_some} of {} trials, most of trial {} ({}); \
                 --by {} orders by them, and a backtest of `sweep show FOLDER --trial {}` says which limit",
                self.trials.len(),
                most.trial,
                count(most),
                d::ENTRIES_BLOCKED.id,
                most.trial
            )
        })
    }

    /// All trials as JSON; a metric without a value is null, with the reason.
    pub fn to_json(&self) -> Value {
        let trial = |ranked: &Ranked| {
            let set: Map<String, Value> =
                self.axes.iter().cloned().zip(ranked.values.iter().cloned()).collect();
            let metrics: Map<String, Value> = ranked
                .figures
                .all()
                .map(|(metric, value)| (metric.id.to_owned(), json!(value.ok())))
                .collect();
            let reasons: Map<String, Value> = ranked
                .figures
                .all()
                .filter_map(|(metric, value)| Some((metric.id.to_owned(), json!(value.err()?))))
                .collect();
            json!({ "trial": ranked.trial, "set": set, "digests": ranked.digests, "metrics": metrics, "reasons": reasons })
        };
        let overfitting = self.overfitting.map_or_else(
            |reason| json!({ "probability": null, "reason": reason }),
            |found| json!({ "probability": found.probability, "splits": found.splits, "blocks": found.blocks }),
        );
        json!({
            "by": self.by.id,
            "currency": self.currency,
            "tried": self.tried,
            "incomplete": self.incomplete,
            "overfitting": overfitting,
            "warnings": self.warnings(),
            "trials": self.trials.iter().map(trial).collect::<Vec<_>>(),
        })
    }

    /// All trials as CSV (RFC 4180); a metric without a value is an empty cell.
    pub fn to_csv(&self) -> String {
        let quoted = |text: &str| match text.contains([',', '"', '\n', '\r']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text.to_owned(),
        };
        let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let ids = d::ALL.iter().map(|definition| definition.id.to_owned());
        let head = std::iter::once("trial".to_owned())
            .chain(self.axes.iter().cloned())
            .chain(ids)
            .chain(["currency".to_owned(), "digests".to_owned()]);
        let mut rows: Vec<Vec<String>> = vec![head.collect()];
        for ranked in &self.trials {
            let metrics = ranked
                .figures
                .all()
                .map(|(_, value)| value.map_or_else(|_| String::new(), |value| value.to_string()));
            let mut row = vec![ranked.trial.to_string()];
            row.extend(ranked.values.iter().map(value));
            row.extend(metrics);
            row.push(self.currency.clone().unwrap_or_default());
            row.push(ranked.digests.join(" "));
            rows.push(row);
        }
        let line =
            |row: &Vec<String>| row.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",") + "\r\n";
        rows.iter().map(line).collect()
    }
}

/// The better value first; none last. Equal ones keep the order of the trials.
fn better(by: &Definition, a: &Figures, b: &Figures) -> Ordering {
    let lower = LOWER_IS_BETTER.iter().any(|known| known.id == by.id);
    match (a.get(by.id), b.get(by.id)) {
        (Ok(a), Ok(b)) if lower => a.total_cmp(&b),
        (Ok(a), Ok(b)) => b.total_cmp(&a),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => Ordering::Equal,
    }
}
