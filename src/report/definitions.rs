//! Definitions of all metrics: name, unit, and formula in words. The definition id changes with the formula,
//! so values with equal ids are comparable.

/// Unit of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// The quote currency.
    Money,
    /// Percent.
    Percent,
    /// A fraction of one; shown as percent.
    Fraction,
    /// A plain ratio.
    Ratio,
    /// Multiples of the initial risk.
    Risk,
    /// A count.
    Count,
    /// Seconds.
    Seconds,
}

impl Unit {
    /// All of them.
    pub const ALL: [Unit; 7] =
        [Unit::Money, Unit::Percent, Unit::Fraction, Unit::Ratio, Unit::Risk, Unit::Count, Unit::Seconds];

    /// The unit with this name in the JSON form.
    pub fn from_name(name: &str) -> Option<Unit> {
        Unit::ALL.into_iter().find(|unit| unit.as_str() == name)
    }

    /// Name in the JSON form.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Unit::Money => "quote",
            Unit::Percent => "percent",
            Unit::Fraction => "fraction",
            Unit::Ratio => "ratio",
            Unit::Risk => "R",
            Unit::Count => "count",
            Unit::Seconds => "seconds",
        }
    }
}

/// Definition of a metric.
#[derive(PartialEq, Eq, Debug)]
pub struct Definition {
    /// Key in the JSON form.
    pub id: &'static str,
    /// Name for readers.
    pub name: &'static str,
    /// Unit of the value.
    pub unit: Unit,
    /// Id of the formula.
    pub definition: &'static str,
    /// The formula in words.
    pub formula: &'static str,
}

macro_rules! definitions {
    ($($constant:ident = $id:literal, $name:literal, $unit:ident, $definition:literal, $formula:literal;)*) => {
        $(
            #[doc = $formula]
            pub const $constant: Definition =
                Definition { id: $id, name: $name, unit: Unit::$unit, definition: $definition, formula: $formula };
        )*
        /// All of them, in the order in which results show them.
        pub const ALL: &[Definition] = &[$($constant),*];
    };
}

definitions! {
    NET_PROFIT = "net_profit", "Net profit", Money, "net_profit.mtm",
        "equity at the end, marked to market, less the cost of closing what is open, less the start and deposits";
    NET_PROFIT_PCT = "net_profit_pct", "Net profit", Percent, "net_profit.pct_of_start", "100 · net profit / starting equity";
    TOTAL_RETURN_PCT = "total_return_pct", "Total return", Percent, "return.time_weighted",
        "100 · (end / start − 1), chained over deposits so that they are not profit";
    CAGR_PCT = "cagr_pct", "Annual growth (CAGR)", Percent, "cagr.365",
        "100 · ((end / start)^(365 / days) − 1) with fractional days; from 30 days on";
    MAX_DRAWDOWN_PCT = "max_drawdown_pct", "Max drawdown", Percent, "drawdown.equity_every_event",
        "largest 100 · (peak − equity) / peak over every change of equity marked to market; the start is a peak";
    MAX_DRAWDOWN = "max_drawdown", "Max drawdown, money", Money, "drawdown.equity_every_event.money",
        "peak − trough of the max drawdown";
    MAX_DRAWDOWN_SECONDS = "max_drawdown_seconds", "Max drawdown, duration", Seconds, "drawdown.equity_every_event.duration",
        "from leaving the peak of the max drawdown to its recovery, or to the end while it is ongoing";
    LONGEST_DRAWDOWN_SECONDS = "longest_drawdown_seconds", "Longest drawdown", Seconds, "drawdown.equity_every_event.longest",
        "longest time from leaving a peak to its recovery, or to the end while it is ongoing";
    CURRENT_DRAWDOWN_PCT = "current_drawdown_pct", "Drawdown at the end", Percent, "drawdown.equity_at_end",
        "100 · (peak − equity) / peak at the end";
    MAX_BALANCE_DRAWDOWN_PCT = "max_balance_drawdown_pct", "Max drawdown, closed balance", Percent, "drawdown.closed_balance",
        "largest 100 · (peak − balance) / peak over the cash balance; the start is a peak";
    SHARPE = "sharpe", "Sharpe", Ratio, "sharpe.daily_utc.sample_sd.365",
        "mean / sample standard deviation of daily equity returns at midnight UTC, flat days included, rate 0, · √365; from 30 days on";
    SORTINO = "sortino", "Sortino", Ratio, "sortino.daily_utc.all_days.365",
        "mean of daily returns / √(mean(min(0, r)²)) over all days, target 0, · √365; from 30 days on";
    CALMAR = "calmar", "Calmar", Ratio, "calmar.cagr_over_equity_drawdown", "CAGR / max drawdown of the same run; from 30 days on";
    PROBABILISTIC_SHARPE = "probabilistic_sharpe", "Probabilistic Sharpe", Fraction, "psr.bailey_lopez_de_prado_2012",
        "probability that the true Sharpe ratio is above 0, given length, skew and kurtosis of the daily returns";
    DEFLATED_SHARPE = "deflated_sharpe", "Deflated Sharpe", Fraction, "dsr.bailey_lopez_de_prado_2014",
        "the same against the best ratio that as many worthless trials would reach";
    TRADES = "trades", "Trades", Count, "trades.flat_to_flat", "round trips flat to flat per symbol and strategy, partial exits inside";
    TRADES_AT_END = "trades_closed_at_end", "Closed by the end", Count, "trades.reason_end",
        "trades closed only because the data ended; included in all others";
    WINS = "wins", "Wins", Count, "wins.sign_of_net", "trades with a net result (after fees and funding) above zero";
    LOSSES = "losses", "Losses", Count, "losses.sign_of_net", "trades with a net result (after fees and funding) below zero";
    DRAWS = "draws", "Draws", Count, "draws.sign_of_net", "trades with a net result (after fees and funding) of exactly zero";
    WIN_RATE = "win_rate", "Win rate", Percent, "win_rate.sign_of_net", "100 · wins / all closed trades, draws included";
    PROFIT_FACTOR = "profit_factor", "Profit factor", Ratio, "profit_factor.sign_of_net", "Σ net of wins / Σ |net| of losses";
    EXPECTANCY = "expectancy", "Expectancy", Money, "expectancy.mean_net",
        "mean net result per trade; interval: 95 % by circular block bootstrap, 1000 resamples, from 10 trades on";
    EXPECTANCY_R = "expectancy_r", "Expectancy in R", Risk, "expectancy.mean_r", "mean of net / initial risk over the trades with a stop; interval as for the expectancy";
    PAYOFF_RATIO = "payoff_ratio", "Payoff ratio", Ratio, "payoff.sign_of_net", "average win / average loss";
    AVERAGE_WIN = "average_win", "Average win", Money, "average_win.sign_of_net", "mean net of the wins";
    AVERAGE_LOSS = "average_loss", "Average loss", Money, "average_loss.sign_of_net", "mean net of the losses (negative)";
    LARGEST_WIN = "largest_win", "Largest win", Money, "largest_win.sign_of_net", "largest net of a win";
    LARGEST_LOSS = "largest_loss", "Largest loss", Money, "largest_loss.sign_of_net", "lowest net of a loss (negative)";
    SQN = "sqn", "System quality number", Ratio, "sqn.capped_100",
        "√min(n, 100) · mean / sample standard deviation of R when every trade had a stop, else of net money";
    CONSECUTIVE_WINS = "consecutive_wins", "Wins in a row", Count, "streak.wins.sign_of_net", "longest row of wins; a draw ends it";
    CONSECUTIVE_LOSSES = "consecutive_losses", "Losses in a row", Count, "streak.losses.sign_of_net", "longest row of losses; a draw ends it";
    EXPOSURE_TIME_PCT = "exposure_time_pct", "Time in market", Percent, "exposure.time",
        "time with any position / run time without warm-up and gaps";
    EXPOSURE_NOTIONAL_PCT = "exposure_notional_pct", "Exposure", Percent, "exposure.notional_over_equity",
        "mean of Σ |position| at mark / equity, weighted by time, without warm-up and gaps";
    DURATION_MEAN = "duration_mean", "Trade duration, mean", Seconds, "duration.mean", "mean of last fill − first fill";
    DURATION_MEDIAN = "duration_median", "Trade duration, median", Seconds, "duration.median", "middle duration; mean of the middle two";
    DURATION_P95 = "duration_p95", "Trade duration, p95", Seconds, "duration.p95_nearest_rank", "smallest duration that 95 % of trades do not exceed";
    MAE_MEAN_PCT = "mae_mean_pct", "Adverse excursion, mean", Percent, "mae.ticks.mean",
        "mean over trades of the worst price while open against the average entry, ≤ 0";
    MAE_WORST_PCT = "mae_worst_pct", "Adverse excursion, worst", Percent, "mae.ticks.worst", "lowest of the trades' adverse excursions";
    MFE_MEAN_PCT = "mfe_mean_pct", "Favourable excursion, mean", Percent, "mfe.ticks.mean",
        "mean over trades of the best price while open against the average entry, ≥ 0";
    MFE_BEST_PCT = "mfe_best_pct", "Favourable excursion, best", Percent, "mfe.ticks.best", "highest of the trades' favourable excursions";
    GROSS = "gross", "Gross result of trades", Money, "gross.price_only", "Σ dir · (exit − entry) · quantity";
    FEES = "fees", "Fees", Money, "fees.paid", "Σ fees paid by closed trades";
    FEES_SHARE_PCT = "fees_share_pct", "Fees of gross", Percent, "fees.share_of_gross", "100 · fees / gross result";
    FUNDING = "funding", "Funding", Money, "funding.received", "Σ funding received by closed trades; negative is paid";
    FUNDING_SHARE_PCT = "funding_share_pct", "Funding of gross", Percent, "funding.share_of_gross", "100 · funding paid / gross result";
    SLIPPAGE = "slippage", "Slippage", Money, "slippage.decision_mid",
        "Σ cost of filling away from the mid the decision saw, negative where fills were better than it; already inside the gross result";
    SLIPPAGE_SHARE_PCT = "slippage_share_pct", "Slippage of gross", Percent, "slippage.share_of_gross", "100 · slippage / gross result";
    ENTRIES_BLOCKED = "entries_blocked", "Entries blocked", Count, "entries_blocked.by_limits", "entries that a limit blocked";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique() {
        let unique = |key: fn(&Definition) -> &'static str| {
            let mut ids: Vec<_> = ALL.iter().map(key).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), ALL.len());
        };
        unique(|d| d.id);
        unique(|d| d.definition);
    }
}
