//! The canonical bytes of decisions, and their SHA-256: two runs decided the same if their digests are equal.
//!
//! Never: anything that depends on the machine, on speed, or on how a run was watched.

use crate::checkpoint::{Damaged, Plain, Reader, Saved};
use crate::domain::decision::{Decision, DecisionKind, Evidence};
use crate::domain::num::Price;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest, Sha256};

/// Hashes decisions in the order they were made.
#[derive(Clone)]
pub struct DecisionDigest {
    hasher: Sha256,
    buffer: Vec<u8>,
}

/// The state of the hash, so that it goes on over what comes next.
impl Saved for DecisionDigest {
    fn save(&self, to: &mut Vec<u8>) {
        let DecisionDigest { hasher, buffer: _ } = self;
        hasher.serialize().to_vec().encode(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        let bytes = Vec::<u8>::decode(from)?;
        let state = SerializedState::<Sha256>::try_from(bytes.as_slice()).map_err(|_| Damaged)?;
        self.hasher = Sha256::deserialize(&state).map_err(|_| Damaged)?;
        Ok(())
    }
}

impl Default for DecisionDigest {
    fn default() -> Self {
        DecisionDigest { hasher: Sha256::new(), buffer: Vec::with_capacity(512) }
    }
}

impl DecisionDigest {
    /// Adds a decision with what it was made on.
    pub fn add(&mut self, decision: &Decision, evidence: &[Evidence]) {
        self.buffer.clear();
        encode(decision, evidence, &mut self.buffer);
        self.hasher.update(&self.buffer);
    }

    /// 64 hexadecimal digits.
    pub fn finish(self) -> String {
        hex(self.hasher.finalize())
    }
}

/// A hash as hexadecimal digits.
pub fn hex(hash: impl AsRef<[u8]>) -> String {
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Appends the canonical bytes of one decision: little-endian integers, f64 by their bits, words with their
/// length.
pub fn encode(decision: &Decision, evidence: &[Evidence], into: &mut Vec<u8>) {
    into.extend_from_slice(&decision.at.nanos().to_le_bytes());
    into.extend_from_slice(&decision.instance.to_le_bytes());
    into.extend_from_slice(&decision.symbol.0.to_le_bytes());
    for price in [decision.bid, decision.ask, decision.last] {
        option(price.map(|Price(ticks)| ticks), into);
    }
    kind(&decision.kind, into);
    into.extend_from_slice(&(evidence.len() as u16).to_le_bytes());
    for entry in evidence {
        word(entry.section.as_str(), into);
        into.extend_from_slice(&entry.condition.to_le_bytes());
        match entry.value {
            Ok(value) => number(value, into),
            Err(reason) => word(reason, into),
        }
        option(entry.threshold.map(|value| value.to_bits() as i64), into);
        into.push(entry.met.map_or(2, u8::from));
    }
}

fn kind(kind: &DecisionKind, into: &mut Vec<u8>) {
    match kind {
        // The level follows from decisions and prices that are hashed, and digests from before it was kept
        // still hold.
        DecisionKind::Transition { from, to, trigger, level: _ } => {
            [from.as_str(), to.as_str(), trigger.as_str()].iter().for_each(|text| word(text, into))
        }
        DecisionKind::Refused { guard, value, threshold } => {
            word(guard.as_str(), into);
            number(*value, into);
            number(*threshold, into);
        }
        DecisionKind::Submitted { order, side, qty, limit, purpose } => {
            into.push(b'S');
            into.extend_from_slice(&order.0.to_le_bytes());
            word(side.as_str(), into);
            into.extend_from_slice(&qty.0.to_le_bytes());
            option(limit.map(|price| price.0), into);
            into.push(*purpose as u8);
        }
        DecisionKind::CancelSent { order } => {
            into.push(b'C');
            into.extend_from_slice(&order.0.to_le_bytes());
        }
        // The venue's numbers came later, and digests from before still hold.
        DecisionKind::Filled { order, price, qty, cumulative: _, execution: _ } => {
            into.push(b'F');
            for value in [order.0 as i64, price.0, qty.0] {
                into.extend_from_slice(&value.to_le_bytes());
            }
        }
        DecisionKind::Rejected { order, reason } => {
            into.push(b'R');
            into.extend_from_slice(&order.0.to_le_bytes());
            word(reason.as_str(), into);
        }
        DecisionKind::StopMoved { price, trigger } => {
            into.push(b'M');
            into.extend_from_slice(&price.0.to_le_bytes());
            word(trigger.as_str(), into);
        }
        DecisionKind::Warning(warning) => word(warning.as_str(), into),
    }
}

fn word(text: &str, into: &mut Vec<u8>) {
    into.push(text.len() as u8);
    into.extend_from_slice(text.as_bytes());
}

fn number(value: f64, into: &mut Vec<u8>) {
    into.push(0xff);
    into.extend_from_slice(&value.to_bits().to_le_bytes());
}

fn option(value: Option<i64>, into: &mut Vec<u8>) {
    into.push(u8::from(value.is_some()));
    into.extend_from_slice(&value.unwrap_or(0).to_le_bytes());
}
