//! Golden bytes of every record version still decode to the same values; the kinds are those listed in the
//! schema.

use super::*;
use crate::domain::decimal::Decimal;
use crate::domain::symbol::SymbolSpec;
use crate::store::codec::{Stored, decode, encode};
use std::fmt::Debug;
use std::path::PathBuf;

fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn strategy() -> StrategyV1 {
    StrategyV1 {
        id: "pump_v2".into(),
        version: 3,
        name: "Pump".into(),
        document: "{\"strategy_name\":\"Pump\"}".into(),
        created_us: 1_700_000_000_000_000,
        updated_us: 1_700_000_100_000_000,
        deleted_us: Some(1_700_000_200_000_000),
    }
}

fn recording() -> RecordingV1 {
    let stream = |stream| RecordedStreamV1 {
        stream,
        rows: 21_313,
        first_ns: 1_723_161_256_322_000_000,
        last_ns: 1_723_161_599_999_000_000,
        bytes: 36_000,
        has_receive_times: true,
        spacing_ns: 1_000_000,
    };
    RecordingV1 {
        id: "session_20240808_235416_a1b2c3".into(),
        state: RecordingState::Complete,
        sources: vec!["btc.trades.csv.gz".into()],
        created_us: 1_723_161_256_322_000,
        symbols: vec![RecordedSymbolV1 {
            name: "BTCUSDT".into(),
            price_scale: 1,
            quantity_scale: 3,
            streams: vec![stream(1), stream(4)],
        }],
    }
}

fn spec() -> SymbolSpecV2 {
    let decimal = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
    SymbolSpecV2::from(&SymbolSpec::new("BTC_USDT", decimal("0.1"), decimal("1"), decimal("0.0001")).unwrap())
}

fn facts() -> SymbolFactsV1 {
    SymbolFactsV1 {
        venue: Some("mexc".into()),
        quote: Some("USDT".into()),
        settle: Some("USDT".into()),
        price_step: Some((1, 1)),
        quantity_step: Some((1, 0)),
        contract_size: Some((1, 4)),
        bar_source: Some("name".into()),
        repeated: 7,
        notes: vec!["bars are taken as 60 s long".into()],
    }
}

fn gap() -> GapV1 {
    GapV1 { symbol: "BTCUSDT".into(), stream: 4, from_ns: 1_000, to_ns: 2_000, cause: "import".into() }
}

fn result() -> ResultV3 {
    let strategy = |id: &str, version| ResultStrategyV2 { id: id.into(), version, name: "Pump".into() };
    ResultV3 {
        id: "exec_20240808_235416_a1b2c3".into(),
        session_id: Some("exec_20240808_235416_a1b2c3".into()),
        strategies: vec![strategy("pump_v2", 3), strategy("dump_v2", 0)],
        symbols: vec!["BTCUSDT".into()],
        source: "session_20240808_235416_a1b2c3".into(),
        from_us: 1,
        to_us: 2,
        created_us: 3,
        digest: "00ff".into(),
        trades: 12,
        wins: 7,
        draws: 1,
        initial_money: 10_000_000_000_000_000_000_000,
        net_money: -1_500_000_000_000_000_000,
        max_drawdown_money: 2_000_000_000_000_000_000,
        stopped_early: true,
        engine_version: 2,
    }
}

/// The content of the golden file of version 1.
fn result_v1() -> ResultV1 {
    ResultV1 {
        id: "exec_20240808_235416_a1b2c3".into(),
        strategy_id: "pump_v2".into(),
        strategy_version: 3,
        symbols: vec!["BTCUSDT".into()],
        source: "session_20240808_235416_a1b2c3".into(),
        from_us: 1,
        to_us: 2,
        created_us: 3,
        digest: "00ff".into(),
        trades: 12,
        wins: 7,
        net_money: -1_500_000_000_000_000_000,
        max_drawdown_money: 2_000_000_000_000_000_000,
    }
}

fn document() -> ResultDocumentV1 {
    ResultDocumentV1 { id: "exec_20240808_235416_a1b2c3".into(), document: "{\"trades\":[]}".into() }
}

fn report() -> ResultReportV1 {
    ResultReportV1 { id: "exec_20240808_235416_a1b2c3".into(), html: vec![0x28, 0xb5, 0x2f, 0xfd] }
}

fn session() -> SessionRow {
    SessionRow {
        id: "exec_20240808_235416_a1b2c3".into(),
        kind: "backtest".into(),
        state: "completed".into(),
        created_us: 1,
        started_us: Some(2),
        ended_us: Some(3),
        error: Some("no data".into()),
        result_id: Some("exec_20240808_235416_a1b2c3".into()),
        symbols: vec!["BTCUSDT".into()],
        strategies: vec![SessionStrategyV2 { id: "pump_v2".into(), version: 3, name: "Pump".into() }],
        recording_id: Some("session_20240808_235416_a1b2c3".into()),
        request: "{\"session_type\":\"backtest\"}".into(),
        fingerprint: "00ff".into(),
        user: "ann".into(),
        reached: SessionReachedV2 {
            progress_ppm: Some(1_000_000),
            simulated_us: Some(4),
            ticks: 5,
            signals: 6,
            orders: 7,
            fills: 8,
            trades: 9,
            events: 10,
            events_not_kept: 11,
        },
        was_orphaned: true,
        orphan_closed: false,
        input_recording_id: Some("session_20240808_235416_b1b2c3".into()),
        reached_ns: Some(12),
        engine_version: 2,
    }
}

/// The content of the golden file of version 2, upgraded.
fn session_v2() -> SessionRow {
    SessionRow { input_recording_id: None, reached_ns: None, engine_version: 1, ..session() }
}

fn control() -> SessionControlV1 {
    SessionControlV1 {
        at_ns: 5,
        kind: ControlKindV1::SymbolTable { version: 2, disabled: vec!["BTC_USDT".into()] },
    }
}

fn contract() -> ContractV2 {
    ContractV2 {
        symbol: "BTC_USDT".into(),
        display_name: "BTC_USDT PERPETUAL".into(),
        base: "BTC".into(),
        quote: "USDT".into(),
        settle: "USDT".into(),
        contract_size: (1, 4),
        price_step: (1, 1),
        quantity_step: (1, 0),
        min_quantity: (1, 0),
        max_quantity: (1_250_000, 0),
        max_leverage: 200,
        maker_fee: (0, 0),
        taker_fee: (2, 4),
        maintenance: (4, 3),
        tiers: vec![((230_000, 0), 200, (23, 4)), ((1_550_000, 0), 100, (4, 3))],
        state: 0,
        is_api_allowed: true,
        listed_ms: Some(1_591_242_684_000),
    }
}

fn tickers() -> TickerCacheV1 {
    TickerCacheV1 { as_of_us: 6, body: "{\"tickers\":[]}".into() }
}

/// The content of the golden file of version 1, upgraded.
fn session_v1() -> SessionRow {
    SessionRow {
        id: "exec_20240808_235416_a1b2c3".into(),
        kind: "backtest".into(),
        state: "failed".into(),
        created_us: 1,
        started_us: Some(2),
        error: Some("no data".into()),
        request: "null".into(),
        engine_version: 1,
        ..SessionRow::default()
    }
}

fn events() -> SessionEventsV1 {
    SessionEventsV1 { first_seq: 3, count: 2, lines: vec![0x28, 0xb5, 0x2f, 0xfd] }
}

fn statistics() -> StrategyStatisticsV1 {
    StrategyStatisticsV1 {
        strategy_id: "pump_v2".into(),
        results: 2,
        trades: 12,
        wins: 7,
        losses: 4,
        draws: 1,
        net_pct_e9: -1_500_000_000,
        last_result_id: "exec_20240808_235416_a1b2c3".into(),
        last_us: 3,
    }
}

fn user() -> UserV1 {
    UserV1 {
        name: "ann".into(),
        role: "admin".into(),
        password_hash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".into(),
        created_us: 1,
        updated_us: 2,
        disabled: true,
    }
}

fn login() -> LoginV1 {
    LoginV1 {
        family: "AAAAAAAAAAAAAAAAAAAAAA".into(),
        user: "ann".into(),
        created_us: 1,
        expires_us: 2,
        refresh_hash: std::array::from_fn(|byte| byte as u8),
        revoked: true,
    }
}

fn revoked_token() -> RevokedTokenV1 {
    RevokedTokenV1 { jti: "BBBBBBBBBBBBBBBBBBBBBB".into(), expires_us: 3 }
}

fn idempotency() -> IdempotencyV1 {
    IdempotencyV1 {
        request_hash: [7; 32],
        status: 201,
        location: Some("/api/strategies/pump_v2".into()),
        body: b"{}".to_vec(),
        created_us: 4,
    }
}

fn checkpoint() -> CheckpointV1 {
    CheckpointV1 {
        session_id: "exec_20240808_235416_a1b2c3".into(),
        program: "0.9.0".into(),
        engine_version: 2,
        layout: 1,
        definition: "9f86d081884c7d65".into(),
        at_ns: 1_723_161_256_322_000_000,
        controls: 3,
        rows: 2_000_000,
        seq: 41,
        events: 37,
        tells_money: true,
        state_bytes: 5,
        state: vec![1, 2, 3],
    }
}

fn result_note() -> ResultNoteV1 {
    ResultNoteV1 {
        result_id: "exec_20240808_235416_a1b2c3".into(),
        name: Some("tighter stop".into()),
        notes: "half the loss\nof the run before".into(),
        tags: vec!["pump".into(), "stop".into()],
        pinned: true,
        user: "ann".into(),
        updated_us: 5,
    }
}

fn pump_label() -> PumpLabelV1 {
    PumpLabelV1 {
        number: 2,
        symbol: "NXSBTC".into(),
        grade: "A".into(),
        onset_us: 1_583_251_195_000_000,
        peak_us: Some(1_583_251_327_281_000),
        end_us: Some(1_583_251_553_681_000),
        announced_us: None,
        note: "clear".into(),
        user: "ann".into(),
        updated_us: 6,
    }
}

fn preset() -> PresetV1 {
    PresetV1 {
        user: "ann".into(),
        name: "usual".into(),
        request: "{\"session_type\":\"paper\"}".into(),
        updated_us: 7,
    }
}

fn sync_state() -> SyncStateV1 {
    SyncStateV1 {
        instance: "4f1d2c3b4a596877".into(),
        epoch: "00ff".into(),
        pending_epoch: "01ff".into(),
        url: "http://127.0.0.1:9000".into(),
        tables: vec![SyncTableV1 { name: "ticks".into(), table_id: 6, sequencer_txn: 812, rows: 90_001 }],
    }
}

fn sync_cursor() -> SyncCursorV1 {
    SyncCursorV1 { next: 4_096, seen: 8_192, sent_us: 1_700_000_000_000_000, seen_us: 1_700_000_001_000_000 }
}

fn sync_revision() -> SyncRevisionV1 {
    SyncRevisionV1 { rev: 3, digest: [1, 2, 3, 4, 5, 6, 7, 8], acknowledged: true }
}

fn dead_letter() -> DeadLetterV1 {
    DeadLetterV1 {
        table: "ticks".into(),
        line: "td_ticks,instance=a price=x 1".into(),
        reason: "cast error".into(),
        at_us: 5,
    }
}

fn unsent() -> UnsentV1 {
    UnsentV1 {
        recording_id: "session_20240808_235416_a1b2c3".into(),
        symbol: "BTC_USDT".into(),
        stream: "trades".into(),
        from_us: 1,
        to_us: 2,
        rows: 3,
    }
}

fn log_entry() -> LogEntryV1 {
    LogEntryV1 { session_id: "exec_20260728_112233_abcdef".into(), first_seq: 17, count: 3, bytes: 812 }
}

/// Checks that the golden file decodes to the record and the record encodes to the file. A missing file is
/// written, for new versions; the test fails until it is committed.
fn golden<T: Stored + PartialEq + Debug>(record: &T) -> (u16, u16, &'static str) {
    let path = root(&format!("tests/golden/{}_v{}.bin", T::NAME, T::VERSION));
    let bytes = encode(record).unwrap();
    let Ok(kept) = std::fs::read(&path) else {
        std::fs::write(&path, &bytes).unwrap();
        panic!("{} was missing and has been written: commit it", path.display());
    };
    assert_eq!(&decode::<T>(&kept).unwrap(), record, "{}", path.display());
    assert_eq!(kept, bytes, "{}: the stored form of a version never changes", path.display());
    (T::KIND, T::VERSION, T::NAME)
}

#[test]
fn older_versions_read_as_the_newest() {
    let old = |name: &str| std::fs::read(root(&format!("tests/golden/{name}_v1.bin"))).unwrap();
    assert_eq!(decode::<ResultV3>(&old("result")).unwrap(), ResultV3::from(result_v1()));
    assert_eq!(decode::<SessionRow>(&old("session")).unwrap(), session_v1());
    let first = ContractV2 { tiers: Vec::new(), ..contract() };
    assert_eq!(decode::<ContractV2>(&old("contract")).unwrap(), first);
    assert_eq!(decode::<SymbolSpecV2>(&old("symbol_spec")).unwrap(), spec());
    let kept = |name: &str| std::fs::read(root(&format!("tests/golden/{name}.bin"))).unwrap();
    assert_eq!(decode::<SessionRow>(&kept("session_v2")).unwrap(), session_v2());
    assert_eq!(
        decode::<SessionRow>(&kept("session_v3")).unwrap(),
        SessionRow { engine_version: 1, ..session() }
    );
    assert_eq!(decode::<ResultV3>(&kept("result_v2")).unwrap(), ResultV3 { engine_version: 1, ..result() });
}

#[test]
fn golden_bytes_read_as_they_were_and_the_schema_lists_them() {
    let mut kinds = [
        golden(&strategy()),
        golden(&recording()),
        golden(&spec()),
        golden(&gap()),
        golden(&result()),
        golden(&document()),
        golden(&session()),
        golden(&user()),
        golden(&login()),
        golden(&revoked_token()),
        golden(&idempotency()),
        golden(&report()),
        golden(&events()),
        golden(&statistics()),
        golden(&control()),
        golden(&contract()),
        golden(&tickers()),
        golden(&facts()),
        golden(&log_entry()),
        golden(&result_note()),
        golden(&pump_label()),
        golden(&preset()),
        golden(&sync_state()),
        golden(&sync_cursor()),
        golden(&sync_revision()),
        golden(&dead_letter()),
        golden(&unsent()),
        golden(&checkpoint()),
    ];
    kinds.sort_unstable();
    let schema = std::fs::read_to_string(root("schema/records.md")).unwrap();
    let listed: Vec<String> = schema
        .lines()
        .filter(|line| line.starts_with("| ") && !line.contains("kind |") && !line.starts_with("| -"))
        .map(row_start)
        .collect();
    let written: Vec<String> =
        kinds.iter().map(|(kind, version, name)| format!("| {kind} | {name} | {version} |")).collect();
    assert_eq!(listed, written, "schema/records.md must list every kind and version");
    let files = std::fs::read_dir(root("tests/golden")).unwrap().filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        kinds.iter().any(|(_, _, kind)| name.to_string_lossy().starts_with(&format!("{kind}_v")))
    });
    assert_eq!(
        files.count(),
        kinds.iter().map(|(_, version, _)| usize::from(*version)).sum::<usize>(),
        "one golden file per version"
    );
}

fn row_start(line: &str) -> String {
    format!("|{}|", line.split('|').skip(1).take(3).collect::<Vec<_>>().join("|"))
}

#[test]
fn a_specification_survives_a_gap_and_a_contract_too() {
    let kept = facts();
    let again = SymbolFactsV1 {
        bar_source: kept.bar_source.clone(),
        repeated: 7,
        notes: kept.notes.clone(),
        ..SymbolFactsV1::new(&kept.contract())
    };
    assert_eq!(again, kept);
    assert_eq!(kept.bar_source().map(|source| source.as_str()), Some("name"));
    let kept = spec();
    assert_eq!(SymbolSpecV2::from(&kept.spec().unwrap()), kept);
    assert_eq!(GapV1::new("BTCUSDT", &gap().gap().unwrap()), gap());
    assert_eq!(ContractV2::from(&contract().contract().unwrap()), contract());
}
