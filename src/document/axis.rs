//! Axes of a sweep: a field of a strategy document, named by its JSON pointer, and the values it takes.

use crate::domain::decimal::Decimal;
use crate::json::nearest;
use crate::limits::{JSON_STEP_CHARS, SWEEP_VALUES};
use serde_json::{Value, json};
use std::str::FromStr;

/// A field of a document and its values, in the order given.
#[derive(Clone, PartialEq, Debug)]
pub struct Axis {
    /// JSON pointer (RFC 6901) into the canonical document; an entry of a list may be named by its `id`.
    pub pointer: String,
    /// The values, all different; numbers, texts, booleans or null.
    pub values: Vec<Value>,
}

impl FromStr for Axis {
    type Err = String;

    /// Reads `POINTER=FIRST..LAST/STEP` (the last value included when a step reaches it) or
    /// `POINTER=VALUE,VALUE…`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (pointer, values) = text
            .split_once('=')
            .filter(|(pointer, _)| pointer.starts_with('/'))
            .ok_or_else(|| format!("{text:?} is not POINTER=VALUES; write /z1_entry/leverage=1,2,3"))?;
        let values = match values.split_once("..") {
            Some((first, rest)) => range(first, rest)?,
            None => values.split(',').map(|value| scalar(value.trim())).collect::<Result<_, _>>()?,
        };
        if values.len() > SWEEP_VALUES {
            return Err(format!(
                "{pointer} has {} values, at most {SWEEP_VALUES} are possible",
                values.len()
            ));
        }
        if let Some((_, twice)) =
            values.iter().enumerate().find(|(index, value)| values[..*index].contains(value))
        {
            return Err(format!("{pointer}: the value {twice} is given twice"));
        }
        Ok(Axis { pointer: pointer.to_owned(), values })
    }
}

/// The numbers from `first` on, exact in decimals, so that no value is 0.30000000000000004.
fn range(first: &str, rest: &str) -> Result<Vec<Value>, String> {
    let number = |text: &str| {
        Decimal::parse(text.trim().as_bytes()).map_err(|error| format!("{text:?} {error}; write 1..5/0.5"))
    };
    let (last, step) = rest
        .split_once('/')
        .ok_or_else(|| format!("the range {first}..{rest} has no step; write 1..5/0.5"))?;
    let (first, last, step) = (number(first)?, number(last)?, number(step)?);
    if step.mantissa() <= 0 {
        return Err(format!("the step {step} is not above zero"));
    }
    if last.cmp_value(first).is_lt() {
        return Err(format!("the range {first}..{last} ends before it begins"));
    }
    let mut values = Vec::new();
    let mut next = Some(first);
    while let Some(value) = next.filter(|value| value.cmp_value(last).is_le()) {
        if values.len() == SWEEP_VALUES {
            return Err(format!(
                "{first}..{last}/{step} has more than {SWEEP_VALUES} values; take a wider step"
            ));
        }
        values.push(match value.scale() {
            0 => json!(value.mantissa()),
            _ => json!(value.to_f64()),
        });
        next = value.plus(step);
    }
    Ok(values)
}

/// A JSON scalar; what is none is a text.
fn scalar(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(Value::Array(_) | Value::Object(_)) => {
            Err(format!("{text} is a list or an object; name a field inside it"))
        }
        Ok(value) => Ok(value),
        Err(_) if text.is_empty() => Err("a value is empty".to_owned()),
        Err(_) => Ok(json!(text)),
    }
}

/// Sets the field at `pointer`. An object takes a field it does not have yet, which the rules of documents
/// judge.
///
/// # Errors
/// A pointer that leads nowhere: where it ends, and what is there.
pub fn set(document: &mut Value, pointer: &str, value: &Value) -> Result<(), String> {
    let steps = steps(pointer);
    let Some((last, above)) = steps.split_last() else {
        return Err(format!(
            "{pointer:?} names the whole document; name a field, such as /z1_entry/leverage"
        ));
    };
    let (mut node, mut path) = (document, String::new());
    for step in above {
        node = child(node, &path, step)?;
        path = crate::json::at(&path, step);
    }
    match node {
        Value::Object(fields) => {
            fields.insert(last.clone(), value.clone());
        }
        _ => *child(node, &path, last)? = value.clone(),
    }
    Ok(())
}

/// The pointer with entries of lists by their number, as problems of a document name their place.
pub fn resolved(document: &Value, pointer: &str) -> String {
    let (mut node, mut path) = (Some(document), String::new());
    for step in steps(pointer) {
        let index = node.and_then(Value::as_array).and_then(|entries| {
            let named = entries
                .iter()
                .position(|entry| entry.get("id").and_then(Value::as_str) == Some(step.as_str()));
            named.or_else(|| step.parse().ok())
        });
        let step = index.map_or(step, |index: usize| index.to_string());
        node = node.and_then(|node| index.map_or_else(|| node.get(&step), |index| node.get(index)));
        path = crate::json::at(&path, step);
    }
    path
}

/// The steps of a pointer, as the names they stand for.
fn steps(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}

/// The value one step below `node`, which is at `path`.
fn child<'v>(node: &'v mut Value, path: &str, step: &str) -> Result<&'v mut Value, String> {
    let place = if path.is_empty() { "the document" } else { path };
    let unknown = |known: Vec<String>| {
        let meant = nearest(step, known.iter().map(String::as_str));
        let hint = meant
            .map_or_else(|| format!("it has {}", known.join(", ")), |name| format!("did you mean {name}?"));
        let step: String = step.chars().take(JSON_STEP_CHARS).collect();
        Err(format!("there is no {step:?} in {place}; {hint}"))
    };
    match node {
        Value::Object(fields) => {
            if !fields.contains_key(step) {
                return unknown(fields.keys().cloned().collect());
            }
            Ok(&mut fields[step])
        }
        Value::Array(entries) => {
            let id = |entry: &Value| entry.get("id").and_then(Value::as_str).map(str::to_owned);
            let named = entries.iter().position(|entry| id(entry).as_deref() == Some(step));
            match named.or_else(|| step.parse().ok().filter(|index| *index < entries.len())) {
                Some(index) => Ok(&mut entries[index]),
                None => unknown(
                    entries.iter().enumerate().map(|(n, entry)| id(entry).unwrap_or(n.to_string())).collect(),
                ),
            }
        }
        _ => Err(format!("{place} is a single value, so there is no {step:?} in it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> String {
        match text.parse::<Axis>() {
            Ok(axis) => json!(axis.values).to_string(),
            Err(error) => error,
        }
    }

    #[test]
    fn values_are_ranges_in_decimals_or_lists() {
        assert_eq!(values("/a=1..3/0.5"), "[1,1.5,2,2.5,3]");
        assert_eq!(values("/a=0.1..0.45/0.1"), "[0.1,0.2,0.3,0.4]");
        assert_eq!(values("/a=-2..-1/1"), "[-2,-1]");
        assert_eq!(values("/a=1,2.50,buy,true,null"), r#"[1,2.5,"buy",true,null]"#);
        for (wrong, said) in [
            ("/a", "is not POINTER=VALUES"),
            ("a=1", "is not POINTER=VALUES"),
            ("/a=1..5", "has no step"),
            ("/a=5..1/1", "ends before it begins"),
            ("/a=1..5/0", "is not above zero"),
            ("/a=1..x/1", "is not a finite decimal number"),
            ("/a=1,,2", "a value is empty"),
            ("/a=1,2,1", "the value 1 is given twice"),
            ("/a=[1]", "is a list or an object"),
            ("/a=0..1/0.00001", "more than 10000 values"),
        ] {
            assert!(values(wrong).contains(said), "{wrong}: {}", values(wrong));
        }
    }

    #[test]
    fn a_pointer_goes_through_fields_indices_and_ids() {
        let document =
            json!({"z1": {"list": [{"id": "first", "value": 1}, {"id": "second", "value": 2}]}, "x~y/z": 1});
        let with = |pointer: &str| {
            let mut changed = document.clone();
            set(&mut changed, pointer, &json!(9)).map(|()| changed.to_string())
        };
        assert_eq!(resolved(&document, "/z1/list/second/value"), "/z1/list/1/value");
        assert_eq!(resolved(&document, "/z1/list/0/x~1y"), "/z1/list/0/x~1y");
        let both = with("/z1/list/1/value").unwrap();
        assert_eq!(both, with("/z1/list/second/value").unwrap());
        assert!(both.contains(r#"{"id":"second","value":9}"#), "{both}");
        assert!(with("/x~0y~1z").unwrap().contains(r#""x~y/z":9"#));
        assert!(with("/z1/leverage").unwrap().contains(r#""leverage":9"#));
        for (wrong, said) in [
            ("/zz1/list", "there is no \"zz1\" in the document; did you mean z1?"),
            ("/z1/list/third/value", "there is no \"third\" in /z1/list; it has first, second"),
            ("/z1/list/2", "there is no \"2\" in /z1/list"),
            ("/x~0y~1z/a", "/x~0y~1z is a single value"),
            ("", "names the whole document"),
        ] {
            let error = with(wrong).unwrap_err();
            assert!(error.contains(said), "{wrong}: {error}");
        }
    }
}
