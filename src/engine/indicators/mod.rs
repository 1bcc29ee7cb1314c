//! Indicators: numbers that conditions compare, computed from one symbol's market.
//!
//! Each type is one small file with a [`Kind`] and one line in `registry`. Values are pulled: an indicator that
//! nobody asks costs nothing unless it must see every trade or bar. Equal specs share one slot per symbol.
//! Never: a number where there is none (that is a [`Missing`] with its reason), NaN or infinity.

mod registry;
mod set;
pub mod wiring;

mod atr;
mod book_average;
mod catalogue;
mod deal_intervals;
mod deal_variation;
mod deals;
mod derivatives;
mod ema;
mod extreme;
mod history;
mod imbalance;
mod latest;
mod liquidity;
mod macd;
mod median;
mod median_price;
mod momentum;
mod on_bars;
mod order_flow;
mod peak;
mod pump;
mod range;
mod rsi;
mod rush;
mod sampled_extreme;
mod scores;
mod sma;
mod spread;
mod twpa;
mod velocity;
mod volume_spike;
mod vtwpa;
mod vwap;
mod window_direction;
mod window_liquidity;
mod window_mid;
mod window_params;
mod window_price;
mod window_spread;
mod window_velocity;
mod window_volume;
mod window_volume_change;

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an oracle may round as the machine does")]
mod aggregate_oracles;
#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tolerances of a test")]
mod aggregate_tests;
#[cfg(test)]
mod tests;

pub use catalogue::{CatalogueEntry, CatalogueParam, catalogue, channels};
pub use history::look_back;
pub use registry::{ALL, find};
pub use set::{IndicatorSet, SlotId, Upstream};
pub use wiring::Wiring;

use crate::domain::strategy::{IndicatorSpec, ParamValue};
use crate::domain::symbol::SymbolSpec;
use crate::domain::time::{Span, Timestamp};
use crate::engine::market::MarketState;
use crate::engine::market::bars::ClosedBar;

/// A number, or why there is none.
pub type Value = Result<f64, Missing>;

/// Why there is no number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Missing {
    /// The window reaches back before the first known data.
    WarmUp,
    /// Nothing happened in the window.
    EmptyWindow,
    /// The formula would divide by zero.
    ZeroDenominator,
    /// Too few observations for the formula.
    TooFew,
    /// A gap covers too much of the window.
    Gap,
    /// Data of the window had to be dropped because a bound was reached.
    WindowOverflow,
    /// No believable book.
    NoBook,
    /// The book does not reach that deep.
    TooThin,
    /// No mark, index, funding or open interest was recorded yet.
    NotRecorded,
    /// Only defined in a position.
    NoPosition,
    /// Only defined while a signal is alive.
    NoSignal,
    /// The move is smaller than the parameter asks for.
    BelowMinimum,
}

impl Missing {
    /// The word that records use.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Missing::WarmUp => "warm_up",
            Missing::EmptyWindow => "empty_window",
            Missing::ZeroDenominator => "zero_baseline",
            Missing::TooFew => "too_few",
            Missing::Gap => "gap",
            Missing::WindowOverflow => "window_overflow",
            Missing::NoBook => "no_book",
            Missing::TooThin => "too_thin",
            Missing::NotRecorded => "not_recorded",
            Missing::NoPosition => "no_position",
            Missing::NoSignal => "no_signal",
            Missing::BelowMinimum => "below_minimum",
        }
    }
}

/// What an indicator may look at when it is asked.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// Event time.
    pub now: Timestamp,
    /// The symbol's steps.
    pub spec: &'a SymbolSpec,
    /// The symbol's market.
    pub market: &'a MarketState,
}

impl Look<'_> {
    /// Time-weighted ticks as a price.
    pub fn price(&self, ticks: f64) -> f64 {
        ticks * self.spec.price_step.mantissa() as f64
            / crate::domain::decimal::POWERS_OF_TEN[usize::from(self.spec.price_step.scale())] as f64
    }

    /// Price of the last trade in ticks.
    pub fn last_ticks(&self) -> Value {
        self.market.last.map(|(_, trade)| trade.price.0 as f64).ok_or(Missing::WarmUp)
    }

    /// Price of the last trade.
    pub fn last_price(&self) -> Value {
        self.market.last.map(|(_, trade)| self.spec.price_f64(trade.price)).ok_or(Missing::WarmUp)
    }
}

/// A streaming computation for one symbol.
pub trait Indicator: Send {
    /// The value now. Asked at most once per event; `upstream` holds the slots this one was wired to.
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value;

    /// A trade happened. Only called when wired with [`Wiring::every_trade`].
    fn on_trade(&mut self, _price: f64) {}

    /// A bar of the length it was wired to with [`Wiring::bars`] has closed (prices in ticks, volume in lots).
    fn on_bar(&mut self, _bar: &ClosedBar, _spec: &SymbolSpec) {}

    /// A whole second of event time is over. Only called when wired with [`Wiring::every_second`].
    fn on_second(&mut self, _look: &Look<'_>, _upstream: &mut Upstream<'_>) {}

    /// Data is missing up to now: what was built up must not be carried across.
    fn on_gap(&mut self) {}
}

/// Data a type needs; a recording without it cannot run a strategy that uses the type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Channel {
    /// A last price: trades or bars.
    Price,
    /// Single trades with their taker side.
    Trades,
    /// Order book.
    Book,
    /// Fair and index price.
    Mark,
    /// Funding rates.
    Funding,
    /// Open interest.
    OpenInterest,
}

impl Channel {
    /// The word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Channel::Price => "price",
            Channel::Trades => "trades",
            Channel::Book => "book",
            Channel::Mark => "mark",
            Channel::Funding => "funding",
            Channel::OpenInterest => "open_interest",
        }
    }
}

/// A type of indicator: its entry in the catalogue and how it is built.
pub struct Kind {
    /// Type name in upper case.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Formula in the notation of the documentation.
    pub formula: &'static str,
    /// Unit of the value.
    pub unit: &'static str,
    /// Data it needs.
    pub needs: &'static [Channel],
    /// Lowest and highest possible value, where the formula bounds it.
    pub range: Option<(f64, f64)>,
    /// Parameters in the order documents list them.
    pub params: &'static [Param],
    /// Checks between parameters that single bounds cannot express; the problem in one sentence.
    pub check: fn(&IndicatorSpec) -> Option<String>,
    /// Builds the computation for one symbol; the spec has passed all bounds and `check`.
    pub build: fn(&IndicatorSpec, &mut Wiring<'_>) -> Box<dyn Indicator>,
}

impl Kind {
    /// A spec of this type: the given parameters, defaults for the rest. Bounds are the caller's business.
    pub fn spec(&self, given: &[(&str, ParamValue)]) -> IndicatorSpec {
        debug_assert!(
            given.iter().all(|(name, _)| self.params.iter().any(|param| param.name == *name)),
            "unknown parameter in {given:?}"
        );
        let value = |param: &Param| {
            let found = given.iter().find(|(name, _)| *name == param.name);
            found.map_or_else(|| param.accepts.default_value(), |(_, value)| value.clone())
        };
        IndicatorSpec {
            kind: self.name.to_owned(),
            params: self.params.iter().map(|param| (param.name.to_owned(), value(param))).collect(),
        }
    }

    /// [`Kind::spec`] of number parameters alone.
    pub fn numbers(&self, given: &[(&str, f64)]) -> IndicatorSpec {
        let given: Vec<_> = given.iter().map(|(name, value)| (*name, ParamValue::Number(*value))).collect();
        self.spec(&given)
    }

    /// Data a spec of this type needs. More than [`Kind::needs`] when a parameter asks for what only single trades
    /// tell: their takers or their number.
    pub fn channels(&self, spec: &IndicatorSpec) -> &'static [Channel] {
        let by_trade = matches!(spec.word("side"), "buy" | "sell") || spec.word("mode") == "trades";
        if self.needs == [Channel::Price] && by_trade { &[Channel::Trades] } else { self.needs }
    }
}

/// A parameter of a type.
#[derive(Clone, Copy)]
pub struct Param {
    /// Name as in documents.
    pub name: &'static str,
    /// What it accepts and means when absent.
    pub accepts: Accepts,
    /// One phrase.
    pub about: &'static str,
}

/// What a parameter accepts.
#[derive(Clone, Copy)]
pub enum Accepts {
    /// A number.
    Number {
        /// When absent.
        default: f64,
        /// Lowest.
        min: f64,
        /// Highest.
        max: f64,
    },
    /// A whole number.
    Count {
        /// When absent.
        default: u32,
        /// Lowest.
        min: u32,
        /// Highest.
        max: u32,
    },
    /// A switch.
    Flag(bool),
    /// One of these words; the first when absent.
    Word(&'static [&'static str]),
    /// A list of {t1, t3, d} in seconds.
    Windows(&'static [[f64; 3]]),
    /// Another indicator; TWPA with t1 10 when absent.
    Indicator,
}

impl Accepts {
    /// What the parameter is when absent.
    pub fn default_value(&self) -> ParamValue {
        match self {
            Accepts::Number { default, .. } => ParamValue::Number(*default),
            Accepts::Count { default, .. } => ParamValue::Number(f64::from(*default)),
            Accepts::Flag(flag) => ParamValue::Flag(*flag),
            Accepts::Word(words) => ParamValue::Word(words[0].to_owned()),
            Accepts::Windows(windows) => ParamValue::Windows(windows.to_vec()),
            Accepts::Indicator => {
                ParamValue::Indicator(Box::new(twpa::TWPA.spec(&[("t1", ParamValue::Number(10.0))])))
            }
        }
    }
}

/// No check beyond the bounds.
pub fn unchecked(_: &IndicatorSpec) -> Option<String> {
    None
}

/// Shorthand for a number parameter in a [`Kind`].
pub const fn number(name: &'static str, default: f64, min: f64, max: f64, about: &'static str) -> Param {
    Param { name, accepts: Accepts::Number { default, min, max }, about }
}

/// The window parameters' usual check: t1 > t2 (or equal where a point in time makes sense), t3 > t4.
pub fn ordered(spec: &IndicatorSpec, older: &str, newer: &str) -> Option<String> {
    (spec.number(older) <= spec.number(newer)).then(|| {
        format!("{older} must be greater than {newer}: the window runs from {older} to {newer} seconds ago")
    })
}

/// The share of a window that must be covered by data, as all window types take it.
pub const MIN_COVERAGE: Param =
    number("min_coverage", 1.0, 0.0, 1.0, "share of the window that must be covered by data");

/// A finite quotient or the reason there is none.
pub fn ratio(numerator: f64, denominator: f64) -> Value {
    let value = numerator / denominator;
    if denominator != 0.0 && value.is_finite() { Ok(value) } else { Err(Missing::ZeroDenominator) }
}

/// The mean of a book series over (t1, t2) before now; the value at that moment when they are equal.
fn book_average(
    look: &Look<'_>,
    series: wiring::SeriesId,
    (t1, t2): (Span, Span),
    min_coverage: f64,
) -> Value {
    if !look.market.book_is_live(look.now) {
        return Err(Missing::NoBook);
    }
    look.market.series[series.0].1.average(look.now, t1, t2, min_coverage).map(|average| average.mean)
}
