//! How many requests a run will take.

use std::collections::HashMap;

use busta_core::{StreamName, StreamSpec};

/// What the splits of one stream took in a run, all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamRequests {
    /// Requests.
    pub requests: u64,
    /// Splits that were read.
    pub splits: u64,
    /// Those of them that planning has named; the others were found while reading.
    pub planned: u64,
}

/// What the splits of each stream took in one run.
pub type Requests = HashMap<StreamName, StreamRequests>;

/// What the last complete runs of a source took. A run that goes on from where another has ended takes less
/// than one that reads everything, so they are kept apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EarlierRequests {
    /// The last that began at the beginning; empty if there was none.
    pub whole: Requests,
    /// The last that went on from start cursors; empty if there was none.
    pub onward: Requests,
}

impl EarlierRequests {
    /// What a run took like the one that is to begin.
    pub fn of(&self, onward: bool) -> &Requests {
        if onward { &self.onward } else { &self.whole }
    }

    /// All requests of the last complete run; of two, of one that went on from another.
    pub fn last(&self) -> Option<u64> {
        let last = [&self.onward, &self.whole].into_iter().find(|requests| !requests.is_empty())?;
        Some(last.values().map(|stream| stream.requests).sum())
    }
}

/// How many requests it will take to read splits of the streams `known`, and the splits that will be found
/// while they are read. `None` if some stream's splits were not read `earlier`.
///
/// Each split is expected to take what one of its stream took then, and to find as many splits of its stream
/// and of those below it as one found then.
pub fn estimate<'a>(
    streams: &[StreamSpec],
    known: impl IntoIterator<Item = &'a StreamName>,
    earlier: &Requests,
) -> Option<u64> {
    let mut splits: HashMap<&StreamName, f64> = HashMap::new();
    for stream in known {
        *splits.entry(stream).or_default() += 1.0;
    }
    let mut sum = 0.0;
    for stream in streams {
        let splits = expected(streams, stream, &splits, earlier)?;
        if splits > 0.0 {
            let of = earlier.get(&stream.name).filter(|of| of.splits > 0)?;
            sum += splits * of.requests as f64 / of.splits as f64;
        }
    }
    // Not one more for a fraction that only the arithmetic has made.
    Some((sum - 1e-6).ceil().max(0.0) as u64)
}

/// How many splits of `stream` will be read.
fn expected(
    streams: &[StreamSpec],
    stream: &StreamSpec,
    known: &HashMap<&StreamName, f64>,
    earlier: &Requests,
) -> Option<f64> {
    let own = known.get(&stream.name).copied().unwrap_or_default();
    // Parents form no cycle: building the source has seen to that.
    let parent = stream.parent.as_ref().and_then(|name| streams.iter().find(|spec| spec.name == *name));
    let Some(parent) = parent else {
        if own == 0.0 {
            return Some(0.0);
        }
        // The first page of a list may find the others.
        let before = earlier.get(&stream.name).filter(|of| of.planned > 0)?;
        return Some(own * before.splits as f64 / before.planned as f64);
    };
    let parents = expected(streams, parent, known, earlier)?;
    if parents == 0.0 {
        return Some(own);
    }
    let before = earlier.get(&parent.name).filter(|of| of.splits > 0)?;
    let found = earlier.get(&stream.name)?;
    Some(own + parents * found.splits as f64 / before.splits as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams() -> [StreamSpec; 3] {
        let of = |name: &str, parent: Option<&str>| StreamSpec {
            parent: parent.map(Into::into),
            ..StreamSpec::new(name, Vec::new())
        };
        // A child may be named before its parent.
        [of("lines", Some("orders")), of("orders", None), of("notes", Some("lines"))]
    }

    fn earlier(of: &[(&str, u64, u64)]) -> Requests {
        let of = of.iter().map(|(name, requests, splits)| {
            let planned = if *name == "orders" { splits / 2 } else { 0 };
            ((*name).into(), StreamRequests { requests: *requests, splits: *splits, planned })
        });
        of.collect()
    }

    fn of(known: &[&str], earlier: &Requests) -> Option<u64> {
        let known: Vec<StreamName> = known.iter().map(|name| (*name).into()).collect();
        estimate(&streams(), &known, earlier)
    }

    #[test]
    fn splits_take_and_find_what_they_did_before() {
        // 2 splits found 2 more, which took 40 requests and found 100 lines; those took 150 and found 10 notes,
        // which took 10.
        let earlier = earlier(&[("orders", 40, 4), ("lines", 150, 100), ("notes", 10, 10)]);
        assert_eq!(of(&["orders"; 2], &earlier), Some(200));
        assert_eq!(of(&["orders"], &earlier), Some(100));
        // Of a run that goes on, found splits are known.
        assert_eq!(of(&["lines", "lines"], &earlier), Some(4), "3 requests, and a fifth of one");
        assert_eq!(of(&["orders", "lines"], &earlier), Some(102));
        assert_eq!(of(&[], &earlier), Some(0));
    }

    #[test]
    fn what_was_never_read_is_not_known() {
        assert_eq!(of(&["orders"], &Requests::new()), None);
        assert_eq!(of(&["orders"], &earlier(&[("orders", 20, 2)])), None, "it may find lines");
        let found_none = earlier(&[("orders", 20, 2), ("lines", 0, 0), ("notes", 0, 0)]);
        assert_eq!(of(&["orders"], &found_none), Some(20));
        assert_eq!(of(&["orders", "lines"], &found_none), None);
    }

    #[test]
    fn the_last_run_is_one_that_went_on() {
        let mut all =
            EarlierRequests { whole: earlier(&[("orders", 20, 2), ("lines", 5, 5)]), ..Default::default() };
        assert_eq!((all.last(), EarlierRequests::default().last()), (Some(25), None));
        all.onward = earlier(&[("orders", 3, 1)]);
        assert_eq!(all.last(), Some(3));
        assert_eq!(all.of(false)["orders"].requests, 20);
    }
}
