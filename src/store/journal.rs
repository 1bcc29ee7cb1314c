//! The journal of an open recording: the rows added by one commit, as one chunk.
//!
//! A chunk is `magic | format u16 | last receive time i64 | runs | crc32c u32`, numbers little-endian. A run
//! is consecutive rows of one stream, `stream varint | first row varint | rows varint | exchange times |
//! receive times | columns`, with columns in block order. A chunk can be read without the others. Integers
//! are varints of the difference from the row before; chunks are small and short-lived, so they are not
//! compressed further. Damaged bytes give an error, never a panic, and never more than [`BLOCK_ROWS`] rows
//! per run.

use super::blocks::column::{read_bits, read_varint, take, unzigzag, write_bits, write_varint, zigzag};
use super::blocks::rows::{Column, Field, fields};
use super::blocks::{BlockError, Rows, kind_code, kind_from_code};
use crate::domain::decimal::{MAX_SCALE, POWERS_OF_TEN};
use crate::domain::time::Timestamp;
use crate::limits::BLOCK_ROWS;
use std::ops::Range;

/// First bytes of every chunk.
pub const MAGIC: [u8; 4] = *b"tdjn";
const FORMAT: u16 = 1;
const HEAD_BYTES: usize = 14;
const CHECKSUM_BYTES: usize = 4;
/// Marks a column whose values fit no common scale: each value has its own.
const OWN_SCALES: u8 = u8::MAX;

/// Builds one chunk at a time; reuses its buffer.
#[derive(Default)]
pub struct ChunkWriter {
    bytes: Vec<u8>,
    base_ns: i64,
}

impl ChunkWriter {
    /// Starts a chunk; `last_received` is stored in it.
    pub fn begin(&mut self, last_received: Timestamp) {
        self.base_ns = last_received.nanos();
        self.bytes.clear();
        self.bytes.extend_from_slice(&MAGIC);
        self.bytes.extend_from_slice(&FORMAT.to_le_bytes());
        self.bytes.extend_from_slice(&self.base_ns.to_le_bytes());
    }

    /// Appends rows of the recording's symbol with index `symbol`; the first is row `first_seq` of its
    /// stream. Every row must have a receive time.
    pub fn run(&mut self, symbol: usize, rows: &Rows, range: Range<usize>, first_seq: u64) {
        let out = &mut self.bytes;
        write_varint(out, symbol as u64 * 8 + u64::from(kind_code(rows.kind())));
        write_varint(out, first_seq);
        write_varint(out, range.len() as u64);
        write_times(&rows.exchange[range.clone()], self.base_ns, out);
        write_times(&rows.received.values[range.clone()], self.base_ns, out);
        for (field, column) in fields(rows.kind()).iter().zip(&rows.columns) {
            match field {
                Field::Flag => write_bits(&column.values[range.clone()], out),
                Field::Whole(_) => write_steps(column.values[range.clone()].iter().copied(), out),
                Field::Decimal(..) => write_decimals(column, range.clone(), out),
                Field::OptionalDecimal(..) => {
                    write_bits(&column.present[range.clone()], out);
                    write_decimals(column, range.clone(), out);
                }
                Field::OptionalId => {
                    write_bits(&column.present[range.clone()], out);
                    write_steps(column.values[range.clone()].iter().copied(), out);
                }
            }
        }
    }

    /// The finished chunk.
    pub fn finish(&mut self) -> &[u8] {
        let checksum = crc32c::crc32c(&self.bytes);
        self.bytes.extend_from_slice(&checksum.to_le_bytes());
        &self.bytes
    }
}

/// Header of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RowRun {
    /// Index of the symbol in the recording.
    pub symbol: usize,
    /// Sequence number of the first row in its stream.
    pub first_seq: u64,
}

/// Reads a chunk.
pub struct ChunkReader<'a> {
    /// Receive time of the latest row before or in the chunk.
    pub last_received: Timestamp,
    base_ns: i64,
    runs: &'a [u8],
    bits: Vec<u8>,
}

impl<'a> ChunkReader<'a> {
    /// Checks magic, checksum and format.
    pub fn new(bytes: &'a [u8]) -> Result<Self, BlockError> {
        let (body, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(BlockError::Short)?;
        let head: &[u8; HEAD_BYTES] = body.first_chunk().ok_or(BlockError::Short)?;
        if head[..4] != MAGIC {
            return Err(BlockError::NotABlock);
        }
        if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
            return Err(BlockError::Checksum);
        }
        let &[_, _, _, _, f0, f1, ref base @ ..] = head;
        match u16::from_le_bytes([f0, f1]) {
            FORMAT => {}
            newer if newer > FORMAT => return Err(BlockError::Newer(newer)),
            _ => return Err(BlockError::Header("its format number")),
        }
        let base_ns = i64::from_le_bytes(*base);
        Ok(ChunkReader {
            last_received: Timestamp::from_nanos(base_ns),
            base_ns,
            runs: &body[HEAD_BYTES..],
            bits: Vec::new(),
        })
    }

    /// Replaces `rows` with those of the next run; `None` after the last one.
    pub fn next(&mut self, rows: &mut Rows) -> Result<Option<RowRun>, BlockError> {
        if self.runs.is_empty() {
            return Ok(None);
        }
        let stream = read_varint(&mut self.runs)?;
        let kind = kind_from_code((stream % 8) as u8).ok_or(BlockError::Header("its stream kind"))?;
        let run = RowRun { symbol: (stream / 8) as usize, first_seq: read_varint(&mut self.runs)? };
        let count = read_varint(&mut self.runs)?;
        if count == 0 || count > BLOCK_ROWS as u64 {
            return Err(BlockError::Header("its row count"));
        }
        let count = count as usize;
        rows.reset(kind);
        read_times(&mut self.runs, self.base_ns, count, &mut rows.exchange)?;
        read_times(&mut self.runs, self.base_ns, count, &mut rows.received.values)?;
        rows.received.present.resize(count, 1);
        for (field, column) in fields(kind).iter().zip(&mut rows.columns) {
            match field {
                Field::Flag => read_flags(&mut self.runs, count, &mut self.bits, &mut column.values)?,
                Field::Whole(_) => read_steps(&mut self.runs, count, &mut column.values)?,
                Field::Decimal(..) => read_decimals(&mut self.runs, count, column)?,
                Field::OptionalDecimal(..) => {
                    read_flags(&mut self.runs, count, &mut self.bits, &mut column.present)?;
                    read_decimals(&mut self.runs, count, column)?;
                }
                Field::OptionalId => {
                    read_flags(&mut self.runs, count, &mut self.bits, &mut column.present)?;
                    read_steps(&mut self.runs, count, &mut column.values)?;
                }
            }
        }
        Ok(Some(run))
    }
}

/// Writes times as differences in the largest unit that divides all of them, starting from `base_ns`.
fn write_times(times: &[i64], base_ns: i64, out: &mut Vec<u8>) {
    const UNITS_NS: [i64; 2] = [1_000_000, 1_000];
    let unit = UNITS_NS.into_iter().find(|unit| times.iter().all(|time| time % unit == 0)).unwrap_or(1);
    out.push(match unit {
        1_000_000 => 2,
        1_000 => 1,
        _ => 0,
    });
    let mut last = base_ns.div_euclid(unit);
    for time in times {
        let time = time / unit;
        write_varint(out, zigzag(time.wrapping_sub(last)));
        last = time;
    }
}

fn read_times(input: &mut &[u8], base_ns: i64, count: usize, out: &mut Vec<i64>) -> Result<(), BlockError> {
    let unit: i64 = match take(input, 1)?[0] {
        0 => 1,
        1 => 1_000,
        2 => 1_000_000,
        _ => return Err(BlockError::Header("its time unit")),
    };
    let mut last = base_ns.div_euclid(unit);
    out.clear();
    for _ in 0..count {
        last = last.wrapping_add(unzigzag(read_varint(input)?));
        out.push(last.wrapping_mul(unit));
    }
    Ok(())
}

fn write_steps(values: impl Iterator<Item = i64>, out: &mut Vec<u8>) {
    let mut last = 0_i64;
    for value in values {
        write_varint(out, zigzag(value.wrapping_sub(last)));
        last = value;
    }
}

fn read_steps(input: &mut &[u8], count: usize, out: &mut Vec<i64>) -> Result<(), BlockError> {
    let mut last = 0_i64;
    out.clear();
    for _ in 0..count {
        last = last.wrapping_add(unzigzag(read_varint(input)?));
        out.push(last);
    }
    Ok(())
}

fn write_decimals(column: &Column, range: Range<usize>, out: &mut Vec<u8>) {
    let (mantissas, scales) = (&column.values[range.clone()], &column.scales[range]);
    let scale = scales.iter().copied().max().unwrap_or(0);
    let raised = |(mantissa, own): (&i64, &u8)| mantissa.checked_mul(POWERS_OF_TEN[usize::from(scale - own)]);
    let pairs = || mantissas.iter().zip(scales);
    if pairs().all(|pair| raised(pair).is_some()) {
        out.push(scale);
        write_steps(pairs().filter_map(raised), out);
    } else {
        out.push(OWN_SCALES);
        out.extend_from_slice(scales);
        write_steps(mantissas.iter().copied(), out);
    }
}

fn read_decimals(input: &mut &[u8], count: usize, column: &mut Column) -> Result<(), BlockError> {
    column.scales.clear();
    match take(input, 1)?[0] {
        OWN_SCALES => column.scales.extend_from_slice(take(input, count)?),
        scale => column.scales.resize(count, scale),
    }
    if column.scales.iter().any(|scale| *scale > MAX_SCALE) {
        return Err(BlockError::Header("its scales"));
    }
    read_steps(input, count, &mut column.values)
}

fn read_flags(
    input: &mut &[u8],
    count: usize,
    bits: &mut Vec<u8>,
    out: &mut Vec<i64>,
) -> Result<(), BlockError> {
    read_bits(input, count, bits)?;
    out.clear();
    out.extend(bits.iter().map(|bit| i64::from(*bit)));
    Ok(())
}

#[cfg(test)]
mod tests;
