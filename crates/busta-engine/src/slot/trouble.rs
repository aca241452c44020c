//! What becomes of a split after an error.

use std::sync::Arc;

use busta_core::event::Action;
use busta_core::{Chunk, Error, ErrorKind, Failure, Result, Split, Stage};
use tokio::time::Instant;

use super::{Parked, Slot, Work, millis};
use crate::committer::{End, Parcel};
use crate::progress::WorkerAction;
use crate::retry::Again;

impl Slot {
    /// Decides about an error: when to try again, or that the split has failed.
    pub(super) async fn after_error(&mut self, work: &mut Work, error: Error) -> Result<(Instant, Parked)> {
        work.reader = None;
        self.host_failed(work, &error);
        let Some((again, wait)) = work.tries.again(&error, &self.shared.retry, &mut self.chance) else {
            return self.give_up(&work.split, error).await;
        };
        let until = Instant::now() + wait;
        if [work.deadline, self.shared.deadline()].into_iter().flatten().any(|deadline| until >= deadline) {
            return self.give_up(&work.split, error.at("the deadline comes before the next attempt")).await;
        }
        let (why, action) = match again {
            Again::Retry => (Parked::Retry, Action::Retrying),
            Again::Wait => (Parked::RateLimited, Action::RateLimited),
        };
        if let (Parked::RateLimited, Some(host)) = (why, &work.split.host) {
            self.shared.hosts.quiet(host, Instant::now(), wait);
        }
        self.emit(action, &work.split, |event| {
            event.attempt = Some(work.attempt());
            event.duration_ms = Some(millis(wait));
            event.error = Some(error.kind());
            event.stage = Some(stage_of(&error));
            event.url = self.cell.url();
            event.message = Some(busta_core::secret::redact(&error.to_string()).into_owned());
        });
        Ok((until, why))
    }

    async fn give_up<T>(&self, split: &Arc<Split>, error: Error) -> Result<T> {
        self.fail(split, &error).await;
        Err(error)
    }

    /// Records that the split has failed.
    pub async fn fail(&self, split: &Arc<Split>, error: &Error) {
        let shared = &self.shared;
        let failure = Failure::split(stage_of(error), error).place(
            &shared.run,
            &shared.name,
            &split.stream,
            &split.id,
            shared.clock.now(),
        );
        self.emit(Action::Error, split, |event| {
            event.error = Some(error.kind());
            event.stage = Some(failure.stage);
            event.url = self.cell.url();
            event.message = Some(failure.reason.clone());
        });
        self.cell.does(WorkerAction::Writing);
        self.send(Parcel {
            worker: self.worker,
            source: shared.index,
            split: split.clone(),
            end: Some(End::Failed),
            nothing: false,
            held: None,
            chunk: Chunk {
                run: shared.run.clone(),
                source: shared.name.clone(),
                stream: split.stream.clone(),
                step: None,
                staged: None,
                failures: vec![failure],
                high: None,
                found: Vec::new(),
                starts: Vec::new(),
            },
        })
        .await;
    }
}

/// How far a split came that could not be read as a whole.
fn stage_of(error: &Error) -> Stage {
    if error.kind() == ErrorKind::Data { Stage::Parse } else { Stage::Read }
}
