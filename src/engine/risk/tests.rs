//! The limits of an entry, one after the other: the last value that passes and the first that does not.
//! All numbers are worked out by hand from `docs/spec/risk.md`.

use super::*;
use crate::domain::num::Qty;
use crate::domain::order::{OrderKind, Side};
use crate::domain::symbol::SymbolId;

fn request(purpose: Purpose) -> OrderRequest {
    OrderRequest {
        id: OrderId(0),
        instance: 0,
        symbol: SymbolId(0),
        side: Side::Buy,
        kind: OrderKind::Market,
        qty: Qty(10),
        purpose,
        leverage: 5,
        inside_bar: None,
    }
}

fn usdt(value: f64) -> Money {
    Money::from_f64(value)
}

/// 1,000 at leverage 5 on an account of 10,000: 10 % of equity, 200 of margin.
fn small() -> EntryImpact {
    EntryImpact {
        equity: usdt(10_000.0),
        notional: usdt(1_000.0),
        symbol_exposure: Money::ZERO,
        total_exposure: Money::ZERO,
        used_margin: Money::ZERO,
        leverage: 5,
        tier_leverage: 100,
        stop_pct: None,
        // 100 / 5 less a maintenance margin of 0.5 %.
        liquidation_pct: 19.5,
        total_exposure_pct: None,
        spread_pct: None,
        band_pct: None,
    }
}

fn ask(
    limit: impl FnOnce(&mut RiskLimits),
    change: impl FnOnce(&mut EntryImpact),
) -> Option<(Guard, f64, f64)> {
    let (mut limits, mut impact) = (RiskLimits::none(), small());
    limit(&mut limits);
    change(&mut impact);
    let refusal = approve_entry(&limits, &impact, request(Purpose::Entry)).err()?;
    Some((refusal.guard, refusal.value, refusal.threshold))
}

/// A row: what the limits are, the last entry that passes, the first that is refused, and what is said of it.
type Row = (fn(&mut RiskLimits), fn(&mut EntryImpact), fn(&mut EntryImpact), (Guard, f64, f64));

const ROWS: &[Row] = &[
    (
        |limits| limits.max_leverage = 10,
        |entry| entry.leverage = 10,
        |entry| entry.leverage = 11,
        (Guard::Leverage, 11.0, 10.0),
    ),
    // The contract allows less for a position of this size.
    (
        |limits| limits.max_leverage = 10,
        |entry| (entry.leverage, entry.tier_leverage) = (8, 8),
        |entry| (entry.leverage, entry.tier_leverage) = (9, 8),
        (Guard::Leverage, 9.0, 8.0),
    ),
    (
        |limits| limits.max_spread_pct = Some(1.0),
        |entry| entry.spread_pct = Some(1.0),
        |entry| entry.spread_pct = Some(1.25),
        (Guard::Spread, 1.25, 1.0),
    ),
    (
        |limits| limits.price_band_pct = Some(2.0),
        |entry| entry.band_pct = Some(2.0),
        |entry| entry.band_pct = Some(2.5),
        (Guard::PriceBand, 2.5, 2.0),
    ),
    // 10 % of equity at leverage 3 is 3,000.
    (
        |limits| (limits.max_position_pct, limits.max_leverage) = (Some(10.0), 3),
        |entry| (entry.leverage, entry.notional) = (3, usdt(3_000.0)),
        |entry| (entry.leverage, entry.notional) = (3, usdt(3_025.0)),
        (Guard::PositionNotional, 30.25, 30.0),
    ),
    // 2,000 in the symbol and 1,000 more are 30 %.
    (
        |limits| limits.symbol_exposure_pct = Some(30.0),
        |entry| entry.symbol_exposure = usdt(2_000.0),
        |entry| entry.symbol_exposure = usdt(2_050.0),
        (Guard::SymbolExposure, 30.5, 30.0),
    ),
    (
        |limits| limits.total_exposure_pct = Some(100.0),
        |entry| entry.total_exposure = usdt(9_000.0),
        |entry| entry.total_exposure = usdt(9_050.0),
        (Guard::TotalExposure, 100.5, 100.0),
    ),
    // The strategy allows half of what the session allows, then the session half of what the strategy does.
    (
        |limits| limits.total_exposure_pct = Some(100.0),
        |entry| (entry.total_exposure_pct, entry.total_exposure) = (Some(50.0), usdt(4_000.0)),
        |entry| (entry.total_exposure_pct, entry.total_exposure) = (Some(50.0), usdt(4_050.0)),
        (Guard::TotalExposure, 50.5, 50.0),
    ),
    (
        |limits| limits.total_exposure_pct = Some(50.0),
        |entry| (entry.total_exposure_pct, entry.total_exposure) = (Some(100.0), usdt(4_000.0)),
        |entry| (entry.total_exposure_pct, entry.total_exposure) = (Some(100.0), usdt(4_050.0)),
        (Guard::TotalExposure, 50.5, 50.0),
    ),
    // 4,800 and 1,000 / 5 are half of 10,000.
    (
        |limits| limits.margin_pct = Some(50.0),
        |entry| entry.used_margin = usdt(4_800.0),
        |entry| entry.used_margin = usdt(4_850.0),
        (Guard::Margin, 50.5, 50.0),
    ),
    // Margin is never borrowed, with the limit off and with a limit above 100 %.
    (
        |_| {},
        |entry| entry.used_margin = usdt(9_800.0),
        |entry| entry.used_margin = usdt(9_850.0),
        (Guard::Margin, 100.5, 100.0),
    ),
    (
        |limits| limits.margin_pct = Some(250.0),
        |entry| entry.used_margin = usdt(9_800.0),
        |entry| entry.used_margin = usdt(9_850.0),
        (Guard::Margin, 100.5, 100.0),
    ),
    // 19.5 % to the liquidation are twice 9.75 %.
    (
        |limits| limits.min_liquidation_to_stop = Some(2.0),
        |entry| entry.stop_pct = Some(9.75),
        |entry| entry.stop_pct = Some(10.0),
        (Guard::LiquidationDistance, 19.5, 20.0),
    ),
    // At leverage 20 the liquidation is 100 / 20 − 0.5 away.
    (
        |limits| limits.min_liquidation_to_stop = Some(3.0),
        |entry| (entry.leverage, entry.liquidation_pct, entry.stop_pct) = (20, 4.5, Some(1.5)),
        |entry| (entry.leverage, entry.liquidation_pct, entry.stop_pct) = (20, 4.5, Some(2.0)),
        (Guard::LiquidationDistance, 4.5, 6.0),
    ),
];

#[test]
fn each_limit_passes_its_own_value_and_refuses_what_is_beyond() {
    for (row, (limit, passes, refused, said)) in ROWS.iter().enumerate() {
        assert_eq!(ask(limit, passes), None, "row {row}");
        let (guard, value, threshold) = ask(limit, refused).unwrap_or_else(|| panic!("row {row} passes"));
        assert_eq!((guard, threshold), (said.0, said.2), "row {row}");
        // Amounts of money are divided as floating-point numbers.
        assert!((value - said.1).abs() < 1e-9, "row {row}: {value}");
    }
}

#[test]
fn a_limit_that_is_off_refuses_nothing() {
    for (row, (_, _, refused, (guard, ..))) in ROWS.iter().enumerate() {
        let said = ask(|_| {}, refused);
        match guard {
            // The contract's leverage, the strategy's exposure and the account's own margin hold without a
            // limit.
            Guard::Leverage | Guard::TotalExposure | Guard::Margin => {}
            _ => assert_eq!(said, None, "row {row}"),
        }
    }
}

#[test]
fn what_cannot_be_measured_passes_without_a_book_or_a_stop() {
    let all =
        |limits: &mut RiskLimits| *limits = RiskLimits { max_position_pct: None, ..RiskLimits::default() };
    assert_eq!(ask(all, |_| {}), None);
    assert_eq!(
        ask(all, |entry| entry.stop_pct = Some(10.0)).map(|said| said.0),
        Some(Guard::LiquidationDistance)
    );
}

#[test]
fn an_account_without_equity_opens_nothing() {
    for equity in [0.0, -1.0] {
        let said = ask(|_| {}, |entry| entry.equity = usdt(equity));
        assert_eq!(said, Some((Guard::Margin, f64::INFINITY, 100.0)), "{equity}");
    }
    let said = ask(|_| {}, |entry| entry.spread_pct = Some(f64::NAN));
    assert_eq!(said, None, "without a limit nobody looks at the spread");
    let said = ask(|limits| limits.max_spread_pct = Some(1.0), |entry| entry.spread_pct = Some(f64::NAN));
    assert_eq!(said.map(|said| said.0), Some(Guard::Spread));
}

#[test]
fn the_first_limit_of_the_list_is_the_one_that_is_told() {
    let mut impact = EntryImpact {
        leverage: 50,
        spread_pct: Some(9.0),
        band_pct: Some(9.0),
        notional: usdt(200_000.0),
        stop_pct: Some(10.0),
        ..small()
    };
    type Mend = (Guard, fn(&mut EntryImpact));
    let mends: [Mend; 7] = [
        (Guard::Leverage, |entry| entry.leverage = 5),
        (Guard::Spread, |entry| entry.spread_pct = Some(0.5)),
        (Guard::PriceBand, |entry| entry.band_pct = Some(0.5)),
        (Guard::PositionNotional, |entry| {
            (entry.notional, entry.symbol_exposure) = (usdt(1_000.0), usdt(200_000.0));
        }),
        (Guard::SymbolExposure, |entry| {
            (entry.symbol_exposure, entry.total_exposure) = (Money::ZERO, usdt(200_000.0));
        }),
        (Guard::TotalExposure, |entry| {
            (entry.total_exposure, entry.used_margin) = (Money::ZERO, usdt(200_000.0));
        }),
        (Guard::Margin, |entry| entry.used_margin = Money::ZERO),
    ];
    for (guard, mend) in mends {
        let refusal = approve_entry(&RiskLimits::default(), &impact, request(Purpose::Entry)).unwrap_err();
        assert_eq!(refusal.guard, guard);
        mend(&mut impact);
    }
    let refusal = approve_entry(&RiskLimits::default(), &impact, request(Purpose::Entry)).unwrap_err();
    assert_eq!(refusal.guard, Guard::LiquidationDistance);
    impact.stop_pct = Some(1.0);
    let approved = approve_entry(&RiskLimits::default(), &impact, request(Purpose::Entry)).unwrap();
    assert_eq!(
        *approved.numbered(OrderId(7)).get(),
        OrderRequest { id: OrderId(7), ..request(Purpose::Entry) }
    );
}

#[test]
fn two_sets_of_limits_hold_limit_by_limit_the_tighter_one() {
    let other = RiskLimits {
        daily_loss_pct: Some(2.0),
        drawdown_pct: None,
        max_leverage: 3,
        min_liquidation_to_stop: Some(4.0),
        loss_pause: Span::from_seconds(60),
        exclusive_symbols: false,
        trades_per_day: Some(100),
        ..RiskLimits::none()
    };
    let expected = RiskLimits {
        daily_loss_pct: Some(2.0),
        max_leverage: 3,
        min_liquidation_to_stop: Some(4.0),
        ..RiskLimits::default()
    };
    assert_eq!(RiskLimits::default().tightened(&other), expected);
    assert_eq!(other.tightened(&RiskLimits::default()), expected);
    assert_eq!(RiskLimits::default().tightened(&RiskLimits::none()), RiskLimits::default());
    let loose = RiskLimits { min_liquidation_to_stop: Some(1.0), ..RiskLimits::none() };
    assert_eq!(RiskLimits::default().tightened(&loose), RiskLimits::default());
}

#[test]
fn entry_times_are_kept_for_the_longest_count() {
    let kept = |second, minute| {
        RiskLimits { orders_per_second: second, orders_per_minute: minute, ..RiskLimits::none() }
            .entry_times()
    };
    assert_eq!(
        [kept(None, None), kept(Some(5), None), kept(Some(5), Some(60)), kept(Some(9), Some(3))],
        [0, 5, 60, 9]
    );
}

#[test]
#[should_panic(expected = "entries go through approve_entry")]
fn an_entry_cannot_pass_as_an_exit() {
    assert_eq!(*approve_exit(request(Purpose::Exit)).get(), request(Purpose::Exit));
    approve_exit(request(Purpose::Entry));
}
