use async_trait::async_trait;
use busta_core::destination::Scan;
use busta_core::reading::RowPage;
use busta_core::reading::history::EditWork;
use busta_core::{Error, Records, Result};
use busta_server::model::{
    Accepted, ActivityEvent, ActivityQuery, BucketMood, Change, ChangeAction, ChangeQuery, CollectRequest,
    Column, Dataset, DatasetSchema, DatasetView, Difference, DifferenceQuery, EditAction, Edited, Episode,
    EpisodeKind, FailureGroup, FailureQuery, FailureView, GroupBy, GroupMood, Health, Mood, Overview, Page,
    PageQuery, PlaceMark, Readiness, RecentQuery, RecordQuery, Resources, RisingRecord, RisingTerm,
    RunDetail, RunQuery, RunState, RunSummary, RunTotals, SentimentStats, SettingsView, SnapshotMark,
    SourceDetail, SourceHealth, SourceView, StatsQuery, Trending, TrendingQuery, Trigger,
};
use busta_server::{EditRequest, RecordScan, Service};
use chrono::DateTime;

/// A service that is asked for names: `missing` is not there, `busy` is in the way, `locked` may work later,
/// `secret` fails inside, `panic` panics, `hangs` never answers. All else goes well.
pub struct Fake;

async fn look(name: &str) -> Result<()> {
    match name {
        "missing" => Err(Error::not_found("there is no missing").hint("there are news and orders")),
        "busy" => Err(Error::conflict("run R1 is collecting it")),
        "locked" => Err(Error::unavailable("the database is locked")),
        "limited" => Err(Error::rate_limited("slowly", Some(std::time::Duration::from_secs(7)))),
        "wrong" => Err(Error::data("price>=ten: not a number")),
        "secret" => Err(Error::bug("index 7 of /var/lib/busta")),
        "panic" => panic!("a mistake of /var/lib/busta"),
        "hangs" => std::future::pending().await,
        _ => Ok(()),
    }
}

fn run(id: &str) -> RunSummary {
    RunSummary {
        id: id.to_owned(),
        state: RunState::Completed,
        trigger: Trigger::Api,
        sources: vec!["news".to_owned()],
        started_at: DateTime::UNIX_EPOCH,
        finished_at: None,
        duration_s: 1.5,
        totals: RunTotals::default(),
    }
}

fn source(name: &str) -> SourceView {
    SourceView {
        name: name.to_owned(),
        kind: "rss".to_owned(),
        preset: None,
        enabled: true,
        priority: "normal".to_owned(),
        destination: "sqlite busta.db".to_owned(),
        health: SourceHealth::Ok,
        error: None,
        running: None,
        last_run: Some(run("R0")),
        last_records: Some(12),
        schedule: None,
        pause: None,
        requests: 0,
        latency_p50_ms: None,
        latency_p99_ms: None,
        in_flight: 0,
        effective_concurrency: None,
    }
}

fn accepted(sources: Vec<String>) -> Accepted {
    Accepted {
        run_id: "R2".to_owned(),
        state: RunState::Running,
        sources,
        waits_for: None,
        estimates: Vec::new(),
    }
}

fn dataset(name: &str) -> Dataset {
    Dataset {
        name: name.to_owned(),
        rows: 2500,
        bytes: None,
        destination: "sqlite busta.db".to_owned(),
        sources: vec!["news".to_owned()],
        view: (name == "posts").then(|| DatasetView {
            time: "created_at".to_owned(),
            group_by: Some("forum".to_owned()),
            text: vec!["title".to_owned()],
            score: None,
            sentiment: Some("mood".to_owned()),
        }),
        history: name == "posts",
    }
}

fn failure() -> FailureView {
    FailureView {
        id: "f".to_owned(),
        run_id: "R0".to_owned(),
        source: "news".to_owned(),
        stream: "entries".to_owned(),
        split: "feed".to_owned(),
        position: None,
        stage: "read".to_owned(),
        kind: "unavailable".to_owned(),
        reason: "503".to_owned(),
        payload: None,
        at: DateTime::UNIX_EPOCH,
    }
}

#[async_trait]
impl Service for Fake {
    fn health(&self) -> Health {
        Health { status: "ok".to_owned(), version: "1".to_owned(), uptime_s: 1.0 }
    }

    fn readiness(&self) -> Readiness {
        Readiness { ready: false, missing: vec!["the store is locked".to_owned()] }
    }

    fn overview(&self) -> Overview {
        Overview {
            version: "1".to_owned(),
            started_at: DateTime::UNIX_EPOCH,
            now: DateTime::UNIX_EPOCH,
            sources: 1,
            sources_ok: 1,
            sources_failing: 0,
            sources_paused: 0,
            live_runs: Vec::new(),
            recent_runs: (0..50).map(|n| run(&format!("R{n}"))).collect(),
            totals: RunTotals::default(),
            throughput: Vec::new(),
            next_due_at: None,
        }
    }

    fn sources(&self, part: &PageQuery) -> Result<Page<SourceView>> {
        let names = ["news", "orders"].into_iter();
        let rest = names.skip_while(|name| part.cursor.as_deref().is_some_and(|last| *name <= last));
        Ok(Page::cut(rest.map(source).collect(), part.limit, |source| source.name.clone()))
    }

    async fn source(&self, name: &str) -> Result<SourceDetail> {
        look(name).await?;
        Ok(SourceDetail {
            summary: source(name),
            streams: Vec::new(),
            hosts: Vec::new(),
            upcoming: Vec::new(),
            recent_runs: Vec::new(),
            quality: Vec::new(),
            budget: None,
            settings: SettingsView::default(),
        })
    }

    async fn pause(&self, name: &str) -> Result<SourceView> {
        look(name).await?;
        Ok(source(name))
    }

    async fn resume(&self, name: &str) -> Result<SourceView> {
        look(name).await?;
        Ok(source(name))
    }

    async fn collect(&self, request: CollectRequest) -> Result<Accepted> {
        for name in &request.sources {
            look(name).await?;
        }
        Ok(accepted(request.sources))
    }

    async fn runs(&self, query: RunQuery) -> Result<Page<RunSummary>> {
        look(query.source.as_deref().unwrap_or_default()).await?;
        Ok(Page { items: vec![run("R1")], next: Some(query.limit.get().to_string()) })
    }

    async fn run(&self, id: &str) -> Result<RunDetail> {
        look(id).await?;
        Ok(RunDetail {
            summary: run(id),
            full_refresh: false,
            limit: None,
            by_source: Vec::new(),
            live: None,
            report: None,
        })
    }

    async fn cancel(&self, id: &str) -> Result<RunSummary> {
        look(id).await?;
        Ok(run(id))
    }

    async fn retry(&self, id: &str) -> Result<Accepted> {
        look(id).await?;
        Ok(accepted(vec!["news".to_owned()]))
    }

    async fn failures(&self, query: FailureQuery) -> Result<Page<FailureView>> {
        look(query.run.as_deref().unwrap_or_default()).await?;
        Ok(Page::last(vec![failure()]))
    }

    async fn failure_groups(&self, _: FailureQuery, by: GroupBy) -> Result<Page<FailureGroup>> {
        Ok(Page::last(vec![FailureGroup {
            title: format!("{by:?}"),
            source: None,
            kind: None,
            stage: None,
            count: 1,
            first_at: DateTime::UNIX_EPOCH,
            last_at: DateTime::UNIX_EPOCH,
            runs: Vec::new(),
            example: failure(),
        }]))
    }

    async fn history(&self, _: ActivityQuery) -> Result<Page<ActivityEvent>> {
        Ok(Page::last(Vec::new()))
    }

    async fn datasets(&self, _: PageQuery) -> Result<Page<Dataset>> {
        Ok(Page::last(vec![dataset("entries")]))
    }

    async fn dataset(&self, name: &str) -> Result<DatasetSchema> {
        look(name).await?;
        let column = Column { name: "id".to_owned(), kind: "INTEGER".to_owned(), primary_key: true };
        Ok(DatasetSchema { dataset: dataset(name), columns: vec![column] })
    }

    async fn records(&self, name: &str, _: RecordQuery) -> Result<RowPage> {
        look(name).await?;
        let rows = Records::from_iter(["{\"big\": 12345678901234567890.10}", "{}"]);
        Ok(RowPage { rows, next: Some("\"more".to_owned()) })
    }

    async fn recent(&self, dataset: Option<&str>, query: RecentQuery) -> Result<RowPage> {
        look(dataset.unwrap_or("usual")).await?;
        let record =
            format!("{{\"of\":{:?},\"q\":{:?}}}", dataset.unwrap_or("usual"), query.q.unwrap_or_default());
        Ok(RowPage { rows: [record.as_str()].into_iter().collect(), next: None })
    }

    async fn sentiment(&self, dataset: Option<&str>, _: StatsQuery) -> Result<SentimentStats> {
        look(dataset.unwrap_or("usual")).await?;
        let mood = Mood { records: 2, positive: 1, neutral: 0, negative: 0, compound_mean: Some(0.25) };
        Ok(SentimentStats {
            dataset: dataset.unwrap_or("usual").to_owned(),
            from: DateTime::UNIX_EPOCH,
            to: DateTime::UNIX_EPOCH,
            bucket_s: 3600,
            total: mood.clone(),
            groups: vec![GroupMood { group: "a".to_owned(), mood: mood.clone() }],
            series: vec![BucketMood { at: DateTime::UNIX_EPOCH, mood }],
        })
    }

    async fn trending(&self, dataset: Option<&str>, query: TrendingQuery) -> Result<Trending> {
        look(dataset.unwrap_or("usual")).await?;
        let record = serde_json::value::RawValue::from_string("{\"big\": 1.10}".to_owned()).unwrap();
        let term =
            RisingTerm { term: "rust".to_owned(), count: query.limit.get() as u64, before: 0.5, growth: 2.5 };
        Ok(Trending {
            dataset: dataset.unwrap_or("usual").to_owned(),
            from: DateTime::UNIX_EPOCH,
            to: DateTime::UNIX_EPOCH,
            records: vec![RisingRecord { velocity: 12.5, record }],
            terms: vec![term],
        })
    }

    async fn export(&self, name: &str) -> Result<RecordScan> {
        look(name).await?;
        let batches = match name {
            "breaks" => 3,
            "endless" => u64::MAX,
            _ => 10,
        };
        let rows = Box::new(Rows { next: 0, batches, breaks: name == "breaks" });
        Ok(RecordScan { columns: vec!["id".to_owned(), "text".to_owned()], rows })
    }

    async fn episodes(&self, name: &str, _: PageQuery) -> Result<Page<Episode>> {
        look(name).await?;
        let edit = Episode {
            kind: EpisodeKind::Edit,
            change: 7,
            at: DateTime::UNIX_EPOCH,
            run: None,
            source: None,
            status: None,
            who: Some("ann".to_owned()),
            action: Some(EditAction::Remove),
            undoes: None,
            undone_by: None,
            keys: vec![object("{\"id\":1}")],
            inserted: 0,
            updated: 0,
            removed: 1,
            count: 2,
            seq: 12,
        };
        Ok(Page::last(vec![edit]))
    }

    async fn changes(&self, name: &str, query: ChangeQuery) -> Result<Page<Change>> {
        look(name).await?;
        let change = Change {
            seq: query.since_seq.unwrap_or(11) + 1,
            at: DateTime::UNIX_EPOCH,
            action: ChangeAction::Remove,
            change: 7,
            kind: EpisodeKind::Edit,
            run: None,
            source: "news".to_owned(),
            who: Some("ann".to_owned()),
            key: object("{\"id\":1}"),
            before: Some(object("{\"id\":1,\"big\":12345678901234567890.10}")),
            after: None,
            count: 2,
        };
        Ok(Page::last(vec![change]))
    }

    async fn snapshots(&self, name: &str, _: PageQuery) -> Result<Page<SnapshotMark>> {
        look(name).await?;
        let mark = SnapshotMark {
            run: "R1".to_owned(),
            source: "news".to_owned(),
            status: "partial".to_owned(),
            at: DateTime::UNIX_EPOCH,
            seq: 11,
            count: 3,
        };
        Ok(Page::last(vec![mark]))
    }

    async fn past_records(&self, name: &str, place: &str, _: PageQuery) -> Result<RowPage> {
        look(name).await?;
        let row = format!("{{\"place\":{}}}", serde_json::Value::from(place));
        Ok(RowPage { rows: Records::from_iter([row.as_str()]), next: None })
    }

    async fn difference(&self, name: &str, query: DifferenceQuery) -> Result<Difference> {
        look(name).await?;
        let mark = |seq| PlaceMark { seq, at: None, count: 3 };
        let added = vec![object(&format!("{{\"from\":{}}}", serde_json::Value::from(query.from)))];
        Ok(Difference {
            from: mark(1),
            to: mark(2),
            added,
            removed: Vec::new(),
            changed: Vec::new(),
            next: None,
        })
    }

    async fn edit(&self, request: EditRequest) -> Result<Edited> {
        look(&request.table).await?;
        let record = match &request.work {
            EditWork::Insert(records) => records[0].get().to_owned(),
            work => format!("{{\"work\":{}}}", serde_json::Value::from(format!("{work:?}"))),
        };
        let source = request.source.unwrap_or_default();
        let about = serde_json::json!({ "source": source, "token": request.by.is_some() }).to_string();
        Ok(Edited { change: Some(8), count: 3, records: vec![object(&record), object(&about)] })
    }

    fn resources(&self) -> Resources {
        Resources {
            processors: 2,
            memory_total_bytes: None,
            memory_peak_bytes: 1,
            file_descriptors_max: None,
            samples: Vec::new(),
            pools: Vec::new(),
            hosts: Vec::new(),
        }
    }

    fn metrics(&self) -> String {
        "# TYPE busta_runs_total counter\nbusta_runs_total 1\n".to_owned()
    }
}

fn object(text: &str) -> Box<serde_json::value::RawValue> {
    serde_json::value::RawValue::from_string(text.to_owned()).unwrap()
}

/// Batches of 250 rows.
struct Rows {
    next: u64,
    batches: u64,
    breaks: bool,
}

#[async_trait]
impl Scan for Rows {
    async fn next(&mut self) -> Result<Option<Records>> {
        if self.next == self.batches {
            return if self.breaks { Err(Error::corrupt("a page is torn")) } else { Ok(None) };
        }
        let first = self.next * 250;
        self.next += 1;
        let texts: Vec<String> = (first..first + 250)
            .map(|id| format!("{{\"id\": {id},\n \"text\": \"a, \\\"b\\\"\"}}"))
            .collect();
        Ok(Some(texts.iter().map(String::as_str).collect()))
    }
}
