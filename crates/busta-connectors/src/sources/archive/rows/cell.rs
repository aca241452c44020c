//! From a field's text to the value that its column holds.

use busta_core::columns::Cell;

use super::compact;
use super::digits::{digits, short};
use super::moment::{self, Moment};
use crate::sources::archive::layout::Kind;

/// The text is no value of the column's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Misfit;

/// What a text says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Said<'a> {
    Value(Cell<'a>),
    Moment(Moment),
}

/// A field, and what stands before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub text: &'a [u8],
    pub start: usize,
    pub end: usize,
}

impl<'a> Field<'a> {
    /// A field with nothing before it.
    fn of(text: &'a str) -> Self {
        Self { text: text.as_bytes(), start: 0, end: text.len() }
    }

    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        &self.text[self.start..self.end]
    }

    pub fn str(self) -> Result<&'a str, Misfit> {
        str::from_utf8(self.bytes()).map_err(|_| Misfit)
    }
}

/// What `text`, which is not null, says as a value of `kind`.
///
/// A number is the nearest double, in every row (`5` as `5.0`), so that its column has one type in all files.
#[inline]
pub(super) fn read(text: &str, kind: Kind) -> Result<Said<'_>, Misfit> {
    let field = Field::of(text);
    Ok(Said::Value(match kind {
        Kind::Text => Cell::Text(text),
        Kind::Integer => Cell::Int(integer(field)?),
        Kind::Number => Cell::Float(number(field)?),
        Kind::Boolean => Cell::Bool(boolean(field)?),
        Kind::Time => return time(field).map(Said::Moment),
    }))
}

/// Whether the text is a value of `kind`.
pub(super) fn fits(text: &str, kind: Kind) -> bool {
    read(text, kind).is_ok()
}

/// Integers up to here are exact in a double,
const EXACT: u64 = 1 << 53;
/// and these powers of ten.
const POWERS: [f64; 19] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18];

/// The digits of a number that is nothing but at most 18 digits and perhaps a point among them, and how many stand
/// behind it.
fn long(text: &[u8]) -> Option<(u64, usize)> {
    const LONGEST: usize = 19;
    if text.len() > LONGEST {
        return None;
    }
    let Some(point) = text.iter().position(|byte| *byte == b'.') else {
        return digits(text).filter(|_| text.len() < LONGEST).map(|number| (number, 0));
    };
    let (whole, decimals) = (&text[..point], &text[point + 1..]);
    // Either may be missing, as in `.5` and `5.`, but not both.
    let whole = if whole.is_empty() && !decimals.is_empty() { 0 } else { digits(whole)? };
    let fraction = if decimals.is_empty() { 0 } else { digits(decimals)? };
    Some((whole * 10_u64.pow(decimals.len() as u32) + fraction, decimals.len()))
}

#[inline(always)]
pub(super) fn boolean(field: Field) -> Result<bool, Misfit> {
    /// The bit that capital letters lack.
    const SMALL: u32 = 0x2020_2020;
    let text = field.bytes();
    let Some((first, rest)) = text.split_first_chunk::<4>() else {
        return match text {
            b"1" => Ok(true),
            b"0" => Ok(false),
            _ => Err(Misfit),
        };
    };
    // Which of the two it is nobody can guess, so nothing branches on it.
    let first = u32::from_le_bytes(*first) | SMALL;
    let is_true = (first == u32::from_le_bytes(*b"true")) & rest.is_empty();
    let ends_with_e = text[text.len() - 1] | 0x20 == b'e';
    let is_false = (first == u32::from_le_bytes(*b"fals")) & ends_with_e & (rest.len() == 1);
    if is_true | is_false { Ok(is_true) } else { Err(Misfit) }
}

#[inline(always)]
pub(super) fn integer(field: Field) -> Result<i64, Misfit> {
    match short(field.text, field.start, field.end) {
        Some((number, 0)) => Ok(number as i64),
        _ => any_integer(field.str()?),
    }
}

#[inline(never)]
fn any_integer(text: &str) -> Result<i64, Misfit> {
    if let Some((number, 0)) = long(text.as_bytes()) {
        return Ok(number as i64);
    }
    // Programs that hold whole numbers as doubles write `12.0`.
    let whole = text.split_once('.').filter(|(_, rest)| rest.bytes().all(|byte| byte == b'0'));
    whole.map_or(text, |(whole, _)| whole).parse().map_err(|_| Misfit)
}

#[inline(always)]
pub(super) fn number(field: Field) -> Result<f64, Misfit> {
    match short(field.text, field.start, field.end).and_then(exact) {
        Some(double) => Ok(double),
        None => any_number(field.str()?),
    }
}

#[inline(never)]
fn any_number(text: &str) -> Result<f64, Misfit> {
    if let Some(double) = long(text.as_bytes()).and_then(exact) {
        return Ok(double);
    }
    // Rust reads words too, such as `inf`, and all else just as archives write it: `+1`, `.5`, `5.`, `007.1`, `1E-8`.
    let is_number = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    let double = if is_number { text.parse().ok() } else { None };
    double.filter(|double: &f64| double.is_finite()).ok_or(Misfit)
}

/// The double nearest to such digits, so many of which stand behind the point, if that is easy to tell.
#[inline]
fn exact((digits, decimals): (u64, usize)) -> Option<f64> {
    // Both are exact, so the quotient is the nearest double (Clinger 1990).
    (digits <= EXACT).then_some(digits as f64).zip(POWERS.get(decimals)).map(|(digits, power)| digits / power)
}

pub(super) fn time(field: Field) -> Result<Moment, Misfit> {
    Moment::parse(field.bytes()).ok_or(Misfit)
}

/// The microseconds since 1970 of a moment that says no more than these.
#[inline(always)]
pub(super) fn micros(field: Field) -> Result<i64, Misfit> {
    if !compact::may_be(field.end - field.start)
        && let Some((number, 0)) = short(field.text, field.start, field.end)
        && let Some(micros) = moment::micros(number)
    {
        return Ok(micros);
    }
    time(field).and_then(|moment| if moment.nanos % 1000 == 0 { Ok(moment.micros()) } else { Err(Misfit) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::moment::Clockwork;
    use super::*;

    fn json(text: &str, kind: Kind) -> Option<String> {
        let mut out = Vec::new();
        match read(text, kind).ok()? {
            Said::Value(cell) => cell.push(&mut out),
            Said::Moment(moment) => Clockwork::default().push(&mut out, moment),
        }
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn values_become_json() {
        for (kind, text, expected) in [
            (Kind::Text, "BTC\"USD", r#""BTC\"USD""#),
            (Kind::Integer, "42", "42"),
            (Kind::Integer, "-9223372036854775808", "-9223372036854775808"),
            (Kind::Integer, "007", "7"),
            (Kind::Integer, "12.0", "12"),
            (Kind::Number, "42283.58000000", "42283.58"),
            (Kind::Number, "-0.00010000", "-0.0001"),
            (Kind::Number, "1E-8", "1e-8"),
            (Kind::Number, "+1", "1.0"),
            (Kind::Number, "100", "100.0"),
            (Kind::Number, ".5", "0.5"),
            (Kind::Number, "5.", "5.0"),
            (Kind::Number, "-007.25e3", "-7250.0"),
            (Kind::Number, "123456789012345678901234567890.5", "1.2345678901234568e+29"),
            (Kind::Number, "2242968832285.21345678", "2242968832285.2134"),
            (Kind::Boolean, "True", "true"),
            (Kind::Boolean, "fAlSe", "false"),
        ] {
            assert_eq!(json(text, kind).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        for (kind, text) in [
            (Kind::Integer, "9223372036854775808"),
            (Kind::Integer, "1.5"),
            (Kind::Integer, " 1"),
            (Kind::Integer, ""),
            (Kind::Number, "NaN"),
            (Kind::Number, "1,5"),
            (Kind::Number, "."),
            (Kind::Number, "1e"),
            (Kind::Number, "0x10"),
            (Kind::Number, "--1"),
            (Kind::Boolean, "yes"),
            (Kind::Time, "open_time"),
        ] {
            assert_eq!(json(text, kind), None, "{text}");
        }
    }

    proptest! {
        /// What comes out is one valid JSON value of the same worth, whatever goes in.
        #[test]
        fn nothing_is_lost(text in "[-+]?[0-9]{0,20}(\\.[0-9]{0,20})?(e[-+]?[0-9]{1,2})?|\\PC{0,12}") {
            for kind in [Kind::Text, Kind::Integer, Kind::Number, Kind::Boolean, Kind::Time] {
                let Some(json) = json(&text, kind) else { continue };
                let value: serde_json::Value = serde_json::from_str(&json).unwrap();
                match kind {
                    Kind::Text => prop_assert_eq!(value.as_str(), Some(&*text)),
                    Kind::Integer => {
                        let whole = text.split('.').next().unwrap();
                        prop_assert_eq!(value.as_i64(), whole.parse().ok());
                    }
                    Kind::Number => {
                        // `serde_json` reads numbers to within a few units of the last place.
                        prop_assert_eq!(json.parse::<f64>().ok(), text.parse().ok());
                    }
                    Kind::Boolean => prop_assert!(value.is_boolean()),
                    Kind::Time => prop_assert!(value.is_string()),
                }
            }
        }
    }
}
