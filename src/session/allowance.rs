//! What the configuration allows a session. Invariant: while the session runs, also over restarts, it only
//! becomes less: a tighter configuration acts at once, a looser one with the next session.

use crate::domain::symbol::{SymbolId, SymbolTable};
use crate::engine::risk::RiskLimits;
use crate::session::live::Caps;
use std::collections::BTreeSet;

/// What a session may do.
#[derive(Clone, PartialEq, Debug)]
pub struct Allowance {
    /// Symbols of the session on which nothing may be begun.
    pub disabled: BTreeSet<String>,
    /// Limits of risk; `None`: the session was started without any and keeps none.
    pub risk: Option<RiskLimits>,
    /// What it may do with real money; `None`: it has none.
    pub real_money: Option<RealMoney>,
}

/// What a session may do with real money.
#[derive(Clone, PartialEq, Debug)]
pub struct RealMoney {
    /// Symbols on which something may be begun; none while live trading is switched off.
    pub symbols: BTreeSet<String>,
    /// How much may be at risk.
    pub caps: Caps,
}

impl Allowance {
    /// What both allow. What this one does not have at all (risk limits, real money) stays away.
    pub fn tightened(&self, other: &Allowance) -> Allowance {
        let both = |risk: &RiskLimits| match &other.risk {
            Some(limits) => risk.tightened(limits),
            None => risk.clone(),
        };
        let less = |own: &RealMoney| match &other.real_money {
            Some(real_money) => own.tightened(real_money),
            None => own.clone(),
        };
        Allowance {
            disabled: self.disabled.union(&other.disabled).cloned().collect(),
            risk: self.risk.as_ref().map(both),
            real_money: self.real_money.as_ref().map(less),
        }
    }

    /// How much real money may be at risk, and the symbols on which nothing may be begun with it.
    pub fn of_real_money(&self, table: &SymbolTable) -> (Caps, BTreeSet<SymbolId>) {
        let is_allowed =
            |name: &String| self.real_money.as_ref().is_some_and(|money| money.symbols.contains(name));
        let not_allowed = table.iter().filter(|(_, spec)| !is_allowed(&spec.name)).map(|(symbol, _)| symbol);
        let caps = self.real_money.as_ref().map_or(Caps::NOTHING, |money| money.caps);
        (caps, not_allowed.collect())
    }
}

impl RealMoney {
    fn tightened(&self, other: &RealMoney) -> RealMoney {
        let caps = Caps {
            account: self.caps.account.min(other.caps.account),
            day: self.caps.day.min(other.caps.day),
        };
        RealMoney { symbols: self.symbols.intersection(&other.symbols).cloned().collect(), caps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decimal::Decimal;
    use crate::domain::num::Money;
    use crate::domain::symbol::SymbolSpec;
    use crate::domain::time::Span;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn allowance(disabled: &[&str], symbols: &[&str], account: i64) -> Allowance {
        let caps = Caps { account: Money::from_units(account), day: Money::from_units(100) };
        Allowance {
            disabled: names(disabled),
            risk: Some(RiskLimits::default()),
            real_money: Some(RealMoney { symbols: names(symbols), caps }),
        }
    }

    #[test]
    fn two_allowances_allow_what_both_do() {
        let one = allowance(&["A"], &["A", "B"], 5);
        let other = allowance(&["C"], &["B", "C"], 9);
        let both = one.tightened(&other);
        assert_eq!(both.disabled, names(&["A", "C"]));
        let money = both.real_money.clone().unwrap();
        assert_eq!((money.symbols, money.caps.account), (names(&["B"]), Money::from_units(5)));
        assert_eq!(both, both.tightened(&one), "tightening again changes nothing");
        let unlimited = Allowance { risk: None, real_money: None, ..one.clone() };
        let kept = unlimited.tightened(&other);
        assert_eq!((kept.risk, kept.real_money), (None, None), "what a session does not have does not come");
    }

    #[test]
    fn every_limit_of_risk_tightens_in_its_own_direction() {
        let usual = RiskLimits::default();
        let other = RiskLimits {
            max_concurrent: Some(1),
            daily_loss_pct: None,
            loss_pause: Span::from_seconds(60),
            max_leverage: 50,
            min_liquidation_to_stop: Some(3.0),
            exclusive_symbols: false,
            ..RiskLimits::default()
        };
        let both = usual.tightened(&other);
        let expected =
            RiskLimits { max_concurrent: Some(1), min_liquidation_to_stop: Some(3.0), ..usual.clone() };
        assert_eq!(both, expected);
        assert_eq!(usual.tightened(&RiskLimits::none()), RiskLimits { max_leverage: 10, ..usual.clone() });
        assert_eq!(RiskLimits::none().tightened(&usual), usual);
    }

    #[test]
    fn real_money_needs_a_symbol_that_is_allowed() {
        let step = Decimal::new(1, 1).unwrap();
        let spec = SymbolSpec::new("A", step, Decimal::ONE, Decimal::new(1, 2).unwrap()).unwrap();
        let table = SymbolTable::new(1, vec![spec]);
        let caps = Caps { account: Money::from_units(5), day: Money::from_units(100) };
        assert_eq!(allowance(&[], &["A"], 5).of_real_money(&table), (caps, BTreeSet::new()));
        assert_eq!(allowance(&[], &[], 5).of_real_money(&table), (caps, BTreeSet::from([SymbolId(0)])));
        let none = Allowance { real_money: None, ..allowance(&[], &[], 5) };
        assert_eq!(none.of_real_money(&table), (Caps::NOTHING, BTreeSet::from([SymbolId(0)])));
    }
}
