//! What a recording states about its symbols besides their rows.

use super::super::error::during;
use super::super::records::{SymbolFactsV1, SymbolSpecV2};
use super::super::tables::{SYMBOL_FACTS, SYMBOL_SPECS};
use super::super::{Store, StoreError, encode};
use super::WRITING;
use crate::domain::contract_facts::ContractFacts;
use crate::domain::symbol::SymbolSpec;
use redb::WriteTransaction;

/// Facts of one symbol, to be stored with a recording.
#[derive(Clone, Debug)]
pub struct NewFacts {
    /// The symbol's recorded name.
    pub symbol: String,
    /// Its facts.
    pub facts: SymbolFactsV1,
    /// Its specification, if all contract terms are known.
    pub spec: Option<SymbolSpec>,
}

impl Store {
    /// The facts stored about a symbol; the default when there are none.
    pub fn facts(&self, id: &str, symbol: &str) -> Result<SymbolFactsV1, StoreError> {
        Ok(self.table(SYMBOL_FACTS)?.checked().get((id, symbol))?.unwrap_or_default())
    }

    /// Contract facts of a symbol: recorded terms, completed by the facts from [`Store::facts`].
    pub fn contract_facts(
        &self,
        id: &str,
        symbol: &str,
        kept: &SymbolFactsV1,
    ) -> Result<ContractFacts, StoreError> {
        let terms = self.recorded_spec(id, symbol)?.as_ref().map(ContractFacts::of).unwrap_or_default();
        Ok(terms.or(kept.contract()))
    }

    /// Stores the venue of a recording's symbols and their contract terms. The contracts must be linear and
    /// settled in their quote currency.
    pub fn put_market(&self, id: &str, venue: &str, specs: &[SymbolSpec]) -> Result<(), StoreError> {
        let all = specs.iter().map(|spec| {
            let quote = spec.name.rsplit_once('_').map(|(_, quote)| quote.to_owned());
            let facts = SymbolFactsV1 {
                venue: Some(venue.to_owned()),
                quote: quote.clone(),
                settle: quote,
                ..SymbolFactsV1::default()
            };
            NewFacts { symbol: spec.name.clone(), facts, spec: Some(spec.clone()) }
        });
        let (all, id) = (all.collect::<Vec<_>>(), id.to_owned());
        self.write(move |txn| put_facts(txn, &id, &all))
    }
}

pub(super) fn put_facts(txn: &WriteTransaction, id: &str, all: &[NewFacts]) -> Result<(), StoreError> {
    let mut facts = SYMBOL_FACTS.write(txn, WRITING)?;
    let mut specs = SYMBOL_SPECS.write(txn, WRITING)?;
    for new in all {
        let key = (id, new.symbol.as_str());
        facts.insert(key, encode(&new.facts)?.as_slice()).map_err(during(WRITING))?;
        if let Some(spec) = &new.spec {
            specs.insert(key, encode(&SymbolSpecV2::from(spec))?.as_slice()).map_err(during(WRITING))?;
        }
    }
    Ok(())
}
