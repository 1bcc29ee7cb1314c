//! `tradingd replay`: feeds a paper session's recorded input to the engine again and compares the decisions.

use super::daemon::encoded;
use super::state::Holder;
use super::{Failure, Global, terminal};
use crate::service::sessions::{self, Difference, Replayed};
use crate::store::OpenMode;
use clap::Args;
use serde_json::Value;

/// Options of `tradingd replay`.
#[derive(Args)]
pub struct Options {
    /// The session's id.
    session: String,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Replays a session and prints the comparison.
///
/// # Errors
/// An unknown session, one without input to replay, or a replay that differs (exit code 1).
pub fn run(global: &Global, options: &Options) -> Result<(), Failure> {
    let replayed = match global.holder(OpenMode::MustExist)? {
        Holder::Command(store) => sessions::replay(&store, &options.session, &|| true)?,
        Holder::Daemon(daemon) => {
            let json = daemon.get(&format!("/sessions/{}/replay", encoded(&options.session)))?;
            serde_json::from_value(json)
                .map_err(|error| Failure::other(format!("the daemon's answer cannot be read: {error}")))?
        }
    };
    match options.json {
        true => terminal::print(&format!("{:#}\n", serde_json::to_value(&replayed).unwrap_or_default())),
        false => terminal::print(&text(&replayed)),
    }
    match (replayed.equal, replayed.engine_version, replayed.engine_version_replayed) {
        (true, ..) => Ok(()),
        (false, made, here) if made == here => Err(Failure::other("the replay differs from the session")),
        (false, made, here) => Err(Failure::other(format!(
            "the session was decided by engine version {made} and this program has engine version {here}: they decide differently; replay it \
             with the program that ran it"
        ))),
    }
}

fn text(replayed: &Replayed) -> String {
    let word = if replayed.equal { "equal" } else { "different" };
    let mut text = format!(
        "{word}: {} events the same over {} ticks\n  digest recorded  {}\n  digest replayed  {}\n",
        replayed.events_equal,
        replayed.ticks,
        replayed.digest_recorded.as_deref().unwrap_or("none: the session has no result"),
        replayed.digest_replayed
    );
    if let Some(Difference { place, recorded, replayed }) = &replayed.first_difference {
        let side = |value: &Option<Value>| {
            value.as_ref().map_or("nothing more".to_owned(), |value| format!("{value:#}"))
        };
        text.push_str(&format!(
            "first difference, event {place}\nrecorded: {}\nreplayed: {}\n",
            side(recorded),
            side(replayed)
        ));
    }
    text
}
