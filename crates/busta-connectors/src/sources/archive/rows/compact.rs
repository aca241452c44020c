//! Dates that are written as one number: `20240131`, `202401312359`, `20240131235959`.
//!
//! A number of 8, 12 or 14 digits that is a date of the years 1970 to 2099 is one. Counted since 1970, such numbers would
//! be seconds and microseconds of August 1970 or milliseconds of 1976, which no archive holds.

use super::moment::{DAY, civil, days};

/// How many digits say a date to the second.
pub(super) const TO_SECONDS: usize = 14;

/// Whether a number of so many digits may be a date.
#[inline]
pub(super) fn may_be(digits: usize) -> bool {
    matches!(digits, 8 | 12 | TO_SECONDS)
}

/// The seconds since 1970 that `number` says as a date, if it has so many digits and is one.
#[inline]
pub(super) fn seconds(number: u64, digits: usize) -> Option<u64> {
    match digits {
        8 => dated(number, 0),
        12 => dated(number / 10_000, number % 10_000 * 100),
        TO_SECONDS => dated(number / 1_000_000, number % 1_000_000),
        _ => None,
    }
}

/// The same of `20240131` and `235959`.
#[cold]
fn dated(date: u64, time: u64) -> Option<u64> {
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    let (hour, minute, second) = (time / 10_000, time / 100 % 100, time % 100);
    if !(1970..2100).contains(&year) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days(year, month, day).filter(|days| civil(*days) == (year, month, day))?;
    Some(days * DAY + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::super::moment::{Clockwork, Moment};

    #[test]
    fn numbers_that_are_dates_are_dates() {
        for (text, expected) in [
            ("20240102", "2024-01-02T00:00:00.000000Z"),
            ("20240229.0", "2024-02-29T00:00:00.000000Z"),
            ("202401021530", "2024-01-02T15:30:00.000000Z"),
            ("20240102153045", "2024-01-02T15:30:45.000000Z"),
            ("20240102153045.25", "2024-01-02T15:30:45.250000Z"),
            // No dates: there is no such month, day, hour or year.
            ("20241302", "1970-08-23T06:35:02.000000Z"),
            ("20230229", "1970-08-23T03:30:29.000000Z"),
            ("202401022530", "1976-05-31T14:30:22.530000Z"),
            ("21000101", "1970-09-01T01:21:41.000000Z"),
            // Nor are numbers of another length.
            ("1704067200", "2024-01-01T00:00:00.000000Z"),
            ("1704067200000", "2024-01-01T00:00:00.000000Z"),
        ] {
            let moment = Moment::parse(text.as_bytes()).map(Clockwork::text);
            assert_eq!(moment.as_deref(), Some(expected), "{text}");
        }
        assert_eq!(Moment::parse(b"20240102.5"), None);
    }
}
