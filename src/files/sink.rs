//! Records back into files: CSV, JSON lines or parquet, written beside the target and renamed when whole.
//!
//! Never leaves half a file under the target's name and never drops a value that has no column.

mod cells;
mod parquet;
mod target;
mod text;

use super::error::FileError;
use super::layout::Layout;
use crate::domain::record::Record;
use std::path::{Path, PathBuf};
use target::Target;

/// What a file of records looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileFormat {
    /// Column names, then a line a row.
    Csv,
    /// One JSON object a line; decimals are texts, so that no reader rounds them.
    Jsonl,
    /// Typed columns in row groups, packed with zstd.
    Parquet,
}

impl FileFormat {
    /// All formats with the word that commands use.
    pub const ALL: [(FileFormat, &'static str); 3] =
        [(FileFormat::Csv, "csv"), (FileFormat::Jsonl, "jsonl"), (FileFormat::Parquet, "parquet")];

    /// The format a file's name asks for; `.gz` and `.zst` may follow `.csv` and `.jsonl`.
    pub fn of_path(path: &Path) -> Option<FileFormat> {
        let name = path.file_name()?.to_str()?;
        let text = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst"));
        let (_, extension) = text.unwrap_or(name).rsplit_once('.')?;
        let format = Self::ALL.iter().find(|(_, word)| *word == extension).map(|(format, _)| *format)?;
        (format != FileFormat::Parquet || text.is_none()).then_some(format)
    }
}

/// A file being written. Dropped without [`RecordSink::finish`] it leaves nothing behind.
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
    /// Begins a file with these columns. CSV and JSON lines are packed when the name ends with `.gz` or `.zst`.
    /// An existing file of that name stays until the new one is whole.
    ///
    /// # Errors
    /// A directory that is missing, may not be written or is full.
    pub fn create(path: &Path, layout: Layout, format: FileFormat) -> Result<Self, FileError> {
        let target = Target::create(path, format).map_err(|error| FileError::writing(path, error))?;
        RecordSink::over(path, target, layout, format)
    }

    /// The same into any writer, such as standard output; `name` stands for it in errors. Rows are there as they are
    /// written.
    ///
    /// # Errors
    /// What the writer reports.
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

    /// Appends a row. Times are written in whole microseconds, rounded down, as every source has them.
    ///
    /// # Errors
    /// A full or failing disk, a row of another kind, or a value for which no column was asked.
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

    /// Writes what is left to disk and gives the file its name.
    ///
    /// # Errors
    /// A full or failing disk; then nothing is left under the target's name.
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
