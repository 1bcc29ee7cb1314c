//! How long an address waits between attempts at one name, after failures. Never a lock: other addresses are not
//! affected, and no wait is longer than a minute.

use super::accounts;
use crate::domain::time::{Span, Timestamp};
use crate::limits::LOGIN_DELAYS;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

/// Failures after which the next attempt waits.
const FREE_FAILURES: u32 = 5;
/// First wait, seconds; each further failure doubles it.
const FIRST_S: i64 = 1;
/// Longest wait, seconds.
const LONGEST_S: i64 = 60;
/// Without a failure for so long all is forgotten.
const FORGOTTEN: Span = Span::from_seconds(900);

/// Failed logins by address and name.
#[derive(Default)]
pub(super) struct Delays {
    failures: BTreeMap<(IpAddr, String), Failures>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Failures {
    count: u32,
    last: Timestamp,
}

impl Delays {
    pub(super) fn delay(&self, address: IpAddr, name: &str, now: Timestamp) -> Span {
        let failures = self.failures.get(&key(address, name)).filter(|failures| now - failures.last < FORGOTTEN);
        let Some(failures) = failures.filter(|failures| failures.count >= FREE_FAILURES) else { return Span::ZERO };
        let doublings = (failures.count - FREE_FAILURES).min(LONGEST_S.ilog2() + 1);
        let wait = Span::from_seconds((FIRST_S << doublings).min(LONGEST_S));
        // Also when the clock went back: never longer than the wait itself.
        (failures.last + wait - now).clamp(Span::ZERO, wait)
    }

    pub(super) fn failed(&mut self, address: IpAddr, name: &str, now: Timestamp) {
        let key = key(address, name);
        let before = self.failures.get(&key).filter(|failures| now - failures.last < FORGOTTEN).map_or(0, |failures| failures.count);
        if self.failures.len() >= LOGIN_DELAYS && !self.failures.contains_key(&key) {
            self.make_room(now);
        }
        self.failures.insert(key, Failures { count: before.saturating_add(1), last: now });
    }

    pub(super) fn succeeded(&mut self, address: IpAddr, name: &str) {
        self.failures.remove(&key(address, name));
    }

    /// Forgets what is old, or else whoever failed least: a flood of names does not wash away the one under attack.
    fn make_room(&mut self, now: Timestamp) {
        self.failures.retain(|_, failures| now - failures.last < FORGOTTEN);
        if self.failures.len() >= LOGIN_DELAYS {
            let least = self.failures.iter().min_by_key(|(_, failures)| **failures).map(|(key, _)| key.clone());
            least.and_then(|key| self.failures.remove(&key));
        }
    }
}

/// What an attacker cannot choose freely: of IPv6 the network, and one name for all that no user can have.
fn key(address: IpAddr, name: &str) -> (IpAddr, String) {
    let address = match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    };
    (address, if accounts::name_problem(name).is_none() { name.to_owned() } else { String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn fail(delays: &mut Delays, address: IpAddr, name: &str, times: u32) {
        (0..times).for_each(|_| delays.failed(address, name, NOW));
    }

    #[test]
    fn waits_double_from_the_fifth_failure_to_a_minute() {
        let mut delays = Delays::default();
        let mut waits = Vec::new();
        for _ in 0..13 {
            waits.push(delays.delay(address(1), "ann", NOW).nanos() / 1_000_000_000);
            delays.failed(address(1), "ann", NOW);
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(delays.delay(address(1), "ann", NOW + Span::from_seconds(59)), Span::SECOND);
        assert_eq!(delays.delay(address(1), "ann", NOW + Span::from_seconds(60)), Span::ZERO);
        assert_eq!(delays.delay(address(1), "ann", NOW - Span::from_seconds(3_600)), Span::from_seconds(60), "the clock went back");
    }

    #[test]
    fn nobody_locks_out_another() {
        let mut delays = Delays::default();
        fail(&mut delays, address(1), "ann", 20);
        assert_eq!(delays.delay(address(2), "ann", NOW), Span::ZERO);
        assert_eq!(delays.delay(address(1), "bob", NOW), Span::ZERO);
        delays.succeeded(address(1), "ann");
        assert_eq!(delays.delay(address(1), "ann", NOW), Span::ZERO);
    }

    #[test]
    fn a_network_is_one_address_and_impossible_names_are_one_name() {
        let mut delays = Delays::default();
        fail(&mut delays, "2001:db8::1".parse().unwrap(), "ann", 5);
        assert_eq!(delays.delay("2001:db8::ffff:2".parse().unwrap(), "ann", NOW), Span::SECOND);
        assert_eq!(delays.delay("2001:db8:0:1::1".parse().unwrap(), "ann", NOW), Span::ZERO);
        fail(&mut delays, address(1), "ann", 5);
        assert_eq!(delays.delay("::ffff:192.0.2.1".parse().unwrap(), "ann", NOW), Span::SECOND);
        (0..5).for_each(|n| delays.failed(address(3), &"X".repeat(n * 100_000), NOW));
        assert_eq!(delays.delay(address(3), "", NOW), Span::SECOND);
        assert!(delays.failures.keys().all(|(_, name)| name.len() <= 64));
    }

    #[test]
    fn failures_are_forgotten_and_a_flood_keeps_the_worst() {
        let mut delays = Delays::default();
        fail(&mut delays, address(1), "ann", 8);
        for n in 0..2 * LOGIN_DELAYS {
            delays.failed(address(2), &format!("n{n}"), NOW);
        }
        assert_eq!(delays.failures.len(), LOGIN_DELAYS);
        assert_eq!(delays.delay(address(1), "ann", NOW), Span::from_seconds(8));
        delays.failed(address(1), "ann", NOW + FORGOTTEN);
        assert_eq!(delays.delay(address(1), "ann", NOW + FORGOTTEN), Span::ZERO);
        delays.failed(address(1), "bob", NOW + FORGOTTEN);
        assert_eq!(delays.failures.len(), 2);
    }
}
