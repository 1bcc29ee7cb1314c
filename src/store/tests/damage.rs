//! Store files that are damaged, truncated, foreign, newer, missing, or locked by another process.

use super::*;
use crate::limits::STORE_CHECKED_OPEN_BYTES;
use redb::ReadableTable;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Barrier;

fn filled(dir: &Path) -> String {
    let store = Store::open(dir, OpenMode::CreateIfNew).unwrap();
    store.put_strategy("pump", "Pump", "{\"a\":1}", at_ms(1)).unwrap();
    import(&store, 1, &[("BTCUSDT", StreamKind::Trades, trades(20_000))], &[])
}

fn open_error(dir: &Path) -> StoreError {
    Store::open(dir, OpenMode::CreateIfNew).unwrap_err()
}

#[test]
fn a_lost_store_is_not_replaced_by_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Store::open(dir.path(), OpenMode::MustExist), Err(StoreError::NoStore(_))));
    filled(dir.path());
    fs::remove_file(store_path(dir.path())).unwrap();
    let error = open_error(dir.path());
    assert!(matches!(error, StoreError::Vanished { .. }));
    assert!(error.to_string().contains("remove that marker"), "{error}");
    assert!(!store_path(dir.path()).exists());
    fs::remove_file(dir.path().join(MARKER_FILE)).unwrap();
    Store::open(dir.path(), OpenMode::CreateIfNew).unwrap();
}

#[test]
fn the_marker_is_for_its_owner_only_also_where_it_was_wider() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let marker = dir.path().join(MARKER_FILE);
    let mode = || fs::metadata(&marker).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    fs::set_permissions(&marker, fs::Permissions::from_mode(0o644)).unwrap();
    let store = Store::open(dir.path(), OpenMode::MustExist).unwrap();
    assert_eq!((mode(), store.narrowed().len()), (0o600, 1));
}

#[test]
fn an_emptied_file_is_damaged_not_new() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    fs::write(store_path(dir.path()), b"").unwrap();
    assert_eq!(open_error(dir.path()).exit_code(), 65);
    fs::write(
        store_path(dir.path()),
        b"something else altogether, long enough to be read as a header of some kind",
    )
    .unwrap();
    assert_eq!(open_error(dir.path()).exit_code(), 65);
}

#[test]
fn a_cut_file_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let file = fs::OpenOptions::new().write(true).open(store_path(dir.path())).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    let error = open_error(dir.path());
    assert_eq!(error.exit_code(), 65, "{error}");
    assert!(!verify(dir.path()).unwrap().is_sound());
}

#[test]
fn a_second_opener_is_told_who_holds_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let _held = Store::open(dir.path(), OpenMode::CreateIfNew).unwrap();
    let error = open_error(dir.path());
    assert!(matches!(error, StoreError::AlreadyOpen(_)));
    assert_eq!(error.exit_code(), 69);
    assert!(error.to_string().contains("another tradingd holds the store"));
}

#[test]
fn of_several_that_create_a_store_one_has_it() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let start = Barrier::new(4);
        std::thread::scope(|scope| {
            let open = || {
                start.wait();
                Store::open(dir.path(), OpenMode::CreateIfNew)
            };
            let others = [(); 4].map(|()| scope.spawn(open));
            let opened = others.map(|other| other.join().unwrap());
            for refused in opened.iter().filter_map(|store| store.as_ref().err()) {
                assert!(matches!(refused, StoreError::AlreadyOpen(_)), "{refused}");
            }
            let store = opened.iter().find_map(|store| store.as_ref().ok()).expect("one of them has it");
            store.put_result(super::new_result("exec_1", 1, "{}")).unwrap();
        });
        assert_eq!(Store::open(dir.path(), OpenMode::MustExist).unwrap().results().unwrap().len(), 1);
    }
}

#[test]
fn a_half_made_store_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(NEW_FILE), b"half").unwrap();
    filled(dir.path());
    assert!(!dir.path().join(NEW_FILE).exists());
}

#[test]
fn a_newer_store_is_refused_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    {
        let db = redb::Database::open(store_path(dir.path())).unwrap();
        let txn = db.begin_write().unwrap();
        txn.open_table(tables::META).unwrap().insert(FORMAT_KEY, STORE_FORMAT + 1).unwrap();
        txn.commit().unwrap();
    }
    let error = open_error(dir.path());
    assert!(matches!(error, StoreError::Newer { found: 2, known: 1 }));
    assert!(error.to_string().contains("newer version") && error.exit_code() == 65);
}

#[test]
fn a_path_that_cannot_hold_a_store_is_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = Store::open(&file.join("state"), OpenMode::CreateIfNew).unwrap_err();
    assert!(matches!(error.exit_code(), 69 | 78), "{error:?}");
}

/// Offsets of `needle` in a file: bytes that certainly carry content.
fn places(bytes: &[u8], needle: &[u8]) -> Vec<usize> {
    bytes
        .windows(needle.len())
        .enumerate()
        .filter(|(_, window)| *window == needle)
        .map(|(at, _)| at)
        .collect()
}

#[test]
fn a_flipped_byte_in_a_block_or_record_is_refused_and_found() {
    for needle in [&blocks::MAGIC[..], b"BTCUSDT", b"{\"a\":1}"] {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path());
        let mut bytes = fs::read(store_path(dir.path())).unwrap();
        let at = *places(&bytes, needle).last().unwrap();
        bytes[at + needle.len() - 1] ^= 0x10;
        fs::write(store_path(dir.path()), &bytes).unwrap();
        let error = open_error(dir.path());
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert_eq!(error.exit_code(), 65);
        assert!(!verify(dir.path()).unwrap().is_sound());
        assert_eq!(fs::read(store_path(dir.path())).unwrap(), bytes, "a refused open changes nothing");
    }
}

#[test]
fn verify_names_what_is_wrong_inside_a_whole_file() {
    let store = Store::in_memory().unwrap();
    // Enough rows for more than one segment.
    let id = import(&store, 1, &[("BTCUSDT", StreamKind::Trades, trades(400_000))], &[]);
    let keys: Vec<u64> = store
        .read()
        .unwrap()
        .open_table(tables::BLOCKS.definition)
        .unwrap()
        .iter()
        .unwrap()
        .map(|row| row.unwrap().0.value().3)
        .collect();
    let second = keys[1];
    store.put_result(new_result("exec_a", 1, "{}")).unwrap();
    let whole = store.verify().unwrap();
    assert!(whole.is_sound() && whole.rows == 400_000, "{whole:?}");

    let key = (id.as_str(), "BTCUSDT", blocks::kind_code(StreamKind::Trades), 0);
    let first = store
        .read()
        .unwrap()
        .open_table(tables::BLOCKS.definition)
        .unwrap()
        .get(key)
        .unwrap()
        .unwrap()
        .value()
        .to_vec();
    let change = |key: tables::BlockKey<'_>, bytes: Option<&[u8]>| {
        store.write_alone(|txn| {
            let mut table = txn.open_table(tables::BLOCKS.definition).unwrap();
            match bytes {
                Some(bytes) => drop(table.insert(key, bytes).unwrap()),
                None => drop(table.remove(key).unwrap()),
            }
            Ok(())
        })
    };
    let mut damaged = first.clone();
    let at = damaged.len() / 2;
    damaged[at] ^= 1;
    change(key, Some(&damaged)).unwrap();
    let report = store.verify().unwrap();
    assert!(
        report.problems[0].place.contains(&id) && report.problems[0].what.contains("checksum"),
        "{report:?}"
    );
    assert!(store.rows(&id, "BTCUSDT", StreamKind::Trades).unwrap().any(|row| row.is_err()));

    change(key, None).unwrap();
    assert!(
        store
            .verify()
            .unwrap()
            .problems
            .iter()
            .any(|problem| problem.what.contains(&format!("rows 0 to {second} are missing")))
    );
    change(key, Some(&first)).unwrap();
    change((id.as_str(), "ETHUSDT", key.2, 0), Some(&first)).unwrap();
    assert!(
        store.verify().unwrap().problems.iter().any(|problem| problem.what.contains("missing or unreadable"))
    );
    change((id.as_str(), "ETHUSDT", key.2, 0), None).unwrap();

    store
        .write_alone(|txn| {
            txn.open_table(tables::RESULT_DOCUMENTS.definition).unwrap().remove("exec_a").unwrap();
            Ok(())
        })
        .unwrap();
    assert_eq!(store.verify().unwrap().problems.len(), 1);
}

#[test]
fn a_large_store_opens_unchecked_and_its_damage_is_found_by_reading() {
    let dir = tempfile::tempdir().unwrap();
    let whole = "whole".repeat(800_000);
    {
        let store = Store::open(dir.path(), OpenMode::CreateIfNew).unwrap();
        for number in 0..10 {
            store.put_result(new_result(&format!("exec_{number}"), 1, &whole)).unwrap();
        }
        store.put_result(new_result("exec_hurt", 1, &"needle".repeat(1_000))).unwrap();
    }
    let mut bytes = fs::read(store_path(dir.path())).unwrap();
    assert!(bytes.len() as u64 > STORE_CHECKED_OPEN_BYTES);
    {
        let report = Store::open(dir.path(), OpenMode::MustExist).unwrap().scan().unwrap();
        assert!(report.is_sound() && report.records > 22, "{report:?}");
    }
    for at in places(&bytes, b"needleneedle") {
        bytes[at] ^= 0x10;
    }
    fs::write(store_path(dir.path()), &bytes).unwrap();
    let store = Store::open(dir.path(), OpenMode::MustExist).unwrap();
    assert!(matches!(store.result_document("exec_hurt"), Err(StoreError::Damaged { .. })));
    assert_eq!(store.result_document("exec_3").unwrap(), whole);
    let scanned = store.scan().unwrap();
    assert!(scanned.problems.iter().any(|problem| problem.place.contains("exec_hurt")), "{scanned:?}");
    drop(store);
    let verified = verify(dir.path()).unwrap();
    assert!(verified.problems[0].place.contains("store file"), "every page is checked: {verified:?}");
    assert!(verified.problems.iter().any(|problem| problem.place.contains("exec_hurt")), "{verified:?}");
}
