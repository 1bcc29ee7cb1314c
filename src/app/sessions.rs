//! `tradingd sessions`: lists and shows sessions; starts and stops those of a running daemon.

use super::daemon::{Daemon, encoded};
use super::table::{Align, table};
use super::{Failure, Global, terminal};
use crate::domain::time::Timestamp;
use crate::domain::visible::Visible;
use crate::limits::HTTP_BODY_BYTES;
use crate::regular_file;
use crate::service::Records;
use crate::store::records::SessionRow;
use crate::store::{Store, StoreError};
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A longer request is refused by the daemon, so no more of it is read.
const REQUEST_BYTES: u64 = HTTP_BODY_BYTES as u64 + 1;

/// Options of `tradingd sessions`.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List all sessions, newest first.
    List {
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Show one session as JSON.
    Show {
        /// The session's id.
        id: String,
    },
    /// Start a session of the running daemon and print its id.
    Start {
        /// The request as JSON, as for `POST /sessions/start`; `-` is standard input.
        #[arg(value_name = "FILE|-")]
        request: PathBuf,
    },
    /// Stop a session of the running daemon; open positions are closed.
    Stop {
        /// The session's id.
        id: String,
    },
    /// Stop new entries of a session; its positions are still managed.
    Pause(Which),
    /// Allow entries again.
    Resume(Which),
    /// Stop new entries and cancel the working ones.
    Cancel(Which),
    /// Cancel entries and close every position at the market; the session stays paused.
    Flatten(Which),
}

/// One session, or all.
#[derive(Args)]
struct Which {
    /// The session's id; without it: every session with real money.
    id: Option<String>,
}

/// Runs one of the actions.
///
/// # Errors
/// An unknown id, a store that cannot be opened, what the daemon refuses, or no daemon to start or stop
/// sessions.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    match &options.action {
        Action::List { json } => list(&global.read(&[Records::Sessions])?, *json),
        Action::Show { id } => show(&global.read(&[Records::Session(id.clone())])?, id),
        Action::Start { request } => start(&daemon(global)?, request),
        Action::Stop { id } => stop(&daemon(global)?, id),
        Action::Pause(which) => control(&daemon(global)?, which, "pause"),
        Action::Resume(which) => control(&daemon(global)?, which, "resume"),
        Action::Cancel(which) => control(&daemon(global)?, which, "cancel"),
        Action::Flatten(which) => control(&daemon(global)?, which, "flatten"),
    }
}

fn list(store: &Store, as_json: bool) -> Result<(), Failure> {
    let all = store.sessions()?.into_iter().map(|row| with_pause(store, row));
    let all = all.collect::<Result<Vec<_>, _>>()?;
    terminal::print(&match as_json {
        true => format!("{:#}\n", json!({ "sessions": all.iter().map(to_json).collect::<Vec<_>>() })),
        false => to_text(&all),
    });
    Ok(())
}

/// A session, and whether its entries are paused.
fn with_pause(store: &Store, row: SessionRow) -> Result<(SessionRow, bool), StoreError> {
    let is_paused = row.ended_us.is_none() && store.is_paused(&row.id)?;
    Ok((row, is_paused))
}

fn show(store: &Store, id: &str) -> Result<(), Failure> {
    let session = store.session(id).map_err(|error| not_a_session(store, id, error))?;
    terminal::print(&format!("{:#}\n", to_json(&with_pause(store, session)?)));
    Ok(())
}

/// The daemon, without which no session runs.
fn daemon(global: &Global) -> Result<Daemon, Failure> {
    Daemon::required(&global.state(), "sessions run in a daemon")
}

fn start(daemon: &Daemon, request: &Path) -> Result<(), Failure> {
    let read = match request.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin().take(REQUEST_BYTES)),
        _ => regular_file::open(request).and_then(|file| std::io::read_to_string(file.take(REQUEST_BYTES))),
    };
    let json = read.map_err(|error| {
        Failure::input(format!(
            "{} cannot be read ({error}); check the path, or give `-` for standard input",
            request.visible()
        ))
    })?;
    let started = daemon.ask(Method::POST, "/sessions/start", Some(&json))?;
    for warning in started["data"]["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        terminal::notice(&format!("warning: {warning}"));
    }
    terminal::print(&format!("{}\n", started["session_id"].as_str().unwrap_or_default()));
    Ok(())
}

fn stop(daemon: &Daemon, id: &str) -> Result<(), Failure> {
    let stopped =
        daemon.ask(Method::POST, "/sessions/stop", Some(&json!({ "session_id": id }).to_string()))?;
    terminal::print(&match stopped["status"].as_str() {
        Some("stopping") => format!("{id} is stopping\n"),
        _ => format!("stopped {id}\n"),
    });
    Ok(())
}

fn control(daemon: &Daemon, which: &Which, word: &str) -> Result<(), Failure> {
    let path = match &which.id {
        Some(id) => format!("/sessions/{}/{word}", encoded(id)),
        None => format!("/api/control/{word}"),
    };
    let answer = daemon.ask(Method::POST, &path, None)?;
    let one = [answer.clone()];
    let all = answer["sessions"].as_array().map_or(&one[..], Vec::as_slice);
    if all.is_empty() {
        terminal::print("no session trades with real money\n");
    }
    for acted in all {
        let id = acted["session_id"].as_str().unwrap_or_default();
        let done = if acted["is_done"] == true { "done" } else { "not yet done, it will be" };
        let open = if acted["is_flat"] == true { "nothing is open" } else { "positions are open" };
        terminal::print(&format!("{id}: {word} {done}; {open}\n"));
    }
    Ok(())
}

/// Error for an unknown session: results of `tradingd backtest` have ids of the same form, so it names them.
fn not_a_session(store: &Store, id: &str, error: StoreError) -> Failure {
    match store.result(id) {
        Ok(_) => Failure::input(format!(
            "{id} is a result of the command line, not a session: `tradingd results show {id}` shows it"
        )),
        Err(_) => Failure::from(error),
    }
}

fn to_text(sessions: &[(SessionRow, bool)]) -> String {
    if sessions.is_empty() {
        return "no sessions yet\n".to_owned();
    }
    let columns = [
        ("id", Align::Left),
        ("kind", Align::Left),
        ("state", Align::Left),
        ("strategy", Align::Left),
        ("symbols", Align::Left),
        ("created", Align::Left),
        ("ended", Align::Left),
    ];
    let row = |(session, is_paused): &(SessionRow, bool)| {
        let ended = session.ended_us.and_then(time).unwrap_or_else(|| "—".to_owned());
        let created = time(session.created_us).unwrap_or_else(|| "—".to_owned());
        let strategies = session.strategies.iter().map(|one| format!("{} v{}", one.id, one.version));
        let strategies = strategies.collect::<Vec<_>>().join(",");
        let named = |text: String| if text.is_empty() { "—".to_owned() } else { text };
        vec![
            session.id.clone(),
            session.kind.clone(),
            if *is_paused { format!("{}, paused", session.state) } else { session.state.clone() },
            named(strategies),
            named(session.symbols.join(",")),
            created,
            ended,
        ]
    };
    table(&columns, sessions.iter().map(row).collect(), &[4, 3], &[6, 5])
}

fn to_json((session, is_paused): &(SessionRow, bool)) -> Value {
    let strategies =
        session.strategies.iter().map(|one| json!({"id": one.id, "version": one.version, "name": one.name}));
    json!({
        "id": session.id,
        "kind": session.kind,
        "state": session.state,
        "paused": is_paused,
        "strategies": strategies.collect::<Vec<_>>(),
        "symbols": session.symbols,
        "recording": session.recording_id.as_ref().or(session.input_recording_id.as_ref()),
        "created": time(session.created_us),
        "started": session.started_us.and_then(time),
        "ended": session.ended_us.and_then(time),
        "error": session.error,
        "result": session.result_id,
    })
}

fn time(us: i64) -> Option<String> {
    Timestamp::from_micros(us).map(|at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::records::SessionStrategyV2;

    #[test]
    fn the_list_says_what_each_session_ran_on_what() {
        let strategy = SessionStrategyV2 { id: "pump_v2".into(), version: 3, name: "Pump".into() };
        let paper = SessionRow {
            id: "exec_1".into(),
            symbols: vec!["BTC_USDT".into(), "ETH_USDT".into()],
            strategies: vec![strategy],
            ..SessionRow::default()
        };
        let text = to_text(&[
            (paper, true),
            (SessionRow { state: "failed".into(), ..SessionRow::default() }, false),
        ]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("strategy") && lines[0].contains("symbols"), "{text}");
        assert!(lines[1].contains("pump_v2 v3") && lines[1].contains("BTC_USDT,ETH_USDT"), "{text}");
        assert!(lines[1].contains(", paused") && !lines[2].contains("paused"), "{text}");
        assert!(lines[2].contains('—'), "{text}");
    }
}
