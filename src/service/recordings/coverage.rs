//! How much of each day a recording covers, symbol by symbol, and what depends on a recording.

use super::{Recordings, not_found};
use crate::domain::num::without_noise;
use crate::domain::record::{RecordedGap, StreamKind};
use crate::domain::time::Timestamp;
use crate::limits::COVERAGE_CELLS;
use crate::service::Refusal;
use crate::store::records::{RecordedSymbolV1, RecordingV1};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const DAY_NS: i64 = 86_400_000_000_000;

/// What one symbol has in one period.
#[derive(Clone, Default)]
struct Cell {
    /// Nanoseconds that its streams should cover, and of these what is missing.
    expected: i128,
    missing: i128,
    gaps: u64,
    /// Causes of the gaps.
    causes: BTreeSet<&'static str>,
}

/// Periods of equal length from midnight UTC on.
struct Periods {
    first_ns: i64,
    length_ns: i64,
    count: usize,
}

impl Recordings {
    /// ```text
    /// {"period_days", "from", "periods", "symbols": [
    ///   {"symbol", "cells": [{"covered_pct", "gaps", "causes"} | null]}
    /// ]}
    /// ```
    /// Per symbol and UTC day the share of its streams' time without gaps; null where the symbol was not
    /// recorded. Periods are longer than a day where there would be more than [`COVERAGE_CELLS`] cells.
    ///
    /// # Errors
    /// `recording_not_found`, `symbol_not_found`.
    pub fn coverage(&self, id: &str, symbol: Option<&str>) -> Result<Value, Refusal> {
        let only = symbol.map(|name| self.spelled(id, name)).transpose()?;
        let recording = self.store.counted_recording(id).map_err(not_found)?;
        let gaps = self.store.gaps(id)?;
        let wanted = |name: &str| only.as_ref().is_none_or(|only| only == name);
        let symbols: Vec<&RecordedSymbolV1> =
            recording.symbols.iter().filter(|symbol| wanted(&symbol.name)).collect();
        let Some(periods) = Periods::of(&recording, &gaps, symbols.len()) else {
            return Ok(
                json!({"session_id": id, "period_days": 1, "from": null, "periods": 0, "symbols": []}),
            );
        };
        let mut of: BTreeMap<&str, Vec<&RecordedGap>> = BTreeMap::new();
        for (name, gap) in &gaps {
            of.entry(name).or_default().push(gap);
        }
        let shown = symbols.iter().map(|symbol| {
            let own = of.get(symbol.name.as_str()).map_or(&[][..], Vec::as_slice);
            let cells: Vec<Value> = periods.cells(symbol, own).iter().map(shown).collect();
            json!({"symbol": symbol.name, "cells": cells})
        });
        Ok(json!({
            "session_id": id,
            "period_days": periods.length_ns / DAY_NS,
            "from": Timestamp::from_nanos(periods.first_ns).rfc3339_millis(),
            "periods": periods.count,
            "symbols": shown.collect::<Vec<_>>(),
        }))
    }

    /// `{"sessions": […], "results": […], "labels": n}`: the running sessions and previews that read a
    /// recording, the results that name it as their source, and how many pumps are marked in it.
    ///
    /// # Errors
    /// `recording_not_found`.
    pub fn uses(&self, id: &str) -> Result<Value, Refusal> {
        self.find(id)?;
        let results = self.store.results_page(None, usize::MAX, Some(&|result| result.source == id))?;
        let results: Vec<&String> = results.items.iter().map(|result| &result.id).collect();
        Ok(json!({
            "session_id": id,
            "sessions": self.references.users_of(id),
            "results": results,
            "labels": self.store.labels(id)?.len(),
        }))
    }
}

impl Periods {
    /// Days, or multiples of them where there are too many; `None` without rows or gaps.
    fn of(recording: &RecordingV1, gaps: &[(String, RecordedGap)], symbols: usize) -> Option<Periods> {
        let (first, last) = recording.span_with_gaps_ns(gaps)?;
        let first_ns = first.div_euclid(DAY_NS) * DAY_NS;
        let days = ((last - first_ns).div_euclid(DAY_NS) + 1) as usize;
        let most = (COVERAGE_CELLS / symbols.max(1)).max(1);
        let length = days.div_ceil(most);
        Some(Periods { first_ns, length_ns: DAY_NS * length as i64, count: days.div_ceil(length) })
    }

    fn cells(&self, symbol: &RecordedSymbolV1, gaps: &[&RecordedGap]) -> Vec<Cell> {
        let mut cells = vec![Cell::default(); self.count];
        let mut spans: BTreeMap<StreamKind, (i64, i64)> = BTreeMap::new();
        for stream in symbol.streams.iter().filter(|stream| stream.rows > 0) {
            let Some(kind) = stream.kind() else { continue };
            spans.insert(kind, (stream.first_ns, stream.last_ns));
        }
        for known in gaps {
            let (from, to) = (known.gap.from.nanos(), known.gap.to.nanos());
            let span = spans.entry(known.stream).or_insert((from, to));
            *span = (span.0.min(from), span.1.max(to));
            self.each(from, to, &mut cells, |cell, ns| {
                cell.missing += ns;
                cell.gaps += 1;
                cell.causes.insert(known.gap.cause.as_str());
            });
        }
        for (from, to) in spans.into_values() {
            // A stream of one row still covers its moment.
            self.each(from, to.max(from + 1), &mut cells, |cell, ns| cell.expected += ns);
        }
        cells
    }

    /// Calls `act` with every cell that a span touches and how many nanoseconds of it.
    fn each(&self, from: i64, to: i64, cells: &mut [Cell], mut act: impl FnMut(&mut Cell, i128)) {
        let index =
            |at: i64| ((at - self.first_ns).div_euclid(self.length_ns).max(0) as usize).min(self.count - 1);
        let (first, last) = (index(from), index((to - 1).max(from)));
        for (index, cell) in cells.iter_mut().enumerate().take(last + 1).skip(first) {
            let start = self.first_ns + self.length_ns * index as i64;
            let (begin, end) = (from.max(start), to.min(start + self.length_ns));
            act(cell, i128::from((end - begin).max(0)));
        }
    }
}

fn shown(cell: &Cell) -> Value {
    if cell.expected == 0 {
        return Value::Null;
    }
    let covered = without_noise(100.0 * (cell.expected - cell.missing) as f64 / cell.expected as f64);
    json!({"covered_pct": covered.clamp(0.0, 100.0), "gaps": cell.gaps, "causes": cell.causes})
}
