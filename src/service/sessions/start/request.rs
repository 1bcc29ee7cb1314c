//! What a start request says, validated by itself: every problem at once, before anything is looked up.

use super::fields::{Fields, Problems, names};
use crate::config::Config;
use crate::domain::num::{Money, Rate};
use crate::domain::record::StreamKind;
use crate::domain::symbol_name;
use crate::domain::time::{Span, Timestamp};
use crate::json::{at, nearest};
use crate::limits::{REQUEST_NAMES, REQUEST_TEXT_BYTES};
use crate::service::backtest::{ReplayClock, RiskChoice, RunSettings, bounds};
use crate::service::settings::risk_limits;
use crate::service::{Refusal, RefusalKind, problems_text};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a session does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionKind {
    /// Records market data.
    Collect,
    /// Replays a recording.
    Backtest,
    /// Trades a market on paper.
    Paper,
    /// Trades.
    Live,
}

impl SessionKind {
    /// All kinds with the words of the API.
    pub const ALL: [(SessionKind, &'static str); 4] = [
        (SessionKind::Collect, "collect"),
        (SessionKind::Backtest, "backtest"),
        (SessionKind::Paper, "paper"),
        (SessionKind::Live, "live"),
    ];

    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == *self).map_or("", |(_, word)| word)
    }
}

/// A strategy that is asked for.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::service::sessions) struct StrategyWish {
    /// Id or exact name.
    pub name: String,
    /// Symbols it is to run on; `None`: all of the session.
    pub symbols: Option<Vec<String>>,
    /// Share of the budget.
    pub allocation: Option<Money>,
    /// Where the request names it.
    pub path: String,
}

/// A start request that makes sense by itself.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::service::sessions) struct StartRequest {
    pub kind: SessionKind,
    /// Symbols named in the list or for a strategy, each once; empty when none is.
    pub symbols: Vec<String>,
    pub strategies: Vec<StrategyWish>,
    /// Recording to replay.
    pub recording: Option<String>,
    /// All but symbols and what is known by strategy.
    pub settings: RunSettings,
    /// How long a collect session lasts; `None`: until it is stopped.
    pub duration: Option<Span>,
    /// What a collect session records.
    pub data_types: Vec<StreamKind>,
    /// What was said and means nothing for this kind of session.
    pub ignored: Vec<&'static str>,
    pub replace_existing: bool,
    pub idempotent: bool,
    /// What a live session is called, and the same again where somebody means it.
    pub session_name: Option<String>,
    pub confirm_live: Option<String>,
}

/// Judges a request by itself: the first thing [`crate::service::sessions::Sessions::start`] does.
///
/// # Errors
/// `invalid_session_type`, `invalid_request`, `budget_cap_exceeded`, with every problem.
pub fn validate(body: &Value, config: &Config) -> Result<(), Refusal> {
    read(body, config).map(drop)
}

/// Reads a request.
///
/// # Errors
/// `invalid_session_type`, `invalid_request`, `budget_cap_exceeded`, with every problem.
pub(super) fn read(body: &Value, config: &Config) -> Result<StartRequest, Refusal> {
    let problems = Problems::default();
    let mut fields = Fields::of(body, "", &problems);
    let kind = kind(&mut fields, &problems);
    let mut symbols =
        fields.get("symbols").map(|list| plain(names(list, "/symbols", &problems))).unwrap_or_default();
    let mut strategies = strategies(&mut fields, &problems);
    let idempotent = fields.flag("idempotent").unwrap_or(false);
    let mut read = ConfigPart::new(config);
    if let Some(part) = fields.object("config") {
        read.read(part, &mut strategies, &problems);
    }
    fields.end();
    join_symbols(&mut symbols, &strategies, &problems);
    let most = config.limits.max_symbols as usize;
    if symbols.len() > most {
        problems.add("/symbols", format!("names {} symbols, at most {most} are allowed", symbols.len()));
    }
    match kind {
        Some(SessionKind::Backtest) if read.recording.is_none() => {
            problems.add(
                "/config/session_id",
                "is missing: name the recording to replay (GET /api/data-collection/sessions)",
            );
        }
        Some(SessionKind::Backtest) | None => {}
        Some(_) => {
            if symbols.is_empty() {
                symbols.clone_from(&config.trading.default_symbols);
            }
            check_names(&symbols, &problems);
        }
    }
    if kind.is_some_and(|kind| kind != SessionKind::Collect) && strategies.is_empty() {
        problems.add("/strategy_config", "names no strategy: write {\"strategies\": [\"pump_v2\"]}");
    }
    let Some(kind) = kind else { return Err(refused("invalid_session_type", problems)) };
    if let Some(over) = read.over_budget {
        let only = problems.are_none();
        problems.add("/config/budget/allocations", over.message());
        if only {
            return Err(over.refusal());
        }
    }
    if !problems.are_none() {
        return Err(refused("invalid_request", problems));
    }
    let ConfigPart { recording, mut settings, duration, data_types, replace_existing, .. } = read;
    let (session_name, confirm_live) = (read.session_name, read.confirm_live);
    if kind == SessionKind::Live {
        settings.limits.exclusive_symbols = true;
        settings.risk = RiskChoice::Default;
        settings.real_money = true;
    }
    let mut ignored = Vec::new();
    if kind != SessionKind::Backtest {
        ignored.extend(recording.is_some().then_some("config.session_id is for backtests and was not used"));
        ignored.extend(
            (settings.speed > 0.0).then_some("config.acceleration_factor is for backtests and was not used"),
        );
    }
    Ok(StartRequest {
        kind,
        symbols,
        strategies,
        recording,
        settings,
        duration,
        data_types,
        ignored,
        replace_existing,
        idempotent,
        session_name,
        confirm_live,
    })
}

/// A refusal with all problems; its sentence tells as many of them as fit.
pub(in crate::service::sessions) fn refused(code: &'static str, problems: Problems) -> Refusal {
    let problems = problems.into_vec();
    Refusal::invalid(code, problems_text(&problems), problems)
}

fn kind(fields: &mut Fields<'_, '_>, problems: &Problems) -> Option<SessionKind> {
    let words: Vec<&str> = SessionKind::ALL.iter().map(|(_, word)| *word).collect();
    let one_of = words.join(", ");
    match fields.get("session_type") {
        None => problems.add("/session_type", format!("is missing: one of {one_of}")),
        Some(value) => {
            let asked = value.as_str();
            if let Some((kind, _)) = SessionKind::ALL.iter().find(|(_, word)| Some(*word) == asked) {
                return Some(*kind);
            }
            let near = asked
                .and_then(|asked| nearest(asked, words))
                .map(|near| format!("; did you mean \"{near}\"?"));
            problems.add("/session_type", format!("is not one of {one_of}{}", near.unwrap_or_default()));
        }
    }
    None
}

/// The strategies of `strategy_config`, or of `selected_strategies`.
fn strategies(fields: &mut Fields<'_, '_>, problems: &Problems) -> Vec<StrategyWish> {
    let wish = |path: String, name: String, symbols| StrategyWish { name, symbols, allocation: None, path };
    let listed = |value: &Value, path: &str| -> Vec<StrategyWish> {
        names(value, path, problems)
            .into_iter()
            .map(|(index, name)| wish(at(path, index), name, None))
            .collect()
    };
    let selected = fields.get("selected_strategies").map(|list| listed(list, "/selected_strategies"));
    let configured = match fields.get("strategy_config") {
        None => None,
        Some(value) if value.get("strategies").is_some() => {
            let mut part = Fields::of(value, "/strategy_config", problems);
            let list = part.get("strategies").map(|list| listed(list, "/strategy_config/strategies"));
            part.end();
            list
        }
        Some(Value::Object(map)) => {
            let one = |(name, list): (&String, &Value)| {
                if name.len() > REQUEST_TEXT_BYTES {
                    problems.add("/strategy_config", "has a name that is too long");
                }
                let path = at("/strategy_config", name);
                let symbols = plain(names(list, &path, problems));
                wish(path, name.clone(), Some(symbols).filter(|symbols| !symbols.is_empty()))
            };
            if map.len() > REQUEST_NAMES {
                problems.add(
                    "/strategy_config",
                    format!("names {} strategies, at most {REQUEST_NAMES} are read", map.len()),
                );
            }
            Some(map.iter().take(REQUEST_NAMES).map(one).collect())
        }
        Some(_) => {
            problems.add("/strategy_config", "must be an object: {\"strategies\": [id…]} or {id: [symbol…]}");
            None
        }
    };
    match (selected, configured) {
        (Some(selected), Some(configured)) if !selected.is_empty() && !configured.is_empty() => {
            let ids = |all: &[StrategyWish]| all.iter().map(|wish| wish.name.clone()).collect::<Vec<_>>();
            if ids(&selected) != ids(&configured) {
                problems.add("/selected_strategies", "differs from strategy_config; leave one of them out");
            }
            configured
        }
        (selected, configured) => configured.filter(|all| !all.is_empty()).or(selected).unwrap_or_default(),
    }
}

fn plain(names: Vec<(usize, String)>) -> Vec<String> {
    names.into_iter().map(|(_, name)| name).collect()
}

/// Symbols named for strategies belong to the list; without a list they are the list.
fn join_symbols(symbols: &mut Vec<String>, strategies: &[StrategyWish], problems: &Problems) {
    let listed = !symbols.is_empty();
    let mut known: BTreeSet<String> = symbols.iter().cloned().collect();
    for wish in strategies {
        for name in wish.symbols.iter().flatten() {
            if known.contains(name) {
                continue;
            }
            if listed {
                problems.add(&wish.path, format!("{name} is not in /symbols"));
            } else {
                known.insert(name.clone());
                symbols.push(name.clone());
            }
        }
    }
}

/// Every text must be a symbol's name.
fn check_names(symbols: &[String], problems: &Problems) {
    for (index, name) in symbols.iter().enumerate() {
        if let Some(problem) = symbol_problem(name) {
            problems.add(&at("/symbols", index), problem);
        }
    }
}

/// What keeps a text from being a symbol's name.
pub(super) fn symbol_problem(name: &str) -> Option<String> {
    symbol_name::problem(name).map(|problem| format!("{name:?} {problem}, so it is not a symbol"))
}

struct OverBudget {
    cap: f64,
    allocated: f64,
}

impl OverBudget {
    fn message(&self) -> String {
        format!(
            "allocations add up to {}, more than the budget of {}; lower one of them",
            self.allocated, self.cap
        )
    }

    /// With both figures, for programs.
    fn refusal(&self) -> Refusal {
        let problem = json!({"path": "/config/budget/allocations", "problem": self.message()});
        let details = json!({"global_cap": self.cap, "allocated": self.allocated, "problems": [problem]});
        Refusal::new(RefusalKind::Invalid, "budget_cap_exceeded", self.message()).with(details)
    }
}

/// Other names of some fields of `config` that are accepted, and the names here.
const CALLED_OTHERWISE: [(&str, &str); 2] =
    [("global_budget", "budget.global_cap"), ("replay_speed", "acceleration_factor")];

/// What `config` says.
struct ConfigPart {
    settings: RunSettings,
    recording: Option<String>,
    duration: Option<Span>,
    data_types: Vec<StreamKind>,
    replace_existing: bool,
    over_budget: Option<OverBudget>,
    session_name: Option<String>,
    confirm_live: Option<String>,
}

impl ConfigPart {
    fn new(config: &Config) -> Self {
        let fees = config.trading.fees;
        let default_fees = (Rate::from_percent(fees.maker_pct), Rate::from_percent(fees.taker_pct));
        ConfigPart {
            settings: RunSettings {
                default_fees,
                limits: risk_limits(&config.trading.risk),
                together: true,
                ..RunSettings::default()
            },
            recording: None,
            duration: None,
            data_types: DATA_TYPES.map(|(_, kind)| kind).to_vec(),
            replace_existing: false,
            over_budget: None,
            session_name: None,
            confirm_live: None,
        }
    }

    fn read(&mut self, mut part: Fields<'_, '_>, strategies: &mut [StrategyWish], problems: &Problems) {
        for (theirs, ours) in CALLED_OTHERWISE {
            part.is_called(theirs, ours);
        }
        self.recording = part.text("session_id").filter(|id| !id.is_empty()).map(str::to_owned);
        self.replace_existing = part.flag("replace_existing").unwrap_or(false);
        self.session_name = part.text("session_name").map(str::to_owned);
        self.confirm_live = part.text("confirm_live").map(str::to_owned);
        if let Some(text) = part.text("duration") {
            match duration(text) {
                Some(duration) => self.duration = duration,
                None => {
                    problems.add("/config/duration", "is not a duration: write 30s, 15m, 1h or continuous")
                }
            }
        }
        if let Some(list) = part.get("data_types") {
            self.data_types = data_types(list, problems);
        }
        let settings = &mut self.settings;
        let set = |value: &mut f64, read: Option<f64>| *value = read.unwrap_or(*value);
        set(&mut settings.initial_balance, part.number("initial_balance", bounds::INITIAL_BALANCE));
        set(&mut settings.speed, part.number("acceleration_factor", bounds::SPEED));
        set(&mut settings.slippage_pct, part.number("slippage", bounds::PRICE_PART));
        set(&mut settings.latency_ms, part.number("latency_ms", bounds::LATENCY_MS));
        set(&mut settings.feed_latency_ms, part.number("feed_latency_ms", bounds::LATENCY_MS));
        set(&mut settings.assumed_spread_pct, part.number("assumed_spread", bounds::PRICE_PART));
        set(&mut settings.assumed_depth, part.number("assumed_depth", bounds::ASSUMED_DEPTH));
        settings.stop_loss_pct = part.number("stop_loss_percent", bounds::STOP_LOSS);
        settings.take_profit_pct = part.number("take_profit_percent", bounds::TAKE_PROFIT);
        settings.max_position =
            part.number("max_position_size", bounds::INITIAL_BALANCE).map(Money::from_f64);
        settings.seed = part.whole("seed").unwrap_or(settings.seed);
        settings.fees = fees(&mut part, problems).or(settings.fees);
        (settings.from, settings.to) = (time(&mut part, "from", problems), time(&mut part, "to", problems));
        if let (Some(from), Some(to)) = (settings.from, settings.to)
            && from >= to
        {
            problems.add("/config/to", "is not after /config/from");
        }
        match part.text("clock") {
            None | Some("exchange") => {}
            Some("receive") => settings.clock = ReplayClock::Receive,
            Some(_) => problems.add("/config/clock", "is not one of exchange, receive"),
        }
        match part.text("risk") {
            None | Some("default") => {}
            Some("none") => settings.risk = RiskChoice::None,
            Some(_) => problems.add("/config/risk", "is not one of default, none"),
        }
        if let Some(budget) = part.object("budget") {
            self.budget(budget, strategies, problems);
        }
        part.end();
    }

    fn budget(&mut self, mut part: Fields<'_, '_>, strategies: &mut [StrategyWish], problems: &Problems) {
        let cap = part.number("global_cap", bounds::INITIAL_BALANCE);
        self.settings.budget_cap = cap.map(Money::from_f64);
        let base = cap.unwrap_or(self.settings.initial_balance);
        let allocations = part.get("allocations");
        part.end();
        let Some(allocations) = allocations else { return };
        let Some(allocations) = allocations.as_object() else {
            return problems.add(
                "/config/budget/allocations",
                "must be an object: {strategy: 300} or {strategy: \"60%\"}",
            );
        };
        let mut allocated = 0.0;
        for (name, value) in allocations {
            if problems.are_full() {
                break;
            }
            let path = at("/config/budget/allocations", name);
            let amount = match value {
                Value::String(text) => share(text).map(|share| share * base),
                value => value.as_f64(),
            };
            let Some(amount) = amount.filter(|amount| (0.0..=bounds::INITIAL_BALANCE.1).contains(amount))
            else {
                problems
                    .add(&path, "must be an amount of money like 300, or a share of the budget like \"60%\"");
                continue;
            };
            allocated += amount;
            match strategies.iter_mut().find(|wish| wish.name == *name) {
                Some(wish) => wish.allocation = Some(Money::from_f64(amount)),
                None => {
                    // Of more nobody would mean one by a slip.
                    const NEAR: usize = 64;
                    let near = nearest(name, strategies.iter().take(NEAR).map(|wish| wish.name.as_str()));
                    let near = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
                    problems.add(&path, format!("is not one of the session's strategies{near}"));
                }
            }
        }
        // Sums of shares like 33.3 % are not exact.
        const NOISE: f64 = 1.0 + 1e-9;
        self.over_budget = cap.filter(|cap| allocated > cap * NOISE).map(|cap| OverBudget { cap, allocated });
    }
}

/// `"60%"` as 0.6.
fn share(text: &str) -> Option<f64> {
    let percent: f64 = text.trim().strip_suffix('%')?.trim().parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}

/// `fees`: percent for both, or `{"maker", "taker"}`.
fn fees(part: &mut Fields<'_, '_>, problems: &Problems) -> Option<(Rate, Rate)> {
    const WRONG: &str = "must be percent like 0.06, or {\"maker\": 0.02, \"taker\": 0.06}";
    let rate = |percent: f64| Rate::from_percent(percent);
    match part.get("fees")? {
        Value::Object(_) => {
            let mut both = part.object("fees")?;
            let (maker, taker) = (both.number("maker", bounds::FEE), both.number("taker", bounds::FEE));
            both.end();
            if maker.is_none() || taker.is_none() {
                problems.add("/config/fees", WRONG);
            }
            Some((rate(maker?), rate(taker?)))
        }
        Value::Number(_) => part.number("fees", bounds::FEE).map(|both| (rate(both), rate(both))),
        _ => {
            problems.add("/config/fees", WRONG);
            None
        }
    }
}

fn time(part: &mut Fields<'_, '_>, name: &'static str, problems: &Problems) -> Option<Timestamp> {
    if let Some(number) = part.get(name)?.as_number().map(ToString::to_string) {
        let meant = match Timestamp::read(&number) {
            Ok(time) => format!("must be a text, e.g. \"{time}\""),
            Err(error) => format!("must be a text; {number} {error}"),
        };
        problems.add(&part.path(name), meant);
        return None;
    }
    match Timestamp::read(part.text(name)?) {
        Ok(time) => Some(time),
        Err(error) => {
            problems.add(&part.path(name), error.to_string());
            None
        }
    }
}

/// The words for what a collect session records; those of lists of recordings come first.
const DATA_TYPES: [(&str, StreamKind); 5] = [
    ("tick_prices", StreamKind::Trades),
    ("orderbook", StreamKind::BookSnapshots),
    ("orderbook_changes", StreamKind::BookChanges),
    ("mark_prices", StreamKind::Marks),
    ("funding", StreamKind::Funding),
];

fn data_types(list: &Value, problems: &Problems) -> Vec<StreamKind> {
    let mut kinds = Vec::new();
    for (index, name) in names(list, "/config/data_types", problems) {
        match DATA_TYPES.iter().find(|(word, _)| *word == name) {
            Some((_, kind)) if kinds.contains(kind) => {}
            Some((_, kind)) => kinds.push(*kind),
            None => {
                let words = DATA_TYPES.map(|(word, _)| word).join(", ");
                problems.add(&at("/config/data_types", index), format!("is not one of {words}"));
            }
        }
    }
    if kinds.is_empty() {
        problems.add("/config/data_types", "names nothing to record");
    }
    kinds
}

/// `Some(None)` is without an end; `None` is not a duration.
fn duration(text: &str) -> Option<Option<Span>> {
    if text == "continuous" {
        return Some(None);
    }
    let number = |(unit, seconds): (char, i64)| {
        let number: u32 = text.strip_suffix(unit)?.parse().ok().filter(|number| *number > 0)?;
        Some(Some(Span::from_seconds(i64::from(number) * seconds)))
    };
    [('s', 1), ('m', 60), ('h', 3_600)].into_iter().find_map(number)
}
