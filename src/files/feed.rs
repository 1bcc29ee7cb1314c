//! The files of one source as a feed: each is opened when its time comes, merged by time, converted to ticks
//! and lots. Memory is constant.
//!
//! A gap comes before data of the time it ends. Best bids and asks are validated by the survey but not
//! replayed. Where a symbol has both level changes and top-of-book snapshots of the same time, only the
//! changes are replayed: the snapshots are the top of the same book, and replaying both would repeatedly cut
//! the deep book to 20 levels. Bars of a symbol that has trades are not replayed: they would repeat its
//! trades.

mod book;
mod cursor;

use super::error::{FileError, Problem};
use super::paths;
use super::survey::{FeedClock, FileSurvey, FileSymbol, Selection, SourceSurvey};
use crate::domain::event::Gap;
use crate::domain::record::StreamKind;
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::Timestamp;
use crate::limits::BLOCK_ROWS;
use crate::session::ports::{Chunk, Feed, FeedError, TickKind};
use cursor::{Cursor, Plan, Target};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Maximum ticks per chunk.
const CHUNK_TICKS: usize = BLOCK_ROWS;
/// Book levels after which a chunk is handed over even if it has few ticks.
const CHUNK_LEVELS: usize = 1 << 17;

/// A feed over several files.
pub struct FileFeed {
    cursors: Vec<Cursor>,
    /// The next tick of every cursor, or a lower bound of its time while none is decoded.
    queue: BinaryHeap<Reverse<Key>>,
    /// Gaps sorted by end, and how many were handed over.
    gaps: Vec<(SymbolId, Gap)>,
    gaps_sent: usize,
    read_bytes: Arc<AtomicU64>,
    total_bytes: u64,
}

/// Replay order: time, then gaps before streams, then file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    at: Timestamp,
    /// `None`: a gap.
    stream: Option<StreamKind>,
    cursor: u32,
}

impl FileFeed {
    /// A feed over the files of a survey, for the symbols of `table` within the selection. Opens no file yet.
    ///
    /// # Errors
    /// Replay by receive time of a file without receive times.
    pub fn open(
        survey: &SourceSurvey,
        selection: &Selection,
        table: &SymbolTable,
    ) -> Result<Self, FileError> {
        let read_bytes = Arc::new(AtomicU64::new(0));
        let mut cursors = Vec::new();
        let mut total_bytes = 0;
        for file in survey.files.iter().filter(|file| file.kind != StreamKind::Quotes) {
            if selection.clock == FeedClock::Receive && !file.has_receive_times {
                return Err(FileError::of(&file.path, Problem::NoReceiveTime));
            }
            let boundary = |at: Option<Timestamp>| at.map(|at| file.kind.boundary(at));
            let (from, to) = (boundary(selection.from), boundary(selection.to));
            let targets: Vec<Target> = file
                .symbols
                .iter()
                .filter(|symbol| selection.wants(&symbol.name) && !has_better_book(survey, file, symbol))
                .filter(|symbol| !are_unused_bars(survey, file.kind, &symbol.name))
                .filter(|symbol| {
                    from.is_none_or(|from| symbol.last >= from) && to.is_none_or(|to| symbol.first < to)
                })
                .filter_map(|symbol| target(symbol, table))
                .collect();
            // If symbols are not sorted together, each gets a pass of its own through the file.
            let passes = if file.is_time_ordered {
                vec![targets]
            } else {
                targets.into_iter().map(|target| vec![target]).collect()
            };
            for targets in passes.into_iter().filter(|targets| !targets.is_empty()) {
                let plan = Plan {
                    path: file.path.clone(),
                    kind: file.kind,
                    targets,
                    from,
                    to,
                    clock: selection.clock,
                    declared: selection.declared.clone(),
                    elsewhere: file.elsewhere.clone(),
                    sorted: file.sorted.clone(),
                    opener: selection.opener.clone(),
                };
                cursors.push(Cursor::new(plan, Arc::clone(&read_bytes)));
                total_bytes += file.bytes;
            }
        }
        let queue = cursors.iter().enumerate().map(|(i, cursor)| Reverse(Key::of(i, cursor))).collect();
        let gaps = chosen_gaps(survey, selection, table);
        let mut feed = FileFeed { cursors, queue, gaps, gaps_sent: 0, read_bytes, total_bytes };
        feed.queue_next_gap();
        Ok(feed)
    }

    fn queue_next_gap(&mut self) {
        if let Some((_, gap)) = self.gaps.get(self.gaps_sent) {
            self.queue.push(Reverse(Key { at: gap.to, stream: None, cursor: 0 }));
        }
    }

    /// Bytes that a complete replay reads from disk.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Bytes read from disk so far; can be read from another thread.
    pub fn progress(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read_bytes)
    }

    /// Bytes read from disk so far.
    pub fn bytes_read(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    fn fill(&mut self, chunk: &mut Chunk) -> Result<(), FileError> {
        let mut levels = 0;
        while chunk.ticks().len() < CHUNK_TICKS && levels < CHUNK_LEVELS {
            let Some(Reverse(key)) = self.queue.pop() else { return Ok(()) };
            if key.stream.is_none() {
                let (symbol, gap) = self.gaps[self.gaps_sent];
                chunk.push(gap.to, symbol, TickKind::Gap(gap));
                self.gaps_sent += 1;
                self.queue_next_gap();
                continue;
            }
            let index = key.cursor as usize;
            let cursor = &mut self.cursors[index];
            if cursor.is_drained() {
                // Nothing else comes before this cursor's next ticks, so they need no merging.
                if self.queue.is_empty() && chunk.ticks().is_empty() {
                    if cursor.refill()? {
                        cursor.take_all(chunk);
                        self.queue.push(Reverse(Key::of(index, cursor)));
                        return Ok(());
                    }
                } else if cursor.refill()? {
                    self.queue.push(Reverse(Key::of(index, cursor)));
                }
                continue;
            }
            let next = self.queue.peek().map(|Reverse(key)| *key);
            loop {
                levels += cursor.take_one(chunk);
                let key = Key::of(index, cursor);
                let full = chunk.ticks().len() >= CHUNK_TICKS || levels >= CHUNK_LEVELS;
                if full || cursor.is_drained() || next.is_some_and(|next| next < key) {
                    self.queue.push(Reverse(key));
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Feed for FileFeed {
    fn next(&mut self, chunk: &mut Chunk) -> Result<bool, FeedError> {
        chunk.clear();
        self.fill(chunk).map_err(|error| FeedError(error.to_string()))?;
        Ok(!chunk.ticks().is_empty())
    }
}

impl Key {
    fn of(index: usize, cursor: &Cursor) -> Key {
        Key { at: cursor.next_at(), stream: Some(cursor.kind()), cursor: index as u32 }
    }
}

/// Whether a symbol's snapshots are skipped because its level changes are available, in a file of the same
/// stem or with an overlapping time span.
fn has_better_book(survey: &SourceSurvey, file: &FileSurvey, symbol: &FileSymbol) -> bool {
    let is_better = |changes: &FileSurvey| {
        let same_stem = || paths::stem(&changes.path) == paths::stem(&file.path);
        let mut own = changes.symbols.iter().filter(|found| found.name == symbol.name);
        own.any(|found| found.first <= symbol.last && symbol.first <= found.last || same_stem())
    };
    file.kind == StreamKind::BookSnapshots
        && survey.files.iter().any(|found| found.kind == StreamKind::BookChanges && is_better(found))
}

/// Whether these are bars of a symbol that has trades.
fn are_unused_bars(survey: &SourceSurvey, kind: StreamKind, name: &str) -> bool {
    let has_trades =
        || survey.symbols.iter().any(|symbol| symbol.name == name && symbol.has(StreamKind::Trades));
    kind == StreamKind::Bars && has_trades()
}

/// Gaps of the replayed streams that end within the selection; equal gaps of several streams are merged.
fn chosen_gaps(survey: &SourceSurvey, selection: &Selection, table: &SymbolTable) -> Vec<(SymbolId, Gap)> {
    let ends_inside = |gap: &Gap| {
        selection.from.is_none_or(|from| from <= gap.to) && selection.to.is_none_or(|to| gap.to < to)
    };
    let wanted = |name: &str| if selection.wants(name) { table.find(name) } else { None };
    let replayed = survey.gaps.iter().filter(|(name, gap)| {
        gap.stream != StreamKind::Quotes
            && !are_unused_bars(survey, gap.stream, name)
            && ends_inside(&gap.gap)
    });
    let mut gaps: Vec<(SymbolId, Gap)> =
        replayed.filter_map(|(name, gap)| Some((wanted(name)?, gap.gap))).collect();
    gaps.sort_by_key(|(symbol, gap)| (gap.to, *symbol, gap.from, gap.cause));
    gaps.dedup();
    gaps
}

fn target(symbol: &FileSymbol, table: &SymbolTable) -> Option<Target> {
    let id: SymbolId = table.find(&symbol.name)?;
    let spec = table.spec(id);
    Some(Target {
        name: symbol.name.clone(),
        id,
        price_step: spec.price_step,
        quantity_step: spec.quantity_step,
        bar: symbol.bar,
        first: symbol.first,
        rows: symbol.rows,
    })
}

/// Number of levels of a tick.
fn level_count(kind: &TickKind) -> usize {
    match kind {
        TickKind::BookSnapshot { bids, asks, .. } => (bids + asks) as usize,
        TickKind::BookChange { count, .. } => *count as usize,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
