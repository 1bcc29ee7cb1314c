//! A snapshot of a running session as the answers of the API.

use super::Look;
use super::view::{
    AccountView, BlockedView, BudgetView, ConditionView, EntriesView, EquityPointView, EquityView, FeedView,
    LimitView, OrderView, OrdersView, PositionView, PositionsView, StateView, StatesView, StopView,
    TargetView, VenuePositionView, amount,
};
use crate::domain::decimal::Decimal;
use crate::domain::decision::Guard;
use crate::domain::num::{Money, Price, without_noise};
use crate::domain::order::{Purpose, Side};
use crate::domain::strategy::StrategyDef;
use crate::domain::symbol::{SymbolId, SymbolSpec, SymbolTable};
use crate::domain::time::Timestamp;
use crate::engine::account::status::{AccountStatus, BudgetStatus};
use crate::engine::instance::status::{Blocked, InstanceStatus, OpenPosition, Target, WorkingOrder};
use crate::engine::rules::conditions::ConditionStatus;
use crate::engine::status::FeedStatus;
use crate::report::legend;
use crate::report::reason::Checked;
use crate::report::series::depth_pct;
use crate::report::statistics::CurvePoint;
use crate::service::page::PageRequest;
use crate::session::live::VenuePosition;
use crate::session::snapshot::Snapshot;

/// Which states are wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatesWanted {
    /// Only of this symbol.
    pub symbol: Option<String>,
    /// Only of this strategy.
    pub strategy: Option<String>,
    /// Which part.
    pub page: PageRequest,
}

impl Look {
    /// The account.
    pub fn account(&self) -> AccountView {
        let snapshot = &self.shown.snapshot;
        let account = &snapshot.account;
        let known = |money: Money| Some(amount(money));
        AccountView {
            head: self.head.clone(),
            currency: currency(&snapshot.table),
            initial_balance: known(account.initial),
            balance: known(account.balance),
            equity: known(account.equity),
            realised_pnl: known(account.balance - account.initial),
            open_pnl: known(account.unrealised),
            day_pnl: known(account.equity - account.day_start_equity),
            day_start_equity: known(account.day_start_equity),
            day_ends_at: account.day_end.map(time),
            margin_used: known(account.used_margin),
            exposure: known(account.exposure),
            fees: known(snapshot.fees),
            funding: known(snapshot.funding),
            peak_equity: known(account.peak_equity),
            drawdown: known(account.peak_equity - account.equity),
            drawdown_pct: Some(depth_pct(account.peak_equity, account.equity)),
            max_drawdown_pct: Some(snapshot.max_drawdown_pct),
            positions_count: Some(account.occupants),
            orders_count: Some(account.orders),
            entries: Some(entries(account)),
            budget: Some(BudgetView {
                strategy_id: None,
                allocation: account.budget_cap.map(amount),
                used: amount(account.budget_used),
                left: account.budget_cap.map(|cap| amount(cap - account.budget_used)),
            }),
            budgets: snapshot.budgets.iter().map(|status| budget(status, snapshot)).collect(),
            limits: account.limits.iter().map(limit).collect(),
            null_reason: None,
        }
    }

    /// The open positions.
    pub fn positions(&self) -> PositionsView {
        let snapshot = &self.shown.snapshot;
        PositionsView {
            head: self.head.clone(),
            currency: currency(&snapshot.table),
            total_count: snapshot.positions.len(),
            positions: snapshot.positions.iter().map(|open| position(open, snapshot)).collect(),
            at_exchange: self
                .venue_positions
                .as_ref()
                .map(|held| held.iter().map(|held| at_exchange(held, &snapshot.table)).collect()),
        }
    }

    /// The orders that have not ended.
    pub fn orders(&self) -> OrdersView {
        let snapshot = &self.shown.snapshot;
        OrdersView {
            head: self.head.clone(),
            total_count: snapshot.orders.len(),
            orders: snapshot.orders.iter().map(|working| order(working, snapshot)).collect(),
        }
    }

    /// States and feeds. A cursor is the number of an instance, which never changes.
    pub fn states(&self, wanted: &StatesWanted) -> StatesView {
        let snapshot = &self.shown.snapshot;
        let name = |symbol: SymbolId| snapshot.table.spec(symbol).name.as_str();
        let of_symbol = |symbol: SymbolId| wanted.symbol.as_ref().is_none_or(|wanted| wanted == name(symbol));
        let all = snapshot.states.iter().flatten().filter(|state| {
            let id = &snapshot.strategies[state.strategy as usize].id;
            of_symbol(state.symbol) && wanted.strategy.as_ref().is_none_or(|wanted| wanted == id)
        });
        let total_count = all.clone().count();
        let first = wanted.page.cursor.as_ref().and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        let mut rest = all.filter(|state| state.instance >= first);
        let states = rest.by_ref().take(wanted.page.limit).map(|status| state(status, snapshot)).collect();
        StatesView {
            head: self.head.clone(),
            total_count,
            next_cursor: rest.next().map(|state| state.instance.to_string()),
            states,
            feeds: snapshot
                .feeds
                .iter()
                .filter(|status| of_symbol(status.symbol))
                .map(|status| feed(status, snapshot))
                .collect(),
        }
    }

    /// The equity curve with at most `max_points` points.
    pub fn equity(&self, max_points: usize) -> EquityView {
        let snapshot = &self.shown.snapshot;
        let all = snapshot.equity.as_deref().unwrap_or_default();
        let width = all.len().div_ceil(max_points.max(1)).max(1);
        let equity: Vec<EquityPointView> = all.chunks(width).filter_map(equity_point).collect();
        EquityView {
            head: self.head.clone(),
            currency: currency(&snapshot.table),
            total_count: equity.len(),
            equity,
        }
    }
}

fn time(at: Timestamp) -> String {
    at.to_string()
}

/// Null for what is no number.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then(|| without_noise(value))
}

fn currency(table: &SymbolTable) -> Option<String> {
    table.currency().map(str::to_owned)
}

const fn direction(side: Side) -> &'static str {
    match side {
        Side::Buy => "long",
        Side::Sell => "short",
    }
}

fn entries(account: &AccountStatus) -> EntriesView {
    let reached = |guard: Guard| {
        account.limits.iter().any(|limit| limit.guard == guard && limit.value >= limit.threshold)
    };
    let day_end = account.day_end.map(time);
    let (status, until, reason) = if account.is_stopped {
        ("ended", None, Some("equity fell below the drawdown limit"))
    } else if account.is_paused {
        ("paused", None, Some("a command paused entries, or the session is being stopped"))
    } else if account.paused_until.is_some() {
        ("paused", account.paused_until.map(time), Some("too many losses in a row"))
    } else if reached(Guard::DailyTrades) {
        ("paused", day_end, Some("all entries of the day are used"))
    } else if reached(Guard::DailyLoss) {
        ("paused", day_end, Some("the loss limit of the day is reached"))
    } else {
        ("allowed", None, None)
    };
    EntriesView { status, until, reason: reason.map(str::to_owned) }
}

fn budget(status: &BudgetStatus, snapshot: &Snapshot) -> BudgetView {
    BudgetView {
        strategy_id: Some(snapshot.strategies[status.strategy as usize].id.clone()),
        allocation: status.allocation.map(amount),
        used: amount(status.used),
        left: status.left.map(amount),
    }
}

fn limit(status: &crate::engine::account::status::LimitStatus) -> LimitView {
    let unit = match status.guard {
        Guard::ConcurrentPositions | Guard::DailyTrades | Guard::ConsecutiveLosses => "count",
        _ => "percent",
    };
    LimitView { guard: status.guard.as_str(), value: finite(status.value), threshold: status.threshold, unit }
}

/// From the mark to a price, percent of the mark; positive: the price lies in the direction of `sign`.
fn distance_pct(mark: f64, price: f64, sign: i64) -> f64 {
    without_noise(100.0 * sign as f64 * (price - mark) / mark)
}

fn position(open: &OpenPosition, snapshot: &Snapshot) -> PositionView {
    let (spec, held) = (snapshot.table.spec(open.symbol), &open.position);
    let (mark, sign) = (spec.price_f64(open.mark), held.side.sign());
    let cost = spec.money(held.cost);
    PositionView {
        instance: open.instance,
        strategy_id: snapshot.strategies[open.strategy as usize].id.clone(),
        symbol: spec.name.clone(),
        side: direction(held.side),
        quantity: spec.shown_quantity(held.qty()),
        entry_price: without_noise(held.entry_price(spec)),
        mark_price: mark,
        notional: amount(spec.notional(open.mark, held.qty())),
        unrealised_pnl: amount(open.unrealised),
        unrealised_pnl_pct: without_noise(100.0 * open.unrealised.to_f64() / cost.to_f64()),
        fees: amount(held.fees),
        funding: amount(held.funding),
        margin: amount(open.margin),
        leverage: held.leverage,
        stop: open.stop.map(|(price, trigger)| StopView {
            price: spec.price_f64(price),
            trigger: trigger.as_str(),
            distance_pct: distance_pct(mark, spec.price_f64(price), -sign),
        }),
        targets: open.targets.iter().map(|target| target_view(target, spec, mark, sign)).collect(),
        liquidation_price: near_tick(open.liquidation, spec),
        liquidation_distance_pct: distance_pct(mark, open.liquidation, -sign),
        opened_at: time(held.opened_at),
        closes_at: open.closes_at.map(time),
    }
}

fn at_exchange(held: &VenuePosition, table: &SymbolTable) -> VenuePositionView {
    let spec = table.spec(held.key.symbol);
    let fact = held.told.map(|(_, fact)| fact);
    VenuePositionView {
        symbol: spec.name.clone(),
        side: if held.key.is_long { "long" } else { "short" },
        told_at: held.told.map(|(at, _)| time(at)),
        quantity: fact.map(|fact| spec.shown_quantity(fact.qty)),
        margin: fact.and_then(|fact| fact.margin).map(Decimal::to_f64),
        liquidation_price: fact.and_then(|fact| fact.liquidation).map(Decimal::to_f64),
        entry_price: spec.price_f64(held.entry),
        stop_price: held.stop.map(|price| spec.price_f64(price)),
        unprotected_since: held.unprotected_since.map(time),
    }
}

/// A computed price with four more decimals than the tick has.
fn near_tick(price: f64, spec: &SymbolSpec) -> f64 {
    let decimals = usize::from(spec.price_step.scale()) + 4;
    format!("{price:.decimals$}").parse().unwrap_or(price)
}

fn target_view(target: &Target, spec: &SymbolSpec, mark: f64, sign: i64) -> TargetView {
    let price = spec.price_f64(target.price);
    TargetView { price, close_pct: target.close_pct, distance_pct: distance_pct(mark, price, sign) }
}

fn order(working: &WorkingOrder, snapshot: &Snapshot) -> OrderView {
    let spec = snapshot.table.spec(working.symbol);
    OrderView {
        order_id: working.order.0,
        instance: working.instance,
        strategy_id: snapshot.strategies[working.strategy as usize].id.clone(),
        symbol: spec.name.clone(),
        side: working.side.as_str(),
        purpose: match working.purpose {
            Purpose::Entry => "entry",
            Purpose::Exit => "exit",
            Purpose::Emergency => "emergency",
        },
        kind: match (working.limit, working.rests) {
            (None, _) => "market",
            (Some(_), true) => "limit",
            (Some(_), false) => "limit_ioc",
        },
        limit: working.limit.map(|price| spec.price_f64(price)),
        quantity: spec.shown_quantity(working.qty),
        filled_quantity: spec.shown_quantity(working.filled),
        status: match (working.cancel_sent, working.filled.is_zero()) {
            (true, _) => "cancel_sent",
            (false, true) => "submitted",
            (false, false) => "partially_filled",
        },
        submitted_at: time(working.submitted_at),
    }
}

fn state(status: &InstanceStatus, snapshot: &Snapshot) -> StateView {
    let def = &snapshot.strategies[status.strategy as usize];
    let named = |index: &usize| def.indicators.get(*index).map(|indicator| indicator.name.clone());
    StateView {
        instance: status.instance,
        strategy_id: def.id.clone(),
        symbol: snapshot.table.spec(status.symbol).name.clone(),
        side: direction(status.side),
        state: status.state.as_str(),
        since: status.since.map(time),
        until: status.until.map(time),
        conditions: status.conditions.iter().filter_map(|found| condition(found, def)).collect(),
        warming_up: status.warming.iter().filter_map(named).collect(),
        blocked: status.blocked.as_ref().map(blocked),
    }
}

fn condition(status: &ConditionStatus, def: &StrategyDef) -> Option<ConditionView> {
    let evidence = &status.evidence;
    let checked = Checked::all(std::slice::from_ref(evidence), def).pop()?;
    let written = def.section(evidence.section).conditions();
    let hold = written.get(usize::from(evidence.condition))?.hold;
    let size = checked.threshold.map(f64::abs).filter(|size| *size > 0.0);
    Some(ConditionView {
        section: checked.section.as_str(),
        value: checked.value.ok(),
        missing: checked.value.err(),
        operator: checked.operator,
        threshold: checked.threshold,
        threshold_high: checked.threshold_high,
        met: checked.met,
        distance: status.distance.and_then(finite),
        distance_pct: status.distance.zip(size).and_then(|(distance, size)| finite(100.0 * distance / size)),
        hold_seconds: hold.seconds_f64(),
        met_since: status.met_since.map(time),
        id: checked.id,
        indicator: checked.indicator,
    })
}

fn blocked(blocked: &Blocked) -> BlockedView {
    let refusal = &blocked.refusal;
    BlockedView {
        guard: refusal.guard.as_str(),
        reason: legend::blocked(refusal.guard, refusal.value, refusal.threshold),
        value: finite(refusal.value),
        threshold: finite(refusal.threshold),
        until: blocked.until.map(time),
        until_reason: blocked.until.is_none().then(|| lasts_until(refusal.guard)),
    }
}

/// What ends a refusal that does not end at a known time.
const fn lasts_until(guard: Guard) -> &'static str {
    match guard {
        Guard::SymbolDisabled => "until the symbol is switched on",
        Guard::WarmUp => "until every indicator of the strategy has had a value",
        Guard::Emergency => "until E1 is not true any more",
        Guard::NoPrice => "until there is a price",
        Guard::SymbolLocked => "until nothing is open on the symbol",
        Guard::ConcurrentPositions | Guard::SymbolExposure | Guard::TotalExposure | Guard::Margin => {
            "until a position is closed"
        }
        Guard::Budget => "until the strategy closes a position",
        Guard::Drawdown => "for the rest of the session",
        Guard::Paused => "until entries are resumed",
        Guard::BelowMinimum | Guard::PositionNotional | Guard::Leverage => {
            "until equity, price or the session's settings allow another size"
        }
        Guard::LiquidationDistance | Guard::RiskPerTrade => "until the stop is nearer to the entry",
        Guard::Spread | Guard::Slippage | Guard::PriceBand => "until the book is better",
        Guard::DailyTrades | Guard::DailyLoss | Guard::ConsecutiveLosses | Guard::OrderRate => {
            "until some time has passed"
        }
    }
}

fn feed(status: &FeedStatus, snapshot: &Snapshot) -> FeedView {
    let spec = snapshot.table.spec(status.symbol);
    let price = |price: Price| spec.price_f64(price);
    FeedView {
        symbol: spec.name.clone(),
        last_trade_at: status.last.map(|(at, _)| time(at)),
        last_book_at: status.book_at.map(time),
        age_seconds: status.last_at().map(|at| (snapshot.at - at).seconds_f64()),
        last_price: status.last.map(|(_, last)| price(last)),
        best_bid: status.touch.map(|(bid, _)| price(bid)),
        best_ask: status.touch.map(|(_, ask)| price(ask)),
        fair_price: status.mark.map(price),
        entries_enabled: status.is_enabled,
    }
}

/// Neighbouring points as one: time of the first, equity of the last, extremes of all.
fn equity_point(points: &[CurvePoint]) -> Option<EquityPointView> {
    let (first, last) = (points.first()?, points.last()?);
    Some(EquityPointView {
        time: time(first.at),
        equity: amount(last.close),
        low: amount(points.iter().map(|point| point.low).min()?),
        high: amount(points.iter().map(|point| point.high).max()?),
        drawdown_pct: points.iter().map(|point| point.drawdown_pct).fold(0.0, f64::max),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::account::{Account, SessionConfig};
    use crate::engine::risk::RiskLimits;

    #[test]
    fn entries_wait_for_the_end_of_a_day_whose_limit_is_reached() {
        let entries_of = |trades_per_day| {
            let risk = RiskLimits { trades_per_day, ..RiskLimits::none() };
            let account = Account::new(SessionConfig { risk, ..SessionConfig::default() }, 1, 1);
            let day_end = Some(Timestamp::from_seconds(86_400));
            entries(&AccountStatus { day_end, ..account.status(Timestamp::from_seconds(60)) })
        };
        let allowed = entries_of(Some(1));
        assert_eq!((allowed.status, allowed.until), ("allowed", None));
        let used = entries_of(Some(0));
        assert_eq!((used.status, used.until.as_deref()), ("paused", Some("1970-01-02T00:00:00.000000Z")));
        assert_eq!(used.reason.as_deref(), Some("all entries of the day are used"));
    }
}
