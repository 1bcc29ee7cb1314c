//! All distinct indicators of one symbol, each computed at most once per event.
//!
//! Invariant: a slot only reads earlier slots, so there are no cycles.

use super::{Indicator, IndicatorKind, Look, Missing, Value};
use crate::checkpoint::{Damaged, Reader, Saved, plain, saved};
use crate::domain::strategy::{Comparison, IndicatorSpec};
use crate::domain::symbol::SymbolSpec;
use crate::domain::time::{Span, Timestamp};
use crate::engine::market::MarketState;
use crate::engine::wake::Wake;

/// Index of a slot in its symbol's set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SlotId(pub usize);

plain!(struct SlotId(index));

struct Slot {
    spec: IndicatorSpec,
    indicator: Box<dyn Indicator>,
    bars: Option<usize>,
    /// `turn` of the cached value.
    asked_at: u64,
    /// The cached value as two scalars: copying a whole `Result` that was just stored part by part stalls the
    /// CPU (store forwarding).
    number: f64,
    missing: Option<Missing>,
}

saved!(Slot { indicator, asked_at, number, missing } fixed { spec, bars });

impl Saved for Box<dyn Indicator> {
    fn save(&self, to: &mut Vec<u8>) {
        self.as_ref().save(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        self.as_mut().load(from)
    }
}

/// The most trades that are foreseen at once: as many as one mask of a word has bits.
pub const FORESEEN_TRADES: usize = 32;

/// An indicator that has been built, and what it asked to be called for.
pub(super) struct Built {
    pub spec: IndicatorSpec,
    pub indicator: Box<dyn Indicator>,
    pub every_trade: bool,
    pub every_second: bool,
    /// Bars it is called for.
    pub bars: Option<usize>,
}

/// The slots of one symbol.
pub struct IndicatorSet {
    /// The type of a name. A type that reads another one would else name the registry, which names all types.
    find: fn(&str) -> Option<&'static IndicatorKind>,
    slots: Vec<Slot>,
    every_trade: Vec<usize>,
    /// Of each of them the values after the trades that come next.
    foreseen: Vec<[f64; FORESEEN_TRADES]>,
    every_second: Vec<usize>,
    /// Sum of how long the types that are called every second keep what they saw.
    pub(super) seconds_kept: Span,
    /// Increases with every event that may change a value.
    turn: u64,
}

// What is foreseen holds within one run of trades.
saved!(IndicatorSet { turn } each { slots } fixed { find, every_trade, foreseen, every_second, seconds_kept });

/// The slots before the one that is being computed.
pub struct Upstream<'a> {
    slots: &'a mut [Slot],
    turn: u64,
}

impl Upstream<'_> {
    /// The current value of a slot this indicator was wired to.
    pub fn value(&mut self, id: SlotId, look: &Look<'_>) -> Value {
        value_of(self.slots, self.turn, id, look)
    }

    /// As [`Indicator::sleep`], of a slot whose current value does not fulfil the comparison.
    pub fn sleep(&mut self, id: SlotId, test: (Comparison, f64), look: &Look<'_>) -> Option<Wake> {
        let (before, rest) = self.slots.split_at_mut(id.0);
        rest[0].indicator.sleep(test, look, &mut Upstream { slots: before, turn: self.turn })
    }

    /// Both numbers of a slot whose type has two.
    #[inline]
    pub fn pair(&mut self, id: SlotId, look: &Look<'_>) -> Result<(f64, f64), Missing> {
        let first = value_of(self.slots, self.turn, id, look)?;
        Ok((first, self.slots[id.0].indicator.second()))
    }
}

#[inline]
fn value_of(slots: &mut [Slot], turn: u64, id: SlotId, look: &Look<'_>) -> Value {
    let (before, rest) = slots.split_at_mut(id.0);
    let slot = &mut rest[0];
    if slot.asked_at != turn {
        let value = slot.indicator.value(look, &mut Upstream { slots: before, turn });
        debug_assert!(value.is_ok_and(f64::is_finite) || value.is_err(), "{} made {value:?}", slot.spec.kind);
        slot.asked_at = turn;
        match value {
            Ok(number) => (slot.number, slot.missing) = (number, None),
            Err(why) => slot.missing = Some(why),
        }
    }
    match slot.missing {
        None => Ok(slot.number),
        Some(why) => Err(why),
    }
}

impl IndicatorSet {
    /// Nothing yet; `find` gives the type of a name.
    pub(super) fn of_types(find: fn(&str) -> Option<&'static IndicatorKind>) -> Self {
        IndicatorSet {
            find,
            slots: Vec::new(),
            every_trade: Vec::new(),
            foreseen: Vec::new(),
            every_second: Vec::new(),
            seconds_kept: Span::ZERO,
            turn: 0,
        }
    }

    /// The type of a name.
    pub(super) fn kind(&self, name: &str) -> Option<&'static IndicatorKind> {
        (self.find)(name)
    }

    /// The slot of a spec that has one.
    pub(super) fn position(&self, spec: &IndicatorSpec) -> Option<SlotId> {
        self.slots.iter().position(|slot| slot.spec == *spec).map(SlotId)
    }

    /// Adds a slot.
    pub(super) fn push(&mut self, built: Built) -> SlotId {
        let Built { spec, indicator, every_trade, every_second, bars } = built;
        let index = self.slots.len();
        if every_trade {
            self.every_trade.push(index);
            self.foreseen.push([0.0; FORESEEN_TRADES]);
        }
        if every_second {
            self.every_second.push(index);
        }
        self.slots.push(Slot {
            spec,
            indicator,
            bars,
            asked_at: 0,
            number: 0.0,
            missing: Some(Missing::WarmUp),
        });
        SlotId(index)
    }

    /// Invalidates all cached values after an event.
    #[inline]
    pub fn turn(&mut self) {
        self.turn += 1;
    }

    /// The current value of a slot.
    #[inline]
    pub fn value(&mut self, id: SlotId, look: Look<'_>) -> Value {
        value_of(&mut self.slots, self.turn, id, &look)
    }

    /// How long trades and the passing of time leave a comparison as it is that the current value does not
    /// fulfil.
    pub fn sleep(&mut self, id: SlotId, test: (Comparison, f64), look: Look<'_>) -> Option<Wake> {
        Upstream { slots: &mut self.slots, turn: self.turn }.sleep(id, test, &look)
    }

    /// Whether any indicator must see every trade.
    #[inline]
    pub fn sees_every_trade(&self) -> bool {
        !self.every_trade.is_empty()
    }

    /// Whether any indicator must be called every second.
    pub fn sees_every_second(&self) -> bool {
        !self.every_second.is_empty()
    }

    /// Passes a trade to the indicators that must see every one.
    #[inline]
    pub fn on_trade(&mut self, price: f64) {
        for &index in &self.every_trade {
            self.slots[index].indicator.on_trade(price);
        }
    }

    /// Works out the values after each of the next trades, at most [`FORESEEN_TRADES`], of all that must see
    /// every one; `false` if one of them cannot tell.
    pub fn foresee(&mut self, prices: &[f64]) -> bool {
        let mut all = self.every_trade.iter().zip(&mut self.foreseen);
        all.all(|(index, values)| self.slots[*index].indicator.foresee(prices, &mut values[..prices.len()]))
    }

    /// The foreseen values of a slot; `None` if it need not see every trade. Those behind the last trade mean
    /// nothing.
    pub fn foreseen(&self, id: SlotId) -> Option<&[f64; FORESEEN_TRADES]> {
        let index = self.every_trade.iter().position(|index| *index == id.0)?;
        Some(&self.foreseen[index])
    }

    /// Takes in so many of the trades that were foreseen.
    pub fn take_foreseen(&mut self, trades: usize) {
        for (index, values) in self.every_trade.iter().zip(&self.foreseen) {
            self.slots[*index].indicator.take_foreseen(&values[..trades]);
        }
    }

    /// Closes every bar that ended at or before `now` and passes it to the indicators on it.
    #[inline]
    pub fn close_bars(&mut self, market: &mut MarketState, now: Timestamp, spec: &SymbolSpec) {
        for (index, bars) in market.bars.iter_mut().enumerate() {
            bars.close_until(now, |bar| {
                for slot in self.slots.iter_mut().filter(|slot| slot.bars == Some(index)) {
                    slot.indicator.on_bar(bar, spec);
                }
            });
        }
    }

    /// Calls the indicators that must be called every second.
    pub fn on_second(&mut self, look: Look<'_>) {
        for &index in &self.every_second {
            let (before, rest) = self.slots.split_at_mut(index);
            rest[0].indicator.on_second(&look, &mut Upstream { slots: before, turn: self.turn });
        }
    }

    /// Calls them for the whole seconds from `first` to the one before `end`, in which no value changed.
    pub fn pass_seconds(&mut self, first: Timestamp, end: Timestamp, look: Look<'_>) {
        for &index in &self.every_second {
            let (before, rest) = self.slots.split_at_mut(index);
            let mut upstream = Upstream { slots: before, turn: self.turn };
            rest[0].indicator.pass_seconds(first, end, &look, &mut upstream);
        }
    }

    /// After so long without any event on the symbol no value changes any more, until a bar ends.
    pub fn settles_after(&self, market: &MarketState) -> Span {
        market.history() + self.seconds_kept
    }

    /// Tells all indicators about a gap.
    pub fn on_gap(&mut self) {
        for slot in &mut self.slots {
            slot.indicator.on_gap();
        }
    }

    /// Specs of all slots on bars.
    pub fn on_bars(&self) -> impl Iterator<Item = &IndicatorSpec> {
        self.slots.iter().filter(|slot| slot.bars.is_some()).map(|slot| &slot.spec)
    }

    /// Spec of a slot.
    pub fn spec(&self, id: SlotId) -> &IndicatorSpec {
        &self.slots[id.0].spec
    }
}
