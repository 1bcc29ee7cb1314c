//! Reads the fields of a small JSON body and collects all problems, each with its path.

use super::error::Failure;
use super::request::invalid;
use crate::domain::time::Timestamp;
use crate::json;
use crate::limits::REFUSAL_PROBLEMS;
use serde_json::{Map, Value};

/// The fields of one object.
pub struct Fields<'v> {
    object: Option<&'v Map<String, Value>>,
    problems: Vec<(String, String)>,
}

impl<'v> Fields<'v> {
    /// Reads a body; fields not in `known` are reported.
    pub fn of(body: &'v Value, known: &[&str]) -> Self {
        let object = body.as_object();
        let mut problems = Vec::new();
        match object {
            None => problems.push((String::new(), "must be a JSON object".to_owned())),
            Some(object) => {
                for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
                    // Searching for a similar name is expensive; problems beyond the bound are only counted.
                    let listed = problems.len() < REFUSAL_PROBLEMS;
                    let near = listed.then(|| json::nearest(name, known.iter().copied())).flatten();
                    let hint = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
                    problems.push((json::at("", name), format!("there is no such field{hint}")));
                }
            }
        }
        Fields { object, problems }
    }

    fn get(&self, name: &str) -> Option<&'v Value> {
        self.object.and_then(|object| object.get(name)).filter(|value| !value.is_null())
    }

    fn wrong(&mut self, name: &str, problem: &str) {
        self.problems.push((json::at("", name), problem.to_owned()));
    }

    /// A required text that must not be empty.
    pub fn text(&mut self, name: &str) -> &'v str {
        let text = self.optional_text(name);
        if text.is_none() && self.object.is_some() && self.get(name).is_none() {
            self.wrong(name, "is required, as text");
        } else if text == Some("") {
            self.wrong(name, "must not be empty");
        }
        text.unwrap_or_default()
    }

    /// An optional text.
    pub fn optional_text(&mut self, name: &str) -> Option<&'v str> {
        let value = self.get(name)?;
        if !value.is_string() {
            self.wrong(name, "must be text");
        }
        value.as_str()
    }

    /// An optional boolean.
    pub fn optional_flag(&mut self, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        if !value.is_boolean() {
            self.wrong(name, "must be true or false");
        }
        value.as_bool()
    }

    /// An optional list of texts.
    pub fn optional_texts(&mut self, name: &str) -> Option<Vec<String>> {
        let value = self.get(name)?;
        let texts =
            value.as_array().and_then(|all| all.iter().map(|one| one.as_str().map(str::to_owned)).collect());
        if texts.is_none() {
            self.wrong(name, "must be a list of texts");
        }
        texts
    }

    /// An optional RFC 3339 time.
    pub fn optional_time(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.optional_text(name)?;
        Timestamp::read(text).map_err(|error| self.wrong(name, &error.to_string())).ok()
    }

    /// A required JSON object.
    pub fn object(&mut self, name: &str) -> &'v Value {
        let value = self.get(name).unwrap_or(&Value::Null);
        if !value.is_object() && self.object.is_some() {
            self.wrong(name, "is required, as a JSON object");
        }
        value
    }

    /// Reports a problem of a field.
    pub fn refuse(&mut self, name: &str, problem: &str) {
        self.wrong(name, problem);
    }

    /// Ends reading.
    ///
    /// # Errors
    /// 400 with every problem.
    pub fn finish(self) -> Result<(), Failure> {
        if self.problems.is_empty() { Ok(()) } else { Err(invalid("the body cannot be used", self.problems)) }
    }
}
