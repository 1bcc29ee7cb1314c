//! Reading a recording that is being made or was cut off.

use super::*;

#[test]
fn readers_see_every_row_while_more_arrive() {
    let store = Arc::new(Store::in_memory().unwrap());
    let open = store.begin_recording(new_recording(1), names()).unwrap();
    let id = open.id().to_owned();
    let all: Vec<Record> = (0..60_000).map(|seq| row(StreamKind::Trades, seq, seq as i64 * 1_000)).collect();
    open.push(SymbolId(1), &all[..1]).unwrap();
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = || {
            let mut seen = 0;
            while !is_over.load(std::sync::atomic::Ordering::Acquire) {
                let counted = store.counted_recording(&id).unwrap().rows();
                let symbol = (seen % 2 == 0).then_some(SYMBOLS[1]);
                let readable = store.readable_recording(&id, symbol).unwrap().rows();
                let rows = all_rows(&store, &id, SYMBOLS[1], StreamKind::Trades);
                assert!(seen <= counted && counted <= readable && readable <= rows.len() as u64);
                assert!(
                    rows == all[..rows.len()],
                    "rows that are in the way of a seal are read once and in order"
                );
                seen = rows.len() as u64;
            }
            seen
        };
        let reader = scope.spawn(reader);
        for batch in all[1..].chunks(333) {
            open.push(SymbolId(1), batch).unwrap();
            open.commit(RecordingCommit::default()).unwrap();
        }
        is_over.store(true, std::sync::atomic::Ordering::Release);
        assert!(reader.join().unwrap() > 0);
    });
    open.finish(RecordingEnd::default()).unwrap();
    assert!(all_rows(&store, &id, SYMBOLS[1], StreamKind::Trades) == all);
}

#[test]
fn rows_are_appended_while_a_commit_waits_for_the_disk() {
    let disk = SharedMemory::default();
    let store = Arc::new(Store::with_backend(disk.clone()).unwrap());
    let open = store.begin_recording(new_recording(1), names()).unwrap();
    let all: Vec<Record> = (0..12_345).map(|seq| row(StreamKind::Trades, seq, seq as i64 * 1_000)).collect();
    let counted = || store.counted_recording(open.id()).unwrap().rows();
    open.push(SymbolId(0), &all[..5_000]).unwrap();
    std::thread::scope(|scope| {
        let slow = disk.slow.lock().unwrap();
        let commit = scope.spawn(|| open.commit(RecordingCommit::default()));
        while open.uncommitted_rows() > 0 {
            std::thread::yield_now();
        }
        open.push(SymbolId(0), &all[5_000..9_000]).unwrap();
        assert!(!commit.is_finished() && open.rows() == 9_000);
        // Not `counted`: while the file grows, the database lets nobody read.
        assert_eq!(open.rows_on_disk(), 0, "nothing counts that is not on disk");
        drop(slow);
        commit.join().unwrap().unwrap();
    });
    assert_eq!(counted(), 5_000, "what came behind the commit waits for the next one");
    open.push(SymbolId(0), &all[9_000..]).unwrap();
    open.commit(RecordingCommit::default()).unwrap();
    assert_eq!(counted(), 12_345);
    let id = open.id().to_owned();
    drop(open);
    drop(store);
    let store = Arc::new(Store::with_backend(disk).unwrap());
    assert_eq!(store.readable_recording(&id, None).unwrap().rows(), 12_345);
    assert!(all_rows(&store, &id, SYMBOLS[0], StreamKind::Trades) == all);
    assert!(store.verify().unwrap().is_sound());
}

#[test]
fn a_recording_that_was_left_is_counted_and_read_without_being_completed() {
    let mut world = World::new(Bounds::default());
    world.push(0, 5_000);
    world.push(1, 70);
    world.open().commit(RecordingCommit::default()).unwrap();
    world.open = None;
    assert_eq!(world.store.recordings().unwrap()[0].rows(), 5_070);
    assert_eq!(world.store.recording(&world.id).unwrap().rows(), 4_096, "what is in blocks");
    let readable = world.store.readable_recording(&world.id, None).unwrap();
    assert_eq!((readable.rows(), readable.state), (5_070, RecordingState::Recording));
    world.check();
    let open = world.store.resume_recording(&world.id).unwrap();
    open.push(SymbolId(0), &[row(StreamKind::Trades, 5_000, i64::MAX)]).unwrap();
    drop(open);
    world.store.complete_recording(&world.id).unwrap();
    world.check();
    assert_eq!(world.store.recording(&world.id).unwrap().state, RecordingState::Complete);
}
