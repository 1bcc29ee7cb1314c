//! Symbol names: which texts are valid, which spellings are equal, and which names belong to inverse
//! contracts.
//!
//! The single definition for files, store, requests and configuration. Venues list `BTC_USDT`, `kPEPE`,
//! `BTC/USDT:USDT` and Chinese names.

use super::visible::is_invisible;
use crate::limits::SYMBOL_CHARS;

/// Why a text is not a valid symbol name; `None` when it is valid.
pub fn problem(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("is empty");
    }
    if name.chars().count() > SYMBOL_CHARS {
        return Some("is longer than 64 characters");
    }
    if name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Some("has white space or a control character");
    }
    name.chars().any(is_invisible).then_some("has an invisible or text-direction character")
}

/// Whether two names are spellings of one symbol: equal except for the separators between base and quote
/// (`BTCUSDT`, `BTC_USDT`, `BTC-USDT`, `BTC/USDT`).
pub fn same(a: &str, b: &str) -> bool {
    let letters = |name: &'static [char]| move |c: &char| !name.contains(c);
    const BETWEEN: &[char] = &['_', '-', '/'];
    a == b || a.chars().filter(letters(BETWEEN)).eq(b.chars().filter(letters(BETWEEN)))
}

/// The name in `names` that `wanted` refers to: the exact name, else the only other spelling of it; `None`
/// when ambiguous.
pub fn find<'a>(wanted: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    if let Some(exact) = names.clone().find(|name| *name == wanted) {
        return Some(exact);
    }
    let mut spelled = names.filter(|name| same(name, wanted));
    let found = spelled.next()?;
    spelled.all(|other| other == found).then_some(found)
}

/// What venues append to base and quote, after a separator.
const KINDS: [&str; 9] = ["PERP", "PERPETUAL", "XPERP", "SWAP", "UM", "UMCBL", "DMCBL", "CMCBL", "SPBL"];

/// Kinds that tell an inverse contract from a linear one when the quote is USD.
const COIN_KINDS: [&str; 3] = ["PERP", "SWAP", "DMCBL"];

/// Coins whose `-PERPETUAL` without a quote is settled in the coin.
const COIN_PERPETUALS: [&str; 2] = ["BTC-PERPETUAL", "ETH-PERPETUAL"];

/// The name without what a venue puts around base and quote: `BTC_USDT` of `BTC_USDT_PERP`, `BTCUSDT` of
/// `BTCUSDT_251226`, `ETHUSD` of `ETHUSD.P`.
pub fn pair(name: &str) -> &str {
    let name = name.split_once(':').map_or(name, |(pair, _)| pair);
    let name = ["PF_", "PI_", "FF_", "FI_"].iter().find_map(|kind| name.strip_prefix(kind)).unwrap_or(name);
    let mut pair = name.strip_suffix(".P").unwrap_or(name);
    while let Some((front, behind)) = pair.rsplit_once(['_', '-'])
        && (KINDS.iter().any(|kind| behind.eq_ignore_ascii_case(kind))
            || is_day_of_digits(behind)
            || is_day_with_month(behind))
    {
        pair = front;
    }
    pair
}

/// Whether a text is a day as in `251226`.
fn is_day_of_digits(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is a day as in `26DEC25`.
fn is_day_with_month(text: &str) -> bool {
    let Some((day, rest)) = text.find(|c: char| c.is_ascii_alphabetic()).map(|at| text.split_at(at)) else {
        return false;
    };
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let Some((month, year)) = rest.split_at_checked(3) else { return false };
    matches!(day.len(), 1 | 2)
        && is_number(day)
        && month.bytes().all(|byte| byte.is_ascii_alphabetic())
        && year.len() == 2
        && is_number(year)
}

/// The name without the letter of a quarter's last month and its year: `BTCUSD` of `BTCUSDH26`.
fn without_quarter(name: &str) -> Option<&str> {
    let (front, code) = name.split_at_checked(name.len().checked_sub(3)?)?;
    match code.as_bytes() {
        [b'H' | b'M' | b'U' | b'Z', year @ ..] if year.iter().all(u8::is_ascii_digit) => Some(front),
        _ => None,
    }
}

/// Whether the quote of a pair is USD. FDUSD is no coin of the name FD.
fn quotes_usd(pair: &str) -> bool {
    match pair.rsplit_once(['_', '-', '/']) {
        Some((base, quote)) => quote == "USD" && !base.is_empty(),
        None => pair.strip_suffix("USD").is_some_and(|base| !base.is_empty() && !base.ends_with("FD")),
    }
}

/// Whether the name has a form used only by coin-margined (inverse) contracts, in any case: `BTC_USD`,
/// `BTCUSD_PERP`, `BTCUSD_251226`, `BTCUSDH26`, `XBTM26`, `BTC-USD-SWAP`, `BTC-PERPETUAL`, `PI_XBTUSD`,
/// `BTC/USD:BTC`.
pub fn is_inverse(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    if let Some((pair, settle)) = name.split_once(':') {
        let settle = settle.split('-').next().unwrap_or(settle);
        return pair.split_once('/').is_some_and(|(base, quote)| base == settle && quote != settle);
    }
    if COIN_PERPETUALS.contains(&name.as_str()) {
        return true;
    }
    if ["PI_", "FI_"].iter().any(|kind| name.starts_with(kind)) {
        return name.contains("USD");
    }
    if let Some(front) = without_quarter(&name) {
        return front == "XBT" || quotes_usd(front);
    }
    if name.rsplit_once('_').is_some_and(|(base, quote)| quote == "USD" && !base.is_empty()) {
        return true;
    }
    name.rsplit_once(['_', '-']).is_some_and(|(pair, behind)| {
        quotes_usd(pair) && (COIN_KINDS.contains(&behind) || is_day_of_digits(behind))
    })
}

/// Whether a contract of this name may be either linear or inverse: its prices are in US dollars, or in a
/// currency that the name leaves out as in `SOL-PERPETUAL` and `BTC-26DEC25`, and the name does not give the
/// settlement currency.
pub fn may_be_inverse(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let is_linear = ["PF_", "FF_"].iter().any(|kind| upper.starts_with(kind)) || upper.contains("USD_UM");
    if is_linear || upper.contains(':') {
        return false;
    }
    let quotes_nothing = upper.split_once('-').is_some_and(|(base, behind)| {
        !base.contains("USD") && (behind == "PERPETUAL" || is_day_with_month(behind))
    });
    quotes_nothing || quotes_usd(pair(&upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_venue_are_names_and_hostile_looking_ones_too() {
        let wide = "汉".repeat(64);
        for name in [
            "BTC_USDT",
            "币安人生_USDT",
            "kPEPE",
            "BTC/USDT:USDT",
            "<svg/onload=alert(1)>",
            "=HYPERLINK(\"x\",\"y\")",
            "../x",
            &wide,
        ] {
            assert_eq!(problem(name), None, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_no_part_of_a_name() {
        let long = "汉".repeat(65);
        for name in
            ["", &long, "BTC USDT", "BTC\u{a0}USDT", "BTC\tUSDT", "BTC\u{7}", "BTC\u{85}", "BTC\u{2028}"]
        {
            assert!(problem(name).is_some(), "{name:?}");
        }
        for c in [
            '\u{202e}',
            '\u{2066}',
            '\u{200b}',
            '\u{200d}',
            '\u{feff}',
            '\u{ad}',
            '\u{fe0f}',
            '\u{e0041}',
            '\u{3164}',
            '\u{61c}',
        ] {
            assert!(problem(&format!("BTC{c}USDT")).is_some(), "{c:?}");
        }
    }

    #[test]
    fn either_spelling_finds_a_symbol_and_an_exact_name_comes_first() {
        let find = |wanted, names: &[&'static str]| find(wanted, names.iter().copied());
        assert_eq!(find("BTC_USDT", &["ETHUSDT", "BTCUSDT"]), Some("BTCUSDT"));
        assert_eq!(find("BTCUSDT", &["BTC_USDT"]), Some("BTC_USDT"));
        assert_eq!(find("BTC_USDT", &["BTCUSDT", "BTC_USDT"]), Some("BTC_USDT"));
        assert_eq!(find("BTC_USDT", &["BTC-USDT", "BTCUSDT"]), None, "which of them is not said");
        assert_eq!(find("BTC_USDT", &["BTC_USDC", "btcusdt", "BTC_USDT_PERP"]), None);
    }

    #[test]
    fn inverse_contracts_are_told_by_the_names_that_only_they_have() {
        for name in [
            "BTC_USD",
            "eth_usd",
            "BTCUSD_PERP",
            "btcusd_perp",
            "BnbUsd_Perp",
            "BTC_USD_PERP",
            "BTCUSD_251226",
            "BTC-USD-SWAP",
            "BTC-USD-251226",
            "PI_XBTUSD",
            "pi_xbtusd",
            "FI_XBTUSD_250328",
            "BTC/USD:BTC",
            "BTC/USD:BTC-251226",
            "BTCUSDH26",
            "ETHUSDM22",
            "BTCUSDU25",
            "ethusdz25",
            "XBTM26",
            "BTC-PERPETUAL",
            "ETH-PERPETUAL",
        ] {
            assert!(is_inverse(name), "{name}");
        }
        for name in
            ["BTCUSD", "BTC-USD", "XBTUSD", "ETHUSD.P", "xrpusd", "SOL-PERPETUAL", "BTC-26DEC25", "BNBUSD"]
        {
            assert!(!is_inverse(name) && may_be_inverse(name), "{name}");
        }
    }

    /// Names of linear contracts of MEXC, Binance, Bybit, OKX and others, with those that come close to
    /// inverse ones.
    #[test]
    fn no_linear_contract_is_taken_for_an_inverse_one() {
        let mexc = "BTC_USDT ETH_USDT BTC_USDC USD1_USDT USDC_USDT AUSD_USDT PYUSD_USDT 币安人生_USDT PEPE_USDT SHIB_USDT XAUT_USDT";
        let binance = "BTCUSDT ETHUSDC 1000PEPEUSDT BTCUSDT_251226 ETHUSDT_260327 BTCDOMUSDT BTCSTUSDT USDCUSDT ETHBTC ETHFDUSD 币安人生USDT";
        let bybit = "BTCUSDT BTCPERP ETHPERP SOLPERP BTC-PERP BTC-26DEC25 ETH-7NOV25 BTCUSDT-26DEC25 10000LADYSUSDT USDEUSDT";
        let okx = "BTC-USDT-SWAP BTC-USDC-SWAP BTC-USDT-251226 BTC-USD_UM-SWAP BTC-USD_UM-251226 BTC-USD_UM_XPERP-310404";
        let others = "PF_XBTUSD FF_XBTUSD_260327 BTC/USDT:USDT BTC/USD:USD BTC_USDC-PERPETUAL XBTUSDT XBTUSDTM26 USD_PERP USDH26 H26 _USD";
        for name in [mexc, binance, bybit, okx, others].iter().flat_map(|names| names.split(' ')) {
            assert!(!is_inverse(name), "{name}");
            // Of these Bybit settles in USDC, and Deribit in the coin.
            assert_eq!(may_be_inverse(name), ["BTC-26DEC25", "ETH-7NOV25"].contains(&name), "{name}");
        }
    }

    #[test]
    fn the_pair_is_what_is_left_of_a_name() {
        for (name, left) in [
            ("BTC_USDT", "BTC_USDT"),
            ("BTC_USDT_PERP", "BTC_USDT"),
            ("BTC-USDT-SWAP", "BTC-USDT"),
            ("BTCUSDT_251226", "BTCUSDT"),
            ("BTCUSDT-26DEC25", "BTCUSDT"),
            ("ETHUSD.P", "ETHUSD"),
            ("PF_XBTUSD", "XBTUSD"),
            ("BTC/USDT:USDT-251226", "BTC/USDT"),
            ("BTC-USD_UM_XPERP-310404", "BTC-USD"),
            ("币安_USDT", "币安_USDT"),
        ] {
            assert_eq!(pair(name), left, "{name}");
        }
    }
}
