use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many addresses are remembered at most.
const ADDRESSES: usize = 10_000;

/// How often something may happen: a bucket that holds `burst` and fills with `per_second`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// How often in the long run.
    pub per_second: f64,
    /// How often at once after a rest.
    pub burst: f64,
}

/// A bucket for each client address.
pub(crate) struct Rates {
    limit: RateLimit,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

struct Bucket {
    left: f64,
    at: Instant,
}

impl Rates {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self { limit, buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes one from the bucket of `address`, or says how long until there is one.
    pub(crate) fn take(&self, address: IpAddr) -> Result<(), Duration> {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        if buckets.len() >= ADDRESSES && !buckets.contains_key(&address) {
            self.forget(&mut buckets, now);
        }
        let bucket = buckets.entry(address).or_insert(Bucket { left: self.limit.burst, at: now });
        bucket.left = self.filled(bucket, now);
        bucket.at = now;
        if bucket.left < 1.0 {
            let wait = (1.0 - bucket.left) / self.limit.per_second;
            return Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::from_secs(3600)));
        }
        bucket.left -= 1.0;
        Ok(())
    }

    fn filled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let grown = now.duration_since(bucket.at).as_secs_f64() * self.limit.per_second;
        (bucket.left + grown).min(self.limit.burst)
    }

    /// A full bucket is as good as none. If none is full, all are forgotten: whoever has so many addresses
    /// is not held by a limit on each.
    fn forget(&self, buckets: &mut HashMap<IpAddr, Bucket>, now: Instant) {
        buckets.retain(|_, bucket| self.filled(bucket, now) < self.limit.burst);
        if buckets.len() >= ADDRESSES {
            buckets.clear();
        }
    }
}

/// What one client has: an IPv4 address, or 64 bits of an IPv6 address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_empties_and_fills() {
        let rates = Rates::new(RateLimit { per_second: 2.0, burst: 3.0 });
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        assert!((0..3).all(|_| rates.take(one).is_ok()));
        assert_eq!(rates.take(one), Err(Duration::from_millis(500)));
        assert!(rates.take(other).is_ok(), "each address has its own");
        tokio::time::advance(Duration::from_millis(500)).await;
        assert!(rates.take(one).is_ok() && rates.take(one).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_of_ipv6_is_one_client() {
        let rates = Rates::new(RateLimit { per_second: 1.0, burst: 1.0 });
        assert!(rates.take(address("2001:db8::1")).is_ok());
        assert!(rates.take(address("2001:db8::ffff")).is_err());
        assert!(rates.take(address("2001:db8:0:1::1")).is_ok());
        assert!(rates.take(address("192.0.2.1")).is_ok());
        assert!(rates.take(address("::ffff:192.0.2.1")).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_stays_small() {
        let rates = Rates::new(RateLimit { per_second: 1.0, burst: 2.0 });
        for n in 0..3 * ADDRESSES as u32 {
            let _ = rates.take(IpAddr::V4(n.into()));
        }
        assert!(rates.buckets.lock().unwrap().len() <= ADDRESSES);
    }
}
