//! A run of this process: its row in the history and its lease, its plan, and what is written down at its end.

use std::collections::HashMap;
use std::time::Duration;

use busta_core::report::RunReport;
use busta_core::{Error, Result, RunId, SourceName, StreamName};
use busta_engine::{EarlierRequests, LearntRequests, RunPlan, StreamRequests};
use busta_store::{
    MeanDurations, NewRun, RequestsOfStream, RunLease, RunState, StateStore, StoredRun, Trigger,
};

use chrono::{DateTime, Utc};

use crate::report::quality;
use crate::wiring::{Choice, Wired};
use crate::{pausing, volumes};

/// A run that has a row and a lease, and may start. Dropped without [`Session::end`], it is one that was
/// interrupted.
pub struct Session {
    store: StateStore,
    lease: RunLease,
    sources: Vec<SourceName>,
    resumed: bool,
    full_refresh: bool,
    limit: Option<u64>,
    expected: MeanDurations,
    earlier: HashMap<SourceName, EarlierRequests>,
}

impl Session {
    /// A run that has not been before.
    pub async fn begin(store: &StateStore, run: NewRun) -> Result<Self> {
        let (sources, full_refresh, limit) = (run.sources.clone(), run.full_refresh, run.limit);
        let lease = store.begin(run).await?;
        Self::with(store, lease, sources, false, full_refresh, limit).await
    }

    /// Goes on with `run`: with the sources of it that [`resumable`] gives.
    pub async fn resume(
        store: &StateStore,
        run: &StoredRun,
        sources: Vec<SourceName>,
        by: Trigger,
    ) -> Result<Self> {
        let lease = store.resume(&run.id, by).await?;
        Self::with(store, lease, sources, true, run.full_refresh, run.limit).await
    }

    /// Starts a run that waits.
    pub async fn queued(store: &StateStore, run: &RunId, now: DateTime<Utc>) -> Result<Self> {
        let lease = store.start_queued(run, now).await?;
        let run = store.run(run.as_str()).await?;
        Self::with(store, lease, run.sources, false, run.full_refresh, run.limit).await
    }

    async fn with(
        store: &StateStore,
        lease: RunLease,
        sources: Vec<SourceName>,
        resumed: bool,
        full_refresh: bool,
        limit: Option<u64>,
    ) -> Result<Self> {
        let (expected, earlier) = (store.durations().await?, earlier_requests(store).await?);
        Ok(Self { store: store.clone(), lease, sources, resumed, full_refresh, limit, expected, earlier })
    }

    /// The run.
    pub fn run(&self) -> &RunId {
        self.lease.run()
    }

    /// What the engine is to do.
    pub async fn plan(&mut self, wired: &Wired, parallel: bool) -> Result<RunPlan> {
        volumes::recall(&self.store, &wired.config.sources).await?;
        Ok(wired.plan(Choice {
            run: self.run().clone(),
            sources: self.sources.clone(),
            resumed: self.resumed,
            full_refresh: self.full_refresh,
            parallel,
            limit: self.limit,
            expected: std::mem::take(&mut self.expected),
            earlier: std::mem::take(&mut self.earlier),
        }))
    }

    /// Leaves it as one that was interrupted.
    pub async fn leave(self, learnt: Learnt) -> Result<()> {
        learnt.keep(&self.store).await
    }

    /// Writes down how it ended.
    pub async fn end(self, report: &RunReport, learnt: Learnt) -> Result<()> {
        let learnt = learnt.keep(&self.store).await;
        // Before the run is over for others: who sees it ended sees what has become of its sources.
        let paused = pausing::heed(&self.store, report).await;
        learnt.and(paused).and(self.store.finish(self.lease, report).await)
    }
}

/// What a run has shown that the next ones are planned by.
pub struct Learnt {
    durations: MeanDurations,
    requests: Vec<RequestsOfStream>,
}

impl Learnt {
    /// How long splits took, and how many requests.
    pub fn of(splits: Vec<(SourceName, StreamName, Duration)>, requests: Vec<LearntRequests>) -> Self {
        let mut durations = MeanDurations::new();
        for (source, stream, mean) in splits {
            durations.entry(source).or_default().insert(stream, mean);
        }
        let of_source = |LearntRequests { source, onward, requests }| {
            requests.into_iter().map(move |(stream, StreamRequests { requests, splits, planned })| {
                RequestsOfStream {
                    source: SourceName::clone(&source),
                    onward,
                    stream,
                    requests,
                    splits,
                    planned,
                }
            })
        };
        Self { durations, requests: requests.into_iter().flat_map(of_source).collect() }
    }

    async fn keep(self, store: &StateStore) -> Result<()> {
        store.learn(self.durations).await?;
        store.learn_requests(self.requests).await
    }
}

/// What the last complete runs of all sources took.
pub async fn earlier_requests(store: &StateStore) -> Result<HashMap<SourceName, EarlierRequests>> {
    let mut earlier: HashMap<SourceName, EarlierRequests> = HashMap::new();
    for of in store.requests().await? {
        let source = earlier.entry(of.source).or_default();
        let run = if of.onward { &mut source.onward } else { &mut source.whole };
        let took = StreamRequests { requests: of.requests, splits: of.splits, planned: of.planned };
        run.insert(of.stream, took);
    }
    Ok(earlier)
}

/// The sources of `run` that can be gone on with, and those that are no longer in the configuration.
pub fn resumable(wired: &Wired, run: &StoredRun) -> Result<(Vec<SourceName>, Vec<SourceName>)> {
    let known = |name: &SourceName| wired.config.sources.iter().any(|source| source.name == *name);
    let (sources, gone): (Vec<_>, Vec<_>) = run.sources.iter().cloned().partition(known);
    if sources.is_empty() {
        return Err(Error::conflict(format!("no source of run {} is in the configuration", run.id))
            .hint(format!("`busta runs cancel {}` gives it up", run.id)));
    }
    Ok((sources, gone))
}

/// Says of a completed run why there is nothing to try again, though it has failures.
pub fn refuse_done(run: &StoredRun) -> Result<()> {
    if run.report.as_ref().is_some_and(quality::is_all_that_failed) {
        let what = format!("run {} failed by the quality of its records, which have all landed", run.id);
        return Err(
            Error::conflict(what).hint("mend the source or its `quality:` rules, and collect it again")
        );
    }
    let failures = run.report.as_ref().map_or(0, |report| report.failures);
    if run.state != RunState::Completed || failures == 0 {
        return Ok(());
    }
    let kept = format!(
        "run {} is completed: all its splits are done; {} kept with the payload (`busta runs failures {}`)",
        run.id,
        if failures == 1 {
            "1 failed record is".to_owned()
        } else {
            format!("{failures} failed records are")
        },
        run.id
    );
    Err(Error::conflict(kept).hint("`busta sources collect --full-refresh` reads everything again"))
}
