//! Margin tiers of a contract: the list `riskLimitCustom` where the exchange sends one, else the ladder that
//! `riskBaseVol`, `riskIncrVol` and their rates describe.
//!
//! Invariant: tiers that cannot be read whole are no tiers; a contract without them keeps its first rates.

use super::number;
use crate::domain::contract::ContractTier;
use crate::domain::decimal::Decimal;
use crate::limits::RISK_TIERS;
use serde_json::value::RawValue;

object! {
    /// A tier of `riskLimitCustom`.
    RawTier { most = "maxVol", maintenance = "mmr", initial = "imr", leverage = "maxLeverage" } knows ["level"]
}

/// Fields of a contract that describe its tiers; `None`: absent.
pub(super) struct Fields<'a> {
    /// `riskLimitType`.
    pub kind: Option<&'a RawValue>,
    /// `riskLimitCustom`.
    pub listed: Option<&'a RawValue>,
    /// `riskLevelLimit`.
    pub levels: Option<&'a RawValue>,
    /// `riskBaseVol` and `riskIncrVol`.
    pub quantity: [Option<&'a RawValue>; 2],
    /// `initialMarginRate` and `riskIncrImr`.
    pub initial: [Option<&'a RawValue>; 2],
    /// `maintenanceMarginRate` and `riskIncrMmr`.
    pub maintenance: [Option<&'a RawValue>; 2],
}

/// The tiers by increasing quantity; empty when there are none, or they are stated as values instead of
/// contracts.
pub(super) fn of(raw: &Fields<'_>) -> Vec<ContractTier> {
    if raw.kind.and_then(number::text).is_some_and(|kind| kind != "BY_VOLUME") {
        return Vec::new();
    }
    let listed = raw.listed.and_then(listed).filter(|tiers| !tiers.is_empty());
    listed.or_else(|| ladder(raw)).filter(|tiers| is_rising(tiers)).unwrap_or_default()
}

fn is_rising(tiers: &[ContractTier]) -> bool {
    tiers.windows(2).all(|pair| pair[0].max_quantity.cmp_value(pair[1].max_quantity).is_lt())
}

fn listed(raw: &RawValue) -> Option<Vec<ContractTier>> {
    let raw: Vec<RawTier<'_>> = serde_json::from_str(raw.get()).ok()?;
    (raw.len() <= RISK_TIERS).then_some(())?;
    raw.iter().map(listed_tier).collect()
}

fn listed_tier(raw: &RawTier<'_>) -> Option<ContractTier> {
    let stated = raw.leverage.and_then(number::unsigned).and_then(|leverage| u32::try_from(leverage).ok());
    let max_leverage = stated.or_else(|| leverage(raw.initial.and_then(number::positive)?));
    Some(ContractTier {
        max_quantity: raw.most.and_then(number::positive)?,
        max_leverage: max_leverage.filter(|leverage| *leverage > 0)?,
        maintenance: raw.maintenance.and_then(number::positive)?,
    })
}

/// Level n (from 0) holds up to base + n × step contracts, at rates that rise by their steps.
fn ladder(raw: &Fields<'_>) -> Option<Vec<ContractTier>> {
    let levels = raw.levels.and_then(number::unsigned)?.min(RISK_TIERS as u64);
    let at = |n: i64, [base, step]: [Option<&RawValue>; 2]| {
        let step = step.and_then(number::decimal).unwrap_or(Decimal::ZERO);
        base.and_then(number::positive)?.plus(step.times(n)?)
    };
    let level = |n: i64| {
        Some(ContractTier {
            max_quantity: at(n, raw.quantity)?,
            max_leverage: leverage(at(n, raw.initial)?)?,
            maintenance: at(n, raw.maintenance)?,
        })
    };
    (0..i64::try_from(levels).ok()?).map(level).collect()
}

/// The leverage that an initial margin rate allows, a whole number.
fn leverage(initial: Decimal) -> Option<u32> {
    Decimal::ONE
        .whole_steps_of(initial)
        .and_then(|leverage| u32::try_from(leverage).ok())
        .filter(|it| *it > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiers(text: &str) -> Vec<(String, u32, String)> {
        let object: std::collections::BTreeMap<&str, &RawValue> =
            serde_json::from_str(text).expect("an object");
        let get = |name: &str| object.get(name).copied();
        let fields = Fields {
            kind: get("riskLimitType"),
            listed: get("riskLimitCustom"),
            levels: get("riskLevelLimit"),
            quantity: ["riskBaseVol", "riskIncrVol"].map(get),
            initial: ["initialMarginRate", "riskIncrImr"].map(get),
            maintenance: ["maintenanceMarginRate", "riskIncrMmr"].map(get),
        };
        let show = |tier: &ContractTier| {
            (tier.max_quantity.to_string(), tier.max_leverage, tier.maintenance.to_string())
        };
        of(&fields).iter().map(show).collect()
    }

    #[test]
    fn a_list_comes_before_the_ladder() {
        let ladder = r#""maintenanceMarginRate": 0.004, "initialMarginRate": 0.01, "riskBaseVol": 1000, "riskIncrVol": 500,
            "riskIncrMmr": 0.002, "riskIncrImr": 0.005, "riskLevelLimit": 3, "riskLimitType": "BY_VOLUME""#;
        let found = tiers(&format!("{{{ladder}}}"));
        let wanted = [("1000", 100, "0.004"), ("1500", 66, "0.006"), ("2000", 50, "0.008")];
        assert_eq!(found, wanted.map(|(most, leverage, rate)| (most.to_owned(), leverage, rate.to_owned())));
        let custom = r#""riskLimitCustom": [{"level": 1, "maxVol": 230000, "mmr": 0.0023, "imr": 0.005, "maxLeverage": 200},
            {"level": 2, "maxVol": 1550000, "mmr": 0.004, "imr": 0.01}]"#;
        let found = tiers(&format!("{{{ladder}, {custom}}}"));
        let wanted = [("230000", 200, "0.0023"), ("1550000", 100, "0.004")];
        assert_eq!(found, wanted.map(|(most, leverage, rate)| (most.to_owned(), leverage, rate.to_owned())));
    }

    #[test]
    fn tiers_that_cannot_be_trusted_are_none() {
        for text in [
            r#"{"riskLimitCustom": [{"maxVol": 5, "mmr": 0.1, "imr": 0.2}, {"maxVol": 4, "mmr": 0.1, "imr": 0.2}]}"#,
            r#"{"riskLimitType": "BY_VALUE", "riskLimitCustom": [{"maxVol": 5, "mmr": 0.1, "imr": 0.2}]}"#,
            r#"{"riskBaseVol": 0, "riskLevelLimit": 2, "initialMarginRate": 0.1, "maintenanceMarginRate": 0.1}"#,
            r#"{}"#,
        ] {
            assert!(tiers(text).is_empty(), "{text}");
        }
    }
}
