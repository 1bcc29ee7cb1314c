//! Mapping files: how files in another layout are read, as JSON that can be kept beside them.

use super::error::{FileError, Problem};
use crate::domain::contract_facts::Declared;
use crate::domain::decimal::Decimal;
use crate::domain::file_mapping::{ColumnList, MappedColumn};
use crate::domain::time::Span;
use crate::limits::MAPPING_FILE_BYTES;
use crate::regular_file;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::path::Path;

/// What a mapping file says.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct MappingFile {
    /// Columns, symbol, and facts of all symbols.
    pub declared: Declared,
    /// Length of bars.
    pub bar: Option<Span>,
}

/// The document. Numbers may be texts, so that no writer rounds them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    columns: Option<Map<String, Value>>,
    symbol: Option<String>,
    price_step: Option<Box<RawValue>>,
    quantity_step: Option<Box<RawValue>>,
    contract_size: Option<Box<RawValue>>,
    bar_seconds: Option<u32>,
    #[serde(default)]
    sort: bool,
}

/// Reads a mapping file.
///
/// # Errors
/// A file that cannot be read, is too large, or says something that cannot be.
pub fn mapping_file(path: &Path) -> Result<MappingFile, FileError> {
    let unreadable = |error| FileError::of(path, Problem::Unreadable(error));
    let wrong = |why: String| {
        FileError::of(
            path,
            Problem::Mapping(format!("is not a mapping: {why}; docs/files.md has an example")),
        )
    };
    let text = regular_file::read(path, MAPPING_FILE_BYTES).map_err(unreadable)?;
    if text.len() as u64 > MAPPING_FILE_BYTES {
        return Err(wrong(format!("it has more than {MAPPING_FILE_BYTES} bytes")));
    }
    let document: Document = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    read(document).map_err(wrong)
}

fn read(document: Document) -> Result<MappingFile, String> {
    let mut file = MappingFile::default();
    let mapping = &mut file.declared.mapping;
    if let Some(columns) = &document.columns {
        let column = |(field, column): (&String, &Value)| match column {
            Value::String(column) => MappedColumn::new(field, column),
            Value::Number(number) => MappedColumn::new(field, &number.to_string()),
            _ => Err(format!("the column of `{field}` is neither a name nor a number")),
        };
        mapping.columns = Some(ColumnList(columns.iter().map(column).collect::<Result<_, _>>()?).checked()?);
    }
    if let Some(symbol) = &document.symbol {
        mapping.set_symbol(symbol)?;
    }
    mapping.sort = document.sort;
    for (name, value, own) in [
        ("price_step", &document.price_step, &mut file.declared.price_step),
        ("quantity_step", &document.quantity_step, &mut file.declared.quantity_step),
        ("contract_size", &document.contract_size, &mut file.declared.contract_size),
    ] {
        let Some(value) = value else { continue };
        let number = Decimal::parse(value.get().trim_matches('"').as_bytes()).ok();
        let number = number.filter(|number| number.mantissa() > 0);
        own.push((None, number.ok_or_else(|| format!("`{name}` is not a number above zero"))?));
    }
    match document.bar_seconds {
        Some(0 | 604_801..) => return Err("`bar_seconds` is not between 1 and 604800".to_owned()),
        seconds => file.bar = seconds.map(|seconds| Span::from_seconds(i64::from(seconds))),
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<MappingFile, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mapping.json");
        std::fs::write(&path, text).unwrap();
        mapping_file(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_mapping_file_says_what_options_say() {
        let file = of(
            r#"{"columns": {"time:ms": "T", "price": "p", "quantity": 3, "buyer_is_maker": "m"}, "symbol": "X_USDT",
                "contract_size": "0.0001", "price_step": 0.1, "bar_seconds": 60, "sort": true}"#,
        )
        .unwrap();
        let mapping = &file.declared.mapping;
        assert_eq!(
            mapping.columns.as_ref().unwrap().to_string(),
            "time:ms=T,price=p,quantity=3,buyer_is_maker=m"
        );
        assert_eq!((mapping.symbol.as_deref(), mapping.sort), (Some("X_USDT"), true));
        assert_eq!(file.declared.facts("A").contract_size.unwrap().to_string(), "0.0001");
        assert_eq!(file.bar, Some(Span::from_seconds(60)));
    }

    #[test]
    fn what_cannot_be_a_mapping_is_refused() {
        for (text, words) in [
            ("[", "is not a mapping"),
            (r#"{"colums": {}}"#, "unknown field"),
            (r#"{"columns": {"price": "p"}}"#, "no field `time`"),
            (r#"{"columns": {"time": []}}"#, "neither a name nor a number"),
            (r#"{"symbol": "A B"}"#, "white space"),
            (r#"{"price_step": 0}"#, "`price_step`"),
            (r#"{"bar_seconds": 0}"#, "`bar_seconds`"),
        ] {
            let problem = of(text).unwrap_err();
            assert!(problem.contains(words) && problem.contains("mapping.json"), "{text}: {problem}");
        }
    }
}
