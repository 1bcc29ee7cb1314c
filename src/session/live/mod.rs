//! Orders for real money, as a value: what is sent, what the venue says, what must be asked, and what
//! protects positions.
//!
//! Nothing here sends or waits. A [`Desk`] is told what happened, with the time, and says what to do
//! ([`Act`]). Invariants: an order is sent a second time only after a look-up that did not find it, under the
//! same client id; an execution counts once; an unknown outcome is never treated as a refusal.

mod act;
mod backoff;
mod caps;
mod client_id;
mod close_surplus;
#[cfg(test)]
mod delay_tests;
mod desk;
mod due;
mod foreign;
mod numbers;
mod order;
mod positions;
mod protection;
mod reconcile;
mod standing;
mod surplus;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trouble_tests;
mod unidentified;
mod waiting_exits;

pub use act::{Act, Alert, Placed};
pub use caps::{Caps, EntryRefusal};
pub use client_id::{PREFIX, SessionTag};
pub use desk::Desk;
pub use order::{OrderFact, OrderFactState};
pub use protection::{EnginePosition, StopFact, StopPrice, VenuePosition};
pub use reconcile::{PositionFact, Report};

pub use crate::domain::intent::Intent;
use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::Liquidity;
pub use crate::domain::position_key::PositionKey;
use crate::domain::time::Timestamp;

/// What made an execution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MadeBy {
    /// An order of somebody.
    Order,
    /// The venue, because the margin was used up.
    Liquidation,
    /// The venue, to balance another account's loss.
    Deleveraging,
}

/// An execution as the venue tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExecutionFact {
    /// The venue's number, unique on the account.
    pub trade_id: u64,
    /// The order's number at the venue.
    pub venue: u64,
    /// Client id of the order; `None` where the venue does not tell it.
    pub client: Option<String>,
    /// The position it changed.
    pub key: PositionKey,
    /// Whether it made the position smaller.
    pub is_closing: bool,
    /// Price.
    pub price: Price,
    /// Quantity.
    pub qty: Qty,
    /// Fee paid, negative when received; zero where it is paid in another currency.
    pub fee: Money,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// What made it.
    pub made_by: MadeBy,
    /// The venue's time.
    pub at: Timestamp,
}
