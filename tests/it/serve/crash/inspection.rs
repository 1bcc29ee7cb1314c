//! Checks after a restart: every acknowledged change exists; a change in doubt exists completely or not at
//! all.

use super::traffic::{Client, Doubt, Keyed, Session, Strategy, Wire, document, expect, text};
use crate::serve::client::{Answer, Login};
use crate::serve::daemon::Daemon;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Strategies and users that the daemon lists after a restart.
pub struct World {
    strategies: BTreeMap<String, (String, Strategy)>,
    users: BTreeMap<String, Value>,
}

impl World {
    pub fn of(daemon: &Daemon, admin: &Login) -> World {
        let list = |path: &str, name: &str| {
            expect(&daemon.ask_as(admin, "GET", path, None), 200, path)[name].as_array().unwrap().clone()
        };
        let strategy = |one: &Value| {
            let kept =
                Strategy { version: one["version"].as_u64().unwrap(), mark: text(&one["description"]) };
            (text(&one["id"]), (text(&one["strategy_name"]), kept))
        };
        for state in ["starting", "running", "stopping"] {
            assert_eq!(
                list(&format!("/sessions?status={state}"), "sessions"),
                [Value::Null; 0],
                "nothing runs after a restart"
            );
        }
        World {
            strategies: list("/api/strategies", "strategies").iter().map(strategy).collect(),
            users: list("/api/users", "users")
                .iter()
                .map(|user| (text(&user["username"]), user.clone()))
                .collect(),
        }
    }

    fn account(&self, name: &str) -> Option<(&str, bool)> {
        self.users.get(name).map(|user| (user["role"].as_str().unwrap(), user["disabled"].as_bool().unwrap()))
    }
}

impl Client {
    pub fn inspect(&mut self, daemon: &Daemon, world: &World) {
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
                if let Some((id, (_, found))) = world.strategies.iter().find(|(_, (known, _))| known == name)
                {
                    assert_eq!(
                        *found,
                        Strategy { version: 1, mark: mark.clone() },
                        "{id} is not what was sent"
                    );
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
        assert_eq!(
            found, self.strategies,
            "strategies of client {} (left: found, right: acknowledged); in doubt: {doubt:?}",
            self.number
        );
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
        let found: Vec<_> = world
            .users
            .keys()
            .filter(|name| name.starts_with(&own))
            .map(|name| (name, world.account(name)))
            .collect();
        let known: Vec<_> =
            self.users.iter().map(|(name, account)| (name, Some((account.role, account.disabled)))).collect();
        assert_eq!(
            found, known,
            "users of client {} (left: found, right: acknowledged); in doubt: {doubt:?}",
            self.number
        );
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
            Some(used) if self.entropy.place(3) == 0 => {
                let answer = renewal(wire, &used);
                assert_eq!(
                    (answer.status, answer.code()),
                    (401, "refresh_reused".to_owned()),
                    "a used refresh token works again"
                );
                self.tally.rotated_refused += 1;
                self.end_login(wire);
            }
            _ => {
                let data = expect(&renewal(wire, &login.refresh), 200, "the newest refresh token");
                self.renew(login.refresh, &data);
            }
        }
    }

    /// The daemon has ended the login: both tokens must be refused.
    fn end_login(&mut self, wire: &mut Wire) {
        let login = self.login.take().unwrap();
        assert_eq!(status_of(wire, &login), 401);
        assert_eq!(renewal(wire, &login.refresh).status, 401);
        self.ended.push(login);
    }

    fn inspect_sessions(&mut self, wire: &mut Wire) {
        for (id, known) in std::mem::take(&mut self.sessions) {
            let mut ask = |method: &str, path: &str, body: Option<&Value>| {
                wire.send(self.login.as_ref(), method, path, None, body).unwrap()
            };
            let shown = expect(&ask("GET", &format!("/sessions/{id}"), None), 200, "session");
            let (status, orphaned) =
                (shown["status"].as_str().unwrap(), shown["was_orphaned"].as_bool().unwrap());
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
                assert!(
                    shown["error_message"].as_str().is_some_and(|why| !why.is_empty())
                        && !shown["ended_at"].is_null(),
                    "{shown}"
                );
                let closed = expect(&ask("POST", "/sessions/stop", Some(&stop)), 200, "stop of an orphan");
                assert_eq!(
                    closed,
                    json!({"status": "session_stopped", "data": {"session_id": id, "was_orphaned": true}, "session_id": id})
                );
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
        let other = wire
            .send(login, "POST", "/api/strategies", Some(key), Some(&document("other", "other")))
            .unwrap();
        assert_eq!((other.status, other.code()), (409, "idempotency_key_reused".to_owned()));
        self.tally.replays += 1;
    }

    fn inspect_one_strategy(&mut self, wire: &mut Wire) {
        if let Some(id) = self.deleted.iter().nth(self.entropy.place(self.deleted.len().max(1))) {
            let gone =
                wire.send(self.login.as_ref(), "GET", &format!("/api/strategies/{id}"), None, None).unwrap();
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
