//! Removing recordings: by age, by size, and in several transactions, during which they are hidden.

use super::*;
use crate::limits::REMOVED_AT_ONCE;
use std::collections::BTreeSet;

fn import_at(store: &Store, seconds: i64, rows: i64, gaps: usize) -> String {
    let new = NewRecording { at: Timestamp::from_seconds(seconds), entropy: 1, sources: Vec::new() };
    let mut writer = store.begin_import(new).unwrap();
    writer.append("BTCUSDT", StreamKind::Trades, &trades(rows)).unwrap();
    let gap = RecordedGap {
        stream: StreamKind::Trades,
        gap: Gap { from: at_ms(1), to: at_ms(2), cause: GapCause::Import },
    };
    writer.finish(&vec![("BTCUSDT".to_owned(), gap); gaps]).unwrap()
}

fn ids(store: &Store) -> Vec<String> {
    store.recordings().unwrap().into_iter().rev().map(|recording| recording.id).collect()
}

#[test]
fn the_oldest_go_until_the_rest_is_young_and_small_enough() {
    let store = Arc::new(Store::in_memory().unwrap());
    let made: Vec<String> = (1..=5).map(|day| import_at(&store, day * 86_400, 5_000, 0)).collect();
    let open = store
        .begin_recording(
            NewRecording { at: Timestamp::from_seconds(1), entropy: 2, sources: Vec::new() },
            vec!["A".into()],
        )
        .unwrap();
    open.push(SymbolId(0), &trades(4_500)).unwrap();
    open.seal().unwrap();
    let each = store.recording(&made[0]).unwrap().bytes();
    let of_live = store.recording(open.id()).unwrap().bytes();
    let none = BTreeSet::new();
    assert_eq!(store.prune(Retention::default(), &none).unwrap(), Pruned::default());
    let pinned = BTreeSet::from([made[1].clone()]);
    let before = Some(Timestamp::from_seconds(3 * 86_400));
    let pruned = store.prune(Retention { before, bytes: None }, &pinned).unwrap();
    assert_eq!(pruned, Pruned { recordings: vec![made[0].clone()], bytes: each });
    let bytes = Some(of_live + 2 * each);
    let pruned = store.prune(Retention { before: None, bytes }, &pinned).unwrap();
    assert_eq!(pruned.recordings, made[2..4]);
    assert_eq!(ids(&store), [open.id(), &made[1], &made[4]]);
    let pruned = store.prune(Retention { before: Some(Timestamp::MAX), bytes: Some(0) }, &none).unwrap();
    assert_eq!(pruned.recordings, [made[1].as_str(), &made[4]]);
    assert_eq!(ids(&store), [open.id()], "never one that is being made");
    assert!(store.verify().unwrap().is_sound());
}

#[test]
fn a_removal_that_is_cut_leaves_a_whole_recording_or_none() {
    let mut was_hidden = false;
    for budget in 0..400 {
        let disk = SharedMemory::default();
        let store = Store::with_backend(disk.clone()).unwrap();
        let id = import_at(&store, 1, 9_000, 3 * REMOVED_AT_ONCE);
        let other = import_at(&store, 2, 9_000, 10);
        *disk.budget.lock().unwrap() = Some(budget);
        let done = store.delete_recording(&id);
        drop(store);
        *disk.budget.lock().unwrap() = None;
        let store = Store::with_backend(disk).unwrap();
        assert!(store.verify().unwrap().is_sound(), "budget {budget}");
        let left = ids(&store);
        match (left.len(), &done) {
            (2, Err(_)) => assert_eq!(store.gaps(&id).unwrap().len(), 3 * REMOVED_AT_ONCE),
            (1, Err(_)) => was_hidden = true,
            (1, Ok(())) => {
                assert!(was_hidden, "no cut came between two transactions");
                assert_eq!(left, [other]);
                assert_eq!(store.gaps(&id).unwrap().len(), 0);
                return;
            }
            other => panic!("budget {budget}: {other:?}"),
        }
    }
    panic!("the disk never had enough room");
}
