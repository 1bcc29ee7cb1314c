//! Replacing the symbol table of a running session, or tightening its limits, is a single event and affects
//! only later events.

use arc_swap::ArcSwap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use tradingd::document::strategy;
use tradingd::domain::decimal::Decimal;
use tradingd::domain::decision::{Decision, DecisionKind, Guard};
use tradingd::domain::order::Purpose;
use tradingd::domain::symbol::{SymbolId, SymbolSpec, SymbolTable};
use tradingd::domain::time::Timestamp;
use tradingd::engine::account::SessionConfig;
use tradingd::engine::output::Outputs;
use tradingd::engine::risk::RiskLimits;
use tradingd::files::{FileFeed, Selection, SourceSurvey, survey};
use tradingd::session::allowance::Allowance;
use tradingd::session::driver::{Driver, Flow, Recorder};
use tradingd::session::ports::{Chunk, Feed};
use tradingd::sim::VenueConfig;

struct Decisions(Vec<Decision>);

impl Recorder for Decisions {
    fn outputs(&mut self, out: &Outputs) {
        self.0.extend_from_slice(&out.decisions);
    }
}

/// The shipped trades of BTCUSDT and a table of that symbol.
fn shipped() -> (SourceSurvey, SymbolTable) {
    let trades = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/binance-usdm_BTCUSDT_20240808.trades.csv.gz");
    let step = |text: &[u8]| Decimal::parse(text).unwrap();
    let spec = SymbolSpec::new("BTCUSDT", step(b"0.1"), step(b"0.001"), Decimal::ONE).unwrap();
    let survey = survey(&[trades], &Selection::default(), &mut |_| {}).unwrap();
    (survey, SymbolTable::new(1, vec![spec]))
}

fn is_entry(decision: &Decision) -> bool {
    matches!(decision.kind, DecisionKind::Submitted { purpose: Purpose::Entry, .. })
}

#[test]
fn a_symbol_switched_off_while_the_session_runs_opens_nothing_more() {
    let (survey, table) = shipped();
    let selection = Selection::default();
    let off = table.with_enabled(SymbolId(0), false);
    let mut feed = FileFeed::open(&survey, &selection, &table).unwrap();
    let text = include_str!("../../benches/workloads/ema.json");
    let ema = Arc::new(strategy::parse(text.as_bytes()).unwrap().0.compile("ema", 1));
    let session =
        SessionConfig { risk: RiskLimits::none(), assumed_spread_pct: 0.0, ..SessionConfig::default() };
    let symbols = Arc::new(ArcSwap::from_pointee(table));
    let mut backtest = Driver::sharing(Arc::clone(&symbols), &[ema], session, VenueConfig::frictionless());
    let mut decisions = Decisions(Vec::new());
    let mut swapped_at = Timestamp::MAX;
    backtest
        .run(&mut feed, &mut decisions, &mut |progress| {
            if swapped_at == Timestamp::MAX && progress.ticks > 8_000 {
                swapped_at = progress.at;
                symbols.store(Arc::new(off.clone()));
            }
            Flow::Continue
        })
        .unwrap();
    assert!(decisions.0.iter().any(|decision| is_entry(decision) && decision.at <= swapped_at));
    assert!(!decisions.0.iter().any(|decision| is_entry(decision) && decision.at > swapped_at));
    let refused = |decision: &&Decision| {
        matches!(decision.kind, DecisionKind::Refused { guard: Guard::SymbolDisabled, .. })
    };
    assert!(decisions.0.iter().find(refused).is_some_and(|decision| decision.at > swapped_at));
    assert_eq!(backtest.table().version, 2);
}

#[test]
fn a_strategy_runs_only_on_the_symbols_it_is_assigned() {
    let step = |text: &[u8]| Decimal::parse(text).unwrap();
    let spec = |name: &str| SymbolSpec::new(name, step(b"0.1"), step(b"0.001"), Decimal::ONE).unwrap();
    let table = SymbolTable::new(1, vec![spec("A_USDT"), spec("B_USDT")]);
    let text = include_str!("../../benches/workloads/ema.json");
    let def = |id: &str| Arc::new(strategy::parse(text.as_bytes()).unwrap().0.compile(id, 1));
    let session = SessionConfig { assigned: vec![Some(vec![SymbolId(1)]), None], ..SessionConfig::default() };
    let mut backtest =
        Driver::new(Arc::new(table), &[def("one"), def("two")], session, VenueConfig::frictionless());
    let pairs: Vec<(u32, u32)> =
        backtest.engine().instances().iter().map(|instance| (instance.strategy, instance.symbol.0)).collect();
    assert_eq!(pairs, [(1, 0), (0, 1), (1, 1)]);
}

/// A run over shipped trades that is tightened at its first tick behind `after`.
fn tightened(after: u64, allowed: &Allowance) -> (Vec<Decision>, Timestamp) {
    let (survey, table) = shipped();
    let selection = Selection::default();
    let mut feed = FileFeed::open(&survey, &selection, &table).unwrap();
    let text = include_str!("../../benches/workloads/ema.json");
    let ema = Arc::new(strategy::parse(text.as_bytes()).unwrap().0.compile("ema", 1));
    let session =
        SessionConfig { risk: RiskLimits::none(), assumed_spread_pct: 0.0, ..SessionConfig::default() };
    let mut driver = Driver::new(Arc::new(table), &[ema], session, VenueConfig::frictionless());
    let mut decisions = Decisions(Vec::new());
    let mut at = Timestamp::MAX;
    let mut chunk = Chunk::default();
    while feed.next(&mut chunk).unwrap() {
        for tick in chunk.ticks() {
            if at == Timestamp::MAX && driver.progress().ticks > after {
                at = driver.progress().at;
                driver.tighten(allowed, &mut decisions);
            }
            driver.tick(&chunk, tick, &mut decisions);
        }
    }
    driver.finish(&mut decisions);
    (decisions.0, at)
}

fn limits(risk: RiskLimits) -> Allowance {
    Allowance { disabled: BTreeSet::new(), risk: Some(risk), real_money: None }
}

#[test]
fn a_tighter_limit_acts_from_its_event_on() {
    let allowed = limits(RiskLimits { trades_per_day: Some(1), ..RiskLimits::none() });
    let (decisions, at) = tightened(8_000, &allowed);
    assert!(decisions.iter().any(|decision| is_entry(decision) && decision.at <= at));
    assert!(!decisions.iter().any(|decision| is_entry(decision) && decision.at > at));
    let refused = |decision: &&Decision| {
        matches!(decision.kind, DecisionKind::Refused { guard: Guard::DailyTrades, .. })
    };
    assert!(decisions.iter().find(refused).is_some_and(|decision| decision.at > at));
    let (same, _) = tightened(8_000, &limits(RiskLimits::none()));
    let (other, _) = tightened(u64::MAX, &limits(RiskLimits::none()));
    assert_eq!(same, other, "limits that are no tighter change nothing");
}

#[test]
fn an_account_beyond_a_tighter_loss_limit_is_closed_at_once() {
    let allowed = limits(RiskLimits { drawdown_pct: Some(0.0), ..RiskLimits::none() });
    let (decisions, at) = tightened(8_000, &allowed);
    let first = decisions.iter().find(|decision| decision.at >= at);
    let last = decisions.iter().rev().find(|decision| is_entry(decision));
    assert!(last.is_some_and(|entry| entry.at <= at), "nothing is begun any more: {first:?} {last:?}");
}
