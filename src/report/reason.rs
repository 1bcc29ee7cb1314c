//! Why a trade was opened and why it was closed: the conditions as they stood at those decisions.

use crate::domain::decision::{Evidence, SectionName, Trigger};
use crate::domain::strategy::{StrategyDef, Threshold};
use crate::domain::time::Timestamp;
use crate::report::format as f;

/// A condition as it stood when a decision was made.
#[derive(Clone, PartialEq, Debug)]
pub struct Checked {
    /// Section it belongs to.
    pub section: SectionName,
    /// Its id in the document.
    pub id: String,
    /// Name of what it looks at.
    pub indicator: String,
    /// The value; `Err` carries the reason why there was none.
    pub value: Result<f64, &'static str>,
    /// How they are compared, e.g. `>=` or `between`.
    pub operator: &'static str,
    /// What it is compared with, the lower bound of a range; `None` when that had no value.
    pub threshold: Option<f64>,
    /// The upper bound of a range.
    pub threshold_high: Option<f64>,
    /// Whether it was met; `None`: unknown.
    pub met: Option<bool>,
}

impl Checked {
    /// The conditions of a decision by their names in the document.
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

    /// All of it in a line, e.g. `e1_pnl: UNREALIZED_PNL_PCT -4.423 <= -4, met`.
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

/// A decision with the conditions it was made on.
#[derive(Clone, PartialEq, Debug)]
pub struct DecisionReason {
    /// When it was made.
    pub at: Timestamp,
    /// What made it.
    pub trigger: Trigger,
    /// The conditions of its section; empty for a stop, a target or another trigger that looks at none.
    pub conditions: Vec<Checked>,
}

/// Why a trade was opened and closed. `None` where no such decision was made: a liquidation, for one, is the venue's.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct TradeReason {
    /// The signal (S1).
    pub signal: Option<DecisionReason>,
    /// The entry (Z1).
    pub entry: Option<DecisionReason>,
    /// The exit.
    pub exit: Option<DecisionReason>,
}

impl TradeReason {
    /// The three with what they are, in time order.
    pub fn steps(&self) -> impl Iterator<Item = (&'static str, &DecisionReason)> {
        [("signal", &self.signal), ("entry", &self.entry), ("exit", &self.exit)]
            .into_iter()
            .filter_map(|(name, decision)| Some((name, decision.as_ref()?)))
    }

    /// What the exit was decided on in a few words: the conditions that were met, else nothing but the trigger.
    pub fn exit_text(&self) -> Option<String> {
        let exit = self.exit.as_ref()?;
        let met: Vec<String> = exit
            .conditions
            .iter()
            .filter(|checked| checked.met == Some(true))
            .map(Checked::sentence)
            .collect();
        Some(if met.is_empty() {
            exit.trigger.as_str().to_owned()
        } else {
            format!("{} {}", exit.trigger.as_str(), met.join("; "))
        })
    }
}
