//! Writes records to files: CSV, JSON lines or parquet.
//!
//! Invariants: a file appears under its name only when it is complete, and a value without a column is an
//! error.

mod cells;
mod parquet;
mod target;
mod text;

use super::error::FileError;
use super::layout::Layout;
use crate::domain::record::Record;
use std::path::{Path, PathBuf};
use target::Target;

/// File formats of records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileFormat {
    /// Column names, then one row per line.
    Csv,
    /// One JSON object per line; decimals are strings, so that no reader rounds them.
    Jsonl,
    /// Typed columns in row groups, compressed with zstd.
    Parquet,
}

impl FileFormat {
    /// All formats with their names in commands.
    pub const ALL: [(FileFormat, &'static str); 3] =
        [(FileFormat::Csv, "csv"), (FileFormat::Jsonl, "jsonl"), (FileFormat::Parquet, "parquet")];

    /// The format by file name; `.csv` and `.jsonl` may be followed by `.gz` or `.zst`.
    pub fn of_path(path: &Path) -> Option<FileFormat> {
        let name = path.file_name()?.to_str()?;
        let text = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst"));
        let (_, extension) = text.unwrap_or(name).rsplit_once('.')?;
        let format = Self::ALL.iter().find(|(_, word)| *word == extension).map(|(format, _)| *format)?;
        (format != FileFormat::Parquet || text.is_none()).then_some(format)
    }
}

/// A file being written. Dropped without [`RecordSink::finish`], it leaves nothing behind.
pub struct RecordSink {
    path: PathBuf,
    layout: Layout,
    rows: u64,
    body: Body,
}

enum Body {
    Text(Box<text::TextBody>),
    Parquet(Box<parquet::ParquetBody>),
}

impl RecordSink {
    /// Creates a file with these columns. CSV and JSON lines are compressed when the name ends with `.gz` or
    /// `.zst`. An existing file of that name is kept until the new one is complete.
    ///
    /// # Errors
    /// The directory is missing, not writable, or full.
    pub fn create(path: &Path, layout: Layout, format: FileFormat) -> Result<Self, FileError> {
        let target = Target::create(path, format).map_err(|error| FileError::writing(path, error))?;
        RecordSink::over(path, target, layout, format)
    }

    /// Writes to any writer, such as standard output; `name` is used in errors and selects the compression.
    /// Output is not atomic: rows appear as they are written.
    ///
    /// # Errors
    /// Errors of the writer.
    pub fn to_writer(
        name: &Path,
        writer: Box<dyn std::io::Write + Send>,
        layout: Layout,
        format: FileFormat,
    ) -> Result<Self, FileError> {
        let target = Target::over(name, writer, format).map_err(|error| FileError::writing(name, error))?;
        RecordSink::over(name, target, layout, format)
    }

    fn over(path: &Path, target: Target, layout: Layout, format: FileFormat) -> Result<Self, FileError> {
        let body = match format {
            FileFormat::Csv => text::TextBody::csv(target, layout).map(|body| Body::Text(Box::new(body))),
            FileFormat::Jsonl => Ok(Body::Text(Box::new(text::TextBody::jsonl(target)))),
            FileFormat::Parquet => {
                parquet::ParquetBody::new(target, layout).map(|body| Body::Parquet(Box::new(body)))
            }
        };
        let body = body.map_err(|error| FileError::writing(path, error))?;
        Ok(RecordSink { path: path.to_owned(), layout, rows: 0, body })
    }

    /// Appends a row. Times are written in whole microseconds, rounded down; all sources have that
    /// resolution.
    ///
    /// # Errors
    /// A full or failing disk, a row of another kind, or a value without a column.
    pub fn write(&mut self, symbol: &str, record: &Record) -> Result<(), FileError> {
        let cells =
            cells::of(self.layout, symbol, record).map_err(|problem| FileError::of(&self.path, problem))?;
        let written = match &mut self.body {
            Body::Text(body) => body.write(self.layout, &cells),
            Body::Parquet(body) => body.write(&cells),
        };
        self.rows += 1;
        written.map_err(|error| FileError::writing(&self.path, error))
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes the rest to disk and renames the file to its final name.
    ///
    /// # Errors
    /// A full or failing disk. The target then keeps its old content, unless only the final sync of the
    /// directory failed.
    pub fn finish(self) -> Result<(), FileError> {
        let target = match self.body {
            Body::Text(body) => body.finish(),
            Body::Parquet(body) => body.finish(),
        };
        target.and_then(Target::finish).map_err(|error| FileError::writing(&self.path, error))
    }
}

#[cfg(test)]
mod tests;
