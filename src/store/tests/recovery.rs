//! A disk that fails and recovers: the store stays readable and becomes writable again without being closed.

use super::*;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Edits until the disk fails; returns the last acknowledged version.
fn edit_until_refused(store: &Store) -> (u32, StoreError) {
    let mut last = store.strategy("pump").map_or(0, |strategy| strategy.version);
    loop {
        match store.put_strategy("pump", "Pump", &"x".repeat(3_000), at_ms(1)) {
            Ok(version) => last = version,
            Err(error) => return (last, error),
        }
    }
}

#[test]
fn a_disk_that_failed_is_read_at_once_and_written_when_it_takes_writes() {
    let disk = SharedMemory::default();
    let store = Store::with_backend(disk.clone()).unwrap();
    let rows = trades(5_000);
    let id = import(&store, 1, &[("BTCUSDT", StreamKind::Trades, rows.clone())], &[]);
    store.put_strategy("pump", "Pump", "{}", at_ms(1)).unwrap();
    assert_eq!(store.look_after(), DiskState::Sound);
    for budget in 0..30 {
        *disk.budget.lock().unwrap() = Some(budget);
        let (acknowledged, error) = edit_until_refused(&store);
        assert!(matches!(error, StoreError::Full(_) | StoreError::ReadOnly(_)), "budget {budget}: {error:?}");
        assert!(store.failure().is_some_and(|why| why.contains("failed")), "budget {budget}");
        for _ in 0..2 {
            assert!(matches!(store.look_after(), DiskState::ReadOnly(_)), "budget {budget}");
            assert_eq!(all_rows(&store, &id, "BTCUSDT", StreamKind::Trades), rows, "budget {budget}");
            assert!(
                matches!(store.put_strategy("pump", "Pump", "{}", at_ms(1)), Err(StoreError::ReadOnly(_))),
                "budget {budget}"
            );
        }
        *disk.budget.lock().unwrap() = None;
        assert_eq!(store.look_after(), DiskState::SoundAgain, "budget {budget}");
        assert_eq!((store.failure(), store.look_after()), (None, DiskState::Sound));
        // The refused change may be on disk all the same; if so, it is complete.
        let version = store.strategy("pump").unwrap().version;
        assert!(
            version == acknowledged || version == acknowledged + 1,
            "budget {budget}: {version} of {acknowledged}"
        );
        assert_eq!(store.put_strategy("pump", "Pump", "{}", at_ms(1)).unwrap(), version + 1);
    }
    assert!(store.verify().unwrap().is_sound());
    drop(store);
    assert!(Store::with_backend(disk).unwrap().verify().unwrap().is_sound());
}

#[test]
fn an_import_that_failed_with_the_disk_is_gone_when_the_disk_works_again() {
    let disk = SharedMemory::default();
    let store = Store::with_backend(disk.clone()).unwrap();
    let mut import = store.begin_import(new_recording(1)).unwrap();
    import.append("BTCUSDT", StreamKind::Trades, &trades(5_000)).unwrap();
    *disk.budget.lock().unwrap() = Some(0);
    import.commit().unwrap_err();
    drop(import);
    *disk.budget.lock().unwrap() = None;
    assert_eq!(store.look_after(), DiskState::SoundAgain);
    assert_eq!(store.verify().unwrap(), VerifyReport::default());
}

#[test]
fn a_full_disk_is_found_out_by_a_file_beside_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), OpenMode::CreateIfNew).unwrap();
    store.current.blame_the_disk("writing failed: a test");
    assert_eq!(store.look_after(), DiskState::SoundAgain);
    // A folder in place of the probe file makes every probe fail.
    std::fs::create_dir(dir.path().join("tradingd.redb.probe")).unwrap();
    store.current.blame_the_disk("writing failed: a test");
    assert!(matches!(store.look_after(), DiskState::ReadOnly(_)));
    assert!(store.strategies().unwrap().is_empty());
    std::fs::remove_dir(dir.path().join("tradingd.redb.probe")).unwrap();
    assert_eq!(store.look_after(), DiskState::SoundAgain);
    store.put_strategy("pump", "Pump", "{}", at_ms(1)).unwrap();
    assert!(!dir.path().join("tradingd.redb.probe").exists());
    assert!(Store::open(dir.path(), OpenMode::MustExist).is_err(), "it stays locked");
}

#[test]
fn what_threads_were_told_survives_a_disk_that_comes_and_goes() {
    let disk = SharedMemory::default();
    let store = Store::with_backend(disk.clone()).unwrap();
    let (told, done) = (Mutex::new(BTreeSet::new()), AtomicBool::new(false));
    thread::scope(|scope| {
        for thread in 0..4 {
            let (store, told, done) = (&store, &told, &done);
            scope.spawn(move || {
                for number in 0.. {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    let id = format!("s{thread}_{number}");
                    match store.put_strategy(&id, "Name", "{}", at_ms(1)) {
                        Ok(_) => drop(told.lock().unwrap().insert(id)),
                        Err(StoreError::Full(_) | StoreError::ReadOnly(_) | StoreError::Io { .. }) => {
                            thread::yield_now()
                        }
                        Err(error) => panic!("{error:?}"),
                    }
                }
            });
        }
        for budget in 0..60 {
            *disk.budget.lock().unwrap() = Some(budget % 17);
            while store.failure().is_none() {
                thread::yield_now();
            }
            store.look_after();
            *disk.budget.lock().unwrap() = None;
            while store.look_after() != DiskState::Sound {}
        }
        done.store(true, Ordering::Relaxed);
    });
    let told = told.into_inner().unwrap();
    let kept: BTreeSet<String> =
        store.strategies().unwrap().into_iter().map(|strategy| strategy.id).collect();
    assert!(told.is_subset(&kept), "{:?} are lost", told.difference(&kept).collect::<Vec<_>>());
    assert!(store.verify().unwrap().is_sound());
}

#[test]
fn every_page_is_checked_while_others_write() {
    let store = Store::with_backend(SharedMemory::default()).unwrap();
    for number in 0..40 {
        store.put_result(new_result(&format!("exec_{number:02}"), 1, &"whole".repeat(5_000))).unwrap();
    }
    let done = AtomicBool::new(false);
    let reports = thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                store
                    .put_result(new_result(
                        &format!("exec_{:02}", number % 40),
                        1,
                        &"anew".repeat(4_000 + number % 700),
                    ))
                    .unwrap();
            }
        });
        let reports: Vec<_> = (0..12).map(|_| store.scan()).collect();
        done.store(true, Ordering::Relaxed);
        reports
    });
    for report in reports {
        let report = report.unwrap();
        assert!(report.is_sound(), "{report:?}");
    }
}

#[test]
fn a_store_whose_file_is_gone_takes_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), OpenMode::CreateIfNew).unwrap();
    let (path, away) = (store_path(dir.path()), dir.path().join("away"));
    assert_eq!(store.look_after(), DiskState::Sound);
    for replacement in [None, Some(b"another")] {
        std::fs::rename(&path, &away).unwrap();
        if let Some(bytes) = replacement {
            std::fs::write(&path, bytes).unwrap();
        }
        let DiskState::ReadOnly(why) = store.look_after() else { panic!("{replacement:?} was not noticed") };
        assert!(why.contains("removed or replaced while tradingd has it open"), "{why}");
        assert!(store.put_result(new_result("exec_1", 1, "{}")).is_err());
        std::fs::rename(&away, &path).unwrap();
        assert_eq!(store.look_after(), DiskState::SoundAgain);
    }
    store.put_result(new_result("exec_1", 1, "{}")).unwrap();
}

#[test]
fn a_store_whose_file_was_overwritten_in_place_takes_nothing_more() {
    for by in ["truncation", "an older copy"] {
        for is_looked_after in [true, false] {
            let case = format!("{by}, looked after: {is_looked_after}");
            let dir = tempfile::tempdir().unwrap();
            let path = store_path(dir.path());
            drop(Store::open(dir.path(), OpenMode::CreateIfNew).unwrap());
            let copy = std::fs::read(&path).unwrap();
            let store = Store::open(dir.path(), OpenMode::MustExist).unwrap();
            store.put_result(new_result("exec_1", 1, "{}")).unwrap();
            assert_eq!(store.look_after(), DiskState::Sound, "{case}");
            // As `cp` does, without another inode.
            let bytes: &[u8] = if by == "truncation" { b"" } else { &copy };
            std::fs::write(&path, bytes).unwrap();
            if is_looked_after {
                let DiskState::ReadOnly(why) = store.look_after() else { panic!("{case}: not noticed") };
                assert!(why.contains("overwritten or cut short while tradingd has it open"), "{case}: {why}");
            }
            assert!(store.put_result(new_result("exec_2", 1, "{}")).unwrap_err().may_pass(), "{case}");
            assert!(store.failure().is_some_and(|why| why.contains("overwritten or cut short")), "{case}");
            for _ in 0..2 {
                assert!(matches!(store.look_after(), DiskState::ReadOnly(_)), "{case}: it stays read-only");
                assert!(store.put_result(new_result("exec_2", 1, "{}")).unwrap_err().may_pass(), "{case}");
            }
            drop(store);
            if by != "truncation" && is_looked_after {
                assert_eq!(std::fs::read(&path).unwrap(), copy, "{case}: the copy is left as it is");
            }
        }
    }
}
