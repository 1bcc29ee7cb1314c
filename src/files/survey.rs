//! What is in the files of a source: symbols, steps, span, order. One pass in constant memory; keeps no rows.

use super::error::FileError;
use super::source::{RecordBatch, SourceFile};
use crate::domain::decimal::Decimal;
use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::domain::time::{Span, Timestamp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Which rows of a source are replayed, and by which clock.
#[derive(Clone, Default, Debug)]
pub struct Selection {
    /// First time that is replayed, by the tick's time.
    pub from: Option<Timestamp>,
    /// First time that is no longer replayed.
    pub to: Option<Timestamp>,
    /// Only these symbols; empty: all.
    pub symbols: Vec<String>,
    /// The clock the ticks' times are taken from.
    pub clock: FeedClock,
}

/// The clock a replay follows.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum FeedClock {
    /// The exchange's time.
    #[default]
    Exchange,
    /// The recorder's time. The order of the file is kept: a row received before its predecessor of the same symbol
    /// counts as received with it.
    Receive,
}

/// What the files of a source hold. Times are of the selected clock, a bar's is its end; from and to do not cut.
#[derive(Clone, Debug)]
pub struct SourceSurvey {
    /// By file, in the order given.
    pub files: Vec<FileSurvey>,
    /// By symbol, sorted by name; only selected ones.
    pub symbols: Vec<SymbolSurvey>,
    /// Rows of the selected symbols.
    pub rows: u64,
    /// First tick; `None` without rows.
    pub first: Option<Timestamp>,
    /// Last tick; `None` without rows.
    pub last: Option<Timestamp>,
    /// Bytes of all files as they lie on disk.
    pub total_bytes: u64,
}

/// One symbol over all files of its source.
#[derive(Clone, Debug)]
pub struct SymbolSurvey {
    /// As written.
    pub name: String,
    /// Most digits behind the point of a price.
    pub price_scale: u8,
    /// Most digits behind the point of a quantity.
    pub quantity_scale: u8,
    /// Rows.
    pub rows: u64,
    /// First tick.
    pub first: Timestamp,
    /// Last tick.
    pub last: Timestamp,
    /// Its streams, in replay order.
    pub streams: Vec<StreamKind>,
}

/// One file.
#[derive(Clone, Debug)]
pub struct FileSurvey {
    /// Where it is.
    pub path: PathBuf,
    /// What its rows are.
    pub kind: StreamKind,
    /// Bytes as they lie on disk.
    pub bytes: u64,
    /// Whether every selected row has a receive time.
    pub has_receive_times: bool,
    /// Whether its ticks are in time order over all selected symbols together.
    pub is_time_ordered: bool,
    /// Its selected symbols, in order of appearance.
    pub symbols: Vec<FileSymbol>,
}

/// One symbol of one file.
#[derive(Clone, Debug)]
pub struct FileSymbol {
    /// As written.
    pub name: String,
    /// Most digits behind the point of a price.
    pub price_scale: u8,
    /// Most digits behind the point of a quantity.
    pub quantity_scale: u8,
    /// Rows.
    pub rows: u64,
    /// First tick.
    pub first: Timestamp,
    /// Last tick.
    pub last: Timestamp,
    /// Length of its bars: the smallest spacing found, [`DEFAULT_BAR`] when there is one bar only.
    pub bar: Span,
    first_open: Timestamp,
    last_open: Timestamp,
}

/// Length of a bar that stands alone in its file.
pub const DEFAULT_BAR: Span = Span::from_seconds(60);

impl Selection {
    /// Whether rows of a symbol are wanted.
    pub fn wants(&self, symbol: &str) -> bool {
        self.symbols.is_empty() || self.symbols.iter().any(|wanted| wanted == symbol)
    }
}

impl FeedClock {
    /// The time of a row; the exchange's where there is no receive time.
    pub(super) fn time(self, record: &Record) -> Timestamp {
        match self {
            FeedClock::Exchange => record.exchange_at,
            FeedClock::Receive => record.received_at.unwrap_or(record.exchange_at),
        }
    }
}

impl SourceSurvey {
    /// Whether every row of every replayed stream has a receive time.
    pub fn has_receive_times(&self) -> bool {
        self.files.iter().filter(|file| file.kind != StreamKind::Quotes).all(|file| file.has_receive_times)
    }

    /// The streams of all symbols, in replay order.
    pub fn streams(&self) -> Vec<StreamKind> {
        let found = |kind: &StreamKind| self.symbols.iter().any(|symbol| symbol.streams.contains(kind));
        StreamKind::ALL.iter().map(|(kind, _)| *kind).filter(found).collect()
    }
}

impl SymbolSurvey {
    /// The smallest price step that keeps every price of the files exact.
    pub fn price_step(&self) -> Decimal {
        Decimal::step(self.price_scale).unwrap_or(Decimal::ONE)
    }

    /// The smallest quantity step that keeps every quantity of the files exact.
    pub fn quantity_step(&self) -> Decimal {
        Decimal::step(self.quantity_scale).unwrap_or(Decimal::ONE)
    }
}

/// Reads every file once, to its end, checking every row. `progress` gets the bytes taken from disk since its last call.
///
/// # Errors
/// The first file or row that is refused.
pub fn survey(paths: &[PathBuf], selection: &Selection, progress: &mut dyn FnMut(u64)) -> Result<SourceSurvey, FileError> {
    let files = paths.iter().map(|path| survey_file(path, selection, progress)).collect::<Result<Vec<_>, _>>()?;
    let mut symbols: BTreeMap<&str, SymbolSurvey> = BTreeMap::new();
    for file in &files {
        for found in &file.symbols {
            let symbol = symbols.entry(&found.name).or_insert_with(|| SymbolSurvey {
                name: found.name.clone(),
                price_scale: 0,
                quantity_scale: 0,
                rows: 0,
                first: found.first,
                last: found.last,
                streams: Vec::new(),
            });
            symbol.price_scale = symbol.price_scale.max(found.price_scale);
            symbol.quantity_scale = symbol.quantity_scale.max(found.quantity_scale);
            symbol.rows += found.rows;
            symbol.first = symbol.first.min(found.first);
            symbol.last = symbol.last.max(found.last);
            if !symbol.streams.contains(&file.kind) {
                symbol.streams.push(file.kind);
                symbol.streams.sort();
            }
        }
    }
    let symbols: Vec<SymbolSurvey> = symbols.into_values().collect();
    Ok(SourceSurvey {
        rows: symbols.iter().map(|symbol| symbol.rows).sum(),
        first: symbols.iter().map(|symbol| symbol.first).min(),
        last: symbols.iter().map(|symbol| symbol.last).max(),
        total_bytes: files.iter().map(|file| file.bytes).sum(),
        symbols,
        files,
    })
}

fn survey_file(path: &Path, selection: &Selection, progress: &mut dyn FnMut(u64)) -> Result<FileSurvey, FileError> {
    let mut source = SourceFile::open(path)?;
    let mut batch = RecordBatch::default();
    let mut found: Vec<Option<FileSymbol>> = Vec::new();
    let (mut has_receive_times, mut is_time_ordered, mut latest, mut counted) = (true, true, Timestamp::MIN, 0);
    while source.read(&mut batch)? {
        for name in &source.symbols()[found.len()..] {
            found.push(selection.wants(name).then(|| FileSymbol::new(name)));
        }
        for (symbol, record) in batch.rows() {
            let Some(symbol) = &mut found[*symbol as usize] else { continue };
            let at = symbol.add(record, selection.clock);
            has_receive_times &= record.received_at.is_some();
            is_time_ordered &= at >= latest;
            latest = at;
        }
        progress(source.bytes_read() - counted);
        counted = source.bytes_read();
    }
    let mut symbols: Vec<FileSymbol> = found.into_iter().flatten().filter(|symbol| symbol.rows > 0).collect();
    if source.layout() == StreamKind::Bars {
        for symbol in &mut symbols {
            symbol.close_bars();
        }
        // Bars of one length end in the order in which they open; of different lengths, or received, they may not.
        let one_length = symbols.windows(2).all(|pair| pair[0].bar == pair[1].bar);
        is_time_ordered &= symbols.len() < 2 || one_length && selection.clock == FeedClock::Exchange;
    }
    Ok(FileSurvey {
        path: path.to_owned(),
        kind: source.layout(),
        bytes: source.total_bytes(),
        has_receive_times,
        is_time_ordered,
        symbols,
    })
}

impl FileSymbol {
    fn new(name: &str) -> Self {
        FileSymbol {
            name: name.to_owned(),
            price_scale: 0,
            quantity_scale: 0,
            rows: 0,
            first: Timestamp::MIN,
            last: Timestamp::MIN,
            bar: Span::MAX,
            first_open: Timestamp::MIN,
            last_open: Timestamp::MIN,
        }
    }

    /// Takes a row in; its time by the clock, never before the one of the row before.
    fn add(&mut self, record: &Record, clock: FeedClock) -> Timestamp {
        let at = clock.time(record).max(self.last);
        if self.rows == 0 {
            (self.first, self.first_open) = (at, record.exchange_at);
        } else if matches!(record.body, RecordBody::Bar { .. }) {
            self.bar = self.bar.min(record.exchange_at - self.last_open);
        }
        (self.last, self.last_open) = (at, record.exchange_at);
        self.rows += 1;
        let (prices, quantities) = scales(&record.body);
        self.price_scale = self.price_scale.max(prices);
        self.quantity_scale = self.quantity_scale.max(quantities);
        at
    }

    /// From the opening times to the times the bars are known.
    fn close_bars(&mut self) {
        if self.bar == Span::MAX {
            self.bar = DEFAULT_BAR;
        }
        self.first = self.first.max(self.first_open + self.bar);
        self.last = self.last.max(self.last_open + self.bar);
    }
}

/// Most digits behind the point of a row's prices and of its quantities.
fn scales(body: &RecordBody) -> (u8, u8) {
    match body {
        RecordBody::Trade { price, quantity, .. }
        | RecordBody::SnapshotLevel { price, quantity, .. }
        | RecordBody::LevelChange { price, quantity, .. } => (price.scale(), quantity.scale()),
        RecordBody::Quote { bid_price, bid_quantity, ask_price, ask_quantity, .. } => {
            (bid_price.scale().max(ask_price.scale()), bid_quantity.scale().max(ask_quantity.scale()))
        }
        RecordBody::Bar { open, high, low, close, volume, .. } => {
            (open.scale().max(high.scale()).max(low.scale()).max(close.scale()), volume.scale())
        }
        RecordBody::Mark { mark, index } => (mark.scale().max(index.map_or(0, Decimal::scale)), 0),
        RecordBody::Funding { .. } => (0, 0),
    }
}
