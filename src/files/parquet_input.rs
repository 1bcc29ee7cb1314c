//! Converts a parquet file to CSV text, so that it is validated like every other file: row n is line n + 1.
//!
//! Any file whose columns have the names of a layout is accepted; exported files round-trip exactly.

use super::error::Problem;
use crate::domain::decimal::MAX_SCALE;
use parquet::data_type::Decimal;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// First bytes of a parquet file.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// Produces lines on demand.
pub(super) struct ParquetText {
    rows: RowIter<'static>,
    line: Vec<u8>,
    used: usize,
    row: u64,
    rows_total: u64,
    bytes_total: u64,
    count: Arc<AtomicU64>,
}

impl ParquetText {
    /// Opens a file; `count` grows to its size as rows are read.
    pub fn new(file: File, bytes_total: u64, count: Arc<AtomicU64>) -> Result<Self, Problem> {
        let reader = SerializedFileReader::new(file).map_err(|error| Problem::Parquet(error.to_string()))?;
        let metadata = reader.metadata().file_metadata();
        let rows_total = metadata.num_rows().max(1).unsigned_abs();
        let mut line = Vec::new();
        let names: Vec<String> =
            metadata.schema().get_fields().iter().map(|field| field.name().to_owned()).collect();
        push_line(&mut line, names.iter().map(String::as_str));
        Ok(ParquetText { rows: reader.into_iter(), line, used: 0, row: 0, rows_total, bytes_total, count })
    }

    /// Converts the next row to a line. `false`: there is none.
    fn next_line(&mut self) -> io::Result<bool> {
        let Some(row) = self.rows.next() else { return Ok(false) };
        let row = row.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let cells: Option<Vec<String>> = row.get_column_iter().map(|(_, field)| cell(field)).collect();
        let cells = cells.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "a column holds lists, bytes or the like")
        })?;
        (self.used, self.row) = (0, self.row + 1);
        self.line.clear();
        push_line(&mut self.line, cells.iter().map(String::as_str));
        let share = |row: u64| u128::from(self.bytes_total) * u128::from(row) / u128::from(self.rows_total);
        self.count.fetch_add((share(self.row) - share(self.row - 1)) as u64, Ordering::Relaxed);
        Ok(true)
    }
}

impl Read for ParquetText {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.used == self.line.len() && !self.next_line()? {
            return Ok(0);
        }
        let rest = &self.line[self.used..];
        let taken = rest.len().min(buffer.len());
        buffer[..taken].copy_from_slice(&rest[..taken]);
        self.used += taken;
        Ok(taken)
    }
}

fn push_line<'a>(line: &mut Vec<u8>, cells: impl Iterator<Item = &'a str>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            line.push(b',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            line.push(b'"');
            // No value may contain a line break: the replacement makes the value invalid, so that parsing
            // rejects it.
            line.extend_from_slice(
                cell.replace('"', "\"\"").replace(['\n', '\r'], "\u{fffd}\u{7}").as_bytes(),
            );
            line.push(b'"');
        } else {
            line.extend_from_slice(cell.as_bytes());
        }
    }
    line.push(b'\n');
}

/// A value as in CSV; `None` for types that no layout uses.
fn cell(field: &Field) -> Option<String> {
    Some(match field {
        Field::Null => String::new(),
        Field::Bool(flag) => u8::from(*flag).to_string(),
        Field::Byte(value) => value.to_string(),
        Field::Short(value) => value.to_string(),
        Field::Int(value) => value.to_string(),
        Field::Long(value) => value.to_string(),
        Field::UByte(value) => value.to_string(),
        Field::UShort(value) => value.to_string(),
        Field::UInt(value) => value.to_string(),
        Field::ULong(value) => value.to_string(),
        Field::Float(value) => value.to_string(),
        Field::Double(value) => value.to_string(),
        Field::TimestampMillis(millis) => millis.checked_mul(1_000)?.to_string(),
        Field::TimestampMicros(micros) => micros.to_string(),
        Field::Str(text) => text.clone(),
        Field::Decimal(decimal) => decimal_text(decimal)?,
        _ => return None,
    })
}

/// All digits of a decimal; `None` if it is wider than an i128 or has too many decimals.
fn decimal_text(decimal: &Decimal) -> Option<String> {
    let bytes = decimal.data();
    let scale =
        usize::try_from(decimal.scale()).ok().filter(|scale| *scale <= usize::from(MAX_SCALE) + 20)?;
    if bytes.is_empty() || bytes.len() > 16 {
        return None;
    }
    let sign = if bytes[0] & 0x80 == 0 { 0 } else { 0xff };
    let mut wide = [sign; 16];
    wide[16 - bytes.len()..].copy_from_slice(bytes);
    let digits = i128::from_be_bytes(wide);
    let text = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = text.split_at(text.len() - scale);
    let point = if scale == 0 { "" } else { "." };
    Some(format!("{}{whole}{point}{fraction}", if digits < 0 { "-" } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_of_every_width_are_written_with_all_their_digits() {
        assert_eq!(decimal_text(&Decimal::from_i32(-12_345, 9, 2)).as_deref(), Some("-123.45"));
        assert_eq!(decimal_text(&Decimal::from_i64(5, 18, 3)).as_deref(), Some("0.005"));
        let wide = 100_500_000_000_000_000_000_i128.to_be_bytes().to_vec();
        assert_eq!(
            decimal_text(&Decimal::from_bytes(wide.into(), 38, 18)).as_deref(),
            Some("100.500000000000000000")
        );
    }

    #[test]
    fn a_text_with_signs_of_csv_stays_one_field() {
        let mut line = Vec::new();
        push_line(&mut line, ["=X(\"a,b\")", "1"].into_iter());
        assert_eq!(String::from_utf8(line).unwrap(), "\"=X(\"\"a,b\"\")\",1\n");
    }
}
