//! Surveys the files of a source in one pass: symbols, steps, time span, order, gaps. Keeps no rows; memory
//! is constant.

use super::batch::RecordBatch;
use super::continuity::{self, Continuity};
use super::error::FileError;
use super::opener::Opener;
use super::paths;
use super::repeated::RepeatedBySymbol;
use super::sorted::{KeptRows, Ties};
use super::source::SourceFile;
use crate::domain::bar_length::{BarDistances, BarSource, declared_by_name};
use crate::domain::contract_facts::{ContractFacts, Declared};
use crate::domain::decimal::Decimal;
use crate::domain::record::{Record, RecordBody, RecordedGap, StreamKind};
use crate::domain::symbol_name;
use crate::domain::time::{Span, Timestamp};
use crate::domain::visible::Visible;
use crate::limits::{FILE_NOTES, FILE_PASSES};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Which rows of a source are replayed, and by which clock.
#[derive(Clone, Default, Debug)]
pub struct Selection {
    /// Start of the replay, by the ticks' time (inclusive).
    pub from: Option<Timestamp>,
    /// End of the replay (exclusive).
    pub to: Option<Timestamp>,
    /// Only these symbols; empty: all.
    pub symbols: Vec<String>,
    /// The clock of the ticks' times.
    pub clock: FeedClock,
    /// Facts declared by the user.
    pub declared: Declared,
    /// Bar length given by the user.
    pub bar: Option<Span>,
    /// Opens the files, and keeps rows that were sorted for the survey and are read again.
    pub opener: Opener,
}

/// The clock that a replay follows.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum FeedClock {
    /// The exchange's time.
    #[default]
    Exchange,
    /// The recorder's time. The file's order is kept: a row with an earlier receive time than its predecessor
    /// of the same symbol gets the predecessor's time.
    Receive,
}

/// Contents of the files of a source. Times are by the selected clock, of a bar its end; `from` and `to` are
/// ignored.
#[derive(Clone, Debug)]
pub struct SourceSurvey {
    /// By file, in the given order.
    pub files: Vec<FileSurvey>,
    /// The selected symbols, sorted by name.
    pub symbols: Vec<SymbolSurvey>,
    /// Gaps by symbol, sorted by time within a symbol.
    pub gaps: Vec<(String, RecordedGap)>,
    /// Rows of the selected symbols.
    pub rows: u64,
    /// Time of the first tick; `None` without rows.
    pub first: Option<Timestamp>,
    /// Time of the last tick; `None` without rows.
    pub last: Option<Timestamp>,
    /// Size of all files on disk.
    pub total_bytes: u64,
}

/// One symbol across all files of its source.
#[derive(Clone, Debug)]
pub struct SymbolSurvey {
    /// Name as written in the files.
    pub name: String,
    /// Most decimals of a price.
    pub price_scale: u8,
    /// Most decimals of a quantity.
    pub quantity_scale: u8,
    /// Number of rows.
    pub rows: u64,
    /// Time of the first tick.
    pub first: Timestamp,
    /// Time of the last tick.
    pub last: Timestamp,
    /// Its streams in replay order, with the times of their first and last tick.
    pub spans: Vec<(StreamKind, Timestamp, Timestamp)>,
    /// Declared facts.
    pub facts: ContractFacts,
    /// Bar length and its source; with several files that of the last.
    pub bar: Option<(Span, BarSource)>,
    /// How the distances of its bars contradict that length.
    pub bar_contradiction: Option<String>,
    /// Rows that were there before and were dropped.
    pub repeated: u64,
    /// Numbers that were rounded to their declared step because of binary rounding noise.
    pub rounded: u64,
    /// How its files of other makers were read.
    pub notes: Vec<String>,
}

/// One file.
#[derive(Clone, Debug)]
pub struct FileSurvey {
    /// Path.
    pub path: PathBuf,
    /// Kind of the rows.
    pub kind: StreamKind,
    /// Size on disk.
    pub bytes: u64,
    /// Whether every selected row has a receive time.
    pub has_receive_times: bool,
    /// Whether its ticks are in time order across all selected symbols.
    pub is_time_ordered: bool,
    /// The selected symbols, in order of appearance.
    pub symbols: Vec<FileSymbol>,
    /// Names of the symbols that are not selected.
    pub other_symbols: Vec<String>,
    /// Rows that another file of its source has too; they are not read.
    pub elsewhere: RepeatedBySymbol,
    /// Its rows, if they had to be sorted.
    pub sorted: Option<KeptRows>,
}

/// One symbol in one file.
#[derive(Clone, Debug)]
pub struct FileSymbol {
    /// Name as written in the file.
    pub name: String,
    /// Most decimals of a price.
    pub price_scale: u8,
    /// Most decimals of a quantity.
    pub quantity_scale: u8,
    /// Number of rows.
    pub rows: u64,
    /// Time of the first tick.
    pub first: Timestamp,
    /// Time of the last tick.
    pub last: Timestamp,
    /// Bar length.
    pub bar: Span,
    /// Source of the bar length.
    pub bar_source: BarSource,
    distances: BarDistances,
    continuity: Continuity,
    facts: ContractFacts,
    pub(super) repeated: u64,
    rounded: u64,
    notes: Vec<String>,
    first_open: Timestamp,
    last_open: Timestamp,
}

impl Selection {
    /// Whether a symbol is selected, in either spelling.
    pub fn wants(&self, symbol: &str) -> bool {
        self.symbols.is_empty() || self.symbols.iter().any(|wanted| symbol_name::same(wanted, symbol))
    }
}

impl FeedClock {
    /// The time of a row; without a receive time the exchange's.
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
        let found = |kind: &StreamKind| self.symbols.iter().any(|symbol| symbol.has(*kind));
        StreamKind::ALL.iter().map(|(kind, _)| *kind).filter(found).collect()
    }
}

impl SymbolSurvey {
    /// Whether it has this stream.
    pub fn has(&self, kind: StreamKind) -> bool {
        self.spans.iter().any(|(known, ..)| *known == kind)
    }

    /// The coarsest power-of-ten price step that keeps every price exact.
    pub fn price_step(&self) -> Decimal {
        Decimal::step(self.price_scale).unwrap_or(Decimal::ONE)
    }

    /// The coarsest power-of-ten quantity step that keeps every quantity exact.
    pub fn quantity_step(&self) -> Decimal {
        Decimal::step(self.quantity_scale).unwrap_or(Decimal::ONE)
    }
}

/// Reads all files completely and validates every row. `progress` gets the bytes read from disk since its
/// last call.
///
/// # Errors
/// The first invalid file or row.
pub fn survey(
    paths: &[PathBuf],
    selection: &Selection,
    progress: &mut dyn FnMut(u64),
) -> Result<SourceSurvey, FileError> {
    let files =
        paths.iter().map(|path| survey_file(path, selection, progress)).collect::<Result<Vec<_>, _>>()?;
    Ok(SourceSurvey::of(files))
}

impl SourceSurvey {
    /// Combines the surveys of several files.
    pub fn of(files: Vec<FileSurvey>) -> Self {
        let mut names: BTreeMap<&str, Vec<(StreamKind, &FileSymbol)>> = BTreeMap::new();
        for file in &files {
            for found in &file.symbols {
                names.entry(&found.name).or_default().push((file.kind, found));
            }
        }
        let mut gaps = Vec::new();
        for (name, parts) in &mut names {
            parts.sort_by_key(|(kind, part)| (*kind, part.first));
            gaps.extend(gaps_of(parts).into_iter().map(|gap| ((*name).to_owned(), gap)));
        }
        let symbols: Vec<SymbolSurvey> =
            names.into_iter().map(|(name, parts)| SymbolSurvey::of(name, &parts)).collect();
        SourceSurvey {
            rows: symbols.iter().map(|symbol| symbol.rows).sum(),
            first: symbols.iter().map(|symbol| symbol.first).min(),
            last: symbols.iter().map(|symbol| symbol.last).max(),
            total_bytes: files.iter().map(|file| file.bytes).sum(),
            symbols,
            gaps,
            files,
        }
    }
}

/// The gaps of one symbol, whose parts are sorted by stream and time. Overlapping parts are evaluated
/// separately.
fn gaps_of(parts: &[(StreamKind, &FileSymbol)]) -> Vec<RecordedGap> {
    let mut streams: Vec<(Timestamp, StreamKind, Continuity)> = Vec::new();
    for (kind, part) in parts {
        match streams.last_mut() {
            Some((reached, known, stream)) if *known == *kind && part.first_open >= *reached => {
                stream.join(&part.continuity);
                *reached = part.last_open;
            }
            _ => streams.push((part.last_open, *kind, part.continuity.clone())),
        }
    }
    continuity::gaps(&streams.iter().map(|(_, _, stream)| stream).collect::<Vec<_>>())
}

impl SymbolSurvey {
    fn of(name: &str, parts: &[(StreamKind, &FileSymbol)]) -> Self {
        let all = || parts.iter().map(|(_, part)| *part);
        let bars: Vec<&FileSymbol> =
            parts.iter().filter(|(kind, _)| *kind == StreamKind::Bars).map(|(_, part)| *part).collect();
        let mut spans: Vec<(StreamKind, Timestamp, Timestamp)> = Vec::new();
        for (kind, part) in parts {
            match spans.iter_mut().find(|(known, ..)| known == kind) {
                Some((_, first, last)) => {
                    (*first, *last) = (part.first.min(*first), part.last.max(*last));
                }
                None => spans.push((*kind, part.first, part.last)),
            }
        }
        SymbolSurvey {
            name: name.to_owned(),
            price_scale: all().map(|part| part.price_scale).max().unwrap_or(0),
            quantity_scale: all().map(|part| part.quantity_scale).max().unwrap_or(0),
            rows: all().map(|part| part.rows).sum(),
            first: all().map(|part| part.first).min().unwrap_or(Timestamp::MIN),
            last: all().map(|part| part.last).max().unwrap_or(Timestamp::MIN),
            spans,
            facts: all().fold(ContractFacts::default(), |facts, part| facts.or(part.facts.clone())),
            bar: bars.last().map(|part| (part.bar, part.bar_source)),
            bar_contradiction: bars
                .iter()
                .find_map(|part| part.distances.contradiction(part.bar, part.bar_source)),
            repeated: all().map(|part| part.repeated).sum(),
            rounded: all().map(|part| part.rounded).sum(),
            notes: joined(all().map(|part| &part.notes[..])),
        }
    }
}

/// Reads one file completely and validates every row.
///
/// # Errors
/// The file is invalid, or the first invalid row.
pub fn survey_file(
    path: &Path,
    selection: &Selection,
    progress: &mut dyn FnMut(u64),
) -> Result<FileSurvey, FileError> {
    let mut source = SourceFile::open_with(path, &selection.declared, &selection.opener)?;
    let sorted = source.keep_sorted(&selection.opener)?;
    of_source(source, RepeatedBySymbol::new(), sorted, selection, progress)
}

/// As [`survey_file`], for a replay: that takes a pass over the file for each symbol where these are not in
/// order of time among each other, so the rows of a file of many are sorted and kept.
///
/// # Errors
/// As [`survey_file`].
pub fn survey_for_replay(path: &Path, selection: &Selection) -> Result<FileSurvey, FileError> {
    let found = survey_file(path, selection, &mut |_| {})?;
    // The sorter knows the exchange's time of a row, which of a bar is not the time of its tick.
    let is_by_exchange = selection.clock == FeedClock::Exchange && found.kind != StreamKind::Bars;
    if found.is_time_ordered || !is_by_exchange || found.symbols.len() <= FILE_PASSES {
        return Ok(found);
    }
    let mut source = SourceFile::open_with(path, &selection.declared, &selection.opener)?;
    source.sort(Ties::AsInFile)?;
    let sorted = source.keep_sorted(&selection.opener)?;
    of_source(source, RepeatedBySymbol::new(), sorted, selection, &mut |_| {})
}

impl FileSurvey {
    /// The same file without the rows that another one has too.
    pub(super) fn without(
        self,
        elsewhere: RepeatedBySymbol,
        selection: &Selection,
    ) -> Result<FileSurvey, FileError> {
        let FileSurvey { path, sorted, .. } = self;
        let source = SourceFile::open_again(&path, &selection.declared, sorted.as_ref(), &selection.opener)?;
        of_source(source.without(elsewhere.clone()), elsewhere, sorted, selection, &mut |_| {})
    }
}

fn of_source(
    mut source: SourceFile,
    elsewhere: RepeatedBySymbol,
    sorted: Option<KeptRows>,
    selection: &Selection,
    progress: &mut dyn FnMut(u64),
) -> Result<FileSurvey, FileError> {
    let kind = source.kind();
    let mut batch = RecordBatch::default();
    let mut found: Vec<Option<FileSymbol>> = Vec::new();
    let (mut has_receive_times, mut is_time_ordered, mut latest, mut counted) =
        (true, true, Timestamp::MIN, 0);
    while source.read(&mut batch)? {
        for name in &source.symbols()[found.len()..] {
            found.push(selection.wants(name).then(|| FileSymbol::new(name, kind)));
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
    for (index, symbol) in found.iter_mut().enumerate() {
        let Some(symbol) = symbol else { continue };
        (symbol.repeated, symbol.rounded) = (source.repeated(index as u32), source.rounded(index as u32));
        symbol.facts = source.facts_of(&symbol.name);
        symbol.notes = notes_of(index as u32, &source);
        if source.may_have_repeated_ids(index as u32) {
            symbol.continuity.doubt_late_trades();
        }
    }
    let names = source.symbols().iter();
    let other_symbols =
        names.zip(&found).filter(|(_, symbol)| symbol.is_none()).map(|(name, _)| name.clone()).collect();
    let mut symbols: Vec<FileSymbol> = found.into_iter().flatten().filter(|symbol| symbol.rows > 0).collect();
    for symbol in &mut symbols {
        let declared = declared_bar(&source, &symbol.name, selection.bar);
        symbol.close(kind, declared);
    }
    if kind == StreamKind::Bars {
        // Bars of equal length end in the order in which they open; otherwise, or by receive time, they may
        // not.
        let one_length = symbols.windows(2).all(|pair| pair[0].bar == pair[1].bar);
        is_time_ordered &= symbols.len() < 2 || one_length && selection.clock == FeedClock::Exchange;
    }
    Ok(FileSurvey {
        path: source.path().to_owned(),
        kind,
        bytes: source.total_bytes(),
        has_receive_times,
        is_time_ordered,
        symbols,
        other_symbols,
        elsewhere,
        sorted,
    })
}

/// What is told of a symbol of a file that was read, by its index: how a file of another maker was
/// understood, and what came of its trade ids.
pub fn notes_of(index: u32, source: &SourceFile) -> Vec<String> {
    let reading = source.notes();
    let reading = (!reading.is_empty()).then(|| format!("{}: {}", source.symbol(index), reading.join("; ")));
    reading.into_iter().chain(source.ids(index)).collect()
}

/// Notes of several files: each once, and not more than are kept.
pub fn joined<'a>(notes: impl Iterator<Item = &'a [String]>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for note in notes.flatten() {
        if all.len() < FILE_NOTES && !all.contains(note) {
            all.push(note.clone());
        }
    }
    all
}

/// The declared length of a symbol's bars: given by the user, stated in the rows that were read, or in the
/// file's name.
pub fn declared_bar(source: &SourceFile, symbol: &str, given: Option<Span>) -> Option<(Span, BarSource)> {
    let stem = paths::stem(source.path());
    let name = || stem.file_name().and_then(|name| declared_by_name(&name.to_string_lossy()));
    let stated = || source.bar_length(symbol).or_else(name);
    given.map(|bar| (bar, BarSource::Given)).or_else(|| stated().map(|bar| (bar, BarSource::Name)))
}

/// The declared bar lengths of files that become one series. Those of a symbol must be one.
#[derive(Default)]
pub struct BarLengths(BTreeMap<String, (PathBuf, Span)>);

impl BarLengths {
    /// Adds that of a file's symbol.
    ///
    /// # Errors
    /// The length is another one than that of a file before.
    pub fn add(&mut self, symbol: &str, file: &Path, length: Span) -> Result<(), String> {
        let first = self.0.entry(symbol.to_owned()).or_insert_with(|| (file.to_owned(), length));
        match first.1 == length {
            true => Ok(()),
            false => Err(format!(
                "{} and {}: the bars of {symbol} are declared {} s long in the one and {} s in the other; read them apart",
                first.0.visible(),
                file.visible(),
                first.1.seconds_f64(),
                length.seconds_f64()
            )),
        }
    }
}

/// The declared facts of files that become one series. Those of a symbol must not contradict each other.
#[derive(Default)]
pub struct FileFacts(BTreeMap<String, (PathBuf, ContractFacts)>);

impl FileFacts {
    /// Adds those of a file's symbol.
    ///
    /// # Errors
    /// They contradict those of a file before.
    pub fn add(&mut self, symbol: &str, file: &Path, facts: &ContractFacts) -> Result<(), String> {
        let Some((first, known)) = self.0.get_mut(symbol) else {
            self.0.insert(symbol.to_owned(), (file.to_owned(), facts.clone()));
            return Ok(());
        };
        if let Some(why) = known.contradiction(facts) {
            let (first, file) = (first.visible(), file.visible());
            return Err(format!(
                "{first} and {file}: {symbol} has the {why}; correct one of them, or read them apart"
            ));
        }
        *known = std::mem::take(known).or(facts.clone());
        Ok(())
    }
}

impl FileSymbol {
    fn new(name: &str, kind: StreamKind) -> Self {
        FileSymbol {
            name: name.to_owned(),
            price_scale: 0,
            quantity_scale: 0,
            rows: 0,
            first: Timestamp::MIN,
            last: Timestamp::MIN,
            bar: Span::ZERO,
            bar_source: BarSource::Assumed,
            distances: BarDistances::default(),
            continuity: Continuity::new(kind),
            facts: ContractFacts::default(),
            repeated: 0,
            rounded: 0,
            notes: Vec::new(),
            first_open: Timestamp::MIN,
            last_open: Timestamp::MIN,
        }
    }

    /// Adds a row; returns its time by the clock, which never decreases.
    fn add(&mut self, record: &Record, clock: FeedClock) -> Timestamp {
        let at = clock.time(record).max(self.last);
        if self.rows == 0 {
            (self.first, self.first_open) = (at, record.exchange_at);
        } else if matches!(record.body, RecordBody::Bar { .. }) {
            self.distances.add(record.exchange_at - self.last_open);
        }
        self.continuity.see(record);
        (self.last, self.last_open) = (at, record.exchange_at);
        self.rows += 1;
        let (prices, quantities) = scales(&record.body);
        self.price_scale = self.price_scale.max(prices);
        self.quantity_scale = self.quantity_scale.max(quantities);
        at
    }

    /// Call after the last row. Converts the opening times of bars to the times at which they are known.
    fn close(&mut self, kind: StreamKind, declared: Option<(Span, BarSource)>) {
        if kind == StreamKind::Bars {
            (self.bar, self.bar_source) = self.distances.length(declared);
            self.first = self.first.max(self.first_open + self.bar);
            self.last = self.last.max(self.last_open + self.bar);
        }
        self.continuity.close(self.bar);
    }

    /// Its declared facts.
    pub fn facts(&self) -> &ContractFacts {
        &self.facts
    }

    /// Exchange times of its first and last row.
    pub fn open_span(&self) -> (Timestamp, Timestamp) {
        (self.first_open, self.last_open)
    }
}

/// Most decimals of a row's prices and of its quantities.
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
