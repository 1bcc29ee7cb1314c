//! Symbols: steps, fees and risk tiers, and the immutable table of all symbols of a session.

use crate::domain::decimal::Decimal;
use crate::domain::num::{Money, Price, Qty, Rate};
use crate::domain::quote::common_quote_currency;
use crate::limits::MAX_TICKS;
use std::sync::Arc;

/// Index of a symbol in the [`SymbolTable`] of its session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SymbolId(pub u32);

impl SymbolId {
    /// Index into vectors by symbol.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One risk tier: maximum leverage and maintenance margin up to a notional and a quantity. Exchanges state
/// one of the two; the other is unbounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RiskTier {
    /// Largest position notional of the tier.
    pub max_notional: Money,
    /// Largest position of the tier in lots.
    pub max_quantity: Qty,
    /// Maximum leverage in the tier.
    pub max_leverage: u32,
    /// Maintenance margin rate in the tier.
    pub maintenance: Rate,
}

/// A quantity that no order or position reaches.
pub const UNBOUNDED: Qty = Qty(i64::MAX);

/// Maximum leverage of a contract whose terms are not known.
pub const UNKNOWN_LEVERAGE: u32 = u32::MAX;

/// Everything the engine needs to know about a contract. [`SymbolSpec::new`] checks that amounts are exact.
#[derive(Clone, PartialEq, Debug)]
pub struct SymbolSpec {
    /// Name as the venue writes it, e.g. `BTC_USDT`.
    pub name: String,
    /// Price of one tick.
    pub price_step: Decimal,
    /// Contracts in one lot (for spot recordings: base units).
    pub quantity_step: Decimal,
    /// Base units in one contract.
    pub contract_size: Decimal,
    /// Smallest order in lots.
    pub min_quantity: Qty,
    /// Largest order in lots; [`UNBOUNDED`] when it is not known.
    pub max_quantity: Qty,
    /// Maker fee.
    pub maker_fee: Rate,
    /// Taker fee.
    pub taker_fee: Rate,
    /// Risk tiers by increasing size; never empty.
    pub tiers: Vec<RiskTier>,
    money_per_tick_lot: i128,
    lot: f64,
    /// price = ticks × `tick_factor` / `tick_divisor`: one rounding, so it equals the nearest f64 of its
    /// decimal text.
    tick_factor: f64,
    tick_divisor: f64,
}

/// Taker fee used when none is known: conservative, not a statement about any venue.
pub const DEFAULT_TAKER_FEE: Rate = Rate(600_000);
/// Maker fee used when none is known.
pub const DEFAULT_MAKER_FEE: Rate = Rate(200_000);

impl SymbolSpec {
    /// A contract with default fees and one tier (any leverage, maintenance margin 1 %).
    /// `None` when a step is not positive or one tick × one lot is not a whole number of 10^-18.
    pub fn new(
        name: &str,
        price_step: Decimal,
        quantity_step: Decimal,
        contract_size: Decimal,
    ) -> Option<Self> {
        let positive = [price_step, quantity_step, contract_size].iter().all(|d| d.mantissa() > 0);
        let lot = quantity_step.product(contract_size)?;
        let unit = price_step.product(lot)?;
        let scale_up = 10_i128.checked_pow(18_u32.checked_sub(u32::from(unit.scale()))?)?;
        positive.then(|| SymbolSpec {
            name: name.to_owned(),
            price_step,
            quantity_step,
            contract_size,
            min_quantity: Qty(1),
            max_quantity: UNBOUNDED,
            maker_fee: DEFAULT_MAKER_FEE,
            taker_fee: DEFAULT_TAKER_FEE,
            tiers: vec![RiskTier {
                max_notional: Money(i128::MAX),
                max_quantity: UNBOUNDED,
                max_leverage: UNKNOWN_LEVERAGE,
                maintenance: Rate(10_000_000),
            }],
            money_per_tick_lot: i128::from(unit.mantissa()) * scale_up,
            lot: lot.to_f64(),
            tick_factor: price_step.mantissa() as f64,
            tick_divisor: crate::domain::decimal::POWERS_OF_TEN[usize::from(price_step.scale())] as f64,
        })
    }

    /// The price in the quote currency, correctly rounded.
    #[inline]
    pub fn price_f64(&self, price: Price) -> f64 {
        self.ticks_f64(price.0 as f64)
    }

    /// A possibly fractional number of ticks as a price.
    #[inline]
    pub fn ticks_f64(&self, ticks: f64) -> f64 {
        ticks * self.tick_factor / self.tick_divisor
    }

    /// The exact price.
    pub fn price_decimal(&self, price: Price) -> Decimal {
        self.price_step.times(price.0).unwrap_or(Decimal::ZERO)
    }

    /// The quantity in base units.
    pub fn qty_f64(&self, qty: Qty) -> f64 {
        if self.contract_size == Decimal::ONE {
            ticks_to_f64(qty.0, self.quantity_step)
        } else {
            qty.0 as f64 * self.lot
        }
    }

    /// Base units in one lot.
    pub fn lot_f64(&self) -> f64 {
        self.lot
    }

    /// The exact quantity in contracts.
    pub fn qty_decimal(&self, qty: Qty) -> Decimal {
        self.quantity_step.times(qty.0).unwrap_or(Decimal::ZERO)
    }

    /// The exact quantity in base units.
    pub fn base_quantity(&self, qty: Qty) -> Decimal {
        let lot = self.quantity_step.product(self.contract_size);
        lot.and_then(|lot| lot.times(qty.0)).unwrap_or(Decimal::ZERO)
    }

    /// The double nearest to the exact quantity in base units, which prints without binary noise. For what
    /// leaves the program; the engine computes with [`SymbolSpec::qty_f64`].
    pub fn shown_quantity(&self, qty: Qty) -> f64 {
        self.base_quantity(qty).to_f64()
    }

    /// Price × quantity, exact.
    pub fn notional(&self, price: Price, qty: Qty) -> Money {
        Money(i128::from(price.0) * i128::from(qty.0) * self.money_per_tick_lot)
    }

    /// The exact value of a price sum over lots (Σ ticks × lots).
    pub fn money(&self, tick_lots: i128) -> Money {
        Money(tick_lots * self.money_per_tick_lot)
    }

    /// Number of lots a notional buys at a price, rounded down; zero for a price or notional that is not
    /// positive.
    pub fn lots_for(&self, notional: Money, price: Price) -> Qty {
        let per_lot = i128::from(price.0) * self.money_per_tick_lot;
        if per_lot <= 0 || notional.0 <= 0 {
            return Qty::ZERO;
        }
        Qty(i64::try_from(notional.0 / per_lot).unwrap_or(i64::MAX).min(MAX_TICKS))
    }

    /// The highest tick at or below a price.
    pub fn price_floor(&self, value: f64) -> Price {
        Price(self.ticks(value).floor() as i64)
    }

    /// The lowest tick at or above a price.
    pub fn price_ceil(&self, value: f64) -> Price {
        Price(self.ticks(value).ceil() as i64)
    }

    /// A price as a number of ticks, not rounded except that a value within 10^-9 (relative) of a tick
    /// becomes that tick, so that the binary error of a percentage does not move a price by one tick.
    fn ticks(&self, value: f64) -> f64 {
        let raw = value * crate::domain::decimal::POWERS_OF_TEN[usize::from(self.price_step.scale())] as f64
            / self.price_step.mantissa() as f64;
        let near = raw.round();
        if (raw - near).abs() <= 1e-9 * near.abs().max(1.0) { near } else { raw }
    }

    /// The tier of a position; the last tier beyond the table.
    pub fn tier(&self, notional: Money, qty: Qty) -> RiskTier {
        let last = self.tiers.len() - 1;
        let holds = |tier: &RiskTier| notional <= tier.max_notional && qty <= tier.max_quantity;
        let index = self.tiers.iter().position(holds).unwrap_or(last);
        self.tiers[index]
    }
}

fn ticks_to_f64(count: i64, step: Decimal) -> f64 {
    (count as f64 * step.mantissa() as f64)
        / crate::domain::decimal::POWERS_OF_TEN[usize::from(step.scale())] as f64
}

/// All symbols of a session: an immutable value, replaced as a whole.
#[derive(Clone, Debug, Default)]
pub struct SymbolTable {
    /// Increases with every replacement, so that a journal can name the table it used.
    pub version: u64,
    specs: Vec<Arc<SymbolSpec>>,
    enabled: Vec<bool>,
}

impl SymbolTable {
    /// The quote currency that all symbols have in common; `None` when they have several or it is not known.
    pub fn currency(&self) -> Option<&str> {
        common_quote_currency(self.specs.iter().map(|spec| spec.name.as_str()))
    }

    /// A table of these symbols, all enabled; ids follow the given order.
    pub fn new(version: u64, specs: Vec<SymbolSpec>) -> Self {
        let enabled = vec![true; specs.len()];
        SymbolTable { version, specs: specs.into_iter().map(Arc::new).collect(), enabled }
    }

    /// The specification of a symbol of this session.
    ///
    /// # Panics
    /// When the id belongs to another session's table, which is a bug.
    pub fn spec(&self, id: SymbolId) -> &SymbolSpec {
        &self.specs[id.index()]
    }

    /// Whether new entries are allowed on the symbol.
    pub fn is_enabled(&self, id: SymbolId) -> bool {
        self.enabled[id.index()]
    }

    /// A copy with one symbol enabled or disabled and the version increased by one.
    pub fn with_enabled(&self, id: SymbolId, enabled: bool) -> Self {
        let mut next = self.clone();
        next.version += 1;
        next.enabled[id.index()] = enabled;
        next
    }

    /// The id of the symbol with this name.
    pub fn find(&self, name: &str) -> Option<SymbolId> {
        self.specs.iter().position(|spec| spec.name == name).map(|i| SymbolId(i as u32))
    }

    /// Number of symbols.
    pub fn len(&self) -> usize {
        self.specs.len()
    }

    /// Whether the table has no symbols.
    pub fn is_empty(&self) -> bool {
        self.specs.is_empty()
    }

    /// All symbols in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (SymbolId, &SymbolSpec)> {
        self.specs.iter().enumerate().map(|(i, spec)| (SymbolId(i as u32), spec.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(price: &str, qty: &str, contract: &str) -> SymbolSpec {
        let d = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
        SymbolSpec::new("X_USDT", d(price), d(qty), d(contract)).unwrap()
    }

    #[test]
    fn notional_and_lots_are_exact() {
        let btc = spec("0.1", "1", "0.0001");
        assert_eq!(btc.notional(Price(618_003), Qty(10)), Money::from_f64(61.8003));
        assert_eq!(btc.lots_for(Money::from_units(1_000), Price(618_003)), Qty(161));
        assert_eq!(btc.price_f64(Price(618_003)), 61_800.3);
    }

    #[test]
    fn rounding_to_ticks_is_named_and_forgives_binary_noise() {
        let coin = spec("0.01", "0.1", "1");
        assert_eq!(coin.price_floor(10.0 * (1.0 - 0.03)), Price(970));
        assert_eq!(coin.price_ceil(10.0 * (1.0 - 0.03)), Price(970));
        assert_eq!(coin.price_ceil(9.701), Price(971));
        assert_eq!(coin.price_floor(9.709), Price(970));
    }

    #[test]
    fn a_tier_ends_at_its_notional_or_its_quantity() {
        let mut coin = spec("1", "1", "1");
        let first = RiskTier { max_quantity: Qty(100), max_leverage: 50, ..coin.tiers[0] };
        let second = RiskTier { max_notional: Money::from_units(1_000), max_leverage: 20, ..coin.tiers[0] };
        coin.tiers = vec![first, second, RiskTier { max_leverage: 5, ..coin.tiers[0] }];
        let leverage = |notional, lots| coin.tier(Money::from_units(notional), Qty(lots)).max_leverage;
        let sizes = [(5_000, 100), (1_000, 101), (1_001, 101)];
        assert_eq!(sizes.map(|(notional, lots)| leverage(notional, lots)), [50, 20, 5]);
    }

    #[test]
    fn refuses_steps_it_cannot_keep_exact() {
        let tiny = Decimal::step(10).unwrap();
        assert!(SymbolSpec::new("X", tiny, tiny, Decimal::ONE).is_none());
        assert!(SymbolSpec::new("X", Decimal::ZERO, Decimal::ONE, Decimal::ONE).is_none());
    }
}
