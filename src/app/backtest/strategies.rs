//! Loads the strategies named on the command line: document files, stored strategies or built-in ones.

use crate::app::{Failure, Global};
use crate::document::strategy;
use crate::limits::DOCUMENT_BYTES;
use crate::service::strategies::{Loaded, built_in, compile};
use crate::store::{OpenMode, Store, store_path};
use std::path::Path;

/// Loads every named strategy: a file of that name, else a stored strategy, else a built-in one. Uses `store`
/// when the command has opened one; otherwise opens the existing store for a name that is not a file.
///
/// # Errors
/// An unknown name, or a document with errors (lists all of them).
pub fn load(names: &[String], global: &Global, store: Option<&Store>) -> Result<Vec<Loaded>, Failure> {
    names.iter().map(|name| load_one(name, global, store)).collect()
}

fn load_one(name: &str, global: &Global, store: Option<&Store>) -> Result<Loaded, Failure> {
    let path = Path::new(name);
    if path.is_file() {
        return from_file(path);
    }
    let found = match store {
        Some(store) => from_store(name, store)?,
        None if store_path(&global.state()).exists() => {
            from_store(name, &Store::open(&global.state(), OpenMode::MustExist)?)?
        }
        None => None,
    };
    if let Some(loaded) = found {
        return Ok(loaded);
    }
    match built_in(name) {
        Some(text) => compiled(name, None, text.as_bytes(), name),
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
