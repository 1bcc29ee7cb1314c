//! Problems of a document: path, text and severity. All are reported at once.

pub(super) use crate::json::at;
use crate::json::nearest;
use crate::limits::DOCUMENT_PROBLEMS;
use std::collections::BTreeMap;
use std::fmt;

/// Severity of a problem.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// The document cannot run.
    Error,
    /// It can run, though perhaps not as intended.
    Warning,
}

impl Severity {
    /// The name used in reports.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// A problem of a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// JSON pointer (RFC 6901) into the document as submitted; empty for the whole document.
    pub path: String,
    /// What is wrong and how to fix it, one sentence.
    pub problem: String,
    /// Severity.
    pub severity: Severity,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "document" } else { &self.path };
        write!(f, "{}: {path}: {}", self.severity.as_str(), self.problem)
    }
}

/// Collects problems while a document is parsed.
#[derive(Default)]
pub(super) struct Problems {
    found: Vec<Problem>,
    beyond: usize,
    /// Original path of each part that has moved, by its current path.
    moved: BTreeMap<String, String>,
}

impl Problems {
    pub(super) fn error(&mut self, path: &str, problem: impl Into<String>) {
        self.add(path, problem.into(), Severity::Error);
    }

    pub(super) fn warning(&mut self, path: &str, problem: impl Into<String>) {
        self.add(path, problem.into(), Severity::Warning);
    }

    fn add(&mut self, path: &str, problem: String, severity: Severity) {
        let problem = Problem { path: self.as_given(path), problem, severity };
        if self.found.contains(&problem) {
            return;
        }
        // Errors are never lost behind warnings: an error replaces the last warning.
        if self.found.len() < DOCUMENT_PROBLEMS {
            self.found.push(problem);
        } else {
            self.beyond += 1;
            if severity == Severity::Error
                && let Some(last) =
                    self.found.iter_mut().rev().find(|known| known.severity == Severity::Warning)
            {
                *last = problem;
            }
        }
    }

    /// Problems at `path` are from now on reported at the original path of `before`.
    pub(super) fn moved(&mut self, path: impl Into<String>, before: &str) {
        let given = self.as_given(before);
        self.moved.insert(path.into(), given);
    }

    /// Whether there is an error at the path or below it.
    pub(super) fn broken(&self, path: &str) -> bool {
        let path = self.as_given(path);
        self.found.iter().any(|known| {
            known.severity == Severity::Error
                && known.path.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// `; did you mean "x"?` if a known name is similar. Empty once the bound on problems is reached, because
    /// the search is expensive.
    pub(super) fn suggestion<'a>(&self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
        let near = if self.found.len() < DOCUMENT_PROBLEMS { nearest(wrong, known) } else { None };
        near.map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default()
    }

    pub(super) fn has_errors(&self) -> bool {
        self.found.iter().any(|known| known.severity == Severity::Error)
    }

    /// All problems; if there were more than the bound, a last warning gives their number.
    pub(super) fn into_vec(mut self) -> Vec<Problem> {
        if self.beyond > 0 {
            let problem = format!("{} more problems are not listed", self.beyond);
            self.found.push(Problem { path: String::new(), problem, severity: Severity::Warning });
        }
        self.found
    }

    fn as_given(&self, path: &str) -> String {
        let mut end = path.len();
        loop {
            if let Some(given) = self.moved.get(&path[..end]) {
                return format!("{given}{}", &path[end..]);
            }
            match path[..end].rfind('/') {
                Some(slash) => end = slash,
                None => return path.to_owned(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moved_parts_are_named_where_they_were() {
        let mut problems = Problems::default();
        problems.moved("", "/strategy");
        problems.moved("/s1_signal", "/signal_detection_conditions");
        problems.moved("/s1_signal/conditions/0", "/s1_signal/RSI/min");
        problems.error("/s1_signal/conditions/0/value", "x");
        problems.error("/z1_entry", "y");
        assert!(problems.broken("/s1_signal") || problems.broken("/s1_signal/conditions/0"));
        assert!(!problems.broken("/z1"));
        let paths: Vec<String> = problems.into_vec().into_iter().map(|problem| problem.path).collect();
        assert_eq!(paths, ["/strategy/signal_detection_conditions/RSI/min/value", "/strategy/z1_entry"]);
    }

    #[test]
    fn a_flood_is_counted_and_keeps_errors() {
        let mut problems = Problems::default();
        for index in 0..DOCUMENT_PROBLEMS + 10 {
            problems.warning(&format!("/{index}"), "w");
        }
        problems.error("/late", "e");
        assert!(problems.has_errors());
        let all = problems.into_vec();
        assert_eq!(all.len(), DOCUMENT_PROBLEMS + 1);
        assert_eq!(all[DOCUMENT_PROBLEMS].problem, "11 more problems are not listed");
    }
}
