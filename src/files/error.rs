//! Errors of data files: each names the file and position and suggests a fix. At most a short, escaped
//! excerpt of a file is shown.

use crate::domain::decimal::Decimal;
use crate::domain::time::Timestamp;
use crate::domain::visible::Visible;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A problem and its position in a file.
#[derive(Debug)]
pub struct FileError {
    /// The file.
    pub file: PathBuf,
    /// Line, counted from 1.
    pub line: Option<u64>,
    /// Column, by its name in the layout.
    pub column: Option<&'static str>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong.
#[derive(Debug)]
pub enum Problem {
    /// The operating system failed to open or read it.
    Unreadable(io::Error),
    /// The operating system failed to create or write it.
    Unwritable(io::Error),
    /// The disk is full.
    DiskFull(io::Error),
    /// No bytes, or none after decompression.
    Empty,
    /// Column names without rows.
    NoRows,
    /// Compressed data ends too early.
    CutShort,
    /// Compressed data is damaged.
    Corrupt(io::Error),
    /// A zip archive, or a member of one, that cannot be read.
    Archive(&'static str),
    /// Text that is far larger than its compressed form.
    Bomb,
    /// A parquet file that cannot be read.
    Parquet(String),
    /// An unsupported kind of file.
    Unsupported(&'static str),
    /// An answer that says that its request failed, with its code.
    Answer(i64),
    /// Bars of prices that nobody traded at.
    NotTraded(&'static str),
    /// Columns that cannot be mapped to a layout.
    Mapping(String),
    /// A file without a column with the symbol, and without one in its name.
    NoSymbol,
    /// A directory without files, or nested too deeply.
    Folder(&'static str),
    /// A control character in the name of a file.
    Name,
    /// A line longer than so many bytes.
    LineTooLong(usize),
    /// The columns match no layout.
    UnknownLayout {
        /// How the line begins.
        first: String,
        /// All layouts with their columns.
        known: String,
    },
    /// A column that the layout does not have.
    UnknownColumn {
        /// As written.
        name: String,
        /// Columns of the layout.
        known: String,
    },
    /// A column named twice.
    RepeatedColumn(String),
    /// A required column is missing.
    MissingColumn {
        /// Its name.
        name: &'static str,
        /// Columns of the layout.
        known: String,
    },
    /// A row with the wrong number of fields.
    FieldCount {
        /// Fields of the row.
        found: usize,
        /// Columns of the header.
        expected: usize,
    },
    /// A CSV field whose quotes do not match.
    Quotes(&'static str),
    /// A line that is not one flat JSON object.
    Json(&'static str),
    /// A JSON list with something between its elements.
    JsonList(&'static str),
    /// A required value is empty.
    EmptyField,
    /// A text that is not a valid value.
    Value {
        /// As written.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A number that equals a short one except for binary rounding noise, without a declared step.
    Noise {
        /// As written.
        text: String,
        /// The short number.
        meant: String,
    },
    /// A text that is not a valid symbol name.
    Symbol {
        /// As written.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A time outside 2000 to 2200.
    TimeRange {
        /// As written.
        text: String,
        /// The unit it seems to be in.
        unit: Option<&'static str>,
    },
    /// A time earlier than that of the previous row of the symbol, or, for bars, equal to it.
    Backwards {
        /// Time of the row.
        at: Timestamp,
        /// Time of the previous row.
        before: Timestamp,
        /// Line of the previous row.
        before_line: u64,
    },
    /// Too many different trades share ids; this is one.
    TradeIdReused(u64),
    /// A stream that overlaps the same stream of another file, with other rows.
    Overlap {
        /// The file that begins earlier.
        other: PathBuf,
        /// Where they differ.
        what: String,
    },
    /// Rows that overlap another file's and are too many to be compared with them.
    NotCompared(String),
    /// Declared facts of a symbol that are duplicate or invalid.
    Facts(String),
    /// Rows that do not form a book.
    Book(String),
    /// An impossible bar.
    Bar(&'static str),
    /// More symbols than the limit.
    TooManySymbols(usize),
    /// Replay by receive time, but rows lack a receive time.
    NoReceiveTime,
    /// A value that is not a multiple of the symbol's step.
    OffStep {
        /// As written.
        text: String,
        /// The step and its symbol.
        step: String,
    },
    /// A second funding rate of one settlement.
    OtherRate {
        /// Time of the settlement.
        at: Timestamp,
        /// The rate that was there before.
        known: Decimal,
        /// Its line.
        before_line: u64,
    },
    /// The file changed since it was surveyed.
    Changed,
    /// The file ended before the length that it had when it was opened.
    Shrunk,
    /// A value for which the output file has no column.
    NoColumn(&'static str),
    /// A row of another kind than the output file's.
    OtherKind(&'static str),
}

impl FileError {
    /// A problem of the file as a whole.
    pub fn of(file: &Path, problem: Problem) -> Self {
        FileError { file: file.to_owned(), line: None, column: None, problem }
    }

    /// A problem of one line.
    pub fn at(file: &Path, line: u64, column: Option<&'static str>, problem: Problem) -> Self {
        FileError { file: file.to_owned(), line: Some(line), column, problem }
    }

    /// A failed write.
    pub fn writing(file: &Path, error: io::Error) -> Self {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        FileError::of(file, if full { Problem::DiskFull(error) } else { Problem::Unwritable(error) })
    }

    /// Why the file is left out where it was found in a folder rather than named; `None`: it is refused there
    /// too.
    pub fn leaves_out(&self) -> Option<&'static str> {
        match &self.problem {
            Problem::Empty | Problem::NoRows => Some("it has no rows"),
            Problem::UnknownLayout { .. } => {
                Some("its layout is unknown; name the file itself to see those known")
            }
            Problem::NoSymbol => Some(
                "neither its columns nor its name have a symbol; name the file itself, with --data-symbol BTC_USDT",
            ),
            Problem::NotTraded(what) => Some(what),
            _ => None,
        }
    }

    /// Whether two files contradict each other, so that none of them is the one to leave out.
    pub fn is_overlap(&self) -> bool {
        matches!(self.problem, Problem::Overlap { .. } | Problem::NotCompared(_))
    }

    /// Whether the input is at fault; false for failed writes.
    pub fn is_bad_input(&self) -> bool {
        !matches!(self.problem, Problem::Unwritable(_) | Problem::DiskFull(_))
    }

    /// Whether nothing can be written at this path, however much room its disk has.
    pub fn is_bad_path(&self) -> bool {
        use io::ErrorKind::{IsADirectory, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
        let is_path = |error: &io::Error| {
            matches!(
                error.kind(),
                IsADirectory | NotADirectory | NotFound | PermissionDenied | ReadOnlyFilesystem
            )
        };
        matches!(&self.problem, Problem::Unwritable(error) if is_path(error))
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.visible())?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ", column `{column}`")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::Unreadable(error)
            | Problem::Unwritable(error)
            | Problem::DiskFull(error)
            | Problem::Corrupt(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Unreadable(error) => f.write_str(match error.kind() {
                io::ErrorKind::NotFound => "there is no such file; check the path",
                io::ErrorKind::PermissionDenied => "may not be read; give this user the right to read it",
                io::ErrorKind::InvalidInput => "is a pipe, device or directory and not a file; name a file",
                _ if error.raw_os_error() == Some(TOO_MANY_OPEN) => {
                    "cannot be opened: too many files are open; allow more (ulimit -n), or give fewer files or symbols"
                }
                _ => "cannot be read; check the disk it is on",
            }),
            Problem::Unwritable(error) => match error.kind() {
                io::ErrorKind::NotFound => f.write_str("its directory does not exist; create it or give another path"),
                io::ErrorKind::PermissionDenied => {
                    f.write_str("may not be written; give this user the right to write to its directory or give another path")
                }
                io::ErrorKind::FileTooLarge => f.write_str(
                    "may not grow that large; nothing was kept; raise the limit on file sizes (ulimit -f) and repeat",
                ),
                _ => write!(f, "cannot be written ({error}); check the disk it is on or give another path"),
            },
            Problem::DiskFull(_) => f.write_str("no space is left on its disk; nothing was kept; free some space and repeat"),
            Problem::Empty => f.write_str("is empty; give a file with column names and rows"),
            Problem::NoRows => f.write_str("has column names but no rows; leave it out or fetch it again"),
            Problem::CutShort => f.write_str("ends in the middle of its data: it was cut short; fetch it again"),
            Problem::Corrupt(_) => f.write_str("its compressed data is damaged; fetch it again"),
            Problem::Archive(why) => f.write_str(why),
            Problem::Bomb => write!(
                f,
                "unpacks to more than {} times its size, which market data does not; unpack it yourself if it is what you want",
                crate::limits::PACKED_RATIO
            ),
            Problem::Answer(code) => {
                write!(f, "the answer says that its request failed, with code {code}; fetch it again or leave it out")
            }
            Problem::NotTraded(what) => write!(f, "{what}; leave it out, or say with --columns that its bars are those to trade on"),
            Problem::Mapping(why) => f.write_str(why),
            Problem::NoSymbol => f.write_str(
                "has no column with the symbol, and its name does not begin with one; give it with --data-symbol BTC_USDT",
            ),
            Problem::Parquet(why) => write!(f, "is a parquet file that cannot be read ({why}); fetch it again, or give CSV"),
            Problem::Unsupported(what) => {
                write!(f, "is {what}; give UTF-8 text (CSV or JSON lines), plain or compressed with gzip or zstd, or parquet")
            }
            Problem::Folder(why) => write!(f, "{why}; give the files themselves"),
            Problem::Name => f.write_str("has a control character in its name, which terminals obey; rename it"),
            Problem::LineTooLong(limit) => {
                write!(f, "is longer than {limit} bytes; this is not a line of market data, check how the file was made")
            }
            Problem::UnknownLayout { first, known } => {
                write!(f, "the first line must name the columns of a known layout, but begins with `{first}`; say what the columns are with \
                     --columns time=…,price=…,quantity=…,side=… (docs/files.md); the layouts are {known}")
            }
            Problem::UnknownColumn { name, known } => write!(f, "the column `{name}` is unknown; {known}; remove or rename it"),
            Problem::RepeatedColumn(name) => write!(f, "the column `{name}` is given twice; remove one"),
            Problem::MissingColumn { name, known } => write!(f, "the column `{name}` is missing; {known}"),
            Problem::OtherRate { at, known, before_line } => {
                write!(f, "is another rate for the settlement at {at}, which has {known} in line {before_line}; leave one of them")
            }
            Problem::Changed => {
                f.write_str("has changed since it was checked a moment ago; do not change files that are in use")
            }
            Problem::Shrunk => {
                f.write_str("became shorter while it was read; do not change files that are in use, and repeat this")
            }
            Problem::OtherKind(word) => {
                write!(f, "a row of another stream was to be written among {word}; write each stream to its own file")
            }
            Problem::NoColumn(name) => {
                write!(f, "a row has a value for `{name}`, but that column was not asked for; add it, nothing is dropped silently")
            }
            row => row.fmt_row(f),
        }
    }
}

impl Problem {
    /// Formats a problem of a line or field.
    fn fmt_row(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::FieldCount { found, expected } => write!(
                f,
                "has {found} fields where the column names are {expected}; the line is damaged or from a file of another layout; \
                 give files of different layouts separately"
            ),
            Problem::Quotes(why) => write!(f, "{why}; a field in quotes begins and ends with `\"`, and a quote inside it is written twice"),
            Problem::Json(why) => write!(f, "is not one flat JSON object: {why}; write one object a line, values as numbers or strings"),
            Problem::JsonList(why) => write!(f, "the JSON list is damaged at this element: {why}; fetch it again"),
            Problem::EmptyField => f.write_str("is empty; every row needs it"),
            Problem::Value { text, why } => write!(f, "`{text}` {why}"),
            Problem::Noise { text, meant } => write!(
                f,
                "`{text}` is `{meant}` with a binary rounding error; correct the row, or declare the step it is to be rounded to \
                 (--price-step, --quantity-step)"
            ),
            Problem::Symbol { text, why } => write!(f, "`{text}` {why}, so it is not a symbol's name"),
            Problem::TimeRange { text, unit: Some(unit) } => {
                write!(f, "`{text}` seems to be {unit}; times are whole microseconds since 1970, from 2000 to 2200")
            }
            Problem::TimeRange { text, unit: None } => {
                write!(f, "`{text}` is outside 2000 to 2200; times are whole microseconds since 1970")
            }
            Problem::Backwards { at, before, before_line } if at == before => {
                write!(f, "{at} was already the time of line {before_line}; every bar needs its own time; remove one of the rows")
            }
            Problem::Backwards { at, before, before_line } => write!(
                f,
                "{at} is before {before} in line {before_line}; rows of a symbol must be sorted by time; sort them, keeping the order of equal times, or let --sort do it"
            ),
            Problem::TradeIdReused(id) => {
                write!(f, "`{id}` is the id of another trade, as are many before; if these are not ids of single trades, remove the column")
            }
            Problem::Overlap { other, what } => {
                write!(f, "overlaps {}: {what}; leave one of them out, or read them apart (--separate-files, or an import each)", other.visible())
            }
            Problem::NotCompared(what) => write!(f, "{what}, too many to be compared with those of another file; read the files apart"),
            Problem::Facts(why) => write!(f, "{why}; correct the contract file, or remove it to have these facts assumed"),
            Problem::Book(why) => write!(f, "{why}; the rows of a snapshot must be consecutive, each side from level 1 outwards"),
            Problem::Bar(why) => write!(f, "{why}; this cannot be a bar, check how the file was made"),
            Problem::TooManySymbols(limit) => write!(f, "has more than {limit} symbols; split it"),
            Problem::NoReceiveTime => {
                f.write_str("has rows without `recv_us`, so it cannot be replayed by receive time; use the exchange's time")
            }
            Problem::OffStep { text, step } => {
                write!(
                    f,
                    "`{text}` is not a whole number of the step {step} within 2^53 steps; correct the row, or declare another step \
                     (--price-step, --quantity-step)"
                )
            }
            // All other variants are formatted by the caller.
            _ => Ok(()),
        }
    }
}

/// A short, printable excerpt of a file's text.
pub(super) fn excerpt(text: &[u8]) -> String {
    const SHOWN: usize = 40;
    let shown: String = String::from_utf8_lossy(&text[..text.len().min(4 * SHOWN)])
        .chars()
        .take(SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if text.len() > shown.len() && text.len() > SHOWN { format!("{shown}…") } else { shown }
}

/// `EMFILE`: the process may not open more files.
const TOO_MANY_OPEN: i32 = 24;

/// Why reading ends: the file has become shorter since it was opened.
#[derive(Debug)]
pub(super) struct Shrunk;

impl std::fmt::Display for Shrunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Problem::Shrunk.fmt(f)
    }
}

impl std::error::Error for Shrunk {}

/// Why a JSON list is refused at an element.
#[derive(Debug)]
pub(super) struct Damage(pub &'static str);

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Damage {}
