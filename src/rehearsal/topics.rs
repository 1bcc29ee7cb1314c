//! What sockets can subscribe to.

use super::market::bars::INTERVALS;

/// A channel of one symbol, or of all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Channel {
    /// Deals, those of one moment in one frame.
    Deal,
    /// Deals one by one (`compress: false`).
    DealEach,
    /// Book changes merged over `depth_every_ms`.
    Depth,
    /// Every book change (`compress: false`).
    DepthEach,
    /// The top of the book, with this many levels per side.
    DepthFull(u16),
    /// Ticker.
    Ticker,
    /// Candles: index in [`INTERVALS`].
    Kline(u8),
    /// Funding.
    Funding,
    /// Index price.
    Index,
    /// Fair price.
    Fair,
    /// All tickers; the symbol is 0.
    Tickers,
    /// Contract terms; the symbol is 0.
    Contract,
}

/// A channel of a symbol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Topic {
    /// Channel.
    pub channel: Channel,
    /// Index in the list of contracts.
    pub symbol: usize,
}

impl Topic {
    /// A channel of a symbol.
    pub fn new(channel: Channel, symbol: usize) -> Self {
        Topic { channel, symbol }
    }
}

/// Why a subscription is refused.
pub enum Refused {
    /// Unknown method: there is no answer.
    Unknown,
    /// Invalid candle interval.
    Interval,
}

/// The channel of a subscription's name and parameters; `limit` and `interval` as sent.
///
/// # Errors
/// An unknown method or interval.
pub fn channel(
    word: &str,
    compress: Option<bool>,
    limit: Option<u64>,
    interval: Option<&str>,
) -> Result<Channel, Refused> {
    Ok(match word {
        "deal" if compress == Some(false) => Channel::DealEach,
        "deal" => Channel::Deal,
        "depth" if compress == Some(false) => Channel::DepthEach,
        "depth" => Channel::Depth,
        "depth.full" => Channel::DepthFull(match limit {
            Some(5) => 5,
            Some(10) => 10,
            Some(50) => 50,
            _ => 20,
        }),
        "ticker" => Channel::Ticker,
        "tickers" => Channel::Tickers,
        "funding.rate" => Channel::Funding,
        "index.price" => Channel::Index,
        "fair.price" => Channel::Fair,
        "contract" => Channel::Contract,
        "kline" => {
            let index =
                INTERVALS.iter().position(|(name, _)| Some(*name) == interval).ok_or(Refused::Interval)?;
            Channel::Kline(u8::try_from(index).unwrap_or(0))
        }
        _ => return Err(Refused::Unknown),
    })
}
