//! Encodes rows to blocks.

use super::column::{self, Shape};
use super::rows::{Column, Field, fields};
use super::{BLOCK_ROWS, BlockHeader, ScaleClass, common_unit, divide};
use super::{CHECKSUM_BYTES, HEADER_BYTES, Rows};
use crate::domain::decimal::POWERS_OF_TEN;
use crate::domain::time::Timestamp;
use std::fmt;
use std::ops::Range;

/// zstd level and shortest match: on real trades a little smaller and a third faster than the defaults,
/// because columns of single bytes have few short matches worth a sequence.
const ZSTD_LEVEL: i32 = 1;
const ZSTD_MIN_MATCH: u32 = 6;

/// The decimals of a block do not fit one scale. The caller splits the rows into two blocks, or refuses a
/// single row, whose prices cannot be on one tick grid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScaleOverflow;

impl fmt::Display for ScaleOverflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the numbers of a block are too far apart for one scale")
    }
}

impl std::error::Error for ScaleOverflow {}

/// Encodes blocks; reuses its buffers.
pub struct BlockEncoder {
    zstd: zstd::bulk::Compressor<'static>,
    residuals: Vec<u64>,
    values: Vec<i64>,
    hot: Vec<u8>,
    cold: Vec<u8>,
    largest: [u64; 3],
}

impl Default for BlockEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl BlockEncoder {
    /// An encoder with empty buffers.
    pub fn new() -> Self {
        let mut zstd = zstd::bulk::Compressor::default();
        let parameters = [
            zstd::zstd_safe::CParameter::CompressionLevel(ZSTD_LEVEL),
            zstd::zstd_safe::CParameter::MinMatch(ZSTD_MIN_MATCH),
            zstd::zstd_safe::CParameter::ContentSizeFlag(false),
        ];
        for parameter in parameters {
            zstd.set_parameter(parameter)
                .expect("the level, the match length and the flag are inside zstd's documented bounds");
        }
        BlockEncoder {
            zstd,
            residuals: Vec::new(),
            values: Vec::new(),
            hot: Vec::new(),
            cold: Vec::new(),
            largest: [0; 3],
        }
    }

    /// Appends a block of the rows in `range` (1 to [`BLOCK_ROWS`]) to `out` and returns its header.
    ///
    /// # Panics
    /// If the range is empty, too long or out of bounds; that is a bug in the caller.
    pub fn encode(
        &mut self,
        rows: &Rows,
        range: Range<usize>,
        first_seq: u64,
        out: &mut Vec<u8>,
    ) -> Result<BlockHeader, ScaleOverflow> {
        self.encode_behind(Timestamp::MIN, rows, range, first_seq, out)
    }

    /// As [`BlockEncoder::encode`], for rows that follow others whose latest exchange time is `clock`.
    ///
    /// # Panics
    /// As [`BlockEncoder::encode`].
    pub fn encode_behind(
        &mut self,
        clock: Timestamp,
        rows: &Rows,
        range: Range<usize>,
        first_seq: u64,
        out: &mut Vec<u8>,
    ) -> Result<BlockHeader, ScaleOverflow> {
        assert!(
            !range.is_empty() && range.len() <= BLOCK_ROWS && range.end <= rows.len(),
            "a block has 1 to {BLOCK_ROWS} rows"
        );
        let times = &rows.exchange[range.clone()];
        let unit_ns = common_unit(times);
        self.hot.clear();
        self.cold.clear();
        self.largest = [0; 3];
        self.values.clear();
        self.values.extend_from_slice(times);
        divide(&mut self.values, unit_ns);
        column::write(&self.values, Shape::Walk, &mut self.residuals, &mut self.hot);
        let (has_receive_times, offset_unit_ns) =
            self.write_receive_times(&rows.received, times, range.clone());
        let scales = scales_of(rows, range.clone());
        let mut has_ids = false;
        for (field, column) in fields(rows.kind()).iter().zip(&rows.columns) {
            let values = &column.values[range.clone()];
            match *field {
                Field::Flag => column::write_bits(values, &mut self.hot),
                Field::Whole(shape) => column::write(values, shape, &mut self.residuals, &mut self.hot),
                Field::Decimal(class, shape) => {
                    self.write_decimals(column, range.clone(), scales[class as usize], class, shape)?
                }
                Field::OptionalDecimal(class, shape) => {
                    column::write_bits(&column.present[range.clone()], &mut self.hot);
                    self.write_decimals(column, range.clone(), scales[class as usize], class, shape)?;
                }
                Field::OptionalId => {
                    let present = &column.present[range.clone()];
                    has_ids = present.iter().all(|present| *present != 0);
                    column::write_bits(present, &mut self.cold);
                    column::write(values, Shape::Walk, &mut self.residuals, &mut self.cold);
                }
            }
        }
        let header = BlockHeader {
            kind: rows.kind(),
            rows: range.len(),
            first_seq,
            unit_ns,
            offset_unit_ns,
            scales,
            first_at: Timestamp::from_nanos(times[0].max(clock.nanos())),
            last_at: Timestamp::from_nanos(times.iter().copied().fold(clock.nanos(), i64::max)),
            goes_back: times[0] < clock.nanos() || !times.is_sorted(),
            has_ids,
            has_receive_times,
            hot_raw: self.hot.len(),
            hot: 0,
            cold_raw: self.cold.len(),
            cold: 0,
        };
        Ok(self.assemble(header, out))
    }

    /// Largest magnitudes in the last block, by [`ScaleClass`], as mantissas at its scales.
    pub fn largest(&self) -> [u64; 3] {
        self.largest
    }

    fn assemble(&mut self, mut header: BlockHeader, out: &mut Vec<u8>) -> BlockHeader {
        let start = out.len();
        out.resize(start + HEADER_BYTES, 0);
        header.hot = compress(&mut self.zstd, &self.hot, out);
        header.cold = compress(&mut self.zstd, &self.cold, out);
        let mut front = Vec::with_capacity(HEADER_BYTES);
        header.write(&mut front);
        out[start..start + HEADER_BYTES].copy_from_slice(&front);
        let checksum = crc32c::crc32c(&out[start..]);
        out.extend_from_slice(&checksum.to_le_bytes());
        debug_assert_eq!(out.len() - start, header.block_bytes());
        debug_assert_eq!(CHECKSUM_BYTES, 4);
        header
    }

    /// Writes receive times as differences from exchange times, which are small and steady.
    fn write_receive_times(&mut self, received: &Column, times: &[i64], range: Range<usize>) -> (bool, i64) {
        let present = &received.present[range.clone()];
        column::write_bits(present, &mut self.cold);
        let kept = || {
            received.values[range.clone()]
                .iter()
                .zip(times)
                .zip(present)
                .filter(|(_, present)| **present != 0)
        };
        self.values.clear();
        self.values.extend(kept().map(|((received, exchange), _)| received.wrapping_sub(*exchange)));
        let unit_ns = common_unit(&self.values);
        divide(&mut self.values, unit_ns);
        column::write(&self.values, Shape::Walk, &mut self.residuals, &mut self.cold);
        (self.values.len() == times.len(), unit_ns)
    }

    fn write_decimals(
        &mut self,
        column: &Column,
        range: Range<usize>,
        scale: u8,
        class: ScaleClass,
        shape: Shape,
    ) -> Result<(), ScaleOverflow> {
        self.values.clear();
        let mut fits = true;
        self.values.extend(column.values[range.clone()].iter().zip(&column.scales[range]).map(
            |(mantissa, own)| {
                let (scaled, overflow) = mantissa.overflowing_mul(POWERS_OF_TEN[usize::from(scale - own)]);
                fits &= !overflow;
                scaled
            },
        ));
        if !fits {
            return Err(ScaleOverflow);
        }
        let largest = self.values.iter().fold(0, |largest, value| value.unsigned_abs().max(largest));
        let slot = &mut self.largest[class as usize];
        *slot = largest.max(*slot);
        column::write(&self.values, shape, &mut self.residuals, &mut self.hot);
        Ok(())
    }
}

/// Appends one zstd frame; returns its length.
fn compress(zstd: &mut zstd::bulk::Compressor<'static>, raw: &[u8], out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.resize(start + zstd::zstd_safe::compress_bound(raw.len()), 0);
    let length = zstd
        .compress_to_buffer(raw, &mut out[start..])
        .expect("the buffer has the bound that zstd itself names");
    out.truncate(start + length);
    length
}

fn scales_of(rows: &Rows, range: Range<usize>) -> [u8; 3] {
    let mut scales = [0_u8; 3];
    for (field, column) in fields(rows.kind()).iter().zip(&rows.columns) {
        if let Field::Decimal(class, _) | Field::OptionalDecimal(class, _) = *field {
            let largest = column.scales[range.clone()].iter().copied().max().unwrap_or(0);
            let slot: &mut u8 = &mut scales[class as usize];
            *slot = largest.max(*slot);
        }
    }
    debug_assert_eq!(ScaleClass::Value as usize + 1, scales.len());
    scales
}
