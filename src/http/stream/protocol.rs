//! What clients and the daemon say to each other over the WebSocket, as a table: the requests with their
//! answers and the streams. Requests are read by it, and `schema/asyncapi.json` is generated from it.

use crate::service::DAEMON;

/// A request of a client.
pub struct Request {
    /// Its `type`, and a synonym.
    pub kinds: &'static [&'static str],
    /// The fields it may have.
    pub fields: &'static [&'static str],
    /// Name of its schema.
    pub schema: &'static str,
    /// Name of the schema of the data of its answer.
    pub answer: &'static str,
    /// One-sentence summary.
    pub about: &'static str,
}

/// All requests.
pub const REQUESTS: [Request; 4] = [
    Request {
        kinds: &["auth"],
        fields: &["type", "id", "timestamp", "token"],
        schema: "SocketAuth",
        answer: "SocketAuthAnswer",
        about: "Log in, or renew the login.",
    },
    Request {
        kinds: &["subscribe"],
        fields: &["type", "id", "timestamp", "stream", "params"],
        schema: "SocketSubscribe",
        answer: "SocketSubscribeAnswer",
        about: "Subscribe to a stream; a snapshot and updates follow the answer.",
    },
    Request {
        kinds: &["unsubscribe"],
        fields: &["type", "id", "timestamp", "stream", "params"],
        schema: "SocketUnsubscribe",
        answer: "SocketUnsubscribeAnswer",
        about: "End a subscription.",
    },
    Request {
        kinds: &["ping", "heartbeat"],
        fields: &["type", "id", "timestamp"],
        schema: "SocketPing",
        answer: "SocketPingAnswer",
        about: "Ask for an answer; a page asks every second, and no answer for two means that what it shows is stale.",
    },
];

/// A stream that clients subscribe to.
pub struct StreamEntry {
    /// Name.
    pub name: &'static str,
    /// How much of it may be asked for.
    pub narrows: Narrows,
    /// Name of the schema of its snapshot's data.
    pub snapshot: &'static str,
    /// Names of the schemas of its updates' data; empty: it has none yet.
    pub updates: &'static [&'static str],
    /// One-sentence summary.
    pub about: &'static str,
}

/// Parameters that restrict a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Narrows {
    /// It is what it is.
    Nothing,
    /// It is of one session.
    MustNameSession,
    /// To a session, to symbols.
    SessionAndSymbols,
}

/// All streams.
pub const STREAMS: [StreamEntry; 8] = [
    StreamEntry {
        name: "sessions",
        narrows: Narrows::Nothing,
        snapshot: "SessionsAndConfig",
        updates: &[
            "SessionStartedEvent",
            "SessionStatusEvent",
            "SessionProgressEvent",
            "SessionStoppedEvent",
            "SessionCompletedEvent",
            "SessionFailedEvent",
            "StrategyActivatedEvent",
            "StrategyDeactivatedEvent",
            "EventsNotKeptEvent",
            "SymbolTableEvent",
            "LimitsTightenedEvent",
            "ConfigReloadedEvent",
            "ConfigRejectedEvent",
            "AlertEvent",
        ],
        about: "Lives of all sessions, changes of the configuration and alerts of the daemon itself.",
    },
    StreamEntry {
        name: "session",
        narrows: Narrows::MustNameSession,
        snapshot: "SessionWithNow",
        updates: &["Event"],
        about: "Everything one session does, in order.",
    },
    StreamEntry {
        name: "market_data",
        narrows: Narrows::SessionAndSymbols,
        snapshot: "SessionsWithNow",
        updates: &["MarketDataEvent"],
        about: "Latest prices: of several updates of a symbol that came at once, the last.",
    },
    StreamEntry {
        name: "indicators",
        narrows: Narrows::SessionAndSymbols,
        snapshot: "SessionsWithNow",
        updates: &[],
        about: "Values of indicators. It has no updates yet: GET /sessions/{id}/states shows them.",
    },
    StreamEntry {
        name: "signals",
        narrows: Narrows::SessionAndSymbols,
        snapshot: "SessionsWithNow",
        updates: &["SignalEvent", "StateTransitionEvent", "AlertEvent"],
        about: "What sections decided, signals (S1) among them, changes of state and warnings.",
    },
    StreamEntry {
        name: "orders",
        narrows: Narrows::SessionAndSymbols,
        snapshot: "SessionsWithNow",
        updates: &["OrderUpdateEvent", "FillEvent"],
        about: "Orders and fills.",
    },
    StreamEntry {
        name: "positions",
        narrows: Narrows::SessionAndSymbols,
        snapshot: "SessionsWithNow",
        updates: &["PositionUpdateEvent", "FundingEvent"],
        about: "Positions and their funding.",
    },
    StreamEntry {
        name: "health",
        narrows: Narrows::Nothing,
        snapshot: "Readiness",
        updates: &["HealthEvent"],
        about: "Whether the daemon is ready, every ten seconds.",
    },
];

impl StreamEntry {
    /// Whether a subscription may be of one session only.
    pub fn may_name_session(&self) -> bool {
        self.narrows != Narrows::Nothing
    }

    /// Whether its updates are events of the log, so that a client goes on from a position of it.
    pub fn is_logged(&self) -> bool {
        !matches!(self.name, "market_data" | "indicators" | "health")
    }

    /// Whether an event of this name is one of its updates. What happens to the daemon itself is told in
    /// `sessions`; alerts of sessions are not.
    pub fn tells(&self, session_id: &str, event: &str) -> bool {
        let is_for_all = self.name == "sessions";
        if session_id == DAEMON || is_for_all && event == "alert" {
            return session_id == DAEMON && is_for_all;
        }
        let words = event.split('_').map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + rest
        });
        let schema = words.collect::<String>() + "Event";
        self.updates.iter().any(|update| *update == schema || *update == "Event")
    }

    /// Whether it has to be.
    pub fn must_name_session(&self) -> bool {
        self.narrows == Narrows::MustNameSession
    }
}

/// The stream of a name.
pub fn stream(name: &str) -> Option<&'static StreamEntry> {
    STREAMS.iter().find(|stream| stream.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_an_update_of_its_stream_and_of_its_session() {
        let of_one = |session, event| {
            let streams = STREAMS.iter().filter(|stream| stream.is_logged() && stream.tells(session, event));
            streams.map(|stream| stream.name).collect::<Vec<_>>()
        };
        let of = |event| of_one("exec_1", event);
        assert_eq!(of("session_stopped"), ["sessions", "session"]);
        assert_eq!(of_one(DAEMON, "config_reloaded"), ["sessions"]);
        assert_eq!(of_one(DAEMON, "alert"), ["sessions"]);
        assert_eq!(of("alert"), ["session", "signals"]);
        assert_eq!(of("fill"), ["session", "orders"]);
        assert_eq!(of("state_transition"), ["session", "signals"]);
        assert_eq!(of("funding"), ["session", "positions"]);
        assert_eq!(of("equity"), ["session"]);
        assert_eq!(of(""), ["session"]);
    }
}
