//! Tests of gap detection: ids, silence, files that do not touch.

use super::*;
use crate::domain::decimal::Decimal;
use crate::domain::order::Side;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + seconds)
}

fn trade(seconds: i64, id: Option<u64>) -> Record {
    let body = RecordBody::Trade { price: Decimal::ONE, quantity: Decimal::ONE, taker: Side::Buy, id };
    Record { exchange_at: at(seconds), received_at: None, body }
}

fn mark(seconds: i64) -> Record {
    Record {
        exchange_at: at(seconds),
        received_at: None,
        body: RecordBody::Mark { mark: Decimal::ONE, index: None },
    }
}

fn closed(kind: StreamKind, rows: impl IntoIterator<Item = Record>) -> Continuity {
    let mut all = Continuity::new(kind);
    rows.into_iter().for_each(|row| all.see(&row));
    all.close(Span::ZERO);
    all
}

fn trades(rows: impl IntoIterator<Item = (i64, u64)>) -> Continuity {
    closed(StreamKind::Trades, rows.into_iter().map(|(seconds, id)| trade(seconds, Some(id))))
}

fn shown(streams: &[&Continuity]) -> Vec<(i64, i64, &'static str)> {
    let base = at(0).seconds();
    gaps(streams)
        .iter()
        .map(|gap| (gap.gap.from.seconds() - base, gap.gap.to.seconds() - base, gap.gap.cause.as_str()))
        .collect()
}

#[test]
fn a_hole_in_trade_ids_is_a_gap_however_short() {
    let rows = (0..50).map(|n| (n, n as u64)).chain((50..100).map(|n| (n, n as u64 + 899)));
    assert_eq!(shown(&[&trades(rows)]), [(49, 50, "missing_trades")]);
}

#[test]
fn ids_of_one_time_may_come_in_any_order_and_again() {
    let rows = [(0, 1), (1, 4), (1, 2), (1, 3), (1, 3), (2, 5), (3, 7), (3, 6)];
    assert!(shown(&[&trades(rows)]).is_empty());
}

#[test]
fn trades_that_are_there_are_not_missing_whatever_the_order_of_their_ids() {
    let swapped = [(0, 1), (1, 2), (2, 4), (3, 3), (4, 5), (5, 8), (6, 6), (7, 7), (8, 9), (9, 10)];
    assert!(shown(&[&trades(swapped)]).is_empty());
    let one_is_missing = [(0, 1), (1, 2), (2, 4), (3, 3), (4, 5), (5, 8), (6, 6), (7, 9), (8, 10), (9, 11)];
    assert_eq!(shown(&[&trades(one_is_missing)]), [(4, 5, "missing_trades")], "7 never comes");
    let silent = (0..100).map(|n| (if n < 50 { n } else { n + 10_800 }, n as u64));
    let swapped = silent.map(|(at, id)| (at, if id == 50 || id == 51 { 101 - id } else { id }));
    assert!(shown(&[&trades(swapped)]).is_empty(), "and they prove that nobody traded");
}

#[test]
fn an_id_that_may_have_come_twice_fills_no_gap() {
    // 5 never comes, and 4 comes twice.
    let rows = [(0, 1), (1, 2), (2, 6), (3, 3), (4, 4), (5, 4), (6, 7), (7, 8), (8, 9)];
    let seen = || {
        let mut all = Continuity::new(StreamKind::Trades);
        rows.iter().for_each(|(seconds, id)| all.see(&trade(*seconds, Some(*id))));
        all
    };
    let mut doubted = seen();
    doubted.doubt_late_trades();
    doubted.close(Span::ZERO);
    assert_eq!(shown(&[&doubted]), [(1, 2, "missing_trades")]);
    let mut trusted = seen();
    trusted.close(Span::ZERO);
    assert!(shown(&[&trusted]).is_empty());
}

#[test]
fn only_so_many_gaps_wait_for_late_trades() {
    let holes = OPEN_TRADE_HOLES as u64 + 1;
    // Two trades follow each other, one is passed over; the first and the last of these come in the end.
    let rising = (0..holes).flat_map(|n| [(2 * n as i64, 3 * n), (2 * n as i64 + 1, 3 * n + 1)]);
    let end = 2 * holes as i64;
    let more = (0..2 * holes).map(|n| (end + n as i64, 3 * holes + n));
    let late = [(end + 2 * holes as i64, 2), (end + 2 * holes as i64 + 1, 3 * holes - 1)];
    let found = shown(&[&trades(rising.chain(more).chain(late))]);
    assert_eq!((found.len() as u64, found[0]), (holes - 1, (1, 2, "missing_trades")));
}

#[test]
fn ids_that_do_not_count_trades_prove_nothing() {
    let rows: Vec<(i64, u64)> =
        (0..100).map(|n| (n + if n < 50 { 0 } else { 10_800 }, n as u64 * 7_919)).collect();
    assert_eq!(shown(&[&trades(rows)]), [(49, 10_850, "silence")]);
}

#[test]
fn three_silent_hours_are_a_gap_unless_ids_prove_that_nobody_traded() {
    let silent = |n: i64| n + if n < 50 { 0 } else { 10_800 };
    let without_ids = closed(StreamKind::Trades, (0..100).map(|n| trade(silent(n), None)));
    assert_eq!(shown(&[&without_ids]), [(49, 10_850, "silence")]);
    assert!(shown(&[&trades((0..100).map(|n| (silent(n), n as u64)))]).is_empty());
}

#[test]
fn a_thin_coin_is_not_silent_for_being_thin() {
    // Three minutes between trades are usual, so neither an hour nor a minute is silence.
    let thin =
        closed(StreamKind::Trades, (0..100).map(|n| trade(180 * n + if n < 50 { 0 } else { 3_420 }, None)));
    assert!(shown(&[&thin]).is_empty());
    let busy = closed(StreamKind::Trades, (0..100).map(|n| trade(n + if n < 50 { 0 } else { 59 }, None)));
    assert!(shown(&[&busy]).is_empty());
}

#[test]
fn a_stream_that_goes_on_proves_nothing_of_the_trades() {
    let quiet =
        || closed(StreamKind::Trades, (0..100).map(|n| trade(n + if n < 50 { 0 } else { 10_800 }, None)));
    let going_on = [
        (StreamKind::Marks, "silence"),
        (StreamKind::Quotes, "silence"),
        (StreamKind::Funding, "silence"),
        (StreamKind::Bars, "silence"),
        (StreamKind::BookSnapshots, "trade_silence"),
        (StreamKind::BookChanges, "trade_silence"),
    ];
    for (kind, cause) in going_on {
        let other = closed(kind, (0..11_000).map(mark));
        assert_eq!(shown(&[&quiet(), &other]), [(49, 10_850, cause)], "{kind:?}");
    }
    let interrupted = |kind| closed(kind, (0..11_000).filter(|n| !(100..5_000).contains(n)).map(mark));
    assert_eq!(
        shown(&[&quiet(), &interrupted(StreamKind::BookChanges)]),
        [(99, 5_000, "silence"), (49, 10_850, "trade_silence")],
        "the book is lost only where it was silent too"
    );
    let ids = trades((0..100).map(|n| (n + if n < 50 { 0 } else { 10_800 }, n as u64)));
    assert!(shown(&[&ids, &interrupted(StreamKind::Marks)]).is_empty(), "ids prove that nobody traded");
}

#[test]
fn without_trades_bars_are_judged_and_without_both_what_all_have_in_common() {
    let hole = |n: &i64| !(100..5_000).contains(n);
    let bars = closed(StreamKind::Bars, (0..11_000).filter(hole).map(mark));
    let marks = closed(StreamKind::Marks, (0..11_000).map(mark));
    assert_eq!(shown(&[&bars, &marks]), [(99, 5_000, "silence")]);
    let book = closed(StreamKind::BookSnapshots, (0..11_000).filter(hole).map(mark));
    assert!(shown(&[&book, &marks]).is_empty());
    let quotes = closed(StreamKind::Quotes, (0..11_000).filter(|n| !(50..400).contains(n)).map(mark));
    assert_eq!(shown(&[&book, &quotes]), [(99, 400, "silence"), (99, 400, "silence")], "one of each stream");
}

#[test]
fn a_missing_file_of_another_stream_hides_no_silence_of_the_trades() {
    let quiet =
        closed(StreamKind::Trades, (0..100).map(|n| trade(n + if n < 50 { 0 } else { 10_800 }, None)));
    let mut marks = closed(StreamKind::Marks, (0..1_000).map(mark));
    marks.join(&closed(StreamKind::Marks, (5_000..11_000).map(mark)));
    assert_eq!(shown(&[&quiet, &marks]), [(999, 5_000, "import"), (49, 10_850, "silence")]);
}

#[test]
fn files_that_do_not_touch_leave_a_gap_unless_ids_go_on() {
    let day = |first: i64, id: u64| trades((0..100).map(|n| (first + n, id + n as u64)));
    let joined = |later: Continuity| {
        let mut all = day(0, 1);
        all.join(&later);
        all
    };
    assert_eq!(shown(&[&joined(day(4_000, 500))]), [(99, 4_000, "missing_trades")]);
    assert!(shown(&[&joined(day(4_000, 101))]).is_empty());
    let without_ids = |first: i64| closed(StreamKind::Trades, (0..100).map(|n| trade(first + n, None)));
    let mut all = without_ids(0);
    all.join(&without_ids(4_000));
    all.join(&without_ids(4_159));
    assert_eq!(shown(&[&all]), [(99, 4_000, "import")], "a minute between files is nothing");
}

#[test]
fn a_missing_bar_is_missing_from_the_end_of_the_one_before() {
    let bar = |minute: i64| {
        let one = Decimal::ONE;
        let body =
            RecordBody::Bar { open: one, high: one, low: one, close: one, volume: one, quote_volume: None };
        Record { exchange_at: at(60 * minute), received_at: None, body }
    };
    let mut bars = Continuity::new(StreamKind::Bars);
    (0..200).filter(|minute| !(100..130).contains(minute)).for_each(|minute| bars.see(&bar(minute)));
    bars.close(Span::from_seconds(60));
    assert_eq!(shown(&[&bars]), [(6_000, 7_800, "silence")]);
}

#[test]
fn the_usual_interval_is_known_to_an_eighth() {
    let mut intervals = Intervals::default();
    for micros in 1..=1_000_000_i64 {
        intervals.add(Span::from_nanos(1_000 * micros));
    }
    let usual = intervals.percentile_99().unwrap().seconds_f64();
    assert!((0.99..=0.99 * 1.13).contains(&usual), "{usual}");
    for micros in [0, 7, 8, 9, 1_000, u64::MAX / 2] {
        assert!(micros <= longest_of(class_of(micros)), "{micros}");
    }
}

#[test]
fn what_is_kept_is_bounded_and_the_longest_stays() {
    let mut longest = Longest::new(3);
    for seconds in [5, 1, 9, 7, 3] {
        longest.push(Pause { from: at(seconds * 100), to: at(seconds * 101), is_proven: false });
    }
    let lengths: Vec<i64> =
        longest.sorted().iter().map(|pause| (pause.to - pause.from).nanos() / 1_000_000_000).collect();
    assert_eq!(lengths, [5, 7, 9]);
}
