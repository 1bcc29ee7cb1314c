//! Messages for the name of a strategy, or of a strategy file, that does not exist.

use crate::document::strategy::builtin;
use crate::domain::visible::Visible;
use crate::service::known_names;
use std::collections::BTreeSet;
use std::path::Path;

/// Files of a folder that are looked through for a similar name.
const FILES_READ: usize = 1_000;

/// The strategies there are, built in and stored.
pub fn strategies<'a>(wrong: &str, stored: impl Iterator<Item = &'a str>) -> String {
    let built_in = builtin().into_iter().map(|(id, _)| id);
    let ids: BTreeSet<&str> = built_in.chain(stored).collect();
    format!("{}; `tradingd strategies list` lists all with their names", known_names(wrong, ids))
}

/// Whether a name was meant as a path.
pub fn is_like_a_path(name: &str) -> bool {
    name.contains('/') || name.ends_with(".json")
}

/// The documents in the folder of a file that is not there.
pub fn file(path: &Path) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else {
        return format!("there is no strategy file {}: check its folder", path.visible());
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let names = entries.take(FILES_READ).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let documents: BTreeSet<String> = names.filter(|name| name.ends_with(".json")).collect();
    let known = known_names(&name, documents.iter().map(String::as_str));
    format!("there is no strategy file {}; {} in its folder", path.visible(), known.visible())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_file_is_compared_with_the_documents_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["quick_breakout.json", "other.json", "notes.txt"] {
            std::fs::write(folder.path().join(name), "{}").unwrap();
        }
        let told = file(&folder.path().join("quick_breakot.json"));
        let hint =
            "did you mean \"quick_breakout.json\"? There are other.json, quick_breakout.json in its folder";
        assert!(told.ends_with(hint), "{told}");
        assert!(file(&folder.path().join("none/x.json")).ends_with("check its folder"));
        assert!(is_like_a_path("a/b") && is_like_a_path("a.json") && !is_like_a_path("pump_v2"));
    }
}
