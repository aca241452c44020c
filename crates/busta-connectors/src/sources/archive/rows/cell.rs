//! From a field's text to the JSON value that its column holds.

use super::moment::{Clockwork, Moment};
use crate::formats::csv::push_string;
use crate::sources::archive::layout::Kind;

/// A decimal of so many digits comes back from a double as it was (`DBL_DIG`).
const SAFE_DIGITS: usize = 15;

/// The text is no value of the column's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Misfit;

/// Appends the JSON value of `text`, which is not null, as a value of `kind`; gives the moment if it is one.
///
/// The characters of numbers are kept as far as JSON has them: `.5`, `5.` and `007.1` become `0.5`, `5.0` and `7.1`.
/// A number is written as a double in every row (`5` as `5.0`), so that its column has one type in all files; one with
/// more digits than a double surely holds becomes the nearest double.
pub(super) fn push(
    out: &mut Vec<u8>,
    text: &str,
    kind: Kind,
    clock: &mut Clockwork,
) -> Result<Option<Moment>, Misfit> {
    match kind {
        Kind::Text => push_string(out, text),
        Kind::Integer => integer(out, text)?,
        Kind::Number => number(out, text)?,
        Kind::Boolean => out.extend_from_slice(boolean(text)?),
        Kind::Time => {
            let moment = Moment::parse(text.as_bytes()).ok_or(Misfit)?;
            clock.push(out, moment);
            return Ok(Some(moment));
        }
    }
    Ok(None)
}

/// Whether the text is a value of `kind`.
pub(super) fn fits(text: &str, kind: Kind) -> bool {
    push(&mut Vec::new(), text, kind, &mut Clockwork::default()).is_ok()
}

fn boolean(text: &str) -> Result<&'static [u8], Misfit> {
    match text {
        "true" | "True" | "TRUE" | "1" => Ok(b"true"),
        "false" | "False" | "FALSE" | "0" => Ok(b"false"),
        _ if text.eq_ignore_ascii_case("true") => Ok(b"true"),
        _ if text.eq_ignore_ascii_case("false") => Ok(b"false"),
        _ => Err(Misfit),
    }
}

fn integer(out: &mut Vec<u8>, text: &str) -> Result<(), Misfit> {
    let bytes = text.as_bytes();
    let is_plain = bytes.len() <= 18 && bytes.iter().all(u8::is_ascii_digit);
    if is_plain && (bytes.len() == 1 || bytes.first().is_some_and(|byte| *byte != b'0')) {
        out.extend_from_slice(bytes);
        return Ok(());
    }
    // Programs that hold whole numbers as doubles write `12.0`.
    let whole = text.split_once('.').filter(|(_, rest)| rest.bytes().all(|byte| byte == b'0'));
    let number: i64 = whole.map_or(text, |(whole, _)| whole).parse().map_err(|_| Misfit)?;
    // Writing a number to memory cannot fail.
    let _ = serde_json::to_writer(out, &number);
    Ok(())
}

fn number(out: &mut Vec<u8>, text: &str) -> Result<(), Misfit> {
    let bytes = text.as_bytes();
    let Some(parts) = Parts::of(bytes) else { return Err(Misfit) };
    if bytes.len() > SAFE_DIGITS + 1 && parts.digits() > SAFE_DIGITS {
        let double = text.parse().ok().filter(|double: &f64| double.is_finite()).ok_or(Misfit)?;
        // Writing a number to memory cannot fail.
        let _ = serde_json::to_writer(out, &double);
        return Ok(());
    }
    let is_double = parts.fraction.is_some() || !parts.exponent.is_empty();
    if parts.is_json {
        out.extend_from_slice(bytes);
        if !is_double {
            out.extend_from_slice(b".0");
        }
        return Ok(());
    }
    if parts.negative {
        out.push(b'-');
    }
    let zeros = parts.whole.iter().take_while(|byte| **byte == b'0').count();
    match &parts.whole[zeros..] {
        [] => out.push(b'0'),
        whole => out.extend_from_slice(whole),
    }
    if let Some(fraction) = parts.fraction {
        out.push(b'.');
        out.extend_from_slice(if fraction.is_empty() { b"0" } else { fraction });
    } else if !is_double {
        out.extend_from_slice(b".0");
    }
    out.extend_from_slice(parts.exponent);
    Ok(())
}

/// The parts of a decimal number.
struct Parts<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: Option<&'a [u8]>,
    /// With its `e`.
    exponent: &'a [u8],
    /// Whether it is written as JSON writes numbers.
    is_json: bool,
}

impl<'a> Parts<'a> {
    /// How many digits it has without the exponent.
    fn digits(&self) -> usize {
        self.whole.len() + self.fraction.map_or(0, <[u8]>::len)
    }

    fn of(text: &'a [u8]) -> Option<Self> {
        let count = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let (whole, rest) = unsigned.split_at(count(unsigned));
        let (fraction, exponent) = match rest {
            [b'.', rest @ ..] => {
                let (fraction, rest) = rest.split_at(count(rest));
                (Some(fraction), rest)
            }
            _ => (None, rest),
        };
        let has_digits = !whole.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty());
        if !has_digits || !is_exponent(exponent) {
            return None;
        }
        let is_json = text[0] != b'+'
            && (whole.len() == 1 || whole.first().is_some_and(|byte| *byte != b'0'))
            && fraction.is_none_or(|fraction| !fraction.is_empty());
        Some(Self { negative, whole, fraction, exponent, is_json })
    }
}

fn is_exponent(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b'e' | b'E', b'+' | b'-', digits @ ..] | [b'e' | b'E', digits @ ..] => {
            !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(text: &str, kind: Kind) -> Option<String> {
        let mut out = Vec::new();
        push(&mut out, text, kind, &mut Clockwork::default()).ok()?;
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
            (Kind::Number, "42283.58000000", "42283.58000000"),
            (Kind::Number, "-0.00010000", "-0.00010000"),
            (Kind::Number, "1E-8", "1E-8"),
            (Kind::Number, "+1", "1.0"),
            (Kind::Number, "100", "100.0"),
            (Kind::Number, ".5", "0.5"),
            (Kind::Number, "5.", "5.0"),
            (Kind::Number, "-007.25e3", "-7.25e3"),
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
                        if text.chars().filter(char::is_ascii_digit).count() > SAFE_DIGITS {
                            continue;
                        }
                        // No digit that counts is added or lost.
                        let digits = |text: &str| {
                            let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
                            let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
                            digits.trim_matches('0').to_owned()
                        };
                        prop_assert_eq!(digits(&json), digits(&text));
                    }
                    Kind::Boolean => prop_assert!(value.is_boolean()),
                    Kind::Time => prop_assert!(value.is_string()),
                }
            }
        }
    }
}
