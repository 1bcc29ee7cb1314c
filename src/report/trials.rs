//! What the trials of a sweep were worth: the metrics of one trial over all its runs, and its Sharpe ratio
//! against the best that as many worthless trials would reach.
//!
//! Each run has an account of its own. Invariant: a metric that is not defined over several accounts has the
//! reason instead of a number, and so has every metric of money when the accounts are in different
//! currencies.

use crate::report::definitions::{self as d, Definition, Unit};
use crate::report::metrics::{Amount, ENOUGH};
use crate::report::ratios::{self, Undefined};
use crate::report::run::RunResult;

const SEVERAL: &str = "not defined over several accounts";
const CURRENCIES: &str = "the sources are in several currencies";

/// What the deflated Sharpe ratio needs of a run: moments of its daily returns.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct DailyReturns {
    /// Number of whole UTC days.
    pub days: u64,
    /// Mean / sample standard deviation, per day.
    pub sharpe: f64,
    /// Skewness.
    pub skew: f64,
    /// Kurtosis; 3 for a normal distribution.
    pub kurtosis: f64,
}

/// The metrics of a run or of a trial as plain numbers.
#[derive(Clone, PartialEq, Debug)]
pub struct Figures {
    /// Value or reason, in the order of [`d::ALL`].
    values: Vec<Result<f64, String>>,
    /// Moments of the daily returns; `None` where there is no Sharpe ratio.
    pub daily: Option<DailyReturns>,
}

impl Figures {
    /// The figures of a run.
    pub fn of(run: &RunResult) -> Self {
        let value = |definition: &Definition| {
            let metric = run.metric(definition.id).ok_or("not computed")?;
            metric.value.map(|amount| match amount {
                // Reading the decimal text rounds once; dividing the integer by 10^18 would round twice.
                Amount::Money(money) => money.to_string().parse().unwrap_or_else(|_| money.to_f64()),
                Amount::Count(count) => count as f64,
                Amount::Number(number) => number,
            })
        };
        let values = d::ALL.iter().map(|definition| value(definition).map_err(str::to_owned)).collect();
        Figures { values, daily: daily_returns(run).ok() }
    }

    /// Figures from values by metric id; a metric that `value` does not know has that as its reason.
    pub fn read(value: impl Fn(&str) -> Option<Result<f64, String>>, daily: Option<DailyReturns>) -> Self {
        let one =
            |definition: &Definition| value(definition.id).unwrap_or_else(|| Err("not recorded".to_owned()));
        Figures { values: d::ALL.iter().map(one).collect(), daily }
    }

    /// Every metric with its value or the reason why there is none.
    pub fn all(&self) -> impl Iterator<Item = (&'static Definition, Result<f64, &str>)> {
        d::ALL.iter().zip(self.values.iter().map(|value| value.as_ref().copied().map_err(String::as_str)))
    }

    /// A metric by its id.
    ///
    /// # Errors
    /// The reason why it has no value.
    pub fn get(&self, id: &str) -> Result<f64, &str> {
        self.all()
            .find(|(known, _)| known.id == id)
            .map_or(Err("there is no such metric"), |(_, value)| value)
    }

    fn set(&mut self, definition: &Definition, value: Result<f64, String>) {
        if let Some(index) = d::ALL.iter().position(|known| known.id == definition.id) {
            self.values[index] = value;
        }
    }
}

/// The moments of the daily returns over whole UTC days, under the rules of the Sharpe ratio.
fn daily_returns(run: &RunResult) -> Result<DailyReturns, Undefined> {
    let whole = run.summary.days.iter().filter(|day| day.whole);
    let returns: Vec<f64> =
        whole.map(|day| day.growth.ok_or("equity was not positive")).collect::<Result<_, _>>()?;
    if (returns.len() as u64) < ENOUGH {
        return Err("fewer than 30 whole UTC days");
    }
    let (skew, kurtosis) = ratios::skew_and_kurtosis(&returns)?;
    Ok(DailyReturns { days: returns.len() as u64, sharpe: ratios::sharpe(&returns, 1.0)?, skew, kurtosis })
}

/// How a metric is put together from those of several accounts.
enum Rule {
    Sum,
    Largest,
    Smallest,
    Mean,
    /// Mean weighted by another metric.
    WeightedBy(&'static Definition),
    ProfitFactor,
}

fn rule(definition: &Definition) -> Option<Rule> {
    const SUMS: [&Definition; 11] = [
        &d::NET_PROFIT,
        &d::TRADES,
        &d::TRADES_AT_END,
        &d::WINS,
        &d::LOSSES,
        &d::DRAWS,
        &d::GROSS,
        &d::FEES,
        &d::FUNDING,
        &d::SLIPPAGE,
        &d::ENTRIES_BLOCKED,
    ];
    const LARGEST: [&Definition; 9] = [
        &d::MAX_DRAWDOWN_PCT,
        &d::MAX_DRAWDOWN,
        &d::MAX_DRAWDOWN_SECONDS,
        &d::LONGEST_DRAWDOWN_SECONDS,
        &d::MAX_BALANCE_DRAWDOWN_PCT,
        &d::LARGEST_WIN,
        &d::MFE_BEST_PCT,
        &d::CONSECUTIVE_WINS,
        &d::CONSECUTIVE_LOSSES,
    ];
    const SMALLEST: [&Definition; 2] = [&d::LARGEST_LOSS, &d::MAE_WORST_PCT];
    const PER_TRADE: [&Definition; 5] =
        [&d::WIN_RATE, &d::EXPECTANCY, &d::DURATION_MEAN, &d::MAE_MEAN_PCT, &d::MFE_MEAN_PCT];
    let is_in = |list: &[&Definition]| list.iter().any(|known| known.id == definition.id);
    Some(match definition.id {
        _ if is_in(&SUMS) => Rule::Sum,
        _ if is_in(&LARGEST) => Rule::Largest,
        _ if is_in(&SMALLEST) => Rule::Smallest,
        _ if is_in(&PER_TRADE) => Rule::WeightedBy(&d::TRADES),
        _ if is_in(&[&d::AVERAGE_WIN]) => Rule::WeightedBy(&d::WINS),
        _ if is_in(&[&d::AVERAGE_LOSS]) => Rule::WeightedBy(&d::LOSSES),
        _ if is_in(&[&d::NET_PROFIT_PCT, &d::TOTAL_RETURN_PCT]) => Rule::Mean,
        _ if is_in(&[&d::PROFIT_FACTOR]) => Rule::ProfitFactor,
        _ => return None,
    })
}

/// The figures of one trial over all its runs, in their order. `one_currency`: all accounts are in the same
/// one.
///
/// Sums for amounts and counts, the deepest drawdown of all, means of returns in percent over the accounts,
/// means per trade over all trades. A run without a trade takes no part in metrics that need one.
pub fn combined(runs: &[Figures], one_currency: bool) -> Figures {
    if let [only] = runs {
        return only.clone();
    }
    let value = |definition: &Definition| {
        if definition.unit == Unit::Money && !one_currency {
            return Err(CURRENCIES.to_owned());
        }
        over(runs, definition, &rule(definition).ok_or(SEVERAL)?)
    };
    Figures { values: d::ALL.iter().map(value).collect(), daily: None }
}

fn over(runs: &[Figures], definition: &Definition, rule: &Rule) -> Result<f64, String> {
    let of = |run: &Figures, definition: &Definition| run.get(definition.id).map_err(str::to_owned);
    match rule {
        Rule::ProfitFactor => {
            let part = |size: &Definition, count: &Definition| -> Result<f64, String> {
                runs.iter().try_fold(0.0, |sum, run| match of(run, count)? {
                    n if n > 0.0 => Ok(sum + n * of(run, size)?.abs()),
                    _ => Ok(sum),
                })
            };
            let (profit, loss) = (part(&d::AVERAGE_WIN, &d::WINS)?, part(&d::AVERAGE_LOSS, &d::LOSSES)?);
            if loss > 0.0 { Ok(profit / loss) } else { Err("no losses".to_owned()) }
        }
        Rule::WeightedBy(weight) => {
            let (mut sum, mut all) = (0.0, 0.0);
            for run in runs {
                let weight = of(run, weight)?;
                if weight > 0.0 {
                    sum += weight * of(run, definition)?;
                    all += weight;
                }
            }
            if all > 0.0 { Ok(sum / all) } else { of(&runs[0], definition).and(Err("no trade".to_owned())) }
        }
        Rule::Sum | Rule::Largest | Rule::Smallest | Rule::Mean => {
            let mut known = Vec::with_capacity(runs.len());
            for run in runs {
                match of(run, definition) {
                    Ok(value) => known.push(value),
                    Err(_) if of(run, &d::TRADES).is_ok_and(|trades| trades < 1.0) => {}
                    Err(reason) => return Err(reason),
                }
            }
            let Some(first) = known.first().copied() else { return Err("no trade".to_owned()) };
            Ok(match rule {
                Rule::Largest => known.iter().fold(first, |best, value| best.max(*value)),
                Rule::Smallest => known.iter().fold(first, |best, value| best.min(*value)),
                Rule::Mean => known.iter().sum::<f64>() / known.len() as f64,
                _ => known.iter().sum(),
            })
        }
    }
}

/// Gives every trial its deflated Sharpe ratio: the probability that its true ratio is above the best that
/// `tried` worthless trials would show, whose spread is that of the trials (D. Bailey and M. López de Prado,
/// "The Deflated Sharpe Ratio", 2014). Trials that resemble each other count as if they did not, so the
/// figure errs on the low side.
pub fn deflate(trials: &mut [Figures], tried: u64) {
    let ratios: Vec<f64> = trials.iter().filter_map(|trial| Some(trial.daily?.sharpe)).collect();
    let variance = match ratios.len() {
        0 | 1 => None,
        n => {
            let mean = ratios.iter().sum::<f64>() / n as f64;
            Some(ratios.iter().map(|ratio| (ratio - mean) * (ratio - mean)).sum::<f64>() / (n - 1) as f64)
        }
    };
    for trial in trials {
        let value = match (trial.daily, variance) {
            (None, _) => trial
                .get(d::SHARPE.id)
                .map_err(str::to_owned)
                .and(Err("the daily returns do not vary".to_owned())),
            (_, None) => Err("fewer than two trials have a Sharpe ratio".to_owned()),
            (Some(daily), Some(variance)) => {
                let best = ratios::expected_best_sharpe(tried, variance);
                ratios::psr(daily.sharpe, best, daily.days as usize, daily.skew, daily.kurtosis)
                    .map_err(str::to_owned)
            }
        };
        trial.set(&d::DEFLATED_SHARPE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn close(found: Result<f64, &str>, expected: f64) {
        let found = found.unwrap_or_else(|reason| panic!("{reason} instead of {expected}"));
        assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{found} is not {expected}");
    }

    #[test]
    fn several_accounts_are_added_up_and_what_is_not_defined_says_why() {
        let (one, none) = (Figures::of(&sample::result()), Figures::of(&sample::empty_result()));
        let both = combined(&[one.clone(), none.clone(), one.clone()], true);
        for sum in [d::TRADES, d::WINS, d::NET_PROFIT, d::FEES] {
            close(both.get(sum.id), 2.0 * one.get(sum.id).unwrap() + none.get(sum.id).unwrap_or(0.0));
        }
        for same in [
            d::WIN_RATE,
            d::EXPECTANCY,
            d::PROFIT_FACTOR,
            d::AVERAGE_LOSS,
            d::MAX_DRAWDOWN_PCT,
            d::LARGEST_LOSS,
        ] {
            close(both.get(same.id), one.get(same.id).unwrap());
        }
        close(both.get(d::NET_PROFIT_PCT.id), 2.0 / 3.0 * one.get(d::NET_PROFIT_PCT.id).unwrap());
        assert_eq!(both.get(d::SHARPE.id), Err(SEVERAL));
        assert_eq!(combined(std::slice::from_ref(&one), true), one);
        let mixed = combined(&[one.clone(), one.clone()], false);
        assert_eq!(mixed.get(d::NET_PROFIT.id), Err(CURRENCIES));
        close(mixed.get(d::WIN_RATE.id), one.get(d::WIN_RATE.id).unwrap());
        let empty = combined(&[none.clone(), none], true);
        assert_eq!((empty.get(d::TRADES.id), empty.get(d::WIN_RATE.id)), (Ok(0.0), Err("no trade")));
        assert_eq!(both.get("no_such_metric"), Err("there is no such metric"));
    }

    /// 40 returns that follow from two numbers.
    fn trial(seed: i64, drift: f64) -> Figures {
        let returns: Vec<f64> =
            (0..40).map(|i| ((i * seed * 7 + 3 * i * i + seed) % 23 - 11) as f64 / 1_000.0 + drift).collect();
        let (skew, kurtosis) = ratios::skew_and_kurtosis(&returns).unwrap();
        let daily = DailyReturns { days: 40, sharpe: ratios::sharpe(&returns, 1.0).unwrap(), skew, kurtosis };
        Figures { daily: Some(daily), ..Figures::of(&sample::empty_result()) }
    }

    /// The expected values were computed with the normal distribution of Python's `statistics` and the
    /// formulas of the paper.
    #[test]
    fn the_deflated_sharpe_ratio_is_that_of_an_independent_computation() {
        let mut trials = [trial(1, 0.002), trial(2, 0.0), trial(3, -0.001), trial(5, 0.0005)];
        let expected = [
            0.483_835_290_481_113_96,
            7.067_166_430_613_225e-5,
            0.023_760_890_542_850_632,
            0.140_376_894_395_504_94,
        ];
        deflate(&mut trials, 4);
        for (trial, expected) in trials.iter().zip(expected) {
            let found = trial.get(d::DEFLATED_SHARPE.id).unwrap();
            assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
        }
        let few = trials[0].get(d::DEFLATED_SHARPE.id).unwrap();
        deflate(&mut trials, 1_000);
        assert!(trials[0].get(d::DEFLATED_SHARPE.id).unwrap() < few / 1_000.0, "more tries, less belief");
        let mut alone = [trial(1, 0.002)];
        deflate(&mut alone, 4);
        assert_eq!(alone[0].get(d::DEFLATED_SHARPE.id), Err("fewer than two trials have a Sharpe ratio"));
    }
}
