//! One finished run of a trial: its digest and figures, and the form in which the log of a sweep keeps them.

use crate::report::run::RunResult;
use crate::report::trials::{DailyReturns, Figures};
use crate::session::digest::hex;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// A finished run of a trial.
#[derive(Clone, PartialEq, Debug)]
pub struct TrialRun {
    /// Number of the trial, from 1.
    pub trial: usize,
    /// Index of the run in the plan.
    pub run: usize,
    /// Digest of the decisions: that of a backtest of the trial's document.
    pub digest: String,
    /// What it was worth.
    pub figures: Figures,
}

impl TrialRun {
    /// A finished run.
    pub fn new(trial: usize, run: usize, result: &RunResult) -> Self {
        TrialRun { trial, run, digest: result.digest.clone(), figures: Figures::of(result) }
    }

    /// Where it stands: by trial, then by run.
    pub fn key(&self) -> (usize, usize) {
        (self.trial, self.run)
    }

    /// As one line of JSON, without its end.
    pub fn text(&self) -> String {
        let (mut metrics, mut reasons) = (Map::new(), Map::new());
        for (definition, value) in self.figures.all() {
            metrics.insert(definition.id.to_owned(), json!(value.ok()));
            if let Err(reason) = value {
                reasons.insert(definition.id.to_owned(), json!(reason));
            }
        }
        let daily = self.figures.daily.map(|daily| {
            json!({ "days": daily.days, "sharpe": daily.sharpe, "skew": daily.skew, "kurtosis": daily.kurtosis })
        });
        json!({
            "trial": self.trial,
            "run": self.run,
            "digest": self.digest,
            "metrics": metrics,
            "reasons": reasons,
            "daily_returns": daily,
        })
        .to_string()
    }

    /// Reads what [`TrialRun::text`] wrote; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let number = |of: &Value, name: &str| of.get(name).and_then(Value::as_f64);
        let index = |name: &str| value.get(name)?.as_u64().and_then(|index| usize::try_from(index).ok());
        let daily = value.get("daily_returns").filter(|daily| daily.is_object()).and_then(|daily| {
            Some(DailyReturns {
                days: daily.get("days")?.as_u64()?,
                sharpe: number(daily, "sharpe")?,
                skew: number(daily, "skew")?,
                kurtosis: number(daily, "kurtosis")?,
            })
        });
        let (metrics, reasons) = (value.get("metrics")?, value.get("reasons")?);
        let figure = |id: &str| {
            let reason = || reasons.get(id).and_then(Value::as_str).map(|reason| Err(reason.to_owned()));
            number(metrics, id).map(Ok).or_else(reason)
        };
        Some(TrialRun {
            trial: index("trial")?,
            run: index("run")?,
            digest: value.get("digest")?.as_str()?.to_owned(),
            figures: Figures::read(figure, daily),
        })
    }
}

/// The digest of a sweep: over its plan and the lines of all its runs in their order.
pub fn sweep_digest<'t>(plan: &str, lines: impl Iterator<Item = &'t str>) -> String {
    let mut hasher = Sha256::new();
    hasher.update(plan.as_bytes());
    for line in lines {
        hasher.update(b"\n");
        hasher.update(line.as_bytes());
    }
    hex(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_line_comes_back_as_it_was_written() {
        for result in [sample::result(), sample::empty_result()] {
            let run = TrialRun::new(3, 1, &result);
            let text = run.text();
            assert_eq!(TrialRun::parse(&text).as_ref(), Some(&run), "{text}");
            assert_eq!(TrialRun::parse(&text).unwrap().text(), text);
        }
        assert_eq!(TrialRun::parse("{}"), None);
    }
}
