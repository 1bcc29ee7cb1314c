//! What late, stale and missing answers must not do: tables of what a desk wants done.

use super::tests::*;
use super::trouble_tests::*;
use super::*;
use crate::domain::order::{OrderEvent, OrderId};

/// Reports once a second from one second to another.
fn reports(desk: &mut Desk, report: &Report, seconds: std::ops::RangeInclusive<i64>) {
    for second in seconds {
        desk.on_report(Ok(report), at(1_000 * second), at(1_000 * second + 10));
        desk.on_executions_of_symbol(A, true, at(1_000 * second + 20));
    }
}

#[test]
fn a_list_that_lags_closes_nothing() {
    let mut desk = holding(10);
    reports(&mut desk, &Report::default(), 1..=20);
    assert_eq!(answers(&desk.take_acts()), []);
    assert!(desk.blocked(at(20_500)).contains_key(&A), "nothing is begun meanwhile");
    reports(&mut desk, &held(10), 21..=22);
    assert_eq!((answers(&desk.take_acts()), desk.exposure()), (vec![], Money::from_units(10)));
}

#[test]
fn what_was_taken_for_closed_and_shows_again_is_taken_back_and_closed() {
    let mut desk = holding(10);
    reports(&mut desk, &Report::default(), 1..=22);
    let told = desk.surplus.told;
    assert!(matches!(answers(&desk.take_acts())[..], [OrderEvent::Closed { .. }]));
    desk.on_stops(&[], at(22_100), at(22_110));
    desk.on_engine_positions(&[], told);
    reports(&mut desk, &held(10), 23..=24);
    assert!(!desk.is_flat(at(24_500)));
    desk.tick(at(24_500));
    assert!(alerts(&desk.take_acts()).contains(&"position_taken_back"));
    assert_eq!(desk.exposure(), Money::from_units(10));
    reports(&mut desk, &held(10), 25..=26);
    desk.tick(at(26_100));
    assert!(matches!(surplus(&desk.take_acts())[..], [(_, 10)]));
    // What somebody else opened there is not taken back.
    let mut desk = holding(10);
    reports(&mut desk, &Report::default(), 1..=22);
    desk.on_execution(foreign(60, 10, false), at(22_500));
    reports(&mut desk, &held(10), 23..=26);
    assert_eq!(desk.exposure(), Money::ZERO);
}

#[test]
fn executions_of_before_close_nothing_and_keep_nothing_from_being_begun() {
    let mut desk = holding(10);
    let before = at(-5_000);
    desk.on_execution(ExecutionFact { at: before, ..foreign(50, 10, true) }, at(1_000));
    desk.tick(at(3_000));
    assert_eq!((answers(&desk.take_acts()), desk.exposure()), (vec![], Money::from_units(10)));
    assert!(!desk.blocked(at(3_000)).contains_key(&A));
    let mut desk = resumed(at(60_000));
    desk.take_acts();
    desk.on_execution(ExecutionFact { at: before, ..foreign(51, 3, false) }, at(60_100));
    assert_eq!(alerts(&desk.take_acts()), [""; 0], "from before the session");
}

#[test]
fn no_exit_leaves_before_its_position_was_compared() {
    let mut desk = resumed(at(60_000));
    desk.take_acts();
    desk.submit(exit(2, 10), at(60_010));
    desk.tick(at(60_100));
    assert!(sends(&desk.take_acts()).is_empty());
    desk.on_report(Ok(&held(10)), at(60_110), at(60_150));
    desk.tick(at(60_200));
    assert_eq!(sends(&desk.take_acts()), [2]);
    // Where none shows it, the exit is given back.
    let mut desk = resumed(at(60_000));
    desk.take_acts();
    desk.submit(exit(2, 10), at(60_010));
    desk.on_report(Ok(&Report::default()), at(60_110), at(60_150));
    desk.tick(at(65_010));
    let acts = desk.take_acts();
    assert!(matches!(answers(&acts)[..], [OrderEvent::Rejected { order: OrderId(2), .. }]), "{acts:?}");
    assert!(alerts(&acts).contains(&"exit_not_sent") && sends(&acts).is_empty());
}

#[test]
fn no_exit_is_sent_again_before_this_connection_was_compared() {
    let mut desk = holding(10);
    desk.submit(exit(2, 10), at(1_000));
    desk.on_sent(OrderId(2), Placed::Unknown("reset".to_owned()), at(1_100));
    desk.on_connection(false, at(1_200));
    desk.on_connection(true, at(1_300));
    desk.take_acts();
    desk.on_look_up(OrderId(2), Ok(None), at(2_200));
    assert!(sends(&desk.take_acts()).is_empty());
    // Less than it closes: the first has arrived, or somebody closed it.
    desk.on_report(Ok(&held(4)), at(2_300), at(2_350));
    desk.on_look_up(OrderId(2), Ok(None), at(3_200));
    assert!(sends(&desk.take_acts()).is_empty());
    desk.on_report(Ok(&held(10)), at(3_300), at(3_350));
    desk.on_look_up(OrderId(2), Ok(None), at(5_200));
    assert_eq!(sends(&desk.take_acts()), [2]);
}

#[test]
fn an_order_that_the_venue_does_not_know_yet_is_not_somebody_elses() {
    let mut desk = desk();
    desk.submit(entry(1, 10), at(0));
    desk.take_acts();
    desk.on_execution(ExecutionFact { client: None, ..execution(1, 1, 10, false) }, at(10));
    desk.on_no_such_order(1_001, at(30));
    assert_eq!(alerts(&desk.take_acts()), [""; 0]);
    desk.on_no_such_order(1_001, at(30_000));
    assert_eq!(alerts(&desk.take_acts()), [""; 0], "the order that was sent may be it");
    desk.on_sent(OrderId(1), Placed::Accepted(1_001), at(30_100));
    assert!(answers(&desk.take_acts()).iter().any(|answer| matches!(answer, OrderEvent::Filled(_))));
    // Where none of ours can be it, it is, once it would have to be known.
    desk.on_order(&fact(1, OrderFactState::Ended, 10), at(30_200));
    desk.on_execution(ExecutionFact { client: None, ..foreign(50, 3, false) }, at(31_000));
    desk.on_no_such_order(77, at(31_100));
    desk.on_no_such_order(77, at(50_900));
    assert_eq!(alerts(&desk.take_acts()), [""; 0]);
    desk.on_no_such_order(77, at(51_000));
    assert_eq!(alerts(&desk.take_acts()), ["foreign_trade"]);
}

#[test]
fn no_stop_is_placed_where_one_may_stand() {
    let places = |desk: &mut Desk, ms| {
        desk.tick(at(ms));
        desk.take_acts().iter().any(|act| matches!(act, Act::PlaceStop { .. }))
    };
    let mut desk = resumed(at(60_000));
    desk.on_engine_positions(&wanted(10, 950), 0);
    desk.on_stops(&[], at(60_050), at(60_060));
    desk.on_positions(&[position(10)], at(60_100));
    assert!(!places(&mut desk, 60_150), "the list was asked for before the number was known");
    desk.on_stops(&[], at(60_200), at(60_210));
    assert!(places(&mut desk, 60_250));
    // A refusal does not say that none stands.
    desk.on_stop_refused(LONG, "no", at(60_300));
    desk.on_positions(&[position(10)], at(60_350));
    assert!(!places(&mut desk, 60_400));
    desk.on_stops(&[stands(950)], at(60_450), at(60_460));
    assert!(!places(&mut desk, 60_500));
    assert_eq!(desk.protection.at_venue(LONG, Price(0)).stop, Some(Price(950)));
}

#[test]
fn a_surplus_is_closed_only_when_a_report_after_it_shows_it() {
    let mut desk = holding(10);
    desk.on_report(Ok(&held(10)), at(100), at(110));
    desk.on_engine_positions(&[], 3);
    desk.submit(exit(2, 4), at(500));
    desk.tick(at(600));
    desk.tick(at(2_000));
    assert_eq!(surplus(&desk.take_acts()), [], "the report is older than what changed");
    desk.on_report(Ok(&held(10)), at(2_100), at(2_110));
    desk.tick(at(2_200));
    assert!(matches!(surplus(&desk.take_acts())[..], [(_, 10)]));
}

#[test]
fn an_entry_that_was_decided_long_ago_does_not_leave() {
    let mut desk = desk();
    desk.submit(entry(1, 1), at(5_001));
    let acts = desk.take_acts();
    assert!(sends(&acts).is_empty() && matches!(answers(&acts)[..], [OrderEvent::Rejected { .. }]));
    desk.submit(entry(2, 1), at(5_000));
    assert_eq!(sends(&desk.take_acts()), [2]);
    desk.on_lock_unknown();
    assert!(desk.blocked(at(5_100)).contains_key(&A), "whether it is locked nobody knows");
    desk.on_lock(false, at(5_200));
    assert!(desk.blocked(at(5_300)).is_empty());
}

#[test]
fn what_comes_to_nothing_again_and_again_is_tried_ever_later_and_told_once() {
    let mut desk = holding(10);
    desk.submit(exit(2, 10), at(1_000));
    let (mut tried, mut told) = (Vec::new(), 0);
    for step in 20..2_400 {
        let now = at(50 * step);
        desk.tick(now);
        for act in desk.take_acts() {
            match act {
                Act::Send { intent, .. } if intent.order.id == OrderId(2) => {
                    tried.push(step / 20);
                    desk.on_sent(OrderId(2), Placed::Unknown("reset".to_owned()), now);
                }
                Act::LookUp { order, .. } => desk.on_look_up(order, Ok(None), now),
                Act::Alert(alert) => told += i32::from(alert.kind == "order_unknown"),
                _ => {}
            }
        }
    }
    assert_eq!((tried, told), (vec![1, 2, 4, 9, 19, 39, 69, 99], 1));
    let mut desk = holding(10);
    desk.on_engine_positions(&wanted(10, 970), 0);
    let (mut moved, mut told) = (Vec::new(), 0);
    for step in 20..2_400 {
        let now = at(50 * step);
        desk.tick(now);
        for act in desk.take_acts() {
            match act {
                Act::MoveStop { .. } => {
                    moved.push(step / 20);
                    desk.on_stop_moved(LONG, Some("no"));
                }
                Act::AskStops => desk.on_stops(&[stands(950)], now, now),
                Act::Alert(alert) => told += i32::from(alert.kind == "stop_refused"),
                _ => {}
            }
        }
    }
    assert_eq!((moved, told), (vec![1, 3, 7, 15, 31, 61, 91], 1));
}

#[test]
fn entries_that_work_where_nothing_may_be_begun_any_more_are_withdrawn() {
    for which in ["configuration", "foreign"] {
        let mut desk = desk();
        desk.submit(entry(1, 10), at(0));
        desk.on_sent(OrderId(1), Placed::Accepted(1_001), at(10));
        desk.tick(at(20));
        assert!(!desk.take_acts().iter().any(is_cancel));
        match which {
            "configuration" => desk.allow(CAPS, [A].into()),
            _ => desk.on_execution(foreign(50, 3, false), at(25)),
        }
        desk.tick(at(30));
        assert!(desk.take_acts().iter().any(is_cancel), "{which}");
    }
}
