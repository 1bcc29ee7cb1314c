//! Compares a recording with the true state of the exchange, independently of the code under test.

use super::truth::{Levels, Truth};
use std::collections::BTreeMap;
use tradingd::domain::decimal::Decimal;
use tradingd::domain::order::Side;
use tradingd::domain::record::{Record, RecordBody, RecordedGap, StreamKind};
use tradingd::domain::time::Timestamp;
use tradingd::rehearsal::market::Deal;
use tradingd::store::Store;

/// Maximum delay of a row behind its exchange time, when the exchange's threads wait for each other.
const LATE_MS: i64 = 400;

/// The stored rows and gaps of a symbol.
pub struct Stored {
    pub deals: Vec<Record>,
    pub changes: Vec<Record>,
    pub tops: Vec<Record>,
    pub funding: Vec<Record>,
    pub gaps: Vec<RecordedGap>,
}

impl Stored {
    pub fn read(store: &Store, id: &str, symbol: &str) -> Stored {
        let rows = |kind| store.rows(id, symbol, kind).unwrap().map(Result::unwrap).collect();
        let gaps = store
            .gaps(id)
            .unwrap()
            .into_iter()
            .filter(|(name, _)| name == symbol)
            .map(|(_, gap)| gap)
            .collect();
        let (deals, changes) = (rows(StreamKind::Trades), rows(StreamKind::BookChanges));
        Stored {
            deals,
            changes,
            tops: rows(StreamKind::BookSnapshots),
            funding: rows(StreamKind::Funding),
            gaps,
        }
    }

    /// Gaps of a stream.
    pub fn gaps_of(&self, stream: StreamKind) -> impl Iterator<Item = &RecordedGap> {
        self.gaps.iter().filter(move |gap| gap.stream == stream)
    }

    /// Whether a gap of the stream overlaps the span between two receive times and contains the exchange time
    /// `at_ms`.
    fn has_gap(&self, stream: StreamKind, [after, before]: [Timestamp; 2], at_ms: i64) -> bool {
        let holds =
            |gap: &RecordedGap| gap.gap.from.millis() - LATE_MS <= at_ms && at_ms <= gap.gap.to.millis() + 1;
        self.gaps_of(stream).any(|gap| gap.gap.to >= after && gap.gap.from <= before && holds(gap))
    }
}

fn received(record: &Record) -> Timestamp {
    record.received_at.unwrap()
}

fn steps(value: Decimal, step: Decimal) -> i64 {
    value.in_steps_of(step).unwrap_or_else(|| panic!("{value} is no number of {step}"))
}

fn ticks(price: Decimal) -> i64 {
    steps(price, Decimal::new(1, 2).unwrap())
}

fn lots(quantity: Decimal) -> i64 {
    steps(quantity, Decimal::ONE)
}

/// Checks that the book after every message is the exchange's at that version, that versions never decrease,
/// and that a new snapshot follows only a gap. With `is_whole` the last stored book must be the exchange's
/// last.
pub fn book(stored: &Stored, truth: &Truth, is_whole: bool) -> Result<(), String> {
    let (mut walk, mut book, mut before) = (truth.walk(), None::<Levels>, None::<Timestamp>);
    let mut version = 0;
    for message in stored.changes.chunk_by(|a, b| a.received_at == b.received_at) {
        let at = received(&message[0]);
        let RecordBody::LevelChange { snapshot, update_id, .. } = message[0].body else { unreachable!() };
        version = update_id.ok_or("a change without a version")?;
        let index =
            truth.index(version).ok_or_else(|| format!("{at}: the book was never at version {version}"))?;
        if index < walk.at {
            return Err(format!("{at}: the book goes back to version {version}"));
        }
        if snapshot {
            let missing_ms = truth.changed_ms(walk.at).min(at.millis());
            if before.is_some_and(|before| !stored.has_gap(StreamKind::BookChanges, [before, at], missing_ms))
            {
                let gaps: Vec<_> = stored.gaps_of(StreamKind::BookChanges).collect();
                return Err(format!(
                    "{at}: the book is reopened, changes are missing since {missing_ms} ms, and no gap says so: {gaps:?}"
                ));
            }
            book = Some(Levels::default());
        }
        let levels = book.as_mut().ok_or("the stream opens without a book")?;
        for row in message {
            let RecordBody::LevelChange { side, price, quantity, .. } = row.body else { unreachable!() };
            levels.set(side, ticks(price), lots(quantity));
        }
        while walk.at < index {
            walk.step();
        }
        if let Some(difference) = levels.difference(&walk.levels) {
            let word = if snapshot { "snapshot" } else { "change" };
            return Err(format!(
                "{at}: the stored book at version {version} ({word}) is not the exchange's: {difference}"
            ));
        }
        before = Some(at);
    }
    if is_whole && version != truth.last() {
        return Err(format!("the stored book ends at version {version}, the exchange's at {}", truth.last()));
    }
    Ok(())
}

/// Checks that every stored top of the book existed on the exchange, in that order. With `is_whole` the last
/// one must be the exchange's last.
pub fn tops(stored: &Stored, truth: &Truth, is_whole: bool) -> Result<(), String> {
    let mut walk = truth.walk();
    for message in stored.tops.chunk_by(|a, b| a.received_at == b.received_at) {
        let mut levels = Levels::default();
        for row in message {
            let RecordBody::SnapshotLevel { side, price, quantity, .. } = row.body else { unreachable!() };
            levels.set(side, ticks(price), lots(quantity));
        }
        let top = levels.top(20);
        while walk.levels.top(20) != top {
            if !walk.step() {
                return Err(format!(
                    "{}: the exchange never had this top of the book, or had it before: {top:?}",
                    received(&message[0])
                ));
            }
        }
    }
    let top = walk.levels.top(20);
    while walk.step() {}
    if is_whole && walk.levels.top(20) != top {
        return Err("the last top of the book is not the exchange's".to_owned());
    }
    Ok(())
}

type Likeness = (i64, i64, i64, bool);

fn likeness(record: &Record) -> Likeness {
    let RecordBody::Trade { price, quantity, taker, .. } = record.body else { unreachable!() };
    (record.exchange_at.millis(), ticks(price), lots(quantity), taker == Side::Buy)
}

/// Checks that no deal is stored twice or with other values, and that every deal after `since` is stored or
/// covered by a gap between its stored neighbours. Returns the number of missing deals.
pub fn deals(stored: &Stored, truth: &[Deal], since: u64) -> Result<usize, String> {
    let like = |deal: &Deal| (deal.at_ms, deal.price.0, deal.qty.0, deal.taker == Side::Buy);
    let known: BTreeMap<u64, Likeness> = truth.iter().map(|deal| (deal.id, like(deal))).collect();
    let (mut there, mut nameless) = (BTreeMap::new(), BTreeMap::<Likeness, usize>::new());
    for row in &stored.deals {
        let RecordBody::Trade { id, .. } = row.body else { unreachable!() };
        let Some(id) = id else {
            *nameless.entry(likeness(row)).or_default() += 1;
            continue;
        };
        if there.insert(id, received(row)).is_some() {
            return Err(format!("deal {id} is stored twice"));
        }
        if known.get(&id) != Some(&likeness(row)) {
            return Err(format!("deal {id} is stored as {row:?} and was {:?}", known.get(&id)));
        }
    }
    let mut missing = 0;
    for deal in truth.iter().filter(|deal| deal.id > since && !there.contains_key(&deal.id)) {
        if let Some(count) = nameless.get_mut(&like(deal)).filter(|count| **count > 0) {
            *count -= 1;
            continue;
        }
        missing += 1;
        let before = there.range(..deal.id).next_back().map_or(Timestamp::MIN, |(_, at)| *at);
        let behind = there.range(deal.id..).next().map_or(Timestamp::from_nanos(i64::MAX), |(_, at)| *at);
        if !stored.has_gap(StreamKind::Trades, [before.min(behind), behind.max(before)], deal.at_ms) {
            return Err(format!(
                "{deal:?} is not stored and no gap between {before} and {behind} says so: {:?}",
                stored.gaps
            ));
        }
    }
    if let Some((row, _)) = nameless.iter().find(|(_, count)| **count > 0) {
        return Err(format!("a deal without a number is stored once too often: {row:?}"));
    }
    Ok(missing)
}
