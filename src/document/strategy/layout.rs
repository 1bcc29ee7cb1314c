//! Formats a document for reading: an object or list that fits on a line stays on one.

use serde_json::Value;

/// Maximum line width in columns.
const WIDTH: usize = 120;

/// JSON text, indented by two spaces, with a final newline.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, 0, &mut out);
    out.push('\n');
    out
}

/// Writes a value after `used` columns of the line.
fn write(value: &Value, depth: usize, used: usize, out: &mut String) {
    // The document itself is always written on several lines.
    if depth > 0 {
        let line = one_line(value);
        if used + line.chars().count() < WIDTH {
            out.push_str(&line);
            return;
        }
    }
    let indent = "  ".repeat(depth + 1);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            out.push('{');
            for (index, (key, value)) in fields.iter().enumerate() {
                let start =
                    format!("{}\n{indent}{}: ", if index > 0 { "," } else { "" }, Value::from(key.as_str()));
                let used = start.trim_start_matches(',').chars().count() - 1;
                out.push_str(&start);
                write(value, depth + 1, used, out);
            }
            out.push_str(&format!("\n{}}}", "  ".repeat(depth)));
        }
        Value::Array(values) if !values.is_empty() => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                out.push_str(&format!("{}\n{indent}", if index > 0 { "," } else { "" }));
                write(value, depth + 1, indent.len(), out);
            }
            out.push_str(&format!("\n{}]", "  ".repeat(depth)));
        }
        other => out.push_str(&other.to_string()),
    }
}

fn one_line(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| format!("{}: {}", Value::from(key.as_str()), one_line(value)));
            format!("{{{}}}", joined(fields.collect()))
        }
        Value::Array(values) => format!("[{}]", joined(values.iter().map(one_line).collect())),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn short_things_stay_on_a_line() {
        let long = "x".repeat(100);
        let value = json!({"a": {"b": 1, "c": [1, 2]}, "d": [{"e": long}, {}], "f": {}, "g\n": 1});
        let expected = format!(
            "{{\n  \"a\": {{\"b\": 1, \"c\": [1, 2]}},\n  \"d\": [\n    {{\"e\": \"{long}\"}},\n    {{}}\n  ],\n  \"f\": {{}},\n  \"g\\n\": 1\n}}\n"
        );
        assert_eq!(text(&value), expected);
        assert_eq!(serde_json::from_str::<Value>(&expected).unwrap(), value);
    }
}
