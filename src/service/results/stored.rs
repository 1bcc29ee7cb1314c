//! The document of a stored result, of which only what is asked for is parsed: a result may have megabytes of
//! trades and signals, and a tree of values takes many times its text.

use crate::document::csv::Part;
use crate::document::result;
use crate::service::{Refusal, RefusalKind};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The single result of a document, each field as the text that is stored.
pub struct StoredResult<'t> {
    id: &'t str,
    fields: Fields<'t>,
    definitions: Option<Cow<'t, RawValue>>,
}

#[derive(Deserialize)]
struct Document<'t> {
    #[serde(borrow, default)]
    results: Vec<Fields<'t>>,
    #[serde(borrow)]
    definitions: Option<&'t RawValue>,
}

/// Fields in the order of the document.
#[derive(Default)]
struct Fields<'t>(Vec<(String, Cow<'t, RawValue>)>);

impl<'de: 't, 't> Deserialize<'de> for Fields<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Unparsed<'t>(PhantomData<&'t ()>);
        impl<'de: 't, 't> Visitor<'de> for Unparsed<'t> {
            type Value = Fields<'t>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a result")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'t>, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, raw)) = map.next_entry::<String, &'t RawValue>()? {
                    fields.push((name, Cow::Borrowed(raw)));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Unparsed(PhantomData))
    }
}

impl<'t> StoredResult<'t> {
    /// The result in the document of the session or result `id`; without fields when there is none in it.
    ///
    /// # Errors
    /// `internal_error` when it is not JSON.
    pub fn read(id: &'t str, document: &'t str) -> Result<Self, Refusal> {
        let Document { results, definitions } =
            serde_json::from_str(document).map_err(|error| unreadable(id, &error))?;
        let fields = results.into_iter().next().unwrap_or_default();
        let mut stored = StoredResult { id, fields, definitions: definitions.map(Cow::Borrowed) };
        if result::is_older(&stored.value("metrics")?, &stored.first_explained()?) {
            stored.upgrade()?;
        }
        Ok(stored)
    }

    /// The first trade whose exit is explained; null when there is none.
    fn first_explained(&self) -> Result<Value, Refusal> {
        for row in self.rows(Part::Trades)? {
            let trade = self.parsed(row)?;
            if trade["why"]["exit"].is_object() {
                return Ok(trade);
            }
        }
        Ok(Value::Null)
    }

    /// Brings the fields to the present form. Equity and signals have not changed, and are the long ones.
    fn upgrade(&mut self) -> Result<(), Refusal> {
        let fields =
            self.fields(|name| ![Part::Equity, Part::Signals].iter().any(|part| part.as_str() == name))?;
        let mut document = json!({ "results": [fields], "definitions": self.definitions()? });
        result::upgrade(&mut document);
        self.definitions = Some(Cow::Owned(raw_value(&document["definitions"])));
        for (name, raw) in &mut self.fields.0 {
            if let Some(value) = document["results"][0].get(name.as_str()) {
                *raw = Cow::Owned(raw_value(value));
            }
        }
        Ok(())
    }

    /// A field; null when there is none.
    ///
    /// # Errors
    /// As [`StoredResult::read`].
    pub fn value(&self, name: &str) -> Result<Value, Refusal> {
        self.raw(name).map_or(Ok(Value::Null), |raw| self.parsed(raw))
    }

    /// The fields that are wanted, in their order.
    ///
    /// # Errors
    /// As [`StoredResult::read`].
    pub fn fields(&self, is_wanted: impl Fn(&str) -> bool) -> Result<Map<String, Value>, Refusal> {
        let wanted = self.fields.0.iter().filter(|(name, _)| is_wanted(name));
        wanted.map(|(name, raw)| Ok((name.clone(), self.parsed(raw)?))).collect()
    }

    /// The formulas of its metrics.
    ///
    /// # Errors
    /// As [`StoredResult::read`].
    pub fn definitions(&self) -> Result<Value, Refusal> {
        self.definitions.as_deref().map_or(Ok(Value::Null), |raw| self.parsed(raw))
    }

    /// The rows of a list, none of them parsed; no signals but those of S1, although older results list every
    /// section that fired.
    ///
    /// # Errors
    /// As [`StoredResult::read`].
    pub fn rows(&self, part: Part) -> Result<Vec<&RawValue>, Refusal> {
        let Some(raw) = self.raw(part.as_str()) else { return Ok(Vec::new()) };
        let mut rows: Vec<&RawValue> =
            serde_json::from_str(raw.get()).map_err(|error| unreadable(self.id, &error))?;
        if part == Part::Signals {
            rows.retain(|row| is_signal(row));
        }
        Ok(rows)
    }

    /// A row as a value.
    ///
    /// # Errors
    /// As [`StoredResult::read`].
    pub fn parsed(&self, raw: &RawValue) -> Result<Value, Refusal> {
        serde_json::from_str(raw.get()).map_err(|error| unreadable(self.id, &error))
    }

    fn raw(&self, name: &str) -> Option<&RawValue> {
        self.fields.0.iter().find(|(known, _)| known == name).map(|(_, raw)| &**raw)
    }
}

fn is_signal(row: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Signal {
        section: String,
    }
    serde_json::from_str::<Signal>(row.get()).is_ok_and(|signal| signal.section == "S1")
}

fn raw_value(json: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(json).expect("it comes from JSON")
}

pub(super) fn unreadable(id: &str, error: &serde_json::Error) -> Refusal {
    let message = format!("the stored result of {id} is not JSON: {error}");
    Refusal::new(RefusalKind::Internal, "internal_error", message)
}

/// A list of a stored result as it is answered: `{"trades": […], "currency", "total_count"}`.
#[derive(Debug)]
pub struct Rows {
    part: Part,
    rows: Box<RawValue>,
    currency: Value,
    total_count: u64,
    /// Whether all that are counted are listed; told of signals only.
    is_complete: Option<bool>,
}

impl Rows {
    pub(super) fn new(part: Part, rows: &impl Serialize, currency: Value, total_count: u64) -> Self {
        Rows { part, rows: raw_value(rows), currency, total_count, is_complete: None }
    }

    /// Signals, of which a result lists the first.
    pub(super) fn of_counted(self, total_count: u64) -> Self {
        let total = total_count.max(self.total_count);
        Rows { is_complete: Some(total == self.total_count), total_count: total, ..self }
    }
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(self.part.as_str(), &self.rows)?;
        map.serialize_entry("currency", &self.currency)?;
        map.serialize_entry("total_count", &self.total_count)?;
        if let Some(is_complete) = self.is_complete {
            map.serialize_entry("complete", &is_complete)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"results":[{"start":"s","trades":[{"net":0.10}],"signals":[{"section":"S1","n":1},{"section":"Z1"},{"n":2,"section":"S1"}],
        "sections_fired":{"S1":7}}],"definitions":{"a":"b"}}"#;

    #[test]
    fn fields_keep_their_order_and_rows_their_text() {
        let stored = StoredResult::read("r", TEXT).unwrap();
        let shown = stored.fields(|name| name != "trades" && name != "signals").unwrap();
        assert_eq!(shown.keys().collect::<Vec<_>>(), ["start", "sections_fired"]);
        assert_eq!(stored.definitions().unwrap(), json!({"a": "b"}));
        assert_eq!(stored.rows(Part::Trades).unwrap()[0].get(), r#"{"net":0.10}"#);
        assert_eq!(stored.value("nothing").unwrap(), Value::Null);
        assert!(stored.rows(Part::Equity).unwrap().is_empty());
    }

    #[test]
    fn signals_are_those_of_s1_and_say_when_they_are_not_all() {
        let stored = StoredResult::read("r", TEXT).unwrap();
        let rows = stored.rows(Part::Signals).unwrap();
        let of = |counted| {
            let rows = Rows::new(Part::Signals, &rows, json!("USDT"), rows.len() as u64).of_counted(counted);
            serde_json::to_value(&rows).unwrap()
        };
        assert_eq!(
            of(7),
            json!({"signals": [{"section": "S1", "n": 1}, {"n": 2, "section": "S1"}], "currency": "USDT", "total_count": 7, "complete": false})
        );
        // Results from before sections were counted.
        assert_eq!((&of(0)["total_count"], &of(0)["complete"]), (&json!(2), &json!(true)));
    }

    #[test]
    fn an_older_result_reads_as_a_new_one() {
        let text = r#"{"results":[{"metrics":{"win_rate":{"value":0.5,"unit":"fraction"}},"assumptions":{"contracts":{"X":{"contract_size":0.1}}},
            "trades":[{"symbol":"X","quantity":3}],"equity":[{"low":1.0}]}],"definitions":{"win_rate.sign_of_net":"wins / all closed trades"}}"#;
        let stored = StoredResult::read("r", text).unwrap();
        assert_eq!(stored.value("metrics").unwrap()["win_rate"], json!({"value": 50, "unit": "percent"}));
        assert_eq!(stored.rows(Part::Trades).unwrap()[0].get(), r#"{"symbol":"X","quantity":0.3}"#);
        assert_eq!(stored.rows(Part::Equity).unwrap()[0].get(), r#"{"low":1.0}"#);
        let formula = stored.definitions().unwrap()["win_rate.sign_of_net"].clone();
        assert_eq!(formula, "100 · wins / all closed trades, draws included");
    }

    #[test]
    fn a_result_from_before_exits_named_their_level_says_so() {
        let text =
            r#"{"results":[{"metrics":{},"trades":[{"why":null},{"why":{"exit":{"trigger":"SL"}}}]}]}"#;
        let stored = StoredResult::read("r", text).unwrap();
        let trade = stored.parsed(stored.rows(Part::Trades).unwrap()[1]).unwrap();
        let exit = &trade["why"]["exit"];
        assert_eq!((&exit["level"], exit["level_reason"].is_string()), (&Value::Null, true), "{trade}");
    }

    #[test]
    fn a_document_without_a_result_has_nothing_and_one_that_is_no_json_is_refused() {
        assert!(StoredResult::read("r", "{}").unwrap().fields(|_| true).unwrap().is_empty());
        assert_eq!(StoredResult::read("r", "{").err().unwrap().code, "internal_error");
    }
}
