//! Contract terms as a time series, and the cached tickers of exchanges.

use super::error::during;
use super::records::{ContractV2, TickerCacheV1};
use super::tables::{CONTRACTS, TICKERS};
use super::{Store, StoreError, encode};
use crate::domain::contract::Contract;
use crate::domain::time::Timestamp;

const WRITING: &str = "writing contracts";

impl Store {
    /// Stores those contracts whose terms differ from the terms known for time `at`; returns their number.
    pub fn put_contracts(&self, contracts: &[Contract], at: Timestamp) -> Result<usize, StoreError> {
        let since_ms = at.millis();
        let kept = contracts.iter().map(ContractV2::from);
        let kept = kept.map(|kept| Ok((encode(&kept)?, kept))).collect::<Result<Vec<_>, StoreError>>()?;
        self.write(move |txn| {
            let mut table = CONTRACTS.write(txn, WRITING)?;
            let mut changed = 0;
            for (bytes, terms) in &kept {
                let symbol = terms.symbol.as_str();
                let known = CONTRACTS.within(&table).last((symbol, i64::MIN), (symbol, since_ms), |_| ())?;
                if known.is_none_or(|((), known)| known != *terms) {
                    table.insert((symbol, since_ms), bytes.as_slice()).map_err(during(WRITING))?;
                    changed += 1;
                }
            }
            Ok(changed)
        })
    }

    /// A contract's terms at a time; `None` when none were known yet.
    pub fn contract_at(&self, symbol: &str, at: Timestamp) -> Result<Option<Contract>, StoreError> {
        let known =
            self.table(CONTRACTS)?.checked().last((symbol, i64::MIN), (symbol, at.millis()), |_| ())?;
        known.map(|((), known)| contract(&known)).transpose()
    }

    /// The newest terms of every contract, sorted by symbol.
    pub fn contracts_latest(&self) -> Result<Vec<Contract>, StoreError> {
        let mut all: Vec<Contract> = Vec::new();
        for known in self.table(CONTRACTS)?.checked().values()? {
            if all.last().is_some_and(|last| last.symbol == known.symbol) {
                all.pop();
            }
            all.push(contract(&known)?);
        }
        Ok(all)
    }

    /// Replaces the cached tickers of an exchange.
    pub fn put_tickers(&self, exchange: &str, tickers: &TickerCacheV1) -> Result<(), StoreError> {
        let (exchange, bytes) = (exchange.to_owned(), encode(tickers)?);
        self.write(move |txn| {
            let mut table = TICKERS.write(txn, WRITING)?;
            table.insert(exchange.as_str(), bytes.as_slice()).map_err(during(WRITING))?;
            Ok(())
        })
    }

    /// The cached tickers of an exchange.
    pub fn tickers(&self, exchange: &str) -> Result<Option<TickerCacheV1>, StoreError> {
        self.table(TICKERS)?.checked().get(exchange)
    }
}

fn contract(kept: &ContractV2) -> Result<Contract, StoreError> {
    kept.contract()
        .ok_or_else(|| StoreError::damaged(format!("contract `{}`", kept.symbol), "a number that is none"))
}
