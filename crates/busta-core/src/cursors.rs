//! Many cursors, packed: a source may have millions of start cursors, all in memory while it plans.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::fmt;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

use lz4_flex::block::{compress_prepend_size, decompress_size_prepended};

use crate::cursor::Cursor;

/// How much text is packed together. Keys and cursors of a source are much alike, so more would save little; and
/// whoever asks for one of them unpacks all.
const BLOCK: usize = 4 << 10;

/// So many that are new are held as they are, and packed together.
const FRESH: usize = 1024;

/// Cursors by key, in the order of the keys.
///
/// They are packed with LZ4 (<https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md>), and take less than half of
/// what they are as texts. A clone shares them with its original, so whoever wants to remember them keeps one.
#[derive(Clone, Default)]
pub struct Cursors {
    /// Blocks by their first keys.
    blocks: BTreeMap<Arc<str>, Arc<[u8]>>,
    /// What has come since they were packed, and holds before what is in them.
    fresh: BTreeMap<String, Cursor>,
}

impl Cursors {
    /// The cursor under `key`.
    pub fn get(&self, key: &str) -> Option<Cursor> {
        self.lookup()(key)
    }

    /// Finds the cursors under keys, one after the other: cheaper than [`get`](Self::get) if they come in their order.
    pub fn lookup(&self) -> impl FnMut(&str) -> Option<Cursor> + '_ {
        let mut open: Option<(&Arc<[u8]>, Vec<u8>)> = None;
        move |key| {
            if let Some(cursor) = self.fresh.get(key) {
                return Some(cursor.clone());
            }
            let (_, block) = self.up_to(key).next_back()?;
            if open.as_ref().is_none_or(|(known, _)| !Arc::ptr_eq(known, block)) {
                open = Some((block, unpacked(block)));
            }
            let (_, text) = open.as_ref()?;
            let (_, cursor) = entries(text).find(|(known, _)| *known == key)?;
            Some(Cursor::from_stored(cursor))
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (String, Cursor)> + '_ {
        self.with_prefix("")
    }

    /// Those whose keys begin with `prefix`.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (String, Cursor)> + 'a {
        let first = self.up_to(prefix).next_back().map_or(prefix, |(first, _)| first);
        let packed = self.blocks.range::<str, _>((Included(first), Unbounded));
        let packed = packed.flat_map(|(_, block)| owned(block)).skip_while(move |(key, _)| &**key < prefix);
        let fresh = self.fresh.range::<str, _>((Included(prefix), Unbounded));
        let (mut packed, mut fresh) = (packed.peekable(), fresh.peekable());
        let next = move || {
            let newer = fresh.peek().filter(|(new, _)| packed.peek().is_none_or(|(old, _)| *new <= old));
            let Some((new, _)) = newer else { return packed.next() };
            packed.next_if(|(old, _)| old == *new);
            fresh.next().map(|(key, cursor)| (key.clone(), cursor.clone()))
        };
        std::iter::from_fn(next).take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// How many there are. Looks at all of them.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.fresh.is_empty()
    }

    /// Stores `cursor` under `key`, in place of any other.
    pub fn insert(&mut self, key: String, cursor: Cursor) {
        self.fresh.insert(key, cursor);
        if self.fresh.len() == FRESH {
            self.pack();
        }
    }

    /// The blocks that begin at `key` or before it: the last of them is the one that may hold it.
    fn up_to(&self, key: &str) -> Range<'_, Arc<str>, Arc<[u8]>> {
        self.blocks.range::<str, _>((Unbounded, Included(key)))
    }

    /// Packs what is fresh, each with the block that it belongs to.
    fn pack(&mut self) {
        let mut fresh = std::mem::take(&mut self.fresh).into_iter().peekable();
        while let Some((key, _)) = fresh.peek() {
            let next = self.blocks.range::<str, _>((Excluded(key.as_str()), Unbounded)).next();
            let next = next.map(|(next, _)| next.clone());
            let home = self.up_to(key).next_back().map(|(first, _)| first.clone());
            let block = home.and_then(|first| self.blocks.remove(&first));
            let mut all: BTreeMap<String, Cursor> = block.iter().flat_map(owned).collect();
            while let Some((key, cursor)) =
                fresh.next_if(|(key, _)| next.as_deref().is_none_or(|n| &**key < n))
            {
                all.insert(key, cursor);
            }
            self.blocks.extend(packed(&all));
        }
    }
}

impl Extend<(String, Cursor)> for Cursors {
    fn extend<T: IntoIterator<Item = (String, Cursor)>>(&mut self, starts: T) {
        starts.into_iter().for_each(|(key, cursor)| self.insert(key, cursor));
    }
}

impl FromIterator<(String, Cursor)> for Cursors {
    fn from_iter<T: IntoIterator<Item = (String, Cursor)>>(starts: T) -> Self {
        let mut all = Self::default();
        all.extend(starts);
        all
    }
}

impl PartialEq for Cursors {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Cursors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Blocks of about the same size, with their first keys.
fn packed(starts: &BTreeMap<String, Cursor>) -> Vec<(Arc<str>, Arc<[u8]>)> {
    let size = |key: &str, cursor: &Cursor| 2 * size_of::<u32>() + key.len() + cursor.as_str().len();
    let total: usize = starts.iter().map(|(key, cursor)| size(key, cursor)).sum();
    let most = total.div_ceil(total.div_ceil(BLOCK).max(1));
    let mut blocks: Vec<(Arc<str>, Vec<u8>)> = Vec::new();
    for (key, cursor) in starts {
        if blocks.last().is_none_or(|(_, text)| text.len() + size(key, cursor) > most) {
            blocks.push((key.as_str().into(), Vec::with_capacity(most)));
        }
        let Some((_, text)) = blocks.last_mut() else { continue };
        for part in [key, cursor.as_str()] {
            text.extend_from_slice(&(part.len() as u32).to_le_bytes());
            text.extend_from_slice(part.as_bytes());
        }
    }
    blocks.into_iter().map(|(first, text)| (first, compress_prepend_size(&text).into())).collect()
}

/// The text of a block. It was packed in this process, so it can be unpacked.
fn unpacked(block: &[u8]) -> Vec<u8> {
    decompress_size_prepended(block).unwrap_or_default()
}

/// Keys and cursors in the text of a block.
fn entries(mut text: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let mut part = move || {
        let (length, rest) = text.split_first_chunk()?;
        let (part, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        text = rest;
        std::str::from_utf8(part).ok()
    };
    std::iter::from_fn(move || Some((part()?, part()?)))
}

fn owned(block: &Arc<[u8]>) -> Vec<(String, Cursor)> {
    let own = |(key, cursor): (&str, &str)| (key.to_owned(), Cursor::from_stored(cursor));
    entries(&unpacked(block)).map(own).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;

    fn cursor(text: impl Into<String>) -> Cursor {
        Cursor::from_stored(text.into())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// As a plain map does, with more of them than are held as they are.
        #[test]
        fn they_are_a_map(
            writes in proptest::collection::vec(("[a-c]{0,3}", 0u32..1_000, "[x-z]{0,40}"), 0..2_500),
            prefix in "[a-c]{0,2}",
        ) {
            let mut model = BTreeMap::new();
            let mut starts = Cursors::default();
            for (at, (begin, number, text)) in writes.into_iter().enumerate() {
                let key = format!("{begin}{number}");
                starts.insert(key.clone(), cursor(format!("{at} {text}")));
                model.insert(key, cursor(format!("{at} {text}")));
            }
            prop_assert_eq!(starts.iter().collect::<Vec<_>>(), model.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!((starts.len(), starts.is_empty()), (model.len(), model.is_empty()));
            let with: Vec<_> = model.iter().filter(|(key, _)| key.starts_with(&prefix)).map(|(key, _)| key.clone()).collect();
            prop_assert_eq!(starts.with_prefix(&prefix).map(|(key, _)| key).collect::<Vec<_>>(), with);
            let mut lookup = starts.lookup();
            for key in model.keys().cloned().chain(["a".to_owned(), "c9999".to_owned(), String::new()]) {
                prop_assert_eq!(lookup(&key), model.get(&key).cloned());
                prop_assert_eq!(starts.get(&key), model.get(&key).cloned());
            }
        }
    }

    #[test]
    fn a_clone_goes_its_own_way() {
        let mut starts: Cursors = (0..3 * FRESH).map(|n| (format!("{n:06}"), cursor("old"))).collect();
        let before = starts.clone();
        starts.extend((0..3 * FRESH).map(|n| (format!("{n:06}"), cursor("new"))));
        assert!(before.iter().all(|(_, at)| at.as_str() == "old"));
        assert!(starts.iter().all(|(_, at)| at.as_str() == "new"));
        assert_eq!((before.len(), starts.len()), (3 * FRESH, 3 * FRESH));
    }

    #[test]
    fn large_ones_stand_alone() {
        let large = |n: usize| (format!("{n:02}"), cursor("x".repeat(n * 1_000)));
        let mut starts: Cursors = (0..20).map(large).collect();
        starts.pack();
        assert_eq!(starts.iter().collect::<Vec<_>>(), (0..20).map(large).collect::<Vec<_>>());
    }

    /// Everything that is kept of a file which was downloaded: as texts 340 bytes.
    #[test]
    fn a_downloaded_file_takes_little() {
        const FILES: usize = 20_000;
        let file = |n: usize| {
            let hash: String =
                Sha256::digest(n.to_le_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            let (item, asset, mtime) = (n / 10, n % 10, 1_795_456_603_758_689_826u64 + 1_234_567 * n as u64);
            let key =
                format!("download:landsat-c2-l2/L8_01KAD_20230901T104801_L2SP_{item:08}/band_{asset}.tif");
            let at = format!(
                r#"{{"bytes":{},"mtime":{mtime},"checksum":"sha256:{hash}","sha256":"{hash}","etag":"\"{n:x}-200-0\"","last_modified":"Mon, 01 Jan 2024 00:00:00 GMT"}}"#,
                n * 31
            );
            (key, cursor(at))
        };
        let mut starts: Cursors = (0..FILES).map(file).collect();
        starts.pack();
        // A block's key and its own place in the map, with the counts of both `Arc`s.
        let block = |(key, block): (&Arc<str>, &Arc<[u8]>)| key.len() + block.len() + 4 * 16 + 32;
        let bytes: usize = starts.blocks.iter().map(block).sum();
        assert!(bytes < 150 * FILES, "{} bytes each", bytes / FILES);
    }
}
