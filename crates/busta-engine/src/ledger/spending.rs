//! What a source's part of a run takes, and when its own settings end it.

use std::sync::atomic::Ordering;

use super::{Ledger, StreamLedger};
use crate::report::LearntRequests;
use crate::slot::Work;
use crate::spending::{StreamRequests, estimate};

impl Ledger {
    /// What its requests have cost, if that is known.
    pub(super) fn cost(&self) -> Option<f64> {
        self.budget?.cost(self.requests())
    }

    /// What its last run took, in words, of a source that has a budget.
    pub fn words_of_last_run(&self) -> Option<String> {
        let budget = self.budget?;
        Some(match self.earlier.last() {
            Some(requests) => format!("its last complete run took {}", budget.words(requests)),
            None => "how many requests it takes is not known yet".to_owned(),
        })
    }

    /// How many requests it will take to read `work` and what is found in it, with those that planning took.
    /// Not known where the run has a limit of records, and of one that is resumed: some of its splits are read in
    /// part. To go on with a run is to spend more on it, as far as the budget goes.
    pub fn expected_requests(&self, work: &[Work]) -> Option<u64> {
        if self.resumed || !self.shared.allowance.is_empty() {
            return None;
        }
        let known = work.iter().map(|work| &work.split.stream);
        let earlier = self.earlier.of(self.onward);
        Some(self.requests() + estimate(self.shared.source.streams(), known, earlier)?)
    }

    /// That so many splits in a row have failed that it is to be paused, in words.
    pub fn too_many_failures(&self) -> Option<String> {
        let most = self.pause_after.filter(|most| *most > 0 && self.failed_in_a_row >= *most)?;
        let last = self.last_error.as_deref().unwrap_or("for a reason that is not known");
        let splits = if most == 1 {
            "a split has failed".to_owned()
        } else {
            format!("{most} splits in a row have failed")
        };
        Some(format!("{splits}, the last with: {last}"))
    }

    /// What it took, if it was collected from its beginning to its end.
    pub fn learnt(&self) -> Option<LearntRequests> {
        let limited = |stream: &StreamLedger| stream.limited;
        if self.resumed || self.left > 0 || self.is_over() || self.streams.values().any(limited) {
            return None;
        }
        let of = |stream: &StreamLedger| StreamRequests {
            requests: self
                .shared
                .requests
                .get(&stream.spec.name)
                .map_or(0, |count| count.load(Ordering::Relaxed)),
            splits: u64::from(stream.read) + stream.failed as u64,
            planned: stream.planned,
        };
        let requests = self.streams.values().map(|stream| (stream.spec.name.clone(), of(stream))).collect();
        Some(LearntRequests { source: self.shared.name.clone(), onward: self.onward, requests })
    }
}
