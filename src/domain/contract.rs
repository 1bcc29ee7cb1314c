//! A contract as an exchange describes it: steps, limits, fees, whether it may be traded.
//!
//! Never: a number the exchange did not give.

use crate::domain::decimal::Decimal;

/// A contract. Quantities are in contracts, rates are fractions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contract {
    /// Name as the exchange writes it, e.g. `BTC_USDT`.
    pub symbol: String,
    /// For people.
    pub display_name: String,
    /// Currency that is traded.
    pub base: String,
    /// Currency of prices.
    pub quote: String,
    /// Currency of profit and loss; linear when it is the quote.
    pub settle: String,
    /// Base units in one contract (linear), quote units (inverse).
    pub contract_size: Decimal,
    /// Smallest change of a price.
    pub price_step: Decimal,
    /// Contracts in one lot.
    pub quantity_step: Decimal,
    /// Fewest contracts of an order.
    pub min_quantity: Decimal,
    /// Most contracts of an order.
    pub max_quantity: Decimal,
    /// Highest leverage.
    pub max_leverage: u32,
    /// The web page's fee of a passive fill; orders over the API may pay another.
    pub maker_fee: Decimal,
    /// The web page's fee of a taking fill; orders over the API may pay another.
    pub taker_fee: Decimal,
    /// Maintenance margin of the first tier; `None`: not said.
    pub maintenance: Option<Decimal>,
    /// The exchange's word or number for its state; 0 is open for trading.
    pub state: i64,
    /// Whether orders over the API are taken.
    pub is_api_allowed: bool,
    /// When it was listed, milliseconds since 1970; `None` when not said.
    pub listed_ms: Option<i64>,
}

impl Contract {
    /// Profit and loss in the quote currency.
    pub fn is_linear(&self) -> bool {
        self.settle == self.quote
    }

    /// Whether orders are taken now.
    pub fn is_tradable(&self) -> bool {
        self.state == 0 && self.is_api_allowed
    }
}
