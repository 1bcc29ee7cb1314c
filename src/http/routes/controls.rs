//! Routes of what a person does to running sessions.

use super::{POST, ask};
use crate::auth::Role;
use crate::http::handlers::controls;
use crate::http::lanes::Lane;
use crate::http::route::Answers::Data;
use crate::http::route::RunMode::Blocking;
use crate::http::route::{Access, Example, Handler, Route};
use crate::service::sessions::SessionControl;

/// Why nothing was done to a session.
const REFUSALS: &[(u16, &str)] =
    &[(404, "session_not_found"), (409, "session_ended"), (409, "no_account"), (503, "session_busy")];

const LIVE: Access = Access::Role(Role::Live);

/// A control of one session, which may wait for it.
const fn one(path: &'static str, about: &'static str, run: Handler, examples: &'static [Example]) -> Route {
    let answers = Data("SessionControl");
    Route {
        path,
        tag: "sessions",
        about,
        refusals: REFUSALS,
        answers,
        lane: Lane::Control,
        run: Blocking(run),
        examples,
        ..POST
    }
}

/// A control of every session with real money.
const fn all(path: &'static str, about: &'static str, run: Handler, examples: &'static [Example]) -> Route {
    let answers = Data("SessionControls");
    Route {
        path,
        tag: "sessions",
        about,
        access: LIVE,
        refusals: &[(503, "session_busy")],
        answers,
        lane: Lane::Urgent,
        run: Blocking(run),
        examples,
        ..POST
    }
}

/// The routes.
pub const ROUTES: &[Route] = &[
    one(
        "/sessions/{id}/pause",
        "Stop new entries of a session; its positions are still managed. The command is on disk before the answer; a live session needs the role live.",
        |context, call| controls::one(context, call, SessionControl::Pause),
        &[ask("unknown", "/sessions/nothing/pause", 404)],
    ),
    all(
        "/api/control/pause",
        "Stop new entries of every session with real money.",
        |context, call| controls::all(context, call, SessionControl::Pause),
        &[ask("none runs", "/api/control/pause", 200)],
    ),
    one(
        "/sessions/{id}/resume",
        "Allow entries of a session again.",
        |context, call| controls::one(context, call, SessionControl::Resume),
        &[ask("unknown", "/sessions/nothing/resume", 404)],
    ),
    all(
        "/api/control/resume",
        "Allow entries of all sessions with real money again.",
        |context, call| controls::all(context, call, SessionControl::Resume),
        &[ask("none runs", "/api/control/resume", 200)],
    ),
    one(
        "/sessions/{id}/cancel",
        "Stop new entries of a session and cancel the working ones.",
        |context, call| controls::one(context, call, SessionControl::Cancel),
        &[ask("unknown", "/sessions/nothing/cancel", 404)],
    ),
    all(
        "/api/control/cancel",
        "Stop new entries of every session with real money and cancel the working ones.",
        |context, call| controls::all(context, call, SessionControl::Cancel),
        &[ask("none runs", "/api/control/cancel", 200)],
    ),
    one(
        "/sessions/{id}/flatten",
        "Cancel entries and close every position of a session at the market; waits up to ten seconds until nothing is open. It stays paused.",
        |context, call| controls::one(context, call, SessionControl::Flatten),
        &[ask("unknown", "/sessions/nothing/flatten", 404)],
    ),
    all(
        "/api/control/flatten",
        "Cancel entries and close every position of every session with real money; waits up to ten seconds.",
        |context, call| controls::all(context, call, SessionControl::Flatten),
        &[ask("none runs", "/api/control/flatten", 200)],
    ),
    Route {
        path: "/api/control/lock",
        tag: "sessions",
        about: "Lock live trading: every session with real money closes its positions, and none opens new ones until an admin unlocks.",
        access: LIVE,
        refusals: &[(503, "lock_not_written")],
        answers: Data("LiveLocked"),
        lane: Lane::Urgent,
        run: Blocking(controls::lock),
        examples: &[ask("none runs", "/api/control/lock", 200)],
        ..POST
    },
    Route {
        path: "/api/control/unlock",
        tag: "sessions",
        about: "Unlock live trading. Sessions stay paused until somebody resumes them.",
        access: Access::Role(Role::Admin),
        refusals: &[(503, "lock_not_written")],
        answers: Data("LiveUnlocked"),
        lane: Lane::Urgent,
        run: Blocking(controls::unlock),
        examples: &[ask("not locked", "/api/control/unlock", 200)],
        ..POST
    },
];
