//! Routes of what a person does to running sessions.

use super::{POST, ask};
use crate::auth::Role;
use crate::http::handlers::controls;
use crate::http::lanes::Lane;
use crate::http::route::Answers::Data;
use crate::http::route::Run::Blocking;
use crate::http::route::{Access, Route};
use crate::service::sessions::Act;

/// Why nothing was done to a session.
const REFUSALS: &[(u16, &str)] = &[(404, "session_not_found"), (409, "session_ended"), (409, "no_account")];

const LIVE: Access = Access::Role(Role::Live);

/// The routes.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/sessions/{id}/pause",
        tag: "sessions",
        about: "Take no new entries in a session; its positions are managed. In the journal when this is answered; a live session needs the role live.",
        refusals: REFUSALS,
        answers: Data("SessionControl"),
        lane: Lane::Control,
        run: Blocking(|context, call| controls::one(context, call, Act::Pause)),
        examples: &[ask("unknown", "/sessions/nothing/pause", 404)],
        ..POST
    },
    Route {
        path: "/api/control/pause",
        tag: "sessions",
        about: "Take no new entries in any session with real money.",
        access: LIVE,
        answers: Data("SessionControls"),
        lane: Lane::Urgent,
        run: Blocking(|context, call| controls::all(context, call, Act::Pause)),
        examples: &[ask("none runs", "/api/control/pause", 200)],
        ..POST
    },
    Route {
        path: "/sessions/{id}/resume",
        tag: "sessions",
        about: "Take entries in a session again.",
        refusals: REFUSALS,
        answers: Data("SessionControl"),
        lane: Lane::Control,
        run: Blocking(|context, call| controls::one(context, call, Act::Resume)),
        examples: &[ask("unknown", "/sessions/nothing/resume", 404)],
        ..POST
    },
    Route {
        path: "/api/control/resume",
        tag: "sessions",
        about: "Take entries in all sessions with real money again.",
        access: LIVE,
        answers: Data("SessionControls"),
        lane: Lane::Urgent,
        run: Blocking(|context, call| controls::all(context, call, Act::Resume)),
        examples: &[ask("none runs", "/api/control/resume", 200)],
        ..POST
    },
    Route {
        path: "/sessions/{id}/cancel",
        tag: "sessions",
        about: "Take no new entries in a session and withdraw those that work.",
        refusals: REFUSALS,
        answers: Data("SessionControl"),
        lane: Lane::Control,
        run: Blocking(|context, call| controls::one(context, call, Act::Cancel)),
        examples: &[ask("unknown", "/sessions/nothing/cancel", 404)],
        ..POST
    },
    Route {
        path: "/api/control/cancel",
        tag: "sessions",
        about: "Take no new entries in any session with real money and withdraw those that work.",
        access: LIVE,
        answers: Data("SessionControls"),
        lane: Lane::Urgent,
        run: Blocking(|context, call| controls::all(context, call, Act::Cancel)),
        examples: &[ask("none runs", "/api/control/cancel", 200)],
        ..POST
    },
    Route {
        path: "/sessions/{id}/flatten",
        tag: "sessions",
        about: "Withdraw entries and close every position of a session at the market; waits up to ten seconds until nothing is open. It stays paused.",
        refusals: REFUSALS,
        answers: Data("SessionControl"),
        lane: Lane::Control,
        run: Blocking(|context, call| controls::one(context, call, Act::Flatten)),
        examples: &[ask("unknown", "/sessions/nothing/flatten", 404)],
        ..POST
    },
    Route {
        path: "/api/control/flatten",
        tag: "sessions",
        about: "Withdraw entries and close every position of every session with real money; waits up to ten seconds.",
        access: LIVE,
        answers: Data("SessionControls"),
        lane: Lane::Urgent,
        run: Blocking(|context, call| controls::all(context, call, Act::Flatten)),
        examples: &[ask("none runs", "/api/control/flatten", 200)],
        ..POST
    },
    Route {
        path: "/api/control/lock",
        tag: "sessions",
        about: "Lock live trading: every session with real money closes what it has, and nothing is begun until an admin unlocks.",
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
