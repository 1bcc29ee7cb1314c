//! The currency of a contract's money, read from its name: that of prices, results and the account.

/// Currencies in which names end without a divider; none before another one it ends with.
const QUOTES: [&str; 16] = [
    "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDE", "USD1", "USD", "BTC", "ETH", "BNB", "EUR", "GBP", "TRY",
    "BRL", "JPY",
];

/// Of those, the ones whose amounts read like dollars.
const DOLLARS: [&str; 8] = ["USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDE", "USD1", "USD"];

/// `USDT` of `BTC_USDT` and of `BTCUSDT`; `None` for a name that does not tell.
pub fn quote_currency(symbol: &str) -> Option<&str> {
    if let Some((base, quote)) = symbol.rsplit_once('_') {
        return Some(quote).filter(|quote| !base.is_empty() && !quote.is_empty());
    }
    QUOTES.into_iter().find(|quote| symbol.len() > quote.len() && symbol.ends_with(quote))
}

/// Whether amounts that make sense in dollars make sense in this currency too.
pub fn is_dollar(currency: &str) -> bool {
    DOLLARS.contains(&currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_currency_is_the_end_of_the_name() {
        for (symbol, quote) in [
            ("BTC_USDT", Some("USDT")),
            ("BTCUSDT", Some("USDT")),
            ("GVTBTC", Some("BTC")),
            ("ETHFDUSD", Some("FDUSD")),
            ("BTCUSD", Some("USD")),
            ("币安_USDT", Some("USDT")),
            ("USDT", None),
            ("_USDT", None),
            ("XYZ", None),
        ] {
            assert_eq!(quote_currency(symbol), quote, "{symbol}");
        }
        assert!(is_dollar("USDT") && !is_dollar("BTC"));
    }

    #[test]
    fn the_longer_name_is_found_first() {
        for (place, quote) in QUOTES.iter().enumerate() {
            assert!(
                !QUOTES[..place].iter().any(|earlier| quote.ends_with(earlier) && quote != earlier),
                "{quote}"
            );
        }
    }
}
