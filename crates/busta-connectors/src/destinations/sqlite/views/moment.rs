//! What a time column says.

use busta_core::reading::Value;
use chrono::DateTime;

/// Smaller numbers are seconds, up to the year 5138; greater ones are milliseconds, from 1973 on.
const MILLISECONDS_FROM: f64 = 1e11;
/// What is beyond is no time of anything.
const BEYOND: f64 = 1e14;

/// The time in milliseconds since 1970, if it is one.
pub fn millis(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Integer(n) => of_number(*n as f64),
        Value::Real(n) => of_number(*n),
        Value::Text(text) => of_text(text.trim()),
        Value::Null | Value::Boolean(_) | Value::Other(_) => None,
    }
}

// Numbers below 10^14 are whole in a float.
fn of_number(n: f64) -> Option<i64> {
    match n.abs() {
        seconds if seconds < MILLISECONDS_FROM => Some((n * 1000.0).floor() as i64),
        millis if millis < BEYOND => Some(n.floor() as i64),
        _ => None,
    }
}

fn of_text(text: &str) -> Option<i64> {
    if text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && let Ok(number) = text.parse()
    {
        return of_number(number);
    }
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_milliseconds_and_texts() {
        for (value, expected) in [
            (Value::Integer(1_714_564_800), Some(1_714_564_800_000)),
            (Value::Real(1_714_564_800.25), Some(1_714_564_800_250)),
            (Value::Integer(1_714_564_800_123), Some(1_714_564_800_123)),
            (Value::Integer(0), Some(0)),
            (Value::Real(-0.001), Some(-1)),
            (Value::Integer(1_714_564_800_123_456), None),
            (Value::Integer(i64::MIN), None),
            (Value::Text("2024-05-01T12:00:00Z".into()), Some(1_714_564_800_000)),
            (Value::Text(" 2024-05-01T14:00:00.5+02:00".into()), Some(1_714_564_800_500)),
            (Value::Text("1714564800".into()), Some(1_714_564_800_000)),
            (Value::Text("yesterday".into()), None),
            (Value::Text("".into()), None),
            (Value::Boolean(true), None),
            (Value::Null, None),
        ] {
            assert_eq!(millis(&value), expected, "{value:?}");
        }
    }
}
