//! Symbol names: which texts are valid, which spellings are equal, and which names belong to inverse
//! contracts.
//!
//! The single definition for files, store, requests and configuration. Venues list `BTC_USDT`, `kPEPE`,
//! `BTC/USDT:USDT` and Chinese names.

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

/// Whether a character is invisible or changes how its neighbours are shown: Unicode format characters (Cf),
/// variation selectors and blank letters. Names that look alike must be equal.
fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0xAD | 0x034F | 0x0600..=0x0605 | 0x061C | 0x06DD | 0x070F | 0x0890..=0x0891 | 0x08E2
        | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F
        | 0x2800 | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB | 0x110BD | 0x110CD
        | 0x13430..=0x1343F | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF)
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

/// Whether the name has a form used only by coin-margined (inverse) contracts: `BTCUSD_PERP`,
/// `BTCUSD_251226`, `BTC-USD-SWAP`, `PI_XBTUSD`, `BTC/USD:BTC`.
pub fn is_inverse(name: &str) -> bool {
    let is_expiry = |text: &str| text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((pair, settle)) = name.split_once(':') {
        let settle = settle.split('-').next().unwrap_or(settle);
        return pair.split_once('/').is_some_and(|(base, quote)| base == settle && quote != settle);
    }
    if let Some((pair, behind)) = name.rsplit_once(['_', '-']) {
        let coin = pair.strip_suffix("USD").is_some_and(|base| !base.is_empty());
        return coin && (behind == "PERP" || behind == "SWAP" || behind == "DMCBL" || is_expiry(behind))
            || ["PI", "FI"].contains(&pair.split('_').next().unwrap_or_default()) && name.contains("USD");
    }
    false
}

/// Whether a contract of this name may be either linear or inverse: its prices are in US dollars and the name
/// does not give the settlement currency.
pub fn may_be_inverse(name: &str) -> bool {
    !name.contains(':') && name.strip_suffix("USD").is_some_and(|base| !base.is_empty())
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
            "BTCUSD_PERP",
            "BTCUSD_251226",
            "BTC-USD-SWAP",
            "BTC-USD-251226",
            "PI_XBTUSD",
            "FI_XBTUSD_250328",
            "BTC/USD:BTC",
        ] {
            assert!(is_inverse(name), "{name}");
        }
        for name in [
            "BTCUSDT",
            "BTC_USDT",
            "BTC-USDT-SWAP",
            "BTCUSDT_251226",
            "BTC/USDT:USDT",
            "BTC-PERP",
            "PF_XBTUSD",
            "USD_PERP",
            "BTCUSD",
        ] {
            assert!(!is_inverse(name), "{name}");
        }
        assert!(may_be_inverse("BTCUSD") && may_be_inverse("BTC_USD") && !may_be_inverse("BTC_USDT"));
    }
}
