//! Differences between two configurations, and which of them need a restart.

use super::{Config, EFFECTS, TakesEffect};
use serde::Serialize;
use serde_json::Value;

/// A changed field.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Change {
    /// A JSON pointer, one of [`EFFECTS`].
    pub path: &'static str,
    /// Old value.
    pub old: Value,
    /// New value.
    pub new: Value,
    /// When the change takes effect.
    pub takes_effect: TakesEffect,
}

/// All changed fields, in the order of [`EFFECTS`].
pub fn diff(old: &Config, new: &Config) -> Vec<Change> {
    let (old, new) = (fields(old), fields(new));
    let changes = EFFECTS.iter().filter_map(|(path, takes_effect)| {
        let (old, new) = (old.pointer(path)?, new.pointer(path)?);
        (old != new).then(|| Change { path, old: old.clone(), new: new.clone(), takes_effect: *takes_effect })
    });
    changes.collect()
}

/// `new`, with the values of `running` for the fields that only a restart can change.
pub fn keep_running(running: &Config, new: &Config) -> Config {
    let (before, mut kept) = (fields(running), fields(new));
    for (path, takes_effect) in EFFECTS {
        if *takes_effect == TakesEffect::Restart
            && let (Some(old), Some(new)) = (before.pointer(path), kept.pointer_mut(path))
        {
            *new = old.clone();
        }
    }
    serde_json::from_value(kept).expect("every field holds a value that one of two configurations had there")
}

fn fields(config: &Config) -> Value {
    serde_json::to_value(config).expect("a configuration has text keys and finite numbers only")
}
