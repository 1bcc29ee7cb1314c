//! The exchange in one process: the same calls and seed give the same events.

use super::*;
use crate::rehearsal::simulated::{ClientInput, Simulated};

/// Trades a little under faults and returns every event.
fn run(seed: u64) -> Vec<(i64, ClientInput)> {
    let world = World::seeded(r#"{"settings": {"rate_limits": "off"}}"#, seed);
    let mut venue = Simulated::new(world.exchange, 5, BEGIN_MS + 10);
    let mut events = Vec::new();
    let socket = venue.connect().unwrap();
    let sign = signature("s", &format!("k{}", venue.now_ms()));
    let param = json!({"apiKey": "k", "reqTime": venue.now_ms().to_string(), "signature": sign});
    venue.say(socket, &json!({"method": "login", "param": param}).to_string());
    venue.say(socket, &json!({"method": "sub.depth", "param": {"symbol": "BTC_USDT"}}).to_string());
    for turn in 0..6 {
        let side = if turn % 2 == 0 { 1 } else { 4 };
        let body =
            json!({"symbol": "BTC_USDT", "side": side, "type": 5, "openType": 1, "vol": 3, "leverage": 20});
        let time = venue.now_ms().to_string();
        let headers = vec![
            ("apikey".to_owned(), "k".to_owned()),
            ("signature".to_owned(), signature("s", &format!("k{time}{body}"))),
            ("request-time".to_owned(), time),
            ("content-type".to_owned(), "application/json".to_owned()),
        ];
        if turn == 3 {
            let lost = super::super::Fault::parse(r#"{"fault": "reset_after", "path": "create"}"#).unwrap();
            venue.exchange.inject(lost).unwrap();
        }
        venue.ask(&request("POST", "/api/v1/private/order/create", "", headers, &body.to_string()));
        events.extend(venue.advance(venue.now_ms() + 300));
    }
    venue.exchange.inject(super::super::Fault::parse(r#"{"fault": "going_away"}"#).unwrap()).unwrap();
    events.extend(venue.advance(venue.now_ms() + 100));
    assert_eq!(venue.exchange.trading.accounts[0].fills.len(), 6);
    events
}

#[test]
fn a_seed_gives_the_same_events_in_order_of_time() {
    let events = run(7);
    assert_eq!(events, run(7));
    assert_ne!(events, run(8));
    assert!(events.is_sorted_by_key(|(at_ms, _)| *at_ms));
    let answers = events.iter().filter(|(_, event)| matches!(event, ClientInput::Answer { .. })).count();
    let lost: Vec<&ClientInput> = events
        .iter()
        .map(|(_, event)| event)
        .filter(|event| matches!(event, ClientInput::Reset { .. }))
        .collect();
    assert_eq!((answers, lost), (5, vec![&ClientInput::Reset { call: 4 }]));
    let is_deal = |text: &str| text.contains("push.personal.order.deal");
    let deals =
        events.iter().filter(|(_, event)| matches!(event, ClientInput::Text { text, .. } if is_deal(text)));
    assert_eq!(deals.count(), 6);
    assert!(matches!(events.last(), Some((_, ClientInput::Closed { code: Some(1001), .. }))));
}

#[test]
fn a_dropped_socket_says_so_and_a_frozen_one_is_silent() {
    let world = World::new(PLAIN);
    let mut venue = Simulated::new(world.exchange, 5, BEGIN_MS + 10);
    let first = venue.connect().unwrap();
    let second = venue.connect().unwrap();
    let told = |venue: &mut Simulated, kind: &str, socket: u64| {
        let text = format!("{{\"fault\": \"{kind}\", \"count\": {socket}}}");
        venue.exchange.inject(super::super::Fault::parse(&text).unwrap()).unwrap();
        venue.advance(venue.now_ms() + 10)
    };
    let events = told(&mut venue, "disconnect", first);
    assert_eq!(
        events.iter().map(|(_, event)| event.clone()).collect::<Vec<_>>(),
        [ClientInput::Closed { socket: first, code: None }]
    );
    assert_eq!(told(&mut venue, "half_open", second), []);
    let third = venue.connect().unwrap();
    venue.disconnect(third);
    assert_eq!(told(&mut venue, "disconnect", third), []);
}
