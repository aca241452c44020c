//! How many requests in a time a host bears, learnt from its refusals.
//!
//! A limit on requests in a time cannot be kept by a number of places: one place alone may be too fast.
//! So when the host refuses a number of requests at once that it has just borne, what it accepted since
//! the last refusal, over the time until it accepts again, is its rate. From then on requests keep that
//! pace. It rises by a few percent each second while it is what holds requests back, and falls with the next
//! refusal to what was accepted since the last: additive increase, multiplicative decrease, with the
//! measured rate as the aim. Once it is far above what it has risen from, that limit is gone, and it rises as in
//! TCP's slow start. Where the host tells what is left of its windows, it rises to what they hold at once
//! ([`windows`](super::windows)). A pace that has held nothing back for a minute is dropped.

use std::time::Duration;

use tokio::time::Instant;

use super::hold::Hold;
use crate::hosts::pace::{LATE, since};

/// Below what was measured, since requests arrive with jitter.
const MARGIN: f64 = 0.98;

/// What a refusal leaves of the pace: at most and at least, and at least if it was only tried whether more
/// is borne.
const MOST_LEFT: f64 = 0.97;
const LEAST_LEFT: f64 = 0.5;
const LEFT_AFTER_TRIAL: f64 = 0.9;

/// The pace rises by this share of where it was at the last refusal, each time this has passed; faster
/// until it is refused for the first time, and ever faster the longer it is not, as in CUBIC (RFC 9438).
const FIRST_STEP: f64 = 0.05;
const STEP: f64 = 0.02;
const CONVEX: f64 = 1.15;
const STEP_EVERY: Duration = Duration::from_secs(1);

/// A pace above so many times what it has risen from would have been refused by the limit that made it; from there
/// on it rises by this share of itself with each step. The first measurement may be half of what is borne, since
/// waits are told in whole seconds or guessed.
const FAR: f64 = 1.5;
const FIRST_FAR: f64 = 2.0 * FAR;
const FAR_STEP: f64 = 0.5;

/// A rise shows its effect when the host's window ends, so there are no more than so many in one.
const STEPS_IN_A_WAIT: u32 = 4;

/// Fewer accepted requests than this say nothing about a rate: a first request may be refused for what
/// somebody else has used up, and between the few of a quiet host lies time that nobody wanted.
const LEAST_MEASURED: f64 = 5.0;

/// To try a pace costs at least so many refusals. What was refused when nothing was tried, since the limit fell, says
/// little about that: no more than so many of it count.
const LEAST_PRICE: u32 = 2;
const MOST_UNTRIED: u32 = 4;

/// What was accepted longer ago counts half.
const MEMORY: Duration = Duration::from_secs(20);

/// A pace that holds nothing back for so long is dropped.
const IDLE: Duration = Duration::from_secs(60);

/// The learnt pace of one host, if it has needed one.
#[derive(Default)]
pub struct Tempo {
    epoch: Option<Epoch>,
    /// A refusal whose epoch ends with the next request.
    refused: Option<Refused>,
    pace: Option<Pace>,
    /// What was so before the last refusal, should it turn out to go on.
    before: Option<(Refused, Epoch, Option<Pace>)>,
}

#[derive(Clone, Copy)]
struct Epoch {
    since: Instant,
    accepted: f64,
}

#[derive(Clone, Copy)]
struct Refused {
    at: Instant,
    wait: Duration,
    by_rate: bool,
    /// How many requests were refused in this go.
    count: u32,
}

#[derive(Clone, Copy)]
struct Pace {
    /// Requests in a second.
    rate: f64,
    /// What it rises by.
    step: f64,
    next: Instant,
    stepped_at: Instant,
    /// The time between two steps.
    every: Duration,
    /// What it has risen from, and what is far above that.
    base: f64,
    far: f64,
    /// What is known to be borne.
    sure: f64,
    /// It had been refused before it was tried whether more is borne.
    again: bool,
    /// Since when it has held nothing back.
    bound_at: Instant,
    hold: Hold,
}

impl Tempo {
    /// Requests in a second.
    pub fn rate(&self) -> Option<f64> {
        self.pace.as_ref().map(|pace| pace.rate)
    }

    /// Whether it is this that holds requests back now.
    pub fn is_binding(&self, now: Instant) -> bool {
        self.pace.as_ref().is_some_and(|pace| now.saturating_duration_since(pace.bound_at) < STEP_EVERY)
    }

    /// When the next request may leave, if not now.
    pub fn wait_until(&mut self, now: Instant) -> Option<Instant> {
        let pace = self.pace.as_mut().filter(|pace| pace.next > now)?;
        pace.bound_at = now;
        Some(pace.next)
    }

    /// A request leaves. The first one after a refusal ends its epoch.
    pub fn left(&mut self, now: Instant) {
        if let Some(refused) = self.refused.take() {
            self.before = self.epoch.map(|epoch| (refused, epoch, self.pace));
            let accepted = self.epoch.map_or(0.0, |epoch| epoch.accepted);
            let measured = self.pace.is_some() || accepted >= LEAST_MEASURED;
            if refused.by_rate && measured {
                self.learn(now, refused);
            }
            // A measurement that has only begun goes on over the refusal.
            if measured || accepted < 1.0 || !refused.by_rate {
                self.epoch = None;
            }
        }
        self.epoch.get_or_insert(Epoch { since: now, accepted: 0.0 });
        if let Some(pace) = &mut self.pace {
            pace.next = since(pace.next, now, LATE) + Duration::from_secs_f64(1.0 / pace.rate);
        }
    }

    /// By what the host told of a window, this pace would have used it up. A lower one is raised to it at once.
    pub fn told(&mut self, now: Instant, rate: f64) {
        if let Some(pace) = self.pace.as_mut().filter(|pace| pace.rate < rate * MARGIN) {
            (pace.rate, pace.base, pace.far) = (rate * MARGIN, rate * MARGIN, rate * FAR);
            (pace.step, pace.stepped_at) = (rate * STEP, now);
        }
    }

    /// The host accepted a request. `spent` says that it told of nothing left for now.
    pub fn accepted(&mut self, now: Instant, spent: bool) {
        if let Some(epoch) = &mut self.epoch {
            epoch.accepted += 1.0;
            epoch.forget(now);
        }
        let Some(pace) = &mut self.pace else { return };
        pace.hold.answered();
        if spent {
            // There is no more to be had; no need to be refused to know that.
            pace.stepped_at = now + 10 * STEP_EVERY;
        }
        let bound = now.saturating_duration_since(pace.bound_at);
        if bound > IDLE {
            self.pace = None;
        } else if bound < STEP_EVERY && pace.stepped_at + pace.every <= now && pace.hold.is_over(now) {
            pace.rise(now);
        }
    }

    /// The host refused a request, and asked for this wait.
    pub fn refused(&mut self, now: Instant, wait: Duration, by_rate: bool) {
        let by_rate = by_rate || self.refused.is_some_and(|refused| refused.by_rate);
        self.refused = Some(Refused { at: now, wait, by_rate, count: 1 });
    }

    /// The host refused again, and has accepted nothing since it last did: that refusal only ends with the
    /// next request.
    pub fn still_refused(&mut self, now: Instant, wait: Duration) {
        if let Some((refused, epoch, pace)) = self.before.take() {
            (self.epoch, self.pace, self.refused) = (Some(epoch), pace, Some(refused));
        }
        if let Some(refused) = &mut self.refused {
            refused.wait = now + wait - refused.at;
            refused.count += 1;
        }
    }

    /// Another request of the same moment was refused.
    pub fn also_refused(&mut self) {
        if let Some(refused) = &mut self.refused {
            refused.count += 1;
        }
    }

    /// It was not what the host refused for.
    pub fn give_up(&mut self) {
        self.pace = None;
    }

    fn learn(&mut self, now: Instant, refused: Refused) {
        let Some(epoch) = &self.epoch else { return };
        let took = now.max(refused.at + refused.wait).saturating_duration_since(epoch.since);
        let measured = epoch.accepted.max(1.0) / took.as_secs_f64().max(0.001) * MARGIN;
        let (rate, step) = match &self.pace {
            None => (measured, FIRST_STEP),
            Some(pace) => {
                let least = if pace.is_far() {
                    // Another limit holds now, which bore the last step but one.
                    pace.rate / (1.0 + FAR_STEP)
                } else if pace.hold.is_over(refused.at) {
                    // What it was raised from is known to be borne; half of the difference may be as well.
                    (pace.rate * LEFT_AFTER_TRIAL).max(f64::midpoint(pace.base, pace.rate))
                } else if pace.sure < pace.rate {
                    pace.sure
                } else if pace.again {
                    pace.rate * LEAST_LEFT
                } else {
                    // So little time tells little: the measurement may be of one silence and nothing else.
                    pace.rate * LEFT_AFTER_TRIAL
                };
                let most = pace.rate * MOST_LEFT;
                (measured.clamp(least.min(most), most), STEP)
            }
        };
        let sure = self.pace.as_ref().filter(|pace| pace.is_far()).map_or(rate, |pace| pace.sure.min(rate));
        let tried = self.pace.as_ref().is_some_and(|pace| pace.hold.is_over(refused.at));
        let again = self.pace.is_some() && !tried;
        let mut hold = self.pace.map_or_else(Hold::default, |pace| pace.hold);
        if self.pace.is_some() {
            let most = if tried { u32::MAX } else { MOST_UNTRIED };
            hold.begin(now, refused.wait, refused.count.clamp(LEAST_PRICE, most));
        }
        self.pace = Some(Pace {
            rate,
            step: rate * step,
            next: now,
            stepped_at: now,
            every: STEP_EVERY.max(refused.wait / STEPS_IN_A_WAIT),
            base: rate,
            far: rate * if self.pace.is_some() { FAR } else { FIRST_FAR },
            sure,
            again,
            bound_at: now,
            hold,
        });
    }
}

impl Pace {
    fn is_far(&self) -> bool {
        self.rate > self.far
    }

    fn rise(&mut self, now: Instant) {
        self.stepped_at = now;
        self.rate += self.step;
        if self.is_far() {
            self.step = FAR_STEP * self.rate;
        } else {
            self.step *= CONVEX;
        }
    }
}

impl Epoch {
    fn forget(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.since);
        if age > MEMORY {
            self.since = now - age / 2;
            self.accepted /= 2.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_refusal_of_the_first_request_is_no_rate() {
        let (mut tempo, now) = (Tempo::default(), Instant::now());
        let wait = Duration::from_secs(60);
        tempo.left(now);
        tempo.refused(now, wait, true);
        tempo.left(now + wait);
        assert_eq!(tempo.rate(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_low_rate_is_learnt_over_several_refusals() {
        let (mut tempo, mut now) = (Tempo::default(), Instant::now());
        let wait = Duration::from_secs(2);
        for _ in 0..10 {
            tempo.left(now);
            tempo.accepted(now, false);
            tempo.left(now);
            tempo.refused(now, wait, true);
            now += wait;
        }
        let rate = tempo.rate().unwrap_or_default();
        assert!((0.3..0.6).contains(&rate), "{rate}");
    }
}
