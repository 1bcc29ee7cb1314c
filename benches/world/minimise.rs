//! Which events of a life can be left out so that it still fails.

use std::collections::BTreeSet;

/// Leaves out halves of the events, then smaller parts, then single ones, as long as what is left still
/// fails. Lives at most `lives` lives.
pub fn minimise(events: &[u64], lives: u64, fails_without: impl Fn(&BTreeSet<u64>) -> bool) -> BTreeSet<u64> {
    let (mut kept, mut left_out, mut lived) = (events.to_vec(), BTreeSet::new(), 0);
    let mut part = kept.len().div_ceil(2).max(1);
    loop {
        let (before, mut from) = (kept.len(), 0);
        while from < kept.len() && lived < lives {
            let to = (from + part).min(kept.len());
            let mut without: BTreeSet<u64> = left_out.clone();
            without.extend(&kept[from..to]);
            lived += 1;
            if fails_without(&without) {
                left_out = without;
                kept.drain(from..to);
            } else {
                from = to;
            }
        }
        if lived >= lives || part == 1 && kept.len() == before {
            return left_out;
        }
        part = part.div_ceil(2);
    }
}
