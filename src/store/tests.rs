//! The store as a whole, on a file and in memory: cut off at every write, damaged, and refusing input.

use super::records::{CheckpointV1, RecordingState, ResultStrategyV2, ResultV3, SessionRow};
use super::*;
use crate::domain::decimal::Decimal;
use crate::domain::event::{Gap, GapCause, Market};
use crate::domain::num::{Price, Qty};
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody, RecordedGap, StreamKind};
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::Timestamp;
use crate::session::ports::{Chunk, Feed, Tick, TickKind};
use std::sync::{Arc, Mutex};

mod accounts;
mod damage;
mod feeds;
mod market;
mod misplaced;
mod open;
mod recovery;
mod retention;
mod sharing;

fn number(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).unwrap()
}

fn at_ms(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).unwrap()
}

fn record(ms: i64, body: RecordBody) -> Record {
    Record { exchange_at: at_ms(ms), received_at: None, body }
}

fn trade(ms: i64, price: &str, quantity: &str) -> Record {
    record(
        ms,
        RecordBody::Trade {
            price: number(price),
            quantity: number(quantity),
            taker: Side::Buy,
            id: Some(ms as u64),
        },
    )
}

/// `count` trades at varying prices, several per millisecond.
fn trades(count: i64) -> Vec<Record> {
    (0..count)
        .map(|i| {
            let price = Decimal::new(6_180_030 + (i * 7_919) % 100 - 50, 2).unwrap();
            let quantity = Decimal::new(1 + (i * 104_729) % 5_000, 3).unwrap();
            let taker = if i % 3 == 0 { Side::Sell } else { Side::Buy };
            let received_at = Some(Timestamp::from_nanos((1_000 + i / 3) * 1_000_000 + i * 1_000));
            let body = RecordBody::Trade { price, quantity, taker, id: Some(i as u64) };
            Record { exchange_at: at_ms(1_000 + i / 3), received_at, body }
        })
        .collect()
}

fn new_recording(entropy: u32) -> NewRecording {
    NewRecording { at: Timestamp::from_seconds(1_723_161_256), entropy, sources: vec!["a.trades.csv".into()] }
}

fn import(
    store: &Store,
    suffix: u32,
    rows: &[(&str, StreamKind, Vec<Record>)],
    gaps: &[(String, RecordedGap)],
) -> String {
    let mut writer = store.begin_import(new_recording(suffix)).unwrap();
    for (symbol, kind, rows) in rows {
        for batch in rows.chunks(1_000) {
            writer.append(symbol, *kind, batch).unwrap();
        }
    }
    writer.finish(gaps).unwrap()
}

fn all_rows(store: &Store, id: &str, symbol: &str, kind: StreamKind) -> Vec<Record> {
    store.rows(id, symbol, kind).unwrap().collect::<Result<_, _>>().unwrap()
}

fn result(id: &str, created_us: i64) -> ResultV3 {
    ResultV3 {
        id: id.into(),
        session_id: None,
        strategies: vec![ResultStrategyV2 { id: "pump_v2".into(), version: 1, name: "Pump".into() }],
        symbols: vec!["BTCUSDT".into()],
        source: "x".into(),
        from_us: 0,
        to_us: 1,
        created_us,
        digest: "00".into(),
        trades: 1,
        wins: 1,
        draws: 0,
        initial_money: 10,
        net_money: -1,
        max_drawdown_money: 1,
        stopped_early: false,
        engine_version: 2,
    }
}

fn new_result(id: &str, created_us: i64, document: &str) -> NewResult {
    let outcome = StrategyOutcome {
        strategy_id: "pump_v2".into(),
        trades: 3,
        wins: 1,
        losses: 1,
        draws: 1,
        net_pct_e9: -1_500_000_000,
        digest: "trades".into(),
    };
    NewResult {
        result: result(id, created_us),
        document: document.into(),
        report: "<html>é</html>".into(),
        outcomes: vec![outcome],
    }
}

/// Runs the steps on a file and in memory.
fn on_both(steps: impl Fn(&Store)) {
    steps(&Store::in_memory().unwrap());
    let dir = tempfile::tempdir().unwrap();
    steps(&Store::open(dir.path(), OpenMode::CreateIfNew).unwrap());
    assert!(verify(dir.path()).unwrap().is_sound());
}

#[test]
fn strategies_keep_all_versions() {
    on_both(|store| {
        assert_eq!(store.put_strategy("pump", "Pump", "{}", at_ms(1)).unwrap(), 1);
        assert_eq!(store.put_strategy("pump", "Pump 2", "{\"a\":1}", at_ms(2)).unwrap(), 2);
        assert_eq!(store.put_strategy("pum", "Other", "{}", at_ms(3)).unwrap(), 1);
        assert_eq!(store.strategy("pump").unwrap().name, "Pump 2");
        assert_eq!(store.strategy("pump").unwrap().created_us, 1_000);
        assert_eq!(store.strategy_version("pump", 1).unwrap().document, "{}");
        store.delete_strategy("pump", at_ms(4)).unwrap();
        assert!(matches!(store.strategy("pump"), Err(StoreError::NotFound { .. })));
        assert_eq!(store.strategies().unwrap().iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["pum"]);
        assert_eq!(store.strategy_version("pump", 2).unwrap().name, "Pump 2");
        assert_eq!(store.put_strategy("pump", "Pump 3", "{}", at_ms(5)).unwrap(), 3);
        assert_eq!(store.strategies().unwrap().len(), 2);
        assert_eq!(store.delete_strategy("nothing", at_ms(6)).unwrap_err().exit_code(), 64);
    });
}

#[test]
fn results_and_sessions_are_kept_newest_first() {
    on_both(|store| {
        store.put_result(new_result("exec_a", 5, "{\"x\":1}")).unwrap();
        store.put_result(new_result("exec_b", 9, "{}")).unwrap();
        assert_eq!(
            store.results().unwrap().iter().map(|r| r.id.as_str()).collect::<Vec<_>>(),
            ["exec_b", "exec_a"]
        );
        assert_eq!(store.result("exec_a").unwrap(), result("exec_a", 5));
        assert_eq!(store.result_document("exec_a").unwrap(), "{\"x\":1}");
        assert_eq!(store.result_report("exec_a").unwrap().as_deref(), Some("<html>é</html>"));
        assert!(matches!(store.result("exec_c"), Err(StoreError::NotFound { .. })));
        let session = session("s", "running");
        store.put_session(&session, &EventSegment::default()).unwrap();
        let done = SessionRow { state: "completed".into(), result_id: Some("exec_a".into()), ..session };
        store.put_session(&done, &EventSegment::default()).unwrap();
        assert_eq!(store.sessions().unwrap(), vec![done.clone()]);
        assert_eq!(store.session("s").unwrap(), done);
    });
}

fn session(id: &str, state: &str) -> SessionRow {
    SessionRow {
        id: id.into(),
        kind: "backtest".into(),
        state: state.into(),
        request: "{}".into(),
        ..SessionRow::default()
    }
}

fn events(first_seq: u64, count: u64) -> EventSegment {
    EventSegment {
        first_seq,
        lines: (first_seq..first_seq + count).map(|seq| format!("{{\"seq\":{seq}}}\n")).collect(),
    }
}

#[test]
fn a_session_ends_with_its_result_and_counts_once() {
    on_both(|store| {
        store.put_session(&session("exec_1", "running"), &events(1, 1)).unwrap();
        store.put_session_events("exec_1", &events(2, 3)).unwrap();
        for _ in 0..2 {
            store
                .finish_session(
                    &session("exec_1", "completed"),
                    &events(5, 2),
                    Some(new_result("exec_1", 7, "{}")),
                )
                .unwrap();
        }
        let mut other = new_result("exec_0", 3, "{}");
        other.outcomes[0].digest = "other trades".into();
        store.put_result(other).unwrap();
        let all = store.strategy_statistics().unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(
            (all[0].results, all[0].trades, all[0].wins, all[0].net_pct_e9),
            (2, 6, 2, -3_000_000_000)
        );
        assert_eq!((all[0].last_result_id.as_str(), all[0].last_us), ("exec_1", 7));
        assert_eq!(store.last_session_event("exec_1").unwrap(), 6);
        assert_eq!(store.last_session_event("exec_2").unwrap(), 0);
        for after in 0..=7 {
            for limit in [1, 2, 100] {
                let seqs: Vec<u64> = store
                    .session_events("exec_1", after, limit)
                    .unwrap()
                    .into_iter()
                    .map(|(seq, _)| seq)
                    .collect();
                assert_eq!(seqs, (after + 1..=6).take(limit).collect::<Vec<_>>(), "{after} {limit}");
            }
        }
        assert_eq!(store.session_events("exec_1", 4, 1).unwrap()[0].1, "{\"seq\":5}");
        store.finish_session(&session("exec_2", "failed"), &events(1, 1), None).unwrap();
        assert_eq!(store.session("exec_2").unwrap().state, "failed");
    });
}

#[test]
fn a_checkpoint_is_replaced_and_goes_with_the_end_of_its_session() {
    let store = Store::in_memory().unwrap();
    let of = |rows: u64| {
        let mut checkpoint =
            CheckpointV1 { session_id: "exec_a".to_owned(), rows, ..CheckpointV1::default() };
        checkpoint.pack(&vec![7; 100_000]).unwrap();
        checkpoint
    };
    assert!(store.put_checkpoint(&of(1)).unwrap_err().to_string().contains("has ended"), "nobody runs");
    let running = SessionRow { ended_us: None, ..session("exec_a", "running") };
    store.put_session(&running, &EventSegment::default()).unwrap();
    assert_eq!(store.checkpoint("exec_a").unwrap(), None);
    [1, 2].iter().for_each(|rows| store.put_checkpoint(&of(*rows)).unwrap());
    let kept = store.checkpoint("exec_a").unwrap().unwrap();
    assert_eq!((kept.rows, kept.unpack()), (2, Some(vec![7; 100_000])));
    assert!(kept.state.len() < 1_000, "it is compressed");
    let longer = CheckpointV1 { state_bytes: kept.state_bytes + 1, ..kept };
    assert_eq!(longer.unpack(), None);
    let ended = SessionRow { ended_us: Some(9), ..session("exec_a", "stopped") };
    store.put_session(&ended, &EventSegment::default()).unwrap();
    assert_eq!(store.checkpoint("exec_a").unwrap(), None);
    assert!(store.put_checkpoint(&of(3)).is_err(), "it has ended meanwhile");
    let large = vec![0; crate::limits::CHECKPOINT_BYTES + 1];
    assert!(CheckpointV1::default().pack(&large).unwrap_err().to_string().contains("at most"));
}

#[test]
fn results_with_the_same_decisions_count_once() {
    on_both(|store| {
        let counts = || {
            let all = store.strategy_statistics().unwrap();
            all.first().map_or((0, 0), |one| (one.results, one.trades))
        };
        // A paper session's result does not count, nor does it keep the backtest with equal decisions from
        // counting.
        store.put_result(NewResult { outcomes: Vec::new(), ..new_result("exec_0", 1, "{}") }).unwrap();
        assert_eq!(counts(), (0, 0));
        for id in ["exec_1", "exec_2", "exec_3"] {
            store.put_result(new_result(id, 2, "{}")).unwrap();
            assert_eq!(counts(), (1, 3), "{id}");
        }
        // The same decisions with other fees are another outcome, and other decisions with the same trades
        // are not: another strategy ran beside this one.
        let mut other = new_result("exec_4", 3, "{}");
        other.outcomes[0].digest = "other fees".into();
        store.put_result(other).unwrap();
        assert_eq!(counts(), (2, 6));
        let beside = ResultV3 { digest: "000".into(), ..result("exec_5", 3) };
        store.put_result(NewResult { result: beside, ..new_result("exec_5", 3, "{}") }).unwrap();
        assert_eq!(counts(), (2, 6));
        assert_eq!(store.results().unwrap().len(), 6);
    });
}

#[test]
fn a_store_from_before_digests_counts_none_of_its_results_again() {
    let backend = SharedMemory::default();
    {
        let store = Store::with_backend(backend.clone()).unwrap();
        store.put_result(new_result("exec_1", 1, "{}")).unwrap();
        let txn = store.current.begin_write().unwrap();
        assert!(txn.delete_table(tables::RESULT_DIGESTS.definition).unwrap());
        txn.commit().unwrap();
    }
    let store = Store::with_backend(backend).unwrap();
    store.put_result(new_result("exec_2", 2, "{}")).unwrap();
    assert_eq!(store.strategy_statistics().unwrap()[0].results, 1);
    assert!(store.verify().unwrap().is_sound());
}

#[test]
fn pages_follow_each_other_without_holes_whatever_is_wanted() {
    on_both(|store| {
        // Sessions that record are called like their recordings.
        let ids = (0..25).map(|number| {
            let prefix = if number % 4 == 1 || number > 21 { "session" } else { "exec" };
            format!("{prefix}_20261130_0000{number:02}_0032c3")
        });
        let mut newest_first: Vec<String> = ids.collect();
        for (number, id) in newest_first.iter().enumerate() {
            let state = if number % 3 == 0 { "failed" } else { "completed" };
            store.put_session(&session(id, state), &EventSegment::default()).unwrap();
        }
        newest_first.reverse();
        // A cursor that no list gave.
        assert_eq!(store.sessions_page(Some("zzz"), 100, None).unwrap().items.len(), 25);
        let failed = |session: &SessionRow| session.state == "failed";
        let wanteds: [Wanted<'_, SessionRow>; 2] = [None, Some(&failed)];
        for (wanted, count) in wanteds.into_iter().zip([25, 9]) {
            for limit in [1, 7, 9, 25, 100] {
                let (mut seen, mut before) = (Vec::new(), None);
                loop {
                    let page = store.sessions_page(before.as_deref(), limit, wanted).unwrap();
                    assert_eq!(page.total_count, count);
                    assert!(page.items.len() <= limit);
                    seen.extend(page.items.into_iter().map(|session| session.id));
                    before = page.next;
                    if before.is_none() {
                        break;
                    }
                }
                assert_eq!(seen.len() as u64, count);
                let mut expected = newest_first.iter();
                assert!(seen.iter().all(|id| expected.any(|next| next == id)), "{seen:?}");
            }
        }
    });
}

#[test]
fn an_import_comes_back_row_for_row() {
    on_both(|store| {
        let btc = trades(20_000);
        let eth = vec![trade(1_000, "2300.1", "0.5"), trade(1_000, "2300.05", "12")];
        let gap = Gap { from: at_ms(900), to: at_ms(1_000), cause: GapCause::Import };
        let gaps = vec![("ETHUSDT".to_owned(), RecordedGap { stream: StreamKind::Trades, gap })];
        let rows =
            [("BTCUSDT", StreamKind::Trades, btc.clone()), ("ETHUSDT", StreamKind::Trades, eth.clone())];
        let id = import(store, 0xa1_b2c3, &rows, &gaps);
        assert_eq!(id, "session_20240808_235416_0032c3");
        assert_eq!(all_rows(store, &id, "BTCUSDT", StreamKind::Trades), btc);
        assert_eq!(all_rows(store, &id, "ETHUSDT", StreamKind::Trades), eth);
        assert_eq!(store.gaps(&id).unwrap(), gaps);
        let recording = store.recording(&id).unwrap();
        assert_eq!((recording.state, recording.rows()), (RecordingState::Complete, 20_002));
        assert_eq!(recording.symbol("ETHUSDT").unwrap().price_scale, 2);
        assert!(recording.symbol("BTCUSDT").unwrap().streams[0].has_receive_times);
        assert!(!recording.symbol("ETHUSDT").unwrap().streams[0].has_receive_times);
        let spec = store.spec_of(&id, "ETHUSDT").unwrap();
        assert_eq!((spec.price_step, spec.quantity_step), (number("0.01"), number("0.1")));
        assert!(store.verify().unwrap().is_sound());
        store.delete_recording(&id).unwrap();
        assert!(store.recordings().unwrap().is_empty());
        assert_eq!(store.verify().unwrap().blocks, 0);
    });
}

#[test]
fn deleting_a_recording_leaves_its_neighbours() {
    let store = Store::in_memory().unwrap();
    let rows = [("BTCUSDT", StreamKind::Trades, trades(10))];
    let ids = [1, 2, 3].map(|suffix| import(&store, suffix, &rows, &[]));
    store.delete_recording(&ids[1]).unwrap();
    assert_eq!(
        store.recordings().unwrap().iter().map(|r| r.id.clone()).collect::<Vec<_>>(),
        [ids[2].clone(), ids[0].clone()]
    );
    assert_eq!(all_rows(&store, &ids[0], "BTCUSDT", StreamKind::Trades).len(), 10);
    assert!(store.verify().unwrap().is_sound());
}

#[test]
fn rows_that_cannot_be_kept_are_refused_with_their_place() {
    let store = Store::in_memory().unwrap();
    let mut writer = store.begin_import(new_recording(1)).unwrap();
    writer.append("A", StreamKind::Trades, &[trade(5, "1", "1")]).unwrap();
    let back = writer.append("A", StreamKind::Trades, &[trade(5, "1", "1"), trade(4, "1", "1")]).unwrap_err();
    assert!(back.to_string().contains("row 2") && back.to_string().contains("back in time"), "{back}");
    assert!(writer.append("A", StreamKind::Quotes, &[trade(5, "1", "1")]).is_err());
    assert!(writer.append("", StreamKind::Trades, &[trade(5, "1", "1")]).is_err());
    assert_eq!(writer.rows(), 1);
    // These prices need a step of 10^-12, of which the larger one has more than 2^53.
    writer
        .append("B", StreamKind::Trades, &[trade(5, "0.000000000001", "1"), trade(6, "1000000", "1")])
        .unwrap();
    let large = writer.finish(&[]).unwrap_err();
    assert!(large.to_string().contains("prices of B"), "{large}");
    assert!(store.recordings().unwrap().is_empty());
    assert_eq!(store.verify().unwrap().records, 0);
    let empty = store.begin_import(new_recording(2)).unwrap();
    assert_eq!(empty.finish(&[]).unwrap_err().exit_code(), 64);
    assert_eq!(store.verify().unwrap().records, 0);
}

#[test]
fn numbers_too_far_apart_for_one_block_are_split() {
    let store = Store::in_memory().unwrap();
    let rate = |ms, text: &str| record(ms, RecordBody::Funding { rate: number(text) });
    let rows = vec![
        rate(1, "0.000000000000000001"),
        rate(2, "9000000000000000000"),
        rate(3, "-0.5"),
        rate(4, "100"),
        rate(5, "7"),
    ];
    let id = import(&store, 1, &[("A", StreamKind::Funding, rows.clone())], &[]);
    assert_eq!(all_rows(&store, &id, "A", StreamKind::Funding), rows);
    assert!(store.verify().unwrap().blocks > 1);
}

#[test]
fn a_killed_import_is_removed() {
    let backend = SharedMemory::default();
    {
        let store = Store::with_backend(backend.clone()).unwrap();
        let mut import = store.begin_import(new_recording(1)).unwrap();
        import.append("BTCUSDT", StreamKind::Trades, &trades(10_000)).unwrap();
        import.commit().unwrap();
        assert!(store.recordings().unwrap().is_empty());
        // Neither finished nor dropped, as if the process had died here.
        std::mem::forget(import);
    }
    let store = Store::with_backend(backend).unwrap();
    assert_eq!(store.verify().unwrap(), VerifyReport::default());
}

#[test]
fn a_dropped_or_aborted_import_leaves_nothing() {
    let store = Store::in_memory().unwrap();
    let mut dropped = store.begin_import(new_recording(1)).unwrap();
    dropped.append("A", StreamKind::Trades, &trades(9_000)).unwrap();
    dropped.commit().unwrap();
    drop(dropped);
    let mut aborted = store.begin_import(new_recording(2)).unwrap();
    aborted.append("A", StreamKind::Trades, &trades(9_000)).unwrap();
    aborted.commit().unwrap();
    aborted.abort().unwrap();
    assert_eq!(store.verify().unwrap(), VerifyReport::default());
}

/// An in-memory backend that outlives the store, like a disk, and can be told to fail.
#[derive(Clone, Default, Debug)]
struct SharedMemory {
    bytes: Arc<Mutex<Vec<u8>>>,
    /// Writes and syncs that still succeed; `None` means all.
    budget: Arc<Mutex<Option<usize>>>,
    /// While a test holds this, syncs wait.
    slow: Arc<Mutex<()>>,
}

impl SharedMemory {
    fn spend(&self) -> Result<(), io::Error> {
        match self.budget.lock().unwrap().as_mut() {
            Some(0) => Err(io::Error::from(io::ErrorKind::StorageFull)),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl StorageBackend for SharedMemory {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.bytes.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let bytes = self.bytes.lock().unwrap();
        out.copy_from_slice(&bytes[offset as usize..offset as usize + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.spend()?;
        self.bytes.lock().unwrap().resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        drop(self.slow.lock().unwrap());
        self.spend()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.spend()?;
        self.bytes.lock().unwrap()[offset as usize..offset as usize + data.len()].copy_from_slice(data);
        Ok(())
    }
}

/// What was acknowledged before the disk was full.
#[derive(Default)]
struct Acknowledged {
    versions: u32,
    results: Vec<String>,
    recordings: Vec<String>,
}

fn work_until_full(store: &Store, done: &mut Acknowledged) -> Result<(), StoreError> {
    for round in 0_u32.. {
        done.versions = store.put_strategy("pump", "Pump", &"x".repeat(3_000), at_ms(1))?;
        let id = format!("exec_{round:04}");
        store.put_result(new_result(&id, i64::from(round), &"y".repeat(9_000)))?;
        done.results.push(id);
        let mut writer = store.begin_import(new_recording(round))?;
        writer.append("BTCUSDT", StreamKind::Trades, &trades(5_000))?;
        done.recordings.push(writer.finish(&[])?);
    }
    Ok(())
}

#[test]
fn a_disk_that_fails_at_any_write_loses_nothing_acknowledged_and_keeps_nothing_half() {
    let expected = trades(5_000);
    for budget in (0..400).step_by(3) {
        let disk = SharedMemory::default();
        drop(Store::with_backend(disk.clone()).unwrap());
        let mut done = Acknowledged::default();
        let mut last = String::new();
        {
            let store = Store::with_backend(disk.clone()).unwrap();
            *disk.budget.lock().unwrap() = Some(budget);
            let error = work_until_full(&store, &mut done).unwrap_err();
            assert!(matches!(error, StoreError::Full(_) | StoreError::ReadOnly(_)), "{error:?}");
            assert_eq!(error.exit_code(), 69);
            last.push_str(&error.to_string());
        }
        assert!(last.contains("disk"), "{last}");
        *disk.budget.lock().unwrap() = None;
        let store = Store::with_backend(disk.clone()).unwrap();
        assert!(store.verify().unwrap().is_sound(), "budget {budget}");
        // One more version may be on disk although its acknowledgement was lost; if so, it is complete.
        let versions = store.strategy("pump").map_or(0, |strategy| strategy.version);
        assert!(
            versions == done.versions || versions == done.versions + 1,
            "budget {budget}: {versions} of {}",
            done.versions
        );
        let results: Vec<String> =
            store.results().unwrap().into_iter().rev().map(|result| result.id).collect();
        assert!(
            results.starts_with(&done.results) && results.len() <= done.results.len() + 1,
            "budget {budget}"
        );
        let mut recordings: Vec<String> =
            store.recordings().unwrap().into_iter().map(|recording| recording.id).collect();
        recordings.reverse();
        assert!(
            recordings.starts_with(&done.recordings) && recordings.len() <= done.recordings.len() + 1,
            "budget {budget}"
        );
        for id in &recordings {
            assert_eq!(all_rows(&store, id, "BTCUSDT", StreamKind::Trades), expected, "budget {budget}");
        }
    }
}
