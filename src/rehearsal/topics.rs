//! What sockets can subscribe to.

use super::market::bars::INTERVALS;

/// A channel of one symbol, or of all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PushChannel {
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
    pub channel: PushChannel,
    /// Index in the list of contracts.
    pub symbol: usize,
}

impl Topic {
    /// A channel of a symbol.
    pub fn new(channel: PushChannel, symbol: usize) -> Self {
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
) -> Result<PushChannel, Refused> {
    Ok(match word {
        "deal" if compress == Some(false) => PushChannel::DealEach,
        "deal" => PushChannel::Deal,
        "depth" if compress == Some(false) => PushChannel::DepthEach,
        "depth" => PushChannel::Depth,
        "depth.full" => PushChannel::DepthFull(match limit {
            Some(5) => 5,
            Some(10) => 10,
            Some(50) => 50,
            _ => 20,
        }),
        "ticker" => PushChannel::Ticker,
        "tickers" => PushChannel::Tickers,
        "funding.rate" => PushChannel::Funding,
        "index.price" => PushChannel::Index,
        "fair.price" => PushChannel::Fair,
        "contract" => PushChannel::Contract,
        "kline" => {
            let index =
                INTERVALS.iter().position(|(name, _)| Some(*name) == interval).ok_or(Refused::Interval)?;
            PushChannel::Kline(u8::try_from(index).unwrap_or(0))
        }
        _ => return Err(Refused::Unknown),
    })
}
