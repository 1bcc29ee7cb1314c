//! The command line beside a running daemon: the same output as without it, files that the command reads
//! itself, and a socket that serves this user only.

use super::daemon::{Daemon, PASSWORD, config};
use crate::cli::{Cli, Ran, shipped_one, skipped, text};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tradingd::domain::rng::Rng;

/// A folder for a daemon and for commands, which use the same state directory.
fn folder() -> Cli {
    let cli = Cli::new();
    cli.file("config.json", config().to_string());
    cli
}

fn daemon(cli: &Cli) -> Daemon {
    Daemon::at(&cli.at("."))
}

fn stop(mut daemon: Daemon) {
    daemon.signal("TERM");
    assert_eq!(daemon.wait(), Some(0));
}

/// A strategy document that trades often.
fn breakout(cli: &Cli, name: &str) -> String {
    let path = format!("{}/config/strategies/examples/minute_breakout.json", env!("CARGO_MANIFEST_DIR"));
    let mut document: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    document["strategy_name"] = format!("Breakout {name}").into();
    cli.file(&format!("{name}.json"), document.to_string())
}

/// Ids of all results, newest first.
fn results(cli: &Cli) -> Vec<String> {
    let all = cli.json(&["results", "list", "--json"]);
    all["results"].as_array().unwrap().iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_command_prints_beside_a_daemon_what_it_prints_without() {
    let cli = folder();
    // Brings in the built-in strategies, so that both sides see the same store.
    stop(daemon(&cli));
    let recording = cli.import(&[shipped_one("trades"), shipped_one("book20")]);
    let id = recording["id"].as_str().unwrap();
    cli.ok(&["strategies", "add", &breakout(&cli, "mine")]);
    for seed in ["0", "1"] {
        cli.ok(&["backtest", "--strategy", "mine", "--recording", id, "--seed", seed]);
    }
    let results = results(&cli);
    let (one, other) = (results[0].as_str(), results[1].as_str());
    let (trades, book) = (shipped_one("trades"), shipped_one("book20"));
    let commands: Vec<Vec<&str>> = vec![
        vec!["recordings"],
        vec!["recordings", "list", "--json"],
        vec!["recordings", id],
        vec!["recordings", "show", id, "--json"],
        vec!["recordings", "show", "session_x"],
        vec!["recordings", "delete", "session_x", "--yes"],
        vec!["export", id, "--out", "-", "--stream", "trades"],
        vec!["export", "session_x", "--out", "-"],
        vec!["strategies", "list"],
        vec!["strategies", "list", "--json"],
        vec!["strategies", "show", "mine"],
        vec!["strategies", "show", "nothing"],
        vec!["strategies", "delete", "nothing"],
        vec!["results", "list"],
        vec!["results", "list", "--json"],
        vec!["results", "show", one],
        vec!["results", "show", "exec_x"],
        vec!["results", "trades", one],
        vec!["results", "trades", "exec_x"],
        vec!["results", "report", "exec_x", "--out", "none.html"],
        vec!["results", "compare", one, "exec_x"],
        vec!["results", "equity", one, "--json"],
        vec!["results", "signals", one],
        vec!["results", "compare", one, other],
        vec!["sessions", "list"],
        vec!["sessions", "show", one],
        vec!["sessions", "show", "exec_x"],
        vec!["replay", one],
        vec!["replay", "exec_x"],
        vec!["verify", "--json"],
        vec!["backtest", "--strategy", "mine", "pump_v2", "--data", &trades, &book, "--json"],
        vec!["backtest", "--strategy", "mine", "--data", &trades, &book, "--explain-trade", "worst"],
        vec![
            "backtest",
            "--strategy",
            "mine",
            "--recording",
            id,
            "--explain",
            "BTCUSDT@2024-08-08T23:57:00Z",
        ],
        vec!["backtest", "--strategy", "mine", "--recording", "session_x"],
    ];
    let names_nothing = |args: &[&str]| args.iter().any(|arg| arg.ends_with("_x") || *arg == "nothing");
    let fails =
        |args: &[&str]| names_nothing(args) || args[0] == "replay" || args.starts_with(&["sessions", "show"]);
    let alone: Vec<_> = commands.iter().map(|args| cli.run(args)).collect();
    let running = daemon(&cli);
    for (args, alone) in commands.iter().zip(alone) {
        let beside = cli.run(args);
        assert_eq!(beside.code != 0, fails(args), "{args:?}: {}", beside.err);
        assert_eq!((beside.code, &beside.out, &beside.err), (alone.code, &alone.out, &alone.err), "{args:?}");
        let is_unknown = names_nothing(args) || args[0] == "replay";
        assert_eq!(beside.err.contains("lists all"), is_unknown, "{args:?}: {}", beside.err);
    }
    let page = text(&cli.at("page.html"));
    cli.ok(&["results", "report", one, "--out", &page]);
    assert!(fs::read_to_string(page).unwrap().contains("<html"));
    // Nothing but the store and its socket is left in the state directory.
    let mut names: Vec<String> = fs::read_dir(cli.state())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("tradingd"))
        .collect();
    names.sort();
    assert_eq!(names, ["tradingd.redb", "tradingd.redb.marker", "tradingd.sock"]);
    stop(running);
}

#[test]
fn what_a_command_makes_beside_a_daemon_is_kept_by_it() {
    let cli = folder();
    let running = daemon(&cli);
    let recording = cli.import(&[shipped_one("trades"), shipped_one("book20")]);
    let id = recording["id"].as_str().unwrap();
    assert_eq!(cli.recordings(), std::slice::from_ref(&recording));
    let (mine, alone) = (breakout(&cli, "mine"), Cli::new());
    assert_eq!(cli.ok(&["strategies", "add", &mine]), "added mine version 1\n");
    assert!(cli.ok(&["strategies", "add", &mine]).contains("is this document already"));
    fs::copy(breakout(&cli, "yours"), &mine).unwrap();
    assert_eq!(cli.ok(&["strategies", "add", &mine]), "added mine version 2\n");
    cli.run(&["strategies", "add", &mine, "--id", "other"]).fails(
        "a name twice",
        64,
        &["PUT /api/strategies/mine", "strategies add FILE --id mine", "choose another strategy_name"],
    );

    let run = |cli: &Cli, id: &str| {
        let ran = cli.run(&["backtest", "--strategy", "mine", "--recording", id, "--json"]);
        assert!(ran.code == 0 && ran.err.contains("stored as exec_"), "{}", ran.err);
        let mut result: Value = serde_json::from_str(&ran.out).unwrap();
        result["results"][0]["source"] = Value::Null;
        (result["results"][0]["digest"].clone(), result["results"][0]["trades"].clone())
    };
    let beside = run(&cli, id);
    let listed = cli.json(&["strategies", "list", "--json"]);
    assert!(listed.to_string().contains("\"mine\""), "{listed}");
    let stored = results(&cli);
    assert!(cli.ok(&["results", "show", &stored[0]]).contains("\"digest\""));
    // Its statistics too: the list in the daemon's memory knows the result.
    let strategies = ask(&cli, "GET /api/strategies HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(strategies.contains(&stored[0]), "{strategies}");

    // The same alone.
    let same = alone.import(&[shipped_one("trades"), shipped_one("book20")]);
    alone.ok(&["strategies", "add", &mine, "--id", "mine"]);
    assert_eq!(run(&alone, same["id"].as_str().unwrap()), beside);
    for key in ["rows", "bytes", "symbols", "gaps"] {
        assert_eq!(same[key], recording[key], "{key}");
    }

    cli.holds_exactly(recording["rows"].as_u64().unwrap());
    let bad = cli.file("bad.csv", "name,age\na,1\n");
    cli.run(&["import", &bad]).fails("a foreign table", 64, &["known layout"]);
    assert_eq!(cli.ok(&["recordings", "delete", id, "--yes"]), format!("deleted {id}\n"));
    assert_eq!(cli.ok(&["strategies", "delete", "mine"]), "deleted mine\n");
    assert!(cli.recordings().is_empty());
    // The log names who did it, on the socket and not over an address.
    let log = running.log.lock().unwrap().clone();
    assert!(log.contains("peer=local:") && log.contains("path=\"/api/records\""), "{log}");
    stop(running);
    cli.holds_exactly(0);
    assert_eq!(results(&cli), stored);
}

/// Five strategies on a month of files, compared, and the worst trade of the best explained: six commands.
#[test]
fn a_traders_day_beside_a_daemon() {
    let cli = folder();
    let running = daemon(&cli);
    let month = cli.at("month");
    fs::create_dir(&month).unwrap();
    let mut rows = String::new();
    flate2::read::GzDecoder::new(fs::File::open(shipped_one("trades")).unwrap())
        .read_to_string(&mut rows)
        .unwrap();
    let (head, rows) = rows.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    for (day, part) in rows.chunks(rows.len().div_ceil(31)).enumerate() {
        let name = format!("BTCUSDT-trades-2024-08-{:02}.csv", day + 1);
        fs::write(month.join(name), format!("{head}\n{}\n", part.join("\n"))).unwrap();
    }
    let quick = format!("{}/config/strategies/examples/quick_breakout.json", env!("CARGO_MANIFEST_DIR"));
    let text_of = fs::read_to_string(quick).unwrap();
    let variants: Vec<String> = (1..=5)
        .map(|number| {
            let mut document: Value = serde_json::from_str(&text_of).unwrap();
            document["strategy_name"] = format!("Variant {number}").into();
            document["z1_entry"]["conditions"].as_array_mut().unwrap().retain(|one| one["id"] != "z1_spread");
            document["s1_signal"]["conditions"][1]["value"] = (1.0 + 0.1 * f64::from(number)).into();
            cli.file(&format!("variant_{number}.json"), document.to_string())
        })
        .collect();
    let all: Vec<&str> = variants.iter().map(String::as_str).collect();

    let imported = cli.ok(&["import", &text(&month)]);
    let id = imported.lines().next().unwrap();
    let runs = cli.run(&[&["backtest", "--recording", id, "--strategy"], &all[..]].concat());
    assert_eq!(runs.err.matches("stored as exec_").count(), 5, "{}", runs.err);
    let ids: Vec<&str> =
        runs.err.lines().filter_map(|line| line.strip_prefix("stored as ")?.split(' ').next()).collect();
    let listed = cli.ok(&["results", "list"]);
    assert!(ids.iter().all(|id| listed.contains(id)), "{listed}");
    let compared = cli.ok(&[&["results", "compare"], &ids[..]].concat());
    assert!(compared.contains("variant_3") && compared.contains("Net profit"), "{compared}");
    let explained =
        cli.ok(&["backtest", "--recording", id, "--strategy", all[0], "--explain-trade", "worst"]);
    assert!(explained.contains("entry") && explained.contains("exit"), "{explained}");
    let trades = cli.ok(&["results", "trades", ids[0]]);
    assert!(trades.lines().count() > 1 && trades.contains(",BTCUSDT,"), "{trades}");
    stop(running);
}

/// A recording that takes more bytes than all buffers on the way to a command hold; returns its id.
fn import_large(cli: &Cli) -> String {
    let mut chance = Rng::new(1);
    let mut draw = |below: u64| chance.next() % below;
    let mut rows = String::from("timestamp_us,symbol,price,quantity,side\n");
    let mut at = 1_700_000_000_000_000;
    for _ in 0..250_000 {
        at += draw(200_000);
        let (price, quantity) = (50_000 + draw(100), draw(1_000_000_000));
        rows += &format!("{at},BTC_USDT,{price},{quantity}.5,{}\n", ["buy", "sell"][draw(2) as usize]);
    }
    let recording = cli.import(&[cli.file("BTC_USDT.trades.csv", rows)]);
    assert!(recording["bytes"].as_u64().unwrap() > 1_500_000, "{recording}");
    recording["id"].as_str().unwrap().to_owned()
}

#[test]
fn copies_that_nobody_reads_delay_no_list_and_are_no_failure_of_the_disk() {
    let cli = folder();
    let id = import_large(&cli);
    let running = daemon(&cli);
    let asked = format!("GET /api/records?kind=recordings&id={id} HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut unread: Vec<UnixStream> = (0..8)
        .map(|_| {
            let mut socket = UnixStream::connect(cli.state().join("tradingd.sock")).unwrap();
            socket.write_all(asked.as_bytes()).unwrap();
            socket
        })
        .collect();
    let mut begun = [0; 12];
    unread[0].read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    // Cutting off those who do not read takes ten seconds; the list does not wait for it.
    let asking = Instant::now();
    assert!(cli.ok(&["recordings"]).contains(&id));
    assert!(asking.elapsed() < Duration::from_secs(6), "the list took {:?}", asking.elapsed());
    drop(unread);
    let log = || running.log.lock().unwrap().clone();
    while !log().contains("a copy of records was cut short") {
        assert!(asking.elapsed() < Duration::from_secs(60), "{}", log());
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert!(log().contains("the copy was not read to its end") && !log().contains("disk"), "{}", log());
}

#[test]
fn sessions_of_the_daemon_are_started_and_stopped() {
    let cli = folder();
    cli.run(&["sessions", "stop", "exec_x"]).fails("no daemon", 69, &["no daemon runs", "tradingd run"]);
    let running = daemon(&cli);
    let recording = cli.import(&[shipped_one("trades")]);
    let mut request = serde_json::json!({
        "session_type": "backtest",
        "strategy_config": {"strategies": ["pump_v2"]},
        "config": {"session_id": recording["id"], "acceleration_factor": 1.0},
    });
    let file = cli.file("request.json", request.to_string());
    let started = cli.run(&["sessions", "start", &file]);
    let id = started.out.trim();
    assert!(started.code == 0 && id.starts_with("exec_"), "{}", started.err);
    assert!(started.err.contains("warning: ") && started.err.contains("pump_v2"), "{}", started.err);
    assert_eq!(cli.json(&["sessions", "show", id])["state"], "running");
    let busy = &["recordings", "delete", recording["id"].as_str().unwrap(), "--yes"];
    cli.run(busy).fails("a recording in use", 64, &[id, "stop that first"]);
    assert_eq!(cli.ok(&["sessions", "stop", id]), format!("stopped {id}\n"));
    assert_eq!(cli.json(&["sessions", "show", id])["state"], "stopped");
    cli.run(&["sessions", "stop", id]).fails("a stopped one", 64, &["has ended already"]);
    cli.ok(busy);
    request["session_type"] = "backtes".into();
    let file = cli.file("request.json", request.to_string());
    cli.run(&["sessions", "start", &file]).fails("a wrong type", 64, &["did you mean \"backtest\"?"]);
    let log = running.log.lock().unwrap().clone();
    assert!(log.contains(id) && log.contains("local:"), "{log}");
}

#[test]
fn users_are_managed_beside_a_daemon() {
    let cli = folder();
    let mut running = daemon(&cli);
    assert!(running.setup_code.is_some() && cli.ok(&["user", "list"]).contains("no users yet"));
    let add = |name: &str, password: &str| {
        let args = ["user", "add", name, "--role", "admin", "--password-stdin"];
        let mut child = cli.command(&args).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        Ran::of(&child.wait_with_output().unwrap(), &args)
    };
    add("anna", "short").fails("a short password", 64, &["password"]);
    assert_eq!(add("anna", PASSWORD).out, "anna may log in as admin\n");
    add("anna", PASSWORD).fails("the same user again", 64, &["anna"]);
    assert!(!running.log_in("anna").cookie.is_empty());
    assert_eq!(add("bert", PASSWORD).out, "bert may log in as admin\n");
    assert_eq!(cli.ok(&["user", "disable", "bert"]), "bert may not log in any more\n");
    assert_eq!(cli.ok(&["user", "enable", "bert"]), "bert may log in again\n");
    assert_eq!(cli.ok(&["user", "remove", "bert"]), "bert is removed\n");
    cli.run(&["user", "passwd", "bert", "--password-stdin"]).fails(
        "an unknown user",
        64,
        &["no user of this name"],
    );
    let beside = cli.json(&["user", "list", "--json"]);
    running.kill();
    let alone = cli.json(&["user", "list", "--json"]);
    assert_eq!(beside["users"][0]["name"], alone["users"][0]["name"]);
    assert_eq!(beside["users"].as_array().unwrap().len(), 1);
}

#[test]
fn data_and_built_in_strategies_need_no_store() {
    let cli = folder();
    let args = ["backtest", "--strategy", "pump_v2", "--data", &shipped_one("trades"), "--json"];
    let shown = cli.ok(&args);
    // A store that cannot be read does not matter either.
    fs::create_dir(cli.state()).unwrap();
    fs::write(cli.state().join("tradingd.redb"), "no store").unwrap();
    let ran = cli.run(&args);
    assert_eq!((ran.code, &ran.out), (0, &shown), "{}", ran.err);
    assert!(ran.err.contains("as they come with the program"), "{}", ran.err);
}

/// Sends a request over the socket; returns the whole answer.
fn ask(cli: &Cli, request: &str) -> String {
    let mut stream = UnixStream::connect(cli.state().join("tradingd.sock")).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_socket_is_for_this_user_and_for_no_browser() {
    let cli = folder();
    let mut killed = daemon(&cli);
    killed.kill();
    let socket = cli.state().join("tradingd.sock");
    assert!(fs::metadata(&socket).unwrap().file_type().is_socket(), "a killed daemon leaves it");
    // Without a daemon it does not matter.
    cli.ok(&["recordings"]);
    let running = daemon(&cli);
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&socket), mode(&cli.state())), (0o600, 0o700));

    let get = |path: &str, header: &str| {
        ask(&cli, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n{header}Connection: close\r\n\r\n"))
    };
    let me = get("/api/v1/auth/me", "");
    assert!(me.starts_with("HTTP/1.1 200") && me.contains("\"admin\"") && me.contains("local:"), "{me}");
    for header in
        ["Origin: http://localhost\r\n", "Cookie: a=b\r\n", "Sec-Fetch-Site: none\r\n", "Via: 1.1 x\r\n"]
    {
        let refused = get("/api/v1/auth/me", header);
        assert!(refused.starts_with("HTTP/1.1 403") && refused.contains("origin_not_allowed"), "{refused}");
    }
    // The rest of the pipeline holds: sizes, query, method.
    assert!(get("/api/strategies?limits=1", "").starts_with("HTTP/1.1 400"));
    let large = format!(
        "POST /sessions/stop HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        1 << 20
    );
    assert!(ask(&cli, &large).starts_with("HTTP/1.1 413"));
    // Changes need no CSRF token here, but a login over the network.
    let body = r#"{"session_id": "exec_x"}"#;
    let stop_it = format!(
        "POST /sessions/stop HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert!(ask(&cli, &stop_it).starts_with("HTTP/1.1 404"));
    let over_tcp = running.ask("GET", "/api/records?kind=recordings", &[], None);
    assert_eq!((over_tcp.status, over_tcp.code().as_str()), (401, "authentication_required"));
    stop(running);
    assert!(!socket.exists());
}

/// Needs root, to act as another user.
#[test]
fn another_user_is_refused_even_where_the_rights_of_the_files_let_them_in() {
    const NOBODY: &str = "65534";
    let cli = folder();
    let running = daemon(&cli);
    let open = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    open(&cli.at("."), 0o755);
    open(&cli.state(), 0o755);
    open(&cli.state().join("tradingd.sock"), 0o666);
    let ran = Command::new("setpriv")
        .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", env!("CARGO_BIN_EXE_tradingd")])
        .args(["recordings", "--state", &text(&cli.state())])
        .output();
    let said =
        ran.map_or_else(|error| error.to_string(), |ran| String::from_utf8_lossy(&ran.stderr).into_owned());
    if !said.contains("the daemon") {
        return skipped(&format!("another user cannot be tried here: {}", said.trim()));
    }
    assert!(said.contains("was lost"), "{said}");
    let log = running.log.lock().unwrap().clone();
    assert!(log.contains("local connection of another user refused") && log.contains(NOBODY), "{log}");
    cli.ok(&["strategies", "list"]);
}

#[test]
fn a_daemon_of_another_version_is_asked_for_nothing_else() {
    let cli = folder();
    cli.import(&[shipped_one("trades")]);
    let listener = UnixListener::bind(cli.state().join("tradingd.sock")).unwrap();
    let asked = std::thread::spawn(move || {
        let mut lines = Vec::new();
        // The command connects once to see whether anybody listens, and once to ask.
        for stream in listener.incoming().take(2) {
            let mut stream = BufReader::new(stream.unwrap());
            let mut line = String::new();
            if stream.read_line(&mut line).unwrap() == 0 {
                continue;
            }
            lines.push(line.clone());
            while line.trim_end() != "" {
                line.clear();
                stream.read_line(&mut line).unwrap();
            }
            let body = r#"{"type":"response","data":{"status":"ok","version":"99.1.0"}}"#;
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
        }
        lines
    });
    cli.run(&["recordings"]).fails("another version", 69, &["tradingd 99.1.0", "this command is tradingd"]);
    assert_eq!(asked.join().unwrap(), ["GET /health HTTP/1.1\r\n"]);
}
