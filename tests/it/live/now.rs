//! Looking at paper sessions while they trade: each answer agrees with the events up to its `seq`, also after
//! a restart, and a replay decides the same.

use super::{Market, World, paper, until};
use crate::schema;
use crate::session_now::{Folded, ask, questions};
use serde_json::{Value, json};
use tradingd::service::sessions::Question;

/// All answers of one moment after the other.
fn looked_at(market: &Market, world: &World, id: &str) -> Vec<(&'static str, Value)> {
    let answers = async {
        let mut answers = Vec::new();
        for (name, question) in questions() {
            answers.push((name, ask(&world.service.sessions, id, &question).await.unwrap()));
        }
        answers
    };
    market.runtime.block_on(answers)
}

#[test]
fn what_is_shown_of_a_paper_session_follows_from_its_events() {
    let market = Market::new(3, 500, 21);
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::open(folder.path(), Some(market.client()));
    world.add_strategy();
    let mut body = paper(&market.symbols);
    body["config"]["stop_loss_percent"] = json!(3.0);
    let id = world.start(&body);
    let mut answers = Vec::new();
    for trades in [0, 2, 4, 6, 8, 10] {
        until("trades", || world.counters(&id).trades >= trades);
        if trades == 6 {
            world.close();
            world = World::open(folder.path(), Some(market.client()));
            until("the session after the restart", || {
                let looked = world.service.sessions.look(&id, &Question::Account);
                market.runtime.block_on(looked).is_ok_and(|look| look.is_some())
            });
        }
        let before = world.events(&id).last().unwrap()["seq"].as_u64().unwrap();
        let looked = looked_at(&market, &world, &id);
        // Everything up to the number of an answer is there already.
        let known = world.events(&id);
        for (name, answer) in looked {
            let seq = answer["seq"].as_u64().unwrap();
            assert!(seq >= before, "{name} is of a moment before the question");
            assert!(
                known.last().unwrap()["seq"].as_u64().unwrap() >= seq,
                "{name} shows what is not on disk"
            );
            answers.push((name, answer));
        }
    }
    let events = world.events(&id);
    for (name, answer) in &answers {
        Folded::new(&events, answer["seq"].as_u64().unwrap(), 1_000_000.0).agrees(name, answer);
    }
    let count = |name: &str| {
        answers.iter().filter(|(_, a)| a[name].as_array().is_some_and(|a| !a.is_empty())).count()
    };
    assert!(count("positions") > 0 && count("states") == 6, "{answers:?}");
    world.stop(&id);
    let replayed = world.service.sessions.replay(&id, &|| true).unwrap();
    assert!(replayed.equal && replayed.digest_recorded.is_some(), "{replayed:?}");
    schema::openapi().fits_named("SessionReplay", &json!(replayed));
}

#[test]
fn a_session_that_only_records_says_that_it_has_no_account() {
    let market = Market::new(1, 100, 22);
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), Some(market.client()));
    let collect =
        json!({"session_type": "collect", "symbols": market.symbols, "config": {"duration": "continuous"}});
    let id = world.start(&collect);
    for (_, question) in questions() {
        let refusal = market.runtime.block_on(world.service.sessions.look(&id, &question)).unwrap_err();
        assert_eq!(refusal.code, "no_account");
    }
    world.stop(&id);
    assert_eq!(world.service.sessions.answer_ended(&id, &Question::Account).unwrap_err().code, "no_account");
}
