//! Records sent from one store to another: the same on the other side, or refused without a trace.

use super::*;
use crate::domain::decimal::Decimal;
use crate::domain::event::{Gap, GapCause};
use crate::domain::order::Side;
use crate::domain::record::{Record, RecordBody, RecordedGap, StreamKind};
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;
use crate::store::records::{ControlKindV1, ResultStrategyV2, ResultV3, SessionControlV1, SymbolFactsV1};
use crate::store::{EventSegment, NewFacts, NewRecording, NewResult, RecordingCommit, StrategyOutcome};
use std::sync::Arc;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + seconds)
}

fn trades(count: i64) -> Vec<Record> {
    let trade = |second: i64| {
        let price = Decimal::new(10_000 + second % 777, 2).unwrap();
        let body = RecordBody::Trade { price, quantity: Decimal::ONE, taker: Side::Buy, id: None };
        Record { exchange_at: at(second), received_at: None, body }
    };
    (0..count).map(trade).collect()
}

/// A recording of 20,000 trades with a gap and facts.
fn imported(store: &Store) -> String {
    let new = NewRecording { at: at(0), entropy: 7, sources: vec!["a.csv".to_owned()] };
    let mut writer = store.begin_import(new).unwrap();
    writer.append("A_USDT", StreamKind::Trades, &trades(20_000)).unwrap();
    let facts = SymbolFactsV1 { notes: vec!["a note".to_owned()], ..SymbolFactsV1::default() };
    writer.set_facts(vec![NewFacts { symbol: "A_USDT".to_owned(), facts, spec: None }]);
    let gap = Gap { from: at(5), to: at(6), cause: GapCause::Disconnect };
    writer.finish(&[("A_USDT".to_owned(), RecordedGap { stream: StreamKind::Trades, gap })]).unwrap()
}

fn copy(store: &Store, records: &Records) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.send_records(records, &mut bytes).unwrap();
    bytes
}

fn result(id: &str) -> NewResult {
    let strategy = ResultStrategyV2 { id: "s".to_owned(), version: 1, name: "S".to_owned() };
    let result = ResultV3 {
        id: id.to_owned(),
        session_id: None,
        strategies: vec![strategy],
        symbols: vec!["A_USDT".to_owned()],
        source: "session_x".to_owned(),
        from_us: 1,
        to_us: 2,
        created_us: 3,
        digest: "d".to_owned(),
        trades: 4,
        wins: 1,
        draws: 0,
        initial_money: 5,
        net_money: 6,
        max_drawdown_money: 7,
        stopped_early: false,
        engine_version: 1,
    };
    let outcome = StrategyOutcome {
        strategy_id: "s".to_owned(),
        trades: 4,
        wins: 1,
        losses: 3,
        draws: 0,
        net_pct_e9: 1,
        digest: "trades".into(),
    };
    NewResult { result, document: "{}".to_owned(), report: "<p>".to_owned(), outcomes: vec![outcome] }
}

#[test]
fn a_recording_is_the_same_on_the_other_side_in_both_directions() {
    let (ours, copied, back) =
        (Store::in_memory().unwrap(), Store::in_memory().unwrap(), Store::in_memory().unwrap());
    let id = imported(&ours);
    let bytes = copy(&ours, &Records::Recording(id.clone()));
    copied.add_records(&mut bytes.as_slice()).unwrap();
    assert_eq!(back.receive(&mut bytes.as_slice()).unwrap(), id);
    for store in [&copied, &back] {
        assert_eq!(store.recording(&id).unwrap(), ours.recording(&id).unwrap());
        assert_eq!(store.gaps(&id).unwrap(), ours.gaps(&id).unwrap());
        assert_eq!(store.facts(&id, "A_USDT").unwrap().notes, ["a note"]);
        let report = store.verify().unwrap();
        assert!(report.is_sound() && report.rows == 20_000, "{report:?}");
        assert_eq!(copy(store, &Records::Recording(id.clone())), bytes);
    }
    assert!(back.receive(&mut bytes.as_slice()).unwrap_err().to_string().contains("exists"));
    assert_eq!(back.verify().unwrap().rows, 20_000);
}

#[test]
fn a_description_alone_has_no_rows_and_is_not_taken() {
    let (ours, copied) = (Store::in_memory().unwrap(), Store::in_memory().unwrap());
    let id = imported(&ours);
    let bytes = copy(&ours, &Records::Recordings);
    copied.add_records(&mut bytes.as_slice()).unwrap();
    assert_eq!(copied.recordings().unwrap(), ours.recordings().unwrap());
    assert_eq!(copied.gaps(&id).unwrap().len(), 1);
    assert!(bytes.len() < 1_000, "{}", bytes.len());
    assert!(Store::in_memory().unwrap().receive(&mut bytes.as_slice()).is_err());
}

#[test]
fn a_recording_that_is_being_made_is_copied_up_to_now() {
    let (ours, copied) = (Arc::new(Store::in_memory().unwrap()), Store::in_memory().unwrap());
    let new = NewRecording { at: at(0), entropy: 1, sources: Vec::new() };
    let open = ours.begin_recording(new, vec!["A_USDT".to_owned()]).unwrap();
    let rows: Vec<Record> =
        trades(3).into_iter().map(|row| Record { received_at: Some(row.exchange_at), ..row }).collect();
    open.push(SymbolId(0), &rows).unwrap();
    open.commit(RecordingCommit::default()).unwrap();
    copied.add_records(&mut copy(&ours, &Records::Recordings).as_slice()).unwrap();
    assert_eq!(copied.recordings().unwrap()[0].rows(), 3);
    copied.add_records(&mut copy(&ours, &Records::Recording(open.id().to_owned())).as_slice()).unwrap();
    assert_eq!(copied.readable_recording(open.id(), None).unwrap().rows(), 3);
    assert_eq!(copied.verify().unwrap().rows, 3);
}

#[test]
fn whatever_is_cut_or_changed_is_refused_and_leaves_nothing() {
    let ours = Store::in_memory().unwrap();
    let id = imported(&ours);
    let bytes = copy(&ours, &Records::Recording(id));
    let store = Store::in_memory().unwrap();
    let cuts = [0, 3, 4, 40, bytes.len() / 2, bytes.len() - 4, bytes.len() - 1];
    for cut in cuts {
        assert!(store.receive(&mut &bytes[..cut]).is_err(), "{cut}");
    }
    for bit in (0..bytes.len()).step_by(bytes.len() / 97 + 1) {
        let mut changed = bytes.clone();
        changed[bit] ^= 0x10;
        // What is changed in a name, note or source is another recording, and just as sound.
        let _ = store.receive(&mut changed.as_slice());
        let report = store.verify().unwrap();
        assert!(report.is_sound(), "{bit}: {report:?}");
        for kept in store.recordings().unwrap() {
            store.delete_recording(&kept.id).unwrap();
        }
    }
    let report = store.verify().unwrap();
    assert_eq!((report.records, report.blocks), (0, 0), "{report:?}");
}

#[test]
fn a_result_counts_where_it_is_received_and_is_not_replaced() {
    let (store, copied) = (Store::in_memory().unwrap(), Store::in_memory().unwrap());
    let mut bytes = Vec::new();
    result("exec_1").send(&mut bytes).unwrap();
    assert_eq!(store.receive(&mut bytes.as_slice()).unwrap(), "exec_1");
    assert_eq!(store.strategy_statistics().unwrap()[0].trades, 4);
    assert!(store.receive(&mut bytes.as_slice()).unwrap_err().to_string().contains("exists"));
    copied.add_records(&mut copy(&store, &Records::Results).as_slice()).unwrap();
    assert_eq!(copied.results().unwrap(), store.results().unwrap());
    assert!(copied.result_document("exec_1").is_err());
    copied.add_records(&mut copy(&store, &Records::Result("exec_1".to_owned())).as_slice()).unwrap();
    assert_eq!(copied.result_document("exec_1").unwrap(), "{}");
    assert_eq!(copied.result_report("exec_1").unwrap().as_deref(), Some("<p>"));
    copied.add_records(&mut copy(&store, &Records::Result("exec_2".to_owned())).as_slice()).unwrap();
    for wrong in ["session_1", "exec_../x", "exec_1"] {
        let mut bytes = Vec::new();
        result(wrong).send(&mut bytes).unwrap();
        assert!(store.receive(&mut bytes.as_slice()).is_err(), "{wrong}");
    }
}

#[test]
fn strategies_and_sessions_are_copied() {
    let (ours, copied) = (Store::in_memory().unwrap(), Store::in_memory().unwrap());
    for document in ["{}", "{ }"] {
        ours.put_strategy("s", "S", document, at(0)).unwrap();
    }
    let row = crate::store::records::SessionRow { id: "exec_1".to_owned(), ..Default::default() };
    ours.put_session(&row, &EventSegment { first_seq: 1, lines: String::new() }).unwrap();
    let control = |at_ns, kind| SessionControlV1 { at_ns, kind };
    let controls = [
        control(1, ControlKindV1::Pause),
        control(2, ControlKindV1::Resume),
        control(3, ControlKindV1::Pause),
        control(4, ControlKindV1::Close { symbol: 0 }),
    ];
    ours.put_session_controls("exec_1", &controls).unwrap();
    for records in [Records::Strategies, Records::Sessions, Records::Session("exec_1".to_owned())] {
        copied.add_records(&mut copy(&ours, &records).as_slice()).unwrap();
    }
    assert_eq!(copied.strategies().unwrap(), ours.strategies().unwrap());
    assert_eq!(copied.sessions().unwrap(), [row]);
    assert_eq!(copied.session_controls("exec_1").unwrap(), controls[2..3]);
    assert!(copied.is_paused("exec_1").unwrap() && ours.is_paused("exec_1").unwrap());
    ours.put_session_controls("exec_1", &[control(5, ControlKindV1::Resume)]).unwrap();
    assert!(!ours.is_paused("exec_1").unwrap() && !ours.is_paused("exec_2").unwrap());
}

#[test]
fn a_temporary_store_has_no_name() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (Store::temporary(dir.path()).unwrap(), Store::temporary(dir.path()).unwrap());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let id = imported(&one);
    assert!(one.verify().unwrap().is_sound() && other.recording(&id).is_err());
}

#[test]
fn a_choice_of_records_comes_back_from_its_words() {
    for kind in Records::KINDS {
        for id in [None, Some("an_id".to_owned())] {
            let Some(records) = Records::of(kind, id.clone()) else {
                assert_eq!((*kind, id.is_some()), ("strategies", true));
                continue;
            };
            assert_eq!(records.named(), (*kind, id.as_deref()));
        }
    }
    assert_eq!(Records::of("users", None), None, "these are not copied");
}
