//! Sources of market data: stored recordings or files. A source gives one feed over chosen symbols.

use super::settings::{ReplayClock, RunSettings};
use super::symbol::SourceSymbol;
use crate::domain::contract_facts::{FactSource, SpecSources};
use crate::domain::record::StreamKind;
use crate::domain::symbol::{SymbolId, SymbolSpec, SymbolTable};
use crate::domain::time::Timestamp;
use crate::files::{FeedClock, FileFeed, FileSurvey, Opener, Selection, SourceSurvey};
use crate::service::SourceError;
use crate::session::ports::Feed;
use crate::store::{FeedChoice, FeedClock as StoreClock, Store};

/// A source and its contents.
pub struct Source<'a> {
    /// File stem or recording id.
    pub label: String,
    /// Its symbols that the settings select, with their streams and steps.
    pub symbols: Vec<SourceSymbol>,
    /// Times of the first and last tick of those symbols.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Bytes to read.
    pub bytes: u64,
    pub(super) origin: Origin<'a>,
}

pub(super) enum Origin<'a> {
    /// A market feed; it is pushed to the session, so there is nothing to read.
    Market,
    Files(Box<SourceSurvey>),
    Recording(&'a Store),
}

/// A market feed as a source: symbols and streams without recorded data.
pub fn market(label: &str, specs: &[SymbolSpec], streams: &[StreamKind]) -> Source<'static> {
    let symbol = |spec: &SymbolSpec| SourceSymbol {
        spec: spec.clone(),
        streams: streams.to_vec(),
        contract: true,
        sources: SpecSources::all(FactSource::Contract),
        bar: None,
        notes: Vec::new(),
        span: None,
        stretches: Vec::new(),
    };
    Source {
        label: label.to_owned(),
        symbols: specs.iter().map(symbol).collect(),
        span: None,
        bytes: 0,
        origin: Origin::Market,
    }
}

/// Which part of the files is read, and how.
pub(super) fn selection(settings: &RunSettings, symbols: &[String]) -> Selection {
    let clock = match settings.clock {
        ReplayClock::Exchange => FeedClock::Exchange,
        ReplayClock::Receive => FeedClock::Receive,
    };
    Selection {
        from: settings.from,
        to: settings.to,
        symbols: symbols.to_vec(),
        clock,
        declared: settings.declared.clone(),
        bar: settings.bar,
        opener: Opener::default(),
    }
}

/// Times of the first and last tick of the symbols.
pub(super) fn span_of(symbols: &[SourceSymbol]) -> Option<(Timestamp, Timestamp)> {
    let spans = || symbols.iter().filter_map(|symbol| symbol.span);
    Some((spans().map(|(first, _)| first).min()?, spans().map(|(_, last)| last).max()?))
}

impl Source<'_> {
    /// Names of all its symbols, selected or not.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub(super) fn all_symbols(&self) -> Result<Vec<String>, SourceError> {
        Ok(match &self.origin {
            Origin::Market => self.symbols.iter().map(|symbol| symbol.spec.name.clone()).collect(),
            Origin::Files(survey) => {
                let of = |file: &FileSurvey| -> Vec<String> {
                    let selected = file.symbols.iter().map(|symbol| symbol.name.clone());
                    selected.chain(file.other_symbols.iter().cloned()).collect()
                };
                survey.files.iter().flat_map(of).collect()
            }
            Origin::Recording(store) => {
                let record = store.readable_recording(&self.label, None)?;
                record.symbols.into_iter().map(|symbol| symbol.name).collect()
            }
        })
    }

    /// A feed over the symbols of `table`, all of which must be in the source.
    ///
    /// # Errors
    /// Data that cannot be read, or receive times were asked for but not recorded.
    pub fn feed<'s>(
        &'s self,
        settings: &RunSettings,
        table: &SymbolTable,
    ) -> Result<Box<dyn Feed + 's>, SourceError> {
        let names: Vec<String> = table.iter().map(|(_, spec)| spec.name.clone()).collect();
        match &self.origin {
            Origin::Market => Err(SourceError::Input("a market has no recorded data".to_owned())),
            Origin::Files(survey) => {
                Ok(Box::new(FileFeed::open(survey, &selection(settings, &names), table)?))
            }
            Origin::Recording(store) => {
                let symbols: Vec<SymbolId> = table.iter().map(|(id, _)| id).collect();
                let streams = self.replayed(table);
                let choice = FeedChoice {
                    recording: &self.label,
                    symbols: &symbols,
                    streams: &streams,
                    clock: match settings.clock {
                        ReplayClock::Exchange => StoreClock::Exchange,
                        ReplayClock::Receive => StoreClock::Receive,
                    },
                    from: settings.from.unwrap_or(Timestamp::MIN),
                    to: settings.to.unwrap_or(Timestamp::MAX),
                };
                Ok(Box::new(store.feed(choice, table)?))
            }
        }
    }

    /// Whether this is a market feed.
    pub fn is_market(&self) -> bool {
        matches!(self.origin, Origin::Market)
    }

    /// Streams to replay.
    fn replayed(&self, table: &SymbolTable) -> Vec<(SymbolId, StreamKind)> {
        let own = self.symbols.iter().filter_map(|symbol| Some((table.find(&symbol.spec.name)?, symbol)));
        own.flat_map(|(id, symbol)| symbol.replayed().map(move |kind| (id, kind))).collect()
    }
}
