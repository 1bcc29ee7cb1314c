//! Rows by a list of columns: CSV with or without column names, JSON objects, JSON lists.

use super::convert::{self, Clock};
use super::symbols;
use super::{Foreign, Opening, Refused, Rows, Translate};
use crate::domain::file_mapping::{ColumnList, TimeUnit};
use crate::domain::record::StreamKind;
use crate::files::columns::{Cells, Form};
use crate::files::error::{Problem, excerpt};
use crate::files::layout::{self, Layout, SYMBOL, TIME};
use crate::files::number;

/// The names of a file's columns.
pub(super) struct Naming<'a> {
    /// Name of the layout.
    pub name: &'static str,
    /// What is to be known about it.
    pub note: &'static str,
    /// Names in small letters, or the values of the first row.
    pub names: &'a [String],
    /// Whether the first line has names.
    pub has_names: bool,
}

/// Rows by columns.
pub(super) struct Mapped {
    kind: StreamKind,
    cells: Cells,
    columns: Vec<Column>,
    /// The symbol of all rows, where no column has it.
    symbol: Option<Vec<u8>>,
    /// The first line when it has names: concatenated files repeat it.
    header: Option<Vec<u8>>,
    notes: Vec<String>,
    /// The exchange of all rows, where a column has it.
    exchange: Option<OneExchange>,
    /// Ids that were left out.
    ids_left_out: u64,
}

/// The exchange of a file's rows: one symbol of two exchanges would be one series.
pub(super) struct OneExchange {
    at: usize,
    first: Option<Vec<u8>>,
}

impl OneExchange {
    /// By the names of a file's columns; `None`: no column has it.
    pub fn of(names: &[String]) -> Option<Self> {
        names.iter().position(|name| name == "exchange").map(|at| OneExchange { at, first: None })
    }

    /// Refuses a row of another exchange than that of the first one.
    #[inline]
    pub fn check(&mut self, cells: &Cells, line: &[u8]) -> Result<(), Refused> {
        let text = cells.get(line, self.at);
        match self.first.get_or_insert_with(|| text.to_vec()) == text {
            true => Ok(()),
            false => Err(wrong(
                "exchange",
                text,
                "is another exchange than in the rows before; give a file of each",
            )),
        }
    }
}

/// One of our columns: its slot, its index in the file's row, and how the value is written there.
struct Column {
    slot: usize,
    /// Our name for it.
    name: &'static str,
    at: usize,
    value: Value,
}

/// How a value is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    AsIs,
    Time(Clock),
    Side,
    BuyerIsMaker,
    /// Kept where it is a number.
    Id,
}

impl Mapped {
    /// Rows of a known.
    pub fn by_known_layout(
        columns: &str,
        naming: &Naming<'_>,
        opening: &Opening<'_>,
    ) -> Result<Foreign, Problem> {
        let list: ColumnList = columns.parse().map_err(Problem::Mapping)?;
        let form = Form::Csv { width: naming.names.len() };
        let position = |column: &str| match naming.has_names {
            true => only(naming.names, column, |name| name == column),
            false => Ok(numbered(column)),
        };
        let mut mapped = Mapped::new(&list, form, &position, opening)?;
        mapped.notes.insert(0, format!("read as {} ({list})", naming.name));
        mapped.exchange = OneExchange::of(naming.names).filter(|_| naming.has_names);
        if !naming.note.is_empty() {
            mapped.notes.push(naming.note.to_owned());
        }
        mapped.finish(opening, naming.has_names)
    }

    /// Rows of lists of one shape, such as candles.
    pub fn by_lists(
        name: &str,
        columns: &str,
        width: usize,
        opening: &Opening<'_>,
    ) -> Result<Foreign, Problem> {
        let list: ColumnList = columns.parse().map_err(Problem::Mapping)?;
        let position = |column: &str| Ok(numbered(column));
        let mut mapped = Mapped::new(&list, Form::List { width }, &position, opening)?;
        mapped.notes.insert(0, format!("read as {name} ({list})"));
        mapped.finish(opening, true)
    }

    /// Rows that are JSON objects; the columns are their keys.
    pub fn by_objects(list: &ColumnList, note: String, opening: &Opening<'_>) -> Result<Foreign, Problem> {
        let names: Vec<Vec<u8>> = list.0.iter().map(|column| column.column.clone().into_bytes()).collect();
        let position = |column: &str| Ok(names.iter().position(|name| name == column.as_bytes()));
        let mut mapped = Mapped::new(list, Form::Object { names: names.clone() }, &position, opening)?;
        mapped.notes.insert(0, note);
        mapped.finish(opening, true)
    }

    /// Rows as the user says.
    pub fn by_user(list: &ColumnList, opening: &Opening<'_>) -> Result<Foreign, Problem> {
        let first = opening.first.trim_ascii();
        let note = format!("read by the mapping {list}");
        if first.starts_with(b"{") {
            return Mapped::by_objects(list, note, opening);
        }
        let is_list = first.starts_with(b"[");
        let form = if is_list { Form::List { width: 0 } } else { Form::Csv { width: 0 } };
        let mut cells = Cells::new(form);
        cells.split(first)?;
        let values: Vec<Vec<u8>> = (0..cells.len()).map(|at| cells.get(first, at).to_vec()).collect();
        let form =
            if is_list { Form::List { width: values.len() } } else { Form::Csv { width: values.len() } };
        let is_number = |column: &str| column.parse::<usize>().is_ok();
        let has_names = list.0.iter().any(|column| !is_number(&column.column));
        let position = |column: &str| match is_number(column) {
            true => Ok(numbered(column)),
            false => named(&values, column),
        };
        let mut mapped = Mapped::new(list, form, &position, opening)?;
        mapped.notes.insert(0, note);
        // With numbers, the first line has names if it has no time where a time should be.
        let is_row = !has_names && mapped.has_time(&values);
        if !is_row && !has_names && !is_list {
            mapped.notes.push("the first line was taken for column names".to_owned());
        }
        mapped.finish(opening, is_list || !is_row)
    }

    fn new(
        list: &ColumnList,
        form: Form,
        position: &dyn Fn(&str) -> Result<Option<usize>, Problem>,
        opening: &Opening<'_>,
    ) -> Result<Self, Problem> {
        let has_symbol = list.0.iter().any(|column| column.field == "symbol");
        let layout = layout_of(list)?;
        let width = form.width();
        let mut columns = Vec::with_capacity(list.0.len());
        for column in &list.0 {
            let (name, value) = match column.field.as_str() {
                "time" => ("timestamp_us", Value::Time(Clock::of(column.unit))),
                "recv" => ("recv_us", Value::Time(Clock::of(column.unit))),
                "buyer_is_maker" => ("side", Value::BuyerIsMaker),
                "side" => ("side", Value::Side),
                "trade_id" | "update_id" => (column.field.as_str(), Value::Id),
                other => (other, Value::AsIs),
            };
            let at = position(&column.column)?.filter(|at| width.is_none_or(|width| *at < width));
            let at = at.ok_or_else(|| missing(&column.column, opening.first))?;
            let slot = layout.rule().slot(name).ok_or_else(|| {
                Problem::Mapping(format!(
                    "`{name}` does not belong to {}; remove it from the mapping",
                    layout.kind().as_str()
                ))
            })?;
            let name = layout.rule().name(slot).unwrap_or_default();
            columns.push(Column { slot, name, at, value });
        }
        let mut notes = Vec::new();
        let symbol = match (&opening.mapping.symbol, has_symbol) {
            (Some(symbol), false) => Some(symbol.clone().into_bytes()),
            (_, true) => None,
            (None, false) => {
                let name = symbols::by_name(opening.path).ok_or(Problem::NoSymbol)?;
                notes.push("the symbol is from the file's name".to_owned());
                Some(name.into_bytes())
            }
        };
        Ok(Mapped {
            kind: layout.kind(),
            cells: Cells::new(form),
            columns,
            symbol,
            header: None,
            notes,
            exchange: None,
            ids_left_out: 0,
        })
    }

    fn finish(mut self, opening: &Opening<'_>, has_names: bool) -> Result<Foreign, Problem> {
        if let Some(symbol) = &mut self.symbol
            && opening.mapping.symbol.is_none()
            && self.kind == StreamKind::Bars
        {
            shorten(symbol);
        }
        let layout = Layout::full(self.kind);
        let is_csv = self.cells.is_csv();
        if has_names && is_csv {
            self.header = Some(opening.first.to_vec());
        }
        let foreign = Foreign::new(layout, self);
        Ok(if has_names && is_csv { foreign } else { foreign.starting_with(opening.first) })
    }

    fn has_time(&self, values: &[Vec<u8>]) -> bool {
        self.columns.iter().any(|column| match (column.slot, column.value) {
            (TIME, Value::Time(mut clock)) => {
                values.get(column.at).is_some_and(|value| clock.micros(value).is_some())
            }
            _ => false,
        })
    }
}

/// The layout that has the fields of a mapping.
fn layout_of(list: &ColumnList) -> Result<Layout, Problem> {
    let mut names: Vec<&[u8]> = list
        .0
        .iter()
        .map(|column| match column.field.as_str() {
            "time" => &b"timestamp_us"[..],
            "recv" => b"recv_us",
            "buyer_is_maker" => b"side",
            field => field.as_bytes(),
        })
        .collect();
    if !names.contains(&&b"symbol"[..]) {
        names.push(b"symbol");
    }
    let (layout, _) = layout::recognise(&names, None).map_err(|problem| match problem {
        Problem::UnknownLayout { .. } => Problem::Mapping(
            "the mapping has no price; trades need time, price, quantity and side or buyer_is_maker, bars need time, open, high, low, \
             close and volume"
                .to_owned(),
        ),
        other => Problem::Mapping(format!("the mapping does not fit: {other}")),
    })?;
    Ok(layout)
}

/// The position of a column's name, in any spelling of its letters. `None`: it is not there.
fn named(values: &[Vec<u8>], column: &str) -> Result<Option<usize>, Problem> {
    let small = column.to_ascii_lowercase();
    match only(values, column, |value| value == column.as_bytes())? {
        None => only(values, column, |value| convert::column_name(value) == small),
        exact => Ok(exact),
    }
}

/// The position of the only element that fits a column; two would leave open which one is meant.
fn only<T>(all: &[T], column: &str, fits: impl Fn(&T) -> bool) -> Result<Option<usize>, Problem> {
    let mut found = all.iter().enumerate().filter(|(_, one)| fits(one)).map(|(at, _)| at);
    let first = found.next();
    match found.next() {
        None => Ok(first),
        Some(_) => Err(Problem::RepeatedColumn(excerpt(column.as_bytes()))),
    }
}

/// The index of a column that is written as its number from 1.
fn numbered(column: &str) -> Option<usize> {
    column.parse::<usize>().ok().and_then(|number| number.checked_sub(1))
}

#[cold]
fn missing(column: &str, first: &[u8]) -> Problem {
    Problem::Mapping(format!(
        "has no column `{column}`; its first line is `{}`; name a column of it, or number them from 1 where it has no names",
        excerpt(first)
    ))
}

/// `PUMP_USDT` of `PUMP_USDT_USDT`, which is how freqtrade names files of futures.
fn shorten(symbol: &mut Vec<u8>) {
    if let Some((rest, settle)) = std::str::from_utf8(symbol).ok().and_then(|name| name.rsplit_once('_'))
        && rest.rsplit_once('_').is_some_and(|(_, quote)| quote == settle)
    {
        let length = rest.len();
        symbol.truncate(length);
    }
}

impl Translate for Mapped {
    #[inline]
    fn line(&mut self, line: &[u8], rows: &mut Rows) -> Result<(), Refused> {
        if self.header.as_deref() == Some(line) {
            return Ok(());
        }
        self.cells.split(line).map_err(|problem| (None, problem))?;
        if let Some(exchange) = &mut self.exchange {
            exchange.check(&self.cells, line)?;
        }
        rows.begin();
        if let Some(symbol) = &self.symbol {
            rows.set(SYMBOL, symbol);
        }
        let is_book = matches!(self.kind, StreamKind::BookChanges | StreamKind::BookSnapshots);
        for column in &mut self.columns {
            let text = self.cells.get(line, column.at);
            match &mut column.value {
                Value::AsIs => rows.set(column.slot, text),
                Value::Id if text.is_empty() || number::whole(text).is_some() => rows.set(column.slot, text),
                // Ours are numbers: an UUID cannot be kept, and no rule needs it.
                Value::Id => {
                    self.ids_left_out += 1;
                    rows.set(column.slot, b"");
                }
                Value::Time(clock) => {
                    let micros = clock.micros(text);
                    let micros = micros.ok_or_else(|| {
                        wrong(
                            column.name,
                            text,
                            "is not a time between 2000 and 2200 of the unit given, or of any",
                        )
                    })?;
                    rows.set_by(column.slot, |out| write_whole(out, micros));
                }
                Value::Side => {
                    let side = convert::side(text, is_book);
                    let why =
                        if is_book { "is neither `bid` nor `ask`" } else { "is neither `buy` nor `sell`" };
                    rows.set(column.slot, side.ok_or_else(|| wrong(column.name, text, why))?);
                }
                Value::BuyerIsMaker => {
                    let flag = convert::flag(text);
                    let flag =
                        flag.ok_or_else(|| wrong(column.name, text, "is neither `true` nor `false`"))?;
                    rows.set(column.slot, if flag { b"sell" } else { b"buy" });
                }
            }
        }
        Ok(())
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        let clocks = || {
            self.columns.iter().filter_map(|column| match column.value {
                Value::Time(clock) => Some((column.slot, clock)),
                _ => None,
            })
        };
        let units: Vec<TimeUnit> =
            clocks().filter(|(slot, _)| *slot == TIME).flat_map(|(_, clock)| clock.units()).collect();
        if units.iter().any(|unit| *unit != TimeUnit::Micros) {
            let words: Vec<&str> = units.iter().map(|unit| unit.as_str()).collect();
            notes.push(format!("times are in {}", words.join(" and ")));
        }
        if units.contains(&TimeUnit::Nanos) {
            notes.push("times in ns are cut to microseconds".to_owned());
        }
        if clocks().any(|(_, clock)| clock.has_dates_without_zone()) {
            notes.push("times without a zone are taken as UTC".to_owned());
        }
        if self.ids_left_out > 0 {
            notes.push(format!("{} ids are not whole numbers and were left out", self.ids_left_out));
        }
        notes
    }
}

/// Appends a whole number.
fn write_whole(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0; 20];
    let (mut rest, mut from) = (value, digits.len());
    loop {
        from -= 1;
        digits[from] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[from..]);
}

#[cold]
pub(super) fn wrong(column: &'static str, text: &[u8], why: &'static str) -> Refused {
    let problem =
        if text.is_empty() { Problem::EmptyField } else { Problem::Value { text: excerpt(text), why } };
    (Some(column), problem)
}
