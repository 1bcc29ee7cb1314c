//! Routes of the copy in QuestDB.

use super::{ADMIN, DELETE, GET, POST, ask};
use crate::http::handlers::analytics;
use crate::http::lanes::Lane;
use crate::http::route::Answers::Data;
use crate::http::route::ParamKind::{Flag, Text};
use crate::http::route::RunMode::Blocking;
use crate::http::route::{Example, Param, Route};

const OFF: (u16, &str) = (409, "analytics_off");

/// The routes.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/api/analytics/status",
        tag: "analytics",
        about: "How the copy in QuestDB stands: state, lag, rows by table.",
        answers: Data("AnalyticsStatus"),
        run: Blocking(analytics::status),
        examples: &[ask("asked", "/api/analytics/status", 200)],
        ..GET
    },
    Route {
        path: "/api/analytics/sync",
        tag: "analytics",
        about: "Begin a round of copying now.",
        access: ADMIN,
        success: &[202],
        refusals: &[OFF],
        answers: Data("AnalyticsStatus"),
        run: Blocking(analytics::sync),
        examples: &[Example { name: "while it is off", path: None, body: None, status: 409 }],
        ..POST
    },
    Route {
        path: "/api/analytics/verify",
        tag: "analytics",
        about: "Compare the rows in QuestDB with the store by table, source and day.",
        access: ADMIN,
        query: &[Param { name: "repair", kind: Flag, about: "Send again what differs." }],
        refusals: &[OFF, (503, "analytics_unavailable")],
        answers: Data("AnalyticsComparison"),
        run: Blocking(analytics::verify),
        lane: Lane::Import,
        examples: &[Example { name: "while it is off", path: None, body: None, status: 409 }],
        ..POST
    },
    Route {
        path: "/api/analytics/rebuild",
        tag: "analytics",
        about: "Send a table again from the start.",
        access: ADMIN,
        query: &[Param {
            name: "table",
            kind: Text(64),
            about: "Its name without the prefix; all without it.",
        }],
        success: &[202],
        refusals: &[OFF],
        answers: Data("AnalyticsRebuild"),
        run: Blocking(analytics::rebuild),
        lane: Lane::Import,
        examples: &[Example { name: "while it is off", path: None, body: None, status: 409 }],
        ..POST
    },
    Route {
        path: "/api/analytics/dead-letters",
        tag: "analytics",
        about: "Rows that QuestDB rejected because of their content, oldest first, each with the reason.",
        access: ADMIN,
        answers: Data("DeadLetters"),
        run: Blocking(analytics::dead_letters),
        examples: &[ask("asked", "/api/analytics/dead-letters", 200)],
        ..GET
    },
    Route {
        path: "/api/analytics/dead-letters",
        tag: "analytics",
        about: "Forget the rows that QuestDB refused.",
        access: ADMIN,
        answers: Data("DeadLettersForgotten"),
        run: Blocking(analytics::forget_dead_letters),
        examples: &[Example { name: "all", path: None, body: None, status: 200 }],
        ..DELETE
    },
];
