//! Recordings: rows in blocks, their description, and gaps in the data.
//!
//! Invariant: a recording is marked complete only after all of it is on disk. Rows are written once and never
//! changed.

mod facts;
mod feed;
mod grid;
mod open;
mod reader;
mod removal;
mod source_context;
mod ticks;
mod trades;
mod writer;

pub use facts::NewFacts;
pub use feed::{FeedChoice, RecordingFeed};
#[cfg(test)]
pub use open::Bounds;
pub use open::{OpenRecording, RecordingCommit, RecordingEnd, RecordingLeases};
pub use reader::RowsIter;
pub use removal::{Pruned, Retention};
pub use source_context::FeedClock;
pub use writer::{NewRecording, RecordingWriter};

use super::error::during;
use super::records::{RecordingState, RecordingV1, SymbolSpecV2};
use super::tables::{GAPS, RECORDINGS, SYMBOL_SPECS};
use super::{Store, StoreError, encode};
use crate::domain::decimal::Decimal;
use crate::domain::record::RecordedGap;
use crate::domain::symbol::SymbolSpec;
use crate::domain::symbol_name;
use redb::WriteTransaction;
use std::ops::ControlFlow;

const WRITING: &str = "writing a recording";

impl Store {
    /// A recording, complete or being made; an import under way is not found.
    pub fn recording(&self, id: &str) -> Result<RecordingV1, StoreError> {
        let recording = self.table(RECORDINGS)?.checked().get(id)?.ok_or_else(|| not_found(id))?;
        if recording.state == RecordingState::Importing { Err(not_found(id)) } else { Ok(recording) }
    }

    /// All recordings except imports under way, newest first, counted as by [`Store::counted_recording`].
    pub fn recordings(&self) -> Result<Vec<RecordingV1>, StoreError> {
        let mut all = self.all_recordings()?;
        all.retain(|recording| recording.state != RecordingState::Importing);
        all.reverse();
        Ok(all.into_iter().map(|recording| self.counted(recording)).collect())
    }

    /// The gaps of a recording with their symbols, in the order they were reported.
    pub fn gaps(&self, id: &str) -> Result<Vec<(String, RecordedGap)>, StoreError> {
        let mut gaps = Vec::new();
        self.table(GAPS)?.checked().visit((id, 0), (id, u64::MAX), |_, gap| {
            let known = gap.gap().ok_or_else(|| {
                StoreError::damaged(format!("the gaps of recording `{id}`"), "an unknown cause")
            })?;
            gaps.push((gap.symbol, known));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(gaps)
    }

    /// Stores specifications of symbols as of the recording; [`Store::spec_of`] returns them from then on.
    pub fn put_recorded_specs(&self, id: &str, specs: &[SymbolSpec]) -> Result<(), StoreError> {
        let encoded = |spec: &SymbolSpec| Ok((spec.name.clone(), encode(&SymbolSpecV2::from(spec))?));
        let specs = specs.iter().map(encoded).collect::<Result<Vec<_>, StoreError>>()?;
        let id = id.to_owned();
        self.write(move |txn| {
            let mut table = SYMBOL_SPECS.write(txn, WRITING)?;
            for (symbol, bytes) in &specs {
                table.insert((id.as_str(), symbol.as_str()), bytes.as_slice()).map_err(during(WRITING))?;
            }
            Ok(())
        })
    }

    /// The specification stored with a recording, if any.
    pub fn recorded_spec(&self, id: &str, symbol: &str) -> Result<Option<SymbolSpec>, StoreError> {
        let Some(kept) = self.table(SYMBOL_SPECS)?.checked().get((id, symbol))? else { return Ok(None) };
        let inexact =
            || StoreError::damaged(format!("symbol_spec `{symbol}` of recording `{id}`"), "inexact steps");
        kept.spec().ok_or_else(inexact).map(Some)
    }

    /// The specification of a recorded symbol: the one stored with the recording, else one from its facts,
    /// with default fees, steps of 10^-(most decimal places seen) and a contract size of one where they are
    /// unknown.
    pub fn spec_of(&self, id: &str, symbol: &str) -> Result<SymbolSpec, StoreError> {
        if let Some(spec) = self.recorded_spec(id, symbol)? {
            return Ok(spec);
        }
        let recording = self.recording(id)?;
        let recorded = recording.symbol(symbol).ok_or_else(|| no_symbol(&recording, symbol))?;
        let steps = (Decimal::step(recorded.price_scale), Decimal::step(recorded.quantity_scale));
        let spec = match steps {
            (Some(price), Some(quantity)) => {
                self.facts(id, symbol)?.contract().spec(symbol, price, quantity).map(|(spec, _)| spec)
            }
            _ => None,
        };
        spec.ok_or_else(|| {
            StoreError::Refused(format!(
                "{symbol} of recording `{id}` has prices with {} and quantities with {} digits behind the point: together at most 18 \
                 can be traded exactly",
                recorded.price_scale, recorded.quantity_scale
            ))
        })
    }

    /// Recovery at start: removes unfinished imports. Open recordings that were cut off stay, because a
    /// session may resume them.
    pub(super) fn recover_recordings(&self) -> Result<(), StoreError> {
        for recording in self.all_recordings()? {
            if recording.state == RecordingState::Importing {
                self.remove_recording(&recording.id)?;
            }
        }
        Ok(())
    }

    pub(super) fn refuse_known(&self, id: &str) -> Result<(), StoreError> {
        if self.all_recordings()?.iter().any(|other| other.id == id) {
            return Err(StoreError::Refused(format!("recording `{id}` exists: try again")));
        }
        Ok(())
    }

    fn all_recordings(&self) -> Result<Vec<RecordingV1>, StoreError> {
        self.table(RECORDINGS)?.checked().values()
    }
}

pub(super) fn put(txn: &WriteTransaction, recording: &RecordingV1) -> Result<(), StoreError> {
    let bytes = encode(recording)?;
    let mut table = RECORDINGS.write(txn, WRITING)?;
    table.insert(recording.id.as_str(), bytes.as_slice()).map_err(during(WRITING))?;
    Ok(())
}

pub(super) fn check_name(symbol: &str) -> Result<(), StoreError> {
    match symbol_name::problem(symbol) {
        Some(problem) => {
            Err(StoreError::Refused(format!("{symbol:?} {problem}, so it is not a symbol's name")))
        }
        None => Ok(()),
    }
}

fn not_found(id: &str) -> StoreError {
    StoreError::NotFound { what: "recording", id: id.to_owned() }
}

/// The error lists the recording's symbols, as far as they fit a line.
fn no_symbol(recording: &RecordingV1, symbol: &str) -> StoreError {
    let names: Vec<&str> = recording.symbols.iter().take(8).map(|symbol| symbol.name.as_str()).collect();
    let more = if recording.symbols.len() > names.len() { ", …" } else { "" };
    StoreError::Refused(format!(
        "recording `{}` has no symbol `{symbol}`, it has {}{more}",
        recording.id,
        names.join(", ")
    ))
}
