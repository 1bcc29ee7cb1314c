//! Whether an account can be traded now: everything that is probed before real money moves, line by line,
//! with what to do.
//!
//! Invariant: no probe can fill: the right to trade is tested with quantity zero, which the exchange refuses
//! with a code that tells.

use crate::domain::decimal::Decimal;
use crate::exchange::mexc::codes::NO_QUANTITY;
use crate::exchange::mexc::request::account::Margin;
use crate::exchange::mexc::request::order::{NewOrder, OrderType};
use crate::exchange::mexc::{AccountClient, Effect, HeldPosition, PlacedOrder, PositionMode, WriteOutcome};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Largest difference of the exchange's clock from ours.
const CLOCK_NS: i64 = 500_000_000;

/// Tries of a change of leverage. Each waits several seconds for its turn, and the exchange's window of ten
/// calls is 10 s long, so the last is reached only where other calls take every turn.
const LEVERAGE_TRIES: u32 = 5;

/// Pause between two tries.
const LEVERAGE_PAUSE: Duration = Duration::from_secs(1);

/// How a line came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckVerdict {
    /// As it must be.
    Ok,
    /// Works, but somebody should look.
    Warn,
    /// Live trading would be wrong.
    Fail,
}

/// One line of a check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CheckLine {
    /// What was looked at.
    pub name: String,
    /// The symbol, where it is about one.
    pub symbol: Option<String>,
    /// How it came out.
    pub verdict: CheckVerdict,
    /// What was found.
    pub found: String,
    /// What to do; `None` when nothing is to be done.
    pub advice: Option<String>,
}

/// What a session needs of an account.
#[derive(Clone, PartialEq, Debug)]
pub struct AccountNeeds {
    /// Symbols, with the leverage that its longs and shorts must have and are given where they have another;
    /// `None`: any.
    pub symbols: Vec<(String, Option<u32>)>,
    /// Money it may use; `None`: no session is asked for.
    pub budget: Option<f64>,
    /// Maker and taker fee that it reckons with, percent.
    pub fees: (f64, f64),
}

struct Lines(Vec<CheckLine>);

impl Lines {
    fn add(&mut self, name: &str, symbol: Option<&str>, verdict: CheckVerdict, found: String, advice: &str) {
        let advice = (verdict != CheckVerdict::Ok).then(|| advice.to_owned());
        let symbol = symbol.map(str::to_owned);
        self.0.push(CheckLine { name: name.to_owned(), symbol, verdict, found, advice });
    }

    fn is(&mut self, name: &str, symbol: Option<&str>, good: bool, found: String, advice: &str) {
        self.add(name, symbol, if good { CheckVerdict::Ok } else { CheckVerdict::Fail }, found, advice);
    }
}

/// Probes an account. Every line is there, also where one could not be learned.
pub(super) async fn check(account: &AccountClient, needs: &AccountNeeds) -> Vec<CheckLine> {
    let mut lines = Lines(Vec::new());
    clock(account, &mut lines).await;
    if !balance(account, needs.budget, &mut lines).await {
        // Without an account nothing else can be asked.
        return lines.0;
    }
    mode(account, &mut lines).await;
    let (positions, orders, stops) =
        tokio::join!(account.positions(), account.open_orders(), account.stops());
    let unread = "the list cannot be read; try again";
    if let Err(error) = &stops {
        lines.is(
            "resident_stops",
            None,
            false,
            error.to_string(),
            "stop orders must work: without them no position is protected",
        );
    } else {
        lines.is("resident_stops", None, true, "the list of stop orders can be read".to_owned(), "");
    }
    for (symbol, leverage) in &needs.symbols {
        probe(account, symbol, &mut lines).await;
        match (&positions, &orders) {
            (Ok(positions), Ok(orders)) => foreign(symbol, positions, orders, &mut lines),
            (Err(error), _) | (_, Err(error)) => {
                lines.is("foreign", Some(symbol), false, error.to_string(), unread);
            }
        }
        self::leverage(account, symbol, *leverage, &mut lines).await;
        fees(account, symbol, needs.fees, &mut lines).await;
    }
    lines.add(
        "key_end",
        None,
        CheckVerdict::Warn,
        "the exchange does not say when a key expires".to_owned(),
        "a key without an IP binding expires after 90 days: bind it to this host's address, allow no withdrawals, and note the date",
    );
    lines.0
}

async fn clock(account: &AccountClient, lines: &mut Lines) {
    let advice = "set this host's clock by NTP: orders with a wrong time are refused";
    match account.clock_offset_ns().await {
        Ok(offset) => {
            let found = format!("the exchange's clock is {} ms from ours", offset / 1_000_000);
            lines.is("clock", None, offset.abs() < CLOCK_NS, found, advice);
        }
        Err(error) => lines.is("clock", None, false, error.to_string(), "the exchange must be reachable"),
    }
}

async fn balance(account: &AccountClient, budget: Option<f64>, lines: &mut Lines) -> bool {
    let assets = match account.assets().await {
        Ok(assets) => assets,
        Err(error) => {
            let advice = "the key must exist, be valid, and have the permissions to read and trade futures; see the two lines of the key file";
            lines.is("key", None, false, error.to_string(), advice);
            return false;
        }
    };
    lines.is("key", None, true, "the exchange knows the key".to_owned(), "");
    let found = assets.iter().find(|asset| asset.currency == "USDT").map(|asset| asset.available);
    let available = found.map_or(0.0, Decimal::to_f64);
    let is_enough = budget.is_none_or(|budget| available >= budget);
    let told = match budget {
        Some(budget) => format!("{available} USDT are free, the session may use {budget}"),
        None => format!("{available} USDT are free"),
    };
    let advice =
        "transfer money to the futures account, or lower config.initial_balance and config.budget.global_cap";
    lines.is("balance", None, is_enough, told, advice);
    true
}

async fn mode(account: &AccountClient, lines: &mut Lines) {
    let advice = "switch the account to hedge mode in the exchange's app: only in that mode does an order say what it closes";
    match account.position_mode().await {
        Ok(PositionMode::Hedge) => lines.is("position_mode", None, true, "hedge mode".to_owned(), ""),
        Ok(PositionMode::OneWay) => lines.is("position_mode", None, false, "one-way mode".to_owned(), advice),
        Err(error) => lines.is("position_mode", None, false, error.to_string(), advice),
    }
}

/// An order of nothing.
async fn probe(account: &AccountClient, symbol: &str, lines: &mut Lines) {
    let nothing = NewOrder {
        symbol: symbol.to_owned(),
        effect: Effect::OpenLong,
        kind: OrderType::Market,
        margin: Margin::Isolated,
        quantity: Decimal::ZERO,
        price: None,
        leverage: Some(1),
        external: None,
        position: None,
        mode: None,
    };
    let (good, found) = match account.place(&nothing).await {
        WriteOutcome::Refused { code: NO_QUANTITY, .. } => {
            (true, "orders over the API are allowed".to_owned())
        }
        WriteOutcome::Refused { code, message } => (false, format!("refused with code {code}: {message}")),
        WriteOutcome::NotSent(why) | WriteOutcome::Unknown(why) => (false, why),
        WriteOutcome::Accepted(order) => {
            (false, format!("an order of quantity zero was accepted as {order}"))
        }
    };
    let advice = "this account cannot trade the contract over the API (KYC, region, permission of the key, or the contract): trade it on paper";
    lines.is("orders", Some(symbol), good, found, advice);
}

fn foreign(symbol: &str, positions: &[HeldPosition], orders: &[PlacedOrder], lines: &mut Lines) {
    let held = positions.iter().filter(|held| held.symbol == symbol && held.quantity.mantissa() != 0).count();
    let open = orders.iter().filter(|order| order.symbol == symbol).count();
    let advice = "a session never touches what it did not open, and a symbol must be its own: close positions and cancel orders there first";
    let found = format!("{held} positions and {open} open orders");
    lines.is("foreign", Some(symbol), held + open == 0, found, advice);
}

/// Reads leverage back after it was set: what the exchange says is what counts.
async fn leverage(account: &AccountClient, symbol: &str, wanted: Option<u32>, lines: &mut Lines) {
    let is_so = |read: &[Option<u32>; 2]| wanted.is_none() || read.iter().all(|side| *side == wanted);
    let mut read = account.leverage(symbol).await;
    let mut why = String::new();
    if let (Some(wanted), Ok(before)) = (wanted, &read)
        && !is_so(before)
    {
        for (is_long, side) in [true, false].into_iter().zip(*before) {
            if side != Some(wanted)
                && let Err(reason) = set_leverage(account, symbol, is_long, wanted).await
            {
                why = format!("; it could not be set: {reason}");
            }
        }
        read = account.leverage(symbol).await;
    }
    let text = |side: Option<u32>| side.map_or("unknown".to_owned(), |leverage| leverage.to_string());
    let advice = format!(
        "set the leverage of longs and shorts to {} in the exchange's app, with isolated margin",
        text(wanted)
    );
    match read {
        Ok(read) => {
            let found = format!("longs {}, shorts {}{why}", text(read[0]), text(read[1]));
            lines.is("leverage", Some(symbol), is_so(&read), found, &advice);
        }
        Err(error) => lines.is("leverage", Some(symbol), false, error.to_string(), &advice),
    }
}

/// Sets the leverage of a side, waiting for its turn: the exchange allows few of these calls, and a session
/// of many symbols needs two for each.
///
/// # Errors
/// Why it may not be set. Whether it is must be read back.
async fn set_leverage(
    account: &AccountClient,
    symbol: &str,
    is_long: bool,
    wanted: u32,
) -> Result<(), String> {
    let mut tries = 0;
    loop {
        tries += 1;
        match account.set_leverage(symbol, is_long, wanted).await {
            WriteOutcome::Accepted(()) => return Ok(()),
            WriteOutcome::Refused { code, message } => return Err(format!("code {code}: {message}")),
            WriteOutcome::Unknown(why) => return Err(why),
            WriteOutcome::NotSent(_) if tries < LEVERAGE_TRIES => tokio::time::sleep(LEVERAGE_PAUSE).await,
            WriteOutcome::NotSent(why) => return Err(why),
        }
    }
}

async fn fees(account: &AccountClient, symbol: &str, wanted: (f64, f64), lines: &mut Lines) {
    let advice =
        "set exchange.fees in the configuration to the account's: sizes and exits are computed with them";
    match account.fees(symbol).await {
        Ok((maker, taker)) => {
            let found =
                format!("maker {maker} %, taker {taker} %; configured {} % and {} %", wanted.0, wanted.1);
            let same = (maker - wanted.0).abs() < 1e-9 && (taker - wanted.1).abs() < 1e-9;
            lines.add(
                "fees",
                Some(symbol),
                if same { CheckVerdict::Ok } else { CheckVerdict::Warn },
                found,
                advice,
            );
        }
        Err(error) => lines.add("fees", Some(symbol), CheckVerdict::Warn, error.to_string(), advice),
    }
}
