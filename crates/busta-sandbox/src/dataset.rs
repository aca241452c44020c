//! The streams: how many records each has, how they changed, and the cache of rendered pages.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::data::{self, Version};

/// All streams of a sandbox.
pub(crate) struct Dataset {
    seed: u64,
    default_size: u64,
    sizes: BTreeMap<String, u64>,
    changes: Mutex<HashMap<String, Arc<Changes>>>,
    cache: Mutex<PageCache>,
}

/// What [`Dataset::advance`] did to a stream. Times are slots after the stream's first size, since
/// the size may differ from request to request.
#[derive(Clone, Default)]
struct Changes {
    added: Vec<u64>,
    touched: Vec<(u64, u64)>,
}

/// A stream as one request sees it.
#[derive(Clone)]
pub(crate) struct Stream {
    seed: u64,
    hash: u64,
    base: u64,
    added: Vec<u64>,
    touched: BTreeMap<u64, Version>,
}

/// The records of a stream that are not older than a time, in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// Old records that were changed since.
    changed: Vec<u64>,
    /// All records from here on.
    tail: Range<u64>,
}

impl Selection {
    pub(crate) fn len(&self) -> u64 {
        self.changed.len() as u64 + (self.tail.end - self.tail.start)
    }

    fn indexes(&self, range: Range<u64>) -> impl Iterator<Item = u64> {
        range.map(|n| match self.changed.get(n as usize) {
            Some(index) => *index,
            None => self.tail.start + n - self.changed.len() as u64,
        })
    }
}

impl Stream {
    /// How many records it has.
    pub(crate) fn len(&self) -> u64 {
        self.base + self.added.len() as u64
    }

    fn version(&self, index: u64) -> Version {
        if let Some(version) = self.touched.get(&index) {
            return *version;
        }
        let slot = match index.checked_sub(self.base) {
            Some(n) => self.base + self.added.get(n as usize).copied().unwrap_or(n),
            None => index,
        };
        Version { slot, revision: 0 }
    }

    /// The records whose `updated_at` is not before `slot`.
    pub(crate) fn since(&self, slot: u64) -> Selection {
        let end = self.len();
        let added = self.added.partition_point(|offset| self.base + offset < slot) as u64;
        let start = if slot < self.base { slot } else { self.base + added };
        let changed =
            self.touched.iter().filter(|(i, v)| **i < start && v.slot >= slot).map(|(i, _)| *i).collect();
        Selection { changed, tail: start.min(end)..end }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>, index: u64) {
        data::write_record(out, self.seed, self.hash, index, self.version(index));
    }

    fn render(&self, indexes: impl Iterator<Item = u64>) -> Bytes {
        let mut out = vec![b'['];
        for (n, index) in indexes.enumerate() {
            if n > 0 {
                out.push(b',');
            }
            self.write(&mut out, index);
        }
        out.push(b']');
        out.into()
    }
}

impl Dataset {
    pub(crate) fn new(seed: u64, default_size: u64, sizes: BTreeMap<String, u64>, cache_bytes: u64) -> Self {
        let cache = PageCache { pages: HashMap::new(), free: cache_bytes, limit: cache_bytes };
        Self { seed, default_size, sizes, changes: Mutex::default(), cache: Mutex::new(cache) }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// A stream by name; every name is one. `size` overrides its configured size.
    pub(crate) fn stream(&self, name: &str, size: Option<u64>) -> Stream {
        let base = size.or_else(|| self.sizes.get(name).copied()).unwrap_or(self.default_size);
        let mut stream = Stream {
            seed: self.seed,
            hash: data::hash(name.as_bytes()),
            base,
            added: Vec::new(),
            touched: BTreeMap::new(),
        };
        let changes = lock(&self.changes).get(name).cloned();
        if let Some(changes) = changes {
            stream.added.clone_from(&changes.added);
            for (drawn, offset) in changes.touched.iter().filter(|_| base > 0) {
                let version = stream.touched.entry(drawn % base).or_insert(Version { slot: 0, revision: 0 });
                *version = Version { slot: base + offset, revision: version.revision + 1 };
            }
        }
        stream
    }

    /// Adds records at the end of a stream and changes some of the old ones.
    pub(crate) fn advance(&self, name: &str, add: u64, update: u64) {
        let mut all = lock(&self.changes);
        let mut changes = all.get(name).map(|c| Changes::clone(c)).unwrap_or_default();
        for _ in 0..update {
            let offset = changes.slots();
            let drawn = data::mix(self.seed ^ data::hash(name.as_bytes()) ^ offset);
            changes.touched.push((drawn, offset));
        }
        for _ in 0..add {
            let offset = changes.slots();
            changes.added.push(offset);
        }
        all.insert(name.to_owned(), Arc::new(changes));
        drop(all);
        lock(&self.cache).clear();
    }

    /// Takes all changes back.
    pub(crate) fn rewind(&self) {
        lock(&self.changes).clear();
        lock(&self.cache).clear();
    }

    /// The JSON array of `range` of the selected records.
    pub(crate) fn page(&self, stream: &Stream, selection: &Selection, range: Range<u64>) -> Bytes {
        if !selection.changed.is_empty() {
            return stream.render(selection.indexes(range));
        }
        let start = selection.tail.start + range.start;
        let key = (stream.hash, stream.base, start, range.end - range.start);
        if let Some(page) = lock(&self.cache).pages.get(&key) {
            return page.clone();
        }
        let page = stream.render(selection.indexes(range));
        lock(&self.cache).keep(key, &page);
        page
    }
}

impl Changes {
    fn slots(&self) -> u64 {
        (self.added.len() + self.touched.len()) as u64
    }
}

/// Pages that were rendered before. When it is full it keeps what it has: clients walk streams from
/// the start again and again, for which throwing out the oldest page would be the worst choice.
struct PageCache {
    pages: HashMap<(u64, u64, u64, u64), Bytes>,
    free: u64,
    limit: u64,
}

impl PageCache {
    fn keep(&mut self, key: (u64, u64, u64, u64), page: &Bytes) {
        if let Some(free) = self.free.checked_sub(page.len() as u64)
            && self.pages.insert(key, page.clone()).is_none()
        {
            self.free = free;
        }
    }

    fn clear(&mut self) {
        self.pages.clear();
        self.free = self.limit;
    }
}

/// Locks; a panic elsewhere leaves counters and caches usable.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(data: &Dataset, stream: &Stream, since: u64) -> Vec<u64> {
        let selection = stream.since(since);
        let page = data.page(stream, &selection, 0..selection.len());
        let records: Vec<serde_json::Value> = serde_json::from_slice(&page).unwrap();
        records
            .iter()
            .map(|r| {
                assert!(r["updated_at"].as_str().unwrap() >= data::time_of(since).as_str());
                r["id"].as_u64().unwrap()
            })
            .collect()
    }

    #[test]
    fn since_is_inclusive_and_in_the_order_of_ids() {
        let data = Dataset::new(1, 10, BTreeMap::new(), 1 << 20);
        let stream = data.stream("orders", None);
        assert_eq!(ids(&data, &stream, 7), [8, 9, 10]);
        assert_eq!(ids(&data, &stream, 10), [0u64; 0]);
    }

    #[test]
    fn advancing_adds_and_changes_records_with_newer_times() {
        let data = Dataset::new(1, 10, BTreeMap::new(), 1 << 20);
        assert_eq!(ids(&data, &data.stream("orders", None), 0).len(), 10);
        data.advance("orders", 3, 2);
        let stream = data.stream("orders", None);
        assert_eq!(stream.len(), 13);
        assert_eq!(ids(&data, &stream, 0).len(), 13);
        let new = ids(&data, &stream, 10);
        assert!(new.is_sorted() && new.ends_with(&[11, 12, 13]), "{new:?}");
        assert!((4..=5).contains(&new.len()), "two draws may hit the same record: {new:?}");
        assert_eq!(ids(&data, &stream, 13), [12, 13]);
        assert_eq!(data.stream("others", None).len(), 10);
        data.rewind();
        assert_eq!(data.stream("orders", None).len(), 10);
    }

    #[test]
    fn a_full_cache_serves_the_same_pages() {
        let (small, large) =
            (Dataset::new(1, 50, BTreeMap::new(), 3000), Dataset::new(1, 50, BTreeMap::new(), 1 << 20));
        for start in [0, 5, 10, 0, 5, 10] {
            let page = |data: &Dataset| {
                let stream = data.stream("orders", None);
                data.page(&stream, &stream.since(0), start..start + 5)
            };
            assert_eq!(page(&small), page(&large));
        }
        assert!(small.cache.lock().unwrap().pages.len() < 3);
    }
}
