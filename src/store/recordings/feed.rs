//! A recording as a feed: streams of the chosen symbols merged by time.
//!
//! Ticks are ordered by time, then gaps before data, then stream kind, symbol id and row. The source with the
//! smallest key emits until another one has a smaller key; memory is one block per stream.

use super::super::records::{RecordedSymbolV1, RecordingV1};
use super::super::{Store, StoreError};
use super::no_symbol;
use super::reader::BlockReader;
use super::source_context::{FeedClock, SourceContext};
use super::ticks::TickSource;
use super::trades::TradeSource;
use crate::domain::event::Gap;
use crate::domain::record::StreamKind;
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::Timestamp;
use crate::limits::FEED_CHUNK_TICKS;
use crate::session::ports::{Chunk, Feed, FeedError, TickKind};

/// Which part of a recording to replay.
#[derive(Clone, Copy, Debug)]
pub struct FeedChoice<'a> {
    /// The recording's id.
    pub recording: &'a str,
    /// Symbols of the session's table; the recording must contain each under its name.
    pub symbols: &'a [SymbolId],
    /// Streams of these symbols; empty for all. Quotes are never replayed, because the engine has no event
    /// for them.
    pub streams: &'a [(SymbolId, StreamKind)],
    /// Which timestamp orders the replay.
    pub clock: FeedClock,
    /// Start (inclusive; of bars see [`StreamKind::boundary`]). An incremental book that began earlier is
    /// replayed as one snapshot at this time.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
}

/// The merged ticks of a recording.
pub struct RecordingFeed<'a> {
    sources: Vec<Source<'a>>,
    /// Every source that is not at its end.
    heads: Heads,
    found_damage: bool,
}

enum Source<'a> {
    Gaps(GapSource),
    Trades(Box<TradeSource<'a>>),
    Ticks(Box<TickSource<'a>>),
}

impl Source<'_> {
    /// Time of the next tick, reading from the store if needed; `None` at the end.
    fn head(&mut self) -> Result<Option<i64>, StoreError> {
        match self {
            Source::Gaps(source) => Ok(source.head()),
            Source::Trades(source) => source.head(),
            Source::Ticks(source) => source.head(),
        }
    }

    fn blocks(&self) -> Option<&BlockReader<'_>> {
        match self {
            Source::Gaps(_) => None,
            Source::Trades(source) => Some(source.blocks()),
            Source::Ticks(source) => Some(source.blocks()),
        }
    }

    /// Appends ticks before `limit_ns` until the chunk is full or the current block is used up.
    fn emit(&mut self, limit_ns: i64, chunk: &mut Chunk) {
        let room = FEED_CHUNK_TICKS.saturating_sub(chunk.ticks().len());
        match self {
            Source::Gaps(source) => source.emit(limit_ns, room, chunk),
            Source::Trades(source) => source.emit(limit_ns, room, chunk),
            Source::Ticks(source) => source.emit(limit_ns, room, chunk),
        }
    }
}

/// Times of the next ticks and indexes of their sources as a binary heap, smallest first. The first one is
/// replaced in place, because with many symbols almost every tick is followed by one of another source.
#[derive(Default)]
struct Heads(Vec<(i64, usize)>);

impl Heads {
    fn new(mut heads: Vec<(i64, usize)>) -> Self {
        // Ascending values are a heap.
        heads.sort_unstable();
        Heads(heads)
    }

    fn first(&self) -> Option<(i64, usize)> {
        self.0.first().copied()
    }

    /// The smallest but one: a child of the first.
    fn second(&self) -> Option<(i64, usize)> {
        self.0.iter().skip(1).take(2).min().copied()
    }

    /// The first source has its next tick at this time; `None`: it is at its end.
    fn set_first(&mut self, at: Option<i64>) {
        match (at, self.0.first_mut()) {
            (Some(at), Some(first)) => first.0 = at,
            (None, Some(_)) => _ = self.0.swap_remove(0),
            (_, None) => return,
        }
        let (heads, mut parent) = (self.0.as_mut_slice(), 0);
        loop {
            let left = 2 * parent + 1;
            let right = left + 1;
            let child = if right < heads.len() && heads[right] < heads[left] { right } else { left };
            if child >= heads.len() || heads[parent] <= heads[child] {
                return;
            }
            heads.swap(parent, child);
            parent = child;
        }
    }
}

struct GapSource {
    /// Sorted by end time.
    gaps: Vec<(SymbolId, Gap)>,
    next: usize,
}

impl GapSource {
    fn head(&self) -> Option<i64> {
        self.gaps.get(self.next).map(|(_, gap)| gap.to.nanos())
    }

    fn emit(&mut self, limit_ns: i64, room: usize, chunk: &mut Chunk) {
        let due = self.gaps[self.next..].iter().take(room).take_while(|(_, gap)| gap.to.nanos() < limit_ns);
        let count = due.map(|(symbol, gap)| chunk.push(gap.to, *symbol, TickKind::Gap(*gap))).count();
        self.next += count;
    }
}

impl Store {
    /// A feed over a recording.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a symbol that is not in the recording, or receive times that a chosen
    /// stream lacks.
    pub fn feed(&self, choice: FeedChoice<'_>, table: &SymbolTable) -> Result<RecordingFeed<'_>, StoreError> {
        self.make_feed(choice, table, false)
    }

    /// A feed for somebody who has seen everything before `choice.from`: no book stands for what came before,
    /// and gaps that end there are told.
    ///
    /// # Errors
    /// As [`Store::feed`].
    pub fn feed_on(
        &self,
        choice: FeedChoice<'_>,
        table: &SymbolTable,
    ) -> Result<RecordingFeed<'_>, StoreError> {
        self.make_feed(choice, table, true)
    }

    fn make_feed(
        &self,
        choice: FeedChoice<'_>,
        table: &SymbolTable,
        goes_on: bool,
    ) -> Result<RecordingFeed<'_>, StoreError> {
        let recording = self.recording(choice.recording)?;
        // Whoever goes on has seen what came before `from`, of bars too.
        let boundary = |kind: StreamKind, at| if goes_on { at } else { kind.boundary(at) }.nanos();
        let mut planned = Vec::new();
        for &id in choice.symbols {
            let spec = table.spec(id);
            let recorded = recording.symbol(&spec.name).ok_or_else(|| no_symbol(&recording, &spec.name))?;
            for (order, (kind, _)) in StreamKind::ALL.iter().enumerate() {
                if is_chosen(&choice, id, *kind) && recorded.stream(*kind).is_some() {
                    planned.push((order, id, *kind, recorded, spec));
                }
            }
        }
        planned.sort_by_key(|(order, id, ..)| (*order, *id));
        let mut sources = vec![Source::Gaps(self.gap_source(&choice, table, goes_on)?)];
        for (_, id, kind, recorded, spec) in planned {
            let context = SourceContext {
                symbol: id,
                price_step: spec.price_step,
                quantity_step: spec.quantity_step,
                clock: choice.clock,
                from_ns: boundary(kind, choice.from),
                to_ns: boundary(kind, choice.to),
                goes_on,
            };
            sources.push(self.source(context, &recording, kind, recorded)?);
        }
        let mut heads = Vec::with_capacity(sources.len());
        for (index, source) in sources.iter_mut().enumerate() {
            if let Some(at) = source.head()? {
                heads.push((at, index));
            }
        }
        Ok(RecordingFeed { sources, heads: Heads::new(heads), found_damage: false })
    }

    fn source<'a>(
        &'a self,
        context: SourceContext,
        recording: &RecordingV1,
        kind: StreamKind,
        recorded: &RecordedSymbolV1,
    ) -> Result<Source<'a>, StoreError> {
        let stream = recorded.stream(kind).ok_or_else(|| no_symbol(recording, &recorded.name))?;
        if context.clock == FeedClock::Receive && !stream.has_receive_times {
            return Err(StoreError::Refused(format!(
                "{} {} of recording `{}` has no receive times: replay it by the exchange's clock, or leave that stream out",
                recorded.name,
                kind.as_str(),
                recording.id
            )));
        }
        let blocks = BlockReader::new(self, &recording.id, &recorded.name, kind, stream.rows);
        Ok(match kind {
            StreamKind::Trades => Source::Trades(Box::new(TradeSource::new(blocks, context)?)),
            _ => Source::Ticks(Box::new(TickSource::new(blocks, context, kind, stream)?)),
        })
    }

    fn gap_source(
        &self,
        choice: &FeedChoice<'_>,
        table: &SymbolTable,
        goes_on: bool,
    ) -> Result<GapSource, StoreError> {
        let mut gaps: Vec<(SymbolId, Gap)> = Vec::new();
        for (name, recorded) in self.gaps(choice.recording)? {
            let symbol = choice.symbols.iter().copied().find(|id| table.spec(*id).name == name);
            // Nothing is carried over one that ends where the feed begins.
            let ends_at_start = goes_on && choice.from == recorded.gap.to;
            let inside = (choice.from < recorded.gap.to || ends_at_start) && recorded.gap.to < choice.to;
            gaps.extend(
                symbol
                    .filter(|symbol| inside && is_chosen(choice, *symbol, recorded.stream))
                    .map(|symbol| (symbol, recorded.gap)),
            );
        }
        gaps.sort_by_key(|(symbol, gap)| (gap.to, *symbol, gap.from, gap.cause));
        // The engine gets one gap for a lost connection, not one per stream.
        gaps.dedup();
        Ok(GapSource { gaps, next: 0 })
    }
}

fn is_chosen(choice: &FeedChoice<'_>, symbol: SymbolId, kind: StreamKind) -> bool {
    kind != StreamKind::Quotes && (choice.streams.is_empty() || choice.streams.contains(&(symbol, kind)))
}

impl RecordingFeed<'_> {
    /// Rows of all chosen streams when the feed was made, those outside the chosen time included unless whole
    /// segments of them were skipped by their receive times.
    pub fn rows(&self) -> u64 {
        self.sources.iter().filter_map(Source::blocks).map(BlockReader::rows).sum()
    }

    fn fill(&mut self, chunk: &mut Chunk) -> Result<(), StoreError> {
        chunk.clear();
        while chunk.ticks().len() < FEED_CHUNK_TICKS {
            let Some((_, index)) = self.heads.first() else { break };
            let source = &mut self.sources[index];
            // Of ticks with equal times, those of the source with the smaller index come first.
            let limit_ns = match self.heads.second() {
                None => i64::MAX,
                Some((at, other)) if index < other => at.saturating_add(1),
                Some((at, _)) => at,
            };
            source.emit(limit_ns, chunk);
            self.heads.set_first(source.head()?);
        }
        Ok(())
    }
}

impl Feed for RecordingFeed<'_> {
    fn next(&mut self, chunk: &mut Chunk) -> Result<bool, FeedError> {
        let filled = self.fill(chunk);
        if let Err(error) = filled {
            // Half a chunk would be wrong: nothing of it is handed over, and nothing afterwards.
            chunk.clear();
            self.heads = Heads::default();
            self.found_damage = matches!(error, StoreError::Damaged { .. });
            return Err(FeedError(error.to_string()));
        }
        Ok(!chunk.ticks().is_empty())
    }

    fn found_damage(&self) -> bool {
        self.found_damage
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rng::Rng;

    #[test]
    fn heads_come_in_the_order_of_their_times_and_of_their_sources_at_equal_ones() {
        let mut rng = Rng::new(3);
        for count in [0, 1, 2, 3, 17, 100] {
            let first: Vec<(i64, usize)> = (0..count).map(|index| (rng.between(0, 9), index)).collect();
            let mut left = first.clone();
            let mut heads = Heads::new(first);
            while let Some((at, index)) = heads.first() {
                left.sort_unstable();
                assert_eq!(
                    (Some((at, index)), heads.second()),
                    (left.first().copied(), left.get(1).copied())
                );
                let next = (!rng.once_in(5)).then(|| at + rng.between(0, 3));
                heads.set_first(next);
                left.remove(0);
                left.extend(next.map(|at| (at, index)));
            }
            assert!(left.is_empty());
        }
    }
}
