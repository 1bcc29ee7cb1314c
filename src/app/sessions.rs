//! `tradingd sessions`: lists and shows sessions.

use super::table::{Align, table};
use super::{Failure, Global, terminal};
use crate::domain::time::Timestamp;
use crate::service::Records;
use crate::store::records::SessionRow;
use crate::store::{Store, StoreError};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

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
}

/// Lists sessions or shows one.
///
/// # Errors
/// An unknown id, or a store that cannot be opened.
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    let records = match &options.action {
        Action::List { .. } => Records::Sessions,
        Action::Show { id } => Records::Session(id.clone()),
    };
    let store = global.read(&[records])?;
    match &options.action {
        Action::List { json: true } => {
            let all: Vec<Value> = store.sessions()?.iter().map(to_json).collect();
            terminal::print(&format!("{:#}\n", json!({ "sessions": all })));
        }
        Action::List { json: false } => terminal::print(&to_text(&store.sessions()?)),
        Action::Show { id } => {
            let session = store.session(id).map_err(|error| not_a_session(&store, id, error))?;
            terminal::print(&format!("{:#}\n", to_json(&session)));
        }
    }
    Ok(())
}

/// Error for an unknown session: results of `tradingd backtest` have ids of the same form, so it names them.
fn not_a_session(store: &Store, id: &str, error: StoreError) -> Failure {
    match store.result(id) {
        Ok(_) => Failure::input(format!(
            "{id} is a result of the command line, not a session: `tradingd results show {id}` shows it"
        )),
        Err(_) => Failure::from(error).because("`tradingd sessions list` lists all"),
    }
}

fn to_text(sessions: &[SessionRow]) -> String {
    if sessions.is_empty() {
        return "no sessions yet\n".to_owned();
    }
    let columns = [
        ("id", Align::Left),
        ("kind", Align::Left),
        ("state", Align::Left),
        ("created", Align::Left),
        ("ended", Align::Left),
    ];
    let row = |session: &SessionRow| {
        let ended = session.ended_us.and_then(time).unwrap_or_else(|| "—".to_owned());
        let created = time(session.created_us).unwrap_or_else(|| "—".to_owned());
        vec![session.id.clone(), session.kind.clone(), session.state.clone(), created, ended]
    };
    table(&columns, sessions.iter().map(row).collect(), &[], &[4, 3])
}

fn to_json(session: &SessionRow) -> Value {
    json!({
        "id": session.id,
        "kind": session.kind,
        "state": session.state,
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
