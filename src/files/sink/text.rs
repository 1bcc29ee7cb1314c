//! Writes rows as lines of CSV or JSON. Numbers are exact, without trailing zeros.

use super::cells::Cell;
use super::target::Target;
use crate::files::layout::{Layout, MAX_COLUMNS};
use std::io::{self, Write};

pub(super) struct TextBody {
    target: Target,
    is_json: bool,
    line: Vec<u8>,
}

impl TextBody {
    /// A CSV writer; writes the column names.
    pub fn csv(mut target: Target, layout: Layout) -> io::Result<Self> {
        let names: Vec<&str> = layout.columns().collect();
        writeln!(target, "{}", names.join(","))?;
        Ok(TextBody { target, is_json: false, line: Vec::new() })
    }

    /// A JSON lines writer.
    pub fn jsonl(target: Target) -> Self {
        TextBody { target, is_json: true, line: Vec::new() }
    }

    pub fn write(&mut self, layout: Layout, cells: &[Cell; MAX_COLUMNS]) -> io::Result<()> {
        self.line.clear();
        if self.is_json {
            json_line(&mut self.line, layout, cells)?;
        } else {
            csv_line(&mut self.line, layout, cells);
        }
        self.target.write_all(&self.line)
    }

    pub fn finish(self) -> io::Result<Target> {
        Ok(self.target)
    }
}

fn csv_line(line: &mut Vec<u8>, layout: Layout, cells: &[Cell; MAX_COLUMNS]) {
    for (_, cell) in cells.iter().enumerate().filter(|(slot, _)| layout.has_slot(*slot)) {
        match cell {
            Cell::Missing => {}
            Cell::Time(micros) => push_signed(line, *micros, 0),
            Cell::Text(text) if text.contains([',', '"']) => push_quoted(line, text),
            Cell::Text(text) => line.extend_from_slice(text.as_bytes()),
            Cell::Number(value) => push_signed(line, value.mantissa(), usize::from(value.scale())),
            Cell::Whole(value) => push_digits(line, *value, 0),
            Cell::Flag(flag) => line.push(if *flag { b'1' } else { b'0' }),
        }
        line.push(b',');
    }
    // Every layout has columns, so the last byte is a trailing comma.
    line.pop();
    line.push(b'\n');
}

fn json_line(line: &mut Vec<u8>, layout: Layout, cells: &[Cell; MAX_COLUMNS]) -> io::Result<()> {
    let columns = layout.rule().columns().zip(cells).enumerate();
    for (_, (name, cell)) in
        columns.filter(|(slot, (_, cell))| layout.has_slot(*slot) && !matches!(cell, Cell::Missing))
    {
        line.push(if line.is_empty() { b'{' } else { b',' });
        line.push(b'"');
        line.extend_from_slice(name.as_bytes());
        line.extend_from_slice(b"\":");
        match cell {
            Cell::Missing => {}
            Cell::Time(micros) => push_signed(line, *micros, 0),
            Cell::Text(text) => serde_json::to_writer(&mut *line, text)?,
            Cell::Number(value) => {
                line.push(b'"');
                push_signed(line, value.mantissa(), usize::from(value.scale()));
                line.push(b'"');
            }
            Cell::Whole(value) => push_digits(line, *value, 0),
            Cell::Flag(flag) => line.push(if *flag { b'1' } else { b'0' }),
        }
    }
    line.extend_from_slice(b"}\n");
    Ok(())
}

/// Appends a quoted CSV field.
fn push_quoted(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    line.push(b'"');
}

/// Appends `value × 10^-scale`.
fn push_signed(line: &mut Vec<u8>, value: i64, scale: usize) {
    if value < 0 {
        line.push(b'-');
    }
    push_digits(line, value.unsigned_abs(), scale);
}

/// Appends a number with `scale` decimals and at least one digit before the point.
fn push_digits(line: &mut Vec<u8>, value: u64, scale: usize) {
    // A u64 has up to 20 digits, plus the point; a scale is at most 18, so leading zeros fit too.
    let mut text = [0_u8; 21];
    let (mut at, mut rest, mut written) = (text.len(), value, 0);
    while rest > 0 || written <= scale {
        if written == scale && scale > 0 {
            at -= 1;
            text[at] = b'.';
        }
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        written += 1;
    }
    line.extend_from_slice(&text[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decimal::Decimal;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_written_as_they_are_shown(mantissa in any::<i64>(), small in -1_000_i64..1_000, scale in 0_u8..=18, id in any::<u64>()) {
            for value in [mantissa, small, i64::MIN, i64::MAX, 0] {
                let value = Decimal::new(value, scale).unwrap();
                let mut line = Vec::new();
                push_signed(&mut line, value.mantissa(), usize::from(value.scale()));
                prop_assert_eq!(String::from_utf8(line).unwrap(), value.to_string());
            }
            for id in [id, u64::MAX] {
                let mut line = Vec::new();
                push_digits(&mut line, id, 0);
                prop_assert_eq!(String::from_utf8(line).unwrap(), id.to_string());
            }
        }
    }
}
