//! Runs under way: what is known of one, and how it is seen to its end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use busta_core::clock::Clock;
use busta_core::event::{Action, Event};
use busta_core::report::{RunReport, Status};
use busta_core::{Result, RunId, SourceName};
use busta_engine::{RunHandle, RunOutcome, Snapshot};
use busta_server::Activity;
use busta_store::Trigger;
use chrono::{DateTime, Utc};
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use super::runs::{Ended, News, Runs};
use crate::process::Usage;
use crate::session::{Learnt, Session};

/// A run under way.
#[derive(Clone)]
pub struct Live {
    /// The run.
    pub run: RunId,
    /// What started it.
    pub trigger: Trigger,
    /// Its sources.
    pub sources: Vec<SourceName>,
    /// The same on the clock that never jumps.
    pub began: Instant,
    /// When this part of it started.
    pub started: DateTime<Utc>,
    /// Its picture.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// Whether somebody wants it to end.
    cancelled: Arc<AtomicBool>,
    stop: Arc<dyn Fn() + Send + Sync>,
}

impl Live {
    /// The run of `handle`, which starts now.
    pub(super) fn new(
        handle: &RunHandle,
        trigger: Trigger,
        sources: Vec<SourceName>,
        started: DateTime<Utc>,
    ) -> Self {
        Self {
            run: handle.run().clone(),
            trigger,
            sources,
            began: Instant::now(),
            started,
            snapshot: handle.snapshot(),
            cancelled: Arc::default(),
            stop: Arc::new(handle.stopper()),
        }
    }

    /// Ends it at the next batch of each split.
    pub(super) fn stop(&self) {
        (self.stop)();
    }

    /// The same, because somebody wants it.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
        self.stop();
    }
}

/// A run's place among those under way. When it is dropped, also by a panic of the task that holds it, the
/// run is over for everybody: its sources are free, and whoever waits for its end is told.
pub(super) struct Held {
    runs: Runs,
    run: RunId,
    sources: Vec<SourceName>,
    trigger: Trigger,
    report: Option<RunReport>,
}

impl Held {
    /// Puts a run among those under way.
    pub(super) fn take(runs: &Runs, live: Live) -> Self {
        let held = Self {
            runs: runs.clone(),
            run: live.run.clone(),
            sources: live.sources.clone(),
            trigger: live.trigger,
            report: None,
        };
        let mut state = runs.state();
        // Told to stop between the look at `closed` and now.
        if state.closed {
            live.stop();
        }
        runs.tell(News::Started(live.sources.clone()));
        state.live.insert(live.run.clone(), live);
        drop(state);
        runs.inner.changed.send_replace(());
        held
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        {
            let mut state = self.runs.state();
            state.live.remove(&self.run);
            if let Some(report) = &self.report {
                *state.ended.entry(report.status.as_str()).or_default() += 1;
            }
        }
        let (sources, report) = (std::mem::take(&mut self.sources), self.report.take());
        self.runs.tell(News::Ended(Ended { sources, report, trigger: self.trigger }));
        self.runs.inner.changed.send_replace(());
    }
}

impl Runs {
    /// Sees a run from its start to its end. Boxed, since the end of one run may be the start of the next.
    pub(super) fn see_through(
        self,
        mut held: Held,
        session: Session,
        handle: RunHandle,
        events: broadcast::Receiver<Event>,
        usage: Usage,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let (activity, clock) = (self.inner.activity.clone(), self.inner.clock.clone());
            let told = tokio::spawn(tell(activity, clock, held.run.clone(), events));
            // The engine is over before anything here can go wrong: no other run meets what is left of it.
            let outcome = handle.join().await;
            held.report = self.write_down(session, outcome, usage).await;
            // Its last events come before anybody learns that it is over.
            let _ = told.await;
            let _turn = self.inner.turn.lock().await;
            drop(held);
            self.start_waiting().await;
            self.inner.changed.send_replace(());
        })
    }

    async fn write_down(
        &self,
        session: Session,
        outcome: Result<RunOutcome>,
        usage: Usage,
    ) -> Option<RunReport> {
        let run = session.run().clone();
        let RunOutcome { mut report, split_durations, requests } = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(run = run.as_str(), error = %error, "a run has failed");
                return None;
            }
        };
        usage.fill(&mut report);
        let learnt = Learnt::of(split_durations, requests);
        let ended = if self.is_cut_off(&report) {
            session.leave(learnt).await
        } else {
            session.end(&report, learnt).await
        };
        // The data is safe by now, so what fails here is only told.
        if let Err(error) = ended {
            tracing::error!(run = run.as_str(), error = %error, "a run is not in the history");
        }
        Some(report)
    }

    /// Whether the server's own end has cut the run off: then it goes on at the next start.
    fn is_cut_off(&self, report: &RunReport) -> bool {
        let state = self.state();
        let wanted = |live: &Live| live.cancelled.load(Ordering::Relaxed);
        report.status == Status::Cancelled
            && state.closed
            && !state.live.get(&report.run_id).is_some_and(wanted)
    }
}

/// Puts the events of a run into the activity feed.
async fn tell(
    activity: Arc<Activity>,
    clock: Arc<dyn Clock>,
    run: RunId,
    mut events: broadcast::Receiver<Event>,
) {
    loop {
        match events.recv().await {
            Ok(event) => {
                activity.publish(event);
            }
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                activity.missed();
                let mut event = Event::new(clock.now(), &run, Action::Warning);
                event.count = Some(missed);
                event.message = Some("events came faster than they could be told".to_owned());
                activity.publish(event);
            }
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use busta_server::RingLimits;
    use busta_store::{MeanDurations, StateStore};
    use tokio::sync::mpsc;

    use super::*;
    use crate::config::OnBusy;
    use crate::serve::runs::Request;
    use crate::wiring::{self, Choice, Wired};

    const CONFIG: &str = "state: { path: state.db }\nsources:\n  - { name: drops, type: files, paths: [in.ndjson], stream: drops }\n";

    /// The task that sees a run through panics: the source can be collected again at once.
    #[tokio::test]
    async fn a_panic_leaves_no_source_blocked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("busta.yaml");
        std::fs::write(&path, CONFIG).unwrap();
        std::fs::write(folder.path().join("in.ndjson"), "{\"id\":1}\n").unwrap();
        let wired = Arc::new(Wired::new(wiring::draft(Some(&path)).unwrap()).unwrap());
        let store = StateStore::at(&wired.config.state);
        let activity = Arc::new(Activity::new(wiring::clock(), 0, RingLimits::default()));
        let (news, mut told) = mpsc::unbounded_channel();
        let runs = Runs::new(wired, store, activity, OnBusy::Reject, news);

        let drops = SourceName::from("drops");
        let nothing = Choice {
            run: wiring::new_run_id(),
            sources: Vec::new(),
            resumed: false,
            full_refresh: false,
            parallel: true,
            limit: None,
            expected: MeanDurations::default(),
            earlier: Default::default(),
        };
        let handle = busta_engine::start(runs.inner.wired.plan(nothing), wiring::clock());
        let live = Live::new(&handle, Trigger::Api, vec![drops.clone()], wiring::clock().now());
        let held = Held::take(&runs, live);
        let request = || Request {
            sources: vec![drops.clone()],
            trigger: Trigger::Api,
            full_refresh: false,
            limit: None,
            wait: false,
        };
        assert!(runs.start(request()).await.is_err(), "it is being collected");
        let task = tokio::spawn(async move {
            let _held = held;
            panic!("a mistake");
        });
        assert!(task.await.unwrap_err().is_panic());
        assert!(!runs.holds(&drops) && runs.live().is_empty());
        assert!(matches!(told.recv().await, Some(News::Started(_))));
        let ended = told.recv().await;
        assert!(
            matches!(ended, Some(News::Ended(Ended { report: None, ref sources, .. })) if *sources == [drops.clone()])
        );

        runs.start(request()).await.unwrap();
        assert!(matches!(told.recv().await, Some(News::Started(_))));
        let Some(News::Ended(Ended { report: Some(report), .. })) = told.recv().await else { unreachable!() };
        assert_eq!((report.status, report.records), (Status::Completed, 1));
        assert_eq!(runs.ended(), [("completed", 1)].into());
    }
}
