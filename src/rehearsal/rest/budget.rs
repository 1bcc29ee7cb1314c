//! Limits of requests: a bucket per group of endpoints and caller. The exchange says nothing before it is empty.

use super::Request;
use crate::rehearsal::scenario::{RateLimits, Settings};
use std::collections::BTreeMap;

/// Buckets at once; when full the one used longest ago leaves.
const BUCKETS: usize = 4_096;

/// Groups: beginning of the path behind `/api/v1`, requests, milliseconds. The first that fits holds; the lowest limits
/// of all that are documented.
const GROUPS: [(&str, u32, i64); 18] = [
    ("/contract/detail", 1, 5_000),
    ("/contract/ticker", 10, 2_000),
    ("/contract/depth/", 10, 2_000),
    ("/contract/", 20, 2_000),
    ("/private/order/submit_batch", 1, 2_000),
    ("/private/order/submit", 4, 2_000),
    ("/private/order/create", 4, 2_000),
    ("/private/order/batch_query", 5, 2_000),
    ("/private/order/chase_limit_order", 1, 2_000),
    ("/private/order/change_limit_order", 1, 2_000),
    ("/private/position/close_all", 4, 2_000),
    ("/private/position/reverse", 4, 2_000),
    ("/private/planorder/place", 4, 2_000),
    ("/private/stoporder/place", 5, 2_000),
    ("/private/order/cancel", 20, 2_000),
    ("/private/order/", 20, 2_000),
    ("/private/position/", 20, 2_000),
    ("/private/", 20, 2_000),
];

#[derive(Debug)]
struct Bucket {
    /// Requests × window: what is left, in thousandths of a request.
    left: i64,
    at_ms: i64,
}

/// All buckets.
#[derive(Default, Debug)]
pub struct Budgets {
    buckets: BTreeMap<(String, String), Bucket>,
}

impl Budgets {
    /// Whether a request may pass.
    pub fn take(&mut self, settings: &Settings, request: &Request, now_ms: i64) -> bool {
        if settings.rate_limits == RateLimits::Off {
            return true;
        }
        let path = request.path.strip_prefix("/api/v1").unwrap_or_default();
        // Each endpoint counts by itself, whatever symbol its path names.
        let Some((_, count, window_ms)) = GROUPS.iter().find(|(begin, ..)| path.starts_with(begin)) else { return true };
        let endpoint: String = path.split('/').take(if path.starts_with("/private/") { 5 } else { 3 }).collect::<Vec<_>>().join("/");
        let caller = request.header("apikey").unwrap_or_default().to_owned();
        if self.buckets.len() >= BUCKETS {
            let oldest = self.buckets.iter().min_by_key(|(_, bucket)| bucket.at_ms).map(|(key, _)| key.clone());
            oldest.and_then(|key| self.buckets.remove(&key));
        }
        let full = i64::from(*count) * 1_000;
        let bucket = self.buckets.entry((endpoint, caller)).or_insert(Bucket { left: full, at_ms: now_ms });
        let gained = (now_ms - bucket.at_ms).clamp(0, *window_ms) * full / window_ms;
        bucket.left = (bucket.left + gained).min(full);
        bucket.at_ms = now_ms;
        if bucket.left < 1_000 {
            return false;
        }
        bucket.left -= 1_000;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_tickers_in_two_seconds_and_no_more() {
        let mut budgets = Budgets::default();
        let request = |path: &str| Request {
            method: "GET".to_owned(),
            path: path.to_owned(),
            query: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        let ticker = request("/api/v1/contract/ticker");
        let passed = |budgets: &mut Budgets, at_ms: i64| (0..20).filter(|_| budgets.take(&Settings::default(), &ticker, at_ms)).count();
        assert_eq!(passed(&mut budgets, 0), 10);
        assert!(budgets.take(&Settings::default(), &request("/api/v1/contract/ping"), 0));
        assert_eq!(passed(&mut budgets, 1_000), 5);
        assert_eq!(passed(&mut budgets, 60_000), 10);
    }
}
