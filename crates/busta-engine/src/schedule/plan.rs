//! What a schedule says.

use std::fmt;
use std::time::Duration;

use busta_core::units::Span;
use chrono::{DateTime, TimeDelta, Utc};

use super::cron::CronTimes;

/// The shortest time between two collections of one source: what is asked for more often than this is a
/// stream, not a schedule.
pub(super) const SHORTEST: Duration = Duration::from_secs(1);

/// When a source is collected by itself.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// At which times.
    pub when: When,
    /// How long after the start of the process the first collection waits at least.
    pub initial_delay: Duration,
    /// Up to so much is added to each time, so that sources with the same schedule do not start at once.
    pub jitter: Duration,
    /// What happens when it is due while it is still being collected.
    pub overlap: Overlap,
    /// Whether what was missed while nobody was there is made up for, once.
    pub catch_up: bool,
}

/// At which times.
#[derive(Clone, Debug)]
pub enum When {
    /// At fixed times of the day, the week or the year.
    Cron(CronTimes),
    /// In even steps from the first time. What is missed of them is missed; they do not shift.
    Every(Duration),
    /// As often as it is worth it: see [`Pace`](super::Pace).
    Auto {
        /// The shortest time between the end of a collection and the next.
        min: Duration,
        /// The longest.
        max: Duration,
    },
}

impl When {
    /// The first time after `now`, where the last was `last`. `None` if there is none, and under `auto`,
    /// where it depends on what is found.
    pub fn next_after(&self, last: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Cron(times) => times.next_after(now),
            Self::Every(step) => {
                let (last, step) = (last.unwrap_or(now).min(now), (*step).max(SHORTEST));
                later(last, step.checked_mul(steps(step, last, now).checked_add(1)?)?)
            }
            Self::Auto { .. } => None,
        }
    }

    /// The last time at or before `now` and after `last`: what was missed, if nobody was there.
    pub fn missed(&self, last: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Cron(times) => times.last_until(now).filter(|missed| *missed > last),
            Self::Every(step) => match steps(*step, last, now) {
                0 => None,
                steps => later(last, (*step).max(SHORTEST).checked_mul(steps)?),
            },
            Self::Auto { .. } => None,
        }
    }
}

/// How many whole steps there are from `last` to `now`.
fn steps(step: Duration, last: DateTime<Utc>, now: DateTime<Utc>) -> u32 {
    let passed = (now - last).to_std().unwrap_or_default();
    u32::try_from(passed.as_nanos() / step.max(SHORTEST).as_nanos()).unwrap_or(u32::MAX)
}

/// `after` later; `None` if no calendar goes so far.
pub(super) fn later(time: DateTime<Utc>, after: Duration) -> Option<DateTime<Utc>> {
    time.checked_add_signed(TimeDelta::from_std(after).ok()?)
}

/// What happens when a source is due while it is still being collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// Nothing: its next time counts.
    #[default]
    Skip,
    /// It is collected once more when it is done, however often it was due meanwhile.
    Queue,
}

impl Overlap {
    /// The policy as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Queue => "queue",
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cron(times) => times.fmt(f),
            Self::Every(step) => write!(f, "every {}", Span(*step)),
            Self::Auto { min, max } => write!(f, "auto ({} to {})", Span(*min), Span(*max)),
        }
    }
}
