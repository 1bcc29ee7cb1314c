//! Routes of the daemon itself, the WebSocket and the console.

use super::{ADMIN, GET, POST, ask};
use crate::http::console;
use crate::http::handlers::{metrics, operations, records, stream};
use crate::http::lanes::Lane;
use crate::http::route::Access::{Local, Public};
use crate::http::route::Answers::{Data, Flat, Media, Socket};
use crate::http::route::ParamKind::{Integer, Text, Word};
use crate::http::route::RunMode::{Async, Blocking, Now};
use crate::http::route::{Param, Route, Takes};
use crate::service::Records;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/health",
        tag: "operations",
        about: "Whether the process answers.",
        access: Public,
        answers: Data("Health"),
        run: Now(operations::health),
        examples: &[ask("asked", "/health", 200)],
        ..GET
    },
    Route {
        path: "/health/ready",
        tag: "operations",
        about: "Whether everything the daemon depends on works, each with its age.",
        access: Public,
        success: &[200, 503],
        answers: Data("Readiness"),
        run: Blocking(operations::ready),
        lane: Lane::Urgent,
        examples: &[ask("asked", "/health/ready", 200)],
        ..GET
    },
    Route {
        path: "/metrics",
        tag: "operations",
        about: "Numbers for Prometheus. From this host without a login.",
        access: Local,
        answers: Media(&["text/plain"]),
        run: Now(metrics::metrics),
        examples: &[ask("asked", "/metrics", 200)],
        ..GET
    },
    Route {
        path: "/api/events",
        tag: "operations",
        about: "What was decided or happened, over all sessions and the daemon itself, in the order in which it became durable.",
        query: &[
            Param {
                name: "after",
                kind: Integer(0, i64::MAX),
                about: "Only events with a higher position; from the oldest on when it is left out.",
            },
            Param {
                name: "limit",
                kind: Integer(1, 1_000),
                about: "Events at most; 200 when it is left out.",
            },
        ],
        refusals: &[(409, "cursor_expired")],
        answers: Data("EventLog"),
        run: Async(operations::events),
        examples: &[ask("asked", "/api/events?limit=2", 200)],
        ..GET
    },
    Route {
        path: "/api/log",
        tag: "operations",
        about: "The last lines of the daemon's log, kept in memory.",
        access: ADMIN,
        query: &[
            Param { name: "after", kind: Integer(0, i64::MAX), about: "Only lines with a higher number." },
            Param {
                name: "limit",
                kind: Integer(1, 1_000),
                about: "Lines at most, the newest; 200 when it is left out.",
            },
            Param {
                name: "level",
                kind: Word(&["error", "warn", "info", "debug"]),
                about: "Only lines at least as important.",
            },
        ],
        answers: Data("LogTail"),
        run: Now(operations::log),
        examples: &[
            ask("warnings", "/api/log?limit=50&level=warn", 200),
            ask("of no level", "/api/log?level=loud", 400),
        ],
        ..GET
    },
    Route {
        path: "/api/config",
        tag: "operations",
        about: "The configuration that is in force. There are no secrets in it.",
        answers: Data("DaemonConfig"),
        run: Now(operations::config),
        examples: &[ask("asked", "/api/config", 200)],
        ..GET
    },
    Route {
        path: "/api/config/status",
        tag: "operations",
        about: "Version of the configuration, when it was loaded, and what was wrong with the last change.",
        answers: Data("ConfigStatus"),
        run: Now(operations::config_status),
        examples: &[ask("asked", "/api/config/status", 200)],
        ..GET
    },
    Route {
        path: "/openapi.json",
        tag: "operations",
        about: "This documentation.",
        access: Public,
        answers: Flat("OpenApiDocument"),
        run: Now(operations::openapi),
        examples: &[ask("asked", "/openapi.json", 200)],
        ..GET
    },
    Route {
        path: "/asyncapi.json",
        tag: "operations",
        about: "The documentation of the WebSocket.",
        access: Public,
        answers: Flat("AsyncApiDocument"),
        run: Now(operations::asyncapi),
        examples: &[ask("asked", "/asyncapi.json", 200)],
        ..GET
    },
    Route {
        path: "/api/store/verify",
        tag: "operations",
        about: "Check every page, record and block of the store.",
        access: ADMIN,
        answers: Data("StoreVerification"),
        run: Blocking(operations::verify),
        lane: Lane::Import,
        examples: &[ask("asked", "/api/store/verify", 200)],
        ..GET
    },
    Route {
        path: "/api/records",
        tag: "operations",
        about: "A copy of records as they are stored, for a command of the same version.",
        access: ADMIN,
        query: &[
            Param {
                name: "kind",
                kind: Word(Records::KINDS),
                about: "Which records; without `id` all of them as lists show them.",
            },
            Param {
                name: "id",
                kind: Text(128),
                about: "Only this recording, session or result, with all that belongs to it.",
            },
        ],
        answers: Media(&["application/octet-stream"]),
        run: Async(records::send),
        examples: &[
            ask("all strategies", "/api/records?kind=strategies", 200),
            ask("of no kind", "/api/records", 400),
        ],
        ..GET
    },
    Route {
        path: "/api/records",
        tag: "operations",
        about: "Keep one recording or one result that a command of the same version made.",
        access: ADMIN,
        takes: Takes::Bytes,
        success: &[201],
        answers: Data("RecordsReceived"),
        run: Async(records::receive),
        examples: &[ask("nothing", "/api/records", 400)],
        ..POST
    },
    Route {
        path: "/ws",
        tag: "operations",
        about: "The WebSocket: snapshots and updates of sessions, signals, orders, positions, market data, health.",
        access: Public,
        takes: Takes::Socket,
        success: &[101],
        refusals: &[(400, "upgrade_required")],
        answers: Socket,
        run: Async(stream::upgrade),
        examples: &[ask("without upgrade", "/ws", 400)],
        ..GET
    },
    Route {
        path: "/",
        tag: "console",
        about: "The console.",
        access: Public,
        answers: Media(&["text/html"]),
        run: Now(console::index),
        examples: &[ask("asked", "/", 200)],
        ..GET
    },
    Route {
        path: "/console/{file}",
        tag: "console",
        about: "A file of the console.",
        access: Public,
        refusals: &[(404, "not_found")],
        answers: Media(&["text/html", "image/svg+xml"]),
        run: Now(console::file),
        examples: &[ask("unknown", "/console/nothing", 404)],
        ..GET
    },
    Route {
        path: "/console/{folder}/{file}",
        tag: "console",
        about: "A file of a folder of the console.",
        access: Public,
        refusals: &[(404, "not_found")],
        answers: Media(&["text/css", "text/javascript", "font/woff2", "text/plain"]),
        run: Now(console::file_in_folder),
        examples: &[
            ask("a module", "/console/core/view.js", 200),
            ask("unknown", "/console/core/nothing", 404),
        ],
        ..GET
    },
];
