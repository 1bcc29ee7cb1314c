//! Finds the recording that an import repeats.

use crate::domain::record::StreamKind;
use crate::store::records::{RecordingState, RecordingV1};
use crate::store::{Store, StoreError};
use std::collections::BTreeSet;

/// The ids of complete recordings that may have exactly the rows of this one: as many, from and to the same
/// times.
pub fn may_have_same_rows(recording: &RecordingV1, known: &[RecordingV1]) -> Vec<String> {
    let own = shape(recording);
    let may_have = |other: &&RecordingV1| {
        other.id != recording.id && other.state == RecordingState::Complete && shape(other) == own
    };
    known.iter().filter(may_have).map(|other| other.id.clone()).collect()
}

/// Whether a recording that may have the same rows, in a store, has them.
///
/// # Errors
/// What the stores report.
pub fn has_same_rows(
    store: &Store,
    recording: &RecordingV1,
    others: &Store,
    id: &str,
) -> Result<bool, StoreError> {
    for (symbol, kind, ..) in shape(recording) {
        let mut other = others.rows(id, symbol, kind)?;
        for row in store.rows(&recording.id, symbol, kind)? {
            if other.next().transpose()? != Some(row?) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Symbol, kind, number of rows, times of the first and the last.
type StreamSummary<'a> = (&'a str, StreamKind, u64, i64, i64);

fn shape(recording: &RecordingV1) -> BTreeSet<StreamSummary<'_>> {
    let streams = recording.symbols.iter().flat_map(|symbol| {
        symbol.streams.iter().filter_map(|stream| {
            Some((symbol.name.as_str(), stream.kind()?, stream.rows, stream.first_ns, stream.last_ns))
        })
    });
    streams.filter(|(_, _, rows, ..)| *rows > 0).collect()
}
