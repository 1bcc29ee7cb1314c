//! The rules. Each takes the tree and returns its problems as `file:line: what is wrong; what to do`.

use super::source::{Source, Tree};
use std::collections::BTreeSet;

/// Folders and files of `src/` with the paths they may name besides themselves and `limits`.
pub type Layers = [(String, Vec<String>)];

/// The layer of a file in `src/`: its first folder, or its own name.
fn layer(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    Some(inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs"))
}

/// Module path of a file from the root of the crate.
pub fn module_of(path: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib" || last == "main") {
        module.pop();
    }
    module
}

fn sources(tree: &Tree) -> impl Iterator<Item = (&String, &Source)> {
    tree.files.iter().filter(|(path, _)| path.starts_with("src/"))
}

/// Uses of a layer that the table does not allow.
pub fn arrows(tree: &Tree, layers: &Layers) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, source) in sources(tree) {
        let Some(from) = layer(path).filter(|from| *from != "lib") else { continue };
        let Some((_, allowed)) = layers.iter().find(|(name, _)| name == from) else {
            problems
                .push(format!("{path}:1: `{from}` is in no layer; add it to the table in ARCHITECTURE.md"));
            continue;
        };
        let mut written = source.paths_from_root(&module_of(path));
        for mut outside in source.paths_from("tradingd") {
            outside.segments.remove(0);
            written.push(outside);
        }
        for used in written {
            let to = used.segments.first().map_or("", String::as_str);
            let own = to == from || to == "limits" || !layers.iter().any(|(name, _)| name == to);
            let matches = |rule: &str| {
                rule.split("::").eq(used.segments.iter().take(rule.split("::").count()).map(String::as_str))
            };
            if !own && !allowed.iter().any(|rule| matches(rule)) {
                let (used, line) = (used.segments.join("::"), used.line);
                problems.push(format!(
                    "{path}:{line}: `{from}` must not name `{used}` (it may name: {}); move what both need down to a layer below, \
                     or let `app` bring them together",
                    if allowed.is_empty() { "limits".to_owned() } else { allowed.join(", ") }
                ));
            }
        }
    }
    problems
}

/// Forbidden words in pure layers, outside tests.
pub fn pure_words(tree: &Tree, layers: &[&str], words: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, source) in
        sources(tree).filter(|(path, _)| layer(path).is_some_and(|layer| layers.contains(&layer)))
    {
        for token in &source.tokens {
            if words.contains(&token.text.as_str()) && !source.in_test(token.line) {
                let (word, line) = (&token.text, token.line);
                problems.push(format!(
                    "{path}:{line}: `{word}` in a pure layer; take what it gives as a value from the caller"
                ));
            }
        }
        for used in source.paths_from("std").iter().filter(|used| !source.in_test(used.line)) {
            let module = used.segments.get(1).map_or("", String::as_str);
            if ["fs", "net", "thread", "process", "env", "io", "os"].contains(&module) {
                let line = used.line;
                problems.push(format!("{path}:{line}: `std::{module}` in a pure layer; the outside belongs to `files`, `store` or `app`"));
            }
        }
    }
    problems
}

/// Pure layers whose `mod.rs` does not deny the clippy lints against clocks and unordered collections.
pub fn pure_lints(tree: &Tree, layers: &[&str]) -> Vec<String> {
    let lints = ["disallowed_methods", "disallowed_types"];
    let heads = layers.iter().filter_map(|layer| tree.files.get_key_value(&format!("src/{layer}/mod.rs")));
    let weak = heads.filter(|(_, source)| {
        let denies = (0..source.tokens.len()).filter(|at| source.stands(*at, &["#", "!", "[", "deny"]));
        let denied: String = denies
            .flat_map(|at| source.tokens[at..].iter().take(24))
            .map(|token| token.text.as_str())
            .collect();
        !lints.iter().all(|lint| denied.contains(lint))
    });
    weak.map(|(path, _)| {
        format!("{path}:1: add #![deny(clippy::disallowed_methods, clippy::disallowed_types)]")
    })
    .collect()
}

/// Uses of a word outside the path prefix `place`, the only one that may name it.
pub fn only_in(tree: &Tree, word: &str, place: &str, instead: &str) -> Vec<String> {
    let elsewhere = sources(tree).filter(|(path, _)| !path.starts_with(place));
    let uses = elsewhere.flat_map(|(path, source)| {
        source.tokens.iter().filter(|token| token.text == word).map(move |token| (path, token.line))
    });
    uses.map(|(path, line)| format!("{path}:{line}: only {place} names `{word}`; {instead}")).collect()
}

/// Files without a `//!` head.
pub fn module_docs(tree: &Tree) -> Vec<String> {
    let bare = tree.files.iter().filter(|(_, source)| !source.text.starts_with("//!"));
    bare.map(|(path, _)| {
        format!("{path}:1: open the file with `//!`: what it does and what it must never do")
    })
    .collect()
}

/// Unfinished code: marks, debugging macros, code in comments, `unwrap` outside tests.
pub fn leftovers(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    // The tests of these rules contain violations.
    for (path, source) in tree.files.iter().filter(|(path, _)| !path.starts_with("tests/tidy")) {
        for (line, text) in source.text.lines().enumerate().map(|(index, text)| (index + 1, text)) {
            let words = text.split(|c: char| !c.is_alphanumeric());
            if let Some(mark) = words.into_iter().find(|word| ["TODO", "FIXME", "XXX", "HACK"].contains(word))
            {
                problems.push(format!("{path}:{line}: {mark}; finish it or write an issue"));
            }
        }
        for at in 0..source.tokens.len() {
            let line = source.tokens[at].line;
            for word in ["dbg", "todo", "unimplemented"] {
                if source.stands(at, &[word, "!"]) {
                    problems.push(format!("{path}:{line}: {word}! must not stay"));
                }
            }
            if path.starts_with("src/") && source.stands(at, &[".", "unwrap", "("]) && !source.in_test(line) {
                problems.push(format!(
                    "{path}:{line}: unwrap outside tests; return the error, or expect(\"why it cannot fail\")"
                ));
            }
        }
        for comment in source.comments.iter().filter(|comment| is_code(&comment.text)) {
            let line = comment.line;
            problems.push(format!(
                "{path}:{line}: looks like code in a comment; delete it, the history keeps it"
            ));
        }
    }
    problems
}

/// Whether a comment ends like a statement, opens a block or consists of brackets only.
fn is_code(comment: &str) -> bool {
    let only_brackets = !comment.is_empty() && comment.chars().all(|c| "{}()[];,".contains(c));
    let begins = ["let ", "use ", "pub ", "fn ", "impl ", "#["].iter().any(|word| comment.starts_with(word));
    only_brackets
        || comment.ends_with(';')
        || comment.ends_with(" {")
        || (begins && comment.ends_with([')', '}', ']', ',']))
}

/// Follows every `mod` from the roots: reports files that no `mod` names and marks the files of test modules.
pub fn orphans(tree: &mut Tree) -> Vec<String> {
    // Roots that cargo finds itself: library, binary, and targets in benches, tests and examples.
    let is_root = |path: &str| match path.split('/').collect::<Vec<_>>()[..] {
        ["src", file] => file == "lib.rs" || file == "main.rs",
        ["src", ..] => false,
        // A workspace of its own.
        [.., "src", "main.rs"] => true,
        [_, _] => true,
        [_, _, file] => file == "main.rs",
        _ => false,
    };
    let mut open: Vec<(String, bool)> =
        tree.files.keys().filter(|path| is_root(path)).map(|path| (path.clone(), false)).collect();
    let mut reached = BTreeSet::new();
    while let Some((path, is_test)) = open.pop() {
        let Some(source) = tree.files.get_mut(&path) else { continue };
        source.is_test = is_test;
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let named_after_folder = name == "mod.rs" || is_root(&path);
        let base =
            if named_after_folder { folder.to_owned() } else { path.trim_end_matches(".rs").to_owned() };
        for module in source.modules().iter().filter(|module| !module.inline) {
            let inside = module.inside.iter().map(|name| format!("{name}/")).collect::<String>();
            let place = format!("{base}/{inside}{}", module.name);
            for file in [format!("{place}.rs"), format!("{place}/mod.rs")] {
                open.push((file, is_test || module.is_test));
            }
        }
        reached.insert(path);
    }
    let lost = tree.files.keys().filter(|path| !reached.contains(*path));
    lost.map(|path| {
        format!("{path}:1: no `mod` names this file, so it is never compiled; name it or delete it")
    })
    .collect()
}

/// Names without meaning.
pub fn empty_names(tree: &Tree) -> Vec<String> {
    const EMPTY: [&str; 6] = ["manager", "helper", "helpers", "util", "utils", "misc"];
    const DECLARES: [&str; 8] = ["fn", "struct", "enum", "trait", "mod", "const", "static", "type"];
    let advice = "says nothing about what it does; name it after that";
    let mut problems = Vec::new();
    for (path, source) in &tree.files {
        let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".rs");
        if stem == "data" || parts(stem).iter().any(|part| EMPTY.contains(&part.as_str())) {
            problems.push(format!("{path}:1: the name `{stem}` {advice}"));
        }
        for at in (1..source.tokens.len()).filter(|at| DECLARES.contains(&source.word(at - 1))) {
            let name = source.word(at);
            if parts(name).iter().any(|part| EMPTY.contains(&part.as_str())) {
                problems.push(format!("{path}:{}: the name `{name}` {advice}", source.tokens[at].line));
            }
        }
    }
    problems
}

/// The words of a name in lower case: "read", "all" for `read_all` and `ReadAll`.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() {
            parts.push(String::new());
        }
        if c != '_' {
            parts.last_mut().expect("never empty").extend(c.to_lowercase());
        }
    }
    parts
}

/// Comments with lines of more than `columns`, which rustfmt leaves as they are. An address or a row of a
/// table may be wider.
pub fn wide_comments(tree: &Tree, columns: usize) -> Vec<String> {
    let is_wide = |line: &str| {
        let text = line.trim_start();
        let is_fixed = text.contains("://") || text.trim_start_matches(['/', '!', ' ']).starts_with('|');
        text.starts_with("//") && !is_fixed && line.chars().count() > columns
    };
    let wide = tree.files.iter().flat_map(|(path, source)| {
        let lines = source.text.lines().enumerate().filter(|(_, line)| is_wide(line));
        lines.map(move |(index, _)| (path, index + 1))
    });
    wide.map(|(path, line)| {
        format!("{path}:{line}: a comment of more than {columns} columns; break the line")
    })
    .collect()
}

/// Files longer than `bound` outside tests, by path.
pub fn long_files(tree: &Tree, bound: usize) -> Vec<(String, usize)> {
    let lengths = sources(tree)
        .filter(|(_, source)| !source.is_test)
        .map(|(path, source)| (path.clone(), source.text.lines().count()));
    lengths.filter(|(_, lines)| *lines > bound).collect()
}

/// Functions longer than `bound` outside tests, as `path::function`.
pub fn long_functions(tree: &Tree, bound: usize) -> Vec<(String, usize)> {
    let mut long = Vec::new();
    for (path, source) in sources(tree) {
        for (name, line, lines) in source.functions() {
            if lines > bound && !source.in_test(line) {
                long.push((format!("{path}::{name}"), lines));
            }
        }
    }
    long
}

/// Compares too long items with the list of known ones: none may be new or longer, and the list must be
/// exact.
pub fn ratchet(what: &str, bound: usize, found: &[(String, usize)], listed: &[(&str, usize)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, lines) in found {
        match listed.iter().find(|(known, _)| known == name).map(|(_, lines)| *lines) {
            None => problems.push(format!("{name}: {lines} lines, a {what} has at most {bound}; look for its second subject and split it")),
            Some(was) if *lines > was => problems.push(format!("{name}: grew from {was} to {lines} lines; split it instead")),
            Some(was) if *lines < was => {
                problems.push(format!("{name}: shrank from {was} to {lines} lines, well done; write {lines} in tests/tidy.rs"));
            }
            Some(_) => {}
        }
    }
    let gone = listed.iter().filter(|(known, _)| !found.iter().any(|(name, _)| name == known));
    problems.extend(gone.map(|(known, _)| {
        format!("{known}: not too long any more, well done; remove it from tests/tidy.rs")
    }));
    problems
}
