//! The symbol of a file that has it only in its name, such as `BTCUSDT-aggTrades-2025-12-01`.

use crate::domain::bar_length::declared_by_name;
use crate::files::paths;
use std::path::Path;

/// Words behind the symbol in names of files.
const WORDS: [&str; 16] = [
    "trades",
    "aggtrades",
    "klines",
    "bookticker",
    "fundingrate",
    "futures",
    "spot",
    "mark",
    "trade",
    "candles",
    "ohlcv",
    "kline",
    "deals",
    "quotes",
    "swaprate",
    "book",
];

/// The symbol at the beginning of a file's name; `None` when the name begins with something else.
pub(super) fn by_name(path: &Path) -> Option<String> {
    let stem = paths::stem(path);
    let name = stem.file_name()?.to_str()?;
    let (mut end, mut from) = (0, 0);
    for part in name.split(['-', '_', '.', ' ', '/']) {
        // A coin may be called like one of the words.
        if is_date(part) || from > 0 && is_behind_symbol(part) {
            break;
        }
        let symbol = without_date(part);
        end = from + symbol.len();
        if symbol.len() < part.len() {
            break;
        }
        from = end + 1;
    }
    let symbol = &name[..end];
    let is_symbol = symbol.chars().any(|c| c.is_ascii_uppercase() || !c.is_ascii())
        && !symbol.chars().any(char::is_whitespace);
    is_symbol.then(|| symbol.to_owned())
}

/// Whether a part of a name is a word, a length of bars or a date.
fn is_behind_symbol(part: &str) -> bool {
    WORDS.iter().any(|word| part.eq_ignore_ascii_case(word)) || declared_by_name(part).is_some()
}

/// A year, or a year with month and day.
fn is_date(part: &str) -> bool {
    let year = part.get(..4).and_then(|year| year.parse::<u16>().ok());
    year.is_some_and(|year| (2000..2200).contains(&year))
        && matches!(part.len(), 4 | 8)
        && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// `BTCUSDT` of `BTCUSDT2025`, which is how names of some archives begin.
fn without_date(part: &str) -> &str {
    let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
    if !letters.is_empty() && is_date(&part[letters.len()..]) { letters } else { part }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_symbol_is_what_a_name_begins_with() {
        for (name, symbol) in [
            ("PUMPUSDT-aggTrades-2025-12-01.zip/PUMPUSDT-aggTrades-2025-12-01.csv", "PUMPUSDT"),
            ("1000PEPEUSDT-1m-2025-12.csv", "1000PEPEUSDT"),
            ("BTCUSD_PERP-trades-2025-12-01.csv", "BTCUSD_PERP"),
            ("BTCUSDT_251226-trades-2025-12-01.csv", "BTCUSDT_251226"),
            ("BTCUSDT_210625-trades-2021-06-01.csv", "BTCUSDT_210625"),
            ("PUMPUSDT2025-12-01.csv.gz", "PUMPUSDT"),
            ("BTC-USDT-SWAP-trades-2025-12-01.csv", "BTC-USDT-SWAP"),
            ("PUMP_USDT_USDT-1m-futures.json", "PUMP_USDT_USDT"),
            ("BRD_2021-02-24 17.00.csv", "BRD"),
            ("BTC_USDT.json", "BTC_USDT"),
            ("MARK_USDT-1m.json", "MARK_USDT"),
            ("币安人生_USDT-1m.json", "币安人生_USDT"),
        ] {
            assert_eq!(by_name(Path::new(name)).as_deref(), Some(symbol), "{name}");
        }
        for name in ["trades.csv", "2025-12-01.csv", "data.json", "x.csv"] {
            assert_eq!(by_name(Path::new(name)), None, "{name}");
        }
    }
}
