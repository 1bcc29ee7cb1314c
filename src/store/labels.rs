//! Pumps that people marked in recordings. They live and go with their recording.

use super::error::during;
use super::records::PumpLabelV1;
use super::tables::{PUMP_LABELS, RECORDINGS};
use super::{Store, StoreError, encode};
use crate::limits::RECORDING_LABELS;
use std::ops::ControlFlow;

const WRITING: &str = "writing a pump label";

impl Store {
    /// The labels of a recording, in the order of their numbers.
    pub fn labels(&self, recording: &str) -> Result<Vec<PumpLabelV1>, StoreError> {
        let mut labels = Vec::new();
        self.table(PUMP_LABELS)?.checked().visit((recording, 0), (recording, u64::MAX), |_, label| {
            labels.push(label);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(labels)
    }

    /// Adds a label with the next free number, which it returns.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without the recording, [`StoreError::Refused`] when it has
    /// [`RECORDING_LABELS`].
    pub fn add_label(&self, recording: &str, label: PumpLabelV1) -> Result<u64, StoreError> {
        let recording = recording.to_owned();
        self.write(move |txn| {
            let id = recording.as_str();
            let recordings = RECORDINGS.write(txn, WRITING)?;
            RECORDINGS.within(&recordings).get(id)?.ok_or_else(|| not_found("recording", id))?;
            let mut table = PUMP_LABELS.write(txn, WRITING)?;
            let last = PUMP_LABELS.within(&table).last((id, 0), (id, u64::MAX), |key| key.1)?;
            let number = last.map_or(1, |(last, _)| last.saturating_add(1));
            if number > RECORDING_LABELS {
                return Err(StoreError::Refused(format!(
                    "recording {id} has had {RECORDING_LABELS} labels, which is the most"
                )));
            }
            let bytes = encode(&PumpLabelV1 { number, ..label.clone() })?;
            table.insert((id, number), bytes.as_slice()).map_err(during(WRITING))?;
            Ok(number)
        })
    }

    /// Replaces a label.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn put_label(&self, recording: &str, label: PumpLabelV1) -> Result<(), StoreError> {
        let recording = recording.to_owned();
        self.write(move |txn| {
            let key = (recording.as_str(), label.number);
            let mut table = PUMP_LABELS.write(txn, WRITING)?;
            PUMP_LABELS.within(&table).get(key)?.ok_or_else(|| not_found("label", &key.1.to_string()))?;
            table.insert(key, encode(&label)?.as_slice()).map_err(during(WRITING))?;
            Ok(())
        })
    }

    /// Removes a label.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn delete_label(&self, recording: &str, number: u64) -> Result<(), StoreError> {
        let recording = recording.to_owned();
        self.write(move |txn| {
            let mut table = PUMP_LABELS.write(txn, WRITING)?;
            let gone = table.remove((recording.as_str(), number)).map_err(during(WRITING))?;
            gone.map(drop).ok_or_else(|| not_found("label", &number.to_string()))
        })
    }
}

fn not_found(what: &'static str, id: &str) -> StoreError {
    StoreError::NotFound { what, id: id.to_owned() }
}
