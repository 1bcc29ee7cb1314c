//! Known facts about a symbol's contract and the source of each.
//!
//! Invariant: a guessed step or contract size is marked [`FactSource::Assumed`].

use crate::domain::contract::Contract;
use crate::domain::decimal::Decimal;
use crate::domain::file_mapping::FileMapping;
use crate::domain::num::{Qty, Rate};
use crate::domain::symbol::{RiskTier, SymbolSpec};
use crate::domain::symbol_name;

/// Source of a fact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FactSource {
    /// The contract's terms, stored with the recording or beside the file.
    Contract,
    /// The user.
    Given,
    /// A guess: steps from the digits in the data, a contract size of one unit.
    Assumed,
}

impl FactSource {
    /// Name in results.
    pub const fn as_str(&self) -> &'static str {
        match self {
            FactSource::Contract => "contract",
            FactSource::Given => "given",
            FactSource::Assumed => "assumed",
        }
    }
}

/// Declared facts of a symbol; `None` where nothing is declared.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct ContractFacts {
    /// Exchange name, e.g. `mexc`.
    pub venue: Option<String>,
    /// Quote currency.
    pub quote: Option<String>,
    /// Settlement currency.
    pub settle: Option<String>,
    /// Tick size: smallest change of a price.
    pub price_step: Option<Decimal>,
    /// Contracts in one lot.
    pub quantity_step: Option<Decimal>,
    /// Base units in one contract.
    pub contract_size: Option<Decimal>,
    /// The other terms of the contract, when all of them are known.
    pub terms: Option<ContractTerms>,
}

/// Terms of a contract other than its steps and size.
#[derive(Clone, PartialEq, Debug)]
pub struct ContractTerms {
    /// Smallest order in lots.
    pub min_quantity: Qty,
    /// Largest order in lots.
    pub max_quantity: Qty,
    /// Maker fee.
    pub maker_fee: Rate,
    /// Taker fee.
    pub taker_fee: Rate,
    /// Risk tiers by increasing size; never empty.
    pub tiers: Vec<RiskTier>,
}

/// Sources of the facts in a specification.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpecSources {
    /// Source of the price step.
    pub price_step: FactSource,
    /// Source of the quantity step.
    pub quantity_step: FactSource,
    /// Source of the contract size.
    pub contract_size: FactSource,
}

impl SpecSources {
    /// The same source for all three.
    pub const fn all(source: FactSource) -> Self {
        SpecSources { price_step: source, quantity_step: source, contract_size: source }
    }
}

impl ContractFacts {
    /// All facts of a complete specification.
    pub fn of(spec: &SymbolSpec) -> Self {
        ContractFacts {
            price_step: Some(spec.price_step),
            quantity_step: Some(spec.quantity_step),
            contract_size: Some(spec.contract_size),
            terms: Some(ContractTerms {
                min_quantity: spec.min_quantity,
                max_quantity: spec.max_quantity,
                maker_fee: spec.maker_fee,
                taker_fee: spec.taker_fee,
                tiers: spec.tiers.clone(),
            }),
            ..ContractFacts::default()
        }
    }

    /// Venue, quote currency and settlement currency of a contract.
    pub fn market(venue: &str, contract: &Contract) -> Self {
        let text = |text: &str| Some(text.to_owned());
        ContractFacts {
            venue: text(venue),
            quote: text(&contract.quote),
            settle: text(&contract.settle),
            ..ContractFacts::default()
        }
    }

    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        *self == ContractFacts::default()
    }

    /// Fills the undeclared facts from `other`.
    pub fn or(self, other: ContractFacts) -> Self {
        ContractFacts {
            venue: self.venue.or(other.venue),
            quote: self.quote.or(other.quote),
            settle: self.settle.or(other.settle),
            price_step: self.price_step.or(other.price_step),
            quantity_step: self.quantity_step.or(other.quantity_step),
            contract_size: self.contract_size.or(other.contract_size),
            terms: self.terms.or(other.terms),
        }
    }

    /// What both tell and in which they differ, as a sentence about `self` and `other`. Steps may differ: a
    /// venue makes them finer as time goes by.
    pub fn contradiction(&self, other: &ContractFacts) -> Option<String> {
        let text = |value: &Option<Decimal>| value.map(|value| value.to_string());
        let facts = [
            ("contract size", text(&self.contract_size), text(&other.contract_size)),
            ("quote currency", self.quote.clone(), other.quote.clone()),
            ("settlement currency", self.settle.clone(), other.settle.clone()),
        ];
        facts.into_iter().find_map(|(name, own, other)| {
            let (own, other) = own.zip(other).filter(|(own, other)| own != other)?;
            Some(format!("{name} {own} in the one and {other} in the other"))
        })
    }

    /// Whether profit is in another currency than prices. Declared currencies decide; a settlement currency
    /// alone does when it is the one that is traded; otherwise the name decides.
    pub fn is_inverse(&self, symbol: &str) -> bool {
        match (&self.quote, &self.settle) {
            (Some(quote), Some(settle)) => quote != settle,
            (None, Some(settle)) if symbol.to_uppercase().starts_with(&settle.to_uppercase()) => true,
            _ => symbol_name::is_inverse(symbol),
        }
    }

    /// The specification; undeclared steps are taken from the digits in the data, and an undeclared contract
    /// size is 1. `None` when a step is not positive or one tick of one lot cannot be represented exactly.
    pub fn spec(
        &self,
        symbol: &str,
        price_digits: Decimal,
        quantity_digits: Decimal,
    ) -> Option<(SymbolSpec, SpecSources)> {
        let known = if self.terms.is_some() { FactSource::Contract } else { FactSource::Given };
        let source = |fact: Option<Decimal>| if fact.is_some() { known } else { FactSource::Assumed };
        let mut spec = SymbolSpec::new(
            symbol,
            self.price_step.unwrap_or(price_digits),
            self.quantity_step.unwrap_or(quantity_digits),
            self.contract_size.unwrap_or(Decimal::ONE),
        )?;
        if let Some(terms) = &self.terms {
            (spec.min_quantity, spec.max_quantity) = (terms.min_quantity, terms.max_quantity);
            (spec.maker_fee, spec.taker_fee) = (terms.maker_fee, terms.taker_fee);
            spec.tiers.clone_from(&terms.tiers);
        }
        let sources = SpecSources {
            price_step: source(self.price_step),
            quantity_step: source(self.quantity_step),
            contract_size: source(self.contract_size),
        };
        Some((spec, sources))
    }
}

/// Facts declared by the user, for all symbols or for one by name.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Declared {
    /// Price steps; `None` as the name means every symbol.
    pub price_step: Vec<(Option<String>, Decimal)>,
    /// Quantity steps, by the same rule.
    pub quantity_step: Vec<(Option<String>, Decimal)>,
    /// Contract sizes, by the same rule.
    pub contract_size: Vec<(Option<String>, Decimal)>,
    /// How files in other layouts are read.
    pub mapping: FileMapping,
}

impl Declared {
    /// The facts of a symbol; a value for its name takes precedence over one for every symbol.
    pub fn facts(&self, symbol: &str) -> ContractFacts {
        let of = |all: &[(Option<String>, Decimal)]| {
            let named = all
                .iter()
                .find(|(name, _)| name.as_deref().is_some_and(|name| symbol_name::same(name, symbol)));
            named.or_else(|| all.iter().find(|(name, _)| name.is_none())).map(|(_, value)| *value)
        };
        ContractFacts {
            price_step: of(&self.price_step),
            quantity_step: of(&self.quantity_step),
            contract_size: of(&self.contract_size),
            ..ContractFacts::default()
        }
    }

    /// The declarations as text by parameter name, for the stored settings of a result; empty when nothing is
    /// declared.
    pub fn named(&self) -> Vec<(&'static str, String)> {
        let shown = |all: &[(Option<String>, Decimal)]| {
            let one = |(name, value): &(Option<String>, Decimal)| {
                name.as_ref().map_or(value.to_string(), |name| format!("{name}={value}"))
            };
            all.iter().map(one).collect::<Vec<_>>().join(",")
        };
        let all = [
            ("price_step", &self.price_step),
            ("quantity_step", &self.quantity_step),
            ("contract_size", &self.contract_size),
        ];
        let facts = all.into_iter().filter(|(_, all)| !all.is_empty()).map(|(name, all)| (name, shown(all)));
        facts.chain(self.mapping.named()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_not_declared_is_assumed_and_said_to_be() {
        let declared = Declared {
            contract_size: vec![(None, d("10")), (Some("BTC_USDT".to_owned()), d("0.0001"))],
            ..Declared::default()
        };
        let (spec, sources) = declared.facts("BTCUSDT").spec("BTCUSDT", d("0.1"), d("1")).unwrap();
        assert_eq!((spec.contract_size, spec.price_step), (d("0.0001"), d("0.1")));
        assert_eq!((sources.contract_size, sources.price_step), (FactSource::Given, FactSource::Assumed));
        assert_eq!(declared.facts("ETHUSDT").contract_size, Some(d("10")));
        assert_eq!(declared.named(), [("contract_size", "10,BTC_USDT=0.0001".to_owned())]);
    }

    #[test]
    fn terms_of_a_contract_make_the_specification_again() {
        let mut spec = SymbolSpec::new("BTC_USDT", d("0.1"), d("1"), d("0.0001")).unwrap();
        (spec.taker_fee, spec.min_quantity, spec.tiers[0].max_leverage) = (Rate(200_000), Qty(3), 200);
        let (again, sources) = ContractFacts::of(&spec).spec("BTC_USDT", d("1"), d("1")).unwrap();
        assert_eq!((again, sources), (spec, SpecSources::all(FactSource::Contract)));
    }

    #[test]
    fn a_declared_settlement_decides_before_the_name() {
        let settled = |quote: &str, settle: &str| ContractFacts {
            quote: Some(quote.into()),
            settle: Some(settle.into()),
            ..Default::default()
        };
        assert!(ContractFacts::default().is_inverse("BTCUSD_PERP"));
        assert!(!settled("USD", "USD").is_inverse("BTCUSD_PERP"));
        assert!(ContractFacts::default().is_inverse("BTC_USD"));
        assert!(!settled("USD", "USD").is_inverse("BTC_USD"));
        assert!(settled("USD", "BTC").is_inverse("BTC_USD"));
        let in_coins = ContractFacts { settle: Some("BTC".into()), ..ContractFacts::default() };
        assert!(in_coins.is_inverse("BTCUSDT") && in_coins.is_inverse("BTCUSD"));
        assert!(!in_coins.is_inverse("ETHBTC"));
    }
}
