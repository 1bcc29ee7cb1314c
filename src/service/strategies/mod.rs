//! Strategies as users see them: listed with what they were worth, edited as versions of a document.
//!
//! Never: a document that does not validate in the store, or a number that no stored result gave.

mod load;
#[cfg(test)]
mod tests;
mod view;

pub use load::{Loaded, built_in, compile, stored};
pub use view::{DocumentProblem, StrategyDetail, StrategyFilter, StrategyList, StrategySummary, StrategyVersion, Validation};

use super::in_use::{InUse, Thing};
use super::{Kind, Refusal};
use crate::document::strategy::{self, Document, Problem};
use crate::domain::time::Timestamp;
use crate::limits::STRATEGY_ID_BYTES;
use crate::store::records::{StrategyStatisticsV1, StrategyV1};
use crate::store::{Store, StoreError};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The strategies of a store.
pub struct Strategies {
    store: Arc<Store>,
    in_use: Arc<InUse>,
    /// One edit at a time: names stay unique.
    editing: Mutex<()>,
    /// Grows with every change.
    revision: AtomicU64,
    listed: Mutex<Option<Arc<StrategyList>>>,
}

/// Puts the built-in strategies that were never in the store into it, each as version 1; returns their ids.
///
/// # Errors
/// What the store reports.
pub fn seed_builtin(store: &Store, now: Timestamp) -> Result<Vec<&'static str>, StoreError> {
    let mut added = Vec::new();
    for (id, text) in strategy::builtin() {
        match store.strategy_version(id, 1) {
            Ok(_) => continue,
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let (document, _) = strategy::parse(text.as_bytes())
            .map_err(|problems| StoreError::Refused(format!("the built-in strategy {id} has {} problems", problems.len())))?;
        store.put_strategy(id, document.name(), &document.to_json(), now)?;
        added.push(id);
    }
    Ok(added)
}

impl Strategies {
    /// Over a store; deletions respect what sessions use.
    pub fn new(store: Arc<Store>, in_use: Arc<InUse>) -> Self {
        Strategies { store, in_use, editing: Mutex::default(), revision: AtomicU64::new(1), listed: Mutex::default() }
    }

    /// Something about strategies changed: the next list is read anew.
    pub fn refresh(&self) {
        self.revision.fetch_add(1, Ordering::AcqRel);
    }

    /// All strategies, read from the store only when something changed since the last call.
    ///
    /// # Errors
    /// What the store reports.
    pub fn list(&self) -> Result<Arc<StrategyList>, Refusal> {
        // The revision first: a change while the store is read makes the next call read again.
        let revision = self.revision.load(Ordering::Acquire);
        if let Some(kept) = self.listed() {
            return Ok(kept);
        }
        let statistics = self.statistics()?;
        let strategies = self.store.strategies()?;
        let strategies = strategies.iter().map(|kept| view::summary(kept, statistics.get(&kept.id))).collect();
        let list = Arc::new(StrategyList { revision, strategies });
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&list));
        Ok(list)
    }

    /// All strategies as they were read last, when nothing has changed since. Never reads the store.
    pub fn listed(&self) -> Option<Arc<StrategyList>> {
        let revision = self.revision.load(Ordering::Acquire);
        let kept = self.listed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        kept.filter(|kept| kept.revision == revision)
    }

    /// One by its id, else by its exact name.
    ///
    /// # Errors
    /// `strategy_not_found`.
    pub fn get(&self, id_or_name: &str) -> Result<StrategyDetail, Refusal> {
        let kept = self.find(id_or_name)?;
        self.detail(&kept)
    }

    /// Keeps a document as a new strategy; its id is the slug of its name.
    ///
    /// # Errors
    /// `invalid_strategy` with every problem, `strategy_exists` when another has the name.
    pub fn create(&self, body: &[u8], now: Timestamp) -> Result<StrategyDetail, Refusal> {
        let document = parsed(body)?;
        let _one_at_a_time = self.editing.lock().unwrap_or_else(PoisonError::into_inner);
        self.refuse_name(&document, None)?;
        let id = self.free_id(document.name())?;
        self.store.put_strategy(&id, document.name(), &document.to_json(), now)?;
        self.refresh();
        self.get(&id)
    }

    /// Keeps a document as the next version. `if_version`: only when that is still the newest.
    ///
    /// # Errors
    /// `strategy_not_found`, `invalid_strategy`, `strategy_exists` (name), `version_conflict` (stale).
    pub fn update(&self, id: &str, body: &[u8], if_version: Option<u32>, now: Timestamp) -> Result<StrategyDetail, Refusal> {
        let document = parsed(body)?;
        let _one_at_a_time = self.editing.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = self.find(id)?;
        refuse_stale(&kept, if_version)?;
        self.refuse_name(&document, Some(&kept.id))?;
        let text = document.to_json();
        // The same document again is no new version.
        if kept.document != text {
            self.store.put_strategy(&kept.id, document.name(), &text, now)?;
            self.refresh();
        }
        self.get(&kept.id)
    }

    /// Hides a strategy; its versions stay.
    ///
    /// # Errors
    /// `strategy_not_found`, `strategy_in_use` with the sessions, `version_conflict` (stale).
    pub fn delete(&self, id: &str, if_version: Option<u32>, now: Timestamp) -> Result<(), Refusal> {
        let _one_at_a_time = self.editing.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = self.find(id)?;
        refuse_stale(&kept, if_version)?;
        let deleted = self.in_use.unless_used(&Thing::Strategy(kept.id.clone()), || self.store.delete_strategy(&kept.id, now));
        let used = |sessions: Vec<String>| {
            let message = format!("strategy {} runs in {}; stop that first", kept.id, sessions.join(", "));
            Refusal::conflict("strategy_in_use", message).with(json!({ "sessions": sessions }))
        };
        deleted.map_err(used)??;
        self.refresh();
        Ok(())
    }

    /// All versions, newest first.
    ///
    /// # Errors
    /// `strategy_not_found`.
    pub fn versions(&self, id: &str) -> Result<Vec<StrategyVersion>, Refusal> {
        let kept = self.find(id)?;
        let mut versions = Vec::new();
        for number in (1..=kept.version).rev() {
            versions.push(view::version(&self.store.strategy_version(&kept.id, number)?));
        }
        Ok(versions)
    }

    /// One version with its document.
    ///
    /// # Errors
    /// `strategy_not_found`.
    pub fn version(&self, id: &str, version: u32) -> Result<StrategyDetail, Refusal> {
        let kept = self.find(id)?;
        match self.store.strategy_version(&kept.id, version) {
            Ok(found) => self.detail(&found),
            Err(StoreError::NotFound { .. }) => Err(not_found(&format!("{id} version {version}"))),
            Err(error) => Err(error.into()),
        }
    }

    fn find(&self, id_or_name: &str) -> Result<StrategyV1, Refusal> {
        stored(&self.store, id_or_name)?.ok_or_else(|| not_found(id_or_name))
    }

    fn detail(&self, kept: &StrategyV1) -> Result<StrategyDetail, Refusal> {
        Ok(view::detail(kept, self.statistics()?.get(&kept.id)))
    }

    fn statistics(&self) -> Result<BTreeMap<String, StrategyStatisticsV1>, Refusal> {
        Ok(self.store.strategy_statistics()?.into_iter().map(|all| (all.strategy_id.clone(), all)).collect())
    }

    fn refuse_name(&self, document: &Document, own: Option<&str>) -> Result<(), Refusal> {
        let taken = |kept: &StrategyV1| (kept.name == document.name() || kept.id == document.name()) && own != Some(kept.id.as_str());
        match self.store.strategies()?.iter().find(|kept| taken(kept)) {
            None => Ok(()),
            Some(other) => {
                let message = format!("strategy {} is named {:?} already; choose another name", other.id, other.name);
                Err(Refusal::conflict("strategy_exists", message).with(json!({ "id": other.id })))
            }
        }
    }

    /// The slug of a name, with a number behind it when another strategy has or had it.
    fn free_id(&self, name: &str) -> Result<String, Refusal> {
        let slug = slug(name);
        for number in 1_u32.. {
            let id = if number == 1 { slug.clone() } else { format!("{slug}_{number}") };
            match self.store.strategy_version(&id, 1) {
                Ok(_) => {}
                Err(StoreError::NotFound { .. }) => return Ok(id),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::new(Kind::Internal, "internal_error", "no id is free for this name; choose another"))
    }
}

/// Checks a document; nothing is kept.
pub fn validate(body: &[u8]) -> Validation {
    match strategy::parse(body) {
        Ok((_, warnings)) => Validation { is_valid: true, errors: Vec::new(), warnings: warnings.iter().map(view::problem).collect() },
        Err(problems) => {
            let (errors, warnings) = problems.iter().partition::<Vec<&Problem>, _>(|problem| problem.severity == strategy::Severity::Error);
            let all = |problems: Vec<&Problem>| problems.into_iter().map(view::problem).collect();
            Validation { is_valid: false, errors: all(errors), warnings: all(warnings) }
        }
    }
}

/// Judges a document by itself: the first thing [`Strategies::create`] and [`Strategies::update`] do.
///
/// # Errors
/// `invalid_strategy` with every problem.
pub fn judge(body: &[u8]) -> Result<(), Refusal> {
    parsed(body).map(drop)
}

fn parsed(body: &[u8]) -> Result<Document, Refusal> {
    strategy::parse(body).map(|(document, _)| document).map_err(|problems| {
        let errors = problems.into_iter().filter(|problem| problem.severity == strategy::Severity::Error);
        let errors: Vec<(String, String)> = errors.map(|problem| (problem.path, problem.problem)).collect();
        let message = format!("the strategy has {} problems; details.problems lists them all", errors.len());
        Refusal::invalid("invalid_strategy", message, errors)
    })
}

fn refuse_stale(kept: &StrategyV1, if_version: Option<u32>) -> Result<(), Refusal> {
    match if_version {
        Some(version) if version != kept.version => {
            let message = format!("strategy {} has version {} now, not {version}; read it again", kept.id, kept.version);
            Err(Refusal::new(Kind::Stale, "version_conflict", message).with(json!({ "version": kept.version })))
        }
        _ => Ok(()),
    }
}

fn not_found(id: &str) -> Refusal {
    Refusal::not_found("strategy_not_found", format!("there is no strategy {id:?}"))
}

/// A name as an id: a-z, 0-9 and single underscores.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
        if slug.len() == STRATEGY_ID_BYTES {
            break;
        }
    }
    let slug = slug.trim_end_matches('_');
    if slug.is_empty() { "strategy".to_owned() } else { slug.to_owned() }
}
