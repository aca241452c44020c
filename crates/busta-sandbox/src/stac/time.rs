//! Times in milliseconds of Unix time, and the intervals that searches are about.

use chrono::{DateTime, Datelike, Timelike};

/// A time of RFC 3339, rounded down to milliseconds.
pub(super) fn millis(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis())
}

/// The same rounded up.
fn millis_up(text: &str) -> Option<i64> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.timestamp_millis() + i64::from(!time.timestamp_subsec_nanos().is_multiple_of(1_000_000)))
}

/// A closed interval; its ends are the least and the greatest number where it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) from: i64,
    pub(super) until: i64,
}

impl Interval {
    /// Reads STAC's `datetime`: an instant, `a/b`, `../b`, `a/..`, also with nothing in place of `..`.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither a time of RFC 3339 nor an interval of two");
        let open = |end: &str| matches!(end, "" | "..");
        let Some((from, until)) = text.split_once('/') else {
            return Ok(Self {
                from: millis_up(text).ok_or_else(wrong)?,
                until: millis(text).ok_or_else(wrong)?,
            });
        };
        if open(from) && open(until) {
            return Err(format!("`{text}` is open at both ends"));
        }
        let interval = Self {
            from: if open(from) { i64::MIN } else { millis_up(from).ok_or_else(wrong)? },
            until: if open(until) { i64::MAX } else { millis(until).ok_or_else(wrong)? },
        };
        if interval.from > interval.until.saturating_add(1) {
            return Err(format!("`{text}` ends before it begins"));
        }
        Ok(interval)
    }

    /// Whether the two have a time in common.
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.from <= other.until && other.from <= self.until
    }
}

/// Appends `2024-01-31T12:00:00.123Z`.
pub(super) fn write_time(out: &mut Vec<u8>, millis: i64) {
    let time = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    digits(out, time.year().unsigned_abs(), 4);
    for (mark, part) in [
        (b'-', time.month()),
        (b'-', time.day()),
        (b'T', time.hour()),
        (b':', time.minute()),
        (b':', time.second()),
    ] {
        out.push(mark);
        digits(out, part, 2);
    }
    out.push(b'.');
    digits(out, time.timestamp_subsec_millis(), 3);
    out.push(b'Z');
}

/// Appends `20240131T120000`.
pub(super) fn write_compact(out: &mut Vec<u8>, millis: i64) {
    let time = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    digits(out, time.year().unsigned_abs(), 4);
    digits(out, time.month(), 2);
    digits(out, time.day(), 2);
    out.push(b'T');
    digits(out, time.hour(), 2);
    digits(out, time.minute(), 2);
    digits(out, time.second(), 2);
}

/// Appends a number with so many digits, zeros first.
pub(super) fn digits(out: &mut Vec<u8>, mut number: u32, count: usize) {
    let start = out.len();
    out.resize(start + count, b'0');
    for digit in out[start..].iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_stac() {
        let at = |text| millis(text).unwrap();
        let day = at("2024-02-29T00:00:00Z");
        for (text, from, until) in [
            ("2024-02-29T00:00:00Z", day, day),
            ("2024-02-29T01:00:00+01:00", day, day),
            ("2024-02-29T00:00:00Z/..", day, i64::MAX),
            ("../2024-02-29T00:00:00Z", i64::MIN, day),
            ("/2024-02-29T00:00:00Z", i64::MIN, day),
            ("2024-02-29T00:00:00Z/2024-02-29T00:00:00.9999Z", day, day + 999),
            ("2024-02-29T00:00:00.0001Z/2024-02-29T00:00:01Z", day + 1, day + 1000),
        ] {
            assert_eq!(Interval::read(text), Ok(Interval { from, until }), "{text}");
        }
        for text in ["", "yesterday", "2024-02-29", "../..", "/", "2024-02-29T00:00:00Z/2023-01-01T00:00:00Z"]
        {
            assert!(Interval::read(text).is_err(), "{text}");
        }
        let between = Interval::read("2024-02-29T00:00:00.0001Z").unwrap();
        assert!(!between.overlaps(Interval { from: day, until: day }), "a time between two milliseconds");
    }

    #[test]
    fn times_are_written_as_they_are_read() {
        let text = "2024-12-31T23:59:59.999Z";
        let mut out = Vec::new();
        write_time(&mut out, millis(text).unwrap());
        assert_eq!(out, text.as_bytes());
        out.clear();
        write_compact(&mut out, millis(text).unwrap());
        assert_eq!(out, b"20241231T235959");
    }
}
