//! One JSON value as a column sees it.

use std::borrow::Cow;

use crate::shape::Seen;
use crate::time;

/// Integers up to here are exact in a double.
const EXACT: u64 = 1 << 53;
/// A decimal of so many digits comes back from a double as it was (`DBL_DIG`).
const SAFE_DIGITS: usize = 15;

/// A JSON value that stands in a record.
#[derive(Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    /// What no type of a column holds exactly, as its JSON text: integers beyond 64 bits, decimals
    /// beyond a double, and texts with half a surrogate pair.
    Other(&'a str),
    /// An object or an array, as its JSON text.
    Nested(&'a str),
}

impl<'a> Value<'a> {
    /// Reads a field's text, which is one valid JSON value without blanks around it.
    pub fn of(raw: &'a str) -> Self {
        match raw.as_bytes().first() {
            None | Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'{' | b'[') => Self::Nested(raw),
            Some(b'"') if memchr::memchr(b'\\', raw.as_bytes()).is_none() => {
                Self::Text(Cow::Borrowed(&raw[1..raw.len() - 1]))
            }
            Some(b'"') => match serde_json::from_str::<String>(raw) {
                Ok(text) => Self::Text(Cow::Owned(text)),
                Err(_) => Self::Other(raw),
            },
            Some(_) => number(raw),
        }
    }

    /// What it says about its column. Of texts only moments are told from others.
    pub fn seen(raw: &'a str) -> Seen {
        match raw.as_bytes().first() {
            Some(b'"') if time::moment(&raw[1..raw.len() - 1]).is_some() => Seen::TIME,
            Some(b'"') if memchr::memchr(b'\\', raw.as_bytes()).is_none() => Seen::TEXT,
            _ => match Self::of(raw) {
                Self::Null => Seen::default(),
                Self::Bool(_) => Seen::BOOL,
                Self::Int(n) if n.unsigned_abs() <= EXACT => Seen::INT,
                Self::Int(_) => Seen::LONG,
                Self::Float(_) => Seen::FLOAT,
                Self::Text(_) | Self::Other(_) => Seen::TEXT,
                Self::Nested(_) => Seen::NESTED,
            },
        }
    }
}

/// Whether a double holds this integer exactly.
pub(crate) fn exact(n: i64) -> bool {
    n.unsigned_abs() <= EXACT
}

fn number(raw: &str) -> Value<'_> {
    if !raw.bytes().any(|b| matches!(b, b'.' | b'e' | b'E')) {
        return raw.parse().map_or(Value::Other(raw), Value::Int);
    }
    match raw.parse::<f64>() {
        Ok(float) if float.is_finite() && says(float, raw) => Value::Float(float),
        _ => Value::Other(raw),
    }
}

/// Whether `float`, written out, is the decimal that `raw` says.
fn says(float: f64, raw: &str) -> bool {
    // One of the characters is the point or the `e`.
    if raw.len() <= SAFE_DIGITS + 1 && float.is_normal() {
        return true;
    }
    let digits = significant(raw);
    if digits <= SAFE_DIGITS && (float.is_normal() || digits == 0) {
        return true;
    }
    // `{:e}` writes the shortest decimal that is read as this double.
    is_shortest(float, raw) || Decimal::of(raw) == Decimal::of(&format!("{float:e}"))
}

/// How many digits of a number count: those between the first and the last that is not 0.
fn significant(raw: &str) -> usize {
    let mantissa = raw.bytes().take_while(|byte| !matches!(byte, b'e' | b'E'));
    let (mut digits, mut zeros) = (0, 0);
    for byte in mantissa {
        match byte {
            b'0' => zeros += usize::from(digits > 0),
            b'1'..=b'9' => {
                digits += zeros + 1;
                zeros = 0;
            }
            _ => {}
        }
    }
    digits
}

/// Whether this is the very text that is usually written for `float`, the shortest one: no need to look closer.
fn is_shortest(float: f64, raw: &str) -> bool {
    /// The longest is `-2.2250738585072014e-308`.
    const LONGEST: usize = 24;
    let mut text = [0; LONGEST];
    let mut rest = &mut text[..];
    let written = serde_json::to_writer(&mut rest, &float).is_ok();
    let left = rest.len();
    written && text[..LONGEST - left] == *raw.as_bytes()
}

/// A decimal number in its one normal form: `0.digits * 10^exponent`, no zeros at either end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// The value of a JSON number.
    pub fn of(raw: &str) -> Self {
        let (mantissa, exponent) = raw.split_once(['e', 'E']).unwrap_or((raw, "0"));
        // An exponent beyond 64 bits belongs to no double but zero and infinity.
        let exponent: i64 = exponent.parse().unwrap_or(i64::MAX / 2);
        let (negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = whole.bytes().chain(fraction.bytes());
        let leading = all.clone().take_while(|&b| b == b'0').count();
        let mut digits: Vec<u8> = all.skip(leading).collect();
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        if digits.is_empty() {
            return Self { negative: false, digits, exponent: 0 };
        }
        Self { negative, digits, exponent: exponent.saturating_add(whole.len() as i64 - leading as i64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_apart() {
        assert_eq!(Value::of("null"), Value::Null);
        assert_eq!(Value::of("true"), Value::Bool(true));
        assert_eq!(Value::of("-7"), Value::Int(-7));
        assert_eq!(Value::of("1.5e1"), Value::Float(15.0));
        assert_eq!(Value::of(r#""a""#), Value::Text("a".into()));
        assert_eq!(Value::of(r#""a\n""#), Value::Text("a\n".into()));
        assert_eq!(Value::of(r#""\ud83d""#), Value::Other(r#""\ud83d""#));
        assert_eq!(Value::of("[1]"), Value::Nested("[1]"));
    }

    #[test]
    fn only_exact_numbers_are_numbers() {
        for exact in
            ["0.1", "-0.30000000000000004", "1e300", "5e-324", "100.00", "-0.0", "0.0", "1E+2", "0e999"]
        {
            assert!(matches!(Value::of(exact), Value::Float(_)), "{exact}");
        }
        for beyond in [
            "9223372036854775808",
            "0.1234567890123456789",
            "1e400",
            "1e-400",
            "3e-324",
            "1.0e9223372036854775808",
        ] {
            assert!(matches!(Value::of(beyond), Value::Other(_)), "{beyond}");
        }
        assert_eq!(Value::seen("9007199254740992"), Seen::INT);
        assert_eq!(Value::seen("-9007199254740993"), Seen::LONG);
    }
}
