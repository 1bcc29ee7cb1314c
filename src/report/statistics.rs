//! Collects what a run's evaluation needs, while it runs: equity, drawdowns, exposure, days and trades.
//!
//! Events must arrive in time order. Memory does not grow with the number of events: the curve is bounded,
//! each day is one row, and only trades are stored individually.

use crate::checkpoint::plain;
use crate::domain::decision::Trigger;
use crate::domain::ledger::{ClosedTrade, EquityPoint};
use crate::domain::num::Money;
use crate::domain::order::Side;
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;
use crate::limits::GAP_BANDS;
use crate::report::drawdown::{DrawdownTracker, Drawdowns};
use crate::report::exposure::Exposure;
use crate::report::metrics::{Metric, Sources, Trials, compute, entries_blocked};
use crate::report::returns::{Days, Growth};
use crate::report::series::{EquitySample, EquitySeries, equity_series};
use crate::report::tally::{Tally, grouped};

pub use crate::report::returns::Day;

/// Collects statistics of a running session.
#[derive(Clone, Debug)]
pub struct Statistics {
    start: Timestamp,
    initial: Money,
    last: EquityPoint,
    equity: DrawdownTracker,
    balance: DrawdownTracker,
    exposure: Exposure,
    days: Days,
    growth: Growth,
    curve: EquitySeries,
    deposits: Money,
    closing_cost: Option<Money>,
    trials: Option<Trials>,
    gaps: Vec<(Timestamp, Timestamp)>,
    trades: Vec<ClosedTrade>,
    /// Fees and funding of the trades.
    closed_costs: (Money, Money),
}

plain!(struct Statistics {
    start, initial, last, equity, balance, exposure, days, growth, curve, deposits, closing_cost, trials, gaps, trades,
    closed_costs,
});

/// A point of the equity curve: one bucket of time. The last value holds until the next point.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CurvePoint {
    /// Time of the first change in the bucket.
    pub at: Timestamp,
    /// Equity after that change.
    pub open: Money,
    /// Lowest equity.
    pub low: Money,
    /// Highest equity.
    pub high: Money,
    /// Last equity.
    pub close: Money,
    /// Deepest drawdown, percent.
    pub drawdown_pct: f64,
}

/// Evaluation of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Summary {
    /// Start of the run.
    pub start: Timestamp,
    /// End of the run.
    pub end: Timestamp,
    /// Starting equity.
    pub initial: Money,
    /// Equity at the end, marked to market.
    pub final_equity: Money,
    /// External money received during the run.
    pub deposits: Money,
    /// Whether a position was open at the end.
    pub open_at_end: bool,
    /// All metrics in the order of [`crate::report::definitions::ALL`].
    pub metrics: Vec<Metric>,
    /// Trades by closing trigger.
    pub by_reason: Vec<(Trigger, Tally)>,
    /// Trades by side.
    pub by_side: Vec<(Side, Tally)>,
    /// Trades by symbol.
    pub by_symbol: Vec<(SymbolId, Tally)>,
    /// Trades by strategy (index in the session).
    pub by_strategy: Vec<(u32, Tally)>,
    /// UTC days, including days without a change.
    pub days: Vec<Day>,
    /// Drawdowns of equity marked to market.
    pub equity_drawdowns: Drawdowns,
    /// Drawdowns of the closed balance.
    pub balance_drawdowns: Drawdowns,
    /// The equity curve, from start to end.
    pub curve: Vec<CurvePoint>,
    /// Time spans without data, the latest [`GAP_BANDS`].
    pub gaps: Vec<(Timestamp, Timestamp)>,
    /// Closed trades in closing order.
    pub trades: Vec<ClosedTrade>,
}

impl Summary {
    /// A metric by its id, e.g. `net_profit`.
    pub fn metric(&self, id: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.definition.id == id)
    }

    /// Adds the metric of the entries that were blocked, which are counted elsewhere; call it once.
    pub fn count_blocked(&mut self, count: u64) {
        self.metrics.push(entries_blocked(count, (self.start, self.end)));
    }
}

impl Statistics {
    /// A run that starts with this balance and no positions.
    pub fn new(start: Timestamp, initial: Money) -> Self {
        let mut curve = equity_series();
        curve.push(start, EquitySample { equity: initial, peak: initial });
        Statistics {
            start,
            initial,
            last: EquityPoint { at: start, equity: initial, balance: initial, exposure: Money::ZERO },
            equity: DrawdownTracker::new(initial),
            balance: DrawdownTracker::new(initial),
            exposure: Exposure::new(start, initial),
            days: Days::new(start, initial),
            growth: Growth::new(initial),
            curve,
            deposits: Money::ZERO,
            closing_cost: None,
            trials: None,
            gaps: Vec::new(),
            trades: Vec::new(),
            closed_costs: (Money::ZERO, Money::ZERO),
        }
    }

    /// Records the account after a change. Times must not decrease.
    #[inline]
    pub fn equity(&mut self, point: &EquityPoint) {
        debug_assert!(
            point.at >= self.last.at,
            "equity goes forward in time: {} follows {}",
            point.at,
            self.last.at
        );
        self.days.roll(point.at, self.last.equity);
        self.exposure.advance(point.at);
        self.exposure.hold(point.exposure, point.equity);
        self.equity.observe(point.at, point.equity);
        // The balance changes with fills, fees and funding only; usually just equity moves.
        if point.balance != self.last.balance {
            self.balance.observe(point.at, point.balance);
        }
        self.curve.push(point.at, EquitySample { equity: point.equity, peak: self.equity.peak() });
        self.last = *point;
    }

    /// Records external money (negative: withdrawn). It is neither profit nor loss; later points include it.
    pub fn deposit(&mut self, at: Timestamp, amount: Money) {
        self.days.roll(at, self.last.equity);
        self.exposure.advance(at);
        self.days.deposit(self.last.equity, amount);
        self.growth.deposit(self.last.equity, self.last.equity + amount);
        self.equity.deposit(at, amount);
        self.balance.deposit(at, amount);
        self.deposits += amount;
        let EquityPoint { equity, balance, exposure, .. } = self.last;
        self.last = EquityPoint { at, equity: equity + amount, balance: balance + amount, exposure };
        self.exposure.hold(exposure, self.last.equity);
        self.curve.push(at, EquitySample { equity: self.last.equity, peak: self.equity.peak() });
    }

    /// Records a time span without data; call it when the gap ends. The span is excluded from exposure,
    /// except for time already accounted for because equity changed meanwhile (another symbol had data).
    pub fn gap(&mut self, from: Timestamp, to: Timestamp) {
        self.exposure.skip(from, to);
        if self.gaps.len() == GAP_BANDS {
            self.gaps.remove(0);
        }
        self.gaps.push((from, to));
    }

    /// The run starts with indicators that have no value yet: excludes the time until [`Statistics::warm`],
    /// or until the first position if that comes before. Call it before the first point.
    pub fn begin_warm_up(&mut self) {
        self.exposure.begin_warm_up();
    }

    /// All indicators have had a value; call it at that time.
    pub fn warm(&mut self, at: Timestamp) {
        self.exposure.warm(at);
    }

    /// Records a closed trade.
    pub fn trade(&mut self, trade: &ClosedTrade) {
        self.closed_costs.0 += trade.fees;
        self.closed_costs.1 += trade.funding;
        self.trades.push(*trade);
    }

    /// Fees paid and funding received (negative: paid) by the closed trades so far.
    pub fn closed_costs(&self) -> (Money, Money) {
        self.closed_costs
    }

    /// The deepest drawdown of equity so far, percent of its peak.
    pub fn max_drawdown_pct(&self) -> f64 {
        self.equity.deepest_pct()
    }

    /// The equity curve so far; its last value holds until the next change.
    pub fn curve(&self) -> Vec<CurvePoint> {
        points(&self.curve)
    }

    /// Sets the estimated cost (fees and spread) of closing the positions open at the end; call before
    /// `finish`.
    pub fn closing_cost(&mut self, cost: Money) {
        self.closing_cost = Some(cost);
    }

    /// Sets how many variants were tried; call before `finish`.
    pub fn trials(&mut self, trials: Trials) {
        self.trials = Some(trials);
    }

    /// The evaluation of the run up to `end`.
    pub fn finish(mut self, end: Timestamp) -> Summary {
        let end = end.max(self.last.at);
        let EquityPoint { equity: final_equity, exposure, .. } = self.last;
        self.exposure.advance(end);
        self.curve.push(end, EquitySample { equity: final_equity, peak: self.equity.peak() });
        let mut days = self.days.finish(end, final_equity);
        let first_day = days.first().map_or(0, |day| day.day);
        for trade in &self.trades {
            // A trade that closed at the midnight at which the run starts belongs to its first day.
            let row =
                usize::try_from(trade.closed_at.day_ended() - first_day).unwrap_or(0).min(days.len() - 1);
            days[row].trades += 1;
            days[row].trades_net += trade.net();
        }
        let (equity_drawdowns, balance_drawdowns) = (self.equity.finish(end), self.balance.finish(end));
        let open_at_end = exposure != Money::ZERO;
        let metrics = compute(&Sources {
            start: self.start,
            end,
            initial: self.initial,
            deposits: self.deposits,
            final_equity,
            growth: self.growth.factor(final_equity),
            open_at_end,
            closing_cost: self.closing_cost,
            days: &days,
            equity: &equity_drawdowns,
            balance: &balance_drawdowns,
            exposure: &self.exposure,
            trades: &self.trades,
            trials: self.trials,
        });
        Summary {
            start: self.start,
            end,
            initial: self.initial,
            final_equity,
            deposits: self.deposits,
            open_at_end,
            metrics,
            by_reason: grouped(&self.trades, |trade| trade.reason),
            by_side: grouped(&self.trades, |trade| trade.side),
            by_symbol: grouped(&self.trades, |trade| trade.symbol),
            by_strategy: grouped(&self.trades, |trade| trade.strategy),
            days,
            equity_drawdowns,
            balance_drawdowns,
            curve: points(&self.curve),
            gaps: self.gaps,
            trades: self.trades,
        }
    }
}

fn points(curve: &EquitySeries) -> Vec<CurvePoint> {
    let point = |bucket: &crate::report::series::Bucket<crate::report::series::EquityExtent>| CurvePoint {
        at: bucket.at,
        open: bucket.extent.open,
        low: bucket.extent.low,
        high: bucket.extent.high,
        close: bucket.extent.close,
        drawdown_pct: bucket.extent.drawdown_pct(),
    };
    curve.buckets().iter().map(point).collect()
}

#[cfg(test)]
mod tests;
