//! Cutting the pages after the first into ranges that can be read at once.

/// A stream is cut into at most so many ranges: enough for any concurrency a single host allows, few
/// enough that planning and committing them costs nothing.
pub const MAX_RANGES: u64 = 64;

/// A run of pages, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRange {
    /// The first page.
    pub from: u64,
    /// The page after the last; `None` reads on until there is no more, so that what is added while
    /// the stream is read is not lost.
    pub to: Option<u64>,
}

/// The pages from `first` up to `pages`, in at most [`MAX_RANGES`] runs whose lengths differ by at
/// most one; the last run is open. Empty if there are none.
pub fn ranges(first: u64, pages: u64) -> Vec<PageRange> {
    let rest = pages.saturating_sub(first);
    let count = rest.min(MAX_RANGES);
    // Multiplied in u128: a server may claim any number of pages.
    let start = |n: u64| first + (u128::from(rest) * u128::from(n) / u128::from(count)) as u64;
    (0..count).map(|n| PageRange { from: start(n), to: (n + 1 < count).then(|| start(n + 1)) }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn few_pages_are_read_one_by_one() {
        assert_eq!(ranges(1, 1), []);
        assert_eq!(ranges(1, 2), [PageRange { from: 1, to: None }]);
        assert_eq!(
            ranges(1, 4),
            [
                PageRange { from: 1, to: Some(2) },
                PageRange { from: 2, to: Some(3) },
                PageRange { from: 3, to: None }
            ]
        );
    }

    proptest! {
        #[test]
        fn every_page_is_in_exactly_one_range(first in 0u64..5, pages in prop_oneof![0u64..1000, any::<u64>()]) {
            let ranges = ranges(first, pages);
            prop_assert!(ranges.len() as u64 <= MAX_RANGES);
            let mut at = first;
            for (index, range) in ranges.iter().enumerate() {
                prop_assert_eq!(range.from, at);
                let last = index + 1 == ranges.len();
                prop_assert_eq!(range.to.is_none(), last);
                at = range.to.unwrap_or(pages);
                prop_assert!(at > range.from);
            }
            prop_assert_eq!(at, first.max(if ranges.is_empty() { first } else { pages }));
            let lengths = || ranges.iter().map(|r| r.to.unwrap_or(pages) - r.from);
            prop_assert!(lengths().max().unwrap_or(0) - lengths().min().unwrap_or(0) <= 1);
            prop_assert_eq!(ranges.is_empty(), pages <= first);
        }
    }
}
