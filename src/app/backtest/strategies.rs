//! Loads the strategies named on the command line: document files, stored strategies or built-in ones.

use crate::app::{Failure, Global, misspelt, terminal};
use crate::domain::visible::Visible;
use crate::limits::DOCUMENT_BYTES;
use crate::regular_file;
use crate::report::text::counted;
use crate::service::Records;
use crate::service::strategies::{Loaded, built_in, compile};
use crate::store::Store;
use std::path::{Component, Path};

/// Loads every named strategy: a file of that name, else a stored strategy, else a built-in one. Uses `store`
/// when the command has one; otherwise asks the state directory for names that are not files. No two get the
/// same id.
///
/// # Errors
/// An unknown name, one that is given twice, or a document with errors (lists all of them).
pub fn load(names: &[String], global: &Global, store: Option<&Store>) -> Result<Vec<Loaded>, Failure> {
    let asked = if store.is_some() { None } else { stored(names, global)? };
    let store = store.or(asked.as_ref());
    ids(names)?.iter().zip(names).map(|(id, name)| load_one(id, name, store)).collect()
}

/// The id of each named strategy: of a file its stem, with as many of its folders as tell it from the others.
fn ids(names: &[String]) -> Result<Vec<String>, Failure> {
    let parts: Vec<Vec<String>> = names.iter().map(|name| parts(name)).collect();
    let mut used = vec![1; names.len()];
    loop {
        let id = |parts: &Vec<String>, used: usize| parts[parts.len() - used..].join("/");
        let ids: Vec<String> = parts.iter().zip(&used).map(|(parts, used)| id(parts, *used)).collect();
        let is_shared = |index: usize| ids.iter().filter(|other| **other == ids[index]).count() > 1;
        let Some(first) = (0..ids.len()).find(|index| is_shared(*index)) else { return Ok(ids) };
        let longer = (0..ids.len()).filter(|index| is_shared(*index) && used[*index] < parts[*index].len());
        let longer: Vec<usize> = longer.collect();
        if longer.is_empty() {
            return Err(Failure::input(format!("strategy {} is named twice", names[first])));
        }
        longer.into_iter().for_each(|index| used[index] += 1);
    }
}

/// The folders of a file and its stem; the name itself where it is no file.
fn parts(name: &str) -> Vec<String> {
    let path = Path::new(name);
    if !path.is_file() {
        return vec![name.to_owned()];
    }
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let normal = path.with_extension("");
    let folders = normal.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
        _ => None,
    });
    folders.collect()
}

/// The stored strategies, if a name may be one of them. Built-in strategies do not need them: where they
/// cannot be read, the built-in ones run as they come with the program.
fn stored(names: &[String], global: &Global) -> Result<Option<Store>, Failure> {
    let mut others = names.iter().filter(|name| !Path::new(name).is_file()).peekable();
    if others.peek().is_none() {
        return Ok(None);
    }
    match global.read_if_any(&[Records::Strategies]) {
        Err(failure) if others.all(|name| built_in(name).is_some()) => {
            terminal::notice(&format!(
                "warning: built-in strategies run as they come with the program: {failure}"
            ));
            Ok(None)
        }
        found => found,
    }
}

/// Version of this program, and so of its built-in strategies.
pub const RELEASE: &str = env!("CARGO_PKG_VERSION");

fn load_one(id: &str, name: &str, store: Option<&Store>) -> Result<Loaded, Failure> {
    let path = Path::new(name);
    if path.is_file() {
        return from_file(id, path);
    }
    if let Some(store) = store
        && let Some(loaded) = from_store(name, store)?
    {
        return Ok(loaded);
    }
    match built_in(name) {
        Some(text) => {
            let mut loaded = compiled(name, None, text.as_bytes(), name)?;
            loaded.label.release = Some(RELEASE);
            Ok(loaded)
        }
        None if misspelt::is_like_a_path(name) => Err(Failure::input(misspelt::file(path))),
        None => {
            let stored = store.map(Store::strategies).transpose()?.unwrap_or_default();
            let known = misspelt::strategies(name, stored.iter().map(|stored| stored.id.as_str()));
            Err(Failure::input(format!(
                "there is no strategy {name:?}, neither as a file nor stored nor built in; {known}"
            )))
        }
    }
}

fn from_file(id: &str, path: &Path) -> Result<Loaded, Failure> {
    let shown = path.visible();
    let bytes = regular_file::read(path, DOCUMENT_BYTES as u64)
        .map_err(|error| Failure::input(format!("{shown} cannot be read: {error}")))?;
    if bytes.len() > DOCUMENT_BYTES {
        return Err(Failure::input(format!(
            "{shown} is longer than {DOCUMENT_BYTES} bytes; this is not a strategy document"
        )));
    }
    compiled(id, None, &bytes, &shown.to_string())
}

fn from_store(name: &str, store: &Store) -> Result<Option<Loaded>, Failure> {
    match store.strategies()?.into_iter().find(|stored| stored.id == name && stored.deleted_us.is_none()) {
        Some(stored) => {
            compiled(&stored.id, Some(stored.version), stored.document.as_bytes(), name).map(Some)
        }
        None => Ok(None),
    }
}

fn compiled(id: &str, version: Option<u32>, bytes: &[u8], shown: &str) -> Result<Loaded, Failure> {
    let loaded = compile(id, version, bytes).map_err(|problems| {
        let list: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
        let problems = counted(list.len() as u64, "problem", "problems");
        Failure::input(format!("strategy {shown} has {problems}:\n{}", list.join("\n")))
    })?;
    for warning in &loaded.warnings {
        terminal::notice(&format!("strategy {shown}: {warning}"));
    }
    Ok(loaded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_strategies_have_the_same_id() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "{}").unwrap();
            path.to_str().unwrap().to_owned()
        };
        let of = |names: &[&String]| {
            let names: Vec<String> = names.iter().map(|name| (*name).clone()).collect();
            ids(&names).map_err(|failure| failure.to_string())
        };
        let [a, b, other] = ["x/a/pump.json", "x/b/pump.json", "x/b/other.json"].map(file);
        let (far, built_in) = (file("y/a/pump.json"), "pump".to_owned());
        assert_eq!(of(&[&a, &other]).unwrap(), ["pump", "other"]);
        assert_eq!(of(&[&a, &b, &other]).unwrap(), ["a/pump", "b/pump", "other"]);
        assert_eq!(of(&[&a, &b, &far]).unwrap(), ["x/a/pump", "b/pump", "y/a/pump"]);
        assert_eq!(of(&[&built_in, &b]).unwrap(), ["pump", "b/pump"]);
        assert!(of(&[&a, &b, &a]).unwrap_err().contains("is named twice"));
        assert!(of(&[&built_in, &built_in]).unwrap_err().contains("is named twice"));
    }

    #[test]
    fn a_strategy_file_is_a_regular_file_of_bounded_size() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        std::fs::File::create(at("large")).unwrap().set_len(DOCUMENT_BYTES as u64 + 1).unwrap();
        for (name, words) in [("pipe", "it is a pipe"), ("large", "is longer than")] {
            let refused = from_file("x", &at(name)).err().unwrap().to_string();
            assert!(refused.contains(words) && refused.contains(name), "{refused}");
        }
    }
}
