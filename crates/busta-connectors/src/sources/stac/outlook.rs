//! How much of a source's searches is left to read, as far as its readers know.
//!
//! Only where a search is cut depends on it, never what is read: it is counted in memory, and a resumed
//! run does without.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// The items of the searches that have been cut, less those that have been read.
pub struct Outlook {
    readers: u64,
    is_known: AtomicBool,
    left: AtomicI64,
}

impl Outlook {
    /// Nothing known yet, of a source that so many readers read at most.
    pub fn new(readers: usize) -> Self {
        let readers = (readers as u64).max(1);
        Self { readers, is_known: AtomicBool::new(false), left: AtomicI64::new(0) }
    }

    /// How many readers there are, at most.
    pub fn readers(&self) -> u64 {
        self.readers
    }

    /// Forgets an earlier run.
    pub fn begin(&self) {
        self.is_known.store(false, Ordering::Relaxed);
        self.left.store(0, Ordering::Relaxed);
    }

    /// A search with so many items is going to be read in chunks.
    pub fn announce(&self, items: u64) {
        self.is_known.store(true, Ordering::Relaxed);
        self.add(items);
    }

    /// A chunk that was thought to hold `aim` items holds `items`: some servers count no further than
    /// 10,000, and only what is narrower shows more.
    pub fn correct(&self, aim: u64, items: u64) {
        self.add(items);
        self.read(aim);
    }

    /// So many items of a chunk have been read.
    pub fn read(&self, items: u64) {
        self.left.fetch_sub(i64::try_from(items).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    fn add(&self, items: u64) {
        self.left.fetch_add(i64::try_from(items).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// How many pages of `limit` items each reader would get if they shared what is left; `None` if
    /// nobody knows.
    pub fn share(&self, limit: u64) -> Option<u64> {
        let left = u64::try_from(self.left.load(Ordering::Relaxed)).unwrap_or(0);
        let pages = left.div_ceil(limit.max(1));
        self.is_known.load(Ordering::Relaxed).then(|| pages.div_ceil(self.readers))
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
        outlook.correct(1_000, 10_000);
        assert_eq!(outlook.share(100), Some(13));
        outlook.read(20_000);
        assert_eq!(outlook.share(100), Some(0));
        outlook.begin();
        assert_eq!(outlook.share(100), None);
    }
}
