//! Strategies over an in-memory store: names, versions, use by sessions, and statistics from results.

use super::*;
use crate::store::records::{ResultStrategyV2, ResultV3};
use crate::store::{NewResult, StrategyOutcome};
use serde_json::Value;

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(second)
}

fn world() -> (Arc<Store>, Arc<References>, Strategies) {
    let store = Arc::new(Store::in_memory().unwrap());
    let references = Arc::new(References::default());
    let strategies = Strategies::new(Arc::clone(&store), Arc::clone(&references));
    (store, references, strategies)
}

fn document(name: &str) -> Vec<u8> {
    let mut value: Value = serde_json::from_str(built_in("pump_v2").unwrap()).unwrap();
    value["strategy_name"] = name.into();
    value.to_string().into_bytes()
}

#[test]
fn built_in_strategies_are_put_in_once_and_stay_deleted() {
    let (store, _, strategies) = world();
    assert_eq!(seed_builtin(&store, at(1)).unwrap().added.len(), 4);
    assert_eq!(seed_builtin(&store, at(2)).unwrap(), Seeded::default());
    let list = strategies.list().unwrap();
    let pump = list.strategies.iter().find(|one| one.id == "pump_v2").unwrap();
    assert_eq!(
        (pump.direction, pump.enabled, pump.version, pump.total_trades),
        (Some("long"), true, 1, None)
    );
    let shown = serde_json::to_value(&**pump).unwrap();
    assert!(
        shown["winRate"].is_null() && shown["avgProfit"].is_null() && shown["lastResultId"].is_null(),
        "{shown}"
    );
    strategies.delete("pump_v2", None, at(3)).unwrap();
    assert_eq!(seed_builtin(&store, at(4)).unwrap(), Seeded::default());
    assert_eq!(strategies.list().unwrap().strategies.len(), 3);
}

#[test]
fn a_built_in_strategy_of_a_newer_program_is_a_further_version_unless_it_was_edited() {
    let (store, _, strategies) = world();
    let text = |name: &str| String::from_utf8(document(name)).unwrap();
    let of = |texts: [&str; 3]| {
        let ids = ["calm", "edited", "deleted"];
        ids.iter().zip(texts).map(|(id, name)| ((*id).to_owned(), text(name))).collect::<Vec<_>>()
    };
    let first = of(["Calm", "Edited", "Deleted"]);
    assert_eq!(seed(&store, &first, at(1)).unwrap().added, ["calm", "edited", "deleted"]);
    strategies.update("edited", &document("Mine"), None, at(2)).unwrap();
    strategies.delete("deleted", None, at(2)).unwrap();
    assert_eq!(seed(&store, &first, at(3)).unwrap(), Seeded::default(), "nothing is new");
    let second = of(["Calm 2", "Edited 2", "Deleted 2"]);
    let seeded = seed(&store, &second, at(4)).unwrap();
    assert_eq!(
        (seeded.added.len(), seeded.updated, seeded.left),
        (0, vec!["calm".into()], vec!["edited".into(), "deleted".into()])
    );
    strategies.refresh();
    assert_eq!(
        (strategies.get("calm").unwrap().summary.version, strategies.get("edited").unwrap().summary.version),
        (2, 2)
    );
    assert_eq!(strategies.get("edited").unwrap().summary.strategy_name, "Mine");
    assert_eq!(strategies.version("calm", 1).unwrap().summary.strategy_name, "Calm");
    assert!(seed(&store, &second, at(5)).unwrap().updated.is_empty());
    // Back to the older program: the stored built-in document differs from its own again.
    assert_eq!(seed(&store, &first, at(6)).unwrap().updated, ["calm"]);
}

#[test]
fn an_id_is_the_slug_of_the_name_and_names_stay_unique() {
    let (_, _, strategies) = world();
    let first = strategies.create(&document("Älter & Pump 3"), at(1)).unwrap();
    assert_eq!(first.summary.id, "lter_pump_3");
    assert_eq!(strategies.create(&document("lter pump 3!"), at(1)).unwrap().summary.id, "lter_pump_3_2");
    assert_eq!(strategies.create(&document("Älter & Pump 3"), at(1)).unwrap_err().code, "strategy_exists");
    assert_eq!(strategies.get("Älter & Pump 3").unwrap().summary.id, "lter_pump_3");
    assert_eq!(strategies.get("lter_pump_3").unwrap().document["strategy_name"], "Älter & Pump 3");
    let refused = strategies.create(b"{\"strategy_name\": \"ab\"}", at(1)).unwrap_err();
    assert_eq!(refused.code, "invalid_strategy");
    assert!(refused.details["problems"].as_array().unwrap().len() > 3, "{refused:?}");
    assert_eq!(slug("___"), "strategy");
    assert_eq!(slug(&"x".repeat(1_000)).len(), STRATEGY_ID_BYTES);
}

#[test]
fn versions_follow_edits_and_stale_copies_are_refused() {
    let (_, _, strategies) = world();
    strategies.create(&document("One"), at(1)).unwrap();
    assert_eq!(
        strategies.update("one", &document("One"), Some(1), at(2)).unwrap().summary.version,
        1,
        "nothing changed"
    );
    let renamed = strategies.update("one", &document("Uno"), Some(1), at(3)).unwrap();
    assert_eq!((renamed.summary.version, renamed.summary.id.as_str()), (2, "one"));
    let stale = strategies.update("one", &document("Eins"), Some(1), at(4)).unwrap_err();
    assert_eq!((stale.kind, stale.code), (RefusalKind::Stale, "version_conflict"));
    assert_eq!(strategies.delete("one", Some(1), at(4)).unwrap_err().kind, RefusalKind::Stale);
    let versions: Vec<u32> = strategies.versions("one").unwrap().iter().map(|one| one.version).collect();
    assert_eq!(versions, [2, 1]);
    assert_eq!(strategies.version("one", 1).unwrap().summary.strategy_name, "One");
    assert_eq!(strategies.version("one", 3).unwrap_err().code, "strategy_not_found");
    assert_eq!(strategies.get("none").unwrap_err().code, "strategy_not_found");
}

#[test]
fn what_a_session_runs_is_not_deleted() {
    let (_, references, strategies) = world();
    strategies.create(&document("One"), at(1)).unwrap();
    let hold = references.hold("exec_1", vec![Resource::Strategy("one".into())]);
    let refused = strategies.delete("One", None, at(2)).unwrap_err();
    assert_eq!((refused.code, &refused.details["sessions"][0]), ("strategy_in_use", &json!("exec_1")));
    drop(hold);
    strategies.delete("One", None, at(2)).unwrap();
}

#[test]
fn what_it_was_worth_comes_from_results_without_reading_them() {
    let (store, _, strategies) = world();
    strategies.create(&document("One"), at(1)).unwrap();
    let before = strategies.list().unwrap();
    let result = ResultV3 {
        id: "exec_1".into(),
        session_id: None,
        strategies: vec![ResultStrategyV2 { id: "one".into(), version: 1, name: "One".into() }],
        symbols: Vec::new(),
        source: String::new(),
        from_us: 0,
        to_us: 0,
        created_us: 0,
        digest: String::new(),
        trades: 3,
        wins: 2,
        draws: 0,
        initial_money: 0,
        net_money: 0,
        max_drawdown_money: 0,
        stopped_early: false,
        engine_version: 2,
    };
    let outcome = StrategyOutcome {
        strategy_id: "one".into(),
        trades: 3,
        wins: 2,
        losses: 1,
        draws: 0,
        net_pct_e9: 4_500_000_000,
        digest: String::new(),
    };
    store
        .put_result(NewResult {
            result,
            document: "{}".into(),
            report: String::new(),
            outcomes: vec![outcome],
        })
        .unwrap();
    assert!(
        Arc::ptr_eq(&before, &strategies.list().unwrap()),
        "read again though nobody said that something changed"
    );
    strategies.refresh();
    let list = strategies.list().unwrap();
    let one = &list.strategies[0];
    assert_eq!(
        (one.win_rate_pct, one.avg_profit_pct, one.total_trades),
        (Some(66.666667), Some(1.5), Some(3))
    );
    assert_eq!(one.last_result_id.as_deref(), Some("exec_1"));
}

#[test]
fn documents_are_judged_without_being_kept() {
    assert!(validate(&document("One")).is_valid);
    let wrong = validate(b"{");
    assert!(!wrong.is_valid && wrong.errors.len() == 1, "{wrong:?}");
}
