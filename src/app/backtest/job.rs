//! One run: a source, its symbols, its strategies, one account.

use super::options::{Clock, Options};
use super::source::{Source, SourceSymbol};
use super::strategies::Loaded;
use crate::app::Failure;
use crate::clock::Stopwatch;
use crate::document::decision;
use crate::document::strategy::needs;
use crate::domain::strategy::StrategyDef;
use crate::domain::symbol::SymbolTable;
use crate::domain::time::{Span, Timestamp};
use crate::report::assumptions::{Assumptions, BookSource, ClockUsed, Coverage, FeeSource, FeeTerms, FundingSource};
use crate::report::run::RunResult;
use crate::session::backtest::{Backtest, Flow, Progress};
use crate::session::collector::{Collector, Labels};
use indicatif::ProgressBar;
use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::sync::Mutex;

/// Where decisions are journaled, shared by all runs of a command.
type Journal = Arc<Mutex<BufWriter<std::fs::File>>>;

/// A run that can be repeated.
pub struct Job<'a> {
    options: &'a Options,
    source: &'a Source<'a>,
    symbols: Vec<&'a SourceSymbol>,
    strategies: Vec<&'a Loaded>,
    journal: Option<Journal>,
    /// Share of the source's bytes this run is counted with in the progress.
    bytes: u64,
}

/// All runs: source × symbol × strategy, or one per source when together.
///
/// # Errors
/// A strategy that needs data a source does not have, or a journal that cannot be created.
pub fn plan<'a>(options: &'a Options, sources: &'a [Source<'a>], strategies: &'a [Loaded]) -> Result<Vec<Job<'a>>, Failure> {
    let journal = match &options.journal {
        Some(path) => {
            let file = std::fs::File::create(path)
                .map_err(|error| Failure::other(format!("the journal {} cannot be written: {error}", path.display())))?;
            Some(Arc::new(Mutex::new(BufWriter::new(file))))
        }
        None => None,
    };
    let mut jobs = Vec::new();
    for source in sources {
        let all: Vec<&SourceSymbol> = source.symbols.iter().collect();
        let runs = if options.together { 1 } else { all.len() * strategies.len() };
        let mut add = |symbols: Vec<&'a SourceSymbol>, strategies: Vec<&'a Loaded>| {
            jobs.push(Job { options, source, symbols, strategies, journal: journal.clone(), bytes: source.bytes / runs.max(1) as u64 });
        };
        if options.together {
            add(all, strategies.iter().collect());
            continue;
        }
        for symbol in all {
            for strategy in strategies {
                add(vec![symbol], vec![strategy]);
            }
        }
    }
    for job in &jobs {
        job.refuse_missing_channels()?;
    }
    Ok(jobs)
}

impl Job<'_> {
    /// Bytes this run is counted with.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// File stem or recording id.
    pub fn source_id(&self) -> &str {
        &self.source.label
    }

    /// Options of the command.
    pub fn options(&self) -> &Options {
        self.options
    }

    /// Whether a symbol of that name is in the run.
    pub fn has_symbol(&self, name: &str) -> bool {
        self.symbols.iter().any(|symbol| symbol.spec.name == name)
    }

    /// First and last tick of the source.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.source.span
    }

    /// Strategies in the order of the session.
    pub fn defs(&self) -> Vec<Arc<StrategyDef>> {
        self.strategies.iter().map(|strategy| Arc::clone(&strategy.def)).collect()
    }

    fn refuse_missing_channels(&self) -> Result<(), Failure> {
        for strategy in &self.strategies {
            for symbol in &self.symbols {
                let has = symbol.channels();
                let needed = needs(&strategy.def);
                let missing: Vec<String> = needed
                    .iter()
                    .filter(|(channel, _)| !has.contains(channel))
                    .flat_map(|(_, parts)| parts)
                    .map(|need| format!("  {need}"))
                    .collect();
                if !missing.is_empty() {
                    let streams: Vec<&str> = symbol.streams.iter().map(|stream| stream.word()).collect();
                    return Err(Failure::input(format!(
                        "strategy {} cannot run on {} of {}, which holds only {}:\n{}\nrecord or import that data too, or remove these conditions",
                        strategy.label.id,
                        symbol.spec.name,
                        self.source.label,
                        streams.join(", "),
                        missing.join("\n")
                    )));
                }
            }
        }
        Ok(())
    }

    /// Engine, venue and symbols before the first event.
    pub fn build(&self) -> Backtest {
        let specs = self.symbols.iter().map(|symbol| symbol.spec.clone()).collect();
        let table = Arc::new(SymbolTable::new(1, specs));
        Backtest::new(table, &self.defs(), self.options.session(), self.options.venue())
    }

    /// Runs from the first to the last event.
    ///
    /// # Errors
    /// Data that could not be read to its end; then there is no result.
    pub fn run(&self, bar: &ProgressBar) -> Result<RunResult, Failure> {
        let mut backtest = self.build();
        let mut feed = self.source.feed(self.options, backtest.table())?;
        let instances = backtest.engine().instances().iter().map(|instance| instance.strategy).collect();
        let mut collector = Collector::new(self.options.session().initial_balance, self.symbols.len(), instances);
        if let Some(journal) = &self.journal {
            collector = collector.with_sink(self.journal_sink(journal, &mut backtest));
        }
        let mut pace = Pace::new(self.options.speed);
        let span = self.source.span;
        let mut shown = 0;
        backtest
            .run(&mut *feed, &mut collector, &mut |progress| {
                pace.keep(progress);
                let reached = share(span, progress.at, self.bytes);
                bar.inc(reached.saturating_sub(shown));
                shown = shown.max(reached);
                Flow::Continue
            })
            .map_err(|error| Failure::input(error.to_string()))?;
        bar.inc(self.bytes.saturating_sub(shown));
        let counts = backtest.venue_counts();
        let table = backtest.table().clone();
        let labels = Labels {
            source: self.source.label.clone(),
            strategies: self.strategies.iter().map(|strategy| strategy.label.clone()).collect(),
            assumptions: Assumptions {
                synthetic_fills: counts.synthetic_fills,
                penalised_fills: counts.penalised_fills,
                ..self.assumptions(&table)
            },
            settings: self.options.settings(),
        };
        let (orders, warm_at) = (backtest.engine().desk().orders(), backtest.engine().warm_at());
        Ok(collector.finish(&table, labels, orders, warm_at))
    }

    fn journal_sink<'s>(&self, journal: &'s Journal, backtest: &mut Backtest) -> Box<crate::session::collector::DecisionSink<'s>> {
        let defs = self.defs();
        let strategies: Vec<u32> = backtest.engine().instances().iter().map(|instance| instance.strategy).collect();
        let table = backtest.table().clone();
        Box::new(move |made, evidence| {
            let def = &defs[strategies[made.instance as usize] as usize];
            let line = decision::decision(made, evidence, def, table.spec(made.symbol));
            if let Ok(mut file) = journal.lock() {
                // A journal that cannot be written to any more must not stop the run it only watches.
                let _ = writeln!(file, "{line}");
            }
        })
    }

    fn assumptions(&self, table: &SymbolTable) -> Assumptions {
        let venue = self.options.venue();
        let session = self.options.session();
        let fees = table.iter().zip(&self.symbols).map(|((symbol, spec), source)| {
            let (maker, taker) = venue.fees.unwrap_or((spec.maker_fee, spec.taker_fee));
            let source = match (venue.fees, source.contract) {
                (Some(_), _) => FeeSource::Given,
                (None, true) => FeeSource::Contract,
                (None, false) => FeeSource::Default,
            };
            FeeTerms { symbol, maker, taker, source }
        });
        let fees = fees.collect();
        let assumed = (100.0 * self.options.assumed_spread, crate::domain::num::Money::from_f64(self.options.assumed_depth));
        let books = self.symbols.iter().filter(|symbol| symbol.has_book()).count();
        let book = match books {
            0 => BookSource::Synthetic { spread_bps: assumed.0, depth: assumed.1 },
            _ if books == self.symbols.len() => BookSource::Real,
            _ => BookSource::Mixed { spread_bps: assumed.0, depth: assumed.1 },
        };
        let funded = self.symbols.iter().any(|symbol| symbol.streams.contains(&crate::domain::record::StreamKind::Funding));
        let walked = if books > 0 { "walks the recorded book, own impact included" } else { "walks the assumed book" };
        Assumptions {
            fees,
            slippage: format!("{walked}; {} % on top", venue.slippage_pct),
            latency: venue.order_latency,
            feed_latency: venue.feed_latency,
            book,
            funding: if funded { FundingSource::Recorded } else { FundingSource::None },
            clock: match self.options.clock {
                Clock::Exchange => ClockUsed::Exchange,
                Clock::Receive => ClockUsed::Received,
            },
            initial_balance: session.initial_balance,
            risk_limits: session.risk.named(),
            seed: venue.seed,
            coverage: Coverage::default(),
            warm_up: None,
            synthetic_fills: 0,
            penalised_fills: 0,
            warnings: self.warnings(funded, books),
        }
    }

    fn warnings(&self, funded: bool, books: usize) -> Vec<String> {
        let mut warnings = Vec::new();
        if books < self.symbols.len() {
            warnings.push("no book was recorded: spread and depth of the fills are assumed".to_owned());
        }
        if !funded {
            warnings.push("no funding was recorded: none is charged".to_owned());
        }
        if self.options.latency_ms == 0.0 {
            warnings.push("orders act at once (latency 0): no live session can do that".to_owned());
        }
        warnings
    }

    /// A feed that ends at a moment, for explanations.
    ///
    /// # Errors
    /// As [`Source::feed`].
    pub fn feed_until<'s>(&'s self, options: &Options, backtest: &Backtest) -> Result<Box<dyn crate::session::ports::Feed + 's>, Failure> {
        self.source.feed(options, backtest.table())
    }
}

/// How many of `bytes` are done when the replay has reached `at`.
fn share(span: Option<(Timestamp, Timestamp)>, at: Timestamp, bytes: u64) -> u64 {
    let Some((first, last)) = span else { return 0 };
    let whole = (last - first).nanos().max(1);
    let done = (at - first).nanos().clamp(0, whole);
    (i128::from(bytes) * i128::from(done) / i128::from(whole)) as u64
}

/// Lets event time pass no faster than a multiple of real time.
struct Pace {
    speed: f64,
    start: Option<(Stopwatch, Timestamp)>,
}

impl Pace {
    fn new(speed: f64) -> Self {
        Pace { speed, start: None }
    }

    fn keep(&mut self, progress: Progress) {
        if self.speed <= 0.0 {
            return;
        }
        let (watch, first) = *self.start.get_or_insert_with(|| (Stopwatch::start(), progress.at));
        watch.sleep_until(Span::from_seconds_f64((progress.at - first).seconds_f64() / self.speed));
    }
}
