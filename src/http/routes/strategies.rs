//! Routes of strategies, indicators and symbols.

use super::{DELETE, GET, POST_DOCUMENT, PUT_DOCUMENT, VIEWER, ask, example};
use crate::auth::Role;
use crate::http::handlers::{preview, strategies, symbols};
use crate::http::lanes::Lane;
use crate::http::route::Access::Public;
use crate::http::route::Answers::Data;
use crate::http::route::ParamKind::{Flag, Text, Word};
use crate::http::route::RunMode::{Async, Blocking, Now, Once};
use crate::http::route::{Access, Example, Param, Route, Takes};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/api/strategies",
        tag: "strategies",
        about: "All strategies with what stored results say of them.",
        query: &[
            Param { name: "enabled", kind: Flag, about: "Only enabled or only disabled ones." },
            Param { name: "category", kind: Text(64), about: "Only this category." },
            Param {
                name: "q",
                kind: Text(128),
                about: "Only those with this text in id, name, description or tags.",
            },
        ],
        answers: Data("StrategyList"),
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
        about: "Store a new strategy document.",
        query: &[Param {
            name: "id",
            kind: Text(64),
            about: "Id of the strategy; made from its name when it is left out.",
        }],
        takes: Takes::Json("Strategy"),
        success: &[201],
        refusals: &[(400, "invalid_strategy"), (409, "strategy_exists")],
        answers: Data("StrategyDetail"),
        run: Once(strategies::create),
        examples: &[
            example(
                "minute breakout",
                include_str!("../../../config/strategies/examples/minute_breakout.json"),
                201,
            ),
            example("empty", "{}", 400),
        ],
        ..POST_DOCUMENT
    },
    Route {
        path: "/api/strategies/validate",
        tag: "strategies",
        about: "Validate a document and report every problem. Stores nothing.",
        access: VIEWER,
        takes: Takes::Json("Strategy"),
        answers: Data("StrategyValidation"),
        run: Blocking(strategies::validate),
        examples: &[
            example("valid", include_str!("../../../config/strategies/pump_v2.json"), 200),
            example("invalid", r#"{"strategy_name": "x"}"#, 200),
        ],
        ..POST_DOCUMENT
    },
    Route {
        path: "/api/strategies/{id}",
        tag: "strategies",
        about: "One strategy with its document, by id or by exact name.",
        refusals: &[(404, "strategy_not_found")],
        answers: Data("StrategyDetail"),
        run: Blocking(strategies::get),
        examples: &[
            ask("built in", "/api/strategies/pump_v2", 200),
            ask("unknown", "/api/strategies/nothing", 404),
        ],
        ..GET
    },
    Route {
        path: "/api/strategies/{id}",
        tag: "strategies",
        about: "Store a document as the next version. With If-Match only if that version is still the newest.",
        takes: Takes::Json("Strategy"),
        refusals: &[
            (400, "invalid_strategy"),
            (404, "strategy_not_found"),
            (409, "strategy_exists"),
            (409, "strategy_in_use"),
            (412, "version_conflict"),
        ],
        answers: Data("StrategyDetail"),
        run: Blocking(strategies::update),
        examples: &[Example {
            name: "built in",
            path: Some("/api/strategies/pump_v2"),
            body: Some(include_str!("../../../config/strategies/pump_v2.json")),
            status: 200,
        }],
        ..PUT_DOCUMENT
    },
    Route {
        path: "/api/strategies/{id}",
        tag: "strategies",
        about: "Hide a strategy. Its versions stay, for the results that name them.",
        refusals: &[(404, "strategy_not_found"), (409, "strategy_in_use"), (412, "version_conflict")],
        answers: Data("StrategyDeleted"),
        run: Blocking(strategies::delete),
        examples: &[ask("unknown", "/api/strategies/nothing", 404)],
        ..DELETE
    },
    Route {
        path: "/api/strategies/{id}/versions",
        tag: "strategies",
        about: "All versions of a strategy, newest first.",
        refusals: &[(404, "strategy_not_found")],
        answers: Data("StrategyVersionList"),
        run: Blocking(strategies::versions),
        examples: &[ask("built in", "/api/strategies/pump_v2/versions", 200)],
        ..GET
    },
    Route {
        path: "/api/strategies/{id}/versions/{n}",
        tag: "strategies",
        about: "One version of a strategy.",
        refusals: &[(404, "strategy_not_found"), (404, "version_not_found")],
        answers: Data("StrategyDetail"),
        run: Blocking(strategies::version),
        examples: &[
            ask("the first", "/api/strategies/pump_v2/versions/1", 200),
            ask("no number", "/api/strategies/pump_v2/versions/x", 404),
        ],
        ..GET
    },
    Route {
        path: "/api/preview",
        tag: "strategies",
        about: "What a document would have done on up to a day of one recorded symbol: signals, trades and the marks of a chart. Computes for less than a second and stores nothing; your next preview ends this one.",
        takes: Takes::Json("Preview"),
        refusals: &[
            (400, "invalid_strategy"),
            (404, "recording_not_found"),
            (404, "symbol_not_found"),
            (409, "preview_superseded"),
        ],
        answers: Data("StrategyPreview"),
        run: Async(preview::preview),
        lane: Lane::Preview,
        examples: &[
            example(
                "an invalid document",
                r#"{"document": {"strategy_name": "x"}, "recording_id": "nothing", "symbol": "BTC_USDT"}"#,
                400,
            ),
            example("without a document", r#"{"recording_id": "nothing"}"#, 400),
        ],
        ..POST_DOCUMENT
    },
    Route {
        path: "/api/indicators",
        tag: "strategies",
        about: "Every indicator type with its formula, unit, inputs and parameters.",
        answers: Data("IndicatorList"),
        run: Blocking(strategies::indicators),
        examples: &[ask("all", "/api/indicators", 200)],
        ..GET
    },
    Route {
        path: "/symbols",
        tag: "symbols",
        about: "The configured symbols.",
        access: Public,
        answers: Data("SymbolList"),
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
            Param {
                name: "scope",
                kind: Word(&["configured", "all"]),
                about: "The configured symbols, or every tradable contract.",
            },
            Param { name: "q", kind: Text(64), about: "Only those with this text in their name." },
        ],
        refusals: &[(503, "exchange_unavailable")],
        answers: Data("ExchangeSymbols"),
        run: Blocking(symbols::exchange),
        lane: Lane::Symbols,
        examples: &[ask("not connected", "/api/exchange/symbols", 503)],
        ..GET
    },
    Route {
        path: "/api/exchange/account",
        tag: "symbols",
        about: "Whether the account can be traded with real money, line by line: clock, key, balance, mode, stops, and for each of \
                trading.live.symbols the right to trade, foreign positions and orders, leverage, fees.",
        access: Access::Role(Role::Live),
        refusals: &[(503, "exchange_unavailable")],
        answers: Data("ExchangeAccount"),
        run: Blocking(symbols::account),
        lane: Lane::Exchange,
        examples: &[ask("not connected", "/api/exchange/account", 503)],
        ..GET
    },
];
