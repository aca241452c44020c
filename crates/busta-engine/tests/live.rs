//! What a run shows of itself while it is under way, and how soon it stops.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use busta_core::event::{Action, Event};
use busta_core::meter::{Meter, RateHints, Request};
use busta_core::report::Status;
use busta_core::{
    Batch, Checkpoint, Cursor, Error, ErrorKind, HostKey, Probe, Reader, Result, Source, Split, Stage,
    StreamSpec,
};
use busta_engine::{RunHandle, Snapshot, SourceMeter, WorkerAction, start};
use busta_testkit::scripted::Scripted;
use tokio::time::Instant;

use common::{Bench, clock, ms};

async fn shown(handle: &RunHandle, after: Duration) -> Arc<Snapshot> {
    tokio::time::sleep(after).await;
    handle.snapshot().borrow().clone()
}

fn drain(events: &mut tokio::sync::broadcast::Receiver<Event>) -> Vec<Event> {
    std::iter::from_fn(|| events.try_recv().ok()).collect()
}

#[tokio::test(start_paused = true)]
async fn workers_pools_and_speed_are_shown() {
    let source = Scripted::new("a").split("x", 30, ms(100)).split("y", 1, ms(50)).split("z", 1, ms(5000));
    let bench = Bench::new(2).source("a", source);
    let handle = start(bench.plan(), clock());

    let first = shown(&handle, ms(130)).await;
    assert_eq!(first.workers.len(), 2);
    assert!(first.workers.iter().all(|worker| worker.action == WorkerAction::Fetching), "{first:?}");
    assert_eq!((first.pools[0].taken, first.pools[0].waiting), (2, 0), "y is done, so z has begun");
    let worker = first.workers.iter().find(|worker| worker.split.as_ref().unwrap().as_str() == "x").unwrap();
    assert_eq!((worker.batches, worker.records, worker.attempt), (1, 10, 1));
    assert_eq!(worker.source.as_ref().unwrap().as_str(), "a");
    let since = worker.since.unwrap();

    let later = shown(&handle, ms(1900)).await;
    let worker = &later.workers[worker.worker as usize - 1];
    assert!(worker.batches >= 19 && worker.since == Some(since), "{worker:?}");
    assert_eq!(later.workers.iter().map(|worker| worker.splits_done).sum::<u64>(), 1);
    assert!((80.0..120.0).contains(&later.records_per_s), "{}", later.records_per_s);
    assert!(later.sources[0].phases.parse_s > 1.0, "{:?}", later.sources[0].phases);

    let last = shown(&handle, ms(2000)).await;
    let idle: Vec<_> = last.workers.iter().filter(|worker| worker.action == WorkerAction::Idle).collect();
    assert_eq!((idle.len(), idle[0].split.is_none(), idle[0].splits_done), (1, true, 1), "x is done");
    let snapshots = handle.snapshot();
    assert!(last.elapsed > later.elapsed, "it is renewed while nothing ends");
    handle.join().await.unwrap();
    let end = snapshots.borrow().clone();
    assert!(end.workers.iter().all(|worker| worker.action == WorkerAction::Idle));
    assert_eq!(end.workers.iter().map(|worker| worker.records_done).sum::<u64>(), 320);
}

#[tokio::test(start_paused = true)]
async fn waiting_splits_are_counted_by_pool() {
    let many = |name: &str| {
        (0..5).fold(Scripted::new(name), |source, n| source.split(&format!("{name}{n}"), 1, ms(1000)))
    };
    let mut bench = Bench::new(8).source("a", many("a")).pool("narrow").source("b", many("b")).pool("wide");
    bench.settings.pools.insert("narrow".to_owned(), 2);
    let handle = start(bench.plan(), clock());
    let shown = shown(&handle, ms(500)).await;
    let pools: Vec<_> =
        shown.pools.iter().map(|p| (p.name.to_string(), p.places, p.taken, p.waiting)).collect();
    assert_eq!(pools, [("narrow".to_owned(), Some(2), 2, 3), ("wide".to_owned(), None, 5, 0)]);
    handle.join().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_reaches_a_hanging_split_within_a_second_and_loses_nothing() {
    // The first batch comes at once, the second never.
    let source = Scripted::new("a").split("quick", 1, ms(1)).split("hangs", 1, ms(3_600_000));
    let mut bench = Bench::new(2).source("a", source);
    bench.settings.deadlines.request = common::span(7_200_000);
    let handle = start(bench.plan(), clock());
    let stop = handle.stopper();
    tokio::time::sleep(ms(300)).await;
    let asked = Instant::now();
    stop();
    let outcome = handle.join().await.unwrap();
    assert!(asked.elapsed() < ms(1000), "{:?}", asked.elapsed());
    assert_eq!(outcome.report.status, Status::Cancelled);
    assert_eq!(bench.memory.rows("a").len(), 10, "what was read is kept");

    let outcome = bench.run().await;
    assert_eq!(outcome.report.status, Status::Completed);
    assert_eq!(bench.memory.rows("a").len(), 20);
}

/// A source that asks a server for its pages, and is answered as the test says.
struct Asking {
    meter: Arc<SourceMeter>,
    spec: [StreamSpec; 1],
    host: HostKey,
}

struct Pages {
    meter: Arc<SourceMeter>,
    host: HostKey,
    page: u32,
}

#[async_trait]
impl Source for Asking {
    fn streams(&self) -> &[StreamSpec] {
        &self.spec
    }

    async fn plan(&self, _from: &Checkpoint) -> Result<Vec<Split>> {
        // Belongs to no split.
        self.meter.asking("http://x.example/plan");
        Ok(vec![Split::new("all", self.spec[0].name.clone(), None, &0)?])
    }

    async fn open(&self, _split: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        let page = at.map_or(Ok(0), Cursor::decode)?;
        Ok(Box::new(Pages { meter: self.meter.clone(), host: self.host.clone(), page }))
    }

    async fn test(&self) -> Result<Probe> {
        Err(Error::bug("not asked"))
    }
}

#[async_trait]
impl Reader for Pages {
    async fn next(&mut self) -> Result<Option<Batch>> {
        self.page += 1;
        self.meter.asking(&format!("http://me:pw@x.example/items?page={}&token=hush", self.page));
        let refused = self.page == 2 && self.meter.requests() == 1;
        let status = if refused { 503 } else { 200 };
        self.meter.request(&Request {
            host: &self.host,
            status: Some(status),
            latency: ms(40),
            bytes: 100,
            limits: RateHints::default(),
        });
        if refused {
            return Err(Error::unavailable("answered 503"));
        }
        self.meter.fresh_for(Duration::from_secs(3600 / u64::from(self.page)));
        let record = format!(r#"{{"id":{}}}"#, self.page);
        let records = [record.as_str()].into_iter().collect();
        Ok(Some(if self.page == 3 {
            Batch::last(records)
        } else {
            Batch::new(records, Cursor::encode(&self.page)?)
        }))
    }
}

#[tokio::test(start_paused = true)]
async fn events_say_who_did_what_where() {
    let mut bench = Bench::new(1);
    let meter = bench.meter();
    let spec = [StreamSpec::new("a", vec!["id".into()])];
    bench = bench.source("a", Asking { meter: meter.clone(), spec, host: "x.example:80".into() });
    let handle = start(bench.plan(), clock());
    let mut events = handle.events();
    let report = handle.join().await.unwrap().report;
    let fresh = report.sources[0].fresh_s.unwrap();
    assert!((1190.0..=1200.0).contains(&fresh), "the last page holds for a third of an hour: {fresh}");
    let events = drain(&mut events);

    let of = |action| events.iter().filter(move |event| event.action == action);
    let urls = |action| of(action).map(|event| event.url.clone().unwrap_or_default()).collect::<Vec<_>>();
    let page = |page| format!("http://***@x.example/items?page={page}&token=***");
    assert_eq!(urls(Action::Fetching), [page(1), page(2)], "once for each time that a split is taken up");
    assert_eq!(urls(Action::Found), [page(1), page(2), page(3)]);
    let retry = of(Action::Retrying).next().unwrap();
    assert_eq!(
        (retry.error, retry.stage, retry.attempt),
        (Some(ErrorKind::Unavailable), Some(Stage::Read), Some(2))
    );
    assert_eq!((retry.url.clone(), retry.worker_id), (Some(page(2)), 1));
    assert_eq!(of(Action::Fetching).nth(1).unwrap().attempt, Some(2));
    assert!(of(Action::Inserted).all(|event| event.worker_id == 1));

    let figures = meter.figures();
    assert_eq!(figures.statuses, [(Some(200), 3), (Some(503), 1)].into());
    assert_eq!((figures.requests, figures.retries, figures.splits, figures.bytes), (4, 1, 1, 400));
    assert_eq!(figures.streams["a"].inserted, 3);
    assert!((ms(25)..=ms(50)).contains(&figures.latency.quantile(0.5).unwrap()));
}

#[tokio::test(start_paused = true)]
async fn what_is_counted_of_a_source_goes_on_and_what_a_run_reports_begins_anew() {
    let mut bench = Bench::new(1);
    let meter = bench.meter();
    let spec = [StreamSpec::new("a", vec!["id".into()])];
    bench = bench.source("a", Asking { meter: meter.clone(), spec, host: "x.example:80".into() });
    let first = bench.run().await.report;
    bench.run = "run-2".into();
    let second = bench.run().await.report;
    assert_eq!((first.requests, second.requests, meter.requests()), (4, 3, 7));
    assert_eq!((first.bytes, second.bytes), (400, 300));
}
