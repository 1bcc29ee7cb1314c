//! Rate limits: fixed windows per endpoint and caller, as observed on the exchange (of 120 calls at ten per
//! second, sixty were refused). It gives no warning before a window is full, and unused capacity is not
//! carried over.

use super::Request;
use crate::rehearsal::scenario::{RateLimits, Settings};
use std::collections::BTreeMap;

/// Maximum number of windows; when full the one that started first is dropped.
const WINDOWS: usize = 4_096;

/// Path prefix after `/api/v1`, calls, window in milliseconds. The first match applies; values are the lowest
/// of all documented limits.
const GROUPS: [(&str, u32, i64); 20] = [
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
    ("/private/position/change_leverage", 10, 10_000),
    ("/private/planorder/", 4, 2_000),
    ("/private/stoporder/place", 5, 2_000),
    ("/private/stoporder/change_plan_price", 4, 2_000),
    ("/private/order/cancel", 20, 2_000),
    ("/private/order/", 20, 2_000),
    ("/private/position/", 20, 2_000),
    ("/private/", 20, 2_000),
];

#[derive(Debug)]
struct FixedWindow {
    begun_ms: i64,
    calls: u32,
}

/// All rate limit windows.
#[derive(Default, Debug)]
pub struct Budgets {
    windows: BTreeMap<(String, String), FixedWindow>,
}

impl Budgets {
    /// Counts a request; whether it is within its limit.
    pub fn take(&mut self, settings: &Settings, request: &Request, now_ms: i64) -> bool {
        if settings.rate_limits == RateLimits::Off {
            return true;
        }
        let path = request.path.strip_prefix("/api/v1").unwrap_or_default();
        // Each endpoint has its own count, for all symbols together.
        let Some((_, count, window_ms)) = GROUPS.iter().find(|(begin, ..)| path.starts_with(begin)) else {
            return true;
        };
        let endpoint: String = path
            .split('/')
            .take(if path.starts_with("/private/") { 5 } else { 3 })
            .collect::<Vec<_>>()
            .join("/");
        let caller = request.header("apikey").unwrap_or_default().to_owned();
        if self.windows.len() >= WINDOWS {
            let oldest =
                self.windows.iter().min_by_key(|(_, window)| window.begun_ms).map(|(key, _)| key.clone());
            oldest.and_then(|key| self.windows.remove(&key));
        }
        let window =
            self.windows.entry((endpoint, caller)).or_insert(FixedWindow { begun_ms: now_ms, calls: 0 });
        // Windows are aligned to the clock, not to the first call.
        if now_ms.div_euclid(*window_ms) != window.begun_ms.div_euclid(*window_ms) {
            *window = FixedWindow { begun_ms: now_ms, calls: 0 };
        }
        window.calls = window.calls.saturating_add(1);
        window.calls <= *count
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
        let passed = |budgets: &mut Budgets, at_ms: i64| {
            (0..20).filter(|_| budgets.take(&Settings::default(), &ticker, at_ms)).count()
        };
        assert_eq!(passed(&mut budgets, 0), 10);
        assert!(budgets.take(&Settings::default(), &request("/api/v1/contract/ping"), 0));
        assert_eq!(passed(&mut budgets, 1_999), 0, "the window is full");
        assert_eq!(passed(&mut budgets, 2_000), 10);
        assert_eq!(passed(&mut budgets, 60_000), 10, "no quiet time is saved up");
        let half_refused =
            (0..120).filter(|call| budgets.take(&Settings::default(), &ticker, 100_000 + call * 100)).count();
        assert_eq!(half_refused, 60, "ten a second against ten in two seconds");
    }
}
