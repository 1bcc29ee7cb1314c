//! A parsed and validated strategy, as the engine runs it. Its JSON form is in `document`.

use crate::domain::decision::SectionName;
use crate::domain::num::Money;
use crate::domain::time::Span;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A strategy ready to run. Validation has checked its bounds, references and consistency.
#[derive(Clone, PartialEq, Debug)]
pub struct StrategyDef {
    /// Slug; does not change when the strategy is edited.
    pub id: String,
    /// Increases with every edit.
    pub version: u32,
    /// Display name.
    pub name: String,
    /// Sides it trades; `Both` runs as two instances.
    pub direction: Direction,
    /// Higher priorities are evaluated and served first (0–100).
    pub priority: u8,
    /// Distinct market indicators; conditions refer to them by index. Names are those of the document.
    pub indicators: Vec<NamedIndicator>,
    /// Signal detection.
    pub s1: Section,
    /// Signal cancellation.
    pub o1: CancelSection,
    /// Entry.
    pub z1: EntrySection,
    /// Close (normal exit).
    pub ze1: CloseSection,
    /// Emergency exit.
    pub e1: EmergencySection,
    /// Limits of this strategy; the tighter of these and the session's apply.
    pub limits: StrategyLimits,
    /// Trailing stop.
    pub trailing: Option<Trailing>,
    /// Break-even stop.
    pub break_even: Option<BreakEven>,
    /// Partial exits, nearest to the entry first.
    pub ladder: Vec<LadderStep>,
    /// Maximum time in a position.
    pub max_hold: Option<Span>,
    /// Reaction when the rules that guard a position have no data.
    pub on_data_loss: Option<DataLoss>,
    /// How often rules are evaluated.
    pub evaluation: Evaluation,
}

impl StrategyDef {
    /// The section with this name.
    pub fn section(&self, name: SectionName) -> &Section {
        match name {
            SectionName::S1 => &self.s1,
            SectionName::O1 => &self.o1.section,
            SectionName::Z1 => &self.z1.section,
            SectionName::Ze1 => &self.ze1.section,
            SectionName::E1 => &self.e1.section,
        }
    }

    /// Whether any rule, price or scaling reads the position, the signal or the session.
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

    /// The document's name of an operand.
    pub fn operand_name(&self, operand: Operand) -> &str {
        match operand {
            Operand::Market(index) => self.indicators.get(index).map_or("?", |indicator| &indicator.name),
            Operand::Own(own) => own.as_str(),
        }
    }
}

/// Sides that a strategy trades.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Opens with a buy.
    Long,
    /// Opens with a sell.
    Short,
    /// Both, as one instance each.
    Both,
}

/// An indicator with its name in the document.
#[derive(Clone, PartialEq, Debug)]
pub struct NamedIndicator {
    /// Name in the document, or the type name.
    pub name: String,
    /// Indicator type and parameters.
    pub spec: Arc<IndicatorSpec>,
}

/// An indicator type with all its parameters. Equal specs are computed only once per symbol.
#[derive(Clone, PartialEq, PartialOrd, Debug)]
pub struct IndicatorSpec {
    /// Type name in upper case, as in the registry.
    pub kind: String,
    /// Every parameter of the type, defaults filled in.
    pub params: BTreeMap<String, ParamValue>,
}

/// Value of a parameter.
#[derive(Clone, PartialEq, PartialOrd, Debug)]
pub enum ParamValue {
    /// Number.
    Number(f64),
    /// Boolean.
    Flag(bool),
    /// One of a closed list of words.
    Word(String),
    /// List of (t1, t3, d) windows in seconds.
    Windows(Vec<[f64; 3]>),
    /// Another indicator, whose values are the input.
    Indicator(Box<IndicatorSpec>),
}

impl IndicatorSpec {
    /// A number parameter; NaN when absent, which validation rules out.
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

    /// A boolean parameter; false when absent.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.params.get(name), Some(ParamValue::Flag(true)))
    }

    /// A word parameter; empty when absent.
    pub fn word(&self, name: &str) -> &str {
        match self.params.get(name) {
            Some(ParamValue::Word(word)) => word,
            _ => "",
        }
    }
}

/// What a condition reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// Index in [`StrategyDef::indicators`].
    Market(usize),
    /// A value of the instance or session.
    Own(OwnValue),
}

/// Values of an instance's position and signal, and of its session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OwnValue {
    /// Price move since entry in percent; positive is profit.
    UnrealizedPnlPct {
        /// Uses the last trade instead of the best price on the closing side.
        last: bool,
        /// Deducts the fees paid and the fee of closing.
        net: bool,
    },
    /// Loss since entry in percent; zero when in profit.
    LossPct,
    /// `UnrealizedPnlPct` times leverage.
    RoePct,
    /// Distance of the last price from the best price since entry, percent.
    DrawdownFromPeakPct,
    /// Seconds since S1 became true.
    SignalAgeSeconds,
    /// Seconds since the first fill.
    PositionAgeSeconds,
    /// Distance of the last price from the liquidation price, percent of the last price.
    LiquidationDistancePct,
    /// Session equity relative to its start, percent.
    SessionPnlPct,
    /// Open or opening positions of the session.
    OpenPositions,
    /// Σ notional of the session relative to its equity, percent.
    PortfolioExposurePct,
}

impl OwnValue {
    /// Type name in documents.
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

/// Comparison operator. `==` and `!=` use a tolerance of 1e-9·max(1, |right value|).
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
    /// Operator in documents.
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

/// Right side of a condition.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Threshold {
    /// A number.
    Value(f64),
    /// Between two bounds, both included; the condition's comparison is not used.
    Between(f64, f64),
    /// Another value × multiplier + offset.
    Other {
        /// The other value.
        operand: Operand,
        /// Factor.
        multiplier: f64,
        /// Added after the factor.
        offset: f64,
    },
}

/// Whether a condition counts by level or only around a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edge {
    /// Level: while it is true.
    None,
    /// For the edge window after it became true, while it stays true.
    Rising,
    /// For the edge window after it became false, while it stays false.
    Falling,
}

/// One condition.
#[derive(Clone, PartialEq, Debug)]
pub struct Condition {
    /// Unique id in the document.
    pub id: String,
    /// Left side.
    pub operand: Operand,
    /// Comparison.
    pub comparison: Comparison,
    /// Right side.
    pub threshold: Threshold,
    /// How long it must have been true.
    pub hold: Span,
    /// Edge instead of level.
    pub edge: Edge,
    /// How long it counts after the edge.
    pub edge_window: Span,
    /// A value whose newest input is older than this counts as missing. When absent, only a stale book does.
    pub max_age: Option<Span>,
}

/// Logical operator of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Logic {
    /// All.
    And,
    /// Any.
    Or,
}

/// Conditions and groups combined by one operator.
#[derive(Clone, PartialEq, Debug)]
pub struct Group {
    /// Operator.
    pub logic: Logic,
    /// Whether the result is negated.
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

/// Steps that must become true in order.
#[derive(Clone, PartialEq, Debug)]
pub struct Sequence {
    /// Two or more steps.
    pub steps: Vec<Group>,
    /// Maximum time from one step to the next.
    pub max_gap: Span,
    /// Maximum time from the first step to the last.
    pub max_total: Span,
}

/// The rule of a section: a group and an optional sequence.
#[derive(Clone, PartialEq, Debug)]
pub struct Section {
    /// Conditions. An empty rule is true in Z1 and false in O1, ZE1 and E1.
    pub root: Group,
    /// Sequence; combined with the group by AND.
    pub sequence: Option<Sequence>,
}

impl Section {
    /// All conditions in document order, with those of the sequence's steps last.
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

    /// Whether the section has no rule.
    pub fn is_empty(&self) -> bool {
        self.root.children.is_empty() && self.sequence.is_none()
    }
}

/// O1: signal cancellation.
#[derive(Clone, PartialEq, Debug)]
pub struct CancelSection {
    /// Rule.
    pub section: Section,
    /// Age at which the signal is dropped regardless of the rule.
    pub timeout: Option<Span>,
    /// Cooldown before the next signal.
    pub cooldown: Span,
}

/// Z1: entry.
#[derive(Clone, PartialEq, Debug)]
pub struct EntrySection {
    /// Rule; when empty, the entry follows as soon as S1 is true.
    pub section: Section,
    /// Position size.
    pub size: PositionSize,
    /// Reference price; when absent, the best ask for a buy and the best bid for a sell.
    pub price: Option<Operand>,
    /// Order type of the entry.
    pub order: EntryOrder,
    /// Time after which the entry order is cancelled.
    pub timeout: Option<Span>,
    /// Stop loss.
    pub stop: Option<PriceOffset>,
    /// Take profit.
    pub target: Option<PriceOffset>,
    /// Leverage of the position.
    pub leverage: u32,
}

/// Order type of an entry.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum EntryOrder {
    /// Market.
    Market,
    /// Limit order resting at the reference price.
    Limit,
    /// Immediate-or-cancel limit at reference × (1 ± slippage).
    LimitIoc {
        /// Maximum slippage, percent.
        max_slippage_pct: f64,
    },
}

/// Size of a position.
#[derive(Clone, PartialEq, Debug)]
pub struct PositionSize {
    /// Amount before scaling.
    pub amount: SizeAmount,
    /// Whether the amount is margin rather than notional: notional = amount × leverage.
    pub margin_basis: bool,
    /// Scaling by a risk value; 100 leaves the amount unchanged.
    pub risk_scaling: Option<RiskScaling>,
}

/// The amount before scaling.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum SizeAmount {
    /// Amount in the quote currency.
    Fixed(Money),
    /// Percent of session equity.
    PercentOfEquity(f64),
    /// In base units.
    Quantity(f64),
}

/// A percentage as a function of a risk value: linear between the points, constant beyond them.
#[derive(Clone, PartialEq, Debug)]
pub struct RiskScaling {
    /// Risk value from 0 to 100.
    pub operand: Operand,
    /// (risk, percent) by increasing risk; at least two points.
    pub points: Vec<(f64, f64)>,
}

/// A stop or target as an offset from a base price.
#[derive(Clone, PartialEq, Debug)]
pub struct PriceOffset {
    /// Percent of the base price, not negative.
    pub offset_pct: f64,
    /// Base price of the offset.
    pub base: OffsetBase,
    /// Scaling of the offset by a risk value.
    pub risk_scaling: Option<RiskScaling>,
}

/// Base price of a stop or target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OffsetBase {
    /// Average fill price.
    Entry,
    /// Indicator value, read once at the first fill.
    Indicator(Operand),
    /// Reference price of the entry order.
    Reference,
}

/// ZE1: close.
#[derive(Clone, PartialEq, Debug)]
pub struct CloseSection {
    /// Rule; never true when empty.
    pub section: Section,
    /// Base of the close price; when absent, the best price on the closing side.
    pub price: Option<Operand>,
    /// Risk-dependent limit price; when absent, the position is closed at market.
    pub pricing: Option<RiskPricing>,
    /// Time after which a resting close order is replaced by a market order.
    pub close_timeout: Span,
}

/// Risk-dependent close price.
#[derive(Clone, PartialEq, Debug)]
pub struct RiskPricing {
    /// (risk, adjustment in percent).
    pub scaling: RiskScaling,
    /// Factor applied to the interpolated adjustment.
    pub factor: f64,
    /// Lowest adjustment, percent.
    pub min_pct: f64,
    /// Highest adjustment, percent.
    pub max_pct: f64,
}

/// E1: emergency exit.
#[derive(Clone, PartialEq, Debug)]
pub struct EmergencySection {
    /// Rule; never true when empty.
    pub section: Section,
    /// Cooldown before the next signal.
    pub cooldown: Span,
    /// Cancel the working entry order. Closing the position cancels all orders anyway.
    pub cancel_pending: bool,
    /// Close the position at market.
    pub close_position: bool,
}

/// `global_limits` of the document; `None` means no limit.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StrategyLimits {
    /// Maximum notional as a fraction of equity.
    pub max_position_fraction: Option<f64>,
    /// Entries below this fraction of equity are refused.
    pub min_position_fraction: Option<f64>,
    /// Maximum notional.
    pub max_position: Option<Money>,
    /// Entries below this notional are refused.
    pub min_position: Option<Money>,
    /// Share of the session budget, percent.
    pub max_allocation_pct: Option<f64>,
    /// Maximum leverage.
    pub max_leverage: Option<u32>,
    /// Cooldown after a normal exit.
    pub normal_cooldown: Option<Span>,
    /// Maximum entries per UTC day.
    pub max_daily_trades: Option<u32>,
    /// Loss of the strategy in a UTC day that blocks entries, percent of equity at the start of the day.
    pub daily_loss_pct: Option<f64>,
    /// Maximum open or opening positions of the strategy.
    pub max_concurrent: Option<u32>,
    /// Maximum Σ notional of the session, percent of equity.
    pub max_exposure_pct: Option<f64>,
}

/// Trailing stop.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Trailing {
    /// Best profit that activates it, percent of the entry price.
    pub activation_pct: f64,
    /// Distance from the best price, percent.
    pub distance_pct: f64,
}

/// Break-even stop: moves the stop to the entry once.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BreakEven {
    /// Best profit that moves the stop, percent of the entry price.
    pub activation_pct: f64,
    /// New stop, percent beyond the entry in the direction of profit.
    pub offset_pct: f64,
}

/// One partial exit of a ladder.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LadderStep {
    /// Profit that triggers it, percent of the entry price.
    pub offset_pct: f64,
    /// Share of the opened quantity to close, percent.
    pub close_pct: f64,
}

/// Reaction when ZE1 or E1 stays unknown while a position is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DataLoss {
    /// How long the rule must have been unknown.
    pub after: Span,
    /// Close at market instead of only recording a warning.
    pub close: bool,
}

/// How often rules are evaluated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Evaluation {
    /// Minimum time between two evaluations of the entry rules; events in between cause one more at its end.
    pub entry_min_interval: Span,
    /// Evaluate once a second even without events. Disabled only by workloads that count trades.
    pub on_clock: bool,
}
