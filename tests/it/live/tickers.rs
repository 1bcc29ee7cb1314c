//! Symbols with prices: one exchange call for many requests, cached across restarts; stale prices rather than
//! none or zero.

use super::{Market, World};
use std::sync::Arc;
use tradingd::clock;
use tradingd::domain::time::Span;
use tradingd::exchange::mexc::{Mexc, Settings};
use tradingd::rehearsal::FaultKind;
use tradingd::service::market::{Scope, SymbolQuery};

fn all() -> SymbolQuery {
    SymbolQuery { scope: Scope::All, text: None }
}

#[test]
fn one_call_for_many_and_stale_rather_than_nothing() {
    let market = Market::new(5, 100, 6);
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), Some(market.client()));
    super::until("prices", || market.symbols.iter().all(|symbol| !market.exchange.deals(symbol).is_empty()));
    let config = world.service.settings.current();
    let asked = |path: &str| {
        market
            .exchange
            .look(|exchange| exchange.requests.iter().filter(|asked| asked.target.contains(path)).count())
    };
    let now = clock::now();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                assert_eq!(
                    world.service.market.symbols(&all(), &config, now).unwrap()["symbols"]
                        .as_array()
                        .unwrap()
                        .len(),
                    5
                )
            });
        }
    });
    assert_eq!(asked("/contract/ticker"), 1, "sixteen askers, one call");
    let first = world.service.market.symbols(&all(), &config, now).unwrap();
    crate::schema::openapi().fits_named("ExchangeSymbols", &first);
    assert_eq!(first["source"], "cache");
    let row = &first["symbols"][0];
    assert!(row["price"].as_f64().unwrap() > 0.0 && row["tradable"] == true && row["price_step"] == 0.01);
    let one = SymbolQuery { scope: Scope::All, text: Some("c3_".to_owned()) };
    assert_eq!(world.service.market.symbols(&one, &config, now).unwrap()["symbols"][0]["symbol"], "C3_USDT");
    let configured = SymbolQuery { scope: Scope::Configured, text: None };
    let configured = world.service.market.symbols(&configured, &config, now).unwrap();
    assert_eq!(configured["symbols"].as_array().unwrap().len(), 0);
    assert_eq!(configured["unavailable"][0]["symbol"], "BTC_USDT");
    // Five minutes later the exchange is unreachable.
    market.fault(FaultKind::Gateway, |fault| fault.for_ms = Some(600_000));
    let later = now + Span::from_seconds(301);
    let stale = world.service.market.symbols(&all(), &config, later).unwrap();
    assert_eq!((&stale["source"], &stale["as_of"]), (&"stale_cache".into(), &first["as_of"]));
    world.close();
    let world = World::open(folder.path(), None);
    let kept = world.service.market.symbols(&all(), &config, later).unwrap();
    assert_eq!(kept["source"], "stale_cache");
    assert_eq!(kept["symbols"], first["symbols"]);
    let fresh = tempfile::tempdir().unwrap();
    let world = World::open(fresh.path(), Some(market.client()));
    let refused = world.service.market.symbols(&all(), &config, later).unwrap_err();
    assert_eq!(refused.code, "exchange_unavailable");
}

#[test]
fn a_refusal_of_calls_is_seen_in_readiness_until_it_is_over() {
    let market = Market::new(2, 100, 7);
    let settings = Settings {
        rest_url: market.exchange.rest_url(),
        ws_url: market.exchange.ws_url(),
        throttle_ms: 10,
        ..Settings::default()
    };
    let client: Arc<Mexc> = Mexc::new(settings, market.runtime.handle().clone()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), Some(client));
    let status = || world.service.ready(clock::now())["exchange"].clone();
    assert_eq!(status()["status"], "not_asked");
    market.fault(FaultKind::Throttled, |fault| fault.times = Some(3));
    let refused = world.service.market.contracts(clock::now()).unwrap_err();
    assert_eq!(refused.code, "exchange_unavailable");
    let throttled = status();
    assert!(
        throttled["status"] == "throttled" && throttled["reason"].as_str().unwrap().contains("too frequent"),
        "{throttled}"
    );
    assert_eq!(
        world.service.market.contracts(clock::now()).unwrap_err().code,
        "exchange_unavailable",
        "asked a moment ago"
    );
    let later = clock::now() + Span::from_seconds(5);
    assert_eq!(world.service.market.contracts(later).unwrap().len(), 2, "the next call is served");
    assert_eq!((&status()["status"], &status()["reason"]), (&"not_asked".into(), &serde_json::Value::Null));
}
