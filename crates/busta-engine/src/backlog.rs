//! How many found splits wait. Every one of them takes memory, so whoever finds more has to wait while
//! there are many, or large ones: a listing of a million objects must not outrun their downloads.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use busta_core::{Split, StreamName, StreamSpec};

/// While a stream has so many open splits, nothing is read that finds more of them. The batches that each
/// finder has under way may go beyond it: one is being read while the one before it is committed.
const MOST: usize = 4096;

/// So does it while they hold so many bytes: those that bring their records with them.
const MOST_BYTES: usize = 16 << 20;

/// How long a finder waits before it looks again.
pub const PAUSE: Duration = Duration::from_millis(200);

/// The open splits of one source, by stream.
pub struct Backlog {
    open: HashMap<StreamName, Open>,
    /// From a stream to those whose splits are found in it. Only these hold it up: what holds a stream
    /// up is always nearer to the end, so something can always go on.
    found_in: HashMap<StreamName, Vec<StreamName>>,
}

#[derive(Default)]
struct Open {
    splits: AtomicUsize,
    bytes: Arc<AtomicUsize>,
}

/// The bytes of a split that waits or is read, until it is dropped with it.
pub struct Held {
    all: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Backlog {
    /// For a source with these streams.
    pub fn new(streams: &[StreamSpec]) -> Self {
        let mut found_in: HashMap<_, Vec<_>> = HashMap::new();
        for stream in streams {
            if let Some(parent) = &stream.parent {
                found_in.entry(parent.clone()).or_default().push(stream.name.clone());
            }
        }
        let open = streams.iter().map(|stream| (stream.name.clone(), Open::default())).collect();
        Self { open, found_in }
    }

    /// A split waits from now on.
    pub fn opened(&self, split: &Split) -> Option<Held> {
        let open = self.open.get(&split.stream)?;
        let bytes = split.bytes();
        open.splits.fetch_add(1, Ordering::Relaxed);
        open.bytes.fetch_add(bytes, Ordering::Relaxed);
        Some(Held { all: open.bytes.clone(), bytes })
    }

    /// A split of `stream` is done, failed, or left.
    pub fn closed(&self, stream: &StreamName) {
        if let Some(open) = self.open.get(stream) {
            open.splits.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether splits are found in `stream`.
    pub fn is_parent(&self, stream: &StreamName) -> bool {
        self.found_in.contains_key(stream)
    }

    /// Whether so many splits wait that were found in `stream` that it has to wait for them.
    pub fn holds_up(&self, stream: &StreamName) -> bool {
        let Some(found) = self.found_in.get(stream) else { return false };
        let open = || found.iter().filter_map(|child| self.open.get(child));
        open().map(|open| open.splits.load(Ordering::Relaxed)).sum::<usize>() >= MOST
            || open().map(|open| open.bytes.load(Ordering::Relaxed)).sum::<usize>() >= MOST_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_found_in_a_stream_holds_it_up() {
        let child = |name: &str, parent: &str| {
            let parent = Some(parent.into());
            StreamSpec { parent, ..StreamSpec::new(name, Vec::new()) }
        };
        let backlog = Backlog::new(&[StreamSpec::new("a", Vec::new()), child("b", "a"), child("c", "b")]);
        for _ in 0..MOST {
            drop(backlog.opened(&Split::bare("x", "b".into())));
        }
        let held = |stream: &str| backlog.holds_up(&stream.into());
        assert_eq!((held("a"), held("b"), held("c")), (true, false, false));
        backlog.closed(&"b".into());
        assert!(!held("a"));
        let large = Split::new("y", "c".into(), None, &"x".repeat(MOST_BYTES)).unwrap();
        let room = backlog.opened(&large);
        assert_eq!((held("a"), held("b"), held("c")), (false, true, false));
        drop(room);
        assert!(!held("b"));
    }
}
