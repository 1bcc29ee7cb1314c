//! Commands killed at random moments: everything acknowledged is in the store and complete, nothing is
//! partial.
//!
//! `TRADINGD_CRASH_RUNS` sets the number of kills (30), `TRADINGD_CRASH_SEED` repeats a run. Timing depends
//! on the machine, so a seed repeats the plan, not the exact moments.

use crate::cli::{Cli, shipped_one};
use serde_json::Value;
use std::fs::File;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tradingd::domain::rng::Rng;

/// Kills per store; then a new store is used, because old recordings only make opening slower.
const KILLS_PER_STORE: u32 = 10;

/// A command that stores something and acknowledges it.
struct Job {
    name: &'static str,
    args: Vec<String>,
    /// Ids that it acknowledged, from standard output and standard error.
    acknowledged: fn(&str, &str) -> Vec<String>,
    /// Ids that the store lists, each checked to be complete.
    listed: fn(&Cli) -> Vec<String>,
}

/// A whole number from an environment variable.
pub fn setting(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number, not {text:?}")))
}

/// Rows of the imported file: enough for several commits before the import is complete.
const ROWS: u64 = 700_000;

/// Random trades, which hardly compress.
fn noisy_trades(entropy: &mut Rng) -> String {
    let mut text = String::from("timestamp_us,symbol,price,quantity,side\n");
    for row in 0..ROWS {
        let noise = entropy.next();
        let side = if noise & 1 == 0 { "buy" } else { "sell" };
        let at = 1_700_000_000_000_000 + row * 1_000 + (noise >> 55);
        text.push_str(&format!(
            "{at},X,{}.{:05},{},{side}\n",
            100 + (noise >> 8) % 9,
            (noise >> 16) % 100_000,
            1 + (noise >> 33) % 1_000_000
        ));
    }
    text
}

fn imports(cli: &Cli) -> Vec<String> {
    let complete = |recording: &Value| recording["rows"].as_u64() == Some(ROWS);
    let all = cli.recordings();
    assert!(all.iter().all(complete), "a half import is listed: {all:?}");
    ids(&all)
}

fn results(cli: &Cli) -> Vec<String> {
    let all = cli.json(&["results", "list", "--json"])["results"].as_array().unwrap().clone();
    for id in ids(&all) {
        assert!(cli.json(&["results", "show", &id]).is_object(), "the document of {id} is not whole");
    }
    ids(&all)
}

fn ids(all: &[Value]) -> Vec<String> {
    all.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
}

fn printed_recording(out: &str, _: &str) -> Vec<String> {
    serde_json::from_str::<Value>(out)
        .ok()
        .iter()
        .map(|recording| recording["id"].as_str().unwrap().to_owned())
        .collect()
}

fn stored_results(_: &str, err: &str) -> Vec<String> {
    // A partial line does not count as an acknowledgement.
    let whole = err.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let id = |line: &str| Some(line.strip_prefix("stored as ")?.split(' ').next()?.to_owned());
    whole.lines().filter_map(id).collect()
}

/// Runs a job and kills it after `after`, if given; returns what it acknowledged.
fn run(cli: &Cli, job: &Job, after: Option<Duration>) -> Vec<String> {
    let (out, err) = (cli.at("out"), cli.at("err"));
    let args: Vec<&str> = job.args.iter().map(String::as_str).collect();
    let mut command = cli.command(&args);
    let mut child =
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap()).spawn().unwrap();
    if let Some(after) = after {
        // This delay is the random moment of the kill, not a wait for something.
        std::thread::sleep(after);
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    let read = |path| std::fs::read_to_string(path).unwrap();
    let (out, err) = (read(&out), read(&err));
    assert!(!err.contains("panicked"), "{}: {err}", job.name);
    assert!(after.is_some() || status.success(), "{}: {err}", job.name);
    (job.acknowledged)(&out, &err)
}

/// Kills a job at random moments in stores made by `prepare`, and checks the store after each kill.
fn torment(runs: u32, entropy: &mut Rng, prepare: &dyn Fn(&Cli) -> Job) {
    let mut cli = Cli::new();
    let mut job = prepare(&cli);
    let started = Instant::now();
    let mut acknowledged = run(&cli, &job, None);
    let whole = started.elapsed();
    assert!(!acknowledged.is_empty(), "{} acknowledged nothing", job.name);
    let (mut cut, mut kept) = (0, 0);
    for number in 0..runs {
        if number > 0 && number % KILLS_PER_STORE == 0 {
            cli = Cli::new();
            job = prepare(&cli);
            acknowledged.clear();
        }
        // Extra kills in the second half of the run, where commits and the acknowledgement are.
        let share =
            if entropy.next().is_multiple_of(2) { entropy.unit() } else { 0.5 + 0.5 * entropy.unit() };
        let new = run(&cli, &job, Some(whole.mul_f64(share)));
        if new.is_empty() {
            cut += 1
        } else {
            kept += 1
        }
        acknowledged.extend(new);
        let ran = cli.run(&["verify", "--json"]);
        if ran.code == 78 {
            // Killed before the store existed.
            assert!(acknowledged.is_empty(), "run {number}: the store is gone");
            continue;
        }
        assert_eq!(ran.code, 0, "run {number}, killed after {share:.3} of {whole:?}: {}{}", ran.out, ran.err);
        let listed = (job.listed)(&cli);
        for id in &acknowledged {
            assert!(
                listed.contains(id),
                "run {number}, killed after {share:.3} of {whole:?}: {id} was acknowledged and is lost"
            );
        }
        let verified: Value = serde_json::from_str(&ran.out).unwrap();
        let rows: u64 = cli.recordings().iter().map(|recording| recording["rows"].as_u64().unwrap()).sum();
        assert_eq!(verified["rows"].as_u64(), Some(rows), "run {number}: rows of no recording are left");
    }
    println!("{}: {runs} kills within {whole:?}: {cut} before the acknowledgement, {kept} after", job.name);
}

fn plan() -> (u32, Rng) {
    let runs = setting("TRADINGD_CRASH_RUNS").map_or(30, |runs| runs as u32);
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64);
    let seed = setting("TRADINGD_CRASH_SEED").unwrap_or_else(clock);
    println!("TRADINGD_CRASH_SEED={seed} TRADINGD_CRASH_RUNS={runs}");
    (runs.div_ceil(2), Rng::new(seed))
}

#[test]
fn an_import_killed_at_any_moment_is_whole_or_not_there() {
    let (runs, mut entropy) = plan();
    let noisy = noisy_trades(&mut entropy);
    torment(runs, &mut entropy, &|cli| Job {
        name: "import",
        args: vec!["import".into(), "--json".into(), cli.file("noisy.csv", &noisy)],
        acknowledged: printed_recording,
        listed: imports,
    });
}

#[test]
fn results_of_a_backtest_killed_at_any_moment_are_whole_or_not_there() {
    let (runs, mut entropy) = plan();
    torment(runs, &mut entropy, &|cli| {
        let recording = cli.import(&[shipped_one("trades"), shipped_one("book20")]);
        let id = recording["id"].as_str().unwrap().to_owned();
        let strategies = ["pump_v2", "dump_v2", "flash_pump_scalper", "ema_cross_trend"];
        let args = ["backtest", "--recording", &id, "--strategy"].into_iter().chain(strategies);
        Job {
            name: "backtest",
            args: args.map(str::to_owned).collect(),
            acknowledged: stored_results,
            listed: results,
        }
    });
}
