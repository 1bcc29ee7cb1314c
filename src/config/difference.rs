//! Differences between two configurations, and which of them need a restart.

use super::{Config, EFFECTS, TakesEffect};
use serde::Serialize;
use serde_json::Value;

/// A changed field.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ConfigChange {
    /// A JSON pointer, one of [`EFFECTS`].
    pub path: &'static str,
    /// Old value.
    pub old: Value,
    /// New value.
    pub new: Value,
    /// When the change takes effect; never [`TakesEffect::TighterAtOnce`].
    pub takes_effect: TakesEffect,
}

/// All changed fields, in the order of [`EFFECTS`].
pub fn diff(old: &Config, new: &Config) -> Vec<ConfigChange> {
    let (old, new) = (fields(old), fields(new));
    let changes = EFFECTS.iter().filter_map(|(path, takes_effect)| {
        let (old, new) = (old.pointer(path)?, new.pointer(path)?);
        let takes_effect = match takes_effect {
            TakesEffect::TighterAtOnce if is_tighter(path, old, new) => TakesEffect::AtOnce,
            TakesEffect::TighterAtOnce => TakesEffect::NextSession,
            other => *other,
        };
        (old != new).then(|| ConfigChange { path, old: old.clone(), new: new.clone(), takes_effect })
    });
    changes.collect()
}

/// Whether a new value allows a session less than the old one in any way.
fn is_tighter(path: &str, old: &Value, new: &Value) -> bool {
    let lacks = |list: &Value, of: &Value| {
        let list = list.as_array().map_or(&[][..], Vec::as_slice);
        of.as_array().is_some_and(|of| of.iter().any(|entry| !list.contains(entry)))
    };
    match (path, old.as_f64(), new.as_f64()) {
        ("/trading/disabled_symbols", ..) => lacks(old, new),
        ("/trading/live/symbols", ..) => lacks(new, old),
        ("/trading/live/enabled", ..) => new == false,
        ("/trading/risk/exclusive_symbols", ..) => new == true,
        // Without a cap nothing may be begun with real money.
        ("/trading/live/account_cap" | "/trading/live/day_cap", old, new) => {
            new.unwrap_or(0.0) < old.unwrap_or(0.0)
        }
        ("/trading/risk/loss_pause_s" | "/trading/risk/min_liquidation_to_stop", old, new) => {
            new.unwrap_or(0.0) > old.unwrap_or(0.0)
        }
        (_, old, new) => new.unwrap_or(f64::INFINITY) < old.unwrap_or(f64::INFINITY),
    }
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
