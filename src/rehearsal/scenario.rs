//! Scenario: settings and scripted faults, parsed strictly from JSON; `docs/rehearsal.md` lists them.

use super::faults::{FAULTS, Fault};
use serde::Deserialize;

/// A scenario.
#[derive(Clone, Default, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// Settings.
    pub settings: Settings,
    /// Scripted faults, with times after the start.
    pub faults: Vec<Fault>,
}

/// Settings that apply all the time.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Odd number formats, unknown keys, unordered levels, missing acknowledgements.
    pub quirks: bool,
    /// Rate limits.
    pub rate_limits: RateLimits,
    /// A socket is closed this long after its last ping, milliseconds.
    pub ping_timeout_ms: i64,
    /// Interval of merged book changes, milliseconds.
    pub depth_every_ms: i64,
    /// Interval of top-of-book pushes, milliseconds.
    pub depth_full_every_ms: i64,
    /// Interval of a symbol's ticker, milliseconds.
    pub ticker_every_ms: i64,
    /// Interval of the list of tickers, milliseconds.
    pub tickers_every_ms: i64,
    /// Initial balance of every account.
    pub deposit: f64,
    /// Maker fee, a fraction.
    pub maker_fee: f64,
    /// Taker fee, a fraction.
    pub taker_fee: f64,
    /// Minimum and maximum milliseconds from a request to its acknowledgement.
    pub ack_ms: [i64; 2],
    /// Minimum and maximum milliseconds from a request to the order's arrival in the book.
    pub arrive_ms: [i64; 2],
    /// Minimum and maximum milliseconds from an event to its private push.
    pub push_ms: [i64; 2],
    /// Largest allowed difference of `Request-Time` from the exchange's clock, milliseconds.
    pub window_ms: i64,
    /// How query values are signed.
    pub signed_comma: SignedComma,
    /// Answer to an `externalOid` that is already in use.
    pub duplicate_external: DuplicateExternal,
    /// Form of the answer to `order/create`.
    pub create_reply: CreateReply,
    /// Whether a refused login closes the socket.
    pub login_closes: bool,
    /// Minimum and maximum milliseconds by which a settlement is later than announced.
    pub settle_late_ms: [i64; 2],
    /// Whether waiting triggers that close freeze the volume they would close.
    pub trigger_freezes: bool,
    /// What happens when a trigger would close more than can be closed.
    pub trigger_oversized: TriggerOversized,
    /// Whether triggers that close are cancelled when their position ends.
    pub trigger_ends: bool,
    /// When the stop prices of an order come into force.
    pub attached_stop: AttachedStop,
    /// Whether the answer to `stoporder/place` names the new stop order.
    pub stop_reply: StopReply,
}

/// What happens when a trigger would close more than can be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerOversized {
    /// Its order is made for what can be closed.
    Cut,
    /// It makes no order.
    Fails,
}

/// When the stop prices of an order come into force.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachedStop {
    /// With each fill, for what has filled.
    AtFill,
    /// When the order is finished.
    AtEnd,
}

/// Form of the answer to `stoporder/place`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReply {
    /// A success without data.
    Nothing,
    /// The id.
    Id,
}

/// How query values are signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignedComma {
    /// Percent-encoded as received (`%2C`).
    Encoded,
    /// Decoded (`,`).
    Raw,
    /// Both are accepted.
    Either,
}

/// Answer to an `externalOid` that is already in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateExternal {
    /// Code 2042, as observed on the exchange.
    Refused,
    /// Code 603.
    Repeated,
    /// The id of the existing order.
    Same,
}

/// Form of the answer to `order/create`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreateReply {
    /// `{"orderId":"…","ts":…}`.
    Object,
    /// `"…"`.
    Text,
    /// `…`.
    Integer,
}

/// Rate limits per endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateLimits {
    /// The lowest of all documented limits.
    Strict,
    /// No limits.
    Off,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            quirks: true,
            rate_limits: RateLimits::Strict,
            ping_timeout_ms: 60_000,
            depth_every_ms: 200,
            depth_full_every_ms: 280,
            ticker_every_ms: 2_750,
            tickers_every_ms: 2_000,
            deposit: 10_000.0,
            maker_fee: 0.000_6,
            taker_fee: 0.000_8,
            ack_ms: [3, 15],
            arrive_ms: [1, 20],
            push_ms: [1, 10],
            window_ms: 10_000,
            signed_comma: SignedComma::Either,
            duplicate_external: DuplicateExternal::Refused,
            create_reply: CreateReply::Object,
            login_closes: false,
            settle_late_ms: [0, 0],
            trigger_freezes: false,
            trigger_oversized: TriggerOversized::Cut,
            trigger_ends: true,
            attached_stop: AttachedStop::AtFill,
            stop_reply: StopReply::Nothing,
        }
    }
}

impl Scenario {
    /// Parses a scenario.
    ///
    /// # Errors
    /// What is wrong: with line and column for invalid JSON, with its path for an invalid setting.
    pub fn parse(text: &str) -> Result<Self, String> {
        let scenario: Scenario = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let settings = &scenario.settings;
        let mut problems = Vec::new();
        let mut check = |is_good: bool, problem: &str| {
            if !is_good {
                problems.push(problem.to_owned());
            }
        };
        check(scenario.faults.len() <= FAULTS, "faults: more than 256");
        check((0.0..=1e9).contains(&settings.deposit), "settings.deposit: not between 0 and 1e9");
        let is_fee = |fee: f64| (-0.01..=0.1).contains(&fee);
        check(
            is_fee(settings.maker_fee) && is_fee(settings.taker_fee),
            "settings.maker_fee, taker_fee: not between -0.01 and 0.1",
        );
        let is_delay = |delay: [i64; 2]| (0..=delay[1]).contains(&delay[0]) && delay[1] <= 600_000;
        let delays = [settings.ack_ms, settings.arrive_ms, settings.push_ms, settings.settle_late_ms];
        check(
            delays.into_iter().all(is_delay),
            "settings.ack_ms, arrive_ms, push_ms, settle_late_ms: not [fewest, most] within 0 to 600000",
        );
        let spans = [
            settings.depth_every_ms,
            settings.depth_full_every_ms,
            settings.ticker_every_ms,
            settings.tickers_every_ms,
        ];
        check(spans.into_iter().all(|span| span > 0), "settings.*_every_ms: not positive");
        check(
            settings.ping_timeout_ms > 0 && settings.window_ms > 0,
            "settings.ping_timeout_ms, window_ms: not positive",
        );
        if problems.is_empty() { Ok(scenario) } else { Err(problems.join("; ")) }
    }
}
