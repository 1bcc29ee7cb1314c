//! Computes the metrics of a run from the data collected by [`crate::report::statistics::Statistics`].
//!
//! Invariant: an undefined metric carries the reason instead of a number.

use crate::checkpoint::plain;
use crate::domain::decision::Trigger;
use crate::domain::ledger::ClosedTrade;
use crate::domain::num::Money;
use crate::domain::time::Timestamp;
use crate::report::bootstrap::mean_interval;
use crate::report::definitions::{self as d, Definition, Unit};
use crate::report::drawdown::Drawdowns;
use crate::report::exposure::Exposure;
use crate::report::ratios::{self, DAYS_PER_YEAR, Undefined};
use crate::report::returns::Day;
use crate::report::tally::{Tally, longest_streaks};

/// Fewest days or trades for a reliable ratio; with fewer it is shown grey.
pub const ENOUGH: u64 = 30;

/// A value by kind.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Amount {
    /// Exact money.
    Money(Money),
    /// A count.
    Count(u64),
    /// Any other number; always finite.
    Number(f64),
}

/// A metric of a run.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Metric {
    /// Name, unit and formula.
    pub definition: &'static Definition,
    /// The value, or why there is none.
    pub value: Result<Amount, Undefined>,
    /// Number of observations behind it (days, trades, drawdowns).
    pub n: u64,
    /// Time span of the observations.
    pub window: (Timestamp, Timestamp),
    /// 95 % interval in the unit of the value, or why there is none; `None` for metrics that never have one.
    pub interval: Option<Result<(f64, f64), Undefined>>,
    /// A remark shown with the value.
    pub note: Option<&'static str>,
}

impl Metric {
    /// Whether it is an estimate from too few observations.
    pub fn is_thin(&self) -> bool {
        self.value.is_ok() && is_thin(self.definition, self.n)
    }

    /// The value as a number; `None` when undefined.
    pub fn number(&self) -> Option<f64> {
        Some(match self.value.ok()? {
            Amount::Money(money) => money.to_f64(),
            Amount::Count(count) => count as f64,
            Amount::Number(number) => number,
        })
    }
}

/// Whether a value from so many observations is an estimate from too few.
pub fn is_thin(definition: &Definition, n: u64) -> bool {
    n < ENOUGH && is_estimate(definition)
}

/// Whether more observations would make it more reliable: true for ratios and means, not for sums, counts and
/// extremes.
fn is_estimate(definition: &Definition) -> bool {
    let means = [&d::EXPECTANCY, &d::AVERAGE_WIN, &d::AVERAGE_LOSS, &d::WIN_RATE];
    means.contains(&definition) || matches!(definition.unit, Unit::Ratio | Unit::Fraction | Unit::Risk)
}

/// Variants tried before this one, for the deflated Sharpe ratio.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Trials {
    /// Number of variants.
    pub count: u64,
    /// Variance of their daily (not annualised) Sharpe ratios.
    pub sharpe_variance: f64,
}

plain!(struct Trials { count, sharpe_variance });

/// Inputs of the metrics.
pub(super) struct Sources<'a> {
    pub start: Timestamp,
    pub end: Timestamp,
    pub initial: Money,
    pub deposits: Money,
    pub final_equity: Money,
    pub growth: Option<f64>,
    pub open_at_end: bool,
    pub closing_cost: Option<Money>,
    pub days: &'a [Day],
    pub equity: &'a Drawdowns,
    pub balance: &'a Drawdowns,
    pub exposure: &'a Exposure,
    pub trades: &'a [ClosedTrade],
    pub trials: Option<Trials>,
}

impl Sources<'_> {
    fn span_days(&self) -> f64 {
        (self.end - self.start).seconds_f64() / 86_400.0
    }

    fn annual_growth(&self) -> Result<f64, Undefined> {
        if self.span_days() < ENOUGH as f64 {
            return Err("the run is shorter than 30 days");
        }
        ratios::annual_growth(self.growth.ok_or(NO_EQUITY)?, self.span_days())
    }
}

const NO_TRADE: Undefined = "no trade";
const NO_EQUITY: Undefined = "equity was not positive";

/// The number of blocked entries, the last of [`definitions::ALL`](d::ALL): statistics of equity and trades
/// do not know it.
pub fn entries_blocked(count: u64, window: (Timestamp, Timestamp)) -> Metric {
    let value = Ok(Amount::Count(count));
    Metric { definition: &d::ENTRIES_BLOCKED, value, n: count, window, interval: None, note: None }
}

/// All metrics of equity and trades, in the order of [`definitions::ALL`](d::ALL).
pub(super) fn compute(sources: &Sources<'_>) -> Vec<Metric> {
    let mut sheet = Sheet { window: (sources.start, sources.end), metrics: Vec::with_capacity(d::ALL.len()) };
    let tally: Tally = sources.trades.iter().collect();
    profit(&mut sheet, sources);
    drawdowns(&mut sheet, sources);
    risk_ratios(&mut sheet, sources);
    outcomes(&mut sheet, sources, &tally);
    sizes(&mut sheet, sources, &tally);
    quality(&mut sheet, sources);
    exposure(&mut sheet, sources);
    durations(&mut sheet, sources.trades);
    excursions(&mut sheet, sources.trades);
    costs(&mut sheet, &tally);
    sheet.metrics
}

/// The list of metrics under construction.
struct Sheet {
    window: (Timestamp, Timestamp),
    metrics: Vec<Metric>,
}

impl Sheet {
    fn put(
        &mut self,
        definition: &'static Definition,
        n: u64,
        value: Result<Amount, Undefined>,
    ) -> &mut Metric {
        let value = match value {
            Ok(Amount::Number(number)) if !number.is_finite() => Err("too large to display"),
            value => value,
        };
        self.metrics.push(Metric { definition, value, n, window: self.window, interval: None, note: None });
        self.metrics.last_mut().expect("just pushed")
    }

    fn money(
        &mut self,
        definition: &'static Definition,
        n: u64,
        value: Result<Money, Undefined>,
    ) -> &mut Metric {
        self.put(definition, n, value.map(Amount::Money))
    }

    fn number(
        &mut self,
        definition: &'static Definition,
        n: u64,
        value: Result<f64, Undefined>,
    ) -> &mut Metric {
        self.put(definition, n, value.map(Amount::Number))
    }

    fn count(&mut self, definition: &'static Definition, n: u64, value: u64) {
        self.put(definition, n, Ok(Amount::Count(value)));
    }
}

fn profit(sheet: &mut Sheet, s: &Sources<'_>) {
    let net = s.final_equity - s.closing_cost.unwrap_or(Money::ZERO) - s.initial - s.deposits;
    let note = (s.open_at_end && s.closing_cost.is_none())
        .then_some("positions are open; the cost of closing them is not included");
    let n = s.trades.len() as u64;
    sheet.money(&d::NET_PROFIT, n, Ok(net)).note = note;
    let of_start = if s.initial.0 > 0 {
        Ok(100.0 * net.0 as f64 / s.initial.0 as f64)
    } else {
        Err("the run started without money")
    };
    sheet.number(&d::NET_PROFIT_PCT, n, of_start).note = note;
    sheet.number(&d::TOTAL_RETURN_PCT, n, s.growth.map(|growth| 100.0 * (growth - 1.0)).ok_or(NO_EQUITY));
    sheet.number(&d::CAGR_PCT, s.span_days() as u64, s.annual_growth().map(|growth| 100.0 * growth));
}

fn drawdowns(sheet: &mut Sheet, s: &Sources<'_>) {
    let n = s.equity.deepest.len() as u64;
    let worst = s.equity.deepest.first();
    let ongoing = |found: Option<&crate::report::drawdown::Drawdown>| {
        found.filter(|drawdown| drawdown.recovered_at.is_none()).map(|_| "ongoing at the end")
    };
    sheet.number(&d::MAX_DRAWDOWN_PCT, n, Ok(worst.map_or(0.0, |w| w.depth_pct)));
    sheet.money(&d::MAX_DRAWDOWN, n, Ok(worst.map_or(Money::ZERO, |w| w.depth())));
    let duration = worst.map(|w| w.duration().seconds_f64());
    sheet.number(&d::MAX_DRAWDOWN_SECONDS, n, duration.ok_or("no drawdown")).note = ongoing(worst);
    let longest = s.equity.longest.as_ref();
    let duration = longest.map(|l| l.duration().seconds_f64());
    sheet.number(&d::LONGEST_DRAWDOWN_SECONDS, n, duration.ok_or("no drawdown")).note = ongoing(longest);
    sheet.number(&d::CURRENT_DRAWDOWN_PCT, n, Ok(s.equity.current_pct));
    let closed = s.balance.deepest.first().map_or(0.0, |w| w.depth_pct);
    sheet.number(&d::MAX_BALANCE_DRAWDOWN_PCT, s.balance.deepest.len() as u64, Ok(closed));
}

fn risk_ratios(sheet: &mut Sheet, s: &Sources<'_>) {
    let whole: Vec<&Day> = s.days.iter().filter(|day| day.whole).collect();
    let n = whole.len() as u64;
    let returns: Result<Vec<f64>, Undefined> = if n < ENOUGH {
        Err("fewer than 30 whole UTC days")
    } else {
        whole.iter().map(|day| day.growth.ok_or(NO_EQUITY)).collect()
    };
    let with = |ratio: &dyn Fn(&[f64]) -> Result<f64, Undefined>| {
        returns.as_ref().map_err(|reason| *reason).and_then(|r| ratio(r))
    };
    let run = sheet.window;
    if let (Some(first), Some(last)) = (whole.first(), whole.last()) {
        sheet.window = (first.midnight(), last.midnight() + crate::domain::time::Span::from_seconds(86_400));
    }
    sheet.number(&d::SHARPE, n, with(&|r| ratios::sharpe(r, DAYS_PER_YEAR)));
    sheet.number(&d::SORTINO, n, with(&|r| ratios::sortino(r, DAYS_PER_YEAR)));
    let days_window = std::mem::replace(&mut sheet.window, run);
    let depth = s.equity.deepest.first().map(|worst| worst.depth_pct / 100.0).ok_or("no drawdown");
    sheet.number(&d::CALMAR, s.span_days() as u64, s.annual_growth().and_then(|growth| Ok(growth / depth?)));
    sheet.window = days_window;
    sheet.number(&d::PROBABILISTIC_SHARPE, n, with(&|r| ratios::probabilistic_sharpe(r, 0.0)));
    let deflated = s.trials.ok_or("the number of variants tried was not given").and_then(|trials| {
        let benchmark = ratios::expected_best_sharpe(trials.count, trials.sharpe_variance);
        with(&|r| ratios::probabilistic_sharpe(r, benchmark))
    });
    sheet.number(&d::DEFLATED_SHARPE, n, deflated);
    sheet.window = run;
}

fn outcomes(sheet: &mut Sheet, s: &Sources<'_>, tally: &Tally) {
    let n = tally.trades;
    sheet.count(&d::TRADES, n, n);
    sheet.count(
        &d::TRADES_AT_END,
        n,
        s.trades.iter().filter(|trade| trade.reason == Trigger::End).count() as u64,
    );
    sheet.count(&d::WINS, n, tally.wins);
    sheet.count(&d::LOSSES, n, tally.losses);
    sheet.count(&d::DRAWS, n, tally.draws);
    sheet.number(&d::WIN_RATE, n, tally.win_rate_pct().ok_or(NO_TRADE));
    let factor = match (n, tally.losses) {
        (0, _) => Err(NO_TRADE),
        (_, 0) => Err("no losses"),
        _ => Ok(tally.profit.0 as f64 / tally.loss.0 as f64),
    };
    sheet.number(&d::PROFIT_FACTOR, n, factor);
}

fn sizes(sheet: &mut Sheet, s: &Sources<'_>, tally: &Tally) {
    let n = tally.trades;
    let share = |sum: Money, count: u64, reason| {
        if count > 0 { Ok(Money(sum.0 / i128::from(count))) } else { Err(reason) }
    };
    let nets: Vec<i128> = s.trades.iter().map(|trade| trade.net().0).collect();
    let interval =
        |values: &[i128], one: f64| Some(mean_interval(values).map(|(low, high)| (low / one, high / one)));
    sheet.money(&d::EXPECTANCY, n, share(tally.net, n, NO_TRADE)).interval = interval(&nets, 1e18);
    let multiples = risk_multiples(s.trades);
    let scaled: Vec<i128> = multiples.iter().map(|r| (r * 1e12) as i128).collect();
    sheet
        .number(
            &d::EXPECTANCY_R,
            multiples.len() as u64,
            ratios::mean(&multiples).ok_or("no trade had a stop"),
        )
        .interval = interval(&scaled, 1e12);
    let payoff = match (tally.wins, tally.losses) {
        (0, _) => Err("no win"),
        (_, 0) => Err("no losses"),
        (wins, losses) => Ok(tally.profit.0 as f64 / wins as f64 / (tally.loss.0 as f64 / losses as f64)),
    };
    sheet.number(&d::PAYOFF_RATIO, tally.wins + tally.losses, payoff);
    sheet.money(&d::AVERAGE_WIN, tally.wins, share(tally.profit, tally.wins, "no win"));
    sheet.money(&d::AVERAGE_LOSS, tally.losses, share(-tally.loss, tally.losses, "no losses"));
    sheet.money(
        &d::LARGEST_WIN,
        tally.wins,
        if tally.wins > 0 { Ok(tally.largest_win) } else { Err("no win") },
    );
    sheet.money(
        &d::LARGEST_LOSS,
        tally.losses,
        if tally.losses > 0 { Ok(-tally.largest_loss) } else { Err("no losses") },
    );
}

/// Net result over initial risk of the trades that had a stop.
fn risk_multiples(trades: &[ClosedTrade]) -> Vec<f64> {
    let of = |trade: &ClosedTrade| {
        let risk = trade.initial_risk.filter(|risk| risk.0 > 0)?;
        Some(trade.net().0 as f64 / risk.0 as f64)
    };
    trades.iter().filter_map(of).collect()
}

fn quality(sheet: &mut Sheet, s: &Sources<'_>) {
    let n = s.trades.len() as u64;
    let multiples = risk_multiples(s.trades);
    let (values, note) = if multiples.len() == s.trades.len() {
        (multiples, "in R")
    } else {
        (s.trades.iter().map(|trade| trade.net().to_f64()).collect(), "in money: not every trade had a stop")
    };
    let quality = match (ratios::mean(&values), ratios::sample_deviation(&values)) {
        (None, _) => Err(NO_TRADE),
        (_, Err(reason)) => Err(reason),
        (Some(mean), Ok(deviation)) => Ok((n.min(100) as f64).sqrt() * mean / deviation),
    };
    sheet.number(&d::SQN, n, quality).note = quality.is_ok().then_some(note);
    let (wins, losses) = longest_streaks(s.trades);
    sheet.count(&d::CONSECUTIVE_WINS, n, wins);
    sheet.count(&d::CONSECUTIVE_LOSSES, n, losses);
}

fn exposure(sheet: &mut Sheet, s: &Sources<'_>) {
    let n = s.trades.len() as u64;
    let empty = s.exposure.observed_seconds() <= 0.0;
    sheet.number(&d::EXPOSURE_TIME_PCT, n, s.exposure.time_pct().ok_or("no time was observed"));
    let reason = if empty { "no time was observed" } else { NO_EQUITY };
    sheet.number(&d::EXPOSURE_NOTIONAL_PCT, n, s.exposure.notional_pct().ok_or(reason));
}

fn durations(sheet: &mut Sheet, trades: &[ClosedTrade]) {
    let n = trades.len();
    let mut spans: Vec<i64> =
        trades.iter().map(|trade| (trade.closed_at - trade.opened_at).nanos()).collect();
    spans.sort_unstable();
    let seconds = |nanos: f64| nanos / 1e9;
    let of = |value: &dyn Fn() -> f64| if n > 0 { Ok(value()) } else { Err(NO_TRADE) };
    let sum: i128 = spans.iter().map(|span| i128::from(*span)).sum();
    sheet.number(&d::DURATION_MEAN, n as u64, of(&|| seconds(sum as f64 / n as f64)));
    sheet.number(
        &d::DURATION_MEDIAN,
        n as u64,
        of(&|| seconds((spans[(n - 1) / 2] as f64 + spans[n / 2] as f64) / 2.0)),
    );
    sheet.number(&d::DURATION_P95, n as u64, of(&|| seconds(spans[(n * 95).div_ceil(100) - 1] as f64)));
}

fn excursions(sheet: &mut Sheet, trades: &[ClosedTrade]) {
    let n = trades.len() as u64;
    let column = |of: fn(&ClosedTrade) -> f64| trades.iter().map(of).collect::<Vec<f64>>();
    let (adverse, favourable) = (column(|trade| trade.mae_pct), column(|trade| trade.mfe_pct));
    let of = |value: Option<f64>| value.ok_or(NO_TRADE);
    sheet.number(&d::MAE_MEAN_PCT, n, of(ratios::mean(&adverse)));
    sheet.number(&d::MAE_WORST_PCT, n, of(adverse.iter().copied().reduce(f64::min)));
    sheet.number(&d::MFE_MEAN_PCT, n, of(ratios::mean(&favourable)));
    sheet.number(&d::MFE_BEST_PCT, n, of(favourable.iter().copied().reduce(f64::max)));
}

fn costs(sheet: &mut Sheet, tally: &Tally) {
    let n = tally.trades;
    let share = |cost: Money| match (n, tally.gross.0) {
        (0, _) => Err(NO_TRADE),
        (_, gross) if gross <= 0 => Err("the gross result is not positive"),
        (_, gross) => Ok(100.0 * cost.0 as f64 / gross as f64),
    };
    sheet.money(&d::GROSS, n, Ok(tally.gross));
    sheet.money(&d::FEES, n, Ok(tally.fees));
    sheet.number(&d::FEES_SHARE_PCT, n, share(tally.fees));
    sheet.money(&d::FUNDING, n, Ok(tally.funding));
    sheet.number(&d::FUNDING_SHARE_PCT, n, share(-tally.funding));
    let known = match (n, tally.slippage_known) {
        (0, _) => Err(NO_TRADE),
        (_, 0) => Err("no mid price was known at any decision"),
        _ => Ok(tally.slippage),
    };
    let note = match known {
        Err(_) => None,
        Ok(cost) if cost < Money::ZERO && tally.slippage_known < n => {
            Some("negative: better than the mid, a gain; only over the trades whose mid price was known")
        }
        Ok(cost) if cost < Money::ZERO => {
            Some("negative: fills were better than the mid at the decision, a gain")
        }
        Ok(_) => (tally.slippage_known < n).then_some("only over the trades whose mid price was known"),
    };
    sheet.money(&d::SLIPPAGE, tally.slippage_known, known).note = note;
    sheet.number(&d::SLIPPAGE_SHARE_PCT, tally.slippage_known, known.and_then(share)).note = note;
}
