//! The limits of hosts, shared by all sources and runs of the process.
//!
//! A host is admitted to when a place is free, its rate allows another request, it has not asked us to
//! wait, and its circuit is not open. All four are looked at in one step under one lock, so that no
//! limit can be exceeded by two who look at the same time.

mod adaptive;
mod breaker;
mod figures;
mod host;
mod pace;
#[cfg(test)]
mod simulation;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use busta_core::HostKey;
use busta_core::meter::Request;
use busta_core::report::HostReport;
use busta_core::settings::{BreakerSettings, EngineSettings, HostSettings};
use busta_core::units::Rate;
use tokio::time::Instant;

use adaptive::Answer;
pub use breaker::Change;
pub use figures::{HostState, Tallies, shown};
use host::Host;
pub use host::Place;
use pace::Pace;

/// Changes that are kept for whoever tells them.
const MOST_NEWS: usize = 1000;

/// Hosts that are listed.
const MOST_REPORTED: usize = 100;

/// The limits of all hosts.
pub struct Hosts {
    settings: BTreeMap<String, HostSettings>,
    breaker: BreakerSettings,
    adaptive: bool,
    hosts: Mutex<HashMap<HostKey, Host>>,
    /// Those whose circuit is open. Locked only while `hosts` is.
    paused: Mutex<HashSet<HostKey>>,
    news: Mutex<Vec<String>>,
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

impl Hosts {
    /// The limits that the configuration sets.
    pub fn new(settings: &EngineSettings) -> Self {
        Self {
            settings: settings.hosts.clone(),
            breaker: settings.breaker,
            adaptive: settings.adaptive_concurrency,
            hosts: Mutex::default(),
            paused: Mutex::default(),
            news: Mutex::new(Vec::new()),
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
    pub fn admit(&self, key: &HostKey, now: Instant) -> Result<Place, Refusal> {
        self.with(key, |host| host.admit(now))
    }

    /// Whether [`Hosts::admit`] would say yes, without taking anything.
    pub fn would_admit(&self, key: &HostKey, now: Instant) -> Result<(), Refusal> {
        self.with(key, |host| host.would_admit(now))
    }

    /// Takes another turn for someone who has a place already. If it is refused, the place is to be given
    /// back.
    pub fn next(&self, key: &HostKey, place: Place, now: Instant) -> Result<(), Refusal> {
        self.with(key, |host| host.next(place, now))
    }

    /// Takes another turn for a reader that is still at its pull, on the place that it has.
    pub fn turn(&self, key: &HostKey, now: Instant) -> Result<(), Refusal> {
        self.with(key, |host| host.turn(now))
    }

    /// Gives a place back.
    pub fn release(&self, key: &HostKey, place: Place) {
        self.with(key, |host| host.release(place));
    }

    /// Takes in what a request showed. One is covered by the turn that was taken for the pull; for any
    /// other that the pull makes (a token, a redirect) the next turn waits the longer.
    pub fn requested(&self, seen: &Request<'_>, now: Instant) {
        let Request { status, latency, limits, .. } = *seen;
        let answer = Answer { status, latency, limits, in_flight: 0, paced: false };
        let news = self.with(seen.host, |host| {
            let cause = host.answered(now, answer);
            let (limit, rate) = (host.limit(), host.rate());
            host.tally.news(seen.host, now, limit, rate, cause)
        });
        if let Some(news) = news {
            let mut all = self.news.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody may be there to hear them.
            if all.len() < MOST_NEWS {
                all.push(news);
            }
        }
    }

    /// The changes since the last call.
    pub fn news(&self) -> Vec<String> {
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was counted of every host so far.
    pub fn tallies(&self) -> Tallies {
        self.all().iter().map(|(key, host)| (key.clone(), host.tally)).collect()
    }

    /// What was seen of the hosts that were asked since `before`: first those that refused most, then those
    /// that were asked most.
    pub fn report(&self, before: &Tallies) -> Vec<HostReport> {
        let mut lines: Vec<HostReport> =
            self.all().iter().filter_map(|(key, host)| figures::line(key, host, before.get(key))).collect();
        lines.sort_by(|a, b| {
            (b.limited, b.requests).cmp(&(a.limited, a.requests)).then_with(|| a.host.cmp(&b.host))
        });
        lines.truncate(MOST_REPORTED);
        lines
    }

    /// How the hosts stand that were asked or are being asked: those that were asked most, and no more than a
    /// hundred.
    pub fn view(&self) -> Vec<HostState> {
        let mut all: Vec<HostState> = self.all().iter().map(|(key, host)| HostState::of(key, host)).collect();
        most_asked(&mut all);
        all.truncate(MOST_REPORTED);
        all
    }

    /// How those of these hosts stand that were asked or are being asked, those that were asked most first.
    pub fn states<'a>(&self, keys: impl IntoIterator<Item = &'a HostKey>) -> Vec<HostState> {
        let hosts = self.all();
        let known = keys.into_iter().filter_map(|key| Some(HostState::of(key, hosts.get(key)?)));
        let mut states: Vec<HostState> = known.collect();
        most_asked(&mut states);
        states
    }

    /// The hosts that get less than the configuration allows.
    pub fn held_back(&self) -> Vec<HostReport> {
        let mut lines: Vec<HostReport> = self
            .all()
            .iter()
            .filter(|(_, host)| host.limit().is_some() || host.rate().is_some())
            .filter_map(|(key, host)| figures::line(key, host, None))
            .take(MOST_REPORTED)
            .collect();
        lines.sort_by(|a, b| a.host.cmp(&b.host));
        lines
    }

    /// The host asked us not to come back before `wait` has passed.
    pub fn quiet(&self, key: &HostKey, now: Instant, wait: Duration) {
        self.with(key, |host| host.quiet(now, wait));
    }

    /// The host answered as it should.
    pub fn succeeded(&self, key: &HostKey) -> Option<Change> {
        self.with(key, |host| {
            let change = host.succeeded();
            if change.is_some() {
                self.paused().remove(key);
            }
            change
        })
    }

    /// The host failed to answer, or answered 5xx.
    pub fn failed(&self, key: &HostKey, place: Place, now: Instant) -> Option<Change> {
        let settings = self.breaker;
        self.with(key, |host| {
            let change = host.failed(place, now, &settings);
            if host.is_paused() {
                self.paused().insert(key.clone());
            }
            change
        })
    }

    /// The hosts that have only failed for so long that nobody should wait for them any more.
    pub fn given_up(&self, now: Instant) -> Vec<HostKey> {
        let give_up_after = self.breaker.give_up_after.0;
        let hosts = self.all();
        let paused = self.paused();
        let is_given_up =
            |key: &&HostKey| hosts.get(*key).is_some_and(|host| host.is_given_up(now, give_up_after));
        paused.iter().filter(is_given_up).cloned().collect()
    }

    fn with<T>(&self, key: &HostKey, act: impl FnOnce(&mut Host) -> T) -> T {
        let mut hosts = self.all();
        if let Some(host) = hosts.get_mut(key) {
            return act(host);
        }
        act(hosts.entry(key.clone()).or_insert_with(|| self.host(key)))
    }

    fn paused(&self) -> MutexGuard<'_, HashSet<HostKey>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<HostKey, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn host(&self, key: &HostKey) -> Host {
        let settings = self.settings_of(key);
        let adaptive = settings.and_then(|settings| settings.adaptive_concurrency).unwrap_or(self.adaptive);
        Host::new(settings, adaptive)
    }

    /// Settings are written for `host` or `host:port`; a key also has a digest of the credential.
    fn settings_of(&self, key: &HostKey) -> Option<&HostSettings> {
        let address = key.as_str().split('#').next().unwrap_or_default();
        let name = address.rsplit_once(':').map_or(address, |(name, _)| name);
        self.settings.get(address).or_else(|| self.settings.get(name))
    }
}

/// Leaves those that were asked or are being asked, the most asked first.
fn most_asked(states: &mut Vec<HostState>) {
    states.retain(|state| state.requests > 0 || state.in_flight > 0);
    states.sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| a.key.cmp(&b.key)));
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
        let hosts = hosts("a.example", HostSettings { max_concurrency: Some(2), ..HostSettings::default() });
        let key: HostKey = "a.example:443#1f".into();
        let now = Instant::now();
        let place = hosts.admit(&key, now).unwrap();
        hosts.admit(&key, now).unwrap();
        assert_eq!(hosts.admit(&key, now), Err(Refusal::Full));
        hosts.admit(&"a.example:443#2e".into(), now).unwrap();
        hosts.release(&key, place);
        hosts.admit(&key, now).unwrap();
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
        let place = hosts.admit(&key, now).unwrap();
        let Err(Refusal::Until(next)) = hosts.next(&key, place, now) else { panic!("no pace") };
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
        hosts.admit(&key, now + Duration::from_secs(7)).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_configured_pace_waits_for_no_short_window_unless_it_was_refused() {
        let rate = Some(Rate { count: 10, per: Duration::from_secs(1) });
        for adaptive in [true, false] {
            let setting = HostSettings {
                rate_limit: rate,
                adaptive_concurrency: Some(adaptive),
                ..HostSettings::default()
            };
            let hosts = hosts("d.example", setting);
            let key: HostKey = "d.example:443".into();
            let mut now = Instant::now();
            let mut waits = Vec::new();
            for status in [200, 429, 200] {
                let place = hosts.admit(&key, now).unwrap();
                let reset = Some(Duration::from_secs(2));
                let limits = busta_core::meter::RateHints { remaining: Some(0), reset, retry_after: None };
                let latency = Duration::ZERO;
                hosts
                    .requested(&Request { host: &key, status: Some(status), latency, bytes: 0, limits }, now);
                let Err(Refusal::Until(next)) = hosts.next(&key, place, now) else { panic!("no pace") };
                waits.push((next - now).as_millis());
                hosts.release(&key, place);
                now = next;
            }
            assert_eq!(waits, [102, 2000, 2000], "adaptive: {adaptive}");
        }
    }
}
