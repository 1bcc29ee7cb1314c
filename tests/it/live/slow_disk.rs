//! A session on a market goes on deciding while its disk takes its time, and whoever waits for durability
//! waits by himself.

use super::{Market, World, config, paper, until};
use redb::StorageBackend;
use redb::backends::InMemoryBackend;
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use tradingd::domain::time::Span;
use tradingd::rehearsal::FaultKind;
use tradingd::service::hub::{Filter, Start};
use tradingd::service::sessions::SessionControl;
use tradingd::store::Store;

/// A disk that syncs nothing while it hangs.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Hanging>);

#[derive(Debug, Default)]
struct Hanging {
    bytes: InMemoryBackend,
    hangs: Mutex<bool>,
    changed: Condvar,
}

impl Disk {
    fn hang(&self, hangs: bool) {
        *self.0.hangs.lock().unwrap() = hangs;
        self.0.changed.notify_all();
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.0.bytes.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.bytes.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.bytes.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        drop(self.0.changed.wait_while(self.0.hangs.lock().unwrap(), |hangs| *hangs).unwrap());
        self.0.bytes.sync_data()
    }

    fn write(&self, offset: u64, new: &[u8]) -> io::Result<()> {
        self.0.bytes.write(offset, new)
    }
}

/// The terms of a contract change while the disk hangs: they are asked for and written down, and nobody who
/// decides waits for that.
#[test]
fn new_terms_of_a_contract_that_wait_for_the_disk_hold_no_session_up() {
    let market = Market::new(2, 300, 22);
    let (folder, disk) = (tempfile::tempdir().unwrap(), Disk::default());
    let store = Store::with_backend(disk.clone()).unwrap();
    let world = World::over(store, folder.path(), Some(market.client()), config());
    world.add_strategy();
    let id = world.start(&paper(&market.symbols));
    until("trades", || world.counters(&id).trades >= 1);
    let hub = &world.service.hub;
    let mut prices = hub.subscribe("market_data", Filter::default(), Start::Now, &Arc::default()).unwrap();
    disk.hang(true);
    market.fault(FaultKind::FinerPrices, |fault| fault.symbol = Some(market.symbols[0].clone()));
    let asked = || {
        market.exchange.look(|exchange| {
            let about = format!("contract/detail?symbol={}", market.symbols[0]);
            exchange.requests.iter().any(|asked| asked.target.contains(&about))
        })
    };
    until("a question for the terms", asked);
    let mut seen = 0;
    until("prices long after the answer", || {
        let mut updates = Vec::new();
        let _ = prices.read(10, &mut updates);
        seen += updates.len();
        seen > 20
    });
    disk.hang(false);
    until("the news", || world.has_event(&id, "feed", "kind", "terms_changed"));
    world.stop(&id);
    assert!(world.service.sessions.replay(&id, &|| true).unwrap().equal);
    assert_eq!(world.service.close(Span::from_seconds(30)), Vec::<String>::new());
}

#[test]
fn a_command_is_answered_when_it_is_durable_and_the_session_decides_meanwhile() {
    let market = Market::new(2, 300, 21);
    let (folder, disk) = (tempfile::tempdir().unwrap(), Disk::default());
    let store = Store::with_backend(disk.clone()).unwrap();
    let world = World::over(store, folder.path(), Some(market.client()), config());
    world.add_strategy();
    let id = world.start(&paper(&market.symbols));
    until("trades", || world.counters(&id).trades >= 1);
    let hub = &world.service.hub;
    let mut prices = hub.subscribe("market_data", Filter::default(), Start::Now, &Arc::default()).unwrap();
    let mut seen = 0;
    let mut prices_come = |count: usize| {
        let wanted = seen + count;
        until("prices", || {
            let mut updates = Vec::new();
            let _ = prices.read(10, &mut updates);
            seen += updates.len();
            seen >= wanted
        });
    };
    prices_come(2);
    disk.hang(true);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| world.service.sessions.control(&id, SessionControl::Pause).unwrap());
        // It took the command with one of its batches, each of which shows prices.
        prices_come(20);
        assert!(!asked.is_finished(), "it was answered and is not on disk");
        disk.hang(false);
        assert!(asked.join().unwrap().is_done);
    });
    assert!(!world.service.sessions.stop(&id, Span::from_seconds(30)).unwrap().still_stopping);
    assert!(world.service.sessions.replay(&id, &|| true).unwrap().equal);
    assert_eq!(world.service.close(Span::from_seconds(30)), Vec::<String>::new());
}
