//! How each source did last, kept in memory, so that the overview asks no database.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use busta_core::quality::StreamQuality;
use busta_core::report::{RunReport, SourceReport, Status};
use busta_core::{Result, SourceName};
use busta_server::model::{RunState, RunSummary, SourceHealth};
use busta_store::{RunFilter, StateStore, Trigger};
use chrono::{DateTime, Utc};

use super::views;

/// So many runs are shown on the overview.
const RECENT: usize = 10;

/// What was last.
#[derive(Default)]
pub struct Board {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    recent: VecDeque<RunSummary>,
    sources: HashMap<SourceName, Last>,
}

/// The last run of a source.
#[derive(Clone)]
pub struct Last {
    /// The run.
    pub run: RunSummary,
    /// How the source's part of it ended.
    pub state: RunState,
    /// Records of the source that have reached the destination in it; `None` if the run ended without a report.
    pub records: Option<u64>,
    /// What went wrong, in words.
    pub error: Option<String>,
    /// What was measured.
    pub quality: Vec<StreamQuality>,
    /// When the source last completed, as far as this process knows.
    pub completed_at: Option<DateTime<Utc>>,
}

impl Last {
    /// How the source does.
    pub fn health(&self) -> SourceHealth {
        match self.state {
            RunState::Completed => SourceHealth::Ok,
            RunState::Failed => SourceHealth::Failing,
            _ => SourceHealth::Degraded,
        }
    }
}

impl Board {
    /// Reads what earlier processes have left in the history.
    pub async fn recall(&self, store: &StateStore, sources: Vec<SourceName>) -> Result<()> {
        let filter = RunFilter { limit: 3 * RECENT, ..RunFilter::default() };
        let runs = store.runs_page(filter).await?;
        let last = store.last_ended(sources).await?;
        let mut inner = self.inner();
        let ended = runs.iter().filter(|run| run.finished.is_some());
        inner.recent = ended.take(RECENT).map(views::stored).collect();
        inner.sources = last
            .into_iter()
            .map(|(name, last)| {
                let run = views::stored(&last.run);
                let last = match &last.part {
                    Some(part) => Last::of(run, part),
                    None => {
                        let (state, quality) = (run.state, Vec::new());
                        Last { state, run, records: None, error: None, quality, completed_at: None }
                    }
                };
                (name, last)
            })
            .collect();
        Ok(())
    }

    /// Takes in a run that has ended.
    pub fn ended(&self, report: &RunReport, trigger: Trigger) {
        let run = views::ended(report, trigger);
        let mut inner = self.inner();
        for part in &report.sources {
            let mut last = Last::of(run.clone(), part);
            let before = inner.sources.get(&part.name);
            last.completed_at = last.completed_at.or(before.and_then(|before| before.completed_at));
            inner.sources.insert(part.name.clone(), last);
        }
        inner.recent.retain(|known| known.id != run.id);
        inner.recent.push_front(run);
        inner.recent.truncate(RECENT);
    }

    /// The last runs, newest first.
    pub fn recent(&self) -> Vec<RunSummary> {
        self.inner().recent.iter().cloned().collect()
    }

    /// The last run of a source.
    pub fn last(&self, source: &SourceName) -> Option<Last> {
        self.inner().sources.get(source).cloned()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Last {
    fn of(run: RunSummary, part: &SourceReport) -> Self {
        let completed_at = run.finished_at.filter(|_| part.status == Status::Completed);
        Self {
            state: views::of_status(part.status),
            run,
            records: Some(part.records),
            error: part.error.clone(),
            quality: part.quality.clone(),
            completed_at,
        }
    }
}
