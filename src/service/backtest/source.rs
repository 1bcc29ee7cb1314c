//! Where market data comes from: a recording of the store, or files. One source is one feed over chosen symbols.

use super::settings::{ReplayClock, RunSettings};
use crate::domain::decimal::Decimal;
use crate::domain::record::StreamKind;
use crate::domain::symbol::{SymbolId, SymbolSpec, SymbolTable};
use crate::domain::time::Timestamp;
use crate::engine::indicators::Channel;
use crate::files::{FeedClock, FileFeed, Selection, SourceSurvey, expand, group_by_stem, survey};
use crate::service::SourceError;
use crate::session::ports::Feed;
use crate::store::{FeedChoice, FeedClock as StoreClock, Store};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What market data the user names.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    /// A recording of the store.
    Recording(&'a Store, &'a str),
    /// Files or directories.
    Files(&'a [PathBuf]),
}

/// A source with what is in it.
pub struct Source<'a> {
    /// File stem or recording id.
    pub label: String,
    /// Symbols in it that the user wants, with their streams and steps.
    pub symbols: Vec<SourceSymbol>,
    /// First and last tick of those.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Bytes to read.
    pub bytes: u64,
    origin: Origin<'a>,
}

/// One symbol of a source.
pub struct SourceSymbol {
    /// What the engine must know of it.
    pub spec: SymbolSpec,
    /// What is recorded of it.
    pub streams: Vec<StreamKind>,
    /// Whether its fees are the recorded contract's.
    pub contract: bool,
}

enum Origin<'a> {
    /// A live market: its rows come by themselves.
    Market,
    Files(SourceSurvey),
    Recording(&'a Store),
}

impl SourceSymbol {
    /// Data that indicators can be computed from.
    pub fn channels(&self) -> BTreeSet<Channel> {
        let of = |kind: &StreamKind| match kind {
            StreamKind::BookSnapshots | StreamKind::BookChanges => vec![Channel::Book],
            StreamKind::Trades => vec![Channel::Price, Channel::Trades],
            StreamKind::Bars => vec![Channel::Price],
            StreamKind::Marks => vec![Channel::Mark],
            StreamKind::Funding => vec![Channel::Funding],
            StreamKind::Quotes => vec![],
        };
        self.streams.iter().flat_map(of).collect()
    }

    /// Whether a book is replayed.
    pub fn has_book(&self) -> bool {
        self.channels().contains(&Channel::Book)
    }
}

/// All sources the user named.
///
/// # Errors
/// Data that cannot be read or a symbol that is in none of it.
pub fn find<'a>(input: Input<'a>, settings: &RunSettings) -> Result<Vec<Source<'a>>, SourceError> {
    let sources = match input {
        Input::Recording(store, id) => vec![recording(id, settings, store)?],
        Input::Files(paths) => files(paths, settings)?,
    };
    for wanted in &settings.symbols {
        if !sources.iter().any(|source| source.symbols.iter().any(|symbol| symbol.spec.name == *wanted)) {
            return Err(SourceError::Input(format!(
                "there is no data of the symbol {wanted:?}; leave the symbol out to run over all there are"
            )));
        }
    }
    let sources: Vec<Source<'a>> = sources.into_iter().filter(|source| !source.symbols.is_empty()).collect();
    if sources.is_empty() {
        return Err(SourceError::Input("there is no market data in what was named".to_owned()));
    }
    Ok(sources)
}

/// A live market as a source: what a run must know of it, without a feed.
pub fn market(label: &str, specs: &[SymbolSpec], streams: &[StreamKind]) -> Source<'static> {
    let symbol = |spec: &SymbolSpec| SourceSymbol { spec: spec.clone(), streams: streams.to_vec(), contract: true };
    Source { label: label.to_owned(), symbols: specs.iter().map(symbol).collect(), span: None, bytes: 0, origin: Origin::Market }
}

fn spec(name: &str, price_step: Decimal, quantity_step: Decimal) -> Result<SymbolSpec, SourceError> {
    SymbolSpec::new(name, price_step, quantity_step, Decimal::ONE).ok_or_else(|| {
        SourceError::Input(format!(
            "{name} has prices in steps of {price_step} and quantities in steps of {quantity_step}: their product has more than 18 digits behind the point, which money cannot hold"
        ))
    })
}

/// The fees to assume where no contract was recorded.
fn with_fees(mut spec: SymbolSpec, settings: &RunSettings) -> SymbolSpec {
    (spec.maker_fee, spec.taker_fee) = settings.default_fees;
    spec
}

fn files(paths: &[PathBuf], settings: &RunSettings) -> Result<Vec<Source<'static>>, SourceError> {
    let paths = expand(paths)?;
    group_by_stem(&paths)
        .into_iter()
        .map(|group| {
            let selection = selection(settings, &settings.symbols);
            let survey = survey(&group.paths, &selection, &mut |_| {})?;
            let symbols = survey
                .symbols
                .iter()
                .map(|symbol| {
                    let spec = with_fees(spec(&symbol.name, symbol.price_step(), symbol.quantity_step())?, settings);
                    Ok(SourceSymbol { spec, streams: symbol.streams.clone(), contract: false })
                })
                .collect::<Result<Vec<_>, SourceError>>()?;
            let span = survey.first.zip(survey.last);
            Ok(Source { label: group.label, symbols, span, bytes: survey.total_bytes, origin: Origin::Files(survey) })
        })
        .collect()
}

fn selection(settings: &RunSettings, symbols: &[String]) -> Selection {
    let clock = match settings.clock {
        ReplayClock::Exchange => FeedClock::Exchange,
        ReplayClock::Receive => FeedClock::Receive,
    };
    Selection { from: settings.from, to: settings.to, symbols: symbols.to_vec(), clock }
}

fn recording<'a>(id: &str, settings: &RunSettings, store: &'a Store) -> Result<Source<'a>, SourceError> {
    let record = store.readable_recording(id, None)?;
    let wanted = |name: &str| settings.symbols.is_empty() || settings.symbols.iter().any(|symbol| symbol == name);
    let mut symbols = Vec::new();
    let (mut first, mut last, mut bytes) = (i64::MAX, i64::MIN, 0);
    for symbol in record.symbols.iter().filter(|symbol| wanted(&symbol.name)) {
        let streams: Vec<StreamKind> = symbol.streams.iter().filter_map(|stream| stream.kind()).collect();
        for stream in &symbol.streams {
            first = first.min(stream.first_ns);
            last = last.max(stream.last_ns);
            bytes += stream.bytes;
        }
        let recorded = store.recorded_spec(id, &symbol.name)?;
        let contract = recorded.is_some();
        let spec = match recorded {
            Some(spec) => spec,
            None => with_fees(store.spec_of(id, &symbol.name)?, settings),
        };
        symbols.push(SourceSymbol { spec, streams, contract });
    }
    let span = (first <= last).then(|| (Timestamp::from_nanos(first), Timestamp::from_nanos(last)));
    Ok(Source { label: id.to_owned(), symbols, span, bytes, origin: Origin::Recording(store) })
}

impl Source<'_> {
    /// A feed over the symbols of a table, all of which are in the source.
    ///
    /// # Errors
    /// Data that cannot be read, or receive times that were not recorded.
    pub fn feed<'s>(&'s self, settings: &RunSettings, table: &SymbolTable) -> Result<Box<dyn Feed + 's>, SourceError> {
        let names: Vec<String> = table.iter().map(|(_, spec)| spec.name.clone()).collect();
        match &self.origin {
            Origin::Market => Err(SourceError::Input("a live market has no recorded data".to_owned())),
            Origin::Files(survey) => Ok(Box::new(FileFeed::open(survey, &selection(settings, &names), table)?)),
            Origin::Recording(store) => {
                let symbols: Vec<SymbolId> = table.iter().map(|(id, _)| id).collect();
                let streams = self.replayed(&names);
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

    /// Whether its rows come from a live market by themselves.
    pub fn is_market(&self) -> bool {
        matches!(self.origin, Origin::Market)
    }

    /// The richer of two streams that say the same: changes before snapshots of the book, trades before bars.
    fn replayed(&self, names: &[String]) -> Vec<StreamKind> {
        let own = self.symbols.iter().filter(|symbol| names.contains(&symbol.spec.name));
        let all: BTreeSet<StreamKind> = own.flat_map(|symbol| symbol.streams.iter().copied()).collect();
        let beaten = |kind: &StreamKind| match kind {
            StreamKind::BookSnapshots => all.contains(&StreamKind::BookChanges),
            StreamKind::Bars => all.contains(&StreamKind::Trades),
            StreamKind::Quotes => true,
            _ => false,
        };
        all.iter().copied().filter(|kind| !beaten(kind)).collect()
    }
}
