//! The account with hand-computed numbers: amounts, the counters that limits look at, and when they refuse.
//! The rules are those of `docs/spec/risk.md`.

use super::*;
use crate::domain::decimal::Decimal;

const A: SymbolId = SymbolId(0);
const B: SymbolId = SymbolId(1);
const DAY: i64 = 86_400;

/// A tick is 0.01 and a lot is 1, so 100.00 is 10,000 ticks.
fn spec() -> SymbolSpec {
    let decimal = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
    SymbolSpec::new("A_USDT", decimal("0.01"), decimal("1"), Decimal::ONE).unwrap()
}

fn usdt(value: f64) -> Money {
    Money::from_f64(value)
}

fn seconds(value: i64) -> Timestamp {
    Timestamp::from_seconds(value)
}

/// 10,000 in cash, two symbols, two strategies.
fn account(limit: impl FnOnce(&mut RiskLimits)) -> Account {
    let mut config = SessionConfig { risk: RiskLimits::none(), ..SessionConfig::default() };
    limit(&mut config.risk);
    let mut account = Account::new(config, 2, 2);
    account.roll_day(seconds(100));
    account
}

#[track_caller]
fn refused(account: &Account, symbol: SymbolId, at: i64) -> Option<(Guard, f64, f64)> {
    refused_with(account, symbol, &StrategyLimits::default(), at)
}

#[track_caller]
fn refused_with(
    account: &Account,
    symbol: SymbolId,
    limits: &StrategyLimits,
    at: i64,
) -> Option<(Guard, f64, f64)> {
    let refusal = account.admit(symbol, 0, limits, seconds(at)).err()?;
    Some((refusal.guard, refusal.value, refusal.threshold))
}

#[test]
fn a_round_trip_leaves_the_account_as_its_cash_says() {
    let (spec, mut account) = (spec(), account(|_| {}));
    // An entry of 10 lots at 100.00: reserved, then filled 4 and 6, at leverage 5.
    account.occupy(A, 0, seconds(100));
    account.commit(0, usdt(1_000.0), usdt(200.0));
    account.reserve(A, usdt(1_000.0));
    assert_eq!((account.taken_exposure(), account.exposure()), (usdt(1_000.0), Money::ZERO));
    for (lots, notional, margin) in [(4, 400.0, 80.0), (6, 600.0, 120.0)] {
        // The fill takes the place of its part of the reservation.
        account.commit(0, -usdt(notional), -usdt(margin));
        account.reserve(A, -usdt(notional));
        account.commit(0, usdt(notional), usdt(margin));
        account.cash_flow(0, -usdt(notional * 0.0006));
        account.position_changed(A, &spec, Price(10_000), Side::Buy, lots, i128::from(lots) * 10_000);
        assert_eq!(account.taken_exposure(), usdt(1_000.0));
        assert_eq!((account.used_margin(), account.symbol_exposure(A)), (usdt(200.0), usdt(1_000.0)));
        assert_eq!(account.symbol_exposure(B), Money::ZERO);
    }
    // Fees of 0.06 % of 1,000 are 0.60; a price of 101.00 is a profit of 10.
    assert_eq!((account.cash(), account.equity()), (usdt(9_999.4), usdt(9_999.4)));
    account.mark(A, &spec, Price(10_100));
    assert_eq!((account.equity(), account.exposure()), (usdt(10_009.4), usdt(1_010.0)));
    assert!((account.pnl_pct() - 0.094).abs() < 1e-12);
    // Sold at 101.00 with a fee of 0.606.
    account.commit(0, -usdt(1_000.0), -usdt(200.0));
    account.cash_flow(0, usdt(10.0) - usdt(0.606));
    account.position_changed(A, &spec, Price(10_100), Side::Buy, -10, -100_000);
    account.release(A, 0);
    assert_eq!((account.equity(), account.cash()), (usdt(10_008.794), usdt(10_008.794)));
    assert_eq!((account.exposure(), account.used_margin()), (Money::ZERO, Money::ZERO));
    assert!(account.occupants() == 0 && !account.holds(A));
}

#[test]
fn two_sides_of_a_symbol_add_up_in_exposure_and_cancel_in_profit() {
    let (spec, mut account) = (spec(), account(|_| {}));
    account.position_changed(A, &spec, Price(10_000), Side::Buy, 10, 100_000);
    account.position_changed(A, &spec, Price(10_000), Side::Sell, 4, 40_000);
    account.mark(A, &spec, Price(9_900));
    // −10 on ten lots and +4 on four; 14 lots at 99.
    assert_eq!((account.equity(), account.exposure()), (usdt(9_994.0), usdt(1_386.0)));
}

type Misuse = fn(&mut Account);

#[test]
fn no_amount_falls_below_zero() {
    let misuses: [(&str, Misuse); 6] = [
        ("gave back more notional than they had reserved", |account| account.reserve(A, -usdt(0.01))),
        ("gave back more notional than they had reserved", |account| {
            account.reserve(A, usdt(5.0));
            account.reserve(B, -usdt(1.0));
        }),
        ("than they had committed", |account| account.commit(0, -usdt(0.01), Money::ZERO)),
        ("than they had committed", |account| {
            account.commit(0, usdt(5.0), usdt(1.0));
            account.commit(1, -usdt(1.0), Money::ZERO);
        }),
        ("than they had committed", |account| account.commit(0, Money::ZERO, Money(-1))),
        ("released more than was occupied", |account| account.release(A, 0)),
    ];
    for (said, misuse) in misuses {
        let mut account = account(|_| {});
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| misuse(&mut account)))
            .expect_err("it gives back what it has not taken");
        let sentence = panic.downcast_ref::<&str>().copied().unwrap_or_default();
        assert!(sentence.contains(said), "{sentence}");
    }
    let (spec, mut account) = (spec(), account(|_| {}));
    account.position_changed(A, &spec, Price(10_000), Side::Buy, 3, 30_000);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        account.position_changed(A, &spec, Price(10_000), Side::Buy, -4, -40_000);
    }));
    assert!(panic.is_err(), "four lots were taken from three");
}

#[test]
fn concurrent_positions_count_from_the_entry_to_the_flat_position() {
    let mut account = account(|risk| risk.max_concurrent = Some(2));
    account.occupy(A, 0, seconds(100));
    assert_eq!(refused(&account, B, 100), None);
    let own = StrategyLimits { max_concurrent: Some(1), ..StrategyLimits::default() };
    assert_eq!(refused_with(&account, B, &own, 100), Some((Guard::ConcurrentPositions, 1.0, 1.0)));
    account.occupy(B, 1, seconds(100));
    assert_eq!(refused(&account, B, 100), Some((Guard::ConcurrentPositions, 2.0, 2.0)));
    assert_eq!(account.occupants(), 2);
    account.release(A, 0);
    assert_eq!(refused_with(&account, B, &own, 100), None);
}

#[test]
fn a_symbol_is_locked_by_whoever_holds_or_opens_it() {
    let mut account = account(|risk| risk.exclusive_symbols = true);
    account.occupy(A, 1, seconds(100));
    assert_eq!(refused(&account, A, 100), Some((Guard::SymbolLocked, 1.0, 1.0)));
    assert_eq!(refused(&account, B, 100), None);
    account.release(A, 1);
    assert_eq!(refused(&account, A, 100), None);
}

#[test]
fn entries_of_a_day_count_until_its_last_midnight_included() {
    let mut account = account(|risk| risk.trades_per_day = Some(3));
    let own = StrategyLimits { max_daily_trades: Some(2), ..StrategyLimits::default() };
    for entry in 0..3 {
        let said = refused_with(&account, A, &own, 100);
        assert_eq!(said, (entry == 2).then_some((Guard::DailyTrades, 2.0, 2.0)), "entry {entry}");
        account.occupy(A, 0, seconds(100));
        account.release(A, 0);
    }
    assert_eq!(refused(&account, A, 100), Some((Guard::DailyTrades, 3.0, 3.0)), "a released entry counts");
    account.roll_day(seconds(DAY));
    assert_eq!(refused(&account, A, DAY).map(|said| said.0), Some(Guard::DailyTrades));
    account.roll_day(Timestamp::from_nanos(seconds(DAY).nanos() + 1));
    assert_eq!(refused_with(&account, A, &own, DAY), None);
}

#[test]
fn the_loss_of_a_day_blocks_at_its_limit_and_closes_at_one_and_a_half() {
    let lose = |account: &mut Account, amount: f64| account.cash_flow(0, -usdt(amount));
    let mut account = account(|risk| risk.daily_loss_pct = Some(5.0));
    // 5 % of 10,000 are 500; 7.5 % are 750.
    lose(&mut account, 499.0);
    assert_eq!((refused(&account, A, 100), account.breach()), (None, None));
    lose(&mut account, 1.0);
    assert_eq!((refused(&account, A, 100), account.breach()), (Some((Guard::DailyLoss, 5.0, 5.0)), None));
    lose(&mut account, 249.99);
    assert_eq!(account.breach(), None);
    lose(&mut account, 0.01);
    assert_eq!(account.breach(), Some((Trigger::Risk, false)));
    // The next day begins with 9,250: its limits are 462.50 and 693.75.
    account.roll_day(seconds(DAY + 1));
    assert_eq!((refused(&account, A, DAY + 1), account.breach()), (None, None));
    lose(&mut account, 462.5);
    assert_eq!(refused(&account, A, DAY + 1), Some((Guard::DailyLoss, 5.0, 5.0)));
    lose(&mut account, 231.25);
    assert_eq!(account.breach(), Some((Trigger::Risk, false)));
}

#[test]
fn open_losses_count_for_the_session_and_realised_ones_for_the_strategy() {
    let (spec, mut account) = (spec(), account(|risk| risk.daily_loss_pct = Some(5.0)));
    let own = StrategyLimits { daily_loss_pct: Some(1.0), ..StrategyLimits::default() };
    account.position_changed(A, &spec, Price(10_000), Side::Buy, 50, 500_000);
    account.mark(A, &spec, Price(9_600));
    // 50 lots at a loss of 4.00 are 200: 2 % of equity, none of it realised.
    assert_eq!(refused_with(&account, A, &own, 100), None);
    account.cash_flow(1, -usdt(150.0));
    assert_eq!(refused_with(&account, A, &own, 100), None, "the other strategy's loss");
    account.cash_flow(0, -usdt(100.0));
    assert_eq!(refused_with(&account, A, &own, 100), Some((Guard::DailyLoss, 1.0, 1.0)));
    account.mark(A, &spec, Price(9_500));
    // 250 open and 250 realised are 5 %.
    assert_eq!(refused(&account, A, 100), Some((Guard::DailyLoss, 5.0, 5.0)));
}

#[test]
fn the_drawdown_is_measured_from_the_highest_equity_and_ends_the_session() {
    let (spec, mut account) = (spec(), account(|risk| risk.drawdown_pct = Some(15.0)));
    account.position_changed(A, &spec, Price(10_000), Side::Buy, 100, 1_000_000);
    // 100 lots at +20.00 are 12,000 of equity; 15 % less are 10,200, which is a price of 102.00.
    account.mark(A, &spec, Price(12_000));
    account.mark(A, &spec, Price(10_201));
    assert_eq!(account.breach(), None);
    account.mark(A, &spec, Price(10_200));
    assert_eq!(account.breach(), Some((Trigger::Risk, true)));
    account.roll_day(seconds(DAY + 1));
    assert_eq!(account.breach(), Some((Trigger::Risk, true)), "the highest equity outlives the day");
    account.stop();
    account.mark(A, &spec, Price(10_800));
    // From 12,000 to 10,800 are 10 %, and the stop stays.
    assert_eq!(refused(&account, A, DAY + 1), Some((Guard::Drawdown, 10.0, 15.0)));
}

#[test]
fn losses_in_a_row_pause_entries_and_a_draw_ends_the_row() {
    let mut account = account(|risk| {
        (risk.consecutive_losses, risk.loss_pause) = (Some(3), Span::from_seconds(1_800));
    });
    for net in [-1.0, -1.0, 0.0, -1.0, -1.0, 5.0, -1.0, -1.0] {
        account.trade_closed(seconds(200), usdt(net));
    }
    assert_eq!(refused(&account, A, 200), None);
    account.trade_closed(seconds(200), Money(-1));
    assert_eq!(refused(&account, A, 200), Some((Guard::ConsecutiveLosses, 1_800.0, 0.0)));
    assert_eq!(refused(&account, A, 1_999), Some((Guard::ConsecutiveLosses, 1.0, 0.0)));
    assert_eq!(refused(&account, A, 2_000), None);
    account.trade_closed(seconds(2_000), usdt(-1.0));
    account.trade_closed(seconds(2_000), usdt(-1.0));
    assert_eq!(refused(&account, A, 2_000), None, "the count starts again");
}

#[test]
fn a_pause_by_command_is_told_before_any_limit() {
    let mut account = account(|risk| (risk.exclusive_symbols, risk.max_concurrent) = (true, Some(1)));
    account.occupy(A, 0, seconds(100));
    account.pause(true);
    assert_eq!(refused(&account, A, 100), Some((Guard::Paused, 1.0, 0.0)));
    account.pause(false);
    assert_eq!(refused(&account, A, 100), Some((Guard::SymbolLocked, 1.0, 1.0)));
    assert_eq!(refused(&account, B, 100), Some((Guard::ConcurrentPositions, 1.0, 1.0)));
}

#[test]
fn the_order_rate_looks_at_a_sliding_second_and_minute() {
    let mut account = account(|risk| {
        (risk.orders_per_second, risk.orders_per_minute) = (Some(2), Some(3));
    });
    let rate = |account: &Account, at| refused(account, A, at).map(|(guard, limit, _)| (guard, limit));
    for at in [100, 100, 130] {
        account.occupy(A, 0, seconds(at));
        account.release(A, 0);
    }
    assert_eq!(rate(&account, 130), Some((Guard::OrderRate, 3.0)), "three within the minute");
    assert_eq!(rate(&account, 159), Some((Guard::OrderRate, 3.0)));
    assert_eq!(rate(&account, 160), None, "the first is a minute old");
    account.occupy(A, 0, seconds(160));
    assert_eq!(rate(&account, 160), None, "two are a minute old");
    account.occupy(A, 0, seconds(160));
    assert_eq!(rate(&account, 160), Some((Guard::OrderRate, 2.0)), "two within the second");
    assert_eq!(rate(&account, 161), Some((Guard::OrderRate, 3.0)), "three since second 130");
}

#[test]
fn the_largest_order_rate_is_counted_to_its_last_entry() {
    // The largest limits of `trading.risk`.
    for (limit, per_second) in [(10_000, true), (100_000, false)] {
        let mut account = account(|risk| {
            let place = if per_second { &mut risk.orders_per_second } else { &mut risk.orders_per_minute };
            *place = Some(limit);
        });
        for _ in 1..limit {
            account.occupy(A, 0, seconds(100));
        }
        assert_eq!(refused(&account, A, 100), None, "{} entries", limit - 1);
        account.occupy(A, 0, seconds(100));
        let most = f64::from(limit);
        assert_eq!(refused(&account, A, 100), Some((Guard::OrderRate, most, most)));
    }
}

#[test]
fn what_is_left_of_the_budget_is_the_least_of_three() {
    let mut account = account(|_| {});
    let none = StrategyLimits::default();
    let tenth = StrategyLimits { max_allocation_pct: Some(10.0), ..StrategyLimits::default() };
    assert_eq!(account.remaining_budget(0, &none), None);
    // A tenth of the cash without a cap, of the cap with one.
    assert_eq!(account.remaining_budget(0, &tenth), Some(usdt(1_000.0)));
    account.config.budget_cap = Some(usdt(5_000.0));
    assert_eq!(account.remaining_budget(0, &tenth), Some(usdt(500.0)));
    account.config.allocations = vec![Some(usdt(450.0)), None];
    assert_eq!(account.remaining_budget(0, &tenth), Some(usdt(450.0)));
    account.commit(0, usdt(100.0), usdt(20.0));
    assert_eq!(account.remaining_budget(0, &tenth), Some(usdt(350.0)));
    // The other strategy holds 4,800 of the cap.
    account.commit(1, usdt(4_800.0), usdt(960.0));
    assert_eq!(account.remaining_budget(0, &tenth), Some(usdt(100.0)));
    assert_eq!(account.remaining_budget(1, &none), Some(usdt(100.0)));
    account.commit(0, -usdt(100.0), -usdt(20.0));
    assert_eq!(account.remaining_budget(0, &tenth), Some(usdt(200.0)));
}

#[test]
fn limits_that_are_tightened_hold_at_once_and_never_loosen() {
    let mut account = account(|risk| risk.daily_loss_pct = Some(5.0));
    account.cash_flow(0, -usdt(400.0));
    assert_eq!((refused(&account, A, 100), account.breach()), (None, None));
    account.tighten(&RiskLimits { daily_loss_pct: Some(2.0), ..RiskLimits::none() });
    // 1.5 × 2 % of 10,000 are 300, and 400 are lost.
    assert_eq!(refused(&account, A, 100), Some((Guard::DailyLoss, 4.0, 2.0)));
    assert_eq!(account.breach(), Some((Trigger::Risk, false)));
    account.tighten(&RiskLimits { daily_loss_pct: Some(50.0), ..RiskLimits::none() });
    assert_eq!(account.breach(), Some((Trigger::Risk, false)));
}
