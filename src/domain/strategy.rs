//! A strategy, parsed and validated: what the engine runs. The JSON form lives in `document`.

use crate::domain::decision::SectionName;
use crate::domain::num::Money;
use crate::domain::time::Span;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A strategy ready to run. Its invariants (bounds, references, no contradictions) were proved by validation.
#[derive(Clone, PartialEq, Debug)]
pub struct StrategyDef {
    /// Slug, stable over edits.
    pub id: String,
    /// Grows with every edit.
    pub version: u32,
    /// Name people read.
    pub name: String,
    /// Which sides it trades. `Both` runs as two instances.
    pub direction: Direction,
    /// Evaluated and served first when higher (0–100).
    pub priority: u8,
    /// Distinct market indicators; conditions refer to them by place. Names are those of the document.
    pub indicators: Vec<NamedIndicator>,
    /// When a signal is seen.
    pub s1: Section,
    /// When a signal is dropped.
    pub o1: CancelSection,
    /// When and how to enter.
    pub z1: EntrySection,
    /// When and how to take profit by rule.
    pub ze1: CloseSection,
    /// When to get out at any price.
    pub e1: EmergencySection,
    /// Limits of this strategy; the tighter of these and the session's hold.
    pub limits: StrategyLimits,
    /// Stop that follows the best price.
    pub trailing: Option<Trailing>,
    /// Stop moved to the entry once.
    pub break_even: Option<BreakEven>,
    /// Partial exits, nearest first.
    pub ladder: Vec<LadderStep>,
    /// Longest time in a position.
    pub max_hold: Option<Span>,
    /// What to do when the rules that guard a position have no data.
    pub on_data_loss: Option<DataLoss>,
    /// When rules are looked at.
    pub evaluation: Evaluation,
}

impl StrategyDef {
    /// A section by its name.
    pub fn section(&self, name: SectionName) -> &Section {
        match name {
            SectionName::S1 => &self.s1,
            SectionName::O1 => &self.o1.section,
            SectionName::Z1 => &self.z1.section,
            SectionName::Ze1 => &self.ze1.section,
            SectionName::E1 => &self.e1.section,
        }
    }

    /// Whether anything in it looks at the position, the signal or the session.
    pub fn reads_own(&self) -> bool {
        let own = |operand: &Operand| matches!(operand, Operand::Own(_));
        let compared = |condition: &&Condition| match &condition.threshold {
            Threshold::Other { operand, .. } => own(&condition.operand) || own(operand),
            _ => own(&condition.operand),
        };
        let sections = [&self.s1, &self.o1.section, &self.z1.section, &self.ze1.section, &self.e1.section];
        let in_rules = sections.iter().any(|section| section.conditions().iter().any(compared));
        let offsets = [&self.z1.stop, &self.z1.target];
        let scalings = offsets.iter().filter_map(|offset| offset.as_ref()?.risk_scaling.as_ref());
        let all = scalings
            .chain(&self.z1.size.risk_scaling)
            .chain(self.ze1.pricing.as_ref().map(|pricing| &pricing.scaling));
        let based = offsets.iter().filter_map(|offset| match offset.as_ref()?.base {
            OffsetBase::Indicator(operand) => Some(operand),
            _ => None,
        });
        let mut operands =
            all.map(|scaling| scaling.operand).chain(based).chain(self.z1.price).chain(self.ze1.price);
        // Trailing and break-even follow the best price of the position.
        in_rules
            || operands.any(|operand| own(&operand))
            || self.trailing.is_some()
            || self.break_even.is_some()
    }

    /// The name a document gives what a condition looks at.
    pub fn operand_name(&self, operand: Operand) -> &str {
        match operand {
            Operand::Market(place) => self.indicators.get(place).map_or("?", |indicator| &indicator.name),
            Operand::Own(own) => own.as_str(),
        }
    }
}

/// Sides a strategy trades.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Buys to open.
    Long,
    /// Sells to open.
    Short,
    /// One instance of each.
    Both,
}

/// An indicator with the name its document gave it (or its type, when it was named by type).
#[derive(Clone, PartialEq, Debug)]
pub struct NamedIndicator {
    /// Name in the document.
    pub name: String,
    /// What is computed.
    pub spec: Arc<IndicatorSpec>,
}

/// An indicator type with all its parameters. Equal specs are computed once per symbol.
#[derive(Clone, PartialEq, PartialOrd, Debug)]
pub struct IndicatorSpec {
    /// Type name in upper case, as in the registry.
    pub kind: String,
    /// Every parameter of the type, defaults filled in.
    pub params: BTreeMap<String, ParamValue>,
}

/// A parameter's value.
#[derive(Clone, PartialEq, PartialOrd, Debug)]
pub enum ParamValue {
    /// Number.
    Number(f64),
    /// Switch.
    Flag(bool),
    /// Word from a closed list.
    Word(String),
    /// List of (t1, t3, d) windows in seconds.
    Windows(Vec<[f64; 3]>),
    /// Another indicator whose values are the input.
    Indicator(Box<IndicatorSpec>),
}

impl IndicatorSpec {
    /// A number parameter. Present by validation; NaN when a caller skipped it.
    pub fn number(&self, name: &str) -> f64 {
        match self.params.get(name) {
            Some(ParamValue::Number(value)) => *value,
            _ => f64::NAN,
        }
    }

    /// A whole-number parameter.
    pub fn count(&self, name: &str) -> usize {
        self.number(name) as usize
    }

    /// A number parameter in seconds.
    pub fn span(&self, name: &str) -> Span {
        Span::from_seconds_f64(self.number(name))
    }

    /// A switch.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.params.get(name), Some(ParamValue::Flag(true)))
    }

    /// A word; empty when absent.
    pub fn word(&self, name: &str) -> &str {
        match self.params.get(name) {
            Some(ParamValue::Word(word)) => word,
            _ => "",
        }
    }
}

/// What a condition looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// Place in [`StrategyDef::indicators`].
    Market(usize),
    /// A value of the instance or session itself.
    Own(OwnValue),
}

/// Values of an instance's position and signal, and of its session (strategy-engine 3.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OwnValue {
    /// Price move since entry in percent, positive when winning.
    UnrealizedPnlPct {
        /// Last trade instead of the touch on the closing side.
        last: bool,
        /// After fees paid and the fee of closing.
        net: bool,
    },
    /// The loss part of it, never negative.
    LossPct,
    /// It times leverage.
    RoePct,
    /// Give-back from the best price since entry, percent.
    DrawdownFromPeakPct,
    /// Seconds since S1.
    SignalAgeSeconds,
    /// Seconds since the first fill.
    PositionAgeSeconds,
    /// Distance to liquidation, percent of price.
    LiquidationDistancePct,
    /// Session equity against its start, percent.
    SessionPnlPct,
    /// Open positions of the session.
    OpenPositions,
    /// Σ notional / equity of the session, percent.
    PortfolioExposurePct,
}

impl OwnValue {
    /// The type name documents use.
    pub const fn as_str(&self) -> &'static str {
        match self {
            OwnValue::UnrealizedPnlPct { .. } => "UNREALIZED_PNL_PCT",
            OwnValue::LossPct => "LOSS_PCT",
            OwnValue::RoePct => "ROE_PCT",
            OwnValue::DrawdownFromPeakPct => "DRAWDOWN_FROM_PEAK_PCT",
            OwnValue::SignalAgeSeconds => "SIGNAL_AGE_SECONDS",
            OwnValue::PositionAgeSeconds => "POSITION_AGE_SECONDS",
            OwnValue::LiquidationDistancePct => "LIQUIDATION_DISTANCE_PCT",
            OwnValue::SessionPnlPct => "SESSION_PNL_PCT",
            OwnValue::OpenPositions => "OPEN_POSITIONS",
            OwnValue::PortfolioExposurePct => "PORTFOLIO_EXPOSURE_PCT",
        }
    }
}

/// How two values are compared. `==` and `!=` use a tolerance of 1e-9·max(1, |value|).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Comparison {
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl Comparison {
    /// How a document writes it.
    pub const fn sign(self) -> &'static str {
        match self {
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
        }
    }
}

/// The right-hand side of a condition.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Threshold {
    /// A number.
    Value(f64),
    /// Inside both bounds, inclusive; the condition's comparison is not used.
    Between(f64, f64),
    /// Another value × multiplier + offset.
    Other {
        /// What is compared to.
        operand: Operand,
        /// Factor.
        multiplier: f64,
        /// Added after the factor.
        offset: f64,
    },
}

/// When a raw truth counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edge {
    /// Always.
    None,
    /// From the moment it becomes true, for the window, while it stays true.
    Rising,
    /// From the moment it becomes false, for the window, while it stays false.
    Falling,
}

/// One condition.
#[derive(Clone, PartialEq, Debug)]
pub struct Condition {
    /// Unique in the document.
    pub id: String,
    /// Left side.
    pub operand: Operand,
    /// Comparison.
    pub comparison: Comparison,
    /// Right side.
    pub threshold: Threshold,
    /// Must have been true this long.
    pub hold: Span,
    /// Edge instead of level.
    pub edge: Edge,
    /// How long after the edge it stays true.
    pub edge_window: Span,
    /// A value whose newest input is older than this counts as missing; by channel when absent.
    pub max_age: Option<Span>,
}

/// How children are combined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Logic {
    /// All.
    And,
    /// Any.
    Or,
}

/// Conditions and groups combined by one logic.
#[derive(Clone, PartialEq, Debug)]
pub struct Group {
    /// How the children combine.
    pub logic: Logic,
    /// The result is negated.
    pub negate: bool,
    /// Children in document order.
    pub children: Vec<Node>,
}

impl Group {
    /// A group without children.
    pub const fn empty(logic: Logic) -> Self {
        Group { logic, negate: false, children: Vec::new() }
    }
}

/// A child of a group.
#[derive(Clone, PartialEq, Debug)]
pub enum Node {
    /// A condition.
    Condition(Condition),
    /// A nested group.
    Group(Group),
}

/// Steps that must become true one after the other.
#[derive(Clone, PartialEq, Debug)]
pub struct Sequence {
    /// At least two.
    pub steps: Vec<Group>,
    /// From one step to the next.
    pub max_gap: Span,
    /// From the first to the last.
    pub max_total: Span,
}

/// The rule of a section: the group, and the sequence when there is one.
#[derive(Clone, PartialEq, Debug)]
pub struct Section {
    /// Conditions; empty means what the section's kind says (Z1 true; O1, ZE1, E1 false).
    pub root: Group,
    /// ANDed with the group.
    pub sequence: Option<Sequence>,
}

impl Section {
    /// All conditions in document order, those of the sequence's steps last.
    pub fn conditions(&self) -> Vec<&Condition> {
        fn collect<'a>(group: &'a Group, into: &mut Vec<&'a Condition>) {
            for node in &group.children {
                match node {
                    Node::Condition(condition) => into.push(condition),
                    Node::Group(group) => collect(group, into),
                }
            }
        }
        let mut conditions = Vec::new();
        collect(&self.root, &mut conditions);
        for step in self.sequence.iter().flat_map(|sequence| &sequence.steps) {
            collect(step, &mut conditions);
        }
        conditions
    }

    /// Whether the section has no rule at all.
    pub fn is_empty(&self) -> bool {
        self.root.children.is_empty() && self.sequence.is_none()
    }
}

/// O1.
#[derive(Clone, PartialEq, Debug)]
pub struct CancelSection {
    /// Rule.
    pub section: Section,
    /// Age at which the signal is dropped anyway.
    pub timeout: Option<Span>,
    /// Wait before the next signal.
    pub cooldown: Span,
}

/// Z1.
#[derive(Clone, PartialEq, Debug)]
pub struct EntrySection {
    /// Rule; empty enters as soon as S1 is true.
    pub section: Section,
    /// How much.
    pub size: PositionSize,
    /// Reference price; the touch when absent.
    pub price: Option<Operand>,
    /// How the entry order fills.
    pub order: EntryOrder,
    /// Life of the entry order.
    pub timeout: Option<Span>,
    /// Stop.
    pub stop: Option<PriceOffset>,
    /// Target.
    pub target: Option<PriceOffset>,
    /// Leverage of the position.
    pub leverage: u32,
}

/// How an entry order fills.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum EntryOrder {
    /// Market.
    Market,
    /// Resting limit at the reference price.
    Limit,
    /// Immediate limit, reference × (1 ± slippage).
    LimitIoc {
        /// Percent.
        max_slippage_pct: f64,
    },
}

/// How much to open.
#[derive(Clone, PartialEq, Debug)]
pub struct PositionSize {
    /// Base amount.
    pub amount: SizeAmount,
    /// The amount is margin, not notional: notional = amount × leverage.
    pub margin_basis: bool,
    /// Scales with a risk value, 100 = unchanged.
    pub risk_scaling: Option<RiskScaling>,
}

/// The amount before scaling.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum SizeAmount {
    /// In the quote currency.
    Fixed(Money),
    /// Percent of session equity.
    PercentOfEquity(f64),
    /// In base units.
    Quantity(f64),
}

/// A percentage that follows a risk value, linear between the points and flat beyond them.
#[derive(Clone, PartialEq, Debug)]
pub struct RiskScaling {
    /// Risk value, 0–100.
    pub operand: Operand,
    /// (risk, percent) by growing risk; at least two.
    pub points: Vec<(f64, f64)>,
}

/// A stop or target as an offset from the entry or from an indicator.
#[derive(Clone, PartialEq, Debug)]
pub struct PriceOffset {
    /// Percent of the base price, not negative.
    pub offset_pct: f64,
    /// Where the offset starts.
    pub base: OffsetBase,
    /// Scales the offset.
    pub risk_scaling: Option<RiskScaling>,
}

/// Base price of a stop or target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OffsetBase {
    /// Average fill price.
    Entry,
    /// Indicator value, frozen at the first fill.
    Indicator(Operand),
    /// Reference price at submission.
    Reference,
}

/// ZE1.
#[derive(Clone, PartialEq, Debug)]
pub struct CloseSection {
    /// Rule; inert when empty.
    pub section: Section,
    /// Base of the close price; the touch on the closing side when absent.
    pub price: Option<Operand>,
    /// Asks for more or less depending on risk; off when absent.
    pub pricing: Option<RiskPricing>,
    /// After this a resting close is replaced by a marketable one.
    pub close_timeout: Span,
}

/// Risk-adjusted close price (strategy-engine 1.7).
#[derive(Clone, PartialEq, Debug)]
pub struct RiskPricing {
    /// (risk, adjustment percent).
    pub scaling: RiskScaling,
    /// Factor on the interpolated adjustment.
    pub factor: f64,
    /// Lowest adjustment, percent.
    pub min_pct: f64,
    /// Highest adjustment, percent.
    pub max_pct: f64,
}

/// E1.
#[derive(Clone, PartialEq, Debug)]
pub struct EmergencySection {
    /// Rule; inert when empty.
    pub section: Section,
    /// Wait before the next signal.
    pub cooldown: Span,
    /// Cancel working orders of the instance.
    pub cancel_pending: bool,
    /// Close the position at market.
    pub close_position: bool,
}

/// `global_limits` of the document; `None` means not limited here.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StrategyLimits {
    /// Notional cap as a fraction of equity.
    pub max_position_fraction: Option<f64>,
    /// Entries below this fraction of equity are refused.
    pub min_position_fraction: Option<f64>,
    /// Notional cap.
    pub max_position: Option<Money>,
    /// Entries below this notional are refused.
    pub min_position: Option<Money>,
    /// Share of the session budget, percent.
    pub max_allocation_pct: Option<f64>,
    /// Highest leverage.
    pub max_leverage: Option<u32>,
    /// Cooldown after a normal exit.
    pub normal_cooldown: Option<Span>,
    /// Entries a UTC day.
    pub max_daily_trades: Option<u32>,
    /// Loss of the strategy in a UTC day that blocks entries, percent of day-start equity.
    pub daily_loss_pct: Option<f64>,
    /// Open or opening positions of the strategy.
    pub max_concurrent: Option<u32>,
    /// Σ notional / equity, percent.
    pub max_exposure_pct: Option<f64>,
}

/// Trailing stop.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Trailing {
    /// Best profit (price percent) that arms it.
    pub activation_pct: f64,
    /// Distance from the best price, percent.
    pub distance_pct: f64,
}

/// Break-even stop.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BreakEven {
    /// Best profit (price percent) that moves the stop.
    pub activation_pct: f64,
    /// Where to, percent beyond the entry.
    pub offset_pct: f64,
}

/// One partial exit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LadderStep {
    /// Profit (price percent) that triggers it.
    pub offset_pct: f64,
    /// Share of the opened quantity to close, percent.
    pub close_pct: f64,
}

/// What to do when ZE1 or E1 stay unknown in a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DataLoss {
    /// How long unknown.
    pub after: Span,
    /// Close at market instead of only recording it.
    pub close: bool,
}

/// When rules are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Evaluation {
    /// Entry rules are looked at no more often than this; the last value is never lost.
    pub entry_min_interval: Span,
    /// Also once a second when nothing happens. Off only for workloads that must count trades.
    pub on_clock: bool,
}
