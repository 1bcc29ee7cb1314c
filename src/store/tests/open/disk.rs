//! Full disks and damaged journals.

use super::*;

#[test]
fn a_disk_that_fails_at_any_write_keeps_every_commit_and_is_readable() {
    for budget in (0..2_000).step_by(3) {
        let mut world = World::new(Bounds { journal_bytes: 3_000, pending_rows: 500, ..Bounds::default() });
        world.push(0, 4_000);
        world.open().seal().unwrap();
        world.committed();
        *world.disk.budget.lock().unwrap() = Some(budget);
        let mut failed = None;
        for round in 0..12 {
            world.push(round % 12, 30 + 400 * (round % 3));
            if let Err(error) = world.open().commit(RecordingCommit::default()) {
                failed = Some(error);
                break;
            }
            world.committed();
        }
        if let Some(error) = &failed {
            assert!(error.is_full(), "{error:?}");
            let again = world.open().push(SymbolId(0), &[row(StreamKind::Trades, 1, i64::MAX)]).unwrap_err();
            assert_eq!(again.to_string(), error.to_string(), "a recording that failed takes no more");
            assert!(!all_rows(&world.store, &world.id, SYMBOLS[0], StreamKind::Trades).is_empty());
            assert!(
                world.store.recordings().unwrap().len() == 1
                    && world.store.gaps(&world.id).unwrap().is_empty()
            );
        }
        *world.disk.budget.lock().unwrap() = None;
        world.open = None;
        let reopened = {
            world.store = Arc::new(Store::in_memory().unwrap());
            Arc::new(Store::with_backend(world.disk.clone()).unwrap())
        };
        reopened.complete_recording(&world.id).unwrap();
        for (stream, (rows, committed)) in world.rows.iter().enumerate() {
            let kept =
                all_rows(&reopened, &world.id, SYMBOLS[stream / KINDS.len()], KINDS[stream % KINDS.len()]);
            // The failed commit may be on disk although its acknowledgement was lost; if so, it is complete.
            assert!(
                kept == rows[..*committed] || kept == *rows,
                "budget {budget}, stream {stream}: {} of {committed}",
                kept.len()
            );
        }
        assert!(reopened.verify().unwrap().is_sound());
        if failed.is_none() {
            return;
        }
    }
    panic!("the disk never had enough room");
}

#[test]
fn a_torn_or_missing_chunk_is_refused_with_its_place() {
    let mut world = World::new(Bounds::default());
    for round in 0..5 {
        world.push(round, 20);
        world.open().commit(RecordingCommit::default()).unwrap();
    }
    world.push(0, 5);
    world.open().commit(RecordingCommit::default()).unwrap();
    world.open = None;
    let key = |number| (world.id.as_str(), number);
    let chunk = |number| {
        world
            .store
            .read()
            .unwrap()
            .open_table(tables::JOURNAL.definition)
            .unwrap()
            .get(key(number))
            .unwrap()
            .unwrap()
            .value()
            .to_vec()
    };
    let put = |number, bytes: Option<&[u8]>| {
        let change = world.store.write_alone(|txn| {
            let mut table = txn.open_table(tables::JOURNAL.definition).unwrap();
            match bytes {
                Some(bytes) => drop(table.insert(key(number), bytes).unwrap()),
                None => drop(table.remove(key(number)).unwrap()),
            }
            Ok(())
        });
        change.unwrap();
    };
    let refused = || world.store.resume_recording(&world.id).err().unwrap();
    let whole = chunk(3);
    put(3, Some(&whole[..whole.len() - 1]));
    let error = refused();
    assert!(
        matches!(&error, StoreError::Damaged { place, .. } if place.contains(&world.id) && place.ends_with("chunk 3")),
        "{error}"
    );
    assert!(world.store.verify().unwrap().problems.iter().any(|problem| problem.place.ends_with("chunk 3")));
    put(3, None);
    assert!(refused().to_string().contains("chunk 3"));
    put(3, Some(&whole));
    let last = chunk(5);
    put(5, Some(&chunk(4)));
    put(0, None);
    let error = {
        put(5, Some(&last));
        refused()
    };
    assert!(error.to_string().contains("rows 0 to 20 of BTC_USDT trades are missing"), "{error}");
    put(0, Some(&whole));
    assert!(!world.store.is_recording(&world.id), "a failed resume claims nothing");
}
