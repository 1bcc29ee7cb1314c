//! One instance's open position: exact cost, fees and funding, from the first fill until flat.
//!
//! Cost is kept in ticks × lots, so partial exits lose no fraction. Invariant: every amount comes from fills
//! and funding.

use crate::checkpoint::plain;
use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::{Fill, Side};
use crate::domain::symbol::SymbolSpec;
use crate::domain::time::Timestamp;

/// An open position with the totals of its round trip so far.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Position {
    /// `Buy` for a long.
    pub side: Side,
    /// Open lots.
    pub lots: i64,
    /// Cost of the open lots, ticks × lots.
    pub cost: i128,
    /// Total lots opened.
    pub opened_lots: i64,
    /// Total cost of the opened lots, ticks × lots.
    pub opened_cost: i128,
    /// Total value of the exits, ticks × lots.
    pub exit_value: i128,
    /// Total fees.
    pub fees: Money,
    /// Funding received; negative when paid.
    pub funding: Money,
    /// Entry fees and funding paid, for the share of lots still open: reduces their margin.
    pub paid: Money,
    /// Twice the slippage against the mid prices at decision time, ticks × lots; `None` once a mid was
    /// unknown.
    pub slippage_x2: Option<i128>,
    /// Time of the first fill.
    pub opened_at: Timestamp,
    /// Time of the last closing fill, never before the first fill; that of the first fill until there is one.
    pub reduced_at: Timestamp,
    /// The moment of the first fill in the symbol's [`Excursion`](super::excursion::Excursion).
    pub opened_after: u64,
    /// Lowest price at the first fill; lower when a resting entry filled inside a bar.
    pub first_low: Price,
    /// Highest price at the first fill; higher when a resting entry filled inside a bar.
    pub first_high: Price,
    /// Leverage the position was opened with.
    pub leverage: u32,
    /// Number of fills so far.
    pub fills: u32,
}

plain!(struct Position {
    side, lots, cost, opened_lots, opened_cost, exit_value, fees, funding, paid, slippage_x2, opened_at, reduced_at, opened_after,
    first_low, first_high, leverage, fills,
});

impl Position {
    /// An empty position, opened by a fill that [`Position::increase`] still has to add.
    pub fn open(fill: &Fill, leverage: u32, opened_after: u64) -> Self {
        Position {
            side: fill.side,
            lots: 0,
            cost: 0,
            opened_lots: 0,
            opened_cost: 0,
            exit_value: 0,
            fees: Money::ZERO,
            funding: Money::ZERO,
            paid: Money::ZERO,
            slippage_x2: Some(0),
            opened_at: fill.at,
            reduced_at: fill.at,
            opened_after,
            first_low: fill.price,
            first_high: fill.price,
            leverage,
            fills: 0,
        }
    }

    /// Adds an opening fill. `mid_x2` is twice the mid price at decision time.
    pub fn increase(&mut self, fill: &Fill, mid_x2: Option<i64>) {
        let value = i128::from(fill.price.0) * i128::from(fill.qty.0);
        self.lots += fill.qty.0;
        self.cost += value;
        self.opened_lots += fill.qty.0;
        self.opened_cost += value;
        self.paid += fill.fee;
        self.count(fill, mid_x2);
    }

    /// Subtracts a closing fill. Returns the realised gross result in ticks × lots, exact over the whole
    /// round trip.
    pub fn reduce(&mut self, fill: &Fill, mid_x2: Option<i64>) -> i128 {
        assert!(
            fill.qty.0 <= self.lots,
            "a reduce-only fill of {} exceeds the open {} lots",
            fill.qty.0,
            self.lots
        );
        let value = i128::from(fill.price.0) * i128::from(fill.qty.0);
        // The last exit takes the remainder of the division, so the parts add up to the whole.
        let cost = if fill.qty.0 == self.lots {
            self.cost
        } else {
            self.cost * i128::from(fill.qty.0) / i128::from(self.lots)
        };
        self.paid = Money(self.paid.0 * i128::from(self.lots - fill.qty.0) / i128::from(self.lots));
        self.lots -= fill.qty.0;
        self.cost -= cost;
        self.exit_value += value;
        self.reduced_at = self.reduced_at.max(fill.at);
        self.count(fill, mid_x2);
        i128::from(self.side.sign()) * (value - cost)
    }

    /// Adds a funding settlement; positive is received.
    pub fn settle_funding(&mut self, amount: Money) {
        self.funding += amount;
        self.paid += -amount;
    }

    fn count(&mut self, fill: &Fill, mid_x2: Option<i64>) {
        self.fees += fill.fee;
        self.fills += 1;
        self.slippage_x2 = match (self.slippage_x2, mid_x2) {
            (Some(sum), Some(mid)) => {
                Some(sum + i128::from(fill.side.sign() * (2 * fill.price.0 - mid)) * i128::from(fill.qty.0))
            }
            _ => None,
        };
    }

    /// Average price of all opening fills.
    pub fn entry_price(&self, spec: &SymbolSpec) -> f64 {
        average(self.opened_cost, self.opened_lots, spec)
    }

    /// Average price of all closing fills.
    pub fn exit_price(&self, spec: &SymbolSpec) -> f64 {
        average(self.exit_value, self.opened_lots - self.lots, spec)
    }

    /// Unrealised profit of the open lots at a price, before costs, ticks × lots.
    pub fn unrealised(&self, price: Price) -> i128 {
        i128::from(self.side.sign()) * (i128::from(price.0) * i128::from(self.lots) - self.cost)
    }

    /// Open quantity.
    pub fn qty(&self) -> Qty {
        Qty(self.lots)
    }

    /// Liquidation price with isolated margin, moved closer by the fees and funding already paid.
    pub fn liquidation_price(&self, spec: &SymbolSpec) -> f64 {
        let notional = spec.money(self.cost);
        let maintenance = spec.tier(notional, self.qty()).maintenance.fraction();
        let entry = average(self.cost, self.lots, spec);
        let paid = self.paid.to_f64() / notional.to_f64().max(f64::MIN_POSITIVE);
        let dir = self.side.sign() as f64;
        entry * (1.0 + dir * (maintenance - 1.0 / f64::from(self.leverage) + paid))
    }
}

fn average(value: i128, lots: i64, spec: &SymbolSpec) -> f64 {
    if lots == 0 {
        return 0.0;
    }
    let power = crate::domain::decimal::POWERS_OF_TEN[usize::from(spec.price_step.scale())] as f64;
    value as f64 * spec.price_step.mantissa() as f64 / (lots as f64 * power)
}
