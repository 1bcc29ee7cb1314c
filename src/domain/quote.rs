//! The quote currency of a contract, read from its name: the currency of prices, results and the account.

use super::symbol_name;

/// Quote currencies of names without a separator. A currency must come before any shorter one that it ends
/// with.
const QUOTES: [&str; 16] = [
    "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDE", "USD1", "USD", "BTC", "ETH", "BNB", "EUR", "GBP", "TRY",
    "BRL", "JPY",
];

/// Of those, the ones whose first letter may as well be the last of the base: `XBTUSD`, `BNBUSD`.
const DOUBTFUL: [&str; 2] = ["TUSD", "BUSD"];

/// Most characters of a currency behind a separator.
const QUOTE_CHARS: usize = 5;

/// Quote currencies worth about one dollar.
const DOLLARS: [&str; 8] = ["USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDE", "USD1", "USD"];

/// The quote currency in a name: `USDT` for `BTC_USDT`, for `BTCUSDT` and for `BTCUSDT_251226`; `None` when
/// it cannot be told.
pub fn quote_currency(symbol: &str) -> Option<&str> {
    let pair = symbol_name::pair(symbol);
    if let Some((base, quote)) = pair.rsplit_once(['_', '-', '/']) {
        let is_one = (2..=QUOTE_CHARS).contains(&quote.len())
            && quote.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            && quote.starts_with(|first: char| first.is_ascii_uppercase());
        return Some(quote).filter(|_| is_one && !base.is_empty());
    }
    let is_end = |quote: &&str| pair.len() > quote.len() && pair.ends_with(quote);
    QUOTES.into_iter().find(is_end).filter(|quote| !DOUBTFUL.contains(quote))
}

/// The quote currency that all of these symbols have; `None` when they name none or several, or when there
/// are none.
pub fn common_quote_currency<'s>(symbols: impl IntoIterator<Item = &'s str>) -> Option<&'s str> {
    let mut quotes = symbols.into_iter().map(quote_currency);
    let first = quotes.next()??;
    quotes.all(|quote| quote == Some(first)).then_some(first)
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
            ("BTCUSDT_251226", Some("USDT")),
            ("BTC-USDT-SWAP", Some("USDT")),
            ("BTC/USDT:USDT", Some("USDT")),
            ("BTC-USD_UM-SWAP", Some("USD")),
            ("ETHUSD.P", Some("USD")),
            ("GVT_BTC", Some("BTC")),
            // Nobody's currency: the T may be of XBT, the B of BNB.
            ("XBTUSD", None),
            ("PF_XBTUSD", None),
            ("BNBUSD", None),
            ("btcusd_perp", None),
            ("BTCUSDH26", None),
            ("BTC-PERPETUAL", None),
            ("BTC-26DEC25", None),
            ("USDT", None),
            ("_USDT", None),
            ("XYZ", None),
        ] {
            assert_eq!(quote_currency(symbol), quote, "{symbol}");
        }
        assert!(is_dollar("USDT") && !is_dollar("BTC"));
    }

    #[test]
    fn symbols_have_a_currency_in_common_or_none() {
        assert_eq!(common_quote_currency(["BTC_USDT", "ETHUSDT"]), Some("USDT"));
        assert_eq!(common_quote_currency(["BTC_USDT", "GVTBTC"]), None);
        assert_eq!(common_quote_currency(["BTC_USDT", "XYZ"]), None);
        assert_eq!(common_quote_currency([]), None);
    }

    #[test]
    fn the_longer_name_is_found_first() {
        for (index, quote) in QUOTES.iter().enumerate() {
            assert!(
                !QUOTES[..index].iter().any(|earlier| quote.ends_with(earlier) && quote != earlier),
                "{quote}"
            );
        }
    }
}
