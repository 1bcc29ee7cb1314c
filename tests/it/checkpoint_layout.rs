//! The bytes of a checkpoint have a number that changes with them, so that no program reads those of another
//! one.

use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tradingd::session::checkpoint::CHECKPOINT_LAYOUT;
use tradingd::session::digest::hex;

/// The number, and a hash over what the sources say of it: everything that is saved, with the definitions of
/// its types.
const KEPT: &str = "schema/checkpoint_layout.txt";

/// Where types are that a checkpoint holds.
const FOLDERS: [&str; 7] = ["checkpoint", "domain", "engine", "sim", "report", "session", "service/sessions"];

fn sources(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
            into.push((path, text));
        }
    }
}

/// Text without comments, attributes and the shape that a formatter gives it.
fn plain(text: &str) -> String {
    let code = text.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.starts_with("#["));
    code.collect::<Vec<_>>().join(" ").replace(",)", ")").replace(", }", " }")
}

/// The parts of a text that begin at the beginning of a line with one of these words, and end with the first
/// line that says so.
fn parts<'a>(text: &'a str, begins: &[&str], is_end: impl Fn(&str) -> bool) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut from = 0;
    for line in text.split_inclusive('\n') {
        if begins.iter().any(|word| line.starts_with(word)) {
            let rest = &text[from..];
            let mut length = 0;
            for line in rest.split_inclusive('\n') {
                length += line.len();
                if is_end(line.trim_end()) {
                    break;
                }
            }
            found.push(&rest[..length]);
        }
        from += line.len();
    }
    found
}

/// The name of the type that is saved or defined.
fn name(part: &str) -> String {
    let words = part.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let words = words.skip_while(|word| {
        let lower = word.chars().next().is_some_and(char::is_lowercase);
        lower
            || word.len() == 1
            || *word == "Terms"
            || *word == "BarFormula"
            || *word == "Gateway"
            || *word == "Saved"
            || *word == "Plain"
    });
    words.into_iter().next().unwrap_or_default().to_owned()
}

#[test]
fn the_layout_of_a_checkpoint_has_a_number_of_its_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    FOLDERS.iter().for_each(|folder| sources(&root.join(folder), &mut files));
    files.sort();
    let ends_macro = |line: &str| line.ends_with(");");
    let ends_block =
        |line: &str| line == "}" || line.ends_with(';') && !line.starts_with(' ') || line.ends_with(" {}");
    let mut said: BTreeSet<String> = BTreeSet::new();
    for (path, text) in &files {
        let mut saved = parts(text, &["saved!(", "plain!("], ends_macro);
        saved.extend(parts(text, &["impl Saved for", "impl Plain for"], |line| line == "}"));
        let of_domain = path.ends_with("checkpoint/domain.rs");
        let names: BTreeSet<String> = saved.iter().map(|part| name(part)).collect();
        said.extend(saved.iter().map(|part| plain(part)));
        let starts = [
            "pub struct",
            "pub enum",
            "pub(crate) struct",
            "pub(super) struct",
            "pub(super) enum",
            "struct",
            "enum",
        ];
        for (other, text) in &files {
            let is_there = other == path || of_domain && other.starts_with(root.join("domain"));
            let definitions = if is_there { parts(text, &starts, ends_block) } else { Vec::new() };
            said.extend(definitions.into_iter().filter(|part| names.contains(&name(part))).map(plain));
        }
    }
    assert!(said.len() > 200, "{} texts", said.len());
    let all: Vec<String> = said.into_iter().collect();
    let now = format!("layout {CHECKPOINT_LAYOUT}\n{}\n", &hex(Sha256::digest(all.join("\n")))[..16]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(KEPT);
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let is_raised = kept.lines().next() != now.lines().next();
    if is_raised && std::env::var_os("BLESS").is_some() {
        fs::write(&path, &now).unwrap();
        return;
    }
    assert_eq!(
        kept, now,
        "what a checkpoint holds has changed: raise CHECKPOINT_LAYOUT in src/session/checkpoint.rs, then run this with BLESS=1"
    );
}
