//! What must hold of a whole life, computed from the journal, what was published and what the gateway was
//! sent.

use crate::books::Log;
use crate::events::Look;
use crate::exchange::{Exchange, FOREIGN};
use crate::journal::{Shared, World};
use crate::life::{session, with_strategies};
use crate::market::{contracts, table};
use crate::venue::{Watched, simulated};
use crate::{books, commands};
use arc_swap::ArcSwap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tradingd::domain::decision::{Decision, DecisionKind};
use tradingd::domain::order::{OrderEvent, Purpose};
use tradingd::domain::time::Timestamp;
use tradingd::session::driver::Driver;
use tradingd::session::gateway::{Gateway, Journaled};
use tradingd::session::inputs::Control;
use tradingd::session::replay::{JournalInputs, replay};
use tradingd::session::snapshot::Moment;

/// # Errors
/// What does not hold.
pub fn check(shared: &Shared, seed: u64) -> Result<(), String> {
    let world = shared.world();
    published(&world)?;
    orders(&world)?;
    settled(&world)?;
    switched_off(&world)?;
    tightened(&world)?;
    stopped(&world)?;
    commands::check(&world)?;
    let log = replayed(&world, seed)?;
    books::check(&world, &log, session(seed).initial_balance)
}

/// Everything that was published is durable, in the same order and once.
fn published(world: &World) -> Result<(), String> {
    if world.published.len() != world.events.len() {
        return Err(format!(
            "{} events were published, {} are durable",
            world.published.len(),
            world.events.len()
        ));
    }
    for (number, (published, event)) in world.published.iter().zip(&world.events).enumerate() {
        if *published != event.bytes {
            return Err(format!("event {number} was published otherwise than it is durable"));
        }
    }
    Ok(())
}

/// No order fills beyond its quantity, none fills that was not sent, and all that were recorded were sent.
fn orders(world: &World) -> Result<(), String> {
    let mut open: BTreeMap<u64, i64> = BTreeMap::new();
    for Decision { kind, .. } in decisions(world) {
        match kind {
            DecisionKind::Submitted { order, .. } if open.contains_key(&order.0) => {
                return Err(format!("order {} was submitted twice", order.0));
            }
            DecisionKind::Submitted { order, qty, .. } => _ = open.insert(order.0, qty.0),
            DecisionKind::Filled { order, qty, .. } => {
                let left =
                    open.get_mut(&order.0).ok_or_else(|| format!("order {} was never submitted", order.0))?;
                *left -= qty.0;
                if *left < 0 {
                    return Err(format!("order {} filled {} beyond its quantity", order.0, -*left));
                }
            }
            _ => {}
        }
    }
    if let Some(exchange) = &world.exchange {
        return executions(world, exchange);
    }
    match world.recorded.difference(&world.sent).next() {
        Some(order) => Err(format!("order {order} was recorded and never sent")),
        None => Ok(()),
    }
}

/// Of every order what the exchange said before its end was counted, once, and no more than it executed.
fn executions(world: &World, exchange: &Exchange) -> Result<(), String> {
    let mut counted: BTreeMap<u64, i64> = BTreeMap::new();
    for Decision { kind, .. } in decisions(world) {
        if let DecisionKind::Filled { order, qty, .. } = kind {
            *counted.entry(order.0).or_default() += qty.0;
        }
    }
    for (order, lots) in &counted {
        let executed = exchange.executed(*order);
        if *lots > executed {
            return Err(format!("{lots} lots of order {order} were counted, {executed} were executed"));
        }
    }
    for (order, lots) in said(world) {
        let counted = counted.get(&order).copied().unwrap_or(0);
        if lots != counted {
            return Err(format!("{counted} lots of order {order} were counted, the exchange said {lots}"));
        }
    }
    for Decision { kind, .. } in decisions(world) {
        if let DecisionKind::CancelSent { order } = kind
            && !exchange.was_asked_to_cancel(order.0)
        {
            return Err(format!("the cancellation of order {} was recorded and never sent", order.0));
        }
    }
    foreign(world)
}

/// Lots of every order that the exchange said before the order's end.
fn said(world: &World) -> BTreeMap<u64, i64> {
    let mut orders: BTreeMap<u64, (BTreeSet<u64>, i64)> = BTreeMap::new();
    let mut ended: BTreeSet<u64> = BTreeSet::new();
    for (_, control) in world.controls() {
        match control {
            Control::Answer(OrderEvent::Filled(fill))
                if fill.order.0 < FOREIGN && !ended.contains(&fill.order.0) =>
            {
                let (known, lots) = orders.entry(fill.order.0).or_default();
                *lots += if known.insert(fill.trade_id) { fill.qty.0 } else { 0 };
            }
            Control::Answer(OrderEvent::Done { order, .. } | OrderEvent::Rejected { order, .. }) => {
                ended.insert(order.0);
            }
            _ => {}
        }
    }
    orders.into_iter().map(|(order, (_, lots))| (order, lots)).collect()
}

/// A session on an exchange ends when it is stopped only behind the last execution of its orders, and one
/// that a limit ended has journaled what it waited for.
fn settled(world: &World) -> Result<(), String> {
    let was_stopped = world.controls().iter().any(|(_, control)| *control == Control::End);
    let unheard = world.exchange.as_ref().and_then(|exchange| exchange.unheard(&world.executions()));
    match unheard.filter(|_| was_stopped || world.is_settled) {
        Some(fill) => Err(format!("it ended and never heard of {fill:?}")),
        None => Ok(()),
    }
}

/// Behind an execution that no order of the session made, nothing is begun on its symbol, in this process or
/// another.
fn foreign(world: &World) -> Result<(), String> {
    let mut since: BTreeMap<u32, Timestamp> = BTreeMap::new();
    for (at, control) in world.controls() {
        if let Control::Answer(OrderEvent::Filled(fill)) = control
            && fill.order.0 >= FOREIGN
        {
            since.entry(fill.symbol.0).or_insert(at);
        }
    }
    let entry = decisions(world).find(|decision| {
        matches!(decision.kind, DecisionKind::Submitted { purpose: Purpose::Entry, .. })
            && since.get(&decision.symbol.0).is_some_and(|since| decision.at > *since)
    });
    entry.map_or(Ok(()), |entry| {
        let symbol = entry.symbol.0;
        Err(format!("an entry on symbol {symbol} at {} behind an execution that is not ours", entry.at))
    })
}

/// People are told of every execution that no order of the session made and that came before its end.
fn told(world: &World, ended: Timestamp) -> Result<(), String> {
    for (at, control) in world.controls().into_iter().filter(|(at, _)| *at <= ended) {
        if let Control::Answer(OrderEvent::Filled(fill)) = control
            && fill.order.0 >= FOREIGN
            && !world.alerts.iter().any(|(told, symbol)| *symbol == fill.symbol && *told >= at)
        {
            let (trade, symbol) = (fill.trade_id, fill.symbol.0);
            return Err(format!("nobody was told of execution {trade} on symbol {symbol} at {at}"));
        }
    }
    Ok(())
}

/// No entry is submitted on a symbol while it is switched off.
fn switched_off(world: &World) -> Result<(), String> {
    let controls = world.controls();
    let mut tables = controls.iter().filter_map(|(at, control)| match control {
        Control::SymbolTable { disabled, .. } => Some((*at, disabled)),
        _ => None,
    });
    let mut next = tables.next();
    let mut off: BTreeSet<&str> = BTreeSet::new();
    for decision in decisions(world) {
        while let Some((_, disabled)) = next.filter(|(at, _)| *at < decision.at) {
            off = disabled.iter().map(String::as_str).collect();
            next = tables.next();
        }
        let name = contracts().spec(decision.symbol).name.as_str();
        if matches!(decision.kind, DecisionKind::Submitted { purpose: Purpose::Entry, .. })
            && off.contains(name)
        {
            return Err(format!("an entry on {name} at {} although it is switched off", decision.at));
        }
    }
    Ok(())
}

/// From a tighter configuration on its symbols stay off, and no entry goes beyond its entries of a day.
fn tightened(world: &World) -> Result<(), String> {
    let mut off: BTreeSet<&str> = BTreeSet::new();
    let mut limits: Vec<(Timestamp, u32)> = Vec::new();
    let controls = world.controls();
    for (at, control) in &controls {
        match control {
            Control::Allowance(allowed) => {
                off.extend(allowed.disabled.iter().map(String::as_str));
                let entries = allowed.risk.as_ref().and_then(|risk| risk.trades_per_day);
                limits.extend(entries.map(|entries| (*at, entries)));
            }
            Control::SymbolTable { disabled, .. } => {
                if let Some(on) = off.iter().find(|name| !disabled.iter().any(|off| off == *name)) {
                    return Err(format!("{on} is on again at {at}"));
                }
            }
            _ => {}
        }
    }
    let mut entries: BTreeMap<i64, u32> = BTreeMap::new();
    let is_entry = |decision: &&Decision| {
        matches!(decision.kind, DecisionKind::Submitted { purpose: Purpose::Entry, .. })
    };
    for decision in decisions(world).filter(is_entry) {
        let today = entries.entry(decision.at.day_ended()).or_default();
        if let Some((_, limit)) = limits.iter().find(|(at, limit)| *at < decision.at && *today >= *limit) {
            return Err(format!(
                "an entry at {} behind {today} of the day, {limit} are allowed",
                decision.at
            ));
        }
        *today += 1;
    }
    Ok(())
}

/// Nothing is begun once a stop was acknowledged, in this process or another.
fn stopped(world: &World) -> Result<(), String> {
    let Some(stopped_at) = world.stopped_at else { return Ok(()) };
    let entry = decisions(world).find(|decision| {
        decision.at > stopped_at
            && matches!(decision.kind, DecisionKind::Submitted { purpose: Purpose::Entry, .. })
    });
    entry.map_or(Ok(()), |entry| {
        Err(format!("an entry at {}, although it was stopped at {stopped_at}", entry.at))
    })
}

/// What was decided and is durable.
pub fn decisions(world: &World) -> impl Iterator<Item = &Decision> {
    world.events.iter().filter_map(|event| event.decision())
}

/// The whole journal through one driver and a gateway that nobody tampers with gives the same events, and
/// ends. Returns what went through the gateway.
fn replayed(world: &World, seed: u64) -> Result<Log, String> {
    match world.exchange {
        None => replayed_over(world, simulated(seed), seed),
        Some(_) => replayed_over(world, Journaled, seed),
    }
}

fn replayed_over<G: Gateway>(world: &World, gateway: G, seed: u64) -> Result<Log, String> {
    let symbols = Arc::new(ArcSwap::from_pointee(table()));
    let mut log = Log::default();
    let gateway = Watched::new(gateway, log.clone());
    let mut driver = with_strategies(seed, |strategies| {
        Driver::over(Arc::clone(&symbols), strategies, session(seed), gateway)
    });
    let (mut feed, controls) = (world.feed(driver.table()), world.controls());
    let journal = JournalInputs::whole(&mut feed, &controls);
    let over =
        replay(&mut driver, &symbols, journal, &mut log, &mut |_, _, _| {}).map_err(|error| error.0)?;
    if !over {
        return Err("the journal does not end".to_owned());
    }
    let (table, at) = (driver.shared_table(), driver.progress().at);
    told(world, at)?;
    log.ends(Look::at(Moment { engine: driver.engine(), table: &table, at }));
    log.says_again(&world.events)?;
    Ok(log)
}
