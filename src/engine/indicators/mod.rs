//! Indicators: numbers for conditions to compare, computed from one symbol's market.
//!
//! Each type is one small file with a [`IndicatorKind`] and one line in `registry`. Values are pulled: an
//! indicator that nobody reads costs nothing unless it must see every trade or bar. Equal specs share one
//! slot per symbol. Invariant: a value is a finite number or a [`Missing`] with its reason.

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
mod sleep_oracle;
#[cfg(test)]
mod tests;

pub use crate::engine::value::{Missing, Value, ratio};
pub use catalogue::{CatalogueEntry, CatalogueParam, catalogue, channels};
pub use history::look_back;
pub use registry::{ALL, find};
pub use set::{FORESEEN_TRADES, IndicatorSet, SlotId, Upstream};
pub use wiring::Wiring;

use crate::checkpoint::Saved;
use crate::domain::num::Price;
use crate::domain::strategy::{Comparison, IndicatorSpec, ParamValue};
use crate::domain::symbol::SymbolSpec;
use crate::domain::time::{Span, Timestamp};
use crate::engine::market::MarketState;
use crate::engine::market::bars::ClosedBar;
use crate::engine::wake::Wake;

/// What an indicator can read when its value is asked for.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// Event time.
    pub now: Timestamp,
    /// Specification of the symbol.
    pub spec: &'a SymbolSpec,
    /// The symbol's market.
    pub market: &'a MarketState,
}

impl Look<'_> {
    /// Converts a fractional number of ticks to a price.
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

/// Streaming computation of an indicator for one symbol.
pub trait Indicator: Send + Saved {
    /// The current value. Called at most once per event; `upstream` gives access to the slots it was wired
    /// to.
    fn value(&mut self, look: &Look<'_>, upstream: &mut Upstream<'_>) -> Value;

    /// Until when the comparison with this threshold, which the current value does not fulfil, cannot be
    /// fulfilled: no trade inside these prices and no passing of time before then does it. `None` if that
    /// cannot be said. A gap, a bar or anything else that is not a trade ends it.
    fn sleep(
        &mut self,
        _test: (Comparison, f64),
        _look: &Look<'_>,
        _upstream: &mut Upstream<'_>,
    ) -> Option<Wake> {
        None
    }

    /// The second number of the current value, of a type that has two.
    fn second(&self) -> f64 {
        f64::NAN
    }

    /// Called for every trade; only when wired with [`Wiring::every_trade`].
    fn on_trade(&mut self, _price: f64) {}

    /// The values after each of these trades, without taking them in, bit for bit those that
    /// [`Indicator::on_trade`] and [`Indicator::value`] would give; `false` if they cannot be told, or are
    /// not all numbers. Only of types that see every trade.
    fn foresee(&self, _prices: &[f64], _values: &mut [f64]) -> bool {
        false
    }

    /// Takes in the trades after which it foresaw these values.
    fn take_foreseen(&mut self, _values: &[f64]) {}

    /// Called when a bar of the length wired with [`Wiring::bars`] closes (prices in ticks, volume in lots).
    fn on_bar(&mut self, _bar: &ClosedBar, _spec: &SymbolSpec) {}

    /// Called after every whole second of event time; only when wired with [`Wiring::every_second`].
    fn on_second(&mut self, _look: &Look<'_>, _upstream: &mut Upstream<'_>) {}

    /// Whole seconds from `first` to the one before `end` passed, in which no value of another slot changed:
    /// leaves what [`Indicator::on_second`] at each of them would.
    fn pass_seconds(
        &mut self,
        _first: Timestamp,
        _end: Timestamp,
        _look: &Look<'_>,
        _upstream: &mut Upstream<'_>,
    ) {
    }

    /// Called at a gap: state must not be carried across it.
    fn on_gap(&mut self) {}
}

/// Kind of market data. A recording without it cannot run strategies whose indicators need it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DataKind {
    /// Last price, from trades or bars.
    Price,
    /// Single trades with the side of the taker.
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

impl DataKind {
    /// Name in documents and tables.
    pub const fn as_str(&self) -> &'static str {
        match self {
            DataKind::Price => "price",
            DataKind::Trades => "trades",
            DataKind::Book => "book",
            DataKind::Mark => "mark",
            DataKind::Funding => "funding",
            DataKind::OpenInterest => "open_interest",
        }
    }
}

/// An indicator type: its catalogue entry and how it is built.
pub struct IndicatorKind {
    /// Type name in upper case.
    pub name: &'static str,
    /// Description in one sentence.
    pub about: &'static str,
    /// Formula in the notation of the documentation.
    pub formula: &'static str,
    /// Unit of the values.
    pub unit: &'static str,
    /// Market data it needs.
    pub needs: &'static [DataKind],
    /// Lowest and highest possible value, where the formula bounds it.
    pub range: Option<(f64, f64)>,
    /// Parameters in the order documents list them.
    pub params: &'static [Param],
    /// Checks across parameters that bounds cannot express; returns the problem in one sentence.
    pub check: fn(&IndicatorSpec) -> Option<String>,
    /// Builds the computation for one symbol. The spec has passed all bounds and `check`.
    pub build: fn(&IndicatorSpec, &mut Wiring<'_>) -> Box<dyn Indicator>,
}

impl IndicatorKind {
    /// A spec of this type with the given parameters and defaults for the rest. Bounds are not checked.
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

    /// Like [`IndicatorKind::spec`], for number parameters only.
    pub fn numbers(&self, given: &[(&str, f64)]) -> IndicatorSpec {
        let given: Vec<_> = given.iter().map(|(name, value)| (*name, ParamValue::Number(*value))).collect();
        self.spec(&given)
    }

    /// Market data a spec of this type needs: single trades instead of prices when a parameter needs takers
    /// or the number of trades.
    pub fn channels(&self, spec: &IndicatorSpec) -> &'static [DataKind] {
        let by_trade = matches!(spec.word("side"), "buy" | "sell") || spec.word("mode") == "trades";
        if self.needs == [DataKind::Price] && by_trade { &[DataKind::Trades] } else { self.needs }
    }
}

/// A parameter of an indicator type.
#[derive(Clone, Copy)]
pub struct Param {
    /// Name in documents.
    pub name: &'static str,
    /// Accepted values and the default.
    pub accepts: Accepts,
    /// Description in one phrase.
    pub about: &'static str,
}

/// Values that a parameter accepts.
#[derive(Clone, Copy)]
pub enum Accepts {
    /// A number.
    Number {
        /// Default.
        default: f64,
        /// Minimum.
        min: f64,
        /// Maximum.
        max: f64,
    },
    /// A whole number.
    Count {
        /// Default.
        default: u32,
        /// Minimum.
        min: u32,
        /// Maximum.
        max: u32,
    },
    /// A boolean with its default.
    Flag(bool),
    /// One of these words; the first is the default.
    Word(&'static [&'static str]),
    /// A list of {t1, t3, d} in seconds, with its default.
    Windows(&'static [[f64; 3]]),
    /// Another indicator; the default is TWPA with t1 = 10.
    Indicator,
}

impl Accepts {
    /// The value of the parameter when it is absent.
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

/// The `check` of types whose bounds are enough.
pub fn unchecked(_: &IndicatorSpec) -> Option<String> {
    None
}

/// A number parameter for a [`IndicatorKind`].
pub const fn number(name: &'static str, default: f64, min: f64, max: f64, about: &'static str) -> Param {
    Param { name, accepts: Accepts::Number { default, min, max }, about }
}

/// The usual check of window parameters: `older` must be greater than `newer`.
pub fn ordered(spec: &IndicatorSpec, older: &str, newer: &str) -> Option<String> {
    (spec.number(older) <= spec.number(newer)).then(|| {
        format!("{older} must be greater than {newer}: the window runs from {older} to {newer} seconds ago")
    })
}

/// The parameter for the fraction of a window that must be covered by data.
pub const MIN_COVERAGE: Param =
    number("min_coverage", 1.0, 0.0, 1.0, "share of the window that must be covered by data");

/// Whether larger values fulfil a comparison.
fn is_rising(comparison: Comparison) -> bool {
    matches!(comparison, Comparison::Greater | Comparison::GreaterOrEqual)
}

/// A price below which no price `fires`, if those that do are all above those that do not: the guess in ticks
/// rounded down, if that is one.
fn fires_from(guess: f64, fires: impl FnOnce(Price) -> bool) -> Option<Price> {
    let price = Price(guess.floor() as i64);
    (!fires(Price(price.0.saturating_sub(1)))).then_some(price)
}

/// Mean of a book series over (t1, t2) before now; the value at that time when they are equal.
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
