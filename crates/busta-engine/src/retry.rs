//! What to do after an error: the one table, and how long to wait.

use std::time::Duration;

use busta_core::settings::RetrySettings;
use busta_core::{Error, ErrorKind};

/// What becomes of a split after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Try again after the back-off; counts as a retry.
    Retry,
    /// Try again when the host says so; costs no retry.
    Wait,
    /// The split has failed; the rest of the run goes on.
    GiveUp,
}

/// How many times in a row a split may be told to slow down without being told for how long. A
/// server that does so for ever would otherwise hold the run for ever.
pub const MAX_BLIND_WAITS: u32 = 10;

/// The table from kind to action.
pub fn verdict(kind: ErrorKind) -> Verdict {
    match kind {
        ErrorKind::Unavailable => Verdict::Retry,
        ErrorKind::RateLimited => Verdict::Wait,
        ErrorKind::Config
        | ErrorKind::Auth
        | ErrorKind::NotFound
        | ErrorKind::Data
        | ErrorKind::Corrupt
        | ErrorKind::Conflict
        | ErrorKind::Cancelled
        | ErrorKind::Bug => Verdict::GiveUp,
    }
}

/// The wait before retry number `retry` (from 1): what the server asked for, else exponential back-off
/// with full jitter, a time drawn evenly from zero to the bound.
///
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
pub fn wait(error: &Error, retry: u32, settings: &RetrySettings, chance: &mut fastrand::Rng) -> Duration {
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
