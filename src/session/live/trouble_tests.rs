//! What several failures together must not do: tables of what a desk wants done.

use super::tests::*;
use super::*;
use crate::domain::order::{ClosedBy, OrderEvent, OrderId};
use crate::limits::UNDECIDED_EXECUTIONS;

pub(super) fn is_cancel(act: &Act) -> bool {
    matches!(act, Act::Cancel { .. })
}

/// Numbers of the orders that were sent and the engine does not know.
pub(super) fn surplus(acts: &[Act]) -> Vec<(u64, i64)> {
    let sent = acts.iter().filter_map(|act| match act {
        Act::Send { intent, .. } if intent.order.id.0 >= 1 << 63 => {
            Some((intent.order.id.0, intent.order.qty.0))
        }
        _ => None,
    });
    sent.collect()
}

#[test]
fn a_cancel_without_effect_is_asked_for_again() {
    let mut desk = desk();
    desk.submit(entry(1, 10), at(0));
    desk.on_sent(OrderId(1), Placed::Accepted(1_001), at(20));
    desk.cancel(OrderId(1), at(100));
    desk.cancel(OrderId(1), at(110));
    assert_eq!(desk.take_acts().iter().filter(|act| is_cancel(act)).count(), 1);
    for (ms, is_due) in [(1_900, false), (2_100, true), (2_150, false), (4_100, true)] {
        desk.tick(at(ms));
        assert_eq!(desk.take_acts().iter().any(is_cancel), is_due, "{ms}");
    }
    desk.on_order(&fact(1, OrderFactState::Ended, 0), at(4_200));
    desk.tick(at(9_000));
    assert!(!desk.take_acts().iter().any(is_cancel));
}

#[test]
fn a_second_attempt_that_is_refused_says_nothing_of_the_first() {
    let mut desk = holding(10);
    desk.submit(exit(2, 10), at(1_000));
    desk.on_sent(OrderId(2), Placed::Unknown("reset".to_owned()), at(1_100));
    desk.on_look_up(OrderId(2), Ok(None), at(2_200));
    assert_eq!(sends(&desk.take_acts()), [2, 2]);
    desk.on_sent(OrderId(2), Placed::Refused(2_009, "nothing to close".to_owned()), at(2_300));
    assert_eq!(answers(&desk.take_acts()), [], "the first may have closed it");
    desk.on_look_up(OrderId(2), Ok(None), at(3_400));
    assert!(sends(&desk.take_acts()).is_empty(), "a third would be refused like the second");
    // It had: its execution comes late.
    desk.on_execution(execution(2, 2, 10, true), at(9_000));
    desk.on_order(&fact(2, OrderFactState::Ended, 10), at(9_010));
    let told = answers(&desk.take_acts());
    assert!(
        matches!(told[..], [OrderEvent::Acked(_), OrderEvent::Filled(_), OrderEvent::Done { .. }]),
        "{told:?}"
    );
}

#[test]
fn what_never_arrived_is_refused_once_it_cannot_arrive_any_more() {
    let mut desk = holding(10);
    desk.submit(exit(2, 10), at(1_000));
    desk.on_sent(OrderId(2), Placed::Unknown("reset".to_owned()), at(1_100));
    desk.on_look_up(OrderId(2), Ok(None), at(2_200));
    desk.on_sent(OrderId(2), Placed::Refused(2_009, "no".to_owned()), at(2_300));
    desk.on_look_up(OrderId(2), Ok(None), at(20_900));
    assert_eq!(answers(&desk.take_acts()), []);
    desk.on_look_up(OrderId(2), Ok(None), at(21_000));
    assert!(matches!(answers(&desk.take_acts())[..], [OrderEvent::Rejected { order: OrderId(2), .. }]));
}

#[test]
fn an_exit_is_sent_again_beside_what_is_not_ours_unless_it_could_close_that() {
    // A foreign trade on the symbol holds no exit back.
    let mut desk = holding(10);
    desk.on_execution(foreign(50, 3, false), at(900));
    desk.submit(exit(2, 10), at(1_000));
    desk.on_sent(OrderId(2), Placed::Unknown("reset".to_owned()), at(1_100));
    desk.on_look_up(OrderId(2), Ok(None), at(2_200));
    assert_eq!(sends(&desk.take_acts()), [2, 2]);
    // More than ours on the same side: it could close it twice.
    let mut desk = holding(10);
    desk.on_report(Ok(&held(25)), at(900), at(950));
    desk.submit(exit(2, 10), at(1_000));
    desk.on_sent(OrderId(2), Placed::Unknown("reset".to_owned()), at(1_100));
    desk.on_look_up(OrderId(2), Ok(None), at(2_200));
    assert_eq!(sends(&desk.take_acts()), [2], "not before it cannot arrive any more");
    desk.on_look_up(OrderId(2), Ok(None), at(21_100));
    assert!(
        matches!(answers(&desk.take_acts())[..], [OrderEvent::Rejected { .. }]),
        "the engine tries again"
    );
}

#[test]
fn what_the_venue_holds_and_the_engine_lacks_is_closed() {
    let mut desk = desk();
    desk.submit(entry(1, 10), at(0));
    desk.on_sent(OrderId(1), Placed::Refused(2_005, "no money".to_owned()), at(10));
    assert_eq!(answers(&desk.take_acts()).len(), 1);
    // It was taken all the same.
    desk.on_execution(execution(1, 1, 10, false), at(5_000));
    assert_eq!(answers(&desk.take_acts()).len(), 1, "the execution is told, and fits no order of the engine");
    desk.on_report(Ok(&held(10)), at(5_100), at(5_110));
    desk.on_engine_positions(&[], 1);
    desk.tick(at(5_200));
    desk.tick(at(6_500));
    assert_eq!(surplus(&desk.take_acts()), [], "the engine has not seen the execution yet");
    desk.on_engine_positions(&[], 2);
    desk.tick(at(7_000));
    assert_eq!(surplus(&desk.take_acts()), []);
    desk.tick(at(8_000));
    let sent = surplus(&desk.take_acts());
    let [(number, 10)] = sent[..] else { panic!("{sent:?}") };
    desk.tick(at(9_500));
    assert_eq!(surplus(&desk.take_acts()), [], "once");
    let order = OrderId(number);
    let closed =
        ExecutionFact { client: Some(tag().client_id(order)), venue: 99, ..execution(7, 0, 10, true) };
    desk.on_execution(closed.clone(), at(9_600));
    desk.on_execution(closed, at(9_700));
    assert_eq!(answers(&desk.take_acts()), [], "no order of the engine");
    assert_eq!(desk.exposure(), Money::ZERO);
    let over = OrderFact { venue: 99, client: None, state: OrderFactState::Ended, filled: Qty(10) };
    desk.on_order(&over, at(9_800));
    desk.on_report(Ok(&Report::default()), at(10_000), at(10_010));
    desk.on_stops(&[], at(10_000), at(10_010));
    assert!(desk.is_flat(at(10_020)));
}

#[test]
fn what_the_engine_has_is_no_surplus() {
    let mut desk = holding(10);
    desk.on_report(Ok(&held(10)), at(100), at(110));
    desk.on_engine_positions(&wanted(10, 950), 3);
    for ms in [200, 2_000, 9_000] {
        desk.tick(at(ms));
        assert_eq!(surplus(&desk.take_acts()), []);
    }
}

#[test]
fn more_closes_by_others_than_are_kept_undecided_are_booked_as_closed_by_hand() {
    let mut desk = holding(30);
    let kept = UNDECIDED_EXECUTIONS as u64;
    // All at one moment: nobody has said yet whether a stop of ours made them.
    (100..=100 + kept).for_each(|trade| desk.on_execution(foreign(trade, 1, true), at(1_000)));
    let told = answers(&desk.take_acts());
    let [OrderEvent::Closed { fill, by: ClosedBy::Manual, .. }] = told[..] else { panic!("{told:?}") };
    assert_eq!((fill.trade_id, fill.qty), (100, Qty(1)), "the oldest");
}

/// A desk after a restart, with the position of one order before.
pub(super) fn resumed(now: Timestamp) -> Desk {
    resumed_with(&[entry(1, 10)], now)
}

/// The same, with these intents in the journal.
fn resumed_with(intents: &[Intent], now: Timestamp) -> Desk {
    let mut before = desk();
    before.submit(entry(1, 10), at(10));
    before.on_execution(execution(1, 1, 10, false), at(30));
    before.on_order(&fact(1, OrderFactState::Ended, 10), at(31));
    let told = answers(&before.take_acts());
    let mut desk = Desk::new(table(), tag(), CAPS);
    desk.resume(intents, &told, now);
    desk.on_connection(true, now);
    desk.tick(now);
    desk
}

#[test]
fn a_stop_from_before_a_restart_stands_until_it_is_cancelled() {
    // The process before sent an exit; what came of it is heard first of all.
    let mut desk = resumed_with(&[entry(1, 10), exit(2, 10)], at(60_000));
    desk.on_execution(execution(2, 2, 10, true), at(60_200));
    desk.on_order(&fact(2, OrderFactState::Ended, 10), at(60_201));
    // Listed before anybody told the number of the position that it was placed for.
    desk.on_stops(&[stands(950)], at(60_210), at(60_220));
    desk.tick(at(60_230));
    desk.on_report(Ok(&Report::default()), at(60_240), at(60_250));
    assert!(!desk.is_flat(at(60_260)), "its stop stands");
    desk.on_stops(&[stands(950)], at(61_300), at(61_310));
    desk.on_positions(&[], at(61_400));
    desk.tick(at(61_500));
    assert!(desk.take_acts().contains(&Act::CancelStop { id: 5 }));
    desk.on_stops(&[], at(61_600), at(61_610));
    assert!(desk.is_flat(at(61_620)));
}

#[test]
fn a_close_while_nobody_was_there_is_booked_however_long_ago() {
    let (hour, later) = (3_600_000_i64, |ms: i64| at(3_600_000 + ms));
    let mut desk = resumed(at(hour));
    desk.take_acts();
    desk.on_report(Ok(&Report::default()), later(10), later(20));
    let asked = desk.take_acts();
    let [Act::ExecutionsSince { symbol: A, since }] = asked[..] else { panic!("{asked:?}") };
    assert!(since <= at(0), "since the position began: {since:?}");
    // Its own executions come again, then those of who closed it.
    desk.on_execution(execution(1, 1, 10, false), later(100));
    desk.on_execution(foreign(50, 10, true), later(100));
    desk.on_executions_of_symbol(A, true, later(110));
    desk.on_report(Ok(&Report::default()), later(900), later(950));
    desk.tick(later(1_200));
    let told = answers(&desk.take_acts());
    assert!(matches!(told[..], [OrderEvent::Closed { by: ClosedBy::Manual, .. }]), "{told:?}");
    desk.on_report(Ok(&Report::default()), later(2_300), later(2_310));
    desk.on_stops(&[], later(2_300), later(2_310));
    assert!(desk.is_flat(later(2_320)));
}

#[test]
fn a_close_that_no_execution_explains_is_booked_at_the_stop() {
    let mut desk = holding(10);
    desk.on_report(Ok(&held(4)), at(1_000), at(1_010));
    desk.on_executions_of_symbol(A, true, at(1_100));
    for second in 2..=20 {
        desk.on_report(Ok(&held(4)), at(1_000 * second), at(1_000 * second + 10));
    }
    assert_eq!(answers(&desk.take_acts()), [], "a list may lag");
    desk.on_report(Ok(&held(4)), at(21_000), at(21_010));
    let acts = desk.take_acts();
    let told = answers(&acts);
    let [OrderEvent::Closed { fill, .. }] = told[..] else { panic!("{told:?}") };
    assert_eq!((fill.qty, fill.price), (Qty(6), Price(950)));
    assert_eq!(alerts(&acts), ["closed_by_others", "foreign_position"]);
    desk.on_report(Ok(&held(4)), at(22_000), at(22_010));
    assert_eq!(answers(&desk.take_acts()), [], "once");
}

#[test]
fn a_close_that_no_execution_explains_is_never_booked_between_two_ticks() {
    let mut desk = holding(10);
    // Somebody moves the stop, and the position is gone before it is moved back.
    desk.on_stop(&StopFact { price: Some(StopPrice::BetweenTicks), ..stands(950) }, at(900));
    desk.on_report(Ok(&Report::default()), at(1_000), at(1_010));
    desk.on_executions_of_symbol(A, true, at(1_100));
    for second in 2..=21 {
        desk.on_report(Ok(&Report::default()), at(1_000 * second), at(1_000 * second + 10));
    }
    let told = answers(&desk.take_acts());
    let [OrderEvent::Closed { fill, .. }] = told[..] else { panic!("{told:?}") };
    assert_eq!((fill.qty, fill.price), (Qty(10), Price(950)), "where the engine wants it");
}

#[test]
fn a_close_that_may_be_an_order_of_ours_is_not_booked_as_somebody_elses() {
    let mut desk = holding(10);
    desk.submit(exit(2, 10), at(500));
    desk.on_sent(OrderId(2), Placed::Unknown("reset".to_owned()), at(600));
    desk.on_report(Ok(&Report::default()), at(1_000), at(1_010));
    desk.on_executions_of_symbol(A, true, at(1_100));
    for second in 2..=30 {
        desk.on_report(Ok(&Report::default()), at(1_000 * second), at(1_000 * second + 10));
    }
    assert_eq!(answers(&desk.take_acts()), []);
}

#[test]
fn whose_order_it_is_is_asked_until_somebody_says() {
    let mut desk = desk();
    let unnamed = ExecutionFact { client: None, ..foreign(50, 3, false) };
    desk.on_execution(unnamed, at(100));
    let identify = Act::Identify { venue: 77 };
    assert_eq!(desk.take_acts(), std::slice::from_ref(&identify));
    desk.tick(at(3_000));
    assert!(!desk.take_acts().contains(&identify), "an answer is awaited");
    desk.on_not_identified(77, at(3_100));
    desk.tick(at(3_500));
    assert!(!desk.take_acts().contains(&identify));
    desk.tick(at(4_100));
    assert!(desk.take_acts().contains(&identify));
    desk.on_identified(77, Some("_m_1"), at(4_200));
    assert_eq!(alerts(&desk.take_acts()), ["foreign_trade"]);
}

#[test]
fn a_position_without_a_stop_that_somebody_wants_is_closed() {
    let mut desk = desk();
    desk.submit(entry(1, 10), at(0));
    desk.on_execution(execution(1, 1, 10, false), at(10));
    desk.on_positions(&[position(10)], at(15));
    for ms in [100, 2_000, 5_100] {
        desk.tick(at(ms));
        assert!(!desk.take_acts().contains(&Act::Close(A)), "nobody has looked whether there is one");
    }
    desk.on_stops(&[], at(5_200), at(5_210));
    desk.tick(at(5_300));
    let acts = desk.take_acts();
    assert!(acts.contains(&Act::Close(A)), "{acts:?}");
    assert_eq!(alerts(&acts), ["unprotected"]);
    assert!(desk.blocked(at(5_400)).contains_key(&A));
    assert_eq!(desk.venue_positions().unwrap()[0].unprotected_since, Some(at(10)));
}

#[test]
fn after_a_restart_no_second_stop_is_placed() {
    let mut desk = resumed(at(60_000));
    desk.on_engine_positions(&wanted(10, 950), 0);
    desk.on_positions(&[position(10)], at(60_010));
    desk.take_acts();
    let places = |desk: &mut Desk, ms| {
        desk.tick(at(ms));
        desk.take_acts().iter().any(|act| matches!(act, Act::PlaceStop { .. }))
    };
    assert!(!places(&mut desk, 60_100), "nobody has listed those that stand");
    desk.on_stops(&[stands(950)], at(60_100), at(60_150));
    assert!(!places(&mut desk, 60_200));
    assert_eq!(desk.protection.at_venue(LONG, Price(0)).stop, Some(Price(950)));
}

#[test]
fn a_stop_that_nobody_knows_is_no_flat_end() {
    let mut desk = desk();
    desk.on_report(Ok(&Report::default()), at(100), at(110));
    desk.on_stops(&[stands(950)], at(100), at(110));
    assert!(!desk.is_flat(at(120)));
    desk.tick(at(200));
    assert!(desk.take_acts().contains(&Act::AskPositions), "whether it has a position");
    desk.on_positions(&[], at(210));
    desk.tick(at(250));
    assert!(desk.take_acts().contains(&Act::CancelStop { id: 5 }));
    desk.on_stops(&[], at(300), at(310));
    assert!(desk.is_flat(at(320)));
    // That of somebody else's position is left alone.
    desk.on_stops(&[stands(950)], at(400), at(410));
    desk.on_positions(&[position(3)], at(420));
    desk.tick(at(500));
    assert!(desk.take_acts().iter().all(|act| !matches!(act, Act::CancelStop { .. })));
}

#[test]
fn a_working_entry_is_not_protected() {
    let mut desk = desk();
    assert!(desk.is_protected());
    desk.submit(entry(1, 10), at(0));
    desk.on_sent(OrderId(1), Placed::Accepted(1_001), at(10));
    assert!(!desk.is_protected(), "nobody would protect what it fills");
    desk.take_acts();
    desk.withdraw(at(20));
    assert!(desk.take_acts().iter().any(is_cancel));
    desk.on_order(&fact(1, OrderFactState::Ended, 0), at(30));
    assert!(desk.is_protected());
}

#[test]
fn what_the_configuration_does_not_allow_any_more_is_not_begun() {
    let mut desk = holding(10);
    desk.allow(CAPS, [A].into());
    desk.submit(entry(2, 1), at(100));
    desk.submit(exit(3, 10), at(100));
    assert_eq!(sends(&desk.take_acts()), [3]);
    desk.allow(Caps { account: Money::from_units(10), ..CAPS }, Default::default());
    desk.submit(entry(4, 1), at(200));
    assert!(sends(&desk.take_acts()).is_empty(), "the cap of today");
    desk.allow(CAPS, Default::default());
    desk.submit(entry(5, 1), at(300));
    assert_eq!(sends(&desk.take_acts()), [5]);
}
