//! Decodes blocks to rows, or trades directly to the columns that a replay uses.

use super::column;
use super::rows::{Column, Field, fields};
use super::{BLOCK_ROWS, Block, BlockError, BlockHeader, MAX_RAW_BYTES, Rows};
use crate::domain::record::StreamKind;

/// Trades of one block as columns of equal length; prices and quantities are mantissas at the block's scales.
#[derive(Clone, Default, Debug)]
pub struct TradeColumns {
    /// Exchange or receive time in nanoseconds.
    pub at: Vec<i64>,
    /// Price mantissas.
    pub price: Vec<i64>,
    /// Quantity mantissas.
    pub quantity: Vec<i64>,
    /// 1 where the taker sold.
    pub sells: Vec<u8>,
}

/// Decodes blocks; reuses its buffers.
#[derive(Default)]
pub struct BlockDecoder {
    zstd: zstd::bulk::Decompressor<'static>,
    raw: Vec<u8>,
    bits: Vec<u8>,
    offsets: Vec<i64>,
}

impl BlockDecoder {
    /// A decoder with empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces `rows` with those of the block; leaves them empty on an error.
    pub fn rows(&mut self, block: &Block<'_>, rows: &mut Rows) -> Result<(), BlockError> {
        let header = block.header;
        rows.reset(header.kind);
        let result = self.hot_rows(block, rows).and_then(|()| self.cold_rows(block, rows));
        if result.is_err() {
            rows.clear();
        }
        result
    }

    /// Replaces `out` with the block's trades, timed by the exchange.
    pub fn trades(&mut self, block: &Block<'_>, out: &mut TradeColumns) -> Result<(), BlockError> {
        let header = block.header;
        if header.kind != StreamKind::Trades {
            return Err(BlockError::Header("its stream kind: trades were expected"));
        }
        inflate(&mut self.zstd, block.hot, header.hot_raw, &mut self.raw)?;
        let mut input = self.raw.as_slice();
        read_times(&mut input, &header, &mut out.at)?;
        column::read(&mut input, header.rows, &mut out.price)?;
        column::read(&mut input, header.rows, &mut out.quantity)?;
        column::read_bits(&mut input, header.rows, &mut out.sells)?;
        ends(input)
    }

    /// As [`BlockDecoder::trades`], timed by reception; every row must have a receive time.
    pub fn trades_received(&mut self, block: &Block<'_>, out: &mut TradeColumns) -> Result<(), BlockError> {
        if !block.header.has_receive_times {
            return Err(BlockError::Header("its flags: receive times were expected"));
        }
        self.trades(block, out)?;
        inflate(&mut self.zstd, block.cold, block.header.cold_raw, &mut self.raw)?;
        let mut input = self.raw.as_slice();
        column::read_bits(&mut input, block.header.rows, &mut self.bits)?;
        column::read(&mut input, block.header.rows, &mut self.offsets)?;
        for (at, offset) in out.at.iter_mut().zip(&self.offsets) {
            *at = at.wrapping_add(offset.wrapping_mul(block.header.offset_unit_ns));
        }
        Ok(())
    }

    fn hot_rows(&mut self, block: &Block<'_>, rows: &mut Rows) -> Result<(), BlockError> {
        let header = block.header;
        inflate(&mut self.zstd, block.hot, header.hot_raw, &mut self.raw)?;
        let mut input = self.raw.as_slice();
        read_times(&mut input, &header, &mut rows.exchange)?;
        for (field, column) in fields(header.kind).iter().zip(&mut rows.columns) {
            match *field {
                Field::Flag => read_flags(&mut input, header.rows, &mut self.bits, &mut column.values)?,
                Field::Whole(_) => column::read(&mut input, header.rows, &mut column.values)?,
                Field::Decimal(class, _) => {
                    read_decimals(&mut input, &header, header.scales[class as usize], column)?
                }
                Field::OptionalDecimal(class, _) => {
                    read_flags(&mut input, header.rows, &mut self.bits, &mut column.present)?;
                    read_decimals(&mut input, &header, header.scales[class as usize], column)?;
                }
                Field::OptionalId => {}
            }
        }
        ends(input)
    }

    fn cold_rows(&mut self, block: &Block<'_>, rows: &mut Rows) -> Result<(), BlockError> {
        let header = block.header;
        inflate(&mut self.zstd, block.cold, header.cold_raw, &mut self.raw)?;
        let mut input = self.raw.as_slice();
        read_flags(&mut input, header.rows, &mut self.bits, &mut rows.received.present)?;
        let received = rows.received.present.iter().filter(|present| **present != 0).count();
        column::read(&mut input, received, &mut self.offsets)?;
        let mut offsets = self.offsets.iter();
        rows.received.values.clear();
        rows.received.values.extend(rows.exchange.iter().zip(&rows.received.present).map(
            |(exchange, present)| match present {
                0 => 0,
                _ => exchange.wrapping_add(
                    offsets.next().map_or(0, |offset| offset.wrapping_mul(header.offset_unit_ns)),
                ),
            },
        ));
        for (_, column) in fields(header.kind)
            .iter()
            .zip(&mut rows.columns)
            .filter(|(field, _)| **field == Field::OptionalId)
        {
            read_flags(&mut input, header.rows, &mut self.bits, &mut column.present)?;
            column::read(&mut input, header.rows, &mut column.values)?;
        }
        ends(input)
    }
}

/// Reads exchange times; first and last must match the header.
fn read_times(input: &mut &[u8], header: &BlockHeader, out: &mut Vec<i64>) -> Result<(), BlockError> {
    column::read(input, header.rows, out)?;
    let unit = header.unit_ns;
    out.iter_mut().for_each(|time| *time = time.wrapping_mul(unit));
    let (first, last) = (header.first_at.nanos(), header.last_at.nanos());
    let fits = if header.goes_back {
        out.first().is_some_and(|time| *time <= first) && out.iter().copied().fold(first, i64::max) == last
    } else {
        (out.first(), out.last()) == (Some(&first), Some(&last))
    };
    if fits { Ok(()) } else { Err(BlockError::Payload("its times are not those of its header")) }
}

fn read_decimals(
    input: &mut &[u8],
    header: &BlockHeader,
    scale: u8,
    column: &mut Column,
) -> Result<(), BlockError> {
    column::read(input, header.rows, &mut column.values)?;
    column.scales.clear();
    column.scales.resize(header.rows, scale);
    Ok(())
}

fn read_flags(
    input: &mut &[u8],
    rows: usize,
    bits: &mut Vec<u8>,
    out: &mut Vec<i64>,
) -> Result<(), BlockError> {
    column::read_bits(input, rows, bits)?;
    out.clear();
    out.extend(bits.iter().map(|bit| i64::from(*bit)));
    Ok(())
}

fn ends(input: &[u8]) -> Result<(), BlockError> {
    if input.is_empty() { Ok(()) } else { Err(BlockError::Payload("bytes are left over behind its columns")) }
}

/// Decompresses one zstd frame into `out`, exactly `length` bytes; the header has bounded `length`.
fn inflate(
    zstd: &mut zstd::bulk::Decompressor<'static>,
    frame: &[u8],
    length: usize,
    out: &mut Vec<u8>,
) -> Result<(), BlockError> {
    debug_assert!(length <= MAX_RAW_BYTES && BLOCK_ROWS > 0);
    out.resize(length, 0);
    match zstd.decompress_to_buffer(frame, out.as_mut_slice()) {
        Ok(written) if written == length => Ok(()),
        _ => Err(BlockError::Payload("a frame does not decompress to its length")),
    }
}
