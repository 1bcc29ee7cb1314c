//! Routes of sessions and their results.

use super::{
    CURSOR, DELETE, GET, LIMIT, POINTS, POST, POST_DOCUMENT, PUT_DOCUMENT, SYMBOL, VIEWER, ask, example,
};
use crate::http::handlers::{notes, presets, results, session_now, sessions};
use crate::http::lanes::Lane;
use crate::http::route::Answers::{Data, DataOrCsv, Media};
use crate::http::route::ParamKind::{Flag, Integer, Text, Word};
use crate::http::route::RunMode::{Async, Blocking, Now, Once};
use crate::http::route::{Example, Param, Route, Takes};

/// Format of a result's rows.
const FORMAT: Param = Param {
    name: "format",
    kind: Word(&["json", "csv"]),
    about: "csv for a spreadsheet; json when it is left out.",
};

/// Why the read model of a session gives no answer.
const NOW_REFUSALS: &[(u16, &str)] = &[
    (404, "session_not_found"),
    (409, "no_account"),
    (409, "session_ended"),
    (429, "too_many_reads"),
    (503, "snapshot_unavailable"),
];

/// The routes.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/sessions/start",
        tag: "sessions",
        about: "Start a session. The row is on disk before the answer is sent. A live session needs the role live.",
        takes: Takes::Json("SessionStart"),
        refusals: &[
            (400, "invalid_session_type"),
            (400, "budget_cap_exceeded"),
            (400, "live_not_confirmed"),
            (404, "strategy_not_found"),
            (404, "recording_not_found"),
            (404, "symbol_not_found"),
            (409, "session_conflict"),
            (409, "live_check_failed"),
            (409, "live_locked"),
            (503, "exchange_unavailable"),
            (503, "shutting_down"),
        ],
        answers: Data("SessionStarted"),
        run: Once(sessions::start),
        lane: Lane::Start,
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
        ..POST_DOCUMENT
    },
    Route {
        path: "/sessions/stop",
        tag: "sessions",
        about: "Stop a session. Answers when it has really ended, or 202 after ten seconds.",
        takes: Takes::Json("SessionStop"),
        success: &[200, 202],
        refusals: &[(404, "session_not_found"), (409, "session_already_stopped")],
        answers: Data("SessionStopped"),
        run: Async(sessions::stop),
        examples: &[
            example("unknown", r#"{"session_id": "exec_20251118_150123_xyz789"}"#, 404),
            example("without an id", "{}", 400),
            example("with an empty id", r#"{"session_id": ""}"#, 400),
        ],
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
            Param {
                name: "type",
                kind: Word(&["collect", "backtest", "paper", "live"]),
                about: "Only those of this type.",
            },
        ],
        answers: Data("SessionList"),
        run: Blocking(sessions::list),
        examples: &[ask("all", "/sessions", 200), ask("running", "/sessions?status=running", 200)],
        ..GET
    },
    Route {
        path: "/sessions/execution-status",
        tag: "sessions",
        about: "The sessions that run now.",
        answers: Data("RunningSessions"),
        run: Now(sessions::execution_status),
        examples: &[ask("all", "/sessions/execution-status", 200)],
        ..GET
    },
    Route {
        path: "/sessions/{id}",
        tag: "sessions",
        about: "One session: state, progress, simulated time, speed, counters, error.",
        refusals: &[(404, "session_not_found")],
        answers: Data("Session"),
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
            Param {
                name: "limit",
                kind: Integer(1, 1_000),
                about: "Events at most; 200 when it is left out.",
            },
        ],
        refusals: &[(404, "session_not_found"), (409, "cursor_expired")],
        answers: Data("SessionEvents"),
        run: Async(sessions::events),
        examples: &[ask("unknown", "/sessions/nothing/events", 404)],
        ..GET
    },
    Route {
        path: "/sessions/{id}/account",
        tag: "sessions",
        about: "Balance, equity, profit, margin, fees, drawdown, budgets and limits: of a running session now, of an ended one from its result.",
        refusals: NOW_REFUSALS,
        answers: Data("SessionAccount"),
        run: Async(session_now::account),
        examples: &[ask("unknown", "/sessions/nothing/account", 404)],
        ..GET
    },
    Route {
        path: "/sessions/{id}/positions",
        tag: "sessions",
        about: "Its open positions now: entry, mark, profit, stop, targets, liquidation price.",
        refusals: NOW_REFUSALS,
        answers: Data("SessionPositions"),
        run: Async(session_now::positions),
        examples: &[ask("unknown", "/sessions/nothing/positions", 404)],
        ..GET
    },
    Route {
        path: "/sessions/{id}/orders",
        tag: "sessions",
        about: "Its orders that are still open.",
        refusals: NOW_REFUSALS,
        answers: Data("SessionOrders"),
        run: Async(session_now::orders),
        examples: &[ask("unknown", "/sessions/nothing/orders", 404)],
        ..GET
    },
    Route {
        path: "/sessions/{id}/states",
        tag: "sessions",
        about: "What every strategy does now on every symbol: state, conditions with their distance to the threshold, why entries are blocked; and how old the data of each symbol is.",
        query: &[
            LIMIT,
            CURSOR,
            SYMBOL,
            Param { name: "strategy", kind: Text(128), about: "Only instances of this strategy." },
        ],
        refusals: NOW_REFUSALS,
        answers: Data("SessionStates"),
        run: Async(session_now::states),
        examples: &[
            ask("unknown", "/sessions/nothing/states", 404),
            ask("a cursor of another list", "/sessions/nothing/states?cursor=x", 400),
        ],
        ..GET
    },
    Route {
        path: "/sessions/{id}/equity",
        tag: "sessions",
        about: "Its equity so far.",
        query: &[POINTS],
        refusals: NOW_REFUSALS,
        answers: Data("SessionEquity"),
        run: Async(session_now::equity),
        examples: &[ask("unknown", "/sessions/nothing/equity", 404)],
        ..GET
    },
    Route {
        path: "/sessions/{id}/replay",
        tag: "sessions",
        about: "Runs the recorded input of a paper session again and compares every event and the digest of all decisions.",
        refusals: &[
            (404, "session_not_found"),
            (409, "session_active"),
            (409, "no_replay"),
            (429, "too_many_replays"),
        ],
        answers: Data("SessionReplay"),
        run: Async(sessions::replay),
        lane: Lane::Replay,
        examples: &[ask("unknown", "/sessions/nothing/replay", 404)],
        ..GET
    },
    Route {
        path: "/api/presets",
        tag: "sessions",
        about: "Your saved start requests, by name.",
        answers: Data("PresetList"),
        run: Blocking(presets::list),
        examples: &[ask("all", "/api/presets", 200)],
        ..GET
    },
    Route {
        path: "/api/presets/{name}",
        tag: "sessions",
        about: "Save a start request under a name, replacing yours of that name. It may be incomplete.",
        takes: Takes::Json("Preset"),
        success: &[200, 201],
        answers: Data("SavedPreset"),
        run: Blocking(presets::put),
        examples: &[
            Example {
                name: "a paper session",
                path: Some("/api/presets/usual"),
                body: Some(
                    r#"{"request": {"session_type": "paper", "symbols": ["BTC_USDT"], "strategy_config": {"strategies": ["pump_v2"]}}}"#,
                ),
                status: 201,
            },
            Example {
                name: "no request",
                path: Some("/api/presets/usual"),
                body: Some(r#"{"request": 1}"#),
                status: 400,
            },
        ],
        ..PUT_DOCUMENT
    },
    Route {
        path: "/api/presets/{name}",
        tag: "sessions",
        about: "Delete one of your presets.",
        refusals: &[(404, "preset_not_found")],
        answers: Data("PresetDeleted"),
        run: Blocking(presets::delete),
        examples: &[ask("unknown", "/api/presets/nothing", 404)],
        ..DELETE
    },
    Route {
        path: "/results",
        tag: "results",
        about: "Results, newest first.",
        query: &[
            LIMIT,
            CURSOR,
            Param { name: "strategy", kind: Text(128), about: "Only results of this strategy." },
            SYMBOL,
            Param { name: "tag", kind: Text(128), about: "Only results with this tag." },
            Param { name: "pinned", kind: Flag, about: "Only pinned results, or only others." },
            Param { name: "source", kind: Text(128), about: "Only results on this recording." },
        ],
        answers: Data("ResultList"),
        run: Blocking(results::list),
        examples: &[ask("all", "/results", 200)],
        ..GET
    },
    Route {
        path: "/results/compare",
        tag: "results",
        about: "Two to eight results side by side.",
        query: &[Param { name: "ids", kind: Text(1_024), about: "Session ids with commas between them." }],
        refusals: &[(404, "result_not_found"), (429, "too_many_reads")],
        answers: Data("ResultComparison"),
        run: Blocking(results::compare),
        lane: Lane::Heavy,
        examples: &[
            ask("one", "/results/compare?ids=a", 400),
            ask("unknown", "/results/compare?ids=a,b", 404),
        ],
        ..GET
    },
    Route {
        path: "/results/session/{id}",
        tag: "results",
        about: "The result of a session: metrics, assumptions, digest, per strategy and per symbol.",
        refusals: &[(404, "result_not_found"), (404, "session_not_found"), (429, "too_many_reads")],
        answers: Data("SessionResult"),
        run: Blocking(results::get),
        lane: Lane::Heavy,
        examples: &[ask("unknown", "/results/session/nothing", 404)],
        ..GET
    },
    Route {
        path: "/results/session/{id}",
        tag: "results",
        about: "Delete a result with its report and notes. What it added to the totals of its strategies stays.",
        refusals: &[(404, "result_not_found"), (409, "result_pinned")],
        answers: Data("ResultDeleted"),
        run: Blocking(notes::delete),
        examples: &[ask("unknown", "/results/session/nothing", 404)],
        ..DELETE
    },
    Route {
        path: "/results/session/{id}/note",
        tag: "results",
        about: "What people wrote about a result: name, notes, tags, whether it is pinned.",
        access: VIEWER,
        refusals: &[(404, "result_not_found")],
        answers: Data("WrittenNote"),
        run: Blocking(notes::get),
        examples: &[ask("unknown", "/results/session/nothing/note", 404)],
        ..GET
    },
    Route {
        path: "/results/session/{id}/note",
        tag: "results",
        about: "Name, annotate, tag or pin a result. Fields that are left out keep their values.",
        takes: Takes::Json("ResultNote"),
        refusals: &[(404, "result_not_found")],
        answers: Data("WrittenNote"),
        run: Blocking(notes::put),
        examples: &[
            Example {
                name: "unknown",
                path: Some("/results/session/nothing/note"),
                body: Some(r#"{"name": "tighter stop", "tags": ["pump"], "pinned": true}"#),
                status: 404,
            },
            Example {
                name: "misspelt",
                path: Some("/results/session/nothing/note"),
                body: Some(r#"{"tag": "pump"}"#),
                status: 400,
            },
        ],
        ..PUT_DOCUMENT
    },
    Route {
        path: "/results/session/{id}/trades",
        tag: "results",
        about: "Its round trips, each with the conditions at its signal, entry and exit.",
        query: &[FORMAT],
        refusals: &[(404, "result_not_found"), (404, "session_not_found"), (429, "too_many_reads")],
        answers: DataOrCsv("ResultTrades"),
        run: Blocking(results::trades),
        lane: Lane::Heavy,
        examples: &[ask("unknown", "/results/session/nothing/trades", 404)],
        ..GET
    },
    Route {
        path: "/results/session/{id}/trades/{trade}/chart",
        tag: "results",
        about: "One trade tick by tick, with the value of every condition and its threshold; its number counts from 1. The recording is run again for it.",
        query: &[Param {
            name: "margin_seconds",
            kind: Integer(0, 3_600),
            about: "How much before the entry and after the exit; 60 when it is left out.",
        }],
        refusals: &[
            (404, "result_not_found"),
            (404, "session_not_found"),
            (404, "trade_not_found"),
            (409, "chart_unavailable"),
            (429, "too_many_replays"),
        ],
        answers: Data("TradeChart"),
        run: Blocking(results::trade_chart),
        lane: Lane::Replay,
        examples: &[ask("unknown", "/results/session/nothing/trades/1/chart", 404)],
        ..GET
    },
    Route {
        path: "/results/session/{id}/equity",
        tag: "results",
        about: "Its equity curve.",
        query: &[POINTS, FORMAT],
        refusals: &[(404, "result_not_found"), (404, "session_not_found"), (429, "too_many_reads")],
        answers: DataOrCsv("ResultEquity"),
        run: Blocking(results::equity),
        lane: Lane::Heavy,
        examples: &[ask("unknown", "/results/session/nothing/equity", 404)],
        ..GET
    },
    Route {
        path: "/results/session/{id}/signals",
        tag: "results",
        about: "Its signals: the moments at which S1 became true.",
        query: &[FORMAT],
        refusals: &[(404, "result_not_found"), (404, "session_not_found"), (429, "too_many_reads")],
        answers: DataOrCsv("ResultSignals"),
        run: Blocking(results::signals),
        lane: Lane::Heavy,
        examples: &[ask("unknown", "/results/session/nothing/signals", 404)],
        ..GET
    },
    Route {
        path: "/results/session/{id}/orders",
        tag: "results",
        about: "Its orders by number, a part at a time.",
        query: &[
            Param {
                name: "limit",
                kind: Integer(1, 5_000),
                about: "Orders at most; 1000 when it is left out.",
            },
            CURSOR,
        ],
        refusals: &[(404, "result_not_found"), (404, "session_not_found"), (429, "too_many_reads")],
        answers: Data("ResultOrders"),
        run: Blocking(results::orders),
        lane: Lane::Heavy,
        examples: &[ask("unknown", "/results/session/nothing/orders", 404)],
        ..GET
    },
    Route {
        path: "/results/session/{id}/report",
        tag: "results",
        about: "Its report: one HTML page that needs nothing else.",
        refusals: &[(404, "result_not_found"), (404, "session_not_found"), (429, "too_many_reads")],
        answers: Media(&["text/html"]),
        run: Blocking(results::report),
        lane: Lane::Heavy,
        examples: &[ask("unknown", "/results/session/nothing/report", 404)],
        ..GET
    },
];
