//! The plan of a sweep: the document and what is varied in it, the sources with the hash of their content,
//! the settings. It is made before anything runs, and its digest says whether two sweeps are the same.
//!
//! Invariant: every trial of a plan is a document that satisfies all rules.

use super::SweepError;
use crate::document::axis::{self, Axis};
use crate::document::strategy::{self, Problem};
use crate::domain::rng::Rng;
use crate::engine::ENGINE_VERSION;
use crate::limits::{SWEEP_AXES, SWEEP_RUNS, SWEEP_TRIALS};
use crate::service::backtest::RunSettings;
use crate::service::strategies::{Loaded, compile};
use crate::session::digest::hex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Version of the plan's form; a plan of another one is refused.
const FORMAT: u32 = 1;

/// What the rules of documents say of a field that changes nothing.
const NO_EFFECT: &str = "has no effect";

/// Which combinations of the axes' values are tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// All of them, the last axis fastest.
    Grid,
    /// So many different ones, drawn at random from the grid.
    Random {
        /// How many.
        trials: u64,
        /// Seed of the draw.
        seed: u64,
    },
}

/// One run of every trial: a source and the symbols of one account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlannedRun {
    /// File stem or recording id.
    pub source: String,
    /// Symbols.
    pub symbols: Vec<String>,
    /// SHA-256 of the symbols' terms and of every tick.
    pub sha256: String,
    /// Quote currency of the account; `None` when the symbols do not tell it.
    pub currency: Option<String>,
}

/// What a plan is made from.
pub struct PlanRequest<'a> {
    /// The strategy that is varied.
    pub strategy: &'a Loaded,
    /// What is varied; the first axis changes slowest.
    pub axes: Vec<Axis>,
    /// Which combinations are tried.
    pub method: Method,
    /// Settings of every run.
    pub settings: &'a RunSettings,
}

/// A field that is varied, as it is kept.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PlannedAxis {
    /// JSON pointer into the document.
    pub pointer: String,
    /// Its values.
    pub values: Vec<Value>,
}

/// A plan.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Version of this form.
    pub format: u32,
    /// Version of the engine's decisions.
    pub engine_version: u32,
    /// Id of the strategy.
    pub strategy: String,
    /// The document that is varied, in its canonical form.
    pub document: Value,
    /// What is varied.
    pub axes: Vec<PlannedAxis>,
    /// Which combinations are tried.
    pub method: Method,
    /// Every setting that can change a result, by name.
    pub settings: BTreeMap<String, String>,
    /// The runs of every trial.
    pub runs: Vec<PlannedRun>,
    /// The values of each trial, one per axis.
    pub trials: Vec<Vec<Value>>,
    /// SHA-256 of the canonical documents of all trials.
    pub documents_sha256: String,
    /// SHA-256 of all of the above.
    pub digest: String,
}

impl Plan {
    /// Makes a plan and validates every trial. `runs` has the sources with the hash of their content.
    ///
    /// # Errors
    /// Axes that lead nowhere, too many trials, and the first trial whose document breaks a rule, with its
    /// values.
    pub fn new(request: PlanRequest<'_>, runs: Vec<PlannedRun>) -> Result<Self, SweepError> {
        let text = request.strategy.label.document.as_deref().unwrap_or_default();
        let document: Value = serde_json::from_str(text)
            .map_err(|error| SweepError::Input(format!("the strategy document cannot be varied: {error}")))?;
        check_axes(&request.axes)?;
        let trials = combinations(&request.axes, request.method)?;
        if trials.len() * runs.len() > SWEEP_RUNS {
            return Err(SweepError::Input(format!(
                "{} trials on {} runs each are {} runs, at most {SWEEP_RUNS} are possible; try fewer, or sweep the sources apart",
                trials.len(),
                runs.len(),
                trials.len() * runs.len()
            )));
        }
        let axes = request.axes.into_iter().map(|Axis { pointer, values }| PlannedAxis { pointer, values });
        let mut plan = Plan {
            format: FORMAT,
            engine_version: ENGINE_VERSION,
            strategy: request.strategy.label.id.clone(),
            document,
            axes: axes.collect(),
            method: request.method,
            settings: settings(request.settings),
            runs,
            trials,
            documents_sha256: String::new(),
            digest: String::new(),
        };
        plan.documents_sha256 = plan.hash_documents()?;
        plan.digest = plan.computed_digest();
        Ok(plan)
    }

    /// Reads a plan from its text.
    ///
    /// # Errors
    /// A text that is no plan, of another form, or changed since it was written.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let form: Form =
            serde_json::from_slice(text).map_err(|error| format!("it is not a plan: {error}"))?;
        if form.format != FORMAT {
            return Err(format!("it has form {}, this version reads {FORMAT}", form.format));
        }
        let plan: Plan =
            serde_json::from_slice(text).map_err(|error| format!("it is not a plan: {error}"))?;
        match plan.computed_digest() == plan.digest {
            true => Ok(plan),
            false => Err("it was changed after it was written: its digest does not match".to_owned()),
        }
    }

    /// The plan as text, the same for equal plans.
    pub fn text(&self) -> String {
        // A plan consists of texts, numbers and lists only, which always have a JSON form.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The first twelve digits of the digest.
    pub fn digest_short(&self) -> &str {
        self.digest.get(..12).unwrap_or(&self.digest)
    }

    /// The canonical document of a trial, numbered from 1.
    ///
    /// # Errors
    /// An unknown number, or the rules that the document breaks.
    pub fn document(&self, trial: usize) -> Result<String, SweepError> {
        let values = self.values(trial).ok_or_else(|| {
            SweepError::Input(format!("there is no trial {trial}; the sweep has 1 to {}", self.trials.len()))
        })?;
        let mut document = self.document.clone();
        for (axis, value) in self.axes.iter().zip(values) {
            axis::set(&mut document, &axis.pointer, value)
                .map_err(|error| SweepError::Input(format!("--set {}: {error}", axis.pointer)))?;
        }
        match strategy::parse(document.to_string().as_bytes()) {
            Ok((document, warnings)) => {
                self.refuse_idle_fields(&document.to_value(), &warnings)?;
                Ok(document.to_json())
            }
            Err(problems) => {
                let list: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
                Err(SweepError::Input(format!(
                    "trial {trial} ({}) is not a valid strategy:\n{}",
                    self.values_line(trial),
                    list.join("\n")
                )))
            }
        }
    }

    /// Refuses to vary a field that has no effect, such as a misspelt one: all its values would give the same
    /// result.
    fn refuse_idle_fields(&self, document: &Value, warnings: &[Problem]) -> Result<(), SweepError> {
        for axis in &self.axes {
            let place = axis::resolved(document, &axis.pointer);
            let idle = |warning: &&Problem| warning.path == place && warning.problem.contains(NO_EFFECT);
            if let Some(warning) = warnings.iter().find(idle) {
                return Err(SweepError::Input(format!("--set {}: {}", axis.pointer, warning.problem)));
            }
        }
        Ok(())
    }

    /// The strategy of a trial, ready to run.
    ///
    /// # Errors
    /// As [`Plan::document`].
    pub fn load(&self, trial: usize) -> Result<Loaded, SweepError> {
        let document = self.document(trial)?;
        compile(&self.strategy, None, document.as_bytes())
            .map_err(|_| SweepError::Input(format!("trial {trial} cannot be compiled")))
    }

    /// The values of a trial, numbered from 1, one per axis.
    pub fn values(&self, trial: usize) -> Option<&[Value]> {
        self.trials.get(trial.checked_sub(1)?).map(Vec::as_slice)
    }

    /// The values of a trial: `/a = 1, /b = 2`.
    pub fn values_line(&self, trial: usize) -> String {
        let values = self.values(trial).into_iter().flatten();
        let line: Vec<String> =
            self.axes.iter().zip(values).map(|(axis, value)| format!("{} = {value}", axis.pointer)).collect();
        line.join(", ")
    }

    /// Whether all accounts are in one currency. Of several accounts each must say which it is in.
    pub fn has_one_currency(&self) -> bool {
        let currencies: BTreeSet<_> = self.runs.iter().map(|run| &run.currency).collect();
        self.runs.len() <= 1 || (currencies.len() == 1 && !currencies.contains(&None))
    }

    fn hash_documents(&self) -> Result<String, SweepError> {
        let mut hasher = Sha256::new();
        for trial in 1..=self.trials.len() {
            let document = self.document(trial)?;
            hasher.update((document.len() as u64).to_le_bytes());
            hasher.update(document.as_bytes());
        }
        Ok(hex(hasher.finalize()))
    }

    fn computed_digest(&self) -> String {
        let text = Plan { digest: String::new(), ..self.clone() }.text();
        hex(Sha256::digest(text.as_bytes()))
    }
}

/// Every setting that can change a result: those of the run, with the fees of symbols that bring none, and
/// the risk limits where they apply.
fn settings(settings: &RunSettings) -> BTreeMap<String, String> {
    let limits = settings.limits.named().into_iter().map(|(name, limit)| {
        (format!("limit.{name}"), limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string()))
    });
    let (maker, taker) = settings.fees.unwrap_or(settings.default_fees);
    let fees = ("fees_pct".to_owned(), format!("{},{}", maker.percent(), taker.percent()));
    settings.named().into_iter().chain(limits).chain([fees]).collect()
}

fn check_axes(axes: &[Axis]) -> Result<(), SweepError> {
    if axes.is_empty() || axes.len() > SWEEP_AXES {
        return Err(SweepError::Input(format!(
            "a sweep varies 1 to {SWEEP_AXES} fields, not {}; name each with --set POINTER=VALUES",
            axes.len()
        )));
    }
    let mut seen = BTreeSet::new();
    match axes.iter().find(|axis| !seen.insert(&axis.pointer)) {
        Some(twice) => Err(SweepError::Input(format!(
            "{} is set twice; put all its values into one --set",
            twice.pointer
        ))),
        None => Ok(()),
    }
}

/// The combinations that are tried, in their stable order.
fn combinations(axes: &[Axis], method: Method) -> Result<Vec<Vec<Value>>, SweepError> {
    let all = axes.iter().try_fold(1_u64, |all, axis| all.checked_mul(axis.values.len() as u64));
    let (all, wanted) = match (all, method) {
        (None, _) => {
            return Err(SweepError::Input(
                "the grid has more than 2^64 combinations; take wider steps".to_owned(),
            ));
        }
        (Some(all), Method::Grid) => (all, all),
        (Some(all), Method::Random { trials, .. }) => (all, trials.min(all)),
    };
    if wanted == 0 || wanted > SWEEP_TRIALS as u64 {
        return Err(SweepError::Input(format!(
            "the sweep has {wanted} trials, 1 to {SWEEP_TRIALS} are possible; take wider steps, or draw some with --random N"
        )));
    }
    let numbers: Vec<u64> = match method {
        Method::Random { seed, .. } if wanted < all => drawn(all, wanted, seed),
        _ => (0..all).collect(),
    };
    Ok(numbers.into_iter().map(|number| combination(axes, number)).collect())
}

/// `wanted` different numbers below `all`, in the order in which they are drawn.
fn drawn(all: u64, wanted: u64, seed: u64) -> Vec<u64> {
    let mut rng = Rng::new(seed);
    // Floyd's algorithm: each step adds exactly one number, so it ends also when `wanted` is close to `all`.
    let mut taken = BTreeSet::new();
    let mut numbers = Vec::with_capacity(wanted as usize);
    for last in all - wanted..all {
        let number = rng.below(last.saturating_add(1));
        let number = if taken.insert(number) { number } else { last };
        taken.insert(number);
        numbers.push(number);
    }
    numbers
}

/// The values of a combination of the grid; the last axis changes fastest.
fn combination(axes: &[Axis], number: u64) -> Vec<Value> {
    let mut left = number;
    let mut values: Vec<Value> = axes
        .iter()
        .rev()
        .map(|axis| {
            let count = axis.values.len() as u64;
            let index = left % count;
            left /= count;
            axis.values[index as usize].clone()
        })
        .collect();
    values.reverse();
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::strategies::built_in;
    use serde_json::json;

    fn plan(sets: &[&str], method: Method) -> Result<Plan, String> {
        let strategy = compile("pump_v2", None, built_in("pump_v2").unwrap().as_bytes()).unwrap();
        let axes = sets.iter().map(|set| set.parse().unwrap()).collect();
        let request = PlanRequest { strategy: &strategy, axes, method, settings: &RunSettings::default() };
        let run =
            PlannedRun { source: "x".into(), symbols: vec!["A".into()], sha256: "00".into(), currency: None };
        Plan::new(request, vec![run]).map_err(|error| error.to_string())
    }

    const LEVERAGE: &str = "/z1_entry/leverage=1,2,3";
    const PRICE: &str = "/s1_signal/conditions/s1_price/value=8..9/0.5";

    #[test]
    fn a_grid_has_all_combinations_in_a_stable_order() {
        let plan = plan(&[LEVERAGE, PRICE], Method::Grid).unwrap();
        let shown: Vec<String> = plan.trials.iter().map(|values| json!(values).to_string()).collect();
        assert_eq!(shown[..4], ["[1,8]", "[1,8.5]", "[1,9]", "[2,8]"]);
        assert_eq!(shown.len(), 9);
        let document: Value = serde_json::from_str(&plan.document(8).unwrap()).unwrap();
        assert_eq!(document["z1_entry"]["leverage"], json!(3));
        assert_eq!(document["s1_signal"]["conditions"][0]["value"], json!(8.5));
        assert_eq!(Plan::parse(plan.text().as_bytes()).unwrap(), plan);
    }

    #[test]
    fn a_seed_draws_different_combinations_and_the_same_ones_again() {
        let draw = |trials, seed| plan(&[LEVERAGE, PRICE], Method::Random { trials, seed }).unwrap();
        assert_eq!(draw(5, 1), draw(5, 1));
        assert_ne!(draw(5, 1).trials, draw(5, 2).trials);
        for seed in 0..50 {
            let mut trials: Vec<String> =
                draw(8, seed).trials.iter().map(|values| json!(values).to_string()).collect();
            trials.sort();
            trials.dedup();
            assert_eq!(trials.len(), 8, "seed {seed}");
        }
        assert_eq!(draw(100, 1).trials.len(), 9, "there are no more than the grid has");
    }

    #[test]
    fn a_trial_that_breaks_a_rule_is_named_with_its_pointer_and_value() {
        let refused = |sets: &[&str]| plan(sets, Method::Grid).unwrap_err();
        let error = refused(&[PRICE, "/z1_entry/leverage=1,5000"]);
        assert!(error.contains("/z1_entry/leverage = 5000"), "{error}");
        assert!(error.contains("/s1_signal/conditions/s1_price/value = 8"), "{error}");
        assert!(refused(&["/z1_enter/leverage=1"]).contains("did you mean z1_entry?"));
        assert!(refused(&["/z1_entry/leverege=1"]).contains("has no effect"));
        let high = "/s1_signal/conditions/s1_price/valueHigh=1,2";
        assert!(refused(&[high]).contains("only `between` uses it"), "{}", refused(&[high]));
        assert!(refused(&[LEVERAGE, "/z1_entry/leverage=4"]).contains("is set twice"));
        assert!(refused(&[]).contains("1 to 16 fields"));
        let wide = ["/maxHoldSeconds=1..200/1", "/s1_signal/conditions/0/value=1..200/1"];
        assert!(refused(&wide).contains("40000 trials"), "{}", refused(&wide));
    }

    #[test]
    fn the_digest_follows_from_everything_that_can_change_a_result() {
        let plan = plan(&[LEVERAGE], Method::Grid).unwrap();
        let mut other = plan.clone();
        other.runs[0].sha256 = "01".into();
        assert_ne!(other.computed_digest(), plan.digest);
        assert!(Plan::parse(other.text().as_bytes()).unwrap_err().contains("was changed"));
        assert!(plan.settings.contains_key("limit.max_drawdown_pct"), "{:?}", plan.settings);
    }
}
