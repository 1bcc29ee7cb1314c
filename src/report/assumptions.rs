//! What a result stands on: costs, latency, book, funding, coverage. Shown before any number, everywhere.

use crate::domain::bar_length::BarSource;
use crate::domain::contract_facts::SpecSources;
use crate::domain::event::{Gap, GapCause};
use crate::domain::num::{Money, Price, Rate};
use crate::domain::record::StreamKind;
use crate::domain::symbol::SymbolId;
use crate::domain::time::{Span, Timestamp};
use crate::limits::GAP_JUMPS;

/// Everything a reader must know before believing a number.
#[derive(Clone, PartialEq, Debug)]
pub struct Assumptions {
    /// Fees per symbol.
    pub fees: Vec<FeeTerms>,
    /// Where steps, contract sizes and lengths of bars are from.
    pub contracts: Vec<ContractSources>,
    /// How orders pay for size, in words, e.g. `walks the recorded book, own impact included`.
    pub slippage: String,
    /// From decision to venue.
    pub latency: Span,
    /// From venue to decision.
    pub feed_latency: Span,
    /// The book that fills were taken from.
    pub book: BookSource,
    /// Where funding came from.
    pub funding: FundingSource,
    /// Which time stamps the replay follows.
    pub clock: ClockUsed,
    /// Money at the start.
    pub initial_balance: Money,
    /// Limits on risk by name; `None` is no limit.
    pub risk_limits: Vec<(String, Option<f64>)>,
    /// Seed of every rng.
    pub seed: u64,
    /// What the data covered.
    pub coverage: Coverage,
    /// Time until every indicator was defined; `None`: never.
    pub warm_up: Option<Span>,
    /// Fills taken from an assumed book.
    pub synthetic_fills: u64,
    /// Fills made worse on purpose, because the data could not show the true price (inside a gap, beyond the book).
    pub penalised_fills: u64,
    /// Bars in which another order of their prices would have meant another end of a position; the worst was assumed.
    pub bars_in_doubt: u64,
    /// Sentences for the reader.
    pub warnings: Vec<String>,
}

/// Fees of a symbol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeeTerms {
    /// Which symbol.
    pub symbol: SymbolId,
    /// Passive fills.
    pub maker: Rate,
    /// Taking fills.
    pub taker: Rate,
    /// Where the rates are from.
    pub source: FeeSource,
}

/// Where the facts of a symbol are from; the facts themselves are its specification.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContractSources {
    /// Which symbol.
    pub symbol: SymbolId,
    /// Of its steps and contract size.
    pub sources: SpecSources,
    /// Length of its bars, where bars are replayed.
    pub bar: Option<(Span, BarSource)>,
}

/// Where fee rates are from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FeeSource {
    /// The contract specification stored with the recording.
    Contract,
    /// Given by the user.
    Given,
    /// Nothing better was known.
    Default,
}

impl FeeSource {
    /// The word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            FeeSource::Contract => "contract",
            FeeSource::Given => "given",
            FeeSource::Default => "default",
        }
    }
}

/// The book that fills were taken from.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum BookSource {
    /// Recorded.
    Real,
    /// Assumed around the last trade.
    Synthetic {
        /// Assumed spread, basis points.
        spread_bps: f64,
        /// Assumed value on each side.
        depth: Money,
    },
    /// Recorded for some symbols, assumed for the others.
    Mixed {
        /// Assumed spread, basis points.
        spread_bps: f64,
        /// Assumed value on each side.
        depth: Money,
    },
}

impl BookSource {
    /// The word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            BookSource::Real => "real",
            BookSource::Synthetic { .. } => "synthetic",
            BookSource::Mixed { .. } => "mixed",
        }
    }

    /// Spread in basis points and depth a side, where they were assumed.
    pub const fn assumed(self) -> Option<(f64, Money)> {
        match self {
            BookSource::Real => None,
            BookSource::Synthetic { spread_bps, depth } | BookSource::Mixed { spread_bps, depth } => {
                Some((spread_bps, depth))
            }
        }
    }
}

/// Where funding came from.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum FundingSource {
    /// Recorded settlements.
    Recorded,
    /// A schedule, because none was recorded.
    Schedule {
        /// Hours between settlements.
        hours: u32,
        /// Rate at each.
        rate: Rate,
    },
    /// Nothing was charged.
    None,
}

impl FundingSource {
    /// The word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            FundingSource::Recorded => "recorded",
            FundingSource::Schedule { .. } => "schedule",
            FundingSource::None => "none",
        }
    }
}

/// Which time stamps the replay follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClockUsed {
    /// The venue's.
    Exchange,
    /// The recorder's.
    Received,
}

impl ClockUsed {
    /// The word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            ClockUsed::Exchange => "exchange",
            ClockUsed::Received => "received",
        }
    }
}

/// What the data covered.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Coverage {
    /// First event.
    pub first: Option<Timestamp>,
    /// Last event.
    pub last: Option<Timestamp>,
    /// Events by kind, in the order of [`StreamKind::ALL`].
    pub events: Vec<(StreamKind, u64)>,
    /// Gaps touched, by cause.
    pub gaps: Vec<GapShare>,
    /// What the price did over gaps that are silence or missing trades; beyond [`GAP_JUMPS`] they are only counted.
    pub jumps: Vec<GapJump>,
}

/// The price before and after a gap.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GapJump {
    /// Whose.
    pub symbol: SymbolId,
    /// Why.
    pub cause: GapCause,
    /// Last moment before it.
    pub from: Timestamp,
    /// First moment behind it.
    pub to: Timestamp,
    /// Last price before it; `None` when there was none.
    pub before: Option<Price>,
    /// First price behind it; `None` while there is none.
    pub after: Option<Price>,
}

impl GapJump {
    /// Change of the price in percent.
    pub fn percent(&self) -> Option<f64> {
        let (before, after) = (self.before?.0 as f64, self.after?.0 as f64);
        (before > 0.0).then(|| 100.0 * (after - before) / before)
    }
}

/// The gaps of one cause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GapShare {
    /// Why.
    pub cause: GapCause,
    /// How many.
    pub count: u64,
    /// How long in all.
    pub time: Span,
}

impl Coverage {
    /// All events.
    pub fn events_total(&self) -> u64 {
        self.events.iter().map(|(_, count)| count).sum()
    }

    /// All gaps.
    pub fn gaps_total(&self) -> u64 {
        self.gaps.iter().map(|gap| gap.count).sum()
    }

    /// Time in gaps.
    pub fn gap_time(&self) -> Span {
        self.gaps.iter().fold(Span::ZERO, |sum, gap| sum + gap.time)
    }

    /// One more event.
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

    /// A gap whose price jump is told; `before` is the last price of its symbol.
    pub fn jump(&mut self, symbol: SymbolId, gap: Gap, before: Option<Price>) {
        if matches!(gap.cause, GapCause::Silence | GapCause::MissingTrades) && self.jumps.len() < GAP_JUMPS {
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

    /// Whether a jump waits for the first price behind its gap.
    pub fn has_open_jump(&self) -> bool {
        self.jumps.iter().any(|jump| jump.after.is_none())
    }

    /// The first price of a symbol behind its gaps.
    pub fn landed(&mut self, symbol: SymbolId, price: Price) {
        let open = self
            .jumps
            .iter_mut()
            .rev()
            .filter(|jump| jump.symbol == symbol)
            .take_while(|jump| jump.after.is_none());
        open.for_each(|jump| jump.after = Some(price));
    }

    /// One more gap.
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

    /// Percent of the span outside gaps; `None` without a span.
    pub fn covered_pct(&self) -> Option<f64> {
        let span = (self.last? - self.first?).seconds_f64();
        (span > 0.0).then(|| (100.0 * (1.0 - self.gap_time().seconds_f64() / span)).max(0.0))
    }
}
