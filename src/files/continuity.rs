//! Detects gaps in the rows of a symbol: holes in trade ids, files that do not touch, and unusually long
//! silence.
//!
//! Sees every row once and needs bounded memory. A pause is not a gap where trade ids prove that no trade is
//! missing; that another stream goes on proves nothing of the trades. Trades that are there are not missing,
//! whatever the order of their ids: an exchange may give a trade a later time than the next one.

use crate::domain::event::{Gap, GapCause};
use crate::domain::record::{Record, RecordBody, RecordedGap, StreamKind};
use crate::domain::time::{Span, Timestamp};
use crate::limits::{OPEN_TRADE_HOLES, STREAM_PAUSES, TRADE_HOLES};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// A pause of at most this length is never silence.
const SHORTEST_SILENCE: Span = Span::from_seconds(60);

/// A pause is silence only if it is longer than the 99th percentile of the symbol's intervals by this factor.
const SILENCE_INTERVALS: i64 = 20;

/// Largest distance of two files of one stream without a gap. Daily or hourly files are within minutes of
/// each other even for quiet symbols; an hour without a row between two files means that a file is missing.
const FILE_GAP: Span = Span::from_seconds(3_600);

/// The same for funding, which is settled at least every eight hours.
const FUNDING_GAP: Span = Span::from_seconds(9 * 3_600);

/// Continuity of one stream of one symbol.
#[derive(Clone, Debug)]
pub struct Continuity {
    kind: StreamKind,
    /// Bar length; a bar covers the time from its row to its end.
    bar: Span,
    first: Option<Timestamp>,
    last: Timestamp,
    intervals: Intervals,
    pauses: Longest,
    between_files: Vec<Pause>,
    ids: Ids,
    /// Holes that trades of a later time may still fill, by rising ids.
    open_holes: VecDeque<OpenHole>,
    /// Holes that such trades have filled, and how many.
    filled_holes: Longest,
    filled: u64,
    holes: Longest,
}

/// A time between two rows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Pause {
    from: Timestamp,
    to: Timestamp,
    /// Whether trade ids prove that no trade is missing.
    is_proven: bool,
}

/// State of trade ids. Ids are evaluated once per timestamp, because trades of one timestamp may come in any
/// order.
#[derive(Clone, Copy, Default, Debug)]
struct Ids {
    lowest: Option<u64>,
    /// Highest id of all earlier timestamps.
    before: Option<u64>,
    /// Highest id of the current timestamp, and how many of its ids are above `before`.
    now: Option<u64>,
    fresh: u64,
    /// The pause before the current timestamp.
    pause: Option<(Timestamp, Timestamp)>,
    /// How often ids increased, and how often without a hole.
    steps: u64,
    whole: u64,
}

/// What trade ids prove about a pause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Proof {
    Nothing,
    Whole,
    Hole(MissingIds),
}

/// Ids between two that were seen, and how many of them were not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct MissingIds {
    above: u64,
    below: u64,
    count: u64,
}

/// A hole in the ids, and the pause in which its trades were to be expected.
#[derive(Clone, Copy, Debug)]
struct OpenHole {
    missing: MissingIds,
    pause: Pause,
}

impl Continuity {
    /// Before the first row of a stream of one file.
    pub fn new(kind: StreamKind) -> Self {
        Continuity {
            kind,
            bar: Span::ZERO,
            first: None,
            last: Timestamp::MIN,
            intervals: Intervals::default(),
            pauses: Longest::new(STREAM_PAUSES),
            between_files: Vec::new(),
            ids: Ids::default(),
            open_holes: VecDeque::new(),
            filled_holes: Longest::new(TRADE_HOLES),
            filled: 0,
            holes: Longest::new(TRADE_HOLES),
        }
    }

    /// Adds the next row. Times must not decrease.
    #[inline]
    pub fn see(&mut self, record: &Record) {
        let at = record.exchange_at;
        if self.first.is_none() {
            self.first = Some(at);
        } else if at > self.last {
            self.turn();
            self.intervals.add(at - self.last);
            self.ids.pause = Some((self.last, at));
        } else if self.kind == StreamKind::Trades {
            // Rows of one timestamp are a single message of a book, but separate trades.
            self.intervals.add(Span::ZERO);
        }
        self.last = at;
        if let RecordBody::Trade { id: Some(id), .. } = record.body
            && !self.ids.see(id)
        {
            self.fill(id);
        }
    }

    /// Call before [`Continuity::close`] when an id may have come twice unnoticed: then late trades prove of
    /// no hole that it was filled.
    pub fn doubt_late_trades(&mut self) {
        self.holes.join(&self.filled_holes);
        self.ids.whole -= std::mem::take(&mut self.filled);
    }

    /// Call after the last row of the file; `bar` is the length of its bars.
    pub fn close(&mut self, bar: Span) {
        self.turn();
        self.open_holes.drain(..).for_each(|hole| self.holes.push(hole.pause));
        if self.kind == StreamKind::Bars {
            self.bar = bar;
        }
    }

    /// Appends another file of the stream, whose rows are all later. Both must be closed.
    pub fn join(&mut self, later: &Continuity) {
        let Some(next) = later.first else { return };
        if self.first.is_some() && next > self.last {
            let proof = self.ids.goes_on(later.ids.lowest, 1);
            let pause = Pause { from: self.last, to: next, is_proven: proof == Proof::Whole };
            let longest = if self.kind == StreamKind::Funding { FUNDING_GAP } else { FILE_GAP };
            self.intervals.add(next - self.last);
            match proof {
                Proof::Hole(_) => self.holes.push(pause),
                _ if next - (self.last + self.bar) > longest => self.between_files.push(pause),
                _ if next - self.last > SHORTEST_SILENCE => self.pauses.push(pause),
                _ => {}
            }
        }
        self.first = self.first.or(later.first);
        (self.last, self.bar) = (later.last, later.bar);
        self.intervals.join(&later.intervals);
        self.pauses.join(&later.pauses);
        self.holes.join(&later.holes);
        self.between_files.extend(&later.between_files);
        self.ids.lowest = self.ids.lowest.or(later.ids.lowest);
        self.ids.before = later.ids.before.max(self.ids.before);
        self.ids.steps += later.ids.steps;
        self.ids.whole += later.ids.whole;
    }

    /// Ends the current timestamp: evaluates what its ids prove about the pause before it.
    fn turn(&mut self) {
        let ids = &mut self.ids;
        let (now, fresh) = (ids.now.take(), std::mem::take(&mut ids.fresh));
        if let Some((from, to)) = ids.pause.take() {
            let proof = ids.goes_on(now, fresh);
            let pause = Pause { from, to, is_proven: proof == Proof::Whole };
            match proof {
                Proof::Hole(missing) => self.open_hole(OpenHole { missing, pause }),
                _ if to - from > SHORTEST_SILENCE => self.pauses.push(pause),
                _ => {}
            }
        }
        self.ids.before = self.ids.before.max(now);
    }

    /// Keeps a hole until its trades come or there are too many younger ones.
    fn open_hole(&mut self, hole: OpenHole) {
        if self.open_holes.len() == OPEN_TRADE_HOLES
            && let Some(oldest) = self.open_holes.pop_front()
        {
            self.holes.push(oldest.pause);
        }
        self.open_holes.push_back(hole);
    }

    /// Takes a trade that comes after one with a higher id. A hole whose trades have all come is none. Those
    /// who read the rows leave out ids that come again, and say when they could not:
    /// [`Continuity::doubt_late_trades`].
    #[cold]
    fn fill(&mut self, id: u64) {
        let index = self.open_holes.partition_point(|hole| hole.missing.below <= id);
        let Some(hole) = self.open_holes.get_mut(index).filter(|hole| hole.missing.above < id) else {
            return;
        };
        hole.missing.count -= 1;
        if hole.missing.count > 0 {
            return;
        }
        let pause = hole.pause;
        self.open_holes.remove(index);
        self.filled_holes.push(pause);
        self.filled += 1;
        self.ids.whole += 1;
        if pause.to - pause.from > SHORTEST_SILENCE {
            self.pauses.push(Pause { is_proven: true, ..pause });
        }
    }

    /// Whether ids count trades one by one, so that a hole means missing trades. Some venues use random ids.
    fn ids_count(&self) -> bool {
        2 * self.ids.whole > self.ids.steps
    }

    /// Time without rows of this stream: its pauses, and the time before its first and after its last row.
    fn without_rows(&self) -> Vec<Pause> {
        let (Some(first), last) = (self.first, self.last) else { return Vec::new() };
        let outside = |from, to| Pause { from, to, is_proven: false };
        let mut all = self.pauses.sorted();
        all.extend(self.between_files.iter().copied().chain(self.holes.sorted()));
        all.iter_mut().for_each(|pause| {
            pause.from = (pause.from + self.bar).min(pause.to);
            pause.is_proven &= self.ids_count();
        });
        all.insert(0, outside(Timestamp::MIN, first));
        all.push(outside(last + self.bar, Timestamp::MAX));
        all.sort();
        all
    }

    /// Whether it has a row before and after a pause.
    fn surrounds(&self, pause: Pause) -> bool {
        self.first.is_some_and(|first| first < pause.to) && self.last >= pause.to
    }

    /// Whether it has a row inside a pause.
    fn has_rows_within(&self, pause: Pause) -> bool {
        let rests = |own: &Pause| own.from <= pause.from && pause.to <= own.to;
        self.first.is_some() && !self.without_rows().iter().any(rests)
    }

    fn gap(&self, pause: &Pause, cause: GapCause) -> RecordedGap {
        RecordedGap {
            stream: self.kind,
            gap: Gap { from: (pause.from + self.bar).min(pause.to), to: pause.to, cause },
        }
    }
}

/// Gaps of one symbol's closed streams, sorted by time: holes in trade ids, files that do not touch, and
/// silence.
///
/// A silence is judged on the stream that prices come from. Another one that goes on proves that somebody
/// recorded, but not that no trade was lost; it only proves itself.
pub fn gaps(streams: &[&Continuity]) -> Vec<RecordedGap> {
    let mut gaps = Vec::new();
    for stream in streams {
        let counts = stream.ids_count();
        if counts {
            gaps.extend(stream.holes.sorted().iter().map(|hole| stream.gap(hole, GapCause::MissingTrades)));
        }
        let apart = stream.between_files.iter().filter(|pause| !(counts && pause.is_proven));
        gaps.extend(apart.map(|pause| stream.gap(pause, GapCause::Import)));
    }
    let judged = judged(streams);
    let is_judged = |kind: StreamKind| judged.iter().any(|stream| stream.kind == kind);
    let known = gaps.clone();
    // A known gap is not reported as silence too.
    let is_known = |kind: StreamKind, pause: &Pause| {
        let mut own = known.iter().filter(|gap| gap.stream == kind).map(|gap| gap.gap);
        own.any(|gap| gap.from < pause.to && pause.from < gap.to)
    };
    let shortest = shortest_silence(&judged);
    for silence in silences(&judged, shortest) {
        if judged.iter().any(|stream| is_known(stream.kind, &silence)) {
            continue;
        }
        let went_on = |stream: &&&Continuity| stream.kind.is_of_book() && stream.has_rows_within(silence);
        let cause = match is_judged(StreamKind::Trades) && streams.iter().any(|stream| went_on(&stream)) {
            true => GapCause::TradeSilence,
            false => GapCause::Silence,
        };
        for stream in streams.iter().filter(|stream| stream.surrounds(silence)) {
            if is_judged(stream.kind) {
                let gap = Gap { from: silence.from, to: silence.to, cause };
                gaps.push(RecordedGap { stream: stream.kind, gap });
                continue;
            }
            for part in intersection(&[silence], &stream.without_rows()) {
                if part.to - part.from > shortest && !is_known(stream.kind, &part) {
                    let gap = Gap { from: part.from, to: part.to, cause: GapCause::Silence };
                    gaps.push(RecordedGap { stream: stream.kind, gap });
                }
            }
        }
    }
    gaps.sort_by_key(|gap| (gap.gap.to, gap.gap.from, gap.stream));
    gaps
}

/// The streams on which silence is judged: trades, else bars, else all but funding, whose rows are hours
/// apart.
fn judged<'a>(streams: &[&'a Continuity]) -> Vec<&'a Continuity> {
    let of = |is: fn(StreamKind) -> bool| -> Vec<&'a Continuity> {
        streams.iter().copied().filter(|stream| is(stream.kind) && stream.first.is_some()).collect()
    };
    let kinds: [fn(StreamKind) -> bool; 3] = [
        |kind| kind == StreamKind::Trades,
        |kind| kind == StreamKind::Bars,
        |kind| kind != StreamKind::Funding,
    ];
    kinds.into_iter().map(of).find(|found| !found.is_empty()).unwrap_or_default()
}

/// The length that a pause must exceed to be silence.
fn shortest_silence(judged: &[&Continuity]) -> Span {
    let usual = judged.iter().filter_map(|stream| stream.intervals.percentile_99()).min();
    let usual = usual.map_or(i64::MAX, Span::nanos);
    SHORTEST_SILENCE.max(Span::from_nanos(usual.saturating_mul(SILENCE_INTERVALS)))
}

/// Times without a row of any judged stream, with rows before and after, that are longer than `shortest`.
fn silences(judged: &[&Continuity], shortest: Span) -> Vec<Pause> {
    let common = judged
        .iter()
        .map(|stream| stream.without_rows())
        .reduce(|before, own| intersection(&before, &own))
        .unwrap_or_default();
    let inside = |pause: &Pause| pause.from > Timestamp::MIN && pause.to < Timestamp::MAX;
    let is_silence = |pause: &Pause| inside(pause) && !pause.is_proven && pause.to - pause.from > shortest;
    common.into_iter().filter(is_silence).collect()
}

/// Intersection of two sorted lists; a pause is proven if either list proves it.
fn intersection(a: &[Pause], b: &[Pause]) -> Vec<Pause> {
    let (mut all, mut i, mut j) = (Vec::new(), 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let (from, to) = (x.from.max(y.from), x.to.min(y.to));
        if from < to {
            all.push(Pause { from, to, is_proven: x.is_proven || y.is_proven });
        }
        if x.to <= y.to { i += 1 } else { j += 1 }
    }
    all
}

impl Ids {
    /// Adds an id of the current timestamp. `false`: a higher one has an earlier time.
    #[inline]
    fn see(&mut self, id: u64) -> bool {
        let is_fresh = self.before.is_none_or(|before| id > before);
        self.lowest = Some(self.lowest.map_or(id, |lowest| lowest.min(id)));
        self.fresh += u64::from(is_fresh);
        self.now = self.now.max(Some(id));
        is_fresh
    }

    /// What it proves that the ids continue from `before` with `fresh` new ones up to `highest`.
    fn goes_on(&mut self, highest: Option<u64>, fresh: u64) -> Proof {
        let (Some(before), Some(highest)) = (self.before, highest) else { return Proof::Nothing };
        if highest <= before {
            return Proof::Nothing;
        }
        self.steps += 1;
        if highest - before <= fresh {
            self.whole += 1;
            return Proof::Whole;
        }
        Proof::Hole(MissingIds { above: before, below: highest, count: highest - before - fresh })
    }
}

/// The `limit` longest pauses.
#[derive(Clone, Debug)]
struct Longest {
    limit: usize,
    kept: BinaryHeap<Reverse<(Span, Pause)>>,
}

impl Longest {
    fn new(limit: usize) -> Self {
        Longest { limit, kept: BinaryHeap::new() }
    }

    fn push(&mut self, pause: Pause) {
        self.kept.push(Reverse((pause.to - pause.from, pause)));
        if self.kept.len() > self.limit {
            self.kept.pop();
        }
    }

    fn join(&mut self, other: &Longest) {
        other.kept.iter().for_each(|Reverse((_, pause))| self.push(*pause));
    }

    fn sorted(&self) -> Vec<Pause> {
        let mut all: Vec<Pause> = self.kept.iter().map(|Reverse((_, pause))| *pause).collect();
        all.sort();
        all
    }
}

/// Histogram of intervals with eight classes per doubling, i.e. a resolution of one eighth.
#[derive(Clone, Default, Debug)]
struct Intervals {
    counts: Vec<u64>,
    total: u64,
}

impl Intervals {
    #[inline]
    fn add(&mut self, interval: Span) {
        let class = class_of((interval.nanos() / 1_000).unsigned_abs());
        if class >= self.counts.len() {
            self.counts.resize(class + 1, 0);
        }
        self.counts[class] += 1;
        self.total += 1;
    }

    fn join(&mut self, other: &Intervals) {
        if other.counts.len() > self.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, others)| *mine += others);
        self.total += other.total;
    }

    /// The 99th percentile; with few intervals it is the second longest.
    fn percentile_99(&self) -> Option<Span> {
        let rank = self.total.checked_sub(1)? * 99 / 100;
        let mut seen = 0;
        let class = self.counts.iter().position(|count| {
            seen += count;
            seen > rank
        })?;
        Some(Span::from_nanos(i64::try_from(longest_of(class)).unwrap_or(i64::MAX).saturating_mul(1_000)))
    }
}

fn class_of(micros: u64) -> usize {
    match micros.checked_ilog2() {
        Some(doublings) if doublings >= 3 => {
            8 * (doublings as usize - 2) + ((micros >> (doublings - 3)) & 7) as usize
        }
        _ => micros as usize,
    }
}

/// The longest interval of a class, microseconds.
fn longest_of(class: usize) -> u64 {
    if class < 8 {
        return class as u64;
    }
    let (doublings, part) = (class / 8 + 2, (class % 8) as u64);
    ((8 + part + 1) << (doublings - 3)) - 1
}

#[cfg(test)]
mod tests;
