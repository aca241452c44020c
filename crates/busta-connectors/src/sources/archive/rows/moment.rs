//! Moments in every form that archives write them, and in the one form of records.
//!
//! A record holds a moment as RFC 3339 in UTC with six digits of a fraction, `2024-01-01T00:00:01.500000Z`:
//! always 27 characters, so that texts sort as the moments do. Where a file says more than microseconds, all
//! nine digits are kept.

use super::compact;
use super::digits::digits;

/// The seconds of a day.
pub(super) const DAY: u64 = 86_400;

/// The last second of the year 9999, beyond which RFC 3339 has no form.
const LAST: u64 = 253_402_300_799;

/// Numbers below this count seconds,
const SECONDS: u64 = 100_000_000_000;
/// those below this milliseconds,
const MILLIS: u64 = SECONDS * 1000;
/// and those below this microseconds.
const MICROS: u64 = MILLIS * 1000;

/// A moment since 1970, to the nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    /// Whole seconds since 1970-01-01T00:00:00Z.
    pub seconds: u64,
    /// The nanoseconds beyond.
    pub nanos: u32,
}

impl Moment {
    /// Reads a number since 1970, whose size tells its unit, or a date with or without a time of day, also one that
    /// is written as one number; `None`
    /// if it is neither, or before 1970 or after the year 9999.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let moment = if text.get(4) == Some(&b'-') { written(text) } else { counted(text) }?;
        (moment.seconds <= LAST).then_some(moment)
    }

    /// Microseconds since 1970.
    pub fn micros(self) -> i64 {
        // At most the year 9999.
        (self.seconds * 1_000_000 + u64::from(self.nanos / 1000)) as i64
    }

    /// The moment of so many microseconds since 1970.
    pub fn from_micros(micros: i64) -> Self {
        let micros = micros.max(0) as u64;
        Self { seconds: micros / 1_000_000, nanos: (micros % 1_000_000) as u32 * 1000 }
    }
}

/// A number of seconds, milliseconds, microseconds or nanoseconds, perhaps with a fraction. As seconds, 10^11
/// is the year 5138; as milliseconds, 1973; and so on.
fn counted(text: &[u8]) -> Option<Moment> {
    let whole = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=19).contains(&whole) {
        return None;
    }
    let number = digits(&text[..whole])?;
    let fraction = match text.get(whole) {
        None => 0,
        Some(b'.') => nanos(&text[whole + 1..])?,
        Some(_) => return None,
    };
    if let Some(seconds) = compact::seconds(number, whole) {
        // Of a day or a minute there is no fraction.
        return (fraction == 0 || whole == compact::TO_SECONDS)
            .then_some(Moment { seconds, nanos: fraction as u32 });
    }
    Some(match number {
        0..SECONDS => split::<1>(number, fraction),
        SECONDS..MILLIS => split::<1_000>(number, fraction),
        MILLIS..MICROS => split::<1_000_000>(number, fraction),
        _ => split::<1_000_000_000>(number, fraction),
    })
}

/// The microseconds that a number says, whose size tells its unit; `None` if it counts nanoseconds.
#[inline]
pub(super) fn micros(number: u64) -> Option<i64> {
    let micros = match number {
        0..SECONDS => number * 1_000_000,
        SECONDS..MILLIS => number * 1000,
        MILLIS..MICROS => number,
        _ => return None,
    };
    Some(micros as i64)
}

/// The moment after so many units, of which a second has `UNIT`, and so many billionths of one.
fn split<const UNIT: u64>(number: u64, fraction: u64) -> Moment {
    let nanos = (number % UNIT) * (1_000_000_000 / UNIT) + fraction / UNIT;
    Moment { seconds: number / UNIT, nanos: nanos as u32 }
}

/// `2024-01-01`, `2024-01-01 00:00:01.5`, with `T` or `D` in the middle and a zone or none, which is UTC.
fn written(text: &[u8]) -> Option<Moment> {
    let part = |from: usize, to: usize| digits(text.get(from..to)?);
    let mark = |at: usize, marks: &[u8]| text.get(at).is_some_and(|byte| marks.contains(byte));
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    if !mark(4, b"-") || !mark(7, b"-") {
        return None;
    }
    let days = days(year, month, day).filter(|days| civil(*days) == (year, month, day))?;
    if text.len() == 10 {
        return Some(Moment { seconds: days * DAY, nanos: 0 });
    }
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    if !(mark(10, b"TtD ") && mark(13, b":") && mark(16, b":")) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut rest = &text[19..];
    let mut fraction = 0;
    if let Some(more) = rest.strip_prefix(b".") {
        let count = more.iter().take_while(|byte| byte.is_ascii_digit()).count();
        fraction = nanos(&more[..count]).filter(|_| count > 0)?;
        rest = &more[count..];
    }
    let seconds = (days * DAY + hour * 3600 + minute * 60 + second).checked_add_signed(-offset(rest)?)?;
    Some(Moment { seconds, nanos: fraction as u32 })
}

/// How many seconds a zone is ahead of UTC: nothing, `Z`, ` UTC`, `+02:00`, `+0200` or `+02`.
fn offset(zone: &[u8]) -> Option<i64> {
    let zone = zone.trim_ascii_start();
    if matches!(zone, b"" | b"Z" | b"z" | b"UTC") {
        return Some(0);
    }
    let sign = match zone[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = match zone.len() {
        3 => (&zone[1..3], &b"00"[..]),
        5 => (&zone[1..3], &zone[3..5]),
        6 if zone[3] == b':' => (&zone[1..3], &zone[4..6]),
        _ => return None,
    };
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60) as i64)
}

/// The nanoseconds of a fraction's digits. More than nine are refused unless the others are zeros.
fn nanos(fraction: &[u8]) -> Option<u64> {
    let (kept, more) = fraction.split_at(fraction.len().min(9));
    if more.iter().any(|byte| *byte != b'0') {
        return None;
    }
    match kept {
        [] => Some(0),
        _ => Some(digits(kept)? * 10_u64.pow(9 - kept.len() as u32)),
    }
}

/// The day's year, month and day in the Gregorian calendar. `days` count from 1970-01-01.
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`: years start in March, so
/// that the leap day is the last one of its year.
pub(super) fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// The other way round: `days_from_civil` of the same page. `None` before 1970, and for no month or day.
pub(super) fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

/// Two digits each of 00 to 99.
const PAIRS: [u8; 200] = {
    let mut pairs = [0; 200];
    let mut number = 0;
    while number < 100 {
        pairs[number * 2] = b'0' + (number / 10) as u8;
        pairs[number * 2 + 1] = b'0' + (number % 10) as u8;
        number += 1;
    }
    pairs
};

/// Writes moments. The moments of a file lie close together, so the text of the last day is kept.
#[derive(Debug)]
pub(super) struct Clockwork {
    day: u64,
    text: [u8; 29],
}

impl Default for Clockwork {
    fn default() -> Self {
        Self { day: 0, text: *b"\"1970-01-01T00:00:00.000000Z\"" }
    }
}

impl Clockwork {
    /// Appends `moment` as a JSON text.
    pub fn push(&mut self, out: &mut Vec<u8>, moment: Moment) {
        let (day, second) = (moment.seconds / DAY, (moment.seconds % DAY) as u32);
        if day != self.day {
            self.day = day;
            let (year, month, day) = civil(day);
            self.pair(1, (year / 100) as u32);
            self.pair(3, (year % 100) as u32);
            self.pair(6, month as u32);
            self.pair(9, day as u32);
        }
        self.pair(12, second / 3600);
        self.pair(15, second / 60 % 60);
        self.pair(18, second % 60);
        let (micros, beyond) = (moment.nanos / 1000, moment.nanos % 1000);
        self.pair(21, micros / 10_000);
        self.pair(23, micros / 100 % 100);
        self.pair(25, micros % 100);
        if beyond == 0 {
            out.extend_from_slice(&self.text);
            return;
        }
        out.extend_from_slice(&self.text[..27]);
        out.extend([100, 10, 1].map(|place| b'0' + (beyond / place % 10) as u8));
        out.extend_from_slice(b"Z\"");
    }

    /// The text of `moment`.
    pub fn text(moment: Moment) -> String {
        let mut out = Vec::with_capacity(32);
        Self::default().push(&mut out, moment);
        String::from_utf8_lossy(&out[1..out.len() - 1]).into_owned()
    }

    fn pair(&mut self, at: usize, number: u32) {
        let from = number as usize * 2;
        self.text[at..at + 2].copy_from_slice(&PAIRS[from..from + 2]);
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;

    use super::*;

    fn normal(text: &str) -> Option<String> {
        Moment::parse(text.as_bytes()).map(Clockwork::text)
    }

    #[test]
    fn every_form_comes_out_alike() {
        let new_year = Some("2024-01-01T00:00:01.500000Z".to_owned());
        for text in [
            "1704067201.5",
            "1704067201500",
            "1704067201500000",
            "1704067201500000000",
            "1704067201500.000",
            "2024-01-01T00:00:01.5Z",
            "2024-01-01 00:00:01.5",
            "2024-01-01D00:00:01.500000000",
            "2024-01-01T02:00:01.5+02:00",
            "2023-12-31 19:00:01.50-0500",
            "2024-01-01 00:00:01.5+00",
            "2024-01-01 00:00:01.500 UTC",
        ] {
            assert_eq!(normal(text), new_year, "{text}");
        }
        assert_eq!(normal("2024-02-29").unwrap(), "2024-02-29T00:00:00.000000Z");
        assert_eq!(normal("0").unwrap(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(normal("1585180700.0647").unwrap(), "2020-03-25T23:58:20.064700Z");
        assert_eq!(normal("2024-01-01D00:00:01.000000001").unwrap(), "2024-01-01T00:00:01.000000001Z");
        assert_eq!(normal("9999-12-31T23:59:59.999999Z").unwrap(), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "-1",
            "x",
            "17e8",
            "2024-02-30",
            "2024-13-01",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00+25:00",
            "2024-01-01T00:00:00.1234567891Z",
            "1969-12-31T23:59:59Z",
            "99999999999999999999",
            "2024-01-01T00:00",
            "2024-01-01T00:00:00é",
        ] {
            assert_eq!(normal(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn moments_are_what_a_calendar_says(micros in 0..253_402_300_799_999_999_i64) {
            let moment = Moment::from_micros(micros);
            let expected = DateTime::<Utc>::from_timestamp_micros(micros).unwrap();
            let text = Clockwork::text(moment);
            prop_assert_eq!(&text, &expected.to_rfc3339_opts(chrono::SecondsFormat::Micros, true));
            prop_assert_eq!(Moment::parse(text.as_bytes()), Some(moment));
            prop_assert_eq!(moment.micros(), micros);
        }

        #[test]
        fn any_text_has_an_answer(text: Vec<u8>) {
            let _ = Moment::parse(&text);
        }
    }
}
