//! A session that replays a long journal after a restart: readiness and the session itself say how far it is,
//! the daemon may end meanwhile, and what it decided is what an uninterrupted replay of the journal decides.

use super::{Market, World, paper, until};
use crate::input::journal::lengthen;
use crate::schema;
use serde_json::{Value, json};
use tradingd::clock;
use tradingd::service::sessions::Question;

const ROWS: u64 = 60_000;

fn sessions_part(world: &World) -> Value {
    let ready = world.service.ready(clock::now());
    schema::openapi().fits_named("Readiness", &ready);
    assert_eq!(ready["status"], "ready", "the rest of the daemon serves: {ready}");
    ready["sessions"].clone()
}

#[test]
fn a_session_says_how_far_it_is_with_its_journal_and_decides_what_the_journal_says() {
    let market = Market::new(2, 400, 31);
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), Some(market.client()));
    world.add_strategy();
    let id = world.start(&paper(&market.symbols));
    until("trades", || world.counters(&id).trades >= 2);
    assert_eq!(
        sessions_part(&world),
        json!({"status": "ok", "age_seconds": 0, "reason": null, "catching_up": []})
    );
    assert!(world.service.sessions.get(&id).unwrap().catching_up.is_none());
    world.close();
    lengthen(folder.path(), &id, ROWS, 10_000);

    // The daemon ends in the middle of it: nothing was decided, and the next start begins again.
    let world = World::open(folder.path(), Some(market.client()));
    until("some rows", || {
        world.service.sessions.get(&id).unwrap().catching_up.is_some_and(|now| now.rows_done > 0)
    });
    world.close();

    let world = World::open(folder.path(), Some(market.client()));
    let mut seen: Vec<Value> = Vec::new();
    until("the session", || {
        let part = sessions_part(&world);
        let view = world.service.sessions.get(&id).unwrap();
        schema::openapi().fits_named("Session", &json!(view));
        assert_eq!(view.error_message, None);
        if part["status"] == "ok" {
            return true;
        }
        assert_eq!(part["catching_up"].as_array().unwrap().len(), 1, "{part}");
        let one = part["catching_up"][0].clone();
        assert_eq!(one["session_id"], id.as_str());
        assert!(part["reason"].as_str().unwrap().contains(&id), "{part}");
        if seen.is_empty() {
            let looked = market.runtime.block_on(world.service.sessions.look(&id, &Question::Account));
            assert!(looked.is_err_and(|refusal| refusal.code == "snapshot_unavailable"));
        }
        seen.push(one);
        false
    });
    let done: Vec<u64> = seen.iter().map(|one| one["rows_done"].as_u64().unwrap()).collect();
    assert!(done.is_sorted() && *done.last().unwrap() > 0, "{done:?}");
    let rows = seen.last().unwrap()["rows"].as_u64().unwrap();
    assert!(rows > ROWS && done.iter().all(|done| *done <= rows), "{rows} rows, {done:?}");
    assert!(seen.iter().all(|one| (one["rows_done"] == 0) == one["eta_seconds"].is_null()), "{seen:?}");
    assert!(world.service.sessions.get(&id).unwrap().catching_up.is_none());

    world.stop(&id);
    let replayed = world.service.sessions.replay(&id, &|| true).unwrap();
    assert!(replayed.equal && replayed.digest_recorded.is_some(), "{replayed:?}");
    assert!(replayed.events_equal > 100, "the journal that was made longer is traded: {replayed:?}");
}

#[test]
fn a_session_that_only_records_has_nothing_to_catch_up_with() {
    let market = Market::new(1, 200, 32);
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), Some(market.client()));
    let collect =
        json!({"session_type": "collect", "symbols": market.symbols, "config": {"duration": "continuous"}});
    let id = world.start(&collect);
    until("rows", || world.counters(&id).ticks > 20);
    world.close();
    let world = World::open(folder.path(), Some(market.client()));
    until("the session", || sessions_part(&world)["status"] == "ok");
    world.stop(&id);
}
