//! Lives of a trading session in a seeded world: the loop, driver, simulated venue and journal replay that the daemon
//! runs, with a hostile market, disk and operator, and a kill at any step. An auditor that sees only the journal and
//! the gateway recomputes orders, positions and money.
//!
//! `cargo bench --bench world -- [SEEDS] [FIRST_SEED]`, or with `--plant NAME` a defect that must be found. A seed that
//! fails prints itself and the shortest life that fails.

mod audit;
mod exchange;
mod journal;
mod life;
mod market;
mod venue;

use life::{Failure, STEPS, life};
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Defects that can be planted into what surrounds the loop. Each must be found.
pub const PLANTS: [&str; 17] = [
    "stop_lost_over_a_restart",
    "order_sent_twice",
    "fill_delivered_twice",
    "order_never_sent",
    "published_before_it_is_durable",
    "published_when_handed_over",
    "inputs_of_a_commit_left_out",
    "timer_lost_over_a_restart",
    "row_not_journaled",
    "gap_not_journaled",
    "switched_off_symbol_not_journaled",
    "tighter_limits_not_journaled",
    "commit_acknowledged_too_early",
    "event_left_out_of_a_commit",
    "sent_before_it_is_durable",
    "answer_not_journaled",
    "cancel_never_sent",
];

/// Lives in which a planted defect must show itself.
const PLANT_SEEDS: u64 = 3_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--plant") {
        return plant(arguments.get(at + 1).map(String::as_str));
    }
    let numbers: Vec<u64> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let is_test = arguments.iter().any(|argument| argument == "--test");
    let seeds = numbers.first().copied().unwrap_or(if is_test { 300 } else { 20_000 });
    let first = numbers.get(1).copied().unwrap_or(0);
    let begun = Instant::now();
    let (failures, steps) = run(first..first + seeds, None);
    for (seed, failure) in &failures {
        explain(*seed, None, failure);
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "world: {seeds} lives from seed {first}, {steps} steps, {} failures in {seconds:.1} s ({:.0} lives/s)",
        failures.len(),
        seeds as f64 / seconds
    );
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plants one defect, or all one after the other, and says in which seed each was found.
fn plant(name: Option<&str>) -> ExitCode {
    let chosen: Vec<&'static str> =
        PLANTS.into_iter().filter(|plant| name.is_none_or(|name| name == *plant)).collect();
    if chosen.is_empty() {
        println!("there is no such defect; there are {}", PLANTS.join(", "));
    }
    let mut missed = chosen.is_empty();
    for plant in chosen {
        match run(0..PLANT_SEEDS, Some(plant)).0.first() {
            Some((seed, failure)) => println!("{plant}: found by seed {seed}: {}", failure.what),
            None => {
                missed = true;
                println!("{plant}: NOT FOUND in {PLANT_SEEDS} lives");
            }
        }
    }
    if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Failures by seed, at most a few, and the steps of all lives. Ends early when something fails.
fn run(seeds: std::ops::Range<u64>, plant: Option<&'static str>) -> (Vec<(u64, Failure)>, u64) {
    let (next, steps) = (AtomicU64::new(seeds.start), AtomicU64::new(0));
    let failures = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while failures.lock().expect("no thread panics while it has the lock").is_empty() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    match lived(seed, None, plant, false) {
                        Ok(lived) => _ = steps.fetch_add(lived, Ordering::Relaxed),
                        Err(failure) => failures.lock().expect("as above").push((seed, failure)),
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("as above");
    failures.sort_by_key(|(seed, _)| *seed);
    (failures, steps.into_inner())
}

/// A life; an assertion of the program that does not hold is a failure, too.
fn lived(
    seed: u64,
    limit: Option<u64>,
    plant: Option<&'static str>,
    is_traced: bool,
) -> Result<u64, Failure> {
    catch_unwind(|| life(seed, limit, plant, is_traced)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let what = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
        Err(Failure { what: what.to_owned(), steps: STEPS, trace: Vec::new() })
    })
}

/// Prints the shortest life of a seed that fails, step by step.
fn explain(seed: u64, plant: Option<&'static str>, failure: &Failure) {
    println!("seed {seed}: {}", failure.what);
    for limit in 1..=failure.steps {
        if let Err(shorter) = lived(seed, Some(limit), plant, true) {
            println!("the shortest life that fails has {limit} of {} steps: {}", failure.steps, shorter.what);
            shorter.trace.iter().for_each(|line| println!("  {line}"));
            return;
        }
    }
}
