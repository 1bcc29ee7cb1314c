//! REST faults: rate limits, HTML pages, truncated answers, wrong clocks.

use super::exchange::{Answer, Stage, ok, refusal};
use crate::clock;
use crate::domain::time::Timestamp;
use crate::exchange::ExchangeError;
use crate::exchange::mexc::{Keys, Mexc, Settings};

#[test]
fn reads_are_tried_again_and_say_what_went_wrong() {
    let stage = Stage::new();
    let client = stage.client();
    let page = || Answer::Body(403, "<HTML>Access Denied".to_owned());
    let mut answers = [page(), Answer::Reset, ok("[]")].into_iter();
    stage.answer(move |_| answers.next().unwrap());
    assert_eq!(client.tickers().unwrap(), []);
    for (answer, expected) in [
        (page(), "403) cannot be used: it is a page: <HTML>Access Denied"),
        (Answer::Body(504, String::new()), "504) cannot be used: it is empty"),
        (Answer::Body(200, r#"{"success":true,"code":0,"data":[{"sym"#.to_owned()), "not whole JSON"),
        (Answer::Truncated(r#"{"success":true"#.to_owned()), "did not answer"),
        (Answer::Reset, "did not answer"),
        (
            Answer::Body(200, r#"{"code":500,"message":"maintenance"}"#.to_owned()),
            "refused with code 500: maintenance",
        ),
        (refusal(510), "too many calls"),
        (Answer::Body(429, "slow down".to_owned()), "too many calls"),
        (ok("7"), "neither a list nor an object"),
        (Answer::Body(200, r#"{"success":true,"code":0}"#.to_owned()), "no data"),
    ] {
        let before = stage.calls("/");
        stage.answer(move |_| answer.clone());
        // A fresh client each time: otherwise it would wait for the ban of the one before.
        let client = stage.client();
        let error = client.tickers().unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.is_temporary());
        assert_eq!(stage.calls("/") - before, 3, "three attempts: {error}");
    }
    stage.answer(|_| refusal(1001));
    let before = stage.calls("/");
    let error = client.contract("NOPE_USDT").unwrap_err();
    assert_eq!(
        (error.code(), error.is_temporary(), stage.calls("/") - before),
        (Some(1001), false, 1),
        "asked once: {error}"
    );
}

#[test]
fn an_answer_has_a_bound_and_a_time() {
    let mut stage = Stage::new();
    stage.settings.request_timeout_ms = 50;
    stage.settings.read_attempts = 1;
    stage.answer(|_| Answer::Silence);
    assert!(matches!(stage.client().tickers(), Err(ExchangeError::Unreachable { .. })));
    stage.settings.request_timeout_ms = 20_000;
    stage.answer(|_| Answer::Body(200, " ".repeat(crate::limits::EXCHANGE_BODY_BYTES + 1)));
    match stage.client().tickers() {
        Err(ExchangeError::Unreadable { reason, .. }) => assert!(reason.contains("larger than"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn throttling_stops_the_calls_for_a_while_and_ends_by_itself() {
    let stage = Stage::new();
    let client = stage.client();
    let mut left = 2;
    stage.answer(move |_| {
        left -= 1;
        if left >= 0 { refusal(510) } else { ok("[]") }
    });
    let begin = clock::Stopwatch::start();
    client.tickers().unwrap();
    assert!(begin.elapsed().nanos() >= 30_000_000 + 60_000_000, "30 ms, then 60 ms of silence");
    assert_eq!((client.health().throttled, client.health().requests), (2, 3));
}

#[test]
fn the_clock_of_the_exchange_is_measured() {
    let stage = Stage::new();
    let client = stage.client();
    assert_eq!(client.clock_offset(), None);
    stage.answer(|_| ok(&(clock::now().millis() + 15_000).to_string()));
    let offset = client.measure_clock().unwrap();
    assert_eq!(stage.calls("/api/v1/contract/ping"), 5);
    assert!((offset.offset_ns - 15_000_000_000).abs() <= 1_000_000 + offset.round_trip_ns, "{offset:?}");
    assert_eq!(client.clock_offset(), Some(offset));
}

fn header<'a>(headers: &'a str, name: &str) -> &'a str {
    let found = headers
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.unwrap_or_else(|| panic!("{name} in {headers}")).1
}

#[test]
fn a_signed_read_survives_a_wrong_clock() {
    let stage = Stage::new();
    let client = stage.client();
    let keys = Keys::new("test-access-key", "test-secret-key");
    let theirs = || clock::now().millis() - 15_000;
    let judge = keys.clone();
    stage.answer(move |seen| {
        if seen.target == "/api/v1/contract/ping" {
            return ok(&theirs().to_string());
        }
        let time: i64 = header(&seen.headers, "Request-Time").parse().unwrap();
        let expected = judge.signature(Timestamp::from_millis(time).unwrap(), "");
        if (header(&seen.headers, "ApiKey"), header(&seen.headers, "Signature")) != ("test-access-key", expected.as_str()) {
            return refusal(602);
        }
        if (time - theirs()).abs() > 10_000 {
            return refusal(513);
        }
        ok(r#"[{"currency":"USDT","positionMargin":0,"availableBalance":12.50,"cashBalance":1,"frozenBalance":0,"equity":13,"unrealized":0.5}]"#)
    });
    let assets = client.assets(&keys).unwrap();
    assert_eq!((assets[0].currency.as_str(), assets[0].available.to_string().as_str()), ("USDT", "12.5"));
    assert_eq!(stage.calls("/api/v1/private/account/assets"), 2);
    let wrong = client.assets(&Keys::new("test-access-key", "other")).unwrap_err();
    assert_eq!(wrong.code(), Some(602));
    assert!(!wrong.to_string().contains("other") && !wrong.to_string().contains("test-access-key"));
}

#[test]
fn keys_go_over_https_or_to_this_machine() {
    let of = |url: &str| Settings { rest_url: url.to_owned(), ..Settings::default() }.keeps_secrets();
    for url in ["https://api.mexc.com", "http://127.0.0.1:80", "http://localhost", "http://[::1]:9"] {
        assert!(of(url), "{url}");
    }
    for url in [
        "http://api.mexc.com",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example:80",
        "http://10.0.0.1",
        "http://",
    ] {
        assert!(!of(url), "{url}");
    }
}

#[test]
fn wrong_settings_are_refused_all_at_once() {
    let stage = Stage::new();
    let settings =
        Settings { rest_url: "ftp://x".to_owned(), ping_ms: 0, symbols_per_socket: 0, ..Settings::default() };
    let Err(ExchangeError::Settings(reason)) = Mexc::new(settings, stage.runtime.handle().clone()) else {
        panic!("refused")
    };
    for word in ["rest_url", "ping_ms", "symbols_per_socket"] {
        assert!(reason.contains(word), "{reason}");
    }
    assert_eq!(Settings::default().problems(), Vec::<String>::new());
}
