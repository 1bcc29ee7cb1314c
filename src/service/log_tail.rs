//! The last lines of the log, in memory, for administrators. They are what standard error gets: no line has a
//! password, a key or a token, because those types cannot be printed.

use crate::limits::{LOG_LINE_BYTES, LOG_LINES};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lines, each JSON as `log.format: json` writes it.
#[derive(Default, Debug)]
pub struct LogTail(Mutex<Lines>);

#[derive(Default, Debug)]
struct Lines {
    kept: VecDeque<String>,
    /// Lines so far.
    count: u64,
}

impl LogTail {
    /// Adds a line; drops the oldest when [`LOG_LINES`] are kept.
    pub fn push(&self, line: &str) {
        let line = line.trim_end();
        let kept = match line.len() {
            0..=LOG_LINE_BYTES => line.to_owned(),
            _ => cut(line),
        };
        let mut lines = self.lines();
        if lines.kept.len() >= LOG_LINES {
            lines.kept.pop_front();
        }
        lines.kept.push_back(kept);
        lines.count += 1;
    }

    /// `{"lines": [{"seq", "timestamp", "level", "message", "target", …}], "last_seq", "dropped"}`, oldest
    /// first: the last `limit` lines after number `after` that are at least as important as `level`.
    /// `dropped` counts the lines after `after` that are no longer kept.
    pub fn read(&self, after: u64, limit: usize, level: Option<&str>) -> Value {
        let least = level.map_or(usize::MAX, rank);
        let lines = self.lines();
        let first = lines.count - lines.kept.len() as u64;
        let numbered =
            lines.kept.iter().enumerate().rev().map(|(index, line)| (line, first + 1 + index as u64));
        let shown = numbered.take_while(|(_, seq)| *seq > after).map(|(line, seq)| shown(line, seq));
        let wanted = shown.filter(|line| rank(line["level"].as_str().unwrap_or_default()) <= least);
        let mut wanted: Vec<Value> = wanted.take(limit).collect();
        wanted.reverse();
        json!({"lines": wanted, "last_seq": lines.count, "dropped": first.saturating_sub(after)})
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // A line is pushed as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Importance of a level, most important first.
fn rank(level: &str) -> usize {
    let levels = ["error", "warn", "info", "debug"];
    levels.iter().position(|known| known.eq_ignore_ascii_case(level)).unwrap_or(levels.len())
}

/// The start of a line that is too long, as a line of its own.
fn cut(line: &str) -> String {
    let whole: Value = serde_json::from_str(line).unwrap_or_default();
    let message = whole["message"].as_str().unwrap_or(line);
    let end = (0..=LOG_LINE_BYTES / 2).rev().find(|end| message.is_char_boundary(*end)).unwrap_or(0);
    json!({
        "timestamp": whole["timestamp"], "level": whole["level"], "target": whole["target"],
        "message": format!("{}…", message.get(..end).unwrap_or(message)), "cut": true,
    })
    .to_string()
}

fn shown(line: &str, seq: u64) -> Value {
    let mut value: Value = serde_json::from_str(line).unwrap_or_else(|_| json!({ "message": line }));
    if !value.is_object() {
        value = json!({ "message": line });
    }
    value["seq"] = seq.into();
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: &str, message: &str) -> String {
        json!({"timestamp": "2026-11-29T11:00:00Z", "level": level, "message": message}).to_string()
    }

    #[test]
    fn the_newest_lines_are_kept_and_what_is_lost_is_counted() {
        let tail = LogTail::default();
        for number in 0..LOG_LINES + 10 {
            tail.push(&line(if number % 2 == 0 { "INFO" } else { "WARN" }, &number.to_string()));
        }
        let read = tail.read(0, 3, None);
        let messages: Vec<&str> =
            read["lines"].as_array().unwrap().iter().filter_map(|line| line["message"].as_str()).collect();
        assert_eq!(messages, ["2007", "2008", "2009"]);
        assert_eq!((&read["last_seq"], &read["dropped"]), (&json!(2010), &json!(10)));
        assert_eq!(tail.read(2009, 100, None)["lines"].as_array().unwrap().len(), 1);
        let warnings = tail.read(0, 2, Some("warn"));
        assert_eq!(warnings["lines"][0]["message"], "2007");
        assert_eq!(warnings["lines"][1]["seq"], 2010);
    }

    #[test]
    fn a_long_line_is_cut_and_one_that_is_no_json_is_a_message() {
        let tail = LogTail::default();
        tail.push(&line("ERROR", &"ä".repeat(LOG_LINE_BYTES)));
        tail.push("not json\n");
        let read = tail.read(0, 10, None);
        let long = &read["lines"][0];
        assert_eq!((&long["level"], &long["cut"]), (&json!("ERROR"), &json!(true)));
        assert!(long["message"].as_str().unwrap().len() < LOG_LINE_BYTES);
        assert_eq!(read["lines"][1]["message"], "not json");
    }
}
