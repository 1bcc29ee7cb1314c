//! The assumptions behind a result: costs, latency, book, funding, data coverage. Every form of a result
//! shows them before any number.

use crate::checkpoint::{plain, saved};
use crate::domain::bar_length::BarSource;
use crate::domain::contract_facts::SpecSources;
use crate::domain::event::{Gap, GapCause};
use crate::domain::num::{Money, Price, Rate};
use crate::domain::record::StreamKind;
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use crate::limits::GAP_JUMPS;

/// Everything a reader should know before trusting a number.
#[derive(Clone, PartialEq, Debug)]
pub struct Assumptions {
    /// Fees, by symbol.
    pub fees: Vec<FeeTerms>,
    /// Sources of steps, contract sizes and bar lengths, by symbol.
    pub contracts: Vec<ContractSources>,
    /// How fill prices depend on order size, e.g. `walks the recorded book, own impact included`.
    pub slippage: String,
    /// Delay from decision to venue.
    pub latency: Span,
    /// Delay from venue to decision.
    pub feed_latency: Span,
    /// The book that fills were matched against.
    pub book: BookSource,
    /// Source of funding.
    pub funding: FundingSource,
    /// The timestamps that the replay follows.
    pub clock: ClockUsed,
    /// Starting balance.
    pub initial_balance: Money,
    /// Risk limits by name; `None`: no limit.
    pub risk_limits: Vec<(String, Option<f64>)>,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Coverage of the data.
    pub coverage: Coverage,
    /// Time until every indicator had a value; `None`: never.
    pub warm_up: Option<Span>,
    /// Fills against an assumed book.
    pub synthetic_fills: u64,
    /// Fills with a penalty, because the data did not show the true price (inside a gap, or beyond the book).
    pub penalised_fills: u64,
    /// Bars in which the order of prices would have changed how a position ended; the worst order was
    /// assumed.
    pub bars_in_doubt: u64,
    /// Warnings for the reader.
    pub warnings: Vec<String>,
}

/// Fees of a symbol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeeTerms {
    /// Symbol.
    pub symbol: SymbolId,
    /// Rate of maker fills.
    pub maker: Rate,
    /// Rate of taker fills.
    pub taker: Rate,
    /// Source of the rates.
    pub source: FeeSource,
}

/// Sources of a symbol's facts; the facts themselves are in its specification.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContractSources {
    /// Symbol.
    pub symbol: SymbolId,
    /// Sources of its steps and contract size.
    pub sources: SpecSources,
    /// Bar length and its source, if bars are replayed.
    pub bar: Option<(Span, BarSource)>,
}

/// Source of fee rates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FeeSource {
    /// The contract specification stored with the recording.
    Contract,
    /// The configuration, which says what orders sent over the API pay.
    Configured,
    /// Given by the user.
    Given,
    /// A default, because nothing better was known.
    Default,
}

impl FeeSource {
    /// Name in documents.
    pub const fn as_str(&self) -> &'static str {
        match self {
            FeeSource::Contract => "contract",
            FeeSource::Configured => "configured",
            FeeSource::Given => "given",
            FeeSource::Default => "default",
        }
    }
}

/// The book that fills were matched against.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum BookSource {
    /// Recorded.
    Real,
    /// Assumed, around the last trade.
    Synthetic {
        /// Assumed spread, basis points.
        spread_bps: f64,
        /// Assumed value per side.
        depth: Money,
    },
    /// Recorded for some symbols, assumed for the others.
    Mixed {
        /// Assumed spread, basis points.
        spread_bps: f64,
        /// Assumed value per side.
        depth: Money,
    },
}

impl BookSource {
    /// Name in documents.
    pub const fn as_str(&self) -> &'static str {
        match self {
            BookSource::Real => "real",
            BookSource::Synthetic { .. } => "synthetic",
            BookSource::Mixed { .. } => "mixed",
        }
    }

    /// The assumed spread in basis points and depth per side, if any.
    pub const fn assumed(self) -> Option<(f64, Money)> {
        match self {
            BookSource::Real => None,
            BookSource::Synthetic { spread_bps, depth } | BookSource::Mixed { spread_bps, depth } => {
                Some((spread_bps, depth))
            }
        }
    }
}

/// Source of funding.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum FundingSource {
    /// Recorded settlements.
    Recorded,
    /// A schedule, because none was recorded.
    Schedule {
        /// Hours between settlements.
        hours: u32,
        /// Rate of each settlement.
        rate: Rate,
    },
    /// No funding was charged.
    None,
}

impl FundingSource {
    /// Name in documents.
    pub const fn as_str(&self) -> &'static str {
        match self {
            FundingSource::Recorded => "recorded",
            FundingSource::Schedule { .. } => "schedule",
            FundingSource::None => "none",
        }
    }
}

/// The timestamps that a replay follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClockUsed {
    /// The venue's.
    Exchange,
    /// The recorder's.
    Received,
}

impl ClockUsed {
    /// Name in documents.
    pub const fn as_str(&self) -> &'static str {
        match self {
            ClockUsed::Exchange => "exchange",
            ClockUsed::Received => "received",
        }
    }
}

/// Coverage of the data.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Coverage {
    /// Time of the first event.
    pub first: Option<Timestamp>,
    /// Time of the last event.
    pub last: Option<Timestamp>,
    /// Number of events by kind, in the order of [`StreamKind::ALL`].
    pub events: Vec<(StreamKind, u64)>,
    /// Gaps by cause.
    pub gaps: Vec<GapShare>,
    /// Price changes across gaps of silence or missing trades; at most [`GAP_JUMPS`], further ones are only
    /// counted as gaps.
    pub jumps: Vec<GapJump>,
    /// For how long symbols with recorded marks had none that counts, over all of them; `None` without marks.
    pub marks_missing: Option<Span>,
}

// The numbers of events and the time without marks are filled in at the end.
saved!(Coverage { first, last, gaps, jumps } fixed { events, marks_missing });

/// The price before and after a gap.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GapJump {
    /// Symbol.
    pub symbol: SymbolId,
    /// Cause of the gap.
    pub cause: GapCause,
    /// Start of the gap.
    pub from: Timestamp,
    /// End of the gap.
    pub to: Timestamp,
    /// Last price before the gap; `None` when there was none.
    pub before: Option<Price>,
    /// First price after the gap; `None` until there is one.
    pub after: Option<Price>,
}

plain!(struct GapJump { symbol, cause, from, to, before, after });

impl GapJump {
    /// Price change in percent.
    pub fn percent(&self) -> Option<f64> {
        let (before, after) = (self.before?.0 as f64, self.after?.0 as f64);
        (before > 0.0).then(|| 100.0 * (after - before) / before)
    }
}

/// The gaps of one cause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GapShare {
    /// Cause.
    pub cause: GapCause,
    /// Number of gaps.
    pub count: u64,
    /// Total duration: of all symbols while a run goes on, in its result their mean.
    pub time: Span,
}

plain!(struct GapShare { cause, count, time });

impl Coverage {
    /// Number of all events.
    pub fn events_total(&self) -> u64 {
        self.events.iter().map(|(_, count)| count).sum()
    }

    /// Number of all gaps.
    pub fn gaps_total(&self) -> u64 {
        self.gaps.iter().map(|gap| gap.count).sum()
    }

    /// Duration of all gaps, mean of the symbols.
    pub fn gap_time(&self) -> Span {
        self.gaps.iter().fold(Span::ZERO, |sum, gap| sum + gap.time)
    }

    /// At the end of a run: the time in gaps becomes the mean of so many symbols, which is never longer than
    /// the run.
    pub fn share_gaps(&mut self, symbols: usize) {
        let symbols = i64::try_from(symbols.max(1)).unwrap_or(i64::MAX);
        self.gaps.iter_mut().for_each(|gap| gap.time = Span::from_nanos(gap.time.nanos() / symbols));
    }

    /// Counts an event.
    pub fn event(&mut self, at: Timestamp, kind: StreamKind) {
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
        match self.events.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => {
                self.events.push((kind, 1));
                self.events.sort_by_key(|(kind, _)| *kind);
            }
        }
    }

    /// Records the price before a gap, for causes whose price change is reported. `before` is the symbol's
    /// last price.
    pub fn jump(&mut self, symbol: SymbolId, gap: Gap, before: Option<Price>) {
        if gap.cause.is_of_trades() && self.jumps.len() < GAP_JUMPS {
            self.jumps.push(GapJump {
                symbol,
                cause: gap.cause,
                from: gap.from,
                to: gap.to,
                before,
                after: None,
            });
        }
    }

    /// Whether a recorded gap still lacks the first price after it.
    pub fn has_open_jump(&self) -> bool {
        self.jumps.iter().any(|jump| jump.after.is_none())
    }

    /// Records the first price of a symbol after its gaps.
    pub fn landed(&mut self, symbol: SymbolId, price: Price) {
        let open = self
            .jumps
            .iter_mut()
            .rev()
            .filter(|jump| jump.symbol == symbol)
            .take_while(|jump| jump.after.is_none());
        open.for_each(|jump| jump.after = Some(price));
    }

    /// Counts a gap.
    pub fn gap(&mut self, cause: GapCause, time: Span) {
        match self.gaps.iter_mut().find(|share| share.cause == cause) {
            Some(share) => {
                share.count += 1;
                share.time = share.time + time;
            }
            None => {
                self.gaps.push(GapShare { cause, count: 1, time });
                self.gaps.sort_by_key(|share| share.cause);
            }
        }
    }

    /// Percent of the time span outside gaps, mean of the symbols; `None` without a span.
    pub fn covered_pct(&self) -> Option<f64> {
        let span = (self.last? - self.first?).seconds_f64();
        (span > 0.0).then(|| (100.0 * (1.0 - self.gap_time().seconds_f64() / span)).max(0.0))
    }
}
