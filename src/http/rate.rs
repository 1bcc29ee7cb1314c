//! Request rate limit: one token bucket per address, refilled at a fixed rate up to a burst.

use crate::domain::time::Timestamp;
use crate::limits::HTTP_ADDRESSES;
use crate::service::users::network;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The buckets of all addresses (IPv6: one per network).
#[derive(Default, Debug)]
pub struct Rates {
    /// When full, the address idle for longest is forgotten; should it return, it starts with a full bucket.
    buckets: Mutex<BTreeMap<IpAddr, Arc<Bucket>>>,
}

/// A token bucket, initially full.
#[derive(Debug)]
pub struct Bucket {
    /// Time in nanoseconds at which the bucket is full again if no further request comes.
    full_at_ns: AtomicI64,
}

impl Rates {
    /// The bucket of an address. Direct clients look it up once per connection.
    pub fn bucket(&self, address: IpAddr) -> Arc<Bucket> {
        let address = network(address);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= HTTP_ADDRESSES && !buckets.contains_key(&address) {
            let oldest = buckets.iter().min_by_key(|(_, bucket)| bucket.full_at_ns.load(Ordering::Relaxed));
            if let Some(oldest) = oldest.map(|(address, _)| *address) {
                buckets.remove(&oldest);
            }
        }
        Arc::clone(buckets.entry(address).or_default())
    }
}

impl Default for Bucket {
    fn default() -> Self {
        Bucket { full_at_ns: AtomicI64::new(i64::MIN) }
    }
}

impl Bucket {
    /// Takes one token, or returns the seconds until one is available.
    pub fn take(&self, now: Timestamp, per_second: u32, burst: u32) -> Result<(), u32> {
        let cost = 1_000_000_000 / i64::from(per_second.max(1));
        let room = cost * i64::from(burst.max(1));
        let now = now.nanos();
        let mut wait = 0;
        let taken = self.full_at_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let full_at = full_at.max(now) + cost;
            wait = full_at - now - room;
            (wait <= 0).then_some(full_at)
        });
        match taken {
            Ok(_) => Ok(()),
            Err(_) => Err(u32::try_from(wait / 1_000_000_000 + 1).unwrap_or(u32::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let rates = Rates::default();
        let bucket = rates.bucket(IpAddr::from([127, 0, 0, 1]));
        let at = |ms: i64| Timestamp::from_millis(1_000_000 + ms).unwrap();
        for _ in 0..5 {
            assert_eq!(bucket.take(at(0), 10, 5), Ok(()));
        }
        assert_eq!(bucket.take(at(0), 10, 5), Err(1));
        assert_eq!(bucket.take(at(99), 10, 5), Err(1));
        assert_eq!(bucket.take(at(100), 10, 5), Ok(()));
        assert_eq!(bucket.take(at(150), 10, 5), Err(1));
        assert_eq!(rates.bucket(IpAddr::from([10, 0, 0, 1])).take(at(150), 10, 5), Ok(()), "another address");
        assert_eq!(bucket.take(at(60_000), 10, 5), Ok(()));
    }

    #[test]
    fn addresses_are_bounded() {
        let rates = Rates::default();
        for n in 0..HTTP_ADDRESSES as u32 + 100 {
            let _ =
                rates.bucket(IpAddr::from(n.to_be_bytes())).take(Timestamp::from_nanos(i64::from(n)), 1, 1);
        }
        assert_eq!(rates.buckets.lock().unwrap().len(), HTTP_ADDRESSES);
        assert!(
            rates
                .buckets
                .lock()
                .unwrap()
                .contains_key(&IpAddr::from((HTTP_ADDRESSES as u32 + 99).to_be_bytes()))
        );
    }
}
