//! Compressed columnar blocks: up to [`BLOCK_ROWS`] rows of one symbol's stream, self-describing and
//! checksummed.
//!
//! A block is `header | hot frame | cold frame | crc32c u32`, all numbers little-endian. The hot frame has
//! what a replay by exchange time needs (time and body), the cold frame receive times and ids; each is one
//! zstd frame over columns ([`mod@column`]) in the order of [`rows::fields`]. Decimals are stored as
//! mantissas at the block's largest scale per class, so an import needs one pass; readers rescale without
//! loss. Rows keep their order of arrival. Where exchange times go back, the header says so and its own times
//! are those of a clock that never goes back.
//!
//! Blocks do not depend on the database, recordings or symbol names. Damaged bytes give an error, never a
//! panic, and never more than [`MAX_RAW_BYTES`] of memory per frame.

pub mod column;
pub mod decode;
pub mod encode;
pub mod rows;
#[cfg(test)]
mod tests;

pub use decode::{BlockDecoder, TradeColumns};
pub use encode::{BlockEncoder, ScaleOverflow};
pub use rows::{Rows, WrongStream};

use crate::domain::record::StreamKind;
use crate::domain::time::Timestamp;
use crate::limits::BLOCK_ROWS;
use std::fmt;

/// First bytes of every block.
pub const MAGIC: [u8; 4] = *b"tdbk";
/// Newest layout, written where needed; older ones stay readable and are written where they suffice.
pub const FORMAT: u16 = FORMAT_ARRIVAL;
/// Layout of rows in order of exchange time.
const FORMAT_SORTED: u16 = 1;
/// Layout of rows in order of arrival, for exchange times that go back. Versions that know only the other
/// layout refuse it.
const FORMAT_ARRIVAL: u16 = 2;
/// Bytes of the header.
pub const HEADER_BYTES: usize = 72;
/// Bytes of the checksum after the frames.
pub const CHECKSUM_BYTES: usize = 4;
/// Largest frame before compression; a header that states more is damaged.
pub const MAX_RAW_BYTES: usize = BLOCK_ROWS * 8 * (column::MAX_BYTES_PER_VALUE + 1);

const HAS_IDS: u8 = 1;
const HAS_RECEIVE_TIMES: u8 = 2;

/// Decimals of one class share one scale within a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScaleClass {
    /// Prices and funding rates.
    Price = 0,
    /// Quantities and volumes.
    Quantity = 1,
    /// Quote volume of bars.
    Value = 2,
}

/// Header of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockHeader {
    /// Stream kind.
    pub kind: StreamKind,
    /// Number of rows, 1 to [`BLOCK_ROWS`].
    pub rows: usize,
    /// Sequence number of the first row in the stream.
    pub first_seq: u64,
    /// Unit of exchange times in nanoseconds.
    pub unit_ns: i64,
    /// Unit of (receive time − exchange time) in nanoseconds.
    pub offset_unit_ns: i64,
    /// Decimal places by [`ScaleClass`].
    pub scales: [u8; 3],
    /// Latest exchange time of the stream up to and including the first row; the first row's own time where
    /// times never go back.
    pub first_at: Timestamp,
    /// Latest exchange time of the stream up to and including the last row.
    pub last_at: Timestamp,
    /// Whether some row's exchange time is before that of an earlier row of the stream.
    pub goes_back: bool,
    /// Whether every row has an id (trades) or update id.
    pub has_ids: bool,
    /// Whether every row has a receive time.
    pub has_receive_times: bool,
    hot_raw: usize,
    hot: usize,
    cold_raw: usize,
    cold: usize,
}

impl BlockHeader {
    /// Reads the header at the front of `bytes`; further blocks may follow.
    pub fn read(bytes: &[u8]) -> Result<Self, BlockError> {
        let header: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(BlockError::Short)?;
        if header[..4] != MAGIC {
            return Err(BlockError::NotABlock);
        }
        let format = u16::from_le_bytes(array(header, 4));
        if !matches!(format, FORMAT_SORTED | FORMAT_ARRIVAL) {
            return Err(if format > FORMAT {
                BlockError::Newer(format)
            } else {
                BlockError::Header("its format number")
            });
        }
        let kind = kind_from_code(header[6]).ok_or(BlockError::Header("its stream kind"))?;
        let flags = header[7];
        let length = |at: usize| u32::from_le_bytes(array(header, at)) as usize;
        let time = |at: usize| Timestamp::from_nanos(i64::from_le_bytes(array(header, at)));
        let parsed = BlockHeader {
            kind,
            rows: length(8),
            unit_ns: unit_from_code(header[12]).ok_or(BlockError::Header("its time unit"))?,
            offset_unit_ns: unit_from_code(header[13]).ok_or(BlockError::Header("its receive time unit"))?,
            scales: [header[14], header[15], header[16]],
            first_seq: u64::from_le_bytes(array(header, 20)),
            first_at: time(28),
            last_at: time(36),
            goes_back: format == FORMAT_ARRIVAL,
            hot_raw: length(44),
            hot: length(48),
            cold_raw: length(52),
            cold: length(56),
            has_ids: flags & HAS_IDS != 0,
            has_receive_times: flags & HAS_RECEIVE_TIMES != 0,
        };
        if parsed.rows == 0 || parsed.rows > BLOCK_ROWS {
            return Err(BlockError::Header("its row count"));
        }
        if parsed.scales.iter().any(|scale| *scale > crate::domain::decimal::MAX_SCALE) {
            return Err(BlockError::Header("its scales"));
        }
        if [parsed.hot_raw, parsed.cold_raw, parsed.hot, parsed.cold]
            .iter()
            .any(|bytes| *bytes > MAX_RAW_BYTES)
        {
            return Err(BlockError::Header("its lengths"));
        }
        Ok(parsed)
    }

    /// Size of the whole block.
    pub fn block_bytes(&self) -> usize {
        HEADER_BYTES + self.hot + self.cold + CHECKSUM_BYTES
    }

    fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        let format = if self.goes_back { FORMAT_ARRIVAL } else { FORMAT_SORTED };
        out.extend_from_slice(&format.to_le_bytes());
        out.push(kind_code(self.kind));
        out.push((u8::from(self.has_ids) * HAS_IDS) | (u8::from(self.has_receive_times) * HAS_RECEIVE_TIMES));
        out.extend_from_slice(&(self.rows as u32).to_le_bytes());
        out.extend_from_slice(&[unit_code(self.unit_ns), unit_code(self.offset_unit_ns)]);
        out.extend_from_slice(&self.scales);
        out.extend_from_slice(&[0; 3]);
        out.extend_from_slice(&self.first_seq.to_le_bytes());
        out.extend_from_slice(&self.first_at.nanos().to_le_bytes());
        out.extend_from_slice(&self.last_at.nanos().to_le_bytes());
        for bytes in [self.hot_raw, self.hot, self.cold_raw, self.cold] {
            out.extend_from_slice(&(bytes as u32).to_le_bytes());
        }
        out.resize(start + HEADER_BYTES, 0);
    }
}

/// One block, its checksum verified.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Its header.
    pub header: BlockHeader,
    hot: &'a [u8],
    cold: &'a [u8],
}

impl<'a> Block<'a> {
    /// Takes one block from the front of `bytes`; returns it and the rest.
    pub fn split(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), BlockError> {
        let header = BlockHeader::read(bytes)?;
        let (block, rest) = bytes.split_at_checked(header.block_bytes()).ok_or(BlockError::Short)?;
        let (body, checksum) = block.split_at(block.len() - CHECKSUM_BYTES);
        if crc32c::crc32c(body).to_le_bytes() != checksum {
            return Err(BlockError::Checksum);
        }
        let (hot, cold) = body[HEADER_BYTES..].split_at(header.hot);
        Ok((Block { header, hot, cold }, rest))
    }
}

/// Why bytes cannot be read as a block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BlockError {
    /// Fewer bytes than the header states.
    Short,
    /// Wrong magic number.
    NotABlock,
    /// Written by a newer version, in this format.
    Newer(u16),
    /// The checksum does not match.
    Checksum,
    /// A header field has an invalid value.
    Header(&'static str),
    /// The compressed content does not match the header.
    Payload(&'static str),
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlockError::Short => f.write_str("the block ends early"),
            BlockError::NotABlock => f.write_str("these bytes are not a block"),
            BlockError::Newer(format) => {
                write!(f, "the block has format {format}, this version knows up to {FORMAT}")
            }
            BlockError::Checksum => f.write_str("the block's checksum does not fit its bytes"),
            BlockError::Header(field) => write!(f, "the block's header is wrong in {field}"),
            BlockError::Payload(what) => write!(f, "the block's content is wrong: {what}"),
        }
    }
}

impl std::error::Error for BlockError {}

/// Code of a stream kind in blocks and keys. A code never changes its meaning.
pub const fn kind_code(kind: StreamKind) -> u8 {
    match kind {
        StreamKind::BookSnapshots => 1,
        StreamKind::BookChanges => 2,
        StreamKind::Quotes => 3,
        StreamKind::Trades => 4,
        StreamKind::Bars => 5,
        StreamKind::Marks => 6,
        StreamKind::Funding => 7,
    }
}

/// The stream kind of a code.
pub fn kind_from_code(code: u8) -> Option<StreamKind> {
    StreamKind::ALL.iter().map(|(kind, _)| *kind).find(|kind| kind_code(*kind) == code)
}

const UNITS_NS: [i64; 3] = [1, 1_000, 1_000_000];

fn unit_code(unit_ns: i64) -> u8 {
    UNITS_NS.iter().position(|unit| *unit == unit_ns).unwrap_or(0) as u8
}

fn unit_from_code(code: u8) -> Option<i64> {
    UNITS_NS.get(usize::from(code)).copied()
}

/// The largest of 1 ns, 1 µs and 1 ms that divides all times. Constant divisors avoid slow divisions.
fn common_unit(times: &[i64]) -> i64 {
    if times.iter().all(|time| time % 1_000_000 == 0) {
        1_000_000
    } else if times.iter().all(|time| time % 1_000 == 0) {
        1_000
    } else {
        1
    }
}

/// Divides times by a unit from [`common_unit`].
fn divide(times: &mut [i64], unit_ns: i64) {
    match unit_ns {
        1_000_000 => times.iter_mut().for_each(|time| *time /= 1_000_000),
        1_000 => times.iter_mut().for_each(|time| *time /= 1_000),
        _ => {}
    }
}

fn array<const N: usize>(bytes: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}
