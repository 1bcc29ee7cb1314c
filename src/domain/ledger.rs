//! What a session earned: closed trades and points of the equity curve, in exact money.

use crate::domain::decision::Trigger;
use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::Side;
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;

/// A round trip of one instance, from flat to flat, with its partial exits.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ClosedTrade {
    /// Instance (index in the session).
    pub instance: u32,
    /// Strategy (index in the session).
    pub strategy: u32,
    /// Symbol.
    pub symbol: SymbolId,
    /// `Buy` for a long.
    pub side: Side,
    /// Time of the first fill.
    pub opened_at: Timestamp,
    /// Time of the last closing fill.
    pub closed_at: Timestamp,
    /// Total lots opened.
    pub qty: Qty,
    /// Average entry price in the quote currency.
    pub entry_price: f64,
    /// Average exit price in the quote currency.
    pub exit_price: f64,
    /// Σ price × quantity of the opening fills.
    pub entry_notional: Money,
    /// Result before costs: dir·(exit − entry)·quantity.
    pub gross: Money,
    /// Total fees.
    pub fees: Money,
    /// Funding received; negative when paid.
    pub funding: Money,
    /// Cost of filling away from the mid price at decision time; positive is a cost. `None` when no mid was
    /// known.
    pub slippage: Option<Money>,
    /// Loss at the first stop, positive; `None` without a stop.
    pub initial_risk: Option<Money>,
    /// Worst price while the position was open.
    pub worst_price: Price,
    /// Best price while the position was open.
    pub best_price: Price,
    /// Maximum adverse excursion from the average entry, percent, ≤ 0.
    pub mae_pct: f64,
    /// Maximum favourable excursion from the average entry, percent, ≥ 0.
    pub mfe_pct: f64,
    /// What closed the position.
    pub reason: Trigger,
    /// Number of opening and closing fills.
    pub fills: u32,
    /// Leverage the position was opened with.
    pub leverage: u32,
}

impl ClosedTrade {
    /// Result after fees and funding.
    pub fn net(&self) -> Money {
        self.gross - self.fees + self.funding
    }

    /// Net result in percent of the entry notional.
    pub fn net_pct(&self) -> f64 {
        100.0 * self.net().0 as f64 / self.entry_notional.0 as f64
    }
}

/// The account at one point in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EquityPoint {
    /// Event time.
    pub at: Timestamp,
    /// Cash plus unrealised profit at the mark price.
    pub equity: Money,
    /// Cash: the initial balance plus everything realised, after fees and funding.
    pub balance: Money,
    /// Σ |position| at the mark price.
    pub exposure: Money,
}
