//! Where market data comes from: a recording of the store, or files. One source is one feed over chosen symbols.

use super::options::{Clock, Options};
use crate::app::Failure;
use crate::domain::decimal::Decimal;
use crate::domain::record::StreamKind;
use crate::domain::symbol::{SymbolId, SymbolSpec, SymbolTable};
use crate::domain::time::Timestamp;
use crate::engine::indicators::Channel;
use crate::files::{FeedClock, FileFeed, Selection, SourceSurvey, expand, group_by_stem, survey};
use crate::session::ports::Feed;
use crate::store::{FeedChoice, FeedClock as StoreClock, Store};
use std::collections::BTreeSet;

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
pub fn find<'a>(options: &Options, store: Option<&'a Store>) -> Result<Vec<Source<'a>>, Failure> {
    let sources = match (&options.recording, store) {
        (Some(id), Some(store)) => vec![recording(id, options, store)?],
        _ => files(options)?,
    };
    for wanted in &options.symbol {
        if !sources.iter().any(|source| source.symbols.iter().any(|symbol| symbol.spec.name == *wanted)) {
            return Err(Failure::input(format!("no data of the symbol {wanted:?}; leave out --symbol to run over all there are")));
        }
    }
    let sources: Vec<Source<'a>> = sources.into_iter().filter(|source| !source.symbols.is_empty()).collect();
    if sources.is_empty() {
        return Err(Failure::input("there is no market data in what --data names"));
    }
    Ok(sources)
}

fn spec(name: &str, price_step: Decimal, quantity_step: Decimal) -> Result<SymbolSpec, Failure> {
    SymbolSpec::new(name, price_step, quantity_step, Decimal::ONE).ok_or_else(|| {
        Failure::input(format!(
            "{name} has prices in steps of {price_step} and quantities in steps of {quantity_step}: their product has more than 18 digits behind the point, which money cannot hold"
        ))
    })
}

fn files(options: &Options) -> Result<Vec<Source<'static>>, Failure> {
    let paths = expand(&options.data)?;
    group_by_stem(&paths)
        .into_iter()
        .map(|group| {
            let selection = selection(options, &options.symbol);
            let survey = survey(&group.paths, &selection, &mut |_| {})?;
            let symbols = survey
                .symbols
                .iter()
                .map(|symbol| {
                    let spec = spec(&symbol.name, symbol.price_step(), symbol.quantity_step())?;
                    Ok(SourceSymbol { spec, streams: symbol.streams.clone(), contract: false })
                })
                .collect::<Result<Vec<_>, Failure>>()?;
            let span = survey.first.zip(survey.last);
            Ok(Source { label: group.label, symbols, span, bytes: survey.total_bytes, origin: Origin::Files(survey) })
        })
        .collect()
}

fn selection(options: &Options, symbols: &[String]) -> Selection {
    let clock = match options.clock {
        Clock::Exchange => FeedClock::Exchange,
        Clock::Receive => FeedClock::Receive,
    };
    Selection { from: options.from, to: options.to, symbols: symbols.to_vec(), clock }
}

fn recording<'a>(id: &str, options: &Options, store: &'a Store) -> Result<Source<'a>, Failure> {
    let record = store.recording(id)?;
    let wanted = |name: &str| options.symbol.is_empty() || options.symbol.iter().any(|symbol| symbol == name);
    let mut symbols = Vec::new();
    let (mut first, mut last, mut bytes) = (i64::MAX, i64::MIN, 0);
    for symbol in record.symbols.iter().filter(|symbol| wanted(&symbol.name)) {
        let streams: Vec<StreamKind> = symbol.streams.iter().filter_map(|stream| stream.kind()).collect();
        for stream in &symbol.streams {
            first = first.min(stream.first_ns);
            last = last.max(stream.last_ns);
            bytes += stream.bytes;
        }
        symbols.push(SourceSymbol { spec: store.spec_of(id, &symbol.name)?, streams, contract: false });
    }
    let span = (first <= last).then(|| (Timestamp::from_nanos(first), Timestamp::from_nanos(last)));
    Ok(Source { label: id.to_owned(), symbols, span, bytes, origin: Origin::Recording(store) })
}

impl Source<'_> {
    /// A feed over the symbols of a table, all of which are in the source.
    ///
    /// # Errors
    /// Data that cannot be read, or receive times that were not recorded.
    pub fn feed<'s>(&'s self, options: &Options, table: &SymbolTable) -> Result<Box<dyn Feed + 's>, Failure> {
        let names: Vec<String> = table.iter().map(|(_, spec)| spec.name.clone()).collect();
        match &self.origin {
            Origin::Files(survey) => Ok(Box::new(FileFeed::open(survey, &selection(options, &names), table)?)),
            Origin::Recording(store) => {
                let symbols: Vec<SymbolId> = table.iter().map(|(id, _)| id).collect();
                let streams = self.replayed(&names);
                let choice = FeedChoice {
                    recording: &self.label,
                    symbols: &symbols,
                    streams: &streams,
                    clock: match options.clock {
                        Clock::Exchange => StoreClock::Exchange,
                        Clock::Receive => StoreClock::Receive,
                    },
                    from: options.from.unwrap_or(Timestamp::MIN),
                    to: options.to.unwrap_or(Timestamp::MAX),
                };
                Ok(Box::new(store.feed(choice, table)?))
            }
        }
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
