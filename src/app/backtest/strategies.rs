//! Loads the strategies named on the command line: document files, stored strategies or built-in ones.

use crate::app::{Failure, Global};
use crate::document::strategy;
use crate::limits::DOCUMENT_BYTES;
use crate::service::Records;
use crate::service::strategies::{Loaded, built_in, compile};
use crate::store::Store;
use std::path::Path;

/// Loads every named strategy: a file of that name, else a stored strategy, else a built-in one. Uses `store`
/// when the command has one; otherwise asks the state directory for names that are not files.
///
/// # Errors
/// An unknown name, or a document with errors (lists all of them).
pub fn load(names: &[String], global: &Global, store: Option<&Store>) -> Result<Vec<Loaded>, Failure> {
    let asked = if store.is_some() { None } else { stored(names, global)? };
    let store = store.or(asked.as_ref());
    names.iter().map(|name| load_one(name, store)).collect()
}

/// The stored strategies, if a name may be one of them. Built-in strategies do not need them: where they cannot
/// be read, the built-in ones run as they come with the program.
fn stored(names: &[String], global: &Global) -> Result<Option<Store>, Failure> {
    let mut others = names.iter().filter(|name| !Path::new(name).is_file()).peekable();
    if others.peek().is_none() {
        return Ok(None);
    }
    match global.read_if_any(&[Records::Strategies]) {
        Err(failure) if others.all(|name| built_in(name).is_some()) => {
            eprintln!("warning: built-in strategies run as they come with the program: {failure}");
            Ok(None)
        }
        found => found,
    }
}

/// Version of this program, and so of its built-in strategies.
pub const RELEASE: &str = env!("CARGO_PKG_VERSION");

fn load_one(name: &str, store: Option<&Store>) -> Result<Loaded, Failure> {
    let path = Path::new(name);
    if path.is_file() {
        return from_file(path);
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
        None => {
            let known: Vec<&str> = strategy::builtin().iter().map(|(id, _)| *id).collect();
            let known = known.join(", ");
            Err(Failure::input(format!(
                "there is no strategy {name:?}: it is not a file, not stored, and the built-in ones are {known}"
            )))
        }
    }
}

fn from_file(path: &Path) -> Result<Loaded, Failure> {
    let shown = path.display();
    let failed = |error: std::io::Error| Failure::input(format!("{shown} cannot be read: {error}"));
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > DOCUMENT_BYTES as u64 {
        return Err(Failure::input(format!(
            "{shown} has {length} bytes; a strategy document has at most {DOCUMENT_BYTES}"
        )));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    let stem =
        path.file_stem().map_or_else(|| "strategy".to_owned(), |stem| stem.to_string_lossy().into_owned());
    compiled(&stem, None, &bytes, &shown.to_string())
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
        Failure::input(format!("strategy {shown} has {} problems:\n{}", list.len(), list.join("\n")))
    })?;
    for warning in &loaded.warnings {
        eprintln!("strategy {shown}: {warning}");
    }
    Ok(loaded)
}
