//! How many found splits wait. Every one of them takes memory, so whoever finds more has to wait while
//! there are many: a listing of a million objects must not outrun their downloads.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use busta_core::{StreamName, StreamSpec};

/// While a stream has so many open splits, nothing is read that finds more of them. The batches that each
/// finder has under way may go beyond it: one is being read while the one before it is committed.
const MOST: usize = 4096;

/// How long a finder waits before it looks again.
pub const PAUSE: Duration = Duration::from_millis(200);

/// The open splits of one source, by stream.
pub struct Backlog {
    open: HashMap<StreamName, AtomicUsize>,
    /// From a stream to those whose splits are found in it. Only these hold it up: what holds a stream
    /// up is always nearer to the end, so something can always go on.
    found_in: HashMap<StreamName, Vec<StreamName>>,
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
        let open = streams.iter().map(|stream| (stream.name.clone(), AtomicUsize::new(0))).collect();
        Self { open, found_in }
    }

    /// A split of `stream` waits from now on.
    pub fn opened(&self, stream: &StreamName) {
        if let Some(open) = self.open.get(stream) {
            open.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A split of `stream` is done, failed, or left.
    pub fn closed(&self, stream: &StreamName) {
        if let Some(open) = self.open.get(stream) {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether so many splits wait that were found in `stream` that it has to wait for them.
    pub fn holds_up(&self, stream: &StreamName) -> bool {
        let open = |child: &StreamName| self.open.get(child).map_or(0, |open| open.load(Ordering::Relaxed));
        self.found_in.get(stream).is_some_and(|found| found.iter().map(open).sum::<usize>() >= MOST)
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
            backlog.opened(&"b".into());
        }
        let held = |stream: &str| backlog.holds_up(&stream.into());
        assert_eq!((held("a"), held("b"), held("c")), (true, false, false));
        backlog.closed(&"b".into());
        assert!(!held("a"));
    }
}
