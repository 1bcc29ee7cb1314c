//! Puts the shards of a sweep together. The result has the bytes that one run of the whole sweep writes.

use super::folder::{self, Lines};
use super::{Shard, SweepError, sweep_digest};
use crate::domain::visible::Visible;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Missing trials named in an error.
const NAMED: usize = 8;

/// Merges folders, in any order and with repetitions, into the folder `out`; returns the digest of the sweep.
///
/// # Errors
/// Folders of different plans, runs that two folders report differently, and runs that are in none of them.
pub fn merge(folders: &[PathBuf], out: &Path) -> Result<String, SweepError> {
    let Some((first, others)) = folders.split_first() else {
        return Err(SweepError::Input("name the folders of the shards".to_owned()));
    };
    let opened = folder::read(first)?;
    let (plan, mut lines, mut shards) = (opened.plan, opened.lines, BTreeSet::from([opened.shard]));
    for path in others {
        let other = folder::read(path)?;
        if other.plan.digest != plan.digest {
            return Err(SweepError::Input(format!(
                "{} is of another sweep ({}) than {} ({})",
                path.visible(),
                other.plan.digest_short(),
                first.visible(),
                plan.digest_short()
            )));
        }
        shards.insert(other.shard);
        for (key, line) in other.lines {
            match lines.get(&key) {
                Some(known) if *known != line => {
                    return Err(SweepError::Input(format!(
                        "trial {} on {} has another result in {} than in a folder before it: one of them was made by another program or changed",
                        key.0,
                        plan.runs[key.1].source,
                        path.visible()
                    )));
                }
                _ => {
                    lines.insert(key, line);
                }
            }
        }
    }
    refuse_missing(plan.trials.len(), plan.runs.len(), &lines, &shards)?;
    folder::write(out, &plan, &lines)?;
    Ok(sweep_digest(&plan.digest, lines.values().map(String::as_str)))
}

/// Names the trials that are not complete, and the shards they belong to.
fn refuse_missing(
    trials: usize,
    runs: usize,
    lines: &Lines,
    shards: &BTreeSet<Shard>,
) -> Result<(), SweepError> {
    let is_missing = |trial: &usize| (0..runs).any(|run| !lines.contains_key(&(*trial, run)));
    let missing: Vec<usize> = (1..=trials).filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = missing.iter().take(NAMED).map(usize::to_string).collect();
    let more = if missing.len() > NAMED { ", …" } else { "" };
    let count = shards.iter().map(|shard| shard.count).max().unwrap_or(1);
    let lost: Vec<String> = (1..=count)
        .map(|number| Shard { number, count })
        .filter(|shard| missing.iter().any(|trial| shard.has(*trial)))
        .map(|shard| shard.to_string())
        .collect();
    Err(SweepError::Input(format!(
        "{} of {trials} trials are not complete ({}{more}): run shard {} to its end, and merge again with its folder",
        missing.len(),
        named.join(", "),
        lost.join(", ")
    )))
}
