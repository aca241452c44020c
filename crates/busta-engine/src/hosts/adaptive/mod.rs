//! How much a host bears, learnt from its answers: places at once ([`window`]), requests in a time
//! ([`tempo`]), and what it says itself ([`budget`], [`windows`]).
//!
//! None of them ever lets more through than the configured caps; they only let less. A refusal is put down
//! to what it can be due to: to places, if more were in flight than the host has just borne, and it accepted some
//! of them; else to the rate. Whichever is wrong will not be what holds requests back, and so is given up or
//! grown out of again.

mod budget;
mod hold;
mod latency;
mod tempo;
mod window;
mod windows;

use std::time::Duration;

use busta_core::meter::RateHints;
use tokio::time::Instant;

use budget::Budget;
use tempo::Tempo;
use window::{Blame, Window};
use windows::Windows;

/// Windows up to this long are kept by a pace. Longer ones are used up and waited for, where the host tells
/// of them: work that fits into one should not be stretched over it.
const PACED: Duration = Duration::from_secs(10);

/// What one host bears.
#[derive(Default)]
pub struct Adaptive {
    window: Window,
    tempo: Tempo,
    budget: Budget,
    windows: Windows,
}

/// An answer, as far as it says what the host bears.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// `None` if there was none.
    pub status: Option<u16>,
    pub latency: Duration,
    pub limits: RateHints,
    /// Requests under way when it came, its own included.
    pub in_flight: usize,
    /// A configured pace is kept, and was never refused.
    pub paced: bool,
}

/// What a change was due to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It refused with this status.
    Refused(u16),
    /// It answered more slowly, or failed more often.
    Strained,
}

impl Answer {
    /// The host had too much: 429, or another refusal that says when to come back.
    pub fn is_refusal(&self) -> bool {
        match self.status {
            Some(429) => true,
            Some(503) => self.limits.retry_after.is_some(),
            Some(403) => self.limits.retry_after.is_some() || self.limits.remaining == Some(0),
            _ => false,
        }
    }

    /// How long the host asks us to stay away.
    pub fn quiet(&self) -> Option<Duration> {
        match self.limits {
            limits if self.is_refusal() && limits.retry_after.is_some() => limits.retry_after,
            limits if limits.remaining == Some(0) => limits.reset,
            _ => None,
        }
    }

    /// Whether what it says of its window is to be heeded. A short one need not be waited for if a pace is kept
    /// already: its end is told in whole seconds, and to wait for it may cost more than the window is long.
    pub fn is_heeded(&self, paced: bool) -> bool {
        self.is_refusal() || !(paced || self.paced) || !self.is_of_a_short_window()
    }

    fn is_of_a_short_window(&self) -> bool {
        self.limits.remaining.is_some() && self.limits.reset.is_some_and(|reset| reset <= PACED)
    }
}

impl Adaptive {
    /// How many requests it may have at once.
    pub fn places(&self) -> usize {
        self.window.places()
    }

    /// The pace that was learnt, in requests a second.
    pub fn rate(&self) -> Option<f64> {
        self.tempo.rate()
    }

    /// When the next request may leave, if not now.
    pub fn wait_until(&mut self, now: Instant) -> Option<Instant> {
        self.tempo.wait_until(now).max(self.budget.wait_until(now))
    }

    /// A request leaves; with it, so many are under way.
    pub fn left(&mut self, now: Instant, in_flight: usize) {
        self.window.left(in_flight);
        self.tempo.left(now);
        self.budget.left();
    }

    /// Whether what an answer says of its window is to be heeded.
    pub fn heeds(&self, answer: &Answer) -> bool {
        answer.is_heeded(self.tempo.rate().is_some())
    }

    /// Takes in an answer. Says why, if places or pace were changed.
    pub fn answered(&mut self, now: Instant, answer: &Answer) -> Option<Cause> {
        if self.heeds(answer) {
            self.budget.told(now, answer.latency, &answer.limits, answer.in_flight.saturating_sub(1));
        }
        if answer.is_refusal() {
            return self.refused(now, answer).then_some(Cause::Refused(answer.status.unwrap_or(429)));
        }
        let strained = match answer.status {
            Some(200..=399) => {
                let spent = answer.limits.remaining == Some(0) && answer.is_of_a_short_window();
                if spent && self.heeds(answer) {
                    self.tempo.refused(now, answer.limits.reset.unwrap_or_default(), true);
                }
                self.told(now, answer);
                self.tempo.accepted(now, spent);
                self.window.answered(now, answer.latency, answer.in_flight)
            }
            None | Some(502..=504) => self.window.failed(now, answer.latency, answer.in_flight),
            _ => false,
        };
        strained.then_some(Cause::Strained)
    }

    fn told(&mut self, now: Instant, answer: &Answer) {
        let Some(left) = answer.limits.remaining.filter(|_| answer.is_of_a_short_window()) else { return };
        let pace = self.tempo.rate().filter(|_| self.tempo.is_binding(now));
        if let Some(rate) = self.windows.told(now, answer.latency, left, pace) {
            self.tempo.told(now, rate);
        }
    }

    fn refused(&mut self, now: Instant, answer: &Answer) -> bool {
        let wait = answer.quiet().unwrap_or_default();
        let places = self.places();
        let full = answer.in_flight >= places;
        let paced = self.tempo.is_binding(now);
        let blame = self.window.refused(now, answer, wait, paced);
        let long = answer.limits.remaining.is_some() && !answer.is_of_a_short_window();
        match blame {
            Blame::Nothing => {
                self.tempo.also_refused();
                return self.places() < places;
            }
            Blame::Same => {
                self.tempo.still_refused(now, wait);
                return false;
            }
            // All places were taken, and no pace held anything back: what was learnt of one is wrong.
            Blame::Places if full && !paced => self.tempo.give_up(),
            Blame::Places | Blame::Rate => {}
        }
        self.tempo.refused(now, wait, blame == Blame::Rate && !long);
        true
    }
}
