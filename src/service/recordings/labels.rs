//! Pumps that people mark in a recording, and their export in the columns that detectors are scored with.

use super::{Recordings, not_found};
use crate::document::csv::text;
use crate::domain::record::RecordedGap;
use crate::domain::time::{Span, Timestamp};
use crate::limits::NOTES_CHARS;
use crate::service::{Refusal, problems_text};
use crate::store::StoreError;
use crate::store::records::{PumpLabelV1, RecordingV1};
use serde_json::{Value, json};

/// Grades of a label.
pub const GRADES: &[&str] = &["A", "B", "C", "D", "W"];

/// What a user marks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewLabel {
    /// Symbol, in either spelling.
    pub symbol: String,
    /// One of [`GRADES`].
    pub grade: String,
    /// Where the pump begins.
    pub onset: Timestamp,
    /// The highest price.
    pub peak: Option<Timestamp>,
    /// Where it is over.
    pub end: Option<Timestamp>,
    /// When it was announced.
    pub announced: Option<Timestamp>,
    /// Remark.
    pub note: String,
}

/// The columns of `events.csv`, and the end, which that file does not have.
const COLUMNS: [&str; 27] = [
    "event_id",
    "symbol",
    "venue",
    "grade",
    "onset_us",
    "onset_utc",
    "onset_source",
    "announced_us",
    "announced_utc",
    "second_list_utc",
    "manual_chunk_5s",
    "manual_chunk_15s",
    "manual_chunk_25s",
    "derived_onset_utc",
    "gain_5min",
    "gain_30min",
    "peak_us",
    "half_retrace_s",
    "volume_ratio_5min",
    "score_from_us",
    "score_to_us",
    "file_from_us",
    "file_to_us",
    "trades",
    "file",
    "note",
    "end_us",
];

/// A detector is scored this long before and after the onset.
const SCORED: Span = Span::from_seconds(86_400);

impl NewLabel {
    /// The label for the recording's spelling of the symbol.
    fn label(
        &self,
        recording: &RecordingV1,
        gaps: &[(String, RecordedGap)],
        user: &str,
        now: Timestamp,
    ) -> Result<PumpLabelV1, Refusal> {
        let symbol =
            recording.spelled(&self.symbol).ok_or_else(|| super::no_symbol(recording, &self.symbol))?;
        let mut problems = Vec::new();
        let mut check = |is_good: bool, field: &str, problem: String| {
            if !is_good {
                problems.push((format!("/{field}"), problem));
            }
        };
        check(
            GRADES.contains(&self.grade.as_str()),
            "grade",
            format!("must be one of {}", GRADES.join(", ")),
        );
        let span = recording
            .span_with_gaps_ns(gaps)
            .map(|(first, last)| (Timestamp::from_nanos(first), Timestamp::from_nanos(last)));
        let inside = |at: Timestamp| span.is_none_or(|(first, last)| (first..=last).contains(&at));
        check(inside(self.onset), "onset", "lies outside of the recording".to_owned());
        check(
            self.peak.is_none_or(|peak| peak >= self.onset),
            "peak",
            "must not be before the onset".to_owned(),
        );
        let after = self.peak.unwrap_or(self.onset);
        check(self.end.is_none_or(|end| end >= after), "end", "must not be before the peak".to_owned());
        let is_short = self.note.chars().count() <= NOTES_CHARS;
        check(is_short, "note", format!("must have at most {NOTES_CHARS} characters"));
        if !problems.is_empty() {
            let message = format!("the label cannot be saved: {}", problems_text(&problems));
            return Err(Refusal::invalid("invalid_request", message, problems));
        }
        Ok(PumpLabelV1 {
            number: 0,
            symbol: symbol.name.clone(),
            grade: self.grade.clone(),
            onset_us: self.onset.micros(),
            peak_us: self.peak.map(Timestamp::micros),
            end_us: self.end.map(Timestamp::micros),
            announced_us: self.announced.map(Timestamp::micros),
            note: self.note.clone(),
            user: user.to_owned(),
            updated_us: now.micros(),
        })
    }
}

impl Recordings {
    /// The labels of a recording by onset, only those of a symbol if one is given.
    ///
    /// # Errors
    /// `recording_not_found`.
    pub fn labels(&self, id: &str, symbol: Option<&str>) -> Result<Vec<Value>, Refusal> {
        Ok(self.chosen_labels(id, symbol)?.1.iter().map(shown).collect())
    }

    /// The same as CSV, with the columns of the scored events; what a label does not know is empty.
    ///
    /// # Errors
    /// `recording_not_found`.
    pub fn labels_csv(&self, id: &str, symbol: Option<&str>) -> Result<String, Refusal> {
        let (recording, labels) = self.chosen_labels(id, symbol)?;
        let first = recording.symbols.first().map(|symbol| symbol.name.as_str());
        let venue =
            first.map(|symbol| self.store.facts(id, symbol)).transpose()?.and_then(|facts| facts.venue);
        let mut csv = format!("{}\n", COLUMNS.join(","));
        for label in &labels {
            csv.push_str(
                &row(&recording, venue.as_deref().unwrap_or_default(), label)
                    .map(|field| text(&field))
                    .join(","),
            );
            csv.push('\n');
        }
        Ok(csv)
    }

    /// Adds a label and returns it.
    ///
    /// # Errors
    /// `recording_not_found`, `symbol_not_found`, `invalid_request` with every problem.
    pub fn add_label(&self, id: &str, new: &NewLabel, user: &str, now: Timestamp) -> Result<Value, Refusal> {
        let label = new.label(&self.counted(id)?, &self.store.gaps(id)?, user, now)?;
        let number = self.store.add_label(id, label.clone()).map_err(not_found)?;
        Ok(shown(&PumpLabelV1 { number, ..label }))
    }

    /// Replaces a label and returns it.
    ///
    /// # Errors
    /// As [`Recordings::add_label`]; `label_not_found`.
    pub fn change_label(
        &self,
        id: &str,
        number: &str,
        new: &NewLabel,
        user: &str,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        let label = new.label(&self.counted(id)?, &self.store.gaps(id)?, user, now)?;
        let label = PumpLabelV1 { number: number_of(number)?, ..label };
        self.store.put_label(id, label.clone()).map_err(no_label)?;
        Ok(shown(&label))
    }

    /// Deletes a label.
    ///
    /// # Errors
    /// `recording_not_found`, `label_not_found`.
    pub fn delete_label(&self, id: &str, number: &str) -> Result<(), Refusal> {
        self.find(id)?;
        self.store.delete_label(id, number_of(number)?).map_err(no_label)
    }

    fn chosen_labels(
        &self,
        id: &str,
        symbol: Option<&str>,
    ) -> Result<(RecordingV1, Vec<PumpLabelV1>), Refusal> {
        let recording = self.counted(id)?;
        let symbol = symbol.map(|name| self.spelled(id, name)).transpose()?;
        let mut labels = self.store.labels(id)?;
        labels.retain(|label| symbol.as_ref().is_none_or(|name| label.symbol == *name));
        labels.sort_by_key(|label| (label.onset_us, label.number));
        Ok((recording, labels))
    }

    fn counted(&self, id: &str) -> Result<RecordingV1, Refusal> {
        self.store.counted_recording(id).map_err(not_found)
    }
}

fn number_of(text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| no_label(StoreError::NotFound { what: "label", id: text.to_owned() }))
}

fn no_label(error: StoreError) -> Refusal {
    match error {
        StoreError::NotFound { id, .. } => {
            Refusal::not_found("label_not_found", format!("this recording has no label {id}"))
        }
        other => other.into(),
    }
}

fn shown(label: &PumpLabelV1) -> Value {
    let time = |us: Option<i64>| us.and_then(Timestamp::from_micros).map(Timestamp::rfc3339_millis);
    json!({
        "label_id": label.number,
        "symbol": label.symbol,
        "grade": label.grade,
        "onset": time(Some(label.onset_us)),
        "peak": time(label.peak_us),
        "end": time(label.end_us),
        "announced": time(label.announced_us),
        "note": label.note,
        "updated_by": label.user,
        "updated_at": time(Some(label.updated_us)),
    })
}

/// The columns of one label. Times are microseconds; gains and volumes are left to whoever scores.
fn row(recording: &RecordingV1, venue: &str, label: &PumpLabelV1) -> [String; COLUMNS.len()] {
    let utc = |us: i64| Timestamp::from_micros(us).map_or(String::new(), |at| at.to_string());
    let us = |us: Option<i64>| us.map_or(String::new(), |us| us.to_string());
    let onset = Timestamp::from_micros(label.onset_us).unwrap_or(Timestamp::MIN);
    let span = recording.span_ns().map(|(first, last)| (first.div_euclid(1_000), last.div_euclid(1_000)));
    let rows = recording.symbol(&label.symbol).and_then(|symbol| {
        let trades = crate::domain::record::StreamKind::Trades;
        symbol.streams.iter().find(|stream| stream.kind() == Some(trades)).map(|stream| stream.rows)
    });
    let values = [
        ("event_id", format!("{}_{}", label.symbol, compact(&utc(label.onset_us)))),
        ("symbol", label.symbol.clone()),
        ("venue", venue.to_owned()),
        ("grade", label.grade.clone()),
        ("onset_us", label.onset_us.to_string()),
        ("onset_utc", utc(label.onset_us)),
        ("onset_source", "manual".to_owned()),
        ("announced_us", us(label.announced_us)),
        ("announced_utc", label.announced_us.map_or(String::new(), utc)),
        ("peak_us", us(label.peak_us)),
        ("score_from_us", (onset - SCORED).micros().to_string()),
        ("score_to_us", (onset + SCORED).micros().to_string()),
        ("file_from_us", us(span.map(|(first, _)| first))),
        ("file_to_us", us(span.map(|(_, last)| last))),
        ("trades", rows.map_or(String::new(), |rows| rows.to_string())),
        ("file", recording.id.clone()),
        ("note", label.note.clone()),
        ("end_us", us(label.end_us)),
    ];
    COLUMNS.map(|column| {
        let found = values.iter().find(|(name, _)| *name == column);
        found.map_or(String::new(), |(_, value)| value.clone())
    })
}

/// `20200303T155955Z` from an RFC 3339 time.
fn compact(utc: &str) -> String {
    let whole = utc.split('.').next().unwrap_or_default().trim_end_matches('Z');
    format!("{}Z", whole.replace(['-', ':'], ""))
}

#[cfg(test)]
mod tests {
    use super::super::made_up::trades_and_a_gap;
    use super::*;

    #[test]
    fn a_pump_in_a_gap_at_the_end_lies_in_the_recording() {
        let at = Timestamp::from_seconds;
        let (recording, gaps) = trades_and_a_gap(10);
        let label = |second: i64| {
            let new = NewLabel {
                symbol: "A_USDT".to_owned(),
                grade: "A".to_owned(),
                onset: at(second),
                peak: None,
                end: None,
                announced: None,
                note: String::new(),
            };
            new.label(&recording, &gaps, "anna", at(0)).map(|label| label.onset_us)
        };
        assert_eq!(label(100), Ok(100_000_000));
        for second in [9, 161] {
            assert!(label(second).unwrap_err().to_string().contains("outside of the recording"));
        }
    }
}
