//! The schedules at work: starts what is due, and shows when it will be.
//!
//! The rules are the engine's [`Scheduler`]; here it is told the time, and what it says is done. That a
//! source was due is written down before its run begins, so a crash between the two costs one run and
//! never starts it twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use busta_core::clock::Clock;
use busta_core::event::{Action, Event};
use busta_core::report::{RunReport, Status};
use busta_core::{Error, Result, RunId, SourceName};
use busta_engine::schedule::{Due, DueKind, Observed, Overlap, Schedule, Scheduled, Scheduler, When};
use busta_server::Activity;
use busta_server::model::{PauseView, ScheduleView};
use busta_store::{ScheduleState, StateStore, Trigger};
use chrono::{DateTime, Utc};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::runs::{Ended, News, Request, Runs};
use crate::pausing;

/// The clock is looked at this often at least: it may be set, and the machine may sleep.
const LOOK: Duration = Duration::from_secs(30);

/// So many of a source's runs are looked at to find its pace.
const HISTORY: usize = 8;

/// When each source is collected. Cheap to clone.
#[derive(Clone)]
pub struct Timetable {
    inner: Arc<Inner>,
}

struct Inner {
    store: StateStore,
    clock: Arc<dyn Clock>,
    /// `None` until it is known what earlier processes have left.
    scheduler: Mutex<Option<Scheduler>>,
    changed: Notify,
    activity: Arc<Activity>,
    /// How long after a pause a source is first asked whether it answers again.
    probe_after: Duration,
    /// Held while what is stored of pauses is changed, or taken over from the store.
    turn: tokio::sync::Mutex<()>,
    sources: Mutex<Vec<SourceName>>,
    /// Those of them that are paused, as it was last read from the store.
    paused: Mutex<BTreeMap<SourceName, ScheduleState>>,
}

impl Timetable {
    /// An empty one.
    pub fn new(
        store: StateStore,
        clock: Arc<dyn Clock>,
        activity: Arc<Activity>,
        probe_after: Duration,
    ) -> Self {
        let inner = Inner {
            store,
            clock,
            scheduler: Mutex::default(),
            changed: Notify::new(),
            activity,
            probe_after,
            turn: tokio::sync::Mutex::new(()),
            sources: Mutex::default(),
            paused: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Begins, with what earlier processes have left of these schedules, and of what was paused of `all`
    /// sources.
    pub async fn begin(&self, all: Vec<SourceName>, schedules: Vec<(SourceName, Schedule)>) -> Result<()> {
        let now = self.inner.clock.now();
        let names = schedules.iter().map(|(source, _)| source.clone()).collect();
        self.inner.store.note_seen(names, now).await?;
        let stored = self.inner.store.schedules().await?;
        let mut sources = Vec::new();
        for (source, schedule) in schedules {
            let history = match schedule.when {
                When::Auto { .. } => self.observed(&source).await?,
                _ => Vec::new(),
            };
            let state = stored.get(&source);
            sources.push(Scheduled {
                since: state.map_or(now, |state| state.since),
                last_due_at: state.and_then(|state| state.last_due_at),
                paused: state.is_some_and(|state| state.is_paused()),
                source,
                schedule,
                history,
            });
        }
        *self.scheduler() = Some(Scheduler::new(sources, now));
        *locked(&self.inner.sources) = all;
        let _turn = self.inner.turn.lock().await;
        *locked(&self.inner.paused) = self.stored_pauses().await?;
        self.inner.changed.notify_one();
        Ok(())
    }

    /// What the last collections of a source have shown, the oldest first.
    async fn observed(&self, source: &SourceName) -> Result<Vec<Observed>> {
        let runs = self.inner.store.last_ended_of_source(source, HISTORY).await?;
        let reports = runs.iter().rev().filter_map(|run| run.report.as_ref());
        Ok(reports.filter_map(|report| observed(report, source)).collect())
    }

    /// What is not ready yet.
    pub fn missing(&self) -> Vec<String> {
        let missing = self.scheduler().is_none();
        missing.then(|| "the history of runs has not been read yet".to_owned()).into_iter().collect()
    }

    /// A source's schedule.
    pub fn view(&self, source: &SourceName) -> Option<ScheduleView> {
        let scheduler = self.scheduler();
        let scheduler = scheduler.as_ref()?;
        let schedule = scheduler.schedule(source)?;
        Some(ScheduleView {
            words: schedule.when.to_string(),
            paused: scheduler.is_paused(source),
            next_at: scheduler.next_of(source),
            last_due_at: scheduler.last_due_of(source),
            overlap: schedule.overlap.as_str().to_owned(),
        })
    }

    /// A source's next times.
    pub fn upcoming(&self, source: &SourceName, count: usize) -> Vec<DateTime<Utc>> {
        self.scheduler().as_ref().map_or_else(Vec::new, |scheduler| scheduler.upcoming(source, count))
    }

    /// Pauses a schedule, or lets a source go on that was paused, by whomever.
    pub async fn pause(&self, source: &SourceName, pause: bool) -> Result<()> {
        let is_paused = self.pause_of(source).is_some();
        if self.view(source).is_none() && (pause || !is_paused) {
            return Err(Error::conflict(format!("{source} has no schedule"))
                .hint("give it one with `schedule:` in the configuration"));
        }
        let _turn = self.inner.turn.lock().await;
        self.inner.store.set_paused(source, pause, self.inner.clock.now()).await?;
        self.take_over("somebody has resumed it").await
    }

    /// A source that was paused by itself has answered: it goes on.
    pub async fn answered(&self, source: &SourceName, how: &str) -> Result<()> {
        let _turn = self.inner.turn.lock().await;
        self.inner.store.resume_failing(source, self.inner.clock.now()).await?;
        self.take_over(how).await
    }

    /// A source that was paused by itself has not answered.
    pub async fn unanswered(&self, source: &SourceName, why: &str) -> Result<()> {
        let run = locked(&self.inner.paused).get(source).and_then(paused_by);
        let _turn = self.inner.turn.lock().await;
        self.inner.store.note_probe(source, self.inner.clock.now()).await?;
        self.take_over("somebody has resumed it").await?;
        if let Some(run) = run {
            self.tell(Action::Warning, &run, source, format!("it is still paused: {why}"));
        }
        Ok(())
    }

    /// Takes over what other processes, and runs that have ended, have paused and resumed.
    pub async fn sync(&self, how: &str) -> Result<()> {
        let _turn = self.inner.turn.lock().await;
        self.take_over(how).await
    }

    /// The same for who has the turn; `how` says why a source that had failed goes on.
    async fn take_over(&self, how: &str) -> Result<()> {
        let now = self.inner.clock.now();
        let paused = self.stored_pauses().await?;
        if let Some(scheduler) = self.scheduler().as_mut() {
            for source in locked(&self.inner.sources).iter() {
                match (paused.contains_key(source), scheduler.is_paused(source)) {
                    (true, false) => scheduler.pause(source),
                    (false, true) => scheduler.resume(source, now),
                    _ => continue,
                };
            }
        }
        let before = std::mem::replace(&mut *locked(&self.inner.paused), paused.clone());
        self.inner.changed.notify_one();
        for (source, state) in before.iter().filter(|(source, _)| !paused.contains_key(*source)) {
            if let Some(run) = paused_by(state) {
                self.tell(Action::Resumed, &run, source, how.to_owned());
            }
        }
        Ok(())
    }

    async fn stored_pauses(&self) -> Result<BTreeMap<SourceName, ScheduleState>> {
        let mut stored = self.inner.store.schedules().await?;
        let sources = locked(&self.inner.sources);
        stored.retain(|source, state| state.is_paused() && sources.contains(source));
        Ok(stored)
    }

    fn tell(&self, action: Action, run: &RunId, source: &SourceName, message: String) {
        let mut event = Event::new(self.inner.clock.now(), run, action);
        event.source = Some(source.clone());
        event.message = Some(message);
        self.inner.activity.publish(event);
    }

    /// Whether a source is paused, and why.
    pub fn pause_of(&self, source: &SourceName) -> Option<PauseView> {
        let paused = locked(&self.inner.paused);
        let state = paused.get(source)?;
        Some(PauseView {
            since: state.paused_at?,
            reason: state.failing.as_ref().map(|failing| failing.reason.clone()),
            next_probe_at: pausing::next_probe(state, self.inner.probe_after),
        })
    }

    /// How many sources are paused.
    pub fn paused(&self) -> usize {
        locked(&self.inner.paused).len()
    }

    /// When sources that were paused by themselves are to be asked whether they answer again.
    pub fn probes(&self) -> Vec<(SourceName, DateTime<Utc>)> {
        let paused = locked(&self.inner.paused);
        let next = |state| pausing::next_probe(state, self.inner.probe_after);
        paused.iter().filter_map(|(source, state)| Some((source.clone(), next(state)?))).collect()
    }

    /// Starts what is due until `stop`, and takes in what becomes of runs.
    pub async fn run(
        &self,
        runs: Runs,
        board: Arc<Board>,
        mut news: mpsc::UnboundedReceiver<News>,
        stop: CancellationToken,
    ) {
        loop {
            // What has happened counts before it is asked what is due.
            while let Ok(news) = news.try_recv() {
                self.heed(news, &runs, &board).await;
            }
            self.start_due(&runs).await;
            tokio::select! {
                () = stop.cancelled() => return,
                Some(news) = news.recv() => self.heed(news, &runs, &board).await,
                () = self.inner.changed.notified() => {}
                () = tokio::time::sleep(self.until_next()) => {}
            }
        }
    }

    async fn start_due(&self, runs: &Runs) {
        let now = self.inner.clock.now();
        let (due, skipped) = {
            let mut scheduler = self.scheduler();
            let Some(scheduler) = scheduler.as_mut() else { return };
            (scheduler.due(now), scheduler.skipped().to_vec())
        };
        for Due { source, due_at, .. } in skipped {
            tracing::info!(source = source.as_str(), due = %due_at, "skipped: it is still being collected");
            // Else a restart would take it for one that was missed.
            if let Err(error) = self.inner.store.note_due(&source, due_at).await {
                tracing::warn!(source = source.as_str(), error = %error, "what was skipped is not written down");
            }
        }
        for due in due {
            let source = due.source.clone();
            if let Err(error) = self.start(runs, due).await {
                tracing::warn!(source = source.as_str(), error = %error, "was due and did not start");
                self.finished(&source, None);
            }
        }
    }

    async fn start(&self, runs: &Runs, due: Due) -> Result<()> {
        self.inner.store.note_due(&due.source, due.due_at).await?;
        let trigger = match due.kind {
            DueKind::Schedule => Trigger::Schedule,
            DueKind::CatchUp => Trigger::CatchUp,
        };
        // Of what this process does the scheduler knows; another may be collecting the source.
        let wait = self.overlap(&due.source) == Some(Overlap::Queue);
        let request = Request { sources: vec![due.source], trigger, full_refresh: false, limit: None, wait };
        runs.start(request).await.map(|_| ())
    }

    fn overlap(&self, source: &SourceName) -> Option<Overlap> {
        self.scheduler().as_ref()?.schedule(source).map(|schedule| schedule.overlap)
    }

    async fn heed(&self, news: News, runs: &Runs, board: &Board) {
        match news {
            News::Started(sources) => {
                if let Some(scheduler) = self.scheduler().as_mut() {
                    sources.iter().for_each(|source| scheduler.started(source));
                }
            }
            News::Ended(ended) => {
                if let Some(report) = &ended.report {
                    board.ended(report, ended.trigger);
                }
                // A run that left the queue says nothing of one that is under way.
                for source in ended.sources.iter().filter(|source| !runs.holds(source)) {
                    let seen = ended.report.as_ref().and_then(|report| observed(report, source));
                    self.finished(source, seen.as_ref());
                }
                self.heed_pauses(&ended).await;
            }
        }
    }

    /// Takes over what a run that has ended has paused, and what it has shown to be well again.
    async fn heed_pauses(&self, ended: &Ended) {
        let stopped = ended.report.iter().flat_map(|report| &report.sources).any(|s| s.stopped.is_some());
        let paused = ended.sources.iter().any(|source| locked(&self.inner.paused).contains_key(source));
        if (stopped || paused)
            && let Err(error) = self.sync("all of it was collected").await
        {
            tracing::warn!(error = %error, "what is paused cannot be read");
        }
    }

    fn finished(&self, source: &SourceName, seen: Option<&Observed>) {
        let now = self.inner.clock.now();
        if let Some(scheduler) = self.scheduler().as_mut() {
            scheduler.finished(source, now, seen);
        }
    }

    fn until_next(&self) -> Duration {
        let next = self.scheduler().as_ref().and_then(Scheduler::next_wake);
        let wait = next.map_or(LOOK, |next| (next - self.inner.clock.now()).to_std().unwrap_or_default());
        wait.min(LOOK)
    }

    fn scheduler(&self) -> MutexGuard<'_, Option<Scheduler>> {
        locked(&self.inner.scheduler)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The run that has paused a source.
fn paused_by(state: &ScheduleState) -> Option<RunId> {
    state.failing.as_ref().map(|failing| failing.run.clone())
}

/// What a run has shown of a source.
fn observed(report: &RunReport, source: &SourceName) -> Option<Observed> {
    let part = report.sources.iter().find(|part| part.name == *source)?;
    Some(Observed {
        records: part.records,
        failed: part.status == Status::Failed,
        took: Duration::try_from_secs_f64(part.duration_s).unwrap_or_default(),
        hint: part.fresh_s.and_then(|time| Duration::try_from_secs_f64(time).ok()),
    })
}
