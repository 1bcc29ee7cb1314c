//! The read model as clients see it: account, positions, orders, states and equity of one moment.
//!
//! Money and prices are numbers, the double nearest to the exact decimal, in the session's currency.
//! Invariant: what is not known is null, with a reason beside it.

use crate::domain::num::Money;
use crate::service::sessions::run::state::SessionState;
use serde::{Deserialize, Serialize};

/// Which moment an answer is about.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Head {
    /// Session.
    pub session_id: String,
    /// `backtest`, `collect`, `paper` or `live`.
    pub session_type: String,
    /// State of the session.
    pub status: SessionState,
    /// Number of the last event before this moment: `GET /sessions/{id}/events?after=` goes on from here.
    pub seq: u64,
    /// Events before it that were only counted, because the stream was full; they have no number.
    pub events_not_kept: u64,
    /// Event time of the moment, RFC 3339; `None` before the first event.
    pub as_of: Option<String>,
    /// Why it is not the moment of the question; `None` when it is.
    pub stale_reason: Option<String>,
}

/// `GET /sessions/{id}/account`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct AccountView {
    /// The moment.
    #[serde(flatten)]
    pub head: Head,
    /// Currency of all amounts; `None` when the symbols name none or several.
    pub currency: Option<String>,
    /// Cash at the start.
    pub initial_balance: Option<f64>,
    /// Cash now, after fees and funding.
    pub balance: Option<f64>,
    /// Balance plus the open profit.
    pub equity: Option<f64>,
    /// Balance minus the initial balance.
    pub realised_pnl: Option<f64>,
    /// Profit of open positions at their marks, before the costs of closing them.
    pub open_pnl: Option<f64>,
    /// Equity minus that at the start of the UTC day.
    pub day_pnl: Option<f64>,
    /// Equity at the start of the UTC day.
    pub day_start_equity: Option<f64>,
    /// End of that day.
    pub day_ends_at: Option<String>,
    /// Margin of open positions and entry orders.
    pub margin_used: Option<f64>,
    /// Σ |position| at the marks.
    pub exposure: Option<f64>,
    /// Fees paid so far.
    pub fees: Option<f64>,
    /// Funding received so far; negative when paid.
    pub funding: Option<f64>,
    /// Highest equity so far.
    pub peak_equity: Option<f64>,
    /// Peak minus equity.
    pub drawdown: Option<f64>,
    /// The same, percent of the peak.
    pub drawdown_pct: Option<f64>,
    /// The deepest so far, percent of its peak.
    pub max_drawdown_pct: Option<f64>,
    /// Open or opening positions.
    pub positions_count: Option<u32>,
    /// Orders sent so far.
    pub orders_count: Option<u64>,
    /// Whether entries are possible in the session, and why not.
    pub entries: Option<EntriesView>,
    /// The budget of all strategies.
    pub budget: Option<BudgetView>,
    /// The budget of each strategy.
    pub budgets: Vec<BudgetView>,
    /// The session's limits, each with what is used of it.
    pub limits: Vec<LimitView>,
    /// Why fields are null.
    pub null_reason: Option<String>,
}

/// Whether a session may enter positions.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct EntriesView {
    /// `allowed`, `paused` or `ended`.
    pub status: &'static str,
    /// When they are allowed again by themselves; `None`: not at a time that is known.
    pub until: Option<String>,
    /// Why not, as a sentence; `None` when they are allowed.
    pub reason: Option<String>,
}

/// A budget, as notional.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BudgetView {
    /// Strategy; `None` for that of the session.
    pub strategy_id: Option<String>,
    /// What it may use at most; `None` without a limit of its own.
    pub allocation: Option<f64>,
    /// What it holds or opens now.
    pub used: f64,
    /// What it may still open, by whichever limit comes first; `None` without any.
    pub left: Option<f64>,
}

/// A limit of the session.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LimitView {
    /// Its name, as in refusals.
    pub guard: &'static str,
    /// Used of it.
    pub value: Option<f64>,
    /// Allowed.
    pub threshold: f64,
    /// `percent` or `count`.
    pub unit: &'static str,
}

/// `GET /sessions/{id}/positions`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PositionsView {
    /// The moment.
    #[serde(flatten)]
    pub head: Head,
    /// Currency of all amounts.
    pub currency: Option<String>,
    /// How many.
    pub total_count: usize,
    /// Open positions, by instance.
    pub positions: Vec<PositionView>,
    /// The positions of a live session at the exchange, by symbol and side; `None` for every other session,
    /// and while the account is not known.
    pub at_exchange: Option<Vec<VenuePositionView>>,
}

/// A position at the exchange, which may belong to several instances. It may be ahead of the session's own or
/// behind it for a moment.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct VenuePositionView {
    /// Symbol.
    pub symbol: String,
    /// `long` or `short`.
    pub side: &'static str,
    /// When the exchange said quantity, margin and liquidation price; `None`: it has not.
    pub told_at: Option<String>,
    /// Base units; `None`: the exchange has not said.
    pub quantity: Option<f64>,
    /// Margin that backs it; `None`: the exchange has not said.
    pub margin: Option<f64>,
    /// Where the exchange liquidates it; `None`: it names no price.
    pub liquidation_price: Option<f64>,
    /// What they cost on average by the executions, whole ticks.
    pub entry_price: f64,
    /// Price of the stop that was seen at the exchange; `None`: there is none, or it stands between two
    /// ticks.
    pub stop_price: Option<f64>,
    /// Since when it has no stop there; `None`: it has one.
    pub unprotected_since: Option<String>,
}

/// An open position.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PositionView {
    /// Instance that holds it, as in events.
    pub instance: u32,
    /// Strategy.
    pub strategy_id: String,
    /// Symbol.
    pub symbol: String,
    /// `long` or `short`.
    pub side: &'static str,
    /// Base units still open.
    pub quantity: f64,
    /// Average price of all opening fills.
    pub entry_price: f64,
    /// Price it is valued at.
    pub mark_price: f64,
    /// Value at the mark.
    pub notional: f64,
    /// Profit at the mark, before the costs of closing.
    pub unrealised_pnl: f64,
    /// The same, percent of the cost of what is open.
    pub unrealised_pnl_pct: f64,
    /// Fees paid so far.
    pub fees: f64,
    /// Funding received so far.
    pub funding: f64,
    /// Margin it uses.
    pub margin: f64,
    /// Leverage.
    pub leverage: u32,
    /// The stop; `None`: it has none.
    pub stop: Option<StopView>,
    /// Prices at which it takes its profit, nearest first.
    pub targets: Vec<TargetView>,
    /// Price at which the venue closes it.
    pub liquidation_price: f64,
    /// From the mark to there, percent of the mark.
    pub liquidation_distance_pct: f64,
    /// Time of the first fill.
    pub opened_at: String,
    /// When it is closed at the latest; `None`: no longest holding time.
    pub closes_at: Option<String>,
}

/// A stop.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StopView {
    /// Price.
    pub price: f64,
    /// What set it, as in events: `SL`, `TRAIL` or `BREAK_EVEN`.
    pub trigger: &'static str,
    /// From the mark to there, percent of the mark; negative: beyond it.
    pub distance_pct: f64,
}

/// A price at which profit is taken.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TargetView {
    /// Price.
    pub price: f64,
    /// Share of the opened quantity that is closed there, percent; `None`: all that is left.
    pub close_pct: Option<f64>,
    /// From the mark to there, percent of the mark.
    pub distance_pct: f64,
}

/// `GET /sessions/{id}/orders`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct OrdersView {
    /// The moment.
    #[serde(flatten)]
    pub head: Head,
    /// How many.
    pub total_count: usize,
    /// Orders that have not ended, by instance.
    pub orders: Vec<OrderView>,
}

/// An order that has not ended.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct OrderView {
    /// Number, as in events.
    pub order_id: u64,
    /// Instance, as in events.
    pub instance: u32,
    /// Strategy.
    pub strategy_id: String,
    /// Symbol.
    pub symbol: String,
    /// `buy` or `sell`.
    pub side: &'static str,
    /// `entry`, `exit` or `emergency`: an exit at the market that waits for nothing.
    pub purpose: &'static str,
    /// `market`, `limit` (rests) or `limit_ioc`.
    pub kind: &'static str,
    /// Limit price; `None` for a market order.
    pub limit: Option<f64>,
    /// Base units.
    pub quantity: f64,
    /// Filled so far.
    pub filled_quantity: f64,
    /// `submitted`, `partially_filled` or `cancel_sent`.
    pub status: &'static str,
    /// When it was sent.
    pub submitted_at: String,
}

/// `GET /sessions/{id}/states`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StatesView {
    /// The moment.
    #[serde(flatten)]
    pub head: Head,
    /// Instances in all.
    pub total_count: usize,
    /// Cursor of the next part; `None` in the last.
    pub next_cursor: Option<String>,
    /// The instances: strategy × symbol × side.
    pub states: Vec<StateView>,
    /// What was last received of each symbol.
    pub feeds: Vec<FeedView>,
}

/// State of an instance.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StateView {
    /// Instance, as in events.
    pub instance: u32,
    /// Strategy.
    pub strategy_id: String,
    /// Symbol.
    pub symbol: String,
    /// `long` or `short`.
    pub side: &'static str,
    /// The state, as in events.
    pub state: &'static str,
    /// Since when; `None` before the first market event.
    pub since: Option<String>,
    /// When it ends by itself, at the latest: cooldown, timeout, longest holding time.
    pub until: Option<String>,
    /// The conditions that it checks in this state.
    pub conditions: Vec<ConditionView>,
    /// Indicators that have had no value yet: entries wait for them.
    pub warming_up: Vec<String>,
    /// Why an entry would be refused now; `None`: it would not be, or a position or order is open.
    pub blocked: Option<BlockedView>,
}

/// A condition and how far it is from being met.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ConditionView {
    /// Its id in the strategy.
    pub id: String,
    /// Its section.
    pub section: &'static str,
    /// Name of the indicator or value.
    pub indicator: String,
    /// The value; `None`: see `missing`.
    pub value: Option<f64>,
    /// Why there is no value.
    pub missing: Option<&'static str>,
    /// Comparison.
    pub operator: &'static str,
    /// Threshold, or the lower bound of a range; `None` when it is a value that is missing.
    pub threshold: Option<f64>,
    /// Upper bound of a range.
    pub threshold_high: Option<f64>,
    /// Whether it is met now; `None`: unknown.
    pub met: Option<bool>,
    /// How far the value must still move, in its own unit; 0 or less: met, by this margin. `None` without a
    /// value and for `!=`.
    pub distance: Option<f64>,
    /// The same, percent of the threshold's size; `None` for a threshold of 0 too.
    pub distance_pct: Option<f64>,
    /// How long it must be met; 0: a moment.
    pub hold_seconds: f64,
    /// Since when it has been met, where that counts.
    pub met_since: Option<String>,
}

/// Why an entry would be refused.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BlockedView {
    /// The check, as in events.
    pub guard: &'static str,
    /// As a sentence, with its numbers.
    pub reason: String,
    /// Measured value.
    pub value: Option<f64>,
    /// Allowed value.
    pub threshold: Option<f64>,
    /// When it ends by itself, at the latest.
    pub until: Option<String>,
    /// What it waits for when that is no time.
    pub until_reason: Option<&'static str>,
}

/// What was last received of a symbol.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct FeedView {
    /// Symbol.
    pub symbol: String,
    /// Time of the last trade, or end of the last bar.
    pub last_trade_at: Option<String>,
    /// Time of the last change of the book; `None`: none since the last gap.
    pub last_book_at: Option<String>,
    /// From the later of both to the moment; `None`: nothing was received yet.
    pub age_seconds: Option<f64>,
    /// Last price.
    pub last_price: Option<f64>,
    /// Best bid of a fresh book.
    pub best_bid: Option<f64>,
    /// Best ask of a fresh book.
    pub best_ask: Option<f64>,
    /// Fair price, where one was received within the last minute.
    pub fair_price: Option<f64>,
    /// Whether the symbol is switched on.
    pub entries_enabled: bool,
}

/// `GET /sessions/{id}/equity`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct EquityView {
    /// The moment.
    #[serde(flatten)]
    pub head: Head,
    /// Currency of all amounts.
    pub currency: Option<String>,
    /// How many points.
    pub total_count: usize,
    /// Points in the order of time; a value holds until the next.
    pub equity: Vec<EquityPointView>,
}

/// A point of the equity curve.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EquityPointView {
    /// Time of the first change.
    pub time: String,
    /// Last equity.
    pub equity: f64,
    /// Lowest.
    pub low: f64,
    /// Highest.
    pub high: f64,
    /// Deepest drawdown, percent.
    pub drawdown_pct: f64,
}

/// The double nearest to an exact amount.
pub(super) fn amount(money: Money) -> f64 {
    money.shown()
}
