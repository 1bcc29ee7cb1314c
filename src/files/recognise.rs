//! Detects what the lines of a file are: one of our own layouts, or that of another maker.

use super::columns::{JsonElements, JsonForm, json_form};
use super::error::Problem;
use super::fields::{csv_fields, json_names};
use super::foreign::{Foreign, Opening};
use super::input;
use super::layout::{self, Layout};
use super::lines::Lines;
use crate::domain::file_mapping::FileMapping;
use crate::limits::FOREIGN_LINE_BYTES;
use std::io::{Cursor, Read};
use std::path::Path;

/// Line format.
pub(super) enum Format {
    /// The header line as written, and the slot of each column.
    Csv {
        header: Vec<u8>,
        slots: Vec<u8>,
    },
    Json,
    Foreign(Box<Foreign>),
}

/// Bytes by which the form of a text is found.
const HEAD_BYTES: u64 = 16 << 10;

/// The lines of a text; of JSON that is one document, its elements.
pub(super) fn lines_of(mut text: Box<dyn Read + Send>) -> Result<(Lines, Option<JsonForm>), Problem> {
    let mut head = Vec::new();
    (&mut text).take(HEAD_BYTES).read_to_end(&mut head).map_err(input::reading)?;
    let form = json_form(&head);
    let whole = Cursor::new(head).chain(text);
    Ok(match form {
        None => (Lines::new(Box::new(whole)), None),
        Some(form) => (Lines::up_to(FOREIGN_LINE_BYTES, Box::new(JsonElements::new(whole))), Some(form)),
    })
}

/// The first line that is not empty.
fn first_line(lines: &mut Lines) -> Result<Vec<u8>, Problem> {
    loop {
        match lines.next()? {
            None => return Err(Problem::Empty),
            Some([]) => continue,
            Some(line) => return Ok(line.to_vec()),
        }
    }
}

/// Detects the layout of a JSON document.
pub(super) fn recognise_json(
    lines: &mut Lines,
    form: JsonForm,
    path: &Path,
    mapping: &FileMapping,
) -> Result<(Format, Layout), Problem> {
    let first = first_line(lines)?;
    let opening = Opening { path, mapping, first: &first };
    match Foreign::of_list(form, &opening)? {
        Some(foreign) => Ok(foreign_format(foreign)),
        None => Err(layout::unknown(&first)),
    }
}

fn foreign_format(foreign: Foreign) -> (Format, Layout) {
    let layout = foreign.layout();
    (Format::Foreign(Box::new(foreign)), layout)
}

/// Reads the column names, or inspects the first object, and detects the layout.
pub(super) fn recognise(
    lines: &mut Lines,
    path: &Path,
    mapping: &FileMapping,
) -> Result<(Format, Layout), Problem> {
    let header = first_line(lines)?;
    let is_text = !header.contains(&0) && std::str::from_utf8(&header).is_ok();
    let foreign = |lines: &mut Lines| {
        let opening = Opening { path, mapping, first: &header };
        let found = Foreign::of_lines(&opening)?;
        let Some(found) = found else { return Ok(None) };
        if !found.keeps_first() && lines.next()?.is_none() {
            return Err(Problem::NoRows);
        }
        if !found.keeps_first() {
            lines.unread();
        }
        Ok(Some(foreign_format(found)))
    };
    if mapping.columns.is_some() {
        return foreign(lines)?.ok_or(Problem::Unsupported("not text"));
    }
    if !is_text {
        return foreign(lines)?.ok_or(Problem::Unsupported("not text"));
    }
    match own(lines, &header) {
        Err(
            problem @ (Problem::UnknownLayout { .. }
            | Problem::UnknownColumn { .. }
            | Problem::RepeatedColumn(_)
            | Problem::MissingColumn { .. }
            | Problem::Json(_)
            | Problem::Quotes(_)),
        ) => foreign(lines)?.ok_or_else(|| no_layout(problem, &header)),
        found => found,
    }
}

/// The problem of a first line that is of no layout. JSON without a time by our name is not ours to be
/// corrected.
#[cold]
fn no_layout(problem: Problem, header: &[u8]) -> Problem {
    let is_ours = || memchr::memmem::find(header, b"\"timestamp_us\"").is_some();
    if matches!(problem, Problem::Json(_)) && !is_ours() { layout::unknown(header) } else { problem }
}

/// Detects one of our own layouts. When there is none, the lines go on behind the first one.
fn own(lines: &mut Lines, header: &[u8]) -> Result<(Format, Layout), Problem> {
    if header.trim_ascii_start().starts_with(b"{") {
        let (names, side) = json_names(header)?;
        let (layout, _) = layout::recognise(&names, side)?;
        lines.unread();
        return Ok((Format::Json, layout));
    }
    let names = csv_fields(header)?;
    let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    let first_row = lines.next()?;
    let has_row = first_row.is_some();
    // Errors in the row itself are reported when it is read.
    let fields = first_row.and_then(|row| csv_fields(row).ok()).unwrap_or_default();
    let side = layout::side_position(&names).and_then(|at| fields.get(at)).map(Vec::as_slice);
    let recognised = layout::recognise(&names, side);
    if has_row {
        lines.unread();
    }
    let (layout, slots) = recognised?;
    if !has_row {
        return Err(Problem::NoRows);
    }
    Ok((Format::Csv { header: header.to_vec(), slots }, layout))
}
