//! The one range that a request may ask for (RFC 9110, section 14).

use std::ops::Range;

/// What a request wants of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it: no range, one that makes no sense, or several, which a server may ignore.
    Whole,
    /// Part of it.
    Part(Range<u64>),
    /// A part that lies behind its end.
    Nothing,
}

impl Wanted {
    /// Reads the header `Range` for an object of `size` bytes.
    pub(super) fn read(header: Option<&str>, size: u64) -> Self {
        match header.and_then(|text| text.trim().strip_prefix("bytes=")).and_then(parse) {
            None => Self::Whole,
            Some(Spec::Last(count)) if count == 0 || size == 0 => Self::Nothing,
            Some(Spec::Last(count)) => Self::Part(size.saturating_sub(count)..size),
            Some(Spec::From(first, _)) if first >= size => Self::Nothing,
            Some(Spec::From(first, last)) => Self::Part(first..last.saturating_add(1).min(size)),
        }
    }
}

enum Spec {
    From(u64, u64),
    Last(u64),
}

fn parse(text: &str) -> Option<Spec> {
    let (first, last) = text.trim().split_once('-')?;
    match (first.is_empty(), last.is_empty()) {
        (true, _) => Some(Spec::Last(number(last)?)),
        (false, true) => Some(Spec::From(number(first)?, u64::MAX)),
        (false, false) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Spec::From(first, last))
        }
    }
}

/// Digits alone: no signs, no blanks, no commas of a second range.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_rfc() {
        for (header, wanted) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=10-19", Wanted::Part(10..20)),
            ("bytes=90-500", Wanted::Part(90..100)),
            ("bytes=40-", Wanted::Part(40..100)),
            ("bytes=-30", Wanted::Part(70..100)),
            ("bytes=-500", Wanted::Part(0..100)),
            ("bytes=100-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=20-10", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("items=0-1", Wanted::Whole),
            ("bytes=99999999999999999999-", Wanted::Whole),
        ] {
            assert_eq!(Wanted::read(Some(header), 100), wanted, "{header}");
        }
        assert_eq!(Wanted::read(None, 100), Wanted::Whole);
        assert_eq!(Wanted::read(Some("bytes=0-"), 0), Wanted::Nothing);
        assert_eq!(Wanted::read(Some("bytes=-5"), 0), Wanted::Nothing);
    }
}
