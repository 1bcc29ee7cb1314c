//! Fees, as a share of the notional.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fees in percent of the notional.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Fees {
    /// For orders that add liquidity; negative is a rebate. Next session.
    #[schemars(range(min = -1.0, max = 10.0))]
    pub maker_pct: f64,
    /// For orders that take liquidity. Next session.
    #[schemars(range(min = -1.0, max = 10.0))]
    pub taker_pct: f64,
}

impl Default for Fees {
    fn default() -> Self {
        Fees { maker_pct: 0.02, taker_pct: 0.06 }
    }
}
