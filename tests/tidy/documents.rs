//! Checks of the documents: links and paths in them exist, and `ARCHITECTURE.md` names every layer and
//! decision.

use std::path::{Path, PathBuf};

/// Prefixes that mark a quoted text as a path from the root.
const FOLDERS: [&str; 7] = ["src/", "tests/", "docs/", "config/", "schema/", "benches/", ".ci/"];

/// Markdown files in the root and in the folders of documents.
pub fn all(root: &Path) -> Vec<PathBuf> {
    let folders =
        ["", "docs", "docs/adr", "docs/spec", "schema", "tests/data"].map(|folder| root.join(folder));
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let mut found: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    found.sort();
    found
}

/// Links and paths of a document that do not exist.
pub fn dead_ends(root: &Path, document: &Path, text: &str) -> Vec<String> {
    let name = document.strip_prefix(root).unwrap_or(document).display();
    let folder = document.parent().unwrap_or(root);
    let mut problems = Vec::new();
    for (line, text) in text.lines().enumerate().map(|(index, text)| (index + 1, text)) {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !folder.join(target).exists() {
                problems.push(format!("{name}:{line}: the link {link} leads nowhere; correct or remove it"));
            }
        }
        for path in text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|quoted| FOLDERS.iter().any(|folder| quoted.starts_with(folder)))
        {
            let plain = !path.contains(|c: char| c.is_whitespace() || "*<{…:".contains(c));
            if plain && !root.join(path).exists() {
                problems.push(format!("{name}:{line}: there is no `{path}`; correct or remove it"));
            }
        }
    }
    problems
}

/// Layers and decisions that `ARCHITECTURE.md` does not name.
pub fn untold(root: &Path, architecture: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut must_name = |folder: &str, advice: &str| {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else { return };
        for entry in entries {
            let name = entry.expect("a readable folder").file_name();
            let path = format!("{folder}/{}", name.to_string_lossy());
            if !architecture.contains(&path) {
                problems.push(format!("ARCHITECTURE.md:1: `{path}` is not named; {advice}"));
            }
        }
    };
    must_name("src", "say what it does and must never do");
    must_name("docs/adr", "link the decision");
    problems
}

/// The layers of `src/` in the table of `ARCHITECTURE.md`, lowest first, each with the paths it may name. The
/// first column is the part's path, the third what it may name: names, `nothing`, or `all above`,
/// `all above but NAMES`.
pub fn layers(architecture: &str) -> Vec<(String, Vec<String>)> {
    let mut layers: Vec<(String, Vec<String>)> = Vec::new();
    for row in architecture.lines().filter(|line| line.starts_with("| `src/")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, part, _, may_name, ..] = cells[..] else { continue };
        let name = part.trim_matches('`').trim_start_matches("src/").trim_end_matches(".rs").to_owned();
        let names = |list: &str| list.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
        let allowed = match may_name.strip_prefix("all above") {
            Some(but) => {
                let but = names(but.trim_start_matches(" but"));
                layers.iter().map(|(name, _)| name.clone()).filter(|name| !but.contains(name)).collect()
            }
            None if may_name == "nothing" => Vec::new(),
            None => names(may_name),
        };
        layers.push((name, allowed));
    }
    layers
}
