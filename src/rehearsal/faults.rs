//! Faults: their names, which are active, and when scripted ones begin. Their effects are implemented where
//! they apply.
//!
//! Invariant: no fault happens unless it was requested.

use serde::Deserialize;
use std::collections::BTreeMap;

/// Maximum of waiting faults (more are refused), and of active faults (the oldest ends).
pub const FAULTS: usize = 256;

/// The kinds of faults; `docs/rehearsal.md` describes each with an example.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // docs/rehearsal.md describes each; a test compares the lists
pub enum FaultKind {
    // Answers of REST.
    Throttled,
    TooMany,
    Denied,
    Gateway,
    Empty,
    Truncated,
    Maintenance,
    Maintenance604,
    NotAllowed,
    Internal,
    Late,
    ResetAfter,
    ResetBefore,
    TimeWindow,
    UnknownOrder,
    SnapshotStale,
    SnapshotBack,
    FundingMissing,
    HidePositions,
    StaleBalance,
    HideOrders,
    Refused,
    KeyRefused,
    // Orders.
    RejectedLater,
    AckLate,
    PushesTwice,
    PushesReordered,
    PushesLate,
    PushesLost,
    FillsLate,
    FeeCoin,
    Transfer,
    Partial,
    CancelCrossed,
    Liquidate,
    Adl,
    WebClose,
    WebOrder,
    Leverage,
    PositionMode,
    // The clock.
    ClockSkew,
    TsShifted,
    TsText,
    TsMissing,
    // The book.
    SkipVersions,
    DepthRepeated,
    DepthReordered,
    DepthLate,
    Burst,
    // Deals, candles, tickers.
    DealsRepeated,
    DealsTwin,
    DealsReordered,
    DealObject,
    DealsWithoutId,
    KlinesReordered,
    KlinesTwo,
    HugeTicker,
    // The socket.
    Disconnect,
    GoingAway,
    HalfOpen,
    PongLate,
    PongDouble,
    PongMissing,
    Silent,
    AckLost,
    RefuseSymbol,
    Malformed,
    UnknownFrames,
    LoginRefused,
    LoginRefusedObject,
    SessionLost,
    // The exchange.
    Paused,
    Resumed,
    Delisted,
    Relisted,
    FinerPrices,
    OddPrices,
    PlainPrices,
    Terms,
    FairPrice,
    IndexPrice,
    Jump,
    BidsEmpty,
    Funding,
    Settle,
    SettleLate,
    Restart,
    RestartSilent,
}

/// A requested fault.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Kind.
    pub fault: FaultKind,
    /// Milliseconds after the start (scripted) or after the request.
    #[serde(default)]
    pub at_ms: i64,
    /// Only for this contract.
    #[serde(default)]
    pub symbol: Option<String>,
    /// Only for requests whose path contains this text.
    #[serde(default)]
    pub path: Option<String>,
    /// How often it happens; once if neither `times` nor `for_ms` is given.
    #[serde(default)]
    pub times: Option<u32>,
    /// How long it stays active.
    #[serde(default)]
    pub for_ms: Option<i64>,
    /// How long something is delayed, shifted or down, milliseconds.
    #[serde(default)]
    pub ms: Option<i64>,
    /// A count, or another number explained in `docs/rehearsal.md`.
    #[serde(default)]
    pub count: Option<i64>,
    /// A fraction, such as a funding rate.
    #[serde(default)]
    pub rate: Option<f64>,
    /// It begins with the n-th request from now whose path contains `at_path`, before that is answered.
    #[serde(default)]
    pub nth: Option<u32>,
    /// See `nth`; without it `path` is taken.
    #[serde(default)]
    pub at_path: Option<String>,
    /// A price.
    #[serde(default)]
    pub price: Option<f64>,
    /// `side` of an order.
    #[serde(default)]
    pub side: Option<i64>,
    /// A coin.
    #[serde(default)]
    pub coin: Option<String>,
    /// Terms of a contract that change.
    #[serde(default)]
    pub terms: Option<NewTerms>,
}

/// Terms of a contract that change; numbers as text.
#[derive(Clone, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewTerms {
    /// `priceUnit`.
    pub price_unit: Option<String>,
    /// `volUnit`.
    pub vol_unit: Option<String>,
    /// `minVol`.
    pub min_vol: Option<String>,
    /// `maxVol`.
    pub max_vol: Option<String>,
}

impl Fault {
    /// A fault of this kind that happens once, now.
    pub fn new(fault: FaultKind) -> Self {
        Fault {
            fault,
            at_ms: 0,
            symbol: None,
            path: None,
            times: None,
            for_ms: None,
            ms: None,
            count: None,
            rate: None,
            nth: None,
            at_path: None,
            price: None,
            side: None,
            coin: None,
            terms: None,
        }
    }

    /// Parses a fault from JSON.
    ///
    /// # Errors
    /// What is wrong, with line and column.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }
}

/// An active fault.
#[derive(Clone, Debug)]
struct Active {
    fault: Fault,
    symbol: Option<usize>,
    left: Option<u32>,
    until_ms: Option<i64>,
}

/// Planned and active faults.
#[derive(Default, Debug)]
pub struct Faults {
    active: Vec<Active>,
    waiting: Vec<(i64, Fault)>,
    /// Faults that wait for a request: how many more must come.
    counting: Vec<(u32, Fault)>,
    /// How often each kind happened.
    pub happened: BTreeMap<FaultKind, u64>,
}

impl Faults {
    /// Plans a fault.
    ///
    /// # Errors
    /// Too many faults are waiting.
    pub fn plan(&mut self, fault: Fault, now_ms: i64) -> Result<(), String> {
        if self.waiting.len() >= FAULTS {
            return Err(format!("more than {FAULTS} faults wait"));
        }
        self.waiting.push((now_ms + fault.at_ms, fault));
        Ok(())
    }

    /// Lets a fault wait for its n-th request.
    ///
    /// # Errors
    /// Too many faults are waiting.
    pub fn await_request(&mut self, fault: Fault) -> Result<(), String> {
        if self.counting.len() >= FAULTS {
            return Err(format!("more than {FAULTS} faults wait"));
        }
        self.counting.push((fault.nth.unwrap_or(1).max(1), fault));
        Ok(())
    }

    /// Counts a request; removes and returns the faults that begin with it.
    pub fn at_request(&mut self, path: &str) -> Vec<Fault> {
        if self.counting.is_empty() {
            return Vec::new();
        }
        for (left, fault) in &mut self.counting {
            let part = fault.at_path.as_ref().or(fault.path.as_ref());
            if part.is_none_or(|part| path.contains(part.as_str())) {
                *left -= 1;
            }
        }
        let (due, wait): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.counting).into_iter().partition(|(left, _)| *left == 0);
        self.counting = wait;
        due.into_iter().map(|(_, fault)| Fault { nth: None, ..fault }).collect()
    }

    /// Removes and returns the planned faults that are due, in order of time.
    pub fn due(&mut self, now_ms: i64) -> Vec<Fault> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let (mut due, wait): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(at, _)| *at <= now_ms);
        self.waiting = wait;
        due.sort_by_key(|(at, _)| *at);
        due.into_iter().map(|(_, fault)| fault).collect()
    }

    /// Activates a fault.
    pub fn switch_on(&mut self, fault: Fault, symbol: Option<usize>, now_ms: i64) {
        let left = fault.times.or(if fault.for_ms.is_none() { Some(1) } else { None });
        let until_ms = fault.for_ms.map(|for_ms| now_ms + for_ms);
        if self.active.len() >= FAULTS {
            self.active.remove(0);
        }
        self.active.push(Active { fault, symbol, left, until_ms });
    }

    /// Counts an occurrence.
    pub fn count(&mut self, kind: FaultKind) {
        *self.happened.entry(kind).or_default() += 1;
    }

    /// Whether a fault applies now, to this contract; counts it and uses up one occurrence.
    pub fn strikes(&mut self, kind: FaultKind, symbol: Option<usize>, now_ms: i64) -> Option<Fault> {
        self.strikes_path(kind, symbol, "", now_ms)
    }

    /// As [`Faults::strikes`], for a request with this path.
    pub fn strikes_path(
        &mut self,
        kind: FaultKind,
        symbol: Option<usize>,
        path: &str,
        now_ms: i64,
    ) -> Option<Fault> {
        if self.active.is_empty() {
            return None;
        }
        self.active
            .retain(|active| active.until_ms.is_none_or(|until| now_ms < until) && active.left != Some(0));
        let fits = |active: &&mut Active| {
            active.fault.fault == kind
                && (active.symbol.is_none() || symbol.is_none() || active.symbol == symbol)
                && active.fault.path.as_deref().is_none_or(|part| path.contains(part))
        };
        let active = self.active.iter_mut().find(fits)?;
        if let Some(left) = &mut active.left {
            *left -= 1;
        }
        let fault = active.fault.clone();
        self.count(kind);
        Some(fault)
    }

    /// The active fault of a kind, without counting it.
    pub fn active(&self, kind: FaultKind, now_ms: i64) -> Option<&Fault> {
        self.active_on(kind, None, now_ms)
    }

    /// As [`Faults::active`], on this contract.
    pub fn active_on(&self, kind: FaultKind, symbol: Option<usize>, now_ms: i64) -> Option<&Fault> {
        let is_live = |active: &&Active| {
            active.fault.fault == kind
                && active.until_ms.is_none_or(|until| now_ms < until)
                && active.left != Some(0)
                && (active.symbol.is_none() || symbol.is_none() || active.symbol == symbol)
        };
        self.active.iter().find(is_live).map(|active| &active.fault)
    }

    /// Whether a fault is active, without counting it.
    pub fn is_on(&self, kind: FaultKind, now_ms: i64) -> bool {
        self.active(kind, now_ms).is_some()
    }

    /// Ends all active faults and removes planned ones.
    pub fn clear(&mut self) {
        self.active.clear();
        self.waiting.clear();
        self.counting.clear();
    }

    /// Occurrences by kind, as JSON.
    pub fn text(&self) -> String {
        let rows: Vec<String> =
            self.happened.iter().map(|(kind, count)| format!("\"{}\":{count}", word(*kind))).collect();
        format!("{{{}}}", rows.join(","))
    }
}

/// The snake_case name: `SkipVersions` is `skip_versions`.
pub fn word(kind: FaultKind) -> String {
    let mut out = String::new();
    for c in format!("{kind:?}").chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_read_strictly() {
        assert!(Fault::parse(r#"{"fault": "pong_late", "ms": 40000, "times": 2}"#).is_ok());
        assert!(Fault::parse(r#"{"fault": "maintenance604"}"#).is_ok());
        for (text, place) in [
            (r#"{"fault": "pong_lat"}"#, "line 1 column"),
            ("{\"fault\": \"silent\",\n \"form_ms\": 3}", "line 2 column"),
        ] {
            assert!(Fault::parse(text).unwrap_err().contains(place));
        }
    }

    #[test]
    fn a_fault_happens_as_often_and_as_long_as_asked() {
        let mut faults = Faults::default();
        faults.switch_on(Fault { times: Some(2), ..Fault::new(FaultKind::Silent) }, Some(1), 0);
        faults.switch_on(
            Fault { for_ms: Some(100), path: Some("/depth/".to_owned()), ..Fault::new(FaultKind::Throttled) },
            None,
            0,
        );
        assert!(faults.strikes(FaultKind::Silent, Some(2), 0).is_none());
        let struck = (0..5).filter(|_| faults.strikes(FaultKind::Silent, Some(1), 0).is_some()).count();
        assert_eq!(struck, 2);
        assert!(faults.strikes_path(FaultKind::Throttled, None, "/api/ticker", 0).is_none());
        assert!(faults.strikes_path(FaultKind::Throttled, None, "/api/depth/X", 99).is_some());
        assert!(faults.strikes_path(FaultKind::Throttled, None, "/api/depth/X", 100).is_none());
        assert_eq!(faults.happened, BTreeMap::from([(FaultKind::Silent, 2), (FaultKind::Throttled, 1)]));
    }

    #[test]
    fn waiting_faults_come_in_the_order_of_their_times() {
        let mut faults = Faults::default();
        for at_ms in [30, 10, 20] {
            faults.plan(Fault { at_ms, ..Fault::new(FaultKind::Burst) }, 5).unwrap();
        }
        let times = |due: Vec<Fault>| due.iter().map(|fault| fault.at_ms).collect::<Vec<_>>();
        assert_eq!(times(faults.due(25)), [10, 20]);
        assert_eq!(times(faults.due(34)), [] as [i64; 0]);
        assert_eq!(times(faults.due(35)), [30]);
    }
}
