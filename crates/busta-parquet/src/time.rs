//! Dates and times in RFC 3339, without a calendar library: an algorithm and some digits.

use std::ops::RangeInclusive;

use busta_core::moment::{civil, padded, push_year};

const DAY: i64 = 86_400;

/// The microseconds since 1970 of the moments that [`Kind::Time`](crate::Kind::Time) has: the years 0 to 9999.
pub(crate) const MOMENTS: RangeInclusive<i64> = -62_167_219_200_000_000..=253_402_300_799_999_999;

/// Writes a date as a JSON text. `days` count from 1970-01-01.
pub(crate) fn push_date(out: &mut Vec<u8>, days: i64) {
    out.push(b'"');
    date(out, days);
    out.push(b'"');
}

/// Writes an instant as a JSON text. `ticks` count from 1970-01-01T00:00:00 in steps of
/// `10^-digits` seconds.
pub(crate) fn push_instant(out: &mut Vec<u8>, ticks: i64, digits: u32, utc: bool) {
    let per_day = DAY * 10_i64.pow(digits);
    out.push(b'"');
    date(out, ticks.div_euclid(per_day));
    out.push(b'T');
    time(out, ticks.rem_euclid(per_day), digits);
    out.extend_from_slice(if utc { b"Z\"" } else { b"\"" });
}

/// Writes a time of day as a JSON text.
pub(crate) fn push_time(out: &mut Vec<u8>, ticks: i64, digits: u32) {
    out.push(b'"');
    time(out, ticks, digits);
    out.push(b'"');
}

/// Writes an interval as a JSON text in ISO 8601.
pub(crate) fn push_interval(out: &mut Vec<u8>, days: i32, milliseconds: i32) {
    let seconds = f64::from(milliseconds) / 1000.0;
    out.extend_from_slice(format!("\"P{days}DT{seconds}S\"").as_bytes());
}

/// The other way round than [`civil`]: `days_from_civil` of the same page.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Microseconds since 1970-01-01T00:00:00Z of a text of the one form `2024-01-31T23:59:59.000000Z`.
pub(crate) fn moment(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let is_it = bytes.len() == 27 && bytes[26] == b'Z' && bytes[19] == b'.' && bytes[10] == b'T';
    if is_it { micros(text) } else { None }
}

/// Microseconds since 1970-01-01T00:00:00Z of an RFC 3339 text; `None` if it is none, or says more
/// than microseconds do.
pub(crate) fn micros(text: &str) -> Option<i64> {
    let digits = |range: std::ops::Range<usize>| -> Option<i64> {
        let part = text.get(range)?;
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let mark = |at: usize, marks: &[u8]| text.as_bytes().get(at).is_some_and(|b| marks.contains(b));
    if !(mark(4, b"-") && mark(7, b"-") && mark(10, b"Tt ") && mark(13, b":") && mark(16, b":")) {
        return None;
    }
    let (year, month, day) = (digits(0..4)?, digits(5..7)?, digits(8..10)?);
    let (hour, minute, second) = (digits(11..13)?, digits(14..16)?, digits(17..19)?);
    let date = days(year, month, day);
    if !(1..=12).contains(&month)
        || civil(date) != (year, month, day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None;
    }
    let (fraction, zone) = fraction(text.get(19..)?)?;
    let seconds = date * DAY + hour * 3600 + minute * 60 + second - offset(zone)?;
    Some(seconds * 1_000_000 + fraction)
}

/// The microseconds of `.123Z`, and what follows the digits.
fn fraction(rest: &str) -> Option<(i64, &str)> {
    let Some(digits) = rest.strip_prefix('.') else { return Some((0, rest)) };
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, zone) = digits.split_at(count);
    if count == 0 || digits.get(6..).is_some_and(|more| more.bytes().any(|b| b != b'0')) {
        return None;
    }
    let first = digits.get(..6).unwrap_or(digits);
    Some((first.parse::<i64>().ok()? * 10_i64.pow(6 - first.len() as u32), zone))
}

/// The seconds that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match zone.as_bytes().first()? {
        b'+' => (1, &zone[1..]),
        b'-' => (-1, &zone[1..]),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    if !(hours.len() == 2 && minutes.len() == 2 && zone.is_ascii()) {
        return None;
    }
    let (hours, minutes) = (hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?);
    (hours < 24 && minutes < 60).then(|| sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

fn date(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil(days);
    push_year(out, year);
    padded(out, month, 2);
    out.push(b'-');
    padded(out, day, 2);
}

/// A time of day, with a fraction of 3, 6 or 9 digits where there is one.
fn time(out: &mut Vec<u8>, ticks: i64, digits: u32) {
    let per_second = 10_i64.pow(digits);
    let (seconds, mut fraction, mut digits) = (ticks / per_second, ticks % per_second, digits);
    padded(out, seconds / 3600, 2);
    out.push(b':');
    padded(out, seconds / 60 % 60, 2);
    out.push(b':');
    padded(out, seconds % 60, 2);
    if fraction == 0 {
        return;
    }
    while digits > 3 && fraction % 1000 == 0 {
        fraction /= 1000;
        digits -= 3;
    }
    out.push(b'.');
    padded(out, fraction, digits);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(ticks: i64, digits: u32) -> String {
        let mut out = Vec::new();
        push_instant(&mut out, ticks, digits, true);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn instants_are_rfc_3339() {
        assert_eq!(instant(0, 6), "\"1970-01-01T00:00:00Z\"");
        assert_eq!(instant(-1, 3), "\"1969-12-31T23:59:59.999Z\"");
        assert_eq!(instant(1_709_164_800_500_000, 6), "\"2024-02-29T00:00:00.500Z\"");
        assert_eq!(instant(951_782_400_000_000_001, 9), "\"2000-02-29T00:00:00.000000001Z\"");
        assert_eq!(instant(253_402_300_800_000, 3), "\"+10000-01-01T00:00:00Z\"");
        assert_eq!(instant(i64::MIN, 3).len(), "\"-292275055-05-16T16:47:04.192Z\"".len());
    }
    #[test]
    fn texts_become_instants_and_texts_again() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2024-02-29T23:59:59.024Z",
            "1600-12-31T00:00:00.000001Z",
            "9999-12-31T23:59:59.999999Z",
        ] {
            assert_eq!(instant(micros(text).unwrap(), 6), format!("\"{text}\""));
        }
        assert_eq!(micros("2024-01-01T02:00:00.5000000+02:00"), micros("2024-01-01T00:00:00.5Z"));
        for wrong in [
            "2024-02-30T00:00:00Z",
            "2024-01-01",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:60Z",
            "2024-01-01T00:00:00.1234567Z",
            "2024-13-01T00:00:00Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00+0200",
            "2024-01-01T00:00:00é",
        ] {
            assert_eq!(micros(wrong), None, "{wrong}");
        }
    }
}
