//! Routes of recordings.

use super::{CURSOR, DELETE, GET, LIMIT, POINTS, POST, PUT, SYMBOL, ask, example};
use crate::http::handlers::recordings::INTERVALS;
use crate::http::handlers::{labels, recordings};
use crate::http::lanes::Lane;
use crate::http::route::Access::Public;
use crate::http::route::Answers::{Data, DataOrCsv, Flat, Media};
use crate::http::route::ParamKind::{Flag, Symbol, Text, Time, Word};
use crate::http::route::RunMode::{Async, Blocking, Once};
use crate::http::route::{Example, Param, Route, Takes};
use crate::limits::HTTP_BODY_BYTES;

/// A pump as the examples mark it.
const MARKED: &str = r#"{"symbol": "BTC_USDT", "grade": "A", "onset": "2024-08-08T23:56:00Z", "peak": "2024-08-08T23:57:00Z", "end": "2024-08-09T00:01:00Z", "note": "clear"}"#;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/api/data-collection/sessions",
        tag: "recordings",
        about: "Recordings, newest first. The answer is flat, without an envelope.",
        access: Public,
        query: &[
            LIMIT,
            CURSOR,
            Param {
                name: "status",
                kind: Word(&["recording", "running", "completed", "importing", "empty"]),
                about: "Only those in this state (`running` is `recording`); recordings that ended before their first row are listed only as `empty`.",
            },
            SYMBOL,
            Param { name: "include_stats", kind: Flag, about: "With counts per symbol." },
        ],
        answers: Flat("RecordingList"),
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
        answers: Data("RecordingDeleted"),
        run: Blocking(recordings::delete),
        examples: &[ask("unknown", "/api/data-collection/sessions/nothing", 404)],
        ..DELETE
    },
    Route {
        path: "/api/data-collection/import",
        tag: "recordings",
        about: "Import a file of the import folder, or the body itself (application/octet-stream with ?name=).",
        query: &[Param {
            name: "name",
            kind: Text(128),
            about: "File name of an uploaded body: its ending tells the format.",
        }],
        takes: Takes::Upload("Import"),
        success: &[201],
        refusals: &[(400, "invalid_path"), (400, "invalid_file"), (503, "import_disabled")],
        answers: Data("ImportedRecording"),
        run: Async(recordings::import),
        examples: &[example("outside", r#"{"path": "../../etc/passwd"}"#, 503)],
        ..POST
    },
    Route {
        path: "/api/data-collection/{id}",
        tag: "recordings",
        about: "One recording: counts per symbol, gaps with their causes, bytes per record.",
        refusals: &[(404, "recording_not_found")],
        answers: Data("RecordingDetail"),
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
            Param {
                name: "interval",
                kind: Word(INTERVALS),
                about: "Length of a candle; 1m when it is left out.",
            },
            Param { name: "from", kind: Time, about: "First moment." },
            Param { name: "to", kind: Time, about: "End of the span, exclusive." },
            POINTS,
        ],
        refusals: &[(404, "recording_not_found"), (404, "symbol_not_found"), (429, "too_many_reads")],
        answers: Data("Candles"),
        run: Blocking(recordings::candles),
        lane: Lane::Heavy,
        examples: &[ask("without a symbol", "/api/data-collection/nothing/candles", 400)],
        ..GET
    },
    Route {
        path: "/api/data-collection/{id}/coverage",
        tag: "recordings",
        about: "How much of each UTC day is covered, symbol by symbol, with the causes of the gaps.",
        query: &[SYMBOL],
        refusals: &[(404, "recording_not_found"), (404, "symbol_not_found"), (429, "too_many_reads")],
        answers: Data("RecordingCoverage"),
        run: Blocking(recordings::coverage),
        lane: Lane::Heavy,
        examples: &[ask("unknown", "/api/data-collection/nothing/coverage", 404)],
        ..GET
    },
    Route {
        path: "/api/data-collection/{id}/uses",
        tag: "recordings",
        about: "What depends on a recording: running sessions, results, labels.",
        refusals: &[(404, "recording_not_found")],
        answers: Data("RecordingUses"),
        run: Blocking(recordings::uses),
        examples: &[ask("unknown", "/api/data-collection/nothing/uses", 404)],
        ..GET
    },
    Route {
        path: "/api/data-collection/{id}/labels",
        tag: "recordings",
        about: "The pumps that people marked in a recording, by onset.",
        query: &[
            SYMBOL,
            Param {
                name: "format",
                kind: Word(&["json", "csv"]),
                about: "csv with the columns of scored events; json when it is left out.",
            },
        ],
        refusals: &[(404, "recording_not_found"), (404, "symbol_not_found")],
        answers: DataOrCsv("PumpLabelList"),
        run: Blocking(labels::list),
        examples: &[ask("unknown", "/api/data-collection/nothing/labels", 404)],
        ..GET
    },
    Route {
        path: "/api/data-collection/{id}/labels",
        tag: "recordings",
        about: "Mark a pump. The label stays with the recording and goes with it.",
        takes: Takes::Json("PumpLabel"),
        success: &[201],
        refusals: &[(404, "recording_not_found"), (404, "symbol_not_found")],
        answers: Data("MarkedPump"),
        run: Once(labels::add),
        body_bytes: HTTP_BODY_BYTES,
        examples: &[Example {
            name: "of an unknown recording",
            path: Some("/api/data-collection/nothing/labels"),
            body: Some(MARKED),
            status: 404,
        }],
        ..POST
    },
    Route {
        path: "/api/data-collection/{id}/labels/{label}",
        tag: "recordings",
        about: "Change a label: all its fields are replaced.",
        takes: Takes::Json("PumpLabel"),
        refusals: &[(404, "recording_not_found"), (404, "symbol_not_found"), (404, "label_not_found")],
        answers: Data("MarkedPump"),
        run: Blocking(labels::change),
        body_bytes: HTTP_BODY_BYTES,
        examples: &[Example {
            name: "of an unknown recording",
            path: Some("/api/data-collection/nothing/labels/1"),
            body: Some(MARKED),
            status: 404,
        }],
        ..PUT
    },
    Route {
        path: "/api/data-collection/{id}/labels/{label}",
        tag: "recordings",
        about: "Delete a label.",
        refusals: &[(404, "recording_not_found"), (404, "label_not_found")],
        answers: Data("PumpLabelDeleted"),
        run: Blocking(labels::delete),
        examples: &[ask("of an unknown recording", "/api/data-collection/nothing/labels/1", 404)],
        ..DELETE
    },
    Route {
        path: "/api/data-collection/{id}/export",
        tag: "recordings",
        about: "The rows of a recording, streamed completely; only a client that stops reading for too long is cut off.",
        query: &[
            Param {
                name: "format",
                kind: Word(&["csv", "jsonl", "parquet"]),
                about: "csv when it is left out.",
            },
            SYMBOL,
            Param {
                name: "kind",
                kind: Word(&["trades", "book", "book20", "l2", "bbo", "bars", "marks", "funding"]),
                about: "trades when it is left out.",
            },
        ],
        refusals: &[
            (404, "recording_not_found"),
            (404, "symbol_not_found"),
            (404, "stream_not_found"),
            (429, "too_many_exports"),
        ],
        answers: Media(&["text/csv", "application/x-ndjson", "application/vnd.apache.parquet"]),
        run: Async(recordings::export),
        examples: &[ask("unknown", "/api/data-collection/nothing/export", 404)],
        ..GET
    },
];
