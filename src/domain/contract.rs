//! A contract as an exchange describes it: steps, limits, fees and trading state.
//!
//! Invariant: every number comes from the exchange; what it did not send is `None`.

use crate::domain::decimal::Decimal;

/// A contract. Quantities are in contracts; rates are fractions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contract {
    /// Name as the exchange writes it, e.g. `BTC_USDT`.
    pub symbol: String,
    /// Name shown to users.
    pub display_name: String,
    /// Base currency.
    pub base: String,
    /// Quote currency: the currency of prices.
    pub quote: String,
    /// Settlement currency of profit and loss; the contract is linear when it equals the quote currency.
    pub settle: String,
    /// Size of one contract in base units (linear) or quote units (inverse).
    pub contract_size: Decimal,
    /// Tick size: smallest change of a price.
    pub price_step: Decimal,
    /// Contracts in one lot.
    pub quantity_step: Decimal,
    /// Smallest order in contracts.
    pub min_quantity: Decimal,
    /// Largest order in contracts.
    pub max_quantity: Decimal,
    /// Highest leverage.
    pub max_leverage: u32,
    /// Maker fee shown on the exchange's web page; orders over the API may pay another.
    pub maker_fee: Decimal,
    /// Taker fee shown on the exchange's web page; orders over the API may pay another.
    pub taker_fee: Decimal,
    /// Maintenance margin rate of the first tier; `None` when the exchange does not state it.
    pub maintenance: Option<Decimal>,
    /// Margin tiers by increasing quantity; empty when the exchange does not state them.
    pub tiers: Vec<ContractTier>,
    /// The exchange's state number; 0 means open for trading.
    pub state: i64,
    /// Whether orders over the API are accepted.
    pub is_api_allowed: bool,
    /// Listing time in milliseconds since 1970; `None` when the exchange does not state it.
    pub listed_ms: Option<i64>,
}

/// What a position up to a size needs as margin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContractTier {
    /// Largest position of the tier in contracts.
    pub max_quantity: Decimal,
    /// Highest leverage.
    pub max_leverage: u32,
    /// Maintenance margin rate.
    pub maintenance: Decimal,
}

impl Contract {
    /// Whether profit and loss are in the quote currency.
    pub fn is_linear(&self) -> bool {
        self.settle == self.quote
    }

    /// Whether the contract is open and accepts orders over the API.
    pub fn is_tradable(&self) -> bool {
        self.state == 0 && self.is_api_allowed
    }
}
