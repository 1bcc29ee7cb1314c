//! Gathers what a run does into one result: digest, statistics, signals, trades with their reasons, refusals,
//! coverage.
//!
//! Memory grows with trades and, up to [`crate::limits::FIRED_SECTIONS`], with signals; not with ticks.
//! Never: a number that did not come from the engine.

use crate::checkpoint::{plain, saved};
use crate::domain::decision::{Decision, DecisionKind, Evidence, State, Trigger};
use crate::domain::event::Trade;
use crate::domain::ledger::EquityPoint;
use crate::domain::num::{Money, Price};
use crate::domain::record::StreamKind;
use crate::domain::strategy::StrategyDef;
use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::domain::time::{Span, Timestamp};
use crate::engine::output::Outputs;
use crate::report::assumptions::{Assumptions, Coverage, FundingSource};
use crate::report::fired::{Fired, FiredSections};
use crate::report::marks::MissingMarks;
use crate::report::run::{BlockedByGuard, BlockedEntries, Mode, RunResult, StrategyRef};
use crate::report::series::{PriceSeries, price_series};
use crate::report::statistics::Statistics;
use crate::session::digest::DecisionDigest;
use crate::session::driver::Recorder;
use crate::session::ports::{Tick, TickKind};
use crate::session::reasons::Reasons;
use std::sync::Arc;

/// Index of trades in [`StreamKind::ALL`].
const TRADES: usize = 3;

/// What every decision is handed to as well, e.g. a journal file.
pub type DecisionSink<'a> = dyn FnMut(&Decision, &[Evidence]) + Send + 'a;

/// Gathers a run.
pub struct Collector<'a> {
    digest: DecisionDigest,
    statistics: Option<Statistics>,
    initial: Money,
    /// Strategy of every instance.
    strategies: Vec<u32>,
    fired: FiredSections,
    reasons: Reasons,
    refusals: BlockedEntries,
    prices: Vec<PriceSeries>,
    counts: [u64; StreamKind::ALL.len()],
    first: Option<Timestamp>,
    last: Timestamp,
    coverage: Coverage,
    /// What of the time was in gaps, by symbol.
    gaps: Vec<TimeInGaps>,
    /// By symbol.
    marks: Vec<MissingMarks>,
    /// Whether a gap waits for the first price after it.
    gap_waits: bool,
    sink: Option<Box<DecisionSink<'a>>>,
}

/// The latest gaps of a symbol, disjoint and in order of time: streams may have gaps that overlap.
#[derive(Clone, Default)]
struct TimeInGaps(Vec<(Timestamp, Timestamp)>);

impl TimeInGaps {
    /// Gaps that a later one may reach back to; the time of older ones would be counted again.
    const KEPT: usize = 64;

    /// Adds a gap that ends after all before; returns how much of its time was in none of them.
    fn add(&mut self, mut from: Timestamp, to: Timestamp) -> Span {
        let (mut time, begin) = (to - from, from);
        while let Some((earlier, end)) = self.0.pop_if(|(_, end)| *end > begin) {
            time = time - (end.min(to) - earlier.max(begin));
            from = from.min(earlier);
        }
        if self.0.len() == Self::KEPT {
            self.0.remove(0);
        }
        self.0.push((from, to));
        time
    }
}

plain!(struct TimeInGaps(gaps));

saved!([impl] Collector<'_> {
    digest, statistics, fired, reasons, refusals, counts, first, last, coverage, gap_waits,
} each { prices, gaps, marks } fixed { initial, strategies, sink });

/// What only the caller knows of a result.
pub struct Labels {
    /// What was run.
    pub mode: Mode,
    /// What the strategies were compiled to, in the order of the session: names for the conditions of
    /// decisions.
    pub defs: Vec<Arc<StrategyDef>>,
    /// File or recording.
    pub source: String,
    /// The strategies in the order of the session.
    pub strategies: Vec<StrategyRef>,
    /// What it stands on; coverage and counts are filled in here.
    pub assumptions: Assumptions,
    /// Settings as the user gave them.
    pub settings: Vec<(String, String)>,
}

impl<'a> Collector<'a> {
    /// For a run that starts with this money; `strategies` holds the strategy of every instance.
    pub fn new(initial: Money, symbols: usize, strategies: Vec<u32>) -> Self {
        let instances = strategies.len();
        Collector {
            digest: DecisionDigest::default(),
            statistics: None,
            initial,
            strategies,
            fired: FiredSections::default(),
            reasons: Reasons::new(instances),
            refusals: BlockedEntries::default(),
            prices: (0..symbols).map(|_| price_series()).collect(),
            counts: [0; StreamKind::ALL.len()],
            first: None,
            last: Timestamp::MIN,
            coverage: Coverage::default(),
            gaps: vec![TimeInGaps::default(); symbols],
            marks: vec![MissingMarks::default(); symbols],
            gap_waits: false,
            sink: None,
        }
    }

    /// Hands every decision on as well.
    pub fn with_sink(mut self, sink: Box<DecisionSink<'a>>) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Statistics so far; `None` before the first tick.
    pub fn statistics(&self) -> Option<&Statistics> {
        self.statistics.as_ref()
    }

    /// The first tick begins the statistics.
    #[inline]
    fn begin(&mut self, at: Timestamp) {
        if self.statistics.is_none() {
            self.first = Some(at);
            let mut statistics = Statistics::new(at, self.initial);
            statistics.begin_warm_up();
            self.statistics = Some(statistics);
        }
    }

    /// A price while some gap waits for the first one after it.
    #[cold]
    fn landed(&mut self, symbol: SymbolId, price: Price) {
        self.coverage.landed(symbol, price);
        self.gap_waits = self.coverage.has_open_jump();
    }

    fn decide(&mut self, decision: &Decision, evidence: &[Evidence]) {
        self.digest.add(decision, evidence);
        self.reasons.decided(decision, evidence);
        if let Some(sink) = &mut self.sink {
            sink(decision, evidence);
        }
        match decision.kind {
            DecisionKind::Transition { trigger: Trigger::Section(section), to, .. }
                if to != State::Inactive =>
            {
                let strategy = self.strategies[decision.instance as usize];
                self.fired.push(Fired {
                    at: decision.at,
                    section,
                    symbol: decision.symbol,
                    strategy,
                    price: decision.last,
                });
            }
            DecisionKind::Refused { guard, value, threshold } => {
                self.refusals.add(decision.at, guard, value, threshold)
            }
            _ => {}
        }
    }

    /// The result of a run that is over. `warm_at` is when every indicator had been defined.
    pub fn finish(
        self,
        table: &SymbolTable,
        labels: Labels,
        orders: u64,
        warm_at: Option<Timestamp>,
    ) -> RunResult {
        let start = self.first.unwrap_or(Timestamp::from_nanos(0));
        let end = if self.first.is_some() { self.last } else { start };
        let statistics = self.statistics.unwrap_or_else(|| Statistics::new(start, self.initial));
        let mut coverage = self.coverage;
        coverage.first = self.first;
        coverage.last = self.first.map(|_| self.last);
        coverage.share_gaps(table.len());
        coverage.marks_missing =
            self.marks.iter().filter_map(|marks| marks.total(end)).reduce(|one, other| one + other);
        let kinds = StreamKind::ALL.iter().zip(self.counts).filter(|(_, count)| *count > 0);
        coverage.events = kinds.map(|((kind, _), count)| (*kind, count)).collect();
        let mut assumptions =
            Assumptions { coverage, warm_up: warm_at.map(|at| at - start), ..labels.assumptions };
        // A stream of settlements that brought none has charged nothing: a replay of the recording, which
        // then has no such stream, says the same.
        let is_funded = assumptions.coverage.events.iter().any(|(kind, _)| *kind == StreamKind::Funding);
        if assumptions.funding == FundingSource::Recorded && !is_funded {
            assumptions.funding = FundingSource::None;
        }
        if !self.fired.is_complete() {
            assumptions.warnings.push(not_all_listed(&self.fired));
        }
        let prices =
            table.iter().zip(&self.prices).map(|((id, _), series)| (id, series.buckets().to_vec())).collect();
        let refusals = self.refusals.finish();
        let mut summary = statistics.finish(end);
        summary.count_blocked(BlockedByGuard::total(&refusals));
        RunResult {
            mode: labels.mode,
            source: labels.source,
            symbols: table.iter().map(|(_, spec)| spec.clone()).collect(),
            strategies: labels.strategies,
            digest: self.digest.finish(),
            assumptions,
            summary,
            orders_count: orders,
            fired: self.fired,
            reasons: self.reasons.finish(&labels.defs),
            refusals,
            prices,
            settings: labels.settings,
        }
    }
}

fn not_all_listed(fired: &FiredSections) -> String {
    format!(
        "sections became true {} times: the first {} are listed, the others, including signals, are only counted",
        fired.total(),
        fired.listed().len()
    )
}

fn stream_index(kind: &TickKind) -> Option<usize> {
    let stream = match kind {
        TickKind::Trade(_) => StreamKind::Trades,
        TickKind::BookSnapshot { .. } => StreamKind::BookSnapshots,
        TickKind::BookChange { .. } => StreamKind::BookChanges,
        TickKind::Mark(..) | TickKind::OpenInterest(_) => StreamKind::Marks,
        TickKind::Funding(_) => StreamKind::Funding,
        TickKind::Bar(_) => StreamKind::Bars,
        TickKind::Gap(_) => return None,
    };
    StreamKind::ALL.iter().position(|(known, _)| *known == stream)
}

impl Recorder for Collector<'_> {
    #[inline]
    fn tick(&mut self, tick: &Tick) {
        self.last = tick.at;
        self.begin(tick.at);
        match &tick.kind {
            TickKind::Trade(trade) => {
                self.counts[TRADES] += 1;
                if self.gap_waits {
                    self.landed(tick.symbol, trade.price);
                }
                self.prices[tick.symbol.index()].push(tick.at, trade.price);
            }
            TickKind::Gap(gap) => {
                let time = self.gaps[tick.symbol.index()].add(gap.from, gap.to);
                self.coverage.gap(gap.cause, time);
                let before =
                    self.prices[tick.symbol.index()].buckets().last().map(|bucket| bucket.extent.close);
                self.coverage.jump(tick.symbol, *gap, before);
                self.gap_waits = self.coverage.has_open_jump();
                if let Some(statistics) = &mut self.statistics {
                    statistics.gap(gap.from, gap.to);
                }
            }
            kind => {
                if let Some(index) = stream_index(kind) {
                    self.counts[index] += 1;
                }
                if let TickKind::Mark(..) = kind {
                    self.marks[tick.symbol.index()].mark(self.first.unwrap_or(tick.at), tick.at);
                }
                if let TickKind::Bar(bar) = kind {
                    if self.gap_waits {
                        self.landed(tick.symbol, bar.open);
                    }
                    for price in [bar.low, bar.high, bar.close] {
                        self.prices[tick.symbol.index()].push(tick.at, price);
                    }
                }
            }
        }
    }

    fn trades(&mut self, symbol: SymbolId, trades: &[(Timestamp, Trade)]) {
        let (Some((first, _)), Some((last, _))) = (trades.first(), trades.last()) else { return };
        self.begin(*first);
        self.last = *last;
        self.counts[TRADES] += trades.len() as u64;
        for (_, trade) in trades {
            if !self.gap_waits {
                break;
            }
            self.landed(symbol, trade.price);
        }
        let prices = &mut self.prices[symbol.index()];
        trades.iter().for_each(|(at, trade)| prices.push(*at, trade.price));
    }

    fn valued(&mut self, points: &[EquityPoint]) {
        if let Some(statistics) = &mut self.statistics {
            points.iter().for_each(|point| statistics.equity(point));
        }
    }

    fn outputs(&mut self, out: &Outputs) {
        for (decision, evidence) in out.decided() {
            self.decide(decision, evidence);
        }
        let Some(statistics) = &mut self.statistics else { return };
        if let Some(at) = out.warm_at {
            statistics.warm(at);
        }
        for trade in &out.closed {
            statistics.trade(trade);
            self.reasons.closed(trade);
        }
        if let Some(point) = &out.equity {
            statistics.equity(point);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::num::{Qty, Rate};
    use crate::domain::order::Side;
    use crate::domain::time::Span;

    #[test]
    fn a_list_that_is_cut_says_how_much_there_was() {
        let signal = crate::report::sample::result().fired.listed()[0];
        let fired: FiredSections = (0..=crate::limits::FIRED_SECTIONS).map(|_| signal).collect();
        assert_eq!(
            not_all_listed(&fired),
            "sections became true 50001 times: the first 50000 are listed, the others, including signals, are only counted"
        );
    }

    #[test]
    fn time_in_several_gaps_is_counted_once() {
        let at = Timestamp::from_seconds;
        let mut gaps = TimeInGaps::default();
        let added = [(10, 20), (30, 40), (15, 50), (45, 45), (50, 60)]
            .map(|(from, to)| gaps.add(at(from), at(to)).seconds_f64());
        assert_eq!(added, [10.0, 10.0, 20.0, 0.0, 10.0]);
        for n in 0..1_000 {
            gaps.add(at(100 + 2 * n), at(101 + 2 * n));
        }
        assert_eq!(gaps.0.len(), TimeInGaps::KEPT);
    }

    #[test]
    fn time_without_marks_is_counted_by_symbol_from_the_first_event_on() {
        let mut collector = Collector::new(Money::ZERO, 2, Vec::new());
        let mut tick = |seconds: i64, symbol: u32, kind: TickKind| {
            collector.tick(&Tick { at: Timestamp::from_seconds(seconds), symbol: SymbolId(symbol), kind });
        };
        let trade = Trade { price: Price(7), qty: Qty(1), taker: Side::Buy };
        tick(100, 1, TickKind::Trade(trade));
        tick(130, 0, TickKind::Mark(Price(7), None));
        tick(300, 0, TickKind::Trade(trade));
        let total = |symbol: usize| collector.marks[symbol].total(Timestamp::from_seconds(300));
        assert_eq!((total(0), total(1)), (Some(Span::from_seconds(30 + 110)), None));
    }

    #[test]
    fn funding_is_recorded_where_a_settlement_came() {
        let ran = |funding: Option<Rate>| {
            let mut collector = Collector::new(Money::ZERO, 1, Vec::new());
            let trade = Trade { price: Price(7), qty: Qty(1), taker: Side::Buy };
            let at = Timestamp::from_seconds(100);
            for kind in [TickKind::Trade(trade)].into_iter().chain(funding.map(TickKind::Funding)) {
                collector.tick(&Tick { at, symbol: SymbolId(0), kind });
            }
            let assumptions =
                Assumptions { funding: FundingSource::Recorded, ..crate::report::sample::assumptions() };
            let labels = Labels {
                mode: Mode::Paper,
                defs: Vec::new(),
                source: String::new(),
                strategies: Vec::new(),
                assumptions,
                settings: Vec::new(),
            };
            collector.finish(&SymbolTable::default(), labels, 0, None).assumptions.funding
        };
        assert_eq!(ran(None), FundingSource::None);
        assert_eq!(ran(Some(Rate::ZERO)), FundingSource::Recorded);
    }

    #[test]
    fn trades_stand_where_the_hot_path_counts_them() {
        assert_eq!(StreamKind::ALL[TRADES].0, StreamKind::Trades);
    }
}
