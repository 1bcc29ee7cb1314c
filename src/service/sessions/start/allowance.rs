//! What a configuration allows a session: read from it, and to and from the journal.

use super::request::SessionKind;
use crate::config::{Config, Live, Trading};
use crate::domain::num::Money;
use crate::domain::time::Span;
use crate::engine::risk::RiskLimits;
use crate::service::backtest::{RiskChoice, RunSettings};
use crate::service::market::VENUE;
use crate::service::sessions::Sessions;
use crate::service::settings::risk_limits;
use crate::session::allowance::{Allowance, RealMoney};
use crate::session::live::Caps;
use crate::store::records::{AllowanceV1, ControlKindV1, RealMoneyV1, RiskV1, SessionControlV1};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Sessions {
    /// What a session is allowed at most now.
    pub(in crate::service::sessions) fn allowed_now(
        &self,
        allowed: &Allowance,
        symbols: &[String],
    ) -> Allowance {
        let names = symbols.iter().map(String::as_str);
        allowed.tightened(&of(&self.trading.load(), names))
    }

    /// What a configuration no longer allows, running sessions see at their next batch of events. What it
    /// allows in addition is for sessions that start from now on.
    pub fn apply_config(&self, config: &Config) {
        self.alerts.apply(&config.alerts.exec, config.alerts.timeout_s);
        self.market.keep_free(config.recording.min_free_mib);
        // No start between the two: it would miss both.
        let _gate = self.gate();
        self.trading.store(Arc::new(config.trading.clone()));
        self.running().values().for_each(|session| session.tighten(&config.trading));
    }
}

/// What a configuration allows any session on these symbols.
pub(in crate::service::sessions) fn of<'n>(
    trading: &Trading,
    symbols: impl Iterator<Item = &'n str>,
) -> Allowance {
    let symbols: BTreeSet<String> = symbols.map(str::to_owned).collect();
    let disabled = symbols.iter().filter(|name| trading.disabled_symbols.contains(name));
    Allowance {
        disabled: disabled.cloned().collect(),
        risk: Some(risk_limits(&trading.risk)),
        real_money: Some(real_money(&trading.live, &symbols)),
    }
}

fn real_money(live: &Live, symbols: &BTreeSet<String>) -> RealMoney {
    let money = |amount: Option<f64>| amount.map_or(Money::ZERO, Money::from_f64);
    RealMoney {
        symbols: symbols.iter().filter(|name| live.enabled && live.symbols.contains(name)).cloned().collect(),
        caps: Caps { account: money(live.account_cap), day: money(live.day_cap) },
    }
}

/// What a session is allowed that starts with a configuration.
pub(super) fn at_start(
    trading: &Trading,
    kind: SessionKind,
    settings: &RunSettings,
    symbols: &[String],
) -> Allowance {
    let all = of(trading, symbols.iter().map(String::as_str));
    Allowance {
        risk: all.risk.filter(|_| settings.risk == RiskChoice::Default),
        real_money: all.real_money.filter(|_| kind == SessionKind::Live),
        ..all
    }
}

/// What a session is allowed behind its journal.
pub(in crate::service::sessions) fn behind(at_start: &Allowance, controls: &[SessionControlV1]) -> Allowance {
    let allowed = controls.iter().filter_map(|control| match &control.kind {
        ControlKindV1::Allowance(allowed) => Some(allowance(allowed)),
        _ => None,
    });
    allowed.fold(at_start.clone(), |before, next| before.tightened(&next))
}

/// As it is journaled.
pub(in crate::service::sessions) fn record(allowed: &Allowance) -> AllowanceV1 {
    let Allowance { disabled, risk, real_money } = allowed;
    AllowanceV1 {
        disabled: disabled.iter().cloned().collect(),
        risk: risk.as_ref().map(risk_record),
        real_money: real_money.as_ref().map(|RealMoney { symbols, caps }| RealMoneyV1 {
            venue: VENUE.to_owned(),
            symbols: symbols.iter().cloned().collect(),
            account_cap: caps.account.0,
            day_cap: caps.day.0,
        }),
    }
}

/// From the journal.
pub(in crate::service::sessions) fn allowance(record: &AllowanceV1) -> Allowance {
    let AllowanceV1 { disabled, risk, real_money } = record;
    Allowance {
        disabled: disabled.iter().cloned().collect(),
        risk: risk.as_ref().map(limits),
        real_money: real_money.as_ref().map(|RealMoneyV1 { symbols, account_cap, day_cap, .. }| RealMoney {
            symbols: symbols.iter().cloned().collect(),
            caps: Caps { account: Money(*account_cap), day: Money(*day_cap) },
        }),
    }
}

fn risk_record(risk: &RiskLimits) -> RiskV1 {
    RiskV1 {
        max_position_pct: risk.max_position_pct,
        risk_per_trade_pct: risk.risk_per_trade_pct,
        max_concurrent: risk.max_concurrent,
        symbol_exposure_pct: risk.symbol_exposure_pct,
        total_exposure_pct: risk.total_exposure_pct,
        margin_pct: risk.margin_pct,
        daily_loss_pct: risk.daily_loss_pct,
        drawdown_pct: risk.drawdown_pct,
        consecutive_losses: risk.consecutive_losses,
        loss_pause_ns: risk.loss_pause.nanos(),
        trades_per_day: risk.trades_per_day,
        orders_per_second: risk.orders_per_second,
        orders_per_minute: risk.orders_per_minute,
        max_leverage: risk.max_leverage,
        max_spread_pct: risk.max_spread_pct,
        max_slippage_pct: risk.max_slippage_pct,
        max_depth_share_pct: risk.max_depth_share_pct,
        price_band_pct: risk.price_band_pct,
        min_liquidation_to_stop: risk.min_liquidation_to_stop,
        exclusive_symbols: risk.exclusive_symbols,
    }
}

fn limits(risk: &RiskV1) -> RiskLimits {
    RiskLimits {
        max_position_pct: risk.max_position_pct,
        risk_per_trade_pct: risk.risk_per_trade_pct,
        max_concurrent: risk.max_concurrent,
        symbol_exposure_pct: risk.symbol_exposure_pct,
        total_exposure_pct: risk.total_exposure_pct,
        margin_pct: risk.margin_pct,
        daily_loss_pct: risk.daily_loss_pct,
        drawdown_pct: risk.drawdown_pct,
        consecutive_losses: risk.consecutive_losses,
        loss_pause: Span::from_nanos(risk.loss_pause_ns),
        trades_per_day: risk.trades_per_day,
        orders_per_second: risk.orders_per_second,
        orders_per_minute: risk.orders_per_minute,
        max_leverage: risk.max_leverage,
        max_spread_pct: risk.max_spread_pct,
        max_slippage_pct: risk.max_slippage_pct,
        max_depth_share_pct: risk.max_depth_share_pct,
        price_band_pct: risk.price_band_pct,
        min_liquidation_to_stop: risk.min_liquidation_to_stop,
        exclusive_symbols: risk.exclusive_symbols,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::codec::{decode, encode};

    fn trading() -> Trading {
        let live = Live {
            enabled: true,
            symbols: vec!["A_USDT".to_owned(), "B_USDT".to_owned()],
            account_cap: Some(5.0),
            day_cap: None,
        };
        Trading {
            disabled_symbols: vec!["B_USDT".to_owned(), "X_USDT".to_owned()],
            live,
            ..Trading::default()
        }
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_session_is_allowed_what_concerns_it() {
        let symbols = ["A_USDT".to_owned(), "B_USDT".to_owned(), "C_USDT".to_owned()];
        let settings = RunSettings { limits: RiskLimits::none(), ..RunSettings::default() };
        let live = at_start(&trading(), SessionKind::Live, &settings, &symbols);
        assert_eq!(live.disabled, names(&["B_USDT"]));
        let money = live.real_money.clone().unwrap();
        assert_eq!((money.symbols, money.caps.day), (names(&["A_USDT", "B_USDT"]), Money::ZERO));
        assert_eq!(live.risk, Some(RiskLimits::default()));
        let off = Trading { live: Live { enabled: false, ..trading().live }, ..trading() };
        let tighter = live.tightened(&of(&off, symbols.iter().map(String::as_str)));
        assert_eq!(tighter.real_money.unwrap().symbols, names(&[]));
        let unlimited = RunSettings { risk: RiskChoice::None, ..settings };
        let paper = at_start(&trading(), SessionKind::Paper, &unlimited, &symbols);
        assert_eq!((paper.risk, paper.real_money), (None, None));
    }

    #[test]
    fn the_journal_has_all_of_it() {
        let symbols = ["A_USDT".to_owned()];
        let begun = at_start(&trading(), SessionKind::Live, &RunSettings::default(), &symbols);
        let risk = RiskLimits {
            max_concurrent: Some(2),
            loss_pause: Span::from_seconds(7_200),
            exclusive_symbols: false,
            ..RiskLimits::default()
        };
        let tighter = begun.tightened(&Allowance { risk: Some(risk), ..begun.clone() });
        assert_ne!(tighter, begun);
        let control =
            SessionControlV1 { at_ns: 1, kind: ControlKindV1::Allowance(Box::new(record(&tighter))) };
        let kept = decode::<SessionControlV1>(&encode(&control).unwrap()).unwrap();
        assert_eq!(behind(&begun, &[kept]), tighter);
    }
}
