//! What to do after an error: the one table, and how long to wait.

use std::time::Duration;

use busta_core::settings::RetrySettings;
use busta_core::{Error, ErrorKind};

/// Why something is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It may go well next time; counts as a retry.
    Retry,
    /// The host wants to be asked later; costs no retry.
    Wait,
}

/// How many times in a row we may be told to slow down without being told for how long. A
/// server that does so for ever would otherwise hold the run for ever.
const MAX_BLIND_WAITS: u32 = 10;

/// How many times planning may be told to slow down at all: it begins anew each time, so what needs more requests than a
/// server grants in a row would never come to its end.
pub const MAX_WAITS_OF_PLANNING: u32 = 10;

/// How often something has been tried in vain since it last went well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    /// Retries.
    pub retries: u32,
    /// Times that it was told to slow down.
    pub waits: u32,
}

impl Tries {
    /// Why it is tried again after an error, and after how long; `None` if it has failed.
    pub fn again(
        &mut self,
        error: &Error,
        settings: &RetrySettings,
        chance: &mut fastrand::Rng,
    ) -> Option<(Again, Duration)> {
        let why = again(error.kind())?;
        let wait = match why {
            Again::Retry if self.retries < settings.max_retries => {
                self.retries += 1;
                wait(error, self.retries, settings, chance)
            }
            Again::Wait if error.wait().is_some() || self.waits < MAX_BLIND_WAITS => {
                self.waits += 1;
                error.wait().unwrap_or_else(|| blind_wait(self.waits, settings))
            }
            Again::Retry | Again::Wait => return None,
        };
        Some((why, wait))
    }

    /// Which attempt the next one is, from 1.
    pub fn attempt(&self) -> u32 {
        self.retries.max(self.waits) + 1
    }
}

/// The table from kind to action: of what is not tried again, the rest of the run goes on without it.
fn again(kind: ErrorKind) -> Option<Again> {
    match kind {
        ErrorKind::Unavailable => Some(Again::Retry),
        ErrorKind::RateLimited => Some(Again::Wait),
        ErrorKind::Config
        | ErrorKind::Auth
        | ErrorKind::NotFound
        | ErrorKind::Data
        | ErrorKind::Corrupt
        | ErrorKind::Conflict
        | ErrorKind::Cancelled
        | ErrorKind::Bug => None,
    }
}

/// The wait before retry number `retry` (from 1): what the server asked for, else exponential back-off
/// with full jitter, a time drawn evenly from zero to the bound.
///
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
fn wait(error: &Error, retry: u32, settings: &RetrySettings, chance: &mut fastrand::Rng) -> Duration {
    error.wait().unwrap_or_else(|| bound(retry, settings).mul_f64(chance.f64()))
}

/// The wait after a "slow down" that did not say for how long: the back-off without jitter, since to
/// come back early is what the server just complained of.
pub fn blind_wait(waits: u32, settings: &RetrySettings) -> Duration {
    bound(waits, settings)
}

fn bound(retry: u32, settings: &RetrySettings) -> Duration {
    let doubled = 2u32.saturating_pow(retry.saturating_sub(1));
    settings.initial_backoff.0.saturating_mul(doubled).min(settings.max_backoff.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use busta_core::units::Span;

    fn settings() -> RetrySettings {
        RetrySettings {
            max_retries: 3,
            initial_backoff: Span(Duration::from_millis(500)),
            max_backoff: Span(Duration::from_secs(30)),
        }
    }

    #[test]
    fn bounds_double_up_to_the_maximum() {
        let seconds: Vec<f64> = (1..=8).map(|n| bound(n, &settings()).as_secs_f64()).collect();
        assert_eq!(seconds, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
        assert_eq!(bound(u32::MAX, &settings()), Duration::from_secs(30));
    }

    #[test]
    fn jitter_is_full_and_seeded() {
        let error = Error::unavailable("500");
        let draw = |seed| {
            let mut chance = fastrand::Rng::with_seed(seed);
            (0..1000).map(|_| wait(&error, 2, &settings(), &mut chance)).collect::<Vec<_>>()
        };
        let waits = draw(7);
        assert_eq!(waits, draw(7));
        assert!(waits.iter().all(|w| *w < Duration::from_secs(1)));
        assert!(waits.iter().any(|w| *w < Duration::from_millis(50)));
        assert!(waits.iter().any(|w| *w > Duration::from_millis(950)));
    }

    #[test]
    fn the_server_decides_where_it_says_so() {
        let error = Error::unavailable("503").retry_after(Some(Duration::from_secs(7)));
        assert_eq!(wait(&error, 1, &settings(), &mut fastrand::Rng::with_seed(0)), Duration::from_secs(7));
    }
}
