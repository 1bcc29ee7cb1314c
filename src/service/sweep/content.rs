//! The hash of the market data that a run replays: the terms of its symbols and every tick, as the engine
//! sees them.
//!
//! The same data give the same hash from a file, a packed file or a recording, on every machine.

use crate::domain::decimal::Decimal;
use crate::domain::event::{Level, Market};
use crate::domain::symbol::SymbolTable;
use crate::session::digest::hex;
use crate::session::ports::{Chunk, Feed, FeedError, TickKind};
use sha2::{Digest, Sha256};

/// Reads a feed to its end; returns the SHA-256 of its symbols and ticks.
///
/// # Errors
/// As [`Feed::next`].
pub(super) fn hash(table: &SymbolTable, feed: &mut dyn Feed) -> Result<String, FeedError> {
    let mut hasher = Sha256::new();
    let mut bytes = Vec::with_capacity(1 << 16);
    terms(table, &mut bytes);
    let mut chunk = Chunk::default();
    while feed.next(&mut chunk)? {
        ticks(&chunk, &mut bytes);
        hasher.update(&bytes);
        bytes.clear();
    }
    hasher.update(&bytes);
    Ok(hex(hasher.finalize()))
}

fn terms(table: &SymbolTable, into: &mut Vec<u8>) {
    let decimal = |value: Decimal, into: &mut Vec<u8>| {
        numbers(&[value.mantissa(), i64::from(value.scale())], into);
    };
    for (_, spec) in table.iter() {
        numbers(&[spec.name.len() as i64], into);
        into.extend_from_slice(spec.name.as_bytes());
        [spec.price_step, spec.quantity_step, spec.contract_size]
            .into_iter()
            .for_each(|step| decimal(step, into));
        numbers(&[spec.min_quantity.0, spec.max_quantity.0, spec.maker_fee.0, spec.taker_fee.0], into);
        for tier in &spec.tiers {
            into.extend_from_slice(&tier.max_notional.0.to_le_bytes());
            numbers(&[tier.max_quantity.0, i64::from(tier.max_leverage), tier.maintenance.0], into);
        }
    }
}

fn ticks(chunk: &Chunk, into: &mut Vec<u8>) {
    for tick in chunk.ticks() {
        numbers(&[tick.at.nanos(), i64::from(tick.symbol.0)], into);
        match (chunk.market(tick), tick.kind) {
            (Some(market), _) => event(&market, into),
            (None, TickKind::Gap(gap)) => {
                into.push(b'G');
                numbers(&[gap.from.nanos(), gap.to.nanos()], into);
                into.extend_from_slice(gap.cause.as_str().as_bytes());
            }
            (None, _) => {}
        }
    }
}

fn event(market: &Market<'_>, into: &mut Vec<u8>) {
    let levels = |levels: &[Level], into: &mut Vec<u8>| {
        numbers(&[levels.len() as i64], into);
        levels.iter().for_each(|level| numbers(&[level.price.0, level.qty.0], into));
    };
    match market {
        Market::Trade(trade) => {
            into.push(b'T');
            numbers(&[trade.price.0, trade.qty.0, trade.taker as i64], into);
        }
        Market::BookSnapshot { bids, asks } => {
            into.push(b'S');
            levels(bids, into);
            levels(asks, into);
        }
        Market::BookChange(changes) => {
            into.push(b'C');
            for change in *changes {
                numbers(&[change.side as i64, change.level.price.0, change.level.qty.0], into);
            }
        }
        Market::Mark { mark, index } => {
            into.push(b'M');
            numbers(&[mark.0, index.map_or(i64::MIN, |price| price.0)], into);
        }
        Market::Funding { rate } => {
            into.push(b'F');
            numbers(&[rate.0], into);
        }
        Market::OpenInterest(qty) => {
            into.push(b'O');
            numbers(&[qty.0], into);
        }
        Market::Bar(bar) => {
            into.push(b'B');
            numbers(
                &[bar.open.0, bar.high.0, bar.low.0, bar.close.0, bar.volume.0, i64::from(bar.seconds)],
                into,
            );
        }
    }
}

fn numbers(numbers: &[i64], into: &mut Vec<u8>) {
    numbers.iter().for_each(|number| into.extend_from_slice(&number.to_le_bytes()));
}
