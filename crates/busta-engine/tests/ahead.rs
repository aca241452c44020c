//! Pages that are asked for ahead, while the one before them is taken apart and handed on, under a paused clock.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod common;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use busta_core::destination::{Readable, SchemaChange};
use busta_core::meter::{Meter, RateHints, Request};
use busta_core::report::Status;
use busta_core::settings::{EngineSettings, HostSettings};
use busta_core::units::ByteSize;
use busta_core::{
    Batch, BudgetSettings, Checkpoint, Chunk, Committed, Cursor, Destination, Error, Finish, HostKey, Probe,
    Reader, Records, RecordsBuilder, Result, RunId, Source, SourceName, Split, Staged, StreamName,
    StreamSpec,
};
use busta_engine::{Hosts, RunOutcome, RunPlan, SharedDestination, SourceMeter, start};
use busta_testkit::memory::Memory;
use tokio::time::{Instant, sleep};

use common::{Bench, clock, ms};

const LATENCY: Duration = Duration::from_millis(50);
const HOST: &str = "one.example:80";

/// What is to happen to a request for a page.
type Fault = dyn Fn(&str, usize) -> Option<Error> + Send + Sync;

/// A request as its server saw it.
#[derive(Clone, Debug)]
struct Sent {
    page: String,
    at: Instant,
}

/// Chains of pages, each of which is asked for as soon as the one before it has come, if there is leave for that.
#[derive(Clone)]
struct Chains {
    chains: usize,
    pages: usize,
    /// How long it takes to take a page apart.
    work: Duration,
    /// Whom a page that is asked for ahead is asked of.
    next_host: &'static str,
    specs: Arc<[StreamSpec]>,
    fault: Arc<Fault>,
    meter: Arc<SourceMeter>,
    seen: Arc<Seen>,
}

/// What the server saw.
#[derive(Default)]
struct Seen {
    sent: Mutex<Vec<Sent>>,
    latencies: Mutex<Vec<Duration>>,
    in_flight: AtomicUsize,
    most: AtomicUsize,
    ahead: AtomicUsize,
}

impl Seen {
    fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// How often each page was asked for.
    fn pages(&self) -> BTreeMap<String, usize> {
        let mut pages = BTreeMap::new();
        for sent in self.sent() {
            *pages.entry(sent.page).or_default() += 1;
        }
        pages
    }

    fn ahead(&self) -> usize {
        self.ahead.load(Ordering::SeqCst)
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

/// A request in flight.
struct InFlight(Arc<Seen>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Chains {
    fn new(meter: Arc<SourceMeter>, chains: usize, pages: usize) -> Self {
        Self {
            chains,
            pages,
            work: ms(20),
            next_host: HOST,
            specs: [StreamSpec::new("pages", vec!["id".to_owned()])].into(),
            fault: Arc::new(|_, _| None),
            meter,
            seen: Arc::default(),
        }
    }

    async fn ask(self, split: String, page: usize) -> Result<()> {
        self.meter.permit().await?;
        let began = Instant::now();
        let seen = self.seen.clone();
        let in_flight = InFlight(seen.clone());
        seen.most.fetch_max(seen.in_flight.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        seen.sent.lock().unwrap().push(Sent { page: format!("{split}/{page}"), at: began });
        sleep(LATENCY).await;
        drop(in_flight);
        let latency = began.elapsed();
        seen.latencies.lock().unwrap().push(latency);
        let error = (self.fault)(&split, page);
        let status = error.as_ref().map_or(200, |error| error.http_status().unwrap_or(503));
        let limits = RateHints { retry_after: error.as_ref().and_then(Error::wait), ..RateHints::default() };
        self.meter.request(&Request { host: &HOST.into(), status: Some(status), latency, bytes: 10, limits });
        error.map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Source for Chains {
    fn streams(&self) -> &[StreamSpec] {
        &self.specs
    }

    async fn plan(&self, _from: &Checkpoint) -> Result<Vec<Split>> {
        (0..self.chains).map(|n| Split::new(format!("{n}"), "pages".into(), Some(HOST.into()), &())).collect()
    }

    async fn open(&self, split: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        let next = at.map_or(Ok(0), Cursor::decode)?;
        let split = split.id.as_str().to_owned();
        Ok(Box::new(Chain { source: self.clone(), split, next, under_way: None, come: None }))
    }

    async fn test(&self) -> Result<Probe> {
        Err(Error::bug("not asked"))
    }
}

struct Chain {
    source: Chains,
    split: String,
    next: usize,
    under_way: Option<Pin<Box<dyn Future<Output = Result<()>> + Send>>>,
    come: Option<Result<()>>,
}

#[async_trait]
impl Reader for Chain {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let page = self.next;
        match (self.come.take(), self.under_way.take()) {
            (Some(come), _) => come?,
            (None, Some(under_way)) => under_way.await?,
            (None, None) => self.source.clone().ask(self.split.clone(), page).await?,
        }
        let mut batch = Batch::new(Records::default(), Cursor::encode(&(page + 1))?);
        batch.done = page + 1 == self.source.pages;
        if !batch.done && self.source.meter.ahead(&HostKey::from(self.source.next_host), 1000) {
            self.source.seen.ahead.fetch_add(1, Ordering::SeqCst);
            let mut answer = Box::pin(self.source.clone().ask(self.split.clone(), page + 1));
            assert!(futures_poll(answer.as_mut()).await.is_none(), "it takes its time");
            self.under_way = Some(answer);
        }
        sleep(self.source.work).await;
        let mut records = RecordsBuilder::default();
        records.push(format!(r#"{{"id":"{}/{page}"}}"#, self.split).as_bytes());
        self.next = page + 1;
        Ok(Some(Batch { records: records.finish(), ..batch }))
    }

    fn asks(&self) -> bool {
        self.under_way.is_none() && self.come.is_none()
    }

    fn attend(&mut self, context: &mut Context<'_>) {
        if let Some(under_way) = &mut self.under_way
            && let Poll::Ready(come) = under_way.as_mut().poll(context)
        {
            (self.under_way, self.come) = (None, Some(come));
        }
    }
}

/// What a future comes to at once, if it does.
async fn futures_poll<T>(mut future: Pin<&mut (dyn Future<Output = T> + Send)>) -> Option<T> {
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// A run of one source, whose limits its meter knows.
struct World {
    bench: Bench,
    hosts: Arc<Hosts>,
    source: Chains,
}

impl World {
    fn new(concurrency: usize, settings: EngineSettings, chains: usize, pages: usize) -> Self {
        let hosts = Arc::new(Hosts::new(&settings));
        let source = Chains::new(SourceMeter::new(hosts.clone()), chains, pages);
        let mut bench = Bench::new(concurrency);
        bench.settings = EngineSettings { concurrency, ..settings };
        Self { bench, hosts, source }
    }

    fn plan(self) -> (RunPlan, Bench) {
        let meter = self.source.meter.clone();
        let bench = self.bench.source("a", self.source).metered(&meter);
        let mut plan = bench.plan();
        plan.hosts = self.hosts;
        (plan, bench)
    }

    async fn run(self) -> RunOutcome {
        let (plan, _bench) = self.plan();
        start(plan, clock()).join().await.unwrap()
    }
}

fn limits(host: HostSettings) -> EngineSettings {
    EngineSettings { hosts: [("one.example".to_owned(), host)].into(), ..EngineSettings::default() }
}

#[tokio::test(start_paused = true)]
async fn a_chain_takes_as_long_as_its_server() {
    let world = World::new(1, EngineSettings::default(), 1, 10);
    let (seen, began) = (world.source.seen.clone(), Instant::now());
    let report = world.run().await.report;
    assert_eq!((report.status, report.records), (Status::Completed, 10));
    // One after the other they take 700 ms.
    let took = began.elapsed();
    assert!(took >= 10 * LATENCY + ms(20) && took < 10 * LATENCY + ms(30), "{took:?}");
    assert_eq!((seen.ahead(), seen.most(), seen.sent().len()), (9, 1, 10));
    // What was under way while pages were taken apart has kept nobody waiting.
    let phases = &report.sources[0].phases;
    assert!((0.49..0.51).contains(&(phases.wait_s + phases.parse_s - 0.02)), "{phases:?}");
    assert!((0.19..0.21).contains(&phases.parse_s), "{phases:?}");
}

/// A destination that takes its time for each commit.
struct Slow(Memory);

#[async_trait]
impl Destination for Slow {
    async fn prepare(&self, run: &RunId, source: &SourceName, streams: &[StreamSpec]) -> Result<Checkpoint> {
        self.0.prepare(run, source, streams).await
    }

    fn stage(&self, run: &RunId, source: &SourceName, stream: &StreamName, records: &Records) -> Staged {
        self.0.stage(run, source, stream, records)
    }

    async fn commit(&self, chunks: &[Chunk]) -> Result<Vec<Result<Committed>>> {
        sleep(ms(500)).await;
        self.0.commit(chunks).await
    }

    async fn finish(&self, finish: &Finish) -> Result<()> {
        self.0.finish(finish).await
    }

    fn schema_changes(&self) -> Vec<SchemaChange> {
        self.0.schema_changes()
    }

    fn readable(&self) -> &dyn Readable {
        &self.0
    }
}

/// Else a host would be held back for a disk that is slow.
#[tokio::test(start_paused = true)]
async fn an_answer_is_taken_when_it_comes_however_slow_the_destination_is() {
    let world = World::new(1, EngineSettings::default(), 1, 6);
    let seen = world.source.seen.clone();
    let (mut plan, bench) = world.plan();
    plan.destinations = vec![SharedDestination::new(Arc::new(Slow(bench.memory.clone())))];
    assert_eq!(start(plan, clock()).join().await.unwrap().report.records, 6);
    let latencies = seen.latencies.lock().unwrap().clone();
    assert!(latencies.iter().all(|latency| *latency < LATENCY + ms(5)), "{latencies:?}");
    assert_eq!(latencies.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn places_of_a_host_are_kept() {
    for places in [1, 2] {
        let host = HostSettings { max_concurrency: Some(places), ..HostSettings::default() };
        let world = World::new(8, limits(host), 4, 5);
        let seen = world.source.seen.clone();
        assert_eq!(world.run().await.report.records, 20);
        assert_eq!((seen.most(), seen.sent().len(), seen.ahead()), (places, 20, 16));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept() {
    let host = HostSettings { rate_limit: Some("10/s".parse().unwrap()), ..HostSettings::default() };
    let world = World::new(8, limits(host), 3, 5);
    let seen = world.source.seen.clone();
    assert_eq!(world.run().await.report.records, 15);
    let sent = seen.sent();
    assert!(sent.windows(2).all(|pair| pair[1].at - pair[0].at >= ms(99)), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_for_that_nobody_may_read() {
    let child =
        StreamSpec { parent: Some("pages".into()), ..StreamSpec::new("items", vec!["id".to_owned()]) };
    type Change = Box<dyn FnOnce(World) -> World>;
    let cases: [(&str, Change); 5] = [
        (
            "a limit",
            Box::new(|mut world| {
                world.bench.limit = Some(100);
                world
            }),
        ),
        (
            "a page that leads to more",
            Box::new(|mut world| {
                world.source.specs = [world.source.specs[0].clone(), child].into();
                world
            }),
        ),
        (
            "another host",
            Box::new(|mut world| {
                world.source.next_host = "other.example:80";
                world
            }),
        ),
        (
            "no memory",
            Box::new(|mut world| {
                world.bench.settings.memory_budget = ByteSize(300 << 10);
                world
            }),
        ),
        (
            "a first page",
            Box::new(|mut world| {
                (world.source.chains, world.source.pages) = (5, 1);
                world
            }),
        ),
    ];
    for (what, change) in cases {
        let world = change(World::new(2, EngineSettings::default(), 1, 5));
        let seen = world.source.seen.clone();
        let report = world.run().await.report;
        assert_eq!((report.status, report.records), (Status::Completed, 5), "{what}");
        assert_eq!((seen.ahead(), seen.sent().len()), (0, 5), "{what}");
    }
}

/// A request that is paid for is sent when its page is wanted, and a cap is used to the last of them.
#[tokio::test(start_paused = true)]
async fn nothing_is_asked_for_ahead_where_requests_are_paid_for() {
    let mut world = World::new(1, EngineSettings::default(), 1, 5);
    let seen = world.source.seen.clone();
    let meter = world.source.meter.clone();
    let budget = BudgetSettings { requests_per_run: Some(3), ..BudgetSettings::default() };
    world.bench = world.bench.source("a", world.source.clone()).metered(&meter).with(|settings| {
        settings.budget = Some(budget);
    });
    let mut plan = world.bench.plan();
    plan.hosts = world.hosts;
    let report = start(plan, clock()).join().await.unwrap().report;
    assert_eq!((report.records, seen.sent().len(), seen.ahead()), (3, 3, 0));
}

/// The page that fails, once, and how often it was asked for.
async fn with_trouble(error: fn() -> Error) -> (RunOutcome, Arc<Seen>) {
    let mut world = World::new(4, EngineSettings::default(), 2, 6);
    let failed = AtomicUsize::new(0);
    world.source.fault = Arc::new(move |split, page| {
        let is_it = split == "0" && page == 3 && failed.fetch_add(1, Ordering::SeqCst) == 0;
        is_it.then(error)
    });
    let seen = world.source.seen.clone();
    (world.run().await, seen)
}

#[tokio::test(start_paused = true)]
async fn an_error_is_told_in_its_place_and_the_page_is_read_again() {
    let (outcome, seen) = with_trouble(|| Error::unavailable("503")).await;
    let report = outcome.report;
    assert_eq!((report.status, report.records, report.sources[0].retries), (Status::Completed, 12, 1));
    let pages = seen.pages();
    assert_eq!((pages["0/3"], pages.len(), seen.sent().len()), (2, 12, 13));
}

#[tokio::test(start_paused = true)]
async fn nobody_asks_ahead_while_the_host_wants_quiet() {
    let (outcome, seen) =
        with_trouble(|| Error::new(busta_core::ErrorKind::RateLimited, "429").retry_after(Some(ms(2000))))
            .await;
    assert_eq!((outcome.report.status, outcome.report.records), (Status::Completed, 12));
    let sent = seen.sent();
    let refused = sent.iter().find(|sent| sent.page == "0/3").unwrap().at + LATENCY;
    let is_quiet = |sent: &&Sent| sent.at > refused && sent.at < refused + ms(2000);
    assert_eq!(sent.iter().filter(is_quiet).count(), 0, "{sent:?}");
    assert_eq!((seen.pages()["0/3"], sent.len()), (2, 13));
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_the_end_of_asking_and_what_is_under_way_lands() {
    let world = World::new(2, EngineSettings::default(), 2, 8);
    let seen = world.source.seen.clone();
    let (source, hosts) = (world.source.clone(), world.hosts.clone());
    let (plan, mut bench) = world.plan();
    let handle = start(plan, clock());
    let stop = handle.stopper();
    sleep(ms(60 + 50)).await;
    stop();
    let stopped = Instant::now();
    let outcome = handle.join().await.unwrap();
    assert_eq!(outcome.report.status, Status::Cancelled);
    assert!(seen.sent().iter().all(|sent| sent.at <= stopped), "{:?}", seen.sent());

    bench.resumed = true;
    let mut plan = bench.plan();
    plan.hosts = hosts;
    let report = start(plan, clock()).join().await.unwrap().report;
    assert_eq!((report.status, bench.memory.rows("a").len()), (Status::Completed, 16));
    // What was under way has landed before.
    assert!(source.seen.pages().values().all(|count| *count == 1), "{:?}", source.seen.pages());
}
