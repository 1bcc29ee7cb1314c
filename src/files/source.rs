//! Reads a file of market data as a stream of validated records, in constant memory. No row is repaired; only
//! repeated trades (equal id, time, price, quantity and side) are dropped, and they are counted.

use super::contract_file::{FactsBySymbol, facts_beside};
use super::error::{FileError, Problem, excerpt};
use super::fields::{Fields, csv_fields, json_names};
use super::input;
use super::layout::{self, Layout, SYMBOL};
use super::lines::Lines;
use super::order::{Order, Place};
use super::row::{self, Flaw};
use super::steps;
use crate::domain::contract_facts::{ContractFacts, Declared};
use crate::domain::record::{Record, StreamKind};
use crate::domain::symbol_name;
use crate::limits::{BLOCK_ROWS, FILE_SYMBOLS};
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// An open file of market data: CSV with column names or JSON lines (plain, gzip or zstd), or parquet.
pub struct SourceFile {
    path: PathBuf,
    lines: Lines,
    format: Format,
    layout: Layout,
    fields: Fields,
    symbols: Symbols,
    order: Order,
    rows: u64,
    /// Repeated trades by symbol index.
    repeated: Vec<u64>,
    facts: Facts,
    /// Rounded numbers by symbol index.
    rounded: Vec<u64>,
    total_bytes: u64,
    read_bytes: Arc<AtomicU64>,
}

/// Consecutive rows of one file.
pub struct RecordBatch {
    limit: usize,
    first_line: u64,
    rows: Vec<(u32, Record)>,
}

/// Line format.
enum Format {
    /// The header line as written, and the slot of each column.
    Csv {
        header: Vec<u8>,
        slots: Vec<u8>,
    },
    Json,
}

impl SourceFile {
    /// Opens a file and detects its layout; reads no rows yet.
    ///
    /// # Errors
    /// Missing, unreadable, empty, damaged, without rows, or of an unknown layout.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let (file, bytes) = input::open(path).map_err(|problem| FileError::of(path, problem))?;
        let count = Arc::new(AtomicU64::new(0));
        let text =
            input::text(file, bytes, Arc::clone(&count)).map_err(|problem| FileError::of(path, problem))?;
        SourceFile::from_text(path, text, bytes, count)
    }

    /// Opens a file with declared facts: from its contract file, else from the user. Numbers must then be
    /// multiples of the declared steps; binary rounding noise is rounded away.
    ///
    /// # Errors
    /// As [`SourceFile::open`], or an invalid contract file.
    pub fn open_with(path: &Path, declared: &Declared) -> Result<Self, FileError> {
        let facts = Facts { declared: declared.clone(), beside: facts_beside(path)?, by_symbol: Vec::new() };
        Ok(SourceFile { facts, ..SourceFile::open(path)? })
    }

    /// The declared facts of a symbol of this file.
    pub fn facts_of(&self, symbol: &str) -> ContractFacts {
        self.facts.of(symbol)
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
        SourceFile::from_text(name, plain, total_bytes, read_bytes)
    }

    fn from_text(
        name: &Path,
        text: Box<dyn Read + Send>,
        total_bytes: u64,
        read_bytes: Arc<AtomicU64>,
    ) -> Result<Self, FileError> {
        let mut lines = Lines::new(text);
        let (format, layout) = match recognise(&mut lines) {
            Ok(found) => found,
            Err(problem @ (Problem::Empty | Problem::NoRows)) => return Err(FileError::of(name, problem)),
            Err(problem) => return Err(FileError::at(name, lines.number().max(1), None, problem)),
        };
        Ok(SourceFile {
            path: name.to_owned(),
            lines,
            format,
            layout,
            fields: Fields::default(),
            symbols: Symbols::default(),
            order: Order::default(),
            rows: 0,
            repeated: Vec::new(),
            facts: Facts::default(),
            rounded: Vec::new(),
            total_bytes,
            read_bytes,
        })
    }

    /// Kind of the rows.
    pub fn layout(&self) -> StreamKind {
        self.layout.kind()
    }

    /// The columns of the file; for JSON lines those of the first object.
    pub fn columns(&self) -> Layout {
        self.layout
    }

    /// Path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Name of a symbol index in a batch.
    pub fn symbol(&self, index: u32) -> &str {
        &self.symbols.names[index as usize]
    }

    /// Names of the symbols seen so far, by index.
    pub fn symbols(&self) -> &[String] {
        &self.symbols.names
    }

    /// Rows read so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many repeated trades of a symbol were dropped.
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

    /// Replaces the batch's rows by the next ones. `Ok(false)`: end of file; the batch is empty.
    ///
    /// # Errors
    /// The first invalid row, with line and column. The batch must not be used then.
    pub fn read(&mut self, batch: &mut RecordBatch) -> Result<bool, FileError> {
        batch.rows.clear();
        let rule = self.layout.rule();
        while batch.rows.len() < batch.limit {
            let line = match self.lines.next() {
                Ok(Some(line)) => line,
                Ok(None) if self.rows == 0 && batch.rows.is_empty() => {
                    return Err(FileError::of(&self.path, Problem::NoRows));
                }
                Ok(None) => break,
                Err(problem @ (Problem::Unreadable(_) | Problem::CutShort | Problem::Corrupt(_))) => {
                    return Err(FileError::at(&self.path, self.lines.number() + 1, None, problem));
                }
                Err(problem) => return Err(FileError::at(&self.path, self.lines.number(), None, problem)),
            };
            let split = match &self.format {
                _ if line.is_empty() => Ok(false),
                Format::Csv { header, slots } => match self.fields.split_csv(line, slots) {
                    // Concatenated files repeat their column names.
                    Ok(()) => Ok(line[0] != header[0] || line != header),
                    Err(problem) => Err(problem),
                },
                Format::Json => self.fields.split_json(line, rule).map(|()| true),
            };
            match split {
                Ok(true) => {}
                // The lines of a batch are consecutive, so a line without a row ends it.
                Ok(false) if batch.rows.is_empty() => continue,
                Ok(false) => break,
                Err(problem) => return Err(FileError::at(&self.path, self.lines.number(), None, problem)),
            }
            let parsed = row::record(rule, &self.fields, line)
                .and_then(|record| Ok((self.symbols.index(self.fields.get(line, SYMBOL))?, record)));
            let number = self.lines.number();
            let checked = parsed.and_then(|(symbol, mut record)| {
                let facts = self.facts.of_index(symbol, &self.symbols.names);
                match steps::settle(&mut record.body, facts)? {
                    0 => {}
                    rounded => count(&mut self.rounded, symbol, rounded),
                }
                self.order.check(symbol, number, &record).map(|verdict| (verdict, (symbol, record)))
            });
            match checked {
                Ok((Place::Next, row)) => batch.rows.push(row),
                Ok((Place::Repeated, (symbol, _))) => {
                    count(&mut self.repeated, symbol, 1);
                    // The lines of a batch are consecutive, as above.
                    if batch.rows.is_empty() { continue } else { break }
                }
                Err(flaw) => return Err(self.refuse(*flaw)),
            }
            if batch.rows.len() == 1 {
                batch.first_line = number;
            }
        }
        self.rows += batch.rows.len() as u64;
        Ok(!batch.rows.is_empty())
    }

    #[cold]
    fn refuse(&self, (slot, problem): (usize, Problem)) -> FileError {
        FileError::at(&self.path, self.lines.number(), self.layout.rule().name(slot), problem)
    }
}

impl Default for RecordBatch {
    fn default() -> Self {
        RecordBatch::new(BLOCK_ROWS)
    }
}

impl RecordBatch {
    /// A batch of at most `limit` rows.
    pub fn new(limit: usize) -> Self {
        RecordBatch { limit, first_line: 0, rows: Vec::with_capacity(limit) }
    }

    /// The rows, each with its symbol's index in the file.
    pub fn rows(&self) -> &[(u32, Record)] {
        &self.rows
    }

    /// The line number of a row.
    pub fn line(&self, row: usize) -> u64 {
        self.first_line + row as u64
    }
}

#[cold]
fn count(by_symbol: &mut Vec<u64>, symbol: u32, more: u64) {
    let index = symbol as usize;
    if index >= by_symbol.len() {
        by_symbol.resize(index + 1, 0);
    }
    by_symbol[index] += more;
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

/// Reads the column names, or inspects the first object, and detects the layout.
fn recognise(lines: &mut Lines) -> Result<(Format, Layout), Problem> {
    let header = loop {
        match lines.next()? {
            None => return Err(Problem::Empty),
            Some([]) => continue,
            Some(line) => break line.to_vec(),
        }
    };
    if header.contains(&0) || std::str::from_utf8(&header).is_err() {
        return Err(Problem::Foreign("not text"));
    }
    if header.trim_ascii_start().starts_with(b"{") {
        let (names, side) = json_names(&header)?;
        let (layout, _) = layout::recognise(&names, side)?;
        lines.unread();
        return Ok((Format::Json, layout));
    }
    let names = csv_fields(&header)?;
    let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    let first_row = lines.next()?;
    let has_row = first_row.is_some();
    // Errors in the row itself are reported when it is read.
    let fields = first_row.and_then(|row| csv_fields(row).ok()).unwrap_or_default();
    let side = layout::side_position(&names).and_then(|at| fields.get(at)).map(Vec::as_slice);
    let recognised = layout::recognise(&names, side);
    if has_row {
        lines.unread();
    }
    let (layout, slots) = recognised?;
    if !has_row {
        return Err(Problem::NoRows);
    }
    Ok((Format::Csv { header, slots }, layout))
}

#[cfg(test)]
mod tests;
