//! What an import learns about symbols besides their rows: contract facts, bar lengths, gaps, repeated
//! trades.

use super::reading::Reading;
use crate::domain::bar_length::{BarDistances, BarSource};
use crate::domain::contract_facts::ContractFacts;
use crate::domain::decimal::Decimal;
use crate::domain::record::{Record, RecordedGap, StreamKind};
use crate::domain::symbol_name;
use crate::domain::time::{Span, Timestamp};
use crate::files::{BarLengths, Continuity, FileFacts, SourceFile, declared_bar, gaps, joined, notes_of};
use crate::report::text::counted;
use crate::service::SourceError;
use crate::store::NewFacts;
use crate::store::records::SymbolFactsV1;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The result.
pub(super) struct Known {
    pub bars: Vec<(String, Span)>,
    pub facts: Vec<NewFacts>,
    pub gaps: Vec<(String, RecordedGap)>,
}

/// The state while files are read.
pub(super) struct Seen<'a> {
    reading: &'a Reading,
    streams: BTreeMap<(Arc<str>, StreamKind), StreamReading>,
    stated: BTreeMap<String, Stated>,
}

/// What files state of a symbol besides their rows.
#[derive(Clone, Default)]
struct Stated {
    facts: ContractFacts,
    /// Rows that were there before.
    repeated: u64,
    /// Rounded numbers.
    rounded: u64,
    /// How files of other makers were read.
    notes: Vec<String>,
    /// The declared length of its bars.
    bar: Option<(Span, BarSource)>,
}

/// State of one stream of one symbol.
struct StreamReading {
    /// One per file; the current file's is last.
    parts: Vec<Continuity>,
    file: usize,
    distances: BarDistances,
    last: Option<Timestamp>,
}

impl<'a> Seen<'a> {
    pub fn new(reading: &'a Reading) -> Self {
        Seen { reading, streams: BTreeMap::new(), stated: BTreeMap::new() }
    }

    /// Adds the next rows of a stream.
    pub fn rows(&mut self, file: usize, symbol: &Arc<str>, kind: StreamKind, rows: &[Record]) {
        let stream = self.streams.entry((Arc::clone(symbol), kind)).or_insert_with(|| StreamReading {
            parts: vec![Continuity::new(kind)],
            file,
            distances: BarDistances::default(),
            last: None,
        });
        if stream.file != file {
            stream.parts.push(Continuity::new(kind));
            stream.file = file;
        }
        if kind == StreamKind::Bars {
            for record in rows {
                if let Some(last) = stream.last.replace(record.exchange_at) {
                    stream.distances.add(record.exchange_at - last);
                }
            }
        }
        if let Some(part) = stream.parts.last_mut() {
            rows.iter().for_each(|record| part.see(record));
        }
    }

    /// Counts rows of a symbol that an earlier file has too and that are left out.
    pub fn repeated(&mut self, symbol: &str, rows: u64) {
        self.stated.entry(symbol.to_owned()).or_default().repeated += rows;
    }

    /// Adds what the completely read files state besides their rows.
    ///
    /// # Errors
    /// Files that declare different facts or lengths of bars of a symbol.
    pub fn read(&mut self, sources: Vec<SourceFile>) -> Result<(), SourceError> {
        let (mut lengths, mut told) = (BarLengths::default(), FileFacts::default());
        for source in sources {
            for (index, name) in source.symbols().iter().enumerate() {
                let stated = self.stated.entry(name.clone()).or_default();
                let facts = source.facts_of(name);
                told.add(name, source.path(), &facts).map_err(SourceError::Input)?;
                stated.facts = std::mem::take(&mut stated.facts).or(facts);
                stated.repeated += source.repeated(index as u32);
                stated.rounded += source.rounded(index as u32);
                let notes = notes_of(index as u32, &source);
                stated.notes = joined([&stated.notes[..], &notes].into_iter());
                if source.kind() == StreamKind::Bars
                    && let Some(bar) = declared_bar(&source, name, self.reading.bar)
                {
                    lengths.add(name, source.path(), bar.0).map_err(SourceError::Input)?;
                    stated.bar = Some(bar);
                }
            }
        }
        Ok(())
    }

    pub fn finish(self) -> Known {
        let mut known = Known { bars: Vec::new(), facts: Vec::new(), gaps: Vec::new() };
        let mut by_symbol: BTreeMap<Arc<str>, Vec<Continuity>> = BTreeMap::new();
        let mut notes: BTreeMap<Arc<str>, (BarSource, Option<String>)> = BTreeMap::new();
        for ((symbol, kind), mut stream) in self.streams {
            let declared = self.stated.get(&*symbol).and_then(|stated| stated.bar);
            let (length, source) = stream.distances.length(declared);
            if kind == StreamKind::Bars {
                known.bars.push((symbol.to_string(), length));
                notes.insert(Arc::clone(&symbol), (source, stream.distances.contradiction(length, source)));
            }
            stream.parts.iter_mut().for_each(|part| part.close(length));
            let whole = stream.parts.into_iter().reduce(|mut before, later| {
                before.join(&later);
                before
            });
            by_symbol.entry(symbol).or_default().extend(whole);
        }
        for (symbol, streams) in by_symbol {
            let found = gaps(&streams.iter().collect::<Vec<_>>());
            known.gaps.extend(found.into_iter().map(|gap| (symbol.to_string(), gap)));
            let stated = self.stated.get(&*symbol).cloned().unwrap_or_default();
            known.facts.extend(kept(&symbol, stated, notes.remove(&symbol)));
        }
        known
    }
}

/// Tells of a contract that is inverse, or may be, because a backtest refuses it or computes it as linear.
fn inverse_note(symbol: &str, facts: &ContractFacts) -> Option<String> {
    if facts.is_inverse(symbol) {
        return Some(format!(
            "{symbol} is an inverse (coin-margined) contract, so its quantities count its quote currency or contracts of it: backtests refuse it"
        ));
    }
    (facts.settle.is_none() && symbol_name::may_be_inverse(symbol)).then(|| {
        format!(
            "{symbol} may be an inverse (coin-margined) contract, which its name does not tell: declare `quote` and `settle` in a contract file, \
             or backtests compute it as linear"
        )
    })
}

/// The facts to store of a symbol; `None` when there are none.
fn kept(symbol: &str, stated: Stated, bars: Option<(BarSource, Option<String>)>) -> Option<NewFacts> {
    let Stated { facts, repeated, rounded, mut notes, .. } = stated;
    notes.extend(inverse_note(symbol, &facts));
    if facts.is_empty() && repeated == 0 && rounded == 0 && notes.is_empty() && bars.is_none() {
        return None;
    }
    if rounded > 0 {
        let numbers = counted(rounded, "number", "numbers");
        notes.push(format!("corrected {numbers} of {symbol} to the step; off by a binary rounding error"));
    }
    let (source, contradiction) =
        bars.map_or((None, None), |(source, contradiction)| (Some(source), contradiction));
    notes.extend(contradiction.map(|contradiction| format!("{symbol}: {contradiction}")));
    let bar_source = source.map(|source| source.as_str().to_owned());
    let spec = facts
        .terms
        .is_some()
        .then(|| facts.spec(symbol, Decimal::ONE, Decimal::ONE))
        .flatten()
        .map(|(spec, _)| spec);
    Some(NewFacts {
        symbol: symbol.to_owned(),
        facts: SymbolFactsV1 { bar_source, repeated, notes, ..SymbolFactsV1::new(&facts) },
        spec,
    })
}
