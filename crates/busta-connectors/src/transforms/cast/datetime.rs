//! Points in time, as others write them, in RFC 3339 and UTC.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};

/// From RFC 3339, RFC 2822, a date, or a date and a time without a zone, which is taken as UTC.
pub fn of_text(text: &str) -> Option<String> {
    let text = text.trim();
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z"))
        .or_else(|_| DateTime::parse_from_rfc2822(text))
        .map(|time| time.to_utc())
        .ok()
        .or_else(|| without_zone(text).map(|time| time.and_utc()))
        .and_then(shown)
}

fn without_zone(text: &str) -> Option<NaiveDateTime> {
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(|| {
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            Some(date.and_time(NaiveTime::MIN))
        })
}

/// From Unix time. Seconds up to the year 5138, and the finer units by their size: no time after
/// 1973-03-03 is in two of them.
pub fn of_number(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = whole.parse().ok()?;
    let digits: u32 = match whole.unsigned_abs() {
        0..100_000_000_000 => 0,
        100_000_000_000..100_000_000_000_000 => 3,
        100_000_000_000_000..100_000_000_000_000_000 => 6,
        _ => 9,
    };
    let room = 9 - digits as usize;
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > room || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let sub: i128 = format!("{fraction:0<room$}").parse().unwrap_or(0);
    let nanos = i128::from(whole) * 10i128.pow(9 - digits);
    let nanos = if text.starts_with('-') { nanos - sub } else { nanos + sub };
    let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).ok()?;
    let rest = u32::try_from(nanos.rem_euclid(1_000_000_000)).ok()?;
    shown(DateTime::from_timestamp(seconds, rest)?)
}

/// With as many digits of a second as it has. Years before 0 or after 9999 are not RFC 3339.
fn shown(time: DateTime<Utc>) -> Option<String> {
    let text = time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    text.starts_with(|c: char| c.is_ascii_digit()).then_some(text)
}
