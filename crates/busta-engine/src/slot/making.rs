//! From records as they were read to a batch that is ready for the destination.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use busta_core::event::Action;
use busta_core::transform::{Transformed, Warning};
use busta_core::{Failure, Quality, Records, Split, Stage, Staged, StreamName, Transform};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Slot, SourceShared};
use crate::progress::WorkerAction;
use crate::worker::WorkerCell;

/// Batches above this are staged on a blocking thread: encoding them takes more than about a
/// millisecond.
const INLINE_STAGING: usize = 128 << 10;

/// What a source's configuration does to the records that were read: transforms them, and measures those
/// that go on.
pub fn transformed(
    transform: Option<&dyn Transform>,
    quality: Option<&dyn Quality>,
    stream: &StreamName,
    records: Records,
) -> Transformed {
    let mut made = match transform {
        Some(transform) => transform.apply(stream, &records),
        None => Transformed { records, ..Transformed::default() },
    };
    if let Some(quality) = quality {
        quality.observe(stream, &made.records);
        quality.validated(stream, std::mem::take(&mut made.validated));
    }
    made
}

/// A batch made ready for the destination.
#[derive(Default)]
pub(super) struct Made {
    pub staged: Option<Staged>,
    pub failures: Vec<Failure>,
    pub warnings: Vec<Warning>,
}

/// So many different warnings are told in the report.
const TOLD_WARNINGS: usize = 5;

fn words(warning: &Warning) -> String {
    format!("{}: {}", warning.rule, warning.message)
}

impl SourceShared {
    /// What the first different doubts about its records say.
    pub fn first_warnings(&self) -> Vec<String> {
        self.first_warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note_warnings(&self, warnings: &[Warning]) {
        if warnings.is_empty() {
            return;
        }
        self.warnings.fetch_add(warnings.len() as u64, Ordering::Relaxed);
        let mut told = self.first_warnings.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in warnings {
            if told.len() == TOLD_WARNINGS {
                return;
            }
            let words = words(warning);
            if !told.contains(&words) {
                told.push(words);
            }
        }
    }

    fn make(&self, cell: &WorkerCell, stream: &StreamName, records: Records) -> Made {
        cell.makes(WorkerAction::Transforming);
        let began = Instant::now();
        let (transform, quality) = (self.transform.as_deref(), self.quality.as_deref());
        let Transformed { records, mut failures, dropped, warnings, .. } =
            transformed(transform, quality, stream, records);
        self.dropped.fetch_add(dropped, Ordering::Relaxed);
        self.note_warnings(&warnings);
        self.phases.transformed(began.elapsed());
        if records.is_empty() {
            return Made { staged: None, failures, warnings };
        }
        cell.makes(WorkerAction::Writing);
        let began = Instant::now();
        let mut staged = self.destination.stage(&self.run, &self.name, stream, &records);
        failures.append(&mut staged.failures);
        self.phases.written(began.elapsed());
        Made { staged: Some(staged), failures, warnings }
    }
}

/// A batch that is being made ready.
pub(super) enum Making {
    Done(Made),
    /// On a thread for blocking work, while the slot asks for its next batch.
    UnderWay(JoinHandle<Made>),
}

impl Making {
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    /// What it comes to.
    pub async fn done(self) -> Made {
        match self {
            Self::Done(made) => made,
            Self::UnderWay(making) => match making.await {
                Ok(made) => made,
                // Only a panic ends here: it goes on in the task that waits, where it fails this split.
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            },
        }
    }
}

impl Slot {
    /// Begins to transform, measure and encode a batch; what is quick is done at once.
    pub(super) fn make(&self, split: &Split, records: Records) -> Making {
        if records.is_empty() {
            return Making::Done(Made::default());
        }
        let shared = self.shared.clone();
        let stream = split.stream.clone();
        // The processor's time for a batch that is transformed is not known beforehand.
        if records.weight() <= INLINE_STAGING && shared.transform.is_none() {
            return Making::Done(shared.make(&self.cell, &stream, records));
        }
        let cell = self.cell.clone();
        Making::UnderWay(tokio::task::spawn_blocking(move || shared.make(&cell, &stream, records)))
    }

    pub(super) fn tell_warnings(&self, split: &Split, stage: Stage, warnings: &[Warning]) {
        let Some(first) = warnings.first() else { return };
        self.emit(Action::Warning, split, |event| {
            event.count = Some(warnings.len() as u64);
            event.stage = Some(stage);
            event.message = Some(words(first));
        });
    }
}
