//! Facts about a recorded symbol besides its rows: its contract, and how its files were read.

use crate::domain::bar_length::BarSource;
use crate::domain::contract_facts::ContractFacts;
use crate::domain::decimal::Decimal;
use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// Facts of one symbol of one recording. Decimals are `(mantissa, scale)`; `None` means unknown.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct SymbolFactsV1 {
    /// Exchange.
    pub venue: Option<String>,
    /// Quote currency.
    pub quote: Option<String>,
    /// Settlement currency.
    pub settle: Option<String>,
    /// Tick size.
    pub price_step: Option<(i64, u8)>,
    /// Lot size in contracts.
    pub quantity_step: Option<(i64, u8)>,
    /// Base units per contract.
    pub contract_size: Option<(i64, u8)>,
    /// How the bar length is known: a name of [`BarSource`].
    pub bar_source: Option<String>,
    /// Number of rows left out because they were there before.
    pub repeated: u64,
    /// Remarks for users of the recording.
    pub notes: Vec<String>,
}

impl Stored for SymbolFactsV1 {
    const KIND: u16 = 30;
    const VERSION: u16 = 1;
    const NAME: &'static str = "symbol_facts";
}

impl SymbolFactsV1 {
    /// The stored form of contract facts. Complete terms are stored as a specification, not here.
    pub fn new(facts: &ContractFacts) -> Self {
        let pair = |decimal: Option<Decimal>| decimal.map(|decimal| (decimal.mantissa(), decimal.scale()));
        SymbolFactsV1 {
            venue: facts.venue.clone(),
            quote: facts.quote.clone(),
            settle: facts.settle.clone(),
            price_step: pair(facts.price_step),
            quantity_step: pair(facts.quantity_step),
            contract_size: pair(facts.contract_size),
            ..SymbolFactsV1::default()
        }
    }

    /// The contract facts.
    pub fn contract(&self) -> ContractFacts {
        let decimal = |pair: Option<(i64, u8)>| {
            pair.and_then(|(mantissa, scale)| Decimal::new(mantissa, scale)).filter(|d| d.mantissa() > 0)
        };
        ContractFacts {
            venue: self.venue.clone(),
            quote: self.quote.clone(),
            settle: self.settle.clone(),
            price_step: decimal(self.price_step),
            quantity_step: decimal(self.quantity_step),
            contract_size: decimal(self.contract_size),
            terms: None,
        }
    }

    /// How the bar length is known; `None` when that was not stored.
    pub fn bar_source(&self) -> Option<BarSource> {
        let word = self.bar_source.as_deref()?;
        BarSource::ALL.iter().find(|(_, known)| *known == word).map(|(source, _)| *source)
    }
}
