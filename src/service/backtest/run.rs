//! One run: a source, its symbols and strategies, and one account.

use super::pace::{Paced, StopSignal};
use super::settings::{ReplayClock, RunSettings};
use super::source::Source;
use super::symbol::SourceSymbol;
use crate::document::strategy::needs;
use crate::domain::bar_length::BarSource;
use crate::domain::contract_facts::FactSource;
use crate::domain::num::Money;
use crate::domain::quote::{is_dollar, quote_currency};
use crate::domain::record::StreamKind;
use crate::domain::strategy::StrategyDef;
use crate::domain::symbol::SymbolTable;
use crate::domain::symbol_name;
use crate::domain::time::{Span, Timestamp};
use crate::domain::visible::Visible;
use crate::files::FURTHEST_APART;
use crate::report::assumptions::{
    Assumptions, BookSource, ClockUsed, ContractSources, Coverage, FeeSource, FeeTerms, FundingSource,
};
use crate::report::no_trade;
use crate::report::run::{Mode, RunResult};
use crate::service::SourceError;
use crate::service::strategies::Loaded;
use crate::session::collector::{Collector, Labels};
use crate::session::driver::Driver;
use crate::session::gateway::Gateway;
use crate::session::ports::Feed;
use arc_swap::ArcSwap;
use std::sync::Arc;

/// How much later or earlier than the exchange's a recorder's clock may be; far less than two stretches are
/// apart.
const MISDATED: Span = Span::from_seconds(3_600);

/// A run that can be repeated.
pub struct Run<'a> {
    settings: &'a RunSettings,
    source: &'a Source<'a>,
    symbols: Vec<&'a SourceSymbol>,
    strategies: Vec<&'a Loaded>,
    /// The first and last row of the stretch it is of, where a recording holds several histories.
    stretch: Option<(Timestamp, Timestamp)>,
    /// Bytes of the source this run counts for in the progress display.
    bytes: u64,
}

/// All runs: source × symbol × strategy, or one per source when together. A recorded symbol whose rows lie as
/// far apart as files that are not joined has a run for each stretch.
///
/// # Errors
/// A strategy that needs data a source does not have.
pub fn plan<'a>(
    settings: &'a RunSettings,
    sources: &'a [Source<'a>],
    strategies: &'a [Loaded],
) -> Result<Vec<Run<'a>>, SourceError> {
    plan_fit(settings, sources, strategies, &mut Vec::new())
}

/// As [`plan`]; with `skip_unfit`, runs that lack data their strategy needs are listed in `left_out` instead.
///
/// # Errors
/// As [`plan`]; with `skip_unfit` only when no run is left.
pub fn plan_fit<'a>(
    settings: &'a RunSettings,
    sources: &'a [Source<'a>],
    strategies: &'a [Loaded],
    left_out: &mut Vec<String>,
) -> Result<Vec<Run<'a>>, SourceError> {
    let mut runs = Vec::new();
    for source in sources {
        let all: Vec<&SourceSymbol> = source.symbols.iter().collect();
        let apart: usize = all.iter().map(|symbol| symbol.stretches.len().max(1)).sum();
        let count = if settings.together { 1 } else { apart * strategies.len() };
        let mut add = |symbols: Vec<&'a SourceSymbol>, strategies: Vec<&'a Loaded>, stretch| {
            runs.push(Run {
                settings,
                source,
                symbols,
                strategies,
                stretch,
                bytes: source.bytes / count.max(1) as u64,
            });
        };
        if settings.together {
            add(all, strategies.iter().collect(), None);
            continue;
        }
        for symbol in all {
            for strategy in strategies {
                if symbol.stretches.len() < 2 {
                    add(vec![symbol], vec![strategy], None);
                    continue;
                }
                for stretch in symbol.stretches.iter().filter(|stretch| settings.reaches(**stretch)) {
                    add(vec![symbol], vec![strategy], Some(*stretch));
                }
            }
        }
    }
    let mut fit = Vec::new();
    let mut refused = None;
    for run in runs {
        match run.refuse_missing_channels() {
            Ok(()) => fit.push(run),
            Err(error) if settings.skip_unfit => {
                left_out.push(error.to_string());
                refused.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match refused {
        Some(error) if fit.is_empty() => Err(error),
        _ => Ok(fit),
    }
}

impl<'a> Run<'a> {
    /// Bytes this run counts for in the progress display.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// File stem or recording id.
    pub fn source_id(&self) -> &str {
        &self.source.label
    }

    /// The settings of the run.
    pub fn settings(&self) -> &RunSettings {
        self.settings
    }

    /// Whether the run contains a symbol of that name, in either spelling.
    pub fn has_symbol(&self, name: &str) -> bool {
        self.spelled(name).is_some()
    }

    /// Names of its symbols.
    pub fn symbol_names(&self) -> impl Iterator<Item = &str> {
        self.symbols.iter().map(|symbol| symbol.spec.name.as_str())
    }

    /// The run's spelling of a symbol name given in either spelling.
    pub fn spelled(&self, name: &str) -> Option<&str> {
        symbol_name::find(name, self.symbols.iter().map(|symbol| symbol.spec.name.as_str()))
    }

    /// Time range of the run: that of its ticks, limited to `from` and `to`; `None` when it is empty.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let (first, last) = self.source_span()?;
        let first = self.settings.from.map_or(first, |from| from.max(first));
        let last = self.settings.to.map_or(last, |to| to.min(last));
        (first <= last).then_some((first, last))
    }

    /// Times of the first and last tick of the run's symbols, whatever the time range of the settings.
    pub fn source_span(&self) -> Option<(Timestamp, Timestamp)> {
        if self.stretch.is_some() {
            return self.stretch;
        }
        let spans = || self.symbols.iter().filter_map(|symbol| symbol.span);
        Some((spans().map(|(first, _)| first).min()?, spans().map(|(_, last)| last).max()?))
    }

    /// Strategies in session order.
    pub fn defs(&self) -> Vec<Arc<StrategyDef>> {
        self.strategies.iter().map(|strategy| Arc::clone(&strategy.def)).collect()
    }

    /// Whether the strategy at `index` trades the symbol.
    fn is_assigned(&self, index: usize, symbol: &str) -> bool {
        let names = self.settings.assigned.get(index).and_then(Option::as_ref);
        names.is_none_or(|names| names.iter().any(|name| name == symbol))
    }

    fn refuse_missing_channels(&self) -> Result<(), SourceError> {
        for (index, strategy) in self.strategies.iter().enumerate() {
            for symbol in self.symbols.iter().filter(|symbol| self.is_assigned(index, &symbol.spec.name)) {
                let has = symbol.channels();
                let needed = needs(&strategy.def);
                let missing: Vec<String> = needed
                    .iter()
                    .filter(|(channel, _)| !has.contains(channel))
                    .flat_map(|(_, parts)| parts)
                    .map(|need| format!("  {need}"))
                    .collect();
                if !missing.is_empty() {
                    let streams: Vec<&str> = symbol.streams.iter().map(|stream| stream.as_str()).collect();
                    return Err(SourceError::Input(format!(
                        "strategy {} cannot run on {} of {}, which holds only {}:\n{}\nrecord or import that data too, or remove these conditions",
                        strategy.label.id,
                        symbol.spec.name,
                        self.source.label.visible(),
                        streams.join(", "),
                        missing.join("\n")
                    )));
                }
            }
        }
        Ok(())
    }

    /// The run's symbols, all of them enabled.
    pub fn table(&self) -> SymbolTable {
        SymbolTable::new(1, self.symbols.iter().map(|symbol| symbol.spec.clone()).collect())
    }

    /// Engine, venue and symbols, ready for the first event.
    pub fn build(&self) -> Driver {
        self.sharing(Arc::new(ArcSwap::from_pointee(self.table())))
    }

    /// As [`Run::build`], on a symbol table that others may replace during the run.
    pub fn sharing(&self, symbols: Arc<ArcSwap<SymbolTable>>) -> Driver {
        let session = self.settings.session(&symbols.load());
        Driver::sharing(symbols, &self.defs(), session, self.settings.venue())
    }

    /// As [`Run::sharing`], with orders going to any gateway.
    pub fn over<G: Gateway>(&self, symbols: Arc<ArcSwap<SymbolTable>>, gateway: G) -> Driver<G> {
        let session = self.settings.session(&symbols.load());
        Driver::over(symbols, &self.defs(), session, gateway)
    }

    /// The collector that builds the run's result.
    pub fn collector<'s, G: Gateway>(&self, backtest: &mut Driver<G>) -> Collector<'s> {
        let instances = backtest.engine().instances().iter().map(|instance| instance.strategy).collect();
        Collector::new(Money::from_f64(self.settings.initial_balance), self.symbols.len(), instances)
    }

    /// The events at the speed of the settings, until the data end or `control` stops the run.
    ///
    /// # Errors
    /// As [`Source::feed`].
    pub fn feed<'s>(&'s self, backtest: &Driver, control: &'s StopSignal) -> Result<Paced<'s>, SourceError> {
        let feed = self.source.feed(&self.within(self.settings.to), backtest.table())?;
        Ok(Paced::new(feed, self.settings.speed, control))
    }

    /// A feed of the run's events before `to`, unpaced.
    ///
    /// # Errors
    /// As [`Source::feed`].
    pub fn feed_until(&self, to: Timestamp, backtest: &Driver) -> Result<Box<dyn Feed + '_>, SourceError> {
        self.source.feed(&self.within(Some(to)), backtest.table())
    }

    /// The settings with the time range of its stretch, that ends before `to`.
    fn within(&self, to: Option<Timestamp>) -> RunSettings {
        let Some((first, last)) = self.stretch else { return RunSettings { to, ..self.settings.clone() } };
        // A bar is known at its end, but lies where it begins.
        let bars = self.symbols.iter().filter_map(|symbol| symbol.replayed_bar()).map(|(length, _)| length);
        let end = last + bars.max().unwrap_or_default() + MISDATED + Span::from_nanos(1);
        let first = if self.settings.clock == ReplayClock::Receive { first - MISDATED } else { first };
        let from = self.settings.from.map_or(first, |from| from.max(first));
        RunSettings { from: Some(from), to: Some(to.map_or(end, |to| to.min(end))), ..self.settings.clone() }
    }

    /// The result of a finished run. `noted` are further warnings for the reader.
    pub fn result<G: Gateway>(
        &self,
        mut backtest: Driver<G>,
        collector: Collector<'_>,
        noted: Vec<String>,
    ) -> RunResult {
        let counts = backtest.venue_counts();
        let table = backtest.table().clone();
        let mut assumptions = Assumptions {
            synthetic_fills: counts.synthetic_fills,
            penalised_fills: counts.penalised_fills,
            bars_in_doubt: counts.bars_in_doubt,
            ..self.assumptions(&table)
        };
        assumptions.warnings.extend(noted);
        let labels = Labels {
            mode: match self.source.is_market() {
                _ if self.settings.real_money => Mode::Live,
                true => Mode::Paper,
                false => Mode::Backtest,
            },
            defs: self.defs(),
            source: self.source.label.clone(),
            strategies: self.strategies.iter().map(|strategy| strategy.label.clone()).collect(),
            assumptions,
            settings: self.settings.named(),
        };
        let (orders, warm_at) = (backtest.engine().account().orders(), backtest.engine().warm_at());
        let mut result = collector.finish(&table, labels, orders, warm_at);
        let coarse = self.coarse_steps(&result);
        result.assumptions.warnings.extend(coarse);
        result
    }

    /// Warns of assumed price steps that are coarser than the assumed spread, because they then decide the
    /// cost of a fill.
    fn coarse_steps(&self, result: &RunResult) -> Vec<String> {
        let assumed = self
            .symbols
            .iter()
            .zip(&result.prices)
            .filter(|(symbol, _)| symbol.sources.price_step == FactSource::Assumed && !symbol.has_book());
        let coarse = assumed.filter_map(|(symbol, (_, prices))| {
            let lowest = prices.iter().map(|bucket| bucket.extent.low).min().filter(|price| price.0 > 0)?;
            let pct = 100.0 / lowest.0 as f64;
            (pct > self.settings.assumed_spread_pct).then(|| {
                format!(
                    "the price step {} of {} is assumed and up to {pct:.2} % of its price, more than the assumed spread of {} %: fills at an \
                     assumed book may cost that much; declare the step (--price-step)",
                    symbol.spec.price_step, symbol.spec.name, self.settings.assumed_spread_pct
                )
            })
        });
        coarse.collect()
    }

    /// Assumed contract facts, one sentence per kind of fact.
    fn assumed_facts(&self) -> Vec<String> {
        let names = |is_assumed: &dyn Fn(&SourceSymbol) -> bool| {
            const SHOWN: usize = 3;
            let all: Vec<&str> = self
                .symbols
                .iter()
                .filter(|symbol| is_assumed(symbol))
                .map(|symbol| symbol.spec.name.as_str())
                .collect();
            let more =
                if all.len() > SHOWN { format!(" and {} more", all.len() - SHOWN) } else { String::new() };
            (!all.is_empty()).then(|| format!("{}{more}", all[..all.len().min(SHOWN)].join(", ")))
        };
        let assumed = |source: FactSource| source == FactSource::Assumed;
        let steps =
            names(&|symbol| assumed(symbol.sources.price_step) || assumed(symbol.sources.quantity_step)).map(
                |names| {
                    format!("price or quantity step of {names} not known: assumed by the digits in the data")
                },
            );
        let sizes = names(&|symbol| assumed(symbol.sources.contract_size)).map(|names| {
            format!("contract size of {names} not known: quantities are assumed to be in the base currency")
        });
        let bars = |source| {
            move |symbol: &SourceSymbol| symbol.replayed_bar().is_some_and(|(_, known)| known == source)
        };
        let frequent = names(&bars(BarSource::Frequent)).map(|names| {
            format!("length of the bars of {names} not declared: their most frequent distance is assumed")
        });
        let alone = names(&bars(BarSource::Assumed))
            .map(|names| format!("length of the bars of {names} not known: a minute is assumed"));
        [steps, sizes, frequent, alone].into_iter().flatten().collect()
    }

    fn assumptions(&self, table: &SymbolTable) -> Assumptions {
        let venue = self.settings.venue();
        let session = self.settings.session(table);
        let fees = table.iter().zip(&self.symbols).map(|((symbol, spec), source)| {
            let (maker, taker) = venue.fees.unwrap_or((spec.maker_fee, spec.taker_fee));
            let source = match (venue.fees, source.contract) {
                (Some(_), _) => FeeSource::Given,
                (None, _) if self.source.is_market() => FeeSource::Configured,
                (None, true) => FeeSource::Contract,
                (None, false) => FeeSource::Default,
            };
            FeeTerms { symbol, maker, taker, source }
        });
        let fees = fees.collect();
        let contracts = table.iter().zip(&self.symbols).map(|((symbol, _), source)| ContractSources {
            symbol,
            sources: source.sources,
            bar: source.replayed_bar(),
        });
        let contracts = contracts.collect();
        let assumed =
            (100.0 * self.settings.assumed_spread_pct, Money::from_f64(self.settings.assumed_depth));
        let books = self.symbols.iter().filter(|symbol| symbol.has_book()).count();
        let book = match books {
            0 => BookSource::Synthetic { spread_bps: assumed.0, depth: assumed.1 },
            _ if books == self.symbols.len() => BookSource::Real,
            _ => BookSource::Mixed { spread_bps: assumed.0, depth: assumed.1 },
        };
        let funded = self.symbols.iter().any(|symbol| symbol.streams.contains(&StreamKind::Funding));
        let walked =
            if books > 0 { "walks the recorded book, own impact included" } else { "walks the assumed book" };
        Assumptions {
            fees,
            contracts,
            slippage: format!("{walked}; {} % on top", venue.slippage_pct),
            latency: venue.order_latency,
            feed_latency: venue.feed_latency,
            book,
            funding: if funded { FundingSource::Recorded } else { FundingSource::None },
            clock: match self.settings.clock {
                ReplayClock::Exchange => ClockUsed::Exchange,
                ReplayClock::Receive => ClockUsed::Received,
            },
            initial_balance: session.initial_balance,
            risk_limits: session.risk.named(),
            seed: venue.seed,
            coverage: Coverage::default(),
            warm_up: None,
            synthetic_fills: 0,
            bars_in_doubt: 0,
            penalised_fills: 0,
            warnings: self.warnings(),
        }
    }

    /// Warns when quote currencies are mixed or not the dollar: default amounts are chosen for dollars.
    pub fn money_warning(&self) -> Option<String> {
        let mut quotes: Vec<&str> =
            self.symbols.iter().filter_map(|symbol| quote_currency(&symbol.spec.name)).collect();
        quotes.sort_unstable();
        quotes.dedup();
        match quotes.as_slice() {
            [_, _, ..] => Some(format!(
                "the account adds up {} as if they were one currency: run their symbols apart",
                quotes.join(", ")
            )),
            [quote] if !is_dollar(quote) => Some(format!(
                "the account is in {quote}: it starts with {} {quote}, and {} {quote} are assumed on each level of a book that was not recorded; \
                 choose an initial balance and an assumed depth that make sense in {quote}",
                self.settings.initial_balance, self.settings.assumed_depth
            )),
            _ => None,
        }
    }

    /// Warnings for strategies that look back further than the data reach and so cannot trade.
    pub fn short_data(&self) -> Vec<String> {
        let Some((first, last)) = self.span() else { return Vec::new() };
        let data = last - first;
        let too_short = |strategy: &&&Loaded| {
            strategy.label.look_back.as_ref().is_some_and(|look_back| look_back.span > data)
        };
        let warning = |strategy: &&Loaded| {
            let look_back = strategy.label.look_back.as_ref()?;
            Some(format!(
                "{}: it will not trade",
                no_trade::too_short(&strategy.label.id, look_back, data, &self.source.label)
            ))
        };
        self.strategies.iter().filter(too_short).filter_map(warning).collect()
    }

    /// Tells of symbols whose rows are so far apart that they are several histories, and what is made of
    /// them.
    fn far_apart(&self) -> Vec<String> {
        let several = self.symbols.iter().filter(|symbol| symbol.stretches.len() > 1);
        let told = several.map(|symbol| {
            let what = match self.stretch {
                Some(_) => "each is a run with an account of its own, this is one of them",
                None => "one account runs through all of them",
            };
            format!(
                "the rows of {} come in {} stretches that are more than {} days apart: {what}",
                symbol.spec.name,
                symbol.stretches.len(),
                FURTHEST_APART.seconds_f64() / 86_400.0
            )
        });
        told.collect()
    }

    /// Everything a reader of the result must know that is certain before the run.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self.money_warning().into_iter().collect();
        let books = self.symbols.iter().filter(|symbol| symbol.has_book()).count();
        if books < self.symbols.len() {
            warnings.push("no book was recorded: spread and depth of the fills are assumed".to_owned());
        }
        warnings.extend(self.assumed_facts());
        warnings.extend(self.far_apart());
        warnings.extend(self.symbols.iter().flat_map(|symbol| symbol.notes.iter().cloned()));
        if !self.symbols.iter().any(|symbol| symbol.streams.contains(&StreamKind::Funding)) {
            warnings.push("no funding was recorded: none is charged".to_owned());
        }
        let both = |symbol: &&SourceSymbol| {
            [StreamKind::BookSnapshots, StreamKind::BookChanges]
                .iter()
                .all(|kind| symbol.streams.contains(kind))
        };
        if self.symbols.iter().any(both) {
            warnings.push(
                "snapshots of the book (book20) are left out where level changes (l2) say the same and more"
                    .to_owned(),
            );
        }
        if self.settings.latency_ms == 0.0 {
            warnings.push("orders act at once (latency 0): no live session can do that".to_owned());
        }
        warnings
    }
}
