//! How much of a source's searches is left to read, as far as its readers know.
//!
//! Only where a search is cut depends on it, never what is read: it is counted in memory, and a resumed
//! run does without.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The items of the searches that have been cut, less those that have been read.
pub struct Outlook {
    readers: u64,
    items: Mutex<Items>,
}

/// Counts of items.
#[derive(Clone, Copy, Default)]
struct Items {
    /// What the searches have, by their own word; `None` if none of them has been cut.
    announced: Option<u64>,
    /// What is thought to be in chunks that nobody has looked into.
    thought: u64,
    /// What is in those that somebody has, or in their pieces.
    seen: u64,
    read: u64,
}

impl Outlook {
    /// Nothing known yet, of a source that so many readers read at most.
    pub fn new(readers: usize) -> Self {
        Self { readers: (readers as u64).max(1), items: Mutex::default() }
    }

    /// How many readers there are, at most.
    pub fn readers(&self) -> u64 {
        self.readers
    }

    /// Forgets an earlier run.
    pub fn begin(&self) {
        *self.items() = Items::default();
    }

    /// A search with so many items is going to be read in chunks.
    pub fn announce(&self, count: u64) {
        let mut items = self.items();
        items.announced = Some(items.announced.unwrap_or(0) + count);
        items.thought += count;
    }

    /// A chunk of a search that was thought to hold `aim` items holds `count`.
    pub fn look(&self, aim: u64, count: u64) {
        let mut items = self.items();
        items.thought = items.thought.saturating_sub(aim);
        items.seen += count;
    }

    /// A piece of a chunk that was thought to hold `aim` of its items holds `count`.
    pub fn correct(&self, aim: u64, count: u64) {
        let mut items = self.items();
        items.seen = (items.seen + count).saturating_sub(aim);
    }

    /// So many items of a chunk have been read.
    pub fn read(&self, count: u64) {
        self.items().read += count;
    }

    /// How many pages of `limit` items each reader would get if they shared what is left; `None` if
    /// nobody knows.
    pub fn share(&self, limit: u64) -> Option<u64> {
        let items = *self.items();
        let left = items.all()?.saturating_sub(items.read);
        Some(left.div_ceil(limit.max(1)).div_ceil(self.readers))
    }

    fn items(&self) -> MutexGuard<'_, Items> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Items {
    /// Chunks that hold more or less than was thought say nothing about the whole, whose number is known:
    /// unless they hold more than it. Some servers count no further than 10,000, and only what is narrower
    /// shows more; some show an item with a span in every chunk that it touches.
    fn all(&self) -> Option<u64> {
        let announced = self.announced?;
        Some(if self.seen > announced { self.seen + self.thought } else { announced })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_shared() {
        let outlook = Outlook::new(8);
        assert_eq!(outlook.share(100), None);
        outlook.announce(10_000);
        assert_eq!(outlook.share(100), Some(13));
        outlook.read(9_000);
        assert_eq!(outlook.share(100), Some(2));
        outlook.read(20_000);
        assert_eq!(outlook.share(100), Some(0));
        outlook.begin();
        assert_eq!(outlook.share(100), None);
    }

    #[test]
    fn an_uneven_search_is_as_long_as_it_says() {
        let outlook = Outlook::new(8);
        outlook.announce(8_000);
        outlook.look(1_000, 5_000);
        assert_eq!(outlook.share(100), Some(10));
        outlook.correct(1_000, 3_000);
        assert_eq!(outlook.share(100), Some(10));
    }

    #[test]
    fn a_search_that_was_not_counted_to_its_end_is_longer() {
        let outlook = Outlook::new(8);
        outlook.announce(10_000);
        for _ in 0..2 {
            outlook.look(1_250, 10_000);
        }
        // What was seen, and six chunks that nobody has looked into.
        assert_eq!(outlook.share(100), Some(275_u64.div_ceil(8)));
        outlook.correct(2_500, 9_000);
        assert_eq!(outlook.share(100), Some(340_u64.div_ceil(8)));
    }
}
