//! Sample ledgers and a sample result, for tests of the reports and of the JSON form.

use crate::domain::contract_facts::{FactSource, SpecSources};
use crate::domain::decimal::Decimal;
use crate::domain::decision::{Guard, SectionName, Trigger};
use crate::domain::event::GapCause;
use crate::domain::exit_level::{ExitLevel, MetBy};
use crate::domain::ledger::{ClosedTrade, EquityPoint};
use crate::domain::num::{Money, Price, Qty, Rate};
use crate::domain::order::Side;
use crate::domain::record::StreamKind;
use crate::domain::symbol::{SymbolId, SymbolSpec};
use crate::domain::time::{Span, Timestamp};
use crate::report::assumptions::{
    Assumptions, BookSource, ClockUsed, ContractSources, Coverage, FeeSource, FeeTerms, FundingSource,
};
use crate::report::fired::{Fired, FiredSections};
use crate::report::reason::{Checked, DecisionReason, TradeReason};
use crate::report::run::{BlockedByGuard, BlockedEntries, LookBack, Mode, RunResult, StrategyRef};
use crate::report::series::price_series;
use crate::report::statistics::Statistics;

const BEGIN: &str = "2026-01-01";

/// A long trade of 1000 lots at 10, opened and closed at these seconds of 2026-01-01.
pub(crate) fn trade(opened: i64, closed: i64, gross: f64, fees: f64, funding: f64) -> ClosedTrade {
    let begin = Timestamp::parse(BEGIN).unwrap();
    ClosedTrade {
        instance: 0,
        strategy: 0,
        symbol: SymbolId(0),
        side: Side::Buy,
        opened_at: begin + Span::from_seconds(opened),
        closed_at: begin + Span::from_seconds(closed),
        qty: Qty(1_000),
        entry_price: 10.0,
        exit_price: 10.0 + gross / 1_000.0,
        entry_notional: Money::from_units(10_000),
        gross: Money::from_f64(gross),
        fees: Money::from_f64(fees),
        funding: Money::from_f64(funding),
        slippage: None,
        initial_risk: None,
        worst_price: Price(990),
        best_price: Price(1_050),
        mae_pct: -1.0,
        mfe_pct: 5.0,
        reason: Trigger::TakeProfit,
        fills: 2,
        leverage: 3,
    }
}

pub(crate) fn assumptions() -> Assumptions {
    let begin = Timestamp::parse(BEGIN).unwrap();
    let mut coverage = Coverage::default();
    for second in 0..5_000 {
        coverage.event(begin + Span::from_seconds(second * 50), StreamKind::Trades);
    }
    coverage.gap(GapCause::Disconnect, Span::from_seconds(1_800));
    coverage.gap(GapCause::Silence, Span::from_millis(45_500));
    Assumptions {
        fees: vec![FeeTerms {
            symbol: SymbolId(0),
            maker: Rate::from_percent(0.02),
            taker: Rate::from_percent(0.06),
            source: FeeSource::Default,
        }],
        contracts: vec![ContractSources {
            symbol: SymbolId(0),
            sources: SpecSources::all(FactSource::Assumed),
            bar: None,
        }],
        slippage: "walks the book, own impact included".to_owned(),
        latency: Span::from_millis(150),
        feed_latency: Span::from_millis(50),
        book: BookSource::Synthetic { spread_bps: 5.0, depth: Money::from_units(20_000) },
        funding: FundingSource::Schedule { hours: 8, rate: Rate::ZERO },
        clock: ClockUsed::Exchange,
        initial_balance: Money::from_units(10_000),
        risk_limits: vec![
            ("max_concurrent_positions".to_owned(), Some(3.0)),
            ("daily_loss_limit_pct".to_owned(), None),
        ],
        seed: 7,
        coverage,
        warm_up: Some(Span::from_seconds(300)),
        synthetic_fills: 42,
        bars_in_doubt: 0,
        penalised_fills: 1,
        warnings: vec!["No funding was recorded; a rate of 0 is assumed.".to_owned()],
    }
}

/// The conditions behind a trade, one of them without a value.
fn reason_of(trade: &ClosedTrade) -> TradeReason {
    let checked = |section: SectionName, id: &str, value: Result<f64, &'static str>, met: bool| Checked {
        section,
        id: id.to_owned(),
        indicator: format!("{id}_indicator"),
        value,
        operator: ">=",
        threshold: Some(8.0),
        threshold_high: None,
        met: value.ok().map(|_| met),
    };
    let decision = |at, trigger: Trigger, conditions| {
        let level = ExitLevel { price: Price(970), met_by: Some(MetBy::Last(Price(969))) };
        Some(DecisionReason { at, trigger, level: trigger.is_level().then_some(level), conditions })
    };
    TradeReason {
        signal: decision(
            trade.opened_at,
            Trigger::Section(SectionName::S1),
            vec![
                checked(SectionName::S1, "s1_price", Ok(9.125), true),
                checked(SectionName::S1, "s1_rush", Err("warm_up"), false),
            ],
        ),
        entry: decision(
            trade.opened_at,
            Trigger::Section(SectionName::Z1),
            vec![checked(SectionName::Z1, "z1_flow", Ok(31.5), true)],
        ),
        earlier_exits: Vec::new(),
        exit: decision(
            trade.closed_at,
            trade.reason,
            vec![checked(SectionName::E1, "e1_pnl", Ok(-4.423), false)],
        ),
    }
}

/// A run of three days with 21 trades, names that contain markup, signals, refusals, gaps and prices.
pub(crate) fn result() -> RunResult {
    let begin = Timestamp::parse(BEGIN).unwrap();
    let d = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
    let spec = SymbolSpec::new("PUMP_USDT", d("0.01"), d("1"), d("1")).unwrap();
    let mut statistics = Statistics::new(begin, Money::from_units(10_000));
    let (mut prices, mut refusals, mut signals) = (price_series(), BlockedEntries::default(), Vec::new());
    let mut reasons = Vec::new();
    let (mut balance, mut price, mut state) = (Money::from_units(10_000), 1_000_i64, 12_345_u64);
    let mut rng = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i64
    };
    for hour in 0..70_i64 {
        let from = price;
        let trades = hour % 3 == 1;
        for minute in 0..60 {
            let at = begin + Span::from_seconds(hour * 3_600 + minute * 60);
            price = (price + rng() % 13 - 6 + i64::from(hour % 11 == 4) * 4 - i64::from(hour % 11 == 5) * 3)
                .max(300);
            prices.push(at, Price(price));
            let open = trades && minute < 40;
            let side = if hour % 2 == 0 { Side::Sell } else { Side::Buy };
            let gain = side.sign() as f64 * (price - from) as f64 * 0.01 * 1_000.0;
            let profit = if open { Money::from_f64(gain) } else { Money::ZERO };
            if trades && minute == 40 {
                let reason = match rng() % 5 {
                    0 => Trigger::StopLoss,
                    1 => Trigger::TrailingStop,
                    2 => Trigger::Section(SectionName::Ze1),
                    3 => Trigger::MaxHold,
                    _ => Trigger::TakeProfit,
                };
                let base = trade(
                    hour * 3_600,
                    hour * 3_600 + 2_400,
                    gain,
                    12.3,
                    if hour % 8 == 0 { -1.02 } else { 0.0 },
                );
                let (entry_price, exit_price) = (from as f64 / 100.0, price as f64 / 100.0);
                let closed = ClosedTrade {
                    entry_price,
                    exit_price,
                    reason,
                    slippage: Some(Money::from_f64(2.5)),
                    initial_risk: Some(Money::from_units(200)),
                    side,
                    ..base
                };
                statistics.trade(&closed);
                reasons.push(reason_of(&closed));
                balance += closed.net();
            }
            let exposure = if open { Money::from_units(10 * price) } else { Money::ZERO };
            statistics.equity(&EquityPoint { at, equity: balance + profit, balance, exposure });
        }
        let at = begin + Span::from_seconds(hour * 3_600);
        if trades {
            let signal = Fired {
                at,
                section: SectionName::S1,
                symbol: SymbolId(0),
                strategy: 0,
                price: Some(Price(from)),
            };
            signals.push(signal);
            signals.push(Fired { at: at + Span::from_seconds(20), section: SectionName::Z1, ..signal });
        }
        refusals.add(
            at,
            if hour % 4 == 0 { Guard::Spread } else { Guard::WarmUp },
            0.0123,
            if hour % 4 == 0 { 0.005 } else { f64::NAN },
        );
    }
    statistics.gap(begin + Span::from_seconds(100_000), begin + Span::from_seconds(108_000));
    let refusals = refusals.finish();
    let mut summary = statistics.finish(begin + Span::from_seconds(70 * 3_600));
    summary.count_blocked(BlockedByGuard::total(&refusals));
    RunResult {
        mode: Mode::Backtest,
        source: "recordings/<script>alert(1)</script>.trades.gz".to_owned(),
        symbols: vec![spec],
        strategies: vec![StrategyRef {
            id: "pump_v2".to_owned(),
            version: Some(3),
            release: None,
            name: "Pump & dump <b>v2</b>".to_owned(),
            document: Some("{\n  \"strategy_name\": \"pump_v2\"\n}".to_owned()),
            look_back: Some(LookBack {
                indicator: "buying_20s_vs_6h".to_owned(),
                span: Span::from_seconds(21_620),
            }),
        }],
        digest: "9f2c1e0b7a6d5c4b3a29180716253443f1e2d3c4b5a69788796a5b4c3d2e1f00".to_owned(),
        assumptions: assumptions(),
        summary,
        orders_count: 46,
        fired: signals.into_iter().collect(),
        reasons,
        refusals,
        prices: vec![(SymbolId(0), prices.buckets().to_vec())],
        settings: vec![("latency-ms".to_owned(), "150".to_owned()), ("seed".to_owned(), "7".to_owned())],
    }
}

/// A run without events.
pub(crate) fn empty_result() -> RunResult {
    let begin = Timestamp::parse(BEGIN).unwrap();
    let mut summary = Statistics::new(begin, Money::from_units(10_000)).finish(begin);
    summary.count_blocked(0);
    let assumptions =
        Assumptions { coverage: Coverage::default(), warm_up: None, warnings: Vec::new(), ..assumptions() };
    RunResult {
        source: "quiet.trades".to_owned(),
        assumptions,
        summary,
        orders_count: 0,
        fired: FiredSections::default(),
        reasons: Vec::new(),
        refusals: Vec::new(),
        prices: Vec::new(),
        ..result()
    }
}
