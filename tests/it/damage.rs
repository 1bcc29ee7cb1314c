//! A large store with misplaced pages: every command and the start of the daemon give the right answer or
//! exit code 65, without a panic.
//!
//! `TRADINGD_DAMAGES` sets the number of damages (4), `TRADINGD_DAMAGE_SEED` repeats a run.

use crate::cli::{Cli, Ran};
use crate::crash::setting;
use crate::serve::daemon::config;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};
use tradingd::domain::rng::Rng;
use tradingd::domain::time::Timestamp;
use tradingd::store::records::{ResultStrategyV2, ResultV3, SessionRow};
use tradingd::store::{EventSegment, NewResult, OpenMode, Store, store_path};

const PAGE: usize = 4_096;

/// Creates a store of more than 32 MiB, mostly result documents; returns its bytes.
fn filled(cli: &Cli) -> Vec<u8> {
    let store = Store::open(&cli.state(), OpenMode::CreateIfNew).unwrap();
    let at = Timestamp::from_seconds(1_700_000_000);
    for round in 0..3 {
        let strategy = |number: u32| {
            [
                format!("w{number:03}"),
                format!("Name {number}"),
                format!("{{\"description\":\"{number} v{round}\"}}"),
            ]
        };
        store.put_builtin_strategies((0..300).map(strategy).collect(), at).unwrap();
    }
    for number in 0..12_u32 {
        let id = format!("exec_{number:02}");
        let row = SessionRow {
            id: id.clone(),
            kind: "backtest".into(),
            state: "completed".into(),
            request: "{}".into(),
            ..SessionRow::default()
        };
        store.put_session(&row, &EventSegment { first_seq: 1, lines: "{\"seq\":1}\n".repeat(20) }).unwrap();
        let result = ResultV3 {
            id: id.clone(),
            session_id: Some(id),
            strategies: vec![ResultStrategyV2 { id: "w001".into(), version: 1, name: "Name 1".into() }],
            symbols: vec!["BTCUSDT".into()],
            source: "x".into(),
            from_us: 0,
            to_us: 1,
            created_us: i64::from(number),
            digest: format!("{number:02}"),
            trades: 1,
            wins: 1,
            draws: 0,
            initial_money: 10,
            net_money: -1,
            max_drawdown_money: 1,
            stopped_early: false,
            engine_version: 2,
        };
        let document = format!("{{\"results\":[\"{}\"]}}", "whole".repeat(700_000));
        store
            .put_result(NewResult { result, document, report: String::new(), outcomes: Vec::new() })
            .unwrap();
    }
    drop(store);
    let bytes = std::fs::read(store_path(&cli.state())).unwrap();
    assert!(bytes.len() > 33 << 20);
    bytes
}

/// Starts the daemon and terminates it when it is ready; returns its exit code and output.
fn run_daemon(cli: &Cli) -> Ran {
    let config = cli.file("config.json", config().to_string());
    let args = ["run", "--state", "state", "--config", &config];
    let mut child = cli.command(&args).stdout(Stdio::null()).spawn().unwrap();
    let mut err = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok) {
        err.push_str(&line);
        err.push('\n');
        if line.contains("tradingd is ready") {
            let ended = std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
            assert!(ended.success());
        }
    }
    assert!(!err.contains("panicked"), "{err}");
    let status = child.wait().unwrap();
    Ran {
        code: status.code().unwrap_or_else(|| panic!("the daemon ended by a signal: {err}")),
        out: String::new(),
        err,
    }
}

#[test]
fn commands_and_the_daemon_answer_misplaced_pages_with_65_or_rightly() {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64);
    let (seed, count) =
        (setting("TRADINGD_DAMAGE_SEED").unwrap_or(clock), setting("TRADINGD_DAMAGES").unwrap_or(4));
    println!("TRADINGD_DAMAGE_SEED={seed} TRADINGD_DAMAGES={count}");
    let mut entropy = Rng::new(seed);
    let cli = Cli::new();
    let whole = filled(&cli);
    let commands: [&[&str]; 7] = [
        &["recordings", "--json"],
        &["strategies", "list", "--json"],
        &["strategies", "show", "w123"],
        &["sessions", "list", "--json"],
        &["results", "list", "--json"],
        &["results", "show", "exec_07"],
        &["verify"],
    ];
    let right: Vec<String> = commands.iter().map(|args| cli.ok(args)).collect();
    assert_eq!(run_daemon(&cli).code, 0);
    // Pages that begin like a leaf or branch page of redb: kind, a byte of padding, number of entries.
    let is_node = |page: &usize| matches!(whole[page * PAGE..page * PAGE + 4], [1 | 2, _, 1..=255, 0]);
    let nodes: Vec<usize> = (1..whole.len() / PAGE).filter(is_node).collect();
    assert!(nodes.len() > 50, "{} pages of keys", nodes.len());
    let mut told = 0;
    for number in 0..count {
        let mut bytes = whole.clone();
        let [from, to] = [0; 2].map(|_| nodes[(entropy.next() as usize) % nodes.len()]);
        bytes.copy_within(from * PAGE..(from + 1) * PAGE, to * PAGE);
        if entropy.next().is_multiple_of(2) {
            bytes[from * PAGE..(from + 1) * PAGE].copy_from_slice(&whole[to * PAGE..(to + 1) * PAGE]);
        }
        let what = format!("damage {number}: pages {from} and {to}, seed {seed}");
        std::fs::write(store_path(&cli.state()), &bytes).unwrap();
        let mut codes = Vec::new();
        for (args, right) in commands.iter().zip(&right) {
            let ran = cli.run(args);
            assert!(
                ran.code == 65 || (ran.code == 0 && ran.out == *right),
                "{what}: {args:?} ended with {}: {}",
                ran.code,
                ran.err
            );
            codes.push(ran.code);
        }
        let started = run_daemon(&cli);
        assert!(
            matches!(started.code, 0 | 65),
            "{what}: the daemon ended with {}: {}",
            started.code,
            started.err
        );
        codes.push(started.code);
        told += u32::from(codes.contains(&65));
    }
    println!(
        "misplaced pages: {count} damages, {told} told by a command or a start, 0 wrong answers, 0 panics"
    );
}
