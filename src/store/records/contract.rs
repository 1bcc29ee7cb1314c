//! Terms of a contract from some time on.

use crate::domain::contract::{Contract, ContractTier};
use crate::domain::decimal::Decimal;
use crate::store::codec::{CodecError, Stored, decode_payload};
use serde::{Deserialize, Serialize};

/// The first version of [`ContractV2`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ContractV1 {
    /// Name as the exchange writes it.
    pub symbol: String,
    /// Display name.
    pub display_name: String,
    /// Base currency.
    pub base: String,
    /// Quote currency.
    pub quote: String,
    /// Settlement currency.
    pub settle: String,
    /// Base units per contract (linear) or quote units per contract (inverse).
    pub contract_size: (i64, u8),
    /// Tick size.
    pub price_step: (i64, u8),
    /// Lot size in contracts.
    pub quantity_step: (i64, u8),
    /// Minimum order size in contracts.
    pub min_quantity: (i64, u8),
    /// Maximum order size in contracts.
    pub max_quantity: (i64, u8),
    /// Maximum leverage.
    pub max_leverage: u32,
    /// Maker fee, a fraction.
    pub maker_fee: (i64, u8),
    /// Taker fee, a fraction.
    pub taker_fee: (i64, u8),
    /// Maintenance margin rate of the first tier, a fraction; zero when unknown.
    pub maintenance: (i64, u8),
    /// The exchange's code for the contract's state.
    pub state: i64,
    /// Whether the exchange accepts orders over its API.
    pub is_api_allowed: bool,
    /// Listing time, milliseconds since 1970.
    pub listed_ms: Option<i64>,
}

/// A margin tier: maximum contracts, maximum leverage, maintenance margin rate.
pub type ContractTierV2 = ((i64, u8), u32, (i64, u8));

/// Contract terms. Decimals are `(mantissa, scale)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ContractV2 {
    /// Name as the exchange writes it.
    pub symbol: String,
    /// Display name.
    pub display_name: String,
    /// Base currency.
    pub base: String,
    /// Quote currency.
    pub quote: String,
    /// Settlement currency.
    pub settle: String,
    /// Base units per contract (linear) or quote units per contract (inverse).
    pub contract_size: (i64, u8),
    /// Tick size.
    pub price_step: (i64, u8),
    /// Lot size in contracts.
    pub quantity_step: (i64, u8),
    /// Minimum order size in contracts.
    pub min_quantity: (i64, u8),
    /// Maximum order size in contracts.
    pub max_quantity: (i64, u8),
    /// Maximum leverage.
    pub max_leverage: u32,
    /// Maker fee, a fraction.
    pub maker_fee: (i64, u8),
    /// Taker fee, a fraction.
    pub taker_fee: (i64, u8),
    /// Maintenance margin rate of the first tier, a fraction; zero when unknown.
    pub maintenance: (i64, u8),
    /// Margin tiers by increasing position.
    pub tiers: Vec<ContractTierV2>,
    /// The exchange's code for the contract's state.
    pub state: i64,
    /// Whether the exchange accepts orders over its API.
    pub is_api_allowed: bool,
    /// Listing time, milliseconds since 1970.
    pub listed_ms: Option<i64>,
}

impl Stored for ContractV2 {
    const KIND: u16 = 24;
    const VERSION: u16 = 2;
    const NAME: &'static str = "contract";

    fn from_older(version: u16, payload: &[u8]) -> Result<Self, CodecError> {
        match version {
            1 => decode_payload::<ContractV1>(payload).map(ContractV2::from),
            other => Err(CodecError::UnknownVersion(other)),
        }
    }
}

impl From<ContractV1> for ContractV2 {
    fn from(old: ContractV1) -> Self {
        ContractV2 {
            symbol: old.symbol,
            display_name: old.display_name,
            base: old.base,
            quote: old.quote,
            settle: old.settle,
            contract_size: old.contract_size,
            price_step: old.price_step,
            quantity_step: old.quantity_step,
            min_quantity: old.min_quantity,
            max_quantity: old.max_quantity,
            max_leverage: old.max_leverage,
            maker_fee: old.maker_fee,
            taker_fee: old.taker_fee,
            maintenance: old.maintenance,
            tiers: Vec::new(),
            state: old.state,
            is_api_allowed: old.is_api_allowed,
            listed_ms: old.listed_ms,
        }
    }
}

impl From<&Contract> for ContractV2 {
    fn from(contract: &Contract) -> Self {
        let pair = |decimal: Decimal| (decimal.mantissa(), decimal.scale());
        ContractV2 {
            symbol: contract.symbol.clone(),
            display_name: contract.display_name.clone(),
            base: contract.base.clone(),
            quote: contract.quote.clone(),
            settle: contract.settle.clone(),
            contract_size: pair(contract.contract_size),
            price_step: pair(contract.price_step),
            quantity_step: pair(contract.quantity_step),
            min_quantity: pair(contract.min_quantity),
            max_quantity: pair(contract.max_quantity),
            max_leverage: contract.max_leverage,
            maker_fee: pair(contract.maker_fee),
            taker_fee: pair(contract.taker_fee),
            maintenance: pair(contract.maintenance.unwrap_or(Decimal::ZERO)),
            tiers: contract
                .tiers
                .iter()
                .map(|tier| (pair(tier.max_quantity), tier.max_leverage, pair(tier.maintenance)))
                .collect(),
            state: contract.state,
            is_api_allowed: contract.is_api_allowed,
            listed_ms: contract.listed_ms,
        }
    }
}

impl ContractV2 {
    /// The contract; `None` when a decimal is invalid (a damaged record).
    pub fn contract(&self) -> Option<Contract> {
        let decimal = |(mantissa, scale): (i64, u8)| Decimal::new(mantissa, scale);
        Some(Contract {
            symbol: self.symbol.clone(),
            display_name: self.display_name.clone(),
            base: self.base.clone(),
            quote: self.quote.clone(),
            settle: self.settle.clone(),
            contract_size: decimal(self.contract_size)?,
            price_step: decimal(self.price_step)?,
            quantity_step: decimal(self.quantity_step)?,
            min_quantity: decimal(self.min_quantity)?,
            max_quantity: decimal(self.max_quantity)?,
            max_leverage: self.max_leverage,
            maker_fee: decimal(self.maker_fee)?,
            taker_fee: decimal(self.taker_fee)?,
            maintenance: Some(decimal(self.maintenance)?).filter(|rate| rate.mantissa() != 0),
            tiers: self
                .tiers
                .iter()
                .map(|(most, max_leverage, rate)| {
                    let (max_quantity, maintenance) = (decimal(*most)?, decimal(*rate)?);
                    Some(ContractTier { max_quantity, max_leverage: *max_leverage, maintenance })
                })
                .collect::<Option<_>>()?,
            state: self.state,
            is_api_allowed: self.is_api_allowed,
            listed_ms: self.listed_ms,
        })
    }
}
