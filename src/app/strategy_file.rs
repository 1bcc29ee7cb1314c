//! Recognises strategy documents where market data were asked for.

use crate::limits::DOCUMENT_BYTES;
use crate::regular_file;
use serde_json::Value;
use std::path::Path;

/// Whether a file is a strategy document, valid or not.
pub fn is_strategy(path: &Path) -> bool {
    if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        return false;
    }
    let Ok(bytes) = regular_file::read(path, DOCUMENT_BYTES as u64) else { return false };
    let document: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    ["s1_signal", "strategy_name"].iter().any(|field| document.get(field).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_document_with_the_sections_of_a_strategy_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let is = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            is_strategy(&path)
        };
        assert!(is("pump.json", r#"{"strategy_name": "pump"}"#));
        assert!(!is("pump.csv", r#"{"strategy_name": "pump"}"#));
        assert!(!is("rows.json", r#"{"data": []}"#) && !is("lines.json", "{}\n{}\n"));
        assert!(!is_strategy(&folder.path().join("none.json")));
    }
}
