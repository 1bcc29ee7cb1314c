//! Decision records: what the engine did and the condition values behind it, including entries it refused.

use crate::domain::exit_level::ExitLevel;
use crate::domain::num::{Money, Price, Qty};
use crate::domain::order::{OrderId, Purpose, RejectReason, Side};
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;

/// States of a strategy instance.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum State {
    /// No orders, no position, not watching for signals.
    Inactive,
    /// Flat; waits for S1 to become true.
    Monitoring,
    /// S1 was true; waits for Z1 (entry) or O1 (cancel).
    SignalDetected,
    /// Entry order working.
    EntryEvaluation,
    /// Position open, no exit order working.
    PositionActive,
    /// Normal exit under way.
    CloseOrderEvaluation,
    /// Market exit under way.
    EmergencyExit,
    /// Flat after a position; cooling down.
    Exited,
    /// Flat after a dropped signal; cooling down.
    SignalCancelled,
    /// The venue's position is unknown; no new entries.
    Halted,
}

impl State {
    /// Name in the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            State::Inactive => "INACTIVE",
            State::Monitoring => "MONITORING",
            State::SignalDetected => "SIGNAL_DETECTED",
            State::EntryEvaluation => "ENTRY_EVALUATION",
            State::PositionActive => "POSITION_ACTIVE",
            State::CloseOrderEvaluation => "CLOSE_ORDER_EVALUATION",
            State::EmergencyExit => "EMERGENCY_EXIT",
            State::Exited => "EXITED",
            State::SignalCancelled => "SIGNAL_CANCELLED",
            State::Halted => "HALTED",
        }
    }
}

/// The five sections of a strategy document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SectionName {
    /// Signal detection.
    S1,
    /// Signal cancellation.
    O1,
    /// Entry.
    Z1,
    /// Close (normal exit).
    Ze1,
    /// Emergency exit.
    E1,
}

impl SectionName {
    /// Name in documents and results.
    pub const fn as_str(&self) -> &'static str {
        match self {
            SectionName::S1 => "S1",
            SectionName::O1 => "O1",
            SectionName::Z1 => "Z1",
            SectionName::Ze1 => "ZE1",
            SectionName::E1 => "E1",
        }
    }
}

/// Cause of a state change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Trigger {
    /// The rule of a section.
    Section(SectionName),
    /// The signal timed out.
    SignalTimeout,
    /// The entry order timed out.
    EntryTimeout,
    /// Fixed or indicator stop.
    StopLoss,
    /// Trailing stop.
    TrailingStop,
    /// Break-even stop: the stop moved to the entry.
    BreakEven,
    /// Take-profit target.
    TakeProfit,
    /// A ladder step.
    Ladder,
    /// Maximum holding time.
    MaxHold,
    /// The rules that guard the position had no data.
    DataLoss,
    /// A risk limit closed the position.
    Risk,
    /// A user command.
    Command,
    /// An order filled.
    Fill,
    /// The venue rejected an order.
    Reject,
    /// The venue liquidated the position.
    Liquidation,
    /// The cooldown ended.
    Cooldown,
    /// The session started the instance.
    Start,
    /// The data ended.
    End,
    /// A guard that cannot clear in time ([`Guard::is_permanent`]) refused the entry.
    PermanentGuard,
}

impl Trigger {
    /// Whether it is a price that was met: a stop, a target, a ladder step or the liquidation price.
    pub const fn is_level(self) -> bool {
        matches!(
            self,
            Trigger::StopLoss
                | Trigger::TrailingStop
                | Trigger::BreakEven
                | Trigger::TakeProfit
                | Trigger::Ladder
                | Trigger::Liquidation
        )
    }

    /// Name in records, tables and results.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Trigger::Section(section) => section.as_str(),
            Trigger::SignalTimeout => "SIGNAL_TIMEOUT",
            Trigger::EntryTimeout => "ENTRY_TIMEOUT",
            Trigger::StopLoss => "SL",
            Trigger::TrailingStop => "TRAIL",
            Trigger::BreakEven => "BREAK_EVEN",
            Trigger::TakeProfit => "TP",
            Trigger::Ladder => "LADDER",
            Trigger::MaxHold => "TIME",
            Trigger::DataLoss => "DATA",
            Trigger::Risk => "RISK",
            Trigger::Command => "COMMAND",
            Trigger::Fill => "FILL",
            Trigger::Reject => "REJECT",
            Trigger::Liquidation => "LIQ",
            Trigger::Cooldown => "COOLDOWN",
            Trigger::Start => "START",
            Trigger::End => "END",
            Trigger::PermanentGuard => "GUARD",
        }
    }
}

/// The check that refused an entry after Z1 was true.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Guard {
    /// The symbol is disabled.
    SymbolDisabled,
    /// An indicator of the strategy has not had a value yet.
    WarmUp,
    /// E1 is true now.
    Emergency,
    /// There is no price to size the order by.
    NoPrice,
    /// Another instance holds or opens a position on the symbol.
    SymbolLocked,
    /// Too many open or opening positions in the session or strategy.
    ConcurrentPositions,
    /// Too many entries in the UTC day.
    DailyTrades,
    /// The loss of the UTC day is too large.
    DailyLoss,
    /// The drawdown from the equity peak is too large.
    Drawdown,
    /// Paused after consecutive losses.
    ConsecutiveLosses,
    /// The session is paused.
    Paused,
    /// No budget is left for the strategy.
    Budget,
    /// The size after all caps is below the minimum.
    BelowMinimum,
    /// The notional of the position is too large.
    PositionNotional,
    /// Σ notional of the symbol is too large.
    SymbolExposure,
    /// Σ notional of the session is too large.
    TotalExposure,
    /// Too much margin would be used.
    Margin,
    /// The spread is too wide.
    Spread,
    /// The expected slippage is too large even for the smallest size.
    Slippage,
    /// The order price is too far from mid.
    PriceBand,
    /// Liquidation is closer than the configured multiple of the stop distance.
    LiquidationDistance,
    /// The leverage is above the limit.
    Leverage,
    /// Too many entries within a second or a minute.
    OrderRate,
    /// The loss at the stop is too large even for the smallest size.
    RiskPerTrade,
}

impl Guard {
    /// Name in records, tables and results.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Guard::SymbolDisabled => "symbol_disabled",
            Guard::WarmUp => "warm_up",
            Guard::Emergency => "emergency_condition",
            Guard::NoPrice => "no_price",
            Guard::SymbolLocked => "symbol_locked",
            Guard::ConcurrentPositions => "max_concurrent_positions",
            Guard::DailyTrades => "max_daily_trades",
            Guard::DailyLoss => "daily_loss_limit",
            Guard::Drawdown => "max_drawdown",
            Guard::ConsecutiveLosses => "consecutive_losses",
            Guard::Paused => "paused",
            Guard::Budget => "budget",
            Guard::BelowMinimum => "below_min_volume",
            Guard::PositionNotional => "max_position_notional",
            Guard::SymbolExposure => "symbol_exposure",
            Guard::TotalExposure => "total_exposure",
            Guard::Margin => "margin_utilisation",
            Guard::Spread => "max_spread",
            Guard::Slippage => "max_slippage",
            Guard::PriceBand => "price_band",
            Guard::LiquidationDistance => "liquidation_distance",
            Guard::Leverage => "max_leverage",
            Guard::OrderRate => "order_rate",
            Guard::RiskPerTrade => "risk_per_trade",
        }
    }

    /// Whether retrying is pointless while the signal lasts: the instance drops the signal and cools down
    /// instead.
    pub const fn is_permanent(self) -> bool {
        matches!(
            self,
            Guard::DailyTrades
                | Guard::DailyLoss
                | Guard::Drawdown
                | Guard::BelowMinimum
                | Guard::Leverage
                | Guard::LiquidationDistance
        )
    }
}

/// One thing the engine did. In order, they are the session's canonical record of decisions.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Decision {
    /// Event time.
    pub at: Timestamp,
    /// Instance (index in the session).
    pub instance: u32,
    /// Symbol.
    pub symbol: SymbolId,
    /// What the engine did.
    pub kind: DecisionKind,
    /// Best bid at that time.
    pub bid: Option<Price>,
    /// Best ask at that time.
    pub ask: Option<Price>,
    /// Last trade price at that time.
    pub last: Option<Price>,
    /// Number of [`Evidence`] entries that belong to it.
    pub evidence: u16,
}

/// Kind of a decision.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum DecisionKind {
    /// A state change.
    Transition {
        /// State before.
        from: State,
        /// State after.
        to: State,
        /// Cause.
        trigger: Trigger,
        /// The level whose price ended the position or a part of it; `None` for any other cause.
        level: Option<ExitLevel>,
    },
    /// An entry was refused after Z1 was true; recorded once per guard and signal.
    Refused {
        /// The check that refused it.
        guard: Guard,
        /// Measured value.
        value: f64,
        /// Allowed value.
        threshold: f64,
    },
    /// An order was submitted.
    Submitted {
        /// Order number.
        order: OrderId,
        /// Direction.
        side: Side,
        /// Quantity.
        qty: Qty,
        /// Limit price, for limit orders.
        limit: Option<Price>,
        /// Purpose.
        purpose: Purpose,
    },
    /// A cancel request was sent.
    CancelSent {
        /// Order number.
        order: OrderId,
    },
    /// An order filled, in part or in full.
    Filled {
        /// Order number.
        order: OrderId,
        /// Price.
        price: Price,
        /// Quantity.
        qty: Qty,
        /// All that has filled of the order; `None` where none of ours closed the position.
        cumulative: Option<Qty>,
        /// As [`crate::domain::order::Fill::execution`].
        execution: Option<(u64, Money)>,
    },
    /// An order was rejected.
    Rejected {
        /// Order number.
        order: OrderId,
        /// Why.
        reason: RejectReason,
    },
    /// The protective stop was set or moved.
    StopMoved {
        /// Trigger price.
        price: Price,
        /// What set or moved it.
        trigger: Trigger,
    },
    /// A warning for the user; the state does not change.
    Warning(Warning),
}

/// A warning for the user.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Warning {
    /// The risk value was missing; the size or offset was not scaled.
    RiskValueMissing,
    /// The stop's base was missing or on the wrong side; the offset from the entry is used.
    StopFellBack,
    /// The target's base was missing or on the wrong side; the offset from the entry is used.
    TargetFellBack,
    /// The rules that guard the position have had no data for too long.
    DataLoss,
}

impl Warning {
    /// Name in records.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Warning::RiskValueMissing => "risk_value_missing",
            Warning::StopFellBack => "stop_fell_back",
            Warning::TargetFellBack => "target_fell_back",
            Warning::DataLoss => "data_loss",
        }
    }
}

/// The value of a condition at a decision.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Evidence {
    /// Section.
    pub section: SectionName,
    /// Index of the condition in the section, in document order.
    pub condition: u16,
    /// Left value; `Err` holds the reason why it is missing.
    pub value: Result<f64, &'static str>,
    /// Right value (the lower bound of a range).
    pub threshold: Option<f64>,
    /// Whether the condition was met; `None` when unknown.
    pub met: Option<bool>,
}
