//! Everything that can be asked, in one table. The documentation (`schema/openapi.json`) and the tests of permissions are
//! made from it; a route without its line cannot be reached.

use super::console;
use super::handlers::recordings::INTERVALS;
use super::handlers::{auth, operations, recordings, results, sessions, strategies, stream, symbols, users};
use super::route::Access::{Entrance, Local, Public};
use super::route::ParamKind::{Flag, Integer, Symbol, Text, Time, Word};
use super::route::Run::{Async, Blocking, Now, Once};
use super::route::{Access, Example, Method, Param, Route, Takes};
use crate::auth::Role;

const VIEWER: Access = Access::Role(Role::Viewer);
const TRADER: Access = Access::Role(Role::Trader);
const ADMIN: Access = Access::Role(Role::Admin);

/// A route with what most of them have; the table says what differs.
const GET: Route = Route {
    method: Method::Get,
    path: "",
    tag: "",
    about: "",
    access: VIEWER,
    query: &[],
    takes: Takes::Nothing,
    success: &[200],
    refusals: &[],
    run: Now(operations::health),
    examples: &[],
};
const POST: Route = Route { method: Method::Post, access: TRADER, ..GET };
const PUT: Route = Route { method: Method::Put, access: TRADER, ..GET };
const DELETE: Route = Route { method: Method::Delete, access: TRADER, ..GET };

const LIMIT: Param = Param { name: "limit", kind: Integer(1, 200), about: "Entries at most; 50 when it is left out." };
const CURSOR: Param = Param { name: "cursor", kind: Text(256), about: "`next_cursor` of the part before." };
const SYMBOL: Param = Param { name: "symbol", kind: Symbol, about: "Only this symbol." };
const POINTS: Param =
    Param { name: "max_points", kind: Integer(2, 10_000), about: "Points at most; neighbours are merged keeping extremes." };

const fn example(name: &'static str, body: &'static str, status: u16) -> Example {
    Example { name, path: None, body: Some(body), status }
}

const fn ask(name: &'static str, path: &'static str, status: u16) -> Example {
    Example { name, path: Some(path), body: None, status }
}

/// The table.
pub const ROUTES: &[Route] = &[
    // Logging in.
    Route {
        path: "/api/v1/auth/login",
        tag: "login",
        about: "Log in. Tokens come in the body and as cookies.",
        access: Entrance,
        takes: Takes::Json("Login"),
        refusals: &[(401, "authentication_failed"), (429, "login_delayed")],
        run: Async(auth::login),
        examples: &[
            example("wrong", r#"{"username": "nobody", "password": "not the password"}"#, 401),
            example("misspelt", r#"{"user": "demo", "password": "x"}"#, 400),
        ],
        ..POST
    },
    Route {
        path: "/api/v1/auth/refresh",
        tag: "login",
        about: "New tokens for a refresh token, from the body or its cookie. Each is good once; using one twice ends its login.",
        access: Entrance,
        takes: Takes::Optional("Refresh"),
        refusals: &[(401, "refresh_invalid"), (401, "refresh_reused")],
        run: Blocking(auth::refresh),
        examples: &[example("unknown", r#"{"refresh_token": "unknown"}"#, 401)],
        ..POST
    },
    Route {
        path: "/api/v1/auth/setup",
        tag: "login",
        about: "Whether the first admin is still to be made.",
        access: Public,
        run: Now(auth::needs_setup),
        examples: &[ask("asked", "/api/v1/auth/setup", 200)],
        ..GET
    },
    Route {
        path: "/api/v1/auth/setup",
        tag: "login",
        about: "Make the first admin, with the code that the daemon printed when it started without users.",
        access: Entrance,
        takes: Takes::Json("Setup"),
        success: &[201],
        refusals: &[(401, "setup_code_invalid"), (409, "setup_completed"), (429, "login_delayed")],
        run: Async(auth::setup),
        examples: &[example("done before", r#"{"code": "0000-0000", "username": "admin", "password": "a long password"}"#, 409)],
        ..POST
    },
    Route {
        path: "/api/v1/auth/logout",
        tag: "login",
        about: "End this login: its access token and its refresh token are refused from now on.",
        access: VIEWER,
        run: Blocking(auth::logout),
        ..POST
    },
    Route {
        path: "/api/v1/auth/me",
        tag: "login",
        about: "Who is logged in, and what they may do.",
        run: Now(auth::me),
        examples: &[ask("asked", "/api/v1/auth/me", 200)],
        ..GET
    },
    Route {
        path: "/csrf-token",
        tag: "login",
        about: "A token for the X-CSRF-Token header of whatever changes something; bound to the login when there is one.",
        access: Public,
        run: Now(auth::csrf_token),
        examples: &[ask("asked", "/csrf-token", 200)],
        ..GET
    },
    // Users.
    Route {
        path: "/api/users",
        tag: "users",
        about: "All users.",
        access: ADMIN,
        run: Blocking(users::list),
        examples: &[ask("all", "/api/users", 200)],
        ..GET
    },
    Route {
        path: "/api/users",
        tag: "users",
        about: "Make a user.",
        access: ADMIN,
        takes: Takes::Json("NewUser"),
        success: &[201],
        refusals: &[(409, "user_exists"), (409, "too_many_users")],
        run: Once(users::create),
        examples: &[
            example("a trader", r#"{"username": "anna", "password": "correct horse battery", "role": "trader"}"#, 201),
            example("weak", r#"{"username": "Anna!", "password": "short", "role": "boss"}"#, 400),
        ],
        ..POST
    },
    Route {
        path: "/api/users/{name}",
        tag: "users",
        about: "Change role, password or whether a user may log in. Whatever is left out stays; the user's logins end.",
        access: ADMIN,
        takes: Takes::Json("UserChange"),
        refusals: &[(404, "user_not_found"), (409, "last_admin")],
        run: Blocking(users::change),
        examples: &[Example { name: "unknown", path: Some("/api/users/nobody"), body: Some(r#"{"role": "viewer"}"#), status: 404 }],
        ..PUT
    },
    Route {
        path: "/api/users/{name}",
        tag: "users",
        about: "Remove a user.",
        access: ADMIN,
        refusals: &[(404, "user_not_found"), (409, "last_admin")],
        run: Blocking(users::delete),
        examples: &[ask("unknown", "/api/users/nobody", 404)],
        ..DELETE
    },
    // Strategies.
    Route {
        path: "/api/strategies",
        tag: "strategies",
        about: "All strategies with what stored results say of them.",
        query: &[
            Param { name: "enabled", kind: Flag, about: "Only enabled or only disabled ones." },
            Param { name: "category", kind: Text(64), about: "Only this category." },
            Param { name: "q", kind: Text(128), about: "Only those with this text in id, name, description or tags." },
        ],
        run: Async(strategies::list),
        examples: &[
            ask("all", "/api/strategies", 200),
            ask("enabled", "/api/strategies?enabled=true", 200),
            ask("misspelt", "/api/strategies?enable=1", 400),
        ],
        ..GET
    },
    Route {
        path: "/api/strategies",
        tag: "strategies",
        about: "Keep a new strategy document.",
        takes: Takes::Json("Strategy"),
        success: &[201],
        refusals: &[(400, "invalid_strategy"), (409, "strategy_exists")],
        run: Once(strategies::create),
        examples: &[
            example("minute breakout", include_str!("../../config/strategies/examples/minute_breakout.json"), 201),
            example("empty", "{}", 400),
        ],
        ..POST
    },
    Route {
        path: "/api/strategies/validate",
        tag: "strategies",
        about: "What is wrong with a document, all of it. Keeps nothing.",
        access: VIEWER,
        takes: Takes::Json("Strategy"),
        run: Blocking(strategies::validate),
        examples: &[
            example("valid", include_str!("../../config/strategies/pump_v2.json"), 200),
            example("invalid", r#"{"strategy_name": "x"}"#, 200),
        ],
        ..POST
    },
    Route {
        path: "/api/strategies/{id}",
        tag: "strategies",
        about: "One strategy with its document, by id or by exact name.",
        refusals: &[(404, "strategy_not_found")],
        run: Blocking(strategies::get),
        examples: &[ask("built in", "/api/strategies/pump_v2", 200), ask("unknown", "/api/strategies/nothing", 404)],
        ..GET
    },
    Route {
        path: "/api/strategies/{id}",
        tag: "strategies",
        about: "Keep a document as the next version. With If-Match only if that version is still the newest.",
        takes: Takes::Json("Strategy"),
        refusals: &[
            (400, "invalid_strategy"),
            (404, "strategy_not_found"),
            (409, "strategy_exists"),
            (409, "strategy_in_use"),
            (412, "version_conflict"),
        ],
        run: Blocking(strategies::update),
        examples: &[Example {
            name: "built in",
            path: Some("/api/strategies/pump_v2"),
            body: Some(include_str!("../../config/strategies/pump_v2.json")),
            status: 200,
        }],
        ..PUT
    },
    Route {
        path: "/api/strategies/{id}",
        tag: "strategies",
        about: "Hide a strategy. Its versions stay, for the results that name them.",
        refusals: &[(404, "strategy_not_found"), (409, "strategy_in_use"), (412, "version_conflict")],
        run: Blocking(strategies::delete),
        examples: &[ask("unknown", "/api/strategies/nothing", 404)],
        ..DELETE
    },
    Route {
        path: "/api/strategies/{id}/versions",
        tag: "strategies",
        about: "All versions of a strategy, newest first.",
        refusals: &[(404, "strategy_not_found")],
        run: Blocking(strategies::versions),
        examples: &[ask("built in", "/api/strategies/pump_v2/versions", 200)],
        ..GET
    },
    Route {
        path: "/api/strategies/{id}/versions/{n}",
        tag: "strategies",
        about: "One version of a strategy.",
        refusals: &[(404, "strategy_not_found"), (404, "version_not_found")],
        run: Blocking(strategies::version),
        examples: &[
            ask("the first", "/api/strategies/pump_v2/versions/1", 200),
            ask("no number", "/api/strategies/pump_v2/versions/x", 404),
        ],
        ..GET
    },
    Route {
        path: "/api/indicators",
        tag: "strategies",
        about: "Every indicator type with its formula, unit, inputs and parameters.",
        run: Blocking(strategies::indicators),
        examples: &[ask("all", "/api/indicators", 200)],
        ..GET
    },
    // Symbols.
    Route {
        path: "/symbols",
        tag: "symbols",
        about: "The configured symbols.",
        access: Public,
        run: Now(symbols::configured),
        examples: &[ask("all", "/symbols", 200)],
        ..GET
    },
    Route {
        path: "/api/exchange/symbols",
        tag: "symbols",
        about: "Symbols of the exchange with their prices.",
        access: Public,
        query: &[
            Param { name: "scope", kind: Word(&["configured", "all"]), about: "The configured symbols, or every tradable contract." },
            Param { name: "q", kind: Text(64), about: "Only those with this text in their name." },
        ],
        refusals: &[(503, "exchange_unavailable")],
        run: Now(symbols::exchange),
        examples: &[ask("not connected", "/api/exchange/symbols", 503)],
        ..GET
    },
    // Recordings.
    Route {
        path: "/api/data-collection/sessions",
        tag: "recordings",
        about: "Recordings, newest first. The answer is flat, without an envelope.",
        access: Public,
        query: &[
            LIMIT,
            CURSOR,
            Param { name: "status", kind: Word(&["running", "completed"]), about: "Only those in this state." },
            SYMBOL,
            Param { name: "include_stats", kind: Flag, about: "With counts per symbol." },
        ],
        run: Blocking(recordings::list),
        examples: &[
            ask("the newest", "/api/data-collection/sessions?limit=50", 200),
            ask("too many", "/api/data-collection/sessions?limit=201", 400),
        ],
        ..GET
    },
    Route {
        path: "/api/data-collection/sessions/{id}",
        tag: "recordings",
        about: "Delete a recording.",
        refusals: &[(404, "recording_not_found"), (409, "session_active")],
        run: Blocking(recordings::delete),
        examples: &[ask("unknown", "/api/data-collection/sessions/nothing", 404)],
        ..DELETE
    },
    Route {
        path: "/api/data-collection/import",
        tag: "recordings",
        about: "Import a file of the import folder, or the body itself (application/octet-stream with ?name=).",
        query: &[Param { name: "name", kind: Text(128), about: "File name of an uploaded body: its ending tells the format." }],
        takes: Takes::Upload("Import"),
        success: &[201],
        refusals: &[(400, "import_refused"), (404, "file_not_found"), (409, "import_disabled")],
        run: Async(recordings::import),
        examples: &[example("outside", r#"{"path": "../../etc/passwd"}"#, 409)],
        ..POST
    },
    Route {
        path: "/api/data-collection/{id}",
        tag: "recordings",
        about: "One recording: counts per symbol, gaps with their causes, bytes per record.",
        refusals: &[(404, "recording_not_found")],
        run: Blocking(recordings::get),
        examples: &[ask("unknown", "/api/data-collection/nothing", 404)],
        ..GET
    },
    Route {
        path: "/api/data-collection/{id}/candles",
        tag: "recordings",
        about: "Candles of one symbol of a recording.",
        query: &[
            Param { name: "symbol", kind: Symbol, about: "Of this symbol." },
            Param { name: "interval", kind: Word(INTERVALS), about: "Length of a candle; 1m when it is left out." },
            Param { name: "from", kind: Time, about: "First moment." },
            Param { name: "to", kind: Time, about: "First moment that is no longer shown." },
            POINTS,
        ],
        refusals: &[(404, "recording_not_found"), (404, "symbol_not_found")],
        run: Blocking(recordings::candles),
        examples: &[ask("without a symbol", "/api/data-collection/nothing/candles", 400)],
        ..GET
    },
    Route {
        path: "/api/data-collection/{id}/export",
        tag: "recordings",
        about: "The rows of a recording, streamed, never cut.",
        query: &[
            Param { name: "format", kind: Word(&["csv", "jsonl", "parquet"]), about: "csv when it is left out." },
            SYMBOL,
            Param {
                name: "kind",
                kind: Word(&["trades", "book", "book20", "l2", "bbo", "bars", "marks", "funding"]),
                about: "trades when it is left out.",
            },
        ],
        refusals: &[(404, "recording_not_found"), (404, "symbol_not_found"), (404, "stream_not_found")],
        run: Async(recordings::export),
        examples: &[ask("unknown", "/api/data-collection/nothing/export", 404)],
        ..GET
    },
    // Sessions.
    Route {
        path: "/sessions/start",
        tag: "sessions",
        about: "Start a session. The row is on disk before the answer is sent. A live session needs the role live.",
        takes: Takes::Json("SessionStart"),
        refusals: &[
            (400, "invalid_session_type"),
            (400, "budget_cap_exceeded"),
            (404, "strategy_not_found"),
            (404, "recording_not_found"),
            (404, "symbol_not_found"),
            (409, "session_conflict"),
            (503, "exchange_unavailable"),
            (503, "shutting_down"),
        ],
        run: Once(sessions::start),
        examples: &[
            example("no type", r#"{"symbols": ["BTC_USDT"]}"#, 400),
            example(
                "over the cap",
                r#"{"session_type": "paper", "symbols": ["BTC_USDT"], "strategy_config": {"strategies": ["pump_v2", "dump_v2"]}, "config": {"budget": {"global_cap": 1000, "allocations": {"pump_v2": 700, "dump_v2": "60%"}}}}"#,
                400,
            ),
            example(
                "paper",
                r#"{"session_type": "paper", "symbols": ["BTC_USDT", "ETH_USDT"], "strategy_config": {"strategies": ["pump_v2", "dump_v2"]}, "config": {"budget": {"global_cap": 1000, "allocations": {}}, "stop_loss_percent": 5.0, "take_profit_percent": 10.0}, "idempotent": true}"#,
                503,
            ),
        ],
        ..POST
    },
    Route {
        path: "/sessions/stop",
        tag: "sessions",
        about: "Stop a session. Answers when it has really ended, or 202 after ten seconds.",
        takes: Takes::Json("SessionStop"),
        success: &[200, 202],
        refusals: &[(404, "session_not_found"), (409, "session_already_stopped")],
        run: Blocking(sessions::stop),
        examples: &[example("unknown", r#"{"session_id": "exec_20251118_150123_xyz789"}"#, 404), example("without an id", "{}", 400)],
        ..POST
    },
    Route {
        path: "/sessions",
        tag: "sessions",
        about: "Sessions, newest first.",
        query: &[
            LIMIT,
            CURSOR,
            Param {
                name: "status",
                kind: Word(&["starting", "running", "stopping", "stopped", "completed", "failed"]),
                about: "Only those in this state.",
            },
            Param { name: "type", kind: Word(&["collect", "backtest", "paper", "live"]), about: "Only those of this type." },
        ],
        run: Blocking(sessions::list),
        examples: &[ask("all", "/sessions", 200), ask("running", "/sessions?status=running", 200)],
        ..GET
    },
    Route {
        path: "/sessions/execution-status",
        tag: "sessions",
        about: "The sessions that run now.",
        run: Now(sessions::execution_status),
        examples: &[ask("all", "/sessions/execution-status", 200)],
        ..GET
    },
    Route {
        path: "/sessions/{id}",
        tag: "sessions",
        about: "One session: state, progress, simulated time, speed, counters, error.",
        refusals: &[(404, "session_not_found")],
        run: Blocking(sessions::get),
        examples: &[ask("unknown", "/sessions/nothing", 404)],
        ..GET
    },
    Route {
        path: "/sessions/{id}/events",
        tag: "sessions",
        about: "Everything a session did, in one ordered stream.",
        query: &[
            Param { name: "after", kind: Integer(0, i64::MAX), about: "Only events with a higher number." },
            Param { name: "limit", kind: Integer(1, 1_000), about: "Events at most; 200 when it is left out." },
        ],
        refusals: &[(404, "session_not_found")],
        run: Blocking(sessions::events),
        examples: &[ask("unknown", "/sessions/nothing/events", 404)],
        ..GET
    },
    // Results.
    Route {
        path: "/results",
        tag: "results",
        about: "Results, newest first.",
        query: &[LIMIT, CURSOR, Param { name: "strategy", kind: Text(128), about: "Only results of this strategy." }, SYMBOL],
        run: Blocking(results::list),
        examples: &[ask("all", "/results", 200)],
        ..GET
    },
    Route {
        path: "/results/compare",
        tag: "results",
        about: "Two to six results side by side.",
        query: &[Param { name: "ids", kind: Text(1_024), about: "Session ids with commas between them." }],
        refusals: &[(404, "result_not_found")],
        run: Blocking(results::compare),
        examples: &[ask("one", "/results/compare?ids=a", 400), ask("unknown", "/results/compare?ids=a,b", 404)],
        ..GET
    },
    Route {
        path: "/results/session/{id}",
        tag: "results",
        about: "What a session was worth: metrics, assumptions, digest, per strategy and per symbol.",
        refusals: &[(404, "result_not_found"), (404, "session_not_found")],
        run: Blocking(results::get),
        examples: &[ask("unknown", "/results/session/nothing", 404)],
        ..GET
    },
    Route {
        path: "/results/session/{id}/trades",
        tag: "results",
        about: "Its round trips.",
        refusals: &[(404, "result_not_found"), (404, "session_not_found")],
        run: Blocking(results::trades),
        examples: &[ask("unknown", "/results/session/nothing/trades", 404)],
        ..GET
    },
    Route {
        path: "/results/session/{id}/equity",
        tag: "results",
        about: "Its equity curve.",
        query: &[POINTS],
        refusals: &[(404, "result_not_found"), (404, "session_not_found")],
        run: Blocking(results::equity),
        examples: &[ask("unknown", "/results/session/nothing/equity", 404)],
        ..GET
    },
    Route {
        path: "/results/session/{id}/signals",
        tag: "results",
        about: "Its signals.",
        refusals: &[(404, "result_not_found"), (404, "session_not_found")],
        run: Blocking(results::signals),
        examples: &[ask("unknown", "/results/session/nothing/signals", 404)],
        ..GET
    },
    Route {
        path: "/results/session/{id}/orders",
        tag: "results",
        about: "Its orders.",
        refusals: &[(404, "result_not_found"), (404, "session_not_found")],
        run: Blocking(results::orders),
        examples: &[ask("unknown", "/results/session/nothing/orders", 404)],
        ..GET
    },
    Route {
        path: "/results/session/{id}/report",
        tag: "results",
        about: "Its report: one HTML page that needs nothing else.",
        refusals: &[(404, "result_not_found"), (404, "session_not_found")],
        run: Blocking(results::report),
        examples: &[ask("unknown", "/results/session/nothing/report", 404)],
        ..GET
    },
    // Operations.
    Route {
        path: "/health",
        tag: "operations",
        about: "Whether the process answers.",
        access: Public,
        run: Now(operations::health),
        examples: &[ask("asked", "/health", 200)],
        ..GET
    },
    Route {
        path: "/health/ready",
        tag: "operations",
        about: "Whether everything it depends on is there, each with its age.",
        access: Public,
        success: &[200, 503],
        run: Blocking(operations::ready),
        examples: &[ask("asked", "/health/ready", 200)],
        ..GET
    },
    Route {
        path: "/metrics",
        tag: "operations",
        about: "Numbers for Prometheus. From this host without a login.",
        access: Local,
        run: Now(operations::metrics),
        examples: &[ask("asked", "/metrics", 200)],
        ..GET
    },
    Route {
        path: "/api/config",
        tag: "operations",
        about: "The configuration that is in force. There are no secrets in it.",
        run: Now(operations::config),
        examples: &[ask("asked", "/api/config", 200)],
        ..GET
    },
    Route {
        path: "/api/config/status",
        tag: "operations",
        about: "Version of the configuration, when it was loaded, and what was wrong with the last change.",
        run: Now(operations::config_status),
        examples: &[ask("asked", "/api/config/status", 200)],
        ..GET
    },
    Route {
        path: "/api/analytics/status",
        tag: "operations",
        about: "The copy to QuestDB.",
        run: Now(operations::analytics),
        examples: &[ask("asked", "/api/analytics/status", 200)],
        ..GET
    },
    Route {
        path: "/openapi.json",
        tag: "operations",
        about: "This documentation.",
        access: Public,
        run: Now(operations::openapi),
        examples: &[ask("asked", "/openapi.json", 200)],
        ..GET
    },
    Route {
        path: "/ws",
        tag: "operations",
        about: "The WebSocket: snapshots and updates of sessions, signals, orders, positions, market data, health.",
        access: Public,
        takes: Takes::Socket,
        success: &[101],
        refusals: &[(400, "upgrade_required")],
        run: Async(stream::upgrade),
        examples: &[ask("without upgrade", "/ws", 400)],
        ..GET
    },
    Route {
        path: "/",
        tag: "console",
        about: "The console.",
        access: Public,
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
        run: Now(console::file),
        examples: &[ask("unknown", "/console/nothing", 404)],
        ..GET
    },
];
