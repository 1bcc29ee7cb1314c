//! Many threads on one store: shared commits, some of them refused or panicking, and a disk that fails.

use super::*;
use redb::TableDefinition;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

const TABLE: TableDefinition<&str, u64> = tables::META;

/// A disk that keeps only what was synced and fails permanently from a given sync on.
#[derive(Clone, Debug, Default)]
struct Disk {
    /// What programs see, and what a power cut leaves.
    images: Arc<Mutex<(Vec<u8>, Vec<u8>)>>,
    syncs: Arc<AtomicUsize>,
    /// `0` means never.
    fails_at: usize,
}

impl Disk {
    /// The disk after a power cut.
    fn after_power_cut(&self) -> Disk {
        let durable = self.images.lock().unwrap().1.clone();
        Disk { images: Arc::new(Mutex::new((durable.clone(), durable))), ..Disk::default() }
    }

    fn syncs(&self) -> usize {
        self.syncs.load(Ordering::SeqCst)
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.images.lock().unwrap().0.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        out.copy_from_slice(&self.images.lock().unwrap().0[offset as usize..offset as usize + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.images.lock().unwrap().0.resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let sync = self.syncs.fetch_add(1, Ordering::SeqCst) + 1;
        if self.fails_at != 0 && sync >= self.fails_at {
            return Err(io::Error::other("the disk of a test failed"));
        }
        let mut images = self.images.lock().unwrap();
        images.1 = images.0.clone();
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), io::Error> {
        self.images.lock().unwrap().0[offset as usize..offset as usize + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

/// Inserts a key; every third call refuses after inserting.
fn insert(store: &Store, thread: usize, number: usize) -> Result<String, StoreError> {
    store.write(move |txn| {
        let key = format!("{thread}-{number}");
        txn.open_table(TABLE)
            .map_err(during("testing"))?
            .insert(key.as_str(), 1)
            .map_err(during("testing"))?;
        if (thread + number).is_multiple_of(3) { Err(StoreError::Refused(key)) } else { Ok(key) }
    })
}

fn kept(store: &Store) -> BTreeSet<String> {
    let table = store.read().unwrap().open_table(TABLE).unwrap();
    let keys = redb::ReadableTable::iter(&table).unwrap().map(|row| row.unwrap().0.value().to_owned());
    keys.filter(|key| key != FORMAT_KEY).collect()
}

#[test]
fn what_64_threads_were_told_is_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let told = {
        let store = Store::open(dir.path(), OpenMode::CreateIfNew).unwrap();
        let told = Mutex::new(BTreeSet::new());
        thread::scope(|scope| {
            for thread in 0..64 {
                let (store, told) = (&store, &told);
                scope.spawn(move || {
                    for number in 0..20 {
                        match insert(store, thread, number) {
                            Ok(key) => assert!(told.lock().unwrap().insert(key)),
                            Err(StoreError::Refused(key)) => assert_eq!(key, format!("{thread}-{number}")),
                            Err(error) => panic!("{error}"),
                        }
                    }
                });
            }
        });
        told.into_inner().unwrap()
    };
    assert!(told.len() > 800);
    assert_eq!(kept(&Store::open(dir.path(), OpenMode::MustExist).unwrap()), told);
}

/// Runs `count` changes, each on its own thread, so that they all wait for one commit under way.
fn while_one_commits<T: Send>(store: &Store, count: usize, change: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (release, gate) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let leader = scope.spawn(move || {
            store.write(move |_| gate.recv().map_err(|_| StoreError::Refused("released".into())))
        });
        while !store.commits.is_busy() {
            thread::yield_now();
        }
        let others: Vec<_> = (0..count)
            .map(|number| {
                let change = &change;
                scope.spawn(move || change(number))
            })
            .collect();
        while store.commits.waiting() < count {
            thread::yield_now();
        }
        release.send(()).unwrap();
        leader.join().unwrap().unwrap();
        others.into_iter().map(|other| other.join().unwrap()).collect()
    })
}

#[test]
fn those_who_wait_share_one_commit() {
    let disk = Disk::default();
    let store = Store::with_backend(disk.clone()).unwrap();
    let before = disk.syncs();
    insert(&store, 1, 0).unwrap();
    let one = disk.syncs() - before;
    let before = disk.syncs();
    let ended = while_one_commits(&store, 40, |number| insert(&store, 1 + 3 * number, 0));
    assert!(ended.iter().all(Result::is_ok));
    assert_eq!(disk.syncs() - before, 2 * one, "one commit for the first, one for the forty");
}

#[test]
fn a_refusal_harms_nobody_and_two_rivals_are_settled_in_turn() {
    let store = Store::in_memory().unwrap();
    let refuses = |number: usize| number.is_multiple_of(3);
    let ended = while_one_commits(&store, 30, |number| insert(&store, number, 0));
    for (number, ended) in ended.iter().enumerate() {
        assert_eq!(ended.is_err(), refuses(number), "{number}");
    }
    assert_eq!(kept(&store).len(), 20);
    // The second one must find the name taken even though both ran in one transaction.
    let take_name = |_| {
        store.write(|txn| {
            let mut table = txn.open_table(TABLE).map_err(during("testing"))?;
            let taken = table.insert("name", 1).map_err(during("testing"))?.is_some();
            if taken { Err(StoreError::Refused("taken".into())) } else { Ok(()) }
        })
    };
    let ended = while_one_commits(&store, 5, take_name);
    assert_eq!(ended.iter().filter(|ended| ended.is_ok()).count(), 1);
    assert!(kept(&store).contains("name"));
}

#[test]
fn a_panic_belongs_to_its_caller() {
    let store = Store::in_memory().unwrap();
    let ended = while_one_commits(&store, 9, |number| match number {
        4 => store.write(|txn| -> Result<String, StoreError> {
            let mut table = txn.open_table(TABLE).unwrap();
            table.insert("half", 1).unwrap();
            panic!("the change of a test");
        }),
        _ => insert(&store, 1 + 3 * number, 0),
    });
    for (number, ended) in ended.iter().enumerate() {
        assert_eq!(matches!(ended, Err(StoreError::Damaged { .. })), number == 4, "{number}: {ended:?}");
    }
    assert!(!kept(&store).contains("half") && kept(&store).len() == 8);
    insert(&store, 1, 1).unwrap();
}

#[test]
fn a_disk_that_fails_at_any_sync_loses_nothing_that_was_acknowledged() {
    let made = Disk::default();
    drop(Store::with_backend(made.clone()).unwrap());
    for fails_at in 3..40 {
        let disk = Disk { fails_at, ..made.after_power_cut() };
        let told = Mutex::new(BTreeSet::new());
        let store = match Store::with_backend(disk.clone()) {
            Ok(store) => store,
            Err(error) => {
                assert!(matches!(error, StoreError::Io { .. } | StoreError::ReadOnly(_)), "{error:?}");
                continue;
            }
        };
        thread::scope(|scope| {
            for thread in 0..8 {
                let (store, told) = (&store, &told);
                scope.spawn(move || {
                    for number in 0.. {
                        match insert(store, thread, number) {
                            Ok(key) => assert!(told.lock().unwrap().insert(key)),
                            Err(StoreError::Refused(_)) => {}
                            Err(error) => {
                                assert!(
                                    matches!(error, StoreError::Io { .. } | StoreError::ReadOnly(_)),
                                    "{error:?}"
                                );
                                break;
                            }
                        }
                    }
                });
            }
        });
        drop(store);
        let kept = kept(&Store::with_backend(disk.after_power_cut()).unwrap());
        let told = told.into_inner().unwrap();
        assert!(told.is_subset(&kept), "sync {fails_at}: {:?} are lost", told.difference(&kept));
        let whole =
            |key: &String| key.split('-').map(|part| part.parse::<usize>().unwrap()).sum::<usize>() % 3 != 0;
        assert!(kept.iter().all(whole), "sync {fails_at}: a refused change left its trace");
    }
}
