//! One host: its places, its pace, its circuit, and what it bears.

use std::time::Duration;

use busta_core::settings::{BreakerSettings, HostSettings};
use tokio::time::Instant;

use super::Refusal;
use super::adaptive::{Adaptive, Answer, Cause};
use super::breaker::{Breaker, Change};
use super::figures::Tally;
use super::pace::Pace;

/// A place that was taken: who has it is told apart, because one of them may be the probe of an open
/// circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u64);

/// The state of one host.
pub struct Host {
    places: Option<usize>,
    in_flight: usize,
    next_place: u64,
    /// Those who were told that their place is one too many, and have not given it back yet.
    leaving: usize,
    pub pace: Option<Pace>,
    /// Turns that were taken and whose requests have not been seen yet.
    turns: usize,
    /// It asked us not to come back before this.
    quiet_until: Option<Instant>,
    breaker: Breaker,
    adaptive: Option<Adaptive>,
    pub tally: Tally,
}

impl Host {
    pub fn new(settings: Option<&HostSettings>, adaptive: bool) -> Self {
        Self {
            places: settings.and_then(|s| s.max_concurrency),
            in_flight: 0,
            next_place: 0,
            leaving: 0,
            pace: settings.and_then(|s| s.rate_limit).map(Pace::new),
            turns: 0,
            quiet_until: None,
            breaker: Breaker::default(),
            adaptive: adaptive.then(Adaptive::default),
            tally: Tally::default(),
        }
    }

    /// Takes a place and a turn.
    pub fn admit(&mut self, now: Instant) -> Result<Place, Refusal> {
        self.would_admit(now)?;
        self.in_flight += 1;
        self.next_place += 1;
        let place = Place(self.next_place);
        self.take_turn(place, now);
        Ok(place)
    }

    pub fn would_admit(&mut self, now: Instant) -> Result<(), Refusal> {
        self.check(now)?;
        if self.in_flight >= self.places_now() {
            return Err(Refusal::Full);
        }
        self.check_turn(now)
    }

    /// Takes another turn for a place. If the host bears fewer places now, the place is to be given back.
    pub fn next(&mut self, place: Place, now: Instant) -> Result<(), Refusal> {
        self.check(now)?;
        if self.in_flight.saturating_sub(self.leaving) > self.places_now() {
            self.leaving += 1;
            return Err(Refusal::Full);
        }
        self.check_turn(now)?;
        self.take_turn(place, now);
        Ok(())
    }

    /// Takes another turn for a place that has been let through already. An open circuit, and a host that
    /// bears fewer places now, are for [`Host::next`] to tell.
    pub fn turn(&mut self, now: Instant) -> Result<(), Refusal> {
        self.check(now)?;
        if self.breaker.is_open() || self.in_flight.saturating_sub(self.leaving) > self.places_now() {
            return Err(Refusal::Full);
        }
        self.check_turn(now)?;
        self.spend_turn(now);
        Ok(())
    }

    pub fn release(&mut self, place: Place) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.leaving = self.leaving.saturating_sub(1);
        self.breaker.probe_over(place.0);
    }

    /// A request has been answered, or has failed.
    pub fn answered(&mut self, now: Instant, mut answer: Answer) -> Option<Cause> {
        answer.in_flight = self.turns.max(1);
        self.tally.count(&answer);
        answer.paced = self.pace.is_some() && self.tally.limited == 0;
        if self.turns > 0 {
            self.turns -= 1;
        } else if let Some(pace) = &mut self.pace {
            // It asked for no turn (a token, a redirect): the next one waits the longer.
            pace.spend(now);
        }
        let heeded =
            self.adaptive.as_ref().map_or_else(|| answer.is_heeded(false), |known| known.heeds(&answer));
        if let Some(wait) = answer.quiet().filter(|_| heeded) {
            self.quiet(now, wait);
        }
        self.adaptive.as_mut()?.answered(now, &answer)
    }

    pub fn quiet(&mut self, now: Instant, wait: Duration) {
        let until = now + wait;
        self.quiet_until = Some(self.quiet_until.map_or(until, |known| known.max(until)));
    }

    pub fn succeeded(&mut self) -> Option<Change> {
        self.breaker.succeeded()
    }

    pub fn failed(&mut self, place: Place, now: Instant, settings: &BreakerSettings) -> Option<Change> {
        self.breaker.failed(place.0, now, settings)
    }

    /// Whether its circuit is open.
    pub fn is_paused(&self) -> bool {
        self.breaker.is_open()
    }

    pub fn is_given_up(&self, now: Instant, after: Duration) -> bool {
        self.breaker.is_open() && self.breaker.failing_for(now) >= after
    }

    /// Places taken.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// The places that it was found to bear, if that is fewer than were ever wanted.
    pub fn limit(&self) -> Option<usize> {
        let places = self.adaptive.as_ref()?.places();
        (places < self.tally.in_flight_max).then_some(places)
    }

    /// The pace that was learnt, in requests a second.
    pub fn rate(&self) -> Option<f64> {
        self.adaptive.as_ref()?.rate()
    }

    fn places_now(&self) -> usize {
        let borne = self.adaptive.as_ref().map_or(usize::MAX, Adaptive::places);
        self.places.unwrap_or(usize::MAX).min(borne)
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

    fn check_turn(&mut self, now: Instant) -> Result<(), Refusal> {
        let paced = self.pace.as_ref().and_then(|pace| pace.wait_until(now));
        let borne = match (&mut self.adaptive, paced) {
            // A learnt pace holds nothing back while the configured one does.
            (Some(adaptive), None) => adaptive.wait_until(now),
            _ => None,
        };
        paced.or(borne).map_or(Ok(()), |until| Err(Refusal::Until(until)))
    }

    fn take_turn(&mut self, place: Place, now: Instant) {
        self.spend_turn(now);
        self.breaker.probing(place.0, now);
    }

    fn spend_turn(&mut self, now: Instant) {
        if let Some(pace) = &mut self.pace {
            pace.spend(now);
        }
        if let Some(adaptive) = &mut self.adaptive {
            adaptive.left(now, self.in_flight);
        }
        self.tally.left(self.in_flight);
        // A turn whose pull made no request must not cover somebody else's for ever.
        self.turns = (self.turns + 1).min(self.in_flight);
    }
}
