//! Writes rows as typed parquet columns in row groups. Memory: at most one row group.
//!
//! Decimals are `DECIMAL(38, 18)`: a [`Decimal`] has at most 18 decimals, and an i64 mantissa times 10^18
//! stays below 10^38. So one type, known before the first row, holds every price and quantity exactly, and
//! every analysis tool reads it as a number. A string would need a cast in each query, a mantissa with a
//! scale column would need arithmetic, and a double would round. The constant zeros cost almost nothing after
//! zstd.

use super::cells::Cell;
use super::target::Target;
use crate::domain::decimal::{Decimal, MAX_SCALE, POWERS_OF_TEN};
use crate::files::layout::{Layout, MAX_COLUMNS};
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use std::io::{self, Write};
use std::sync::Arc;

/// Rows per row group: large enough to compress and scan well, small enough for a few megabytes.
const GROUP_ROWS: usize = 1 << 16;

/// Bytes per decimal.
const DECIMAL_BYTES: usize = 16;

pub(super) struct ParquetBody {
    writer: SerializedFileWriter<Lent>,
    columns: Vec<Column>,
    rows: usize,
}

/// The target while the parquet writer owns it.
struct Lent(Option<Target>);

impl Write for Lent {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_mut().map_or(Ok(0), |target| target.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), Target::flush)
    }
}

/// Values of one column in the current row group.
struct Column {
    slot: usize,
    is_optional: bool,
    /// For optional columns: 1 where there is a value, else 0.
    present: Vec<i16>,
    values: Values,
}

enum Values {
    Whole(Vec<i64>),
    Level(Vec<i32>),
    Flag(Vec<bool>),
    Text(Vec<ByteArray>),
    /// Big-endian two's complement, concatenated.
    Decimal(Vec<u8>),
}

impl ParquetBody {
    pub fn new(target: Target, layout: Layout) -> io::Result<Self> {
        let rule = layout.rule();
        let mut schema = String::from("message records {\n");
        let mut columns = Vec::new();
        for (slot, name) in rule.columns().enumerate().filter(|(slot, _)| layout.has_slot(*slot)) {
            let is_optional = slot >= rule.required.len() && name != "is_snapshot";
            let (kind, values) = column_type(name);
            let need = if is_optional { "OPTIONAL" } else { "REQUIRED" };
            schema.push_str(&format!("  {need} {};\n", kind.replace("NAME", name)));
            columns.push(Column { slot, is_optional, present: Vec::new(), values });
        }
        schema.push('}');
        let schema = parse_message_type(&schema).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("tradingd ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = SerializedFileWriter::new(Lent(Some(target)), Arc::new(schema), Arc::new(properties))
            .map_err(failed)?;
        Ok(ParquetBody { writer, columns, rows: 0 })
    }

    pub fn write(&mut self, cells: &[Cell; MAX_COLUMNS]) -> io::Result<()> {
        for column in &mut self.columns {
            column.push(&cells[column.slot]);
        }
        self.rows += 1;
        if self.rows == GROUP_ROWS { self.close_group() } else { Ok(()) }
    }

    pub fn finish(mut self) -> io::Result<Target> {
        if self.rows > 0 {
            self.close_group()?;
        }
        self.writer.finish().map_err(failed)?;
        // Taken back explicitly: `into_inner` of the writer would hide the disk's error.
        self.writer.inner_mut().0.take().ok_or_else(|| io::Error::other("the file was already finished"))
    }

    fn close_group(&mut self) -> io::Result<()> {
        let mut group = self.writer.next_row_group().map_err(failed)?;
        for column in &mut self.columns {
            // The schema was built from these columns, so there is a writer for each.
            let Some(mut writer) = group.next_column().map_err(failed)? else { break };
            column.flush(&mut writer).map_err(failed)?;
            writer.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        self.rows = 0;
        Ok(())
    }
}

/// A column's type in parquet's schema language, with `NAME` for its name, and an empty buffer for its
/// values.
fn column_type(name: &str) -> (&'static str, Values) {
    match name {
        "timestamp_us" | "recv_us" => ("INT64 NAME (TIMESTAMP(MICROS,true))", Values::Whole(Vec::new())),
        "symbol" | "side" => ("BYTE_ARRAY NAME (STRING)", Values::Text(Vec::new())),
        "trade_id" | "update_id" => ("INT64 NAME (INTEGER(64,false))", Values::Whole(Vec::new())),
        "level" => ("INT32 NAME", Values::Level(Vec::new())),
        "is_snapshot" => ("BOOLEAN NAME", Values::Flag(Vec::new())),
        _ => ("FIXED_LEN_BYTE_ARRAY (16) NAME (DECIMAL(38,18))", Values::Decimal(Vec::new())),
    }
}

impl Column {
    fn push(&mut self, cell: &Cell) {
        if self.is_optional {
            self.present.push(i16::from(!matches!(cell, Cell::Missing)));
        }
        match (&mut self.values, cell) {
            (Values::Whole(values), Cell::Time(micros)) => values.push(*micros),
            // The bits of an unsigned id, as declared by the column type.
            (Values::Whole(values), Cell::Whole(id)) => values.push(*id as i64),
            (Values::Level(values), Cell::Whole(level)) => values.push(*level as i32),
            (Values::Flag(values), Cell::Flag(flag)) => values.push(*flag),
            (Values::Text(values), Cell::Text(text)) => values.push(match values.last() {
                // Symbols repeat; sharing the last one's bytes avoids an allocation per row.
                Some(last) if last.data() == text.as_bytes() => last.clone(),
                _ => ByteArray::from(*text),
            }),
            (Values::Decimal(values), Cell::Number(number)) => {
                values.extend_from_slice(&unscaled(*number).to_be_bytes())
            }
            _ => debug_assert!(matches!(cell, Cell::Missing), "a layout's column has one type"),
        }
    }

    fn flush(&mut self, writer: &mut SerializedColumnWriter) -> Result<(), ParquetError> {
        let present = self.is_optional.then_some(&self.present[..]);
        match (&mut self.values, writer.untyped()) {
            (Values::Whole(values), ColumnWriter::Int64ColumnWriter(to)) => {
                to.write_batch(values, present, None)?;
                values.clear();
            }
            (Values::Level(values), ColumnWriter::Int32ColumnWriter(to)) => {
                to.write_batch(values, present, None)?;
                values.clear();
            }
            (Values::Flag(values), ColumnWriter::BoolColumnWriter(to)) => {
                to.write_batch(values, present, None)?;
                values.clear();
            }
            (Values::Text(values), ColumnWriter::ByteArrayColumnWriter(to)) => {
                to.write_batch(values, present, None)?;
                values.clear();
            }
            (Values::Decimal(bytes), ColumnWriter::FixedLenByteArrayColumnWriter(to)) => {
                let all = ByteArray::from(std::mem::take(bytes));
                let slice = |i: usize| FixedLenByteArray::from(all.slice(i * DECIMAL_BYTES, DECIMAL_BYTES));
                let values: Vec<FixedLenByteArray> = (0..all.len() / DECIMAL_BYTES).map(slice).collect();
                to.write_batch(&values, present, None)?;
            }
            _ => return Err(ParquetError::General("a column has another type than its schema".into())),
        }
        self.present.clear();
        Ok(())
    }
}

/// The unscaled value of a decimal with scale 18.
fn unscaled(value: Decimal) -> i128 {
    i128::from(value.mantissa()) * i128::from(POWERS_OF_TEN[usize::from(MAX_SCALE - value.scale())])
}

/// Unwraps the underlying I/O error, so that a full disk is reported as such.
fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => {
            inner.downcast::<io::Error>().map_or_else(io::Error::other, |error| *error)
        }
        other => io::Error::other(other),
    }
}
