//! The quote currency of a contract, read from its name: the currency of prices, results and the account.

/// Quote currencies of names without a separator. A currency must come before any shorter one that it ends
/// with.
const QUOTES: [&str; 16] = [
    "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDE", "USD1", "USD", "BTC", "ETH", "BNB", "EUR", "GBP", "TRY",
    "BRL", "JPY",
];

/// Quote currencies worth about one dollar.
const DOLLARS: [&str; 8] = ["USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDE", "USD1", "USD"];

/// The quote currency in a name: `USDT` for `BTC_USDT` and for `BTCUSDT`; `None` when it cannot be told.
pub fn quote_currency(symbol: &str) -> Option<&str> {
    if let Some((base, quote)) = symbol.rsplit_once('_') {
        return Some(quote).filter(|quote| !base.is_empty() && !quote.is_empty());
    }
    QUOTES.into_iter().find(|quote| symbol.len() > quote.len() && symbol.ends_with(quote))
}

/// Whether one unit of the currency is worth about one dollar, so that amounts meant in dollars fit.
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
