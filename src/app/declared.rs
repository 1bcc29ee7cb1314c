//! Options for contract facts that market data files do not contain: steps, contract size, length of bars.

use crate::domain::contract_facts::Declared;
use crate::domain::decimal::Decimal;
use crate::domain::symbol_name;
use crate::domain::time::Span;
use clap::Args;

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

impl DeclaredOptions {
    /// The declared facts.
    pub fn facts(&self) -> Declared {
        Declared {
            price_step: self.price_step.clone(),
            quantity_step: self.quantity_step.clone(),
            contract_size: self.contract_size.clone(),
        }
    }

    /// The declared length of bars.
    pub fn bar(&self) -> Option<Span> {
        self.bar_seconds.map(|seconds| Span::from_seconds(i64::from(seconds)))
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
