//! A slot: reads one split until it ends, fails, must wait, or the run stops.
//!
//! `work` is what it reads, `shared` what it knows with its like. A batch is asked for in `pull`, made ready
//! in `making`, and handed to the committer in `parcel`; `trouble` decides what an error leads to, `host`
//! talks to the limits.
//!
//! A batch that takes the processor some time is made ready while the next one is asked for (`beside`), so a
//! chain of pages takes as long as its server does. There is one such batch and no more, and whatever ends
//! the slot, it goes to the committer first: so the order of a split's steps is that of its batches. Only the
//! last batch of a split outlives the slot ([`Last`]), whose place is then free for the next split.

mod beside;
mod host;
mod making;
mod parcel;
mod pull;
mod shared;
mod trouble;
mod work;

use std::sync::Arc;
use std::time::Duration;

use busta_core::event::{Action, Event};
use busta_core::{Error, Position, Split};
use tokio::time::Instant;

use crate::ahead::Ahead;
use crate::backlog;
use crate::retry::Tries;
use crate::worker::{Asker, WorkerCell};
use beside::{attended, beside};
pub use making::transformed;
use parcel::Draft;
use pull::Pulled;
pub use shared::SourceShared;
use work::parked;
pub use work::{Outcome, Parked, Work};

/// A slot's work.
pub struct Slot {
    pub shared: Arc<SourceShared>,
    pub worker: u32,
    pub cell: Arc<WorkerCell>,
    pub chance: fastrand::Rng,
}

/// Why a slot pulls no further batch.
enum Leave {
    Ended,
    Limited,
    Stopped,
    Parked(Option<Instant>, Parked),
}

/// The last batch of a split, while it is made ready.
pub struct Last {
    slot: Slot,
    draft: Draft,
}

impl Last {
    /// Hands it to the committer as soon as it is made.
    pub async fn deliver(self) {
        self.slot.deliver(self.draft).await;
    }
}

impl Slot {
    /// Reads `work` as far as it goes now.
    pub async fn run(self, work: Work) -> Outcome {
        let asker = Asker {
            shared: self.shared.clone(),
            worker: self.worker,
            cell: self.cell.clone(),
            split: work.split.clone(),
            attempt: work.attempt(),
            ahead: Ahead::default(),
        };
        asker.clone().runs(self.read(work, &asker)).await
    }

    async fn read(mut self, mut work: Work, asker: &Asker) -> Outcome {
        if let Some(since) = work.parked.take() {
            self.shared.phases.limited(since.elapsed());
        }
        let mut before = None;
        let mut leave = self.hold_up(&work);
        loop {
            if let Some(leave) = leave {
                return self.leave(work, before, leave).await;
            }
            let pulled = match before.take() {
                Some(draft) => beside(self.deliver(draft), self.pull(&mut work, asker)).await,
                None => self.pull(&mut work, asker).await,
            };
            match pulled {
                Ok(Some(pulled)) => (before, leave) = self.take(&mut work, pulled, asker).await,
                Ok(None) => leave = Some(Leave::Stopped),
                Err(error) => {
                    return match self.after_error(&mut work, error).await {
                        Ok((until, why)) => parked(work, Some(until), why),
                        Err(error) => Outcome::Failed(error),
                    };
                }
            }
        }
    }

    /// Takes in what has come. Gives the batch, if it is still being made ready, and why no other is to be
    /// pulled.
    async fn take(&self, work: &mut Work, pulled: Pulled, asker: &Asker) -> (Option<Draft>, Option<Leave>) {
        self.host_answered(work);
        let done = pulled.batch.done;
        // A batch that leads nowhere is a sign of life: what fails behind it every time is not tried for ever.
        if done || work.position != Position::At(pulled.batch.cursor.clone()) {
            work.tries = Tries::default();
        }
        let enough = self.reaches_limit(&work.split.stream, pulled.batch.records.len() as u64);
        let mut reader = work.reader.take();
        let taking = async {
            let draft = self.draft(work, pulled).await;
            if draft.is_made() {
                self.deliver(draft).await;
                None
            } else {
                Some(draft)
            }
        };
        let draft = attended(reader.as_mut(), taking).await;
        work.reader = reader;
        let leave = match () {
            () if done => Some(Leave::Ended),
            () if enough => Some(Leave::Limited),
            // What is under way comes to its end.
            () if asker.ahead.is_some() => None,
            () if self.shared.stop.is_cancelled() => Some(Leave::Stopped),
            () => self.hold_up(work).or_else(|| self.wait_for_turn(work)),
        };
        (draft, leave)
    }

    async fn leave(self, work: Work, before: Option<Draft>, leave: Leave) -> Outcome {
        let outcome = match leave {
            Leave::Ended => return Outcome::Ended(before.map(|draft| Box::new(Last { slot: self, draft }))),
            Leave::Limited => Outcome::Limited,
            Leave::Stopped => Outcome::Stopped,
            Leave::Parked(until, why) => parked(work, until, why),
        };
        if let Some(draft) = before {
            self.deliver(draft).await;
        }
        outcome
    }

    /// Whether what was found in the stream of `work` goes first.
    fn hold_up(&self, work: &Work) -> Option<Leave> {
        let full = self.shared.backlog.holds_up(&work.split.stream);
        full.then(|| Leave::Parked(Some(Instant::now() + backlog::PAUSE), Parked::Backlog))
    }

    fn emit(&self, action: Action, split: &Split, fill: impl FnOnce(&mut Event)) {
        self.shared.feed.emit(action, |event| {
            event.worker_id = self.worker;
            self.shared.describe(event, split);
            fill(event);
        });
    }
}

/// `time` as events tell it.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What a split, source or run that took too long failed with.
pub fn deadline_passed() -> Error {
    Error::cancelled("its deadline has passed").hint("raise `deadline`, or resume the run to go on")
}
