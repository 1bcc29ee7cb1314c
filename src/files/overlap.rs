//! Files of one stream that overlap in time. Where their rows agree they are one history, and what the later
//! file repeats is passed over and counted; where they differ they are refused with both names, because
//! nobody can say which is right.
//!
//! Rows agree that have equal values; trades with ids are compared by id, whatever their order within a time.
//! A file may begin and end in the middle of a time.
//!
//! A file is read for it at most twice, however many symbols it has and files it overlaps: once as the later
//! one, and once as the earlier one of all that overlap it.

mod fingerprints;

use super::batch::RecordBatch;
use super::error::{FileError, Problem};
use super::opener::Opener;
use super::repeated::{RepeatedBySymbol, RepeatedRows};
use super::sorted::{KeptRows, not_kept};
use super::source::SourceFile;
use super::survey::FileSurvey;
use crate::domain::contract_facts::Declared;
use crate::domain::record::StreamKind;
use crate::domain::time::Timestamp;
use crate::domain::visible::Visible;
use crate::limits::{COMPARED_FILES, COMPARED_ROWS};
use fingerprints::{Fingerprints, Row, Rows};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Rows decoded at once.
const BATCH_ROWS: usize = 1_024;

/// The file that a later one overlaps in one stream.
#[derive(Clone, Copy)]
pub struct Before<'a> {
    /// Its path.
    pub path: &'a Path,
    /// Its rows, if they were sorted and kept.
    pub sorted: Option<&'a KeptRows>,
    /// Time of its last row of the stream.
    pub last: Timestamp,
}

/// Compares files, one after the other in the order in which they begin, with those before them.
pub struct Overlaps<'a> {
    declared: &'a Declared,
    opener: Opener,
    /// Files that later ones were compared with, the one that was used last at the end.
    earlier: Vec<Earlier>,
}

/// A file with which later ones are compared: read as far as these needed it.
struct Earlier {
    path: PathBuf,
    source: SourceFile,
    batch: RecordBatch,
    /// Its rows from this time on.
    from: Timestamp,
    rows: Fingerprints,
    is_over: bool,
}

impl<'a> Overlaps<'a> {
    /// Reads files with these facts.
    pub fn new(declared: &'a Declared, opener: &Opener) -> Self {
        Overlaps { declared, opener: opener.clone(), earlier: Vec::new() }
    }

    /// The rows of a file that files before it have too. `before` has, by symbol, the file that reaches
    /// furthest, of the symbols of which that reaches the first row of this one.
    ///
    /// # Errors
    /// A file that cannot be read, or rows that differ.
    pub fn repeated(
        &mut self,
        later: &FileSurvey,
        before: &BTreeMap<String, Before<'_>>,
    ) -> Result<RepeatedBySymbol, FileError> {
        let mut repeated = RepeatedBySymbol::new();
        let own = self.rows_up_to(later, before)?;
        let mut files: BTreeMap<&Path, Vec<Pair<'_>>> = BTreeMap::new();
        for symbol in &later.symbols {
            let Some(before) = before.get(&symbol.name) else { continue };
            let (first, last) = symbol.open_span();
            let pair =
                Pair { symbol: &symbol.name, kind: later.kind, later: &later.path, before, first, last };
            files.entry(before.path).or_default().push(pair);
        }
        for pairs in files.into_values() {
            let Some(from) = pairs.iter().map(|pair| pair.first).min() else { continue };
            let earlier = self.earlier(pairs[0].before, from)?;
            earlier.read(&pairs)?;
            for pair in pairs {
                let known = earlier.source.index_of(pair.symbol);
                let known = earlier.rows.of(known, pair.first);
                let own = own.of(pair.symbol);
                let rows = pair.repeated(known, own)?;
                if !rows.is_empty() {
                    repeated.insert(pair.symbol.to_owned(), rows);
                }
            }
        }
        Ok(repeated)
    }

    /// The rows of a file up to the first one behind the file before it, by symbol.
    fn rows_up_to(
        &self,
        later: &FileSurvey,
        before: &BTreeMap<String, Before<'_>>,
    ) -> Result<Later, FileError> {
        let source = SourceFile::open_again(&later.path, self.declared, later.sorted.as_ref(), &self.opener)?;
        let mut own = Later { source, rows: Fingerprints::default() };
        let mut batch = RecordBatch::new(BATCH_ROWS);
        // Time of the last row that is needed by symbol, until the row behind it is read.
        let mut needed: Vec<Option<Timestamp>> = Vec::new();
        let mut left = before.len();
        while left > 0 && own.source.read(&mut batch)? {
            let known = needed.len();
            needed.extend(
                own.source.symbols()[known..].iter().map(|name| before.get(name).map(|file| file.last)),
            );
            for (symbol, record) in batch.rows() {
                let Some(last) = needed[*symbol as usize] else { continue };
                own.rows.push(*symbol, record).map_err(not_kept)?;
                if record.exchange_at > last {
                    needed[*symbol as usize] = None;
                    left -= 1;
                }
            }
        }
        Ok(own)
    }

    /// A file that has its rows from a time on: the open one, else it is opened.
    fn earlier(&mut self, file: &Before<'_>, from: Timestamp) -> Result<&mut Earlier, FileError> {
        let known = self.earlier.iter().position(|known| known.path == file.path);
        let known = known.map(|index| self.earlier.remove(index)).filter(|known| known.from <= from);
        let earlier = match known {
            Some(known) => known,
            None => Earlier {
                path: file.path.to_owned(),
                source: SourceFile::open_again(file.path, self.declared, file.sorted, &self.opener)?,
                batch: RecordBatch::new(BATCH_ROWS),
                from,
                rows: Fingerprints::default(),
                is_over: false,
            },
        };
        if self.earlier.len() == COMPARED_FILES {
            self.earlier.remove(0);
        }
        Ok(self.earlier.push_mut(earlier))
    }
}

/// The beginning of a later file.
struct Later {
    source: SourceFile,
    rows: Fingerprints,
}

impl Later {
    fn of(&self, symbol: &str) -> Rows<'_> {
        self.rows.of(self.source.index_of(symbol), Timestamp::MIN)
    }
}

impl Earlier {
    /// Reads on until it has all rows that overlap the later file.
    fn read(&mut self, pairs: &[Pair<'_>]) -> Result<(), FileError> {
        loop {
            let reaches = |pair: &Pair<'_>| {
                let index = self.source.index_of(pair.symbol);
                index.is_some_and(|index| self.rows.latest(index) > pair.last)
            };
            if self.is_over || pairs.iter().all(reaches) {
                return Ok(());
            }
            self.is_over = !self.source.read(&mut self.batch)?;
            for (symbol, record) in self.batch.rows() {
                if record.exchange_at >= self.from {
                    self.rows.push(*symbol, record).map_err(not_kept)?;
                }
            }
        }
    }
}

/// One stream that two files have.
struct Pair<'a> {
    symbol: &'a str,
    kind: StreamKind,
    before: &'a Before<'a>,
    later: &'a Path,
    /// Times of the first and the last row of the later file.
    first: Timestamp,
    last: Timestamp,
}

impl Pair<'_> {
    /// The rows of the later file that the earlier one has too, of which `known` are those from the first
    /// time of the later one on.
    fn repeated(&self, known: Rows<'_>, own: Rows<'_>) -> Result<RepeatedRows, FileError> {
        let mut repeated = RepeatedRows::default();
        let mut before = Groups::new(self.symbol, self.before.path, known, self.before.last);
        let mut after = Groups::new(self.symbol, self.later, own, self.last);
        let Some(mut own) = after.next()? else { return Ok(repeated) };
        while let Some(known) = before.next()? {
            if known.at != own.at {
                let earlier_is_first = known.at < own.at;
                let (at, only) =
                    if earlier_is_first { (known.at, self.before.path) } else { (own.at, self.later) };
                return Err(self.differ(at, format!("only {} has rows of that time", only.visible())));
            }
            known.compare(&own, self.kind, &mut repeated).map_err(|why| self.differ(own.at, why))?;
            match after.next()? {
                Some(next) => own = next,
                None => break,
            }
        }
        Ok(repeated)
    }

    fn differ(&self, at: Timestamp, why: String) -> FileError {
        let (kind, symbol, first) = (self.kind.as_str(), self.symbol, self.first);
        let what = format!("both have {kind} of {symbol} from {first} on, and at {at} they differ: {why}");
        FileError::of(self.later, Problem::Overlap { other: self.before.path.to_owned(), what })
    }
}

/// The rows of one symbol in a file, time by time.
struct Groups<'a> {
    symbol: &'a str,
    path: &'a Path,
    rows: Rows<'a>,
    /// Time of the last row in the file.
    last: Timestamp,
    ahead: Option<Row>,
    is_begun: bool,
    taken: u64,
}

/// The rows of one time.
struct Group {
    at: Timestamp,
    rows: Vec<Row>,
    /// Number of the first row.
    first: u64,
    /// Whether the file has no later rows of the symbol.
    is_last: bool,
}

impl<'a> Groups<'a> {
    fn new(symbol: &'a str, path: &'a Path, rows: Rows<'a>, last: Timestamp) -> Self {
        Groups { symbol, path, rows, last, ahead: None, is_begun: false, taken: 0 }
    }

    fn next(&mut self) -> Result<Option<Group>, FileError> {
        if !std::mem::replace(&mut self.is_begun, true) {
            self.ahead = self.rows.next().map_err(not_kept)?;
        }
        let Some(row) = self.ahead else { return Ok(None) };
        let is_last = row.at >= self.last;
        let mut group = Group { at: row.at, rows: Vec::new(), first: self.taken, is_last };
        while let Some(row) = self.ahead.filter(|row| row.at == group.at) {
            if group.rows.len() == COMPARED_ROWS {
                let what = format!("{} has more than {COMPARED_ROWS} rows at {}", self.symbol, group.at);
                return Err(FileError::of(self.path, Problem::NotCompared(what)));
            }
            group.rows.push(row);
            self.taken += 1;
            self.ahead = self.rows.next().map_err(not_kept)?;
        }
        Ok(Some(group))
    }
}

impl Group {
    /// Adds the rows of the later file's group of the same time that are in this one.
    fn compare(&self, own: &Group, kind: StreamKind, repeated: &mut RepeatedRows) -> Result<(), String> {
        match (self.by_id(), own.by_id()) {
            (Some(known), Some(_)) => self.compare_ids(&known, own, repeated),
            _ => self.compare_values(own, kind, repeated),
        }
    }

    /// The rows by trade id; `None` where one has none.
    fn by_id(&self) -> Option<BTreeMap<u64, [u8; 16]>> {
        self.rows.iter().map(|row| Some((row.id?, row.body))).collect()
    }

    fn compare_ids(
        &self,
        known: &BTreeMap<u64, [u8; 16]>,
        own: &Group,
        repeated: &mut RepeatedRows,
    ) -> Result<(), String> {
        let mut found = 0;
        for (number, row) in (own.first..).zip(&own.rows) {
            let Some(id) = row.id else { continue };
            match known.get(&id) {
                Some(body) if *body == row.body => {
                    repeated.push(number);
                    found += 1;
                }
                Some(_) => return Err(format!("trade id {id} is of two different trades")),
                None if self.is_last => {}
                None => return Err(format!("only the one has trade id {id}")),
            }
        }
        let may_lack = own.first == 0 || own.is_last;
        match found == known.len() || may_lack {
            true => Ok(()),
            false => Err("only the other has some of its trade ids".to_owned()),
        }
    }

    fn compare_values(
        &self,
        own: &Group,
        kind: StreamKind,
        repeated: &mut RepeatedRows,
    ) -> Result<(), String> {
        let same =
            |a: &[Row], b: &[Row]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.body == b.body);
        let (known, rows) = (&self.rows[..], &own.rows[..]);
        let whole = rows.len().min(known.len());
        let count = match (own.first == 0, self.is_last) {
            // The end of the one file is the beginning of the other, as far as they agree.
            (true, true) => {
                (0..=whole).rev().find(|count| same(&known[known.len() - count..], &rows[..*count]))
            }
            (false, true) => {
                let longer = own.is_last || rows.len() >= known.len();
                (longer && same(&known[..whole], &rows[..whole])).then_some(whole)
            }
            (true, false) => known.windows(rows.len()).any(|some| same(some, rows)).then_some(rows.len()),
            (false, false) if own.is_last => {
                (rows.len() <= known.len() && same(&known[..whole], rows)).then_some(whole)
            }
            (false, false) => same(known, rows).then_some(whole),
        };
        // Two bars of one time cannot both be right.
        let count = count.filter(|count| kind != StreamKind::Bars || *count > 0);
        let Some(count) = count else {
            let is_trade = kind == StreamKind::Trades;
            let why = if is_trade { ", and trades without ids cannot be matched" } else { "" };
            return Err(format!("their rows are not the same{why}"));
        };
        (own.first..own.first + count as u64).for_each(|number| repeated.push(number));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
