//! Runs that wait: for their sources, and after a start for what an earlier process has left.
//!
//! What is queued is a row of the history, so a restart forgets nothing. A run whose source another
//! process collects waits on; it is looked at again now and then.

use std::collections::HashSet;
use std::time::Duration;

use busta_core::{Error, ErrorKind, Result, RunId, SourceName};
use busta_store::{NewRun, RunFilter, RunState, StoredRun, Trigger};
use tokio_util::sync::CancellationToken;

use super::runs::{Ended, News, Runs, Waiting};
use crate::session::Session;

/// So many runs may wait.
const MOST_QUEUED: usize = 100;

/// How often those that wait for another process are looked at.
const LOOK: Duration = Duration::from_secs(2);

impl Runs {
    /// Puts back what an earlier process has left: first the runs that it was cut off in, if `resume`, then
    /// its queue. None of it starts before [`open`](Self::open), and nobody else gets its sources.
    pub async fn recall(&self, resume: bool) -> Result<()> {
        let mut left = Vec::new();
        for run in self.inner.store.interrupted().await? {
            if resume {
                left.push(Waiting { resumed: true, trigger: Trigger::Resume, ..waiting(run) });
            } else {
                tracing::warn!(run = run.id.as_str(), "was cut off; `busta runs retry` goes on with it");
                self.inner.store.mark_interrupted(&run.id).await?;
            }
        }
        left.reverse();
        left.extend(self.inner.store.queued().await?.into_iter().map(waiting));
        left.iter().for_each(|waiting| self.tell(News::Started(waiting.sources.clone())));
        self.state().waiting.extend(left);
        Ok(())
    }

    /// From now on what waits is started when its sources are free, until `stop`.
    pub async fn open(&self, stop: CancellationToken) {
        self.state().open = true;
        loop {
            let waits = !self.state().waiting.is_empty();
            if waits {
                let _turn = self.inner.turn.lock().await;
                self.forget_cancelled().await;
                self.start_waiting().await;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    pub(super) async fn enqueue(&self, new: NewRun, behind: Option<&RunId>) -> Result<()> {
        if self.state().waiting.len() >= MOST_QUEUED {
            return Err(Error::new(
                ErrorKind::RateLimited,
                format!("{MOST_QUEUED} runs are waiting already"),
            )
            .hint("cancel some of them"));
        }
        let waiting = Waiting {
            resumed: false,
            run: new.id.clone(),
            trigger: new.trigger,
            sources: new.sources.clone(),
            since: new.started,
        };
        self.inner.store.queue(new, behind.cloned()).await?;
        self.tell(News::Started(waiting.sources.clone()));
        self.state().waiting.push_back(waiting);
        self.inner.changed.send_replace(());
        Ok(())
    }

    /// Starts what waits and whose sources are free now. One that cannot be started is given up. Whoever
    /// calls has the turn.
    pub(super) async fn start_waiting(&self) {
        let mut tried = HashSet::new();
        while let Some(next) = self.next_waiting(&tried) {
            tried.insert(next.run.clone());
            let Err(error) = self.start_one(&next).await else {
                self.remove(&next.run);
                continue;
            };
            let waits_on = match error.kind() {
                ErrorKind::Conflict => self.is_held_elsewhere(&next.sources).await,
                // The disk may be full, the state file locked.
                kind => kind == ErrorKind::Unavailable,
            };
            if waits_on {
                continue;
            }
            tracing::error!(run = next.run.as_str(), error = %error, "cannot be started and is given up");
            let _ = self.inner.store.abandon(&next.run, self.inner.clock.now()).await;
            self.leave_queue(&next.run);
        }
    }

    async fn start_one(&self, next: &Waiting) -> Result<()> {
        if next.resumed {
            let run = self.inner.store.run(next.run.as_str()).await?;
            return self.resume(&run, next.trigger, true).await;
        }
        let session = Session::queued(&self.inner.store, &next.run, self.inner.clock.now()).await?;
        self.launch(session, next.trigger).await
    }

    /// The longest waiting run whose sources are free; those that were tried keep theirs.
    fn next_waiting(&self, tried: &HashSet<RunId>) -> Option<Waiting> {
        let state = self.state();
        if state.closed || !state.open {
            return None;
        }
        let mut taken: Vec<SourceName> = state.live.values().flat_map(|live| live.sources.clone()).collect();
        let mut startable = |waiting: &&Waiting| {
            let free = waiting.sources.iter().all(|source| !taken.contains(source));
            // Whoever waits longer goes first.
            taken.extend(waiting.sources.iter().cloned());
            free && !tried.contains(&waiting.run)
        };
        state.waiting.iter().find(|waiting| startable(waiting)).cloned()
    }

    /// Whether a run of another process collects one of these sources.
    async fn is_held_elsewhere(&self, sources: &[SourceName]) -> bool {
        let filter = RunFilter { state: Some(RunState::Running), limit: 1000, ..RunFilter::default() };
        let running = self.inner.store.runs_page(filter).await.unwrap_or_default();
        running.iter().any(|run| run.sources.iter().any(|source| sources.contains(source)))
    }

    /// `busta runs cancel` takes runs out of the stored queue.
    async fn forget_cancelled(&self) {
        let Ok(queued) = self.inner.store.queued().await else { return };
        let known: HashSet<RunId> = queued.into_iter().map(|run| run.id).collect();
        let gone = |waiting: &Waiting| !waiting.resumed && !known.contains(&waiting.run);
        let gone: Vec<RunId> =
            self.state().waiting.iter().filter(|w| gone(w)).map(|waiting| waiting.run.clone()).collect();
        gone.iter().for_each(|run| {
            self.leave_queue(run);
        });
    }

    /// Takes a run out of the queue and says that it will not come. `false` if it did not wait.
    pub(super) fn leave_queue(&self, run: &RunId) -> bool {
        let Some(Waiting { sources, trigger, .. }) = self.remove(run) else { return false };
        self.tell(News::Ended(Ended { sources, report: None, trigger }));
        self.inner.changed.send_replace(());
        true
    }

    fn remove(&self, run: &RunId) -> Option<Waiting> {
        let mut state = self.state();
        let place = state.waiting.iter().position(|waiting| waiting.run == *run)?;
        state.waiting.remove(place)
    }
}

fn waiting(run: StoredRun) -> Waiting {
    Waiting { resumed: false, run: run.id, trigger: run.trigger, sources: run.sources, since: run.started }
}
