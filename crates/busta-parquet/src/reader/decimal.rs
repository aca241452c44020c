//! Decimals with all their digits.

/// Writes the JSON number `digits / 10^scale`; `digits` is an integer with its sign.
pub(super) fn push(out: &mut Vec<u8>, digits: &str, scale: i8) {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    out.extend_from_slice(sign.as_bytes());
    let Ok(places) = usize::try_from(scale) else {
        out.extend_from_slice(digits.as_bytes());
        if digits != "0" {
            out.resize(out.len() + usize::from(scale.unsigned_abs()), b'0');
        }
        return;
    };
    let whole = digits.len().saturating_sub(places);
    out.extend_from_slice(if whole == 0 { b"0" } else { &digits.as_bytes()[..whole] });
    if places > 0 {
        out.push(b'.');
        out.resize(out.len() + places.saturating_sub(digits.len()), b'0');
        out.extend_from_slice(&digits.as_bytes()[whole..]);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn digits_stay() {
        for (digits, scale, text) in [
            ("1234", 2, "12.34"),
            ("-5", 2, "-0.05"),
            ("0", 2, "0.00"),
            ("12", 2, "0.12"),
            ("100", 0, "100"),
            ("7", -2, "700"),
            ("0", -2, "0"),
            ("12345678901234567890123456789012345678", 10, "1234567890123456789012345678.9012345678"),
        ] {
            let mut out = Vec::new();
            super::push(&mut out, digits, scale);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
