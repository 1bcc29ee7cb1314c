//! The daemon killed at random moments under mixed traffic: after the restart everything acknowledged exists,
//! deleted things and ended logins stay so, and it is ready again soon.
//!
//! `TRADINGD_CRASH_RUNS` sets the number of kills (5), `TRADINGD_CRASH_SEED` repeats the plan, not the exact
//! moments. Each client changes only its own things and sends one request at a time, so a kill leaves at most
//! one of its changes in doubt.

mod inspection;
mod traffic;

use super::daemon::{Daemon, PASSWORD, config};
use crate::cli::{Cli, shipped_one};
use crate::crash::setting;
use inspection::World;
use serde_json::json;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tradingd::domain::rng::Rng;
use traffic::{Client, Tally, expect, text, worker};

const CLIENTS: usize = 6;
/// Maximum start-up time, generous for a busy machine.
const READY: Duration = Duration::from_secs(10);

/// Starts the daemon; returns the time until it answered that it is ready.
fn start(cli: &Cli) -> (Daemon, Duration) {
    let started = Instant::now();
    let daemon = Daemon::at(&cli.at("."));
    let answer = daemon.ask("GET", "/health/ready", &[], None);
    let took = started.elapsed();
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert!(took < READY, "ready only after {took:?}");
    (daemon, took)
}

#[test]
fn what_was_acknowledged_survives_kills_under_traffic() {
    let runs = setting("TRADINGD_CRASH_RUNS").unwrap_or(5);
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64);
    let seed = setting("TRADINGD_CRASH_SEED").unwrap_or_else(clock);
    println!("TRADINGD_CRASH_SEED={seed} TRADINGD_CRASH_RUNS={runs}");
    let cli = Cli::new();
    cli.ok(&[
        "strategies",
        "add",
        &cli.file("ema.json", include_str!("../../../benches/workloads/ema.json")),
    ]);
    let recording = text(&cli.import(&[shipped_one("trades")])["id"]);
    let mut settings = config();
    settings["limits"] = json!({"max_sessions": 64});
    // Long lifetimes, so that ended logins are refused because they ended, not because they expired.
    settings["auth"] = json!({"access_ttl_s": 86_400, "csrf_ttl_s": 86_400});
    cli.file("config.json", settings.to_string());

    let (mut daemon, _) = start(&cli);
    let admin = daemon.admin();
    for number in 0..CLIENTS {
        let body = json!({"username": worker(number), "password": PASSWORD, "role": "admin"});
        expect(&daemon.ask_as(&admin, "POST", "/api/users", Some(&body)), 201, "worker");
    }
    let mut clients: Vec<Client> = (0..CLIENTS).map(|number| Client::new(number, &recording, seed)).collect();
    let (mut entropy, mut ready) = (Rng::new(seed), Vec::new());
    for run in 0..runs {
        std::thread::scope(|scope| {
            let address = daemon.address;
            clients.iter_mut().for_each(|client| drop(scope.spawn(move || client.work(address))));
            // This delay is the random moment of the kill, not a wait for something.
            std::thread::sleep(Duration::from_millis(20 + entropy.place(480) as u64));
            daemon.kill();
        });
        assert!(
            !daemon.log.lock().unwrap().contains("panicked"),
            "run {run}: {}",
            daemon.log.lock().unwrap()
        );
        let took;
        (daemon, took) = start(&cli);
        ready.push(took);
        let world = World::of(&daemon, &admin);
        clients.iter_mut().for_each(|client| client.inspect(&daemon, &world));
    }
    ready.sort();
    let (median, most) = (ready[ready.len() / 2], ready[ready.len() - 1]);
    let sum = |of: fn(&Tally) -> u64| clients.iter().map(|client| of(&client.tally)).sum::<u64>();
    println!(
        "{runs} kills: {} changes acknowledged, {} in doubt ({} of them done), {} sessions orphaned, {} completed, {} keys replayed, \
         {} logouts, {} used refresh tokens refused; ready again after {median:?} (median), {most:?} (most)",
        sum(|t| t.acknowledged),
        sum(|t| t.in_doubt),
        sum(|t| t.in_doubt_done),
        sum(|t| t.orphans),
        sum(|t| t.completed),
        sum(|t| t.replays),
        sum(|t| t.logouts),
        sum(|t| t.rotated_refused),
    );
    assert!(sum(|t| t.acknowledged) > runs * CLIENTS as u64, "hardly anything happened between the kills");
    drop(daemon);
    assert_eq!(cli.json(&["verify", "--json"])["sound"], true);
}
