//! Parses and validates `config.json`.

use super::check::check;
use super::{Config, Network};
use crate::domain::symbol_name;
use crate::json::{self, Bounds, at};
use crate::limits::{CONFIG_BYTES, CONFIG_JSON_DEPTH, CONFIG_PROBLEMS};
use crate::regular_file;
use serde::Serialize;
use serde_json::Value;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

/// One error of the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Problem {
    /// JSON pointer (RFC 6901); empty for the whole file.
    pub path: String,
    /// What is wrong and how to fix it, one sentence.
    pub problem: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.problem)
        } else {
            write!(f, "{}: {}", self.path, self.problem)
        }
    }
}

/// Reads a configuration file; of a file that is too large, only one byte more than allowed.
///
/// # Errors
/// The file is missing, not readable or not a regular file.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    regular_file::read(path, CONFIG_BYTES as u64)
}

/// Parses a configuration. Omitted fields have their defaults.
///
/// # Errors
/// All problems, at least one.
pub fn parse(bytes: &[u8]) -> Result<Config, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut report = |path: &str, problem: String| {
        if problems.len() < CONFIG_PROBLEMS {
            problems.push(Problem { path: path.to_owned(), problem });
        }
    };
    let value =
        json::read(bytes, Bounds { bytes: CONFIG_BYTES, depth: CONFIG_JSON_DEPTH }, &mut |path, problem| {
            report(path, explained(problem));
        });
    let config = value.and_then(|mut value| {
        check(&value, &mut report);
        if let Some(fields) = value.as_object_mut() {
            fields.shift_remove("$schema");
        }
        validate(&value, &mut report);
        serde_json::from_value::<Config>(value).ok()
    });
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => {
            if problems.is_empty() {
                problems.push(Problem {
                    path: String::new(),
                    problem: "cannot be read as a configuration".to_owned(),
                });
            }
            Err(problems)
        }
    }
}

/// Adds a hint to the error of a truncated file.
fn explained(problem: String) -> String {
    if problem.contains("EOF while parsing") {
        format!("{problem}; the file is incomplete; write it again")
    } else {
        problem
    }
}

/// Checks that the schema cannot express.
fn validate(value: &Value, report: &mut json::Report<'_>) {
    let text = |path: &str| value.pointer(path).and_then(Value::as_str);
    if let Some(listen) = text("/http/listen")
        && listen.parse::<SocketAddr>().is_err()
    {
        report(
            "/http/listen",
            format!("must be an IP address and a port like 127.0.0.1:8080 or [::1]:8080, but is {listen:?}"),
        );
    }
    let origin = |text: &str| {
        (!is_origin(text)).then(|| {
            "must be an origin like https://trade.example.org, with nothing after the port".to_owned()
        })
    };
    each(value, "/http/origins", report, origin);
    let proxy = |text: &str| {
        Network::parse(text)
            .is_none()
            .then(|| "must be an IP address or a network like 127.0.0.1 or 10.0.0.0/8".to_owned())
    };
    each(value, "/http/trusted_proxies", report, proxy);
    for list in ["/trading/default_symbols", "/trading/disabled_symbols"] {
        each(value, list, report, |text| {
            symbol_name::problem(text)
                .map(|problem| format!("must be a symbol like BTC_USDT; this {problem}"))
        });
    }
    for (path, schemes) in
        [("/exchange/rest_url", ["https://", "http://"]), ("/exchange/ws_url", ["wss://", "ws://"])]
    {
        let host =
            |text: &str| schemes.iter().find_map(|scheme| text.strip_prefix(scheme)).map(str::to_owned);
        if text(path).is_some_and(|text| {
            host(text).is_none_or(|host| host.is_empty() || host.contains(char::is_whitespace))
        }) {
            report(
                path,
                format!("must be an address that begins with {} and names a host", schemes.join(" or ")),
            );
        }
    }
    if text("/import/folder").is_some_and(|folder| folder.contains('\0')) {
        report("/import/folder", "must be the path of a folder".to_owned());
    }
    let is_prefix = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    if let Some(prefix) = text("/analytics/questdb/prefix")
        && !is_prefix(prefix)
    {
        let problem =
            format!("must begin with a-z and go on with a-z, 0-9 and _, like td_, but is {prefix:?}");
        report("/analytics/questdb/prefix", problem);
    }
    let defaults = super::Exchange::default();
    let milliseconds = |path: &str, default: u64| value.pointer(path).map_or(Some(default), Value::as_u64);
    let first = milliseconds("/exchange/reconnect_min_ms", defaults.reconnect_min_ms);
    let longest = milliseconds("/exchange/reconnect_max_ms", defaults.reconnect_max_ms);
    if let Some((first, longest)) = first.zip(longest).filter(|(first, longest)| longest < first) {
        let problem = format!("must be at least reconnect_min_ms, {first} (milliseconds), but is {longest}");
        report("/exchange/reconnect_max_ms", problem);
    }
    let defaults = super::Auth::default();
    let seconds =
        |path: &str, default: u32| value.pointer(path).map_or(Some(u64::from(default)), Value::as_u64);
    let access = seconds("/auth/access_ttl_s", defaults.access_ttl_s);
    let refresh = seconds("/auth/refresh_ttl_s", defaults.refresh_ttl_s);
    if let Some((access, refresh)) = access.zip(refresh).filter(|(access, refresh)| refresh < access) {
        report(
            "/auth/refresh_ttl_s",
            format!(
                "must be at least access_ttl_s, {access} (seconds), but is {refresh}: a login would end before it could be refreshed"
            ),
        );
    }
}

/// Validates every text of a list and reports duplicates.
fn each(value: &Value, path: &str, report: &mut json::Report<'_>, wrong: impl Fn(&str) -> Option<String>) {
    let texts: Vec<&str> = match value.pointer(path).and_then(Value::as_array) {
        Some(list) => list.iter().map(|item| item.as_str().unwrap_or_default()).collect(),
        None => return,
    };
    for (index, text) in texts.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
        if let Some(problem) = wrong(text) {
            report(&at(path, index), format!("{problem}, but is {text:?}"));
        } else if let Some(first) = texts[..index].iter().position(|other| other == text) {
            report(&at(path, index), format!("is the same as entry {first}; remove one"));
        }
    }
}

/// Scheme, host and optional port as browsers send them: lower case, no path.
fn is_origin(text: &str) -> bool {
    let Some(host) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    let (name, port) = match host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let named = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            (1..=253).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b))
        }
    };
    named
        && port.is_none_or(|port| {
            port.parse::<u16>().is_ok_and(|number| number > 0 && !port.starts_with(['+', '0']))
        })
}
