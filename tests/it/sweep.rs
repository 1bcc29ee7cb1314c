//! `tradingd sweep`: trials have the digests of backtests, and the folder of a sweep has the same bytes
//! whatever the number of workers, kills, cuts and shards.
//!
//! `TRADINGD_SWEEP_KILLS` sets the number of kills (5), `TRADINGD_CRASH_SEED` repeats their moments.

use crate::cli::Cli;
use crate::crash::setting;
use crate::results::{loser, waves};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tradingd::domain::rng::Rng;

const AGE: &str = "/ze1_close/conditions/ze_age/value=2..7/1";
const SIZE: &str = "/z1_entry/positionSize/value=100,150";

/// A directory with a strategy that trades often, and two files of different markets.
fn market() -> Cli {
    let cli = Cli::new();
    cli.file("loser.json", loser("loser").to_string());
    cli.file("WAVE_USDT.trades.csv", waves("WAVE_USDT", 12));
    cli.file("SEA_USDT.trades.csv", waves("SEA_USDT", 5));
    cli
}

/// The arguments of a sweep of 12 trials into a folder.
fn sweep<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let data = ["--data", "WAVE_USDT.trades.csv", "SEA_USDT.trades.csv"];
    [&["sweep", "--strategy", "loser.json", "--set", AGE, SIZE, "--out", out][..], &data[..], more].concat()
}

/// The bytes of a folder's files by name.
fn bytes(cli: &Cli, folder: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(cli.at(folder)).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut files: Vec<_> = entries.map(|path| (name(&path), std::fs::read(&path).unwrap())).collect();
    files.sort();
    files
}

#[track_caller]
fn assert_same(cli: &Cli, folder: &str, whole: &[(String, Vec<u8>)]) {
    let found = bytes(cli, folder);
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found), names(whole), "{folder}");
    for ((name, found), (_, whole)) in found.iter().zip(whole) {
        assert!(found == whole, "{folder}/{name} has other bytes");
    }
}

#[test]
fn a_trial_has_the_digests_of_a_backtest_of_its_document() {
    let cli = market();
    let swept = cli.json(&sweep("swept", &["--json", "--by", "expectancy"]));
    assert_eq!((&swept["tried"], &swept["incomplete"]), (&12.into(), &0.into()));
    let trials = swept["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 12);
    let digests: std::collections::BTreeSet<String> =
        trials.iter().map(|trial| trial["digests"].to_string()).collect();
    assert_eq!(digests.len(), 12, "every trial decides something else");
    for trial in [&trials[0], &trials[11]] {
        let document = cli.ok(&["sweep", "show", "swept", "--trial", &trial["trial"].to_string()]);
        cli.file("confirm.json", &document);
        let backtest = cli.json(&[
            "backtest",
            "--strategy",
            "confirm.json",
            "--data",
            "WAVE_USDT.trades.csv",
            "SEA_USDT.trades.csv",
            "--json",
        ]);
        let results = backtest["results"].as_array().unwrap();
        let confirmed: Vec<_> = results.iter().map(|result| result["digest"].clone()).collect();
        assert_eq!(trial["digests"], serde_json::json!(confirmed));
        let sum = |metric: &str| {
            results.iter().map(|result| result["metrics"][metric]["value"].as_f64().unwrap()).sum::<f64>()
        };
        assert_eq!(trial["metrics"]["trades"].as_f64(), Some(sum("trades")));
        let net = trial["metrics"]["net_profit"].as_f64().unwrap();
        assert!((net - sum("net_profit")).abs() < 1e-9, "{net}");
        assert_eq!(trial["reasons"]["sharpe"], "not defined over several accounts");
    }
    let expectancy = |trial: &serde_json::Value| trial["metrics"]["expectancy"].as_f64().unwrap();
    assert!(trials.windows(2).all(|pair| expectancy(&pair[0]) >= expectancy(&pair[1])), "best first");
}

#[test]
fn the_number_of_workers_changes_no_byte() {
    let cli = market();
    cli.ok(&sweep("one", &["--threads", "1"]));
    cli.ok(&sweep("five", &["--threads", "5"]));
    assert_same(&cli, "five", &bytes(&cli, "one"));
}

#[test]
fn a_log_cut_anywhere_is_run_to_the_same_end() {
    let cli = market();
    cli.ok(&sweep("whole", &[]));
    let whole = bytes(&cli, "whole");
    let log = std::fs::read(cli.at("whole/runs.log")).unwrap();
    let mut moment = Rng::new(setting("TRADINGD_CRASH_SEED").unwrap_or(1));
    for cut in [0, 1, log.len() - 1].into_iter().chain((0..5).map(|_| moment.place(log.len()))) {
        std::fs::create_dir_all(cli.at("cut")).unwrap();
        std::fs::copy(cli.at("whole/plan.json"), cli.at("cut/plan.json")).unwrap();
        std::fs::write(cli.at("cut/runs.log"), &log[..cut]).unwrap();
        cli.ok(&sweep("cut", &[]));
        assert_same(&cli, "cut", &whole);
    }
    let mut flipped = log.clone();
    flipped[log.len() / 2] ^= 1;
    std::fs::write(cli.at("cut/runs.log"), flipped).unwrap();
    cli.run(&["sweep", "show", "cut"]).fails(
        "a damaged log",
        64,
        &["is damaged after byte", "run the sweep again"],
    );
    let ran = cli.run(&sweep("cut", &[]));
    assert!(ran.code == 0 && ran.err.contains("bytes of the log are incomplete"), "{}", ran.err);
    assert_same(&cli, "cut", &whole);
}

#[test]
fn a_killed_sweep_comes_to_the_same_end() {
    let seed = setting("TRADINGD_CRASH_SEED")
        .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64);
    println!("TRADINGD_CRASH_SEED={seed}");
    let mut moment = Rng::new(seed);
    let cli = market();
    let args = |out| sweep(out, &["--threads", "2"]);
    let started = Instant::now();
    cli.ok(&args("whole"));
    let (took, whole) = (started.elapsed(), bytes(&cli, "whole"));
    for _ in 0..setting("TRADINGD_SWEEP_KILLS").unwrap_or(5) {
        let mut child = cli.command(&args("killed")).spawn().unwrap();
        // This delay is the random moment of the kill, not a wait for something.
        std::thread::sleep(Duration::from_nanos(moment.below(took.as_nanos() as u64)));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            assert_same(&cli, "killed", &whole);
            std::fs::remove_dir_all(cli.at("killed")).unwrap();
        }
    }
    cli.ok(&args("killed"));
    assert_same(&cli, "killed", &whole);
}

#[test]
fn shards_merge_to_the_bytes_of_one_run_and_lost_ones_are_named() {
    let cli = market();
    cli.ok(&sweep("whole", &[]));
    for shard in ["1", "2", "3"] {
        cli.ok(&sweep(&format!("part{shard}"), &["--shard", &format!("{shard}/3")]));
    }
    let lost = cli.run(&["sweep", "merge", "part3", "part1", "part3", "--out", "lost"]);
    assert_eq!(lost.code, 64, "{}", lost.err);
    assert!(
        lost.err.contains("4 of 12 trials are not complete (2, 5, 8, 11): run shard 2/3"),
        "{}",
        lost.err
    );
    assert!(!cli.at("lost").exists());
    cli.ok(&["sweep", "merge", "part3", "part1", "part2", "part1", "--out", "merged"]);
    assert_same(&cli, "merged", &bytes(&cli, "whole"));
    let other = cli.run(&sweep("part1", &["--shard", "2/3"]));
    assert!(
        other.code == 64 && other.err.contains("holds shard 1/3 of this sweep, not 2/3"),
        "{}",
        other.err
    );
}

#[test]
fn a_folder_of_another_sweep_is_refused_with_what_differs() {
    let cli = market();
    cli.ok(&sweep("swept", &[]));
    let before = bytes(&cli, "swept");
    let refused = |more: &[&str], said: &str| {
        let ran = cli.run(&sweep("swept", more));
        assert_eq!(ran.code, 64, "{said}: {}", ran.err);
        assert!(ran.err.contains("holds another sweep") && ran.err.contains(said), "{said}: {}", ran.err);
    };
    refused(&["--latency-ms", "20"], "its setting latency_ms is 80");
    refused(&["--random", "4"], "it varies other fields or values");
    cli.file("WAVE_USDT.trades.csv", waves("WAVE_USDT", 11));
    refused(&[], "the data of WAVE_USDT (WAVE_USDT) have changed");
    assert_same(&cli, "swept", &before);
    std::fs::create_dir(cli.at("foreign")).unwrap();
    cli.file("foreign/notes.txt", "mine");
    let ran = cli.run(&sweep("foreign", &[]));
    assert!(ran.code == 64 && ran.err.contains("notes.txt is in it"), "{}", ran.err);
}

#[test]
fn the_table_tells_tries_luck_and_reasons_and_bad_values_are_named() {
    let cli = market();
    cli.ok(&sweep("swept", &[]));
    let table = cli.ok(&["sweep", "show", "swept", "--top", "3", "--by", "sqn"]);
    assert!(table.starts_with("3 of 12 trials, best System quality number first"), "{table}");
    assert!(table.contains("the first row is the best of 12 tries"), "{table}");
    assert!(table.contains("— System quality number: not defined over several accounts"), "{table}");
    assert!(table.contains("probability of overfitting —: fewer than 8 accounts"), "{table}");
    assert!(table.contains("Net profit USDT"), "{table}");
    let csv = cli.ok(&["sweep", "show", "swept", "--csv"]);
    assert_eq!(csv.lines().count(), 13);
    assert!(csv.lines().next().unwrap().ends_with(",currency,digests"), "{csv}");
    assert!(csv.lines().skip(1).all(|line| line.contains(",USDT,")), "{csv}");
    assert_eq!(cli.json(&["sweep", "show", "swept", "--json"])["currency"], "USDT");
    let missing = cli.run(&["sweep", "show", "nowhere"]);
    assert!(missing.code == 64 && missing.err.contains("there is no sweep in nowhere"), "{}", missing.err);
    assert!(
        csv.starts_with("trial,/ze1_close/conditions/ze_age/value,/z1_entry/positionSize/value,net_profit,"),
        "{csv}"
    );
    let one = |set: &str| {
        cli.run(&[
            "sweep",
            "--strategy",
            "loser.json",
            "--set",
            set,
            "--data",
            "SEA_USDT.trades.csv",
            "--out",
            "one",
        ])
    };
    let wrong = one("/z1_entry/leverage=1,5000");
    assert!(wrong.code == 64 && wrong.err.contains("trial 2 (/z1_entry/leverage = 5000)"), "{}", wrong.err);
    assert!(wrong.err.contains("error: /z1_entry/leverage"), "{}", wrong.err);
    assert!(!cli.at("one").exists(), "nothing is begun");
    let few = one("/ze1_close/conditions/ze_age/value=100000");
    assert!(
        few.code == 0 && few.out.contains("the first row is based on a single trade"),
        "{}{}",
        few.out,
        few.err
    );
    let unknown = cli.run(&["sweep", "show", "swept", "--by", "sharp"]);
    assert!(unknown.code == 64 && unknown.err.contains("did you mean sharpe?"), "{}", unknown.err);
}

#[test]
fn amounts_in_bitcoin_are_named_and_have_six_digits() {
    let cli = market();
    cli.file("GVTBTC.trades.csv", waves("GVTBTC", 12));
    let data = ["--strategy", "loser.json", "--set", SIZE, "--data", "GVTBTC.trades.csv", "--out", "swept"];
    let table = cli.ok(&[&["sweep"][..], &data[..]].concat());
    let row = |first: &str| table.lines().find(|line| line.trim_start().starts_with(first)).unwrap();
    assert!(row("trial").contains("Net profit BTC"), "{table}");
    let net = row("1 ").split_whitespace().find(|cell| cell.starts_with('-')).unwrap();
    assert_eq!(net.split_once('.').unwrap().1.len(), 6, "{table}");
}

/// The program under its own name on the search path, for scripts that call it.
fn on_path(cli: &Cli) -> String {
    let bin = cli.at("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let link = bin.join("tradingd");
    if !link.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_tradingd"), link).unwrap();
    }
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

#[test]
fn the_files_for_slurm_and_kubernetes_run_shards_that_merge_to_one_run() {
    let cli = market();
    cli.ok(&sweep("whole", &[]));
    let whole = bytes(&cli, "whole");
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/cluster");
    let slurm = std::fs::read_to_string(files.join("sweep.slurm")).unwrap();
    let kubernetes = std::fs::read_to_string(files.join("sweep.kubernetes.yaml")).unwrap();
    let kubernetes = kubernetes.lines().find_map(|line| line.trim().strip_prefix("- exec ")).unwrap();
    let options =
        format!("--strategy loser.json --set {AGE} {SIZE} --data WAVE_USDT.trades.csv SEA_USDT.trades.csv");
    for (out, script) in [("slurm", slurm.as_str()), ("kubernetes", kubernetes)] {
        for index in 0..2 {
            let mut task = std::process::Command::new("sh");
            task.current_dir(cli.at(""))
                .args(["-c", script])
                .env("PATH", on_path(&cli))
                .env("SWEEP", &options)
                .env("OUT", out);
            task.env("SLURM_ARRAY_TASK_ID", (index + 1).to_string()).env("SLURM_ARRAY_TASK_COUNT", "2");
            task.env("JOB_COMPLETION_INDEX", index.to_string()).env("SHARDS", "2");
            let ran = task.output().unwrap();
            assert!(ran.status.success(), "{out}: {}", String::from_utf8_lossy(&ran.stderr));
        }
        let parts =
            std::fs::read_dir(cli.at(out)).unwrap().map(|part| part.unwrap().path().display().to_string());
        let parts: Vec<String> = parts.collect();
        let merged = format!("{out}-merged");
        let merge = [
            &["sweep", "merge", "--out", &merged],
            &parts.iter().map(String::as_str).collect::<Vec<_>>()[..],
        ]
        .concat();
        cli.ok(&merge);
        assert_same(&cli, &merged, &whole);
    }
}
