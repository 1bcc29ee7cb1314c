//! How a backtest is run, in plain values: command line and requests are read into this.

use crate::domain::contract_facts::Declared;
use crate::domain::num::{Money, Rate};
use crate::domain::symbol::{DEFAULT_MAKER_FEE, DEFAULT_TAKER_FEE, SymbolId, SymbolTable};
use crate::domain::time::{Span, Timestamp};
use crate::engine::account::SessionConfig;
use crate::engine::risk::RiskLimits;
use crate::sim::{SyntheticBook, VenueConfig};

/// Lowest and highest value of a setting.
pub mod bounds {
    /// Money at the start.
    pub const INITIAL_BALANCE: (f64, f64) = (1e-6, 1e12);
    /// Seconds of data per second.
    pub const SPEED: (f64, f64) = (0.0, 1e6);
    /// Fees, percent.
    pub const FEE: (f64, f64) = (-10.0, 10.0);
    /// Slippage and assumed spread, percent.
    pub const PRICE_PART: (f64, f64) = (0.0, 50.0);
    /// Latencies, milliseconds.
    pub const LATENCY_MS: (f64, f64) = (0.0, 60_000.0);
    /// Value on each assumed level.
    pub const ASSUMED_DEPTH: (f64, f64) = (0.0, 1e12);
    /// Shares, percent.
    pub const SHARE: (f64, f64) = (0.0, 100.0);
    /// Stop, percent.
    pub const STOP_LOSS: (f64, f64) = (0.01, 100.0);
    /// Target, percent.
    pub const TAKE_PROFIT: (f64, f64) = (0.01, 1_000.0);
}

/// Risk limits by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RiskChoice {
    /// Those of the configuration, else of the reference: position, exposure, margin, day loss, drawdown, order rate and
    /// more.
    Default,
    /// No session limits; those of the documents hold.
    None,
}

/// Which time stamps the replay follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplayClock {
    /// The exchange's.
    Exchange,
    /// The recorder's.
    Receive,
}

impl RiskChoice {
    /// As results and requests write it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            RiskChoice::Default => "default",
            RiskChoice::None => "none",
        }
    }
}

impl ReplayClock {
    /// As results and requests write it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            ReplayClock::Exchange => "exchange",
            ReplayClock::Receive => "receive",
        }
    }
}

/// How a backtest is run. Money is in the quote currency; values lie within [`bounds`].
#[derive(Clone, PartialEq, Debug)]
pub struct RunSettings {
    /// Only these symbols of the data; empty: all.
    pub symbols: Vec<String>,
    /// First moment.
    pub from: Option<Timestamp>,
    /// First moment that is no longer replayed.
    pub to: Option<Timestamp>,
    /// Which time stamps the replay follows.
    pub clock: ReplayClock,
    /// Seconds of data per second; 0 is as fast as possible. Never changes a result.
    pub speed: f64,
    /// Money at the start.
    pub initial_balance: f64,
    /// Maker and taker fee for every symbol, when given.
    pub fees: Option<(Rate, Rate)>,
    /// Maker and taker fee where neither `fees` nor a recorded contract says them.
    pub default_fees: (Rate, Rate),
    /// Extra slippage of every taking fill, percent.
    pub slippage_pct: f64,
    /// From decision to venue, milliseconds.
    pub latency_ms: f64,
    /// From venue to decision, milliseconds.
    pub feed_latency_ms: f64,
    /// Spread assumed where no book is recorded, percent.
    pub assumed_spread_pct: f64,
    /// Value assumed on each level where no book is recorded; 0 is unlimited.
    pub assumed_depth: f64,
    /// Seed of every chance.
    pub seed: u64,
    /// Share of orders the venue refuses at random, percent.
    pub reject_rate_pct: f64,
    /// Whether the session has limits.
    pub risk: RiskChoice,
    /// Those limits.
    pub limits: RiskLimits,
    /// Stop for strategies that have none, percent.
    pub stop_loss_pct: Option<f64>,
    /// Target for strategies that have none, percent.
    pub take_profit_pct: Option<f64>,
    /// Notional of one position; larger entries shrink.
    pub max_position: Option<Money>,
    /// Notional all strategies together may hold.
    pub budget_cap: Option<Money>,
    /// Notional each strategy may hold, by its place.
    pub allocations: Vec<Option<Money>>,
    /// Symbols of each strategy by its place; `None` or no entry: all symbols.
    pub assigned: Vec<Option<Vec<String>>>,
    /// All symbols and strategies of a source in one session with one account.
    pub together: bool,
    /// What is declared of the symbols' contracts, where the data do not say it.
    pub declared: Declared,
    /// Length of a bar in files, when it is given.
    pub bar: Option<Span>,
    /// Files that follow each other are not joined to one history.
    pub separate_files: bool,
    /// What does not fit is left out and named, instead of refusing everything.
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
    /// The session as the engine takes it, over these symbols.
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
            stop_loss_pct: self.stop_loss_pct,
            take_profit_pct: self.take_profit_pct,
            assumed_spread_pct: self.assumed_spread_pct,
            ..SessionConfig::default()
        }
    }

    /// The venue as the simulation takes it.
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

    /// Settings by name, for the snapshot of a result. Only what can change a result.
    pub fn named(&self) -> Vec<(String, String)> {
        let (maker, taker) = self.fees.unwrap_or(self.default_fees);
        let time = |at: Option<Timestamp>| at.map_or("—".to_owned(), |at| at.to_string());
        let mut settings = vec![
            ("from", time(self.from)),
            ("to", time(self.to)),
            ("initial_balance", self.initial_balance.to_string()),
            ("fees_pct", format!("{},{}", maker.percent(), taker.percent())),
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
