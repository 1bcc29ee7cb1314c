//! A state directory of an older version, kept in `tests/data/state` (its README says how it was made): it
//! opens, its ended session replays to the digest of then, and its running one goes on behind the events of
//! then.

use super::{Market, World, until};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tradingd::engine::ENGINE_VERSION;
use tradingd::service::sessions::SessionState;
use tradingd::store::{OpenMode, Store};

/// What the version that made the state said of it.
const ENDED: &str = "exec_20261129_193623_7982d4";
const DIGEST: &str = "212fbf7c2ac3a0fcee8b1daf6989aad3218c04b8a7b638785ffa37b1c360a979";
const EVENTS_THAT_FOLLOW: u64 = 78;
const ENGINE: u32 = 2;
const GOING: &str = "exec_20261129_193628_c19637";
const EVENTS: usize = 101;
const TRADES: u64 = 5;

/// The state in a folder of the test's own.
fn unpack(state: &Path) {
    let kept = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/state/a24ea78");
    let packed = fs::read(kept.join("tradingd.redb.zst")).unwrap();
    fs::write(state.join("tradingd.redb"), zstd::decode_all(packed.as_slice()).unwrap()).unwrap();
    fs::copy(kept.join("tradingd.redb.marker"), state.join("tradingd.redb.marker")).unwrap();
}

#[test]
fn a_state_of_the_commit_before_the_driver_opens_replays_equal_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    unpack(folder.path());
    let before: Vec<Value> = {
        let store = Store::open(folder.path(), OpenMode::MustExist).unwrap();
        let lines = store.session_events(GOING, 0, usize::MAX).unwrap();
        lines.iter().map(|(_, line)| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(before.len(), EVENTS);
    // The symbols that the sessions were started on.
    let market = Market::new(2, 400, 41);
    let world = World::open(folder.path(), Some(market.client()));

    let ended = world.service.sessions.get(ENDED).unwrap();
    assert_eq!((ended.status, ended.error_message.as_deref()), (SessionState::Stopped, None));
    let replayed = world.service.sessions.replay(ENDED, &|| true).unwrap();
    assert!(replayed.equal, "{replayed:?}");
    assert_eq!(replayed.digest_replayed, DIGEST);
    assert_eq!(replayed.events_equal, EVENTS_THAT_FOLLOW);
    // Another engine, which decides the same here, and says which.
    assert_eq!((replayed.engine_version, replayed.engine_version_replayed), (ENGINE, ENGINE_VERSION));
    assert_ne!(ENGINE, ENGINE_VERSION);

    until("trades behind those of then", || {
        let session = world.service.sessions.get(GOING).unwrap();
        assert_eq!((session.status, session.error_message.as_deref()), (SessionState::Running, None));
        world.counters(GOING).trades > TRADES + 3
    });
    let events = world.events(GOING);
    assert_eq!(&events[..EVENTS], before.as_slice(), "what was told then is told as it was");
    let seqs: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert!(seqs.iter().copied().eq(1..=seqs.len() as u64), "{seqs:?}");
    world.stop(GOING);
    let replayed = world.service.sessions.replay(GOING, &|| true).unwrap();
    assert!(replayed.equal && replayed.digest_recorded.is_some(), "{replayed:?}");
}
