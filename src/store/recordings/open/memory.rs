//! What a live recording holds in memory and what a commit of it writes.
//!
//! A row waits in its stream until that is sealed; from its commit on it is in a chunk of the journal, later in a block,
//! never in both for a reader. The journal begins with the oldest chunk of which a row still waits.

use super::super::super::blocks::{BlockEncoder, kind_code};
use super::super::super::journal::ChunkWriter;
use super::super::super::records::{
    GapV1, RecordedStreamV1, RecordedSymbolV1, RecordingState, RecordingV1, SessionControlV1,
};
use super::super::super::sessions::EncodedSession;
use super::super::super::{Store, StoreError, encode};
use super::super::grid::Grids;
use super::bounds::{Bounds, Journal};
use super::stream::Stream;
use super::write::Change;
use crate::domain::record::{Record, RecordedGap, StreamKind};
use crate::domain::time::Timestamp;
use crate::limits::RECORDING_STREAMS;

/// Rows that wait, as far as the choice of streams to seal goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sealing {
    /// What the bounds ask for.
    Due,
    /// Those of the symbol at a place, and what the bounds ask for.
    Symbol(usize),
    /// Every stream.
    All,
}

/// A live recording.
pub struct RowBuffer {
    pub bounds: Bounds,
    /// As it is on disk, with blocks made since.
    pub recording: RecordingV1,
    /// By place of the symbol.
    pub symbols: Vec<SymbolBuffer>,
    /// In the order of their first rows.
    pub streams: Vec<Stream>,
    /// Places of streams that have something to commit.
    touched: Vec<usize>,
    pub gaps: Gaps,
    /// What was done to its session since the last commit.
    session: Option<EncodedSession>,
    pub journal: Journal,
    /// Rows that arrive from now on were not received before this: the last one before it was taken up again.
    pub begins_at: Timestamp,
    /// Receive time of the latest row.
    pub last_received: Option<Timestamp>,
    /// Rows that wait, and those of them that are not in the journal.
    pub pending: usize,
    uncommitted: usize,
    encoder: BlockEncoder,
    chunk: ChunkWriter,
    /// The commit that failed: memory and disk may differ since.
    failed: Option<StoreError>,
}

/// One symbol of a live recording.
#[derive(Clone, Default)]
pub struct SymbolBuffer {
    pub grids: Grids,
    /// Place in `streams` by stream code.
    pub streams: [Option<usize>; 8],
}

/// Gaps since the last commit.
#[derive(Default)]
pub struct Gaps {
    /// Number of the first of them.
    pub next: u64,
    waiting: Vec<Vec<u8>>,
}

impl RowBuffer {
    /// A recording that is on disk without rows, or with those of blocks.
    pub fn new(recording: RecordingV1) -> Self {
        let symbols = vec![SymbolBuffer::default(); recording.symbols.len()];
        RowBuffer {
            bounds: Bounds::default(),
            recording,
            symbols,
            streams: Vec::new(),
            touched: Vec::new(),
            gaps: Gaps::default(),
            session: None,
            journal: Journal::default(),
            begins_at: Timestamp::MIN,
            last_received: None,
            pending: 0,
            uncommitted: 0,
            encoder: BlockEncoder::new(),
            chunk: ChunkWriter::default(),
            failed: None,
        }
    }

    /// Why nothing can be added any more.
    pub fn usable(&self) -> Result<(), StoreError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// All rows, in blocks or waiting.
    pub fn rows(&self) -> u64 {
        self.streams.iter().map(Stream::next_seq).sum()
    }

    /// Bytes of blocks and journal.
    pub fn bytes(&self) -> u64 {
        self.streams.iter().map(|stream| stream.info.bytes).sum::<u64>() + self.journal.bytes as u64
    }

    /// Appends rows of one stream; all of them or, on an error, none.
    pub fn push(&mut self, store: &Store, symbol: usize, rows: &[Record]) -> Result<(), StoreError> {
        self.usable()?;
        let Some(first) = rows.first() else { return Ok(()) };
        let kind = first.body.stream();
        let place = self.stream_place(symbol, kind)?;
        let last = self.check(place, rows)?;
        self.see_numbers(symbol, rows)?;
        let stream = &mut self.streams[place];
        stream.last_received = last;
        self.last_received = self.last_received.max(Some(last));
        for record in rows {
            self.add(store, place, record)?;
        }
        self.uncommitted += rows.len();
        self.touch(place);
        self.commit_when_full(store)
    }

    fn commit_when_full(&mut self, store: &Store) -> Result<(), StoreError> {
        if self.uncommitted >= self.bounds.uncommitted_rows {
            self.commit(store, Sealing::Due, Change::default())
        } else {
            Ok(())
        }
    }

    /// Appends one row that was checked.
    pub fn add(&mut self, store: &Store, place: usize, record: &Record) -> Result<(), StoreError> {
        self.streams[place].add(record)?;
        self.pending += 1;
        if self.streams[place].is_full() { self.seal_stream(store, place) } else { Ok(()) }
    }

    /// Appends a gap.
    pub fn gap(&mut self, store: &Store, symbol: usize, gap: &RecordedGap) -> Result<(), StoreError> {
        self.usable()?;
        let name = &self.recording.symbols.get(symbol).ok_or_else(|| self.no_place(symbol))?.name;
        self.gaps.waiting.push(encode(&GapV1::new(name, gap))?);
        self.uncommitted += 1;
        self.commit_when_full(store)
    }

    /// Appends what was done to its session.
    pub fn control(&mut self, session: &str, control: &SessionControlV1) -> Result<(), StoreError> {
        self.usable()?;
        self.session.get_or_insert_with(|| EncodedSession::empty(session)).control(control)
    }

    /// Makes everything so far durable together with what else the change writes.
    pub fn commit(&mut self, store: &Store, sealing: Sealing, change: Change) -> Result<(), StoreError> {
        self.usable()?;
        let done = self.try_commit(store, sealing, change);
        if let Err(error) = &done {
            self.failed = Some(error.clone());
        }
        done
    }

    fn try_commit(&mut self, store: &Store, sealing: Sealing, mut change: Change) -> Result<(), StoreError> {
        match sealing {
            Sealing::Due => self.seal_due(store)?,
            Sealing::Symbol(symbol) => {
                self.seal_due(store)?;
                let own = self.symbols.get(symbol).cloned().unwrap_or_default().streams;
                own.into_iter().flatten().try_for_each(|place| self.seal_stream(store, place))?;
            }
            Sealing::All => (0..self.streams.len()).try_for_each(|place| self.seal_stream(store, place))?,
        }
        if let Some(waiting) = self.session.take() {
            match &mut change.session {
                Some(session) => session.take_in(waiting),
                None => change.session = Some(waiting),
            }
        }
        let is_over = self.recording.state == RecordingState::Complete;
        let touched = self.touched.clone();
        if self.touched.is_empty() && self.gaps.waiting.is_empty() && !is_over {
            return if change.is_empty() { Ok(()) } else { store.write(move |txn| change.write(txn)) };
        }
        change.recording.clone_from(&self.recording.id);
        self.move_blocks(&mut change)?;
        if is_over {
            change.is_over = true;
        } else {
            self.write_chunk(&mut change);
        }
        change.gaps = (self.gaps.next, std::mem::take(&mut self.gaps.waiting));
        self.gaps.next += change.gaps.1.len() as u64;
        self.uncommitted = 0;
        store.write(move |txn| change.write(txn))?;
        touched.into_iter().for_each(|place| self.streams[place].is_on_disk());
        Ok(())
    }

    /// The chunk of this commit, and which older ones are needed no more. There is always one, because it knows when the
    /// latest row was received.
    fn write_chunk(&mut self, change: &mut Change) {
        let number = self.journal.next();
        self.chunk.begin(self.last_received.unwrap_or(Timestamp::MIN));
        for place in self.touched.drain(..) {
            let stream = &mut self.streams[place];
            stream.is_touched = false;
            let range = stream.journaled..stream.rows.len();
            if !range.is_empty() {
                let first_seq = stream.info.rows + stream.journaled as u64;
                self.chunk.run(stream.symbol, &stream.rows, range.clone(), first_seq);
                stream.journaled = range.end;
                stream.chunk.get_or_insert(number);
            }
        }
        let bytes = self.chunk.finish().to_vec();
        self.journal.push(bytes.len());
        let needed = self.streams.iter().filter_map(|stream| stream.chunk).min().unwrap_or(number);
        let from = self.journal.drop_before(needed);
        change.chunk = Some((number, bytes));
        change.dropped = from..self.journal.first;
    }

    /// Blocks made since the last commit, with the counts that go with them.
    fn move_blocks(&mut self, change: &mut Change) -> Result<(), StoreError> {
        for place in &self.touched {
            let stream = &mut self.streams[*place];
            if stream.has_blocks() {
                let name = self.recording.symbols[stream.symbol].name.clone();
                let mut writes = Vec::new();
                stream.take_writes(&mut writes);
                change.segments.push((name, stream.info.stream, writes));
            }
        }
        if !change.segments.is_empty() || self.recording.state == RecordingState::Complete {
            self.recording.symbols = self.recorded_symbols(|stream| stream.info.clone());
            change.row = Some(encode(&self.recording)?);
        }
        Ok(())
    }

    /// Its symbols with all rows that are on disk, also those that are in no block yet.
    pub fn counts(&self) -> Vec<RecordedSymbolV1> {
        self.recorded_symbols(|stream| stream.on_disk.clone())
    }

    fn recorded_symbols(&self, info: fn(&Stream) -> RecordedStreamV1) -> Vec<RecordedSymbolV1> {
        let names = self.recording.symbols.iter().map(|symbol| symbol.name.clone());
        let recorded = names.zip(&self.symbols).map(|(name, symbol)| RecordedSymbolV1 {
            name,
            price_scale: symbol.grids.prices.scale,
            quantity_scale: symbol.grids.quantities.scale,
            streams: symbol
                .streams
                .iter()
                .flatten()
                .map(|place| info(&self.streams[*place]))
                .filter(|info| info.rows > 0)
                .collect(),
        });
        recorded.collect()
    }

    /// Seals what the bounds ask for: the largest streams while too many rows wait, the oldest while the journal is long.
    fn seal_due(&mut self, store: &Store) -> Result<(), StoreError> {
        let few = self.bounds.sealed_at_once;
        let at_once = |is_full: bool| if is_full { usize::MAX } else { few };
        let enough = self.bounds.pending_rows / 4 * 3;
        if self.pending > enough {
            let most = at_once(self.pending > self.bounds.pending_rows);
            let mut by_size: Vec<usize> = (0..self.streams.len()).collect();
            by_size.sort_unstable_by_key(|place| std::cmp::Reverse(self.streams[*place].rows.len()));
            for place in by_size.into_iter().take(most) {
                if self.pending <= enough {
                    break;
                }
                self.seal_stream(store, place)?;
            }
        }
        if self.journal.is_over(3, &self.bounds) {
            let most = at_once(self.journal.is_over(4, &self.bounds));
            let mut by_age: Vec<usize> =
                (0..self.streams.len()).filter(|place| self.streams[*place].chunk.is_some()).collect();
            by_age.sort_unstable_by_key(|place| self.streams[*place].chunk);
            by_age.into_iter().take(most).try_for_each(|place| self.seal_stream(store, place))?;
        }
        Ok(())
    }

    fn seal_stream(&mut self, store: &Store, place: usize) -> Result<(), StoreError> {
        let stream = &mut self.streams[place];
        let count = stream.rows.len();
        let names = (self.recording.id.as_str(), self.recording.symbols[stream.symbol].name.as_str());
        if let Err(error) = stream.seal(store, names, &mut self.encoder) {
            self.failed = Some(error.clone());
            return Err(error);
        }
        self.pending -= count;
        if count > 0 {
            self.touch(place);
        }
        Ok(())
    }

    /// Notes that a stream has something to commit.
    pub fn touch(&mut self, place: usize) {
        if !std::mem::replace(&mut self.streams[place].is_touched, true) {
            self.touched.push(place);
        }
    }

    /// Place of a stream, which is made when it is not there yet.
    pub fn stream_place(&mut self, symbol: usize, kind: StreamKind) -> Result<usize, StoreError> {
        let code = usize::from(kind_code(kind));
        let known = self.symbols.get(symbol).ok_or_else(|| self.no_place(symbol))?.streams[code];
        if let Some(place) = known {
            return Ok(place);
        }
        let place = self.streams.len();
        if place >= RECORDING_STREAMS {
            return Err(StoreError::Refused(format!(
                "a recording holds at most {RECORDING_STREAMS} streams (symbol and kind): record fewer symbols in it"
            )));
        }
        self.streams.push(Stream::new(symbol, kind, self.begins_at));
        self.symbols[symbol].streams[code] = Some(place);
        Ok(place)
    }

    /// Rows of one kind, each with a receive time that never decreases; returns the last of these.
    fn check(&self, place: usize, rows: &[Record]) -> Result<Timestamp, StoreError> {
        let stream = &self.streams[place];
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
            let name = &self.recording.symbols[stream.symbol].name;
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
        seen.check(&self.recording.symbols[symbol].name)?;
        *grids = seen;
        Ok(())
    }

    fn no_place(&self, symbol: usize) -> StoreError {
        StoreError::Refused(format!(
            "recording `{}` has {} symbols, none at place {symbol}",
            self.recording.id,
            self.symbols.len()
        ))
    }
}
