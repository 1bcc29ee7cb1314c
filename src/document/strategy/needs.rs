//! Which data channels a strategy needs, and what needs them.

use crate::domain::strategy::{Group, Node, Operand, RiskScaling, Section, StrategyDef, Threshold};
use crate::engine::indicators::{DataKind, channels};
use std::collections::BTreeMap;
use std::fmt;

/// A use of an indicator that needs a channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Need {
    /// The needed channel.
    pub channel: DataKind,
    /// Name of the indicator.
    pub indicator: String,
    /// Where it is used, e.g. `condition z1_spread` or `z1_entry.priceIndicatorId`.
    pub used_by: String,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} uses {}, which needs {} data", self.used_by, self.indicator, self.channel.as_str())
    }
}

/// The needed channels, each with all its uses in document order.
pub fn needs(def: &StrategyDef) -> BTreeMap<DataKind, Vec<Need>> {
    let mut found = Found { def, needs: BTreeMap::new() };
    found.section(&def.s1);
    found.section(&def.o1.section);
    found.section(&def.z1.section);
    found.operand(def.z1.price, "z1_entry.priceIndicatorId");
    found.scaling(def.z1.size.risk_scaling.as_ref(), "z1_entry.positionSize");
    for (offset, name) in [(&def.z1.stop, "z1_entry.stopLoss"), (&def.z1.target, "z1_entry.takeProfit")] {
        if let Some(offset) = offset {
            if let crate::domain::strategy::OffsetBase::Indicator(operand) = offset.base {
                found.operand(Some(operand), name);
            }
            found.scaling(offset.risk_scaling.as_ref(), name);
        }
    }
    found.section(&def.ze1.section);
    found.operand(def.ze1.price, "ze1_close.priceIndicatorId");
    found.scaling(def.ze1.pricing.as_ref().map(|pricing| &pricing.scaling), "ze1_close.riskAdjustedPricing");
    found.section(&def.e1.section);
    found.needs
}

struct Found<'a> {
    def: &'a StrategyDef,
    needs: BTreeMap<DataKind, Vec<Need>>,
}

impl Found<'_> {
    fn section(&mut self, section: &Section) {
        self.group(&section.root);
        for step in section.sequence.iter().flat_map(|sequence| &sequence.steps) {
            self.group(step);
        }
    }

    fn group(&mut self, group: &Group) {
        for node in &group.children {
            match node {
                Node::Group(group) => self.group(group),
                Node::Condition(condition) => {
                    let used_by = format!("condition {}", condition.id);
                    self.operand(Some(condition.operand), &used_by);
                    if let Threshold::Other { operand, .. } = condition.threshold {
                        self.operand(Some(operand), &used_by);
                    }
                }
            }
        }
    }

    fn scaling(&mut self, scaling: Option<&RiskScaling>, used_by: &str) {
        self.operand(scaling.map(|scaling| scaling.operand), used_by);
    }

    fn operand(&mut self, operand: Option<Operand>, used_by: &str) {
        let Some(Operand::Market(index)) = operand else { return };
        let Some(named) = self.def.indicators.get(index) else { return };
        for channel in channels(&named.spec) {
            let need = Need { channel, indicator: named.name.clone(), used_by: used_by.to_owned() };
            let known = self.needs.entry(channel).or_default();
            if !known.contains(&need) {
                known.push(need);
            }
        }
    }
}
