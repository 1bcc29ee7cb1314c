//! Conformance tests: ten ledgers small enough to compute by hand, for cases where other tools disagree or
//! fail, and properties that hold for all ledgers.

use super::*;
use crate::domain::time::Span;
use crate::report::metrics::Amount;
use crate::report::sample::trade;
use proptest::prelude::*;

const DAY: i64 = 86_400;

fn start() -> Timestamp {
    Timestamp::parse("2026-01-01").unwrap()
}

fn at(second: i64) -> Timestamp {
    start() + Span::from_seconds(second)
}

fn money(amount: f64) -> Money {
    Money::from_f64(amount)
}

fn point(second: i64, equity: f64, balance: f64, exposure: f64) -> EquityPoint {
    EquityPoint { at: at(second), equity: money(equity), balance: money(balance), exposure: money(exposure) }
}

/// A run that changes only by its trades, one per minute.
fn closed(initial: f64, trades: &[ClosedTrade]) -> Summary {
    let mut statistics = Statistics::new(start(), money(initial));
    let mut balance = money(initial);
    for (minute, trade) in trades.iter().enumerate() {
        balance += trade.net();
        let at = at(60 * (minute as i64 + 1));
        statistics.equity(&EquityPoint { at, equity: balance, balance, exposure: Money::ZERO });
        statistics.trade(trade);
    }
    statistics.finish(at(60 * (trades.len() as i64 + 1)))
}

#[track_caller]
fn is(summary: &Summary, id: &str, expected: f64) {
    let metric = summary.metric(id).unwrap();
    let found = metric.number().unwrap_or_else(|| panic!("{id} is undefined: {:?}", metric.value));
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs().max(1e-3),
        "{id}: {found}, expected {expected}"
    );
}

#[track_caller]
fn is_money(summary: &Summary, id: &str, expected: &str) {
    match summary.metric(id).unwrap().value {
        Ok(Amount::Money(found)) => assert_eq!(found.to_string(), expected, "{id}"),
        other => panic!("{id}: {other:?}, expected money {expected}"),
    }
}

#[track_caller]
fn undefined(summary: &Summary, id: &str, reason: &str) {
    assert_eq!(summary.metric(id).unwrap().value, Err(reason), "{id}");
}

/// 40 days without a trade: counts are 0, and every ratio has a reason.
#[test]
fn ledger_1_no_trades() {
    let summary = Statistics::new(start(), money(10_000.0)).finish(at(40 * DAY));
    is_money(&summary, "net_profit", "0");
    for id in [
        "trades",
        "max_drawdown_pct",
        "cagr_pct",
        "total_return_pct",
        "exposure_time_pct",
        "fees",
        "consecutive_losses",
    ] {
        is(&summary, id, 0.0);
    }
    for id in [
        "win_rate",
        "profit_factor",
        "expectancy",
        "sqn",
        "duration_median",
        "mae_worst_pct",
        "slippage",
        "fees_share_pct",
    ] {
        undefined(&summary, id, "no trade");
    }
    undefined(&summary, "sharpe", "the values do not vary");
    undefined(&summary, "sortino", "no negative return");
    undefined(&summary, "calmar", "no drawdown");
    undefined(&summary, "max_drawdown_seconds", "no drawdown");
    assert_eq!((summary.days.len(), summary.metric("sharpe").unwrap().n), (40, 40));
}

/// The trade of the account test vectors: long 1000 at 10, exit at 10.5, 0.06 % taker fee on both sides,
/// funding 0.01 % at 10.2.
/// gross 1000·0.5 = 500; fees 6 + 6.3 = 12.3; funding −1.02; net 486.68 = 4.8668 % of 10 000.
/// Equity: 9994 after the entry fee (0.06 % down), 9992.98 after funding (0.0702 %), 10486.68 at the end.
#[test]
fn ledger_2_one_trade() {
    let mut statistics = Statistics::new(start(), money(10_000.0));
    statistics.equity(&point(60, 9_994.0, 9_994.0, 10_000.0));
    statistics.equity(&point(120, 9_992.98, 9_992.98, 10_000.0));
    statistics.equity(&point(180, 10_486.68, 10_486.68, 0.0));
    let won = ClosedTrade {
        slippage: Some(money(5.0)),
        initial_risk: Some(money(243.34)),
        ..trade(60, 180, 500.0, 12.3, -1.02)
    };
    statistics.trade(&won);
    let summary = statistics.finish(at(240));
    assert_eq!(won.net().to_string(), "486.68");
    assert!((won.net_pct() - 4.8668).abs() < 1e-12);
    // Return on margin at leverage 3.
    assert!((won.net_pct() * f64::from(won.leverage) - 14.6004).abs() < 1e-12);
    is_money(&summary, "net_profit", "486.68");
    is(&summary, "net_profit_pct", 4.8668);
    is(&summary, "total_return_pct", 4.8668);
    is(&summary, "max_drawdown_pct", 0.0702);
    is_money(&summary, "max_drawdown", "7.02");
    is(&summary, "max_drawdown_seconds", 120.0);
    is(&summary, "win_rate", 100.0);
    is(&summary, "expectancy_r", 2.0);
    is(&summary, "fees_share_pct", 2.46);
    is(&summary, "funding_share_pct", 0.204);
    is(&summary, "slippage_share_pct", 1.0);
    is(&summary, "duration_median", 120.0);
    is(&summary, "duration_p95", 120.0);
    is(&summary, "exposure_time_pct", 50.0);
    undefined(&summary, "profit_factor", "no losses");
    undefined(&summary, "payoff_ratio", "no losses");
    undefined(&summary, "sqn", "fewer than two values");
    undefined(&summary, "cagr_pct", "the run is shorter than 30 days");
    undefined(&summary, "sharpe", "fewer than 30 whole UTC days");
    assert!(summary.metric("expectancy").unwrap().interval.is_some_and(|interval| interval.is_err()));
    assert!(summary.metric("win_rate").unwrap().is_thin() && summary.metric("expectancy").unwrap().is_thin());
    assert!(!summary.metric("net_profit").unwrap().is_thin());
}

/// Five times −100: no variance, so no quality number; a profit factor of 0 is a defined value.
#[test]
fn ledger_3_all_equal_losses() {
    let summary = closed(10_000.0, &[trade(0, 30, -100.0, 0.0, 0.0); 5]);
    assert!(summary.metric("expectancy").unwrap().interval.is_some_and(|interval| interval.is_err()));
    let twice = closed(10_000.0, &[trade(0, 30, -100.0, 0.0, 0.0); 10]);
    assert_eq!(twice.metric("expectancy").unwrap().interval, Some(Ok((-100.0, -100.0))));
    is(&summary, "win_rate", 0.0);
    is(&summary, "profit_factor", 0.0);
    is_money(&summary, "expectancy", "-100");
    undefined(&summary, "sqn", "the values do not vary");
    undefined(&summary, "payoff_ratio", "no win");
    undefined(&summary, "average_win", "no win");
    is_money(&summary, "average_loss", "-100");
    is(&summary, "consecutive_losses", 5.0);
    is(&summary, "max_drawdown_pct", 5.0);
    is(&summary, "current_drawdown_pct", 5.0);
    // It left the peak at minute 1 and is still below it at the end, minute 6.
    is(&summary, "max_drawdown_seconds", 300.0);
    assert_eq!(summary.metric("max_drawdown_seconds").unwrap().note, Some("ongoing at the end"));
}

/// −1000, then +2000: the start is a peak, so the first loss is a drawdown of 10 %.
/// Sample deviation √((1500² + 1500²) / 1) = 2121.32; √2 · 500 / 2121.32 = 1/3.
#[test]
fn ledger_4_first_trade_loses() {
    let summary = closed(10_000.0, &[trade(0, 30, -1_000.0, 0.0, 0.0), trade(40, 90, 2_000.0, 0.0, 0.0)]);
    is(&summary, "max_drawdown_pct", 10.0);
    is(&summary, "max_balance_drawdown_pct", 10.0);
    is(&summary, "max_drawdown_seconds", 60.0);
    is(&summary, "current_drawdown_pct", 0.0);
    is(&summary, "profit_factor", 2.0);
    is(&summary, "payoff_ratio", 2.0);
    is_money(&summary, "expectancy", "500");
    is(&summary, "sqn", 1.0 / 3.0);
    assert_eq!(summary.metric("sqn").unwrap().note, Some("in money: not every trade had a stop"));
}

/// Three trades with a net result of zero: no win, no loss, three draws.
#[test]
fn ledger_5_only_draws() {
    let summary = closed(
        10_000.0,
        &[trade(0, 30, 0.0, 0.0, 0.0), trade(0, 30, 2.5, 2.0, -0.5), trade(0, 30, -1.0, -1.0, 0.0)],
    );
    is(&summary, "draws", 3.0);
    is(&summary, "wins", 0.0);
    is(&summary, "losses", 0.0);
    is(&summary, "win_rate", 0.0);
    is_money(&summary, "expectancy", "0");
    undefined(&summary, "profit_factor", "no losses");
    undefined(&summary, "largest_win", "no win");
    is(&summary, "consecutive_wins", 0.0);
}

/// Trades of a coarse-ticked coin that end at their entry price lose the fees, here 1.60 on a tick worth 48:
/// they count as losses in every figure. With one win of 40, the profit factor is 40 / (3 · 1.60).
#[test]
fn a_loss_of_fees_is_a_loss_however_small() {
    let scratch = trade(0, 30, 0.0, 1.6, 0.0);
    let lost = closed(10_000.0, &[scratch; 3]);
    is(&lost, "losses", 3.0);
    is(&lost, "draws", 0.0);
    is(&lost, "consecutive_losses", 3.0);
    is(&lost, "profit_factor", 0.0);
    let tiny = ClosedTrade { gross: Money(1), ..trade(0, 30, 0.0, 0.0, 0.0) };
    is(&closed(10_000.0, &[tiny]), "wins", 1.0);
    let mixed = closed(10_000.0, &[scratch, scratch, trade(0, 30, 41.6, 1.6, 0.0), scratch]);
    is(&mixed, "profit_factor", 40.0 / 4.8);
    is(&mixed, "win_rate", 25.0);
}

/// A position of 5000 opened at half time and still open at the end, with 200 profit.
/// Exposure: 5000 / 10 000 for half of the time is 25 %.
#[test]
fn ledger_6_open_at_end() {
    let mut statistics = Statistics::new(start(), money(10_000.0));
    statistics.equity(&point(50, 10_000.0, 10_000.0, 5_000.0));
    statistics.equity(&point(100, 10_200.0, 10_000.0, 5_200.0));
    let open = statistics.clone().finish(at(100));
    assert!(open.open_at_end);
    is_money(&open, "net_profit", "200");
    assert_eq!(
        open.metric("net_profit").unwrap().note,
        Some("positions are open; the cost of closing them is not included")
    );
    is(&open, "trades", 0.0);
    is(&open, "exposure_time_pct", 50.0);
    is(&open, "exposure_notional_pct", 25.0);
    statistics.closing_cost(money(3.12));
    let costed = statistics.finish(at(100));
    is_money(&costed, "net_profit", "196.88");
    assert_eq!(costed.metric("net_profit").unwrap().note, None);
}

/// The price did not move and funding of 3 was paid: a loss of 3; shares of a gross result of 0 are
/// undefined.
#[test]
fn ledger_7_funding_only() {
    let summary = closed(10_000.0, &[trade(0, 30_000, 0.0, 0.0, -3.0)]);
    is_money(&summary, "net_profit", "-3");
    is_money(&summary, "funding", "-3");
    is(&summary, "losses", 1.0);
    is(&summary, "max_drawdown_pct", 0.03);
    undefined(&summary, "funding_share_pct", "the gross result is not positive");
    undefined(&summary, "slippage", "no mid price was known at any decision");
}

/// Long 1000 at 10 with leverage 3 and 1 % maintenance, liquidated at 6.766667 (10·(1 + 0.01 − 1/3)): gross
/// −3233.333; with fees of 6 and a liquidation fee of 100.667 the margin is used up. 5000 becomes 1660: 66.8
/// % down.
#[test]
fn ledger_8_liquidation() {
    let gone = ClosedTrade { reason: Trigger::Liquidation, ..trade(0, 30, -3_233.333, 106.667, 0.0) };
    let summary = closed(5_000.0, &[gone]);
    is_money(&summary, "net_profit", "-3340");
    is(&summary, "max_drawdown_pct", 66.8);
    let (reason, tally) = summary.by_reason[0];
    assert_eq!(
        (reason.as_str(), tally.trades, tally.losses, tally.net),
        ("LIQ", 1, 1, Money::from_units(-3_340))
    );
}

/// 10 000 + 1000, then a deposit of 11 000, then −2200: net 19 800 − 10 000 − 11 000 = −1200, but
/// time-weighted 1.1 · 0.9 = −1 %, and the drawdown is 10 %, since the deposit is not an earned peak.
#[test]
fn ledger_9_deposit_mid_run() {
    let mut statistics = Statistics::new(start(), money(10_000.0));
    statistics.equity(&point(60, 11_000.0, 11_000.0, 0.0));
    statistics.deposit(at(120), money(11_000.0));
    statistics.equity(&point(180, 19_800.0, 19_800.0, 0.0));
    let summary = statistics.finish(at(240));
    is_money(&summary, "net_profit", "-1200");
    is(&summary, "net_profit_pct", -12.0);
    is(&summary, "total_return_pct", -1.0);
    is(&summary, "max_drawdown_pct", 10.0);
    is(&summary, "max_balance_drawdown_pct", 10.0);
    let day = summary.days[0];
    assert_eq!((day.change(), day.deposits), (Money::from_units(-1_200), Money::from_units(11_000)));
}

/// 100 seconds, in a position from 20 to 80, no data from 40 to 60: 40 of 80 seconds with data.
#[test]
fn ledger_10_gap() {
    let mut statistics = Statistics::new(start(), money(10_000.0));
    statistics.equity(&point(20, 10_000.0, 10_000.0, 1_000.0));
    statistics.gap(at(40), at(60));
    statistics.equity(&point(80, 10_000.0, 10_000.0, 0.0));
    let summary = statistics.finish(at(100));
    is(&summary, "exposure_time_pct", 50.0);
    is(&summary, "exposure_notional_pct", 5.0);
    assert_eq!(summary.gaps, [(at(40), at(60))]);
}

/// Warm-up is excluded: 50 of 100 seconds are warm-up, then half of the rest is in a position.
#[test]
fn warm_up_is_left_out_of_exposure() {
    let mut statistics = Statistics::new(start(), money(10_000.0));
    statistics.begin_warm_up();
    statistics.gap(at(10), at(20));
    statistics.warm(at(50));
    statistics.equity(&point(75, 10_000.0, 10_000.0, 1_000.0));
    is(&statistics.finish(at(100)), "exposure_time_pct", 50.0);
}

/// One strategy trades while another waits for its indicators, in vain: what came before the first entry is
/// warm-up.
#[test]
fn the_first_entry_ends_the_warm_up() {
    for warm in [None, Some(at(90))] {
        let mut statistics = Statistics::new(start(), money(10_000.0));
        statistics.begin_warm_up();
        statistics.equity(&point(60, 10_000.0, 10_000.0, 1_000.0));
        statistics.equity(&point(70, 10_000.0, 10_000.0, 0.0));
        warm.into_iter().for_each(|warm| statistics.warm(warm));
        let summary = statistics.finish(at(100));
        is(&summary, "exposure_time_pct", 25.0);
        is(&summary, "exposure_notional_pct", 2.5);
    }
    let mut idle = Statistics::new(start(), money(10_000.0));
    idle.begin_warm_up();
    assert_eq!(idle.finish(at(100)).metric("exposure_time_pct").unwrap().value.as_ref().ok(), None);
}

#[test]
fn trade_vectors_of_the_reference() {
    let trades = [100.0, -40.0, 60.0, -20.0, 0.0].map(|net| trade(0, 30, net, 0.0, 0.0));
    let summary = closed(10_000.0, &trades);
    is(&summary, "win_rate", 40.0);
    is(&summary, "profit_factor", 160.0 / 60.0);
    is_money(&summary, "expectancy", "20");
    is_money(&summary, "average_win", "80");
    is_money(&summary, "average_loss", "-30");
    is_money(&summary, "largest_win", "100");
    is_money(&summary, "largest_loss", "-40");
}

/// Thirty days of alternately +1 % and −0.5 %: mean 0.0025, sample deviation 0.0075·√(30/29), downside
/// √(0.005²/2).
#[test]
fn daily_ratios_of_alternating_days() {
    let mut statistics = Statistics::new(start(), money(10_000.0));
    let mut equity = 10_000.0;
    for day in 0..30 {
        equity *= if day % 2 == 0 { 1.01 } else { 0.995 };
        statistics.equity(&point(day * DAY + 3_600, equity, equity, 0.0));
    }
    let summary = statistics.finish(at(30 * DAY));
    let (mean, deviation) = (0.0025, 0.0075 * (30.0_f64 / 29.0).sqrt());
    let near = |id: &str, expected: f64| {
        assert!((summary.metric(id).unwrap().number().unwrap() / expected - 1.0).abs() < 1e-6, "{id}")
    };
    near("sharpe", mean / deviation * 365.0_f64.sqrt());
    near("sortino", mean / (0.005 / 2.0_f64.sqrt()) * 365.0_f64.sqrt());
    let cagr = libm::pow(1.01 * 0.995, 15.0 * 365.0 / 30.0) - 1.0;
    near("cagr_pct", 100.0 * cagr);
    near("calmar", cagr / 0.005);
    assert!((0.9..1.0).contains(&summary.metric("probabilistic_sharpe").unwrap().number().unwrap()));
    undefined(&summary, "deflated_sharpe", "the number of variants tried was not given");
    let window = summary.metric("sharpe").unwrap().window;
    assert_eq!(window, (start(), at(30 * DAY)));
}

/// A change at midnight belongs to the day that ends; incomplete days are rows but not samples.
#[test]
fn days_are_cut_at_midnight() {
    let mut statistics = Statistics::new(at(DAY / 2), money(1_000.0));
    statistics.equity(&point(DAY - 1, 1_010.0, 1_010.0, 0.0));
    statistics.equity(&point(DAY, 1_030.0, 1_030.0, 0.0));
    statistics.equity(&point(3 * DAY + 5, 1_000.0, 1_000.0, 0.0));
    let summary = statistics.finish(at(3 * DAY + 10));
    let rows: Vec<_> = summary.days.iter().map(|day| (day.change().to_string(), day.whole)).collect();
    let expected = [("30", false), ("0", true), ("0", true), ("-30", false)]
        .map(|(change, whole)| (change.to_owned(), whole));
    assert_eq!(rows, expected);
}

/// An event at the very end of a run that ends at midnight belongs to the last day.
#[test]
fn a_change_at_the_last_midnight_has_its_day() {
    let mut statistics = Statistics::new(start(), money(1_000.0));
    statistics.equity(&point(DAY, 1_010.0, 1_010.0, 0.0));
    let summary = statistics.finish(at(DAY));
    let rows: Vec<_> = summary.days.iter().map(|day| (day.change(), day.whole)).collect();
    assert_eq!(rows, [(Money::from_units(10), true)]);
}

#[test]
fn the_metrics_come_in_the_documented_order() {
    let mut summary = closed(10_000.0, &[]);
    summary.count_blocked(3);
    let ids: Vec<_> = summary.metrics.iter().map(|metric| metric.definition.id).collect();
    let documented: Vec<_> = crate::report::definitions::ALL.iter().map(|definition| definition.id).collect();
    assert_eq!(ids, documented);
}

proptest! {
    /// Figures other than streaks do not depend on the order of trades.
    #[test]
    fn sums_do_not_depend_on_the_order_of_trades(cents in prop::collection::vec(-50_000_i64..50_000, 1..40), turn in 0_usize..40) {
        let trades: Vec<ClosedTrade> = cents.iter().map(|c| trade(0, 30, *c as f64 / 100.0, 0.07, 0.01)).collect();
        let mut turned = trades.clone();
        turned.rotate_left(turn % cents.len());
        turned.reverse();
        let (one, other) = (closed(1e9, &trades), closed(1e9, &turned));
        for id in ["net_profit", "wins", "win_rate", "profit_factor", "expectancy", "payoff_ratio", "fees", "gross", "largest_loss"] {
            prop_assert_eq!(one.metric(id).unwrap().value, other.metric(id).unwrap().value, "{}", id);
        }
        prop_assert_eq!(one.by_side, other.by_side);
    }

    /// For any ledger: all numbers are finite, changes of days add up, percentages stay in range.
    #[test]
    fn metrics_stay_finite_and_add_up(steps in prop::collection::vec((1_i64..200_000, -3_000_i64..3_000, 0_i64..20_000), 1..60)) {
        let mut statistics = Statistics::new(start(), money(10_000.0));
        let (mut second, mut equity) = (0, 10_000_i64);
        for (wait, change, exposure) in steps {
            second += wait;
            equity = (equity + change).max(1);
            statistics.equity(&point(second, equity as f64, equity as f64, if exposure % 3 == 0 { 0.0 } else { exposure as f64 }));
        }
        let summary = statistics.finish(at(second));
        for metric in &summary.metrics {
            prop_assert!(metric.number().is_none_or(f64::is_finite), "{}", metric.definition.id);
        }
        for id in ["max_drawdown_pct", "max_balance_drawdown_pct", "current_drawdown_pct", "exposure_time_pct"] {
            let found = summary.metric(id).and_then(Metric::number).unwrap_or(0.0);
            prop_assert!((0.0..=100.0).contains(&found), "{} {}", id, found);
        }
        let changes: Money = summary.days.iter().map(Day::change).sum();
        prop_assert_eq!(changes, summary.final_equity - summary.initial);
        prop_assert_eq!(summary.curve[0].open, money(10_000.0));
        prop_assert_eq!(summary.curve[summary.curve.len() - 1].close, summary.final_equity);
        let deepest = summary.curve.iter().map(|point| point.drawdown_pct).fold(0.0, f64::max);
        prop_assert!((deepest - summary.metric("max_drawdown_pct").unwrap().number().unwrap()).abs() < 1e-9);
    }
}
