//! How the columns of files in other layouts are to be read, as the user says it.
//!
//! A mapping is text like `time:ms=T,price=p,quantity=q,buyer_is_maker=m`: a field of ours, for times their
//! unit, and the column of the file by its name or, without column names, by its number from 1.

use super::symbol_name;
use std::fmt;
use std::str::FromStr;

/// Fields that a mapping may name, beside `time`, `recv` and `buyer_is_maker`.
const FIELDS: [&str; 21] = [
    "price",
    "quantity",
    "side",
    "trade_id",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "bid_price",
    "bid_quantity",
    "ask_price",
    "ask_quantity",
    "update_id",
    "level",
    "is_snapshot",
    "mark_price",
    "index_price",
    "rate",
    "symbol",
];

/// Unit of times in a file.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum TimeUnit {
    /// Seconds, milliseconds, microseconds or nanoseconds, whichever puts the time between 2000 and 2200.
    #[default]
    Any,
    /// Seconds, with decimals if there are any.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds; cut to microseconds.
    Nanos,
}

impl TimeUnit {
    /// The unit of a word (`s`, `ms`, `us`, `ns`).
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "s" => Some(TimeUnit::Seconds),
            "ms" => Some(TimeUnit::Millis),
            "us" => Some(TimeUnit::Micros),
            "ns" => Some(TimeUnit::Nanos),
            _ => None,
        }
    }

    /// Its word; empty for [`TimeUnit::Any`].
    pub const fn as_str(self) -> &'static str {
        match self {
            TimeUnit::Any => "",
            TimeUnit::Seconds => "s",
            TimeUnit::Millis => "ms",
            TimeUnit::Micros => "us",
            TimeUnit::Nanos => "ns",
        }
    }
}

/// One field and the column it comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MappedColumn {
    /// Name of the field: `time`, `recv`, `buyer_is_maker`, or a column name of our layouts.
    pub field: String,
    /// Unit of a time.
    pub unit: TimeUnit,
    /// Name of the file's column, or its number from 1.
    pub column: String,
}

/// The columns of a mapping, in the order given.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ColumnList(pub Vec<MappedColumn>);

/// How files in other layouts are read. The default finds the layout by itself.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct FileMapping {
    /// Columns; `None` finds them by the file's own layout.
    pub columns: Option<ColumnList>,
    /// Symbol of files that have no column with it.
    pub symbol: Option<String>,
    /// Whether rows are sorted by time first.
    pub sort: bool,
}

impl FromStr for ColumnList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let columns = text.split(',').map(column).collect::<Result<Vec<_>, _>>()?;
        ColumnList(columns).checked()
    }
}

impl ColumnList {
    /// The same list when every field is there once and there is a time.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn checked(self) -> Result<Self, String> {
        for (index, column) in self.0.iter().enumerate() {
            if self.0[..index].iter().any(|other| other.field == column.field) {
                return Err(format!("the field `{}` is given twice", column.field));
            }
        }
        let has = |field: &str| self.0.iter().any(|column| column.field == field);
        if !has("time") {
            return Err("no field `time`; write time=COLUMN, with its unit as in time:ms=COLUMN".to_owned());
        }
        if has("side") && has("buyer_is_maker") {
            return Err("`side` and `buyer_is_maker` are both given; give only one of them".to_owned());
        }
        Ok(self)
    }
}

/// One part of a mapping.
fn column(part: &str) -> Result<MappedColumn, String> {
    let (field, column) =
        part.split_once('=').ok_or_else(|| format!("{part:?} is not FIELD=COLUMN, such as price=p"))?;
    MappedColumn::new(field.trim(), column.trim())
}

impl MappedColumn {
    /// A column of a field, which for times may have a unit (`time:ms`).
    ///
    /// # Errors
    /// An unknown field or unit, or no column.
    pub fn new(field: &str, column: &str) -> Result<Self, String> {
        let (field, unit) = match field.split_once(':') {
            Some((field, unit)) => {
                let unit = TimeUnit::parse(unit)
                    .ok_or_else(|| format!("{unit:?} is not a unit of time; use s, ms, us or ns"))?;
                (field, unit)
            }
            None => (field, TimeUnit::Any),
        };
        let is_time = field == "time" || field == "recv";
        if !is_time && field != "buyer_is_maker" && !FIELDS.contains(&field) {
            return Err(format!(
                "the field {field:?} is unknown; use time, recv, buyer_is_maker, {}",
                FIELDS.join(", ")
            ));
        }
        if unit != TimeUnit::Any && !is_time {
            return Err(format!("`{field}` is not a time, so it has no unit"));
        }
        if column.is_empty() {
            return Err(format!("the field `{field}` has no column"));
        }
        Ok(MappedColumn { field: field.to_owned(), unit, column: column.to_owned() })
    }
}

impl fmt::Display for ColumnList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, MappedColumn { field, unit, column }) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let colon = if *unit == TimeUnit::Any { "" } else { ":" };
            write!(f, "{comma}{field}{colon}{}={column}", unit.as_str())?;
        }
        Ok(())
    }
}

impl FileMapping {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == FileMapping::default()
    }

    /// Sets the symbol.
    ///
    /// # Errors
    /// A text that is not a symbol's name.
    pub fn set_symbol(&mut self, name: &str) -> Result<(), String> {
        match symbol_name::problem(name) {
            Some(problem) => Err(format!("{name:?} {problem}, so it is not a symbol")),
            None => {
                self.symbol = Some(name.to_owned());
                Ok(())
            }
        }
    }

    /// What is said, by parameter name, for the stored settings of a result.
    pub fn named(&self) -> Vec<(&'static str, String)> {
        let columns = self.columns.as_ref().map(|columns| ("columns", columns.to_string()));
        let symbol = self.symbol.as_ref().map(|symbol| ("data_symbol", symbol.clone()));
        let sort = self.sort.then(|| ("sort", "true".to_owned()));
        columns.into_iter().chain(symbol).chain(sort).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_shown_as_it_is_written() {
        for text in
            ["time:ms=T,price=p,quantity=q,buyer_is_maker=m", "time=1,open=2,high=3,low=4,close=5,volume=6"]
        {
            assert_eq!(text.parse::<ColumnList>().unwrap().to_string(), text);
        }
        assert_eq!("time = T , price= p".parse::<ColumnList>().unwrap().to_string(), "time=T,price=p");
    }

    #[test]
    fn what_is_wrong_with_a_mapping_is_said() {
        for (text, words) in [
            ("", "FIELD=COLUMN"),
            ("price=p", "no field `time`"),
            ("time:min=T", "s, ms, us or ns"),
            ("time=T,price:ms=p", "not a time"),
            ("time=T,colour=c", "unknown; use time"),
            ("time=T,price=", "has no column"),
            ("time=T,price=p,price=q", "given twice"),
            ("time=T,side=s,buyer_is_maker=m", "give only one of them"),
        ] {
            let problem = text.parse::<ColumnList>().unwrap_err();
            assert!(problem.contains(words), "{text}: {problem}");
        }
    }
}
