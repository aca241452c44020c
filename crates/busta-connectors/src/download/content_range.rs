//! `Content-Range`: which part of an object an answer holds (RFC 9110, 14.4).

/// What a `Content-Range` of bytes says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// The first and the last byte of the part; `None` in a 416, where no part is sent.
    pub part: Option<(u64, u64)>,
    /// How long the object is, if the server knows.
    pub total: Option<u64>,
}

impl ContentRange {
    /// Reads `bytes 5-9/20`, `bytes 5-9/*` and `bytes */20`; `None` for anything else, and for ranges
    /// that contradict themselves.
    pub fn parse(text: &str) -> Option<Self> {
        let (unit, range) = text.trim().split_once(' ')?;
        let (part, total) = range.trim().split_once('/')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let total = if total == "*" { None } else { Some(number(total)?) };
        if part == "*" {
            return total.map(|total| Self { part: None, total: Some(total) });
        }
        let (first, last) = part.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        let fits = first <= last && total.is_none_or(|total| last < total);
        fits.then_some(Self { part: Some((first, last)), total })
    }
}

/// Digits only: `parse` would take a sign as well.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_has_them() {
        let range = |part, total| Some(ContentRange { part, total });
        assert_eq!(ContentRange::parse("bytes 5-9/20"), range(Some((5, 9)), Some(20)));
        assert_eq!(ContentRange::parse("Bytes 0-0/*"), range(Some((0, 0)), None));
        assert_eq!(ContentRange::parse("bytes */20"), range(None, Some(20)));
        for wrong in [
            "",
            "bytes",
            "bytes */*",
            "bytes 9-5/20",
            "bytes 5-20/20",
            "bytes +5-9/20",
            "lines 5-9/20",
            "bytes 5-9",
            "bytes -5/20",
            "bytes 99999999999999999999-9/20",
        ] {
            assert_eq!(ContentRange::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "bytes [0-9*/+-]{0,30}|\\PC{0,30}") {
            if let Some(ContentRange { part: Some((first, last)), total }) = ContentRange::parse(&text) {
                prop_assert!(first <= last && total.is_none_or(|total| last < total));
            }
        }

        #[test]
        fn ranges_round_trip(first: u32, length in 1..u64::from(u32::MAX), more: u32) {
            let (first, last) = (u64::from(first), u64::from(first) + length - 1);
            let total = last + 1 + u64::from(more);
            let read = ContentRange::parse(&format!("bytes {first}-{last}/{total}"));
            prop_assert_eq!(read, Some(ContentRange { part: Some((first, last)), total: Some(total) }));
        }
    }
}
