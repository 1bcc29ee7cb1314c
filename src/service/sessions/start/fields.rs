//! The fields of a request, read one by one: everything that is wrong is remembered with its path, and what
//! nobody asked for is a problem too.

use crate::json::{at, nearest};
use crate::limits::{DOCUMENT_PROBLEMS, REQUEST_NAMES, REQUEST_TEXT_BYTES};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;

const TOO_LONG: &str = "is too long for a name";

/// What is wrong with a request: where (a JSON pointer) and what.
#[derive(Default)]
pub(in crate::service::sessions) struct Problems(RefCell<Vec<(String, String)>>);

impl Problems {
    pub(in crate::service::sessions) fn add(&self, path: &str, problem: impl Into<String>) {
        let mut all = self.0.borrow_mut();
        if all.len() < DOCUMENT_PROBLEMS {
            all.push((path.to_owned(), problem.into()));
        }
    }

    pub(in crate::service::sessions) fn are_none(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Whether more would not be kept: what only makes problems need not go on.
    pub(super) fn are_full(&self) -> bool {
        self.0.borrow().len() >= DOCUMENT_PROBLEMS
    }

    pub(super) fn into_vec(self) -> Vec<(String, String)> {
        self.0.into_inner()
    }
}

/// An object of the request.
pub(super) struct Fields<'v, 'p> {
    path: String,
    fields: Option<&'v Map<String, Value>>,
    asked: Vec<&'static str>,
    /// Names that are wrong, each with the right one.
    otherwise: Vec<(&'static str, &'static str)>,
    problems: &'p Problems,
}

impl<'v, 'p> Fields<'v, 'p> {
    /// Of a value that must be an object.
    pub(super) fn of(value: &'v Value, path: &str, problems: &'p Problems) -> Self {
        if !value.is_object() {
            problems.add(path, "must be an object");
        }
        Fields {
            path: path.to_owned(),
            fields: value.as_object(),
            asked: Vec::new(),
            otherwise: Vec::new(),
            problems,
        }
    }

    /// A field as it is; null is as good as none.
    pub(super) fn get(&mut self, name: &'static str) -> Option<&'v Value> {
        self.asked.push(name);
        self.fields?.get(name).filter(|value| !value.is_null())
    }

    /// Names the right field for one that is called otherwise here, when it is there.
    pub(super) fn is_called(&mut self, theirs: &'static str, ours: &'static str) {
        self.otherwise.push((theirs, ours));
    }

    pub(super) fn path(&self, name: &str) -> String {
        at(&self.path, name)
    }

    /// A field that is an object.
    pub(super) fn object(&mut self, name: &'static str) -> Option<Fields<'v, 'p>> {
        let value = self.get(name)?;
        Some(Fields::of(value, &self.path(name), self.problems))
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<&'v str> {
        let text = self.typed(name, Value::as_str, "must be a text")?;
        if text.len() > REQUEST_TEXT_BYTES {
            self.problems.add(&self.path(name), TOO_LONG);
            return None;
        }
        Some(text)
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.typed(name, Value::as_bool, "must be true or false")
    }

    pub(super) fn whole(&mut self, name: &'static str) -> Option<u64> {
        self.typed(name, Value::as_u64, "must be a whole number, 0 or more")
    }

    pub(super) fn number(&mut self, name: &'static str, (low, high): (f64, f64)) -> Option<f64> {
        let wrong = format!("must be a number between {low} and {high}");
        let number = self.typed(name, Value::as_f64, &wrong)?;
        if (low..=high).contains(&number) {
            return Some(number);
        }
        self.problems.add(&self.path(name), format!("is {number}, but must be between {low} and {high}"));
        None
    }

    fn typed<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'v Value) -> Option<T>,
        wrong: &str,
    ) -> Option<T> {
        let value = self.get(name)?;
        let read = read(value);
        if read.is_none() {
            let example = value.as_str().and_then(digits).filter(|_| wrong.contains("number"));
            let example = example.map(|digits| format!("; write {digits}")).unwrap_or_default();
            self.problems.add(&self.path(name), format!("{wrong}{example}"));
        }
        read
    }

    /// Reports every field that nobody asked for.
    pub(super) fn end(self) {
        for name in self.fields.into_iter().flat_map(|fields| fields.keys()) {
            if self.problems.are_full() {
                return;
            }
            if !self.asked.contains(&name.as_str()) {
                let renamed = self.otherwise.iter().find(|(theirs, _)| theirs == name).map(|(_, ours)| *ours);
                let near = renamed.or_else(|| nearest(name, self.asked.iter().copied()));
                let near = near.map(|near| format!("; did you mean \"{near}\"?"));
                self.problems.add(&at(&self.path, name), format!("is unknown{}", near.unwrap_or_default()));
            }
        }
    }
}

/// A list of texts, each once, in their order, with the index of each.
pub(super) fn names(value: &Value, path: &str, problems: &Problems) -> Vec<(usize, String)> {
    let Some(list) = value.as_array() else {
        problems.add(path, "must be a list of texts");
        return Vec::new();
    };
    if list.len() > REQUEST_NAMES {
        problems.add(path, format!("has {} entries, at most {REQUEST_NAMES} are read", list.len()));
    }
    let mut known = BTreeSet::new();
    let mut names = Vec::new();
    for (index, entry) in list.iter().take(REQUEST_NAMES).enumerate() {
        match entry.as_str() {
            Some("") | None => problems.add(&at(path, index), "must be a text that is not empty"),
            Some(name) if name.len() > REQUEST_TEXT_BYTES => problems.add(&at(path, index), TOO_LONG),
            Some(name) if known.insert(name) => names.push((index, name.to_owned())),
            Some(_) => {}
        }
    }
    names
}

/// The number that a text such as `150ms` or `10k` means; `None` for texts without one at their beginning.
fn digits(text: &str) -> Option<String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let is_known = unit.trim().chars().all(char::is_alphabetic) || unit.trim() == "%";
    if digits.is_empty() || digits.len() > 12 || !is_known {
        return None;
    }
    let thousands = if matches!(unit.trim(), "k" | "K") { "000" } else { "" };
    Some(format!("{digits}{thousands}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_number_with_a_unit_is_answered_with_the_number() {
        for (text, problem) in [
            ("150ms", "must be a number between 0 and 1000000000; write 150"),
            ("10k", "must be a number between 0 and 1000000000; write 10000"),
            ("5 %", "must be a number between 0 and 1000000000; write 5"),
            ("5%", "must be a number between 0 and 1000000000; write 5"),
            ("7", "must be a number between 0 and 1000000000; write 7"),
            ("2026-01-01", "must be a number between 0 and 1000000000"),
            ("ten", "must be a number between 0 and 1000000000"),
        ] {
            let (value, problems) = (json!({"field": text}), Problems::default());
            assert_eq!(Fields::of(&value, "", &problems).number("field", (0.0, 1e9)), None);
            assert_eq!(problems.into_vec(), [("/field".to_owned(), problem.to_owned())]);
        }
    }
}
