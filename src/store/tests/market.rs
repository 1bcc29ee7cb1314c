//! Stored exchange data: contract terms over time and cached tickers.

use super::*;
use crate::domain::contract::Contract;
use crate::store::records::TickerCacheV1;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn contract(symbol: &str, max_leverage: u32) -> Contract {
    Contract {
        symbol: symbol.into(),
        display_name: format!("{symbol} PERPETUAL"),
        base: "BTC".into(),
        quote: "USDT".into(),
        settle: "USDT".into(),
        contract_size: number("0.0001"),
        price_step: number("0.1"),
        quantity_step: number("1"),
        min_quantity: number("1"),
        max_quantity: number("1250000"),
        max_leverage,
        maker_fee: number("0"),
        taker_fee: number("0.0002"),
        maintenance: Some(number("0.004")),
        tiers: Vec::new(),
        state: 0,
        is_api_allowed: true,
        listed_ms: Some(1_591_242_684_000),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// The oracle keeps every list that was ever stored.
    #[test]
    fn only_changes_are_kept_and_every_moment_is_known(
        fetched in proptest::collection::vec((1_i64..40, proptest::collection::vec((0_usize..3, 1_u32..3), 0..4)), 1..25),
        asked in proptest::collection::vec(0_i64..900, 1..10),
    ) {
        let store = Store::in_memory().unwrap();
        let mut oracle: BTreeMap<String, Vec<(i64, Contract)>> = BTreeMap::new();
        let mut at = 0;
        for (step, list) in fetched {
            at += step;
            let list: BTreeMap<String, Contract> =
                list.into_iter().map(|(name, leverage)| (["A", "A_B", "B"][name].to_owned(), contract(["A", "A_B", "B"][name], leverage))).collect();
            let list: Vec<Contract> = list.into_values().collect();
            let changed = list.iter().filter(|new| oracle.get(&new.symbol).is_none_or(|known| known.last().unwrap().1 != **new)).count();
            prop_assert_eq!(store.put_contracts(&list, at_ms(at)).unwrap(), changed);
            for new in list {
                oracle.entry(new.symbol.clone()).or_default().push((at, new));
            }
        }
        let latest: Vec<Contract> = oracle.values().map(|known| known.last().unwrap().1.clone()).collect();
        prop_assert_eq!(store.contracts_latest().unwrap(), latest);
        for at in asked {
            for name in ["A", "A_B", "B"] {
                let known = oracle.get(name).and_then(|known| known.iter().rev().find(|(since, _)| *since <= at)).map(|(_, known)| known.clone());
                prop_assert_eq!(store.contract_at(name, at_ms(at)).unwrap(), known);
            }
        }
        prop_assert!(store.verify().unwrap().is_sound());
    }
}

#[test]
fn tickers_are_replaced() {
    on_both(|store| {
        assert_eq!(store.tickers("mexc").unwrap(), None);
        for as_of_us in [1, 2] {
            store.put_tickers("mexc", &TickerCacheV1 { as_of_us, body: "{}".into() }).unwrap();
        }
        assert_eq!(store.tickers("mexc").unwrap().map(|cache| cache.as_of_us), Some(2));
        assert_eq!(store.tickers("other").unwrap(), None);
    });
}
