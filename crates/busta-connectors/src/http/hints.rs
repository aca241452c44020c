//! Limits as servers tell them in headers.
//!
//! `Retry-After` is RFC 9110, 10.2.3. `X-RateLimit-*` was never written down: the reset is a Unix
//! time at some servers (GitHub), seconds from now at others, and a fraction of seconds at Reddit.
//! `RateLimit-*` and `RateLimit` are draft-ietf-httpapi-ratelimit-headers: in its first versions
//! `RateLimit-Remaining: 5` or `RateLimit: limit=10, remaining=5, reset=30`, in its later ones
//! `RateLimit: "default";r=5;t=30`.

use std::time::Duration;

use busta_core::meter::RateHints;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use http::header::RETRY_AFTER;

/// No window is this long, so a larger reset is a Unix time in seconds.
const UNIX_SECONDS: f64 = 1e9;

/// A Unix time in seconds stays below this for 30,000 years, so a larger one is in milliseconds.
const UNIX_MILLIS: f64 = 1e12;

/// All that the headers say about limits.
pub(super) fn hints(headers: &HeaderMap, now: DateTime<Utc>) -> RateHints {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let (listed_remaining, listed_reset) = text("ratelimit").map_or((None, None), structured);
    let remaining = ["x-ratelimit-remaining", "x-rate-limit-remaining", "ratelimit-remaining"]
        .into_iter()
        .find_map(|name| text(name).and_then(count));
    let reset = ["x-ratelimit-reset-after", "x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset"]
        .into_iter()
        .find_map(|name| text(name).and_then(|value| reset(value, now)));
    RateHints {
        retry_after: text(RETRY_AFTER.as_str()).and_then(|value| retry_after(value, now)),
        remaining: remaining.or(listed_remaining),
        reset: reset.or(listed_reset),
    }
}

/// Seconds, or an HTTP date; a date that has passed means at once.
fn retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(number) = value.parse::<f64>() {
        return seconds(number);
    }
    let date: DateTime<Utc> = httpdate::parse_http_date(value).ok()?.into();
    Some((date - now).to_std().unwrap_or_default())
}

fn reset(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let number: f64 = value.parse().ok()?;
    let now = now.timestamp_millis() as f64 / 1000.0;
    let left = if number >= UNIX_MILLIS {
        number / 1000.0 - now
    } else if number >= UNIX_SECONDS {
        number - now
    } else {
        number
    };
    seconds(left)
}

fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number.max(0.0)).ok()
}

/// Reddit counts in fractions: 0.5 requests are none.
fn count(value: &str) -> Option<u64> {
    let number: f64 = value.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number as u64)
}

/// `remaining` and `reset` of the `RateLimit` header in both its shapes. Of several policies the
/// one with the least remaining counts.
fn structured(value: &str) -> (Option<u64>, Option<Duration>) {
    let mut policies: Vec<(Option<u64>, Option<Duration>)> = Vec::new();
    for (index, policy) in value.split(',').enumerate() {
        let names_policy = policy.trim_start().starts_with('"');
        if index == 0 || names_policy {
            policies.push((None, None));
        }
        let Some(current) = policies.last_mut() else { continue };
        for parameter in policy.split(';') {
            match parameter.trim().split_once('=') {
                Some(("r" | "remaining", value)) => current.0 = count(value),
                Some(("t" | "reset", value)) => current.1 = value.parse().ok().and_then(seconds),
                _ => {}
            }
        }
    }
    policies.into_iter().min_by_key(|(remaining, _)| remaining.unwrap_or(u64::MAX)).unwrap_or((None, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap()
    }

    fn read(pairs: &[(&str, &str)]) -> RateHints {
        let headers = pairs
            .iter()
            .map(|(name, value)| {
                (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
            })
            .collect();
        hints(&headers, now())
    }

    fn secs(n: f64) -> Option<Duration> {
        Some(Duration::from_secs_f64(n))
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(read(&[("Retry-After", "120")]).retry_after, secs(120.0));
        assert_eq!(read(&[("Retry-After", "0")]).retry_after, secs(0.0));
        assert_eq!(read(&[("Retry-After", "Thu, 01 Jan 2026 00:01:30 GMT")]).retry_after, secs(90.0));
        assert_eq!(read(&[("Retry-After", "Wed, 31 Dec 2025 00:00:00 GMT")]).retry_after, secs(0.0));
        assert_eq!(read(&[("Retry-After", "soon")]).retry_after, None);
    }

    #[test]
    fn resets_are_told_in_three_ways() {
        let unix = (now().timestamp() + 30).to_string();
        let millis = ((now().timestamp() + 30) * 1000).to_string();
        for (value, left) in [("45", 45.0), ("12.5", 12.5), (unix.as_str(), 30.0), (millis.as_str(), 30.0)] {
            let seen = read(&[("X-RateLimit-Remaining", "7.0"), ("X-RateLimit-Reset", value)]);
            assert_eq!(
                seen,
                RateHints { retry_after: None, remaining: Some(7), reset: secs(left) },
                "{value}"
            );
        }
        assert_eq!(read(&[("X-RateLimit-Reset", "1700000000")]).reset, secs(0.0));
    }

    #[test]
    fn the_ietf_header_has_two_shapes() {
        let expected = RateHints { retry_after: None, remaining: Some(5), reset: secs(30.0) };
        assert_eq!(read(&[("RateLimit", "\"default\";r=5;t=30")]), expected);
        assert_eq!(read(&[("RateLimit", "limit=10, remaining=5, reset=30")]), expected);
        assert_eq!(read(&[("RateLimit-Remaining", "5"), ("RateLimit-Reset", "30")]), expected);
        assert_eq!(read(&[("RateLimit", "\"day\";r=900;t=6000, \"burst\";r=5;t=30")]), expected);
        assert_eq!(read(&[("RateLimit-Policy", "\"default\";q=10;w=60")]), RateHints::default());
    }

    proptest! {
        #[test]
        fn no_header_breaks_it(value in "[ -~]{0,40}") {
            for name in ["Retry-After", "X-RateLimit-Reset", "X-RateLimit-Remaining", "RateLimit"] {
                read(&[(name, &value)]);
            }
        }

        #[test]
        fn dates_round_trip(ahead in 0u64..10_000_000) {
            let at = std::time::SystemTime::from(now()) + Duration::from_secs(ahead);
            let seen = read(&[("Retry-After", &httpdate::fmt_http_date(at))]);
            prop_assert_eq!(seen.retry_after, Some(Duration::from_secs(ahead)));
        }
    }
}
