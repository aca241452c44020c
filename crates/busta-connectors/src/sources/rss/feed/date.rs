//! Dates as feeds write them: RFC 822 and what people take for it, RFC 3339 and ISO 8601 down to a lone
//! year, `asctime`, and the same in a few other languages.
//!
//! The parts of a date are recognised by their shape, not by their place, so most mistakes (a missing
//! weekday or comma, no seconds, day and month swapped) need no rule of their own. What is ambiguous is
//! read as the RFCs say; a date without a zone is UTC.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, SecondsFormat, Utc};

/// A longer text is no date.
const MAX_LENGTH: usize = 100;

/// Reads a date.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_LENGTH {
        return None;
    }
    let text = text.to_lowercase();
    iso(&text).or_else(|| korean(&text)).or_else(|| worded(&text)).map(|time| time.and_utc())
}

/// A time as it is stored: RFC 3339 in UTC, fractions of a second only where there are some.
pub fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// `2004-01-02T03:04:05.6+07:00`, and with less and less of it; a month may also be a name (Hungarian
/// feeds do that).
fn iso(text: &str) -> Option<NaiveDateTime> {
    let (date, time) = match text.find(['t', ' ']) {
        Some(at) if text[..at].starts_with(|c: char| c.is_ascii_digit()) => text.split_at(at),
        _ => (text, ""),
    };
    let date = iso_date(date)?;
    let time = time.trim_start_matches(['t', ' ']).trim();
    if time.is_empty() {
        return date.and_hms_opt(0, 0, 0);
    }
    let digits = time.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.' | ','));
    let (clock, zone) = time.split_at(digits.unwrap_or(time.len()));
    let offset = if zone.trim().is_empty() { 0 } else { offset(zone.trim()).unwrap_or(0) };
    at(date, parse_clock(clock)?, offset)
}

fn iso_date(text: &str) -> Option<NaiveDate> {
    let text = text.trim_end_matches('z');
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = text.split(['-', '/']).collect();
    match parts[..] {
        [year] if digits(year) => packed(year),
        [year, ordinal] if digits(year) && ordinal.len() == 3 => {
            NaiveDate::from_yo_opt(full_year(year)?, ordinal.parse().ok()?)
        }
        [year, month] if year.len() == 4 => {
            NaiveDate::from_ymd_opt(year.parse().ok()?, month_number(month)?, 1)
        }
        [year, month, day] if digits(year) && (year.len() == 4 || text.contains('-')) => {
            // `2003-012-31`: a zero too many.
            NaiveDate::from_ymd_opt(full_year(year)?, month_number(month)?, day.parse().ok()?)
        }
        _ => None,
    }
}

/// `2003`, `200312`, `2003365`, `20031231`, `031231`, `03335`.
fn packed(text: &str) -> Option<NaiveDate> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u32>().ok();
    let year = |length: usize| full_year(&text[..length]);
    match text.len() {
        4 => NaiveDate::from_ymd_opt(year(4)?, 1, 1),
        5 => NaiveDate::from_yo_opt(year(2)?, number(2..5)?),
        6 => NaiveDate::from_ymd_opt(year(2)?, number(2..4)?, number(4..6)?),
        7 => NaiveDate::from_yo_opt(year(4)?, number(4..7)?),
        8 => NaiveDate::from_ymd_opt(year(4)?, number(4..6)?, number(6..8)?),
        _ => None,
    }
}

/// `월, 30 5월 2004 …` does not occur; `2004년 5월 30일 21:31:00` and `2004-05-25 오후 11:23:17` do.
fn korean(text: &str) -> Option<NaiveDateTime> {
    let afternoon = text.contains("오후");
    if !afternoon && !text.contains("오전") && !text.contains('년') {
        return None;
    }
    let numbers: Vec<u32> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map_while(|n| n.parse().ok())
        .collect();
    let [year, month, day, hour, minute, ref rest @ ..] = numbers[..] else { return None };
    let hour = if afternoon && hour < 12 { hour + 12 } else { hour };
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    let seoul = 9 * 60;
    at(date, (hour, minute, rest.first().copied().unwrap_or(0), 0), seoul)
}

/// `Thu, 01 Jan 2004 19:48:21 GMT`, `Jan 1 2004`, `Thu Jan  1 19:48:21 2004` and their like.
fn worded(text: &str) -> Option<NaiveDateTime> {
    let (mut day, mut month, mut year, mut clock, mut zone) = (None, None, None, None, None);
    for part in text.split(|c: char| c.is_whitespace() || c == ',').flat_map(split_date) {
        let number = part.trim_end_matches(['.', 't', 'h', 's', 'n', 'd', 'r']).parse::<u32>().ok();
        match number {
            _ if part.contains(':') && !part.starts_with(['+', '-']) && clock.is_none() => {
                let digits = part.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.'));
                let (time, behind) = part.split_at(digits.unwrap_or(part.len()));
                clock = Some(parse_clock(time)?);
                zone = zone.or_else(|| offset(behind));
            }
            _ if part.starts_with(['+', '-']) => zone = zone.or_else(|| offset(part)),
            Some(number) if day.is_none() && number <= 31 && part.len() <= 4 => day = Some(number),
            Some(_) if year.is_none() => year = Some(full_year(part)?),
            Some(_) => zone = zone.or_else(|| offset(part)),
            None if month.is_none() && month_name(part).is_some() => month = month_name(part),
            None => {
                zone = zone.or_else(|| offset(part));
                if part == "pm" {
                    clock = clock.map(|(hour, m, s, n)| (if hour < 12 { hour + 12 } else { hour }, m, s, n));
                }
            }
        }
    }
    let date = NaiveDate::from_ymd_opt(year?, month?, day?)?;
    at(date, clock.unwrap_or_default(), zone.unwrap_or(0))
}

/// `01-jan-2004` as its three parts; anything else as it is.
fn split_date(part: &str) -> impl Iterator<Item = &str> {
    let joined = part.starts_with(|c: char| c.is_ascii_digit()) && part.contains('-') && !part.contains(':');
    part.split(move |c| joined && c == '-').filter(|piece| !piece.is_empty())
}

type Clock = (u32, u32, u32, u32);

/// Hour, minute, second and nanosecond.
fn parse_clock(text: &str) -> Option<Clock> {
    let mut parts = text.split(':');
    let hour = parts.next()?;
    if hour.len() > 2 && !text.contains(':') {
        // `T193000`
        let number = |range| text.get(range).map_or(Some(0), |digits: &str| digits.parse().ok());
        return Some((number(0..2)?, number(2..4)?, number(4..6)?, 0));
    }
    let hour = hour.parse().ok()?;
    let minute = parts.next().map_or(Some(0), |minute| minute.parse().ok())?;
    let seconds = parts.next().unwrap_or("0");
    let (second, fraction) = seconds.split_once(['.', ',']).unwrap_or((seconds, ""));
    let nanos = format!("{:0<9.9}", fraction).parse().unwrap_or(0);
    Some((hour, minute, second.parse().ok()?, nanos))
}

/// That time of that day, `offset` minutes ahead of UTC. A leap second is the last one of its minute,
/// and 24:00 is the next day.
fn at(date: NaiveDate, (hour, minute, second, nano): Clock, offset: i64) -> Option<NaiveDateTime> {
    let days = i64::from(hour == 24 && minute == 0 && second == 0);
    let hour = if days == 1 { 0 } else { hour };
    let second = if second == 60 { 59 } else { second };
    let time = date.and_hms_nano_opt(hour, minute, second, nano)?;
    time.checked_add_signed(Duration::days(days))?.checked_sub_signed(Duration::minutes(offset))
}

/// A zone as minutes ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    let zone = zone.trim_matches(['(', ')']).trim_start_matches("etc/");
    let zone = match zone.strip_prefix("gmt").or_else(|| zone.strip_prefix("utc")) {
        Some("") => return Some(0),
        Some(rest) => rest,
        None => zone,
    };
    if let Some(hours) = zone_hours(zone) {
        return Some((hours * 60.0) as i64);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
    let minutes: i64 = match digits.len() {
        1 | 2 => digits.parse::<i64>().ok()? * 60,
        3 | 4 => {
            let (hours, minutes) = digits.split_at(digits.len() - 2);
            hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?
        }
        _ => return None,
    };
    (minutes <= 24 * 60).then_some(sign * minutes)
}

/// Zones by name: those of RFC 822, and the ones that feeds use beside them.
fn zone_hours(name: &str) -> Option<f64> {
    Some(match name {
        "z" | "ut" | "wet" => 0.0,
        "ast" | "at" | "edt" => -4.0,
        "adt" => -3.0,
        "est" | "et" | "cdt" => -5.0,
        "cst" | "ct" | "mdt" => -6.0,
        "mst" | "mt" | "pdt" => -7.0,
        "pst" | "pt" | "akdt" => -8.0,
        "akst" => -9.0,
        "hst" => -10.0,
        "nst" => -3.5,
        "a" => -1.0,
        "m" => -12.0,
        "n" | "bst" | "cet" | "met" | "west" => 1.0,
        "cest" | "mest" | "eet" | "sast" => 2.0,
        "eest" | "msk" => 3.0,
        "jst" | "kst" => 9.0,
        "aest" => 10.0,
        "aedt" => 11.0,
        "y" => 12.0,
        "nzst" => 12.0,
        "nzdt" => 13.0,
        _ => return None,
    })
}

/// Two digits are a year from 1990 to 2089.
fn full_year(text: &str) -> Option<i32> {
    let year: i32 = text.parse().ok()?;
    match text.len() {
        1 | 2 if year < 90 => Some(2000 + year),
        1 | 2 => Some(1900 + year),
        4 => Some(year),
        _ => None,
    }
}

fn month_number(text: &str) -> Option<u32> {
    text.parse().ok().or_else(|| month_name(text))
}

/// The beginnings of the months' names, in English, Hungarian, Greek, German, French, Spanish.
#[rustfmt::skip]
const MONTHS: [&[&str]; 12] = [
    &["jan", "ιαν", "ene", "jän"],
    &["feb", "φεβ", "fév", "fev"],
    &["mar", "μάώ", "μαώ", "μάρ", "μαρ", "már", "mär", "mrz"],
    &["apr", "απρ", "ápr", "avr", "abr"],
    &["may", "μάι", "μαϊ", "μαι", "máj", "mai"],
    &["jun", "ιούν", "ιον", "jún", "juin"],
    &["jul", "ιούλ", "ιολ", "júl", "juil"],
    &["aug", "αύγ", "αυγ", "aoû", "ago"],
    &["sep", "σεπ", "szept"],
    &["oct", "οκτ", "okt"],
    &["nov", "νοέ", "νοε"],
    &["dec", "δεκ", "dez", "déc", "dic"],
];

fn month_name(text: &str) -> Option<u32> {
    let at = MONTHS.iter().position(|names| names.iter().any(|name| text.starts_with(name)))?;
    u32::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(parse(text).map(shown).as_deref(), Some(*expected), "{text}");
        }
    }

    #[test]
    fn rfc_822_and_its_variants() {
        check(&[
            ("Thu, 01 Jan 2004 19:48:21 GMT", "2004-01-01T19:48:21Z"),
            ("Mon, 01 Jan 2004 19:48:21 GMT", "2004-01-01T19:48:21Z"),
            ("01 Jan 04 19:48:21 EST", "2004-01-02T00:48:21Z"),
            ("Thu, 1 January 2004 19:48 +0200", "2004-01-01T17:48:00Z"),
            ("Thu Jan 01 2004 19:48:21 PST", "2004-01-02T03:48:21Z"),
            ("Thu, 01 Jan 2004 19:48:21 GMT-05:00", "2004-01-02T00:48:21Z"),
            ("Thu, 01 Jan 2004", "2004-01-01T00:00:00Z"),
            ("Jan 1, 2004 7:48 PM", "2004-01-01T19:48:00Z"),
            ("01-Jan-2004 19:48:21 Etc/GMT", "2004-01-01T19:48:21Z"),
            ("Sat, 31 Dec 2016 23:59:60 GMT", "2016-12-31T23:59:59Z"),
        ]);
    }

    #[test]
    fn rfc_3339_and_iso_8601() {
        check(&[
            ("2003-12-31T10:14:55Z", "2003-12-31T10:14:55Z"),
            ("2003-12-31T10:14:55.25+02:00", "2003-12-31T08:14:55.250Z"),
            ("2003-12-31T10:14:55-0800", "2003-12-31T18:14:55Z"),
            ("2003-12-31 10:14:55", "2003-12-31T10:14:55Z"),
            ("2003-12-31T10:14", "2003-12-31T10:14:00Z"),
            ("2003-12-31", "2003-12-31T00:00:00Z"),
            ("2003-12", "2003-12-01T00:00:00Z"),
            ("2003", "2003-01-01T00:00:00Z"),
            ("20031231", "2003-12-31T00:00:00Z"),
            ("2003-335", "2003-12-01T00:00:00Z"),
            ("20031231T101455Z", "2003-12-31T10:14:55Z"),
            ("2003-12-31T24:00:00Z", "2004-01-01T00:00:00Z"),
        ]);
    }

    #[test]
    fn asctime_and_other_languages() {
        check(&[
            ("Sun Jan  4 16:29:06 2004", "2004-01-04T16:29:06Z"),
            ("Sun Jan  4 16:29:06 PST 2004", "2004-01-05T00:29:06Z"),
            ("Κυρ, 11 Ιούλ 2004 12:00:00 EST", "2004-07-11T17:00:00Z"),
            ("2004-július-13T9:15-05:00", "2004-07-13T14:15:00Z"),
            ("2004년 05월 28일 01:31:15", "2004-05-27T16:31:15Z"),
            ("2004-05-25 오후 11:23:17", "2004-05-25T14:23:17Z"),
            ("Mi, 12 Mär 2024 10:00:00 +0100", "2024-03-12T09:00:00Z"),
        ]);
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in ["", "yesterday", "0000-00-00", "99", "Thu", "Jan", "2004-13-01", "32 Jan 2004", "1:2:3"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"9".repeat(1000)), None);
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn almost_dates_do_not_panic(text in "[0-9:+TZ. -]{0,40}|[0-9:+ A-Za-z,-]{0,40}") {
            let _ = parse(&text);
        }
    }
}
