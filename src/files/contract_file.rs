//! Contract files: `X.contract.json` holds facts, such as the contract size, that the rows of data files with
//! stem `X` lack. An export writes it; imports and backtests read it.
//!
//! Invariant: the facts of a file come only from the contract file with the same stem.

use super::error::{FileError, Problem, excerpt};
use super::{paths, whole_file};
use crate::domain::contract_facts::{ContractFacts, ContractTerms};
use crate::domain::decimal::Decimal;
use crate::domain::num::{Money, Qty, Rate};
use crate::domain::symbol::{RiskTier, UNBOUNDED, UNKNOWN_LEVERAGE};
use crate::domain::symbol_name;
use crate::json::nearest;
use crate::limits::CONTRACT_FILE_BYTES;
use crate::regular_file;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Keys of the document.
const DOCUMENT_KEYS: &[&str] = &["contracts"];

/// Keys of an entry.
const ENTRY_KEYS: &[&str] = &[
    "symbol",
    "venue",
    "quote",
    "settle",
    "price_step",
    "quantity_step",
    "contract_size",
    "min_quantity_lots",
    "max_quantity_lots",
    "maker_fee",
    "taker_fee",
    "tiers",
];

/// Keys of a risk tier.
const TIER_KEYS: &[&str] = &["max_notional", "max_quantity_lots", "max_leverage", "maintenance"];

/// Facts by symbol.
pub type FactsBySymbol = BTreeMap<String, ContractFacts>;

/// Path of the contract file that belongs to a file of market data.
pub fn contract_file_of(path: &Path) -> PathBuf {
    let mut name = paths::stem(path).into_os_string();
    name.push(paths::CONTRACT_FILE);
    PathBuf::from(name)
}

/// Facts for a file of market data; empty when there is no contract file.
///
/// # Errors
/// A contract file that cannot be read or has invalid content.
pub fn facts_beside(path: &Path) -> Result<FactsBySymbol, FileError> {
    let path = contract_file_of(&paths::on_disk(path));
    if !whole_file::is_there(&path) {
        return Ok(FactsBySymbol::new());
    }
    let unreadable = |error| FileError::of(&path, Problem::Unreadable(error));
    let wrong = |why: String| FileError::of(&path, Problem::Facts(why));
    let text = regular_file::read(&path, CONTRACT_FILE_BYTES).map_err(unreadable)?;
    if text.len() as u64 > CONTRACT_FILE_BYTES {
        return Err(wrong(format!("has more than {CONTRACT_FILE_BYTES} bytes")));
    }
    let document: Value =
        serde_json::from_slice(&text).map_err(|error| wrong(format!("is not JSON: {error}")))?;
    if let Some(unknown) = unknown_key(&document, DOCUMENT_KEYS) {
        return Err(wrong(format!("has {unknown}")));
    }
    let listed = document
        .get("contracts")
        .and_then(Value::as_array)
        .ok_or_else(|| wrong("has no list `contracts`".to_owned()))?;
    let mut facts = FactsBySymbol::new();
    for entry in listed {
        let symbol = entry.get("symbol").and_then(Value::as_str).unwrap_or_default();
        let tiers = entry.get("tiers").and_then(Value::as_array);
        let unknown = unknown_key(entry, ENTRY_KEYS)
            .or_else(|| tiers?.iter().find_map(|tier| unknown_key(tier, TIER_KEYS)));
        if let Some(unknown) = unknown {
            return Err(wrong(format!("the contract `{}` has {unknown}", excerpt(symbol.as_bytes()))));
        }
        if let Some(problem) = symbol_name::problem(symbol) {
            return Err(wrong(format!("a symbol {problem}")));
        }
        let read = read(entry).map_err(|field| wrong(format!("`{field}` of {symbol} cannot be used")))?;
        if facts.insert(symbol.to_owned(), read).is_some() {
            return Err(wrong(format!("{symbol} is given twice")));
        }
    }
    Ok(facts)
}

/// Names the first unknown key of an object. It is refused because a misspelt fact would be assumed instead.
fn unknown_key(object: &Value, known: &[&str]) -> Option<String> {
    let unknown = object.as_object()?.keys().find(|key| !known.contains(&key.as_str()))?;
    let hint = match nearest(unknown, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", known.join(", ")),
    };
    Some(format!("the unknown key `{}` ({hint})", excerpt(unknown.as_bytes())))
}

/// The text of a contract file with these facts.
pub fn contract_file(facts: &FactsBySymbol) -> String {
    let listed: Vec<Value> = facts.iter().map(|(symbol, facts)| contract_json(symbol, facts)).collect();
    format!("{:#}\n", json!({ "contracts": listed }))
}

/// Facts of one symbol as JSON; unknown ones are null. Decimals are strings, so that no reader rounds them.
pub fn contract_json(symbol: &str, facts: &ContractFacts) -> Value {
    let text = |number: Option<Decimal>| number.map(|number| number.to_string());
    let rate = |rate: Rate| Decimal::new(rate.0, 9).unwrap_or(Decimal::ZERO).to_string();
    let lots = |qty: Qty| (qty < UNBOUNDED).then_some(qty.0);
    let tier = |tier: &RiskTier| {
        let most = (tier.max_notional.0 < i128::MAX).then(|| tier.max_notional.to_string());
        let leverage = (tier.max_leverage < UNKNOWN_LEVERAGE).then_some(tier.max_leverage);
        json!({"max_notional": most, "max_quantity_lots": lots(tier.max_quantity), "max_leverage": leverage,
            "maintenance": rate(tier.maintenance)})
    };
    let mut value = json!({
        "symbol": symbol,
        "venue": facts.venue,
        "quote": facts.quote,
        "settle": facts.settle,
        "price_step": text(facts.price_step),
        "quantity_step": text(facts.quantity_step),
        "contract_size": text(facts.contract_size),
    });
    if let Some(terms) = &facts.terms {
        value["min_quantity_lots"] = json!(terms.min_quantity.0);
        value["max_quantity_lots"] = json!(lots(terms.max_quantity));
        value["maker_fee"] = json!(rate(terms.maker_fee));
        value["taker_fee"] = json!(rate(terms.taker_fee));
        value["tiers"] = terms.tiers.iter().map(tier).collect();
    }
    value
}

/// Reads one entry; the error is the name of the invalid field.
fn read(entry: &Value) -> Result<ContractFacts, &'static str> {
    let none = Map::new();
    let entry = entry.as_object().unwrap_or(&none);
    let given = |name: &str| entry.get(name).filter(|value| !value.is_null());
    let text = |name: &'static str| match given(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(|text| Some(text.to_owned())).ok_or(name),
    };
    let step = |name: &'static str| match given(name) {
        None => Ok(None),
        Some(value) => decimal(value).filter(|step| step.mantissa() > 0).map(Some).ok_or(name),
    };
    let facts = ContractFacts {
        venue: text("venue")?,
        quote: text("quote")?,
        settle: text("settle")?,
        price_step: step("price_step")?,
        quantity_step: step("quantity_step")?,
        contract_size: step("contract_size")?,
        terms: None,
    };
    let complete =
        facts.price_step.is_some() && facts.quantity_step.is_some() && facts.contract_size.is_some();
    let Some(tiers) = given("tiers").filter(|_| complete) else { return Ok(facts) };
    let quantity = |value: Option<&Value>| {
        value.map_or(Some(UNBOUNDED), |value| value.as_i64().filter(|lots| *lots > 0).map(Qty))
    };
    let rate = |value: Option<&Value>, name| value.and_then(decimal).map(Rate::of).ok_or(name);
    let tier = |tier: &Value| -> Result<RiskTier, &'static str> {
        let given = |name: &str| tier.get(name).filter(|value| !value.is_null());
        let leverage = given("max_leverage").map_or(Some(UNKNOWN_LEVERAGE), |leverage| {
            leverage.as_u64().and_then(|leverage| u32::try_from(leverage).ok())
        });
        let most = match given("max_notional") {
            None => Money(i128::MAX),
            Some(most) => money(most.as_str().ok_or("tiers")?).ok_or("tiers")?,
        };
        let maintenance = rate(tier.get("maintenance"), "tiers")?;
        Ok(RiskTier {
            max_notional: most,
            max_quantity: quantity(given("max_quantity_lots")).ok_or("tiers")?,
            max_leverage: leverage.filter(|leverage| *leverage > 0).ok_or("tiers")?,
            maintenance,
        })
    };
    let tiers =
        tiers.as_array().ok_or("tiers")?.iter().map(tier).collect::<Result<Vec<_>, &'static str>>()?;
    if tiers.is_empty() {
        return Err("tiers");
    }
    let lots = given("min_quantity_lots")
        .map_or(Some(1), Value::as_i64)
        .filter(|lots| *lots > 0)
        .ok_or("min_quantity_lots")?;
    let terms = ContractTerms {
        min_quantity: Qty(lots),
        max_quantity: quantity(given("max_quantity_lots")).ok_or("max_quantity_lots")?,
        maker_fee: rate(given("maker_fee"), "maker_fee")?,
        taker_fee: rate(given("taker_fee"), "taker_fee")?,
        tiers,
    };
    Ok(ContractFacts { terms: Some(terms), ..facts })
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::String(text) => Decimal::parse(text.as_bytes()).ok(),
        Value::Number(number) => Decimal::parse(number.to_string().as_bytes()).ok(),
        _ => None,
    }
}

/// An exact amount in the format of [`Money`].
fn money(text: &str) -> Option<Money> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 18 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let fraction: i128 = format!("{fraction:0<18}").parse().ok()?;
    whole.parse::<i128>().ok()?.checked_mul(Money::ONE.0)?.checked_add(fraction).map(Money)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::symbol::SymbolSpec;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_written_beside_a_file_is_read_with_every_file_of_its_stem() {
        let folder = tempfile::tempdir().unwrap();
        let mut spec = SymbolSpec::new("BTC_USDT", d("0.1"), d("1"), d("0.0001")).unwrap();
        (spec.taker_fee, spec.min_quantity, spec.max_quantity) = (Rate(200_000), Qty(3), Qty(5_000));
        let last = RiskTier { max_leverage: 20, ..spec.tiers[0] };
        spec.tiers = vec![
            RiskTier {
                max_quantity: Qty(900),
                max_notional: Money(1_500_000_000_000_000_000),
                max_leverage: 200,
                maintenance: Rate(4_000_000),
            },
            last,
        ];
        let known = ContractFacts {
            venue: Some("mexc".into()),
            settle: Some("USDT".into()),
            ..ContractFacts::of(&spec)
        };
        let facts = FactsBySymbol::from([
            ("BTC_USDT".to_owned(), known),
            (
                "币安人生_USDT".to_owned(),
                ContractFacts { price_step: Some(d("0.00001")), ..ContractFacts::default() },
            ),
        ]);
        std::fs::write(folder.path().join("X.contract.json"), contract_file(&facts)).unwrap();
        for name in ["X.trades.csv.gz", "X.marks.parquet", "X.csv", "X.jsonl"] {
            assert_eq!(facts_beside(&folder.path().join(name)).unwrap(), facts, "{name}");
        }
        assert!(facts_beside(&folder.path().join("Y.trades.csv")).unwrap().is_empty());
    }

    #[test]
    fn a_contract_file_that_cannot_be_is_refused_with_the_field() {
        let folder = tempfile::tempdir().unwrap();
        for (text, words) in [
            ("[", "is not JSON"),
            ("{}", "no list `contracts`"),
            (r#"{"contract":[]}"#, "`contract` (did you mean `contracts`?)"),
            (
                r#"{"contracts":[{"symbol":"A","contract_sise":"1"}]}"#,
                "`contract_sise` (did you mean `contract_size`?)",
            ),
            (
                r#"{"contracts":[{"symbol":"A","colour":"red"}]}"#,
                "`A` has the unknown key `colour` (known are symbol, ",
            ),
            (
                r#"{"contracts":[{"symbol":"A","tiers":[{"maintenence":1}]}]}"#,
                "(did you mean `maintenance`?)",
            ),
            (r#"{"contracts":[{"symbol":"A B"}]}"#, "white space"),
            (r#"{"contracts":[{"symbol":"A"},{"symbol":"A"}]}"#, "A is given twice"),
            (r#"{"contracts":[{"symbol":"A","contract_size":"0"}]}"#, "`contract_size` of A"),
            (r#"{"contracts":[{"symbol":"A","price_step":true}]}"#, "`price_step` of A"),
            (
                r#"{"contracts":[{"symbol":"A","price_step":1,"quantity_step":1,"contract_size":1,"tiers":[]}]}"#,
                "`tiers` of A",
            ),
        ] {
            std::fs::write(folder.path().join("X.contract.json"), text).unwrap();
            let error = facts_beside(&folder.path().join("X.csv")).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("X.contract.json"), "{text}: {error}");
        }
    }

    #[test]
    fn a_contract_file_that_is_no_regular_file_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let [pipe, link] = ["X", "Y"].map(|stem| folder.path().join(format!("{stem}.contract.json")));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        std::fs::create_dir(folder.path().join("Z.contract.json")).unwrap();
        for (stem, words) in [("X", "is a pipe"), ("Y", "there is no such file"), ("Z", "directory and not")]
        {
            let error = facts_beside(&folder.path().join(format!("{stem}.csv"))).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains(&format!("{stem}.contract.json")), "{error}");
        }
        let large = folder.path().join("L.contract.json");
        std::fs::File::create(large).unwrap().set_len(CONTRACT_FILE_BYTES + 1).unwrap();
        let error = facts_beside(&folder.path().join("L.csv")).unwrap_err().to_string();
        assert!(error.contains("has more than"), "{error}");
    }
}
