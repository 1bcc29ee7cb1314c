//! Every fault of `docs/rehearsal.md`, with seeded parameters, against an open recording: afterwards its book
//! equals the exchange's, no deal is stored twice, every hole is in the ledger of gaps, and connections come
//! back soon.
//!
//! One round per fault by default. `TRADINGD_FAULT_ROUNDS=100` for the long run, `TRADINGD_FAULT_AT_ONCE` for
//! the number of concurrent rounds, `TRADINGD_FAULT=word` and `TRADINGD_FAULT_SEED=n` for one fault and the
//! first seed.

mod check;
mod plan;
mod round;
mod truth;

use round::Outcome;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tradingd::rehearsal::{Fault, FaultKind};

/// Limit of the median time until rows arrive again after a lost connection.
const RECONNECT_MS: i64 = 2_000;

/// Minimum number of lost connections for that median.
const ENOUGH: usize = 5;

fn setting<T: FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Name, fault word and kind of every documented fault.
fn documented() -> Vec<(String, String, FaultKind)> {
    let text = include_str!("../../../../docs/rehearsal.md");
    let rows = text.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("| ")?.split_once("| `{\"fault\": \"")?;
        let word = rest.split('"').next()?;
        let fault = Fault::parse(&format!("{{\"fault\": \"{word}\"}}")).unwrap();
        Some((name.trim().to_owned(), word.to_owned(), fault.fault))
    });
    rows.collect()
}

fn panicked(why: &(dyn std::any::Any + Send)) -> String {
    let text = why
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| why.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_else(|| "it panicked".to_owned())
}

#[test]
fn a_recording_survives_every_fault() {
    let (rounds, first, only) = (
        setting("TRADINGD_FAULT_ROUNDS", 1_u64),
        setting("TRADINGD_FAULT_SEED", 1_u64),
        setting("TRADINGD_FAULT", String::new()),
    );
    // The comparison needs a fixed price step; `paper.rs` tests faults that change it.
    let is_in_steps = |kind: FaultKind| !matches!(kind, FaultKind::FinerPrices | FaultKind::OddPrices);
    let is_wanted = |(_, word, kind): &(String, String, FaultKind)| {
        is_in_steps(*kind) && (only.is_empty() || *word == only)
    };
    let faults: Vec<_> = documented().into_iter().filter(is_wanted).collect();
    assert!(only.is_empty() && faults.len() > 60 || faults.len() == 1, "{} faults", faults.len());
    let wanted: Vec<(usize, u64)> =
        (first..first + rounds).flat_map(|seed| (0..faults.len()).map(move |index| (index, seed))).collect();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..setting("TRADINGD_FAULT_AT_ONCE", 16_usize).min(wanted.len()) {
            scope.spawn(|| {
                while let Some((index, seed)) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let run = AssertUnwindSafe(|| round::run(faults[*index].2, *seed));
                    let outcome = catch_unwind(run).unwrap_or_else(|why| Err(panicked(&*why)));
                    if let Err(why) = &outcome {
                        println!("TRADINGD_FAULT={} TRADINGD_FAULT_SEED={seed}: {why}", faults[*index].1);
                    }
                    done.lock().unwrap().push((*index, *seed, outcome));
                }
            });
        }
    });
    let done = done.into_inner().unwrap();
    let failed: Vec<String> = done
        .iter()
        .filter_map(|(index, seed, outcome)| {
            Some(format!(
                "TRADINGD_FAULT={} TRADINGD_FAULT_SEED={seed}: {}",
                faults[*index].1,
                outcome.as_ref().err()?
            ))
        })
        .collect();
    let back = table(&faults, done);
    assert!(failed.is_empty(), "{} of {} rounds failed:\n{}", failed.len(), wanted.len(), failed.join("\n"));
    assert!(
        back.len() < ENOUGH || back[back.len() / 2] <= RECONNECT_MS,
        "connections are back after {} ms",
        back[back.len() / 2]
    );
}

/// Prints the outcomes; returns the sorted reconnection times in ms.
fn table(
    faults: &[(String, String, FaultKind)],
    done: Vec<(usize, u64, Result<Outcome, String>)>,
) -> Vec<i64> {
    let mut by_fault: BTreeMap<usize, Vec<Outcome>> = BTreeMap::new();
    for (index, _, outcome) in done {
        by_fault.entry(index).or_default().extend(outcome.ok());
    }
    let sorted = |outcomes: &[Outcome], of: fn(&Outcome) -> Option<i64>| {
        let mut all: Vec<i64> = outcomes.iter().filter_map(of).collect();
        all.sort_unstable();
        all
    };
    let shown = |all: &[i64]| match all.last() {
        Some(most) => format!("{:>5} {most:>5}", all[all.len() / 2]),
        None => format!("{:>5} {:>5}", "-", "-"),
    };
    println!(
        "{:8}{:22}{:>7}{:>6}{:>8}{:>6}  rows again    all complete",
        "list", "fault", "rounds", "gaps", "missing", "lost"
    );
    let line = |name: &str, word: &str, outcomes: &[Outcome]| {
        let sum = |of: fn(&Outcome) -> usize| outcomes.iter().map(of).sum::<usize>();
        let (back, whole) =
            (sorted(outcomes, |outcome| outcome.back_ms), sorted(outcomes, |outcome| outcome.whole_ms));
        println!(
            "{name:8}{word:22}{:>7}{:>6}{:>8}{:>6}  {}  {}",
            outcomes.len(),
            sum(|outcome| outcome.gaps),
            sum(|outcome| outcome.missing),
            back.len(),
            shown(&back),
            shown(&whole)
        );
    };
    for (index, outcomes) in &by_fault {
        line(&faults[*index].0, &faults[*index].1, outcomes);
    }
    let all: Vec<Outcome> = by_fault.into_values().flatten().collect();
    line("", "all", &all);
    sorted(&all, |outcome| outcome.back_ms)
}
