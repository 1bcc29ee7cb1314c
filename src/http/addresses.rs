//! The client address of a request, taken from `X-Forwarded-For` of trusted proxies, and the connection count
//! of each address.
//! Invariant: a forwarded address counts only if a trusted proxy wrote it; a client cannot forge its own.

use crate::config::Network;
use crate::service::users::network;
use hyper::header::{HeaderMap, HeaderName, VIA};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Headers that proxies add.
const SIGNS: [&str; 9] = [
    "forwarded",
    FORWARDED_FOR,
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
];

/// Whether the request carries any header that proxies add.
pub fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(VIA) || SIGNS.iter().any(|sign| headers.contains_key(HeaderName::from_static(sign)))
}

/// The trusted proxies.
#[derive(Debug)]
pub struct Proxies(Vec<Network>);

impl Proxies {
    /// From the configured list; invalid entries were already rejected with the configuration.
    pub fn new(configured: &[String]) -> Self {
        Proxies(configured.iter().filter_map(|text| Network::parse(text)).collect())
    }

    /// Whether this address is a trusted proxy.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The client of a request: the last address of `X-Forwarded-For` that is not a trusted proxy, because
    /// everything before it may be forged. An entry that cannot be parsed ends the search at the last trusted
    /// proxy.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trust(peer) {
            return peer;
        }
        let mut client = peer;
        for value in headers.get_all(FORWARDED_FOR).iter().rev() {
            for part in value.to_str().unwrap_or("?").rsplit(',') {
                match address(part.trim()) {
                    Some(address) if self.trust(address) => client = address,
                    Some(address) => return address,
                    None => return client,
                }
            }
        }
        client
    }
}

/// Parses an address with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare
        .parse()
        .ok()
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

/// Open connections per address (IPv6: per network). Has at most one entry per connection.
#[derive(Default, Debug)]
pub struct Connections(Mutex<BTreeMap<IpAddr, u32>>);

/// One counted connection of an address; uncounted when dropped.
#[derive(Debug)]
pub struct Counted {
    all: Arc<Connections>,
    address: IpAddr,
}

impl Connections {
    /// Counts one more connection; `None` when the address already has `most`. Loopback addresses are not
    /// limited.
    pub fn count(self: &Arc<Self>, address: IpAddr, most: u32) -> Option<Counted> {
        let most = if address.is_loopback() { u32::MAX } else { most };
        let address = network(address);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_insert(0);
        if *count >= most {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Counted { all: Arc::clone(self), address })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let name = HeaderName::from_static(FORWARDED_FOR);
        values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_trusted_proxies_are_believed_and_only_what_they_wrote() {
        let proxies = Proxies::new(&["127.0.0.1".to_owned(), "10.0.0.0/8".to_owned()]);
        let client =
            |peer: &str, values: &[&str]| proxies.client(peer.parse().unwrap(), &headers(values)).to_string();
        assert_eq!(client("203.0.113.9", &["198.51.100.7"]), "203.0.113.9", "a stranger says who it is");
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(
            client("127.0.0.1", &["1.1.1.1, 198.51.100.7"]),
            "198.51.100.7",
            "what stands before it may be made up"
        );
        assert_eq!(
            client("127.0.0.1", &["1.1.1.1, 198.51.100.7, 10.2.3.4"]),
            "198.51.100.7",
            "through two proxies"
        );
        assert_eq!(client("127.0.0.1", &["1.1.1.1", "198.51.100.7"]), "198.51.100.7", "two headers");
        assert_eq!(client("127.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(client("127.0.0.1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(client("127.0.0.1", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(client("127.0.0.1", &["::ffff:198.51.100.7"]), "198.51.100.7");
        for unreadable in ["unknown", "", "198.51.100.7, _hidden", "198.51.100.7, x, 10.2.3.4"] {
            assert!(proxies.trust(client("127.0.0.1", &[unreadable]).parse().unwrap()), "{unreadable}");
        }
    }

    #[test]
    fn an_address_has_so_many_connections_and_this_host_any() {
        let all = Arc::new(Connections::default());
        let of = |text: &str| all.count(text.parse().unwrap(), 2);
        let held = [of("192.0.2.1"), of("192.0.2.1")];
        assert!(held.iter().all(Option::is_some));
        assert!(of("192.0.2.1").is_none());
        assert!(of("192.0.2.2").is_some());
        let network = [of("2001:db8::1"), of("2001:db8::2")];
        assert!(of("2001:db8::3").is_none() && of("2001:db8:0:1::1").is_some(), "a network is one address");
        let own: Vec<_> = (0..100).map(|_| of("127.0.0.1")).collect();
        assert!(own.iter().all(Option::is_some));
        drop((held, network, own));
        assert!(all.0.lock().unwrap().is_empty());
        assert!(of("192.0.2.1").is_some());
    }
}
