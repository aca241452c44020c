//! Starting a run, watching it, stopping it.

use std::sync::Arc;

use busta_core::clock::Clock;
use busta_core::event::Event;
use busta_core::{Error, Result, RunId};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::dispatcher::Dispatcher;
use crate::plan::RunPlan;
use crate::progress::Snapshot;
use crate::report::RunOutcome;

/// How many events a slow listener may be behind before it loses the oldest.
const EVENTS: usize = 4096;

/// A run under way.
pub struct RunHandle {
    run: RunId,
    events: broadcast::Sender<Event>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    stop: CancellationToken,
    task: JoinHandle<RunOutcome>,
}

/// Starts a run on the current runtime.
pub fn start(plan: RunPlan, clock: Arc<dyn Clock>) -> RunHandle {
    begin(plan, clock, broadcast::Sender::new(EVENTS))
}

/// Starts a run, and gives all its events from the first.
pub fn start_heard(plan: RunPlan, clock: Arc<dyn Clock>) -> (RunHandle, broadcast::Receiver<Event>) {
    let (events, heard) = broadcast::channel(EVENTS);
    (begin(plan, clock, events), heard)
}

fn begin(plan: RunPlan, clock: Arc<dyn Clock>, events: broadcast::Sender<Event>) -> RunHandle {
    let stop = CancellationToken::new();
    let run = plan.run.clone();
    let (dispatcher, snapshot) = Dispatcher::new(plan, clock, events.clone(), stop.clone());
    let task = tokio::spawn(dispatcher.run());
    RunHandle { run, events, snapshot, stop, task }
}

impl RunHandle {
    /// The run's identity.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// The events from now on. A listener that falls behind loses the oldest, and is told how many.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// The picture of the run, renewed a few times a second while it changes.
    pub fn snapshot(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshot.clone()
    }

    /// Ends the run at the next batch of each split: what is in flight is committed, and the run can be
    /// resumed. May be called from anywhere, and more than once.
    pub fn stopper(&self) -> impl Fn() + Clone + Send + 'static {
        let stop = self.stop.clone();
        move || stop.cancel()
    }

    /// Waits for the end. An error means that the engine itself has failed; the run can be resumed.
    pub async fn join(self) -> Result<RunOutcome> {
        self.task.await.map_err(|error| Error::bug(format!("the dispatcher has failed: {error}")))
    }
}
