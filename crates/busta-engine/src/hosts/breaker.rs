//! The circuit breaker: a host that only fails is left alone, probed, and taken up again.
//!
//! Closed -> (failures in a row) -> open for a pause -> one probe -> closed, or open for twice the pause.

use std::time::Duration;

use busta_core::settings::BreakerSettings;
use tokio::time::Instant;

/// A change that people want to know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The host is left alone for this long.
    Opened(Duration),
    /// The host answers again.
    Closed,
}

/// The state of one host's circuit.
#[derive(Default)]
pub struct Breaker {
    failures: u32,
    failing_since: Option<Instant>,
    open: Option<Open>,
}

struct Open {
    pause: Duration,
    until: Instant,
    /// The place whose request probes.
    probe: Option<u64>,
}

impl Breaker {
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// How long there has been nothing but failures.
    pub fn failing_for(&self, now: Instant) -> Duration {
        self.failing_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// `None` if requests may go; else when the next probe is due, `Some(None)` while one is under way.
    #[allow(clippy::option_option, reason = "shut with and without a time")]
    pub fn shut_until(&self, now: Instant) -> Option<Option<Instant>> {
        let open = self.open.as_ref()?;
        if open.probe.is_some() {
            return Some(None);
        }
        (open.until > now).then_some(Some(open.until))
    }

    /// A request of `place` leaves. If the circuit is open, it is the probe.
    pub fn probing(&mut self, place: u64, now: Instant) {
        if let Some(open) = &mut self.open
            && open.until <= now
        {
            open.probe = Some(place);
        }
    }

    /// A place is given back. If it was the probe's, perhaps without an outcome (the run was stopped), the
    /// next one may probe.
    pub fn probe_over(&mut self, place: u64) {
        if let Some(open) = &mut self.open
            && open.probe == Some(place)
        {
            open.probe = None;
        }
    }

    pub fn succeeded(&mut self) -> Option<Change> {
        self.failures = 0;
        self.failing_since = None;
        self.open.take().map(|_| Change::Closed)
    }

    pub fn failed(&mut self, place: u64, now: Instant, settings: &BreakerSettings) -> Option<Change> {
        self.failures += 1;
        self.failing_since.get_or_insert(now);
        let pause = match &self.open {
            // Answers to requests that left before the circuit opened say nothing new.
            Some(open) if open.probe != Some(place) => return None,
            Some(open) => (open.pause * 2).min(settings.max_pause.0),
            None if settings.failures > 0 && self.failures >= settings.failures => settings.pause.0,
            None => return None,
        };
        self.open = Some(Open { pause, until: now + pause, probe: None });
        Some(Change::Opened(pause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use busta_core::units::Span;

    fn settings() -> BreakerSettings {
        BreakerSettings {
            failures: 3,
            pause: Span(Duration::from_secs(1)),
            max_pause: Span(Duration::from_secs(4)),
            give_up_after: Span(Duration::from_secs(60)),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_probes_and_closes() {
        let mut breaker = Breaker::default();
        let now = Instant::now();
        assert_eq!(breaker.failed(1, now, &settings()), None);
        assert_eq!(breaker.failed(1, now, &settings()), None);
        assert_eq!(breaker.failed(1, now, &settings()), Some(Change::Opened(Duration::from_secs(1))));
        assert_eq!(breaker.failed(1, now, &settings()), None, "a late answer");
        let mut at = now;
        for pause in [2, 4, 4] {
            assert!(breaker.shut_until(at).is_some());
            at += breaker.shut_until(at).unwrap().unwrap() - at;
            assert_eq!(breaker.shut_until(at), None);
            breaker.probing(1, at);
            assert_eq!(breaker.shut_until(at), Some(None), "one probe at a time");
            assert_eq!(breaker.failed(1, at, &settings()), Some(Change::Opened(Duration::from_secs(pause))));
        }
        at += Duration::from_secs(4);
        breaker.probing(1, at);
        assert_eq!(breaker.succeeded(), Some(Change::Closed));
        assert_eq!(breaker.shut_until(at), None);
        assert_eq!(breaker.failing_for(at), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_probe_ends_the_probe() {
        let mut breaker = Breaker::default();
        let now = Instant::now();
        for place in 1..=3 {
            breaker.failed(place, now, &settings());
        }
        let due = now + Duration::from_secs(1);
        breaker.probing(4, due);
        // Stragglers from before the circuit opened come home while the probe is under way.
        breaker.probe_over(2);
        assert_eq!(breaker.failed(3, due, &settings()), None);
        assert_eq!(breaker.shut_until(due), Some(None), "no second probe");
        breaker.probe_over(4);
        assert_eq!(breaker.shut_until(due), None, "a probe without an outcome makes way for the next");
    }

    #[tokio::test(start_paused = true)]
    async fn zero_turns_it_off() {
        let mut breaker = Breaker::default();
        let off = BreakerSettings { failures: 0, ..settings() };
        for _ in 0..100 {
            assert_eq!(breaker.failed(1, Instant::now(), &off), None);
        }
    }
}
