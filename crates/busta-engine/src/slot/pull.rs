//! Asking a reader for its next batch.

use std::time::Duration;

use busta_core::{Batch, Error, Position, Records, Result};
use tokio::time::Instant;

use super::{Slot, Work, deadline_passed};
use crate::budget::Reserved;
use crate::progress::WorkerAction;
use crate::worker::Asker;

/// A pull may make a few requests (a token, a redirect, the page), each with its own time limit. This
/// many times the limit of one is the net under a reader that has none.
const PULL_TIMEOUTS: u32 = 4;

/// A batch that has come.
pub(super) struct Pulled {
    pub batch: Batch,
    /// Its part of the memory budget.
    pub reserved: Reserved,
    /// How long it took since it was asked for.
    pub took: Duration,
}

impl Slot {
    /// The next batch, as soon as there is memory for it; `None` if the run is cut off, or its source's budget
    /// used up, before it comes.
    pub(super) async fn pull(&self, work: &mut Work, asker: &Asker) -> Result<Option<Pulled>> {
        self.cell.does(WorkerAction::Writing);
        let early = asker.take_early();
        let since = early.as_ref().map(|early| early.since);
        let asked = Instant::now();
        let reserving = async {
            match early {
                Some(early) => early.reserved,
                None => self.shared.budget.reserve(self.shared.batch_estimate()).await,
            }
        };
        let mut reserved = tokio::select! {
            biased;
            () = self.shared.cut.cancelled() => return Ok(None),
            reserved = reserving => reserved,
        };
        let began = self.cell.pulls();
        self.shared.phases.written(began - asked);
        let batch = tokio::select! {
            biased;
            () = self.shared.cut.cancelled() => return Ok(None),
            batch = self.ask(work) => batch,
        };
        self.shared.phases.pulled(began.elapsed());
        self.cell.has_pulled();
        let took = since.unwrap_or(began).elapsed();
        // A source that asks for nothing that has a name.
        asker.tell_fetching();
        // Until the next pull: shown is what is being made, of this batch or of the one before.
        self.cell.does(WorkerAction::Transforming);
        if self.cell.was_refused() {
            // The budget is used up: what came is read again when the run is resumed.
            work.reader = None;
            return Ok(None);
        }
        let batch = batch?.unwrap_or_else(|| Batch::last(Records::default()));
        reserved.grow(usize::try_from(batch.records.bytes()).unwrap_or(usize::MAX));
        Ok(Some(Pulled { batch, reserved, took }))
    }

    async fn ask(&self, work: &mut Work) -> Result<Option<Batch>> {
        let reader = match &mut work.reader {
            Some(reader) => reader,
            none => {
                self.cell.does(WorkerAction::Opening);
                let at = match &work.position {
                    Position::At(cursor) => Some(cursor),
                    Position::Start | Position::Done => None,
                };
                none.insert(self.within(work.deadline, self.shared.source.open(&work.split, at)).await?)
            }
        };
        self.cell.does(WorkerAction::Fetching);
        self.within(work.deadline, reader.next()).await
    }

    /// Holds a call of the connector to the deadlines.
    async fn within<T>(&self, split: Option<Instant>, call: impl Future<Output = Result<T>>) -> Result<T> {
        let net = Instant::now() + self.shared.request_timeout * PULL_TIMEOUTS;
        let (until, error) = match [split, self.shared.deadline()].into_iter().flatten().min() {
            Some(deadline) if deadline < net => (deadline, deadline_passed()),
            _ => (
                net,
                Error::unavailable(format!(
                    "no batch within {:?}",
                    self.shared.request_timeout * PULL_TIMEOUTS
                )),
            ),
        };
        tokio::time::timeout_at(until, call).await.unwrap_or(Err(error))
    }
}
