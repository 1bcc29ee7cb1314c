//! What a session earned: closed trades and points of equity, exact.

use crate::domain::decision::Trigger;
use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::Side;
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;

/// A round trip, flat to flat, of one instance. Partial exits are inside.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ClosedTrade {
    /// Which instance (index in the session).
    pub instance: u32,
    /// Which strategy (index in the session).
    pub strategy: u32,
    /// Symbol.
    pub symbol: SymbolId,
    /// `Buy` for a long.
    pub side: Side,
    /// First fill.
    pub opened_at: Timestamp,
    /// Last fill.
    pub closed_at: Timestamp,
    /// Lots opened in all.
    pub qty: Qty,
    /// Average entry price in the quote currency.
    pub entry_price: f64,
    /// Average exit price in the quote currency.
    pub exit_price: f64,
    /// Σ price × quantity of the opening fills.
    pub entry_notional: Money,
    /// dir·(exit − entry)·quantity.
    pub gross: Money,
    /// Fees paid.
    pub fees: Money,
    /// Funding received (negative: paid).
    pub funding: Money,
    /// Cost of filling away from the mid the decision saw; positive costs. `None` when no mid was known.
    pub slippage: Option<Money>,
    /// Loss the first stop would have meant, positive; `None` without a stop.
    pub initial_risk: Option<Money>,
    /// Worst price while open.
    pub worst_price: Price,
    /// Best price while open.
    pub best_price: Price,
    /// Worst excursion from the average entry, percent, ≤ 0.
    pub mae_pct: f64,
    /// Best excursion, percent, ≥ 0.
    pub mfe_pct: f64,
    /// What closed it.
    pub reason: Trigger,
    /// Opening and closing fills.
    pub fills: u32,
    /// Leverage it was opened with.
    pub leverage: u32,
}

impl ClosedTrade {
    /// After fees and funding.
    pub fn net(&self) -> Money {
        self.gross - self.fees + self.funding
    }

    /// Net in percent of the entry notional.
    pub fn net_pct(&self) -> f64 {
        100.0 * self.net().0 as f64 / self.entry_notional.0 as f64
    }
}

/// The account at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EquityPoint {
    /// When.
    pub at: Timestamp,
    /// Cash and unrealised profit at mark.
    pub equity: Money,
    /// Cash alone: what closed trades made of the start.
    pub balance: Money,
    /// Σ |position| at mark.
    pub exposure: Money,
}
