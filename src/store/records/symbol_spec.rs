//! A symbol's specification as of its recording or session.

use crate::domain::decimal::Decimal;
use crate::domain::num::{Money, Qty, Rate};
use crate::domain::symbol::{RiskTier, SymbolSpec};
use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// A symbol's specification. Decimals are `(mantissa, scale)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SymbolSpecV1 {
    /// Name as written by the venue.
    pub name: String,
    /// Tick size.
    pub price_step: (i64, u8),
    /// Lot size in contracts.
    pub quantity_step: (i64, u8),
    /// Base units per contract.
    pub contract_size: (i64, u8),
    /// Minimum order size in lots.
    pub min_quantity_lots: i64,
    /// Maker fee, parts per billion.
    pub maker_fee_ppb: i64,
    /// Taker fee, parts per billion.
    pub taker_fee_ppb: i64,
    /// Risk tiers, by increasing notional.
    pub tiers: Vec<RiskTierV1>,
}

/// One tier of the risk table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RiskTierV1 {
    /// Maximum notional, 10^-18 of the quote currency.
    pub max_notional_money: i128,
    /// Maximum leverage.
    pub max_leverage: u32,
    /// Maintenance margin rate, parts per billion.
    pub maintenance_ppb: i64,
}

impl Stored for SymbolSpecV1 {
    const KIND: u16 = 3;
    const VERSION: u16 = 1;
    const NAME: &'static str = "symbol_spec";
}

impl From<&SymbolSpec> for SymbolSpecV1 {
    fn from(spec: &SymbolSpec) -> Self {
        let pair = |decimal: Decimal| (decimal.mantissa(), decimal.scale());
        SymbolSpecV1 {
            name: spec.name.clone(),
            price_step: pair(spec.price_step),
            quantity_step: pair(spec.quantity_step),
            contract_size: pair(spec.contract_size),
            min_quantity_lots: spec.min_quantity.0,
            maker_fee_ppb: spec.maker_fee.0,
            taker_fee_ppb: spec.taker_fee.0,
            tiers: spec
                .tiers
                .iter()
                .map(|tier| RiskTierV1 {
                    max_notional_money: tier.max_notional.0,
                    max_leverage: tier.max_leverage,
                    maintenance_ppb: tier.maintenance.0,
                })
                .collect(),
        }
    }
}

impl SymbolSpecV1 {
    /// The specification; `None` when its steps are not exact or it has no tiers (a damaged record).
    pub fn spec(&self) -> Option<SymbolSpec> {
        let decimal = |(mantissa, scale): (i64, u8)| Decimal::new(mantissa, scale);
        let mut spec = SymbolSpec::new(
            &self.name,
            decimal(self.price_step)?,
            decimal(self.quantity_step)?,
            decimal(self.contract_size)?,
        )?;
        spec.min_quantity = Qty(self.min_quantity_lots);
        spec.maker_fee = Rate(self.maker_fee_ppb);
        spec.taker_fee = Rate(self.taker_fee_ppb);
        let tiers = self.tiers.iter().map(|tier| RiskTier {
            max_notional: Money(tier.max_notional_money),
            max_leverage: tier.max_leverage,
            maintenance: Rate(tier.maintenance_ppb),
        });
        spec.tiers = tiers.collect();
        (!spec.tiers.is_empty()).then_some(spec)
    }
}
