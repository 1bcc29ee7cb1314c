//! Faults in REST answers.

use super::{Failed, Reply, Request};
use crate::rehearsal::exchange::Exchange;
use crate::rehearsal::faults::{Fault, FaultKind};

/// Faults that replace the answer. With `count: 1` the call is executed all the same.
const INSTEAD: [FaultKind; 12] = [
    FaultKind::Throttled,
    FaultKind::TooMany,
    FaultKind::Denied,
    FaultKind::Gateway,
    FaultKind::Empty,
    FaultKind::Maintenance,
    FaultKind::Maintenance604,
    FaultKind::NotAllowed,
    FaultKind::Internal,
    FaultKind::TimeWindow,
    FaultKind::ResetBefore,
    FaultKind::Refused,
];

/// Faults that change the answer of an executed call.
const AFTER: [FaultKind; 4] =
    [FaultKind::Truncated, FaultKind::Late, FaultKind::AckLate, FaultKind::ResetAfter];

impl Exchange {
    /// The answer that a fault gives instead, and whether the call is executed all the same.
    pub(super) fn answered_instead(&mut self, request: &Request) -> Option<(Reply, bool)> {
        if self.restarting.is_some() {
            return Some((Reply::html(504, "504 Gateway Time-out"), false));
        }
        let now_ms = self.true_ms();
        let failed = |code: i64, text: &str| Reply::of(Err(Failed::new(code, text)));
        if request.path.starts_with("/api/v1/private/")
            && let Some(fault) = self.faults.strikes(FaultKind::KeyRefused, None, now_ms)
        {
            return Some((failed(fault.count.unwrap_or(402), "API key expired"), false));
        }
        let fault =
            INSTEAD.iter().find_map(|kind| self.faults.strikes_path(*kind, None, &request.path, now_ms))?;
        let reply = match fault.fault {
            FaultKind::Throttled => failed(510, "Requests are too frequent, please try again later"),
            FaultKind::TooMany => Reply::json(429, "{\"code\":429,\"msg\":\"Too Many Requests\"}"),
            FaultKind::Denied => Reply::html(403, "Access Denied"),
            FaultKind::Gateway => Reply::html(504, "504 Gateway Time-out"),
            FaultKind::Empty => Reply::json(200, ""),
            FaultKind::Maintenance => {
                let text = "{\"code\":500,\"message\":\"System maintenance\",\"announcement\":\"https://127.0.0.1/announcement\"}";
                Reply::json(200, text)
            }
            FaultKind::Maintenance604 => failed(604, "The system is under maintenance"),
            FaultKind::NotAllowed => failed(1002, "Contract not allow place order!"),
            FaultKind::Internal => failed(500, "System internal error!"),
            FaultKind::Refused => return Some((failed(fault.count.unwrap_or(600), "refused"), false)),
            FaultKind::TimeWindow => failed(513, "Invalid request"),
            _ => Reply { is_reset: true, ..Reply::json(200, "") },
        };
        Some((reply, fault.count == Some(1)))
    }

    /// Applies faults to the answer of an executed call.
    pub(super) fn spoiled(&mut self, request: &Request, mut reply: Reply) -> Reply {
        let now_ms = self.true_ms();
        let faults: Vec<Fault> = AFTER
            .iter()
            .filter_map(|kind| self.faults.strikes_path(*kind, None, &request.path, now_ms))
            .collect();
        for fault in faults {
            let delay_ms = |default: i64| fault.ms.unwrap_or(default).clamp(0, 600_000).unsigned_abs();
            match fault.fault {
                FaultKind::Truncated => reply.body.truncate(reply.body.len() / 2),
                FaultKind::Late => reply.after_ms += delay_ms(30_000),
                // Long enough for the fill to be pushed before the acknowledgement.
                FaultKind::AckLate => reply.after_ms += delay_ms(500),
                _ => {
                    reply.after_ms += delay_ms(0);
                    reply.is_reset = true;
                }
            }
        }
        reply
    }
}
