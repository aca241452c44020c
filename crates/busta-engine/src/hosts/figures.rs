//! What is counted of a host, and how its changes are told.

use std::collections::HashMap;
use std::time::Duration;

use busta_core::HostKey;
use busta_core::report::HostReport;
use tokio::time::Instant;

use super::adaptive::{Answer, Cause};
use super::host::Host;

/// A change is told when it is at least this large, and no sooner after the last one.
const NOTICEABLE: f64 = 1.5;
const TELL_EVERY: Duration = Duration::from_secs(2);

/// What was seen of a host since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    pub requests: u64,
    /// 429 and 503.
    pub limited: u64,
    /// Of all that were answered.
    pub answered: u64,
    pub latency: Duration,
    /// The most places taken at once.
    pub in_flight_max: usize,
    told: Told,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Told {
    at: Option<Instant>,
    places: Option<f64>,
    rate: Option<f64>,
}

impl Tally {
    pub fn left(&mut self, in_flight: usize) {
        self.in_flight_max = self.in_flight_max.max(in_flight);
    }

    pub fn count(&mut self, answer: &Answer) {
        self.requests += 1;
        self.limited += u64::from(matches!(answer.status, Some(429 | 503)));
        if answer.status.is_some() {
            self.answered += 1;
            self.latency += answer.latency;
        }
    }

    /// What is to be told of a host that bears `places` and `rate` now, if it is news:
    /// `shop.example: 8 -> 4 at once after 429`.
    pub fn news(
        &mut self,
        host: &HostKey,
        now: Instant,
        places: Option<usize>,
        rate: Option<f64>,
        cause: Option<Cause>,
    ) -> Option<String> {
        if self.told.at.is_some_and(|at| now < at + TELL_EVERY) {
            return None;
        }
        let most = self.in_flight_max as f64;
        let (was, is) = (self.told.places.unwrap_or(most), places.map_or(most, |places| places as f64));
        let paced = match (self.told.rate, rate) {
            (Some(was), Some(is)) => is_noticeable(was, is),
            (was, is) => was.is_some() != is.is_some(),
        };
        if !is_noticeable(was, is) && !paced {
            return None;
        }
        self.told = Told { at: Some(now), places: Some(is), rate };
        let mut parts = Vec::new();
        if is_noticeable(was, is) {
            parts.push(format!("{was} -> {is} at once"));
        }
        match rate {
            Some(rate) if paced => parts.push(format!("{rate:.1} requests a second")),
            None if paced => parts.push("no pace any more".to_owned()),
            _ => {}
        }
        let cause = match cause {
            Some(Cause::Refused(status)) => format!(" after {status}"),
            Some(Cause::Strained) => " because it is strained".to_owned(),
            None => String::new(),
        };
        Some(format!("{}: {}{cause}", shown(host), parts.join(", ")))
    }
}

/// What was counted of each host up to a moment.
pub type Tallies = HashMap<HostKey, Tally>;

/// The line of a host in a report, or none if it was not asked since `before`.
pub fn line(key: &HostKey, host: &Host, before: Option<&Tally>) -> Option<HostReport> {
    let before = before.copied().unwrap_or_default();
    let now = &host.tally;
    let answered = now.answered - before.answered;
    let latency = (now.latency - before.latency).as_secs_f64() * 1000.0;
    let report = HostReport {
        host: shown(key).to_owned(),
        limit: host.limit(),
        rate: host.rate(),
        in_flight_max: now.in_flight_max,
        requests: now.requests - before.requests,
        limited: now.limited - before.limited,
        latency_mean_ms: latency / answered.max(1) as f64,
    };
    (report.requests > 0).then_some(report)
}

/// How a host stands now.
#[derive(Clone, Debug, PartialEq)]
pub struct HostState {
    /// `host:port`.
    pub host: String,
    /// Its key: the host for one credential.
    pub key: HostKey,
    /// Places taken.
    pub in_flight: usize,
    /// How many requests at once it was found to bear; absent if as many as were wanted.
    pub limit: Option<usize>,
    /// How many requests a second it was found to bear; absent if no such limit was met.
    pub rate: Option<f64>,
    /// Whether it is left alone for a while after too many failures in a row.
    pub paused: bool,
    /// Requests since the process began.
    pub requests: u64,
    /// Those that it answered with 429 or 503.
    pub limited: u64,
    /// The mean of what its answers took, in milliseconds.
    pub latency_mean_ms: f64,
}

impl HostState {
    pub(super) fn of(key: &HostKey, host: &Host) -> Self {
        let tally = &host.tally;
        Self {
            host: shown(key).to_owned(),
            key: key.clone(),
            in_flight: host.in_flight(),
            limit: host.limit(),
            rate: host.rate(),
            paused: host.is_paused(),
            requests: tally.requests,
            limited: tally.limited,
            latency_mean_ms: tally.latency.as_secs_f64() * 1000.0 / tally.answered.max(1) as f64,
        }
    }
}

fn is_noticeable(was: f64, is: f64) -> bool {
    was.max(is) >= NOTICEABLE * was.min(is)
}

/// The host without the digest of its credential.
pub fn shown(host: &HostKey) -> &str {
    host.as_str().split('#').next().unwrap_or_default()
}
