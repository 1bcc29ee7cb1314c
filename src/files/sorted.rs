//! Sorts the rows of a file by time in bounded memory: parts are sorted in memory and written to temporary
//! files, which are merged.
//!
//! Rows are sorted before they are checked, each with its line, so that a refused row is named by its place
//! in the file. Rows of equal time are ordered by trade id where there is one, else as in the file, or
//! backwards where the rows of their symbol run backwards.

use super::error::FileError;
use super::fields::Fields;
use super::layout::{LayoutRule, MAX_COLUMNS, SYMBOL, TIME};
use super::number;
use crate::limits::{FILE_SYMBOLS, SORT_BYTES, SORT_PARTS};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Ranges of the values of a row by slot.
type Ranges = [(u32, u32); MAX_COLUMNS];

/// Time, trade id, number of the row in the file.
type Key = (u64, u64, i64);

/// A row in memory: its key, its line, its values in the arena of its part.
struct Row {
    key: Key,
    line: u64,
    /// Index of its symbol; not written.
    symbol: usize,
    from: usize,
    ranges: Ranges,
}

/// Bytes of a row beside its text.
const ROW_BYTES: usize = std::mem::size_of::<Row>();

/// How rows of equal time are ordered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ties {
    /// By trade id where there is one, else as in the file.
    ById,
    /// As in the file, whose symbols are each in order.
    AsInFile,
}

/// Takes rows in any order.
pub(super) struct Sorter {
    id_slot: Option<usize>,
    arena: Vec<u8>,
    rows: Vec<Row>,
    parts: Vec<Part>,
    taken: i64,
    symbols: HashMap<Vec<u8>, usize>,
    /// By index of the symbol.
    runs: Vec<Run>,
}

/// How the rows of one symbol run.
struct Run {
    last: u64,
    /// Rows later than the row before, less those that are earlier.
    direction: i64,
    /// Whether they run backwards, once a part was written.
    is_backwards: Option<bool>,
}

/// Rows in order.
pub(super) struct Sorted {
    merge: BinaryHeap<Reverse<(Key, usize)>>,
    parts: Vec<Part>,
}

/// Where sorted rows are kept that are read several times: one temporary file for all files of a source.
#[derive(Clone, Default, Debug)]
pub(super) struct Spool(Arc<Mutex<Option<Spooled>>>);

/// The temporary file, and the end of what is kept in it.
type Spooled = (Arc<File>, u64);

/// Sorted rows that are kept.
#[derive(Clone, Debug)]
pub struct KeptRows(Section);

/// A section of a temporary file, read from its beginning on.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub file: Arc<File>,
    pub at: u64,
    pub end: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let read = self.file.read_at(&mut buffer[..wanted], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Spool {
    /// Bytes that are kept.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.0.lock().unwrap().as_ref().map_or(0, |(_, end)| *end)
    }

    /// Takes all rows and keeps them.
    pub(super) fn keep(&self, mut rows: Sorted) -> io::Result<KeptRows> {
        // A thread that panicked left rows behind the end that nobody reads.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, begin) = match kept.take() {
            Some(open) => open,
            None => (Arc::new(temporary()?), 0),
        };
        let mut out = BufWriter::new(At { file: &file, at: begin });
        while let Some((row, text)) = rows.next_row()? {
            row.write(&text, &mut out)?;
        }
        let end = out.into_inner().map_err(io::IntoInnerError::into_error)?.at;
        *kept = Some((Arc::clone(&file), end));
        Ok(KeptRows(Section { file, at: begin, end }))
    }
}

impl KeptRows {
    /// The rows from the first on.
    pub(super) fn rows(&self) -> io::Result<Sorted> {
        Sorted::of(vec![Part::over(self.0.clone())])
    }
}

/// Writes at a position.
pub(super) struct At<'a> {
    pub file: &'a File,
    pub at: u64,
}

impl Write for At<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(bytes, self.at)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A sorted part and its next row.
struct Part {
    file: Option<BufReader<Section>>,
    /// Rows in memory, last first.
    memory: Vec<Row>,
    text: Vec<u8>,
    next: Option<Row>,
}

impl Sorter {
    pub fn new(rule: &'static LayoutRule, ties: Ties) -> Self {
        Sorter {
            id_slot: rule.slot("trade_id").filter(|_| ties == Ties::ById),
            arena: Vec::new(),
            rows: Vec::new(),
            parts: Vec::new(),
            taken: 0,
            symbols: HashMap::new(),
            runs: Vec::new(),
        }
    }

    /// Takes the row that was split into `fields`.
    pub fn push(&mut self, number: u64, fields: &Fields, line: &[u8]) -> io::Result<()> {
        // A time that is none is refused when the row is checked.
        let time = number::whole(fields.get(line, TIME)).unwrap_or(0);
        let id = self.id_slot.and_then(|slot| number::whole(fields.get(line, slot))).unwrap_or(0);
        let symbol = self.symbol(fields.get(line, SYMBOL), time);
        let run = &mut self.runs[symbol];
        run.direction += i64::from(time > run.last) - i64::from(time < run.last);
        (run.last, self.taken) = (time, self.taken + 1);
        let from = self.arena.len();
        let mut ranges = Ranges::default();
        for (slot, range) in ranges.iter_mut().enumerate() {
            let start = self.arena.len() - from;
            self.arena.extend_from_slice(fields.get(line, slot));
            *range = (start as u32, (self.arena.len() - from) as u32);
        }
        self.rows.push(Row { key: (time, id, self.taken), line: number, symbol, from, ranges });
        if self.arena.len() + self.rows.len() * ROW_BYTES >= SORT_BYTES {
            self.write_part()?;
        }
        Ok(())
    }

    /// The index of a symbol, added if new. A file with more symbols than the limit is refused when its rows
    /// are checked.
    fn symbol(&mut self, name: &[u8], time: u64) -> usize {
        if let Some(known) = self.symbols.get(name) {
            return *known;
        }
        if self.runs.len() <= FILE_SYMBOLS {
            self.symbols.insert(name.to_vec(), self.runs.len());
            self.runs.push(Run { last: time, direction: 0, is_backwards: None });
        }
        self.runs.len() - 1
    }

    /// The rows in order.
    pub fn finish(mut self) -> io::Result<Sorted> {
        self.sort();
        let (memory, text) = (self.rows.drain(..).rev().collect(), std::mem::take(&mut self.arena));
        self.parts.push(Part { file: None, memory, text, next: None });
        Sorted::of(self.parts)
    }

    fn sort(&mut self) {
        for row in &mut self.rows {
            let run = &mut self.runs[row.symbol];
            if *run.is_backwards.get_or_insert(run.direction < 0) {
                row.key.2 = -row.key.2;
            }
        }
        self.rows.sort_unstable_by_key(|row| row.key);
    }

    fn write_part(&mut self) -> io::Result<()> {
        self.sort();
        let mut out = BufWriter::new(temporary()?);
        for row in self.rows.drain(..) {
            row.write(&self.arena, &mut out)?;
        }
        self.arena.clear();
        self.parts.push(Part::over(written(out)?));
        if self.parts.len() == SORT_PARTS {
            let mut all = Sorted::of(std::mem::take(&mut self.parts))?;
            let mut out = BufWriter::new(temporary()?);
            while let Some((row, text)) = all.next_row()? {
                row.write(&text, &mut out)?;
            }
            self.parts.push(Part::over(written(out)?));
        }
        Ok(())
    }
}

impl Sorted {
    fn of(parts: Vec<Part>) -> io::Result<Self> {
        let mut sorted = Sorted { merge: BinaryHeap::new(), parts };
        for index in 0..sorted.parts.len() {
            if let Some(key) = sorted.parts[index].advance()?.1 {
                sorted.merge.push(Reverse((key, index)));
            }
        }
        Ok(sorted)
    }

    /// The next row with its text.
    fn next_row(&mut self) -> io::Result<Option<(Row, Vec<u8>)>> {
        let Some(Reverse((_, index))) = self.merge.pop() else { return Ok(None) };
        let part = &mut self.parts[index];
        let text = part.row_text();
        let (row, next) = part.advance()?;
        if let Some(key) = next {
            self.merge.push(Reverse((key, index)));
        }
        Ok(row.map(|row| (Row { from: 0, ..row }, text)))
    }

    /// Gives temporary files and memory back at the end.
    pub fn close(&mut self) {
        (self.merge, self.parts) = (BinaryHeap::new(), Vec::new());
    }

    /// Puts the next row into `fields`; returns its line.
    pub fn next(&mut self, fields: &mut Fields) -> io::Result<Option<u64>> {
        Ok(self.next_row()?.map(|(row, text)| {
            fields.set(&text, &row.ranges);
            row.line
        }))
    }
}

impl Part {
    fn over(section: Section) -> Self {
        Part { file: Some(BufReader::new(section)), memory: Vec::new(), text: Vec::new(), next: None }
    }

    /// The text of the next row.
    fn row_text(&self) -> Vec<u8> {
        let row = self.next.as_ref().map_or(&[][..], |row| &self.text[row.from..row.from + row.bytes()]);
        row.to_vec()
    }

    /// Takes the next row and reads the one behind it; returns that one's key.
    fn advance(&mut self) -> io::Result<(Option<Row>, Option<Key>)> {
        let next = match &mut self.file {
            Some(file) => Row::read(file, &mut self.text)?,
            None => self.memory.pop(),
        };
        let key = next.as_ref().map(|row| row.key);
        Ok((std::mem::replace(&mut self.next, next), key))
    }
}

impl Row {
    /// Bytes of its text.
    fn bytes(&self) -> usize {
        self.ranges.iter().map(|range| range.1 as usize).max().unwrap_or(0)
    }

    fn write(&self, arena: &[u8], out: &mut impl Write) -> io::Result<()> {
        let (time, id, number) = self.key;
        for number in [time, id, number.cast_unsigned(), self.line] {
            out.write_all(&number.to_le_bytes())?;
        }
        for (_, to) in &self.ranges {
            out.write_all(&to.to_le_bytes())?;
        }
        out.write_all(&arena[self.from..self.from + self.bytes()])
    }

    fn read(file: &mut impl Read, text: &mut Vec<u8>) -> io::Result<Option<Row>> {
        let mut numbers = [[0; 8]; 4];
        match file.read_exact(&mut numbers[0]) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        for number in &mut numbers[1..] {
            file.read_exact(number)?;
        }
        let [time, id, number, line] = numbers.map(u64::from_le_bytes);
        let mut ranges = Ranges::default();
        let mut from = 0;
        for range in &mut ranges {
            let mut to = [0; 4];
            file.read_exact(&mut to)?;
            *range = (from, u32::from_le_bytes(to));
            from = range.1;
        }
        let row = Row { key: (time, id, number.cast_signed()), line, symbol: 0, from: 0, ranges };
        text.resize(row.bytes(), 0);
        file.read_exact(text)?;
        Ok(Some(row))
    }
}

/// All that was written to a temporary file.
fn written(out: BufWriter<File>) -> io::Result<Section> {
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    let end = file.metadata()?.len();
    Ok(Section { file: Arc::new(file), at: 0, end })
}

/// Temporary files could not be written or read.
#[cold]
pub(super) fn not_kept(error: io::Error) -> FileError {
    FileError::writing(&std::env::temp_dir(), error)
}

/// A file without a name, which is gone with its handle.
pub(super) fn temporary() -> io::Result<File> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("tradingd-sort-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::StreamKind;
    use crate::files::layout::Layout;

    /// Sorts lines of `time,symbol,price,quantity,side`; returns times and lines.
    fn sorted(rows: impl Iterator<Item = String>) -> Vec<(u64, u64)> {
        let mut sorter = Sorter::new(Layout::required(StreamKind::Trades).rule(), Ties::ById);
        let mut fields = Fields::default();
        for (index, row) in rows.enumerate() {
            fields.split_csv(row.as_bytes(), &[0, 1, 2, 3, 4]).unwrap();
            sorter.push(index as u64 + 1, &fields, row.as_bytes()).unwrap();
        }
        let mut all = sorter.finish().unwrap();
        let mut out = Vec::new();
        while let Some(line) = all.next(&mut fields).unwrap() {
            out.push((number::whole(fields.get(b"", TIME)).unwrap(), line));
        }
        out
    }

    #[test]
    fn rows_of_equal_time_keep_their_order_or_turn_with_the_file() {
        let row = |time: u64| format!("{time},A,1,1,buy");
        assert_eq!(sorted([3, 1, 2, 2, 4].into_iter().map(row)), [(1, 2), (2, 3), (2, 4), (3, 1), (4, 5)]);
        assert_eq!(sorted([4, 3, 3, 1].into_iter().map(row)), [(1, 4), (3, 3), (3, 2), (4, 1)]);
    }

    #[test]
    fn the_direction_is_that_of_a_symbol_and_not_of_the_file() {
        // Each symbol is in order; the file as a whole goes back more often than forward.
        let rows = [("A", 5), ("B", 4), ("C", 3), ("A", 5), ("B", 4), ("C", 3)];
        let all = sorted(rows.into_iter().map(|(symbol, time)| format!("{time},{symbol},1,1,buy")));
        assert_eq!(all, [(3, 3), (3, 6), (4, 2), (4, 5), (5, 1), (5, 4)]);
    }

    #[test]
    fn more_rows_than_fit_into_memory_are_merged_from_parts() {
        let count = 2 * SORT_BYTES as u64 / ROW_BYTES as u64;
        let scattered = |n: u64| (n * 7_919) % count;
        let all = sorted((0..count).map(|n| format!("{},A,1,1,buy", scattered(n))));
        assert_eq!(all.len() as u64, count);
        assert!(
            all.iter()
                .enumerate()
                .all(|(place, (time, line))| { *time == place as u64 && scattered(line - 1) == *time })
        );
    }
}
