//! What is kept of rows to compare them: their times, ids, and digests of their values, by symbol. Memory is
//! bounded; more rows are in a temporary file.

use crate::domain::record::{Record, RecordBody};
use crate::domain::time::Timestamp;
use crate::files::sorted::{At, Section, temporary};
use crate::limits::COMPARED_IN_MEMORY;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::sync::Arc;

/// A row to be compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub at: Timestamp,
    /// Of a trade.
    pub id: Option<u64>,
    /// Equal where all values of two rows are.
    pub body: [u8; 16],
}

/// Bytes of a row in the file.
const ROW_BYTES: u64 = 8 + 1 + 8 + 16;

/// Rows by index of their symbol, those of each symbol in the order in which they came.
#[derive(Default)]
pub(super) struct Fingerprints {
    symbols: Vec<OfSymbol>,
    in_memory: usize,
    file: Option<Arc<File>>,
    end: u64,
}

struct OfSymbol {
    /// What is in the file.
    written: Vec<Written>,
    rows: Vec<Row>,
    latest: Timestamp,
}

/// Rows in the file: where they begin and end, and the time of the last.
struct Written {
    at: u64,
    end: u64,
    last: Timestamp,
}

impl Fingerprints {
    /// Adds a row.
    pub fn push(&mut self, symbol: u32, record: &Record) -> io::Result<()> {
        let index = symbol as usize;
        if index >= self.symbols.len() {
            let none = || OfSymbol { written: Vec::new(), rows: Vec::new(), latest: Timestamp::MIN };
            self.symbols.resize_with(index + 1, none);
        }
        let own = &mut self.symbols[index];
        own.latest = record.exchange_at;
        own.rows.push(Row::of(record));
        self.in_memory += 1;
        if self.in_memory == COMPARED_IN_MEMORY { self.write() } else { Ok(()) }
    }

    /// Time of the last row of a symbol.
    pub fn latest(&self, symbol: u32) -> Timestamp {
        self.symbols.get(symbol as usize).map_or(Timestamp::MIN, |own| own.latest)
    }

    /// The rows of a symbol that are not before a time.
    pub fn of(&self, symbol: Option<u32>, from: Timestamp) -> Rows<'_> {
        let own = symbol.and_then(|symbol| self.symbols.get(symbol as usize));
        let (written, rows) = own.map_or((&[][..], &[][..]), |own| (&own.written, &own.rows));
        let reached = written.partition_point(|written| written.last < from);
        let written = written[reached..].iter();
        Rows { file: self.file.as_ref(), written, reader: None, rows: rows.iter(), from }
    }

    /// Moves all rows to the file.
    fn write(&mut self) -> io::Result<()> {
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => Arc::clone(self.file.insert(Arc::new(temporary()?))),
        };
        let mut out = BufWriter::new(At { file: &file, at: self.end });
        for own in self.symbols.iter_mut().filter(|own| !own.rows.is_empty()) {
            for row in own.rows.drain(..) {
                row.write(&mut out)?;
                self.end += ROW_BYTES;
                match own.written.last_mut() {
                    Some(written) if written.end + ROW_BYTES == self.end => {
                        (written.end, written.last) = (self.end, row.at);
                    }
                    _ => own.written.push(Written { at: self.end - ROW_BYTES, end: self.end, last: row.at }),
                }
            }
            // One symbol after the other may have held all of them.
            own.rows = Vec::new();
        }
        self.in_memory = 0;
        out.flush()
    }
}

/// Rows of a symbol.
pub(super) struct Rows<'a> {
    file: Option<&'a Arc<File>>,
    written: std::slice::Iter<'a, Written>,
    reader: Option<BufReader<Section>>,
    rows: std::slice::Iter<'a, Row>,
    from: Timestamp,
}

impl Rows<'_> {
    pub fn next(&mut self) -> io::Result<Option<Row>> {
        loop {
            match self.any()? {
                Some(row) if row.at < self.from => {}
                next => return Ok(next),
            }
        }
    }

    fn any(&mut self) -> io::Result<Option<Row>> {
        loop {
            if let Some(reader) = &mut self.reader {
                match Row::read(reader)? {
                    Some(row) => return Ok(Some(row)),
                    None => self.reader = None,
                }
            }
            match self.file.zip(self.written.next()) {
                Some((file, Written { at, end, .. })) => {
                    let section = Section { file: Arc::clone(file), at: *at, end: *end };
                    self.reader = Some(BufReader::new(section));
                }
                None => return Ok(self.rows.next().copied()),
            }
        }
    }
}

impl Row {
    fn of(record: &Record) -> Row {
        let mut digest = Digested(Sha256::new());
        record.body.hash(&mut digest);
        let mut body = [0; 16];
        body.copy_from_slice(&digest.0.finalize()[..16]);
        let id = match record.body {
            RecordBody::Trade { id, .. } => id,
            _ => None,
        };
        Row { at: record.exchange_at, id, body }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.at.nanos().to_le_bytes())?;
        out.write_all(&[u8::from(self.id.is_some())])?;
        out.write_all(&self.id.unwrap_or(0).to_le_bytes())?;
        out.write_all(&self.body)
    }

    fn read(file: &mut impl Read) -> io::Result<Option<Row>> {
        let mut at = [0; 8];
        match file.read_exact(&mut at) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let (mut has_id, mut id, mut body) = ([0], [0; 8], [0; 16]);
        file.read_exact(&mut has_id)?;
        file.read_exact(&mut id)?;
        file.read_exact(&mut body)?;
        let id = (has_id == [1]).then(|| u64::from_le_bytes(id));
        Ok(Some(Row { at: Timestamp::from_nanos(i64::from_le_bytes(at)), id, body }))
    }
}

/// Digests what a value gives to be hashed.
struct Digested(Sha256);

impl Hasher for Digested {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Nobody asks: the whole digest is taken.
    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decimal::Decimal;
    use crate::domain::order::Side;

    fn trade(second: i64, id: Option<u64>) -> Record {
        let price = Decimal::ONE.times(second + 1).unwrap();
        let body = RecordBody::Trade { price, quantity: Decimal::ONE, taker: Side::Buy, id };
        Record { exchange_at: Timestamp::from_seconds(second), received_at: None, body }
    }

    #[test]
    fn rows_of_memory_and_of_the_file_come_in_their_order_from_any_time_on() {
        let mut kept = Fingerprints::default();
        let count = 2 * COMPARED_IN_MEMORY as i64 + 100;
        let id = |n: i64| (n % 3 == 0).then(|| u64::try_from(n).unwrap());
        for n in 0..count {
            kept.push((n % 2) as u32, &trade(n, id(n))).unwrap();
        }
        for from in [0, 1, count / 2, count - 3, count] {
            for symbol in [0, 1] {
                let mut rows = kept.of(Some(symbol), Timestamp::from_seconds(from));
                for n in (from..count).filter(|n| n % 2 == i64::from(symbol)) {
                    assert_eq!(rows.next().unwrap(), Some(Row::of(&trade(n, id(n)))));
                }
                assert_eq!(rows.next().unwrap(), None);
            }
        }
        assert!(kept.of(Some(7), Timestamp::MIN).next().unwrap().is_none());
        assert_eq!(kept.latest(1), Timestamp::from_seconds(count - 1));
        assert!(kept.symbols.iter().all(|own| own.rows.capacity() <= COMPARED_IN_MEMORY));
    }

    #[test]
    fn rows_are_equal_where_all_their_values_are() {
        let same = |a: &Record, b: &Record| Row::of(a).body == Row::of(b).body;
        assert!(same(&trade(1, Some(2)), &trade(1, Some(2))));
        assert!(!same(&trade(1, Some(2)), &trade(2, Some(2))) && !same(&trade(1, Some(2)), &trade(1, None)));
    }
}
