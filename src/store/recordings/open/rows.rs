//! Rows of an open recording that wait in memory, and what a commit takes of them.
//!
//! A row waits in its stream until it is in a block; from its commit on it is in a chunk of the journal,
//! later in a block, never in both for a reader. Invariant: nothing here touches the disk, so whoever appends
//! never waits for it.

use super::super::super::blocks::{Rows, kind_code};
use super::super::super::journal::ChunkWriter;
use super::super::super::records::{GapV1, RecordedStreamV1, RecordedSymbolV1, SessionControlV1};
use super::super::super::sessions::EncodedSession;
use super::super::super::{StoreError, encode};
use super::super::grid::Grids;
use super::bounds::{Bounds, JournalChunks};
use super::waiting::WaitingStream;
use crate::domain::record::{Record, RecordedGap, StreamKind};
use crate::domain::time::Timestamp;
use crate::limits::{RECORDING_STREAMS, SESSION_SYMBOLS};
use std::collections::BTreeSet;
use std::ops::Range;

// A session on a market records every kind of all its symbols.
const _: () = assert!(RECORDING_STREAMS >= SESSION_SYMBOLS * StreamKind::ALL.len());

/// Bytes of a control that count as one row.
const ROW_BYTES: usize = 128;

/// Which streams a commit seals into blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sealing {
    /// What the bounds ask for.
    Due,
    /// Those of the symbol at an index, and what the bounds ask for.
    Symbol(usize),
    /// Every stream.
    All,
}

/// What an open recording holds in memory.
pub struct RowBuffer {
    pub bounds: Bounds,
    id: String,
    /// By index of the symbol.
    names: Vec<String>,
    pub symbols: Vec<SymbolBuffer>,
    /// In the order of their first rows.
    pub streams: Vec<WaitingStream>,
    /// Indexes of streams that have something to commit.
    touched: Vec<usize>,
    /// Gaps since the last commit.
    gaps: Vec<Vec<u8>>,
    /// What was done to its session since the last commit.
    session: Option<EncodedSession>,
    /// Rows that arrive from now on were not received before this: the last one before it was taken up again.
    pub begins_at: Timestamp,
    /// Receive time of the latest row.
    pub last_received: Option<Timestamp>,
    /// Rows that wait, and those of them, with gaps and controls, that are not on their way to the disk.
    pub pending: usize,
    pub uncommitted: usize,
    /// The commit that failed: memory and disk may differ since.
    failed: Option<StoreError>,
}

/// One symbol of an open recording.
#[derive(Clone, Default)]
pub struct SymbolBuffer {
    pub grids: Grids,
    /// Index in `streams` by stream code.
    pub streams: [Option<usize>; 8],
}

/// Rows of a stream that become blocks.
pub struct SealedRows {
    /// Index of the stream.
    pub index: usize,
    /// Index of its symbol.
    pub symbol: usize,
    pub rows: Rows,
    /// Of bars: the smallest distance of two, 0 when unknown.
    pub spacing_ns: i64,
}

/// What a commit takes.
#[derive(Default)]
pub struct Taken {
    /// Rows that become blocks, at most once of a stream.
    pub sealed: Vec<SealedRows>,
    /// Number and bytes of the chunk with the other rows.
    pub chunk: Option<(u64, Vec<u8>)>,
    /// Chunks that are needed no more once the commit is on disk.
    pub dropped: Range<u64>,
    /// Gaps, encoded.
    pub gaps: Vec<Vec<u8>>,
    /// What was done to its session.
    pub session: Option<EncodedSession>,
    /// Symbols as they are with these rows; only with rows that become blocks.
    pub symbols: Vec<SymbolBuffer>,
    /// By index: what is on disk of a stream once the commit is; `bytes` are those of its blocks until now.
    pub reached: Vec<(usize, RecordedStreamV1)>,
}

impl Taken {
    /// Whether there are neither rows nor gaps.
    pub fn is_empty(&self) -> bool {
        self.reached.is_empty() && self.gaps.is_empty()
    }
}

impl RowBuffer {
    /// A recording of these symbols without rows.
    pub fn new(id: &str, names: Vec<String>) -> Self {
        RowBuffer {
            bounds: Bounds::default(),
            id: id.to_owned(),
            symbols: vec![SymbolBuffer::default(); names.len()],
            names,
            streams: Vec::new(),
            touched: Vec::new(),
            gaps: Vec::new(),
            session: None,
            begins_at: Timestamp::MIN,
            last_received: None,
            pending: 0,
            uncommitted: 0,
            failed: None,
        }
    }

    /// Why nothing can be added any more.
    pub fn usable(&self) -> Result<(), StoreError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Nothing can be added any more. The first reason stays.
    pub fn fail(&mut self, error: &StoreError) {
        self.failed.get_or_insert_with(|| error.clone());
    }

    /// All rows, in blocks or waiting.
    pub fn rows(&self) -> u64 {
        self.streams.iter().map(WaitingStream::next_seq).sum()
    }

    /// Appends rows of one stream; all of them or, on an error, none.
    pub fn push(&mut self, symbol: usize, rows: &[Record]) -> Result<(), StoreError> {
        self.usable()?;
        let Some(first) = rows.first() else { return Ok(()) };
        let kind = first.body.stream();
        let index = self.stream_index(symbol, kind)?;
        let last = self.check(index, rows)?;
        self.see_numbers(symbol, rows)?;
        let stream = &mut self.streams[index];
        stream.last_received = last;
        self.last_received = self.last_received.max(Some(last));
        for record in rows {
            self.add(index, record)?;
        }
        self.uncommitted += rows.len();
        self.touch(index);
        Ok(())
    }

    /// Whether so much waits for a commit that whoever appends has to wait for one.
    pub fn is_full(&self) -> bool {
        self.uncommitted >= self.bounds.uncommitted_rows
    }

    /// Appends one row that was checked.
    pub fn add(&mut self, index: usize, record: &Record) -> Result<(), StoreError> {
        self.streams[index].add(record)?;
        self.pending += 1;
        Ok(())
    }

    /// Appends a gap.
    pub fn gap(&mut self, symbol: usize, gap: &RecordedGap) -> Result<(), StoreError> {
        self.usable()?;
        let name = self.names.get(symbol).ok_or_else(|| self.no_place(symbol))?;
        self.gaps.push(encode(&GapV1::new(name, gap))?);
        self.uncommitted += 1;
        Ok(())
    }

    /// Appends what was done to its session. One that cannot be kept is the last thing that was added: rows
    /// that follow from it must not be on disk without it.
    pub fn control(&mut self, session: &str, control: &SessionControlV1) -> Result<(), StoreError> {
        self.usable()?;
        let waiting = self.session.get_or_insert_with(|| EncodedSession::empty(session));
        let bytes = waiting.control(control).inspect_err(|error| self.fail(error))?;
        self.uncommitted += bytes.div_ceil(ROW_BYTES);
        Ok(())
    }

    /// Takes what a commit writes: rows of full and of chosen streams as rows, others as a chunk of the
    /// journal. A recording that is over has every row in blocks and no chunk.
    pub fn take(
        &mut self,
        sealing: Sealing,
        journal: &mut JournalChunks,
        chunk: &mut ChunkWriter,
        is_over: bool,
    ) -> Taken {
        let mut taken =
            Taken { gaps: std::mem::take(&mut self.gaps), session: self.session.take(), ..Taken::default() };
        let whole = self.chosen(sealing, journal);
        whole.iter().for_each(|index| self.touch(*index));
        for index in &self.touched {
            let stream = &mut self.streams[*index];
            if whole.contains(index) || stream.is_full() {
                let rows = stream.take(whole.contains(index));
                self.pending -= rows.len();
                let (symbol, spacing_ns) = (stream.symbol, stream.reached().spacing_ns);
                taken.sealed.push(SealedRows { index: *index, symbol, rows, spacing_ns });
            }
            taken.reached.push((*index, stream.reached()));
        }
        if !taken.sealed.is_empty() || is_over {
            taken.symbols.clone_from(&self.symbols);
        }
        if !is_over && !taken.is_empty() {
            self.take_chunk(journal, chunk, &mut taken);
        }
        self.uncommitted = 0;
        self.touched.drain(..).for_each(|index| self.streams[index].is_touched = false);
        taken
    }

    /// The chunk of this commit, and which older ones are needed no more. There is always one, because it
    /// knows when the latest row was received.
    fn take_chunk(&mut self, journal: &mut JournalChunks, chunk: &mut ChunkWriter, taken: &mut Taken) {
        let number = journal.next();
        chunk.begin(self.last_received.unwrap_or(Timestamp::MIN));
        for index in &self.touched {
            let stream = &mut self.streams[*index];
            let range = stream.journaled..stream.rows.len();
            if !range.is_empty() {
                chunk.run(stream.symbol, &stream.rows, range.clone(), stream.first_seq + range.start as u64);
                stream.journaled = range.end;
                stream.chunk.get_or_insert(number);
            }
        }
        let bytes = chunk.finish().to_vec();
        journal.push(bytes.len());
        let needed = self.streams.iter().filter_map(|stream| stream.chunk).min().unwrap_or(number);
        let from = journal.drop_before(needed);
        taken.chunk = Some((number, bytes));
        taken.dropped = from..journal.first;
    }

    /// A commit is on disk: how far its streams have come, and how many rows their last blocks hold.
    pub fn is_on_disk(&mut self, reached: Vec<(usize, RecordedStreamV1, usize)>) {
        for (index, on_disk, behind) in reached {
            let stream = &mut self.streams[index];
            (stream.on_disk, stream.behind) = (on_disk, behind);
        }
    }

    /// Its symbols with all rows that are on disk, also those that are in no block yet.
    pub fn counts(&self) -> Vec<RecordedSymbolV1> {
        recorded(self.names.iter().map(String::as_str), &self.symbols, |index| &self.streams[index].on_disk)
    }

    /// Streams of which every row goes into blocks: those asked for, the largest while too many rows wait,
    /// the oldest while the journal is long.
    fn chosen(&self, sealing: Sealing, journal: &JournalChunks) -> BTreeSet<usize> {
        let mut chosen = BTreeSet::new();
        match sealing {
            Sealing::Due => {}
            Sealing::Symbol(symbol) => {
                chosen.extend(self.symbols.get(symbol).iter().flat_map(|s| s.streams).flatten());
            }
            Sealing::All => chosen.extend(0..self.streams.len()),
        }
        let at_once = |is_full: bool| if is_full { usize::MAX } else { self.bounds.sealed_at_once };
        let enough = self.bounds.pending_rows / 4 * 3;
        if self.pending > enough {
            let most = at_once(self.pending > self.bounds.pending_rows);
            let mut by_size: Vec<usize> = (0..self.streams.len()).collect();
            by_size.sort_unstable_by_key(|index| std::cmp::Reverse(self.streams[*index].rows.len()));
            let mut pending = self.pending;
            for index in by_size.into_iter().take(most) {
                if pending <= enough {
                    break;
                }
                pending -= self.streams[index].rows.len();
                chosen.insert(index);
            }
        }
        if journal.is_over(3, &self.bounds) {
            let most = at_once(journal.is_over(4, &self.bounds));
            let mut by_age: Vec<usize> =
                (0..self.streams.len()).filter(|index| self.streams[*index].chunk.is_some()).collect();
            by_age.sort_unstable_by_key(|index| self.streams[*index].chunk);
            chosen.extend(by_age.into_iter().take(most));
        }
        chosen.retain(|index| !self.streams[*index].rows.is_empty());
        chosen
    }

    /// Notes that a stream has something to commit.
    pub fn touch(&mut self, index: usize) {
        if !std::mem::replace(&mut self.streams[index].is_touched, true) {
            self.touched.push(index);
        }
    }

    /// Index of a stream, which is made when it is not there yet.
    pub fn stream_index(&mut self, symbol: usize, kind: StreamKind) -> Result<usize, StoreError> {
        let code = usize::from(kind_code(kind));
        let known = self.symbols.get(symbol).ok_or_else(|| self.no_place(symbol))?.streams[code];
        if let Some(index) = known {
            return Ok(index);
        }
        let index = self.streams.len();
        if index >= RECORDING_STREAMS {
            return Err(StoreError::Refused(format!(
                "a recording holds at most {RECORDING_STREAMS} streams (symbol and kind): record fewer symbols in it"
            )));
        }
        self.streams.push(WaitingStream::new(symbol, kind, self.begins_at));
        self.symbols[symbol].streams[code] = Some(index);
        Ok(index)
    }

    /// Rows of one kind, each with a receive time that never decreases; returns the last of these.
    fn check(&self, index: usize, rows: &[Record]) -> Result<Timestamp, StoreError> {
        let stream = &self.streams[index];
        let mut last = stream.last_received;
        for (number, record) in rows.iter().enumerate() {
            let problem = match record.received_at {
                _ if record.body.stream() != stream.rows.kind() => "is of another kind".to_owned(),
                None => "has no receive time".to_owned(),
                Some(at) if at < last => {
                    format!("was received before the one before it, at {at} after {last}")
                }
                Some(at) => {
                    last = at;
                    continue;
                }
            };
            let name = &self.names[stream.symbol];
            let word = stream.rows.kind().as_str();
            return Err(StoreError::Refused(format!(
                "{name} {word}: row {} of this message {problem}",
                number + 1
            )));
        }
        Ok(last)
    }

    fn see_numbers(&mut self, symbol: usize, rows: &[Record]) -> Result<(), StoreError> {
        let grids = &mut self.symbols[symbol].grids;
        if rows.iter().all(|record| grids.knows(&record.body)) {
            return Ok(());
        }
        let mut seen = *grids;
        rows.iter().for_each(|record| seen.see(&record.body));
        seen.check(&self.names[symbol])?;
        *grids = seen;
        Ok(())
    }

    fn no_place(&self, symbol: usize) -> StoreError {
        StoreError::Refused(format!(
            "recording `{}` has {} symbols, none at index {symbol}",
            self.id,
            self.symbols.len()
        ))
    }
}

/// Symbols as their recording keeps them, with what is known of the stream at an index.
pub fn recorded<'a>(
    names: impl Iterator<Item = &'a str>,
    symbols: &[SymbolBuffer],
    stream: impl Fn(usize) -> &'a RecordedStreamV1,
) -> Vec<RecordedSymbolV1> {
    let recorded = names.zip(symbols).map(|(name, symbol)| RecordedSymbolV1 {
        name: name.to_owned(),
        price_scale: symbol.grids.prices.scale,
        quantity_scale: symbol.grids.quantities.scale,
        streams: symbol
            .streams
            .iter()
            .flatten()
            .map(|index| stream(*index).clone())
            .filter(|info| info.rows > 0)
            .collect(),
    });
    recorded.collect()
}
