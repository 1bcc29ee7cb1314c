//! Why a request was refused, independent of the transport.

use crate::limits::REFUSAL_PROBLEMS;
use crate::store::StoreError;
use serde_json::{Value, json};
use std::fmt;

/// Category of a refusal; the transport derives its status from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefusalKind {
    /// The request is malformed or invalid.
    Invalid,
    /// Not logged in, or the login is no longer valid.
    Unauthenticated,
    /// The caller lacks the right.
    Forbidden,
    /// The resource does not exist.
    NotFound,
    /// In conflict with the current state.
    Conflict,
    /// The caller's version is outdated.
    Stale,
    /// A limit was reached; `retry_after_s` says when to try again.
    TooMany,
    /// A dependency is unavailable.
    Unavailable,
    /// A bug or a broken disk.
    Internal,
}

/// Code of refusals caused by damaged data in the store.
pub const STORE_DAMAGED: &str = "store_damaged";

/// Code of refusals of a cursor behind which events have been removed, or that no event has reached.
pub const CURSOR_EXPIRED: &str = "cursor_expired";

/// A refusal: a code for programs, a sentence for people with what to do, and details.
#[derive(Clone, PartialEq, Debug)]
pub struct Refusal {
    /// Category.
    pub kind: RefusalKind,
    /// Error code in `snake_case`; part of the API.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
    /// An object, or null. `problems` lists every `{path, problem}`.
    pub details: Value,
    /// Seconds until a retry makes sense.
    pub retry_after_s: Option<u32>,
}

impl Refusal {
    /// A refusal without details.
    pub fn new(kind: RefusalKind, code: &'static str, message: impl Into<String>) -> Self {
        Refusal { kind, code, message: message.into(), details: Value::Null, retry_after_s: None }
    }

    /// Adds details.
    pub fn with(self, details: Value) -> Self {
        Refusal { details, ..self }
    }

    /// [`RefusalKind::Invalid`] with all problems as (JSON pointer, text); beyond `REFUSAL_PROBLEMS` they are
    /// only counted.
    pub fn invalid(
        code: &'static str,
        message: impl Into<String>,
        mut problems: Vec<(String, String)>,
    ) -> Self {
        if problems.len() > REFUSAL_PROBLEMS {
            let beyond = problems.split_off(REFUSAL_PROBLEMS).len();
            problems.push((String::new(), format!("{beyond} more problems are not listed")));
        }
        let problems: Vec<Value> = problems
            .into_iter()
            .map(|(path, problem)| json!({"path": shortened(path), "problem": shortened(problem)}))
            .collect();
        Refusal::new(RefusalKind::Invalid, code, message).with(json!({ "problems": problems }))
    }

    /// A [`RefusalKind::NotFound`] refusal.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Refusal::new(RefusalKind::NotFound, code, message)
    }

    /// A [`RefusalKind::Conflict`] refusal.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Refusal::new(RefusalKind::Conflict, code, message)
    }

    /// A [`CURSOR_EXPIRED`] refusal, of a log whose events have these numbers.
    pub fn cursor_expired(message: String, oldest: u64, newest: u64) -> Self {
        Refusal::conflict(CURSOR_EXPIRED, message).with(json!({"oldest": oldest, "newest": newest}))
    }
}

/// Problems as part of a sentence: as many as fit, and the number of the others.
pub fn problems_text(problems: &[(String, String)]) -> String {
    const SHOWN_BYTES: usize = 400;
    let mut text = String::new();
    for (index, (path, problem)) in problems.iter().enumerate() {
        let one = format!("{} {}", shortened(path.clone()), shortened(problem.clone()));
        if index > 0 && text.len() + one.len() > SHOWN_BYTES {
            let more = problems.len() - index;
            text.push_str(&format!(" (and {more} more problem{})", if more == 1 { "" } else { "s" }));
            break;
        }
        if index > 0 {
            text.push_str("; ");
        }
        text.push_str(one.trim());
    }
    text
}

/// Bounds texts that contain the caller's input, which may be arbitrarily long.
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
            StoreError::Refused(_) => Refusal::new(RefusalKind::Invalid, "invalid_request", message),
            StoreError::Full(_)
            | StoreError::FileTooLarge(_)
            | StoreError::ReadOnly(_)
            | StoreError::Io { .. }
            | StoreError::NotWritable { .. } => {
                Refusal::new(RefusalKind::Unavailable, "store_unavailable", message)
            }
            StoreError::Damaged { .. } => Refusal::new(RefusalKind::Internal, STORE_DAMAGED, message),
            _ => Refusal::new(RefusalKind::Internal, "internal_error", message),
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
            StoreError::FileTooLarge("writing"),
            StoreError::ReadOnly("writing"),
        ] {
            let refusal = Refusal::from(error.clone());
            assert_eq!(
                (refusal.kind, refusal.code),
                (RefusalKind::Unavailable, "store_unavailable"),
                "{error:?}"
            );
        }
        let damaged =
            Refusal::from(StoreError::Damaged { place: "a block".into(), what: "its checksum".into() });
        assert_eq!((damaged.kind, damaged.code), (RefusalKind::Internal, STORE_DAMAGED));
    }

    #[test]
    fn problems_are_told_as_far_as_they_fit() {
        let problem = |n: usize| (format!("/field_{n}"), "must be there".to_owned());
        assert_eq!(problems_text(&[]), "");
        assert_eq!(
            problems_text(&[problem(1), (String::new(), "must be an object".to_owned())]),
            "/field_1 must be there; must be an object"
        );
        let many: Vec<_> = (0..100).map(problem).collect();
        let text = problems_text(&many);
        assert!(text.len() < 450 && text.starts_with("/field_0 must be there; /field_1"), "{text}");
        let told = text.matches("must be there").count();
        assert!(text.ends_with(&format!("(and {} more problems)", 100 - told)), "{text}");
        let long = problems_text(&[("/x".repeat(9_999), "y".repeat(9_999)), problem(1)]);
        assert!(long.len() < 700 && long.ends_with("(and 1 more problem)"), "{long}");
    }
}
