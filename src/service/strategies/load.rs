//! Compiles a stored or built-in strategy into one ready to run.

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
    /// The definition run by the engine.
    pub def: Arc<StrategyDef>,
    /// Description of the strategy in results.
    pub label: StrategyRef,
    /// Whether its document is enabled.
    pub enabled: bool,
    /// Warnings about the document.
    pub warnings: Vec<Problem>,
}

/// Compiles a document. `version` is that of the store, `None` for a document from elsewhere.
///
/// # Errors
/// Everything that is wrong with the document.
pub fn compile(id: &str, version: Option<u32>, document: &[u8]) -> Result<Loaded, Vec<Problem>> {
    let (document, warnings): (Document, Vec<Problem>) = strategy::parse(document)?;
    let def = Arc::new(document.compile(id, version.unwrap_or(1)));
    let label = StrategyRef {
        id: id.to_owned(),
        version,
        release: None,
        name: document.name().to_owned(),
        document: Some(document.to_json()),
        look_back: strategy::look_back(&def),
    };
    Ok(Loaded { def, label, enabled: document.enabled(), warnings })
}

/// The stored strategy with this id, else with exactly this name.
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

/// The document of a built-in strategy, by id.
pub fn built_in(id: &str) -> Option<&'static str> {
    strategy::builtin().into_iter().find(|(known, _)| *known == id).map(|(_, text)| text)
}
