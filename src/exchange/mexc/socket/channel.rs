//! Channels of the socket and their wire names.

use crate::domain::record::StreamKind;

/// A channel that a symbol can be subscribed to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    /// Trades.
    Deal,
    /// The top 20 levels of the book, complete in each message.
    DepthFull,
    /// Changes of the book, merged by the exchange.
    Depth,
    /// Last, fair and index price.
    Ticker,
    /// Next funding rate.
    FundingRate,
}

impl Channel {
    /// All channels, in the order of their discriminants.
    pub const ALL: [Channel; 5] =
        [Channel::Deal, Channel::DepthFull, Channel::Depth, Channel::Ticker, Channel::FundingRate];

    /// The channel that carries a stream.
    pub fn of(stream: StreamKind) -> Option<Channel> {
        Some(match stream {
            StreamKind::Trades => Channel::Deal,
            StreamKind::BookSnapshots => Channel::DepthFull,
            StreamKind::BookChanges => Channel::Depth,
            StreamKind::Marks => Channel::Ticker,
            StreamKind::Funding => Channel::FundingRate,
            StreamKind::Quotes | StreamKind::Bars => return None,
        })
    }

    /// The stream it carries.
    pub fn stream(self) -> StreamKind {
        match self {
            Channel::Deal => StreamKind::Trades,
            Channel::DepthFull => StreamKind::BookSnapshots,
            Channel::Depth => StreamKind::BookChanges,
            Channel::Ticker => StreamKind::Marks,
            Channel::FundingRate => StreamKind::Funding,
        }
    }

    fn as_str(&self) -> &'static str {
        match self {
            Channel::Deal => "deal",
            Channel::DepthFull => "depth.full",
            Channel::Depth => "depth",
            Channel::Ticker => "ticker",
            Channel::FundingRate => "funding.rate",
        }
    }

    /// The channel of a wire name: `deal`, `depth.full`, ….
    pub fn from_name(word: &str) -> Option<Channel> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == word)
    }

    /// The message that subscribes a symbol.
    pub fn subscription(self, symbol: &str) -> String {
        let symbol = serde_json::Value::from(symbol);
        let limit = if self == Channel::DepthFull { r#","limit":20"# } else { "" };
        format!(r#"{{"method":"sub.{}","param":{{"symbol":{symbol}{limit}}}}}"#, self.as_str())
    }
}

/// The message that asks for a pong.
pub const PING: &str = r#"{"method":"ping"}"#;

/// The message that subscribes to changes of contract terms.
pub const SUBSCRIBE_CONTRACTS: &str = r#"{"method":"sub.contract","param":{}}"#;
