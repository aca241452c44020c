//! The limits of hosts, shared by all sources and runs of the process.
//!
//! A host is admitted to when a place is free, its rate allows another request, it has not asked us to
//! wait, and its circuit is not open. All four are looked at in one step under one lock, so that no
//! limit can be exceeded by two who look at the same time.

mod breaker;
mod pace;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use busta_core::HostKey;
use busta_core::settings::{BreakerSettings, EngineSettings, HostSettings};
use busta_core::units::Rate;
use tokio::time::Instant;

use breaker::Breaker;
pub use breaker::Change;
use pace::Pace;

/// The limits of all hosts.
pub struct Hosts {
    settings: BTreeMap<String, HostSettings>,
    breaker: BreakerSettings,
    hosts: Mutex<HashMap<HostKey, Host>>,
}

/// Why a host cannot be asked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// All its places are taken; one of them will be given back.
    Full,
    /// Not before this time, because of its rate, or because it asked us to wait.
    Until(Instant),
    /// Its circuit is open; it will be probed at this time.
    Paused(Instant),
}

struct Host {
    places: Option<usize>,
    in_flight: usize,
    pace: Option<Pace>,
    /// Turns that were taken and whose requests have not been seen yet.
    turns: usize,
    /// It asked us not to come back before this.
    quiet_until: Option<Instant>,
    breaker: Breaker,
}

impl Hosts {
    /// The limits that the configuration sets.
    pub fn new(settings: &EngineSettings) -> Self {
        Self {
            settings: settings.hosts.clone(),
            breaker: settings.breaker,
            hosts: Mutex::new(HashMap::new()),
        }
    }

    /// Makes sure that `key` is asked no more often than `rate`: the strictest of all that are told.
    pub fn limit_rate(&self, key: &HostKey, rate: Rate) {
        self.with(key, |host| {
            let stricter = host.pace.as_ref().is_none_or(|pace| pace.is_faster_than(rate));
            if stricter {
                host.pace = Some(Pace::new(rate));
            }
        });
    }

    /// Takes a place and a turn.
    pub fn admit(&self, key: &HostKey, now: Instant) -> Result<(), Refusal> {
        self.with(key, |host| {
            host.check_room(now)?;
            host.take_turn(now)?;
            host.in_flight += 1;
            Ok(())
        })
    }

    /// Whether [`Hosts::admit`] would say yes, without taking anything.
    pub fn would_admit(&self, key: &HostKey, now: Instant) -> Result<(), Refusal> {
        self.with(key, |host| {
            host.check_room(now)?;
            match host.pace.as_ref().and_then(|pace| pace.wait_until(now)) {
                Some(until) => Err(Refusal::Until(until)),
                None => Ok(()),
            }
        })
    }

    /// Takes another turn for someone who has a place already.
    pub fn next(&self, key: &HostKey, now: Instant) -> Result<(), Refusal> {
        self.with(key, |host| {
            host.check(now)?;
            host.take_turn(now)
        })
    }

    /// Gives a place back.
    pub fn release(&self, key: &HostKey) {
        self.with(key, |host| {
            host.in_flight = host.in_flight.saturating_sub(1);
            host.breaker.probe_over();
        });
    }

    /// Counts a request. One is covered by the turn that was taken for the pull; for any other that the
    /// pull makes (a token, a redirect) the next turn waits the longer.
    pub fn requested(&self, key: &HostKey, now: Instant) {
        self.with(key, |host| {
            if host.turns > 0 {
                host.turns -= 1;
            } else if let Some(pace) = &mut host.pace {
                pace.spend(now);
            }
        });
    }

    /// The host asked us not to come back before `wait` has passed.
    pub fn quiet(&self, key: &HostKey, now: Instant, wait: Duration) {
        self.with(key, |host| {
            let until = now + wait;
            host.quiet_until = Some(host.quiet_until.map_or(until, |known| known.max(until)));
        });
    }

    /// The host answered as it should.
    pub fn succeeded(&self, key: &HostKey) -> Option<Change> {
        self.with(key, |host| host.breaker.succeeded())
    }

    /// The host failed to answer, or answered 5xx.
    pub fn failed(&self, key: &HostKey, now: Instant) -> Option<Change> {
        let settings = self.breaker;
        self.with(key, |host| host.breaker.failed(now, &settings))
    }

    /// Whether the host has only failed for so long that nobody should wait for it any more.
    pub fn is_given_up(&self, key: &HostKey, now: Instant) -> bool {
        let give_up_after = self.breaker.give_up_after.0;
        self.with(key, |host| host.breaker.failing_for(now) >= give_up_after && host.breaker.is_open())
    }

    fn with<T>(&self, key: &HostKey, act: impl FnOnce(&mut Host) -> T) -> T {
        let mut hosts: MutexGuard<'_, HashMap<HostKey, Host>> =
            self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.get_mut(key) {
            return act(host);
        }
        act(hosts.entry(key.clone()).or_insert_with(|| Host::new(self.settings_of(key))))
    }

    /// Settings are written for `host` or `host:port`; a key also has a digest of the credential.
    fn settings_of(&self, key: &HostKey) -> Option<&HostSettings> {
        let address = key.as_str().split('#').next().unwrap_or_default();
        let name = address.rsplit_once(':').map_or(address, |(name, _)| name);
        self.settings.get(address).or_else(|| self.settings.get(name))
    }
}

impl Host {
    fn new(settings: Option<&HostSettings>) -> Self {
        Self {
            places: settings.and_then(|s| s.max_concurrency),
            in_flight: 0,
            pace: settings.and_then(|s| s.rate_limit).map(Pace::new),
            turns: 0,
            quiet_until: None,
            breaker: Breaker::default(),
        }
    }

    fn check(&self, now: Instant) -> Result<(), Refusal> {
        if let Some(probe_at) = self.breaker.shut_until(now) {
            return Err(probe_at.map_or(Refusal::Full, Refusal::Paused));
        }
        match self.quiet_until {
            Some(until) if until > now => Err(Refusal::Until(until)),
            _ => Ok(()),
        }
    }

    fn check_room(&self, now: Instant) -> Result<(), Refusal> {
        self.check(now)?;
        match self.places {
            Some(places) if self.in_flight >= places => Err(Refusal::Full),
            _ => Ok(()),
        }
    }

    fn take_turn(&mut self, now: Instant) -> Result<(), Refusal> {
        if let Some(pace) = &mut self.pace {
            pace.take(now).map_err(Refusal::Until)?;
        }
        // A turn whose pull made no request must not cover somebody else's for ever.
        self.turns = (self.turns + 1).min(self.in_flight + 1);
        self.breaker.probing(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(yaml: &str, setting: HostSettings) -> Hosts {
        let settings =
            EngineSettings { hosts: [(yaml.to_owned(), setting)].into(), ..EngineSettings::default() };
        Hosts::new(&settings)
    }

    #[tokio::test(start_paused = true)]
    async fn places_are_counted_per_key() {
        let hosts = hosts("a.example", HostSettings { max_concurrency: Some(2), rate_limit: None });
        let key: HostKey = "a.example:443#1f".into();
        let now = Instant::now();
        assert_eq!(hosts.admit(&key, now), Ok(()));
        assert_eq!(hosts.admit(&key, now), Ok(()));
        assert_eq!(hosts.admit(&key, now), Err(Refusal::Full));
        assert_eq!(hosts.admit(&"a.example:443#2e".into(), now), Ok(()));
        hosts.release(&key);
        assert_eq!(hosts.admit(&key, now), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_strictest_rate_holds() {
        let hosts = hosts("none", HostSettings::default());
        let key: HostKey = "b.example:80".into();
        let rate = |count| Rate { count, per: Duration::from_secs(1) };
        hosts.limit_rate(&key, rate(10));
        hosts.limit_rate(&key, rate(2));
        hosts.limit_rate(&key, rate(5));
        let now = Instant::now();
        assert_eq!(hosts.next(&key, now), Ok(()));
        let Err(Refusal::Until(next)) = hosts.next(&key, now) else { panic!("no pace") };
        assert!(next - now >= Duration::from_millis(500), "{:?}", next - now);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_asks_for_quiet_gets_it() {
        let hosts = hosts("none", HostSettings::default());
        let key: HostKey = "c.example:80".into();
        let now = Instant::now();
        hosts.quiet(&key, now, Duration::from_secs(7));
        hosts.quiet(&key, now, Duration::from_secs(3));
        assert_eq!(hosts.admit(&key, now), Err(Refusal::Until(now + Duration::from_secs(7))));
        assert_eq!(hosts.admit(&key, now + Duration::from_secs(7)), Ok(()));
    }
}
