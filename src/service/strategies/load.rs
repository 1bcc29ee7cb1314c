//! From an id to a strategy ready to run: stored, or built in.

use super::super::Refusal;
use crate::document::strategy::{self, Document, Problem};
use crate::domain::strategy::StrategyDef;
use crate::report::run::StrategyRef;
use crate::store::Store;
use crate::store::records::StrategyV1;
use std::sync::Arc;

/// A strategy ready to run.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What the engine runs.
    pub def: Arc<StrategyDef>,
    /// What a result says of it.
    pub label: StrategyRef,
    /// Whether its document lets it run.
    pub enabled: bool,
    /// What the reader of its document should know.
    pub warnings: Vec<Problem>,
}

/// The strategy of a document under an id. `version` is that of the store, when it comes from there.
///
/// # Errors
/// Everything that is wrong with the document.
pub fn compile(id: &str, version: Option<u32>, document: &[u8]) -> Result<Loaded, Vec<Problem>> {
    let (document, warnings): (Document, Vec<Problem>) = strategy::parse(document)?;
    let def = Arc::new(document.compile(id, version.unwrap_or(1)));
    let label = StrategyRef {
        id: id.to_owned(),
        version,
        name: document.name().to_owned(),
        document: Some(document.to_json()),
        look_back: strategy::look_back(&def),
    };
    Ok(Loaded { def, label, enabled: document.enabled(), warnings })
}

/// The stored strategy of an id, else of an exact name.
///
/// # Errors
/// What the store reports.
pub fn stored(store: &Store, id_or_name: &str) -> Result<Option<StrategyV1>, Refusal> {
    match store.strategy(id_or_name) {
        Ok(found) => return Ok(Some(found)),
        Err(crate::store::StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(store.strategies()?.into_iter().find(|stored| stored.name == id_or_name))
}

/// The document of a built-in strategy.
pub fn built_in(id: &str) -> Option<&'static str> {
    strategy::builtin().into_iter().find(|(known, _)| *known == id).map(|(_, text)| text)
}
