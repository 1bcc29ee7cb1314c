//! Contract terms as a time series, and the last list of tickers.

use super::error::during;
use super::records::{ContractV1, TickerCacheV1};
use super::tables::{CONTRACTS, TICKERS};
use super::{Store, StoreError, decode, encode};
use crate::domain::contract::Contract;
use crate::domain::time::Timestamp;
use redb::ReadableTable;

const READING: &str = "reading contracts";
const WRITING: &str = "writing contracts";

impl Store {
    /// Keeps the contracts whose terms at `at` are not those known for that moment, and says how many those are.
    pub fn put_contracts(&self, contracts: &[Contract], at: Timestamp) -> Result<usize, StoreError> {
        let since_ms = at.millis();
        let kept = contracts.iter().map(ContractV1::from);
        let kept = kept.map(|kept| Ok((encode(&kept)?, kept.symbol))).collect::<Result<Vec<_>, StoreError>>()?;
        self.write(move |txn| {
            let mut table = txn.open_table(CONTRACTS).map_err(during(WRITING))?;
            let mut changed = 0;
            for (bytes, symbol) in &kept {
                let symbol = symbol.as_str();
                let mut known = table.range((symbol, i64::MIN)..=(symbol, since_ms)).map_err(during(WRITING))?;
                let last = known.next_back().transpose().map_err(during(WRITING))?;
                let same = last.is_some_and(|(_, last)| last.value() == bytes.as_slice());
                drop(known);
                if !same {
                    table.insert((symbol, since_ms), bytes.as_slice()).map_err(during(WRITING))?;
                    changed += 1;
                }
            }
            Ok(changed)
        })
    }

    /// A contract's terms at a moment; `None` when nothing was known yet.
    pub fn contract_at(&self, symbol: &str, at: Timestamp) -> Result<Option<Contract>, StoreError> {
        let table = self.read()?.open_table(CONTRACTS).map_err(during(READING))?;
        let mut known = table.range((symbol, i64::MIN)..=(symbol, at.millis())).map_err(during(READING))?;
        let last = known.next_back().transpose().map_err(during(READING))?;
        last.map(|(_, bytes)| contract(bytes.value(), symbol)).transpose()
    }

    /// The newest terms of every contract, by symbol.
    pub fn contracts_latest(&self) -> Result<Vec<Contract>, StoreError> {
        let table = self.read()?.open_table(CONTRACTS).map_err(during(READING))?;
        let mut all: Vec<Contract> = Vec::new();
        for row in table.iter().map_err(during(READING))? {
            let (key, bytes) = row.map_err(during(READING))?;
            let (symbol, _) = key.value();
            if all.last().is_some_and(|last| last.symbol == symbol) {
                all.pop();
            }
            all.push(contract(bytes.value(), symbol)?);
        }
        Ok(all)
    }

    /// Keeps the tickers of an exchange in place of the last ones.
    pub fn put_tickers(&self, exchange: &str, tickers: &TickerCacheV1) -> Result<(), StoreError> {
        let (exchange, bytes) = (exchange.to_owned(), encode(tickers)?);
        self.write(move |txn| {
            let mut table = txn.open_table(TICKERS).map_err(during(WRITING))?;
            table.insert(exchange.as_str(), bytes.as_slice()).map_err(during(WRITING))?;
            Ok(())
        })
    }

    /// The tickers of an exchange that were kept last.
    pub fn tickers(&self, exchange: &str) -> Result<Option<TickerCacheV1>, StoreError> {
        let table = self.read()?.open_table(TICKERS).map_err(during(READING))?;
        let found = table.get(exchange).map_err(during(READING))?;
        found.map(|bytes| decode(bytes.value(), exchange)).transpose()
    }
}

fn contract(bytes: &[u8], symbol: &str) -> Result<Contract, StoreError> {
    let kept: ContractV1 = decode(bytes, symbol)?;
    kept.contract().ok_or_else(|| StoreError::damaged(format!("contract `{symbol}`"), "a number that is none"))
}
