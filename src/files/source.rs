//! Reads a file of market data as a stream of validated records, in constant memory. No row is repaired; only
//! trades whose id was there before are dropped, and they are counted, those with other values apart.

use super::batch::RecordBatch;
use super::contract_file::{FactsBySymbol, facts_beside};
use super::error::{FileError, Problem, excerpt};
use super::fields::Fields;
use super::foreign::Refused;
use super::input;
use super::layout::{Layout, LayoutRule, SYMBOL, TIME};
use super::lines::Lines;
use super::number;
use super::opener::Opener;
use super::order::{Contradiction, Order, TradeCheck};
use super::recognise::{Format, lines_of, recognise, recognise_json};
use super::repeated::{RepeatedBySymbol, RepeatedRows};
use super::row::{self, Flaw};
use super::sorted::{KeptRows, Sorted, Sorter, Ties, not_kept};
use super::steps;
use crate::domain::contract_facts::{ContractFacts, Declared};
use crate::domain::file_mapping::FileMapping;
use crate::domain::record::StreamKind;
use crate::domain::symbol_name;
use crate::domain::time::{Span, Timestamp};
use crate::limits::{FILE_SYMBOLS, KNOWN_TRADES};
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// An open file of market data, in one of our layouts or in another maker's: text (plain, gzip, zstd or in a
/// zip archive), or parquet.
pub struct SourceFile {
    path: PathBuf,
    lines: Lines,
    format: Format,
    /// All rows in order of time, where that was asked for.
    sorted: Option<Box<Sorted>>,
    layout: Layout,
    fields: Fields,
    symbols: Symbols,
    order: Order,
    rows: u64,
    /// Rows that were there before, in this file or in another one, by symbol index.
    repeated: Vec<u64>,
    /// Trades whose id was there with other values, and the first of them, by symbol index.
    contradicting: Vec<(u64, String)>,
    /// Rows that another file has too, by name of the symbol and, once it was seen, by its index.
    elsewhere: RepeatedBySymbol,
    elsewhere_by_index: Vec<Option<RepeatedRows>>,
    facts: Facts,
    /// Rounded numbers by symbol index.
    rounded: Vec<u64>,
    total_bytes: u64,
    read_bytes: Arc<AtomicU64>,
}

impl SourceFile {
    /// Opens a file and detects its layout; reads no rows yet.
    ///
    /// # Errors
    /// Missing, unreadable, empty, damaged, without rows, or of an unknown layout.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        SourceFile::open_mapped(path, &FileMapping::default(), &Opener::default())
    }

    /// Opens a file that is read as the mapping says; reads no rows yet.
    ///
    /// # Errors
    /// As [`SourceFile::open`], or columns that the file does not have.
    pub fn open_mapped(path: &Path, mapping: &FileMapping, opener: &Opener) -> Result<Self, FileError> {
        let count = Arc::new(AtomicU64::new(0));
        let (text, bytes) = opener.text(path, &count)?;
        let mut source = SourceFile::from_text(path, text, bytes, count, mapping)?;
        if mapping.sort {
            source.sort(Ties::ById)?;
        }
        Ok(source)
    }

    /// Reads all rows and sorts them by time.
    pub(super) fn sort(&mut self, ties: Ties) -> Result<(), FileError> {
        let rule = self.layout.rule();
        let mut sorter = Sorter::new(rule, ties);
        loop {
            let next = next_row(&mut self.format, &mut self.lines, &mut self.fields, rule);
            let pushed = match next {
                Ok(Next::End) => break,
                Ok(Next::Nothing) => continue,
                // The number is that of the line, which is still borrowed.
                Ok(Next::Row(line, number)) => sorter.push(number, &self.fields, line),
                Err((column, problem)) => return Err(refused(&self.path, &self.lines, column, problem)),
            };
            pushed.map_err(not_kept)?;
        }
        self.sorted = Some(Box::new(sorter.finish().map_err(not_kept)?));
        Ok(())
    }

    /// Puts the rows, if they were sorted and none was read yet, where they can be read again; returns them.
    pub(super) fn keep_sorted(&mut self, opener: &Opener) -> Result<Option<KeptRows>, FileError> {
        let Some(rows) = self.sorted.take() else { return Ok(None) };
        let kept = opener.spool.keep(*rows).map_err(not_kept)?;
        self.sorted = Some(Box::new(kept.rows().map_err(not_kept)?));
        Ok(Some(kept))
    }

    /// Opens a file again, whose rows are kept where they had to be sorted.
    ///
    /// # Errors
    /// As [`SourceFile::open_with`].
    pub(super) fn open_again(
        path: &Path,
        declared: &Declared,
        kept: Option<&KeptRows>,
        opener: &Opener,
    ) -> Result<Self, FileError> {
        let Some(kept) = kept else { return SourceFile::open_with(path, declared, opener) };
        let unsorted_mapping = FileMapping { sort: false, ..declared.mapping.clone() };
        let declared = Declared { mapping: unsorted_mapping, ..declared.clone() };
        let mut source = SourceFile::open_with(path, &declared, opener)?;
        source.sorted = Some(Box::new(kept.rows().map_err(not_kept)?));
        Ok(source)
    }

    /// The time of the earliest row of a file that is read as declared: of its first row, or of all where
    /// they are to be sorted, which this does not do.
    ///
    /// # Errors
    /// As [`SourceFile::open_with`], or the first row that was read and is invalid.
    pub fn first_time(path: &Path, declared: &Declared, opener: &Opener) -> Result<Timestamp, FileError> {
        let unsorted = FileMapping { sort: false, ..declared.mapping.clone() };
        let unsorted = Declared { mapping: unsorted, ..declared.clone() };
        let mut source = SourceFile::open_with(path, &unsorted, opener)?;
        if !declared.mapping.sort {
            let mut batch = RecordBatch::new(1);
            source.read(&mut batch)?;
            // `read` has refused a file without rows.
            return Ok(batch.rows().first().map_or(Timestamp::MIN, |(_, record)| record.exchange_at));
        }
        let rule = source.layout.rule();
        let mut earliest = None;
        loop {
            match next_row(&mut source.format, &mut source.lines, &mut source.fields, rule) {
                Ok(Next::End) => break,
                Ok(Next::Nothing) => {}
                Ok(Next::Row(line, _)) => {
                    // A time that is none is refused when the row is checked.
                    let time = number::whole(source.fields.get(line, TIME)).unwrap_or(0);
                    earliest = Some(earliest.map_or(time, |before: u64| before.min(time)));
                }
                Err((column, problem)) => return Err(refused(path, &source.lines, column, problem)),
            }
        }
        let micros = earliest.ok_or_else(|| FileError::of(path, Problem::NoRows))?;
        Ok(i64::try_from(micros).ok().and_then(Timestamp::from_micros).unwrap_or(Timestamp::MAX))
    }

    /// Opens a file with declared facts: from its contract file, else from the user. Numbers must then be
    /// multiples of the declared steps; binary rounding noise is rounded away.
    ///
    /// # Errors
    /// As [`SourceFile::open`], or an invalid contract file.
    pub fn open_with(path: &Path, declared: &Declared, opener: &Opener) -> Result<Self, FileError> {
        let facts = Facts { declared: declared.clone(), beside: facts_beside(path)?, by_symbol: Vec::new() };
        Ok(SourceFile { facts, ..SourceFile::open_mapped(path, &declared.mapping, opener)? })
    }

    /// The declared facts of a symbol of this file, else those that its layout tells.
    pub fn facts_of(&self, symbol: &str) -> ContractFacts {
        let told = match &self.format {
            Format::Foreign(foreign) => foreign.settlement(symbol),
            Format::Csv { .. } | Format::Json => None,
        };
        let (quote, settle) = told.unzip();
        self.facts.of(symbol).or(ContractFacts { quote, settle, ..ContractFacts::default() })
    }

    /// How many numbers of a symbol differed from their declared step by binary rounding noise and were
    /// rounded.
    pub fn rounded(&self, index: u32) -> u64 {
        self.rounded.get(index as usize).copied().unwrap_or(0)
    }

    /// Reads from any byte source. `name` stands for it in errors; `total_bytes` is its size for progress.
    ///
    /// # Errors
    /// As [`SourceFile::open`].
    pub fn from_reader(
        name: &Path,
        reader: impl Read + Send + 'static,
        total_bytes: u64,
    ) -> Result<Self, FileError> {
        let read_bytes = Arc::new(AtomicU64::new(0));
        let plain =
            input::plain(reader, Arc::clone(&read_bytes)).map_err(|problem| FileError::of(name, problem))?;
        SourceFile::from_text(name, plain, total_bytes, read_bytes, &FileMapping::default())
    }

    fn from_text(
        name: &Path,
        text: Box<dyn Read + Send>,
        total_bytes: u64,
        read_bytes: Arc<AtomicU64>,
        mapping: &FileMapping,
    ) -> Result<Self, FileError> {
        let (mut lines, form) = lines_of(text).map_err(|problem| FileError::at(name, 1, None, problem))?;
        let recognised = match form {
            Some(form) => recognise_json(&mut lines, form, name, mapping),
            None => recognise(&mut lines, name, mapping),
        };
        let (format, layout) = match recognised {
            Ok(found) => found,
            Err(problem @ (Problem::Empty | Problem::NoRows)) => return Err(FileError::of(name, problem)),
            Err(problem) => return Err(FileError::at(name, lines.number().max(1), None, problem)),
        };
        Ok(SourceFile {
            path: name.to_owned(),
            lines,
            format,
            sorted: None,
            layout,
            fields: Fields::default(),
            symbols: Symbols::default(),
            order: Order::default(),
            rows: 0,
            repeated: Vec::new(),
            contradicting: Vec::new(),
            elsewhere: RepeatedBySymbol::new(),
            elsewhere_by_index: Vec::new(),
            facts: Facts::default(),
            rounded: Vec::new(),
            total_bytes,
            read_bytes,
        })
    }

    /// Kind of the rows.
    pub fn kind(&self) -> StreamKind {
        self.layout.kind()
    }

    /// The layout with its columns; of JSON lines those of the first object.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Leaves out rows that another file has too. Call it before the first row is read.
    pub fn without(mut self, elsewhere: RepeatedBySymbol) -> Self {
        self.elsewhere = elsewhere;
        self
    }

    /// Path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Name of a symbol index in a batch.
    pub fn symbol(&self, index: u32) -> &str {
        &self.symbols.names[index as usize]
    }

    /// Index of a symbol that was seen.
    pub(super) fn index_of(&self, symbol: &str) -> Option<u32> {
        self.symbols.indices.get(symbol.as_bytes()).copied()
    }

    /// Names of the symbols seen so far, by index.
    pub fn symbols(&self) -> &[String] {
        &self.symbols.names
    }

    /// Rows read so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many rows of a symbol were dropped because they were there before.
    pub fn repeated(&self, index: u32) -> u64 {
        self.repeated.get(index as usize).copied().unwrap_or(0)
    }

    /// Bytes read from disk so far.
    pub fn bytes_read(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// File size on disk.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// What was assumed to read the file, without the symbol. Complete
    /// at the end of the file.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = match &self.format {
            Format::Foreign(foreign) => foreign.notes(),
            Format::Csv { .. } | Format::Json => Vec::new(),
        };
        notes.extend(self.sorted.is_some().then(|| "the rows were sorted by time".to_owned()));
        let open_ended =
            "the last line has no line end, so its last number may be cut: was the file written to its end?";
        let is_open_ended = self.lines.is_open_ended() && !matches!(self.format, Format::Json);
        notes.extend(is_open_ended.then(|| open_ended.to_owned()));
        notes
    }

    /// The length that the rows state for the bars of a symbol, once they are read.
    pub(super) fn bar_length(&self, symbol: &str) -> Option<Span> {
        match &self.format {
            Format::Foreign(foreign) => foreign.bar_length(symbol),
            Format::Csv { .. } | Format::Json => None,
        }
    }

    /// Replaces the batch's rows by the next ones. `Ok(false)`: end of file; the batch is empty.
    ///
    /// # Errors
    /// The first invalid row, with line and column. The batch must not be used then.
    pub fn read(&mut self, batch: &mut RecordBatch) -> Result<bool, FileError> {
        batch.clear();
        let rule = self.layout.rule();
        while batch.rows.len() < batch.limit {
            let next = match &mut self.sorted {
                Some(sorted) => next_sorted(sorted, &mut self.fields),
                None => next_row(&mut self.format, &mut self.lines, &mut self.fields, rule),
            };
            let (line, number) = match next {
                Ok(Next::Row(line, number)) => (line, number),
                Ok(Next::Nothing) => continue,
                Ok(Next::End) => break,
                Err((column, problem)) => return Err(refused(&self.path, &self.lines, column, problem)),
            };
            let parsed = row::record(rule, &self.fields, line)
                .and_then(|record| Ok((self.symbols.index(self.fields.get(line, SYMBOL))?, record)));
            let checked = parsed.and_then(|(symbol, mut record)| {
                let facts = self.facts.of_index(symbol, &self.symbols.names);
                match steps::settle(&mut record.body, facts)? {
                    0 => {}
                    rounded => count(&mut self.rounded, symbol, rounded),
                }
                self.order.check(symbol, number, &record).map(|verdict| (verdict, (symbol, record)))
            });
            match checked {
                Ok((TradeCheck::Next, (symbol, _))) if self.is_elsewhere(symbol) => {
                    count(&mut self.repeated, symbol, 1);
                }
                Ok((TradeCheck::Next, row)) => batch.push(number, row),
                Ok((TradeCheck::Repeated, (symbol, _))) => count(&mut self.repeated, symbol, 1),
                Ok((TradeCheck::Contradicts(pair), (symbol, _))) => {
                    tell(&mut self.contradicting, symbol, number, &pair);
                }
                Err(flaw) => return Err(self.refuse(number, *flaw)),
            }
        }
        if self.rows == 0 && batch.rows.is_empty() && self.elsewhere.is_empty() {
            return Err(FileError::of(&self.path, Problem::NoRows));
        }
        self.rows += batch.rows.len() as u64;
        let is_over = batch.rows.is_empty();
        if is_over {
            self.close();
        }
        Ok(!is_over)
    }

    /// Whether the next row of a symbol is one that another file has too.
    #[inline]
    fn is_elsewhere(&mut self, symbol: u32) -> bool {
        if self.elsewhere.is_empty() {
            return false;
        }
        for name in &self.symbols.names[self.elsewhere_by_index.len()..] {
            self.elsewhere_by_index.push(self.elsewhere.get(name).cloned());
        }
        self.elsewhere_by_index[symbol as usize].as_mut().is_some_and(RepeatedRows::is_next)
    }

    /// What is told of the trade ids of a symbol: that of a different trade, for which rows were dropped, and
    /// those that could not be compared with all before.
    pub(super) fn ids(&self, index: u32) -> impl Iterator<Item = String> {
        let name = self.symbol(index);
        let contradicting = self.contradicting.get(index as usize).filter(|(count, _)| *count > 0);
        let unchecked = Some(self.order.unchecked(index)).filter(|_| self.may_have_repeated_ids(index));
        let contradicting = contradicting.map(|(count, first)| {
            format!(
                "left out {} of {name} with the id of a different trade, the first in line {first}",
                counted(*count, "row")
            )
        });
        let unchecked = unchecked.map(|count| format!(
            "{} of {name} could not be compared with all trades before: only the latest {KNOWN_TRADES} of a file are remembered",
            counted(count, "trade")
        ));
        contradicting.into_iter().chain(unchecked)
    }

    /// Whether trades of a symbol may have the ids of trades that are not remembered any more.
    pub(super) fn may_have_repeated_ids(&self, index: u32) -> bool {
        self.order.unchecked(index) > 0
    }

    /// Closes the file at its end, because what was learnt of it is kept: a folder may have more files than
    /// may be open.
    fn close(&mut self) {
        self.lines.close();
        if let Some(sorted) = &mut self.sorted {
            sorted.close();
        }
    }

    #[cold]
    fn refuse(&self, line: u64, (slot, problem): (usize, Problem)) -> FileError {
        FileError::at(&self.path, line, self.layout.rule().name(slot), problem)
    }
}

/// A number of things, in words that fit it.
fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

#[cold]
fn count(by_symbol: &mut Vec<u64>, symbol: u32, more: u64) {
    let index = symbol as usize;
    if index >= by_symbol.len() {
        by_symbol.resize(index + 1, 0);
    }
    by_symbol[index] += more;
}

/// Counts a trade whose id was there with other values.
#[cold]
fn tell(by_symbol: &mut Vec<(u64, String)>, symbol: u32, line: u64, pair: &Contradiction) {
    let index = symbol as usize;
    if index >= by_symbol.len() {
        by_symbol.resize(index + 1, Default::default());
    }
    let (count, first) = &mut by_symbol[index];
    if *count == 0 {
        *first = format!("{line}: {pair}");
    }
    *count += 1;
}

/// Declared facts of the symbols of a file.
#[derive(Default)]
struct Facts {
    declared: Declared,
    beside: FactsBySymbol,
    by_symbol: Vec<ContractFacts>,
}

impl Facts {
    fn of(&self, symbol: &str) -> ContractFacts {
        self.beside.get(symbol).cloned().unwrap_or_default().or(self.declared.facts(symbol))
    }

    #[inline]
    fn of_index(&mut self, index: u32, names: &[String]) -> &ContractFacts {
        for name in &names[self.by_symbol.len().min(names.len())..] {
            let facts = self.of(name);
            self.by_symbol.push(facts);
        }
        &self.by_symbol[index as usize]
    }
}

/// Symbol names by index, in order of appearance.
#[derive(Default)]
struct Symbols {
    names: Vec<String>,
    indices: HashMap<Vec<u8>, u32>,
    last: u32,
}

impl Symbols {
    /// The index of a name, added if new.
    #[inline]
    fn index(&mut self, name: &[u8]) -> Result<u32, Flaw> {
        match self.names.get(self.last as usize) {
            Some(last) if last.as_bytes() == name => Ok(self.last),
            _ => self.other(name),
        }
    }

    fn other(&mut self, name: &[u8]) -> Result<u32, Flaw> {
        if let Some(known) = self.indices.get(name) {
            self.last = *known;
            return Ok(*known);
        }
        if name.is_empty() {
            return Err(Box::new((SYMBOL, Problem::EmptyField)));
        }
        let foreign = || Box::new((SYMBOL, Problem::Value { text: excerpt(name), why: "is not UTF-8 text" }));
        let text = std::str::from_utf8(name).map_err(|_| foreign())?;
        if let Some(why) = symbol_name::problem(text) {
            return Err(Box::new((SYMBOL, Problem::Symbol { text: excerpt(name), why })));
        }
        if self.names.len() == FILE_SYMBOLS {
            return Err(Box::new((SYMBOL, Problem::TooManySymbols(FILE_SYMBOLS))));
        }
        self.last = self.names.len() as u32;
        self.names.push(text.to_owned());
        self.indices.insert(name.to_owned(), self.last);
        Ok(self.last)
    }
}

/// What comes next in a file.
enum Next<'a> {
    /// A row, whose values are in the fields, of the line with this number.
    Row(&'a [u8], u64),
    /// A line without a row.
    Nothing,
    End,
}

#[inline]
fn next_row<'a>(
    format: &mut Format,
    lines: &'a mut Lines,
    fields: &mut Fields,
    rule: &'static LayoutRule,
) -> Result<Next<'a>, Refused> {
    if let Format::Foreign(foreign) = format {
        return Ok(if foreign.next(lines, fields)? { Next::Row(b"", lines.number()) } else { Next::End });
    }
    let number = lines.number() + 1;
    match lines.next().map_err(|problem| (None, problem))? {
        None => Ok(Next::End),
        Some([]) => Ok(Next::Nothing),
        Some(line) => match split(format, line, fields, rule).map_err(|problem| (None, problem))? {
            true => Ok(Next::Row(line, number)),
            false => Ok(Next::Nothing),
        },
    }
}

fn next_sorted<'a>(sorted: &mut Sorted, fields: &mut Fields) -> Result<Next<'a>, Refused> {
    let next = sorted.next(fields).map_err(|error| (None, Problem::Unreadable(error)))?;
    Ok(next.map_or(Next::End, |line| Next::Row(b"", line)))
}

/// Splits a line of our own layouts. `false`: it is the column names of a file that was appended.
#[inline]
fn split(
    format: &Format,
    line: &[u8],
    fields: &mut Fields,
    rule: &'static LayoutRule,
) -> Result<bool, Problem> {
    match format {
        Format::Csv { header, slots } => {
            fields.split_csv(line, slots)?;
            Ok(line[0] != header[0] || line != header)
        }
        _ => fields.split_json(line, rule).map(|()| true),
    }
}

/// A problem of the line that was read last, or of the bytes behind it.
#[cold]
fn refused(path: &Path, lines: &Lines, column: Option<&'static str>, problem: Problem) -> FileError {
    let is_behind = matches!(
        problem,
        Problem::Unreadable(_)
            | Problem::CutShort
            | Problem::Corrupt(_)
            | Problem::Bomb
            | Problem::Shrunk
            | Problem::JsonList(_)
    );
    FileError::at(path, lines.number() + u64::from(is_behind), column, problem)
}

#[cfg(test)]
mod tests;
