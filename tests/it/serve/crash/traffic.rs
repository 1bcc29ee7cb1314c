//! One client: sends changes until the daemon is killed and remembers which were acknowledged.

use crate::serve::client::{Answer, Connection, Login};
use crate::serve::daemon::PASSWORD;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use tradingd::domain::rng::Rng;

/// Maximum number of strategies, of users and of sessions of a client.
const KEPT: usize = 6;

/// Acknowledged state of a strategy.
#[derive(Clone, PartialEq, Debug)]
pub struct Strategy {
    pub version: u64,
    /// Its description, different in every version.
    pub mark: String,
}

/// Acknowledged state of a user.
#[derive(Clone, PartialEq, Debug)]
pub struct Account {
    pub role: &'static str,
    pub disabled: bool,
}

/// Acknowledged state of a session.
#[derive(Clone, PartialEq, Debug)]
pub enum Session {
    Running,
    /// A stop was sent but not answered.
    Stopping,
    Stopped,
    /// With the digest of its result.
    Completed(String),
}

/// A change that was sent but not answered.
#[derive(Clone, PartialEq, Debug)]
pub enum Doubt {
    CreateStrategy(String, String),
    UpdateStrategy(String, String),
    DeleteStrategy(String),
    CreateUser(String, Account),
    ChangeUser(String, Account),
    DeleteUser(String),
    Stop(String),
    /// The start of a session, whose id the client does not know.
    Other,
    Refresh,
    Logout,
}

/// An acknowledged creation with its idempotency key.
pub struct Keyed {
    pub key: String,
    pub body: Value,
    pub id: String,
}

/// Counters over all clients.
#[derive(Default, Debug)]
pub struct Tally {
    pub acknowledged: u64,
    pub in_doubt: u64,
    pub in_doubt_done: u64,
    pub orphans: u64,
    pub completed: u64,
    pub replays: u64,
    pub logouts: u64,
    pub rotated_refused: u64,
}

pub struct Client {
    pub number: usize,
    pub entropy: Rng,
    recording: String,
    pub login: Option<Login>,
    pub strategies: BTreeMap<String, Strategy>,
    pub deleted: BTreeSet<String>,
    pub users: BTreeMap<String, Account>,
    pub removed: BTreeSet<String>,
    pub sessions: BTreeMap<String, Session>,
    pub keys: Vec<Keyed>,
    /// Logins that were logged out.
    pub ended: Vec<Login>,
    /// The refresh token that was exchanged for the current one.
    pub rotated: Option<String>,
    pub doubt: Option<Doubt>,
    names: u64,
    pub tally: Tally,
}

/// A connection that reconnects after a restart.
pub struct Wire {
    address: SocketAddr,
    connection: Option<Connection>,
}

impl Wire {
    pub fn new(address: SocketAddr) -> Self {
        Wire { address, connection: None }
    }

    /// Sends a request. `None` if the daemon is gone; whether it made the change is unknown then.
    pub fn send(
        &mut self,
        login: Option<&Login>,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Option<Answer> {
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
        let answer =
            self.connection.as_mut()?.send(method, path, &headers, text.as_deref().map(str::as_bytes));
        if answer.as_ref().is_none_or(|answer| answer.header("connection") == Some("close")) {
            self.connection = None;
        }
        answer
    }
}

#[track_caller]
pub fn expect(answer: &Answer, status: u16, what: &str) -> Value {
    assert_eq!(answer.status, status, "{what}: {}", String::from_utf8_lossy(&answer.body));
    answer.data()
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

pub fn worker(number: usize) -> String {
    format!("worker{number}")
}

impl Client {
    pub fn new(number: usize, recording: &str, seed: u64) -> Self {
        Client {
            number,
            entropy: Rng::new(seed ^ ((number as u64) << 48)),
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

    /// Sends changes until the daemon is gone.
    pub fn work(&mut self, address: SocketAddr) {
        let mut wire = Wire::new(address);
        while self.step(&mut wire).is_some() {}
    }

    fn step(&mut self, wire: &mut Wire) -> Option<()> {
        if self.login.is_none() {
            return self.log_in(wire);
        }
        match self.entropy.place(100) {
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

    /// Sends a change, which is in doubt until it is answered.
    fn change(
        &mut self,
        wire: &mut Wire,
        doubt: Doubt,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Option<Answer> {
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

    pub fn pick<T>(&mut self, of: &BTreeMap<String, T>) -> String {
        of.keys().nth(self.entropy.place(of.len())).unwrap().clone()
    }

    fn create_strategy(&mut self, wire: &mut Wire) -> Option<()> {
        let (name, mark) = (self.name("crash"), self.name("mark"));
        let body = document(&name, &mark);
        let key = self.entropy.place(2).eq(&0).then(|| format!("key-{name}"));
        let doubt = Doubt::CreateStrategy(name.clone(), mark.clone());
        let made = expect(
            &self.change(wire, doubt, "POST", "/api/strategies", key.as_deref(), Some(&body))?,
            201,
            "create",
        );
        assert_eq!(
            (made["strategy_name"].as_str(), made["version"].as_u64()),
            (Some(name.as_str()), Some(1))
        );
        let id = text(&made["id"]);
        self.strategies.insert(id.clone(), Strategy { version: 1, mark });
        if let Some(key) = key {
            self.keys.push(Keyed { key, body, id });
            // Only recent keys: the store keeps at most a thousand per user.
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
        let answer = self.change(
            wire,
            Doubt::DeleteStrategy(id.clone()),
            "DELETE",
            &format!("/api/strategies/{id}"),
            None,
            None,
        )?;
        expect(&answer, 200, "delete");
        self.strategies.remove(&id);
        self.deleted.insert(id);
        Some(())
    }

    fn account(&mut self) -> Account {
        Account {
            role: ["viewer", "trader", "live"][self.entropy.place(3)],
            disabled: self.entropy.place(2) == 0,
        }
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
        expect(
            &self.change(wire, doubt, "PUT", &format!("/api/users/{name}"), None, Some(&body))?,
            200,
            "change user",
        );
        self.users.insert(name, account);
        Some(())
    }

    fn delete_user(&mut self, wire: &mut Wire) -> Option<()> {
        let name = self.pick(&self.users.clone());
        let answer = self.change(
            wire,
            Doubt::DeleteUser(name.clone()),
            "DELETE",
            &format!("/api/users/{name}"),
            None,
            None,
        )?;
        expect(&answer, 200, "delete user");
        self.users.remove(&name);
        self.removed.insert(name);
        Some(())
    }

    fn start(&mut self, wire: &mut Wire) -> Option<()> {
        let body = backtest(&self.recording, 0.5);
        let started = expect(
            &self.change(wire, Doubt::Other, "POST", "/sessions/start", None, Some(&body))?,
            200,
            "start",
        );
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
        assert_eq!(
            stopped,
            json!({"status": "session_stopped", "data": {"session_id": id}, "session_id": id})
        );
        Some(())
    }

    /// Runs a session to its end; showing it as completed is the acknowledgement.
    fn complete(&mut self, wire: &mut Wire) -> Option<()> {
        let mut body = backtest(&self.recording, 0.0);
        body["config"]["to"] = "2024-08-08T23:54:30Z".into();
        let started = expect(
            &self.change(wire, Doubt::Other, "POST", "/sessions/start", None, Some(&body))?,
            200,
            "start",
        );
        let id = text(&started["data"]["session_id"]);
        loop {
            let shown = expect(
                &wire.send(self.login.as_ref(), "GET", &format!("/sessions/{id}"), None, None)?,
                200,
                "session",
            );
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

    pub fn log_in(&mut self, wire: &mut Wire) -> Option<()> {
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
        let data = expect(
            &self.change(wire, Doubt::Refresh, "POST", "/api/v1/auth/refresh", None, Some(&body))?,
            200,
            "refresh",
        );
        self.renew(old, &data);
        Some(())
    }

    pub fn renew(&mut self, old: String, data: &Value) {
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

pub fn document(name: &str, mark: &str) -> Value {
    let mut document: Value =
        serde_json::from_str(include_str!("../../../../benches/workloads/ema.json")).unwrap();
    document["strategy_name"] = name.into();
    document["description"] = mark.into();
    document
}

pub fn backtest(recording: &str, speed: f64) -> Value {
    json!({
        "session_type": "backtest",
        "strategy_config": {"strategies": ["ema"]},
        "config": {"session_id": recording, "acceleration_factor": speed},
    })
}
