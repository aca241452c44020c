//! How long a level that was refused is left alone before it is tried again.

use std::time::Duration;

use tokio::time::Instant;

/// A refused trial costs the wait that the host asks for; at one in so many of these, that is 5 % of the
/// time.
const WAITS: u32 = 20;

/// What is assumed of a refusal that names no wait, and of one that names a very long one.
const LEAST_WAIT: Duration = Duration::from_millis(500);
const MOST_WAIT: Duration = Duration::from_secs(60);

/// A refused trial costs refusals, and one in so many requests is no storm.
const ANSWERS: u32 = 250;

/// Nor is one or two in so long a time, however few requests the host answers in it.
const LONG: Duration = Duration::from_secs(160);

/// The pause after a trial that only made the host slower.
const REST: Duration = Duration::from_secs(10);

/// A pause between trials, in time and in answers.
#[derive(Clone, Copy, Default)]
pub struct Hold {
    until: Option<Instant>,
    answers: u32,
    /// When it does not matter any more how few were answered.
    long: Option<Instant>,
}

impl Hold {
    /// A trial has cost so many refusals, and the host asks for this wait. If one before has cost more, that holds on.
    pub fn begin(&mut self, now: Instant, wait: Duration, refusals: u32) {
        self.until = Some(now + wait.clamp(LEAST_WAIT, MOST_WAIT) * WAITS);
        self.answers = self.answers.max(ANSWERS.saturating_mul(refusals));
        self.long = Some(now + LONG);
    }

    /// The host was slow, which costs little to see again.
    pub fn rest(&mut self, now: Instant) {
        self.until = Some(now + REST);
    }

    pub fn answered(&mut self) {
        self.answers = self.answers.saturating_sub(1);
    }

    pub fn is_over(&self, now: Instant) -> bool {
        let has_paid = self.answers == 0 || self.long.is_none_or(|long| long <= now);
        has_paid && self.until.is_none_or(|until| until <= now)
    }
}
