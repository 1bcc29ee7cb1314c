//! What the engine decided, and on what: the record that explains every trade and every trade not taken.

use crate::domain::num::{Price, Qty};
use crate::domain::order::{OrderId, Purpose, RejectReason, Side};
use crate::domain::symbol::SymbolId;
use crate::domain::time::Timestamp;

/// States of an instance (strategy-engine 2.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum State {
    /// No orders, no position, not watching.
    Inactive,
    /// Waits for S1.
    Monitoring,
    /// S1 seen; waits for Z1 or O1.
    SignalDetected,
    /// Entry order working.
    EntryEvaluation,
    /// In a position.
    PositionActive,
    /// Normal exit working.
    CloseOrderEvaluation,
    /// Market exit working.
    EmergencyExit,
    /// Flat after a position, cooling down.
    Exited,
    /// Flat after a dropped signal, cooling down.
    SignalCancelled,
    /// What the venue holds is unknown; no new entries.
    Halted,
}

impl State {
    /// The name the API shows.
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

/// The five sections of a document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SectionName {
    /// Signal.
    S1,
    /// Cancel.
    O1,
    /// Entry.
    Z1,
    /// Close.
    Ze1,
    /// Emergency.
    E1,
}

impl SectionName {
    /// As documents and results write it.
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

/// What moved an instance from one state to another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Trigger {
    /// A section's rule.
    Section(SectionName),
    /// The signal got too old.
    SignalTimeout,
    /// The entry order got too old.
    EntryTimeout,
    /// Fixed or indicator stop.
    StopLoss,
    /// Trailing stop.
    TrailingStop,
    /// Stop moved to the entry.
    BreakEven,
    /// Target.
    TakeProfit,
    /// A ladder step closed the rest.
    Ladder,
    /// Longest holding time.
    MaxHold,
    /// No data to guard the position.
    DataLoss,
    /// A risk limit closed it.
    Risk,
    /// Somebody asked for it.
    Command,
    /// An order filled.
    Fill,
    /// An order was refused by the venue.
    Reject,
    /// The venue liquidated it.
    Liquidation,
    /// A cooldown is over.
    Cooldown,
    /// The session started the instance.
    Start,
    /// The recording ended.
    End,
    /// Limits that cannot change until tomorrow refused the entry.
    PermanentGuard,
}

impl Trigger {
    /// The word that records, tables and results use.
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

/// What refused an entry that the rules wanted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Guard {
    /// The symbol is switched off.
    SymbolDisabled,
    /// Not every indicator of the strategy has been defined yet.
    WarmUp,
    /// E1 is true now.
    Emergency,
    /// No price to size by.
    NoPrice,
    /// Another instance holds or opens a position on the symbol.
    SymbolLocked,
    /// Positions of the session or strategy.
    ConcurrentPositions,
    /// Entries today.
    DailyTrades,
    /// Loss today.
    DailyLoss,
    /// Drawdown from the peak.
    Drawdown,
    /// Paused after losses in a row.
    ConsecutiveLosses,
    /// Session paused.
    Paused,
    /// Budget of the strategy.
    Budget,
    /// Size after all caps is below the minimum.
    BelowMinimum,
    /// Notional of one position.
    PositionNotional,
    /// Σ notional in one symbol.
    SymbolExposure,
    /// Σ notional.
    TotalExposure,
    /// Used margin.
    Margin,
    /// Spread too wide.
    Spread,
    /// Expected slippage too large even for the smallest size.
    Slippage,
    /// Order price too far from mid.
    PriceBand,
    /// Liquidation nearer than twice the stop.
    LiquidationDistance,
    /// Leverage above the cap.
    Leverage,
    /// Too many orders in a second or minute.
    OrderRate,
    /// Loss at the stop larger than allowed even for the smallest size.
    RiskPerTrade,
}

impl Guard {
    /// The word that records, tables and results use.
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

    /// Whether the guard cannot open again before the signal is gone: the instance cools down instead of retrying.
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

/// One thing the engine did, in the order it did it. Together they are the session's canonical decisions.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Decision {
    /// Event time.
    pub at: Timestamp,
    /// Which instance (index in the session).
    pub instance: u32,
    /// Symbol.
    pub symbol: SymbolId,
    /// What.
    pub kind: DecisionKind,
    /// Best bid then.
    pub bid: Option<Price>,
    /// Best ask then.
    pub ask: Option<Price>,
    /// Last trade price then.
    pub last: Option<Price>,
    /// How many [`Evidence`] entries belong to it.
    pub evidence: u16,
}

/// What the engine did.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum DecisionKind {
    /// A state change.
    Transition {
        /// Before.
        from: State,
        /// After.
        to: State,
        /// Why.
        trigger: Trigger,
    },
    /// An entry the rules wanted was refused; recorded once per guard and signal.
    Refused {
        /// By what.
        guard: Guard,
        /// Measured.
        value: f64,
        /// Allowed.
        threshold: f64,
    },
    /// An order was submitted.
    Submitted {
        /// Number.
        order: OrderId,
        /// Direction.
        side: Side,
        /// Quantity.
        qty: Qty,
        /// Limit price, if limited.
        limit: Option<Price>,
        /// For what.
        purpose: Purpose,
    },
    /// A cancel was sent.
    CancelSent {
        /// Number.
        order: OrderId,
    },
    /// An order filled, in part or in full.
    Filled {
        /// Number.
        order: OrderId,
        /// Price.
        price: Price,
        /// Quantity.
        qty: Qty,
    },
    /// An order was rejected.
    Rejected {
        /// Number.
        order: OrderId,
        /// Why.
        reason: RejectReason,
    },
    /// The protective stop was set or moved.
    StopMoved {
        /// Trigger price.
        price: Price,
        /// By what.
        trigger: Trigger,
    },
    /// Something the user should know that changes no state.
    Warning(Warning),
}

/// Something the user should know.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Warning {
    /// The risk value was missing; size not scaled.
    RiskValueMissing,
    /// The stop's indicator was missing or on the wrong side; offset from the entry used.
    StopFellBack,
    /// The target's indicator was missing or on the wrong side; offset from the entry used.
    TargetFellBack,
    /// Rules that guard the position have had no data for too long.
    DataLoss,
}

impl Warning {
    /// The word that records use.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Warning::RiskValueMissing => "risk_value_missing",
            Warning::StopFellBack => "stop_fell_back",
            Warning::TargetFellBack => "target_fell_back",
            Warning::DataLoss => "data_loss",
        }
    }
}

/// A condition's value at a decision.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Evidence {
    /// Section.
    pub section: SectionName,
    /// Place of the condition in the section, in document order.
    pub condition: u16,
    /// Its left value; `Err` carries the reason word.
    pub value: Result<f64, &'static str>,
    /// Its right value (the lower bound of a range).
    pub threshold: Option<f64>,
    /// Whether it was met; `None` is unknown.
    pub met: Option<bool>,
}
