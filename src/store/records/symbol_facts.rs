//! What is known about a recorded symbol beside its rows: what its contract is, and how its files were read.

use crate::domain::bar_length::BarSource;
use crate::domain::contract_facts::ContractFacts;
use crate::domain::decimal::Decimal;
use crate::store::codec::Stored;
use serde::{Deserialize, Serialize};

/// Facts of one symbol of one recording. Decimals are `(mantissa, scale)`; `None` is not known.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct SymbolFactsV1 {
    /// Exchange.
    pub venue: Option<String>,
    /// Currency of prices.
    pub quote: Option<String>,
    /// Currency of profit and loss.
    pub settle: Option<String>,
    /// Smallest change of a price.
    pub price_step: Option<(i64, u8)>,
    /// Contracts in one lot.
    pub quantity_step: Option<(i64, u8)>,
    /// Base units in one contract.
    pub contract_size: Option<(i64, u8)>,
    /// How the length of its bars is known, a word of [`BarSource`].
    pub bar_source: Option<String>,
    /// Trades that were left out because they were there before.
    pub repeated: u64,
    /// Sentences for whoever uses the recording.
    pub notes: Vec<String>,
}

impl Stored for SymbolFactsV1 {
    const KIND: u16 = 30;
    const VERSION: u16 = 1;
    const NAME: &'static str = "symbol_facts";
}

impl SymbolFactsV1 {
    /// The kept form of contract facts. Complete terms are kept as a specification, not here.
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

    /// How the length of its bars is known; `None` when it was not kept.
    pub fn bar_source(&self) -> Option<BarSource> {
        let word = self.bar_source.as_deref()?;
        BarSource::ALL.iter().find(|(_, known)| *known == word).map(|(source, _)| *source)
    }
}
