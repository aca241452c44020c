//! From a field's text to a JSON value, without losing a character of it.

/// Whether `text` is a number or a boolean whose JSON form is the same text.
///
/// A number must be written as JSON writes it and fit its type exactly: whole ones into 64 bits,
/// others into the 15 digits that a double keeps whatever they are. So `007`, `+1`, `1e5`, `.5`,
/// ` 1` and longer numbers stay text, and the characters of the field are those of the record.
pub(super) fn is_typed(text: &str) -> bool {
    matches!(text, "true" | "false") || is_number(text.as_bytes())
}

fn is_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, fraction) = match digits.iter().position(|&b| b == b'.') {
        Some(at) => (&digits[..at], Some(&digits[at + 1..])),
        None => (digits, None),
    };
    let all_digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    if !all_digits(whole) || whole.len() > 1 && whole[0] == b'0' {
        return false;
    }
    match fraction {
        Some(fraction) => all_digits(fraction) && whole.len() + fraction.len() <= 15,
        None if text == b"-0" => false,
        None if whole.len() <= 18 => true,
        None => str::from_utf8(text).is_ok_and(|text| text.parse::<i64>().is_ok()),
    }
}

/// Appends the JSON value of `text`.
pub(super) fn push_value(out: &mut Vec<u8>, text: &str, null_values: &[String], typed: bool) {
    if text.is_empty() || null_values.iter().any(|null| null == text) {
        out.extend_from_slice(b"null");
    } else if typed && is_typed(text) {
        out.extend_from_slice(text.as_bytes());
    } else {
        push_string(out, text);
    }
}

/// Appends `text` as a JSON string.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|b| b < 0x20 || b == b'"' || b == b'\\') {
        // Writing text to memory cannot fail.
        let _ = serde_json::to_writer(out, text);
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_values_are_typed() {
        for typed in
            ["0", "-1", "42283.58000000", "9223372036854775807", "-9223372036854775808", "true", "-0.5"]
        {
            assert!(is_typed(typed), "{typed}");
        }
        for text in [
            "007",
            "+1",
            "1e5",
            ".5",
            "5.",
            " 1",
            "1 ",
            "-",
            "-0",
            "",
            "NaN",
            "True",
            "1_000",
            "0x1",
            "9223372036854775808",
            "0.1234567890123456",
            "00.5",
            "٣",
        ] {
            assert!(!is_typed(text), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_lost(text in "[-+]?[0-9]{0,20}(\\.[0-9]{0,20})?|\\PC{0,12}|true|false|[ \\n\"\\\\]{0,4}") {
            let mut json = Vec::new();
            push_value(&mut json, &text, &[], true);
            let json = String::from_utf8(json).unwrap();
            let value: serde_json::Value = serde_json::from_str(&json).unwrap();
            match value {
                serde_json::Value::Null => proptest::prop_assert_eq!(text, ""),
                serde_json::Value::String(back) => proptest::prop_assert_eq!(back, text),
                serde_json::Value::Number(number) => {
                    // The record holds the same characters, and the number the same value.
                    proptest::prop_assert_eq!(&json, &text);
                    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
                    let again = match number.as_i64() {
                        Some(whole) => whole.to_string(),
                        None => format!("{:.decimals$}", number.as_f64().unwrap()),
                    };
                    proptest::prop_assert_eq!(again, text);
                }
                other => proptest::prop_assert_eq!(other.to_string(), text),
            }
        }
    }
}
