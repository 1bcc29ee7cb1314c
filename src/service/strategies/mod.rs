//! Strategies in the shapes of the API: listed with statistics, edited as versions of a document.
//!
//! Invariant: only documents that validate are stored, and statistics come only from stored results.

mod edit_locks;
mod listed;
mod load;
#[cfg(test)]
mod tests;
mod view;

pub use load::{Loaded, built_in, compile, stored};
pub use view::{
    DocumentProblem, StrategyDetail, StrategyFilter, StrategyList, StrategySummary, StrategyVersion,
    Validation,
};

use super::references::{References, Resource};
use super::{Refusal, RefusalKind, problems_text};
use crate::document::strategy::{self, Document, Problem};
use crate::domain::time::Timestamp;
use crate::limits::STRATEGY_ID_BYTES;
use crate::store::records::{StrategyStatisticsV1, StrategyV1};
use crate::store::{Store, StoreError};
use edit_locks::EditLocks;
use listed::Listed;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The strategies of a store.
pub struct Strategies {
    store: Arc<Store>,
    references: Arc<References>,
    /// Keep names unique and versions consecutive.
    locks: EditLocks,
    listed: Listed,
}

/// Ids of the built-in strategies by what happened to them when the store was opened.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Seeded {
    /// Not in the store before.
    pub added: Vec<String>,
    /// Changed in this version of the program: added as a new version.
    pub updated: Vec<String>,
    /// Likewise changed, but edited or deleted by a user: left as they are.
    pub left: Vec<String>,
}

/// Adds missing built-in strategies to a store, and a new version of those that this version of the program
/// has changed, unless a user edited or deleted them.
///
/// # Errors
/// What the store reports.
pub fn seed_builtin(store: &Store, now: Timestamp) -> Result<Seeded, StoreError> {
    let texts: Vec<(String, String)> =
        strategy::builtin().into_iter().map(|(id, text)| (id.to_owned(), text.to_owned())).collect();
    seed(store, &texts, now)
}

fn seed(store: &Store, texts: &[(String, String)], now: Timestamp) -> Result<Seeded, StoreError> {
    let (mut seeded, mut new) = (Seeded::default(), Vec::new());
    for (id, text) in texts {
        let (document, _) = strategy::parse(text.as_bytes()).map_err(|problems| {
            StoreError::Refused(format!("the built-in strategy {id} has {} problems", problems.len()))
        })?;
        let text = document.to_json();
        let ours = store.builtin_strategy(id)?;
        let to = match &ours {
            None => &mut seeded.added,
            Some(ours) if ours.document == text => continue,
            Some(ours) => {
                let is_untouched =
                    |newest: StrategyV1| newest.version == ours.version && newest.deleted_us.is_none();
                if store.newest_strategy(id)?.is_some_and(is_untouched) {
                    &mut seeded.updated
                } else {
                    &mut seeded.left
                }
            }
        };
        to.push(id.clone());
        if !seeded.left.contains(id) {
            new.push([id.clone(), document.name().to_owned(), text]);
        }
    }
    // One commit for all of them, because it dominates the first start.
    if !new.is_empty() {
        store.put_builtin_strategies(new, now)?;
    }
    Ok(seeded)
}

impl Strategies {
    /// Uses this store. A strategy that a session uses cannot be deleted.
    pub fn new(store: Arc<Store>, references: Arc<References>) -> Self {
        Strategies { store, references, locks: EditLocks::default(), listed: Listed::default() }
    }

    /// Invalidates the cached list.
    pub fn refresh(&self) {
        self.listed.forget();
    }

    /// All strategies; read from the store only if something changed since the last call.
    ///
    /// # Errors
    /// What the store reports.
    pub fn list(&self) -> Result<Arc<StrategyList>, Refusal> {
        // Revision first: a change during the read makes the next call read again.
        let revision = self.listed.revision();
        if let Some(known) = self.listed.known() {
            return Ok(known);
        }
        let statistics = self.statistics()?;
        let strategies = self.store.strategies()?;
        let summary = |kept: &StrategyV1| Arc::new(view::summary(kept, statistics.get(&kept.id)));
        Ok(self.listed.read(revision, strategies.iter().map(summary).collect()))
    }

    /// The cached list, if it is current. Does not read the store.
    pub fn listed(&self) -> Option<Arc<StrategyList>> {
        self.listed.known()
    }

    /// The strategy with this id, else with exactly this name.
    ///
    /// # Errors
    /// `strategy_not_found`.
    pub fn get(&self, id_or_name: &str) -> Result<StrategyDetail, Refusal> {
        let kept = self.find(id_or_name)?;
        self.detail(&kept)
    }

    /// Stores a document as a new strategy; its id is the slug of its name.
    ///
    /// # Errors
    /// `invalid_strategy` with every problem, `strategy_exists` when another has the name.
    pub fn create(&self, body: &[u8], now: Timestamp) -> Result<StrategyDetail, Refusal> {
        let (document, warnings) = parsed(body)?;
        let _nobody_else = self.locks.all();
        self.refuse_name(&document, None)?;
        let id = self.free_id(document.name())?;
        self.keep(&id, document.to_json(), now.micros(), &document, &warnings, now)
    }

    /// As [`Strategies::create`], with this id; a deleted strategy of that id continues with its next
    /// version.
    ///
    /// # Errors
    /// As [`Strategies::create`]; also `strategy_exists` for the id, and `invalid_request` for one of other
    /// characters than a-z, 0-9, `_` and `-`.
    pub fn create_as(&self, id: &str, body: &[u8], now: Timestamp) -> Result<StrategyDetail, Refusal> {
        if !is_id(id) {
            let problem = format!("must be 1 to {STRATEGY_ID_BYTES} of a-z, 0-9, _ and -");
            let problems = vec![("/query/id".to_owned(), problem)];
            return Err(Refusal::invalid("invalid_request", problems_text(&problems), problems));
        }
        let (document, warnings) = parsed(body)?;
        let _nobody_else = self.locks.all();
        self.refuse_name(&document, None)?;
        if self.store.newest_strategy(id)?.is_some_and(|newest| newest.deleted_us.is_none()) {
            let message = format!(
                "there is a strategy {id}; store the document as its next version with PUT /api/strategies/{id}, or choose another id"
            );
            return Err(Refusal::conflict("strategy_exists", message).with(json!({ "id": id })));
        }
        self.keep(id, document.to_json(), now.micros(), &document, &warnings, now)
    }

    /// Stores a document as the next version. With `if_version`, only if that is still the newest.
    ///
    /// # Errors
    /// `strategy_not_found`, `invalid_strategy`, `strategy_exists` (name), `version_conflict` (stale).
    pub fn update(
        &self,
        id: &str,
        body: &[u8],
        if_version: Option<u32>,
        now: Timestamp,
    ) -> Result<StrategyDetail, Refusal> {
        let (document, warnings) = parsed(body)?;
        let id = self.find(id)?.id;
        let _lock = self.locks.of(&[&id, document.name()]);
        let kept = self.find(&id)?;
        refuse_stale(&kept, if_version)?;
        self.refuse_name(&document, Some(&id))?;
        let text = document.to_json();
        // An unchanged document makes no new version.
        if kept.document == text {
            return self.detail(&kept);
        }
        self.keep(&id, text, kept.created_us, &document, &warnings, now)
    }

    /// Marks a strategy as deleted; its versions stay.
    ///
    /// # Errors
    /// `strategy_not_found`, `strategy_in_use` with the sessions, `version_conflict` (stale).
    pub fn delete(&self, id: &str, if_version: Option<u32>, now: Timestamp) -> Result<(), Refusal> {
        let _nobody_else = self.locks.all();
        let kept = self.find(id)?;
        refuse_stale(&kept, if_version)?;
        let deleted = self
            .references
            .unless_used(&Resource::Strategy(kept.id.clone()), || self.store.delete_strategy(&kept.id, now));
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

    /// One version, with its document.
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

    /// Stores the next version and updates the cached list.
    fn keep(
        &self,
        id: &str,
        text: String,
        created_us: i64,
        document: &Document,
        warnings: &[Problem],
        now: Timestamp,
    ) -> Result<StrategyDetail, Refusal> {
        let name = document.name().to_owned();
        let version = self.store.put_strategy(id, &name, &text, now)?;
        let forgotten = self.listed.forgotten();
        let kept = StrategyV1 {
            id: id.to_owned(),
            version,
            name,
            document: text,
            created_us,
            updated_us: now.micros(),
            deleted_us: None,
        };
        let detail = view::detail_of(&kept, Some(document), warnings, self.statistics()?.get(id));
        self.listed.follow(detail.summary.clone(), forgotten);
        Ok(detail)
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
        let name = document.name();
        let taken = |known: &StrategySummary| {
            (known.strategy_name == name || known.id == name) && own != Some(known.id.as_str())
        };
        match self.list()?.strategies.iter().find(|known| taken(known)) {
            None => Ok(()),
            Some(other) => Err(name_taken(&other.id, &other.strategy_name)),
        }
    }

    /// The slug of the name, with a number appended when another strategy has or had it.
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
        Err(Refusal::new(
            RefusalKind::Internal,
            "internal_error",
            "no id is free for this name; choose another",
        ))
    }
}

/// Validates a document without storing it.
pub fn validate(body: &[u8]) -> Validation {
    match strategy::parse(body) {
        Ok((_, warnings)) => Validation {
            is_valid: true,
            errors: Vec::new(),
            warnings: warnings.iter().map(view::problem).collect(),
        },
        Err(problems) => {
            let (errors, warnings) = problems
                .iter()
                .partition::<Vec<&Problem>, _>(|problem| problem.severity == strategy::Severity::Error);
            let all = |problems: Vec<&Problem>| problems.into_iter().map(view::problem).collect();
            Validation { is_valid: false, errors: all(errors), warnings: all(warnings) }
        }
    }
}

/// Validates a document, as [`Strategies::create`] and [`Strategies::update`] do first.
///
/// # Errors
/// `invalid_strategy` with every problem.
pub fn check(body: &[u8]) -> Result<(), Refusal> {
    parsed(body).map(drop)
}

fn parsed(body: &[u8]) -> Result<(Document, Vec<Problem>), Refusal> {
    strategy::parse(body).map_err(|problems| {
        let errors = problems.into_iter().filter(|problem| problem.severity == strategy::Severity::Error);
        let errors: Vec<(String, String)> = errors.map(|problem| (problem.path, problem.problem)).collect();
        Refusal::invalid(
            "invalid_strategy",
            format!("the strategy cannot be used: {}", problems_text(&errors)),
            errors,
        )
    })
}

fn refuse_stale(kept: &StrategyV1, if_version: Option<u32>) -> Result<(), Refusal> {
    match if_version {
        Some(version) if version != kept.version => {
            let message = format!(
                "strategy {} has version {} now, not {version}; read it again",
                kept.id, kept.version
            );
            Err(Refusal::new(RefusalKind::Stale, "version_conflict", message)
                .with(json!({ "version": kept.version })))
        }
        _ => Ok(()),
    }
}

/// The refusal of a document whose name another strategy has; `id` and `name` are those of the other one.
pub fn name_taken(id: &str, name: &str) -> Refusal {
    let message = format!(
        "strategy {id} is named {name:?} already; store the document as the next version of {id} (PUT /api/strategies/{id}, or \
         `tradingd strategies add FILE --id {id}`), or choose another strategy_name"
    );
    Refusal::conflict("strategy_exists", message).with(json!({ "id": id }))
}

fn not_found(id: &str) -> Refusal {
    Refusal::not_found("strategy_not_found", format!("there is no strategy {id:?}"))
}

/// Whether a text can be the id of a strategy.
pub fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    (1..=STRATEGY_ID_BYTES).contains(&id.len()) && id.bytes().all(plain)
}

/// A name as an id of a-z, 0-9 and single underscores.
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
