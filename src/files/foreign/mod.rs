//! Files in the layouts of other makers: found by their columns or read by the user's mapping, and translated
//! line by line to rows of our layouts, which are then checked like all others.
//!
//! What was assumed in doing so is told in notes, which a recording keeps and a result shows.

mod candles;
mod convert;
mod known_layouts;
mod mapped;
mod mexc;
mod snapshots;
mod symbols;
mod untraded;

use super::columns::JsonForm;
use super::error::Problem;
use super::fields::Fields;
use super::layout::{Layout, MAX_COLUMNS};
use super::lines::Lines;
use crate::domain::file_mapping::FileMapping;
use crate::domain::record::StreamKind;
use crate::domain::time::Span;
use mapped::Mapped;
use std::path::Path;

/// A problem with the column it is about, by our name for it.
pub(super) type Refused = (Option<&'static str>, Problem);

/// Translates the lines of one file.
trait Translate: Send {
    /// Adds the rows of a line; a line may have none.
    fn line(&mut self, line: &[u8], rows: &mut Rows) -> Result<(), Refused>;

    /// The length that the file states for the bars of a symbol.
    fn bar_length(&self, _symbol: &str) -> Option<Span> {
        None
    }

    /// Adds the rows that were held back until the end.
    fn end(&mut self, _rows: &mut Rows) {}

    /// What was assumed, without the symbol.
    fn notes(&self) -> Vec<String>;
}

/// A file in another layout.
pub(super) struct Foreign {
    layout: Layout,
    /// The name of the layout that was found by itself; empty where there is none.
    known: &'static str,
    translate: Box<dyn Translate>,
    rows: Rows,
    /// A line that was read to find the layout and is a row.
    first: Option<Vec<u8>>,
    has_ended: bool,
}

/// What is known of a file before its rows are read.
pub(super) struct Opening<'a> {
    /// Its path; the symbol may be in its name.
    pub path: &'a Path,
    /// What the user says.
    pub mapping: &'a FileMapping,
    /// Its first line.
    pub first: &'a [u8],
}

impl Foreign {
    /// The layout of a text of lines, by the user's mapping or by its first line; `None` when it is unknown.
    pub fn of_lines(opening: &Opening<'_>) -> Result<Option<Self>, Problem> {
        if let Some(columns) = &opening.mapping.columns {
            return Mapped::by_user(columns, opening).map(Some);
        }
        if opening.first.trim_ascii_start().starts_with(b"{") {
            return traded(mexc::of_object(opening)?, opening.path);
        }
        if let Some(snapshots) = snapshots::of_header(opening)? {
            return Ok(Some(snapshots));
        }
        traded(known_layouts::find(opening)?, opening.path)
    }

    /// The layout of a JSON list, whose elements are the lines.
    pub fn of_list(form: JsonForm, opening: &Opening<'_>) -> Result<Option<Self>, Problem> {
        match (&opening.mapping.columns, form) {
            (Some(columns), _) => Mapped::by_user(columns, opening).map(Some),
            (None, JsonForm::Lists) => traded(candles::of_list(opening)?, opening.path),
            (None, JsonForm::Objects) => traded(mexc::of_object(opening)?, opening.path),
        }
    }

    fn new(layout: Layout, translate: impl Translate + 'static) -> Self {
        Foreign {
            layout,
            known: "",
            translate: Box::new(translate),
            rows: Rows::default(),
            first: None,
            has_ended: false,
        }
    }

    /// The same with a first line that is a row.
    fn starting_with(self, first: &[u8]) -> Self {
        Foreign { first: Some(first.to_vec()), ..self }
    }

    /// The same, found as the layout of this name.
    fn of_known_layout(self, known: &'static str) -> Self {
        Foreign { known, ..self }
    }

    /// Quote and settlement currency of a symbol, where the layout tells that it is an inverse contract.
    pub fn settlement(&self, symbol: &str) -> Option<(String, String)> {
        known_layouts::settlement(self.known, symbol)
    }

    /// Whether the first line is kept here, so that reading goes on behind it.
    pub fn keeps_first(&self) -> bool {
        self.first.is_some()
    }

    /// Its columns.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The length that the file states for the bars of a symbol, once its rows are read.
    pub fn bar_length(&self, symbol: &str) -> Option<Span> {
        self.translate.bar_length(symbol)
    }

    /// What was assumed so far, without the symbol.
    pub fn notes(&self) -> Vec<String> {
        self.translate.notes()
    }

    /// Puts the next row into `fields`. `false`: there is none.
    pub fn next(&mut self, lines: &mut Lines, fields: &mut Fields) -> Result<bool, Refused> {
        while !self.rows.take(fields) {
            if self.has_ended {
                return Ok(false);
            }
            self.rows.clear();
            if let Some(first) = self.first.take() {
                self.translate.line(&first, &mut self.rows)?;
                continue;
            }
            match lines.next().map_err(|problem| (None, problem))? {
                Some([]) => {}
                Some(line) => self.translate.line(line, &mut self.rows)?,
                None => {
                    self.translate.end(&mut self.rows);
                    self.has_ended = true;
                }
            }
        }
        Ok(true)
    }
}

/// Refuses bars of prices that nobody traded at.
fn traded(found: Option<Foreign>, path: &Path) -> Result<Option<Foreign>, Problem> {
    let is_bars = found.as_ref().is_some_and(|found| found.layout.kind() == StreamKind::Bars);
    match untraded::by_name(path).filter(|_| is_bars) {
        Some(what) => Err(Problem::NotTraded(what)),
        None => Ok(found),
    }
}

/// The rows of a line: values by slot, in one text.
#[derive(Default)]
pub(super) struct Rows {
    text: Vec<u8>,
    rows: Vec<[(u32, u32); MAX_COLUMNS]>,
    next: usize,
}

impl Rows {
    /// Begins a row.
    fn begin(&mut self) {
        self.rows.push([(0, 0); MAX_COLUMNS]);
    }

    /// Sets a value of the row that was begun last.
    fn set(&mut self, slot: usize, value: &[u8]) {
        self.set_by(slot, |text| text.extend_from_slice(value));
    }

    /// As [`Rows::set`], with a value that is written.
    fn set_by(&mut self, slot: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let from = self.text.len() as u32;
        write(&mut self.text);
        if let Some(row) = self.rows.last_mut() {
            row[slot] = (from, self.text.len() as u32);
        }
    }

    fn take(&mut self, fields: &mut Fields) -> bool {
        let Some(row) = self.rows.get(self.next) else { return false };
        self.next += 1;
        fields.set(&self.text, row);
        true
    }

    fn clear(&mut self) {
        self.text.clear();
        self.rows.clear();
        self.next = 0;
    }
}
