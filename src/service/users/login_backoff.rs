//! Delays between failed logins, per address and name and per address. Invariant: other addresses are not
//! affected, and no delay exceeds a minute.

use super::accounts;
use crate::domain::time::{Span, Timestamp};
use crate::limits::LOGIN_DELAYS;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

/// Failures are forgotten this long after the last one.
const FORGOTTEN: Span = Span::from_seconds(900);

/// Attempts at one name: the delay doubles from a second up to a minute.
const ONE_NAME: Rule = Rule { free_failures: 5, longest_s: 60 };

/// Attempts at any name: laxer, because several users may share an address.
const ALL_NAMES: Rule = Rule { free_failures: 20, longest_s: 10 };

/// How failures become delays.
#[derive(Clone, Copy)]
struct Rule {
    /// From this many failures on, the next attempt must wait: a second first, doubled by every further
    /// failure.
    free_failures: u32,
    /// Longest delay, seconds.
    longest_s: i64,
}

/// Failed logins by address, and by address and name.
#[derive(Default)]
pub(super) struct LoginBackoff {
    one_name: Ledger<(IpAddr, String)>,
    all_names: Ledger<IpAddr>,
}

impl LoginBackoff {
    pub(super) fn delay(&self, address: IpAddr, name: &str, now: Timestamp) -> Span {
        let of_name = self.one_name.delay(&(network(address), known(name)), ONE_NAME, now);
        of_name.max(self.all_names.delay(&network(address), ALL_NAMES, now))
    }

    pub(super) fn failed(&mut self, address: IpAddr, name: &str, now: Timestamp) {
        self.one_name.failed((network(address), known(name)), now);
        self.all_names.failed(network(address), now);
    }

    /// Clears failures at this name only: if the others were cleared too, one right password would buy more
    /// guesses.
    pub(super) fn succeeded(&mut self, address: IpAddr, name: &str) {
        self.one_name.0.remove(&(network(address), known(name)));
    }
}

/// Failures by key.
struct Ledger<K>(BTreeMap<K, Failures>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Failures {
    count: u32,
    last: Timestamp,
}

impl<K> Default for Ledger<K> {
    fn default() -> Self {
        Ledger(BTreeMap::new())
    }
}

impl<K: Ord + Clone> Ledger<K> {
    fn delay(&self, key: &K, rule: Rule, now: Timestamp) -> Span {
        let failures = self.0.get(key).filter(|failures| now - failures.last < FORGOTTEN);
        let Some(failures) = failures.filter(|failures| failures.count >= rule.free_failures) else {
            return Span::ZERO;
        };
        let doublings = (failures.count - rule.free_failures).min(rule.longest_s.ilog2() + 1);
        let wait = Span::from_seconds((1 << doublings).min(rule.longest_s));
        // Bounded by `wait` even if the clock went back.
        (failures.last + wait - now).clamp(Span::ZERO, wait)
    }

    fn failed(&mut self, key: K, now: Timestamp) {
        let before = self
            .0
            .get(&key)
            .filter(|failures| now - failures.last < FORGOTTEN)
            .map_or(0, |failures| failures.count);
        if self.0.len() >= LOGIN_DELAYS && !self.0.contains_key(&key) {
            self.make_room(now);
        }
        self.0.insert(key, Failures { count: before.saturating_add(1), last: now });
    }

    /// Drops old entries, else the one with the fewest failures, so that a flood of names does not displace
    /// the one under attack.
    fn make_room(&mut self, now: Timestamp) {
        self.0.retain(|_, failures| now - failures.last < FORGOTTEN);
        if self.0.len() >= LOGIN_DELAYS {
            let least = self.0.iter().min_by_key(|(_, failures)| **failures).map(|(key, _)| key.clone());
            least.and_then(|key| self.0.remove(&key));
        }
    }
}

/// The address range of one party: an IPv6 /64 network, inside which a host chooses addresses freely.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        other => other,
    }
}

/// The name, or for all invalid names one that no user can have.
fn known(name: &str) -> String {
    if accounts::name_problem(name).is_none() { name.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn fail(delays: &mut LoginBackoff, address: IpAddr, name: &str, times: u32) {
        (0..times).for_each(|_| delays.failed(address, name, NOW));
    }

    #[test]
    fn waits_double_from_the_fifth_failure_to_a_minute() {
        let mut delays = LoginBackoff::default();
        let mut waits = Vec::new();
        for _ in 0..13 {
            waits.push(delays.delay(address(1), "ann", NOW).nanos() / 1_000_000_000);
            delays.failed(address(1), "ann", NOW);
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(delays.delay(address(1), "ann", NOW + Span::from_seconds(59)), Span::SECOND);
        assert_eq!(delays.delay(address(1), "ann", NOW + Span::from_seconds(60)), Span::ZERO);
        assert_eq!(
            delays.delay(address(1), "ann", NOW - Span::from_seconds(3_600)),
            Span::from_seconds(60),
            "the clock went back"
        );
    }

    /// Guessing at many names is limited too.
    #[test]
    fn an_address_waits_whatever_names_it_tries() {
        let mut delays = LoginBackoff::default();
        let mut waits = Vec::new();
        for n in 0..26 {
            waits.push(delays.delay(address(1), &format!("n{n}"), NOW).nanos() / 1_000_000_000);
            delays.failed(address(1), &format!("n{n}"), NOW);
        }
        assert_eq!(waits[..20], [0; 20]);
        assert_eq!(waits[20..], [1, 2, 4, 8, 10, 10]);
        assert_eq!(delays.delay(address(2), "n1", NOW), Span::ZERO, "another address");
        delays.succeeded(address(1), "n1");
        assert_eq!(
            delays.delay(address(1), "n1", NOW),
            Span::from_seconds(10),
            "a right password buys no guesses"
        );
    }

    #[test]
    fn nobody_locks_out_another() {
        let mut delays = LoginBackoff::default();
        fail(&mut delays, address(1), "ann", 19);
        assert_eq!(delays.delay(address(2), "ann", NOW), Span::ZERO);
        assert_eq!(delays.delay(address(1), "bob", NOW), Span::ZERO);
        delays.succeeded(address(1), "ann");
        assert_eq!(delays.delay(address(1), "ann", NOW), Span::ZERO);
    }

    #[test]
    fn a_network_is_one_address_and_impossible_names_are_one_name() {
        let mut delays = LoginBackoff::default();
        fail(&mut delays, "2001:db8::1".parse().unwrap(), "ann", 5);
        assert_eq!(delays.delay("2001:db8::ffff:2".parse().unwrap(), "ann", NOW), Span::SECOND);
        assert_eq!(delays.delay("2001:db8:0:1::1".parse().unwrap(), "ann", NOW), Span::ZERO);
        fail(&mut delays, address(1), "ann", 5);
        assert_eq!(delays.delay("::ffff:192.0.2.1".parse().unwrap(), "ann", NOW), Span::SECOND);
        (0..5).for_each(|n| delays.failed(address(3), &"X".repeat(n * 100_000), NOW));
        assert_eq!(delays.delay(address(3), "", NOW), Span::SECOND);
        assert!(delays.one_name.0.keys().all(|(_, name)| name.len() <= 64));
    }

    #[test]
    fn failures_are_forgotten_and_a_flood_keeps_the_worst() {
        let mut delays = LoginBackoff::default();
        fail(&mut delays, address(1), "ann", 8);
        for n in 0..2 * LOGIN_DELAYS {
            delays.failed(address(2), &format!("n{n}"), NOW);
            delays.failed(IpAddr::from((n as u32).to_be_bytes()), "ben", NOW);
        }
        assert_eq!((delays.one_name.0.len(), delays.all_names.0.len()), (LOGIN_DELAYS, LOGIN_DELAYS));
        assert_eq!(delays.delay(address(1), "ann", NOW), Span::from_seconds(8));
        delays.failed(address(1), "ann", NOW + FORGOTTEN);
        assert_eq!(delays.delay(address(1), "ann", NOW + FORGOTTEN), Span::ZERO);
        delays.failed(address(1), "bob", NOW + FORGOTTEN);
        assert_eq!(delays.one_name.0.len(), 2);
    }
}
