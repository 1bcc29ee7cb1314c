//! Tables of what a desk wants done, with time as a number.

use super::*;
use crate::domain::decimal::Decimal;
use crate::domain::order::{
    ClosedBy, OrderEvent, OrderId, OrderKind, OrderRequest, Purpose, RejectReason, Side,
};
use crate::domain::symbol::{SymbolId, SymbolSpec, SymbolTable};
use crate::domain::time::Span;
use std::sync::Arc;

pub(super) const A: SymbolId = SymbolId(0);
pub(super) const LONG: PositionKey = PositionKey { symbol: A, is_long: true };

pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_nanos(1_790_000_000_000_000_000) + Span::from_millis(ms)
}

pub(super) fn table() -> Arc<SymbolTable> {
    let step = Decimal::new(1, 1).unwrap();
    let spec = SymbolSpec::new("A_USDT", step, Decimal::ONE, Decimal::new(1, 2).unwrap()).unwrap();
    Arc::new(SymbolTable::new(1, vec![spec]))
}

pub(super) fn tag() -> SessionTag {
    SessionTag::of("exec_1")
}

/// One lot at 100.0 is worth 1.
pub(super) const CAPS: Caps = Caps { account: Money::from_units(50), day: Money::from_units(80) };

fn order(id: u64, qty: i64, purpose: Purpose) -> Intent {
    let side = if purpose == Purpose::Entry { Side::Buy } else { Side::Sell };
    let order = OrderRequest {
        id: OrderId(id),
        instance: 3,
        symbol: A,
        side,
        kind: OrderKind::Market,
        qty: Qty(qty),
        purpose,
        leverage: 2,
        inside_bar: None,
    };
    Intent { order, at: at(0), reference: Some(Price(1_000)) }
}

pub(super) fn entry(id: u64, qty: i64) -> Intent {
    order(id, qty, Purpose::Entry)
}

pub(super) fn exit(id: u64, qty: i64) -> Intent {
    order(id, qty, Purpose::Exit)
}

pub(super) fn execution(trade_id: u64, id: u64, qty: i64, is_closing: bool) -> ExecutionFact {
    ExecutionFact {
        trade_id,
        venue: 1_000 + id,
        client: Some(tag().client_id(OrderId(id))),
        key: LONG,
        is_closing,
        price: Price(1_000),
        qty: Qty(qty),
        fee: Money::ZERO,
        liquidity: Liquidity::Taker,
        made_by: MadeBy::Order,
        at: at(0),
    }
}

pub(super) fn foreign(trade_id: u64, qty: i64, is_closing: bool) -> ExecutionFact {
    ExecutionFact { venue: 77, client: Some("_m_1".to_owned()), ..execution(trade_id, 0, qty, is_closing) }
}

pub(super) fn fact(id: u64, state: OrderFactState, filled: i64) -> OrderFact {
    OrderFact { venue: 1_000 + id, client: Some(tag().client_id(OrderId(id))), state, filled: Qty(filled) }
}

/// A desk that is served and has been compared with an empty account.
pub(super) fn desk() -> Desk {
    let mut desk = Desk::new(table(), tag(), CAPS);
    desk.on_lock(false, at(0));
    desk.on_connection(true, at(0));
    desk.tick(at(1));
    assert!(desk.take_acts().contains(&Act::AskReport));
    assert!(desk.blocked(at(1)).contains_key(&A), "not before it is compared");
    desk.on_report(Ok(&Report::default()), at(1), at(2));
    desk.on_stops(&[], at(1), at(2));
    assert!(desk.blocked(at(2)).is_empty());
    desk
}

pub(super) fn wanted(qty: i64, price: i64) -> [EnginePosition; 1] {
    [EnginePosition { key: LONG, qty: Qty(qty), price: Some(Price(price)) }]
}

pub(super) fn position(qty: i64) -> PositionFact {
    PositionFact { key: LONG, number: 9, qty: Qty(qty), margin: Decimal::new(12, 1), liquidation: None }
}

pub(super) fn stands(price: i64) -> StopFact {
    let price = Some(StopPrice::At(Price(price)));
    StopFact { id: 5, symbol: A, position: 9, price, made: None, is_over: false }
}

/// A report with so many lots of the position.
pub(super) fn held(qty: i64) -> Report {
    let positions = if qty == 0 { Vec::new() } else { vec![position(qty)] };
    Report { positions, orders: Vec::new() }
}

pub(super) fn alerts(acts: &[Act]) -> Vec<&'static str> {
    let kind = |act: &Act| match act {
        Act::Alert(alert) => Some(alert.kind),
        _ => None,
    };
    acts.iter().filter_map(kind).collect()
}

pub(super) fn sends(acts: &[Act]) -> Vec<u64> {
    let id = |act: &Act| match act {
        Act::Send { intent, .. } => Some(intent.order.id.0),
        _ => None,
    };
    acts.iter().filter_map(id).collect()
}

pub(super) fn answers(acts: &[Act]) -> Vec<OrderEvent> {
    let answer = |act: &Act| match act {
        Act::Answer(answer) => Some(*answer),
        _ => None,
    };
    acts.iter().filter_map(answer).collect()
}

/// A desk with a position of so many lots and its stop proven.
pub(super) fn holding(qty: i64) -> Desk {
    let mut desk = desk();
    desk.submit(entry(1, qty), at(10));
    desk.on_sent(OrderId(1), Placed::Accepted(1_001), at(20));
    desk.on_execution(execution(1, 1, qty, false), at(30));
    desk.on_order(&fact(1, OrderFactState::Ended, qty), at(31));
    desk.on_engine_positions(&wanted(10, 950), 0);
    desk.on_positions(&[position(qty)], at(31));
    desk.tick(at(50));
    desk.on_stops(&[stands(950)], at(60), at(70));
    desk.take_acts();
    desk
}

#[test]
fn an_order_is_sent_once_and_its_answers_are_told_once() {
    let mut desk = desk();
    desk.submit(entry(1, 10), at(10));
    desk.submit(entry(1, 10), at(11));
    assert_eq!(sends(&desk.take_acts()), [1]);
    // The end overtakes the executions, and everything comes twice.
    for ms in [20, 21] {
        desk.on_order(&fact(1, OrderFactState::Ended, 10), at(ms));
        desk.on_sent(OrderId(1), Placed::Accepted(1_001), at(ms));
        desk.on_execution(execution(8, 1, 6, false), at(ms));
    }
    let told = answers(&desk.take_acts());
    assert!(matches!(told[..], [OrderEvent::Acked(OrderId(1)), OrderEvent::Filled(_)]), "{told:?}");
    desk.on_execution(execution(7, 1, 4, false), at(30));
    desk.on_execution(execution(7, 1, 4, false), at(31));
    let told = answers(&desk.take_acts());
    assert!(
        matches!(told[..], [OrderEvent::Filled(_), OrderEvent::Done { order: OrderId(1), filled: Qty(10) }]),
        "the end comes after the last execution: {told:?}"
    );
}

#[test]
fn executions_that_an_end_counts_and_that_do_not_come_are_asked_for() {
    let mut desk = desk();
    desk.submit(entry(1, 10), at(10));
    desk.on_sent(OrderId(1), Placed::Accepted(1_001), at(20));
    desk.on_order(&fact(1, OrderFactState::Ended, 4), at(30));
    desk.take_acts();
    desk.tick(at(200));
    assert!(desk.take_acts().is_empty());
    desk.tick(at(400));
    assert_eq!(desk.take_acts(), [Act::Executions { order: OrderId(1), venue: 1_001 }]);
    let unnamed = ExecutionFact { client: None, ..execution(3, 1, 4, false) };
    desk.on_execution(unnamed, at(410));
    let told = answers(&desk.take_acts());
    assert!(matches!(told[..], [OrderEvent::Filled(_), OrderEvent::Done { filled: Qty(4), .. }]), "{told:?}");
}

#[test]
fn an_entry_of_unknown_fate_is_looked_up_and_never_sent_again() {
    let mut desk = desk();
    desk.submit(entry(1, 10), at(0));
    desk.take_acts();
    desk.on_sent(OrderId(1), Placed::Unknown("reset".to_owned()), at(100));
    assert!(desk.blocked(at(100)).contains_key(&A), "no entries of the symbol meanwhile");
    let mut looked = Vec::new();
    for second in 0..=40 {
        let now = at(100 + 1_000 * second);
        desk.tick(now);
        for act in desk.take_acts() {
            match act {
                Act::LookUp { order, .. } => {
                    looked.push(second);
                    desk.on_look_up(order, Ok(None), now);
                }
                Act::Send { .. } => panic!("sent again after {second} s"),
                Act::Answer(answer) => {
                    assert_eq!(
                        answer,
                        OrderEvent::Rejected { order: OrderId(1), reason: RejectReason::Venue }
                    );
                    looked.push(-1);
                }
                Act::AskReport => desk.on_report(Ok(&Report::default()), now, now),
                _ => {}
            }
        }
    }
    assert_eq!(looked, [1, 2, 5, 10, 20, -1], "never taken only after its window and ten seconds");
    assert!(desk.blocked(at(45_000)).is_empty());
}

#[test]
fn a_look_up_that_finds_it_is_its_acceptance() {
    let mut desk = desk();
    desk.submit(entry(1, 10), at(0));
    desk.on_sent(OrderId(1), Placed::Unknown("a page".to_owned()), at(100));
    // One that could not be answered says nothing.
    desk.on_look_up(OrderId(1), Err("reset".to_owned()), at(1_100));
    desk.take_acts();
    desk.on_look_up(OrderId(1), Ok(Some(fact(1, OrderFactState::Open, 0))), at(2_100));
    assert_eq!(answers(&desk.take_acts()), [OrderEvent::Acked(OrderId(1))]);
    assert!(desk.blocked(at(2_101)).is_empty());
}

#[test]
fn an_exit_is_sent_again_under_its_id_after_a_look_up_that_found_nothing() {
    let mut desk = holding(10);
    desk.submit(exit(2, 10), at(1_000));
    assert_eq!(sends(&desk.take_acts()), [2]);
    desk.on_sent(OrderId(2), Placed::Unknown("reset".to_owned()), at(1_100));
    desk.tick(at(1_900));
    assert!(sends(&desk.take_acts()).is_empty(), "not without a look-up");
    desk.tick(at(2_200));
    desk.on_look_up(OrderId(2), Ok(None), at(2_300));
    let acts = desk.take_acts();
    let client = tag().client_id(OrderId(2));
    assert!(acts.iter().any(|act| matches!(act, Act::Send { client: id, .. } if *id == client)), "{acts:?}");
    // The venue had it all along: it is the same order.
    desk.on_sent(OrderId(2), Placed::Duplicate, at(2_400));
    assert_eq!(answers(&desk.take_acts()), []);
    desk.tick(at(4_500));
    assert!(desk.take_acts().iter().any(|act| matches!(act, Act::LookUp { .. })));
}

#[test]
fn a_refusal_ends_an_order_and_a_late_one_ends_nothing() {
    let mut desk = desk();
    desk.submit(entry(1, 10), at(0));
    desk.on_sent(OrderId(1), Placed::Refused(2_005, "no money".to_owned()), at(10));
    let rejected = OrderEvent::Rejected { order: OrderId(1), reason: RejectReason::Venue };
    assert_eq!(answers(&desk.take_acts()), [rejected]);
    desk.submit(entry(2, 10), at(20));
    desk.on_execution(execution(1, 2, 3, false), at(30));
    desk.on_sent(OrderId(2), Placed::Refused(2_005, "no money".to_owned()), at(40));
    let told = answers(&desk.take_acts());
    assert!(!told.iter().any(|answer| matches!(answer, OrderEvent::Rejected { .. })), "{told:?}");
}

#[test]
fn entries_stay_within_the_caps_and_an_unknown_counts_as_filled() {
    let mut desk = desk();
    desk.submit(entry(1, 30), at(0));
    desk.on_sent(OrderId(1), Placed::Accepted(1_001), at(1));
    desk.set_other_sessions(Some(Money::from_units(10)));
    assert_eq!(desk.exposure(), Money::from_units(30));
    desk.take_acts();
    desk.submit(entry(2, 11), at(2));
    assert!(sends(&desk.take_acts()).is_empty(), "30 + 10 + 11 is more than 50");
    desk.submit(entry(3, 10), at(3));
    assert_eq!(sends(&desk.take_acts()), [3]);
    desk.set_other_sessions(None);
    desk.submit(entry(9, 1), at(3));
    assert!(sends(&desk.take_acts()).is_empty(), "what nobody knows may be everything");
    desk.set_other_sessions(Some(Money::ZERO));
    for (id, trade) in [(1, 1), (3, 2)] {
        let lots = if id == 1 { 30 } else { 10 };
        desk.on_execution(execution(trade, id, lots, false), at(4));
        desk.on_order(&fact(id, OrderFactState::Ended, lots), at(4));
    }
    desk.submit(exit(4, 40), at(5));
    desk.on_execution(execution(3, 4, 40, true), at(6));
    assert_eq!(desk.exposure(), Money::ZERO);
    desk.take_acts();
    desk.submit(entry(5, 41), at(7));
    assert!(sends(&desk.take_acts()).is_empty(), "40 of the day's 80 are used");
    let next_day = at(86_400_000);
    desk.submit(Intent { at: next_day, ..entry(6, 41) }, next_day);
    assert_eq!(sends(&desk.take_acts()), [6]);
}

#[test]
fn a_position_gets_a_stop_that_is_proven_and_follows_the_engine() {
    let mut desk = desk();
    desk.submit(entry(1, 10), at(0));
    desk.on_execution(execution(1, 1, 4, false), at(10));
    desk.take_acts();
    desk.tick(at(50));
    assert_eq!(
        desk.take_acts(),
        [Act::AskPositions],
        "its number; where it is to end, the engine has not said"
    );
    desk.on_engine_positions(&wanted(10, 950), 0);
    desk.on_positions(&[position(4)], at(110));
    desk.tick(at(150));
    let place = Act::PlaceStop { key: LONG, position: 9, qty: Qty(4), price: Price(950) };
    assert_eq!(desk.take_acts(), [place]);
    assert_eq!(desk.venue_positions().unwrap()[0].unprotected_since, Some(at(10)));
    desk.tick(at(410));
    assert_eq!(desk.take_acts(), [Act::AskStops]);
    desk.on_stops(&[stands(950)], at(410), at(420));
    let held = VenuePosition {
        key: LONG,
        entry: Price(1_000),
        told: Some((at(110), position(4))),
        stop: Some(Price(950)),
        unprotected_since: None,
    };
    assert_eq!(desk.venue_positions().unwrap(), [held]);
    desk.on_engine_positions(&wanted(4, 970), 0);
    desk.tick(at(2_000));
    assert_eq!(desk.take_acts(), [Act::MoveStop { key: LONG, id: 5, price: Price(970) }]);
    desk.on_engine_positions(&wanted(4, 980), 0);
    desk.tick(at(3_500));
    assert!(desk.take_acts().iter().all(|act| !matches!(act, Act::MoveStop { .. })), "one move at a time");
    assert_eq!(
        desk.venue_positions().unwrap()[0].stop,
        Some(Price(950)),
        "where it stands, not where it is to be"
    );
    desk.on_stop_moved(LONG, None);
    desk.tick(at(3_600));
    assert!(desk.take_acts().contains(&Act::AskStops), "where it is now, a list says");
    desk.on_stops(&[stands(970)], at(3_600), at(3_650));
    assert_eq!(desk.venue_positions().unwrap()[0].stop, Some(Price(970)));
    desk.tick(at(3_700));
    assert_eq!(
        desk.take_acts(),
        [Act::MoveStop { key: LONG, id: 5, price: Price(980) }],
        "to where it is wanted now"
    );
}

#[test]
fn a_position_whose_stop_cannot_be_had_is_closed() {
    let mut desk = desk();
    desk.submit(entry(1, 10), at(0));
    desk.on_execution(execution(1, 1, 10, false), at(10));
    desk.on_engine_positions(&wanted(10, 950), 0);
    desk.on_positions(&[position(10)], at(15));
    let mut tries = 0;
    for step in 0..200 {
        let now = at(20 + 50 * step);
        desk.tick(now);
        for act in desk.take_acts() {
            match act {
                Act::PlaceStop { .. } => tries += 1,
                Act::AskStops => desk.on_stops(&[], now, now + Span::from_millis(10)),
                Act::Close(symbol) => {
                    assert_eq!((symbol, tries), (A, 3));
                    assert!(
                        now - at(0) < Span::from_seconds(6),
                        "in {} ms",
                        (now - at(0)).nanos() / 1_000_000
                    );
                    assert!(desk.blocked(now).contains_key(&A));
                    return;
                }
                _ => {}
            }
        }
    }
    panic!("it was not closed");
}

#[test]
fn a_stop_is_cancelled_only_when_the_venue_shows_its_position_gone() {
    let mut desk = holding(10);
    let is_cancel = |act: &Act| matches!(act, Act::CancelStop { .. });
    desk.submit(exit(2, 10), at(1_000));
    desk.on_execution(execution(2, 2, 10, true), at(1_010));
    desk.on_order(&fact(2, OrderFactState::Ended, 10), at(1_020));
    desk.tick(at(1_100));
    let acts = desk.take_acts();
    assert!(acts.contains(&Act::AskPositions) && !acts.iter().any(is_cancel), "our books say so: {acts:?}");
    desk.on_positions(&[], at(1_000));
    desk.tick(at(1_150));
    assert!(!desk.take_acts().iter().any(is_cancel), "asked before it was closed");
    desk.on_positions(&[position(10)], at(1_160));
    desk.tick(at(1_200));
    assert!(!desk.take_acts().iter().any(is_cancel), "the venue still has it");
    desk.on_report(Ok(&Report::default()), at(1_300), at(1_310));
    desk.tick(at(1_400));
    let cancel = Act::CancelStop { id: 5 };
    assert!(desk.take_acts().contains(&cancel));
    assert!(!desk.is_flat(at(1_410)), "the stop is there");
    desk.on_stops(&[stands(950)], at(1_420), at(1_430));
    desk.tick(at(3_500));
    assert!(desk.take_acts().contains(&cancel), "again, it had no effect");
    desk.on_stops(&[], at(3_600), at(3_610));
    assert!(desk.is_flat(at(3_620)));
}

#[test]
fn what_closes_a_position_besides_us_is_booked_once_with_who_did() {
    let made = StopFact { id: 5, symbol: A, position: 9, price: None, made: Some(77), is_over: true };
    for (made_by, stop, by) in [
        (MadeBy::Order, Some(made), Some(ClosedBy::ResidentStop)),
        (MadeBy::Order, None, Some(ClosedBy::Manual)),
        (MadeBy::Deleveraging, None, Some(ClosedBy::Deleveraging)),
        (MadeBy::Liquidation, None, None),
    ] {
        let mut desk = holding(10);
        let execution = ExecutionFact { made_by, ..foreign(50, 10, true) };
        desk.on_execution(execution.clone(), at(1_000));
        stop.iter().for_each(|fact| desk.on_stop(fact, at(1_050)));
        desk.tick(at(2_100));
        desk.on_execution(execution, at(2_200));
        desk.tick(at(4_000));
        let told = answers(&desk.take_acts());
        match (told[..].first(), by) {
            (Some(OrderEvent::Closed { fill, instance: 3, by: who }), Some(by)) => {
                assert_eq!((fill.qty, *who), (Qty(10), by));
            }
            (Some(OrderEvent::Liquidated { fill, instance: 3, level: None }), None) => {
                assert_eq!(fill.qty, Qty(10))
            }
            other => panic!("{made_by:?}: {other:?}"),
        }
        assert_eq!(told.len(), 1, "{told:?}");
    }
}

#[test]
fn what_others_open_is_told_and_left_alone() {
    let mut desk = desk();
    desk.on_execution(foreign(50, 3, false), at(100));
    let acts = desk.take_acts();
    assert!(matches!(&acts[..], [Act::Alert(alert)] if alert.kind == "foreign_trade"), "{acts:?}");
    desk.submit(entry(1, 1), at(200));
    assert!(sends(&desk.take_acts()).is_empty(), "nothing is begun there");
}

#[test]
fn a_difference_acts_only_when_it_is_seen_twice() {
    let mut desk = holding(10);
    desk.on_report(Ok(&held(25)), at(1_000), at(1_050));
    let acts = desk.take_acts();
    assert!(matches!(acts[..], [Act::ExecutionsSince { symbol: A, .. }]), "{acts:?}");
    assert!(desk.blocked(at(1_100)).is_empty());
    // Without the executions nothing is proven: they are asked for again.
    desk.on_executions_of_symbol(A, false, at(1_900));
    desk.on_report(Ok(&held(25)), at(2_000), at(2_050));
    assert!(desk.take_acts().is_empty(), "not at once");
    desk.on_report(Ok(&held(25)), at(3_000), at(3_050));
    let acts = desk.take_acts();
    assert!(matches!(acts[..], [Act::ExecutionsSince { symbol: A, .. }]), "{acts:?}");
    desk.on_executions_of_symbol(A, true, at(3_100));
    desk.on_report(Ok(&held(25)), at(4_000), at(4_050));
    assert_eq!(alerts(&desk.take_acts()), ["foreign_position"]);
    assert!(desk.blocked(at(4_100)).contains_key(&A));
    // A report from before the last execution proves nothing.
    let mut desk = holding(10);
    desk.on_execution(foreign(60, 10, true), at(5_000));
    desk.tick(at(6_100));
    desk.take_acts();
    desk.on_report(Ok(&held(10)), at(6_050), at(6_200));
    assert!(desk.take_acts().is_empty());
}

#[test]
fn open_orders_of_ours_that_nobody_knows_are_cancelled_and_others_told() {
    let mut desk = desk();
    let left_over = SessionTag::of("another").client_id(OrderId(4));
    let made = StopFact { made: Some(7), is_over: true, ..stands(950) };
    desk.on_stop(&made, at(900));
    let orders = vec![
        (Some(left_over.clone()), 5, A),
        (Some("_m_2".to_owned()), 6, A),
        (Some("stoporder_5_1".to_owned()), 7, A),
    ];
    let report = Report { positions: Vec::new(), orders };
    desk.on_report(Ok(&report), at(1_000), at(1_010));
    assert_eq!(
        desk.take_acts(),
        [Act::Cancel { symbol: A, client: left_over }],
        "a stop that fires is gone soon"
    );
    desk.on_report(Ok(&report), at(2_000), at(2_010));
    assert_eq!(alerts(&desk.take_acts()), ["foreign_order"], "of the one that no stop of ours made");
}

#[test]
fn after_a_restart_orders_without_an_end_are_looked_up_first() {
    let mut desk = Desk::new(table(), tag(), CAPS);
    let fill = {
        let mut before = holding(10);
        before.submit(exit(2, 10), at(100));
        before.on_execution(execution(2, 2, 4, true), at(110));
        answers(&before.take_acts())
    };
    let first = [
        OrderEvent::Acked(OrderId(1)),
        OrderEvent::Filled(crate::domain::order::Fill {
            order: OrderId(1),
            symbol: A,
            side: Side::Buy,
            price: Price(1_000),
            qty: Qty(10),
            cumulative: Qty(10),
            trade_id: 1,
            fee: Money::ZERO,
            liquidity: Liquidity::Taker,
            at: at(0),
        }),
        OrderEvent::Done { order: OrderId(1), filled: Qty(10) },
    ];
    let all: Vec<OrderEvent> = first.into_iter().chain(fill).collect();
    desk.resume(&[entry(1, 10), exit(2, 10)], &all, at(60_000));
    assert_eq!(desk.exposure(), Money::from_units(6), "10 opened and 4 closed");
    desk.tick(at(60_001));
    let acts = desk.take_acts();
    assert!(acts.iter().any(|act| matches!(act, Act::LookUp { order: OrderId(2), .. })), "{acts:?}");
    assert!(sends(&acts).is_empty(), "nothing is sent before it is looked up");
    desk.on_execution(execution(2, 2, 4, true), at(60_100));
    assert_eq!(answers(&desk.take_acts()), [], "an execution of before counts once");
}

#[test]
fn five_orders_that_come_to_nothing_stop_entries_for_a_minute_and_no_exit() {
    let mut desk = holding(10);
    for id in 2..7 {
        desk.submit(exit(id, 1), at(100));
        desk.on_sent(OrderId(id), Placed::NotSent("no turn".to_owned()), at(100));
    }
    desk.take_acts();
    assert!(desk.blocked(at(200)).contains_key(&A));
    desk.submit(exit(9, 1), at(200));
    assert_eq!(sends(&desk.take_acts()), [9]);
    assert!(desk.blocked(at(61_000)).is_empty());
}

#[test]
fn flat_is_what_a_later_report_proves() {
    let mut desk = holding(10);
    desk.submit(exit(2, 10), at(1_000));
    desk.on_execution(execution(2, 2, 10, true), at(1_010));
    assert!(!desk.is_flat(at(1_020)), "the order has not ended");
    desk.on_order(&fact(2, OrderFactState::Ended, 10), at(1_030));
    assert!(!desk.is_flat(at(1_040)), "nobody has asked the venue");
    desk.on_report(Ok(&Report::default()), at(1_100), at(1_150));
    assert!(!desk.is_flat(at(1_160)), "nobody has asked for its stops");
    desk.on_stops(&[], at(1_170), at(1_180));
    assert!(desk.is_flat(at(1_200)));
}

#[test]
fn a_lock_closes_everything_and_lets_nothing_begin() {
    let mut desk = holding(10);
    desk.submit(entry(7, 1), at(900));
    desk.on_sent(OrderId(7), Placed::Accepted(1_007), at(910));
    desk.take_acts();
    desk.on_lock(true, at(990));
    desk.tick(at(1_000));
    let acts = desk.take_acts();
    assert!(acts.contains(&Act::Close(A)) && acts.contains(&Act::Pause), "{acts:?}");
    let client = tag().client_id(OrderId(7));
    assert!(acts.contains(&Act::Cancel { symbol: A, client }), "what works is withdrawn: {acts:?}");
    desk.submit(entry(2, 1), at(1_100));
    desk.submit(exit(3, 10), at(1_100));
    assert_eq!(sends(&desk.take_acts()), [3]);
    desk.tick(at(2_000));
    assert!(!desk.take_acts().contains(&Act::Close(A)), "once in five seconds");
    desk.on_lock(false, at(2_900));
    assert!(desk.blocked(at(3_000)).is_empty());
}
