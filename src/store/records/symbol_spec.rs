//! A symbol's specification as of its recording or session.

use crate::domain::decimal::Decimal;
use crate::domain::num::{Money, Qty, Rate};
use crate::domain::symbol::{RiskTier, SymbolSpec, UNBOUNDED, UNKNOWN_LEVERAGE};
use crate::store::codec::{CodecError, Stored, decode_payload};
use serde::{Deserialize, Serialize};

/// The first version of [`SymbolSpecV2`].
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

/// The first version of [`RiskTierV2`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RiskTierV1 {
    /// Maximum notional, 10^-18 of the quote currency.
    pub max_notional_money: i128,
    /// Maximum leverage.
    pub max_leverage: u32,
    /// Maintenance margin rate, parts per billion.
    pub maintenance_ppb: i64,
}

/// A symbol's specification. Decimals are `(mantissa, scale)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SymbolSpecV2 {
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
    /// Maximum order size in lots; the largest `i64` when unknown.
    pub max_quantity_lots: i64,
    /// Maker fee, parts per billion.
    pub maker_fee_ppb: i64,
    /// Taker fee, parts per billion.
    pub taker_fee_ppb: i64,
    /// Risk tiers, by increasing size.
    pub tiers: Vec<RiskTierV2>,
}

/// One tier of the risk table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RiskTierV2 {
    /// Maximum notional, 10^-18 of the quote currency; the largest `i128` when unbounded.
    pub max_notional_money: i128,
    /// Maximum position in lots; the largest `i64` when unbounded.
    pub max_quantity_lots: i64,
    /// Maximum leverage; the largest `u32` when unknown.
    pub max_leverage: u32,
    /// Maintenance margin rate, parts per billion.
    pub maintenance_ppb: i64,
}

impl Stored for SymbolSpecV2 {
    const KIND: u16 = 3;
    const VERSION: u16 = 2;
    const NAME: &'static str = "symbol_spec";

    fn from_older(version: u16, payload: &[u8]) -> Result<Self, CodecError> {
        match version {
            1 => decode_payload::<SymbolSpecV1>(payload).map(SymbolSpecV2::from),
            other => Err(CodecError::UnknownVersion(other)),
        }
    }
}

impl From<SymbolSpecV1> for SymbolSpecV2 {
    /// The first version wrote a leverage of 10 where the terms were not known.
    fn from(old: SymbolSpecV1) -> Self {
        let tier = |tier: &RiskTierV1| RiskTierV2 {
            max_notional_money: tier.max_notional_money,
            max_quantity_lots: UNBOUNDED.0,
            max_leverage: if tier.max_leverage == 10 { UNKNOWN_LEVERAGE } else { tier.max_leverage },
            maintenance_ppb: tier.maintenance_ppb,
        };
        SymbolSpecV2 {
            name: old.name,
            price_step: old.price_step,
            quantity_step: old.quantity_step,
            contract_size: old.contract_size,
            min_quantity_lots: old.min_quantity_lots,
            max_quantity_lots: UNBOUNDED.0,
            maker_fee_ppb: old.maker_fee_ppb,
            taker_fee_ppb: old.taker_fee_ppb,
            tiers: old.tiers.iter().map(tier).collect(),
        }
    }
}

impl From<&SymbolSpec> for SymbolSpecV2 {
    fn from(spec: &SymbolSpec) -> Self {
        let pair = |decimal: Decimal| (decimal.mantissa(), decimal.scale());
        SymbolSpecV2 {
            name: spec.name.clone(),
            price_step: pair(spec.price_step),
            quantity_step: pair(spec.quantity_step),
            contract_size: pair(spec.contract_size),
            min_quantity_lots: spec.min_quantity.0,
            max_quantity_lots: spec.max_quantity.0,
            maker_fee_ppb: spec.maker_fee.0,
            taker_fee_ppb: spec.taker_fee.0,
            tiers: spec
                .tiers
                .iter()
                .map(|tier| RiskTierV2 {
                    max_notional_money: tier.max_notional.0,
                    max_quantity_lots: tier.max_quantity.0,
                    max_leverage: tier.max_leverage,
                    maintenance_ppb: tier.maintenance.0,
                })
                .collect(),
        }
    }
}

impl SymbolSpecV2 {
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
        spec.max_quantity = Qty(self.max_quantity_lots);
        spec.maker_fee = Rate(self.maker_fee_ppb);
        spec.taker_fee = Rate(self.taker_fee_ppb);
        let tiers = self.tiers.iter().map(|tier| RiskTier {
            max_notional: Money(tier.max_notional_money),
            max_quantity: Qty(tier.max_quantity_lots),
            max_leverage: tier.max_leverage,
            maintenance: Rate(tier.maintenance_ppb),
        });
        spec.tiers = tiers.collect();
        (!spec.tiers.is_empty()).then_some(spec)
    }
}
