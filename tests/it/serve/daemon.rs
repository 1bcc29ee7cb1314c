//! A daemon process per test: on a free port with a temporary state directory, killed on drop.

use super::answers;
use super::client::{Answer, Connection, Login};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// The password of every test user.
pub const PASSWORD: &str = "a password for tests";

/// A running daemon.
pub struct Daemon {
    child: Child,
    pub address: SocketAddr,
    pub folder: PathBuf,
    /// Its standard error output.
    pub log: Arc<Mutex<String>>,
    /// Setup code for the first admin, printed while there is no user.
    pub setup_code: Option<String>,
    _temporary: Option<tempfile::TempDir>,
}

/// A configuration for tests: a free port, no exchange, and rate limits that no test reaches by accident.
pub fn config() -> Value {
    json!({
        "http": {"listen": "127.0.0.1:0", "requests_per_second": 1_000_000, "request_burst": 1_000_000},
        "exchange": {"enabled": false},
    })
}

impl Daemon {
    /// Starts with [`config`].
    pub fn start() -> Self {
        Daemon::with(&config())
    }

    /// Starts with this configuration.
    pub fn with(config: &Value) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        std::fs::write(temporary.path().join("config.json"), config.to_string()).unwrap();
        let mut daemon = Daemon::at(temporary.path());
        daemon._temporary = Some(temporary);
        daemon
    }

    /// Starts in a folder that contains `config.json` and possibly the state of an earlier daemon.
    pub fn at(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tradingd"))
            .arg("run")
            .arg("--state")
            .arg(folder.join("state"))
            .arg("--config")
            .arg(folder.join("config.json"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (mut address, mut setup_code, mut seen) = (None, None, String::new());
        for line in lines.by_ref() {
            let line = line.unwrap();
            seen.push_str(&line);
            seen.push('\n');
            if let Some((_, url)) = line.split_once("tradingd listens on http://") {
                address = url.trim().parse().ok();
            }
            if let Some((_, code)) = line.split_once("setup code ") {
                setup_code = Some(code.trim().to_owned());
            }
            // The ready line is the last one of a start; a setup line comes before it.
            if line.contains("tradingd is ready") {
                break;
            }
        }
        let address = address.unwrap_or_else(|| panic!("the daemon did not start: {seen}"));
        let log = Arc::new(Mutex::new(seen));
        let sink = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut log = sink.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Daemon { child, address, folder: folder.to_owned(), log, setup_code, _temporary: None }
    }

    /// Opens a connection.
    pub fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// Sends one request on a new connection; the answer must be as documented.
    #[track_caller]
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        let answer = self
            .connect()
            .send(method, path, headers, body)
            .unwrap_or_else(|| panic!("{method} {path} was not answered"));
        answers::are_as_documented(method, path, &answer);
        answer
    }

    /// Sends one request with the token and CSRF token of a login.
    #[track_caller]
    pub fn ask_as(&self, login: &Login, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let bearer = format!("Bearer {}", login.access);
        let text = body.map(Value::to_string);
        let mut headers = vec![("Authorization", bearer.as_str()), ("X-CSRF-Token", login.csrf.as_str())];
        if text.is_some() {
            headers.push(("Content-Type", "application/json"));
        }
        self.ask(method, path, &headers, text.as_deref().map(str::as_bytes))
    }

    #[track_caller]
    fn logged_in(&self, answer: &Answer) -> Login {
        let data = answer.data();
        let access = data["access_token"].as_str().unwrap().to_owned();
        // The reference frontend needs an id of the user.
        assert!(
            data["user"]["user_id"].is_string() && data["user"]["user_id"] == data["user"]["username"],
            "{data}"
        );
        let cookie = format!("access_token={access}");
        let csrf = self.ask("GET", "/csrf-token", &[("Cookie", &cookie)], None).data()["token"]
            .as_str()
            .unwrap()
            .to_owned();
        Login { refresh: data["refresh_token"].as_str().unwrap().to_owned(), access, csrf, cookie }
    }

    /// Creates the first admin with the setup code and logs in.
    #[track_caller]
    pub fn admin(&self) -> Login {
        let code = self.setup_code.clone().expect("no user yet");
        let body = json!({"code": code, "username": "admin", "password": PASSWORD}).to_string();
        let answer = self.ask(
            "POST",
            "/api/v1/auth/setup",
            &[("Content-Type", "application/json")],
            Some(body.as_bytes()),
        );
        assert_eq!(answer.status, 201, "{}", answer.json());
        self.logged_in(&answer)
    }

    /// Creates a user named after `role` and logs in as that user.
    #[track_caller]
    pub fn user(&self, admin: &Login, role: &str) -> Login {
        let made = self.ask_as(
            admin,
            "POST",
            "/api/users",
            Some(&json!({"username": role, "password": PASSWORD, "role": role})),
        );
        assert_eq!(made.status, 201, "{}", made.json());
        self.log_in(role)
    }

    /// Logs in with [`PASSWORD`].
    #[track_caller]
    pub fn log_in(&self, name: &str) -> Login {
        let body = json!({"username": name, "password": PASSWORD}).to_string();
        let answer = self.ask(
            "POST",
            "/api/v1/auth/login",
            &[("Content-Type", "application/json")],
            Some(body.as_bytes()),
        );
        assert_eq!(answer.status, 200, "{}", answer.json());
        self.logged_in(&answer)
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.pid())).unwrap();
        statm.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4_096
    }

    /// Kills the process with SIGKILL and waits for its end.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        assert!(
            Command::new("kill")
                .arg(format!("-{name}"))
                .arg(self.pid().to_string())
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for the end of the process; returns its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Fails if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
