//! A limit on the size of files, as `ulimit -f` sets it, is an error that names it.

use super::daemon::Daemon;
use crate::live::{STRATEGY, until};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

#[test]
fn a_store_that_may_not_grow_is_read_only_until_it_may() {
    let daemon = Daemon::start();
    let admin = daemon.admin();
    let limit = |current: Option<u64>| {
        let maximum = getrlimit(Resource::Fsize).maximum;
        let pid = Pid::from_raw(daemon.pid() as i32);
        prlimit(pid, Resource::Fsize, Rlimit { current, maximum }).unwrap();
    };
    let length = std::fs::metadata(daemon.folder.join("state/tradingd.redb")).unwrap().len();
    let write = |number: u64| {
        let mut strategy = STRATEGY.clone();
        strategy["strategy_name"] = format!("restless {number}").into();
        daemon.ask_as(&admin, "POST", "/api/strategies", Some(&strategy))
    };
    limit(Some(length));
    let refused = (0..5_000).map(write).find(|answer| answer.status >= 300).expect("the store grows");
    assert_eq!((refused.status, refused.json()["error_code"].as_str()), (503, Some("store_unavailable")));
    assert!(refused.json()["error_message"].as_str().unwrap().contains("ulimit -f"), "{}", refused.json());
    let store = || daemon.ask("GET", "/health/ready", &[], None).json()["data"]["store"].clone();
    until("the store to be looked at twice", || store()["age_seconds"].as_f64() > Some(2.0));
    assert_eq!(store()["status"], "read_only", "{}", store());
    assert!(store()["reason"].as_str().unwrap().contains("raise the limit on file sizes"), "{}", store());
    limit(getrlimit(Resource::Fsize).maximum);
    until("the store to take writes", || store()["status"] == "ok");
    assert_eq!(write(5_000).status, 201);
}
