//! Scopes: the requests that share a rate limit, a cap on concurrency and the counts of faults.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::dataset::lock;
use crate::fault::FaultKind;
use crate::profile::{Profile, RateLimit};

/// So many URLs are counted one by one; the attempts of others are not told apart from a first one.
const MAX_URLS: usize = 200_000;

/// Requests under one `/with/` prefix, or under one configured prefix.
#[derive(Default)]
pub(crate) struct Scope {
    in_flight: AtomicU64,
    requests: AtomicU64,
    window: Mutex<Option<Window>>,
    attempts: Mutex<HashMap<String, u64>>,
}

struct Window {
    start: Instant,
    used: u32,
}

/// What a rate limit says to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) limit: RateLimit,
    pub(crate) granted: bool,
    pub(crate) remaining: u32,
    /// Until the next window.
    pub(crate) reset: Duration,
}

/// A request's place in its scope; dropping it leaves.
pub(crate) struct Place {
    scope: Arc<Scope>,
    /// How many were there when it came, itself included.
    pub(crate) occupancy: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.scope.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Scope {
    /// Takes a place. Whoever is over a cap takes one too, and leaves it with its refusal.
    pub(crate) fn enter(self: &Arc<Self>) -> Place {
        let occupancy = self.in_flight.fetch_add(1, Ordering::AcqRel) + 1;
        Place { scope: Arc::clone(self), occupancy }
    }

    /// Counts a request against a rate limit.
    pub(crate) fn draw(&self, limit: RateLimit, now: Instant) -> Quota {
        let mut window = lock(&self.window);
        let current = match window.as_mut() {
            Some(window) if now.duration_since(window.start) < limit.window => window,
            _ => window.insert(Window { start: now, used: 0 }),
        };
        let granted = current.used < limit.requests;
        if granted {
            current.used += 1;
        }
        Quota {
            limit,
            granted,
            remaining: limit.requests.saturating_sub(current.used),
            reset: limit.window.saturating_sub(now.duration_since(current.start)),
        }
    }

    /// The fault that strikes this request, which is counted for those to come.
    /// `attempt` says the how-manieth of its URL it is.
    pub(crate) fn fault(&self, profile: &Profile, attempt: u64) -> Option<FaultKind> {
        if profile.faults.is_empty() {
            return None;
        }
        let nth = self.requests.fetch_add(1, Ordering::AcqRel) + 1;
        profile.faults.iter().find(|fault| fault.when.strikes(nth, attempt)).map(|fault| fault.kind)
    }

    /// Counts a request of a URL, and says the how-manieth it is.
    pub(crate) fn attempt(&self, url: &str) -> u64 {
        let mut attempts = lock(&self.attempts);
        if let Some(count) = attempts.get_mut(url) {
            *count += 1;
            return *count;
        }
        if attempts.len() < MAX_URLS {
            attempts.insert(url.to_owned(), 1);
        }
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_grants_its_number_and_then_the_next_one_does() {
        let scope = Scope::default();
        let limit = RateLimit { requests: 2, window: Duration::from_secs(1) };
        let start = Instant::now();
        let draw = |ms| {
            let quota = scope.draw(limit, start + Duration::from_millis(ms));
            (quota.granted, quota.remaining, quota.reset.as_millis())
        };
        assert_eq!(draw(0), (true, 1, 1000));
        assert_eq!(draw(400), (true, 0, 600));
        assert_eq!(draw(999), (false, 0, 1));
        assert_eq!(draw(1000), (true, 1, 1000));
    }

    #[test]
    fn attempts_are_counted_for_each_url() {
        let scope = Scope::default();
        let profile: Profile = "fail=reset:first:2".parse().unwrap();
        let struck = |url| scope.fault(&profile, scope.attempt(url)).is_some();
        assert_eq!([struck("/a"), struck("/b"), struck("/a"), struck("/a")], [true, true, true, false]);
    }

    #[test]
    fn a_place_is_left_when_it_is_dropped() {
        let scope = Arc::new(Scope::default());
        let first = scope.enter();
        assert_eq!((first.occupancy, scope.enter().occupancy), (1, 2));
        drop(first);
        assert_eq!(scope.enter().occupancy, 1);
    }
}
