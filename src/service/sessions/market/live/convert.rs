//! What the exchange says, in the ticks and lots of the session's symbols, and the other way round.
//!
//! Invariant: nothing is rounded; what does not fit the terms is an error.

use crate::domain::decimal::Decimal;
use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::{Liquidity, OrderKind, OrderRequest, Purpose, Side};
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::exchange::mexc::request::account::Margin;
use crate::exchange::mexc::request::order::{NewOrder, OrderType};
use crate::exchange::mexc::{
    Effect, Execution, ExecutionCause, HeldPosition, OrderState, PlacedOrder, ResidentStop,
};
use crate::session::live::{
    ExecutionFact, MadeBy, OrderFact, OrderFactState, PositionFact, PositionKey, StopFact, StopPrice,
};

/// The symbol of a name; `None`: none of the session's.
pub(super) fn symbol(table: &SymbolTable, name: &str) -> Option<SymbolId> {
    table.iter().find(|(_, spec)| spec.name == name).map(|(id, _)| id)
}

/// An order as the exchange takes it.
pub(super) fn new_order(table: &SymbolTable, order: &OrderRequest, client: &str) -> NewOrder {
    let spec = table.spec(order.symbol);
    let opens = order.purpose == Purpose::Entry;
    let effect = match (order.side, opens) {
        (Side::Buy, true) => Effect::OpenLong,
        (Side::Buy, false) => Effect::CloseShort,
        (Side::Sell, true) => Effect::OpenShort,
        (Side::Sell, false) => Effect::CloseLong,
    };
    let (kind, price) = match order.kind {
        OrderKind::Market => (OrderType::Market, None),
        OrderKind::LimitIoc(price) => (OrderType::ImmediateOrCancel, Some(price)),
        OrderKind::Limit(price) => (OrderType::Limit, Some(price)),
    };
    NewOrder {
        symbol: spec.name.clone(),
        effect,
        kind,
        margin: Margin::Isolated,
        quantity: spec.qty_decimal(order.qty),
        price: price.map(|price| spec.price_decimal(price)),
        leverage: opens.then_some(order.leverage),
        external: Some(client.to_owned()),
        position: None,
        mode: None,
    }
}

/// Lots of so many contracts.
fn lots(table: &SymbolTable, symbol: SymbolId, contracts: Decimal) -> Result<Qty, String> {
    let step = table.spec(symbol).quantity_step;
    contracts
        .in_steps_of(step)
        .map(Qty)
        .ok_or_else(|| format!("{contracts} contracts are not a multiple of {step}"))
}

fn ticks(table: &SymbolTable, symbol: SymbolId, price: Decimal) -> Result<Price, String> {
    let step = table.spec(symbol).price_step;
    price.in_steps_of(step).map(Price).ok_or_else(|| format!("the price {price} is not a multiple of {step}"))
}

/// State of an order on a symbol of the session; `None`: on another.
pub(super) fn order_fact(table: &SymbolTable, order: &PlacedOrder) -> Result<Option<OrderFact>, String> {
    let Some(symbol) = symbol(table, &order.symbol) else { return Ok(None) };
    Ok(Some(OrderFact {
        venue: order.id,
        client: order.external.clone(),
        state: match order.state {
            OrderState::New | OrderState::Open => OrderFactState::Open,
            OrderState::Filled | OrderState::Cancelled => OrderFactState::Ended,
            OrderState::Invalid => OrderFactState::Invalid,
        },
        filled: lots(table, symbol, order.filled)?,
    }))
}

/// An execution on a symbol of the session; `None`: on another.
pub(super) fn execution_fact(
    table: &SymbolTable,
    execution: &Execution,
) -> Result<Option<ExecutionFact>, String> {
    let Some(symbol) = symbol(table, &execution.symbol) else { return Ok(None) };
    let is_settled = execution.fee_currency.as_deref().is_none_or(|currency| {
        table.spec(symbol).name.rsplit('_').next().is_some_and(|quote| quote == currency)
    });
    Ok(Some(ExecutionFact {
        trade_id: execution.id,
        venue: execution.order,
        client: execution.external.clone(),
        key: PositionKey { symbol, is_long: execution.effect.is_long() },
        is_closing: execution.effect.is_closing(),
        price: ticks(table, symbol, execution.price)?,
        qty: lots(table, symbol, execution.quantity)?,
        fee: if is_settled { execution.fee } else { Money::ZERO },
        liquidity: if execution.is_taker { Liquidity::Taker } else { Liquidity::Maker },
        made_by: match execution.cause {
            ExecutionCause::Liquidation => MadeBy::Liquidation,
            ExecutionCause::Deleveraging => MadeBy::Deleveraging,
            ExecutionCause::Order | ExecutionCause::Delivery => MadeBy::Order,
        },
        at: execution.at,
    }))
}

/// A position on a symbol of the session; `None`: on another.
pub(super) fn position(table: &SymbolTable, held: &HeldPosition) -> Result<Option<PositionFact>, String> {
    let Some(symbol) = symbol(table, &held.symbol) else { return Ok(None) };
    let key = PositionKey { symbol, is_long: held.is_long };
    Ok(Some(PositionFact {
        key,
        number: held.id,
        qty: lots(table, symbol, held.quantity)?,
        margin: held.margin,
        liquidation: held.liquidation,
    }))
}

/// A stop on a symbol of the session; `None`: on another.
pub(super) fn stop(table: &SymbolTable, stop: &ResidentStop) -> Option<StopFact> {
    let symbol = symbol(table, &stop.symbol)?;
    let at = |price| ticks(table, symbol, price).map_or(StopPrice::BetweenTicks, StopPrice::At);
    let price = stop.price.map(at);
    Some(StopFact {
        id: stop.id,
        symbol,
        position: stop.position,
        price,
        made: stop.made,
        is_over: stop.is_over,
    })
}
