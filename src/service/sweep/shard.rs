//! Parts of a sweep that run apart from each other, on one machine or on several.

use crate::limits::SWEEP_SHARDS;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Part `number` of `count`: every `count`-th trial from trial `number` on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Shard {
    /// From 1 to `count`.
    pub number: u32,
    /// How many there are.
    pub count: u32,
}

impl Shard {
    /// All trials.
    pub const WHOLE: Shard = Shard { number: 1, count: 1 };

    /// Whether a trial, numbered from 1, belongs to it.
    pub fn has(&self, trial: usize) -> bool {
        trial as u64 % u64::from(self.count) == u64::from(self.number % self.count)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text
            .split_once('/')
            .and_then(|(number, count)| Some((number.parse().ok()?, count.parse().ok()?)));
        match parts {
            Some((number, count)) if (1..=count).contains(&number) && count <= SWEEP_SHARDS => {
                Ok(Shard { number, count })
            }
            _ => Err(format!(
                "{text:?} is not a shard; write 2/4 for the second of four, at most {SWEEP_SHARDS}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_share_all_trials_without_overlap() {
        let shards: Vec<Shard> = (1..=4).map(|number| format!("{number}/4").parse().unwrap()).collect();
        for trial in 1..50 {
            assert_eq!(shards.iter().filter(|shard| shard.has(trial)).count(), 1, "{trial}");
            assert!(Shard::WHOLE.has(trial));
        }
        for wrong in ["0/4", "5/4", "1", "a/b", "1/0", "1/10001"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
