//! For how long an answer stays as it is, by its own headers: RFC 9111, sections 4.2 and 5.2.2.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, DATE, EXPIRES};

/// `Cache-Control: max-age`, or else `Expires`, less the time that the answer has lain in caches before.
/// Zero if the headers say nothing, or that the answer may not be held: nothing is guessed.
pub(super) fn freshness(headers: &HeaderMap, now: DateTime<Utc>) -> Duration {
    let lifetime = match held(headers) {
        Held::Not => return Duration::ZERO,
        Held::For(seconds) => Duration::from_secs(seconds),
        Held::Unsaid => until_expiry(headers, now).unwrap_or_default(),
    };
    lifetime.saturating_sub(age(headers))
}

/// What `Cache-Control` says to a cache of one user: `s-maxage` is for shared ones.
enum Held {
    /// No time at all.
    Not,
    /// So many seconds.
    For(u64),
    /// Nothing.
    Unsaid,
}

fn held(headers: &HeaderMap) -> Held {
    let mut said = Held::Unsaid;
    let lines = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    for directive in lines.flat_map(|line| line.split(',')).map(str::trim) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return Held::Not;
        }
        if name.eq_ignore_ascii_case("max-age") && matches!(said, Held::Unsaid) {
            // A value that cannot be read means that the answer is stale (section 4.2.1).
            said = Held::For(value.trim_matches('"').parse().unwrap_or(0));
        }
    }
    said
}

/// From `Date`, or else now, until `Expires`; a date that cannot be read, such as `0`, has passed.
fn until_expiry(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let date = |name| headers.get(name).map(|value| httpdate::parse_http_date(value.to_str().ok()?).ok());
    let expires: DateTime<Utc> = date(EXPIRES)??.into();
    let from = date(DATE).flatten().map_or(now, DateTime::from);
    Some((expires - from).to_std().unwrap_or_default())
}

fn age(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(AGE).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> u64 {
        let pair = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        let mut headers = HeaderMap::new();
        headers.extend(pairs.iter().map(pair));
        freshness(&headers, Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap()).as_secs()
    }

    #[test]
    fn max_age_counts_before_expires() {
        let expires = ("Expires", "Thu, 01 Jan 2026 00:10:00 GMT");
        assert_eq!(read(&[("Cache-Control", "public, Max-Age=300")]), 300);
        assert_eq!(read(&[("Cache-Control", "max-age=\"300\""), expires]), 300);
        assert_eq!(read(&[("Cache-Control", "s-maxage=5"), expires]), 600);
        assert_eq!(read(&[expires]), 600);
        assert_eq!(read(&[expires, ("Date", "Thu, 01 Jan 2026 00:08:00 GMT")]), 120);
        assert_eq!(read(&[("Cache-Control", "max-age=300"), ("Age", "100")]), 200);
        assert_eq!(read(&[("Cache-Control", "max-age=300"), ("Age", "1000")]), 0);
    }

    #[test]
    fn what_may_not_be_held_and_what_says_nothing_is_not_fresh() {
        let expires = ("Expires", "Thu, 01 Jan 2026 00:10:00 GMT");
        for lines in [
            &[][..],
            &[("Expires", "0")],
            &[("Expires", "Wed, 31 Dec 2025 00:00:00 GMT")],
            &[("Cache-Control", "max-age=300, no-cache")],
            &[("Cache-Control", "max-age=300"), ("Cache-Control", "no-store")],
            &[("Cache-Control", "max-age=soon"), expires],
            &[("Cache-Control", "private")],
        ] {
            assert_eq!(read(lines), 0, "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_breaks_it(value in "[ -~]{0,40}") {
            for name in ["Cache-Control", "Expires", "Date", "Age"] {
                read(&[("Cache-Control", "max-age=18446744073709551615"), (name, &value)]);
                read(&[("Expires", "Fri, 31 Dec 9999 23:59:59 GMT"), (name, &value)]);
            }
        }
    }
}
