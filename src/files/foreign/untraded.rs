//! Candles of prices that nobody traded at: venues give mark, index and premium index prices and funding
//! rates in the layouts of bars, and only names tell them apart.

use std::path::Path;

const MARK: &str = "its name says that its bars are mark prices, which are not traded";
const INDEX: &str = "its name says that its bars are index prices, which are not traded";
const PREMIUM: &str = "its name says that its bars are a premium index, which is not traded";
const FUNDING: &str = "its name says that its bars are funding rates, which are not traded";

/// Words behind the symbol in the name of a file or archive.
const WORDS: [(&str, &str); 7] = [
    ("mark", MARK),
    ("markprice", MARK),
    ("index", INDEX),
    ("indexprice", INDEX),
    ("premiumindex", PREMIUM),
    ("fundingrate", FUNDING),
    ("funding_rate", FUNDING),
];

/// Names of folders, and words of files.
const FOLDERS: [(&str, &str); 3] =
    [("markpriceklines", MARK), ("indexpriceklines", INDEX), ("premiumindexklines", PREMIUM)];

/// What the bars of a file are by its path, unless they are of trades.
pub(super) fn by_name(path: &Path) -> Option<&'static str> {
    let names = path.iter().map(|name| name.to_string_lossy().to_ascii_lowercase()).collect::<Vec<_>>();
    let (file, folders) = names.split_last()?;
    let archives = folders.iter().filter(|name| name.ends_with(".zip"));
    let in_folder = |name: &String| FOLDERS.iter().find(|(word, _)| name == word);
    let found = folders
        .iter()
        .find_map(in_folder)
        .or_else(|| archives.chain([file]).find_map(|name| by_word(name)))?;
    Some(found.1)
}

/// The word of a file's name. A coin may be called like one, so the first part is none.
fn by_word(name: &str) -> Option<&'static (&'static str, &'static str)> {
    let (_, behind) = name.split_once(['-', '_', '.', ' '])?;
    let is_word = |(word, _): &&(&str, &str)| {
        let mut found = behind.match_indices(word);
        found.any(|(at, _)| {
            let edge = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
            edge(behind[..at].chars().next_back()) && edge(behind[at + word.len()..].chars().next())
        })
    };
    WORDS.iter().chain(&FOLDERS).find(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_candles_that_are_not_of_trades() {
        for (name, what) in [
            ("ABC_USDT_USDT-1h-mark.json", MARK),
            ("ABC_USDT_USDT-8h-funding_rate.json.gz", FUNDING),
            ("BTC_USDT-1m-index.csv", INDEX),
            ("BTCUSDT-markPriceKlines-2025-12-01.csv", MARK),
            (
                "um/daily/indexPriceKlines/BTCUSDT/1m/BTCUSDT-1m-2025-12-01.zip/BTCUSDT-1m-2025-12-01.csv",
                INDEX,
            ),
            ("premiumIndexKlines/BTCUSDT-1m.csv", PREMIUM),
            ("BTCUSDT-premiumIndex-1m.zip/x.csv", PREMIUM),
        ] {
            assert_eq!(by_name(Path::new(name)), Some(what), "{name}");
        }
        for name in [
            "MARK_USDT-1m.json",
            "INDEX-USDT-1m.csv",
            "BTC_USDT-1m-futures.json",
            "mark/index/BTCUSDT-1m.csv",
            "ABC_USDT-1m-marketing.csv",
            "klines/BTCUSDT-1m.csv",
        ] {
            assert_eq!(by_name(Path::new(name)), None, "{name}");
        }
    }
}
