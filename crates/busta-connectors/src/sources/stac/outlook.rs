//! How much of a source's searches is left to read, as far as its readers know.
//!
//! Only where a search is cut depends on it, never what is read: it is counted in memory, and a resumed
//! run does without.

use std::sync::atomic::{AtomicU64, Ordering};

/// The pages of the searches that have been cut, less those that have been read.
pub struct Outlook {
    readers: u64,
    announced: AtomicU64,
    read: AtomicU64,
}

impl Outlook {
    /// Nothing known yet, of a source that so many readers read at most.
    pub fn new(readers: usize) -> Self {
        let readers = (readers as u64).max(1);
        Self { readers, announced: AtomicU64::new(0), read: AtomicU64::new(0) }
    }

    /// How many readers there are, at most.
    pub fn readers(&self) -> u64 {
        self.readers
    }

    /// Forgets an earlier run.
    pub fn begin(&self) {
        self.announced.store(0, Ordering::Relaxed);
        self.read.store(0, Ordering::Relaxed);
    }

    /// A search of so many pages is going to be read in chunks.
    pub fn announce(&self, pages: u64) {
        self.announced.fetch_add(pages, Ordering::Relaxed);
    }

    /// A page of a chunk has been read.
    pub fn page_read(&self) {
        self.read.fetch_add(1, Ordering::Relaxed);
    }

    /// How many pages each reader would get if they shared what is left; `None` if nobody knows.
    pub fn share(&self) -> Option<u64> {
        let announced = self.announced.load(Ordering::Relaxed);
        let left = announced.saturating_sub(self.read.load(Ordering::Relaxed));
        (announced > 0).then(|| left.div_ceil(self.readers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_shared() {
        let outlook = Outlook::new(8);
        assert_eq!(outlook.share(), None);
        outlook.announce(100);
        assert_eq!(outlook.share(), Some(13));
        (0..90).for_each(|_| outlook.page_read());
        assert_eq!(outlook.share(), Some(2));
        // Chunks end with half a page, so there are more than announced.
        (0..20).for_each(|_| outlook.page_read());
        assert_eq!(outlook.share(), Some(0));
        outlook.begin();
        assert_eq!(outlook.share(), None);
    }
}
