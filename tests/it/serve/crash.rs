//! The daemon killed at any moment under mixed traffic: what it acknowledged is there after the restart, what it
//! deleted or logged out stays so, and it answers again at once.
//!
//! `TRADINGD_CRASH_RUNS` sets how many kills (5), `TRADINGD_CRASH_SEED` repeats the plan, not the schedule. Every client
//! owns what it makes and sends one request at a time, so at a kill at most one change of each is in doubt.

use super::client::{Answer, Connection, Login};
use super::daemon::{Daemon, PASSWORD, config};
use crate::cli::{Cli, shipped_one};
use crate::crash::{Chance, setting};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const CLIENTS: usize = 6;
/// Strategies, users and sessions that one client keeps at once.
const KEPT: usize = 6;
/// Far more than a start may take on a machine that does something else as well.
const READY: Duration = Duration::from_secs(10);

/// What was acknowledged of a strategy.
#[derive(Clone, PartialEq, Debug)]
struct Strategy {
    version: u64,
    /// Its description: every version has another.
    mark: String,
}

/// What was acknowledged of a user.
#[derive(Clone, PartialEq, Debug)]
struct Account {
    role: &'static str,
    disabled: bool,
}

/// What was acknowledged of a session.
#[derive(Clone, PartialEq, Debug)]
enum Session {
    Running,
    /// A stop was sent and not answered.
    Stopping,
    Stopped,
    /// With the digest of its result.
    Completed(String),
}

/// A change that was sent and not answered.
#[derive(Clone, PartialEq, Debug)]
enum Doubt {
    CreateStrategy(String, String),
    UpdateStrategy(String, String),
    DeleteStrategy(String),
    CreateUser(String, Account),
    ChangeUser(String, Account),
    DeleteUser(String),
    Stop(String),
    /// A start changes nothing that a client would know the name of; the others are about logins.
    Other,
    Refresh,
    Logout,
}

/// A creation that was acknowledged for a key.
struct Keyed {
    key: String,
    body: Value,
    id: String,
}

/// What all clients together have seen.
#[derive(Default, Debug)]
struct Tally {
    acknowledged: u64,
    in_doubt: u64,
    in_doubt_done: u64,
    orphans: u64,
    completed: u64,
    replays: u64,
    logouts: u64,
    rotated_refused: u64,
}

struct Client {
    number: usize,
    chance: Chance,
    recording: String,
    login: Option<Login>,
    strategies: BTreeMap<String, Strategy>,
    deleted: BTreeSet<String>,
    users: BTreeMap<String, Account>,
    removed: BTreeSet<String>,
    sessions: BTreeMap<String, Session>,
    keys: Vec<Keyed>,
    /// Logged out.
    ended: Vec<Login>,
    /// The refresh token that the login's was made of.
    rotated: Option<String>,
    doubt: Option<Doubt>,
    names: u64,
    tally: Tally,
}

/// A connection that comes back after a restart.
struct Wire {
    address: SocketAddr,
    connection: Option<Connection>,
}

impl Wire {
    fn new(address: SocketAddr) -> Self {
        Wire { address, connection: None }
    }

    /// `None`: the daemon is gone, and nobody knows whether it did what it was asked for.
    fn send(&mut self, login: Option<&Login>, method: &str, path: &str, key: Option<&str>, body: Option<&Value>) -> Option<Answer> {
        if self.connection.is_none() {
            self.connection = Connection::try_open(self.address).ok();
        }
        let bearer = login.map(|login| format!("Bearer {}", login.access));
        let mut headers = Vec::new();
        if let (Some(bearer), Some(login)) = (&bearer, login) {
            headers.extend([("Authorization", bearer.as_str()), ("X-CSRF-Token", login.csrf.as_str())]);
        }
        if body.is_some() {
            headers.push(("Content-Type", "application/json"));
        }
        headers.extend(key.map(|key| ("Idempotency-Key", key)));
        let text = body.map(Value::to_string);
        let answer = self.connection.as_mut()?.send(method, path, &headers, text.as_deref().map(str::as_bytes));
        if answer.as_ref().is_none_or(|answer| answer.header("connection") == Some("close")) {
            self.connection = None;
        }
        answer
    }
}

#[track_caller]
fn expect(answer: &Answer, status: u16, what: &str) -> Value {
    assert_eq!(answer.status, status, "{what}: {}", String::from_utf8_lossy(&answer.body));
    answer.data()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn worker(number: usize) -> String {
    format!("worker{number}")
}

impl Client {
    fn new(number: usize, recording: &str, seed: u64) -> Self {
        Client {
            number,
            chance: Chance(seed ^ ((number as u64) << 48)),
            recording: recording.to_owned(),
            login: None,
            strategies: BTreeMap::new(),
            deleted: BTreeSet::new(),
            users: BTreeMap::new(),
            removed: BTreeSet::new(),
            sessions: BTreeMap::new(),
            keys: Vec::new(),
            ended: Vec::new(),
            rotated: None,
            doubt: None,
            names: 0,
            tally: Tally::default(),
        }
    }

    /// Changes things until the daemon is gone.
    fn work(&mut self, address: SocketAddr) {
        let mut wire = Wire::new(address);
        while self.step(&mut wire).is_some() {}
    }

    fn step(&mut self, wire: &mut Wire) -> Option<()> {
        if self.login.is_none() {
            return self.log_in(wire);
        }
        match self.chance.below(100) {
            0..24 if self.strategies.len() < KEPT => self.create_strategy(wire),
            24..44 if !self.strategies.is_empty() => self.update_strategy(wire),
            44..54 if !self.strategies.is_empty() => self.delete_strategy(wire),
            54..58 if self.users.len() < KEPT => self.create_user(wire),
            58..68 if !self.users.is_empty() => self.change_user(wire),
            68..71 if !self.users.is_empty() => self.delete_user(wire),
            71..79 if self.sessions.len() < KEPT => self.start(wire),
            79..87 => self.stop(wire),
            87..95 => self.refresh(wire),
            95..98 => self.log_out(wire),
            98..100 if self.sessions.len() < KEPT => self.complete(wire),
            _ => self.refresh(wire),
        }
    }

    /// Sends a change; it is in doubt until it is answered.
    fn change(&mut self, wire: &mut Wire, doubt: Doubt, method: &str, path: &str, key: Option<&str>, body: Option<&Value>) -> Option<Answer> {
        self.doubt = Some(doubt);
        let answer = wire.send(self.login.as_ref(), method, path, key, body)?;
        self.doubt = None;
        self.tally.acknowledged += 1;
        Some(answer)
    }

    fn name(&mut self, what: &str) -> String {
        self.names += 1;
        format!("{what}{}-{}", self.number, self.names)
    }

    fn pick<T>(&mut self, of: &BTreeMap<String, T>) -> String {
        of.keys().nth(self.chance.below(of.len())).unwrap().clone()
    }

    fn create_strategy(&mut self, wire: &mut Wire) -> Option<()> {
        let (name, mark) = (self.name("crash"), self.name("mark"));
        let body = document(&name, &mark);
        let key = self.chance.below(2).eq(&0).then(|| format!("key-{name}"));
        let doubt = Doubt::CreateStrategy(name.clone(), mark.clone());
        let made = expect(&self.change(wire, doubt, "POST", "/api/strategies", key.as_deref(), Some(&body))?, 201, "create");
        assert_eq!((made["strategy_name"].as_str(), made["version"].as_u64()), (Some(name.as_str()), Some(1)));
        let id = text(&made["id"]);
        self.strategies.insert(id.clone(), Strategy { version: 1, mark });
        if let Some(key) = key {
            self.keys.push(Keyed { key, body, id });
            // The store keeps a thousand keys of a user.
            self.keys.drain(..self.keys.len().saturating_sub(20));
        }
        Some(())
    }

    fn update_strategy(&mut self, wire: &mut Wire) -> Option<()> {
        let known = self.strategies.clone();
        let (id, mark) = (self.pick(&known), self.name("mark"));
        let path = format!("/api/strategies/{id}");
        let before = expect(&wire.send(self.login.as_ref(), "GET", &path, None, None)?, 200, "read");
        let body = document(before["strategy_name"].as_str().unwrap(), &mark);
        let doubt = Doubt::UpdateStrategy(id.clone(), mark.clone());
        let kept = expect(&self.change(wire, doubt, "PUT", &path, None, Some(&body))?, 200, "update");
        let version = kept["version"].as_u64().unwrap();
        assert_eq!(version, known[&id].version + 1, "versions go up by one");
        self.strategies.insert(id, Strategy { version, mark });
        Some(())
    }

    fn delete_strategy(&mut self, wire: &mut Wire) -> Option<()> {
        let id = self.pick(&self.strategies.clone());
        let answer = self.change(wire, Doubt::DeleteStrategy(id.clone()), "DELETE", &format!("/api/strategies/{id}"), None, None)?;
        expect(&answer, 200, "delete");
        self.strategies.remove(&id);
        self.deleted.insert(id);
        Some(())
    }

    fn account(&mut self) -> Account {
        Account { role: ["viewer", "trader", "live"][self.chance.below(3)], disabled: self.chance.below(2) == 0 }
    }

    fn create_user(&mut self, wire: &mut Wire) -> Option<()> {
        let (name, account) = (self.name("user"), Account { disabled: false, ..self.account() });
        let body = json!({"username": name, "password": PASSWORD, "role": account.role});
        let doubt = Doubt::CreateUser(name.clone(), account.clone());
        expect(&self.change(wire, doubt, "POST", "/api/users", None, Some(&body))?, 201, "create user");
        self.users.insert(name, account);
        Some(())
    }

    fn change_user(&mut self, wire: &mut Wire) -> Option<()> {
        let (name, account) = (self.pick(&self.users.clone()), self.account());
        let body = json!({"role": account.role, "disabled": account.disabled});
        let doubt = Doubt::ChangeUser(name.clone(), account.clone());
        expect(&self.change(wire, doubt, "PUT", &format!("/api/users/{name}"), None, Some(&body))?, 200, "change user");
        self.users.insert(name, account);
        Some(())
    }

    fn delete_user(&mut self, wire: &mut Wire) -> Option<()> {
        let name = self.pick(&self.users.clone());
        let answer = self.change(wire, Doubt::DeleteUser(name.clone()), "DELETE", &format!("/api/users/{name}"), None, None)?;
        expect(&answer, 200, "delete user");
        self.users.remove(&name);
        self.removed.insert(name);
        Some(())
    }

    fn start(&mut self, wire: &mut Wire) -> Option<()> {
        let body = backtest(&self.recording, 0.5);
        let started = expect(&self.change(wire, Doubt::Other, "POST", "/sessions/start", None, Some(&body))?, 200, "start");
        self.sessions.insert(text(&started["data"]["session_id"]), Session::Running);
        Some(())
    }

    fn stop(&mut self, wire: &mut Wire) -> Option<()> {
        let running = self.sessions.iter().find(|(_, state)| **state == Session::Running);
        let Some(id) = running.map(|(id, _)| id.clone()) else { return Some(()) };
        let body = json!({ "session_id": id });
        let answer = self.change(wire, Doubt::Stop(id.clone()), "POST", "/sessions/stop", None, Some(&body));
        self.sessions.insert(id.clone(), if answer.is_some() { Session::Stopped } else { Session::Stopping });
        let stopped = expect(&answer?, 200, "stop");
        assert_eq!(stopped, json!({"status": "session_stopped", "data": {"session_id": id}}));
        Some(())
    }

    /// A session that runs to its end, which is acknowledged by showing it.
    fn complete(&mut self, wire: &mut Wire) -> Option<()> {
        let mut body = backtest(&self.recording, 0.0);
        body["config"]["to"] = "2024-08-08T23:54:30Z".into();
        let started = expect(&self.change(wire, Doubt::Other, "POST", "/sessions/start", None, Some(&body))?, 200, "start");
        let id = text(&started["data"]["session_id"]);
        loop {
            let shown = expect(&wire.send(self.login.as_ref(), "GET", &format!("/sessions/{id}"), None, None)?, 200, "session");
            match shown["status"].as_str().unwrap() {
                "starting" | "running" => std::thread::yield_now(),
                "completed" => break,
                other => panic!("{id} is {other}: {shown}"),
            }
        }
        let result = wire.send(self.login.as_ref(), "GET", &format!("/results/session/{id}"), None, None)?;
        let digest = text(&expect(&result, 200, "result")["digest"]);
        self.tally.completed += 1;
        self.sessions.insert(id, Session::Completed(digest));
        Some(())
    }

    fn log_in(&mut self, wire: &mut Wire) -> Option<()> {
        let body = json!({"username": worker(self.number), "password": PASSWORD});
        let data = expect(&wire.send(None, "POST", "/api/v1/auth/login", None, Some(&body))?, 200, "login");
        let csrf = expect(&wire.send(None, "GET", "/csrf-token", None, None)?, 200, "csrf");
        let (access, refresh) = (text(&data["access_token"]), text(&data["refresh_token"]));
        self.login = Some(Login { access, refresh, csrf: text(&csrf["token"]), cookie: String::new() });
        self.rotated = None;
        Some(())
    }

    fn refresh(&mut self, wire: &mut Wire) -> Option<()> {
        let old = self.login.as_ref()?.refresh.clone();
        let body = json!({ "refresh_token": old });
        let data = expect(&self.change(wire, Doubt::Refresh, "POST", "/api/v1/auth/refresh", None, Some(&body))?, 200, "refresh");
        self.renew(old, &data);
        Some(())
    }

    fn renew(&mut self, old: String, data: &Value) {
        let login = self.login.as_mut().unwrap();
        (login.access, login.refresh) = (text(&data["access_token"]), text(&data["refresh_token"]));
        self.rotated = Some(old);
    }

    fn log_out(&mut self, wire: &mut Wire) -> Option<()> {
        expect(&self.change(wire, Doubt::Logout, "POST", "/api/v1/auth/logout", None, None)?, 200, "logout");
        self.ended.extend(self.login.take());
        self.tally.logouts += 1;
        Some(())
    }
}

fn document(name: &str, mark: &str) -> Value {
    let mut document: Value = serde_json::from_str(include_str!("../../../benches/workloads/ema.json")).unwrap();
    document["strategy_name"] = name.into();
    document["description"] = mark.into();
    document
}

fn backtest(recording: &str, speed: f64) -> Value {
    json!({
        "session_type": "backtest",
        "strategy_config": {"strategies": ["ema"]},
        "config": {"session_id": recording, "acceleration_factor": speed},
    })
}

/// What the daemon says of itself after a restart.
struct World {
    strategies: BTreeMap<String, (String, Strategy)>,
    users: BTreeMap<String, Value>,
}

impl World {
    fn of(daemon: &Daemon, admin: &Login) -> World {
        let list = |path: &str, name: &str| expect(&daemon.ask_as(admin, "GET", path, None), 200, path)[name].as_array().unwrap().clone();
        let strategy = |one: &Value| {
            let kept = Strategy { version: one["version"].as_u64().unwrap(), mark: text(&one["description"]) };
            (text(&one["id"]), (text(&one["strategy_name"]), kept))
        };
        for state in ["starting", "running", "stopping"] {
            assert_eq!(list(&format!("/sessions?status={state}"), "sessions"), [Value::Null; 0], "nothing runs after a restart");
        }
        World {
            strategies: list("/api/strategies", "strategies").iter().map(strategy).collect(),
            users: list("/api/users", "users").iter().map(|user| (text(&user["username"]), user.clone())).collect(),
        }
    }

    fn account(&self, name: &str) -> Option<(&str, bool)> {
        self.users.get(name).map(|user| (user["role"].as_str().unwrap(), user["disabled"].as_bool().unwrap()))
    }
}

/// After a restart: everything acknowledged is there, and what was in doubt is there or not, but whole.
impl Client {
    fn inspect(&mut self, daemon: &Daemon, world: &World) {
        let doubt = self.doubt.take();
        self.tally.in_doubt += u64::from(doubt.is_some());
        self.inspect_strategies(world, doubt.as_ref());
        self.inspect_users(world, doubt.as_ref());
        let mut wire = Wire::new(daemon.address);
        self.inspect_login(&mut wire, doubt.as_ref());
        if self.login.is_none() {
            self.log_in(&mut wire).unwrap();
        }
        self.inspect_sessions(&mut wire);
        self.inspect_keys(&mut wire);
        self.inspect_one_strategy(&mut wire);
    }

    fn inspect_strategies(&mut self, world: &World, doubt: Option<&Doubt>) {
        match doubt {
            Some(Doubt::CreateStrategy(name, mark)) => {
                if let Some((id, (_, found))) = world.strategies.iter().find(|(_, (known, _))| known == name) {
                    assert_eq!(*found, Strategy { version: 1, mark: mark.clone() }, "{id} is not what was sent");
                    self.strategies.insert(id.clone(), found.clone());
                    self.tally.in_doubt_done += 1;
                }
            }
            Some(Doubt::UpdateStrategy(id, mark)) => {
                let known = self.strategies.get_mut(id).unwrap();
                let next = Strategy { version: known.version + 1, mark: mark.clone() };
                if world.strategies.get(id).is_some_and(|(_, found)| *found == next) {
                    *known = next;
                    self.tally.in_doubt_done += 1;
                }
            }
            Some(Doubt::DeleteStrategy(id)) if !world.strategies.contains_key(id) => {
                self.strategies.remove(id);
                self.deleted.insert(id.clone());
                self.tally.in_doubt_done += 1;
            }
            _ => {}
        }
        let own = format!("crash{}-", self.number);
        let found: BTreeMap<String, Strategy> = world
            .strategies
            .iter()
            .filter(|(_, (name, _))| name.starts_with(&own))
            .map(|(id, (_, found))| (id.clone(), found.clone()))
            .collect();
        assert_eq!(found, self.strategies, "strategies of client {} (left: found, right: acknowledged); in doubt: {doubt:?}", self.number);
        assert!(self.deleted.iter().all(|id| !world.strategies.contains_key(id)), "a deletion was undone");
    }

    fn inspect_users(&mut self, world: &World, doubt: Option<&Doubt>) {
        match doubt {
            Some(Doubt::CreateUser(name, account) | Doubt::ChangeUser(name, account))
                if world.account(name) == Some((account.role, account.disabled)) =>
            {
                self.users.insert(name.clone(), account.clone());
                self.tally.in_doubt_done += 1;
            }
            Some(Doubt::DeleteUser(name)) if !world.users.contains_key(name) => {
                self.users.remove(name);
                self.removed.insert(name.clone());
                self.tally.in_doubt_done += 1;
            }
            _ => {}
        }
        let own = format!("user{}-", self.number);
        let found: Vec<_> = world.users.keys().filter(|name| name.starts_with(&own)).map(|name| (name, world.account(name))).collect();
        let known: Vec<_> = self.users.iter().map(|(name, account)| (name, Some((account.role, account.disabled)))).collect();
        assert_eq!(found, known, "users of client {} (left: found, right: acknowledged); in doubt: {doubt:?}", self.number);
        assert!(self.removed.iter().all(|name| !world.users.contains_key(name)), "a user came back");
    }

    fn inspect_login(&mut self, wire: &mut Wire, doubt: Option<&Doubt>) {
        for ended in self.ended.iter().rev().take(3) {
            assert_eq!(status_of(wire, ended), 401, "a logout was undone");
        }
        let Some(login) = self.login.clone() else { return };
        match (doubt, status_of(wire, &login)) {
            (Some(Doubt::Logout), 401) => return self.end_login(wire),
            (_, status) => assert_eq!(status, 200, "an acknowledged login is gone; in doubt: {doubt:?}"),
        }
        if doubt == Some(&Doubt::Refresh) {
            let answer = renewal(wire, &login.refresh);
            match answer.status {
                200 => self.renew(login.refresh, &answer.data()),
                _ => {
                    assert_eq!((answer.status, answer.code()), (401, "refresh_reused".to_owned()));
                    self.tally.in_doubt_done += 1;
                    self.end_login(wire);
                }
            }
            return;
        }
        match self.rotated.clone() {
            Some(used) if self.chance.below(3) == 0 => {
                let answer = renewal(wire, &used);
                assert_eq!((answer.status, answer.code()), (401, "refresh_reused".to_owned()), "a used refresh token works again");
                self.tally.rotated_refused += 1;
                self.end_login(wire);
            }
            _ => {
                let data = expect(&renewal(wire, &login.refresh), 200, "the newest refresh token");
                self.renew(login.refresh, &data);
            }
        }
    }

    /// The login has ended on the other side: so it must look.
    fn end_login(&mut self, wire: &mut Wire) {
        let login = self.login.take().unwrap();
        assert_eq!(status_of(wire, &login), 401);
        assert_eq!(renewal(wire, &login.refresh).status, 401);
        self.ended.push(login);
    }

    fn inspect_sessions(&mut self, wire: &mut Wire) {
        for (id, known) in std::mem::take(&mut self.sessions) {
            let mut ask = |method: &str, path: &str, body: Option<&Value>| wire.send(self.login.as_ref(), method, path, None, body).unwrap();
            let shown = expect(&ask("GET", &format!("/sessions/{id}"), None), 200, "session");
            let (status, orphaned) = (shown["status"].as_str().unwrap(), shown["was_orphaned"].as_bool().unwrap());
            let wanted: &[(&str, bool)] = match known {
                Session::Running => &[("failed", true)],
                Session::Stopping => &[("failed", true), ("stopped", false)],
                Session::Stopped => &[("stopped", false)],
                Session::Completed(_) => &[("completed", false)],
            };
            assert!(wanted.contains(&(status, orphaned)), "{id} was {known:?} and is {shown}");
            if let Session::Completed(digest) = &known {
                let result = expect(&ask("GET", &format!("/results/session/{id}"), None), 200, "result");
                assert_eq!(result["digest"].as_str(), Some(digest.as_str()));
            }
            let stop = json!({ "session_id": id });
            if orphaned {
                assert!(shown["error_message"].as_str().is_some_and(|why| !why.is_empty()) && !shown["ended_at"].is_null(), "{shown}");
                let closed = expect(&ask("POST", "/sessions/stop", Some(&stop)), 200, "stop of an orphan");
                assert_eq!(closed, json!({"status": "session_stopped", "data": {"session_id": id, "was_orphaned": true}}));
                self.tally.orphans += 1;
            }
            let again = ask("POST", "/sessions/stop", Some(&stop));
            assert_eq!((again.status, again.code()), (409, "session_already_stopped".to_owned()));
        }
    }

    fn inspect_keys(&mut self, wire: &mut Wire) {
        let Some(Keyed { key, body, id }) = self.keys.last() else { return };
        let login = self.login.as_ref();
        let again = wire.send(login, "POST", "/api/strategies", Some(key), Some(body)).unwrap();
        assert_eq!(again.header("idempotent-replay"), Some("true"));
        assert_eq!(expect(&again, 201, "retry")["id"].as_str(), Some(id.as_str()));
        let other = wire.send(login, "POST", "/api/strategies", Some(key), Some(&document("other", "other"))).unwrap();
        assert_eq!((other.status, other.code()), (409, "idempotency_key_reused".to_owned()));
        self.tally.replays += 1;
    }

    fn inspect_one_strategy(&mut self, wire: &mut Wire) {
        if let Some(id) = self.deleted.iter().nth(self.chance.below(self.deleted.len().max(1))) {
            let gone = wire.send(self.login.as_ref(), "GET", &format!("/api/strategies/{id}"), None, None).unwrap();
            assert_eq!((gone.status, gone.code()), (404, "strategy_not_found".to_owned()));
        }
        let known = self.strategies.clone();
        if known.is_empty() {
            return;
        }
        let id = self.pick(&known);
        let Strategy { version, mark } = &known[&id];
        let path = format!("/api/strategies/{id}/versions/{version}");
        let shown = expect(&wire.send(self.login.as_ref(), "GET", &path, None, None).unwrap(), 200, &path);
        assert_eq!(shown["document"]["description"].as_str(), Some(mark.as_str()));
    }
}

fn status_of(wire: &mut Wire, login: &Login) -> u16 {
    wire.send(Some(login), "GET", "/api/v1/auth/me", None, None).unwrap().status
}

fn renewal(wire: &mut Wire, token: &str) -> Answer {
    wire.send(None, "POST", "/api/v1/auth/refresh", None, Some(&json!({ "refresh_token": token }))).unwrap()
}

/// Starts the daemon; how long until it answered that it is ready.
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
    cli.ok(&["strategies", "add", &cli.file("ema.json", include_str!("../../../benches/workloads/ema.json"))]);
    let recording = text(&cli.import(&[shipped_one("trades")])["id"]);
    let mut settings = config();
    settings["limits"] = json!({"max_sessions": 64});
    // Old logins must be refused for what they are, not for their age.
    settings["auth"] = json!({"access_ttl_s": 86_400, "csrf_ttl_s": 86_400});
    cli.file("config.json", settings.to_string());

    let (mut daemon, _) = start(&cli);
    let admin = daemon.admin();
    for number in 0..CLIENTS {
        let body = json!({"username": worker(number), "password": PASSWORD, "role": "admin"});
        expect(&daemon.ask_as(&admin, "POST", "/api/users", Some(&body)), 201, "worker");
    }
    let mut clients: Vec<Client> = (0..CLIENTS).map(|number| Client::new(number, &recording, seed)).collect();
    let (mut chance, mut ready) = (Chance(seed), Vec::new());
    for run in 0..runs {
        std::thread::scope(|scope| {
            let address = daemon.address;
            clients.iter_mut().for_each(|client| drop(scope.spawn(move || client.work(address))));
            // The random moment itself; nothing is waited for.
            std::thread::sleep(Duration::from_millis(20 + chance.below(480) as u64));
            daemon.kill();
        });
        assert!(!daemon.log.lock().unwrap().contains("panicked"), "run {run}: {}", daemon.log.lock().unwrap());
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
