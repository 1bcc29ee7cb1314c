//! Reads a file of market data as a stream of validated records, in constant memory. No row is repaired; only
//! repeated trades (equal id, time, price, quantity and side) are dropped, and they are counted.

use super::batch::RecordBatch;
use super::columns::{JsonForm, JsonLines, json_form};
use super::contract_file::{FactsBySymbol, facts_beside};
use super::error::{FileError, Problem, excerpt};
use super::fields::{Fields, csv_fields, json_names};
use super::foreign::{Foreign, Opening, Refused};
use super::input;
use super::layout::{self, Layout, LayoutRule, SYMBOL, TIME};
use super::lines::Lines;
use super::number;
use super::order::{Order, Place};
use super::row::{self, Flaw};
use super::sorted::{Sorted, Sorter};
use super::steps;
use crate::domain::contract_facts::{ContractFacts, Declared};
use crate::domain::file_mapping::FileMapping;
use crate::domain::record::StreamKind;
use crate::domain::symbol_name;
use crate::domain::time::{Span, Timestamp};
use crate::limits::{FILE_SYMBOLS, FOREIGN_LINE_BYTES};
use std::collections::HashMap;
use std::io::{Cursor, Read};
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
    /// Repeated trades by symbol index.
    repeated: Vec<u64>,
    facts: Facts,
    /// Rounded numbers by symbol index.
    rounded: Vec<u64>,
    total_bytes: u64,
    read_bytes: Arc<AtomicU64>,
}

/// Line format.
enum Format {
    /// The header line as written, and the slot of each column.
    Csv {
        header: Vec<u8>,
        slots: Vec<u8>,
    },
    Json,
    Foreign(Box<Foreign>),
}

impl SourceFile {
    /// Opens a file and detects its layout; reads no rows yet.
    ///
    /// # Errors
    /// Missing, unreadable, empty, damaged, without rows, or of an unknown layout.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        SourceFile::open_mapped(path, &FileMapping::default())
    }

    /// Opens a file that is read as the mapping says; reads no rows yet.
    ///
    /// # Errors
    /// As [`SourceFile::open`], or columns that the file does not have.
    pub fn open_mapped(path: &Path, mapping: &FileMapping) -> Result<Self, FileError> {
        let count = Arc::new(AtomicU64::new(0));
        let (text, bytes) = input::text(path, &count).map_err(|problem| FileError::of(path, problem))?;
        let mut source = SourceFile::from_text(path, text, bytes, count, mapping)?;
        if mapping.sort {
            source.sort()?;
        }
        Ok(source)
    }

    /// Reads all rows and sorts them by time.
    fn sort(&mut self) -> Result<(), FileError> {
        let rule = self.layout.rule();
        let failed = |path: &Path, error| FileError::writing(path, error);
        let mut sorter = Sorter::new(rule);
        loop {
            let next = next_row(&mut self.format, &mut self.lines, &mut self.fields, rule);
            let pushed = match next {
                Ok(Next::End) => break,
                Ok(Next::Nothing) => continue,
                // The number is that of the line, which is still borrowed.
                Ok(Next::Row(line, number)) => sorter.push(number, &self.fields, line),
                Err((column, problem)) => return Err(refused(&self.path, &self.lines, column, problem)),
            };
            pushed.map_err(|error| failed(&std::env::temp_dir(), error))?;
        }
        self.sorted = Some(Box::new(sorter.finish().map_err(|error| failed(&std::env::temp_dir(), error))?));
        Ok(())
    }

    /// The time of the earliest row of a file that is read as the mapping says: of its first row, or of all where they are
    /// to be sorted, which this does not do.
    ///
    /// # Errors
    /// As [`SourceFile::open_mapped`], or the first row that was read and is invalid.
    pub fn first_time(path: &Path, mapping: &FileMapping) -> Result<Timestamp, FileError> {
        let mut source = SourceFile::open_mapped(path, &FileMapping { sort: false, ..mapping.clone() })?;
        if !mapping.sort {
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
    pub fn open_with(path: &Path, declared: &Declared) -> Result<Self, FileError> {
        let facts = Facts { declared: declared.clone(), beside: facts_beside(path)?, by_symbol: Vec::new() };
        Ok(SourceFile { facts, ..SourceFile::open_mapped(path, &declared.mapping)? })
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

    /// What was assumed to read a file of another maker, without the symbol; empty for our own layouts. Complete
    /// at the end of the file.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = match &self.format {
            Format::Foreign(foreign) => foreign.notes(),
            Format::Csv { .. } | Format::Json => Vec::new(),
        };
        notes.extend(self.sorted.is_some().then(|| "the rows were sorted by time".to_owned()));
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
                Ok((Place::Next, row)) => batch.push(number, row),
                Ok((Place::Repeated, (symbol, _))) => count(&mut self.repeated, symbol, 1),
                Err(flaw) => return Err(self.refuse(number, *flaw)),
            }
        }
        if self.rows == 0 && batch.rows.is_empty() {
            return Err(FileError::of(&self.path, Problem::NoRows));
        }
        self.rows += batch.rows.len() as u64;
        let is_over = batch.rows.is_empty();
        if is_over {
            self.close();
        }
        Ok(!is_over)
    }

    /// Closes the file at its end, because what was learnt of it is kept: a folder may have more files than may be open.
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
            | Problem::JsonList(_)
    );
    FileError::at(path, lines.number() + u64::from(is_behind), column, problem)
}

/// Bytes by which the form of a text is found.
const HEAD_BYTES: u64 = 16 << 10;

/// The lines of a text; of JSON that is one document, its elements.
fn lines_of(mut text: Box<dyn Read + Send>) -> Result<(Lines, Option<JsonForm>), Problem> {
    let mut head = Vec::new();
    (&mut text).take(HEAD_BYTES).read_to_end(&mut head).map_err(input::reading)?;
    let form = json_form(&head);
    let whole = Cursor::new(head).chain(text);
    Ok(match form {
        None => (Lines::new(Box::new(whole)), None),
        Some(form) => (Lines::up_to(FOREIGN_LINE_BYTES, Box::new(JsonLines::new(whole))), Some(form)),
    })
}

/// The first line that is not empty.
fn first_line(lines: &mut Lines) -> Result<Vec<u8>, Problem> {
    loop {
        match lines.next()? {
            None => return Err(Problem::Empty),
            Some([]) => continue,
            Some(line) => return Ok(line.to_vec()),
        }
    }
}

/// Detects the layout of a JSON document.
fn recognise_json(
    lines: &mut Lines,
    form: JsonForm,
    path: &Path,
    mapping: &FileMapping,
) -> Result<(Format, Layout), Problem> {
    let first = first_line(lines)?;
    let opening = Opening { path, mapping, first: &first };
    match Foreign::of_list(form, &opening)? {
        Some(foreign) => Ok(foreign_format(foreign)),
        None => Err(layout::unknown(&first)),
    }
}

fn foreign_format(foreign: Foreign) -> (Format, Layout) {
    let layout = foreign.layout();
    (Format::Foreign(Box::new(foreign)), layout)
}

/// Reads the column names, or inspects the first object, and detects the layout.
fn recognise(lines: &mut Lines, path: &Path, mapping: &FileMapping) -> Result<(Format, Layout), Problem> {
    let header = first_line(lines)?;
    let is_text = !header.contains(&0) && std::str::from_utf8(&header).is_ok();
    let foreign = |lines: &mut Lines| {
        let opening = Opening { path, mapping, first: &header };
        let found = Foreign::of_lines(&opening)?;
        let Some(found) = found else { return Ok(None) };
        if !found.keeps_first() && lines.next()?.is_none() {
            return Err(Problem::NoRows);
        }
        if !found.keeps_first() {
            lines.unread();
        }
        Ok(Some(foreign_format(found)))
    };
    if mapping.columns.is_some() {
        return foreign(lines)?.ok_or(Problem::Foreign("not text"));
    }
    if !is_text {
        return foreign(lines)?.ok_or(Problem::Foreign("not text"));
    }
    match own(lines, &header) {
        Err(
            problem @ (Problem::UnknownLayout { .. }
            | Problem::UnknownColumn { .. }
            | Problem::RepeatedColumn(_)
            | Problem::MissingColumn { .. }
            | Problem::Json(_)
            | Problem::Quotes(_)),
        ) => foreign(lines)?.ok_or_else(|| no_layout(problem, &header)),
        found => found,
    }
}

/// The problem of a first line that is of no layout. JSON without a time by our name is not ours to be corrected.
#[cold]
fn no_layout(problem: Problem, header: &[u8]) -> Problem {
    let is_ours = || memchr::memmem::find(header, b"\"timestamp_us\"").is_some();
    if matches!(problem, Problem::Json(_)) && !is_ours() { layout::unknown(header) } else { problem }
}

/// Detects one of our own layouts. When there is none, the lines go on behind the first one.
fn own(lines: &mut Lines, header: &[u8]) -> Result<(Format, Layout), Problem> {
    if header.trim_ascii_start().starts_with(b"{") {
        let (names, side) = json_names(header)?;
        let (layout, _) = layout::recognise(&names, side)?;
        lines.unread();
        return Ok((Format::Json, layout));
    }
    let names = csv_fields(header)?;
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
    Ok((Format::Csv { header: header.to_vec(), slots }, layout))
}

#[cfg(test)]
mod tests;
