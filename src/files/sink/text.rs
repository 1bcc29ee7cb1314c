//! Rows as lines of CSV or JSON. Numbers keep exactly their digits, without trailing zeros.

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
    /// A CSV body; writes the column names.
    pub fn csv(mut target: Target, layout: Layout) -> io::Result<Self> {
        let names: Vec<&str> = layout.columns().collect();
        writeln!(target, "{}", names.join(","))?;
        Ok(TextBody { target, is_json: false, line: Vec::new() })
    }

    /// A body of JSON lines.
    pub fn jsonl(target: Target) -> Self {
        TextBody { target, is_json: true, line: Vec::new() }
    }

    pub fn write(&mut self, layout: Layout, cells: &[Cell; MAX_COLUMNS]) -> io::Result<()> {
        self.line.clear();
        if self.is_json {
            json_line(&mut self.line, layout, cells)?;
        } else {
            csv_line(&mut self.line, layout, cells)?;
        }
        self.target.write_all(&self.line)
    }

    pub fn finish(self) -> io::Result<Target> {
        Ok(self.target)
    }
}

fn csv_line(line: &mut Vec<u8>, layout: Layout, cells: &[Cell; MAX_COLUMNS]) -> io::Result<()> {
    for (_, cell) in cells.iter().enumerate().filter(|(slot, _)| layout.has_slot(*slot)) {
        match cell {
            Cell::Missing => {}
            Cell::Time(micros) => write!(line, "{micros}")?,
            Cell::Text(text) => line.extend_from_slice(text.as_bytes()),
            Cell::Number(value) => write!(line, "{value}")?,
            Cell::Whole(value) => write!(line, "{value}")?,
            Cell::Flag(flag) => line.push(if *flag { b'1' } else { b'0' }),
        }
        line.push(b',');
    }
    // Every layout has columns, so the last byte is the comma behind the last of them.
    line.pop();
    line.push(b'\n');
    Ok(())
}

fn json_line(line: &mut Vec<u8>, layout: Layout, cells: &[Cell; MAX_COLUMNS]) -> io::Result<()> {
    let columns = layout.rule().columns().zip(cells).enumerate();
    for (_, (name, cell)) in columns.filter(|(slot, (_, cell))| layout.has_slot(*slot) && !matches!(cell, Cell::Missing)) {
        line.push(if line.is_empty() { b'{' } else { b',' });
        write!(line, "\"{name}\":")?;
        match cell {
            Cell::Missing => {}
            Cell::Time(micros) => write!(line, "{micros}")?,
            Cell::Text(text) => serde_json::to_writer(&mut *line, text)?,
            Cell::Number(value) => write!(line, "\"{value}\"")?,
            Cell::Whole(value) => write!(line, "{value}")?,
            Cell::Flag(flag) => line.push(if *flag { b'1' } else { b'0' }),
        }
    }
    line.extend_from_slice(b"}\n");
    Ok(())
}
