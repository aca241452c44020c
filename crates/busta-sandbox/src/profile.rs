//! Profiles: how a route behaves. One text form serves `/with/` paths, configuration and flags.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use busta_core::units::Span;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// How a route behaves, written as `key=value` pairs with commas between them.
///
/// | key | meaning |
/// | --- | --- |
/// | `latency=50ms` | how long an answer takes before its first byte |
/// | `jitter=10ms` | up to this much more, drawn anew for each request |
/// | `capacity=8` | above so many in flight, the latency grows in proportion, as in a busy server |
/// | `rate=10:1s` | at most 10 requests in each window of 1 s; above it 429 with `Retry-After` |
/// | `retry_after=date` | the form of `Retry-After`: `seconds` (default), `date` or `none` |
/// | `concurrency=4` | at most 4 in flight; above it 429 |
/// | `over=503` | the status above `concurrency`, instead of 429 |
/// | `fail=500:every:7` | a [`Fault`]; may be repeated, the first that strikes counts |
/// | `drip=2s` | how long a `slow` body takes (default 5 s) |
/// | `gzip` | compress for clients that accept it |
/// | `ranges=off` | objects are always served whole, whatever range was asked for |
/// | `changes=2` | an object is another one (bytes, `ETag`, `Last-Modified`) from the third request of its URL on |
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Profile {
    /// How long an answer takes before its first byte.
    pub latency: Option<Duration>,
    /// Up to this much more, drawn evenly and anew for each request.
    pub jitter: Option<Duration>,
    /// Above so many requests in flight in the scope, the latency grows in proportion.
    pub capacity: Option<u32>,
    /// How many requests are answered in a window of time; the others get 429.
    pub rate: Option<RateLimit>,
    /// How a 429 says when to come back.
    pub retry_after: Option<RetryAfter>,
    /// How many requests may be in flight; the others get [`over`](Self::over).
    pub concurrency: Option<u32>,
    /// The status above [`concurrency`](Self::concurrency): 429 unless set.
    pub over: Option<u16>,
    /// What goes wrong. The first that strikes counts.
    pub faults: Vec<Fault>,
    /// How long a [`Slow`](crate::FaultKind::Slow) body takes: 5 s unless set.
    pub drip: Option<Duration>,
    /// Compress with gzip for clients that accept it.
    pub gzip: bool,
    /// Serve objects whole, whatever range is asked for.
    pub no_ranges: bool,
    /// After so many requests of its URL an object is the next version of itself.
    pub changes: Option<u32>,
}

/// A number of requests in each window of time, the first of which starts with the first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many.
    pub requests: u32,
    /// In which time.
    pub window: Duration,
}

/// The form of `Retry-After` (RFC 9110, section 10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// Whole seconds, rounded up.
    Seconds,
    /// An HTTP date, rounded up to the second.
    Date,
    /// The header is left out.
    None,
}

impl Profile {
    /// This profile with everything that `over` sets put over it.
    pub(crate) fn overlay(&self, over: &Self) -> Self {
        Self {
            latency: over.latency.or(self.latency),
            jitter: over.jitter.or(self.jitter),
            capacity: over.capacity.or(self.capacity),
            rate: over.rate.or(self.rate),
            retry_after: over.retry_after.or(self.retry_after),
            concurrency: over.concurrency.or(self.concurrency),
            over: over.over.or(self.over),
            faults: if over.faults.is_empty() { self.faults.clone() } else { over.faults.clone() },
            drip: over.drip.or(self.drip),
            gzip: over.gzip || self.gzip,
            no_ranges: over.no_ranges || self.no_ranges,
            changes: over.changes.or(self.changes),
        }
    }

    /// Whether it matters how often a URL was asked for.
    pub(crate) fn counts_attempts(&self) -> bool {
        !self.faults.is_empty() || self.changes.is_some()
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let span = || value.parse::<Span>().map(|span| Some(span.0));
        match key {
            "latency" => self.latency = span()?,
            "jitter" => self.jitter = span()?,
            "drip" => self.drip = span()?,
            "capacity" => self.capacity = Some(positive(key, value)?),
            "concurrency" => self.concurrency = Some(positive(key, value)?),
            "rate" => self.rate = Some(value.parse()?),
            "retry_after" => self.retry_after = Some(value.parse()?),
            "over" => match value.parse() {
                Ok(status @ 400..=599) => self.over = Some(status),
                _ => return Err(format!("`over={value}` is not a status from 400 to 599")),
            },
            "fail" => self.faults.push(value.parse()?),
            "gzip" => self.gzip = true,
            "ranges" if value == "off" => self.no_ranges = true,
            "ranges" => return Err(format!("`ranges={value}` can only be `ranges=off`")),
            "changes" => self.changes = Some(positive(key, value)?),
            _ => return Err(format!("`{key}` is not an option of a profile")),
        }
        Ok(())
    }
}

fn positive(key: &str, value: &str) -> Result<u32, String> {
    match value.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err(format!("`{key}={value}` is not a number from 1 up")),
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut profile = Self::default();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            profile.set(key, value)?;
        }
        Ok(profile)
    }
}

impl TryFrom<String> for Profile {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Profile> for String {
    fn from(profile: Profile) -> Self {
        profile.to_string()
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = |value: Option<Duration>| value.map(|value| Span(value).to_string());
        let mut pairs: Vec<String> = [
            ("latency", span(self.latency)),
            ("jitter", span(self.jitter)),
            ("capacity", self.capacity.map(|n| n.to_string())),
            ("rate", self.rate.map(|rate| rate.to_string())),
            ("retry_after", self.retry_after.map(|form| form.to_string())),
            ("concurrency", self.concurrency.map(|n| n.to_string())),
            ("over", self.over.map(|n| n.to_string())),
            ("drip", span(self.drip)),
            ("changes", self.changes.map(|n| n.to_string())),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", value?)))
        .collect();
        pairs.extend(self.faults.iter().map(|fault| format!("fail={fault}")));
        pairs.extend(self.gzip.then(|| "gzip".to_owned()));
        pairs.extend(self.no_ranges.then(|| "ranges=off".to_owned()));
        f.write_str(&pairs.join(","))
    }
}

impl FromStr for RateLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`rate={text}` is not a rate: write requests:window, such as 10:1s");
        let (requests, window) = text.split_once(':').ok_or_else(wrong)?;
        let requests = requests.parse().map_err(|_| wrong())?;
        let window = window.parse::<Span>().map_err(|_| wrong())?.0;
        if requests == 0 || window.is_zero() {
            return Err(wrong());
        }
        Ok(Self { requests, window })
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.requests, Span(self.window))
    }
}

impl FromStr for RetryAfter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "seconds" => Ok(Self::Seconds),
            "date" => Ok(Self::Date),
            "none" => Ok(Self::None),
            _ => Err(format!("`retry_after={text}` is none of seconds, date and none")),
        }
    }
}

impl fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seconds => "seconds",
            Self::Date => "date",
            Self::None => "none",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_round_trip() {
        let text = "latency=50ms,jitter=10ms,capacity=8,rate=10:1s,retry_after=date,concurrency=4,over=503,\
                    drip=2s,changes=2,fail=500:every:7,fail=reset:first:1,gzip,ranges=off";
        let profile: Profile = text.parse().unwrap();
        assert_eq!(profile.to_string(), text);
        assert_eq!(profile.faults.len(), 2);
        assert_eq!("".parse::<Profile>().unwrap(), Profile::default());
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("latency=fast", "fast"),
            ("lantency=5ms", "lantency"),
            ("rate=10", "10:1s"),
            ("rate=0:1s", "rate"),
            ("concurrency=0", "concurrency"),
            ("over=200", "over"),
            ("ranges=on", "ranges=off"),
            ("fail=oops", "oops"),
        ] {
            let error = text.parse::<Profile>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_set_lies_over_what_was() {
        let below: Profile = "latency=50ms,rate=10:1s,fail=500".parse().unwrap();
        let over: Profile = "latency=1ms,fail=reset,gzip".parse().unwrap();
        assert_eq!(below.overlay(&over).to_string(), "latency=1ms,rate=10:1s,fail=reset,gzip");
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[a-z0-9:=,_. é-]{0,40}") {
            if let Ok(profile) = text.parse::<Profile>() {
                proptest::prop_assert_eq!(profile.to_string().parse(), Ok(profile));
            }
        }

        #[test]
        fn every_profile_is_read_as_it_is_written(
            latency in proptest::option::of(1u64..100_000),
            rate in proptest::option::of((1u32..1000, 1u64..100_000)),
            faults in proptest::collection::vec((400u16..600, 0u64..9), 0..4),
            gzip: bool,
        ) {
            let faults = faults.into_iter().map(|(status, n)| Fault {
                kind: crate::FaultKind::Status(status),
                when: if n == 0 { crate::When::Always } else { crate::When::Every(n) },
            });
            let profile = Profile {
                latency: latency.map(Duration::from_millis),
                rate: rate.map(|(requests, ms)| RateLimit { requests, window: Duration::from_millis(ms) }),
                faults: faults.collect(),
                gzip,
                ..Profile::default()
            };
            proptest::prop_assert_eq!(profile.to_string().parse(), Ok(profile));
        }
    }
}
