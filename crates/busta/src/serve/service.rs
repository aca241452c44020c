//! What the API asks, answered.

use std::sync::Arc;

use async_trait::async_trait;
use busta_core::clock::Clock;
use busta_core::reading::RowPage;
use busta_core::{BudgetSettings, Error, Pool, Result, SourceName, WriteMode};
use busta_engine::{EarlierRequests, PoolProgress, Snapshot};
use busta_server::model::{
    Accepted, ActivityEvent, ActivityQuery, BudgetView, Change, ChangeQuery, CollectRequest, Dataset,
    DatasetSchema, Difference, DifferenceQuery, Edited, Episode, EstimateView, FailureGroup, FailureQuery,
    FailureView, GroupBy, Health, Overview, Page, PageQuery, Readiness, RecentQuery, RecordQuery, Resources,
    RunDetail, RunQuery, RunState, RunSummary, SentimentStats, SnapshotMark, SourceDetail, SourceHealth,
    SourceView, StatsQuery, StreamView, Trending, TrendingQuery,
};
use busta_server::{Activity, EditRequest, RecordScan, Service, Traffic};
use busta_store::{RunFilter, StateStore, StoredRun, Trigger};
use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::board::Board;
use super::metrics;
use super::runs::{Begun, Request, Runs};
use super::samples::Samples;
use super::timetable::Timetable;
use super::today::Today;
use super::{data, edits, failures, history, outlook, paging, past, views};
use crate::config::BuiltSource;
use crate::wiring::Wired;
use crate::{process, session};

/// So many of a source's runs and next times are shown.
const RECENT: usize = 10;

/// All that the API can see of the process.
pub struct Serving {
    pub wired: Arc<Wired>,
    pub store: StateStore,
    pub clock: Arc<dyn Clock>,
    pub runs: Runs,
    pub board: Arc<Board>,
    pub timetable: Timetable,
    pub samples: Arc<Samples>,
    pub today: Arc<Today>,
    pub activity: Arc<Activity>,
    pub traffic: Arc<Traffic>,
    pub began: Instant,
    pub started: DateTime<Utc>,
}

impl Serving {
    fn configured(&self, name: &str) -> Result<&BuiltSource> {
        let sources = &self.wired.config.sources;
        sources.iter().find(|source| source.name.as_str() == name).ok_or_else(|| {
            let known: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
            Error::not_found("there is no such source").hint(format!("there are {}", known.join(", ")))
        })
    }

    fn view(&self, source: &BuiltSource) -> SourceView {
        let last = self.board.last(&source.name);
        let figures = self.wired.meter(&source.name).map(|meter| meter.figures()).unwrap_or_default();
        let quantile = |part| figures.latency.quantile(part).map(|took| took.as_secs_f64() * 1000.0);
        let hosts = self.hosts_of(&source.name);
        SourceView {
            name: source.name.to_string(),
            kind: source.kind.clone(),
            preset: source.shown.preset.clone(),
            enabled: source.enabled,
            priority: source.settings.priority.as_str().to_owned(),
            destination: self.wired.config.destinations[source.destination].words(),
            health: last.as_ref().map_or(SourceHealth::Unknown, super::board::Last::health),
            error: last.as_ref().and_then(|last| last.error.clone()),
            running: self.runs.collects(&source.name).map(|run| run.to_string()),
            last_records: last.as_ref().and_then(|last| last.records),
            last_run: last.map(|last| last.run),
            schedule: self.timetable.view(&source.name),
            pause: self.timetable.pause_of(&source.name),
            requests: figures.requests,
            latency_p50_ms: quantile(0.5),
            latency_p99_ms: quantile(0.99),
            in_flight: self.in_flight(&source.name),
            effective_concurrency: hosts.iter().filter_map(|host| host.limit).map(|limit| limit as u64).min(),
        }
    }

    fn hosts_of(&self, source: &SourceName) -> Vec<busta_engine::HostState> {
        let asked = self.wired.meter(source).map(|meter| meter.asked()).unwrap_or_default();
        self.wired.hosts().states(&asked)
    }

    fn in_flight(&self, source: &SourceName) -> u64 {
        let of_run = |snapshot: &Snapshot| {
            let mine = snapshot.sources.iter().filter(|progress| progress.name == *source);
            mine.map(|progress| progress.in_flight as u64).sum::<u64>()
        };
        self.runs.live().iter().map(|live| of_run(&live.snapshot.borrow())).sum()
    }

    /// The sources that a request means, in the order of the configuration.
    fn chosen(&self, names: &[String]) -> Result<Vec<SourceName>> {
        for name in names {
            self.configured(name)?;
        }
        let sources = self.wired.config.sources.iter();
        let wanted = |source: &&BuiltSource| {
            if names.is_empty() { source.enabled } else { names.iter().any(|n| n == source.name.as_str()) }
        };
        let chosen: Vec<SourceName> = sources.filter(wanted).map(|source| source.name.clone()).collect();
        if chosen.is_empty() {
            return Err(Error::data("no source is enabled").hint("name one, or set `enabled: true`"));
        }
        Ok(chosen)
    }

    /// What those of these sources that have a budget are expected to take.
    async fn estimates(&self, sources: &[SourceName]) -> Result<Vec<EstimateView>> {
        let chosen = self.wired.config.sources.iter().filter(|source| sources.contains(&source.name));
        let with_budget: Vec<_> = chosen.filter_map(|s| Some((&s.name, s.settings.budget?))).collect();
        if with_budget.is_empty() {
            return Ok(Vec::new());
        }
        let earlier = session::earlier_requests(&self.store).await?;
        let view = |(name, budget): (&SourceName, BudgetSettings)| {
            let requests = earlier.get(name).and_then(EarlierRequests::last);
            EstimateView {
                source: name.to_string(),
                requests,
                cost: requests.and_then(|requests| budget.cost(requests)),
                allowed: budget.run_cap(),
            }
        };
        Ok(with_budget.into_iter().map(view).collect())
    }

    /// What a source may use, and has used.
    async fn budget(&self, source: &BuiltSource) -> Result<Option<BudgetView>> {
        let Some(budget) = source.settings.budget else { return Ok(None) };
        let requests_today = match budget.requests_per_day {
            Some(_) => Some(self.store.requests_of_day(&source.name, self.clock.now().date_naive()).await?),
            None => None,
        };
        let earlier = session::earlier_requests(&self.store).await?;
        Ok(Some(BudgetView {
            cost_per_request: budget.cost_per_request,
            per_run: budget.per_run,
            requests_per_run: budget.requests_per_run,
            requests_per_day: budget.requests_per_day,
            requests_today,
            expected_requests: earlier.get(&source.name).and_then(EarlierRequests::last),
        }))
    }

    /// A stored run as it stands now: one under way is better known to its engine.
    fn current(&self, run: &StoredRun) -> RunSummary {
        match self.runs.live_run(&run.id) {
            Some(live) => views::live(&live),
            None => views::stored(run),
        }
    }

    /// The pools of the process; what waits for them is known to the runs.
    pub fn pools(&self) -> Vec<PoolProgress> {
        let live = self.runs.live();
        let waiting = |name: &Pool| {
            let of_run = |snapshot: &Snapshot| {
                let mine = snapshot.pools.iter().filter(|pool| pool.name == *name);
                mine.map(|pool| pool.waiting).sum::<usize>()
            };
            live.iter().map(|live| of_run(&live.snapshot.borrow())).sum()
        };
        let pools = self.wired.capacity().pools().into_iter();
        pools
            .map(|pool| PoolProgress {
                waiting: waiting(&pool.name),
                name: pool.name,
                places: pool.places,
                taken: pool.taken,
            })
            .collect()
    }

    fn detail(&self, run: StoredRun) -> RunDetail {
        let live = self.runs.live_run(&run.id);
        let by_source = match (&live, &run.report) {
            (Some(live), _) => views::sources_of_snapshot(&live.snapshot.borrow()),
            (None, Some(report)) => views::sources_of_report(report),
            (None, None) => Vec::new(),
        };
        RunDetail {
            summary: self.current(&run),
            full_refresh: run.full_refresh,
            limit: run.limit,
            by_source,
            report: if live.is_some() { None } else { run.report },
            live: live.as_ref().map(views::happening),
        }
    }
}

#[async_trait]
impl Service for Serving {
    fn health(&self) -> Health {
        Health {
            status: "ok".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: self.began.elapsed().as_secs_f64(),
        }
    }

    fn readiness(&self) -> Readiness {
        let missing = self.timetable.missing();
        Readiness { ready: missing.is_empty(), missing }
    }

    fn overview(&self) -> Overview {
        let sources = &self.wired.config.sources;
        let health: Vec<SourceHealth> = sources
            .iter()
            .filter_map(|source| self.board.last(&source.name))
            .map(|last| last.health())
            .collect();
        let ok = health.iter().filter(|health| **health == SourceHealth::Ok).count();
        let schedules: Vec<_> = sources.iter().filter_map(|s| self.timetable.view(&s.name)).collect();
        let live = self.runs.live();
        let waiting = self.runs.waiting();
        Overview {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.started,
            now: self.clock.now(),
            sources: sources.len() as u64,
            sources_ok: ok as u64,
            sources_failing: (health.len() - ok) as u64,
            sources_paused: self.timetable.paused() as u64,
            live_runs: waiting.iter().rev().map(views::waiting).chain(live.iter().map(views::live)).collect(),
            recent_runs: self.board.recent(),
            totals: views::since_start(&self.wired),
            throughput: self.samples.throughput(),
            next_due_at: schedules.iter().filter_map(|schedule| schedule.next_at).min(),
        }
    }

    fn sources(&self, part: &PageQuery) -> Result<Page<SourceView>> {
        let sources = &self.wired.config.sources;
        let from = match &part.cursor {
            None => 0,
            Some(last) => {
                let place = sources.iter().position(|source| source.name.as_str() == last);
                place.ok_or_else(paging::no_cursor)? + 1
            }
        };
        let sources = sources[from..].iter().take(part.limit.get() + 1).collect();
        let page = Page::cut(sources, part.limit, |source| source.name.to_string());
        Ok(Page { items: page.items.iter().map(|source| self.view(source)).collect(), next: page.next })
    }

    async fn source(&self, name: &str) -> Result<SourceDetail> {
        let source = self.configured(name)?;
        let filter = RunFilter { source: Some(source.name.clone()), limit: RECENT, ..RunFilter::default() };
        let runs = self.store.runs_page(filter).await?;
        Ok(SourceDetail {
            summary: self.view(source),
            streams: source.source.streams().iter().map(stream).collect(),
            hosts: self.hosts_of(&source.name).iter().map(views::host).collect(),
            upcoming: self.timetable.upcoming(&source.name, RECENT),
            recent_runs: runs.iter().map(|run| self.current(run)).collect(),
            quality: self.board.last(&source.name).map(|last| last.quality).unwrap_or_default(),
            budget: self.budget(source).await?,
            settings: views::settings(&source.shown),
        })
    }

    async fn pause(&self, source: &str) -> Result<SourceView> {
        let source = self.configured(source)?;
        self.timetable.pause(&source.name, true).await?;
        Ok(self.view(source))
    }

    async fn resume(&self, source: &str) -> Result<SourceView> {
        let source = self.configured(source)?;
        self.timetable.pause(&source.name, false).await?;
        Ok(self.view(source))
    }

    async fn collect(&self, request: CollectRequest) -> Result<Accepted> {
        let request = Request {
            sources: self.chosen(&request.sources)?,
            trigger: Trigger::Api,
            full_refresh: request.full_refresh,
            limit: request.limit,
            wait: false,
        };
        let estimates = self.estimates(&request.sources).await?;
        let begun = self.runs.start(request).await?;
        Ok(Accepted { estimates, ..accepted(begun) })
    }

    async fn runs(&self, query: RunQuery) -> Result<Page<RunSummary>> {
        let filter = RunFilter {
            state: query.state.map(views::stored_state),
            source: query.source.as_deref().map(SourceName::from),
            before: query.cursor.as_deref().map(history::run_cursor).transpose()?,
            limit: query.limit.get() + 1,
            reports: false,
        };
        let runs = self.store.runs_page(filter).await?;
        let page = Page::cut(runs, query.limit, |run| run.id.to_string());
        Ok(Page { items: page.items.iter().map(|run| self.current(run)).collect(), next: page.next })
    }

    async fn run(&self, id: &str) -> Result<RunDetail> {
        Ok(self.detail(self.store.run(id).await?))
    }

    async fn cancel(&self, id: &str) -> Result<RunSummary> {
        let run = self.runs.cancel(id).await?;
        Ok(self.current(&self.store.run(run.as_str()).await?))
    }

    async fn retry(&self, id: &str) -> Result<Accepted> {
        self.runs.retry(id, Trigger::Api).await.map(accepted)
    }

    async fn failures(&self, query: FailureQuery) -> Result<Page<FailureView>> {
        failures::page(&self.wired.config, query).await
    }

    async fn failure_groups(&self, query: FailureQuery, by: GroupBy) -> Result<Page<FailureGroup>> {
        failures::groups(&self.wired.config, query, by).await
    }

    async fn history(&self, query: ActivityQuery) -> Result<Page<ActivityEvent>> {
        history::page(&self.store, query).await
    }

    async fn datasets(&self, part: PageQuery) -> Result<Page<Dataset>> {
        data::datasets(&self.wired.config, part).await
    }

    async fn dataset(&self, name: &str) -> Result<DatasetSchema> {
        data::dataset(&self.wired.config, name).await
    }

    async fn records(&self, name: &str, query: RecordQuery) -> Result<RowPage> {
        data::records(&self.wired.config, name, query).await
    }

    async fn recent(&self, dataset: Option<&str>, query: RecentQuery) -> Result<RowPage> {
        outlook::recent(&self.wired.config, dataset, query).await
    }

    async fn sentiment(&self, dataset: Option<&str>, query: StatsQuery) -> Result<SentimentStats> {
        outlook::sentiment(&self.wired.config, dataset, query, self.clock.now()).await
    }

    async fn trending(&self, dataset: Option<&str>, query: TrendingQuery) -> Result<Trending> {
        outlook::trending(&self.wired.config, dataset, query, self.clock.now()).await
    }

    async fn export(&self, name: &str) -> Result<RecordScan> {
        data::export(&self.wired.config, name).await
    }

    async fn episodes(&self, name: &str, part: PageQuery) -> Result<Page<Episode>> {
        past::episodes(&self.wired.config, name, part).await
    }

    async fn changes(&self, name: &str, query: ChangeQuery) -> Result<Page<Change>> {
        past::changes(&self.wired.config, name, query).await
    }

    async fn snapshots(&self, name: &str, part: PageQuery) -> Result<Page<SnapshotMark>> {
        past::snapshots(&self.wired.config, name, part).await
    }

    async fn past_records(&self, name: &str, place: &str, part: PageQuery) -> Result<RowPage> {
        past::records(&self.wired.config, name, place, part).await
    }

    async fn difference(&self, name: &str, query: DifferenceQuery) -> Result<Difference> {
        past::difference(&self.wired.config, name, query).await
    }

    async fn edit(&self, request: EditRequest) -> Result<Edited> {
        let who = edits::name_of(&self.store, &self.wired.config, request.by).await?;
        let edited = edits::edit(&self.wired.config, request, who.clone()).await?;
        if let Some(event) = edited.event(self.clock.now(), &who) {
            self.activity.publish(event);
        }
        Ok(edited.done.into())
    }

    fn resources(&self) -> Resources {
        Resources {
            processors: process::processors() as u64,
            memory_total_bytes: process::machine_memory(),
            memory_peak_bytes: process::peak_memory(),
            file_descriptors_max: process::most_open_files(),
            samples: self.samples.resources(),
            pools: self.pools().iter().map(views::pool).collect(),
            hosts: self.wired.hosts().view().iter().map(views::host).collect(),
        }
    }

    fn metrics(&self) -> String {
        metrics::render(self)
    }
}

fn accepted(begun: Begun) -> Accepted {
    Accepted {
        run_id: begun.run.to_string(),
        state: if begun.behind.is_some() { RunState::Queued } else { RunState::Running },
        sources: begun.sources.iter().map(ToString::to_string).collect(),
        waits_for: begun.behind.map(|run| run.to_string()),
        estimates: Vec::new(),
    }
}

fn stream(spec: &busta_core::StreamSpec) -> StreamView {
    StreamView {
        name: spec.name.to_string(),
        table: spec.table.clone(),
        primary_key: spec.primary_key.clone(),
        write_mode: match spec.write_mode {
            WriteMode::Append => "append",
            WriteMode::Merge => "merge",
            WriteMode::Replace => "replace",
        }
        .to_owned(),
        cursor_field: spec.cursor_field.clone(),
    }
}
