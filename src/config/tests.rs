//! Tests of valid and invalid files, the schema, the table of effects and the file watch.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/config.json");

fn problems(text: &[u8]) -> String {
    let problems = parse(text).unwrap_err();
    assert!(!problems.is_empty());
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn nothing_said_is_the_default_and_null_is_off() {
    assert_eq!(parse(b"{}"), Ok(Config::default()));
    let config = parse(br#"{"trading": {"risk": {"daily_loss_pct": null, "trades_per_day": 5}}}"#).unwrap();
    assert_eq!((config.trading.risk.daily_loss_pct, config.trading.risk.trades_per_day), (None, Some(5)));
    assert_eq!(config.trading.risk.max_position_pct, Some(10.0));
}

#[test]
fn the_shipped_file_says_every_default() {
    let text = std::fs::read(SHIPPED).unwrap();
    assert_eq!(parse(&text), Ok(Config::default()));
    let written: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(written["$schema"], "../schema/config.schema.json");
    for (path, _) in EFFECTS {
        assert!(written.pointer(path).is_some(), "{path} is not in config/config.json");
    }
}

#[test]
fn everything_that_is_wrong_is_said_with_its_place() {
    let text = br#"{
        "htp": {}, "http": {"listen": "localhost:80", "origins": ["https://a.example/", "*", "https://a.example", "https://a.example"],
        "trusted_proxies": ["10.0.0.0/8", "10.0.0.0/33"], "max_connections": 0, "requests_per_second": "many", "body_timeout_ms": 1.5},
        "auth": {"access_ttl_s": 900, "refresh_ttl_s": 600},
        "trading": {"default_symbols": ["btc usdt", "BTC_USDT", "BTC_USDT", 7], "fees": {"maker_pct": 1e3}, "risk": {"max_leverge": 3}},
        "log": {"level": "infos", "level": "info"}, "limits": []
    }"#;
    let said = problems(text);
    for part in [
        "/log/level: this field is given twice",
        "/htp: there is no such field; did you mean \"http\"?",
        "/http/listen: must be an IP address and a port",
        "/http/origins/0: must be an origin",
        "/http/origins/1: must be an origin",
        "/http/origins/3: is the same as entry 2",
        "/http/trusted_proxies/1: must be an IP address or a network",
        "/http/max_connections: must be a whole number from 1 to 100000, but is 0",
        "/http/requests_per_second: must be a whole number from 1 to 1000000, but is \"many\"",
        "/http/body_timeout_ms: must be a whole number from 100 to 600000 (milliseconds), but is 1.5",
        "/auth/refresh_ttl_s: must be at least access_ttl_s, 900 (seconds), but is 600",
        "/trading/default_symbols/0: must be a symbol like BTC_USDT",
        "/trading/default_symbols/2: is the same as entry 1",
        "/trading/default_symbols/3: must be a string of 1 to 64 characters, but is 7",
        "/trading/fees/maker_pct: must be a number from -1 to 10 (percent), but is 1000",
        "/trading/risk/max_leverge: there is no such field; did you mean \"max_leverage\"?",
        "/log/level: must be one of error, warn, info, debug, but is \"infos\"; did you mean \"info\"?",
        "/limits: must be an object, but is a list",
    ] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
    assert_eq!(said.lines().count(), 18, "{said}");
}

#[test]
fn files_that_are_none_are_said_to_be() {
    for (text, part) in [
        (&b""[..], "the document is empty"),
        (b"\xEF\xBB\xBF", "the document is empty"),
        (b"{\"http\": {\"listen\": \"127", "the file is incomplete"),
        (b"[]", "must be an object, but is a list"),
        (b"null", "must be an object, but is null"),
        (b"{} {}", "trailing characters"),
        (b"\xFF\xFE{\x00}\x00", "UTF-16"),
        ("[".repeat(10_000).as_bytes(), "nested deeper than 16 levels"),
        (&[b' '; crate::limits::CONFIG_BYTES + 1], "at most 262144 are read"),
        (b"{\"http\": {\"max_connections\": 99999999999999999999}}", "must be"),
        (b"{\"trading\": {\"fees\": {\"maker_pct\": NaN}}}", "not JSON"),
    ] {
        assert!(problems(text).contains(part), "{part:?} is not in {:?}", problems(text));
    }
    assert_eq!(parse(b"\xEF\xBB\xBF{}"), Ok(Config::default()));
    let many: Vec<String> = (0..1_000).map(|n| format!("\"field{n}\": 1")).collect();
    assert_eq!(
        parse(format!("{{{}}}", many.join(",")).as_bytes()).unwrap_err().len(),
        crate::limits::CONFIG_PROBLEMS
    );
}

/// Regenerate the file with `TRADINGD_UPDATE=1 cargo test --lib config_schema_file`.
#[test]
fn the_config_schema_file_is_that_of_the_types() {
    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/config.schema.json");
    let fresh = serde_json::to_string_pretty(schema()).unwrap() + "\n";
    if std::env::var_os("TRADINGD_UPDATE").is_some() {
        std::fs::write(PATH, &fresh).unwrap();
    }
    let written = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(
        written == fresh,
        "schema/config.schema.json is old: run TRADINGD_UPDATE=1 cargo test --lib config_schema_file"
    );
}

/// Every field of the schema that is not an object, with its description.
fn leaves(node: &Value, path: &str, into: &mut Vec<(String, String)>) {
    for (name, field) in node["properties"].as_object().unwrap() {
        let path = format!("{path}/{name}");
        let about = field["description"].as_str().unwrap_or_default().to_owned();
        let target = field["$ref"].as_str().map(|reference| schema().pointer(&reference[1..]).unwrap());
        match target.filter(|target| target["properties"].is_object()) {
            Some(object) => leaves(object, &path, into),
            None => into.push((path, about)),
        }
    }
}

#[test]
fn every_field_has_a_row_and_says_when_it_takes_effect() {
    let mut found = Vec::new();
    leaves(schema(), "", &mut found);
    found.retain(|(path, _)| path != "/$schema");
    let rows: BTreeSet<&str> = EFFECTS.iter().map(|(path, _)| *path).collect();
    assert_eq!(rows, found.iter().map(|(path, _)| path.as_str()).collect());
    assert_eq!(rows.len(), EFFECTS.len());
    for (path, about) in &found {
        let (_, takes_effect) = EFFECTS.iter().find(|(row, _)| row == path).unwrap();
        let said = match takes_effect {
            TakesEffect::AtOnce => "Takes effect at once",
            TakesEffect::NextSession => "Next session",
            TakesEffect::Restart => "Restart",
            TakesEffect::TighterAtOnce => "Tighter at once",
        };
        assert!(about.contains(said), "{path} does not say {said}: {about:?}");
    }
}

/// The problems of a file with one field that has this value.
fn problems_of(path: &str, value: &Value) -> String {
    let wrap = |inner: Value, name: &str| json!({ name: inner });
    let document = path[1..].rsplit('/').fold(value.clone(), wrap);
    problems(document.to_string().as_bytes())
}

/// Every refusal of a field names it and says what it must be: range and unit of a number, length of a text
/// or list, words.
#[test]
fn every_refusal_names_the_field_its_range_and_its_unit() {
    let units = [
        ("_ms", "(milliseconds)"),
        ("_s", "(seconds)"),
        ("_days", "(days)"),
        ("_mib", "(MiB)"),
        ("_pct", "(percent)"),
        ("_cap", "(USDT)"),
    ];
    for (path, _) in EFFECTS {
        let field = schema_of(path);
        let is = |word: &str| field["type"] == word || field["type"][0] == word;
        let bounds = |low: &str, high: &str| [field[low].clone(), field[high].clone()];
        let (wrong, needed) = if is("integer") || is("number") {
            let [low, high] = bounds("minimum", "maximum").map(|bound| bound.as_f64().unwrap());
            let wrong = vec![json!(low - 1.0), json!(high + 1.0), json!("x"), json!([])];
            (wrong, vec![format!("from {low} to {high}")])
        } else if is("string") {
            let [_, high] = bounds("minLength", "maxLength").map(|bound| bound.as_u64().unwrap());
            (vec![json!("x".repeat(high as usize + 1)), json!(1)], vec![format!("to {high} characters")])
        } else if is("array") {
            let high = field["maxItems"].as_u64().unwrap();
            let many: Vec<String> = (0..=high).map(|number| format!("A{number}_USDT")).collect();
            (vec![json!(many), json!(1)], vec![format!("at most {high} entries")])
        } else if is("boolean") {
            (vec![json!(1)], vec!["true or false".to_owned()])
        } else {
            let words = field["oneOf"].as_array().unwrap().iter();
            let words: Vec<&str> = words.map(|word| word["const"].as_str().unwrap()).collect();
            (vec![json!("x"), json!(1)], vec![format!("one of {}", words.join(", "))])
        };
        let unit = units.iter().find(|(end, _)| path.ends_with(end)).map(|(_, unit)| (*unit).to_owned());
        for value in wrong {
            let said = problems_of(path, &value);
            let line = said.lines().find(|line| line.starts_with(&format!("{path}: must ")));
            let line = line.unwrap_or_else(|| panic!("{path}: {said}"));
            for part in needed.iter().chain(&unit) {
                assert!(line.contains(part), "{part:?} is not in {line}");
            }
            assert!(line.contains(", but is ") || line.contains(", but has "), "{line}");
        }
    }
}

/// The schema of a field.
fn schema_of(path: &str) -> &'static Value {
    path[1..].split('/').fold(schema(), |node, name| {
        let field = &node["properties"][name];
        field["$ref"].as_str().map_or(field, |reference| schema().pointer(&reference[1..]).unwrap())
    })
}

#[test]
fn differences_name_the_field_and_restarts_keep_what_runs() {
    let running = Config::default();
    assert_eq!(diff(&running, &running), []);
    let mut new = running.clone();
    new.http.listen = "0.0.0.0:9090".to_owned();
    new.trading.default_symbols.pop();
    new.trading.risk.daily_loss_pct = None;
    let changes = diff(&running, &new);
    let rows: Vec<_> =
        changes.iter().map(|change| (change.path, change.takes_effect, change.new.clone())).collect();
    assert_eq!(
        rows,
        [
            ("/http/listen", TakesEffect::Restart, json!("0.0.0.0:9090")),
            ("/trading/default_symbols", TakesEffect::AtOnce, json!(["BTC_USDT", "ETH_USDT"])),
            ("/trading/risk/daily_loss_pct", TakesEffect::NextSession, Value::Null),
        ]
    );
    let effect = |change: &dyn Fn(&mut Config)| {
        let mut new = running.clone();
        change(&mut new);
        let back = diff(&new, &running)[0].takes_effect;
        (diff(&running, &new)[0].takes_effect, back)
    };
    let tighter = (TakesEffect::AtOnce, TakesEffect::NextSession);
    assert_eq!(effect(&|new| new.trading.risk.max_leverage = 2), tighter);
    assert_eq!(effect(&|new| new.trading.risk.loss_pause_s = 7_200), tighter);
    assert_eq!(effect(&|new| new.trading.risk.min_liquidation_to_stop = Some(3.0)), tighter);
    assert_eq!(effect(&|new| new.trading.disabled_symbols = vec!["A_USDT".to_owned()]), tighter);
    let (looser, back) = effect(&|new| new.trading.live.symbols = vec!["A_USDT".to_owned()]);
    assert_eq!((back, looser), tighter);
    let (looser, back) = effect(&|new| new.trading.live.enabled = true);
    assert_eq!((back, looser), tighter);
    let (looser, back) = effect(&|new| new.trading.live.account_cap = Some(5.0));
    assert_eq!((back, looser), tighter, "without a cap nothing may be begun");
    let (looser, back) = effect(&|new| new.trading.risk.exclusive_symbols = false);
    assert_eq!((back, looser), tighter);
    let kept = keep_running(&running, &new);
    assert_eq!(kept.http.listen, running.http.listen);
    assert_eq!(kept.trading, new.trading);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_what_is_read_reads_again(bytes in prop::collection::vec(any::<u8>(), 0..64), cut in 0_usize..3_000) {
        let _ = parse(&bytes);
        let shipped = std::fs::read(SHIPPED).unwrap();
        let end = cut.min(shipped.len());
        let whole = shipped[end..].iter().all(u8::is_ascii_whitespace);
        prop_assert_eq!(parse(&shipped[..end]).is_ok(), whole);
        let text = serde_json::to_vec(&Config::default()).unwrap();
        prop_assert_eq!(parse(&text), Ok(Config::default()));
    }
}

struct Watched {
    folder: tempfile::TempDir,
    path: PathBuf,
    seen: Receiver<Content>,
    watch: Watch,
}

impl Watched {
    fn new(make: impl FnOnce(&Path) -> PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = make(folder.path());
        let (send, seen) = channel();
        let watch =
            Watch::start(&path, Content::of(&path), move |content| send.send(content).unwrap()).unwrap();
        assert_eq!(watch.problem(), None);
        Watched { folder, path, seen, watch }
    }

    fn file() -> Self {
        Watched::new(|folder| {
            let path = folder.join("config.json");
            std::fs::write(&path, "{}").unwrap();
            path
        })
    }

    #[track_caller]
    fn sees(&self, text: &str) {
        let seen = self.seen.recv_timeout(Duration::from_secs(10)).expect("a change is seen");
        assert_eq!(seen, Content::Bytes(text.as_bytes().to_vec()));
    }
}

const ONE: &str = r#"{"limits": {"max_sessions": 1}}"#;
const TWO: &str = r#"{"limits": {"max_sessions": 2}}"#;

#[test]
fn a_file_is_seen_however_it_is_written() {
    let watched = Watched::file();
    std::fs::write(&watched.path, ONE).unwrap();
    watched.sees(ONE);
    for text in [TWO, ONE] {
        let beside = watched.folder.path().join("config.json.new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(&beside, &watched.path).unwrap();
        watched.sees(text);
    }
    // Truncated first and written a moment later: the empty file must not be reported.
    let mut file = std::fs::File::create(&watched.path).unwrap();
    std::io::Write::write_all(&mut file, TWO.as_bytes()).unwrap();
    drop(file);
    watched.sees(TWO);
    std::fs::remove_file(&watched.path).unwrap();
    assert!(matches!(watched.seen.recv_timeout(Duration::from_secs(10)), Ok(Content::Unreadable(_))));
    std::fs::write(&watched.path, TWO).unwrap();
    watched.sees(TWO);
    std::fs::write(&watched.path, "{").unwrap();
    watched.sees("{");
    watched.watch.poke();
    watched.sees("{");
    drop(watched.watch);
    assert!(watched.seen.recv().is_err(), "nothing more is said after the end");
}

#[test]
fn a_file_in_a_folder_that_is_made_later_is_seen() {
    let watched = Watched::new(|folder| folder.join("config").join("config.json"));
    std::fs::create_dir(watched.path.parent().unwrap()).unwrap();
    std::fs::write(&watched.path, ONE).unwrap();
    watched.sees(ONE);
}

#[test]
fn a_link_to_elsewhere_is_seen() {
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("real.json");
    std::fs::write(&target, "{}").unwrap();
    let watched = Watched::new(|folder| {
        let path = folder.join("config.json");
        std::os::unix::fs::symlink(&target, &path).unwrap();
        path
    });
    std::fs::write(&target, ONE).unwrap();
    watched.sees(ONE);
}

#[test]
fn what_is_no_file_is_said_not_to_be() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Content::of(folder.path()), Content::Unreadable(why) if why.contains("not a file")));
    assert!(
        matches!(Content::of(&folder.path().join("none")), Content::Unreadable(why) if why.contains("cannot be read"))
    );
}
