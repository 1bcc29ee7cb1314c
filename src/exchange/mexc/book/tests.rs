//! Random delivery faults (lost, repeated, reordered messages; stale snapshots) checked against a model of
//! the true book.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const PACE: Pace = Pace {
    quiet: Span::from_millis(1_000),
    wait_min: Span::from_millis(200),
    wait_max: Span::from_millis(5_000),
    resync: Span::from_millis(2_000),
    crossed: Span::from_millis(2_000),
    levels: 1_000,
};

fn ms(ms: i64) -> Span {
    Span::from_millis(ms)
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).unwrap()
}

fn levels(side: Side, levels: &[(&str, &str)]) -> Vec<BookChange> {
    levels
        .iter()
        .map(|(price, quantity)| BookChange { side, price: decimal(price), quantity: decimal(quantity) })
        .collect()
}

fn both(bids: &[(&str, &str)], asks: &[(&str, &str)]) -> Vec<BookChange> {
    [levels(Side::Buy, bids), levels(Side::Sell, asks)].concat()
}

/// Quantities by side (true: bids) and price.
type Levels = BTreeMap<(bool, String), String>;

/// The published rows applied: the book that a reader of the inbox has.
#[derive(Default, Debug)]
struct Reader {
    book: Levels,
    version: u64,
    is_valid: bool,
    lost: u32,
}

impl Reader {
    fn apply(&mut self, changes: &[BookChange]) {
        for change in changes {
            let key = (change.side == Side::Buy, change.price.to_string());
            if change.quantity == Decimal::ZERO {
                self.book.remove(&key);
            } else {
                self.book.insert(key, change.quantity.to_string());
            }
        }
    }
}

impl Out for Reader {
    fn snapshot(&mut self, snapshot: BookSnapshot<'_>) {
        assert!(self.is_valid, "regained comes before the snapshot");
        self.book.clear();
        self.apply(snapshot.levels);
        self.version = snapshot.version;
    }

    fn changed(&mut self, message: BookMessage<'_>) {
        assert!(self.is_valid && message.end > self.version && message.begin <= self.version + 1);
        self.apply(message.changes);
        self.version = message.end;
    }

    fn lost(&mut self) {
        assert!(std::mem::replace(&mut self.is_valid, false), "lost is said once");
        self.lost += 1;
    }

    fn regained(&mut self) {
        assert!(!std::mem::replace(&mut self.is_valid, true), "regained is said once");
    }
}

struct Stage {
    book: BookSync,
    reader: Reader,
    now: Span,
}

impl Stage {
    fn new() -> Self {
        let mut book = BookSync::new(PACE);
        book.start(ms(0));
        Stage { book, reader: Reader::default(), now: ms(0) }
    }

    fn message(&mut self, begin: u64, end: u64, changes: &[BookChange]) -> Taken {
        self.book.message(
            BookMessage { begin, end, at: Timestamp::from_seconds(1), changes },
            self.now,
            &mut self.reader,
        )
    }

    fn snapshot(&mut self, version: u64, levels: &[BookChange]) {
        self.book.snapshot(
            BookSnapshot { version, at: Timestamp::from_seconds(1), levels },
            self.now,
            &mut self.reader,
        );
    }

    /// How long it takes until a snapshot is requested; the request is pending afterwards.
    fn asked_after(&mut self) -> i64 {
        let from = self.now;
        while !self.book.take_due(self.now) {
            self.now = self.now + ms(1);
            assert!(self.now.nanos() - from.nanos() <= ms(10_000).nanos(), "no snapshot is asked for");
        }
        (self.now.nanos() - from.nanos()) / 1_000_000
    }

    fn is_asked(&mut self) -> bool {
        self.book.take_due(self.now + ms(100_000))
    }

    #[track_caller]
    fn shows(&self, version: u64, asks: &[(&str, &str)], bids: &[(&str, &str)]) {
        let side = |side| -> Vec<(String, String)> {
            self.book
                .levels(side)
                .into_iter()
                .map(|(price, quantity)| (price.to_string(), quantity.to_string()))
                .collect()
        };
        let texts = |levels: &[(&str, &str)]| -> Vec<(String, String)> {
            levels.iter().map(|(price, quantity)| ((*price).to_owned(), (*quantity).to_owned())).collect()
        };
        assert_eq!(
            (self.book.version(), side(Side::Sell), side(Side::Buy)),
            (Some(version), texts(asks), texts(bids))
        );
        assert_eq!((self.reader.version, self.reader.is_valid), (version, true));
    }
}

#[test]
fn a_gap_makes_the_book_invalid_until_a_snapshot_joins() {
    let mut stage = Stage::new();
    stage.message(101, 103, &both(&[], &[("0.08055", "48")]));
    assert_eq!(stage.asked_after(), 0, "with the first message");
    let first = both(&[("0.08049", "46"), ("0.08048", "489")], &[("0.08055", "48"), ("0.08056", "347")]);
    stage.snapshot(103, &first);
    stage.shows(103, &[("0.08055", "48"), ("0.08056", "347")], &[("0.08049", "46"), ("0.08048", "489")]);
    stage.message(104, 106, &both(&[("0.08049", "50")], &[("0.080550", "0"), ("0.080540", "30")]));
    stage.shows(106, &[("0.08054", "30"), ("0.08056", "347")], &[("0.08049", "50"), ("0.08048", "489")]);
    stage.message(109, 110, &both(&[("0.0805", "7")], &[]));
    assert!(!stage.book.is_synced() && !stage.reader.is_valid, "107 and 108 are missing");
    assert_eq!(stage.asked_after(), 0);
    stage.message(111, 111, &both(&[], &[("0.08056", "300")]));
    let second = both(
        &[("0.0805", "7"), ("0.08049", "50"), ("0.08048", "480")],
        &[("0.08054", "30"), ("0.08056", "347")],
    );
    stage.snapshot(110, &second);
    stage.shows(
        111,
        &[("0.08054", "30"), ("0.08056", "300")],
        &[("0.0805", "7"), ("0.08049", "50"), ("0.08048", "480")],
    );
    assert_eq!(stage.reader.lost, 1);
}

#[test]
fn a_snapshot_that_is_too_old_is_refused_and_one_inside_a_message_joins() {
    let mut stage = Stage::new();
    stage.message(1_000, 1_004, &both(&[("0.08003", "8905")], &[("0.0801", "2868")]));
    assert_eq!(stage.asked_after(), 0);
    stage.message(1_005, 1_012, &both(&[("0.08004", "8819")], &[("0.0801", "0"), ("0.08012", "5313")]));
    stage.message(1_013, 1_013, &both(&[("0.08003", "9000")], &[]));
    stage.snapshot(990, &both(&[("0.08", "1")], &[("0.0801", "1")]));
    assert!(!stage.book.is_synced());
    assert_eq!(stage.asked_after(), 200);
    stage.snapshot(998, &[]);
    assert_eq!(stage.asked_after(), 400, "the wait doubles");
    stage.snapshot(
        1_007,
        &both(&[("0.08003", "8905"), ("0.08", "500")], &[("0.08012", "1313"), ("0.08015", "7000")]),
    );
    stage.shows(
        1_013,
        &[("0.08012", "5313"), ("0.08015", "7000")],
        &[("0.08004", "8819"), ("0.08003", "9000"), ("0.08", "500")],
    );
}

#[test]
fn repeated_and_older_messages_change_nothing() {
    let mut stage = Stage::new();
    assert_eq!(stage.message(5, 6, &both(&[("1", "1")], &[])), Taken::New);
    assert_eq!(stage.message(5, 6, &both(&[("1", "1")], &[])), Taken::Repeated);
    stage.asked_after();
    stage.snapshot(6, &both(&[("1", "1")], &[]));
    for (begin, end) in [(5, 6), (3, 4), (6, 6)] {
        assert_eq!(stage.message(begin, end, &both(&[("1", "9")], &[])), Taken::Repeated);
    }
    stage.shows(6, &[], &[("1", "1")]);
    assert!(!stage.is_asked() && stage.reader.lost == 0);
}

#[test]
fn a_quiet_contract_has_its_book_too() {
    let mut stage = Stage::new();
    assert_eq!(stage.asked_after(), 1_000);
    stage.book.no_snapshot(stage.now);
    assert_eq!(stage.asked_after(), 200);
    stage.snapshot(50, &both(&[("1", "1")], &[("2", "1")]));
    stage.shows(50, &[("2", "1")], &[("1", "1")]);
    stage.message(51, 51, &both(&[("1.5", "1")], &[]));
    stage.shows(51, &[("2", "1")], &[("1.5", "1"), ("1", "1")]);
}

#[test]
fn books_are_repaired_at_most_every_two_seconds() {
    let mut stage = Stage::new();
    stage.asked_after();
    stage.snapshot(1, &[]);
    let mut asked = Vec::new();
    for round in 1..=4_u64 {
        let from = round * 10;
        stage.message(from, from, &[]);
        assert!(!stage.book.is_synced());
        asked.push(stage.asked_after());
        stage.snapshot(from, &[]);
        assert!(stage.book.is_synced());
    }
    assert_eq!(asked, [0, 2_000, 2_000, 2_000]);
    assert_eq!(stage.reader.lost, 4);
}

#[test]
fn a_book_never_goes_back_behind_what_was_shown() {
    let mut stage = Stage::new();
    stage.asked_after();
    stage.snapshot(100, &both(&[("1", "1")], &[("2", "1")]));
    stage.book.refused(stage.now, &mut stage.reader);
    assert!(!stage.reader.is_valid, "a message that cannot be read");
    stage.asked_after();
    stage.snapshot(99, &[]);
    stage.snapshot(100, &[]);
    assert!(!stage.book.is_synced(), "the unreadable message was at least version 101");
    stage.snapshot(101, &both(&[("1", "3")], &[("2", "1")]));
    stage.shows(101, &[("2", "1")], &[("1", "3")]);
}

#[test]
fn a_book_crossed_for_long_is_repaired_and_a_short_cross_is_not() {
    let mut stage = Stage::new();
    stage.asked_after();
    stage.snapshot(1, &both(&[("10", "1")], &[("11", "1")]));
    stage.message(2, 2, &both(&[("11", "1")], &[]));
    stage.now = stage.now + ms(2_000);
    stage.message(3, 3, &both(&[("11", "0")], &[]));
    assert!(stage.book.is_synced());
    stage.message(4, 4, &both(&[("12", "1")], &[]));
    stage.now = stage.now + ms(2_000);
    stage.book.check(stage.now, &mut stage.reader);
    assert!(stage.book.is_synced());
    stage.now = stage.now + ms(1);
    stage.book.check(stage.now, &mut stage.reader);
    assert!(!stage.book.is_synced() && stage.reader.lost == 1);
    stage.asked_after();
    stage.snapshot(3, &[]);
    assert!(!stage.book.is_synced(), "older than the crossed one");
}

#[test]
fn a_new_connection_may_begin_with_lower_versions() {
    let mut stage = Stage::new();
    stage.asked_after();
    stage.snapshot(1_000, &both(&[("1", "1")], &[]));
    stage.book.reset();
    stage.reader.is_valid = false;
    assert!(!stage.is_asked(), "nothing before it is subscribed");
    stage.message(7, 7, &both(&[("3", "1")], &[]));
    stage.snapshot(6, &both(&[("2", "1")], &[]));
    stage.shows(7, &[], &[("3", "1"), ("2", "1")]);
}

#[test]
fn what_is_held_has_a_bound() {
    let mut stage = Stage::new();
    let changes = both(&[("1", "1"), ("2", "1"), ("3", "1")], &[]);
    let bound = crate::limits::EXCHANGE_BOOK_BUFFER as u64;
    for version in 1..=bound {
        stage.message(version, version, &changes);
    }
    stage.asked_after();
    stage.snapshot(bound / 2, &changes);
    assert!(!stage.book.is_synced(), "what would join it was dropped");
    stage.snapshot(bound - 1, &changes);
    assert!(stage.book.is_synced());
    assert_eq!(stage.book.version(), Some(bound));
}

/// What happens to a message between the exchange and the client.
#[derive(Clone, Debug)]
enum Fate {
    Arrives,
    Lost,
    Twice,
    /// Delivered after the next message.
    Late,
    /// An older message is delivered again.
    OldAgain(usize),
    Unreadable,
}

/// The exchange: the book at each version.
struct Truth {
    versions: Vec<(BookChange, Levels)>,
    first: u64,
}

impl Truth {
    fn new(first: u64, changes: Vec<(bool, u8, u8)>) -> Self {
        let mut reader = Reader::default();
        let versions = changes.into_iter().map(|(is_bid, price, quantity)| {
            let side = if is_bid { Side::Buy } else { Side::Sell };
            // Bids stay below asks; crossed books have a test of their own.
            let price = decimal(&format!("{}.{price:03}0", if is_bid { 1 } else { 2 }));
            let change = BookChange { side, price, quantity: decimal(&quantity.to_string()) };
            reader.apply(&[change]);
            (change, reader.book.clone())
        });
        Truth { versions: versions.collect(), first }
    }

    fn at(&self, version: u64) -> &Levels {
        &self.versions[(version - self.first) as usize].1
    }

    fn levels(&self, version: u64) -> Vec<BookChange> {
        let level = |((is_bid, price), quantity): (&(bool, String), &String)| BookChange {
            side: if *is_bid { Side::Buy } else { Side::Sell },
            price: decimal(price),
            quantity: decimal(quantity),
        };
        self.at(version).iter().map(level).collect()
    }

    /// The changes of a message merged as the exchange does: the last state of each level, in any order.
    fn merged(&self, begin: u64, end: u64) -> Vec<BookChange> {
        let changes = &self.versions[(begin - self.first) as usize..=(end - self.first) as usize];
        let mut merged: BTreeMap<(bool, String), BookChange> = BTreeMap::new();
        for (change, _) in changes {
            merged.insert((change.side == Side::Buy, change.price.to_string()), *change);
        }
        merged.into_values().rev().collect()
    }
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        12 => Just(Fate::Arrives),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Twice),
        1 => Just(Fate::Late),
        1 => (1_usize..10).prop_map(Fate::OldAgain),
        1 => Just(Fate::Unreadable),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is delivered, a synchronized book equals the exchange's at its version; after a quiet end it
    /// equals the exchange's newest.
    #[test]
    fn a_live_book_is_the_true_one(
        first in 2_u64..1_000_000_000_000,
        changes in prop::collection::vec((any::<bool>(), 0_u8..12, 0_u8..4), 60..400),
        spans in prop::collection::vec((1_u64..8, fates()), 60),
        lags in prop::collection::vec(0_u64..60, 64),
    ) {
        let truth = Truth::new(first, changes);
        let newest = first + truth.versions.len() as u64 - 1;
        let mut stage = Stage::new();
        let mut sent: Vec<(u64, u64)> = Vec::new();
        let mut late: Option<(u64, u64)> = None;
        let mut lags = lags.into_iter();
        let mut next = first + 1;
        // The last message arrives intact: its loss could not be detected, since no message follows.
        let mut spans = spans.into_iter().chain(std::iter::repeat((5, Fate::Arrives)));
        while next <= newest {
            let (length, fate) = spans.next().unwrap();
            let (begin, end) = (next, (next + length - 1).min(newest));
            next = end + 1;
            sent.push((begin, end));
            let mut arriving = Vec::new();
            match fate {
                Fate::Lost if end < newest => {}
                Fate::Late if end < newest => late = Some((begin, end)),
                Fate::Unreadable if end < newest => stage.book.refused(stage.now, &mut stage.reader),
                Fate::Twice => arriving.extend([(begin, end), (begin, end)]),
                Fate::OldAgain(back) => arriving.extend([sent[sent.len().saturating_sub(back + 1)], (begin, end)]),
                _ => arriving.push((begin, end)),
            }
            if !arriving.is_empty() {
                arriving.extend(late.take());
            }
            for (begin, end) in arriving {
                stage.message(begin, end, &truth.merged(begin, end));
            }
            stage.now = stage.now + ms(700);
            if stage.book.take_due(stage.now) {
                // The exchange answers from a cache: stale at first, and sometimes older than the previous
                // answer.
                let version = (next - 1).saturating_sub(lags.next().unwrap_or(0)).max(first);
                stage.snapshot(version, &truth.levels(version));
            }
            if stage.book.is_synced() {
                prop_assert_eq!(&stage.reader.book, truth.at(stage.reader.version));
                prop_assert_eq!(stage.book.version(), Some(stage.reader.version));
            }
        }
        for _ in 0..4 {
            stage.now = stage.now + ms(10_000);
            if stage.book.take_due(stage.now) {
                stage.snapshot(newest, &truth.levels(newest));
            }
        }
        prop_assert!(stage.book.is_synced());
        prop_assert_eq!(stage.reader.version, newest);
        prop_assert_eq!(&stage.reader.book, truth.at(newest));
    }
}

/// A snapshot with at most `most` levels per side shows the best levels of the book.
#[test]
fn a_price_that_runs_through_the_snapshot_asks_for_another_and_shows_no_level_beyond_it() {
    let mut stage = Stage::new();
    stage.book = BookSync::new(Pace { levels: 50, ..PACE });
    stage.book.start(ms(0));
    let asks = |from: i64, to: i64, quantity: &str| -> Vec<BookChange> {
        let level = |price: i64| BookChange {
            side: Side::Sell,
            price: decimal(&price.to_string()),
            quantity: decimal(quantity),
        };
        (from..to).map(level).collect()
    };
    assert_eq!(stage.asked_after(), 1_000);
    stage.snapshot(10, &asks(101, 151, "3"));
    stage.message(11, 11, &both(&[("100", "1")], &[("151", "9")]));
    assert!(!stage.reader.book.contains_key(&(false, "151".to_owned())), "what lies between is not known");
    assert!(stage.reader.book.contains_key(&(true, "100".to_owned())), "the other side was whole");
    stage.message(12, 12, &asks(101, 131, "0"));
    assert!(stage.reader.is_valid, "twenty levels are left");
    stage.message(13, 13, &asks(131, 132, "0"));
    assert!(!stage.reader.is_valid && stage.is_asked(), "nineteen are, and nobody knows what is behind them");
    stage.snapshot(13, &asks(132, 182, "3"));
    assert!(stage.reader.is_valid);
    stage.message(14, 14, &asks(160, 161, "8"));
    assert_eq!(stage.reader.book[&(false, "160".to_owned())], "8");
}

#[test]
fn a_side_with_fewer_levels_than_asked_for_is_whole_and_may_become_empty() {
    let mut stage = Stage::new();
    stage.asked_after();
    stage.snapshot(10, &both(&[("100", "1")], &[("101", "1")]));
    stage.message(11, 11, &both(&[("100", "0")], &[("101", "0"), ("500", "1")]));
    stage.shows(11, &[("500", "1")], &[]);
}

#[test]
fn versions_that_start_again_on_one_connection_do_not_freeze_the_book() {
    let mut stage = Stage::new();
    stage.asked_after();
    stage.snapshot(1_000, &both(&[("100", "1")], &[]));
    stage.message(1_001, 1_001, &both(&[("100", "2")], &[]));
    for version in 1..8 {
        assert_eq!(stage.message(version, version, &both(&[("90", "1")], &[])), Taken::Repeated);
    }
    assert!(stage.reader.is_valid);
    assert_eq!(stage.message(8, 8, &both(&[("91", "8")], &[])), Taken::New);
    assert!(!stage.reader.is_valid);
    stage.snapshot(1_001, &both(&[("100", "2")], &[]));
    assert!(!stage.reader.is_valid, "a snapshot of the old count");
    stage.message(9, 9, &both(&[("92", "9")], &[]));
    stage.reader.version = 0;
    stage.snapshot(8, &both(&[("91", "8")], &[]));
    stage.shows(9, &[], &[("92", "9"), ("91", "8")]);
    assert_eq!(stage.message(10, 10, &both(&[("92", "0")], &[])), Taken::New);
}

/// The same after a hole: a floor of the old count must not apply forever.
#[test]
fn versions_that_start_again_while_a_snapshot_is_waited_for_are_joined() {
    let mut stage = Stage::new();
    stage.asked_after();
    stage.snapshot(1_000, &both(&[("100", "1")], &[]));
    stage.book.refused(stage.now, &mut stage.reader);
    for version in 1..=8 {
        stage.message(version, version, &both(&[("90", "1")], &[]));
    }
    stage.reader.version = 0;
    stage.snapshot(8, &both(&[("90", "1")], &[]));
    stage.shows(8, &[], &[("90", "1")]);
}
