//! Socket messages.

use serde::Deserialize;
use serde::de::{SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

object! {
    /// The fields around a message's data.
    Frame { channel = "channel", symbol = "symbol", data = "data", ts = "ts" } knows []
}

object! {
    /// `push.depth` and `push.depth.full`.
    RawBook { asks = "asks", bids = "bids", begin = "begin", end = "end", version = "version", at = "cts", symbol = "symbol" } knows ["timestamp"]
}

object! {
    /// `push.funding.rate`.
    RawRate { symbol = "symbol", rate = "rate", funding_rate = "fundingRate", settles_at = "nextSettleTime" }
    knows ["maxFundingRate", "minFundingRate", "collectCycle", "timestamp", "idxPrice", "fairPrice"]
}

/// Passes every row of a list to `each` without collecting them; an object is a list of one.
pub fn each_row<'de, R: Deserialize<'de>>(
    json: &'de str,
    each: impl FnMut(R),
) -> Result<(), serde_json::Error> {
    struct List<R, F>(F, PhantomData<R>);
    impl<'de, R: Deserialize<'de>, F: FnMut(R)> Visitor<'de> for List<R, F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of rows")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
            while let Some(row) = list.next_element()? {
                (self.0)(row);
            }
            Ok(())
        }
    }
    let mut each = each;
    if json.starts_with('{') {
        each(serde_json::from_str(json)?);
        return Ok(());
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    serde::Deserializer::deserialize_seq(&mut deserializer, List(each, PhantomData))
}
