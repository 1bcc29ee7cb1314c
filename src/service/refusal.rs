//! Why something asked for was not done, without a word about how that is transported.

use crate::limits::REFUSAL_PROBLEMS;
use crate::store::StoreError;
use serde_json::{Value, json};
use std::fmt;

/// What kind of refusal it is; the transport chooses its status by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The request makes no sense as it is.
    Invalid,
    /// Nobody is logged in, or not in a way that counts.
    Unauthenticated,
    /// Whoever asks may not.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// It does not go with how things stand.
    Conflict,
    /// The caller's copy is old.
    Stale,
    /// Too many; `retry_after_s` says when again.
    TooMany,
    /// Something this depends on is not there.
    Unavailable,
    /// A defect or a broken disk.
    Internal,
}

/// Code of a refusal because bytes of the store are not what was written.
pub const STORE_DAMAGED: &str = "store_damaged";

/// A refusal: a code for programs, a sentence for people that says what to do, and details.
#[derive(Clone, PartialEq, Debug)]
pub struct Refusal {
    /// Kind.
    pub kind: Kind,
    /// `snake_case`, part of the API.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
    /// An object, or null when there is nothing to add. `problems` lists every `{path, problem}`.
    pub details: Value,
    /// Seconds after which to try again.
    pub retry_after_s: Option<u32>,
}

impl Refusal {
    /// Without details.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Refusal { kind, code, message: message.into(), details: Value::Null, retry_after_s: None }
    }

    /// With details.
    pub fn with(self, details: Value) -> Self {
        Refusal { details, ..self }
    }

    /// [`Kind::Invalid`] with every problem: where (a JSON pointer) and what. Beyond a bound they are only counted.
    pub fn invalid(code: &'static str, message: impl Into<String>, mut problems: Vec<(String, String)>) -> Self {
        if problems.len() > REFUSAL_PROBLEMS {
            let beyond = problems.split_off(REFUSAL_PROBLEMS).len();
            problems.push((String::new(), format!("{beyond} more problems are not listed")));
        }
        let problems: Vec<Value> =
            problems.into_iter().map(|(path, problem)| json!({"path": shortened(path), "problem": shortened(problem)})).collect();
        Refusal::new(Kind::Invalid, code, message).with(json!({ "problems": problems }))
    }

    /// [`Kind::NotFound`].
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Refusal::new(Kind::NotFound, code, message)
    }

    /// [`Kind::Conflict`].
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Refusal::new(Kind::Conflict, code, message)
    }
}

/// What comes from the caller may be as long as they like; what is said of it may not.
fn shortened(mut text: String) -> String {
    const SHOWN: usize = 300;
    if let Some((end, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(end);
        text.push('…');
    }
    text
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Refusal {}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let message = match std::error::Error::source(&error) {
            Some(source) => format!("{error} ({source})"),
            None => error.to_string(),
        };
        match error {
            StoreError::NotFound { .. } => Refusal::not_found("not_found", message),
            StoreError::Refused(_) => Refusal::new(Kind::Invalid, "invalid_request", message),
            StoreError::Full(_) | StoreError::ReadOnly(_) | StoreError::Io { .. } | StoreError::NotWritable { .. } => {
                Refusal::new(Kind::Unavailable, "store_unavailable", message)
            }
            StoreError::Damaged { .. } => Refusal::new(Kind::Internal, STORE_DAMAGED, message),
            _ => Refusal::new(Kind::Internal, "internal_error", message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::Arc;

    #[test]
    fn a_disk_that_fails_is_unavailable_from_its_first_error_on() {
        let source = || Arc::new(io::Error::other("input/output error"));
        for error in [
            StoreError::Io { doing: "writing", source: source() },
            StoreError::NotWritable { doing: "writing", source: source() },
            StoreError::Full("writing"),
            StoreError::ReadOnly("writing"),
        ] {
            let refusal = Refusal::from(error.clone());
            assert_eq!((refusal.kind, refusal.code), (Kind::Unavailable, "store_unavailable"), "{error:?}");
        }
        let damaged = Refusal::from(StoreError::Damaged { place: "a block".into(), what: "its checksum".into() });
        assert_eq!((damaged.kind, damaged.code), (Kind::Internal, STORE_DAMAGED));
    }
}
