//! What commands write, and where it cannot be written: standard output, standard error, and the files they
//! are told to make.
//!
//! Invariant: a command whose result is cut ends with a code other than 0, and none panics.

use crate::cli::{Cli, Ran, shipped_one, text};
use crate::results::{loser, waves};
use serde_json::json;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;
use tradingd::clock;
use tradingd::store::{OpenMode, Store, store_path};

/// A device on which no space is ever left.
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// A store with a recording and a result; returns the ids of both.
fn with_a_result() -> (Cli, String, String) {
    let cli = Cli::new();
    let recording =
        cli.import(&[shipped_one("trades"), shipped_one("book20")])["id"].as_str().unwrap().to_owned();
    cli.ok(&["backtest", "--strategy", "pump_v2", "--recording", &recording, "--symbol", "BTCUSDT"]);
    let result = cli.json(&["results", "list", "--json"])["results"][0]["id"].as_str().unwrap().to_owned();
    (cli, recording, result)
}

#[test]
fn a_result_that_a_full_disk_cuts_is_no_success() {
    let (cli, recording, result) = with_a_result();
    let trades = shipped_one("trades");
    let backtest =
        ["backtest", "--strategy", "pump_v2", "--data", &trades, "--symbol", "BTCUSDT", "--skip-unfit"];
    let commands: [&[&str]; 12] = [
        &["recordings"],
        &["results", "list"],
        &["results", "equity", &result],
        &["results", "trades", &result, "--json"],
        &[&backtest[..], &["--json"]].concat(),
        &["verify"],
        &["export", &recording, "--stream", "trades", "--format", "csv", "--out", "-"],
        &["man"],
        &["completions", "bash"],
        &["config", "check", &text(&cli.at("config.json"))],
        &["--help"],
        &["--version"],
    ];
    cli.ok(&["config", "init", &text(&cli.at("config.json"))]);
    for args in commands {
        let ran = Ran::of(&cli.command(args).stdout(full()).output().unwrap(), args);
        ran.fails(&args.join(" "), 69, &["standard output cannot be written", "free some space"]);
    }
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_of_every_command() {
    let cli = Cli::new();
    let trades = shipped_one("trades");
    let commands: [(&[&str], &str); 2] = [
        (&["import", &trades], "the file of the store may not grow"),
        (&["completions", "bash"], "standard output cannot be written"),
    ];
    for (args, word) in commands {
        let mut limited = limited(&cli, 8, args);
        let ran = Ran::of(&limited.stdout(File::create(cli.at("out")).unwrap()).output().unwrap(), args);
        ran.fails(&args.join(" "), 69, &[word, "raise the limit on file sizes (ulimit -f"]);
    }
}

/// A command whose files may have so many blocks of 512 bytes.
fn limited(cli: &Cli, blocks: u64, args: &[&str]) -> Command {
    let command = cli.command(args);
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -f {blocks} && exec \"$0\" \"$@\"")]).arg(command.get_program());
    limited.args(command.get_args()).current_dir(cli.at(".")).env_remove("STATE_DIRECTORY");
    limited
}

/// A directory with a strategy that trades often, and a file of a market.
fn market() -> Cli {
    let cli = Cli::new();
    cli.file("loser.json", loser("loser").to_string());
    cli.file("WAVE_USDT.trades.csv", waves("WAVE_USDT", 12));
    cli
}

#[test]
fn a_limit_on_the_size_of_files_cuts_a_journal_and_stops_a_sweep_with_words() {
    let cli = market();
    let backtest = ["backtest", "--strategy", "loser.json", "--data", "WAVE_USDT.trades.csv"];
    let journal = [&backtest[..], &["--journal", "journal.jsonl"]].concat();
    let ran = Ran::of(&limited(&cli, 8, &journal).output().unwrap(), &journal);
    ran.fails(
        "journal",
        69,
        &["the journal journal.jsonl is cut", "raise the limit on file sizes (ulimit -f)"],
    );
    assert_eq!(ran.out, cli.ok(&backtest), "the result is shown all the same");
    let age = "/ze1_close/conditions/ze_age/value=2..7/1";
    let data = ["--data", "WAVE_USDT.trades.csv"];
    let sweep = [&["sweep", "--strategy", "loser.json", "--set", age, "--out", "swept"][..], &data].concat();
    // First the plan finds no room, then a run of the log.
    cli.ok(&[&["sweep", "--strategy", "loser.json", "--set", age, "--out", "whole"][..], &data].concat());
    let length = |file: &str| fs::metadata(cli.at("whole").join(file)).unwrap().len();
    for blocks in [1, length("plan.json").max(length("runs.log") / 2) / 512 + 1] {
        let ran = Ran::of(&limited(&cli, blocks, &sweep).output().unwrap(), &sweep);
        let words = [
            "the folder swept cannot be written",
            "raise the limit on file sizes (ulimit -f)",
            "run the same command again: what is finished is kept",
        ];
        if blocks == 1 || length("runs.log") > blocks * 512 {
            ran.fails("sweep", 69, &words);
        }
    }
    cli.ok(&sweep);
    assert_eq!(fs::read(cli.at("swept/runs.log")).unwrap(), fs::read(cli.at("whole/runs.log")).unwrap());
}

#[test]
fn a_result_that_the_store_does_not_take_is_shown() {
    let cli = market();
    let backtest = ["backtest", "--strategy", "loser.json", "--data", "WAVE_USDT.trades.csv"];
    let shown = cli.ok(&backtest);
    let keep = [&backtest[..], &["--keep"]].concat();
    cli.ok(&keep);
    let blocks = fs::metadata(store_path(&cli.at("state"))).unwrap().len() / 512;
    let run = |_| Ran::of(&limited(&cli, blocks, &keep).output().unwrap(), &keep);
    let ran = (0..500).map(run).find(|ran| ran.code != 0).expect("the store grows");
    ran.fails("keep", 69, &["the file of the store may not grow", "ulimit -f", "printed and not stored"]);
    assert_eq!(ran.out, shown);
    let report = [&backtest[..], &["--report", "report.html"]].concat();
    let ran = Ran::of(&limited(&cli, 8, &report).output().unwrap(), &report);
    ran.fails("report", 69, &["report.html: may not grow that large", "ulimit -f"]);
    assert_eq!(ran.out, shown);
}

#[test]
fn a_reader_who_has_enough_ends_a_command_without_an_error() {
    let (cli, recording, _) = with_a_result();
    let commands: [&[&str]; 4] =
        [&["recordings"], &["man"], &["--help"], &["export", &recording, "--stream", "trades", "--out", "-"]];
    for args in commands {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ran = Ran::of(&cli.command(args).stdout(writer).output().unwrap(), args);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}");
    }
}

#[test]
fn a_command_does_its_work_although_nobody_can_read_its_errors() {
    let (cli, recording, result) = with_a_result();
    let (report, folder) = (text(&cli.at("report.html")), text(&cli.at("manual")));
    let commands: [(&[&str], i32); 8] = [
        (&["export", &recording, "--stream", "trades", "--out", &text(&cli.at("rows.csv"))], 0),
        (&["results", "report", &result, "--out", &report], 0),
        (&["man", "--out", &folder], 0),
        (&["backtest", "--strategy", "pump_v2", "--recording", &recording, "--symbol", "BTCUSDT"], 0),
        (&["recordings", "show", "none"], 64),
        (&["import", "none.csv"], 64),
        (&["--unknown"], 64),
        (&["run", "--config", "none.json"], 78),
    ];
    for (args, code) in commands {
        let ran = cli.command(args).stderr(full()).status().unwrap();
        assert_eq!(ran.code(), Some(code), "{args:?}");
    }
}

#[test]
fn a_daemon_serves_although_nobody_can_read_its_log() {
    let cli = Cli::new();
    let config = cli.file(
        "config.json",
        json!({"http": {"listen": "127.0.0.1:0"}, "exchange": {"enabled": false}}).to_string(),
    );
    let systemd = UnixDatagram::bind(cli.at("notify")).unwrap();
    let mut daemon = cli.command(&["run", "--config", &config]);
    let mut daemon = daemon.env("NOTIFY_SOCKET", cli.at("notify")).stderr(full()).spawn().unwrap();
    let mut told = [0; 64];
    // A daemon that ends before it is ready leaves the test waiting no longer than this.
    systemd.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let length = systemd.recv(&mut told).unwrap();
    assert_eq!(&told[..length], b"READY=1\n");
    assert!(Command::new("kill").arg(daemon.id().to_string()).status().unwrap().success());
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
}

/// Makes a pipe in the directory.
fn pipe(cli: &Cli, name: &str) -> String {
    let path = text(&cli.at(name));
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// What a pipe gave its reader while a command that must succeed ran.
#[track_caller]
fn through(cli: &Cli, pipe: &str, args: &[&str]) -> Vec<u8> {
    let reader = pipe.to_owned();
    let reader = std::thread::spawn(move || fs::read(reader).unwrap());
    cli.ok(args);
    reader.join().unwrap()
}

#[test]
fn reports_and_exports_go_into_a_pipe_and_over_nothing_else() {
    let (cli, recording, result) = with_a_result();
    let pipe = pipe(&cli, "pipe");
    let report = text(&cli.at("report.html"));
    let neighbour = cli.file("report.part", "a neighbour");
    cli.ok(&["results", "report", &result, "--out", &report]);
    assert_eq!(
        through(&cli, &pipe, &["results", "report", &result, "--out", &pipe]),
        fs::read(&report).unwrap()
    );
    let rows = text(&cli.at("rows.csv"));
    let export = ["export", &recording, "--stream", "trades", "--format", "csv", "--out"];
    cli.ok(&[&export[..], &[&rows]].concat());
    assert_eq!(through(&cli, &pipe, &[&export[..], &[&pipe]].concat()), fs::read(&rows).unwrap());

    let nowhere = text(&cli.at("nowhere.csv"));
    symlink(cli.at("gone"), &nowhere).unwrap();
    let commands: [&[&str]; 2] =
        [&["results", "report", &result, "--out", &nowhere], &[&export[..], &[&nowhere]].concat()];
    for args in commands {
        cli.run(args).fails("a link that leads nowhere", 64, &["exists already", "--force"]);
    }
    assert!(fs::symlink_metadata(&nowhere).unwrap().is_symlink() && !cli.at("gone").exists());
    assert_eq!(fs::read(neighbour).unwrap(), b"a neighbour");
}

#[test]
fn a_sweep_leaves_files_beside_its_own_alone() {
    let cli = Cli::new();
    let (trades, folder) = (shipped_one("trades"), text(&cli.at("sweep")));
    fs::create_dir(&folder).unwrap();
    // Left by a sweep that was killed before it had a plan.
    cli.file("sweep/.plan.json.part-1-0", "half");
    let sweep = ["sweep", "--strategy", "pump_v2", "--set", "/maxHoldSeconds=300,600", "--data", &trades];
    let sweep = [&sweep[..], &["--symbol", "BTCUSDT", "--skip-unfit", "--out", &folder]].concat();
    cli.ok(&sweep);
    let neighbours = ["sweep/plan.part", "sweep/runs.part"].map(|name| cli.file(name, "a neighbour"));
    cli.ok(&sweep);
    neighbours.iter().for_each(|path| assert_eq!(fs::read(path).unwrap(), b"a neighbour"));
    assert!(!cli.at("sweep/.plan.json.part-1-0").exists());
}

/// Regression: each of these waited for a writer for ever.
#[test]
fn a_pipe_in_the_place_of_a_file_is_refused_at_once() {
    let cli = Cli::new();
    let pipe = pipe(&cli, "pipe");
    let trades = shipped_one("trades");
    let commands: [(&[&str], i32, &str); 8] = [
        (&["strategies", "validate", &pipe], 64, "cannot run"),
        (&["strategies", "add", &pipe, "--id", "x"], 64, "not a file"),
        (&["backtest", "--strategy", "pump_v2", "--data", &trades, "--mapping", &pipe], 64, "not a file"),
        (&["import", &trades, "--mapping", &pipe], 64, "not a file"),
        (&["rehearse", "--generate", "1x1", "--scenario", &pipe], 64, "not a file"),
        (&["config", "check", &pipe], 78, "not a file"),
        (&["run", "--config", &pipe], 78, "not a file"),
        (&["sweep", "show", &text(&cli.at("sweep"))], 64, "not a file"),
    ];
    fs::create_dir(cli.at("sweep")).unwrap();
    for name in ["sweep/plan.json", "sweep/runs.log"] {
        self::pipe(&cli, name);
    }
    for (args, code, word) in commands {
        let ran = cli.run(args);
        assert!(ran.code == code && ran.err.contains(word), "{args:?}: {} {}", ran.code, ran.err);
    }
    assert!(cli.run(&["strategies", "validate", &pipe]).out.contains("not a file"));
}

#[test]
fn a_pipe_in_the_place_of_the_store_or_a_key_is_refused_at_once() {
    let cli = Cli::new();
    fs::create_dir(cli.state()).unwrap();
    pipe(&cli, "state/jwt.key");
    let config = cli.file(
        "config.json",
        json!({"http": {"listen": "127.0.0.1:0"}, "exchange": {"enabled": false}}).to_string(),
    );
    cli.run(&["run", "--config", &config]).fails("the key", 78, &["jwt.key", "not a file", "remove it"]);
    let store = store_path(&cli.state());
    fs::remove_file(&store).unwrap();
    assert!(Command::new("mkfifo").arg(&store).status().unwrap().success());
    let commands: [&[&str]; 3] = [&["verify"], &["recordings"], &["run", "--config", &config]];
    for args in commands {
        cli.run(args).fails("the store", 78, &["not the file of a store", "--state"]);
    }
}

/// Asserts that a text moves no cursor, and says the name of a hostile file in escapes.
#[track_caller]
fn is_plain(text: &str) {
    let raw = text.chars().find(|c| c.is_control() && *c != '\n' || *c == '\u{202e}');
    assert!(raw.is_none(), "{raw:?} in {text:?}");
    assert!(text.contains("\\u{1b}[31mEV\\nIL\\u{202e}"), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("IL")), "{text}");
}

#[test]
fn names_of_files_are_printed_with_escapes() {
    let cli = Cli::new();
    let named = |end: &str| text(&cli.at(&format!("\u{1b}[31mEV\nIL\u{202e}{end}")));
    let (trades, gone) = (named(".trades.csv.gz"), named("gone.csv"));
    fs::copy(shipped_one("trades"), &trades).unwrap();
    let backtest = ["backtest", "--strategy", "pump_v2", "--data", &trades, "--symbol", "BTCUSDT", "--keep"];
    let kept = cli.run(&[&backtest[..], &["--skip-unfit"]].concat());
    let refused = cli.run(&["import", &trades, "--dry-run"]);
    assert!(refused.code == 64 && refused.err.contains("rename it"), "{}", refused.err);
    for printed in [kept.err, refused.err] {
        is_plain(&printed);
    }
    let commands: [&[&str]; 6] = [
        &["import", &gone],
        &["import", &trades, &gone],
        &["backtest", "--strategy", &gone, "--data", &trades],
        &["strategies", "add", &gone, "--id", "x"],
        &["config", "check", &gone],
        &["results", "report", "none", "--out", &trades],
    ];
    for args in commands {
        is_plain(&cli.run(args).err);
    }
    is_plain(&cli.run(&["strategies", "validate", &gone]).out);
}

#[test]
fn a_strategy_with_a_name_that_terminals_obey_is_refused_and_one_kept_before_is_printed_with_escapes() {
    let cli = Cli::new();
    let mut document = cli.json(&["strategies", "show", "pump_v2"]);
    for name in ["\u{1b}[31mred", "pump\u{202e}evil", "two\nlines", "pump\0", "   "] {
        document["strategy_name"] = name.into();
        let file = cli.file("named.json", document.to_string());
        cli.run(&["strategies", "add", &file]).fails(name, 64, &["/strategy_name"]);
    }
    let store = Store::open(&cli.state(), OpenMode::CreateIfNew).unwrap();
    let name = "\u{1b}[31mEV\nIL\u{202e}";
    store.put_strategy("old", name, &document.to_string(), clock::now()).unwrap();
    drop(store);
    is_plain(&cli.ok(&["strategies", "list"]));
}
