//! Explains the short names in results: sections, exit reasons, and limits that block entries.

use crate::domain::decision::{Guard, SectionName, State, Trigger};
use crate::domain::order::Purpose;
use crate::report::format as f;

/// What a state means.
pub const fn state(state: State) -> &'static str {
    match state {
        State::Inactive => "idle",
        State::Monitoring => "watching for a signal",
        State::SignalDetected => "signal seen, waiting for the entry rule",
        State::EntryEvaluation => "entering",
        State::PositionActive => "in a position",
        State::CloseOrderEvaluation => "closing",
        // Stops, limits, requests and the end of the data come here too; only E1 is an emergency.
        State::EmergencyExit => "leaving at the market",
        State::Exited => "flat, cooling down",
        State::SignalCancelled => "signal dropped, cooling down",
        State::Halted => "halted",
    }
}

/// What an order is for.
pub const fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Entry => "entry",
        Purpose::Exit => "exit",
        Purpose::Emergency => "market exit",
    }
}

/// What a section does.
pub const fn section(section: SectionName) -> &'static str {
    match section {
        SectionName::S1 => "signal",
        SectionName::O1 => "signal cancelled",
        SectionName::Z1 => "entry",
        SectionName::Ze1 => "close by rule",
        SectionName::E1 => "emergency exit",
    }
}

/// What the columns of excursions show.
pub const EXCURSIONS: &str = "MAE and MFE: worst and best traded price, not fair price, while the position was open, against its entry";

/// All sections in one line.
pub fn sections() -> String {
    let all = [SectionName::S1, SectionName::O1, SectionName::Z1, SectionName::Ze1, SectionName::E1];
    all.map(|name| format!("{} {}", name.as_str(), section(name))).join(", ")
}

/// What a trigger means.
pub const fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Section(name) => section(name),
        Trigger::SignalTimeout => "the signal became too old",
        Trigger::EntryTimeout => "the entry order was not filled in time",
        Trigger::StopLoss => "stop loss",
        Trigger::TrailingStop => "trailing stop",
        Trigger::BreakEven => "break-even stop",
        Trigger::TakeProfit => "take profit",
        Trigger::Ladder => "step of the exit ladder",
        Trigger::MaxHold => "longest holding time",
        Trigger::DataLoss => "no data to guard the position",
        Trigger::Risk => "risk limit of the session",
        Trigger::Command => "closed on request",
        Trigger::Fill => "order filled",
        Trigger::Reject => "order rejected by the exchange",
        Trigger::Liquidation => "liquidation",
        Trigger::Cooldown => "cooldown over",
        Trigger::Start => "start",
        Trigger::End => "end of the data",
        Trigger::PermanentGuard => "a limit that stays until the next day",
    }
}

/// The given triggers in one line, each explained once.
pub fn triggers(found: impl IntoIterator<Item = Trigger>) -> String {
    let mut explained: Vec<String> = Vec::new();
    for one in found {
        let text = format!("{} {}", one.as_str(), trigger(one));
        if !explained.contains(&text) {
            explained.push(text);
        }
    }
    explained.join(", ")
}

/// What a limit measured and allowed when it blocked an entry.
pub fn blocked(guard: Guard, measured: f64, allowed: f64) -> String {
    let (m, a) = (f::measured(measured), f::measured(allowed));
    match guard {
        Guard::SymbolDisabled => "the symbol is switched off".to_owned(),
        Guard::WarmUp => format!("{m} indicators had no value yet"),
        Guard::Emergency => "the emergency exit (E1) was true at the entry".to_owned(),
        Guard::NoPrice => "no price was known to size the order by".to_owned(),
        Guard::SymbolLocked => "another position or order was open on the symbol".to_owned(),
        Guard::ConcurrentPositions => format!("{m} of {a} allowed positions were open"),
        Guard::DailyTrades => format!("{m} of {a} entries of the day were used"),
        Guard::DailyLoss => format!("the day's loss was {m} %, {a} % is allowed"),
        Guard::Drawdown => format!("equity was {m} % below its peak, {a} % is allowed"),
        Guard::ConsecutiveLosses => {
            format!("paused after losses in a row, for another {}", f::seconds(measured))
        }
        Guard::Paused => "entries were paused".to_owned(),
        Guard::Budget => format!("the budget left was {m}, the entry needed {a}"),
        Guard::BelowMinimum => format!("the size came to a notional of {m}, at least {a} is needed"),
        Guard::PositionNotional => format!("the position would be {m} % of equity, {a} % is allowed"),
        Guard::SymbolExposure => format!("{m} % of equity would be in the symbol, {a} % is allowed"),
        Guard::TotalExposure => format!("{m} % of equity would be in positions, {a} % is allowed"),
        Guard::Margin => format!("{m} % of equity would be used as margin, {a} % is allowed"),
        Guard::Spread => format!("the spread was {m} %, {a} % is allowed"),
        Guard::Slippage => {
            format!("the book allowed {m} lots within the slippage limit, the exchange takes {a} or more")
        }
        Guard::PriceBand => {
            format!("the order price was {m} % from the middle of the book, {a} % is allowed")
        }
        Guard::LiquidationDistance => {
            format!("liquidation was {m} % away, {a} % or more is required by the stop")
        }
        Guard::Leverage => format!("leverage {m}, {a} is allowed"),
        Guard::OrderRate => format!("{m} entries in the last second or minute, {a} are allowed"),
        Guard::RiskPerTrade => format!("the risk per trade allowed {m} lots, the exchange takes {a} or more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_told_as_the_time_that_is_left() {
        assert_eq!(
            blocked(Guard::ConsecutiveLosses, 1_673.9, 0.0),
            "paused after losses in a row, for another 27m 54s"
        );
        assert_eq!(blocked(Guard::Spread, 1.5, 1.0), "the spread was 1.5 %, 1 % is allowed");
    }

    #[test]
    fn each_word_is_explained_once() {
        let found = [Trigger::StopLoss, Trigger::Section(SectionName::E1), Trigger::StopLoss];
        assert_eq!(triggers(found), "SL stop loss, E1 emergency exit");
        assert_eq!(
            sections(),
            "S1 signal, O1 signal cancelled, Z1 entry, ZE1 close by rule, E1 emergency exit"
        );
    }
}
