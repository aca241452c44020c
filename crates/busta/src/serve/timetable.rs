//! The schedules at work: starts what is due, and shows when it will be.
//!
//! The rules are the engine's [`Scheduler`]; here it is told the time, and what it says is done. That a
//! source was due is written down before its run begins, so a crash between the two costs one run and
//! never starts it twice.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use busta_core::clock::Clock;
use busta_core::report::{RunReport, Status};
use busta_core::{Error, Result, SourceName};
use busta_engine::schedule::{Due, DueKind, Observed, Overlap, Schedule, Scheduled, Scheduler, When};
use busta_server::model::ScheduleView;
use busta_store::{StateStore, Trigger};
use chrono::{DateTime, Utc};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::runs::{News, Request, Runs};

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
}

impl Timetable {
    /// An empty one.
    pub fn new(store: StateStore, clock: Arc<dyn Clock>) -> Self {
        let inner = Inner { store, clock, scheduler: Mutex::default(), changed: Notify::new() };
        Self { inner: Arc::new(inner) }
    }

    /// Begins, with what earlier processes have left of these schedules.
    pub async fn begin(&self, schedules: Vec<(SourceName, Schedule)>) -> Result<()> {
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

    /// Pauses a schedule, or lets it go on.
    pub async fn pause(&self, source: &SourceName, pause: bool) -> Result<()> {
        if self.view(source).is_none() {
            return Err(Error::conflict(format!("{source} has no schedule"))
                .hint("give it one with `schedule:` in the configuration"));
        }
        let now = self.inner.clock.now();
        self.inner.store.set_paused(source, pause, now).await?;
        if let Some(scheduler) = self.scheduler().as_mut() {
            if pause {
                scheduler.pause(source);
            } else {
                scheduler.resume(source, now);
            }
        }
        self.inner.changed.notify_one();
        Ok(())
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
                self.heed(news, &runs, &board);
            }
            self.start_due(&runs).await;
            tokio::select! {
                () = stop.cancelled() => return,
                Some(news) = news.recv() => self.heed(news, &runs, &board),
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

    fn heed(&self, news: News, runs: &Runs, board: &Board) {
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
            }
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
        self.inner.scheduler.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
