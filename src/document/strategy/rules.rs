//! Rules for the whole strategy: an exit exists, the stop comes before liquidation, conditions can be true.

use super::problem::{Problems, at};
use super::resolve::Resolver;
use super::tree::{Branch, Tree};
use super::wire::{Rule, Strategy};
use crate::domain::strategy::{
    Comparison, Condition, Edge, Group, Logic, Node, OffsetBase, Operand, OwnValue, PriceOffset, StrategyDef,
    Threshold,
};
use crate::domain::visible::unseen;
use std::collections::BTreeMap;

/// Replaces an invalid name; such a document is never run.
pub(super) const NOTHING: Operand = Operand::Market(usize::MAX);

/// Characters of a name, without white space at its ends.
const NAME_CHARS: usize = 3;

/// Maintenance margin assumed while the contract is unknown, in percent.
const MAINTENANCE_MARGIN_PCT: f64 = 1.0;

/// Checks the rules that need the whole strategy.
pub(super) fn check(strategy: &Strategy, def: &StrategyDef, problems: &mut Problems) {
    name(strategy.strategy_name.as_deref().unwrap_or_default(), problems);
    let z1 = &def.z1;
    if def.s1.is_empty() && !problems.broken("/s1_signal") {
        problems.error(
            "/s1_signal/conditions",
            "must have at least one enabled condition: without one there is never a signal",
        );
    }
    if z1.section.is_empty() && !problems.broken("/z1_entry") {
        problems.warning(
            "/z1_entry/conditions",
            "has no condition: the strategy enters as soon as there is a signal",
        );
    }
    let exits = [
        "/z1_entry",
        "/ze1_close",
        "/emergency_exit",
        "/maxHoldSeconds",
        "/trailingStop",
        "/takeProfitLadder",
        "/ze1_enabled",
    ];
    if !has_exit(def) && !exits.iter().any(|path| problems.broken(path)) {
        problems
            .error("", "there is no way out: give a stopLoss, a takeProfit, maxHoldSeconds, or conditions in ze1_close or emergency_exit");
    }
    if z1.stop.is_none() && !problems.broken("/z1_entry") {
        problems
            .warning("/z1_entry/stopLoss", "there is no stop loss; live trading will refuse this strategy");
    }
    if let Some(emergency) = &strategy.emergency_exit {
        let parts = emergency.parts();
        let spelled =
            parts.logic.is_some() || parts.conditions.iter().any(|condition| condition.logic.is_some());
        if !spelled && def.e1.section.root.children.len() > 1 {
            problems.warning(
                "/emergency_exit/logic",
                "is not given: any one of the conditions closes the position at once (OR)",
            );
        }
    }
    if def.direction == crate::domain::strategy::Direction::Both {
        problems.warning(
            "/direction",
            "BOTH mirrors formulas but not thresholds: check that every condition suits both sides",
        );
    }
    leverage(def, problems);
}

/// A name is read by people and printed on terminals.
fn name(name: &str, problems: &mut Problems) {
    const PATH: &str = "/strategy_name";
    if problems.broken(PATH) {
        return;
    }
    if let Some(c) = unseen(name) {
        let character = format!("U+{:04X}", u32::from(c));
        problems.error(
            PATH,
            format!("has a control, invisible or text-direction character ({character}); leave it out"),
        );
    } else if name.trim().chars().count() < NAME_CHARS {
        problems.error(
            PATH,
            format!("must have at least {NAME_CHARS} characters besides white space at its ends"),
        );
    }
}

fn has_exit(def: &StrategyDef) -> bool {
    let closes = def.e1.close_position && !def.e1.section.is_empty();
    let ladder: f64 = def.ladder.iter().map(|step| step.close_pct).sum();
    def.z1.stop.is_some()
        || def.z1.target.is_some()
        || def.max_hold.is_some()
        || def.trailing.is_some()
        || ladder >= 100.0
        || !def.ze1.section.is_empty()
        || closes
}

fn leverage(def: &StrategyDef, problems: &mut Problems) {
    const PATH: &str = "/z1_entry/leverage";
    let wanted = def.z1.leverage;
    match def.limits.max_leverage {
        Some(cap) if wanted > cap => {
            problems.warning(PATH, format!("is above global_limits.max_leverage: {cap} will be used"))
        }
        _ if wanted > 5 => problems.warning(
            PATH,
            format!("{wanted} is high: {} % against the position liquidate it", distance(wanted)),
        ),
        _ if wanted > 3 => problems.warning(
            PATH,
            format!("{wanted} is moderate: {} % against the position liquidate it", distance(wanted)),
        ),
        _ => {}
    }
    let used = def.limits.max_leverage.map_or(wanted, |cap| wanted.min(cap)).max(1);
    let Some(stop) = def.z1.stop.as_ref().filter(|stop| !matches!(stop.base, OffsetBase::Indicator(_)))
    else {
        return;
    };
    let (offset, liquidation) = (widest(stop), distance(used));
    if offset >= liquidation {
        let scaled = if stop.risk_scaling.is_some() { " at its widest" } else { "" };
        problems.error(
            "/z1_entry/stopLoss/offsetPercent",
            format!(
                "the stop is {offset} % away{scaled}, but at leverage {used} the position is liquidated after {liquidation} % \
                 (maintenance margin {MAINTENANCE_MARGIN_PCT} %); bring the stop nearer or lower the leverage"
            ),
        );
    }
}

/// Distance from entry to liquidation of an isolated position, in percent of price.
fn distance(leverage: u32) -> f64 {
    let exact = 100.0 / f64::from(leverage.max(1)) - MAINTENANCE_MARGIN_PCT;
    (exact * 100.0).round() / 100.0
}

fn widest(stop: &PriceOffset) -> f64 {
    let scale = stop
        .risk_scaling
        .iter()
        .flat_map(|scaling| &scaling.points)
        .map(|(_, scale)| *scale)
        .reduce(f64::max);
    stop.offset_pct * scale.unwrap_or(100.0) / 100.0
}

/// The values for which a condition is true.
#[derive(Clone, Copy, Debug)]
struct Interval {
    low: f64,
    low_included: bool,
    high: f64,
    high_included: bool,
}

impl Interval {
    fn of(condition: &Condition) -> Option<Interval> {
        let below = |high, high_included| Interval {
            low: f64::NEG_INFINITY,
            low_included: true,
            high,
            high_included,
        };
        let above =
            |low, low_included| Interval { low, low_included, high: f64::INFINITY, high_included: true };
        match (condition.threshold, condition.comparison) {
            (Threshold::Between(low, high), _) => {
                Some(Interval { low, low_included: true, high, high_included: true })
            }
            (Threshold::Value(value), Comparison::Greater) => Some(above(value, false)),
            (Threshold::Value(value), Comparison::GreaterOrEqual) => Some(above(value, true)),
            (Threshold::Value(value), Comparison::Less) => Some(below(value, false)),
            (Threshold::Value(value), Comparison::LessOrEqual) => Some(below(value, true)),
            (Threshold::Value(value), Comparison::Equal) => {
                // The comparison uses the same tolerance.
                let slack = 1e-9 * value.abs().max(1.0);
                Some(Interval {
                    low: value - slack,
                    low_included: true,
                    high: value + slack,
                    high_included: true,
                })
            }
            (Threshold::Value(_), Comparison::NotEqual) | (Threshold::Other { .. }, _) => None,
        }
    }

    fn and(self, other: Interval) -> Interval {
        let (low, low_included) = match self.low.total_cmp(&other.low) {
            std::cmp::Ordering::Less => (other.low, other.low_included),
            std::cmp::Ordering::Equal => (self.low, self.low_included && other.low_included),
            std::cmp::Ordering::Greater => (self.low, self.low_included),
        };
        let (high, high_included) = match self.high.total_cmp(&other.high) {
            std::cmp::Ordering::Greater => (other.high, other.high_included),
            std::cmp::Ordering::Equal => (self.high, self.high_included && other.high_included),
            std::cmp::Ordering::Less => (self.high, self.high_included),
        };
        Interval { low, low_included, high, high_included }
    }

    fn is_empty(self) -> bool {
        self.low > self.high || (self.low == self.high && !(self.low_included && self.high_included))
    }
}

/// Warns about conditions that can never be true: outside the range of their indicator, or contradicting a
/// condition they are ANDed with. `group` must have been compiled from `tree`.
pub(super) fn contradictions(
    group: &Group,
    tree: &Tree<'_>,
    resolver: &Resolver<'_>,
    problems: &mut Problems,
) {
    walk(group, tree, &mut Known::new(), resolver, problems);
}

/// The values that ANDed conditions leave for each operand, with the id of the last condition.
type Known = BTreeMap<(usize, usize, bool, bool), (Interval, String)>;

fn walk(group: &Group, tree: &Tree<'_>, above: &mut Known, resolver: &Resolver<'_>, problems: &mut Problems) {
    let mut known = if group.negate { Known::new() } else { above.clone() };
    let together = group.logic == Logic::And || group.children.len() == 1;
    for (node, branch) in group.children.iter().zip(&tree.branches) {
        match (node, branch) {
            (Node::Group(group), Branch::Group(tree)) => {
                let mut inside = known.clone();
                walk(group, tree, &mut inside, resolver, problems);
                if together && !group.negate && (group.logic == Logic::And || group.children.len() == 1) {
                    known = inside;
                }
            }
            (Node::Condition(condition), Branch::Condition { path, .. }) => {
                let found = validate(condition, path, &known, resolver, problems);
                if let Some((key, interval)) = found.filter(|_| together) {
                    known.insert(key, (interval, condition.id.clone()));
                }
            }
            _ => {}
        }
    }
    *above = known;
}

fn validate(
    condition: &Condition,
    path: &str,
    known: &Known,
    resolver: &Resolver<'_>,
    problems: &mut Problems,
) -> Option<((usize, usize, bool, bool), Interval)> {
    // Invalid names are already reported; a falling edge requires the condition to become false.
    if condition.operand == NOTHING || problems.broken(path) || condition.edge == Edge::Falling {
        return None;
    }
    let interval = Interval::of(condition)?;
    let (name, range) = resolver.range(condition.operand);
    let value_path = at(path, "value");
    if let Some((low, high)) = range
        && interval.and(Interval { low, low_included: true, high, high_included: true }).is_empty()
    {
        let to = if high.is_finite() { format!("from {low} to {high}") } else { format!("{low} or more") };
        problems.warning(&value_path, format!("can never be true: {name} is always {to}"));
        return None;
    }
    let key = key(condition.operand);
    let Some((other, id)) = known.get(&key) else { return Some((key, interval)) };
    let both = interval.and(*other);
    if both.is_empty() {
        problems.warning(
            &value_path,
            format!("can never be true together with condition {id}, which also looks at {name}"),
        );
        return None;
    }
    Some((key, both))
}

/// A sortable key of an operand.
fn key(operand: Operand) -> (usize, usize, bool, bool) {
    match operand {
        Operand::Market(index) => (0, index, false, false),
        Operand::Own(OwnValue::UnrealizedPnlPct { last, net }) => (1, 0, last, net),
        Operand::Own(value) => {
            let own = [
                OwnValue::LossPct,
                OwnValue::RoePct,
                OwnValue::DrawdownFromPeakPct,
                OwnValue::SignalAgeSeconds,
                OwnValue::PositionAgeSeconds,
                OwnValue::LiquidationDistancePct,
                OwnValue::SessionPnlPct,
                OwnValue::OpenPositions,
                OwnValue::PortfolioExposurePct,
            ];
            (2, own.iter().position(|known| *known == value).unwrap_or(own.len()), false, false)
        }
    }
}
