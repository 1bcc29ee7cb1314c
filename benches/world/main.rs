//! Lives of a trading session in a seeded world: the loop, driver, simulated venue and journal replay that
//! the daemon runs, with a hostile market, exchange, disk and operator, clocks that jump, commands at any
//! moment, and a kill at any step. An auditor that sees only the journal and the gateway recomputes orders,
//! positions and money.
//!
//! `cargo bench --profile dev --bench world -- [SEEDS] [FIRST_SEED]`, or with `--plant [NAME]` defects that
//! must be found. A seed that fails prints itself and the events that it takes to fail.

mod audit;
mod books;
mod commands;
mod events;
mod exchange;
mod journal;
mod life;
mod market;
mod minimise;
mod ports;
mod venue;

use life::{Failure, Life};
use minimise::minimise;
use std::cell::RefCell;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tradingd::plant::Plant;

/// Defects that can be planted into what surrounds the loop, beside those in the program ([`Plant`]). Each
/// must be found.
const PLANTS: [&str; 17] = [
    "stop_lost_over_a_restart",
    "fill_delivered_twice",
    "order_never_sent",
    "published_before_it_is_durable",
    "published_when_handed_over",
    "inputs_of_a_commit_left_out",
    "row_not_journaled",
    "gap_not_journaled",
    "switched_off_symbol_not_journaled",
    "tighter_limits_not_journaled",
    "commit_acknowledged_too_early",
    "event_left_out_of_a_commit",
    "sent_before_it_is_durable",
    "answer_not_journaled",
    "cancel_never_sent",
    "command_answered_too_early",
    "block_of_the_venue_ignored",
];

/// Lives in which a planted defect must show itself.
const PLANT_SEEDS: u64 = 3_000;

/// Lives that are lived at most to find out which events of one that fails matter.
const MINIMISING_LIVES: u64 = 3_000;

thread_local! {
    /// What the last panic of a thread said, and where.
    static PANICKED: RefCell<String> = const { RefCell::new(String::new()) };
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
        let text = panic.payload_as_str().unwrap_or("it panicked").to_owned();
        PANICKED.set(text + &place.unwrap_or_default());
    }));
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
    for (life, failure) in &failures {
        explain(life, failure);
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "world: {seeds} lives from seed {first}, {steps} steps, {} failures in {seconds:.1} s ({:.0} lives/s)",
        failures.len(),
        seeds as f64 / seconds
    );
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// All defects; those in the program are only in a build with debug assertions.
fn plants() -> Vec<&'static str> {
    let inside = Plant::ALL.iter().map(|(_, name)| *name).filter(|_| cfg!(debug_assertions));
    PLANTS.into_iter().chain(inside).collect()
}

/// Plants a defect into the program, where it is one of the program's.
#[cfg(debug_assertions)]
fn plant_inside(name: Option<&str>) {
    let plant = Plant::ALL.iter().find(|(_, plant)| name == Some(*plant));
    tradingd::plant::choose(plant.map(|(plant, _)| *plant));
}

#[cfg(not(debug_assertions))]
fn plant_inside(_: Option<&str>) {}

/// Plants one defect and shows what it takes to find it, or all one after the other, and says in which seed
/// each was found.
fn plant(name: Option<&str>) -> ExitCode {
    let plants = plants();
    let chosen: Vec<&'static str> =
        plants.iter().copied().filter(|plant| name.is_none_or(|name| name == *plant)).collect();
    if chosen.is_empty() {
        println!("there is no such defect; there are {}", plants.join(", "));
    }
    let mut missed = chosen.is_empty();
    for plant in chosen {
        match run(0..PLANT_SEEDS, Some(plant)).0.first() {
            Some((life, failure)) if name.is_some() => explain(life, failure),
            Some((life, failure)) => println!("{plant}: found by seed {}: {}", life.seed, failure.what),
            None => {
                missed = true;
                println!("{plant}: NOT FOUND in {PLANT_SEEDS} lives");
            }
        }
    }
    if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Lives that failed, by seed, at most a few, and the steps of all. Ends early when something fails.
fn run(seeds: Range<u64>, plant: Option<&'static str>) -> (Vec<(Life, Failure)>, u64) {
    let (next, steps) = (AtomicU64::new(seeds.start), AtomicU64::new(0));
    let failures = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                plant_inside(plant);
                while failures.lock().expect("no thread panics while it has the lock").is_empty() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let life = Life::of(seed, plant);
                    match life.live() {
                        Ok(lived) => _ = steps.fetch_add(lived, Ordering::Relaxed),
                        Err(failure) => failures.lock().expect("as above").push((life, failure)),
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("as above");
    failures.sort_by_key(|(life, _)| life.seed);
    (failures, steps.into_inner())
}

/// Prints a seed that fails, and the events without which it does not fail that way: first it is stopped
/// where that leaves the fewest, then events are left out.
fn explain(life: &Life, failure: &Failure) {
    plant_inside(life.plant);
    println!("seed {}: {}", life.seed, failure.what);
    let same = |life: &Life| life.live().err().filter(|found| kind(&found.what) == kind(&failure.what));
    let stopped = |limit| Life { limit: Some(limit), ..life.clone() };
    let lives = std::iter::once(life.clone()).chain((1..=failure.steps).map(stopped));
    let failing = lives.filter_map(|life| same(&life).map(|found| (life, found)));
    let (shortest, found) = failing.min_by_key(|(_, found)| found.events.len()).expect("a seed fails again");
    let left_out = minimise(&found.events, MINIMISING_LIVES, |left_out| {
        same(&Life { left_out: Arc::new(left_out.clone()), ..shortest.clone() }).is_some()
    });
    let traced = Life { left_out: Arc::new(left_out), is_traced: true, ..shortest };
    let last = same(&traced).expect("it fails without what was left out");
    println!(
        "it fails with {} of {} events, in {} of {} steps: {}",
        last.events.len(),
        failure.events.len(),
        last.steps,
        failure.steps,
        last.what
    );
    last.trace.iter().for_each(|line| println!("  {line}"));
}

/// What a failure is without its numbers.
fn kind(what: &str) -> String {
    let head = what.split(['{', '(', '[', ':']).next().unwrap_or_default();
    head.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}
