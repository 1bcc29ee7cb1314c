//! Why a trade was opened and closed: the conditions at those decisions.

use crate::domain::decision::{Evidence, SectionName, Trigger};
use crate::domain::exit_level::{ExitLevel, MetBy};
use crate::domain::strategy::{StrategyDef, Threshold};
use crate::domain::symbol::SymbolSpec;
use crate::domain::time::Timestamp;
use crate::report::format as f;
use crate::report::legend;

/// A condition as evaluated for a decision.
#[derive(Clone, PartialEq, Debug)]
pub struct Checked {
    /// Section of the condition.
    pub section: SectionName,
    /// Id of the condition in the strategy document.
    pub id: String,
    /// Name of the indicator or value that it checks.
    pub indicator: String,
    /// The value, or why there was none.
    pub value: Result<f64, &'static str>,
    /// The comparison, e.g. `>=` or `between`.
    pub operator: &'static str,
    /// The threshold, or the lower bound of a range; `None` when it had no value.
    pub threshold: Option<f64>,
    /// The upper bound of a range.
    pub threshold_high: Option<f64>,
    /// Whether the condition was met; `None`: unknown.
    pub met: Option<bool>,
}

impl Checked {
    /// The conditions of a decision, with their names in the strategy document.
    pub fn all(evidence: &[Evidence], def: &StrategyDef) -> Vec<Checked> {
        evidence.iter().filter_map(|entry| Checked::one(entry, def)).collect()
    }

    fn one(entry: &Evidence, def: &StrategyDef) -> Option<Checked> {
        let section = def.section(entry.section).conditions();
        let condition = section.get(usize::from(entry.condition))?;
        let (operator, threshold_high) = match condition.threshold {
            Threshold::Between(_, high) => ("between", Some(high)),
            _ => (condition.comparison.sign(), None),
        };
        Some(Checked {
            section: entry.section,
            id: condition.id.clone(),
            indicator: def.operand_name(condition.operand).to_owned(),
            value: entry.value,
            operator,
            threshold: entry.threshold,
            threshold_high,
            met: entry.met,
        })
    }

    /// `met`, `not met` or `unknown`.
    pub const fn met_word(&self) -> &'static str {
        match self.met {
            Some(true) => "met",
            Some(false) => "not met",
            None => "unknown",
        }
    }

    /// The value, or why there was none.
    pub fn value_text(&self) -> String {
        self.value.map_or_else(|reason| format!("none ({reason})"), f::measured)
    }

    /// The comparison, e.g. `>= 8` or `between 2 and 5`.
    pub fn comparison_text(&self) -> String {
        let low = self.threshold.map_or_else(|| f::NONE.to_owned(), f::measured);
        match self.threshold_high {
            Some(high) => format!("{} {low} and {}", self.operator, f::measured(high)),
            None => format!("{} {low}", self.operator),
        }
    }

    /// A one-line summary, e.g. `e1_pnl: UNREALIZED_PNL_PCT -4.423 <= -4, met`.
    pub fn sentence(&self) -> String {
        format!(
            "{}: {} {} {}, {}",
            self.id,
            self.indicator,
            self.value_text(),
            self.comparison_text(),
            self.met_word()
        )
    }
}

/// A decision with the conditions behind it.
#[derive(Clone, PartialEq, Debug)]
pub struct DecisionReason {
    /// Time of the decision.
    pub at: Timestamp,
    /// What triggered it.
    pub trigger: Trigger,
    /// The level that was met; only of an exit, and `None` where it was at no level or nobody knows.
    pub level: Option<ExitLevel>,
    /// The conditions of its section; empty for a trigger without conditions, such as a stop.
    pub conditions: Vec<Checked>,
}

impl DecisionReason {
    /// What triggered it, e.g. `SL stop loss at 97.00, met by a price of 96.90`.
    pub fn trigger_text(&self, spec: Option<&SymbolSpec>) -> String {
        let level = self.level.zip(spec).map_or_else(String::new, |(level, spec)| level_text(level, spec));
        format!("{} {}{level}", self.trigger.as_str(), legend::trigger(self.trigger))
    }
}

/// E.g. ` at 97.00, met by a price of 96.90`, to be put after the trigger.
pub fn level_text(level: ExitLevel, spec: &SymbolSpec) -> String {
    let shown = |price| f::price(Some(spec), spec.price_f64(price));
    let at = shown(level.price);
    match level.met_by {
        Some(MetBy::Mark(price)) => format!(" at {at}, met by the fair price of {}", shown(price)),
        Some(MetBy::Last(price)) => format!(" at {at}, met by a price of {}", shown(price)),
        None => format!(" at {at}, by the order at the exchange"),
    }
}

/// Why a decision names no level, or not what met it; `None` where it names both.
pub const fn level_reason(trigger: Trigger, level: Option<ExitLevel>) -> Option<&'static str> {
    match level {
        Some(ExitLevel { met_by: Some(_), .. }) => None,
        Some(ExitLevel { met_by: None, .. }) => {
            Some("the order at the exchange closed it; what met it is unknown")
        }
        None if trigger.is_level() => Some("the exchange does not say at which price"),
        None => Some("it was not a price level that ended it"),
    }
}

/// Why a trade was opened and closed. `None` where it is not known.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct TradeReason {
    /// The signal decision (S1).
    pub signal: Option<DecisionReason>,
    /// The entry decision (Z1).
    pub entry: Option<DecisionReason>,
    /// Exit decisions before the last one, each of a part of the position or of an order that was not filled.
    pub earlier_exits: Vec<DecisionReason>,
    /// The last exit decision.
    pub exit: Option<DecisionReason>,
}

impl TradeReason {
    /// The decisions with their names, in time order.
    pub fn steps(&self) -> impl Iterator<Item = (&'static str, &DecisionReason)> {
        let named = |name| move |decision| (name, decision);
        let opened = self.signal.iter().map(named("signal")).chain(self.entry.iter().map(named("entry")));
        opened.chain(self.earlier_exits.iter().chain(&self.exit).map(named("exit")))
    }

    /// A short reason of the exit: its trigger with the level or the conditions that were met.
    pub fn exit_text(&self, spec: Option<&SymbolSpec>) -> Option<String> {
        let exit = self.exit.as_ref()?;
        let met: Vec<String> = exit
            .conditions
            .iter()
            .filter(|checked| checked.met == Some(true))
            .map(Checked::sentence)
            .collect();
        Some(if met.is_empty() {
            let level =
                exit.level.zip(spec).map_or_else(String::new, |(level, spec)| level_text(level, spec));
            format!("{}{level}", exit.trigger.as_str())
        } else {
            format!("{} {}", exit.trigger.as_str(), met.join("; "))
        })
    }
}
