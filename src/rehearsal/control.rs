//! The control port: faults, true state and request log over HTTP, for tests in any language.

use super::exchange::Exchange;
use super::faults::Fault;
use super::market::Market;
use super::rest::{Reply, Request};
use super::shared::Shared;
use super::trading::account::TraderAccount;
use super::trading::order::{Hold, Order};
use super::trading::{show, triggers};
use super::wire::{Object, list};
use crate::domain::order::Side;
use std::collections::BTreeSet;

/// Answers a request to the control port.
pub fn answer(shared: &Shared, request: &Request) -> Reply {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/truth") => Reply::json(200, truth(&shared.lock())),
        ("GET", "/requests") => {
            let after = request.parameter("after").and_then(|text| text.parse().ok()).unwrap_or(0);
            Reply::json(200, shared.lock().requests.text(after))
        }
        ("POST", "/fault") => {
            let text = String::from_utf8_lossy(&request.body);
            match Fault::parse(&text).and_then(|fault| shared.lock().inject(fault)) {
                Ok(()) => Reply::json(200, "{}"),
                Err(problem) => Reply::json(422, Object::new().text("error", &problem).end()),
            }
        }
        ("POST", "/calm") => {
            shared.lock().calm();
            Reply::json(200, "{}")
        }
        ("POST", "/pause") => {
            shared.pause();
            Reply::json(200, "{}")
        }
        ("POST", "/resume") => {
            shared.resume();
            Reply::json(200, "{}")
        }
        _ => Reply::json(
            404,
            "{\"error\":\"GET /truth, GET /requests?after=N, POST /fault, POST /calm, POST /pause, POST /resume\"}",
        ),
    }
}

/// The exchange's state: books with versions, accounts, faults, numbers of deals and frames.
pub fn truth(exchange: &Exchange) -> String {
    let markets = (0..exchange.markets.len())
        .map(|index| market(&exchange.markets[index], exchange.deals.counts[index]));
    let sockets =
        Object::new().put("open", exchange.sockets.ids().len()).put("frames", exchange.sockets.frames);
    Object::new()
        .put("now_ms", exchange.now_ms())
        .raw("markets", &list(markets))
        .raw("accounts", &list(exchange.trading.accounts.iter().map(|owner| account(owner, exchange))))
        .raw("faults", &exchange.faults.text())
        .raw("sockets", &sockets.put("slow", exchange.sockets.slow).end())
        .end()
}

/// Balance with its ledger, positions and their stops, orders, triggers.
fn account(account: &TraderAccount, exchange: &Exchange) -> String {
    let coins =
        account.ledger_of_coins.iter().fold(Object::new(), |object, (coin, amount)| object.put(coin, amount));
    let plans = account
        .plans
        .values()
        .map(|plan| triggers::plan(&exchange.markets[plan.new.symbol], plan, account.mode));
    let stops = account.stops.values().map(|stop| {
        let held = account.held(stop.symbol, stop.hold);
        triggers::stop(&exchange.markets[stop.symbol], stop, held)
    });
    let ledger = account.ledger;
    let sums = Object::new()
        .put("deposits", ledger.deposits)
        .put("profit", ledger.profit)
        .put("fees", ledger.fees)
        .put("funding", ledger.funding);
    let positions = account
        .positions
        .values()
        .map(|position| show::position(&exchange.markets[position.symbol], account, position, false));
    Object::new()
        .text("key", &account.key)
        .put("balance", account.balance)
        .raw("ledger", &sums.put("balance", ledger.balance()).end())
        .put("unrealized", show::unrealised(account, &exchange.markets))
        .put("open_orders", account.open.len())
        .put("fills", account.fills.len())
        .raw("positions", &list(positions))
        .raw("fees_in_coins", &coins.end())
        .raw("sides", &sides(account, exchange))
        .raw("orders", &list(account.open.values().chain(&account.ended).map(|order| brief(order, exchange))))
        .raw("plans", &list(plans))
        .raw("stops", &list(stops))
        .end()
}

/// What identifies an order, and how far it has come.
fn brief(order: &Order, exchange: &Exchange) -> String {
    let market = &exchange.markets[order.new.symbol];
    Object::new()
        .text("externalOid", &order.new.external)
        .text("orderId", &order.id.to_string())
        .text("symbol", &market.contract.symbol)
        .put("side", order.new.side)
        .put("vol", market.contracts(order.new.qty))
        .put("dealVol", market.contracts(order.filled))
        .put("state", order.state)
        .put("category", order.category)
        .end()
}

/// Position and resident stops of every side that is or was held, and when stops did not cover it.
fn sides(account: &TraderAccount, exchange: &Exchange) -> String {
    let ended = account.bare_ended.iter().map(|bare| (bare.symbol, bare.hold));
    let known: BTreeSet<(usize, Hold)> = account.positions.keys().copied().chain(ended).collect();
    let side = |(symbol, hold): (usize, Hold)| {
        let market = &exchange.markets[symbol];
        let bare = account.bare_ended.iter().filter(|bare| (bare.symbol, bare.hold) == (symbol, hold));
        let object = Object::new()
            .text("symbol", &market.contract.symbol)
            .put("positionType", hold.number())
            .put("position", market.contracts(account.held(symbol, hold)))
            .put("resident_stop", market.contracts(account.guarded(symbol, hold)));
        let object = match account.bare.get(&(symbol, hold)) {
            Some(since_ms) => object.put("bare_since_ms", since_ms),
            None => object.null("bare_since_ms"),
        };
        object.raw("bare", &list(bare.map(|bare| format!("[{},{}]", bare.from_ms, bare.to_ms)))).end()
    };
    list(known.into_iter().map(side))
}

fn market(market: &Market, deals: u64) -> String {
    let side = |side: Side| {
        list(
            market
                .ladder
                .side(side)
                .map(|(price, qty)| format!("[{},{}]", market.price_decimal(price), market.contracts(qty))),
        )
    };
    Object::new()
        .text("symbol", &market.contract.symbol)
        .put("version", market.version)
        .maybe("last", market.last.map(|price| market.price_decimal(price)))
        .raw("bids", &side(Side::Buy))
        .raw("asks", &side(Side::Sell))
        .put("deals", deals)
        .end()
}
