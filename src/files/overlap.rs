//! Files of one stream that overlap in time. Where their rows agree they are one history, and what the later file repeats
//! is passed over and counted; where they differ they are refused with both names, because nobody can say which is right.
//!
//! Rows agree that have equal values; trades with ids are compared by id, whatever their order within a time. A file may
//! begin and end in the middle of a time.

use super::batch::RecordBatch;
use super::error::{FileError, Problem};
use super::repeated::RepeatedRows;
use super::source::SourceFile;
use crate::domain::contract_facts::Declared;
use crate::domain::record::{Record, RecordBody, StreamKind};
use crate::domain::time::Timestamp;
use crate::limits::COMPARED_ROWS;
use std::collections::BTreeMap;
use std::path::Path;

/// Rows decoded at once.
const BATCH_ROWS: usize = 1_024;

/// The rows of a symbol in `later` that `earlier` has too, which begins earlier or with it. None where they do not overlap.
///
/// # Errors
/// A file that cannot be read, or rows that differ.
pub fn repeated_rows(
    earlier: &Path,
    later: &Path,
    symbol: &str,
    declared: &Declared,
) -> Result<RepeatedRows, FileError> {
    let mut repeated = RepeatedRows::default();
    let mut before = Rows::open(earlier, symbol, declared)?;
    let mut after = Rows::open(later, symbol, declared)?;
    let Some(mut own) = after.next(Timestamp::MIN)? else { return Ok(repeated) };
    let (first, kind) = (own.at, after.source.kind());
    let differ = |at: Timestamp, why: String| {
        let kind = kind.as_str();
        let what = format!("both have {kind} of {symbol} from {first} on, and at {at} they differ: {why}");
        FileError::of(later, Problem::Overlap { other: earlier.to_owned(), what })
    };
    while let Some(known) = before.next(first)? {
        if known.at != own.at {
            let (at, only) = if known.at < own.at { (known.at, earlier) } else { (own.at, later) };
            return Err(differ(at, format!("only {} has rows of that time", only.display())));
        }
        known.compare(&own, kind, &mut repeated).map_err(|why| differ(own.at, why))?;
        match after.next(Timestamp::MIN)? {
            Some(next) => own = next,
            None => break,
        }
    }
    Ok(repeated)
}

/// The rows of one symbol in a file, time by time.
struct Rows<'a> {
    source: SourceFile,
    symbol: &'a str,
    batch: RecordBatch,
    /// Next row of the batch.
    next: usize,
    /// Rows of the symbol that were taken.
    taken: u64,
    ahead: Option<Record>,
}

/// The rows of one time.
struct Group {
    at: Timestamp,
    rows: Vec<Record>,
    /// Number of the first row.
    first: u64,
    /// Whether the file has no later rows of the symbol.
    is_last: bool,
}

impl<'a> Rows<'a> {
    fn open(path: &Path, symbol: &'a str, declared: &Declared) -> Result<Self, FileError> {
        let source = SourceFile::open_with(path, declared)?;
        let batch = RecordBatch::new(BATCH_ROWS);
        let mut rows = Rows { source, symbol, batch, next: 0, taken: 0, ahead: None };
        rows.ahead = rows.record()?;
        Ok(rows)
    }

    /// The rows of the next time that is not before `from`.
    fn next(&mut self, from: Timestamp) -> Result<Option<Group>, FileError> {
        while self.ahead.is_some_and(|record| record.exchange_at < from) {
            self.taken += 1;
            self.ahead = self.record()?;
        }
        let Some(record) = self.ahead else { return Ok(None) };
        let mut group = Group { at: record.exchange_at, rows: Vec::new(), first: self.taken, is_last: false };
        while let Some(record) = self.ahead.filter(|record| record.exchange_at == group.at) {
            if group.rows.len() == COMPARED_ROWS {
                let what = format!("{} has more than {COMPARED_ROWS} rows at {}", self.symbol, group.at);
                return Err(FileError::of(self.source.path(), Problem::NotCompared(what)));
            }
            group.rows.push(record);
            self.taken += 1;
            self.ahead = self.record()?;
        }
        group.is_last = self.ahead.is_none();
        Ok(Some(group))
    }

    fn record(&mut self) -> Result<Option<Record>, FileError> {
        loop {
            while let Some((index, record)) = self.batch.rows().get(self.next) {
                self.next += 1;
                if self.source.symbol(*index) == self.symbol {
                    return Ok(Some(*record));
                }
            }
            self.next = 0;
            if !self.source.read(&mut self.batch)? {
                return Ok(None);
            }
        }
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
    fn by_id(&self) -> Option<BTreeMap<u64, &RecordBody>> {
        let id = |record: &'_ Record| match record.body {
            RecordBody::Trade { id, .. } => id,
            _ => None,
        };
        self.rows.iter().map(|record| Some((id(record)?, &record.body))).collect()
    }

    fn compare_ids(
        &self,
        known: &BTreeMap<u64, &RecordBody>,
        own: &Group,
        repeated: &mut RepeatedRows,
    ) -> Result<(), String> {
        let mut found = 0;
        for (number, record) in (own.first..).zip(&own.rows) {
            let RecordBody::Trade { id: Some(id), .. } = record.body else { continue };
            match known.get(&id) {
                Some(body) if **body == record.body => {
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
            |a: &[Record], b: &[Record]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.body == b.body);
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
