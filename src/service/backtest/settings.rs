//! Settings of a backtest as plain values; the command line and HTTP requests are parsed into these.

use crate::domain::contract_facts::Declared;
use crate::domain::num::{Money, Rate};
use crate::domain::symbol::{DEFAULT_MAKER_FEE, DEFAULT_TAKER_FEE, SymbolId, SymbolTable};
use crate::domain::time::{Span, Timestamp};
use crate::engine::account::SessionConfig;
use crate::engine::risk::RiskLimits;
use crate::sim::{SyntheticBook, VenueConfig};

/// Lowest and highest allowed value of each setting.
pub mod bounds {
    /// Initial balance, quote currency.
    pub const INITIAL_BALANCE: (f64, f64) = (1e-6, 1e12);
    /// Replay speed: seconds of data per second of real time.
    pub const SPEED: (f64, f64) = (0.0, 1e6);
    /// Fees, percent.
    pub const FEE: (f64, f64) = (-10.0, 10.0);
    /// Slippage and assumed spread, percent.
    pub const PRICE_PART: (f64, f64) = (0.0, 50.0);
    /// Latencies, milliseconds.
    pub const LATENCY_MS: (f64, f64) = (0.0, 60_000.0);
    /// Assumed notional per book level, quote currency.
    pub const ASSUMED_DEPTH: (f64, f64) = (0.0, 1e12);
    /// Shares (such as the reject rate), percent.
    pub const SHARE: (f64, f64) = (0.0, 100.0);
    /// Stop loss, percent.
    pub const STOP_LOSS: (f64, f64) = (0.01, 100.0);
    /// Take profit, percent.
    pub const TAKE_PROFIT: (f64, f64) = (0.01, 1_000.0);
}

/// Which risk limits the session has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RiskChoice {
    /// The limits in [`RunSettings::limits`]: position, exposure, margin, daily loss, drawdown, order rate
    /// and more.
    Default,
    /// No session limits; limits in the strategy documents still apply.
    None,
}

/// Which timestamps the replay follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplayClock {
    /// Exchange time.
    Exchange,
    /// Receive time.
    Receive,
}

impl RiskChoice {
    /// As written in results and requests.
    pub const fn as_str(&self) -> &'static str {
        match self {
            RiskChoice::Default => "default",
            RiskChoice::None => "none",
        }
    }
}

impl ReplayClock {
    /// As written in results and requests.
    pub const fn as_str(&self) -> &'static str {
        match self {
            ReplayClock::Exchange => "exchange",
            ReplayClock::Receive => "receive",
        }
    }
}

/// Settings of a backtest. Money is in the quote currency; numbers lie within [`bounds`].
#[derive(Clone, PartialEq, Debug)]
pub struct RunSettings {
    /// Only these symbols; empty means all.
    pub symbols: Vec<String>,
    /// Replay starts here (inclusive).
    pub from: Option<Timestamp>,
    /// Replay ends here (exclusive).
    pub to: Option<Timestamp>,
    /// Which timestamps the replay follows.
    pub clock: ReplayClock,
    /// Seconds of data per second; 0 is as fast as possible. Does not change the result.
    pub speed: f64,
    /// Initial balance.
    pub initial_balance: f64,
    /// Maker and taker fee of every symbol, overriding contract terms.
    pub fees: Option<(Rate, Rate)>,
    /// Maker and taker fee of symbols for which neither `fees` nor contract terms give one.
    pub default_fees: (Rate, Rate),
    /// Extra slippage of every taker fill, percent.
    pub slippage_pct: f64,
    /// Delay of an order from decision to venue, milliseconds.
    pub latency_ms: f64,
    /// Delay of market data and fills from venue to engine, milliseconds.
    pub feed_latency_ms: f64,
    /// Assumed spread where no book is recorded, percent.
    pub assumed_spread_pct: f64,
    /// Assumed notional per level where no book is recorded; 0 is unlimited.
    pub assumed_depth: f64,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Share of orders rejected at random by the simulated venue, percent.
    pub reject_rate_pct: f64,
    /// Which risk limits apply.
    pub risk: RiskChoice,
    /// The limits of [`RiskChoice::Default`].
    pub limits: RiskLimits,
    /// Stop loss of strategies that define none, percent.
    pub stop_loss_pct: Option<f64>,
    /// Take profit of strategies that define none, percent.
    pub take_profit_pct: Option<f64>,
    /// Maximum notional of one position; larger entries are reduced to it.
    pub max_position: Option<Money>,
    /// Whether orders go to an exchange: then every entry has the symbol's smallest quantity.
    pub real_money: bool,
    /// Maximum notional of all strategies together.
    pub budget_cap: Option<Money>,
    /// Maximum notional of each strategy, by strategy index.
    pub allocations: Vec<Option<Money>>,
    /// Symbols of each strategy, by strategy index; `None` or a missing entry means all symbols.
    pub assigned: Vec<Option<Vec<String>>>,
    /// Whether all symbols and strategies of a source share one session and account.
    pub together: bool,
    /// Contract facts declared by the user, for those the data do not contain.
    pub declared: Declared,
    /// Bar length of the files, when declared by the user.
    pub bar: Option<Span>,
    /// Do not join consecutive files to one history.
    pub separate_files: bool,
    /// Skip and list what does not fit instead of refusing the whole run.
    pub skip_unfit: bool,
}

impl Default for RunSettings {
    fn default() -> Self {
        RunSettings {
            symbols: Vec::new(),
            from: None,
            to: None,
            clock: ReplayClock::Exchange,
            speed: 0.0,
            initial_balance: 10_000.0,
            fees: None,
            default_fees: (DEFAULT_MAKER_FEE, DEFAULT_TAKER_FEE),
            slippage_pct: 0.0,
            latency_ms: 80.0,
            feed_latency_ms: 0.0,
            assumed_spread_pct: 0.1,
            assumed_depth: 500.0,
            seed: 0,
            reject_rate_pct: 0.0,
            risk: RiskChoice::Default,
            limits: RiskLimits::default(),
            stop_loss_pct: None,
            take_profit_pct: None,
            max_position: None,
            real_money: false,
            budget_cap: None,
            allocations: Vec::new(),
            assigned: Vec::new(),
            together: false,
            declared: Declared::default(),
            bar: None,
            separate_files: false,
            skip_unfit: false,
        }
    }
}

impl RunSettings {
    /// Whether data with this first and last time reach into its time range.
    pub(super) fn reaches(&self, (first, last): (Timestamp, Timestamp)) -> bool {
        self.from.is_none_or(|from| from <= last) && self.to.is_none_or(|to| to > first)
    }

    /// The engine's session configuration for these symbols.
    pub fn session(&self, table: &SymbolTable) -> SessionConfig {
        let ids = |names: &Vec<String>| -> Vec<SymbolId> {
            names.iter().filter_map(|name| table.find(name)).collect()
        };
        SessionConfig {
            initial_balance: Money::from_f64(self.initial_balance),
            risk: match self.risk {
                RiskChoice::Default => self.limits.clone(),
                RiskChoice::None => RiskLimits::none(),
            },
            budget_cap: self.budget_cap,
            allocations: self.allocations.clone(),
            assigned: self.assigned.iter().map(|names| names.as_ref().map(ids)).collect(),
            max_position: self.max_position,
            minimum_lots: self.real_money,
            stop_loss_pct: self.stop_loss_pct,
            take_profit_pct: self.take_profit_pct,
            assumed_spread_pct: self.assumed_spread_pct,
            ..SessionConfig::default()
        }
    }

    /// The configuration of the simulated venue.
    pub fn venue(&self) -> VenueConfig {
        VenueConfig {
            order_latency: Span::from_seconds_f64(self.latency_ms / 1_000.0),
            feed_latency: Span::from_seconds_f64(self.feed_latency_ms / 1_000.0),
            slippage_pct: self.slippage_pct,
            fees: self.fees,
            synthetic: SyntheticBook {
                spread_pct: self.assumed_spread_pct,
                depth_per_level: (self.assumed_depth > 0.0).then(|| Money::from_f64(self.assumed_depth)),
            },
            reject_rate: self.reject_rate_pct / 100.0,
            seed: self.seed,
            ..VenueConfig::default()
        }
    }

    /// Settings by name for the stored result; only those that can change the result. Fees only where they
    /// are given: each symbol may have its own, which the result lists.
    pub fn named(&self) -> Vec<(String, String)> {
        let time = |at: Option<Timestamp>| at.map_or("—".to_owned(), |at| at.to_string());
        let mut settings = vec![
            ("from", time(self.from)),
            ("to", time(self.to)),
            ("initial_balance", self.initial_balance.to_string()),
            ("slippage_pct", self.slippage_pct.to_string()),
            ("latency_ms", self.latency_ms.to_string()),
            ("feed_latency_ms", self.feed_latency_ms.to_string()),
            ("assumed_spread_pct", self.assumed_spread_pct.to_string()),
            ("assumed_depth", self.assumed_depth.to_string()),
            ("seed", self.seed.to_string()),
            ("reject_rate_pct", self.reject_rate_pct.to_string()),
            ("risk", self.risk.as_str().to_owned()),
            ("clock", self.clock.as_str().to_owned()),
            ("together", self.together.to_string()),
        ];
        let amounts = [
            ("stop_loss_pct", self.stop_loss_pct.map(|pct| pct.to_string())),
            ("take_profit_pct", self.take_profit_pct.map(|pct| pct.to_string())),
            ("max_position_size", self.max_position.map(|money| money.to_string())),
            ("budget_cap", self.budget_cap.map(|money| money.to_string())),
        ];
        let fees = self.fees.map(|(maker, taker)| format!("{},{}", maker.percent(), taker.percent()));
        settings.extend(fees.map(|fees| ("fees_pct", fees)));
        settings.extend(self.bar.map(|bar| ("bar_seconds", bar.seconds_f64().to_string())));
        settings.extend(self.declared.named());
        settings.extend(amounts.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))));
        if self.allocations.iter().any(Option::is_some) {
            let shown: Vec<String> = self
                .allocations
                .iter()
                .map(|limit| limit.map_or("—".to_owned(), |limit| limit.to_string()))
                .collect();
            settings.push(("allocations", shown.join(",")));
        }
        settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
