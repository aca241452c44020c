//! Which bytes of an object are there, range by range.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// The ranges of one object. In each, the bytes that are there are the first ones.
#[derive(Debug)]
pub struct Progress {
    total: u64,
    size: u64,
    written: Vec<AtomicU64>,
}

impl Progress {
    /// Of an object of `total` bytes in ranges of `size`, nothing is there yet.
    pub fn new(total: u64, size: u64) -> Self {
        let size = size.max(1);
        let count = usize::try_from(total.div_ceil(size)).unwrap_or(usize::MAX);
        Self { total, size, written: (0..count).map(|_| AtomicU64::new(0)).collect() }
    }

    /// How many ranges there are.
    pub fn len(&self) -> usize {
        self.written.len()
    }

    /// The bytes of a range.
    pub fn bounds(&self, index: usize) -> Range<u64> {
        let start = self.size * index as u64;
        start..(start + self.size).min(self.total)
    }

    /// The range that a byte is in.
    pub fn index_of(&self, byte: u64) -> usize {
        usize::try_from(byte / self.size).unwrap_or(usize::MAX)
    }

    /// How many ranges the first `bytes` touch.
    pub fn index(&self, bytes: u64) -> usize {
        self.index_of(bytes.div_ceil(self.size) * self.size)
    }

    /// How many bytes of a range are there.
    pub fn written(&self, index: usize) -> u64 {
        self.written[index].load(Ordering::Acquire)
    }

    /// Whether all of a range is there.
    pub fn is_complete(&self, index: usize) -> bool {
        let bounds = self.bounds(index);
        self.written(index) >= bounds.end - bounds.start
    }

    /// The bytes of `stretch` are there now. Those before it in its first range have been before. Gives the
    /// ranges that have grown.
    pub fn wrote(&self, stretch: Range<u64>) -> Range<usize> {
        if stretch.is_empty() {
            return 0..0;
        }
        let indices = self.index_of(stretch.start)..self.index(stretch.end);
        for index in indices.clone() {
            let bounds = self.bounds(index);
            let end = stretch.end.min(bounds.end);
            self.written[index].fetch_max(end - bounds.start, Ordering::AcqRel);
        }
        indices
    }

    /// Everything before this byte is there.
    pub fn frontier(&self) -> u64 {
        let open = (0..self.len()).find(|index| !self.is_complete(*index));
        open.map_or(self.total, |index| self.bounds(index).start + self.written(index))
    }

    /// How many bytes are there.
    pub fn come(&self) -> u64 {
        (0..self.len()).map(|index| self.written(index)).sum()
    }

    /// What is there from `offset` on, as stretches in their order that do not touch.
    pub fn done(&self, offset: u64) -> Vec<(u64, u64)> {
        let mut done: Vec<(u64, u64)> = Vec::new();
        for index in self.index_of(offset)..self.len() {
            let start = self.bounds(index).start;
            let (start, end) = (start.max(offset), start + self.written(index));
            match done.last_mut() {
                _ if start >= end => {}
                Some(last) if last.1 == start => last.1 = end,
                _ => done.push((start, end)),
            }
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_grow_and_the_frontier_follows() {
        let progress = Progress::new(25, 10);
        assert_eq!((progress.len(), progress.bounds(2)), (3, 20..25));
        assert_eq!(progress.wrote(10..20), 1..2);
        assert_eq!((progress.frontier(), progress.come()), (0, 10));
        assert_eq!(progress.wrote(0..4), 0..1);
        assert_eq!((progress.frontier(), progress.done(2)), (4, vec![(2, 4), (10, 20)]));
        assert_eq!(progress.wrote(4..10), 0..1);
        assert_eq!((progress.frontier(), progress.done(0)), (20, vec![(0, 20)]));
        assert_eq!(progress.wrote(20..25), 2..3);
        assert_eq!((progress.frontier(), progress.done(25)), (25, vec![]));
        assert!(progress.is_complete(2));
    }

    proptest! {
        /// Whatever order ranges come in, what is told is what was written, and leads to the same again.
        #[test]
        fn what_is_told_is_what_was_written(
            total in 1u64..400, size in 1u64..50, steps in proptest::collection::vec((any::<prop::sample::Index>(), 1u64..60), 0..40),
        ) {
            let progress = Progress::new(total, size);
            let mut there = vec![false; total as usize];
            for (which, length) in steps {
                let index = which.index(progress.len());
                let start = progress.bounds(index).start + progress.written(index);
                // As one request may: through the ranges behind it, while nothing of them is there.
                let mut end = start;
                while end < (start + length).min(total) && !there[end as usize] {
                    end += 1;
                }
                progress.wrote(start..end);
                there[start as usize..end as usize].fill(true);
            }
            prop_assert_eq!(progress.come(), there.iter().filter(|there| **there).count() as u64);
            let frontier = there.iter().position(|there| !there).unwrap_or(there.len()) as u64;
            prop_assert_eq!(progress.frontier(), frontier);
            let again = Progress::new(total, size);
            for (start, end) in progress.done(0) {
                again.wrote(start..end);
            }
            prop_assert_eq!(again.done(0), progress.done(0));
        }
    }
}
