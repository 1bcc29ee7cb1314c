//! Options for what market data files do not say: steps, contract size, length of bars, and the columns of
//! files in other layouts.

use crate::domain::contract_facts::Declared;
use crate::domain::decimal::Decimal;
use crate::domain::file_mapping::{ColumnList, FileMapping};
use crate::domain::symbol_name;
use crate::domain::time::Span;
use crate::files::{MappingFile, mapping_file};
use clap::Args;
use std::path::Path;

/// Contract facts, each for all symbols or for one (`SYMBOL=`). A fact that is not declared comes from the
/// recording or a contract file (X.contract.json) beside the data, or is assumed; results list what was
/// assumed.
#[derive(Args, Clone, Default, Debug)]
pub struct DeclaredOptions {
    /// Smallest change of a price, e.g. 0.01 or BTC_USDT=0.1; may be given once for each symbol. A file with
    /// a price that is not a whole number of steps is then refused.
    #[arg(long, value_name = "[SYMBOL=]STEP", value_parser = fact)]
    price_step: Vec<(Option<String>, Decimal)>,
    /// Smallest change of a quantity, e.g. 1 or BTC_USDT=0.001.
    #[arg(long, value_name = "[SYMBOL=]STEP", value_parser = fact)]
    quantity_step: Vec<(Option<String>, Decimal)>,
    /// Base units in one contract, where quantities are in contracts, e.g. BTC_USDT=0.0001.
    #[arg(long, value_name = "[SYMBOL=]SIZE", value_parser = fact)]
    contract_size: Vec<(Option<String>, Decimal)>,
    /// Length of the bars in files, seconds [default: from the file's name (X_1m.csv), else the most frequent
    /// distance between bars].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=604_800))]
    bar_seconds: Option<u32>,
    /// Columns of files in another layout, by name, or by number from 1 where there are no names: time (with
    /// its unit: time:s, time:ms, time:us, time:ns), price, quantity, side or buyer_is_maker, trade_id,
    /// symbol; for bars open, high, low, close, volume; recv is the time of receipt. E.g.
    /// time:ms=T,price=p,quantity=q,buyer_is_maker=m. Known layouts are found without it.
    #[arg(long, value_name = "FIELD=COLUMN,…", value_parser = columns)]
    columns: Option<ColumnList>,
    /// Symbol of files that have no column with it [default: what the file's name begins with].
    #[arg(long, value_name = "SYMBOL", value_parser = data_symbol)]
    data_symbol: Option<String>,
    /// Sort the rows of each file by time first, in bounded memory.
    #[arg(long)]
    sort: bool,
    /// All of this as a JSON file: columns, symbol, price_step, quantity_step, contract_size, bar_seconds,
    /// sort. Options win over it.
    #[arg(long, value_name = "FILE", value_parser = mapping)]
    mapping: Option<MappingFile>,
}

fn columns(text: &str) -> Result<ColumnList, String> {
    text.parse()
}

fn data_symbol(text: &str) -> Result<String, String> {
    FileMapping::default().set_symbol(text).map(|()| text.to_owned())
}

fn mapping(path: &str) -> Result<MappingFile, String> {
    mapping_file(Path::new(path)).map_err(|error| error.to_string())
}

fn fact(text: &str) -> Result<(Option<String>, Decimal), String> {
    // A symbol's name may contain `=`, a number cannot.
    let (symbol, number) = match text.rsplit_once('=') {
        Some((symbol, number)) => (Some(symbol), number),
        None => (None, text),
    };
    if let Some(problem) = symbol.and_then(symbol_name::problem) {
        return Err(format!("{symbol:?} {problem}, so it is not a symbol"));
    }
    let value = Decimal::parse(number.as_bytes()).ok().filter(|value| value.mantissa() > 0);
    let value =
        value.ok_or_else(|| format!("{number:?} is not a number above zero; write 0.01 or BTC_USDT=0.1"))?;
    Ok((symbol.map(str::to_owned), value))
}

/// Values by symbol; without a name for all.
type Facts = Vec<(Option<String>, Decimal)>;

impl DeclaredOptions {
    /// The declared facts.
    pub fn facts(&self) -> Declared {
        let file = self.mapping.clone().unwrap_or_default().declared;
        // The first value of a name counts, so that options come before the file.
        let both = |own: &Facts, of_file: Facts| own.iter().cloned().chain(of_file).collect();
        Declared {
            price_step: both(&self.price_step, file.price_step),
            quantity_step: both(&self.quantity_step, file.quantity_step),
            contract_size: both(&self.contract_size, file.contract_size),
            mapping: FileMapping {
                columns: self.columns.clone().or(file.mapping.columns),
                symbol: self.data_symbol.clone().or(file.mapping.symbol),
                sort: self.sort || file.mapping.sort,
            },
        }
    }

    /// The declared length of bars.
    pub fn bar(&self) -> Option<Span> {
        let own = self.bar_seconds.map(|seconds| Span::from_seconds(i64::from(seconds)));
        own.or_else(|| self.mapping.as_ref().and_then(|file| file.bar))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_for_all_symbols_or_for_one() {
        let d = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
        assert_eq!(fact("0.01"), Ok((None, d("0.01"))));
        assert_eq!(fact("BTC_USDT=0.0001"), Ok((Some("BTC_USDT".to_owned()), d("0.0001"))));
        assert_eq!(fact("=X()=1"), Ok((Some("=X()".to_owned()), d("1"))));
        for wrong in ["", "0", "-1", "x", "BTC_USDT=", "=1", "A B=1"] {
            assert!(fact(wrong).is_err(), "{wrong}");
        }
    }
}
