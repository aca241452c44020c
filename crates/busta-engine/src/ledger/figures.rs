//! What others are told about a source's part of a run.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use busta_core::StreamName;
use busta_core::report::{PhaseProgress, Phases, Skipped, SourceReport};
use tokio::time::Instant;

use super::Ledger;
use crate::progress::SourceProgress;
use crate::rates::Speed;

impl Ledger {
    /// How it stands, at `speed`.
    pub fn progress(&self, speed: Speed) -> SourceProgress {
        SourceProgress {
            name: self.shared.name.clone(),
            kind: self.kind.clone(),
            status: self.status(),
            splits_done: self.done,
            splits_known: self.known.len(),
            in_flight: self.in_slots,
            records: self.records,
            bytes: self.bytes(),
            requests: self.requests(),
            retries: self.retries,
            failures: self.failures,
            waiting: self.waiting.clone(),
            error: self.error.clone(),
            cost: self.cost(),
            estimate: self.estimate,
            stopped: self.stopped.clone(),
            progress: self.progress_by_phase(),
            phases: self.phases(),
            records_per_s: speed.0,
            bytes_per_s: speed.1,
        }
    }

    /// Bytes received or read in this run.
    pub fn bytes(&self) -> u64 {
        self.meter.bytes_read() - self.before.bytes
    }

    pub(in crate::ledger) fn requests(&self) -> u64 {
        self.meter.requests() - self.before.requests
    }

    fn phases(&self) -> Phases {
        self.shared.phases.report(self.meter.waited_for().saturating_sub(self.before.waited))
    }

    pub fn report(&self) -> SourceReport {
        let span = self.began.zip(self.ended).map_or(Duration::ZERO, |(began, ended)| ended - began);
        SourceReport {
            name: self.shared.name.clone(),
            kind: self.kind.clone(),
            status: self.status(),
            records: self.records,
            deduped: self.deduped,
            bytes: self.bytes(),
            requests: self.requests(),
            retries: self.retries,
            rate_limited: self.rate_limited,
            failures: self.failures,
            dropped: self.shared.dropped.load(Ordering::Relaxed),
            warnings: self.shared.warnings.load(Ordering::Relaxed),
            first_warnings: self.shared.first_warnings(),
            splits: self.done as u64,
            skipped: self.skipped(),
            duration_s: span.as_secs_f64(),
            busy_s: self.busy.as_secs_f64(),
            quality: self.quality.clone(),
            phases: self.phases(),
            fresh_s: self.meter.fresh(Instant::now()).map(|time| time.as_secs_f64()),
            cost: self.cost(),
            estimate: self.estimate,
            stopped: self.stopped.clone(),
            progress: self.progress_by_phase(),
            gaps: self.shared.source.gaps(),
            error: self.error.clone().or_else(|| self.stopped.as_ref().map(|stopped| stopped.reason.clone())),
        }
    }

    fn skipped(&self) -> Option<Skipped> {
        let skipped = self.shared.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        Some(skipped.clone()).filter(|skipped| skipped.splits > 0)
    }

    /// How long a split of each stream took on average, for the streams that were read.
    pub fn split_durations(&self) -> impl Iterator<Item = (StreamName, Duration)> {
        self.streams
            .values()
            .filter(|stream| stream.read > 0 && !stream.limited && !stream.busy.is_zero())
            .map(|stream| (stream.spec.name.clone(), stream.busy / stream.read))
    }

    /// How far the phases of its work are, in the order of its streams.
    fn progress_by_phase(&self) -> Vec<PhaseProgress> {
        let mut phases: Vec<PhaseProgress> = Vec::new();
        for stream in self.order.iter().filter_map(|name| self.streams.get(name)) {
            let Some(name) = &stream.spec.phase else { continue };
            let place = phases.iter().position(|phase| phase.phase == *name).unwrap_or_else(|| {
                phases.push(PhaseProgress { phase: name.clone(), ..PhaseProgress::default() });
                phases.len() - 1
            });
            let phase = &mut phases[place];
            phase.splits_done += stream.done;
            phase.splits_total += stream.known;
            phase.records += stream.records;
        }
        phases
    }
}
